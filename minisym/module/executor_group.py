"""The executors of a module: one for each shape of the data, over one set of parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from minisym.core.errors import BindError, ShapeError, did_you_mean
from minisym.core.ndarray import NDArray
from minisym.core.symbol import Symbol
from minisym.io import DataDesc
from minisym.monitor import Monitor
from minisym.runtime.executor import Executor

KEPT: Final = 4
"""How many shapes are remembered: those of the last batches, and the first."""


class ExecutorGroup:
    """A symbol bound for the shapes of a batch; `reshape` binds others over the same parameters.

    Attributes
    ----------
    execs : list of Executor
        The executor that runs next, as a list of one: there is one device.
    param_names : list of str
        The parameters.
    """

    def __init__(
        self,
        symbol: Symbol,
        param_names: Sequence[str],
        requests: Mapping[str, str],
        shared: ExecutorGroup | None = None,
    ) -> None:
        self.symbol, self.param_names = symbol, list(param_names)
        self._requests = dict(requests)
        self._first: Executor | None = None if shared is None else shared.executor
        self._bound: dict[Any, Executor] = {}
        self._monitor: Any = None
        self._watched: list[Executor] = []

    def reshape(self, data: Sequence[DataDesc], labels: Sequence[DataDesc]) -> None:
        """Go over to the executor for arrays of these shapes and types."""
        self.data_shapes, self.label_shapes = list(data), list(labels)
        self.batch_size = self._rows()
        known = {*self.symbol.list_arguments()}
        fed = [desc for desc in (*data, *labels) if desc.name in known]
        key = tuple((d.name, tuple(d.shape), np.dtype(d.dtype)) for d in fed)
        found = self._bound.pop(key, None)
        if found is None:
            found = self._bind(fed)
        self._bound[key] = found
        if len(self._bound) > KEPT:
            gone = self._bound.pop(next(k for k, e in self._bound.items() if e is not self._first))
            self._watched = [executor for executor in self._watched if executor is not gone]
        self._first = self._first or found
        self.executor, self.execs = found, [found]
        self._watch()
        arguments, gradients = found.arg_dict, found.grad_dict
        self.params = [arguments[name] for name in self.param_names]
        self.gradients = [gradients.get(name) for name in self.param_names]

    def _rows(self) -> int:
        if not self.data_shapes:
            return 0
        axis = max(0, DataDesc.get_batch_axis(self.data_shapes[0].layout))
        shape = self.data_shapes[0].shape
        return int(shape[axis]) if axis < len(shape) else 0

    def _bind(self, fed: Sequence[DataDesc]) -> Executor:
        declared = self.symbol.attr_dict()
        shapes: dict[str, Any] = {d.name: tuple(d.shape) for d in fed}
        types = {d.name: d.dtype for d in fed if "__dtype__" not in declared.get(d.name, {})}
        return self.symbol.simple_bind(
            grad_req=self._requests,
            type_dict=types,
            shared_arg_names=self.param_names,
            shared_exec=self._first,
            **shapes,
        )

    def forward(self, data: Sequence[Any], labels: Sequence[Any], *, is_train: bool) -> None:
        """Run on the arrays of a batch; labels that the symbol has no name for are passed over."""
        arrays: dict[str, Any] = {}
        known = self.executor.arg_dict
        for descs, given in ((self.data_shapes, data), (self.label_shapes, labels)):
            named = zip((desc.name for desc in descs), given, strict=False)
            arrays |= {name: array for name, array in named if name in known}
        self.executor.forward(is_train=is_train, **arrays)

    def install_monitor(self, monitor: Any) -> None:
        """Let a monitor watch all runs."""
        self._monitor = monitor
        self._watched = []
        self._watch()

    def _watch(self) -> None:
        """Let the monitor hear the executor that runs next, and ask its arrays alone."""
        if self._monitor is None:
            return
        if not any(executor is self.executor for executor in self._watched):
            self._monitor.install(self.executor)
            self._watched.append(self.executor)
        if isinstance(self._monitor, Monitor):  # not one of the user's own
            others = [e for e in self._monitor.executors if all(e is not o for o in self._watched)]
            self._monitor.executors = [*others, self.executor]

    @property
    def output_shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        """Names and shapes of the outputs."""
        names = self.symbol.list_outputs()
        return [(n, o.shape) for n, o in zip(names, self.executor.outputs, strict=True)]

    @property
    def param_arrays(self) -> list[list[NDArray]]:
        """The parameters, each as a list of one: there is one device."""
        return [[array] for array in self.params]

    @property
    def grad_arrays(self) -> list[list[NDArray | None]]:
        """Their gradients, likewise; None for one that is fixed."""
        return [[array] for array in self.gradients]

    @property
    def aux_arrays(self) -> list[list[NDArray]]:
        """The auxiliary states, likewise."""
        return [[array] for array in self.executor.aux_arrays]

    def write(self, params: Mapping[str, Any], states: Mapping[str, Any], *, extra: bool) -> None:
        """Copy parameters and states into the bound arrays.

        Raises
        ------
        BindError
            One is unknown (unless `extra`), or has another shape.
        """
        self.executor.copy_params_from(params, states, allow_extra_params=extra)


def requests_of(
    grad_req: str | Sequence[str] | Mapping[str, str],
    arguments: Sequence[str],
    wanted: Sequence[str],
) -> dict[str, str]:
    """Return what happens to the gradient of each argument: "null" for those not wanted."""
    if isinstance(grad_req, str):
        told = dict.fromkeys(arguments, grad_req)
    elif isinstance(grad_req, Mapping):
        for name in grad_req:
            if name not in arguments:
                message = f"bind: grad_req names {name!r}, which is no argument"
                raise BindError(message, hint=did_you_mean(name, arguments))
        told = dict.fromkeys(arguments, "write") | dict(grad_req)
    elif len(grad_req) == len(arguments):
        told = dict(zip(arguments, grad_req, strict=True))
    else:
        message = f"bind: grad_req has {len(grad_req)} words for {len(arguments)} arguments"
        raise ShapeError(message)
    return {name: told[name] if name in wanted else "null" for name in arguments}
