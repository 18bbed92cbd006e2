r"""Reductions: sums, products and extremes over axes.

They share three parameters: `axis` says which axes go (none given: all of them), `exclude` turns
the choice around, and `keepdims` leaves an axis of length 1 in each place. What is reduced
completely has the shape (1,), as MXNet has no arrays without axes by default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import prod
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import each_input
from minisym.core.declare import Declaration
from minisym.core.declare import op as declare
from minisym.core.errors import ParamError
from minisym.core.families import agree
from minisym.core.kernels import number
from minisym.core.ndarray import Array
from minisym.core.op import OF_GRADIENTS
from minisym.core.params import Between, DType, Ints
from minisym.core.samples import Sample
from minisym.core.shapes import Shape, axes_of, is_np_shape
from minisym.core.symbol import Symbol
from minisym.ops.arithmetic import divide
from minisym.ops.casting import cast_like
from minisym.ops.elemwise import sign
from minisym.ops.numeric.rules import no_bool, numbers_only, some_to_choose
from minisym.ops.numeric.sums import folded, run, wide

op = partial(declare, kind="reduce", cost=each_input(1))

Steps = Callable[[Array, tuple[int, ...], Array], Iterator[tuple[Any, ...]]]
"""Yields the steps that fill the output: `steps(data, axes, out)`."""

Axes = Annotated[Ints | None, "The axes to reduce; None or () for all."]
KeepDims = Annotated[bool, "Whether reduced axes stay, with length 1."]
Exclude = Annotated[bool, "Whether `axis` says which axes to keep instead."]


def axes_gone(axis: Ints | None, rank: int, *, exclude: bool) -> tuple[int, ...]:
    """Return the axes that a reduction removes."""
    chosen = axes_of(axis, rank)
    if exclude and axis:
        return tuple(a for a in range(rank) if a not in chosen)
    return chosen


def reducing(
    ufunc: np.ufunc, data: Array, axes: tuple[int, ...], out: Array
) -> Iterator[tuple[Any, ...]]:
    """Yield the steps that reduce by a ufunc; sums and products of float16 are done in float32."""
    if len(axes) == data.ndim:
        out = out.reshape(())  # all axes go, and (1,) or (1, 1) is left
    elif axes and out.ndim == data.ndim:
        out = out[tuple(0 if a in axes else slice(None) for a in range(data.ndim))]
    if out.dtype == np.float16 and ufunc in (np.add, np.multiply):
        work = np.empty(out.shape, np.float32)
        yield from folded(ufunc, data, axes, work)
        yield np.copyto, (out, work, "unsafe")
    else:
        yield from folded(ufunc, data, axes, out)


def _mean_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type to add up in, which can count elements, too."""
    return wide(dtype) if dtype.kind == "f" else np.dtype(np.int64)


def left(data: Shape, axis: Ints | None, *, keepdims: bool, exclude: bool = False) -> Shape:
    """Return the shape that a reduction leaves."""
    if data is None:
        return None
    gone = axes_gone(axis, len(data), exclude=exclude)
    if keepdims:
        return tuple(1 if a in gone else d for a, d in enumerate(data))
    rest = tuple(d for a, d in enumerate(data) if a not in gone)
    return rest or (() if is_np_shape() else (1,))


# ---------------------------------------------------------------------------------- the way back


@op(
    name="_spread",
    samples=[
        Sample(((3,), (2, 3, 4)), {"axis": (0, 2)}, wrt=(0,)),
        Sample(((1,), (2, 3)), {"mean": True}, wrt=(0,)),
    ],
    no_onnx=OF_GRADIENTS,
)
def spread(
    data: Annotated[Array, "What the reduction left."],
    like: Annotated[Array, "The array that was reduced; only its shape counts."],
    *,
    axis: Axes = None,
    keepdims: KeepDims = False,
    exclude: Exclude = False,
    mean: Annotated[bool, "Whether to divide by the number of repeats."] = False,
    out: Array,
) -> None:
    """Repeat what a reduction of `like` left, along the axes that it reduced."""
    run(_spreading(data, axes_gone(axis, like.ndim, exclude=exclude), out, mean=mean))


def _spreading(
    data: Array, axes: tuple[int, ...], out: Array, *, mean: bool
) -> Iterator[tuple[Any, ...]]:
    source = data.reshape([1 if a in axes else d for a, d in enumerate(out.shape)])
    if mean:
        part = np.empty(source.shape, _mean_type(data.dtype))
        count = number(out.size // max(source.size, 1), part.dtype)
        yield np.divide if part.dtype.kind == "f" else divide, (source, count, part)
        source = part
    yield np.copyto, (out, source, "unsafe")


@spread.steps
def _(
    inputs: Sequence[Array], outs: Sequence[Array], *,
    axis: Ints | None, exclude: bool, mean: bool,
) -> Any:  # fmt: skip
    (data, like), (out,) = inputs, outs
    if not data.flags.c_contiguous:
        return None  # it could not be reshaped once and for all
    return _spreading(data, axes_gone(axis, like.ndim, exclude=exclude), out, mean=mean)


@spread.shape
def _(s: Any, *, axis: Ints | None, keepdims: bool, exclude: bool) -> None:
    s.output = s.like
    s.like = s.output
    if s.like is not None:
        s.data = left(s.like, axis, keepdims=keepdims, exclude=exclude)


@spread.grad
def _(
    g: Symbol, data: Symbol, like: Symbol, *,
    axis: Ints | None, keepdims: bool, exclude: bool, mean: bool,
) -> tuple[Symbol | None, ...]:  # fmt: skip
    back = MEAN if mean else SUM
    return back(g, axis=axis, keepdims=keepdims, exclude=exclude), None


def reduction(
    name: str,
    steps: Steps,
    grad: Callable[..., Symbol] | None,
    doc: str,
    reference: Callable[..., Any],
    aliases: tuple[str, ...] = (),
    *,
    onnx: str | Callable[..., Any],
    arithmetic: bool = True,
    chooses: bool = False,
) -> Declaration:
    """Declare a reduction: `steps(data, axes, out)` yields the steps that fill `out`.

    `onnx` names the op of ONNX, or writes `onnx(o, data, axes, keepdims)`.

    `grad(g, x, y, back)` is the gradient, where `back` repeats what has the output's shape along
    the axes that the reduction took from `x`; None leaves it to be declared. What is `arithmetic`
    takes no truth values. One that `chooses` is not defined of no elements.
    """

    def kernel(
        data: Annotated[Array, "The array to reduce."],
        *,
        axis: Axes = None,
        keepdims: KeepDims = False,
        exclude: Exclude = False,
        out: Array,
    ) -> None:
        run(steps(data, axes_gone(axis, data.ndim, exclude=exclude), out))

    kernel.__name__, kernel.__module__ = name, __name__
    kernel.__doc__ = doc + _example(name, reference)
    declared = op(
        name=name,
        aliases=aliases,
        samples=[
            Sample(((2, 3),), reference=lambda x: reference(x, axis=None).reshape(1)),
            Sample(((2, 3, 4),), {"axis": (0, -1)}, reference=lambda x: reference(x, axis=(0, 2))),
            Sample(
                ((2, 3, 4),),
                {"axis": 1, "exclude": True, "keepdims": True},
                reference=lambda x: reference(x, axis=(0, 2), keepdims=True),
            ),
            Sample(((2, 3),), {"axis": 2}, raises=IndexError, match="axis 2"),
        ],
    )(kernel)

    @declared.steps
    def _(
        inputs: Sequence[Array], outs: Sequence[Array], *, axis: Ints | None, exclude: bool
    ) -> Iterator[tuple[Any, ...]]:
        (data,), (out,) = inputs, outs
        return steps(data, axes_gone(axis, data.ndim, exclude=exclude), out)

    @declared.shape
    def _(s: Any, *, axis: Ints | None, keepdims: bool, exclude: bool) -> None:
        """Rule: the shape of `data` without the axes that are reduced, or with 1 there.

        (1,), if none is left.
        """
        s.output = left(s.data, axis, keepdims=keepdims, exclude=exclude)
        if chooses:
            some_to_choose(s)

    @declared.onnx
    def _(o: Any, data: Any, *, axis: Ints | None, keepdims: bool, exclude: bool) -> Any:
        axes = axes_gone(axis, data.rank, exclude=exclude)
        by_name = partial(o.reduce, onnx)
        form = partial(onnx, o) if callable(onnx) else by_name
        return o.reshape(form(data, axes, keepdims=keepdims))

    if arithmetic:
        declared.dtype(numbers_only)
    if grad is None:
        return declared

    @declared.grad
    def _(
        g: Symbol, x: Symbol, *, y: Symbol, axis: Ints | None, keepdims: bool, exclude: bool
    ) -> Symbol:
        def back(small: Symbol, **options: Any) -> Symbol:
            return spread(small, x, axis=axis, keepdims=keepdims, exclude=exclude, **options)

        return grad(g, x, y, back)

    return declared


def _example(name: str, reference: Callable[..., Any]) -> str:
    """Return a session for the docstring, which prints what NumPy's function gives."""
    skips = name.startswith("nan")
    data = np.array([[1.0, np.nan if skips else 2.0], [3.0, 4.0]])
    shown = "[[1.0, np.nan], [3.0, 4.0]]" if skips else "[[1.0, 2.0], [3.0, 4.0]]"
    return (
        f"\n\n>>> from minisym import sym\n>>> import numpy as np"
        f"\n>>> x = np.array({shown})"
        f'\n>>> sym.{name}(sym.Variable("x"), axis=1).eval(x=x)'
        f"\n[ND{reference(data, axis=1)!r}]".replace("NDarray", "NDArray")
    )


def _mean(data: Array, axes: tuple[int, ...], out: Array) -> Iterator[tuple[Any, ...]]:
    total = np.empty(out.shape, _mean_type(out.dtype))
    yield from reducing(np.add, data, axes, total)
    count = number(data.size // max(out.size, 1), total.dtype)
    if out.dtype.kind == "f":
        yield np.divide, (total, count, out)
    else:
        yield divide, (total, count, total)
        yield np.copyto, (out, total, "unsafe")


def _onnx_mean(o: Any, data: Any, axes: tuple[int, ...], *, keepdims: bool) -> Any:
    if o.dtype.kind == "f":
        return o.reduce("ReduceMean", data, axes, keepdims=keepdims)
    count = prod(o.fixed(data, "it divides integers by their number")[axis] for axis in axes)
    wide = o.reduce("ReduceSum", o.cast(data, "int64"), axes, keepdims=keepdims)
    return o.Div(wide, count)


def _onnx_without_nan(
    op: str, neutral: float, o: Any, data: Any, axes: tuple[int, ...], *, keepdims: bool
) -> Any:
    if o.dtype.kind == "f":
        data = o.Where(o.IsNaN(data), neutral, data)
    return o.reduce(op, data, axes, keepdims=keepdims)


SUM = reduction(
    "sum",
    partial(reducing, np.add),
    lambda g, x, y, back: back(g),
    r"Add up over axes, $\sum_i x_i$.",
    np.sum,
    ("_sparse_sum", "sum_axis"),
    onnx="ReduceSum",
)
MEAN = reduction(
    "mean",
    _mean,
    lambda g, x, y, back: back(g, mean=True),
    r"Average over axes, $\frac1n \sum_i x_i$; of integers an integer.",
    np.mean,
    ("_sparse_mean",),
    onnx=_onnx_mean,
)
PROD = reduction(
    "prod",
    partial(reducing, np.multiply),
    None,
    r"Multiply over axes, $\prod_i x_i$.",
    np.prod,
    onnx="ReduceProd",
)
reduction(
    "max",
    partial(reducing, np.maximum),
    lambda g, x, y, back: back(g) * (x == back(y)),
    "Take the largest over axes; each element of a tie gets the whole gradient.",
    np.max,
    ("max_axis",),
    onnx="ReduceMax",
    arithmetic=False,
    chooses=True,
)
reduction(
    "min",
    partial(reducing, np.minimum),
    lambda g, x, y, back: back(g) * (x == back(y)),
    "Take the smallest over axes; each element of a tie gets the whole gradient.",
    np.min,
    ("min_axis",),
    onnx="ReduceMin",
    arithmetic=False,
    chooses=True,
)


def _without_nan(
    ufunc: np.ufunc, neutral: float, data: Array, axes: tuple[int, ...], out: Array
) -> Iterator[tuple[Any, ...]]:
    if data.dtype.kind == "f":
        kept = np.empty_like(data)
        yield np.copyto, (kept, data)
        yield _replace_nan, (kept, neutral)
        data = kept
    yield from reducing(ufunc, data, axes, out)


def _replace_nan(x: Array, value: float) -> None:
    x[np.isnan(x)] = value


reduction(
    "nansum",
    partial(_without_nan, np.add, 0),
    lambda g, x, y, back: back(g) * (x == x),  # noqa: PLR0124  NaN differs from itself
    "Add up over axes what is not NaN; of nothing but NaN it is 0.",
    np.nansum,
    onnx=partial(_onnx_without_nan, "ReduceSum", 0),
)
NANPROD = reduction(
    "nanprod",
    partial(_without_nan, np.multiply, 1),
    None,
    "Multiply over axes what is not NaN; of nothing but NaN it is 1.",
    np.nanprod,
    onnx=partial(_onnx_without_nan, "ReduceProd", 1),
)


@op(
    cost=each_input(2),
    aliases=("_sparse_norm",),
    samples=[
        Sample(((2, 3),), reference=lambda x: np.sqrt((x * x).sum()).reshape(1)),
        Sample(
            ((2, 3, 4),),
            {"ord": 1, "axis": (0, -1)},
            reference=lambda x: np.abs(x).sum((0, 2)),
        ),
        Sample(
            ((3, 4),),
            {"axis": 1, "keepdims": True, "out_dtype": "float32"},
            wrt=(),
            reference=lambda x: np.linalg.norm(x, axis=1, keepdims=True).astype(np.float32),
        ),
        Sample(((2, 3),), {"axis": (0, 0)}, raises=IndexError, match="twice"),
        Sample(((2, 3),), {"ord": 3}, raises=ParamError, match="ord must lie in"),
    ],
)
def norm(
    data: Annotated[Array, "The array to take the norm of."],
    *,
    ord: Annotated[int, "1 adds up magnitudes, 2 squares.", Between(1, 2)] = 2,
    axis: Axes = None,
    out_dtype: Annotated[DType | None, "The type of the output; the input's if not given."] = None,
    keepdims: KeepDims = False,
    out: Array,
) -> None:
    r"""Take the norm over axes, $\sum_i |x_i|$ or $\sqrt{\sum_i x_i^2}$.

    The gradient of the second is $x / y$: NaN where the norm is 0.

    >>> import numpy as np
    >>> from minisym import sym
    >>> sym.norm(sym.Variable("x"), axis=1).eval(x=np.array([[3.0, 4.0], [5.0, 12.0]]))
    [NDArray([ 5., 13.])]
    """
    axes = axes_of(axis, data.ndim)
    if ord == 1:
        small = np.abs(data).sum(axes, np.float64, keepdims=keepdims)
    else:  # in float64 the squares of no float32 overflow
        small = np.sqrt(np.square(data, dtype=np.float64).sum(axes, keepdims=keepdims))
    np.copyto(out, np.reshape(small, out.shape), casting="unsafe")


@norm.shape
def _(s: Any, *, axis: Ints | None, keepdims: bool) -> None:
    """Rule: the shape of `data` without the axes that are reduced, or with 1 there.

    (1,), if none is left.
    """
    s.output = left(s.data, axis, keepdims=keepdims)


@norm.dtype
def _(t: Any, *, out_dtype: str | None) -> None:
    no_bool(t)
    if out_dtype is None:
        agree(t, "data", "output")
    else:
        t.output = np.dtype(out_dtype)


@norm.onnx
def _(o: Any, data: Any, *, ord: int, axis: Ints | None, keepdims: bool) -> Any:
    if data.dtype.kind != "f":
        data = o.cast(data, "float32")
    axes = axes_of(axis, data.rank)
    return o.reshape(
        o.reduce("ReduceL1" if ord == 1 else "ReduceL2", data, axes, keepdims=keepdims)
    )


@norm.grad
def _(g: Symbol, x: Symbol, *, y: Symbol, ord: int, axis: Ints | None, keepdims: bool) -> Symbol:
    direction = sign(x) if ord == 1 else x
    slope = cast_like(g if ord == 1 else g / y, x)
    return spread(slope, x, axis=axis, keepdims=keepdims) * direction
