r"""Layers: a linear map, activations and dropout."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod, sqrt
from typing import Annotated, Any, Literal

import numpy as np

from minisym.define import Array, F, op
from minisym.errors import DtypeError, ParamError, ShapeError
from minisym.families import number
from minisym.ops.channels import floats_only
from minisym.ops.softmax import SMALL
from minisym.params import Between, Ints
from minisym.samples import Sample
from minisym.shapes import axis_of, product
from minisym.symbol.symbol import Symbol

# -------------------------------------------------------------------------------- FullyConnected


def multiply(left: Array, right: Array, out: Array) -> None:
    """Fill `out` with a matrix product; float16 is computed in float32, for speed and precision."""
    if out.dtype == np.float16:
        np.copyto(out, np.matmul(left, right, dtype=np.float32), casting="unsafe")
    else:
        np.matmul(left, right, out)


@op(
    aliases=("_sparse_FullyConnected",),
    when={"bias": lambda p: not p["no_bias"]},
    samples=[
        Sample(
            ((2, 3, 2), (4, 6), (4,)),
            {"num_hidden": 4},
            reference=lambda x, w, b: np.einsum("nij,hij->nh", x, w.reshape(4, 3, 2)) + b,
        ),
        Sample(
            ((2, 3, 2), (4, 2)),
            {"num_hidden": 4, "no_bias": True, "flatten": False},
            reference=lambda x, w: np.einsum("nij,hj->nih", x, w),
        ),
        Sample(((3,), (2, 1), (2,)), {"num_hidden": 2}),
        Sample(
            ((2, 3), (4, 4), (4,)), {"num_hidden": 4}, raises=ShapeError, match=r"weight has shape"
        ),
        Sample(((2, 3),), {"num_hidden": 0}, raises=ParamError, match="num_hidden must lie in"),
        Sample(
            (np.array([[1]]), np.array([[1]]), np.array([1])),
            {"num_hidden": 1},
            raises=DtypeError,
            match="takes floating point arrays",
        ),
    ],
)
def FullyConnected(
    data: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    num_hidden: Annotated[int, "Number of features of the output.", Between(1)],
    no_bias: Annotated[bool, "Whether to leave the bias out."] = False,
    flatten: Annotated[
        bool, "Collapse all axes of data but the first into one; else map the last axis."
    ] = True,
    out: Array,
) -> None:
    r"""Apply a linear map, $Y = X W^\top + b$.

    `weight` has shape (num_hidden, features), `bias` (num_hidden,). A vector of n is n samples of
    one feature, unless `flatten` is off.

    >>> from minisym import sym
    >>> fc = sym.FullyConnected(sym.Variable("data"), num_hidden=3, name="fc")
    >>> fc.infer_shape(data=(2, 4))
    ([(2, 4), (3, 4), (3,)], [(2, 3)], [])
    """
    multiply(data.reshape(len(data), prod(data.shape[1:])) if flatten else data, weight.T, out)
    if bias is not None:
        np.add(out, bias, out)


@FullyConnected.steps
def _(inputs: Sequence[Array], outs: Sequence[Array], *, num_hidden: int, flatten: bool) -> Any:
    data, weight, *bias = inputs
    out = outs[0]
    columns = prod(data.shape[1:]) if flatten else data.shape[-1]
    rows = data.reshape(data.size // max(columns, 1), columns)
    if out.dtype.char not in "fd" or not out.flags.c_contiguous or not data.size:
        return None
    if not np.shares_memory(rows, data):  # a strided array: its rows would be a copy
        return None
    flat = out.reshape(len(rows), num_hidden)
    if not bias:
        return [(np.dot, (rows, weight.T, flat))]
    if out.size > SMALL:
        return None
    work = np.empty_like(flat)
    return [(np.dot, (rows, weight.T, work)), (np.add, (work, bias[0], flat))]


@FullyConnected.shape
def _(s: Any, *, num_hidden: int, flatten: bool) -> None:
    data = s.data
    if data is None:
        return
    if not data:
        raise ValueError("data needs at least one axis")
    if flatten:
        s.weight = (num_hidden, product(data[1:]))
        s.output = (data[0], num_hidden)
        inner = (s.weight[1],) if len(data) == 2 else data[1:]
        s.data = (s.output[0], *inner)
    else:
        s.weight = (num_hidden, data[-1])
        s.output = (*data[:-1], num_hidden)
        s.data = (*s.output[:-1], s.weight[1])
    s.bias = (num_hidden,)


FullyConnected.dtype(floats_only)


@FullyConnected.grad
def _(
    g: Symbol, data: Symbol, weight: Symbol, bias: Symbol | None = None, *, flatten: bool
) -> tuple[Symbol | None, ...]:
    if flatten:
        rows = F.Flatten(data)
    else:
        rows, g = (F.Reshape(a, shape=(-1, 0), reverse=True) for a in (data, g))
    return (
        F.reshape_like(F.dot(g, weight), data),
        F.dot(g, rows, transpose_a=True),
        None if bias is None else F.sum(g, axis=0),
    )


# ------------------------------------------------------------------------------------ Activation


def _sigmoid(x: Array, out: Array) -> None:
    one = number(1, x.dtype)
    np.negative(x, out)
    np.exp(out, out)
    np.add(out, one, out)
    np.divide(one, out, out)


ACTIVATIONS: dict[str, Any] = {
    "relu": lambda x, out: np.maximum(x, number(0, x.dtype), out=out),
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "softrelu": lambda x, out: np.logaddexp(x, number(0, x.dtype), out),
    "softsign": lambda x, out: np.divide(x, 1 + np.abs(x), out),
}
SLOPES: dict[str, Any] = {
    "relu": lambda x, y: y > 0,
    "sigmoid": lambda x, y: y * (1 - y),
    "tanh": lambda x, y: 1 - y * y,
    "softrelu": lambda x, y: -F.expm1(-y),
    "softsign": lambda x, y: 1 / F.square(1 + F.abs(x)),
}


@op(
    elementwise=True,
    samples=[
        Sample(((2, 3),), {"act_type": "relu"}, reference=lambda x: np.where(x > 0, x, 0)),
        Sample(((2, 3),), {"act_type": "sigmoid"}, reference=lambda x: (1 + np.tanh(x / 2)) / 2),
        Sample(((2, 3),), {"act_type": "tanh"}),
        Sample(((2, 3),), {"act_type": "softrelu"}, reference=lambda x: np.log1p(np.exp(x))),
        Sample(((2, 3),), {"act_type": "softsign"}, reference=lambda x: x / (1 + abs(x))),
        Sample(((2, 3),), {"act_type": "rellu"}, raises=ParamError, match="act_type takes one of"),
        Sample(
            (np.array([1]),), {"act_type": "relu"}, raises=DtypeError, match="floating point arrays"
        ),
    ],
)
def Activation(
    data: Array,
    *,
    act_type: Annotated[
        Literal["relu", "sigmoid", "softrelu", "softsign", "tanh"], "Which function to apply."
    ],
    out: Array,
) -> None:
    r"""Apply an activation function to each element.

    `relu` is $\max(x, 0)$, `sigmoid` $1 / (1 + e^{-x})$, `softrelu` $\ln(1 + e^x)$ and `softsign`
    $x / (1 + |x|)$. A NaN stays NaN.

    >>> from minisym import sym
    >>> import numpy as np
    >>> sym.Activation(sym.Variable("x"), act_type="relu").eval(x=np.array([-1.0, 2.0]))
    [NDArray([0., 2.])]
    """
    ACTIVATIONS[act_type](data, out)


@Activation.steps
def _(inputs: Sequence[Array], outs: Sequence[Array], *, act_type: str) -> Any:
    (x,), (out,) = inputs, outs
    if act_type == "tanh":
        return [(np.tanh, (x, out))]
    if act_type == "relu":
        return [(partial(np.maximum, out=out), (x, number(0, x.dtype)))]
    if act_type == "softrelu":
        return [(np.logaddexp, (x, number(0, x.dtype), out))]
    if act_type == "softsign" or out.size > SMALL:
        return None
    one, work = number(1, x.dtype), np.empty_like(x)
    return [
        (np.negative, (x, work)),
        (np.exp, (work, work)),
        (np.add, (work, one, work)),
        (np.divide, (one, work, out)),
    ]


Activation.dtype(floats_only)


@Activation.grad
def _(g: Symbol, data: Symbol, *, act_type: str, y: Symbol) -> Symbol:
    return g * SLOPES[act_type](data, y)


# ------------------------------------------------------------------------------------- LeakyReLU

ALPHA, LAMBDA = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def _single(value: float) -> float:
    """Return a parameter as MXNet keeps it, a C float."""
    return float(np.float32(value))


def _below(data: Array, act_type: str, slope: float, out: Array) -> None:
    """Fill `out` with the values where the data are negative."""
    if act_type in ("elu", "selu"):
        np.expm1(data, out)
    np.multiply(out if act_type in ("elu", "selu") else data, number(slope, data.dtype), out)


@op(
    when={"gamma": lambda p: p["act_type"] == "prelu"},
    outputs=lambda p: ("output", "mask") if p["act_type"] == "rrelu" else ("output",),
    samples=[
        Sample(((2, 3),), reference=lambda x: np.where(x > 0, x, x / 4)),
        Sample(((2, 3),), {"act_type": "elu"}, reference=lambda x: np.where(x > 0, x, np.expm1(x) / 4)),
        Sample(((2, 3),), {"act_type": "selu"}, wrt=()),
        Sample(((2, 3),), {"act_type": "gelu"}),
        Sample(
            ((2, 3, 2), (3,)),
            {"act_type": "prelu"},
            reference=lambda x, s: np.where(x > 0, x, x * s[:, None]),
        ),
        Sample(((2, 3), (1,)), {"act_type": "prelu"}),
        Sample(
            ((2, 3),),
            {"act_type": "rrelu", "lower_bound": 0.2, "upper_bound": 0.4},
            wrt=(),
            is_train=False,
            reference=lambda x: [np.where(x > 0, x, 0.3 * x), np.full((2, 3), 0.3)],
        ),
        Sample(((2, 3), (2,)), {"act_type": "prelu"}, raises=ShapeError, match="gamma"),
    ],
)
def LeakyReLU(
    data: Array,
    gamma: Array | None = None,
    *,
    act_type: Annotated[
        Literal["elu", "gelu", "leaky", "prelu", "rrelu", "selu"], "Which function to apply."
    ] = "leaky",
    slope: Annotated[float, "Slope below zero, of leaky and elu."] = 0.25,
    lower_bound: Annotated[float, "Least random slope, of rrelu."] = 0.125,
    upper_bound: Annotated[float, "Largest random slope, of rrelu."] = 0.334,
    is_train: bool = False,
    rng: Any = None,
    out: Any,
) -> None:
    r"""Rectify with a leak: $x$ where $x > 0$, and something small below.

    Below zero, `leaky` gives $s x$, `elu` $s(e^x - 1)$, `selu` $\lambda\alpha(e^x - 1)$ (and
    $\lambda x$ above), `prelu` $\gamma_c x$ with a learnt slope for each channel (axis 1), or one
    for all. `rrelu` draws its slopes from [lower_bound, upper_bound) in training, takes the middle
    otherwise, and has them as a second output, `mask`. `gelu` is $x\,\Phi(x)$ everywhere.

    The gradient of `selu` is MXNet's, $\lambda(y + \alpha)$ below zero, which is not its derivative.

    Reference: He et al., *Delving Deep into Rectifiers*, 2015, arXiv:1502.01852; Clevert et al.,
    *ELU*, 2015, arXiv:1511.07289; Klambauer et al., *Self-Normalizing Neural Networks*, 2017,
    arXiv:1706.02515; Hendrycks and Gimpel, *GELU*, 2016, arXiv:1606.08415.
    """
    y = out
    if act_type == "gelu":
        erf(data * data.dtype.type(sqrt(0.5)), y)
        np.add(y, number(1, y.dtype), y)
        np.multiply(y, data * data.dtype.type(0.5), y)
        return
    if act_type == "prelu":
        assert gamma is not None
        np.multiply(data, _spread(gamma, data.ndim), y)
    elif act_type == "rrelu":
        y, mask = out
        low, high = _single(lower_bound), _single(upper_bound)
        if is_train:
            np.copyto(mask, rng.uniform(low, high, mask.shape), casting="unsafe")
        else:
            mask.fill((low + high) / 2)
        np.multiply(data, mask, y)
    else:
        _below(data, act_type, LAMBDA * ALPHA if act_type == "selu" else _single(slope), y)
    above = data * data.dtype.type(LAMBDA) if act_type == "selu" else data
    np.copyto(y, above, where=data > 0)


def erf(x: Array, out: Array) -> None:
    """Fill `out` with the error function, as the op of that name computes it."""
    from minisym.op import NO_PARAMS, get

    kernel: Any = get("erf").kernel
    kernel(x, params=NO_PARAMS, out=out)


def _spread(gamma: Array, ndim: int) -> Array:
    """See the slopes of the channels as an array of `ndim` axes."""
    if gamma.ndim == ndim or gamma.size == 1:
        return gamma if gamma.ndim == ndim else gamma.reshape((1,) * ndim)
    return gamma.reshape(-1, *(1,) * (ndim - 2))


@LeakyReLU.shape
def _(s: Any, *, act_type: str) -> None:
    for _ in range(2):
        s.output = s.mask = s.data
        s.data = s.output
    data, gamma = s.data, s.gamma
    if act_type != "prelu" or data is None:
        return
    if gamma is None:
        if len(data) < 2:
            raise ValueError("prelu needs data with a channel axis, axis 1, or a gamma of shape (1,)")
        s.gamma = (data[1],)
    elif len(gamma) == 1 and gamma != (1,):
        s.gamma = (data[1] if len(data) > 1 else None,)
        s.data = (data[0], s.gamma[0], *data[2:])
    elif len(gamma) == len(data):
        s.gamma = tuple(d if g is None else g if g == 1 else d for g, d in zip(gamma, data, strict=True))
    elif gamma != (1,):
        raise ValueError(
            f"gamma needs one slope for all, one a channel, or {len(data)} dimensions as data has"
        )


LeakyReLU.dtype(floats_only)


@LeakyReLU.grad
def _(
    g: Any, data: Symbol, gamma: Symbol | None = None, *, act_type: str, slope: float, y: Any
) -> tuple[Symbol | None, ...]:
    if act_type == "gelu":
        density = F.exp(F.square(data) * -0.5) * (data * 0.3989422804014327)
        return g * ((F.erf(data * sqrt(0.5)) + 1) * 0.5 + density), None
    head, output = (g, y) if act_type != "rrelu" else (g[0], y[0])
    positive = data > 0
    if act_type == "rrelu":
        return F.where(positive, head, head * y[1]), None
    if act_type == "prelu":
        assert gamma is not None
        below = F._along(gamma, data)
        in_gamma = F.where(positive, F.zeros_like(data), head * data)
        return F.where(positive, head, head * below), F._sum_along(in_gamma, gamma)
    if act_type == "leaky":
        return F.where(positive, head, head * _single(slope)), None
    if act_type == "elu":
        return F.where(positive, head, head * (output + _single(slope))), None
    return F.where(positive, head * LAMBDA, head * ((output + ALPHA) * LAMBDA)), None


# --------------------------------------------------------------------------------------- Dropout


@op(
    outputs=("output", "mask"),
    visible=1,
    samples=[
        Sample(((2, 3),), {"p": 0.0}, reference=lambda x: x),
        Sample(((2, 3),), is_train=False, reference=lambda x: x),
        Sample(((2, 3),), {"p": 1.5}, raises=ParamError, match="p must lie in"),
        Sample(((2, 3),), {"axes": (2,)}, raises=ShapeError, match="axis 2 does not exist"),
    ],
)
def Dropout(
    data: Array,
    *,
    p: Annotated[float, "Fraction of the elements to drop.", Between(0, 1)] = 0.5,
    mode: Annotated[
        Literal["always", "training"], "Whether to drop in training only, or in inference, too."
    ] = "training",
    axes: Annotated[Ints, "Axes along which elements are dropped together."] = (),
    cudnn_off: Annotated[bool | None, "Accepted, without effect."] = False,
    is_train: bool = False,
    rng: Any = None,
    out: tuple[Array, Array],
) -> None:
    r"""Drop elements at random and scale the others, $y_i = x_i m_i / (1 - p)$, $m_i \in \{0, 1\}$.

    In inference the data pass unchanged, unless `mode="always"`. `axes` are those along which all
    elements share one $m$.

    Reference: Srivastava et al., *Dropout*, JMLR 15, 2014.

    >>> from minisym import sym
    >>> import numpy as np
    >>> sym.Dropout(sym.Variable("x"), p=0.5).eval(x=np.ones(3))
    [NDArray([1., 1., 1.])]
    """
    output, mask = out
    if not (is_train or mode == "always") or p == 0:
        np.copyto(output, data)
        mask.fill(1)
        return
    keep = 1 - _single(p)
    np.less(rng.random(mask.shape, np.float32), keep, mask, casting="unsafe")
    if keep:
        np.multiply(mask, number(1 / keep, mask.dtype), mask)
    np.multiply(data, mask, output)


@Dropout.shape
def _(s: Any, *, axes: tuple[int, ...]) -> None:
    s.output = s.data
    s.data = s.output
    if s.data is not None:
        together = {axis_of(axis, len(s.data)) for axis in axes}
        s.mask = tuple(1 if i in together else d for i, d in enumerate(s.data))


Dropout.dtype(floats_only)


@Dropout.grad
def _(g: Any, data: Symbol, *, axes: tuple[int, ...], y: Any) -> Symbol:
    return F.broadcast_mul(g[0], y[1]) if axes else g[0] * y[1]
