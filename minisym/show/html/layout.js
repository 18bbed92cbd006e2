// Layout: boxes in layers, computed frame by frame from the innermost one out.
//
// A level holds items (nodes, closed frames, open frames with a size of their own) and the links
// between them. `layered` gives each item a place: ranks by the longest path, an order within each
// rank by medians, then positions that keep linked things above each other.

const GAP = { x: 26, y: 58, dummy: 14 };

/**
 * Place the items of one level. Returns {width, height} and sets x, y (centres) on the items.
 *
 * Doors are items that something outside is linked with: {item, down}. Where the door is not at the
 * edge of the level, a lane is kept free to it, along the dummies in `door.via`.
 */
function layered(items, links, doors = []) {
  if (!items.length) return { width: 0, height: 0 };
  const ranks = rankItems(items, links);
  const { layers, edges } = withDummies(items, links, ranks);
  for (const door of doors) addLane(door, layers, edges);
  orderLayers(layers, edges);
  layers.forEach(closeRanks);
  placeAcross(layers, edges);
  let top = 0;
  for (const layer of layers) {
    const height = Math.max(...layer.map((cell) => cell.h));
    for (const cell of layer) {
      cell.y = top + height / 2;
      cell.top = top;
      cell.bottom = top + height;
    }
    top += height + GAP.y;
  }
  const cells = layers.flat();
  const left = Math.min(...cells.map((cell) => cell.x - cell.w / 2));
  const right = Math.max(...cells.map((cell) => cell.x + cell.w / 2));
  for (const cell of cells) cell.x -= left;
  return { width: right - left, height: top - GAP.y };
}

/** Return the rank of each item. What stands beside another has its rank, and its constraints. */
function rankItems(items, links) {
  const index = new Map(items.map((item, i) => [item, i]));
  const stand = items.map((item, i) => (item.beside ? index.get(item.beside) ?? i : i));
  const after = items.map(() => new Set());
  for (const { from, to } of links) {
    const [i, j] = [index.get(from), index.get(to)];
    if (items[i].beside && items[j].beside) continue; // gradients flow up beside the forward pass
    if (stand[i] !== stand[j]) after[stand[i]].add(stand[j]);
  }
  dropCycles(after);
  const before = items.map(() => 0);
  for (const targets of after) for (const j of targets) before[j] += 1;
  const sources = before.map((count) => count === 0);
  const rank = items.map(() => 0);
  const ready = items.map((_, i) => i).filter((i) => before[i] === 0);
  const order = [];
  while (ready.length) {
    const i = ready.pop();
    order.push(i);
    for (const j of after[i]) {
      rank[j] = Math.max(rank[j], rank[i] + 1);
      if (--before[j] === 0) ready.push(j);
    }
  }
  for (const i of order.reverse()) {
    // what nothing leads to stands right above its first reader
    if (sources[i] && after[i].size) rank[i] = Math.min(...[...after[i]].map((j) => rank[j])) - 1;
  }
  const found = items.map((_, i) => rank[stand[i]]);
  const used = [...new Set(found)].sort((a, b) => a - b);
  const dense = new Map(used.map((value, i) => [value, i]));
  return found.map((value) => dense.get(value));
}

/** Remove the links that close a cycle: closed frames may read from each other. */
function dropCycles(after) {
  const state = after.map(() => 0);
  for (let root = 0; root < after.length; root += 1) {
    if (state[root]) continue;
    const stack = [[root, [...after[root]]]];
    state[root] = 1;
    while (stack.length) {
      const [i, rest] = stack[stack.length - 1];
      const j = rest.pop();
      if (j === undefined) {
        state[i] = 2;
        stack.pop();
      } else if (state[j] === 1) {
        after[i].delete(j);
      } else if (!state[j]) {
        state[j] = 1;
        stack.push([j, [...after[j]]]);
      }
    }
  }
}

/** Put the items into layers, and a narrow dummy into every layer that a link passes. */
function withDummies(items, links, ranks) {
  const layers = Array.from({ length: Math.max(...ranks) + 1 }, () => []);
  const cells = new Map();
  items.forEach((item, i) => {
    item.rank = ranks[i];
    item.near = [[], []];
    cells.set(item, item);
    layers[ranks[i]].push(item);
  });
  const edges = [];
  const seen = new Map();
  const length = links.reduce((sum, { from, to }) => sum + Math.abs(from.rank - to.rank), 0);
  const routed = length < 60000; // beyond that long links run straight
  for (const link of links) {
    const upward = link.from.rank > link.to.rank;
    const [high, low] = upward ? [link.to, link.from] : [link.from, link.to];
    link.via = [];
    if (high.rank === low.rank) continue;
    const key = `${high.number},${low.number}`;
    let chain = seen.get(key);
    if (!chain) {
      chain = [];
      let last = high;
      for (let rank = high.rank + 1; rank < low.rank && routed; rank += 1) {
        const dummy = { dummy: true, rank, w: 2, h: 0, near: [[], []] };
        layers[rank].push(dummy);
        connect(last, dummy, edges);
        chain.push(dummy);
        last = dummy;
      }
      connect(last, low, edges, link.weight);
      seen.set(key, chain);
    }
    link.via = upward ? [...chain].reverse() : chain;
  }
  return { layers, edges };
}

function addLane(door, layers, edges) {
  const { item, down } = door;
  const passed = down ? layers.slice(item.rank + 1) : layers.slice(0, item.rank).reverse();
  let last = item;
  door.via = passed.map((layer, i) => {
    const rank = item.rank + (down ? i + 1 : -i - 1);
    const dummy = { dummy: true, rank, w: 2, h: 0, near: [[], []] };
    layer.unshift(dummy); // data is what most ops read first, so its lane begins on the left
    if (down) connect(last, dummy, edges, 4);
    else connect(dummy, last, edges, 4);
    last = dummy;
    return dummy;
  });
}

function connect(upper, lower, edges, weight = 1) {
  const strength = upper.dummy && lower.dummy ? 8 : upper.dummy || lower.dummy ? 2 : weight;
  upper.near[1].push([lower, strength]);
  lower.near[0].push([upper, strength]);
  edges.push([upper, lower]);
}

/** Sweep down and up: sort each layer by the mean position of what it is linked with. */
function orderLayers(layers, edges) {
  const number = (layer) => layer.forEach((cell, i) => (cell.at = i));
  for (const layer of layers) {
    // gradients to the right of what they belong to, dummies where they come from
    layer.forEach((cell, i) => (cell.key = cell.dummy ? cell.near[0][0]?.[0].key ?? i : i));
    layer.sort((a, b) => (a.side ?? 0) - (b.side ?? 0) || a.key - b.key);
    number(layer);
  }
  const few = edges.length < 6000;
  let best = few ? crossings(layers) : Infinity;
  let kept = layers.map((layer) => [...layer]);
  const sweeps = few ? 10 : 4;
  for (let sweep = 0; sweep < sweeps && best > 0; sweep += 1) {
    const down = sweep % 2 === 0;
    const sequence = down ? layers : [...layers].reverse();
    for (const layer of sequence) {
      for (const cell of layer) {
        const near = cell.near[down ? 0 : 1];
        cell.key = near.length ? mean(near.map(([other]) => relative(other, layers))) : relative(cell, layers);
      }
      layer.sort((a, b) => a.key - b.key || a.at - b.at);
      number(layer);
    }
    const count = few ? crossings(layers) : 0;
    if (count < best || !few) {
      best = few ? count : Infinity;
      kept = layers.map((layer) => [...layer]);
    }
  }
  layers.forEach((layer, i) => {
    layer.splice(0, layer.length, ...kept[i]);
    number(layer);
  });
}

/** Let a gradient stand next to what it belongs to: what has come between them goes outside. */
function closeRanks(layer) {
  for (const cell of layer.filter((one) => one.beside?.rank === one.rank)) {
    const from = layer.indexOf(cell);
    layer.splice(from, 1);
    const partner = layer.indexOf(cell.beside);
    layer.splice(partner < from ? partner + 1 : partner, 0, cell);
  }
}

const relative = (cell, layers) => (cell.at + 0.5) / layers[cell.rank].length;
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Count the links that cross, layer by layer, with a tree of counts. */
function crossings(layers) {
  let total = 0;
  for (const layer of layers) {
    const ends = [];
    for (const cell of layer) {
      ends.push(...cell.near[1].map(([lower]) => lower.at).sort((a, b) => a - b));
    }
    const size = Math.max(0, ...ends) + 2;
    const tree = new Uint32Array(size + 1);
    ends.forEach((end, seen) => {
      let below = 0;
      for (let i = end + 1; i > 0; i -= i & -i) below += tree[i];
      total += seen - below;
      for (let i = end + 1; i <= size; i += i & -i) tree[i] += 1;
    });
  }
  return total;
}

/** Find positions: a few sweeps in which each layer moves as close to its neighbours as it can. */
function placeAcross(layers, edges) {
  for (const layer of layers) {
    let x = 0;
    for (const cell of layer) {
      cell.x = x + cell.w / 2;
      x += cell.w + GAP.x;
    }
    for (const cell of layer) cell.x -= x / 2;
  }
  const sweeps = edges.length < 6000 ? 16 : 6;
  for (let sweep = 0; sweep < sweeps; sweep += 1) {
    const down = sweep % 2 === 0;
    const both = sweep >= sweeps - 4;
    for (const layer of down ? layers : [...layers].reverse()) {
      for (const cell of layer) {
        const near = both ? [...cell.near[0], ...cell.near[1]] : cell.near[down ? 0 : 1];
        let [sum, weight] = [0.02 * cell.x, 0.02];
        for (const [other, strength] of near) {
          sum += strength * other.x;
          weight += strength;
        }
        cell.goal = sum / weight;
        cell.pull = weight;
      }
      settle(layer);
    }
  }
}

/** Move cells to their goals, in order and without overlap, with the least squared displacement. */
function settle(layer) {
  const blocks = [];
  let offset = 0;
  layer.forEach((cell, i) => {
    if (i) {
      const gap = cell.dummy && layer[i - 1].dummy ? GAP.dummy : GAP.x;
      offset += (layer[i - 1].w + cell.w) / 2 + gap;
    }
    cell.offset = offset;
    let block = { sum: cell.pull * (cell.goal - offset), weight: cell.pull, cells: [cell] };
    while (blocks.length) {
      const last = blocks[blocks.length - 1];
      if (last.sum / last.weight < block.sum / block.weight) break;
      blocks.pop();
      last.cells.push(...block.cells);
      block = { sum: last.sum + block.sum, weight: last.weight + block.weight, cells: last.cells };
    }
    blocks.push(block);
  });
  for (const block of blocks) {
    for (const cell of block.cells) cell.x = block.sum / block.weight + cell.offset;
  }
}
