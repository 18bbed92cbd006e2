r"""Activations: elementwise functions that bend what a linear map gives."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import pi, sqrt
from typing import Annotated, Any, Literal

import numpy as np

from minisym.core.cost import each
from minisym.core.declare import F
from minisym.core.declare import op as declare
from minisym.core.errors import DtypeError, ParamError, ShapeError
from minisym.core.families import Elements
from minisym.core.kernels import number, single
from minisym.core.ndarray import Array
from minisym.core.op import NO_PARAMS, get
from minisym.core.samples import Sample
from minisym.core.symbol import Symbol
from minisym.ops.channels import along, sum_along
from minisym.ops.numeric.rectify import rectify, rectifying
from minisym.ops.numeric.rules import floats_only
from minisym.ops.softmax import SMALL

op = partial(declare, kind="activation", cost=each(1))

# ------------------------------------------------------------------------------------ Activation


def _sigmoid(x: Array, out: Array) -> None:
    one = number(1, x.dtype)
    np.negative(x, out)
    np.exp(out, out)
    np.add(out, one, out)
    np.divide(one, out, out)


ACTIVATIONS: dict[str, Any] = {
    "relu": rectify,
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
            (np.array([1]),), {"act_type": "relu"}, raises=DtypeError, match="takes float arrays"
        ),
    ],
)
def Activation(
    data: Elements,
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
        return rectifying(x, out)
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


IN_ONNX = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid", "softrelu": "Softplus"}


@Activation.onnx
def _(o: Any, data: Any, *, act_type: str) -> Any:
    return o.node(IN_ONNX.get(act_type, "Softsign"), data)


@Activation.grad
def _(g: Symbol, data: Symbol, *, act_type: str, y: Symbol) -> Symbol:
    slope: Symbol = SLOPES[act_type](data, y)
    return g * slope


# ------------------------------------------------------------------------------------- LeakyReLU

ALPHA, LAMBDA = single(1.6732632423543773), single(1.0507009873554805)
ROOT2 = sqrt(2)


def _below(data: Array, act_type: str, slope: float, out: Array) -> None:
    """Fill `out` with the values where the data are negative."""
    if act_type in ("elu", "selu"):
        np.expm1(data, out)
    np.multiply(out if act_type in ("elu", "selu") else data, number(slope, data.dtype), out)


@op(
    when={"gamma": lambda p: p["act_type"] == "prelu"},
    inits={"gamma": '["Constant", {"value": 0.25}]'},
    outputs=lambda p: ("output", "mask") if p["act_type"] == "rrelu" else ("output",),
    sometimes=("mask",),
    samples=[
        Sample(((2, 3),), reference=lambda x: np.where(x > 0, x, x / 4)),
        Sample(
            ((2, 3),), {"act_type": "elu"}, reference=lambda x: np.where(x > 0, x, np.expm1(x) / 4)
        ),
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
            {"act_type": "rrelu", "lower_bound": 0.25, "upper_bound": 0.5},
            wrt=(),
            is_train=False,
            reference=lambda x: [np.where(x > 0, x, 0.375 * x), np.full((2, 3), 0.375)],
        ),
        Sample(((2, 3), (2,)), {"act_type": "prelu"}, raises=ShapeError, match="gamma"),
    ],
)
def LeakyReLU(
    data: Annotated[
        Array, "An array of any shape; with prelu, its axis 1 is that of the channels."
    ],
    gamma: Annotated[
        Array | None,
        "Slopes of prelu: one for all, (1,), one for each channel, or of as many axes as data.",
    ] = None,
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

    The gradient of `selu` is MXNet's, $\lambda(y + \alpha)$ below zero, not quite its derivative.

    Reference: He et al., *Delving Deep into Rectifiers*, 2015, arXiv:1502.01852; Clevert et al.,
    *ELU*, 2015, arXiv:1511.07289; Klambauer et al., *Self-Normalizing Neural Networks*, 2017,
    arXiv:1706.02515; Hendrycks and Gimpel, *GELU*, 2016, arXiv:1606.08415.
    """
    y = out
    if act_type == "gelu":
        erf: Any = get("erf").kernel
        erf(data / data.dtype.type(ROOT2), params=NO_PARAMS, out=y)
        np.add(y, number(1, y.dtype), y)
        np.multiply(y, data * data.dtype.type(0.5), y)
        return
    if act_type == "prelu":
        assert gamma is not None
        np.multiply(data, _spread(gamma, data.ndim), y)
    elif act_type == "rrelu":
        y, mask = out
        low, high = single(lower_bound), single(upper_bound)
        if is_train:
            np.copyto(mask, rng.uniform(low, high, mask.shape), casting="unsafe")
        else:
            mask.fill((low + high) / 2)
        np.multiply(data, mask, y)
    else:
        _below(data, act_type, LAMBDA * ALPHA if act_type == "selu" else single(slope), y)
    above = data * data.dtype.type(LAMBDA) if act_type == "selu" else data
    np.copyto(y, above, where=data > 0)


def _spread(gamma: Array, ndim: int) -> Array:
    """See the slopes of the channels as an array of `ndim` axes."""
    if gamma.ndim == ndim or gamma.size == 1:
        return gamma if gamma.ndim == ndim else gamma.reshape((1,) * ndim)
    return gamma.reshape(-1, *(1,) * (ndim - 2))


@LeakyReLU.shape
def _(s: Any, *, act_type: str) -> None:
    """Rule: the output has the shape of `data`.

    `gamma` has one slope a channel, axis 1, or (1,).
    """
    for _ in range(2):
        s.output = s.mask = s.data
        s.data = s.output
    data, gamma = s.data, s.gamma
    if act_type != "prelu" or data is None:
        return
    if gamma is None:
        if len(data) < 2:
            raise ValueError(
                "prelu needs data with a channel axis, axis 1, or a gamma of shape (1,)"
            )
        s.gamma = (data[1],)
    elif len(gamma) == 1 and gamma != (1,):
        s.gamma = (data[1] if len(data) > 1 else None,)
        s.data = (data[0], s.gamma[0], *data[2:])
    elif len(gamma) == len(data):
        s.gamma = tuple(
            d if g is None else g if g == 1 else d for g, d in zip(gamma, data, strict=True)
        )
    elif gamma != (1,):
        raise ValueError(
            f"gamma needs one slope for all, one a channel, or {len(data)} dimensions as data has"
        )


LeakyReLU.dtype(floats_only)


@LeakyReLU.onnx
def _(
    o: Any,
    data: Any,
    gamma: Any = None,
    *,
    act_type: str,
    slope: float,
    lower_bound: float,
    upper_bound: float,
) -> Any:
    if act_type == "gelu":
        return o.Mul(o.Mul(data, 0.5), o.Add(o.Erf(o.Div(data, ROOT2)), 1))
    if act_type == "elu":
        return o.Elu(data, alpha=slope)
    if act_type == "selu":
        return o.Selu(data, alpha=ALPHA, gamma=LAMBDA)
    if act_type == "rrelu":
        middle = (lower_bound + upper_bound) / 2
        return [o.LeakyRelu(data, alpha=middle), o.full(data.shape, middle, o.dtype)]
    if gamma is None:
        return o.LeakyRelu(data, alpha=slope)
    if gamma.rank < data.rank:
        gamma = o.lay(gamma, data.rank) if data.rank > 1 else gamma
    return o.PRelu(data, gamma)


@LeakyReLU.grad
def _(
    g: Any, data: Symbol, gamma: Symbol | None = None, *, act_type: str, slope: float, y: Any
) -> tuple[Symbol | None, ...]:
    if act_type == "gelu":
        scaled = data / ROOT2
        density = F.exp(-F.square(scaled)) * scaled * (2 / sqrt(pi))
        return g * ((F.erf(scaled) + 1 + density) * 0.5), None
    head, output = (g, y) if act_type != "rrelu" else (g[0], y[0])
    positive = data > 0
    if act_type == "rrelu":
        return F.where(positive, head, head * y[1]), None
    if act_type == "prelu":
        assert gamma is not None
        below = along(gamma, data)
        in_gamma = F.where(positive, F.zeros_like(data), head * data)
        return F.where(positive, head, head * below), sum_along(in_gamma, gamma)
    if act_type == "leaky":
        return F.where(positive, head, head * single(slope)), None
    if act_type == "elu":
        return F.where(positive, head, head * (output + single(slope))), None
    return F.where(positive, head * LAMBDA, head * ((output + ALPHA) * LAMBDA)), None
