r"""Quantization: floats as bytes, with the range that the bytes stand for.

An int8 array stands for reals in $[-m, m]$, a uint8 array for reals in $[0, m]$, where $m$ is the
larger absolute value of the two ends of a range that travels with it, in two arrays of one element.
Values are rounded to the nearest byte, ties to the even one, and cut at the ends. None of it has a
gradient.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

import numpy as np

from minisym.core.cost import each
from minisym.core.declare import op as declare
from minisym.core.errors import DtypeError, ShapeError
from minisym.core.ndarray import Array
from minisym.core.samples import Sample

op = partial(declare, cost=each(3))
Reals = Annotated[Array, "Floats, of any shape."]
RangeLow = Annotated[Array, "Least value that the data stand for, (1,)."]
RangeHigh = Annotated[Array, "Greatest value that the data stand for, (1,)."]

RANGED = ("output0", "output1", "output2")
"""Names of the outputs, as MXNet has them: the bytes, and the ends of their range."""

Lowest = Annotated[float | None, "Least value that occurs, if it is known."]
Highest = Annotated[float | None, "Greatest value that occurs, if it is known."]


def reach(low: Any, high: Any) -> Any:
    """Return the largest absolute value of a range."""
    return np.maximum(np.abs(low), np.abs(high)).reshape(())[()]


def levels(dtype: np.dtype[Any]) -> float:
    """Return how many levels lie between 0 and the end of a range, of bytes of this type."""
    return 255.5 if dtype == np.uint8 else 127.5


def write(values: Array, out: Array) -> None:
    """Round values and cut them, as bytes."""
    bounds = np.iinfo(out.dtype)
    np.copyto(out, np.rint(values).clip(bounds.min, bounds.max), casting="unsafe")


def _per(count: float, whole: Any) -> Any:
    """Return how many levels there are per unit; none in an empty range."""
    return whole.dtype.type(count) / whole if whole else whole.dtype.type(0)


def bytes_only(t: Any, name: str) -> np.dtype[Any] | None:
    """Return the type of an input that may be int8 or uint8."""
    dtype: np.dtype[Any] | None = getattr(t, name)
    if dtype is not None and dtype not in (np.int8, np.uint8):
        raise ValueError(f"{name} has type {dtype}, but only int8 and uint8 are quantized")
    return dtype


def one_float_type(t: Any, *names: str) -> None:
    """Rule: these slots share one type of floats, by default float32."""
    known = [d for d in (getattr(t, n) for n in names) if d is not None]
    for dtype in known or [np.dtype(np.float32)]:
        if dtype.kind != "f":
            raise ValueError(f"{', '.join(names)} are floats, not {dtype}")
        for name in names:
            setattr(t, name, dtype)


def _automatic(out_type: str, low: float | None, high: float | None) -> str:
    """Return the type of the result: with "auto", bytes without a sign if they suffice."""
    if out_type != "auto":
        return out_type
    return "uint8" if low is not None and high is not None and low >= 0 else "int8"


# --------------------------------------------------------------------------------- the same in ONNX


def onnx_write(o: Any, values: Any, dtype: Any) -> Any:
    """Round values and cut them, as bytes, in ONNX."""
    bounds = np.iinfo(dtype)
    return o.Cast(o.Clip(o.Round(values), bounds.min, bounds.max), to=np.dtype(dtype))


def onnx_reach(o: Any, low: Any, high: Any) -> Any:
    """Return the largest absolute value of a range in ONNX."""
    return o.Max(o.Abs(low), o.Abs(high))


def _onnx_per(o: Any, count: float, whole: Any) -> Any:
    return o.Where(o.Equal(whole, 0), 0, o.Div(o.constant(np.array(count, whole.dtype)), whole))


def _onnx_range(o: Any, data: Any, low: float | None, high: float | None) -> tuple[Any, Any]:
    """Return the range that is known, or that of the data, (1,) each."""
    if low is not None and high is not None:
        return tuple(o.constant(np.array([end], data.dtype)) for end in (low, high))
    flat = o.Reshape(data, (-1,))
    return tuple(o.reduce(op, flat, (0,), keepdims=True) for op in ("ReduceMin", "ReduceMax"))


# ------------------------------------------------------------------------------------ into bytes

_ENDS = (np.array([-2.0]), np.array([1.0]))


@op(
    name="_contrib_quantize",
    outputs=RANGED,
    samples=[
        Sample(
            ((2, 3), *_ENDS),
            reference=lambda x, low, high: (np.rint(x * 127.5).clip(0, 255), low, high),
        ),
        Sample(
            ((2, 3), *_ENDS),
            {"out_type": "int8"},
            reference=lambda x, low, high: (np.rint(x * 63.5).clip(-128, 127), low, -low),
        ),
        Sample(
            (np.array([1.0, -3.0]), np.zeros(1), np.zeros(1)),
            {"out_type": "int8"},
            reference=lambda x, low, high: (np.zeros(2), low, high),
        ),
        Sample(((2, 3), *_ENDS[:1], (2,)), raises=ShapeError, match="max_range"),
    ],
)
def quantize(
    data: Reals,
    min_range: Annotated[Array, "Lower end of the range, (1,)."],
    max_range: Annotated[Array, "Upper end of the range, (1,)."],
    *,
    out_type: Annotated[Literal["int8", "uint8"], "Type of the bytes."] = "uint8",
    out: tuple[Array, Array, Array],
) -> None:
    r"""Turn floats into bytes, $q = [x \cdot 127 / m]$ or $[x \cdot 255 / m]$.

    The range is given, (1,) each; the other outputs are the range that the bytes stand for:
    $[-m, m]$, or what was given for uint8.

    >>> from minisym import nd
    >>> nd.contrib.quantize(nd.array([0, 0.5, 2]), nd.array([0]), nd.array([1]))[0]
    NDArray([  0, 128, 255], dtype=uint8)
    """
    bound = reach(min_range, max_range)
    unsigned = out_type == "uint8"
    write(data * _per(255 if unsigned else 127, bound), out[0])
    out[1][...] = min_range if unsigned else -bound
    out[2][...] = max_range if unsigned else bound


@quantize.shape
def _(s: Any) -> None:
    """Rule: bytes have the shape of `data`, and each end of a range is one number."""
    _with_range(s)


def _with_range(s: Any) -> None:
    """Rule: bytes have the shape of the data, and each end of a range is one number."""
    s.output0 = s.data
    s.data = s.output0
    for name in s.names:
        if name not in {"data", "output0"}:
            setattr(s, name, (1,))


@quantize.dtype
def _(t: Any, *, out_type: str) -> None:
    t.output0 = np.dtype(out_type)
    one_float_type(t, "data", "min_range", "max_range", "output1", "output2")


@quantize.onnx
def _(o: Any, data: Any, min_range: Any, max_range: Any, *, out_type: str) -> Any:
    bound = onnx_reach(o, min_range, max_range)
    unsigned = out_type == "uint8"
    scaled = o.Mul(data, _onnx_per(o, 255 if unsigned else 127, bound))
    ends = (min_range, max_range) if unsigned else (o.Neg(bound), bound)
    return [onnx_write(o, scaled, out_type), *ends]


@op(
    name="_contrib_quantize_v2",
    outputs=RANGED,
    samples=[
        Sample(
            (np.array([-2.0, 0.5, 1.0]),),
            reference=lambda x: (np.array([-128, 32, 64]), -2.0, 2.0),
        ),
        Sample(
            ((2, 3),),
            {"out_type": "auto", "min_calib_range": 0.0, "max_calib_range": 1.0},
            reference=lambda x: (np.rint(x * 255.5).clip(0, 255), 0.0, 1.0),
        ),
        Sample(
            (np.array([0, 200], np.uint8),),
            {"out_type": "uint8"},
            reference=lambda x: (x, 0.0, 255.5),
        ),
        Sample((np.array([1]),), raises=DtypeError, match="floats, int8 or uint8"),
    ],
)
def quantize_v2(
    data: Annotated[Array, "Floats, of any shape; or bytes, which stay what they are."],
    *,
    out_type: Annotated[
        Literal["auto", "int8", "uint8"],
        "Type of the bytes; auto: uint8 if min_calib_range says that nothing is negative.",
    ] = "int8",
    min_calib_range: Lowest = None,
    max_calib_range: Highest = None,
    out: tuple[Array, Array, Array],
) -> None:
    r"""Turn floats into bytes, $q = [x \cdot 127.5 / m]$ or $[x \cdot 255.5 / m]$.

    The range is that of the data, unless both ends of it are given. Bytes stay what they are.
    """
    known = min_calib_range is not None and max_calib_range is not None
    if data.dtype.kind != "f":
        out[0][...] = data
        end = levels(data.dtype)
        low = 0.0 if data.dtype == np.uint8 else -end
        out[1][...], out[2][...] = (min_calib_range, max_calib_range) if known else (low, end)
        return
    real = data.dtype.type
    low, high = (
        (real(min_calib_range), real(max_calib_range)) if known else (data.min(), data.max())
    )
    bound = reach(low, high)
    write(data * _per(levels(out[0].dtype), bound), out[0])
    unsigned = out[0].dtype == np.uint8
    out[1][...], out[2][...] = (low, high) if unsigned else (-bound, bound)


quantize_v2.shape(_with_range)


@quantize_v2.dtype
def _(
    t: Any, *, out_type: str, min_calib_range: float | None, max_calib_range: float | None
) -> None:
    if t.data is None:
        t.output0 = np.dtype(_automatic(out_type, min_calib_range, max_calib_range))
        return
    if t.data.kind == "f":
        t.output0 = np.dtype(_automatic(out_type, min_calib_range, max_calib_range))
        t.output1 = t.output2 = t.data
        return
    if t.data not in (np.int8, np.uint8):
        raise ValueError(f"data has type {t.data}, but only floats, int8 or uint8 are taken")
    t.output0 = t.data
    t.output1 = t.output2 = np.dtype(np.float32)


@quantize_v2.onnx
def _(o: Any, data: Any, *, min_calib_range: float | None, max_calib_range: float | None) -> Any:
    bytes_ = o.dtype
    if data.dtype.kind != "f":
        end = levels(data.dtype)
        known = min_calib_range is not None and max_calib_range is not None
        ends = (min_calib_range, max_calib_range) if known else (end * (bytes_.kind != "u"), end)
        low, high = (np.array([x], np.float32) for x in ends)
        return [data, o.constant(low if known or bytes_.kind == "u" else -low), o.constant(high)]
    low, high = _onnx_range(o, data, min_calib_range, max_calib_range)
    bound = onnx_reach(o, low, high)
    scaled = o.Mul(data, _onnx_per(o, levels(bytes_), bound))
    ends = (low, high) if bytes_.kind == "u" else (o.Neg(bound), bound)
    return [onnx_write(o, scaled, bytes_), *ends]


@op(
    name="_contrib_quantize_asym",
    outputs=("output", "scale", "shift"),
    samples=[
        Sample(
            (np.array([[-1.0, 0.0, 1.0, 2.0]]),),
            reference=lambda x: (np.array([[0, 85, 170, 255]]), 85.0, 85.0),
        ),
        Sample((np.array([3.0, 3.0]),), reference=lambda x: (np.array([255, 255]), 1.0, 252.0)),
        Sample(
            ((2, 3),),
            {"min_calib_range": -1.0, "max_calib_range": 1.5},
            reference=lambda x: (np.rint(x * 102 + 102).clip(0, 255), 102.0, 102.0),
        ),
    ],
)
def quantize_asym(
    data: Reals,
    *,
    min_calib_range: Lowest = None,
    max_calib_range: Highest = None,
    out: tuple[Array, Array, Array],
) -> None:
    r"""Turn floats into uint8 so that the whole range is used, $q = [s x + t]$.

    $s = 255 / (max - min)$ and $t = 255 - s \cdot max$ are the other outputs. The range is that of
    the data, unless both ends of it are given.
    """
    real = data.dtype.type
    if min_calib_range is not None and max_calib_range is not None:
        low, high = real(min_calib_range), real(max_calib_range)
    else:
        low, high = data.min(), data.max()
    scale = real(255) / (high - low) if high > low else real(1)
    shift = real(255) - scale * high
    write(data * scale + shift, out[0])
    out[1][...], out[2][...] = scale, shift


@quantize_asym.shape
def _(s: Any) -> None:
    """Rule: the output has the shape of `data`; scale and shift are one number each."""
    s.output = s.data
    s.data = s.output
    s.scale = s.shift = (1,)


@quantize_asym.dtype
def _(t: Any) -> None:
    t.output = np.dtype(np.uint8)
    one_float_type(t, "data", "scale", "shift")


@quantize_asym.onnx
def _(o: Any, data: Any, *, min_calib_range: float | None, max_calib_range: float | None) -> Any:
    low, high = _onnx_range(o, data, min_calib_range, max_calib_range)
    wide = o.Sub(high, low)
    some = o.Greater(wide, 0)
    full = o.constant(np.array([255], data.dtype))
    scale = o.Where(some, o.Div(full, o.Where(some, wide, 1)), 1)
    shift = o.Sub(full, o.Mul(scale, high))
    return [onnx_write(o, o.Add(o.Mul(data, scale), shift), np.uint8), scale, shift]


# ------------------------------------------------------------------------------------ out of them


_FLOAT_ENDS = tuple(a.astype(np.float32) for a in _ENDS)


@op(
    name="_contrib_dequantize",
    samples=[
        Sample(
            (np.array([[-128, 0, 51]], np.int8), *_FLOAT_ENDS),
            reference=lambda q, low, high: q * (2 / 127.5),
        ),
        Sample(
            (np.array([[200, 0, 51]], np.uint8), *_FLOAT_ENDS),
            reference=lambda q, low, high: q * (2 / 255.5),
        ),
        Sample((np.array([[1, 2]]), *_FLOAT_ENDS), raises=DtypeError, match="int8 and uint8"),
    ],
)
def dequantize(
    data: Annotated[Array, "Bytes, of any shape."],
    min_range: RangeLow,
    max_range: RangeHigh,
    *,
    out_type: Annotated[Literal["float32"], "Type of the floats."] = "float32",
    out: Array,
) -> None:
    r"""Turn bytes back into floats, $x = q m / 127.5$ or $q m / 255.5$."""
    level = reach(min_range, max_range) / np.float32(levels(data.dtype))
    np.multiply(data, level, out=out, casting="unsafe")


@dequantize.shape
def _(s: Any) -> None:
    """Rule: the output has the shape of `data`; each end of the range is one number."""
    s.output = s.data
    s.data = s.output
    s.min_range = s.max_range = (1,)


@dequantize.dtype
def _(t: Any) -> None:
    bytes_only(t, "data")
    t.min_range = t.max_range = t.output = np.dtype(np.float32)


@dequantize.onnx
def _(o: Any, data: Any, min_range: Any, max_range: Any) -> Any:
    level = o.Div(onnx_reach(o, min_range, max_range), levels(data.dtype))
    return o.Mul(o.cast(data, "float32"), level)


_SUMS = np.array([-(10**7), 0, 4 * 10**6], np.int32)


@op(
    name="_contrib_requantize",
    outputs=RANGED,
    samples=[
        Sample(
            (_SUMS, *_FLOAT_ENDS),
            reference=lambda x, low, high: (np.array([-127, 0, 51]), -2e7 / 2**31, 2e7 / 2**31),
        ),
        Sample(
            (_SUMS, *_FLOAT_ENDS),
            {"out_type": "auto", "min_calib_range": 0.0, "max_calib_range": 0.008},
            reference=lambda x, low, high: (np.array([0, 0, 119]), 0.0, 0.008),
        ),
    ],
)
def requantize(
    data: Annotated[Array, "Whole numbers, int32, of any shape."],
    min_range: RangeLow,
    max_range: RangeHigh,
    *,
    out_type: Annotated[
        Literal["auto", "int8", "uint8"],
        "Type of the bytes; auto: uint8 if min_calib_range says that nothing is negative.",
    ] = "int8",
    min_calib_range: Lowest = None,
    max_calib_range: Highest = None,
    out: tuple[Array, Array, Array],
) -> None:
    r"""Turn int32, such as sums of products of bytes, into bytes.

    `data` stands for $x m / (2^{31} - 1)$, by the range that is given. The range of the result is
    that of the data, unless both ends of it are given: $[-m', m']$, or $[0, m']$ for uint8.
    """
    unit = reach(min_range, max_range) / np.float32(2**31 - 1)
    if min_calib_range is not None and max_calib_range is not None:
        bound = reach(np.float32(min_calib_range), np.float32(max_calib_range))
    else:
        bound = np.float32(unit * np.abs(data.astype(np.float64)).max(initial=0))
    unsigned = out[0].dtype == np.uint8
    write(data * np.float64(unit * _per(255 if unsigned else 127, bound)), out[0])
    out[1][...], out[2][...] = (0 if unsigned else -bound), bound


requantize.shape(_with_range)


@requantize.dtype
def _(
    t: Any, *, out_type: str, min_calib_range: float | None, max_calib_range: float | None
) -> None:
    t.data = np.dtype(np.int32)
    t.output0 = np.dtype(_automatic(out_type, min_calib_range, max_calib_range))
    t.min_range = t.max_range = t.output1 = t.output2 = np.dtype(np.float32)


@requantize.onnx
def _(
    o: Any,
    data: Any,
    min_range: Any,
    max_range: Any,
    *,
    min_calib_range: float | None,
    max_calib_range: float | None,
) -> Any:
    unit = o.Div(onnx_reach(o, min_range, max_range), 2**31 - 1)
    wide = o.cast(data, "float64")
    if min_calib_range is not None and max_calib_range is not None:
        most = max(abs(min_calib_range), abs(max_calib_range))
        bound = o.constant(np.array([most], np.float32))
    else:
        largest = o.reduce("ReduceMax", o.Abs(o.Reshape(wide, (-1,))), (0,), keepdims=True)
        bound = o.Mul(unit, o.cast(largest, "float32"))
    unsigned = o.dtype == np.uint8
    factor = o.Mul(unit, _onnx_per(o, 255 if unsigned else 127, bound))
    scaled = o.Mul(wide, o.cast(factor, "float64"))
    low = o.constant(np.zeros(1, np.float32)) if unsigned else o.Neg(bound)
    return [onnx_write(o, scaled, o.dtype), low, bound]
