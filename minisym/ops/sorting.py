r"""Order: sorting, and the places of the greatest elements.

Equal elements keep their order; NaN comes last, whichever way it is sorted. Places are floats
unless `dtype` says otherwise, as in MXNet.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np

from minisym.core.cost import each_input
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.ndarray import Array
from minisym.core.params import FLOAT32, DType
from minisym.core.samples import Sample
from minisym.core.shapes import Dim, axis_of, product
from minisym.core.symbol import Symbol
from minisym.ops.inputs import Like
from minisym.ops.numeric.rules import first_type
from minisym.ops.statistics import put_positions

op = partial(declare, kind="layout", cost=each_input(1))
Places = Annotated[Array, "Whole numbers: places along the axis."]

Axis = Annotated[int | None, "The axis to sort along; None: all elements as one vector."]
WIDER = "ask for a wider dtype"
Ascending = Annotated[bool, "Begin with the least instead of the greatest."]


def _reversed(data: Array) -> Array:
    """Return numbers in reversed order; NaN stays NaN. Twice gives the data again."""
    found: Array = -data if data.dtype.kind == "f" else ~data
    return found


def order_of(data: Array, *, ascending: bool) -> Array:
    """Return the places of the elements in order, along the last axis; stable, NaN last."""
    return np.argsort(data if ascending else _reversed(data), axis=-1, kind="stable")


def first_places(data: Array, count: int, *, ascending: bool) -> Array:
    """Return the first `count` places of that order, without sorting what comes behind them."""
    if count >= data.shape[-1]:
        return order_of(data, ascending=ascending)
    keys = data if ascending else _reversed(data)
    last = np.partition(keys, count - 1, axis=-1)[..., count - 1 : count]
    if last.dtype.kind == "f" and np.isnan(last).any():  # some lines have too few numbers
        return order_of(data, ascending=ascending)[..., :count]
    chosen = keys <= last
    if np.count_nonzero(chosen) > count * last.size:  # of equals, the first ones
        before, ties = keys < last, keys == last
        wanted = count - before.sum(-1, keepdims=True)
        chosen = before | (ties & (np.cumsum(ties, -1) <= wanted))
    places = np.flatnonzero(chosen).reshape(*data.shape[:-1], count) % data.shape[-1]
    inner = order_of(np.take_along_axis(keys, places, -1), ascending=True)
    return np.take_along_axis(places, inner, -1)


def _along(data: Array, axis: int | None) -> Array:
    """Move the axis to the end; without one, make one vector of everything."""
    return data.reshape(-1) if axis is None else np.moveaxis(data, axis, -1)


def _sorted_shape(s: Any, *, axis: int | None) -> None:
    """Rule: the input's shape, or one vector."""
    if axis is None:
        if s.data is not None:
            s.set_output(0, (product(s.data),))
        return
    s.set_output(0, s.data)
    s.data = s.outputs[0]
    if s.data is not None:
        axis_of(axis, len(s.data))


@op(
    workspaces=1,
    outputs=("output0",),
    samples=[
        Sample(((3, 4),), {"axis": 0}, reference=lambda x: np.sort(x, 0)),
        Sample(((3, 4),), {"is_ascend": False}, reference=lambda x: -np.sort(-x)),
        Sample(((3, 4),), {"axis": None}, reference=lambda x: np.sort(x.ravel())),
        Sample(((3, 4),), {"axis": 2}, raises=ShapeError, match="axis 2"),
    ],
)
def sort(
    data: Annotated[Array, "The array to sort."],
    *,
    axis: Axis = -1,
    is_ascend: Ascending = True,
    out: Array,
) -> None:
    """Sort along an axis, or all elements as one vector; NaN comes last.

    >>> from minisym import sym
    >>> import numpy as np
    >>> sym.sort(sym.Variable("x")).eval(x=np.array([3.0, 1.0, 2.0]))
    [NDArray([1., 2., 3.])]
    """
    line = _along(data, axis)
    found = np.sort(line, -1) if is_ascend else _reversed(np.sort(_reversed(line), -1))
    np.copyto(_along(out, axis), found)


sort.shape(_sorted_shape)


def _onnx_first(o: Any, data: Any, axis: int | None, count: Any, *, ascending: bool) -> list[Any]:
    """Return the first `count` elements in order, and their places, in ONNX; None: all.

    NaN comes last, as here: it is sorted as what is beyond all numbers.
    """
    line = o.Reshape(data, (-1,)) if axis is None else data
    number = o.sizes((count,)) if axis is not None or count else o.Reshape(o.Size(data), (1,))
    key = line
    if data.dtype.kind == "f":
        key = o.Where(o.IsNaN(line), np.inf if ascending else -np.inf, line)
    _, places = o.TopK(key, number, axis=axis or 0, largest=int(not ascending), outputs=2)
    return [o.GatherElements(line, places, axis=axis or 0), places]


@sort.onnx
def _(o: Any, data: Any, *, axis: int | None, is_ascend: bool) -> Any:
    length = None if axis is None else data.shape[axis]
    return _onnx_first(o, data, axis, length, ascending=is_ascend)[:1]


@sort.grad
def _(g: Symbol, data: Symbol, *, axis: int | None, is_ascend: bool) -> Symbol:
    places = argsort(data, axis=axis, is_ascend=is_ascend, dtype="int64")
    return put_places(g, data, places, axis=axis)


@op(
    samples=[
        Sample(((3, 4),), {"axis": 0}, wrt=(), reference=lambda x: np.argsort(x, 0)),
        Sample(
            (np.array([1.0, 0.0, 1.0, np.nan]),),
            {"is_ascend": False, "dtype": "int32"},
            wrt=(),
            reference=lambda x: np.array([0, 2, 1, 3]),
        ),
    ],
)
def argsort(
    data: Annotated[Array, "The array whose order is asked for."],
    *,
    axis: Axis = -1,
    is_ascend: Ascending = True,
    dtype: Annotated[DType, "Type of the output."] = FLOAT32,
    out: Array,
) -> None:
    """Return the places of the elements in sorted order; see `sort`."""
    line = _along(data, axis)
    put_positions(order_of(line, ascending=is_ascend), "argsort", _along(out, axis), WIDER)


argsort.shape(_sorted_shape)


@argsort.dtype
def _(t: Any, *, dtype: str) -> None:
    t.output = np.dtype(dtype)


@argsort.onnx
def _(o: Any, data: Any, *, axis: int | None, is_ascend: bool) -> Any:
    length = None if axis is None else data.shape[axis]
    return _onnx_first(o, data, axis, length, ascending=is_ascend)[1]


@argsort.grad
def _(g: Symbol, data: Symbol) -> None:
    return None


@op(
    name="_take_places", samples=[Sample(((3, 4), np.argsort(np.eye(3, 4))), {"axis": 1}, wrt=(0,))]
)
def take_places(
    data: Annotated[Array, "The array to take from."],
    places: Places,
    *,
    axis: Axis = -1,
    out: Array,
) -> None:
    """Take the elements at these places along an axis."""
    np.copyto(_along(out, axis), np.take_along_axis(_along(data, axis), _along(places, axis), -1))


def _same_but(s: Any, axis: int | None, one: str, other: str) -> None:
    """Rule: two slots differ along one axis only; without one they are taken as flat."""
    for here, there in ((one, other), (other, one)):
        shape = getattr(s, here)
        if axis is not None and shape is not None:
            at = axis_of(axis, len(shape))
            setattr(s, there, (*shape[:at], None, *shape[at + 1 :]))


@take_places.shape
def _(s: Any, *, axis: int | None) -> None:
    s.output = s.places
    s.places = s.output
    _same_but(s, axis, "data", "places")


take_places.dtype(first_type)


@take_places.onnx
def _(o: Any, data: Any, places: Any, *, axis: int | None) -> Any:
    flat, where = (o.Reshape(x, (-1,)) if axis is None else x for x in (data, places))
    return o.reshape(o.GatherElements(flat, o.cast(where, "int64"), axis=axis or 0))


@take_places.grad
def _(g: Symbol, data: Symbol, places: Symbol, *, axis: int | None) -> tuple[Symbol, None]:
    return put_places(g, data, places, axis=axis), None


@op(
    name="_put_places",
    samples=[Sample(((3, 2), (3, 4), np.array([[0, 2]] * 3)), {"axis": 1}, wrt=(0,))],
)
def put_places(
    data: Annotated[Array, "The elements to put, of the shape of places."],
    like: Like,
    places: Places,
    *,
    axis: Axis = -1,
    out: Array,
) -> None:
    """Put elements at these places of an array of zeros that is shaped like another one."""
    out[...] = 0
    np.put_along_axis(_along(out, axis), _along(places, axis), _along(data, axis), -1)


@put_places.shape
def _(s: Any, *, axis: int | None) -> None:
    s.data = s.places
    s.places = s.data
    s.output = s.like
    s.like = s.output
    _same_but(s, axis, "like", "places")


put_places.dtype(first_type)


@put_places.onnx
def _(o: Any, data: Any, places: Any, *, axis: int | None) -> Any:
    zeros = o.full(o.shape, 0, o.dtype)
    flat, values, where = (
        o.Reshape(x, (-1,)) if axis is None else x for x in (zeros, data, places)
    )
    found = o.ScatterElements(flat, o.cast(where, "int64"), values, axis=axis or 0)
    return o.reshape(found)


@put_places.grad
def _(
    h: Symbol, data: Symbol, like: Symbol, places: Symbol, *, axis: int | None
) -> tuple[Symbol | None, ...]:
    return take_places(h, places, axis=axis), None, None


# ------------------------------------------------------------------------------------------ topk


def _topk_outputs(params: Mapping[str, Any]) -> tuple[str, ...]:
    return {"both": ("output0", "output1"), "value": ("output0",)}.get(
        params["ret_typ"], ("output",)
    )


@op(
    workspaces=lambda p: int(p["ret_typ"] == "value"),
    outputs=_topk_outputs,
    samples=[
        Sample(((3, 5),), {"k": 2}, reference=lambda x: np.argsort(-x)[:, :2]),
        Sample(((3, 5),), {"k": 2, "ret_typ": "value"}, reference=lambda x: -np.sort(-x)[:, :2]),
        Sample(
            ((5, 3),),
            {"k": 2, "ret_typ": "both", "axis": 0, "is_ascend": True},
            reference=lambda x: [np.sort(x, 0)[:2], np.argsort(x, 0)[:2]],
        ),
        Sample(
            ((3, 5),),
            {"k": 1, "ret_typ": "mask"},
            reference=lambda x: x == x.max(1, keepdims=True),
        ),
        Sample(((3, 5),), {"k": 6}, raises=ShapeError, match="k is 6"),
    ],
)
def topk(
    data: Annotated[Array, "The array to choose from."],
    *,
    axis: Axis = -1,
    k: Annotated[int, "How many; 0 or less: all."] = 1,
    ret_typ: Annotated[
        Literal["both", "indices", "mask", "value"],
        "Return values, their places, both, or ones at their places.",
    ] = "indices",
    is_ascend: Ascending = False,
    dtype: Annotated[DType, "Type of the places."] = FLOAT32,
    out: Any,
) -> None:
    """Find the k greatest (or least) elements along an axis, in order.

    >>> from minisym import sym
    >>> import numpy as np
    >>> values, places = sym.topk(sym.Variable("x"), k=2, ret_typ="both")
    >>> values.eval(x=np.array([3.0, 1.0, 4.0]))
    [NDArray([4., 3.])]
    """
    line = _along(data, axis)
    count = k if k > 0 else line.shape[-1]
    places = first_places(line, count, ascending=is_ascend)
    if ret_typ == "mask":
        out[...] = 0
        np.put_along_axis(_along(out, axis), places, 1, -1)
        return
    outs = (
        dict(zip(("value", "indices"), out, strict=True)) if ret_typ == "both" else {ret_typ: out}
    )
    if "value" in outs:
        np.copyto(_along(outs["value"], axis), np.take_along_axis(line, places, -1))
    if "indices" in outs:
        put_positions(places, "topk", _along(outs["indices"], axis), WIDER)


@topk.shape
def _(s: Any, *, axis: int | None, k: int, ret_typ: str) -> None:
    """Rule: the shape of `data`, with k along `axis`; a mask has the shape of `data`."""
    data = s.data
    if ret_typ == "mask":
        s.output = data
        s.data = s.output
    if data is None:
        return
    at = None if axis is None else axis_of(axis, len(data))
    length: Dim = product(data) if at is None else data[at]
    if length is not None and k > length:
        raise ValueError(f"k is {k}, but there are {length} elements")
    if ret_typ == "mask":
        return
    count = k if k > 0 else length
    shape = (count,) if at is None else (*data[:at], count, *data[at + 1 :])
    for i in range(len(s.outputs)):
        s.set_output(i, shape)


@topk.dtype
def _(t: Any, *, ret_typ: str, dtype: str) -> None:
    if ret_typ == "indices":
        t.output = np.dtype(dtype)
        return
    t.set_output(0, t.data)
    t.data = t.outputs[0]
    if ret_typ == "both":
        t.output1 = np.dtype(dtype)


@topk.onnx
def _(o: Any, data: Any, *, axis: int | None, k: int, ret_typ: str, is_ascend: bool) -> Any:
    count = k if k > 0 else None if axis is None else data.shape[axis]
    values, places = _onnx_first(o, data, axis, count, ascending=is_ascend)
    if ret_typ == "mask":
        zeros = o.full(data.shape, 0, o.dtype)
        flat = o.Reshape(zeros, (-1,)) if axis is None else zeros
        ones = o.Expand(np.ones(1, o.dtype), o.Shape(places))
        return o.reshape(o.ScatterElements(flat, places, ones, axis=axis or 0))
    return {"both": [values, places], "value": [values]}.get(ret_typ, [places])


@topk.grad
def _(
    g: Any, data: Symbol, *, axis: int | None, k: int, ret_typ: str, is_ascend: bool
) -> Symbol | None:
    if ret_typ in ("indices", "mask"):
        return None
    values = g[0] if isinstance(g, list) else g
    places = topk(data, axis=axis, k=k, is_ascend=is_ascend, dtype="int64")
    return put_places(values, data, places, axis=axis)
