r"""Histograms and shuffling: statistics that look at an array as a bag of values."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import each_input
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.ndarray import Array
from minisym.core.params import Floats
from minisym.core.samples import Sample

op = partial(declare, cost=each_input(1))


@op(
    name="_shuffle",
    aliases=("shuffle",),
    samples=[Sample((np.ones((3, 2)),), reference=lambda x: x)],
)
def shuffle(
    data: Annotated[Array, "The array whose first axis is shuffled."],
    *,
    rng: np.random.Generator,
    out: Array,
) -> None:
    """Put the elements of the first axis in random order, all orders being equally likely.

    >>> import minisym as ms
    >>> ms.random.seed(0)
    >>> ms.sym.shuffle(ms.sym.Variable("x")).eval(x=ms.nd.arange(5))
    [NDArray([2., 4., 3., 0., 1.], dtype=float32)]
    """
    np.take(data, rng.permutation(len(data)), 0, out, "clip")


@shuffle.shape
def _(s: Any) -> None:
    """Rule: the output has the shape of `data`."""
    s.output = s.data
    s.data = s.output


# ------------------------------------------------------------------------------------- histogram


def _edges(params: Mapping[str, Any]) -> bool:
    return params["bin_cnt"] is None


@op(
    name="_histogram",
    when={"bins": _edges},
    outputs=("output0", "output1"),
    samples=[
        Sample(
            (np.array([0.1, 0.5, 1.0, 3.0]), np.array([0.0, 0.5, 1.0])),
            wrt=(),
            reference=lambda x, b: [np.array([1, 2]), b],
        ),
        Sample(
            (np.array([-1.0, 0.5, 1.0, 2.0, np.nan]),),
            {"bin_cnt": 2, "range": (0, 2)},
            wrt=(),
            reference=lambda x: [np.array([1, 2]), np.array([0.0, 1.0, 2.0])],
        ),
        Sample((np.ones(3),), {"bin_cnt": 2}, raises=ShapeError, match="range"),
        Sample((np.ones(3),), {"bin_cnt": 0, "range": (0, 1)}, raises=ShapeError, match="bin_cnt"),
    ],
    no_onnx="ONNX counts no values into bins",
)
def histogram(
    data: Annotated[Array, "The values to count, an array of any shape."],
    bins: Annotated[
        Array | None, "Ascending edges of the bins, a vector; instead of bin_cnt."
    ] = None,
    *,
    bin_cnt: Annotated[int | None, "How many bins of equal width, instead of edges."] = None,
    range: Annotated[Floats | None, "With bin_cnt: least and greatest value that counts."] = None,
    out: tuple[Array, Array],
) -> None:
    """Count the values that fall into bins; return the counts, and the edges of the bins.

    A bin holds its left edge, the last one its right edge, too. Values outside, and NaN, do not
    count.
    """
    counts, edges = out
    if bins is None:
        assert bin_cnt is not None
        assert range is not None
        bins = np.histogram_bin_edges(np.empty(0), bin_cnt, (range[0], range[1]))
    np.copyto(edges, bins, casting="unsafe")
    numbers = data.view(np.uint8) if data.dtype == bool else data
    np.copyto(counts, np.histogram(numbers, edges)[0])


@histogram.shape
def _(s: Any, *, bin_cnt: int | None, range: Floats | None) -> None:
    """Rule: one count a bin, and the edges, one more."""
    if bin_cnt is None:
        if s.bins is not None and len(s.bins) != 1:
            raise ValueError(f"bins must be a vector of edges, but has {len(s.bins)} dimension(s)")
        s.output1 = s.bins
        s.bins = s.output1
        number = s.bins[0] if s.bins is not None else None
        s.output0 = (None if number is None else number - 1,)
        return
    if bin_cnt < 1:
        raise ValueError(f"bin_cnt must be positive, but is {bin_cnt}")
    if range is None or len(range) != 2 or not range[0] <= range[1]:
        raise ValueError(f"bin_cnt needs a range (low, high), but it is {range}")
    s.output0, s.output1 = (bin_cnt,), (bin_cnt + 1,)


@histogram.dtype
def _(t: Any) -> None:
    t.output0 = np.dtype(np.int64)
    t.output1 = t.data
    t.data = t.output1
