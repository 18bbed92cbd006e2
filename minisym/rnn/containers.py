"""Cells made of cells: one on top of the other, or one for each direction of time."""
# ruff: noqa: SLF001  (cells know each other)

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minisym import symbol as sym
from minisym.core.errors import ComposeError, NotForSymbolError
from minisym.core.symbol import Symbol
from minisym.rnn.base import (
    Arrays,
    BaseRNNCell,
    RNNParams,
    States,
    arranged,
    as_cell,
    as_steps,
    time_axis,
)


class _Container(BaseRNNCell):
    """A cell whose weights and states are those of its cells."""

    def __init__(self, params: RNNParams | None) -> None:
        self._cells: list[BaseRNNCell] = []
        self._override_cell_params = params is not None
        super().__init__("", params)

    def reset(self) -> None:
        """Count from 0 again, in all cells."""
        super().reset()
        for cell in self._cells:
            cell.reset()

    def _adopt(self, cell: BaseRNNCell) -> None:
        as_cell(cell, self)
        if self._override_cell_params:
            if not cell._own_params:
                message = f"{type(self).__name__} has params, and {type(cell).__name__} has, too"
                raise ComposeError(message, hint="give them to the inner cells only")
            cell.params.take(self.params)
        self.params.take(cell.params)
        self._cells.append(cell)

    @property
    def state_info(self) -> list[dict[str, Any]]:
        """Shape and layout of the states of all cells."""
        return [info for cell in self._cells for info in cell.state_info]

    def begin_state(self, **kwargs: Any) -> States:  # type: ignore[override]
        """Return the states of all cells before the first step."""
        self._check_unmodified()
        return [state for cell in self._cells for state in cell.begin_state(**kwargs)]

    def unpack_weights(self, args: Mapping[str, Any]) -> Arrays:
        """Return arrays with the weights of all cells cut into one array for each gate."""
        found = dict(args)
        for cell in self._cells:
            found = cell.unpack_weights(found)
        return found

    def pack_weights(self, args: Mapping[str, Any]) -> Arrays:
        """Return arrays with the weights of all cells put together."""
        found = dict(args)
        for cell in self._cells:
            found = cell.pack_weights(found)
        return found

    def _shares(self, states: States) -> list[tuple[BaseRNNCell, States]]:
        """Return each cell, and its part of the states."""
        left, shares = list(states), []
        for cell in self._cells:
            count = len(cell.state_info)
            shares.append((cell, left[:count]))
            left = left[count:]
        return shares


class SequentialRNNCell(_Container):
    """Cells on top of each other: the output of one is the input of the next.

    Parameters
    ----------
    params
        Variables to share with other cells.

    Examples
    --------
    >>> import minisym as ms
    >>> cell = ms.rnn.SequentialRNNCell()
    >>> cell.add(ms.rnn.LSTMCell(8, prefix="first_"))
    >>> cell.add(ms.rnn.LSTMCell(6, prefix="second_"))
    >>> outputs, states = cell.unroll(5, ms.sym.Variable("data"), merge_outputs=True)
    >>> outputs.infer_shape(data=(4, 5, 3))[1], len(states)
    ([(4, 5, 6)], 4)
    """

    def __init__(self, params: RNNParams | None = None) -> None:
        super().__init__(params)

    def add(self, cell: BaseRNNCell) -> None:
        """Put a cell on top."""
        self._adopt(cell)

    @property
    def _steps(self) -> bool:  # type: ignore[override]
        return all(cell._steps for cell in self._cells)

    def __call__(self, inputs: Symbol, states: States) -> tuple[Symbol, States]:
        """Compute one step of all cells."""
        self._counter += 1
        after: States = []
        for cell, share in self._shares(states):
            inputs, share = cell(inputs, share)  # noqa: PLW2901
            after += share
        return inputs, after

    def unroll(
        self,
        length: int,
        inputs: Any,
        begin_state: States | None = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
    ) -> tuple[Any, States]:
        """Unroll cell by cell: each goes through all steps before the next one begins."""
        self.reset()
        shares = self._shares(self.begin_state() if begin_state is None else begin_state)
        after: States = []
        for place, (cell, share) in enumerate(shares, 1):
            merge = merge_outputs if place == len(shares) else None
            inputs, left = cell.unroll(length, inputs, share, layout, merge)
            after += left
        return inputs, after


class BidirectionalCell(_Container):
    """Two cells, one of which sees the steps in reverse order; their outputs side by side.

    Parameters
    ----------
    l_cell, r_cell
        The cell that goes forward, and the one that goes back.
    params
        Variables to share with other cells.
    output_prefix
        In front of the names of the outputs.

    Examples
    --------
    >>> import minisym as ms
    >>> left, right = ms.rnn.GRUCell(8, prefix="l_"), ms.rnn.GRUCell(8, prefix="r_")
    >>> cell = ms.rnn.BidirectionalCell(left, right)
    >>> outputs, _ = cell.unroll(5, ms.sym.Variable("data"), merge_outputs=True)
    >>> outputs.infer_shape(data=(4, 5, 3))[1]
    [(4, 5, 16)]
    """

    _steps = False

    def __init__(
        self,
        l_cell: BaseRNNCell,
        r_cell: BaseRNNCell,
        params: RNNParams | None = None,
        output_prefix: str = "bi_",
    ) -> None:
        super().__init__(params)
        self._output_prefix = output_prefix
        self._adopt(l_cell)
        self._adopt(r_cell)

    def __call__(self, inputs: Symbol, states: States) -> tuple[Symbol, States]:
        """Refuse: the last step has to be known before the first one."""
        del inputs, states
        message = "a BidirectionalCell cannot be called for one step"
        raise NotForSymbolError(message, hint="unroll it")

    def unroll(
        self,
        length: int,
        inputs: Any,
        begin_state: States | None = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
    ) -> tuple[Any, States]:
        """Unroll both cells; the states are two lists, the forward cell's first."""
        self.reset()
        steps = as_steps(inputs, length, layout)
        states = self.begin_state() if begin_state is None else begin_state
        (forth, first), (back, second) = self._shares(states)
        l_outputs, l_states = forth.unroll(length, steps, first, layout, merge_outputs)
        back_outputs, r_states = back.unroll(length, steps[::-1], second, layout, merge_outputs)
        merge = merge_outputs
        if merge is None:
            merge = isinstance(l_outputs, Symbol) and isinstance(back_outputs, Symbol)
        l_outputs = arranged(l_outputs, length, layout, merge)
        r_outputs: Any = arranged(back_outputs, length, layout, merge)
        outputs: Any
        if merge:
            r_outputs = sym.reverse(r_outputs, axis=time_axis(layout))
            name = f"{self._output_prefix}out"
            outputs = sym.Concat(l_outputs, r_outputs, dim=2, name=name)
        else:
            outputs = [
                sym.Concat(a, b, dim=1, name=f"{self._output_prefix}t{i}")
                for i, (a, b) in enumerate(zip(l_outputs, r_outputs[::-1], strict=True))
            ]
        return outputs, [l_states, r_states]
