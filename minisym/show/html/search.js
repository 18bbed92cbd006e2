// Search: nodes by a part of their name, or of their op's.

let matches = [];
function search(again) {
  const query = $("search").value.trim().toLowerCase();
  const fits = ({ name, op }) => name.toLowerCase().includes(query) || op?.toLowerCase().includes(query);
  const isIt = ({ node }) => node.name.toLowerCase() === query;
  if (!again) matches = query ? nodeBoxes.filter((box) => fits(box.node)).sort((a, b) => isIt(b) - isIt(a)) : [];
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
