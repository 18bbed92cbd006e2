r"""signSGD: step against the sign of the gradient. The op that this project grew around."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from minisym.core.errors import ComposeError, DtypeError, ShapeError
from minisym.core.ndarray import Array
from minisym.core.samples import Sample
from minisym.ops.updates.common import Grad, Weight, floating, is_given, real, signs, single, update


def _signsgd_reference(weight: Array, grad: Array) -> Array:
    return weight - np.float64(np.float32(0.1)) * np.sign(grad)


@update(
    writes=("weight",),
    elementwise=True,
    samples=(
        Sample(((2, 3), (2, 3)), {"lr": 0.1}, reference=_signsgd_reference),
        Sample(((5,), (5,)), {"lr": 0.1, "wd": 0.5, "rescale_grad": -2.0, "clip_gradient": 1.0}),
        Sample(((2, 3), (3, 2)), {"lr": 0.1}, raises=ShapeError, match=r"grad has shape \(3, 2\)"),
        Sample(((2,), (2,)), {}, raises=ValueError, match="required parameter lr"),
        Sample((np.ones(2, int), np.ones(2, int)), {"lr": 1}, raises=DtypeError, match="int64"),
        Sample(((2,), (2,)), {"lr": 0.1, "momentum": 0.9}, raises=ValueError, match="'momentum'"),
        Sample(((2,), (2,)), {"lr": "fast"}, raises=ValueError, match="lr takes a float"),
        Sample((2.0, (2,)), {"lr": 0.1}, raises=ComposeError, match="must be a Symbol"),
    ),
)
def signsgd_update(
    weight: Weight,
    grad: Grad,
    *,
    lr: Annotated[float, "Learning rate."],
    wd: Annotated[float, "Weight decay: each step shrinks the weight by lr * wd of itself."] = 0.0,
    rescale_grad: Annotated[float, "grad = rescale_grad * grad: only its sign matters here."] = 1.0,
    clip_gradient: Annotated[float, "Accepted; clipping cannot change a sign."] = -1.0,
    out: Array,
) -> None:
    r"""Step against the sign, $w \leftarrow (1 - \eta\lambda)\,w - \eta\,\mathrm{sign}(g)$.

    A run overwrites `weight`. Where the gradient is 0, -0.0 or NaN the sign is 0, and the weight
    only decays. `rescale_grad` is by the documentation, $g = r g$: a negative one turns the step
    around and 0 stops it (MXNet's kernel ignores it). Weight, gradient and output have one shape
    and one floating type. Hyper-parameters are rounded to float32 first, as in MXNet, so that
    float32 and float64 results are its bits. Each of them may be a Symbol that holds one number.

    Examples
    --------
    >>> import numpy as np
    >>> from minisym import sym
    >>> step = sym.signsgd_update(sym.Variable("weight"), sym.Variable("grad"), lr=0.5)
    >>> weight = np.array([1.0, 2.0, 3.0])
    >>> executor = step.bind(args={"weight": weight, "grad": np.array([0.1, -7.0, 0.0])})
    >>> _ = executor.forward()
    >>> weight
    array([0.5, 2.5, 3. ])

    References
    ----------
    Bernstein et al., "signSGD: Compressed Optimisation for Non-Convex Problems", arXiv:1802.04434;
    MXNet 1.6, `mx.symbol.signsgd_update`.
    """
    rate = step = real(lr, weight)
    if is_given(rescale_grad, 1):
        step = rate * signs(single(rescale_grad))
    moved = signs(grad) * step
    if is_given(wd, 0):
        weight = weight * (real(1, weight) - rate * real(wd, weight))
    np.subtract(weight, moved, out=out)


@signsgd_update.dtype
def _(t: Any) -> None:
    floating(t, "weight", "grad", "output")
