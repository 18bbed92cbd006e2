"""What is kept of an array that changes, step after step, in memory that is known before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isqrt, prod
from typing import Any, Final, NamedTuple

import numpy as np

from minisym.runtime.observe.values import Statistics, histogram, statistics

Array = np.ndarray[Any, Any]

MOST: Final = 4096
"""Arrays of so many elements are kept whole, where the memory allows it."""


class Glimpse(NamedTuple):
    """An array at one moment: statistics of all its elements, and some of them themselves."""

    statistics: Statistics
    bars: list[int]
    """The histogram of all."""
    cells: Array
    """As a table, with a row for each position of the first axis; see `table`."""


def glimpse(array: Array, most: int) -> Glimpse:
    """Return what is kept of an array: a copy of `most` of its elements at most.

    >>> found = glimpse(np.arange(6.0).reshape(2, 3), most=4)
    >>> str(found.statistics), found.cells
    ('0 … 5, mean 2.5', array([[0., 2.],
           [3., 5.]]))
    """
    plain = np.asarray(array)
    return Glimpse(statistics(plain), histogram(plain), table(plain, most))


def table(array: Array, most: int) -> Array:
    """Return a copy of at most so many elements, evenly spread, always those of the same places.

    Rows are the positions of the first axis; a vector is one row.

    >>> table(np.arange(8.0).reshape(2, 2, 2), most=8)
    array([[0., 1., 2., 3.],
           [4., 5., 6., 7.]])
    """
    rows, columns = _sides(array.shape)
    plain = array.reshape(rows, columns)
    if array.size <= most:
        return plain.copy()
    high = max(1, min(rows, max(isqrt(most), most // columns)))
    wide = max(1, min(columns, most // high))
    found: Array = plain[np.ix_(spread(rows, high), spread(columns, wide))]
    return found


def _sides(shape: tuple[int, ...]) -> tuple[int, int]:
    if len(shape) < 2:
        return 1, prod(shape)
    return shape[0], prod(shape[1:])


def spread(size: int, most: int) -> Array:
    """Return so many of the places from 0 to `size`, evenly spread, the ends among them."""
    return np.linspace(0, size - 1, most).astype(int)


def affordable(arrays: Iterable[Array], times: int, memory: int) -> int:
    """Return how many elements of each array can be kept so many times in some bytes of memory.

    >>> affordable([np.zeros(1000), np.zeros(10)], times=10, memory=1 << 30)
    4096
    >>> affordable([np.zeros(1000), np.zeros(10)], times=10, memory=10_000)
    64
    """
    known = [(array.size, array.dtype.itemsize) for array in arrays]
    most = MOST
    while most > 1 and times * sum(min(n, most) * nbytes for n, nbytes in known) > memory:
        most //= 2
    return most


class Series:
    """Numbers along the steps, evenly thinned out, so that a long run needs no more than `most`.

    >>> series = Series(most=4)
    >>> for step in range(10):
    ...     series.add(step, step / 10)
    >>> series.points
    [(0, 0.0), (4, 0.4), (8, 0.8), (9, 0.9)]
    """

    def __init__(self, most: int) -> None:
        self._most, self._stride = most, 1
        self._points: dict[int, float] = {}
        self._last: tuple[int, float] | None = None

    def add(self, step: int, value: float) -> None:
        """Note a value; the last one is kept in any case."""
        self._last = step, value
        if step % self._stride == 0:
            self._points[step] = value
            if len(self._points) >= self._most:
                self._stride *= 2
                self._points = {s: v for s, v in self._points.items() if s % self._stride == 0}

    @property
    def points(self) -> list[tuple[int, float]]:
        """Pairs of step and value."""
        last = dict([self._last]) if self._last else {}
        return [*(self._points | last).items()]


@dataclass(frozen=True)
class Frame:
    """What was kept of one step."""

    step: int
    """How many steps had been made: 0 is before the first one."""
    values: Mapping[str, Glimpse]
    """The arrays after the step, by name."""
    gradients: Mapping[str, Glimpse] = field(default_factory=dict)
    """The gradients that the step has computed, by the name of the array."""

    def changed(self, before: Frame, name: str) -> float:
        """Return which share of an array's elements is another one than in a frame before."""
        return changed(before.values[name].cells, self.values[name].cells)

    def flipped(self, before: Frame, name: str) -> float | None:
        """Return which share of a gradient's signs is the other one; None without two of them."""
        one, two = before.gradients.get(name), self.gradients.get(name)
        return None if one is None or two is None else flipped(one.cells, two.cells)


def changed(before: Array, after: Array) -> float:
    """Return which share of the elements is another than before; a NaN that stays is the same."""
    differs = before != after
    if before.dtype.kind == "f":
        differs &= ~(np.isnan(before) & np.isnan(after))
    return float(np.mean(differs)) if differs.size else 0.0


def flipped(before: Array, after: Array) -> float:
    """Return which share of the elements has the other sign than before; 0 has none.

    >>> flipped(np.array([1.0, -2.0, 0.0, 3.0]), np.array([2.0, 2.0, 1.0, -1.0]))
    0.5
    """
    if not after.size:
        return 0.0
    with np.errstate(invalid="ignore"):
        return float(np.mean(np.sign(before) * np.sign(after) < 0))


def nbytes(glimpses: Mapping[str, Glimpse]) -> int:
    """Return the bytes of the elements that are kept."""
    return sum(one.cells.nbytes for one in glimpses.values())
