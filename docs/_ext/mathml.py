"""Formulas as MathML, which browsers draw themselves, without JavaScript and without a network."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from docutils import nodes
from latex2mathml.converter import convert

if TYPE_CHECKING:
    from sphinx.application import Sphinx


NAMED = r"\\(?:arc)?(?:sin|cos|tan|ln|log|exp|max|min)h?\b"


def spaced(formula: str) -> str:
    r"""Put thin spaces around the names of functions, as TeX does: `x \tanh x`."""
    formula = re.sub(rf"(?<=[\w)}}]) ?(?={NAMED})", r"\\,", formula)
    return re.sub(rf"({NAMED}) (?=[\w\\])", r"\1\\,", formula)


def inline(writer: Any, node: nodes.math) -> None:
    """Write a formula within a line."""
    writer.body.append(convert(spaced(node.astext())))
    raise nodes.SkipNode


def block(writer: Any, node: nodes.math_block) -> None:
    """Write a formula on a line of its own."""
    writer.body.append(convert(spaced(node.astext()), display="block"))
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True}
