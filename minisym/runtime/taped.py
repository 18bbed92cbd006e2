"""How a tape runs among the steps of a run: as ufuncs, as compiled loops, or as both in turns.

Calls that follow each other, and of which a compiled loop has the bits (sums, products,
comparisons, roots), become one loop; functions such as `exp` stay NumPy's, which are quicker, too.
All calls are made on one piece before the next, so that it stays in the cache.

A loop gets rows of numbers: where the arrays of a run of elements lie. What stretches is one number
in a row, or the same elements in several rows.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from itertools import pairwise
from math import prod
from time import perf_counter
from typing import Any, Final, NamedTuple

import numpy as np

from minisym.core.kernels import Step
from minisym.core.ndarray import Array
from minisym.ops.numeric.tape import Instruction, Tape, Traced, same_bytes
from minisym.runtime.calls import Call
from minisym.runtime.compiled import call_of_rows, compiled, get_compile
from minisym.runtime.loop_source import FORMS, TYPES, address, loop_of
from minisym.runtime.pieces import (
    Cut,
    Scratch,
    Stretch,
    pieces_of,
    steps_of_call,
    steps_of_stretches,
    steps_on_numbers,
)
from minisym.runtime.workers import Work, get_num_threads

SHARED: Final = 300_000
"""From how many elements on workers can gain."""
LEAST: Final = 8 << 10
"""From how many elements on loops are compiled."""
ALONE: Final = 32 << 10
"""Elements of a piece, where loops and ufuncs take turns."""
TOGETHER: Final = 64 << 10
"""Elements of such a piece of a worker."""
SHORTEST: Final = 64
"""A loop over fewer elements takes longer to begin than to run."""
PATIENCE: Final = 0.5
"""Seconds that a tape has taken when it is compiled: about what that takes."""


def steps_of_work(work: Iterable[Step | Tape], scratch: Scratch | None = None) -> Iterator[Step]:
    """Yield steps, and in the place of each tape its own."""
    scratch = Scratch() if scratch is None else scratch
    for one in work:
        if isinstance(one, Tape):
            yield from steps_on_numbers([one])
            yield from _steps_of_tape(one, scratch)
        else:
            yield one


def _steps_of_tape(tape: Tape, scratch: Scratch) -> Iterator[Step]:
    """Yield the steps of a tape: one, if they may change, or if workers share them."""
    if is_worth_compiling(tape.whole.size) and any(part.makes for part in parts_of(tape)):
        yield Taped(tape, scratch).run, ()
    elif is_worth_sharing(tape.whole.size, len(tape.calls)):
        yield Work([_as_ufuncs(*share) for share in _shares(tape, scratch)]).run, ()
    else:
        yield from steps_of_stretches([Stretch.whole(tape)], scratch)


def is_worth_sharing(size: int, calls: int) -> bool:
    """Return whether workers gain more by such arrays and calls than it takes to wake them."""
    return get_num_threads() > 1 and size >= SHARED and size * calls >= 3 * SHARED


def is_worth_compiling(size: int) -> bool:
    """Return whether loops over such arrays may be compiled."""
    return size >= LEAST and get_compile() != "never" and find_spec("numba") is not None


class Taped:
    """A tape that runs as ufuncs until it has taken so long that compiling pays."""

    def __init__(self, tape: Tape, scratch: Scratch) -> None:
        self.shares = _shares(tape, scratch)
        self.work = Work([_as_ufuncs(*share) for share in self.shares])
        self.patience = 0.0 if get_compile() == "always" else PATIENCE
        self.is_final = False
        self.kept: list[Mapping[int, Array]] = []
        """Arrays of which a loop knows no more than where they lie."""

    def run(self) -> None:
        """Make all calls."""
        if self.is_final:
            self.work.run()
            return
        if self.patience <= 0:
            piece = ALONE if len(self.shares) == 1 else TOGETHER
            self.work = Work([[*_as_loops(*share, piece, self.kept)] for share in self.shares])
            self.is_final = True
        begin = perf_counter()
        self.work.run()
        self.patience -= perf_counter() - begin


def _shares(tape: Tape, scratch: Scratch) -> list[tuple[Stretch, Scratch]]:
    """Cut a tape for the workers, if that is worth while."""
    number = get_num_threads() if is_worth_sharing(tape.whole.size, len(tape.calls)) else 1
    edges = [Cut.of(tape).length * i // number for i in range(number + 1)]
    return [
        (Stretch(tape, *ends), scratch.of_worker(i))
        for i, ends in enumerate(pairwise(edges))
        if ends[0] < ends[1]
    ]


def _as_ufuncs(stretch: Stretch, scratch: Scratch) -> list[Call]:
    steps = steps_of_stretches([stretch], scratch)
    return [(function, *arguments) for function, arguments in steps]


def _as_loops(
    stretch: Stretch, scratch: Scratch, piece: int, kept: list[Mapping[int, Array]]
) -> Iterator[Call]:
    """Yield the calls of a stretch: parts of its tape as loops, as far as they can be."""
    parts = parts_of(stretch.tape)
    for memory in pieces_of(stretch, stretch.tape.calls, scratch, piece):
        kept.append(memory)
        for part in parts:
            call = _loop_call(part, memory) if part.makes else None
            if call is not None:
                yield call
                continue
            for one in part.calls:
                for function, arguments in steps_of_call(one, memory):
                    yield function, *arguments


# ------------------------------------------------------------------------------------------ parts


class Part(NamedTuple):
    """Calls of a tape that follow each other."""

    calls: Sequence[Instruction]
    reads: Sequence[int]
    """The identities of the arrays that they read of those made before."""
    makes: Sequence[int]
    """Of a loop, the identities of those that are needed behind it; of ufuncs, none."""


def parts_of(tape: Tape) -> list[Part]:
    """Divide a tape into loops and what stays NumPy's."""
    runs: list[list[Instruction]] = []
    for one in tape.calls:
        if runs and _is_cheap(one) and _is_cheap(runs[-1][-1]):
            runs[-1].append(one)
        else:
            runs.append([one])
    parts: list[Part] = []
    needed = {*tape.outs}
    for run in reversed(runs):
        made: dict[int, None] = {}
        reads: dict[int, None] = {}
        for one in run:
            read = [x.identity for x in one.operands if isinstance(x, Traced)]
            if one.function is operator.setitem and len(one.operands) > 1:
                read.append(one.result.identity)  # some elements stay as they were
            reads |= dict.fromkeys(key for key in read if key not in made)
            made[one.result.identity] = None
        is_loop = _is_cheap(run[0]) and len(run) > 1
        makes = [key for key in made if key in needed] if is_loop else []
        parts.append(Part(run, [*reads], makes))
        needed = (needed - made.keys()) | reads.keys()
    return parts[::-1]


def _is_cheap(one: Instruction) -> bool:
    """Return whether a call may be part of a loop."""
    if any(x.dtype not in TYPES for x in (*one.operands, one.result)):
        return False
    if one.function in (operator.setitem, same_bytes):
        return True
    return one.function in FORMS and (one.types[0].kind == "f" or one.function is np.subtract)


# ------------------------------------------------------------------------------------------ loops


def _loop_call(part: Part, memory: Mapping[int, Array]) -> Call | None:
    """Return the call of a part as a loop on these arrays; None if there is no such loop."""
    keys = dict.fromkeys((*part.reads, *part.makes))
    if not memory.keys() >= keys.keys():  # one is seen as other bytes: that is no array
        return None
    shape = memory[part.makes[0]].shape
    arrays = {key: np.broadcast_to(memory[key], shape, subok=False) for key in keys}
    axis = _inner(shape, arrays.values())
    if axis is None:
        return None
    rows: dict[int, Array] = {}
    """Identity -> the first row, and how far behind it the others lie."""
    offsets: dict[int, Array] = {}
    stand_ins: dict[int, Traced] = {}
    for key, array in arrays.items():
        first, name = array[(0,) * axis], key
        if _is_run(first):
            rows[name] = first.reshape(-1)
        elif key in part.makes:
            return None
        else:
            stand_ins[key] = number = Traced([], array.dtype, number=True)
            name = number.identity
            rows[name] = first[(slice(1),) * first.ndim].reshape(())
        offsets[name] = _offsets(array, shape[:axis])
    calls = [
        replace(one, operands=tuple(_instead(x, stand_ins) for x in one.operands))
        for one in part.calls
    ]
    names = {key: f"x{i}" for i, key in enumerate(rows)}
    loop = loop_of(Tape([], calls, rows, tuple(part.makes), "loop", names))
    kernel = None if loop is None else compiled(loop.source, loop.name)
    if loop is None or kernel is None:
        return None
    behind = {id(row): offsets[key] for key, row in rows.items()}
    for key, row in rows.items():
        for other in loop.arrays.values():
            if address(row) == address(other) and (offsets[key] != behind[id(other)]).any():
                return None  # one name would stand for two arrays
    places = [*loop.arrays.values(), *loop.numbers.values()]
    table = np.empty((prod(shape[:axis]), 2 + len(places)), np.int64)
    table[:, 0], table[:, 1] = kernel, prod(shape[axis:])
    for column, array in enumerate(places, 2):
        table[:, column] = address(array) + behind.get(id(array), 0)
    return call_of_rows(table)


def _instead(x: Any, stand_ins: Mapping[int, Traced]) -> Any:
    return stand_ins.get(x.identity, x) if isinstance(x, Traced) else x


def _inner(shape: Sequence[int], arrays: Iterable[Array]) -> int | None:
    """Return the first axis behind which each array is one run of memory, or one number."""
    arrays = [*arrays]
    for axis in range(len(shape)):
        if all(_is_run(a) or _is_number(a) for a in (array[(0,) * axis] for array in arrays)):
            return axis if prod(shape[axis:]) >= SHORTEST else None
    return None


def _is_run(array: Array) -> bool:
    return array.flags.c_contiguous


def _is_number(array: Array) -> bool:
    return all(step == 0 or d == 1 for d, step in zip(array.shape, array.strides, strict=True))


def _offsets(array: Array, outer: Sequence[int]) -> Array:
    """Return how many bytes behind the first row the others lie."""
    found = np.zeros(outer, np.int64)
    for axis, d in enumerate(outer):
        others = (1,) * (len(outer) - 1 - axis)
        found += (np.arange(d) * array.strides[axis]).reshape(-1, *others)
    return found.reshape(-1)
