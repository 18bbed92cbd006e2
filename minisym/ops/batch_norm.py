r"""Batch normalisation: the statistics of a channel over the batch, and moving averages of them."""

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
from minisym.core.params import HINT
from minisym.core.samples import Sample
from minisym.core.shapes import axis_of
from minisym.core.symbol import Symbol
from minisym.ops.casting import cast_like
from minisym.ops.channels import along, lay
from minisym.ops.inputs import ChannelBeta, Samples
from minisym.ops.norm import (
    Axes,
    Epsilon,
    Inputs,
    OutputMeanVar,
    others,
    standardise,
)
from minisym.ops.numeric.scratch import scratch
from minisym.ops.numeric.sums import sum_over
from minisym.ops.second import by_mode, second_order

op = partial(declare, kind="norm", cost=each(4))
Gamma = Annotated[Array, "Factor of each channel, (channels,); counts as 1 with fix_gamma."]
MovingMean = Annotated[Array, "Moving average of the means, (channels,); training overwrites it."]
MovingVar = Annotated[
    Array, "Moving average of the variances, (channels,); training overwrites it."
]

BATCH_OUTPUTS = ("output", "mean", "var", "new_moving_mean", "new_moving_var")
Momentum = Annotated[float, "How much of the moving averages a training run keeps."]
FixGamma = Annotated[bool, "Whether gamma counts as 1, and gets the gradient 0."]
GlobalStats = Annotated[bool, "Whether training, too, uses the moving averages, and keeps them."]
Accepted = Annotated[float | None, "Accepted, without effect.", HINT]


def fill_batch_norm(
    arrays: Sequence[Array],
    axis: int,
    eps: float,
    momentum: float,
    out: Sequence[Array],
    *,
    fix_gamma: bool,
    batch_stats: bool,
    inverse: bool,
) -> None:
    """Fill the outputs of BatchNorm; `inverse` says whether `var` is 1 / deviation."""
    data, gamma, beta, moving_mean, moving_var = arrays
    output, out_mean, out_var, new_mean, new_var = out
    data = np.ascontiguousarray(data)  # so that the states are the same bits for any layout
    place = axis_of(axis, data.ndim)
    work = np.empty(data.shape, np.float32) if output.dtype == np.float16 else output
    np.copyto(new_mean, moving_mean)
    np.copyto(new_var, moving_var)
    if batch_stats:
        mean, var = standardise(data, others((place,), data.ndim), work)
        if data.dtype == np.float16:  # the float32 outputs show this rounding of MXNet's
            var = (var + eps).astype(np.float16).astype(np.float32) - np.float32(eps)
        kept = single(momentum)
        new_mean[...] = moving_mean * kept + mean.reshape(-1) * (1 - kept)
        new_var[...] = moving_var * kept + var.reshape(-1) * (1 - kept)
    else:
        mean, var = lay(moving_mean, data.ndim, place), lay(moving_var, data.ndim, place)
        np.subtract(data, mean, work)
    factor = 1 / np.sqrt(var + var.dtype.type(eps))
    np.copyto(out_mean, mean.reshape(-1))
    np.copyto(out_var, (factor if inverse else var).reshape(-1))
    work *= factor if fix_gamma else factor * lay(gamma, data.ndim, place)
    work += lay(beta, data.ndim, place)
    if work is not output:
        np.copyto(output, work, casting="unsafe")


def _fill_batch_norm_gradient(
    arrays: Sequence[Array],
    axis: int,
    out: Sequence[Array],
    *,
    fix_gamma: bool,
    batch_stats: bool,
) -> None:
    """Fill the gradients of BatchNorm from g, data, gamma, mean and 1 / deviation."""
    g, data, gamma, mean, inverse = arrays
    in_data, in_gamma, in_beta = out
    place = axis_of(axis, data.ndim)
    axes = others((place,), data.ndim)
    gamma, mean, inverse = (lay(a, data.ndim, place) for a in (gamma, mean, inverse))
    factor = inverse if fix_gamma else gamma * inverse
    normal = np.subtract(data, mean, scratch("normal", data.shape, inverse.dtype))
    np.multiply(normal, inverse, normal)
    product = np.multiply(g, normal, scratch("product", data.shape, normal.dtype))
    all_of_g, moved = (sum_over(a, axes, dtype=normal.dtype, keepdims=True) for a in (g, product))
    np.copyto(in_beta, all_of_g.reshape(-1))
    if fix_gamma:
        in_gamma.fill(0)
    elif data.dtype == np.float16:  # rounded like MXNet's, since the float32 sum shows it
        products = (data - mean).astype(np.float16) * g
        np.multiply(sum_over(products, axes, dtype=in_gamma.dtype), inverse.reshape(-1), in_gamma)
    else:
        np.copyto(in_gamma, moved.reshape(-1))
    if batch_stats:  # factor * (g - mean of g - normal * mean of g * normal)
        share = normal.dtype.type(1 / max(1, data.size // max(1, all_of_g.size)))
        normal *= moved * -share
        normal += g
        normal -= all_of_g * share
        np.multiply(normal, factor, in_data, casting="unsafe")
    else:
        np.multiply(g, factor, in_data, casting="unsafe")


def _batch_norm_formula(inputs: Inputs, params: dict[str, Any]) -> Symbol:
    data, axis, eps = inputs["data"], params.get("axis", 1), params["eps"]
    mean, var = inputs["y1"], inputs["y2"]
    factor = cast_like(var if "axis" in params else F.rsqrt(var + eps), data)
    normal = (data - along(cast_like(mean, data), data, axis=axis)) * along(factor, data, axis=axis)
    if not params["use_global_stats"]:
        centred = data - along(F.mean(data, axis=axis, exclude=True), data, axis=axis)
        var = F.mean(F.square(centred), axis=axis, exclude=True)
        normal = by_mode(centred * along(F.rsqrt(var + eps), data, axis=axis), normal)
    if not params["fix_gamma"]:
        normal = normal * along(cast_like(inputs["gamma"], data), data, axis=axis)
    return normal + along(cast_like(inputs["beta"], data), data, axis=axis)


def batch_norm_shape(s: Any, axis: int) -> None:
    """Rule: the vectors have one element for each index along the axis."""
    s.output = s.data
    s.data = s.output
    if s.data is not None:
        place = axis_of(axis, len(s.data))
        vector = (s.data[place],)
        names = ("gamma", "beta", "moving_mean", "moving_var", *BATCH_OUTPUTS[1:])
        for name in names:
            setattr(s, name, vector)


def batch_norm_types(t: Any) -> None:
    """Rule: float16 data have float32 parameters and states."""
    t.output = t.data
    t.data = t.output
    if t.data is None:
        return
    if t.data.kind != "f":
        raise ValueError(f"it takes float arrays, but got {t.data}")
    known = np.dtype(np.float32) if t.data == np.float16 else t.data
    for name in ("gamma", "beta", "moving_mean", "moving_var", *BATCH_OUTPUTS[1:]):
        setattr(t, name, known)


def _reference(eps: float, axes: Axes) -> Any:
    def reference(x: Array, gamma: Array, beta: Array, *moving: Array) -> Array:
        mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
        normal = (x - mean) / np.sqrt(var + eps)
        found: Array = normal * lay(gamma, x.ndim) + lay(beta, x.ndim)
        return found

    return reference


def batch_norm_onnx(
    o: Any, arrays: Sequence[Any], axis: int, eps: float, *, fix_gamma: bool, inverse: bool
) -> Any:
    """Normalise by the moving averages in ONNX; off the beaten axis, or in halves, by formula."""
    data, gamma, beta, mean, var = arrays
    if fix_gamma:
        gamma = o.full(gamma.shape, 1, gamma.dtype)
    factor = o.Reciprocal(o.Sqrt(o.Add(var, eps)))
    shown = factor if inverse else var
    if axis % data.rank == 1 and data.dtype == gamma.dtype:
        made = o.BatchNormalization(data, gamma, beta, mean, var, epsilon=eps)
        return [made, mean, shown]
    lay = partial(o.lay, rank=data.rank, axis=axis)
    centred = o.Sub(o.cast(data, mean.dtype), lay(mean))
    made = o.Add(o.Mul(centred, lay(o.shaped(o.Mul(factor, gamma), gamma.shape))), lay(beta))
    return [made, mean, shown]


_ARRAYS = ((4, 3, 2, 2), (3,), (3,), np.array([0.5, -0.5, 0.0]), np.array([1.0, 2.0, 0.5]))
_BATCH_SAMPLES = [
    Sample(
        _ARRAYS,
        {"fix_gamma": False, "eps": 0.01},
        wrt=(0, 1, 2),
        reference=_reference(0.01, (0, 2, 3)),
    ),
    Sample(
        _ARRAYS,
        wrt=(0, 2),
        reference=lambda x, gamma, beta, *moving: _reference(0.001, (0, 2, 3))(x, np.ones(3), beta),
    ),
    Sample(
        _ARRAYS,
        {"fix_gamma": False},
        wrt=(0, 1, 2),
        is_train=False,
        reference=lambda x, gamma, beta, mean, var: (
            (x - lay(mean, 4)) / np.sqrt(lay(var, 4) + 0.001) * lay(gamma, 4) + lay(beta, 4)
        ),
    ),
    Sample(_ARRAYS, {"fix_gamma": False, "use_global_stats": True}, wrt=(0, 1, 2)),
    Sample((*_ARRAYS[:1], (2,), *_ARRAYS[2:]), raises=ShapeError, match="gamma has shape"),
]
_DERIVED = ("data", "gamma", "beta")
_BATCH_TAKES = ("g", "data", "gamma", "beta", "y1", "y2")


def batch_norm_visible(params: Any) -> int:
    """Say how many outputs a user sees."""
    return 3 if params["output_mean_var"] else 1


@op(
    states=("moving_mean", "moving_var"),
    inits={"moving_mean": '["zero", {}]', "moving_var": '["one", {}]'},
    writes={"moving_mean": 3, "moving_var": 4},
    outputs=BATCH_OUTPUTS,
    visible=batch_norm_visible,
    samples=[
        *_BATCH_SAMPLES,
        Sample(
            ((4, 2, 3), *_ARRAYS[1:]),
            {"axis": -1, "fix_gamma": False},
            wrt=(0, 1, 2),
        ),
        Sample(((2, 3), *_ARRAYS[1:]), {"axis": 2}, raises=ShapeError, match="axis 2 does not"),
    ],
)
def BatchNorm(
    data: Annotated[
        Array, "Data, by default (batch, channels, …); `axis` is that of the channels."
    ],
    gamma: Gamma,
    beta: ChannelBeta,
    moving_mean: MovingMean,
    moving_var: MovingVar,
    *,
    eps: Epsilon = 0.001,
    momentum: Momentum = 0.9,
    fix_gamma: FixGamma = True,
    use_global_stats: GlobalStats = False,
    output_mean_var: OutputMeanVar = False,
    axis: Annotated[int, "The axis of the channels."] = 1,
    cudnn_off: Annotated[bool, "Accepted, without effect.", HINT] = False,
    min_calib_range: Accepted = None,
    max_calib_range: Accepted = None,
    is_train: bool = False,
    out: Any,
) -> None:
    r"""Normalise each channel over the batch, $y = \gamma (x - \mu) / \sqrt{v + \epsilon} + \beta$.

    In training, mean and variance are those of the batch, and the run moves the states on,
    $m \leftarrow momentum \cdot m + (1 - momentum)\, \mu$, and the (biased) variance $v$ alike. In
    inference they are the states. By default gamma is fixed to 1.

    With `output_mean_var`, the outputs `mean` and `var` are $\mu$ and $1 / \sqrt{v + \epsilon}$;
    gradients that arrive there are ignored.

    Reference: Ioffe and Szegedy, *Batch normalization*, ICML 2015, arXiv:1502.03167.

    >>> from minisym import sym
    >>> norm = sym.BatchNorm(sym.Variable("x"), name="bn")
    >>> norm.list_arguments(), norm.list_auxiliary_states()
    (['x', 'bn_gamma', 'bn_beta'], ['bn_moving_mean', 'bn_moving_var'])
    """
    fill_batch_norm(
        (data, gamma, beta, moving_mean, moving_var),
        axis,
        eps,
        momentum,
        out,
        fix_gamma=fix_gamma,
        batch_stats=is_train and not use_global_stats,
        inverse=True,
    )


@BatchNorm.shape
def _(s: Any, *, axis: int) -> None:
    """Rule: the output has the shape of `data`.

    All others have one element a channel, along `axis`.
    """
    batch_norm_shape(s, axis)


BatchNorm.dtype(batch_norm_types)


@BatchNorm.onnx
def _(
    o: Any,
    data: Any,
    gamma: Any,
    beta: Any,
    moving_mean: Any,
    moving_var: Any,
    *,
    eps: float,
    fix_gamma: bool,
    axis: int,
) -> Any:
    arrays = (data, gamma, beta, moving_mean, moving_var)
    return batch_norm_onnx(o, arrays, axis, eps, fix_gamma=fix_gamma, inverse=True)


@BatchNorm.backward(wrt=_DERIVED, grad=second_order(_batch_norm_formula, _BATCH_TAKES, _DERIVED))
def _batch_norm_gradient(
    g: Array,
    data: Array,
    gamma: Array,
    beta: Array,
    y1: Array,
    y2: Array,
    *,
    axis: int,
    fix_gamma: bool,
    use_global_stats: bool,
    is_train: bool,
    out: tuple[Array, Array, Array],
) -> None:
    """Compute the gradients by data, gamma and beta."""
    stats = is_train and not use_global_stats
    arrays = (g, data, gamma, y1, y2)
    _fill_batch_norm_gradient(arrays, axis, out, fix_gamma=fix_gamma, batch_stats=stats)


@op(
    states=("moving_mean", "moving_var"),
    inits={"moving_mean": '["zero", {}]', "moving_var": '["one", {}]'},
    writes={"moving_mean": 3, "moving_var": 4},
    outputs=BATCH_OUTPUTS,
    visible=batch_norm_visible,
    samples=_BATCH_SAMPLES,
)
def BatchNorm_v1(
    data: Samples,
    gamma: Gamma,
    beta: ChannelBeta,
    moving_mean: MovingMean,
    moving_var: MovingVar,
    *,
    eps: Epsilon = 0.001,
    momentum: Momentum = 0.9,
    fix_gamma: FixGamma = True,
    use_global_stats: GlobalStats = False,
    output_mean_var: OutputMeanVar = False,
    is_train: bool = False,
    out: Any,
) -> None:
    r"""Normalise each channel over the batch: the first version of `BatchNorm`, for old files.

    The channels lie along axis 1, and the output `var` is the variance itself.
    """
    fill_batch_norm(
        (data, gamma, beta, moving_mean, moving_var),
        1,
        eps,
        momentum,
        out,
        fix_gamma=fix_gamma,
        batch_stats=is_train and not use_global_stats,
        inverse=False,
    )


@BatchNorm_v1.shape
def _(s: Any) -> None:
    """Rule: the output has the shape of `data`; all others have one element a channel, axis 1."""
    batch_norm_shape(s, 1)


BatchNorm_v1.dtype(batch_norm_types)


@BatchNorm_v1.onnx
def _(
    o: Any,
    data: Any,
    gamma: Any,
    beta: Any,
    moving_mean: Any,
    moving_var: Any,
    *,
    eps: float,
    fix_gamma: bool,
) -> Any:
    arrays = (data, gamma, beta, moving_mean, moving_var)
    return batch_norm_onnx(o, arrays, 1, eps, fix_gamma=fix_gamma, inverse=False)


@BatchNorm_v1.backward(wrt=_DERIVED, grad=second_order(_batch_norm_formula, _BATCH_TAKES, _DERIVED))
def _batch_norm_v1_gradient(
    g: Array,
    data: Array,
    gamma: Array,
    beta: Array,
    y1: Array,
    y2: Array,
    *,
    eps: float,
    fix_gamma: bool,
    use_global_stats: bool,
    is_train: bool,
    out: tuple[Array, Array, Array],
) -> None:
    """Compute the gradients by data, gamma and beta."""
    stats = is_train and not use_global_stats
    arrays = (g, data, gamma, y1, 1 / np.sqrt(y2 + y2.dtype.type(eps)))
    _fill_batch_norm_gradient(arrays, 1, out, fix_gamma=fix_gamma, batch_stats=stats)
