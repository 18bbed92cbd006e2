r"""Softmax and its kin: from scores along an axis to probabilities, or to their logarithms.

Each is computed from $x - \max x$, so that no exponential overflows. Their gradients are symbolic.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np

from minisym.core.cost import each
from minisym.core.declare import F
from minisym.core.declare import op as declare
from minisym.core.errors import DtypeError, ParamError, ShapeError
from minisym.core.ndarray import Array
from minisym.core.samples import Sample
from minisym.core.shapes import axis_of
from minisym.core.symbol import Symbol
from minisym.ops.casting import cast_like
from minisym.ops.numeric.rules import floats_only
from minisym.ops.numeric.sums import folded, sum_over

op = partial(declare, kind="activation", cost=each(5))
Scores = Annotated[Array, "Scores, an array of any shape."]

Axis = Annotated[int, "The axis to normalise along."]
Temperature = Annotated[float | None, "Divide the scores by this first."]
Type = Annotated[
    Literal["float16", "float32", "float64"] | None, "Element type of the output; the input's."
]
SMALL = 1 << 16
"""Elements up to which a call's own time counts, so that prebound steps with scratch pay."""


def fill_softmax(data: Array, axis: int, out: Array) -> None:
    """Fill `out` with the softmax of `data` along an axis."""
    work = out if out.dtype == data.dtype != np.float16 else np.empty(out.shape, _wide(data))
    np.subtract(data, np.max(data, axis, keepdims=True), work)
    np.exp(work, work)
    halves = data.dtype == np.float16 != out.dtype
    total = _sum_of_halves(work, axis) if halves else sum_over(work, axis, keepdims=True)
    np.divide(work, total, work)
    if work is not out:
        np.copyto(out, work.astype(np.float16) if halves else work, casting="unsafe")


def _fill_log_softmax(data: Array, axis: int, out: Array) -> None:
    shifted = (data - np.max(data, axis, keepdims=True)).astype(_wide(data), copy=False)
    terms = np.exp(shifted)
    halves = data.dtype == np.float16 != out.dtype
    total = _sum_of_halves(terms, axis) if halves else sum_over(terms, axis, keepdims=True)
    work = shifted - np.log(total)
    np.copyto(out, work.astype(np.float16) if halves else work, casting="unsafe")


def _wide(data: Array) -> Any:
    """Return the type to compute in: float16 is computed in float32."""
    return np.float32 if data.dtype == np.float16 else data.dtype


def _sum_of_halves(terms: Array, axis: int) -> Array:
    """Sum along an axis, rounded to float16 after each term.

    That is what MXNet does with float16 arrays whose softmax is to be of another type, and in that
    type the roundings can be seen.
    """
    total = np.zeros_like(np.take(terms, 0, axis), np.float16)
    for part in np.moveaxis(terms, axis, 0):
        np.add(total, part, total, casting="unsafe")
    return np.expand_dims(total, axis).astype(np.float32)


def _cooled(data: Array, temperature: float | None) -> Array:
    return data if temperature in (None, 1.0) else data / data.dtype.type(temperature)


def softmax_steps(data: Array, axis: int, out: Array) -> Any:
    """Return the steps that fill `out` with a softmax, or None where one kernel is as good."""
    if data.dtype != out.dtype or out.dtype.char not in "fd" or not 0 < out.size <= SMALL:
        return None
    place = axis % data.ndim
    reduced = [1 if a == place else d for a, d in enumerate(data.shape)]
    peak, total = np.empty(reduced, data.dtype), np.empty(reduced, data.dtype)
    work = np.empty(data.shape, data.dtype)
    return [
        (np.maximum.reduce, (data, axis, None, peak, True)),
        (np.subtract, (data, peak, work)),
        (np.exp, (work, work)),
        *folded(np.add, work, (place,), total.squeeze(place)),
        (np.divide, (work, total, out)),
    ]


def _same_shape(s: Any, *, axis: int) -> None:
    """Rule: the output has the shape of `data`."""
    s.output = s.data
    s.data = s.output
    if s.data is not None:
        axis_of(axis, len(s.data))


def _typed(t: Any, *, dtype: str | None) -> None:
    """Rule: floats; the output has the type that was asked for."""
    for known in (t.data, t.output):
        if known is not None and known.kind != "f":
            raise ValueError(f"it takes float arrays, but got {known}")
    t.output = t.data if dtype is None else np.dtype(dtype)
    if dtype is None:
        t.data = t.output


def softmax_gradient(g: Symbol, y: Symbol, axis: int) -> Symbol:
    r"""Return $y (g - \sum g y)$, by the output `y`."""
    return y * F.broadcast_sub(g, F.sum(g * y, axis=axis, keepdims=True))


def _input_gradient(
    g: Symbol, y: Symbol, data: Symbol, axis: int, temperature: float | None, dtype: str | None
) -> Symbol:
    """Return the gradient by the input, of its type, of a softmax at some temperature."""
    if dtype is None:
        found = softmax_gradient(g, y, axis)
    else:  # summed in the input's type, and all else in the output's, as MXNet does it
        total = F.sum(cast_like(g * y, data), axis=axis, keepdims=True)
        centred = cast_like(F.broadcast_sub(cast_like(g, data), total), y)
        found = cast_like(y * centred, data)
    return found if temperature in (None, 1.0) else found / temperature


def _reference(axis: int = -1) -> Any:
    return lambda x: np.exp(x) / np.exp(x).sum(axis, keepdims=True)


# --------------------------------------------------------------------------------------- softmax


def _masked(data: Array, length: Array, axis: int) -> Array:
    """Return where the index along the axis lies behind the length."""
    index = np.arange(data.shape[axis])
    index = index.reshape([-1 if i == axis % data.ndim else 1 for i in range(data.ndim)])
    return index >= np.expand_dims(length, axis)


@op(
    when={"length": lambda p: bool(p["use_length"])},
    samples=[
        Sample(((2, 3),), reference=_reference()),
        Sample(((2, 3, 2),), {"axis": 1}, reference=_reference(1)),
        Sample(((2, 3),), {"temperature": 2.0}, reference=lambda x: _reference()(x / 2)),
        Sample(((2, 3), np.array([2, 0])), {"use_length": True}, wrt=(0,)),
        Sample(((2, 3),), {"axis": 2}, raises=ShapeError, match="axis 2 does not exist"),
        Sample((np.array([1, 2]),), raises=DtypeError, match="takes float arrays"),
        Sample(((2, 3),), {"dtype": "int32"}, raises=ParamError, match="dtype takes one of"),
    ],
)
def softmax(
    data: Scores,
    length: Annotated[
        Array | None, "How many elements along the axis take part, of the shape of data without it."
    ] = None,
    *,
    axis: Axis = -1,
    temperature: Temperature = None,
    dtype: Type = None,
    use_length: Annotated[bool | None, "Whether there is an input `length`."] = False,
    out: Array,
) -> None:
    r"""Normalise exponentials, $y_i = e^{x_i / T} / \sum_j e^{x_j / T}$, along an axis.

    With `use_length`, only the first `length` elements along the axis take part, and the others
    are 0; `length` has the shape of `data` without the axis.

    >>> from minisym import sym
    >>> import numpy as np
    >>> sym.softmax(sym.Variable("x")).eval(x=np.log([[1.0, 2.0, 5.0]]))
    [NDArray([[0.125, 0.25 , 0.625]])]
    """
    scores = _cooled(data, temperature)
    if length is None:
        fill_softmax(scores, axis, out)
        return
    masked = _masked(data, length, axis)
    fill_softmax(np.where(masked, data.dtype.type(-np.inf), scores), axis, out)
    np.copyto(out, 0, where=masked)


@softmax.steps
def _(
    inputs: Sequence[Array],
    outs: Sequence[Array],
    *,
    axis: int,
    temperature: float | None,
    use_length: bool | None,
) -> Any:
    if use_length or temperature not in (None, 1.0):
        return None
    return softmax_steps(inputs[0], axis, outs[0])


@softmax.shape
def _(s: Any, *, axis: int) -> None:
    """Rule: the output has the shape of `data`; `length` is that without `axis`."""
    _same_shape(s, axis=axis)
    if s.data is not None:
        place = axis_of(axis, len(s.data))
        s.length = s.data[:place] + s.data[place + 1 :]


softmax.dtype(_typed)


def _onnx_cooled(o: Any, data: Any, temperature: float | None) -> Any:
    """Divide by the temperature in ONNX, in the wider of the types of data and output."""
    scores = o.cast(data) if o.dtype.itemsize > data.dtype.itemsize else data
    return scores if temperature in (None, 1.0) else o.Div(scores, temperature)


@softmax.onnx
def _(o: Any, data: Any, length: Any = None, *, axis: int, temperature: float | None) -> Any:
    scores = _onnx_cooled(o, data, temperature)
    if length is None:
        return o.Softmax(scores, axis=axis)
    place = axis % data.rank
    index = o.lay(o.count(data.shape[place], "int64"), data.rank, place)
    masked = o.GreaterOrEqual(index, o.Unsqueeze(o.cast(length, "int64"), (place,)))
    found = o.Softmax(o.Where(masked, -np.inf, scores), axis=axis)
    return o.Where(masked, 0, found)


@softmax.grad
def _(
    g: Symbol,
    data: Symbol,
    length: Symbol | None = None,
    *,
    axis: int,
    temperature: float | None,
    dtype: str | None,
    y: Symbol,
) -> tuple[Symbol | None, ...]:
    return _input_gradient(g, y, data, axis, temperature, dtype), None


@op(
    samples=[
        Sample(((2, 3),), reference=lambda x: _reference()(-x)),
        Sample(
            ((2, 3),), {"axis": 0, "temperature": 0.5}, reference=lambda x: _reference(0)(-2 * x)
        ),
    ],
)
def softmin(
    data: Scores,
    *,
    axis: Axis = -1,
    temperature: Temperature = None,
    dtype: Type = None,
    use_length: Annotated[bool | None, "Accepted, without effect."] = False,
    out: Array,
) -> None:
    r"""Normalise exponentials of negatives, $y_i = e^{-x_i / T} / \sum_j e^{-x_j / T}$."""
    fill_softmax(-_cooled(data, temperature), axis, out)


softmin.shape(_same_shape)
softmin.dtype(_typed)


@softmin.onnx
def _(o: Any, data: Any, *, axis: int, temperature: float | None) -> Any:
    return o.Softmax(o.Neg(_onnx_cooled(o, data, temperature)), axis=axis)


@softmin.grad
def _(
    g: Symbol, data: Symbol, *, axis: int, temperature: float | None, dtype: str | None, y: Symbol
) -> Symbol:
    return -_input_gradient(g, y, data, axis, temperature, dtype)


@op(
    samples=[
        Sample(((2, 3),), reference=lambda x: np.log(_reference()(x))),
        Sample(((2, 3),), {"axis": 0}, reference=lambda x: np.log(_reference(0)(x))),
        Sample(((2, 3),), {"temperature": 2.0}, reference=lambda x: np.log(_reference()(x / 2))),
    ],
)
def log_softmax(
    data: Scores,
    *,
    axis: Axis = -1,
    temperature: Temperature = None,
    dtype: Type = None,
    use_length: Annotated[bool | None, "Accepted, without effect."] = False,
    out: Array,
) -> None:
    r"""Take the logarithm of softmax, $y_i = x_i / T - \ln \sum_j e^{x_j / T}$, along an axis.

    It is exact where `log(softmax(x))` would be the logarithm of an underflown 0.
    """
    _fill_log_softmax(_cooled(data, temperature), axis, out)


log_softmax.shape(_same_shape)
log_softmax.dtype(_typed)


@log_softmax.onnx
def _(o: Any, data: Any, *, axis: int, temperature: float | None) -> Any:
    return o.LogSoftmax(_onnx_cooled(o, data, temperature), axis=axis)


@log_softmax.grad
def _(
    g: Symbol, data: Symbol, *, axis: int, temperature: float | None, dtype: str | None, y: Symbol
) -> Symbol:
    if dtype is not None:
        g, y = cast_like(g, data), cast_like(y, data)
    total = F.sum(g, axis=axis, keepdims=True)
    found = g - F.broadcast_mul(F.exp(y), total)
    return found if temperature in (None, 1.0) else found / temperature


# ----------------------------------------------------------------------------- SoftmaxActivation


@op(
    kind="activation",
    samples=[
        Sample(((2, 3),), reference=_reference()),
        Sample(((2, 3, 2),), {"mode": "channel"}, reference=_reference(1)),
        Sample(((2, 3),), {"mode": "channel"}, raises=ShapeError, match="3 dimensions"),
    ],
)
def SoftmaxActivation(
    data: Scores,
    *,
    mode: Annotated[
        Literal["channel", "instance"], "Along axis 1 (channel) or along the last axis (instance)."
    ] = "instance",
    out: Array,
) -> None:
    r"""Normalise exponentials along the channels or the last axis; see `softmax`.

    In MXNet, and here, the gradient is that along axis 1 in either mode: of an array with more than
    two axes, use `softmax(axis=-1)` instead of `mode="instance"`.
    """
    fill_softmax(data, 1 if mode == "channel" else -1, out)


@SoftmaxActivation.shape
def _(s: Any, *, mode: str) -> None:
    """Rule: the output has the shape of `data`."""
    s.output = s.data
    s.data = s.output
    least = 3 if mode == "channel" else 1
    if s.data is not None and len(s.data) < least:
        raise ValueError(f"mode={mode!r} needs data of at least {least} dimensions")


SoftmaxActivation.dtype(floats_only)


@SoftmaxActivation.onnx
def _(o: Any, data: Any, *, mode: str) -> Any:
    return o.Softmax(data, axis=1 if mode == "channel" else -1)


@SoftmaxActivation.grad
def _(g: Symbol, data: Symbol, *, mode: str, y: Symbol) -> Symbol:
    return softmax_gradient(g, y, 1)
