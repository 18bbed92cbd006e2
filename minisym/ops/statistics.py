r"""Where extremes are, moments, and running sums."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import each_input
from minisym.core.declare import Declaration
from minisym.core.declare import op as declare
from minisym.core.errors import DtypeError, ShapeError
from minisym.core.families import agree
from minisym.core.ndarray import Array
from minisym.core.params import DType, Ints
from minisym.core.samples import Sample
from minisym.core.shapes import axes_of, axis_of, product
from minisym.core.symbol import Symbol
from minisym.ops.casting import cast_like
from minisym.ops.elemwise import onnx_trunc
from minisym.ops.inputs import Head, Like, Samples
from minisym.ops.numeric.rules import as_forward, no_bool, numbers_only, some_to_choose
from minisym.ops.numeric.sums import mean_over
from minisym.ops.reduce import KeepDims, left, spread

op = partial(declare, kind="reduce", cost=each_input(1))

# ------------------------------------------------------------------------------------- positions


def put_positions(found: Array, name: str, out: Array, hint: str = "Cast the data first") -> None:
    """Fill `out` with positions; raise where its type is too narrow for them."""
    np.copyto(out, found, casting="unsafe")
    if out.dtype.itemsize > 2 and found.size and found.max() < 1 << 24:
        return  # the narrowest of those, float32, holds them
    lost = out != found
    if lost.any():
        message = f"{name}: position {found[lost][0]} does not fit into {out.dtype}"
        raise DtypeError(message, hint=hint)


def _position(
    name: str, function: Callable[..., Any], plain: Callable[..., Any], doc: str
) -> Declaration:
    """Declare an op that finds where an extreme is."""
    form = {"argmax": "ArgMax", "argmin": "ArgMin"}[name]

    def kernel(
        data: Annotated[Array, "The array to search."],
        *,
        axis: Annotated[
            int | None, "The axis to search along; None for the flattened array."
        ] = None,
        keepdims: KeepDims = False,
        out: Array,
    ) -> None:
        found = function(data, axis)
        put_positions(np.reshape(found, out.shape), name, out)

    kernel.__name__, kernel.__doc__, kernel.__module__ = name, doc, __name__
    declared = op(
        samples=[
            Sample(((2, 3),), wrt=(), reference=lambda x: np.array([float(plain(x))])),
            Sample(
                ((2, 3, 4),),
                {"axis": -2, "keepdims": True},
                wrt=(),
                reference=lambda x: plain(x, axis=1)[:, None].astype(float),
            ),
            Sample(((2, 3),), {"axis": 2}, raises=ShapeError, match="axis 2"),
        ]
    )(kernel)

    @declared.shape
    def _(s: Any, *, axis: int | None, keepdims: bool) -> None:
        """Rule: the shape of `data` without `axis`, or with 1 there; (1,), if none is left."""
        s.output = left(s.data, None if axis is None else (axis,), keepdims=keepdims)
        some_to_choose(s)

    @declared.grad
    def _(g: Symbol, data: Symbol) -> None:
        return None

    @declared.onnx
    def _(o: Any, data: Any, *, axis: int | None) -> Any:
        flat = o.Reshape(data, (-1,)) if axis is None else data
        return o.reshape(o.node(form, flat, axis=axis or 0, keepdims=0))

    return declared


_position(
    "argmax",
    np.argmax,
    np.argmax,
    """Say where the largest element is, in the type of the input; the first one of a tie.

    A NaN counts as the largest. A position that the type cannot hold, such as 300 in uint8 or 2049
    in float16, is an error.
    """,
)
_position(
    "argmin",
    np.argmin,
    np.argmin,
    """Say where the smallest element is, in the type of the input; the first one of a tie.

    A NaN counts as the smallest. A position that the type cannot hold, such as 300 in uint8 or 2049
    in float16, is an error.
    """,
)


@op(
    samples=[
        Sample(((2, 3, 4),), wrt=(), reference=lambda x: x.argmax(1).astype(float)),
        Sample(((3,),), raises=ShapeError, match="axis 1"),
    ]
)
def argmax_channel(data: Samples, *, out: Array) -> None:
    """Say where the largest element is along axis 1, in the type of the input."""
    put_positions(data.argmax(1), "argmax_channel", out)


argmax_channel.onnx(lambda o, data: o.ArgMax(data, axis=1, keepdims=0))


@argmax_channel.shape
def _(s: Any) -> None:
    """Rule: the shape of `data` without axis 1."""
    s.output = left(s.data, (1,), keepdims=False)


# --------------------------------------------------------------------------------------- moments


@op(
    cost=each_input(4),
    outputs=("output0", "output1"),
    samples=[
        Sample(((4, 3),), {"axes": 0}, reference=lambda x: (x.mean(0), x.var(0))),
        Sample(
            ((2, 3, 4),),
            {"axes": (0, -1), "keepdims": True},
            reference=lambda x: (
                x.mean((0, 2), keepdims=True),
                x.var((0, 2), keepdims=True),
            ),
        ),
        Sample(((2, 3),), raises=ShapeError, match="axes"),
    ],
)
def moments(
    data: Annotated[Array, "The array to reduce."],
    *,
    axes: Annotated[Ints | None, "The axes to take them over; all must be named."] = None,
    keepdims: KeepDims = False,
    out: tuple[Array, Array],
) -> None:
    r"""Take mean and variance over axes, $\mu = \sum_i x_i / n$ and $\sum_i (x_i - \mu)^2 / n$.

    >>> import numpy as np
    >>> from minisym import sym
    >>> sym.moments(sym.Variable("x"), axes=(0,)).eval(x=np.array([1.0, 3.0]))
    [NDArray([2.]), NDArray([1.])]
    """
    mean, variance = out
    gone = axes_of(axes, data.ndim)
    wide = data if data.dtype in (np.float32, np.float64) else data.astype(np.float64)
    kept = mean_over(wide, gone, keepdims=True)
    if data.dtype.kind != "f":  # the mean of integers is one
        kept = np.trunc(kept)
    np.copyto(mean, kept.reshape(mean.shape), casting="unsafe")
    squares = mean_over(np.square(wide - kept), gone)
    np.copyto(variance, np.reshape(squares, variance.shape), casting="unsafe")


@moments.shape
def _(s: Any, *, axes: Ints | None, keepdims: bool) -> None:
    """Rule: both outputs: the shape of `data` without `axes`, or with 1 there."""
    if not axes:
        raise ValueError("axes must name the axes to reduce; for all of them, name all")
    s.output0 = s.output1 = left(s.data, axes, keepdims=keepdims)


moments.dtype(numbers_only)


@moments.onnx
def _(o: Any, data: Any, *, axes: Ints | None, keepdims: bool) -> Any:
    gone = axes_of(axes, data.rank)
    wide = data if data.dtype.kind == "f" else o.cast(data, "float64")
    mean = o.reduce("ReduceMean", wide, gone, keepdims=True)
    centred = o.Sub(wide, mean if data.dtype.kind == "f" else onnx_trunc(o, mean))
    squares = o.reduce("ReduceMean", o.Mul(centred, centred), gone, keepdims=True)
    return [o.reshape(mean, o.shapes[0]), o.reshape(squares, o.shapes[1])]


@moments.grad
def _(
    g: list[Symbol], data: Symbol, *, y: list[Symbol], axes: Ints | None, keepdims: bool
) -> Symbol:
    def back(small: Symbol, *, mean: bool = True) -> Symbol:
        return spread(small, data, axis=axes, keepdims=keepdims, mean=mean)

    return back(g[0]) + back(g[1]) * ((data - back(y[0], mean=False)) * 2)


# ---------------------------------------------------------------------------------- running sums

Along = Annotated[int | None, "The axis to run along; None for the flattened array."]


def _accumulate(data: Array, axis: int, out: Array) -> None:
    """Fill `out` with running sums; those of floats are float64, or they would lose digits."""
    if out.dtype.kind == "f" and out.dtype != np.float64:
        np.copyto(out, np.add.accumulate(data, axis, np.float64), casting="unsafe")
    else:
        np.add.accumulate(data.astype(out.dtype, copy=False), axis, None, out)


@op(
    name="_np_cumsum",
    aliases=("cumsum",),
    samples=[
        Sample(((2, 3),), reference=lambda x: x.cumsum()),
        Sample(((2, 3, 4),), {"axis": 1}, reference=lambda x: x.cumsum(1)),
        Sample(
            ((2, 3),),
            {"axis": -1, "dtype": "float32"},
            wrt=(),
            reference=lambda x: x.astype(np.float32).cumsum(-1),
        ),
        Sample(((2, 3),), {"axis": 2}, raises=ShapeError, match="axis 2"),
    ],
)
def cumsum(
    a: Annotated[Array, "The array to add up."],
    *,
    axis: Along = None,
    dtype: Annotated[DType | None, "The type of the output; the input's if not given."] = None,
    out: Array,
) -> None:
    r"""Add up what has come so far along an axis, $y_i = \sum_{j \le i} x_j$.

    >>> import numpy as np
    >>> from minisym import sym
    >>> sym.cumsum(sym.Variable("x"), axis=0).eval(x=np.array([1.0, 2.0, 3.0]))
    [NDArray([1., 3., 6.])]
    """
    if axis is None:
        a, axis = a.reshape(-1), 0
    _accumulate(a, axis, out)


@cumsum.shape
def _(s: Any, *, axis: int | None) -> None:
    """Rule: the shape of `a`; without an axis, one vector of all."""
    if axis is None:
        s.output = None if s.a is None else (product(s.a),)
        return
    agree(s, "a", "output")
    if s.a is not None:
        axis_of(axis, len(s.a))


@cumsum.dtype
def _(t: Any, *, dtype: str | None) -> None:
    if dtype is None:
        no_bool(t)
        agree(t, "a", "output")
    else:
        t.output = np.dtype(dtype)
        if t.output == np.bool_:
            raise ValueError("running sums are numbers, not bool")


@cumsum.onnx
def _(o: Any, a: Any, *, axis: int | None) -> Any:
    flat = o.Reshape(a, (-1,)) if axis is None else a
    return o.CumSum(o.cast(flat), np.array(axis or 0))


@cumsum.grad
def _(g: Symbol, a: Symbol, *, axis: int | None) -> Symbol:
    return cumsum_back(cast_like(g, a), a, axis=axis)


@op(name="_cumsum_back", samples=[Sample(((6,), (2, 3)), wrt=(0,))])
def cumsum_back(g: Head, like: Like, *, axis: Along = None, out: Array) -> None:
    r"""Add up what is still to come along an axis, $y_i = \sum_{j \ge i} g_j$, shaped as `like`."""
    if axis is None:
        _accumulate(g[::-1], 0, out.reshape(-1)[::-1])
        return
    _accumulate(np.flip(g, axis), axis, np.flip(out, axis))


@cumsum_back.shape
def _(s: Any, *, axis: int | None) -> None:
    s.output = s.like
    s.like = s.output
    as_forward(cumsum, s, {"axis": axis}, {"a": ["like"]}, {"output": ["g"]})


@cumsum_back.onnx
def _(o: Any, g: Any, *, axis: int | None) -> Any:
    return o.reshape(o.CumSum(g, np.array(axis or 0), reverse=1))


@cumsum_back.grad
def _(h: Symbol, g: Symbol, like: Symbol, *, axis: int | None) -> tuple[Symbol | None, ...]:
    return cumsum(h, axis=axis), None
