"""Tapes as ufuncs on pieces that stay in cache.

A kernel makes an array for every intermediate value, and walks through memory once an operation.
From its tape come prebound steps, piece by piece, with scratch that is used again. The ufuncs are
the kernel's own in its own order, and so are the bits.
"""

from __future__ import annotations

import operator
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from minisym.core.kernels import Step, assignment, step
from minisym.core.ndarray import Array
from minisym.ops.numeric.tape import Instruction, Tape, Traced, same_bytes

PIECE: Final = 96 << 10
"""Elements of a piece."""

ROOMY: Final = 4 << 10
"""From how many elements on a conversion by itself is quicker than one inside a ufunc."""


class Stretch(NamedTuple):
    """Some elements of the arrays of a tape."""

    tape: Tape
    start: int
    stop: int

    @classmethod
    def whole(cls, tape: Tape) -> Stretch:
        """Return all of them."""
        return cls(tape, 0, tape.whole.size)


class Buffer(NamedTuple):
    """One of the buffers for intermediate values."""

    width: int
    """Bytes of an element."""
    number: int


class Scratch:
    """Memory of buffers, which all steps that run one after the other share."""

    def __init__(self) -> None:
        self._memory: dict[Buffer, Array] = {}

    def take(self, buffer: Buffer, dtype: np.dtype[Any], size: int) -> Array:
        """Return some elements of a buffer."""
        memory = self._memory.get(buffer)
        if memory is None or memory.size < size * buffer.width:
            memory = np.empty(max(size, PIECE) * buffer.width, np.uint8)
            self._memory[buffer] = memory
        return memory[: size * buffer.width].view(dtype)


def steps_of_work(work: Iterable[Step | Tape], scratch: Scratch | None = None) -> Iterator[Step]:
    """Yield steps, and in the place of each tape its own."""
    scratch = Scratch() if scratch is None else scratch
    for one in work:
        if isinstance(one, Tape):
            yield from steps_on_numbers([one])
            yield from steps_of_stretches([Stretch.whole(one)], scratch)
        else:
            yield one


def steps_on_numbers(work: Iterable[Step | Tape]) -> Iterator[Step]:
    """Yield the steps of tapes that come first: they compute what is no array but a number."""
    for tape in work:
        if isinstance(tape, Tape):
            for one in tape.numbers:
                yield from _call(one, tape.held)


def steps_of_stretches(
    stretches: Iterable[Stretch], scratch: Scratch, piece: int = 0
) -> Iterator[Step]:
    """Yield the steps on stretches of arrays, by pieces of so many elements."""
    for one in stretches:
        yield from _pieces(one, scratch, piece or PIECE)


def can_be_cut(tape: Tape) -> bool:
    """Return whether the arrays of a tape can be cut: all lie in memory as rows."""
    return all(array.flags.c_contiguous for array in _arrays(tape).values())


def _arrays(tape: Tape) -> dict[int, Array]:
    shape = tape.whole.shape
    return {key: array for key, array in tape.held.items() if array.shape == shape}


def _pieces(stretch: Stretch, scratch: Scratch, piece: int) -> Iterator[Step]:
    """Yield the steps of one tape."""
    tape, arrays = stretch.tape, _arrays(stretch.tape)
    roomy = stretch.stop - stretch.start > ROOMY
    calls = [*_converted(tape.calls)] if roomy else tape.calls
    dtypes = {one.result.identity: one.result.dtype for one in calls}
    homes = _homes(calls, tape, reuse=roomy)
    flat = can_be_cut(tape)
    for start in range(stretch.start, stretch.stop, piece) if flat else (0,):
        stop = min(start + piece, stretch.stop) if flat else stretch.stop
        memory = dict(tape.held)
        if flat:
            memory |= {key: a.reshape(-1)[start:stop] for key, a in arrays.items()}
        for key, home in homes.items():
            if isinstance(home, Buffer):
                buffer = scratch.take(home, dtypes[key], stop - start)
                memory[key] = buffer if flat else buffer.reshape(tape.whole.shape)
            else:
                memory[key] = memory[home]
        for one in calls:
            yield from _call(one, memory)


def _call(one: Instruction, memory: dict[int, Array]) -> Iterator[Step]:
    """Yield the call of one instruction on these arrays."""
    operands = tuple(memory[x.identity] if isinstance(x, Traced) else x for x in one.operands)
    if one.function is same_bytes:
        memory[one.result.identity] = operands[0].view(np.int8)
        return
    target = memory[one.result.identity]
    if one.function is operator.setitem:
        yield assignment(target, *operands)
    else:
        yield step(one.function, *operands, out=target)


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
