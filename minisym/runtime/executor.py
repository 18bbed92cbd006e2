"""The executor: a symbol with arrays bound to it, ready to run again and again."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minisym.define import Array
from minisym.errors import ArrayTypeError, BindError, GradientError, did_you_mean
from minisym.graph import Node
from minisym.ndarray import NDArray
from minisym.runtime.plan import Commit, Plan, execute
from minisym.shapes import show
from minisym.symbol.symbol import Symbol

Feed = tuple[Array, Array]


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

    def __init__(  # noqa: PLR0913  made by bind only
        self,
        symbol: Symbol,
        plan: Plan,
        arguments: Mapping[Node, Array],
        states: Mapping[Node, Array],
        gradients: Mapping[Node, Array | None] | None,
        grad_req: Mapping[Node, str],
        head_grads: Sequence[tuple[Node, Array] | None],
        wanted: Sequence[Node],
    ) -> None:
        self._symbol, self._plan = symbol, plan
        self._arguments = {node: NDArray.of(array) for node, array in arguments.items()}
        self._states = {node: NDArray.of(array) for node, array in states.items()}
        self._gradients = gradients
        self._grad_req = grad_req
        self._head_grads = head_grads
        self._by_name = {
            node.name: array for node, array in (self._arguments | self._states).items()
        }
        self.outputs: list[NDArray] = [
            NDArray.of(plan.output_array(entry)) for entry in symbol.entries
        ]
        self.arg_arrays = list(self._arguments.values())
        self.aux_arrays = list(self._states.values())
        self.grad_arrays = (
            None
            if gradients is None
            else [None if g is None else NDArray.of(g) for g in gradients.values()]
        )
        self._gradient_commits = self._make_gradient_commits(wanted)
        self._is_train: bool | None = None
        self._backups: dict[str, Array] = {}
        self._monitor: tuple[Callable[[str, NDArray], object], bool] | None = None

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

    # ---------------------------------------------------------------------------------- running

    def forward(self, is_train: bool = False, **kwargs: Any) -> list[NDArray]:  # noqa: FBT001, FBT002
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
        plan = self._plan
        feeds = self._check(kwargs) if kwargs else ()
        try:
            for array, value in feeds:
                array[...] = value
            steps = plan.steps(is_train=is_train)[0]
            if self._monitor is not None:
                self._execute_watched(steps)
                steps = []
            execute(plan, steps, plan.commits)
        except BaseException:
            for name, (array, _) in zip(kwargs, feeds, strict=True):
                array[...] = self._backups[name]
            raise
        self._is_train = is_train
        return self.outputs

    def _check(self, feeds: Mapping[str, Any]) -> list[Feed]:
        """Check what is to be copied, and keep what it will replace."""
        checked = []
        for name, value in feeds.items():
            array = self._by_name.get(name)
            if array is None:
                message = f"forward: there is no argument {name!r}"
                raise ArrayTypeError(message, hint=did_you_mean(name, self._by_name))
            given = np.asarray(value) if np.isscalar(value) else value
            if not isinstance(given, np.ndarray):
                message = f"forward: {name} must be a NumPy array, but got {type(value).__name__}"
                raise ArrayTypeError(message, hint=f"np.array({name})")
            if given.shape != array.shape and not (given.ndim == 0 and array.size == 1):
                message = (
                    f"forward: {name} has shape {show(given.shape)}, "
                    f"but {show(array.shape)} is bound"
                )
                raise BindError(message, hint="executor.reshape makes one for another shape")
            if given.dtype.kind not in "biuf":
                message = f"forward: {name} has dtype {given.dtype}, but {array.dtype} is bound"
                raise ArrayTypeError(message)
            checked.append((array.view(np.ndarray), given.astype(array.dtype, copy=False)))
        for name, (array, _) in zip(feeds, checked, strict=True):
            backup = self._backups.get(name)
            if backup is None:
                backup = self._backups[name] = np.empty_like(array)
            backup[...] = array
        return checked

    def backward(self, out_grads: Any = None, is_train: bool = True) -> None:  # noqa: FBT001, FBT002
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
        self._take_head_grads(out_grads)
        if self._is_train is None:
            self.forward(is_train=is_train)
        steps = self._plan.steps(is_train=bool(self._is_train))[1]
        execute(self._plan, steps, self._gradient_commits)

    def _take_head_grads(self, out_grads: Any) -> None:
        names = self._symbol.list_outputs()
        if out_grads is None:
            given: list[Any] = []
        elif isinstance(out_grads, Mapping):
            for name in out_grads:
                if name not in names:
                    message = f"backward: there is no output {name!r}"
                    raise GradientError(message, hint=did_you_mean(name, names))
            given = [out_grads.get(name) for name in names]
        elif isinstance(out_grads, np.ndarray):
            given = [out_grads]
        else:
            given = list(out_grads)
        checked: list[tuple[Array, Any]] = []
        for i, head in enumerate(self._head_grads):
            if head is None:
                continue  # a loss head, or one that no gradient flows from
            value = given[i] if i < len(given) else None
            if value is None:
                needed = [n for n, h in zip(names, self._head_grads, strict=True) if h is not None]
                free = [n for n, h in zip(names, self._head_grads, strict=True) if h is None]
                message = (
                    f"backward: a head gradient is required for output {i}, {names[i]}; "
                    f"{len(given)} given, {len(names)} outputs"
                )
                raise GradientError(
                    message,
                    hint=f"out_grads for: {', '.join(needed)}"
                    + (f"; none needed for: {', '.join(free)}" if free else ""),
                )
            array = head[1]
            value = np.asarray(value)
            if value.shape != array.shape:
                message = (
                    f"backward: the head gradient of {names[i]} has shape {show(value.shape)}, "
                    f"but the output has {show(array.shape)}"
                )
                raise GradientError(
                    message, hint="one array an output, in order, or a dict by name"
                )
            checked.append((array, value))
        for array, value in checked:
            array[...] = value

    def _make_gradient_commits(self, wanted: Sequence[Node]) -> list[Commit]:
        """Say how each gradient reaches its array: by writing or by adding."""
        commits: list[Commit] = []
        results = dict(zip(wanted, self._plan.results, strict=True))
        for node, array in (self._gradients or {}).items():
            request = self._grad_req.get(node, "null")
            if array is None or request == "null" or node not in results:
                continue
            target = array.view(np.ndarray)
            value = self._plan.output_array(results[node])
            if request == "add":
                commits.append((np.add, target, value, target))
            else:
                commits.append((operator.setitem, target, ..., value))
        return commits

    # -------------------------------------------------------------------------------- debugging

    def set_monitor_callback(
        self,
        callback: Callable[[str, NDArray], object] | None,
        monitor_all: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        """Call `callback(name, array)` with each node's output in the following runs.

        With `monitor_all` the inputs of each node are shown, too. The array is valid during the
        call only: its memory is used again.
        """
        self._monitor = None if callback is None else (callback, monitor_all)

    def _execute_watched(self, steps: Sequence[Any]) -> None:
        assert self._monitor is not None
        callback, everything = self._monitor
        plan = self._plan
        rest = list(steps)
        for node in plan.forward_nodes:
            own = []
            while rest and plan.owners.get(id(rest[0])) in (node, None):
                own.append(rest.pop(0))
            if everything:
                for name, entry in zip(node.input_names(), node.inputs, strict=False):
                    callback(f"{node.name}_{name}", NDArray.of(plan.arrays[entry]))
            execute(plan, own)
            for entry in node.entries():
                callback(entry.name, NDArray.of(plan.arrays[entry]))

    def copy_params_from(
        self,
        arg_params: Mapping[str, Any],
        aux_params: Mapping[str, Any] | None = None,
        allow_extra_params: bool = False,  # noqa: FBT001, FBT002
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
