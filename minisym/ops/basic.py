r"""Ops that choose, copy or convert: identity, constants like another array, casts, sums, clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import numpy as np

from minisym.define import Array, Declaration, op
from minisym.families import ZERO, agree, number, unary
from minisym.params import DType
from minisym.samples import Sample
from minisym.symbol.symbol import Symbol

# ------------------------------------------------------------------------------- the same or none

ones_like = unary(
    "ones_like",
    lambda x, out: out.fill(1),
    ZERO,
    "Make ones of the shape and type of another array.",
    samples=[Sample(((2, 3),), reference=np.ones_like)],
)
zeros_like = unary(
    "zeros_like",
    lambda x, out: out.fill(0),
    ZERO,
    "Make zeros of the shape and type of another array.",
    aliases=("_sparse_zeros_like",),
    samples=[Sample(((2, 3),), reference=np.zeros_like)],
)


def _copy(x: Array, out: Array) -> None:
    np.copyto(out, x)


unary(
    "_copy",
    _copy,
    lambda g, x, y: g,
    "Pass the array on, $x$.",
    aliases=("identity",),
    samples=[Sample(((2, 3),), reference=lambda x: x)],
)
unary(
    "BlockGrad",
    _copy,
    ZERO,
    "Pass the array on, but no gradient back.",
    aliases=("stop_gradient", "_sparse_stop_gradient"),
    samples=[Sample(((2, 3),), wrt=(), reference=lambda x: x)],
)
unary(
    "make_loss",
    _copy,
    lambda g, x, y: ones_like(x),
    "Pass the array on as a loss: its gradient is 1, whatever arrives at the output.",
    aliases=("_sparse_make_loss",),
    samples=[Sample(((2, 3),), wrt=(), reference=lambda x: x)],
    outputs=("loss",),
    loss=True,
)


# ------------------------------------------------------------------------------------------ types


@op(
    aliases=("cast",),
    elementwise=True,
    samples=[
        Sample(((2, 3),), {"dtype": "float64"}, reference=lambda x: x),
        Sample(
            (np.array([-2.5, 1.5, 3.0]),),
            {"dtype": "int32"},
            wrt=(),
            reference=lambda x: np.trunc(x).astype(np.int32),
        ),
    ],
)
def Cast(data: Array, *, dtype: Annotated[DType, "The type to convert to."], out: Array) -> None:
    """Convert to another type; floats are cut to integers towards 0.

    The gradient is converted back.

    >>> import numpy as np
    >>> from minisym import sym
    >>> sym.Cast(sym.Variable("x"), dtype="int32").eval(x=np.array([1.7, -1.7]))
    [NDArray([ 1, -1], dtype=int32)]
    """
    np.copyto(out, data, casting="unsafe")


@Cast.dtype
def _(t: Any, *, dtype: str) -> None:
    t.output = np.dtype(dtype)


@Cast.grad
def _(g: Symbol, data: Symbol) -> Symbol:
    return cast_like(g, data)


@op(name="_cast_like", elementwise=True, samples=[Sample(((2, 3), (2, 3)), wrt=(0,))])
def cast_like(data: Array, like: Array, *, out: Array) -> None:
    """Convert to the type of `like`."""
    np.copyto(out, data, casting="unsafe")


@cast_like.dtype
def _(t: Any) -> None:
    t.output = t.like


@cast_like.grad
def _(g: Symbol, data: Symbol, like: Symbol) -> tuple[Symbol | None, ...]:
    return cast_like(g, data), None


# ------------------------------------------------------------------------------- sums and choices


@op(
    aliases=("ElementWiseSum", "_sparse_ElementWiseSum", "_sparse_add_n"),
    count="num_args",
    variadic="args",
    elementwise=True,
    samples=[
        Sample(((2, 3), (2, 3), (2, 3)), reference=lambda a, b, c: a + b + c),
        Sample(((2, 3),), reference=lambda a: a),
    ],
)
def add_n(*args: Array, out: Array) -> None:
    r"""Add any number of arrays of one shape, $\sum_i x_i$."""
    for function, arguments in _add_n(args, (out,)):
        function(*arguments)


@add_n.steps
def _add_n(inputs: Sequence[Array], outs: Sequence[Array]) -> Iterator[Any]:
    # only the last step writes the output: it may be the memory of any input
    (out,) = outs
    if len(inputs) == 1:
        yield np.copyto, (out, inputs[0])
        return
    so_far = inputs[0]
    scratch = np.empty_like(out) if len(inputs) > 2 else out
    for x in inputs[1:-1]:
        yield np.add, (so_far, x, scratch)
        so_far = scratch
    yield np.add, (so_far, inputs[-1], out)


@add_n.grad
def _(g: Symbol, *args: Symbol) -> list[Symbol]:
    return [g] * len(args)


@op(
    aliases=("_sparse_clip",),
    elementwise=True,
    samples=[
        Sample(((3, 4),), {"a_min": -1, "a_max": 1.5}, reference=lambda x: x.clip(-1, 1.5)),
    ],
)
def clip(
    data: Array,
    *,
    a_min: Annotated[float, "The least value."],
    a_max: Annotated[float, "The greatest value."],
    out: Array,
) -> None:
    r"""Limit to an interval, $\min(\max(x, a_\text{min}), a_\text{max})$.

    The gradient passes inside and at both bounds. NaN stays NaN, and passes it, too.

    >>> import numpy as np
    >>> from minisym import sym
    >>> sym.clip(sym.Variable("x"), 0, 1).eval(x=np.array([-1.0, 0.5, 2.0]))
    [NDArray([0. , 0.5, 1. ])]
    """
    low, high = a_min, a_max
    if out.dtype.kind != "f":
        limits = np.iinfo(out.dtype)
        low, high = (min(max(bound, limits.min), limits.max) for bound in (low, high))
    least, greatest = number(low, out.dtype), number(high, out.dtype)
    if a_min > a_max:  # as in MXNet: the upper bound is looked at first
        np.copyto(out, np.where(data > a_max, greatest, np.where(data < a_min, least, data)))
        return
    np.maximum(data, least, out)
    np.minimum(out, greatest, out)


@clip.grad
def _(g: Symbol, data: Symbol, *, a_min: float, a_max: float) -> Symbol:
    outside = (data < a_min) + (data > a_max)
    return where(outside, zeros_like(g), g)


@op(
    aliases=("_sparse_where",),
    samples=[
        Sample(
            (np.array([[0.0, 1.0], [np.nan, 0.0]]), (2, 2), (2, 2)),
            wrt=(1, 2),
            reference=lambda c, x, y: np.where(c, x, y),
        ),
        Sample(
            (np.array([0, 2]), (2, 3), (2, 3)),
            wrt=(1, 2),
            reference=lambda c, x, y: np.where(c[:, None], x, y),
        ),
        Sample((np.array([0, 2, 1]), (2, 3), (2, 3)), raises=ValueError, match="condition"),
    ],
)
def where(condition: Array, x: Array, y: Array, *, out: Array) -> None:
    """Choose from `x` where the condition is nonzero, else from `y`.

    The condition has the shape of `x` and `y`, or one element for each row of them.
    """
    np.copyto(out, y)
    if condition.ndim < out.ndim:
        condition = condition.reshape(-1, *(1,) * (out.ndim - 1))
    np.copyto(out, x, where=condition != 0)


@where.shape
def _(s: Any) -> None:
    agree(s, "x", "y", "output")
    condition, x = s.condition, s.x
    if condition is None or x is None:
        return
    if len(condition) == len(x):
        s.x = condition
        agree(s, "condition", "x", "y", "output")
    elif len(condition) == 1:
        s.condition = x[:1]
        s.x = (s.condition[0], *x[1:])
        agree(s, "x", "y", "output")
    else:
        raise ValueError("condition must have the shape of x, or be a vector of one element a row")


@where.dtype
def _(t: Any) -> None:
    agree(t, "x", "y", "output")


@where.grad
def _(g: Symbol, condition: Symbol, x: Symbol, y: Symbol) -> tuple[Symbol | None, ...]:
    zero = zeros_like(g)
    return None, where(condition, g, zero), where(condition, zero, g)
