r"""Formulas of docstrings as text that anybody can read: `$e^{x_i / T}$` becomes `e^(x_i / T)`."""

from __future__ import annotations

import re
from typing import Final

_SIGNS: Final = {
    "sum": "Σ", "prod": "∏", "int": "∫", "infty": "∞", "cdot": "·", "otimes": "⊗", "top": "T",
    "le": "≤", "ge": "≥", "ne": "≠", "in": "∈", "cap": "∩", "cup": "∪", "to": "→",
    "leftarrow": "←", "land": "∧", "lor": "∨", "veebar": "⊻", "lnot": "¬",
    "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "sqrt": "√",
    "alpha": "α", "beta": "β", "gamma": "γ", "epsilon": "ε", "eta": "η", "lambda": "λ", "mu": "μ",
    "pi": "π", "sigma": "σ", "psi": "ψ", "Gamma": "Γ", "Lambda": "Λ",
}  # fmt: skip
_BRACED: Final = r"\{([^{}]*)\}"


def readable(doc: str) -> str:
    r"""Return text whose formulas are written with the signs of Unicode.

    >>> readable(r"Take the norm, $\sqrt{\sum_i x_i^2}$ or $\frac12 \ln \frac{1 + x}{y}$.")
    'Take the norm, √(Σ_i x_i^2) or 1/2 ln (1 + x)/y.'
    """
    return re.sub(r"\$([^$]*)\$", lambda found: _formula(found[1]), doc).replace("`", "")


def _formula(source: str) -> str:
    braces = {r"\{": "\ue000", r"\}": "\ue001", r"\,": " "}  # those that are to be seen
    for written, kept in braces.items():
        source = source.replace(written, kept)
    source = re.sub(r"\\(?:operatorname|text|mathrm)\s*", "", source)
    source = re.sub(r"\\hat\s*(\w)", "\\1\u0302", source)
    source = re.sub(r"\\frac\s*(\d)(\d)", r"\1/\2", source)
    before = ""
    while before != source:  # from the innermost braces out
        before = source
        source = re.sub(rf"\\frac\s*{_BRACED}\s*{_BRACED}", _fraction, source)
        source = re.sub(rf"(\\sqrt|[\^_])\s*{_BRACED}", lambda m: m[1] + _grouped(m[2]), source)
        source = re.sub(rf"(?<!\\frac)(?<!\}}){_BRACED}(?!\s*\{{)", r"\1", source)
    source = re.sub(r"\\([a-zA-Z]+)", lambda found: _SIGNS.get(found[1], found[1]), source)
    source = source.replace("\ue000", "{").replace("\ue001", "}")
    return re.sub(r"(?<=[⌊⌈√]) | (?=[⌋⌉])", "", " ".join(source.split()))


def _fraction(found: re.Match[str]) -> str:
    return f"{_grouped(found[1])}/{_grouped(found[2])}"


def _grouped(part: str) -> str:
    """Return a part of a formula in parentheses, if it needs them."""
    return part if re.fullmatch(r"\\?[^\W_]+|\S", part) else f"({part})"
