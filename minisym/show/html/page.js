// The page: what is open, what is selected, and where the reader looks.

const $ = (id) => document.getElementById(id);
const canvas = $("canvas");
const world = element("g", { id: "world" });
canvas.append(arrowHeads(), world);

const MANY_BOXES = 160;
const state = { open: new Set(), selected: null, isFollowing: false, step: 0, view: { x: 0, y: 0, k: 1 } };
let drawn = null;

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
  drawMap();
  world.querySelectorAll(".node").forEach((one, i) => (one.box = drawn.boxes[i]));
  world.querySelectorAll(".frame").forEach((one, i) => (one.box = drawn.frames[i]));
  moveView();
  highlight();
  showStep();
  canvas.dataset.ready = "yes";
}

/**
 * Open what fits: gradients and layers only in small graphs, scopes as long as they are few. What is
 * repeated is closed, and each of its copies, too.
 */
function openSome() {
  const layers = graph.nodes.length <= 60;
  const opens = ({ scope, parent }) =>
    !scope.backward && !scope.fold && !(parent.scope?.fold > 1) && (scope.op === undefined || layers);
  state.open = new Set(frames.filter(opens).map((frame) => frame.id));
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
  fillPanel($("panel"), state.selected, state.step, go);
  if (state.isFollowing) player.fill($("panel"), state.step);
  noteAddress();
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
