r"""Sampling images at any points: grids, bilinear interpolation, and the spatial transformer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np

from minisym.core.cost import each
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.ndarray import Array
from minisym.core.op import get
from minisym.core.params import HINT, Ints
from minisym.core.samples import Sample
from minisym.core.shapes import show
from minisym.core.symbol import Symbol
from minisym.ops.inputs import Images
from minisym.ops.numeric.rules import floats_only
from minisym.ops.numeric.sums import sum_over

op = partial(declare, cost=each(8))

Target = Annotated[Ints, "Height and width of the output."]
CudnnOff = Annotated[bool | None, "Accepted, without effect.", HINT]

# --------------------------------------------------------------------------------- GridGenerator


def _positions(height: int, width: int, dtype: Any) -> Array:
    """Return x, y and 1 of each pixel, in [-1, 1], as a matrix of 3 rows."""
    y, x = np.meshgrid(np.arange(height, dtype=dtype), np.arange(width, dtype=dtype), indexing="ij")
    with np.errstate(all="ignore"):
        x, y = 2 * x / dtype.type(width - 1) - 1, 2 * y / dtype.type(height - 1) - 1
    return np.stack([x.ravel(), y.ravel(), np.ones(height * width, dtype)])


def _fill_grid(matrix: Array, out: Array) -> None:
    """Fill `out` (batch, 2, height, width) with the points that matrices map the pixels to."""
    positions = _positions(out.shape[2], out.shape[3], out.dtype)
    points = np.matmul(matrix.reshape(-1, 2, 3), positions)
    np.copyto(out, points.reshape(out.shape), casting="unsafe")


def _half(size: int, dtype: Any) -> Any:
    return dtype.type((size - 1) / 2)


_IDENTITY = np.array([[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]])


@op(
    workspaces=1,
    samples=[
        Sample(
            (_IDENTITY,),
            {"transform_type": "affine", "target_shape": (2, 3)},
            reference=lambda m: np.array([[[[-1.0, 0, 1]] * 2, [[-1.0] * 3, [1.0] * 3]]]),
        ),
        Sample(((2, 2, 3, 4),), {"transform_type": "warp"}),
        Sample(
            ((2, 5),),
            {"transform_type": "affine", "target_shape": (2, 3)},
            raises=ShapeError,
            match="data has shape",
        ),
        Sample(((2, 6),), {"transform_type": "affine"}, raises=ShapeError, match="target_shape"),
    ],
)
def GridGenerator(
    data: Annotated[
        Array, "Affine maps, (batch, 6), or moves of pixels, (batch, 2, height, width)."
    ],
    *,
    transform_type: Annotated[
        Literal["affine", "warp"], "Whether data are affine maps, or how far each pixel moves."
    ],
    target_shape: Target = (0, 0),
    out: Array,
) -> None:
    r"""Make a grid of points for `BilinearSampler`, (batch, 2, height, width) of x and y.

    Pixels lie in $[-1, 1]^2$, corners at $\pm 1$. With "affine", `data` are maps (batch, 6), and
    the points $A\,(x, y, 1)^\top$. With "warp", `data` (batch, 2, height, width) are added to the
    pixels' own positions, in pixels.
    """
    if transform_type == "affine":
        _fill_grid(data, out)
        return
    height, width = data.shape[2:]
    np.add(data[:, 0], np.arange(width), out[:, 0], casting="unsafe")
    np.add(data[:, 1], np.arange(height)[:, np.newaxis], out[:, 1], casting="unsafe")
    for axis, size in ((0, width), (1, height)):
        out[:, axis] /= _half(size, out.dtype)
        out[:, axis] -= 1


@GridGenerator.shape
def _(s: Any, *, transform_type: str, target_shape: Ints) -> None:
    """Rule: (batch, 2, height, width): of `target_shape`, or of the flow."""
    if transform_type == "warp":
        s.output = s.data
        s.data = s.output
        s.data = (None, 2, None, None)
        return
    _check_target(target_shape)
    s.data = (None, 6)
    s.output = (s.data[0], 2, *target_shape)
    s.data = (s.output[0], 6)


def _check_target(target_shape: Ints) -> None:
    if len(target_shape) != 2 or min(target_shape) < 1:
        raise ValueError(f"target_shape {show(target_shape)} must be a height and a width")


GridGenerator.dtype(floats_only)


def _grid_curvature(
    g: Symbol, head: Symbol, data: Symbol, *, transform_type: str, target_shape: Ints
) -> tuple[Symbol | None, ...]:
    params = {"transform_type": transform_type, "target_shape": target_shape}
    if transform_type == "warp":
        return _grid_back(g, data, **params), None
    return GridGenerator(g, **params), None


def _onnx_grid(o: Any, matrix: Any, target: Ints) -> Any:
    """Return the points that matrices map the pixels to, (batch, 2, height, width), in ONNX."""
    height, width = target
    positions = _positions(height, width, matrix.dtype)
    points = o.MatMul(o.Reshape(matrix, (-1, 2, 3)), o.constant(positions))
    return o.Reshape(points, (-1, 2, *target))


@GridGenerator.onnx
def _(o: Any, data: Any, *, transform_type: str, target_shape: Ints) -> Any:
    if transform_type == "affine":
        return _onnx_grid(o, data, target_shape)
    height, width = o.fixed_sizes(data.shape[2:], "pixels are counted")
    y, x = np.mgrid[:height, :width]
    half = np.array([_half(width, o.dtype), _half(height, o.dtype)]).reshape(2, 1, 1)
    moved = o.Add(data, o.constant(np.stack([x, y]).astype(o.dtype)))
    return o.Sub(o.Div(moved, o.constant(half.astype(o.dtype))), 1)


@GridGenerator.backward(grad=_grid_curvature)
def _grid_gradient(g: Array, data: Array, *, transform_type: str, out: Array) -> None:
    """Compute the gradient of the grid, which is linear in the data."""
    if transform_type == "affine":
        positions = _positions(g.shape[2], g.shape[3], g.dtype)
        found = np.matmul(g.reshape(len(g), 2, -1), positions.T)
        np.copyto(out, found.reshape(out.shape), casting="unsafe")
        return
    for axis, size in ((0, g.shape[3]), (1, g.shape[2])):
        np.divide(g[:, axis], _half(size, g.dtype), out[:, axis])


_grid_back: Any = get("_backward_GridGenerator")


# ------------------------------------------------------------------------------- BilinearSampler


def _corners(grid: Array, height: int, width: int) -> Iterator[tuple[Array, Array, Array, Array]]:
    """Yield, for the four pixels around each point: index, distance in x and y, whether it exists.

    The index is into the flattened image; distances are signed, from the pixel to the point.
    """
    half = grid.dtype.type(0.5)
    x, y = (grid[:, 0] + 1) * (width - 1) * half, (grid[:, 1] + 1) * (height - 1) * half
    left, top = np.floor(x), np.floor(y)
    for down in (0, 1):
        for right in (0, 1):
            column, row = left + right, top + down
            exists = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            index = np.where(exists, row * width + column, 0).astype(np.int64)
            yield index, x - column, y - row, exists


def _pixels(data: Array, index: Array, exists: Array) -> Array:
    """Gather pixels (batch, channels, …) by index (batch, …); 0 where there are none."""
    flat = data.reshape(*data.shape[:2], -1)
    found = np.take_along_axis(flat, index.reshape(len(index), 1, -1), 2)
    return np.where(exists[:, np.newaxis], found.reshape(*data.shape[:2], *index.shape[1:]), 0)


def sample(data: Array, grid: Array, out: Array) -> None:
    """Fill `out` with the image at the points of a grid; outside of it is 0."""
    total = np.zeros(out.shape, np.result_type(out, np.float32))
    for index, x, y, exists in _corners(grid, *data.shape[2:]):
        weight = (1 - np.abs(x)) * (1 - np.abs(y))
        total += _pixels(data, index, exists) * weight[:, np.newaxis]
    np.copyto(out, total, casting="unsafe")


def sample_gradient(g: Array, data: Array, grid: Array, in_data: Array, in_grid: Array) -> None:
    """Fill the gradients of `sample` by image and grid."""
    batch, channels, height, width = data.shape
    planes = (np.arange(batch * channels) * (height * width)).reshape(batch, channels, 1, 1)
    total = np.zeros(data.size)
    slope = np.zeros(grid.shape, np.result_type(grid, np.float32))
    for index, x, y, exists in _corners(grid, height, width):
        across, along = 1 - np.abs(x), 1 - np.abs(y)
        share = g * np.where(exists, across * along, 0)[:, np.newaxis]
        flat = (planes + index[:, np.newaxis]).ravel()
        total += np.bincount(flat, share.ravel(), minlength=data.size)
        felt = sum_over(g * _pixels(data, index, exists), 1)
        # towards the pixel on the left the weight falls with x, from that on the right it grows
        slope[:, 0] += felt * along * np.where(x >= 0, -1, 1)
        slope[:, 1] += felt * across * np.where(y >= 0, -1, 1)
    np.copyto(in_data, total.reshape(data.shape), casting="unsafe")
    slope[:, 0] *= (width - 1) / 2
    slope[:, 1] *= (height - 1) / 2
    np.copyto(in_grid, slope, casting="unsafe")


_EXACT = np.array([[[[-1.0, 0.0, 1.0]], [[-1.0, 0.5, 3.0]]]])


@op(
    workspaces=1,
    samples=[
        Sample(((2, 3, 4, 3), (2, 2, 2, 5)), domain=(-1.2, 1.2)),
        Sample(
            (np.arange(9.0).reshape(1, 1, 3, 3), _EXACT),
            wrt=(),
            reference=lambda x, grid: np.array([[[[0.0, 5.5, 0.0]]]]),
        ),
        Sample(((2, 3, 4, 3), (2, 3, 2, 5)), raises=ShapeError, match="grid has shape"),
    ],
)
def BilinearSampler(
    data: Images,
    grid: Annotated[Array, "Points to look at, (batch, 2, height', width'): x and y in [-1, 1]."],
    *,
    cudnn_off: CudnnOff = None,
    out: Array,
) -> None:
    r"""Interpolate an image bilinearly at the points of a grid.

    `data` is (batch, channels, height, width), `grid` (batch, 2, height', width') with x and y in
    $[-1, 1]$, corners at $\pm 1$; outside, the image is 0. The output is (batch, channels, height',
    width').

    Reference: Jaderberg et al., *Spatial transformer networks*, 2015, arXiv:1506.02025.
    """
    sample(data, grid, out)


@BilinearSampler.shape
def _(s: Any) -> None:
    """Rule: the batch and channels of `data`, the height and width of `grid`."""
    if s.data is None:
        return
    s.data = (None,) * 4
    s.grid = (s.data[0], 2, None, None)
    s.output = (*s.data[:2], *s.grid[2:])
    s.grid = (s.output[0], 2, *s.output[2:])
    s.data = (*s.output[:2], None, None)


BilinearSampler.dtype(floats_only)


def _onnx_sample(o: Any, data: Any, grid: Any) -> Any:
    """Look at an image at the points of a grid, in ONNX."""
    points = o.Transpose(grid, perm=(0, 2, 3, 1))
    mode = "linear" if o.opset >= 20 else "bilinear"
    return o.GridSample(data, points, mode=mode, padding_mode="zeros", align_corners=1)


BilinearSampler.onnx(_onnx_sample)


@BilinearSampler.backward
def _sampler_gradient(g: Array, data: Array, grid: Array, *, out: tuple[Array, Array]) -> None:
    """Compute the gradients by image and grid."""
    sample_gradient(g, data, grid, *out)


_sampler_back: Any = get("_backward_BilinearSampler")

# ---------------------------------------------------------------------------- SpatialTransformer


@op(
    workspaces=2,
    samples=[
        Sample(
            ((1, 2, 3, 3), _IDENTITY),
            {"target_shape": (3, 3), "transform_type": "affine", "sampler_type": "bilinear"},
            wrt=(),
            reference=lambda x, matrix: x,
        ),
        Sample(
            (
                (2, 2, 4, 3),
                np.array([[0.8, 0.1, 0.05, -0.1, 0.7, 0.1], [0.5, 0.2, 0, 0, 0.6, 0.1]]),
            ),
            {"target_shape": (2, 4), "transform_type": "affine", "sampler_type": "bilinear"},
        ),
        Sample(
            ((1, 2, 3, 3), (1, 6)),
            {"transform_type": "affine", "sampler_type": "bilinear"},
            raises=ShapeError,
            match="target_shape",
        ),
    ],
)
def SpatialTransformer(
    data: Images,
    loc: Annotated[Array, "Affine maps, (batch, 6)."],
    *,
    target_shape: Target = (0, 0),
    transform_type: Annotated[Literal["affine"], "What `loc` is: affine maps."],
    sampler_type: Annotated[Literal["bilinear"], "How to interpolate."],
    cudnn_off: CudnnOff = None,
    out: Array,
) -> None:
    r"""Sample an image where affine maps take the pixels of the output.

    It is `BilinearSampler` on the grid that `GridGenerator` makes of `loc` (batch, 6).

    Reference: Jaderberg et al., *Spatial transformer networks*, 2015, arXiv:1506.02025.
    """
    grid = np.empty((len(data), 2, *target_shape), data.dtype)
    _fill_grid(loc, grid)
    sample(data, grid, out)


@SpatialTransformer.shape
def _(s: Any, *, target_shape: Ints) -> None:
    """Rule: the batch and channels of `data`, the height and width of `target_shape`.

    `loc` is (batch, 6).
    """
    _check_target(target_shape)
    if s.data is None:
        return
    s.data = (None,) * 4
    s.loc = (s.data[0], 6)
    s.output = (*s.data[:2], *target_shape)
    s.data = (*s.output[:2], None, None)


SpatialTransformer.dtype(floats_only)


@SpatialTransformer.onnx
def _(o: Any, data: Any, loc: Any, *, target_shape: Ints) -> Any:
    return _onnx_sample(o, data, _onnx_grid(o, loc, target_shape))


@SpatialTransformer.grad
def _(g: Symbol, data: Symbol, loc: Symbol, *, target_shape: Ints) -> tuple[Symbol, Symbol]:
    affine = {"transform_type": "affine", "target_shape": target_shape}
    found = _sampler_back(g, data, GridGenerator(loc, **affine))
    return found[0], _grid_back(found[1], loc, **affine)
