r"""Families of ops whose members differ by a formula only: an op is a row of a table.

    unary("tanh", np.tanh, lambda g, x, y: g * (1 - y * y), r"Hyperbolic tangent, $\tanh x$.")

`unary`, `binary`, `scalar` and `broadcast` each declare one op; shape rule, type rule, kernel and
steps follow from the family.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import numpy as np

from minisym.core import op as registry
from minisym.core import shapes
from minisym.core.cost import each
from minisym.core.declare import Declaration, in_onnx, op
from minisym.core.declared import check_takes
from minisym.core.errors import DeclarationError, ShapeError
from minisym.core.kernels import apply, native, number, step
from minisym.core.ndarray import Array
from minisym.core.samples import Sample
from minisym.core.symbol import Symbol

Elements = Annotated[Array, "The array $x$, of any shape."]
Left = Annotated[Array, "The left operand, of any shape."]
Right = Annotated[Array, "The right operand, of the same shape."]
Stretching = Annotated[Array, "The left operand; its axes of size 1 stretch to the right one's."]
Meeting = Annotated[Array, "The right operand; its axes of size 1 stretch to the left one's."]


def agree(s: Any, *names: str) -> None:
    """Rule: the slots of these names are one shape, or one type."""
    for name in (*names, *names):
        known = getattr(s, name)
        if known is not None:
            for other in names:
                setattr(s, other, known)


def unary(
    name: str,
    function: Callable[..., Any],
    grad: Callable[[Symbol, Symbol, Symbol], Symbol | None] | None,
    doc: str,
    *,
    aliases: Sequence[str] = (),
    samples: Any = (),
    domain: tuple[float, float] = (-2.0, 2.0),
    **options: Any,
) -> Declaration:
    """Declare an elementwise function of one array.

    `function` is a NumPy ufunc or `kernel(x, out)`; `grad(g, x, y)` is the gradient by the chain
    rule, with `y` the output; None declares that there is no gradient, `ZERO` that it is zero.
    """
    _check_function(name, function, "x")
    samples = samples or [Sample(((2, 3),), domain=domain)]

    def kernel(data: Elements, *, out: Array) -> Any:
        return apply(function, data, out=out)

    return _family(name, kernel, function, doc, grad, aliases, samples, elementwise=True, **options)


def binary(
    name: str,
    function: Callable[..., Any],
    grads: tuple[Callable[..., Symbol | None], Callable[..., Symbol | None]] | None,
    doc: str,
    *,
    aliases: Sequence[str] = (),
    samples: Any = (),
    domain: tuple[float, float] = (-2.0, 2.0),
    **options: Any,
) -> Declaration:
    """Declare an elementwise function of two arrays of one shape.

    `function` is a NumPy ufunc or `kernel(x, y, out)`; `floats` is the ufunc that does the same on
    floats. `grads` has one `grad(g, x, y, z)` an input, with `z` the output.
    """
    _check_function(name, function, "x", "y")
    samples = samples or [
        Sample(((2, 3), (2, 3)), domain=domain),
        Sample(((2, 3), (2, 4)), raises=ShapeError, match="axis 1"),
    ]

    def kernel(lhs: Left, rhs: Right, *, out: Array) -> Any:
        return apply(function, lhs, rhs, out=out)

    return _family(
        name, kernel, function, doc, grads, aliases, samples, elementwise=True, **options
    )


def _family(
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
    floats = options.pop("floats", None)
    member = op(name=name, aliases=aliases, samples=samples, ufunc=ufunc, **options)(kernel)
    if floats is not None:
        member.steps(_float_steps(floats))
    if grad is None:
        return member
    if not isinstance(grad, tuple | list) and kernel.__code__.co_argcount == 1:
        _check_gradient(name, grad, "g", "x", "y")
        return member.grad(lambda g, x, *, y: grad(g, x, y))
    left, right = _pair(name, grad)
    return member.grad(lambda g, a, b, *, y: (left(g, a, b, y), right(g, a, b, y)))


def _check_function(name: str, function: Any, *takes: str) -> None:
    """Refuse what is neither a ufunc nor a function that fills `out`."""
    if not isinstance(function, np.ufunc):
        check_takes(name, "function", function, (*takes, "out"))


def _check_gradient(name: str, grad: Any, *takes: str) -> None:
    if grad is not ZERO:
        check_takes(name, "gradient", grad, takes)


def _pair(name: str, grads: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the gradients of both operands; refuse what are not two functions."""
    if not isinstance(grads, tuple | list) or len(grads) != 2:
        raise DeclarationError(
            f"{name}: it takes two gradients, one for each operand, but got {grads!r:.60}",
            hint="(lambda g, x, y, z: …, lambda g, x, y, z: …), with z the output",
        )
    for grad in grads:
        _check_gradient(name, grad, "g", "x", "y", "z")
    return grads[0], grads[1]


def _float_steps(ufunc: np.ufunc) -> Callable[..., Any]:
    """Make the steps of an op that is one ufunc on floats, and more than that on integers."""

    def rule(inputs: Sequence[Array], outs: Sequence[Array]) -> Any:
        if not native(ufunc, *(a.dtype for a in inputs), outs[0].dtype):
            return None
        return [(ufunc, (*inputs, outs[0]))] if outs[0].dtype.kind == "f" else None

    return rule


def ZERO(*_: Any) -> None:
    """Say that a gradient is zero everywhere (sign, floor, comparisons)."""


def scalar(
    name: str,
    function: Callable[..., Any],
    grad: Callable[[Symbol, Symbol, Symbol, float], Symbol | None] | None,
    doc: str,
    *,
    reverse: bool = False,
    floats: np.ufunc | None = None,
    aliases: Sequence[str] = (),
    samples: Any = (),
    domain: tuple[float, float] = (-2.0, 2.0),
    onnx: str | Callable[..., Any] = "",
    **options: Any,
) -> Declaration:
    """Declare an elementwise function of an array and a number.

    `reverse` puts the number first (`2 - x`). The number takes the array's type, as in MXNet:
    on int32 arrays, 2.5 is 2. `grad(g, x, y, scalar)` is the gradient; `onnx` is that of the same
    function of two arrays.
    """
    _check_function(name, function, "x", "y")
    if grad is not None:
        _check_gradient(name, grad, "g", "x", "y", "scalar")

    def kernel(
        data: Elements,
        *,
        scalar: Annotated[float, "The number."] = 1.0,
        is_int: Annotated[bool, "Whether it was written as an int; without effect."] = True,
        out: Array,
    ) -> Any:
        operand = number(scalar, data.dtype)
        return apply(function, *((operand, data) if reverse else (data, operand)), out=out)

    kernel.__name__, kernel.__doc__, kernel.__module__ = name, doc, _caller()
    samples = samples or [Sample(((2, 3),), {"scalar": 1.5}, domain=domain)]
    declared = op(name=name, aliases=aliases, samples=samples, elementwise=True, **options)(kernel)
    if onnx:
        form = in_onnx(onnx)

        @declared.onnx
        def _(o: Any, data: Any, *, scalar: float) -> Any:
            operand = o.constant(number(scalar, data.dtype))
            return form(o, *((operand, data) if reverse else (data, operand)))

    @declared.steps
    def _(inputs: Sequence[Array], outs: Sequence[Array], *, scalar: float) -> Any:
        (data,), (out,) = inputs, outs
        ufunc = function if floats is None or out.dtype.kind != "f" else floats
        if not native(ufunc, data.dtype, data.dtype, out.dtype):
            return None
        operand = number(scalar, data.dtype)
        return [step(ufunc, *((operand, data) if reverse else (data, operand)), out=out)]

    if grad is not None:
        declared.grad(lambda g, x, *, y, scalar: grad(g, x, y, scalar))
    return declared


def broadcast(
    name: str,
    function: Callable[..., Any],
    grads: tuple[Callable[..., Symbol | None], Callable[..., Symbol | None]] | None,
    doc: str,
    *,
    floats: np.ufunc | None = None,
    aliases: Sequence[str] = (),
    samples: Any = (),
    domain: tuple[float, float] = (-2.0, 2.0),
    **options: Any,
) -> Declaration:
    """Declare a function of two arrays that stretch to a common shape.

    `grads` has one `grad(g, x, y, z)` an input, in broadcast ops; what it gives is summed over the
    stretched axes.
    """
    _check_function(name, function, "x", "y")
    left, right = (None, None) if grads is None else _pair(name, grads)

    def kernel(lhs: Stretching, rhs: Meeting, *, out: Array) -> Any:
        return apply(function, lhs, rhs, out=out)

    kernel.__name__, kernel.__doc__, kernel.__module__ = name, doc, _caller()
    ufunc = function if isinstance(function, np.ufunc) else None
    samples = samples or [
        Sample(((2, 3), (2, 3)), domain=domain),
        Sample(((2, 1, 3), (2, 1)), domain=domain),
        Sample(((2, 3), (4, 3)), raises=ShapeError, match="axis 0"),
    ]
    facts = {"cost": each(1), "stretches": True, **options}
    declared = op(name=name, aliases=aliases, samples=samples, ufunc=ufunc, **facts)(kernel)
    if floats is not None:
        declared.steps(_float_steps(floats))
    declared.shape(broadcast_shape)
    if left is not None and right is not None:

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
    """Rule: from the last axis on, sizes are equal, or a size of 1 stretches to the other's.

    So does an axis that one side does not have. An input follows from the output and the other
    input where only one size will do.
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
