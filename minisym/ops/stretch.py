r"""Arrays made larger by repeating what is in them: broadcasting, tiles, repeats.

The gradient of a repetition is the sum over the copies.
"""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import nothing
from minisym.core.declare import F
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.ndarray import Array
from minisym.core.params import Ints
from minisym.core.samples import Sample
from minisym.core.shapes import Dim, axes_of, axis_of, product
from minisym.core.symbol import Symbol
from minisym.ops.broadcast import unbroadcast
from minisym.ops.inputs import Expanded
from minisym.ops.numeric.rules import first_type
from minisym.ops.numeric.sums import sum_over

op = partial(declare, kind="layout", cost=nothing)

# ----------------------------------------------------------------------------------- broadcasting


def _stretched(data: tuple[Dim, ...], target: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """Stretch axes of size 1 to the target's; a target of None leaves an axis as it is."""
    if len(data) != len(target):
        raise ValueError(f"data has {len(data)} dimension(s), but the target {len(target)}")
    for axis, (d, t) in enumerate(zip(data, target, strict=True)):
        if None not in (d, t) and d not in (1, t):
            raise ValueError(f"axis {axis} of size {d} cannot stretch to {t}; only size 1 can")
    return tuple(d if t is None and d != 1 else t for d, t in zip(data, target, strict=True))


@op(
    hands_on=True,
    samples=[
        Sample(((1, 3),), {"shape": (2, 3)}, reference=lambda x: np.ones((2, 1)) * x),
        Sample(((2, 1, 3),), {"shape": (0, 4, 0)}, reference=lambda x: np.ones((4, 1)) * x),
        Sample(((2, 3),), {"shape": (4, 3)}, raises=ShapeError, match="cannot stretch to 4"),
        Sample(((3,),), {"shape": (4, 3)}, raises=ShapeError, match="1 dimension"),
    ],
)
def broadcast_to(
    data: Expanded,
    *,
    shape: Annotated[Ints, "The new shape; 0 leaves an axis as it is."] = (),
    out: Array,
) -> None:
    """Stretch axes of size 1 to a given shape.

    >>> from minisym import sym
    >>> sym.broadcast_to(sym.Variable("x"), shape=(2, 0)).infer_shape(x=(1, 3))[1]
    [(2, 3)]
    """
    np.copyto(out, data)


@broadcast_to.shape
def _(s: Any, *, shape: Ints) -> None:
    """Rule: what `shape` says, where 0 keeps an axis; only axes of size 1 stretch."""
    if s.data is None:
        s.output = tuple(d or None for d in shape) or None
    else:
        copied = tuple(t or d for t, d in zip(shape, s.data, strict=False)) + shape[len(s.data) :]
        s.output = _stretched(s.data, copied)


broadcast_to.onnx(lambda o, data: o.stretch(data))


@broadcast_to.grad
def _(g: Symbol, data: Symbol) -> Symbol:
    return unbroadcast(g, data)


@op(
    aliases=("broadcast_axes",),
    hands_on=True,
    samples=[
        Sample(
            ((1, 3, 1),),
            {"axis": (0, 2), "size": (2, 4)},
            reference=lambda x: np.ones((2, 3, 4)) * x,
        ),
        Sample(((2, 3),), {"axis": 0, "size": 4}, raises=ShapeError, match="cannot stretch to 4"),
    ],
)
def broadcast_axis(
    data: Expanded,
    *,
    axis: Annotated[Ints, "The axes to stretch; they have size 1."] = (),
    size: Annotated[Ints, "Their new sizes."] = (),
    out: Array,
) -> None:
    """Stretch some axes of size 1."""
    np.copyto(out, data)


@broadcast_axis.shape
def _(s: Any, *, axis: Ints, size: Ints) -> None:
    """Rule: the shape of `data`; each of `axis`, of size 1, becomes as long as `size` says."""
    if len(axis) != len(size):
        raise ValueError(f"axis {axis} and size {size} differ in length")
    if s.data is None:
        return
    target = list(s.data)
    if axis:
        axes_of(axis, len(target))
    data = list(target)
    for i, d in zip(axis, size, strict=True):
        if data[i] not in (1, None):
            raise ValueError(f"axis {i} of size {data[i]} cannot stretch to {d}; only size 1 can")
        data[i], target[i] = 1, d
    s.data, s.output = tuple(data), tuple(target)
    stretched = {axis_of(i, len(target)) for i in axis}
    s.data = tuple(data[i] if i in stretched else d for i, d in enumerate(s.output))


broadcast_axis.onnx(lambda o, data: o.stretch(data))


@broadcast_axis.grad
def _(g: Symbol, data: Symbol, *, axis: Ints) -> Symbol:
    return F.sum(g, axis=axis, keepdims=True) if axis else g


@op(
    hands_on=True,
    samples=[
        Sample(((1, 3), (2, 3)), reference=lambda x, y: np.ones((2, 1)) * x),
        Sample(
            ((1, 3), (4, 2)),
            {"lhs_axes": (0,), "rhs_axes": (-1,)},
            reference=lambda x, y: np.ones((2, 1)) * x,
        ),
        Sample(((2, 3), (4, 3)), raises=ShapeError, match="cannot stretch to 4"),
    ],
)
def broadcast_like(
    lhs: Expanded,
    rhs: Annotated[Array, "An array that says how far; its values do not count."],
    *,
    lhs_axes: Annotated[Ints | None, "The axes of lhs to stretch; None: all."] = None,
    rhs_axes: Annotated[Ints | None, "The axes of rhs that say how far."] = None,
    out: Array,
) -> None:
    """Stretch axes of size 1 to the shape of another array."""
    np.copyto(out, lhs)


@broadcast_like.shape
def _(s: Any, *, lhs_axes: Ints | None, rhs_axes: Ints | None) -> None:
    """Rule: the shape of `rhs`, to which that of `lhs` is stretched; or only some axes."""
    lhs, rhs = s.lhs, s.rhs
    if lhs is None or rhs is None:
        return
    if lhs_axes is None or rhs_axes is None:
        s.output = _stretched(lhs, rhs)
        return
    if len(lhs_axes) != len(rhs_axes) or not lhs_axes:
        raise ValueError(f"lhs_axes {lhs_axes} and rhs_axes {rhs_axes} must pair up")
    target = list(lhs)
    for i, j in zip(lhs_axes, rhs_axes, strict=True):
        d = lhs[axis_of(i, len(lhs))]
        if d not in (1, None):
            raise ValueError(f"axis {i} of size {d} cannot stretch; only size 1 can")
        target[i] = rhs[axis_of(j, len(rhs))]
    s.output = tuple(target)


broadcast_like.dtype(first_type)


broadcast_like.onnx(lambda o, lhs: o.stretch(lhs))


@broadcast_like.grad
def _(g: Symbol, lhs: Symbol, rhs: Symbol) -> tuple[Symbol, None]:
    return unbroadcast(g, lhs), None


# ------------------------------------------------------------------------------------------ tile


def _tiles(shape: tuple[Any, ...], reps: Ints) -> tuple[tuple[Any, ...], Ints]:
    """Return shape and repetitions with ones in front, so that both are equally long."""
    rank = max(len(shape), len(reps))
    return (1,) * (rank - len(shape)) + shape, (1,) * (rank - len(reps)) + reps


def _sum(array: Array, axes: Ints, out: Array) -> None:
    """Sum over axes."""
    np.copyto(out, sum_over(array, axes).reshape(out.shape), casting="unsafe")


def _pairs(first: tuple[Any, ...], second: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(d for pair in zip(first, second, strict=True) for d in pair)


@op(
    hands_on=True,
    samples=[
        Sample(((2, 3),), {"reps": (2, 2)}, reference=lambda x: np.block([[x, x], [x, x]])),
        Sample(((3,),), {"reps": (2, 1)}, reference=lambda x: np.stack([x, x])),
        Sample(((2, 1, 3),), {"reps": (2,)}, reference=lambda x: np.concatenate([x, x], 2)),
    ],
)
def tile(
    data: Annotated[Array, "The array to lay side by side."],
    *,
    reps: Annotated[Ints, "How often, along each axis from the last."],
    out: Array,
) -> None:
    """Lay copies of the whole array side by side."""
    shape, times = _tiles(data.shape, reps)
    apart = data.reshape(_pairs((1,) * len(shape), shape))
    np.copyto(out.reshape(_pairs(times, shape)), apart)


@tile.shape
def _(s: Any, *, reps: Ints) -> None:
    """Rule: each axis, times its number in `reps`; missing ones count as 1."""
    if any(r < 0 for r in reps):
        raise ValueError(f"reps {reps} cannot be negative")
    if s.data is None:
        return
    shape, times = _tiles(s.data, reps)
    s.output = tuple(product(pair) for pair in zip(shape, times, strict=True))
    lead = len(shape) - len(s.data)
    s.data = tuple(
        o // t if o is not None and t else d
        for d, o, t in zip(s.data, s.output[lead:], times[lead:], strict=True)
    )


@tile.onnx
def _(o: Any, data: Any, *, reps: Ints) -> Any:
    shape, times = _tiles(data.shape, reps)
    return o.Tile(o.reshape(data, shape), times)


def _tile_again(h: Symbol, g: Symbol, data: Symbol, *, reps: Ints) -> tuple[Symbol, None]:
    return F.tile(h, reps=reps), None


@tile.backward(grad=_tile_again)
def _(g: Array, data: Array, *, reps: Ints, out: Array) -> None:
    """Sum the gradient of `tile` over the copies."""
    shape, times = _tiles(data.shape, reps)
    copies = g.reshape(_pairs(times, shape))
    _sum(copies, tuple(range(0, copies.ndim, 2)), out.reshape(shape))


# ---------------------------------------------------------------------------------------- repeat


@op(
    samples=[
        Sample(((2, 2),), {"repeats": 2}, reference=lambda x: np.repeat(x.ravel(), 2)),
        Sample(((2, 2),), {"repeats": 3, "axis": -1}, reference=lambda x: np.repeat(x, 3, 1)),
        Sample(((2,),), {"repeats": 2, "axis": 1}, raises=ShapeError, match="axis 1"),
    ],
)
def repeat(
    data: Annotated[Array, "The array whose elements are repeated."],
    *,
    repeats: Annotated[int, "How often."],
    axis: Annotated[int | None, "Along which axis; None: flatten first."] = None,
    out: Array,
) -> None:
    """Repeat each element, beside itself."""
    before, size, behind = _around(data.shape, axis)
    target = out.reshape(before, size, repeats, behind)
    np.copyto(target, data.reshape(before, size, 1, behind))


def _around(shape: Ints, axis: int | None) -> tuple[int, int, int]:
    """Return the numbers of elements before, along and behind an axis."""
    if axis is None:
        return 1, prod(shape), 1
    axis %= len(shape)
    return prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])


@repeat.shape
def _(s: Any, *, repeats: int, axis: int | None) -> None:
    """Rule: the shape of `data`, with `axis` times `repeats`.

    Without an axis, one vector of all.
    """
    if repeats < 0:
        raise ValueError(f"repeats cannot be negative, but is {repeats}")
    data = s.data
    if data is None:
        return
    if axis is None:
        s.output = (product((*data, repeats)),)
        return
    at = axis_of(axis, len(data))
    s.output = (*data[:at], product((data[at], repeats)), *data[at + 1 :])
    size = data[at] if s.output[at] is None or not repeats else s.output[at] // repeats
    s.data = (*s.output[:at], size, *s.output[at + 1 :])


@repeat.onnx
def _(o: Any, data: Any, *, repeats: int, axis: int | None) -> Any:
    at = 0 if axis is None else axis % data.rank
    flat = o.Reshape(data, (-1,)) if axis is None else data
    rank = 1 if axis is None else data.rank
    apart = o.Unsqueeze(flat, (at + 1,))
    return o.reshape(o.Tile(apart, tuple(repeats if i == at + 1 else 1 for i in range(rank + 1))))


def _repeat_again(
    h: Symbol, g: Symbol, data: Symbol, *, repeats: int, axis: int | None
) -> tuple[Symbol, None]:
    return F.repeat(h, repeats=repeats, axis=axis), None


@repeat.backward(grad=_repeat_again)
def _(g: Array, data: Array, *, repeats: int, axis: int | None, out: Array) -> None:
    """Sum the gradient of `repeat` over the copies."""
    before, size, behind = _around(data.shape, axis)
    copies = g.reshape(before, size, repeats, behind)
    _sum(copies, (2,), out.reshape(before, size, behind))
