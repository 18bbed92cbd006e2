r"""The gradient of a product, $\partial \prod_j x_j / \partial x_i = \prod_{j \ne i} x_j$.

It exists where elements are 0, too, and there $y / x_i$ would be NaN. So what stands before and
what stands behind an element is multiplied up instead, in float64.
"""

from __future__ import annotations

from math import prod
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import each_input
from minisym.core.declare import F, op
from minisym.core.ndarray import Array
from minisym.core.op import OF_GRADIENTS
from minisym.core.params import Ints
from minisym.core.samples import Sample
from minisym.core.symbol import Symbol
from minisym.ops.basic import where
from minisym.ops.inputs import Head
from minisym.ops.numeric.sums import wide
from minisym.ops.reduce import NANPROD, PROD, SUM, Axes, Exclude, KeepDims, axes_gone, spread
from minisym.ops.second import first_order

Factors = Annotated[Array, "The factors, of any shape."]


def _lines(data: Array, axes: tuple[int, ...]) -> Array:
    """See an array, in float64, as lines: the reduced axes are one, and all others another."""
    moved = np.moveaxis(data, axes, range(len(axes)))
    rows, columns = prod(moved.shape[: len(axes)]), prod(moved.shape[len(axes) :])
    return moved.reshape(rows, columns).astype(np.float64)


def _put(lines: Array, axes: tuple[int, ...], out: Array) -> None:
    target = np.moveaxis(out, axes, range(len(axes)))
    np.copyto(target, lines.reshape(target.shape), casting="unsafe")


def _before(lines: Array) -> Array:
    """Return the product of what stands before each element."""
    found = np.ones_like(lines)
    np.multiply.accumulate(lines[:-1], 0, None, found[1:])
    return found


def _slope_before(lines: Array, change: Array, products: Array) -> Array:
    """Return how the product of what stands before each element changes, to first order."""
    found = np.zeros_like(lines)
    for i in range(1, len(lines)):
        found[i] = found[i - 1] * lines[i - 1] + change[i - 1] * products[i - 1]
    return found


def _like_data(s: Any) -> None:
    s.output = s.data


@op(
    name="_prod_back",
    kind="reduce",
    cost=each_input(1),
    samples=[
        Sample(((3,), (2, 3, 2)), {"axis": (0, 2)}),
        Sample(((1,), (2, 3))),
        Sample(
            (np.array([2.0, 1.0, 1.0]), np.array([[4.0, 0.0], [0.0, 0.0], [3.0, 5.0]])),
            {"axis": 1},
            wrt=(),
            reference=lambda g, x: np.array([[0.0, 8.0], [0.0, 0.0], [5.0, 3.0]]),
        ),
    ],
    no_onnx=OF_GRADIENTS,
)
def prod_back(
    g: Head,
    data: Factors,
    *,
    axis: Axes = None,
    keepdims: KeepDims = False,
    exclude: Exclude = False,
    out: Array,
) -> None:
    r"""Multiply what arrives at a product with all elements but one, $g \prod_{j \ne i} x_j$."""
    axes = axes_gone(axis, data.ndim, exclude=exclude)
    x = data.astype(wide(data.dtype), copy=False)
    product = np.multiply.reduce(x, axes, keepdims=True)
    if product.all() and np.isfinite(product).all():  # no element is 0, and this is fast
        np.divide(g.reshape(product.shape) * product, x, out, casting="unsafe")
        return
    lines = _lines(data, axes)
    found = _before(lines) * _before(lines[::-1])[::-1]
    _put(found * g.reshape(1, -1), axes, out)


prod_back.shape(_like_data)


@prod_back.grad
def _(
    h: Symbol, g: Symbol, data: Symbol, *, axis: Ints | None, keepdims: bool, exclude: bool
) -> tuple[Symbol, Symbol]:
    how = {"axis": axis, "keepdims": keepdims, "exclude": exclude}
    return SUM(h * prod_back(F.ones_like(g), data, **how), **how), prod_again(h, g, data, **how)


def _again_formula(inputs: dict[str, Symbol], params: dict[str, Any]) -> Symbol:
    h, g, data = (inputs[name] for name in ("h", "g", "data"))
    share = h / data
    found = spread(g * PROD(data, **params), data, **params) / data
    return found * (spread(SUM(share, **params), data, **params) - share)


@op(
    name="_prod_again",
    kind="reduce",
    cost=each_input(1),
    samples=[
        Sample(((2, 3), (2,), (2, 3)), {"axis": 1}, domain=(0.3, 2.0)),
        Sample(
            (np.array([1.0, 2.0, 3.0]), np.array([2.0]), np.array([5.0, 0.0, 7.0])),
            wrt=(),
            reference=lambda h, g, x: np.array([28.0, 44.0, 20.0]),
        ),
    ],
    no_onnx=OF_GRADIENTS,
)
def prod_again(
    h: Annotated[Array, "Gradient of the gradient."],
    g: Head,
    data: Factors,
    *,
    axis: Axes = None,
    keepdims: KeepDims = False,
    exclude: Exclude = False,
    out: Array,
) -> None:
    r"""Differentiate `_prod_back` once more, $g \sum_{i \ne k} h_i \prod_{j \ne i, k} x_j$.

    Its own gradient is a formula that divides by the elements: NaN where one is 0.
    """
    axes = axes_gone(axis, data.ndim, exclude=exclude)
    lines, change = _lines(data, axes), _lines(h, axes)
    before, behind = _before(lines), _before(lines[::-1])
    found = _slope_before(lines, change, before) * behind[::-1]
    found += before * _slope_before(lines[::-1], change[::-1], behind)[::-1]
    _put(found * g.reshape(1, -1), axes, out)


prod_again.shape(_like_data)
prod_again.grad(first_order(_again_formula, ("h", "g", "data")))


@PROD.grad
def _(g: Symbol, x: Symbol, *, axis: Ints | None, keepdims: bool, exclude: bool) -> Symbol:
    return prod_back(g, x, axis=axis, keepdims=keepdims, exclude=exclude)


@NANPROD.grad
def _(g: Symbol, x: Symbol, *, axis: Ints | None, keepdims: bool, exclude: bool) -> Symbol:
    counts = x == x  # noqa: PLR0124  NaN differs from itself
    kept = where(counts, x, F.ones_like(x))
    found = prod_back(g, kept, axis=axis, keepdims=keepdims, exclude=exclude)
    return where(counts, found, F.zeros_like(x))
