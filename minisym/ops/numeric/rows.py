r"""Convolution of images whose channels lie side by side in memory: windows as rows of a matrix.

In this order a window is a few long stretches of memory, so that laying windows out costs little
beside multiplying them, and the product is the output: each of its rows holds all channels of one
place. (In columns, as `correlate` makes them, a stretch is as short as the window is wide.) The way
back adds one product for each element of the kernel where the windows had it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from minisym.core.ndarray import Array
from minisym.ops.numeric.grouped import at_once
from minisym.ops.numeric.scratch import scratch
from minisym.ops.numeric.windows import Window, lies_last

FEW_CHANNELS = 4
"""With fewer channels, the rows of an image are longer stretches than those of a window."""


def _slices(size: int, step: int) -> Iterator[slice]:
    step = max(1, step)
    for first in range(0, size, step):
        yield slice(first, min(first + step, size))


def _stretches(batch: int, counts: Sequence[int], most: int) -> Iterator[tuple[slice, slice]]:
    """Split the places into stretches that lie behind each other: images, or rows of an image."""
    image = prod(counts)
    if image <= most:
        for images in _slices(batch, most // image):
            yield images, slice(None)
        return
    for number in range(batch):
        for rows in _slices(counts[0], most // prod(counts[1:])):
            yield slice(number, number + 1), rows


def _last(array: Array) -> Array:
    """See images (batch, channels, …) as (batch, …, channels)."""
    return np.moveaxis(array, 1, -1)


def _by_place(array: Array) -> Array:
    """Return images as a matrix (places, channels), which is a view where the channels lie last."""
    return _last(array).reshape(-1, array.shape[1])


class _Windows:
    """The windows of data, and the filters to multiply them with, in one order of elements.

    That is the order in which the data lie: channel by channel, or all channels of an element
    together.
    """

    def __init__(self, data: Array, win: Window, counts: Sequence[int]) -> None:
        self.rank = len(counts)
        self.together = data.shape[1] >= FEW_CHANNELS and lies_last(data)
        self.windows = win.over(win.padded(data), counts)

    def matrix(self, images: slice, rows: slice) -> Array:
        """Copy some windows to a matrix (places, elements of a window)."""
        part = self.windows[images, :, rows]
        places, kernel = range(2, 2 + self.rank), range(2 + self.rank, 2 + 2 * self.rank)
        order = (0, *places, *kernel, 1) if self.together else (1, *kernel, 0, *places)
        split = part.transpose(order)
        copied = scratch("columns", split.shape, part.dtype)
        np.copyto(copied, split)
        if self.together:
            return copied.reshape(prod(split.shape[: 1 + self.rank]), -1)
        return copied.reshape(prod(split.shape[: 1 + self.rank]), -1).T

    def filters(self, weight: Array) -> Array:
        """Return filters as a matrix (elements of a window, filters)."""
        return (_last(weight) if self.together else weight).reshape(len(weight), -1).T

    def unfold(self, matrix: Array, out: Array) -> None:
        """Fill filters with a matrix (filters, elements of a window)."""
        target = _last(out) if self.together else out
        np.copyto(target, matrix.reshape(target.shape))


def correlate_rows(data: Array, weight: Array, win: Window, out: Array) -> None:
    """Fill `out` (batch, filters, places…), whose channels lie last, with sums of windows."""
    counts, found = out.shape[2:], _last(out)
    if win.is_point:
        np.dot(_by_place(win.points(data)), weight.reshape(len(weight), -1).T, _by_place(out))
        return
    windows = _Windows(data, win, counts)
    filters = windows.filters(weight)
    for images, rows in _stretches(len(out), counts, at_once(weight[0].nbytes)):
        here = found[images, rows].reshape(-1, len(weight))
        np.dot(windows.matrix(images, rows), filters, here)


def correlate_filters_rows(output: Array, data: Array, win: Window, out: Array) -> None:
    """Fill `out` (filters, channels, kernel…) with sums of windows times outputs in this order."""
    counts, heads = output.shape[2:], _last(output)
    if win.is_point:
        found = np.dot(_by_place(output).T, _by_place(win.points(data)))
        np.copyto(out, found.reshape(out.shape))
        return
    windows = _Windows(data, win, counts)
    total = np.zeros((len(out), prod(out.shape[1:])), out.dtype)
    for images, rows in _stretches(len(data), counts, at_once(total[0].nbytes)):
        here = heads[images, rows].reshape(-1, len(out))
        matrix = windows.matrix(images, rows)
        # the transposed one comes second only where it is quicker there
        total += np.dot(here.T, matrix) if windows.together else np.dot(matrix.T, here).T
    windows.unfold(total, out)


def scatter_rows(output: Array, weight: Array, win: Window, out: Array) -> None:
    """Fill `out` (batch, channels, …) with outputs in this order times weights, added up."""
    channels, counts = out.shape[1], output.shape[2:]
    if win.is_point:
        if max(win.stride) > 1:
            out.fill(0)
        products = np.dot(_by_place(output), weight.reshape(len(weight), -1))
        np.copyto(_last(win.points(out)), products.reshape(len(out), *counts, channels))
        return
    sizes = [n + 2 * p for n, p in zip(out.shape[2:], win.pad, strict=True)]
    most = at_once(channels * out.itemsize)
    for images in _slices(len(out), most // prod(counts)):
        heads = _by_place(output[images])
        total = scratch("padded", (images.stop - images.start, *sizes, channels), out.dtype)
        product = scratch("product", (len(heads), channels), out.dtype)
        split = product.reshape(len(total), *counts, channels)
        total.fill(0)
        for index, (_, *place) in win.places(counts):
            element: Any = (..., *index)
            np.dot(heads, weight[element], product)
            met: Any = total[(slice(None), *place)]
            np.add(met, split, met)
        inside = (slice(None), *win.inside(out.shape[2:])[1:])
        np.copyto(_last(out[images]), total[inside])
