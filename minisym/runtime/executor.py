"""The executor: a symbol with arrays bound to it, ready to run again and again.

Every call keeps the write rule: it raises and has changed no bound array, or it has changed all
that it should. An interrupt that arrives while the writes land stops none of them; then the call's
own bookkeeping is finished, the interrupt carries a note that says so, and `runs` counts the run.
"""

from __future__ import annotations

import operator
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import starmap
from typing import Any, NoReturn

import numpy as np

from minisym.core.errors import (
    ArrayTypeError,
    BindError,
    ExecutionError,
    ParamError,
    count,
    did_you_mean,
    listed,
)
from minisym.core.ndarray import Array, NDArray
from minisym.core.node import Entry, Node
from minisym.core.shapes import show
from minisym.core.symbol import Symbol
from minisym.runtime.binding import Binding
from minisym.runtime.heads import Seed, take_head_grads
from minisym.runtime.late import LatePlan
from minisym.runtime.observe.debug import Stepper
from minisym.runtime.observe.describe import describe, describe_arrays
from minisym.runtime.observe.guard import NanGuard
from minisym.runtime.observe.internals import Internals
from minisym.runtime.observe.profile import Profile, check_runs, profile
from minisym.runtime.observe.usage import MemoryReport, memory_report
from minisym.runtime.observe.watch import Monitor, Observer, run_watched
from minisym.runtime.plan import Plan
from minisym.runtime.program import LANDED, Call, Commit, Step, add, execute, move
from minisym.runtime.resize import resize

Feed = tuple[Array, Array]
"""A bound array, and the value that it takes before a run."""
Compile = Callable[[Binding, Mapping[Entry, Array] | None], "Executor"]
"""Make an executor; the outputs take the given memory, as far as it fits."""


class BoundArrays(dict[str, NDArray]):
    """Arrays by name. The arrays can be written; another array cannot take the place of one."""

    def __setitem__(self, name: str, array: object) -> NoReturn:
        """Refuse: what is bound stays bound."""
        if name in self:
            message = f"{name!r} is bound: another array cannot take its place"
            raise ArrayTypeError(message, hint=f"write into it: arg_dict[{name!r}][:] = array")
        raise ArrayTypeError(f"nothing named {name!r} is bound", hint=did_you_mean(name, self))


class Executor:
    """Arrays bound to a symbol. `Symbol.bind` and `Symbol.simple_bind` make one.

    Attributes
    ----------
    outputs : list of NDArray
        The outputs. They exist before the first run, and each run writes into the same arrays.
    arg_arrays, grad_arrays, aux_arrays : list
        The bound arrays, in the order of `list_arguments` and `list_auxiliary_states`.
    arg_dict, grad_dict, aux_dict, output_dict : dict
        The same by name.
    runs : int
        How many forward runs have ended: their writes have landed.

    Several threads may use one executor: their runs wait for each other, and from then on `forward`
    hands out copies of the outputs, so that no other run changes them.

    Examples
    --------
    >>> import numpy as np
    >>> from minisym import sym
    >>> weight = np.array([1.0, 2.0])
    >>> step = sym.signsgd_update(sym.Variable("weight"), sym.Variable("grad"), lr=0.5)
    >>> executor = step.bind(args={"weight": weight, "grad": np.array([3.0, -4.0])})
    >>> _ = executor.forward()
    >>> weight
    array([0.5, 2.5])
    """

    def __init__(
        self,
        binding: Binding,
        plan: Plan,
        seeds: Sequence[Seed],
        wanted: Sequence[Node],
        compile_again: Compile,
    ) -> None:
        self._binding, self._plan, self._seeds, self._wanted = binding, plan, seeds, wanted
        self._compile = compile_again
        self._symbol, self._gradients = binding.symbol, binding.gradients
        self._arguments = {node: NDArray.of(a) for node, a in binding.arguments.items()}
        self._states = {node: NDArray.of(a) for node, a in binding.states.items()}
        self._by_name = {
            node.name: array for node, array in (self._arguments | self._states).items()
        }
        self.outputs: list[NDArray] = [
            NDArray.of(plan.output_array(entry)) for entry in binding.symbol.entries
        ]
        self.arg_arrays = list(self._arguments.values())
        self.aux_arrays = list(self._states.values())
        self.grad_arrays = (
            None
            if self._gradients is None
            else [None if g is None else NDArray.of(g) for g in self._gradients.values()]
        )
        self._gradient_commits = self._make_gradient_commits(plan)
        # what the next forward run goes over to: only there nothing of an earlier run is needed
        self._next_plan: Plan | None = None
        self._flat: tuple[object, list[Step], list[Call]] = (None, [], [])
        self.runs = 0
        self._is_train: bool | None = None
        self._ran_backward = False
        self._keep_internals = False
        self._backups: dict[str, Array] = {}
        self._monitor: Monitor | None = None
        self._guard: NanGuard | None = None
        self._observers: tuple[Observer, ...] = ()
        self._waiting: Stepper | None = None
        self._lock = threading.RLock()
        self._is_running = False
        self._landed = [False]
        self._thread: int | None = None
        self._is_shared = False

    # --------------------------------------------------------------------------- arrays by name

    @property
    def symbol(self) -> Symbol:
        """The symbol that was bound."""
        return self._symbol

    @property
    def arg_dict(self) -> dict[str, NDArray]:
        """The bound arguments by name."""
        return BoundArrays({node.name: array for node, array in self._arguments.items()})

    @property
    def aux_dict(self) -> dict[str, NDArray]:
        """The bound auxiliary states by name."""
        return BoundArrays({node.name: array for node, array in self._states.items()})

    @property
    def grad_dict(self) -> dict[str, NDArray | None]:
        """The gradient arrays by name of the argument."""
        if self._gradients is None or self.grad_arrays is None:
            message = "no gradient arrays were bound"
            raise ArrayTypeError(message, hint="pass args_grad to bind, or use simple_bind")
        names = [node.name for node in self._arguments]
        return dict(zip(names, self.grad_arrays, strict=True))

    @property
    def output_dict(self) -> dict[str, NDArray]:
        """The outputs by name.

        Raises
        ------
        BindError
            Two outputs have one name.
        """
        names = self._symbol.list_outputs()
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise BindError(
                f"output_dict: {names.count(twice)} outputs are named {twice!r}",
                hint="take them from the list `outputs`, or compose them under different names",
            )
        return dict(zip(names, self.outputs, strict=True))

    @property
    def writes(self) -> dict[str, str]:
        """Which bound arrays a forward run may change, each with the node that writes it."""
        return {v.name: w.entry.node.name for v, w in self._plan.written.items()}

    # ----------------------------------------------------------------------------- showing itself

    def __repr__(self) -> str:
        """Name in one line what it runs."""
        ops, arrays = len(self._plan.forward_nodes), len(self._by_name)
        names = listed([entry.node.name for entry in self._symbol.entries])
        return f"<Executor of {names}: {count(ops, 'op')}, {count(arrays, 'bound array')}>"

    def __str__(self) -> str:
        """List the bound arrays and the outputs.

        >>> from minisym import sym
        >>> step = sym.signsgd_update(sym.Variable("w"), sym.Variable("g"), lr=0.1, name="step")
        >>> print(step.bind(args={"w": np.ones(2), "g": np.ones(2)}))
        <Executor of step: 1 op, 2 bound arrays>
             w            (2,) float64  written by step
             g            (2,) float64
          -> step_output  (2,) float64
        """
        remarks = {name: f"written by {writer}" for name, writer in self.writes.items()}
        if self.grad_arrays is not None:
            remarks |= {n: "with a gradient" for n, a in self.grad_dict.items() if a is not None}
        outputs = zip(self._symbol.list_outputs(), self.outputs, strict=True)
        arrays = [*self._by_name.items()], [*outputs]
        return f"{self!r}\n{describe_arrays(*arrays, remarks)}"

    def _repr_mimebundle_(self, *_: object, **__: object) -> dict[str, str]:
        """Show the graph in a notebook, with the shapes and types of what is bound."""
        shape = {name: array.shape for name, array in self._by_name.items()}
        dtype = {name: array.dtype for name, array in self._by_name.items()}
        shown = self._symbol._repr_mimebundle_(shape=shape, dtype=dtype)
        return shown | {"text/plain": str(self)}

    # ---------------------------------------------------------------------------------- running

    def forward(self, is_train: bool = False, **kwargs: Any) -> list[NDArray]:
        """Run, and return the outputs.

        Parameters
        ----------
        is_train
            Whether ops such as Dropout behave as in training. Updates run in any case.
        **kwargs
            Arrays to copy into bound arguments first, by name.

        Raises
        ------
        BindError
            A name is unknown, or an array does not fit. Nothing has been copied then.
        ExecutionError
            A step failed. Every bound array is as it was, the copied ones included.
        """
        with self._lock:
            self._begin()
            try:
                self._is_running = True
                return self._forward(kwargs, is_train=is_train)
            finally:
                self._is_running = False

    def _forward(self, kwargs: Mapping[str, Any], *, is_train: bool) -> list[NDArray]:
        if self._next_plan is not None:
            self._take(self._next_plan)
        if self._keep_internals and not self._plan.keep:
            self._take(self._plan.again(keep=True, given=self._plan.memory_of_heads()))
        feeds = self._check(kwargs) if kwargs else ()
        plan, landed, runs = self._plan, self._landed, self.runs
        self._is_train = None  # the values of the run before are gone
        landed[0] = False
        try:
            for array, value in feeds:
                array[...] = value
            if self._observers:
                program = plan.program(is_train=is_train)
                calls = self._calls_of(program.commits)
                run_watched(plan, program.forward, calls, self._observers, backward=False)
            else:
                steps, calls = self._forward_of(plan, is_train=is_train)
                execute(steps, calls, plan.explain)
            self._ended(plan, runs, is_train=is_train)
        except BaseException as error:
            if landed[0]:
                self._ended(plan, runs, is_train=is_train)
                error.add_note(LANDED)
            else:
                self._put_back(kwargs, feeds)
            raise
        return self.outputs if not self._is_shared else [o.copy() for o in self.outputs]

    def _ended(self, plan: Plan, runs: int, *, is_train: bool) -> None:
        """Note that a forward run has ended; to do so twice is to do it once."""
        self._is_train, self._ran_backward, self.runs = is_train, False, runs + 1
        if plan.late:
            self._renew_outputs(plan)

    def _put_back(self, names: Iterable[str], feeds: Iterable[Feed]) -> None:
        """Give the arrays that were fed their values back, in one call that nothing interrupts."""
        backups = [(a, ..., self._backups[n]) for n, (a, _) in zip(names, feeds, strict=True)]
        deque(starmap(operator.setitem, backups), maxlen=0)

    def _forward_of(self, plan: Plan, *, is_train: bool) -> tuple[list[Step], list[Call]]:
        """Return the steps and the calls of a forward run, made once for each plan and mode."""
        key = plan, is_train
        if self._flat[0] != key:
            program = plan.program(is_train=is_train)
            self._flat = key, program.steps[0], self._calls_of(program.commits)
        return self._flat[1], self._flat[2]

    def _calls_of(self, commits: Iterable[Commit]) -> list[Call]:
        """Return the calls of a commit. The last one notes that all others have been made."""
        return [*(commit.call for commit in commits), (operator.setitem, self._landed, 0, True)]

    def _begin(self) -> None:
        """Begin a run, in a thread that has its turn: one that waits between nodes is given up."""
        if self._is_running:
            raise ExecutionError(
                "this executor is running: a run cannot begin another one of its own executor",
                hint="bind the symbol once more for the run inside",
            )
        if self._thread != threading.get_ident():
            self._share()
        if self._waiting is not None:
            self._waiting.overtake()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait until no other thread's run is under way, and begin one."""
        with self._lock:
            self._begin()
            try:
                self._is_running = True
                yield
            finally:
                self._is_running = False

    def _share(self) -> None:
        """Note which thread runs; from the second one on, outputs are handed out as copies.

        The first one may still read the arrays that it got, so the memory of the outputs changes.
        """
        if self._thread is None:
            self._thread = threading.get_ident()
        elif not self._is_shared:
            self._is_shared = True
            self._take(self._plan.again())
            heads = self._plan.heads
            self.outputs = [NDArray.of(self._plan.output_array(head)) for head in heads]
            self._is_train = None

    def _renew_outputs(self, plan: Plan) -> None:
        """Show the outputs that have got new memory in a run."""
        for i, head in enumerate(plan.heads):
            if head.node in plan.late:
                self.outputs[i] = NDArray.of(plan.output_array(head))

    def _check(self, feeds: Mapping[str, Any], what: str = "forward") -> list[Feed]:
        """Check what is to be copied, and keep what it will replace."""
        checked = []
        for name, value in feeds.items():
            array = self._by_name.get(name)
            if array is None:
                message = f"{what}: there is no argument {name!r}"
                raise ArrayTypeError(message, hint=did_you_mean(name, self._by_name))
            given = np.asarray(value) if np.isscalar(value) else value
            if isinstance(given, NDArray):
                given = given.view(np.ndarray)
            if not isinstance(given, np.ndarray):
                message = f"{what}: {name} must be a NumPy array, but got {type(value).__name__}"
                raise ArrayTypeError(message, hint=f"np.array({name})")
            if given.shape != array.shape and not (given.ndim == 0 and array.size == 1):
                message = (
                    f"{what}: {name} has shape {show(given.shape)}, "
                    f"but {show(array.shape)} is bound"
                )
                raise BindError(message, hint="executor.reshape makes one for another shape")
            if given.dtype.kind not in "biuf":
                message = f"{what}: {name} has dtype {given.dtype}, but {array.dtype} is bound"
                raise ArrayTypeError(message)
            checked.append((array.view(np.ndarray), given.astype(array.dtype, copy=False)))
        checked = _apart(checked)
        for name, (bound, _) in zip(feeds, checked, strict=True):
            backup = self._backups.get(name)
            if backup is None:
                backup = self._backups[name] = np.empty(bound.shape, bound.dtype)
            backup[...] = bound
        return checked

    def backward(self, out_grads: Any = None, is_train: bool = True) -> None:
        """Compute the gradients and write or add them to the gradient arrays.

        Parameters
        ----------
        out_grads
            The gradients that flow into the outputs: an array, a list in the outputs' order, or a
            dict by output name. Loss heads need none and ignore what is given.
        is_train
            The mode of a forward run that is made first if there was none yet, or the last one
            failed.

        Raises
        ------
        GradientError
            An output needs a head gradient and got none, or one of another shape.
        """
        if self._gradients is None or all(g is None for g in self._gradients.values()):
            return
        with self._turn():
            plan, landed = self._plan, self._landed
            if isinstance(plan, LatePlan):  # how large head gradients are, the outputs tell
                self._run_first(plan, is_train=is_train)
            self._seed(out_grads)
            is_train = self._run_first(plan, is_train=is_train)
            program, calls = plan.program(is_train=is_train), self._calls_of(self._gradient_commits)
            landed[0] = False
            try:
                if self._observers:
                    run_watched(plan, program.backward, calls, self._observers, backward=True)
                else:
                    execute(program.steps[1], calls, plan.explain)
                self._ran_backward = True
            except BaseException as error:
                if landed[0]:
                    self._ran_backward = True
                    error.add_note(LANDED)
                raise

    def _seed(self, out_grads: Any) -> None:
        """Take the head gradients."""
        plan = self._plan
        if isinstance(plan, LatePlan):  # as large as the outputs of the last run
            self._seeds = plan.renew(self._seeds)
        if self._wanted:
            take_head_grads(plan.heads, plan.typed.shapes, self._seeds, out_grads)

    def _run_first(self, plan: Plan, *, is_train: bool) -> bool:
        """Compute the values that gradients need, if that is still to do; return the mode."""
        if self._is_train is None:  # nothing is updated
            plan.run(plan.program(is_train=is_train).steps[0])
            self._is_train = is_train
        return self._is_train

    def _make_gradient_commits(self, plan: Plan) -> list[Commit]:
        """Say how each gradient reaches its array: by writing or by adding."""
        commits: list[Commit] = []
        results = dict(zip(self._wanted, plan.results, strict=True))
        for node, array in (self._gradients or {}).items():
            request = self._binding.requests.get(node, "null")
            if array is None or request == "null" or node not in results:
                continue
            target = array.view(np.ndarray)
            value = plan.output_array(results[node])
            write = add if request == "add" else move
            commits.append(write(results[node].node, target, value))
        return commits

    # -------------------------------------------------------------------------------- debugging

    def set_monitor_callback(
        self,
        callback: Callable[[str, NDArray], object] | None,
        monitor_all: bool = False,
    ) -> None:
        """Call `callback(name, array)` with each node's outputs in the following runs.

        The names are those of `get_internals()`; a backward run shows the nodes of the gradient.
        With `monitor_all` the inputs of each node are shown, too, as `fc1_data`, and Variables
        under their own name. An array holds the value during the call only: its memory is used
        again.
        """
        if callback is not None and not callable(callback):
            raise ParamError(
                f"set_monitor_callback takes a function of name and array, or None, "
                f"but got {type(callback).__name__}"
            )
        monitor = None if callback is None else Monitor(callback, monitor_all)
        self._observe(monitor, self._guard)
        plan = self._next_plan or self._plan
        if monitor is not None and plan.in_place and plan.written:
            self._next_plan = plan.again(in_place=False, given=plan.memory_of_heads())

    @property
    def internals(self) -> Internals:
        """Values of inner outputs after a run, by the names of `get_internals()`.

        Memory is used again in a run, so that values may be gone. Asking for internals once makes
        the executor keep all of them, from its next run on.

        >>> from minisym import sym
        >>> net = sym.tanh(sym.Variable("x") * 2, name="t") + 1
        >>> executor = net.bind(args={"x": np.array([0.0])})
        >>> inner = executor.internals
        >>> _ = executor.forward()
        >>> inner["t_output"]
        NDArray([0.])
        """
        self._keep_internals = True
        if self._is_train is None and not self._plan.keep:
            self._take(self._plan.again(keep=True, given=self._plan.memory_of_heads()))
        return Internals(lambda: (self._plan, self._is_train is not None, self._ran_backward))

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
        with self._turn():
            feeds = self._check(kwargs, "step")
            if backward:
                self._seed(out_grads)
            outer = self._next_plan or self._plan
            values = dict(zip(kwargs, feeds, strict=True))
            fed = {
                node: np.array(np.broadcast_to(value, array.shape))
                for node in outer.graph.variables
                if node.name in values
                for array, value in [values[node.name]]
            }
            plan = outer.again(in_place=False, keep=True, bound={**outer.variables(), **fed})
            program = plan.program(is_train=is_train)
            parts = (program.forward, program.backward) if backward else (program.forward,)
            self._waiting = Stepper(
                plan,
                parts,
                self._calls_of(self._step_commits(outer, plan, fed, backward=backward)),
                self._landed,
                lambda: self._stepped(plan, outer, is_train=is_train, backward=backward),
                self._gave_up,
                self._observers,
            )
            return self._waiting

    def _step_commits(
        self, outer: Plan, plan: Plan, fed: Mapping[Node, Array], *, backward: bool
    ) -> list[Commit]:
        """Return what lands when a run that waits has ended: fed arrays, updates, outputs."""
        commits = [move(node, outer.arrays[Entry(node)], value) for node, value in fed.items()]
        commits += [
            move(write.entry.node, outer.arrays[Entry(node)], plan.arrays[write.entry])
            for node, write in plan.written.items()
        ]
        commits += self._make_gradient_commits(plan) if backward else ()
        commits += [
            move(head.node, output.view(np.ndarray), value)
            for output, head in zip(self.outputs, plan.heads, strict=True)
            if head.node not in plan.late
            and not np.may_share_memory(output, value := plan.output_array(head))
        ]
        return commits

    def _stepped(self, plan: Plan, outer: Plan, *, is_train: bool, backward: bool) -> list[NDArray]:
        """Note that a run that waited has ended; what it computed is there for backward."""
        self._waiting = None
        back = self._next_plan or self._plan  # (a guard may have come or gone)
        self._take(plan)  # for backward; the next forward run goes back
        self._next_plan = outer if back is plan else back
        self._is_train, self._ran_backward = is_train, backward
        self.runs += 1
        self._renew_outputs(plan)
        return self.outputs

    def _gave_up(self) -> None:
        self._waiting = None

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
        self._next_plan = plan.again(in_place=False, keep=True, given=plan.memory_of_heads())
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
        with self._turn():
            if self._next_plan is not None:  # measure the runs that `forward` makes
                self._take(self._next_plan)
            if backward:
                self._seed(out_grads)
            commits = self._make_gradient_commits(self._plan) if backward else ()
            self._is_train = None  # the values that gradients need are those of no forward run
            return profile(self._plan, runs, commits, is_train=is_train, backward=backward)

    def memory_report(self) -> MemoryReport:
        """Return what lives where and when in a run; see `minisym.runtime.observe.usage`."""
        return memory_report(self._next_plan or self._plan)

    def _take(self, plan: Plan) -> None:
        """Go over to another plan of the same graph and arrays; the outputs stay the same."""
        self._plan, self._next_plan = plan, None
        self._flat = None, [], []
        self._gradient_commits = self._make_gradient_commits(plan)

    def debug_str(self) -> str:
        """Return the steps of a run, with the memory that each writes."""
        return describe(self._plan)

    def get_optimized_symbol(self) -> Symbol:
        """Return the symbol that runs: the one that was bound."""
        return self._symbol

    # ---------------------------------------------------------------------------- other arrays

    def reshape(
        self, partial_shaping: bool = False, allow_up_sizing: bool = False, **kwargs: Any
    ) -> Executor:
        """Return an executor for other shapes in the same memory; the monitor moves along.

        An array whose shape stays is shared; a smaller one is a view of the old one's beginning,
        and so are the outputs.

        Parameters
        ----------
        partial_shaping
            Allow arrays to change that are not named.
        allow_up_sizing
            Allow arrays to grow: they are new then.
        **kwargs
            Shapes by argument name.

        Raises
        ------
        BindError
            An array would change or grow without permission.
        ShapeError
            The shapes contradict each other.

        Examples
        --------
        >>> from minisym import sym
        >>> net = sym.FullyConnected(sym.Variable("data"), num_hidden=2, name="fc")
        >>> executor = net.simple_bind(data=(8, 3))
        >>> executor.reshape(data=(1, 3)).outputs[0].shape
        (1, 2)
        """
        binding = resize(self._binding, kwargs, partial=partial_shaping, larger=allow_up_sizing)
        made = self._compile(binding, self._plan.memory_of_heads())
        if self._monitor is not None:
            made.set_monitor_callback(self._monitor.callback, self._monitor.inputs)
        return made

    def copy_params_from(
        self,
        arg_params: Mapping[str, Any],
        aux_params: Mapping[str, Any] | None = None,
        allow_extra_params: bool = False,
    ) -> None:
        """Copy values into the bound arrays, cast to their type.

        Raises
        ------
        BindError
            A name is unknown (unless `allow_extra_params`) or a shape differs. Nothing is copied
            then.
        """
        copies: list[Feed] = []
        for what, given, bound in (
            ("argument", arg_params, self.arg_dict),
            ("auxiliary state", aux_params or {}, self.aux_dict),
        ):
            for name, value in given.items():
                if name not in bound:
                    if allow_extra_params:
                        continue
                    close = did_you_mean(name, bound)
                    raise BindError(
                        f"copy_params_from: there is no {what} {name!r}",
                        hint=f"{close}; allow_extra_params=True passes over such names",
                    )
                array = np.asarray(value)
                if array.dtype.kind not in "biuf":
                    kind = f"{type(value).__name__} of dtype {array.dtype}"
                    raise ArrayTypeError(f"copy_params_from: {name} takes numbers, but got {kind}")
                if array.shape != bound[name].shape:
                    message = (
                        f"copy_params_from: {name} has shape {show(array.shape)}, "
                        f"but {show(bound[name].shape)} is bound"
                    )
                    raise BindError(message)
                copies.append((bound[name].view(np.ndarray), array))
        with self._turn(), np.errstate(all="ignore"):
            moves = [(target, ..., value) for target, value in _apart(copies)]
            deque(starmap(operator.setitem, moves), maxlen=0)

    # ------------------------------------------------------------------------------------ copying

    def __deepcopy__(self, memo: dict[int, Any]) -> NoReturn:
        """Refuse: whoever copies an executor means its arrays."""
        raise ExecutionError(
            f"{self!r} cannot be copied: its arrays are bound to it",
            hint="copy the arrays, and bind the symbol to them: executor.symbol.bind(args=…)",
        )

    def __reduce__(self) -> NoReturn:
        """Refuse, likewise."""
        raise ExecutionError(
            f"{self!r} cannot be pickled: it holds compiled steps",
            hint="pickle executor.symbol and the arrays, and bind them where they arrive",
        )


def _apart(moves: list[Feed]) -> list[Feed]:
    """Copy values that lie in the arrays which the others change: each is that of before."""
    targets = [target for target, _ in moves]
    return [
        (t, v.copy() if any(t is not o and np.may_share_memory(v, o) for o in targets) else v)
        for t, v in moves
    ]
