r"""The algorithm of convolution: sums of windows times weights, and the adjoints.

Convolution is linear in the data and in the weight. Three ops make a closed family: `_correlate`
(from data and weight to output), `_scatter` (from output and weight back to data) and
`_correlate_filters` (from output and data to weight). Each is an adjoint of the others, so they are
each other's gradients, to any order.

Windows are laid out as columns of a matrix, as many at a time as stay in the cache, so that one
matrix product does the sums. For groups of channels, see `grouped`; for images whose channels lie
last in memory, `rows`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from math import prod
from typing import Annotated, Any, Literal

import numpy as np

from minisym.core.cost import Cost, filters
from minisym.core.declare import Declaration
from minisym.core.declare import op as declare
from minisym.core.ndarray import Array
from minisym.core.op import OF_GRADIENTS
from minisym.core.params import Between, Ints
from minisym.core.samples import Sample
from minisym.core.shapes import Dim, show
from minisym.core.symbol import Symbol
from minisym.ops.inputs import Like
from minisym.ops.numeric.grouped import (
    at_once,
    correlate_filters_runs,
    correlate_runs,
    scatter_runs,
)
from minisym.ops.numeric.rows import correlate_filters_rows, correlate_rows, scatter_rows
from minisym.ops.numeric.rules import floats_only
from minisym.ops.numeric.scratch import scratch
from minisym.ops.numeric.sums import sum_over
from minisym.ops.numeric.windows import (
    Dilate,
    Dims,
    Kernel,
    Pad,
    Stride,
    Window,
    channels_first,
    check_rank,
    lies_last,
    shape_back,
    shape_first,
    window,
)

op = partial(declare, kind="math")

Groups = Annotated[
    int, "Into how many groups channels and filters are split: each sees its own.", Between(1)
]
Layout = Annotated[
    Literal["NCDHW", "NCHW", "NCW", "NDHWC", "NHWC"] | None,
    "Order of the axes; by default the channels come second.",
]
SPREAD = 16
"""How many times as many columns are added up at a time: it is quicker in fewer, longer runs."""

# --------------------------------------------------------------------------------------- kernels


def _slices(size: int, step: int) -> Iterator[slice]:
    step = max(1, step)
    for first in range(0, size, step):
        yield slice(first, min(first + step, size))


def _parts(batch: int, counts: Ints, most: int) -> Iterator[tuple[slice, Iterator[slice]]]:
    """Split the places into images, and these by rows, so that they are not more than that."""
    row = prod(counts[1:])
    for images in _slices(batch, most // row):
        yield images, _slices(counts[0], most // (row * (images.stop - images.start)))


def _columns(windows: Array) -> Array:
    """Copy windows to columns: (channels times kernel, places of all images)."""
    rank = windows.ndim // 2 - 1
    split = windows.transpose(1, *range(2 + rank, 2 + 2 * rank), 0, *range(2, 2 + rank))
    columns = scratch("columns", split.shape, windows.dtype)
    np.copyto(columns, split)
    return columns.reshape(prod(split.shape[: 1 + rank]), -1)


def _flat(array: Array) -> Array:
    """Return images (batch, channels, …) as matrices, of which there is one for each image."""
    return array.reshape(*array.shape[:2], -1)


def _multiply(matrix: Array, data: Array, out: Array) -> None:
    """Fill the images `out` with the products of a matrix and each point of the data."""
    whole = out if out.flags.c_contiguous else np.empty(out.shape, out.dtype)
    np.matmul(matrix, _flat(data), out=_flat(whole))
    if whole is not out:
        np.copyto(out, whole)


def correlate(data: Array, weight: Array, win: Window, groups: int, out: Array) -> None:
    """Fill `out` (batch, filters, places…) with the sums of windows times weights."""
    if groups > 1:
        correlate_runs(data, weight, win, groups, out)
        return
    if lies_last(out):
        correlate_rows(data, weight, win, out)
        return
    matrix = weight.reshape(len(weight), -1)
    if win.is_point:
        _multiply(matrix, win.points(data), out)
        return
    counts = out.shape[2:]
    windows = win.over(win.padded(data), counts)
    for images, parts in _parts(len(out), counts, at_once(matrix[0].nbytes)):
        for rows in parts:
            here = out[images, :, rows].swapaxes(0, 1)
            found = scratch("product", (len(here), here[0].size), out.dtype)
            np.matmul(matrix, _columns(windows[images, :, rows]), out=found)
            np.copyto(here, found.reshape(here.shape))


def scatter(output: Array, weight: Array, win: Window, groups: int, out: Array) -> None:
    """Fill `out` (batch, channels, …) with outputs times weights, added where windows overlap."""
    if groups == 1 and lies_last(output):
        scatter_rows(output, weight, win, out)
        return
    matrix = weight.reshape(len(weight), -1).T
    if groups == 1 and win.is_point:
        if max(win.stride) > 1:
            out.fill(0)
        _multiply(matrix, output, win.points(out))
        return
    strided = max(win.stride) > 1  # then sums are slow, and many filters still slower to gather
    if groups > 1 or (strided and len(weight) <= 2 * weight.shape[1]):
        scatter_runs(output, weight, win, groups, out)
        return
    sizes, counts = out.shape[2:], output.shape[2:]
    wide = [n + 2 * p for n, p in zip(sizes, win.pad, strict=True)]
    most = at_once(weight[0].nbytes, SPREAD)
    for images, parts in _parts(len(out), counts, most):
        # with the images innermost there are fewer and longer rows to add
        heads = np.ascontiguousarray(np.moveaxis(output[images], 0, -1))
        total = scratch("padded", (out.shape[1], *wide, heads.shape[-1]), out.dtype)
        total.fill(0)
        for rows in parts:
            head = heads[:, rows]
            columns = scratch("columns", (len(matrix), head[0].size), out.dtype)
            np.matmul(matrix, head.reshape(len(head), -1), out=columns)
            split = columns.reshape(out.shape[1], *win.kernel, *head.shape[1:])
            here = total[:, rows.start * win.stride[0] :]
            for index, (_, *place) in win.places(head.shape[1:-1]):
                element: Any = (slice(None), *index)
                met = here[(slice(None), *place)]
                np.add(met, split[element], met)
        inside = (slice(None), *win.inside(sizes)[1:])
        np.copyto(out[images], np.moveaxis(total[inside], -1, 0))


def correlate_filters(output: Array, data: Array, win: Window, groups: int, out: Array) -> None:
    """Fill `out` (filters, channels of a group, kernel…) with the sums of windows times outputs."""
    if groups > 1:
        correlate_filters_runs(output, data, win, groups, out)
        return
    if lies_last(output):
        correlate_filters_rows(output, data, win, out)
        return
    if win.is_point:
        met = _flat(win.points(data)).swapaxes(1, 2)
        np.copyto(out, sum_over(np.matmul(_flat(output), met), 0).reshape(out.shape))
        return
    counts = output.shape[2:]
    windows = win.over(win.padded(data), counts)
    found = np.zeros((prod(out.shape[1:]), len(out)), out.dtype)
    term = scratch("product", found.shape, out.dtype)
    for images, parts in _parts(len(data), counts, at_once(out[0].nbytes)):
        for part in parts:
            rows = output[images, :, part].swapaxes(0, 1).reshape(len(out), -1)
            # rows times transposed columns takes half as long again
            np.matmul(_columns(windows[images, :, part]), rows.T, out=term)
            np.add(found, term, found)
    np.copyto(out, found.T.reshape(out.shape))


def in_floats(function: Any, first: Array, second: Array, *rest: Any, out: Array) -> None:
    """Call one of the above, unless the batch is empty; float16 is computed in float32."""
    if not len(first):
        out.fill(0)
    elif out.dtype != np.float16:
        function(first, second, *rest, out)
    else:
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


_SLOTS = {
    "data": Annotated[Array, "Data, (batch, channels, …), or in the order of layout."],
    "weight": Annotated[Array, "Filters, (filters, channels / num_group, kernel…)."],
    "output": Annotated[Array, "Outputs, (batch, filters, …), or in the order of layout."],
}


def _member(
    name: str, function: Any, slots: tuple[str, str, str], small: int, doc: str, cost: Cost
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
    kernel.__annotations__ |= {"first": _SLOTS[slots[0]], "second": _SLOTS[slots[1]], "like": Like}
    shapes = {"data": (2, 2, 5, 4), "weight": (3, 2, 3, 2), "output": (2, 3, 3, 3)}
    sample = Sample(tuple(shapes[slot] for slot in slots), {"kernel": (3, 2)}, wrt=(0, 1))
    declared = op(name=name, samples=[sample], cost=cost, no_onnx=OF_GRADIENTS)(kernel)

    @declared.shape
    def _(s: Any, **params: Any) -> None:
        s.output = s.like
        s.like = s.output
        _fit(s, dict(zip(slots, ("first", "second", "like"), strict=True)), **params)

    return declared.dtype(floats_only)


def _fit(
    s: Any,
    slot: dict[str, str],
    *,
    kernel: Ints,
    stride: Ints,
    dilate: Ints,
    pad: Ints,
    target_shape: Ints,
    num_group: int,
    layout: str | None,
) -> None:
    """Rule: data, weight and output, which are the slots of these names, belong together."""
    win, rank = window(kernel, stride, dilate, pad), len(kernel)
    places: Dims = (None,) * rank
    for name in slot.values():
        check_rank(name, getattr(s, name), rank, layout)

    def say(role: str, *shape: Dim) -> None:
        setattr(s, slot[role], shape_back(shape, layout))

    def known(role: str) -> Any:
        return shape_first(getattr(s, slot[role]), layout) or (None, None, *places)

    filters, channels = known("weight")[:2]
    if filters is not None and filters % num_group:
        raise ValueError(f"{filters} filters cannot be split into {num_group} groups")
    say("weight", None, None, *kernel)
    say("output", known("data")[0], filters, *places)
    say("data", known("output")[0], None if channels is None else channels * num_group, *places)
    data, output = known("data"), known("output")
    grouped = None if data[1] is None else data[1] // num_group
    say("weight", output[1], grouped, *kernel)
    if any(target_shape):
        win = aimed(win, target_shape, output[2:])[0]
    win.check_places(data[2:], output[2:])


adjoint_output = _member(
    "_correlate",
    correlate,
    ("data", "weight", "output"),
    2,
    "Sum windows of data times weights, in the shape of an output.",
    filters(lambda ins, outs: ins[1], 2),
)
adjoint_data = _member(
    "_scatter",
    scatter,
    ("output", "weight", "data"),
    0,
    "Add outputs times weights where the windows were, in the shape of the data.",
    filters(lambda ins, outs: ins[1], 0),
)
adjoint_filters = _member(
    "_correlate_filters",
    correlate_filters,
    ("output", "data", "weight"),
    0,
    "Sum windows of data times outputs, in the shape of the weight.",
    filters(lambda ins, outs: outs[0], 0),
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
