r"""Arithmetic between two arrays of one shape.

The kernels serve the stretching ops (`minisym.ops.broadcast`) and those with a number
(`minisym.ops.scalars`), too. In the gradients `g` is what arrives at the output, `x` and `y` are
the inputs and `z` is the output.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minisym.core.declare import F
from minisym.core.families import binary
from minisym.core.ndarray import Array
from minisym.core.samples import Sample
from minisym.ops.elemwise import floor


def divide(x: Array, y: Array, out: Array) -> None:
    """Divide; integers as C does, towards 0, but $x / 0 = 0$."""
    if out.dtype.kind == "f":
        np.divide(x, y, out)
        return
    quotient = np.floor_divide(x, y)
    if out.dtype.kind == "i":
        inexact = (quotient * y != x) & (y != 0)
        quotient += inexact & ((x < 0) != (y < 0))
    np.copyto(out, quotient)


def modulo(x: Array, y: Array, out: Array) -> None:
    r"""Take the remainder with the divisor's sign, $x - \lfloor x/y \rfloor y$; $x \bmod 0 = 0$."""
    zero = y == 0
    np.remainder(x, y, out)
    np.copyto(out, 0, where=zero)


def power(x: Array, y: Array, out: Array) -> None:
    """Raise to a power; integers through float64, so that a negative exponent gives a fraction."""
    if out.dtype.kind == "f":
        np.power(x, y, out)
    else:
        np.copyto(out, np.power(x, y, dtype=np.float64), casting="unsafe")


# --------------------------------------------------------------------- the same in ONNX, `o.Add`


def onnx_divide(o: Any, x: Any, y: Any) -> Any:
    """Divide in ONNX, where what integers divided by 0 are is not said."""
    if o.dtype.kind == "f":
        return o.Div(x, y)
    zero = o.Equal(y, 0)
    return o.Where(zero, 0, o.Div(x, o.Where(zero, 1, y)))


def onnx_modulo(o: Any, x: Any, y: Any) -> Any:
    """Take the remainder in ONNX: of floats it has the sign of the dividend there."""
    zero = o.Equal(y, 0)
    divisor = o.Where(zero, 1, y)
    if o.dtype.kind != "f":
        return o.Where(zero, 0, o.Mod(x, divisor))
    rest = o.Mod(x, divisor, fmod=1)
    wrong = o.Less(o.Mul(rest, divisor), 0)
    return o.Where(zero, 0, o.Where(wrong, o.Add(rest, divisor), rest))


def onnx_power(o: Any, x: Any, y: Any) -> Any:
    """Raise to a power in ONNX; integers through float64, as here."""
    return o.Pow(x, y) if o.dtype.kind == "f" else o.in_type("float64", "Pow", x, y)


def onnx_hypot(o: Any, x: Any, y: Any) -> Any:
    """Take the hypotenuse in ONNX."""
    return o.Sqrt(o.Add(o.Mul(x, x), o.Mul(y, y)))


# ------------------------------------------------------------------------------------- the rows

binary(
    "elemwise_add",
    np.add,
    (lambda g, x, y, z: g, lambda g, x, y, z: g),
    "Add two arrays of one shape, $x + y$.",
    aliases=("_add", "_plus", "_Plus", "_sparse_elemwise_add"),
    sign="+",
    onnx="Add",
)
binary(
    "_grad_add",
    np.add,
    (lambda g, x, y, z: g, lambda g, x, y, z: g),
    "Add two gradients of one shape, $x + y$.",
    onnx="Add",
)
binary(
    "elemwise_sub",
    np.subtract,
    (lambda g, x, y, z: g, lambda g, x, y, z: -g),
    "Subtract arrays of one shape, $x - y$.",
    aliases=("_sub", "_minus", "_Minus", "_sparse_elemwise_sub"),
    sign="−",
    onnx="Sub",
)
binary(
    "elemwise_mul",
    np.multiply,
    (lambda g, x, y, z: g * y, lambda g, x, y, z: g * x),
    "Multiply arrays of one shape, $x y$.",
    aliases=("_mul", "_Mul", "_sparse_elemwise_mul"),
    sign="×",
    onnx="Mul",
)
for name, aliases in (
    ("elemwise_div", ("_div", "_Div", "_sparse_elemwise_div")),
    ("_scatter_elemwise_div", ()),
):
    binary(
        name,
        divide,
        (lambda g, x, y, z: g / y, lambda g, x, y, z: g * -(z / y)),
        "Divide arrays of one shape, $x / y$. Integers are cut towards 0; 0 divides them to 0.",
        floats=np.divide,
        aliases=aliases,
        domain=(0.3, 3.0),
        sign="÷",
        onnx=onnx_divide,
    )
binary(
    "_mod",
    modulo,
    (lambda g, x, y, z: g, lambda g, x, y, z: g * -floor(x / y)),
    r"Take the remainder $x - \lfloor x / y \rfloor y$, which has the sign of $y$; 0 for $y = 0$.",
    aliases=("_Mod",),
    domain=(0.3, 3.0),
    samples=[
        Sample(((2, 3), (2, 3)), domain=(0.3, 3.0)),
        Sample(
            (np.array([5.0, -5.0, 5.0, -5.0, 1.0]), np.array([3.0, 3.0, -3.0, -3.0, 0.0])),
            wrt=(),
            reference=lambda x, y: np.array([2.0, 1.0, -1.0, -2.0, 0.0]),
        ),
    ],
    onnx=onnx_modulo,
)
binary(
    "_power",
    power,
    (
        lambda g, x, y, z: g * F._power_slope(x, y),  # noqa: SLF001
        lambda g, x, y, z: g * F._times_log(z, x),  # noqa: SLF001
    ),
    "Raise to a power, $x^y$. Integers are computed in float64.",
    floats=np.power,
    aliases=("_Power",),
    domain=(0.3, 3.0),
    onnx=onnx_power,
)
binary(
    "_maximum",
    np.maximum,
    (lambda g, x, y, z: g * (x >= y), lambda g, x, y, z: g * (x < y)),
    r"Take the larger, $\max(x, y)$; a tie sends the gradient to $x$.",
    aliases=("_Maximum",),
    onnx="Max",
)
binary(
    "_minimum",
    np.minimum,
    (lambda g, x, y, z: g * (x <= y), lambda g, x, y, z: g * (x > y)),
    r"Take the smaller, $\min(x, y)$; a tie sends the gradient to $x$.",
    aliases=("_Minimum",),
    onnx="Min",
)
binary(
    "_hypot",
    np.hypot,
    (lambda g, x, y, z: g * (x / z), lambda g, x, y, z: g * (y / z)),
    r"Take the hypotenuse, $\sqrt{x^2 + y^2}$, without overflow on the way.",
    aliases=("_Hypot",),
    onnx=onnx_hypot,
)
