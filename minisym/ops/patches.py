r"""Windows as columns of a matrix, and back: what convolution does inside, as ops."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import nothing
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.ndarray import Array
from minisym.core.op import OF_GRADIENTS
from minisym.core.params import Ints
from minisym.core.samples import Sample
from minisym.core.shapes import product, show
from minisym.core.symbol import Symbol
from minisym.ops.inputs import Like, Samples
from minisym.ops.numeric.rules import first_type
from minisym.ops.numeric.windows import Dilate, Kernel, Pad, Stride, Window, check_rank, window

op = partial(declare, cost=nothing)
Columns = Annotated[Array, "Windows as columns, (batch, channels · kernel, places)."]


def _unfold(data: Array, win: Window, out: Array) -> None:
    """Fill `out` (batch, channels times kernel, places) with the windows."""
    rank = len(win.kernel)
    counts: Any = win.counts(data.shape[2:])
    windows = win.over(win.padded(data), counts)
    places, elements = range(2, 2 + rank), range(2 + rank, 2 + 2 * rank)
    np.copyto(out, windows.transpose(0, 1, *elements, *places).reshape(out.shape))


def _fold(columns: Array, win: Window, out: Array) -> None:
    """Fill `out` (batch, channels, …) with the columns, added where windows overlap."""
    sizes = out.shape[2:]
    counts: Any = win.counts(sizes)
    total = np.zeros(
        (*out.shape[:2], *(n + 2 * p for n, p in zip(sizes, win.pad, strict=True))), out.dtype
    )
    split = columns.reshape(*out.shape[:2], *win.kernel, *counts)
    for index, place in win.places(counts):
        element: Any = (slice(None), slice(None), *index)
        total[place] += split[element]
    np.copyto(out, total[win.inside(sizes)])


@op(
    samples=[
        Sample(
            ((1, 2, 3, 3),),
            {"kernel": (2, 2)},
            reference=lambda x: np.stack(
                [x[:, :, i : i + 2, j : j + 2].reshape(1, 2, 4) for i in (0, 1) for j in (0, 1)], 2
            ).reshape(1, 8, 4),
        ),
        Sample(
            ((2, 1, 5, 6),),
            {"kernel": (2, 3), "stride": (2, 1), "dilate": (1, 2), "pad": (1, 0)},
        ),
        Sample(((1, 2, 5),), {"kernel": (3,)}),
        Sample(((1, 2, 5),), {"kernel": (2, 2)}, raises=ShapeError, match="must have 4 dimensions"),
    ],
)
def im2col(
    data: Samples,
    *,
    kernel: Kernel,
    stride: Stride = (),
    dilate: Dilate = (),
    pad: Pad = (),
    out: Array,
) -> None:
    r"""Lay out the windows of an image as columns.

    `data` is (batch, channels, …); the output is (batch, channels times kernel elements, places),
    so that a matrix product with flattened filters is a convolution.
    """
    _unfold(data, window(kernel, stride, dilate, pad), out)


@im2col.shape
def _(s: Any, *, kernel: Ints, stride: Ints, dilate: Ints, pad: Ints) -> None:
    """Rule: (batch, channels · elements of the window, places of the window)."""
    win = window(kernel, stride, dilate, pad)
    check_rank("data", s.data, len(kernel), None)
    data = s.data
    if data is not None:
        rows = None if data[1] is None else data[1] * prod(kernel)
        s.output = (data[0], rows, product(win.counts(data[2:])))
        s.data = (s.output[0], *data[1:])


def _one_each(channels: int, kernel: Ints, dtype: Any) -> Array:
    """Return filters that take one element of the window each, (channels · kernel, 1, kernel…)."""
    number = prod(kernel)
    each = np.eye(number, dtype=dtype).reshape(number, 1, *kernel)
    return np.tile(each, (channels, 1, *(1,) * len(kernel)))


@im2col.onnx
def _(o: Any, data: Any, *, kernel: Ints, stride: Ints, dilate: Ints, pad: Ints) -> Any:
    win, channels = window(kernel, stride, dilate, pad), data.shape[1]
    apart = o.Conv(
        data,
        o.constant(_one_each(channels, kernel, data.dtype)),
        kernel_shape=kernel,
        strides=win.stride,
        dilations=win.dilate,
        pads=win.pad * 2,
        group=channels,
    )
    return o.reshape(apart)


@im2col.grad
def _(g: Symbol, data: Symbol, *, kernel: Ints, stride: Ints, dilate: Ints, pad: Ints) -> Symbol:
    return fold_like(g, data, kernel=kernel, stride=stride, dilate=dilate, pad=pad)


@op(
    name="_fold_like",
    samples=[Sample(((1, 8, 4), (1, 2, 3, 3)), {"kernel": (2, 2)}, wrt=(0,))],
    no_onnx=OF_GRADIENTS,
)
def fold_like(
    columns: Columns,
    like: Like,
    *,
    kernel: Kernel,
    stride: Stride = (),
    dilate: Dilate = (),
    pad: Pad = (),
    out: Array,
) -> None:
    """Add columns up to an image of the shape of another; the gradient of im2col."""
    _fold(columns, window(kernel, stride, dilate, pad), out)


@fold_like.shape
def _(s: Any, *, kernel: Ints, stride: Ints, dilate: Ints, pad: Ints) -> None:
    s.output = s.like
    s.like = s.output
    win = window(kernel, stride, dilate, pad)
    check_rank("like", s.like, len(kernel), None)
    if s.like is not None:
        batch, channels, *sizes = s.like
        rows = None if channels is None else channels * prod(kernel)
        s.columns = (batch, rows, product(win.counts(sizes)))


fold_like.dtype(first_type)


@fold_like.grad
def _(
    g: Symbol,
    columns: Symbol,
    like: Symbol,
    *,
    kernel: Ints,
    stride: Ints,
    dilate: Ints,
    pad: Ints,
) -> tuple[Symbol | None, ...]:
    return im2col(g, kernel=kernel, stride=stride, dilate=dilate, pad=pad), None


@op(
    samples=[
        Sample(
            ((1, 8, 4),),
            {"output_size": (4, 4), "kernel": (2, 2), "stride": (2, 2)},
            reference=lambda x: (
                x.reshape(1, 2, 2, 2, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(1, 2, 4, 4)
            ),
        ),
        Sample(
            ((2, 6, 5),),
            {"output_size": (5,), "kernel": (3,), "pad": (1,)},
        ),
        Sample(
            ((1, 8, 5),),
            {"output_size": (3, 3), "kernel": (2, 2)},
            raises=ShapeError,
            match="data has shape",
        ),
        Sample(
            ((1, 7, 4),),
            {"output_size": (3, 3), "kernel": (2, 2)},
            raises=ShapeError,
            match="7 rows, .* multiple of 4",
        ),
    ],
)
def col2im(
    data: Columns,
    *,
    output_size: Annotated[Ints, "Size of the image along the axes that the window slides over."],
    kernel: Kernel,
    stride: Stride = (),
    dilate: Dilate = (),
    pad: Pad = (),
    out: Array,
) -> None:
    r"""Add columns up to the image whose windows they are: the adjoint of `im2col`.

    `data` is (batch, channels times kernel elements, places), the output (batch, channels, …).
    """
    _fold(data, window(kernel, stride, dilate, pad), out)


@col2im.shape
def _(s: Any, *, output_size: Ints, kernel: Ints, stride: Ints, dilate: Ints, pad: Ints) -> None:
    """Rule: (batch, channels, *output_size)."""
    win = window(kernel, stride, dilate, pad)
    if len(output_size) != len(kernel):
        raise ValueError(f"output_size {show(output_size)} must have {len(kernel)} dimension(s)")
    s.data = (None, None, product(win.counts(output_size)))
    batch, rows = s.data[:2]
    if rows is not None and rows % prod(kernel):
        raise ValueError(
            f"data has {rows} rows, which is no multiple of {prod(kernel)}, the kernel"
        )
    s.output = (batch, None if rows is None else rows // prod(kernel), *output_size)
    batch, channels = s.output[:2]
    s.data = (batch, None if channels is None else channels * prod(kernel), None)


@col2im.onnx
def _(
    o: Any, data: Any, *, output_size: Ints, kernel: Ints, stride: Ints, dilate: Ints, pad: Ints
) -> Any:
    win, channels = window(kernel, stride, dilate, pad), o.shape[1]
    counts: Any = win.counts(output_size)
    reached: Any = win.spread(counts)
    spare = [n - s for n, s in zip(output_size, reached, strict=True)]
    cut = [p - e for p, e in zip(win.pad, spare, strict=True)]  # what no window reaches is 0
    return o.ConvTranspose(
        o.Reshape(data, (0, channels * prod(kernel), *counts)),
        o.constant(_one_each(channels, kernel, data.dtype)),
        kernel_shape=kernel,
        strides=win.stride,
        dilations=win.dilate,
        pads=(*win.pad, *(max(c, 0) for c in cut)),
        output_padding=tuple(max(-c, 0) for c in cut),
        group=channels,
    )


@col2im.grad
def _(g: Symbol, data: Symbol, *, kernel: Ints, stride: Ints, dilate: Ints, pad: Ints) -> Symbol:
    return im2col(g, kernel=kernel, stride=stride, dilate=dilate, pad=pad)
