r"""Updates with a step size of their own for each element: Adam, RMSProp, FTRL, FTML, AdaGrad.

In the formulas $\eta$ is the learning rate and $g$ the gradient after `rescale_grad`, weight decay
$\lambda w$ and `clip_gradient`, in this order.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np

from minisym.core.ndarray import Array
from minisym.core.samples import Sample
from minisym.ops.updates.common import (
    Clip,
    Grad,
    Lazy,
    LearningRate,
    Mean,
    Rescale,
    Var,
    Weight,
    WeightDecay,
    all_floating,
    real,
    scaled,
    sign,
    update,
)

Squares = Annotated[Array, "Mean of past squared gradients; overwritten with the new one."]
SquareSum = Annotated[Array, "Sum of past squared gradients; overwritten with the new one."]

Epsilon = Annotated[float, "A small number against division by zero."]
Beta1 = Annotated[float, "Decay rate of the mean of gradients."]
Beta2 = Annotated[float, "Decay rate of the mean of squared gradients."]
ClipWeights = Annotated[
    float, "Clips the new weight to [-clip_weights, clip_weights]; off if not positive."
]

_POSITIVE = np.linspace(0.1, 1, 6).reshape(2, 3)


@update(
    divides=True,
    writes=("weight", "mean", "var"),
    states=("mean", "var"),
    outputs=("output", "new_mean", "new_var"),
    visible=1,
    elementwise=True,
    samples=(Sample(((2, 3), (2, 3), (2, 3), _POSITIVE), {"lr": 0.1, "wd": 0.01}),),
)
def adam_update(
    weight: Weight,
    grad: Grad,
    mean: Mean,
    var: Var,
    *,
    lr: LearningRate,
    beta1: Beta1 = 0.9,
    beta2: Beta2 = 0.999,
    epsilon: Epsilon = 1e-8,
    wd: WeightDecay = 0.0,
    rescale_grad: Rescale = 1.0,
    clip_gradient: Clip = -1.0,
    lazy_update: Lazy = True,
    out: tuple[Array, Array, Array],
) -> None:
    r"""Step by the mean gradient over its root mean square.

    $m \leftarrow \beta_1 m + (1 - \beta_1) g$, $v \leftarrow \beta_2 v + (1 - \beta_2) g^2$,
    $w \leftarrow w - \eta\, m / (\sqrt{v} + \epsilon)$. The correction of the first steps' bias is
    the caller's, by the learning rate.

    References
    ----------
    Kingma and Ba, "Adam: A Method for Stochastic Optimization", arXiv:1412.6980.
    """
    new_weight, new_mean, new_var = out
    g = _decayed(weight, grad, wd, rescale_grad, clip_gradient)
    _moments(g, mean, var, beta1, beta2, new_mean, new_var)
    step = new_mean / (np.sqrt(new_var) + real(epsilon, weight))
    np.subtract(weight, real(lr, weight) * step, out=new_weight)


adam_update.dtype(all_floating)


def _decayed(weight: Array, grad: Array, wd: float, rescale: float, clip: float) -> Array:
    """Return `clip(rescale * grad + wd * weight)`: here MXNet clips the decay, too."""
    return scaled(grad * real(rescale, weight) + real(wd, weight) * weight, 1.0, clip)


def _moments(
    g: Array, mean: Array, var: Array, beta1: float, beta2: float, new_mean: Array, new_var: Array
) -> None:
    """Move the means of gradients and of their squares."""
    b1, b2, one = real(beta1, mean), real(beta2, var), mean.dtype.type(1)
    np.add(b1 * mean, (one - b1) * g, out=new_mean)
    np.add(b2 * var, (one - b2) * np.square(g), out=new_var)


@update(
    divides=True,
    writes=("weight", "n"),
    states=("n",),
    outputs=("output", "new_n"),
    visible=1,
    elementwise=True,
    samples=(Sample(((2, 3), (2, 3), _POSITIVE), {"lr": 0.1, "clip_weights": 1.0}),),
)
def rmsprop_update(
    weight: Weight,
    grad: Grad,
    n: Squares,
    *,
    lr: LearningRate,
    gamma1: Annotated[float, "Decay rate of the mean of squared gradients."] = 0.95,
    epsilon: Epsilon = 1e-8,
    wd: WeightDecay = 0.0,
    rescale_grad: Rescale = 1.0,
    clip_gradient: Clip = -1.0,
    clip_weights: ClipWeights = -1.0,
    out: tuple[Array, Array],
) -> None:
    r"""Step by the gradient over its root mean square.

    $n \leftarrow \gamma_1 n + (1 - \gamma_1) g^2$,
    $w \leftarrow w - \eta\, g / \sqrt{n + \epsilon}$.

    References
    ----------
    Tieleman and Hinton, "Lecture 6.5: RMSProp", 2012.
    """
    new_weight, new_n = out
    g = _decayed(weight, grad, wd, rescale_grad, clip_gradient)
    decay, one = real(gamma1, n), n.dtype.type(1)
    np.add((one - decay) * np.square(g), decay * n, out=new_n)
    step = real(lr, weight) * (g / np.sqrt(new_n + real(epsilon, weight)))
    _clipped(weight - step, clip_weights, new_weight)


rmsprop_update.dtype(all_floating)


def _clipped(weight: Array, bound: float, out: Array) -> None:
    limit = real(bound, weight)
    if limit > 0:
        np.clip(weight, -limit, limit, out=out)
    else:
        out[...] = weight


@update(
    divides=True,
    writes=("weight", "n", "g", "delta"),
    states=("n", "g", "delta"),
    outputs=("output", "new_n", "new_g", "new_delta"),
    visible=1,
    elementwise=True,
    samples=(Sample(((2, 3), (2, 3), _POSITIVE + 4, (2, 3), (2, 3)), {"lr": 0.1}),),
)
def rmspropalex_update(
    weight: Weight,
    grad: Grad,
    n: Squares,
    g: Mean,
    delta: Annotated[Array, "The last step; overwritten with this one."],
    *,
    lr: LearningRate,
    gamma1: Annotated[float, "Decay rate of the means."] = 0.95,
    gamma2: Annotated[float, "Decay rate of the step."] = 0.9,
    epsilon: Epsilon = 1e-8,
    wd: WeightDecay = 0.0,
    rescale_grad: Rescale = 1.0,
    clip_gradient: Clip = -1.0,
    clip_weights: ClipWeights = -1.0,
    out: tuple[Array, Array, Array, Array],
) -> None:
    r"""Step by the gradient over its standard deviation, with momentum.

    $n \leftarrow \gamma_1 n + (1 - \gamma_1) g_t^2$, $\bar g \leftarrow \gamma_1 \bar g +
    (1 - \gamma_1) g_t$, $\Delta \leftarrow \gamma_2 \Delta - \eta\, g_t / \sqrt{n - \bar g^2 +
    \epsilon}$, $w \leftarrow w + \Delta$.

    References
    ----------
    Graves, "Generating Sequences With Recurrent Neural Networks", arXiv:1308.0850, eq. 38-45.
    """
    new_weight, new_n, new_g, new_delta = out
    now = _decayed(weight, grad, wd, rescale_grad, clip_gradient)
    decay, one = real(gamma1, n), n.dtype.type(1)
    np.add((one - decay) * np.square(now), decay * n, out=new_n)
    np.add((one - decay) * now, decay * g, out=new_g)
    spread = np.sqrt(new_n - np.square(new_g) + real(epsilon, weight))
    np.subtract(real(gamma2, n) * delta, real(lr, weight) * (now / spread), out=new_delta)
    _clipped(weight + new_delta, clip_weights, new_weight)


rmspropalex_update.dtype(all_floating)


@update(
    writes=("weight", "z", "n"),
    states=("z", "n"),
    outputs=("output", "new_z", "new_n"),
    visible=1,
    elementwise=True,
    samples=(Sample(((2, 3), (2, 3), (2, 3), _POSITIVE), {"lr": 0.1, "wd": 0.01}),),
)
def ftrl_update(
    weight: Weight,
    grad: Grad,
    z: Annotated[
        Array, "Sum of past gradients, shifted by the steps; overwritten with the new one."
    ],
    n: SquareSum,
    *,
    lr: LearningRate,
    lamda1: Annotated[float, "L1 regularization."] = 0.01,
    beta: Annotated[float, "Smoothing of the step size."] = 1.0,
    wd: WeightDecay = 0.0,
    rescale_grad: Rescale = 1.0,
    clip_gradient: Clip = -1.0,
    out: tuple[Array, Array, Array],
) -> None:
    r"""Follow the regularized leader: weights that matter little become exactly 0.

    $z \leftarrow z + g - (\sqrt{n + g^2} - \sqrt n)\, w / \eta$, $n \leftarrow n + g^2$, and
    $w$ is 0 where $|z| \le \lambda_1$, else
    $(\mathrm{sign}(z)\lambda_1 - z) / ((\beta + \sqrt n) / \eta + \lambda)$.

    References
    ----------
    McMahan et al., "Ad Click Prediction: a View from the Trenches", 2013.
    """
    new_weight, new_z, new_n = out
    g = scaled(grad, rescale_grad, clip_gradient)
    rate, shrink = real(lr, weight), real(lamda1, weight)
    root = np.sqrt(n)  # before it is overwritten: so the update can compute in place
    np.add(n, np.square(g), out=new_n)
    np.add(z, g - (np.sqrt(new_n) - root) * weight / rate, out=new_z)
    scale = (real(beta, weight) + np.sqrt(new_n)) / rate + real(wd, weight)
    kept = (np.abs(new_z) > shrink).astype(weight.dtype)
    np.multiply((sign(new_z) * shrink - new_z) / scale, kept, out=new_weight)


ftrl_update.dtype(all_floating)


@update(
    divides=True,
    writes=("weight", "d", "v", "z"),
    states=("d", "v", "z"),
    outputs=("output", "new_d", "new_v", "new_z"),
    visible=1,
    elementwise=True,
    samples=(Sample(((2, 3), (2, 3), _POSITIVE, _POSITIVE, (2, 3)), {"lr": 0.1, "t": 3}),),
)
def ftml_update(
    weight: Weight,
    grad: Grad,
    d: Annotated[Array, "Denominator of the last step; overwritten with this one's."],
    v: Squares,
    z: Annotated[Array, "Numerator of the last step; overwritten with this one's."],
    *,
    lr: LearningRate,
    beta1: Beta1 = 0.6,
    beta2: Beta2 = 0.999,
    epsilon: Epsilon = 1e-8,
    t: Annotated[float, "The number of this step, from 1."],
    wd: WeightDecay = 0.0,
    rescale_grad: Rescale = 1.0,
    clip_grad: Annotated[
        float, "Clips grad to [-clip_grad, clip_grad]; off if not positive."
    ] = -1.0,
    out: tuple[Array, Array, Array, Array],
) -> None:
    r"""Follow the moving leader.

    $v \leftarrow \beta_2 v + (1 - \beta_2) g^2$, $d' = \frac{1 - \beta_1^t}{\eta}
    (\sqrt{v / (1 - \beta_2^t)} + \epsilon)$, $z \leftarrow \beta_1 z + (1 - \beta_1) g -
    (d' - \beta_1 d)\, w$, $d \leftarrow d'$, $w \leftarrow -z / d$.

    References
    ----------
    Zheng and Kwok, "Follow the Moving Leader in Deep Learning", 2017.
    """
    new_weight, new_d, new_v, new_z = out
    g = _decayed(weight, grad, wd, rescale_grad, clip_grad)
    b1, b2, one = real(beta1, weight), real(beta2, weight), weight.dtype.type(1)
    np.add(b2 * v, (one - b2) * np.square(g), out=new_v)
    step, kept = real(t, weight), b1 * d  # before it is overwritten, to compute in place
    corrected = np.sqrt(new_v / (one - b2**step)) + real(epsilon, weight)
    np.multiply((one - b1**step) / real(lr, weight), corrected, out=new_d)
    np.subtract(b1 * z + (one - b1) * g, (new_d - kept) * weight, out=new_z)
    np.divide(-new_z, new_d, out=new_weight)


ftml_update.dtype(all_floating)


@update(
    divides=True,
    name="_sparse_adagrad_update",
    aliases=("adagrad_update",),
    writes=("weight", "history"),
    states=("history",),
    outputs=("output", "new_history"),
    visible=1,
    elementwise=True,
    samples=(Sample(((2, 3), (2, 3), _POSITIVE), {"lr": 0.1, "wd": 0.01}),),
)
def adagrad_update(
    weight: Weight,
    grad: Grad,
    history: SquareSum,
    *,
    lr: LearningRate,
    epsilon: Epsilon = 1e-7,
    wd: WeightDecay = 0.0,
    rescale_grad: Rescale = 1.0,
    clip_gradient: Clip = -1.0,
    out: tuple[Array, Array],
) -> None:
    r"""Step by the gradient over the root of all its squares so far.

    $h \leftarrow h + g^2$, $w \leftarrow w - \eta\,(g / \sqrt{h + \epsilon} + \lambda w)$. MXNet
    has it for sparse gradients only.

    References
    ----------
    Duchi, Hazan and Singer, "Adaptive Subgradient Methods", JMLR 12, 2011.
    """
    new_weight, new_history = out
    g = scaled(grad, rescale_grad, clip_gradient)
    np.add(history, np.square(g), out=new_history)
    step = g / np.sqrt(new_history + real(epsilon, weight)) + real(wd, weight) * weight
    np.subtract(weight, real(lr, weight) * step, out=new_weight)


adagrad_update.dtype(all_floating)


@update(
    divides=True,
    name="_contrib_group_adagrad_update",
    writes=("weight", "history"),
    states=("history",),
    outputs=("output", "new_history"),
    visible=1,
    samples=(Sample(((2, 3), (2, 3), np.array([[0.5], [1.0]])), {"lr": 0.1}),),
)
def group_adagrad_update(
    weight: Weight,
    grad: Grad,
    history: Annotated[
        Array, "Sum of the rows' mean squared gradients, (rows, 1); overwritten with the new one."
    ],
    *,
    lr: LearningRate,
    rescale_grad: Rescale = 1.0,
    clip_gradient: Clip = -1.0,
    epsilon: Epsilon = 1e-5,
    out: tuple[Array, Array],
) -> None:
    r"""Do AdaGrad with one history a row: $h_i \leftarrow h_i + \mathrm{mean}_j\, g_{ij}^2$.

    $w_{ij} \leftarrow w_{ij} - \eta\, g_{ij} / \sqrt{h_i + \epsilon}$; `history` has the shape
    (rows, 1). MXNet has it for sparse gradients on GPUs only.
    """
    new_weight, new_history = out
    g = scaled(grad, rescale_grad, clip_gradient)
    rows = g.reshape(len(g), -1)
    np.add(history, np.square(rows).mean(axis=1).reshape(history.shape), out=new_history)
    spread = np.sqrt(new_history + real(epsilon, weight))
    step = g / spread.reshape(-1, *(1,) * (g.ndim - 1))
    np.subtract(weight, real(lr, weight) * step, out=new_weight)


@group_adagrad_update.shape
def _(s: object) -> None:
    """Rule: weight, gradient and output have one shape.

    `history` has one number a row, (rows, 1).
    """
    weight = s.weight = s.grad  # type: ignore[attr-defined]
    s.grad = s.output = s.weight  # type: ignore[attr-defined]
    weight = s.weight  # type: ignore[attr-defined]
    if weight is not None:
        s.history = (weight[0], 1)  # type: ignore[attr-defined]
    s.new_history = s.history  # type: ignore[attr-defined]


group_adagrad_update.dtype(all_floating)
