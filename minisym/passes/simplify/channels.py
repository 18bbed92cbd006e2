r"""Which images lie in memory with their channels last, under the shapes that they have.

A convolution whose windows have several elements is much quicker so, see `ops.numeric.rows`, and
elementwise ops and poolings do not mind; but other ops read and write the usual order, and to go
from one order to the other is to read memory in the worst of ways. So images that are linked by ops
which are at home in both orders form a region, and a region lies channels last if its convolutions
gain more than is lost at its borders. What a user has bound, and the outputs, are always border.

Nothing of it shows: the shapes stay as they are, and so does the graph. Sums of another order
differ in their last digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import Any, Final

import networkx as nx
import numpy as np

from minisym.core.ndarray import Array
from minisym.core.node import Entry, Node
from minisym.core.op import is_own
from minisym.passes.purpose import Purpose
from minisym.passes.typed import Typed

Slots = tuple[tuple[int, ...], bool]
"""Which inputs of an op are images, and whether its output is one."""

AT_HOME: Final[Mapping[str, Slots]] = {
    "Convolution": ((0,), True),
    "_Convolution_finished": ((0, -1), True),
    "_Convolution_winograd": ((0, -1), True),
    "_finished": ((0, -1), True),
    "Pooling": ((0,), True),
    "Activation": ((0,), True),
    "relu": ((0,), True),
    "broadcast_add": ((0, 1), True),
    "_scatter": ((0,), True),
    "_correlate_filters": ((0, 1), False),
    "_pool_back": ((0, 1, 2), True),
}
"""Op -> its images, where it is at home in both orders. minisym's own elementwise ops are, too."""

CONVOLUTIONS: Final[Mapping[str, tuple[int, int]]] = {
    "Convolution": (1, -1),
    "_Convolution_finished": (1, -1),
    "_scatter": (1, 0),
    "_correlate_filters": (2, 0),
}
"""Op -> the input shaped like the filters, and the one shaped like its places; -1: the output."""

GAIN: Final = 0.2
"""What a convolution gains by each element of its windows.

The unit is what is lost for each element that is read or written across the border: about 1 ns on
the machine where it was measured.
"""


def lie_channels_last(typed: Typed, purpose: Purpose) -> Typed:
    """Decide which images lie channels last."""
    if typed.ops.isdisjoint(CONVOLUTIONS):
        return typed
    regions: Any = nx.utils.UnionFind()
    free = _free(typed)
    gains: dict[Entry, float] = {}
    homes: set[Node] = set()
    for node in typed.graph:
        images = _images(node)
        inside = [entry for entry in images if entry in free]
        if not inside:
            continue
        homes.add(node)
        regions.union(*inside)
        lost = sum(prod(typed.shapes[entry]) for entry in {*images} if entry not in free)
        gains[inside[0]] = gains.get(inside[0], 0) + _gain(node, typed, purpose) - lost
    for node in typed.graph:
        if node not in homes:
            for entry in {*node.inputs} & free:
                gains[entry] = gains.get(entry, 0) - prod(typed.shapes[entry])
    total: dict[Entry, float] = {}
    for entry, gain in gains.items():
        total[regions[entry]] = total.get(regions[entry], 0) + gain
    last = frozenset(entry for entry in free if total.get(regions[entry], 0) > 0)
    if not last:
        return typed
    return replace(typed, last=last)


def _free(typed: Typed) -> set[Entry]:
    """Return the images that an op which is at home in both orders writes, and no user sees.

    An elementwise op may overwrite what it reads: its output is free if all its inputs are, so that
    the two have one order.
    """
    seen, found = {*typed.graph.outputs}, set[Entry]()
    for node in typed.graph:
        output, inputs = Entry(node), _images(node)
        if output not in inputs or output in seen or not _has_orders(typed.shapes[output]):
            continue
        if node.op is not None and node.op.elementwise and not found.issuperset(node.inputs):
            continue
        found.add(output)
    return found


def _has_orders(shape: tuple[int, ...]) -> bool:
    """Return whether the two orders differ."""
    return len(shape) > 2 and shape[1] > 1 and prod(shape[2:]) > 1


def _images(node: Node) -> list[Entry]:
    """Return the images that an op reads and writes in either order, what it writes at the end."""
    op = node.op
    if op is None:
        return []
    found = AT_HOME.get(op.name)
    if found is None:
        is_elementwise = op.elementwise and op.single and is_own(op) and not op.needs
        return [*node.inputs, Entry(node)] if is_elementwise else []
    if (node.params.get("layout") or "NCW").endswith("C") or node.params.get("num_group", 1) > 1:
        return []
    inputs = [node.inputs[i] for i in found[0] if i >= 0 or node.params["added"]]
    return [*inputs, Entry(node)] if found[1] else inputs


def _gain(node: Node, typed: Typed, purpose: Purpose) -> float:
    """Return what a convolution gains where its images lie channels last."""
    assert node.op is not None
    slots = CONVOLUTIONS.get(node.op.name)
    if slots is None:
        return 0
    filters, places = (typed.shapes[node.inputs[i] if i >= 0 else Entry(node)] for i in slots)
    if prod(filters[2:]) == 1:
        return 0
    gain: float = GAIN * places[0] * prod(places[2:]) * prod(filters[1:])
    # other filters than constant ones are laid anew in each run
    is_constant = node.inputs[1].node in purpose.constants
    return gain if is_constant else gain - prod(filters)


def lay_filters(typed: Typed, purpose: Purpose) -> Typed:
    """Lay constant filters as a matrix (elements of a window, filters), where images fit that."""
    if not typed.last:
        return typed
    for node in typed.graph:
        if Entry(node) in typed.last and node.op is not None and node.op.name in CONVOLUTIONS:
            weight = node.inputs[1].node
            if weight in purpose.constants:
                purpose.constants[weight] = laid(purpose.constants[weight])
    return typed


def laid(weight: Array) -> Array:
    """Return filters (filters, channels, kernel…) in the order kernel, channels, filters."""
    rank = weight.ndim
    order = (*range(2, rank), 1, 0)
    found = np.ascontiguousarray(weight.transpose(order)).transpose(np.argsort(order))
    found.flags.writeable = False
    return found
