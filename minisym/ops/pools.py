r"""How poolings work: which outputs and data meet, and how the ones change with the others.

The walk is over the elements of the window, not over its places: each step pairs all outputs with
the data that one element of their windows meets. `terms` says how much an output changes with those
data: a gradient sends heads back by it, and the gradient of a gradient sends them forward again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import Any

import numpy as np

from minisym.ndarray import Array
from minisym.ops.windows import Dims, Window, channels_first, window
from minisym.params import Ints

Slices = tuple[Any, ...]


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

    def counts(self, sizes: Sequence[Any]) -> tuple[Window | None, Dims]:
        """Return the window (None: all) and how many places it has, as far as that is known."""
        if self.global_pool:
            return None, (1,) * len(sizes)
        win = window(self.kernel, self.stride, (), self.pad)
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

    def meetings(self) -> Iterator[tuple[Slices, Slices]]:
        """Yield, for each element of the window, the outputs and the data that it connects."""
        for index in np.ndindex(*self.kernel):
            outputs, inputs = [], []
            each = zip(index, self.stride, self.pad, self.sizes, self.counts, strict=True)
            for i, stride, pad, size, count in each:
                first = max(0, -((i - pad) // stride))
                last = min(count - 1, (size - 1 + pad - i) // stride)
                if first > last:
                    break
                start = first * stride + i - pad
                outputs.append(slice(first, last + 1))
                inputs.append(slice(start, start + (last - first) * stride + 1, stride))
            else:
                yield (..., *outputs), (..., *inputs)

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


def fill(data: Array, settings: Settings, out: Array) -> None:
    """Fill `out` with the maxima, means, sums, or norms of the windows."""
    data, out = (channels_first(a, settings.layout) for a in (data, out))
    pool, power = settings.lay_out(data), settings.power
    is_max = settings.pool_type == "max"
    out.fill(np.finfo(out.dtype).min if is_max else 0)
    for outputs, inputs in pool.meetings():
        here, part = out[outputs], data[inputs]
        if is_max:
            np.fmax(here, part, out=here)
        else:
            here += part if power == 1 else part**power
    if power > 1:
        (np.sqrt if power == 2 else np.cbrt)(out, out)
    if settings.pool_type == "avg":
        np.divide(out, divisor_of(pool, settings, out.dtype), out)
    if is_max and settings.first_version and any(pool.pad):
        np.maximum(out, 0, out=out, where=pool.touches_padding())


def terms(
    data: Array, y: Array, pool: Pool, settings: Settings
) -> Iterator[tuple[Slices, Slices, Any]]:
    """Yield pairs of outputs and data, and by how much the ones change with the others.

    Of equal maxima the first one counts; in the first version of the op, all.
    """
    divisor = divisor_of(pool, settings, y.dtype)
    taken = np.zeros(y.shape, bool)
    for outputs, inputs in pool.meetings():
        factor: Any = y.dtype.type(1)
        if settings.pool_type == "max":
            factor = data[inputs] == y[outputs]
            if not settings.first_version:
                factor &= ~taken[outputs]
                taken[outputs] |= factor
        elif settings.power > 1:
            norm = y[outputs]
            ratio = data[inputs] / np.where(norm == 0, norm.dtype.type(1), norm)
            factor = ratio if settings.power == 2 else ratio * ratio
        elif divisor is not None:
            factor = 1 / divisor[outputs[1:]]
        yield outputs, inputs, factor
