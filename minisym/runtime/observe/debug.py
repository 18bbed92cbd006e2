"""A debugger for runs: node by node.

It runs the same steps as `forward`, on a plan that keeps every value. Nothing that the user bound
changes until the run ends: then the writes land all at once, or, where it is given up, never.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Self, TypedDict

from minisym.core import origin
from minisym.core.errors import ExecutionError, OutputNameError, ParamError, did_you_mean
from minisym.core.ndarray import NDArray
from minisym.core.node import Entry, Node
from minisym.core.shapes import show
from minisym.passes.typed import Typed
from minisym.runtime.calls import Call
from minisym.runtime.observe.values import statistics
from minisym.runtime.observe.watch import Observer, run_part
from minisym.runtime.plan import Plan
from minisym.runtime.program import Part

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


class _State(TypedDict, total=False):
    """How it stands with a run that waits."""

    open: bool
    ended: bool
    """Its writes have landed."""
    overtaken: bool
    """It was given up because another run began."""


class Stepper:
    """A run that waits after every node; `Executor.step` makes one.

    Iterate over it, or call `next`: each time one node runs and a `Moment` tells what it did. When
    all have run, the run ends: the bound arrays are written, as by `forward`. A run that is given
    up (by `abandon`, an exception, or leaving a `with` block early) has written nothing.

    An executor makes one run at a time. When another one begins (`forward`, `backward`, `step`,
    `profile`), the run that waits is given up; going on with it is an `ExecutionError`.

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
        calls: Sequence[Call],
        land: Callable[[Stepper, Sequence[Call]], list[NDArray]],
        outputs: list[NDArray],
        observers: Sequence[Observer] = (),
    ) -> None:
        self._plan, self._observers, self._land = plan, observers, land
        self._is = _State(open=True, ended=False, overtaken=False)
        # the last call notes that all others have been made
        self._calls = [*calls, (dict.update, self._is, _State(open=False, ended=True))]
        self._parts = [(part, bool(run)) for run, some in enumerate(parts) for part in some]
        self._next = 0
        self._outputs = outputs
        self._values: dict[str, Entry] = {Entry(n).name: Entry(n) for n in plan.graph.variables}
        self.moments: list[Moment] = []

    def __iter__(self) -> Iterator[Moment]:
        """Iterate over the nodes that have not run yet, each after it has run."""
        return self

    def __next__(self) -> Moment:
        """Run the next node; behind the last one end the run."""
        self.check_not_overtaken()
        if not self._is["open"]:
            raise StopIteration
        try:
            moment = self._advance()
            if moment is None:
                self._outputs = self._land(self, self._calls)
        except BaseException:
            self.abandon()
            raise
        if moment is None:
            raise StopIteration
        return moment

    def _advance(self) -> Moment | None:
        """Run up to and with the next node that is an op."""
        while self._next < len(self._parts):
            (node, steps), backward = self._parts[self._next]
            self._next += 1
            start = perf_counter_ns()
            run_part(self._plan, (node, steps), self._observers, backward=backward)
            seconds = (perf_counter_ns() - start) * 1e-9
            if node.op is not None:
                moment = moment_of(self._plan, node, len(self.moments), seconds, backward=backward)
                self.moments.append(moment)
                made = [Entry(node, i) for i in range(node.num_outputs)]
                self._values |= {entry.name: entry for entry in made}
                return moment
        return None

    @property
    def coming(self) -> Node | None:
        """The node that runs next; None behind the last one."""
        return next(self._rest(), None)

    @property
    def remaining(self) -> int:
        """How many nodes have not run yet."""
        return sum(1 for _ in self._rest())

    def _rest(self) -> Iterator[Node]:
        return (node for (node, _), _ in self._parts[self._next :] if node.op is not None)

    @property
    def typed(self) -> Typed:
        """The graph with shapes and types; those that values decide are known in the end."""
        return self._plan.typed

    def __repr__(self) -> str:
        """Say how far the run has come."""
        ran = len(self.moments)
        if self._is["ended"]:
            return f"<Stepper: all {ran} nodes have run>"
        if not self._is["open"]:
            return f"<Stepper: given up after {ran} of {ran + self.remaining} nodes>"
        coming = self.coming
        what = f"{coming.op.name} {coming.name!r}" if coming and coming.op else "the writes"
        return f"<Stepper: {ran} of {ran + self.remaining} nodes have run, next is {what}>"

    def __getitem__(self, name: str) -> NDArray:
        """Return a value that is there by now, by its name in `get_internals()`."""
        entry = self._values.get(name)
        if entry is None:
            coming = {Entry(n, i).name: n.name for n in self._rest() for i in range(n.num_outputs)}
            if name in coming:
                hint = f"run_to({coming[name]!r}) computes it"
                raise OutputNameError(f"{name!r} has no value yet", hint=hint)
            known = [*self._values, *coming]
            output = f"{name}_output"
            said = f"did you mean {output!r}?" if output in known else did_you_mean(name, known)
            raise OutputNameError(f"there is no {name!r}", hint=said)
        return NDArray.of(self._plan.arrays[entry])

    def run_to(self, stop: str | Callable[[Moment], object]) -> Moment | None:
        """Run on until a node of this name has run, or `stop(moment)` is true.

        Returns
        -------
        What that node did; None if there was none, and the run has ended.
        """
        if not isinstance(stop, str) and not callable(stop):
            raise ParamError(
                f"run_to takes a node's name, or a function of a Moment, "
                f"but got {type(stop).__name__}"
            )
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
        self.check_not_overtaken()
        for _ in self:
            pass
        if not self._is["ended"]:
            raise ExecutionError("this run was given up", hint="step() begins another one")
        return self._outputs

    def abandon(self) -> None:
        """Give the run up: every bound array is as it was before it."""
        self._is["open"] = False

    def overtake(self) -> None:
        """Give the run up because another one of the executor begins."""
        if self._is["open"]:
            self._is["open"], self._is["overtaken"] = False, True

    def check_not_overtaken(self) -> None:
        """Raise `ExecutionError` if another run has begun meanwhile."""
        if self._is["overtaken"]:
            raise ExecutionError(
                "another run of this executor began while this one waited, so it was given up",
                hint="finish() a run before the next one begins; step() begins a new one",
            )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give the run up if it has not ended."""
        self.abandon()


def moment_of(plan: Plan, node: Node, position: int, seconds: float, *, backward: bool) -> Moment:
    """Describe a node that has just run."""
    inputs = {
        name: NDArray.of(plan.value(entry, backward=backward))
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
