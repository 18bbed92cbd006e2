"""Common subexpressions: what is computed twice is computed once.

A value that is computed once has to be kept until its last reader, where the second one would have
been made afresh. So nodes become one only where this costs no memory: while the first value is
there anyway, or where it is small beside what the graph needs in any case.
"""

from __future__ import annotations

from typing import Any, Final

from minisym.core.graph import Graph
from minisym.core.node import Entry, Node
from minisym.passes.purpose import Purpose
from minisym.passes.simplify.pinned import is_pure, written
from minisym.passes.typed import Typed

SMALL: Final = 64
"""All values that are kept longer together take at most this part of the largest one."""


def share_common(typed: Typed, purpose: Purpose) -> Typed:
    """Let one of several nodes stand for all that have its op, parameters and inputs."""
    if not _has_twins(typed.graph):
        return typed
    merged = _merged(typed, _twins(typed), purpose.heads)
    if not merged:
        return typed
    now: dict[Node, Node] = {}

    def change(node: Node, inputs: tuple[Entry, ...]) -> Node:
        now[node] = now[merged[node]] if node in merged else node.reading(inputs)
        return now[node]

    return typed.substitute({}, change)


def _has_twins(graph: Graph) -> bool:
    """Return whether two nodes have op, parameters and inputs in common: most graphs have none."""
    reads = [node.inputs for node in graph if node.op is not None]
    if len(set(reads)) == len(reads):  # the quickest question of all
        return False
    seen: dict[Any, list[Node]] = {}
    for node in graph:
        op = node.op
        if op is not None and is_pure(op):
            others = seen.setdefault((op, node.inputs), [])
            if any(_same_params(other, node) for other in others):
                return True
            others.append(node)
    return False


def _same_params(one: Node, two: Node) -> bool:
    """Return whether parameters are the same: 0.0 and -0.0, which are equal, are not."""
    a, b = one.params, two.params
    return a is b or (a == b and repr(a) == repr(b))


def _twins(typed: Typed) -> dict[Node, list[Node]]:
    """Return the nodes whose value another one has had before; the last of those comes first."""
    busy = written(typed)
    first: dict[Node, Node] = {}
    alike: dict[Any, list[Node]] = {}
    found: dict[Node, list[Node]] = {}
    for node in typed.graph:
        op = node.op
        if op is None or not is_pure(op) or any(source in busy for source, _ in node.inputs):
            continue
        # inputs that have one value are one input
        inputs = tuple([(first.get(source, source), i) for source, i in node.inputs])
        those = alike.setdefault((op, inputs), [])
        twins = [other for other in reversed(those) if _same_params(other, node)]
        if twins:
            first[node], found[node] = twins[-1], twins
        those.append(node)
    return found


def _merged(typed: Typed, twins: dict[Node, list[Node]], heads: int) -> dict[Node, Node]:
    """Return the nodes that another one can stand for, with that node.

    From the last node to the first, so that of each value it is known how long it is needed.
    """
    graph = typed.graph
    behind, place = len(graph), graph.numbered()
    spare = max(map(typed.nbytes, typed.shapes)) // SMALL
    kept = {entry.node for entry in graph.outputs}
    forward = set(Graph(graph.outputs[:heads])) if heads < len(graph.outputs) else set(graph)
    last = dict.fromkeys(kept, behind)  # node -> the place of its last reader
    merged: dict[Node, Node] = {}
    for node in reversed(list(graph)):
        if node not in last:
            continue  # nobody reads it any more
        for twin in twins.get(node, ()) if node not in kept else ():
            longer = last.get(twin, -1) < place[node]
            size = sum(typed.nbytes(Entry(node, i)) for i in range(node.num_outputs))
            if not longer or size <= spare:
                spare -= size if longer else 0
                merged[node] = twin
                last[twin] = max(last.get(twin, -1), last[node])
                break
        else:
            for source, _ in node.inputs:
                # what the backward run reads of the forward run stays, so that it may run again
                stays = source in forward and node not in forward
                last[source] = behind if stays else max(place[node], last.get(source, -1))
    return merged
