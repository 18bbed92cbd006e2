r"""One op for the updates of many weights by AdamW or LAMB, plain or with float32 masters.

Inputs come in groups, `weight_0, grad_0, mean_0, var_0[, weight32_0], weight_1, …`; the first
outputs are the new weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import numpy as np

from minisym.core.declare import Declaration
from minisym.core.ndarray import Array
from minisym.core.params import Floats, Ints
from minisym.core.samples import Sample
from minisym.ops.numeric.sums import sum_over
from minisym.ops.updates.adaptive import Beta1, Beta2, Epsilon, _moments
from minisym.ops.updates.common import Clip, Rescale, real, rescued, scaled, update
from minisym.ops.updates.lamb import Correction, Lower, Upper, _adamw, _trust
from minisym.ops.updates.multi import Decays, Rates, Weights, grouped_rules, groups

Etas = Annotated[Floats, "A factor of the whole step of each weight."]
StepCounts = Annotated[Ints, "The number of this step, from 1, for each weight."]

_LOW = np.array([-1, -0.5, 0.5, 1], np.float16)
_FULL = _LOW.astype(np.float32)
_STEADY = np.full(4, 0.5, np.float32)
_GROUP = ("weight", "grad", "mean", "var")


def _declare(
    kernel: Callable[..., None], *, count: str, master: bool, trailing: tuple[str, ...], hyper: Any
) -> Declaration:
    """Register a kernel over groups; `hyper` are the parameters of its sample."""
    group = (*_GROUP, "weight32") if master else _GROUP
    states = group[2:]
    low = _LOW if master else _FULL
    arrays = [low, low[::-1].copy(), _FULL, _STEADY] + [_FULL] * master

    def outputs(params: Any) -> tuple[str, ...]:
        number = params[count]
        return tuple(f"output{i}" for i in range(number)) + tuple(
            f"new_{state}_{i}" for state in states for i in range(number)
        )

    kernel.__annotations__["data"] = groups(group, trailing)
    declared: Declaration = update(
        group=group,
        count=count,
        name=f"_{kernel.__name__}",
        aliases=(f"_contrib_{kernel.__name__}",),
        writes=("weight", *states),
        states=states,
        trailing=trailing,
        outputs=outputs,
        visible=lambda params: params[count],
        samples=(
            Sample(
                (*arrays * 2, *[np.ones(1, np.float32)] * len(trailing)),
                {"wds": (0.0, 0.1), **hyper, count: 2},
                wrt=(),
            ),
        ),
    )(kernel)
    grouped_rules(declared, group, dict.fromkeys(trailing, (1,)))
    return declared


def _each(data: tuple[Array, ...], out: Any, size: int) -> Any:
    """Return the inputs of each weight, and the arrays for its new values."""
    count = len(data) // size
    written = size - 1  # all but the gradient
    for i in range(count):
        yield i, data[i * size : (i + 1) * size], [out[k * count + i] for k in range(written)]


def _approach(
    g: Array, mean: Array, var: Array, beta1: float, beta2: float, new_mean: Array, new_var: Array
) -> None:
    r"""Move the means of gradients and of their squares, $m = g + \beta (m - g)$, as MXNet here."""
    square = np.square(g)
    np.add(real(beta1, mean) * (mean - g), g, out=new_mean)
    np.add(real(beta2, var) * (var - square), square, out=new_var)


def multi_adamw_update(
    *data: Array,
    lrs: Rates,
    beta1: Beta1 = 0.9,
    beta2: Beta2 = 0.999,
    epsilon: Epsilon = 1e-8,
    wds: Decays,
    etas: Etas,
    clip_gradient: Clip = -1.0,
    num_weights: Weights = 1,
    out: Any,
) -> None:
    """Do `adamw_update` on many weights; an infinite gradient makes its means NaN, as in MXNet."""
    for i, (weight, grad, mean, var), new in _each(data[:-1], out, 4):
        _adamw(
            weight,
            grad,
            mean,
            var,
            data[-1],
            lrs[i],
            beta1,
            beta2,
            epsilon,
            wds[i],
            etas[i],
            clip_gradient,
            new,
            _approach,
        )


def multi_mp_adamw_update(
    *data: Array,
    lrs: Rates,
    beta1: Beta1 = 0.9,
    beta2: Beta2 = 0.999,
    epsilon: Epsilon = 1e-8,
    wds: Decays,
    etas: Etas,
    clip_gradient: Clip = -1.0,
    num_weights: Weights = 1,
    out: Any,
) -> None:
    """Do `mp_adamw_update` on many weights; an infinite gradient makes its means NaN."""
    for i, (_, grad, mean, var, master), new in _each(data[:-1], out, 5):
        new_weight, new_mean, new_var, new_master = new
        _adamw(
            master,
            grad,
            mean,
            var,
            data[-1],
            lrs[i],
            beta1,
            beta2,
            epsilon,
            wds[i],
            etas[i],
            clip_gradient,
            (new_master, new_mean, new_var),
            _approach,
        )
        new_weight[...] = new_master


def multi_lamb_update(
    *data: Array,
    learning_rates: Rates,
    beta1: Beta1 = 0.9,
    beta2: Beta2 = 0.999,
    epsilon: Epsilon = 1e-6,
    wds: Decays,
    rescale_grad: Rescale = 1.0,
    lower_bound: Lower = -1.0,
    upper_bound: Upper = -1.0,
    clip_gradient: Clip = -1.0,
    bias_correction: Correction = True,
    step_count: StepCounts,
    num_tensors: Weights = 1,
    out: Any,
) -> None:
    """Do both phases of LAMB on many weights."""
    for i, (weight, grad, mean, var), (new_weight, new_mean, new_var) in _each(data, out, 4):
        _lamb(
            weight,
            grad,
            mean,
            var,
            learning_rates[i],
            beta1,
            beta2,
            epsilon,
            wds[i],
            rescale_grad,
            lower_bound,
            upper_bound,
            clip_gradient,
            step_count[i] if bias_correction else None,
            (new_weight, new_mean, new_var),
        )


def multi_mp_lamb_update(
    *data: Array,
    learning_rates: Rates,
    beta1: Beta1 = 0.9,
    beta2: Beta2 = 0.999,
    epsilon: Epsilon = 1e-6,
    wds: Decays,
    rescale_grad: Rescale = 1.0,
    lower_bound: Lower = -1.0,
    upper_bound: Upper = -1.0,
    clip_gradient: Clip = -1.0,
    bias_correction: Correction = True,
    step_count: StepCounts,
    num_tensors: Weights = 1,
    out: Any,
) -> None:
    """Do both phases of LAMB on the float32 masters of many weights, and round them."""
    for i, (_, grad, mean, var, master), new in _each(data, out, 5):
        new_weight, new_mean, new_var, new_master = new
        _lamb(
            master,
            grad,
            mean,
            var,
            learning_rates[i],
            beta1,
            beta2,
            epsilon,
            wds[i],
            rescale_grad,
            lower_bound,
            upper_bound,
            clip_gradient,
            step_count[i] if bias_correction else None,
            (new_master, new_mean, new_var),
        )
        new_weight[...] = new_master


def _lamb(
    weight: Array,
    grad: Array,
    mean: Array,
    var: Array,
    lr: Any,
    beta1: Any,
    beta2: Any,
    epsilon: Any,
    wd: Any,
    rescale: Any,
    lower: float,
    upper: float,
    clip: Any,
    t: int | None,
    new: tuple[Array, Array, Array],
) -> None:
    """Step by LAMB; no bias correction if `t` is None."""

    def compute(arrays: Sequence[Array], new: Sequence[Array]) -> None:
        (weight, grad, mean, var), (new_weight, new_mean, new_var) = arrays, new
        g = scaled(grad, rescale, clip, mean)
        _moments(g, mean, var, beta1, beta2, new_mean, new_var)
        m, v, one = new_mean, new_var, mean.dtype.type(1)
        if t is not None:
            m = m / (one - real(beta1, mean) ** t)
            v = v / (one - real(beta2, var) ** t)
        step = m / (np.sqrt(v) + real(epsilon, mean)) + real(wd, mean) * weight
        ratio = _trust(_norm(weight), _norm(step), lower, upper)
        np.subtract(weight, real(lr, weight) * weight.dtype.type(ratio) * step, out=new_weight)

    rescued(compute, (weight, grad, mean, var), new)


def _norm(array: Array) -> Any:
    """Return the Euclidean norm, summed in float32 as in MXNet, in the array's type."""
    squares: Array = np.square(array, dtype=np.float32, casting="unsafe")
    return np.sqrt(sum_over(squares, tuple(range(array.ndim)))).astype(array.dtype)


_ADAMW = {"lrs": (0.1, 0.2), "etas": (1.0, 0.5)}
_LAMB = {"learning_rates": (0.1, 0.2), "step_count": (1, 2)}
for _adamw_kernel, _master in ((multi_adamw_update, False), (multi_mp_adamw_update, True)):
    _declare(
        _adamw_kernel,
        count="num_weights",
        master=_master,
        trailing=("rescale_grad",),
        hyper=_ADAMW,
    )
for _lamb_kernel, _master in ((multi_lamb_update, False), (multi_mp_lamb_update, True)):
    _declare(_lamb_kernel, count="num_tensors", master=_master, trailing=(), hyper=_LAMB)
