r"""Reductions: sums, products and extremes over axes.

They share three parameters: `axis` says which axes go (none given: all of them), `exclude` turns the
choice around, and `keepdims` leaves an axis of length 1 in each place. What is reduced completely
has the shape (1,), as MXNet has no arrays without axes by default.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np

from minisym.define import Array, Declaration, op
from minisym.families import number
from minisym.ops.arithmetic import divide
from minisym.params import Ints
from minisym.samples import Sample
from minisym.shapes import axes_of, axis_of, is_np_shape
from minisym.symbol.symbol import Symbol

Axes = Annotated[Ints | None, "The axes to reduce; None or () for all."]
KeepDims = Annotated[bool, "Whether reduced axes stay, with length 1."]
Exclude = Annotated[bool, "Whether `axis` says which axes to keep instead."]


def axes_gone(axis: Ints | None, rank: int, *, exclude: bool) -> tuple[int, ...]:
    """Return the axes that a reduction removes."""
    chosen = axes_of(axis, rank)
    if exclude and axis:
        return tuple(a for a in range(rank) if a not in chosen)
    return chosen


def total(data: Array, axes: tuple[int, ...], out: Array, *, keepdims: bool = False) -> None:
    """Sum over axes into `out`; float16 is summed in float32."""
    reduce_by(np.add, data, axes, out, keepdims=keepdims)


def reduce_by(
    ufunc: np.ufunc, data: Array, axes: tuple[int, ...], out: Array, *, keepdims: bool = False
) -> None:
    """Reduce by a ufunc over axes into `out`; float16 is added up in float32."""
    if out.ndim != (data.ndim if keepdims else data.ndim - len(axes)):
        out = out.reshape(())  # all axes go, and (1,) is left
    if data.dtype == np.float16 and ufunc in (np.add, np.multiply):
        wide = ufunc.reduce(data, axes, np.float32, None, keepdims)
        np.copyto(out, wide, casting="unsafe")
        return
    ufunc.reduce(data, axes, out.dtype, out, keepdims)


def reduced(s: Any, *, axis: Ints | None, keepdims: bool, exclude: bool = False) -> None:
    """Rule: the output's shape, from the data's."""
    data = s.data
    if data is None:
        return
    gone = axes_gone(axis, len(data), exclude=exclude)
    if keepdims:
        s.output = tuple(1 if a in gone else d for a, d in enumerate(data))
        return
    left = tuple(d for a, d in enumerate(data) if a not in gone)
    s.output = left or (() if is_np_shape() else (1,))


# ---------------------------------------------------------------------------------- the way back


@op(
    name="_spread",
    samples=[
        Sample(((3,), (2, 3, 4)), {"axis": (0, 2)}, wrt=(0,)),
        Sample(((1,), (2, 3)), {"mean": True}, wrt=(0,)),
    ],
)
def spread(
    data: Array,
    like: Array,
    *,
    axis: Axes = None,
    keepdims: KeepDims = False,
    exclude: Exclude = False,
    mean: Annotated[bool, "Whether to divide by the number of repeats."] = False,
    out: Array,
) -> None:
    """Repeat what a reduction of `like` left, along the axes that it reduced."""
    axes = axes_gone(axis, like.ndim, exclude=exclude)
    kept = tuple(1 if a in axes else d for a, d in enumerate(like.shape))
    source = data.reshape(kept)
    if mean:
        source = source / np.array(out.size // max(source.size, 1)).astype(data.dtype)
    np.copyto(out, source, casting="unsafe")


@spread.shape
def _(s: Any) -> None:
    s.output = s.like


@spread.grad
def _(
    g: Symbol, data: Symbol, like: Symbol, *,
    axis: Ints | None, keepdims: bool, exclude: bool, mean: bool,
) -> tuple[Symbol | None, ...]:  # fmt: skip
    back = MEAN if mean else SUM
    return back(g, axis=axis, keepdims=keepdims, exclude=exclude), None


def reduction(
    name: str,
    kernel: Callable[[Array, tuple[int, ...], Array, bool], None],
    grad: Callable[..., Symbol],
    doc: str,
    reference: Callable[..., Any],
    aliases: tuple[str, ...] = (),
) -> Declaration:
    """Declare a reduction: `kernel(data, axes, out, keepdims)` fills `out`.

    `grad(g, x, y, spread)` is the gradient: `g` and `y` are repeated to the shape of `x` already, by
    a function that the last argument is, for what else must be.
    """

    def run(
        data: Array,
        *,
        axis: Axes = None,
        keepdims: KeepDims = False,
        exclude: Exclude = False,
        out: Array,
    ) -> None:
        kernel(data, axes_gone(axis, data.ndim, exclude=exclude), out, keepdims)

    run.__name__, run.__doc__, run.__module__ = name, doc, __name__
    declared = op(
        name=name,
        aliases=aliases,
        samples=[
            Sample(((2, 3),), reference=lambda x: reference(x, axis=None).reshape(1)),
            Sample(((2, 3, 4),), {"axis": (0, -1)}, reference=lambda x: reference(x, axis=(0, 2))),
            Sample(
                ((2, 3, 4),),
                {"axis": 1, "exclude": True, "keepdims": True},
                reference=lambda x: reference(x, axis=(0, 2), keepdims=True),
            ),
            Sample(((2, 3),), {"axis": 2}, raises=IndexError, match="axis 2"),
        ],
    )(run)
    declared.shape(reduced)

    @declared.grad
    def _(
        g: Symbol, x: Symbol, *, y: Symbol, axis: Ints | None, keepdims: bool, exclude: bool
    ) -> Symbol:
        def back(small: Symbol, **options: Any) -> Symbol:
            return spread(small, x, axis=axis, keepdims=keepdims, exclude=exclude, **options)

        return grad(g, x, y, back)

    return declared


def _sum(data: Array, axes: tuple[int, ...], out: Array, keepdims: bool) -> None:
    total(data, axes, out, keepdims=keepdims)


def _mean(data: Array, axes: tuple[int, ...], out: Array, keepdims: bool) -> None:
    total(data, axes, out, keepdims=keepdims)
    count = data.size // max(out.size, 1)
    if out.dtype.kind == "f":
        np.divide(out, number(count, out.dtype), out)
    else:
        divide(out, number(count, out.dtype), out)


def _by(ufunc: np.ufunc) -> Callable[[Array, tuple[int, ...], Array, bool], None]:
    def kernel(data: Array, axes: tuple[int, ...], out: Array, keepdims: bool) -> None:
        reduce_by(ufunc, data, axes, out, keepdims=keepdims)

    return kernel


SUM = reduction(
    "sum",
    _sum,
    lambda g, x, y, back: back(g),
    r"Add up over axes, $\sum_i x_i$.",
    np.sum,
    ("_sparse_sum", "sum_axis"),
)
MEAN = reduction(
    "mean",
    _mean,
    lambda g, x, y, back: back(g, mean=True),
    r"Average over axes, $\frac1n \sum_i x_i$; of integers an integer.",
    np.mean,
    ("_sparse_mean",),
)
reduction(
    "prod",
    _by(np.multiply),
    lambda g, x, y, back: back(g * y) / x,
    r"Multiply over axes, $\prod_i x_i$; where an element is 0, its gradient is NaN.",
    np.prod,
)
reduction(
    "max",
    _by(np.maximum),
    lambda g, x, y, back: back(g) * (x == back(y)),
    r"Take the largest over axes; each element of a tie gets the whole gradient.",
    np.max,
    ("max_axis",),
)
reduction(
    "min",
    _by(np.minimum),
    lambda g, x, y, back: back(g) * (x == back(y)),
    r"Take the smallest over axes; each element of a tie gets the whole gradient.",
    np.min,
    ("min_axis",),
)
