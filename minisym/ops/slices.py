r"""Regions of arrays, cut out by indices, by one axis, or by another array's shape."""

from __future__ import annotations

import builtins
from functools import partial
from math import prod
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import nothing
from minisym.core.declare import F
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.ndarray import Array
from minisym.core.params import Ints, OptionalInts
from minisym.core.samples import Sample
from minisym.core.shapes import Dim, axis_of
from minisym.core.symbol import Symbol
from minisym.ops.inputs import Whole
from minisym.ops.numeric.rules import first_type

op = partial(declare, kind="layout", cost=nothing)

Key = tuple[builtins.slice, ...]


# ----------------------------------------------------------------------------------------- slice


def _key(begin: OptionalInts, end: OptionalInts, step: OptionalInts) -> Key:
    """Return begin, end and step of each axis as NumPy's slices."""
    steps = step or (None,) * len(begin)
    return tuple(builtins.slice(*bounds) for bounds in zip(begin, end, steps, strict=True))


def _slice_shape(
    s: Any, begin: OptionalInts, end: OptionalInts, step: OptionalInts, *, whole: str, part: str
) -> None:
    """Rule: slot `part` is a region of slot `whole`."""
    data = getattr(s, whole)
    if data is None:
        return
    if not len(begin) == len(end) == (len(step) or len(end)):
        raise ValueError(f"begin {begin}, end {end} and step {step} differ in length")
    if len(begin) > len(data):
        raise ValueError(f"begin has {len(begin)} numbers for {len(data)} dimension(s)")
    sizes: list[Dim] = []
    for d, cut in zip(data, _key(begin, end, step), strict=False):
        if cut.step == 0:
            raise ValueError("step must not be 0")
        if d is None:
            sizes.append(None)
            continue
        sizes.append(len(range(*cut.indices(d))))
    setattr(s, part, (*sizes, *data[len(sizes) :]))
    rest = getattr(s, part)[len(sizes) :]
    setattr(s, whole, (*data[: len(sizes)], *rest))


@op(
    aliases=("crop", "_sparse_slice"),
    hands_on=lambda p, kind, is_train: not any(step is not None and step < 0 for step in p["step"]),
    samples=[
        Sample(((4, 5),), {"begin": (1, None), "end": (3, 4)}, reference=lambda x: x[1:3, :4]),
        Sample(
            ((4, 5),),
            {"begin": (None, 4), "end": (None, 0), "step": (2, -2)},
            reference=lambda x: x[::2, 4:0:-2],
        ),
        Sample(((4, 5),), {"begin": (2,), "end": (1,)}, wrt=(), reference=lambda x: x[2:1]),
        Sample(
            ((4,),), {"begin": (0,), "end": (4,), "step": (0,)}, raises=ShapeError, match="step"
        ),
        Sample(((4,),), {"begin": (0, 0), "end": (1, 1)}, raises=ShapeError, match="2 numbers"),
    ],
)
def slice(
    data: Whole,
    *,
    begin: Annotated[OptionalInts, "First index of each axis; None: from its start."],
    end: Annotated[OptionalInts, "Index behind the last one; None: to its end."],
    step: Annotated[OptionalInts, "Distance of the indices, default 1; may be negative."] = (),
    out: Array,
) -> None:
    """Cut out a region, $y = x[b_0:e_0:s_0, b_1:e_1:s_1, …]$, as Python's slices do.

    >>> from minisym import sym
    >>> import numpy as np
    >>> x = sym.Variable("x")
    >>> sym.slice(x, begin=(0, 1), end=(2, None)).eval(x=np.arange(6.0).reshape(2, 3))
    [NDArray([[1., 2.],
              [4., 5.]])]
    """
    np.copyto(out, data[_key(begin, end, step)])


@slice.shape
def _(s: Any, *, begin: OptionalInts, end: OptionalInts, step: OptionalInts) -> None:
    """Rule: each axis has what begin, end and step leave of it."""
    _slice_shape(s, begin, end, step, whole="data", part="output")


_FAR = int(np.iinfo(np.int64).max)


def _onnx_region(begin: OptionalInts, end: OptionalInts, step: OptionalInts) -> Any:
    """Return starts, ends, axes and steps of ONNX's Slice: None is a number beyond the end."""
    steps = [s or 1 for s in step] or [1] * len(begin)
    starts = [(0 if s > 0 else _FAR) if b is None else b for b, s in zip(begin, steps, strict=True)]
    ends = [(_FAR if s > 0 else -_FAR) if e is None else e for e, s in zip(end, steps, strict=True)]
    return tuple(starts), tuple(ends), tuple(range(len(begin))), tuple(steps)


@slice.onnx
def _(o: Any, data: Any, *, begin: OptionalInts, end: OptionalInts, step: OptionalInts) -> Any:
    return o.Slice(data, *_onnx_region(begin, end, step))


def _onnx_assigned(o: Any, data: Any, values: Any, key: Key) -> Any:
    """Put values into a region in ONNX: by the places of its elements in the flattened array."""
    shape = o.fixed(data, "where the region lies depends on the shape")
    places = np.arange(prod(shape)).reshape(shape)[key].reshape(-1)
    if callable(values):
        values = values(places.size)
    flat = o.Reshape(data, (-1,))
    changed = o.ScatterElements(flat, o.constant(places), o.Reshape(values, (-1,)), axis=0)
    return o.reshape(changed)


def _slice_again(
    h: Symbol,
    g: Symbol,
    data: Symbol,
    *,
    begin: OptionalInts,
    end: OptionalInts,
    step: OptionalInts,
) -> tuple[Symbol, None]:
    return F.slice(h, begin=begin, end=end, step=step), None


@slice.backward(grad=_slice_again)
def _(
    g: Array, data: Array, *, begin: OptionalInts, end: OptionalInts, step: OptionalInts, out: Array
) -> None:
    """Put the gradient of a slice into an array of zeros."""
    out[...] = 0
    out[_key(begin, end, step)] = g


@op(
    aliases=("_crop_assign",),
    samples=[
        Sample(
            ((3, 4), (2, 2)),
            {"begin": (1, 0), "end": (3, 2)},
            reference=lambda x, y: np.vstack([x[:1], np.hstack([y, x[1:, 2:]])]),
        ),
        Sample(
            ((3, 4), (2, 3)),
            {"begin": (1, 0), "end": (3, 2)},
            raises=ShapeError,
            match="rhs has shape",
        ),
    ],
)
def _slice_assign(
    lhs: Annotated[Array, "The array to copy, but for a region."],
    rhs: Annotated[Array, "What the region becomes, of its shape."],
    *,
    begin: Annotated[OptionalInts, "First index of each axis."],
    end: Annotated[OptionalInts, "Index behind the last one."],
    step: Annotated[OptionalInts, "Distance of the indices."] = (),
    out: Array,
) -> None:
    """Return `lhs` with `rhs` in one region of it."""
    np.copyto(out, lhs)
    out[_key(begin, end, step)] = rhs


@_slice_assign.shape
def _(s: Any, *, begin: OptionalInts, end: OptionalInts, step: OptionalInts) -> None:
    s.output = s.lhs
    s.lhs = s.output
    _slice_shape(s, begin, end, step, whole="lhs", part="rhs")


@_slice_assign.onnx
def _(
    o: Any, lhs: Any, rhs: Any, *, begin: OptionalInts, end: OptionalInts, step: OptionalInts
) -> Any:
    return _onnx_assigned(o, lhs, rhs, _key(begin, end, step))


@_slice_assign.grad
def _(
    g: Symbol,
    lhs: Symbol,
    rhs: Symbol,
    *,
    begin: OptionalInts,
    end: OptionalInts,
    step: OptionalInts,
) -> tuple[Symbol, Symbol]:
    region = {"begin": begin, "end": end, "step": step}
    return _slice_assign_scalar(g, scalar=0.0, **region), F.slice(g, **region)


@op(
    aliases=("_crop_assign_scalar",),
    samples=[Sample(((3, 4),), {"scalar": 2.0, "begin": (0, 1), "end": (3, 2)})],
)
def _slice_assign_scalar(
    data: Annotated[Array, "The array to copy, but for a region."],
    *,
    scalar: Annotated[float, "The number to put there."] = 0.0,
    begin: Annotated[OptionalInts, "First index of each axis."],
    end: Annotated[OptionalInts, "Index behind the last one."],
    step: Annotated[OptionalInts, "Distance of the indices."] = (),
    out: Array,
) -> None:
    """Return `data` with a number in one region of it."""
    np.copyto(out, data)
    out[_key(begin, end, step)] = scalar


@_slice_assign_scalar.shape
def _(s: Any, *, begin: OptionalInts, end: OptionalInts, step: OptionalInts) -> None:
    s.output = s.data
    s.data = s.output
    if s.data is not None:
        for cut in _key(begin, end, step):
            if cut.step == 0:
                raise ValueError("step must not be 0")


@_slice_assign_scalar.onnx
def _(
    o: Any,
    data: Any,
    *,
    scalar: float,
    begin: OptionalInts,
    end: OptionalInts,
    step: OptionalInts,
) -> Any:
    key = _key(begin, end, step)
    return _onnx_assigned(o, data, lambda size: o.full((size,), scalar, o.dtype), key)


@_slice_assign_scalar.grad
def _(
    g: Symbol, data: Symbol, *, begin: OptionalInts, end: OptionalInts, step: OptionalInts
) -> Symbol:
    return _slice_assign_scalar(g, scalar=0.0, begin=begin, end=end, step=step)


# ------------------------------------------------------------------------------------ slice_axis


def _along(axis: int, begin: int, end: int | None, rank: int) -> Key:
    return (builtins.slice(None),) * (axis % rank) + (builtins.slice(begin, end),)


@op(
    hands_on=True,
    samples=[
        Sample(((3, 5),), {"axis": 1, "begin": 1, "end": -1}, reference=lambda x: x[:, 1:-1]),
        Sample(((3, 5),), {"axis": -2, "begin": -2, "end": None}, reference=lambda x: x[-2:]),
        Sample(((3,),), {"axis": 1, "begin": 0, "end": 1}, raises=ShapeError, match="axis 1"),
        Sample(((3,),), {"axis": 0, "begin": 2, "end": 5}, raises=ShapeError, match="2 to 5"),
    ],
)
def slice_axis(
    data: Whole,
    *,
    axis: Annotated[int, "The axis that is cut."],
    begin: Annotated[int, "First index; negative counts from the end."],
    end: Annotated[int | None, "Index behind the last one; None: to the end."],
    out: Array,
) -> None:
    """Cut out a part along one axis."""
    np.copyto(out, data[_along(axis, begin, end, data.ndim)])


@slice_axis.shape
def _(s: Any, *, axis: int, begin: int, end: int | None) -> None:
    """Rule: the shape of `data`, with `axis` from begin to end."""
    data = s.data
    if data is None:
        return
    at = axis_of(axis, len(data))
    size, d = None, data[at]
    if d is not None:
        first = begin + d * (begin < 0)
        last = d if end is None else end + d * (end < 0)
        if not 0 <= first < last <= d:
            raise ValueError(f"there are no elements {begin} to {end} along axis {at} of size {d}")
        size = last - first
    s.output = (*data[:at], size, *data[at + 1 :])
    s.data = (*s.output[:at], d, *s.output[at + 1 :])


@slice_axis.onnx
def _(o: Any, data: Any, *, axis: int, begin: int, end: int | None) -> Any:
    return o.Slice(data, (begin,), (_FAR if end is None else end,), (axis,))


def _slice_axis_again(
    h: Symbol, g: Symbol, data: Symbol, *, axis: int, begin: int, end: int | None
) -> tuple[Symbol, None]:
    return F.slice_axis(h, axis=axis, begin=begin, end=end), None


@slice_axis.backward(grad=_slice_axis_again)
def _(g: Array, data: Array, *, axis: int, begin: int, end: int | None, out: Array) -> None:
    """Put the gradient of a part into an array of zeros."""
    out[...] = 0
    out[_along(axis, begin, end, data.ndim)] = g


# ------------------------------------------------------------------------------------ slice_like


def _named_axes(axes: Ints, rank: int) -> tuple[int, ...]:
    """Return the axes to cut; one that is named twice (1 and -2 of three) counts once."""
    return tuple(sorted({axis_of(axis, rank) for axis in axes})) or tuple(range(rank))


def _like(axes: Ints, shape: tuple[int, ...], rank: int) -> Key:
    chosen = _named_axes(axes, rank)
    return tuple(builtins.slice(shape[i] if i in chosen else None) for i in range(rank))


@op(
    samples=[
        Sample(((4, 5), (2, 3)), reference=lambda x, y: x[:2, :3]),
        Sample(((4, 5), (2, 3)), {"axes": (1,)}, reference=lambda x, y: x[:, :3]),
        Sample(((2, 5), (3, 3)), raises=ShapeError, match="axis 0"),
    ],
)
def slice_like(
    data: Whole,
    shape_like: Annotated[Array, "An array whose sizes are kept; its values do not count."],
    *,
    axes: Annotated[Ints, "The axes to cut; (): all of them."] = (),
    out: Array,
) -> None:
    """Cut an array down to the shape of another one, keeping the first elements of each axis."""
    np.copyto(out, data[_like(axes, shape_like.shape, data.ndim)])


@slice_like.shape
def _(s: Any, *, axes: Ints) -> None:
    """Rule: the shape of `shape_like` along `axes`, or all of it; else that of `data`."""
    data, like = s.data, s.shape_like
    if data is None or like is None:
        return
    if not axes and len(data) != len(like):
        raise ValueError(f"shape_like has {len(like)} dimension(s), but data {len(data)}")
    chosen = _named_axes(axes, len(data))
    for i in chosen:
        axis_of(i, len(like))
        d, limit = data[i], like[i]
        if d is not None and limit is not None and limit > d:
            raise ValueError(f"axis {i} of size {d} cannot be cut to {limit}")
    s.output = tuple(like[i] if i in chosen else d for i, d in enumerate(data))


slice_like.dtype(first_type)


@slice_like.onnx
def _(o: Any, data: Any, *, axes: Ints) -> Any:
    chosen = _named_axes(axes, data.rank)
    return o.Slice(data, (0,) * len(chosen), tuple(o.shape[i] for i in chosen), chosen)


def _slice_like_again(
    h: Symbol, g: Symbol, data: Symbol, shape_like: Symbol, *, axes: Ints
) -> tuple[Symbol, None, None]:
    return F.slice_like(h, shape_like, axes=axes), None, None


@slice_like.backward(wrt=("data",), grad=_slice_like_again)
def _(g: Array, data: Array, shape_like: Array, *, axes: Ints, out: Array) -> None:
    """Put the gradient of a part into an array of zeros."""
    out[...] = 0
    out[_like(axes, shape_like.shape, data.ndim)] = g
