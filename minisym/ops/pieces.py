r"""Arrays put together from pieces, and cut into them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import accumulate, pairwise
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import nothing
from minisym.core.declare import F
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.ndarray import Array
from minisym.core.params import Between, Ints
from minisym.core.samples import Sample
from minisym.core.shapes import Dim, axis_of
from minisym.core.symbol import Symbol
from minisym.ops.inputs import Joined, Whole

op = partial(declare, kind="layout", cost=nothing)


def _parts(array: Array, sizes: Sequence[int], axis: int) -> list[Array]:
    """Return views of consecutive parts of an array."""
    marks = list(accumulate(sizes, initial=0))
    axis %= array.ndim
    head = (slice(None),) * axis
    return [array[(*head, slice(a, b))] for a, b in pairwise(marks)]


# ---------------------------------------------------------------------------------------- Concat


@op(
    count="num_args",
    aliases=("concat", "_sparse_concat"),
    hands_on=True,
    samples=[
        Sample(((2, 3), (2, 1)), {"dim": 1}, reference=lambda *x: np.concatenate(x, 1)),
        Sample(((2, 3), (1, 3), (4, 3)), {"dim": -2}, reference=lambda *x: np.concatenate(x, 0)),
        Sample(((2, 3), (3, 3)), {"dim": 1}, raises=ShapeError, match="arg1 has shape"),
        Sample(((2, 3), (2, 3)), {"dim": 2}, raises=ShapeError, match="axis 2"),
    ],
)
def Concat(
    *data: Joined, dim: Annotated[int, "The axis along which they are joined."] = 1, out: Array
) -> None:
    """Join arrays along an axis that exists; the others must agree.

    >>> from minisym import sym
    >>> y = sym.Concat(sym.Variable("a"), sym.Variable("b"), dim=1)
    >>> y.infer_shape(a=(2, 3), b=(2, 5))[1]
    [(2, 8)]
    """
    np.concatenate(data, dim, out=out)


@op(
    count="num_args",
    samples=[Sample(((3,), (4,)), {"dim": 0}, reference=lambda *x: np.concatenate(x))],
)
def _rnn_param_concat(
    *data: Joined, dim: Annotated[int, "The axis along which they are joined."] = 1, out: Array
) -> None:
    """Join the parameters of a recurrent layer; as `Concat`."""
    np.concatenate(data, dim, out=out)


def _concat_shape(s: Any, *, dim: int) -> None:
    """Rule: one axis adds up, the others are one."""
    rank = next((len(x) for x in (*s.inputs, *s.outputs) if x is not None), None)
    if rank is None:
        return
    axis = axis_of(dim, rank)
    s.output = (None,) * rank
    for _ in range(2):  # all other axes are the output's
        for i in range(len(s.inputs)):
            s.set_input(i, (*s.output[:axis], None, *s.output[axis + 1 :]))
            s.output = (*s.inputs[i][:axis], None, *s.inputs[i][axis + 1 :])
    sizes = [given[axis] for given in s.inputs]
    s.output = (*s.output[:axis], _total(sizes), *s.output[axis + 1 :])
    whole = s.output[axis]
    if whole is not None and sizes.count(None) == 1:
        i = sizes.index(None)
        left = whole - sum(size for size in sizes if size is not None)
        if left < 0:
            raise ValueError(f"the inputs are longer than the output along axis {axis}")
        s.set_input(i, (*s.output[:axis], left, *s.output[axis + 1 :]))


def _total(sizes: Sequence[Dim]) -> Dim:
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def _concat_backward(g: Array, *data: Array, dim: int, out: Any) -> None:
    """Cut the gradient of a join into those of its inputs."""
    grads = out if isinstance(out, tuple) else (out,)
    for grad, part in zip(grads, _parts(g, [x.shape[dim] for x in data], dim), strict=True):
        np.copyto(grad, part)


def _concat_again(hs: Any, g: Symbol, *data: Symbol, dim: int) -> tuple[Symbol | None, ...]:
    return F.Concat(*hs, dim=dim), *(None for _ in data)


for _join in (Concat, _rnn_param_concat):
    _join.shape(_concat_shape)
    _join.backward(_concat_backward, grad=_concat_again)
    _join.onnx(lambda o, *data, dim: o.Concat(*data, axis=dim))


@op(
    count="num_args",
    samples=[
        Sample(((2, 3), (2, 3)), {"axis": 1}, reference=lambda *x: np.stack(x, 1)),
        Sample(((2, 3), (2, 3)), {"axis": -1}, reference=lambda *x: np.stack(x, -1)),
        Sample(((2, 3), (2, 4)), raises=ShapeError, match="axis 1 is 4, not 3"),
    ],
)
def stack(
    *data: Annotated[Array, "The arrays to join, of one shape."],
    axis: Annotated[int, "Where the new axis stands in the output."] = 0,
    out: Array,
) -> None:
    """Join arrays of one shape along a new axis."""
    np.stack(data, axis, out=out)


@stack.shape
def _(s: Any, *, axis: int) -> None:
    """Rule: the shape of one array, with a new axis as long as there are arrays.

    All have one shape.
    """
    if s.output is not None:
        at = axis_of(axis, len(s.output))
        s.set_input(0, s.output[:at] + s.output[at + 1 :])
    for _ in range(2):
        for i in range(1, len(s.inputs)):
            s.set_input(i, s.inputs[i - 1])
        s.set_input(0, s.inputs[-1])
    shape = s.inputs[0]
    if shape is not None:
        at = axis_of(axis, len(shape) + 1)
        s.output = (*shape[:at], len(s.inputs), *shape[at:])


@stack.onnx
def _(o: Any, *data: Any, axis: int) -> Any:
    return o.Concat(*(o.Unsqueeze(x, (axis,)) for x in data), axis=axis)


@stack.grad
def _(g: Symbol, *data: Symbol, axis: int) -> list[Symbol]:
    parts = F.SliceChannel(g, num_outputs=len(data), axis=axis, squeeze_axis=True)
    return list(parts)


# ---------------------------------------------------------------------------------- SliceChannel


def _numbered(number: int) -> tuple[str, ...]:
    return tuple(f"output{i}" for i in range(number))


@op(
    aliases=("split",),
    outputs=lambda p: _numbered(p["num_outputs"]),
    samples=[
        Sample(((2, 6),), {"num_outputs": 3}, reference=lambda x: np.split(x, 3, 1)),
        Sample(
            ((2, 3),),
            {"num_outputs": 2, "axis": 0, "squeeze_axis": True},
            reference=lambda x: [x[0], x[1]],
        ),
        Sample(((2, 6),), {"num_outputs": 4}, raises=ShapeError, match="cannot be cut into 4"),
    ],
)
def SliceChannel(
    data: Whole,
    *,
    num_outputs: Annotated[int, "How many parts.", Between(1)],
    axis: Annotated[int, "The axis that is cut."] = 1,
    squeeze_axis: Annotated[bool, "Drop the axis: each part must have size 1 there."] = False,
    out: Any,
) -> None:
    """Cut an array into equal parts along an axis.

    >>> from minisym import sym
    >>> sym.split(sym.Variable("x"), num_outputs=2, name="half").infer_shape(x=(3, 8))[1]
    [(3, 4), (3, 4)]
    """
    outs = out if isinstance(out, tuple) else (out,)
    size = data.shape[axis] // num_outputs
    for part, target in zip(_parts(data, [size] * num_outputs, axis), outs, strict=True):
        np.copyto(target, part.reshape(target.shape))


@SliceChannel.shape
def _(s: Any, *, num_outputs: int, axis: int, squeeze_axis: bool) -> None:
    """Rule: each part has a share of `axis`, or, with `squeeze_axis`, no such axis."""
    for _ in range(2):
        for i in range(1, num_outputs):  # all parts have one shape
            s.set_output(i, s.outputs[i - 1])
        s.set_output(0, s.outputs[-1])
    part = s.outputs[0]
    if part is not None:
        at = axis_of(axis, len(part) + squeeze_axis)
        behind = part[at:] if squeeze_axis else part[at + 1 :]
        size = 1 if squeeze_axis else part[at]
        s.data = (*part[:at], None if size is None else size * num_outputs, *behind)
    if s.data is None:
        return
    at = axis_of(axis, len(s.data))
    whole = s.data[at]
    if whole is not None and whole % num_outputs:
        raise ValueError(f"{whole} elements along axis {at} cannot be cut into {num_outputs}")
    size = None if whole is None else whole // num_outputs
    if squeeze_axis:
        if size not in (1, None):
            raise ValueError(f"squeeze_axis needs parts of size 1, but they have {size}")
        s.data = (*s.data[:at], num_outputs, *s.data[at + 1 :])
    middle = () if squeeze_axis else (size,)
    for i in range(num_outputs):
        s.set_output(i, (*s.data[:at], *middle, *s.data[at + 1 :]))


def _onnx_parts(o: Any, data: Any, sizes: Sequence[Any], axis: int) -> list[Any]:
    """Cut into parts in ONNX, and drop the axis, where the outputs do not have it."""
    if len(sizes) == 1:
        return [o.reshape(data, o.shape)]
    parts = o.Split(data, tuple(sizes), axis=axis, outputs=len(sizes))
    if len(o.shape) < data.rank:
        parts = [o.Squeeze(part, (axis,)) for part in parts]
    return list(parts)


@SliceChannel.onnx
def _(o: Any, data: Any, *, num_outputs: int, axis: int, squeeze_axis: bool) -> Any:
    size = 1 if squeeze_axis else o.shape[axis]
    return _onnx_parts(o, data, [size] * num_outputs, axis)


@SliceChannel.grad
def _(g: Any, data: Symbol, *, axis: int, squeeze_axis: bool) -> Symbol:
    parts = g if isinstance(g, list) else [g]
    return F.stack(*parts, axis=axis) if squeeze_axis else F.Concat(*parts, dim=axis)


# -------------------------------------------------------------------------------------- split_v2


def _part_names(params: Mapping[str, Any]) -> tuple[str, ...]:
    number = params["sections"] or len(params["indices"])
    return _numbered(number) if number > 1 else ("output",)


def _spans(indices: Ints, sections: int, length: int) -> list[tuple[int, int]]:
    """Return (begin, end) of each part of a split_v2."""
    if sections:  # the first parts are longer by 1, where the length is no multiple
        size, longer = divmod(length, sections)
        sizes = [size + 1] * longer + [size] * (sections - longer)
        return list(pairwise(accumulate(sizes, initial=0)))
    return list(pairwise([*(indices or (0,)), length]))


@op(
    name="_split_v2",
    outputs=_part_names,
    samples=[
        Sample(
            ((5, 2),),
            {"indices": (0, 1, 3), "axis": 0},
            reference=lambda x: [x[:1], x[1:3], x[3:]],
        ),
        Sample(
            ((2, 6),),
            {"indices": (), "sections": 3, "axis": 1},
            reference=lambda x: [x[:, :2], x[:, 2:4], x[:, 4:]],
        ),
        Sample(
            ((2, 6),),
            {"indices": (0, 7)},
            raises=ShapeError,
            match="part 1 of 6 elements",
        ),
    ],
)
def split_v2(
    data: Whole,
    *,
    indices: Annotated[Ints, "Where each part begins; the first begin is 0."],
    axis: Annotated[int, "The axis that is cut."] = 1,
    squeeze_axis: Annotated[bool, "Drop the axis: each part must have size 1 there."] = False,
    sections: Annotated[int, "Cut into so many equal parts instead.", Between(0)] = 0,
    out: Any,
) -> None:
    """Cut an array along an axis at given places, or into equal parts."""
    outs = out if isinstance(out, tuple) else (out,)
    head = (slice(None),) * (axis % data.ndim)
    spans = _spans(indices, sections, data.shape[axis])
    for (a, b), target in zip(spans, outs, strict=True):
        np.copyto(target, data[(*head, slice(a, b))].reshape(target.shape))


@split_v2.shape
def _(s: Any, *, indices: Ints, axis: int, squeeze_axis: bool, sections: int) -> None:
    """Rule: each part has its piece of `axis`; all other axes are those of the whole."""
    data = s.data
    if data is None:
        return
    at = axis_of(axis, len(data))
    whole = data[at]
    if whole is None:
        return
    for i, (a, b) in enumerate(_spans(indices, sections, whole)):
        if not 0 <= a <= b:
            raise ValueError(f"part {i} of {whole} elements would reach from {a} to {b}")
        if squeeze_axis and b - a != 1:
            raise ValueError(f"squeeze_axis needs parts of size 1, but part {i} has {b - a}")
        middle = () if squeeze_axis else (b - a,)
        s.set_output(i, (*data[:at], *middle, *data[at + 1 :]))
    for part in s.outputs:
        rest = part[at:] if squeeze_axis else part[at + 1 :]
        s.data = (*part[:at], whole, *rest)


@split_v2.onnx
def _(o: Any, data: Any, *, indices: Ints, axis: int, sections: int) -> Any:
    spans = _spans(indices, sections, data.shape[axis])
    if spans[0][0]:
        data = o.Slice(data, (spans[0][0],), (spans[-1][1],), (axis,))
    return _onnx_parts(o, data, [b - a for a, b in spans], axis)


@split_v2.grad
def _(g: Any, data: Symbol, *, axis: int, squeeze_axis: bool) -> Symbol:
    parts = g if isinstance(g, list) else [g]
    return F.stack(*parts, axis=axis) if squeeze_axis else F.Concat(*parts, dim=axis)
