r"""Elementwise functions of one array: output element i depends on input element i only.

A row is an op: its name, the NumPy function, the gradient by the chain rule, and what it is. In the
gradients `g` is what arrives at the output, `x` the input and `y` the output. Where a row has a
kernel of its own, it may be given the input's memory as `out`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minisym.core.families import ZERO, unary
from minisym.core.kernels import apply, number
from minisym.core.ndarray import Array
from minisym.core.samples import Sample
from minisym.ops.numeric.rectify import rectify, rectifying

HALVES = np.array([-2.5, -1.5, -1.0, -0.5, -0.2, 0.0, 0.5, 0.7, 1.5, 2.5])

# ------------------------------------------------------------------------ signs and whole numbers


def _sign(x: Array, out: Array) -> None:
    np.subtract(x > 0, x < 0, out=out, dtype=np.int8, casting="unsafe")


def _round(x: Array, out: Array) -> None:
    if x.dtype.kind != "f":
        np.copyto(out, x)
        return
    whole = np.trunc(x)
    np.add(whole, np.copysign(np.abs(x - whole) >= 0.5, x), out=out, casting="unsafe")


def _rint(x: Array, out: Array) -> None:
    if x.dtype.kind != "f":
        np.copyto(out, x)
        return
    low = np.floor(x)
    np.copyto(out, np.copysign(low + (x - low > 0.5), x), casting="unsafe")


# What ONNX has no op for, it says with several. Near 0, e^x - 1 loses digits: there a series is
# as exact as float32.


def onnx_sign(o: Any, x: Any) -> Any:
    """Take the sign, 0 of NaN, in ONNX."""
    return o.Sub(o.cast(o.Greater(x, 0)), o.cast(o.Less(x, 0)))


def onnx_round(o: Any, x: Any) -> Any:
    """Round halves away from 0 in ONNX, whose Round takes them to even numbers."""
    return x if o.dtype.kind != "f" else o.Mul(o.Sign(x), o.Floor(o.Add(o.Abs(x), 0.5)))


def _onnx_rint(o: Any, x: Any) -> Any:
    return x if o.dtype.kind != "f" else o.Ceil(o.Sub(x, 0.5))


def onnx_trunc(o: Any, x: Any) -> Any:
    """Cut to an integer in ONNX."""
    return x if x.dtype.kind != "f" else o.Mul(o.Sign(x), o.Floor(o.Abs(x)))


def onnx_cbrt(o: Any, x: Any) -> Any:
    """Take the cube root, also of negative numbers, in ONNX."""
    x = o.real(x)
    return o.Mul(o.Sign(x), o.Pow(o.Abs(x), 1 / 3))


def onnx_expm1(o: Any, x: Any) -> Any:
    """Take e^x - 1 in ONNX: (e^(x/2) - e^(-x/2)) e^(x/2), whose first factor is 2 sinh(x/2)."""
    half = o.Mul(o.real(x), 0.5)
    return o.Mul(o.Mul(o.Sinh(half), 2), o.Exp(half))


def onnx_log1p(o: Any, x: Any) -> Any:
    """Take ln(1 + x) in ONNX: 2 artanh(x / (2 + x))."""
    x = o.real(x)
    return o.Mul(o.Atanh(o.Div(x, o.Add(x, 2))), 2)


unary(
    "negative",
    np.negative,
    lambda g, x, y: -g,
    "Negate, $-x$.",
    aliases=("_sparse_negative",),
    onnx="Neg",
)
sign = unary(
    "sign",
    _sign,
    ZERO,
    "Take the sign: $-1$, 0 or 1; 0 for NaN.",
    aliases=("_sparse_sign",),
    samples=[
        Sample(((2, 3),)),
        Sample((HALVES,), wrt=(), reference=np.sign),
        Sample((np.array([np.nan, np.inf]),), wrt=(), reference=lambda x: np.array([0.0, 1.0])),
    ],
    onnx=onnx_sign,
)
signum = unary(
    "_signum", np.sign, ZERO, "Take the sign: $-1$, 0 or 1, and NaN of NaN.", onnx="Sign"
)
absolute = unary(
    "abs",
    np.abs,
    lambda g, x, y: g * sign(x),
    "Take the absolute value, $|x|$; its gradient at 0 is 0.",
    aliases=("_sparse_abs",),
    onnx="Abs",
)
unary(
    "round",
    _round,
    ZERO,
    r"Round to the nearest integer, halves away from 0: $2.5 \to 3$, $-2.5 \to -3$.",
    aliases=("_sparse_round",),
    samples=[
        Sample((HALVES,), wrt=(), reference=lambda x: np.sign(x) * np.floor(np.abs(x) + 0.5)),
    ],
    onnx=onnx_round,
)
unary(
    "_contrib_sign_ste",
    _sign,
    lambda g, x, y: g,
    """Take the sign, $-1$, 0 or 1, with the gradient of the identity.

    Reference: Bengio et al., *Estimating or propagating gradients through stochastic neurons for
    conditional computation*, 2013, arXiv:1308.3432.""",
    aliases=("_sparse__contrib_sign_ste",),
    samples=[Sample((HALVES,), wrt=(), reference=np.sign)],
    onnx=onnx_sign,
)
unary(
    "_contrib_round_ste",
    _round,
    lambda g, x, y: g,
    """Round to the nearest integer, halves away from 0, with the gradient of the identity.

    Reference: Bengio et al., *Estimating or propagating gradients through stochastic neurons for
    conditional computation*, 2013, arXiv:1308.3432.""",
    aliases=("_sparse__contrib_round_ste",),
    samples=[
        Sample((HALVES,), wrt=(), reference=lambda x: np.sign(x) * np.floor(np.abs(x) + 0.5)),
    ],
    onnx=onnx_round,
)
unary(
    "rint",
    _rint,
    ZERO,
    r"Round to the nearest integer, halves down: $1.5 \to 1$, $-1.5 \to -2$.",
    aliases=("_sparse_rint",),
    samples=[Sample((HALVES,), wrt=(), reference=lambda x: np.ceil(x - 0.5))],
    onnx=_onnx_rint,
)
floor = unary(
    "floor",
    np.floor,
    ZERO,
    r"Round down, $\lfloor x \rfloor$.",
    aliases=("_sparse_floor",),
    onnx="Floor",
)
unary(
    "ceil", np.ceil, ZERO, r"Round up, $\lceil x \rceil$.", aliases=("_sparse_ceil",), onnx="Ceil"
)
unary("trunc", np.trunc, ZERO, "Round towards 0.", aliases=("_sparse_trunc",), onnx=onnx_trunc)
unary("fix", np.trunc, ZERO, "Round towards 0.", aliases=("_sparse_fix",), onnx=onnx_trunc)

# ------------------------------------------------------------------------------ powers and roots


def _reciprocal(x: Array, out: Array) -> None:
    apply(np.divide, number(1, x.dtype), x, out=out)


def _rsqrt(x: Array, out: Array) -> None:
    apply(np.divide, number(1, x.dtype), np.sqrt(x, dtype=_inexact(x)), out=out)


def _rcbrt(x: Array, out: Array) -> None:
    apply(np.divide, number(1, x.dtype), np.cbrt(x, dtype=_inexact(x)), out=out)


def _inexact(x: Array) -> Any:
    """Return the type to compute functions of the reals in."""
    return x.dtype if x.dtype.kind == "f" else np.float64


square = unary(
    "square",
    np.square,
    lambda g, x, y: g * (x * 2),
    "Square, $x^2$.",
    aliases=("_sparse_square",),
    onnx=lambda o, x: o.Mul(x, x),
)
unary(
    "sqrt",
    np.sqrt,
    lambda g, x, y: g * (0.5 / y),
    r"Take the square root, $\sqrt x$.",
    aliases=("_sparse_sqrt",),
    domain=(0.1, 3.0),
    onnx="Sqrt",
)
unary(
    "cbrt",
    np.cbrt,
    lambda g, x, y: g / (y * y * 3),
    r"Take the cube root, $\sqrt[3] x$.",
    aliases=("_sparse_cbrt",),
    onnx=onnx_cbrt,
)
unary(
    "reciprocal",
    _reciprocal,
    lambda g, x, y: g * -(y * y),
    "Invert, $1 / x$.",
    domain=(0.2, 2.0),
    onnx="Reciprocal",
)
rsqrt = unary(
    "rsqrt",
    _rsqrt,
    lambda g, x, y: g * (y / x * -0.5),
    r"Invert the square root, $1 / \sqrt x$.",
    aliases=("_sparse_rsqrt",),
    domain=(0.2, 3.0),
    onnx=lambda o, x: o.Reciprocal(o.Sqrt(x)),
)
unary(
    "rcbrt",
    _rcbrt,
    lambda g, x, y: g * (y / x * (-1 / 3)),
    r"Invert the cube root, $1 / \sqrt[3] x$.",
    domain=(0.2, 3.0),
    onnx=lambda o, x: o.Reciprocal(onnx_cbrt(o, x)),
)

# -------------------------------------------------------------------- exponentials and logarithms

exp = unary(
    "exp",
    np.exp,
    lambda g, x, y: g * y,
    "Exponential, $e^x$.",
    aliases=("_sparse_exp",),
    onnx="Exp",
)
unary(
    "expm1",
    np.expm1,
    lambda g, x, y: g * exp(x),
    "Exponential less one, $e^x - 1$, exact near 0.",
    aliases=("_sparse_expm1",),
    onnx=onnx_expm1,
)
log = unary(
    "log",
    np.log,
    lambda g, x, y: g / x,
    r"Natural logarithm, $\ln x$.",
    aliases=("_sparse_log",),
    domain=(0.2, 3.0),
    onnx="Log",
)
unary(
    "log10",
    np.log10,
    lambda g, x, y: g * (1 / math.log(10)) / x,
    r"Decimal logarithm, $\log_{10} x$.",
    aliases=("_sparse_log10",),
    domain=(0.2, 3.0),
    onnx=lambda o, x: o.Mul(o.Log(x), 1 / math.log(10)),
)
unary(
    "log2",
    np.log2,
    lambda g, x, y: g * (1 / math.log(2)) / x,
    r"Binary logarithm, $\log_2 x$.",
    aliases=("_sparse_log2",),
    domain=(0.2, 3.0),
    onnx=lambda o, x: o.Mul(o.Log(x), 1 / math.log(2)),
)
unary(
    "log1p",
    np.log1p,
    lambda g, x, y: g / (x + 1),
    r"Logarithm of one more, $\ln(1 + x)$, exact near 0.",
    aliases=("_sparse_log1p",),
    domain=(-0.8, 3.0),
    onnx=onnx_log1p,
)

# ----------------------------------------------------------------------------------- activations


def _sigmoid(x: Array, out: Array) -> None:
    if x.dtype.kind != "f":
        np.copyto(out, 1 / (1 + np.exp(-x.astype(np.float64))), casting="unsafe")
        return
    one = number(1, x.dtype)
    np.negative(x, out)
    np.exp(out, out)
    np.add(out, one, out)
    np.divide(one, out, out)


def _softsign(x: Array, out: Array) -> None:
    apply(np.divide, x, 1 + np.abs(x, dtype=_inexact(x)), out=out)


relu = unary(
    "relu",
    rectify,
    lambda g, x, y: g * signum(y),
    r"Rectify, $\max(x, 0)$; NaN stays NaN. The gradient at 0 is 0.",
    aliases=("_sparse_relu",),
    samples=[Sample(((2, 3),), reference=lambda x: np.where(x > 0, x, 0))],
    kind="activation",
    onnx="Relu",
)


@relu.steps
def _relu_steps(inputs: Sequence[Array], outs: Sequence[Array]) -> Any:
    return rectifying(inputs[0], outs[0])


unary(
    "sigmoid",
    _sigmoid,
    lambda g, x, y: g * (y * (1 - y)),
    r"Squash to (0, 1), $\sigma(x) = 1 / (1 + e^{-x})$.",
    aliases=("_sparse_sigmoid",),
    samples=[Sample(((2, 3),), reference=lambda x: (1 + np.tanh(x / 2)) / 2)],
    kind="activation",
    onnx="Sigmoid",
)
unary(
    "tanh",
    np.tanh,
    lambda g, x, y: g * (1 - y * y),
    r"Squash to (-1, 1), the hyperbolic tangent $\tanh x$.",
    aliases=("_sparse_tanh",),
    kind="activation",
    onnx="Tanh",
)
unary(
    "softsign",
    _softsign,
    lambda g, x, y: g / square(absolute(x) + 1),
    "Squash to (-1, 1), $x / (1 + |x|)$.",
    kind="activation",
    onnx="Softsign",
)
