"""What no simplification may take away, and how one node becomes another."""

from __future__ import annotations

from collections.abc import Collection
from types import MappingProxyType
from typing import Any

from minisym.core.node import Entry, Node
from minisym.core.op import Op
from minisym.passes.order import find_writes
from minisym.passes.typed import Typed

_MORE_THAN_INPUTS = frozenset({"rng", "state", "comm"})


def is_pure(op: Op) -> bool:
    """Return whether an op computes from its inputs, and does nothing else.

    Then it does not matter how often it runs. (What depends on the mode still does: within a run
    there is one mode.)
    """
    return (
        op.is_known and op.needs.isdisjoint(_MORE_THAN_INPUTS) and not (op.writes or op.has_effects)
    )


def written(typed: Typed) -> set[Node]:
    """Return the Variables that a run overwrites.

    Who reads one takes part in the order of a run: readers come before the writer, and what the
    writer may do in place depends on them. So they stay as they are.
    """
    if not any(op.writes for op in typed.declared.values()):
        return set()
    return {write.variable for write in find_writes(typed.graph).values()}


def having(typed: Typed, names: Collection[str]) -> list[Node]:
    """Return the nodes of some ops, in order."""
    ops = {op for name, op in typed.declared.items() if name in names}
    return [node for node in typed.graph if node.op in ops] if ops else []


def follow_each_other(typed: Typed, names: Collection[str]) -> bool:
    """Return whether one op of these reads another as its first input: a quick look ahead."""
    found = having(typed, names)
    ops = {node.op for node in found}
    return any(node.inputs[0][0].op in ops for node in found if node.inputs)


def read_once(typed: Typed) -> set[Entry]:
    """Return the entries that have one reader, and are no outputs."""
    once, more = set[Entry](), set(typed.graph.outputs)
    for node in typed.graph:
        for entry in node.inputs:
            (more if entry in once else once).add(entry)
    return once - more


def with_params(node: Node, op: Op, inputs: tuple[Entry, ...], **params: Any) -> Node:
    """Return a node with other inputs and parameters, and perhaps of another op."""
    written = op.write_params(params)
    return node.replace(
        op=op,
        inputs=inputs,
        params=MappingProxyType({**node.params, **params}),
        attrs=MappingProxyType({**node.attrs, **written}),
    )
