r"""Pooling of regions of interest, and correlation of two images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import each_input
from minisym.core.declare import op as declare
from minisym.core.errors import ExecutionError, ParamError, ShapeError
from minisym.core.ndarray import Array
from minisym.core.params import Between, Ints
from minisym.core.samples import Sample
from minisym.core.shapes import show
from minisym.ops.inputs import Images, Regions
from minisym.ops.numeric.rules import floats_only
from minisym.ops.numeric.sums import sum_over, wide

op = partial(declare, cost=each_input(4))

# ------------------------------------------------------------------------------------ ROIPooling


def _bins(low: Array, high: Array, count: int, size: int) -> tuple[Array, Array]:
    """Return where the bins of regions begin and end along an axis, (regions, bins)."""
    length = np.maximum(high - low + 1, 1).astype(np.float32) / np.float32(count)
    edge = np.arange(count + 1, dtype=np.float32)
    start = np.floor(edge[:-1] * length[:, np.newaxis]) + low[:, np.newaxis]
    end = np.ceil(edge[1:] * length[:, np.newaxis]) + low[:, np.newaxis]
    return (
        np.clip(start, 0, size).astype(np.int64),
        np.clip(end, 0, size).astype(np.int64),
    )


def _round(x: Array) -> Array:
    """Round half away from zero."""
    found: Array = np.trunc(x + np.copysign(np.float32(0.5), x))
    return found


_BOXES = np.array([[0.0, 0, 0, 3, 3], [1, 1, 0, 2, 3]])


@op(
    kind="pooling",
    outputs=("output", "maxidx"),
    visible=1,
    samples=[
        Sample(
            ((2, 3, 4, 4), _BOXES),
            {"pooled_size": (2, 2), "spatial_scale": 1.0},
            wrt=(0,),
            reference=lambda x, rois: np.stack(
                [
                    x[0].reshape(3, 2, 2, 2, 2).max((2, 4)),
                    np.stack([x[1, :, 0:2, 1:3], x[1, :, 2:4, 1:3]], 1).max(2),
                ]
            ),
        ),
        Sample(
            ((2, 3, 4, 4), (1, 4)),
            {"pooled_size": (2, 2), "spatial_scale": 1.0},
            raises=ShapeError,
            match="rois has shape",
        ),
        Sample(
            ((2, 3, 4, 4), np.array([[2.0, 0, 0, 1, 1]])),
            {"pooled_size": (2, 2), "spatial_scale": 1.0},
            raises=ExecutionError,
            match="image 2",
        ),
        Sample(
            ((2, 3, 4, 4), (1, 5)),
            {"pooled_size": (2, 2), "spatial_scale": 2.0},
            raises=ParamError,
            match="spatial_scale must lie in",
        ),
    ],
)
def ROIPooling(
    data: Images,
    rois: Regions,
    *,
    pooled_size: Annotated[Ints, "Height and width of the output: the number of bins."],
    spatial_scale: Annotated[
        float, "Size of data relative to that of the image that rois refer to.", Between(0, 1)
    ],
    out: tuple[Array, Array],
) -> None:
    r"""Reduce each region of an image to bins, and each bin to its maximum.

    `data` is (batch, channels, height, width), `rois` (regions, 5) with the number of an image and
    the corners x1, y1, x2, y2, both inside. The output is (regions, channels, *pooled_size). A bin
    that is empty is 0, and so is a region of a negative image number. Regions get no gradient.

    Reference: Girshick, *Fast R-CNN*, 2015, arXiv:1504.08083.
    """
    output, chosen = out
    batch, _, height, width = data.shape
    image = rois[:, 0].astype(np.int64)
    if (image >= batch).any():
        raise ExecutionError(f"ROIPooling: there is no image {image.max()}, but {batch} image(s)")
    corners = _round(rois[:, 1:].astype(np.float32) * np.float32(spatial_scale))
    left, right = _bins(corners[:, 0], corners[:, 2], pooled_size[1], width)
    top, bottom = _bins(corners[:, 1], corners[:, 3], pooled_size[0], height)
    flat = data.reshape(*data.shape[:2], -1)
    best = np.full((len(rois), *pooled_size, data.shape[1]), np.finfo(data.dtype).min, data.dtype)
    place = np.full(best.shape, -1)
    which = np.maximum(image, 0)[:, np.newaxis, np.newaxis]
    for dy in range(int(np.max(bottom - top, initial=0))):
        for dx in range(int(np.max(right - left, initial=0))):
            y, x = top + dy, left + dx
            inside = (y < bottom)[:, :, np.newaxis] & (x < right)[:, np.newaxis]
            inside &= (image >= 0)[:, np.newaxis, np.newaxis]
            index = np.where(inside, y[:, :, np.newaxis] * width + x[:, np.newaxis], 0)
            value = flat[which, :, index]
            better = inside[..., np.newaxis] & ((value > best) | (place < 0))
            np.copyto(best, value, where=better)
            np.copyto(place, index[..., np.newaxis], where=better)
    np.copyto(chosen, place.transpose(0, 3, 1, 2))
    np.copyto(output, np.where(place < 0, 0, best).transpose(0, 3, 1, 2))


@ROIPooling.shape
def _(s: Any, *, pooled_size: Ints) -> None:
    """Rule: (regions, channels, *pooled_size)."""
    if len(pooled_size) != 2 or min(pooled_size) < 1:
        raise ValueError(f"pooled_size {show(pooled_size)} must be a height and a width")
    s.rois = (None, 5)
    if s.data is not None:
        s.data = (None,) * 4
        s.output = s.maxidx = (s.rois[0], s.data[1], *pooled_size)
        s.rois = (s.output[0], 5)


@ROIPooling.dtype
def _(t: Any) -> None:
    for name in ("output", "rois"):
        setattr(t, name, t.data)
        t.data = getattr(t, name)
    if t.data is not None and t.data.kind != "f":
        raise ValueError(f"it takes float arrays, but got {t.data}")
    t.maxidx = np.dtype(np.int64)


@ROIPooling.onnx
def _(o: Any, data: Any, rois: Any, *, pooled_size: Ints, spatial_scale: float) -> Any:
    return o.MaxRoiPool(data, rois, pooled_shape=pooled_size, spatial_scale=spatial_scale)


@ROIPooling.backward(wrt=("data",))
def _roi_gradient(g: Array, data: Array, rois: Array, y1: Array, *, out: Array) -> None:
    """Send each bin's gradient to the pixel that was its maximum."""
    batch, channels, height, width = data.shape
    image = np.maximum(rois[:, 0].astype(np.int64), 0)
    if y1.size and (image.max() >= batch or y1.max() >= height * width):
        raise ExecutionError(f"ROIPooling: a maximum lies outside of data {show(data.shape)}")
    plane = image[:, np.newaxis] * channels + np.arange(channels)
    flat = plane[..., np.newaxis, np.newaxis] * (height * width) + np.maximum(y1, 0)
    share = np.where(y1 < 0, 0, g)
    total = np.bincount(flat.ravel(), share.ravel(), minlength=batch * channels * height * width)
    np.copyto(out, total.reshape(out.shape), casting="unsafe")


# ----------------------------------------------------------------------------------- Correlation


class _Displacements:
    """The pairs of patches that are compared, as slices of the two padded images."""

    def __init__(
        self,
        shape: tuple[int, ...],
        kernel_size: int,
        max_displacement: int,
        stride1: int,
        stride2: int,
        pad_size: int,
    ) -> None:
        self.kernel, self.most, self.pad = kernel_size, max_displacement, pad_size
        self.stride1, self.stride2 = stride1, stride2
        self.reach = max_displacement // stride2
        self.counts = [self.count(size) for size in shape[2:]]

    @property
    def number(self) -> int:
        """How many displacements there are."""
        return (2 * self.reach + 1) ** 2

    def count(self, size: Any) -> Any:
        """Return how many patches there are along an axis."""
        border = self.most + (self.kernel - 1) // 2
        return None if size is None else -(-(size + 2 * self.pad - 2 * border) // self.stride1)

    def padded(self, array: Array) -> Array:
        """Return an image with zeros around it."""
        width = (self.pad, self.pad)
        return np.pad(array, ((0, 0), (0, 0), width, width)) if self.pad else array

    def __iter__(self) -> Iterator[tuple[int, Any, Any]]:
        """Yield the number of a displacement, and the elements of both images that it pairs."""
        steps = range(-self.reach, self.reach + 1)
        moves = [(y * self.stride2, x * self.stride2) for y in steps for x in steps]
        for number, move in enumerate(moves):
            for element in np.ndindex(self.kernel, self.kernel):
                starts = [self.most + e for e in element]
                yield (
                    number,
                    self._slices(starts),
                    self._slices([a + m for a, m in zip(starts, move, strict=True)]),
                )

    def _slices(self, starts: list[int]) -> Any:
        each = zip(starts, self.counts, strict=True)
        return (
            ...,
            *(slice(a, a + (n - 1) * self.stride1 + 1, self.stride1) for a, n in each),
        )


Size = Annotated[int, "Size of the patches, an odd number.", Between(0)]
Most = Annotated[int, "How far patches are displaced at most.", Between(0)]
Stride1 = Annotated[int, "Distance of the patches of the first image.", Between(1)]
Stride2 = Annotated[int, "Distance of the displacements.", Between(1)]
PadSize = Annotated[int, "Zeros added around both images.", Between(0)]
Multiply = Annotated[bool, "Multiply elements, or take their absolute difference."]


def _plain(first: Array, second: Array) -> Array:
    moved = np.pad(second, ((0, 0), (0, 0), (1, 1), (1, 1)))
    size = first.shape[2:]
    found = [
        (first * moved[:, :, i : i + size[0], j : j + size[1]]).mean(1)
        for i in range(3)
        for j in range(3)
    ]
    return np.stack(found, 1)


@op(
    workspaces=2,
    samples=[
        Sample(((2, 3, 4, 5), (2, 3, 4, 5)), {"pad_size": 1}, reference=_plain),
        Sample(
            ((1, 2, 6, 7), (1, 2, 6, 7)),
            {
                "kernel_size": 3,
                "max_displacement": 2,
                "stride1": 2,
                "stride2": 2,
                "pad_size": 2,
                "is_multiply": False,
            },
        ),
        Sample(((1, 2, 4, 4), (1, 2, 4, 5)), raises=ShapeError, match="axis 3"),
        Sample(
            ((1, 2, 4, 4), (1, 2, 4, 4)), {"kernel_size": 2}, raises=ShapeError, match="must be odd"
        ),
        Sample(
            ((1, 2, 4, 4), (1, 2, 4, 4)),
            {"max_displacement": 2},
            raises=ShapeError,
            match="no room",
        ),
    ],
)
def Correlation(
    data1: Images,
    data2: Annotated[Array, "Images to compare them with, of the same shape."],
    *,
    kernel_size: Size = 1,
    max_displacement: Most = 1,
    stride1: Stride1 = 1,
    stride2: Stride2 = 1,
    pad_size: PadSize = 0,
    is_multiply: Multiply = True,
    out: Array,
) -> None:
    r"""Compare patches of an image with displaced patches of another, $\frac1n \sum x_1 x_2$.

    Both are (batch, channels, height, width); the output has a channel for each displacement, and
    $n$ is the number of elements of a patch.

    Reference: Dosovitskiy et al., *FlowNet*, 2015, arXiv:1504.06852.
    """
    pairs = _Displacements(data1.shape, kernel_size, max_displacement, stride1, stride2, pad_size)
    first, second = (pairs.padded(a.astype(wide(a.dtype), copy=False)) for a in (data1, data2))
    total = np.zeros(out.shape, first.dtype)
    for number, here, there in pairs:
        if is_multiply:
            total[:, number] += np.einsum("nc...,nc...->n...", first[here], second[there])
        else:
            total[:, number] += sum_over(np.abs(first[here] - second[there]), 1)
    total /= kernel_size**2 * data1.shape[1]
    np.copyto(out, total, casting="unsafe")


@Correlation.shape
def _(
    s: Any,
    *,
    kernel_size: int,
    max_displacement: int,
    stride1: int,
    stride2: int,
    pad_size: int,
) -> None:
    """Rule: (batch, displacements, height, width): one plane for each displacement."""
    if kernel_size % 2 == 0:
        raise ValueError(f"kernel_size must be odd, not {kernel_size}")
    for _ in range(2):
        s.data1 = s.data2
        s.data2 = s.data1
    if s.data1 is None:
        return
    s.data1 = (None,) * 4
    pairs = _Displacements(s.data1, kernel_size, max_displacement, stride1, stride2, pad_size)
    if any(count is not None and count < 1 for count in pairs.counts):
        raise ValueError(
            f"there is no room for patches of {kernel_size} that move by {max_displacement}"
        )
    s.output = (s.data1[0], pairs.number, *pairs.counts)
    s.data1 = (s.output[0], None, None, None)


Correlation.dtype(floats_only)


@Correlation.onnx
def _(
    o: Any,
    data1: Any,
    data2: Any,
    *,
    kernel_size: int,
    max_displacement: int,
    stride1: int,
    stride2: int,
    pad_size: int,
    is_multiply: bool,
) -> Any:
    o.fixed_sizes(data1.shape[2:], "patches are counted")
    # a displacement is one product of whole images; the mean over a kernel comes last
    pairs = _Displacements(data1.shape, 1, max_displacement, 1, stride2, pad_size)
    pads = (0, 0, pad_size, pad_size) * 2
    first, second = (o.Pad(o.wide(x), pads) for x in (data1, data2))
    reach = kernel_size // 2
    counts = [n - 2 * max_displacement + 2 * pad_size for n in data1.shape[2:]]

    def part(image: Any, corner: Sequence[int]) -> Any:
        stops = [a + n for a, n in zip(corner, counts, strict=True)]
        return o.Slice(image, tuple(corner), tuple(stops), (2, 3))

    steps = [stride2 * step for step in range(-pairs.reach, pairs.reach + 1)]
    here, found = part(first, (max_displacement,) * 2), []
    for move in product(steps, steps):
        there = part(second, [max_displacement + m for m in move])
        each = o.Mul(here, there) if is_multiply else o.Abs(o.Sub(here, there))
        found.append(o.reduce("ReduceMean", each, (1,), keepdims=True))
    whole = o.Concat(*found, axis=1)
    return o.AveragePool(whole, kernel_shape=(2 * reach + 1,) * 2, strides=(stride1, stride1))


@Correlation.backward
def _correlation_gradient(
    g: Array,
    data1: Array,
    data2: Array,
    *,
    kernel_size: int,
    max_displacement: int,
    stride1: int,
    stride2: int,
    pad_size: int,
    is_multiply: bool,
    out: tuple[Array, Array],
) -> None:
    """Compute the gradients by both images."""
    pairs = _Displacements(data1.shape, kernel_size, max_displacement, stride1, stride2, pad_size)
    g, data1, data2 = (a.astype(wide(a.dtype), copy=False) for a in (g, data1, data2))
    first, second = pairs.padded(data1), pairs.padded(data2)
    in_first = np.zeros(first.shape, g.dtype)
    in_second = np.zeros_like(in_first)
    for number, here, there in pairs:
        head = g[:, number, np.newaxis]
        if is_multiply:
            in_first[here] += head * second[there]
            in_second[there] += head * first[here]
        else:
            signed = np.where(first[here] >= second[there], head, -head)
            in_first[here] += signed
            in_second[there] -= signed
    inside: Any = (..., *(slice(pad_size, pad_size + n) for n in data1.shape[2:]))
    count = kernel_size**2 * data1.shape[1]
    np.copyto(out[0], in_first[inside] / count, casting="unsafe")
    np.copyto(out[1], in_second[inside] / count, casting="unsafe")
