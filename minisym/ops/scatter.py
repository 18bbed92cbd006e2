r"""Elements at coordinates: each column of an index array is one place in another array."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import nothing
from minisym.core.declare import F
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.ndarray import Array
from minisym.core.params import Ints
from minisym.core.samples import Sample
from minisym.core.shapes import Dim
from minisym.core.symbol import Symbol
from minisym.ops.indexing import whole
from minisym.ops.numeric.rules import first_type, wanted_shape
from minisym.ops.numeric.taps import add_rows

op = partial(declare, kind="layout", cost=nothing)
Coordinates = Annotated[Array, "Coordinates, (m, …): one row for each of the first m axes."]


def _places(indices: Array, shape: Ints) -> tuple[Array, ...]:
    """Return the coordinates as NumPy's index; they count modulo the sizes."""
    return tuple(whole(row, d, "wrap") for row, d in zip(indices, shape, strict=False))


def _check_depth(indices: tuple[Dim, ...], rank: int) -> int | None:
    """Return how many axes are indexed."""
    if len(indices) < 2:
        raise ValueError("indices must have 2 dimensions or more: coordinates, then places")
    depth = indices[0]
    if depth is not None and depth > rank:
        raise ValueError(f"there are {depth} coordinates for {rank} dimension(s)")
    return depth


@op(
    samples=[
        Sample(
            ((3, 4), np.array([[0, 2], [3, 1]])), wrt=(0,), reference=lambda x, i: x[[0, 2], [3, 1]]
        ),
        Sample(((3, 4), np.array([[0, 2, 0]])), wrt=(0,), reference=lambda x, i: x[[0, 2, 0]]),
        Sample(((3,), np.zeros((2, 1))), raises=ShapeError, match="2 coordinates"),
    ],
)
def gather_nd(
    data: Annotated[Array, "The array to gather from."], indices: Coordinates, *, out: Array
) -> None:
    r"""Gather the elements at some coordinates, $y_{n…} = x_{k_{0n}, k_{1n}, …}$.

    `indices` (m, n, …) has one row for each of the first m axes of `data`; the output has the
    shape (n, …) and the other axes of `data`. Coordinates outside count modulo the size.

    >>> from minisym import sym
    >>> import numpy as np
    >>> y = sym.gather_nd(sym.Variable("x"), sym.Variable("i"))
    >>> y.eval(x=np.array([[1.0, 2.0], [3.0, 4.0]]), i=np.array([[0, 1], [1, 0]]))
    [NDArray([2., 3.])]
    """
    np.copyto(out, data[_places(indices, data.shape)])


@gather_nd.shape
def _(s: Any) -> None:
    """Rule: for `indices` of (m, …): the … of it.

    Behind it come the axes of `data` but the first m.
    """
    data, indices = s.data, s.indices
    if data is None or indices is None:
        return
    depth = _check_depth(indices, len(data))
    if depth is not None:
        s.output = (*indices[1:], *data[depth:])


gather_nd.dtype(first_type)


def _onnx_places(o: Any, indices: Any, shape: Any) -> Any:
    """Return coordinates as ONNX has them, along the last axis; they count modulo the sizes."""
    sizes = o.Reshape(o.sizes(shape[: indices.shape[0]]), (-1, *(1,) * (indices.rank - 1)))
    inside = o.Mod(o.cast(indices, "int64"), sizes)
    return o.Transpose(inside, perm=(*range(1, indices.rank), 0))


@gather_nd.onnx
def _(o: Any, data: Any, indices: Any) -> Any:
    return o.GatherND(data, _onnx_places(o, indices, data.shape))


@gather_nd.backward(
    wrt=("data",), grad=lambda h, g, data, indices: (F.gather_nd(h, indices), None, None)
)
def _(g: Array, data: Array, indices: Array, *, out: Array) -> None:
    """Add up the gradients that arrive at each element."""
    out[...] = 0
    depth = len(indices)
    head, behind = data.shape[:depth], prod(data.shape[depth:])
    places = [place.reshape(-1) for place in _places(indices, head)]
    rows = np.zeros((prod(head), behind), out.dtype)
    add_rows(rows, np.ravel_multi_index(places, head), g.reshape(-1, behind))
    np.copyto(out, rows.reshape(out.shape))


@op(
    samples=[
        Sample(
            ((2,), np.array([[0, 2], [1, 0]])),
            {"shape": (3, 2)},
            wrt=(0,),
            reference=lambda x, i: np.array([[0, x[0]], [0, 0], [x[1], 0]]),
        ),
        Sample(((2, 3), np.array([[0, 2]])), {"shape": (4, 3)}, wrt=(0,)),
        Sample(
            ((3,), np.zeros((2, 2))), {"shape": (3, 2)}, raises=ShapeError, match="data has shape"
        ),
    ],
)
def scatter_nd(
    data: Annotated[Array, "The elements to scatter."],
    indices: Coordinates,
    *,
    shape: Annotated[Ints, "Shape of the output."],
    out: Array,
) -> None:
    """Scatter elements to coordinates in an array of zeros; where two meet, the last one stays.

    The other way round than `gather_nd`.
    """
    out[...] = 0
    out[_places(indices, out.shape)] = data


def _scatter_shape(s: Any, shape: Ints, values: str) -> None:
    s.output = wanted_shape(shape)
    if s.indices is not None:
        depth = _check_depth(s.indices, len(shape))
        if depth is not None:
            setattr(s, values, (*s.indices[1:], *s.output[depth:]))
            if getattr(s, values) is not None:
                s.indices = (depth, *getattr(s, values)[: len(s.indices) - 1])


@scatter_nd.shape
def _(s: Any, *, shape: Ints) -> None:
    """Rule: what `shape` says.

    `data` has the shape of `indices` without its first axis, then the other axes.
    """
    _scatter_shape(s, shape, "data")


scatter_nd.dtype(first_type)


@scatter_nd.onnx
def _(o: Any, data: Any, indices: Any) -> Any:
    return o.ScatterND(o.full(o.shape, 0, o.dtype), _onnx_places(o, indices, o.shape), data)


@scatter_nd.grad
def _(g: Symbol, data: Symbol, indices: Symbol) -> tuple[Symbol, None]:
    return F.gather_nd(g, indices), None


@op(
    samples=[
        Sample(
            ((4,), (2,), np.array([[0, 2]])),
            {"shape": (4,)},
            wrt=(0, 1),
            reference=lambda x, y, i: np.array([y[0], x[1], y[1], x[3]]),
        )
    ],
)
def _scatter_set_nd(
    lhs: Annotated[Array, "The array to copy, but for some elements."],
    rhs: Annotated[Array, "The elements to put there."],
    indices: Coordinates,
    *,
    shape: Annotated[Ints, "Shape of lhs."],
    out: Array,
) -> None:
    """Return `lhs` with the elements of `rhs` at some coordinates."""
    np.copyto(out, lhs)
    out[_places(indices, out.shape)] = rhs


@_scatter_set_nd.shape
def _(s: Any, *, shape: Ints) -> None:
    _scatter_shape(s, shape, "rhs")
    s.lhs = s.output
    s.output = s.lhs


@_scatter_set_nd.dtype
def _(t: Any) -> None:
    first_type(t)
    t.rhs = t.output


@_scatter_set_nd.onnx
def _(o: Any, lhs: Any, rhs: Any, indices: Any) -> Any:
    return o.ScatterND(lhs, _onnx_places(o, indices, o.shape), rhs)


@_scatter_set_nd.grad
def _(
    g: Symbol, lhs: Symbol, rhs: Symbol, indices: Symbol, *, shape: Ints
) -> tuple[Symbol | None, ...]:
    values = F.gather_nd(g, indices)
    return _scatter_set_nd(g, F.zeros_like(values), indices, shape=shape), values, None


@op(
    samples=[
        Sample(
            ((3, 4), (3,), np.array([0, 3, 1])),
            wrt=(0, 1),
            reference=lambda x, y, i: np.where(np.arange(4) == i[:, None], y[:, None], x),
        ),
        Sample(((3, 4), (4,), np.zeros(3)), raises=ShapeError, match="mhs has shape"),
    ],
)
def fill_element_0index(
    lhs: Annotated[Array, "The matrix to copy, but for one element of each row."],
    mhs: Annotated[Array, "One element for each row, (rows,)."],
    rhs: Annotated[Array, "The column that it goes to, (rows,)."],
    *,
    out: Array,
) -> None:
    """Return the matrix `lhs` with the elements of `mhs` in the columns that `rhs` names.

    A row whose column does not exist stays as it is.
    """
    np.copyto(out, lhs)
    columns = rhs.astype(np.intp)
    inside = np.flatnonzero((columns >= 0) & (columns < lhs.shape[1]))
    out[inside, columns[inside]] = mhs[inside]


@fill_element_0index.shape
def _(s: Any) -> None:
    """Rule: the output has the shape of `lhs`, (rows, columns); `mhs` and `rhs` are (rows,)."""
    s.output = s.lhs
    s.lhs = s.output
    if s.lhs is None:
        return
    if len(s.lhs) != 2:
        raise ValueError(f"lhs must be a matrix, but has {len(s.lhs)} dimension(s)")
    s.mhs = s.rhs = s.lhs[:1]
    s.mhs = s.rhs
    s.lhs = s.output = (s.mhs[0], s.lhs[1])


@fill_element_0index.dtype
def _(t: Any) -> None:
    first_type(t)
    t.mhs = t.output


@fill_element_0index.onnx
def _(o: Any, lhs: Any, mhs: Any, rhs: Any) -> Any:
    column = o.count(lhs.shape[1], "int64")
    chosen = o.Equal(column, o.Unsqueeze(o.cast(rhs, "int64"), (1,)))
    return o.Where(chosen, o.Unsqueeze(mhs, (1,)), lhs)


@fill_element_0index.grad
def _(g: Symbol, lhs: Symbol, mhs: Symbol, rhs: Symbol) -> tuple[Symbol | None, ...]:
    # F.pick would clip a column that does not exist
    zero = F.zeros_like(mhs)
    kept = fill_element_0index(g, zero, rhs)
    return kept, F.sum(g - kept, axis=1), None


# ------------------------------------------------------------------------- one number as several


def _strides(shape: Ints) -> Array:
    """Return how far one step along each axis leads; the first size does not matter."""
    return np.cumprod([1, *shape[:0:-1]])[::-1]


@op(
    name="_ravel_multi_index",
    aliases=("ravel_multi_index",),
    samples=[
        Sample(
            (np.array([[1.0, 3], [2, 4]]),),
            {"shape": (4, 5)},
            wrt=(),
            reference=lambda x: np.array([7.0, 19.0]),
        ),
        Sample(((3, 2),), {"shape": (4, 5)}, raises=ShapeError, match="axis 0"),
    ],
)
def ravel_multi_index(
    data: Annotated[Array, "Coordinates, one row for each axis of `shape`."],
    *,
    shape: Annotated[Ints | None, "Shape that is indexed; its first size may be -1."] = None,
    out: Array,
) -> None:
    r"""Turn coordinates into positions, $y_n = \sum_i x_{in} \prod_{j>i} d_j$."""
    assert shape is not None
    np.copyto(out, _strides(shape) @ data.astype(np.int64), casting="unsafe")


@ravel_multi_index.shape
def _(s: Any, *, shape: Ints | None) -> None:
    """Rule: (axes, …) becomes (…)."""
    if not shape:
        raise ValueError("shape is missing")
    s.data = (len(shape), None)
    if s.output is not None:
        s.data = (len(shape), *s.output)
    s.output = s.data[1:]


@op(
    name="_unravel_index",
    aliases=("unravel_index",),
    samples=[
        Sample(
            (np.array([7.0, 19.0, 20.0]),),
            {"shape": (4, 5)},
            wrt=(),
            reference=lambda x: np.array([[1.0, 3.0, 4.0], [2.0, 4.0, 0.0]]),
        ),
        Sample(((3,),), {"shape": ()}, raises=ShapeError, match="shape"),
    ],
)
def unravel_index(
    data: Annotated[Array, "Positions, an array of any shape."],
    *,
    shape: Annotated[Ints | None, "Shape that is indexed; its first size may be -1."] = None,
    out: Array,
) -> None:
    """Turn positions into coordinates; the other way round than `ravel_multi_index`."""
    assert shape is not None
    left = data.astype(np.int64)
    for axis, stride in enumerate(_strides(shape)):
        steps = left // stride
        np.copyto(out[axis], steps, casting="unsafe")
        left = left - steps * stride


@unravel_index.shape
def _(s: Any, *, shape: Ints | None) -> None:
    """Rule: (…) becomes (axes, …), one row for each axis of `shape`."""
    if not shape:
        raise ValueError("shape is missing")
    if s.data is not None:
        s.output = (len(shape), *s.data)
    if s.output is not None:
        s.data = s.output[1:]
        s.output = (len(shape), *s.data)


@ravel_multi_index.onnx
def _(o: Any, data: Any, *, shape: Ints) -> Any:
    steps = _strides(shape).reshape(-1, *(1,) * (data.rank - 1))
    return o.reduce("ReduceSum", o.Mul(o.cast(data, "int64"), o.constant(steps)), (0,))


@unravel_index.onnx
def _(o: Any, data: Any, *, shape: Ints) -> Any:
    left, found = o.cast(data, "int64"), []
    for stride in _strides(shape):
        found.append(o.Unsqueeze(o.Div(left, int(stride)), (0,)))
        left = o.Mod(left, int(stride))
    return o.Concat(*found, axis=0)


for _index in (ravel_multi_index, unravel_index):

    @_index.grad
    def _(g: Symbol, data: Symbol) -> None:
        return None
