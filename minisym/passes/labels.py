"""What a prediction does not need: labels, which only a gradient would read."""

from __future__ import annotations

from minisym.core.graph import Graph
from minisym.core.node import Entry, Node
from minisym.passes.rewrite import rewrite


def label_slots(node: Node) -> list[int]:
    """Return the places of a node's inputs that only its gradient reads."""
    labels = () if node.op is None else node.op.labels
    return [i for i, name in enumerate(node.input_names()) if name in labels] if labels else []


@rewrite(keeps=("outputs",))
def without_labels(graph: Graph) -> Graph:
    """Let each loss head read a Variable of its own as its label, and drop what labels are made of.

    What the heads predict is the same. The new Variables (`softmax_label`) declare no shape: that
    of a label follows from what is predicted, whatever a file says of the batch.

    >>> from minisym import Symbol, sym
    >>> label = sym.Reshape(sym.Variable("truth"), shape=(-1,))
    >>> net = sym.SoftmaxOutput(sym.Variable("scores"), label, name="softmax")
    >>> Symbol(without_labels(net.graph).outputs).list_arguments()
    ['scores', 'softmax_label']
    """
    needed = _names_without_labels(graph)

    def change(node: Node, inputs: tuple[Entry, ...]) -> Node:
        slots = label_slots(node)
        if not slots:
            return node.reading(inputs)
        new = list(inputs)
        for i in slots:
            name = f"{node.name}_{node.input_names()[i]}"
            while name in needed:
                name += "_"
            new[i] = Entry(Node(None, name, origin=node.origin))
        return node.replace(inputs=tuple(new))

    return graph.substitute({}, change)


def _names_without_labels(graph: Graph) -> set[str]:
    """Return the names of all nodes that some output depends on."""
    found: set[Node] = set()
    waiting = [entry.node for entry in graph.outputs]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            slots = label_slots(node)
            waiting += [entry.node for i, entry in enumerate(node.inputs) if i not in slots]
    return {node.name for node in found}
