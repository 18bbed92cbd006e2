r"""Sources: ops without inputs, which fill an array from their parameters."""

from __future__ import annotations

from functools import partial
from math import ceil
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import nothing
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.ndarray import Array
from minisym.core.params import CODES, FLOAT32, DType, Ints
from minisym.core.samples import Sample
from minisym.core.shapes import MOST_ELEMENTS
from minisym.ops.numeric.rules import wanted_shape

op = partial(declare, kind="source", cost=nothing)

Context = Annotated[str, "Accepted for old files: every array lives in main memory."]
Type = Annotated[DType, "Element type."]
Size = Annotated[Ints, "Shape; 0 is unknown, and found from what the output meets."]


def _shape(s: Any, *, shape: Ints) -> None:
    """Rule: the parameter says it, as far as it is known."""
    s.output = wanted_shape(shape)


def _dtype(t: Any, *, dtype: str) -> None:
    """Rule: the parameter says it."""
    t.output = np.dtype(dtype)


@op(samples=[Sample((), {"shape": (2, 3)}, reference=lambda: np.zeros((2, 3)))])
def _zeros(*, shape: Size = (), ctx: Context = "", dtype: Type = FLOAT32, out: Array) -> None:
    """Return an array of zeros."""
    out[...] = 0


@op(samples=[Sample((), {"shape": (2, 3)}, reference=lambda: np.ones((2, 3)))])
def _ones(*, shape: Size = (), ctx: Context = "", dtype: Type = FLOAT32, out: Array) -> None:
    """Return an array of ones."""
    out[...] = 1


@op(samples=[Sample((), {"shape": (2,), "value": 3}, reference=lambda: np.array([3.0, 3.0]))])
def _full(
    *,
    shape: Size = (),
    ctx: Context = "",
    dtype: Type = FLOAT32,
    value: Annotated[float, "The number to fill with."],
    out: Array,
) -> None:
    """Return an array filled with one number."""
    np.copyto(out, value, casting="unsafe")


for _source in (_zeros, _ones, _full):
    _source.shape(_shape)
    _source.dtype(_dtype)

_zeros.onnx(lambda o: o.full(o.shape, 0, o.dtype))
_ones.onnx(lambda o: o.full(o.shape, 1, o.dtype))
_full.onnx(lambda o, *, value: o.full(o.shape, value, o.dtype))


@op(samples=[Sample((), {"shape": (2, 3)}, reference=lambda: np.zeros((2, 3)))])
def _zeros_without_dtype(
    *,
    shape: Size = (),
    ctx: Context = "",
    dtype: Annotated[
        int, "Code of the element type; -1: what the output meets, else float32."
    ] = -1,
    out: Array,
) -> None:
    """Return an array of zeros whose type may follow from the graph."""
    out[...] = 0


_zeros_without_dtype.shape(_shape)
_zeros_without_dtype.onnx(lambda o: o.full(o.shape, 0, o.dtype))


@_zeros_without_dtype.dtype
def _(t: Any, *, dtype: int) -> None:
    if dtype >= 0:
        t.output = np.dtype(CODES[dtype])
    elif t.output is None:
        t.output = np.dtype("float32")


# --------------------------------------------------------------------------------------- ranges


def _onnx_numbers(o: Any) -> Any:
    """ONNX form of what depends on its parameters only: the numbers themselves."""
    return o.evaluate()


def _length(start: float, stop: float | None, step: float, repeat: int) -> int:
    """Return how many numbers a range holds; `arange(n)` starts at 0."""
    if stop is None:
        start, stop = 0.0, start
    if not step:
        raise ValueError("step must not be 0")
    length = (stop - start) / step
    if not abs(length) < MOST_ELEMENTS:
        raise ValueError(f"from {start:g} to {stop:g} by {step:g} is more than any memory holds")
    return ceil(length) * repeat


@op(
    samples=[
        Sample((), {"start": 2, "stop": 5}, reference=lambda: np.array([2.0, 3.0, 4.0])),
        Sample((), {"start": 3, "repeat": 2}, reference=lambda: np.array([0.0, 0, 1, 1, 2, 2])),
        Sample((), {"start": 1, "stop": 5, "step": -1}, raises=ShapeError, match="step -1"),
        Sample((), {"start": 1, "stop": 5, "step": 0}, raises=ShapeError, match="step 0"),
    ],
)
def _arange(
    *,
    start: Annotated[float, "First number; alone, it is the end of a range from 0."],
    stop: Annotated[float | None, "End of the range, not included."] = None,
    step: Annotated[float, "Distance of two numbers."] = 1.0,
    repeat: Annotated[int, "How often each number stands there."] = 1,
    infer_range: Annotated[bool, "Take the length from what the output meets."] = False,
    ctx: Context = "",
    dtype: Type = FLOAT32,
    out: Array,
) -> None:
    r"""Return evenly spaced numbers, $a, a + s, a + 2s, …$ up to the stop."""
    if stop is None and not infer_range:
        start = 0.0
    counts = np.arange(-(-out.size // repeat))
    if out.dtype.kind != "f":  # integers start and step by integers
        start, step = int(start), int(step)
    wide = np.float64 if out.dtype.itemsize == 2 else out.dtype
    numbers = np.array(start).astype(wide) + counts.astype(wide) * np.array(step).astype(wide)
    np.copyto(out, np.repeat(numbers, repeat)[: out.size], casting="unsafe")


@_arange.shape
def _(
    s: Any, *, start: float, stop: float | None, step: float, repeat: int, infer_range: bool
) -> None:
    """Rule: a vector, as long as the range, times `repeat`."""
    if repeat < 1:
        raise ValueError(f"repeat must be positive, but is {repeat}")
    if infer_range and stop is None:
        s.output = (None,)
        return
    first, last = (0.0, start) if stop is None else (start, stop)
    if step == 0 or (last - first) / step <= 0:
        raise ValueError(f"no range leads from {first:g} to {last:g} with step {step:g}")
    s.output = (_length(start, stop, step, repeat),)


_arange.dtype(_dtype)
_arange.onnx(_onnx_numbers)


@op(
    samples=[
        Sample((), {"start": 0, "stop": 1, "num": 3}, reference=lambda: np.array([0.0, 0.5, 1.0])),
        Sample(
            (),
            {"start": 0, "stop": 1, "num": 2, "endpoint": False},
            reference=lambda: np.array([0.0, 0.5]),
        ),
        Sample((), {"start": 0, "stop": 1, "num": -1}, raises=ShapeError, match="-1 numbers"),
    ],
)
def _linspace(
    *,
    start: Annotated[float, "First number."],
    stop: Annotated[float, "Last number."],
    num: Annotated[int, "How many numbers."],
    endpoint: Annotated[bool, "Whether the last number is one of them."] = True,
    ctx: Context = "",
    dtype: Type = FLOAT32,
    out: Array,
) -> None:
    """Return a given number of evenly spaced numbers from start to stop."""
    np.copyto(out, np.linspace(start, stop, out.size, endpoint), casting="unsafe")


@_linspace.shape
def _(s: Any, *, num: int) -> None:
    """Rule: a vector of `num` elements."""
    if num < 0:
        raise ValueError(f"there are no {num} numbers")
    s.output = (num,)


_linspace.dtype(_dtype)
_linspace.onnx(_onnx_numbers)


@op(samples=[Sample((), {"N": 2, "M": 3, "k": 1}, reference=lambda: np.eye(2, 3, 1))])
def _eye(
    *,
    N: Annotated[int, "Rows."],
    M: Annotated[int, "Columns; 0: as many as rows."] = 0,
    k: Annotated[int, "Which diagonal: 0 the main one, above it positive."] = 0,
    ctx: Context = "",
    dtype: Type = FLOAT32,
    out: Array,
) -> None:
    """Return a matrix with ones on a diagonal, $y_{ij} = [j - i = k]$."""
    rows, columns = out.shape
    np.copyto(out, np.eye(rows, columns, k), casting="unsafe")


@_eye.shape
def _(s: Any, *, N: int, M: int) -> None:
    """Rule: (N, M); (N, N), if M is 0."""
    if N < 0 or M < 0:
        raise ValueError(f"there is no matrix of {N} rows and {M} columns")
    s.output = (N, M or N)


_eye.dtype(_dtype)
_eye.onnx(_onnx_numbers)
