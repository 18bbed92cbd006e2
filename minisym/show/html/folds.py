"""Frames for what a graph does several times over: one closed box instead of twelve alike.

What is repeated, `minisym.show.repeats` finds, as it does for pictures. There one copy is drawn for
all; here all are there, and one opens them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from minisym.core.graph import Graph
from minisym.core.node import Node
from minisym.show import text
from minisym.show.groups import Groups, Scope
from minisym.show.known import Known
from minisym.show.repeats import Repeat, repeats

FEW: Final = 60
"""Graphs of so many nodes are open as they are."""


@dataclass(frozen=True, eq=False)
class Fold:
    """A frame around copies of one computation, or around one of them."""

    title: str
    count: int = 1
    """How many copies it holds."""


Part = str | Fold
Place = tuple[Part, ...]
"""Scopes of names, and among them the frames of copies, the outermost first."""


def fold(graph: Graph, found: Groups, kinds: Mapping[Node, str], known: Known) -> dict[Node, Place]:
    """Return the scopes around each node, with the frames of what is repeated."""
    places: dict[Node, Place] = {**found.scopes}
    if len(graph) > FEW:
        for repeat in repeats(graph, found, known):
            if _hangs_together(graph, repeat, kinds):
                places.update(_places(repeat, found.scopes))
    return places


def _places(repeat: Repeat, scopes: Mapping[Node, Scope]) -> Iterator[tuple[Node, Place]]:
    """Yield the new place of each node of a repeat."""
    depth, length = repeat.depth, len(repeat.copies[0])
    whole = Fold(f"{text.plain(repeat.title)} ×{len(repeat.copies)}", len(repeat.copies))
    for copy in repeat.copies:
        own = [] if repeat.is_scope or length == 1 else [Fold(_title(copy))]
        for node in copy:
            scope = scopes[node]
            yield node, (*scope[:depth], whole, *own, *scope[depth:])


def _title(copy: tuple[Node, ...]) -> str:
    ops = [node for node in copy if node.op is not None and node.kind != "update"]
    first, last = (text.plain(node.name, 32) for node in (ops[0], ops[-1]))
    return first if len(ops) == 1 else f"{first} … {last}"


def _hangs_together(graph: Graph, repeat: Repeat, kinds: Mapping[Node, str]) -> bool:
    """Return whether no value leaves the copies and comes back: then a frame fits around them."""
    inside = {node for copy in repeat.copies for node in copy}
    behind = set[Node]()  # the nodes outside that read something of a copy
    for node in graph:
        if node.op is None or kinds[node] in ("backward", "update"):
            continue
        sources = {entry.node for entry in node.inputs}
        if node in inside:
            if not behind.isdisjoint(sources):
                return False
        elif not inside.isdisjoint(sources) or not behind.isdisjoint(sources):
            behind.add(node)
    return True
