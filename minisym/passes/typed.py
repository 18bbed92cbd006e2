"""A graph with the shape and the element type of everything in it: what a plan is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Final, Self

import numpy as np

from minisym.core.graph import Graph
from minisym.core.ndarray import Array
from minisym.core.node import Entry, Node
from minisym.passes.infer import infer
from minisym.passes.slots import DTYPES

DEFAULT: Final = np.dtype(np.float32)
"""The type of what nothing decides."""


@dataclass(frozen=True)
class Typed:
    """A graph whose entries have a shape and an element type."""

    graph: Graph
    shapes: Mapping[Entry, Any]
    """Of each entry a tuple of ints; where values decide it, what is known of it."""
    dtypes: Mapping[Entry, np.dtype[Any]]

    @classmethod
    def of(
        cls,
        graph: Graph,
        arrays: Mapping[Node, Array],
        source: str = "given",
        open_: Mapping[Node, Any] | None = None,
    ) -> Self:
        """Infer everything from the arrays of the Variables.

        Parameters
        ----------
        source
            What an error says of where the arrays came from.
        open_
            Shapes of Variables whose arrays are not there yet.
        """
        known = {node: arrays[node].shape for node in graph.variables} | dict(open_ or {})
        shapes = infer(graph, known, source=source).annotation()
        dtypes = {node: arrays[node].dtype for node in graph.variables}
        return cls(graph, shapes, infer_dtypes(graph, dtypes, source))

    def nbytes(self, entry: Entry) -> int:
        """Return the size of an entry's array."""
        return int(prod(self.shapes[entry]) * self.dtypes[entry].itemsize)

    def fixed(self, shapes: Mapping[Entry, tuple[int, ...]]) -> Typed:
        """Return the same with some shapes as they have to be."""
        return Typed(self.graph, {**self.shapes, **shapes}, self.dtypes)


def infer_dtypes(
    graph: Graph, known: Mapping[Node, np.dtype[Any]], source: str
) -> dict[Entry, np.dtype[Any]]:
    """Infer element types; what stays open is float32."""
    engine = infer(graph, known, DTYPES, source)
    open_ = [node for node in graph.variables if engine[Entry(node)] is None]
    if open_:
        for node in open_:
            engine.give(node, DEFAULT, "the default")
        engine.run()
    return {entry: dtype or DEFAULT for entry, dtype in engine.annotation().items()}
