r"""Images: height x width x channel, one or a batch of them, in uint8 or floats.

Geometry is exact; colours of uint8 images are rounded and kept in [0, 255]. The random ops draw one
factor a call, from the generator that `ms.random.seed` starts; like MXNet's, their gradients leave
the drawn change out: what arrives is passed on.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import each
from minisym.core.declare import Declaration, F
from minisym.core.declare import op as declare
from minisym.core.ndarray import Array
from minisym.core.op import OF_GRADIENTS
from minisym.core.params import Floats, Ints
from minisym.core.samples import Sample
from minisym.ops.inputs import Head, Like
from minisym.ops.numeric.colors import adjust_hue, gray, principal_shift
from minisym.ops.numeric.rules import as_forward

Image = Annotated[Array, "An image, (height, width, channels), or a batch of them."]
op = partial(declare, cost=each(2))

_IMAGE = np.arange(60, dtype=np.float64).reshape(4, 5, 3)
_BYTES = (_IMAGE * 4).astype(np.uint8)


def _swapped(s: Any, *, forward: tuple[int, ...], back: tuple[int, ...]) -> None:
    """Rule: the last three axes change places."""
    for source, target, axes in (("data", "output", forward), ("output", "data", back)):
        shape = getattr(s, source)
        if shape is not None:
            if len(shape) not in (3, 4):
                raise ValueError(
                    f"an image has 3 axes, a batch of them 4, but {source} has {shape}"
                )
            setattr(s, target, (*shape[:-3], *(shape[-3:][i] for i in axes)))


@op(name="_image_to_tensor", samples=(Sample((_BYTES,), wrt=()), Sample(((2, 3, 1),), wrt=())))
def to_tensor(data: Image, *, out: Array) -> None:
    """Turn an image of [0, 255] into a channel x height x width array of [0, 1]."""
    np.divide(np.moveaxis(data, -1, -3), 255, out=out, casting="unsafe")


@to_tensor.shape
def _(s: Any) -> None:
    """Rule: (…, height, width, channels) becomes (…, channels, height, width)."""
    _swapped(s, forward=(2, 0, 1), back=(1, 2, 0))


@to_tensor.dtype
def _(t: Any) -> None:
    t.output = np.dtype(np.float32)


@to_tensor.onnx
def _(o: Any, data: Any) -> Any:
    last = data.rank - 1
    turned = o.transpose(data, (*range(last - 2), last, last - 2, last - 1))
    return o.Div(o.cast(turned), 255)


@to_tensor.grad
def _(g: Any, data: Any) -> Any:
    return _image_from_tensor(g, data)


@op(
    samples=(Sample(((3, 4, 5), (4, 5, 3)), wrt=()),),
    no_onnx=OF_GRADIENTS,
)
def _image_from_tensor(g: Head, like: Like, *, out: Array) -> None:
    """Bring a gradient of `to_tensor` back to height x width x channel."""
    np.divide(np.moveaxis(g, -3, -1), 255, out=out, casting="unsafe")


@_image_from_tensor.shape
def _(s: Any, **params: Any) -> None:
    """Rule: the output has the shape of `like`, (…, height, width, channels)."""
    s.output = s.like
    s.like = s.output
    as_forward(to_tensor, s, params, {"data": ["like"]}, {"output": ["g"]})


@_image_from_tensor.dtype
def _(t: Any) -> None:
    t.output = t.like


_image_from_tensor.grad(lambda g, x, like: (to_tensor(g), None))


def _per_channel(values: Floats, channels: int) -> Array:
    """Return one number a channel; a single one, or the first ones of four, serve all."""
    given = np.asarray(values, np.float32)
    if given.size == 1:
        given = np.repeat(given, channels)
    return given[:channels].reshape(-1, 1, 1)


@op(
    name="_image_normalize",
    samples=(Sample(((3, 2, 2),), {"mean": (0.5, 0.1, 0.2), "std": (2.0, 0.5, 1.0)}),),
)
def normalize(
    data: Annotated[Array, "An image, (channels, height, width), or a batch of them."],
    *,
    mean: Annotated[Floats, "Mean of each channel, or one for all."] = (0.0, 0.0, 0.0, 0.0),
    std: Annotated[Floats, "Standard deviation, likewise."] = (1.0, 1.0, 1.0, 1.0),
    out: Array,
) -> None:
    r"""Return $(x - mean) / std$, channel by channel, of a channel x height x width array."""
    channels = data.shape[-3]
    np.subtract(data, _per_channel(mean, channels), out=out)
    out /= _per_channel(std, channels)


@normalize.shape
def _(s: Any, *, mean: Floats, std: Floats) -> None:
    """Rule: the output has the shape of `data`, (…, channels, height, width)."""
    s.output = s.data
    s.data = s.output
    shape = s.data
    if shape is None or shape[-3] is None:
        return
    if len(shape) not in (3, 4) or shape[-3] not in (1, 3):
        raise ValueError(
            f"data must be channel x height x width of 1 or 3 channels, but is {shape}"
        )
    for name, values in (("mean", mean), ("std", std)):
        if len(values) not in (1, 4) and len(values) != shape[-3]:
            raise ValueError(f"{name} has {len(values)} numbers for {shape[-3]} channels")


@normalize.onnx
def _(o: Any, data: Any, *, mean: Floats, std: Floats) -> Any:
    channels = data.shape[-3]
    mean_, std_ = (_per_channel(v, channels).astype(o.dtype) for v in (mean, std))
    return o.Div(o.Sub(data, o.constant(mean_)), o.constant(std_))


normalize.grad(lambda g, data, *, std: normalize(g, std=std))


def _flip(name: str, axis: int, doc: str) -> None:
    def kernel(data: Image, *, out: Array) -> None:
        out[...] = np.flip(data, axis)

    kernel.__name__, kernel.__doc__, kernel.__module__ = name, doc, __name__
    declared = op(name=f"_image_{name}", samples=(Sample(((3, 4, 2),)),))(kernel)
    declared.shape(_same)
    declared.grad(lambda g, data: F.reverse(g, axis=axis))
    first = np.iinfo(np.int64).min
    declared.onnx(lambda o, data: o.Slice(data, (-1,), (first,), (axis,), (-1,)))

    def drawn(data: Image, *, rng: np.random.Generator, out: Array) -> None:
        out[...] = np.flip(data, axis) if rng.random() < 0.5 else data

    drawn.__name__, drawn.__module__ = f"random_{name}", __name__
    drawn.__doc__ = f"{doc[:-1]}, or not, with equal probability."
    chance = op(name=f"_image_random_{name}", samples=(Sample(((3, 4, 2),), wrt=()),))(drawn)
    chance.shape(_same)
    chance.grad(lambda g, data: g)


def _same(s: Any) -> None:
    """Rule: the output has the shape of `data`."""
    s.output = s.data
    s.data = s.output


_flip("flip_left_right", -2, "Mirror an image, left to right.")
_flip("flip_top_bottom", -3, "Mirror an image, top to bottom.")


@op(
    name="_image_crop",
    samples=(Sample(((4, 5, 2),), {"x": 1, "y": 2, "width": 3, "height": 2}),),
)
def crop(
    data: Image,
    *,
    x: Annotated[int, "Left edge."],
    y: Annotated[int, "Upper edge."],
    width: Annotated[int, "Width of the piece."],
    height: Annotated[int, "Height of the piece."],
    out: Array,
) -> None:
    """Cut a rectangle out of an image."""
    out[...] = data[..., y : y + height, x : x + width, :]


@crop.shape
def _(s: Any, *, x: int, y: int, width: int, height: int) -> None:
    """Rule: (…, height, width, channels), of the height and width that the parameters say."""
    if s.data is None:
        return
    *lead, rows, columns, channels = s.data
    for edge, size, given, noun in ((y, height, rows, "height"), (x, width, columns, "width")):
        if edge < 0 or size <= 0 or (given is not None and edge + size > given):
            raise ValueError(f"pixels {edge} to {edge + size} of the {noun} lie outside: {given}")
    s.output = (*lead, height, width, channels)


@crop.onnx
def _(o: Any, data: Any, *, x: int, y: int, width: int, height: int) -> Any:
    return o.Slice(data, (y, x), (y + height, x + width), (-3, -2))


@crop.grad
def _(g: Any, data: Any, *, x: int, y: int, width: int, height: int) -> Any:
    return _image_uncrop(g, data, x=x, y=y, width=width, height=height)


@op(
    samples=(Sample(((2, 3, 2), (4, 5, 2)), {"x": 1, "y": 2, "width": 3, "height": 2}, wrt=(0,)),),
    no_onnx=OF_GRADIENTS,
)
def _image_uncrop(
    g: Head,
    like: Like,
    *,
    x: Annotated[int, "Left edge."],
    y: Annotated[int, "Upper edge."],
    width: Annotated[int, "Width of the piece."],
    height: Annotated[int, "Height of the piece."],
    out: Array,
) -> None:
    """Put the gradient of a piece where the piece was cut out."""
    out.fill(0)
    out[..., y : y + height, x : x + width, :] = g


@_image_uncrop.shape
def _(s: Any, **params: Any) -> None:
    """Rule: the output has the shape of `like`."""
    s.output = s.like
    s.like = s.output
    as_forward(crop, s, params, {"data": ["like"]}, {"output": ["g"]})


@_image_uncrop.grad
def _(g: Any, piece: Any, like: Any, *, x: int, y: int, width: int, height: int) -> Any:
    return crop(g, x=x, y=y, width=width, height=height), None


# -------------------------------------------------------------------------------------- resizing


def _resized(shape: Any, size: Ints, *, keep_ratio: bool) -> tuple[int, int] | None:
    """Return height and width after a resize; size is (width, height), or one number."""
    if not size or len(size) > 2:
        raise ValueError(f"size must be one number or (width, height), but is {size}")
    if len(size) == 2:
        return size[1], size[0]
    if not keep_ratio:
        return size[0], size[0]
    rows, columns = shape[-3], shape[-2]
    if rows is None or columns is None:
        return None
    if rows > columns:
        return int(rows * size[0] / columns), size[0]
    return size[0], int(columns * size[0] / rows)


@op(
    name="_image_resize",
    samples=(
        Sample((_BYTES,), {"size": (3, 2)}, wrt=()),
        Sample((_IMAGE,), {"size": 6, "interp": 0}, wrt=()),
    ),
)
def resize(
    data: Image,
    *,
    size: Annotated[Ints, "New (width, height), or one number for both."] = (),
    keep_ratio: Annotated[bool, "Whether one number is that of the shorter side."] = False,
    interp: Annotated[int, "0: nearest pixel; 1: bilinear."] = 1,
    out: Array,
) -> None:
    """Resize an image by the nearest pixel or bilinearly, pixels being squares with centres."""
    rows, columns = out.shape[-3:-1]
    if interp == 0:
        i = (np.arange(rows) * (data.shape[-3] / rows)).astype(np.intp)
        j = (np.arange(columns) * (data.shape[-2] / columns)).astype(np.intp)
        out[...] = data[..., i[:, None], j, :]
        return
    top, bottom, v = _neighbours(rows, data.shape[-3])
    left, right, u = _neighbours(columns, data.shape[-2])
    u = np.where(
        left == right, 0, u
    )  # beyond the edge columns have one neighbour, rows the edge twice
    if data.dtype == np.uint8:
        # fixed point, as image libraries do it: weights of 11 bits
        u, v = (np.rint(w * 2048).astype(np.int64) for w in (u, v))
        x = data.astype(np.int64)
        u = u[:, None]
        wide = x[..., left, :] * (2048 - u) + x[..., right, :] * u
        v = v[:, None, None]
        upper = ((2048 - v) * (wide[..., top, :, :] >> 4)) >> 16
        lower = (v * (wide[..., bottom, :, :] >> 4)) >> 16
        np.copyto(out, np.clip((upper + lower + 2) >> 2, 0, 255), casting="unsafe")
        return
    u, v = u.astype(data.dtype)[:, None], v.astype(data.dtype)[:, None, None]
    wide = data[..., left, :] * (1 - u) + data[..., right, :] * u
    np.copyto(out, wide[..., top, :, :] * (1 - v) + wide[..., bottom, :, :] * v, casting="unsafe")


def _neighbours(size: int, before: int) -> tuple[Array, Array, Array]:
    """Return for each new pixel the old ones beside its centre, and the second one's share."""
    centre = (np.arange(size) + 0.5) * (before / size) - 0.5
    low = np.floor(centre).astype(np.intp)
    share = (centre - low).astype(np.float32)
    return low.clip(0, before - 1), (low + 1).clip(0, before - 1), share


@resize.shape
def _(s: Any, *, size: Ints, keep_ratio: bool, interp: int) -> None:
    """Rule: (…, height, width, channels), of the size that the parameters say."""
    if interp not in (0, 1):
        raise ValueError(f"interp must be 0 (nearest) or 1 (bilinear), but is {interp}")
    if s.data is None:
        return
    found = _resized(s.data, size, keep_ratio=keep_ratio)
    if found is not None:
        s.output = (*s.data[:-3], *found, s.data[-1])


@resize.onnx
def _(o: Any, data: Any, *, interp: int) -> Any:
    if interp == 1 and data.dtype.kind != "f":
        o.refuse("bilinear resizing of bytes is rounded here in a way of its own: Cast them first")
    batch = o.Unsqueeze(data, (0,)) if data.rank == 3 else data
    first = o.Transpose(batch, perm=(0, 3, 1, 2))
    lead = (1,) if data.rank == 3 else data.shape[:1]
    linear = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    nearest = {
        "mode": "nearest",
        "coordinate_transformation_mode": "asymmetric",
        "nearest_mode": "floor",
    }
    sizes = (*lead, data.shape[-1], *o.shape[-3:-1])
    found = o.Resize(first, None, None, sizes, **(linear if interp == 1 else nearest))
    return o.reshape(o.Transpose(found, perm=(0, 2, 3, 1)))


# ---------------------------------------------------------------------------------------- colours


def _store(out: Array, values: Array) -> None:
    """Write colours; those of bytes are cut to whole numbers of [0, 255]."""
    if out.dtype.kind == "f":
        out[...] = values
    else:
        np.copyto(out, np.clip(values, 0, 255), casting="unsafe")


def _brightness(x: Array, factor: float) -> Array:
    return x * np.float32(factor)


def _contrast(x: Array, factor: float) -> Array:
    mean = gray(x).mean(dtype=np.float64) if x.shape[-1] > 1 else x.mean(dtype=np.float64)
    return x * np.float32(factor) + np.float32((1 - factor) * mean)


def _saturation(x: Array, factor: float) -> Array:
    if x.shape[-1] == 1:
        return x
    return x * np.float32(factor) + np.float32(1 - factor) * gray(x)[..., None]


def _colour(declared: Declaration) -> None:
    """Give a colour op its shape rule and its gradient."""
    declared.shape(_same)
    declared.grad(lambda g, data: g)


MinFactor = Annotated[float, "Least factor."]
MaxFactor = Annotated[float, "Greatest factor."]


def _random(name: str, change: Callable[[Array, float], Array], doc: str) -> None:
    def kernel(
        data: Image,
        *,
        min_factor: MinFactor,
        max_factor: MaxFactor,
        rng: np.random.Generator,
        out: Array,
    ) -> None:
        factor = rng.uniform(min_factor, max_factor)
        _store(out, change(data.astype(np.float32, copy=False), factor))

    kernel.__name__, kernel.__doc__, kernel.__module__ = name, doc, __name__
    factors = {"min_factor": 0.5, "max_factor": 1.5}
    _colour(op(name=f"_image_{name}", samples=(Sample(((3, 2, 3),), factors, wrt=()),))(kernel))


_random("random_brightness", _brightness, r"Multiply all colours by a random factor.")
_random("random_contrast", _contrast, "Move colours away from the mean gray, by a random factor.")
_random("random_saturation", _saturation, "Move colours away from their gray, by a random factor.")
_random("random_hue", adjust_hue, "Turn the colour circle by a random part of it.")


@op(
    name="_image_adjust_lighting",
    samples=(Sample(((3, 2, 3),), {"alpha": (0.1, 0.2, 0.3)}, wrt=()),),
)
def adjust_lighting(
    data: Image, *, alpha: Annotated[Floats, "Strength of each principal component."], out: Array
) -> None:
    """Shift colours along the principal components of natural images (AlexNet's augmentation)."""
    _store(out, data + principal_shift(alpha))


_colour(adjust_lighting)


@adjust_lighting.onnx
def _(o: Any, data: Any, *, alpha: Floats) -> Any:
    shifted = o.Add(o.cast(data, "float32"), o.constant(principal_shift(alpha)))
    return shifted if o.dtype.kind == "f" else o.Clip(shifted, 0, 255)


@op(name="_image_random_lighting", samples=(Sample(((3, 2, 3),), wrt=()),))
def random_lighting(
    data: Image,
    *,
    alpha_std: Annotated[float, "Standard deviation of the strengths."] = 0.05,
    rng: np.random.Generator,
    out: Array,
) -> None:
    """Do `adjust_lighting` with normally distributed strengths."""
    _store(out, data + principal_shift(rng.normal(0, alpha_std, 3)))


_colour(random_lighting)


@op(
    name="_image_random_color_jitter",
    samples=(
        Sample(
            ((3, 2, 3),),
            {"brightness": 0.1, "contrast": 0.1, "saturation": 0.1, "hue": 0.1},
            wrt=(),
        ),
    ),
)
def random_color_jitter(
    data: Image,
    *,
    brightness: Annotated[float, "Largest change of brightness."],
    contrast: Annotated[float, "Largest change of contrast."],
    saturation: Annotated[float, "Largest change of saturation."],
    hue: Annotated[float, "Largest change of hue."],
    rng: np.random.Generator,
    out: Array,
) -> None:
    """Change brightness, contrast, saturation and hue at random, in random order."""
    changes: list[tuple[Callable[[Array, float], Array], float, int]] = [
        (_brightness, brightness, 1),
        (_contrast, contrast, 1),
    ]
    changes += [(_saturation, saturation, 1), (adjust_hue, hue, 0)]
    x = data.astype(np.float32)
    for i in rng.permutation(len(changes)):
        change, width, centre = changes[i]
        if width > 0:
            x = change(x, centre + rng.uniform(-width, width))
    _store(out, x)


_colour(random_color_jitter)
