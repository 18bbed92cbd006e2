"""What an executor can be asked about its runs: the part of `Executor` that is for debugging."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from minisym.core.errors import ParamError, did_you_mean
from minisym.core.ndarray import Array, NDArray
from minisym.core.node import Node
from minisym.runtime.heads import Seed, take_head_grads
from minisym.runtime.late import LatePlan
from minisym.runtime.observe.debug import Stepper, observed
from minisym.runtime.observe.guard import NanGuard
from minisym.runtime.observe.profile import Profile, check_runs, profile
from minisym.runtime.observe.usage import MemoryReport, memory_report
from minisym.runtime.observe.watch import Monitor, Observer
from minisym.runtime.plan import Commit, Plan

Feed = tuple[Array, Array]


class Debuggable(ABC):
    """Runs that wait, are watched, or are measured. Every `Executor` is one."""

    outputs: list[NDArray]
    _plan: Plan
    _next_plan: Plan | None
    """What the next forward run goes over to: only there nothing of an earlier run is needed."""
    _seeds: Sequence[Seed]
    _wanted: Sequence[Node]
    _backups: dict[str, Array]
    _monitor: Monitor | None = None
    _guard: NanGuard | None = None
    _observers: tuple[Observer, ...] = ()
    """Both of them, if they are there."""
    _waiting: Stepper | None = None
    """A run that waits between two nodes."""
    _is_train: bool | None
    _ran_backward: bool

    @abstractmethod
    def _check(self, feeds: Mapping[str, Any], what: str = "forward") -> list[Feed]:
        """Check what is to be copied, and keep what it will replace."""

    @abstractmethod
    def _make_gradient_commits(self, plan: Plan) -> list[Commit]:
        """Return the writes into bound gradient arrays."""

    @abstractmethod
    def _take(self, plan: Plan) -> None:
        """Go over to another plan of the same graph and arrays."""

    @abstractmethod
    def _renew_outputs(self, plan: Plan) -> None:
        """Show the outputs that have got new memory in a run."""

    def _seed(self, out_grads: Any) -> None:
        plan = self._plan
        if isinstance(plan, LatePlan):  # as large as the outputs of the last run
            self._seeds = plan.renew(self._seeds)
        take_head_grads(plan.heads, plan.typed.shapes, self._seeds, out_grads)

    def step(
        self,
        is_train: bool = False,
        *,
        backward: bool = False,
        out_grads: Any = None,
        **kwargs: Any,
    ) -> Stepper:
        """Begin a run that waits after every node: a debugger. See `minisym.runtime.observe.debug`.

        Nothing that was bound changes before the run ends, nor do the outputs. A monitor hears the
        run, and a `nan_guard` stops it. If another run begins meanwhile, this one is given up.

        Parameters
        ----------
        is_train, **kwargs
            As of `forward`.
        backward, out_grads
            Whether the nodes of the gradient follow, and what flows into it, as of `backward`.

        Examples
        --------
        >>> from minisym import sym
        >>> executor = sym.tanh(sym.Variable("x") * 2, name="t").bind(args={"x": np.array([1.0])})
        >>> for moment in executor.step():
        ...     print(moment)
        0: _mul_scalar '_mulscalar0'
             data                (1,) float64  1 … 1, mean 1
          -> _mulscalar0_output  (1,) float64  2 … 2, mean 2
        1: tanh 't'
             data      (1,) float64  2 … 2, mean 2
          -> t_output  (1,) float64  0.964 … 0.964, mean 0.964
        """
        self._overtake()
        feeds = self._check(kwargs, "step")
        if backward and self._wanted:
            self._seed(out_grads)
        plan = observed(self._next_plan or self._plan, share_outputs=False)
        parts = plan.parts(is_train=is_train)[: 2 if backward else 1]
        commits = [*plan.commits, *(self._make_gradient_commits(plan) if backward else ())]
        commits += [
            (operator.setitem, output.view(np.ndarray), ..., value)
            for output, head in zip(self.outputs, plan.heads, strict=True)
            if head.node not in plan.late
            and not np.may_share_memory(output, value := plan.output_array(head))
        ]

        def finished() -> list[NDArray]:
            self._waiting = None
            back = self._next_plan or self._plan  # (a guard may have come or gone)
            self._take(plan)  # for backward; the next forward run goes back
            self._next_plan = back
            self._is_train, self._ran_backward = is_train, backward
            self._renew_outputs(plan)
            return self.outputs

        def abandoned() -> None:
            self._waiting = None
            for name, (array, _) in zip(kwargs, feeds, strict=True):
                array[...] = self._backups[name]

        for array, value in feeds:
            array[...] = value
        self._waiting = Stepper(plan, parts, commits, finished, abandoned, self._observers)
        return self._waiting

    def _overtake(self) -> None:
        """Give up a run that waits: another one begins."""
        if self._waiting is not None:
            self._waiting.overtake()

    def _observe(self, monitor: Monitor | None, guard: NanGuard | None) -> None:
        """Say who looks on: first the monitor, so that it sees what the guard objects to."""
        self._monitor, self._guard = monitor, guard
        self._observers = tuple(one for one in (monitor, guard) if one is not None)

    @contextmanager
    def nan_guard(self, allow: Iterable[str] = (), *, infinities: bool = True) -> Iterator[None]:
        """Let runs within a `with` block stop at the node that makes the first NaN or infinity.

        The error says what the node read, and where it was composed; nothing has been written then.
        Every value is kept meanwhile. A monitor hears what it always hears, the NaN included.

        Parameters
        ----------
        allow
            Names of nodes that may make them; of those of a gradient, too.
        infinities
            Whether infinities count: masks are often made of them.

        Raises
        ------
        NonFiniteError
            By a run within the block.
        ParamError
            There is no such node.

        Examples
        --------
        >>> from minisym import sym
        >>> net = sym.log(sym.Variable("x") - 1, name="logs") * 0
        >>> executor = net.bind(args={"x": np.array([0.5, 2.0])})
        >>> with executor.nan_guard():
        ...     executor.forward()
        Traceback (most recent call last):
        ...
        minisym.runtime.observe.guard.NonFiniteError: log 'logs' made the first NaN
        ...
        """
        outer, plan = self._guard, self._next_plan or self._plan
        self._observe(self._monitor, NanGuard(self._names_of_nodes(allow), infinities))
        self._next_plan = observed(plan)
        try:
            yield
        finally:
            self._observe(self._monitor, outer)
            self._next_plan = plan

    def _names_of_nodes(self, allow: Iterable[str]) -> frozenset[str]:
        """Check the names that `nan_guard` was given."""
        names = frozenset([allow] if isinstance(allow, str) else allow)
        known = dict.fromkeys(node.name for node in self._plan.nodes)
        for name in names - known.keys():
            raise ParamError(
                f"nan_guard: there is no node {name!r} to allow", hint=did_you_mean(name, known)
            )
        return names

    def profile(
        self,
        runs: int = 10,
        *,
        is_train: bool = False,
        backward: bool = False,
        out_grads: Any = None,
    ) -> Profile:
        """Measure what each node takes: time, bytes and arithmetic; see `runtime.observe.profile`.

        The arrays that runs write are put back afterwards, and so are the random numbers.

        Parameters
        ----------
        runs
            How many runs to measure, after one that is not.
        is_train, backward, out_grads
            As of `step`.
        """
        check_runs(runs)
        self._overtake()
        if self._next_plan is not None:  # measure the runs that `forward` makes
            self._take(self._next_plan)
        if backward and self._wanted:
            self._seed(out_grads)
        commits = self._make_gradient_commits(self._plan) if backward else ()
        self._is_train = None  # the values that gradients need are those of no forward run
        return profile(self._plan, runs, commits, is_train=is_train, backward=backward)

    def memory_report(self) -> MemoryReport:
        """Return what lives where and when in a run; see `minisym.runtime.observe.usage`."""
        return memory_report(self._next_plan or self._plan)
