"""Every row is made once, and before the caller goes on, whatever helpers do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import engines
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minisym as ms
from minisym import sym
from minisym.runtime import loop_rows, workers
from minisym.runtime.loop_rows import Helpers, Shared

needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="numba is not installed")


# ------------------------------------------------------------------------------- in plain Python


class Turns:
    """Threads of which one runs at a time, up to its next instruction; choices say which then."""

    def __init__(self, choices: Sequence[int]) -> None:
        self.choices = [*choices]
        self.waiting: dict[int, threading.Lock] = {}

    def run(self, *functions: Callable[[], None]) -> None:
        """Run all functions to their ends."""
        all_here = threading.Barrier(len(functions) + 1)

        def run(function: Callable[[], None]) -> None:
            own = self.waiting[threading.get_ident()] = threading.Lock()
            own.acquire()
            all_here.wait()
            own.acquire()
            function()
            del self.waiting[threading.get_ident()]
            self.go_on()

        threads = [threading.Thread(target=run, args=(f,), daemon=True) for f in functions]
        for thread in threads:
            thread.start()
        all_here.wait()
        self.go_on()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()

    def go_on(self) -> None:
        """Let one of those that wait go on; without choices, they take turns."""
        if self.waiting:
            choice = self.choices.pop() if self.choices else 0
            first = [*self.waiting][choice % len(self.waiting)]
            self.waiting[first] = lock = self.waiting.pop(first)  # it comes last now
            lock.release()

    def instruction(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Let others run before each call of a function."""

        def stepped(*arguments: int) -> Any:
            own = self.waiting[threading.get_ident()]
            self.go_on()
            own.acquire()
            return function(*arguments)

        return stepped


@settings(max_examples=150, deadline=None)
@given(
    units=st.lists(st.lists(st.integers(1, 3), max_size=4), min_size=1, max_size=3),
    helpers=st.integers(0, 2),
    choices=st.lists(st.integers(0, 5), max_size=300),
)
def test_every_row_is_made_once_in_any_order_of_instructions(
    units: list[list[int]], helpers: int, choices: list[int]
) -> None:
    """Helpers come at any moment, are stopped at any, and come again; the caller goes on."""
    board = np.zeros(loop_rows.SIZE // 8, np.int64)
    place = board.ctypes.data
    begun, ended = Counter[int](), Counter[int]()
    turns = Turns(choices)

    def call(number: int, _: int) -> None:
        begun[number] += 1
        turns.instruction(int)()
        ended[number] += 1

    def caller() -> None:
        number = 0
        for sizes in units:
            ends = np.cumsum([0, *sizes])
            table = np.zeros((ends[-1], 2), np.int64)
            table[:, 0] = own = range(number, number + ends[-1])
            number += len(table)
            loop_rows.share(place, table, ends)
            assert all(begun[i] == ended[i] == 1 for i in own)

    def helper() -> None:
        for _ in range(3):
            loop_rows.serve(place)

    errors: list[BaseException] = []

    def caught(function: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                function()
            except BaseException as error:  # noqa: BLE001 - the test raises it
                errors.append(error)

        return run

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop_rows, "PATIENCE", 3)
        for name in ("load", "store", "add", "swap"):
            patch.setattr(loop_rows, name, turns.instruction(getattr(loop_rows, name)))
        patch.setattr(loop_rows, "call", call)
        turns.run(*map(caught, [caller, *[helper] * helpers]))
    for error in errors:
        raise error
    assert set(begun.values()) | set(ended.values()) <= {1}
    assert board[loop_rows.AWAKE // 8] == 0


@given(
    tables=st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=5), min_size=1, max_size=4)
)
def test_units_have_all_rows_in_their_order(tables: list[list[int]]) -> None:
    """Each begins in another stretch of so many elements."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop_rows, "UNIT", 30)
        table, ends = Shared.of([np.array([[7, size] for size in own]) for own in tables])
    sizes = [size for own in tables for size in own]
    assert table[:, 1].tolist() == sizes
    assert ends[0] == 0
    assert ends[-1] == len(sizes)
    assert (np.diff(ends) > 0).all()
    for begin, end in pairwise(ends):
        assert sum(sizes[begin : end - 1]) < 30
        assert end == len(sizes) or sum(sizes[:end]) // 30 > sum(sizes[:begin]) // 30


# -------------------------------------------------------------------------------------- compiled


@pytest.fixture
def step() -> Iterator[Callable[[], None]]:
    """Return what runs an update, as compiled loops that two threads share, and checks it."""
    pytest.importorskip("numba")
    with engines.using("compiled workers"):
        names = [f"{kind}{i}" for i in range(12) for kind in "wg"]
        arrays = {name: np.ones(60 * int(name[1:]) + 1, np.float32) for name in names}
        pairs = zip(*[map(sym.Variable, names)] * 2, strict=True)
        executor = sym.Group([sym.signsgd_update(w, g, lr=1) for w, g in pairs]).bind(args=arrays)
        runs = 0

        def run() -> None:
            nonlocal runs
            executor.forward()
            runs += 1
            assert all((arrays[f"w{i}"] == 1 - runs).all() for i in range(12))

        yield run


def test_an_update_is_shared_with_helpers(
    step: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows are in several units, and the threads wait for each other awake."""
    shared = []

    def calls(self: Helpers, loops: Sequence[Shared]) -> Any:
        shared.append([len(ends) - 1 for _, ends in loops])
        return plain(self, loops)

    plain = Helpers.calls
    monkeypatch.setattr(Helpers, "calls", calls)
    for _ in range(200):
        step()
    assert len(shared) == 200
    assert min(shared[0]) > 5


@needs_numba
def test_helpers_keep_off_the_cpu_of_the_caller() -> None:
    """There each would wait for the other."""
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("this system does not pin threads")
    cpus = os.sched_getaffinity(0)
    helpers = Helpers(2, cpus)
    for cpu in cpus:
        helpers.keep_off(cpu)
        for thread in helpers.threads:
            assert os.sched_getaffinity(thread.native_id) == (cpus - {cpu} or cpus)
    assert os.sched_getaffinity(0) == cpus
    helpers.dismiss()
    for thread in helpers.threads:
        thread.join(30)
        assert not thread.is_alive()


@needs_numba
def test_there_are_as_many_helpers_as_other_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several on one CPU would stop each other in the midst of their work; alone, there is none."""
    for cpus, number, found in (([0], 1, 0), ([0, 1], 7, 1), ([0, 1, 2, 3], 2, 2), ([], 3, 3)):
        monkeypatch.setattr(workers, "_cpus", lambda cpus=cpus: cpus)
        helpers = workers._helpers_of(number)
        assert (helpers is None) == (found == 0)
        assert helpers is None or len(helpers.threads) == found
    monkeypatch.undo()
    workers._helpers_of(1)


def test_callers_take_turns(step: Callable[[], None]) -> None:
    """One board serves one at a time."""
    errors: list[BaseException] = []
    lock = threading.Lock()

    def run() -> None:
        try:
            for _ in range(50):
                with lock:
                    step()
        except BaseException as error:  # noqa: BLE001 - the test raises it
            errors.append(error)

    other = other_step()
    threads = [threading.Thread(target=f) for f in (run, *[other] * 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


def other_step() -> Callable[[], None]:
    """Return what runs updates of its own, each time it is called."""

    def run() -> None:
        arrays = {name: np.ones(3000, np.float32) for name in "wg"}
        update = sym.sgd_update(sym.Variable("w"), sym.Variable("g"), lr=1)
        executor = update.bind(args=arrays)
        for _ in range(50):
            executor.forward()
        assert (arrays["w"] == -49).all()

    return run


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_has_helpers_of_its_own(step: Callable[[], None]) -> None:
    """Threads do not live on in it."""
    for _ in range(3):
        step()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it may deadlock: that is the test
        child = os.fork()
    if child == 0:
        signal.alarm(30)
        try:
            for _ in range(3):
                step()
        except BaseException:  # noqa: BLE001 - nothing may leave the child
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    step()


@needs_numba
def test_the_interpreter_ends_with_helpers_awake() -> None:
    """They are in compiled code then, and find no Python when they leave it."""
    code = """
import numpy as np, minisym as ms
from minisym import sym
from minisym.runtime import landing, workers
landing.WORTH, workers.TRIES = 0, 0
ms.set_num_threads(2)
ms.set_compile("always")
arrays = {name: np.ones(300_000, np.float32) for name in "wg"}
executor = sym.sgd_update(sym.Variable("w"), sym.Variable("g"), lr=1).bind(args=arrays)
for _ in range(10):
    executor.forward()
print(arrays["w"].min(), arrays["w"].max())
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stderr, ran.stdout) == (0, "", "-9.0 -9.0\n")


@needs_numba
def test_where_sharing_cannot_be_compiled_workers_share_as_ever(
    step: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A warning says so once."""

    def fail(function: Callable[..., None]) -> Callable[..., None]:
        if function is loop_rows.share:
            raise RuntimeError("no such instruction")
        return plain(function)

    plain = loop_rows.compiled
    monkeypatch.setattr(loop_rows, "compiled", fail)
    loop_rows.can_share.cache_clear()
    try:
        with pytest.warns(RuntimeWarning, match="asleep: RuntimeError: no such instruction"):
            step()
        step()
    finally:
        loop_rows.can_share.cache_clear()


def test_the_number_of_threads_may_change(step: Callable[[], None]) -> None:
    """The helpers that there were end."""
    for number in (2, 1, 3, 2):
        ms.set_num_threads(number)
        for _ in range(3):
            step()
