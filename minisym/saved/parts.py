"""Who is who in a model: inputs, parameters, labels, and what nobody can compute."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from minisym.core.graph import Graph
from minisym.core.node import Entry, Node
from minisym.show.roles import kinds


@dataclass(frozen=True)
class Parts:
    """The Variables of a graph that predicts, by what they are for."""

    graph: Graph
    """The graph without labels."""
    inputs: tuple[Node, ...]
    """What a prediction needs, and the parameters do not have."""
    parameters: tuple[Node, ...]
    """What has an array, or should have one; states, too."""
    stand_ins: tuple[Node, ...]
    """What stands for labels: nothing reads it."""
    labels: tuple[str, ...]
    """The names of the Variables that only labels were made of."""

    @classmethod
    def of(cls, graph: Graph, whole: Graph, known: AbstractSet[str]) -> Self:
        """Tell the Variables of a graph apart.

        A Variable with an array is a parameter; so is one without, that a layer reads as its
        weight. One called `data` is an input whatever a file says: some hold a batch.
        """
        original = {node for node in whole if node.op is None}
        kind_of = kinds(graph)
        inputs, parameters, stand_ins = [], [], []
        for node in graph.variables:
            if node not in original:
                stand_ins.append(node)
            elif node.name == "data":
                inputs.append(node)
            elif node.name in known or kind_of[node] in {"parameter", "state"}:
                parameters.append(node)
            else:
                inputs.append(node)
        here = set(graph.variables)
        labels = tuple(node.name for node in whole.variables if node not in here)
        return cls(graph, tuple(inputs), tuple(parameters), tuple(stand_ins), labels)

    def ending_in(self, entries: Iterable[Entry]) -> Parts:
        """Return the parts of the graph that leads to some inner outputs."""
        graph = Graph(tuple(entries))

        def kept(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
            return tuple(node for node in nodes if node in graph)

        some = kept(self.inputs), kept(self.parameters), kept(self.stand_ins)
        return Parts(graph, *some, self.labels)

    @cached_property
    def unknown(self) -> tuple[Node, ...]:
        """The nodes whose op nobody knows."""
        return tuple(n for n in self.graph if n.op is not None and not n.op.is_known)

    @cached_property
    def lost(self) -> frozenset[Node]:
        """These, and all that depends on them."""
        return frozenset(self.graph.reached(self.unknown)) if self.unknown else frozenset()

    @cached_property
    def runnable(self) -> tuple[str, ...]:
        """The names of the last nodes before the unknown ones: where a cut would run."""
        found = dict.fromkeys(
            entry.name
            for node in self.unknown
            for entry in node.inputs
            if entry.node not in self.lost and entry.node.op is not None
        )
        return tuple(found)
