"""What a run executes, and how: flat lists of steps, then one call that does all writes.

A run changes nothing that the user bound until its end, the *commit*: one call into compiled code
that runs no Python. Python looks for signals between the instructions of its own code only, so
neither an exception nor Ctrl-C can come between two writes: all of them land, or none.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import starmap
from operator import call
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from minisym.core.kernels import Step
from minisym.core.ndarray import Array
from minisym.core.node import Node
from minisym.ops.numeric.tape import Tape
from minisym.runtime.blas import one_thread_of_blas
from minisym.runtime.calls import Call, exhaust, quiet
from minisym.runtime.compiled import is_loop
from minisym.runtime.landing import Landing, calls_of
from minisym.runtime.pieces import Scratch, Stretch, steps_of_stretches

Part = tuple[Node, list[Step]]
"""A node and the steps that compute it."""

LANDED: Final = "the writes of this run had landed before this arrived: the run counts as done"
"""The note that an interrupt carries if it came too late to stop anything."""


class Commit(NamedTuple):
    """One write at the end of a run.

    Attributes
    ----------
    node
        The node whose new value it is.
    target
        The bound array that changes.
    value
        What is moved there; None for a step of an update that computes in place.
    call
        The function and its arguments.
    """

    node: Node
    target: Array
    value: Array | None
    call: Call


def move(node: Node, target: Array, value: Array) -> Commit:
    """Return the write of a value into a bound array."""
    return Commit(node, target, value, (operator.setitem, target, ..., value))


def add(node: Node, target: Array, value: Array) -> Commit:
    """Return the write that adds a value to a bound array."""
    return Commit(node, target, value, (np.add, target, value, target))


@dataclass(frozen=True, eq=False)
class Program:
    """What a plan runs in one mode: nodes with their steps, and the writes behind the forward run.

    What an update does in place is among the writes instead: it lands there.
    """

    forward: Sequence[Part]
    backward: Sequence[Part]
    landings: Sequence[Landing]
    moves: Sequence[Commit]
    _landed: dict[tuple[int, bool], list[list[Call]]] = field(default_factory=dict)

    @cached_property
    def commits(self) -> list[Commit]:
        """All writes one by one, those in place as ufuncs: for those who look at them."""
        scratch = Scratch()
        return [
            Commit(node, target, None, (function, *arguments))
            for node, target, work in self.landings
            for one in work
            for function, arguments in (
                steps_of_stretches([Stretch.whole(one)], scratch)
                if isinstance(one, Tape)
                else [one]
            )
        ] + [*self.moves]

    @property
    def has_tapes(self) -> bool:
        """Whether there is anything that could be compiled."""
        return any(landing.tapes for landing in self.landings)

    def landed(self, workers: int, *, loops: bool) -> list[list[Call]]:
        """Return the calls of the writes in place; see `landing.calls_of`."""
        found = self._landed.get((workers, loops))
        if found is None:
            found = calls_of(self.landings, workers, loops=loops)
            self._landed[workers, loops] = found
        return found

    @property
    def steps(self) -> tuple[list[Step], list[Step]]:
        """The steps of the forward run and those of the backward run."""
        forward, backward = (
            [step for _, own in parts for step in own] for parts in (self.forward, self.backward)
        )
        return forward, backward


def is_compiled(function: Callable[..., Any]) -> bool:
    """Return whether a call runs no Python: then no signal is delivered within it.

    Only ufuncs, assignments and compiled loops are known to be so. What looks like a function of C
    may enter Python first: `np.copyto` and its like ask their arguments there for
    `__array_function__`.
    """
    inner = function.func if isinstance(function, partial) else function
    return isinstance(inner, np.ufunc) or inner is operator.setitem or is_loop(inner)


Run = Callable[[Sequence[Step], Sequence[Call], "Explains"], None]


class Explains(Protocol):
    """What can say which node a step belongs to, and how its steps are run."""

    through: Run

    def explain(self, step: Step, error: Exception) -> Exception:
        """Make the error of a step that failed."""


def execute(steps: Sequence[Step], calls: Sequence[Call], plan: Explains) -> None:
    """Run the steps, then make all calls."""
    quiet().run(plan.through, steps, calls, plan)


def run_through(steps: Sequence[Step], calls: Sequence[Call], plan: Explains) -> None:
    """Do what `execute` does, in a quiet context."""
    if steps:
        step = steps[0]
        try:
            for step in steps:
                step[0](*step[1])
        except Exception as error:
            raise plan.explain(step, error) from error
    exhaust(starmap(call, calls))


def run_beside_workers(steps: Sequence[Step], calls: Sequence[Call], plan: Explains) -> None:
    """Do what `run_through` does where workers share layers: BLAS has one thread meanwhile."""
    with one_thread_of_blas():
        run_through(steps, calls, plan)
