r"""Position-sensitive pooling: each bin of a region averages channels of its own.

A feature map of D · G · G channels has, for each of D outputs and each part of a G x G grid, one
channel that says how much the image looks there like that part of that output.

Reference: Dai et al., *R-FCN: object detection via region-based fully convolutional networks*,
2016, arXiv:1605.06409.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, NamedTuple

import numpy as np

from minisym.core.cost import each_input
from minisym.core.declare import op as declare
from minisym.core.errors import ExecutionError, ShapeError
from minisym.core.kernels import single
from minisym.core.ndarray import Array
from minisym.core.params import Between
from minisym.core.samples import Sample
from minisym.core.shapes import show
from minisym.core.symbol import Symbol
from minisym.ops.inputs import Regions
from minisym.ops.numeric.rules import floats_only
from minisym.ops.numeric.sums import sum_over
from minisym.ops.numeric.taps import Taps

op = partial(declare, cost=each_input(4))
Maps = Annotated[Array, "Images, (batch, output_dim · group_size², height, width)."]

Scale = Annotated[float, "Size of the image's elements: 1 / 16 for 16 pixels.", Between(0, 1)]
OutputDim = Annotated[int, "Number of outputs: channels that remain.", Between(1)]
PooledSize = Annotated[int, "Number of bins along each axis.", Between(1)]


def _rounded(x: Array) -> Array:
    """Round halves away from 0."""
    found: Array = np.trunc(x + np.copysign(x.dtype.type(0.5), x))
    return found


def _edges(rois: Array, scale: float) -> tuple[Array, Array]:
    """Return left, top and sizes of regions given in whole pixels."""
    unit = rois.dtype.type(scale)
    start = _rounded(rois[:, 1:3]) * unit
    end = (_rounded(rois[:, 3:5]) + 1) * unit
    return start, np.maximum(end - start, rois.dtype.type(0.1))


def _wide(data: Array) -> Any:
    return np.float32 if data.dtype == np.float16 else data.dtype


def _images(rois: Array, images: int, op_name: str) -> Array:
    found = rois[:, 0].astype(np.intp)
    wrong = (found < 0) | (found >= images)
    if wrong.any():
        raise ExecutionError(f"{op_name}: there is no image {found[wrong][0]}, only {images}")
    return found


def _parts(bins: int, parts: int) -> Array:
    """Return which part of a grid each bin lies in."""
    return np.arange(bins) * parts // bins


def _shape(s: Any, output_dim: int, group: int, bins: int) -> None:
    """Rule: the channels are those of a grid, the output has bins."""
    if s.data is not None and len(s.data) != 4:
        raise ValueError(f"data must be (batch, channels, height, width), but is {show(s.data)}")
    if s.rois is not None and len(s.rois) != 2:
        raise ValueError(f"rois must be (regions, 5), but is {show(s.rois)}")
    s.data = (None, output_dim * group**2, None, None)
    s.output = (s.rois[0] if s.rois else None, output_dim, bins, bins)
    s.rois = (s.output[0], 5)


# ----------------------------------------------------------------------------------- PSROIPooling


class _Bin(NamedTuple):
    """One bin of a region: its place in the output, and what it averages."""

    place: tuple[Any, ...]
    source: tuple[Any, ...]
    area: int


def _bins(data: Array, rois: Array, scale: float, bins: int, group: int) -> Iterator[_Bin]:
    """Yield the bins of regions that are not empty; images are (outputs, G, G, height, width)."""
    rois = rois.astype(_wide(data), copy=False)
    start, size = _edges(rois, scale)
    step = (size / rois.dtype.type(bins))[..., np.newaxis]
    index = np.arange(bins + 1, dtype=rois.dtype)
    limits = np.array(data.shape[:1:-1])[:, np.newaxis]
    low = np.floor(index[:-1] * step + start[..., np.newaxis]).astype(int).clip(0, limits)
    high = np.ceil(index[1:] * step + start[..., np.newaxis]).astype(int).clip(0, limits)
    parts = _parts(bins, group)
    for number, image in enumerate(_images(rois, len(data), "PSROIPooling")):
        for down, across in np.ndindex(bins, bins):
            columns = slice(low[number, 0, across], high[number, 0, across])
            rows = slice(low[number, 1, down], high[number, 1, down])
            area = (rows.stop - rows.start) * (columns.stop - columns.start)
            if rows.stop > rows.start and columns.stop > columns.start:
                source = (image, slice(None), parts[down], parts[across], rows, columns)
                yield _Bin((number, slice(None), down, across), source, area)


_X = np.arange(4 * 16.0).reshape(1, 4, 4, 4)
_ROI = np.array([[0, 0.0, 0.0, 3.0, 3.0]])
_PAIR = np.array([[0, 1.0, 0.4, 3.0, 2.0], [1, 0.0, 1.6, 2.0, 3.0]])


@op(
    name="_contrib_PSROIPooling",
    samples=[
        Sample(
            (_X, _ROI),
            {"spatial_scale": 1.0, "output_dim": 1, "pooled_size": 2},
            wrt=(0,),
            reference=lambda x, rois: np.array([[[[2.5, 20.5], [42.5, 60.5]]]]),
        ),
        Sample(
            ((2, 2, 4, 4), _PAIR),
            {"spatial_scale": 0.5, "output_dim": 2, "pooled_size": 3, "group_size": 1},
            wrt=(0,),
        ),
        Sample(
            ((1, 5, 4, 4), _ROI),
            {"spatial_scale": 1.0, "output_dim": 1, "pooled_size": 2},
            raises=ShapeError,
            match="axis 1 is 5, not 4",
        ),
        Sample(
            ((1, 4, 4, 4), _PAIR),
            {"spatial_scale": 1.0, "output_dim": 1, "pooled_size": 2},
            raises=ExecutionError,
            match="no image 1",
        ),
    ],
    no_onnx="ONNX has no channels for each bin of a region",
)
def PSROIPooling(
    data: Maps,
    rois: Regions,
    *,
    spatial_scale: Scale,
    output_dim: OutputDim,
    pooled_size: PooledSize,
    group_size: Annotated[int, "Parts of the grid along each axis; 0: as many as bins."] = 0,
    out: Array,
) -> None:
    """Average regions of images in bins, each over channels of its own.

    `data` is (batch, output_dim · group_size², height, width), a row of `rois` [image, left, top,
    right, bottom], in whole pixels. The output is (regions, output_dim, bins, bins). A bin that has
    no elements is 0. The gradient by `rois` is 0.
    """
    group = group_size or pooled_size
    split = data.reshape(len(data), output_dim, group, group, *data.shape[2:])
    out[...] = 0
    for each in _bins(data, rois, spatial_scale, pooled_size, group):
        found = sum_over(split[each.source], (1, 2), dtype=_wide(data))
        out[each.place] = found / found.dtype.type(each.area)


@PSROIPooling.shape
def _(s: Any, *, output_dim: int, pooled_size: int, group_size: int) -> None:
    """Rule: (regions, output_dim, pooled_size, pooled_size)."""
    _shape(s, output_dim, group_size or pooled_size, pooled_size)


def _pool_again(h: Symbol, g: Symbol, data: Symbol, rois: Symbol, **params: Any) -> Any:
    return PSROIPooling(h, rois, **params), None, None


@PSROIPooling.backward(wrt=("data",), grad=_pool_again)
def _(
    g: Array,
    data: Array,
    rois: Array,
    *,
    spatial_scale: float,
    output_dim: int,
    pooled_size: int,
    group_size: int,
    out: Array,
) -> None:
    """Send the gradients of bins back to what they were averaged over."""
    group = group_size or pooled_size
    total = np.zeros(data.shape, _wide(data))
    split = total.reshape(len(data), output_dim, group, group, *data.shape[2:])
    for each in _bins(data, rois, spatial_scale, pooled_size, group):
        split[each.source] += (g[each.place] / total.dtype.type(each.area))[:, None, None]
    np.copyto(out, total, casting="unsafe")


# ------------------------------------------------------------------------- DeformablePSROIPooling


class _Settings(NamedTuple):
    """The parameters of a deformable pooling."""

    scale: float
    outputs: int
    group: int
    bins: int
    parts: int
    samples: int
    strength: float

    def split(self, images: Array, classes: int) -> Array:
        """See images as (batch, classes, outputs of one, elements of the whole grid)."""
        return images.reshape(len(images), classes, self.outputs // classes, -1)


class _Moved(NamedTuple):
    """One region, as the bins of one class see it: they have been moved."""

    number: int
    image: int
    kind: int
    taps: Taps
    divisor: Array
    size: Array


def _moved(data: Array, rois: Array, trans: Array | None, settings: _Settings) -> Iterator[_Moved]:
    """Yield the regions, class by class; samples have the shape (bins, bins, S, S)."""
    rois = rois.astype(_wide(data), copy=False)
    real = rois.dtype.type
    sizes: Any = data.shape[2:]
    height, width = sizes
    start, size = _edges(rois, settings.scale)
    start = start - real(0.5)
    index = np.arange(settings.bins, dtype=rois.dtype)
    sub = np.arange(settings.samples, dtype=rois.dtype)
    part = _parts(settings.bins, settings.parts)
    cell = _parts(settings.bins, settings.group)
    base = (cell[:, np.newaxis] * settings.group + cell)[:, :, None, None] * (height * width)
    classes = 1 if trans is None else trans.shape[1] // 2
    images = _images(rois, len(data), "DeformablePSROIPooling")
    for number, kind in np.ndindex(len(rois), classes):
        step = size[number] / real(settings.bins)
        shift = np.zeros((2, settings.bins, settings.bins), rois.dtype)
        if trans is not None:
            chosen = trans[number, 2 * kind : 2 * kind + 2][:, part[:, np.newaxis], part]
            shift = chosen * real(settings.strength) * size[number][:, None, None]
        x = (index * step[0] + start[number, 0] + shift[0])[:, :, None, None]
        y = ((index * step[1])[:, np.newaxis] + start[number, 1] + shift[1])[:, :, None, None]
        x = x + sub * (step[0] / real(settings.samples))
        y = y + (sub * (step[1] / real(settings.samples)))[:, np.newaxis]
        y, x = np.broadcast_arrays(y, x)
        inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
        y, x = y.clip(0, height - 1), x.clip(0, width - 1)
        taps = Taps.near(y, x, sizes, inside)
        taps = taps._replace(
            element=taps.element + base,
            by_y=taps.by_y * (y % 1 != 0),  # at an element itself, it counts alone
            by_x=taps.by_x * (x % 1 != 0),
        )
        count = np.maximum(inside.sum((-2, -1)), 1).astype(rois.dtype)
        yield _Moved(number, int(images[number]), kind, taps, count, size[number])


_DEFORMABLE = {
    "spatial_scale": 1.0,
    "output_dim": 2,
    "group_size": 2,
    "pooled_size": 2,
    "sample_per_part": 2,
}


@op(
    name="_contrib_DeformablePSROIPooling",
    when={"trans": lambda p: not p["no_trans"]},
    outputs=("output", "top_count"),
    visible=1,
    samples=[
        Sample(
            (np.full((2, 8, 5, 4), 1.5), _PAIR),
            {**_DEFORMABLE, "no_trans": True},
            wrt=(0,),
            reference=lambda x, rois: np.full((2, 2, 2, 2), 1.5),
        ),
        Sample(((2, 8, 5, 4), _PAIR, (2, 2, 2, 2)), {**_DEFORMABLE, "trans_std": 0.1}, wrt=(0, 2)),
        Sample(
            ((2, 2, 5, 4), _PAIR, (2, 4, 3, 3)),
            {**_DEFORMABLE, "trans_std": 0.2, "group_size": 1, "part_size": 3},
            wrt=(0, 2),
        ),
        Sample(
            ((2, 8, 5, 4), _PAIR, (2, 6, 2, 2)), _DEFORMABLE, raises=ShapeError, match="6 channels"
        ),
        Sample(
            ((2, 8, 5, 4), _PAIR, (2, 2, 3, 3)), _DEFORMABLE, raises=ShapeError, match="trans has"
        ),
    ],
    no_onnx="ONNX has no channels for each bin of a region",
)
def DeformablePSROIPooling(
    data: Maps,
    rois: Regions,
    trans: Annotated[Array | None, "Moves of bins, (regions, 2 · classes, part, part)."] = None,
    *,
    spatial_scale: Scale,
    output_dim: OutputDim,
    group_size: Annotated[int, "Parts of the grid along each axis.", Between(1)],
    pooled_size: PooledSize,
    part_size: Annotated[int, "Size of `trans` along each axis; 0: as many as bins."] = 0,
    sample_per_part: Annotated[int, "Samples of a bin along each axis.", Between(1)] = 1,
    trans_std: Annotated[float, "What `trans` is multiplied by.", Between(0, 1)] = 0.0,
    no_trans: Annotated[bool, "Whether to leave `trans` out: no bin moves."] = False,
    out: tuple[Array, Array],
) -> None:
    """Average regions of images in bins that have moved, each over channels of its own.

    It is `PSROIPooling` by samples, where each bin moves by `trans` (regions, 2 · classes, part,
    part) times the region's size: across, then down, for each class. The outputs are split among
    the classes. The gradient by `rois` is 0.

    Reference: Dai et al., *Deformable convolutional networks*, ICCV 2017, arXiv:1703.06211.
    """
    settings = _Settings(
        spatial_scale,
        output_dim,
        group_size,
        pooled_size,
        part_size or pooled_size,
        sample_per_part,
        single(trans_std),
    )
    classes = 1 if trans is None else trans.shape[1] // 2
    images = settings.split(data.astype(_wide(data), copy=False), classes)
    means, counts = (o.reshape(len(rois), classes, -1, *o.shape[2:]) for o in out)
    for region in _moved(data, rois, trans, settings):
        samples = region.taps.sample(images[region.image, region.kind])
        means[region.number, region.kind] = samples.sum((-2, -1)) / region.divisor
        counts[region.number, region.kind] = region.divisor


@DeformablePSROIPooling.shape
def _(s: Any, *, output_dim: int, group_size: int, pooled_size: int, part_size: int) -> None:
    """Rule: (regions, output_dim, pooled_size, pooled_size).

    `trans` has two numbers for each part.
    """
    _shape(s, output_dim, group_size, pooled_size)
    s.top_count = s.output
    parts = part_size or pooled_size
    if s.trans is not None:
        s.trans = (s.rois[0], None, parts, parts)
        channels = s.trans[1]
        if channels is not None and (channels % 2 or output_dim % max(channels // 2, 1)):
            raise ValueError(
                f"trans has {channels} channels, but two for each class must split "
                f"{output_dim} outputs evenly"
            )
        s.rois = (s.trans[0], 5)
        s.output = (s.trans[0], None, None, None)


@DeformablePSROIPooling.backward(wrt=("data", "trans"))
def _(
    g0: Array,
    data: Array,
    rois: Array,
    trans: Array | None = None,
    *,
    spatial_scale: float,
    output_dim: int,
    group_size: int,
    pooled_size: int,
    part_size: int,
    sample_per_part: int,
    trans_std: float,
    out: Any,
) -> None:
    """Send the gradients of bins back to images, and to what has moved the bins."""
    settings = _Settings(
        spatial_scale,
        output_dim,
        group_size,
        pooled_size,
        part_size or pooled_size,
        sample_per_part,
        single(trans_std),
    )
    in_data, in_trans = (out, None) if trans is None else out
    classes = 1 if trans is None else trans.shape[1] // 2
    total = np.zeros(data.shape, _wide(data))
    targets = settings.split(total, classes)
    images = settings.split(data.astype(total.dtype, copy=False), classes)
    heads = g0.reshape(len(rois), classes, -1, *g0.shape[2:])
    part = _parts(settings.bins, settings.parts)
    if in_trans is not None:
        in_trans[...] = 0
    for region in _moved(data, rois, trans, settings):
        head = (heads[region.number, region.kind] / region.divisor)[..., None, None]
        shape = (len(head), *region.taps.element.shape[1:])
        region.taps.spread(np.broadcast_to(head, shape), targets[region.image, region.kind])
        if in_trans is None:
            continue
        image = images[region.image, region.kind]
        for axis, weight in enumerate((region.taps.by_x, region.taps.by_y)):
            change = (region.taps.sample(image, weight) * head).sum((0, -2, -1))
            target = in_trans[region.number, 2 * region.kind + axis]
            scale = total.dtype.type(settings.strength) * region.size[axis]
            np.add.at(target, (part[:, np.newaxis], part), change * scale)
    np.copyto(in_data, total, casting="unsafe")


for _pooling in (PSROIPooling, DeformablePSROIPooling):
    _pooling.dtype(floats_only)
