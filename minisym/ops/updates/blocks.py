"""Elementwise updates as ufuncs on pieces that stay in cache.

A kernel makes an array for every intermediate value, and walks through memory once an operation.
From its tape come prebound steps, block by block, with scratch that is used again. The ufuncs are
the kernel's own in its own order, and so are the bits.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from minisym.core.kernels import assignment, step
from minisym.core.ndarray import Array
from minisym.ops.numeric.tape import Instruction, Tape, Traced, record, same_bytes

BLOCK: Final = 1 << 15
"""Elements of a piece."""

Step = tuple[Callable[..., Any], tuple[Any, ...]]


def steps_of_kernel(
    kernel: Callable[..., None],
    inputs: Sequence[Array],
    outs: Sequence[Array],
    params: Mapping[str, Any],
) -> Iterator[Step] | None:
    """Return the steps of an elementwise kernel; None if it has no tape."""
    tape = record(kernel, inputs, outs, params)
    return None if tape is None else _steps(tape)


def _steps(tape: Tape) -> Iterator[Step]:
    """Yield the steps: those on numbers, then all others block by block."""
    memory, whole = dict(tape.held), tape.held[tape.outs[0]]
    for one in tape.calls:
        if one.result.number:
            memory[one.result.identity] = np.empty((), one.result.dtype)
            yield from _call(one, memory)
    work = [one for one in tape.calls if not one.result.number]
    arrays = {key: array for key, array in memory.items() if array.shape == whole.shape}
    flat = whole.size > BLOCK and all(array.flags.c_contiguous for array in arrays.values())
    scratch = _scratch(work, memory, (BLOCK,) if flat else whole.shape)
    for start in range(0, whole.size, BLOCK) if flat else (0,):
        part = memory | scratch
        if flat:
            rest = min(BLOCK, whole.size - start)
            part |= {key: a.reshape(-1)[start : start + rest] for key, a in arrays.items()}
            part |= {key: array[:rest] for key, array in scratch.items()}
        for one in work:
            yield from _call(one, part)


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


def _scratch(
    work: Sequence[Instruction], held: Mapping[int, Array], shape: tuple[int, ...]
) -> dict[int, Array]:
    """Give each intermediate value a buffer, and a dead one's buffer to the next of its type."""
    views = {
        one.result.identity: one.operands[0].identity for one in work if one.function is same_bytes
    }
    reads = [
        {views.get(x.identity, x.identity) for x in one.operands if isinstance(x, Traced)}
        for one in work
    ]
    last_read = {key: place for place, keys in enumerate(reads) for key in keys}
    found: dict[int, Array] = {}
    free: dict[Any, list[Array]] = {}
    for place, one in enumerate(work):
        for key in reads[place] & found.keys():
            if last_read[key] == place:
                free.setdefault(found[key].dtype, []).append(found[key])
        key = one.result.identity
        if key not in held and key not in found and key not in views:
            pool = free.get(one.result.dtype) or [np.empty(shape, one.result.dtype)]
            found[key] = pool.pop()
    return found
