"""Common subexpressions: what is computed twice is computed once.

A value that is computed once has to be kept until its last reader, where the second one would have
been made afresh. So nodes become one only where this costs no memory: while the first value is
there anyway, or where it is small beside what the graph needs in any case.
"""

from __future__ import annotations

from typing import Final

from minisym.core.graph import Graph
from minisym.core.node import Entry, Node
from minisym.core.op import Op
from minisym.passes.purpose import Purpose
from minisym.passes.simplify.pinned import is_pure, written
from minisym.passes.typed import Typed

Key = tuple[Op, tuple[Entry, ...]]

SMALL: Final = 64
"""All values that are kept longer together take at most this part of the largest one."""


def share_common(typed: Typed, purpose: Purpose) -> Typed:
    """Let one of several nodes stand for all that have its op, parameters and inputs."""
    if not _has_twins(typed.graph):
        return typed
    graph = typed.graph
    kept, busy = {entry.node for entry in graph.outputs}, written(typed)
    place, last = graph.numbered(), _last_readers(graph, purpose.heads)
    spare = max(map(typed.nbytes, typed.shapes)) // SMALL
    found: dict[Key, list[tuple[Node, Node]]] = {}

    def change(node: Node, inputs: tuple[Entry, ...]) -> Node:
        nonlocal spare
        new = node.reading(inputs)
        op = node.op
        if op is None or not is_pure(op) or any(entry.node in busy for entry in inputs):
            return new
        twins = found.setdefault((op, inputs), [])
        for before, twin in twins if node not in kept else ():
            if not _are_twins(twin, new):
                continue
            longer = last.get(before, -1) < place[node]
            size = sum(typed.nbytes(Entry(node, i)) for i in range(node.num_outputs))
            if longer and size > spare:
                continue
            spare -= size if longer else 0
            last[before] = max(last.get(before, -1), last.get(node, -1))
            return twin
        twins.append((node, new))
        return new

    after = typed.substitute({}, change)
    return after if len(after.graph) < len(graph) else typed


def _last_readers(graph: Graph, heads: int) -> dict[Node, int]:
    """Return the place of each node's last reader; what outlives a run is read behind all."""
    last: dict[Node, int] = {}
    behind = len(graph)
    forward = set(Graph(graph.outputs[:heads])) if heads < len(graph.outputs) else set(graph)
    for place, node in enumerate(graph):
        for source, _ in node.inputs:
            # what the backward run reads of the forward run stays, so that it may run again
            is_kept = source in forward and node not in forward
            last[source] = behind if is_kept else max(place, last.get(source, -1))
    return last | dict.fromkeys([entry.node for entry in graph.outputs], behind)


def _has_twins(graph: Graph) -> bool:
    """Return whether two nodes have op, parameters and inputs in common: most graphs have none."""
    seen: dict[Key, Node] = {}
    for node in graph:
        op = node.op
        if op is not None:
            other = seen.setdefault((op, node.inputs), node)
            if other is not node and _are_twins(other, node) and is_pure(op):
                return True
    return False


def _are_twins(one: Node, two: Node) -> bool:
    """Return whether parameters are the same: 0.0 and -0.0, which are equal, are not."""
    a, b = one.params, two.params
    return a is b or (a == b and repr(a) == repr(b))
