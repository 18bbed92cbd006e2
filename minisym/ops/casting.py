r"""Ops that change the element type."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import nothing
from minisym.core.declare import op as declare
from minisym.core.families import agree
from minisym.core.ndarray import Array
from minisym.core.params import DType
from minisym.core.samples import Sample
from minisym.core.symbol import Symbol

op = partial(declare, cost=nothing)

HALF_AND_SINGLE = (np.dtype(np.float16), np.dtype(np.float32))
"""The types between which mixed precision converts."""


@op(
    aliases=("cast",),
    elementwise=True,
    hands_on=True,
    samples=[
        Sample(((2, 3),), {"dtype": "float64"}, reference=lambda x: x),
        Sample(
            (np.array([-2.5, 1.5, 3.0]),),
            {"dtype": "int32"},
            wrt=(),
            reference=lambda x: np.trunc(x).astype(np.int32),
        ),
    ],
)
def Cast(
    data: Annotated[Array, "The array to convert, of any shape."],
    *,
    dtype: Annotated[DType, "The type to convert to."],
    out: Array,
) -> None:
    """Convert to another type; floats are cut to integers towards 0.

    The gradient is converted back.

    >>> import numpy as np
    >>> from minisym import sym
    >>> sym.Cast(sym.Variable("x"), dtype="int32").eval(x=np.array([1.7, -1.7]))
    [NDArray([ 1, -1], dtype=int32)]
    """
    np.copyto(out, data, casting="unsafe")


@Cast.dtype
def _(t: Any, *, dtype: str) -> None:
    t.output = np.dtype(dtype)


Cast.onnx(lambda o, data: o.cast(data))


@Cast.grad
def _(g: Symbol, data: Symbol) -> Symbol:
    return cast_like(g, data)


@op(
    name="_cast_like",
    samples=[
        Sample(((2, 3), (3,)), wrt=(0,)),
        Sample(
            ((2, 3), np.ones(1, np.float32)),
            wrt=(),
            reference=lambda x, like: x.astype(np.float32),
        ),
    ],
)
def cast_like(
    data: Annotated[Array, "The array to convert, of any shape."],
    like: Annotated[Array, "An array whose type the output takes; shape and values do not count."],
    *,
    out: Array,
) -> None:
    """Convert to the type of `like`, whatever its shape is."""
    np.copyto(out, data, casting="unsafe")


@cast_like.shape
def _(s: Any) -> None:
    agree(s, "data", "output")


@cast_like.dtype
def _(t: Any) -> None:
    t.output = t.like


cast_like.onnx(lambda o, data: o.cast(data))


@cast_like.grad
def _(g: Symbol, data: Symbol, like: Symbol) -> tuple[Symbol | None, ...]:
    return cast_like(g, data), None


@op(
    elementwise=True,
    hands_on=True,
    samples=[
        Sample(((2, 3),), {"dtype": "float32"}),
        Sample((np.array([1, 2]),), {"dtype": "float32"}, wrt=(), reference=lambda x: x),
    ],
)
def amp_cast(
    data: Annotated[Array, "The array to convert, of any shape."],
    *,
    dtype: Annotated[DType, "The type to convert to."],
    out: Array,
) -> None:
    """Convert float16 and float32 to another type; other types stay as they are.

    >>> from minisym import sym
    >>> import numpy as np
    >>> half = sym.amp_cast(sym.Variable("x"), dtype="float16")
    >>> half.eval(x=np.ones(2, np.float32)) + half.eval(x=np.ones(2, np.int32))
    [NDArray([1., 1.], dtype=float16), NDArray([1, 1], dtype=int32)]
    """
    np.copyto(out, data, casting="unsafe")


@amp_cast.dtype
def _(t: Any, *, dtype: str) -> None:
    if t.data is not None:
        t.output = np.dtype(dtype) if t.data in HALF_AND_SINGLE else t.data


amp_cast.onnx(lambda o, data: o.cast(data))


@amp_cast.grad
def _(g: Symbol, data: Symbol) -> Symbol:
    return cast_like(g, data)


@op(
    count="num_outputs",
    variadic="data_",
    outputs=lambda p: (
        ("output",)
        if p["num_outputs"] == 1
        else tuple(f"output{i}" for i in range(p["num_outputs"]))
    ),
    samples=[
        Sample(
            (np.ones(2, np.float16), np.ones(3, np.float32)),
            {"num_outputs": 2},
            wrt=(),
            reference=lambda a, b: (a.astype(np.float32), b),
        ),
        Sample(
            (np.ones(2, np.float16), np.ones(3, np.float32)),
            {"num_outputs": 2, "cast_narrow": True},
            wrt=(),
            reference=lambda a, b: (a, b.astype(np.float16)),
        ),
    ],
)
def amp_multicast(
    *data: Annotated[Array, "The arrays to convert, of any shapes."],
    num_outputs: Annotated[int, "The number of arrays."],
    cast_narrow: Annotated[bool, "Whether to take the narrowest type."] = False,
    out: Any,
) -> None:
    """Convert float16 and float32 arrays to the widest type among them, or to the narrowest.

    Arrays of other types stay as they are.
    """
    for x, y in zip(data, out if isinstance(out, tuple) else (out,), strict=True):
        np.copyto(y, x, casting="unsafe")


@amp_multicast.shape
def _(s: Any) -> None:
    """Rule: each output has the shape of its input."""
    for i, (x, y) in enumerate(zip(s.inputs, s.outputs, strict=True)):
        s.set_output(i, x)
        s.set_input(i, y)


@amp_multicast.dtype
def _(t: Any, *, cast_narrow: bool) -> None:
    if any(dtype is None for dtype in t.inputs):  # NumPy takes None for float64
        return
    found = [dtype for dtype in HALF_AND_SINGLE if dtype in t.inputs]
    for i, dtype in enumerate(t.inputs):
        chosen = found[0 if cast_narrow else -1] if dtype in found else dtype
        t.set_output(i, chosen)


amp_multicast.onnx(lambda o, *data: [o.cast(x, d) for x, d in zip(data, o.dtypes, strict=True)])


@amp_multicast.grad
def _(g: Symbol | list[Symbol], *data: Symbol) -> list[Symbol]:
    each = g if isinstance(g, list) else [g]
    return [cast_like(part, x) for part, x in zip(each, data, strict=True)]
