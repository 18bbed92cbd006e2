r"""Comparisons and logic: 1 where it holds, else 0, in the type of what is compared.

A row declares three ops: `_equal` between arrays of one shape, `broadcast_equal` between arrays
that stretch, `_equal_scalar` with a number. Their gradients are zero. NaN equals nothing and is
true.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minisym.core.declare import Declaration
from minisym.core.families import ZERO, binary, broadcast, scalar, unary
from minisym.core.kernels import BOOL

unary(
    "logical_not",
    np.logical_not,
    ZERO,
    r"Say where x is 0, $\lnot x$.",
    onnx=lambda o, x: o.Not(o.Cast(x, to=BOOL)),
)

stretching: dict[str, Declaration] = {}
"""The comparisons that broadcast, for the gradients of others."""


def _truth(form: str | tuple[str, str], *, logic: bool) -> Callable[..., Any]:
    """Return the ONNX form: a truth value, which becomes a number; logic asks what is not 0."""

    def rule(o: Any, x: Any, y: Any) -> Any:
        if logic:
            x, y = (o.Cast(a, to=BOOL) for a in (x, y))
        first, *rest = (form,) if isinstance(form, str) else form
        found = o.node(first, x, y)
        return o.Not(found) if rest else found

    return rule


for word, ufunc, sign, drawn, form, meaning in (
    ("equal", np.equal, "=", "= {}", "Equal", "the operands are equal"),
    ("not_equal", np.not_equal, r"\ne", "≠ {}", ("Equal", "Not"), "the operands differ"),
    ("greater", np.greater, ">", "> {}", "Greater", "the first operand is greater"),
    (
        "greater_equal",
        np.greater_equal,
        r"\ge",
        "≥ {}",
        "GreaterOrEqual",
        "the first operand is greater or equal",
    ),
    ("lesser", np.less, "<", "< {}", "Less", "the first operand is less"),
    (
        "lesser_equal",
        np.less_equal,
        r"\le",
        "≤ {}",
        "LessOrEqual",
        "the first operand is less or equal",
    ),
    ("logical_and", np.logical_and, r"\land", "", "And", "both operands are nonzero"),
    ("logical_or", np.logical_or, r"\lor", "", "Or", "an operand is nonzero"),
    ("logical_xor", np.logical_xor, r"\veebar", "", "Xor", "exactly one operand is nonzero"),
):
    title = word.title()
    onnx = _truth(form, logic=word.startswith("logical"))
    binary(
        f"_{word}",
        ufunc,
        (ZERO, ZERO),
        f"Say where {meaning}, ${{x {sign} y}}$, of two arrays of one shape.",
        aliases=(f"_{title}",),
        onnx=onnx,
    )
    stretching[word] = broadcast(
        f"broadcast_{word}",
        ufunc,
        (ZERO, ZERO),
        f"Say where {meaning}, ${{x {sign} y}}$, with broadcasting.",
        onnx=onnx,
    )
    scalar(
        f"_{word}_scalar",
        ufunc,
        ZERO,
        f"Say where {meaning}, ${{x {sign} s}}$, with a number as the second one.",
        aliases=(f"_{title.replace('_', '')}Scalar",),
        onnx=onnx,
        sign=drawn,
    )
