"""Writing the page: graph, run, colours, style and scripts go into one HTML file."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Final

from minisym.core.errors import ArrayTypeError, ParamError
from minisym.core.files import write_text
from minisym.core.symbol import Symbol
from minisym.passes.diff import diff
from minisym.runtime.executor import Executor, the_executor
from minisym.show.html.differences import mark
from minisym.show.html.model import model
from minisym.show.html.record import record
from minisym.show.known import Known, learn
from minisym.show.style import DARK, DIFFERENCES, KINDS, LIGHT, Theme

_SCRIPTS: Final = (
    "layout.js",
    "draw.js",
    "differences.js",
    "values.js",
    "panel.js",
    "run.js",
    "training.js",
    "curves.js",
    "player.js",
    "page.js",
    "map.js",
    "view.js",
    "search.js",
    "address.js",
    "save.js",
    "keys.js",
    "begin.js",
)


def to_html(
    symbol: Symbol,
    path: str | PathLike[str],
    *,
    shape: Mapping[str, Any] | None = None,
    dtype: Mapping[str, Any] | None = None,
    title: str = "",
    executor: Executor | None = None,
    is_train: bool = True,
    before: Symbol | None = None,
) -> Path:
    """Write a page on which a graph can be explored, with nothing but a browser.

    Pan, zoom, search; click a node for its attributes, shapes and source line; open and close
    scopes. With an executor the page holds a recorded run, too: step through it, and see each value
    as it is computed and the moment when weights are written. The file needs no network.

    Parameters
    ----------
    symbol
        What to show.
    path
        Where to write.
    shape, dtype
        Variable -> shape, and Variable -> type: inferred and shown for all. An executor knows them.
    title
        The heading; by default what the graph computes.
    executor
        Bound to this symbol: it runs once, and nothing that is bound to it changes. (A run of
        `executor.step` that waits is given up.)
    is_train
        Whether the recorded run is one of training.
    before
        An earlier symbol: nodes are coloured by what became of them, and what is gone is there,
        too. As `ms.diff` finds it; `n` leads from one difference to the next.

    Returns
    -------
    The path.

    Raises
    ------
    ArrayTypeError
        `executor` is none, or is bound to another symbol.
    ParamError
        There is an executor and a shape or dtype, too.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from minisym import sym
    >>> net = sym.tanh(sym.Variable("x"), name="t")
    >>> executor = net.bind(args={"x": np.array([1.0])})
    >>> page = net.to_html(Path(tempfile.mkdtemp()) / "net.html", executor=executor)
    >>> "https://" in page.read_text(encoding="utf-8")
    False
    """
    graph = symbol.graph
    if before is not None and not isinstance(before, Symbol):
        message = f"to_html: before must be a Symbol, but got {type(before).__name__}"
        raise ParamError(message)
    run = None
    if executor is None:
        known = learn(graph, shape, dtype)
    else:
        the_executor(executor, "to_html")
        if executor.symbol.entries != symbol.entries:
            raise ArrayTypeError(
                "to_html: the executor is not bound to this symbol", hint="pass what bind returned"
            )
        if shape is not None or dtype is not None:
            message = "to_html takes shape and dtype, or an executor, which knows them, not both"
            raise ParamError(message)
        run, typed = record(executor, graph, is_train=is_train)
        known = Known(typed.shapes, typed.dtypes)
    path = Path(path)
    data = model(graph, known, title) | {"run": run}
    if before is not None:
        mark(data, diff(before, symbol))
    text = page(data)
    write_text(path, text, errors="backslashreplace")  # for lone surrogates
    return path


def page(data: Mapping[str, Any]) -> str:
    """Return the page that shows what `minisym.show.html.model` describes."""
    here = Path(__file__).parent
    # inside a script element only "<" could end it
    graph = json.dumps(data, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    kinds = json.dumps(KINDS, ensure_ascii=False)
    parts = {
        "title": html.escape(str(data["title"]) or "graph"),
        "colours": "\n".join(_colours()),
        "style": (here / "page.css").read_text(encoding="utf-8"),
        "graph": graph,
        "kinds": kinds,
        "script": "\n".join((here / name).read_text(encoding="utf-8") for name in _SCRIPTS),
    }
    written = (here / "page.html").read_text(encoding="utf-8")
    pieces = written.split("{{")
    return pieces[0] + "".join(
        parts[name] + rest for name, rest in (piece.split("}}", 1) for piece in pieces[1:])
    )


def _colours() -> Iterator[str]:
    """Yield the variables of both themes: the reader's own, unless a button says otherwise."""
    light, dark = "\n  ".join(_variables(LIGHT)), "\n  ".join(_variables(DARK))
    yield f":root {{\n  color-scheme: light;\n  {light}\n}}"
    yield f":root[data-theme=dark] {{\n  color-scheme: dark;\n  {dark}\n}}"
    yield "@media (prefers-color-scheme: dark) {"
    yield f":root:not([data-theme=light]) {{\n  color-scheme: dark;\n  {dark}\n}}\n}}"


def _variables(theme: Theme) -> Iterator[str]:
    yield f"--paper: {theme.paper}; --ink: {theme.ink}; --quiet: {theme.quiet};"
    yield f"--edge: {theme.edge}; --write: {theme.write};"
    yield f"--before: {theme.before}; --after: {theme.after};"
    yield f"--frame-fill: {theme.frame.fill}; --frame-line: {theme.frame.line};"
    for kind, paint in theme.kinds.items():
        yield f"--{kind}-fill: {paint.fill}; --{kind}-line: {paint.line};"
        yield f"--{kind}-text: {paint.text};"
    for status, paints in DIFFERENCES.items():
        paint = paints[theme is DARK]
        yield f"--{status}-fill: {paint.fill}; --{status}-line: {paint.line};"
        yield f"--{status}-text: {paint.text};"
