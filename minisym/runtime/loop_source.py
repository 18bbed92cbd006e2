"""From a tape to the source of a loop that does the same, element by element.

The loop is plain Python, to be read, and to be compiled. It gets a row of numbers: how many
elements there are, and where the arrays lie in memory. So one loop does the work of all tapes that
are alike. Numbers such as a learning rate lie in memory, too: with another one the loop is the
same.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Collection
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import numpy as np

from minisym.core.ndarray import Array
from minisym.ops.numeric.tape import Instruction, Tape, Traced, same_bytes

TYPES: Final = frozenset(map(np.dtype, (np.float32, np.float64, np.int8, np.bool_)))
"""The types that a loop may have."""

FORMS: Final[dict[Any, str]] = {
    np.add: "{0} + {1}",
    np.subtract: "{0} - {1}",
    np.multiply: "{0} * {1}",
    np.divide: "{0} / {1}",
    np.negative: "-{0}",
    np.positive: "{0}",
    np.absolute: "abs({0})",
    np.square: "{0} * {0}",
    np.sqrt: "sqrt({0})",
    np.greater: "{0} > {1}",
    np.greater_equal: "{0} >= {1}",
    np.less: "{0} < {1}",
    np.less_equal: "{0} <= {1}",
    np.equal: "{0} == {1}",
    np.not_equal: "{0} != {1}",
    np.isnan: "{0} != {0}",
    np.maximum: "{0} if {0} > {1} or {0} != {0} else {1}",
    np.minimum: "{0} if {0} < {1} or {0} != {0} else {1}",
}
"""What gives the bits of a ufunc in a compiled loop. Functions such as exp stay NumPy's: those of
compilers give other bits, and are slower."""


class UnwritableError(Exception):
    """A tape holds what no loop can do."""


@dataclass(frozen=True)
class Loop:
    """A loop, and what it is called with to do one tape.

    Attributes
    ----------
    source
        A function `name(row)`. Tapes with the same source may be done by one call, a row each.
    name
        Its name: that of the kernel.
    arrays
        Name -> array, in the order of a row; a stretch of them is a row with later addresses.
    numbers
        Name -> 0-d array, behind them.
    """

    source: str
    name: str
    arrays: dict[str, Array]
    numbers: dict[str, Array]

    def row(self, start: int, stop: int) -> list[int]:
        """Return the row for some elements."""
        places = [address(a) + start * a.itemsize for a in self.arrays.values()]
        return [stop - start, *places, *map(address, self.numbers.values())]


def address(array: Array) -> int:
    """Return where an array begins."""
    place: int = array.__array_interface__["data"][0]
    return place


def loop_of(tape: Tape) -> Loop | None:
    """Return the loop for a tape; None where its types, its calls or its memory allow none."""
    try:
        return _Writer(tape).loop()
    except UnwritableError:
        return None


class _Writer:
    """Writes one loop."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.whole = tape.whole
        self.written = [tape.held[key] for key in tape.outs]
        self.arrays: dict[str, Array] = {}
        self.numbers: dict[str, Array] = {}
        self.now: dict[int, str] = {}
        """Identity of a value -> what stands for it."""

    def loop(self) -> Loop:
        if not self.whole.ndim:  # a loop would take it for a number
            raise UnwritableError
        for key, array in self.tape.held.items():
            if array.ndim:
                self.now[key] = f"{self._name(key, array)}[i]"
        targets = [self.now[key] for key in self.tape.outs]
        body = [*map(self._line, self.tape.calls, count(1))]
        body += [f"{to} = {self.now[key]}" for to, key in zip(targets, self.tape.outs, strict=True)]
        title = self.tape.title if self.tape.title.isidentifier() else "kernel"
        lines = [
            f"def {title}(row):",
            "    size = row[0]",
        ]
        place = count(1)
        for name, array in self.arrays.items():
            lines.append(f"    {name} = {array.dtype}s(row[{next(place)}], size)")
        for name, array in self.numbers.items():
            lines.append(f"    {name} = {array.dtype}s(row[{next(place)}], 1)[0]")
        lines.append("    for i in range(size):")
        lines += [f"        {line}" for line in body]
        return Loop("\n".join([*lines, ""]), title, self.arrays, self.numbers)

    def _name(self, key: int, array: Array) -> str:
        """Return the name of an array: one for each place in memory."""
        fits = array.shape == self.whole.shape and array.flags.c_contiguous
        if not fits or any(_overlap(array, other) for other in self.written):
            raise UnwritableError
        for name, other in self.arrays.items():
            if address(array) == address(other) and array.dtype == other.dtype:
                return name
        name = self._free(self.tape.names.get(key) or f"output{self.tape.outs.index(key)}")
        self.arrays[name] = _checked(array)
        return name

    def _free(self, name: str) -> str:
        """Return a name that means nothing else in the loop."""
        while not name.isidentifier() or name in self._taken or _RESERVED.fullmatch(name):
            name = f"{name}_" if name.isidentifier() else "x"
        return name

    @property
    def _taken(self) -> Collection[str]:
        return self.arrays | self.numbers

    def _line(self, one: Instruction, number: int) -> str:
        """Return the line of a call, which makes a value with a name of its own."""
        name, form = f"v{number}", self._form(one)
        self.now[one.result.identity] = name
        return f"{name} = {form}"

    def _form(self, one: Instruction) -> str:
        result = one.result
        operands = [self._operand(x) for x in one.operands]
        dtypes = [x.dtype for x in one.operands]
        if one.function is same_bytes:
            return _cast(operands[0], dtypes[0], np.dtype(np.int8))
        if one.function is operator.setitem:
            value = _cast(operands[0], dtypes[0], result.dtype)
            if len(operands) == 1:
                return value
            return f"{value} if {operands[1]} else {self.now[result.identity]}"
        *takes, gives = one.types
        form = FORMS.get(one.function)
        if form is None or (takes[0].kind != "f" and one.function is not np.subtract):
            raise UnwritableError
        text = form.format(*map(_cast, operands, dtypes, takes))
        # the loop computes small integers in large ones
        gives = gives if gives.kind in "fb" else np.dtype(np.int64)
        return _cast(text, gives, result.dtype)

    def _operand(self, x: Any) -> str:
        """Return what stands for an operand."""
        if isinstance(x, Traced) and not x.number:
            return self.now[x.identity]
        key = x.identity if isinstance(x, Traced) else -id(x)
        if key not in self.now:
            array = self.tape.held[key] if isinstance(x, Traced) else x
            known = self.tape.names.get(key)
            name = f"c{len(self.numbers) + 1}" if known is None else self._free(known)
            self.numbers[name] = _checked(array)
            self.now[key] = name
        return self.now[key]


_RESERVED: Final = re.compile(r"[cv]\d+|row|size|i|abs|sqrt|(float32|float64|int8|bool)s?")


def _checked(array: Array) -> Array:
    """Refuse what a loop cannot read as it lies in memory."""
    if array.dtype not in TYPES or not array.flags.aligned:
        raise UnwritableError
    return array


def _overlap(array: Array, other: Array) -> bool:
    """Return whether arrays share some memory, but are not the same."""
    same = address(array) == address(other) and array.dtype == other.dtype
    return not same and np.may_share_memory(array, other)


def _cast(text: str, dtype: np.dtype[Any], to: np.dtype[Any]) -> str:
    """Convert what has a type to another one, where a loop does it as NumPy does."""
    if dtype == to:
        return text
    if to not in TYPES or to.kind == "b" or (to.kind, dtype.kind) == ("i", "f"):
        raise UnwritableError
    return f"{to}({text})"
