"""Random networks of convolutions, with all that may follow or join them."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

import minisym as ms
from minisym import sym


@st.composite
def conv_nets(draw: Any) -> Any:
    """Draw a symbol and the shape of its data."""
    size, channels = draw(st.integers(6, 12)), draw(st.sampled_from([1, 3, 5]))
    with ms.name.NameManager():
        x = sym.Variable("data")
        for _ in range(draw(st.integers(1, 5))):
            x = draw(st.sampled_from(_BLOCKS))(draw, x)
        if draw(st.booleans()):
            x = sym.FullyConnected(x, num_hidden=3, no_bias=draw(st.booleans()))
            x = _activation(draw, _norm(draw, x)) if draw(st.booleans()) else x
    return x, (draw(st.integers(1, 3)), channels, size, size)


def _conv(draw: Any, x: Any, filters: int | None = None) -> Any:
    kernel = draw(st.sampled_from([1, 2, 3]))
    odd = 1 if filters else draw(st.sampled_from([1, 1, 2]))
    return sym.Convolution(
        x,
        kernel=(3, 3) if filters else (kernel, kernel),
        pad=(1, 1) if filters or kernel > 1 else (0, 0),
        stride=(odd, odd),
        num_filter=filters or draw(st.sampled_from([2, 4, 6])),
        no_bias=draw(st.booleans()),
    )


def _norm(draw: Any, x: Any) -> Any:
    return sym.BatchNorm(x, fix_gamma=draw(st.booleans()), eps=0.01)


def _activation(draw: Any, x: Any) -> Any:
    if draw(st.booleans()):
        return sym.relu(x)
    return sym.Activation(x, act_type=draw(st.sampled_from(["relu", "tanh", "sigmoid"])))


def _conv_norm_activation(draw: Any, x: Any) -> Any:
    x = _conv(draw, x)
    x = _norm(draw, x) if draw(st.booleans()) else x
    return _activation(draw, x)


def _residual(draw: Any, x: Any) -> Any:
    x = _conv(draw, x, 4)
    y = _conv_norm_activation_of(draw, x)
    x, y = (x, y) if draw(st.booleans()) else (y, x)
    x = x + y
    return _activation(draw, x) if draw(st.booleans()) else x


def _conv_norm_activation_of(draw: Any, x: Any) -> Any:
    x = _activation(draw, x) if draw(st.booleans()) else x
    x = _conv(draw, x, 4)
    return _norm(draw, x) if draw(st.booleans()) else x


def _branches(draw: Any, x: Any) -> Any:
    return sym.Concat(_conv(draw, x, 2), _conv_norm_activation_of(draw, x), dim=1)


def _pool(draw: Any, x: Any) -> Any:
    kind = draw(st.sampled_from(["max", "avg"]))
    return sym.Pooling(x, kernel=(2, 2), stride=(1, 1), pool_type=kind)


_BLOCKS = (_conv, _norm, _activation, _conv_norm_activation, _residual, _branches, _pool)


def arrays_of(symbol: Any, shape: Any, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return float64 arrays for arguments and states."""
    rng = np.random.default_rng(seed)
    arguments, _, states = symbol.infer_shape(data=shape)
    args = {
        name: rng.uniform(-1, 1, s)
        for name, s in zip(symbol.list_arguments(), arguments, strict=True)
    }
    names = symbol.list_auxiliary_states()
    return args, {n: rng.uniform(0.5, 1.5, s) for n, s in zip(names, states, strict=True)}
