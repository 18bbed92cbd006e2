r"""Layers on quantized arrays: bytes and the range that they stand for, in and out."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

import numpy as np

from minisym.core.cost import dense, each, nothing, pool
from minisym.core.declare import Declaration
from minisym.core.declare import op as declare
from minisym.core.errors import DtypeError, ParamError, ShapeError
from minisym.core.ndarray import Array
from minisym.core.params import FLOAT32, HINT, Between, DType
from minisym.core.samples import Sample
from minisym.ops.indexing import Embedding, onnx_whole, whole
from minisym.ops.inputs import Words
from minisym.ops.nn import FullyConnected
from minisym.ops.numeric.pools import Settings, fill
from minisym.ops.numeric.windows import Pad, Stride
from minisym.ops.pooling import Global, Kernel, Pooling, onnx_pooling, settings_of
from minisym.ops.quantize import (
    RangeHigh,
    RangeLow,
    bytes_only,
    levels,
    onnx_reach,
    onnx_write,
    reach,
    write,
)

op = partial(declare, cost=nothing)
Bytes = Annotated[Array, "Bytes, (batch, …)."]
WeightLow = Annotated[Array, "Least value that the weight stands for, (1,)."]
WeightHigh = Annotated[Array, "Greatest value that the weight stands for, (1,)."]

_OUTPUTS = ("output", "min_output", "max_output")
_ENDS = (np.array([-2.0], np.float32), np.array([1.0], np.float32))
_BYTES = np.array([[-100, 3], [100, 7]], np.int8)

Three = tuple[Array, Array, Array]


def _pass_on(low: Array, high: Array, out: Three) -> None:
    """Hand the range on as it is."""
    out[1][...], out[2][...] = low, high


def _shapes_of(declared: Declaration, s: Any, params: Any) -> None:
    """Rule: the arrays have the shapes that the op of floats gives them."""
    assert declared.shape_rule is not None
    declared.shape_rule(s, params=params)


def _range_shapes(s: Any) -> None:
    for name in s.names:
        if name.startswith(("min_", "max_")):
            setattr(s, name, (1,))


def _range_types(t: Any) -> None:
    for name in t.names:
        if name.startswith(("min_", "max_")):
            setattr(t, name, np.dtype(np.float32))


@op(
    name="_contrib_quantized_flatten",
    outputs=_OUTPUTS,
    samples=[
        Sample(
            (_BYTES.reshape(1, 2, 2), *_ENDS),
            reference=lambda q, low, high: (q.reshape(1, 4), low, high),
        ),
    ],
)
def quantized_flatten(data: Bytes, min_data: RangeLow, max_data: RangeHigh, *, out: Three) -> None:
    """Join all axes but the first: `Flatten` of quantized data."""
    out[0][...] = data.reshape(out[0].shape)
    _pass_on(min_data, max_data, out)


@quantized_flatten.shape
def _(s: Any) -> None:
    """Rule: (batch, product of all others), and each end of the range is one number."""
    _range_shapes(s)
    if s.data is not None:
        rest = s.data[1:]
        s.output = (s.data[0], None if None in rest else int(np.prod(rest)))


@quantized_flatten.dtype
def _(t: Any) -> None:
    t.output = t.data
    t.data = t.output
    _range_types(t)


@quantized_flatten.onnx
def _(o: Any, data: Any, min_data: Any, max_data: Any) -> Any:
    return [o.reshape(data), min_data, max_data]


@op(
    name="_contrib_quantized_act",
    cost=each(1),
    outputs=_OUTPUTS,
    samples=[
        Sample(
            (_BYTES, *_ENDS),
            {"act_type": "relu"},
            reference=lambda q, low, high: (np.maximum(q, 0), low, high),
        ),
        Sample((_BYTES, *_ENDS), {"act_type": "tanh"}, raises=ParamError, match="relu"),
        Sample((_ENDS[0], *_ENDS), {"act_type": "relu"}, raises=DtypeError, match="int8"),
    ],
)
def quantized_act(
    data: Bytes,
    min_data: RangeLow,
    max_data: RangeHigh,
    *,
    act_type: Annotated[
        Literal["relu"], "Which function: of MXNet's five, only this one is there for bytes."
    ],
    out: Three,
) -> None:
    r"""Apply an activation to quantized data, $\max(q, 0)$; the range stays what it was."""
    np.maximum(data, 0, out=out[0])
    _pass_on(min_data, max_data, out)


@quantized_act.shape
def _(s: Any) -> None:
    """Rule: the output has the shape of `data`, and each end of the range is one number."""
    s.output = s.data
    s.data = s.output
    _range_shapes(s)


def _same_bytes(t: Any) -> None:
    t.output = bytes_only(t, "data")
    t.data = t.output
    _range_types(t)


quantized_act.dtype(_same_bytes)


@quantized_act.onnx
def _(o: Any, data: Any, min_data: Any, max_data: Any) -> Any:
    return [o.Max(data, 0), min_data, max_data]


@op(
    name="_contrib_quantized_pooling",
    cost=pool,
    outputs=_OUTPUTS,
    samples=[
        Sample(
            (_BYTES.reshape(1, 1, 2, 2), *_ENDS),
            {"kernel": (2, 2), "pool_type": "avg"},
            reference=lambda q, low, high: (np.array([[[[2]]]]), low, high),
        ),
        Sample(
            (_BYTES.reshape(1, 1, 2, 2), *_ENDS),
            {"kernel": (1, 2)},
            reference=lambda q, low, high: (np.array([[[[3], [100]]]]), low, high),
        ),
    ],
)
def quantized_pooling(
    data: Annotated[Array, "Bytes, (batch, channels, …), or in the order of layout."],
    min_data: RangeLow,
    max_data: RangeHigh,
    *,
    kernel: Kernel = (),
    pool_type: Annotated[Literal["avg", "max"], "What a window gives: mean or maximum."] = "max",
    global_pool: Global = False,
    cudnn_off: Annotated[bool, "Accepted, without effect.", HINT] = False,
    pooling_convention: Annotated[
        Literal["full", "same", "valid"], "Which windows there are, as in `Pooling`."
    ] = "valid",
    stride: Stride = (),
    pad: Pad = (),
    p_value: Annotated[int | None, "Accepted, without effect."] = None,
    count_include_pad: Annotated[
        bool | None, "Whether a mean counts the padding, too; it does by default."
    ] = None,
    layout: Annotated[
        Literal["NCDHW", "NCHW", "NCW", "NDHWC", "NHWC", "NWC"] | None,
        "Order of the axes; by default the channels come second.",
    ] = None,
    out: Three,
) -> None:
    """Reduce windows of quantized data to their maximum or mean, which is rounded: `Pooling`."""
    settings = Settings(
        kernel,
        pool_type,
        global_pool,
        pooling_convention,
        stride,
        pad,
        p_value,
        count_include_pad,
        layout,
    )
    found = np.empty(out[0].shape, np.float32)
    fill(data.astype(np.float32), settings, found)
    write(found, out[0])
    _pass_on(min_data, max_data, out)


@quantized_pooling.shape
def _(s: Any, **params: Any) -> None:
    """Rule: As of Pooling, and each end of the range is one number."""
    _range_shapes(s)
    _shapes_of(Pooling, s, params)


quantized_pooling.dtype(_same_bytes)


@quantized_pooling.onnx
def _(o: Any, data: Any, min_data: Any, max_data: Any, **params: Any) -> Any:
    wide = o.shaped(o.cast(data, "float32"), data.shape)
    return [onnx_write(o, onnx_pooling(o, wide, settings_of(params)), o.dtype), min_data, max_data]


_WORDS = np.array([[0, 2], [1, 9]])


@op(
    name="_contrib_quantized_embedding",
    outputs=_OUTPUTS,
    samples=[
        Sample(
            (_WORDS, np.arange(12, dtype=np.int8).reshape(3, 4), *_ENDS),
            {"input_dim": 3, "output_dim": 4},
            reference=lambda i, w, low, high: (w[i.clip(0, 2)], low, high),
        ),
    ],
)
def quantized_embedding(
    data: Words,
    weight: Annotated[Array, "The table in bytes, (input_dim, output_dim)."],
    min_weight: WeightLow,
    max_weight: WeightHigh,
    *,
    input_dim: Annotated[int, "Number of words: rows of the weight.", Between(1)],
    output_dim: Annotated[int, "Length of a word's vector.", Between(1)],
    dtype: Annotated[DType, "Accepted, without effect: the weight is int8."] = FLOAT32,
    sparse_grad: Annotated[bool, "Accepted, without effect."] = False,
    out: Three,
) -> None:
    """Look up rows of a quantized table: `Embedding`."""
    np.take(weight, whole(data, len(weight)), 0, out[0], "clip")
    _pass_on(min_weight, max_weight, out)


@quantized_embedding.shape
def _(s: Any, **params: Any) -> None:
    """Rule: As of Embedding, and each end of the range is one number."""
    _range_shapes(s)
    _shapes_of(Embedding, s, params)


@quantized_embedding.dtype
def _(t: Any) -> None:
    t.weight = t.output = np.dtype(np.int8)
    _range_types(t)


@quantized_embedding.onnx
def _(o: Any, data: Any, weight: Any, min_weight: Any, max_weight: Any, *, input_dim: int) -> Any:
    return [o.Gather(weight, onnx_whole(o, data, input_dim), axis=0), min_weight, max_weight]


_WEIGHT = np.array([[1, -2], [30, 40], [-5, 6]], np.int8)


@op(
    name="_contrib_quantized_fully_connected",
    cost=dense,
    outputs=_OUTPUTS,
    when={name: lambda params: not params["no_bias"] for name in ("bias", "min_bias", "max_bias")},
    samples=[
        Sample(
            (_BYTES, _WEIGHT, *_ENDS, *_ENDS),
            {"num_hidden": 3, "no_bias": True},
            reference=lambda q, w, *ends: (
                q.astype(int) @ w.T,
                -4 / 127**2 * (2**31 - 1),
                4 / 127**2 * (2**31 - 1),
            ),
        ),
        Sample(
            (_BYTES.view(np.uint8), _WEIGHT, np.array([10, -20, 0], np.int8), *_ENDS * 3),
            {"num_hidden": 3},
            reference=lambda q, w, b, *ends: (
                q.astype(int) @ w.T + [1277, -2555, 0],
                -4 / 127 / 255 * (2**31 - 1),
                4 / 127 / 255 * (2**31 - 1),
            ),
        ),
        Sample(
            (_BYTES, np.ones((3, 4), np.int8), np.ones(3, np.int8), *_ENDS * 3),
            {"num_hidden": 3},
            raises=ShapeError,
            match="weight has shape",
        ),
    ],
)
def quantized_fully_connected(
    data: Bytes,
    weight: Annotated[Array, "Weights in bytes, (num_hidden, input size)."],
    bias: Annotated[Array | None, "Bias in bytes, (num_hidden,)."] = None,
    min_data: RangeLow | None = None,
    max_data: RangeHigh | None = None,
    min_weight: WeightLow | None = None,
    max_weight: WeightHigh | None = None,
    min_bias: Annotated[Array | None, "Least value that the bias stands for, (1,)."] = None,
    max_bias: Annotated[Array | None, "Greatest value that the bias stands for, (1,)."] = None,
    *,
    num_hidden: Annotated[int, "Number of outputs.", Between(1)],
    no_bias: Annotated[bool, "Whether nothing is added."] = False,
    flatten: Annotated[bool, "Whether all axes but the first are joined."] = True,
    out: Three,
) -> None:
    r"""Multiply quantized data by a quantized matrix, $y = x W^T + b$, exactly, in int32.

    The output stands for $y m / (2^{31} - 1)$ by the range that comes with it. The bias is brought
    to the unit of the products and cut to an integer.
    """
    rows = data.reshape(*out[0].shape[:-1], -1)
    product = rows.astype(np.float64) @ weight.T  # exact, and faster than integers
    x, w = reach(min_data, max_data), reach(min_weight, max_weight)
    if bias is not None:
        unit = np.float64(x) * np.float64(w) / (levels(data.dtype) * levels(bias.dtype))
        of_bias = np.float64(reach(min_bias, max_bias)) / levels(bias.dtype)
        product += np.trunc(bias * (of_bias / unit)) if unit else 0
    np.copyto(out[0], product, casting="unsafe")
    end = x / (255 if data.dtype == np.uint8 else 127) * (w / 127) * np.float32(2**31 - 1)
    out[1][...], out[2][...] = -end, end


@quantized_fully_connected.shape
def _(s: Any, **params: Any) -> None:
    """Rule: As of FullyConnected, and each end of a range is one number."""
    _range_shapes(s)
    _shapes_of(FullyConnected, s, params)


@quantized_fully_connected.dtype
def _(t: Any) -> None:
    bytes_only(t, "data")
    t.weight = t.bias = np.dtype(np.int8)
    t.output = np.dtype(np.int32)
    _range_types(t)


@quantized_fully_connected.onnx
def _(
    o: Any,
    data: Any,
    weight: Any,
    bias: Any = None,
    min_data: Any = None,
    max_data: Any = None,
    min_weight: Any = None,
    max_weight: Any = None,
    min_bias: Any = None,
    max_bias: Any = None,
    *,
    flatten: bool,
) -> Any:
    rows = o.reshape(data, (data.shape[0], weight.shape[1])) if flatten else data
    turned = o.transpose(weight, (1, 0))
    product = o.MatMulInteger(rows, turned, dtype=np.int32)
    x, w = onnx_reach(o, min_data, max_data), onnx_reach(o, min_weight, max_weight)
    if bias is not None:
        wide_x, wide_w = (o.cast(a, "float64") for a in (x, w))
        unit = o.Div(o.Mul(wide_x, wide_w), levels(data.dtype) * levels(bias.dtype))
        of_bias = o.cast(onnx_reach(o, min_bias, max_bias), "float64")
        factor = o.Div(o.Div(of_bias, levels(bias.dtype)), unit)
        some = o.Where(o.Equal(unit, 0), 0, factor)
        scaled = o.Mul(o.cast(bias, "float64"), some)
        product = o.Add(product, o.cast(scaled, "int32"))  # which cuts towards 0
    level = 255 if data.dtype == np.uint8 else 127
    end = o.Mul(o.Mul(o.Div(x, level), o.Div(w, 127)), 2**31 - 1)
    return [product, o.Neg(end), end]
