// The page: what is open, what is selected, where the reader looks, and where the run stands.

const $ = (id) => document.getElementById(id);
const canvas = $("canvas");
const world = element("g", { id: "world" });
canvas.append(arrowHeads(), world);

const MANY_BOXES = 160;
const state = { open: new Set(), selected: null, isFollowing: false, step: 0, view: { x: 0, y: 0, k: 1 } };
let drawn = null;
const end = graph.run ? graph.run.steps.length + (graph.run.writes.length ? 1 : 0) : 0;

// ------------------------------------------------------------------------------------ what is drawn

/** Draw again; `anchor` is a box that stays where it is on the screen. */
function redraw(anchor) {
  const before = anchor && { x: anchor.x - (anchor.w ?? 0) / 2, y: anchor.y - (anchor.h ?? 0) / 2 };
  drawn = compose(state.open);
  paint(world, drawn);
  if (before && drawn.boxes.concat(drawn.frames).includes(anchor)) {
    state.view.x += (before.x - (anchor.x - anchor.w / 2)) * state.view.k;
    state.view.y += (before.y - (anchor.y - anchor.h / 2)) * state.view.k;
  }
  world.querySelectorAll(".node").forEach((one, i) => (one.box = drawn.boxes[i]));
  world.querySelectorAll(".frame").forEach((one, i) => (one.box = drawn.frames[i]));
  moveView();
  highlight();
  showStep();
  canvas.dataset.ready = "yes";
}

/** Open what fits: gradients and layers only in small graphs, scopes as long as they are few. */
function openSome() {
  const layers = graph.nodes.length <= 60;
  state.open = new Set(frames.filter((f) => !f.scope.backward && (f.scope.op === undefined || layers)).map((f) => f.id));
  while (state.open.size && countBoxes() > MANY_BOXES) {
    // close the innermost level of frames that is open
    const depth = (frame) => (frame.parent.isRoot ? 0 : 1 + depth(frame.parent));
    const deepest = Math.max(...[...state.open].map((id) => depth(frames[id])));
    for (const id of [...state.open]) if (depth(frames[id]) === deepest) state.open.delete(id);
  }
}

function countBoxes() {
  return new Set(nodeBoxes.map((box) => shownFor(box, state.open))).size;
}

function toggle(box) {
  if (!box?.scope) return;
  if (state.open.has(box.id)) state.open.delete(box.id);
  else state.open.add(box.id);
  state.selected = box;
  state.isFollowing = false;
  redraw(box);
  fill();
}

/** Open every frame around a box, so that it is drawn. */
function reveal(box) {
  let closed = false;
  for (let frame = box.parent; !frame.isRoot; frame = frame.parent) {
    if (!state.open.has(frame.id)) closed = true;
    state.open.add(frame.id);
  }
  if (closed) redraw(shownBefore(box));
}

const shownBefore = (box) => drawn.boxes.find((one) => one === box || one.members?.includes(box));

// -------------------------------------------------------------------------------------- selection

function select(box, { center = false } = {}) {
  if (box) reveal(box);
  state.selected = box;
  state.isFollowing = false;
  if (box && center) centerOn(box);
  highlight();
  fill();
}

function fill() {
  const go = (box) => select(box, { center: true });
  const now = state.isFollowing && graph.run.steps[state.step - 1];
  if (now && now.node === undefined) fillPanelWithStep($("panel"), now);
  else fillPanel($("panel"), state.selected, state.step, go);
  $("said").textContent = state.selected ? spoken(state.selected) : "";
}

/** Return the nodes from which a box is computed, or those that are computed from it. */
function reach(box, next) {
  const start = box.scope ? box.members.map((member) => member.id) : [box.id];
  const found = new Set(start);
  const stack = [...start];
  while (stack.length) {
    for (const id of next(stack.pop())) {
      if (!found.has(id)) {
        found.add(id);
        stack.push(id);
      }
    }
  }
  return found;
}

const ancestors = (box) => reach(box, (id) => (graph.nodes[id].inputs ?? []).map(([source]) => source));
const descendants = (box) => reach(box, (id) => readers[id]);

function highlight() {
  const chosen = state.selected;
  const shown = chosen && (drawn.frames.includes(chosen) ? chosen : shownFor(chosen, state.open));
  const box = state.isFollowing ? null : chosen; // whoever follows the run sees what has run instead
  canvas.classList.toggle("selecting", Boolean(box));
  const [up, down] = box ? [ancestors(box), descendants(box)] : [new Set(), new Set()];
  const holds = (ids, one) => (one.scope ? one.members.some((member) => ids.has(member.id)) : ids.has(one.id));
  const isIn = new Map();
  for (const one of drawn.boxes) {
    const sides = { up: Boolean(box) && holds(up, one), down: Boolean(box) && holds(down, one) };
    isIn.set(one, sides);
    one.element.classList.toggle("selected", one === shown);
    one.element.classList.toggle("up", sides.up);
    one.element.classList.toggle("down", sides.down);
  }
  for (const frame of drawn.frames) frame.element.classList.toggle("selected", frame === shown);
  for (const link of drawn.links) {
    const [a, b] = [isIn.get(link.from), isIn.get(link.to)];
    const touches = link.from === shown || link.to === shown;
    link.element.classList.toggle("near", link.isQuiet ? touches : (a.up && b.up) || (a.down && b.down));
  }
}

// ------------------------------------------------------------------------------------------- view

function moveView() {
  const { x, y, k } = state.view;
  world.setAttribute("transform", `translate(${x} ${y}) scale(${k})`);
  canvas.classList.toggle("far", k < 0.45);
}

function fit() {
  const { width, height } = canvas.getBoundingClientRect();
  const k = Math.min(1.4, width / (drawn.width + 60), height / (drawn.height + 60));
  state.view = { k, x: (width - drawn.width * k) / 2, y: (height - drawn.height * k) / 2 };
  moveView();
}

/** Show all of a small graph, and the readable beginning of a large one. */
function fitAtFirst() {
  fit();
  const { width } = canvas.getBoundingClientRect();
  if (state.view.k < 0.5) {
    const computing = drawn.boxes.filter((box) => box.scope || box.node.op);
    const top = (computing.length ? computing : drawn.boxes).reduce((best, box) => (box.y < best.y ? box : best));
    const k = Math.max(0.45, Math.min(0.7, width / (drawn.width + 40)));
    const middle = drawn.width * k < width ? drawn.width / 2 : top.x;
    state.view = { k, x: width / 2 - middle * k, y: 30 };
    moveView();
  }
}

function zoom(factor, x, y) {
  const size = canvas.getBoundingClientRect();
  const [px, py] = [x ?? size.width / 2, y ?? size.height / 2];
  const k = Math.max(0.02, Math.min(4, state.view.k * factor));
  const ratio = k / state.view.k;
  state.view = { k, x: px - (px - state.view.x) * ratio, y: py - (py - state.view.y) * ratio };
  moveView();
}

function centerOn(box) {
  const { width, height } = canvas.getBoundingClientRect();
  const k = Math.max(state.view.k, 0.6);
  state.view = { k, x: width / 2 - box.x * k, y: height / 2 - box.y * k };
  moveView();
}

canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const { left, top } = canvas.getBoundingClientRect();
  zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX - left, event.clientY - top);
}, { passive: false });

const pointers = new Map();
let moved = 0;
canvas.addEventListener("pointerdown", (event) => {
  pointers.set(event.pointerId, event);
  moved = 0;
});
window.addEventListener("pointermove", (event) => {
  const last = pointers.get(event.pointerId);
  if (!last) return;
  const others = [...pointers.values()].filter((one) => one.pointerId !== event.pointerId);
  const [dx, dy] = [event.clientX - last.clientX, event.clientY - last.clientY];
  if (others.length) {
    const distance = (one) => Math.hypot(one.clientX - others[0].clientX, one.clientY - others[0].clientY);
    const { left, top } = canvas.getBoundingClientRect();
    zoom(distance(event) / distance(last), others[0].clientX - left, others[0].clientY - top);
  } else {
    state.view.x += dx;
    state.view.y += dy;
    moveView();
  }
  moved += Math.abs(dx) + Math.abs(dy);
  pointers.set(event.pointerId, event);
});
for (const name of ["pointerup", "pointercancel"]) {
  window.addEventListener(name, (event) => pointers.delete(event.pointerId));
}
canvas.addEventListener("click", (event) => {
  if (moved > 6) return;
  const hit = event.target.closest(".node, .frame-title");
  if (!hit) select(null);
  else if (hit.box.scope) toggle(hit.box);
  else select(hit.box);
});

// ---------------------------------------------------------------------------------------- the run

/** Mark what has run, what runs, and what is written, at the position where the reader stands. */
function showStep() {
  if (!graph.run) return;
  const { steps, writes } = graph.run;
  const landed = state.step > steps.length;
  const position = new Map();
  steps.forEach((one, i) => one.node !== undefined && position.set(one.node, i));
  graph.nodes.forEach((node, id) => {
    const source = node.kind === "output" ? node.inputs[0][0] : undefined;
    if (position.has(source)) position.set(id, position.get(source));
  });
  const now = steps[state.step - 1];
  const targets = new Set(writes.map((write) => write.node));
  canvas.classList.toggle("running", state.step > 0);
  for (const box of drawn.boxes) {
    const ids = box.scope ? box.members.map((member) => member.id) : [box.id];
    const places = ids.filter((id) => position.has(id)).map((id) => position.get(id));
    const classes = box.element.classList;
    classes.toggle("done", !places.length || places.some((place) => place < state.step));
    classes.toggle("now", !landed && now?.node !== undefined && ids.includes(now.node));
    classes.toggle("written", landed && ids.some((id) => targets.has(id)));
  }
  for (const link of drawn.links) {
    const isWrite = link.kind === "write";
    link.element.classList.toggle("landing", landed && isWrite);
    link.element.classList.toggle("done", isWrite ? landed : link.to.element.classList.contains("done"));
  }
  $("slider").value = state.step;
  $("where").textContent = landed
    ? `The writes land: ${writes.length === 1 ? "1 array changes" : `${writes.length} arrays change`} at once`
    : now
      ? `${state.step}/${steps.length}  ${now.name}  ${now.outputs[0]?.shape ?? ""}  ${duration(now.us)}${now.backward ? "  backward" : ""}`
      : `0/${steps.length}  before the run`;
}

function goTo(step) {
  state.step = Math.max(0, Math.min(end, step));
  state.isFollowing = state.step > 0;
  const now = graph.run.steps[state.step - 1];
  const box = now && nodeBoxes[now.node];
  if (box) {
    state.selected = box; // its frame may stay closed: nothing moves while one steps
    const shown = shownFor(box, state.open);
    if (!isOnScreen(shown)) centerOn(shown);
  } else {
    // the writes, a node of the gradient that is not drawn, or the beginning
    state.selected = state.step > graph.run.steps.length ? nodeBoxes[graph.run.writes[0].node] : null;
  }
  highlight();
  showStep();
  fill();
}

function isOnScreen({ x, y }) {
  const { width, height } = canvas.getBoundingClientRect();
  const [px, py] = [x * state.view.k + state.view.x, y * state.view.k + state.view.y];
  return px > 60 && px < width - 60 && py > 40 && py < height - 40;
}

let timer = null;
function play() {
  if (timer) {
    clearInterval(timer);
    timer = null;
  } else {
    if (state.step >= end) goTo(0);
    timer = setInterval(() => (state.step < end ? goTo(state.step + 1) : play()), 600);
  }
  $("play").textContent = timer ? "Pause" : "Play";
}

// ----------------------------------------------------------------------------------------- search

let matches = [];
function search(again) {
  const query = $("search").value.trim().toLowerCase();
  const fits = ({ name, op }) => name.toLowerCase().includes(query) || op?.toLowerCase().includes(query);
  if (!again) matches = query ? nodeBoxes.filter((box) => fits(box.node)) : [];
  else matches.push(matches.shift());
  for (const box of drawn.boxes) {
    const members = box.members ?? [box];
    box.element.classList.toggle("match", Boolean(query) && members.some((one) => fits(one.node)));
  }
  $("found").textContent = !query ? "" : matches.length === 1 ? "1 node" : `${matches.length} nodes`;
  if (again && matches[0]) {
    select(matches[0], { center: true });
    search();
    const first = matches.indexOf(state.selected);
    matches = [...matches.slice(first), ...matches.slice(0, first)];
  }
}

$("search").addEventListener("input", () => search());
$("search").addEventListener("keydown", (event) => {
  if (event.key === "Enter") {
    if (state.selected === matches[0]) search("next");
    else select(matches[0] ?? null, { center: true });
  } else if (event.key === "Escape") {
    $("search").value = "";
    search();
    canvas.focus();
  } else {
    return;
  }
  event.preventDefault();
});

// ------------------------------------------------------------------------------------------- keys

/** Walk to the nearest box in a direction: up and down along links, else among neighbours. */
function walk(dx, dy) {
  const here = state.selected && (drawn.boxes.includes(state.selected) ? state.selected : shownBefore(state.selected));
  if (!here) return select(drawn.boxes.reduce((best, box) => (box.y < best.y ? box : best)));
  const linked = new Map(); // along the data first, then along other links
  for (const { from, to, kind } of drawn.links) {
    const other = from === here ? to : to === here ? from : null;
    if (other) linked.set(other, Math.max(linked.get(other) ?? 0, kind === "data" ? 8000 : 4000));
  }
  let best = null;
  for (const box of drawn.boxes) {
    const [x, y] = [box.x - here.x, box.y - here.y];
    const forward = x * dx + y * dy;
    if (box === here || forward < 4) continue;
    const aside = Math.abs(x * dy) + Math.abs(y * dx);
    const cost = forward + 2 * aside - (dy ? linked.get(box) ?? 0 : 0);
    if (!best || cost < best.cost) best = { box, cost };
  }
  if (!best) return undefined;
  state.selected = best.box;
  state.isFollowing = false;
  if (!isOnScreen(best.box)) centerOn(best.box);
  highlight();
  return fill();
}

const openAll = () => {
  state.open = new Set(frames.map((frame) => frame.id));
  redraw();
  fitAtFirst();
};
const closeAll = () => {
  state.open.clear();
  if (state.selected && !drawn.boxes.includes(state.selected)) state.selected = null;
  redraw();
  fitAtFirst();
};
const KEYS = {
  "/": ["search", () => $("search").focus()],
  ArrowUp: ["walk to what is above, below, beside", () => walk(0, -1)],
  ArrowDown: ["", () => walk(0, 1)],
  ArrowLeft: ["", () => walk(-1, 0)],
  ArrowRight: ["", () => walk(1, 0)],
  Enter: ["open or close a frame", () => toggle(state.selected?.scope ? state.selected : frameAround(state.selected))],
  e: ["open everything", openAll],
  c: ["close everything", closeAll],
  "+": ["zoom in", () => zoom(1.25)],
  "-": ["zoom out", () => zoom(0.8)],
  0: ["show all", fit],
  "]": ["one node on in the run", () => graph.run && goTo(state.step + 1)],
  "[": ["one node back", () => graph.run && goTo(state.step - 1)],
  Home: ["to the beginning of the run", () => graph.run && goTo(0)],
  End: ["to its end", () => graph.run && goTo(end)],
  " ": ["play or pause", () => graph.run && play()],
  t: ["light, dark, as the system says", () => nextTheme()],
  Escape: ["select nothing", () => select(null)],
  "?": ["these keys", () => $("keys").showModal()],
};
const frameAround = (box) => (box && !box.parent.isRoot ? box.parent : null);

document.addEventListener("keydown", (event) => {
  const used = KEYS[event.key];
  if (!used || event.ctrlKey || event.metaKey || event.altKey || $("keys").open) return;
  if (event.target.closest?.("input")) return;
  if (event.target.closest?.("button, #panel") && ["Enter", " "].includes(event.key)) return;
  event.preventDefault();
  used[1]();
});

function nextTheme() {
  const order = ["", "light", "dark"];
  const page = document.documentElement;
  const next = order[(order.indexOf(page.dataset.theme ?? "") + 1) % 3];
  if (next) page.dataset.theme = next;
  else delete page.dataset.theme;
  $("theme").textContent = { "": "Theme", light: "Light", dark: "Dark" }[next];
}

// ------------------------------------------------------------------------------------------ begin

const names = { " ": "space", ArrowUp: "↑ ↓ ← →" };
$("keys").append(
  html("h2", {}, "Keys"),
  table(Object.entries(KEYS).filter(([, [what]]) => what).map(([key, [what]]) => [names[key] ?? key, what])),
  html("form", { method: "dialog" }, html("button", {}, "Close")),
);
$("title").textContent = graph.title || "graph";
$("facts").textContent = graph.facts.join(" · ");
const actions = {
  open: openAll, close: closeAll, in: () => zoom(1.25), out: () => zoom(0.8), fit, theme: nextTheme,
  help: () => $("keys").showModal(), first: () => goTo(0), back: () => goTo(state.step - 1), play,
  next: () => goTo(state.step + 1), last: () => goTo(end),
};
for (const [id, action] of Object.entries(actions)) $(id).addEventListener("click", action);
$("slider").addEventListener("input", () => goTo(Number($("slider").value)));
if (graph.run) {
  $("player").hidden = false;
  $("slider").max = end;
}
if (!frames.length) $("open").hidden = $("close").hidden = true;
openSome();
redraw();
fitAtFirst();
fill();
