"""Groups: elementwise nodes that follow each other become one node, which holds them as a graph.

Each of them walks through whole arrays by itself. A group may be run piece by piece: what one node
makes of a piece is still in the cache when the next one reads it, and what is used inside of the
group only needs no memory but for a piece.

Members of a group come one after the other in the order of the run. So no other node has to wait
for one, nothing stays alive longer than without the group, and none can close a circle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import networkx as nx

from minisym.core.graph import Graph
from minisym.core.node import Entry, Node
from minisym.core.op import Input, Op
from minisym.core.shapes import is_known
from minisym.core.symbol import Symbol
from minisym.passes.flops import flops
from minisym.passes.slots import SHAPES, Slots, about
from minisym.passes.typed import Typed

LITTLE: Final = 16
"""A node that makes this many times less than the group may be run before it."""
MOST: Final = 64
"""How many nodes a group holds at most."""

SHOWN: Final = 6
"""How many of its members a picture names."""

KindOf = Callable[[Node], Any]
"""Says what the members of a group have in common; None of a node that is in none."""


@dataclass(frozen=True)
class Body(Typed):
    """The graph of a group; its Variables stand for the inputs of the group, in order."""

    nodes: tuple[Node, ...] = ()
    """The members, in the order in which they run."""


OpOf = Callable[[Body], Op | None]
"""Makes the op of a group; None if it is not worth while."""


def group(typed: Typed, kind_of: KindOf, op_of: OpOf, order: Iterable[Node] | None = None) -> Typed:
    """Return the graph with groups: the same one, if there are none.

    Parameters
    ----------
    typed
        The graph.
    kind_of
        What nodes of one group have in common; None of a node that is in no group.
    op_of
        The op of a group; None leaves its nodes as they are.
    order
        The nodes in the order in which they would run; without it, that of the list.

    Examples
    --------
    >>> import numpy as np
    >>> from minisym import sym
    >>> x = sym.Variable("x")
    >>> net = sym.FullyConnected(sym.exp(sym.tanh(x * 2)), num_hidden=3, no_bias=True, name="fc")
    >>> data, weight = net.graph.variables
    >>> typed = Typed.of(net.graph, {data: np.zeros((2, 4)), weight: np.zeros((3, 4))})
    >>> def elementwise(node):
    ...     return node.op.elementwise or None
    >>> grouped = group(typed, elementwise, group_op)
    >>> [node.op.name for node in grouped.graph if node.op]
    ['_group', 'FullyConnected']
    """
    nodes = [node for node in (typed.graph if order is None else order) if node.op is not None]
    new = _Regrouped(typed)
    for run in _runs(typed, nodes, kind_of):
        for members in _connected(typed.graph, run):
            new.add(members, op_of)
    return new.typed(nodes) if new.ops else typed


def _runs(typed: Typed, nodes: Iterable[Node], kind_of: KindOf) -> Iterator[list[Node]]:
    """Yield nodes of one kind that may be run one after the other."""
    run: dict[Node, None] = {}
    common: Any = None
    for node in nodes:
        kind = kind_of(node)
        if run and kind is None and _is_little(typed, node, run):
            continue  # it runs before them
        if kind is None or kind != common or len(run) == MOST:
            yield [*run]
            run, common = {}, kind
        if kind is not None:
            run[node] = None
    yield [*run]


def _is_little(typed: Typed, node: Node, run: Mapping[Node, None]) -> bool:
    """Return whether a node makes little and reads nothing of a run."""
    outputs = [Entry(node, i) for i in range(node.num_outputs)]
    if any(e.node in run for e in node.inputs) or not all(
        is_known(typed.shapes[e]) for e in outputs
    ):
        return False
    member = Entry(next(iter(run)))
    return sum(map(typed.nbytes, outputs)) * LITTLE <= typed.nbytes(member)


def _connected(graph: Graph, run: Sequence[Node]) -> Iterator[list[Node]]:
    """Yield those of a run that read one another."""
    if len(run) < 2:
        yield from [[*run]] if run else []
        return
    among = graph.subgraph(run)
    for members in nx.weakly_connected_components(among):
        yield [node for node in run if node in members]


class _Regrouped:
    """The graph that comes of putting groups in the place of their members."""

    def __init__(self, typed: Typed) -> None:
        self.before = typed
        self.heads = set(typed.graph.outputs)
        self.members: dict[Node, list[Node]] = {}
        self.ops: dict[Node, tuple[Op, list[Entry], list[Entry]]] = {}
        """Last member -> the op, what it reads, and what it makes."""

    def add(self, members: list[Node], op_of: OpOf) -> None:
        """Note a group, if it is worth while."""
        inside = set(members)
        outputs = [
            entry
            for node in members
            for entry in [Entry(node)]
            if entry in self.heads
            or any(reader not in inside for reader in self.before.graph.successors(node))
        ]
        stand_ins: dict[Entry, Entry] = {}
        made: dict[Node, Node] = {}
        shapes, dtypes = {}, {}
        for node in members:
            inputs = []
            for entry in node.inputs:
                if entry.node not in inside and entry not in stand_ins:
                    stand_ins[entry] = Entry(Node(None, entry.name))
                inputs.append(Entry(made[entry.node]) if entry.node in inside else stand_ins[entry])
            made[node] = node.reading(tuple(inputs))
        body = Graph([Entry(made[entry.node]) for entry in outputs])
        pairs = [*stand_ins.items(), *((Entry(old), Entry(new)) for old, new in made.items())]
        for old, new in pairs:
            shapes[new], dtypes[new] = self.before.shapes[old], self.before.dtypes[old]
        op = op_of(Body(body, shapes, dtypes, nodes=tuple(made.values())))
        if op is not None:
            reads = {new.node: old for old, new in stand_ins.items()}
            inputs = [reads[node] for node in body.variables]
            self.ops[members[-1]] = op, inputs, outputs
            self.members |= dict.fromkeys(members, members)

    def typed(self, nodes: Iterable[Node]) -> Typed:
        """Return the new graph, from the ops of the old one in order."""
        before = self.before
        shapes, dtypes = dict(before.shapes), dict(before.dtypes)
        stands_for = dict(before.stands_for)
        changes: dict[Entry, Entry] = {}
        for node in nodes:
            if node in self.ops:
                op, inputs, outputs = self.ops[node]
                new = Node(
                    op,
                    node.name if op.single else "",
                    tuple(changes.get(entry, entry) for entry in inputs),
                    origin=node.origin,
                )
                now = {old: Entry(new, i) for i, old in enumerate(outputs)}
            elif node in self.members:
                continue
            else:
                new = node.reading(tuple([changes.get(entry, entry) for entry in node.inputs]))
                now = {Entry(node, i): Entry(new, i) for i in range(node.num_outputs)}
            if new is not node:
                stands_for[new] = stands_for.get(node, node)
                changes |= now
                for old, entry in now.items():
                    shapes[entry], dtypes[entry] = before.shapes[old], before.dtypes[old]
        graph = Graph([changes.get(entry, entry) for entry in before.graph.outputs])
        last = before.last | {new for old, new in changes.items() if old in before.last}
        return Typed(graph, shapes, dtypes, stands_for, last)


def group_op(body: Body, prepare: Callable[..., Any] | None = None) -> Op:
    """Return the op of a group.

    Parameters
    ----------
    body
        The nodes that it holds.
    prepare
        Returns what a run of it is made of, given this body first.
    """
    graph = body.graph
    entries = [Entry(node) for node in graph.variables]
    needs = {name for node in graph if node.op is not None for name in node.op.needs}
    shapes = {body.shapes[entry] for entry in (*entries, *graph.outputs)}
    single = len(graph.outputs) == 1
    return Op(
        name="_group",
        doc="Run the elementwise nodes of a graph piece by piece.",
        inputs=tuple(Input(f"in{i}", doc="What is used inside.") for i in range(len(entries))),
        outputs=("output",) if single else tuple(entry.name for entry in graph.outputs),
        elementwise=single and len(shapes) == 1,
        in_place=_overwrites(body),
        cost=partial(_cost, body),
        needs=frozenset(needs),
        shape_rule=partial(_say, body),
        dtype_rule=partial(_say, body),
        prepare=None if prepare is None else partial(prepare, body),
        sign=_sign(body),
        subgraphs=(Symbol(graph.outputs),),
    )


def _sign(body: Body) -> str:
    """Return what pictures write: what the members do, in order."""
    words = []
    for node in body.nodes:
        assert node.op is not None
        value = node.params.get("scalar", "")
        words.append(node.op.sign.replace("{}", str(value)) or node.op.name)
    left_out = len(words) - SHOWN
    return " → ".join(
        [*words[:2], f"… {left_out} more …", *words[2 - SHOWN :]] if left_out > 0 else words
    )


def _overwrites(body: Body) -> dict[int, list[int]]:
    """Return for each output the inputs that nobody reads when it has been made."""
    graph, place = body.graph, {node: i for i, node in enumerate(body.nodes)}
    last = {v: max(place[reader] for reader in graph.successors(v)) for v in graph.variables}
    found: dict[int, list[int]] = {}
    for i, (node, _) in enumerate(graph.outputs):
        assert node.op is not None
        until = place[node] if node.op.in_place else place[node] - 1
        found[i] = [slot for slot, v in enumerate(graph.variables) if last[v] <= until]
    return found


def _cost(body: Typed, ins: Any, outs: Any, params: Any) -> int:
    """Return what the nodes do together."""
    del ins, outs, params
    return sum(flops(node, body.shapes) or 0 for node in body.graph)


def _say(body: Typed, s: Slots, *, params: Mapping[str, Any]) -> None:
    """Rule: the shapes and types are those of the body."""
    del params
    kind, _ = about(s)
    found = body.shapes if kind is SHAPES else body.dtypes
    for i, node in enumerate(body.graph.variables):
        s.set_input(i, found[Entry(node)])
    for i, entry in enumerate(body.graph.outputs):
        s.set_output(i, found[entry])
