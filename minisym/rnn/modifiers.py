"""Cells that change what other cells do: dropout, zoneout and residual connections."""
# ruff: noqa: SLF001  (cells know each other)

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

from minisym import symbol as sym
from minisym.core.errors import ComposeError, ParamError
from minisym.core.symbol import Symbol
from minisym.rnn.base import Arrays, BaseRNNCell, RNNParams, States, arranged, as_cell


class DropoutCell(BaseRNNCell):
    """Dropout of the inputs, as a cell to stand between others.

    Parameters
    ----------
    dropout
        The part that becomes 0, while training.
    prefix
        In front of all names.
    params
        Not used: there are none.

    Examples
    --------
    >>> import minisym as ms
    >>> cell = ms.rnn.SequentialRNNCell()
    >>> cell.add(ms.rnn.RNNCell(8))
    >>> cell.add(ms.rnn.DropoutCell(0.5))
    >>> outputs, _ = cell.unroll(5, ms.sym.Variable("data"), merge_outputs=True)
    >>> outputs.infer_shape(data=(4, 5, 3))[1]
    [(4, 5, 8)]
    """

    def __init__(
        self, dropout: float, prefix: str = "dropout_", params: RNNParams | None = None
    ) -> None:
        super().__init__(prefix, params)
        self.dropout = dropout
        given: Any = dropout
        if not isinstance(given, Real):
            raise ParamError(f"DropoutCell: dropout must be a number, but got {given!r}")

    @property
    def state_info(self) -> list[dict[str, Any]]:
        """No state."""
        return []

    def __call__(self, inputs: Symbol, states: States) -> tuple[Symbol, States]:
        """Drop out some of the inputs."""
        return sym.Dropout(inputs, p=self.dropout) if self.dropout > 0 else inputs, states

    def unroll(
        self,
        length: int,
        inputs: Any,
        begin_state: States | None = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
    ) -> tuple[Any, States]:
        """Drop out some of the inputs: in one node, where they are one symbol."""
        self.reset()
        inputs = arranged(inputs, length, layout, merge_outputs)
        if isinstance(inputs, Symbol):
            return self(inputs, [])
        return super().unroll(length, inputs, begin_state, layout, merge_outputs)


class ModifierCell(BaseRNNCell):
    """What cells derive from that change another one, which is not to be called any more.

    Parameters
    ----------
    base_cell
        The cell to change. Weights and states remain its own.
    """

    def __init__(self, base_cell: BaseRNNCell) -> None:
        super().__init__()
        as_cell(base_cell, self)._modified = True
        self.base_cell = base_cell

    @property
    def params(self) -> RNNParams:
        """The Variables of the base cell."""
        self._own_params = False
        return self.base_cell.params

    @property
    def state_info(self) -> list[dict[str, Any]]:
        """Shape and layout of the states of the base cell."""
        return self.base_cell.state_info

    @property
    def _steps(self) -> bool:  # type: ignore[override]
        return self.base_cell._steps

    def begin_state(self, init_sym: Callable[..., Any] = sym.zeros, **kwargs: Any) -> States:  # type: ignore[override]
        """Return the states of the base cell before the first step."""
        self._check_unmodified()
        with _Unlocked(self.base_cell):
            return self.base_cell.begin_state(**{"func": init_sym, **kwargs})

    def unpack_weights(self, args: Mapping[str, Any]) -> Arrays:
        """Return arrays with the weights of the base cell cut into gates."""
        return self.base_cell.unpack_weights(args)

    def pack_weights(self, args: Mapping[str, Any]) -> Arrays:
        """Return arrays with the weights of the base cell put together."""
        return self.base_cell.pack_weights(args)


class _Unlocked:
    """While a modifier asks its base cell, the cell answers."""

    def __init__(self, cell: BaseRNNCell) -> None:
        self._cell = cell

    def __enter__(self) -> None:
        self._cell._modified = False

    def __exit__(self, *_: object) -> None:
        self._cell._modified = True


class ZoneoutCell(ModifierCell):
    """Zoneout: some elements of outputs or states stay as they were in the last step.

    Parameters
    ----------
    base_cell
        The cell to change.
    zoneout_outputs, zoneout_states
        The part of outputs and of states that stays, while training.

    Examples
    --------
    >>> import minisym as ms
    >>> cell = ms.rnn.ZoneoutCell(ms.rnn.RNNCell(8), zoneout_outputs=0.2)
    >>> outputs, _ = cell.unroll(5, ms.sym.Variable("data"), merge_outputs=True)
    >>> outputs.infer_shape(data=(4, 5, 3))[1]
    [(4, 5, 8)]
    """

    def __init__(
        self, base_cell: BaseRNNCell, zoneout_outputs: float = 0.0, zoneout_states: float = 0.0
    ) -> None:
        if not as_cell(base_cell, self)._steps:
            message = f"ZoneoutCell: {type(base_cell).__name__} cannot be called for one step"
            raise ComposeError(message, hint="unfuse() it, or change the cells inside it")
        super().__init__(base_cell)
        self.zoneout_outputs, self.zoneout_states = zoneout_outputs, zoneout_states

    def reset(self) -> None:
        """Forget the last output."""
        super().reset()
        self.prev_output: Symbol | None = None
        if hasattr(self, "base_cell"):
            self.base_cell.reset()

    def __call__(self, inputs: Symbol, states: States) -> tuple[Symbol, States]:
        """Compute one step."""
        output, after = self.base_cell(inputs, states)
        if self.zoneout_outputs:
            changes = self._changes(self.zoneout_outputs, output)
            before = self.prev_output
            if before is None:
                before = sym.zeros((0,) * len(self.base_cell.state_shape[0]))
            output = sym.where(changes, output, before)
        if self.zoneout_states:
            after = [
                sym.where(self._changes(self.zoneout_states, new), new, old)
                for new, old in zip(after, states, strict=True)
            ]
        self.prev_output = output
        return output, after

    @staticmethod
    def _changes(part: float, like: Symbol) -> Symbol:
        return sym.Dropout(sym.ones_like(like), p=part)


class ResidualCell(ModifierCell):
    """A residual connection: the output is that of the base cell, plus the input.

    Parameters
    ----------
    base_cell
        The cell to change. Its output is as large as its input.

    Examples
    --------
    >>> import minisym as ms
    >>> cell = ms.rnn.ResidualCell(ms.rnn.RNNCell(3))
    >>> outputs, _ = cell.unroll(5, ms.sym.Variable("data"), merge_outputs=True)
    >>> outputs.infer_shape(data=(4, 5, 3))[1]
    [(4, 5, 3)]
    """

    def __call__(self, inputs: Symbol, states: States) -> tuple[Symbol, States]:
        """Compute one step."""
        output, after = self.base_cell(inputs, states)
        return _plus(output, inputs), after

    def unroll(
        self,
        length: int,
        inputs: Any,
        begin_state: States | None = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
    ) -> tuple[Any, States]:
        """Unroll the base cell, and add the inputs to its outputs."""
        self.reset()
        with _Unlocked(self.base_cell):
            outputs, states = self.base_cell.unroll(
                length, inputs, begin_state, layout, merge_outputs
            )
        merged = isinstance(outputs, Symbol)
        inputs = arranged(inputs, length, layout, merged)
        if merged:
            return _plus(outputs, inputs), states
        return [_plus(a, b) for a, b in zip(outputs, inputs, strict=True)], states


def _plus(output: Symbol, inputs: Symbol) -> Symbol:
    return sym.elemwise_add(output, inputs, name=f"{output.name}_plus_residual")
