"""What an executor can be asked about its runs: the part of `Executor` that is for debugging."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from minisym.graph import Node
from minisym.ndarray import Array, NDArray
from minisym.runtime.debug import NanGuard, Stepper, observed
from minisym.runtime.heads import Seed, take_head_grads
from minisym.runtime.late import LatePlan
from minisym.runtime.plan import Commit, Plan
from minisym.runtime.profile import Profile, profile
from minisym.runtime.usage import MemoryReport, memory_report
from minisym.runtime.watch import Observer

Feed = tuple[Array, Array]


class Debuggable:
    """Runs that wait, are watched, or are measured. Every `Executor` is one."""

    outputs: list[NDArray]
    _plan: Plan
    _next_plan: Plan | None
    """What the next forward run goes over to: only there nothing of an earlier run is needed."""
    _seeds: Sequence[Seed]
    _wanted: Sequence[Node]
    _backups: dict[str, Array]
    _monitor: Observer | None
    _is_train: bool | None
    _ran_backward: bool

    def _check(self, feeds: Mapping[str, Any]) -> list[Feed]:
        raise NotImplementedError

    def _make_gradient_commits(self, plan: Plan) -> list[Commit]:
        raise NotImplementedError

    def _take(self, plan: Plan) -> None:
        raise NotImplementedError

    def _renew_outputs(self, plan: Plan) -> None:
        raise NotImplementedError

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
        """Begin a run that waits after every node: a debugger. See `minisym.runtime.debug`.

        Nothing that was bound changes before the run ends, nor do the outputs.

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
        feeds = self._check(kwargs)
        if backward and self._wanted:
            self._seed(out_grads)
        back = self._next_plan or self._plan
        plan = observed(back, share_outputs=False)
        parts = plan.parts(is_train=is_train)[: 2 if backward else 1]
        commits = [*plan.commits, *(self._make_gradient_commits(plan) if backward else ())]
        commits += [
            (operator.setitem, output.view(np.ndarray), ..., value)
            for output, head in zip(self.outputs, plan.heads, strict=True)
            if head.node not in plan.late
            and not np.may_share_memory(output, value := plan.output_array(head))
        ]

        def finished() -> list[NDArray]:
            self._take(plan)  # for backward; the next forward run goes back
            self._next_plan = back
            self._is_train, self._ran_backward = is_train, backward
            self._renew_outputs(plan)
            return self.outputs

        def abandoned() -> None:
            for name, (array, _) in zip(kwargs, feeds, strict=True):
                array[...] = self._backups[name]

        for array, value in feeds:
            array[...] = value
        return Stepper(plan, parts, commits, finished, abandoned)

    @contextmanager
    def nan_guard(self, allow: Iterable[str] = (), *, infinities: bool = True) -> Iterator[None]:
        """Let runs within a `with` block stop at the node that makes the first NaN or infinity.

        The error says what the node read, and where it was composed; nothing has been written then.
        Every value is kept meanwhile, and a monitor hears nothing.

        Parameters
        ----------
        allow
            Names of nodes that may make them.
        infinities
            Whether infinities count: masks are often made of them.

        Raises
        ------
        NonFiniteError
            By a run within the block.

        Examples
        --------
        >>> from minisym import sym
        >>> net = sym.log(sym.Variable("x") - 1, name="logs") * 0
        >>> executor = net.bind(args={"x": np.array([0.5, 2.0])})
        >>> with executor.nan_guard():
        ...     executor.forward()
        Traceback (most recent call last):
        ...
        minisym.runtime.debug.NonFiniteError: log 'logs' made the first NaN
        ...
        """
        monitor, plan = self._monitor, self._next_plan or self._plan
        self._monitor = NanGuard(frozenset(allow), infinities)
        self._next_plan = observed(plan)
        try:
            yield
        finally:
            self._monitor, self._next_plan = monitor, plan

    def profile(
        self,
        runs: int = 10,
        *,
        is_train: bool = False,
        backward: bool = False,
        out_grads: Any = None,
    ) -> Profile:
        """Measure what each node takes: time, bytes and arithmetic; see `minisym.runtime.profile`.

        The arrays that runs write are put back afterwards, and so are the random numbers.

        Parameters
        ----------
        runs
            How many runs to measure, after one that is not.
        is_train, backward, out_grads
            As of `step`.
        """
        if backward and self._wanted:
            self._seed(out_grads)
        commits = self._make_gradient_commits(self._plan) if backward else ()
        self._is_train = None  # the values that gradients need are those of no forward run
        return profile(self._plan, runs, commits, is_train=is_train, backward=backward)

    def memory_report(self) -> MemoryReport:
        """Return what lives where and when in a run; see `minisym.runtime.usage`."""
        return memory_report(self._next_plan or self._plan)
