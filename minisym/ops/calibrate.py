r"""Calibration: where to cut a distribution before it is quantized."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import Dims
from minisym.core.declare import op as declare
from minisym.core.errors import ExecutionError, ShapeError
from minisym.core.ndarray import Array
from minisym.core.op import Params
from minisym.core.params import Between
from minisym.core.samples import Sample
from minisym.ops.quantize import one_float_type


def _all_cuts(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count all places where the range may be cut."""
    return 4 * prod(ins[0]) ** 2


op = partial(declare, cost=_all_cuts)

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
    inside[0] = 0  # it holds what was cut off
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


_COUNTS = np.array([0.0, 1, 2, 9, 20, 30, 22, 8, 3, 0, 1])


@op(
    name="_contrib_calibrate_entropy",
    outputs=("threshold", "divergence"),
    samples=[
        Sample(
            (_COUNTS, np.linspace(-5.5, 5.5, 12)),
            {"num_quantized_bins": 11},
            wrt=(),
            reference=lambda counts, edges: (5.5, _divergence(_COUNTS, 0, 11, 11)),
        ),
        Sample((_COUNTS, np.linspace(-5.5, 5.5, 12)), {"num_quantized_bins": 3}, wrt=()),
        Sample(((10,), (11,)), {"num_quantized_bins": 3}, raises=ShapeError, match="odd"),
        Sample(((11,), (11,)), {"num_quantized_bins": 3}, raises=ShapeError, match="hist_edges"),
        Sample(((11,), (12,)), raises=ShapeError, match="255 bins out of 11"),
        Sample(
            (-_COUNTS, np.linspace(-5.5, 5.5, 12)),
            {"num_quantized_bins": 3},
            raises=ExecutionError,
            match="negative",
        ),
    ],
    no_onnx="it prepares a quantization, and ONNX files hold what was prepared",
)
def calibrate_entropy(
    hist: Annotated[
        Array,
        "How many values each bin holds: an odd number of equal bins, the middle one around 0.",
    ],
    hist_edges: Annotated[Array, "Edges of the bins: one more than bins."],
    *,
    num_quantized_bins: Annotated[int, "How many bins are left over.", Between(1)] = 255,
    out: tuple[Array, Array],
) -> None:
    """Choose where to cut a distribution around 0 so that quantization loses least.

    `hist` counts values in an odd number of equal bins, the middle one around 0, and `hist_edges`
    are their edges: one more. For each cut $[-c, c]$ the bins inside are merged to
    `num_quantized_bins`; the one whose Kullback-Leibler divergence is least is the result, (1,),
    and so is that divergence.
    """
    counts = hist.reshape(-1)
    if (counts < 0).any():
        raise ExecutionError("calibrate_entropy: hist holds a negative count")
    middle, least = counts.size // 2, num_quantized_bins // 2
    found = [
        _divergence(counts, middle - i, middle + i + 1, num_quantized_bins)
        for i in range(least, middle + 1)
    ]
    best = int(np.argmin(found))
    out[0][...], out[1][...] = hist_edges.reshape(-1)[middle + least + best + 1], found[best]


@calibrate_entropy.shape
def _(s: Any, *, num_quantized_bins: int) -> None:
    """Rule: both outputs are one number, (1,); there is one edge more than counts."""
    s.threshold = s.divergence = (1,)
    if s.hist is None or None in s.hist:
        return
    bins = int(np.prod(s.hist))
    if bins % 2 == 0:
        raise ValueError(f"hist needs an odd number of bins, the middle one around 0, not {bins}")
    if bins < num_quantized_bins:
        raise ValueError(f"no {num_quantized_bins} bins out of {bins}")
    if s.hist_edges is None or len(s.hist_edges) == 1:
        s.hist_edges = (bins + 1,)


@calibrate_entropy.dtype
def _(t: Any) -> None:
    one_float_type(t, "hist", "hist_edges", "threshold", "divergence")
