r"""Convolution by runs: for groups, down to a channel each, and for the way back to the data.

The columns are those of `correlate`, but copied from images laid flat. That leaves more to multiply
and much less to copy, which pays where few numbers are multiplied: with one filter for each
channel, copying is all there is. On the way back, each element of the data gathers from the outputs
whose windows have met it. With a stride, each phase of the data has met elements of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from minisym.core.ndarray import Array
from minisym.ops.numeric.runs import Runs, runs_over
from minisym.ops.numeric.scratch import scratch
from minisym.ops.numeric.windows import Window

COLUMNS, PLACES = 1 << 20, 512
"""Bytes of columns that are made at a time, and how many columns these are at least."""


def at_once(column: int, share: int = 1) -> int:
    """Return how many columns, of so many bytes, to make at a time; `share` makes them more."""
    return max(PLACES, share * COLUMNS // max(1, column))


def _columns(sources: Sequence[Array]) -> Iterator[tuple[slice, slice, Array]]:
    """Stack sources (groups, rows, run) to columns, as many groups and places as the cache holds.

    Yield the groups, the places, and the columns (groups, sources times rows, places).
    """
    groups, rows, length = sources[0].shape
    column = len(sources) * rows * sources[0].itemsize
    most = min(length, at_once(column))
    some = max(1, COLUMNS // (column * most))
    for group in range(0, groups, some):
        block = slice(group, min(group + some, groups))
        for first in range(0, length, most):
            part = slice(first, min(first + most, length))
            shape = (block.stop - group, len(sources), rows, part.stop - first)
            columns = scratch("columns", shape, sources[0].dtype)
            for number, source in enumerate(sources):
                np.copyto(columns[:, number], source[block, :, part])
            yield block, part, columns.reshape(shape[0], -1, shape[3])


def _met(data: Array, runs: Runs, groups: int) -> list[Array]:
    """Return, for each element of the kernel, the data that it meets: (groups, channels, run)."""
    planes = runs.lay(data)
    split = planes.reshape(*runs.win.stride, groups, -1, planes.shape[-1])
    found = []
    for phase, start in runs.elements:
        run: Any = (*phase, ..., slice(start, start + runs.length))
        found.append(split[run])
    return found


def _by_group(weight: Array, groups: int) -> Array:
    """See filters as (groups, filters of one, channels of one, elements of the kernel)."""
    return weight.reshape(groups, len(weight) // groups, weight.shape[1], -1)


def correlate_runs(data: Array, weight: Array, win: Window, groups: int, out: Array) -> None:
    """Fill `out` (batch, filters, places…) with the sums of windows times weights."""
    runs = runs_over(win, len(data), out.shape[2:])
    split = _by_group(weight, groups)
    matrix = split.swapaxes(2, 3).reshape(*split.shape[:2], -1)
    flat = runs.empty_run(len(weight), out.dtype)
    found = flat.reshape(*split.shape[:2], -1)
    for block, part, columns in _columns(_met(data, runs, groups)):
        np.matmul(matrix[block], columns, out=found[block, :, part])
    runs.collect(flat, out)


def correlate_filters_runs(
    output: Array, data: Array, win: Window, groups: int, out: Array
) -> None:
    """Fill `out` (filters, channels of a group, kernel…) with the sums of windows times outputs."""
    runs = runs_over(win, len(data), output.shape[2:])
    rows = runs.spread(output).reshape(groups, len(out) // groups, -1)
    count, channels = prod(win.kernel), out.shape[1]
    found = np.zeros((groups, len(out) // groups, count * channels), out.dtype)
    for block, part, columns in _columns(_met(data, runs, groups)):
        found[block] += np.matmul(rows[block, :, part], columns.swapaxes(1, 2))
    swapped = found.reshape(len(out), count, channels).swapaxes(1, 2)
    np.copyto(out, swapped.reshape(out.shape))


def scatter_runs(output: Array, weight: Array, win: Window, groups: int, out: Array) -> None:
    """Fill `out` (batch, channels, …) with outputs times weights, added where windows overlap."""
    runs = runs_over(win, len(out), output.shape[2:])
    planes = runs.empty_planes(out.shape[1], out.dtype)
    found = planes.reshape(*runs.win.stride, groups, -1, planes.shape[-1])
    before = max(start for _, start in runs.elements)
    rows = runs.spread(output, before).reshape(groups, len(weight) // groups, -1)
    matrices = np.moveaxis(_by_group(weight, groups), 3, 0)
    for phase in np.ndindex(*runs.win.stride):
        mine = [(k, start) for k, (at, start) in enumerate(runs.elements) if at == phase]
        if not mine:
            continue
        matrix = np.stack([matrices[k] for k, _ in mine], 1)
        matrix = matrix.reshape(groups, -1, weight.shape[1]).swapaxes(1, 2)
        size = planes.shape[-1]
        sources = [rows[..., before - start : before - start + size] for _, start in mine]
        for block, part, columns in _columns(sources):
            np.matmul(matrix[block], columns, out=found[phase][block, :, part])
    runs.lift(planes, out)
