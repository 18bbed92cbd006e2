"""The plan: a graph compiled once to flat lists of steps with all arrays bound.

A run executes the steps of one list; nothing that the user bound is written by them. What a run
changes (updated weights, states, gradient arrays) it computes into buffers of the plan, and the last
act of the run, the *commit*, moves it into the bound arrays. The commit is one call into C that runs
no Python code, so neither an exception nor Ctrl-C can come between two of its writes: a run
changes all that it should, or nothing.
"""

from __future__ import annotations

import operator
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextvars import Context, ContextVar
from dataclasses import dataclass
from itertools import starmap
from math import prod
from typing import Any

import numpy as np

from minisym.define import Array
from minisym.errors import ExecutionError, MinisymError
from minisym.graph import Entry, Graph, Node
from minisym.passes import verify
from minisym.passes.order import Write, WriteOrder, order_writes
from minisym.runtime.memory import Block, plan_memory
from minisym.runtime.steps import Step, steps_of
from minisym.shapes import show

Commit = tuple[Any, ...]
"""A function of C and its arguments."""


@dataclass(frozen=True)
class Typed:
    """A graph whose entries all have a shape and an element type."""

    graph: Graph
    shapes: Mapping[Entry, tuple[int, ...]]
    dtypes: Mapping[Entry, np.dtype[Any]]

    def nbytes(self, entry: Entry) -> int:
        """Return the size of an entry's array."""
        return prod(self.shapes[entry]) * self.dtypes[entry].itemsize


class Plan:
    """Steps for `heads`, and behind them steps for everything else that the graph holds.

    Parameters
    ----------
    typed
        The graph with shapes and types. Its first outputs are the heads of the forward run; the
        rest (gradients) belong to the backward run.
    bound
        Variable -> the user's array.
    num_heads
        How many outputs belong to the forward run.
    write
        Whether runs write updates into the bound arrays (else the caller does).
    """

    def __init__(
        self, typed: Typed, bound: Mapping[Node, Array], num_heads: int, *, write: bool = True
    ) -> None:
        self.typed, self.graph = typed, typed.graph
        if verify.ALWAYS:
            verify.verify(self.graph)
        self.heads = self.graph.outputs[:num_heads]
        self.results = self.graph.outputs[num_heads:]
        self.writes: WriteOrder = order_writes(self.graph)
        # kernels see plain arrays: a subclass (memmap, NDArray) would only cost
        self.arrays: dict[Entry, Array] = {
            Entry(node): array.view(np.ndarray) for node, array in bound.items()
        }
        self.write = write
        self._order_steps()
        self._allocate()
        self._train: tuple[list[Step], list[Step]] | None = None
        self._eval: tuple[list[Step], list[Step]] | None = None
        self.commits: list[Commit] = []
        self._lists(is_train=False)

    # ----------------------------------------------------------------------------- what runs when

    def _order_steps(self) -> None:
        """Split the ordered nodes into those of the forward run and the others."""
        forward = set(Graph(self.heads).order) if self.results else None
        ops = [node for node in self.writes.order if node.op is not None]
        if forward is None:
            self.forward_nodes, self.backward_nodes = ops, []
        else:
            self.forward_nodes = [node for node in ops if node in forward]
            self.backward_nodes = [node for node in ops if node not in forward]
        self.nodes = self.forward_nodes + self.backward_nodes
        self.written = {write.variable: write for write in self.writes.writes}

    # ------------------------------------------------------------------------------------- memory

    def _allocate(self) -> None:
        """Find an array for every entry: a bound one, a view of another, or a planned buffer."""
        arrays, shapes, dtypes = self.arrays, self.typed.shapes, self.typed.dtypes
        heads = set(self.heads) | set(self.results)
        backward = set(self.backward_nodes)
        self.snapshots: dict[Node, Array] = {}
        for node in self.written:
            # read after the writes have landed? then from a copy of the value before
            if Entry(node) in heads or any(r in backward for r in self.graph.consumers[node]):
                self.snapshots[node] = np.empty_like(arrays[Entry(node)])
        self.direct = self._direct_writes(heads)
        root: dict[Entry, Entry] = {}
        made: list[list[Entry]] = []
        last_read: dict[Entry, int] = {}
        in_place: dict[Entry, list[Entry]] = {}
        self.views: dict[Entry, Entry] = {}
        for position, node in enumerate(self.nodes):
            op = node.op
            assert op is not None
            for entry in node.inputs:
                last_read[root.get(entry, entry)] = position
            outputs = [Entry(node, i) for i in range(node.num_outputs)]
            if op.view and self._can_view(node):
                source = node.inputs[0]
                self.views[outputs[0]] = source
                root[outputs[0]] = root.get(source, source)
                made.append([])
                continue
            outputs = [entry for entry in outputs if entry not in self.direct]
            made.append(outputs)
            if op.elementwise and op.single:
                for entry in outputs:
                    in_place[entry] = [
                        e
                        for e in node.inputs
                        if e.node.op is not None and e not in root and dtypes[e] is dtypes[entry]
                    ]
        keep = {root.get(entry, entry) for entry in heads}
        keep |= {write.entry for write in self.written.values()}
        nbytes = {entry: self.typed.nbytes(entry) for entries in made for entry in entries}
        self.blocks: dict[Entry, Block] = plan_memory(made, nbytes, last_read, keep, in_place)
        for entry, write in self.direct.items():
            arrays[entry] = arrays[Entry(write.variable)]
        for entry, block in self.blocks.items():
            arrays[entry] = block.view(shapes[entry], dtypes[entry])
        for entry, source in self.views.items():
            arrays[entry] = arrays[source].reshape(shapes[entry])

    def _direct_writes(self, heads: set[Entry]) -> dict[Entry, Write]:
        """Return the new values that nobody reads in the run: their last step is the write itself."""
        return {
            write.entry: write
            for write in self.written.values()
            if self.write
            and write.entry.node.op is not None
            and write.entry.node.op.prepare is not None
            and not any(
                write.entry in reader.inputs for reader in self.graph.consumers[write.entry.node]
            )
            and write.entry.node.num_outputs == 1
            and self.typed.nbytes(write.entry) > 0
        }

    def _can_view(self, node: Node) -> bool:
        assert node.op is not None
        source = node.inputs[0]
        if source.node.op is None:
            # the output of identity is an array of its own; that of a reshape is the user's array
            if source.node in self.written or node.op.elementwise:
                return False
            return self.arrays[source].flags.c_contiguous
        return True

    # -------------------------------------------------------------------------------------- steps

    def steps(self, *, is_train: bool) -> tuple[list[Step], list[Step]]:
        """Return the steps of the forward run and those of the backward run."""
        found = self._train if is_train else self._eval
        return found if found is not None else self._lists(is_train=is_train)

    def _lists(self, *, is_train: bool) -> tuple[list[Step], list[Step]]:
        """Compile the lists of one mode; nodes that do not ask for the mode share their steps."""
        if not hasattr(self, "_shared"):
            self._shared: dict[Node, list[Step]] = {}
            self.owners: dict[int, Node] = {}
        commits: list[Commit] = []
        lists = []
        for nodes, late in ((self.forward_nodes, False), (self.backward_nodes, True)):
            steps: list[Step] = []
            if not late:
                steps += [
                    (np.copyto, (copy, self.arrays[Entry(node)]))
                    for node, copy in self.snapshots.items()
                ]
            for node in nodes:
                own = self._shared.get(node)
                if own is None:
                    own = self._node_steps(node, is_train=is_train, late=late)
                    assert node.op is not None
                    if "is_train" not in node.op.needs:
                        self._shared[node] = own
                    self.owners.update((id(step), node) for step in own)
                if Entry(node) in self.direct:
                    commits.append((own[-1][0], *own[-1][1]))
                    own = own[:-1]
                steps += own
            lists.append(steps)
        commits += [
            (operator.setitem, self.arrays[Entry(variable)], ..., self.arrays[write.entry])
            for variable, write in self.written.items()
            if write.entry not in self.direct
        ]
        self.commits = commits
        pair = (lists[0], lists[1])
        if is_train:
            self._train = pair
        else:
            self._eval = pair
        return pair

    def _node_steps(self, node: Node, *, is_train: bool, late: bool) -> list[Step]:
        assert node.op is not None
        if Entry(node) in self.views:
            return []
        outs = [self.arrays[Entry(node, i)] for i in range(node.num_outputs)]
        inputs = [
            self.snapshots[e.node] if late and e.node in self.snapshots else self.arrays[e]
            for e in node.inputs
        ]
        if node.op.view:
            return [(np.copyto, (outs[0].reshape(inputs[0].shape), inputs[0]))]
        if node.op.kernel is None:
            return [(_refuse, (node,))]
        return steps_of(
            node.op, node.params, node.input_names(), inputs, outs, is_train=is_train
        )

    # ---------------------------------------------------------------------------------- for the eye

    def output_array(self, head: Entry) -> Array:
        """Return the array in which the value of an output is found after a run."""
        if head.node in self.snapshots:
            return self.snapshots[head.node]
        return self.arrays[head]

    def explain(self, step: Step, error: Exception) -> MinisymError:
        """Make the error of a step that failed."""
        node = self.owners.get(id(step))
        if node is None or node.op is None:
            return ExecutionError(f"a step failed: {error}")
        if isinstance(error, MinisymError):
            return error
        rows = [
            (name, show(self.typed.shapes[e]), f"{self.typed.dtypes[e]} {e.name}", "")
            for name, e in zip(node.input_names(), node.inputs, strict=False)
        ]
        return ExecutionError(
            f"{node.op.name} {node.name!r}: {error}",
            rows=rows,
            origin=node.origin,
            hint="every bound array is as it was before the run",
        )


def _refuse(node: Node) -> None:
    assert node.op is not None
    message = f"{node.op.name} {node.name!r}: minisym does not know this op, so it cannot run it"
    raise ExecutionError(
        message,
        origin=node.origin,
        hint="whatever does not depend on it runs: choose inner outputs by get_internals()",
    )


def execute(plan: Plan, steps: Sequence[Step], writes: Sequence[Commit] = ()) -> None:
    """Run the steps, then do all writes; an exception says which node it came from.

    NumPy's floating point warnings are off: infinities and NaNs are values here.
    """
    if _inside.get():  # a kernel that runs another executor
        _execute(plan, steps, writes)
    else:
        _quiet.context.run(_execute, plan, steps, writes)


def _execute(plan: Plan, steps: Sequence[Step], writes: Sequence[Commit]) -> None:
    step: Step = (print, ())
    try:
        for step in steps:
            step[0](*step[1])
    except Exception as error:
        raise plan.explain(step, error) from error
    # one call into C, which nothing interrupts
    deque(starmap(operator.call, writes), maxlen=0)


_inside: ContextVar[bool] = ContextVar("inside a run", default=False)


class _Quiet(threading.local):
    """A context in which NumPy ignores floating point errors: entering it costs 0.1 us.

    (`np.errstate` costs 2 us, as much as a small update itself.)
    """

    def __init__(self) -> None:
        self.context = Context()
        self.context.run(np.seterr, all="ignore")
        self.context.run(_inside.set, True)


_quiet = _Quiet()
