"""Checkpoints of recurrent nets: files hold one array for each gate, whatever the cells are."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minisym import symbol as sym
from minisym.core.symbol import Symbol
from minisym.formats.checkpoint import load_checkpoint, save_checkpoint
from minisym.rnn.base import Arrays, BaseRNNCell, States

Cells = BaseRNNCell | Sequence[BaseRNNCell]


def _listed(cells: Cells) -> Sequence[BaseRNNCell]:
    return [cells] if isinstance(cells, BaseRNNCell) else cells


def save_rnn_checkpoint(
    cells: Cells,
    prefix: str,
    epoch: int,
    symbol: Symbol | None,
    arg_params: Mapping[str, Any],
    aux_params: Mapping[str, Any],
) -> None:
    """Save as `ms.model.save_checkpoint` does, with the weights of the cells unpacked."""
    arrays = dict(arg_params)
    for cell in _listed(cells):
        arrays = cell.unpack_weights(arrays)
    save_checkpoint(prefix, epoch, symbol, arrays, aux_params)


def load_rnn_checkpoint(cells: Cells, prefix: str, epoch: int) -> tuple[Symbol, Arrays, Arrays]:
    """Load what `save_rnn_checkpoint` wrote, with the weights of the cells packed again."""
    symbol, arrays, states = load_checkpoint(prefix, epoch)
    for cell in _listed(cells):
        arrays = cell.pack_weights(arrays)
    return symbol, arrays, states


def do_rnn_checkpoint(cells: Cells, prefix: str, period: int = 1) -> Callable[..., None]:
    """Return a function that saves, to be called after each epoch with what there is to save."""
    every = max(1, int(period))

    def after_epoch(
        iter_no: int,
        sym: Symbol | None = None,
        arg: Mapping[str, Any] | None = None,
        aux: Mapping[str, Any] | None = None,
    ) -> None:
        if (iter_no + 1) % every == 0:
            save_rnn_checkpoint(cells, prefix, iter_no + 1, sym, arg or {}, aux or {})

    return after_epoch


def rnn_unroll(
    cell: BaseRNNCell,
    length: int,
    inputs: Any = None,
    begin_state: States | None = None,
    input_prefix: str = "",
    layout: str = "NTC",
) -> tuple[Any, States]:
    """Unroll a cell, on Variables `t0_data`, `t1_data`, … where no inputs are given.

    Deprecated, as in MXNet: `cell.unroll` does it.
    """
    warnings.warn("rnn_unroll is deprecated: use cell.unroll", DeprecationWarning, stacklevel=2)
    if inputs is None:
        inputs = [sym.Variable(f"{input_prefix}t{i}_data") for i in range(length)]
    return cell.unroll(length, inputs, begin_state, layout)
