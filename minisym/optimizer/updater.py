"""MXNet's updater: an optimizer, and the states of all its parameters by index.

States are written as a `.params` file, in which one array is the bytes of a JSON text: how the
others belong together. (MXNet pickles them, and whoever reads a pickle runs what is in it.)
"""

# ruff: noqa: SLF001  (the counts have the name that they have in MXNet)

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Iterator, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from minisym.core.errors import FormatError
from minisym.core.ndarray import Array, NDArray
from minisym.core.shapes import show
from minisym.formats import mxnet_params
from minisym.optimizer.at_once import each

if TYPE_CHECKING:
    from minisym.optimizer.base import Optimizer

LAYOUT: Final = "updater:layout"
"""The name of the array that holds the JSON text."""
_PLAIN: Final = (int, float, str, type(None))
_COUNTS: Final = frozenset({"num_update", "begin_num_update", "micro_batch"})
_UNTOLD: Final = frozenset({"lr_scheduler"})
"""Without a schedule it is None, which says as little of it as if there were one."""
_WRONG: Final = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
_TOO_LARGE: Final = 1 << 63


class Updater:
    """A function `(index, gradient, weight)` that keeps the states of all parameters.

    >>> import numpy as np
    >>> import minisym as ms
    >>> updater = ms.optimizer.get_updater(ms.optimizer.SGD(learning_rate=1.0, momentum=0.5))
    >>> weight = np.array([1.0, 2.0])
    >>> for _ in range(2):
    ...     updater(0, np.array([0.5, -0.5]), weight)
    >>> weight
    array([-0.25,  3.25])
    >>> other = ms.optimizer.get_updater(ms.optimizer.SGD(learning_rate=1.0, momentum=0.5))
    >>> other.set_states(updater.get_states())
    >>> other.states
    {0: NDArray([-0.75,  0.75])}
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.states: dict[Any, Any] = {}

    def __call__(self, index: Any, grad: Any, weight: Any) -> None:
        """Update a parameter, or several; states are made at the first call."""
        for one, slope, target in each(index, grad, weight):
            if one not in self.states:
                made = self.optimizer.create_state_multi_precision(one, target)
                self.states[one] = made
            self.optimizer.update_multi_precision(one, target, slope, self.states[one])

    def get_states(self, dump_optimizer: bool = False) -> bytes:
        """Return the states as bytes; with `dump_optimizer` the optimizer's numbers, too.

        These are its hyper-parameters, and how often it has updated what; not its schedule.
        """
        arrays: dict[str, Array] = {}
        layout: dict[str, Any] = {
            "states": [[index, _tree(state, arrays)] for index, state in self.states.items()]
        }
        if dump_optimizer:
            layout["optimizer"] = {
                "name": type(self.optimizer).__name__,
                "numbers": dict(_numbers(self.optimizer)),
                "counts": list(self.optimizer._index_update_count.items()),
            }
        arrays[LAYOUT] = np.frombuffer(json.dumps(layout).encode(), np.uint8)
        return mxnet_params.dumps(arrays)

    def set_states(self, states: bytes) -> None:
        """Take over what `get_states` returned.

        Raises
        ------
        FormatError
            These are other bytes, such as MXNet's pickle, or those of another kind of optimizer.
            Nothing has been changed then.
        """
        arrays = mxnet_params.load_frombuffer(states)
        if not isinstance(arrays, dict) or LAYOUT not in arrays:
            message = "set_states: the arrays are no states of an Updater"
            raise FormatError(message, hint="get_states makes them; ms.nd.load reads plain arrays")
        try:
            layout = json.loads(arrays[LAYOUT].tobytes())
            told, numbers, counts = layout.get("optimizer"), {}, {}
            if told:
                numbers = _checked(told["name"], told["numbers"], self.optimizer)
                counts = {_index(index): _count(count) for index, count in told["counts"]}
            taken = {name: array for name, array in arrays.items() if name != LAYOUT}
            found = {_index(index): _state(tree, taken) for index, tree in layout["states"]}
            as_told = copy(self.optimizer)
            vars(as_told).update(numbers)
            for index, state in found.items():
                _check_form(index, state, as_told)
        except _WRONG as error:
            message = "set_states: the bytes do not say how the states belong together"
            raise FormatError(message, hint=f"what is wrong: {error!r:.200}") from None
        self.states = found
        if told:
            vars(self.optimizer).update(numbers)
            self.optimizer._index_update_count = counts


def _tree(state: Any, arrays: dict[str, Array]) -> Any:
    """Put the arrays of a state among the others; return their names in its form."""
    if state is None:
        return None
    if isinstance(state, tuple | list):
        return [_tree(part, arrays) for part in state]
    name = str(len(arrays))
    arrays[name] = state
    return name


def _state(tree: Any, arrays: dict[str, NDArray]) -> Any:
    """Return a state again; what it takes is gone from the arrays, which belong to one state."""
    if tree is None:
        return None
    if isinstance(tree, list):
        return tuple(_state(part, arrays) for part in tree)
    return arrays.pop(tree)


def _check_form(index: Any, state: Any, optimizer: Optimizer) -> None:
    """Raise unless a state is of the form that this optimizer makes for some parameter."""
    form = _form(state)
    first = next(_leaves(state), np.zeros(1))
    if first.dtype.kind != "f":
        raise ValueError(f"a state of {first.dtype}")
    likely = {first.dtype, np.dtype(np.float16)}  # of which it may be the float32 master
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = [
            _form(optimizer.create_state_multi_precision(index, np.zeros(first.shape, dtype)))
            for dtype in likely
        ]
    if form not in made:
        raise ValueError(f"the state of {index!r} is {form}, not {made[0]}")


def _form(state: Any) -> Any:
    """Return the shapes and types of a state's arrays, laid out as the state is."""
    if isinstance(state, tuple | list):
        return tuple(_form(part) for part in state)
    return None if state is None else f"{show(state.shape)} {state.dtype}"


def _leaves(state: Any) -> Iterator[Array]:
    if isinstance(state, tuple):
        for part in state:
            yield from _leaves(part)
    elif state is not None:
        yield state


def _index(index: Any) -> Any:
    if not isinstance(index, _PLAIN):
        raise TypeError(f"{index!r:.60} is no index of a parameter")
    return index


def _count(value: Any) -> int:
    if not _is_count(value):
        raise ValueError(f"{value!r:.60} is no count")
    return int(value)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < _TOO_LARGE


def _numbers(optimizer: Optimizer) -> Iterator[tuple[str, Any]]:
    """Yield what an optimizer has under public names and JSON can hold."""
    for name, value in vars(optimizer).items():
        if not name.startswith("_") and name not in _UNTOLD and isinstance(value, _PLAIN):
            yield name, value


def _checked(name: str, numbers: Mapping[str, Any], optimizer: Optimizer) -> dict[str, Any]:
    """Return the numbers of an optimizer, if it is one of this kind."""
    known = dict(_numbers(optimizer))
    if name != type(optimizer).__name__ or numbers.keys() != known.keys():
        raise ValueError(f"{name}, but the optimizer is {type(optimizer).__name__}")
    for key, value in numbers.items():
        if not _fits(key, value, known[key], optimizer):
            raise ValueError(f"{key}: {value!r:.60}")
    return dict(numbers)


def _fits(key: str, value: Any, mine: Any, optimizer: Optimizer) -> bool:
    """Return whether a value is of the kind that the optimizer has under this name."""
    if key in _COUNTS:
        return _is_count(value)
    if isinstance(mine, bool | str):
        return type(value) is type(mine)
    if value is None:
        return mine is None or _is_optional(key, type(optimizer))
    return type(value) is float or (type(value) is int and abs(value) < _TOO_LARGE)


def _is_optional(key: str, kind: type) -> bool:
    """Return whether None is what a constructor's parameter of this name is without a value."""
    found = (inspect.signature(c).parameters.get(key) for c in kind.__mro__[:-1])
    return any(parameter is not None and parameter.default is None for parameter in found)


def get_updater(optimizer: Optimizer) -> Updater:
    """Return an `Updater` of this optimizer.

    >>> import numpy as np
    >>> import minisym as ms
    >>> update = ms.optimizer.get_updater(ms.optimizer.SGD(learning_rate=0.5))
    >>> weight = np.array([1.0, 2.0])
    >>> update(0, np.array([1.0, -1.0]), weight)
    >>> weight
    array([0.5, 2.5])
    """
    return Updater(optimizer)
