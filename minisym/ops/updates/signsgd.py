r"""signSGD: step against the sign of the gradient. The op that this project grew around."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Final

import numpy as np

from minisym.errors import ComposeError, DtypeError, ShapeError
from minisym.ndarray import Array
from minisym.ops.updates.common import Number, floating, update
from minisym.samples import Sample

Step = tuple[Callable[..., Any], tuple[Any, ...]]
_BLOCK: Final = 1 << 16
"""Elements of large arrays that are worked on at a time, so that scratch stays in cache."""


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
    weight: Array,
    grad: Array,
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
    real = weight.dtype.type
    rate, decay = real(np.float32(lr)), real(np.float32(wd))
    scaled = np.float32(np.sign(rescale_grad)) * grad
    sign = (scaled > 0).astype(real) - (scaled < 0).astype(real)
    np.subtract((real(1) - rate * decay) * weight, rate * sign, out=out)


@signsgd_update.dtype
def _(t: Any) -> None:
    floating(t, "weight", "grad", "output")


@signsgd_update.steps
def _(
    inputs: Sequence[Array],
    outs: Sequence[Array],
    *,
    lr: Number,
    wd: Number,
    rescale_grad: Number,
) -> Iterator[Step]:
    """Do it in ufuncs alone: sign as a difference of two comparisons, scratch in cache."""
    (weight, grad), (out,) = inputs, outs
    real = weight.dtype
    rate, decay, scale = (_hyper(value, real) for value in (lr, wd, rescale_grad))
    if isinstance(rescale_grad, np.ndarray) or rescale_grad != 1.0:
        yield from _refresh(rescale_grad, scale)
        sign_of_scale = np.empty((), np.int8)
        yield from _sign_steps(scale, sign_of_scale, np.empty((), np.bool_))
        product = np.empty((), real)
        yield from _refresh(lr, rate)
        yield np.multiply, (rate, sign_of_scale, product)
        turned = product
    else:
        yield from _refresh(lr, rate)
        turned = rate
    step = np.empty(weight.shape, real)
    for part, gradient, sign, positive in _blocks(step, grad):
        yield from _sign_steps(gradient, sign, positive)
        yield np.multiply, (sign, turned, part)
    if isinstance(wd, np.ndarray) or wd != 0.0:
        keep = np.empty((), real)
        yield from _refresh(wd, decay)
        yield np.multiply, (rate, decay, keep)
        yield np.subtract, (np.ones((), real), keep, keep)
        kept = np.empty(weight.shape, real)
        yield np.multiply, (weight, keep, kept)
        yield np.subtract, (kept, step, out)
    else:
        yield np.subtract, (weight, step, out)


_ZERO = {np.dtype(t): np.zeros((), t) for t in (np.float16, np.float32, np.float64)}


def _sign_steps(x: Array, sign: Array, positive: Array) -> Iterator[Step]:
    """Fill an int8 array with the signs of x, 0 for NaN; `positive` is scratch."""
    zero = _ZERO[x.dtype]
    yield np.greater, (x, zero, positive)
    yield np.less, (x, zero, sign.view(np.bool_))
    yield np.subtract, (positive.view(np.int8), sign, sign)


def _hyper(value: Number, real: np.dtype[Any]) -> Array:
    """Return a hyper-parameter as a 0-d array of the weight's type, rounded to float32 before."""
    if isinstance(value, np.ndarray):
        return np.empty((), real)
    return np.asarray(np.float32(value)).astype(real)


def _refresh(value: Number, into: Array) -> Iterator[Step]:
    """Read a hyper-parameter that the graph computes."""
    if isinstance(value, np.ndarray):
        yield operator.setitem, (into, (), value)


def _blocks(step: Array, grad: Array) -> Iterator[tuple[Array, Array, Array, Array]]:
    """Cut large contiguous arrays into pieces that fit in cache; others stay whole."""
    if step.size <= _BLOCK or not grad.flags.c_contiguous:
        yield step, grad, np.empty(grad.shape, np.int8), np.empty(grad.shape, np.bool_)
        return
    flat, flat_grad = step.reshape(-1), grad.reshape(-1)
    sign, positive = np.empty(_BLOCK, np.int8), np.empty(_BLOCK, np.bool_)
    for start in range(0, flat.size, _BLOCK):
        part = flat[start : start + _BLOCK]
        n = part.size
        yield part, flat_grad[start : start + n], sign[:n], positive[:n]
