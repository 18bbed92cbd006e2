"""MXNet's calls that update one parameter at once, outside of a graph: `update` and its kin.

Each parameter's update is composed once, bound to the arrays that come, and run.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from minisym.core.errors import ParamError, count
from minisym.core.ndarray import Array, NDArray
from minisym.optimizer.compose import compose_update
from minisym.optimizer.parameter import Parameter, Rule
from minisym.runtime.executor import Executor

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
    _index_update_count: dict[Any, int]
    _bound: dict[Any, Bound]

    @abstractmethod
    def rule(self, p: Parameter) -> Rule:
        """Compose the update of one parameter."""

    @abstractmethod
    def values(self, t: int, lr: float) -> dict[str, float]:
        """Return the numbers that update `t` (from 1) is fed with."""

    @abstractmethod
    def rate_of(self, t: int) -> float:
        """Return the learning rate of update `t`."""

    master_first: ClassVar[bool] = True
    """Whether the float32 master stands before the states, or behind them (MXNet has both)."""

    @abstractmethod
    def mixed_rule(self, p: Parameter) -> Rule:
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

    def update(self, index: Any, weight: Any, grad: Any, state: Any) -> None:
        """Update one parameter in place, at once; or several, given as lists.

        >>> import numpy as np
        >>> import minisym as ms
        >>> weight, grad = np.array([1.0, 2.0]), np.array([0.5, -0.5])
        >>> optimizer = ms.optimizer.SGD(learning_rate=1.0)
        >>> optimizer.update(0, weight, grad, optimizer.create_state(0, weight))
        >>> weight
        array([0.5, 2.5])
        """
        for one in each(index, weight, grad, state):
            self._update(*one, mixed=False)

    def update_multi_precision(self, index: Any, weight: Any, grad: Any, state: Any) -> None:
        """Update one parameter in place, or several; a float16 one by its float32 master.

        A subclass that has an `update` of its own, on arrays as in MXNet, is asked for that.
        """
        own = type(self).update is not AtOnce.update
        for one in each(index, weight, grad, state):
            key, target, slope, held = one
            mixed = self._is_mixed(target)
            if not own:
                self._update(*one, mixed=mixed)
            elif not mixed:
                self.update(*one)
            else:
                self.update(key, held[0], slope.astype(np.float32), held[1])
                target[...] = held[0]

    def _update(self, index: Any, weight: Array, grad: Array, state: Any, *, mixed: bool) -> None:
        self._update_count(index)
        t = self._index_update_count[index]
        rate, decay = self._factors_at(index)
        arrays = (weight, grad, *self._states_in(state, index, mixed=mixed))
        key = (index, mixed, decay, self.rescale_grad, self.clip_gradient, self.wd)
        held = self._bound.get(key)
        if held is None or any(a is not b for a, b in zip(held[1], arrays, strict=True)):
            held = self._bound[key] = (self._bind(index, arrays, decay, mixed=mixed), arrays)
        executor = held[0]
        values = self.values(t, self.rate_of(self.num_update) * rate)
        fed = executor.arg_dict
        numbers: dict[str, Any] = {n: value for n, value in values.items() if n in fed}
        executor.forward(**numbers)

    def _states_in(self, state: Any, index: Any, *, mixed: bool) -> tuple[Array, ...]:
        """Return the arrays of a state; who keeps none passes over what it is given."""
        wanted, given = (*["weight32"] * mixed, *self.states()), _flatten(state)
        if not wanted:
            return ()
        if len(given) != len(wanted):
            message = (
                f"{type(self).__name__}.update: the state of parameter "
                f"{self.idx2name.get(index, index)!r} is {count(len(wanted), 'array')} "
                f"({', '.join(wanted)}), got {len(given)}"
            )
            call = "create_state_multi_precision" if mixed else "create_state"
            raise ParamError(
                message, hint=f"take what {call}(index, weight) of this optimizer returns"
            )
        return given

    # what MXNet's own subclasses call

    def _update_count(self, index: Any) -> None:
        """Count an update of a parameter, or of several."""
        counts = self._index_update_count
        for one in index if isinstance(index, list | tuple) else [index]:
            counts[one] = counts.get(one, self.begin_num_update) + 1
            self.num_update = max(self.num_update, counts[one])

    def _get_lr(self, index: Any) -> float:
        """Return the learning rate of a parameter."""
        return self.rate_of(self.num_update) * self._factors_at(index)[0]

    def _get_wd(self, index: Any) -> float:
        """Return the weight decay of a parameter."""
        return self.wd * self._factors_at(index)[1]

    def _get_lrs(self, indices: Iterable[Any]) -> list[float]:
        """Return the learning rates of several parameters."""
        return [self._get_lr(index) for index in indices]

    def _get_wds(self, indices: Iterable[Any]) -> list[float]:
        """Return the weight decays of several parameters."""
        return [self._get_wd(index) for index in indices]

    def _factors_at(self, index: Any) -> tuple[float, float]:
        """Return the factors of a parameter by its index, or by its name."""
        name = self.idx2name.get(index)
        rate, decay = (m.get(index, m.get(name, 1.0)) for m in (self.lr_mult, self.wd_mult))
        return rate, decay

    def _bind(
        self: Any, index: Any, arrays: tuple[Array, ...], decay: float, *, mixed: bool
    ) -> Executor:
        optimizer: Optimizer = self
        name = f"parameter_{self.idx2name.get(index, index)}"  # no number's name: "lr", "t"
        symbol = compose_update(
            optimizer, name, wd=self.wd * decay, mixed=mixed, shape=arrays[0].shape
        )
        states, master = list(optimizer.states()), ["weight32"] if mixed else []
        order = master + states if optimizer.master_first else states + master
        names = [name, f"{name}_grad", *(f"{name}_{state}" for state in order)]
        given = dict(zip(names, arrays, strict=True))
        numbers = {n: np.zeros(1) for n in symbol.list_arguments() if n not in given}
        return symbol.bind(args=given | numbers, aux_states=given)


def each(index: Any, *parts: Any) -> list[tuple[Any, ...]]:
    """Return index, weight, gradient and state of one parameter or of several."""
    several = isinstance(index, list | tuple)
    return list(zip(index, *parts, strict=True)) if several else [(index, *parts)]


def _flatten(state: Any) -> tuple[Array, ...]:
    if state is None:
        return ()
    if isinstance(state, np.ndarray):
        return (state,)
    return tuple(array for part in state for array in _flatten(part))
