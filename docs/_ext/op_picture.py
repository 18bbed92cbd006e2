"""The picture of a node with all that it reads, returns and overwrites, drawn by `ms.viz`.

It is there where it tells more than the call: of ops that write, and of those with more than two
inputs or outputs. Its colours follow the switch of the page.
"""

from __future__ import annotations

import doctest
import inspect
import io
import warnings
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from typing import Any

import numpy as np
from op_example import composed
from pictures import inline

import minisym as ms
from minisym.core.op import Op
from minisym.testing.ops import cases_of

FEW = 2
"""So many inputs and outputs need no picture."""


def picture(op: Op, called: str) -> str:
    """Draw the first of an op's samples that has much to show, as HTML; or nothing."""
    for case in cases_of(op):
        if case.is_error or case.op is not op:
            continue
        many = len(case.arrays) > FEW or len(case.symbol.list_outputs()) > FEW
        if many or op.writes:
            shapes = {name: np.shape(array) for name, array in case.arrays.items()}
            with ms.name.NameManager():
                symbol = composed(op, called, case.sample, case.arrays)
            return drawn(symbol, called, shapes)
    return ""


def picture_of_example(function: Callable[..., Any], called: str) -> str:
    """Draw what the example of a function composes that builds graphs: a loop, a branch."""
    names: dict[str, Any] = {}
    parser = doctest.DocTestParser()
    for step in parser.get_examples(inspect.getdoc(function) or ""):
        with redirect_stdout(io.StringIO()):
            exec(compile(step.source, called, "single"), names)
    made = [value for value in names.values() if isinstance(value, ms.Symbol)]
    made = [symbol for symbol in made if symbol.entries[0].node.op is not None]
    return drawn(ms.sym.Group(made), called, {}) if made else ""


def drawn(symbol: ms.Symbol, title: str, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Return the picture of a symbol as HTML that may stand in Markdown."""
    with warnings.catch_warnings(action="ignore"):
        made = ms.viz.plot_network(
            symbol, title=title, shape=shapes or None, hide_weights=False, legend=False
        )
        svg = inline(made.pipe(format="svg", encoding="utf-8"))
    lines = [line for line in svg.split("\n") if line.strip()]  # a blank one would end the HTML
    return '<div class="picture">' + "\n".join(lines) + "</div>"
