"""The rectifier, max(x, 0): NumPy compares two arrays much faster than an array with a number.

So zeros are kept to compare with, as many as stay in the cache. A NaN stays NaN, and -0.0 becomes
0.0, as in MXNet; a `clip` would be a bit faster, and leave it.
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


@lru_cache(8)
def zeros(dtype: np.dtype[Any]) -> Array:
    """Return a row of zeros, which nobody may write."""
    found = np.zeros(ROW, dtype)
    found.flags.writeable = False
    return found


def flat(array: Array) -> Array | None:
    """See an array that fills its memory, in whatever order of its axes, as one row of it."""
    axes = sorted(range(array.ndim), key=lambda axis: -array.strides[axis])
    ordered = array.transpose(axes)
    return ordered.reshape(-1) if ordered.flags.c_contiguous else None


def rectifying(x: Array, out: Array) -> list[Step]:
    """Return the steps that fill `out` with the larger of each element and 0."""
    row, target = flat(x), flat(out)
    if x.strides != out.strides or row is None or target is None:
        return [(partial(np.maximum, out=out), (x, number(0, x.dtype)))]
    steps: list[Step] = []
    whole = row.size // ROW * ROW
    for part in (slice(whole), slice(whole, None)):
        read, made = row[part], target[part]
        if len(read) > ROW:
            read, made = read.reshape(-1, ROW), made.reshape(-1, ROW)
        if len(read):
            zero = zeros(x.dtype)[: read.shape[-1]]
            steps.append((partial(np.maximum, out=made), (read, zero)))
    return steps


def rectify(x: Array, out: Array) -> None:
    """Fill `out` with the larger of each element and 0."""
    for function, arguments in rectifying(x, out):
        function(*arguments)
