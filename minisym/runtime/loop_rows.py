"""The rows of compiled loops: made by one thread, or by several that stay awake for each other.

A row says which loop is called, by the address of its *kernel*, and with what: the numbers behind
it (see `loop_source`). So one call of C makes all rows of a table.

A thread that has to be woken begins 20 to 50 microseconds later, and another one updates half a
million weights meanwhile. So nobody waits for that: the caller writes on a *board* what there is to
do, in units of some rows, and takes one unit after the other from the front. *Helpers* take from
the back. At the end the caller waits only for units that helpers have begun. A helper that finds
nothing to take goes on looking for a while before it sleeps. One that comes late, or never, is no
help, and that is all.

What is compiled is written here as plain Python, which runs as it is, too. Compiled, it runs no
Python and needs no lock of Python's, and an interrupt finds all rows made, or none.
"""

from __future__ import annotations

import ctypes
import os
import platform
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cache, partial, wraps
from importlib import import_module
from queue import SimpleQueue
from typing import Any, Final, NamedTuple

import numpy as np

from minisym.core.ndarray import Array
from minisym.runtime.calls import Call

UNIT: Final = 64 << 10
"""Elements of a unit, about: few enough that nobody waits long for the last one of another."""

# ------------------------------------------------------------------------------------- the board

# Where what lies, in bytes. What threads write all the time has a line of their caches to itself.
LEFT: Final = 0
"""Which units are left: the first one, and the one behind the last, each in half of a number."""
MADE: Final = 64
"""How many of them helpers have made."""
AWAKE: Final = 128
"""How many helpers are awake."""
TABLE: Final = 192
"""Where the rows lie,"""
WIDTH: Final = 200
"""how many bytes there are to a row,"""
ENDS: Final = 208
"""and where it is written which is the first row of each unit."""
SIZE: Final = 256

HALF: Final = 32
MASK: Final = (1 << HALF) - 1

PATIENCE: Final = 2000
"""How often a helper looks in vain before it sleeps: some 50 microseconds."""
POLITENESS: Final = 5000
"""How often a caller looks before it lets others have its CPU: perhaps the helper waits for it."""


# -------------------------------------------------- what stands for an instruction of the machine


def load(place: int) -> int:
    """Read the number that lies in a place of memory."""
    return _number(place).value


def store(place: int, value: int) -> None:
    """Write a number; who reads it sees all that was written before."""
    _number(place).value = value


def add(place: int, value: int) -> None:
    """Add to a number; nobody writes it in between."""
    _number(place).value += value


def swap(place: int, old: int, new: int) -> bool:
    """Write a number in the place of another; return False if it is not there any more."""
    number = _number(place)
    is_there = number.value == old
    if is_there:
        number.value = new
    return is_there


def call(function: int, place: int) -> None:
    """Call the function of C in one place with another place."""
    ctypes.CFUNCTYPE(None, ctypes.c_int64)(function)(place)


_number: Final = ctypes.c_int64.from_address


def pause() -> None:
    """Do nothing for a moment, with little power."""


def give_way() -> None:
    """Let another thread have this CPU, if one waits for it."""


# ------------------------------------------------------------------------------ what is compiled


def take(board: int, is_helper: bool) -> int:
    """Take a unit: the first that is left, or the last; return -1 if there is none."""
    while True:
        left = load(board + LEFT)
        first, behind = left & MASK, left >> HALF
        if first >= behind:
            return -1
        if is_helper:
            if swap(board + LEFT, left, left - (1 << HALF)):
                return behind - 1
        elif swap(board + LEFT, left, left + 1):
            return first


def make(table: int, width: int, begin: int, end: int) -> None:
    """Make some rows."""
    for place in range(table + begin * width, table + end * width, width):
        call(load(place), place + 8)


def make_unit(board: int, unit: int) -> None:
    """Make the rows of a unit that was taken: until then the board stays as it is."""
    ends = load(board + ENDS) + 8 * unit
    make(load(board + TABLE), load(board + WIDTH), load(ends), load(ends + 8))


def alone(table: Array) -> None:
    """Make all rows of a table."""
    make(table.ctypes.data, 8 * table.shape[1], 0, table.shape[0])


def share(board: int, table: Array, ends: Array) -> None:
    """Make all rows of a table with helpers, if there are any awake."""
    units = ends.size - 1
    store(board + TABLE, table.ctypes.data)
    store(board + WIDTH, 8 * table.shape[1])
    store(board + ENDS, ends.ctypes.data)
    store(board + MADE, 0)
    store(board + LEFT, units << HALF)
    others = units
    unit = take(board, False)
    while unit >= 0:
        make_unit(board, unit)
        others -= 1
        unit = take(board, False)
    looks = 0
    while load(board + MADE) < others:
        looks += 1
        if looks % POLITENESS:
            pause()
        else:
            give_way()


def serve(board: int) -> None:
    """Make what there is to take, until there has been nothing for a while."""
    add(board + AWAKE, 1)
    looks = 0
    while looks < PATIENCE:
        unit = take(board, True)
        if unit < 0:
            looks += 1
            pause()
        else:
            make_unit(board, unit)
            add(board + MADE, 1)
            looks = 0
    add(board + AWAKE, -1)


SIGNATURES: Final[dict[Callable[..., None], str]] = {
    alone: "void(int64[:, ::1])",
    share: "void(int64, int64[:, ::1], int64[::1])",
    serve: "void(int64)",
}
"""What is called from Python, and how."""


@cache
def compiled(function: Callable[..., None]) -> Callable[..., None]:
    """Compile one of them, or load what an earlier program has compiled."""
    numba: Any = import_module("numba")
    _teach()
    compile_it = partial(numba.njit, [SIGNATURES[function]], nogil=True)
    try:
        made = compile_it(cache=True)(function)
    except Exception:  # noqa: BLE001 - what was kept cannot be read, or there is no place for it
        made = compile_it()(function)
    (overload,) = made.overloads.values()
    found: Callable[..., None] = overload.entry_point
    return found


@cache
def _teach() -> None:
    """Tell numba which instruction of the machine each of the functions above stands for."""
    numba: Any = import_module("numba")
    ir: Any = import_module("llvmlite.ir")
    address_of_symbol: Any = import_module("llvmlite.binding").address_of_symbol
    int64, boolean, none = numba.types.int64, numba.types.boolean, numba.types.none
    number, nothing = ir.IntType(64), ir.VoidType()

    def at(builder: Any, place: Any) -> Any:
        return builder.inttoptr(place, number.as_pointer())

    def do_load(builder: Any, place: Any) -> Any:
        return builder.load_atomic(at(builder, place), "acquire", 8)

    def do_store(builder: Any, place: Any, value: Any) -> None:
        builder.store_atomic(value, at(builder, place), "release", 8)

    def do_add(builder: Any, place: Any, value: Any) -> None:
        builder.atomic_rmw("add", at(builder, place), value, "acq_rel")

    def do_swap(builder: Any, place: Any, old: Any, new: Any) -> Any:
        found = builder.cmpxchg(at(builder, place), old, new, "acq_rel", "monotonic")
        return builder.extract_value(found, 1)

    def do_call(builder: Any, function: Any, place: Any) -> None:
        kind = ir.FunctionType(nothing, [number])
        builder.call(builder.inttoptr(function, kind.as_pointer()), [place])

    def do_pause(builder: Any) -> None:
        if platform.machine().lower() in ("x86_64", "amd64"):
            kind = ir.FunctionType(nothing, [])
            builder.call(builder.module.declare_intrinsic("llvm.x86.sse2.pause", (), kind), [])

    def do_give_way(builder: Any) -> None:
        if address_of_symbol("sched_yield"):
            kind, module = ir.FunctionType(ir.IntType(32), []), builder.module
            known = module.globals.get("sched_yield")
            builder.call(known or ir.Function(module, kind, "sched_yield"), [])

    def teach(function: Any, do: Any, returns: Any, *takes: Any) -> None:
        @numba.extending.type_callable(function)  # type: ignore[untyped-decorator]
        def typed(_: Any) -> Any:
            def typer(*_: Any) -> Any:
                return returns(*takes)

            return wraps(function)(typer)  # numba asks for its signature

        @numba.extending.lower_builtin(function, *takes)  # type: ignore[untyped-decorator]
        def lowered(context: Any, builder: Any, _: Any, values: Any) -> Any:
            made = do(builder, *values)
            return context.get_dummy_value() if made is None else made

    teach(load, do_load, int64, int64)
    teach(store, do_store, none, int64, int64)
    teach(add, do_add, none, int64, int64)
    teach(swap, do_swap, boolean, int64, int64, int64)
    teach(call, do_call, none, int64, int64)
    teach(pause, do_pause, none)
    teach(give_way, do_give_way, none)
    numba.extending.register_jitable(take)
    numba.extending.register_jitable(make)
    numba.extending.register_jitable(make_unit)


# ---------------------------------------------------------------------------------------- helpers


@cache
def can_share() -> bool:
    """Return whether there can be helpers: somewhere else these functions may not compile."""
    try:
        compiled(share)
        compiled(serve)
    except Exception as error:  # noqa: BLE001 - whatever it is, it can be done without
        warnings.warn(
            f"workers wait for each other asleep: {type(error).__name__}: {error}",
            RuntimeWarning,
            stacklevel=2,
        )
        return False
    return True


class Helpers:
    """Threads that make rows beside a caller, on other CPUs than its own.

    Parameters
    ----------
    number
        How many there are.
    cpus
        Those that this process may use; none where the system does not say.
    """

    def __init__(self, number: int, cpus: Iterable[int]) -> None:
        self.cpus = frozenset(cpus)
        self.memory = np.zeros(SIZE // 8 + 8, np.int64)
        self.board = self.memory.ctypes.data + -self.memory.ctypes.data % 64
        self.wishes: SimpleQueue[bool] = SimpleQueue()
        """True for each helper that is to wake up, False for one that is to end."""
        self.free_of: int | None = None
        """The CPU that they keep off."""
        self.threads = [
            threading.Thread(
                target=self._help,
                args=(compiled(serve),),
                name=f"minisym-helper-{i}",
                daemon=True,
            )
            for i in range(number)
        ]
        for thread in self.threads:
            thread.start()

    def _help(self, stay: Callable[[int], None]) -> None:
        """Be a helper."""
        while self.wishes.get():
            stay(self.board)

    def calls(self, shared: Sequence[Shared]) -> Iterator[Call]:
        """Yield what the caller calls, in one call of C, so that rows of these tables are made.

        Only one thread may do so at a time.
        """
        asleep = len(self.threads) - load(self.board + AWAKE) - self.wishes.qsize()
        if asleep > 0:
            self.keep_off(_cpu())
        yield from [(self.wishes.put, True)] * asleep
        for table, ends in shared:
            yield compiled(share), self.board, table, ends

    def keep_off(self, cpu: int | None) -> None:
        """Keep helpers off a CPU, the caller's: there they would be woken, and it would stop."""
        if cpu is not None and cpu != self.free_of:
            for thread in self.threads:
                with suppress(OSError):  # there is no other one that the process may use
                    os.sched_setaffinity(thread.native_id or 0, self.cpus - {cpu})
            self.free_of = cpu

    def dismiss(self) -> None:
        """Let the helpers end."""
        for _ in self.threads:
            self.wishes.put(item=False)


def _cpu() -> int | None:
    """Return the CPU on which this thread runs; None where the system does not say."""
    found: int | None = _getcpu()() if _getcpu() else None
    return found


@cache
def _getcpu() -> Any:
    if not hasattr(os, "sched_setaffinity"):
        return None
    return getattr(ctypes.CDLL(None), "sched_getcpu", None)


class Shared(NamedTuple):
    """Rows that may be shared."""

    table: Array
    ends: Array
    """Which row is the first of each unit, and how many there are."""

    @classmethod
    def of(cls, tables: Sequence[Array]) -> Shared:
        """Return the rows of some tables, in units of about as many elements."""
        table = np.concatenate(tables)
        before = np.cumsum(table[:, 1]) - table[:, 1]
        number = before // UNIT
        begins = np.flatnonzero(np.diff(number, prepend=-1))
        return cls(table, np.append(begins, len(table)))
