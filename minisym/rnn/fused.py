"""All layers and steps in one node: `sym.RNN` as a cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minisym import symbol as sym
from minisym.core.errors import NotForSymbolError, ParamError
from minisym.core.ndarray import Array, NDArray
from minisym.core.symbol import Symbol
from minisym.init.fused import GATE_NAMES, FusedRNN, pieces, size_of_input
from minisym.ops.numeric.recurrent import Stack
from minisym.rnn.base import (
    Arrays,
    BaseRNNCell,
    RNNParams,
    States,
    arranged,
    as_one,
    take,
    time_axis,
)
from minisym.rnn.cells import GRUCell, LSTMCell, RNNCell
from minisym.rnn.containers import BidirectionalCell, SequentialRNNCell
from minisym.rnn.modifiers import DropoutCell


class FusedRNNCell(BaseRNNCell):
    """The op `sym.RNN` as a cell, which can be unrolled, but not called for one step.

    Parameters
    ----------
    num_hidden
        The size of the output, in each direction.
    num_layers
        How many layers lie on top of each other.
    mode
        "lstm", "gru", "rnn_tanh" or "rnn_relu".
    bidirectional
        Whether each layer goes through time in both directions.
    dropout
        The part of the outputs between layers that becomes 0, while training.
    get_next_state
        Whether `unroll` returns the states after the last step; otherwise it returns none.
    forget_bias
        Where the biases of forget gates begin.
    prefix
        In front of all names; the mode, and `_`.
    params
        Variables to share with other cells.

    Examples
    --------
    >>> import minisym as ms
    >>> cell = ms.rnn.FusedRNNCell(8, num_layers=2, mode="lstm", prefix="lstm_")
    >>> outputs, _ = cell.unroll(5, ms.sym.Variable("data"), merge_outputs=True)
    >>> outputs.infer_shape(data=(4, 5, 3))[1], outputs.list_arguments()
    ([(4, 5, 8)], ['data', 'lstm_parameters'])
    """

    _steps = False

    def __init__(
        self,
        num_hidden: int,
        num_layers: int = 1,
        mode: str = "lstm",
        bidirectional: bool = False,
        dropout: float = 0.0,
        get_next_state: bool = False,
        forget_bias: float = 1.0,
        prefix: str | None = None,
        params: RNNParams | None = None,
    ) -> None:
        super().__init__(f"{mode}_" if prefix is None else prefix, params)
        init = FusedRNN(None, num_hidden, num_layers, mode, bidirectional, forget_bias)
        self._num_hidden, self._num_layers, self._mode = num_hidden, num_layers, mode
        self._bidirectional, self._dropout = bidirectional, dropout
        self._get_next_state = get_next_state
        self._parameter = self.params.get("parameters", init=init)
        self._packed = str(self._parameter.name)

    @property
    def state_info(self) -> list[dict[str, Any]]:
        """Shape and layout of the output's state and, of an LSTM, the memory."""
        layers = self._num_layers * (1 + self._bidirectional)
        info = {"shape": (layers, 0, self._num_hidden), "__layout__": "LNC"}
        return [dict(info) for _ in range(2 if self._mode == "lstm" else 1)]

    @property
    def _gate_names(self) -> Sequence[str]:
        return GATE_NAMES[self._mode]

    def _stack(self, size: int | None) -> Stack:
        directions = 1 + self._bidirectional
        return Stack(self._mode, self._num_hidden, self._num_layers, directions, size)

    def unpack_weights(self, args: Mapping[str, Any]) -> Arrays:
        """Return arrays with the vector of weights cut into one array for each gate."""
        found = dict(args)
        vector = take(found, self._packed)
        stack = self._stack(size_of_input(vector.size, self._stack(None)))
        for name, view in pieces(vector, stack, self._prefix):
            found[name] = NDArray.of(view.copy())
        return found

    def pack_weights(self, args: Mapping[str, Any]) -> Arrays:
        """Return arrays with the gates' weights put into one vector."""
        found = dict(args)
        first: Array = take(dict(args), f"{self._prefix}l0_i2h{self._gate_names[0]}_weight")
        stack = self._stack(first.shape[1])
        vector = np.zeros(stack.count() or 0, first.dtype)
        for name, view in pieces(vector, stack, self._prefix):
            view[...] = take(found, name)
        found[self._packed] = NDArray.of(vector)
        return found

    def __call__(self, inputs: Symbol, states: States) -> tuple[Symbol, States]:
        """Refuse: one node has all steps."""
        del inputs, states
        message = "a FusedRNNCell cannot be called for one step"
        raise NotForSymbolError(message, hint="unroll it, or unfuse() it")

    def unroll(
        self,
        length: int,
        inputs: Any,
        begin_state: States | None = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
    ) -> tuple[Any, States]:
        """Make the one node; time comes first inside it."""
        self.reset()
        axis = time_axis(layout)
        if axis > 1:
            raise ParamError(f"FusedRNNCell: the layout is {layout!r}", hint='"TNC" or "NTC"')
        data = as_one(inputs, length, layout)
        if axis:
            data = sym.swapaxes(data, dim1=0, dim2=1)
        states = self.begin_state() if begin_state is None else begin_state
        given: dict[str, Any] = dict(zip(("state", "state_cell"), states, strict=False))
        given["mode"] = self._mode
        rnn = sym.RNN(
            data=data,
            parameters=self._parameter,
            state_size=self._num_hidden,
            num_layers=self._num_layers,
            bidirectional=self._bidirectional,
            p=self._dropout,
            state_outputs=self._get_next_state,
            name=f"{self._prefix}rnn",
            attr={"__layout__": "LNC"} if self._get_next_state else None,
            **given,
        )
        outputs, *after = list(rnn)
        if axis:
            outputs = sym.swapaxes(outputs, dim1=0, dim2=1)
        return arranged(outputs, length, layout, merge_outputs), after

    def unfuse(self) -> SequentialRNNCell:
        """Return a stack of cells that compute the same, with weights as `unpack_weights` names.

        `stack.pack_weights(fused.unpack_weights(args))` turns the arrays.
        """
        stack = SequentialRNNCell()
        for layer in range(self._num_layers):
            if self._bidirectional:
                left, right = (self._single(f"{self._prefix}{d}{layer}_") for d in "lr")
                name = f"{self._prefix}bi_l{layer}_"
                stack.add(BidirectionalCell(left, right, output_prefix=name))
            else:
                stack.add(self._single(f"{self._prefix}l{layer}_"))
            if self._dropout > 0 and layer < self._num_layers - 1:
                stack.add(DropoutCell(self._dropout, prefix=f"{self._prefix}_dropout{layer}_"))
        return stack

    def _single(self, prefix: str) -> BaseRNNCell:
        if self._mode == "lstm":
            return LSTMCell(self._num_hidden, prefix=prefix)
        if self._mode == "gru":
            return GRUCell(self._num_hidden, prefix=prefix)
        return RNNCell(self._num_hidden, self._mode.removeprefix("rnn_"), prefix=prefix)
