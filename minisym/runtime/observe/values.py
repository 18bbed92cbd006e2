"""What a value is like: numbers that describe an array, and a small picture of it."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

MOST_CELLS: Final = 24
"""A heat map has at most so many cells a side by default."""
MOST_BARS: Final = 24


class Statistics(NamedTuple):
    """An array in a few numbers; those of the finite elements, and how many are not."""

    shape: tuple[int, ...]
    dtype: str
    least: float | None
    """None where no element is finite, as for `mean` and `greatest`."""
    mean: float | None
    greatest: float | None
    nans: int
    infinities: int

    @property
    def is_finite(self) -> bool:
        """Whether there is neither NaN nor infinity."""
        return not self.nans and not self.infinities

    def __str__(self) -> str:
        """Write one line.

        >>> str(statistics(np.array([1.0, 3.0, np.nan])))
        '1 … 3, mean 2, 1 NaN of 3'
        """
        words = []
        if self.least is not None:
            words = [f"{self.least:.4g} … {self.greatest:.4g}", f"mean {self.mean:.4g}"]
        size = int(np.prod(self.shape))
        if self.nans:
            words.append(f"{self.nans} NaN of {size}")
        if self.infinities:
            words.append(f"{self.infinities} Inf of {size}")
        return ", ".join(words) or "empty"


def statistics(array: Array) -> Statistics:
    """Describe an array.

    >>> statistics(np.array([1.0, np.inf])).infinities
    1
    """
    array = np.asarray(array)
    kind = (array.shape, str(array.dtype))
    if not array.size:
        return Statistics(*kind, None, None, None, 0, 0)
    if array.dtype.kind != "f":
        values = array.astype(float)
        found = float(values.min()), float(values.mean()), float(values.max())
        return Statistics(*kind, *found, 0, 0)
    if is_finite(array):
        mean = float(array.mean(dtype=np.float64))
        return Statistics(*kind, float(array.min()), mean, float(array.max()), 0, 0)
    nans = int(np.isnan(array).sum())
    infinities = int(np.isinf(array).sum())
    finite = array[np.isfinite(array)].astype(float)
    if not finite.size:
        return Statistics(*kind, None, None, None, nans, infinities)
    found = float(finite.min()), float(finite.mean()), float(finite.max())
    return Statistics(*kind, *found, nans, infinities)


def is_finite(array: Array) -> bool:
    """Return whether an array holds neither NaN nor infinity."""
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def heat_map(array: Array, most: int = MOST_CELLS) -> list[list[float | None]]:
    """Return an array as a small table: its last two axes, the others side by side, thinned out.

    A cell is one element, not a mean: what is thinned out keeps its contrasts. None is no finite
    number.

    >>> heat_map(np.arange(6.0).reshape(2, 3))
    [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    """
    array = np.asarray(array)
    if not array.size:
        return []
    table = array.reshape(-1, array.shape[-1]) if array.ndim else array.reshape(1, 1)
    if array.ndim > 2:
        # one matrix of the first sample, then the next beside it
        table = np.concatenate(list(array.reshape(-1, *array.shape[-2:])[:4]), axis=1)
    rows, columns = (_thin(size, most) for size in table.shape)
    cells = table[np.ix_(rows, columns)].astype(float)
    return [[float(f"{x:.4g}") if np.isfinite(x) else None for x in row] for row in cells]


def _thin(size: int, most: int) -> Array:
    """Return so many positions at most, evenly spread."""
    return np.unique(np.linspace(0, size - 1, min(size, most)).astype(int))


def histogram(array: Array) -> list[int]:
    """Return how many finite elements lie in each of some equal parts of the range.

    >>> sum(histogram(np.arange(100.0)))
    100
    """
    values = np.asarray(array).astype(float).ravel()
    values = values[np.isfinite(values)]
    if not values.size or values.min() == values.max():
        return [int(values.size)] if values.size else []
    with np.errstate(over="ignore", invalid="ignore"):
        span = values.max() - values.min()
        if not np.isfinite(span):  # the range itself is too large for a float
            return [int(values.size)]
    return [int(n) for n in np.histogram(values, bins=MOST_BARS)[0]]
