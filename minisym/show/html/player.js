// The player: a slider, and what it moves through. That is the nodes of one run (`runPlayer`) or the
// steps of a training (`trainingPlayer`). Both say at each position what is marked in the graph, what
// the panel shows, and in words where one is.

const player = graph.training ? trainingPlayer(graph.training) : graph.run ? runPlayer(graph.run) : null;
const unit = graph.training ? "step" : "node";

function preparePlayer() {
  $("player").hidden = false;
  $("player").classList.toggle("training", Boolean(graph.training));
  $("slider").max = player.places[player.end];
  $("slider").addEventListener("input", () => goTo(nearest(Number($("slider").value))));
  for (const [id, words] of [["back", `One ${unit} back ([)`], ["next", `One ${unit} on (])`]]) {
    $(id).title = words;
    $(id).setAttribute("aria-label", words.slice(0, -4));
  }
  if (graph.training) drawCurves($("curves"), graph.training.numbers, (step) => goTo(nearest(step)));
}

/** Return the position that is nearest to a place of the slider. */
function nearest(place) {
  const distance = (position) => Math.abs(player.places[position] - place);
  return player.places.reduce((best, _, position) => (distance(position) < distance(best) ? position : best), 0);
}

function goTo(position) {
  if (!player) return;
  state.step = Math.max(0, Math.min(player.end, position));
  player.follow(state.step);
  highlight();
  showStep();
  fill();
}

/** Mark in the graph, on the slider and in words where the reader stands. */
function showStep() {
  if (!player) return;
  player.mark(state.step);
  const place = player.places[state.step];
  $("slider").value = place;
  $("where").textContent = player.words(state.step);
  $("slider").setAttribute("aria-valuetext", player.words(state.step));
  if (graph.training) moveCursor($("curves"), place);
}

let timer = null;
function play() {
  if (!player) return;
  if (timer) {
    clearInterval(timer);
    timer = null;
  } else {
    if (state.step >= player.end) goTo(0);
    timer = setInterval(() => (state.step < player.end ? goTo(state.step + 1) : play()), player.pace);
  }
  $("play").textContent = timer ? "Pause" : "Play";
}

/** Return the numbers of the nodes that a box stands for. */
function idsIn(box) {
  return box.scope ? box.members.map((member) => member.id) : [box.id];
}
