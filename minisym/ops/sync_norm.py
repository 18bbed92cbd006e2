r"""Batch normalisation as MXNet's `contrib` has it: across devices, and with a ReLU behind it."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import each
from minisym.core.declare import F
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.ndarray import Array
from minisym.core.params import HINT
from minisym.core.samples import Sample
from minisym.core.symbol import Symbol
from minisym.ops.batch_norm import (
    BATCH_OUTPUTS,
    Accepted,
    FixGamma,
    Gamma,
    GlobalStats,
    Momentum,
    MovingMean,
    MovingVar,
    batch_norm_onnx,
    batch_norm_shape,
    batch_norm_types,
    batch_norm_visible,
    fill_batch_norm,
)
from minisym.ops.channels import lay
from minisym.ops.inputs import ChannelBeta, Samples
from minisym.ops.norm import Epsilon, OutputMeanVar

op = partial(declare, kind="norm", cost=each(4))

_STATES = ("moving_mean", "moving_var")
_INITS = {"moving_mean": '["zero", {}]', "moving_var": '["one", {}]'}
_WRITES = {"moving_mean": 3, "moving_var": 4}
_ARRAYS = ((4, 3, 2, 2), (3,), (3,), np.array([0.5, -0.5, 0.0]), np.array([1.0, 2.0, 0.5]))


def _normal(x: Array, gamma: Array, beta: Array) -> Array:
    mean, var = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
    found: Array = (x - mean) / np.sqrt(var + 0.001) * lay(gamma, 4) + lay(beta, 4)
    return found


def _in_inference(
    x: Array, gamma: Array, beta: Array, moving_mean: Array, moving_var: Array
) -> Array:
    found: Array = (x - lay(moving_mean, 4)) / np.sqrt(lay(moving_var, 4) + 0.001)
    return found * lay(gamma, 4) + lay(beta, 4)


@op(
    name="_contrib_SyncBatchNorm",
    states=_STATES,
    inits=_INITS,
    writes=_WRITES,
    outputs=BATCH_OUTPUTS,
    visible=batch_norm_visible,
    samples=[
        Sample(
            _ARRAYS,
            {"key": "a", "fix_gamma": False},
            wrt=(0, 1, 2),
            reference=lambda x, gamma, beta, *moving: _normal(x, gamma, beta),
        ),
        Sample(
            _ARRAYS,
            {"key": "a", "fix_gamma": False},
            wrt=(0, 1, 2),
            is_train=False,
            reference=_in_inference,
        ),
        Sample((*_ARRAYS[:1], (2,), *_ARRAYS[2:]), {"key": "a"}, raises=ShapeError, match="gamma"),
    ],
)
def SyncBatchNorm(
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
    ndev: Annotated[int, "Accepted, without effect: there is one device."] = 1,
    key: Annotated[str, "Accepted, without effect: by what devices would find each other."],
    is_train: bool = False,
    out: Any,
) -> None:
    r"""Normalise each channel over the batch of all devices, of which there is one here.

    It is `BatchNorm` along axis 1, but that the output `var` is the variance itself.

    Reference: Zhang et al., *Context encoding for semantic segmentation*, CVPR 2018,
    arXiv:1803.08904.
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


@SyncBatchNorm.shape
def _(s: Any) -> None:
    """Rule: the output has the shape of `data`; all others have one element a channel, axis 1."""
    batch_norm_shape(s, 1)


def _five(gradients: Symbol) -> list[Symbol | None]:
    """Return the gradients by data, gamma and beta, and those of the states: none."""
    return [gradients[0], gradients[1], gradients[2], None, None]


@SyncBatchNorm.onnx
def _(o: Any, *arrays: Any, eps: float, fix_gamma: bool) -> Any:
    return batch_norm_onnx(o, arrays, 1, eps, fix_gamma=fix_gamma, inverse=False)


@SyncBatchNorm.grad
def _(g: list[Symbol], *inputs: Symbol, y: list[Symbol], **params: Any) -> list[Symbol | None]:
    shared = {name: value for name, value in params.items() if name not in {"ndev", "key"}}
    return _five(F._backward_BatchNorm_v1(g[0], *inputs[:3], y[1], y[2], **shared))  # noqa: SLF001


@op(
    name="_contrib_BatchNormWithReLU",
    workspaces=1,
    states=_STATES,
    inits=_INITS,
    writes=_WRITES,
    outputs=BATCH_OUTPUTS,
    visible=batch_norm_visible,
    samples=[
        Sample(
            _ARRAYS,
            {"fix_gamma": False},
            wrt=(0, 1, 2),
            reference=lambda x, gamma, beta, *moving: np.maximum(_normal(x, gamma, beta), 0),
        ),
        Sample(
            _ARRAYS,
            {"fix_gamma": False},
            wrt=(0, 1, 2),
            is_train=False,
            reference=lambda *arrays: np.maximum(_in_inference(*arrays), 0),
        ),
        Sample(((4, 2, 3), *_ARRAYS[1:]), {"axis": -1}, wrt=(0, 2)),
        Sample(((2, 3), *_ARRAYS[1:]), {"axis": 2}, raises=ShapeError, match="axis 2 does not"),
    ],
)
def BatchNormWithReLU(
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
    """Normalise each channel over the batch, and put 0 for what is negative."""
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
    np.maximum(out[0], 0, out=out[0])


@BatchNormWithReLU.shape
def _(s: Any, *, axis: int) -> None:
    """Rule: the output has the shape of `data`.

    All others have one element a channel, along `axis`.
    """
    batch_norm_shape(s, axis)


@BatchNormWithReLU.onnx
def _(o: Any, *arrays: Any, eps: float, fix_gamma: bool, axis: int) -> Any:
    normal, *rest = batch_norm_onnx(o, arrays, axis, eps, fix_gamma=fix_gamma, inverse=True)
    return [o.Relu(normal), *rest]


@BatchNormWithReLU.grad
def _(g: list[Symbol], *inputs: Symbol, y: list[Symbol], **params: Any) -> list[Symbol | None]:
    passed = g[0] * (y[0] > 0)
    return _five(F._backward_BatchNorm(passed, *inputs[:3], y[1], y[2], **params))  # noqa: SLF001


for _normalising in (SyncBatchNorm, BatchNormWithReLU):
    _normalising.dtype(batch_norm_types)
