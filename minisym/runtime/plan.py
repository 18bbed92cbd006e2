"""The plan: a graph compiled once to flat lists of steps with all arrays bound.

A run executes the steps of one list; nothing that the user bound is written by them. All writes
(of weights, states, gradient arrays) are the last act of a run, the commit of
`minisym.runtime.program`. An update whose new values nobody reads runs in the commit itself, in
place; any other value waits in a buffer of the plan, and the commit moves it.
"""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain, count
from math import prod
from typing import Any, Final, NamedTuple

import numpy as np

from minisym.core.errors import BindError, ExecutionError, MinisymError
from minisym.core.graph import Graph
from minisym.core.kernels import Step
from minisym.core.ndarray import Array
from minisym.core.node import Entry, Node
from minisym.core.shapes import show
from minisym.ops.numeric.tape import Tape
from minisym.passes import verify
from minisym.passes.order import Write, WriteOrder, in_order, order_writes
from minisym.passes.typed import Typed
from minisym.runtime.fault import told
from minisym.runtime.landing import Landing
from minisym.runtime.layout import Layout, lay_out, total
from minisym.runtime.peers import Peers
from minisym.runtime.pieces import Scratch, steps_on_numbers
from minisym.runtime.program import (
    Commit,
    Part,
    Program,
    Run,
    execute,
    move,
    run_beside_workers,
    run_through,
)
from minisym.runtime.samples import share_samples
from minisym.runtime.schedule import WORTH, by_memory, in_turn
from minisym.runtime.steps import steps_in_place, steps_of

Runs = tuple[Sequence[Node], Sequence[Node]]
"""The ops of the forward run and of the backward run, in order."""
States = dict[Node, dict[str, Any]]
"""Node -> what its op keeps from run to run, as an operator of a user does."""


class Memory(NamedTuple):
    """Bytes for a plan to use: those of one whose place it takes, or with which it takes turns."""

    heads: Sequence[Array | None]
    """Where each output lives, by position; None: not in memory of a plan."""
    rest: Sequence[Array] = ()
    """What else there is, which nobody needs while the plan runs."""


NO_MEMORY: Final = Memory(())


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
    in_place
        Whether updates may compute in place, in the commit. Where somebody looks on, they may not:
        a run that is stopped there must not have written.
    keep
        Whether every entry keeps memory of its own, so that all values can be read after a run.
    gradients
        Whether what updates read can: it costs the memory of the gradients, and changes no bit.
    memory
        Memory to use, as far as it fits: that of the outputs above all, which then stay where they
        were in the plan before.
    states
        What ops keep from run to run; plans that take each other's places share it.
    comm
        The processes that run the same graph.
    """

    late: frozenset[Node] = frozenset()
    """Nodes that have a shape which only a run finds out; see `minisym.runtime.late`."""

    def __init__(
        self,
        typed: Typed,
        bound: Mapping[Node, Array],
        num_heads: int,
        *,
        in_place: bool = True,
        keep: bool = False,
        gradients: bool = False,
        memory: Memory = NO_MEMORY,
        states: States | None = None,
        comm: Peers | None = None,
    ) -> None:
        self.typed, self.graph = typed, typed.graph
        if verify.is_on():
            verify.verify(self.graph)
            verify.verify_gradients(self.graph, typed.shapes, typed.dtypes)
        self.heads = self.graph.outputs[:num_heads]
        self.results = self.graph.outputs[num_heads:]
        self.writes: WriteOrder = order_writes(self.graph)
        self.written = {write.variable: write for write in self.writes.writes}
        self.keep, self.in_place, self.comm = keep, in_place, comm
        self.through: Run = run_through
        updates = [node for node in self.graph if gradients and node.kind == "update"]
        self._read_by_updates = [entry for node in updates for entry in node.inputs]
        self.states: States = {} if states is None else states
        # kernels see plain arrays: a subclass (memmap, NDArray) would only cost
        self.arrays: dict[Entry, Array] = {
            Entry(node): array.view(np.ndarray) for node, array in bound.items()
        }
        self._settle(memory)
        self._shared: dict[Node, list[Step]] = {}
        self._programs: dict[bool, Program] = {}
        self._scratch = Scratch()

    # ----------------------------------------------------------------------------- what runs when

    @property
    def nodes(self) -> Sequence[Node]:
        """The ops, in the order in which they run."""
        return self.layout.nodes

    @property
    def forward_nodes(self) -> Sequence[Node]:
        """Those of the forward run."""
        return self.layout.nodes[: self.layout.forward]

    @property
    def backward_nodes(self) -> Sequence[Node]:
        """Those of the backward run."""
        return self.layout.nodes[self.layout.forward :]

    def _split(self, order: Iterable[Node]) -> Runs:
        """Split ordered nodes into the ops of the forward run and the others."""
        ops = [node for node in order if node.op is not None]
        if not self.results:
            return ops, []
        forward = set(Graph(self.heads))
        return [n for n in ops if n in forward], [n for n in ops if n not in forward]

    # ------------------------------------------------------------------------------------- memory

    def _settle(self, memory: Memory) -> None:
        """Find a home for every value, and make the arrays.

        Which updates compute in place is known when their arrays are there: one that cannot moves
        out, and homes are found anew.
        """
        direct = self._may_write_in_place()
        runs, views = self._split(self.writes.order), set[Node]()
        for node in chain(*runs):
            if self._can_view(node, views):
                views.add(node)
        self.layout = self._laid_out(runs, views, direct)
        if total(self.layout.blocks) >= WORTH and not self.keep:
            runs = self._with_less_memory(runs, views, direct)
        while True:
            self._make_arrays(memory)
            self._landings = {node: self._landing(node) for node in direct}
            cannot = {node for node, steps in self._landings.items() if steps is None}
            if not cannot:
                return
            direct -= cannot
            self.layout = self._laid_out(runs, views, direct)

    def _laid_out(self, runs: Runs, views: Collection[Node], direct: Collection[Node]) -> Layout:
        ends, also = (self.heads, self.results), self._read_by_updates
        return lay_out(
            self.typed, runs, ends, self.written, views, direct=direct, keep=self.keep, also=also
        )

    def _with_less_memory(
        self, runs: Runs, views: Collection[Node], direct: Collection[Node]
    ) -> Runs:
        """Take another order of the nodes, if their values need less memory in it.

        networkx sorts again by the same arrows and a few more; memory decides what they leave open.
        """
        arrows = self.graph.with_arrows(chain(self.writes.arrows, *map(in_turn, runs)))
        proposal = by_memory(arrows, self.layout, self.typed)
        if proposal == [*self.nodes]:
            return runs
        place = dict.fromkeys(self.graph.variables, -1)
        place.update(zip(proposal, count(), strict=False))
        other = self._split(in_order(arrows, place))
        layout = self._laid_out(other, views, direct)
        if total(layout.blocks) >= total(self.layout.blocks):
            return runs
        self.layout = layout
        return other

    def _make_arrays(self, memory: Memory) -> None:
        arrays, shapes, dtypes = self.arrays, self.typed.shapes, self.typed.dtypes
        had = dict(zip(self.heads, memory.heads, strict=False))
        self.snapshots: dict[Node, Array] = {}
        for entry in self.layout.copies:
            copy = _prefix(had.get(entry), shapes[entry], dtypes[entry])
            made = np.empty(shapes[entry], dtypes[entry]) if copy is None else copy
            self.snapshots[entry.node] = made
        self._apart = self._fill_blocks(memory)
        for entry, home in self.layout.homes.items():
            if home.kind == "block":
                assert home.block is not None
                raw = self._apart.get(entry)
                array = _prefix(raw, shapes[entry], dtypes[entry])
                if array is None:
                    array = home.block.holds(self.typed, entry)
                arrays[entry] = array
            elif home.kind == "write":
                assert home.source is not None
                arrays[entry] = arrays[home.source]
            elif home.kind == "view":
                assert home.source is not None
                arrays[entry] = arrays[home.source].reshape(shapes[entry])

    def _fill_blocks(self, memory: Memory) -> dict[Entry, Array]:
        """Let blocks take the memory that is there; what finds none is allocated.

        Return the outputs that stay where they were although their block is larger than that.
        """
        taken: set[int] = set()
        apart: dict[Entry, Array] = {}
        for head, raw in zip(self.heads, memory.heads, strict=False):
            root = self.layout.root(head)
            block = self.layout.homes[root].block
            # two outputs may have had one memory before: then it stays with the first
            if raw is None or block is None or block.array is not None or id(raw) in taken:
                continue
            if block.nbytes <= raw.nbytes:
                block.array = raw
            elif self.typed.nbytes(root) <= raw.nbytes:
                apart[root] = raw
            taken.add(id(raw))
        rest = sorted(memory.rest, key=lambda raw: raw.nbytes)
        for block in sorted(self.layout.blocks, key=lambda block: -block.nbytes) if rest else ():
            if block.array is None and rest and rest[-1].nbytes >= block.nbytes:
                block.array = rest.pop()
        return apart

    def _may_write_in_place(self) -> set[Node]:
        """Return the updates whose new values nobody reads, and that read no other new value."""
        if not self.in_place or self.keep:
            return set()
        new = {write.entry: write for write in self.written.values()}
        found: set[Node] = set()
        for node in dict.fromkeys(entry.node for entry in new):
            assert node.op is not None
            outputs = [Entry(node, i) for i in range(node.num_outputs)]
            if (
                node in self.late
                or node.op.prepare is None
                or self.graph.out_degree(node)
                or not new.keys() >= {*outputs}
            ):
                continue
            own = {new[entry].variable for entry in outputs}
            if not any(e.node in self.written and e.node not in own for e in node.inputs):
                found.add(node)
        return found

    def _can_view(self, node: Node, seen: Collection[Node]) -> bool:
        """Return whether a node's output may be its input's memory under another shape.

        `seen` are the nodes before it whose outputs are such views themselves.
        """
        assert node.op is not None
        if not node.op.view or node in self.late:
            return False
        root = node.inputs[0]
        while root.node in seen:
            root = root.node.inputs[0]
        if root.node.op is None:
            # an output is memory of the plan; only that of a Variable is the user's own array
            if root.node in self.written or Entry(node) in self.heads:
                return False
            return self.arrays[root].flags.c_contiguous
        return root not in self.typed.last

    def memory(self) -> Memory:
        """Return the plan's memory, for one that takes its place or with which it takes turns."""
        heads: list[Array | None] = []
        for head in self.heads:
            root = self.layout.root(head)
            block = self.layout.homes[root].block
            if head.node in self.snapshots:
                heads.append(self.snapshots[head.node].reshape(-1).view(np.uint8))
            elif root in self._apart:
                heads.append(self._apart[root])
            else:
                heads.append(None if block is None else block.array)
        held = {id(raw) for raw in heads}
        blocks = [b.array for b in self.layout.blocks if b.array is not None]
        return Memory(heads, [raw for raw in blocks if id(raw) not in held])

    # -------------------------------------------------------------------------------------- steps

    def program(self, *, is_train: bool) -> Program:
        """Return what runs in a mode."""
        found = self._programs.get(is_train)
        if found is None:
            found = self._programs[is_train] = self._compile(is_train=is_train)
        return found

    def _compile(self, *, is_train: bool) -> Program:
        forward: list[Part] = [
            (node, [(operator.setitem, (copy, ..., self.arrays[Entry(node)]))])
            for node, copy in self.snapshots.items()
        ]
        landings: list[Landing] = []
        for node in self.forward_nodes:
            landing = self._landings.get(node)
            if landing is None:
                own = self._steps_once(node, is_train=is_train, backward=False)
            else:
                own = list(steps_on_numbers(landing))
                landings.append(Landing(node, self.arrays[Entry(node)], landing))
            forward.append((node, own))
        backward = [
            (node, self._steps_once(node, is_train=is_train, backward=True))
            for node in self.backward_nodes
        ]
        moves = [
            move(write.entry.node, self.arrays[Entry(variable)], self.arrays[write.entry])
            for variable, write in self.written.items()
            if not self.layout.is_write(write.entry.node)
            and _may_land(self.arrays[Entry(variable)], write, is_train=is_train)
        ]
        return Program(forward, backward, landings, moves)

    def _landing(self, node: Node) -> list[Step | Tape] | None:
        """Return the steps and tapes of an update in place; None if it cannot do so."""
        assert node.op is not None
        outs = [self.arrays[Entry(node, i)] for i in range(node.num_outputs)]
        inputs = [self.arrays[entry] for entry in node.inputs]
        return steps_in_place(node, inputs, outs)

    def _steps_once(self, node: Node, *, is_train: bool, backward: bool) -> list[Step]:
        """Return a node's steps; the same ones for both modes, unless it asks for the mode."""
        own = self._shared.get(node)
        if own is None:
            own = self._steps(node, is_train=is_train, backward=backward)
            assert node.op is not None
            if "is_train" not in node.op.needs:
                self._shared[node] = own
        return own

    def _steps(self, node: Node, *, is_train: bool, backward: bool) -> list[Step]:
        op = node.op
        assert op is not None
        if self.layout.homes[Entry(node)].kind == "view":
            return []
        outs = [self.arrays[Entry(node, i)] for i in range(node.num_outputs)]
        inputs = [self.value(entry, backward=backward) for entry in node.inputs]
        if op.view:
            return [(operator.setitem, (outs[0].reshape(inputs[0].shape), ..., inputs[0]))]
        if op.kernel is None and op.prepare is None:
            return [(_refuse, (node,))]
        shared = share_samples(node, inputs, outs, partial(steps_of, node, is_train=is_train))
        if shared is not None:
            self.through = run_beside_workers
            return shared
        return steps_of(
            node, inputs, outs, is_train=is_train,
            state=self.state(node), scratch=self._scratch, comm=self.comm,
        )  # fmt: skip

    def state(self, node: Node) -> dict[str, Any]:
        """Return what a node's op keeps from run to run; that of a gradient is its owner's."""
        assert node.op is not None
        keeper = node if node.op.state_of is None else node.op.state_of(node)
        return self.states.setdefault(self.typed.stands_for.get(keeper, keeper), {})

    # ------------------------------------------------------------------------------------ running

    def run(self, steps: Sequence[Step] = (), commits: Iterable[Commit] = ()) -> None:
        """Execute steps, then do all writes; an exception says which node it came from."""
        execute(steps, [commit.call for commit in commits], self)

    def value(self, entry: Entry, *, backward: bool) -> Array:
        """Return the array from which an input is read, in the forward or the backward run."""
        if backward and entry.node in self.snapshots:
            return self.snapshots[entry.node]
        return self.arrays[entry]

    def output_array(self, head: Entry) -> Array:
        """Return the array in which the value of an output is found after a run."""
        if head.node in self.snapshots:
            return self.snapshots[head.node]
        return self.arrays[head]

    def _owner(self, step: Step) -> tuple[Node, bool, bool] | None:
        """Return the node that a step belongs to, whether it runs backward, and in training."""
        return next(
            (
                (node, backward, is_train)
                for is_train, program in self._programs.items()
                for backward, parts in ((False, program.forward), (True, program.backward))
                for node, own in parts
                if any(step is s for s in own)
            ),
            None,
        )

    def explain(self, step: Step, error: Exception) -> MinisymError:
        """Make the error of a step that failed."""
        if isinstance(error, MinisymError):
            return error
        found = self._owner(step)
        if found is None:
            return ExecutionError(f"a step failed: {error}")
        node, backward, is_train = found
        inputs = [self.value(entry, backward=backward) for entry in node.inputs]
        outs = [self.arrays[Entry(node, i)] for i in range(node.num_outputs)]
        assert node.op is not None
        what, outputs, hint = told(node, error, inputs, outs, is_train=is_train)
        rows = [
            (name, show(self.typed.shapes[e]), f"{self.typed.dtypes[e]} {e.name}", "")
            for name, e in zip(node.input_names(), node.inputs, strict=False)
        ]
        return ExecutionError(
            f"{node.op.name} {node.name!r}: {what}",
            rows=[*rows, *outputs],
            origin=node.origin,
            hint=hint,
        )


def _prefix(raw: Array | None, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array | None:
    """Return the beginning of some bytes as an array, or None where it does not fit."""
    size = prod(shape) * dtype.itemsize
    return None if raw is None or raw.nbytes < size else raw[:size].view(dtype).reshape(shape)


def _may_land(target: Array, write: Write, *, is_train: bool) -> bool:
    """Return whether a write is to be done. A state that is read-only is only read, in inference.

    Raises
    ------
    BindError
        It is read-only, and this is training.
    """
    if target.flags.writeable:
        return True
    node = write.entry.node
    assert node.op is not None
    if is_train or not node.op.learns:
        raise BindError(
            f"{write.variable.name!r} is read-only, but {node.op.name} {node.name!r} overwrites it "
            "in training",
            origin=node.origin,
            hint="run it in inference, forward(is_train=False), or bind a copy",
        )
    return False


def _refuse(node: Node) -> None:
    assert node.op is not None
    message = f"{node.op.name} {node.name!r}: minisym does not know this op, so it cannot run it"
    raise ExecutionError(
        message,
        origin=node.origin,
        hint="whatever does not depend on it runs: choose inner outputs by get_internals()",
    )
