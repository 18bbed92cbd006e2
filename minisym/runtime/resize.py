"""The same symbol for arrays of other sizes, in the same memory: `Executor.reshape`."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from minisym.errors import BindError, IncompleteError, ParamError, did_you_mean, listed
from minisym.graph import Entry, Graph, Node
from minisym.ndarray import Array
from minisym.passes.infer import infer
from minisym.shapes import Shape, from_user, is_known, show


def new_shapes(
    graph: Graph, arrays: Mapping[Node, Array], given: Mapping[str, Any]
) -> dict[Node, tuple[int, ...]]:
    """Return the shapes of all variables that follow from some.

    Where the given shapes leave one open, the variable keeps its shape.
    """
    by_name = {node.name: node for node in graph.variables}
    known: dict[Node, Shape] = {}
    for name, shape in given.items():
        if name not in by_name:
            raise ParamError(
                f"reshape: there is no argument {name!r}", hint=did_you_mean(name, by_name)
            )
        if not isinstance(shape, tuple | list):
            raise ParamError(f"reshape: the shape of {name} must be a tuple, but got {shape!r}")
        known[by_name[name]] = from_user(shape)
    engine = infer(graph, known, source="given to reshape")
    found = {node: engine.values[engine.place(Entry(node))] for node in graph.variables}
    if not all(map(is_known, found.values())):
        known |= {node: arrays[node].shape for node, s in found.items() if not is_known(s)}
        engine = infer(graph, known, source="given to reshape")
        found = {node: engine.values[engine.place(Entry(node))] for node in graph.variables}
    unknown = [node.name for node, shape in found.items() if not is_known(shape)]
    if unknown:
        raise IncompleteError(f"reshape: the shapes given do not decide those of {listed(unknown)}")
    return found


def resized(
    array: Array, shape: tuple[int, ...], name: str, *, given: bool, partial: bool, larger: bool
) -> Array:
    """Return the array for a new shape: itself, a view of its beginning, or a new one.

    `given` says whether the user asked for this shape; if not, `partial` must allow the change.
    `larger` allows a new array where the old one is too small.
    """
    if array.shape == shape:
        return array
    change = f"{show(array.shape)} to {show(shape)}"
    if not given and not partial:
        raise BindError(
            f"reshape: {name} would change from {change}, which was not asked for",
            hint="give its shape, or allow it by partial_shaping=True",
        )
    if prod(shape) > array.size:
        if not larger:
            raise BindError(
                f"reshape: {name} would grow from {change}, and has no memory for it",
                hint="allow_up_sizing=True allocates a new array; "
                "or bind the largest shape first, and reshape to smaller ones",
            )
        return np.zeros_like(array, shape=shape)
    if not array.flags.c_contiguous:
        raise BindError(
            f"reshape: {name} is not contiguous, so no part of it has the shape {show(shape)}",
            hint="bind np.ascontiguousarray of it",
        )
    return array.reshape(-1)[: prod(shape)].reshape(shape)
