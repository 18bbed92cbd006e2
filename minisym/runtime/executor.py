"""The executor: a symbol with arrays bound to it, ready to run again and again.

Every call keeps the write rule: it raises and has changed no bound array, or it has changed all
that it should. An interrupt that arrives while the writes land stops none of them; the call's own
bookkeeping lands with them, so `runs` counts the run, and the interrupt carries a note of it.

What must not be torn is done in one call of C, and state that belongs together changes between two
calls: Python delivers signals at the end of a call and nowhere in between.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import starmap
from sys import maxsize
from threading import get_ident
from typing import Any, NamedTuple, NoReturn, TypedDict, TypeVar

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
from minisym.core.kernels import Step
from minisym.core.ndarray import Array, NDArray
from minisym.core.node import Entry, Node
from minisym.core.shapes import show
from minisym.core.symbol import Symbol
from minisym.passes.order import Write, find_writes
from minisym.runtime.binding import Binding
from minisym.runtime.calls import Call, exhaust, quiet, quietly
from minisym.runtime.compiled import get_compile
from minisym.runtime.freeze import chosen, freeze
from minisym.runtime.heads import Seed, numbers, take_head_grads
from minisym.runtime.landing import source_of
from minisym.runtime.late import LatePlan
from minisym.runtime.observe.debug import Stepper
from minisym.runtime.observe.describe import describe, describe_arrays
from minisym.runtime.observe.guard import NanGuard
from minisym.runtime.observe.internals import Internals
from minisym.runtime.observe.profile import Profile, check_runs, profile
from minisym.runtime.observe.usage import MemoryReport, memory_report
from minisym.runtime.observe.watch import Monitor, Observer, watch
from minisym.runtime.peers import OWN, Peers
from minisym.runtime.plan import Memory, Plan
from minisym.runtime.plans import Plans
from minisym.runtime.program import LANDED, Commit, add, execute, move
from minisym.runtime.resize import resize
from minisym.runtime.warmup import Warmup
from minisym.runtime.workers import Work, get_num_threads

Answer = TypeVar("Answer")
Feed = tuple[Array, Array]
"""A bound array, and the value that it takes before a run."""
Compile = Callable[[Binding, Memory], "Executor"]
"""Make an executor; the outputs take the given memory, as far as it fits."""


class BoundArrays(dict[str, Any]):
    """Arrays by name. The arrays can be written; another array cannot take the place of one."""

    def _refuse(self, *names: object, **_: object) -> NoReturn:
        """Refuse: what is bound stays bound."""
        name = names[0] if names and isinstance(names[0], str) else next(iter(self), "")
        if name not in self:
            raise ArrayTypeError(f"nothing named {name!r} is bound", hint=did_you_mean(name, self))
        raise ArrayTypeError(
            f"{name!r} is bound: another array cannot take its place",
            hint=f"write into it: …[{name!r}][:] = array",
        )

    __setitem__ = __delitem__ = __ior__ = _refuse
    update = setdefault = pop = popitem = clear = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy as a plain dict: a copy is not bound to anything."""
        return dict, (dict(self),)


class Last(TypedDict, total=False):
    """What the runs so far have left behind; the last call of a commit renews it, all at once."""

    plan: Plan
    """Whose memory holds the values of the last run."""
    runs: int
    """How many forward runs have ended."""
    is_train: bool | None
    """The mode of the last forward run; None if there are no values of one."""
    backward: bool
    """Whether a backward run followed it."""
    call: object
    """The mark of the call whose writes have landed last."""


class LastRun(NamedTuple):
    """The last forward run of an executor; see `Executor.last_run`."""

    plan: Plan
    """Its memory holds the outputs, and, while somebody attends, what the updates have read."""
    number: int
    is_train: bool


@dataclass(slots=True, eq=False)
class Flat:
    """What a run of a plan in one mode is made of."""

    plan: Plan
    is_train: bool | None
    """The mode; None before the first run."""
    steps: Sequence[Step]
    calls: Sequence[Call]
    """They do the writes, the last one enters `after` in `Last`."""
    after: Last
    due: int = maxsize
    """After how many runs to choose the calls anew: see `Warmup`."""


class Executor:
    """Arrays bound to a symbol. `Symbol.bind` and `Symbol.simple_bind` make one.

    Several threads may use one executor: their runs wait for each other, and from then on `forward`
    hands out copies of the outputs, so that no other run changes them. `backward` belongs to the
    last forward run, whoever made it.

    Attributes
    ----------
    outputs : list[NDArray]
        The outputs. They exist before the first run, and each run writes into the same arrays.
    arg_arrays, aux_arrays : list[NDArray]
        The bound arrays, in the order of `list_arguments` and `list_auxiliary_states`.
    grad_arrays : list[NDArray | None] | None
        Their gradients, in the order of `list_arguments`: None for one that is not wanted, and in
        place of the list, if none is.

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
        plans: Plans,
        seeds: Sequence[Seed],
        wanted: Sequence[Node],
        compile_again: Compile,
    ) -> None:
        self._binding, self._seeds, self._wanted = binding, seeds, wanted
        self._compile = compile_again
        self._symbol, self._gradients = binding.symbol, binding.gradients
        self._peers = binding.comm
        self._arguments = {node: NDArray.of(a) for node, a in binding.arguments.items()}
        self._states = {node: NDArray.of(a) for node, a in binding.states.items()}
        self._by_name = {
            node.name: array for node, array in (self._arguments | self._states).items()
        }
        plan = plans.first
        self.outputs = [NDArray.of(plan.output_array(head)) for head in plan.heads]
        self.arg_arrays = list(self._arguments.values())
        self.aux_arrays = list(self._states.values())
        self.grad_arrays = (
            None
            if self._gradients is None
            else [None if g is None else NDArray.of(g) for g in self._gradients.values()]
        )
        self._plans = plans
        self._warmup = Warmup(get_compile())
        self._last = Last(plan=plan, runs=0, is_train=None, backward=False, call=None)
        self._is_fitting = True
        self._keep_internals = False
        self._backups: dict[str, Array] = {}
        self._monitor: Monitor | None = None
        self._guard: NanGuard | None = None
        self._observers: tuple[Observer, ...] = ()
        self._witness: Callable[[], object] | None = None
        self._waiting: Stepper | None = None
        self._lock = threading.RLock()
        self._is_running = False
        self._thread: int | None = None
        self._is_shared = False
        self._flat = self._flat_back = Flat(plan, None, (), (), Last())

    @property
    def _plan(self) -> Plan:
        """The plan whose memory holds the values of the last run."""
        return self._last["plan"]

    @property
    def runs(self) -> int:
        """How many forward runs have ended: their writes have landed."""
        return self._last["runs"]

    # --------------------------------------------------------------------------- arrays by name

    @property
    def symbol(self) -> Symbol:
        """The symbol that was bound."""
        return self._symbol

    @property
    def arg_dict(self) -> dict[str, NDArray]:
        """The bound arguments by name."""
        return BoundArrays((node.name, array) for node, array in self._arguments.items())

    @property
    def aux_dict(self) -> dict[str, NDArray]:
        """The bound auxiliary states by name."""
        return BoundArrays((node.name, array) for node, array in self._states.items())

    @property
    def grad_dict(self) -> dict[str, NDArray | None]:
        """The gradient arrays by name of the argument."""
        if self._gradients is None or self.grad_arrays is None:
            message = "no gradient arrays were bound"
            raise ArrayTypeError(message, hint="pass args_grad to bind, or use simple_bind")
        names = [node.name for node in self._arguments]
        return BoundArrays(zip(names, self.grad_arrays, strict=True))

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
        return BoundArrays(zip(names, self.outputs, strict=True))

    @property
    def writes(self) -> dict[str, str]:
        """Which bound arrays a forward run may change, each with the node that writes it."""
        found = find_writes(self._symbol.graph).values()
        return {write.variable.name: write.entry.node.name for write in found}

    @property
    def peers(self) -> Peers | None:
        """The processes that run the same graph; None where one runs it alone."""
        return self._peers

    @property
    def own(self) -> list[str]:
        """Which written arrays each of several processes has for itself.

        Momenta and errors that it does not send, and what its own data have left: moving averages.
        All other arrays that are written are the same in all processes.
        """
        writes = find_writes(self._symbol.graph).values()
        return list(dict.fromkeys(w.variable.name for w in writes if not _is_everybodys(w)))

    # ----------------------------------------------------------------------------- showing itself

    def __repr__(self) -> str:
        """Name in one line what it runs."""
        ops = sum(1 for node in self._symbol.graph if node.op is not None)
        arrays = len(self._by_name)
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
        # `_alone`, written out: two calls less in the shortest of runs
        call = object()
        try:
            with self._lock:
                if self._is_running:
                    _refuse_nested()
                self._is_running = True
                try:
                    if self._thread != get_ident():
                        self._share()
                    return self._forward(call, is_train, kwargs)
                finally:
                    self._is_running = False
        except BaseException as error:
            if self._last["call"] is call:
                error.add_note(LANDED)
            raise

    def _alone(self, run: Callable[..., Answer], *arguments: Any) -> Answer:
        """Call `run(mark of this call, *arguments)` while no other run is under way.

        An interrupt that arrives behind the writes of this call is told so.
        """
        call = object()
        try:
            with self._lock:
                if self._is_running:
                    _refuse_nested()
                self._is_running = True
                try:
                    if self._thread != get_ident():
                        self._share()
                    return run(call, *arguments)
                finally:
                    self._is_running = False
        except BaseException as error:
            if self._last["call"] is call:
                error.add_note(LANDED)
            raise

    def _forward(self, call: object, is_train: bool, kwargs: Mapping[str, Any]) -> list[NDArray]:
        """Find out what runs, check what is fed, run the steps, and make the calls of the commit.

        The last of these calls enters `after` in `_last`: until then the run has not been.
        """
        if is_train is not False and is_train is not True:
            is_train = self._mode(is_train, "forward")
        if self._waiting is not None:
            self._overtake()
        flat, last = self._flat, self._last
        runs = last["runs"]
        if flat.is_train is not is_train or runs >= flat.due or not self._is_fitting:
            flat = self._fit(is_train=is_train)
        plan = flat.plan
        feeds, restore = self._check(kwargs, "forward") if kwargs else ((), ())
        after = flat.after
        after["runs"], after["call"] = runs + 1, call
        last["plan"], last["is_train"] = plan, None  # the values of the run before are gone
        if feeds or self._observers or self._peers is not None:
            self._run_fed(flat, call, feeds, starmap(operator.setitem, restore))
        else:
            quiet().run(plan.through, flat.steps, flat.calls, plan)
        return self.outputs if not self._is_shared else self._copies()

    def _fit(self, *, is_train: bool) -> Flat:
        """Return what the next forward run is made of."""
        self._tell_witness()
        plan, flat = self._fitting(is_train=is_train), self._flat
        if flat.plan is not plan or flat.is_train is not is_train:
            flat = self._flat = self._flatten(plan, is_train=is_train)
        elif self._last["runs"] >= flat.due:
            self._choose_calls(flat)
        self._is_fitting = self._witness is None
        return flat

    def _run_fed(
        self, flat: Flat, call: object, feeds: Sequence[Feed], restore: Iterable[None]
    ) -> None:
        """Run with arrays that are copied first, in front of observers, or with other processes."""
        plan = flat.plan

        def run() -> None:
            steps = flat.steps
            for array, value in feeds:
                array[...] = value
            if self._observers:
                program = plan.program(is_train=bool(flat.is_train))
                watch(plan, program.forward, self._observers, backward=False)
                steps = self._last_steps(plan)
            execute(steps, flat.calls, plan)

        try:
            self._together(plan, run)
        except BaseException:
            if self._last["call"] is not call:
                exhaust(restore)  # one call: nothing interrupts it
            raise

    def _together(self, plan: Plan, run: Callable[[], None]) -> None:
        """Run in a step that other processes make, too, if there are any."""
        if self._peers is None:
            run()
            return
        shared = {
            node.name: plan.arrays[Entry(node)]
            for node, write in plan.written.items()
            if _is_everybodys(write)
        }
        self._peers.step(shared, self.runs, run)

    def _flatten(self, plan: Plan, *, is_train: bool) -> Flat:
        """Return what a forward run is made of; it is kept for the next one in this mode."""
        steps = [*plan.program(is_train=is_train).steps[0], *self._last_steps(plan)]
        flat = Flat(plan, is_train, steps, (), Last(is_train=is_train, backward=False))
        self._choose_calls(flat)
        return flat

    def _choose_calls(self, flat: Flat) -> None:
        """Enter what a forward run calls at its end: updates as ufuncs, or as compiled loops."""
        program, warmup = flat.plan.program(is_train=bool(flat.is_train)), self._warmup
        then = self._calls_of([*program.moves, *self._output_commits(flat.plan)], flat.after)
        is_timed = program.has_tapes and warmup.look(self._last["runs"])
        shares = program.landed(get_num_threads(), loops=warmup.is_over)
        if len(shares) > 1:
            shares, then = [[(Work(shares, then).run,)]], []
        (calls,) = shares
        flat.calls = [*(warmup.timed(calls) if is_timed else calls), *then]
        flat.due = warmup.due if program.has_tapes else maxsize

    def _calls_of(self, commits: Iterable[Commit], after: Last) -> list[Call]:
        """Return the calls of a commit. The last one notes that all others have been made."""
        return [*(commit.call for commit in commits), (dict.update, self._last, after)]

    def _last_steps(self, plan: Plan) -> list[Step]:
        """Return what is to do between the steps of a plan and its commit."""
        steps: list[Step] = [(self._renew_outputs, (plan,))] if plan.late else []
        if self._peers is not None:
            steps.append((self._peers.agree, ()))
        return steps

    def _output_commits(self, plan: Plan) -> list[Commit]:
        """Return what brings values to the outputs that lie elsewhere than in the plan's memory."""
        return [
            move(head.node, output.view(np.ndarray), value)
            for output, head in zip(self.outputs, plan.heads, strict=True)
            if head.node not in plan.late
            and not np.may_share_memory(output, value := plan.output_array(head))
        ]

    def _fitting(self, *, is_train: bool | None = None) -> Plan:
        """Return the plan for the next forward run.

        Where somebody looks on, updates do not compute in place: a run that is stopped there must
        not have written.
        """
        keep = self._keep_internals or self._guard is not None
        mode = self._last["is_train"] if is_train is None else is_train
        return self._plans.of(is_train=mode, keep=keep, in_place=not self._observers)

    def _share(self) -> None:
        """Note which thread runs; from the second one on, outputs are handed out as copies.

        The first one may still read the arrays that it got, so the memory of the outputs changes.
        """
        if self._thread is None:
            self._thread = get_ident()
        elif not self._is_shared:
            plan, last = self._plans.elsewhere(), self._last
            outputs = [NDArray.of(plan.output_array(head)) for head in plan.heads]
            self._is_shared, self._is_fitting, self.outputs = True, False, outputs
            last["plan"], last["is_train"] = plan, None

    def _mode(self, is_train: object, method: str) -> bool:
        """Return a mode as MXNet reads it, any number; an array there is a mistake."""
        if is_train is True or is_train is False:
            return is_train
        if isinstance(is_train, int | np.bool_ | np.integer):
            return bool(is_train)
        hint = None
        if isinstance(is_train, np.ndarray):  # it was meant for an argument: one of its shape
            shapes = {name: array.shape for name, array in self._by_name.items()}
            fits = [name for name, shape in shapes.items() if shape == is_train.shape] or [*shapes]
            hint = f"arrays are given by name: forward({fits[0] if fits else 'data'}=array)"
        raise ArrayTypeError(
            f"{method}: is_train must be True or False, but got {type(is_train).__name__}",
            hint=hint,
        )

    def _copies(self) -> list[NDArray]:
        return [array.copy() for array in self.outputs]

    def _renew_outputs(self, plan: Plan) -> None:
        """Show the outputs that have got new memory in a run."""
        for i, head in enumerate(plan.heads):
            if head.node in plan.late:
                self.outputs[i] = NDArray.of(plan.output_array(head))

    def _check(
        self, feeds: Mapping[str, Any], what: str
    ) -> tuple[list[Feed], list[tuple[Array, Any, Array]]]:
        """Check what is to be copied; return it, and what puts back what it will replace."""
        checked, restore = [], []
        for name, value in feeds.items():
            array = self._by_name.get(name)
            if array is None:
                message = f"{what}: there is no argument {name!r}"
                raise ArrayTypeError(message, hint=did_you_mean(name, self._by_name))
            _check_writeable(array, f"{what}: {name}")
            if not isinstance(value, np.ndarray) and not np.isscalar(value):
                message = f"{what}: {name} must be a NumPy array, but got {type(value).__name__}"
                raise ArrayTypeError(message, hint=f"np.array({name})")
            given = numbers(value, f"{what}: {name}")
            if given.shape != array.shape and not (given.ndim == 0 and array.size == 1):
                message = (
                    f"{what}: {name} has shape {show(given.shape)}, "
                    f"but {show(array.shape)} is bound"
                )
                raise BindError(message, hint="executor.reshape makes one for another shape")
            if given.dtype != array.dtype:  # what does not fit is cut, as C does it
                given = quietly(given.astype, array.dtype)
            checked.append((array.view(np.ndarray), given))
        if len(checked) > 1:
            checked = _apart(checked)
        for name, (bound, _) in zip(feeds, checked, strict=True):
            backup = self._backups.get(name)
            if backup is None:
                backup = self._backups[name] = np.empty(bound.shape, bound.dtype)
            backup[...] = bound
            restore.append((bound, ..., backup))
        return checked, restore

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
        self._alone(self._backward, is_train, out_grads)

    def _backward(self, call: object, is_train: bool, out_grads: Any) -> None:
        is_train = self._mode(is_train, "backward")
        self._overtake()
        last = self._last
        if last["is_train"] is None:
            last["plan"] = self._fitting(is_train=is_train)
        plan = last["plan"]
        if isinstance(plan, LatePlan):  # how large head gradients are, the outputs tell
            self._run_first(plan, is_train=is_train)
        self._seed(out_grads)
        is_train = self._run_first(plan, is_train=is_train)
        flat = self._flat_back
        if flat.plan is not plan or flat.is_train is not is_train:
            after = Last(backward=True)
            calls = self._calls_of(self._gradient_commits(plan), after)
            own = plan.program(is_train=is_train).steps[1]
            flat = self._flat_back = Flat(plan, is_train, own, calls, after)
        steps, flat.after["call"] = flat.steps, call
        if self._observers:
            watch(plan, plan.program(is_train=is_train).backward, self._observers, backward=True)
            steps = ()
        execute(steps, flat.calls, plan)

    def _seed(self, out_grads: Any) -> None:
        """Take the head gradients."""
        plan = self._plan
        if isinstance(plan, LatePlan):  # as large as the outputs of the last run
            self._seeds = plan.renew(self._seeds)
        if self._wanted:
            take_head_grads(plan.heads, plan.typed.shapes, self._seeds, out_grads)

    def _run_first(self, plan: Plan, *, is_train: bool) -> bool:
        """Compute the values that gradients need, if that is still to do; return the mode."""
        mode = self._last["is_train"]
        if mode is None:  # nothing is updated
            plan.run(plan.program(is_train=is_train).steps[0])
            self._last["is_train"] = mode = is_train
        return mode

    def _gradient_commits(self, plan: Plan) -> list[Commit]:
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
        self._keep_internals, self._is_fitting = True, False
        last = self._last
        if last["is_train"] is None:
            last["plan"] = self._fitting()
        return Internals(
            self._symbol.entries,
            lambda: (last["plan"], last["is_train"] is not None, last["backward"]),
        )

    def step(
        self,
        is_train: bool = False,
        *,
        backward: bool = False,
        out_grads: Any = None,
        **kwargs: Any,
    ) -> Stepper:
        """Begin a run that waits after every node: a debugger. See `Stepper`.

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
        return self._alone(self._step, is_train, backward, out_grads, kwargs)

    def _step(
        self,
        call: object,
        is_train: bool,
        backward: bool,
        out_grads: Any,
        kwargs: Mapping[str, Any],
    ) -> Stepper:
        del call  # nothing is written yet
        is_train = self._mode(is_train, "step")
        self._overtake()
        self._tell_witness()
        feeds, _ = self._check(kwargs, "step")
        if backward:
            self._seed(out_grads)
        seeds = dict(filter(None, self._seeds))
        bound = {**self._plans.bound, **seeds}
        values = dict(zip(kwargs, feeds, strict=True))
        fed = {
            node: np.array(np.broadcast_to(value, array.shape))
            for node in bound
            if node.name in values
            for array, value in [values[node.name]]
        }
        plan = self._plans.plain(in_place=False, keep=True, bound={**bound, **fed})
        program = plan.program(is_train=is_train)
        parts = (program.forward, program.backward) if backward else (program.forward,)
        after = Last(plan=plan, is_train=is_train, backward=backward)
        calls = self._calls_of(self._step_commits(plan, fed, backward=backward), after)

        def land(run: Stepper, calls: Sequence[Call]) -> list[NDArray]:
            # (a partial would be one of C: an interrupt could arrive when it has ended)
            return self._alone(self._land, plan, after, run, calls)

        self._waiting = Stepper(plan, parts, calls, land, self.outputs, self._observers)
        return self._waiting

    def _step_commits(
        self, plan: Plan, fed: Mapping[Node, Array], *, backward: bool
    ) -> list[Commit]:
        """Return what lands when a run that waits has ended: fed arrays, updates, outputs."""
        bound = self._plans.bound
        commits = [move(node, bound[node], value) for node, value in fed.items()]
        commits += [
            move(write.entry.node, bound[node], plan.arrays[write.entry])
            for node, write in plan.written.items()
            if bound[node].flags.writeable  # a state that is not, inference leaves as it is
        ]
        commits += self._gradient_commits(plan) if backward else ()
        return commits + self._output_commits(plan)

    def _land(
        self, call: object, plan: Plan, after: Last, run: Stepper, calls: Sequence[Call]
    ) -> list[NDArray]:
        """End a run that has waited: do all that it should change, and return the outputs."""
        run.check_not_overtaken()
        after["runs"], after["call"] = self._last["runs"] + 1, call
        self._together(plan, lambda: execute(self._last_steps(plan), calls, plan))
        return self.outputs if not self._is_shared else self._copies()

    def _overtake(self) -> None:
        """Give up a run that waits, because another one begins."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.overtake()

    def _observe(self, monitor: Monitor | None, guard: NanGuard | None) -> None:
        """Say who looks on: first the monitor, so that it sees what the guard objects to."""
        observers = tuple(one for one in (monitor, guard) if one is not None)
        self._monitor, self._guard, self._observers = monitor, guard, observers
        self._is_fitting = False

    def attend(self, witness: Callable[[], object] | None) -> None:
        """Call `witness` whenever a run begins, as long as the values of the one before are there.

        Meanwhile what updates have read can be read after a run: `last_run` says where. The runs
        are those that nobody watches, to the last bit. `ms.record` is such a witness, and there is
        one at a time; None sends it away.

        Raises
        ------
        ExecutionError
            There is another one.
        """
        self._alone(self._attend, witness)

    def _attend(self, call: object, witness: Callable[[], object] | None) -> None:
        del call  # nothing is written
        if witness is not None and self._witness is not None:
            raise ExecutionError(
                f"{self!r} is being recorded already", hint="end the other recording: its stop()"
            )
        self._overtake()
        self._plans.keep_gradients(witness is not None)
        self._witness, self._is_fitting = witness, False

    def _tell_witness(self) -> None:
        if self._witness is not None:
            self._witness()

    @property
    def last_run(self) -> LastRun | None:
        """The last forward run, as long as its values are there."""
        last = self._last
        if last["is_train"] is None:
            return None
        return LastRun(last["plan"], last["runs"], last["is_train"])

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
        outer, guard = self._guard, NanGuard(self._names_of_nodes(allow), infinities)
        try:
            self._observe(self._monitor, guard)
            yield
        finally:
            self._observe(self._monitor, outer)

    def _names_of_nodes(self, allow: Iterable[str]) -> frozenset[str]:
        """Check the names that `nan_guard` was given."""
        names = frozenset([allow] if isinstance(allow, str) else allow)
        graph = self._plans.typed.graph
        known = dict.fromkeys(node.name for node in graph if node.op is not None)
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
        """Measure what each node takes: time, bytes and arithmetic; see `Profile`.

        The arrays that runs write are put back afterwards, and so are the random numbers.

        Parameters
        ----------
        runs
            How many runs to measure, after one that is not.
        is_train, backward, out_grads
            As of `step`.
        """
        check_runs(runs)
        return self._alone(self._profile, runs, is_train, backward, out_grads)

    def _profile(
        self, call: object, runs: int, is_train: bool, backward: bool, out_grads: Any
    ) -> Profile:
        del call  # nothing stays written
        is_train, last = self._mode(is_train, "profile"), self._last
        self._overtake()
        self._tell_witness()
        plan = self._fitting(is_train=is_train)  # that of the runs which `forward` makes
        # the values that gradients need are those of no forward run
        last["plan"], last["is_train"] = plan, None
        if backward:
            self._seed(out_grads)
        commits = self._gradient_commits(plan) if backward else ()
        return profile(plan, runs, commits, is_train=is_train, backward=backward)

    def memory_report(self) -> MemoryReport:
        """Return what lives where and when in a run; see `MemoryReport`."""
        return memory_report(self._fitting())

    def source(self) -> str:
        """Return the loops that updates are compiled to, or would be; see `minisym.set_compile`.

        Each is preceded by the nodes whose work it does, and by the numbers that it meets there. A
        row holds the size of the arrays, and where they and the numbers lie in memory.

        Examples
        --------
        >>> from minisym import sym
        >>> step = sym.sgd_update(sym.Variable("w"), sym.Variable("g"), lr=0.5, name="step")
        >>> executor = step.bind(args={n: np.ones(2, np.float32) for n in "wg"})
        >>> print(executor.source())
        # step
        # in step: c1 = 1.0, c2 = 0.5
        def sgd_update(row):
            size = row[0]
            weight = float32s(row[1], size)
            grad = float32s(row[2], size)
            c1 = float32s(row[3], 1)[0]
            c2 = float32s(row[4], 1)[0]
            for i in range(size):
                v1 = c1 * weight[i]
                v2 = c2 * grad[i]
                v3 = v1 - v2
                weight[i] = v3
        """
        return source_of(self._plan.program(is_train=bool(self._last["is_train"])).landings)

    def debug_str(self) -> str:
        """Return the steps of a run, with the memory that each writes."""
        return describe(self._plan)

    def get_optimized_symbol(self) -> Symbol:
        """Return the symbol that runs: what `bind` has made of the one that was bound.

        In the mode of the last run, where that makes a difference. What `bind` has computed once
        and for all is a Variable in it.
        """
        return Symbol(self._fitting().heads)

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
        made = self._compile(binding, self._plans.memory)
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
        self._alone(self._copy_params, arg_params, aux_params or {}, allow_extra_params)

    def _copy_params(
        self,
        call: object,
        arg_params: Mapping[str, Any],
        aux_params: Mapping[str, Any],
        allow_extra: bool,
    ) -> None:
        self._overtake()
        copies: list[Feed] = []
        for what, given, bound in (
            ("argument", arg_params, self.arg_dict),
            ("auxiliary state", aux_params, self.aux_dict),
        ):
            for name, value in given.items():
                if name not in bound:
                    if allow_extra:
                        continue
                    close = did_you_mean(name, bound)
                    raise BindError(
                        f"copy_params_from: there is no {what} {name!r}",
                        hint=f"{close}; allow_extra_params=True passes over such names",
                    )
                array = numbers(value, f"copy_params_from: {name}")
                if array.shape != bound[name].shape:
                    message = (
                        f"copy_params_from: {name} has shape {show(array.shape)}, "
                        f"but {show(bound[name].shape)} is bound"
                    )
                    raise BindError(message)
                _check_writeable(bound[name], f"copy_params_from: {name}")
                copies.append((bound[name].view(np.ndarray), array))
        calls: list[Call] = [(operator.setitem, t, ..., value) for t, value in _apart(copies)]
        calls.append((dict.update, self._last, Last(call=call)))
        execute((), calls, self._plan)

    def freeze(self, names: Iterable[str] | None = None, *, tile: int = 2) -> None:
        """Promise that parameters change no more: what depends on them alone is computed once.

        A bound array may be written by its owner between two runs, so that each run reads it anew.
        This makes the arrays read-only, and the next run in inference works out what it can:
        transposed and concatenated weights, for example. See the page *What bind simplifies*.

        Nothing undoes it: bind the symbol to copies of the arrays to go on training. Writing into
        a view of such an array that was made before cannot be noticed; then results are stale.

        Parameters
        ----------
        names
            Which arguments and auxiliary states; without it all parameters, which are the inputs
            that ops call so (weight, bias, gamma), and the auxiliary states.
        tile
            4 lets convolutions of 3×3 on large images be computed in tiles of 4×4 outputs, with
            fewer products yet than tiles of 2×2 have, which are as exact as the direct sums: in
            float32 a layer is then off by about 1e-5 of its largest value.

        Raises
        ------
        ParamError
            There is no argument of a name, or `tile` is neither 2 nor 4.
        BindError
            An update writes one in each run; or it is a part of a larger array, which others may
            write. Then nothing is frozen.

        Examples
        --------
        >>> from minisym import sym
        >>> net = sym.dot(sym.Variable("x"), sym.transpose(sym.Variable("w"), name="turned"))
        >>> executor = net.bind(args={"x": np.ones((1, 2)), "w": np.eye(2)}, grad_req="null")
        >>> executor.freeze("w")
        >>> executor.get_optimized_symbol().list_arguments()
        ['x', 'turned']
        """
        if tile not in (2, 4):
            raise ParamError(f"freeze: tile must be 2 or 4, but got {tile!r:.60}")
        self._alone(self._freeze, names, tile)

    def _freeze(self, call: object, names: Iterable[str] | None, tile: int) -> None:
        del call  # nothing is written
        self._overtake()
        nodes = chosen(self._symbol.graph, names)
        bound = {**self._binding.arguments, **self._binding.states}
        freeze({node.name: bound[node] for node in nodes})
        for node in nodes:
            self._by_name[node.name].flags.writeable = False
        self._plans.freeze({node: bound[node] for node in nodes}, tile)
        self._is_fitting = False

    # ------------------------------------------------------------------------------------ copying

    def __copy__(self) -> NoReturn:
        """Refuse: two executors would write the same arrays."""
        self.__deepcopy__({})

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


def the_executor(value: Any, what: str) -> Executor:
    """Return an executor that a user gave to `what`; refuse anything else."""
    if not isinstance(value, Executor):
        got = type(value).__name__
        message = f"{what}: executor must be what bind or simple_bind returned, but got {got}"
        raise ArrayTypeError(message)
    return value


def _is_everybodys(write: Write) -> bool:
    """Return whether what is written is the same in all processes: what updates agreed upon."""
    return write.entry.node.kind == "update" and OWN not in write.variable.attrs


def _refuse_nested() -> NoReturn:
    raise ExecutionError(
        "this executor is running: a run cannot begin another one of its own executor",
        hint="bind the symbol once more for the run inside",
    )


def _check_writeable(array: Array, subject: str) -> None:
    if not array.flags.writeable:
        raise BindError(
            f"{subject} is read-only, or was frozen, so that nothing can be copied into it",
            hint="bind the symbol to a copy of the array",
        )


def _apart(moves: list[Feed]) -> list[Feed]:
    """Copy values that lie in the arrays which the others change: each is that of before."""
    targets = [target for target, _ in moves]
    return [
        (t, v.copy() if any(t is not o and np.may_share_memory(v, o) for o in targets) else v)
        for t, v in moves
    ]
