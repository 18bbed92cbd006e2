r"""Gradient descent, plain and with momentum; each also with float32 masters of float16 weights.

In the formulas $g$ is the gradient after `rescale_grad` and `clip_gradient`, $\eta$ the learning
rate, $\lambda$ the weight decay, $\mu$ the momentum.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from minisym.core.ndarray import Array
from minisym.core.samples import Sample
from minisym.ops.updates.common import (
    Clip,
    Grad,
    Lazy,
    LearningRate,
    Master,
    Mom,
    Momentum,
    Rescale,
    Weight,
    WeightDecay,
    all_floating,
    mixed_precision,
    real,
    scaled,
    sign,
    update,
)

_PLAIN = Sample(
    ((2, 3), (2, 3)), {"lr": 0.1, "wd": 0.01, "rescale_grad": 0.5, "clip_gradient": 0.4}
)
_WITH_STATE = Sample(((2, 3),) * 3, {"lr": 0.1, "wd": 0.01, "momentum": 0.9})


def _sgd_reference(weight: Array, grad: Array) -> Array:
    return weight - np.float64(np.float32(0.1)) * grad


@update(
    writes=("weight",),
    elementwise=True,
    samples=(_PLAIN, Sample(((2, 3), (2, 3)), {"lr": 0.1}, reference=_sgd_reference)),
)
def sgd_update(
    weight: Weight,
    grad: Grad,
    *,
    lr: LearningRate,
    wd: WeightDecay = 0.0,
    rescale_grad: Rescale = 1.0,
    clip_gradient: Clip = -1.0,
    lazy_update: Lazy = True,
    out: Array,
) -> None:
    r"""Descend along the gradient, $w \leftarrow w - \eta\,(g + \lambda w)$."""
    _descend(weight, grad, lr, wd, rescale_grad, clip_gradient, out)


sgd_update.dtype(all_floating)


def _descend(
    weight: Array, grad: Array, lr: Any, wd: Any, rescale: Any, clip: Any, out: Array
) -> None:
    rate = real(lr, weight)
    kept = (weight.dtype.type(1) - rate * real(wd, weight)) * weight
    np.subtract(kept, rate * scaled(grad, rescale, clip, weight), out=out)


@update(
    writes=("weight", "mom"),
    states=("mom",),
    outputs=("output", "new_mom"),
    visible=1,
    elementwise=True,
    samples=(_WITH_STATE,),
)
def sgd_mom_update(
    weight: Weight,
    grad: Grad,
    mom: Mom,
    *,
    lr: LearningRate,
    momentum: Momentum = 0.0,
    wd: WeightDecay = 0.0,
    rescale_grad: Rescale = 1.0,
    clip_gradient: Clip = -1.0,
    lazy_update: Lazy = True,
    out: tuple[Array, Array],
) -> None:
    r"""Descend with momentum.

    $m \leftarrow \mu m - \eta\,(g + \lambda w)$, $w \leftarrow w + m$.
    """
    _descend_with_momentum(weight, grad, mom, lr, momentum, wd, rescale_grad, clip_gradient, *out)


sgd_mom_update.dtype(all_floating)


def _descend_with_momentum(
    weight: Array,
    grad: Array,
    mom: Array,
    lr: Any,
    momentum: Any,
    wd: Any,
    rescale: Any,
    clip: Any,
    new_weight: Array,
    new_mom: Array,
) -> None:
    step = scaled(grad, rescale, clip, weight) + real(wd, weight) * weight
    np.subtract(real(momentum, mom) * mom, real(lr, weight) * step, out=new_mom)
    np.add(weight, new_mom, out=new_weight)


@update(
    writes=("weight", "mom"),
    states=("mom",),
    outputs=("output", "new_mom"),
    visible=1,
    elementwise=True,
    samples=(_WITH_STATE,),
)
def nag_mom_update(
    weight: Weight,
    grad: Grad,
    mom: Mom,
    *,
    lr: LearningRate,
    momentum: Momentum = 0.0,
    wd: WeightDecay = 0.0,
    rescale_grad: Rescale = 1.0,
    clip_gradient: Clip = -1.0,
    out: tuple[Array, Array],
) -> None:
    r"""Descend with Nesterov's momentum.

    With $s = g + \lambda w$: $m \leftarrow \mu m - \eta s$, $w \leftarrow w + \mu m - \eta s$.
    As in MXNet, the decay in the momentum's $s$ is that of the weight after the step.
    """
    _nesterov(weight, grad, mom, lr, momentum, wd, rescale_grad, clip_gradient, *out)


nag_mom_update.dtype(all_floating)


def _nesterov(
    weight: Array,
    grad: Array,
    mom: Array,
    lr: Any,
    momentum: Any,
    wd: Any,
    rescale: Any,
    clip: Any,
    new_weight: Array,
    new_mom: Array,
) -> None:
    g = scaled(grad, rescale, clip, weight)
    rate, decay, mu = real(lr, weight), real(wd, weight), real(momentum, mom)
    kept = mu * mom
    ahead = kept - rate * (g + decay * weight)
    np.add(weight - kept, (mu + mom.dtype.type(1)) * ahead, out=new_weight)
    np.subtract(kept, rate * (g + decay * new_weight), out=new_mom)


@update(
    writes=("weight", "mom"),
    states=("mom",),
    outputs=("output", "new_mom"),
    visible=1,
    elementwise=True,
    samples=(_WITH_STATE,),
)
def signum_update(
    weight: Weight,
    grad: Grad,
    mom: Mom,
    *,
    lr: LearningRate,
    momentum: Momentum = 0.0,
    wd: WeightDecay = 0.0,
    rescale_grad: Rescale = 1.0,
    clip_gradient: Clip = -1.0,
    wd_lh: Annotated[float, "Weight decay apart from the gradient: w shrinks by lr * wd_lh."] = 0.0,
    out: tuple[Array, Array],
) -> None:
    r"""Step by the sign of a momentum.

    $m \leftarrow \mu m - (1 - \mu)(g + \lambda w)$,
    $w \leftarrow (1 - \eta\lambda_{lh})\,w + \eta\,\mathrm{sign}(m)$.

    >>> from minisym import sym
    >>> import numpy as np
    >>> names = ("weight", "grad", "mom")
    >>> step = sym.signum_update(*map(sym.Variable, names), lr=0.5, momentum=0.5)
    >>> weight, mom = np.array([1.0, 2.0, 3.0]), np.array([0.0, 4.0, 0.0])
    >>> grad = np.array([0.25, 1.0, 0.0])
    >>> executor = step.bind(args={"weight": weight, "grad": grad}, aux_states={"mom": mom})
    >>> _ = executor.forward()
    >>> weight
    array([0.5, 2.5, 3. ])
    >>> mom
    array([-0.125,  1.5  ,  0.   ])

    References
    ----------
    Bernstein et al., "signSGD: Compressed Optimisation for Non-Convex Problems", arXiv:1802.04434.
    """
    new_weight, new_mom = out
    mu, rate = real(momentum, mom), real(lr, weight)
    one = weight.dtype.type(1)
    step = scaled(grad, rescale_grad, clip_gradient) + real(wd, weight) * weight
    np.subtract(mu * mom, (one - mu) * step, out=new_mom)
    np.add((one - rate * real(wd_lh, weight)) * weight, rate * sign(new_mom), out=new_weight)


signum_update.dtype(all_floating)


# ---------------------------------------------------------------- float16 with a float32 master

_LOW = np.array([-1, -0.5, -0.25, 0.25, 0.5, 1], np.float16)
_MIXED = Sample((_LOW, _LOW[::-1].copy(), _LOW.astype(np.float32)), {"lr": 0.1, "wd": 0.01}, wrt=())
_MIXED_MOM = Sample(
    (_LOW, _LOW[::-1].copy(), np.zeros(6, np.float32), _LOW.astype(np.float32)),
    {"lr": 0.1, "momentum": 0.9},
    wrt=(),
)


@update(
    writes=("weight", "weight32"),
    states=("weight32",),
    outputs=("output", "new_weight32"),
    visible=1,
    elementwise=True,
    samples=(_MIXED,),
)
def mp_sgd_update(
    weight: Weight,
    grad: Grad,
    weight32: Master,
    *,
    lr: LearningRate,
    wd: WeightDecay = 0.0,
    rescale_grad: Rescale = 1.0,
    clip_gradient: Clip = -1.0,
    lazy_update: Lazy = True,
    out: tuple[Array, Array],
) -> None:
    r"""Do `sgd_update` on a float32 master, and round it to the weight's type."""
    new_weight, new_master = out
    _descend(weight32, grad, lr, wd, rescale_grad, clip_gradient, new_master)
    new_weight[...] = new_master


mp_sgd_update.dtype(mixed_precision("weight32", "new_weight32"))


@update(
    writes=("weight", "mom", "weight32"),
    states=("mom", "weight32"),
    outputs=("output", "new_mom", "new_weight32"),
    visible=1,
    elementwise=True,
    samples=(_MIXED_MOM,),
)
def mp_sgd_mom_update(
    weight: Weight,
    grad: Grad,
    mom: Mom,
    weight32: Master,
    *,
    lr: LearningRate,
    momentum: Momentum = 0.0,
    wd: WeightDecay = 0.0,
    rescale_grad: Rescale = 1.0,
    clip_gradient: Clip = -1.0,
    lazy_update: Lazy = True,
    out: tuple[Array, Array, Array],
) -> None:
    r"""Do `sgd_mom_update` on a float32 master, and round it to the weight's type."""
    new_weight, new_mom, new_master = out
    _descend_with_momentum(
        weight32, grad, mom, lr, momentum, wd, rescale_grad, clip_gradient, new_master, new_mom
    )
    new_weight[...] = new_master


mp_sgd_mom_update.dtype(mixed_precision("mom", "new_mom", "weight32", "new_weight32"))


@update(
    writes=("weight", "mom", "weight32"),
    states=("mom", "weight32"),
    outputs=("output", "new_mom", "new_weight32"),
    visible=1,
    elementwise=True,
    samples=(_MIXED_MOM,),
)
def mp_nag_mom_update(
    weight: Weight,
    grad: Grad,
    mom: Mom,
    weight32: Master,
    *,
    lr: LearningRate,
    momentum: Momentum = 0.0,
    wd: WeightDecay = 0.0,
    rescale_grad: Rescale = 1.0,
    clip_gradient: Clip = -1.0,
    out: tuple[Array, Array, Array],
) -> None:
    r"""Do `nag_mom_update` on a float32 master, and round it to the weight's type."""
    new_weight, new_mom, new_master = out
    _nesterov(
        weight32, grad, mom, lr, momentum, wd, rescale_grad, clip_gradient, new_master, new_mom
    )
    new_weight[...] = new_master


mp_nag_mom_update.dtype(mixed_precision("mom", "new_mom", "weight32", "new_weight32"))
