"""What a run executes, and how: flat lists of steps, then one call that does all writes.

A run changes nothing that the user bound until its end, the *commit*: one call into compiled code
that runs no Python. Python looks for signals between the instructions of its own code only, so
neither an exception nor Ctrl-C can come between two writes: all of them land, or none.
"""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import Context
from functools import partial
from itertools import starmap
from operator import call
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from minisym.core.ndarray import Array
from minisym.core.node import Node

Step = tuple[Callable[..., Any], tuple[Any, ...]]
"""A function and its arguments."""
Part = tuple[Node, list[Step]]
"""A node and the steps that compute it."""
Call = tuple[Any, ...]
"""A compiled function and its arguments, flat: what a commit makes."""

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


class Program(NamedTuple):
    """What a plan runs in one mode: nodes with their steps, and the writes behind the forward run.

    What an update does in place is among the commits instead.
    """

    forward: Sequence[Part]
    backward: Sequence[Part]
    commits: Sequence[Commit]

    @property
    def steps(self) -> tuple[list[Step], list[Step]]:
        """The steps of the forward run and those of the backward run."""
        forward, backward = (
            [step for _, own in parts for step in own] for parts in (self.forward, self.backward)
        )
        return forward, backward


def is_compiled(function: Callable[..., Any]) -> bool:
    """Return whether a call runs no Python: then no signal is delivered within it.

    Only ufuncs and assignments are known to be so. What looks like a function of C may enter Python
    first: `np.copyto` and its like ask their arguments for `__array_function__` there.
    """
    inner = function.func if isinstance(function, partial) else function
    return isinstance(inner, np.ufunc) or inner is operator.setitem


_CONTEXT: Final = Context()


class _OfThread:
    """A context before NumPy 2, which keeps in the thread what it does about errors."""

    def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function in a copy of the context."""
        with np.errstate(all="ignore"):
            return _CONTEXT.copy().run(function, *args, **kwargs)


quiet: Callable[[], Any] = _OfThread
"""Makes a context in which NumPy ignores floating point errors: infinities and NaNs are values.

A run enters one of its own, which costs 0.1 us (`np.errstate` costs 2 us, as much as a small update
itself), and whatever an operator of a user sets there is gone with it.
"""
if np.lib.NumpyVersion(np.__version__) >= "2.0.0":
    _CONTEXT.run(np.seterr, all="ignore")
    quiet = _CONTEXT.copy


def quietly(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function where floating point errors are values."""
    return quiet().run(function, *args, **kwargs)


class Explains(Protocol):
    """What can say which node a step belongs to."""

    def explain(self, step: Step, error: Exception) -> Exception:
        """Make the error of a step that failed."""


def execute(steps: Sequence[Step], calls: Sequence[Call], plan: Explains) -> None:
    """Run the steps, then make all calls."""
    quiet().run(run_through, steps, calls, plan)


exhaust: Final = deque[Any](maxlen=0).extend
"""Make all calls of an iterator of C, in one call of C, which nothing interrupts."""


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
