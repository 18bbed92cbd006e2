r"""Rules that MXNet computes in its optimizers, without an op of their own.

In the formulas $g$ is the gradient after `rescale_grad` and `clip_gradient`, $\eta$ the learning
rate and $\lambda$ the weight decay.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np

from minisym.core.ndarray import Array
from minisym.core.samples import Sample
from minisym.ops.updates.adaptive import Beta1, Beta2, Epsilon, _decayed, _moments
from minisym.ops.updates.common import (
    Clip,
    Grad,
    LearningRate,
    Mean,
    Mom,
    Momentum,
    Rescale,
    Var,
    Weight,
    WeightDecay,
    all_floating,
    real,
    scaled,
    update,
)

_POSITIVE = np.linspace(0.1, 1, 6).reshape(2, 3)


@update(
    divides=True,
    writes=("weight", "acc_g", "acc_delta"),
    states=("acc_g", "acc_delta"),
    outputs=("output", "new_acc_g", "new_acc_delta"),
    visible=1,
    elementwise=True,
    samples=(Sample(((2, 3), (2, 3), _POSITIVE, _POSITIVE), {"wd": 0.01}),),
)
def adadelta_update(
    weight: Weight,
    grad: Grad,
    acc_g: Annotated[Array, "Mean of squared gradients; overwritten with the new one."],
    acc_delta: Annotated[Array, "Mean of squared steps; overwritten with the new one."],
    *,
    rho: Annotated[float, "Decay rate of both means."] = 0.9,
    epsilon: Epsilon = 1e-5,
    wd: Annotated[float, "Weight decay, apart from the gradient: w shrinks by wd of itself."] = 0.0,
    rescale_grad: Rescale = 1.0,
    clip_gradient: Clip = -1.0,
    out: tuple[Array, Array, Array],
) -> None:
    r"""Step by the gradient, in the unit of the steps before: there is no learning rate.

    $a \leftarrow \rho a + (1 - \rho) g^2$,
    $\delta = g \sqrt{b + \epsilon} / \sqrt{a + \epsilon}$,
    $b \leftarrow \rho b + (1 - \rho) \delta^2$, $w \leftarrow w - \delta - \lambda w$. MXNet does
    it in its optimizer AdaDelta.

    References
    ----------
    Zeiler, "ADADELTA: An Adaptive Learning Rate Method", arXiv:1212.5701.
    """
    new_weight, new_acc_g, new_acc_delta = out
    g = scaled(grad, rescale_grad, clip_gradient)
    decay, eps, one = real(rho, weight), real(epsilon, weight), weight.dtype.type(1)
    np.add(decay * acc_g, (one - decay) * np.square(g), out=new_acc_g)
    delta = np.sqrt(acc_delta + eps) / np.sqrt(new_acc_g + eps) * g
    np.add(decay * acc_delta, (one - decay) * np.square(delta), out=new_acc_delta)
    np.subtract(weight, delta + real(wd, weight) * weight, out=new_weight)


adadelta_update.dtype(all_floating)


@update(
    writes=("weight", "mean", "bound"),
    states=("mean", "bound"),
    outputs=("output", "new_mean", "new_bound"),
    visible=1,
    elementwise=True,
    samples=(Sample(((2, 3), (2, 3), (2, 3), _POSITIVE), {"lr": 0.1, "wd": 0.01}),),
)
def adamax_update(
    weight: Weight,
    grad: Grad,
    mean: Mean,
    bound: Annotated[Array, "Largest gradient of late; overwritten with the new one."],
    *,
    lr: LearningRate,
    beta1: Beta1 = 0.9,
    beta2: Annotated[float, "Decay rate of the largest gradient."] = 0.999,
    wd: WeightDecay = 0.0,
    rescale_grad: Rescale = 1.0,
    clip_gradient: Clip = -1.0,
    out: tuple[Array, Array, Array],
) -> None:
    r"""Step by the mean gradient over the largest one of late: Adam in the infinity norm.

    $m \leftarrow \beta_1 m + (1 - \beta_1) g$, $u \leftarrow \max(\beta_2 u, |g|)$,
    $w \leftarrow w - \eta\, m / u$, where $g$ has $\lambda w$ added. Where $u$ is 0 nothing moves
    (MXNet's optimizer Adamax makes a NaN there). The correction of the first steps' bias is the
    caller's, by the learning rate.

    References
    ----------
    Kingma and Ba, "Adam: A Method for Stochastic Optimization", arXiv:1412.6980, section 7.1.
    """
    new_weight, new_mean, new_bound = out
    g = _decayed(weight, grad, wd, rescale_grad, clip_gradient)
    b1, one = real(beta1, mean), mean.dtype.type(1)
    np.add(b1 * mean, (one - b1) * g, out=new_mean)
    np.maximum(real(beta2, bound) * bound, np.abs(g), out=new_bound)
    bound = new_bound + (new_bound == real(0, bound)).astype(
        bound.dtype
    )  # there the mean is 0, too
    np.subtract(weight, real(lr, weight) * new_mean / bound, out=new_weight)


adamax_update.dtype(all_floating)


@update(
    divides=True,
    writes=("weight", "mean", "var"),
    states=("mean", "var"),
    outputs=("output", "new_mean", "new_var"),
    visible=1,
    elementwise=True,
    samples=(
        Sample(
            ((2, 3), (2, 3), (2, 3), _POSITIVE),
            {
                "lr": 0.1,
                "momentum": 0.45,
                "next_momentum": 0.46,
                "schedule": 0.2,
                "correction": 0.01,
            },
        ),
    ),
)
def nadam_update(
    weight: Weight,
    grad: Grad,
    mean: Mean,
    var: Var,
    *,
    lr: LearningRate,
    momentum: Annotated[float, r"This step's momentum, $\mu_t$."],
    next_momentum: Annotated[float, r"The next step's momentum, $\mu_{t+1}$."],
    schedule: Annotated[float, "The product of all momenta so far, this step's included."],
    correction: Annotated[float, r"$1 - \beta_2^t$, against the first steps' bias."],
    beta1: Beta1 = 0.9,
    beta2: Beta2 = 0.999,
    epsilon: Epsilon = 1e-8,
    wd: WeightDecay = 0.0,
    rescale_grad: Rescale = 1.0,
    clip_gradient: Clip = -1.0,
    out: tuple[Array, Array, Array],
) -> None:
    r"""Do Adam with Nesterov's momentum, whose strength follows a schedule.

    $m \leftarrow \beta_1 m + (1 - \beta_1) g$, $v \leftarrow \beta_2 v + (1 - \beta_2) g^2$,
    $\bar m = (1 - \mu_t)\,g / (1 - \Pi_t) + \mu_{t+1}\, m / (1 - \Pi_t \mu_{t+1})$,
    $w \leftarrow w - \eta\, \bar m / (\sqrt{v / (1 - \beta_2^t)} + \epsilon)$, where $\Pi_t$ is
    `schedule`. MXNet does it in its optimizer Nadam.

    References
    ----------
    Dozat, "Incorporating Nesterov Momentum into Adam", 2016.
    """
    new_weight, new_mean, new_var = out
    g = _decayed(weight, grad, wd, rescale_grad, clip_gradient)
    _moments(g, mean, var, beta1, beta2, new_mean, new_var)
    one = weight.dtype.type(1)
    now, later, so_far = (real(x, weight) for x in (momentum, next_momentum, schedule))
    ahead = (one - now) * (g / (one - so_far)) + later * (new_mean / (one - so_far * later))
    spread = np.sqrt(new_var / real(correction, weight)) + real(epsilon, weight)
    np.subtract(weight, real(lr, weight) * ahead / spread, out=new_weight)


nadam_update.dtype(all_floating)


@update(
    writes=("weight",),
    elementwise=True,
    samples=(
        Sample(
            ((2, 3), (2, 3), (2, 3)),
            {"lr": 0.25, "wd": 0.5},
            reference=lambda w, g, noise: w - 0.125 * (g + 0.5 * w) + 0.5 * noise,
        ),
    ),
)
def sgld_update(
    weight: Weight,
    grad: Grad,
    noise: Annotated[
        Array, "Numbers from the standard normal distribution, of the weights' shape."
    ],
    *,
    lr: LearningRate,
    wd: WeightDecay = 0.0,
    rescale_grad: Rescale = 1.0,
    clip_gradient: Clip = -1.0,
    out: Array,
) -> None:
    r"""Step by noise, $w \leftarrow w - \frac{\eta}{2} (g + \lambda w) + \sqrt{\eta}\, n$.

    This is Langevin's dynamics. `noise` holds numbers from the standard normal distribution. In the
    long run the weights are samples from the posterior whose gradient is $g$.

    References
    ----------
    Welling and Teh, "Bayesian Learning via Stochastic Gradient Langevin Dynamics", ICML 2011.
    """
    g = scaled(grad, rescale_grad, clip_gradient) + real(wd, weight) * weight
    rate = real(lr, weight)
    np.add(weight, np.sqrt(rate) * noise - rate * weight.dtype.type(0.5) * g, out=out)


sgld_update.dtype(all_floating)


@update(
    writes=("weight", "mom", "previous"),
    states=("mom", "previous"),
    outputs=("output", "new_mom", "new_previous"),
    visible=1,
    elementwise=True,
    samples=(Sample(((2, 3), (2, 3), (2, 3), (2, 3)), {"lr": 0.1, "momentum": 0.5, "wd": 0.01}),),
)
def dcasgd_update(
    weight: Weight,
    grad: Grad,
    mom: Mom,
    previous: Annotated[
        Array, "The weights before the last step; overwritten with those before this one."
    ],
    *,
    lr: LearningRate,
    momentum: Momentum = 0.0,
    lamda: Annotated[float, "Strength of the compensation."] = 0.04,
    wd: WeightDecay = 0.0,
    rescale_grad: Rescale = 1.0,
    clip_gradient: Clip = -1.0,
    out: tuple[Array, Array, Array],
) -> None:
    r"""Step along a gradient that is late, by what the weights have moved in the meantime.

    $m \leftarrow \mu m - \eta (g + \lambda w + c\, g^2 (w - w'))$, $w' \leftarrow w$,
    $w \leftarrow w + m$, where $w'$ is `previous` and $c$ is `lamda`: $g^2$ stands in for the
    curvature.

    References
    ----------
    Zheng et al., "Asynchronous Stochastic Gradient Descent with Delay Compensation",
    arXiv:1609.08326.
    """
    new_weight, new_mom, new_previous = out
    g = scaled(grad, rescale_grad, clip_gradient)
    late = real(lamda, weight) * np.square(g) * (weight - previous)
    step = real(lr, weight) * (g + real(wd, weight) * weight + late)
    np.subtract(real(momentum, mom) * mom, step, out=new_mom)
    new_previous[...] = weight
    np.add(weight, new_mom, out=new_weight)


dcasgd_update.dtype(all_floating)
