"""Symbol: the user's handle on some outputs of a graph.

A Symbol is a tuple of entries and nothing else. Composing makes new nodes and a new Symbol; nothing
that exists is changed. What a Symbol *is* stands here; what it *starts* (a pass, a run, a picture,
a file) and the ops that are methods, too, are given to it by `minisym.symbol.methods`, which stands
above all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from minisym.core.errors import (
    ComposeError,
    GoneError,
    NotForSymbolError,
    OutputIndexError,
    OutputNameError,
    count,
    did_you_mean,
    listed,
)
from minisym.core.graph import Graph, NxGraph
from minisym.core.naming import both_spellings, hide
from minisym.core.node import Entry, Node, by_name, names_of
from minisym.core.op import NO_PARAMS, Op, Params
from minisym.core.operators import Operators, connected

if TYPE_CHECKING:
    from minisym.symbol.methods import Methods
else:
    Methods = object  # that module gives them to the class


class Symbol(Operators, Methods):
    """Some outputs of a graph that has not run yet.

    Symbols come from `Variable`, from calling an op, and from operators between symbols.

    Examples
    --------
    >>> from minisym import sym
    >>> data = sym.Variable("data")
    >>> net = sym.Activation(sym.FullyConnected(data, num_hidden=3, name="fc"), act_type="relu")
    >>> net.list_arguments()
    ['data', 'fc_weight', 'fc_bias']
    >>> net.infer_shape(data=(2, 4))
    ([(2, 4), (3, 4), (3,)], [(2, 3)], [])
    """

    __slots__ = ("__weakref__", "_graph", "_named")

    _graph: Graph
    _named: Mapping[str, list[Entry]]

    # ------------------------------------------------------------------------------ what it is

    @property
    def graph(self) -> Graph:
        """The graph that the outputs reach; made once."""
        try:
            return self._graph
        except AttributeError:
            self._graph = Graph(self.entries)
            return self._graph

    @classmethod
    def from_graph(
        cls, graph: NxGraph, outputs: Sequence[Entry | Node | Symbol] | None = None
    ) -> Self:
        """Make a Symbol of a networkx graph: of an edited copy of `symbol.graph`.

        See `Graph.from_nx` for what the edges have to say. Without `outputs`, those of the graph
        that was copied are taken.

        >>> from minisym import sym
        >>> net = sym.tanh(sym.sin(sym.Variable("x"), name="s"), name="t")
        >>> edited = net.graph.copy()
        >>> edited.remove_node(net.graph.node("s"))
        >>> edited.add_edge(net.graph.node("x"), net.graph.node("t"), slots=((0, 0),))
        >>> sym.Symbol.from_graph(edited).eval(x=np.array([0.0]))
        [NDArray([0.])]
        """
        if isinstance(graph, Graph) and outputs is None:
            return cls(graph.outputs)
        heads: list[Entry | Node] = []
        for output in () if outputs is None else outputs:
            heads += output.entries if isinstance(output, Symbol) else [output]
        return cls(Graph.from_nx(graph, None if outputs is None else heads).outputs)

    @property
    def name(self) -> str | None:
        """The node's name; None for a group."""
        first = self.entries[0].node if self.entries else None
        if first is None or any(entry.node is not first for entry in self.entries):
            return None
        return first.name

    def __repr__(self) -> str:
        """Show the outputs' names as MXNet does."""
        if self.name is None:
            return f"<Symbol group [{', '.join(entry.node.name for entry in self.entries)}]>"
        return f"<Symbol {self.name}>"

    def __len__(self) -> int:
        """Return the number of outputs."""
        return len(self.entries)

    def __iter__(self) -> Iterator[Symbol]:
        """Iterate over the outputs, each a Symbol."""
        return (Symbol((entry,)) for entry in self.entries)

    def __getitem__(self, key: int | str | slice) -> Symbol:
        """Return an output by position, by its name (`fc1_output`), or several by a slice.

        Raises
        ------
        IndexError
            There is no output at this position. (A negative one counts from the end; MXNet refuses
            it.)
        ComposeError
            No output, or more than one, has this name; or the key has another type.
        """
        if isinstance(key, str):
            return Symbol((self._entry_named(key),))
        if isinstance(key, slice):
            if not (chosen := self.entries[key]):
                raise OutputIndexError(f"{self!r} has no outputs {key.start}:{key.stop}")
            return Symbol(chosen)
        if isinstance(key, bool) or not isinstance(key, int | np.integer):
            raise ComposeError(f"outputs are chosen by int, str or slice, but got {key!r}")
        if not -len(self.entries) <= key < len(self.entries):
            raise OutputIndexError(
                f"{self!r} has {count(len(self.entries), 'output')}, but no output {key}",
                hint=f"they are: {listed(self.list_outputs())}",
            )
        return self if len(self.entries) == 1 else Symbol((self.entries[key],))

    def _entry_named(self, name: str) -> Entry:
        try:
            found = self._named.get(name, ())
        except AttributeError:
            self._named = by_name(self.entries)
            found = self._named.get(name, ())
        if len(found) == 1:
            return found[0]
        if found:
            raise OutputNameError(
                f"{len(found)} outputs of {self!r} are named {name!r}", hint="choose by position"
            )
        raise OutputNameError(
            f"{self!r} has no output named {name!r}", hint=did_you_mean(name, self.list_outputs())
        )

    # ------------------------------------------------------------------------------- the lists

    def list_arguments(self) -> list[str]:
        """Return the names of the variables to bind, in depth-first order."""
        return [node.name for node in self.graph.arguments]

    def list_outputs(self) -> list[str]:
        """Return the names of the outputs."""
        return names_of(self.entries)

    def list_auxiliary_states(self) -> list[str]:
        """Return the names of the states that ops keep (moving averages, momenta), in order."""
        graph = self.graph
        return [node.name for node in graph.variables if node in graph.auxiliary]

    def list_inputs(self) -> list[str]:
        """Return the names of all variables, arguments and states, in one order."""
        return [node.name for node in self.graph.variables]

    def get_internals(self) -> Symbol:
        """Return a Symbol with every visible output of every node.

        >>> from minisym import sym
        >>> sym.tanh(sym.Variable("x"), name="t").get_internals().list_outputs()
        ['x', 't_output']
        """
        found = Symbol(self.graph.internals)
        found._named = self.graph.named_internals  # so that choosing one of them is no search
        return found

    def get_children(self) -> Symbol | None:
        """Return the inputs of the heads, or None for variables."""
        nodes = dict.fromkeys(entry.node for entry in self.entries)
        inputs = tuple(entry for node in nodes for entry in node.inputs)
        return Symbol(inputs) if inputs else None

    # ------------------------------------------------------------------------------ attributes

    def attr(self, key: str) -> str | None:
        """Return an attribute of the node, or None."""
        if self.name is None:
            return None
        return self.entries[0].node.attrs.get(hide(key))

    def list_attr(self, recursive: bool = False) -> dict[str, str]:
        """Return all attributes of the node; those with a hidden spelling under both."""
        if recursive:
            raise GoneError(
                "list_attr(recursive=True) is gone", hint="attr_dict() has every node's attributes"
            )
        return {} if self.name is None else both_spellings(self.entries[0].node.attrs)

    def attr_dict(self) -> dict[str, dict[str, str]]:
        """Return {node name: its attributes} of all nodes that have some.

        The attributes of nodes of one name come together in one dict, as in MXNet.
        """
        graph = self.graph
        found: dict[str, dict[str, str]] = {}
        for node in graph:
            attrs = graph.attributes(node)
            if attrs:
                found.setdefault(node.name, {}).update(both_spellings(attrs))
        return found

    def __copy__(self) -> Symbol:
        """Return a Symbol of the same nodes: they are immutable, so sharing is safe."""
        return Symbol(self.entries)

    def __deepcopy__(self, memo: dict[int, Any]) -> Symbol:
        """Return a Symbol of the same nodes."""
        return Symbol(self.entries)

    def optimize_for(self, backend: str, *_: object, **__: object) -> Symbol:
        """Return the symbol as it is: accepted for code written for MXNet's other backends."""
        del backend
        return Symbol(self.entries)

    get_backend_symbol = optimize_for


def connect(op: Op, hint: str, inputs: tuple[Entry, ...], params: Params = NO_PARAMS) -> Symbol:
    """Make a node of one output from entries and the parameters as the user wrote them."""
    return Symbol((connected(op, hint, inputs, params),))


NotImplementedForSymbol = NotForSymbolError
