// The beginning: buttons get their actions, and the graph is drawn for the first time.

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
  svg: saveSvg, png: savePng,
  help: () => $("keys").showModal(), first: () => goTo(0), back: () => goTo(state.step - 1), play,
  next: () => goTo(state.step + 1), last: () => goTo(Infinity),
};
for (const [id, action] of Object.entries(actions)) $(id).addEventListener("click", action);
if (player) preparePlayer();
if (!frames.length) $("open").hidden = $("close").hidden = true;
openSome();
openDifferences();
redraw();
fitAtFirst();
goToAddress();
