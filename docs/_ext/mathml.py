"""Formulas as MathML, which browsers draw themselves, without JavaScript and without a network."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from docutils import nodes
from latex2mathml.converter import convert

if TYPE_CHECKING:
    from sphinx.application import Sphinx


NAMED = r"\\(?:arc)?(?:sin|cos|tan|ln|log|exp|max|min)h?\b"
WORD = re.compile(r"\\text{[^}]*}|\\[A-Za-z]+(?:{[A-Za-z]+})?|([A-Za-z]{3,})")
"""A command with the word that it takes; or, as a group, a word that stands there as it is."""


def spaced(formula: str) -> str:
    r"""Put thin spaces around the names of functions, as TeX does: `x \tanh x`.

    A word is set upright, in one piece: `2 pad` is no product of four letters.
    """
    formula = WORD.sub(lambda found: rf"\mathrm{{{found[1]}}}" if found[1] else found[0], formula)
    formula = re.sub(rf"(?<=[\w)}}]) ?(?={NAMED})", r"\\,", formula)
    return re.sub(rf"({NAMED}) (?=[\w\\])", r"\1\\,", formula)


CLOSE = '<mo stretchy="false" lspace="0" rspace="0">'
MENDED = [
    # a sum that goes on in a new line has a sign between two terms, not one of a number
    (re.compile(r"^(<math[^>]*><mrow>)<mo>(&#x0002B;</mo>)"), r'\1<mo form="infix">\2'),
    # a bar belongs to what is beside it: |x|
    (re.compile(r"<mo(?: [^>]*)?>(&#x0(?:007C|2016|2225);</mo>)"), rf"{CLOSE}\1"),
    # a minus behind a sign is that of a number: (-1, 1)
    (
        re.compile(
            r"(<mo(?: [^>]*)?>(?:\[|&#x0(?:0028|002C|003D|2190|2192);)</mo>)<mo>(&#x02212;</mo>)"
        ),
        r'\1<mo form="prefix">\2',
    ),
    # a prime is high by itself; as an exponent it would be too high
    (
        re.compile(r"<msup>(<m[io][^>]*>[^<]*</m[io]>)<mi>(&#x0203[23];)</mi></msup>"),
        rf"<mrow>\1{CLOSE}\2</mo></mrow>",
    ),
]


def mathml(formula: str, display: str = "inline") -> str:
    """Return a formula as MathML, typeset as TeX does."""
    made: str = convert(spaced(formula), display=display)
    for found, better in MENDED:
        made = found.sub(better, made)
    return made


TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[{}()\[\]=+]")
RELATIONS = {"=", r"\leftarrow", "+"}
LONG = 24
"""Letters of a formula that may be broken: browsers break none by themselves."""


def pieces(formula: str) -> list[str]:
    """Cut a long formula where a line may end: before a relation or a sum outside of brackets."""
    cuts, depth = [0], 0
    for token in TOKEN.finditer(formula):
        depth += (token[0] in "{([") - (token[0] in "})]")
        if token[0] in RELATIONS and not depth and token.start() and len(formula) > LONG:
            cuts.append(token.start())
    return [formula[start:end] for start, end in zip(cuts, [*cuts[1:], None], strict=True)]


def inline(writer: Any, node: nodes.math) -> None:
    """Write a formula within a line."""
    writer.body.append("<wbr>".join(map(mathml, pieces(node.astext()))))
    raise nodes.SkipNode


def block(writer: Any, node: nodes.math_block) -> None:
    """Write a formula on a line of its own."""
    writer.body.append(f'<div class="formula">{mathml(node.astext(), "block")}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True}
