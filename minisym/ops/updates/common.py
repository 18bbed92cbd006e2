"""What the updates share: their declaration, hyper-parameters in the weight's type, types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import each_input
from minisym.core.declare import Declaration, op
from minisym.core.ndarray import Array
from minisym.ops.updates.blocks import Traced, steps_of_kernel

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
Clip = Annotated[float, "Clips grad to [-clip_gradient, clip_gradient]; off if negative."]
Lazy = Annotated[bool, "For sparse gradients in MXNet; accepted."]
Momentum = Annotated[float, "Decay rate of the momentum."]


def update(**facts: Any) -> Callable[[Callable[..., None]], Declaration]:
    """Declare an op of this family; elementwise ones run block by block."""
    declare = op(kind="update", cost=each_input(4), **facts)

    def decorate(kernel: Callable[..., None]) -> Declaration:
        declared = declare(kernel)
        if facts.get("elementwise") and facts.get("writes"):
            declared.steps(
                lambda inputs, outs, **params: steps_of_kernel(kernel, inputs, outs, params)
            )
        return declared

    return decorate


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
    return np.clip(result, -bound, bound) if bound >= 0 else result


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
