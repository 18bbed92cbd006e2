"""Arithmetic and comparisons of arrays and numbers: `nd.add` and its kin, and Python's operators.

Each row names the ops that it stands for. Their kernels are called as they are, without a graph:
that takes a few microseconds, where `invoke` takes a hundred. What they refuse `invoke` refuses in
words.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from numbers import Real
from typing import Any, Final, NamedTuple

import numpy as np

from minisym.core.errors import ArrayTypeError
from minisym.core.ndarray import Array, NDArray, plain
from minisym.core.op import Op, Rule, get
from minisym.nd.imperative import invoke
from minisym.runtime.calls import quietly


class Row(NamedTuple):
    """The ops behind a function of two operands, and the same of two numbers."""

    arrays: str
    scalar: str
    reflected: str
    numbers: Callable[[Any, Any], Any]
    doc: str


ARITHMETIC: Final = {
    "add": Row(
        "broadcast_add", "_plus_scalar", "_plus_scalar", operator.add,
        "Add arrays, which stretch, or an array and a number.",
    ),
    "subtract": Row(
        "broadcast_sub", "_minus_scalar", "_rminus_scalar", operator.sub,
        "Subtract arrays, which stretch, or an array and a number.",
    ),
    "multiply": Row(
        "broadcast_mul", "_mul_scalar", "_mul_scalar", operator.mul,
        "Multiply arrays, which stretch, or an array and a number.",
    ),
    "divide": Row(
        "broadcast_div", "_div_scalar", "_rdiv_scalar", operator.truediv,
        "Divide arrays, which stretch, or an array and a number; integers are cut towards 0.",
    ),
    "modulo": Row(
        "broadcast_mod", "_mod_scalar", "_rmod_scalar", operator.mod,
        "Take the remainder, which has the divisor's sign, of arrays, or an array and a number.",
    ),
    "power": Row(
        "broadcast_power", "_power_scalar", "_rpower_scalar", operator.pow,
        "Raise to a power: arrays, which stretch, or an array and a number.",
    ),
    "maximum": Row(
        "broadcast_maximum", "_maximum_scalar", "_maximum_scalar", max,
        "Take the larger one of arrays, which stretch, or of an array and a number.",
    ),
    "minimum": Row(
        "broadcast_minimum", "_minimum_scalar", "_minimum_scalar", min,
        "Take the smaller one of arrays, which stretch, or of an array and a number.",
    ),
}  # fmt: skip


def _truth(name: str, reflected: str, holds: Callable[[Any, Any], Any], words: str) -> Row:
    return Row(
        f"broadcast_{name}", f"_{name}_scalar", f"_{reflected}_scalar",
        lambda x, y: int(bool(holds(x, y))),
        f"Say where {words}: 1 where it holds, else 0, in the operands' type.",
    )  # fmt: skip


TRUTH: Final = {
    "equal": _truth("equal", "equal", operator.eq, "the operands are equal"),
    "not_equal": _truth("not_equal", "not_equal", operator.ne, "the operands differ"),
    "greater": _truth("greater", "lesser", operator.gt, "the first operand is greater"),
    "greater_equal": _truth(
        "greater_equal", "lesser_equal", operator.ge, "the first operand is greater or equal"
    ),
    "lesser": _truth("lesser", "greater", operator.lt, "the first operand is less"),
    "lesser_equal": _truth(
        "lesser_equal", "greater_equal", operator.le, "the first operand is less or equal"
    ),
    "logical_and": _truth(
        "logical_and", "logical_and", lambda x, y: x and y, "both operands are nonzero"
    ),
    "logical_or": _truth(
        "logical_or", "logical_or", lambda x, y: x or y, "an operand is nonzero"
    ),
    "logical_xor": _truth(
        "logical_xor", "logical_xor", lambda x, y: bool(x) != bool(y),
        "exactly one operand is nonzero",
    ),
}  # fmt: skip

ROWS: Final = ARITHMETIC | TRUTH


def operate(name: str, lhs: Any, rhs: Any, out: NDArray | None = None) -> Any:
    """Compute a row of the table; of two numbers it is a number.

    Raises
    ------
    ArrayTypeError
        An operand is neither an array nor a number.
    DtypeError, ShapeError
        The arrays have different types, or do not stretch to one shape.
    BindError
        The result does not fit into `out`.
    """
    row = ROWS[name]
    lhs, rhs = (x[()] if type(x) is np.ndarray and not x.ndim else x for x in (lhs, rhs))
    left, right = isinstance(lhs, np.ndarray), isinstance(rhs, np.ndarray)
    for is_array, operand in ((left, lhs), (right, rhs)):
        if not is_array and not isinstance(operand, Real | np.bool_):
            hint = "x is None asks whether there is one" if operand is None else None
            raise ArrayTypeError(
                f"{name} takes arrays and numbers, but got {type(operand).__name__}", hint=hint
            )
    if left and right:
        return _of_arrays(get(row.arrays), plain(lhs), plain(rhs), out)
    if left:
        return _run(get(row.scalar), plain(lhs).shape, plain(lhs), out=out, scalar=rhs)
    if right:
        return _run(get(row.reflected), plain(rhs).shape, plain(rhs), out=out, scalar=lhs)
    return row.numbers(lhs, rhs)


def _of_arrays(op: Op, lhs: Array, rhs: Array, out: NDArray | None) -> Any:
    shape = lhs.shape
    if lhs.dtype != rhs.dtype:
        return invoke(op, (lhs, rhs), {}, out)  # which says what is wrong
    if rhs.shape != shape:
        try:
            shape = np.broadcast_shapes(shape, rhs.shape)
        except ValueError:
            return invoke(op, (lhs, rhs), {}, out)
        if out is not None and out.shape != shape:
            return invoke(op, (lhs, rhs), {}, out)
    return _run(op, shape, lhs, rhs, out=out)


def _run(
    op: Op, shape: tuple[int, ...], *arrays: Array, out: NDArray | None, **params: Any
) -> NDArray:
    """Call the kernel of an elementwise op, whose arrays are all of one type."""
    assert isinstance(op.kernel, Rule)
    target = np.empty(shape, arrays[0].dtype) if out is None else out.view(np.ndarray)
    quietly(op.kernel.function, *arrays, **params, out=target)
    return target.view(NDArray) if out is None else out


def function(name: str) -> Callable[[Any, Any], Any]:
    """Return the function of a row of the table, as users call it."""

    def two_sided(lhs: Any, rhs: Any) -> Any:
        return operate(name, lhs, rhs)

    two_sided.__name__ = two_sided.__qualname__ = name
    two_sided.__module__ = "minisym.nd"
    two_sided.__doc__ = ROWS[name].doc
    return two_sided


# ------------------------------------------------------------------------------ Python's operators

OPERATORS: Final = {
    "add": ("__add__", "__radd__", operator.add),
    "subtract": ("__sub__", "__rsub__", operator.sub),
    "multiply": ("__mul__", "__rmul__", operator.mul),
    "divide": ("__truediv__", "__rtruediv__", operator.truediv),
    "modulo": ("__mod__", "__rmod__", operator.mod),
    "power": ("__pow__", "__rpow__", operator.pow),
    "equal": ("__eq__", "", operator.eq),
    "not_equal": ("__ne__", "", operator.ne),
    "greater": ("__gt__", "", operator.gt),
    "greater_equal": ("__ge__", "", operator.ge),
    "lesser": ("__lt__", "", operator.lt),
    "lesser_equal": ("__le__", "", operator.le),
}
"""The methods behind an operator, and what the operator does between plain arrays."""


def _is_numpys(operand: Any) -> bool:
    """Return whether it is a plain array with axes; one without them counts as a number."""
    return isinstance(operand, np.ndarray) and operand.ndim > 0 and not isinstance(operand, NDArray)


def _has_its_own_way(operand: Any) -> bool:
    """Return whether an operand has its own operators: a Symbol, or an array of another library."""
    return hasattr(operand, "__array_ufunc__") and not isinstance(operand, np.ndarray | np.generic)


def _operator(name: str, plainly: Callable[[Any, Any], Any], *, swap: bool) -> Callable[..., Any]:
    def method(self: NDArray, other: Any) -> Any:
        if _has_its_own_way(other):
            return NotImplemented
        if _is_numpys(other):
            mine = self.view(np.ndarray)
            return plainly(other, mine) if swap else plainly(mine, other)
        return operate(name, other, self) if swap else operate(name, self, other)

    return method


def _in_place(name: str, ufunc: np.ufunc) -> Callable[..., Any]:
    def method(self: NDArray, other: Any) -> NDArray:
        if _is_numpys(other):
            quietly(ufunc, plain(self), other, plain(self), casting="same_kind")
        else:
            operate(name, self, other, out=self)
        return self

    return method


def operators() -> dict[str, Callable[..., Any]]:
    """Return the methods by which NDArray follows Python's operators."""
    found: dict[str, Callable[..., Any]] = {}
    for name, (forward, reflected, plainly) in OPERATORS.items():
        found[forward] = _operator(name, plainly, swap=False)
        if reflected:
            found[reflected] = _operator(name, plainly, swap=True)
    for name, ufunc in (
        ("add", np.add),
        ("subtract", np.subtract),
        ("multiply", np.multiply),
        ("divide", np.divide),
        ("modulo", np.remainder),
    ):
        found[OPERATORS[name][0].replace("__", "__i", 1)] = _in_place(name, ufunc)
    found["__ipow__"] = found["__pow__"]  # as in MXNet, which has no power in place
    found["__neg__"] = lambda self: operate("multiply", self, -1)
    return found
