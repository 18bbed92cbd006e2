"""Ops of ONNX that work element by element, and reductions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np

from minisym.core.declare import F
from minisym.core.op import get
from minisym.core.symbol import Symbol
from minisym.onnx.back.call import Call, Rule, made

TYPES: Final = {
    1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool", 10: "float16",
    11: "float64",
}  # fmt: skip
"""ONNX's numbers of the types that minisym has."""


def unary(op: str) -> Rule:
    """Say an op of one array by the op of this name."""
    return lambda c: made(op, c.symbol(0), name=c.name)


def binary(op: str, scalar: str | None = None, reverse: str | None = None) -> Rule:
    """Say an op of two arrays, which broadcast; a known number becomes a parameter of the op."""

    def rule(c: Call) -> Symbol:
        for own, other, said in ((0, 1, scalar), (1, 0, reverse)):
            value = c.known(other)
            if said and value is not None and value.size == 1 and _is_exact(c, own, value):
                return get(said)(c.symbol(own), scalar=float(value.item()), name=c.name)  # type: ignore[operator,no-any-return]
        return made(op, c.symbol(0), c.symbol(1), name=c.name)

    return rule


def _is_exact(c: Call, own: int, value: Any) -> bool:
    """Return whether a number is of the type of floats, and makes no array larger."""
    if value.dtype.kind != "f" or isinstance(c.inputs[own], np.ndarray):
        return False
    dims = c.dims_of(c.record.inputs[own])
    return dims is not None and value.ndim <= len(dims)


def compare(op: str) -> Rule:
    """Say a comparison, whose result is a truth value."""
    return lambda c: made("cast", made(op, c.symbol(0), c.symbol(1)), dtype="bool", name=c.name)


def folded(op: str) -> Rule:
    """Say an op of any number of arrays by an op of two."""

    def rule(c: Call) -> Symbol:
        found = c.symbol(0)
        for i in range(1, len(c)):
            last = {"name": c.name} if i == len(c) - 1 else {}
            found = made(op, found, c.symbol(i), **last)
        return found if len(c) > 1 else made("identity", found, name=c.name)

    return rule


def _mean(c: Call) -> Symbol:
    return folded("broadcast_add")(c) / len(c)  # type: ignore[operator,return-value]


def _clip(c: Call) -> Symbol:
    low, high = (
        c.attr(name, None) if not c.has(i) else c.constant(i, name).item()
        for i, name in ((1, "min"), (2, "max"))
    )
    most = float(np.finfo(np.float32).max)
    if low == 0 and high is None:
        return made("relu", c.symbol(0), name=c.name)
    return made(
        "clip",
        c.symbol(0),
        a_min=-most if low is None else float(low),
        a_max=most if high is None else float(high),
        name=c.name,
    )


def _cast(c: Call) -> Symbol:
    dtype = TYPES.get(int(c.attr("to", 0)))
    if dtype is None:
        c.refuse(f"it casts to type {c.attr('to')} of ONNX, which minisym has not")
    return made("cast", c.symbol(0), dtype=dtype, name=c.name)


def _leaky(c: Call) -> Symbol:
    slope = float(c.attr("alpha", 0.01))
    return made("LeakyReLU", c.symbol(0), act_type="leaky", slope=slope, name=c.name)


def _elu(c: Call) -> Symbol:
    slope = float(c.attr("alpha", 1.0))
    return made("LeakyReLU", c.symbol(0), act_type="elu", slope=slope, name=c.name)


def _selu(c: Call) -> Symbol:
    alpha, gamma = c.attr("alpha", 1.67326), c.attr("gamma", 1.0507)
    if abs(alpha - 1.67326) > 1e-4 or abs(gamma - 1.0507) > 1e-4:
        x = c.symbol(0)
        elu = made("LeakyReLU", x, act_type="elu", slope=float(alpha))
        return get("_mul_scalar")(elu, scalar=float(gamma), name=c.name)  # type: ignore[operator,no-any-return]
    return made("LeakyReLU", c.symbol(0), act_type="selu", name=c.name)


def _prelu(c: Call) -> Symbol:
    slope, rank = c.known(1), c.rank()
    wanted = (1,) * max(0, rank - 2)
    if slope is not None and rank > 1 and slope.shape[1:] == wanted and slope.ndim == rank - 1:
        gamma = c.parameter(c.record.inputs[1], slope.reshape(-1))
        return made("LeakyReLU", c.symbol(0), gamma, act_type="prelu", name=c.name)
    x = c.symbol(0)
    low = made("broadcast_mul", made("clip", x, a_min=-3.4e38, a_max=0.0), c.symbol(1))
    return made("broadcast_add", made("relu", x), low, name=c.name)


def _gelu(c: Call) -> Symbol:
    if c.attr("approximate", "none") == "none":
        return made("LeakyReLU", c.symbol(0), act_type="gelu", name=c.name)
    x = c.symbol(0)
    inner = F.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))
    return made("broadcast_mul", 0.5 * x, 1 + inner, name=c.name)


def _hard_sigmoid(c: Call) -> Symbol:
    alpha, beta = float(c.attr("alpha", 0.2)), float(c.attr("beta", 0.5))
    return made("hard_sigmoid", c.symbol(0), alpha=alpha, beta=beta, name=c.name)


def _hard_swish(c: Call) -> Symbol:
    x = c.symbol(0)
    gate = made("hard_sigmoid", x, alpha=1 / 6, beta=0.5)
    return made("elemwise_mul", x, gate, name=c.name)


def _mish(c: Call) -> Symbol:
    x = c.symbol(0)
    return made("elemwise_mul", x, F.tanh(F.Activation(x, act_type="softrelu")), name=c.name)


def _celu(c: Call) -> Symbol:
    alpha = float(c.attr("alpha", 1.0))
    x = c.symbol(0)
    return made("elemwise_add", F.relu(x), -F.relu(alpha * (1 - F.exp(x / alpha))), name=c.name)


def _thresholded(c: Call) -> Symbol:
    x = c.symbol(0)
    return made("elemwise_mul", x, x > float(c.attr("alpha", 1.0)), name=c.name)


def _activation(kind: str) -> Rule:
    return lambda c: made("Activation", c.symbol(0), act_type=kind, name=c.name)


def _softmax(op: str) -> Rule:
    def rule(c: Call) -> Symbol:
        if c.opset >= 13:
            return made(op, c.symbol(0), axis=c.axis(-1), name=c.name)
        axis, rank = c.axis(1), c.rank()
        if axis == rank - 1:
            return made(op, c.symbol(0), axis=axis, name=c.name)
        # older versions: all axes from this one on are one
        x = c.symbol(0)
        flat = made("Reshape", x, shape=(*(0,) * axis, -1))
        return made("reshape_like", made(op, flat, axis=-1), x, name=c.name)

    return rule


def reduction(op: str, after: Callable[[Symbol, str], Symbol] | None = None) -> Rule:
    """Say a reduction; its axes are an input in newer versions."""

    def rule(c: Call) -> Symbol:
        axes, x = c.axes(1), c.symbol(0)
        if not axes:
            if c.attr("noop_with_empty_axes", 0):
                return made("identity", x, name=c.name)
            axes = list(range(c.rank()))
        keep = bool(c.attr("keepdims", 1))
        own = {} if after else {"name": c.name}
        found = made(op, x, axis=tuple(axes), keepdims=keep, **own)
        return after(found, c.name) if after else found

    return rule


def _l1(c: Call) -> Symbol:
    return reduction("sum")(_of(c, F.abs(c.symbol(0))))  # type: ignore[return-value]


def _sum_square(c: Call) -> Symbol:
    return reduction("sum")(_of(c, F.square(c.symbol(0))))  # type: ignore[return-value]


def _l2(c: Call) -> Symbol:
    inner = reduction("sum", lambda s, name: made("sqrt", s, name=name))
    return inner(_of(c, F.square(c.symbol(0))))  # type: ignore[return-value]


def _log_sum(c: Call) -> Symbol:
    return reduction("sum", lambda s, name: made("log", s, name=name))(c)  # type: ignore[return-value]


def _log_sum_exp(c: Call) -> Symbol:
    inner = reduction("sum", lambda s, name: made("log", s, name=name))
    return inner(_of(c, F.exp(c.symbol(0))))  # type: ignore[return-value]


def _of(c: Call, first: Symbol) -> Call:
    """Return the call with another first input."""
    return replace(c, inputs=(first, *c.inputs[1:]))


def _arg(op: str) -> Rule:
    def rule(c: Call) -> Symbol:
        if c.attr("select_last_index", 0):
            c.refuse("select_last_index=1 asks for the last of equal elements")
        keep = bool(c.attr("keepdims", 1))
        found = made(op, c.symbol(0), axis=c.axis(0), keepdims=keep)
        return made("cast", found, dtype="int64", name=c.name)

    return rule


def _topk(c: Call) -> list[Symbol]:
    k = int(c.constant(1, "k").item()) if c.has(1) else int(c.attr("k"))
    found = made(
        "topk", c.symbol(0), k=k, axis=c.axis(-1), ret_typ="both",
        is_ascend=not c.attr("largest", 1), dtype="int64", name=c.name,
    )  # fmt: skip
    return [found[0], found[1]]


def _logical(op: str) -> Rule:
    def rule(c: Call) -> Symbol:
        return made("cast", made(op, c.symbol(0), c.symbol(1)), dtype="bool", name=c.name)

    return rule


def _not(c: Call) -> Symbol:
    return made("cast", made("logical_not", c.symbol(0)), dtype="bool", name=c.name)


def _where(c: Call) -> Symbol:
    rank = max(c.rank(i) for i in range(3))
    parts = [wide(c, i, rank) for i in range(3)]
    parts[0] = made("cast", parts[0], dtype="float32")
    # only their shapes are of interest here
    zeros = [made("cast", made("zeros_like", part), dtype="float32") for part in parts]
    like = made("broadcast_add", zeros[0], made("broadcast_add", zeros[1], zeros[2]))
    return made("where", *(made("broadcast_like", part, like) for part in parts), name=c.name)


def wide(c: Call, i: int, rank: int) -> Symbol:
    """Return an input with so many dimensions, new ones in front."""
    value, missing = c.known(i), rank - c.rank(i)
    if missing <= 0:
        return c.symbol(i)
    if value is not None:
        name = f"{c.record.inputs[i]}_{rank}d"
        return c.parameter(name, value.reshape((1,) * missing + value.shape))
    found = c.symbol(i)
    for _ in range(missing):
        found = made("expand_dims", found, axis=0)
    return found


def _mod(c: Call) -> Symbol:
    if not c.attr("fmod", 0):
        return binary("broadcast_mod")(c)  # type: ignore[return-value]
    x, y = c.symbol(0), c.symbol(1)
    whole = made("broadcast_mul", made("fix", made("broadcast_div", x, y)), y)
    return made("broadcast_sub", x, whole, name=c.name)


def _is_nan(c: Call) -> Symbol:
    x = c.symbol(0)
    return made("cast", made("broadcast_not_equal", x, x), dtype="bool", name=c.name)


def _is_inf(c: Call) -> Symbol:
    if not (c.attr("detect_positive", 1) and c.attr("detect_negative", 1)):
        c.refuse("it looks for one of both infinities")
    infinite = get("_equal_scalar")(F.abs(c.symbol(0)), scalar=float("inf"))  # type: ignore[operator]
    return made("cast", infinite, dtype="bool", name=c.name)


RULES: Final[dict[str, Rule]] = {
    **{
        onnx: unary(own)
        for onnx, own in {
            "Abs": "abs",
            "Acos": "arccos",
            "Acosh": "arccosh",
            "Asin": "arcsin",
            "Asinh": "arcsinh",
            "Atan": "arctan",
            "Atanh": "arctanh",
            "Ceil": "ceil",
            "Cos": "cos",
            "Cosh": "cosh",
            "Erf": "erf",
            "Exp": "exp",
            "Floor": "floor",
            "Identity": "identity",
            "Log": "log",
            "Neg": "negative",
            "Reciprocal": "reciprocal",
            "Relu": "relu",
            "Sigmoid": "sigmoid",
            "Sign": "sign",
            "Sin": "sin",
            "Sinh": "sinh",
            "Softsign": "softsign",
            "Sqrt": "sqrt",
            "Tan": "tan",
            "Tanh": "tanh",
        }.items()
    },
    "Softplus": _activation("softrelu"),
    "Add": binary("broadcast_add", "_plus_scalar", "_plus_scalar"),
    "Sub": binary("broadcast_sub", "_minus_scalar", "_rminus_scalar"),
    "Mul": binary("broadcast_mul", "_mul_scalar", "_mul_scalar"),
    "Div": binary("broadcast_div", "_div_scalar", "_rdiv_scalar"),
    "Pow": binary("broadcast_power", "_power_scalar", "_rpower_scalar"),
    "Mod": _mod,
    "Max": folded("broadcast_maximum"),
    "Min": folded("broadcast_minimum"),
    "Sum": folded("broadcast_add"),
    "Mean": _mean,
    "Equal": compare("broadcast_equal"),
    "Greater": compare("broadcast_greater"),
    "GreaterOrEqual": compare("broadcast_greater_equal"),
    "Less": compare("broadcast_lesser"),
    "LessOrEqual": compare("broadcast_lesser_equal"),
    "And": _logical("broadcast_logical_and"),
    "Or": _logical("broadcast_logical_or"),
    "Xor": _logical("broadcast_logical_xor"),
    "Not": _not,
    "Where": _where,
    "IsNaN": _is_nan,
    "IsInf": _is_inf,
    "Clip": _clip,
    "Cast": _cast,
    "LeakyRelu": _leaky,
    "Elu": _elu,
    "Selu": _selu,
    "Celu": _celu,
    "PRelu": _prelu,
    "Gelu": _gelu,
    "Mish": _mish,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _hard_swish,
    "ThresholdedRelu": _thresholded,
    "Softmax": _softmax("softmax"),
    "LogSoftmax": _softmax("log_softmax"),
    "ReduceSum": reduction("sum"),
    "ReduceMean": reduction("mean"),
    "ReduceMax": reduction("max"),
    "ReduceMin": reduction("min"),
    "ReduceProd": reduction("prod"),
    "ReduceL1": _l1,
    "ReduceL2": _l2,
    "ReduceSumSquare": _sum_square,
    "ReduceLogSum": _log_sum,
    "ReduceLogSumExp": _log_sum_exp,
    "ArgMax": _arg("argmax"),
    "ArgMin": _arg("argmin"),
    "TopK": _topk,
}
"""Op of ONNX -> how it is said."""
