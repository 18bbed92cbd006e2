r"""Updates for large batches and decoupled decay: LAMB in its two phases, AdamW."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import numpy as np

from minisym.core.ndarray import Array
from minisym.core.samples import Sample
from minisym.ops.updates.adaptive import Beta1, Beta2, Epsilon, _moments
from minisym.ops.updates.common import (
    Clip,
    Grad,
    LearningRate,
    Master,
    Mean,
    Rescale,
    Var,
    Weight,
    all_floating,
    floating,
    mixed_precision,
    real,
    rescued,
    scaled,
    update,
)

Read = Annotated[Array, "The weights, which stay as they are."]
ReadMaster = Annotated[Array, "The weights in float32, which stay as they are."]
Direction = Annotated[Array, "LAMB's direction, from its first phase, of the weights' shape."]
WeightNorm = Annotated[Array, "Norm of the weights, (1,)."]
DirectionNorm = Annotated[Array, "Norm of the direction, (1,)."]
Rescaling = Annotated[
    Array, "What the gradient is multiplied by, (1,); 0, inf or NaN skips the step."
]

Lower = Annotated[float, "Lower bound of the weight's norm; off if not positive."]
Upper = Annotated[float, "Upper bound of the weight's norm; off if not positive."]
StepCount = Annotated[float, "The number of this step, from 1."]
Correction = Annotated[bool, "Whether the first steps' bias is corrected."]
Decay = Annotated[float, "Weight decay, apart from the gradient."]

_POSITIVE = np.linspace(0.1, 1, 6).reshape(2, 3)
_LOW = np.array([-1, -0.5, -0.25, 0.25, 0.5, 1], np.float16)
_MASTER = _LOW.astype(np.float32)
_STEADY = np.full(6, 0.5, np.float32)


@update(
    divides=True,
    writes={"mean": 1, "var": 2},
    states=("mean", "var"),
    outputs=("output", "new_mean", "new_var"),
    visible=1,
    elementwise=True,
    samples=(Sample(((2, 3), (2, 3), (2, 3), _POSITIVE), {"t": 2, "wd": 0.1}),),
)
def lamb_update_phase1(
    weight: Read,
    grad: Grad,
    mean: Mean,
    var: Var,
    *,
    beta1: Beta1 = 0.9,
    beta2: Beta2 = 0.999,
    epsilon: Epsilon = 1e-6,
    t: StepCount,
    bias_correction: Correction = True,
    wd: Decay,
    rescale_grad: Rescale = 1.0,
    clip_gradient: Clip = -1.0,
    out: tuple[Array, Array, Array],
) -> None:
    r"""Return LAMB's direction, $\hat m / (\sqrt{\hat v} + \epsilon) + \lambda w$.

    $m \leftarrow \beta_1 m + (1 - \beta_1) g$ and $v \leftarrow \beta_2 v + (1 - \beta_2) g^2$ are
    states; $\hat m = m / (1 - \beta_1^t)$ and $\hat v = v / (1 - \beta_2^t)$ with bias correction.
    The weight is written by `lamb_update_phase2`.

    References
    ----------
    You et al., "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes",
    arXiv:1904.00962.
    """
    direction, new_mean, new_var = out
    g = scaled(grad, rescale_grad, clip_gradient, mean)
    _moments(g, mean, var, beta1, beta2, new_mean, new_var)
    m, v, one = new_mean, new_var, mean.dtype.type(1)
    if bias_correction:
        m = m / (one - real(beta1, mean) ** real(t, mean))
        v = v / (one - real(beta2, var) ** real(t, var))
    np.add(m / (np.sqrt(v) + real(epsilon, mean)), real(wd, mean) * weight, out=direction)


lamb_update_phase1.dtype(all_floating)


@update(
    writes={"mean": 1, "var": 2},
    states=("mean", "var", "weight32"),
    outputs=("output", "new_mean", "new_var"),
    visible=1,
    elementwise=True,
    samples=(Sample((_LOW, _LOW[::-1], _MASTER, _STEADY, _MASTER), {"t": 2, "wd": 0.1}, wrt=()),),
)
def mp_lamb_update_phase1(
    weight: Read,
    grad: Grad,
    mean: Mean,
    var: Var,
    weight32: ReadMaster,
    *,
    beta1: Beta1 = 0.9,
    beta2: Beta2 = 0.999,
    epsilon: Epsilon = 1e-6,
    t: StepCount,
    bias_correction: Correction = True,
    wd: Decay,
    rescale_grad: Rescale = 1.0,
    clip_gradient: Clip = -1.0,
    out: tuple[Array, Array, Array],
) -> None:
    r"""Do `lamb_update_phase1` with a float32 master of the weight; the direction is float32."""
    lamb_update_phase1.kernel.function(  # type: ignore[union-attr]
        weight32,
        grad,
        mean,
        var,
        beta1=beta1,
        beta2=beta2,
        epsilon=epsilon,
        t=t,
        bias_correction=bias_correction,
        wd=wd,
        rescale_grad=rescale_grad,
        clip_gradient=clip_gradient,
        out=out,
    )


mp_lamb_update_phase1.dtype(
    mixed_precision(
        "mean", "var", "weight32", "output", "new_mean", "new_var", low=("weight", "grad")
    )
)


def _trust(weight_norm: Array, step_norm: Array, lower: float, upper: float) -> Any:
    """Return LAMB's trust ratio: the bounded norm of the weight over the step's; 1 if one is 0."""
    bounded = weight_norm.item()
    if lower > 0:
        bounded = max(bounded, lower)
    if upper > 0:
        bounded = min(bounded, upper)
    one = weight_norm.dtype.type(1)
    if bounded == 0 or step_norm.item() == 0:
        return one
    return one * bounded / weight_norm.dtype.type(step_norm.item())


def _second_phase_shape(s: Any) -> None:
    """Rule: all arrays have one shape but `r1` and `r2`, which are one number each."""
    for name in [n for n in s.names if n not in ("r1", "r2")]:
        for other in s.names:
            if other not in ("r1", "r2"):
                setattr(s, other, getattr(s, name))
    for norm in ("r1", "r2"):
        if getattr(s, norm) is None:
            setattr(s, norm, (1,))


@update(
    writes=("weight",),
    samples=(
        Sample(((2, 3), (2, 3), np.array([2.0]), np.array([3.0])), {"lr": 0.1, "upper_bound": 1.5}),
    ),
)
def lamb_update_phase2(
    weight: Weight,
    g: Direction,
    r1: WeightNorm,
    r2: DirectionNorm,
    *,
    lr: LearningRate,
    lower_bound: Lower = -1.0,
    upper_bound: Upper = -1.0,
    out: Array,
) -> None:
    r"""Step along LAMB's direction, $w \leftarrow w - \eta\,\frac{r_1}{r_2}\, g$.

    $r_1$ and $r_2$ are the norms of the weight, which the bounds limit, and of the direction; the
    ratio is 1 where one of them is 0.
    """
    ratio = _trust(r1, r2, lower_bound, upper_bound)
    np.subtract(weight, real(lr, weight) * weight.dtype.type(ratio) * g, out=out)


lamb_update_phase2.shape(_second_phase_shape)
lamb_update_phase2.dtype(all_floating)


@update(
    writes=("weight",),
    states=("weight32",),
    samples=(
        Sample(
            (_LOW, _MASTER, np.ones(1, np.float32), np.ones(1, np.float32), _MASTER),
            {"lr": 0.1},
            wrt=(),
        ),
    ),
)
def mp_lamb_update_phase2(
    weight: Weight,
    g: Direction,
    r1: WeightNorm,
    r2: DirectionNorm,
    weight32: ReadMaster,
    *,
    lr: LearningRate,
    lower_bound: Lower = -1.0,
    upper_bound: Upper = -1.0,
    out: Array,
) -> None:
    r"""Do `lamb_update_phase2` from a float32 master, and round it to the weight's type.

    As in MXNet 1.9.1 the master itself is only read, so that steps do not add up:
    `contrib.multi_mp_lamb_update` writes it.
    """
    ratio = _trust(r1, r2, lower_bound, upper_bound)
    out[...] = weight32 - real(lr, weight32) * ratio * g


mp_lamb_update_phase2.shape(_second_phase_shape)
mp_lamb_update_phase2.dtype(mixed_precision("g", "r1", "r2", "weight32", low=("weight", "output")))


# ------------------------------------------------------------------------------------------ AdamW

Eta = Annotated[float, "A factor of the whole step, such as a schedule's."]


def _one_number(s: Any) -> None:
    """Rule: all arrays have one shape but the loss scale, which is one number."""
    for name in s.names:
        if name != "rescale_grad":
            for other in s.names:
                if other != "rescale_grad":
                    setattr(s, other, getattr(s, name))
    if s.rescale_grad is None:
        s.rescale_grad = (1,)


def _adamw(
    weight: Array,
    grad: Array,
    mean: Array,
    var: Array,
    rescale: Array,
    lr: Any,
    beta1: Any,
    beta2: Any,
    epsilon: Any,
    wd: Any,
    eta: Any,
    clip: Any,
    new: tuple[Array, Array, Array],
    moments: Callable[..., None] = _moments,
) -> None:
    scale = rescale.item()
    if not np.isfinite(scale) or scale == 0:
        for target, old in zip(new, (weight, mean, var), strict=True):
            target[...] = old
        return

    def compute(arrays: Sequence[Array], new: Sequence[Array]) -> None:
        (weight, grad, mean, var), (new_weight, new_mean, new_var) = arrays, new
        g = scaled(grad, scale, clip, weight)
        moments(g, mean, var, beta1, beta2, new_mean, new_var)
        step = real(lr, weight) * (new_mean / (np.sqrt(new_var) + real(epsilon, weight)))
        np.subtract(weight, real(eta, weight) * (step + real(wd, weight) * weight), out=new_weight)

    rescued(compute, (weight, grad, mean, var), new)


@update(
    name="_adamw_update",
    aliases=("_contrib_adamw_update",),
    writes=("weight", "mean", "var"),
    states=("mean", "var"),
    outputs=("output", "new_mean", "new_var"),
    visible=1,
    samples=(
        Sample(
            ((2, 3), (2, 3), (2, 3), _POSITIVE, np.array([0.5])), {"lr": 0.1, "eta": 1.0, "wd": 0.1}
        ),
    ),
)
def adamw_update(
    weight: Weight,
    grad: Grad,
    mean: Mean,
    var: Var,
    rescale_grad: Rescaling,
    *,
    lr: LearningRate,
    beta1: Beta1 = 0.9,
    beta2: Beta2 = 0.999,
    epsilon: Epsilon = 1e-8,
    wd: Decay = 0.0,
    eta: Eta,
    clip_gradient: Clip = -1.0,
    out: tuple[Array, Array, Array],
) -> None:
    r"""Do Adam with decoupled weight decay.

    $w \leftarrow w - \eta\,(\alpha\, m / (\sqrt v + \epsilon) + \lambda w)$, with learning rate
    $\alpha$. `rescale_grad` is an array of one number; where it is 0, infinite or NaN (a loss scale
    that overflowed), nothing changes. (MXNet 1.9.1 overwrites the gradient, too, by mistake.)

    References
    ----------
    Loshchilov and Hutter, "Decoupled Weight Decay Regularization", arXiv:1711.05101.
    """
    _adamw(
        weight,
        grad,
        mean,
        var,
        rescale_grad,
        lr,
        beta1,
        beta2,
        epsilon,
        wd,
        eta,
        clip_gradient,
        out,
    )


adamw_update.shape(_one_number)


@adamw_update.dtype
def _(t: Any) -> None:
    floating(t, *[n for n in t.names if n != "rescale_grad"])
    t.rescale_grad = np.dtype(np.float32) if t.rescale_grad is None else t.rescale_grad


@update(
    name="_mp_adamw_update",
    aliases=("_contrib_mp_adamw_update",),
    writes=("weight", "mean", "var", "weight32"),
    states=("mean", "var", "weight32"),
    outputs=("output", "new_mean", "new_var", "new_weight32"),
    visible=1,
    samples=(
        Sample(
            (_LOW, _LOW[::-1], _MASTER, _STEADY, _MASTER, np.ones(1, np.float32)),
            {"lr": 0.1, "eta": 1.0},
            wrt=(),
        ),
    ),
)
def mp_adamw_update(
    weight: Weight,
    grad: Grad,
    mean: Mean,
    var: Var,
    weight32: Master,
    rescale_grad: Rescaling,
    *,
    lr: LearningRate,
    beta1: Beta1 = 0.9,
    beta2: Beta2 = 0.999,
    epsilon: Epsilon = 1e-8,
    wd: Decay = 0.0,
    eta: Eta,
    clip_gradient: Clip = -1.0,
    out: tuple[Array, Array, Array, Array],
) -> None:
    r"""Do `adamw_update` on a float32 master, and round it to the weight's type."""
    new_weight, new_mean, new_var, new_master = out
    _adamw(
        weight32,
        grad,
        mean,
        var,
        rescale_grad,
        lr,
        beta1,
        beta2,
        epsilon,
        wd,
        eta,
        clip_gradient,
        (new_master, new_mean, new_var),
    )
    new_weight[...] = new_master


mp_adamw_update.shape(_one_number)
mp_adamw_update.dtype(
    mixed_precision(
        "mean", "var", "weight32", "new_mean", "new_var", "new_weight32", "rescale_grad"
    )
)
