"""A debugger for runs: node by node, and the first node that made a NaN.

Both run the same steps as `forward`, on a plan that keeps every value. Nothing that the user bound
changes until the run ends: then the writes land all at once, or, where it is given up, never.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Self

import numpy as np

from minisym import origin
from minisym.errors import ExecutionError, OutputNameError, Row, did_you_mean
from minisym.graph import Entry, Node
from minisym.ndarray import Array, NDArray
from minisym.runtime.plan import Commit, Part, Plan, execute
from minisym.runtime.values import Statistics, is_finite, statistics
from minisym.shapes import show


class NonFiniteError(ExecutionError):
    """A node made a NaN or an infinity.

    Attributes
    ----------
    node
        The node.
    inputs, outputs
        Name -> statistics of what it read and made.
    """

    node: Node
    inputs: dict[str, Statistics]
    outputs: dict[str, Statistics]


def observed(plan: Plan, *, share_outputs: bool = True) -> Plan:
    """Return a plan of the same graph and arrays that keeps every value until the run's end.

    Its updates compute into memory of their own; only the commit writes them.
    """
    given = plan.memory_of_heads() if share_outputs else None
    return plan.again(write=False, keep=True, given=given)


# ------------------------------------------------------------------------------------ node by node


@dataclass(frozen=True)
class Moment:
    """A node that has just run.

    Attributes
    ----------
    position
        Its place in the run, from 0.
    node, backward
        The node, and whether it belongs to the backward run.
    inputs, outputs
        Name -> value. These are the run's own arrays.
    writes
        Variable -> the value that it will have when the run has ended.
    seconds
        How long the node took.
    """

    position: int
    node: Node
    backward: bool
    inputs: Mapping[str, NDArray]
    outputs: Mapping[str, NDArray]
    writes: Mapping[str, NDArray]
    seconds: float

    @property
    def source(self) -> str:
        """The line of the program that composed the node, with carets below it."""
        return origin.describe(self.node.origin)

    def __repr__(self) -> str:
        """Show what went in, what came out, and where it was composed."""
        op = self.node.op.name if self.node.op else "Variable"
        rows = [
            (name, "->" if out else "  ", array)
            for out, group in ((False, self.inputs), (True, self.outputs))
            for name, array in group.items()
        ]
        width = max((len(name) for name, _, _ in rows), default=0)
        lines = [f"{self.position}: {op} {self.node.name!r}"]
        for name, arrow, array in rows:
            kind = f"{show(array.shape)} {array.dtype}"
            lines.append(f"  {arrow} {name:<{width}}  {kind}  {statistics(array)}")
        lines += [f"  writes {name} when the run ends" for name in self.writes]
        return "\n".join(lines)


class Stepper:
    """A run that waits after every node; `Executor.step` makes one.

    Iterate over it, or call `next`: each time one node runs and a `Moment` tells what it did. When
    all have run, the run ends: the bound arrays are written, as by `forward`. A run that is given
    up (by `abandon`, an exception, or leaving a `with` block early) has written nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from minisym import sym
    >>> w = np.array([1.0])
    >>> step = sym.signsgd_update(sym.Variable("w"), sym.Variable("x") * 2, lr=0.5, name="step")
    >>> run = step.bind(args={"w": w, "x": np.array([3.0])}).step()
    >>> next(run).outputs
    {'_mulscalar0_output': NDArray([6.])}
    >>> run.coming.name, next(run).writes, w
    ('step', {'w': NDArray([0.5])}, array([1.]))
    >>> run.finish(), w
    ([NDArray([0.5])], array([0.5]))
    """

    def __init__(
        self,
        plan: Plan,
        parts: Sequence[Sequence[Part]],
        commits: Sequence[Commit],
        finished: Callable[[], list[NDArray]],
        abandoned: Callable[[], None],
    ) -> None:
        self._plan, self._commits = plan, commits
        self._finished, self._abandoned = finished, abandoned
        self._parts = [(part, late) for late, some in enumerate(parts) for part in some]
        self._next = 0
        self._is_open = True
        self._outputs: list[NDArray] | None = None
        self._values: dict[str, Entry] = {Entry(n).name: Entry(n) for n in plan.graph.variables}
        self.moments: list[Moment] = []

    def __iter__(self) -> Iterator[Moment]:
        """Iterate over the nodes that have not run yet, each after it has run."""
        return self

    def __next__(self) -> Moment:
        """Run the next node; behind the last one end the run."""
        if not self._is_open:
            raise StopIteration
        try:
            moment = self._advance()
        except BaseException:
            self.abandon()
            raise
        if moment is None:
            self._end()
            raise StopIteration
        return moment

    def _advance(self) -> Moment | None:
        """Run up to and with the next node that is an op."""
        while self._next < len(self._parts):
            (node, steps), late = self._parts[self._next]
            self._next += 1
            start = perf_counter_ns()
            execute(self._plan, steps)
            seconds = (perf_counter_ns() - start) * 1e-9
            if node.op is not None:
                moment = moment_of(
                    self._plan, node, len(self.moments), seconds, backward=bool(late)
                )
                self.moments.append(moment)
                made = [Entry(node, i) for i in range(node.num_outputs)]
                self._values |= {entry.name: entry for entry in made}
                return moment
        return None

    @property
    def coming(self) -> Node | None:
        """The node that runs next; None behind the last one."""
        rest = (node for (node, _), _ in self._parts[self._next :] if node.op is not None)
        return next(rest, None)

    @property
    def remaining(self) -> int:
        """How many nodes have not run yet."""
        return sum(node.op is not None for (node, _), _ in self._parts[self._next :])

    def __getitem__(self, name: str) -> NDArray:
        """Return a value that is there by now, by its name in `get_internals()`."""
        entry = self._values.get(name)
        if entry is None:
            known = {Entry(n, i).name for n in self._plan.nodes for i in range(n.num_outputs)}
            message = f"{name!r} has no value yet" if name in known else f"there is no {name!r}"
            raise OutputNameError(message, hint=did_you_mean(name, self._values))
        return NDArray.of(self._plan.arrays[entry])

    def run_to(self, stop: str | Callable[[Moment], object]) -> Moment | None:
        """Run on until a node of this name has run, or `stop(moment)` is true.

        Returns
        -------
        What that node did; None if there was none, and the run has ended.
        """
        if isinstance(stop, str) and all(node.name != stop for (node, _), _ in self._parts):
            known = [node.name for (node, _), _ in self._parts]
            raise OutputNameError(f"there is no node {stop!r}", hint=did_you_mean(stop, known))
        for moment in self:
            if moment.node.name == stop if isinstance(stop, str) else stop(moment):
                return moment
        return None

    def finish(self) -> list[NDArray]:
        """Run what is left, write, and return the executor's outputs.

        Raises
        ------
        ExecutionError
            The run was given up.
        """
        for _ in self:
            pass
        if self._outputs is None:
            raise ExecutionError("this run was given up", hint="step() begins another one")
        return self._outputs

    def abandon(self) -> None:
        """Give the run up: every bound array is as it was before it."""
        if self._is_open:
            self._is_open = False
            self._abandoned()

    def _end(self) -> None:
        self._is_open = False
        execute(self._plan, (), self._commits)
        self._outputs = self._finished()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give the run up if it has not ended."""
        self.abandon()


def moment_of(plan: Plan, node: Node, position: int, seconds: float, *, backward: bool) -> Moment:
    """Describe a node that has just run."""
    inputs = {
        name: NDArray.of(plan.value(entry, late=backward))
        for name, entry in zip(node.input_names(), node.inputs, strict=True)
    }
    entries = [Entry(node, i) for i in range(node.num_outputs)]
    outputs = {entry.name: NDArray.of(plan.arrays[entry]) for entry in entries}
    writes = {
        variable.name: NDArray.of(plan.arrays[write.entry])
        for variable, write in plan.written.items()
        if write.entry.node is node
    }
    return Moment(position, node, backward, inputs, outputs, writes, seconds)


# ---------------------------------------------------------------------------------- the first NaN


@dataclass(frozen=True)
class NanGuard:
    """An observer of runs that stops at the first NaN or infinity; see `Executor.nan_guard`."""

    allow: frozenset[str] = frozenset()
    """Nodes that may make them."""
    infinities: bool = True
    """Whether infinities count."""

    def run(
        self, plan: Plan, parts: Sequence[Part], commits: Sequence[Commit], *, late: bool
    ) -> None:
        """Run the nodes, look at what each made, and write only if all is well."""
        for node, steps in parts:
            execute(plan, steps)
            if node.op is None or node.name in self.allow or Entry(node) in plan.direct:
                continue  # (a direct write lands with the commit)
            entries = [Entry(node, i) for i in range(node.num_outputs)]
            bad = [entry for entry in entries if not self._is_well(plan.arrays[entry])]
            if bad:
                raise _not_finite(plan, node, bad, late=late)
        execute(plan, (), commits)

    def _is_well(self, array: Array) -> bool:
        return is_finite(array) or not (self.infinities or np.isnan(array).any())


def _not_finite(plan: Plan, node: Node, bad: Sequence[Entry], *, late: bool) -> NonFiniteError:
    """Say which node it was, what it read, and what came out."""
    assert node.op is not None
    inputs: dict[str, Statistics] = {}
    rows: list[Row] = []
    is_view = Entry(node) in plan.views  # then the input is there still
    for name, entry in zip(node.input_names(), node.inputs, strict=True):
        array = plan.value(entry, late=late)
        kind = f"{show(array.shape)} {array.dtype}"
        if any(np.may_share_memory(array, plan.arrays[b]) for b in bad) and not is_view:
            rows.append((name, kind, f"{entry.name}: overwritten by the output", ""))
            continue
        inputs[name] = found = statistics(array)
        remark = "" if found.is_finite else "not finite already"
        rows.append((name, kind, f"{entry.name}: {found}", remark))
    outputs = {entry.name: statistics(plan.arrays[entry]) for entry in bad}
    for name, found in outputs.items():
        rows.append((name, f"{show(found.shape)} {found.dtype}", str(found), "here"))
    what = "NaN" if any(found.nans for found in outputs.values()) else "infinity"
    verb = "made the first" if all(f.is_finite for f in inputs.values()) else "passed on a"
    error = NonFiniteError(
        f"{node.op.name} {node.name!r} {verb} {what}",
        rows=rows,
        origin=node.origin,
        hint="every bound array is as it was before the run",
    )
    error.node, error.inputs, error.outputs = node, inputs, outputs
    return error
