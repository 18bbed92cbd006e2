r"""Small ops that MXNet keeps in its namespace `contrib`."""

from __future__ import annotations

from functools import partial
from math import prod, sqrt
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import each
from minisym.core.declare import F
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.families import Elements, agree
from minisym.core.kernels import BOOL, single
from minisym.core.ndarray import Array
from minisym.core.params import FLOAT32, Between, DType, Ints
from minisym.core.samples import Sample
from minisym.core.shapes import axis_of, show
from minisym.core.symbol import Symbol
from minisym.ops.indexing import Embedding, onnx_whole, whole
from minisym.ops.inputs import Shaped, Table, Words
from minisym.ops.numeric.rules import first_type

op = partial(declare, cost=each(1))

# ----------------------------------------------------------------------------------- elementwise


@op(
    name="_contrib_quadratic",
    elementwise=True,
    samples=[
        Sample(
            ((2, 3),),
            {"a": 1.5, "b": -2.0, "c": 3.0},
            reference=lambda x: 1.5 * x**2 - 2 * x + 3,
        ),
    ],
)
def quadratic(
    data: Elements,
    *,
    a: Annotated[float, "Coefficient of the square."] = 0.0,
    b: Annotated[float, "Coefficient of the linear term."] = 0.0,
    c: Annotated[float, "Constant term."] = 0.0,
    out: Array,
) -> None:
    """Compute a polynomial of second degree, $a x^2 + b x + c$.

    >>> from minisym import sym
    >>> import numpy as np
    >>> sym.contrib.quadratic(sym.Variable("x"), a=1, c=2).eval(x=np.array([1.0, 3.0]))
    [NDArray([ 3., 11.])]
    """
    x = data if data.dtype == np.float64 else data.astype(np.float32)
    found = x * (single(a) * x + single(b)) + single(c)
    np.copyto(out, found, casting="unsafe")


@quadratic.onnx
def _(o: Any, data: Any, *, a: float, b: float, c: float) -> Any:
    x = data if data.dtype == np.float64 else o.cast(data, "float32")
    return o.Add(o.Mul(x, o.Add(o.Mul(x, single(a)), single(b))), single(c))


@quadratic.grad
def _(g: Symbol, data: Symbol, *, a: float, b: float) -> Symbol:
    return g * (2 * single(a) * data + single(b))


@op(
    name="_contrib_gradientmultiplier",
    elementwise=True,
    samples=[Sample(((2, 3),), {"scalar": -2.0}, wrt=(), reference=lambda x: x)],
)
def gradientmultiplier(
    data: Elements,
    *,
    scalar: Annotated[float, "What gradients are multiplied by on their way back."] = 1.0,
    is_int: Annotated[bool, "Whether it was written as an int; without effect."] = True,
    out: Array,
) -> None:
    r"""Return the input, and multiply its gradient by a number $\lambda$.

    A negative number makes a network unlearn what another part of it learns.

    Reference: Ganin and Lempitsky, *Unsupervised domain adaptation by backpropagation*, ICML 2015,
    arXiv:1409.7495.

    >>> import minisym as ms
    >>> y = ms.sym.contrib.gradientmultiplier(ms.sym.Variable("x"), scalar=-1)
    >>> ms.grad(y, "x").eval(x=ms.nd.array([5.0]))
    [NDArray([-1.], dtype=float32)]
    """
    if data is not out:
        np.copyto(out, data)


gradientmultiplier.onnx(lambda o, data: data)


@gradientmultiplier.grad
def _(g: Symbol, data: Symbol, *, scalar: float) -> Symbol:
    return g * scalar


@op(
    name="_contrib_div_sqrt_dim",
    samples=[Sample(((2, 4),), reference=lambda x: x / 2)],
)
def div_sqrt_dim(data: Elements, *, out: Array) -> None:
    r"""Divide by the square root of the size of the last axis, $x / \sqrt d$.

    Products of queries and keys of $d$ elements keep a variance of 1 so.
    """
    np.divide(data, np.array(sqrt(data.shape[-1])).astype(data.dtype), out, casting="unsafe")


@div_sqrt_dim.shape
def _(s: Any) -> None:
    """Rule: the output has the shape of `data`."""
    agree(s, "data", "output")
    if s.data == ():
        raise ValueError("data needs 1 dimension or more")


@div_sqrt_dim.onnx
def _(o: Any, data: Any) -> Any:
    (size,) = o.fixed_sizes(data.shape[-1:], "it divides by the root of a size")
    return o.Div(data, sqrt(size))


@div_sqrt_dim.grad
def _(g: Symbol, data: Symbol) -> Symbol:
    return div_sqrt_dim(g)


# ------------------------------------------------------------------------------------- comparison


@op(
    name="_contrib_allclose",
    samples=[
        Sample(
            (np.array([1.0, np.nan, np.inf]), np.array([1.000001, np.nan, np.inf])),
            wrt=(),
            reference=lambda a, b: np.uint8(1),
        ),
        Sample(
            (np.array([1.0, np.nan]), np.array([1.0, np.nan])),
            {"equal_nan": False},
            wrt=(),
            reference=lambda a, b: np.uint8(0),
        ),
        Sample(
            (np.ones(2), np.array([1.0, 1.3])),
            {"rtol": 0.2, "atol": 0.01},
            wrt=(),
            reference=lambda a, b: np.uint8(0),
        ),
        Sample(((2, 3), (3, 2)), raises=ShapeError, match="shape"),
    ],
)
def allclose(
    a: Annotated[Array, "The first array."],
    b: Annotated[Array, "The second array, of the same shape; rtol is relative to it."],
    *,
    rtol: Annotated[float, "Relative tolerance."] = 1e-5,
    atol: Annotated[float, "Absolute tolerance."] = 1e-8,
    equal_nan: Annotated[bool, "Whether NaN equals NaN."] = True,
    out: Array,
) -> None:
    r"""Compare two arrays: 1 if $|a - b| \le atol + rtol \cdot |b|$ everywhere, else 0.

    The result is a single number of type uint8, an array without dimensions.
    """
    bound = single(atol) + single(rtol) * np.abs(b)
    near = (a == b) | (np.where(a > b, a - b, b - a) <= bound)  # nothing is near NaN
    if equal_nan:
        near |= (a != a) & (b != b)  # noqa: PLR0124  NaN is what does not equal itself
    out[...] = near.all()


@allclose.shape
def _(s: Any) -> None:
    """Rule: `a` and `b` have one shape; the output is one number, ()."""
    agree(s, "a", "b")
    s.output = ()


@allclose.onnx
def _(o: Any, a: Any, b: Any, *, rtol: float, atol: float, equal_nan: bool) -> Any:
    bound = o.Add(o.Mul(o.Abs(b), single(rtol)), single(atol))
    near = o.Or(o.Equal(a, b), o.LessOrEqual(o.Abs(o.Sub(a, b)), bound))
    if equal_nan and a.dtype.kind == "f":
        near = o.Or(near, o.And(o.IsNaN(a), o.IsNaN(b)))
    return o.reduce("ReduceMin", o.Cast(near, to=np.dtype(np.int32)))


@allclose.dtype
def _(t: Any) -> None:
    agree(t, "a", "b")
    t.output = np.dtype(np.uint8)


# -------------------------------------------------------------------------------------- positions


@op(
    name="_contrib_arange_like",
    samples=[
        Sample(((2, 3),), reference=lambda x: np.arange(6.0).reshape(2, 3)),
        Sample(
            ((2, 3),),
            {"axis": -1, "start": 2.0, "step": 0.5},
            reference=lambda x: np.array([2.0, 2.5, 3.0]),
        ),
        Sample(((4,),), {"repeat": 2}, reference=lambda x: np.array([0.0, 0.0, 1.0, 1.0])),
        Sample(((2, 3),), {"axis": 2}, raises=ShapeError, match="axis 2"),
        Sample(((2, 3),), {"repeat": 0}, raises=ShapeError, match="repeat"),
    ],
)
def arange_like(
    data: Shaped,
    *,
    start: Annotated[float, "First number."] = 0.0,
    step: Annotated[float, "Distance of two numbers."] = 1.0,
    repeat: Annotated[int, "How often each number stands there."] = 1,
    ctx: Annotated[str, "Accepted for old files: every array lives in main memory."] = "",
    axis: Annotated[int | None, "The axis to number; None: number all elements."] = None,
    out: Array,
) -> None:
    r"""Count the elements of an array, or along one axis of it: $a, a + s, a + 2s, …$.

    >>> from minisym import sym
    >>> import numpy as np
    >>> sym.contrib.arange_like(sym.Variable("x"), axis=1).eval(x=np.ones((2, 3)))
    [NDArray([0., 1., 2.])]
    """
    if out.dtype.kind != "f":  # integers start and step by integers
        start, step = int(start), int(step)
    wide = np.float64 if out.dtype.itemsize == 2 else out.dtype
    counts = (np.arange(out.size) // repeat).astype(wide)
    numbers = np.array(start).astype(wide) + counts * np.array(step).astype(wide)
    np.copyto(out, numbers.reshape(out.shape), casting="unsafe")


@arange_like.shape
def _(s: Any, *, repeat: int, axis: int | None) -> None:
    """Rule: the output has the shape of `data`, or the length of one axis."""
    if repeat < 1:
        raise ValueError(f"repeat must be positive, but is {repeat}")
    if axis is None:
        agree(s, "data", "output")
    elif s.data is not None:
        s.output = (s.data[axis_of(axis, len(s.data))],)


arange_like.grad(lambda g, data: None)


@arange_like.onnx
def _(o: Any, data: Any, *, start: float, step: float, repeat: int, axis: int | None) -> Any:
    everything = axis is None
    size = prod(o.fixed(data, "it numbers all")) if everything else data.shape[axis]
    count = o.count(size, "int64")
    numbers = o.cast(count if repeat == 1 else o.Div(count, repeat))
    return o.reshape(o.Add(o.Mul(numbers, step), start))


@op(
    name="_contrib_index_array",
    samples=[
        Sample(((2, 3),), reference=lambda x: np.moveaxis(np.indices((2, 3)), 0, -1)),
        Sample(
            ((2, 3),),
            {"axes": (-1,)},
            reference=lambda x: np.broadcast_to(np.arange(3)[:, np.newaxis], (2, 3, 1)),
        ),
        Sample(((2, 3),), {"axes": (2,)}, raises=ShapeError, match="axis 2"),
    ],
)
def index_array(
    data: Shaped,
    *,
    axes: Annotated[Ints | None, "Which axes' indices; None: of all axes."] = None,
    out: Array,
) -> None:
    """Return the indices of each element, $y_{ij…} = (i, j, …)$, as int64.

    The output has the shape of the data, and a last axis for the chosen axes.
    """
    chosen = range(data.ndim) if axes is None else [axis_of(a, data.ndim) for a in axes]
    for place, axis in enumerate(chosen):
        shape = [-1 if i == axis else 1 for i in range(data.ndim)]
        out[..., place] = np.arange(data.shape[axis]).reshape(shape)


@index_array.shape
def _(s: Any, *, axes: Ints | None) -> None:
    """Rule: the shape of `data`, and behind it one number for each axis, or for each of `axes`."""
    if s.data is not None:
        for axis in axes or ():
            axis_of(axis, len(s.data))
        s.output = (*s.data, len(s.data) if axes is None else len(axes))
    if s.output is not None:
        s.data = s.output[:-1]


@index_array.dtype
def _(t: Any) -> None:
    t.output = np.dtype(np.int64)


index_array.grad(lambda g, data: None)


@index_array.onnx
def _(o: Any, data: Any, *, axes: Ints | None) -> Any:
    chosen = range(data.rank) if axes is None else axes
    laid = (o.lay(o.count(data.shape[axis], "int64"), data.rank, axis) for axis in chosen)
    return o.Concat(*(o.Unsqueeze(o.stretch(each, data.shape), (-1,)) for each in laid), axis=-1)


# ------------------------------------------------------------------------------------------- rows


def _with_rows(x: Array, i: Array, y: Array) -> Array:
    found = x.copy()
    found[i.astype(int)] = y
    return found


@op(
    name="_contrib_index_copy",
    samples=[
        Sample(((4, 3), np.array([2.0, 0.0]), (2, 3)), wrt=(0, 2), reference=_with_rows),
        Sample(((3,), np.array([1], np.int32), (1,)), wrt=(0, 2), reference=_with_rows),
        Sample(((4, 3), (2,), (2, 4)), raises=ShapeError, match="new_tensor"),
        Sample(((1, 3), (2,), (2, 3)), raises=ShapeError, match="2 rows"),
    ],
)
def index_copy(
    old_tensor: Annotated[Array, "The array some of whose rows are replaced."],
    index_vector: Annotated[Array, "Which rows they are, a vector."],
    new_tensor: Annotated[Array, "The rows to put there."],
    *,
    out: Array,
) -> None:
    """Put the rows of `new_tensor` in the place of some rows of `old_tensor`.

    Row i goes to row `index_vector[i]`; indices count modulo the number of rows, and where two are
    equal, the last row stays.

    >>> from minisym import sym
    >>> import numpy as np
    >>> x, i, y = sym.Variable("x"), sym.Variable("i"), sym.Variable("y")
    >>> copied = sym.contrib.index_copy(x, i, y)
    >>> copied.eval(x=np.zeros(3), i=np.array([2.0, 0.0]), y=np.array([5.0, 6.0]))
    [NDArray([6., 0., 5.])]
    """
    np.copyto(out, old_tensor)
    out[whole(index_vector, len(out), "wrap")] = new_tensor


@index_copy.shape
def _(s: Any) -> None:
    """Rule: the output has the shape of `old_tensor`; `new_tensor` has one row for each index."""
    agree(s, "old_tensor", "output")
    old, new, index = s.old_tensor, s.new_tensor, s.index_vector
    if index is not None and len(index) != 1:
        raise ValueError(f"index_vector must be a vector, but has {len(index)} dimensions")
    rows = index[0] if index is not None else new[0] if new else None
    s.index_vector = (rows,)
    if old is not None:
        if not old:
            raise ValueError("old_tensor needs 1 dimension or more")
        s.new_tensor = (rows, *old[1:])
        if rows is not None and old[0] is not None and rows > old[0]:
            raise ValueError(f"{rows} rows do not fit into old_tensor {show(old)}")


@index_copy.dtype
def _(t: Any) -> None:
    agree(t, "old_tensor", "new_tensor", "output")


@index_copy.onnx
def _(o: Any, old_tensor: Any, index_vector: Any, new_tensor: Any) -> Any:
    place = o.Unsqueeze(onnx_whole(o, index_vector, old_tensor.shape[0], "wrap"), (1,))
    return o.ScatterND(old_tensor, place, new_tensor)


@index_copy.grad
def _(
    g: Symbol, old_tensor: Symbol, index_vector: Symbol, new_tensor: Symbol
) -> tuple[Symbol, None, Symbol]:
    untouched = index_copy(g, index_vector, F.zeros_like(new_tensor))
    return untouched, None, F.take(g, index_vector, mode="wrap")


@op(
    name="_contrib_boolean_mask",
    samples=[
        Sample(
            ((4, 3), np.array([0.0, 2.0, 0.0, -1.0])),
            wrt=(0,),
            reference=lambda x, mask: x[[1, 3]],
        ),
        Sample(
            ((2, 3), np.array([1, 0, 1], np.int32)),
            {"axis": -1},
            wrt=(0,),
            reference=lambda x, mask: x[:, [0, 2]],
        ),
        Sample(((4, 3), (3,)), raises=ShapeError, match="index needs"),
        Sample(((4, 3), (4, 1)), raises=ShapeError, match="must be a vector"),
    ],
)
def boolean_mask(
    data: Annotated[Array, "The array to choose from."],
    index: Annotated[Array, "One number for each row: where it is 0, the row goes."],
    *,
    axis: Annotated[int, "The axis whose elements are chosen."] = 0,
    out: Array,
) -> None:
    """Keep those rows where a vector is not 0.

    How many they are, only a run finds out: `infer_shape` does not know, and an executor's output
    may have another shape after each run.

    >>> from minisym import sym
    >>> import numpy as np
    >>> kept = sym.contrib.boolean_mask(sym.Variable("x"), sym.Variable("mask"))
    >>> kept.eval(x=np.array([[1.0], [2.0], [3.0]]), mask=np.array([1.0, 0.0, 1.0]))
    [NDArray([[1.],
             [3.]])]
    """
    np.compress(index != 0, data, axis, out)


@boolean_mask.shape
def _(s: Any, *, axis: int) -> None:
    """Rule: the shape of `data`; how long `axis` is, the values of `index` decide in the run."""
    if s.index is not None and len(s.index) != 1:
        raise ValueError(f"index must be a vector, but has {len(s.index)} dimensions")
    if s.data is None:
        return
    at = axis_of(axis, len(s.data))
    length = s.index[0] if s.index else None
    s.data = tuple(length if i == at else None for i in range(len(s.data)))
    s.index = (s.data[at],)
    s.output = tuple(None if i == at else d for i, d in enumerate(s.data))
    s.data = tuple(None if i == at else d for i, d in enumerate(s.output))


@boolean_mask.measured
def _(data: Array, index: Array, *, axis: int) -> list[tuple[int, ...]]:
    at = axis_of(axis, data.ndim)
    return [(*data.shape[:at], np.count_nonzero(index), *data.shape[at + 1 :])]


boolean_mask.dtype(first_type)


@boolean_mask.onnx
def _(o: Any, data: Any, index: Any, *, axis: int) -> Any:
    return o.Compress(data, o.Cast(index, to=BOOL), axis=axis)


@boolean_mask.backward(
    wrt=("data",),
    grad=lambda h, g, data, index, *, axis: (boolean_mask(h, index, axis=axis), None, None),
)
def _(g: Array, data: Array, index: Array, *, axis: int, out: Array) -> None:
    """Send the gradients of the rows that were kept back to them."""
    out[...] = 0
    np.moveaxis(out, axis, 0)[index != 0] = np.moveaxis(g, axis, 0)


# ----------------------------------------------------------------------------- under another name


@op(
    name="_contrib_SparseEmbedding",
    samples=[
        Sample(
            (np.array([[0, 2], [1, 2]]), (3, 4)),
            {"input_dim": 3, "output_dim": 4},
            wrt=(1,),
            reference=lambda i, w: w[i],
        ),
    ],
)
def SparseEmbedding(
    data: Words,
    weight: Table,
    *,
    input_dim: Annotated[int, "Number of words: rows of the weight.", Between(1)],
    output_dim: Annotated[int, "Length of a word's vector.", Between(1)],
    dtype: Annotated[DType, "Type of the weight, where nothing else says it."] = FLOAT32,
    sparse_grad: Annotated[bool, "Accepted for old files: gradients are dense."] = False,
    out: Array,
) -> None:
    """Look up rows of a table, $y_i = W_{x_i}$: `Embedding`, as old files have it."""
    np.take(weight, whole(data, len(weight)), 0, out, "clip")


SparseEmbedding.shape_rule = Embedding.shape_rule
SparseEmbedding.dtype_rule = Embedding.dtype_rule
SparseEmbedding.gradient = Embedding.gradient
SparseEmbedding.onnx_rule = Embedding.onnx_rule
