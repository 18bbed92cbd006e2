r"""Vectors along one axis of an array: what normalisations and biases are made of.

`_along` and `_sum_along` are each other's gradient, so derivatives of any order come free.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import each_input
from minisym.core.declare import op as declare
from minisym.core.ndarray import Array
from minisym.core.op import OF_GRADIENTS
from minisym.core.samples import Sample
from minisym.core.shapes import Shape, axis_of, broadcast, product, show, unify
from minisym.core.symbol import Symbol
from minisym.ops.inputs import Like
from minisym.ops.numeric.rules import first_type
from minisym.ops.numeric.sums import sum_over

op = partial(declare, kind="layout", cost=each_input(1))

Axis = Annotated[int, "The axis that the vector lies along."]


def lay(vector: Array, ndim: int, axis: int = 1) -> Array:
    """See a vector as an array of `ndim` axes, its elements along one of them.

    >>> lay(np.ones(3), 4).shape
    (1, 3, 1, 1)
    """
    shape = [1] * ndim
    shape[axis_of(axis, ndim)] = vector.size
    return vector.reshape(shape)


@op(
    name="_along",
    samples=[
        Sample(((3,), (2, 3, 2)), {"axis": 1}, wrt=(0,), reference=lambda v, x: v[:, None] + 0 * x),
        Sample(((1,), (2, 3)), {"axis": -1}, wrt=(0,), reference=lambda v, x: v + 0 * x),
    ],
)
def along(
    vector: Annotated[Array, "A vector; or one element, or an array that stretches."],
    like: Like,
    *,
    axis: Axis = 1,
    out: Array,
) -> None:
    """Repeat a vector over an array's other axes: element c lies at index c of one axis.

    A vector of one element fills the whole array; one with as many axes as the array stretches as
    in `broadcast_to`.
    """
    np.copyto(out, vector if vector.ndim == out.ndim != 1 else _laid(vector, out.ndim, axis))


@op(
    name="_sum_along",
    samples=[
        Sample(((2, 3, 2), (3,)), {"axis": 1}, wrt=(0,), reference=lambda x, v: x.sum((0, 2))),
        Sample(((2, 3), (1,)), {"axis": -1}, wrt=(0,), reference=lambda x, v: x.sum()[None]),
    ],
    no_onnx=OF_GRADIENTS,
)
def sum_along(
    data: Annotated[Array, "The array to sum."], like: Like, *, axis: Axis = 1, out: Array
) -> None:
    """Sum an array over all but one axis, to the shape of a vector; the gradient of `_along`."""
    laid = out if out.ndim == data.ndim != 1 else _laid(out, data.ndim, axis)
    axes = tuple(i for i in range(data.ndim) if laid.shape[i] == 1 != data.shape[i])
    np.copyto(out, sum_over(data, axes).reshape(out.shape), casting="unsafe")


def _laid(vector: Array, ndim: int, axis: int) -> Array:
    return vector.reshape((1,) * ndim) if vector.size == 1 else lay(vector, ndim, axis)


def _fit(vector: Shape, whole: Shape, axis: int) -> None:
    """Raise where a vector does not lie along an axis of the whole."""
    if vector is None or whole is None:
        return
    size = product(vector)
    if len(vector) == len(whole) != 1:
        unify(broadcast([vector, whole]), whole)
    elif size != 1 and size is not None and whole[axis_of(axis, len(whole))] not in (size, None):
        raise ValueError(f"{show(vector)} does not lie along axis {axis} of {show(whole)}")


@along.shape
def _(s: Any, *, axis: int) -> None:
    s.output = s.like
    s.like = s.output
    _fit(s.vector, s.like, axis)


@sum_along.shape
def _(s: Any, *, axis: int) -> None:
    s.output = s.like
    s.like = s.output
    _fit(s.like, s.data, axis)


along.dtype(first_type)
sum_along.dtype(first_type)


@along.onnx
def _(o: Any, vector: Any, *, axis: int) -> Any:
    rank = len(o.shape)
    if vector.rank != rank or rank == 1:
        is_one = vector.shape in ((), (1,)) or set(vector.shape) == {1}
        vector = o.reshape(vector, (1,) * rank) if is_one else o.lay(vector, rank, axis)
    return o.stretch(vector)


@along.grad
def _(g: Symbol, vector: Symbol, like: Symbol, *, axis: int) -> tuple[Symbol | None, ...]:
    return sum_along(g, vector, axis=axis), None


@sum_along.grad
def _(g: Symbol, data: Symbol, like: Symbol, *, axis: int) -> tuple[Symbol | None, ...]:
    return along(g, data, axis=axis), None
