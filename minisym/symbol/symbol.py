"""Symbol: the user's handle on some outputs of a graph, with MXNet's methods.

A Symbol is a tuple of entries and nothing else. Composing makes new nodes and a new Symbol; nothing
that exists is changed. Methods that start a pass (`infer_shape`, `bind`, `tojson`, …) import it
when they are called: passes know symbols, so symbols meet passes late.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from os import PathLike
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from minisym.errors import ComposeError, ParamError, did_you_mean
from minisym.graph import Entry, Graph, Node, first_entry
from minisym.naming import HIDDEN_KEYS, auto_name, current_attrs, hide
from minisym.op import NO_PARAMS, Op, Params, find, get
from minisym.origin import capture
from minisym.params import DTYPES, write

if TYPE_CHECKING:
    from minisym.runtime.executor import Executor
    from minisym.symbol._fluent import Fluent
else:
    Fluent = object  # the ops that are methods: `_fluent` is a stub only, made by scripts/stubs

FLUENT = frozenset(
    """abs arccos arccosh arcsin arcsinh arctan arctanh argmax argmax_channel argmin argsort astype
    broadcast_axes broadcast_like broadcast_to cbrt ceil clip cos cosh degrees depth_to_space diag
    exp expand_dims expm1 fix flatten flip floor log log10 log1p log2 log_softmax max mean min
    nanprod nansum norm one_hot ones_like pad pick prod radians rcbrt reciprocal relu repeat reshape
    reshape_like rint round rsqrt shape_array sigmoid sign sin sinh size_array slice slice_axis
    slice_like softmax softmin sort space_to_depth split split_v2 sqrt square squeeze sum swapaxes
    take tan tanh tile topk transpose trunc zeros_like""".split()
)
"""Ops that are methods of a Symbol, too: `x.sum(axis=1)` is `sym.sum(x, axis=1)`."""

_EAGER_ONLY = frozenset(
    "asnumpy asscalar copy as_in_context detach backward wait_to_read asnumpy".split()
)


class Symbol(Fluent):
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

    __slots__ = ("__weakref__", "_graph", "entries")

    entries: tuple[Entry, ...]
    _graph: Graph

    # NumPy leaves `array + symbol` to the symbol, which then refuses it with a clear message
    __array_ufunc__ = None

    def __init__(self, entries: tuple[Entry, ...]) -> None:
        self.entries = entries

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

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
    ) -> dict[str, str]:
        """Show a picture in a notebook: svg where there is a layout engine, Mermaid, and text."""
        from minisym.show.notebook import mimebundle

        return mimebundle(self)

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
            return Symbol(self.entries[key])
        if not isinstance(key, int | np.integer) or isinstance(key, bool):
            message = f"outputs are chosen by int, str or slice, but got {key!r}"
            raise ComposeError(message)
        if not -len(self.entries) <= key < len(self.entries):
            message = f"output {key} does not exist: {self!r} has {len(self.entries)}"
            raise IndexError(message)
        return self if len(self.entries) == 1 else Symbol((self.entries[key],))

    def _entry_named(self, name: str) -> Entry:
        found = [entry for entry in self.entries if entry.name == name]
        if len(found) == 1:
            return found[0]
        if found:
            message = f"{len(found)} outputs of {self!r} are named {name!r}"
            raise OutputNameError(message, hint="choose by position")
        message = f"{self!r} has no output named {name!r}"
        raise OutputNameError(message, hint=did_you_mean(name, self.list_outputs()))

    # ------------------------------------------------------------------------------- the lists

    def list_arguments(self) -> list[str]:
        """Return the names of the variables to bind, in depth-first order."""
        return [node.name for node in self.graph.arguments]

    def list_outputs(self) -> list[str]:
        """Return the names of the outputs."""
        return [entry.name for entry in self.entries]

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

    def list_attr(self, recursive: bool = False) -> dict[str, str]:  # noqa: FBT001, FBT002
        """Return all attributes of the node; those with a hidden spelling under both."""
        if recursive:
            message = "list_attr(recursive=True) is gone"
            raise ParamError(message, hint="attr_dict() has every node's attributes")
        return {} if self.name is None else _with_both_spellings(self.entries[0].node.attrs)

    def attr_dict(self) -> dict[str, dict[str, str]]:
        """Return {node name: its attributes} of all nodes that have some."""
        return {
            node.name: _with_both_spellings(node.attrs) for node in self.graph.order if node.attrs
        }

    # ---------------------------------------------------------------------- composing once more

    def __call__(self, *args: Symbol, name: str | None = None, **kwargs: Symbol) -> Symbol:
        """Return a copy in which variables are replaced by other symbols.

        >>> from minisym import sym
        >>> block = sym.tanh(sym.Variable("x"), name="t")
        >>> block(x=sym.Variable("a") + sym.Variable("b")).list_arguments()
        ['a', 'b']
        """
        if args and kwargs:
            message = "compose by position or by keyword, not both"
            raise ComposeError(message)
        if args:
            message = f"{self!r} is composed already: its inputs are replaced by keyword"
            raise ComposeError(message, hint=f"one of {', '.join(self.list_inputs())}")
        graph = self.graph
        variables = {node.name: node for node in graph.variables}
        chosen: dict[Node, Entry] = {}
        for key, value in kwargs.items():
            if not isinstance(value, Symbol):
                message = f"{key} must be replaced by a Symbol, but got {type(value).__name__}"
                raise ComposeError(message)
            if key not in variables:
                message = f"{self!r} has no variable {key!r}"
                raise ComposeError(message, hint=did_you_mean(key, variables))
            if len(value.entries) != 1:
                message = f"{key} must be replaced by one output, but got {len(value.entries)}"
                raise ComposeError(message, hint="choose one by index or name")
            chosen[variables[key]] = value.entries[0]
        heads = {entry.node for entry in self.entries}
        made: dict[Entry, Entry] = {}
        for node in graph.order:
            if node in chosen:
                made[Entry(node)] = chosen[node]
                continue
            inputs = tuple(made[entry] for entry in node.inputs)
            new = node
            if inputs != node.inputs:
                new = node.replace(inputs=inputs)
            if name is not None and node in heads and node.op is not None:
                new = new.replace(name=name)
            made.update({Entry(node, i): Entry(new, i) for i in range(node.num_outputs)})
        return Symbol(tuple(made[entry] for entry in self.entries))

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

    # ------------------------------------------------------------------------------- the file

    def tojson(self, remove_amp_cast: bool = True) -> str:  # noqa: FBT001, FBT002
        """Return the graph in MXNet's JSON format."""
        from minisym.formats.mxnet_json import tojson

        return tojson(self, remove_amp_cast=remove_amp_cast)

    def save(self, fname: str | PathLike[str], remove_amp_cast: bool = True) -> None:  # noqa: FBT001, FBT002
        """Write the graph to a file in MXNet's JSON format."""
        from minisym.formats.mxnet_json import save

        save(self, fname, remove_amp_cast=remove_amp_cast)

    # ------------------------------------------------------------------------------- operators

    def __add__(self, other: Any) -> Symbol:
        """Add elementwise; symbols must have one shape (see `broadcast_add`)."""
        return _binary("_Plus", "_PlusScalar", self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Symbol:
        """Subtract elementwise."""
        return _binary("_Minus", "_MinusScalar", self, other)

    def __rsub__(self, other: Any) -> Symbol:
        """Subtract from a number."""
        return _scalar("_RMinusScalar", self, other)

    def __mul__(self, other: Any) -> Symbol:
        """Multiply elementwise."""
        return _binary("_Mul", "_MulScalar", self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Symbol:
        """Divide elementwise."""
        return _binary("_Div", "_DivScalar", self, other)

    def __rtruediv__(self, other: Any) -> Symbol:
        """Divide a number."""
        return _scalar("_RDivScalar", self, other)

    def __mod__(self, other: Any) -> Symbol:
        """Take the remainder, which has the divisor's sign."""
        return _binary("_Mod", "_ModScalar", self, other)

    def __rmod__(self, other: Any) -> Symbol:
        """Take the remainder of a number."""
        return _scalar("_RModScalar", self, other)

    def __pow__(self, other: Any) -> Symbol:
        """Raise to a power."""
        return _binary("_Power", "_PowerScalar", self, other)

    def __rpow__(self, other: Any) -> Symbol:
        """Raise a number to this power."""
        return _scalar("_RPowerScalar", self, other)

    def __neg__(self) -> Symbol:
        """Negate."""
        return _scalar("_MulScalar", self, -1.0)

    def __abs__(self) -> Symbol:
        """Take the absolute value."""
        return connect(*_operator("abs"), (_one(self),))

    def __eq__(self, other: object) -> Symbol:  # type: ignore[override]
        """Compare elementwise: 1 where equal, else 0, in the inputs' type."""
        return _binary("_equal", "_equal_scalar", self, other)

    def __ne__(self, other: object) -> Symbol:  # type: ignore[override]
        """Compare elementwise: 1 where not equal, else 0."""
        return _binary("_not_equal", "_not_equal_scalar", self, other)

    def __gt__(self, other: Any) -> Symbol:
        """Compare elementwise."""
        return _binary("_greater", "_greater_scalar", self, other)

    def __ge__(self, other: Any) -> Symbol:
        """Compare elementwise."""
        return _binary("_greater_equal", "_greater_equal_scalar", self, other)

    def __lt__(self, other: Any) -> Symbol:
        """Compare elementwise."""
        return _binary("_lesser", "_lesser_scalar", self, other)

    def __le__(self, other: Any) -> Symbol:
        """Compare elementwise."""
        return _binary("_lesser_equal", "_lesser_equal_scalar", self, other)

    # `==` builds a graph, so a Symbol has no truth value and no hash
    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> NoReturn:
        """Refuse: a symbol has no value yet."""
        message = f"{self!r} has no truth value: it has not run yet"
        raise NotForSymbolError(message, hint="compare the arrays that forward() returns")

    def __contains__(self, item: object) -> NoReturn:
        """Refuse: `==` between symbols builds a graph."""
        message = "`in` would compare symbols, which builds a graph"
        raise NotForSymbolError(message, hint="look for a name in list_outputs()")

    def __iadd__(self, other: object) -> NoReturn:
        """Refuse: nothing is changed in place while composing."""
        message = "a symbol cannot be changed in place"
        raise NotForSymbolError(message, hint="write a = a + b; an op such as signsgd_update writes")

    __isub__ = __imul__ = __itruediv__ = __imod__ = __iadd__

    # ------------------------------------------------------------------- ops as methods (fluent)

    def _attribute(self, name: str) -> Callable[..., Symbol]:
        """Return an op as a method: `x.sum(axis=1)`."""
        if name in FLUENT:
            from minisym.symbol.functions import WRITTEN_HERE, function_of

            called = "cast" if name == "astype" else name
            op = find(called)
            if name in WRITTEN_HERE:
                return partial(WRITTEN_HERE[name], self)
            if op is not None:
                return partial(function_of(op, called), self)
        if name in _EAGER_ONLY:
            message = f"{name}() needs a value, and a symbol has not run yet"
            raise NotForSymbolError(message, hint="bind it and run forward(), or use eval()")
        message = f"Symbol has no attribute {name!r}"
        raise AttributeError(message)

    if not TYPE_CHECKING:  # mypy has the stub: with this, every misspelt method would pass
        __getattr__ = _attribute

    def __dir__(self) -> list[str]:
        """List methods and fluent ops."""
        return [*super().__dir__(), *FLUENT]


def connect(op: Op, hint: str, inputs: tuple[Entry, ...], params: Params = NO_PARAMS) -> Symbol:
    """Make a node of one output from entries and the parameters as the user wrote them."""
    attrs: Mapping[str, str] = current_attrs()
    if params:
        written = op.write_params(params)
        attrs = MappingProxyType({**attrs, **written} if attrs else written)
        params = op.read_params(params)
    else:
        params = op.defaults
    return Symbol((first_entry(Node(op, auto_name(None, hint), inputs, params, attrs, capture())),))


class OutputNameError(ComposeError, ValueError):
    """No output, or more than one, has the name asked for."""


class NotForSymbolError(ComposeError, NotImplementedError):
    """Something that only an array can do was asked of a symbol."""


NotImplementedForSymbol = NotForSymbolError


def _one(symbol: Symbol) -> Entry:
    if len(symbol.entries) != 1:
        message = (
            f"an operator takes symbols of one output, but {symbol!r} has {len(symbol.entries)}"
        )
        raise ComposeError(message, hint="choose one by index or name: symbol[0]")
    return symbol.entries[0]


def _binary(op: str, scalar_op: str, lhs: Symbol, rhs: Any) -> Symbol:
    """Compose `lhs op rhs`, where rhs is a symbol or a number."""
    if isinstance(rhs, Symbol):
        a, b = lhs.entries, rhs.entries
        inputs = a + b if len(a) == len(b) == 1 else (_one(lhs), _one(rhs))
        return connect(*_operator(op), inputs)
    return _scalar(scalar_op, lhs, rhs)


def _scalar(op: str, lhs: Symbol, rhs: Any) -> Symbol:
    if not isinstance(rhs, numbers.Number) or isinstance(rhs, bool | complex):
        message = f"operators take symbols and numbers, but got {type(rhs).__name__}"
        raise ComposeError(
            message, hint="an array enters a graph through a Variable that is bound later"
        )
    return connect(*_operator(op), (_one(lhs),), {"scalar": rhs})


@cache
def _operator(name: str) -> tuple[Op, str]:
    """Return the op behind one of Python's operators, and the hint for its nodes' names."""
    return get(name), name.lower()


def _with_both_spellings(attrs: Mapping[str, str]) -> dict[str, str]:
    both = dict(attrs)
    for key in HIDDEN_KEYS:
        if f"__{key}__" in attrs:
            both[key] = attrs[f"__{key}__"]
    return both


def scoped_attrs(attr: Mapping[str, str] | None) -> dict[str, str]:
    """Merge the scopes' attributes with the node's own, hidden keys in their kept spelling."""
    if attr is not None:
        if not isinstance(attr, Mapping):
            message = f"attr must be a dict of strings, but got {attr!r}"
            raise ParamError(message)
        for key, value in attr.items():
            if not isinstance(value, str):
                message = f"attribute {key!r} must be a string, but got {value!r}"
                raise ParamError(message, hint=f"write {str(value)!r}")
    merged = {**current_attrs(), **(attr or {})}
    return {hide(key): value for key, value in merged.items()}


# ---------------------------------------------------------------------------- making symbols


def Variable(  # noqa: N802, PLR0913  MXNet's name and parameters
    name: str,
    attr: Mapping[str, str] | None = None,
    shape: Sequence[int] | None = None,
    lr_mult: float | None = None,
    wd_mult: float | None = None,
    dtype: Any = None,
    init: Any = None,
    stype: Any = None,
    **kwargs: str,
) -> Symbol:
    """Make a leaf: a name for an array that is bound later.

    Parameters
    ----------
    name
        Its name among the arguments.
    attr
        Attributes, all strings.
    shape, dtype
        What inference takes for it unless told otherwise.
    lr_mult, wd_mult
        Factors of learning rate and weight decay for this parameter.
    init
        An initializer, or its name, for this parameter.
    stype
        Storage type; only "default" is supported.
    **kwargs
        Further attributes, of the form `__name__`.

    Examples
    --------
    >>> from minisym import sym
    >>> sym.Variable("w", shape=(2, 3), lr_mult=2.0).list_attr()["__shape__"]
    '(2, 3)'
    """
    if not isinstance(name, str):
        message = f"a Variable's name must be a string, but got {name!r}"
        raise ComposeError(message)
    attrs = scoped_attrs(attr)
    if shape is not None:
        attrs["__shape__"] = str(tuple(shape) if not isinstance(shape, int) else (shape,))
    if lr_mult is not None:
        attrs["__lr_mult__"] = str(lr_mult)
    if wd_mult is not None:
        attrs["__wd_mult__"] = str(wd_mult)
    if dtype is not None:
        attrs["__dtype__"] = str(dtype_code(dtype))
    if init is not None:
        attrs["__init__"] = init if isinstance(init, str) else init.dumps()
    if stype is not None:
        attrs["__storage_type__"] = "0" if stype in ("default", 0) else write(stype)
    for key, value in kwargs.items():
        if not (key.startswith("__") and key.endswith("__")):
            message = f"Variable {name!r}: there is no parameter {key!r}"
            raise ParamError(message, hint="further attributes are spelt __name__, or go into attr=")
        attrs[key] = str(value)
    kept = MappingProxyType(attrs) if attrs else NO_PARAMS
    return Symbol((Entry(Node(None, name, attrs=kept, origin=capture())),))


var = Variable

_CODES = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool")


def dtype_code(dtype: Any) -> int:
    """Return MXNet's number for a dtype.

    >>> dtype_code("float32"), dtype_code(np.int64)
    (0, 6)
    """
    try:
        return _CODES.index(np.dtype(dtype).name)
    except (TypeError, ValueError):
        message = f"there is no dtype {dtype!r}"
        raise ParamError(message, hint=f"one of {', '.join(DTYPES)}") from None


def dtype_of_code(code: str) -> np.dtype[Any] | None:
    """Return the dtype of MXNet's number, as an attribute holds it; None for -1 (unknown)."""
    number = int(code)
    return np.dtype(_CODES[number]) if 0 <= number < len(_CODES) else None


def Group(symbols: Iterable[Symbol]) -> Symbol:  # noqa: N802  MXNet's name
    """Put the outputs of several symbols into one.

    >>> from minisym import sym
    >>> a = sym.Variable("a")
    >>> sym.Group([a + 1, a * 2]).list_outputs()
    ['_plusscalar0_output', '_mulscalar0_output']
    """
    each = list(symbols) if isinstance(symbols, Iterable) else []
    if not each or not all(isinstance(symbol, Symbol) for symbol in each):
        message = f"Group takes a list of symbols, but got {symbols!r}"
        raise ComposeError(message)
    return Symbol(tuple(entry for symbol in each for entry in symbol.entries))
