"""Arrays that share memory: harmless while all are read, refused where one of them is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from minisym.core.errors import BindError
from minisym.core.graph import Graph
from minisym.core.ndarray import Array
from minisym.core.node import Node
from minisym.passes.order import Write, find_writes

try:
    from numpy.lib.array_utils import byte_bounds
except ImportError:  # NumPy 1
    from numpy import byte_bounds  # type: ignore[attr-defined,no-redef]


@dataclass(frozen=True)
class Span:
    """An array in memory: first byte, byte behind the last, and what it is for."""

    low: int
    high: int
    node: Node
    array: Array
    label: str
    """How an error calls it."""
    is_written: bool
    """Whether a run writes it: as a variable that is updated, or as a gradient."""
    is_sum: bool = False
    """Whether it is a gradient that is added to what is there: such may share memory."""


def check_aliasing(
    graph: Graph,
    bound: Mapping[Node, Array],
    gradients: Mapping[Node, Array | None],
    wanted: Sequence[Node],
    requests: Mapping[Node, str],
) -> None:
    """Refuse read-only arrays that a run writes, and written arrays that share memory with others.

    It is the place in memory that counts: one array bound twice is two that share all of it. Only
    gradients that are all added to one array (`grad_req="add"`) may share it: their sum is defined.

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
    spans = [_span(node, array, repr(node.name), node in writes) for node, array in bound.items()]
    for node in wanted:
        array = gradients[node]
        if array is not None:
            label = f"args_grad[{node.name!r}]"
            if _overlaps_itself(array):
                raise BindError(
                    f"bind: elements of {label} share memory with each other, "
                    "but backward writes them",
                    hint="pass a copy",
                )
            spans.append(_span(node, array, label, True, requests.get(node) == "add"))
    spans.sort(key=lambda span: span.low)
    # a sweep over memory: only neighbours that overlap are compared
    active: list[Span] = []
    for span in spans:
        active = [other for other in active if other.high > span.low]
        for other in active:
            touched = span.is_written or other.is_written
            if touched and not (span.is_sum and other.is_sum) and _share(span.array, other.array):
                raise _aliased(other, span, writes)
        active.append(span)


def _span(node: Node, array: Array, label: str, is_written: bool, is_sum: bool = False) -> Span:
    low, high = byte_bounds(array) if array.size else (0, 0)
    return Span(low, high, node, array, label, is_written, is_sum)


def _share(a: Array, b: Array) -> bool:
    try:
        return np.shares_memory(a, b, max_work=10_000)  # type: ignore[arg-type]  # its stub errs
    except np.exceptions.TooHardError:  # then the bounds decide, on the safe side
        return True


def _check_writeable(array: Array, variable: Node, write: Write) -> None:
    node = write.entry.node
    assert node.op is not None
    if not array.flags.writeable and not node.op.learns:  # that one is refused where it learns
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


def _aliased(one: Span, two: Span, writes: Mapping[Node, Write]) -> BindError:
    write = writes.get(one.node) or writes.get(two.node)
    by, origin = "", None
    if write is not None and write.entry.node.op is not None:
        node = write.entry.node
        origin = node.origin
        by = f", and {write.entry.node.op.name} {node.name!r} writes {write.variable.name!r}"
    message = f"bind: {one.label} and {two.label} share memory{by}"
    return BindError(
        message, origin=origin, hint="pass a copy of one of them, or bind one Variable"
    )
