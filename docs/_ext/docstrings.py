"""What autodoc makes of docstrings and signatures, made readable.

Docstrings write mathematics as $x$, as the pages do, where autodoc reads reStructuredText.
Signatures of dataclasses lose what is private, and show what a factory makes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

TYPE = re.compile(r"^ *:type: .*$", re.MULTILINE)
MATH = re.compile(r"(?<![\\$\w`])\$(?=\S)([^$`]+?)(?<=\S)\$(?![\w$`])")


COLON = "\ue000"
"""Stands for a colon while napoleon reads: it takes what stands before one for a type."""


def hide_colon(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Keep the first sentence of an attribute in one piece."""
    if what in {"attribute", "data", "property"} and lines:
        lines[0] = lines[0].replace(": ", COLON + " ")


def dollars_to_roles(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    r"""Turn ``$x$`` into ``:math:`x```, in place and across line ends."""
    text = MATH.sub(lambda found: f":math:`{found[1]}`", "\n".join(lines)).replace(COLON, ":")
    text = TYPE.sub(lambda found: found[0].replace("minisym.", "~minisym."), text)
    lines[:] = text.split("\n")


READABLE = (
    (re.compile(r",? \b_\w+: [^()=]*= <factory>"), ""),  # a private field of a dataclass
    (re.compile(r" ?= ?<factory>"), " = ..."),
    (re.compile(r"<class '(?:[\w.]+\.)?(\w+)'>"), r"\1"),
    (re.compile(r"<module '(\w+)' from [^>]*>"), r"\1"),
    (re.compile(r"<function (\w+)[^>]*>"), r"\1"),
    (re.compile(r"<(?:[\w.]+\.)?(\w+) object[^>]*>"), r"\1()"),
)
"""What a default looks like when Python is asked, and how one would write it."""


def readable(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, args: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Write defaults as one would, which also lets Sphinx read, and shorten, the types."""
    for pattern, words in READABLE:
        args = args and pattern.sub(words, args)
    return args, returns


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("autodoc-process-docstring", hide_colon, priority=400)  # napoleon has 500
    app.connect("autodoc-process-docstring", dollars_to_roles, priority=600)
    app.connect("autodoc-process-signature", readable)
    return {"parallel_read_safe": True}
