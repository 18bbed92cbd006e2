"""The plain cells, and the equations that they share with their convolutional kin.

A cell projects its inputs and its last output; what happens to the two projections is one of three
rules: `plain`, `lstm` and `gru`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minisym import symbol as sym
from minisym.core.symbol import Symbol
from minisym.init import LSTMBias
from minisym.rnn.base import BaseRNNCell, RNNParams, States

Activate = Callable[..., Symbol]


def sigmoid(x: Symbol, name: str) -> Symbol:
    """Return the gate of a sum."""
    return sym.Activation(x, act_type="sigmoid", name=name)


def lstm(
    i2h: Symbol, h2h: Symbol, memory: Symbol, name: str, activate: Activate, **axis: Any
) -> tuple[Symbol, Symbol]:
    """Return output and memory of an LSTM, of its projections and the last memory."""
    cut = sym.SliceChannel(i2h + h2h, num_outputs=4, name=f"{name}slice", **axis)
    write, keep = sigmoid(cut[0], f"{name}i"), sigmoid(cut[1], f"{name}f")
    candidate = activate(cut[2], name=f"{name}c")
    show = sigmoid(cut[3], f"{name}o")
    kept = keep * memory
    memory = sym.elemwise_add(kept, write * candidate, name=f"{name}state")
    return sym.elemwise_mul(show, activate(memory), name=f"{name}out"), memory


def gru(
    i2h: Symbol, h2h: Symbol, last: Symbol, name: str, activate: Activate, **axis: Any
) -> Symbol:
    """Return the output of a GRU, of its projections and the last output."""
    from_input = list(sym.SliceChannel(i2h, num_outputs=3, name=f"{name}_i2h_slice", **axis))
    from_last = list(sym.SliceChannel(h2h, num_outputs=3, name=f"{name}_h2h_slice", **axis))
    reset = sigmoid(from_input[0] + from_last[0], f"{name}_r_act")
    update = sigmoid(from_input[1] + from_last[1], f"{name}_z_act")
    candidate = activate(from_input[2] + reset * from_last[2], name=f"{name}_h_act")
    fresh = (1.0 - update) * candidate
    return sym.elemwise_add(fresh, update * last, name=f"{name}out")


class _DenseCell(BaseRNNCell):
    """A cell whose projections are matrix products."""

    def __init__(
        self, num_hidden: int, prefix: str, params: RNNParams | None, **i2h_bias: Any
    ) -> None:
        super().__init__(prefix, params)
        self._num_hidden = num_hidden
        self._iW = self.params.get("i2h_weight")
        self._iB = self.params.get("i2h_bias", **i2h_bias)
        self._hW = self.params.get("h2h_weight")
        self._hB = self.params.get("h2h_bias")

    @property
    def state_info(self) -> list[dict[str, Any]]:
        """Shape and layout of the state."""
        return [{"shape": (0, self._num_hidden), "__layout__": "NC"}]

    def _project(self, inputs: Symbol, last: Symbol, name: str) -> tuple[Symbol, Symbol]:
        size = self._num_hidden * len(self._gate_names)
        product = sym.FullyConnected
        return (
            product(inputs, self._iW, self._iB, num_hidden=size, name=f"{name}i2h"),
            product(last, self._hW, self._hB, num_hidden=size, name=f"{name}h2h"),
        )

    def _tanh(self, x: Symbol, **kwargs: Any) -> Symbol:
        return sym.Activation(x, act_type="tanh", **kwargs)


class RNNCell(_DenseCell):
    r"""A simple cell: $h' = \mathrm{act}(W x + b + U h + c)$.

    Parameters
    ----------
    num_hidden
        The size of the output.
    activation
        A name as of `sym.Activation`, or a function of a symbol.
    prefix
        In front of all names.
    params
        Variables to share with other cells.

    Examples
    --------
    >>> import minisym as ms
    >>> cell = ms.rnn.RNNCell(num_hidden=8)
    >>> outputs, states = cell.unroll(5, ms.sym.Variable("data"), merge_outputs=True)
    >>> outputs.infer_shape(data=(4, 5, 3))[1], len(states)
    ([(4, 5, 8)], 1)
    """

    def __init__(
        self,
        num_hidden: int,
        activation: Any = "tanh",
        prefix: str = "rnn_",
        params: RNNParams | None = None,
    ) -> None:
        super().__init__(num_hidden, prefix, params)
        self._activation = activation

    @property
    def _gate_names(self) -> Sequence[str]:
        return ("",)

    def __call__(self, inputs: Symbol, states: States) -> tuple[Symbol, States]:
        """Compute one step."""
        name = self._next_name()
        i2h, h2h = self._project(inputs, states[0], name)
        output = self._get_activation(i2h + h2h, self._activation, name=f"{name}out")
        return output, [output]


class LSTMCell(_DenseCell):
    """Long short-term memory: an output and a memory, and gates that write, keep and show it.

    Parameters
    ----------
    num_hidden
        The size of the output.
    prefix
        In front of all names.
    params
        Variables to share with other cells.
    forget_bias
        Where the bias of the forget gate begins: 1 keeps what is in the memory, at first.

    Examples
    --------
    >>> import minisym as ms
    >>> cell = ms.rnn.LSTMCell(num_hidden=8)
    >>> outputs, states = cell.unroll(5, ms.sym.Variable("data"), merge_outputs=True)
    >>> outputs.infer_shape(data=(4, 5, 3))[1], len(states)
    ([(4, 5, 8)], 2)
    """

    def __init__(
        self,
        num_hidden: int,
        prefix: str = "lstm_",
        params: RNNParams | None = None,
        forget_bias: float = 1.0,
    ) -> None:
        super().__init__(num_hidden, prefix, params, init=LSTMBias(forget_bias))

    @property
    def state_info(self) -> list[dict[str, Any]]:
        """Shape and layout of output and memory."""
        return super().state_info * 2

    @property
    def _gate_names(self) -> Sequence[str]:
        return ["_i", "_f", "_c", "_o"]

    def __call__(self, inputs: Symbol, states: States) -> tuple[Symbol, States]:
        """Compute one step."""
        name = self._next_name()
        i2h, h2h = self._project(inputs, states[0], name)
        output, memory = lstm(i2h, h2h, states[1], name, self._tanh)
        return output, [output, memory]


class GRUCell(_DenseCell):
    """A gated recurrent unit, as cuDNN has it: the reset gate comes behind the product.

    Parameters
    ----------
    num_hidden
        The size of the output.
    prefix
        In front of all names.
    params
        Variables to share with other cells.

    Examples
    --------
    >>> import minisym as ms
    >>> cell = ms.rnn.GRUCell(num_hidden=8)
    >>> outputs, states = cell.unroll(5, ms.sym.Variable("data"), merge_outputs=True)
    >>> outputs.infer_shape(data=(4, 5, 3))[1], len(states)
    ([(4, 5, 8)], 1)
    """

    def __init__(
        self, num_hidden: int, prefix: str = "gru_", params: RNNParams | None = None
    ) -> None:
        super().__init__(num_hidden, prefix, params)

    @property
    def _gate_names(self) -> Sequence[str]:
        return ["_r", "_z", "_o"]

    def __call__(self, inputs: Symbol, states: States) -> tuple[Symbol, States]:
        """Compute one step."""
        name = self._next_name()
        i2h, h2h = self._project(inputs, states[0], f"{name}_")
        output = gru(i2h, h2h, states[0], name, self._tanh)
        return output, [output]
