"""Filters of 3×3 that never change are transformed once: then a convolution is fewer products.

That pays where a layer has many channels, so that transforming its tiles costs little beside their
products, and where tiles fit the output. See `ops.numeric.winograd`.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from types import MappingProxyType
from typing import Final

from minisym.core.node import Entry, Node
from minisym.core.op import get
from minisym.passes.purpose import Purpose
from minisym.passes.simplify.finish import Layer
from minisym.passes.typed import Typed

MOST_WASTE: Final = 1.2
"""How many times as many outputs as there are the tiles may have."""
FEWEST: Final = {2: 64, 4: 32}
"""Outputs along an axis of a tile -> the fewest channels, and the fewest filters."""
DIRECT: Final = frozenset({"Convolution", "_Convolution_finished"})


def use_winograd(typed: Typed, purpose: Purpose) -> Typed:
    """Let layers whose images lie channels last, and whose filters never change, use it."""
    if not typed.last or typed.ops.isdisjoint(DIRECT):
        return typed

    def change(node: Node, inputs: tuple[Entry, ...]) -> Node:
        new = node.reading(inputs)
        if node.op is None or node.op.name not in DIRECT or Entry(node) not in typed.last:
            return new
        layer, weight = Layer.of(new), node.inputs[1]
        tile = _tile(node, typed, purpose.tile)
        if layer is None or not tile or weight.node not in purpose.constants:
            return new
        op, told = get("_winograd_filters"), MappingProxyType({"tile": tile})
        attrs = MappingProxyType(op.write_params(told))
        filters = Node(op, weight.name, (weight,), told, attrs, node.origin)
        params = {"pad": node.params["pad"], "tile": tile}
        data = (inputs[0], Entry(filters))
        return replace(layer, op="_Convolution_winograd", inputs=data, params=params).instead_of(
            node
        )

    after = typed.substitute({}, change)
    return typed if after.graph == typed.graph else after


def _tile(node: Node, typed: Typed, most: int) -> int:
    """Return how many outputs along each axis of a tile are best for a layer; 0: none."""
    params, shape = node.params, typed.shapes[Entry(node)]
    one = ((), (1, 1))
    if params["kernel"] != (3, 3) or params["stride"] not in one or params["dilate"] not in one:
        return 0
    if typed.dtypes[Entry(node)].char not in "fd":
        return 0
    fewest = min(typed.shapes[node.inputs[1]][:2])
    for tile in (4, 2) if most == 4 else (2,):
        waste = prod(-(-n // tile) * tile for n in shape[2:]) / prod(shape[2:])
        if fewest >= FEWEST[tile] and waste <= MOST_WASTE:
            return tile
    return 0
