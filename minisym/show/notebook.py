"""What a notebook shows of a symbol: a picture if there is an engine, Mermaid, and text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from minisym.show.dot import plot_network
from minisym.show.mermaid import mermaid
from minisym.show.render import find_engine, render
from minisym.show.tree import tree
from minisym.symbol.symbol import Symbol

T = TypeVar("T")

MANY_NODES: Final = 600
"""Larger graphs are shown as text: nobody waits for a picture that he did not ask for."""
_FEW_NODES: Final = 40
"""Graphs up to this size are drawn with their weights."""
_SECONDS: Final = 5.0
_LINES: Final = 40


def mimebundle(symbol: Symbol) -> dict[str, str]:
    """Return the representations of a symbol that can be made; never raise.

    >>> from minisym import sym
    >>> print(mimebundle(sym.Variable("x"))["text/plain"])
    <Symbol x>
    x: 0 ops
      x  input
    output: x
    """
    bundle = {"text/plain": _attempt(lambda: _text(symbol)) or repr(symbol)}
    size = _attempt(lambda: len(symbol.graph.order))
    if size is None or size > MANY_NODES:
        return bundle
    hide = size > _FEW_NODES
    if picture := _attempt(lambda: _svg(symbol, hide_weights=hide)):
        bundle["image/svg+xml"] = picture
    if flowchart := _attempt(lambda: mermaid(symbol, hide_weights=hide)):
        bundle["text/vnd.mermaid"] = flowchart
    return bundle


def _text(symbol: Symbol) -> str:
    return f"{symbol!r}\n{tree(symbol, limit=_LINES)}"


def _svg(symbol: Symbol, *, hide_weights: bool) -> str | None:
    if find_engine() is None:
        return None
    source = plot_network(symbol, hide_weights=hide_weights).source
    made = render(source, "svg", timeout=_SECONDS)
    return None if made is None else made.decode()


def _attempt(make: Callable[[], T]) -> T | None:
    """Return what can be made: a repr must not raise, whatever the graph is like."""
    try:
        return make()
    except Exception:  # noqa: BLE001  a repr must not raise, whatever happens
        return None
