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
    """
    op = node.op
    if op is None:
        return 0
    ins = [shapes.get(entry) for entry in node.inputs]
    outs = [shapes.get(Entry(node, i)) for i in range(node.num_outputs)]
    if op.cost is None or not all(map(is_known, (*ins, *outs))):
        return None
    return op.cost(ins, outs, node.params)  # type: ignore[arg-type]  # all are known
