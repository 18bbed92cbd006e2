"""What the updates share: their declaration, hyper-parameters in the weight's type, types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from itertools import compress
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import each_input
from minisym.core.declare import Declaration, op
from minisym.core.ndarray import Array
from minisym.ops.numeric.tape import Tape, Traced, record

Number = float | Array | Traced
"""A float parameter: a number, or a 0-d array that the graph computes in each run."""

Weight = Annotated[Array, "The weights; overwritten with the new ones."]
Grad = Annotated[Array, "The gradient by the weights, of their shape."]
Mom = Annotated[Array, "The momentum, of the weights' shape; overwritten with the new one."]
Mean = Annotated[Array, "Mean of past gradients; overwritten with the new one."]
Var = Annotated[Array, "Mean of their squares; overwritten with the new one."]
Master = Annotated[Array, "The weights in float32; overwritten with the new ones."]

LearningRate = Annotated[float, "Learning rate."]
WeightDecay = Annotated[float, "Weight decay: it adds wd * weight to the gradient."]
Rescale = Annotated[float, "grad = rescale_grad * grad, before anything else."]
Clip = Annotated[float, "Clips grad to [-clip_gradient, clip_gradient]; off if not positive."]
Lazy = Annotated[bool, "For sparse gradients in MXNet; accepted."]
Momentum = Annotated[float, "Decay rate of the momentum."]


def update(*, divides: bool = False, **facts: Any) -> Callable[[Callable[..., None]], Declaration]:
    """Declare an op of this family; elementwise ones are run by their tape.

    What `divides` by a root of squares plus epsilon goes through `rescued`.
    """
    declare = op(kind="update", cost=each_input(4), **facts)

    def decorate(kernel: Callable[..., None]) -> Declaration:
        kernel = _rescued_kernel(kernel) if divides else kernel
        declared = declare(kernel)
        if facts.get("elementwise") and facts.get("writes"):

            @declared.steps
            def _(
                inputs: Sequence[Array], outs: Sequence[Array], **params: Any
            ) -> tuple[Tape] | None:
                names = [spec.name for spec in declared.inputs]
                tape = record(kernel, inputs, outs, params, names)
                return None if tape is None else (tape,)

        return declared

    return decorate


def rescued(compute: Callable[..., None], arrays: Sequence[Any], outs: Sequence[Any]) -> None:
    """Call `compute(arrays, outs)`; where float16 gives no number, take what float32 gives.

    In float16 an epsilon of 1e-8 is 0, and so are the squares of small gradients: then the step is
    0 / 0 or infinite. Wherever it is finite, and where states overflow, too, the bits stay those of
    float16, which are MXNet's.
    """
    if outs[0].dtype != np.float16:
        compute(arrays, outs)
        return
    narrow, wide = ([_blank(out, kind) for out in outs] for kind in (np.float16, np.float32))
    compute(arrays, narrow)
    compute([array.astype(np.float32) for array in arrays], wide)
    found = [value.astype(np.float16) for value in wide]
    alike = [isinstance(out, Traced) or out.shape == outs[0].shape for out in outs]
    fine = np.isfinite(found[0])
    for value in compress(found[1:], alike[1:]):
        fine = np.logical_and(fine, np.isfinite(value))
    lost = np.greater(fine, np.isfinite(narrow[0]))
    for out, value, better, same in zip(outs, narrow, found, alike, strict=True):
        out[...] = value
        if same:
            np.copyto(out, better, where=lost)


def _rescued_kernel(kernel: Callable[..., None]) -> Callable[..., None]:
    @wraps(kernel)
    def safe(*arrays: Any, out: Any, **hyper: Any) -> None:
        single = not isinstance(out, tuple | list)

        def compute(arrays: Sequence[Any], outs: Sequence[Any]) -> None:
            kernel(*arrays, out=outs[0] if single else outs, **hyper)

        rescued(compute, arrays, (out,) if single else out)

    return safe


def _blank(like: Any, dtype: Any) -> Any:
    """Return an array of another type, to be filled."""
    return Traced(like.tape, dtype) if isinstance(like, Traced) else np.empty(like.shape, dtype)


def single(value: Number) -> Any:
    """Return a hyper-parameter as float32, as MXNet has it."""
    return value.astype(np.float32) if isinstance(value, Traced) else np.float32(value)


def real(value: Number, like: Array) -> Any:
    """Return a hyper-parameter in the array's type, rounded to float32 first."""
    return single(value).astype(like.dtype)


def is_given(value: Number, default: float) -> bool:
    """Return whether a hyper-parameter changes anything: one that the graph computes may."""
    return isinstance(value, np.ndarray | Traced) or value != default


def scaled(grad: Array, rescale: Number, clip: Number, like: Array | None = None) -> Array:
    """Return `clip(rescale * grad)`, in the type of `like`; NaN passes through."""
    like = grad if like is None else like
    result: Array = grad.astype(like.dtype, copy=False)
    if is_given(rescale, 1):
        result = result * real(rescale, like)
    bound = real(clip, like)
    return np.clip(result, -bound, bound) if bound > 0 else result


def signs(x: Array) -> Array:
    """Return -1, 0 or 1 as int8; 0 for NaN."""
    return np.subtract(x > 0, x < 0, dtype=np.int8)


def sign(x: Array) -> Array:
    """Return -1, 0 or 1 in the type of x; 0 for NaN."""
    return signs(x).astype(x.dtype)


def floating(t: Any, *names: str) -> None:
    """Rule: these slots share one floating type."""
    for name in names:
        dtype = getattr(t, name)
        if dtype is None:
            continue
        if dtype.kind != "f":
            message = f"{name} has type {dtype}, but an update takes float16, 32 or 64"
            raise ValueError(message)
        for other in names:
            setattr(t, other, dtype)


def all_floating(t: Any) -> None:
    """Rule: all slots share one floating type."""
    floating(t, *t.names)


def mixed_precision(*masters: str, low: tuple[str, ...] = ("weight", "grad", "output")) -> Any:
    """Make the rule of an `mp_` update: `masters` are float32, `low` share a type."""

    def rule(t: Any) -> None:
        floating(t, *low)
        for name in masters:
            setattr(t, name, np.dtype(np.float32))

    return rule
