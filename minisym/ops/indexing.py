r"""Elements chosen by indices that are data themselves.

Indices may be of any type and are cut to integers. What lies outside of an axis is moved to its
ends ("clip") or counted modulo its size ("wrap"). Indices have no gradient; the gradient of a
choice adds up, at each element, what arrives at all of its copies.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

import numpy as np

from minisym.core.cost import nothing
from minisym.core.declare import F
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.ndarray import Array
from minisym.core.params import FLOAT32, Between, DType, Ints
from minisym.core.samples import Sample
from minisym.core.shapes import Dim, axis_of
from minisym.core.symbol import Symbol
from minisym.ops.inputs import Table, Words
from minisym.ops.numeric.rules import first_type, some_to_choose
from minisym.ops.numeric.taps import add_rows

op = partial(declare, kind="layout", cost=nothing)


def whole(indices: Array, size: int, mode: str = "clip") -> Array:
    """Return indices as integers inside an axis of this size."""
    integers = indices.astype(np.intp)
    if mode == "raise":
        outside = (integers < 0) | (integers >= size)
        if outside.any():
            raise IndexError(f"index {indices[outside][0]} lies outside of an axis of size {size}")
        return integers
    return integers % size if mode == "wrap" else integers.clip(0, size - 1)


def onnx_whole(o: Any, indices: Any, size: Any, mode: str = "clip") -> Any:
    """Return indices as int64 inside an axis of this size, in ONNX."""
    integers = o.cast(indices, "int64")
    if mode == "raise":
        return integers
    if mode == "wrap":
        return o.Mod(integers, o.sizes((size,)) if not isinstance(size, int) else size)
    if isinstance(size, int):
        return o.Min(o.Max(integers, 0), size - 1)
    return o.Min(o.Max(integers, 0), o.Sub(o.sizes((size,)), 1))


# ------------------------------------------------------------------------------------- Embedding


@op(
    kind="layer",
    aliases=("_sparse_Embedding",),
    samples=[
        Sample(
            (np.array([[0, 2], [1, 2]]), (3, 4)),
            {"input_dim": 3, "output_dim": 4},
            wrt=(1,),
            reference=lambda i, w: w[i],
        ),
        Sample(
            (np.array([0]), (3, 5)),
            {"input_dim": 3, "output_dim": 4},
            raises=ShapeError,
            match="weight has shape",
        ),
    ],
)
def Embedding(
    data: Words,
    weight: Table,
    *,
    input_dim: Annotated[int, "Number of words: rows of the weight.", Between(1)],
    output_dim: Annotated[int, "Length of a word's vector.", Between(1)],
    dtype: Annotated[DType, "Type of the weight, where nothing else says it."] = FLOAT32,
    sparse_grad: Annotated[bool, "Accepted for old files: gradients are dense."] = False,
    out: Array,
) -> None:
    """Look up rows of a table, $y_i = W_{x_i}$: words become vectors.

    Words outside of the table are moved to its first or last row.

    >>> from minisym import sym
    >>> word = sym.Variable("word")
    >>> sym.Embedding(word, input_dim=1000, output_dim=8, name="e").infer_shape(word=(4, 20))
    ([(4, 20), (1000, 8)], [(4, 20, 8)], [])
    """
    np.take(weight, whole(data, len(weight)), 0, out, "clip")


@Embedding.shape
def _(s: Any, *, input_dim: int, output_dim: int) -> None:
    """Rule: the shape of `data`, and behind it `output_dim`.

    `weight` is (input_dim, output_dim).
    """
    s.weight = (input_dim, output_dim)
    if s.data is not None:
        s.output = (*s.data, output_dim)
    if s.output is not None:
        s.data = s.output[:-1]


@Embedding.dtype
def _(t: Any, *, dtype: str) -> None:
    t.weight = t.output
    t.output = t.weight
    if t.output is None:
        t.weight = t.output = np.dtype(dtype)


@Embedding.onnx
def _(o: Any, data: Any, weight: Any, *, input_dim: int) -> Any:
    return o.Gather(weight, onnx_whole(o, data, input_dim), axis=0)


def _embed_again(
    h: Symbol, g: Symbol, data: Symbol, weight: Symbol, *, input_dim: int, output_dim: int
) -> tuple[Symbol | None, ...]:
    return F.Embedding(data, h, input_dim=input_dim, output_dim=output_dim), None, None


@Embedding.backward(wrt=("weight",), grad=_embed_again)
def _(g: Array, data: Array, weight: Array, *, out: Array) -> None:
    """Add up the gradients that arrive at each row of the table."""
    out[...] = 0
    rows, width = weight.shape
    add_rows(out, whole(data, rows).reshape(-1), g.reshape(-1, width))


# ------------------------------------------------------------------------------------------ take


@op(
    samples=[
        Sample(
            ((4, 3), np.array([[1, 3], [0, 9]])), wrt=(0,), reference=lambda a, i: a[i.clip(0, 3)]
        ),
        Sample(
            ((2, 3), np.array([-1, 4])),
            {"axis": 1, "mode": "wrap"},
            wrt=(0,),
            reference=lambda a, i: a[:, [2, 1]],
        ),
        Sample(((2, 3), np.array([1])), {"axis": 2}, raises=ShapeError, match="axis 2"),
        Sample(
            ((2, 3), np.array([2])), {"mode": "raise"}, raises=Exception, match="outside of an axis"
        ),
    ],
)
def take(
    a: Annotated[Array, "The array to take from."],
    indices: Annotated[Array, "Which slices to take: whole numbers, of any shape and type."],
    *,
    axis: Annotated[int, "The axis that is indexed."] = 0,
    mode: Annotated[Literal["clip", "raise", "wrap"], "What becomes of indices outside."] = "clip",
    out: Array,
) -> None:
    """Take slices along an axis, $y = a_{…, i, …}$: the indices' axes stand in its place.

    >>> from minisym import sym
    >>> import numpy as np
    >>> y = sym.take(sym.Variable("a"), sym.Variable("i"))
    >>> y.eval(a=np.array([10.0, 20.0, 30.0]), i=np.array([2, 0]))
    [NDArray([30., 10.])]
    """
    np.take(a, whole(indices, a.shape[axis], mode), axis, out, "clip")


@take.shape
def _(s: Any, *, axis: int) -> None:
    """Rule: the shape of `a`, with that of `indices` in the place of `axis`."""
    a, indices = s.a, s.indices
    if a is None:
        return
    at = axis_of(axis, len(a))
    if indices is None:
        if s.output is not None:
            middle = s.output[at : len(s.output) - len(a) + at + 1]
            s.indices = middle
        return
    s.output = (*a[:at], *indices, *a[at + 1 :])
    s.indices = s.output[at : at + len(indices)]
    s.a = (*s.output[:at], a[at], *s.output[at + len(indices) :])
    some_to_choose(s)


take.dtype(first_type)


@take.onnx
def _(o: Any, a: Any, indices: Any, *, axis: int, mode: str) -> Any:
    return o.Gather(a, onnx_whole(o, indices, a.shape[axis], mode), axis=axis)


def _take_again(
    h: Symbol, g: Symbol, a: Symbol, indices: Symbol, *, axis: int, mode: str
) -> tuple[Symbol | None, ...]:
    return F.take(h, indices, axis=axis, mode=mode), None, None


@take.backward(wrt=("a",), grad=_take_again)
def _(g: Array, a: Array, indices: Array, *, axis: int, mode: str, out: Array) -> None:
    """Add up the gradients that arrive at each slice."""
    out[...] = 0
    at = axis % a.ndim
    where = whole(indices, a.shape[at], mode).reshape(-1)
    rows = g.reshape(*a.shape[:at], where.size, *a.shape[at + 1 :])
    add_rows(np.moveaxis(out, at, 0), where, np.moveaxis(rows, at, 0))


@op(
    samples=[
        Sample(
            ((3, 4), np.array([0, 3, 9])),
            wrt=(0,),
            reference=lambda a, i: a[[0, 1, 2], i.clip(0, 3)],
        ),
        Sample(((3, 4), np.array([0, 3])), raises=ShapeError, match="3 rows"),
    ],
)
def batch_take(
    a: Annotated[Array, "Rows along the last axis."],
    indices: Annotated[Array, "Which element of each row."],
    *,
    out: Array,
) -> None:
    """Take one element of each row, $y_i = a_{i, k_i}$; see `pick`, which knows more."""
    columns = a.shape[-1]
    rows = a.reshape(-1, columns)
    found = rows[np.arange(len(rows)), whole(indices, columns).reshape(-1)]
    np.copyto(out, found.reshape(out.shape))


@batch_take.shape
def _(s: Any) -> None:
    """Rule: the output has the shape of `indices`: one element a row of `a`."""
    a = s.a
    s.output = s.indices
    s.indices = s.output
    if a is None:
        return
    if len(a) < 2:
        raise ValueError(f"a must have 2 dimensions or more, but has {len(a)}")
    if s.indices is None:
        s.indices = s.output = a[:-1]
    rows, given = _size(a[:-1]), _size(s.indices)
    if None not in (rows, given) and rows != given:
        raise ValueError(f"a has {rows} rows, but there are {given} indices")


def _size(shape: tuple[Dim, ...]) -> Dim:
    return None if None in shape else int(np.prod(shape))  # type: ignore[arg-type]


batch_take.dtype(first_type)


@batch_take.onnx
def _(o: Any, a: Any, indices: Any) -> Any:
    place = o.reshape(onnx_whole(o, indices, a.shape[-1]), (*a.shape[:-1], 1))
    return o.reshape(o.GatherElements(a, place, axis=-1))


@batch_take.backward(
    wrt=("a",), grad=lambda h, g, a, indices: (F.batch_take(h, indices), None, None)
)
def _(g: Array, a: Array, indices: Array, *, out: Array) -> None:
    """Put the gradient where the elements came from."""
    out[...] = 0
    columns = a.shape[-1]
    rows = out.reshape(-1, columns)
    rows[np.arange(len(rows)), whole(indices, columns).reshape(-1)] = g.reshape(-1)


# ------------------------------------------------------------------------------------------ pick


def _picked(index: Array, shape: Ints, axis: int, mode: str) -> Array:
    """Return indices that `take_along_axis` understands."""
    at = axis % len(shape)
    return whole(index, shape[at], mode).reshape(*shape[:at], 1, *shape[at + 1 :])


@op(
    aliases=("choose_element_0index",),
    samples=[
        Sample(
            ((3, 4), np.array([0, 3, -1])),
            wrt=(0,),
            reference=lambda x, i: x[[0, 1, 2], i.clip(0)],
        ),
        Sample(
            ((3, 2), np.array([[2, -1]])),
            {"axis": 0, "keepdims": True, "mode": "wrap"},
            wrt=(0,),
            reference=lambda x, i: x[[[2, 2]], [[0, 1]]],
        ),
        Sample(((3, 4), np.zeros(4)), raises=ShapeError, match="index has shape"),
    ],
)
def pick(
    data: Annotated[Array, "The array to pick from."],
    index: Annotated[Array, "Which element, for each place of the other axes."],
    *,
    axis: Annotated[int | None, "The axis along which one element is picked."] = -1,
    keepdims: Annotated[bool, "Keep the axis, with size 1."] = False,
    mode: Annotated[Literal["clip", "wrap"], "What becomes of indices outside."] = "clip",
    out: Array,
) -> None:
    """Pick one element along an axis for each place of the others, $y_i = x_{i, k_i}$.

    >>> from minisym import sym
    >>> import numpy as np
    >>> y = sym.pick(sym.Variable("x"), sym.Variable("k"))
    >>> y.eval(x=np.array([[1.0, 2.0], [3.0, 4.0]]), k=np.array([1, 0]))
    [NDArray([2., 3.])]
    """
    assert axis is not None
    index = _picked(index, data.shape, axis, mode)
    np.copyto(out, np.take_along_axis(data, index, axis).reshape(out.shape))


@pick.shape
def _(s: Any, *, axis: int | None, keepdims: bool) -> None:
    """Rule: the shape of `data` without `axis`, or with 1 there; `index` has that shape, too."""
    if axis is None:
        raise ValueError("axis must be an int: pick does not flatten")
    data, index = s.data, s.index
    if data is None:
        return
    at = axis_of(axis, len(data))
    rest, kept = (*data[:at], *data[at + 1 :]), (*data[:at], 1, *data[at + 1 :])
    s.output = kept if keepdims else rest or (1,)
    # both forms of the index are welcome
    s.index = kept if index is not None and len(index) == len(data) else rest or (1,)
    if rest:
        found = s.output
        s.data = (*found[:at], data[at], *found[at + keepdims :])


pick.dtype(first_type)


def _pick_again(
    h: Symbol, g: Symbol, data: Symbol, index: Symbol, *, axis: int, keepdims: bool, mode: str
) -> tuple[Symbol | None, ...]:
    return F.pick(h, index, axis=axis, keepdims=keepdims, mode=mode), None, None


@pick.onnx
def _(o: Any, data: Any, index: Any, *, axis: int, mode: str) -> Any:
    at = axis % data.rank
    kept = (*data.shape[:at], 1, *data.shape[at + 1 :])
    place = o.reshape(onnx_whole(o, index, data.shape[at], mode), kept)
    return o.reshape(o.GatherElements(data, place, axis=axis))


@pick.backward(wrt=("data",), grad=_pick_again)
def _(g: Array, data: Array, index: Array, *, axis: int, mode: str, out: Array) -> None:
    """Put the gradient where the elements came from."""
    out[...] = 0
    index = _picked(index, data.shape, axis, mode)
    np.put_along_axis(out, index, g.reshape(index.shape), axis)


# --------------------------------------------------------------------------------------- one_hot


@op(
    samples=[
        Sample((np.array([0, 2, -1, 5]),), {"depth": 3}, wrt=()),
        Sample(
            (np.array([[1, 0]]),),
            {"depth": 2, "on_value": 3.0, "off_value": -1.0, "dtype": "int32"},
            wrt=(),
            reference=lambda i: np.array([[[-1, 3], [3, -1]]]),
        ),
        Sample((np.array([1]),), {"depth": -1}, raises=ShapeError, match="depth"),
    ],
)
def one_hot(
    indices: Annotated[Array, "Where each row has its one: whole numbers, of any shape and type."],
    *,
    depth: Annotated[int, "Length of the new last axis."],
    on_value: Annotated[float, "The number at the index."] = 1.0,
    off_value: Annotated[float, "The number everywhere else."] = 0.0,
    dtype: Annotated[DType, "Type of the output."] = FLOAT32,
    out: Array,
) -> None:
    """Write an index as a row with one number on, $y_{ij} = [j = x_i]$.

    An index outside of the row gives a row without it.

    >>> from minisym import sym
    >>> import numpy as np
    >>> sym.one_hot(sym.Variable("i"), depth=3).eval(i=np.array([0, 2]))
    [NDArray([[1., 0., 0.],
              [0., 0., 1.]], dtype=float32)]
    """
    cut = np.trunc(indices) if indices.dtype.kind == "f" else indices
    np.copyto(out, np.array(off_value).astype(out.dtype))
    np.copyto(
        out,
        np.array(on_value).astype(out.dtype),
        where=cut[..., np.newaxis] == np.arange(depth),
    )


@one_hot.shape
def _(s: Any, *, depth: int) -> None:
    """Rule: the shape of `indices`, and behind it `depth`."""
    if depth < 0:
        raise ValueError(f"depth cannot be negative, but is {depth}")
    if s.indices is not None:
        s.output = (*s.indices, depth)
    if s.output is not None:
        s.indices = s.output[:-1]


@one_hot.dtype
def _(t: Any, *, dtype: str) -> None:
    t.output = np.dtype(dtype)


@one_hot.onnx
def _(o: Any, indices: Any, *, depth: int, on_value: float, off_value: float) -> Any:
    on, off = (o.constant(np.array(v).astype(o.dtype)) for v in (on_value, off_value))
    is_on = o.Equal(o.Unsqueeze(o.cast(indices, "int64"), (-1,)), np.arange(depth))
    return o.Where(is_on, on, off)


@one_hot.grad
def _(g: Symbol, indices: Symbol) -> None:
    return None
