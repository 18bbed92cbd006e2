r"""Trigonometric and hyperbolic functions, and their inverses."""

from __future__ import annotations

import math

import numpy as np

from minisym.core.declare import Declaration
from minisym.core.families import unary
from minisym.ops.elemwise import rsqrt, square

sin: Declaration = unary(
    "sin",
    np.sin,
    lambda g, x, y: g * cos(x),
    r"Sine, $\sin x$, of radians.",
    aliases=("_sparse_sin",),
    onnx="Sin",
)
cos: Declaration = unary(
    "cos",
    np.cos,
    lambda g, x, y: g * -sin(x),
    r"Cosine, $\cos x$, of radians.",
    aliases=("_sparse_cos",),
    onnx="Cos",
)
unary(
    "tan",
    np.tan,
    lambda g, x, y: g * (y * y + 1),
    r"Tangent, $\tan x$, of radians.",
    aliases=("_sparse_tan",),
    domain=(-1.4, 1.4),
    onnx="Tan",
)
unary(
    "arcsin",
    np.arcsin,
    lambda g, x, y: g * rsqrt(1 - square(x)),
    r"Inverse sine, $\arcsin x$ in radians; NaN outside [-1, 1].",
    aliases=("_sparse_arcsin",),
    domain=(-0.9, 0.9),
    onnx="Asin",
)
unary(
    "arccos",
    np.arccos,
    lambda g, x, y: g * -rsqrt(1 - square(x)),
    r"Inverse cosine, $\arccos x$ in radians; NaN outside [-1, 1].",
    aliases=("_sparse_arccos",),
    domain=(-0.9, 0.9),
    onnx="Acos",
)
unary(
    "arctan",
    np.arctan,
    lambda g, x, y: g / (square(x) + 1),
    r"Inverse tangent, $\arctan x$ in radians.",
    aliases=("_sparse_arctan",),
    onnx="Atan",
)
sinh: Declaration = unary(
    "sinh",
    np.sinh,
    lambda g, x, y: g * cosh(x),
    r"Hyperbolic sine, $\sinh x = (e^x - e^{-x}) / 2$.",
    aliases=("_sparse_sinh",),
    onnx="Sinh",
)
cosh: Declaration = unary(
    "cosh",
    np.cosh,
    lambda g, x, y: g * sinh(x),
    r"Hyperbolic cosine, $\cosh x = (e^x + e^{-x}) / 2$.",
    aliases=("_sparse_cosh",),
    onnx="Cosh",
)
unary(
    "arcsinh",
    np.arcsinh,
    lambda g, x, y: g * rsqrt(square(x) + 1),
    r"Inverse hyperbolic sine, $\ln(x + \sqrt{x^2 + 1})$.",
    aliases=("_sparse_arcsinh",),
    onnx="Asinh",
)
unary(
    "arccosh",
    np.arccosh,
    lambda g, x, y: g * rsqrt(square(x) - 1),
    r"Inverse hyperbolic cosine, $\ln(x + \sqrt{x^2 - 1})$; NaN below 1.",
    aliases=("_sparse_arccosh",),
    domain=(1.2, 3.0),
    onnx="Acosh",
)
unary(
    "arctanh",
    np.arctanh,
    lambda g, x, y: g / (1 - square(x)),
    r"Inverse hyperbolic tangent, $\frac12 \ln \frac{1 + x}{1 - x}$; NaN outside [-1, 1].",
    aliases=("_sparse_arctanh",),
    domain=(-0.9, 0.9),
    onnx="Atanh",
)
unary(
    "degrees",
    np.degrees,
    lambda g, x, y: g * (180 / math.pi),
    r"Turn radians into degrees, $180 x / \pi$.",
    aliases=("_sparse_degrees",),
    onnx=lambda o, x: o.Mul(o.real(x), 180 / math.pi),
)
unary(
    "radians",
    np.radians,
    lambda g, x, y: g * (math.pi / 180),
    r"Turn degrees into radians, $\pi x / 180$.",
    aliases=("_sparse_radians",),
    onnx=lambda o, x: o.Mul(o.real(x), math.pi / 180),
)
