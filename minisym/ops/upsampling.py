r"""UpSampling: enlarge images by repeating pixels, or by a learnt (at first bilinear) filter."""

from __future__ import annotations

from functools import partial, reduce
from typing import Annotated, Any, Literal

import numpy as np

from minisym.core.cost import nothing
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.ndarray import Array
from minisym.core.params import HINT, Between
from minisym.core.samples import Sample
from minisym.core.shapes import show
from minisym.core.symbol import Symbol
from minisym.ops.correlate import adjoint_filters, adjoint_output, in_floats, scatter
from minisym.ops.numeric.sums import sum_over
from minisym.ops.numeric.windows import window

op = partial(declare, kind="pooling", cost=nothing)


def _blocks(array: Array, factors: tuple[int, int]) -> Array:
    """See an enlarged image as the blocks that its pixels became."""
    n, c, height, width = array.shape
    rows, columns = factors
    return array.reshape(n, c, height // rows, rows, width // columns, columns)


def _factors(small: Array, large: Array) -> tuple[int, int]:
    return large.shape[2] // small.shape[2], large.shape[3] // small.shape[3]


def _parts(images: tuple[Array, ...], large: Array, mode: str) -> list[Array]:
    """See, for each image, the channels of the output that it goes to."""
    if mode == "sum":
        return [large] * len(images)
    ends = np.cumsum([image.shape[1] for image in images])
    return [large[:, end - image.shape[1] : end] for image, end in zip(images, ends, strict=True)]


def _learnt(scale: int) -> dict[str, Any]:
    """Return the deconvolution that doubles (or more) the size of an image."""
    return {
        "kernel": (2 * scale - scale % 2,) * 2,
        "stride": (scale, scale),
        "pad": (scale // 2,) * 2,
    }


_NEAREST = {"sample_type": "nearest"}


@op(
    count="num_args",
    samples=[
        Sample(
            ((1, 2, 2, 3),),
            {"scale": 2, **_NEAREST},
            reference=lambda x: x.repeat(2, 2).repeat(2, 3),
        ),
        Sample(
            ((1, 2, 1, 2), (1, 1, 2, 4)),
            {"scale": 4, **_NEAREST},
            reference=lambda x, y: np.concatenate(
                [x.repeat(4, 2).repeat(4, 3), y.repeat(2, 2).repeat(2, 3)], 1
            ),
        ),
        Sample(
            ((1, 2, 1, 2), (1, 2, 2, 4)),
            {"scale": 2, "multi_input_mode": "sum", **_NEAREST},
            reference=lambda x, y: x.repeat(2, 2).repeat(2, 3) + y,
        ),
        Sample(
            ((1, 2, 3, 3), (2, 1, 5, 5)),
            {"scale": 3, "sample_type": "bilinear", "num_filter": 2},
        ),
        Sample(((2, 3),), {"scale": 2, **_NEAREST}, raises=ShapeError, match="4 dimensions"),
        Sample(
            ((1, 2, 2, 2), (1, 1, 3, 4)),
            {"scale": 2, **_NEAREST},
            raises=ShapeError,
            match="does not divide",
        ),
    ],
)
def UpSampling(
    *arg: Annotated[
        Array, "Images, (batch, channels, height, width); with bilinear an image and its weight."
    ],
    scale: Annotated[int, "By how much the first image is enlarged.", Between(1, 1000)],
    num_filter: Annotated[int, "Number of channels, with bilinear."] = 0,
    sample_type: Annotated[
        Literal["bilinear", "nearest"],
        "Repeat pixels (nearest), or deconvolve with an input weight (bilinear).",
    ],
    multi_input_mode: Annotated[
        Literal["concat", "sum"], "Join several images along the channels, or add them."
    ] = "concat",
    num_args: Annotated[int, "Number of images; 2 with bilinear: an image and the weight."] = 1,
    workspace: Annotated[int, "Accepted, without effect.", HINT, Between(0)] = 512,
    out: Array,
) -> None:
    r"""Enlarge images, $y_{ij} = x_{\lfloor i/s \rfloor \lfloor j/s \rfloor}$ with "nearest".

    Images are (batch, channels, height, width). With "nearest" there may be several: each is
    enlarged to the size of the first one's output. With "bilinear" the inputs are `data` and
    `weight`, of shape (channels, 1, k, k) with $k = 2 s - s \bmod 2$; it interpolates bilinearly as
    long as the weight is what the initializer Bilinear makes, and learns.
    """
    if sample_type == "bilinear":
        image, weight = arg
        _deconvolve(image, weight, scale, out)
        return
    if multi_input_mode == "sum":
        out.fill(0)
    for image, part in zip(arg, _parts(arg, out, multi_input_mode), strict=True):
        blocks = image[:, :, :, np.newaxis, :, np.newaxis]
        rows, columns = _factors(image, out)
        for i in range(rows):
            for j in range(columns):
                here = part[:, :, i::rows, j::columns]
                if multi_input_mode == "sum":
                    here += blocks[:, :, :, 0, :, 0]
                else:
                    np.copyto(here, image)


def _deconvolve(image: Array, weight: Array, scale: int, out: Array) -> None:
    win = window(**_learnt(scale))
    in_floats(scatter, image, weight, win, image.shape[1], out=out)


UpSampling.named = lambda params: (
    ("data", "weight") if params["sample_type"] == "bilinear" else None
)
# MXNet goes by the position, and so names it for the second image of several, too
UpSampling.inits = dict.fromkeys(("weight", "arg1"), '["bilinear", {}]')


@UpSampling.shape
def _(s: Any, *, scale: int, num_filter: int, sample_type: str, multi_input_mode: str) -> None:
    """Rule: height and width of the first image, times `scale`.

    Channels add up, or are summed over.
    """
    first = s.inputs[0]
    for shape in s.inputs:
        if shape is not None and len(shape) != 4:
            raise ValueError(f"images need 4 dimensions, but one has shape {show(shape)}")
    if first is None:
        return
    height, width = (None if n is None else n * scale for n in first[2:])
    if sample_type == "bilinear":
        if first[1] is not None and first[1] != num_filter:
            raise ValueError(f"num_filter is {num_filter}, but data has {first[1]} channels")
        s.weight = (num_filter, 1, *_learnt(scale)["kernel"])
        s.output = (first[0], num_filter, height, width)
        s.data = (s.output[0], num_filter, *first[2:])
        return
    for i, shape in enumerate(s.inputs):
        same = first[1] if multi_input_mode == "sum" else None
        s.set_input(i, (first[0], same, None, None))
        for size, whole in zip(shape[2:] if shape else (), (height, width), strict=False):
            if None not in (size, whole) and (whole % size if size else whole):
                raise ValueError(f"a size of {size} does not divide the output's {whole}")
    channels = first[1]
    if multi_input_mode == "concat":
        each = [None if shape is None else shape[1] for shape in s.inputs]
        channels = None if None in each else sum(n for n in each if n is not None)
    s.output = (first[0], channels, height, width)


@UpSampling.onnx
def _(o: Any, *arg: Any, scale: int, sample_type: str, multi_input_mode: str) -> Any:
    if sample_type == "bilinear":
        image, weight = arg
        learnt = _learnt(scale)
        return o.ConvTranspose(
            image,
            weight,
            kernel_shape=learnt["kernel"],
            strides=learnt["stride"],
            pads=learnt["pad"] * 2,
            group=image.shape[1],
        )
    enlarged = [
        o.Resize(
            image,
            None,
            np.array([1, 1, *_factors(image, o)], np.float32),
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
        for image in arg
    ]
    if len(arg) == 1:
        return enlarged[0]
    return reduce(o.Add, enlarged) if multi_input_mode == "sum" else o.Concat(*enlarged, axis=1)


def _upsample_again(h: Any, g: Symbol, *arg: Symbol, **params: Any) -> list[Symbol | None]:
    again = UpSampling(*(h if isinstance(h, list) else [h]), **params)
    return [again, *[None] * len(arg)]


@UpSampling.backward(grad=_upsample_again)
def _upsampling_gradient(
    g: Array, *arg: Array, scale: int, multi_input_mode: str, out: Any
) -> None:
    """Add up each pixel's block."""
    filled = out if len(arg) > 1 else (out,)
    for image, part, target in zip(arg, _parts(arg, g, multi_input_mode), filled, strict=True):
        blocks = _blocks(np.ascontiguousarray(part), _factors(image, g))
        np.copyto(target, sum_over(blocks, (3, 5)), casting="unsafe")


_by_blocks: Any = UpSampling.gradient


@UpSampling.grad
def _(g: Symbol, *arg: Symbol, y: Symbol, **params: Any) -> Any:
    if params["sample_type"] == "nearest":
        return _by_blocks(g, *arg, params=params, y=y)
    image, weight = arg
    family = {**_learnt(params["scale"]), "num_group": params["num_filter"]}
    return adjoint_output(g, weight, image, **family), adjoint_filters(image, g, weight, **family)
