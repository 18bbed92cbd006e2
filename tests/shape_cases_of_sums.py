"""Random uses of reductions and of ops that repeat; see `shape_cases.py`."""

import itertools

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from shape_cases import array, axes_in, axis_in, case, filled, flag, number, shape_of

# ------------------------------------------------------------------------------------- repetitions


@case
def tile(draw):
    x, reps = array(draw, 1, 3, 3), shape_of(draw, 1, 4, 3)
    return "tile", [x], dict(reps=reps), np.tile(x, reps)


@case
def repeat(draw):
    x, times = array(draw), number(draw, 1, 3)
    axis = axis_in(draw, x.ndim) if flag(draw) else None
    return "repeat", [x], dict(repeats=times, axis=axis), np.repeat(x, times, axis)


@case
def pad(draw):
    x = array(draw, 4, 5)
    mode = draw(st.sampled_from(["constant", "edge", "reflect"]))
    most = [d - 1 if mode == "reflect" else 3 for d in x.shape[2:]]
    widths = [(0, 0)] * 2 + [(number(draw, 0, m), number(draw, 0, m)) for m in most]
    params = dict(mode=mode, pad_width=tuple(itertools.chain(*widths)))
    return "Pad", [x], params, np.pad(x, widths, mode=mode)


@case
def broadcast_to_shape(draw):
    want = shape_of(draw)
    x = filled(*(d if flag(draw) else 1 for d in want))
    y = np.broadcast_to(x, want)
    way = draw(st.sampled_from(["to", "axis", "like"]))
    if way == "like":
        return "broadcast_like", [x, filled(*want)], {}, y
    if way == "to":
        copied = (0 if d == e and flag(draw) else e for d, e in zip(x.shape, want, strict=True))
        return "broadcast_to", [x], dict(shape=tuple(copied)), y
    axes = tuple(i for i, d in enumerate(x.shape) if d == 1)
    assume(axes)
    return "broadcast_axis", [x], dict(axis=axes, size=tuple(want[i] for i in axes)), y


@case
def broadcast_some_axes(draw):
    like = array(draw)
    other = draw(st.permutations(range(like.ndim)))[: number(draw, 1, like.ndim)]
    mine = draw(st.permutations(range(4)))[: len(other)]
    sizes = [number(draw, 1, 3) for _ in range(4)]
    want = list(sizes)
    for a, b in zip(mine, other, strict=True):
        sizes[a], want[a] = 1, like.shape[b]
    x, params = filled(*sizes), dict(lhs_axes=tuple(mine), rhs_axes=tuple(other))
    return "broadcast_like", [x, like], params, np.broadcast_to(x, want)


@case
def broadcast_together(draw):
    shape = shape_of(draw)
    x, y = (filled(*(d if flag(draw) else 1 for d in shape)) for _ in range(2))
    name, function = draw(
        st.sampled_from([
            ("broadcast_add", np.add), ("broadcast_mul", np.multiply),
            ("broadcast_maximum", np.maximum), ("broadcast_greater", np.greater),
        ])
    )  # fmt: skip
    return name, [x, y], {}, function(x, y)


# -------------------------------------------------------------------------------------- reductions


@case
def reduce_(draw):
    x = array(draw, 1, 4, 3) % 5
    name = draw(st.sampled_from(["sum", "mean", "prod", "max", "min", "nansum", "nanprod"]))
    axes = axes_in(draw, x.ndim) or None
    keep, exclude = flag(draw), flag(draw)
    gone = tuple({a % x.ndim for a in axes or ()} ^ (set(range(x.ndim)) if exclude else set()))
    want = getattr(np, name)(x, gone if axes else None, keepdims=keep)
    return name, [x], dict(axis=axes, keepdims=keep, exclude=exclude), np.atleast_1d(want)


@case
def norm(draw):
    x, order, keep = array(draw), number(draw, 1, 2), flag(draw)
    axes = axes_in(draw, x.ndim)[:2] or None
    want = (np.abs(x) ** order).sum(axes, keepdims=keep) ** (1 / order)
    return "norm", [x], dict(ord=order, axis=axes, keepdims=keep), np.atleast_1d(want)


@case
def place_of_extreme(draw):
    x, keep = array(draw), flag(draw)
    name = draw(st.sampled_from(["argmax", "argmin"]))
    axis = axis_in(draw, x.ndim)
    want = getattr(np, name)(x, axis, keepdims=keep)
    return name, [x], dict(axis=axis, keepdims=keep), np.atleast_1d(want)
