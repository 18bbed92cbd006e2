r"""Arithmetic between arrays that stretch to a common shape: axes of length 1 repeat.

In the gradients `g` is what arrives at the output, `x` and `y` are the inputs and `z` is the
output; the family sums what a row says over the stretched axes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import each, each_input
from minisym.core.declare import Declaration
from minisym.core.declare import op as declare
from minisym.core.families import broadcast
from minisym.core.ndarray import Array
from minisym.core.op import OF_GRADIENTS
from minisym.core.samples import Sample
from minisym.core.shapes import broadcast as stretched
from minisym.core.symbol import Symbol
from minisym.ops.arithmetic import (
    divide,
    modulo,
    onnx_divide,
    onnx_hypot,
    onnx_modulo,
    onnx_power,
    power,
)
from minisym.ops.comparison import stretching as compare
from minisym.ops.elemwise import floor
from minisym.ops.inputs import Expanded, Like
from minisym.ops.numeric.sums import run
from minisym.ops.reduce import reducing

op = partial(declare, cost=each(1))

broadcast(
    "broadcast_add",
    np.add,
    (lambda g, x, y, z: g, lambda g, x, y, z: g),
    "Add with broadcasting, $x + y$.",
    aliases=("broadcast_plus", "_sparse_broadcast_add", "_sparse_broadcast_plus"),
    sign="+",
    onnx="Add",
)
broadcast(
    "broadcast_sub",
    np.subtract,
    (lambda g, x, y, z: g, lambda g, x, y, z: -g),
    "Subtract with broadcasting, $x - y$.",
    aliases=("broadcast_minus", "_sparse_broadcast_sub", "_sparse_broadcast_minus"),
    sign="−",
    onnx="Sub",
)
mul: Declaration = broadcast(
    "broadcast_mul",
    np.multiply,
    (lambda g, x, y, z: mul(g, y), lambda g, x, y, z: mul(g, x)),
    "Multiply with broadcasting, $x y$.",
    aliases=("_sparse_broadcast_mul",),
    sign="×",
    onnx="Mul",
)
div: Declaration = broadcast(
    "broadcast_div",
    divide,
    (lambda g, x, y, z: div(g, y), lambda g, x, y, z: g * -div(z, y)),
    "Divide with broadcasting, $x / y$. Integers are cut towards 0; 0 divides them to 0.",
    floats=np.divide,
    aliases=("_sparse_broadcast_div",),
    domain=(0.3, 3.0),
    sign="÷",
    onnx=onnx_divide,
)
broadcast(
    "broadcast_mod",
    modulo,
    (lambda g, x, y, z: g, lambda g, x, y, z: g * -floor(div(x, y))),
    r"Take the remainder $x - \lfloor x / y \rfloor y$ with broadcasting; it has the sign of $y$.",
    domain=(0.3, 3.0),
    onnx=onnx_modulo,
)
pow_: Declaration = broadcast(
    "broadcast_power",
    power,
    (
        lambda g, x, y, z: g * slope(x, y),
        lambda g, x, y, z: g * times_log(z, x),
    ),
    "Raise to a power with broadcasting, $x^y$. Integers are computed in float64.",
    floats=np.power,
    domain=(0.3, 3.0),
    onnx=onnx_power,
)


def _slope(x: Array, y: Array, out: Array) -> None:
    np.multiply(y, np.power(x, y - 1), out, casting="unsafe")
    np.copyto(out, 0, where=y == 0)


def _times_log(x: Array, y: Array, out: Array) -> None:
    np.multiply(x, np.log(y), out, casting="unsafe")
    np.copyto(out, 0, where=x == 0)


slope: Declaration = broadcast(
    "_power_slope",
    _slope,
    (
        lambda g, x, y, z: g * mul(y, slope(x, y - 1)),
        lambda g, x, y, z: g * (pow_(x, y - 1) + times_log(z, x)),
    ),
    "Take the slope of a power, $y x^{y - 1}$; it is 0 for $y = 0$, also where $x$ is 0.",
    domain=(0.3, 3.0),
    no_onnx=OF_GRADIENTS,
)
times_log: Declaration = broadcast(
    "_times_log",
    _times_log,
    (lambda g, x, y, z: times_log(g, y), lambda g, x, y, z: g * div(x, y)),
    r"Multiply by a logarithm, $x \ln y$; 0 times anything is 0.",
    domain=(0.3, 3.0),
    no_onnx=OF_GRADIENTS,
)
broadcast(
    "broadcast_maximum",
    np.maximum,
    (
        lambda g, x, y, z: g * compare["greater_equal"](x, y),
        lambda g, x, y, z: g * compare["lesser"](x, y),
    ),
    r"Take the larger with broadcasting, $\max(x, y)$; a tie sends the gradient to $x$.",
    onnx="Max",
)
broadcast(
    "broadcast_minimum",
    np.minimum,
    (
        lambda g, x, y, z: g * compare["lesser_equal"](x, y),
        lambda g, x, y, z: g * compare["greater"](x, y),
    ),
    r"Take the smaller with broadcasting, $\min(x, y)$; a tie sends the gradient to $x$.",
    onnx="Min",
)
broadcast(
    "broadcast_hypot",
    np.hypot,
    (lambda g, x, y, z: g * div(x, z), lambda g, x, y, z: g * div(y, z)),
    r"Take the hypotenuse with broadcasting, $\sqrt{x^2 + y^2}$.",
    onnx=onnx_hypot,
)


# ----------------------------------------------------------------------------- there and back again


def _stretched(wide: Sequence[int | None], narrow: Sequence[int | None]) -> tuple[int, ...]:
    """Return the axes of `wide` along which `narrow` was repeated."""
    lead = len(wide) - len(narrow)
    return tuple(range(lead)) + tuple(
        axis for axis, d in enumerate(narrow, lead) if d == 1 and wide[axis] != 1
    )


@op(
    name="_unbroadcast",
    cost=each_input(1),
    samples=[
        Sample(((2, 4, 3), (4, 1)), wrt=(0,), reference=lambda g, x: g.sum((0, 2))[:, None]),
        Sample(((2, 3), (2, 3)), wrt=(0,), reference=lambda g, x: g),
    ],
    no_onnx=OF_GRADIENTS,
)
def unbroadcast(data: Annotated[Array, "The array to sum."], like: Like, *, out: Array) -> None:
    """Sum over the axes along which `like` would stretch to the shape of `data`.

    This is what the gradient of a stretched input goes through.
    """
    run(_summing(data, like, out))


def _summing(data: Array, like: Array, out: Array) -> Iterator[tuple[Any, ...]]:
    axes = _stretched(data.shape, like.shape)
    if not axes:
        yield np.copyto, (out, data)
        return
    lead = data.ndim - like.ndim
    yield from reducing(np.add, data, axes, out[(np.newaxis,) * lead])


@unbroadcast.steps
def _(inputs: Sequence[Array], outs: Sequence[Array]) -> Iterator[tuple[Any, ...]]:
    return _summing(*inputs, *outs)


@unbroadcast.shape
def _(s: Any) -> None:
    s.output = s.like
    s.data = stretched([s.like, s.data])


@unbroadcast.grad
def _(g: Symbol, data: Symbol, like: Symbol) -> tuple[Symbol | None, ...]:
    return stretch(g, data), None


@op(
    name="_stretch",
    samples=[
        Sample(
            ((4, 1), (2, 4, 3)),
            wrt=(0,),
            reference=lambda x, like: np.broadcast_to(x, (2, 4, 3)),
        )
    ],
)
def stretch(data: Expanded, like: Like, *, out: Array) -> None:
    """Repeat along axes of length 1 to the shape of `like`."""
    np.copyto(out, data)


@stretch.shape
def _(s: Any) -> None:
    s.output = s.like
    s.like = stretched([s.data, s.like])


stretch.onnx(lambda o, data: o.stretch(data))


@stretch.grad
def _(g: Symbol, data: Symbol, like: Symbol) -> tuple[Symbol | None, ...]:
    return unbroadcast(g, data), None
