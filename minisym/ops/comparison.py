r"""Comparisons and logic: 1 where it holds, else 0, in the type of what is compared.

A row declares three ops: `_equal` between arrays of one shape, `broadcast_equal` between arrays
that stretch, `_equal_scalar` with a number. Their gradients are zero. NaN equals nothing and is
true.
"""

from __future__ import annotations

import numpy as np

from minisym.core.declare import Declaration
from minisym.core.families import ZERO, binary, broadcast, scalar, unary

unary(
    "logical_not",
    np.logical_not,
    ZERO,
    r"Say where x is 0, $\lnot x$.",
)

stretching: dict[str, Declaration] = {}
"""The comparisons that broadcast, for the gradients of others."""

for word, ufunc, sign, drawn, meaning in (
    ("equal", np.equal, "=", "= {}", "the operands are equal"),
    ("not_equal", np.not_equal, r"\ne", "≠ {}", "the operands differ"),
    ("greater", np.greater, ">", "> {}", "the first operand is greater"),
    ("greater_equal", np.greater_equal, r"\ge", "≥ {}", "the first operand is greater or equal"),
    ("lesser", np.less, "<", "< {}", "the first operand is less"),
    ("lesser_equal", np.less_equal, r"\le", "≤ {}", "the first operand is less or equal"),
    ("logical_and", np.logical_and, r"\land", "", "both operands are nonzero"),
    ("logical_or", np.logical_or, r"\lor", "", "an operand is nonzero"),
    ("logical_xor", np.logical_xor, r"\veebar", "", "exactly one operand is nonzero"),
):
    title = word.title()
    binary(
        f"_{word}",
        ufunc,
        (ZERO, ZERO),
        f"Say where {meaning}, ${{x {sign} y}}$, of two arrays of one shape.",
        aliases=(f"_{title}",),
    )
    stretching[word] = broadcast(
        f"broadcast_{word}",
        ufunc,
        (ZERO, ZERO),
        f"Say where {meaning}, ${{x {sign} y}}$, with broadcasting.",
    )
    scalar(
        f"_{word}_scalar",
        ufunc,
        ZERO,
        f"Say where {meaning}, ${{x {sign} s}}$, with a number as the second one.",
        aliases=(f"_{title.replace('_', '')}Scalar",),
        sign=drawn,
    )
