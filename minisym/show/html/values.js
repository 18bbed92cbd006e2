// Values: an array as a heat map and a histogram over its statistics.

/** Draw a value; `colour` says which colour a byte of it has, where that is no place on a scale. */
function picture(value, colour) {
  const made = html("figure", { class: value.bad ? "value bad" : "value" });
  if (value.rows) made.append(heatMap(value, colour ?? colourOnScale(value)));
  if (value.bars?.length > 1) made.append(bars(value));
  const words = value.text ? [`${value.shape} ${value.dtype}`, html("br"), value.text] : [`${value.low} … ${value.high} in all steps`];
  made.append(html("figcaption", {}, ...words));
  return made;
}

function heatMap({ rows, columns, cells, low, high }, colour) {
  const words = low === undefined ? "Map of signs" : `Heat map from ${low} to ${high}`;
  const canvas = html("canvas", { width: columns, height: rows, class: "heat", role: "img", "aria-label": words });
  const scale = Math.max(4, Math.min(16, Math.floor(240 / Math.max(rows, columns))));
  canvas.style.width = `${columns * scale}px`;
  canvas.style.height = `${rows * scale}px`;
  const context = canvas.getContext("2d");
  const bytes = Uint8Array.from(atob(cells), (letter) => letter.charCodeAt(0));
  bytes.forEach((byte, i) => {
    context.fillStyle = byte === NOT_FINITE ? "#e11d48" : colour(byte);
    context.fillRect(i % columns, Math.floor(i / columns), 1, 1);
  });
  return canvas;
}

const NOT_FINITE = 255;
const mix = (a, b, t) => `rgb(${a.map((value, i) => Math.round(value + (b[i] - value) * t)).join(" ")})`;
const diverging = (t) => mix([241, 245, 249], t < 0 ? [37, 99, 235] : [194, 65, 12], Math.min(1, Math.abs(t)));
const sequential = (t) => mix([239, 246, 255], [30, 58, 138], t);

/** Return the colour of a byte, 0 for the least and 254 for the greatest: blue and red about 0. */
function colourOnScale({ low, high }) {
  const [least, greatest] = [Number(low), Number(high)];
  const limit = Math.max(-least, greatest);
  const isAboutZero = least < 0 && greatest > 0;
  return (byte) => (isAboutZero ? diverging((least + (byte / 254) * (greatest - least)) / limit) : sequential(byte / 254));
}

function bars({ bars: counts, low, high, from = low, to = high }) {
  const most = Math.max(...counts);
  const columns = counts.map((count) => html("i", { style: `height: ${((100 * count) / most).toFixed(1)}%` }));
  const axis = html("div", { class: "axis" }, html("span", {}, from), html("span", {}, to));
  return html("div", { class: "histogram", role: "img", "aria-label": `Histogram from ${from} to ${to}` }, html("div", { class: "bars" }, ...columns), axis);
}
