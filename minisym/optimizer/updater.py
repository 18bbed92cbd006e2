"""MXNet's updater: an optimizer, and the states of all its parameters by index.

States are written as a `.params` file, in which one array is the bytes of a JSON text: how the
others belong together. (MXNet pickles them, and whoever reads a pickle runs what is in it.)
"""

# ruff: noqa: SLF001  (the counts have the name that they have in MXNet)

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from minisym.core.errors import FormatError
from minisym.core.ndarray import Array
from minisym.formats import mxnet_params
from minisym.optimizer.at_once import each

if TYPE_CHECKING:
    from minisym.optimizer.base import Optimizer

LAYOUT: Final = "updater:layout"
"""The name of the array that holds the JSON text."""
_PLAIN: Final = (int, float, str, type(None))
_WRONG: Final = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


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
            found = {index: _state(tree, arrays) for index, tree in layout["states"]}
            told = layout.get("optimizer")
            counts = dict(told["counts"]) if told else {}
            numbers = _checked(told["name"], told["numbers"], self.optimizer) if told else {}
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


def _state(tree: Any, arrays: Mapping[str, Array]) -> Any:
    """Return a state again."""
    if tree is None:
        return None
    if isinstance(tree, list):
        return tuple(_state(part, arrays) for part in tree)
    return arrays[tree]


def _numbers(optimizer: Optimizer) -> Iterator[tuple[str, Any]]:
    """Yield what an optimizer has under public names and JSON can hold."""
    for name, value in vars(optimizer).items():
        if not name.startswith("_") and isinstance(value, _PLAIN):
            yield name, value


def _checked(name: str, numbers: Mapping[str, Any], optimizer: Optimizer) -> dict[str, Any]:
    """Return the numbers of an optimizer, if it is one of this kind."""
    known = dict(_numbers(optimizer))
    if name != type(optimizer).__name__ or numbers.keys() != known.keys():
        raise ValueError(f"{name}, but the optimizer is {type(optimizer).__name__}")
    if not all(isinstance(value, _PLAIN) for value in numbers.values()):
        raise ValueError("a number that is none")
    return dict(numbers)


def get_updater(optimizer: Optimizer) -> Updater:
    """Return an `Updater` of this optimizer."""
    return Updater(optimizer)
