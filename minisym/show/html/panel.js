// The panel: all that is known of one node, and the values of the recorded run.

function html(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "on") made.addEventListener("click", value);
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== ""));
  return made;
}

/** Fill the panel for a node, a frame, or nothing. `go` selects another node. */
function fillPanel(panel, box, step, go) {
  if (!box) panel.replaceChildren(...overview());
  else if (box.scope) panel.replaceChildren(...frameDetails(box, go));
  else panel.replaceChildren(...nodeDetails(box, step, go));
}

/** Fill it for a node that has run and is not part of the graph that is drawn. */
function fillPanelWithStep(panel, { name, op, outputs, us }) {
  panel.replaceChildren(
    html("h2", {}, swatch("backward"), name),
    html("p", { class: "hint" }, `${op}: a node of the backward run, which this graph does not show.`),
    ...outputs.flatMap((output) => section(outputs.length > 1 ? output.name : "Value", picture(output))),
    html("p", { class: "hint" }, `Took ${duration(us)}.`),
  );
}

function overview() {
  const present = new Set(graph.nodes.map((node) => node.kind));
  const legend = Object.entries(kindNames)
    .filter(([kind]) => present.has(kind))
    .map(([kind, name]) => html("li", {}, swatch(kind), name));
  if (graph.nodes.some((node) => node.writes)) {
    legend.push(html("li", {}, html("span", { class: "dash" }), "writes in place"));
  }
  const hint = graph.run
    ? "Click a node, or step through the recorded run below."
    : "Click a node to see what it is.";
  const frameHint = frames.length ? " Frames open and close by a click on their title." : "";
  const keys = " / searches, ? lists all keys.";
  return [html("p", { class: "hint" }, hint + frameHint + keys), html("h2", {}, "Legend"), html("ul", { class: "legend" }, ...legend)];
}

function swatch(kind) {
  return html("span", { class: "swatch", style: `background: var(--${kind}-fill); border-color: var(--${kind}-line)` });
}

function frameDetails(box, go) {
  const members = box.members.map((member) => html("li", {}, nodeButton(member.id, go)));
  return [
    html("h2", {}, box.scope.name),
    html("p", { class: "hint" }, `${members.length} nodes`),
    html("ul", { class: "nodes" }, ...members.slice(0, 200)),
  ];
}

function nodeButton(id, go) {
  const node = graph.nodes[id];
  return html("button", { class: "go", on: () => go(nodeBoxes[id]) }, swatch(node.kind), node.name);
}

function nodeDetails(box, step, go) {
  const { node } = box;
  const parts = [html("h2", {}, swatch(node.kind), node.name)];
  parts.push(html("p", { class: "hint" }, [node.op, node.about].filter(Boolean).join(": ") || kindNames[node.kind]));
  parts.push(...values(box.id, step, go));
  const rows = node.outputs.map((output) => [output.name, [output.shape, output.dtype].filter(Boolean).join("  ")]);
  if (rows.some(([, shape]) => shape)) parts.push(...section("Shapes", table(rows)));
  const params = Object.entries(node.params ?? {});
  if (params.length) parts.push(...section("Parameters", table(params)));
  const attrs = Object.entries(node.attrs ?? {});
  if (attrs.length) parts.push(...section("Attributes", table(attrs)));
  if (node.flops && node.flops !== "0") parts.push(...section("Work", table([["FLOPs", node.flops]])));
  if (node.source) parts.push(...section("Source", html("pre", {}, node.source)));
  const inputs = (node.inputs ?? []).map(([source, , slot]) => html("li", {}, html("span", { class: "slot" }, slot), nodeButton(source, go)));
  if (inputs.length) parts.push(...section("Reads", html("ul", { class: "nodes" }, ...inputs)));
  const uses = [...new Set(readers[box.id])].map((id) => html("li", {}, nodeButton(id, go)));
  if (uses.length) parts.push(...section("Is read by", html("ul", { class: "nodes" }, ...uses.slice(0, 60))));
  const reached = [["up", "computed from", ancestors(box).size - 1], ["down", "flows into", descendants(box).size - 1]];
  const lines = reached.map(([side, what, count]) => row([html("span", { class: `outline ${side}` }), what], count === 1 ? "1 node" : `${count} nodes`));
  parts.push(...section("Highlighted", html("table", {}, ...lines)));
  const writes = (node.writes ?? []).map((id) => html("li", {}, nodeButton(id, go)));
  if (writes.length) parts.push(...section("Writes, when the run ends", html("ul", { class: "nodes" }, ...writes)));
  return parts;
}

function section(title, ...content) {
  return [html("h3", {}, title), ...content];
}

function table(rows) {
  return html("table", {}, ...rows.map(([key, value]) => row([key], value)));
}

function row(heading, value) {
  return html("tr", {}, html("th", { scope: "row" }, ...heading), html("td", {}, String(value)));
}

// ------------------------------------------------------------------------------------------ values

/** Return what the recorded run knows of a node at this position of the run. */
function values(id, step, go) {
  if (!graph.run) return [];
  const { steps, writes, bound } = graph.run;
  const written = writes.find((write) => write.node === id);
  if (written) {
    const landed = step > steps.length;
    const by = steps[written.by];
    const link = by.node === undefined ? by.name : nodeButton(by.node, go);
    return [
      ...section(landed ? "Value: just written" : "Value before the run", picture(landed ? written.after : written.before)),
      html("p", { class: "write" }, landed ? "New since the writes landed; computed by " : "Will be written, when the run ends, by ", link),
      ...(landed ? section("Change", picture(written.change)) : []),
      ...(landed ? section("Before", picture(written.before)) : []),
    ];
  }
  if (bound[id]) return section("Value", picture(bound[id]));
  const at = steps.findIndex((one) => one.node === id);
  if (at < 0) return [];
  if (at >= step) return [html("p", { class: "hint" }, `Has not run yet: it is node ${at + 1} of ${steps.length}.`)];
  const { outputs, us } = steps[at];
  return [
    ...outputs.flatMap((output) => section(outputs.length > 1 ? output.name : "Value", picture(output))),
    html("p", { class: "hint" }, `Node ${at + 1} of ${steps.length}, took ${duration(us)} in this run.`),
  ];
}

function duration(us) {
  return us < 1000 ? `${us} µs` : `${(us / 1000).toFixed(2)} ms`;
}

/** Draw a value: a heat map and a histogram over its statistics. */
function picture(value) {
  const made = html("figure", { class: value.bad ? "value bad" : "value" });
  if (value.rows) made.append(heatMap(value));
  if (value.bars.length > 1) made.append(bars(value));
  made.append(html("figcaption", {}, `${value.shape} ${value.dtype}`, html("br"), value.text));
  return made;
}

function heatMap({ rows, columns, cells, low, high }) {
  const canvas = html("canvas", { width: columns, height: rows, class: "heat", role: "img", "aria-label": `Heat map from ${low} to ${high}` });
  const scale = Math.max(4, Math.min(16, Math.floor(240 / Math.max(rows, columns))));
  canvas.style.width = `${columns * scale}px`;
  canvas.style.height = `${rows * scale}px`;
  const context = canvas.getContext("2d");
  const bytes = Uint8Array.from(atob(cells), (letter) => letter.charCodeAt(0));
  const zero = Number(low) < 0 && Number(high) > 0;
  const [least, greatest] = [Number(low), Number(high)];
  const limit = Math.max(-least, greatest);
  bytes.forEach((byte, i) => {
    const number = least + (byte / 254) * (greatest - least);
    context.fillStyle = byte === 255 ? "#e11d48" : zero ? diverging(number / limit) : sequential(byte / 254);
    context.fillRect(i % columns, Math.floor(i / columns), 1, 1);
  });
  return canvas;
}

const mix = (a, b, t) => `rgb(${a.map((value, i) => Math.round(value + (b[i] - value) * t)).join(" ")})`;
const diverging = (t) => mix([241, 245, 249], t < 0 ? [37, 99, 235] : [194, 65, 12], Math.min(1, Math.abs(t)));
const sequential = (t) => mix([239, 246, 255], [30, 58, 138], t);

function bars({ bars: counts, low, high }) {
  const most = Math.max(...counts);
  const columns = counts.map((count) => html("i", { style: `height: ${((100 * count) / most).toFixed(1)}%` }));
  const axis = html("div", { class: "axis" }, html("span", {}, low), html("span", {}, high));
  return html("div", { class: "histogram", role: "img", "aria-label": `Histogram from ${low} to ${high}` }, html("div", { class: "bars" }, ...columns), axis);
}
