r"""Values between the elements of an image: mixtures of the four neighbours of a real place.

`Taps` says for many places at once which elements are mixed, and how much each of them counts. A
sample is linear in the image, so that its gradient is the same table, read the other way.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minisym.core.ndarray import Array
from minisym.ops.numeric.sums import FEW


class Taps(NamedTuple):
    """The neighbours of places, along a first axis of 4, in images laid out flat.

    Attributes
    ----------
    element
        Which elements they are.
    weight
        How much they count; all 0 at a place that is outside.
    by_y, by_x
        How the weights change with the place.
    """

    element: Array
    weight: Array
    by_y: Array
    by_x: Array

    @classmethod
    def near(cls, y: Array, x: Array, sizes: tuple[int, int], inside: Array) -> Taps:
        """Find the neighbours of places; the outermost rows and columns go on for ever.

        Places that are not inside count nothing.
        """
        height, width = sizes
        y, x = (np.maximum(np.where(inside, place, 0), 0) for place in (y, x))
        rows, columns = _between(y, height), _between(x, width)
        return cls._mixed(rows, columns, width, inside)

    @classmethod
    def padded(cls, y: Array, x: Array, sizes: tuple[int, int]) -> Taps:
        """Find the neighbours of places in an image that is 0 all around."""
        height, width = sizes
        inside = (y > -1) & (x > -1) & (y < height) & (x < width)
        y, x = np.where(inside, y, 0), np.where(inside, x, 0)
        rows, columns = _surrounded(y), _surrounded(x)
        found = cls._mixed(rows, columns, width, inside)
        outer = [
            (r < 0) | (r >= height) | (c < 0) | (c >= width)
            for r in (rows[0], rows[1])
            for c in (columns[0], columns[1])
        ]
        real = ~np.stack(outer)
        return cls(np.where(real, found.element, 0), *(part * real for part in found[1:]))

    @classmethod
    def _mixed(cls, rows: _Pair, columns: _Pair, width: int, inside: Array) -> Taps:
        """Combine the neighbours along both axes."""
        (top, bottom, down), (left, right, across) = rows, columns
        up, back = 1 - down, 1 - across
        index = np.stack([r * width + c for r in (top, bottom) for c in (left, right)])
        weight = np.stack([up * back, up * across, down * back, down * across])
        by_y = np.stack([-back, -across, back, across])
        by_x = np.stack([-up, up, -down, down])
        return cls(index, *(part * inside for part in (weight, by_y, by_x)))

    def sample(self, image: Array, weight: Array | None = None) -> Array:
        """Return the samples of an image (channels, elements): (channels, *places)."""
        weight = self.weight if weight is None else weight
        found: Array = image[:, self.element[0]] * weight[0]
        for index, share in zip(self.element[1:], weight[1:], strict=True):
            found += image[:, index] * share
        return found

    def spread(self, g: Array, image: Array) -> None:
        """Add the gradients of samples, (channels, *places), to those of an image."""
        channels = len(image)
        for index, share in zip(self.element, self.weight, strict=True):
            add_rows(image.T, index.ravel(), (g * share).reshape(channels, -1).T)


_Pair = tuple[Array, Array, Array]
"""Lower and upper neighbours along an axis, and how much the upper ones count."""


def _between(place: Array, size: int) -> _Pair:
    low = np.minimum(place.astype(np.intp), size - 1)
    high = np.minimum(low + 1, size - 1)
    return low, high, np.where(low < size - 1, place - low, 0).astype(place.dtype)


def _surrounded(place: Array) -> _Pair:
    low = np.floor(place)
    whole = low.astype(np.intp)
    return whole, whole + 1, place - low


def add_rows(target: Array, index: Array, rows: Array) -> None:
    """Add rows to those of `target` at some indices, which may repeat."""
    order = np.argsort(index, kind="stable")
    places = index[order]
    new = np.diff(places, prepend=-1) != 0
    target[places[new]] += rows[order[new]]
    order, places = order[~new], places[~new]  # only those that repeat have to be summed
    starts: Any = np.flatnonzero(np.diff(places, prepend=-1))
    if starts.size:
        longest = np.diff(starts, append=len(order)).max()
        exact = np.float64 if longest > FEW or rows.dtype == np.float16 else rows.dtype
        sums = np.add.reduceat(rows[order], starts, axis=0, dtype=exact)
        target[places[starts]] += sums.astype(target.dtype, copy=False)
