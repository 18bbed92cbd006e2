"""Layers of ONNX: convolutions, pooling, normalization, products, recurrent layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from minisym.core.ndarray import Array
from minisym.core.symbol import Symbol
from minisym.onnx.back.call import Call, Rule, made, pairs
from minisym.onnx.back.elementwise import wide

LOWEST: Final = -3.4e38
"""What pads a maximum: below all that float32 has, but for the very last."""


def _window(c: Call, kernel: Sequence[int]) -> tuple[list[int], list[int], list[tuple[int, int]]]:
    """Return strides, dilations and pads by axis."""
    rank = len(kernel)
    strides = [int(s) for s in c.attr("strides") or [1] * rank]
    dilations = [int(d) for d in c.attr("dilations") or [1] * rank]
    auto = c.attr("auto_pad", "NOTSET") or "NOTSET"
    if auto in {"NOTSET", "VALID"}:
        given = c.attr("pads") if auto == "NOTSET" else None
        pads = pairs([int(p) for p in given or [0] * (2 * rank)], rank)
    elif auto in {"SAME_UPPER", "SAME_LOWER"}:
        pads = []
        for size, k, s, d in zip(c.fixed(0)[2:], kernel, strides, dilations, strict=True):
            total = max(0, (-(-size // s) - 1) * s + (k - 1) * d + 1 - size)
            less, more = total // 2, total - total // 2
            pads.append((less, more) if auto == "SAME_UPPER" else (more, less))
    else:
        c.refuse(f"auto_pad={auto!r} is none that ONNX has")
    lists = (strides, dilations, pads)
    if any(len(one) != rank for one in lists) or any(min(p) < 0 for p in pads):
        c.refuse("its strides, dilations or pads do not fit its kernel")
    return strides, dilations, pads


def _padded(
    c: Call, pads: Sequence[tuple[int, int]], value: float = 0.0
) -> tuple[Symbol, list[int]]:
    """Return the data, and the pads that are left for the op, which has one for both ends."""
    x = c.symbol(0)
    if all(a == b for a, b in pads):
        return x, [a for a, _ in pads]
    return pad(c, x, [(0, 0), (0, 0), *pads], value), [0] * len(pads)


def pad(
    c: Call, x: Symbol, pads: Sequence[tuple[int, int]], value: float = 0.0, mode: str = "constant"
) -> Symbol:
    """Pad axes behind the first two."""
    rank = len(pads)
    if any(p != (0, 0) for p in pads[:2]) or rank > 5:
        c.refuse("it pads the first two axes, or more than three others")
    widths = [w for p in pads for w in p]
    options: dict[str, Any] = {"mode": mode}
    if mode == "constant":
        options["constant_value"] = value
    if rank >= 4:
        return made("Pad", x, pad_width=tuple(widths), **options)
    wide = made("Reshape", x, shape=(0, 0, *(1,) * (4 - rank), -1))
    whole = made("Pad", wide, pad_width=(0, 0, 0, 0, *(0, 0) * (4 - rank), *widths[4:]), **options)
    return made("Reshape", whole, shape=(0, 0, -1))


def _conv(c: Call) -> Symbol:
    shape = c.fixed(1)
    kernel = [int(k) for k in c.attr("kernel_shape") or shape[2:]]
    if list(shape[2:]) != kernel or not 1 <= len(kernel) <= 3:
        c.refuse(f"its kernel {kernel} is not that of its weight {shape}")
    strides, dilations, pads = _window(c, kernel)
    x, left = _padded(c, pads)
    inputs = [x, c.symbol(1), *([c.symbol(2)] if c.has(2) else [])]
    return made(
        "Convolution", *inputs, kernel=tuple(kernel), stride=tuple(strides),
        dilate=tuple(dilations), pad=tuple(left), num_filter=shape[0],
        num_group=int(c.attr("group", 1)), no_bias=not c.has(2), name=c.name,
    )  # fmt: skip


def _conv_transpose(c: Call) -> Symbol:
    shape = c.fixed(1)
    kernel = list(shape[2:])
    group = int(c.attr("group", 1))
    strides, dilations, pads = _window(c, kernel)
    if c.attr("output_shape") is not None or (c.attr("auto_pad") or "NOTSET") != "NOTSET":
        c.refuse("its pads follow from the size of its output")
    if any(a != b for a, b in pads):
        c.refuse("its pads differ at both ends")
    adjust = c.attr("output_padding") or [0] * len(kernel)
    inputs = [c.symbol(0), c.symbol(1), *([c.symbol(2)] if c.has(2) else [])]
    return made(
        "Deconvolution", *inputs, kernel=tuple(kernel), stride=tuple(strides),
        dilate=tuple(dilations), pad=tuple(a for a, _ in pads), adj=tuple(map(int, adjust)),
        num_filter=shape[1] * group, num_group=group, no_bias=not c.has(2), name=c.name,
    )  # fmt: skip


def _pool(kind: str) -> Rule:
    def rule(c: Call) -> Symbol:
        kernel = [int(k) for k in c.attr("kernel_shape") or ()]
        if not 1 <= len(kernel) <= 3:
            c.refuse(f"it pools over {len(kernel)} axes")
        strides, dilations, pads = _window(c, kernel)
        if any(d != 1 for d in dilations):
            c.refuse("its windows have holes (dilations)")
        if len(c.record.outputs) > 1 and c.record.outputs[1]:
            c.refuse("it gives the places of the largest, too")
        counts = bool(c.attr("count_include_pad", 0))
        if kind == "avg" and not counts and any(a != b for a, b in pads):
            c.refuse("it leaves pads that differ at both ends out of the mean")
        x, left = _padded(c, pads, LOWEST if kind == "max" else 0.0)
        options: dict[str, Any] = {"count_include_pad": counts} if kind == "avg" else {}
        if kind == "lp":
            options = {"p_value": int(c.attr("p", 2))}
        return made(
            "Pooling", x, kernel=tuple(kernel), stride=tuple(strides), pad=tuple(left),
            pool_type=kind, pooling_convention="full" if c.attr("ceil_mode", 0) else "valid",
            name=c.name, **options,
        )  # fmt: skip

    return rule


def _global_pool(kind: str) -> Rule:
    def rule(c: Call) -> Symbol:
        kernel = (1,) * (c.rank() - 2)
        return made(
            "Pooling", c.symbol(0), kernel=kernel, global_pool=True, pool_type=kind, name=c.name
        )

    return rule


def _batch_norm(c: Call) -> Symbol:
    if c.attr("training_mode", 0):
        c.refuse("it normalizes by the batch, as in training")
    return made(
        "BatchNorm", *(c.symbol(i) for i in range(5)), eps=float(c.attr("epsilon", 1e-5)),
        momentum=float(c.attr("momentum", 0.9)), fix_gamma=False, name=c.name,
    )  # fmt: skip


def _instance_norm(c: Call) -> Symbol:
    eps = float(c.attr("epsilon", 1e-5))
    return made("InstanceNorm", *(c.symbol(i) for i in range(3)), eps=eps, name=c.name)


def _layer_norm(c: Call) -> Symbol:
    axis = c.axis(-1)
    if axis != c.rank() - 1:
        c.refuse("it normalizes over more than the last axis")
    if not c.has(2):
        zeros = np.zeros(c.fixed(1), c.constant(1, "scale").dtype)
        beta = c.parameter(f"{c.name}_beta", zeros)
    else:
        beta = c.symbol(2)
    eps = float(c.attr("epsilon", 1e-5))
    return made("LayerNorm", c.symbol(0), c.symbol(1), beta, axis=-1, eps=eps, name=c.name)


def _group_norm(c: Call) -> Symbol:
    if c.opset < 21:
        c.refuse("before version 21 its scale is one a group")
    groups, eps = int(c.attr("num_groups")), float(c.attr("epsilon", 1e-5))
    x = c.symbol(0)
    split = made("Reshape", x, shape=(0, groups, -1))
    ones = np.ones(groups, np.float32)
    parts = (c.parameter(f"{c.name}_one", ones), c.parameter(f"{c.name}_zero", ones * 0))
    normal = made("reshape_like", made("InstanceNorm", split, *parts, eps=eps), x)
    shape = (1, -1, *(1,) * (c.rank() - 2))
    scale, shift = (made("Reshape", c.symbol(i), shape=shape) for i in (1, 2))
    return made("broadcast_add", made("broadcast_mul", normal, scale), shift, name=c.name)


def _lrn(c: Call) -> Symbol:
    return made(
        "LRN", c.symbol(0), nsize=int(c.attr("size")), alpha=float(c.attr("alpha", 1e-4)),
        beta=float(c.attr("beta", 0.75)), knorm=float(c.attr("bias", 1.0)), name=c.name,
    )  # fmt: skip


def _lp_normalization(c: Call) -> Symbol:
    axis, p = c.axis(-1), int(c.attr("p", 2))
    x = c.symbol(0)
    length = made("norm", x, ord=p, axis=axis, keepdims=True)
    return made("broadcast_div", x, length, name=c.name)


def _gemm(c: Call) -> Symbol:
    alpha, beta = float(c.attr("alpha", 1.0)), float(c.attr("beta", 1.0))
    a, b = int(c.attr("transA", 0)), int(c.attr("transB", 0))
    bias = c.known(2)
    plain = alpha == beta == 1 and not a and b and c.rank() == 2
    if plain and len(c.dims(1)) == 2 and (not c.has(2) or (bias is not None and bias.ndim == 1)):
        size = c.fixed(1)[0]
        if bias is None or bias.shape == (size,):
            inputs = [c.symbol(i) for i in range(3 if c.has(2) else 2)]
            return made(
                "FullyConnected", *inputs, num_hidden=size, no_bias=not c.has(2), name=c.name
            )
    found = made("dot", c.symbol(0), c.symbol(1), transpose_a=bool(a), transpose_b=bool(b))
    found = found * alpha if alpha != 1 else found
    if not c.has(2):
        return made("identity", found, name=c.name)
    added = c.symbol(2)
    return made("broadcast_add", found, added * beta if beta != 1 else added, name=c.name)


def _matmul(c: Call) -> Symbol:
    left, right = c.rank(0), c.rank(1)
    if right == 2 and left >= 2:
        return made("dot", c.symbol(0), c.symbol(1), name=c.name)
    if left == right == 1 or (left == 2 and right == 1):
        return made("dot", c.symbol(0), c.symbol(1), name=c.name)
    if left == 1 and right == 2:
        row = made("dot", made("expand_dims", c.symbol(0), axis=0), c.symbol(1))
        return made("squeeze", row, axis=(0,), name=c.name)
    if min(left, right) < 2:
        c.refuse(f"it multiplies arrays of {left} and {right} dimensions")
    op = "batch_dot" if max(left, right) == 3 else "linalg_gemm2"
    return made(op, *_stacks(c, max(left, right)), name=c.name)


def _stacks(c: Call, rank: int) -> list[Symbol]:
    """Return both stacks of matrices, as many in one as in the other."""
    parts, sizes = [wide(c, i, rank) for i in (0, 1)], []
    for i in (0, 1):
        own = c.sizes(i)[:-2]
        sizes.append((1,) * (rank - 2 - len(own)) + tuple(own))
    for i, (own, other) in enumerate((sizes, sizes[::-1])):
        shape = tuple(b if a == 1 and b is not None else 0 for a, b in zip(own, other, strict=True))
        if any(size > 1 for size in shape):
            parts[i] = made("broadcast_to", parts[i], shape=(*shape, 0, 0))
    return parts


# ---------------------------------------------------------------------------------- recurrent

_ORDERS: Final = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}
"""For each gate of minisym's order its place in ONNX's: iofc is ifco there, zrh is rzh."""


def _recurrent(kind: str) -> Rule:
    def rule(c: Call) -> list[Symbol]:
        weights, hidden_weights = c.constant(1, "weights"), c.constant(2, "recurrent weights")
        directions, _, size = hidden_weights.shape
        mode = _mode(c, kind, directions)
        if c.has(4):
            c.refuse("its sequences have lengths of their own")
        if c.has(7):
            c.refuse("its gates look at the cell (peepholes)")
        biases = c.known(3) if c.has(3) else None
        flat = _flat(kind, weights, hidden_weights, biases)
        packed = c.parameter(f"{c.name}_parameters", flat)
        states = [_state(c, i, directions, size) for i in ((5, 6) if kind == "LSTM" else (5,))]
        found = made(
            "RNN", c.symbol(0), packed, *states, state_size=size, num_layers=1, mode=mode,
            bidirectional=directions == 2, state_outputs=True, name=c.name,
        )  # fmt: skip
        # (time, batch, directions * size) -> (time, directions, batch, size)
        split = made("Reshape", found[0], shape=(0, 0, directions, size))
        y = made("transpose", split, axes=(0, 2, 1, 3))
        return [y, *(found[i] for i in range(1, 3 if kind == "LSTM" else 2))]

    return rule


def _mode(c: Call, kind: str, directions: int) -> str:
    """Return what minisym calls it, if it has the usual functions in the usual places."""
    direction = c.attr("direction", "forward") or "forward"
    if direction not in {"forward", "bidirectional"} or (directions == 2) == (
        direction == "forward"
    ):
        c.refuse(f"its direction is {direction!r}")
    if c.attr("clip") is not None or c.attr("input_forget", 0) or c.attr("layout", 0):
        c.refuse("it clips, couples gates, or has the batch first")
    given = [str(f).lower() for f in c.attr("activations") or ()]
    usual = {"LSTM": ["sigmoid", "tanh", "tanh"], "GRU": ["sigmoid", "tanh"], "RNN": ["tanh"]}[kind]
    if kind == "RNN":
        name = given[0] if given else "tanh"
        if name not in {"tanh", "relu"} or set(given) - {name}:
            c.refuse(f"its functions are {', '.join(given)}")
        return f"rnn_{name}"
    if given and given != usual * directions:
        c.refuse(f"its functions are {', '.join(given)}")
    if kind == "GRU" and not c.attr("linear_before_reset", 0):
        c.refuse("it resets the state before it is multiplied (linear_before_reset=0)")
    return kind.lower()


def _flat(kind: str, weights: Array, hidden: Array, biases: Array | None) -> Array:
    """Pack weights as `RNN` has them: all weights by direction, then all biases."""
    order = _ORDERS[kind]
    parts = []
    for both in zip(weights, hidden, strict=True):
        parts += [np.split(one, len(order))[i].reshape(-1) for one in both for i in order]
    size, gates = hidden.shape[2], len(order)
    for direction in range(len(weights)):
        two = np.zeros((2, gates * size), weights.dtype)
        if biases is not None:
            two = biases[direction].reshape(2, gates * size)
        parts += [np.split(one, gates)[i] for one in two for i in order]
    return np.concatenate(parts).astype(weights.dtype)


def _state(c: Call, i: int, directions: int, size: int) -> Symbol:
    if c.has(i):
        return c.symbol(i)
    batch = c.dims(0)[1]
    if batch is not None:
        return made("zeros", shape=(directions, batch, size))
    # zeros for each row of the batch, whatever their number
    first = made("slice_axis", c.symbol(0), axis=0, begin=0, end=1)
    column = made("sum", first * 0, axis=2, keepdims=True)
    return made("broadcast_axis", column, axis=(0, 2), size=(directions, size))


def _det(c: Call) -> Symbol:
    return made("linalg_det", c.symbol(0), name=c.name)


RULES: Final[dict[str, Rule]] = {
    "Det": _det,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "MaxPool": _pool("max"),
    "AveragePool": _pool("avg"),
    "LpPool": _pool("lp"),
    "GlobalAveragePool": _global_pool("avg"),
    "GlobalMaxPool": _global_pool("max"),
    "BatchNormalization": _batch_norm,
    "InstanceNormalization": _instance_norm,
    "LayerNormalization": _layer_norm,
    "GroupNormalization": _group_norm,
    "LRN": _lrn,
    "LpNormalization": _lp_normalization,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "LSTM": _recurrent("LSTM"),
    "GRU": _recurrent("GRU"),
    "RNN": _recurrent("RNN"),
}
"""Op of ONNX -> how it is said."""
