"""What all cells share: weights by name, counters that name nodes, and unrolling over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minisym import symbol as sym
from minisym.core.errors import ComposeError, ParamError, did_you_mean
from minisym.core.ndarray import NDArray
from minisym.core.symbol import Symbol

States = list[Any]
"""Symbols; of a BidirectionalCell that has been unrolled, two lists of them."""
Outputs = Symbol | list[Symbol]
Arrays = dict[str, Any]


def time_axis(layout: str) -> int:
    """Return which axis of a merged sequence is time."""
    axis = layout.find("T")
    if axis < 0:
        raise ParamError(f"the layout {layout!r} has no axis T", hint='as in "NTC" or "TNC"')
    return axis


def as_steps(inputs: Any, length: int | None, layout: str) -> list[Symbol]:
    """Return a sequence as one symbol for each step of time.

    Raises
    ------
    ComposeError
        It is none, or has another length.
    """
    if isinstance(inputs, Symbol):
        if len(inputs.list_outputs()) != 1:
            message = "unroll takes one symbol or a list of symbols, but got a group"
            raise ComposeError(message, hint="list(group) makes a list")
        if length is None:
            raise ComposeError("unroll needs the number of steps", hint="as in unroll(3, data)")
        cut: dict[str, Any] = {
            "axis": time_axis(layout),
            "squeeze_axis": 1,
        }  # 1, not True: in files
        return list(sym.split(inputs, num_outputs=length, **cut))
    if inputs is None:
        message = "unroll needs inputs"
        raise ComposeError(message, hint='as in unroll(3, Variable("data"))')
    steps = list(inputs)
    if length is not None and len(steps) != length:
        raise ComposeError(f"unroll: length is {length}, but there are {len(steps)} inputs")
    return steps


def take(arrays: Arrays, name: str) -> Any:
    """Take an array out of those given."""
    if name not in arrays:
        message = f"there is no array {name!r} among the weights"
        raise ParamError(message, hint=did_you_mean(name, map(str, arrays)))
    return arrays.pop(name)


def as_one(inputs: Any, length: int | None, layout: str) -> Symbol:
    """Return a sequence as one symbol with an axis of time."""
    if isinstance(inputs, Symbol):
        return inputs
    axis = time_axis(layout)
    steps = [sym.expand_dims(step, axis=axis) for step in as_steps(inputs, length, layout)]
    return sym.Concat(*steps, dim=axis)


def arranged(sequence: Outputs, length: int | None, layout: str, merge: bool | None) -> Outputs:
    """Return a sequence as one symbol, as a list, or (merge is None) as it is."""
    if merge is None:
        return sequence
    return (as_one if merge else as_steps)(sequence, length, layout)


class RNNParams:
    """The Variables of cells, by name. Cells that are given the same ones share weights.

    >>> shared = RNNParams("lstm_")
    >>> shared.get("i2h_weight") is shared.get("i2h_weight")
    True
    """

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._params: dict[str, Symbol] = {}

    def get(self, name: str, **kwargs: Any) -> Symbol:
        """Return the Variable of this name behind the prefix; make it where there is none."""
        full = self._prefix + name
        if full not in self._params:
            self._params[full] = sym.Variable(full, **kwargs)
        return self._params[full]

    def take(self, other: RNNParams) -> None:
        """Add the Variables of another container."""
        self._params.update(other._params)


class BaseRNNCell:
    """What cells derive from: say `state_info`, and in `__call__` what one step computes.

    Parameters
    ----------
    prefix
        In front of all names, of nodes and (without `params`) of Variables.
    params
        Variables to share with other cells.
    """

    _num_hidden: int
    _steps = True  # whether it can be called for one step

    def __init__(self, prefix: str = "", params: RNNParams | None = None) -> None:
        self._prefix = prefix
        self._own_params = params is None
        self._params = RNNParams(prefix) if params is None else params
        self._modified = False
        self.reset()

    def reset(self) -> None:
        """Count from 0 again, for another graph."""
        self._counter = self._init_counter = -1

    def __call__(self, inputs: Symbol, states: States) -> tuple[Symbol, States]:
        """Compute one step: the output, and the states for the next step."""
        raise NotImplementedError

    @property
    def params(self) -> RNNParams:
        """The Variables of this cell."""
        self._own_params = False
        return self._params

    @property
    def state_info(self) -> list[dict[str, Any]]:
        """Shape and layout of each state; 0 stands for the size of the batch."""
        raise NotImplementedError

    @property
    def state_shape(self) -> list[tuple[int, ...]]:
        """The shape of each state."""
        return [info["shape"] for info in self.state_info]

    @property
    def _gate_names(self) -> Sequence[str]:
        return ()

    def begin_state(self, func: Callable[..., Any] = sym.zeros, **kwargs: Any) -> States:
        """Return the states before the first step, made by a function such as `sym.zeros`.

        `func=ms.sym.Variable` makes inputs of them.
        """
        self._check_unmodified()
        states = []
        for info in self.state_info:
            self._init_counter += 1
            name = f"{self._prefix}begin_state_{self._init_counter}"
            states.append(func(name=name, **(kwargs | info)))
        return states

    def _check_unmodified(self) -> None:
        if self._modified:
            message = f"{type(self).__name__} {self._prefix!r} belongs to a modifier cell"
            raise ComposeError(message, hint="call that one, such as the ZoneoutCell")

    def unpack_weights(self, args: Mapping[str, Any]) -> Arrays:
        """Return arrays with this cell's weights cut into one array for each gate."""
        found = dict(args)
        for packed, parts in self._parts():
            array = take(found, packed)
            for i, part in enumerate(parts):
                rows = array[i * self._num_hidden : (i + 1) * self._num_hidden]
                found[part] = rows.copy()
        return found

    def pack_weights(self, args: Mapping[str, Any]) -> Arrays:
        """Return arrays with this cell's weights put together: undo `unpack_weights`."""
        found = dict(args)
        for packed, parts in self._parts():
            found[packed] = NDArray.of(np.concatenate([take(found, part) for part in parts]))
        return found

    def _parts(self) -> list[tuple[str, list[str]]]:
        """Return the name of each packed array, and those of its gates."""
        gates = self._gate_names
        return [
            (f"{self._prefix}{group}_{kind}", [f"{self._prefix}{group}{g}_{kind}" for g in gates])
            for group in ("i2h", "h2h")
            for kind in ("weight", "bias")
            if gates
        ]

    def unroll(
        self,
        length: int,
        inputs: Any,
        begin_state: States | None = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
    ) -> tuple[Any, States]:
        """Repeat the cell over steps of time.

        Parameters
        ----------
        length
            The number of steps.
        inputs
            One symbol with an axis of time, or a list with a symbol for each step.
        begin_state
            The states before the first step; None: what `begin_state()` returns.
        layout
            Where the axis of time is: "NTC" or "TNC".
        merge_outputs
            Whether to return one symbol, or a list. None: whatever takes fewer nodes.

        Returns
        -------
        tuple
            The outputs, and the states after the last step.
        """
        self.reset()
        steps = as_steps(inputs, length, layout)
        states = self.begin_state() if begin_state is None else begin_state
        outputs: list[Symbol] = []
        for step in steps:
            output, states = self(step, states)
            outputs.append(output)
        return arranged(outputs, length, layout, merge_outputs), states

    def _next_name(self) -> str:
        """Go on to the next step; return how its nodes' names begin."""
        self._counter += 1
        return f"{self._prefix}t{self._counter}_"

    def _get_activation(self, inputs: Symbol, activation: Any, **kwargs: Any) -> Symbol:
        """Apply an activation, which is a name or a function of a symbol."""
        if isinstance(activation, str):
            kwargs["act_type"] = activation
            return sym.Activation(inputs, **kwargs)
        made: Symbol = activation(inputs, **kwargs)
        return made


def as_cell(cell: Any, holder: BaseRNNCell) -> BaseRNNCell:
    """Return what a cell is to be made of, if that is a cell."""
    if not isinstance(cell, BaseRNNCell):
        message = f"{type(holder).__name__} is made of cells, but got {cell!r}"
        raise ComposeError(message, hint="as in LSTMCell(num_hidden=100)")
    return cell
