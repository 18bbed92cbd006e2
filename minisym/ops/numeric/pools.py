r"""How poolings work: which outputs and data meet, and how the ones change with the others.

Sums and maxima are taken axis by axis, and along an axis by the elements of the window rather than
by its places: each step pairs all places with the data that one element of their windows meets. A
gradient sends heads back the same way, and the gradient of a gradient sends them forward again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from math import prod
from typing import Any

import numpy as np

from minisym.core.ndarray import Array
from minisym.core.params import Ints
from minisym.ops.numeric.sums import FEW, fold
from minisym.ops.numeric.windows import (
    Dims,
    Window,
    channels_first,
    lies_last,
    scratch_like,
    window,
)

Slices = tuple[Any, ...]
AT_ONCE = 1 << 19
"""Bytes of the larger images that are pooled at a time."""


@dataclass(frozen=True)
class Settings:
    """The parameters of a pooling."""

    kernel: Ints
    pool_type: str
    global_pool: bool
    pooling_convention: str
    stride: Ints
    pad: Ints
    p_value: int | None = None
    count_include_pad: bool | None = None
    layout: str | None = None
    first_version: bool = False

    @property
    def padding(self) -> Ints:
        """The pad; zeros of any length where the convention "same" leaves it to itself."""
        is_free = self.pooling_convention == "same" and not any(self.pad)
        return () if is_free else self.pad

    def counts(self, sizes: Sequence[Any]) -> tuple[Window | None, Dims]:
        """Return the window (None: all) and how many places it has, as far as that is known."""
        if self.global_pool:
            return None, (1,) * len(sizes)
        win = window(self.kernel, self.stride, (), self.padding)
        if self.pooling_convention == "valid":
            return win, win.counts(sizes)
        if self.pooling_convention == "full":
            win.counts(sizes)  # it checks that the window fits
        found = [
            None
            if n is None
            else -(-(n + 2 * p) // s)
            if self.pooling_convention == "same"
            else -(-(n + 2 * p - k) // s) + 1
            for n, k, s, p in zip(sizes, win.kernel, win.stride, win.pad, strict=True)
        ]
        return win, tuple(found)

    def lay_out(self, data: Array) -> Pool:
        """Return how the windows lie over data of (batch, channels, …)."""
        sizes = data.shape[2:]
        win, counts = self.counts(sizes)
        if win is None:
            return Pool(sizes, (1,) * len(sizes), (0,) * len(sizes), sizes, counts)
        return Pool(win.kernel, win.stride, win.pad, sizes, counts)

    @property
    def power(self) -> int:
        """The exponent of the norm; 1 where there is none."""
        return self.p_value or 1 if self.pool_type == "lp" else 1


@dataclass(frozen=True)
class Pool:
    """How windows lie over data of certain sizes."""

    kernel: Ints
    stride: Ints
    pad: Ints
    sizes: Ints
    counts: Any

    def along(self, axis: int) -> Iterator[tuple[int, slice, slice]]:
        """Yield each index into the window along an axis, with the places and data it connects."""
        stride, pad = self.stride[axis], self.pad[axis]
        for i in self._met(axis):
            first = max(0, -((i - pad) // stride))
            last = min(self.counts[axis] - 1, (self.sizes[axis] - 1 + pad - i) // stride)
            if first <= last:
                start = first * stride + i - pad
                stop = start + (last - first) * stride + 1
                yield i, slice(first, last + 1), slice(start, stop, stride)

    def _met(self, axis: int) -> Iterator[int]:
        """Yield the indices into the window along an axis that some place has on the data."""
        kernel, stride, pad = self.kernel[axis], self.stride[axis], self.pad[axis]
        size, count = self.sizes[axis], self.counts[axis]
        if stride <= size:
            yield from range(max(0, pad - (count - 1) * stride), min(kernel, pad + size))
            return
        for place in reversed(range(count)):  # each begins behind the data of the one before
            start = pad - place * stride
            yield from range(max(0, start), min(kernel, start + size))

    def meetings(self) -> Iterator[tuple[Ints, Slices, Slices]]:
        """Yield each element of the window, with the outputs and the data that it connects."""
        for each in product(*(list(self.along(axis)) for axis in range(len(self.kernel)))):
            index, outputs, inputs = zip(*each, strict=True)
            yield index, (..., *outputs), (..., *inputs)

    def is_whole(self, axis: int) -> bool:
        """Return whether one window has all elements along an axis."""
        same = self.kernel[axis] == self.sizes[axis] and not self.pad[axis]
        return same and bool(self.counts[axis] == 1)

    @property
    def is_apart(self) -> bool:
        """Whether each element of the data belongs to one window at most."""
        return all(s >= k for s, k in zip(self.stride, self.kernel, strict=True))

    @property
    def is_covered(self) -> bool:
        """Whether each element of the data belongs to some window."""
        each = zip(self.kernel, self.stride, self.pad, self.sizes, self.counts, strict=True)
        return all(s <= k and (n - 1) * s + k - p >= size for k, s, p, size, n in each)

    def spans(self) -> Iterator[tuple[Array, Array, int, int]]:
        """Yield, by axis, where the windows begin and end, how long it is, and its padding."""
        each = zip(self.kernel, self.stride, self.pad, self.sizes, self.counts, strict=True)
        for kernel, stride, pad, size, count in each:
            start = np.arange(count) * stride - pad
            yield start, np.minimum(start + kernel, size + pad), size, pad

    def divisor(self, *, with_padding: bool) -> Array:
        """Return how many elements each window has, at least 1."""
        lengths = [
            end - start if with_padding else np.minimum(end, size) - np.maximum(start, 0)
            for start, end, size, _ in self.spans()
        ]
        found: Array = reduce(np.multiply.outer, lengths)
        return np.maximum(found, 1)

    def touches_padding(self) -> Array:
        """Return which windows reach into the padding."""
        return reduce(np.logical_or.outer, [(a < 0) | (b > size) for a, b, size, _ in self.spans()])


# --------------------------------------------------------------------------- what all poolings do


def divisor_of(pool: Pool, settings: Settings, dtype: Any) -> Any:
    """Return what the sums are divided by, for each place."""
    if settings.pool_type != "avg":
        return None
    if settings.first_version:
        return np.full(pool.counts, prod(pool.kernel), dtype)
    return pool.divisor(with_padding=settings.count_include_pad is not False).astype(dtype)


def gather(data: Array, pool: Pool, out: Array, *, largest: bool = False) -> None:
    """Fill `out` with the sums, or the maxima, of the windows, axis by axis."""
    rank = len(pool.kernel)
    for axis in range(rank):
        shape = (*data.shape[: 2 + axis], pool.counts[axis], *data.shape[3 + axis :])
        many = pool.kernel[axis] > FEW and not largest
        target = _target(out, shape, axis, last=axis == rank - 1, many=many)
        if many and pool.is_whole(axis):
            fold(np.add, data, (2 + axis,), target[(slice(None),) * (2 + axis) + (0,)])
            data = target
            continue
        if largest:
            _largest(data, axis, pool, target)
        else:
            target.fill(0)
            for _, places, elements in pool.along(axis):
                target[_at(axis, places)] += data[_at(axis, elements)]
        data = target
    if largest:  # where there are NaNs alone, too
        np.fmax(out, np.finfo(out.dtype).min, out)
    elif data is not out:
        np.copyto(out, data, casting="unsafe")


def _largest(data: Array, axis: int, pool: Pool, out: Array) -> None:
    """Fill `out` with the maxima along an axis; a NaN is none, unless it is compared with another.

    What all places have is compared first: two elements of the window at once.
    """
    every = slice(0, pool.counts[axis])
    parts = [(places, data[_at(axis, elements)]) for _, places, elements in pool.along(axis)]
    parts.sort(key=lambda part: part[0] != every)
    if len(parts) > 1 and parts[1][0] == every:
        np.fmax(parts[0][1], parts[1][1], out)
        parts = parts[2:]
    else:
        out.fill(np.finfo(out.dtype).min)
    for places, part in parts:
        here = out[_at(axis, places)]
        np.fmax(here, part, here)


def _target(out: Array, shape: Ints, axis: int, *, last: bool, many: bool) -> Array:
    """Return the array to add up in: `out` at last, but float64 for many additions in a row."""
    if last and not many:
        return out
    name, dtype = f"pooled along {axis}", np.float64 if many else out.dtype
    return scratch_like(name, shape, dtype, last=lies_last(out))


def spread(g: Array, pool: Pool, out: Array) -> None:
    """Fill `out`, shaped like the data, with what the windows' sums send back."""
    rank = len(pool.kernel)
    for axis in reversed(range(rank)):
        shape = (*g.shape[: 2 + axis], pool.sizes[axis], *g.shape[3 + axis :])
        many = not pool.is_whole(axis) and pool.kernel[axis] > FEW * pool.stride[axis]
        target = _target(out, shape, axis, last=axis == 0, many=many)
        if pool.is_whole(axis):
            np.copyto(target, g, casting="unsafe")
        else:
            target.fill(0)
            for _, places, elements in pool.along(axis):
                target[_at(axis, elements)] += g[_at(axis, places)]
        g = target
    if g is not out:
        np.copyto(out, g, casting="unsafe")


def _at(axis: int, where: slice) -> Slices:
    return (slice(None),) * (2 + axis) + (where,)


def chosen(data: Array, y: Array, pool: Pool) -> Array:
    """Return where the first maximum of each window is in the flattened data; -1: nowhere.

    Each element of the window has a rank, the first one the highest; the highest rank of those that
    equal the maximum is found without branches, which random data would make slow.
    """
    count = prod(pool.kernel)
    ranks = np.min_scalar_type(count)
    best = np.zeros(y.shape, ranks)
    if all(pool.is_whole(axis) for axis in range(len(pool.kernel))):
        equal = (data == y).reshape(*data.shape[:2], -1)
        best[...] = np.where(equal.any(2), count - equal.argmax(2), 0).reshape(y.shape)
    else:
        order = np.arange(count).reshape(pool.kernel)
        for index, outputs, inputs in pool.meetings():
            rank = (data[inputs] == y[outputs]).view(np.uint8) * ranks.type(count - order[index])
            here = best[outputs]
            np.maximum(here, rank, out=here)
    steps = [prod(pool.sizes[axis + 1 :]) for axis in range(len(pool.sizes))]
    each = zip(pool.counts, pool.stride, pool.pad, steps, strict=True)
    corners = [(np.arange(n) * stride - pad) * step for n, stride, pad, step in each]
    offsets = [np.arange(k) * step for k, step in zip(pool.kernel, steps, strict=True)]
    planes = np.arange(prod(data.shape[:2])).reshape(data.shape[:2]) * prod(pool.sizes)
    found: Array = np.take(np.append(reduce(np.add.outer, offsets), 0), count - best)
    found += planes.reshape(*planes.shape, *(1,) * len(pool.sizes))
    found += reduce(np.add.outer, corners)
    found[best == 0] = -1
    return found


def fill(data: Array, settings: Settings, out: Array) -> None:
    """Fill `out` with the maxima, means, sums, or norms of the windows; of float16 in float32."""
    if out.dtype == np.float16:
        work = np.empty(out.shape, np.float32)
        fill(data.astype(np.float32), settings, work)
        np.copyto(out, work, casting="unsafe")
        return
    arrays = [channels_first(a, settings.layout) for a in (data, out)]
    pool = settings.lay_out(arrays[0])
    for images, made in _some_images(*arrays):
        _fill(images, pool, settings, made)


def _some_images(*arrays: Array) -> Iterator[list[Array]]:
    """Yield as many images of arrays at a time as stay in the cache from step to step."""
    each = max(a.nbytes for a in arrays) // max(1, len(arrays[0]))
    step = max(1, AT_ONCE // max(1, each))
    for first in range(0, len(arrays[0]), step):
        yield [a[first : first + step] for a in arrays]


def _fill(data: Array, pool: Pool, settings: Settings, out: Array) -> None:
    largest, power = settings.pool_type == "max", settings.power
    gather(data if power == 1 else data**power, pool, out, largest=largest)
    if power > 1:
        (np.sqrt if power == 2 else np.cbrt)(out, out)
    if settings.pool_type == "avg":
        np.divide(out, divisor_of(pool, settings, out.dtype), out)
    if largest and settings.first_version and any(pool.pad):
        np.maximum(out, 0, out=out, where=pool.touches_padding())


def send(g: Array, data: Array, y: Array, settings: Settings, out: Array, *, back: bool) -> None:
    """Send heads back to the data, or changes of the data forward to the outputs.

    Of equal maxima the first one counts; in the first version of the op, all. Sums of float16 are
    float32.
    """
    if out.dtype == np.float16:
        work = np.empty(out.shape, np.float32)
        g, data, y = (a.astype(np.float32) for a in (g, data, y))
        send(g, data, y, settings, work, back=back)
        np.copyto(out, work, casting="unsafe")
        return
    pool = settings.lay_out(data)
    if back and lies_last(y) and not lies_last(g):  # it is read once for each element of a window
        moved = scratch_like("heads", g.shape, g.dtype, last=True)
        np.copyto(moved, g)
        g = moved
    for heads, images, pooled, made in _some_images(g, data, y, out):
        _send(heads, images, pooled, pool, settings, made, back=back)


def _send(
    g: Array, data: Array, y: Array, pool: Pool, settings: Settings, out: Array, *, back: bool
) -> None:
    power = settings.power
    if settings.pool_type == "max":
        _send_maxima(g, data, y, pool, out, back=back, ties=settings.first_version)
        return
    scale: Any = 1
    if settings.pool_type == "avg":
        scale = 1 / divisor_of(pool, settings, y.dtype)
    elif power > 1:
        norm = y ** (power - 1)
        scale = np.where(norm == 0, 0, 1 / norm)
    slope: Any = data ** (power - 1) if power > 1 else 1
    if back:
        spread(g * scale, pool, out)
        np.multiply(out, slope, out)
    else:
        gather(g * slope, pool, out)
        np.multiply(out, scale, out)


_BITS = {"f": np.int32, "d": np.int64}


def _send_apart(g: Array, data: Array, y: Array, pool: Pool, out: Array) -> None:
    """Send heads to the first maxima of windows that do not overlap.

    The bits of a head are masked: an infinite one, times 0, would be no 0.
    """
    if not pool.is_covered:
        out.fill(0)
    bits = _BITS[out.dtype.char]
    heads, target = g.view(bits), out.view(bits)
    free, mask = (np.empty_like(y, np.bool_) for _ in range(2))
    free.fill(True)
    for _, outputs, inputs in pool.meetings():
        left, here = free[outputs], mask[outputs]
        np.equal(data[inputs], y[outputs], here)
        np.logical_and(here, left, here)
        np.logical_xor(left, here, left)
        ones = here.view(np.int8)
        np.negative(ones, ones)  # all bits, or none
        np.bitwise_and(heads[outputs], ones, target[inputs])


def _send_maxima(
    g: Array, data: Array, y: Array, pool: Pool, out: Array, *, back: bool, ties: bool
) -> None:
    """Send heads to the maxima, or changes of the maxima to the outputs."""
    if ties:
        out.fill(0)
        for _, outputs, inputs in pool.meetings():
            source, target = (outputs, inputs) if back else (inputs, outputs)
            out[target] += g[source] * (data[inputs] == y[outputs])
        return
    if back and pool.is_apart and out.dtype.char in _BITS:
        _send_apart(g, data, y, pool, out)
        return
    place = chosen(data, y, pool)
    if back:  # the element behind the last one takes what goes nowhere
        total = np.zeros(data.size + 1, out.dtype)
        np.add.at(total, place.ravel(), g.ravel())
        np.copyto(out, total[:-1].reshape(data.shape))
    else:
        np.copyto(out, np.append(g.ravel(), 0)[place], casting="unsafe")
