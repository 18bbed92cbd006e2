"""Arrays that share memory: harmless while all are read, refused where one of them is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.lib.array_utils import byte_bounds

from minisym.core.errors import BindError
from minisym.core.graph import Graph
from minisym.core.ndarray import Array
from minisym.core.node import Node
from minisym.passes.order import Write, find_writes

Bound = tuple[int, int, Node, Array, str]
"""First byte, byte behind the last, variable, array, and how an error should call it."""


def check_aliasing(
    graph: Graph,
    bound: Mapping[Node, Array],
    gradients: Mapping[Node, Array | None],
    wanted: Sequence[Node],
) -> None:
    """Refuse read-only arrays that a run writes, and written arrays that share memory with others.

    Raises
    ------
    BindError
        Naming both arguments, and the node that writes.
    """
    writes = {write.variable: write for write in find_writes(graph).values()}
    for variable, write in writes.items():
        _check_writeable(bound[variable], variable, write)
    if not writes and not wanted:
        return
    spans = [_span(node, array, repr(node.name)) for node, array in bound.items()]
    spans += [
        _span(node, array, f"args_grad[{node.name!r}]")
        for node in wanted
        if (array := gradients[node]) is not None
    ]
    written = {id(bound[v]) for v in writes} | {id(gradients[n]) for n in wanted}
    grad_ids = {id(array) for array in gradients.values()}
    spans.sort(key=lambda span: span[0])
    # a sweep over memory: only neighbours that overlap are compared
    active: list[Bound] = []
    for span in spans:
        active = [other for other in active if other[1] > span[0]]
        for other in active:
            touched = id(span[3]) in written or id(other[3]) in written
            both_gradients = id(span[3]) in grad_ids and id(other[3]) in grad_ids
            if touched and not both_gradients and _share(span[3], other[3]):
                raise _aliased(other, span, writes)
        active.append(span)


def _span(node: Node, array: Array, label: str) -> Bound:
    low, high = byte_bounds(array) if array.size else (0, 0)
    return low, high, node, array, label


def _share(a: Array, b: Array) -> bool:
    try:
        return np.shares_memory(a, b, max_work=10_000)  # type: ignore[arg-type]  # its stub errs
    except np.exceptions.TooHardError:  # then the bounds decide, on the safe side
        return True


def _check_writeable(array: Array, variable: Node, write: Write) -> None:
    node = write.entry.node
    assert node.op is not None
    if not array.flags.writeable:
        message = (
            f"bind: {variable.name!r} is read-only, but {node.op.name} {node.name!r} writes it"
        )
        raise BindError(
            message, origin=node.origin, hint="pass a copy, or array.flags.writeable = True"
        )
    if _overlaps_itself(array):
        message = (
            f"bind: elements of {variable.name!r} share memory with each other, "
            f"but {node.op.name} {node.name!r} writes it"
        )
        raise BindError(message, origin=node.origin, hint="pass a copy")


def _overlaps_itself(array: Array) -> bool:
    """Return whether two elements may lie at one place (as after broadcast_to)."""
    extent = array.itemsize if array.size else 0
    strides = zip(array.shape, array.strides, strict=True)
    for size, stride in sorted(((n, abs(s)) for n, s in strides if n > 1), key=lambda p: p[1]):
        if stride < extent:
            return True
        extent += (size - 1) * stride
    return False


def _aliased(one: Bound, two: Bound, writes: Mapping[Node, Write]) -> BindError:
    write = writes.get(one[2]) or writes.get(two[2])
    by, origin = "", None
    if write is not None and write.entry.node.op is not None:
        node = write.entry.node
        origin = node.origin
        by = f", and {write.entry.node.op.name} {node.name!r} writes {write.variable.name!r}"
    message = f"bind: {one[4]} and {two[4]} share memory{by}"
    return BindError(
        message, origin=origin, hint="pass a copy of one of them, or bind one Variable"
    )
