// Keys: all that can be done without a pointer.

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
  "]": [`one ${unit} on`, () => goTo(state.step + 1)],
  "[": [`one ${unit} back`, () => goTo(state.step - 1)],
  Home: ["to the beginning", () => goTo(0)],
  End: ["to the end", () => goTo(Infinity)],
  " ": ["play or pause", play],
  ...(isComparison && {
    n: ["to the next difference", () => goToDifference(true)],
    N: ["to the one before", () => goToDifference(false)],
  }),
  s: ["save what is seen as svg", saveSvg],
  p: ["as png", savePng],
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
