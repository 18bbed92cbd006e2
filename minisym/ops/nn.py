r"""Layers: a linear map, and dropout."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Annotated, Any, Literal

import numpy as np

from minisym.core.cost import dense, each, nothing
from minisym.core.declare import F
from minisym.core.declare import op as declare
from minisym.core.errors import DtypeError, ParamError, ShapeError
from minisym.core.kernels import number, single
from minisym.core.ndarray import Array
from minisym.core.params import HINT, Between, Ints
from minisym.core.samples import Sample
from minisym.core.shapes import axis_of, product
from minisym.core.symbol import Symbol
from minisym.ops.numeric.rules import floats_only

op = partial(declare, cost=nothing)

# -------------------------------------------------------------------------------- FullyConnected


def _multiply(left: Array, right: Array, out: Array) -> None:
    """Fill `out` with a matrix product; float16 is computed in float32, for speed and precision."""
    if out.dtype == np.float16:
        np.copyto(out, np.matmul(left, right, dtype=np.float32), casting="unsafe")
    elif left.ndim == 2 and out.flags.c_contiguous:
        np.dot(left, right, out)  # half the cost of a call of matmul
    else:
        np.matmul(left, right, out)


@op(
    kind="layer",
    cost=dense,
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
            match="takes float arrays",
        ),
    ],
)
def FullyConnected(
    data: Annotated[Array, "Data, (batch, …); without flatten, the last axis is mapped."],
    weight: Annotated[Array, "One row of weights for each output, (num_hidden, input size)."],
    bias: Annotated[Array | None, "What is added to each output, (num_hidden,)."] = None,
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
    columns = prod(data.shape[1:]) if flatten else data.shape[-1]
    if flatten or out.flags.c_contiguous:
        rows = prod(out.shape[:-1])
        _multiply(data.reshape(rows, columns), weight.T, out.reshape(rows, num_hidden))
    else:
        _multiply(data, weight.T, out)
    if bias is not None:
        np.add(out, bias, out)


@FullyConnected.steps
def _(inputs: Sequence[Array], outs: Sequence[Array], *, num_hidden: int, flatten: bool) -> Any:
    data, weight, *bias = inputs
    out = outs[0]
    columns = prod(data.shape[1:]) if flatten else data.shape[-1]
    rows = data.reshape(prod(out.shape[:-1]), columns)
    if out.dtype.char not in "fd" or not out.flags.c_contiguous:
        return None
    if not np.may_share_memory(rows, data):  # a strided array: its rows would be a copy
        return None
    linear = (np.dot, (rows, weight.T, out.reshape(len(rows), num_hidden)))
    return [linear, *((np.add, (out, b, out)) for b in bias)]


@FullyConnected.shape
def _(s: Any, *, num_hidden: int, flatten: bool) -> None:
    """Rule: (batch, …) becomes (batch, num_hidden).

    Without `flatten`, (…, width) becomes (…, num_hidden). `weight` is (num_hidden, width), `bias`
    (num_hidden,).
    """
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


@FullyConnected.onnx
def _(o: Any, data: Any, weight: Any, bias: Any = None, *, flatten: bool) -> Any:
    if flatten and data.rank != 2:
        data = o.reshape(data, (data.shape[0], weight.shape[1]))
    if data.rank == 2:
        return o.Gemm(data, weight, bias, transB=1)
    made = o.MatMul(data, o.transpose(weight, (1, 0)))
    return made if bias is None else o.Add(made, bias)


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


# --------------------------------------------------------------------------------------- Dropout


@op(
    kind="activation",
    cost=each(1),
    outputs=("output", "mask"),
    visible=1,
    hands_on=lambda p, kind, is_train: is_train is False and p["mode"] != "always",
    samples=[
        Sample(((2, 3),), {"p": 0.0}, reference=lambda x: x),
        Sample(((2, 3),), is_train=False, reference=lambda x: x),
        Sample(((2, 3),), {"p": 1.5}, raises=ParamError, match="p must lie in"),
        Sample(((2, 3),), {"axes": (2,)}, raises=ShapeError, match="axis 2 does not exist"),
    ],
)
def Dropout(
    data: Annotated[Array, "The array whose elements are dropped."],
    *,
    p: Annotated[float, "Fraction of the elements to drop.", Between(0, 1)] = 0.5,
    mode: Annotated[
        Literal["always", "training"], "Whether to drop in training only, or in inference, too."
    ] = "training",
    axes: Annotated[Ints, "Axes along which elements are dropped together."] = (),
    cudnn_off: Annotated[bool | None, "Accepted, without effect.", HINT] = False,
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
    >>> import minisym as ms
    >>> executor = sym.Dropout(sym.Variable("x"), p=0.5).bind(args={"x": np.ones(5)})
    >>> executor.forward()
    [NDArray([1., 1., 1., 1., 1.])]
    >>> ms.random.seed(0)
    >>> executor.forward(is_train=True)
    [NDArray([0., 0., 0., 2., 2.])]
    """
    output, mask = out
    if not (is_train or mode == "always") or p == 0:
        np.copyto(output, data)
        mask.fill(1)
        return
    keep = 1 - single(p)
    np.less(rng.random(mask.shape, np.float32), keep, mask, casting="unsafe")
    if keep:
        np.multiply(mask, number(1 / keep, mask.dtype), mask)
    np.multiply(data, mask, output)


@Dropout.shape
def _(s: Any, *, axes: tuple[int, ...]) -> None:
    """Rule: the output has the shape of `data`; the mask has 1 along `axes`."""
    s.output = s.data
    s.data = s.output
    if s.data is not None:
        together = {axis_of(axis, len(s.data)) for axis in axes}
        s.mask = tuple(1 if i in together else d for i, d in enumerate(s.data))


Dropout.dtype(floats_only)


@Dropout.onnx
def _(o: Any, data: Any, *, p: float, mode: str) -> Any:
    if mode == "always" and p:
        o.refuse("with mode='always' it draws random numbers in predictions, too")
    return data


@Dropout.grad
def _(g: Any, data: Symbol, *, axes: tuple[int, ...], y: Any) -> Symbol:
    return F.broadcast_mul(g[0], y[1]) if axes else g[0] * y[1]
