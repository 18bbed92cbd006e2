r"""Images laid flat, so that one element of a window meets all places of a batch in a single run.

Row after row, with the padding between them, the data that one element of the window meets lie
behind each other: shifting the whole batch by a fixed number of elements moves from one element of
the window to the next. In the gaps between rows and images runs carry garbage, which is zero in
sums and cut off in results. A stride $s$ deals the elements of each axis to $s$ phases, like cards,
and in each of them the window moves by 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import prod
from typing import Any

import numpy as np

from minisym.core.ndarray import Array
from minisym.core.params import Ints
from minisym.ops.numeric.windows import Window, view


@dataclass(frozen=True)
class Runs:
    """A window that has so many places along the axes of each image of a batch."""

    win: Window
    batch: int
    counts: Ints

    @cached_property
    def grid(self) -> Ints:
        """The sizes of one phase of an image."""
        each = zip(self.counts, self.win.reach, self.win.stride, strict=True)
        return tuple(count + (reach - 1) // stride for count, reach, stride in each)

    @property
    def length(self) -> int:
        """How long a run is."""
        ends = zip(self.counts, self._pitches(), strict=True)
        inside = sum((count - 1) * pitch for count, pitch in ends)
        return (self.batch - 1) * prod(self.grid) + inside + 1

    def _pitches(self) -> list[int]:
        return [prod(self.grid[axis + 1 :]) for axis in range(len(self.grid))]

    @cached_property
    def elements(self) -> tuple[tuple[Ints, int], ...]:
        """For each element of the window its phase, and where its run begins there."""
        found = []
        for index in np.ndindex(*self.win.kernel):
            places = [i * d for i, d in zip(index, self.win.dilate, strict=True)]
            each = [divmod(place, s) for place, s in zip(places, self.win.stride, strict=True)]
            start = sum(n * pitch for (n, _), pitch in zip(each, self._pitches(), strict=True))
            found.append((tuple(phase for _, phase in each), start))
        return tuple(found)

    def empty_planes(self, channels: int, dtype: Any) -> Array:
        """Return zeros for flat images, (phases…, channels, elements of the batch)."""
        return np.zeros((*self.win.stride, channels, self.batch * prod(self.grid)), dtype)

    def lay(self, data: Array) -> Array:
        """Lay images (batch, channels, …) flat: (phases…, channels, elements of the batch)."""
        planes = self.empty_planes(data.shape[1], data.dtype)
        for inside, part in self._phases(planes, data.shape[2:]):
            np.copyto(inside, data[part].swapaxes(0, 1))
        return planes

    def lift(self, planes: Array, out: Array) -> None:
        """Fill images (batch, channels, …) with what lies flat; what no window meets is 0."""
        out.fill(0)
        for inside, part in self._phases(planes, out.shape[2:]):
            np.copyto(out[part], inside.swapaxes(0, 1))

    def _phases(self, planes: Array, sizes: Ints) -> Iterator[tuple[Array, Any]]:
        """Yield the part of each phase that is not padding, and the elements that are there."""
        for phase in np.ndindex(*self.win.stride):
            plane = planes[phase].reshape(-1, self.batch, *self.grid)
            inside: list[Any] = []
            part: list[Any] = []
            each = zip(phase, self.win.stride, self.win.pad, self.grid, sizes, strict=True)
            for offset, stride, pad, count, size in each:
                first = max(0, -((offset - pad) // stride))
                last = max(first, min(count, -((offset - pad - size) // stride)))
                start = first * stride + offset - pad
                inside.append(slice(first, last))
                part.append(slice(start, start + (last - first) * stride, stride))
            where: Any = (..., *inside)
            yield plane[where], (..., *part)

    def spread(self, output: Array, before: int = 0) -> Array:
        """Lay outputs (batch, filters, places…) flat: (filters, zeros before, batch).

        There are zeros in the gaps, too.
        """
        filters, size = output.shape[1], self.batch * prod(self.grid)
        wide = np.zeros((filters, before + size), output.dtype)
        self._places(wide[:, before:])[...] = output.swapaxes(0, 1)
        return wide

    def empty_run(self, filters: int, dtype: Any) -> Array:
        """Return room for outputs: (filters, elements of the batch)."""
        return np.empty((filters, self.batch * prod(self.grid)), dtype)

    def collect(self, flat: Array, out: Array) -> None:
        """Fill outputs (batch, filters, places…) from what `empty_run` gave room for."""
        np.copyto(out, self._places(flat).swapaxes(0, 1))

    def _places(self, flat: Array) -> Array:
        """See the places in a flat array: (filters, batch, places…)."""
        steps = [prod(self.grid), *self._pitches()]
        along = [(1, n, step) for n, step in zip((self.batch, *self.counts), steps, strict=True)]
        return view(flat, [(0, len(flat), 1), *along], writeable=True)


@lru_cache(1024)
def runs_over(win: Window, batch: int, counts: Ints) -> Runs:
    """Return the runs of a window; the same ones for each run of a graph.

    A window that has one place along an axis has no stride there, and no phases.
    """
    stride = tuple(s if n > 1 else 1 for s, n in zip(win.stride, counts, strict=True))
    return Runs(replace(win, stride=stride), batch, counts)
