r"""Softmax with cross-entropy: the loss head that most classifiers end in, and the plain loss."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Annotated, Any, Literal

import numpy as np

from minisym.core.cost import each_input
from minisym.core.declare import F
from minisym.core.declare import op as declare
from minisym.core.errors import DtypeError, ExecutionError, ShapeError
from minisym.core.kernels import number, single
from minisym.core.ndarray import Array
from minisym.core.samples import Sample
from minisym.core.shapes import Mismatch, Shape, product, show, unify
from minisym.core.symbol import Symbol
from minisym.ops.loss import Scale
from minisym.ops.numeric.rules import floats_only
from minisym.ops.numeric.sums import sum_over, wide
from minisym.ops.second import second_order
from minisym.ops.softmax import fill_softmax, softmax_steps

op = partial(declare, kind="loss", cost=each_input(5))

# --------------------------------------------------------------------------------- SoftmaxOutput


def _softmax_axes(ndim: int, *, multi_output: bool, preserve_shape: bool) -> Any:
    if multi_output:
        return 1
    return -1 if preserve_shape or ndim == 2 else tuple(range(1, ndim))


def _one_hot_less(y: Array, label: Array, block: tuple[int, int, int], alpha: float) -> Array:
    r"""Return $y$ less the (smoothed) one-hot labels, as (rows, classes, positions).

    A label that is no class subtracts nothing.
    """
    rows, classes, positions = block
    diff = y.reshape(block).copy()
    chosen = label.reshape(-1)[: rows * positions].astype(np.int64).reshape(rows, positions)
    row, position = np.nonzero((chosen >= 0) & (chosen < classes))
    target = (row, chosen[row, position], position)
    if alpha:
        share = alpha / (classes - 1) if classes > 1 else 0.0
        diff -= number(share, y.dtype)
        diff[target] += number(share + alpha, y.dtype)
    diff[target] -= 1
    return diff


@op(
    aliases=("Softmax",),
    loss=True,
    labels=("label",),
    samples=[
        Sample(
            ((2, 3), np.array([2.0, 0.0])),
            wrt=(),
            reference=lambda x, label: np.exp(x) / np.exp(x).sum(1, keepdims=True),
        ),
        Sample(
            ((2, 3, 2), np.zeros((2, 2))),
            {"multi_output": True},
            wrt=(),
            reference=lambda x, label: np.exp(x) / np.exp(x).sum(1, keepdims=True),
        ),
        Sample(
            ((2, 3, 2), np.zeros((2, 3))),
            {"preserve_shape": True},
            wrt=(),
            reference=lambda x, label: np.exp(x) / np.exp(x).sum(2, keepdims=True),
        ),
        Sample(((2, 3), (3,)), raises=ShapeError, match="label has shape"),
        Sample(((2, 3, 4), (2, 3)), {"multi_output": True}, raises=ShapeError, match="label needs"),
        Sample(((2, 3), np.array([1, 0])), raises=DtypeError, match="label"),
        Sample(((3,), (1,)), raises=ShapeError, match="2 dimensions"),
    ],
)
def SoftmaxOutput(
    data: Annotated[Array, "Scores, (batch, classes) or of more axes."],
    label: Annotated[Array, "Class of each sample; or probabilities, of the shape of data."],
    *,
    grad_scale: Scale = 1.0,
    ignore_label: Annotated[float, "The label to ignore, with use_ignore."] = -1.0,
    multi_output: Annotated[
        bool, "Classes lie along axis 1, and there is a label for each position behind it."
    ] = False,
    use_ignore: Annotated[bool, "Whether rows of ignore_label get the gradient 0."] = False,
    preserve_shape: Annotated[bool, "Classes lie along the last axis."] = False,
    normalization: Annotated[
        Literal["batch", "null", "valid"],
        "Divide the gradient by nothing (null), by the number of labels (batch; with multi_output, "
        "of samples), or by that of labels other than ignore_label (valid).",
    ] = "null",
    out_grad: Annotated[bool, "Multiply the gradient by the output, elementwise."] = False,
    smooth_alpha: Annotated[
        float, "Label smoothing: this much of each label is spread over the other classes."
    ] = 0.0,
    out: Array,
) -> None:
    r"""Predict by softmax, $p_k = e^{x_k} / \sum_j e^{x_j}$, and learn by cross-entropy.

    The gradient is $p - \mathbb 1_{label}$, that of the cross-entropy between prediction and label,
    and ignores what arrives from above. Labels are class numbers, of the type of `data`; a label
    that is no class subtracts nothing. Labels of the shape of `data` are probabilities: then the
    gradient is $p - label$, times `grad_scale` only.

    In general `data` is (batch, classes) and `label` (batch,). Data of more axes need
    `preserve_shape`, with a label for each position but the last axis, or `multi_output`, with data
    (batch, classes, positions...) and label (batch, positions...); without either, each sample is
    one row over all its axes. With `multi_output` the gradient is divided by the number of
    positions, unless `normalization` is "valid", and labels are not smoothed.

    >>> from minisym import sym
    >>> import numpy as np
    >>> net = sym.SoftmaxOutput(sym.Variable("data"), name="softmax")
    >>> e = net.simple_bind(data=(1, 2))
    >>> _, _ = e.forward(is_train=True, softmax_label=np.ones(1)), e.backward()
    >>> e.outputs[0], e.grad_dict["data"]
    (NDArray([[0.5, 0.5]], dtype=float32), NDArray([[ 0.5, -0.5]], dtype=float32))
    """
    axes = _softmax_axes(data.ndim, multi_output=multi_output, preserve_shape=preserve_shape)
    fill_softmax(data, axes, out)


@SoftmaxOutput.steps
def _(inputs: Any, outs: Any, *, multi_output: bool, preserve_shape: bool) -> Any:
    data = inputs[0]
    axes = _softmax_axes(data.ndim, multi_output=multi_output, preserve_shape=preserve_shape)
    return softmax_steps(data, axes, outs[0]) if isinstance(axes, int) else None


@SoftmaxOutput.shape
def _(s: Any, *, multi_output: bool) -> None:
    """Rule: the output has the shape of `data`.

    `label` has no class axis, or the shape of `data`, too.
    """
    s.output = s.data
    s.data = s.output
    data, label = s.data, s.label
    if data is None:
        return
    if len(data) < 2:
        raise ValueError("data needs at least 2 dimensions: samples and classes")
    if not multi_output:
        s.label = data if label is not None and len(label) == len(data) else data[:-1]
        return
    samples, positions = data[0], data[2:]
    flat = (samples, product(positions))
    choices: list[Shape] = [flat, (samples, *positions), (samples, 1, *positions), data]
    fitting = next((c for c in choices if _fits(label, c)), None)
    if fitting is None:
        raise ValueError(
            f"label needs shape {show(choices[1])} or {show(flat)} for class numbers, or "
            f"{show(data)} for probabilities, but has {show(label)}"
        )
    s.label = fitting


def _fits(have: Shape, need: Shape) -> bool:
    try:
        unify(have, need)
    except Mismatch:
        return False
    return True


SoftmaxOutput.dtype(floats_only)


@SoftmaxOutput.onnx
def _(o: Any, data: Any, *, multi_output: bool, preserve_shape: bool) -> Any:
    axes = _softmax_axes(data.rank, multi_output=multi_output, preserve_shape=preserve_shape)
    if isinstance(axes, int):
        return o.Softmax(data, axis=axes)
    rows = o.Reshape(data, (0, -1))
    return o.reshape(o.Softmax(rows, axis=1))


@SoftmaxOutput.backward(wrt=("data",))
def _softmax_output_gradient(
    y: Array,
    label: Array,
    *,
    grad_scale: float,
    ignore_label: float,
    multi_output: bool,
    use_ignore: bool,
    preserve_shape: bool,
    normalization: str,
    out_grad: bool,
    smooth_alpha: float,
    out: Array,
) -> None:
    """Compute the gradient of the cross-entropy by the scores."""
    scale = single(grad_scale)
    if y.shape == label.shape:
        np.subtract(y, label, out)
        if out_grad:
            np.multiply(out, y, out)
        if scale != 1:
            np.multiply(out, number(scale, out.dtype), out)
        return
    if multi_output:
        block = (y.shape[0], y.shape[1], prod(y.shape[2:]))
    elif preserve_shape:
        block = (prod(y.shape[:-1]), y.shape[-1], 1)
    else:
        block = (y.shape[0], prod(y.shape[1:]), 1)
    smoothing = 0.0 if multi_output else single(smooth_alpha)
    diff = _one_hot_less(y, label, block, smoothing)
    ignored = int(ignore_label)
    if use_ignore:
        used = label.reshape(-1)[: block[0] * block[2]].reshape(block[0], 1, block[2])
        np.copyto(diff, 0, where=np.trunc(used) == ignored)
    if normalization == "valid":
        scale /= max(1, int(np.count_nonzero(np.trunc(label) != ignored)))
    elif multi_output:
        scale /= block[2] * (len(label) if normalization == "batch" else 1)
    elif normalization == "batch":
        scale /= label.size
    if scale != 1:
        diff *= number(scale, diff.dtype)
    if out_grad:
        diff *= y.reshape(block)
    np.copyto(out, diff.reshape(out.shape))


# -------------------------------------------------------------------------- softmax_cross_entropy


def _classes_of(label: Array, classes: int) -> Array:
    """Return labels as indices; raise where one is no class."""
    index = label.astype(np.int64)
    wrong = (index < 0) | (index >= classes)
    if wrong.any():
        raise ExecutionError(
            f"softmax_cross_entropy: label {label[wrong][0]:g} is no class: there are {classes}"
        )
    return index


@op(
    samples=[
        Sample(
            ((2, 3), np.array([2.0, 0.0])),
            wrt=(0,),
            reference=lambda x, label: (
                np.log(np.exp(x).sum(1)) - x[[0, 1], label.astype(int)]
            ).sum()[np.newaxis],
        ),
        Sample(((2, 3), np.array([3.0, 0.0])), raises=ExecutionError, match="label 3 is no class"),
        Sample(((2, 3), (3,)), raises=ShapeError, match="label has shape"),
    ],
)
def softmax_cross_entropy(
    data: Annotated[Array, "Scores, (batch, classes)."],
    label: Annotated[Array, "Class of each sample, (batch,)."],
    *,
    out: Array,
) -> None:
    r"""Sum the cross-entropies of samples, $-\sum_i \ln \operatorname{softmax}(x_i)_{label_i}$.

    `data` is (batch, classes), `label` (batch,) with class numbers; the output has shape (1,).
    A probability below 1e-8 counts as that.
    """
    index = _classes_of(label, data.shape[1])
    probability = np.empty(data.shape, wide(data.dtype))  # 1e-8 is 0 in float16
    fill_softmax(data.astype(probability.dtype, copy=False), 1, probability)
    least = number(1e-8, probability.dtype)
    chosen = np.maximum(probability[np.arange(len(index)), index], least)
    np.negative(sum_over(np.log(chosen), 0, keepdims=True), out, casting="unsafe")


@softmax_cross_entropy.shape
def _(s: Any) -> None:
    """Rule: `data` is (batch, classes), `label` (batch,), and the output one number, (1,)."""
    data, label = s.data, s.label
    if data is not None and len(data) != 2:
        raise ValueError(f"data needs 2 dimensions, samples and classes, but has {len(data)}")
    if data is not None:
        s.label = data[:1]
    if label is not None and len(label) != 1:
        raise ValueError(f"label needs 1 dimension, but has {len(label)}")
    s.data = None if label is None else (label[0], None)
    s.output = (1,)


softmax_cross_entropy.dtype(floats_only)


@softmax_cross_entropy.onnx
def _(o: Any, data: Any, label: Any) -> Any:
    least = np.log(np.float32(1e-8))
    chosen = o.GatherElements(
        o.LogSoftmax(data, axis=1), o.Unsqueeze(o.Cast(label, to=np.dtype(np.int64)), (1,)), axis=1
    )
    return o.Neg(o.reshape(o.reduce("ReduceSum", o.Max(chosen, float(least)))))


def _entropy_formula(inputs: dict[str, Symbol], params: dict[str, Any]) -> Symbol:
    picked: Symbol = F.pick(F.log_softmax(inputs["data"]), inputs["label"])
    return -F.sum(picked)


_entropy_again = second_order(_entropy_formula, ("g", "data", "label"), ("data",))


@softmax_cross_entropy.backward(wrt=("data",), grad=_entropy_again)
def _softmax_cross_entropy_gradient(g: Array, data: Array, label: Array, *, out: Array) -> None:
    """Compute the probabilities less the one-hot labels."""
    fill_softmax(data, 1, out)
    out[np.arange(len(out)), _classes_of(label, data.shape[1])] -= 1
    np.multiply(out, g[0], out)
