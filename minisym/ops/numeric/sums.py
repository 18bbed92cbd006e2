r"""Reductions of many elements, such that a float32 sum is right to its last digits.

A million numbers that are added one after the other to one float32 lose digits: the sum outgrows
what is added. NumPy adds in pairs along an axis whose elements lie side by side in memory, and one
after the other along all others. So here a long axis is cut into a few pieces, which are added to
each other; and again, until little is left. The error then grows with the logarithm of the length,
and a piece is one long stretch of memory, which is faster, too.

float16 is added up in float32, which neither overflows nor rounds on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import cycle
from math import prod
from typing import Any, Final

import numpy as np

from minisym.core.ndarray import Array
from minisym.ops.numeric.scratch import scratch

FEW: Final = 32
"""So many numbers may be added one after the other: at worst 32 / 3 roundings' worth is off."""

PIECES: Final = 16
"""Into how many pieces a long axis is cut."""

SMALL: Final = 1 << 18
"""Elements up to which a call's own time counts, and what is between the steps takes no room."""

Axes = tuple[int, ...]
Cut = tuple[Axes, int]
"""Axes to reduce, and how many rows to leave of them: 1 is to reduce them wholly."""

Step = tuple[Callable[..., Any], tuple[Any, ...]]
Room = Callable[[tuple[int, ...], Any], Array]


def wide(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type to add up in."""
    return np.dtype(np.float32) if dtype == np.float16 else dtype


def sum_over(data: Array, axes: Axes | int, *, dtype: Any = None, keepdims: bool = False) -> Array:
    """Return the sum over axes, in `dtype` (default: the array's type, but float32 of float16)."""
    rank = data.ndim
    gone = (axes % rank,) if isinstance(axes, int) else tuple(sorted(a % rank for a in axes))
    dtype = wide(data.dtype) if dtype is None else dtype
    kept = [d for a, d in enumerate(data.shape) if a not in gone]
    if not data.size or not _plan(data.shape, data.strides, gone)[1]:
        found = np.add.reduce(data, gone, dtype, keepdims=True)
    else:
        found = np.empty(kept, dtype)
        fold(np.add, data, gone, found)
    shape = [1 if a in gone else d for a, d in enumerate(data.shape)] if keepdims else kept
    return found.reshape(shape)


def mean_over(data: Array, axes: Axes | int, *, dtype: Any = None, keepdims: bool = False) -> Array:
    """Return the mean over axes of a float array, in `dtype`; see `sum_over`."""
    found = sum_over(data, axes, dtype=dtype, keepdims=keepdims)
    np.divide(found, found.dtype.type(data.size // max(1, found.size)), found)
    return found


def fold(ufunc: np.ufunc, data: Array, axes: Axes, out: Array) -> None:
    """Reduce over axes to `out`, which has the other axes and the type to compute in."""
    names = cycle(("even", "odd"))
    kept: Room = np.empty if data.size <= SMALL else lambda *room: scratch(next(names), *room)
    run(folding(ufunc, data, axes, out, kept))


def run(steps: Iterable[Step]) -> None:
    """Run steps at once."""
    for function, arguments in steps:
        function(*arguments)


def folded(ufunc: np.ufunc, data: Array, axes: Axes, out: Array) -> Iterator[Step]:
    """Yield the steps that do what `fold` does: prebound, unless they would keep much memory."""
    if data.size <= SMALL or not _plan(data.shape, data.strides, axes)[1]:
        yield from folding(ufunc, data, axes, out)
    else:
        yield fold, (ufunc, data, axes, out)


def folding(
    ufunc: np.ufunc, data: Array, axes: Axes, out: Array, room: Room = np.empty
) -> Iterator[Step]:
    """Yield the reductions, one after the other; what is between them lies in arrays of `room`."""
    if data.size > FEW * out.size > 0:
        order, cuts = _plan(data.shape, data.strides, axes)
        if cuts and order != tuple(range(data.ndim)):
            kept = [a for a in order if a not in axes]
            out = out.transpose([sorted(kept).index(a) for a in kept])
            data, axes = data.transpose(order), tuple(i for i, a in enumerate(order) if a in axes)
        for where, rows in cuts:
            shape = tuple([rows if a in where else d for a, d in enumerate(data.shape)])
            part = room(shape, out.dtype)
            if rows == 1:
                yield ufunc.reduce, (data, where, out.dtype, part, True)
            else:
                yield from _cut(ufunc, data, where[0], part)
            data = part
    yield ufunc.reduce, (data, axes, out.dtype, out)


def _cut(ufunc: np.ufunc, data: Array, axis: int, part: Array) -> Iterator[Step]:
    """Yield the steps that reduce pieces of an axis to one; what is left over makes a last row."""
    size, before = data.shape[axis], (slice(None),) * axis
    rows, left = divmod(size, PIECES)
    whole, most = data, part
    if left:
        whole, most = data[(*before, slice(size - left))], part[(*before, slice(rows))]
    pieces = whole.reshape(*data.shape[:axis], PIECES, rows, *data.shape[axis + 1 :])
    yield ufunc.reduce, (pieces, axis, part.dtype, most)
    if left:
        rest = data[(*before, slice(size - left, None))]
        yield ufunc.reduce, (rest, axis, part.dtype, part[(*before, rows)])


@lru_cache(maxsize=1024)
def _plan(shape: Axes, strides: Axes, axes: Axes) -> tuple[Axes, tuple[Cut, ...]]:
    """Return the axes in the order in which they lie in memory, and the cuts before the end."""
    order = tuple(sorted(range(len(shape)), key=lambda a: -abs(strides[a])))
    sizes, pitches = [shape[a] for a in order], [abs(strides[a]) for a in order]
    gone = [i for i, a in enumerate(order) if a in axes and shape[a] > 1]
    cuts: list[Cut] = []
    while True:
        run = _run(sizes, pitches, gone)
        apart = [i for i in gone if i not in run]
        if prod(sizes[i] for i in apart) <= FEW:
            return order, tuple(cuts)
        if prod(sizes[i] for i in run) >= PIECES:
            where, rows = run, 1
        else:
            where = (max(apart, key=lambda i: sizes[i]),)
            size = sizes[where[0]]
            rows = -(-size // PIECES) if size >= PIECES else 1
        cuts.append((where, rows))
        for i in where:
            sizes[i] = rows
        gone = [i for i in gone if sizes[i] > 1]
        pitches = [prod(sizes[i + 1 :]) for i in range(len(sizes))]


def _run(sizes: list[int], pitches: list[int], gone: list[int]) -> Axes:
    """Return the axes to reduce that NumPy sees as one stretch of memory, and adds up in pairs."""
    found: list[int] = []
    for i in reversed(range(len(sizes))):
        if sizes[i] == 1:
            continue
        joins = not found or pitches[i] == pitches[found[-1]] * sizes[found[-1]]
        if i not in gone or not pitches[i] or not joins:
            break
        found.append(i)
    return tuple(found)
