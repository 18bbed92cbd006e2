"""Workers make all calls of a piece of work, whatever arrives meanwhile; nobody waits for ever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from operator import setitem
from typing import Any

import numpy as np
import pytest

import minisym as ms
from minisym.runtime import workers
from minisym.runtime.workers import Work


@pytest.fixture(autouse=True)
def two_workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let two workers share all work, however quick it would be alone."""
    monkeypatch.setattr(workers, "TRIES", 0)
    ms.set_num_threads(2)
    yield
    ms.set_num_threads(1)


def halves(x: Any, *functions: Callable[..., Any]) -> list[list[Any]]:
    """Return calls of functions on the halves of an array, in place."""
    middle = len(x) // 2
    return [[(f, half, half) for f in functions] for half in (x[:middle], x[middle:])]


def test_every_part_is_run_and_what_follows_sees_all_of_them() -> None:
    """The calls of a part come in their order, those behind when all parts have ended."""
    x = np.arange(10.0)
    total = np.zeros(())
    Work(halves(x, np.square, np.negative), [(np.add.reduce, x, None, None, total)]).run()
    assert x.tolist() == [-(i**2.0) for i in range(10)]
    assert total == -sum(i**2 for i in range(10))


def test_parts_run_in_threads_of_their_own_with_a_cpu_each() -> None:
    """Neither is the caller's; the caller stays where it may run."""
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("this system does not pin threads")
    seen: dict[int, set[int]] = {}
    both = threading.Barrier(2, timeout=30)

    def look() -> None:
        both.wait()
        seen[threading.get_ident()] = os.sched_getaffinity(0)

    before = os.sched_getaffinity(0)
    Work([[(look,)], [(look,)]]).run()
    assert len(seen) == 2
    assert threading.get_ident() not in seen
    assert all(len(cpus) == 1 and cpus <= before for cpus in seen.values())
    assert len(set.union(*seen.values())) == min(2, len(before))
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize("parts", [1, 2, 3, 5])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_any_number_of_parts_is_shared_by_any_number_of_workers(parts: int, number: int) -> None:
    """The work was cut before the number was set, perhaps."""
    ms.set_num_threads(number)
    x = np.zeros(parts)
    Work([[(setitem, x, i, i + 1)] for i in range(parts)], [(np.negative, x, x)]).run()
    assert x.tolist() == [-(i + 1) for i in range(parts)]


def test_an_error_of_a_worker_is_the_callers() -> None:
    """The other part ends, what follows does not begin, and the workers go on to serve."""
    done: list[str] = []

    def fail() -> None:
        raise LookupError("no such page")

    work = Work([[(fail,), (done.append, "behind")], [(done.append, "beside")]], [(done.append, 1)])
    for _ in range(3):
        done.clear()
        with pytest.raises(LookupError, match="no such page"):
            work.run()
        assert done == ["beside"]
    test_every_part_is_run_and_what_follows_sees_all_of_them()


def test_floating_point_errors_are_values_in_workers() -> None:
    """As everywhere in a run: a warning would be an error here."""
    x = np.array([1.0, -1.0])
    zero = np.zeros(1)
    Work([[(np.divide, half, zero, half)] for half in (x[:1], x[1:])]).run()
    assert x.tolist() == [np.inf, -np.inf]


def test_work_within_work_runs_where_it_is() -> None:
    """All workers could be waiting for each other otherwise."""
    x = np.arange(4.0)
    inner = [Work(halves(half, np.square)) for half in (x[:2], x[2:])]
    Work([[(one.run,)] for one in inner]).run()
    assert x.tolist() == [0, 1, 4, 9]


def test_threads_take_turns() -> None:
    """The workers serve one caller after the other."""
    arrays = [np.full(8, float(i)) for i in range(4)]
    works = [Work(halves(x, np.negative), [(np.add, x, 1.0, x)]) for x in arrays]

    def run(work: Work) -> None:
        for _ in range(51):
            work.run()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # x -> 1 - x, an odd number of times
    assert [x.tolist() for x in arrays] == [[1.0 - i] * 8 for i in range(4)]


# ------------------------------------------------------------------------------------- what arrives


class Rang(BaseException):
    """What a signal raises here."""


@pytest.fixture
def alarm() -> Iterator[Callable[..., None]]:
    """Return what lets signals arrive, each of which raises or calls a function."""
    if not hasattr(signal, "setitimer"):
        pytest.skip("this system has no timer")

    def ring(_: int, __: object) -> None:
        raise Rang

    def start(first: float, interval: float = 0, handler: Any = ring) -> None:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, first, interval)

    before = signal.getsignal(signal.SIGALRM)
    yield start
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("interval", [0, 0.003])
def test_an_interrupt_arrives_when_all_calls_have_been_made(
    alarm: Callable[..., None], interval: float
) -> None:
    """Also when others follow it while the workers are still at it."""
    done: list[int] = []
    work = Work([[(time.sleep, 0.05), (done.append, i)] for i in range(2)], [(done.append, 2)])
    seen: list[int] = []
    try:
        alarm(0.01, interval)
        work.run()
    except Rang:
        seen += done
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert sorted(seen) == [0, 1, 2]
    work.run()
    assert sorted(done) == [0, 0, 1, 1, 2, 2]


def test_an_interrupt_at_any_moment_leaves_all_calls_made_or_none(
    alarm: Callable[..., None],
) -> None:
    """Short work, many alarms: before, within and behind it."""
    x = np.zeros(2)
    parts = [[(np.add, x[:1], 1.0, x[:1])], [(np.add, x[1:], 1.0, x[1:])]]
    count = np.zeros(())
    work = Work(parts, [(np.add, count, 1.0, count)])
    rng = np.random.default_rng(0)
    for delay in rng.uniform(5e-6, 3e-4, 300):
        try:
            alarm(delay)
            for _ in range(4):
                work.run()
            time.sleep(1)
        except Rang:
            pass
        assert x[0] == x[1] == count
    assert count > 0


def test_a_handler_of_a_signal_may_share_work_itself(alarm: Callable[..., None]) -> None:
    """It runs in the thread that waits for the workers, and so runs alone."""
    x = np.arange(4.0)
    inner = Work(halves(x, np.square))
    alarm(0.01, 0, lambda *_: inner.run())
    Work([[(time.sleep, 0.05)], []]).run()
    assert x.tolist() == [0, 1, 4, 9]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_has_workers_of_its_own() -> None:
    """Threads do not live on in it."""
    x = np.arange(4.0)
    work = Work(halves(x, np.square))
    work.run()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it may deadlock: that is the test
        child = os.fork()
    if child == 0:
        signal.alarm(30)
        work.run()
        os._exit(0 if x.tolist() == [0, 1, 16, 81] else 1)
    assert os.waitpid(child, 0)[1] == 0
    work.run()
    assert x.tolist() == [0, 1, 16, 81]


def test_the_interpreter_ends_with_workers_waiting() -> None:
    """Also when they are used, or first needed, at its very end."""
    code = """
import atexit, numpy as np, minisym as ms
from minisym.runtime.workers import Work
x = np.zeros(2)
work = Work([[(np.add, half, 1.0, half)] for half in (x[:1], x[1:])])
atexit.register(lambda: (work.run(), work.run(), print(x)))
ms.set_num_threads(2)
"""
    for more in ("", "work.run(); work.run()\n"):
        ran = subprocess.run(
            [sys.executable, "-c", code + more],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        assert ran.stdout == ("[2. 2.]\n" if not more else "[4. 4.]\n")


# ------------------------------------------------------------------------------ what it takes


@pytest.mark.parametrize(("alone", "shared"), [(1.0, 3.0), (3.0, 1.0)])
def test_what_is_slower_with_workers_runs_alone(
    monkeypatch: pytest.MonkeyPatch, alone: float, shared: float
) -> None:
    """It is tried both ways, and from then on runs the faster way."""
    monkeypatch.setattr(workers, "TRIES", 3)
    now = [0.0]
    caller = threading.get_ident()
    ways: list[bool] = []

    def look() -> None:
        ways.append(threading.get_ident() != caller)
        now[0] += shared if ways[-1] else alone

    monkeypatch.setattr(workers, "perf_counter", lambda: now[0])
    work = Work([[(look,)], []])
    for _ in range(20):
        work.run()
    assert ways == [False] * 3 + [True] * 3 + [shared < alone] * 14


def test_it_is_tried_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """A neighbour may have gone."""
    monkeypatch.setattr(workers, "TRIES", 2)
    monkeypatch.setattr(workers, "PERIOD", 6)
    work = Work([[], []])
    shared = []
    monkeypatch.setattr(Work, "_run_shared", lambda _, __: shared.append(1) or True)
    monkeypatch.setattr(workers, "perf_counter", iter(range(100)).__next__)
    seen = []
    for _ in range(12):
        shared.clear()
        work.run()
        seen.append(len(shared))
    # as quick with them as without: alone it is
    assert seen == [0, 0, 1, 1, 0, 0] * 2


# ---------------------------------------------------------------------------------------- how many


@pytest.mark.parametrize("number", [0, -1, True, 1.5, "2", None, 10**9])
def test_what_is_no_number_of_threads_is_refused(number: Any) -> None:
    """In words, and nothing changes."""
    with pytest.raises(ms.ParamError, match="from 1 to 1024, but got") as caught:
        ms.set_num_threads(number)
    assert repr(number) in str(caught.value)
    assert "CPU" in str(caught.value)
    assert ms.get_num_threads() == 2


def test_numbers_of_numpy_are_numbers() -> None:
    """They may come from a table."""
    ms.set_num_threads(np.int64(3))  # type: ignore[arg-type]
    assert ms.get_num_threads() == 3


@pytest.mark.parametrize(("text", "number"), [("", 1), ("2", 2), (" 4 ", 4)])
def test_the_environment_says_how_many(
    monkeypatch: pytest.MonkeyPatch, text: str, number: int
) -> None:
    """Until the program does."""
    monkeypatch.setattr(workers, "_number", None)
    monkeypatch.setenv(workers.VARIABLE, text)
    assert ms.get_num_threads() == number
    ms.set_num_threads(3)
    assert ms.get_num_threads() == 3


@pytest.mark.parametrize("text", ["two", "0", "-1", "1.5", "99999999999999", "²"])
def test_what_the_environment_says_wrongly_is_refused(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """By the name of the variable."""
    monkeypatch.setattr(workers, "_number", None)
    monkeypatch.setenv(workers.VARIABLE, text)
    with pytest.raises(ms.ParamError, match="MINISYM_NUM_THREADS must be a number from 1 to 1024"):
        ms.get_num_threads()
