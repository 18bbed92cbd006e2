"""Plans of graphs some of whose shapes only a run finds out, as that of `boolean_mask`.

A node that such a shape touches is *late*. All others are planned as ever; a late node is looked
at when its turn comes: its inputs are there then, its shapes follow from theirs, and what it makes
gets new memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from minisym.core.errors import ExecutionError
from minisym.core.graph import Graph
from minisym.core.kernels import Step
from minisym.core.ndarray import Array
from minisym.core.node import Entry, Node
from minisym.core.shapes import Shape, is_known, show
from minisym.passes.infer import infer
from minisym.passes.typed import Inference, Typed
from minisym.runtime.heads import Seed
from minisym.runtime.plan import Plan
from minisym.runtime.steps import positional


def measured(graph: Graph) -> set[Node]:
    """Return the nodes that have a shape which values decide, or depend on one that has."""
    found: set[Node] = set()
    for node in graph:
        if node.op is not None and (
            node.op.measure is not None or any(entry.node in found for entry in node.inputs)
        ):
            found.add(node)
    return found


def seed_arrays(
    found: Inference, heads: Iterable[tuple[Node | None, Entry]]
) -> tuple[dict[Node, Array], dict[Node, Shape]]:
    """Make arrays for head gradients, and return the shapes that are still open."""
    arrays, unknown = dict[Node, Array](), dict[Node, Shape]()
    for node, head in heads:
        shape: Shape = found.shapes[head]
        if node is not None:
            arrays[node] = np.zeros(tuple(d or 0 for d in shape or ()), found.type_of(head))
            if not is_known(shape):
                unknown[node] = shape
    return arrays, unknown


def is_late(typed: Typed) -> bool:
    """Return whether only a run finds out some shapes."""
    return not all(is_known(shape) for shape in typed.shapes.values())


def make_plan(typed: Typed, bound: Mapping[Node, Array], num_heads: int, **options: Any) -> Plan:
    """Return a plan; unknown shapes are found out by its runs."""
    return (LatePlan if is_late(typed) else Plan)(typed, bound, num_heads, **options)


class LatePlan(Plan):
    """A plan some of whose shapes only a run finds out.

    Until then an unknown dimension is 0 in `typed`; afterwards the shapes are those of the last
    run.
    """

    def __init__(
        self, typed: Typed, bound: Mapping[Node, Array], num_heads: int, **options: Any
    ) -> None:
        unknown = {entry for entry, shape in typed.shapes.items() if not is_known(shape)}
        self.late = frozenset(
            node
            for node in typed.graph
            if node.op is not None
            and not unknown.isdisjoint(
                (*node.inputs, *(Entry(node, i) for i in range(node.num_outputs)))
            )
        )
        self._unknown = unknown
        shapes = {
            entry: tuple(d or 0 for d in shape or ()) for entry, shape in typed.shapes.items()
        }
        self._shapes: dict[Entry, tuple[int, ...]] = shapes
        super().__init__(Typed(typed.graph, shapes, typed.dtypes), bound, num_heads, **options)

    def renew(self, seeds: Sequence[Seed]) -> list[Seed]:
        """Return head gradients as large as the outputs of the last run are."""
        found: list[Seed] = []
        for head, seed in zip(self.heads, seeds, strict=True):
            if seed is None or head not in self._unknown:
                found.append(seed)
                continue
            node = seed[0]
            array = np.zeros(self.arrays[head].shape, self.typed.dtypes[head])
            self.arrays[Entry(node)] = array
            self._shapes[Entry(node)] = array.shape
            found.append((node, array))
        return found

    # -------------------------------------------------------------------------- what is different

    def _steps(self, node: Node, *, is_train: bool, backward: bool) -> list[Step]:
        if node in self.late:
            return [(self._run_late, (node, is_train, backward))]
        return super()._steps(node, is_train=is_train, backward=backward)

    def _run_late(self, node: Node, is_train: bool, backward: bool) -> None:
        """Run a late node: find out its shapes, make memory, and do what it does."""
        inputs = [self.value(entry, backward=backward) for entry in node.inputs]
        outputs = [Entry(node, i) for i in range(node.num_outputs)]
        for entry, shape in zip(outputs, self._shapes_of(node, inputs), strict=True):
            if entry in self._unknown:
                self.arrays[entry] = np.empty(shape, self.typed.dtypes[entry])
                self._shapes[entry] = shape
        for function, arguments in super()._steps(node, is_train=is_train, backward=backward):
            function(*arguments)

    def _shapes_of(self, node: Node, inputs: Sequence[Array]) -> list[tuple[int, ...]]:
        """Return the shapes of a node's outputs, now that its inputs are there."""
        op = node.op
        assert op is not None
        if op.measure is not None:
            names = node.input_names()
            found: Sequence[Any] = op.measure(*positional(op, names, inputs), params=node.params)
            return list(found)
        graph, variables = self._alone[node]
        known = {v: a.shape for v, a in zip(variables, inputs, strict=True)}
        engine = infer(graph, known, source="computed")
        shapes = [engine[entry] for entry in graph.outputs]
        for shape in shapes:
            _check(node, shape)
        return shapes

    @cached_property
    def _alone(self) -> dict[Node, tuple[Graph, list[Node]]]:
        """The late nodes, each apart from all others, and the variables that are its inputs."""
        found = {}
        for node in self.late:
            variables = [Node(None, entry.name) for entry in node.inputs]
            alone = node.replace(inputs=tuple(Entry(v) for v in variables))
            graph = Graph(tuple(Entry(alone, i) for i in range(node.num_outputs)))
            found[node] = graph, variables
        return found


def _check(node: Node, shape: Shape) -> None:
    if not is_known(shape):
        assert node.op is not None
        raise ExecutionError(
            f"{node.op.name} {node.name!r}: its shape stays unknown: {show(shape)}",
            origin=node.origin,
        )
