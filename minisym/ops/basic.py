r"""Ops that pass on or choose: identity, constants like another array, sums, clips, where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial, reduce
from math import prod
from typing import Annotated, Any

import numpy as np

from minisym.core import families
from minisym.core.cost import Dims, each, nothing
from minisym.core.declare import op as declare
from minisym.core.errors import DtypeError
from minisym.core.families import ZERO, Elements, agree
from minisym.core.kernels import BOOL, number, single
from minisym.core.ndarray import Array
from minisym.core.op import Params
from minisym.core.samples import Sample
from minisym.core.symbol import Symbol
from minisym.ops.inputs import Shaped
from minisym.ops.numeric.rules import numbers_only


def _sums(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count an addition for each input but the first."""
    return (len(ins) - 1) * prod(outs[0])


op = partial(declare, cost=nothing)
unary, binary = partial(families.unary, cost=nothing), partial(families.binary, cost=nothing)

# ------------------------------------------------------------------------------- the same or none

ones_like = unary(
    "ones_like",
    lambda x, out: out.fill(1),
    ZERO,
    "Make ones of the shape and type of another array.",
    samples=[Sample(((2, 3),), reference=np.ones_like)],
    onnx=lambda o, x: o.full(o.shape, 1, o.dtype),
)
zeros_like = unary(
    "zeros_like",
    lambda x, out: out.fill(0),
    ZERO,
    "Make zeros of the shape and type of another array.",
    aliases=("_sparse_zeros_like",),
    samples=[Sample(((2, 3),), reference=np.zeros_like)],
    onnx=lambda o, x: o.full(o.shape, 0, o.dtype),
)


def _copy(x: Array, out: Array) -> None:
    np.copyto(out, x)


unary(
    "_copy",
    _copy,
    lambda g, x, y: g,
    "Pass the array on, $y = x$.",
    aliases=("identity",),
    samples=[Sample(((2, 3),), reference=lambda x: x)],
    view=True,
    hands_on=True,
    onnx=lambda o, x: x,
)
binary(
    "_identity_with_attr_like_rhs",
    lambda x, y, out: np.copyto(out, x),
    (lambda g, x, y, z: g, ZERO),
    "Pass the first of two arrays of one shape on, $x$.",
    samples=[Sample(((2, 3), (2, 3)), reference=lambda x, y: x)],
    view=True,
    hands_on=True,
    onnx=lambda o, x, y: x,
)
unary(
    "BlockGrad",
    _copy,
    ZERO,
    "Pass the array on, but no gradient back.",
    aliases=("stop_gradient", "_sparse_stop_gradient"),
    samples=[Sample(((2, 3),), wrt=(), reference=lambda x: x)],
    view=True,
    hands_on=True,
    stops_gradient=True,
    onnx=lambda o, x: x,
)
unary(
    "make_loss",
    _copy,
    lambda g, x, y: ones_like(x),
    "Pass the array on as a loss: its gradient is 1, whatever arrives at the output.",
    aliases=("_sparse_make_loss",),
    samples=[Sample(((2, 3),), wrt=(), reference=lambda x: x)],
    view=True,
    hands_on=True,
    outputs=("loss",),
    loss=True,
    onnx=lambda o, x: x,
)


# ---------------------------------------------------------------------------------- what is known


@op(samples=[Sample(((2, 3),), wrt=(), reference=lambda x: np.array([2, 3]))])
def shape_array(data: Shaped, *, out: Array) -> None:
    """Tell the shape, as an array of int64."""
    out[...] = data.shape


@shape_array.shape
def _(s: Any) -> None:
    """Rule: one number for each axis of `data`."""
    s.output = (None if s.data is None else len(s.data),)


@op(samples=[Sample(((2, 3),), wrt=(), reference=lambda x: np.array([6]))])
def size_array(data: Shaped, *, out: Array) -> None:
    """Tell the number of elements, as an array of one int64."""
    out[...] = data.size


@size_array.shape
def _(s: Any) -> None:
    """Rule: one number, (1,)."""
    s.output = (1,)


shape_array.onnx(lambda o, data: o.sizes(data.shape))
size_array.onnx(lambda o, data: o.reshape(o.Size(data), (1,)))

for _known in (shape_array, size_array):

    @_known.dtype
    def _(t: Any) -> None:
        t.output = np.dtype(np.int64)

    @_known.grad
    def _(g: Symbol, data: Symbol) -> None:
        return None


# ------------------------------------------------------------------------------- sums and choices


@op(
    sign="+",
    cost=_sums,
    aliases=("ElementWiseSum", "_sparse_ElementWiseSum", "_sparse_add_n"),
    count="num_args",
    variadic="args",
    elementwise=True,
    hands_on=True,
    samples=[
        Sample(((2, 3), (2, 3), (2, 3)), reference=lambda a, b, c: a + b + c),
        Sample(((2, 3),), reference=lambda a: a),
    ],
)
def add_n(*args: Annotated[Array, "The arrays to add, of one shape."], out: Array) -> None:
    r"""Add any number of arrays of one shape, $\sum_i x_i$.

    >>> import numpy as np
    >>> from minisym import sym
    >>> a, b = sym.Variable("a"), sym.Variable("b")
    >>> sym.add_n(a, b, a).eval(a=np.array([1.0]), b=np.array([2.0]))
    [NDArray([4.])]
    """
    for function, arguments in _one_by_one(args, out):
        function(*arguments)


add_n.dtype(numbers_only)


@add_n.steps
def _(inputs: Sequence[Array], outs: Sequence[Array]) -> Iterator[Any]:
    return _one_by_one(inputs, outs[0])


def _one_by_one(inputs: Sequence[Array], out: Array) -> Iterator[Any]:
    # only the last step writes the output: it may be the memory of any input
    if len(inputs) == 1:
        yield np.copyto, (out, inputs[0])
        return
    so_far = inputs[0]
    scratch = np.empty_like(out) if len(inputs) > 2 else out
    for x in inputs[1:-1]:
        yield np.add, (so_far, x, scratch)
        so_far = scratch
    yield np.add, (so_far, inputs[-1], out)


@add_n.onnx
def _(o: Any, *args: Any) -> Any:
    return o.Sum(*args) if o.dtype.kind == "f" else reduce(o.Add, args)


@add_n.grad
def _(g: Symbol, *args: Symbol) -> list[Symbol]:
    return [g] * len(args)


def limits(low: float, high: float, dtype: np.dtype[Any]) -> tuple[float, float]:
    """Return bounds as numbers that a type holds."""
    if dtype.kind == "f":
        return low, high
    info = np.iinfo(dtype)
    return min(max(low, info.min), info.max), min(max(high, info.min), info.max)


@op(
    cost=each(2),
    aliases=("_sparse_clip",),
    elementwise=True,
    samples=[
        Sample(((3, 4),), {"a_min": -1, "a_max": 1.5}, reference=lambda x: x.clip(-1, 1.5)),
    ],
)
def clip(
    data: Elements,
    *,
    a_min: Annotated[float, "The least value."],
    a_max: Annotated[float, "The greatest value."],
    out: Array,
) -> None:
    r"""Limit to an interval, $\min(\max(x, a_\text{min}), a_\text{max})$.

    The gradient passes inside and at both bounds. NaN stays NaN, and passes it, too.

    >>> import numpy as np
    >>> from minisym import sym
    >>> sym.clip(sym.Variable("x"), 0, 1).eval(x=np.array([-1.0, 0.5, 2.0]))
    [NDArray([0. , 0.5, 1. ])]
    """
    least, greatest = (number(bound, out.dtype) for bound in limits(a_min, a_max, out.dtype))
    if a_min > a_max:  # as in MXNet: the upper bound is looked at first
        np.copyto(out, np.where(data > a_max, greatest, np.where(data < a_min, least, data)))
        return
    np.maximum(data, least, out=out)
    np.minimum(out, greatest, out=out)


@clip.onnx
def _(o: Any, data: Any, *, a_min: float, a_max: float) -> Any:
    least, greatest = (number(bound, o.dtype) for bound in limits(a_min, a_max, o.dtype))
    if a_min <= a_max:
        return o.Min(o.Max(data, least), greatest)
    return o.Where(o.Greater(data, greatest), greatest, o.Max(data, least))


@clip.grad
def _(g: Symbol, data: Symbol, *, a_min: float, a_max: float) -> Symbol:
    outside = (data < a_min) + (data > a_max)
    return where(outside, zeros_like(g), g)


@op(
    aliases=("_sparse_where",),
    samples=[
        Sample(
            (np.array([[0.0, 1.0], [np.nan, 0.0]]), (2, 2), (2, 2)),
            wrt=(1, 2),
            reference=np.where,
        ),
        Sample(
            (np.array([0, 2]), (2, 3), (2, 3)),
            wrt=(1, 2),
            reference=lambda c, x, y: np.where(c[:, None], x, y),
        ),
        Sample((np.array([0, 2, 1]), (2, 3), (2, 3)), raises=ValueError, match="condition"),
    ],
)
def where(
    condition: Annotated[
        Array, "What decides: of the shape of x and y, or one element for each row of them."
    ],
    x: Annotated[Array, "What is chosen where the condition is not 0."],
    y: Annotated[Array, "What is chosen where it is 0, of the shape of x."],
    *,
    out: Array,
) -> None:
    """Choose from `x` where the condition is nonzero, else from `y`.

    The condition has the shape of `x` and `y`, or one element for each row of them.

    >>> import numpy as np
    >>> from minisym import sym
    >>> x = sym.Variable("x")
    >>> sym.where(x > 0, x, sym.zeros_like(x)).eval(x=np.array([-1.0, 2.0]))
    [NDArray([0., 2.])]
    """
    np.copyto(out, y)
    if condition.ndim < out.ndim:
        condition = condition.reshape(-1, *(1,) * (out.ndim - 1))
    np.copyto(out, x, where=condition != 0)


@where.shape
def _(s: Any) -> None:
    """Rule: `x`, `y` and the output have one shape.

    `condition` has it, too, or one element a row.
    """
    agree(s, "x", "y", "output")
    condition, x = s.condition, s.x
    if condition is None or x is None:
        return
    if len(condition) == len(x):
        s.x = condition
        agree(s, "condition", "x", "y", "output")
    elif len(condition) == 1:
        s.condition = x[:1]
        s.x = (s.condition[0], *x[1:])
        agree(s, "x", "y", "output")
    else:
        raise ValueError("condition must have the shape of x, or be a vector of one element a row")


@where.dtype
def _(t: Any) -> None:
    agree(t, "x", "y", "output")


@where.onnx
def _(o: Any, condition: Any, x: Any, y: Any) -> Any:
    if condition.rank < x.rank:
        condition = o.lay(condition, x.rank, 0)
    return o.Where(o.Cast(condition, to=BOOL), x, y)


@where.grad
def _(g: Symbol, condition: Symbol, x: Symbol, y: Symbol) -> tuple[Symbol | None, ...]:
    zero = zeros_like(g)
    return None, where(condition, g, zero), where(condition, zero, g)


# ------------------------------------------------------------------------------------ curves


@op(
    cost=each(3),
    elementwise=True,
    samples=[
        Sample(((3, 4),), reference=lambda x: np.where(abs(x) < 1, x * x / 2, abs(x) - 0.5)),
        Sample(
            ((3, 4),),
            {"scalar": 2.0},
            reference=lambda x: np.where(abs(x) < 0.25, 2 * x * x, abs(x) - 0.125),
        ),
    ],
)
def smooth_l1(
    data: Elements,
    *,
    scalar: Annotated[float, r"Where it turns: the square reaches to $1 / \sigma^2$."] = 1.0,
    out: Array,
) -> None:
    r"""Take the magnitude, rounded off by a parabola near 0.

    $\frac12 (\sigma x)^2$ where $|x| < 1 / \sigma^2$, else $|x| - \frac12 / \sigma^2$:
    the Huber loss of a difference; with $\sigma = 1$, that of Huber's threshold 1.

    Reference: Huber, *Robust estimation of a location parameter*, 1964; Girshick,
    *Fast R-CNN*, 2015, arXiv:1504.08083.
    """
    square = scalar * scalar
    turn = 1 / square if square else np.inf
    far = np.abs(data if data.dtype.kind == "f" else data.astype(np.float64))
    typed = far.dtype.type
    parabola = typed(0.5 * square) * far * far
    np.copyto(out, np.where(far > typed(turn), far - typed(0.5 * turn), parabola), casting="unsafe")


@smooth_l1.onnx
def _(o: Any, data: Any, *, scalar: float) -> Any:
    square = scalar * scalar
    turn = 1 / square if square else np.inf
    far = o.Abs(o.real(data))
    parabola = o.Mul(o.Mul(far, 0.5 * square), far)
    return o.Where(o.Greater(far, turn), o.Sub(far, 0.5 * turn), parabola)


@smooth_l1.grad
def _(g: Symbol, data: Symbol, *, scalar: float) -> Symbol:
    return g * clip(data * (scalar * scalar), a_min=-1, a_max=1)


@op(
    kind="activation",
    elementwise=True,
    samples=[
        Sample(((3, 4),), reference=lambda x: (single(0.2) * x + 0.5).clip(0, 1)),
        Sample(((3, 4),), {"alpha": 0.375}, reference=lambda x: (0.375 * x + 0.5).clip(0, 1)),
        Sample((np.array([1, 2]),), raises=DtypeError, match="floats"),
    ],
)
def hard_sigmoid(
    data: Elements,
    *,
    alpha: Annotated[float, "The slope."] = 0.2,
    beta: Annotated[float, "The value at 0."] = 0.5,
    out: Array,
) -> None:
    r"""Squash to [0, 1] by a line, $\min(\max(\alpha x + \beta, 0), 1)$."""
    zero, one = number(0, out.dtype), number(1, out.dtype)
    np.multiply(data, number(single(alpha), out.dtype), out)
    np.add(out, number(single(beta), out.dtype), out)
    np.maximum(out, zero, out=out)
    np.minimum(out, one, out=out)


@hard_sigmoid.dtype
def _(t: Any) -> None:
    agree(t, "data", "output")
    if t.data is not None and t.data.kind != "f":
        raise ValueError("it takes floats")


@hard_sigmoid.onnx
def _(o: Any, data: Any, *, alpha: float, beta: float) -> Any:
    return o.HardSigmoid(data, alpha=alpha, beta=beta)


@hard_sigmoid.grad
def _(g: Symbol, data: Symbol, *, y: Symbol, alpha: float) -> Symbol:
    return g * ((y > 0) * (y < 1) * single(alpha))
