r"""Arithmetic between an array and a number, which takes the array's type: on int32, 2.5 is 2.

In the gradients `g` is what arrives at the output, `x` the array, `y` the output, `s` the number.
"""

from __future__ import annotations

from math import copysign, inf, log, nan

import numpy as np

from minisym.core.declare import F
from minisym.core.families import scalar
from minisym.core.op import Params
from minisym.core.symbol import Symbol
from minisym.ops.arithmetic import (
    divide,
    modulo,
    onnx_divide,
    onnx_hypot,
    onnx_modulo,
    onnx_power,
    power,
)
from minisym.ops.elemwise import floor


def _adds_nothing(params: Params, kind: str, is_train: bool | None) -> bool:
    """Return whether $x + s$ is $x$: -0.0 + 0.0 is 0.0, so of floats only -0.0 changes nothing."""
    scalar = params["scalar"]
    return bool(scalar == 0) and (kind in "iu" or copysign(1, scalar) < 0)


def _takes_nothing(params: Params, kind: str, is_train: bool | None) -> bool:
    """Return whether $x - s$ is $x$: of floats only if s is 0.0."""
    scalar = params["scalar"]
    return bool(scalar == 0) and (kind in "iu" or copysign(1, scalar) > 0)


def _by_one(params: Params, kind: str, is_train: bool | None) -> bool:
    """Return whether $s x$ and $x / s$ are $x$."""
    return bool(params["scalar"] == 1) and kind in "iuf"


for name, aliases in (("_plus_scalar", ("_PlusScalar",)), ("_scatter_plus_scalar", ())):
    scalar(
        name,
        np.add,
        lambda g, x, y, s: g,
        "Add a number, $x + s$.",
        onnx="Add",
        aliases=aliases,
        sign="+ {}",
        hands_on=_adds_nothing,
    )
for name, aliases in (("_minus_scalar", ("_MinusScalar",)), ("_scatter_minus_scalar", ())):
    scalar(
        name,
        np.subtract,
        lambda g, x, y, s: g,
        "Subtract a number, $x - s$.",
        onnx="Sub",
        aliases=aliases,
        sign="− {}",
        hands_on=_takes_nothing,
    )
scalar(
    "_rminus_scalar",
    np.subtract,
    lambda g, x, y, s: -g,
    "Subtract from a number, $s - x$.",
    reverse=True,
    aliases=("_RMinusScalar",),
    sign="{} −",
    onnx="Sub",
)
scalar(
    "_mul_scalar",
    np.multiply,
    lambda g, x, y, s: g * s,
    "Multiply by a number, $s x$.",
    aliases=("_MulScalar",),
    sign="× {}",
    hands_on=_by_one,
    onnx="Mul",
)
scalar(
    "_div_scalar",
    divide,
    lambda g, x, y, s: g / s,
    "Divide by a number, $x / s$. Integers are cut towards 0.",
    floats=np.divide,
    aliases=("_DivScalar",),
    sign="÷ {}",
    hands_on=_by_one,
    onnx=onnx_divide,
)
scalar(
    "_rdiv_scalar",
    divide,
    lambda g, x, y, s: g * -(y / x),
    "Divide a number, $s / x$. Integers are cut towards 0; 0 divides them to 0.",
    floats=np.divide,
    reverse=True,
    aliases=("_RDivScalar",),
    domain=(0.3, 3.0),
    sign="{} ÷",
    onnx=onnx_divide,
)
scalar(
    "_mod_scalar",
    modulo,
    lambda g, x, y, s: g,
    r"Take the remainder $x - \lfloor x / s \rfloor s$, which has the sign of $s$; 0 for $s = 0$.",
    aliases=("_ModScalar",),
    domain=(0.1, 1.4),
    onnx=onnx_modulo,
)
scalar(
    "_rmod_scalar",
    modulo,
    lambda g, x, y, s: g * -floor(s / x),
    r"Take the remainder of a number, $s - \lfloor s / x \rfloor x$; 0 for $x = 0$.",
    reverse=True,
    aliases=("_RModScalar",),
    domain=(0.8, 1.4),
    onnx=onnx_modulo,
)
scalar(
    "_power_scalar",
    power,
    lambda g, x, y, s: g * (x ** (s - 1) * s) if s else None,  # x^0 is 1, also where x is 0
    "Raise to a power, $x^s$. Integers are computed in float64.",
    floats=np.power,
    aliases=("_PowerScalar",),
    domain=(0.3, 3.0),
    sign="^ {}",
    onnx=onnx_power,
)
scalar(
    "_rpower_scalar",
    power,
    lambda g, x, y, s: g * (y * log(s) if s > 0 else y * nan if s < 0 else _fall(y)),
    "Raise a number to a power, $s^x$. Integers are computed in float64.",
    floats=np.power,
    reverse=True,
    aliases=("_RPowerScalar",),
    sign="{} ^",
    onnx=onnx_power,
)
scalar(
    "_maximum_scalar",
    np.maximum,
    lambda g, x, y, s: g * (x >= s),
    r"Take the larger, $\max(x, s)$; at a tie the gradient passes.",
    aliases=("_MaximumScalar",),
    sign="max {}",
    onnx="Max",
)
scalar(
    "_minimum_scalar",
    np.minimum,
    lambda g, x, y, s: g * (x <= s),
    r"Take the smaller, $\min(x, s)$; at a tie the gradient passes.",
    aliases=("_MinimumScalar",),
    sign="min {}",
    onnx="Min",
)
scalar(
    "_hypot_scalar",
    np.hypot,
    lambda g, x, y, s: g * (x / y),
    r"Take the hypotenuse, $\sqrt{x^2 + s^2}$.",
    aliases=("_HypotScalar",),
    onnx=onnx_hypot,
)


def _fall(y: Symbol) -> Symbol:
    """Return the slope of $0^x$: 0 for positive x, where the power is 0, else -inf."""
    return F.where(y == 0, F.zeros_like(y), y * -inf)
