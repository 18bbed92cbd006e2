"""What a graph does several times over: one copy is drawn for all.

Repeats are found in two ways. *By structure*: stretches of the order that follow each other and are
alike, op by op, input by input. *By name*: scopes of one pattern of names (branch0, branch1) that
compute the same, wherever they are.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

import networkx as nx
import numpy as np

from minisym.core.graph import Graph
from minisym.core.node import Node
from minisym.show import text
from minisym.show.groups import Groups, Scope
from minisym.show.known import Known
from minisym.show.roles import is_auto_name

LONGEST: Final = 500
"""Longer stretches are not looked for: the search takes time with each length."""
_ROUNDS: Final = 30

Alike = Callable[[Node], Hashable]
"""What must be equal for two nodes to compute the same, whatever they read."""


@dataclass(frozen=True, eq=False)
class Repeat:
    """Copies of one computation, node by node in the same order; the first stands for all."""

    title: str
    copies: tuple[tuple[Node, ...], ...]
    depth: int
    """How many scopes lie around it."""
    is_scope: bool
    """Each copy is a scope: so the scopes within it can be drawn, too."""


def repeats(graph: Graph, found: Groups, known: Known) -> list[Repeat]:
    """Find what is repeated; no node is in two repeats."""

    def alike(node: Node) -> Hashable:
        params = tuple(sorted((name, repr(value)) for name, value in node.params.items()))
        # those of weights, too: so that all copies have as many parameters
        shapes = tuple(known.shapes.get(entry) for entry in (*node.inputs, *node.entries()))
        return node.op.name if node.op else "", params, len(node.inputs), shapes

    in_a_row = list(_by_structure(graph, found, alike))
    taken = {node for repeat in in_a_row for copy in repeat.copies for node in copy}
    return in_a_row + list(_by_name(graph, found, alike, taken))


# ----------------------------------------------------------------------------------------- by name


def _by_name(graph: Graph, found: Groups, alike: Alike, taken: set[Node]) -> Iterator[Repeat]:
    """Yield the outermost scopes that compute the same."""
    members: defaultdict[Scope, list[Node]] = defaultdict(list)
    for node in graph:
        scope = found.scopes[node]
        for depth in range(1, len(scope) + 1):
            members[scope[:depth]].append(node)
    families: defaultdict[Hashable, list[Scope]] = defaultdict(list)
    done: set[Scope] = set()
    for scope in sorted(members, key=len):
        if not taken.isdisjoint(members[scope]):
            continue
        pattern = re.sub(r"\d+", "#", scope[-1])
        families[scope[:-1], pattern, _signature(members[scope], scope[-1], alike)].append(scope)
    for scopes in sorted(families.values(), key=lambda scopes: len(scopes[0])):
        if len(scopes) < 2 or any(scopes[0][:depth] in done for depth in range(len(scopes[0]))):
            continue
        done.update(scopes)
        scopes.sort(key=lambda scope: _numbers(scope[-1]))
        copies = tuple(tuple(members[scope]) for scope in scopes)
        yield Repeat(_names(scopes), copies, len(scopes[0]) - 1, is_scope=True)


def _signature(nodes: Sequence[Node], name: str, alike: Alike) -> Hashable:
    place = {node: i for i, node in enumerate(nodes)}
    return tuple(
        (
            alike(node) if node.op else node.name.removeprefix(name),
            tuple((place.get(e.node), e.node in place and e.index) for e in node.inputs),
        )
        for node in nodes
    )


def _numbers(name: str) -> list[tuple[int, str]]:
    """Sort block2 before block10."""
    return [(int(word or 0), rest) for word, rest in re.findall(r"(\d*)(\D*)", name)]


def _names(scopes: Sequence[Scope]) -> str:
    """Return what the first and the last of scopes say together.

    >>> _names([("net", "net_block0"), ("net", "net_block1"), ("net", "net_block2")])
    'block0…2'
    """
    outer = scopes[0][-2] if len(scopes[0]) > 1 else ""
    first, last = (scope[-1].removeprefix(outer).lstrip("_/.") for scope in (scopes[0], scopes[-1]))
    common = 0
    while common < min(len(first), len(last)) and first[common] == last[common]:
        common += 1
    while common and first[common - 1].isdigit():
        common -= 1
    return f"{first}…{last[common:]}"


# ------------------------------------------------------------------------------------ by structure


def _by_structure(graph: Graph, found: Groups, alike: Alike) -> Iterator[Repeat]:
    """Yield stretches that follow each other and are alike; what saves most, first.

    A stretch is a block if it hangs together and cuts no scope in two.
    """
    ops = [node for node in graph if node.op is not None]
    forward = {layer.op for layer in found.layers.values()}
    numbers: dict[Hashable, int] = {}
    labels = np.array(
        [
            numbers.setdefault(alike(node) if node in forward else node, i)
            for i, node in enumerate(ops)
        ],
        dtype=np.int64,
    )
    place = {node: i for i, node in enumerate(ops)}
    crossed = crossing(ops, place)
    scopes = [(), *(found.scopes[node] for node in ops)]
    # a block ends where few links cross, and where another scope begins
    cuts = [(n, scopes[i] == scopes[i + 1]) for i, n in enumerate(crossed[:-1])]
    sizes = Counter(scope for node in forward if node for scope in _with_outer(found.scopes[node]))

    def is_block(start: int, length: int) -> bool:
        copy, two = ops[start : start + length], ops[start : start + 2 * length]
        inside = Counter(scope for node in copy for scope in _with_outer(found.scopes[node]))
        depth = _common_depth([found.scopes[node] for node in two])
        whole = all(sizes[scope] == n for scope, n in inside.items() if len(scope) > depth)
        return whole and _hangs_together(copy)

    for _ in range(_ROUNDS):
        best: tuple[int, ...] = ()
        for saved, length, begin, run in _runs(labels):
            if best and saved <= best[0]:
                break
            places = sorted(range(begin, begin + run % length + 1), key=cuts.__getitem__)[:9]
            whole = [i for i in places if is_block(i, length)]
            if not whole:
                continue
            start = whole[0]
            count = _equal_copies(ops, place, start, length, (run - run % length) // length + 1)
            if (count - 1) * length > (best[0] if best else 2):
                best = ((count - 1) * length, start, length, count)
        if not best:
            return
        _, start, length, count = best
        labels[start : start + length * count] = -1 - np.arange(start, start + length * count)
        copies = [ops[start + c * length : start + (c + 1) * length] for c in range(count)]
        yield _repeat(graph, found, copies)


def _with_outer(scope: Scope) -> list[Scope]:
    """Return a scope and those around it."""
    return [scope[:depth] for depth in range(1, len(scope) + 1)]


def _common_depth(scopes: Sequence[Scope]) -> int:
    """Return how many scopes lie around all."""
    depth = 0
    while all(len(scope) > depth and scope[depth] == scopes[0][depth] for scope in scopes):
        depth += 1
    return depth


def crossing(ops: Sequence[Node], place: Mapping[Node, int]) -> list[int]:
    """Count the values that cross each place between two ops: where a block ends, there are few."""
    last = {place[e.node]: i for i, node in enumerate(ops) for e in node.inputs if e.node in place}
    change = np.zeros(len(ops) + 1, np.int64)
    for first, reader in last.items():
        change[first + 1] += 1
        change[reader + 1] -= 1
    crossed: list[int] = np.cumsum(change).tolist()
    return crossed


def _runs(labels: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Find runs of labels that are the same so many places on: (saved, length, start, run).

    Those that would save most come first.
    """
    found = []
    for length in range(1, min(len(labels) // 2, LONGEST) + 1):
        same = np.zeros(len(labels) - length + 2, np.int8)
        same[1:-1] = labels[length:] == labels[:-length]
        edges = np.flatnonzero(np.diff(same))
        for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            if end - start >= length:
                found.append(((end - start) // length * length, length, start, end - start))
    found.sort(key=lambda run: (-run[0], run[1]))
    return found[:200]


def _equal_copies(
    ops: Sequence[Node], place: Mapping[Node, int], start: int, length: int, count: int
) -> int:
    """Return how many copies read the same: from within, from the copy before, or from outside."""
    first, second = (
        [_sources(ops[i], place, start, start + copy * length) for i in range(at, at + length)]
        for copy, at in ((0, start), (1, start + length))
    )
    for one, other in zip(first, second, strict=True):
        if any((a >= 0 or b >= 0) and a != b for a, b in zip(one, other, strict=True)):
            return 1
    for copy in range(2, count):
        at = start + copy * length
        for i in range(length):
            if _sources(ops[at + i], place, start, at) != second[i]:
                return copy
    return count


def _hangs_together(ops: Sequence[Node]) -> bool:
    """Return whether links join all ops: what only happens to be listed in a row is no block."""
    inside = set(ops)
    pieces = nx.Graph()
    pieces.add_nodes_from(ops)
    pieces.add_edges_from((e.node, n) for n in ops for e in n.inputs if e.node in inside)
    return bool(nx.is_connected(pieces))


def _sources(node: Node, place: Mapping[Node, int], start: int, at: int) -> list[int]:
    """Return where inputs come from: a place in this copy, negative for earlier ones.

    What lies before the first copy, and a Variable, is all one.
    """
    outside = -1_000_000_000
    return [
        i - at if (i := place.get(entry.node, -1)) >= start else outside for entry in node.inputs
    ]


def _repeat(graph: Graph, found: Groups, copies: Sequence[Sequence[Node]]) -> Repeat:
    """Make a repeat of copies of ops: what serves an op alone belongs to its copy."""
    depth = _common_depth([found.scopes[node] for copy in copies for node in copy])
    rows: list[tuple[Node, ...]] = []
    for row in zip(*copies, strict=True):
        rows.append(row)
        servants = [_servants(graph, found, node) for node in row]
        if len({tuple(node.op for node in few) for few in servants}) == 1:
            rows += zip(*servants, strict=True)
    whole = tuple(zip(*rows, strict=True))
    names = _own_scopes(found, copies, depth)
    title = _names(names) if names else title_of(copies[0])
    return Repeat(title, whole, depth, is_scope=bool(names))


def _own_scopes(found: Groups, copies: Sequence[Sequence[Node]], depth: int) -> list[Scope]:
    """Return the scope of each copy, if each has one of its own."""
    own = []
    for copy in copies:
        here = {found.scopes[node][: depth + 1] for node in copy}
        deep = [scope for scope in here if len(scope) > depth]
        if len(deep) != 1:
            return []
        own += deep
    return own if len(set(own)) == len(own) else []


def _servants(graph: Graph, found: Groups, op: Node) -> list[Node]:
    """Return the Variables that nobody else reads, and the updates that write them."""
    layer = found.layers[op]
    sources = dict.fromkeys(entry.node for entry in op.inputs if entry.node.op is None)
    own = [
        node
        for node in sources
        if found.layers.get(node) is layer or list(graph.successors(node)) == [op]
    ]
    return own + layer.updates


def title_of(nodes: Sequence[Node]) -> str:
    """Return what is between the ends of a copy: their names, or their ops if they have none."""
    first, last = (
        node.op.name if node.op and is_auto_name(node) else node.name
        for node in (nodes[0], nodes[-1])
    )
    pairs = zip(first, last, strict=False)
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    last = last[max(first.rfind(mark, 0, alike) for mark in "_/.") + 1 :]
    names = [text.plain(first, 32), text.plain(last, 32)]
    return names[0] if len(nodes) == 1 else " … ".join(names)
