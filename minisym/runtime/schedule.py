"""In which order the ops of a run come, so that little memory is held at once.

Any topological order computes the same bits. The order of the lists, depth-first with the first
input first, computes every `term` of `total = term + total` before the first sum, and holds them
all; another order holds one. `by_memory` proposes one by two rules:

* depth-first, but the input that needs most memory while it is computed comes first, as Sethi and
  Ullman order the registers of an expression (*The generation of optimal code for arithmetic
  expressions*, 1970);
* an op that is ready, and frees at least as much as it makes, comes at once.

The plan lays out the proposal and the list's order, and takes what needs fewer bytes.

>>> import minisym as ms
>>> x = total = ms.sym.Variable("x")
>>> for i in range(10):
...     total = ms.sym.exp(x * i) + total
>>> executor = total.simple_bind(x=(1 << 20,), grad_req="null", optimize=False)
>>> executor.memory_report().allocated >> 20  # MiB; 44 in the order of the lists
8
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import chain, count, pairwise
from typing import Final

from minisym.core.graph import Graph, NxGraph
from minisym.core.node import Entry, Node
from minisym.passes.order import order_writes
from minisym.passes.typed import Typed
from minisym.runtime.layout import Layout, lay_out, total

WORTH: Final = 8 << 20
"""A run that needs fewer bytes than these keeps the order of the lists: there is little to gain."""


def in_turn(nodes: Iterable[Node]) -> Iterator[tuple[Node, Node]]:
    """Yield arrows between ops whose order shows: what draws, exchanges, or keeps a state."""

    def shows(node: Node) -> bool:
        return node.op is not None and ("rng" in node.op.needs or node.op.has_effects)

    return pairwise(filter(shows, nodes))


def by_memory(arrows: NxGraph, layout: Layout, typed: Typed) -> list[Node]:
    """Return the ops in an order that needs little memory, those of the forward run first.

    Parameters
    ----------
    arrows
        The graph, and whatever else says that a node comes before another.
    layout
        Who lives where in the order of the lists: what is in a block can be given back.
    """
    ledger = _Ledger(layout, typed)
    place = {node: i for i, node in enumerate(layout.nodes)}
    sources = [[place[s] for s in arrows.pred[node] if s in place] for node in layout.nodes]
    readers = [[place[r] for r in arrows.succ[node]] for node in layout.nodes]
    heads = (place[head.node] for head in typed.graph.outputs if head.node in place)
    rank = _depth_first(heads, sources, ledger.makes)
    left = [len(before) for before in sources]
    is_ready = bytearray(len(place))
    # what comes at once, and what else is ready, of the forward run and then of the backward run
    queues: tuple[list[tuple[int, int]], ...] = ([], [], [], [])

    def queue(i: int) -> None:
        at = 2 * (i >= layout.forward) + (ledger.frees(i) < ledger.makes[i])
        heappush(queues[at], (rank[i], i))

    for i, before in enumerate(sources):
        if not before:
            is_ready[i] = True
            queue(i)
    order: list[Node] = []
    while chosen := next(filter(None, queues), None):
        _, i = heappop(chosen)
        if not is_ready[i]:
            continue  # it stood in two queues, and has come
        is_ready[i] = False
        order.append(layout.nodes[i])
        for reader in ledger.run(i):
            if is_ready[reader]:  # now that it reads a value last, it may free enough
                queue(reader)
        for reader in readers[i]:
            left[reader] -= 1
            if not left[reader]:
                is_ready[reader] = True
                queue(reader)
    return order


def likely_order(typed: Typed, heads: int) -> tuple[list[Node], int]:
    """Return the ops in the order in which a plan would run them, and the bytes of its blocks.

    But for what a plan finds out about arrays: views, and updates in place.
    """
    graph = typed.graph
    writes = order_writes(graph)
    forward = set(Graph(graph.outputs[:heads]))
    written = {write.variable: write for write in writes.writes}
    ends = graph.outputs[:heads], graph.outputs[heads:]

    def laid_out(order: Iterable[Node]) -> Layout:
        runs: tuple[list[Node], list[Node]] = ([], [])
        for node in order:
            if node.op is not None:
                runs[node not in forward].append(node)
        return lay_out(typed, runs, ends, written, (), direct=(), keep=False)

    layout = laid_out(writes.order)
    if total(layout.blocks) >= WORTH:
        arrows = graph.with_arrows(chain(writes.arrows, in_turn(layout.nodes)))
        other = laid_out(by_memory(arrows, layout, typed))
        layout = min(layout, other, key=lambda one: total(one.blocks))
    return [*layout.nodes], total(layout.blocks)


class _Ledger:
    """What the ops of a run make and free, in bytes of blocks; ops are numbered in list order."""

    def __init__(self, layout: Layout, typed: Typed) -> None:
        after = len(layout.nodes)
        self.makes = [0] * after
        self.reads: list[list[int]] = [[] for _ in layout.nodes]
        self.sizes: list[int] = []
        """Of each value what is freed with it: nothing, if it stays after the run."""
        number: dict[Entry, int] = {}
        for entry, home in layout.homes.items():
            if home.kind == "block":
                number[entry] = len(self.sizes)
                nbytes = typed.nbytes(entry)
                self.makes[home.begin] += nbytes
                self.sizes.append(nbytes if home.end < after else 0)
        self.waiting = [0] * len(number)
        """How many ops have yet to read a value, and the sum of their numbers."""
        self.waiters = [0] * len(number)
        roots = layout.roots
        for i, node in enumerate(layout.nodes):
            for entry in dict.fromkeys([roots.get(entry, entry) for entry in node.inputs]):
                value = number.get(entry)
                if value is not None:
                    self.reads[i].append(value)
                    self.waiting[value] += 1
                    self.waiters[value] += i

    def frees(self, i: int) -> int:
        """Return the bytes that nobody needs once this op has run."""
        return sum(self.sizes[value] for value in self.reads[i] if self.waiting[value] == 1)

    def run(self, i: int) -> Iterator[int]:
        """Note that an op has run; yield the ops that are left as the only reader of a value."""
        for value in self.reads[i]:
            self.waiting[value] -= 1
            self.waiters[value] -= i
            if self.waiting[value] == 1:
                yield self.waiters[value]


def _depth_first(
    heads: Iterable[int], sources: Sequence[list[int]], makes: Sequence[int]
) -> list[int]:
    """Return the place of each op in a depth-first walk, the neediest source first."""
    needs = [0] * len(sources)  # the most that is held until an op has run, as if it were a tree
    for i, before in enumerate(sources):
        before.sort(key=lambda source: makes[source] - needs[source])
        held = most = 0
        for source in before:
            most = max(most, held + needs[source])
            held += makes[source]
        needs[i] = max(most, held + makes[i])
    rank = [-1] * len(sources)
    seen = bytearray(len(sources))
    places = count()
    for head in chain(heads, range(len(sources))):
        stack = [] if seen[head] else [(head, iter(sources[head]))]
        seen[head] = True
        while stack:
            op, before_it = stack[-1]
            for source in before_it:
                if not seen[source]:
                    seen[source] = True
                    stack.append((source, iter(sources[source])))
                    break
            else:
                stack.pop()
                rank[op] = next(places)
    return rank
