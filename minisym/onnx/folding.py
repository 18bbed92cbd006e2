"""What does not depend on the inputs is computed now, by minisym itself, and becomes a constant."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from minisym.core.ndarray import Array
from minisym.core.node import Entry, Node
from minisym.core.symbol import Symbol
from minisym.core.variable import Variable
from minisym.onnx.sizes import is_fixed
from minisym.runtime.bind import bind


def run(symbol: Symbol, arrays: Mapping[str, Array]) -> list[Array]:
    """Run a symbol as for a prediction."""
    states = symbol.list_auxiliary_states()
    executor = bind(
        symbol,
        args={name: arrays[name] for name in symbol.list_arguments()},
        aux_states={name: np.array(arrays[name]) for name in states},
        grad_req="null",
    )
    return [np.array(output) for output in executor.forward(is_train=False)]


def run_node(node: Node, arrays: Sequence[Array]) -> list[Array]:
    """Run one node on these inputs, and return what a user sees of its outputs."""
    inputs = [Variable(f"input{i}").entries[0] for i in range(len(arrays))]
    alone = node.reading(tuple(inputs))
    return run(
        Symbol(alone.entries()), {e.node.name: a for e, a in zip(inputs, arrays, strict=True)}
    )


def foldable(
    order: Sequence[Node], constants: Collection[Node], shapes: Mapping[Entry, Any]
) -> set[Node]:
    """Return the nodes that depend on constants only, among them the constants themselves."""
    found = set(constants)
    for node in order:
        op = node.op
        if op is None or op.kernel is None or op.has_effects or "rng" in op.needs:
            continue
        if op.measure is not None or (op.writes_of(node.params) and not op.states):
            continue
        if all(source in found for source, _ in node.inputs) and all(
            is_fixed(shapes[entry]) for entry in node.entries()
        ):
            found.add(node)
    return found


def fold(entries: Sequence[Entry], arrays: Mapping[Node, Array]) -> list[Array]:
    """Compute some entries of the parameters."""
    symbol = Symbol(tuple(entries))
    return run(symbol, {node.name: arrays[node] for node in symbol.graph.variables})
