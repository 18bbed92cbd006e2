"""What Python's operators do between symbols, and between a symbol and a number.

They are the short way to a node, which takes a few microseconds; function calls go through
`minisym.core.compose`. Symbols must have one shape: `broadcast_add` and its like stretch.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final, NoReturn, Self, TypeVar

import numpy as np

from minisym.core.errors import ComposeError, NotForSymbolError, closest, listed
from minisym.core.naming import auto_name, current_attrs, is_attribute
from minisym.core.node import Entry, Node, first_entry
from minisym.core.op import NO_PARAMS, Op, Params, get, registered
from minisym.core.origin import capture
from minisym.core.several import Several

S = TypeVar("S", bound="Operators")


class Operators:
    """The operators of a Symbol."""

    __slots__ = ("entries",)

    entries: tuple[Entry, ...]

    def __init__(self, entries: tuple[Entry, ...]) -> None:
        self.entries = entries

    def __add__(self, other: Any) -> Self:
        """Add elementwise; symbols must have one shape (see `broadcast_add`)."""
        return _binary("_Plus", "_PlusScalar", self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Self:
        """Subtract elementwise."""
        return _binary("_Minus", "_MinusScalar", self, other)

    def __rsub__(self, other: Any) -> Self:
        """Subtract from a number."""
        return _scalar("_RMinusScalar", self, other)

    def __mul__(self, other: Any) -> Self:
        """Multiply elementwise."""
        return _binary("_Mul", "_MulScalar", self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Self:
        """Divide elementwise."""
        return _binary("_Div", "_DivScalar", self, other)

    def __rtruediv__(self, other: Any) -> Self:
        """Divide a number."""
        return _scalar("_RDivScalar", self, other)

    def __mod__(self, other: Any) -> Self:
        """Take the remainder, which has the divisor's sign."""
        return _binary("_Mod", "_ModScalar", self, other)

    def __rmod__(self, other: Any) -> Self:
        """Take the remainder of a number."""
        return _scalar("_RModScalar", self, other)

    def __pow__(self, other: Any) -> Self:
        """Raise to a power."""
        return _binary("_Power", "_PowerScalar", self, other)

    def __rpow__(self, other: Any) -> Self:
        """Raise a number to this power."""
        return _scalar("_rpower_scalar", self, other)  # MXNet calls it so here, and only here

    def __neg__(self) -> Self:
        """Negate."""
        return _scalar("_MulScalar", self, -1.0)

    def __abs__(self) -> Self:
        """Take the absolute value."""
        return _made(self, "abs", (_one(self),))

    def __eq__(self, other: object) -> Self:  # type: ignore[override]
        """Compare elementwise: 1 where equal, else 0, in the inputs' type."""
        return _binary("_equal", "_equal_scalar", self, other)

    def __ne__(self, other: object) -> Self:  # type: ignore[override]
        """Compare elementwise: 1 where not equal, else 0."""
        return _binary("_not_equal", "_not_equal_scalar", self, other)

    def __gt__(self, other: Any) -> Self:
        """Compare elementwise."""
        return _binary("_greater", "_greater_scalar", self, other)

    def __ge__(self, other: Any) -> Self:
        """Compare elementwise."""
        return _binary("_greater_equal", "_greater_equal_scalar", self, other)

    def __lt__(self, other: Any) -> Self:
        """Compare elementwise."""
        return _binary("_lesser", "_lesser_scalar", self, other)

    def __le__(self, other: Any) -> Self:
        """Compare elementwise."""
        return _binary("_lesser_equal", "_lesser_equal_scalar", self, other)

    def __matmul__(self, other: object) -> NoReturn:
        """Refuse: MXNet's symbols have no such operator."""
        raise _not_numpy("matmul", "@ is no operator of symbols")

    __rmatmul__ = __matmul__

    # ------------------------------------------------------------------ what NumPy asks a symbol

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Do `number * symbol` where the number is NumPy's; refuse all other ufuncs."""
        names = _OF_UFUNCS.get(ufunc)
        if names is None or method != "__call__" or kwargs:
            raise _not_numpy(ufunc.__name__)
        left, right = inputs
        if isinstance(left, Operators):
            return getattr(left, names[0])(right)
        if ufunc in _COMPARISONS and np.ndim(left) == 0:
            left = left[()]  # NumPy makes an array of a number that it compares
        return getattr(right, names[1])(left)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """Call the method of that name, as NumPy itself does for what is no array; or refuse."""
        method = getattr(args[0], function.__name__, None) if args else None
        if isinstance(getattr(method, "__self__", None), Operators):
            return method(*args[1:], **kwargs)  # type: ignore[misc]
        raise _not_numpy(function.__name__)

    def __array__(self, *_: object, **__: object) -> NoReturn:
        """Refuse: a symbol has no values yet."""
        raise NotForSymbolError(
            f"{self!r} is no array: it has not run yet",
            hint="eval(name=array), or bind and forward, return arrays",
        )

    # `==` builds a graph, so a Symbol has no truth value and no hash
    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> NoReturn:
        """Refuse: a symbol has no value yet."""
        raise NotForSymbolError(
            f"{self!r} has no truth value: it has not run yet",
            hint="compare the arrays that forward() returns",
        )

    def __contains__(self, item: object) -> NoReturn:
        """Refuse: `==` between symbols builds a graph."""
        raise NotForSymbolError(
            "`in` would compare symbols, which builds a graph",
            hint="look for a name in list_outputs()",
        )

    def __iadd__(self, other: object) -> NoReturn:  # type: ignore[misc]
        """Refuse: nothing is changed in place while composing."""
        raise NotForSymbolError(
            f"{self!r} cannot be changed in place: nodes are immutable",
            hint="write a = a + b; an op such as signsgd_update writes",
        )

    __isub__ = __imul__ = __itruediv__ = __iadd__


_OF_UFUNCS: Final[Mapping[np.ufunc, tuple[str, str]]] = {
    np.add: ("__add__", "__radd__"),
    np.subtract: ("__sub__", "__rsub__"),
    np.multiply: ("__mul__", "__rmul__"),
    np.true_divide: ("__truediv__", "__rtruediv__"),
    np.remainder: ("__mod__", "__rmod__"),
    np.power: ("__pow__", "__rpow__"),
    np.equal: ("__eq__", "__eq__"),
    np.not_equal: ("__ne__", "__ne__"),
    np.greater: ("__gt__", "__lt__"),
    np.greater_equal: ("__ge__", "__le__"),
    np.less: ("__lt__", "__gt__"),
    np.less_equal: ("__le__", "__ge__"),
}
"""What NumPy's operators call -> the method of a left operand, and that of a right one."""

_COMPARISONS: Final[frozenset[np.ufunc]] = frozenset(
    (np.equal, np.not_equal, np.greater, np.greater_equal, np.less, np.less_equal)
)

_CALLED_ELSE: Final = {
    "absolute": "abs",
    "concatenate": "concat",
    "matmul": "dot",
    "maximum": "broadcast_maximum",
    "minimum": "broadcast_minimum",
    "hypot": "broadcast_hypot",
    "shape": "shape_array",
    "size": "size_array",
}
"""NumPy's name -> that of the op."""


def _not_numpy(name: str, why: str = "") -> NotForSymbolError:
    """Make the error for a function of NumPy that got a symbol, and name the op that is meant."""
    op = _CALLED_ELSE.get(name, name)
    public = [known for known in registered() if not known.startswith("_")]
    if op in public:
        hint = f"the op is ms.sym.{op}"
    elif close := closest(op, public, 0.8):
        hint = f"did you mean ms.sym.{close[0]}?"
    else:
        hint = "the ops of symbols are those of ms.sym"
    message = why or f"np.{name} computes with arrays, but got a Symbol, which has no values yet"
    return NotForSymbolError(message, hint=hint)


def connected(op: Op, hint: str, inputs: tuple[Entry, ...], params: Params = NO_PARAMS) -> Entry:
    """Make a node of one output from entries and the parameters as the user wrote them."""
    attrs: Mapping[str, str] = current_attrs()
    for key in attrs:
        if not is_attribute(key):  # as in MXNet, a scope's plain attribute is a parameter
            raise op.unknown_param(key)
    if params:
        written = op.write_params(params)
        attrs = MappingProxyType({**attrs, **written} if attrs else written)
        params = op.read_params(params)
    else:
        params = op.defaults
    return first_entry(Node(op, auto_name(None, hint), inputs, params, attrs, capture()))


def _binary(op: str, scalar_op: str, lhs: S, rhs: Any) -> S:
    """Compose `lhs op rhs`, where rhs is a symbol or a number."""
    if isinstance(rhs, Operators):
        a, b = lhs.entries, rhs.entries
        return _made(lhs, op, a + b if len(a) == len(b) == 1 else (_one(lhs), _one(rhs)))
    return _scalar(scalar_op, lhs, rhs)


def _scalar(op: str, lhs: S, rhs: Any) -> S:
    if not isinstance(rhs, numbers.Number) or isinstance(rhs, bool | complex):
        if isinstance(rhs, Several):
            rhs.refuse()
        raise ComposeError(
            f"beside {lhs!r} an operator takes a symbol or a number, but got {type(rhs).__name__}",
            hint="an array enters a graph through a Variable that is bound later",
        )
    return _made(lhs, op, (_one(lhs),), {"scalar": rhs})


def _made(lhs: S, op: str, inputs: tuple[Entry, ...], params: Params = NO_PARAMS) -> S:
    return type(lhs)((connected(*_operator(op), inputs, params),))


@cache
def _operator(name: str) -> tuple[Op, str]:
    """Return the op behind one of Python's operators, and the hint for its nodes' names."""
    return get(name), name.lower()


def _one(symbol: Operators) -> Entry:
    if len(symbol.entries) != 1:
        raise ComposeError(
            f"an operator takes symbols of one output, but {symbol!r} has {len(symbol.entries)}: "
            f"{listed([entry.name for entry in symbol.entries])}",
            hint="choose one by index or name: symbol[0]",
        )
    return symbol.entries[0]
