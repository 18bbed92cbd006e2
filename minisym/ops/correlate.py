r"""The algorithm of convolution: sums of windows times weights, and the adjoints.

Convolution is linear in the data and in the weight. Three ops make a closed family: `_correlate`
(from data and weight to output), `_scatter` (from output and weight back to data) and
`_correlate_filters` (from output and data to weight). Each is an adjoint of the others, so they are
each other's gradients, to any order.

Windows are laid out as columns of a matrix, a part of the batch at a time, so that one matrix
product does the sums; where each channel has filters of its own, element by element of the kernel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod
from typing import Annotated, Any, Literal

import numpy as np

from minisym.define import Declaration, op
from minisym.ndarray import Array
from minisym.ops.rules import floats_only
from minisym.ops.windows import Dilate, Dims, Kernel, Pad, Stride, Window, channels_first, window
from minisym.params import Between, Ints
from minisym.samples import Sample
from minisym.shapes import show
from minisym.symbol.symbol import Symbol

Groups = Annotated[
    int, "Into how many groups channels and filters are split: each sees its own.", Between(1)
]
Layout = Annotated[
    Literal["NCDHW", "NCHW", "NCW", "NDHWC", "NHWC"] | None,
    "Order of the axes; by default the channels come second.",
]
COLUMNS = 1 << 22
"""Bytes of columns that are made at a time."""

# --------------------------------------------------------------------------------------- kernels


def _parts(batch: int, sample: int) -> Iterator[slice]:
    """Split a batch so that the columns of a part, of so many bytes a sample, stay small."""
    step = max(1, COLUMNS // max(1, sample))
    for start in range(0, batch, step):
        yield slice(start, min(batch, start + step))


def _columns(padded: Array, win: Window, counts: Ints, groups: int) -> Array:
    """Copy windows to columns: (groups, channels of one times kernel, batch times places)."""
    n, channels = padded.shape[:2]
    rank = len(counts)
    split = win.over(padded, counts).reshape(n, groups, channels // groups, *counts, *win.kernel)
    places = range(3, 3 + rank)
    elements = range(3 + rank, 3 + 2 * rank)
    columns = split.transpose(1, 2, *elements, 0, *places)
    return columns.reshape(groups, channels // groups * prod(win.kernel), n * prod(counts))


def _rows(output: Array, groups: int) -> Array:
    """Copy outputs to rows: (groups, filters of one, batch times places)."""
    n, filters = output.shape[:2]
    split = output.reshape(n, groups, filters // groups, prod(output.shape[2:]))
    return split.transpose(1, 2, 0, 3).reshape(groups, filters // groups, -1)


def _is_depthwise(weight: Array, groups: int) -> bool:
    return groups > 1 and weight.shape[1] == 1


def _each_filter(weight: Array, index: Ints, groups: int, rank: int) -> Array:
    """See one element of the filters of single channels: (groups, filters of one, 1…)."""
    place: Any = (slice(None), 0, *index)
    found: Array = weight[place]
    return found.reshape(groups, -1, *(1,) * rank)


def correlate(data: Array, weight: Array, win: Window, groups: int, out: Array) -> None:
    """Fill `out` (batch, filters, places…) with the sums of windows times weights."""
    counts, rank = out.shape[2:], len(win.kernel)
    padded = win.padded(data)
    if _is_depthwise(weight, groups):
        split = padded[:, :, np.newaxis]
        total = np.zeros((len(out), groups, len(weight) // groups, *counts), out.dtype)
        for index, place in win.places(counts):
            total += split[place] * _each_filter(weight, index, groups, rank)
        np.copyto(out, total.reshape(out.shape))
        return
    matrix = weight.reshape(groups, len(weight) // groups, -1)
    for part in _parts(len(data), matrix.shape[2] * groups * prod(counts) * data.itemsize):
        found = np.matmul(matrix, _columns(padded[part], win, counts, groups))
        here = out[part]
        np.copyto(here, found.reshape(len(weight), len(here), *counts).swapaxes(0, 1))


def scatter(output: Array, weight: Array, win: Window, groups: int, out: Array) -> None:
    """Fill `out` (batch, channels, …) with outputs times weights, added where windows overlap."""
    counts, rank, sizes = output.shape[2:], len(win.kernel), out.shape[2:]
    wide = [n + 2 * p for n, p in zip(sizes, win.pad, strict=True)]
    total = np.zeros((*out.shape[:2], *wide), out.dtype)
    if _is_depthwise(weight, groups):
        split = output.reshape(len(output), groups, len(weight) // groups, *counts)
        for index, place in win.places(counts):
            total[place] += (split * _each_filter(weight, index, groups, rank)).sum(2)
    else:
        matrix = weight.reshape(groups, len(weight) // groups, -1).swapaxes(1, 2)
        for part in _parts(len(out), matrix.shape[1] * groups * prod(counts) * out.itemsize):
            columns = np.matmul(matrix, _rows(output[part], groups))
            here = total[part]
            columns = columns.reshape(here.shape[1], *win.kernel, len(here), *counts)
            for index, place in win.places(counts):
                element: Any = (slice(None), *index)
                here[place] += columns[element].swapaxes(0, 1)
    np.copyto(out, total[win.inside(sizes)])


def correlate_filters(output: Array, data: Array, win: Window, groups: int, out: Array) -> None:
    """Fill `out` (filters, channels of a group, kernel…) with the sums of windows times outputs."""
    counts = output.shape[2:]
    padded = win.padded(data)
    if _is_depthwise(out, groups):
        split = output.reshape(len(output), groups, len(out) // groups, *counts)
        axes = (0, *range(3, 3 + len(counts)))
        for index, place in win.places(counts):
            total = (split * padded[:, :, np.newaxis][place]).sum(axes)
            element: Any = (slice(None), 0, *index)
            out[element] = total.reshape(-1)
        return
    rows = prod(out.shape[1:])
    found = np.zeros((groups, len(out) // groups, rows), out.dtype)
    for part in _parts(len(data), rows * groups * prod(counts) * data.itemsize):
        columns = _columns(padded[part], win, counts, groups)
        found += np.matmul(_rows(output[part], groups), columns.swapaxes(1, 2))
    np.copyto(out, found.reshape(out.shape))


def in_floats(function: Any, first: Array, second: Array, *rest: Any, out: Array) -> None:
    """Call one of the above; float16 is computed in float32."""
    if out.dtype != np.float16:
        function(first, second, *rest, out)
        return
    wide = np.empty(out.shape, np.float32)
    function(first.astype(np.float32), second.astype(np.float32), *rest, wide)
    np.copyto(out, wide, casting="unsafe")


def aimed(win: Window, target: Ints, counts: Dims) -> tuple[Window, Ints]:
    """Return a window padded so that its spread is the target size, and how much falls short."""
    full = replace(win, pad=(0,) * len(win.kernel)).spread(counts)
    if len(target) != len(counts) or min(target) < 1:
        raise ValueError(f"target_shape {show(target)} must be {len(counts)} positive sizes")
    spare = []
    for size, goal in zip(full, target, strict=True):
        if size is not None and size < goal:
            raise ValueError(f"target_shape {show(target)} is larger than the {show(full)} reached")
        spare.append(0 if size is None else size - goal)
    pad = tuple((n + 1) // 2 for n in spare)
    return replace(win, pad=pad), tuple(n % 2 for n in spare)


# ------------------------------------------------------------------------------ the closed family


def _member(
    name: str, function: Any, slots: tuple[str, str, str], small: int, doc: str
) -> Declaration:
    """Declare an op of two arrays whose output has the shape of a third.

    `small` is the slot that has the places; by their number, `target_shape` decides the padding.
    """

    def kernel(
        first: Array,
        second: Array,
        like: Array,
        *,
        kernel: Kernel,
        stride: Stride = (),
        dilate: Dilate = (),
        pad: Pad = (),
        target_shape: Annotated[Ints, "Sizes that decide the padding instead of `pad`."] = (),
        num_group: Groups = 1,
        layout: Layout = None,
        out: Array,
    ) -> None:
        arrays = [channels_first(a, layout) for a in (first, second, out)]
        win = window(kernel, stride, dilate, pad)
        if any(target_shape):
            win = aimed(win, target_shape, arrays[small].shape[2:])[0]
        in_floats(function, arrays[0], arrays[1], win, num_group, out=arrays[2])

    kernel.__name__, kernel.__doc__, kernel.__module__ = name, doc, __name__
    shapes = {"data": (2, 2, 5, 4), "weight": (3, 2, 3, 2), "output": (2, 3, 3, 3)}
    sample = Sample(tuple(shapes[slot] for slot in slots), {"kernel": (3, 2)}, wrt=(0, 1))
    declared = op(name=name, samples=[sample])(kernel)

    @declared.shape
    def _(s: Any) -> None:
        s.output = s.like

    return declared.dtype(floats_only)


adjoint_output = _member(
    "_correlate",
    correlate,
    ("data", "weight", "output"),
    2,
    "Sum windows of data times weights, in the shape of an output.",
)
adjoint_data = _member(
    "_scatter",
    scatter,
    ("output", "weight", "data"),
    0,
    "Add outputs times weights where the windows were, in the shape of the data.",
)
adjoint_filters = _member(
    "_correlate_filters",
    correlate_filters,
    ("output", "data", "weight"),
    0,
    "Sum windows of data times outputs, in the shape of the weight.",
)


@adjoint_output.grad
def _(g: Symbol, data: Symbol, weight: Symbol, like: Symbol, **params: Any) -> Any:
    return (
        adjoint_data(g, weight, data, **params),
        adjoint_filters(g, data, weight, **params),
        None,
    )


@adjoint_data.grad
def _(g: Symbol, output: Symbol, weight: Symbol, like: Symbol, **params: Any) -> Any:
    return (
        adjoint_output(g, weight, output, **params),
        adjoint_filters(output, g, weight, **params),
        None,
    )


@adjoint_filters.grad
def _(g: Symbol, output: Symbol, data: Symbol, like: Symbol, **params: Any) -> Any:
    return adjoint_output(data, g, output, **params), adjoint_data(output, g, data, **params), None
