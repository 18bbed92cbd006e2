"""A call of an op of ONNX, as the function that says it in minisym sees it.

A value is a Symbol, or it is known: an array that the file holds, or that follows from such ones.
What is known stays an array until an op needs it as an input: then it becomes a parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import numpy as np

from minisym.core.declare import F
from minisym.core.ndarray import Array
from minisym.core.symbol import Symbol
from minisym.onnx.read import Dims, Record, Source

Value = Symbol | Array
Rule = Callable[["Call"], "Value | Sequence[Value]"]

MOST: Final = 1 << 24
"""Numbers that a folded constant may have."""


_OPEN: Final = -(1 << 40)


def open_size(axis: int) -> int:
    """Return what stands for a size that varies, that of this axis, among sizes that are known.

    Graphs of other frameworks compute shapes: they take the sizes of an array apart and join them
    anew. A size that varies travels through that as a number that no size can be.

    >>> is_open(open_size(2)), axis_of(open_size(2)), is_open(-1)
    (True, 2, False)
    """
    return _OPEN - axis


ANY: Final = 63
"""The axis of an open size that was computed with: it is that of no axis any more."""


def is_open(size: int) -> bool:
    """Return whether a number stands for a size that varies."""
    return size <= _OPEN


def axis_of(size: int) -> int:
    """Return of which axis an open size is."""
    return _OPEN - size


class UnsaidError(Exception):
    """Minisym cannot say a node: the message says why."""


@dataclass
class Call:
    """A node, with what its inputs are."""

    record: Record
    inputs: Sequence[Value | None]
    opset: int
    dims_of: Callable[[str], Dims | None]
    """What the file says of a shape."""
    found_out: Callable[[str], Dims | None]
    """What follows for it in minisym, which takes longer."""
    parameter: Callable[[str, Array], Symbol]
    name: str
    """The name of the node that is to be composed."""
    inside: Callable[[Source, Sequence[Value]], list[Value]]
    """Says a graph that the node holds, where its inputs are these: what its outputs are."""

    def __len__(self) -> int:
        """Return how many inputs are given."""
        return len(self.inputs)

    def refuse(self, why: str) -> NoReturn:
        """Say that minisym cannot say it."""
        raise UnsaidError(why)

    def attr(self, name: str, default: Any = None) -> Any:
        """Return an attribute."""
        return self.record.attrs.get(name, default)

    def has(self, i: int) -> bool:
        """Return whether there is an input."""
        return i < len(self.inputs) and self.inputs[i] is not None

    def known(self, i: int) -> Array | None:
        """Return an input as an array; None if it is none, or not given."""
        value = self.inputs[i] if self.has(i) else None
        return None if isinstance(value, Symbol) else value

    def constant(self, i: int, what: str) -> Array:
        """Return an input that has to be known."""
        found = self.known(i)
        if found is None:
            self.refuse(f"what it takes as {what} depends on values of a run")
        return found

    def symbol(self, i: int) -> Symbol:
        """Return an input as a Symbol; what is known becomes a parameter."""
        value = self.inputs[i] if self.has(i) else None
        if value is None:
            self.refuse(f"it has no input {i}")
        if isinstance(value, Symbol):
            return value
        return self.parameter(self.record.inputs[i], value)

    def dims(self, i: int) -> Dims:
        """Return what is known of an input's shape; its number of dimensions has to be."""
        value = self.inputs[i]
        if isinstance(value, np.ndarray):
            return tuple(value.shape)
        found = self.dims_of(self.record.inputs[i])
        if found is None:
            self.refuse(f"the number of dimensions of {self.record.inputs[i]!r} is not known")
        return found

    def sizes(self, i: int) -> Dims:
        """Return what can be found out about an input's shape."""
        found = self.dims(i)
        if None not in found:
            return found
        more = self.found_out(self.record.inputs[i])
        if more is None or len(more) != len(found):
            return found
        return tuple(a if b is None else b for a, b in zip(found, more, strict=True))

    def fixed(self, i: int) -> tuple[int, ...]:
        """Return an input's shape, all of which has to be known."""
        found = self.sizes(i)
        if any(d is None for d in found):
            self.refuse(f"the shape of {self.record.inputs[i]!r} is not known: {found}")
        return tuple(d for d in found if d is not None)

    def rank(self, i: int = 0) -> int:
        """Return an input's number of dimensions."""
        return len(self.dims(i))

    def axis(self, default: int, name: str = "axis", i: int = 0) -> int:
        """Return the attribute that names an axis, counted from the front."""
        axis = int(self.attr(name, default))
        rank = self.rank(i)
        if not -rank <= axis < max(rank, 1):
            self.refuse(f"it has no axis {axis} of {rank}")
        return axis % rank if rank else 0

    def axes(self, i: int, name: str = "axes") -> list[int] | None:
        """Return axes, which are an attribute in older versions and an input in newer ones."""
        given = self.attr(name)
        if given is None and self.has(i):
            given = self.constant(i, name).reshape(-1).tolist()
        return None if given is None else [int(a) for a in given]


def made(op: str, *inputs: Symbol, **params: Any) -> Symbol:
    """Compose an op by its name."""
    found: Symbol = getattr(F, op)(*inputs, **params)
    return found


def pairs(numbers: Sequence[int], rank: int) -> list[tuple[int, int]]:
    """Return pads by axis: ONNX has all beginnings first.

    >>> pairs([1, 2, 3, 4], 2)
    [(1, 3), (2, 4)]
    """
    return list(zip(numbers[:rank], numbers[rank:], strict=True))
