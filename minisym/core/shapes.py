"""Partial shapes: what is known of a shape, and how knowledge is put together.

Inside minisym a shape is a tuple of dimensions, each an int or None (unknown); a shape whose very
rank is unknown is None. MXNet's notation (0 or -1 for an unknown dimension, `()` for an unknown
rank) exists only at the border: `from_user` and `to_user` translate.

Two statements about one shape are put together by `unify`, which is commutative, associative and
idempotent, so that inference may visit the graph in any order and end at the same answer.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from contextlib import ContextDecorator
from contextvars import ContextVar
from math import prod as _prod
from types import TracebackType
from typing import Any, Final, Self

from minisym.core.errors import ShapeError, ShapeTypeError

Dim = int | None
Shape = tuple[Dim, ...] | None
KnownShape = tuple[int, ...]


BROADCAST: Final = "does not broadcast with"
MOST_AXES: Final = 32
"""More axes no array has, neither in MXNet's files nor in every version of NumPy."""
MOST_ELEMENTS: Final = 1 << 48
"""More elements no memory holds."""


class Mismatch(ValueError):  # noqa: N818  what it says, not what went wrong
    """Two shapes (or types) do not go together; `axis` says where (None: their ranks differ)."""

    def __init__(self, axis: int | None, have: Any, need: Any, relation: str = "is not") -> None:
        self.axis, self.have, self.need, self.relation = axis, have, need, relation
        super().__init__(axis, have, need, relation)

    def __str__(self) -> str:
        """Say which axis it is."""
        if not isinstance(self.have, tuple) or not isinstance(self.need, tuple):
            return f"{self.have} {self.relation} {self.need}"
        words = f"{show(self.have)} {self.relation} {show(self.need)}"
        if self.axis is None:
            return f"{words}: {len(self.have)} axes, not {len(self.need)}"
        return f"{words}: axis {self.axis} is {self.have[self.axis]}, not {self.need[self.axis]}"


def is_known(shape: Shape) -> bool:
    """Return whether rank and all dimensions are known.

    >>> is_known((2, 3)), is_known((2, None)), is_known(None)
    (True, False, False)
    """
    return shape is not None and None not in shape


def unify(a: Shape, b: Shape) -> Shape:
    """Return the shape that both statements describe; raise `Mismatch` if there is none.

    >>> unify((0, None), (None, 3))
    (0, 3)
    >>> unify(None, (4,))
    (4,)
    """
    if a is None or a == b:
        return b
    if b is None:
        return a
    if len(a) != len(b):
        raise Mismatch(None, a, b)
    merged = []
    for axis, (x, y) in enumerate(zip(a, b, strict=True)):
        if x is None:
            merged.append(y)
        elif y is None or x == y:
            merged.append(x)
        else:
            raise Mismatch(axis, a, b)
    return tuple(merged)


def check(shape: Shape) -> None:
    """Raise ValueError where no array has a shape.

    >>> check((2, None)), check((2, -3))
    Traceback (most recent call last):
    ...
    ValueError: a shape of (2, -3) has a negative size
    """
    if shape is None:
        return
    if len(shape) > MOST_AXES:
        message = f"a shape of {len(shape)} axes has more than the {MOST_AXES} that are possible"
        raise ValueError(message)
    elements = 1
    for dim in shape:
        if dim is not None and dim < 0:
            message = f"a shape of {show(shape)} has a negative size"
            raise ValueError(message)
        elements *= dim or 1
    if elements > MOST_ELEMENTS:
        message = f"a shape of {show(shape)} has more elements than any memory holds"
        raise ValueError(message)


def product(dims: Iterable[Dim]) -> Dim:
    """Multiply dimensions; unknown while a factor is unknown.

    >>> product((2, 3)), product((2, None))
    (6, None)
    """
    known = tuple(dims)
    return None if None in known else _prod(known)  # type: ignore[arg-type]


def broadcast(shapes: Sequence[Shape]) -> Shape:
    """Return what these shapes broadcast to, as far as that is known.

    A dimension of 1 stretches. An unknown dimension beside one larger than 1 must become that one;
    beside 1, or beside another unknown one, the result is unknown.

    >>> broadcast([(2, 1), (3,)])
    (2, 3)
    >>> broadcast([(None, 1), (4, 1)])
    (4, 1)
    """
    if any(shape is None for shape in shapes):
        return None
    rank = max(len(shape) for shape in shapes if shape is not None)
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes if shape is not None]
    result: list[Dim] = []
    for axis, dims in enumerate(zip(*padded, strict=True)):
        wide = {d for d in dims if d is not None and d != 1}
        if len(wide) > 1:
            have, need = [shape for shape in padded if shape[axis] in wide][:2]
            raise Mismatch(axis, have, need, BROADCAST)
        result.append(wide.pop() if wide else None if None in dims else 1)
    return tuple(result)


def axis_of(axis: int, rank: int) -> int:
    """Return a non-negative axis; raise IndexError where there is no such axis.

    >>> axis_of(-1, 3)
    2
    """
    if not -rank <= axis < rank:
        message = f"axis {axis} does not exist in an array of {rank} dimension(s)"
        raise IndexError(message)
    return axis % rank


def axes_of(axes: int | Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """Return sorted non-negative axes; None or () means all of them.

    >>> axes_of((-1, 0), 3), axes_of(None, 2)
    ((0, 2), (0, 1))
    """
    if axes is None or axes == ():
        return tuple(range(rank))
    each = (axes,) if isinstance(axes, int) else axes
    found = sorted(axis_of(axis, rank) for axis in each)
    if len(set(found)) != len(found):
        message = f"axes {tuple(each)} name one axis twice"
        raise IndexError(message)
    return tuple(found)


def show(shape: Shape) -> str:
    """Return a shape for people: `?` is unknown.

    >>> show((2, None)), show(None), show((3,))
    ('(2, ?)', '?', '(3,)')
    """
    if shape is None:
        return "?"
    inner = ", ".join("?" if d is None else str(d) for d in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"


_np_shape: ContextVar[tuple[tuple[np_shape | None, bool], ...]] = ContextVar(
    "np_shape", default=((None, False),)
)
"""The switch of this thread or task, then each `np_shape` block that it is in, and its switch."""


def is_np_shape() -> bool:
    """Return whether 0 and () mean a size and a scalar (NumPy), not 'unknown' (MXNet's default)."""
    return _np_shape.get()[-1][1]


def set_np_shape(active: bool) -> bool:
    """Switch NumPy's meaning of 0 and () on or off in this thread or task; return what it was."""
    *outer, (block, before) = _np_shape.get()
    _np_shape.set((*outer, (block, bool(active))))
    return before


class np_shape(ContextDecorator):
    """Give 0 and () NumPy's meaning inside a `with` block or a decorated function.

    >>> import minisym as ms
    >>> net = ms.sym.tanh(ms.sym.Variable("x"))
    >>> with np_shape():
    ...     net.infer_shape(x=(0, 2))[1], net.infer_shape(x=())[1]
    ([(0, 2)], [()])
    >>> net.infer_shape_partial(x=(0, 2))[1]  # 0 stands for an unknown dimension
    [(0, 2)]
    """

    def __init__(self, active: bool = True) -> None:
        self._active = bool(active)

    def __enter__(self) -> Self:
        """Switch."""
        _np_shape.set((*_np_shape.get(), (self, self._active)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Switch back."""
        blocks = _np_shape.get()
        ours = [i for i, (block, _) in enumerate(blocks) if block is self][-1:]
        _np_shape.set(tuple(pair for i, pair in enumerate(blocks) if i not in ours))


def from_user(shape: Any, what: str = "a shape") -> Shape:
    """Translate MXNet's notation of a shape into ours; `what` is how an error calls it."""
    if shape is None:
        return None
    try:
        dims = tuple(None if d is None else operator.index(d) for d in shape)
    except TypeError:
        raise ShapeTypeError(
            f"{what} must be a tuple of integers, but got {shape!r}",
            hint="0 is an unknown size, () an unknown number of axes",
        ) from None
    if any(d is not None and d < -1 for d in dims):
        raise ShapeError(f"{what} has a negative size: {shape!r}", hint="0 is an unknown size")
    unknown = (None, -1) if is_np_shape() else (None, 0, -1)
    if not dims and not is_np_shape():
        return None
    found = tuple(None if d in unknown else d for d in dims)
    try:
        check(found)
    except ValueError as error:
        raise ShapeError(f"{what} is none: {error}") from None
    return found


def to_user(shape: Shape) -> Any:
    """Translate our notation of a shape into MXNet's."""
    if is_np_shape():
        return None if shape is None else tuple(-1 if d is None else d for d in shape)
    return () if shape is None else tuple(0 if d is None else d for d in shape)
