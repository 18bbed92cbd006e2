r"""Products of matrices: sums over one axis of each operand.

The gradients of a product are products again, so each op here, gradient ops included, has a
gradient that is made of ops here: derivatives of any order come free.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce
from math import prod
from typing import Annotated, Any, Literal

import numpy as np

from minisym.core import cost
from minisym.core.cost import Dims, each, each_product
from minisym.core.declare import F
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.ndarray import Array
from minisym.core.op import Params
from minisym.core.samples import Sample
from minisym.core.shapes import Shape, product, unify
from minisym.core.symbol import Symbol
from minisym.ops.inputs import Head
from minisym.ops.numeric.rules import as_forward, floats_only


def _dot(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count a product of matrices."""
    return cost.product(ins[0], ins[1], outs[0])


def _dot_backward(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count the product that gives the gradient of one operand."""
    return cost.product(ins[0], ins[1], ins[2])


op = partial(declare, cost=_dot)
Left = Annotated[Array, "The left operand, a vector, matrix or more, summed along its last axis."]
Right = Annotated[Array, "The right operand, summed along its first axis."]

Stype = Annotated[
    Literal["default", "csr", "row_sparse"] | None, "Accepted for old files: arrays are dense."
]


# ------------------------------------------------------------------------------------------- dot


def _left(array: Array, transpose: bool) -> Array:
    """See the left operand of `dot` as a matrix (rest, summed)."""
    if array.ndim == 1:
        return array[np.newaxis]
    if transpose:
        return array.reshape(array.shape[0], prod(array.shape[1:])).T
    return array.reshape(prod(array.shape[:-1]), array.shape[-1])


def _right(array: Array, transpose: bool) -> Array:
    """See the right operand of `dot` as a matrix (summed, rest)."""
    return _left(array, not transpose).T


def _split(shape: tuple[Any, ...], first: bool) -> tuple[Any, tuple[Any, ...]]:
    """Take the summed axis, the first or the last, out of a shape."""
    return (shape[0], shape[1:]) if first else (shape[-1], shape[:-1])


def _join(summed: Any, rest: tuple[Any, ...], first: bool) -> Shape:
    return (summed, *rest) if first else (*rest, summed)


def _dot_shape(s: Any, *, transpose_a: bool, transpose_b: bool) -> None:
    """Rule: the summed axes agree, the others are the output's, those of lhs first."""
    lhs, rhs = s.lhs, s.rhs
    if lhs is None or rhs is None:
        return
    if len(lhs) == len(rhs) == 1:
        if transpose_a or transpose_b:
            raise ValueError("two vectors cannot be transposed")
        s.lhs, s.rhs, s.output = rhs, lhs, (1,)
        return
    (k, left), (other, right) = _split(lhs, transpose_a), _split(rhs, not transpose_b)
    s.output = left + right
    left, right = s.output[: len(left)], s.output[len(left) :]
    k = other if k is None else k
    s.lhs = _join(k, left, transpose_a)
    s.rhs = _join(k, right, not transpose_b)


def _product(left: Array, right: Array, out: Array) -> None:
    """Fill `out`, of any shape, with the product of two matrices."""
    if out.flags.c_contiguous:
        np.matmul(left, right, out.reshape(len(left), right.shape[1]))
    else:
        np.copyto(out, np.matmul(left, right).reshape(out.shape))


@op(
    kind="layer",
    aliases=("_sparse_dot",),
    samples=[
        Sample(((2, 3), (3, 4)), reference=lambda a, b: np.einsum("ik,kj->ij", a, b)),
        Sample(
            ((3, 2), (4, 3)),
            {"transpose_a": True, "transpose_b": True},
            reference=lambda a, b: np.einsum("ki,jk->ij", a, b),
        ),
        Sample(((2, 3, 4), (4, 5, 2)), reference=lambda a, b: np.tensordot(a, b, 1)),
        Sample(((3,), (3,)), reference=lambda a, b: np.array([sum(a * b)])),
        Sample(((2, 3), (4, 5)), raises=ShapeError, match="rhs has shape"),
        Sample(((3,), (3,)), {"transpose_a": True}, raises=ShapeError, match="two vectors"),
    ],
)
def dot(
    lhs: Left,
    rhs: Right,
    *,
    transpose_a: Annotated[bool, "Sum over the first axis of lhs instead of its last."] = False,
    transpose_b: Annotated[bool, "Sum over the last axis of rhs instead of its first."] = False,
    forward_stype: Stype = None,
    out: Array,
) -> None:
    r"""Multiply matrices, $Y = AB$, where $Y_{ij} = \sum_k A_{ik} B_{kj}$.

    In general, the last axis of `lhs` is summed with the first of `rhs`, and the other axes of both
    make the output: (2, 3, 4) with (4, 5) gives (2, 3, 5). Of two vectors, the result has shape
    (1,).

    >>> from minisym import sym
    >>> import numpy as np
    >>> y = sym.dot(sym.Variable("a"), sym.Variable("b"), transpose_b=True)
    >>> y.eval(a=np.eye(2), b=np.array([[1.0, 2.0], [3.0, 4.0]]))
    [NDArray([[1., 3.],
              [2., 4.]])]
    """
    _product(_left(lhs, transpose_a), _right(rhs, transpose_b), out)


dot.shape(_dot_shape)
dot.dtype(floats_only)


@dot.onnx
def _(o: Any, lhs: Any, rhs: Any, *, transpose_a: bool, transpose_b: bool) -> Any:
    def matrix(x: Any, first: bool) -> Any:
        """See an operand as a matrix whose summed axis is the first, or the last."""
        summed = x.shape[0 if first else -1]
        return x if x.rank == 2 else o.Reshape(x, (summed, -1) if first else (-1, summed))

    left = matrix(lhs, transpose_a and lhs.rank > 1)
    right = matrix(rhs, not (transpose_b and rhs.rank > 1))
    if transpose_a and lhs.rank > 1:
        left = o.Transpose(left, perm=(1, 0))
    if transpose_b and rhs.rank > 1:
        right = o.Transpose(right, perm=(1, 0))
    made = o.MatMul(left, right)
    return made if lhs.rank == rhs.rank == 2 else o.reshape(made)


@dot.grad
def _(
    g: Symbol, lhs: Symbol, rhs: Symbol, *, transpose_a: bool, transpose_b: bool
) -> tuple[Symbol, Symbol]:
    flags = {"transpose_a": transpose_a, "transpose_b": transpose_b}
    return _backward_dot_lhs(g, lhs, rhs, **flags), _backward_dot_rhs(g, lhs, rhs, **flags)


@dot.steps
def _(
    inputs: Sequence[Array], outs: Sequence[Array], *, transpose_a: bool, transpose_b: bool
) -> Any:
    (lhs, rhs), (out,) = inputs, outs
    if lhs.ndim > 2 or rhs.ndim > 2 or not out.flags.c_contiguous:
        return None
    left, right = _left(lhs, transpose_a), _right(rhs, transpose_b)
    return [(np.matmul, (left, right, out.reshape(len(left), right.shape[1])))]


def _backward_shape(s: Any, *, transpose_a: bool, transpose_b: bool) -> None:
    """Rule: `g` is shaped like the product."""
    flags = {"transpose_a": transpose_a, "transpose_b": transpose_b}
    as_forward(dot, s, flags, {"lhs": ["lhs"], "rhs": ["rhs"]}, {"output": ["g"]})


def _as_matrix(g: Array, left: Array, right: Array) -> Array:
    return g.reshape(len(left), right.shape[1])


@op(
    kind="backward",
    cost=_dot_backward,
    samples=[Sample(((2, 4), (2, 3), (3, 4)), reference=lambda g, a, b: g @ b.T)],
)
def _backward_dot_lhs(
    g: Head,
    lhs: Left,
    rhs: Right,
    *,
    transpose_a: bool = False,
    transpose_b: bool = False,
    out: Array,
) -> None:
    r"""Return the gradient of `dot` by its left operand, $G B^T$."""
    right = _right(rhs, transpose_b)
    matrix = _as_matrix(g, _left(lhs, transpose_a), right)
    if transpose_a:
        _product(right, matrix.T, out)
    else:
        _product(matrix, right.T, out)


@_backward_dot_lhs.shape
def _(s: Any, *, transpose_a: bool, transpose_b: bool) -> None:
    _backward_shape(s, transpose_a=transpose_a, transpose_b=transpose_b)
    s.output = s.lhs
    s.lhs = s.output


@_backward_dot_lhs.grad
def _(
    h: Symbol, g: Symbol, lhs: Symbol, rhs: Symbol, *, transpose_a: bool, transpose_b: bool
) -> tuple[Symbol | None, ...]:
    flags = {"transpose_a": transpose_a, "transpose_b": transpose_b}
    return F.dot(h, rhs, **flags), None, _backward_dot_rhs(g, h, rhs, **flags)


@op(
    kind="backward",
    cost=_dot_backward,
    samples=[Sample(((2, 4), (2, 3), (3, 4)), reference=lambda g, a, b: a.T @ g)],
)
def _backward_dot_rhs(
    g: Head,
    lhs: Left,
    rhs: Right,
    *,
    transpose_a: bool = False,
    transpose_b: bool = False,
    out: Array,
) -> None:
    r"""Return the gradient of `dot` by its right operand, $A^T G$."""
    left = _left(lhs, transpose_a)
    matrix = _as_matrix(g, left, _right(rhs, transpose_b))
    if transpose_b:
        _product(matrix.T, left, out)
    else:
        _product(left.T, matrix, out)


@_backward_dot_rhs.shape
def _(s: Any, *, transpose_a: bool, transpose_b: bool) -> None:
    _backward_shape(s, transpose_a=transpose_a, transpose_b=transpose_b)
    s.output = s.rhs
    s.rhs = s.output


@_backward_dot_rhs.grad
def _(
    h: Symbol, g: Symbol, lhs: Symbol, rhs: Symbol, *, transpose_a: bool, transpose_b: bool
) -> tuple[Symbol | None, ...]:
    flags = {"transpose_a": transpose_a, "transpose_b": transpose_b}
    return F.dot(lhs, h, **flags), _backward_dot_lhs(g, lhs, h, **flags), None


# ------------------------------------------------------------------------------------- batch_dot


def turned(array: Array, transpose: bool) -> Array:
    """Return the matrices of a batch, each transposed if so asked."""
    return array.swapaxes(-1, -2) if transpose else array


@op(
    kind="layer",
    cost=each_product,
    samples=[
        Sample(((2, 3, 4), (2, 4, 5)), reference=lambda a, b: np.einsum("nij,njk->nik", a, b)),
        Sample(
            ((2, 4, 3), (2, 5, 4)),
            {"transpose_a": True, "transpose_b": True},
            reference=lambda a, b: np.einsum("nji,nkj->nik", a, b),
        ),
        Sample(((2, 3, 4), (3, 4, 5)), raises=ShapeError, match="axis 0 is"),
        Sample(((3, 4), (4, 5)), raises=ShapeError, match="3 or more dimensions"),
    ],
)
def batch_dot(
    lhs: Annotated[Array, "The left matrices, (…, m, k)."],
    rhs: Annotated[Array, "The right matrices, (…, k, n)."],
    *,
    transpose_a: Annotated[bool, "Transpose each matrix of lhs first."] = False,
    transpose_b: Annotated[bool, "Transpose each matrix of rhs first."] = False,
    forward_stype: Stype = None,
    out: Array,
) -> None:
    r"""Multiply the matrices of two batches pairwise, $Y_n = A_n B_n$.

    The last two axes are the matrices; all axes before them are the batch, the same on both sides.

    >>> from minisym import sym
    >>> y = sym.batch_dot(sym.Variable("a"), sym.Variable("b"))
    >>> y.infer_shape(a=(8, 2, 3), b=(8, 3, 4))[1]
    [(8, 2, 4)]
    """
    np.matmul(turned(lhs, transpose_a), turned(rhs, transpose_b), out)


@batch_dot.shape
def _(s: Any, *, transpose_a: bool, transpose_b: bool) -> None:
    """Rule: (…, m, k) and (…, k, n) give (…, m, n)."""
    lhs, rhs, output = s.lhs, s.rhs, s.output
    rank = next((len(x) for x in (lhs, rhs, output) if x is not None), None)
    if rank is None:
        return
    if rank < 3:
        raise ValueError(f"it takes arrays of 3 or more dimensions, but got {rank}")
    s.lhs = s.rhs = s.output = (None,) * rank
    *batch, m, n = s.output
    left, right = s.lhs[-2:], s.rhs[-2:]
    m, k = left[::-1] if transpose_a else left
    other, n = right[::-1] if transpose_b else right
    k = other if k is None else k
    for _ in range(2):  # the batch flows through the output: from each side to the other
        *batch, m, n = s.output = unify(s.output, (*s.lhs[:-2], m, n))  # type: ignore[misc]
        s.rhs = (*batch, n, k) if transpose_b else (*batch, k, n)
        s.output = (*s.rhs[:-2], m, n)
        *batch, m, n = s.output
        s.lhs = (*batch, k, m) if transpose_a else (*batch, m, k)


batch_dot.dtype(floats_only)


@batch_dot.onnx
def _(o: Any, lhs: Any, rhs: Any, *, transpose_a: bool, transpose_b: bool) -> Any:
    turn = [*range(lhs.rank - 2), lhs.rank - 1, lhs.rank - 2]
    left = o.transpose(lhs, turn) if transpose_a else lhs
    return o.MatMul(left, o.transpose(rhs, turn) if transpose_b else rhs)


@batch_dot.grad
def _(
    g: Symbol, lhs: Symbol, rhs: Symbol, *, transpose_a: bool, transpose_b: bool
) -> tuple[Symbol, Symbol]:
    if transpose_a:
        left = F.batch_dot(rhs, g, transpose_a=transpose_b, transpose_b=True)
    else:
        left = F.batch_dot(g, rhs, transpose_b=not transpose_b)
    if transpose_b:
        right = F.batch_dot(g, lhs, transpose_a=True, transpose_b=transpose_a)
    else:
        right = F.batch_dot(lhs, g, transpose_a=not transpose_a)
    return left, right


# ------------------------------------------------------------------------------------ khatri_rao


@op(
    cost=each(1),
    count="num_args",
    variadic="args",
    samples=[
        Sample(
            ((2, 3), (4, 3)),
            reference=lambda a, b: np.stack([np.kron(a[:, j], b[:, j]) for j in range(3)], 1),
        ),
        Sample(((2, 3), (2, 3), (2, 3))),
        Sample(((2, 3), (4, 2)), raises=ShapeError, match="axis 1 is"),
    ],
)
def khatri_rao(*args: Annotated[Array, "Matrices of one number of columns."], out: Array) -> None:
    r"""Multiply matrices column by column, $y_j = a_j \otimes b_j \otimes …$ (Kronecker)."""
    result = args[0]
    for factor in args[1:]:
        result = (result[:, np.newaxis] * factor).reshape(-1, result.shape[1])
    np.copyto(out, result)


@khatri_rao.shape
def _(s: Any) -> None:
    """Rule: matrices of n columns give one of n columns; its rows are the product of theirs."""
    for shape in s.inputs:
        if shape is not None and len(shape) != 2:
            raise ValueError(f"it takes matrices, but got {len(shape)} dimension(s)")
    s.output = (None, None)
    for _ in range(2):
        for i, shape in enumerate(s.inputs):
            s.output = (None, shape[1] if shape else None)
            s.set_input(i, (None, s.output[1]))
    s.output = (product(shape[0] for shape in s.inputs), None)


@khatri_rao.onnx
def _(o: Any, *args: Any) -> Any:
    def product(left: Any, right: Any) -> Any:
        each = o.Mul(o.Unsqueeze(left, (1,)), o.Unsqueeze(right, (0,)))
        return o.Reshape(each, (-1, args[0].shape[1]))

    return reduce(product, args)


@khatri_rao.backward
def _(g: Array, *args: Array, out: Any) -> None:
    """Sum the gradient of a column over everything but one factor."""
    outs = out if isinstance(out, tuple) else (out,)
    columns = g.shape[1]
    for i, target in enumerate(outs):
        before, behind = (np.ones((1, columns), g.dtype) for _ in range(2))
        for x in args[:i]:
            before = (before[:, np.newaxis] * x).reshape(-1, columns)
        for x in args[i + 1 :]:
            behind = (behind[:, np.newaxis] * x).reshape(-1, columns)
        parts = g.reshape(len(before), len(target), len(behind), columns)
        np.einsum("aibj,aj,bj->ij", parts, before, behind, out=target)
