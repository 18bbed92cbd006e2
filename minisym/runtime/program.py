"""What a run executes, and how: flat lists of steps, then one call that does all writes.

A run changes nothing that the user bound until its end, the *commit*: one call into compiled code
that runs no Python. Python looks for signals between the instructions of its own code only, so
neither an exception nor Ctrl-C can come between two writes: all of them land, or none.
"""

from __future__ import annotations

import operator
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import Context
from functools import partial
from itertools import starmap
from typing import Any, Final, NamedTuple

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


class _Quiet(threading.local):
    """A context in which NumPy ignores floating point errors: infinities and NaNs are values.

    A run enters a copy of it, which costs 0.1 us (`np.errstate` costs 2 us, as much as a small
    update itself), and whatever an operator of a user sets there is gone with the copy.
    """

    def __init__(self) -> None:
        self.context = Context()
        if _IN_CONTEXTS:
            self.context.run(np.seterr, all="ignore")


_IN_CONTEXTS: Final = np.lib.NumpyVersion(np.__version__) >= "2.0.0"
"""Whether NumPy keeps in a context what it does about floating point errors; else in the thread."""
_quiet = _Quiet()


def quietly(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function while NumPy ignores floating point errors, as a run does."""
    return _quiet.context.copy().run(function, *args, **kwargs)


def execute(
    steps: Sequence[Step], calls: Sequence[Call], explain: Callable[..., Exception]
) -> None:
    """Run the steps, then make all calls; `explain(step, error)` makes the error of a step."""
    if _IN_CONTEXTS:
        _quiet.context.copy().run(_execute, steps, calls, explain)
    else:
        with np.errstate(all="ignore"):
            _execute(steps, calls, explain)


def _execute(
    steps: Sequence[Step], calls: Sequence[Call], explain: Callable[..., Exception]
) -> None:
    step: Step = (print, ())
    try:
        for step in steps:
            step[0](*step[1])
    except Exception as error:
        raise explain(step, error) from error
    # one call into C, which nothing interrupts
    deque(starmap(operator.call, calls), maxlen=0)
