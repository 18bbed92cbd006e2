"""Two nodes in a row of which one is enough, or none: one undoes the other, or does nothing."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from minisym.core.node import Entry, Node
from minisym.passes.purpose import Purpose
from minisym.passes.simplify.pinned import follow_each_other, read_once, with_params, written
from minisym.passes.typed import Typed

UNDONE: Final = frozenset({"negative", "reverse", "SwapAxis"})
"""Ops that undo themselves, if their parameters are the same."""

SETTLED: Final = frozenset(
    {"abs", "relu", "sign", "floor", "ceil", "trunc", "fix", "rint", "round"}
)
"""Ops that have nothing to do where they have been before."""

CASTS: Final = frozenset({"Cast", "amp_cast"})

PAIRED: Final = UNDONE | SETTLED | CASTS | {"transpose"}


def join_pairs(typed: Typed, purpose: Purpose) -> Typed:
    """Let one node, or none, take the place of two that follow each other."""
    del purpose  # what holds here holds in every run
    if not follow_each_other(typed, PAIRED):
        return typed
    kept, busy, once = {e.node for e in typed.graph.outputs}, written(typed), read_once(typed)
    dtypes = dict(typed.dtypes)

    def change(node: Node, inputs: tuple[Entry, ...]) -> Node | Entry:
        new = node.reading(inputs)
        for i in range(node.num_outputs if new is not node else 0):
            dtypes[Entry(new, i)] = dtypes[Entry(node, i)]
        if not (_is_paired(node) and _is_paired(inputs[0].node)):
            return new
        first, source = inputs[0].node, inputs[0].node.inputs[0]
        if source.node in busy:
            return new
        found = _one_of(first, new, dtypes)
        if found is not None:
            return new if node in kept else found
        axes = _axes_of_both(first, new, len(typed.shapes[Entry(node)]))
        if axes == tuple(range(len(axes))) and axes and node not in kept:
            return source
        if axes and node.inputs[0] in once:
            assert new.op is not None
            return with_params(new, new.op, (source,), axes=axes)
        return new

    return typed.substitute({}, change)


def _is_paired(node: Node) -> bool:
    return node.op is not None and node.op.name in PAIRED


def _one_of(first: Node, second: Node, dtypes: dict[Entry, np.dtype[Any]]) -> Entry | None:
    """Return what has the value of the second node already, if anything does."""
    assert first.op is not None
    assert second.op is not None
    source, name = first.inputs[0], second.op.name
    if first.op is second.op and first.params == second.params:
        if name in UNDONE:
            return source
        if name in SETTLED:
            return Entry(first)
    if name in CASTS and first.op.name in CASTS:
        types = dtypes[source], dtypes[Entry(first)]
        if _is_exact(*types) and types[0] == dtypes[Entry(second)]:
            return source
    return None


def _is_exact(one: np.dtype[Any], wider: np.dtype[Any]) -> bool:
    """Return whether each number of a type is one of another, so that it comes back the same."""
    is_rounded = one.kind in "iu" and one.itemsize == 8 and wider.kind == "f"
    return one.kind in "iuf" and np.can_cast(one, wider, "safe") and not is_rounded


def _axes_of_both(first: Node, second: Node, ndim: int) -> tuple[int, ...]:
    """Return the axes of one transposition that does what two do; () of other nodes."""
    names = {node.op.name for node in (first, second) if node.op is not None}
    if names != {"transpose"}:
        return ()
    one, two = (
        [axis % ndim for axis in node.params["axes"]] or [*range(ndim)][::-1]
        for node in (first, second)
    )
    return tuple(one[axis] for axis in two)
