"""Tapes as ufuncs on pieces that stay in cache.

A kernel makes an array for every intermediate value, and walks through memory once an operation.
From its tape come prebound steps, piece by piece, with scratch that is used again. The ufuncs are
the kernel's own in its own order, and so are the bits.
"""

from __future__ import annotations

import operator
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import prod
from typing import Any, Final, NamedTuple

import numpy as np

from minisym.core.kernels import Step, assignment, step
from minisym.core.ndarray import Array
from minisym.ops.numeric.rectify import comparing, flat
from minisym.ops.numeric.tape import Instruction, Tape, Traced, same_bytes

PIECE: Final = 96 << 10
"""Elements of a piece."""

ROOMY: Final = 4 << 10
"""From how many elements on a conversion by itself is quicker than one inside a ufunc."""


class Stretch(NamedTuple):
    """Some of the elements of a tape's arrays: those between two places of its cut."""

    tape: Tape
    start: int
    stop: int

    @classmethod
    def whole(cls, tape: Tape) -> Stretch:
        """Return all of them."""
        return cls(tape, 0, Cut.of(tape).length)


class Cut(NamedTuple):
    """How the arrays of a tape are cut: along one axis, as one row if they lie in memory as rows.

    Attributes
    ----------
    shape
        That of the whole arrays, or their size.
    axis
        Where they are cut: the first axis that is longer than 1.
    """

    shape: tuple[int, ...]
    axis: int

    @classmethod
    def of(cls, tape: Tape) -> Cut:
        """Return how the arrays of a tape are cut."""
        whole = tape.whole
        large = [a for a in tape.held.values() if a.size > 1]
        is_row = all(
            a.shape == whole.shape and flat(a) is not None and _order(a) == _order(whole)
            for a in large
        )
        shape = (whole.size,) if is_row and large else whole.shape
        return cls(shape, next((i for i, d in enumerate(shape) if d > 1), 0))

    @property
    def length(self) -> int:
        """How many places there are."""
        return self.shape[self.axis] if self.shape else 1

    @property
    def width(self) -> int:
        """How many elements there are at one place."""
        return prod(self.shape[self.axis + 1 :])

    def part(self, array: Array, start: int, stop: int) -> Array:
        """Return a part of an array; what stretches along the axis, or is a number, stays whole."""
        row = flat(array) if len(self.shape) == 1 else None
        if row is not None:
            return row[start:stop] if row.size > 1 else row
        axis = self.axis - (len(self.shape) - array.ndim)
        if axis < 0 or array.ndim == 0 or array.shape[axis] == 1:
            return array
        return array[(slice(None),) * axis + (slice(start, stop),)]

    def shape_of(self, start: int, stop: int) -> tuple[int, ...]:
        """Return the shape of a part of the whole arrays."""
        return self.shape and (*self.shape[: self.axis], stop - start, *self.shape[self.axis + 1 :])


def _order(array: Array) -> list[int]:
    """Return how many elements of memory lie between neighbours along each axis."""
    return [
        step // array.itemsize for d, step in zip(array.shape, array.strides, strict=True) if d > 1
    ]


class Buffer(NamedTuple):
    """One of the buffers for intermediate values."""

    width: int
    """Bytes of an element."""
    number: int


class Scratch:
    """Memory of buffers, which all steps that run one after the other share."""

    def __init__(self) -> None:
        self._memory: dict[Buffer, Array] = {}
        self._others: list[Scratch] = []

    def of_worker(self, number: int) -> Scratch:
        """Return what a worker has, who runs steps beside others; the first one has this."""
        while number > len(self._others):
            self._others.append(Scratch())
        return self._others[number - 1] if number else self

    def take(self, buffer: Buffer, dtype: np.dtype[Any], size: int) -> Array:
        """Return some elements of a buffer."""
        memory = self._memory.get(buffer)
        if memory is None or memory.size < size * buffer.width:
            memory = np.empty(max(size, PIECE) * buffer.width, np.uint8)
            self._memory[buffer] = memory
        return memory[: size * buffer.width].view(dtype)


def steps_on_numbers(work: Iterable[Step | Tape]) -> Iterator[Step]:
    """Yield the steps of tapes that come first: they compute what is no array but a number."""
    for tape in work:
        if isinstance(tape, Tape):
            for one in tape.numbers:
                yield from steps_of_call(one, tape.held)


def steps_of_stretches(
    stretches: Iterable[Stretch], scratch: Scratch, piece: int = 0
) -> Iterator[Step]:
    """Yield the steps on stretches of arrays, by pieces of so many elements."""
    for one in stretches:
        yield from _pieces(one, scratch, piece or PIECE)


def can_be_cut(tape: Tape) -> bool:
    """Return whether the arrays of a tape can be cut anywhere: all lie in memory as rows."""
    return Cut.of(tape).length == tape.whole.size


def _pieces(stretch: Stretch, scratch: Scratch, piece: int) -> Iterator[Step]:
    """Yield the steps of one tape."""
    calls = [*_converted(stretch.tape.calls)] if _is_roomy(stretch) else stretch.tape.calls
    for memory in pieces_of(stretch, calls, scratch, piece):
        for one in calls:
            yield from steps_of_call(one, memory)


def pieces_of(
    stretch: Stretch, calls: Sequence[Instruction], scratch: Scratch, piece: int
) -> Iterator[dict[int, Array]]:
    """Yield for each piece where its values lie, by their identities."""
    tape, start, stop = stretch
    cut = Cut.of(tape)
    dtypes = {one.result.identity: one.result.dtype for one in calls}
    homes = _homes(calls, tape, reuse=_is_roomy(stretch))
    number = max(1, -(-(stop - start) * cut.width // piece))
    edges = [start + (stop - start) * i // number for i in range(number + 1)]
    for begin, end in pairwise(edges):
        memory = {key: cut.part(array, begin, end) for key, array in tape.held.items()}
        shape = cut.shape_of(begin, end)
        for key, home in homes.items():
            if isinstance(home, Buffer):
                memory[key] = scratch.take(home, dtypes[key], prod(shape)).reshape(shape)
            else:
                memory[key] = memory[home]
        yield memory


def _is_roomy(stretch: Stretch) -> bool:
    return (stretch.stop - stretch.start) * Cut.of(stretch.tape).width > ROOMY


def _arrays(tape: Tape) -> dict[int, Array]:
    shape = tape.whole.shape
    return {key: array for key, array in tape.held.items() if array.shape == shape}


def steps_of_call(one: Instruction, memory: dict[int, Array]) -> Iterator[Step]:
    """Yield the call of one instruction on these arrays."""
    operands = tuple(memory[x.identity] if isinstance(x, Traced) else x for x in one.operands)
    if one.function is same_bytes:
        memory[one.result.identity] = operands[0].view(np.int8)
        return
    target = memory[one.result.identity]
    if one.function is operator.setitem:
        yield assignment(target, *operands)
    elif _compares_with_number(one):
        yield from comparing(one.function, operands[0], operands[1], target)
    else:
        yield step(one.function, *operands, out=target)


def _compares_with_number(one: Instruction) -> bool:
    """Return whether a call takes the larger of an array and of a number that is known."""
    if one.function not in (np.maximum, np.minimum):
        return False
    array, number = one.operands
    return (
        isinstance(array, Traced)
        and not isinstance(number, Traced)
        and array.dtype == number.dtype == one.result.dtype
    )


def _converted(calls: Iterable[Instruction]) -> Iterator[Instruction]:
    """Yield calls in whose place a ufunc finds all its operands in the type that it computes in.

    Else it converts them in small portions of a buffer of its own, which takes longer.
    """
    for one in calls:
        operands = list(one.operands)
        for i, (x, dtype) in enumerate(zip(operands, one.types, strict=False)):
            if isinstance(x, Traced) and x.dtype != dtype and not x.number:
                operands[i] = Traced(x.tape, dtype)
                yield Instruction(operator.setitem, (x,), operands[i])
        yield Instruction(one.function, tuple(operands), one.result, one.types)


def _homes(calls: Sequence[Instruction], tape: Tape, *, reuse: bool) -> dict[int, Buffer | int]:
    """Say where each intermediate value lives: in a buffer, or in the memory of an output.

    A buffer is given on when nobody reads any longer what it holds. With `reuse`, a result may take
    that of an operand, or the memory of an output that holds nothing which is needed: they are in
    the cache. For small arrays that is no gain, and NumPy takes a moment to see that it may.
    """
    views = {
        one.result.identity: one.operands[0].identity for one in calls if one.function is same_bytes
    }
    reads = [
        {views.get(x.identity, x.identity) for x in one.operands if isinstance(x, Traced)}
        for one in calls
    ]
    last_read = {key: place for place, keys in enumerate(reads) for key in keys}
    idle = _idle_outputs(calls, tape, last_read) if reuse else {}
    found: dict[int, Buffer | int] = {}
    free: defaultdict[int, list[Buffer]] = defaultdict(list)
    made: Counter[int] = Counter()

    def home(until: int, place: int, dtype: np.dtype[Any]) -> Buffer | int:
        for out, (begin, end) in idle.items():
            if begin <= place and until <= end and tape.held[out].dtype == dtype:
                idle[out] = until, end
                return out
        if free[dtype.itemsize]:
            return free[dtype.itemsize].pop()
        made[dtype.itemsize] += 1
        return Buffer(dtype.itemsize, made[dtype.itemsize])

    for place, one in enumerate(calls):
        ended = place if reuse else place - 1
        for key, old in found.items():
            if last_read.get(key) == ended and isinstance(old, Buffer):
                free[old.width].append(old)
        key = one.result.identity
        if key not in tape.held and key not in found and key not in views:
            found[key] = home(last_read.get(key, place), place, one.result.dtype)
    return found


def _idle_outputs(
    calls: Sequence[Instruction], tape: Tape, last_read: Mapping[int, int]
) -> dict[int, tuple[int, int]]:
    """Return from which call to which one the memory of an output may hold something else."""
    arrays = _arrays(tape)
    found = {}
    for out in arrays.keys() & set(tape.outs):
        target = arrays[out]
        shared = [
            key
            for key, array in arrays.items()
            if key != out and np.may_share_memory(array, target)
        ]
        if all(_is_same(arrays[key], target) for key in shared):
            begin = max((last_read.get(key, 0) for key in shared), default=0)
            end = next((i for i, one in enumerate(calls) if one.result.identity == out), -1)
            found[out] = begin, end
    return found


def _is_same(one: Array, other: Array) -> bool:
    """Return whether two arrays of one shape are the same elements of memory."""
    return (
        one.dtype == other.dtype
        and one.strides == other.strides
        and one.ctypes.data == other.ctypes.data
    )
