"""MXNet's calls that update one parameter at once, outside of a graph: `update` and its kin.

Each parameter's update is composed once, bound to the arrays that come, and run.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from minisym.errors import ParamError
from minisym.ndarray import Array, NDArray
from minisym.optimizer.compose import compose_update
from minisym.optimizer.parameter import Parameter
from minisym.runtime.executor import Executor
from minisym.symbol.symbol import Symbol

if TYPE_CHECKING:
    from minisym.optimizer.base import Optimizer

Bound = tuple[Executor, tuple[Array, ...]]
"""A bound update, and the arrays that it is bound to."""


class AtOnce(ABC):
    """The part of an optimizer that works on arrays."""

    multi_precision: bool
    num_update: int
    begin_num_update: int
    rescale_grad: float
    clip_gradient: float | None
    wd: float
    lr_mult: dict[Any, float]
    wd_mult: dict[Any, float]
    idx2name: dict[Any, str]
    _attributes: Mapping[str, Mapping[str, str]]
    _counts: dict[Any, int]
    _bound: dict[Any, Bound]

    @abstractmethod
    def rule(self, p: Parameter) -> Symbol:
        """Compose the update of one parameter."""

    @abstractmethod
    def values(self, t: int, lr: float) -> dict[str, float]:
        """Return the numbers that update `t` (from 1) is fed with."""

    @abstractmethod
    def rate_of(self, t: int) -> float:
        """Return the learning rate of update `t`."""

    @abstractmethod
    def factors(self, name: str, attributes: Mapping[str, str]) -> tuple[float, float]:
        """Return a parameter's factors of learning rate and weight decay."""

    master_first: ClassVar[bool] = True
    """Whether the float32 master stands before the states, or behind them (MXNet has both)."""

    @abstractmethod
    def mixed_rule(self, p: Parameter) -> Symbol:
        """Compose the update of a float16 parameter with a float32 master."""

    def states(self) -> tuple[str, ...]:
        """Return the names of a parameter's states, in MXNet's order."""
        return ()

    def state_shape(self, weight: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of each state."""
        return weight

    def create_state(self, index: Any, weight: Array) -> Any:
        """Return the states of a parameter: None, an array of zeros, or a tuple of them."""
        del index
        shape = self.state_shape(weight.shape)
        states = tuple(NDArray.of(np.zeros(shape, weight.dtype)) for _ in self.states())
        return states if len(states) > 1 else states[0] if states else None

    def create_state_multi_precision(self, index: Any, weight: Array) -> Any:
        """Return the states of a parameter, for float16 with `multi_precision` a master, too."""
        if not self._is_mixed(weight):
            if weight.dtype == np.float16:
                warnings.warn("float16 adds up badly: see multi_precision", stacklevel=2)
            return self.create_state(index, weight)
        master = NDArray.of(weight.astype(np.float32))
        states = self.create_state(index, master)
        return (master, states) if self.master_first else (states, master)

    def _is_mixed(self, weight: Array) -> bool:
        return self.multi_precision and weight.dtype == np.float16

    def update(self, index: Any, weight: Array, grad: Array, state: Any) -> None:
        """Update one parameter in place, at once.

        >>> import numpy as np
        >>> import minisym as ms
        >>> weight, grad = np.array([1.0, 2.0]), np.array([0.5, -0.5])
        >>> optimizer = ms.optimizer.SGD(learning_rate=1.0)
        >>> optimizer.update(0, weight, grad, optimizer.create_state(0, weight))
        >>> weight
        array([0.5, 2.5])
        """
        self._update(index, weight, grad, _flatten(state), mixed=False)

    def update_multi_precision(self, index: Any, weight: Array, grad: Array, state: Any) -> None:
        """Update one parameter in place; a float16 one by its float32 master."""
        self._update(index, weight, grad, _flatten(state), mixed=self._is_mixed(weight))

    def _update(
        self, index: Any, weight: Array, grad: Array, states: tuple[Array, ...], *, mixed: bool
    ) -> None:
        if isinstance(index, list | tuple):
            message = "update takes one parameter at a time"
            raise ParamError(message, hint="call it for each index, or use minimize")
        t = self._counts[index] = self._counts.get(index, self.begin_num_update) + 1
        self.num_update = max(self.num_update, t)
        rate, decay = self._factors_at(index)
        arrays = (weight, grad, *states)
        key = (index, mixed, decay, self.rescale_grad, self.clip_gradient, self.wd)
        held = self._bound.get(key)
        if held is None or any(a is not b for a, b in zip(held[1], arrays, strict=True)):
            held = self._bound[key] = (self._bind(arrays, self.wd * decay, mixed=mixed), arrays)
        executor = held[0]
        values = self.values(t, self.rate_of(self.num_update) * rate)
        fed = executor.arg_dict
        numbers: dict[str, Any] = {n: value for n, value in values.items() if n in fed}
        executor.forward(**numbers)

    def _factors_at(self, index: Any) -> tuple[float, float]:
        """Return the factors of a parameter by its index; without a name every parameter decays."""
        name = self.idx2name.get(index)
        if name is None:
            return self.lr_mult.get(index, 1.0), self.wd_mult.get(index, 1.0)
        return self.factors(name, self._attributes.get(name, {}))

    def _bind(self: Any, arrays: tuple[Array, ...], wd: float, *, mixed: bool) -> Executor:
        optimizer: Optimizer = self
        symbol = compose_update(optimizer, wd=wd, mixed=mixed, shape=arrays[0].shape)
        states, master = list(optimizer.states()), ["weight32"] if mixed else []
        order = master + states if optimizer.master_first else states + master
        given = dict(zip(["weight", "grad", *(f"weight_{n}" for n in order)], arrays, strict=True))
        numbers = {n: np.zeros(1) for n in symbol.list_arguments() if n not in given}
        return symbol.bind(args=given | numbers, aux_states=given)


def _flatten(state: Any) -> tuple[Array, ...]:
    if state is None:
        return ()
    if isinstance(state, np.ndarray):
        return (state,)
    return tuple(array for part in state for array in _flatten(part))


class Updater:
    """A function `(index, gradient, weight)` that keeps the states of all parameters."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.states: dict[Any, Any] = {}

    def __call__(self, index: Any, grad: Array, weight: Array) -> None:
        """Update a parameter; its states are made at the first call."""
        if index not in self.states:
            made = self.optimizer.create_state_multi_precision(index, weight)
            self.states[index] = made
        self.optimizer.update_multi_precision(index, weight, grad, self.states[index])


def get_updater(optimizer: Optimizer) -> Updater:
    """Return an `Updater` of this optimizer."""
    return Updater(optimizer)
