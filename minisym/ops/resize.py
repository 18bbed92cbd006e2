r"""Images of another size: bilinear interpolation, and averages over as many bins as wanted.

Both are linear, and work on rows and columns apart. Images lie as (batch, channels, height, width).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np

from minisym.core.cost import each
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.ndarray import Array
from minisym.core.params import Between, Ints
from minisym.core.samples import Sample
from minisym.core.shapes import MOST_ELEMENTS, Dim, Shape, show
from minisym.core.symbol import Symbol
from minisym.ops.inputs import Images
from minisym.ops.numeric.rules import floats_only
from minisym.ops.numeric.sums import mean_over
from minisym.ops.numeric.taps import add_rows

op = partial(declare, cost=each(7))


def _check_image(name: str, shape: Shape) -> None:
    if shape is not None and len(shape) != 4:
        raise ValueError(f"{name} must be (batch, channels, height, width), but is {show(shape)}")


def _widened(array: Array) -> Array:
    """Return halves as float32: sums are made in that."""
    return array.astype(np.float32) if array.dtype == np.float16 else array


# --------------------------------------------------------------------------------------- bilinear


class _Blend(NamedTuple):
    """Along one axis, output i is a mixture of two neighbours: the upper one counts `share`."""

    low: Array
    high: Array
    share: Array

    @classmethod
    def of(cls, size: int, wanted: int, *, align_corners: bool) -> _Blend:
        """Find the neighbours; positions have the precision of MXNet's, float32."""
        index = np.arange(wanted)
        if size == wanted:
            at = index.astype(np.float32)
        elif align_corners:
            step = np.float32(size - 1) / np.float32(wanted - 1) if wanted > 1 else np.float32(0)
            at = step * index.astype(np.float32)
        else:
            step = np.float32(size) / np.float32(wanted) if wanted > 1 else np.float32(0)
            at = np.maximum(np.float64(step) * (index + 0.5) - 0.5, 0).astype(np.float32)
        low = at.astype(np.intp)
        return cls(low, np.minimum(low + 1, size - 1), at - low.astype(np.float32))

    def mix(self, data: Array, axis: int) -> Array:
        """Return the mixtures."""
        share = self.share.astype(data.dtype).reshape(-1, *[1] * (-1 - axis))
        found: Array = (1 - share) * data.take(self.low, axis)
        found += share * data.take(self.high, axis)
        return found

    def back(self, g: Array, axis: int, size: int) -> Array:
        """Return what arrives at each of `size` elements."""
        g = np.moveaxis(g, axis, 0)
        found = np.zeros((size, *g.shape[1:]), g.dtype)
        share = self.share.astype(g.dtype).reshape(-1, *[1] * (g.ndim - 1))
        rows = found.reshape(size, -1)
        add_rows(rows, self.low, ((1 - share) * g).reshape(len(g), -1))
        add_rows(rows, self.high, (share * g).reshape(len(g), -1))
        return np.moveaxis(found, 0, axis)


def _blends(small: Array, large: Array, *, align_corners: bool) -> Iterator[tuple[int, _Blend]]:
    """Yield the axes of images, and how elements of the second array mix those of the first."""
    for axis in (-1, -2):
        sizes = small.shape[axis], large.shape[axis]
        yield axis, _Blend.of(*sizes, align_corners=align_corners)


def _halved(x: Array) -> Array:
    """Shrink (1, 1, 4, 4) to (1, 1, 2, 2) without alignment: averages of squares."""
    found: Array = x.reshape(1, 1, 2, 2, 2, 2).mean((3, 5))
    return found


@op(
    name="_contrib_BilinearResize2D",
    when={"like": lambda p: p["mode"] == "like"},
    samples=[
        Sample(
            ((1, 2, 2, 1),),
            {"height": 3, "width": 2},
            reference=lambda x: np.concatenate(
                [x[:, :, :1], x.mean(2, keepdims=True), x[:, :, 1:]], 2
            ).repeat(2, 3),
        ),
        Sample(
            ((1, 1, 4, 4),),
            {"height": 2, "width": 2, "align_corners": False},
            reference=_halved,
        ),
        Sample(((1, 2, 3, 4),), {"scale_height": 2.0, "scale_width": 1.5}),
        Sample(((1, 1, 4, 3),), {"mode": "odd_scale", "scale_height": 0.5, "scale_width": 2}),
        Sample(((1, 1, 3, 4),), {"mode": "to_odd_up"}),
        Sample(((2, 1, 3, 4), (1, 2, 2, 5)), {"mode": "like"}, wrt=(0,)),
        Sample(((3, 4),), {"height": 2}, raises=ShapeError, match="must be .batch"),
        Sample(((1, 1, 3, 3),), {"mode": "odd_scale"}, raises=ShapeError, match="scale_height"),
    ],
)
def BilinearResize2D(
    data: Images,
    like: Annotated[
        Array | None, "An array whose height and width the output takes, in mode like."
    ] = None,
    *,
    height: Annotated[int, "Height of the output, in mode size.", Between(1)] = 1,
    width: Annotated[int, "Width of the output, in mode size.", Between(1)] = 1,
    scale_height: Annotated[float | None, "Factor for the height instead of a size."] = None,
    scale_width: Annotated[float | None, "Factor for the width instead of a size."] = None,
    mode: Annotated[
        Literal[
            "size",
            "odd_scale",
            "like",
            "to_even_down",
            "to_even_up",
            "to_odd_down",
            "to_odd_up",
        ],
        "What decides the size: the parameters; a factor by which odd sizes n become "
        "(n - 1) * scale + 1; the input `like`; or the next even or odd size.",
    ] = "size",
    align_corners: Annotated[
        bool, "Whether the centres of corner elements stay there, or else the corners of the image."
    ] = True,
    out: Array,
) -> None:
    r"""Resize images by bilinear interpolation.

    With `align_corners`, element i of n takes its value from the place $i (m - 1) / (n - 1)$ of
    the m that there were, without from $(i + \frac12) m / n - \frac12$.

    >>> from minisym import sym
    >>> import numpy as np
    >>> y = sym.contrib.BilinearResize2D(sym.Variable("x"), height=1, width=3)
    >>> y.eval(x=np.array([[[[2.0, 6.0]]]]))
    [NDArray([[[[2., 4., 6.]]]])]
    """
    found = _widened(data)
    for axis, blend in _blends(data, out, align_corners=align_corners):
        found = blend.mix(found, axis)
    np.copyto(out, found, casting="unsafe")


def _scaled(n: int, scale: Any) -> int:
    with np.errstate(over="ignore"):
        size = np.float32(scale) * np.float32(n)
    if not np.isfinite(size):
        raise ValueError(f"a scale of {scale:g} leaves no size")
    return int(size)


def _resized(n: Dim, size: int, scale: float | None, mode: str) -> Dim:
    """Return a size, by the mode; the products are those of MXNet's float32."""
    if mode == "size" and scale is None:
        return size
    if n is None:
        return None
    if scale is not None and not abs(scale) < MOST_ELEMENTS:
        raise ValueError(f"scale_height and scale_width must be finite, not {scale:g}")
    if mode == "size":
        return _scaled(n, scale)
    if mode == "odd_scale":
        if scale is None:
            raise ValueError("mode odd_scale needs scale_height and scale_width")
        return _scaled(n - n % 2, scale) + n % 2
    is_right = n % 2 == (mode.startswith("to_odd"))
    return n if is_right else n + 1 if mode.endswith("up") else n - 1


@BilinearResize2D.shape
def _(
    s: Any,
    *,
    height: int,
    width: int,
    scale_height: float | None,
    scale_width: float | None,
    mode: str,
) -> None:
    """Rule: (batch, channels, height, width), of the size that the parameters say."""
    _check_image("data", s.data)
    _check_image("like", s.like)
    if s.output is not None:
        s.data = (*s.output[:2], None, None)
    if s.data is None:
        return
    if mode == "like":
        sizes = s.like[2:] if s.like is not None else (None, None)
    else:
        sizes = (
            _resized(s.data[2], height, scale_height, mode),
            _resized(s.data[3], width, scale_width, mode),
        )
    if any(n is not None and n < 1 for n in sizes):
        raise ValueError(f"nothing is left of data {show(s.data)}")
    s.output = (*s.data[:2], *sizes)


def _resize_again(
    h: Symbol, g: Symbol, data: Symbol, like: Symbol | None = None, **params: Any
) -> Any:
    given = {} if like is None else {"like": like}
    return BilinearResize2D(h, **given, **params), None, None


@BilinearResize2D.onnx
def _(o: Any, data: Any, *, align_corners: bool) -> Any:
    return o.Resize(
        data,
        None,
        None,
        tuple(o.shape),
        mode="linear",
        coordinate_transformation_mode="align_corners" if align_corners else "pytorch_half_pixel",
    )


@BilinearResize2D.backward(wrt=("data",), grad=_resize_again)
def _(g: Array, data: Array, like: Array | None = None, *, align_corners: bool, out: Array) -> None:
    """Send the gradients of resized images back to the elements that they were mixed from."""
    found = _widened(g)
    for axis, blend in _blends(data, g, align_corners=align_corners):
        found = blend.back(found, axis, data.shape[axis])
    np.copyto(out, found, casting="unsafe")


# ------------------------------------------------------------------------------- adaptive average


def _bins(size: int, wanted: int) -> tuple[list[slice], Array]:
    """Return the bins of an axis, and where the run of each begins in the output; in float32.

    They overlap where the size is no multiple. Where there are more bins than elements, those that
    follow each other may be the same.
    """
    index = np.arange(wanted + 1) * size
    edges = index.astype(np.float32) / np.float32(wanted)
    bounds = np.stack([np.floor(edges[:-1]), np.ceil(edges[1:])], 1).astype(int)
    first = np.flatnonzero(np.r_[True, np.any(bounds[1:] != bounds[:-1], axis=1)])
    return [slice(start, end) for start, end in bounds[first]], first


def _averages(data: Array, axis: int, wanted: int) -> Array:
    data = np.moveaxis(data, axis, 0)
    bins, first = _bins(len(data), wanted)
    found = np.empty((len(bins), *data.shape[1:]), data.dtype)
    for i, part in enumerate(bins):
        found[i] = mean_over(data[part], 0)
    if len(bins) < wanted:
        found = found.repeat(np.diff(first, append=wanted), 0)
    return np.moveaxis(found, 0, axis)


def _averages_back(g: Array, axis: int, size: int) -> Array:
    g = np.moveaxis(g, axis, 0)
    found = np.zeros((size, *g.shape[1:]), g.dtype)
    bins, first = _bins(size, len(g))
    if len(bins) < len(g):
        g = np.add.reduceat(g, first, 0)
    for part, slope in zip(bins, g, strict=True):
        found[part] += slope / (part.stop - part.start)
    return np.moveaxis(found, 0, axis)


@op(
    name="_contrib_AdaptiveAvgPooling2D",
    samples=[
        Sample(((2, 2, 3, 4),), reference=lambda x: x.mean((2, 3), keepdims=True)),
        Sample(
            ((1, 2, 4, 6),),
            {"output_size": (2, 3)},
            reference=lambda x: x.reshape(1, 2, 2, 2, 3, 2).mean((3, 5)),
        ),
        Sample(((1, 2, 3, 5),), {"output_size": (2,)}),
        Sample(((2, 3, 4),), raises=ShapeError, match="must be .batch"),
        Sample(((1, 1, 4, 4),), {"output_size": (1, 2, 3)}, raises=ShapeError, match="output_size"),
    ],
)
def AdaptiveAvgPooling2D(
    data: Images,
    *,
    output_size: Annotated[Ints, "Size of the output: (height, width), or one for both."] = (),
    out: Array,
) -> None:
    r"""Average images over bins whose number is given, whatever the images' size is.

    Along an axis of m elements, bin i of n reaches from $\lfloor i m / n \rfloor$ to
    $\lceil (i + 1) m / n \rceil$: bins overlap where n does not divide m.
    """
    rows = _averages(_widened(data), -2, out.shape[-2])
    np.copyto(out, _averages(rows, -1, out.shape[-1]), casting="unsafe")


@AdaptiveAvgPooling2D.shape
def _(s: Any, *, output_size: Ints) -> None:
    """Rule: (batch, channels, *output_size)."""
    _check_image("data", s.data)
    sizes = output_size or (1,)
    if len(sizes) > 2 or min(sizes) < 1:
        raise ValueError(f"output_size {show(output_size)} must be one or two positive numbers")
    if s.output is not None:
        s.data = (*s.output[:2], None, None)
    if s.data is not None:
        s.output = (*s.data[:2], sizes[0], sizes[-1])


def _average_again(h: Symbol, g: Symbol, data: Symbol, *, output_size: Ints) -> tuple[Symbol, None]:
    return AdaptiveAvgPooling2D(h, output_size=output_size), None


def _onnx_weights(size: int, wanted: int) -> Array:
    """Return how much each element of an axis counts in each bin, (size, wanted)."""
    return _averages(np.eye(size), 0, wanted).T


@AdaptiveAvgPooling2D.onnx
def _(o: Any, data: Any) -> Any:
    sizes, wanted = o.fixed_sizes(data.shape[2:], "bins divide a size"), o.shape[2:]
    if set(wanted) == {1}:
        return o.GlobalAveragePool(data)
    if not any(n % m for n, m in zip(sizes, wanted, strict=True)):
        kernel = tuple(n // m for n, m in zip(sizes, wanted, strict=True))
        return o.AveragePool(data, kernel_shape=kernel, strides=kernel)
    down, across = (
        _onnx_weights(n, m).astype(data.dtype) for n, m in zip(sizes, wanted, strict=True)
    )
    return o.MatMul(o.MatMul(o.constant(down.T), data), o.constant(across))


@AdaptiveAvgPooling2D.backward(grad=_average_again)
def _(g: Array, data: Array, *, out: Array) -> None:
    """Send the gradients of averages back to the elements of their bins, in equal parts."""
    columns = _averages_back(_widened(g), -1, data.shape[-1])
    np.copyto(out, _averages_back(columns, -2, data.shape[-2]), casting="unsafe")


for _resize in (BilinearResize2D, AdaptiveAvgPooling2D):
    _resize.dtype(floats_only)
