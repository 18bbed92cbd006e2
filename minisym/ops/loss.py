r"""Loss heads: ops whose gradient is that of a loss, whatever gradient arrives at their output.

Forward they predict (or pass their data on); backward they compare with the label. A training graph
ends in them. Labels get no gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Annotated, Any, Literal

import numpy as np

from minisym.core.cost import each_input
from minisym.core.declare import Declaration
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.kernels import number, single
from minisym.core.ndarray import Array
from minisym.core.samples import Sample
from minisym.core.shapes import product
from minisym.core.symbol import Symbol
from minisym.ops.channels import along
from minisym.ops.numeric.rules import floats_only
from minisym.ops.numeric.sums import mean_over

op = partial(declare, kind="loss", cost=each_input(5))

Scale = Annotated[float, "Factor of the gradient."]


# ------------------------------------------------------------------------------ regression heads


def _regression(
    name: str,
    predict: Callable[[Array, Array], Any],
    slope: Callable[[Array, Array], Array],
    doc: str,
    reference: Callable[..., Any],
    onnx: Callable[..., Any],
) -> Declaration:
    """Declare a head that predicts an array and compares it with one of as many elements."""

    def kernel(
        data: Annotated[Array, "Predictions, (batch, …)."],
        label: Annotated[
            Array, "What they should be, of the shape of data; for a column, a vector will do."
        ],
        *,
        grad_scale: Scale = 1.0,
        out_grad: Annotated[bool, "Accepted, and without effect, as in MXNet."] = False,
        out: Array,
    ) -> None:
        predict(data, out)

    def gradient(y: Array, label: Array, *, grad_scale: float, out: Array) -> None:
        rows = label.shape[0] if label.ndim else 1
        scale = single(grad_scale) * rows / label.size
        difference = slope(y, label.reshape(y.shape))
        np.multiply(difference, number(scale, y.dtype), out)

    kernel.__name__, kernel.__doc__, kernel.__module__ = name, doc, __name__
    gradient.__doc__ = f"Compute the gradient of {name}'s loss."
    head = op(
        aliases=(f"_sparse_{name}",),
        loss=True,
        labels=("label",),
        lenient=True,
        samples=[
            Sample(((2, 3), (2, 3)), wrt=(), reference=lambda x, label: reference(x)),
            Sample(((4, 1), (4,)), wrt=(), reference=lambda x, label: reference(x)),
            Sample(((4, 2), (4,)), raises=ShapeError, match="label"),
        ],
    )(kernel)
    head.shape(_regression_shape)
    head.dtype(floats_only)
    head.backward(gradient, wrt=("data",))
    head.onnx(onnx)
    return head


def _regression_shape(s: Any) -> None:
    """Rule: the label has as many samples and elements as the data; a column may be a vector."""
    s.output = s.data
    s.data = s.output
    data, label = s.data, s.label
    if data is None:
        return
    if label is None:
        if None not in data[1:]:  # they decide whether a vector would do
            s.label = data[:1] if len(data) == 2 and data[1] == 1 else data
    elif None in data or None in label:
        s.label = data if len(label) == len(data) else (*data[:1], *label[1:])
        s.data = s.output = (*s.label[:1], *data[1:])
    elif data[:1] != label[:1] or product(data) != product(label):
        s.label = data


def _sigmoid(x: Array, out: Array) -> None:
    np.divide(1, 1 + np.exp(-x), out)


_regression(
    "LinearRegressionOutput",
    lambda x, out: np.copyto(out, x),
    np.subtract,
    r"""Predict the data, and learn by squared error, $(x - label) / m$.

    $m$ is the number of outputs of a sample. The label has the shape of `data`; that of a column
    may be a vector. What arrives from above is ignored.
    """,
    lambda x: x,
    lambda o, data: data,
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
    lambda o, data: o.Sigmoid(data),
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
    lambda o, data: data,
)


# ------------------------------------------------------------------------------------- SVMOutput


@op(
    loss=True,
    labels=("label",),
    samples=[
        Sample(((2, 3), np.array([2.0, 0.0])), wrt=(), reference=lambda x, label: x),
        Sample(((2, 3), (3,)), raises=ShapeError, match="label has shape"),
    ],
)
def SVMOutput(
    data: Annotated[Array, "Scores, (batch, classes)."],
    label: Annotated[Array, "Class of each sample, (batch,)."],
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
    """Rule: the output has the shape of `data`; `label` is that without the class axis."""
    s.output = s.data
    s.data = s.output
    if s.data is not None:
        if len(s.data) < 2:
            raise ValueError("data needs at least 2 dimensions: samples and classes")
        s.label = s.data[:-1]


SVMOutput.dtype(floats_only)
SVMOutput.onnx(lambda o, data: data)


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
    """Compute the gradient of the hinge loss."""
    own = label.astype(np.int64)[..., np.newaxis] == np.arange(y.shape[-1])
    sign = np.where(own, y.dtype.type(1), y.dtype.type(-1))
    short = number(single(margin), y.dtype) - sign * y
    factor = -single(regularization_coefficient)
    if use_linear:
        np.multiply(sign, short > 0, out)
    else:
        factor *= 2
        np.multiply(sign, np.maximum(short, 0), out)
    np.multiply(out, number(factor, y.dtype), out)


# -------------------------------------------------------------------------------------- MakeLoss


@op(
    loss=True,
    elementwise=True,
    samples=[Sample(((2, 3),), wrt=(), reference=lambda x: x)],
)
def MakeLoss(
    data: Annotated[Array, "What is to be a loss, of any shape."],
    *,
    grad_scale: Scale = 1.0,
    valid_thresh: Annotated[float, 'With "valid", elements above this are valid.'] = 0.0,
    normalization: Annotated[
        Literal["batch", "null", "valid"],
        "Divide the gradient by nothing (null), by the number of samples, counting all axes but "
        "the last (batch), or by that of the valid elements.",
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
MakeLoss.onnx(lambda o, data: data)


@MakeLoss.backward(grad=lambda h, y: None)
def _make_loss_gradient(
    y: Array, *, grad_scale: float, valid_thresh: float, normalization: str, out: Array
) -> None:
    """Compute the constant gradient."""
    scale = single(grad_scale)
    if normalization == "batch":
        scale /= prod(y.shape[:-1])
    elif normalization == "valid":
        scale /= max(1, int(np.count_nonzero(y > single(valid_thresh))))
    out.fill(scale)


# --------------------------------------------------------------------- IdentityAttachKLSparseReg


@op(
    states=("moving_avg",),
    inits={"moving_avg": '["zero", {}]'},
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
    data: Annotated[Array, "Activations in (0, 1), (batch, units)."],
    moving_avg: Annotated[
        Array, "Moving average of each unit's activation, (units,); training overwrites it."
    ],
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
        kept = single(momentum)
        average *= number(kept, data.dtype)
        average += number(1 - kept, data.dtype) * mean_over(data, 0).astype(data.dtype)


@IdentityAttachKLSparseReg.shape
def _(s: Any) -> None:
    """Rule: the output has the shape of `data`, (batch, units); `moving_avg` is (units,)."""
    s.output = s.data
    s.data = s.output
    if s.data is not None:
        if len(s.data) != 2:
            raise ValueError(f"data needs 2 dimensions, samples and units, but has {len(s.data)}")
        s.moving_avg = s.new_moving_avg = s.data[1:]


IdentityAttachKLSparseReg.dtype(floats_only)
IdentityAttachKLSparseReg.onnx(lambda o, data: data)


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
    return g[0] + along(slope * penalty, data), None
