r"""Axes in another order: transposes, mirrors, diagonals, and blocks that become channels."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import nothing
from minisym.core.declare import F
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.ndarray import Array
from minisym.core.params import Ints
from minisym.core.samples import Sample
from minisym.core.shapes import Dim, axes_of, axis_of
from minisym.core.symbol import Symbol

op = partial(declare, kind="layout", cost=nothing)

# ------------------------------------------------------------------------------------- transpose


def _order(axes: Ints, rank: int) -> tuple[int, ...]:
    """Return the order of axes of a transpose; no axes at all means reversed."""
    if not axes:
        return tuple(range(rank))[::-1]
    if len(axes) != rank:
        raise ValueError(f"axes {axes} do not name each of {rank} dimension(s)")
    order = tuple(axis_of(axis, rank) for axis in axes)
    if len(set(order)) != rank:
        raise ValueError(f"axes {axes} name one axis twice")
    return order


@op(
    hands_on=lambda p, kind, is_train: bool(p["axes"]) and [*p["axes"]] == sorted(p["axes"]),
    samples=[
        Sample(((2, 3, 4),), reference=lambda x: x.T),
        Sample(
            ((2, 3, 4),),
            {"axes": (1, 2, 0)},
            reference=lambda x: np.einsum("ijk->jki", x),
        ),
        Sample(((2, 3),), {"axes": (0, 0)}, raises=ShapeError, match="twice"),
        Sample(((2, 3),), {"axes": (0, 2)}, raises=ShapeError, match="axis 2"),
    ],
)
def transpose(
    data: Annotated[Array, "The array whose axes are permuted."],
    *,
    axes: Annotated[Ints, "Axis i of the output is this axis of the input; (): reversed."] = (),
    out: Array,
) -> None:
    r"""Permute the axes; of a matrix, $Y = X^T$.

    >>> from minisym import sym
    >>> sym.transpose(sym.Variable("x"), axes=(1, 2, 0)).infer_shape(x=(2, 3, 4))[1]
    [(3, 4, 2)]
    """
    np.copyto(out, data.transpose(axes or None))


@transpose.shape
def _(s: Any, *, axes: Ints) -> None:
    """Rule: the axes of `data` in the order of `axes`; backwards without them."""
    if s.data is not None:
        order = _order(axes, len(s.data))
        s.output = tuple(s.data[axis] for axis in order)
    if s.output is not None:
        order = _order(axes, len(s.output))
        back: list[Dim] = [None] * len(order)
        for axis, d in zip(order, s.output, strict=True):
            back[axis] = d
        s.data = tuple(back)


@transpose.onnx
def _(o: Any, data: Any, *, axes: Ints) -> Any:
    return o.transpose(data, _order(axes, data.rank))


@transpose.grad
def _(g: Symbol, data: Symbol, *, axes: Ints) -> Symbol:
    if not axes:
        return F.transpose(g)
    order = _order(axes, len(axes))
    return F.transpose(g, axes=tuple(order.index(axis) for axis in range(len(order))))


@op(
    aliases=("swapaxes",),
    samples=[
        Sample(((2, 3, 4),), {"dim1": 0, "dim2": 2}, reference=lambda x: np.swapaxes(x, 0, 2)),
        Sample(((2, 3),), {"dim1": 0, "dim2": 2}, raises=ShapeError, match="axis 2"),
    ],
)
def SwapAxis(
    data: Annotated[Array, "The array whose axes are exchanged."],
    *,
    dim1: Annotated[int, "The one axis."] = 0,
    dim2: Annotated[int, "The other axis."] = 0,
    out: Array,
) -> None:
    """Exchange two axes."""
    np.copyto(out, data.swapaxes(dim1, dim2))


@SwapAxis.shape
def _(s: Any, *, dim1: int, dim2: int) -> None:
    """Rule: the shape of `data` with two axes exchanged."""
    for source, target in (("data", "output"), ("output", "data")):
        shape = getattr(s, source)
        if shape is not None:
            swapped = list(shape)
            a, b = axis_of(dim1, len(shape)), axis_of(dim2, len(shape))
            swapped[a], swapped[b] = shape[b], shape[a]
            setattr(s, target, tuple(swapped))


@SwapAxis.onnx
def _(o: Any, data: Any, *, dim1: int, dim2: int) -> Any:
    order = list(range(data.rank))
    order[dim1], order[dim2] = order[dim2], order[dim1]
    return o.transpose(data, order)


@SwapAxis.grad
def _(g: Symbol, data: Symbol, *, dim1: int, dim2: int) -> Symbol:
    return F.SwapAxis(g, dim1=dim1, dim2=dim2)


# --------------------------------------------------------------------------------------- reverse


@op(
    aliases=("flip",),
    samples=[
        Sample(((2, 3),), {"axis": 1}, reference=lambda x: x[:, ::-1]),
        Sample(((2, 3, 2),), {"axis": (0, 2)}, reference=lambda x: x[::-1, :, ::-1]),
        Sample(((2, 3),), {"axis": 2}, raises=ShapeError, match="axis 2"),
    ],
)
def reverse(
    data: Annotated[Array, "The array to mirror."],
    *,
    axis: Annotated[Ints, "The axes to mirror."],
    out: Array,
) -> None:
    """Mirror an array along some axes."""
    np.copyto(out, np.flip(data, axis))


@reverse.shape
def _(s: Any, *, axis: Ints) -> None:
    """Rule: the output has the shape of `data`."""
    s.output = s.data
    s.data = s.output
    if s.data is not None and axis:
        axes_of(axis, len(s.data))


@reverse.onnx
def _(o: Any, data: Any, *, axis: Ints) -> Any:
    last, before_first = (-1,) * len(axis), (np.iinfo(np.int64).min,) * len(axis)
    return o.Slice(data, last, before_first, axis, (-1,) * len(axis)) if axis else data


@reverse.grad
def _(g: Symbol, data: Symbol, *, axis: Ints) -> Symbol:
    return F.reverse(g, axis=axis)


# ------------------------------------------------------------------------------ blocks and depth


def _check_block(block_size: int) -> None:
    if block_size < 1:
        raise ValueError(f"block_size must be positive, but is {block_size}")


def _blocks(s: Any, source: str, target: str, block: int, *, deeper: bool) -> None:
    """Give `target` the shape that `source` has after a change of depth."""
    shape = getattr(s, source)
    if shape is None:
        return
    if len(shape) != 4:
        raise ValueError(f"{source} must have 4 dimensions (n, c, h, w), but has {len(shape)}")
    n, c, h, w = shape
    grown, cut = ((c,), (h, w)) if deeper else ((h, w), (c,))
    unit = block if len(cut) == 2 else block * block
    for d in cut:
        if d is not None and d % unit:
            raise ValueError(f"block_size {block} needs multiples of {unit}, but {d} is none")
    grown = tuple(d and d * block * block if deeper else d and d * block for d in grown)
    cut = tuple(d and d // unit for d in cut)
    setattr(s, target, (n, *grown, *cut) if deeper else (n, *cut, *grown))


@op(
    samples=[
        Sample(
            ((1, 8, 2, 3),),
            {"block_size": 2},
            reference=lambda x: np.einsum("nabchw->nchawb", x.reshape(1, 2, 2, 2, 2, 3)).reshape(
                1, 2, 4, 6
            ),
        ),
        Sample(((1, 6, 2, 3),), {"block_size": 2}, raises=ShapeError, match="multiples of 4"),
    ],
)
def depth_to_space(
    data: Annotated[Array, "Images, (n, c, h, w), c a multiple of block_size²."],
    *,
    block_size: Annotated[int, "Height and width of a block."],
    out: Array,
) -> None:
    """Spread groups of $b^2$ channels over $b × b$ blocks of pixels.

    (n, c, h, w) becomes (n, c/b², h·b, w·b); the inverse of `space_to_depth`.
    """
    n, c, h, w = data.shape
    b = block_size
    parts = data.reshape(n, b, b, c // (b * b), h, w)
    np.copyto(out.reshape(n, c // (b * b), h, b, w, b), parts.transpose(0, 3, 4, 1, 5, 2))


@depth_to_space.shape
def _(s: Any, *, block_size: int) -> None:
    """Rule: (batch, channels, height, width) becomes (batch, c / b², h · b, w · b)."""
    _check_block(block_size)
    _blocks(s, "data", "output", block_size, deeper=False)
    _blocks(s, "output", "data", block_size, deeper=True)


@depth_to_space.onnx
def _(o: Any, data: Any, *, block_size: int) -> Any:
    return o.DepthToSpace(data, blocksize=block_size, mode="DCR")


@depth_to_space.grad
def _(g: Symbol, data: Symbol, *, block_size: int) -> Symbol:
    return F.space_to_depth(g, block_size=block_size)


@op(
    samples=[
        Sample(
            ((1, 2, 4, 6),),
            {"block_size": 2},
            reference=lambda x: np.einsum("nchawb->nabchw", x.reshape(1, 2, 2, 2, 3, 2)).reshape(
                1, 8, 2, 3
            ),
        ),
        Sample(((1, 2, 3, 4),), {"block_size": 2}, raises=ShapeError, match="multiples of 2"),
    ],
)
def space_to_depth(
    data: Annotated[Array, "Images, (n, c, h, w), h and w multiples of block_size."],
    *,
    block_size: Annotated[int, "Height and width of a block."],
    out: Array,
) -> None:
    """Stack $b × b$ blocks of pixels into $b^2$ times as many channels.

    (n, c, h, w) becomes (n, c·b², h/b, w/b); the inverse of `depth_to_space`.
    """
    n, c, h, w = data.shape
    b = block_size
    parts = data.reshape(n, c, h // b, b, w // b, b)
    np.copyto(out.reshape(n, b, b, c, h // b, w // b), parts.transpose(0, 3, 5, 1, 2, 4))


@space_to_depth.shape
def _(s: Any, *, block_size: int) -> None:
    """Rule: (batch, channels, height, width) becomes (batch, c · b², h / b, w / b)."""
    _check_block(block_size)
    _blocks(s, "data", "output", block_size, deeper=True)
    _blocks(s, "output", "data", block_size, deeper=False)


@space_to_depth.onnx
def _(o: Any, data: Any, *, block_size: int) -> Any:
    return o.SpaceToDepth(data, blocksize=block_size)


@space_to_depth.grad
def _(g: Symbol, data: Symbol, *, block_size: int) -> Symbol:
    return F.depth_to_space(g, block_size=block_size)


# ------------------------------------------------------------------------------------------ diag


@op(
    samples=[
        Sample(((3, 4),), {"k": 1}, reference=lambda x: np.diag(x, 1)),
        Sample(((3,),), {"k": -1}, reference=lambda x: np.diag(x, -1)),
        Sample(
            ((2, 3, 3),),
            {"axis1": 1, "axis2": 2},
            reference=lambda x: np.einsum("nii->ni", x),
        ),
        Sample(((3, 3),), {"axis1": 1, "axis2": -1}, raises=ShapeError, match="both"),
    ],
)
def diag(
    data: Annotated[Array, "An array to take a diagonal of, or a vector to make one of."],
    *,
    k: Annotated[int, "Which diagonal: 0 the main one, above it positive."] = 0,
    axis1: Annotated[int, "Axis of the rows, where there are two axes or more."] = 0,
    axis2: Annotated[int, "Axis of the columns."] = 1,
    out: Array,
) -> None:
    """Take a diagonal, which becomes the last axis; or make a matrix of a vector.

    >>> from minisym import sym
    >>> import numpy as np
    >>> sym.diag(sym.Variable("x")).eval(x=np.array([1.0, 2.0]))
    [NDArray([[1., 0.],
              [0., 2.]])]
    """
    if data.ndim > 1:
        np.copyto(out, data.diagonal(k, axis1, axis2))
        return
    out[...] = 0
    _diagonal(out, k)[...] = data


def _diagonal(array: Array, k: int, axis1: int = 0, axis2: int = 1) -> Array:
    """Return a diagonal of an array as a view to write to."""
    found = array.diagonal(k, axis1, axis2)
    found.flags.writeable = True
    return found


@diag.shape
def _(s: Any, *, k: int, axis1: int, axis2: int) -> None:
    """Rule: a vector of n makes (n + abs(k), n + abs(k)).

    Else the two axes go, and the diagonal comes last.
    """
    data = s.data
    if data is None:
        return
    if len(data) == 1:
        size = None if data[0] is None else data[0] + abs(k)
        s.output = (size, size)
        if s.output[0] is not None:
            s.data = (s.output[0] - abs(k),)
        return
    a, b = axis_of(axis1, len(data)), axis_of(axis2, len(data))
    if a == b:
        raise ValueError(f"axis1 and axis2 are both axis {a}")
    rows, columns = data[a], data[b]
    length = None
    if rows is not None and columns is not None:
        length = min(rows, columns - k) if k > 0 else min(rows + k, columns)
        if length < 0:
            raise ValueError(f"there is no diagonal {k} of {rows} rows and {columns} columns")
    s.output = (*(d for i, d in enumerate(data) if i not in (a, b)), length)


@diag.onnx
def _(o: Any, data: Any, *, k: int, axis1: int, axis2: int) -> Any:
    if data.rank == 1:
        (size,) = o.fixed(data, "the matrix is as large as the vector is long")
        rows = np.eye(size, size + abs(k), max(k, 0), dtype=o.dtype)
        wide = o.Mul(o.Unsqueeze(data, (1,)), o.constant(rows))
        return o.Pad(wide, (-min(k, 0), 0, 0, 0)) if k < 0 else o.Pad(wide, (0, 0, k, 0))
    a, b = axis1 % data.rank, axis2 % data.rank
    rows, columns = data.shape[a], data.shape[b]
    last = o.transpose(data, [*(i for i in range(data.rank) if i not in (a, b)), a, b])
    flat = o.Reshape(last, (*(0,) * (data.rank - 2), rows * columns))
    first = k if k > 0 else -k * columns
    stops = first + o.shape[-1] * (columns + 1)
    return o.Slice(flat, (first,), (max(stops - columns, 0),), (-1,), (columns + 1,))


@diag.backward
def _(g: Array, data: Array, *, k: int, axis1: int, axis2: int, out: Array) -> None:
    """Return the gradient of `diag`: the diagonal in a zero array, or the diagonal of a matrix."""
    grad = out
    if data.ndim == 1:
        np.copyto(grad, g.diagonal(k))
        return
    grad[...] = 0
    _diagonal(grad, k, axis1, axis2)[...] = g
