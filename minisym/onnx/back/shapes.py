"""Ops of ONNX that move, cut and join arrays, and those that compute sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from minisym.core.declare import F
from minisym.core.ndarray import Array
from minisym.core.op import get
from minisym.core.symbol import Symbol
from minisym.onnx.back.call import Call, Rule, axis_of, is_open, made, open_size, pairs
from minisym.onnx.back.layers import pad


def _identity(c: Call) -> Symbol:
    return made("identity", c.symbol(0), name=c.name)


def _dropout(c: Call) -> Symbol:
    if len(c.record.outputs) > 1 and c.record.outputs[1]:
        c.refuse("it gives its mask, too")
    rate = c.attr("ratio")
    if rate is None:
        rate = c.constant(1, "ratio").item() if c.has(1) else 0.5
    return made("Dropout", c.symbol(0), p=float(rate), name=c.name)


def _flatten(c: Call) -> Symbol:
    axis, rank = int(c.attr("axis", 1)), c.rank()
    axis = axis + rank if axis < 0 else axis
    if axis == 1:
        return made("Flatten", c.symbol(0), name=c.name)
    if axis == 0:
        return made("Reshape", c.symbol(0), shape=(1, -1), name=c.name)
    if axis == rank:
        return made("Reshape", c.symbol(0), shape=(-1, 1), name=c.name)
    back = made("Reshape", c.symbol(0), shape=(*(0,) * axis, -1))
    if axis != 2:
        c.refuse("it joins more than two axes in front")
    return made("Reshape", back, shape=(-3, 0), name=c.name)


def _reshape(c: Call) -> Symbol:
    shape = c.attr("shape")
    if shape is None:
        found = c.inputs[1]
        if isinstance(found, Symbol):
            c.refuse("its shape depends on values of a run")
        assert found is not None
        shape = found.reshape(-1).tolist()
    if c.attr("allowzero", 0) and 0 in shape:
        c.refuse("it makes an array with nothing in it")
    codes = [int(d) for d in shape] or [1]  # one number has an axis here
    opens = [place for place, d in enumerate(codes) if is_open(d)]
    if opens:  # one of them is what is left; others have to be where they were
        dims = c.sizes(0)
        for place in opens:
            stays = axis_of(codes[place]) == place < len(dims) and dims[place] is None
            if -1 not in codes and (len(opens) == 1 or not stays):
                codes[place] = -1
            elif stays:
                codes[place] = 0
            else:
                c.refuse("it moves a size that varies from run to run")
    return made("Reshape", c.symbol(0), shape=tuple(codes), name=c.name)


def _transpose(c: Call) -> Symbol:
    axes = c.attr("perm") or list(range(c.rank()))[::-1]
    return made("transpose", c.symbol(0), axes=tuple(map(int, axes)), name=c.name)


def _squeeze(c: Call) -> Symbol:
    axes = c.axes(1)
    if axes is None:
        axes = [i for i, d in enumerate(c.fixed(0)) if d == 1]
    return made("squeeze", c.symbol(0), axis=tuple(axes), name=c.name)


def _unsqueeze(c: Call) -> Symbol:
    axes = c.axes(1)
    if not axes:
        c.refuse("it names no axes")
    rank = c.rank() + len(axes)
    places = sorted(a % rank for a in axes)
    found = c.symbol(0)
    for axis in places:
        own = {"name": c.name} if axis == places[-1] else {}
        found = made("expand_dims", found, axis=axis, **own)
    return found


def _concat(c: Call) -> Symbol:
    parts = [c.symbol(i) for i in range(len(c))]
    return made("Concat", *parts, dim=c.axis(0), name=c.name)


def _split(c: Call) -> list[Symbol]:
    axis = c.axis(0)
    sizes = c.attr("split")
    if sizes is None and c.has(1):
        sizes = c.constant(1, "sizes").reshape(-1).tolist()
    number, x = len(c.record.outputs), c.symbol(0)
    if sizes is None:
        length = c.dims(0)[axis]
        if length is None:
            c.refuse("how long its parts are is not known")
        part = -(-length // number)
        sizes = [min(part, length - i * part) for i in range(number)]
    if len(sizes) != number:
        c.refuse(f"it has {number} outputs and {len(sizes)} sizes")
    if len(set(sizes)) == 1 and number > 1:
        found = made("SliceChannel", x, num_outputs=number, axis=axis, name=c.name)
        return [found[i] for i in range(number)]
    ends = np.cumsum(sizes).tolist()
    return [
        made("slice_axis", x, axis=axis, begin=int(end - size), end=int(end))
        for size, end in zip(sizes, ends, strict=True)
    ]


def _slice(c: Call) -> Symbol:
    if c.attr("starts") is not None:
        starts, ends, axes, steps = c.attr("starts"), c.attr("ends"), c.attr("axes"), None
    else:
        starts, ends = (
            c.constant(i, w).reshape(-1).tolist() for i, w in ((1, "starts"), (2, "ends"))
        )
        axes = c.constant(3, "axes").reshape(-1).tolist() if c.has(3) else None
        steps = c.constant(4, "steps").reshape(-1).tolist() if c.has(4) else None
    rank = c.rank()
    axes = list(range(len(starts))) if axes is None else [a % rank for a in axes]
    steps = [1] * len(starts) if steps is None else steps
    begin: list[int | None] = [None] * rank
    end: list[int | None] = [None] * rank
    step = [1] * rank
    for axis, b, e, s in zip(axes, starts, ends, steps, strict=True):
        size = c.dims(0)[axis]
        if s < 0 and size is None:
            c.refuse("it goes backwards along an axis whose length is not known")
        far = abs(e) > 2**31 - 2
        begin[axis] = None if abs(b) > 2**31 - 2 else int(b)
        end[axis] = None if far else int(e)
        step[axis] = int(s)
    return made(
        "slice", c.symbol(0), begin=tuple(begin), end=tuple(end), step=tuple(step), name=c.name
    )


def _gather(c: Call) -> Symbol:
    axis, index = c.axis(0), c.known(1)
    if index is not None and index.ndim == 0:
        i = int(index)
        end = None if i == -1 else i + 1
        cut = made("slice_axis", c.symbol(0), axis=axis, begin=i, end=end)
        return made("squeeze", cut, axis=(axis,), name=c.name)
    return made("take", c.symbol(0), c.symbol(1), axis=axis, mode="wrap", name=c.name)


def _gather_nd(c: Call) -> Symbol:
    rank, rows = c.rank(1), int(c.attr("batch_dims", 0))
    if not 0 <= rows < min(rank, c.rank(0)):
        c.refuse(f"it gathers within {rows} of {rank - 1} axes")
    places = made("transpose", c.symbol(1), axes=(rank - 1, *range(rank - 1)))
    if rows:  # what is gathered within comes first in each place: the number of the row itself
        places = made("Cast", places, dtype="int64")
        like = made("slice_axis", places, axis=0, begin=0, end=1)
        numbers = []
        for axis in range(rows):
            shape = (1, *(1,) * axis, -1, *(1,) * (rank - 2 - axis))
            count = made(
                "Cast", made("_contrib_arange_like", c.symbol(0), axis=axis), dtype="int64"
            )
            numbers.append(made("broadcast_like", made("Reshape", count, shape=shape), like))
        places = made("Concat", *numbers, places, dim=0)
    return made("gather_nd", c.symbol(0), places, name=c.name)


def _expand(c: Call) -> Symbol:
    wanted = [int(d) for d in c.constant(1, "shape").reshape(-1)]
    dims = c.dims(0)
    x = c.symbol(0)
    missing = len(wanted) - len(dims)
    for _ in range(max(0, missing)):
        x = made("expand_dims", x, axis=0)
    own = (1,) * max(0, missing) + tuple(dims)
    wanted = [1] * (len(own) - len(wanted)) + wanted
    shape = tuple(w if d == 1 else 0 for d, w in zip(own, wanted, strict=True))
    if any(is_open(w) for w in shape) or any(
        d is None and w != 1 and not is_open(w) for d, w in zip(own, wanted, strict=True)
    ):
        c.refuse("whether it repeats an axis is known in a run only")
    return made("broadcast_to", x, shape=shape, name=c.name)


def _tile(c: Call) -> Symbol:
    times = [int(n) for n in c.constant(1, "repeats").reshape(-1)]
    return made("tile", c.symbol(0), reps=tuple(times), name=c.name)


def _pad(c: Call) -> Symbol:
    mode = c.attr("mode", "constant") or "constant"
    given = c.attr("pads")
    if given is None:
        given = c.constant(1, "pads").reshape(-1).tolist()
    value = float(c.attr("value", 0.0))
    if c.has(2):
        value = float(c.constant(2, "value").item())
    if c.has(3):
        c.refuse("it names the axes that it pads")
    by_axis = pairs([int(p) for p in given], c.rank())
    if any(min(p) < 0 for p in by_axis) or mode not in {"constant", "edge", "reflect"}:
        c.refuse(f"it pads by {mode}, or by less than nothing")
    if all(p == (0, 0) for p in by_axis):
        return _identity(c)
    x = pad(c, c.symbol(0), by_axis, value, mode)
    return made("identity", x, name=c.name)


def _resize(c: Call) -> Symbol:
    mode = c.attr("mode", "nearest") or "nearest"
    place = 2 if c.record.op == "Resize" and c.opset >= 11 else 1
    scales = c.attr("scales")
    sizes = None
    if scales is None:
        known = c.known(place)
        if known is not None and known.size:
            scales = known.reshape(-1).tolist()
        elif c.has(place + 1):
            sizes = [int(s) for s in c.constant(place + 1, "sizes").reshape(-1)]
    dims = c.dims(0)
    if len(dims) != 4:
        c.refuse(f"it resizes {len(dims)} dimensions, and minisym images, which have 4")
    if scales is None:
        scales = [s / d if d else 0.0 for s, d in zip(sizes or (), dims, strict=False)]
    if len(scales) != 4 or [float(s) for s in scales[:2]] != [1.0, 1.0]:
        c.refuse("its sizes are not known, or it resizes the first two axes")
    how = c.attr("coordinate_transformation_mode", "half_pixel")
    if mode == "nearest":
        return _nearest(c, [float(s) for s in scales[2:]], str(how))
    if mode == "linear" and how == "align_corners" and all(d is not None for d in dims[2:]):
        high, wide = (round(float(s) * d) for s, d in zip(scales[2:], c.fixed(0)[2:], strict=True))
        return made("_contrib_BilinearResize2D", c.symbol(0), height=high, width=wide, name=c.name)
    return c.refuse(f"it interpolates by {mode}, with {how}")


def _nearest(c: Call, scales: Sequence[float], how: str) -> Symbol:
    whole = scales[0] == scales[1] and scales[0] == int(scales[0]) and scales[0] >= 1
    nearest = c.attr("nearest_mode", "round_prefer_floor")
    plain = how == "asymmetric" and nearest in {"floor", "round_prefer_floor"}
    if not whole or (how != "half_pixel" and not plain and c.record.op != "Upsample"):
        c.refuse(f"it takes the nearest pixel for scales {list(scales)}, with {how}")
    if how == "asymmetric" and nearest == "round_prefer_floor" and scales[0] > 2:
        c.refuse("its nearest pixel is another one for scales above 2")
    return made(
        "UpSampling", c.symbol(0), scale=int(scales[0]), sample_type="nearest", num_args=1,
        name=c.name,
    )  # fmt: skip


def _depth_to_space(c: Call) -> Symbol:
    block = int(c.attr("blocksize"))
    if (c.attr("mode", "DCR") or "DCR") == "DCR":
        return made("depth_to_space", c.symbol(0), block_size=block, name=c.name)
    _, channels, high, wide = c.fixed(0)
    inner = channels // (block * block)
    x = made("Reshape", c.symbol(0), shape=(-1, inner, block * block, high, wide))
    x = made("Reshape", x, shape=(0, 0, -4, block, block, 0, 0))
    x = made("transpose", x, axes=(0, 1, 4, 2, 5, 3))
    return made("Reshape", x, shape=(-1, inner, high * block, wide * block), name=c.name)


def _space_to_depth(c: Call) -> Symbol:
    return made("space_to_depth", c.symbol(0), block_size=int(c.attr("blocksize")), name=c.name)


def _cumsum(c: Call) -> Symbol:
    if c.attr("exclusive", 0) or c.attr("reverse", 0):
        c.refuse("it leaves the element itself out, or runs backwards")
    axis = int(c.constant(1, "axis").item())
    return made("cumsum", c.symbol(0), axis=axis % c.rank(), name=c.name)


def _one_hot(c: Call) -> Symbol:
    depth, values = int(c.constant(1, "depth").item()), c.constant(2, "values").reshape(-1)
    if int(c.attr("axis", -1)) not in {-1, c.rank()}:
        c.refuse("its new axis is not the last one")
    off, on = values.tolist()
    dtype = values.dtype.name
    return made(
        "one_hot", c.symbol(0), depth=depth, on_value=float(on), off_value=float(off),
        dtype=dtype, name=c.name,
    )  # fmt: skip


def _shape(c: Call) -> Array:
    begin, end = int(c.attr("start", 0)), c.attr("end")
    sizes = [open_size(i) if d is None else d for i, d in enumerate(c.sizes(0))]
    return np.array(sizes[begin : None if end is None else int(end)], np.int64)


def _size(c: Call) -> Array:
    return np.array(np.prod(c.fixed(0), dtype=np.int64), np.int64)


def _reverse_sequence(c: Call) -> Symbol:
    time, batch = int(c.attr("time_axis", 0)), int(c.attr("batch_axis", 1))
    if (time, batch) != (0, 1):
        c.refuse("time is not its first axis, or the batch not its second")
    return made(
        "SequenceReverse", c.symbol(0), made("cast", c.symbol(1), dtype="float32"),
        use_sequence_length=True, name=c.name,
    )  # fmt: skip


def _trilu(c: Call) -> Symbol:
    k = int(c.constant(1, "k").item()) if c.has(1) else 0
    rows, columns = c.fixed(0)[-2:]
    upper = bool(c.attr("upper", 1))
    mask = (
        np.triu(np.ones((rows, columns), np.float32), k)
        if upper
        else np.tril(np.ones((rows, columns), np.float32), k)
    )
    shape = (1,) * (c.rank() - 2) + mask.shape
    x = c.symbol(0)
    kept = made("broadcast_like", c.parameter(f"{c.name}_mask", mask.reshape(shape)), x)
    return made("where", kept, x, made("zeros_like", x), name=c.name)


def _gather_elements(c: Call) -> Symbol:
    axis = c.axis(0)
    if c.dims(1)[axis] != 1:
        c.refuse("it takes several elements along an axis")
    return made(
        "pick", c.symbol(0), made("squeeze", c.symbol(1), axis=(axis,)), axis=axis, keepdims=True,
        mode="wrap", name=c.name,
    )  # fmt: skip


def _constant_of_shape(c: Call) -> Symbol:
    value = c.attr("value")
    shape = tuple(int(d) for d in c.constant(0, "shape").reshape(-1))
    if any(map(is_open, shape)):
        c.refuse("a size of it varies from run to run")
    number = 0.0 if value is None else float(value.reshape(-1)[0])
    dtype = "float32" if value is None else value.dtype.name
    return get("_full")(shape=shape, value=number, dtype=dtype, name=c.name)  # type: ignore[operator,no-any-return]


def _constant(c: Call) -> Array:
    for name, dtype in (
        ("value", None), ("value_float", np.float32), ("value_floats", np.float32),
        ("value_int", np.int64), ("value_ints", np.int64),
    ):  # fmt: skip
        value: Any = c.attr(name)
        if value is not None:
            return np.asarray(value, dtype)
    return c.refuse("it holds text, or a sparse array")


def _like_type(c: Call) -> Symbol:
    """Say CastLike."""
    return made("broadcast_mul", c.symbol(0), F.ones_like(c.symbol(1)), name=c.name)


RULES: Final[dict[str, Rule]] = {
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Shape": _shape,
    "Size": _size,
    "ReverseSequence": _reverse_sequence,
    "Trilu": _trilu,
    "GatherElements": _gather_elements,
    "Dropout": _dropout,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Gather": _gather,
    "GatherND": _gather_nd,
    "Expand": _expand,
    "Tile": _tile,
    "Pad": _pad,
    "Resize": _resize,
    "Upsample": _resize,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "CumSum": _cumsum,
    "OneHot": _one_hot,
}
"""Op of ONNX -> how it is said."""
