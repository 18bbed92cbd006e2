"""How much arithmetic a node does: what the declaration of its op says of the shapes around it.

>>> from minisym import sym
>>> net = sym.FullyConnected(sym.Variable("x"), num_hidden=10, no_bias=True, name="fc")
>>> from minisym.passes.infer import infer_shapes
>>> graph = net.graph
>>> flops(graph.node("fc"), infer_shapes(graph, {graph.node("x"): (4, 100)}))
8000
"""

from __future__ import annotations

from collections.abc import Mapping

from minisym.core.cost import Cost
from minisym.core.node import Entry, Node
from minisym.core.shapes import Shape, is_known


def flops(node: Node, shapes: Mapping[Entry, Shape]) -> int | None:
    """Return how many floating point operations a node does; None if that is not known.

    Parameters
    ----------
    node
        The node.
    shapes
        The shape of each entry.

    Examples
    --------
    >>> from minisym import sym
    >>> from minisym.passes.infer import infer_shapes
    >>> graph = sym.FullyConnected(sym.Variable("x"), num_hidden=3, no_bias=True, name="fc").graph
    >>> flops(graph.node("fc"), infer_shapes(graph, {graph.node("x"): (4, 2)}))
    48
    """
    return 0 if node.op is None else _counted(node.op.cost, node, shapes)


def bits_sent(node: Node, shapes: Mapping[Entry, Shape]) -> int | None:
    """Return how many bits workers send each other for a node; None if that is not known.

    Parameters
    ----------
    node
        The node; ops that stand for no exchange send nothing.
    shapes
        The shape of each entry.
    """
    return 0 if node.op is None or node.op.sends is None else _counted(node.op.sends, node, shapes)


def _counted(rule: Cost | None, node: Node, shapes: Mapping[Entry, Shape]) -> int | None:
    """Ask a rule that depends on the shapes around a node."""
    ins = [shapes.get(entry) for entry in node.inputs]
    outs = [shapes.get(Entry(node, i)) for i in range(node.num_outputs)]
    if rule is None or not all(map(is_known, (*ins, *outs))):
        return None
    return rule(ins, outs, node.params)  # type: ignore[arg-type]  # all are known
