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
    keep = None
    if isinstance(wd, np.ndarray) or wd != 0.0:
        keep = np.empty((), real)
        yield from _refresh(wd, decay)
        yield np.multiply, (rate, decay, keep)
        yield np.subtract, (np.ones((), real), keep, keep)
    for before, slope, after, sign, positive, step in _blocks(weight, grad, out):
        yield from _sign_steps(slope, sign, positive)
        yield np.multiply, (sign, turned, step)
        if keep is not None:
            yield np.multiply, (before, keep, after)
            before = after  # noqa: PLW2901  from here on, the decayed weight
        yield np.subtract, (before, step, after)


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


def _blocks(weight: Array, grad: Array, out: Array) -> Iterator[tuple[Array, ...]]:
    """Cut large contiguous arrays into pieces that stay in cache, others not at all; add scratch.

    Yields pieces of the three arrays, and room for a sign, for a bool, and for a step.
    """
    arrays, types = (weight, grad, out), (np.dtype(np.int8), np.dtype(np.bool_), weight.dtype)
    if weight.size <= _BLOCK or not all(array.flags.c_contiguous for array in arrays):
        yield *arrays, *(np.empty(weight.shape, dtype) for dtype in types)
        return
    rooms = [np.empty(_BLOCK, dtype) for dtype in types]
    for start in range(0, weight.size, _BLOCK):
        pieces = [array.reshape(-1)[start : start + _BLOCK] for array in arrays]
        yield *pieces, *(room[: pieces[0].size] for room in rooms)
