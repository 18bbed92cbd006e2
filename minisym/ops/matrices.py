r"""Products of batches of matrices, triangular ones among them.

The last two axes are rows and columns, all axes before them count the matrices; both sides of a
product hold equally many. A triangular matrix is read on one side of its diagonal only.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import Dims, cubic, each_product
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.ndarray import Array
from minisym.core.op import Params
from minisym.core.samples import Sample
from minisym.core.shapes import Dim, Shape, axis_of
from minisym.core.symbol import Symbol
from minisym.ops.inputs import Matrices
from minisym.ops.linalg import turned
from minisym.ops.numeric.rules import matrix_floats
from minisym.ops.triangles import matrices, mirror, triangle


def _rank_update(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count two operations for each term of each element."""
    return 2 * prod(outs[0]) * ins[0][-2 if params["transpose"] else -1]


op = partial(declare, cost=cubic)
LeftMatrices = Annotated[Array, "The left matrices, (…, m, k)."]
RightMatrices = Annotated[Array, "The right matrices, (…, k, n)."]
Triangles = Annotated[Array, "Square matrices; what lies beyond the triangle is not read."]

Scale = Annotated[float, "The result is multiplied by it."]
TransposeA = Annotated[bool, "Transpose the matrices of A first."]
TransposeB = Annotated[bool, "Transpose the matrices of B first."]
RowAxis = Annotated[int, "The axis of the rows, neither the last nor behind it."]


SOLVES = "ONNX solves no systems of equations, and factors no matrices"
"""Why some ops have no form there."""


# ------------------------------------------------------------------------------------------ gemm


def _rows_to(array: Array, axis: int) -> Array:
    return np.moveaxis(array, axis, -2)


def _gemm_shape(s: Any, *, transpose_a: bool, transpose_b: bool, axis: int) -> None:
    """Rule: rows of A and columns of B make the output; the batches agree."""
    rank = next((len(x) for x in (s.A, s.B, s.output) if x is not None), None)
    if rank is None:
        return
    if rank < 2:
        raise ValueError(f"matrices have 2 dimensions or more, but these have {rank}")
    row = axis_of(axis, rank)
    if row == rank - 1:
        raise ValueError(f"axis {axis} is that of the columns, so it cannot be that of the rows")
    s.A = s.B = s.output = (None,) * rank

    def parts(shape: tuple[Dim, ...], transpose: bool = False) -> tuple[Any, Dim, Dim]:
        batch = (*shape[:row], *shape[row + 1 : -1])
        return (batch, shape[-1], shape[row]) if transpose else (batch, shape[row], shape[-1])

    def whole(batch: tuple[Dim, ...], m: Dim, n: Dim, transpose: bool = False) -> Shape:
        m, n = (n, m) if transpose else (m, n)
        return (*batch[:row], m, *batch[row:], n)

    for _ in range(2):
        batch, m, k = parts(s.A, transpose_a)
        s.output = whole(batch, m, parts(s.output)[2])
        s.B = whole(parts(s.output)[0], k, parts(s.output)[2], transpose_b)
        batch, k, n = parts(s.B, transpose_b)
        s.output = whole(batch, parts(s.output)[1], n)
        s.A = whole(parts(s.output)[0], parts(s.output)[1], k, transpose_a)


@op(
    name="_linalg_gemm",
    cost=each_product,
    aliases=("linalg_gemm",),
    samples=[
        Sample(
            ((2, 3, 4), (2, 4, 5), (2, 3, 5)),
            {"alpha": 2.0, "beta": 0.5},
            reference=lambda a, b, c: 2 * a @ b + 0.5 * c,
        ),
        Sample(
            ((3, 2), (4, 3), (2, 4)),
            {"transpose_a": True, "transpose_b": True},
            reference=lambda a, b, c: a.T @ b.T + c,
        ),
        Sample(
            ((2, 5, 3), (3, 5, 4), (2, 5, 4)),
            {"axis": 0},
            reference=lambda a, b, c: np.einsum("inj,jnk->ink", a, b) + c,
        ),
        Sample(((2, 3), (4, 5), (2, 5)), raises=ShapeError, match="B has shape"),
    ],
)
def gemm(
    A: LeftMatrices,
    B: RightMatrices,
    C: Annotated[Array, "What is added, (…, m, n)."],
    *,
    transpose_a: TransposeA = False,
    transpose_b: TransposeB = False,
    alpha: Annotated[float, "Factor of the product."] = 1.0,
    beta: Annotated[float, "Factor of C."] = 1.0,
    axis: RowAxis = -2,
    out: Array,
) -> None:
    r"""Multiply matrices and add, $Y = \alpha A B + \beta C$."""
    result = _rows_to(out, axis)
    a, b = turned(_rows_to(A, axis), transpose_a), turned(_rows_to(B, axis), transpose_b)
    np.matmul(a, b, result)
    result *= alpha
    result += beta * _rows_to(C, axis)


@gemm.shape
def _(s: Any, *, transpose_a: bool, transpose_b: bool, axis: int) -> None:
    """Rule: for A of (…, m, k) and B of (…, k, n), C and the output are (…, m, n)."""
    s.output = s.C
    _gemm_shape(s, transpose_a=transpose_a, transpose_b=transpose_b, axis=axis)
    s.C = s.output


gemm.dtype(matrix_floats)


def _onnx_product(
    o: Any, A: Any, B: Any, transpose_a: bool, transpose_b: bool, alpha: float, axis: int = -2
) -> Any:
    """Multiply matrices in ONNX, whose rows lie along the last axis but one."""
    made = o.MatMul(
        *(
            onnx_turned(o, onnx_rows_to(o, x, axis), transpose)
            for x, transpose in ((A, transpose_a), (B, transpose_b))
        )
    )
    return made if alpha == 1 else o.Mul(made, alpha)


def onnx_rows_to(o: Any, x: Any, axis: int) -> Any:
    """Move the axis of the rows to the last place but one, in ONNX."""
    order = [i for i in range(x.rank) if i != axis % x.rank]
    return o.transpose(x, [*order[:-1], axis % x.rank, order[-1]])


def onnx_turned(o: Any, x: Any, transpose: bool) -> Any:
    """Transpose the matrices, if so asked, in ONNX."""
    return o.transpose(x, [*range(x.rank - 2), x.rank - 1, x.rank - 2]) if transpose else x


def _onnx_rows_back(o: Any, x: Any, axis: int, rank: int) -> Any:
    order = list(range(rank))
    order.insert(axis % rank, order.pop(-2))
    return o.transpose(x, order)


@gemm.onnx
def _(
    o: Any,
    A: Any,
    B: Any,
    C: Any,
    *,
    transpose_a: bool,
    transpose_b: bool,
    alpha: float,
    beta: float,
    axis: int,
) -> Any:
    made = _onnx_product(o, A, B, transpose_a, transpose_b, alpha, axis)
    added = o.Mul(C, beta) if beta != 1 else C
    return o.Add(_onnx_rows_back(o, made, axis, A.rank), added)


@gemm.grad
def _(
    g: Symbol,
    A: Symbol,
    B: Symbol,
    C: Symbol,
    *,
    transpose_a: bool,
    transpose_b: bool,
    alpha: float,
    beta: float,
    axis: int,
) -> tuple[Symbol, ...]:
    return (*_gemm_grads(g, A, B, transpose_a, transpose_b, alpha, axis), g * beta)


@op(
    name="_linalg_gemm2",
    cost=each_product,
    aliases=("linalg_gemm2",),
    samples=[
        Sample(((2, 3, 4), (2, 4, 5)), {"alpha": 2.0}, reference=lambda a, b: 2 * a @ b),
        Sample(
            ((4, 3), (5, 4)),
            {"transpose_a": True, "transpose_b": True},
            reference=lambda a, b: a.T @ b.T,
        ),
        Sample(((2, 3, 4), (1, 4, 5)), raises=ShapeError, match="axis 0 is"),
        Sample(((2, 3), (3, 2)), {"axis": -1}, raises=ShapeError, match="axis -1"),
    ],
)
def gemm2(
    A: LeftMatrices,
    B: RightMatrices,
    *,
    transpose_a: TransposeA = False,
    transpose_b: TransposeB = False,
    alpha: Scale = 1.0,
    axis: RowAxis = -2,
    out: Array,
) -> None:
    r"""Multiply matrices, $Y = \alpha A B$.

    >>> from minisym import sym
    >>> y = sym.linalg.gemm2(sym.Variable("a"), sym.Variable("b"), transpose_b=True)
    >>> y.infer_shape(a=(8, 2, 3), b=(8, 4, 3))[1]
    [(8, 2, 4)]
    """
    result = _rows_to(out, axis)
    a, b = turned(_rows_to(A, axis), transpose_a), turned(_rows_to(B, axis), transpose_b)
    np.matmul(a, b, result)
    if alpha != 1:
        result *= alpha


gemm2.shape(_gemm_shape)
gemm2.dtype(matrix_floats)


@gemm2.onnx
def _(
    o: Any, A: Any, B: Any, *, transpose_a: bool, transpose_b: bool, alpha: float, axis: int
) -> Any:
    made = _onnx_product(o, A, B, transpose_a, transpose_b, alpha, axis)
    return _onnx_rows_back(o, made, axis, A.rank)


@gemm2.grad
def _(
    g: Symbol,
    A: Symbol,
    B: Symbol,
    *,
    transpose_a: bool,
    transpose_b: bool,
    alpha: float,
    axis: int,
) -> tuple[Symbol, Symbol]:
    return _gemm_grads(g, A, B, transpose_a, transpose_b, alpha, axis)


def _gemm_grads(
    g: Symbol, A: Symbol, B: Symbol, turn_a: bool, turn_b: bool, alpha: float, axis: int
) -> tuple[Symbol, Symbol]:
    """Return the gradients of a product by both sides, each a product again."""

    def product(x: Symbol, y: Symbol, turn_x: bool, turn_y: bool) -> Symbol:
        return gemm2(x, y, transpose_a=turn_x, transpose_b=turn_y, alpha=alpha, axis=axis)

    left = product(B, g, turn_b, True) if turn_a else product(g, B, False, not turn_b)
    right = product(g, A, True, turn_a) if turn_b else product(A, g, not turn_a, False)
    return left, right


@op(
    name="_linalg_syrk",
    cost=_rank_update,
    aliases=("linalg_syrk",),
    samples=[
        Sample(((2, 3, 4),), {"alpha": 2.0}, reference=lambda a: 2 * a @ a.transpose(0, 2, 1)),
        Sample(((3, 4),), {"transpose": True}, reference=lambda a: a.T @ a),
        Sample(((3,),), raises=ShapeError, match="2 dimensions"),
    ],
)
def syrk(
    A: Matrices,
    *,
    transpose: Annotated[bool, "Put the transposed matrix first."] = False,
    alpha: Scale = 1.0,
    out: Array,
) -> None:
    r"""Multiply matrices by their own transposes, $Y = \alpha A A^T$."""
    np.matmul(turned(A, transpose), turned(A, not transpose), out)
    if alpha != 1:
        out *= alpha


@syrk.shape
def _(s: Any, *, transpose: bool) -> None:
    """Rule: for A of (…, m, n) the output is (…, m, m); transposed, (…, n, n)."""
    matrices(s.A, "A")
    if s.A is not None:
        *batch, m, n = s.A
        size = n if transpose else m
        s.output = (*batch, size, size)
        *batch, size, _ = s.output
        s.A = (*batch, m, size) if transpose else (*batch, size, n)


syrk.dtype(matrix_floats)


@syrk.onnx
def _(o: Any, A: Any, *, transpose: bool, alpha: float) -> Any:
    return _onnx_product(o, A, A, transpose, not transpose, alpha)


@syrk.grad
def _(g: Symbol, A: Symbol, *, transpose: bool, alpha: float) -> Symbol:
    both = g + mirror(g)
    return gemm2(A, both, alpha=alpha) if transpose else gemm2(both, A, alpha=alpha)


# ------------------------------------------------------------------------- triangles as operands


def _side_shape(s: Any, *, rightside: bool) -> None:
    """Rule: A is square and as wide as B on its side; the output is shaped like B."""
    s.output = s.B
    s.B = s.output
    matrices(s.A, "A", square=True)
    matrices(s.B, "B")
    if s.B is not None:
        *batch, m, n = s.B
        size = n if rightside else m
        s.A = (*batch, size, size)
        *batch, size, _ = s.A
        s.B = s.output = (*batch, m, size) if rightside else (*batch, size, n)


def _operand(A: Array, *, transpose: bool, lower: bool) -> Array:
    return turned(np.tril(A) if lower else np.triu(A), transpose)


@op(
    name="_linalg_trmm",
    aliases=("linalg_trmm",),
    samples=[
        Sample(((2, 3, 3), (2, 3, 4)), {"alpha": 2.0}, reference=lambda a, b: 2 * np.tril(a) @ b),
        Sample(
            ((3, 3), (4, 3)),
            {"rightside": True, "transpose": True, "lower": False},
            reference=lambda a, b: b @ np.triu(a).T,
        ),
        Sample(((3, 4), (4, 2)), raises=ShapeError, match="square"),
        Sample(((3, 3), (4, 2)), raises=ShapeError, match="A has shape"),
    ],
)
def trmm(
    A: Triangles,
    B: Annotated[Array, "The matrices to multiply, (…, m, n)."],
    *,
    transpose: TransposeA = False,
    rightside: Annotated[bool, "Put A on the right side."] = False,
    lower: Annotated[bool, "A is a lower triangle, else an upper one."] = True,
    alpha: Scale = 1.0,
    out: Array,
) -> None:
    r"""Multiply by a triangular matrix, $Y = \alpha A B$, or $\alpha B A$."""
    triangular = _operand(A, transpose=transpose, lower=lower)
    np.matmul(*((B, triangular) if rightside else (triangular, B)), out)
    if alpha != 1:
        out *= alpha


trmm.shape(_side_shape)
trmm.dtype(matrix_floats)


@trmm.onnx
def _(
    o: Any, A: Any, B: Any, *, transpose: bool, rightside: bool, lower: bool, alpha: float
) -> Any:
    part = o.shaped(o.Trilu(A, upper=int(not lower)), A.shape)
    pair = (B, part) if rightside else (part, B)
    return _onnx_product(o, *pair, not rightside and transpose, rightside and transpose, alpha)


@trmm.grad
def _(
    g: Symbol,
    A: Symbol,
    B: Symbol,
    *,
    transpose: bool,
    rightside: bool,
    lower: bool,
    alpha: float,
) -> tuple[Symbol, Symbol]:
    sides = {"rightside": rightside, "lower": lower, "alpha": alpha}
    # the gradient by A as it stands in the product, then by A itself
    first, second = (B, g) if rightside else (g, B)
    pair = (second, first) if transpose else (first, second)
    turn = {"transpose_a": rightside, "transpose_b": not rightside}
    grad = gemm2(*pair, alpha=alpha, **turn)
    return triangle(grad, lower=lower), trmm(A, g, transpose=not transpose, **sides)


@op(
    name="_linalg_trsm",
    aliases=("linalg_trsm",),
    samples=[
        Sample(
            ((2, 3, 3), (2, 3, 4)),
            {"alpha": 2.0},
            domain=(1.0, 3.0),
            reference=lambda a, b: np.linalg.solve(np.tril(a), 2 * b),
        ),
        Sample(
            ((3, 3), (4, 3)),
            {"rightside": True, "transpose": True, "lower": False},
            domain=(1.0, 3.0),
            reference=lambda a, b: b @ np.linalg.inv(np.triu(a).T),
        ),
        Sample(((3, 3), (4, 2)), raises=ShapeError, match="A has shape"),
    ],
    no_onnx=SOLVES,
)
def trsm(
    A: Triangles,
    B: Annotated[Array, "The right sides of the systems, (…, m, n)."],
    *,
    transpose: TransposeA = False,
    rightside: Annotated[bool, "A stands on the right side of the unknown."] = False,
    lower: Annotated[bool, "A is a lower triangle, else an upper one."] = True,
    alpha: Annotated[float, "Factor of B."] = 1.0,
    out: Array,
) -> None:
    r"""Solve a triangular system $A X = \alpha B$, or $X A = \alpha B$."""
    triangular = _operand(A, transpose=transpose != rightside, lower=lower)
    result = turned(out, rightside)
    np.copyto(result, np.linalg.solve(triangular, turned(B, rightside)))
    if alpha != 1:
        out *= alpha


trsm.shape(_side_shape)
trsm.dtype(matrix_floats)


@trsm.grad
def _(
    g: Symbol,
    A: Symbol,
    B: Symbol,
    *,
    y: Symbol,
    transpose: bool,
    rightside: bool,
    lower: bool,
    alpha: float,
) -> tuple[Symbol, Symbol]:
    solved = trsm(A, g, transpose=not transpose, rightside=rightside, lower=lower)
    first, second = (y, solved) if rightside else (solved, y)
    pair = (second, first) if transpose else (first, second)
    turn = {"transpose_a": rightside, "transpose_b": not rightside}
    grad = gemm2(*pair, alpha=-1.0, **turn)
    return triangle(grad, lower=lower), solved * alpha
