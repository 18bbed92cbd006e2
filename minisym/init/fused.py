"""The initializer of the one vector that holds all weights of `sym.RNN`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from minisym.core.errors import ParamError, did_you_mean
from minisym.core.ndarray import Array
from minisym.init.base import InitDesc, Initializer, create, register
from minisym.ops.numeric.recurrent import Stack

GATE_NAMES: Final = {
    "rnn_relu": ("",),
    "rnn_tanh": ("",),
    "lstm": ("_i", "_f", "_c", "_o"),
    "gru": ("_r", "_z", "_o"),
}


def size_of_input(length: int, stack: Stack) -> int:
    """Return the size of the inputs, from the length of the vector of all weights.

    >>> size_of_input(56, Stack("lstm", units=2, layers=1, directions=1, size=None))
    3

    Raises
    ------
    ParamError
        There is none: the vector belongs to another RNN.
    """
    later = (stack.layers - 1) * (stack.units * (stack.directions + 1) + 2)
    each, left = divmod(length, stack.rows * stack.directions)
    size = each - later - stack.units - 2
    if left or size < 1:
        message = f"a vector of {length} numbers does not hold the weights of such an RNN"
        raise ParamError(message, hint=f"{stack}")
    return size


def pieces(vector: Array, stack: Stack, prefix: str = "") -> Iterator[tuple[str, Array]]:
    """Yield name and view of each gate's weights and biases in the vector of an RNN."""
    gates, units = GATE_NAMES[stack.mode], stack.units
    for place, weights in enumerate(stack.split(vector)):
        layer, direction = divmod(place, stack.directions)
        start = f"{prefix}{'lr'[direction]}{layer}"
        for i, gate in enumerate(gates):
            rows = slice(i * units, (i + 1) * units)
            yield f"{start}_i2h{gate}_weight", weights.inputs[rows]
            yield f"{start}_h2h{gate}_weight", weights.states[rows]
            yield f"{start}_i2h{gate}_bias", weights.input_bias[rows]
            yield f"{start}_h2h{gate}_bias", weights.state_bias[rows]


@register
class FusedRNN(Initializer):
    """Fill the vector of `sym.RNN` gate by gate, as the weights of single cells would be.

    Parameters
    ----------
    init
        For the matrices; None: the initializer of the whole model. Biases become 0.
    num_hidden, num_layers, mode, bidirectional
        Of the RNN.
    forget_bias
        For the biases of the forget gates of an LSTM.

    Examples
    --------
    >>> import numpy as np
    >>> vector = np.empty(2 * 1 * (1 + 1 + 2) * 2)
    >>> FusedRNN("one", 1, 1, "lstm")("rnn_parameters", vector)
    >>> vector
    array([1., 1., 1., 1., 1., 1., 1., 1., 0., 1., 0., 0., 0., 1., 0., 0.])
    """

    def __init__(
        self,
        init: str | Initializer | None,
        num_hidden: int,
        num_layers: int,
        mode: str,
        bidirectional: bool = False,
        forget_bias: float = 1.0,
    ) -> None:
        if mode not in GATE_NAMES:
            raise ParamError(f"FusedRNN: mode {mode!r}", hint=did_you_mean(mode, GATE_NAMES))
        self._init = None if init is None else create(init)
        super().__init__(
            init=None if self._init is None else self._init.dumps(),
            num_hidden=num_hidden,
            num_layers=num_layers,
            mode=mode,
            bidirectional=bidirectional,
            forget_bias=forget_bias,
        )
        self._stack = Stack(mode, num_hidden, num_layers, 1 + bidirectional, None)
        self._forget_bias = forget_bias

    def _init_weight(self, name: str, arr: Array) -> None:
        fill: Any = self._init or getattr(name, "global_init", None)
        if fill is None or isinstance(fill, FusedRNN):
            message = f"{name}: nothing says how the weights of an RNN begin"
            raise ParamError(message, hint='FusedRNN("xavier", …), or one for the whole model')
        s = self._stack
        known = Stack(s.mode, s.units, s.layers, s.directions, size_of_input(arr.size, s))
        for piece, view in pieces(arr, known):
            if piece.endswith("_f_bias"):
                view[...] = self._forget_bias
            else:
                fill(InitDesc(piece, global_init=fill), view)

    _init_default = _init_weight
