"""Elementwise updates as ufuncs on pieces that stay in cache, by running their kernel once.

A kernel is plain NumPy: it makes an array for every intermediate value, and walks through memory
once an operation. When it is bound, it is called with `Traced` values instead of arrays. They write
down which ufunc is applied to what; from that tape come prebound steps, block by block, with
scratch that is used again. The ufuncs are the kernel's own in its own order, and so are the bits.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from minisym.core.kernels import assignment, step
from minisym.core.ndarray import Array

BLOCK: Final = 1 << 15
"""Elements of a piece."""

Step = tuple[Callable[..., Any], tuple[Any, ...]]


class UntraceableError(Exception):
    """The kernel does what no tape can hold: it branches on a value, or calls no ufunc."""


@dataclass(eq=False)
class Instruction:
    """One call: `function(*operands, result)`."""

    function: Callable[..., Any]
    operands: tuple[Any, ...]
    result: Traced


class Traced(NDArrayOperatorsMixin):
    """A value of which only the type is known: an array, or a number that each run computes.

    Comparing two gives a third; as keys of a dict they are told apart by `identity`.
    """

    def __init__(self, tape: list[Instruction], dtype: Any, *, number: bool = False) -> None:
        self.tape, self.dtype, self.number = tape, np.dtype(dtype), number
        self.identity = id(self)

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, dtype: Any = None
    ) -> Traced:
        """Write down a call of a ufunc."""
        if method != "__call__":
            raise UntraceableError(method)
        if dtype is not None:  # the sign: a difference of two bools, read as int8
            if any(np.dtype(x.dtype) != np.bool_ for x in inputs) or np.dtype(dtype) != np.int8:
                raise UntraceableError(ufunc)
            inputs = tuple(x.as_int8() for x in inputs)
        types = tuple(x.dtype if hasattr(x, "dtype") else type(x) for x in inputs)
        *takes, gives = ufunc.resolve_dtypes((*types, None))
        operands = tuple(
            x if isinstance(x, Traced) else np.asarray(x, t)
            for x, t in zip(inputs, takes, strict=True)
        )
        (target,) = out or (None,)
        if target is None:
            number = all(not isinstance(x, Traced) or x.number for x in inputs)
            target = Traced(self.tape, gives, number=number)
        self.tape.append(Instruction(ufunc, operands, target))
        return target

    def __array_function__(
        self, function: Any, types: Any, args: Any, kwargs: Any
    ) -> Traced | None:
        """Write down a call of np.clip, or of np.copyto with a condition: no ufuncs."""
        if function is np.copyto and len(args) == 2 and set(kwargs) == {"where"}:
            self.tape.append(Instruction(operator.setitem, (args[1], kwargs["where"]), args[0]))
            return None
        if function is not np.clip or len(args) != 3 or set(kwargs) - {"out"}:
            raise UntraceableError(function)
        value, low, high = args
        clipped: Traced = np.minimum(np.maximum(value, low), high, **kwargs)
        return clipped

    def as_int8(self) -> Traced:
        """Return the same bytes as int8."""
        seen = Traced(self.tape, np.int8, number=self.number)
        self.tape.append(Instruction(_same_bytes, (self,), seen))
        return seen

    def astype(self, dtype: Any, **_: bool) -> Traced:
        """Write down a conversion."""
        if self.dtype == dtype:
            return self
        target = Traced(self.tape, dtype, number=self.number)
        self.tape.append(Instruction(operator.setitem, (self,), target))
        return target

    def __setitem__(self, key: Any, value: Any) -> None:
        """Write down a copy."""
        if key is not ... or not isinstance(value, Traced):
            raise UntraceableError(key)
        self.tape.append(Instruction(operator.setitem, (value,), self))

    def __bool__(self) -> bool:
        """Refuse: the value is not known yet."""
        raise UntraceableError

    def __getattr__(self, name: str) -> Any:
        """Refuse whatever else an array has."""
        if name.startswith("__"):
            raise AttributeError(name)
        raise UntraceableError(name)


def _same_bytes() -> None:
    """Stand for a view: nothing is called."""


def steps_of_kernel(
    kernel: Callable[..., None],
    inputs: Sequence[Array],
    outs: Sequence[Array],
    params: Mapping[str, Any],
) -> Iterator[Step] | None:
    """Return the steps of an elementwise kernel; None if it cannot be traced.

    Outputs may be inputs, unless the kernel reads one of these when it has been overwritten: then
    there are no steps, either.
    """
    tape: list[Instruction] = []
    arrays = [Traced(tape, array.dtype) for array in inputs]
    results = [Traced(tape, array.dtype) for array in outs]
    numbers = {
        name: Traced(tape, value.dtype, number=True)
        for name, value in params.items()
        if isinstance(value, np.ndarray)
    }
    given = {**params, **numbers, "out": tuple(results) if len(outs) > 1 else results[0]}
    try:
        kernel(*arrays, **given)
    except UntraceableError:
        return None
    values = [*arrays, *results, *numbers.values()]
    held = [*inputs, *outs, *(params[name] for name in numbers)]
    memory = {value.identity: array for value, array in zip(values, held, strict=True)}
    if _reads_overwritten(tape, memory, {value.identity for value in results}):
        return None
    return _compiled(tape, memory, outs[0])


def _reads_overwritten(
    tape: Sequence[Instruction], memory: Mapping[int, Array], outs: Collection[int]
) -> bool:
    """Return whether an input is read by an instruction behind the one that overwrites it."""
    written: list[tuple[int, Array]] = []
    for one in tape:
        for x in one.operands:
            array = memory.get(x.identity) if isinstance(x, Traced) else None
            if array is not None and any(
                x.identity != key and np.may_share_memory(array, out) for key, out in written
            ):
                return True
        if one.result.identity in outs:
            written.append((one.result.identity, memory[one.result.identity]))
    return False


def _compiled(
    tape: Sequence[Instruction], memory: dict[int, Array], whole: Array
) -> Iterator[Step]:
    """Yield the steps: those on numbers, then all others block by block."""
    for one in tape:
        if one.result.number:
            memory[one.result.identity] = np.empty((), one.result.dtype)
            yield from _call(one, memory)
    work = [one for one in tape if not one.result.number]
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
    if one.function is _same_bytes:
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
        one.result.identity: one.operands[0].identity for one in work if one.function is _same_bytes
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
