"""The graph: what some outputs reach, as a networkx.DiGraph.

Nodes are `Node` objects, in the order of a depth-first walk that puts inputs before their readers:
`list(graph)` is the order of MXNet's lists and files. They have the attributes `name`, `op` (its
name, or "Variable") and `kind`; an edge from a node to its reader has `slots`, a tuple of pairs
(slot of the reader, output of the source). So every algorithm of networkx works on a graph as it
is, and the passes of minisym ask it: for the order of a run, for readers (`graph.successors`), for
what an update may influence.

>>> import networkx as nx
>>> from minisym import sym
>>> x = sym.Variable("x")
>>> graph = sym.tanh(x * x, name="t").graph
>>> [node.name for node in graph]
['x', '_mul0', 't']
>>> nx.dag_longest_path_length(graph)
2
>>> graph.edges[graph.node("x"), graph.node("_mul0")]
{'slots': ((0, 0), (1, 0))}

A graph is frozen, since nodes are immutable and symbols share them. An edited copy comes back by
`Symbol.from_graph`:

>>> copy = graph.copy()
>>> copy.remove_node(graph.node("t"))
>>> sym.Symbol.from_graph(copy, outputs=[graph.node("_mul0")]).list_outputs()
['_mul0_output']
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import networkx as nx
from networkx.classes import reportviews

from minisym.core.collector import paused
from minisym.core.errors import GraphError, did_you_mean
from minisym.core.node import Attrs, Entry, Node, by_name

NxGraph = Any
"""A graph of networkx, which ships no types."""


class FrozenError(GraphError, nx.NetworkXError):  # type: ignore[misc]
    """Somebody tried to change a Graph, which everybody shares.

    >>> from minisym import sym
    >>> sym.Variable("x").graph.clear()
    Traceback (most recent call last):
    ...
    minisym.core.graph.FrozenError: Graph(1 nodes, outputs: x) is frozen: everybody who ...
    """


class _Edge(dict[str, Any]):
    """What an edge says: read-only, since edges that say the same share it."""

    def _refuse(self, *_: object, **__: object) -> Any:
        raise FrozenError("the edges of a Graph cannot be changed", hint=_HOW_TO_EDIT)

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def copy(self) -> dict[str, Any]:
        """Return a dict that may change."""
        return dict(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        """Return a dict that may change."""
        return dict(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a dict."""
        return dict, (dict(self),)


_HOW_TO_EDIT: Final = "edit a copy, graph.copy(), and come back by Symbol.from_graph(copy)"


class _OutEdges(reportviews.OutEdgeView):  # type: ignore[misc]  # networkx ships no types
    """The edges of a graph, quick for the one node that a topological sort asks for."""

    def __call__(self, nbunch: Any = None, data: Any = False, *, default: Any = None) -> Any:
        if nbunch.__class__ is Node and data is False:
            return [(nbunch, reader) for reader in self._adjdict[nbunch]]
        return super().__call__(nbunch, data, default=default)


class _OnDemand:
    """A dictionary in which networkx keeps a graph: made, with the others, when it is asked for."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, graph: Any, owner: type) -> Any:
        graph._connect()  # noqa: SLF001  it stands in the same class
        return graph.__dict__[self.name]


class Graph(nx.DiGraph):  # type: ignore[misc]
    """Everything that some outputs reach: a frozen networkx.DiGraph of nodes.

    Parameters
    ----------
    outputs
        A Symbol, or entries.

    Examples
    --------
    >>> import networkx as nx
    >>> from minisym import sym
    >>> graph = Graph(sym.tanh(sym.Variable("x"), name="t"))
    >>> graph
    Graph(2 nodes, outputs: t_output)
    >>> nx.get_node_attributes(graph, "op")
    {<Variable 'x'>: 'Variable', <tanh 't'>: 'tanh'}
    """

    outputs: tuple[Entry, ...]

    def __new__(cls, outputs: Any = None, **attributes: Any) -> Any:
        """Make a Graph; without outputs, as networkx calls it for a copy, a plain DiGraph."""
        return nx.DiGraph(**attributes) if outputs is None else object.__new__(cls)

    def __init__(self, outputs: Iterable[Entry] | Any) -> None:
        self.outputs = tuple(getattr(outputs, "entries", outputs))
        self.graph: dict[str, Any] = {"outputs": self.outputs}
        self.__networkx_cache__: dict[str, Any] = {}

    def __repr__(self) -> str:
        """Show size and outputs."""
        names = ", ".join(entry.name for entry in self.outputs[:4])
        more = ", …" if len(self.outputs) > 4 else ""
        return f"Graph({len(self)} nodes, outputs: {names}{more})"

    __str__ = __repr__

    # ------------------------------------------------------------------------- what networkx asks

    frozen = True
    _node, _adj, _succ, _pred = _OnDemand(), _OnDemand(), _OnDemand(), _OnDemand()
    # not cached, as networkx does: these views hold the graph, which would then hold itself
    edges = out_edges = property(_OutEdges, doc="The edges, from a node to its reader.")
    in_edges = property(reportviews.InEdgeView, doc="The edges, asked for by the reader.")
    degree = property(reportviews.DiDegreeView, doc="How many sources and readers nodes have.")
    in_degree = property(reportviews.InDegreeView, doc="How many sources nodes have.")
    out_degree = property(reportviews.OutDegreeView, doc="How many readers nodes have.")

    @cached_property
    def _listed(self) -> tuple[Node, ...]:
        return tuple(post_order(self.outputs))

    def __len__(self) -> int:
        """Return the number of nodes."""
        return len(self._listed)

    def __iter__(self) -> Iterator[Node]:
        """Iterate over the nodes depth-first, inputs before their readers, as MXNet lists them."""
        return iter(self._listed)

    def _connect(self) -> None:
        """Fill networkx's dictionaries from the inputs of the nodes.

        Directly: `add_edges_from` takes three times as long, and a dict of its own for every edge
        half a kilobyte a node.
        """
        nodes: dict[Node, dict[str, Any]] = {}
        readers: dict[Node, dict[Node, _Edge]] = {}
        sources: dict[Node, dict[Node, _Edge]] = {}
        shared: dict[Any, _Edge] = {}
        with paused():
            for node in self._listed:
                op = node.op
                nodes[node] = (
                    {"name": node.name, "op": "Variable", "kind": "variable"}
                    if op is None
                    else {"name": node.name, "op": op.name, "kind": node.kind}
                )
                readers[node] = {}
                sources[node] = read = {}
                if len(node.inputs) == 1:  # the short way
                    ((source, index),) = node.inputs
                    slots = {source: ((0, index),)}
                else:
                    slots = {}
                    for slot, (source, index) in enumerate(node.inputs):
                        slots[source] = (*slots.get(source, ()), (slot, index))
                for source, said in slots.items():
                    edge = shared.get(said)
                    if edge is None:
                        edge = shared[said] = _Edge(slots=said)
                    read[source] = readers[source][node] = edge
        self.__dict__.update(_node=nodes, _adj=readers, _succ=readers, _pred=sources)

    def _refuse(self, *_: object, **__: object) -> Any:
        """Refuse: a Graph is frozen. `graph.copy()` may change."""
        message = f"{self!r} is frozen: everybody who holds its symbol relies on it"
        raise FrozenError(message, hint=_HOW_TO_EDIT)

    add_node = add_nodes_from = remove_node = remove_nodes_from = _refuse
    add_edge = add_edges_from = add_weighted_edges_from = _refuse
    remove_edge = remove_edges_from = clear = clear_edges = update = _refuse

    def __copy__(self) -> Graph:
        """Return the graph itself: it cannot change. `copy()` makes one that can."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Graph:
        """Return the graph itself."""
        return self

    # ---------------------------------------------------------------------------- what passes ask

    def node(self, name: str) -> Node:
        """Return the node of this name.

        Raises
        ------
        GraphError
            There is none, or more than one.
        """
        found = self._named.get(name, ())
        if len(found) == 1:
            return found[0]
        if found:
            message = f"{len(found)} nodes of {self!r} are named {name!r}"
            raise GraphError(message, hint="choose one: [n for n in graph if n.name == …]")
        message = f"{self!r} has no node {name!r}"
        raise GraphError(message, hint=did_you_mean(name, self._named))

    @cached_property
    def _named(self) -> dict[str, list[Node]]:
        found: dict[str, list[Node]] = {}
        for node in self:
            found.setdefault(node.name, []).append(node)
        return found

    def numbered(self) -> dict[Node, int]:
        """Return the position of each node in the list."""
        return {node: position for position, node in enumerate(self._listed)}

    @cached_property
    def variables(self) -> tuple[Node, ...]:
        """The Variables, in order."""
        return tuple(node for node in self if node.op is None)

    @cached_property
    def internals(self) -> tuple[Entry, ...]:
        """Every output that a user sees of every node, in order."""
        return tuple(entry for node in self for entry in node.entries())

    @cached_property
    def named_internals(self) -> dict[str, list[Entry]]:
        """The same by name."""
        return by_name(self.internals)

    @cached_property
    def auxiliary(self) -> frozenset[Node]:
        """The Variables that some op takes as an auxiliary state."""
        found = set()
        for node in self:
            if node.op is not None and node.op.states:
                for name, entry in zip(node.input_names(), node.inputs, strict=False):
                    if node.op.is_state(name) and entry.node.op is None:
                        found.add(entry.node)
        return frozenset(found)

    @property
    def arguments(self) -> tuple[Node, ...]:
        """The Variables that are no auxiliary states, in order."""
        auxiliary = self.auxiliary
        return tuple(node for node in self.variables if node not in auxiliary)

    @cached_property
    def initializers(self) -> dict[Node, str]:
        """What ops say about how to initialize the variables that a user passed to them.

        MXNet notes it in the variable itself when it composes (a variable that it makes for an
        absent input has it from the start); here a node is immutable, so the graph says it. What a
        file does not say stays unsaid.
        """
        found: dict[Node, str] = {}
        for node in self:
            op = node.op
            if op is None or not op.inits or node.from_file:
                continue
            for name, (source, _) in zip(node.input_names(), node.inputs, strict=False):
                if name in op.inits and source.op is None and "__init__" not in source.attrs:
                    found.setdefault(source, op.inits[name])
        return found

    def attributes(self, node: Node) -> Attrs:
        """Return the attributes of a node, its initializer included."""
        init = self.initializers.get(node)
        return node.attrs if init is None else {**node.attrs, "__init__": init}

    def reached(self, nodes: Iterable[Node], *, stop: Iterable[Node] = ()) -> set[Node]:
        """Return some nodes and all that depends on them, but for what depends through `stop`.

        networkx.descendants takes one node at a time, and needs all readers; this takes many nodes
        in one walk over the list, in which each node comes behind what it reads.
        """
        found = set(nodes)
        ends = set(stop) - found
        for node in self:
            if node not in ends:
                for source, _ in node.inputs:
                    if source in found:
                        found.add(node)
                        break
        return found

    def with_arrows(self, arrows: Iterable[tuple[Node, Node]]) -> NxGraph:
        """Return this graph with more edges, which say in which order nodes have to come.

        Only the dictionaries of the nodes concerned are copied.
        """
        added = _Arrows()
        readers, sources = dict(self._succ), dict(self._pred)
        own: set[int] = set()
        for source, target in arrows:
            for ends, node, end in ((readers, source, target), (sources, target, source)):
                if id(ends[node]) not in own:
                    ends[node] = dict(ends[node])
                    own.add(id(ends[node]))
                ends[node].setdefault(end, {})
        added.__dict__.update(_node=self._node, _adj=readers, _succ=readers, _pred=sources)
        return added

    # ------------------------------------------------------------------------------ other graphs

    def substitute(
        self,
        changes: Mapping[Entry, Entry],
        change: Callable[[Node, tuple[Entry, ...]], Node | Entry] | None = None,
    ) -> Graph:
        """Return the graph in which all readers of some entries, and the outputs, read others.

        Parameters
        ----------
        changes
            Entry -> what takes its place, with all that this depends on, as it is.
        change
            `change(node, inputs)` returns what takes a node's place, now that its inputs are these:
            a node, or an entry that takes the place of its first output. Without it, a node whose
            inputs have changed is copied with the new ones: name, parameters and origin stay.
        """
        made: dict[Node, Node] = {}
        taken = dict(changes)

        def now(entry: Entry) -> Entry:
            found = taken.get(entry)
            if found is None:
                new = made.get(entry.node)
                found = entry if new is None else Entry(new, entry.index)
            return found

        for node in self:
            inputs = tuple([now(entry) for entry in node.inputs])
            new = node.reading(inputs) if change is None else change(node, inputs)
            if isinstance(new, Entry):
                taken[Entry(node)] = new
            elif new is not node:
                made[node] = new
        return Graph(tuple([now(entry) for entry in self.outputs]))

    @cached_property
    def nx(self) -> NxGraph:
        """The same as a frozen networkx.MultiDiGraph, with an edge for every input.

        Each edge carries `index` (which output of its source) and `slot` (which input of its
        target). Copy it (`networkx.MultiDiGraph(graph.nx)`) to edit, and come back by `from_nx`.
        """
        view: NxGraph = nx.MultiDiGraph(outputs=self.outputs)
        view.add_nodes_from(self.nodes(data=True))
        view.add_edges_from(
            (entry.node, node, slot, {"index": entry.index, "slot": slot})
            for node in self
            for slot, entry in enumerate(node.inputs)
        )
        return nx.freeze(view)

    @classmethod
    def from_nx(cls, view: NxGraph, outputs: Sequence[Entry | Node] | None = None) -> Graph:
        """Make a Graph of an edited copy of a graph, or of its `nx`.

        Nodes whose in-edges say what their `inputs` say are kept; others are made anew with the
        inputs that the edges name. Without `outputs` those of the original graph are taken; a node
        stands for its first output.

        Raises
        ------
        GraphError
            The edges hold a cycle, skip a slot, name one twice, or a node is no `Node`.
        """
        given = view.graph.get("outputs") if outputs is None else outputs
        if given is None:
            message = "the networkx graph does not say what its outputs are"
            raise GraphError(message, hint="pass outputs=, or keep graph['outputs'] of the copy")
        heads = [Entry(head) if isinstance(head, Node) else head for head in given]
        made: dict[Node, Node] = {}
        for node in _sorted(view):
            if not isinstance(node, Node):
                message = f"{node!r} is no minisym Node"
                raise GraphError(message, hint="add nodes made by composing symbols")
            inputs = tuple(Entry(made[source], index) for source, index in _inputs(view, node))
            made[node] = node.reading(inputs)
        for entry in heads:
            if entry.node not in made:
                message = f"the output {entry.name} is of {entry.node!r}, which is not in the graph"
                raise GraphError(message, hint="pass outputs=, or leave that node in")
        return cls(tuple(Entry(made[entry.node], entry.index) for entry in heads))

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
        place = self.numbered()
        for node in self:
            edges = tuple((place[entry.node], entry.index) for entry in node.inputs)
            op = node.op and node.op.meaning
            yield op, node.name, dict(node.params), dict(self.attributes(node)), edges
        yield tuple((place[entry.node], entry.index) for entry in self.outputs)


class _Arrows(nx.DiGraph):  # type: ignore[misc]
    """A graph with arrows of order; its edges are as quick to ask for as a Graph's."""

    edges = out_edges = property(_OutEdges)


def _sorted(view: NxGraph) -> list[Any]:
    try:
        return list(nx.topological_sort(view))
    except nx.NetworkXUnfeasible:
        ring = " -> ".join(getattr(edge[0], "name", repr(edge[0])) for edge in nx.find_cycle(view))
        message = f"the edges hold a cycle: {ring}"
        raise GraphError(message, hint="remove one of these edges") from None


def _inputs(view: NxGraph, node: Node) -> list[tuple[Node, int]]:
    """Return what the edges into a node say of its inputs, in the order of the slots."""
    found: dict[int, tuple[Node, int]] = {}
    named: list[int] = []
    for source, _, said in view.in_edges(node, data=True):
        try:
            pairs = said["slots"] if "slots" in said else [(said["slot"], said["index"])]
        except KeyError as missing:
            message = f"an edge into {node!r} does not say its {missing.args[0]}"
            raise GraphError(message, hint="add_edge(source, node, slots=((0, 0),))") from None
        for slot, index in pairs:
            named.append(slot)
            found[slot] = source, index
    if sorted(named) != list(range(len(named))):
        message = f"{node!r} has inputs in slots {sorted(named)}"
        raise GraphError(message, hint="slots count from 0, each once")
    return [found[slot] for slot in sorted(found)]


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
