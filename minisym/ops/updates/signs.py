r"""Updates by signs that came after MXNet: error feedback and Lion.

In the formulas $g$ is the gradient after `rescale_grad` and `clip_gradient`, $\eta$ the learning
rate and $\lambda$ the weight decay.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from minisym.core.ndarray import Array
from minisym.core.samples import Sample
from minisym.ops.updates.common import (
    Clip,
    Grad,
    LearningRate,
    Mom,
    Rescale,
    Weight,
    WeightDecay,
    all_floating,
    real,
    scaled,
    sign,
    update,
)

_HYPER = {"lr": 0.1, "wd": 0.01, "rescale_grad": 0.5, "clip_gradient": 0.8}


def _real(value: float) -> float:
    """Round to float32, as every hyper-parameter is."""
    return float(np.float32(value))


def _ef_reference(weight: Array, grad: Array, error: Array) -> Any:
    g = np.clip(_real(0.5) * grad, -_real(0.8), _real(0.8)) + _real(0.01) * weight
    p = _real(0.1) * g + error
    return weight - np.abs(p).mean() * np.sign(p)


@update(
    writes=("weight", "error"),
    states=("error",),
    outputs=("output", "new_error"),
    visible=1,
    samples=(
        Sample(((2, 3),) * 3, _HYPER, reference=_ef_reference),
        Sample(((4,),) * 3, {"lr": 0.1}),
    ),
)
def ef_signsgd_update(
    weight: Weight,
    grad: Grad,
    error: Annotated[Array, "What past steps left out; overwritten with the new rest."],
    *,
    lr: LearningRate,
    wd: WeightDecay = 0.0,
    rescale_grad: Rescale = 1.0,
    clip_gradient: Clip = -1.0,
    out: tuple[Array, Array],
) -> None:
    r"""Step by a scaled sign, and keep what it left out for the next step.

    $p = \eta\,(g + \lambda w) + e$, $\delta = \mathrm{mean}|p| \cdot \mathrm{sign}(p)$,
    $w \leftarrow w - \delta$, $e \leftarrow p - \delta$. The mean is that of the whole array, and
    float16 is averaged in float32.

    References
    ----------
    Karimireddy et al., "Error Feedback Fixes SignSGD and other Gradient Compression Schemes",
    arXiv:1901.09847.
    """
    new_weight, new_error = out
    step = scaled(grad, rescale_grad, clip_gradient) + real(wd, weight) * weight
    p = real(lr, weight) * step + error
    # in C order, so that the sum has the same bits for any layout
    total = np.abs(p, order="C").sum(dtype=np.promote_types(p.dtype, np.float32))
    delta = weight.dtype.type(total / max(1, p.size)) * sign(p)  # of nothing the mean is 0
    np.subtract(p, delta, out=new_error)
    np.subtract(weight, delta, out=new_weight)


@ef_signsgd_update.shape
def _(s: object) -> None:
    """Rule: all arrays have one shape."""
    names = ("weight", "grad", "error", "output", "new_error")
    for name in names:
        for other in names:
            setattr(s, other, getattr(s, name))


ef_signsgd_update.dtype(all_floating)


def _lion_reference(weight: Array, grad: Array, mom: Array) -> Array:
    g = np.clip(_real(0.5) * grad, -_real(0.8), _real(0.8))
    c = _real(0.9) * mom + (1 - _real(0.9)) * g
    return weight - _real(0.1) * (np.sign(c) + _real(0.01) * weight)


@update(
    writes=("weight", "mom"),
    states=("mom",),
    outputs=("output", "new_mom"),
    visible=1,
    elementwise=True,
    samples=(
        Sample(((2, 3),) * 3, _HYPER, reference=_lion_reference),
        Sample(((4,),) * 3, {"lr": 0.1, "beta1": 0.5}),
    ),
)
def lion_update(
    weight: Weight,
    grad: Grad,
    mom: Mom,
    *,
    lr: LearningRate,
    beta1: Annotated[float, "Weight of the momentum in the direction of the step."] = 0.9,
    beta2: Annotated[float, "Decay rate of the momentum."] = 0.99,
    wd: Annotated[float, "Weight decay, apart from the gradient."] = 0.0,
    rescale_grad: Rescale = 1.0,
    clip_gradient: Clip = -1.0,
    out: tuple[Array, Array],
) -> None:
    r"""Step by the sign of gradient and momentum together.

    $c = \beta_1 m + (1 - \beta_1) g$, $w \leftarrow w - \eta\,(\mathrm{sign}(c) + \lambda w)$,
    $m \leftarrow \beta_2 m + (1 - \beta_2) g$.

    References
    ----------
    Chen et al., "Symbolic Discovery of Optimization Algorithms", arXiv:2302.06675.
    """
    new_weight, new_mom = out
    g = scaled(grad, rescale_grad, clip_gradient)
    b1, b2, one = real(beta1, mom), real(beta2, mom), mom.dtype.type(1)
    direction = sign(b1 * mom + (one - b1) * g)
    np.add(b2 * mom, (one - b2) * g, out=new_mom)
    np.subtract(weight, real(lr, weight) * (direction + real(wd, weight) * weight), out=new_weight)


lion_update.dtype(all_floating)
