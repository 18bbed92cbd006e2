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

from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx

from minisym.errors import BindError
from minisym.graph import Entry, Graph, Node


@dataclass(frozen=True, slots=True)
class Write:
    """`entry`, an output of an updating node, is the new value of `variable`."""

    variable: Node
    entry: Entry
    slot: str
    """The updating op's name for the input that it overwrites."""


@dataclass(frozen=True, slots=True)
class WriteOrder:
    """What `order_writes` found."""

    order: tuple[Node, ...]
    """All nodes, inputs first, and readers of a written variable before its writer if possible."""
    writes: tuple[Write, ...]
    """The last write of each written variable."""
    late_readers: frozenset[Node]
    """Nodes that read a written variable but cannot come before its writer."""


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
    for node in graph.order:
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
    """Order the nodes of a graph by the write rule; networkx does the ordering."""
    found = find_writes(graph)
    if not found:
        return WriteOrder(graph.order, (), frozenset())
    index, consumers = graph.index, graph.consumers
    last = {write.variable: write for write in found.values()}
    late: set[Node] = set()
    added: list[tuple[int, int]] = []
    for variable in last:
        writer = _first_writer(variable, found)
        behind = nx.descendants(graph.nx, writer) if consumers[writer] else ()
        for reader in consumers[variable]:
            if reader in behind:
                late.add(reader)
            elif reader is not writer:
                added.append((index[reader], index[writer]))
    order: Sequence[Node] = graph.order
    if any(reader > writer for reader, writer in added):
        try:
            order = _sorted(graph, added)
        except nx.NetworkXUnfeasible:
            # updates that read each other's variables: no order serves all, their readers are late
            late |= {graph.order[reader] for reader, _ in added}
    return WriteOrder(tuple(order), tuple(last.values()), frozenset(late))


def _sorted(graph: Graph, added: Sequence[tuple[int, int]]) -> list[Node]:
    """Sort the nodes topologically with some edges added, close to their first order.

    networkx sorts positions instead of nodes: integers are quick to hash.
    """
    index = graph.index
    edges = nx.DiGraph()
    edges.add_nodes_from(range(len(graph.order)))
    edges.add_edges_from(
        (index[source], position)
        for position, node in enumerate(graph.order)
        for source, _ in node.inputs
    )
    edges.add_edges_from(added)
    return [graph.order[i] for i in nx.lexicographical_topological_sort(edges)]


def _first_writer(variable: Node, found: dict[Entry, Write]) -> Node:
    return next(w.entry.node for w in found.values() if w.variable is variable)
