r"""Division by a norm: of the elements of a sample, or of neighbouring channels."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

import numpy as np

from minisym.core.cost import each
from minisym.core.declare import F
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.kernels import number, single
from minisym.core.ndarray import Array
from minisym.core.params import Between
from minisym.core.samples import Sample
from minisym.core.symbol import Symbol
from minisym.ops.inputs import Samples
from minisym.ops.numeric.rules import floats_only
from minisym.ops.numeric.sums import sum_over, wide
from minisym.ops.second import second_order

op = partial(declare, kind="norm", cost=each(6))

# ------------------------------------------------------------------------------- L2Normalization

_SUMMED: dict[str, dict[str, Any]] = {
    "instance": {"axis": 0, "exclude": True},
    "channel": {"axis": 1},
    "spatial": {"axis": (0, 1), "exclude": True},
}


def _axes(mode: str, rank: int) -> tuple[int, ...]:
    if mode == "channel":
        return (1,)
    return tuple(range(1 if mode == "instance" else 2, rank))


def _unit(axes: tuple[int, ...]) -> Any:
    return lambda x: x / np.sqrt(np.square(x).sum(axes, keepdims=True) + 1e-10)


@op(
    workspaces=1,
    samples=[
        Sample(((2, 3),), reference=_unit((1,))),
        Sample(((2, 3, 2),), {"mode": "channel"}, reference=_unit((1,))),
        Sample(((2, 3, 2, 2),), {"mode": "spatial"}, reference=_unit((2, 3))),
        Sample(((2, 3),), {"mode": "channel"}, raises=ShapeError, match="at least 3 dimensions"),
    ],
)
def L2Normalization(
    data: Samples,
    *,
    eps: Annotated[float, "Added to the sum of squares."] = 1e-10,
    mode: Annotated[
        Literal["channel", "instance", "spatial"],
        "What is scaled to length 1: a sample (instance), the channels of each position, or the "
        "positions of each channel (spatial).",
    ] = "instance",
    out: Array,
) -> None:
    r"""Scale to length 1, $y = x / \sqrt{\sum x^2 + \epsilon}$.

    >>> from minisym import sym
    >>> import numpy as np
    >>> sym.L2Normalization(sym.Variable("x")).eval(x=np.array([[3.0, 4.0]]))
    [NDArray([[0.6, 0.8]])]
    """
    squares = np.square(data, dtype=wide(data.dtype))
    squares = sum_over(squares, _axes(mode, data.ndim), keepdims=True)
    np.divide(data, np.sqrt(squares + number(eps, squares.dtype)), out, casting="unsafe")


@L2Normalization.shape
def _(s: Any, *, mode: str) -> None:
    """Rule: the output has the shape of `data`."""
    s.output = s.data
    s.data = s.output
    if s.data is not None and mode != "instance" and len(s.data) < 3:
        raise ValueError(f"mode={mode!r} needs data of at least 3 dimensions")


L2Normalization.dtype(floats_only)


def _unit_formula(inputs: dict[str, Symbol], params: dict[str, Any]) -> Symbol:
    data, axes = inputs["data"], {**_SUMMED[params["mode"]], "keepdims": True}
    return F.broadcast_mul(data, F.rsqrt(F.sum(F.square(data), **axes) + params["eps"]))


@L2Normalization.onnx
def _(o: Any, data: Any, *, eps: float, mode: str) -> Any:
    wide = o.wide(data)
    squares = o.reduce("ReduceSumSquare", wide, _axes(mode, data.rank), keepdims=True)
    return o.Div(wide, o.Sqrt(o.Add(squares, eps)))


@L2Normalization.backward(grad=second_order(_unit_formula, ("g", "data"), ("data",)))
def _(g: Array, data: Array, *, eps: float, mode: str, out: Array) -> None:
    r"""Compute $(g - y \sum g y) / \sqrt{\sum x^2 + \epsilon}$."""
    axes = _axes(mode, data.ndim)
    g, data = (a.astype(wide(a.dtype), copy=False) for a in (g, data))
    squares = sum_over(np.square(data), axes, keepdims=True)
    scale = 1 / np.sqrt(squares + number(eps, squares.dtype))
    unit = data * scale
    np.multiply(g - unit * sum_over(g * unit, axes, keepdims=True), scale, out, casting="unsafe")


# ------------------------------------------------------------------------------------------- LRN


def _neighbours(x: Array, size: int) -> Array:
    """Sum each channel with its neighbours, `size` in all."""
    reach = size // 2
    total = np.array(x)
    for step in range(1, min(reach + 1, x.shape[1])):
        total[:, step:] += x[:, :-step]
        total[:, :-step] += x[:, step:]
    return total


@op(
    name="_neighbour_sum",
    samples=[
        Sample(
            ((2, 4, 3),),
            {"nsize": 3},
            reference=lambda x: (
                x
                + np.pad(x, ((0, 0), (1, 0), (0, 0)))[:, :-1]
                + np.pad(x, ((0, 0), (0, 1), (0, 0)))[:, 1:]
            ),
        )
    ],
)
def _neighbour_sum(
    data: Samples,
    *,
    nsize: Annotated[int, "How many channels are summed, an odd number."],
    out: Array,
) -> None:
    """Sum each channel (axis 1) with its neighbours; it is its own gradient."""
    np.copyto(out, _neighbours(data.astype(wide(data.dtype), copy=False), nsize), casting="unsafe")


@_neighbour_sum.shape
def _(s: Any) -> None:
    s.output = s.data
    s.data = s.output


def _onnx_neighbours(o: Any, x: Any, size: int) -> Any:
    """Sum each channel with its neighbours in ONNX: a mean over a window, times its size."""
    rows = o.Unsqueeze(o.Reshape(x, (0, x.shape[1], -1)), (1,))
    reach = size // 2
    means = o.AveragePool(
        o.Pad(rows, (0, 0, reach, 0, 0, 0, reach, 0)), kernel_shape=(2 * reach + 1, 1)
    )
    return o.reshape(o.Mul(means, 2 * reach + 1))


@_neighbour_sum.onnx
def _(o: Any, data: Any, *, nsize: int) -> Any:
    return _onnx_neighbours(o, data, nsize)


@_neighbour_sum.grad
def _(g: Symbol, data: Symbol, *, nsize: int) -> Symbol:
    return _neighbour_sum(g, nsize=nsize)


def _plain_response(x: Array) -> Array:
    near = [np.square(x[:, max(0, i - 1) : i + 2]).sum(1) for i in range(x.shape[1])]
    found: Array = x * (2 + 0.5 / 3 * np.stack(near, 1)) ** -0.75
    return found


@op(
    workspaces=1,
    samples=[
        Sample(((2, 4, 2, 2),), {"nsize": 3, "alpha": 0.5}, reference=_plain_response),
        Sample(((1, 3, 2, 2),), {"nsize": 7, "alpha": 0.25, "beta": 0.5, "knorm": 1.0}),
        Sample(((1, 3, 2, 2),), {"nsize": 4}, raises=ShapeError, match="nsize must be odd"),
        Sample(((3,),), {"nsize": 3}, raises=ShapeError, match="a channel axis"),
    ],
)
def LRN(
    data: Samples,
    *,
    alpha: Annotated[float, r"Factor $\alpha$ of the mean square."] = 1e-4,
    beta: Annotated[float, r"Exponent $\beta$."] = 0.75,
    knorm: Annotated[float, "What is added to it, $k$."] = 2.0,
    nsize: Annotated[int, "How many channels are neighbours $n$, an odd number.", Between(0)],
    out: Array,
) -> None:
    r"""Damp by neighbours, $y_c = x_c (k + \frac{\alpha}{n} \sum_{|j-c|<n/2} x_j^2)^{-\beta}$.

    The sum is over the channels (axis 1) next to each, as far as there are any.

    Reference: Krizhevsky et al., *ImageNet classification with deep convolutional neural networks*,
    NIPS 2012.
    """
    x = data.astype(wide(data.dtype), copy=False)
    total = _neighbours(np.square(x), nsize)
    total *= single(alpha) / nsize
    total += single(knorm)
    np.power(total, -single(beta), total)
    np.multiply(x, total, out, casting="unsafe")


@LRN.shape
def _(s: Any, *, nsize: int) -> None:
    """Rule: the output has the shape of `data`."""
    s.output = s.data
    s.data = s.output
    if nsize % 2 == 0:
        raise ValueError(f"nsize must be odd, not {nsize}")
    if s.data is not None and len(s.data) < 2:
        raise ValueError("data needs a channel axis, axis 1")


LRN.dtype(floats_only)


def _response_formula(inputs: dict[str, Symbol], params: dict[str, Any]) -> Symbol:
    data, nsize = inputs["data"], params["nsize"]
    alpha, beta, knorm = (single(params[name]) for name in ("alpha", "beta", "knorm"))
    norm = _neighbour_sum(F.square(data), nsize=nsize) * (alpha / nsize) + knorm
    found: Symbol = data * norm**-beta
    return found


@LRN.onnx
def _(o: Any, data: Any, *, alpha: float, beta: float, knorm: float, nsize: int) -> Any:
    if data.rank == 4 and nsize > 0:
        return o.LRN(data, size=nsize, alpha=alpha, beta=beta, bias=knorm)
    near = _onnx_neighbours(o, o.shaped(o.Mul(data, data), data.shape), nsize)
    return o.Mul(data, o.Pow(o.Add(o.Mul(near, alpha / max(nsize, 1)), knorm), -beta))


@LRN.backward(grad=second_order(_response_formula, ("g", "data"), ("data",)))
def _(
    g: Array,
    data: Array,
    *,
    alpha: float,
    beta: float,
    knorm: float,
    nsize: int,
    out: Array,
) -> None:
    r"""Compute $g s^{-\beta} - 2 \frac{\alpha\beta}{n} x \sum g x s^{-\beta-1}$, $s$ the sum."""
    alpha, beta, knorm = single(alpha), single(beta), single(knorm)
    g, data = (a.astype(wide(a.dtype), copy=False) for a in (g, data))
    norm = _neighbours(np.square(data), nsize)
    norm *= alpha / nsize
    norm += knorm
    scaled = g * norm**-beta
    shared = _neighbours(scaled * data / norm, nsize)
    np.subtract(scaled, data * shared * (2 * alpha * beta / nsize), out, casting="unsafe")
