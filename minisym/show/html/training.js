// A training: position n is the n-th step that was kept, 0 the time before the first one.

function trainingPlayer({ steps, numbers, arrays }) {
  const end = steps.length - 1;
  const ofNode = new Map(arrays.map((one) => [one.node, one]));

  /** Mark what has changed since the position before, and who wrote it. */
  function mark(position) {
    const moving = arrays.filter((one) => one.frames[position].changed);
    const targets = new Set(moving.map((one) => one.node));
    const writers = new Set(moving.map((one) => one.by));
    for (const box of drawn.boxes) {
      const ids = idsIn(box);
      box.element.classList.toggle("written", ids.some((id) => targets.has(id)));
      box.element.classList.toggle("now", ids.some((id) => writers.has(id)));
      gauge(box, ids, position);
    }
    for (const link of drawn.links) {
      link.element.classList.toggle("landing", link.kind === "write" && idsIn(link.to).some((id) => targets.has(id)));
    }
  }

  /** Show at the foot of a box which share of its gradients' signs has flipped. */
  function gauge(box, ids, position) {
    const shares = ids.map((id) => ofNode.get(id)?.frames[position].flipped).filter((share) => share !== undefined);
    box.element.querySelector(".gauge")?.remove();
    if (!shares.length) return;
    const share = shares.reduce((sum, one) => sum + one, 0) / shares.length;
    box.element.append(element("rect", { class: "gauge", x: 0, y: box.h + 3, width: share * box.w, height: 4, rx: 2 }));
  }

  function words(position) {
    const where = position ? `step ${steps[position]} of ${steps[end]}` : `before the first of ${steps[end]} steps`;
    return [where, ...valuesAt(numbers, steps[position]).map(([name, value]) => `${name} ${value.toPrecision(4)}`)].join("  ");
  }

  /** Return what was kept of a node: of an array, or of all that an update or a frame writes. */
  function values(ids, position, go) {
    if (ids.length === 1 && ofNode.has(ids[0])) return details(ofNode.get(ids[0]), position, go);
    const own = arrays.filter((one) => ids.includes(one.node) || ids.includes(one.by));
    return own.length ? section("What it trains", shares(own, position, go)) : [];
  }

  function details(array, position, go) {
    const now = array.frames[position];
    const since = position ? `since step ${steps[position - 1]}` : "";
    const parts = section(position ? `Value after step ${steps[position]}` : "Value before the training", picture(now.value));
    if (now.change) {
      parts.push(...section(`Change ${since}: ${percent(now.changed)} of the elements`, picture(now.change)));
      const writer = array.by === undefined || array.by === null ? "outside of the graph" : nodeButton(array.by, go);
      parts.push(html("p", { class: "write" }, now.changed ? "Written by " : "Not written; its writer is ", writer));
    }
    if (now.gradient) {
      const flips = now.flipped === undefined ? "" : `: ${percent(now.flipped)} of its signs flipped ${since}`;
      parts.push(...section(`Gradient of step ${steps[position]}${flips}`, picture(now.gradient, signColour)));
      parts.push(html("ul", { class: "signs" }, ...["positive", "negative", "flipped to +", "flipped to −"].map(
        (name, i) => html("li", {}, html("span", { class: "swatch", style: `background: ${signColour(i + 1)}` }), name),
      )));
    }
    return [...parts, ...along(array, position)];
  }

  /** Draw along all steps how many signs have flipped. */
  function along(array, position) {
    if (!array.frames.some((frame) => frame.flipped !== undefined)) return [];
    const columns = array.frames.map((frame, i) => html("i", {
      class: i === position ? "here" : "",
      style: `height: ${(100 * (frame.flipped ?? 0)).toFixed(1)}%`,
    }));
    const axis = html("div", { class: "axis" }, html("span", {}, `step ${steps[0]}`), html("span", {}, String(steps[end])));
    const chart = html("div", { class: "histogram", role: "img", "aria-label": "Signs that flip, along the steps" }, html("div", { class: "bars" }, ...columns), axis);
    return section("Signs that flip, along the steps", chart);
  }

  function shares(some, position, go) {
    const head = html("tr", {}, html("th", {}, ""), html("th", {}, "changed"), html("th", {}, "signs flipped"));
    const rows = some.map(({ node, frames: kept }) => {
      const { changed, flipped } = kept[position];
      return html("tr", {}, html("td", {}, nodeButton(node, go)), html("td", {}, percent(changed)), html("td", {}, percent(flipped)));
    });
    return html("table", { class: "shares" }, head, ...rows);
  }

  const percent = (share) => (share === undefined ? "–" : share > 0 && share < 0.001 ? "< 0.1 %" : `${+(100 * share).toFixed(1)} %`);
  const overview = (position, go) => section(position ? `Since step ${steps[position - 1]}` : "What is trained", shares(arrays, position, go));
  const hint = "Move the slider through the training; click a weight to see it change. The bar below a box is the share of its gradient's signs that flipped.";
  return { places: steps, end, pace: 250, hint, follow() {}, mark, words, fill() {}, values, overview };
}

/** The colour of a sign: 0 none, 1 plus, 2 minus, two more where it has flipped. */
function signColour(mark) {
  return ["#cbd5e1", "#fdba74", "#93c5fd", "#c2410c", "#1d4ed8"][mark] ?? "#e11d48";
}
