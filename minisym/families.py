r"""Families of ops whose members differ by a formula only: an op is a row of a table.

    unary("tanh", np.tanh, lambda g, x, y: g * (1 - y * y), r"Hyperbolic tangent, $\tanh x$.")

`unary`, `binary`, `scalar` and `broadcast` each declare one op; shape rule, type rule, kernel and
steps follow from the family.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minisym import op as registry
from minisym import shapes
from minisym.define import Array, Declaration, op
from minisym.symbol.symbol import Symbol


def native(ufunc: Callable[..., Any], *dtypes: np.dtype[Any]) -> bool:
    """Return whether a ufunc works on arrays of these types as they are (inputs, then output)."""
    if not isinstance(ufunc, np.ufunc):
        return False
    try:
        resolved = ufunc.resolve_dtypes((*dtypes[:-1], None))
    except TypeError:
        return False
    return resolved == dtypes


def apply(ufunc: Callable[..., Any], *arrays: Array, out: Array) -> None:
    """Fill `out` with a ufunc's values, in MXNet's type rules: the result takes the input's type.

    Integers are computed in float64 where the function knows floats only, and cut to integers.
    """
    if native(ufunc, *(a.dtype for a in arrays), out.dtype):
        ufunc(*arrays, out)
        return
    if isinstance(ufunc, np.ufunc):
        with np.errstate(all="ignore"):
            np.copyto(out, ufunc(*arrays), casting="unsafe")
        return
    ufunc(*arrays, out)


def unary(  # noqa: PLR0913
    name: str,
    function: Callable[..., Any],
    grad: Callable[[Symbol, Symbol, Symbol], Symbol | None] | None,
    doc: str,
    *,
    aliases: Sequence[str] = (),
    samples: Any = (),
    **options: Any,
) -> Declaration:
    """Declare an elementwise function of one array.

    `function` is a NumPy ufunc or `kernel(x, out)`; `grad(g, x, y)` is the gradient by the chain
    rule, with `y` the output; None declares that there is no gradient, `ZERO` that it is zero.
    """

    def kernel(data: Array, *, out: Array) -> None:
        apply(function, data, out=out)

    return _family(name, kernel, function, doc, grad, aliases, samples, elementwise=True, **options)


def binary(  # noqa: PLR0913
    name: str,
    function: Callable[..., Any],
    grads: tuple[Callable[..., Symbol | None], Callable[..., Symbol | None]] | None,
    doc: str,
    *,
    aliases: Sequence[str] = (),
    samples: Any = (),
    **options: Any,
) -> Declaration:
    """Declare an elementwise function of two arrays of one shape.

    `grads` has one `grad(g, x, y, z)` an input, with `z` the output.
    """

    def kernel(lhs: Array, rhs: Array, *, out: Array) -> None:
        apply(function, lhs, rhs, out=out)

    return _family(name, kernel, function, doc, grads, aliases, samples, elementwise=True, **options)


def _family(  # noqa: PLR0913
    name: str,
    kernel: Callable[..., None],
    function: Callable[..., Any],
    doc: str,
    grad: Any,
    aliases: Sequence[str],
    samples: Any,
    **options: Any,
) -> Declaration:
    kernel.__name__, kernel.__doc__ = name, doc
    kernel.__module__ = _caller(3)
    ufunc = function if isinstance(function, np.ufunc) else None
    declared = op(name=name, aliases=aliases, samples=samples, ufunc=ufunc, **options)(kernel)
    if callable(grad):
        declared.grad(lambda g, x, *, y: grad(g, x, y))
    elif grad is not None:
        left, right = grad
        declared.grad(lambda g, a, b, *, y: (left(g, a, b, y), right(g, a, b, y)))
    return declared


def ZERO(*_: Symbol) -> None:  # noqa: N802  a word of the tables
    """Say that a gradient is zero everywhere (sign, floor, comparisons)."""


def scalar(  # noqa: PLR0913
    name: str,
    function: Callable[..., Any],
    grad: Callable[[Symbol, Symbol, Symbol, float], Symbol | None] | None,
    doc: str,
    *,
    reverse: bool = False,
    aliases: Sequence[str] = (),
    samples: Any = (),
) -> Declaration:
    """Declare an elementwise function of an array and a number.

    `reverse` puts the number first (`2 - x`). The number takes the array's type, as in MXNet:
    on int32 arrays, 2.5 is 2. `grad(g, x, y, scalar)` is the gradient.
    """

    def kernel(data: Array, *, scalar: float = 1.0, is_int: bool = True, out: Array) -> None:
        operand = np.array(scalar).astype(data.dtype)
        arrays = (operand, data) if reverse else (data, operand)
        apply(function, *arrays, out=out)

    kernel.__name__, kernel.__doc__, kernel.__module__ = name, doc, _caller()
    declared = op(name=name, aliases=aliases, samples=samples, elementwise=True)(kernel)

    @declared.steps
    def _(inputs: Sequence[Array], outs: Sequence[Array], *, scalar: float) -> Any:
        (data,), (out,) = inputs, outs
        if not native(function, data.dtype, data.dtype, out.dtype):
            return None
        operand = np.array(scalar).astype(data.dtype)
        return [(function, (operand, data, out) if reverse else (data, operand, out))]

    if grad is not None:
        declared.grad(lambda g, x, *, y, scalar: grad(g, x, y, scalar))
    return declared


def broadcast(  # noqa: PLR0913
    name: str,
    function: Callable[..., Any],
    grads: tuple[Callable[..., Symbol | None], Callable[..., Symbol | None]] | None,
    doc: str,
    *,
    aliases: Sequence[str] = (),
    samples: Any = (),
) -> Declaration:
    """Declare a function of two arrays that stretch to a common shape.

    `grads` has one `grad(g, x, y, z)` an input, in broadcast ops; what it gives is summed over the
    stretched axes.
    """
    def kernel(lhs: Array, rhs: Array, *, out: Array) -> None:
        apply(function, lhs, rhs, out=out)

    kernel.__name__, kernel.__doc__, kernel.__module__ = name, doc, _caller()
    ufunc = function if isinstance(function, np.ufunc) else None
    declared = op(name=name, aliases=aliases, samples=samples, ufunc=ufunc)(kernel)
    declared.shape(broadcast_shape)
    if grads is not None:
        left, right = grads

        @declared.grad
        def _(g: Symbol, x: Symbol, y_: Symbol, *, y: Symbol) -> tuple[Symbol | None, ...]:
            unbroadcast: Any = registry.get("_unbroadcast")
            parts = left(g, x, y_, y), right(g, x, y_, y)
            return tuple(
                None if part is None else unbroadcast(part, source)
                for part, source in zip(parts, (x, y_), strict=True)
            )

    return declared


def broadcast_shape(s: Any) -> None:
    """Rule: the output is what the inputs stretch to; an unknown input may follow from the rest.

    Where the output is wider than 1 and one side is 1, the other side must have it.
    """
    lhs, rhs = s.lhs, s.rhs
    s.output = shapes.broadcast([lhs, rhs])
    output = s.output
    if output is None or lhs is None or rhs is None:
        return
    for side, other in (("lhs", rhs), ("rhs", lhs)):
        mine = getattr(s, side)
        start = len(output) - len(mine)
        padded = (1,) * (len(output) - len(other)) + other
        setattr(
            s,
            side,
            tuple(
                output[start + i] if d is None and padded[start + i] == 1 else d
                for i, d in enumerate(mine)
            ),
        )


def _caller(depth: int = 2) -> str:
    """Return the name of the module whose table is being filled."""
    frame = inspect.currentframe()
    for _ in range(depth):
        frame = frame.f_back if frame else None
    return str(frame.f_globals["__name__"]) if frame else __name__
