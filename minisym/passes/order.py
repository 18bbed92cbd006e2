"""Who may write, and when: the write rule as a pass.

*Within one run every reader of a bound array sees the value it had when the run began; writes land
after the last reader.* `order_writes` finds every write, refuses two writers of one variable, and
orders the nodes so that all readers of a written variable come before its writer. Where that is a
cycle (`w + update(w)` reads the new value and the old), the reader cannot come first: then the new
value waits in a buffer of its own until the run ends.

>>> from minisym import sym
>>> w = sym.Variable("w")
>>> step = sym.signsgd_update(w, sym.Variable("g"), lr=0.1, name="step")
>>> writes = order_writes(Graph(sym.Group([step, w * 2])))
>>> [node.name for node in writes.order], [write.variable.name for write in writes.writes]
(['w', 'g', '_mulscalar0', 'step'], ['w'])
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import networkx as nx

from minisym.core.errors import BindError
from minisym.core.graph import Graph, NxGraph
from minisym.core.node import Entry, Node


@dataclass(frozen=True, slots=True)
class Write:
    """`entry`, an output of an updating node, is the new value of `variable`."""

    variable: Node
    """The Variable that is overwritten."""
    entry: Entry
    """The output that is its new value."""
    slot: str
    """The updating op's name for the input that it overwrites."""


@dataclass(frozen=True, slots=True)
class WriteOrder:
    """What `order_writes` found."""

    order: tuple[Node, ...]
    """All nodes, inputs first, and readers of a written variable before its writer if possible."""
    writes: tuple[Write, ...]
    """The last write of each written variable."""
    arrows: tuple[tuple[Node, Node], ...]
    """What the order keeps to besides the edges of the graph: pairs of a reader and a writer."""


def find_writes(graph: Graph) -> dict[Entry, Write]:
    """Return every write of a graph by the entry that holds the new value.

    Raises
    ------
    BindError
        An op would overwrite something that is no Variable, or two overwrite the same one and
        neither feeds the other.
    """
    found: dict[Entry, Write] = {}
    last: dict[Node, Write] = {}
    for node in graph:
        if node.op is None or not node.op.writes:
            continue
        inputs = dict(zip(node.input_names(), node.inputs, strict=False))
        for slot, output in node.op.writes_of(node.params).items():
            target = inputs.get(slot)
            if target is None:
                continue
            before = found.get(target)
            if target.node.op is not None and before is None:
                message = (
                    f"{node.op.name} {node.name!r}: {slot} is the output {target.name} of "
                    f"{target.node.op.name}, but an update overwrites a Variable"
                )
                raise BindError(
                    message, origin=node.origin, hint=f"pass the Variable itself as {slot}"
                )
            variable = before.variable if before else target.node
            write = Write(variable, Entry(node, output), slot)
            rival = last.get(variable)
            if rival is not None and (before is None or rival.entry != target):
                raise _two_writers(variable, rival, write)
            found[write.entry] = last[variable] = write
    return found


def _two_writers(variable: Node, one: Write, two: Write) -> BindError:
    a, b = one.entry.node, two.entry.node
    assert a.op is not None
    assert b.op is not None
    message = (
        f"variable {variable.name!r} is written by two nodes, "
        f"{a.op.name} {a.name!r} and {b.op.name} {b.name!r}, and neither feeds the other"
    )
    return BindError(
        message,
        origin=b.origin,
        hint=f"chain them: pass the output of {a.name!r} as {two.slot} of {b.name!r}",
    )


def order_writes(graph: Graph) -> WriteOrder:
    """Order the nodes of a graph by the write rule.

    It is networkx's topological sort of the graph and of an arrow from each reader of a written
    variable to its first writer; what it leaves open is decided by the list's order.
    """
    found = find_writes(graph)
    last: dict[Node, Write] = {}
    first: dict[Node, Node] = {}
    for write in found.values():
        last[write.variable] = write
        first.setdefault(write.variable, write.entry.node)
    arrows = [
        (reader, writer)
        for variable, writer in first.items()
        for reader in _readers_before(graph, variable, writer)
    ]
    place = graph.numbered()
    try:
        order = in_order(graph.with_arrows(arrows) if arrows else graph, place)
    except nx.NetworkXUnfeasible:
        # updates that read each other's variables: no order serves all
        arrows = []
        order = in_order(graph, place)
    return WriteOrder(tuple(order), tuple(last.values()), tuple(arrows))


def _readers_before(graph: Graph, variable: Node, writer: Node) -> list[Node]:
    """Return the readers of a variable that can come before its writer."""
    readers = [reader for reader in graph.successors(variable) if reader is not writer]
    if readers and graph.out_degree(writer):
        behind = nx.descendants(graph, writer)
        readers = [reader for reader in readers if reader not in behind]
    return readers


def in_order(arrows: NxGraph, place: Mapping[Node, int]) -> list[Node]:
    """Sort a graph topologically; what that leaves open is decided by the nodes' places."""
    return list(nx.lexicographical_topological_sort(arrows, key=place.__getitem__))
