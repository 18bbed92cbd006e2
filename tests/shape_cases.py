"""Random uses of ops that change shapes, each with what NumPy makes of it.

A case is a function of Hypothesis's `draw` that returns (op, inputs, parameters, what is expected);
`test_shape_properties.py` says what must hold of all of them.
"""

from math import prod

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from minisym import sym

CASES = {}


def case(function):
    """Register a case under its name."""
    CASES[function.__name__] = function
    return function


# ------------------------------------------------------------------------------------ small parts


def number(draw, least, most):
    return draw(st.integers(least, most))


def flag(draw):
    return draw(st.booleans())


def shape_of(draw, least=1, most=4, longest=4):
    return tuple(draw(st.lists(st.integers(1, longest), min_size=least, max_size=most)))


def filled(*shape):
    """Return an array whose elements all differ, in no order: 0, 1, 2, … shuffled."""
    shuffled = np.random.default_rng(len(shape)).permutation(prod(shape))
    return (shuffled - prod(shape) // 2).reshape(shape).astype(np.float64)


def array(draw, *limits):
    return filled(*shape_of(draw, *limits))


def axis_in(draw, rank):
    return number(draw, -rank, rank - 1)


def axes_in(draw, rank, least=0):
    axes = draw(st.lists(st.integers(0, rank - 1), unique=True, min_size=least))
    return tuple(a - rank if flag(draw) else a for a in axes)


def indices_in(draw, size, shape):
    values = st.lists(st.integers(0, size - 1), min_size=prod(shape), max_size=prod(shape))
    return np.array(draw(values), np.float64).reshape(shape)


# ------------------------------------------------------------------------------------------ layout


@case
def reshape_by_codes(draw):
    """Walk along the axes; each code says what becomes of the next ones."""
    shape, codes, want, at = shape_of(draw), [], [], 0
    while at < len(shape):
        dim = shape[at]
        kind = draw(st.sampled_from(["copy", "size", "infer", "split", "merge", "rest"]))
        if kind == "merge" and at + 1 < len(shape):
            codes.append(-3)
            want.append(dim * shape[at + 1])
            at += 1
        elif kind == "split":
            first = draw(st.sampled_from([n for n in range(1, dim + 1) if dim % n == 0]))
            parts = (first, dim // first)
            codes += (-4, *draw(st.sampled_from([parts, (first, -1), (-1, parts[1])])))
            want += parts
        elif kind == "rest":
            codes.append(-2)
            want += shape[at:]
            at = len(shape)
        else:
            codes.append({"size": dim, "infer": 0 if -1 in codes else -1}.get(kind, 0))
            want.append(dim)
        at += 1
    ones = [1] * number(draw, 0, 2)
    codes, want, step = codes + ones, want + ones, draw(st.sampled_from([1, -1]))
    x = filled(*shape[::step])
    params = dict(shape=tuple(codes[::step]), reverse=step < 0)
    return "Reshape", [x], params, x.reshape(want[::step])


@case
def reshape_by_sizes(draw):
    x = array(draw)
    sizes = draw(st.permutations(x.shape))
    hidden = number(draw, 0, x.ndim - 1)
    codes = tuple(-1 if i == hidden and flag(draw) else d for i, d in enumerate(sizes))
    return "Reshape", [x], dict(shape=codes), x.reshape(sizes)


@case
def reshape_like(draw):
    x = array(draw)
    like = filled(*draw(st.permutations(x.shape)))
    return "reshape_like", [x, like], {}, x.reshape(like.shape)


@case
def reshape_like_in_part(draw):
    """Put some axes of the one in the place of an axis of the other."""
    before, behind, around = (shape_of(draw, 0, 2, 3) for _ in range(3))
    middle = shape_of(draw, 1, 2, 3)
    x, like = filled(*before, prod(middle), *behind), filled(*around, *middle, *around)
    params = dict(lhs_begin=len(before), lhs_end=len(before) + 1, rhs_begin=len(around))
    end = len(around) + len(middle)
    params["rhs_end"] = end - like.ndim if around and flag(draw) else end
    return "reshape_like", [x, like], params, x.reshape(*before, *middle, *behind)


@case
def flatten(draw):
    x = array(draw)
    return "Flatten", [x], {}, x.reshape(len(x), -1)


@case
def transpose(draw):
    x = array(draw)
    axes = tuple(draw(st.permutations(range(x.ndim)))) if flag(draw) else ()
    return "transpose", [x], dict(axes=axes), x.transpose(axes or None)


@case
def expand_dims(draw):
    x = array(draw)
    axis = axis_in(draw, x.ndim + 1)
    return "expand_dims", [x], dict(axis=axis), np.expand_dims(x, axis)


@case
def squeeze(draw):
    x = array(draw, 1, 4, 2)
    axes = tuple(a for a in axes_in(draw, x.ndim) if x.shape[a] == 1) or None
    return "squeeze", [x], dict(axis=axes), np.atleast_1d(np.squeeze(x, axes))


@case
def swap_axes(draw):
    x = array(draw, 2)
    a, b = draw(st.permutations(range(x.ndim)))[:2]
    return "SwapAxis", [x], dict(dim1=a, dim2=b), x.swapaxes(a, b)


@case
def flip(draw):
    x = array(draw)
    axes = axes_in(draw, x.ndim, 1)
    return "flip", [x], dict(axis=axes), np.flip(x, axes)


@case
def depth_and_space(draw):
    n, c, h, w = shape_of(draw, 4, 4, 2)
    b = number(draw, 1, 3)
    deep, wide = (n, b * b * c, h, w), (n, c, h * b, w * b)
    x = filled(*deep)
    y = np.einsum("nabchw->nchawb", x.reshape(n, b, b, c, h, w)).reshape(wide)
    if flag(draw):
        return "depth_to_space", [x], dict(block_size=b), y
    return "space_to_depth", [y], dict(block_size=b), x


@case
def diag(draw):
    x = array(draw, 1, 4)
    if x.ndim == 1:
        k = number(draw, -2, 2)
        return "diag", [x], dict(k=k), np.diag(x, k)
    a, b = draw(st.permutations(range(x.ndim)))[:2]
    k = number(draw, 1 - x.shape[a], x.shape[b] - 1)
    b = b - x.ndim if flag(draw) else b
    return "diag", [x], dict(k=k, axis1=a, axis2=b), np.diagonal(x, k, a, b)


# ------------------------------------------------------------------------------ pieces and regions


@case
def concat(draw):
    shape = shape_of(draw)
    axis = axis_in(draw, len(shape))
    arrays = []
    for _ in range(number(draw, 1, 4)):
        sizes = list(shape)
        sizes[axis] = number(draw, 1, 3)
        arrays.append(filled(*sizes))
    return "Concat", arrays, dict(dim=axis), np.concatenate(arrays, axis)


@case
def stack(draw):
    arrays = [array(draw)] * number(draw, 1, 4)
    axis = axis_in(draw, arrays[0].ndim + 1)
    return "stack", arrays, dict(axis=axis), np.stack(arrays, axis)


@case
def split_evenly(draw):
    shape, number_of = list(shape_of(draw)), number(draw, 1, 3)
    axis = axis_in(draw, len(shape))
    narrow = len(shape) > 1 and flag(draw)
    shape[axis] = number_of * (1 if narrow else shape[axis])
    x = filled(*shape)
    want = [p.squeeze(axis) if narrow else p for p in np.split(x, number_of, axis)]
    if flag(draw):
        return (
            "SliceChannel",
            [x],
            dict(num_outputs=number_of, axis=axis, squeeze_axis=narrow),
            want,
        )
    return (
        sym.split_v2,
        [x],
        dict(indices_or_sections=number_of, axis=axis, squeeze_axis=narrow),
        want,
    )


@case
def split_at(draw):
    x = array(draw)
    axis = axis_in(draw, x.ndim)
    inner = st.integers(1, max(1, x.shape[axis] - 1))
    cuts = tuple(sorted(draw(st.sets(inner, min_size=1)))) if x.shape[axis] > 1 else ()
    assume(cuts)
    return sym.split_v2, [x], dict(indices_or_sections=cuts, axis=axis), np.split(x, cuts, axis)


@case
def slice_(draw):
    x = array(draw)
    key = tuple(draw(st.slices(d)) for d in x.shape[: number(draw, 1, x.ndim)])
    begin, end, step = (tuple(getattr(k, n) for k in key) for n in ("start", "stop", "step"))
    assume(x[key].size)
    return "slice", [x], dict(begin=begin, end=end, step=step), x[key]


@case
def slice_axis(draw):
    x = array(draw)
    axis = axis_in(draw, x.ndim)
    size = x.shape[axis]
    first = number(draw, 0, size - 1)
    last = number(draw, first + 1, size)
    begin = draw(st.sampled_from([first, first - size]))
    end = draw(st.sampled_from([last, last - size if last < size else None]))
    want = x.take(range(first, last), axis)
    return "slice_axis", [x], dict(axis=axis, begin=begin, end=end), want


@case
def slice_like(draw):
    x = array(draw)
    like = filled(*(number(draw, 1, d) for d in x.shape))
    axes = axes_in(draw, x.ndim)
    chosen = {a % x.ndim for a in axes} or range(x.ndim)
    key = tuple(slice(like.shape[a] if a in chosen else None) for a in range(x.ndim))
    return "slice_like", [x, like], dict(axes=axes), x[key]
