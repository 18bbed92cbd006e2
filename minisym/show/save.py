"""Saving a picture to a file."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Final

from minisym.core.errors import MinisymError
from minisym.core.files import write_atomically, write_text
from minisym.core.symbol import Symbol
from minisym.runtime.observe.drawing import NoPainterError
from minisym.show.dot import plot_network
from minisym.show.mermaid import mermaid
from minisym.show.render import EngineError, run_engine
from minisym.show.tree import tree

_TEXTS: Final = {
    ".dot": "dot",
    ".gv": "dot",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".txt": "text",
}


def save_picture(
    symbol: Symbol,
    path: str | PathLike[str],
    *,
    shape: Mapping[str, Any] | None = None,
    dtype: Mapping[str, Any] | None = None,
    hide_weights: bool = True,
    **options: Any,
) -> Path:
    """Write a picture of a symbol's graph to a file, in the format that its suffix says.

    Parameters
    ----------
    symbol
        What to draw.
    path
        Ends in `.svg`, which takes nothing else; in `.png`, `.pdf`, …, which take an engine, or
        matplotlib; in `.dot`, `.mmd` (Mermaid) or `.txt`.
    shape, dtype, hide_weights, options
        As of `plot_network` (`title`, `theme`, `collapse`, …).

    Returns
    -------
    The path.

    Raises
    ------
    EngineError
        There is no program that makes this format. The DOT source was left beside the path, so that
        it can be laid out elsewhere.

    Examples
    --------
    >>> import tempfile
    >>> from minisym import sym
    >>> folder = Path(tempfile.mkdtemp())
    >>> save_picture(sym.tanh(sym.Variable("x")), folder / "net.dot").read_text()[:14]
    'digraph plot {'
    """
    path = Path(path)
    kind = _TEXTS.get(path.suffix.lower())
    if not path.suffix:
        message = f"{path} does not say which format to write"
        hint = "end it in .svg, .png, .pdf, .dot, .mmd or .txt"
        if path.name.startswith("."):
            message = f"{path} is an ending without a name"
            hint = f"name the file: {path.with_name('net' + path.name)}"
        raise FormatSuffixError(message, hint=hint)
    if kind == "text":
        write_text(path, tree(symbol, shape, dtype) + "\n")
        return path
    if kind == "mermaid":
        options = {k: v for k, v in options.items() if k in ("theme", "collapse")}
        written = mermaid(symbol, shape, dtype, hide_weights=hide_weights, **options)
        write_text(path, written + "\n")
        return path
    picture = plot_network(symbol, shape=shape, dtype=dtype, hide_weights=hide_weights, **options)
    source, format = picture.source, path.suffix.lower().removeprefix(".")
    if kind == "dot":
        write_text(path, source)
        return path
    try:
        made = picture.own(format)
        if made is None:
            made = picture.finished(run_engine(source, format), format)
        write_atomically(path, [made])
    except (EngineError, NoPainterError) as error:
        left = path.with_suffix(".dot")
        write_text(left, source)
        message = f"{error.sentence}; the DOT source is in {left}"
        raise type(error)(message, hint=error.hint) from None
    return path


class FormatSuffixError(MinisymError, ValueError):
    """A path whose suffix says no format."""
