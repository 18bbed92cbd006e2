r"""Windows that slide over an array: the geometry of convolution and pooling.

A window has a kernel's size, moves by its stride, samples every dilate-th element, and starts `pad`
elements before the array. Along an axis of $n$ elements there are
$\lfloor (n + 2 p - d (k - 1) - 1) / s \rfloor + 1$ places for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Annotated, Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from minisym.core.ndarray import Array
from minisym.core.params import Ints
from minisym.core.shapes import Dim, show
from minisym.ops.numeric.scratch import scratch

Kernel = Annotated[Ints, "Size of the window: (width,), (height, width) or (depth, height, width)."]
Stride = Annotated[Ints, "How far the window moves; 1 along each axis by default."]
Dilate = Annotated[Ints, "Distance of the elements that the window samples; 1 by default."]
Pad = Annotated[Ints, "Zeros added on either side of each axis; none by default."]
Dims = tuple[Dim, ...]
MOST_ELEMENTS = 1 << 22
"""A window has no more elements: whoever means all of an image has `global_pool`."""
MOST_PADDING = 64
"""How many times as many elements as it and its output have an image may have when it is padded."""
FREE_PADDING = 1 << 16
"""Up to so many elements any padding may make of an image."""


def view(array: Array, axes: Sequence[tuple[int, int, int]], *, writeable: bool = False) -> Array:
    """See an array under other axes: each is an axis of the array, a count, and a step along it.

    Several may run along one axis; then they add up. This is the only place where memory is
    addressed by numbers: what lies outside of the array raises `ValueError`.
    """
    counts = [count for _, count, _ in axes]
    if all(counts):
        last = [0] * array.ndim
        for axis, count, step in axes:
            last[axis] += (count - 1) * step
        least = min((min(count - 1, step) for _, count, step in axes), default=0)
        if least < 0 or any(end >= size for end, size in zip(last, array.shape, strict=True)):
            places = ", ".join(f"{count} by {step} along {axis}" for axis, count, step in axes)
            raise ValueError(f"windows ({places}) reach beyond an array of {show(array.shape)}")
    strides = [array.strides[axis] * step for axis, _, step in axes]
    return as_strided(array, counts, strides, writeable=writeable)


@dataclass(frozen=True)
class Window:
    """A window: its sizes along the axes that it slides over."""

    kernel: Ints
    stride: Ints
    dilate: Ints
    pad: Ints

    @property
    def reach(self) -> Ints:
        """How many elements the window spans along each axis."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilate, strict=True))

    def counts(self, sizes: Sequence[Dim]) -> Dims:
        """Return how many places there are along each axis; raise where the window is too big."""
        found: list[Dim] = []
        each = zip(sizes, self.pad, self.reach, self.stride, strict=True)
        for axis, (size, pad, reach, stride) in enumerate(each):
            room = None if size is None else size + 2 * pad - reach
            if room is not None and room < 0:
                raise ValueError(
                    f"the window spans {show(self.reach)}, but data has only {size} elements"
                    f"{f' and {pad} of padding on each side' if pad else ''} along axis {axis + 2}"
                )
            found.append(None if room is None else room // stride + 1)
        if all(size is not None for size in sizes):
            self._check_padding(sizes, found)
        return tuple(found)

    def _check_padding(self, sizes: Sequence[Any], counts: Sequence[Any]) -> None:
        """Raise where an image would be little beside its padding, which is memory, too."""
        wide = prod(size + 2 * pad for size, pad in zip(sizes, self.pad, strict=True))
        if wide > FREE_PADDING and wide > MOST_PADDING * (prod(sizes) + prod(counts)):
            raise ValueError(
                f"pad {show(self.pad)} makes {wide} elements of {prod(sizes)}, for {prod(counts)} "
                "places of the window: that is too much"
            )

    def check_places(self, sizes: Sequence[Dim], counts: Sequence[Dim]) -> None:
        """Raise where so many places are more than there are."""
        possible = self.counts(sizes)
        each = zip(counts, possible, strict=True)
        for axis, (count, most) in enumerate(each):
            if count is not None and most is not None and count > most:
                raise ValueError(
                    f"there are {most} places for a window that spans {show(self.reach)} along "
                    f"axis {axis + 2} of {sizes[axis]} elements, not {count}"
                )

    def sizes(self, counts: Sequence[Dim]) -> Dims:
        """Return how many elements there are for so many places, where only one number fits."""
        each = zip(counts, self.pad, self.reach, self.stride, strict=True)
        return tuple(
            None if count is None or stride > 1 else count - 1 + reach - 2 * pad
            for count, pad, reach, stride in each
        )

    def spread(self, counts: Sequence[Dim]) -> Dims:
        """Return how many elements the windows at so many places span, less the padding."""
        each = zip(counts, self.pad, self.reach, self.stride, strict=True)
        return tuple(
            None if count is None else stride * (count - 1) + reach - 2 * pad
            for count, pad, reach, stride in each
        )

    @property
    def is_point(self) -> bool:
        """Whether it is a single element, and meets nothing but the data."""
        return prod(self.kernel) == 1 and not any(self.pad)

    def points(self, data: Array) -> Array:
        """See the data that windows of a single element meet."""
        every: Any = (..., *(slice(None, None, stride) for stride in self.stride))
        found: Array = data[every]
        return found

    def inside(self, sizes: Sequence[int]) -> tuple[Any, ...]:
        """Return where the array lies in its padded form."""
        return (..., *(slice(p, p + n) for p, n in zip(self.pad, sizes, strict=True)))

    def padded(self, array: Array, value: float = 0) -> Array:
        """Return an array of (batch, channels, …) with its padding; itself if there is none.

        It is scratch: padding another array overwrites it. The axes lie in memory as the array's.
        """
        if not any(self.pad):
            return array
        sizes = array.shape[2:]
        wide = [n + 2 * p for n, p in zip(sizes, self.pad, strict=True)]
        shape = (*array.shape[:2], *wide)
        found = scratch_like("padded", shape, array.dtype, last=lies_last(array))
        found.fill(value)
        found[self.inside(sizes)] = array
        return found

    def over(self, padded: Array, counts: Sequence[int]) -> Array:
        """See a padded array as its windows, (batch, channels, places…, kernel…)."""
        axes = range(2, padded.ndim)
        return view(
            padded,
            [
                (0, len(padded), 1),
                (1, padded.shape[1], 1),
                *zip(axes, counts, self.stride, strict=True),
                *zip(axes, self.kernel, self.dilate, strict=True),
            ],
        )

    def places(self, counts: Sequence[int]) -> Iterator[tuple[Ints, tuple[Any, ...]]]:
        """Yield each element of the kernel, and the elements of a padded array that it meets."""
        for index in np.ndindex(*self.kernel):
            starts = [i * d for i, d in zip(index, self.dilate, strict=True)]
            each = zip(starts, counts, self.stride, strict=True)
            yield index, (..., *(slice(a, a + (n - 1) * s + 1, s) for a, n, s in each))


@lru_cache(4096)
def window(kernel: Ints, stride: Ints = (), dilate: Ints = (), pad: Ints = ()) -> Window:
    """Return the window of an op's parameters; raise where they do not fit together."""
    rank = len(kernel)
    if not 1 <= rank <= 3:
        raise ValueError(f"kernel {show(kernel)} must have 1, 2 or 3 dimensions")
    given = {"stride": stride, "dilate": dilate, "pad": pad}
    for name, values in given.items():
        if values and len(values) != rank:
            raise ValueError(f"{name} {show(values)} must have as many numbers as {show(kernel)}")
        least = 0 if name == "pad" else 1
        if any(value < least for value in values):
            raise ValueError(f"{name} {show(values)} must be {least} or more along each axis")
    if any(size < 1 for size in kernel):
        raise ValueError(f"kernel {show(kernel)} must be 1 or more along each axis")
    if prod(kernel) > MOST_ELEMENTS:
        raise ValueError(f"kernel {show(kernel)} must have at most {MOST_ELEMENTS} elements")
    ones = (1,) * rank
    return Window(kernel, stride or ones, dilate or ones, pad or (0,) * rank)


def channels_first(array: Array, layout: str | None) -> Array:
    """See an array of any layout as (batch, channels, …)."""
    return np.moveaxis(array, -1, 1) if layout and layout.endswith("C") else array


def lies_last(array: Array) -> bool:
    """Return whether the channels of an array (batch, channels, …) lie side by side in memory.

    Where both orders are the same, as with a single channel, the answer is no.
    """
    return not array.flags.c_contiguous and np.moveaxis(array, 1, -1).flags.c_contiguous


def scratch_like(name: str, shape: Ints, dtype: Any, *, last: bool) -> Array:
    """Return scratch for (batch, channels, …), perhaps with the channels last in memory."""
    if not last:
        return scratch(name, shape, dtype)
    return np.moveaxis(scratch(name, (shape[0], *shape[2:], shape[1]), dtype), -1, 1)


def shape_first(shape: Any, layout: str | None) -> Any:
    """Return a shape of any layout as (batch, channels, …)."""
    last = shape is not None and layout is not None and layout.endswith("C")
    return (shape[0], shape[-1], *shape[1:-1]) if last else shape


def shape_back(shape: Any, layout: str | None) -> Any:
    """Return a shape (batch, channels, …) in a layout."""
    return (shape[0], *shape[2:], shape[1]) if layout and layout.endswith("C") else shape


def check_rank(name: str, shape: Any, rank: int, layout: str | None) -> None:
    """Raise where an array or a layout does not have the axes that the window slides over."""
    if layout and len(layout) != rank + 2:
        raise ValueError(f"layout {layout} does not fit a kernel of {rank} dimension(s)")
    if shape is not None and len(shape) != rank + 2:
        raise ValueError(
            f"{name} {show(shape)} must have {rank + 2} dimensions for a kernel of {rank}: "
            "batch, channels, and those that the window slides over"
        )
