// Differences from an earlier graph: their marks, their list, and the way from one to the next.

const MARKS = { added: "+ ", removed: "− ", changed: "± ", renamed: "↷ " };
const isComparison = Boolean(graph.differences);

/** Return what became of a box: a node's own status, or "changed" if a closed frame holds one. */
function statusOf({ node, members }) {
  if (node) return node.status ?? "same";
  return members.some((member) => member.node.status) ? "changed" : "same";
}

/** Return the name of the colours of a box: in a comparison they say what became of it. */
const paintOf = (box) => (isComparison ? statusOf(box) : box.kind);

/** Open the frames around what differs, as long as that is not too much. */
function openDifferences() {
  for (const id of graph.differences ?? []) {
    const before = new Set(state.open);
    for (let frame = nodeBoxes[id].parent; !frame.isRoot; frame = frame.parent) state.open.add(frame.id);
    if (countBoxes() > MANY_BOXES) {
      state.open = before;
      return;
    }
  }
}

function goToDifference(forward) {
  const all = graph.differences ?? [];
  if (!all.length) return;
  const here = all.indexOf(state.selected?.node ? state.selected.id : -1);
  const next = here < 0 ? (forward ? 0 : all.length - 1) : (here + (forward ? 1 : -1) + all.length) % all.length;
  select(nodeBoxes[all[next]], { center: true });
}

/** Return the list of what differs, for the panel. */
function differenceList(go) {
  if (!isComparison) return [];
  const lines = graph.differences.map((id) => html("li", {}, MARKS[graph.nodes[id].status], nodeButton(id, go)));
  return section(lines.length ? "What differs (n: the next)" : "Nothing differs", html("ul", { class: "nodes" }, ...lines.slice(0, 300)));
}

/** Return what a node was and what it is. */
function differenceOf({ status, was = {} }) {
  if (!status) return [];
  const rows = Object.entries(was).map(([field, [before, now]]) => [field, `${before || "(none)"} → ${now || "(none)"}`]);
  return section(status[0].toUpperCase() + status.slice(1), ...(rows.length ? [table(rows)] : []));
}
