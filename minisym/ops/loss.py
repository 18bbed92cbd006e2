r"""Loss heads: ops whose gradient is that of a loss, whatever gradient arrives at their output.

Forward they predict (or pass their data on); backward they compare with the label. A training graph
ends in them. Labels get no gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Annotated, Any, Literal

import numpy as np

from minisym.define import Array, Declaration, F, op
from minisym.errors import DtypeError, ExecutionError, ShapeError
from minisym.families import number
from minisym.ops.channels import floats_only
from minisym.ops.softmax import fill_softmax, softmax_steps
from minisym.samples import Sample
from minisym.shapes import Mismatch, Shape, product, show, unify
from minisym.symbol.symbol import Symbol

Scale = Annotated[float, "Factor of the gradient."]


def _like_output(back: Any) -> None:
    """Declare that a backward op has one gradient, with the shape of `y`."""

    @back.shape
    def _(s: Any) -> None:
        s.data_grad = s.y
        s.y = s.data_grad


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
        share = alpha / (classes - 1)
        diff -= number(share, y.dtype)
        diff[target] += number(share + alpha, y.dtype)
    diff[target] -= 1
    return diff


@op(
    aliases=("Softmax",),
    loss=True,
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
    data: Array,
    label: Array,
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
    r"""Predict by softmax, $p_k = e^{x_k} / \sum_j e^{x_j}$, and learn by cross-entropy, $p - \mathbb 1_{label}$.

    The gradient is that of the cross-entropy between prediction and label, and ignores what arrives
    from above. Labels are class numbers, of the type of `data`; labels of the shape of `data` are
    probabilities, $\partial = p - label$. A label that is no class subtracts nothing.

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
    """Fill with the gradient of the cross-entropy by the scores."""
    scale = float(np.float32(grad_scale))
    if y.shape == label.shape:
        np.subtract(y, label, out)
        if scale != 1:
            np.multiply(out, number(scale, out.dtype), out)
        return
    if multi_output:
        block = (y.shape[0], y.shape[1], prod(y.shape[2:]))
    elif preserve_shape:
        block = (prod(y.shape[:-1]), y.shape[-1], 1)
    else:
        block = (y.shape[0], prod(y.shape[1:]), 1)
    smoothing = 0.0 if multi_output else float(np.float32(smooth_alpha))
    diff = _one_hot_less(y, label, block, smoothing)
    ignored = int(ignore_label)
    if use_ignore:
        used = label.reshape(-1)[: block[0] * block[2]].reshape(block[0], 1, block[2])
        np.copyto(diff, 0, where=np.trunc(used) == ignored)
    if normalization == "valid":
        scale /= max(1, np.count_nonzero(np.trunc(label) != ignored))
    elif multi_output:
        scale /= block[2] * (len(label) if normalization == "batch" else 1)
    elif normalization == "batch":
        scale /= label.size
    if scale != 1:
        diff *= number(scale, diff.dtype)
    if out_grad:
        diff *= y.reshape(block)
    np.copyto(out, diff.reshape(out.shape))


_like_output(F._backward_SoftmaxOutput)


# ------------------------------------------------------------------------------ regression heads


def _regression(
    name: str,
    predict: Callable[[Array, Array], Any],
    slope: Callable[[Array, Array], Array],
    doc: str,
    reference: Callable[..., Any],
) -> Declaration:
    """Declare a head that predicts an array and compares it with one of as many elements."""

    def kernel(data: Array, label: Array, *, grad_scale: Scale = 1.0, out: Array) -> None:
        predict(data, out)

    def gradient(y: Array, label: Array, *, grad_scale: float, out: Array) -> None:
        scale = float(np.float32(grad_scale)) * label.shape[0] / label.size
        difference = slope(y, label.reshape(y.shape))
        np.multiply(difference, number(scale, y.dtype), out)

    kernel.__name__, kernel.__doc__, kernel.__module__ = name, doc, __name__
    gradient.__doc__ = f"Fill with the gradient of {name}'s loss."
    head = op(
        aliases=(f"_sparse_{name}",),
        loss=True,
        samples=[
            Sample(((2, 3), (2, 3)), wrt=(), reference=lambda x, label: reference(x)),
            Sample(((4, 1), (4,)), wrt=(), reference=lambda x, label: reference(x)),
            Sample(((4, 2), (4,)), raises=ShapeError, match="label"),
        ],
    )(kernel)
    head.shape(_regression_shape)
    head.dtype(floats_only)
    head.backward(gradient, wrt=("data",))
    _like_output(F.__getattr__(f"_backward_{name}"))
    return head


def _regression_shape(s: Any) -> None:
    """Rule: the label has as many samples and elements as the data; a column may be a vector."""
    s.output = s.data
    s.data = s.output
    data, label = s.data, s.label
    if data is None:
        return
    if label is None:
        s.label = data[:1] if len(data) == 2 and data[1] == 1 else data
    elif data[:1] != label[:1] or product(data) != product(label) or None in data:
        s.label = data


def _sigmoid(x: Array, out: Array) -> None:
    np.divide(1, 1 + np.exp(-x), out)


_regression(
    "LinearRegressionOutput",
    lambda x, out: np.copyto(out, x),
    np.subtract,
    r"""Predict the data, and learn by squared error, $(x - label) / m$, $m$ the outputs of a sample.

    The label has the shape of `data`; that of a column may be a vector. What arrives from above is
    ignored.
    """,
    lambda x: x,
)
_regression(
    "LogisticRegressionOutput",
    _sigmoid,
    np.subtract,
    r"""Predict by the logistic function, and learn by cross-entropy, $(\sigma(x) - label) / m$.

    $m$ is the number of outputs of a sample. The label has the shape of `data`; that of a column
    may be a vector. What arrives from above is ignored.
    """,
    lambda x: (1 + np.tanh(x / 2)) / 2,
)
_regression(
    "MAERegressionOutput",
    lambda x, out: np.copyto(out, x),
    lambda y, label: np.where(y > label, y.dtype.type(1), y.dtype.type(-1)),
    r"""Predict the data, and learn by absolute error, $\operatorname{sign}(x - label) / m$.

    $m$ is the number of outputs of a sample; where data and label are equal, the sign is -1, as in
    MXNet. What arrives from above is ignored.
    """,
    lambda x: x,
)


# ------------------------------------------------------------------------------------- SVMOutput


@op(
    loss=True,
    samples=[
        Sample(((2, 3), np.array([2.0, 0.0])), wrt=(), reference=lambda x, label: x),
        Sample(((2, 3), (3,)), raises=ShapeError, match="label has shape"),
    ],
)
def SVMOutput(
    data: Array,
    label: Array,
    *,
    margin: Annotated[float, "Margin $m$: scores beyond it cost nothing."] = 1.0,
    regularization_coefficient: Annotated[float, "Factor of the gradient."] = 1.0,
    use_linear: Annotated[bool, "Take the loss itself (L1-SVM) instead of its square."] = False,
    out: Array,
) -> None:
    r"""Pass scores on, and learn by the hinge loss $\sum_k \max(0, m - s_k x_k)^2$.

    $s_k$ is 1 for the label's class and -1 for the others. What arrives from above is ignored.

    Reference: Tang, *Deep Learning using Linear Support Vector Machines*, 2013, arXiv:1306.0239.
    """
    np.copyto(out, data)


@SVMOutput.shape
def _(s: Any) -> None:
    s.output = s.data
    s.data = s.output
    if s.data is not None:
        if len(s.data) < 2:
            raise ValueError("data needs at least 2 dimensions: samples and classes")
        s.label = s.data[:-1]


SVMOutput.dtype(floats_only)


@SVMOutput.backward(wrt=("data",))
def _svm_gradient(
    y: Array,
    label: Array,
    *,
    margin: float,
    regularization_coefficient: float,
    use_linear: bool,
    out: Array,
) -> None:
    """Fill with the gradient of the hinge loss."""
    own = label.astype(np.int64)[..., np.newaxis] == np.arange(y.shape[-1])
    sign = np.where(own, y.dtype.type(1), y.dtype.type(-1))
    short = number(np.float32(margin), y.dtype) - sign * y
    factor = -float(np.float32(regularization_coefficient))
    if use_linear:
        np.multiply(sign, short > 0, out)
    else:
        factor *= 2
        np.multiply(sign, np.maximum(short, 0), out)
    np.multiply(out, number(factor, y.dtype), out)


_like_output(F._backward_SVMOutput)


# -------------------------------------------------------------------------------------- MakeLoss


@op(
    loss=True,
    elementwise=True,
    samples=[Sample(((2, 3),), wrt=(), reference=lambda x: x)],
)
def MakeLoss(
    data: Array,
    *,
    grad_scale: Scale = 1.0,
    valid_thresh: Annotated[float, 'With "valid", elements above this are valid.'] = 0.0,
    normalization: Annotated[
        Literal["batch", "null", "valid"],
        "Divide the gradient by nothing (null), the number of samples (batch), or of the elements "
        "that are valid.",
    ] = "null",
    out: Array,
) -> None:
    r"""Make any symbol a loss: pass it on, with the gradient 1 (times `grad_scale`).

    >>> from minisym import sym
    >>> import numpy as np
    >>> loss = sym.MakeLoss(sym.square(sym.Variable("x")))
    >>> e = loss.bind(args={"x": np.array([3.0])}, args_grad={"x": np.zeros(1)})
    >>> _, _ = e.forward(is_train=True), e.backward()
    >>> e.grad_arrays
    [NDArray([6.])]
    """
    np.copyto(out, data)


MakeLoss.dtype(floats_only)


@MakeLoss.backward
def _make_loss_gradient(
    y: Array, *, grad_scale: float, valid_thresh: float, normalization: str, out: Array
) -> None:
    """Fill with the constant gradient."""
    scale = float(np.float32(grad_scale))
    if normalization == "batch":
        scale /= len(y)
    elif normalization == "valid":
        scale /= max(1, np.count_nonzero(y > number(np.float32(valid_thresh), y.dtype)))
    out.fill(scale)


_like_output(F._backward_MakeLoss)


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
def softmax_cross_entropy(data: Array, label: Array, *, out: Array) -> None:
    r"""Sum the cross-entropies of samples, $-\sum_i \ln \operatorname{softmax}(x_i)_{label_i}$.

    `data` is (batch, classes), `label` (batch,) with class numbers; the output has shape (1,).
    A probability below 1e-8 counts as that.
    """
    index = _classes_of(label, data.shape[1])
    probability = np.empty_like(data)
    fill_softmax(data, 1, probability)
    chosen = np.maximum(probability[np.arange(len(index)), index], number(1e-8, data.dtype))
    np.negative(np.sum(np.log(chosen), keepdims=True), out)


@softmax_cross_entropy.shape
def _(s: Any) -> None:
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


@softmax_cross_entropy.backward(wrt=("data",))
def _softmax_cross_entropy_gradient(g: Array, data: Array, label: Array, *, out: Array) -> None:
    """Fill with the probabilities less the one-hot labels."""
    fill_softmax(data, 1, out)
    out[np.arange(len(out)), _classes_of(label, data.shape[1])] -= 1
    np.multiply(out, g[0], out)


# --------------------------------------------------------------------- IdentityAttachKLSparseReg


@op(
    states=("moving_avg",),
    writes={"moving_avg": 1},
    outputs=("output", "new_moving_avg"),
    visible=1,
    samples=[
        Sample(
            ((2, 3), np.full(3, 0.5)),
            {"momentum": 0.5},
            wrt=(),
            domain=(0.2, 0.8),
            reference=lambda x, avg: x,
        ),
        Sample(((2, 3, 4), (3,)), raises=ShapeError, match="2 dimensions"),
    ],
)
def IdentityAttachKLSparseReg(
    data: Array,
    moving_avg: Array,
    *,
    sparseness_target: Annotated[float, r"Target $\rho$ of the mean activation."] = 0.1,
    penalty: Annotated[float, "Weight of the penalty."] = 0.001,
    momentum: Annotated[float, "Momentum of the moving average."] = 0.9,
    is_train: bool = False,
    out: tuple[Array, Array],
) -> None:
    r"""Pass activations on, and penalise those that are not sparse by a KL divergence.

    The gradient is what arrives, plus `penalty` times $-\rho/\hat\rho + (1-\rho)/(1-\hat\rho)$,
    with $\hat\rho$ the moving average of a unit's mean activation, a state of the op. Activations
    must lie in (0, 1), such as those of a sigmoid.

    Reference: Ng, *Sparse autoencoder*, CS294A lecture notes, 2011.
    """
    output, average = out
    np.copyto(output, data)
    np.copyto(average, moving_avg)
    if is_train:
        kept = np.float32(momentum)
        average *= number(kept, data.dtype)
        average += number(1 - kept, data.dtype) * data.mean(0)


@IdentityAttachKLSparseReg.shape
def _(s: Any) -> None:
    s.output = s.data
    s.data = s.output
    if s.data is not None:
        if len(s.data) != 2:
            raise ValueError(f"data needs 2 dimensions, samples and units, but has {len(s.data)}")
        s.moving_avg = s.new_moving_avg = s.data[1:]


IdentityAttachKLSparseReg.dtype(floats_only)


@IdentityAttachKLSparseReg.grad
def _(
    g: list[Symbol],
    data: Symbol,
    moving_avg: Symbol,
    *,
    sparseness_target: float,
    penalty: float,
    y: list[Symbol],
) -> tuple[Symbol | None, ...]:
    mean = y[1]
    slope = (1 - sparseness_target) / (1 - mean) - sparseness_target / mean
    return g[0] + F._along(slope * penalty, data), None
