// Where the reader looks: panning, zooming, and what a click hits.

function moveView() {
  const { x, y, k } = state.view;
  world.setAttribute("transform", `translate(${x} ${y}) scale(${k})`);
  canvas.classList.toggle("far", k < 0.45);
  moveOnMap();
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
    const computing = drawn.boxes.filter((box) => box.kind !== "backward" && (box.scope || box.node.op));
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

function isOnScreen({ x, y }) {
  const { width, height } = canvas.getBoundingClientRect();
  const [px, py] = [x * state.view.k + state.view.x, y * state.view.k + state.view.y];
  return px > 60 && px < width - 60 && py > 40 && py < height - 40;
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
