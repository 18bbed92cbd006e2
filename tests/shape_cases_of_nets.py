"""Random uses of ops that look up, sort, multiply and slide windows; see `shape_cases.py`."""

import itertools
from math import prod

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from shape_cases import array, axis_in, case, filled, flag, indices_in, number, shape_of

# ----------------------------------------------------------------------------------------- lookups


@case
def take(draw):
    x, shape = array(draw, 1, 3), shape_of(draw, 1, 2)
    axis = axis_in(draw, x.ndim)
    mode = draw(st.sampled_from(["clip", "wrap"]))
    indices = indices_in(draw, 9, shape) - 4
    want = np.take(x, indices.astype(int), axis, mode=mode)
    return "take", [x, indices], dict(axis=axis, mode=mode), want


@case
def pick(draw):
    x, keep, wide = array(draw), flag(draw), flag(draw)
    axis = axis_in(draw, x.ndim)
    shape = [1 if a == axis % x.ndim else d for a, d in enumerate(x.shape)]
    index = indices_in(draw, x.shape[axis], shape)
    want = np.take_along_axis(x, index.astype(int), axis)
    index = index if wide else np.atleast_1d(index.squeeze(axis))
    want = want if keep else np.atleast_1d(want.squeeze(axis))
    return "pick", [x, index], dict(axis=axis, keepdims=keep), want


@case
def one_hot(draw):
    depth = number(draw, 1, 4)
    indices = indices_in(draw, 6, shape_of(draw, 1, 3, 3))
    want = indices[..., None] == np.arange(depth)
    return "one_hot", [indices], dict(depth=depth), want


@case
def gather_nd(draw):
    x = array(draw)
    places = shape_of(draw, 1, 2, 3)
    sizes = x.shape[: number(draw, 1, x.ndim)]
    indices = np.stack([indices_in(draw, d, places) for d in sizes])
    return "gather_nd", [x, indices], {}, x[tuple(indices.astype(int))]


@case
def embedding(draw):
    indices, weight = indices_in(draw, 3, shape_of(draw, 1, 3, 3)), filled(3, number(draw, 1, 4))
    params = dict(input_dim=3, output_dim=weight.shape[1])
    return "Embedding", [indices, weight], params, weight[indices.astype(int)]


# ----------------------------------------------------------------------------------------- sorting


@case
def sort(draw):
    x, up = array(draw), flag(draw)
    axis = axis_in(draw, x.ndim) if flag(draw) else None
    name = draw(st.sampled_from(["sort", "argsort"]))
    want = getattr(np, name)(x if up else -x, axis)
    return name, [x], dict(axis=axis, is_ascend=up), want if up or name != "sort" else -want


@case
def topk(draw):
    x, up = array(draw), flag(draw)
    axis = axis_in(draw, x.ndim) if flag(draw) else None
    size = x.size if axis is None else x.shape[axis]
    k = number(draw, 0, size)
    places = np.argsort(x if up else -x, axis)
    places = places.take(range(k or size), 0 if axis is None else axis)
    value = np.take_along_axis(x, places, axis)
    mask = np.zeros_like(x)
    np.put_along_axis(mask, places, 1, axis)
    kind = draw(st.sampled_from(["value", "indices", "mask", "both"]))
    want = {"value": value, "indices": places, "mask": mask, "both": [value, places]}[kind]
    return "topk", [x], dict(axis=axis, k=k, ret_typ=kind, is_ascend=up), want


# --------------------------------------------------------------------------------------- sequences


@case
def sequence(draw):
    x, axis = array(draw, 2), number(draw, 0, 1)
    name = draw(st.sampled_from(["SequenceMask", "SequenceLast", "SequenceReverse"]))
    axis = 0 if name == "SequenceReverse" else axis
    steps, samples = x.shape[axis], x.shape[1 - axis]
    used = flag(draw)
    lengths = indices_in(draw, steps, (samples,)) + 1 if used else np.full(samples, steps)
    rows = x.swapaxes(0, axis).copy()
    last = np.stack([rows[int(n) - 1, i] for i, n in enumerate(lengths)])
    for i, n in enumerate(lengths.astype(int)):
        if name == "SequenceMask":
            rows[n:, i] = 7
        else:
            rows[:n, i] = rows[:n, i][::-1].copy()
    params = dict(axis=axis, use_sequence_length=used)
    if name == "SequenceMask":
        params["value"] = 7.0
    inputs = [x, lengths] if used else [x]
    return name, inputs, params, last if name == "SequenceLast" else rows.swapaxes(0, axis)


# ---------------------------------------------------------------------------------------- products


@case
def dot(draw):
    shared, left, right = number(draw, 1, 4), shape_of(draw, 0, 2), shape_of(draw, 0, 2)
    a, b = (flag(draw) and bool(left + right) for _ in range(2))  # two vectors have no transposes
    x = filled(*((shared, *left) if a else (*left, shared)))
    y = filled(*((*right, shared) if b else (shared, *right)))
    want = np.tensordot(x, y, (0 if a else -1, -1 if b else 0))
    return "dot", [x, y], dict(transpose_a=a, transpose_b=b), np.atleast_1d(want)


@case
def batch_dot(draw):
    a, b = flag(draw), flag(draw)
    n, rows, shared, columns = shape_of(draw, 4)
    x, y = filled(n, rows, shared), filled(n, shared, columns)
    inputs = [x.swapaxes(1, 2) if a else x, y.swapaxes(1, 2) if b else y]
    return "batch_dot", inputs, dict(transpose_a=a, transpose_b=b), x @ y


@case
def fully_connected(draw):
    x, flat, biased = array(draw, 2), flag(draw), flag(draw)
    rows = x.reshape(len(x), -1) if flat else x
    weight = filled(number(draw, 1, 3), rows.shape[-1])
    bias = filled(len(weight))
    params = dict(num_hidden=len(weight), flatten=flat, no_bias=not biased)
    inputs = [x, weight, bias] if biased else [x, weight]
    return "FullyConnected", inputs, params, rows @ weight.T + bias * biased


# ----------------------------------------------------------------------------------------- windows


def windows_in(draw):
    """Return kernel, stride, dilate and pad of one to three axes."""
    each = shape_of(draw, 1, 3, 3)
    stride, dilate = ([number(draw, 1, 3) for _ in each] for _ in range(2))
    return each, tuple(stride), tuple(dilate), tuple(number(draw, 0, k) for k in each)


def slid(x, weight, stride, dilate):
    """Convolve without padding: every window of every stride, times the weight."""
    rank = weight.ndim - 2
    reach = [d * (k - 1) + 1 for d, k in zip(dilate, weight.shape[2:], strict=True)]
    seen = sliding_window_view(x, reach, tuple(range(2, 2 + rank)))
    seen = seen[(..., *(slice(None, None, s) for s in stride), *[slice(None)] * rank)]
    seen = seen[(..., *(slice(None, None, d) for d in dilate))]
    axes = [1, *range(2 + rank, 2 + 2 * rank)]
    return np.moveaxis(np.tensordot(seen, weight, (axes, [1, *range(2, 2 + rank)])), -1, 1)


@case
def convolution(draw):
    kernel, stride, dilate, pad = windows_in(draw)
    groups, each, filters = shape_of(draw, 3, 3, 2)
    sizes = [number(draw, max(1, d * (k - 1) + 1 - 2 * p), 8)
             for k, d, p in zip(kernel, dilate, pad, strict=True)]  # fmt: skip
    x = filled(number(draw, 1, 2), groups * each, *sizes)
    weight = filled(groups * filters, each, *kernel)
    wide = np.pad(x, [(0, 0)] * 2 + [(p, p) for p in pad])
    parts = zip(np.split(wide, groups, 1), np.split(weight, groups), strict=True)
    want = np.concatenate([slid(a, w, stride, dilate) for a, w in parts], 1)
    params = dict(kernel=kernel, stride=stride, dilate=dilate, pad=pad, no_bias=True)
    params.update(num_filter=len(weight), num_group=groups)
    return "Convolution", [x, weight], params, want


@case
def deconvolution(draw):
    """Spread the data by the stride, and convolve it with the mirrored kernel."""
    kernel, stride, dilate, pad = windows_in(draw)
    adj = tuple(number(draw, 0, s - 1) for s in stride)
    n, channels, filters, size = shape_of(draw, 4)
    x, weight = filled(n, channels, *[size] * len(kernel)), filled(channels, filters, *kernel)
    reach = [d * (k - 1) for d, k in zip(dilate, kernel, strict=True)]
    middle = [slice(r, r + s * (size - 1) + 1, s) for r, s in zip(reach, stride, strict=True)]
    sizes = [s * (size - 1) + 1 + 2 * r + a for s, r, a in zip(stride, reach, adj, strict=True)]
    wide = np.zeros((n, channels, *sizes))
    wide[(..., *middle)] = x
    mirrored = np.flip(weight, range(2, weight.ndim)).swapaxes(0, 1)
    want = slid(wide, mirrored, [1] * len(kernel), dilate)
    inside = zip(want.shape[2:], pad, strict=True)
    want = want[(..., *(slice(p, max(p, m - p)) for m, p in inside))]
    assume(want.size)
    params = dict(kernel=kernel, stride=stride, dilate=dilate, pad=pad, adj=adj)
    return "Deconvolution", [x, weight], params | dict(num_filter=filters), want


@case
def pooling(draw):
    """Look at each window in turn; what a window without any element holds is not said."""
    kernel, stride, _, pad = windows_in(draw)
    pad = tuple(min(p, k - 1) for p, k in zip(pad, kernel, strict=True))
    x = filled(*shape_of(draw, 2, 2, 2), *(number(draw, k, 7) for k in kernel))
    full = flag(draw)
    places = [
        range(-p, n + p - k + (s if full else 1), s)
        for n, k, s, p in zip(x.shape[2:], kernel, stride, pad, strict=True)
    ]
    kind = draw(st.sampled_from(["max", "sum", "avg"]))
    want = np.full((*x.shape[:2], *map(len, places)), np.nan)
    for at in itertools.product(*map(range, map(len, places))):
        starts = [where[i] for where, i in zip(places, at, strict=True)]
        key = [slice(max(0, a), a + k) for a, k in zip(starts, kernel, strict=True)]
        part = x[(..., *key)].reshape(*x.shape[:2], -1)
        ends = zip(starts, kernel, x.shape[2:], pad, strict=True)
        area = prod(min(a + k, n + p) - a for a, k, n, p in ends)
        if part.size:
            want[(..., *at)] = part.max(-1) if kind == "max" else part.sum(-1)
            want[(..., *at)] /= area if kind == "avg" else 1
    params = dict(kernel=kernel, stride=stride, pad=pad, pool_type=kind)
    return "Pooling", [x], params | dict(pooling_convention="full" if full else "valid"), want


@case
def upsampling(draw):
    x, scale = filled(*shape_of(draw, 4)), number(draw, 1, 3)
    want = x.repeat(scale, 2).repeat(scale, 3)
    return "UpSampling", [x], dict(scale=scale, sample_type="nearest"), want
