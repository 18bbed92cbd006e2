r"""Calibration: where to cut a distribution before it is quantized."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from minisym.define import op
from minisym.errors import ExecutionError, ShapeError
from minisym.ndarray import Array
from minisym.ops.quantize import one_float_type
from minisym.params import Between
from minisym.samples import Sample

_SMALL = 1e-4
"""The probability that an empty bin gets, so that its logarithm is finite."""


def _smooth(counts: Array) -> Array | None:
    """Move a little from full bins to empty ones; None if that is not possible."""
    empty = counts == 0
    full = counts.size - empty.sum()
    taken = _SMALL * empty.sum() / full if full else 1.0
    return None if taken >= 1 else counts + np.where(empty, _SMALL, -taken)


def _divergence(counts: Array, first: int, last: int, quantized_bins: int) -> float:
    """Return what is lost by cutting bins outside of `first` to `last`, and merging those inside.

    It is the Kullback-Leibler divergence of the merged distribution from the cut one.
    """
    inside = counts[first:last].astype(np.float64)
    inside[0] = 0 if first else inside[0]
    cut = counts[first:last].astype(np.float64)
    cut[0], cut[-1] = counts[: first + 1].sum(), counts[last - 1 :].sum()
    size = inside.size // quantized_bins
    starts = np.arange(quantized_bins) * size
    sums, full = np.add.reduceat(inside, starts), np.add.reduceat(inside != 0, starts, dtype=int)
    means = np.divide(sums, full, out=np.zeros_like(sums), where=full > 0)
    lengths = np.diff(starts, append=inside.size)
    merged = np.where(cut != 0, np.repeat(means, lengths), 0)
    p, q = _smooth(cut), _smooth(merged)
    if p is None or q is None:
        return float("inf")
    p, q = p / p.sum(), q / q.sum()
    return float((p * np.log(p / q)).sum())
