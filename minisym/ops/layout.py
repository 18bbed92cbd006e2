r"""The same elements in another layout: shapes, orders of axes, mirrored axes.

Ops that keep the order of the elements are views: a run gives their outputs the memory of their
inputs and does nothing.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

import numpy as np

from minisym.core.cost import nothing
from minisym.core.declare import F
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.families import Elements
from minisym.core.ndarray import Array
from minisym.core.params import Ints
from minisym.core.samples import Sample
from minisym.core.shapes import Dim, axes_of, axis_of, is_known, product, show
from minisym.core.symbol import Symbol
from minisym.ops.numeric.rules import first_type

op = partial(declare, kind="layout", cost=nothing)

Dims = tuple[Dim, ...]


def _copy(data: Array, out: Array) -> None:
    """Fill `out` with the elements of `data` in their order."""
    np.copyto(out, data.reshape(out.shape))


def _same_size(s: Any) -> None:
    """Check that data and output hold equally many elements; find one unknown dimension by it."""
    data, output = s.data, s.output
    for name, mine, other in (("output", output, data), ("data", data, output)):
        size = product(other) if other is not None else None
        if mine is None or size is None or mine.count(None) != 1:
            continue
        known = product(d for d in mine if d is not None)
        if known and size % known == 0:
            setattr(s, name, tuple(size // known if d is None else d for d in mine))
        elif known:
            raise ValueError(f"{size} elements of {show(other)} cannot fill {show(mine)}")
    data, output = s.data, s.output
    if is_known(data) and is_known(output) and product(data) != product(output):
        raise ValueError(
            f"{show(data)} holds {product(data)} elements, but {show(output)} {product(output)}"
        )


# --------------------------------------------------------------------------------------- Reshape

COPY, INFER, REST, MERGE, SPLIT = 0, -1, -2, -3, -4


def reshaped(codes: Ints, data: Dims) -> tuple[Dims, list[tuple[int, int]]]:
    """Follow the codes of a Reshape; return the new shape, and pairs (axis of it, axis of data).

    The pairs say which dimensions are the same number, so that knowledge flows both ways.
    """
    new: list[Dim] = []
    pairs: list[tuple[int, int]] = []
    covered: set[int] = set()  # the axes of data whose size the new axes so far account for
    fixed = 1
    inferred = None
    at = i = 0
    while i < len(codes):
        code = codes[i]
        i += 1
        if code in (COPY, MERGE, SPLIT):
            wanted = 2 if code == MERGE else 1
            if at + wanted > len(data):
                raise ValueError(f"code {code} in {codes} finds no axis left in {show(data)}")
            covered.update(range(at, at + wanted))
        if code == COPY:
            pairs.append((len(new), at))
            new.append(data[at])
            at += 1
        elif code == INFER:
            if inferred is not None:
                raise ValueError(f"only one dimension of {codes} can be -1")
            inferred = len(new)
            new.append(None)
            at += 1
        elif code == REST:
            while at < len(data):
                pairs.append((len(new), at))
                covered.add(at)
                new.append(data[at])
                at += 1
        elif code == MERGE:
            new.append(product(data[at : at + 2]))
            at += 2
        elif code == SPLIT:
            new += _split_axis(data[at], codes[i : i + 2])
            i += 2
            at += 1
        elif code > 0:
            new.append(code)
            fixed *= code
            at += 1
        else:
            raise ValueError(f"{codes}: a dimension is positive, or one of 0, -1, -2, -3, -4")
    if inferred is not None:
        open_size = product(d for axis, d in enumerate(data) if axis not in covered)
        if open_size is not None:
            if open_size % fixed:
                raise ValueError(f"{show(data)} cannot be reshaped to {codes}")
            new[inferred] = open_size // fixed
    return tuple(new), pairs


def _split_axis(dim: Dim, parts: Ints) -> list[Dim]:
    """Split a dimension in two, one of which may be -1."""
    if len(parts) < 2:
        raise ValueError("code -4 must be followed by two numbers")
    if parts == (-1, -1):
        raise ValueError("only one of the numbers behind -4 can be -1")
    first, second = (None if part == -1 else part for part in parts)
    if dim is not None:
        other = first or second
        if not other or dim % other:
            raise ValueError(f"{parts} do not divide a dimension of {dim}")
        first, second = first or dim // other, second or dim // other
        if first * second != dim:
            raise ValueError(f"{parts} do not divide a dimension of {dim}")
    return [first, second]


def _legacy_target(target: Ints, data: Dims, *, keep_highest: bool) -> Dims:
    """Return what `target_shape` of old files means: a single 0 is inferred."""
    new: list[Dim] = [d if d > 0 else None for d in target]
    if keep_highest:
        new[0] = data[0]
    return tuple(new)


@op(
    aliases=("reshape",),
    view=True,
    hands_on=True,
    samples=[
        Sample(((2, 3, 4),), {"shape": (4, 0, 2)}, reference=lambda x: x.reshape(4, 3, 2)),
        Sample(((2, 3, 4),), {"shape": (-3, -2)}, reference=lambda x: x.reshape(6, 4)),
        Sample(((6, 4),), {"shape": (-4, 2, -1, 0)}, reference=lambda x: x.reshape(2, 3, 4)),
        Sample(
            ((10, 5, 4),),
            {"shape": (-1, 0), "reverse": True},
            reference=lambda x: x.reshape(50, 4),
        ),
        Sample(((2, 3),), {"shape": (-1, 4)}, raises=ShapeError, match="cannot be reshaped"),
        Sample(((2, 3),), {"shape": (5,)}, raises=ShapeError, match="6 elements"),
        Sample(((2, 3),), {"shape": (-1, -1)}, raises=ShapeError, match="only one"),
    ],
)
def Reshape(
    data: Annotated[Array, "The array to reshape."],
    *,
    shape: Annotated[Ints, "The new shape: sizes and the codes 0, -1, -2, -3, -4."] = (),
    reverse: Annotated[bool, "Read the codes from the right."] = False,
    target_shape: Annotated[Ints, "Old form of `shape`, in which 0 is inferred."] = (),
    keep_highest: Annotated[bool, "With target_shape: keep the first dimension."] = False,
    out: Array,
) -> None:
    """Give an array another shape, $y = x$ in the same order of elements.

    The codes walk along the axes of the input: a positive number is a size; 0 copies an axis; -1
    is inferred from what is left, at most once; -2 copies all axes that are left; -3 is the product
    of two axes; -4 splits an axis into the two numbers behind it, one of which may be -1.

    >>> from minisym import sym
    >>> x = sym.Variable("x")
    >>> for codes in [(0, -1), (-3, 4), (-4, 1, 2, -2), (-2, 1)]:
    ...     print(codes, *sym.Reshape(x, shape=codes).infer_shape(x=(2, 3, 4))[1])
    (0, -1) (2, 12)
    (-3, 4) (6, 4)
    (-4, 1, 2, -2) (1, 2, 3, 4)
    (-2, 1) (2, 3, 4, 1)
    """
    _copy(data, out)


@Reshape.shape
def _(s: Any, *, shape: Ints, reverse: bool, target_shape: Ints, keep_highest: bool) -> None:
    """Rule: what `shape` says.

    0 keeps an axis, -1 takes what is left, -2 all further axes, -3 joins two, -4 splits one.
    """
    data = s.data
    if data is None:
        if not reverse and all(code >= INFER for code in shape) and shape:
            s.output = tuple(code if code > 0 else None for code in shape)
        return
    if shape:
        step = -1 if reverse else 1
        for _ in range(2):  # what flows from the output into data may decide a -1
            new, pairs = reshaped(shape[::step], data[::step])
            s.output = new[::step]
            known, back = s.output[::step], list(data[::step])
            for mine, source in pairs:
                back[source] = known[mine]
            s.data = data = tuple(back[::step])
    elif target_shape:
        s.output = _legacy_target(target_shape, data, keep_highest=keep_highest)
    _same_size(s)


def _like_data(g: Symbol, data: Symbol) -> Symbol:
    """Gradient of every view: the same numbers in the input's shape."""
    return F.reshape_like(g, data)


def _onnx_view(o: Any, data: Any) -> Any:
    """ONNX form of every view: the shape says it all."""
    return o.reshape(data)


Reshape.grad(_like_data)
Reshape.onnx(_onnx_view)


@op(
    aliases=("flatten",),
    view=True,
    hands_on=True,
    samples=[Sample(((2, 3, 4),), reference=lambda x: x.reshape(2, 12)), Sample(((3,),))],
)
def Flatten(data: Annotated[Array, "Data, (batch, …)."], *, out: Array) -> None:
    """Collapse all axes but the first into one: $(d_1, d_2, …, d_k)$ becomes $(d_1, d_2⋯d_k)$."""
    _copy(data, out)


@Flatten.shape
def _(s: Any) -> None:
    """Rule: (batch, …) becomes (batch, product of all others)."""
    if s.data is None:
        s.output = (None, None)
        return
    s.output = (s.data[0], product(s.data[1:]))
    s.data = (s.output[0], *s.data[1:])
    _same_size(s)


Flatten.grad(_like_data)
Flatten.onnx(_onnx_view)


@op(
    view=True,
    hands_on=True,
    samples=[
        Sample(((2, 3), (3, 2)), reference=lambda x, y: x.reshape(3, 2)),
        Sample(
            ((30, 7), (15, 2, 4)),
            {"lhs_begin": 0, "lhs_end": 1, "rhs_begin": 0, "rhs_end": 2},
            reference=lambda x, y: x.reshape(15, 2, 7),
        ),
        Sample(((2, 3), (4, 2)), raises=ShapeError, match="6 elements"),
    ],
)
def reshape_like(
    lhs: Annotated[Array, "The array that gets another shape."],
    rhs: Annotated[Array, "The array that has it; its values do not count."],
    *,
    lhs_begin: Annotated[int | None, "First axis of lhs to replace."] = None,
    lhs_end: Annotated[int | None, "Axis behind the last one to replace."] = None,
    rhs_begin: Annotated[int | None, "First axis of rhs to put there."] = None,
    rhs_end: Annotated[int | None, "Axis behind the last one to put there."] = None,
    out: Array,
) -> None:
    """Give `lhs` the shape of `rhs`, or replace some of its axes by some of `rhs`'s."""
    _copy(lhs, out)


@reshape_like.shape
def _(
    s: Any,
    *,
    lhs_begin: int | None,
    lhs_end: int | None,
    rhs_begin: int | None,
    rhs_end: int | None,
) -> None:
    """Rule: the shape of `rhs`.

    Or that of `lhs`, some axes of which are replaced by some of `rhs`.
    """
    lhs, rhs = s.lhs, s.rhs
    if lhs_begin is lhs_end is rhs_begin is rhs_end is None:
        s.output = rhs
    elif lhs is not None and rhs is not None:
        a, b = _interval(lhs_begin, lhs_end, len(lhs))
        c, d = _interval(rhs_begin, rhs_end, len(rhs))
        s.output = (*lhs[:a], *rhs[c:d], *lhs[b:])
    output = s.output
    if is_known(lhs) and is_known(output) and product(lhs) != product(output):
        raise ValueError(
            f"{show(lhs)} holds {product(lhs)} elements, but {show(output)} {product(output)}"
        )


def _interval(begin: int | None, end: int | None, rank: int) -> tuple[int, int]:
    first = 0 if begin is None else begin + rank * (begin < 0)
    last = rank if end is None else end + rank * (end < 0)
    if not 0 <= first <= last <= rank:
        raise IndexError(f"there are no axes {begin} to {end} in {rank} dimension(s)")
    return first, last


reshape_like.dtype(first_type)
reshape_like.onnx(lambda o, lhs: o.reshape(lhs))


@reshape_like.grad
def _(g: Symbol, lhs: Symbol, rhs: Symbol) -> tuple[Symbol, None]:
    return F.reshape_like(g, lhs), None


@op(
    view=True,
    samples=[
        Sample(((2, 3),), {"axis": 1}, reference=lambda x: x[:, None]),
        Sample(((2, 3),), {"axis": -1}, reference=lambda x: x[:, :, None]),
        Sample(((2, 3),), {"axis": 3}, raises=ShapeError, match="axis 3"),
    ],
)
def expand_dims(
    data: Annotated[Array, "The array that gets an axis."],
    *,
    axis: Annotated[int, "Where the new axis stands in the output."],
    out: Array,
) -> None:
    """Insert an axis of size 1."""
    _copy(data, out)


@expand_dims.shape
def _(s: Any, *, axis: int) -> None:
    """Rule: the shape of `data`, with a new axis of size 1."""
    if s.data is not None:
        at = axis_of(axis, len(s.data) + 1)
        s.output = (*s.data[:at], 1, *s.data[at:])
    if s.output is not None:
        at = axis_of(axis, len(s.output))
        s.data = s.output[:at] + s.output[at + 1 :]


expand_dims.grad(_like_data)
expand_dims.onnx(_onnx_view)


@op(
    view=True,
    hands_on=True,
    samples=[
        Sample(((2, 1, 3, 1),), reference=lambda x: x[:, 0, :, 0]),
        Sample(((2, 1, 3, 1),), {"axis": -1}, reference=lambda x: x[..., 0]),
        Sample(((2, 3),), {"axis": 0}, raises=ShapeError, match="axis 0"),
    ],
)
def squeeze(
    data: Annotated[Array, "The array whose axes of size 1 are dropped."],
    *,
    axis: Annotated[Ints | None, "The axes to drop; None: all of size 1."] = None,
    out: Array,
) -> None:
    """Drop axes of size 1; where all axes would go, one is kept."""
    _copy(data, out)


@squeeze.shape
def _(s: Any, *, axis: Ints | None) -> None:
    """Rule: the shape of `data` without axes of size 1: all of them, or those of `axis`."""
    data = s.data
    if data is None:
        return
    if axis is None:
        if not is_known(data):
            return
        drop: tuple[int, ...] = tuple(i for i, d in enumerate(data) if d == 1)
    else:
        drop = axes_of(axis, len(data)) if axis else ()
        for i in drop:
            if data[i] not in (1, None):
                raise ValueError(f"axis {i} has size {data[i]}, only size 1 can be dropped")
        s.data = data = tuple(1 if i in drop else d for i, d in enumerate(data))
    keep = [i for i in range(len(data)) if i not in drop] or [0]
    s.output = tuple(data[i] for i in keep)
    back = list(data)
    for i, d in zip(keep, s.output, strict=True):
        back[i] = d
    s.data = tuple(back)


squeeze.grad(_like_data)
squeeze.onnx(_onnx_view)


@op(
    view=True,
    aliases=("_sparse_cast_storage",),
    samples=[Sample(((2, 3),), {"stype": "default"}, reference=lambda x: x)],
)
def cast_storage(
    data: Elements,
    *,
    stype: Annotated[
        Literal["default", "csr", "row_sparse"], "Accepted for old files: arrays are dense."
    ],
    out: Array,
) -> None:
    """Return the array as it is, $y = x$: arrays here are always dense."""
    _copy(data, out)


@cast_storage.shape
def _(s: Any) -> None:
    """Rule: the output has the shape of `data`."""
    s.output = s.data
    s.data = s.output


cast_storage.grad(lambda g, data: g)
cast_storage.onnx(_onnx_view)
