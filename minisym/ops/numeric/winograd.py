r"""Convolution with filters of 3×3 by Winograd's algorithm: fewer products for more sums.

A tile of $m \times m$ outputs reads $a \times a$ elements of an image, $a = m + 2$. Tiles and
filters are transformed so that their convolution becomes a product of each two elements: $a^2$ of
them instead of $9 m^2$, summed over the channels by a matrix product for each of the $a^2$. With
the matrices $B$, $G$, $A$ of the algorithm,

$$Y = A^\top [(G w G^\top) \odot (B^\top d B)] A.$$

For $m = 2$ the matrices hold 0, 1 and 1/2, and rounding is as that of the direct sum. For $m = 4$
they reach 8, and errors become more than ten times as large: about 1e-5 of the largest value, in
float32.

Reference: Lavin and Gray, *Fast Algorithms for Convolutional Neural Networks*, 2015,
arXiv:1509.09308.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np

from minisym.core.ndarray import Array
from minisym.ops.numeric.scratch import scratch
from minisym.ops.numeric.windows import view

MOST_BYTES: Final = 1 << 22
"""How much of the transformed tiles is made at a time, if an image is not more than that."""


class _Matrices(NamedTuple):
    """What the algorithm multiplies with, for both axes at once."""

    tiles: Array
    filters: Array
    outputs: Array


@lru_cache(8)
def _matrices(m: int, dtype: np.dtype[Any]) -> _Matrices:
    """Return the matrices for tiles of m×m outputs."""
    tiles, filters, outputs = (np.array(rows, np.float64) for rows in _TABLE[m])
    both = (np.kron(one, one) for one in (tiles, filters, outputs))
    found = _Matrices(*both)
    return _Matrices(found.tiles.astype(dtype), found.filters, found.outputs.astype(dtype))


_TABLE: Final[dict[int, tuple[Sequence[Sequence[float]], ...]]] = {
    2: (
        [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
        [[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]],
        [[1, 1, 1, 0], [0, 1, -1, -1]],
    ),
    4: (
        [
            [4, 0, -5, 0, 1, 0],
            [0, -4, -4, 1, 1, 0],
            [0, 4, -4, -1, 1, 0],
            [0, -2, -1, 2, 1, 0],
            [0, 2, -1, -2, 1, 0],
            [0, 4, 0, -5, 0, 1],
        ],
        [
            [1 / 4, 0, 0],
            [-1 / 6, -1 / 6, -1 / 6],
            [-1 / 6, 1 / 6, -1 / 6],
            [1 / 24, 1 / 12, 1 / 6],
            [1 / 24, -1 / 12, 1 / 6],
            [0, 0, 1],
        ],
        [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
    ),
}
"""Outputs along an axis of a tile -> the transposed B, G, and the transposed A."""


def transform_filters(weight: Array, m: int, out: Array) -> None:
    """Fill `out`, (a a, channels, filters), with the transformed filters (filters, channels, 3, 3).

    They are computed in float64.
    """
    filters, channels = weight.shape[:2]
    matrix = weight.reshape(filters * channels, 9).T.astype(np.float64)
    found = _matrices(m, out.dtype).filters @ matrix
    np.copyto(out, found.reshape(-1, filters, channels).swapaxes(1, 2), casting="unsafe")


def correlate_tiles(data: Array, filters: Array, pad: Sequence[int], m: int, out: Array) -> None:
    """Fill `out` (batch, filters, height, width), whose channels lie last, tile by tile."""
    height, width = out.shape[2:]
    down, across = -(-height // m), -(-width // m)
    image = down * across * filters.nbytes // max(1, filters.shape[2])
    step = max(1, MOST_BYTES // max(1, image))
    for first in range(0, len(data), step):
        part = slice(first, first + step)
        _correlate(data[part], filters, pad, m, np.moveaxis(out[part], 1, -1))


def _correlate(data: Array, filters: Array, pad: Sequence[int], m: int, out: Array) -> None:
    """Fill some images (batch, height, width, filters)."""
    batch, channels, rows, columns = data.shape
    count, size, dtype = filters.shape[2], m + 2, out.dtype
    height, width = out.shape[1:3]
    down, across = -(-height // m), -(-width // m)
    padded = scratch("padded", (batch, down * m + 2, across * m + 2, channels), dtype)
    padded.fill(0)
    padded[:, pad[0] : pad[0] + rows, pad[1] : pad[1] + columns] = np.moveaxis(data, 1, -1)
    tiles = view(
        padded,
        [(1, size, 1), (2, size, 1), (0, batch, 1), (1, down, m), (2, across, m), (3, channels, 1)],
    )
    places = batch * down * across
    matrices = _matrices(m, dtype)
    laid = scratch("columns", tiles.shape, dtype)
    np.copyto(laid, tiles)
    moved = scratch("transformed", (size * size, places, channels), dtype)
    np.dot(matrices.tiles, laid.reshape(size * size, -1), moved.reshape(size * size, -1))
    products = scratch("product", (size * size, places, count), dtype)
    np.matmul(moved, filters, out=products)
    found = scratch("columns", (m * m, places * count), dtype)
    np.dot(matrices.outputs, products.reshape(size * size, -1), found)
    split = found.reshape(m, m, batch, down, across, count).transpose(2, 3, 0, 4, 1, 5)
    if (down * m, across * m) == (height, width) and out.flags.c_contiguous:
        np.copyto(out.reshape(split.shape), split)
        return
    whole = scratch("transformed", split.shape, dtype)
    np.copyto(whole, split)
    np.copyto(out, whole.reshape(batch, down * m, across * m, count)[:, :height, :width])
