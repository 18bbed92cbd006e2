// A recorded run: position n is behind its n-th node, and the last one is where the writes land.

function runPlayer({ steps, writes, bound }) {
  const end = steps.length + (writes.length ? 1 : 0);
  const landed = (position) => position > steps.length;
  const targets = new Set(writes.map((write) => write.node));
  const ranAt = new Map();
  steps.forEach((one, i) => one.node !== undefined && ranAt.set(one.node, i));
  graph.nodes.forEach((node, id) => {
    const source = node.kind === "output" ? node.inputs[0][0] : undefined;
    if (ranAt.has(source)) ranAt.set(id, ranAt.get(source));
  });

  /** Select what has just run. */
  function follow(position) {
    state.isFollowing = position > 0;
    const now = steps[position - 1];
    const box = now && nodeBoxes[now.node];
    if (box) {
      state.selected = box; // its frame may stay closed: nothing moves while one steps
      const shown = shownFor(box, state.open);
      if (!isOnScreen(shown)) centerOn(shown);
    } else {
      // the writes, a node of the gradient that is not drawn, or the beginning
      state.selected = landed(position) ? nodeBoxes[writes[0].node] : null;
    }
  }

  /** Mark what has run, what runs, and what is written. */
  function mark(position) {
    const now = steps[position - 1];
    canvas.classList.toggle("running", position > 0);
    for (const box of drawn.boxes) {
      const ids = idsIn(box);
      const places = ids.filter((id) => ranAt.has(id)).map((id) => ranAt.get(id));
      const classes = box.element.classList;
      classes.toggle("done", !places.length || places.some((place) => place < position));
      classes.toggle("now", !landed(position) && now?.node !== undefined && ids.includes(now.node));
      classes.toggle("written", landed(position) && ids.some((id) => targets.has(id)));
    }
    for (const link of drawn.links) {
      const isWrite = link.kind === "write";
      const reached = isWrite ? landed(position) : link.to.element.classList.contains("done");
      link.element.classList.toggle("landing", isWrite && landed(position));
      link.element.classList.toggle("done", reached);
    }
  }

  function words(position) {
    if (landed(position)) {
      return `The writes land: ${writes.length === 1 ? "1 array changes" : `${writes.length} arrays change`} at once`;
    }
    const now = steps[position - 1];
    if (!now) return `0/${steps.length}  before the run`;
    const shape = now.outputs[0]?.shape ?? "";
    return `${position}/${steps.length}  ${now.name}  ${shape}  ${duration(now.us)}${now.backward ? "  backward" : ""}`;
  }

  /** Fill the panel for a node that has run and is not part of the graph that is drawn. */
  function fill(panel, position) {
    const now = steps[position - 1];
    if (!now || now.node !== undefined) return;
    panel.replaceChildren(
      html("h2", {}, swatch("backward"), now.name),
      html("p", { class: "hint" }, `${now.op}: a node of the backward run, which this graph does not show.`),
      ...pictures(now.outputs),
      html("p", { class: "hint" }, `Took ${duration(now.us)}.`),
    );
  }

  /** Return what is known of a node's value at a position. */
  function values(ids, position, go) {
    if (ids.length > 1) return [];
    const [id] = ids;
    const written = writes.find((write) => write.node === id);
    if (written) return writtenValue(written, landed(position), go);
    if (bound[id]) return section("Value", picture(bound[id]));
    const at = steps.findIndex((one) => one.node === id);
    if (at < 0) return [];
    if (at >= position) return [html("p", { class: "hint" }, `Has not run yet: it is node ${at + 1} of ${steps.length}.`)];
    return [
      ...pictures(steps[at].outputs),
      html("p", { class: "hint" }, `Node ${at + 1} of ${steps.length}, took ${duration(steps[at].us)} in this run.`),
    ];
  }

  function writtenValue(written, isNew, go) {
    const by = steps[written.by];
    const link = by.node === undefined ? by.name : nodeButton(by.node, go);
    return [
      ...section(isNew ? "Value: just written" : "Value before the run", picture(isNew ? written.after : written.before)),
      html("p", { class: "write" }, isNew ? "New since the writes landed; computed by " : "Will be written, when the run ends, by ", link),
      ...(isNew ? section("Change", picture(written.change)) : []),
      ...(isNew ? section("Before", picture(written.before)) : []),
    ];
  }

  const pictures = (outputs) => outputs.flatMap((one) => section(outputs.length > 1 ? one.name : "Value", picture(one)));
  const places = Array.from({ length: end + 1 }, (_, i) => i);
  const hint = "Click a node, or step through the recorded run below.";
  return { places, end, pace: 600, hint, follow, mark, words, fill, values, overview: () => [] };
}

function duration(us) {
  return us < 1000 ? `${us} µs` : `${(us / 1000).toFixed(2)} ms`;
}
