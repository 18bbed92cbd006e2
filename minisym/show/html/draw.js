// Drawing: from the graph and the set of open frames to boxes, links and an SVG.

const graph = JSON.parse(document.getElementById("graph").textContent);
const kindNames = JSON.parse(document.getElementById("kinds").textContent);
const SVG = "http://www.w3.org/2000/svg";
const FRAME = { side: 16, top: 30, bottom: 24 };
const MANY_LABELS = 300;
const MANY_READERS = 3;

/** One box for each node and each frame; `parent` is the frame around it. */
const nodeBoxes = graph.nodes.map((node, id) => ({ id, node, number: id, kind: node.kind }));
const frames = graph.scopes.map((scope, id) => ({
  id,
  scope,
  number: graph.nodes.length + id,
  kind: scope.backward ? "backward" : scope.op === undefined ? "scope" : graph.nodes[scope.op].kind,
  children: [],
  members: [],
}));
const root = { children: [], members: nodeBoxes, isRoot: true };
for (const box of [...frames, ...nodeBoxes]) {
  const outer = box.scope ? box.scope.outer : box.node.frame;
  box.parent = outer < 0 ? root : frames[outer];
  box.parent.children.push(box);
}
for (const box of nodeBoxes) {
  for (let frame = box.parent; !frame.isRoot; frame = frame.parent) frame.members.push(box);
}
/** What each node reads, and who reads it. */
const readers = graph.nodes.map(() => []);
graph.nodes.forEach((node, id) => {
  for (const [source] of node.inputs ?? []) readers[source].push(id);
});

const measure = (() => {
  const context = document.createElement("canvas").getContext("2d");
  const widths = new Map();
  return (text, font) => {
    const key = font + text;
    if (!widths.has(key)) {
      context.font = `${font} system-ui, sans-serif`;
      widths.set(key, context.measureText(text).width);
    }
    return widths.get(key);
  };
})();

/** Return what is drawn for a node: itself, or the outermost closed frame around it. */
function shownFor(box, open) {
  let shown = box;
  for (let frame = box.parent; !frame.isRoot; frame = frame.parent) {
    if (!open.has(frame.id)) shown = frame;
  }
  return shown;
}

/** Give a box that is drawn as one thing its words and its size. */
function label(box) {
  const words = box.node ?? closedWords(box);
  [box.title, box.detail] = [(isComparison ? MARKS[statusOf(box)] ?? "" : "") + words.title, words.detail ?? ""];
  const width = Math.max(measure(box.title, "600 13px"), measure(box.detail, "11px"));
  box.w = words.small ? Math.max(34, width + 18) : Math.max(56, Math.min(380, width + 28));
  box.h = box.detail ? 44 : 32;
  if (box.kind === "parameter" || box.kind === "state") box.h += 8;
}

function closedWords(frame) {
  const members = frame.members.map((box) => box.node);
  const ops = members.filter((node) => node.op).length;
  const numbers = members.filter((node) => node.kind === "parameter").map((node) => node.elements);
  const total = numbers.reduce((sum, value) => sum + (value ?? 0), 0);
  const updates = members.filter((node) => node.kind === "update").length;
  const words = [];
  if (frame.scope.op === undefined) words.push(ops === 1 ? "1 op" : `${ops} ops`);
  else words.push(graph.nodes[frame.scope.op].name);
  if (frame.scope.note) words.push(frame.scope.note);
  if (total) words.push(`${short(total)} params`);
  if (updates) words.push(updates === 1 ? "1 update" : `${updates} updates`);
  const title = frame.scope.op === undefined ? frame.scope.title : graph.nodes[frame.scope.op].title;
  return { title, detail: words.filter(Boolean).join(" · ") };
}

function short(number) {
  const units = ["", "K", "M", "G", "T"];
  let unit = 0;
  let size = number;
  while (size >= 999.5 && unit < units.length - 1) [size, unit] = [size / 1000, unit + 1];
  return (unit && size < 99.95 ? size.toFixed(1) : Math.round(size)) + units[unit];
}

/** Lay out everything. Returns {boxes, frames, links, width, height}. */
function compose(open) {
  const links = linksBetween(open);
  const drawn = { boxes: [], frames: [], links };
  const levels = new Map();
  const doors = new Map();
  const quiet = new Set();
  for (const link of links) {
    if (link.kind === "write") continue;
    if (link.isQuiet && quiet.has(link.from)) continue; // one link is enough to find it a place
    if (link.isQuiet) quiet.add(link.from);
    const [level, from, to] = lift(link);
    if (!levels.has(level)) levels.set(level, new Map());
    const key = `${from.number},${to.number}`;
    const weight = link.kind === "data" ? 4 : 1;
    const known = levels.get(level).get(key);
    if (known) known.weight = Math.max(known.weight, weight);
    else levels.get(level).set(key, { from, to, weight });
    link.lifted = levels.get(level).get(key);
    if (link.kind === "data") {
      link.exits = doorsOn(link.from, from, true, doors);
      link.entries = doorsOn(link.to, to, false, doors);
    }
  }
  const arrange = (frame) => {
    for (const box of frame.children) {
      box.isOpen = Boolean(box.scope) && open.has(box.id);
      if (box.isOpen) {
        const inner = arrange(box);
        box.w = Math.max(inner.width, measure(box.scope.title, "600 13px") + 40) + 2 * FRAME.side;
        box.h = inner.height + FRAME.top + FRAME.bottom;
        box.inner = inner;
      } else {
        label(box);
      }
      box.side = box.kind === "backward" ? 1 : 0;
    }
    for (const box of frame.children) box.beside = partner(box);
    const across = [...(doors.get(frame)?.values() ?? [])];
    return layered(frame.children, [...(levels.get(frame)?.values() ?? [])], across);
  };
  const size = arrange(root);
  const place = (frame, x, y) => {
    for (const box of frame.children) {
      box.x += x;
      box.y += y;
      box.level = { x, y };
      if (!box.isOpen) {
        drawn.boxes.push(box);
        continue;
      }
      drawn.frames.push(box);
      const left = box.x - box.w / 2 + FRAME.side + (box.w - 2 * FRAME.side - box.inner.width) / 2;
      place(box, left, box.y - box.h / 2 + FRAME.top);
    }
  };
  place(root, 0, 0);
  return { ...drawn, ...size };
}

/** Return the doors through which a link passes from a box out to the frame `outer`, or back in. */
function doorsOn(box, outer, down, doors) {
  const found = [];
  for (let item = box; item !== outer; item = item.parent) {
    if (!doors.has(item.parent)) doors.set(item.parent, new Map());
    const known = doors.get(item.parent);
    const key = `${item.number},${down}`;
    if (!known.has(key)) known.set(key, { item, down, via: [] });
    found.push(known.get(key));
  }
  return found;
}

/** Return the item of the same level that a gradient stands beside. */
function partner(box) {
  const beside = box.scope ? box.scope.beside : box.node.beside;
  if (!beside) return undefined;
  let other = beside.scope === undefined ? nodeBoxes[beside.node] : frames[beside.scope];
  while (!other.isRoot && other.parent !== box.parent) other = other.parent;
  return other.isRoot || other === box ? undefined : other;
}

/** Return each link that is drawn, once. */
function linksBetween(open) {
  const shown = nodeBoxes.map((box) => shownFor(box, open));
  const found = new Map();
  const add = (from, to, kind, text) => {
    if (from === to) return;
    const key = `${from.number},${to.number},${kind}`;
    const known = found.get(key);
    if (!known) found.set(key, { from, to, kind, text });
    else if (known.text !== text) known.text = "";
  };
  graph.nodes.forEach((node, id) => {
    for (const [source, index] of node.inputs ?? []) {
      const tail = graph.nodes[source];
      add(shown[source], shown[id], linkKind(tail, node), tail.outputs[index]?.shape ?? "");
    }
    for (const [source] of node.lost ?? []) add(shown[source], shown[id], "removed", "");
    for (const variable of node.writes ?? []) add(shown[id], shown[variable], "write", "");
  });
  const drawn = [...found.values()];
  // what many read (an unrolled net its weights) is linked with them when it is selected
  const uses = new Map();
  const feeds = ({ kind }) => kind === "parameter" || kind === "state"; // and is no gradient's link
  for (const link of drawn) if (feeds(link)) uses.set(link.from, (uses.get(link.from) ?? 0) + 1);
  for (const link of drawn) link.isQuiet = feeds(link) && uses.get(link.from) > MANY_READERS;
  return drawn;
}

function linkKind(tail, head) {
  if (tail.status === "removed" || head.status === "removed") return "removed";
  if (tail.status === "added" || head.status === "added") return "added";
  if (tail.kind === "backward" || tail.kind === "gradient") return "gradient";
  if (head.kind === "backward") return "saved";
  return tail.kind === "parameter" || tail.kind === "state" ? tail.kind : "data";
}

/** Return the innermost frame around both ends of a link, and its children that hold them. */
function lift({ from, to }) {
  const above = new Map();
  for (let box = from; !box.isRoot; box = box.parent) above.set(box.parent, box);
  let box = to;
  while (!above.has(box.parent)) box = box.parent;
  return [box.parent, above.get(box.parent), box];
}

// ----------------------------------------------------------------------------------------- the SVG

function element(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function text(content, attributes) {
  const made = element("text", attributes);
  made.textContent = content;
  return made;
}

/** Draw a composed graph into an SVG group. */
function paint(group, drawn) {
  const many = drawn.links.length > MANY_LABELS;
  drawn.frames.forEach((box) => (box.element = frameElement(box)));
  const titles = drawn.frames.map(frameTitle);
  drawn.links.forEach((link) => (link.element = linkElement(link, many)));
  drawn.boxes.forEach((box) => (box.element = boxElement(box)));
  group.replaceChildren(
    ...drawn.frames.map((box) => box.element),
    ...drawn.links.map((link) => link.element),
    ...titles, // above the links, so that none runs through a name
    ...drawn.boxes.map((box) => box.element),
  );
}

function frameElement(box) {
  const [x, y] = [box.x - box.w / 2, box.y - box.h / 2];
  const shape = element("rect", { x, y, width: box.w, height: box.h, rx: 12 });
  const kind = box.scope.backward ? "backward" : "scope";
  return element("g", { class: `frame ${kind}`, "data-frame": box.id, "data-name": box.scope.name }, shape);
}

function frameTitle(box) {
  const [x, y] = [box.x - box.w / 2 + 14, box.y - box.h / 2 + 20];
  const kind = box.scope.backward ? "backward" : "scope";
  const made = text(`▾ ${box.scope.title}`, { x, y, class: `frame-title ${kind}` });
  made.box = box;
  return made;
}

function boxElement(box) {
  const { x, y, w, h } = box;
  const name = box.node?.name ?? box.scope.name;
  const made = element("g", {
    class: `node ${box.kind}${box.scope ? " closed" : ""}${isComparison ? ` is-${statusOf(box)}` : ""}`,
    transform: `translate(${x - w / 2} ${y - h / 2})`,
    "data-name": name,
    role: "img",
    "aria-label": spoken(box),
    style: ["fill", "line", "text"].map((part) => `--${part}: var(--${paintOf(box)}-${part})`).join("; "),
  });
  const hint = element("title");
  hint.textContent = `${name}\n${kindNames[box.kind] ?? box.kind}`;
  made.append(hint);
  if (box.scope) made.append(element("rect", { class: "shadow", x: 4, y: 4, width: w, height: h, rx: 9 }));
  made.append(...outline(box));
  const lid = box.kind === "parameter" || box.kind === "state" ? 6 : 0;
  const middle = h / 2 + lid / 2;
  made.append(text(fitted(box.title, w - 16, "600 13px"), { x: w / 2, y: middle + (box.detail ? -3 : 5), class: "title" }));
  if (box.detail) made.append(text(fitted(box.detail, w - 12, "11px"), { x: w / 2, y: middle + 12, class: "detail" }));
  return made;
}

/** Return what a screen reader says of a box. */
function spoken({ node, scope, kind, members }) {
  if (scope) return `${scope.name}, closed frame of ${members.length} nodes`;
  return [node.status, node.name, node.op, kindNames[kind] ?? kind, node.outputs[0]?.shape].filter(Boolean).join(", ");
}

function outline({ kind, w, h, node }) {
  if (kind === "parameter" || kind === "state") {
    const lid = 6;
    return [
      element("path", { class: "shape", d: `M0 ${lid}V${h - lid}A${w / 2} ${lid} 0 0 0 ${w} ${h - lid}V${lid}` }),
      element("ellipse", { class: "shape", cx: w / 2, cy: lid, rx: w / 2, ry: lid }),
    ];
  }
  const isPill = ["input", "gradient", "output"].includes(kind) || node?.small;
  return [element("rect", { class: "shape", width: w, height: h, rx: isPill ? h / 2 : 9 })];
}

function fitted(words, width, font) {
  if (measure(words, font) <= width) return words;
  let half = Math.floor(words.length / 2);
  while (half > 2 && measure(`${words.slice(0, half)}…${words.slice(-half)}`, font) > width) half -= 1;
  return `${words.slice(0, half)}…${words.slice(-half)}`;
}

function linkElement(link, many) {
  const { from, to, kind } = link;
  const points = kind === "write" ? writePoints(from, to) : linkPoints(link);
  const below = kind === "gradient" && to.node && link.lifted && to !== link.lifted.to && link.lifted.from.rank === link.lifted.to.rank;
  const path = element("path", { d: below ? fromBelow(from, to) : curve(points), "marker-end": `url(#arrow-${kind})` });
  const made = element("g", { class: `link ${kind}${link.isQuiet ? " quiet" : ""}` }, path);
  made.dataset.from = from.node?.name ?? from.scope.name;
  made.dataset.to = to.node?.name ?? to.scope.name;
  if (link.text && !many && kind === "data") {
    const [[x0, y0], [x1, y1]] = points;
    made.append(text(link.text, { x: (x0 + x1) / 2 + 5, y: (y0 + y1) / 2 + 4 }));
  }
  return made;
}

/** Return the corners of a link: out of one box, along the dummies, into the other. */
function linkPoints({ from, to, lifted, exits = [], entries = [] }) {
  if (!lifted) return [[from.x, from.y + from.h / 2], [to.x, to.y - to.h / 2]];
  const [a, b] = [lifted.from, lifted.to];
  if (a.rank === b.rank) {
    const right = from.x < to.x;
    return [
      [from.x + (right ? 1 : -1) * (from.w / 2), from.y],
      [to.x - (right ? 1 : -1) * (to.w / 2), to.y],
    ];
  }
  const sign = a.rank < b.rank ? 1 : -1;
  const corners = (dummies, level) => dummies.flatMap((dummy) => {
    const ends = [dummy.top + level.y, dummy.bottom + level.y];
    return (sign > 0 ? ends : ends.reverse()).map((y) => [dummy.x + level.x, y]);
  });
  const via = [
    ...(sign > 0 ? exits.flatMap((door) => corners(door.via, door.item.level)) : []),
    ...corners(lifted.via, a.level),
    ...(sign > 0 ? [...entries].reverse().flatMap((door) => corners([...door.via].reverse(), door.item.level)) : []),
  ];
  const start = [from.x, from.y + (sign * from.h) / 2];
  const end = [to.x, to.y - (sign * to.h) / 2];
  const lean = (box, x) => Math.max(-0.35, Math.min(0.35, (x - box.x) / 900)) * box.w;
  start[0] += lean(from, (via[0] ?? end)[0]);
  end[0] += lean(to, (via[via.length - 1] ?? start)[0]);
  return [start, ...via, end];
}

/** Return the way from a gradient to an update beside it: below the boxes between them. */
function fromBelow(from, to) {
  const [x, y] = [to.x, to.y + to.h / 2];
  const sign = from.x > to.x ? -1 : 1;
  const start = [from.x + (sign * from.w) / 2, from.y];
  return `M${at(start)}C${at([start[0] + sign * 70, y + 26])} ${at([x, y + 44])} ${at([x, y])}`;
}

function writePoints(from, to) {
  const above = to.y < from.y ? -1 : 1;
  if (Math.abs(from.y - to.y) < from.h) {
    const right = from.x < to.x ? 1 : -1;
    return [[from.x + (right * from.w) / 2, from.y + 6], [to.x - (right * to.w) / 2, to.y + 6]];
  }
  return [[from.x + 14, from.y + (above * from.h) / 2], [to.x + 14, to.y - (above * to.h) / 2]];
}

function curve(points) {
  let path = `M${at(points[0])}`;
  for (let i = 1; i < points.length; i += 1) {
    const [[x0, y0], [x1, y1]] = [points[i - 1], points[i]];
    if (Math.abs(y0 - y1) < 1) {
      path += `L${at(points[i])}`;
    } else {
      const bend = (y0 + y1) / 2;
      path += Math.abs(x0 - x1) < 1 ? `L${at(points[i])}` : `C${at([x0, bend])} ${at([x1, bend])} ${at(points[i])}`;
    }
  }
  return path;
}

const at = ([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`;

function arrowHeads() {
  const kinds = ["data", "parameter", "state", "gradient", "saved", "write", "added", "removed"];
  return element("defs", {}, ...kinds.map((kind) => element(
    "marker",
    { id: `arrow-${kind}`, class: `arrow ${kind}`, viewBox: "0 0 10 10", refX: 9, refY: 5, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto-start-reverse" },
    element("path", { d: "M0 0.5L10 5L0 9.5z" }),
  )));
}
