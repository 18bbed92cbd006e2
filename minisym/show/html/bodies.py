"""The bodies of loops and choices: what a node holds is drawn inside of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from minisym.core.graph import Graph
from minisym.core.node import Node

_ROLES = {
    "_foreach": ("body: once for each element",),
    "_while_loop": ("test", "body: while the test holds"),
    "_cond": ("test", "then", "else"),
}


class Body(NamedTuple):
    """A graph that a node holds."""

    title: str
    graph: Graph


def bodies(node: Node) -> Iterator[Body]:
    """Yield the graphs that a node holds, each with what it is for.

    >>> from minisym import sym
    >>> x = sym.Variable("x")
    >>> choice = sym.contrib.cond(sym.sum(x) > 0, lambda: x * 2, lambda: x - 1)
    >>> [body.title for body in bodies(choice.entries[0].node)]
    ['test', 'then', 'else']
    """
    if node.op is None:
        return
    held = node.op.subgraphs
    titles = _ROLES.get(node.op.name, ())
    for i, inside in enumerate(held):
        yield Body(titles[i] if len(titles) == len(held) else f"graph {i + 1}", inside.graph)
