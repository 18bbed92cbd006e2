"""Compose a network and look at it from all sides, before anything is computed."""

from __future__ import annotations

from pathlib import Path

import networkx as nx

import minisym as ms
from minisym import sym

OUTPUT = Path(__file__).parent / "out"


def block(x: ms.Symbol, units: int, name: str) -> ms.Symbol:
    """Compose a linear map and a relu, and add the input: a residual block."""
    h = sym.FullyConnected(x, num_hidden=units, name=f"{name}_fc")
    return sym.Activation(h, act_type="relu", name=f"{name}_relu") + x


net = sym.Variable("data")
for i in range(3):
    net = block(net, 16, f"block{i}")
net = sym.softmax(sym.FullyConnected(net, num_hidden=4, name="out"), name="softmax")

# A symbol is a name for a computation that has not run: it can be asked what it would need.
print("it needs:", ", ".join(net.list_arguments()))
print("it gives:", ", ".join(net.list_outputs()))

# Any inner output is a symbol, too, and can be a network of its own.
inner = net.get_internals()["block0_relu_output"]
print("\nthe first relu alone needs:", ", ".join(inner.list_arguments()))

# The graph is a networkx.DiGraph. So questions about it are answered already.
graph = net.graph
print(f"\n{graph.number_of_nodes()} nodes, {graph.number_of_edges()} edges")
print("longest path: ", " -> ".join(node.name for node in nx.dag_longest_path(graph)))
weight = graph.node("block2_fc_weight")
print("a weight:     ", weight)
reached = nx.descendants(graph, weight)
print("what depends on it:", ", ".join(node.name for node in graph if node in reached))

# A table and a picture. The three blocks compute the same, so the picture may draw them once.
print()
ms.viz.print_summary(net, shape={"data": (1, 16)})
OUTPUT.mkdir(exist_ok=True)
picture = ms.viz.save_picture(
    net, OUTPUT / "blocks.svg", shape={"data": (0, 16)}, collapse="repeat"
)
print("picture:", picture)
