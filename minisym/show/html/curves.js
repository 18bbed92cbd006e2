// Numbers along the steps of a training, drawn above the slider: the loss, and what else was noted.
// Each has a scale of its own; one that spans more than a factor of 20 is drawn by its logarithm.

const CURVE = { width: 1000, height: 100 };
const MOST_CURVES = 4;

/** Draw them; a click leads to a step. */
function drawCurves(svg, numbers, goToStep) {
  const shown = Object.entries(numbers).filter(([, points]) => points.length > 1).slice(0, MOST_CURVES);
  if (!shown.length) return;
  const last = graph.training.steps[graph.training.steps.length - 1];
  svg.removeAttribute("hidden");
  svg.setAttribute("viewBox", `0 0 ${CURVE.width} ${CURVE.height}`);
  shown.forEach(([name, points], i) => {
    const height = heightsOf(points.map(([, value]) => value));
    const path = points.map(([step, value]) => at([(step / last) * CURVE.width, height(value)])).join("L");
    const line = element("path", { class: `curve curve${i}`, d: `M${path}` });
    line.append(element("title"));
    line.firstChild.textContent = name;
    svg.append(line);
  });
  svg.append(element("line", { class: "cursor", y1: 0, y2: CURVE.height }));
  svg.addEventListener("click", (event) => {
    const { left, width } = svg.getBoundingClientRect();
    goToStep(((event.clientX - left) / width) * last);
  });
  const names = shown.map(([name, points], i) => html("span", { class: `curve${i}` }, isSteep(points.map(([, value]) => value)) ? `${name} (log)` : name));
  $("curve-names").replaceChildren(...names);
}

const isSteep = (values) => Math.min(...values) > 0 && Math.max(...values) > 20 * Math.min(...values);

/** Return a function from a value to its height in the picture. */
function heightsOf(values) {
  const scale = isSteep(values) ? Math.log : (value) => value;
  const [low, high] = [scale(Math.min(...values)), scale(Math.max(...values))];
  return (value) => CURVE.height - 4 - ((scale(value) - low) / (high - low || 1)) * (CURVE.height - 8);
}

function moveCursor(svg, step) {
  const { steps } = graph.training;
  const x = ((step / steps[steps.length - 1]) || 0) * CURVE.width;
  for (const end of ["x1", "x2"]) svg.querySelector(".cursor")?.setAttribute(end, x);
}

/** Return the last value of each number up to a step. */
function valuesAt(numbers, step) {
  return Object.entries(numbers).flatMap(([name, points]) => {
    const before = points.filter(([at_]) => at_ <= step);
    return before.length ? [[name, before[before.length - 1][1]]] : [];
  });
}
