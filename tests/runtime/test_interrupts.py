"""Interrupts and exceptions at any moment of any kind of run: all lands, or nothing has changed.

`scripts/attack_writes.py` does the same for as long as it is given.
"""

from __future__ import annotations

import dataclasses
import gc
import signal
import sys
from contextlib import closing, contextmanager

import engines
import numpy as np
import pytest
import write_cases as cases

import minisym as ms
from minisym import sym
from minisym.runtime import executor as executors
from minisym.runtime import program
from minisym.runtime.compiled import is_loop
from minisym.runtime.plan import Plan

KINDS = pytest.mark.parametrize("kind", cases.KINDS)
ENGINES = pytest.mark.parametrize("engine", engines.FOUND)


@pytest.fixture(autouse=True)
def plain():
    """Let updates be ufuncs, unless a test says otherwise: a run is as the one before."""
    with engines.using("numpy"):
        yield


# --------------------------------------------------------------------------------------- signals


@ENGINES
@pytest.mark.parametrize("kind", ["plain", "fed"])
def test_interrupts_at_random_moments_stop_no_engine(kind, engine):
    rng, stopped = np.random.default_rng(8), 0
    with cases.Interrupts() as interrupts:
        for name in ("signsgd_update", "adam_update", "multi_sgd_mom_update"):
            with closing(cases.Case(kind, name, cases.LARGE, rng, engine)) as case:
                attack = cases.Attack(case, rng)
                for source in cases.SOURCES * 5:
                    assert attack.once(interrupts, source) is None, (name, source)
                stopped += attack.seen["unchanged"] + attack.seen["landed"]
    assert stopped > 5


@KINDS
def test_interrupts_at_random_moments(kind):
    """Of each kind of run a few ops, large arrays, every source of interrupts."""
    rng = np.random.default_rng(0)
    names = [name for name in cases.OPS if cases.fits(name, kind)]
    seen: dict[str, int] = {}
    with cases.Interrupts() as interrupts:
        for name in rng.choice(names, min(4, len(names)), replace=False):
            with closing(cases.Case(kind, name, 20_000, rng)) as case:
                attack = cases.Attack(case, rng)
                for source in cases.SOURCES * 4:
                    assert attack.once(interrupts, source) is None, (name, source)
            for what, number in attack.seen.items():
                seen[what] = seen.get(what, 0) + number
    assert seen["unchanged"] + seen["landed"] > 10


@ENGINES
@KINDS
@pytest.mark.parametrize("name", ["signum_update", "BatchNorm"])
def test_an_interrupt_at_every_moment(name, kind, engine):
    """Python looks for signals when a function begins and when one of C has ended: all of these."""
    if not cases.fits(name, kind) or (name == "BatchNorm" and engine != "numpy"):
        return
    rng = np.random.default_rng(6)
    with closing(cases.Case(kind, name, 6, rng, engine)) as case:
        attack = cases.Attack(case, rng)
        # where steps are compiled there are thousands: some of these, and the end
        moments = range(attack.moments)
        for moment in {*moments[:: len(moments) // 20 + 1], *moments[-25:]}:
            attack.rewind()
            runs = case.executor.runs
            assert attack.judge(attack.at(moment), runs) is None, moment
    assert attack.seen["unchanged"] > 3
    assert attack.seen["landed"] > 0 or kind == "profile"


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("name", cases.OPS)
def test_an_interrupt_between_any_two_writes_stops_none(name):
    """The commit itself sends the signal, and takes its time then: all of it lands."""
    rng = np.random.default_rng(1)
    case = cases.Case("plain", name, 3000, rng)
    attack = cases.Attack(case, rng)
    calls = case.executor._flat.calls
    slow = np.zeros(1 << 18)
    send = (signal.setitimer, signal.ITIMER_REAL, 1e-6), (np.add, slow, slow, slow)
    with cases.Interrupts() as interrupts:
        interrupts.is_armed = True
        for place in {0, 1, len(calls) // 2, len(calls) - 1, len(calls)}:
            attack.rewind()
            runs = case.executor.runs
            case.executor._flat.calls = [*calls[:place], *send, *calls[place:]]
            with pytest.raises(KeyboardInterrupt) as caught:
                case()
            assert case.state() == attack.after
            assert case.executor.runs == runs + 1
            assert cases.is_noted(caught.value)


# ------------------------------------------------------------------------------ what a commit runs


@pytest.fixture
def entered(monkeypatch):
    """Return the names of the Python functions that commits run."""
    found: list[str] = []

    def hook(frame, event, _):
        if event == "call":
            found.append(frame.f_code.co_qualname)

    def watched(iterator):
        gc.disable()  # what is told of it (by Hypothesis) is no part of the commit
        sys.setprofile(hook)
        program_exhaust(iterator)
        sys.setprofile(None)
        gc.enable()
        found.append("commit")

    program_exhaust = program.exhaust
    monkeypatch.setattr(program, "exhaust", watched)
    monkeypatch.setattr(executors, "exhaust", watched)
    return found


@pytest.mark.skipif("compiled" not in engines.FOUND, reason="numba is not installed")
@pytest.mark.parametrize("name", ["signsgd_update", "adam_update", "multi_sgd_mom_update"])
def test_a_commit_of_compiled_loops_runs_no_python(name, entered):
    with closing(cases.Case("plain", name, 300, np.random.default_rng(2), "compiled")) as case:
        case()
        case()
        calls = [call[0] for call in case.executor._flat.calls]
    assert set(entered) == {"commit"}
    assert any(map(is_loop, calls))
    assert all(map(program.is_compiled, calls[:-1]))


@pytest.mark.parametrize("name", cases.OPS)
def test_a_commit_runs_no_python(name, entered):
    rng = np.random.default_rng(2)
    for kind in cases.KINDS:
        if cases.fits(name, kind):
            case = cases.Case(kind, name, 300, rng)
            case()
            case()
    assert len(entered) > 1
    assert set(entered) == {"commit"}


@pytest.mark.parametrize("name", [name for name in cases.OPS if name not in cases.LAYERS])
def test_a_commit_runs_no_python_where_the_graph_computes_parameters(name, entered):
    """Then many updates cannot be cut into ufuncs: they must not compute in the commit."""
    rng = np.random.default_rng(5)
    _, arrays = cases.update(name, 300, rng)
    for parameter in ("lr", "wd", "clip_gradient", "rescale_grad"):
        if parameter in ms.op.get(name).params:
            given = {parameter: sym.Variable("given")}
            symbol, arrays = cases.update(name, 300, rng, params=given)
            arrays["given"] = np.full(1, 0.5, np.float32)
            executor = symbol.bind(args=arrays, aux_states=arrays)
            executor.forward()
            assert executor.runs == 1
    assert set(entered) <= {"commit"}


def test_the_hook_sees_python(entered):
    """What it would find: `np.copyto` asks its arguments in Python."""
    program.exhaust(iter([]))
    program.exhaust(map(np.copyto, [np.zeros(2)], [np.ones(2)]))
    assert set(entered) > {"commit"}


def test_restoring_and_copying_run_no_python(entered):
    w, x = np.ones(3), np.ones(3, np.float32)
    picked = sym.take(sym.Variable("w"), sym.Variable("x"), mode="raise")
    executor = picked.bind(args={"w": w, "x": x})
    with pytest.raises(ms.ExecutionError, match="take"):
        executor.forward(w=w * 2, x=np.full(3, 7))
    executor.copy_params_from({"w": w[::-1], "x": np.zeros(3, int)})
    ms.nd.adam_update(w.copy(), w.copy(), w.copy(), w.copy(), lr=1, out=w)
    assert entered.count("commit") > 3
    assert set(entered) == {"commit"}


# ----------------------------------------------------------------------------- steps that raise


class Boom(Exception):  # noqa: N818  it is thrown as a user's would be
    """What steps and callbacks raise here."""


@pytest.fixture
def ticking(monkeypatch):
    """Let every step count; the one whose turn it is raises."""

    class Clock:
        now, at = 0, -1
        error: type[BaseException] = Boom

        def tick(self):
            self.now += 1
            if self.now - 1 == self.at:
                raise self.error

    clock = Clock()
    plain = Plan._compile

    def compiled(self, *, is_train):
        made = plain(self, is_train=is_train)

        def ticked(parts):
            return [
                (node, [(stepped(function), arguments) for function, arguments in steps])
                for node, steps in parts
            ]

        return dataclasses.replace(
            made, forward=ticked(made.forward), backward=ticked(made.backward)
        )

    def stepped(function):
        def step(*arguments):
            clock.tick()
            function(*arguments)

        return step

    monkeypatch.setattr(Plan, "_compile", compiled)
    return clock


@pytest.mark.parametrize("error", [Boom, KeyboardInterrupt, SystemExit, MemoryError])
@KINDS
@pytest.mark.parametrize("name", ["adam_update", "conditional_update", "BatchNorm", "Custom"])
def test_a_step_that_raises_has_changed_nothing(name, kind, error, ticking):
    if not cases.fits(name, kind) or kind == "switch":  # its two plans have different steps
        return
    rng = np.random.default_rng(3)
    case = cases.Case(kind, name, 6, rng)
    attack = cases.Attack(case, rng)
    attack.rewind()
    ticking.now, ticking.error = 0, error
    case()
    steps = ticking.now
    assert steps > 0
    for at in range(steps):
        attack.rewind()
        runs = case.executor.runs
        ticking.now, ticking.at = 0, at
        with pytest.raises((ms.ExecutionError, error)) as caught:
            case()
        ticking.at = -1
        assert case.state() == attack.before
        assert case.executor.runs == runs
        assert not cases.is_noted(caught.value)
    attack.rewind()
    case()
    assert case.state() == attack.after


@contextmanager
def _watched(case, at, error=Boom):
    """Let the monitor raise at one of its calls; give the number of calls."""
    heard = []

    def callback(name, _):
        heard.append(name)
        if len(heard) - 1 == at:
            raise error

    case.executor.set_monitor_callback(callback, monitor_all=True)
    yield heard
    case.executor.set_monitor_callback(None)


@pytest.mark.parametrize("kind", [k for k in cases.KINDS if k not in ("monitor", "profile")])
@pytest.mark.parametrize("name", ["sgd_update", "signum_update", "BatchNorm", "Custom"])
def test_an_observer_that_raises_has_changed_nothing(name, kind):
    if not cases.fits(name, kind):
        return
    rng = np.random.default_rng(4)
    case = cases.Case(kind, name, 6, rng)
    attack = cases.Attack(case, rng)
    attack.rewind()
    with _watched(case, -1) as heard:
        case()
    assert case.state() == attack.after
    for at in range(len(heard)):
        attack.rewind()
        with _watched(case, at), pytest.raises(Boom):
            case()
        assert case.state() == attack.before
    attack.rewind()
    case()
    assert case.state() == attack.after


def test_a_monitor_that_comes_while_a_guard_is_on_stays_a_watcher():
    """The plan is chosen when a run begins, by who looks on then."""
    w = np.ones(2)
    executor = sym.sgd_update(sym.Variable("w"), sym.Variable("g"), lr=1).bind(
        args={"w": w, "g": np.ones(2)}
    )

    def stop(*_):
        raise Boom

    with executor.nan_guard():
        executor.set_monitor_callback(stop)
    with pytest.raises(Boom):
        executor.forward()
    assert w.tolist() == [1, 1]
    executor.set_monitor_callback(None)
    executor.forward()
    assert w.tolist() == [0, 0]


def test_a_guard_that_raises_at_an_update_has_changed_nothing():
    w = np.ones(2)
    executor = sym.sgd_update(sym.Variable("w"), sym.Variable("g"), lr=1).bind(
        args={"w": w, "g": np.array([1.0, np.nan])}
    )
    with executor.nan_guard(), pytest.raises(ms.ExecutionError, match=r"first NaN|passed on a NaN"):
        executor.forward()
    with executor.nan_guard(), pytest.raises(ms.ExecutionError, match="NaN"):
        executor.step().finish()
    assert w.tolist() == [1, 1]
