"""The graph: nodes that own their inputs, and what some outputs reach.

A `Node` is one Variable or one op call. It is immutable and names its inputs when it is made, so a
cycle cannot be written down. An `Entry` is one output of a node. A `Graph` is all that some entries
reach, in depth-first post-order, and its networkx view answers every question about structure.

>>> from minisym import sym
>>> graph = Graph((sym.Variable("a") + sym.Variable("b")).entries)
>>> [node.name for node in graph.order][:2]
['a', 'b']
>>> import networkx as nx
>>> nx.is_directed_acyclic_graph(graph.nx), graph.nx.number_of_edges()
(True, 2)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple, Self

import networkx as nx

from minisym.errors import GraphError
from minisym.op import NO_PARAMS, Op, Params
from minisym.origin import Origin

Attrs = Mapping[str, str]
NxGraph = Any
"""A networkx.MultiDiGraph of nodes (networkx ships no types)."""


class Entry(NamedTuple):
    """One output of one node."""

    node: Node
    index: int = 0  # type: ignore[assignment]  # hides tuple.index, which nobody needs here

    @property
    def name(self) -> str:
        """The output's name: a variable's own, `fc1_output`, or `split_output1`."""
        return names_of((self,))[0]


def names_of(entries: Iterable[Entry]) -> list[str]:
    """Return the names of outputs; those of one node that follow each other are made once."""
    found: list[str] = []
    last, names = None, ()  # type: tuple[Node | None, tuple[str, ...]]
    for node, index in entries:
        if node.op is None:
            found.append(node.name)
            continue
        if node is not last:
            last, names = node, _output_names(node.op, node)
        found.append(names[index])
    return found


def _output_names(op: Op, node: Node) -> tuple[str, ...]:
    suffixes = op.output_names(node.params)
    if op.visible_outputs(node.params) > 1 and set(suffixes) == {"output"}:
        suffixes = tuple(f"output{i}" for i in range(len(suffixes)))
    return tuple(f"{node.name}_{suffix}" for suffix in suffixes) if node.name else suffixes


class _Draft:
    """A node while it is being made: plain slots, quick to fill."""

    __slots__ = ("__weakref__", "attrs", "inputs", "name", "op", "origin", "params")

    op: Op | None
    name: str
    inputs: tuple[Entry, ...]
    params: Params
    attrs: Attrs
    origin: Origin


class Node(_Draft):
    """One Variable (`op` is None) or one op call; immutable.

    Attributes
    ----------
    op
        What is called; None for a Variable.
    name
        The user's name for it, or an automatic one.
    inputs
        The entries that it reads, in the op's order.
    params
        The op's parameters, typed, with defaults filled in.
    attrs
        The strings that MXNet keeps: the parameters that the user wrote, and user attributes
        (`__shape__`, `__lr_mult__`, …).
    origin
        Where the user composed it; see `minisym.origin`.
    """

    __slots__ = ()

    def __new__(
        cls,
        op: Op | None,
        name: str,
        inputs: tuple[Entry, ...] = (),
        params: Params = NO_PARAMS,
        attrs: Attrs = NO_PARAMS,
        origin: Origin = (),
    ) -> Self:
        """Fill in a draft and freeze it: from then on nothing can be set."""
        draft = _Draft()
        draft.op = op
        draft.name = name
        draft.inputs = inputs
        draft.params = params
        draft.attrs = attrs
        draft.origin = origin
        draft.__class__ = cls
        return draft  # type: ignore[return-value]

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: everybody who holds the node relies on it."""
        message = f"a node is immutable: {name} of {self!r} cannot be set"
        raise AttributeError(message)

    def __delattr__(self, name: str) -> None:
        """Refuse."""
        self.__setattr__(name, None)

    def __repr__(self) -> str:
        """Show op and name."""
        return f"<{self.op.name if self.op else 'Variable'} {self.name!r}>"

    @property
    def given(self) -> frozenset[str]:
        """The parameters that the user wrote; JSON keeps only these."""
        return frozenset(self.attrs).intersection(self.op.params) if self.op else frozenset()

    @property
    def is_variable(self) -> bool:
        """Whether it is a Variable."""
        return self.op is None

    @property
    def num_outputs(self) -> int:
        """How many outputs there are, hidden ones included."""
        op = self.op
        return 1 if op is None or op.single else len(op.output_names(self.params))

    def input_names(self) -> tuple[str, ...]:
        """Return the names of the inputs, as the op calls them."""
        return () if self.op is None else self.op.input_names(self.params, len(self.inputs))

    def entries(self) -> tuple[Entry, ...]:
        """Return the outputs that a user sees."""
        if self.op is None:
            return (Entry(self),)
        return tuple(Entry(self, i) for i in range(self.op.visible_outputs(self.params)))

    def replace(self, **changes: Any) -> Node:
        """Return a copy with some fields changed."""
        fields = {n: getattr(self, n) for n in _Draft.__slots__ if n != "__weakref__"}
        return Node(**(fields | changes))


def first_entry(node: Node) -> Entry:
    """Return `Entry(node, 0)`, made the short way: composing makes one for every node."""
    return _new_tuple(Entry, (node, 0))


_new_tuple = tuple.__new__


class Graph:
    """Everything that some outputs reach.

    Parameters
    ----------
    outputs
        A Symbol, or entries.

    Examples
    --------
    >>> from minisym import sym
    >>> graph = Graph(sym.tanh(sym.Variable("x"), name="t"))
    >>> graph
    Graph(2 nodes, outputs: t_output)
    >>> Graph.from_nx(graph.nx) == graph
    True
    """

    def __init__(self, outputs: Iterable[Entry] | Any) -> None:
        entries = getattr(outputs, "entries", outputs)
        self.outputs: Final[tuple[Entry, ...]] = tuple(entries)

    def __repr__(self) -> str:
        """Show size and outputs."""
        names = ", ".join(entry.name for entry in self.outputs[:4])
        more = ", …" if len(self.outputs) > 4 else ""
        return f"Graph({len(self.order)} nodes, outputs: {names}{more})"

    def __len__(self) -> int:
        """Return the number of nodes."""
        return len(self.order)

    def __iter__(self) -> Iterator[Node]:
        """Iterate over the nodes, inputs before their readers."""
        return iter(self.order)

    @cached_property
    def order(self) -> tuple[Node, ...]:
        """All nodes in depth-first post-order. MXNet's lists and files follow it, so it is API."""
        return tuple(post_order(self.outputs))

    @cached_property
    def index(self) -> dict[Node, int]:
        """The position of each node in `order`."""
        return {node: i for i, node in enumerate(self.order)}

    @property
    def variables(self) -> tuple[Node, ...]:
        """The Variables, in order."""
        return tuple(node for node in self.order if node.op is None)

    @cached_property
    def auxiliary(self) -> frozenset[Node]:
        """The Variables that some op takes as an auxiliary state."""
        found = set()
        for node in self.order:
            if node.op is None:
                continue
            if node.op.states:
                for name, entry in zip(node.input_names(), node.inputs, strict=False):
                    if node.op.is_state(name) and entry.node.op is None:
                        found.add(entry.node)
        return frozenset(found)

    @property
    def arguments(self) -> tuple[Node, ...]:
        """The Variables that are no auxiliary states, in order."""
        return tuple(node for node in self.variables if node not in self.auxiliary)

    @cached_property
    def initializers(self) -> dict[Node, str]:
        """What ops say about how to initialize the variables that a user passed to them.

        MXNet notes it in the variable itself when it composes (a variable that it makes for an
        absent input has it from the start); here a node is immutable, so the graph says it. What a
        file does not say stays unsaid.
        """
        found: dict[Node, str] = {}
        for node in self.order:
            op = node.op
            if op is None or not op.inits or not node.origin:
                continue
            for name, (source, _) in zip(node.input_names(), node.inputs, strict=False):
                if name in op.inits and source.op is None and "__init__" not in source.attrs:
                    found.setdefault(source, op.inits[name])
        return found

    def attributes(self, node: Node) -> Attrs:
        """Return the attributes of a node, its initializer included."""
        init = self.initializers.get(node)
        return node.attrs if init is None else {**node.attrs, "__init__": init}

    @cached_property
    def consumers(self) -> dict[Node, list[Node]]:
        """The nodes that read each node's outputs (once each, in order)."""
        readers: dict[Node, list[Node]] = {node: [] for node in self.order}
        for node in self.order:
            for entry in dict.fromkeys(entry.node for entry in node.inputs):
                readers[entry].append(node)
        return readers

    @cached_property
    def nx(self) -> NxGraph:
        """The graph for networkx, frozen: nodes are `Node` objects.

        Each edge carries `index` (which output of its source) and `slot` (which input of its
        target). Copy it (`networkx.MultiDiGraph(graph.nx)`) to edit, and come back by `from_nx`.
        """
        view: NxGraph = nx.MultiDiGraph(outputs=self.outputs)
        view.add_nodes_from(self.order)
        view.add_edges_from(
            (entry.node, node, slot, {"index": entry.index, "slot": slot})
            for node in self.order
            for slot, entry in enumerate(node.inputs)
        )
        return nx.freeze(view)

    @classmethod
    def from_nx(cls, view: NxGraph, outputs: Sequence[Entry] | None = None) -> Graph:
        """Make a Graph of an edited copy of `nx`.

        Nodes whose in-edges say what their `inputs` say are kept; others are made anew with the
        inputs that the edges name. Without `outputs` those of the original graph are taken.

        Raises
        ------
        GraphError
            The edges hold a cycle, skip a slot, name one twice, or a node is no `Node`.
        """
        heads = view.graph.get("outputs") if outputs is None else outputs
        if heads is None:
            message = "the networkx graph does not say what its outputs are"
            raise GraphError(message, hint="pass outputs=, or keep graph['outputs'] of the copy")
        try:
            order = list(nx.topological_sort(view))
        except nx.NetworkXUnfeasible:
            ring = " -> ".join(getattr(e[0], "name", repr(e[0])) for e in nx.find_cycle(view))
            message = f"the edges hold a cycle: {ring}"
            raise GraphError(message, hint="remove one of these edges") from None
        made: dict[Node, Node] = {}
        for node in order:
            if not isinstance(node, Node):
                message = f"{node!r} is no minisym Node"
                raise GraphError(message, hint="add nodes made by composing symbols")
            try:
                edges = sorted(
                    (
                        (data["slot"], source, data["index"])
                        for source, _, data in view.in_edges(node, data=True)
                    ),
                    key=lambda edge: edge[0],
                )
            except KeyError as missing:
                message = f"an edge into {node!r} does not say its {missing.args[0]}"
                raise GraphError(message, hint="add_edge(source, node, index=0, slot=0)") from None
            if [slot for slot, _, _ in edges] != list(range(len(edges))):
                message = f"{node!r} has inputs in slots {[slot for slot, _, _ in edges]}"
                raise GraphError(message, hint="slots count from 0, each once")
            inputs = tuple(Entry(made[source], index) for _, source, index in edges)
            made[node] = node if inputs == node.inputs else node.replace(inputs=inputs)
        for entry in heads:
            if entry.node not in made:
                message = f"the output {entry.name} is of {entry.node!r}, which is not in the graph"
                raise GraphError(message, hint="pass outputs=, or leave that node in")
        return cls(tuple(Entry(made[entry.node], entry.index) for entry in heads))

    def rebuild(self, change: Callable[[Node, tuple[Entry, ...]], Node]) -> Graph:
        """Return a graph in which `change(node, new_inputs)` has taken each node's place.

        Bottom-up; a node that is returned unchanged keeps its name, parameters and origin.
        """
        made: dict[Node, Node] = {}
        for node in self.order:
            inputs = tuple(Entry(made[entry.node], entry.index) for entry in node.inputs)
            made[node] = change(node, inputs)
        return Graph(tuple(Entry(made[entry.node], entry.index) for entry in self.outputs))

    def __eq__(self, other: object) -> bool:
        """Compare structure: ops, names, parameters, attributes, edges and outputs, in order."""
        if not isinstance(other, Graph):
            return NotImplemented
        if self.outputs == other.outputs:
            return True
        return len(self) == len(other) and all(
            a == b for a, b in zip(self._signature(), other._signature(), strict=True)
        )

    __hash__ = None  # type: ignore[assignment]

    def _signature(self) -> Iterator[tuple[Any, ...]]:
        for node in self.order:
            edges = tuple((self.index[entry.node], entry.index) for entry in node.inputs)
            op = node.op and node.op.meaning
            yield op, node.name, dict(node.params), dict(self.attributes(node)), edges
        yield tuple((self.index[entry.node], entry.index) for entry in self.outputs)


def post_order(outputs: Iterable[Entry]) -> list[Node]:
    """Return all nodes that the outputs reach, inputs before readers, as a depth-first walk does.

    Iterative: a chain of a million nodes is no deeper for Python than one of ten.
    """
    order: list[Node] = []
    seen: set[Node] = set()
    for head, _ in outputs:
        if head in seen:
            continue
        seen.add(head)
        stack = [(head, iter(head.inputs))]
        while stack:
            node, inputs = stack[-1]
            for source, _ in inputs:
                if source not in seen:
                    seen.add(source)
                    stack.append((source, iter(source.inputs)))
                    break
            else:
                stack.pop()
                order.append(node)
    return order
