"""A graph with the shape and the element type of everything in it: what a plan is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import Any, Final, Self

import numpy as np

from minisym.core.collector import paused
from minisym.core.graph import Graph
from minisym.core.ndarray import Array
from minisym.core.node import Entry, Node
from minisym.core.op import Op
from minisym.passes.infer import Engine, Places, infer
from minisym.passes.slots import DTYPES, SHAPES

DEFAULT: Final = np.dtype(np.float32)
"""The type of what nothing decides."""


@dataclass(frozen=True)
class Typed:
    """A graph whose entries have a shape and an element type."""

    graph: Graph
    shapes: Mapping[Entry, Any]
    """Of each entry a tuple of ints; where values decide it, what is known of it."""
    dtypes: Mapping[Entry, np.dtype[Any]]
    stands_for: Mapping[Node, Node] = field(default_factory=dict)
    """Of a graph that was rewritten: node -> the one of the first graph whose place it takes."""
    last: frozenset[Entry] = frozenset()
    """Images (batch, channels, …) whose channels lie last in memory: others are in C order."""

    @classmethod
    def of(cls, graph: Graph, arrays: Mapping[Node, Array], source: str = "given") -> Typed:
        """Infer everything from the arrays of the Variables; `source` is where they came from."""
        return Inference.of(graph, arrays, source).typed()

    def nbytes(self, entry: Entry) -> int:
        """Return the size of an entry's array."""
        return int(prod(self.shapes[entry]) * self.dtypes[entry].itemsize)

    def fixed(self, shapes: Mapping[Entry, tuple[int, ...]]) -> Typed:
        """Return the same with some shapes as they have to be."""
        return replace(self, shapes={**self.shapes, **shapes})

    @cached_property
    def declared(self) -> Mapping[str, Op]:
        """The ops that occur, by name."""
        return {op.name: op for op in {node.op for node in self.graph} if op is not None}

    @cached_property
    def ops(self) -> frozenset[str]:
        """Their names: a rewrite sees at once whether it has anything to do."""
        return frozenset(self.declared)

    def substitute(
        self,
        changes: Mapping[Entry, Entry],
        change: Callable[[Node, tuple[Entry, ...]], Node | Entry] | None = None,
    ) -> Typed:
        """Do what `Graph.substitute` does, and say the shapes and types of what is new.

        What takes a node's or an entry's place has its shapes and types; other new nodes are
        inferred from their inputs.
        """
        shapes, dtypes = dict(self.shapes), dict(self.dtypes)
        stands_for, last = dict(self.stands_for), set(self.last)
        settled = set(self.graph)

        def changed(node: Node, inputs: tuple[Entry, ...]) -> Node | Entry:
            new = node.reading(inputs) if change is None else change(node, inputs)
            if new is node:
                return node
            if isinstance(new, Entry):
                settle(Entry(node), new)
            elif new not in settled:
                stands_for[new] = stands_for.get(node, node)
                outputs, before = new.num_outputs, node.num_outputs
                for i in range(min(outputs, before)):
                    settle(Entry(node, i), Entry(new, i))
                if outputs <= before:
                    settled.add(new)
            return new

        def settle(before: Entry, entry: Entry) -> None:
            if entry not in shapes:
                shapes[entry], dtypes[entry] = self.shapes[before], self.dtypes[before]
                if before in self.last:
                    last.add(entry)

        with paused():
            graph = self.graph.substitute(changes, changed)
            for before, entry in changes.items():
                settle(before, entry)
            made = [
                node
                for node in graph
                if node not in settled and Entry(node, node.num_outputs - 1) not in shapes
            ]
            if made:
                _infer(made, shapes, dtypes)
        return Typed(graph, shapes, dtypes, stands_for, frozenset(last))


def _infer(nodes: list[Node], shapes: dict[Entry, Any], dtypes: dict[Entry, np.dtype[Any]]) -> None:
    """Infer what some nodes compute, which stand in order, from what is known of their inputs."""
    known: dict[Entry, Node] = {}
    copies: dict[Node, Node] = {}
    for node in nodes:
        inputs = []
        for entry in node.inputs:
            if entry.node in copies:
                inputs.append(Entry(copies[entry.node], entry.index))
            else:
                inputs.append(Entry(known.setdefault(entry, Node(None, entry.name))))
        copies[node] = node.replace(inputs=tuple(inputs))
    entries = {
        Entry(node, i): Entry(copy, i)
        for node, copy in copies.items()
        for i in range(copy.num_outputs)
    }
    inference = Inference(Graph(entries.values()))
    inference.infer_shapes({node: shapes[entry] for entry, node in known.items()}, "given")
    inference.infer_dtypes({node: dtypes[entry] for entry, node in known.items()}, "given")
    found = inference.typed()
    for entry, copy in entries.items():
        shapes[entry], dtypes[entry] = found.shapes[copy], found.dtypes[copy]


class Inference:
    """Shapes and element types of a graph, which may grow: what is known already stays so."""

    shapes: Engine
    dtypes: Engine

    def __init__(self, graph: Graph) -> None:
        self.graph, self.places = graph, Places(graph)

    @classmethod
    def of(cls, graph: Graph, arrays: Mapping[Node, Array], source: str) -> Self:
        """Infer everything from the arrays of the Variables."""
        found = cls(graph)
        found.infer_shapes({node: arrays[node].shape for node in graph.variables}, source)
        found.infer_dtypes({node: arrays[node].dtype for node in graph.variables}, source)
        return found

    def infer_shapes(self, known: Mapping[Node, Any], source: str) -> None:
        """Infer shapes; `source` is what an error says of where the known ones came from."""
        self.shapes = infer(self.graph, known, SHAPES, source, self.places)

    def infer_dtypes(self, known: Mapping[Node, np.dtype[Any]], source: str) -> None:
        """Infer element types; what stays open is float32."""
        self.dtypes = engine = infer(self.graph, known, DTYPES, source, self.places)
        open_ = [node for node in self.graph.variables if engine[Entry(node)] is None]
        if open_:
            engine.give(dict.fromkeys(open_, DEFAULT), "the default")
            engine.run(again=True)

    def grow(
        self,
        graph: Graph,
        shapes: Mapping[Node, Any],
        dtypes: Mapping[Node, np.dtype[Any]],
        source: str,
    ) -> None:
        """Go on with a graph whose list begins with that of the graph before.

        `shapes` and `dtypes` are what is known of the Variables that have come.
        """
        self.graph = graph
        self.places.grow(graph)
        for engine, known in ((self.shapes, shapes), (self.dtypes, dtypes)):
            engine.grow(graph)
            engine.give(known, source)
            engine.run()

    def type_of(self, entry: Entry) -> np.dtype[Any]:
        """Return the element type of an entry."""
        found: np.dtype[Any] | None = self.dtypes[entry]
        return DEFAULT if found is None else found

    def typed(self) -> Typed:
        """Return what is known of every entry."""
        entries = self.places.entries()
        dtypes = [DEFAULT if dtype is None else dtype for dtype in self.dtypes.values]
        return Typed(
            self.graph,
            dict(zip(entries, self.shapes.values, strict=True)),
            dict(zip(entries, dtypes, strict=True)),
        )
