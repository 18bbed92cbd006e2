"""Symbol: the user's handle on some outputs of a graph, with MXNet's methods.

A Symbol is a tuple of entries and nothing else. Composing makes new nodes and a new Symbol; nothing
that exists is changed. Methods that start a pass (`infer_shape`, `bind`, `tojson`, …) import it
when they are called: passes know symbols, so symbols meet passes late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minisym.errors import (
    ComposeError,
    GoneError,
    NotForSymbolError,
    OutputIndexError,
    OutputNameError,
    count,
    did_you_mean,
    listed,
)
from minisym.graph import Entry, Graph, names_of
from minisym.naming import both_spellings, hide
from minisym.op import NO_PARAMS, Op, Params
from minisym.symbol.operators import Operators, connected

if TYPE_CHECKING:
    from minisym.runtime.executor import Executor
    from minisym.symbol._fluent import Fluent
else:
    Fluent = object  # the ops that are methods: `_fluent` is a stub only, made by scripts/stubs


class Symbol(Operators, Fluent):
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

    __slots__ = ("__weakref__", "_graph")

    _graph: Graph

    # ------------------------------------------------------------------------------ what it is

    @property
    def graph(self) -> Graph:
        """The graph that the outputs reach; made once."""
        try:
            return self._graph
        except AttributeError:
            self._graph = Graph(self.entries)
            return self._graph

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

    def __str__(self) -> str:
        """Return the graph as text, a line a node; of a large one only a part.

        >>> from minisym import sym
        >>> print(sym.tanh(sym.Variable("x"), name="t"))
        <Symbol t>
        t: 1 op
          x            input
          t = tanh(x)
        output: t_output
        """
        from minisym.show.notebook import text

        return text(self)

    def _repr_mimebundle_(
        self,
        *_: object,
        shape: Mapping[str, Any] | None = None,
        dtype: Mapping[str, Any] | None = None,
        **__: object,
    ) -> dict[str, str]:
        """Show a picture in a notebook: svg where there is a layout engine, Mermaid, and text."""
        from minisym.show.notebook import mimebundle

        return mimebundle(self, shape, dtype)

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
        names = names_of(self.entries)
        found = [entry for entry, known in zip(self.entries, names, strict=True) if known == name]
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
        return Symbol(tuple(entry for node in self.graph.order for entry in node.entries()))

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
        for node in graph.order:
            attrs = graph.attributes(node)
            if attrs:
                found.setdefault(node.name, {}).update(both_spellings(attrs))
        return found

    def _set_attr(self, **kwargs: str) -> None:
        """Set attributes, or parameters of the op, in the form of strings.

        Nodes are immutable, so this Symbol holds a changed copy of its node from now on. Symbols
        that were composed of it before keep the node that they have: set attributes first.

        >>> from minisym import sym
        >>> weight = sym.Variable("weight")
        >>> weight._set_attr(lr_mult="2")
        >>> weight.list_attr()
        {'__lr_mult__': '2', 'lr_mult': '2'}
        """
        from minisym.symbol.compose import with_attributes

        self.entries = with_attributes(self, kwargs)
        if hasattr(self, "_graph"):
            del self._graph

    # ---------------------------------------------------------------------- composing once more

    def __call__(self, *args: Symbol, name: str | None = None, **kwargs: Symbol) -> Symbol:
        """Return a copy in which variables are replaced by other symbols.

        >>> from minisym import sym
        >>> block = sym.tanh(sym.Variable("x"), name="t")
        >>> block(x=sym.Variable("a") + sym.Variable("b")).list_arguments()
        ['a', 'b']
        """
        from minisym.symbol.compose import replace_variables

        return replace_variables(self, args, kwargs, name)

    def replace(self, changes: Mapping[str, Symbol] | None = None, /, **by_name: Symbol) -> Symbol:
        """Return a graph with other symbols in some places; see `minisym.surgery.replace`."""
        from minisym.surgery import replace

        return replace(self, changes, **by_name)

    def insert_after(self, name: str, make: Callable[[Symbol], Symbol]) -> Symbol:
        """Return a graph with more behind an output; see `minisym.surgery.insert_after`."""
        from minisym.surgery import insert_after

        return insert_after(self, name, make)

    def remove(self, name: str, *, keep: str | None = None) -> Symbol:
        """Return a graph without a node; see `minisym.surgery.remove`."""
        from minisym.surgery import remove

        return remove(self, name, keep=keep)

    def rewire(self, name: str, /, **inputs: Symbol | str) -> Symbol:
        """Return a graph in which a node reads other inputs; see `minisym.surgery.rewire`."""
        from minisym.surgery import rewire

        return rewire(self, name, **inputs)

    def subgraph(
        self,
        inputs: Iterable[str] | Mapping[str, str] = (),
        outputs: str | Iterable[str] | None = None,
    ) -> Symbol:
        """Return a part of the graph; see `minisym.surgery.subgraph`."""
        from minisym.surgery import subgraph

        return subgraph(self, inputs, outputs)

    def __copy__(self) -> Symbol:
        """Return a Symbol of the same nodes: they are immutable, so sharing is safe."""
        return Symbol(self.entries)

    def __deepcopy__(self, memo: dict[int, Any]) -> Symbol:
        """Return a Symbol of the same nodes."""
        return Symbol(self.entries)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle through JSON."""
        from minisym.formats.mxnet_json import load_json

        return load_json, (self.tojson(),)

    # ------------------------------------------------------------------------------- inference

    def infer_shape(self, *args: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
        """Infer all shapes from some, both ways, to the fixed point.

        Shapes are given by argument name, or by position in the order of `list_arguments`. A
        dimension of 0 is unknown (-1 under `np_shape`).

        Returns
        -------
        (argument shapes, output shapes, auxiliary state shapes), each a list of tuples; or
        (None, None, None) with a warning where something stays unknown.

        Raises
        ------
        ShapeError
            Shapes contradict each other. The message has the table of the slots involved.
        """
        from minisym.passes.answers import infer_shape_api

        return infer_shape_api(self, args, kwargs, partial=False)

    def infer_shape_partial(self, *args: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
        """Infer what can be inferred; unknown dimensions are 0, unknown ranks ()."""
        from minisym.passes.answers import infer_shape_api

        return infer_shape_api(self, args, kwargs, partial=True)

    def infer_type(self, *args: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
        """Infer all element types from some; returns lists of NumPy types, or three Nones."""
        from minisym.passes.answers import infer_type_api

        return infer_type_api(self, args, kwargs, partial=False)

    def infer_type_partial(self, *args: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
        """Infer the element types that can be inferred; the others are None."""
        from minisym.passes.answers import infer_type_api

        return infer_type_api(self, args, kwargs, partial=True)

    def gradient(self, wrt: str | Symbol | Sequence[str | Symbol]) -> Symbol:
        """Return the gradients of the outputs, summed, by some variables; see `minisym.grad`.

        >>> from minisym import sym
        >>> x = sym.Variable("x")
        >>> (x * x).gradient(["x"]).eval(x=np.array([3.0]))
        [NDArray([6.])]
        """
        from minisym.passes.gradient import grad

        return grad(self, wrt)

    grad = gradient

    # --------------------------------------------------------------------------------- running

    def bind(self, *args: Any, **kwargs: Any) -> Executor:
        """Bind arrays to the variables and return an `Executor`; see `minisym.runtime.bind`."""
        from minisym.runtime.bind import bind

        return bind(self, *args, **kwargs)

    def simple_bind(self, *args: Any, **kwargs: Any) -> Executor:
        """Allocate arrays for the given shapes and bind them; see `minisym.runtime.bind`."""
        from minisym.runtime.bind import simple_bind

        return simple_bind(self, *args, **kwargs)

    def eval(self, ctx: Any = None, **kwargs: Any) -> list[Any]:
        """Bind the given arrays, run once, and return the outputs.

        >>> from minisym import sym
        >>> import numpy as np
        >>> (sym.Variable("a") * 2).eval(a=np.array([1.0, 2.0]))
        [NDArray([2., 4.])]
        """
        return self.bind(ctx, args=kwargs, grad_req="null").forward()

    def optimize_for(self, backend: str, *_: object, **__: object) -> Symbol:
        """Return the symbol as it is: accepted for code written for MXNet's other backends."""
        del backend
        return Symbol(self.entries)

    get_backend_symbol = optimize_for

    # ------------------------------------------------------------------------------- the file

    def to_html(self, path: str | PathLike[str], **options: Any) -> Path:
        """Write a page on which the graph can be explored; see `minisym.visualization.to_html`."""
        from minisym.show.html.page import to_html

        return to_html(self, path, **options)

    def debug_str(self) -> str:
        """Return every node with its inputs and attributes, as MXNet lays them out.

        >>> from minisym import sym
        >>> print(sym.tanh(sym.Variable("x"), name="t").debug_str())
        Symbol Outputs:
            output[0]=t(0)
        Variable:x
        --------------------
        Op:tanh, Name=t
        Inputs:
            arg[0]=x(0) version=0
        <BLANKLINE>
        """
        from minisym.show.debug import debug_str

        return debug_str(self)

    def tojson(self, remove_amp_cast: bool = True) -> str:
        """Return the graph in MXNet's JSON format."""
        from minisym.formats.mxnet_json import tojson

        return tojson(self, remove_amp_cast=remove_amp_cast)

    def save(self, fname: str | PathLike[str], remove_amp_cast: bool = True) -> None:
        """Write the graph to a file in MXNet's JSON format."""
        from minisym.formats.mxnet_json import save

        save(self, fname, remove_amp_cast=remove_amp_cast)

    # ------------------------------------------------------------------- ops as methods (fluent)

    def _attribute(self, name: str) -> Callable[..., Symbol]:
        """Return an op as a method: `x.sum(axis=1)`."""
        from minisym.symbol.methods import method_of

        return method_of(self, name)

    if not TYPE_CHECKING:  # mypy has the stub: with this, every misspelt method would pass
        __getattr__ = _attribute

    def __dir__(self) -> list[str]:
        """List methods, and the ops that are methods."""
        from minisym.symbol.methods import FLUENT

        return [*super().__dir__(), *FLUENT]


def connect(op: Op, hint: str, inputs: tuple[Entry, ...], params: Params = NO_PARAMS) -> Symbol:
    """Make a node of one output from entries and the parameters as the user wrote them."""
    return Symbol((connected(op, hint, inputs, params),))


NotImplementedForSymbol = NotForSymbolError
