"""The same symbol for arrays of other sizes, in the same memory: `Executor.reshape`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from minisym.core.errors import BindError, IncompleteError, ParamError, did_you_mean, listed
from minisym.core.graph import Graph
from minisym.core.ndarray import Array
from minisym.core.node import Entry, Node
from minisym.core.shapes import Shape, from_user, is_known, show
from minisym.passes.infer import infer
from minisym.runtime.binding import Binding


def resize(binding: Binding, given: Mapping[str, Any], *, partial: bool, larger: bool) -> Binding:
    """Return a binding for other shapes; arrays are shared as far as they fit.

    Parameters
    ----------
    binding
        The arrays now.
    given
        The new shapes by name.
    partial
        Whether arrays may change that are not named.
    larger
        Whether arrays may grow: they are new then.
    """
    shapes = _shapes(binding.symbol.graph, {**binding.arguments, **binding.states}, given)

    def fit(arrays: Mapping[Node, Any], label: str) -> dict[Node, Any]:
        found = dict(arrays)
        for node, array in arrays.items():
            if array is None or array.shape == shapes[node]:
                continue
            name = label.format(repr(node.name))
            if not partial and node.name not in given:
                raise BindError(
                    f"reshape: {name} would change from {show(array.shape)} to "
                    f"{show(shapes[node])}, which was not asked for",
                    hint="give its shape, or allow it by partial_shaping=True",
                )
            found[node] = _resized(array, shapes[node], name, larger=larger)
        return found

    return replace(
        binding,
        arguments=fit(binding.arguments, "{}"),
        states=fit(binding.states, "{}"),
        kept={},
        gradients=None if binding.gradients is None else fit(binding.gradients, "args_grad[{}]"),
    )


def _shapes(
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
    found = {node: engine[Entry(node)] for node in graph.variables}
    if not all(map(is_known, found.values())):
        known |= {node: arrays[node].shape for node, s in found.items() if not is_known(s)}
        engine = infer(graph, known, source="given to reshape")
        found = {node: engine[Entry(node)] for node in graph.variables}
    unknown = [node.name for node, shape in found.items() if not is_known(shape)]
    if unknown:
        raise IncompleteError(f"reshape: the shapes given do not decide those of {listed(unknown)}")
    return found


def _resized(array: Array, shape: tuple[int, ...], name: str, *, larger: bool) -> Array:
    """Return a view of the array's beginning, or a new one."""
    if prod(shape) > array.size:
        if not larger:
            raise BindError(
                f"reshape: {name} would grow from {show(array.shape)} to {show(shape)}, "
                "and has no memory for it",
                hint="allow_up_sizing=True allocates a new array; "
                "or bind the largest shape first, and reshape to smaller ones",
            )
        return np.zeros_like(array, shape=shape)
    if not array.flags.c_contiguous:
        raise BindError(
            f"reshape: {name} is not contiguous, so no part of it has the shape {show(shape)}",
            hint="bind np.ascontiguousarray of it",
        )
    return np.asarray(array).reshape(-1)[: prod(shape)].reshape(shape)
