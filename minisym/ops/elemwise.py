r"""Elementwise functions: output element i depends on input elements i only.

A row is an op: its name, the NumPy function, the gradient by the chain rule, and what it is. In the
gradients `g` is what arrives at the output, `x` the input, `y` the output; `z` is the output where
there are two inputs `x` and `y`.
"""

from __future__ import annotations

import numpy as np

from minisym.define import Array
from minisym.families import ZERO, binary, scalar, unary

unary("negative", np.negative, lambda g, x, y: -g, r"Negate, $-x$.", aliases=("_np_negative",))
unary("tanh", np.tanh, lambda g, x, y: g * (1 - y * y), r"Hyperbolic tangent, $\tanh x$.")
unary("exp", np.exp, lambda g, x, y: g * y, r"Exponential, $e^x$.")
unary("log", np.log, lambda g, x, y: g / x, r"Natural logarithm, $\ln x$.")
unary("square", np.square, lambda g, x, y: g * x * 2, r"Square, $x^2$.")


def _sign(x: Array, out: Array) -> None:
    """Fill with -1, 0 or 1; 0 for NaN, as MXNet has it."""
    np.subtract(x > 0, x < 0, out=out, dtype=np.int8, casting="unsafe")


sign = unary("sign", _sign, ZERO, r"Sign, $-1$, $0$ or $1$; 0 for NaN.")
unary("abs", np.abs, lambda g, x, y: g * sign(x), r"Absolute value, $|x|$.")

binary(
    "elemwise_add",
    np.add,
    (lambda g, x, y, z: g, lambda g, x, y, z: g),
    r"Add two arrays of one shape, $x + y$.",
    aliases=("_add", "_plus", "_Plus"),
)
binary(
    "elemwise_sub",
    np.subtract,
    (lambda g, x, y, z: g, lambda g, x, y, z: -g),
    r"Subtract arrays of one shape, $x - y$.",
    aliases=("_sub", "_minus", "_Minus"),
)
binary(
    "elemwise_mul",
    np.multiply,
    (lambda g, x, y, z: g * y, lambda g, x, y, z: g * x),
    r"Multiply arrays of one shape, $x y$.",
    aliases=("_mul", "_Mul"),
)
binary(
    "elemwise_div",
    np.divide,
    (lambda g, x, y, z: g / y, lambda g, x, y, z: -g * z / y),
    r"Divide arrays of one shape, $x / y$.",
    aliases=("_div", "_Div"),
)

scalar("_plus_scalar", np.add, lambda g, x, y, s: g, r"Add a number, $x + s$.", aliases=("_PlusScalar",))
scalar("_mul_scalar", np.multiply, lambda g, x, y, s: g * s, r"Multiply by a number, $s x$.", aliases=("_MulScalar",))
scalar("_minus_scalar", np.subtract, lambda g, x, y, s: g, r"Subtract a number, $x - s$.", aliases=("_MinusScalar",))
scalar("_rminus_scalar", np.subtract, lambda g, x, y, s: -g, r"Subtract from a number, $s - x$.", reverse=True, aliases=("_RMinusScalar",))
