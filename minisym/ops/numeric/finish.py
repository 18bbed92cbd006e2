r"""What follows a product, $y \leftarrow \max(y\,s_c + t_c + r, 0)$, piece by piece.

A piece stays in the cache while all of this is done to it; an array as a whole would be fetched
from memory, and sent back, once for each operation. The channels of $y$ lie along axis 1.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from minisym.core.ndarray import Array
from minisym.ops.numeric.rectify import ROW, flat, rectifying
from minisym.ops.numeric.windows import lies_last

Step = tuple[Callable[..., Any], tuple[Any, ...]]
Piece = tuple[slice, tuple[int, int], Sequence[Array]]
"""Where it lies in memory, its shape as a matrix, and the vectors, shaped to fit it."""

SHORT = 1 << 10
"""Elements of a vector that is repeated, so that NumPy's inner loops are long."""


def finishing(
    out: Array,
    scale: Array | None = None,
    shift: Array | None = None,
    residual: Array | None = None,
    *,
    source: Array | None = None,
    rectified: bool = False,
) -> Iterator[Step]:
    """Yield the steps that do to `out` as much of the above as there is.

    $y$ is what `out` holds, or a `source` of the same shape.
    """
    read = out if source is None else source
    vectors = [v for v in (scale, shift) if v is not None]
    functions = [f for f, v in ((np.multiply, scale), (np.add, shift)) if v is not None]
    memory, found, added = (None if a is None else flat(a) for a in (out, read, residual))
    orders = {a.strides for a in (out, read, residual) if a is not None}
    if memory is None or found is None or len(orders) > 1:  # there are gaps, or several orders
        tail = (slice(None), *(np.newaxis,) * (out.ndim - 2))
        pairs = [(f, v[tail]) for f, v in zip(functions, vectors, strict=True)]
        yield from _applied(out, read, out, pairs, residual, rectified=rectified)
        return
    if out.ndim == 2 or lies_last(out):
        rows = [np.empty((max(1, SHORT // v.size), v.size), v.dtype) for v in vectors]
        yield from ((operator.setitem, (row, ..., v)) for row, v in zip(rows, vectors, strict=True))
        pieces = _pieces_of_places(memory.size, out.shape[1], [row.reshape(-1) for row in rows])
    else:
        pieces = _pieces_of_planes(out.shape, vectors)
    for part, shape, fitting in pieces:
        pairs = list(zip(functions, fitting, strict=True))
        others = None if added is None else added[part].reshape(shape)
        block, piece = memory[part].reshape(shape), memory[part]
        yield from _applied(
            block, found[part].reshape(shape), piece, pairs, others, rectified=rectified
        )


def finish(out: Array, *vectors: Array | None, **given: Any) -> None:
    """Do what `finishing` says."""
    for function, arguments in finishing(out, *vectors, **given):
        function(*arguments)


def _applied(
    out: Array,
    read: Array,
    row: Array,
    pairs: Sequence[tuple[np.ufunc, Array]],
    residual: Array | None,
    *,
    rectified: bool,
) -> Iterator[Step]:
    """Yield the steps for one piece; `row` is `out` in the shape that is rectified best."""
    if residual is not None:
        pairs = [*pairs, (np.add, residual)]
    if not pairs and read is not out:
        yield operator.setitem, (out, ..., read)
    for function, value in pairs:
        yield function, (read, value, out)
        read = out
    if rectified:
        yield from rectifying(row, row)


def _pieces_of_places(size: int, channels: int, vectors: Sequence[Array]) -> Iterator[Piece]:
    """Cut memory in which all channels of a place lie together."""
    row = channels * max(1, SHORT // channels)
    step = row * max(1, ROW // row)
    for first in range(0, size, step):
        length = min(step, size - first)
        width = channels if length % row else row
        fitting = [vector[:width] for vector in vectors]
        yield slice(first, first + length), (length // width, width), fitting


def _pieces_of_planes(shape: Sequence[int], vectors: Sequence[Array]) -> Iterator[Piece]:
    """Cut memory in which all places of a channel lie together."""
    batch, channels, *sizes = shape
    places = prod(sizes)
    step = max(1, ROW // places)
    for image in range(batch):
        for channel in range(0, channels, step):
            count = min(step, channels - channel)
            first = (image * channels + channel) * places
            fitting = [v[channel : channel + count, np.newaxis] for v in vectors]
            yield slice(first, first + count * places), (count, places), fitting
