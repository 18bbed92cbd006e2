// The panel: all that is known of one node.

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
  if (!box) panel.replaceChildren(...overview(step, go));
  else if (box.scope) panel.replaceChildren(...frameDetails(box, step, go));
  else panel.replaceChildren(...nodeDetails(box, step, go));
}

function overview(step, go) {
  const present = new Set(graph.nodes.map((node) => node.kind));
  const legend = Object.entries(kindNames)
    .filter(([kind]) => present.has(kind))
    .map(([kind, name]) => html("li", {}, swatch(kind), name));
  if (isComparison) {
    const lines = Object.entries(MARKS).map(([status, sign]) => html("li", {}, swatch(status), sign + status));
    legend.splice(0, legend.length, ...lines);
  }
  if (graph.nodes.some((node) => node.writes)) {
    legend.push(html("li", {}, html("span", { class: "dash" }), "writes in place"));
  }
  const hint = player ? player.hint : "Click a node to see what it is.";
  const frameHint = frames.length ? " Frames open and close by a click on their title." : "";
  const keys = " / searches, ? lists all keys.";
  return [
    html("p", { class: "hint" }, hint + frameHint + keys),
    ...differenceList(go),
    ...(player?.overview(step, go) ?? []),
    html("details", { class: "legend", ...(isNarrow() ? {} : { open: "" }) }, html("summary", {}, "Legend"), html("ul", {}, ...legend)),
  ];
}

/** Whether this is the screen of a telephone, where the legend is folded at first. */
const isNarrow = () => window.matchMedia("(max-width: 720px)").matches;

function swatch(kind) {
  return html("span", { class: "swatch", style: `background: var(--${kind}-fill); border-color: var(--${kind}-line)` });
}

function frameDetails(box, step, go) {
  const members = box.members.map((member) => html("li", {}, nodeButton(member.id, go)));
  return [
    html("h2", {}, box.scope.name),
    html("p", { class: "hint" }, `${members.length} nodes`),
    ...(player?.values(box.members.map((member) => member.id), step, go) ?? []),
    html("ul", { class: "nodes" }, ...members.slice(0, 200)),
  ];
}

function nodeButton(id, go) {
  const node = graph.nodes[id];
  return html("button", { class: "go", on: () => go(nodeBoxes[id]) }, swatch(paintOf(nodeBoxes[id])), node.name);
}

function nodeDetails(box, step, go) {
  const { node } = box;
  const parts = [html("h2", {}, swatch(paintOf(box)), node.name)];
  parts.push(html("p", { class: "hint" }, [node.op, node.about].filter(Boolean).join(": ") || kindNames[node.kind]));
  parts.push(...differenceOf(node));
  parts.push(...(player?.values([box.id], step, go) ?? []));
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
