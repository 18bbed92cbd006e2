"""Cells for pictures over time: their projections are convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from minisym import symbol as sym
from minisym.core.errors import ParamError
from minisym.core.symbol import Symbol
from minisym.rnn.base import BaseRNNCell, RNNParams, States
from minisym.rnn.cells import gru, lstm

_leaky = partial(sym.LeakyReLU, act_type="leaky", slope=0.2)
Sizes = tuple[int, ...]


class BaseConvRNNCell(BaseRNNCell):
    """What convolutional cells share.

    Parameters
    ----------
    input_shape
        Shape of the input of one step, with the batch; the states' follows from it.
    num_hidden
        The number of channels of the output.
    h2h_kernel, h2h_dilate
        Of the convolution of the last output. The kernel is odd: the size stays as it is.
    i2h_kernel, i2h_stride, i2h_pad, i2h_dilate
        Of the convolution of the input.
    i2h_weight_initializer, h2h_weight_initializer, i2h_bias_initializer, h2h_bias_initializer
        Initializers, or their names.
    activation
        A name as of `sym.Activation`, or a function of a symbol.
    prefix
        In front of all names.
    params
        Variables to share with other cells.
    conv_layout
        Of the convolutions.
    """

    _prefix_by_default = "ConvRNN_"

    def __init__(
        self,
        input_shape: Sizes,
        num_hidden: int,
        h2h_kernel: Sizes = (3, 3),
        h2h_dilate: Sizes = (1, 1),
        i2h_kernel: Sizes = (3, 3),
        i2h_stride: Sizes = (1, 1),
        i2h_pad: Sizes = (1, 1),
        i2h_dilate: Sizes = (1, 1),
        i2h_weight_initializer: Any = None,
        h2h_weight_initializer: Any = None,
        i2h_bias_initializer: Any = "zeros",
        h2h_bias_initializer: Any = "zeros",
        activation: Any = _leaky,
        prefix: str | None = None,
        params: RNNParams | None = None,
        conv_layout: str = "NCHW",
    ) -> None:
        super().__init__(self._prefix_by_default if prefix is None else prefix, params)
        if not all(size % 2 for size in h2h_kernel):
            message = f"{type(self).__name__}: the sizes of h2h_kernel={h2h_kernel} must be odd"
            raise ParamError(message, hint="then the state keeps its size")
        self._num_hidden, self._activation = num_hidden, activation
        self._conv_layout = conv_layout
        self._i2h: dict[str, Any] = {
            "kernel": tuple(i2h_kernel),
            "stride": tuple(i2h_stride),
            "pad": tuple(i2h_pad),
            "dilate": tuple(i2h_dilate),
            "layout": conv_layout,
        }
        self._h2h: dict[str, Any] = {
            "kernel": tuple(h2h_kernel),
            "stride": (1,) * len(h2h_kernel),
            "pad": tuple(d * (k // 2) for d, k in zip(h2h_dilate, h2h_kernel, strict=True)),
            "dilate": tuple(h2h_dilate),
            "layout": conv_layout,
        }
        self._iW = self.params.get("i2h_weight", init=i2h_weight_initializer)
        self._hW = self.params.get("h2h_weight", init=h2h_weight_initializer)
        self._iB = self.params.get("i2h_bias", init=i2h_bias_initializer)
        self._hB = self.params.get("h2h_bias", init=h2h_bias_initializer)
        once = sym.Convolution(
            sym.Variable("data"), num_filter=num_hidden, name="state", **self._i2h
        )
        shapes = once.infer_shape(data=tuple(input_shape))[1]
        self._state_shape: Sizes = (0, *shapes[0][1:])

    @property
    def state_info(self) -> list[dict[str, Any]]:
        """Shape and layout of the state."""
        return [{"shape": self._state_shape, "__layout__": self._conv_layout}]

    @property
    def _axis(self) -> int:
        return self._conv_layout.find("C")

    def _project(self, inputs: Symbol, last: Symbol, name: str) -> tuple[Symbol, Symbol]:
        count = self._num_hidden * len(self._gate_names)
        conv = partial(sym.Convolution, num_filter=count)
        return (
            conv(inputs, self._iW, self._iB, name=f"{name}i2h", **self._i2h),
            conv(last, self._hW, self._hB, name=f"{name}h2h", **self._h2h),
        )

    def _activate(self, x: Symbol, **kwargs: Any) -> Symbol:
        return self._get_activation(x, self._activation, **kwargs)


class ConvRNNCell(BaseConvRNNCell):
    """`RNNCell` with convolutions.

    >>> import minisym as ms
    >>> cell = ms.rnn.ConvRNNCell(input_shape=(1, 3, 16, 16), num_hidden=8)
    >>> output, states = cell(ms.sym.Variable("image"), cell.begin_state())
    >>> output.infer_shape(image=(1, 3, 16, 16))[1], len(states)
    ([(1, 8, 16, 16)], 1)
    """

    __doc__ += "\n\n" + (BaseConvRNNCell.__doc__ or "").partition("\n\n")[2]

    @property
    def _gate_names(self) -> Sequence[str]:
        return ("",)

    def __call__(self, inputs: Symbol, states: States) -> tuple[Symbol, States]:
        """Compute one step."""
        name = self._next_name()
        i2h, h2h = self._project(inputs, states[0], name)
        output = self._activate(i2h + h2h, name=f"{name}out")
        return output, [output]


class ConvLSTMCell(BaseConvRNNCell):
    """`LSTMCell` with convolutions (Shi et al. 2015).

    >>> import minisym as ms
    >>> cell = ms.rnn.ConvLSTMCell(input_shape=(1, 3, 16, 16), num_hidden=8)
    >>> output, states = cell(ms.sym.Variable("image"), cell.begin_state())
    >>> output.infer_shape(image=(1, 3, 16, 16))[1], len(states)
    ([(1, 8, 16, 16)], 2)
    """

    __doc__ += "\n\n" + (BaseConvRNNCell.__doc__ or "").partition("\n\n")[2]
    _prefix_by_default = "ConvLSTM_"

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
        output, memory = lstm(i2h, h2h, states[1], name, self._activate, axis=self._axis)
        return output, [output, memory]


class ConvGRUCell(BaseConvRNNCell):
    """`GRUCell` with convolutions.

    >>> import minisym as ms
    >>> cell = ms.rnn.ConvGRUCell(input_shape=(1, 3, 16, 16), num_hidden=8)
    >>> output, states = cell(ms.sym.Variable("image"), cell.begin_state())
    >>> output.infer_shape(image=(1, 3, 16, 16))[1], len(states)
    ([(1, 8, 16, 16)], 1)
    """

    __doc__ += "\n\n" + (BaseConvRNNCell.__doc__ or "").partition("\n\n")[2]
    _prefix_by_default = "ConvGRU_"

    @property
    def _gate_names(self) -> Sequence[str]:
        return ["_r", "_z", "_o"]

    def __call__(self, inputs: Symbol, states: States) -> tuple[Symbol, States]:
        """Compute one step."""
        name = self._next_name()
        i2h, h2h = self._project(inputs, states[0], name)
        axis = {} if self._axis == 1 else {"axis": self._axis}  # 1 goes without saying, in files
        output = gru(i2h, h2h, states[0], name, self._activate, **axis)
        return output, [output]
