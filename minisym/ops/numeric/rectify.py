"""The rectifier, max(x, 0): NumPy compares two arrays much faster than an array with a number.

So the number is kept as a row to compare with, as long as stays in the cache. A NaN stays NaN, and
-0.0 becomes 0.0, as in MXNet; a `clip` would be a bit faster, and leave it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np

from minisym.core.kernels import number
from minisym.core.ndarray import Array

Step = tuple[Callable[..., Any], tuple[Any, ...]]

ROW = 1 << 14
"""How many elements are compared at a time."""


@lru_cache(32)
def row(value: bytes, dtype: np.dtype[Any]) -> Array:
    """Return a row of a number, which nobody may write; by its bytes, since -0.0 is not 0.0."""
    found = np.full(ROW, np.frombuffer(value, dtype))
    found.flags.writeable = False
    return found


def flat(array: Array) -> Array | None:
    """See an array that fills its memory, in whatever order of its axes, as one row of it."""
    axes = sorted(range(array.ndim), key=lambda axis: -array.strides[axis])
    ordered = array.transpose(axes)
    return ordered.reshape(-1) if ordered.flags.c_contiguous else None


def comparing(ufunc: Callable[..., Any], x: Array, value: Array, out: Array) -> list[Step]:
    """Return the steps of `np.maximum` or `np.minimum` with a number of the type of `x`."""
    read, target = flat(x), flat(out)
    if x.strides != out.strides or read is None or target is None:
        return [(partial(ufunc, out=out), (x, value))]
    steps: list[Step] = []
    whole = read.size // ROW * ROW
    for part in (slice(whole), slice(whole, None)):
        these, made = read[part], target[part]
        if len(these) > ROW:
            these, made = these.reshape(-1, ROW), made.reshape(-1, ROW)
        if len(these):
            others = row(value.tobytes(), x.dtype)[: these.shape[-1]]
            steps.append((partial(ufunc, out=made), (these, others)))
    return steps


def rectifying(x: Array, out: Array) -> list[Step]:
    """Return the steps that fill `out` with the larger of each element and 0."""
    return comparing(np.maximum, x, number(0, x.dtype), out)


def rectify(x: Array, out: Array) -> None:
    """Fill `out` with the larger of each element and 0."""
    for function, arguments in rectifying(x, out):
        function(*arguments)
