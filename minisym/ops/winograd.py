"""Convolution with constant filters of 3×3, as `minisym.passes.simplify.winograd` puts it in."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import Dims, nothing
from minisym.core.declare import op as declare
from minisym.core.ndarray import Array
from minisym.core.op import Params
from minisym.core.params import Between
from minisym.core.samples import Sample
from minisym.ops.correlate import correlate
from minisym.ops.finished import (
    FLAGS,
    WHEN,
    Added,
    Rectified,
    Residual,
    Scale,
    Scaled,
    Shift,
    Shifted,
    after,
    fit,
    given,
)
from minisym.ops.inputs import FilterWeight, Samples
from minisym.ops.numeric.finish import finish
from minisym.ops.numeric.rules import floats_only
from minisym.ops.numeric.windows import Pad, window
from minisym.ops.numeric.winograd import correlate_tiles, transform_filters

Tile = Annotated[int, "How many outputs a tile has along each axis: 2 or 4.", Between(2, 4)]


@declare(
    name="_winograd_filters",
    kind="math",
    cost=nothing,
    samples=[Sample(((3, 2, 3, 3),), {"tile": 2}), Sample(((3, 2, 3, 3),), {"tile": 4})],
)
def winograd_filters(weight: FilterWeight, *, tile: Tile = 2, out: Array) -> None:
    """Transform filters of 3×3 for tiles: (elements of a transformed tile, channels, filters)."""
    transform_filters(weight, tile, out)


@winograd_filters.shape
def _(s: Any, *, tile: int) -> None:
    if tile == 3:
        raise ValueError("tile must be 2 or 4, not 3")
    s.weight = (None, None, 3, 3)
    s.output = ((tile + 2) ** 2, s.weight[1], s.weight[0])
    s.weight = (s.output[2], s.output[1], 3, 3)


winograd_filters.dtype(floats_only)


def _cost(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count the direct sums, so that what runs is as much work as what was composed."""
    after: int = sum(params[name] for name in (*FLAGS.values(), "rectified"))
    return 2 * prod(outs[0]) * ins[0][1] * 9 + after * prod(outs[0])


def _weight() -> Array:
    return np.random.default_rng(0).standard_normal((3, 2, 3, 3))


def _direct(data: Array, filters: Array) -> Array:
    """Convolve with the filters of which those of the samples are the transformed ones."""
    out = np.empty((len(data), filters.shape[2], *data.shape[2:]))
    correlate(data, _weight(), window((3, 3), (), (), (1, 1)), 1, out)
    return out


def _sample(tile: int) -> Sample:
    filters = np.empty(((tile + 2) ** 2, 2, 3))
    transform_filters(_weight(), tile, filters)
    return Sample(((2, 2, 5, 6), filters), {"pad": (1, 1), "tile": tile}, reference=_direct)


@declare(
    name="_Convolution_winograd",
    kind="layer",
    cost=_cost,
    when=WHEN,
    samples=lambda: [_sample(2), _sample(4)],  # made when a test asks
)
def convolution_winograd(
    data: Samples,
    filters: Annotated[Array, "Transformed filters: see `_winograd_filters`."],
    scale: Scale = None,
    shift: Shift = None,
    residual: Residual = None,
    *,
    pad: Pad = (),
    tile: Tile = 2,
    scaled: Scaled = False,
    shifted: Shifted = False,
    added: Added = False,
    rectified: Rectified = False,
    out: Array,
) -> None:
    """Convolve with filters of 3×3 by Winograd's algorithm, and do what follows."""
    _product(data, filters, pad, tile, out)
    finish(out, scale, shift, residual, rectified=rectified)


def _product(data: Array, filters: Array, pad: Sequence[int], tile: int, out: Array) -> None:
    if out.dtype == np.float16:
        wide = np.empty(out.shape, np.float32)
        _product(data.astype(np.float32), filters.astype(np.float32), pad, tile, wide)
        np.copyto(out, wide, casting="unsafe")
        return
    correlate_tiles(data, filters, tuple(pad) or (0, 0), tile, out)


@convolution_winograd.steps
def _(inputs: Sequence[Array], outs: Sequence[Array], **params: Any) -> Any:
    data, filters, *others = inputs
    (out,) = outs
    arguments = data, filters, params["pad"], params["tile"], out
    return [(_product, arguments), *after(out, given(params, others))]


@convolution_winograd.shape
def _(s: Any, **params: Any) -> None:
    win = window((3, 3), (), (), params["pad"])
    tile = params["tile"]
    s.filters = ((tile + 2) ** 2, None, None)
    s.data = (None, s.filters[1], None, None)
    s.filters = (None, s.data[1], None)
    s.output = (s.data[0], s.filters[2], *win.counts(s.data[2:]))
    s.data = (s.output[0], None, *win.sizes(s.output[2:]))
    s.filters = (None, None, s.output[1])
    fit(s, params)


convolution_winograd.dtype(floats_only)
