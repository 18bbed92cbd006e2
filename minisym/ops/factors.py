r"""Factors of matrices: Cholesky, LQ, eigenvalues, inverses and determinants, batch by batch.

The gradients follow Seeger et al., *Auto-Differentiating Linear Algebra*, 2017, arXiv:1710.08717.
They are made of ops, so they have gradients themselves.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import cubic
from minisym.core.declare import F
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.families import unary
from minisym.core.ndarray import Array
from minisym.core.op import OF_GRADIENTS
from minisym.core.samples import Sample
from minisym.core.shapes import show
from minisym.core.symbol import Symbol
from minisym.ops.inputs import Matrices, SquareMatrices
from minisym.ops.matrices import SOLVES, gemm2, trsm
from minisym.ops.numeric.rules import matrix_floats
from minisym.ops.triangles import (
    extractdiag,
    lower_to_both,
    makediag,
    matrices,
    mirror,
    square_shape,
    triangle,
)

op = partial(declare, cost=cubic)


def _positive(n: int, *batch: int) -> Array:
    """Return symmetric positive definite matrices for samples."""
    wave = np.sin(np.arange(np.prod([*batch, n, n])) * 1.7).reshape(*batch, n, n)
    square: Array = wave @ wave.swapaxes(-1, -2)
    return square + n * np.eye(n)


# -------------------------------------------------------------------------------------- Cholesky


Lower = Annotated[bool, "Whether the factor is the lower triangle L, or the upper one, $L^T$."]


@op(
    name="_linalg_potrf",
    aliases=("linalg_potrf",),
    samples=[
        Sample((_positive(3, 2),), wrt=(), reference=np.linalg.cholesky),
        Sample(
            (_positive(3, 2),),
            {"lower": False},
            wrt=(),
            reference=lambda a: np.linalg.cholesky(a).swapaxes(-1, -2),
        ),
        Sample(((2, 3),), raises=ShapeError, match="square"),
    ],
    no_onnx=SOLVES,
)
def potrf(
    A: Annotated[Array, "Symmetric positive definite matrices, (…, n, n)."],
    *,
    lower: Lower = True,
    out: Array,
) -> None:
    r"""Factor symmetric positive definite matrices, $A = L L^T$; return the lower triangle L.

    Only the lower triangle of A is read; with `lower=False`, only the upper one, and the factor of
    $A = U^T U$ is returned. Its gradient is spread evenly over both triangles.
    """
    if lower:
        np.copyto(out, np.linalg.cholesky(A))
    else:
        np.copyto(out, np.linalg.cholesky(A.swapaxes(-1, -2)).swapaxes(-1, -2))


potrf.shape(square_shape)
potrf.dtype(matrix_floats)


@potrf.grad
def _(g: Symbol, A: Symbol, *, lower: bool, y: Symbol) -> Symbol:
    if not lower:
        g, y = mirror(g), mirror(y)
    inner = lower_to_both(gemm2(y, g, transpose_a=True))
    left = trsm(y, inner, transpose=True)
    return trsm(y, left, rightside=True) * 0.5


@op(
    name="_linalg_potri",
    aliases=("linalg_potri",),
    samples=[
        Sample(
            (np.linalg.cholesky(_positive(3)),),
            wrt=(),
            reference=lambda low: np.linalg.inv(low @ low.T),
        ),
        Sample(
            (np.linalg.cholesky(_positive(3)).T,),
            {"lower": False},
            wrt=(),
            reference=lambda up: np.linalg.inv(up.T @ up),
        ),
    ],
    no_onnx=SOLVES,
)
def potri(
    A: Annotated[Array, "Triangles, Cholesky factors, (…, n, n)."],
    *,
    lower: Lower = True,
    out: Array,
) -> None:
    r"""Invert from a Cholesky factor, $Y = (A A^T)^{-1}$ for lower triangles A; see `potrf`.

    With `lower=False` A are upper triangles, and $Y = (A^T A)^{-1}$.
    """
    inverse = np.linalg.inv(np.tril(A if lower else A.swapaxes(-1, -2)))
    np.matmul(inverse.swapaxes(-1, -2), inverse, out)


potri.shape(square_shape)
potri.dtype(matrix_floats)


@potri.grad
def _(g: Symbol, A: Symbol, *, lower: bool, y: Symbol) -> Symbol:
    factor = A if lower else mirror(A)
    inner = gemm2(y, g + mirror(g), alpha=-1.0)
    found = triangle(trsm(factor, inner, rightside=True, transpose=True))
    return found if lower else mirror(found)


@op(
    name="_linalg_sumlogdiag",
    aliases=("linalg_sumlogdiag",),
    samples=[
        Sample(
            ((2, 3, 3),),
            domain=(0.5, 2.0),
            reference=lambda a: np.log(np.einsum("nii->ni", a)).sum(1),
        ),
        Sample(((3, 3),), domain=(0.5, 2.0)),
    ],
)
def sumlogdiag(A: SquareMatrices, *, out: Array) -> None:
    r"""Add up the logarithms of the diagonal, $y = \sum_i \ln A_{ii}$.

    Of a Cholesky factor, it is half the logarithm of the determinant.
    """
    logs = np.log(A.diagonal(0, -2, -1))
    np.sum(logs, axis=-1, out=out.reshape(logs.shape[:-1]))


def _batch_shape(s: Any) -> None:
    """Rule: all outputs have one number for each matrix; (1,) for a single one."""
    matrices(s.A, "A", square=True)
    if s.A is None:
        return
    batch = s.A[:-2]
    for i in range(len(s.outputs)):
        s.set_output(i, batch or (1,))
        if batch:
            batch = s.outputs[i]
    *_, rows, columns = s.A
    size = columns if rows is None else rows
    s.A = (*batch, size, size)


sumlogdiag.shape(_batch_shape)
sumlogdiag.dtype(matrix_floats)


@sumlogdiag.onnx
def _(o: Any, A: Any) -> Any:
    _, size = o.fixed_sizes(A.shape[-2:], "a diagonal is taken")
    flat = o.Reshape(A, (*(0,) * (A.rank - 2), size * size))
    logs = o.Log(o.Gather(flat, np.arange(size) * (size + 1), axis=-1))
    return o.reshape(o.reduce("ReduceSum", logs, (-1,)))


@sumlogdiag.grad
def _(g: Symbol, A: Symbol) -> Symbol:
    return scale_each(makediag(F.reciprocal(extractdiag(A))), g)


# ---------------------------------------------------------------------- a number for each matrix


def _each_shape(s: Any, matrix: str, number: str) -> None:
    shape = getattr(s, matrix)
    if shape is not None:
        if len(shape) < 2:
            raise ValueError(f"{matrix} {show(shape)} must have matrices along its last two axes")
        setattr(s, number, shape[:-2] or (1,))


@op(
    name="_scale_each",
    samples=[Sample(((2, 3, 3), (2,)), reference=lambda a, f: a * f[:, None, None])],
    no_onnx=OF_GRADIENTS,
)
def scale_each(
    A: Matrices, factor: Annotated[Array, "One number for each matrix."], *, out: Array
) -> None:
    """Multiply each matrix by its own number."""
    np.multiply(A, factor.reshape(*A.shape[:-2], 1, 1), out)


@scale_each.shape
def _(s: Any) -> None:
    s.output = s.A
    s.A = s.output
    _each_shape(s, "A", "factor")


@scale_each.grad
def _(g: Symbol, A: Symbol, factor: Symbol) -> tuple[Symbol, Symbol]:
    return scale_each(g, factor), inner_each(g, A)


@op(
    name="_inner_each",
    samples=[Sample(((2, 3, 3), (2, 3, 3)), reference=lambda a, b: (a * b).sum((1, 2)))],
    no_onnx=OF_GRADIENTS,
)
def inner_each(
    A: Matrices, B: Annotated[Array, "As many matrices, of the same shape."], *, out: Array
) -> None:
    """Multiply two batches of matrices elementwise and add up each product."""
    np.einsum("...ij,...ij->...", A, B, out=out.reshape(A.shape[:-2]))


@inner_each.shape
def _(s: Any) -> None:
    s.A = s.B
    s.B = s.A
    _each_shape(s, "A", "output")


@inner_each.grad
def _(g: Symbol, A: Symbol, B: Symbol) -> tuple[Symbol, Symbol]:
    return scale_each(B, g), scale_each(A, g)


# ----------------------------------------------------------------------- inverse and determinant


@op(
    name="_linalg_inverse",
    aliases=("linalg_inverse",),
    samples=[
        Sample((_positive(3, 2),), reference=np.linalg.inv),
        Sample(((2, 3),), raises=ShapeError, match="square"),
    ],
    no_onnx=SOLVES,
)
def inverse(A: SquareMatrices, *, out: Array) -> None:
    r"""Invert matrices, $Y = A^{-1}$; a singular one is an error."""
    np.copyto(out, np.linalg.inv(A))


@op(
    name="_inverse_or_zero",
    samples=[Sample((_positive(3, 2),), reference=np.linalg.inv)],
    no_onnx=OF_GRADIENTS,
)
def inverse_or_zero(A: SquareMatrices, *, out: Array) -> None:
    """Invert matrices; a singular one gives zeros, as the gradient of its determinant does."""
    singular = np.linalg.det(A) == 0
    regular = A + singular[..., np.newaxis, np.newaxis] * (np.eye(A.shape[-1], dtype=A.dtype) - A)
    np.copyto(out, np.linalg.inv(regular))
    out[singular] = 0


for _op in (inverse, inverse_or_zero):
    _op.shape(square_shape)
    _op.dtype(matrix_floats)

    @_op.grad
    def _(g: Symbol, A: Symbol, *, y: Symbol) -> Symbol:
        return gemm2(gemm2(y, g, transpose_a=True), y, transpose_b=True, alpha=-1.0)


@op(
    name="_linalg_det",
    workspaces=2,
    aliases=("linalg_det",),
    outputs=("output0",),
    samples=[
        Sample(((2, 3, 3),), reference=np.linalg.det),
        Sample((np.ones((2, 2)),), wrt=(), reference=lambda a: np.zeros(1)),
    ],
)
def det(A: SquareMatrices, *, out: Array) -> None:
    r"""Compute determinants, $y = \det A$.

    The gradient is taken as 0 where the determinant is.
    """
    np.copyto(out, np.linalg.det(A))


det.shape(_batch_shape)
det.dtype(matrix_floats)


det.onnx(lambda o, A: o.reshape(o.Det(A)))


@det.grad
def _(g: Symbol, A: Symbol, *, y: Symbol) -> Symbol:
    return scale_each(mirror(inverse_or_zero(A)), g * y)


@op(
    name="_linalg_slogdet",
    workspaces=2,
    aliases=("linalg_slogdet",),
    outputs=("output0", "output1"),
    samples=[Sample(((2, 3, 3),), reference=lambda a: list(np.linalg.slogdet(a)))],
)
def slogdet(A: SquareMatrices, *, out: tuple[Array, Array]) -> None:
    r"""Compute the sign of the determinant, and $\ln |\det A|$."""
    sign, logarithm = np.linalg.slogdet(A)
    np.copyto(out[0], sign)
    np.copyto(out[1], logarithm)


slogdet.shape(_batch_shape)
slogdet.dtype(matrix_floats)


@slogdet.onnx
def _(o: Any, A: Any) -> Any:
    found = o.reshape(o.Det(A))
    return [o.Sign(found), o.Log(o.Abs(found))]


@slogdet.grad
def _(g: list[Symbol], A: Symbol) -> Symbol:
    return scale_each(mirror(inverse_or_zero(A)), g[1])


# ------------------------------------------------------------------------------------ LQ and eigen


@op(
    name="_linalg_gelqf",
    aliases=("linalg_gelqf",),
    outputs=("output0", "output1"),
    samples=[
        Sample(((2, 2, 3),)),
        Sample(((3, 2),), raises=ShapeError, match="3 rows"),
    ],
    no_onnx=SOLVES,
)
def gelqf(
    A: Annotated[Array, "Matrices no taller than wide, (…, m, n)."], *, out: tuple[Array, Array]
) -> None:
    r"""Factor wide matrices, $A = L Q$, L a lower triangle and $Q Q^T = I$; return Q, then L."""
    q, r = np.linalg.qr(A.swapaxes(-1, -2))
    np.copyto(out[0], q.swapaxes(-1, -2))
    np.copyto(out[1], r.swapaxes(-1, -2))


@gelqf.shape
def _(s: Any) -> None:
    """Rule: for A of (…, m, n) with m ≤ n: Q is (…, m, n), L is (…, m, m)."""
    matrices(s.A, "A")
    s.output0 = s.A
    s.A = s.output0
    if s.A is not None:
        *batch, rows, columns = s.A
        if rows is not None and columns is not None and rows > columns:
            raise ValueError(
                f"A must be no taller than wide, but has {rows} rows, {columns} columns"
            )
        s.output1 = (*batch, rows, rows)


gelqf.dtype(matrix_floats)


@gelqf.grad
def _(g: list[Symbol], A: Symbol, *, y: list[Symbol]) -> Symbol:
    (g_q, g_l), (q, low) = g, y
    inner = gemm2(low, g_l, transpose_a=True) - gemm2(g_q, q, transpose_b=True)
    return trsm(low, g_q + gemm2(lower_to_both(inner), q), transpose=True)


def _inverse_gap(x: Array, out: Array) -> None:
    np.divide(1, x, out=out, where=x != 0)
    out[x == 0] = 0


inverse_gap = unary(
    "_inverse_gap",
    _inverse_gap,
    lambda g, x, y: -g * y * y,
    r"Invert, $1/x$, but 0 stays 0.",
    samples=[Sample(((3,),), reference=lambda x: 1 / x)],
    no_onnx=OF_GRADIENTS,
)


@op(
    name="_linalg_syevd",
    outputs=("output0", "output1"),
    samples=[
        Sample((_positive(3, 2),), wrt=()),
        Sample(((2, 3),), raises=ShapeError, match="square"),
    ],
    no_onnx=SOLVES,
)
def syevd(
    A: Annotated[Array, "Symmetric matrices, (…, n, n)."], *, out: tuple[Array, Array]
) -> None:
    r"""Find the eigenvectors and eigenvalues of symmetric matrices, $A = U^T \Lambda U$.

    The rows of U are the eigenvectors, in ascending order of the eigenvalues; the greatest element
    of each is positive. Only the lower triangle of A is read. Its gradient is spread over both
    triangles; between equal eigenvalues, it is 0.
    """
    values, columns = np.linalg.eigh(A)
    vectors = columns.swapaxes(-1, -2)
    greatest = np.abs(vectors).argmax(-1)[..., np.newaxis]
    np.multiply(vectors, np.sign(np.take_along_axis(vectors, greatest, -1)), out[0])
    np.copyto(out[1], values)


@syevd.shape
def _(s: Any) -> None:
    """Rule: for A of (…, n, n): U is (…, n, n), the eigenvalues are (…, n)."""
    s.output0 = s.A
    s.A = s.output0
    matrices(s.A, "A", square=True)
    if s.A is not None:
        *batch, rows, columns = s.A
        size = columns if rows is None else rows
        s.output1 = (*batch, size)
        *batch, size = s.output1
        s.A = s.output0 = (*batch, size, size)


syevd.dtype(matrix_floats)


@syevd.grad
def _(g: list[Symbol], A: Symbol, *, y: list[Symbol]) -> Symbol:
    (g_u, g_values), (u, values) = g, y
    gaps = F.broadcast_sub(F.expand_dims(values, axis=-1), F.expand_dims(values, axis=-2))
    inner = gemm2(g_u, u, transpose_b=True) * inverse_gap(gaps)
    middle = (inner + mirror(inner)) * 0.5 + makediag(g_values)
    return gemm2(gemm2(u, middle, transpose_a=True), u)
