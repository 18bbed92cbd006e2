// Saving: what is seen of the graph, as a file that needs neither this page nor its style sheet.

const KEPT_STYLES = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "paint-order",
  "opacity", "font-family", "font-size", "font-weight", "text-anchor", "display",
];

/** Return the part of the graph that is seen as the text of an SVG. */
function seenAsSvg() {
  const { width, height } = canvas.getBoundingClientRect();
  const copy = canvas.cloneNode(true);
  dressed(canvas, copy);
  for (const name of ["id", "class", "tabindex", "role", "aria-label", "data-ready"]) copy.removeAttribute(name);
  for (const [name, value] of Object.entries({ xmlns: SVG, width, height, viewBox: `0 0 ${width} ${height}` })) copy.setAttribute(name, value);
  copy.insertBefore(element("rect", { width, height, fill: getComputedStyle(document.body).backgroundColor }), copy.firstChild);
  return new XMLSerializer().serializeToString(copy);
}

/** Give a copy of an element the styles that the element has; leave out what is not seen. */
function dressed(one, copy) {
  const styles = getComputedStyle(one);
  copy.removeAttribute("style");
  for (const name of KEPT_STYLES) copy.style.setProperty(name, styles.getPropertyValue(name));
  [...one.children].forEach((child, i) => dressed(child, copy.children[i]));
  const isHidden = (child) => getComputedStyle(child).display === "none" || (child.closest("#world") && !touchesCanvas(child));
  const gone = [...one.children].map((child, i) => (isHidden(child) ? copy.children[i] : null));
  for (const child of gone) child?.remove();
}

function touchesCanvas(one) {
  if (!one.getBBox || one.tagName === "title") return true;
  const [a, b] = [one.getBoundingClientRect(), canvas.getBoundingClientRect()];
  return a.right >= b.left && a.left <= b.right && a.bottom >= b.top && a.top <= b.bottom;
}

function saveSvg() {
  download(new Blob([seenAsSvg()], { type: "image/svg+xml" }), "svg");
}

/** Save a picture of twice as many points a side as are seen. */
function savePng() {
  const { width, height } = canvas.getBoundingClientRect();
  const drawing = new Image();
  drawing.addEventListener("load", () => {
    const paper = html("canvas", { width: 2 * width, height: 2 * height });
    paper.getContext("2d").drawImage(drawing, 0, 0, 2 * width, 2 * height);
    paper.toBlob((blob) => download(blob, "png"), "image/png");
  });
  drawing.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(seenAsSvg())}`;
}

function download(blob, ending) {
  const name = (graph.title || "graph").replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "").slice(0, 80) || "graph";
  const link = html("a", { href: URL.createObjectURL(blob), download: `${name}.${ending}` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
