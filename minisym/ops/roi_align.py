r"""Regions of interest, averaged in bins without rounding: straight and rotated ones.

A region is divided into bins, and each bin is the mean of samples of the image on a regular grid in
it, mixtures of the four elements around a place.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import ceil, prod
from typing import Annotated, Any, NamedTuple

import numpy as np

from minisym.core.cost import each_input
from minisym.core.declare import op as declare
from minisym.core.errors import ExecutionError, ParamError, ShapeError
from minisym.core.ndarray import Array
from minisym.core.params import Between, Ints
from minisym.core.samples import Sample
from minisym.core.shapes import Shape, show
from minisym.core.symbol import Symbol
from minisym.ops.inputs import Images, Regions
from minisym.ops.numeric.rules import floats_only
from minisym.ops.numeric.taps import Taps

op = partial(declare, cost=each_input(4))

PooledSize = Annotated[Ints, "Number of bins: (down, across)."]
Scale = Annotated[float, "Size of the image's elements: 1 / 16 for 16 pixels.", Between(0, 1)]
SampleRatio = Annotated[
    int,
    "How many samples a bin has along each axis; -1: as many as it has elements.",
    Between(high=256),
]
_MOST_SAMPLES = 1 << 22
"""So many samples one region may have."""


class _Region(NamedTuple):
    """One region: its number, its image, and where the samples of its bins are."""

    number: int
    image: int
    taps: Taps

    def average(self, image: Array) -> Array:
        """Return the means of the bins, (channels, down, across)."""
        samples = self.taps.sample(image)
        found: Array = samples.sum((-2, -1)) / self.count
        return found

    def spread(self, g: Array, image: Array) -> None:
        """Add the gradients of the means to those of an image."""
        shape = (len(g), *self.taps.element.shape[1:])
        self.taps.spread(np.broadcast_to((g / self.count)[..., None, None], shape), image)

    @property
    def count(self) -> Any:
        """How many samples a bin has."""
        return self.taps.weight.dtype.type(self.taps.element[0, 0, 0].size)


def _places(start: Array, length: Array, bins: int, count: int) -> Array:
    """Return where samples are along an axis, (bins, samples of one)."""
    step = length / bins
    within = (np.arange(count, dtype=start.dtype) + start.dtype.type(0.5)) * step / count
    found: Array = start + np.arange(bins, dtype=start.dtype)[:, np.newaxis] * step + within
    return found


def _samples(op_name: str, number: int, lengths: Ints, bins: Ints, ratio: int) -> Ints:
    """Return how many samples a bin has along each axis; raise where a region has too many."""
    each = zip(lengths, bins, strict=True)
    counts = [ratio if ratio > 0 else max(1, ceil(length / n)) for length, n in each]
    total = prod(counts) * prod(bins)
    if total > _MOST_SAMPLES:
        raise ExecutionError(
            f"{op_name}: region {number} would take {total} samples, more than {_MOST_SAMPLES}",
            hint="is spatial_scale right, and sample_ratio?",
        )
    return tuple(counts)


def _image_of(row: Array, images: int, op_name: str) -> int:
    number = int(row[0])
    if number >= images:
        raise ExecutionError(f"{op_name}: there is no image {number}, only {images}")
    return number


def _outside(y: Array, x: Array, sizes: tuple[int, int]) -> Any:
    return (y < -1) | (y > sizes[0]) | (x < -1) | (x > sizes[1])


def _check(s: Any, pooled_size: Ints, columns: int) -> None:
    """Raise where an array does not have the axes that it needs."""
    if len(pooled_size) != 2 or min(pooled_size) < 1:
        raise ValueError(f"pooled_size {show(pooled_size)} must be two positive numbers")
    _check_data(s.data)
    if s.rois is not None and len(s.rois) != 2:
        raise ValueError(f"rois must be (regions, {columns}), but is {show(s.rois)}")
    s.rois = (s.output[0] if s.output else None, columns)


def _check_data(shape: Shape) -> None:
    if shape is not None and len(shape) != 4:
        raise ValueError(f"data must be (batch, channels, height, width), but is {show(shape)}")


def _wide(data: Array) -> Any:
    return np.float32 if data.dtype == np.float16 else data.dtype


# --------------------------------------------------------------------------------------- ROIAlign


def _regions(
    data: Array,
    rois: Array,
    pooled_size: Ints,
    spatial_scale: float,
    sample_ratio: int,
    *,
    position_sensitive: bool,
    aligned: bool,
) -> Iterator[_Region]:
    """Yield the regions, but those without an image."""
    sizes: Any = data.shape[2:]
    rois = rois.astype(_wide(data), copy=False)
    corners = rois[:, 1:] * rois.dtype.type(spatial_scale) - rois.dtype.type(aligned) / 2
    for number, (row, (left, top, right, bottom)) in enumerate(zip(rois, corners, strict=True)):
        image = _image_of(row, len(data), "ROIAlign")
        if image < 0:
            continue
        height, width = bottom - top, right - left
        if not aligned:
            height, width = np.maximum(height, 1), np.maximum(width, 1)
        elif not (height > 0 and width > 0):
            raise ExecutionError(f"ROIAlign: region {number} is empty: {rois[number, 1:].tolist()}")
        down, across = _samples("ROIAlign", number, (height, width), pooled_size, sample_ratio)
        y = _places(top, height, pooled_size[0], down)[:, np.newaxis, :, np.newaxis]
        x = _places(left, width, pooled_size[1], across)[np.newaxis, :, np.newaxis]
        y, x = np.broadcast_arrays(y, x)
        taps = Taps.near(y, x, sizes, ~_outside(y, x, sizes))
        if position_sensitive:  # each bin has channels of its own
            base = np.arange(np.prod(pooled_size)).reshape(*pooled_size, 1, 1) * np.prod(sizes)
            taps = taps._replace(element=taps.element + base)
        yield _Region(number, image, taps)


def _constant(x: Array, rois: Array) -> Array:
    return np.full((len(rois), x.shape[1], 2, 2), 3.0)


_ROIS = np.array([[0, 0.2, 0.3, 2.7, 3.1], [1, 1.1, 0.1, 3.2, 1.3]])
_SIZE = {"pooled_size": (2, 2), "spatial_scale": 1.0}


@op(
    name="_contrib_ROIAlign",
    samples=[
        Sample((np.full((2, 3, 5, 5), 3.0), _ROIS), _SIZE, wrt=(0,), reference=_constant),
        Sample(
            (np.arange(25.0).reshape(1, 1, 5, 5), np.array([[0, 1.0, 2.0, 3.0, 4.0]])),
            {"pooled_size": (1, 2), "spatial_scale": 1.0, "sample_ratio": 2},
            wrt=(0,),
            reference=lambda x, rois: np.array([[[[16.5, 17.5]]]]),
        ),
        Sample(((2, 2, 4, 4), _ROIS), {**_SIZE, "spatial_scale": 0.5, "aligned": True}, wrt=(0,)),
        Sample(
            ((2, 8, 4, 4), _ROIS),
            {**_SIZE, "position_sensitive": True, "sample_ratio": 2},
            wrt=(0,),
        ),
        Sample(
            ((1, 1, 4, 4), np.array([[-1.0, 0, 0, 2, 2]])),
            _SIZE,
            wrt=(0,),
            reference=lambda x, rois: np.zeros((1, 1, 2, 2)),
        ),
        Sample(((1, 1, 4, 4), _ROIS), _SIZE, raises=ExecutionError, match="no image 1"),
        Sample(
            ((1, 1, 4, 4), np.zeros((1, 5))),
            {**_SIZE, "aligned": True},
            raises=ExecutionError,
            match="region 0 is empty",
        ),
        Sample(((1, 1, 4, 4), (2, 4)), _SIZE, raises=ShapeError, match="axis 1 is 4, not 5"),
        Sample(
            ((2, 3, 4, 4), _ROIS),
            {**_SIZE, "position_sensitive": True},
            raises=ShapeError,
            match="3 channels",
        ),
        Sample(
            ((2, 3, 4, 4), _ROIS), {**_SIZE, "spatial_scale": 2}, raises=ParamError, match="scale"
        ),
    ],
)
def ROIAlign(
    data: Images,
    rois: Regions,
    *,
    pooled_size: PooledSize,
    spatial_scale: Scale,
    sample_ratio: SampleRatio = -1,
    position_sensitive: Annotated[
        bool, "Whether each bin has channels of its own: out of C · down · across, C remain."
    ] = False,
    aligned: Annotated[bool, "Whether elements are at n + 1/2 instead of n."] = False,
    out: Array,
) -> None:
    """Average regions of images in a fixed number of bins, without rounding their edges.

    `data` is (batch, channels, height, width); a row of `rois` is [image, left, top, right,
    bottom] in pixels. The output is (regions, channels, down, across). The region of a negative
    image is 0. The gradient by `rois` is 0.

    Reference: He et al., *Mask R-CNN*, ICCV 2017, arXiv:1703.06870.

    >>> from minisym import sym
    >>> y = sym.contrib.ROIAlign(
    ...     sym.Variable("x"), sym.Variable("rois"), pooled_size=(7, 7), spatial_scale=1 / 16
    ... )
    >>> y.infer_shape(x=(1, 256, 38, 50), rois=(300, 5))[1]
    [(300, 256, 7, 7)]
    """
    out[...] = 0
    flags = {"position_sensitive": position_sensitive, "aligned": aligned}
    for region in _regions(data, rois, pooled_size, spatial_scale, sample_ratio, **flags):
        image = data[region.image].reshape(out.shape[1], -1).astype(_wide(data), copy=False)
        np.copyto(out[region.number], region.average(image), casting="unsafe")


@ROIAlign.shape
def _(s: Any, *, pooled_size: Ints, position_sensitive: bool) -> None:
    """Rule: (regions, channels, *pooled_size).

    `position_sensitive`: channels / (height · width) of them.
    """
    _check(s, pooled_size, 5)
    split = pooled_size[0] * pooled_size[1] if position_sensitive else 1
    if s.data is None:
        s.output = (s.rois[0], None, *pooled_size)
        return
    batch, channels, height, width = s.data
    if channels is not None and channels % split:
        raise ValueError(f"{channels} channels cannot be split among {split} bins")
    s.output = (s.rois[0], None if channels is None else channels // split, *pooled_size)
    if s.output[1] is not None:
        s.data = (batch, s.output[1] * split, height, width)


def _align_again(h: Symbol, g: Symbol, data: Symbol, rois: Symbol, **params: Any) -> Any:
    return ROIAlign(h, rois, **params), None, None


@ROIAlign.onnx
def _(
    o: Any,
    data: Any,
    rois: Any,
    *,
    pooled_size: Ints,
    spatial_scale: float,
    sample_ratio: int,
    position_sensitive: bool,
    aligned: bool,
) -> Any:
    if position_sensitive:
        o.refuse("ONNX has no channels for each bin of a region")
    image, corners = o.Split(rois, (1, 4), axis=1, outputs=2)
    number = o.Squeeze(o.cast(image, "int64"), (1,))
    found = o.RoiAlign(
        data,
        corners,
        o.Max(number, 0),
        coordinate_transformation_mode="half_pixel" if aligned else "output_half_pixel",
        output_height=pooled_size[0],
        output_width=pooled_size[1],
        sampling_ratio=max(sample_ratio, 0),
        spatial_scale=spatial_scale,
    )
    exists = o.Reshape(o.GreaterOrEqual(number, 0), (-1, 1, 1, 1))
    return o.Where(exists, found, 0)


@ROIAlign.backward(wrt=("data",), grad=_align_again)
def _(
    g: Array,
    data: Array,
    rois: Array,
    *,
    pooled_size: Ints,
    spatial_scale: float,
    sample_ratio: int,
    position_sensitive: bool,
    aligned: bool,
    out: Array,
) -> None:
    """Send the gradients of regions back to the images that they were averaged from."""
    total = np.zeros(data.shape, _wide(data))
    flags = {"position_sensitive": position_sensitive, "aligned": aligned}
    for region in _regions(data, rois, pooled_size, spatial_scale, sample_ratio, **flags):
        region.spread(g[region.number], total[region.image].reshape(g.shape[1], -1))
    np.copyto(out, total, casting="unsafe")


# -------------------------------------------------------------------------------------- RROIAlign


def _rotated(
    data: Array, rois: Array, pooled_size: Ints, spatial_scale: float, sampling_ratio: int
) -> Iterator[_Region]:
    """Yield the regions; their bins lie about the centre, then the whole is turned."""
    sizes: Any = data.shape[2:]
    rois = rois.astype(_wide(data), copy=False)
    scaled = rois[:, 1:5] * rois.dtype.type(spatial_scale)
    angles = np.deg2rad(rois[:, 5].astype(np.float64)).astype(rois.dtype)
    for number, (row, (x0, y0, *size), angle) in enumerate(zip(rois, scaled, angles, strict=True)):
        image = _image_of(row, len(data), "RROIAlign")
        if image < 0:
            raise ExecutionError(f"RROIAlign: there is no image {image}")
        width, height = np.maximum(size, 1).astype(rois.dtype)
        counts = _samples("RROIAlign", number, (height, width), pooled_size, sampling_ratio)
        down = _places(-height / 2, height, pooled_size[0], counts[0])
        across = _places(-width / 2, width, pooled_size[1], counts[1])
        v, u = np.broadcast_arrays(
            down[:, np.newaxis, :, np.newaxis], across[np.newaxis, :, np.newaxis]
        )
        x = u * np.cos(angle) + v * np.sin(angle) + x0
        y = v * np.cos(angle) - u * np.sin(angle) + y0
        yield _Region(number, image, Taps.near(y, x, sizes, ~_outside(y, x, sizes)))


_TURNED = np.array([[0, 2.0, 1.9, 2.6, 2.4, 30.0], [1, 1.1, 2.2, 1.3, 3.3, -75.0]])


@op(
    name="_contrib_RROIAlign",
    samples=[
        Sample((np.full((2, 3, 5, 5), 3.0), _TURNED), _SIZE, wrt=(0,), reference=_constant),
        Sample(
            (np.arange(25.0).reshape(1, 1, 5, 5), np.array([[0, 2.0, 2.0, 2.0, 2.0, 90.0]])),
            {**_SIZE, "sampling_ratio": 1},
            wrt=(0,),
            reference=lambda x, rois: np.array([[[[14.0, 9.0], [15.0, 10.0]]]]),
        ),
        Sample(((2, 2, 4, 4), _TURNED), {**_SIZE, "spatial_scale": 0.5}, wrt=(0,)),
        Sample(((1, 1, 4, 4), _TURNED), _SIZE, raises=ExecutionError, match="no image 1"),
        Sample(((1, 1, 4, 4), (2, 5)), _SIZE, raises=ShapeError, match="axis 1 is 5, not 6"),
    ],
    no_onnx="ONNX has no regions that are turned",
)
def RROIAlign(
    data: Images,
    rois: Annotated[Array, "Regions, one a row: [image, x, y, width, height, angle]."],
    *,
    pooled_size: PooledSize,
    spatial_scale: Scale,
    sampling_ratio: SampleRatio = -1,
    out: Array,
) -> None:
    """Average rotated regions of images in a fixed number of bins.

    It is `ROIAlign` for rows of `rois` [image, x, y, width, height, angle]: a centre, sizes, and a
    turn in degrees, counter-clockwise. The gradient by `rois` is 0.

    Reference: Ma et al., *Arbitrary-oriented scene text detection via rotation proposals*, IEEE
    Transactions on Multimedia 2018, arXiv:1703.01086.
    """
    for region in _rotated(data, rois, pooled_size, spatial_scale, sampling_ratio):
        image = data[region.image].reshape(out.shape[1], -1).astype(_wide(data), copy=False)
        np.copyto(out[region.number], region.average(image), casting="unsafe")


@RROIAlign.shape
def _(s: Any, *, pooled_size: Ints) -> None:
    """Rule: (regions, channels, *pooled_size)."""
    _check(s, pooled_size, 6)
    s.output = (s.rois[0], s.data[1] if s.data else None, *pooled_size)
    s.data = (None, s.output[1], None, None)


def _rotate_again(h: Symbol, g: Symbol, data: Symbol, rois: Symbol, **params: Any) -> Any:
    return RROIAlign(h, rois, **params), None, None


@RROIAlign.backward(wrt=("data",), grad=_rotate_again)
def _(
    g: Array,
    data: Array,
    rois: Array,
    *,
    pooled_size: Ints,
    spatial_scale: float,
    sampling_ratio: int,
    out: Array,
) -> None:
    """Send the gradients of rotated regions back to the images that they were averaged from."""
    total = np.zeros(data.shape, _wide(data))
    for region in _rotated(data, rois, pooled_size, spatial_scale, sampling_ratio):
        region.spread(g[region.number], total[region.image].reshape(g.shape[1], -1))
    np.copyto(out, total, casting="unsafe")


for _aligning in (ROIAlign, RROIAlign):
    _aligning.dtype(floats_only)
