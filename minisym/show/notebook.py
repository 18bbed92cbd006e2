"""What a notebook shows of a symbol: a picture, Mermaid, and text.

A terminal shows the text.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from minisym.core.symbol import Symbol
from minisym.show.dot import plot_network
from minisym.show.mermaid import mermaid
from minisym.show.render import render
from minisym.show.tree import tree

T = TypeVar("T")
_Given = Mapping[str, Any] | None
_Known = tuple[_Given, _Given]
"""Shapes, and types, by the names of Variables."""

MANY_NODES: Final = 10_000
"""Larger graphs are shown as text: nobody waits for a picture that he did not ask for."""
_SECONDS: Final = 5.0
_LINES: Final = 40


def mimebundle(
    symbol: Symbol,
    *_: object,
    shape: Mapping[str, Any] | None = None,
    dtype: Mapping[str, Any] | None = None,
    **__: object,
) -> dict[str, str]:
    """Return the representations of a symbol that can be made; never raise.

    An engine gets 5 seconds. With shapes and types, they are written on the edges.

    >>> from minisym import sym
    >>> print(mimebundle(sym.Variable("x"))["text/plain"])
    <Symbol x>
    x: 0 ops
      x  input
    output: x
    """
    known = shape, dtype
    bundle = {"text/plain": text(symbol, *known)}
    size = _attempt(lambda: len(symbol.graph))
    if size is None or size > MANY_NODES:
        return bundle
    if picture := _attempt(lambda: _svg(symbol, known)):
        bundle["image/svg+xml"] = picture
    if flowchart := _attempt(lambda: mermaid(symbol, *known)):
        bundle["text/vnd.mermaid"] = flowchart
    return bundle


def text(symbol: Symbol, shape: _Given = None, dtype: _Given = None) -> str:
    """Return the graph as text, a line a node; of a large one only a part. Never raise.

    >>> from minisym import sym
    >>> print(sym.tanh(sym.Variable("x"), name="t"))
    <Symbol t>
    t: 1 op
      x            input
      t = tanh(x)
    output: t_output
    """
    lines = _attempt(lambda: tree(symbol, shape, dtype, limit=_LINES))
    return repr(symbol) if lines is None else f"{symbol!r}\n{lines}"


def _svg(symbol: Symbol, known: _Known) -> str | None:
    with warnings.catch_warnings():  # of repeated names: nobody has asked for this picture
        warnings.simplefilter("ignore")
        shape, dtype = known
        picture = plot_network(symbol, shape=shape, dtype=dtype)
    made = render(picture.source, "svg", timeout=_SECONDS)
    if made is None and picture.drawing is not None:
        made = picture.drawing().make("svg")
    return None if made is None else picture.finished(made, "svg").decode()


def _attempt(make: Callable[[], T]) -> T | None:
    """Return what can be made: a repr must not raise, whatever the graph is like."""
    try:
        return make()
    except Exception:  # noqa: BLE001  a repr must not raise, whatever happens
        return None
