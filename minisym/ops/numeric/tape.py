"""What an elementwise kernel does, written down by running it once: a tape.

A kernel is plain NumPy. It is called with `Traced` values instead of arrays, which write down which
ufunc is applied to what. What reads a tape can do the same in another manner, with the same bits:
piece by piece, or in one loop.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from minisym.core.ndarray import Array

_identities = count()
"""Numbers that are given once: an `id` is given again when its object is gone."""


class UntraceableError(Exception):
    """The kernel does what no tape can hold: it branches on a value, or calls no ufunc."""


@dataclass(eq=False)
class Instruction:
    """One call: `function(*operands, result)`.

    Attributes
    ----------
    function
        A ufunc; `operator.setitem` for a conversion, where a second operand says which elements are
        set; `same_bytes` for a view.
    operands
        Traced values, and 0-d arrays for numbers that are known.
    result
        What it fills.
    types
        The types in which a ufunc computes: those of its operands, then that of what it gives.
    """

    function: Callable[..., Any]
    operands: tuple[Any, ...]
    result: Traced
    types: tuple[np.dtype[Any], ...] = ()


class Traced(NDArrayOperatorsMixin):
    """A value of which only the type is known: an array, or a number that each run computes.

    Comparing two gives a third; as keys of a dict they are told apart by `identity`.
    """

    def __init__(self, tape: list[Instruction], dtype: Any, *, number: bool = False) -> None:
        self.tape, self.dtype, self.number = tape, np.dtype(dtype), number
        self.identity = next(_identities)

    def __array_ufunc__(
        self,
        ufunc: np.ufunc,
        method: str,
        *inputs: Any,
        out: Any = None,
        dtype: Any = None,
        casting: str = "same_kind",
        **others: Any,
    ) -> Traced:
        """Write down a call of a ufunc."""
        if method != "__call__" or others:
            raise UntraceableError(method)
        if dtype == np.int8 and all(x.dtype == np.bool_ for x in inputs):
            # the sign: a difference of two bools, read as int8
            inputs = tuple(x.as_int8() for x in inputs)
        elif dtype is not None and any(x.dtype != dtype for x in inputs):
            raise UntraceableError(ufunc)
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
        elif not np.can_cast(gives, target.dtype, "same_kind"):
            raise UntraceableError(casting)
        self.tape.append(Instruction(ufunc, operands, target, (*takes, gives)))
        return target

    def __array_function__(
        self, function: Any, types: Any, args: Any, kwargs: Any
    ) -> Traced | None:
        """Write down a call of np.clip or np.copyto, which are no ufuncs."""
        if function is np.copyto and len(args) == 2 and set(kwargs) <= {"where", "casting"}:
            target, value = args
            if not isinstance(target, Traced):
                raise UntraceableError(function)
            value = value if isinstance(value, Traced) else np.asarray(value, target.dtype)
            where = (kwargs["where"],) if "where" in kwargs else ()
            self.tape.append(Instruction(operator.setitem, (value, *where), target))
            return None
        if function is not np.clip or len(args) != 3 or set(kwargs) - {"out"}:
            raise UntraceableError(function)
        value, low, high = args
        clipped: Traced = np.minimum(np.maximum(value, low), high, **kwargs)
        return clipped

    def as_int8(self) -> Traced:
        """Return the same bytes as int8."""
        seen = Traced(self.tape, np.int8, number=self.number)
        self.tape.append(Instruction(same_bytes, (self,), seen))
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


def same_bytes() -> None:
    """Stand for a view: nothing is called."""


@dataclass(eq=False)
class Tape:
    """The calls of a kernel, in its order.

    Attributes
    ----------
    numbers
        The calls on single numbers, which come first.
    calls
        Those on arrays.
    held
        Identity of a value -> the array that holds it: inputs, outputs, and all numbers.
    outs
        The identities of the outputs.
    title
        The name of the kernel.
    names
        Identity of an input or a computed parameter -> its name.
    """

    numbers: list[Instruction]
    calls: list[Instruction]
    held: dict[int, Array]
    outs: tuple[int, ...]
    title: str
    names: dict[int, str]

    @property
    def whole(self) -> Array:
        """The first output: its shape is that of each value."""
        return self.held[self.outs[0]]


def record(
    kernel: Callable[..., None],
    inputs: Sequence[Array],
    outs: Sequence[Array],
    params: Mapping[str, Any],
    names: Sequence[str],
) -> Tape | None:
    """Return the tape of an elementwise kernel; None if it cannot be traced.

    `names` are those of the inputs. Parameters that are arrays are numbers that each run computes.
    Outputs may be inputs, unless the kernel reads one of these when it has been overwritten: then
    there is no tape, either.
    """
    calls: list[Instruction] = []
    arrays = [Traced(calls, array.dtype) for array in inputs]
    results = [Traced(calls, array.dtype) for array in outs]
    numbers = {
        name: Traced(calls, value.dtype, number=True)
        for name, value in params.items()
        if isinstance(value, np.ndarray)
    }
    given = {**params, **numbers, "out": tuple(results) if len(outs) > 1 else results[0]}
    try:
        kernel(*arrays, **given)
    except UntraceableError:
        return None
    values = [*arrays, *results, *numbers.values()]
    memory = [*inputs, *outs, *(params[name] for name in numbers)]
    held = {value.identity: array for value, array in zip(values, memory, strict=True)}
    of_numbers = [one for one in calls if one.result.number]
    for one in of_numbers:
        if one.function is same_bytes:
            held[one.result.identity] = held[one.operands[0].identity].view(np.int8)
        else:
            held.setdefault(one.result.identity, np.empty((), one.result.dtype))
    calls = [one for one in calls if not one.result.number]
    named = {x.identity: name for x, name in zip(arrays, names, strict=False)}
    named |= {number.identity: name for name, number in numbers.items()}
    results_of = tuple(value.identity for value in results)
    tape = Tape(of_numbers, calls, held, results_of, kernel.__name__, named)
    return None if _reads_overwritten(tape) else tape


def _reads_overwritten(tape: Tape) -> bool:
    """Return whether an input is read by a call behind the one that overwrites it."""
    written: list[tuple[int, Array]] = []
    for one in tape.calls:
        for x in one.operands:
            array = tape.held.get(x.identity) if isinstance(x, Traced) else None
            if array is not None and any(
                x.identity != key and np.may_share_memory(array, out) for key, out in written
            ):
                return True
        if one.result.identity in tape.outs:
            written.append((one.result.identity, tape.held[one.result.identity]))
    return False
