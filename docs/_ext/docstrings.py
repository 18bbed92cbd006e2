"""What autodoc makes of docstrings and signatures, made readable.

Docstrings write mathematics as $x$, as the pages do, where autodoc reads reStructuredText.
Signatures of dataclasses lose what is private, and show what a factory makes. A function that is
a method of a class, too, does not speak of its first parameter there, and one that has two names
there is described once.
"""

from __future__ import annotations

import inspect
import re
from pydoc import locate
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


def of_a_method(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Say of a function that is a method what is new to a reader of the class."""
    if what != "method" or not inspect.isfunction(obj):
        return
    owner, _, called = name.rpartition(".")
    if called != obj.__name__ and getattr(locate(owner), obj.__name__, None) is obj:
        lines[:] = [f"The same as `{obj.__name__}`."]
    first = next(iter(inspect.signature(obj).parameters), "self")
    if first not in {"self", "cls"} and first in lines:
        begin = lines.index(first)
        end = begin + 1
        while end < len(lines) and lines[end].startswith("    "):
            end += 1
        del lines[begin:end]
        if not "".join(lines[begin : begin + 1]).strip():  # it was the only one
            del lines[begin - 2 : begin]


def tidy_fields(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Leave out what says nothing: of a tuple's field its number, of a parameter its type again."""
    if lines and lines[0].startswith("Alias for field number"):
        lines.clear()
    text = TYPE_OF_ATTRIBUTE.sub(r"\1\n\2   :type: \4\n\3", "\n".join(lines))
    if what in {"class", "exception"}:
        text = TYPE_OF_PARAMETER.sub(r"\1", text)
    lines[:] = text.split("\n")


TYPE_OF_PARAMETER = re.compile(
    r"^((?: *|:Parameters:)(?: *\*)? \*\*[\w\\*, ]+\*\*) \(\*.*\*\)(?= -- )", re.MULTILINE
)
TYPE_OF_ATTRIBUTE = re.compile(
    r"^(( *)\.\. attribute:: [^\n]*)\n((?: *\n|\2   [^\n]*\n)*?)\2   :type: ([^\n]*)$", re.MULTILINE
)
MODULES = re.compile(r"\b(?:collections\.abc|types|typing|minisym(?:\.\w+)*)\.(?=\w)")


def dollars_to_roles(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    r"""Turn ``$x$`` into ``:math:`x```, in place and across line ends."""
    text = MATH.sub(lambda found: f":math:`{found[1]}`", "\n".join(lines)).replace(COLON, ":")
    text = TYPE.sub(lambda found: MODULES.sub(r"~\g<0>", found[0]), text)
    lines[:] = text.split("\n")


READABLE = (
    (re.compile(r",? \b_\w+: [^()=]*= <factory>"), ""),  # a private field of a dataclass
    (re.compile(r" ?= ?<factory>"), " = ..."),
    (re.compile(r"<class '(?:[\w.]+\.)?(\w+)'>"), r"\1"),
    (re.compile(r"<module '(\w+)' from [^>]*>"), r"\1"),
    (re.compile(r"<function (\w+)[^>]*>"), r"\1"),
    (re.compile(r"<(?:[\w.]+\.)?(\w+) object[^>]*>"), r"\1()"),
    (re.compile(r"mappingproxy\(({.*?})\)"), r"\1"),
    (re.compile(r"frozenset\({}\)"), "frozenset()"),
    (re.compile(r"functools\.partial\((\w+), ([^()]*)\)"), r"\1(..., \2)"),
    (re.compile(r"tuple\[(?:~types\.)?CodeType \| int, \.\.\.\]"), "Origin"),
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
    app.connect("autodoc-process-docstring", of_a_method, priority=400)
    app.connect("autodoc-process-docstring", tidy_fields, priority=550)
    app.connect("autodoc-process-docstring", dollars_to_roles, priority=600)
    app.connect("autodoc-process-signature", readable)
    return {"parallel_read_safe": True}
