"""Workers: threads that share one piece of work, each on a CPU of its own, while the caller sleeps.

NumPy's loops and compiled kernels let go of Python's lock, so that two threads can run two of them
at once, if they are on two CPUs: a thread that is woken starts on the CPU of the one that woke it,
and both would stay there. So every worker is pinned, and the caller only waits.

Compiled loops can do better: there the caller takes its part, and who helps it stays awake for the
next time (see `loop_rows`).

`Work` is what can be shared: lists of calls that do not depend on each other, and calls that follow
all of them. It tries what is faster here and now, the workers or the caller alone.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Sequence
from contextlib import nullcontext, suppress
from importlib import import_module
from itertools import chain, starmap
from operator import call, index
from threading import get_ident
from time import perf_counter
from typing import Final

from minisym.core.errors import ParamError
from minisym.core.ndarray import Array
from minisym.runtime.blas import one_thread_of_blas
from minisym.runtime.calls import Call, exhaust, quiet
from minisym.runtime.compiled import is_loop
from minisym.runtime.loop_rows import Helpers, Shared, can_share

VARIABLE: Final = "MINISYM_NUM_THREADS"
"""The environment variable that says how many workers there are, until `set_num_threads` does."""
MOST: Final = 1024
"""How many workers there may be: more is a slip."""
TRIES: Final = 4
"""How often a piece of work is tried alone, and then with the workers; the first time, when caches
have to be filled, does not count."""
PERIOD: Final = 300
"""After how many runs it is tried again: what else runs on the machine comes and goes."""

_number: int | None = None


def set_num_threads(number: int) -> None:
    """Let large elementwise work, large updates, and the samples of layers be shared by threads.

    The default is 1: everything runs in the thread that calls. With more, that thread sleeps while
    as many workers run, each on a CPU of its own where the system can tell. What is small, or was
    slower so, still runs alone. Elementwise results and updates have the same bits in any case;
    convolutions, and sums over the samples, may differ in their last digits. Work is cut when
    arrays are bound: the number is that of executors which are bound from then on.

    Parameters
    ----------
    number
        From 1 on; more than there are CPUs gains nothing. The environment variable
        `MINISYM_NUM_THREADS` says it for programs that do not.

    Raises
    ------
    ParamError
        It is no such number.

    Examples
    --------
    >>> set_num_threads(2)
    >>> get_num_threads()
    2
    >>> set_num_threads(1)
    """
    global _number  # noqa: PLW0603 - one number for the process
    try:
        found = index(number)
    except TypeError:
        found = 0
    if isinstance(number, bool) or not 1 <= found <= MOST:
        raise ParamError(
            f"set_num_threads takes a number of threads from 1 to {MOST}, but got {number!r:.60}",
            hint=f"this process may use {_cpus_in_words()}",
        )
    _number = found


def get_num_threads() -> int:
    """Return how many threads share large work: what `set_num_threads` has said, or 1.

    Raises
    ------
    ParamError
        The environment variable `MINISYM_NUM_THREADS` holds no such number.
    """
    return _from_environment() if _number is None else _number


def _from_environment() -> int:
    text = os.environ.get(VARIABLE, "").strip() or "1"
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST):
        raise ParamError(
            f"the environment variable {VARIABLE} must be a number from 1 to {MOST}, "
            f"but is {text!r:.60}",
            hint=f"this process may use {_cpus_in_words()}; without the variable, 1 thread is used",
        )
    return int(text)


def _cpus() -> list[int]:
    """Return the CPUs that this process may use; none where the system does not say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def _cpus_in_words() -> str:
    number = len(_cpus()) or os.cpu_count() or 1
    return f"{number} CPU{'s' * (number > 1)}"


# ------------------------------------------------------------------------------------ the threads


class Team:
    """Some workers. They live as long as the process, or until another number of them is needed."""

    def __init__(self, number: int) -> None:
        self.parts: Sequence[Sequence[Call]] = ()
        self.then: Sequence[Call] = ()
        self.left: list[int] = []
        self.failed: list[BaseException] = []
        self.busy = threading.Lock()
        """Held while the workers run. Whoever ends last lets go of it, whoever waits takes it."""
        self.go = [threading.Lock() for _ in range(number)]
        for lock in self.go:
            lock.acquire()
        # one call of C, so that all workers begin or none does, and nobody goes on before they end
        begin: list[Call] = [(self.busy.acquire,), *((lock.release,) for lock in self.go)]
        self.calls: list[Call] = [*begin, (self.busy.acquire,), (self.busy.release,)]
        cpus = _cpus()
        # processes with fewer workers than there are CPUs should not all meet on the first ones
        first = os.getpid() * number
        for i in range(number):
            cpu = cpus[(first + i) % len(cpus)] if cpus else None
            threading.Thread(
                target=self._serve, args=(i, cpu), name=f"minisym-worker-{i}", daemon=True
            ).start()

    def _serve(self, place: int, cpu: int | None) -> None:
        """Be a worker."""
        _INSIDE.add(get_ident())
        if cpu is not None:
            with suppress(OSError):  # the process may not use this CPU any more
                os.sched_setaffinity(0, {cpu})  # 0 is this thread
        go = self.go[place].acquire
        while True:
            go()
            if not self.parts:
                _INSIDE.discard(get_ident())  # another thread may get this number
                return
            try:
                for part in self.parts[place :: len(self.go)]:
                    quiet().run(exhaust, starmap(call, part))
            except BaseException as error:  # noqa: BLE001 - the caller raises it
                self.failed.append(error)
            if not self.left.pop():  # the last one of all
                if not self.failed:
                    quiet().run(exhaust, starmap(call, self.then))
                self.busy.release()

    def run(self, parts: Sequence[Sequence[Call]], then: Sequence[Call]) -> None:
        """Make the calls of all parts, side by side, and those that follow.

        An interrupt stops none of them: it arrives when all have been made.
        """
        self.parts, self.then, self.failed = parts, then, []
        self.left = [*range(len(self.go))]
        heard = _hear(signal.SIG_BLOCK, ())
        try:
            _hear(signal.SIG_BLOCK, _SIGNALS)
            exhaust(starmap(call, self.calls))
        finally:
            _hear(signal.SIG_SETMASK, heard)  # what has come meanwhile is raised here
        if self.failed:
            raise self.failed[0]

    def dismiss(self) -> None:
        """Let the workers end."""
        self.parts = ()
        for lock in self.go:
            lock.release()


def _deaf(_: int, signals: Iterable[int]) -> Iterable[int]:
    """Stand for `pthread_sigmask` on Windows: there a lock is waited for without interrupts."""
    return signals


_hear: Final = getattr(import_module("_signal"), "pthread_sigmask", _deaf)
"""Sets which signals reach this thread. That of the module `signal` is Python around this one, and
there a signal could come in between."""
_SIGNALS: Final = frozenset(map(int, signal.valid_signals()))

_INSIDE: Final[set[int]] = set()
"""Threads that are workers, or that wait for them, even if they run a signal's handler meanwhile:
what these call is not shared once more."""
_lock = threading.RLock()
"""Held by who uses the workers; others wait."""
_team: Team | None = None
_helpers: Helpers | None = None


def _team_of(number: int) -> Team | None:
    """Return the workers; None if there can be none."""
    global _team  # noqa: PLW0603 - one team for the process
    if _team is not None and len(_team.go) != number:
        _team.dismiss()
        _team = None
    if _team is None:
        try:
            _team = Team(number)
        except RuntimeError:  # no more threads, or the interpreter is about to end
            return None
    return _team


def _helpers_of(number: int) -> Helpers | None:
    """Return the helpers of a caller; None if there can be none."""
    global _helpers  # noqa: PLW0603 - the same for the process
    cpus = _cpus()
    if cpus:  # two on one CPU would stop each other
        number = min(number, len(cpus) - 1)
    if _helpers is not None and len(_helpers.threads) != number:
        _helpers.dismiss()
        _helpers = None
    if _helpers is None and number > 0:
        try:
            _helpers = Helpers(number, cpus)
        except RuntimeError:  # as above
            return None
    return _helpers


def _forget() -> None:
    """Begin anew in a forked child: there the workers are no more, and locks are as they were."""
    global _team, _helpers, _lock
    _team, _helpers, _lock = None, None, threading.RLock()
    _INSIDE.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


# --------------------------------------------------------------------------------------- the work


class Work:
    """Calls that may be made side by side, and others behind them.

    Parameters
    ----------
    parts
        Lists of calls, of which none depends on another list, one for each worker as a rule. If all
        are compiled loops, none depends on another call.
    then
        Calls that are made when all of those have been made.
    blas
        Whether any of them calls BLAS, which has threads of its own.

    Notes
    -----
    `run` makes all calls or raises what one of them has raised. If none can raise, as in a commit,
    an interrupt finds all of them made, or none.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(4.0)
    >>> halves = [[(np.multiply, half, 2.0, half)] for half in (x[:2], x[2:])]
    >>> Work(halves, then=[(np.add, x, 1.0, x)]).run()
    >>> x
    array([1., 3., 5., 7.])
    """

    def __init__(
        self, parts: Sequence[Sequence[Call]], then: Sequence[Call] = (), *, blas: bool = False
    ) -> None:
        self.parts, self.then, self.blas = parts, then, blas
        self.loops = _loops_of(parts) if len(parts) > 1 else []
        self.runs = 0
        self.tries: dict[bool, list[float]] = {False: [], True: []}
        self.shares = True

    def run(self) -> None:
        """Make all calls."""
        number = min(get_num_threads(), len(self.parts))
        if number < 2 or get_ident() in _INSIDE:
            self._run_alone()
            return
        shares, is_try = self._choose()
        begin = perf_counter()
        if not (shares and self._run_shared(number)):
            self._run_alone()
        if is_try:
            self.tries[shares].append(perf_counter() - begin)

    def _choose(self) -> tuple[bool, bool]:
        """Return whether to share this run, and whether it is a try."""
        from statistics import median

        turn = self.runs % PERIOD
        self.runs += 1
        if turn == 0:
            self.tries = {False: [], True: []}
        if turn < 2 * TRIES:
            return turn >= TRIES, turn % TRIES > 0
        if turn == 2 * TRIES and all(self.tries.values()):
            self.shares = median(self.tries[True]) < median(self.tries[False])
        return self.shares, False

    def _run_alone(self) -> None:
        exhaust(starmap(call, chain(*self.parts, self.then)))

    def _run_shared(self, number: int) -> bool:
        """Let the workers make the calls; return False if there are none."""
        with _lock:
            if self.loops:
                helpers = _helpers_of(number - 1)
                if helpers is None:
                    return False
                calls = [*helpers.calls(self.loops), *self.then]
                exhaust(starmap(call, calls))
                return True
            team = _team_of(number)
            if team is None:
                return False
            caller = get_ident()
            try:
                _INSIDE.add(caller)
                with one_thread_of_blas() if self.blas else nullcontext():
                    team.run(self.parts, self.then)
            finally:
                _INSIDE.discard(caller)
        return True


def _loops_of(parts: Iterable[Iterable[Call]]) -> list[Shared]:
    """Return the rows of all loops, by their width; none if there is anything but loops."""
    tables: dict[int, list[Array]] = {}
    for function, *arguments in chain(*parts):
        if not is_loop(function):
            return []
        (table,) = arguments
        tables.setdefault(table.shape[1], []).append(table)
    return [Shared.of(own) for own in tables.values()] if tables and can_share() else []
