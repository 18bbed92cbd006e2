"""The executor: a symbol with arrays bound to it, ready to run again and again."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minisym.core.errors import (
    ArrayTypeError,
    BindError,
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
from minisym.runtime.observe.debuggable import Debuggable
from minisym.runtime.observe.describe import describe, describe_arrays
from minisym.runtime.observe.internals import Internals
from minisym.runtime.observe.watch import Monitor, run_watched
from minisym.runtime.plan import Commit, Plan, execute
from minisym.runtime.resize import resize

Feed = tuple[Array, Array]


Compile = Callable[[Binding, Mapping[Entry, Array] | None], "Executor"]
"""Make an executor; the outputs take the given memory, as far as it fits."""


class Executor(Debuggable):
    """Arrays bound to a symbol. `Symbol.bind` and `Symbol.simple_bind` make one.

    Attributes
    ----------
    outputs : list of NDArray
        The outputs. They exist before the first run, and each run writes into the same arrays.
    arg_arrays, grad_arrays, aux_arrays : list
        The bound arrays, in the order of `list_arguments` and `list_auxiliary_states`.
    arg_dict, grad_dict, aux_dict, output_dict : dict
        The same by name.

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
        self._next_plan: Plan | None = None
        self._is_train: bool | None = None
        self._ran_backward = False
        self._keep_internals = False
        self._backups: dict[str, Array] = {}

    # --------------------------------------------------------------------------- arrays by name

    @property
    def symbol(self) -> Symbol:
        """The symbol that was bound."""
        return self._symbol

    @property
    def arg_dict(self) -> dict[str, NDArray]:
        """The bound arguments by name."""
        return {node.name: array for node, array in self._arguments.items()}

    @property
    def aux_dict(self) -> dict[str, NDArray]:
        """The bound auxiliary states by name."""
        return {node.name: array for node, array in self._states.items()}

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
        """The outputs by name."""
        return dict(zip(self._symbol.list_outputs(), self.outputs, strict=True))

    @property
    def writes(self) -> dict[str, str]:
        """Which bound arrays a forward run may change: {variable: the node that writes it}."""
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
        arrays = [*self._by_name.items()], [*self.output_dict.items()]
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
        if self._waiting is not None:
            self._waiting.overtake()
        if self._next_plan is not None:
            self._take(self._next_plan)
        if self._keep_internals and not self._plan.keep:
            self._take(self._plan.keeping())
        plan = self._plan
        feeds = self._check(kwargs) if kwargs else ()
        try:
            for array, value in feeds:
                array[...] = value
            if self._observers:
                parts = plan.parts(is_train=is_train)[0]
                run_watched(plan, parts, plan.commits, self._observers, late=False)
            else:
                execute(plan, plan.steps(is_train=is_train)[0], plan.commits)
        except BaseException:
            for name, (array, _) in zip(kwargs, feeds, strict=True):
                array[...] = self._backups[name]
            raise
        self._is_train, self._ran_backward = is_train, False
        if plan.late:
            self._renew_outputs(plan)
        return self.outputs

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
            The mode of a forward run that is made first if there was none yet.

        Raises
        ------
        GradientError
            An output needs a head gradient and got none, or one of another shape.
        """
        if self._gradients is None or all(g is None for g in self._gradients.values()):
            return
        self._overtake()
        plan = self._plan
        if isinstance(plan, LatePlan):  # how large head gradients are, the outputs tell
            self._run_first(plan, is_train=is_train)
            self._seeds = plan.renew(self._seeds)
        if self._wanted:
            take_head_grads(plan.heads, plan.typed.shapes, self._seeds, out_grads)
        is_train = self._run_first(plan, is_train=is_train)
        if self._observers:
            parts = plan.parts(is_train=is_train)[1]
            run_watched(plan, parts, self._gradient_commits, self._observers, late=True)
        else:
            steps = plan.steps(is_train=is_train)[1]
            execute(plan, steps, self._gradient_commits)
        self._ran_backward = True

    def _run_first(self, plan: Plan, *, is_train: bool) -> bool:
        """Compute the values that gradients need, if that is still to do; return the mode."""
        if self._is_train is None:  # nothing is updated
            execute(plan, plan.steps(is_train=is_train)[0])
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
            if request == "add":
                commits.append((np.add, target, value, target))
            else:
                commits.append((operator.setitem, target, ..., value))
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
        self._keep_internals = True
        if self._is_train is None and not self._plan.keep:
            self._take(self._plan.keeping())
        return Internals(lambda: (self._plan, self._is_train is not None, self._ran_backward))

    def _take(self, plan: Plan) -> None:
        """Go over to another plan of the same graph and arrays; the outputs stay the same."""
        self._plan, self._next_plan = plan, None
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
        copies = []
        for what, given, bound in (
            ("argument", arg_params, self.arg_dict),
            ("auxiliary state", aux_params or {}, self.aux_dict),
        ):
            for name, value in given.items():
                if name not in bound:
                    if allow_extra_params:
                        continue
                    message = f"copy_params_from: there is no {what} {name!r}"
                    raise BindError(message, hint=did_you_mean(name, bound))
                array = np.asarray(value)
                if array.shape != bound[name].shape:
                    message = (
                        f"copy_params_from: {name} has shape {show(array.shape)}, "
                        f"but {show(bound[name].shape)} is bound"
                    )
                    raise BindError(message)
                copies.append((bound[name], array))
        for target, value in copies:
            target[...] = value
