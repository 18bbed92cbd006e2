r"""Normalisation: arrays of mean 0 and variance 1, over a layer, a group or an instance.

All are $\hat x = (x - \mu) / \sigma$, scaled by gamma and shifted by beta; they differ in the axes
that $\mu$ and $\sigma$ are taken over. With $n$ elements there, the gradient is
$\partial x = \frac{\gamma}{\sigma} (g - \frac1n \sum g - \hat x \frac1n \sum g \hat x)$.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import each
from minisym.core.declare import F
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.kernels import single
from minisym.core.ndarray import Array
from minisym.core.params import Between
from minisym.core.samples import Sample
from minisym.core.shapes import axis_of, show
from minisym.core.symbol import Symbol
from minisym.ops.channels import along, lay
from minisym.ops.inputs import ChannelBeta, ChannelGamma, Samples
from minisym.ops.numeric.rules import floats_only
from minisym.ops.numeric.sums import mean_over, sum_over
from minisym.ops.second import second_order

op = partial(declare, kind="norm", cost=each(8))

Epsilon = Annotated[float, "Added to the variance, so that no division is by 0."]
OutputMeanVar = Annotated[bool, "Whether mean and deviation are outputs, too."]
Axes = tuple[int, ...]
Inputs = dict[str, Symbol]


def standardise(data: Array, axes: Axes, out: Array) -> tuple[Array, Array]:
    r"""Fill `out` with $x - \mu$; return mean and variance, both with all axes."""
    mean = mean_over(data, axes, keepdims=True, dtype=out.dtype)
    np.subtract(data, mean, out)
    return mean, mean_over(np.square(out), axes, keepdims=True)


def _normalise(
    data: Array, gamma: Array, beta: Array, axes: Axes, eps: float, out: Array
) -> tuple[Array, Array]:
    r"""Fill `out` with $\gamma \hat x + \beta$; return mean and deviation, both with all axes."""
    work = out if out.dtype != np.float16 else np.empty(out.shape, np.float32)
    mean, variance = standardise(data, axes, work)
    deviation = np.sqrt(variance + work.dtype.type(eps))
    work *= gamma / deviation
    work += beta
    if work is not out:
        np.copyto(out, work, casting="unsafe")
    return mean, deviation


def pull_back(g: Array, gamma: Any, normal: Array, inverse: Array, axes: Axes, out: Array) -> None:
    r"""Fill `out` with the gradient by the data, of which mean and deviation are functions."""
    scaled = g * gamma
    slope = mean_over(scaled * normal, axes, keepdims=True)
    scaled -= mean_over(scaled, axes, keepdims=True)
    scaled -= normal * slope
    np.multiply(scaled, inverse, out, casting="unsafe")


def others(axes: Axes, rank: int) -> Axes:
    """Return all axes but these."""
    return tuple(i for i in range(rank) if i not in axes)


def _fill_gradients(arrays: Sequence[Array], axes: Axes, laid: Axes, out: Sequence[Array]) -> None:
    """Fill the gradients by data, gamma and beta.

    `arrays` are g, data, gamma, mean and deviation, all with the same number of axes; gamma varies
    along the axes `laid`.
    """
    g, data, gamma, mean, deviation = (_widened(a) for a in arrays)
    in_data, in_gamma, in_beta = out
    normal = (data - mean) / deviation
    rest = others(laid, data.ndim)
    np.copyto(in_gamma, sum_over(g * normal, rest).reshape(in_gamma.shape), casting="unsafe")
    np.copyto(in_beta, sum_over(g, rest).reshape(in_beta.shape), casting="unsafe")
    pull_back(g, gamma, normal, 1 / deviation, axes, in_data)


def _widened(array: Array) -> Array:
    """Return float16 as float32, to compute in."""
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _standard(data: Symbol, eps: float, **axes: Any) -> Symbol:
    """Return the normalised data, as a formula."""
    centred = F.broadcast_sub(data, F.mean(data, keepdims=True, **axes))
    variance = F.mean(F.square(centred), keepdims=True, **axes)
    return F.broadcast_mul(centred, F.rsqrt(variance + eps))


def _visible(params: Any) -> int:
    return 3 if params["output_mean_var"] else 1


_DERIVED = ("data", "gamma", "beta")
_TAKES = ("g", "data", "gamma", "beta", "y1", "y2")

# ------------------------------------------------------------------------------------- LayerNorm


def _layer_norm_formula(inputs: Inputs, params: dict[str, Any]) -> Symbol:
    data, axis = inputs["data"], params["axis"]
    normal = _standard(data, params["eps"], axis=axis)
    gamma, beta = (along(inputs[name], data, axis=axis) for name in ("gamma", "beta"))
    return normal * gamma + beta


def _plain(x: Array, gamma: Array, beta: Array, axes: Axes, eps: float, axis: int = 1) -> Array:
    normal = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)
    found: Array = normal * lay(gamma, x.ndim, axis) + lay(beta, x.ndim, axis)
    return found


@op(
    outputs=("output", "mean", "std"),
    visible=_visible,
    samples=[
        Sample(((4, 3), (3,), (3,)), reference=lambda x, g, b: _plain(x, g, b, (1,), 1e-5)),
        Sample(
            ((2, 4, 3), (4,), (4,)),
            {"axis": 1, "eps": 0.1},
            reference=lambda x, g, b: _plain(x, g, b, (1,), single(0.1)),
        ),
        Sample(
            ((2, 3), (3,), (3,)),
            {"output_mean_var": True},
            wrt=(),
            reference=lambda x, g, b: [
                _plain(x, g, b, (1,), 1e-5),
                x.mean(1, keepdims=True),
                np.sqrt(x.var(1, keepdims=True) + single(1e-5)),
            ],
        ),
        Sample(((2, 3), (2,), (3,)), raises=ShapeError, match="gamma has shape"),
        Sample(((2, 3), (3,), (3,)), {"axis": 2}, raises=ShapeError, match="axis 2 does not exist"),
    ],
)
def LayerNorm(
    data: Annotated[Array, "The array to normalise."],
    gamma: Annotated[Array, "Factor of each index along the axis, a vector."],
    beta: Annotated[Array, "What is added at each index along the axis, a vector."],
    *,
    axis: Annotated[int, "The axis to normalise along."] = -1,
    eps: Epsilon = 1e-5,
    output_mean_var: OutputMeanVar = False,
    out: tuple[Array, Array, Array],
) -> None:
    r"""Normalise along one axis, $y = \gamma (x - \mu) / \sigma + \beta$.

    $\sigma$ is the square root of the variance plus `eps`. `gamma` and `beta` have one element for
    each index along the axis. With `output_mean_var`, the outputs `mean` and `std` are $\mu$ and
    $\sigma$, with an axis of 1 where it was; gradients that arrive there are ignored.

    Reference: Ba et al., *Layer normalization*, 2016, arXiv:1607.06450.
    """
    place = axis_of(axis, data.ndim)
    gamma, beta = (lay(a, data.ndim, place) for a in (gamma, beta))
    mean, std = _normalise(data, gamma, beta, (place,), single(eps), out[0])
    np.copyto(out[1], mean, casting="unsafe")
    np.copyto(out[2], std, casting="unsafe")


@LayerNorm.shape
def _(s: Any, *, axis: int) -> None:
    """Rule: the output has the shape of `data`; `gamma` and `beta` have the length of `axis`."""
    s.output = s.data
    s.data = s.output
    if s.data is not None:
        place = axis_of(axis, len(s.data))
        s.gamma = s.beta = (s.data[place],)
        s.mean = s.std = tuple(1 if i == place else d for i, d in enumerate(s.data))


LayerNorm.dtype(floats_only)


def _onnx_standard(o: Any, data: Any, axis: int, eps: float) -> tuple[Any, Any, Any]:
    """Return the normalised data, mean and deviation, as ONNX computes them of floats."""
    wide = o.wide(data)
    mean = o.reduce("ReduceMean", wide, (axis,), keepdims=True)
    centred = o.Sub(wide, mean)
    variance = o.reduce("ReduceMean", o.Mul(centred, centred), (axis,), keepdims=True)
    deviation = o.Sqrt(o.Add(variance, eps))
    return o.Div(centred, deviation), mean, deviation


@LayerNorm.onnx
def _(o: Any, data: Any, gamma: Any, beta: Any, *, axis: int, eps: float) -> Any:
    normal, mean, deviation = _onnx_standard(o, data, axis, eps)
    if axis in (-1, data.rank - 1):
        return [o.LayerNormalization(data, gamma, beta, axis=-1, epsilon=eps), mean, deviation]
    laid = (o.lay(o.wide(vector), data.rank, axis) for vector in (gamma, beta))
    return [o.Add(o.Mul(normal, next(laid)), next(laid)), mean, deviation]


@LayerNorm.backward(wrt=_DERIVED, grad=second_order(_layer_norm_formula, _TAKES, _DERIVED))
def _layer_norm_gradient(
    g: Array,
    data: Array,
    gamma: Array,
    beta: Array,
    y1: Array,
    y2: Array,
    *,
    axis: int,
    out: tuple[Array, Array, Array],
) -> None:
    """Compute the gradients by data, gamma and beta."""
    place = axis_of(axis, data.ndim)
    arrays = (g, data, lay(gamma, data.ndim, place), y1, y2)
    _fill_gradients(arrays, (place,), (place,), out)


# ---------------------------------------------------------------------- GroupNorm, InstanceNorm


def _fill_grouped(
    data: Array, groups: int, gamma: Array, beta: Array, eps: float, out: Sequence[Array]
) -> None:
    """Normalise each group of channels of each sample."""
    blocks = (len(data), groups, data.size // max(1, len(data) * groups))
    work = out[0].reshape(blocks) if out[0].flags.c_contiguous else np.empty(blocks, data.dtype)
    mean, std = _normalise(data.reshape(blocks), lay(gamma, 3), lay(beta, 3), (2,), eps, work)
    if not out[0].flags.c_contiguous:
        np.copyto(out[0], work.reshape(data.shape))
    for found, filled in ((mean, out[1]), (std, out[2])):
        np.copyto(filled, found.reshape(filled.shape), casting="unsafe")


def _fill_grouped_gradients(arrays: Sequence[Array], groups: int, out: Sequence[Array]) -> None:
    """Fill the gradients from g, data, gamma, mean and deviation."""
    g, data, gamma, mean, std = arrays
    blocks = (len(data), groups, data.size // max(1, len(data) * groups))
    in_data = np.empty(blocks, data.dtype)
    parts = (
        g.reshape(blocks),
        data.reshape(blocks),
        lay(gamma, 3),
        mean[..., None],
        std[..., None],
    )
    _fill_gradients(parts, (2,), (1,), (in_data, *out[1:]))
    np.copyto(out[0], in_data.reshape(data.shape))


def _grouped_formula(inputs: Inputs, params: dict[str, Any]) -> Symbol:
    data = inputs["data"]
    blocks = F.Reshape(data, shape=(0, params.get("num_groups", 0), -1))
    gamma, beta = (along(inputs[name], blocks, axis=1) for name in ("gamma", "beta"))
    return F.reshape_like(_standard(blocks, params["eps"], axis=2) * gamma + beta, data)


@op(
    outputs=("output", "mean", "std"),
    visible=_visible,
    samples=[
        Sample(
            ((2, 4, 3), (2,), (2,)),
            {"num_groups": 2},
            reference=lambda x, g, b: _plain(x.reshape(2, 2, 6), g, b, (2,), single(1e-5)).reshape(
                2, 4, 3
            ),
        ),
        Sample(((2, 4, 3), (1,), (1,)), {"output_mean_var": True}, wrt=()),
        Sample(
            ((2, 4, 3), (3,), (3,)), {"num_groups": 3}, raises=ShapeError, match="cannot be split"
        ),
        Sample(((2, 4), (1,), (1,)), raises=ShapeError, match="at least 3 dimensions"),
    ],
)
def GroupNorm(
    data: Samples,
    gamma: Annotated[Array, "Factor of each group, (num_groups,)."],
    beta: Annotated[Array, "What is added to each group, (num_groups,)."],
    *,
    num_groups: Annotated[int, "Into how many groups the channels are split.", Between(1)] = 1,
    eps: Epsilon = 1e-5,
    output_mean_var: OutputMeanVar = False,
    out: tuple[Array, Array, Array],
) -> None:
    r"""Normalise each group of channels of each sample, $y = \gamma (x - \mu) / \sigma + \beta$.

    `data` is (batch, channels, …); as in MXNet, `gamma` and `beta` have one element for each group.
    With `output_mean_var`, the outputs `mean` and `std` are $\mu$ and $\sigma$, of shape
    (batch, num_groups); gradients that arrive there are ignored.

    Reference: Wu and He, *Group normalization*, ECCV 2018, arXiv:1803.08494.
    """
    _fill_grouped(data, num_groups, gamma, beta, single(eps), out)


@GroupNorm.shape
def _(s: Any, *, num_groups: int) -> None:
    """Rule: the output has the shape of `data`; `gamma` and `beta` have one element a group."""
    s.output = s.data
    s.data = s.output
    data = s.data
    s.gamma = s.beta = (num_groups,)
    if data is None:
        return
    if len(data) < 3:
        raise ValueError(f"data {show(data)} needs at least 3 dimensions: batch, channels, more")
    if data[1] is not None and data[1] % num_groups:
        raise ValueError(f"{data[1]} channels cannot be split into {num_groups} groups")
    s.mean = s.std = (data[0], num_groups)


GroupNorm.dtype(floats_only)


@GroupNorm.onnx
def _(o: Any, data: Any, gamma: Any, beta: Any, *, num_groups: int, eps: float) -> Any:
    blocks = o.Reshape(data, (0, num_groups, -1))
    made = o.reshape(o.InstanceNormalization(blocks, gamma, beta, epsilon=eps))
    _, mean, deviation = _onnx_standard(o, blocks, 2, eps)
    return [made, o.Squeeze(mean, (2,)), o.Squeeze(deviation, (2,))]


@GroupNorm.backward(wrt=_DERIVED, grad=second_order(_grouped_formula, _TAKES, _DERIVED))
def _group_norm_gradient(
    g: Array,
    data: Array,
    gamma: Array,
    beta: Array,
    y1: Array,
    y2: Array,
    *,
    num_groups: int,
    out: tuple[Array, Array, Array],
) -> None:
    """Compute the gradients by data, gamma and beta."""
    _fill_grouped_gradients((g, data, gamma, y1, y2), num_groups, out)


@op(
    outputs=("output", "mean", "std"),
    visible=1,
    samples=[
        Sample(
            ((2, 3, 4), (3,), (3,)),
            reference=lambda x, g, b: _plain(x, g, b, (2,), single(0.001)),
        ),
        Sample(((2, 3, 2, 2), (3,), (3,)), {"eps": 0.1}),
        Sample(((2, 3), (3,), (3,)), raises=ShapeError, match="at least 3 dimensions"),
    ],
)
def InstanceNorm(
    data: Samples,
    gamma: ChannelGamma,
    beta: ChannelBeta,
    *,
    eps: Epsilon = 0.001,
    out: tuple[Array, Array, Array],
) -> None:
    r"""Normalise each channel of each sample, $y = \gamma (x - \mu) / \sigma + \beta$.

    `data` is (batch, channels, …), `gamma` and `beta` are (channels,).

    Reference: Ulyanov et al., *Instance normalization*, 2016, arXiv:1607.08022.
    """
    _fill_grouped(data, data.shape[1], gamma, beta, single(eps), out)


@InstanceNorm.shape
def _(s: Any) -> None:
    """Rule: the output has the shape of `data`; `gamma` and `beta` have one element a channel."""
    s.output = s.data
    s.data = s.output
    if s.data is not None:
        if len(s.data) < 3:
            raise ValueError(
                f"data {show(s.data)} needs at least 3 dimensions: batch, channels, more"
            )
        s.gamma = s.beta = (s.data[1],)
        s.mean = s.std = s.data[:2]


InstanceNorm.dtype(floats_only)


@InstanceNorm.onnx
def _(o: Any, data: Any, gamma: Any, beta: Any, *, eps: float) -> Any:
    return o.InstanceNormalization(data, gamma, beta, epsilon=eps)


@InstanceNorm.backward(wrt=_DERIVED, grad=second_order(_grouped_formula, _TAKES, _DERIVED))
def _instance_norm_gradient(
    g: Array,
    data: Array,
    gamma: Array,
    beta: Array,
    y1: Array,
    y2: Array,
    *,
    out: tuple[Array, Array, Array],
) -> None:
    """Compute the gradients by data, gamma and beta."""
    _fill_grouped_gradients((g, data, gamma, y1, y2), data.shape[1], out)
