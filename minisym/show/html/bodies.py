"""The bodies of loops and choices: what a node holds is drawn inside of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from minisym.control.branch import Branch
from minisym.control.scan import Scan
from minisym.core.graph import Graph
from minisym.core.node import Node
from minisym.show.bodies import known_inside
from minisym.show.known import Known


class Body(NamedTuple):
    """A graph that a node holds."""

    title: str
    graph: Graph
    known: Known


def bodies(node: Node, known: Known) -> Iterator[Body]:
    """Yield the graphs that a node holds, each with what it is for and what is known in it.

    >>> from minisym import sym
    >>> x = sym.Variable("x")
    >>> choice = sym.contrib.cond(sym.sum(x) > 0, lambda: x * 2, lambda: x - 1)
    >>> [body.title for body in bodies(choice.entries[0].node, Known())]
    ['test', 'then', 'else']
    """
    if node.op is None:
        return
    what, held = node.op.control, node.op.subgraphs
    if isinstance(what, Scan):
        graphs = [(_title(what), what.variables)]
        if what.condition is not None:
            graphs.insert(0, ("test", what.tested))
        elements = what.num_data
    elif isinstance(what, Branch):
        graphs, elements = list(zip(("test", "then", "else"), what.variables, strict=True)), 0
    else:
        graphs, elements = [(f"graph {i + 1}", ()) for i in range(len(held))], 0
    for (title, variables), inside in zip(graphs, held, strict=True):
        yield Body(title, inside.graph, known_inside(inside, variables, node, known, elements))


def _title(loop: Scan) -> str:
    """Say how often a body runs."""
    if loop.condition is not None:
        return "body: while the test holds"
    each = "step that was made" if loop.counted else "element"
    return f"body: once for each {each}{', the last one first' if loop.reverse else ''}"
