"""The plan: a graph compiled once to flat lists of steps with all arrays bound.

A run executes the steps of one list; nothing that the user bound is written by them. All writes
(of weights, states, gradient arrays) are the last act of a run, the *commit*. It is one call into C
that runs no Python code, so neither an exception nor Ctrl-C can come between two of its writes: a
run changes all that it should, or nothing. An update whose new values nobody reads runs in the
commit itself, in place; any other value waits in a buffer of the plan, and the commit moves it.
"""

from __future__ import annotations

import operator
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextvars import Context, ContextVar
from itertools import starmap
from math import prod
from typing import Any

import numpy as np

from minisym.core.errors import ExecutionError, MinisymError
from minisym.core.graph import Graph
from minisym.core.ndarray import Array
from minisym.core.node import Entry, Node
from minisym.core.shapes import show
from minisym.passes import verify
from minisym.passes.order import Write, WriteOrder, order_writes
from minisym.passes.typed import Typed
from minisym.runtime.memory import Block, plan_memory
from minisym.runtime.steps import Step, steps_in_place, steps_of

Commit = tuple[Any, ...]
"""A function of C and its arguments."""

Part = tuple[Node, list[Step]]
"""A node and the steps that compute it."""


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
    keep
        Whether every entry keeps memory of its own, so that all values can be read after a run.
    given
        Memory to use for some entries, as far as it fits: the heads of an executor that this one
        replaces.
    """

    late: frozenset[Node] = frozenset()
    """Nodes that have a shape which only a run finds out; see `minisym.runtime.late`."""

    def __init__(
        self,
        typed: Typed,
        bound: Mapping[Node, Array],
        num_heads: int,
        *,
        write: bool = True,
        keep: bool = False,
        given: Mapping[Entry, Array] | None = None,
    ) -> None:
        self.typed, self.graph = typed, typed.graph
        if verify.ALWAYS:
            verify.verify(self.graph)
            verify.verify_gradients(self.graph, typed.shapes, typed.dtypes)
        self.heads = self.graph.outputs[:num_heads]
        self.results = self.graph.outputs[num_heads:]
        self.writes: WriteOrder = order_writes(self.graph)
        # kernels see plain arrays: a subclass (memmap, NDArray) would only cost
        self.arrays: dict[Entry, Array] = {
            Entry(node): array.view(np.ndarray) for node, array in bound.items()
        }
        self.write, self.keep = write, keep
        self._order_steps()
        self._allocate(given or {})
        self._shared: dict[Node, list[Step]] = {}
        self._landings: dict[Node, tuple[list[Step], list[Step]]] = {}
        self._parts: dict[bool, tuple[list[Part], list[Part]]] = {}
        self._train: tuple[list[Step], list[Step]] | None = None
        self._eval: tuple[list[Step], list[Step]] | None = None
        self.commits: list[Commit] = []
        self._commits: dict[bool, list[Commit]] = {}
        self._lists(is_train=False)

    # ----------------------------------------------------------------------------- what runs when

    def _order_steps(self) -> None:
        """Split the ordered nodes into those of the forward run and the others."""
        forward = set(Graph(self.heads)) if self.results else None
        ops = [node for node in self.writes.order if node.op is not None]
        if forward is None:
            self.forward_nodes, self.backward_nodes = ops, []
        else:
            self.forward_nodes = [node for node in ops if node in forward]
            self.backward_nodes = [node for node in ops if node not in forward]
        self.nodes = self.forward_nodes + self.backward_nodes
        self.written = {write.variable: write for write in self.writes.writes}

    # ------------------------------------------------------------------------------------- memory

    def _allocate(self, given: Mapping[Entry, Array]) -> None:
        """Find an array for every entry: a bound one, a view of another, or a planned buffer."""
        arrays, shapes, dtypes = self.arrays, self.typed.shapes, self.typed.dtypes
        heads = set(self.heads) | set(self.results)
        backward = set(self.backward_nodes)
        self.snapshots: dict[Node, Array] = {}
        for node in self.written:
            # read after the writes have landed? then from a copy of the value before
            if Entry(node) in heads or any(r in backward for r in self.graph.successors(node)):
                copy = _prefix(given.get(Entry(node)), shapes[Entry(node)], dtypes[Entry(node)])
                self.snapshots[node] = np.empty_like(arrays[Entry(node)]) if copy is None else copy
        self.direct = self._direct_writes()
        self.roots = root = dict[Entry, Entry]()
        made: list[list[Entry]] = []
        last_read: dict[Entry, int] = {}
        in_place: dict[Entry, list[Entry]] = {}
        self.views: dict[Entry, Entry] = {}
        for position, node in enumerate(self.nodes):
            op = node.op
            assert op is not None
            for entry in node.inputs:
                key = root.get(entry, entry)
                last_read[key] = max(self.read_at(position), last_read.get(key, 0))
            outputs = [Entry(node, i) for i in range(node.num_outputs)]
            if op.view and self._can_view(node):
                source = node.inputs[0]
                self.views[outputs[0]] = source
                root[outputs[0]] = self._root(source)
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
        # what backward reads stays, so that it may run again without a forward run
        for node in self.backward_nodes:
            keep |= {root.get(e, e) for e in node.inputs if e.node not in backward}
        if self.keep:
            keep.update(entry for entries in made for entry in entries)
        nbytes = {entry: self.typed.nbytes(entry) for entries in made for entry in entries}
        self.blocks: dict[Entry, Block] = plan_memory(made, nbytes, last_read, keep, in_place)
        for entry, write in self.direct.items():
            arrays[entry] = arrays[Entry(write.variable)]
        for entry, block in self.blocks.items():
            array = _prefix(given.get(entry), shapes[entry], dtypes[entry])
            arrays[entry] = block.view(shapes[entry], dtypes[entry]) if array is None else array
        for entry, source in self.views.items():
            arrays[entry] = arrays[source].reshape(shapes[entry])

    def _direct_writes(self) -> dict[Entry, Write]:
        """Return the new values that nobody reads: they are computed in place, in the commit."""
        if not self.write or self.keep:
            return {}
        new = {write.entry: write for write in self.written.values()}
        direct: dict[Entry, Write] = {}
        for node in dict.fromkeys(entry.node for entry in new):
            assert node.op is not None
            outputs = [Entry(node, i) for i in range(node.num_outputs)]
            if (
                node.op.prepare is None
                or self.graph.out_degree(node)
                or not new.keys() >= {*outputs}
            ):
                continue
            own = {new[entry].variable for entry in outputs}
            if not any(e.node in self.written and e.node not in own for e in node.inputs):
                direct |= {entry: new[entry] for entry in outputs}
        return direct

    def read_at(self, position: int) -> int:
        """Return when the node at this position reads: there, or at the end, in the commit."""
        return len(self.nodes) if Entry(self.nodes[position]) in self.direct else position

    def _can_view(self, node: Node) -> bool:
        root = self._root(node.inputs[0])
        if root.node.op is None:
            # an output is memory of the plan; only that of a Variable is the user's own array
            if root.node in self.written or Entry(node) in self.heads:
                return False
            return self.arrays[root].flags.c_contiguous
        return True

    def _root(self, entry: Entry) -> Entry:
        """Return the entry whose memory this one is a view of, or itself."""
        return self.roots.get(entry, entry)

    def keeping(self) -> Plan:
        """Return a plan of the same graph and arrays that keeps the value of every entry."""
        return self.again(write=self.write, keep=True, given=self.memory_of_heads())

    def again(self, **options: Any) -> Plan:
        """Return a plan of the same graph and arrays."""
        return Plan(self.typed, self.variables(), len(self.heads), **options)

    def variables(self) -> dict[Node, Array]:
        """Return the bound arrays."""
        return {node: self.arrays[Entry(node)] for node in self.graph.variables}

    def memory_of_heads(self) -> dict[Entry, Array]:
        """Return the memory that the outputs have, for a plan that takes this one's place."""
        memory = {Entry(node): copy for node, copy in self.snapshots.items()}
        roots = [self._root(head) for head in self.heads]
        return memory | {root: self.arrays[root] for root in roots if root in self.blocks}

    # -------------------------------------------------------------------------------------- steps

    def steps(self, *, is_train: bool) -> tuple[list[Step], list[Step]]:
        """Return the steps of the forward run and those of the backward run."""
        found = self._train if is_train else self._eval
        if found is None:
            return self._lists(is_train=is_train)
        self.commits = self._commits[is_train]
        return found

    def _lists(self, *, is_train: bool) -> tuple[list[Step], list[Step]]:
        """Compile the lists of one mode."""
        commits: list[Commit] = []
        both: list[list[Part]] = []
        for nodes, late in ((self.forward_nodes, False), (self.backward_nodes, True)):
            parts: list[Part] = []
            if not late:
                parts += [
                    (node, [(np.copyto, (copy, self.arrays[Entry(node)]))])
                    for node, copy in self.snapshots.items()
                ]
            for node in nodes:
                if Entry(node) in self.direct:
                    own, landing = self.landing(node)
                    commits += [(function, *arguments) for function, arguments in landing]
                else:
                    own = self._steps_once(node, is_train=is_train, late=late)
                parts.append((node, own))
            both.append(parts)
        commits += [
            (operator.setitem, self.arrays[Entry(variable)], ..., self.arrays[write.entry])
            for variable, write in self.written.items()
            if write.entry not in self.direct
        ]
        self.commits = self._commits[is_train] = commits
        self._parts[is_train] = (both[0], both[1])
        lists = [[step for _, own in parts for step in own] for parts in both]
        pair = (lists[0], lists[1])
        if is_train:
            self._train = pair
        else:
            self._eval = pair
        return pair

    def landing(self, node: Node) -> tuple[list[Step], list[Step]]:
        """Return the steps of an update before the commit, and those in it, which write."""
        found = self._landings.get(node)
        if found is None:
            assert node.op is not None
            outs = [self.arrays[Entry(node, i)] for i in range(node.num_outputs)]
            inputs = [self.arrays[entry] for entry in node.inputs]
            given = node.op, node.params, node.input_names(), inputs
            steps = steps_in_place(*given, outs)
            if steps is not None:
                found = [], steps
            else:
                new = [np.empty_like(out) for out in outs]
                moves: list[Step] = [
                    (operator.setitem, (out, ..., value))
                    for out, value in zip(outs, new, strict=True)
                ]
                found = steps_of(*given, new, is_train=False), moves
            self._landings[node] = found
        return found

    def _steps_once(self, node: Node, *, is_train: bool, late: bool) -> list[Step]:
        """Return a node's steps; the same ones for both modes, unless it asks for the mode."""
        own = self._shared.get(node)
        if own is None:
            own = self._node_steps(node, is_train=is_train, late=late)
            assert node.op is not None
            if "is_train" not in node.op.needs:
                self._shared[node] = own
        return own

    def _node_steps(self, node: Node, *, is_train: bool, late: bool) -> list[Step]:
        assert node.op is not None
        if Entry(node) in self.views:
            return []
        outs = [self.arrays[Entry(node, i)] for i in range(node.num_outputs)]
        inputs = [self.value(entry, late=late) for entry in node.inputs]
        if node.op.view:
            return [(np.copyto, (outs[0].reshape(inputs[0].shape), inputs[0]))]
        if node.op.kernel is None and node.op.prepare is None:
            return [(_refuse, (node,))]
        return steps_of(node.op, node.params, node.input_names(), inputs, outs, is_train=is_train)

    # ---------------------------------------------------------------------------------- for the eye

    def value(self, entry: Entry, *, late: bool) -> Array:
        """Return the array from which an input is read; late is the backward run."""
        if late and entry.node in self.snapshots:
            return self.snapshots[entry.node]
        return self.arrays[entry]

    def parts(self, *, is_train: bool) -> tuple[list[Part], list[Part]]:
        """Return the nodes of the forward run and of the backward run, each with its steps.

        What an update does in place is among the commits instead.
        """
        self.steps(is_train=is_train)
        return self._parts[is_train]

    def owner(self, step: Step) -> Node | None:
        """Return the node that a step belongs to."""
        return next(
            (
                node
                for both in self._parts.values()
                for parts in both
                for node, own in parts
                if any(step is s for s in own)
            ),
            None,
        )

    def output_array(self, head: Entry) -> Array:
        """Return the array in which the value of an output is found after a run."""
        if head.node in self.snapshots:
            return self.snapshots[head.node]
        return self.arrays[head]

    def explain(self, step: Step, error: Exception) -> MinisymError:
        """Make the error of a step that failed."""
        node = self.owner(step)
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


def _prefix(array: Array | None, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array | None:
    """Return the beginning of an array under this shape, or None where it does not fit."""
    if array is None or array.dtype != dtype or array.size < prod(shape):
        return None
    return array.reshape(-1)[: prod(shape)].reshape(shape)


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
