r"""Parts of square matrices: diagonals and triangles, as matrices or as vectors."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import nothing
from minisym.core.declare import Declaration, F
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.ndarray import Array
from minisym.core.samples import Sample
from minisym.core.shapes import Dim, Shape
from minisym.core.symbol import Symbol
from minisym.ops.inputs import Matrices, SquareMatrices
from minisym.ops.numeric.rules import matrix_floats

op = partial(declare, cost=nothing)

Offset = Annotated[int, "Which diagonal: 0 the main one, above it positive."]
Lower = Annotated[bool, "With offset 0: the lower triangle instead of the upper one."]


def matrices(shape: Shape, name: str, *, square: bool = False) -> None:
    """Check that a shape, as far as known, is one of matrices."""
    if shape is None:
        return
    if len(shape) < 2:
        raise ValueError(f"{name} must have 2 dimensions or more, but has {len(shape)}")
    rows, columns = shape[-2:]
    if square and None not in (rows, columns) and rows != columns:
        raise ValueError(f"{name} must hold square matrices, but they are {rows} × {columns}")


def square_shape(s: Any) -> None:
    """Rule: the output is shaped like A, whose matrices are square."""
    s.output = s.A
    s.A = s.output
    matrices(s.A, "A", square=True)
    if s.A is not None:
        *batch, rows, columns = s.A
        size = columns if rows is None else rows
        s.A = s.output = (*batch, size, size)


def mirror(matrix: Symbol) -> Symbol:
    """Transpose each matrix of a batch."""
    return F.SwapAxis(matrix, dim1=-1, dim2=-2)


# --------------------------------------------------------------------------------- triangles


@op(name="_triangle", samples=[Sample(((2, 3, 3),), {"lower": True}, reference=np.tril)])
def triangle(
    A: Matrices,
    *,
    offset: Offset = 0,
    lower: Annotated[bool, "Keep what is below the diagonal, else what is above."] = True,
    out: Array,
) -> None:
    """Keep one triangle of each matrix, with its diagonal; the rest becomes 0."""
    np.copyto(out, np.tril(A, offset) if lower else np.triu(A, offset))


triangle.shape(square_shape)


@triangle.onnx
def _(o: Any, A: Any, *, offset: int, lower: bool) -> Any:
    return o.Trilu(A, np.array(offset), upper=int(not lower))


@triangle.grad
def _(g: Symbol, A: Symbol, *, offset: int, lower: bool) -> Symbol:
    return triangle(g, offset=offset, lower=lower)


def lower_to_both(matrix: Symbol) -> Symbol:
    """Make matrices symmetric by copying the lower triangle to the upper one."""
    return triangle(matrix) + mirror(triangle(matrix, offset=-1))


# ----------------------------------------------------------- vectors from and to parts of matrices


def _diagonal(shape: Shape, offset: int) -> Shape:
    """Return the shape of a diagonal of square matrices."""
    matrices(shape, "A", square=True)
    if shape is None:
        return None
    size = shape[-1] if shape[-2] is None else shape[-2]
    if size is not None and abs(offset) >= size:
        raise ValueError(f"matrices of {size} rows have no diagonal {offset}")
    return (*shape[:-2], None if size is None else size - abs(offset))


def _around(shape: Shape, offset: int) -> Shape:
    """Return the shape of square matrices with a diagonal of this shape."""
    if shape is None:
        return None
    size = None if shape[-1] is None else shape[-1] + abs(offset)
    return (*shape[:-1], size, size)


def _coordinates(size: int, offset: int, lower: bool) -> tuple[Array, Array]:
    """Return rows and columns of a triangle: row by row if it is a lower one, else by columns."""
    rows, columns = np.tril_indices(size, -abs(offset))
    return (rows, columns) if offset < 0 or (offset == 0 and lower) else (columns, rows)


def _count(size: Dim) -> Dim:
    return None if size is None else size * (size + 1) // 2


def _side(count: Dim) -> Dim:
    """Return the side of a triangle of so many elements."""
    if count is None:
        return None
    side = int(((8 * count + 1) ** 0.5 - 1) / 2 + 0.5)
    if _count(side) != count:
        raise ValueError(f"{count} elements are no triangle; 1, 3, 6, 10, … are")
    return side


@op(
    name="_linalg_extractdiag",
    aliases=("linalg_extractdiag",),
    samples=[
        Sample(((2, 3, 3),), {"offset": 1}, reference=lambda a: a.diagonal(1, 1, 2)),
        Sample(((3, 3),), {"offset": 3}, raises=ShapeError, match="no diagonal 3"),
    ],
)
def extractdiag(A: SquareMatrices, *, offset: Offset = 0, out: Array) -> None:
    """Take a diagonal of each matrix."""
    np.copyto(out, A.diagonal(offset, -2, -1))


@extractdiag.shape
def _(s: Any, *, offset: int) -> None:
    """Rule: (…, n, n) becomes (…, n - abs(offset))."""
    s.output = _diagonal(s.A, offset)
    s.A = _around(s.output, offset)


def _onnx_taken(o: Any, A: Any, rows: Array, columns: Array) -> Any:
    """Take elements of each matrix as a vector in ONNX."""
    _, size = o.fixed_sizes(A.shape[-2:], "where they lie depends on the size of the matrices")
    flat = o.Reshape(A, (*(0,) * (A.rank - 2), size * size))
    return o.Gather(flat, o.constant(rows * size + columns), axis=-1)


def _onnx_put(o: Any, A: Any, rows: Array, columns: Array) -> Any:
    """Put vectors into matrices of zeros in ONNX: a product with ones where they go."""
    _, size = o.fixed_sizes(o.shape[-2:], "where they lie depends on the size of the matrices")
    where = np.zeros((len(rows), size * size), o.dtype)
    where[np.arange(len(rows)), rows * size + columns] = 1
    flat = o.MatMul(A, o.constant(where))
    return o.Reshape(flat, (*(0,) * (A.rank - 1), size, size))


def _on_diagonal(length: int, offset: int) -> tuple[Array, Array]:
    """Return rows and columns of a diagonal."""
    each = np.arange(length)
    return each + max(-offset, 0), each + max(offset, 0)


@extractdiag.onnx
def _(o: Any, A: Any, *, offset: int) -> Any:
    return _onnx_taken(o, A, *_on_diagonal(o.shape[-1], offset))


@extractdiag.grad
def _(g: Symbol, A: Symbol, *, offset: int) -> Symbol:
    return makediag(g, offset=offset)


@op(
    name="_linalg_makediag",
    aliases=("linalg_makediag",),
    samples=[
        Sample(((3,),), {"offset": -1}, reference=lambda a: np.diag(a, -1)),
        Sample(((2, 3),), reference=lambda a: np.stack([np.diag(row) for row in a])),
    ],
)
def makediag(A: Annotated[Array, "Diagonals, (…, n)."], *, offset: Offset = 0, out: Array) -> None:
    """Make matrices that are 0 but for one diagonal."""
    out[...] = 0
    rows = np.arange(A.shape[-1])
    out[..., rows + max(-offset, 0), rows + max(offset, 0)] = A


@makediag.shape
def _(s: Any, *, offset: int) -> None:
    """Rule: (…, n) becomes (…, n + abs(offset), n + abs(offset))."""
    s.output = _around(s.A, offset)
    s.A = _diagonal(s.output, offset)


@makediag.onnx
def _(o: Any, A: Any, *, offset: int) -> Any:
    return _onnx_put(o, A, *_on_diagonal(A.shape[-1], offset))


@makediag.grad
def _(g: Symbol, A: Symbol, *, offset: int) -> Symbol:
    return extractdiag(g, offset=offset)


@op(
    name="_linalg_extracttrian",
    aliases=("linalg_extracttrian",),
    samples=[
        Sample(((2, 3, 3),), reference=lambda a: a[:, [0, 1, 1, 2, 2, 2], [0, 0, 1, 0, 1, 2]]),
        Sample(((3, 3),), {"lower": False}, reference=lambda a: a.T[np.tril_indices(3)]),
        Sample(((4, 4),), {"offset": 2}, reference=lambda a: a[[0, 0, 1], [2, 3, 3]]),
        Sample(((2, 3),), raises=ShapeError, match="square"),
    ],
)
def extracttrian(A: SquareMatrices, *, offset: Offset = 0, lower: Lower = True, out: Array) -> None:
    """Take a triangle of each matrix as a vector: a lower one row by row, an upper one by columns.

    A positive offset means what is above that diagonal, a negative one what is below.
    """
    rows, columns = _coordinates(A.shape[-1], offset, lower)
    np.copyto(out, A[..., rows, columns])


@extracttrian.shape
def _(s: Any, *, offset: int) -> None:
    """Rule: (…, n, n) becomes (…, m (m + 1) / 2), with m = n - abs(offset)."""
    diagonal = _diagonal(s.A, offset)
    if diagonal is not None:
        s.output = (*diagonal[:-1], _count(diagonal[-1]))
    if s.output is not None:
        s.A = _around((*s.output[:-1], _side(s.output[-1])), offset)


@extracttrian.onnx
def _(o: Any, A: Any, *, offset: int, lower: bool) -> Any:
    return _onnx_taken(o, A, *_coordinates(A.shape[-1], offset, lower))


@extracttrian.grad
def _(g: Symbol, A: Symbol, *, offset: int, lower: bool) -> Symbol:
    return maketrian(g, offset=offset, lower=lower)


@op(
    name="_linalg_maketrian",
    aliases=("linalg_maketrian",),
    samples=[
        Sample(((3,),), reference=lambda a: np.array([[a[0], 0], [a[1], a[2]]])),
        Sample(
            ((2, 1),), {"offset": 1}, reference=lambda a: np.stack([np.diag(row, 1) for row in a])
        ),
        Sample(((4,),), raises=ShapeError, match="4 elements"),
    ],
)
def maketrian(
    A: Annotated[Array, "Elements of triangles, (…, n)."],
    *,
    offset: Offset = 0,
    lower: Lower = True,
    out: Array,
) -> None:
    """Make matrices that are 0 but for a triangle; the other way round than `extracttrian`."""
    out[...] = 0
    rows, columns = _coordinates(out.shape[-1], offset, lower)
    out[..., rows, columns] = A


@maketrian.shape
def _(s: Any, *, offset: int) -> None:
    """Rule: (…, m (m + 1) / 2) becomes (…, n, n), with n = m + abs(offset)."""
    if s.A is not None:
        s.output = _around((*s.A[:-1], _side(s.A[-1])), offset)
    diagonal = _diagonal(s.output, offset)
    if diagonal is not None:
        s.A = (*diagonal[:-1], _count(diagonal[-1]))


@maketrian.onnx
def _(o: Any, A: Any, *, offset: int, lower: bool) -> Any:
    return _onnx_put(o, A, *_coordinates(o.shape[-1], offset, lower))


@maketrian.grad
def _(g: Symbol, A: Symbol, *, offset: int, lower: bool) -> Symbol:
    return extracttrian(g, offset=offset, lower=lower)


_DIAGONALS: tuple[Declaration, ...] = (extractdiag, makediag, extracttrian, maketrian)
for _each in _DIAGONALS:
    _each.dtype(matrix_floats)
