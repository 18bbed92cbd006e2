"""Who is who in a graph: inputs, parameters, states, layers, gradients, updates.

A graph says only Variable and op. What a Variable is for follows from who reads it, and through
which slot: what an update overwrites, or a layer takes as its weight, is a parameter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from minisym.core.graph import Graph
from minisym.core.node import Entry, Node

WEIGHT_LIKE: Final = (
    "_weight",
    "_bias",
    "_beta",
    "_gamma",
    "_moving_var",
    "_moving_mean",
    "_running_var",
    "_running_mean",
)
"""Names that end so are weights to MXNet's `plot_network`, which hides them by default."""


def is_weight_like(name: str) -> bool:
    """Return whether MXNet's `hide_weights` hides a variable of this name.

    >>> is_weight_like("fc1_weight"), is_weight_like("data")
    (True, False)
    """
    return name.endswith(WEIGHT_LIKE)


def is_auto_name(node: Node) -> bool:
    """Return whether a name is an automatic one, such as `_plus0`: it tells a reader nothing."""
    if node.op is None:
        return False
    stem = node.name.rstrip("0123456789")
    if stem == node.name:
        return False
    known = (node.op.name, *node.op.aliases)
    plain = stem.rsplit("__", 1)[-1].strip("_").replace("_", "")
    return stem.startswith("_") or any(plain == k.lower().replace("_", "") for k in known)


def is_backward(node: Node) -> bool:
    """Return whether a node computes a gradient."""
    return node.kind == "backward"


def is_update(node: Node) -> bool:
    """Return whether a node overwrites a weight (BatchNorm, too, writes: but only its states)."""
    return node.kind == "update"


def written(node: Node) -> Iterator[tuple[str, Node]]:
    """Yield (slot, Variable) for everything that a node overwrites.

    An update may take what another one has just written: then it is that one's Variable.
    """
    op = node.op
    if op is None or not op.writes:
        return
    inputs = dict(zip(node.input_names(), node.inputs, strict=False))
    for slot in op.writes_of(node.params):
        entry = inputs.get(slot)
        if entry is not None:
            target = _variable_behind(entry)
            if target is not None:
                yield slot, target


def _variable_behind(entry: Entry) -> Node | None:
    """Follow a chain of updates back to the Variable that it writes."""
    while entry.node.op is not None:
        node = entry.node
        assert node.op is not None
        slot = next(
            (s for s, output in node.op.writes_of(node.params).items() if output == entry.index),
            None,
        )
        before = dict(zip(node.input_names(), node.inputs, strict=False)).get(slot or "")
        if before is None:
            return None
        entry = before
    return entry.node


def gradients_of_updates(graph: Graph) -> dict[str, Entry]:
    """Return the gradient that moves each Variable which an update writes, by the Variable's name.

    >>> from minisym import sym
    >>> step = sym.signsgd_update(sym.Variable("w"), sym.Variable("x") * 2, lr=0.1, name="step")
    >>> gradients_of_updates(step.graph)["w"].name
    '_mulscalar0_output'
    """
    found: dict[str, Entry] = {}
    for node in graph:
        if node.kind != "update":
            continue
        slots = dict(zip(node.input_names(), node.inputs, strict=False))
        gradients = [slot for slot in slots if _is_gradient(slot)]
        for i, (slot, variable) in enumerate(written(node)):
            if i and not re.match(r"weight(_\d+)?$", slot):
                continue  # a state of the update
            own = [g for g in gradients if g == slot.replace("weight", "grad")]
            if own or len(gradients) == 1:
                found[variable.name] = slots[own[0] if own else gradients[0]]
    return found


def _is_gradient(slot: str) -> bool:
    return re.match(r"grad|g\d*$", slot) is not None


def kinds(graph: Graph) -> dict[Node, str]:
    """Return the kind of every node.

    >>> from minisym import sym
    >>> w, g = sym.Variable("w"), sym.Variable("g")
    >>> step = sym.signsgd_update(w, g, lr=0.1, name="step")
    >>> {node.name: kind for node, kind in kinds(step.graph).items()}
    {'w': 'parameter', 'g': 'gradient', 'step': 'update'}
    """
    roles: dict[Node, set[str]] = {node: set() for node in graph.variables}
    for node in graph:
        if node.kind == "update":
            for _, variable in written(node):
                roles[variable].add("parameter")
        for slot, entry in zip(node.input_names(), node.inputs, strict=False):
            if entry.node in roles:
                roles[entry.node].add(_role_of_slot(node, slot))
    numbers = _hyper_parameters(graph)
    return {
        node: node.kind
        if node.op is not None
        else "input"
        if node in numbers
        else _kind_of_variable(graph, node, roles[node])
        for node in graph
    }


def _hyper_parameters(graph: Graph) -> set[Node]:
    """Return the nodes that only serve to compute numbers of updates, such as their rate."""
    found: set[Node] = set()
    for node in reversed(list(graph)):
        readers = list(graph.successors(node))
        if readers and all(r in found or _is_number_of(r, node) for r in readers):
            found.add(node)
    return found


def fed(graph: Graph) -> dict[Node, str]:
    """Return the nodes that updates read as numbers, such as their rate, and what they are to them.

    >>> from minisym import sym
    >>> w, g = sym.Variable("w"), sym.Variable("g")
    >>> step = sym.signsgd_update(w, g, lr=sym.Variable("rate"), name="step")
    >>> {node.name: number for node, number in fed(step.graph).items()}
    {'rate': 'lr'}
    """
    numbers = _hyper_parameters(graph)
    return {
        entry.node: name
        for node in graph
        for name, entry in numbers_of(node)
        if entry.node in numbers
    }


def numbers_of(node: Node) -> Iterator[tuple[str, Entry]]:
    """Yield the parameters of an update that the graph computes, and what they are read from."""
    if node.computed:
        yield from zip(node.computed, node.inputs[-len(node.computed) :], strict=True)


def _is_number_of(update: Node, source: Node) -> bool:
    """Return whether an update reads a node as parameters alone, not as arrays."""
    computed = len(update.computed)
    return bool(computed) and all(e.node is not source for e in update.inputs[:-computed])


def _role_of_slot(node: Node, slot: str) -> str:
    if node.kind == "update":
        return "gradient" if _is_gradient(slot) else "other"
    if node.kind == "loss" and slot == "label":
        return "label"
    assert node.op is not None
    return "parameter" if slot in node.op.learned else "other"


def _kind_of_variable(graph: Graph, node: Node, roles: set[str]) -> str:
    if node in graph.auxiliary:
        return "state"
    if "parameter" in roles or is_weight_like(node.name) or "__init__" in node.attrs:
        return "parameter"
    return "gradient" if roles == {"gradient"} else "input"
