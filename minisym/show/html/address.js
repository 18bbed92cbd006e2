// The address: what stands behind "#" is the name of the node, or the frame, that is selected.

/** Return what an address names: a node, or else a frame. */
function named(hash) {
  let name = hash.slice(1);
  try {
    name = decodeURIComponent(name);
  } catch {
    // somebody has typed it, with a bare "%"
  }
  return nodeBoxes.find((box) => box.node.name === name) ?? frames.find((box) => box.scope.name === name);
}

function goToAddress() {
  select(location.hash.length > 1 ? named(location.hash) ?? null : null, { center: true });
}

/** Write what is selected into the address, so that it can be handed on. */
function noteAddress() {
  if (location.protocol === "about:") return; // the page is a part of another one
  const name = state.selected?.node?.name ?? state.selected?.scope.name;
  const hash = name === undefined ? "" : `#${encodeURIComponent(well(name))}`;
  if (hash !== location.hash) history.replaceState(null, "", hash || location.pathname + location.search);
}

/** Return a name without halves of characters, which no address can hold. */
const well = (name) => name.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");

window.addEventListener("hashchange", goToAddress);
