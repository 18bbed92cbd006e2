// The map: all of a large graph in a corner, and in it what is seen. It is there while something is
// outside of a window that could not well show all; whoever points at it looks there.

const MAP = { least: 36, most: 180, wide: 0.25, high: 0.6, useful: 0.35 };
const map = $("map");
const mapScale = { x: 1, y: 1 };

/** Draw the boxes anew. A strip is drawn wider than it is, so that one can point at it. */
function drawMap() {
  const seen = canvas.getBoundingClientRect();
  const room = { x: Math.min(MAP.most, seen.width * MAP.wide), y: Math.min(2 * MAP.most, seen.height * MAP.high) };
  const scale = Math.min(room.x / drawn.width, room.y / drawn.height);
  const width = Math.max(MAP.least, drawn.width * scale);
  const height = Math.max(MAP.least, drawn.height * scale);
  [mapScale.x, mapScale.y] = [width / drawn.width, height / drawn.height];
  for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) map.setAttribute(name, value);
  const rectangles = (boxes) => boxes.map(({ x, y, w, h }) => {
    const [left, top] = at([(x - w / 2) * mapScale.x, (y - h / 2) * mapScale.y]).split(" ");
    return `M${left} ${top}h${Math.max(1, w * mapScale.x).toFixed(1)}v${Math.max(1, h * mapScale.y).toFixed(1)}H${left}z`;
  }).join("");
  map.replaceChildren(
    element("path", { class: "map-frames", d: rectangles(drawn.frames) }),
    element("path", { class: "map-boxes", d: rectangles(drawn.boxes) }),
    element("rect", { class: "map-window", rx: 2 }),
  );
}

/** Show on the map what is seen, or no map where all is. */
function moveOnMap() {
  const { x, y, k } = state.view;
  const { width, height } = canvas.getBoundingClientRect();
  const seen = { x: -x / k, y: -y / k, width: width / k, height: height / k };
  const isAll = seen.x <= 0 && seen.y <= 0 && seen.x + seen.width >= drawn.width && seen.y + seen.height >= drawn.height;
  const fits = Math.min(width / drawn.width, height / drawn.height) > MAP.useful;
  map.toggleAttribute("hidden", isAll || fits);
  const [left, top] = [Math.max(0, seen.x), Math.max(0, seen.y)];
  const [right, bottom] = [Math.min(drawn.width, seen.x + seen.width), Math.min(drawn.height, seen.y + seen.height)];
  const place = {
    x: left * mapScale.x, y: top * mapScale.y,
    width: Math.max(2, (right - left) * mapScale.x), height: Math.max(2, (bottom - top) * mapScale.y),
  };
  for (const [name, value] of Object.entries(place)) map.querySelector(".map-window")?.setAttribute(name, value);
}

function lookAt(event) {
  const { left, top } = map.getBoundingClientRect();
  const { width, height } = canvas.getBoundingClientRect();
  const { k } = state.view;
  state.view.x = width / 2 - ((event.clientX - left - 5) / mapScale.x) * k;
  state.view.y = height / 2 - ((event.clientY - top - 5) / mapScale.y) * k;
  moveView();
}

map.addEventListener("pointerdown", (event) => {
  map.setPointerCapture(event.pointerId);
  lookAt(event);
});
map.addEventListener("pointermove", (event) => event.buttons && lookAt(event));
