"""Let docstrings write mathematics as $x$, as the pages do: autodoc reads reStructuredText."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

MATH = re.compile(r"(?<![\\$\w`])\$(?=\S)([^$`]+?)(?<=\S)\$(?![\w$`])")


def dollars_to_roles(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    r"""Turn ``$x$`` into ``:math:`x```, in place and across line ends."""
    text = MATH.sub(lambda found: f":math:`{found[1]}`", "\n".join(lines))
    lines[:] = text.split("\n")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("autodoc-process-docstring", dollars_to_roles)
    return {"parallel_read_safe": True}
