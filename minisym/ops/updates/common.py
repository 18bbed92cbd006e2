"""What the updates share: their declaration, hyper-parameters in the weight's type, types."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import numpy as np

from minisym.define import Declaration, op
from minisym.ndarray import Array

Number = float | Array
"""A float parameter: a number, or a 0-d array that the graph computes in each run."""

LearningRate = Annotated[float, "Learning rate."]
WeightDecay = Annotated[float, "Weight decay: it adds wd * weight to the gradient."]
Rescale = Annotated[float, "grad = rescale_grad * grad, before anything else."]
Clip = Annotated[float, "Clips grad to [-clip_gradient, clip_gradient]; off if negative."]
Lazy = Annotated[bool, "For sparse gradients in MXNet; accepted."]
Momentum = Annotated[float, "Decay rate of the momentum."]

update: Callable[..., Callable[[Callable[..., None]], Declaration]] = partial(
    op, family="optimizer"
)
"""`@op` for this family."""


def real(value: Number, like: Array) -> Any:
    """Return a hyper-parameter in the array's type, rounded to float32 first, as MXNet has it."""
    return like.dtype.type(np.float32(value))


def scaled(grad: Array, rescale: Number, clip: Number, like: Array | None = None) -> Array:
    """Return `clip(rescale * grad)`, in the type of `like`; NaN passes through."""
    like = grad if like is None else like
    result: Array = grad.astype(like.dtype) * real(rescale, like)
    bound = real(clip, like)
    return np.clip(result, -bound, bound) if bound >= 0 else result


def sign(x: Array) -> Array:
    """Return -1, 0 or 1; 0 for NaN."""
    return np.subtract(x > 0, x < 0, dtype=np.int8).astype(x.dtype)


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
