"""What is the same in every run is computed once, when arrays are bound.

That is all that depends on no Variable, or only on Variables whose arrays never change: arrays that
are read-only, themselves and all whose memory they see, and those of `Executor.freeze`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from minisym.core.errors import MinisymError
from minisym.core.graph import Graph
from minisym.core.ndarray import Array
from minisym.core.node import Entry, Node
from minisym.passes.purpose import Purpose
from minisym.passes.simplify.pinned import is_pure
from minisym.passes.typed import Typed
from minisym.runtime.plan import Plan

LIMIT: Final = 64 * 1024
"""How many bytes of a value are kept that is made of nothing: a larger one is made in each run."""

LARGER: Final = {"_winograd_filters": 4}
"""Op -> how many times as large as what it is made of a value may be: it is worth that."""


def compute_constants(typed: Typed, purpose: Purpose) -> Typed:
    """Put Variables in the place of what is the same in every run, and compute their arrays.

    A value made of arrays that never change is kept if it is no larger than they are together.
    """
    if not purpose.constants and all(op.inputs for op in typed.declared.values()):
        return typed
    wanted = _wanted(typed, purpose, _sizes(typed, purpose))
    if not wanted:
        return typed
    try:
        arrays = _compute(Typed(Graph(wanted), typed.shapes, typed.dtypes), purpose)
    except MinisymError:
        return typed  # a run says it, and at which node
    changes: dict[Entry, Entry] = {}
    for entry, array in zip(wanted, arrays, strict=True):
        node = entry.node
        name = node.name if node.num_outputs == 1 else entry.name
        variable = Node(None, name, origin=node.origin)
        purpose.constants[variable] = array
        changes[entry] = Entry(variable)
    return typed.substitute(changes)


def _sizes(typed: Typed, purpose: Purpose) -> dict[Node, int]:
    """Return the nodes whose values never change, each with the bytes of what it is made of."""
    kept = {entry.node for entry in typed.graph.outputs}
    found: dict[Node, int] = {}
    for node in typed.graph:
        op = node.op
        if op is None:
            if node in purpose.constants:
                found[node] = purpose.constants[node].nbytes
            continue
        if node in kept or not all(source in found for source, _ in node.inputs) or not is_pure(op):
            continue
        if "is_train" in op.needs and purpose.is_train is None:
            continue
        size = sum(found[source] for source in {source for source, _ in node.inputs})
        size *= LARGER.get(op.name, 1)
        made = sum(typed.nbytes(Entry(node, i)) for i in range(node.num_outputs))
        if made <= max(size, LIMIT):
            found[node] = size
    return found


def _wanted(typed: Typed, purpose: Purpose, sizes: dict[Node, int]) -> list[Entry]:
    """Return what others read of them. Another view of a bound array costs nothing as it is."""
    views = {node for node in sizes if node.op is None}
    for node in sizes:
        if node.op is not None and node.op.view and node.inputs[0].node in views:
            views.add(node)
    read = dict.fromkeys(
        entry for node in typed.graph if node not in sizes for entry in node.inputs
    )
    return [entry for entry in read if entry.node in sizes and entry.node not in views]


def _compute(typed: Typed, purpose: Purpose) -> list[Array]:
    bound = {node: purpose.constants[node] for node in typed.graph.variables}
    plan = Plan(typed, bound, len(typed.graph.outputs), in_place=False)
    plan.run(plan.program(is_train=bool(purpose.is_train)).steps[0])
    arrays = [np.array(plan.arrays[entry]) for entry in typed.graph.outputs]
    for array in arrays:
        array.flags.writeable = False
    return arrays
