"""Runs that write, of every op that writes and of every kind of run, and interrupts for them.

`tests/runtime/test_interrupts.py` takes a little time for it, `scripts/attack_writes.py` as much as
it is given.
"""

import inspect
import math
import os
import signal
import sys
import threading
import time
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

import engines
import numpy as np

import minisym as ms
from minisym import sym
from minisym.core import random
from minisym.core.compose import compose
from minisym.runtime.program import LANDED

OPS = sorted({op.name: op for op in ms.op.registered().values() if op.writes})
LARGE = 1 << 18  # elements: 1 MB of float32


@ms.operator.register("write_cases_counting")
class Counting(ms.operator.CustomOpProp):
    """A user's operator with a state, which every run of it raises by one."""

    def list_auxiliary_states(self):
        return ["count"]

    def infer_shape(self, in_shape):
        return in_shape, [in_shape[0]], [in_shape[0]]

    def create_operator(self, ctx, in_shapes, in_dtypes):  # noqa: ARG002
        return _Counting()


class _Counting(ms.operator.CustomOp):
    def forward(self, is_train, req, in_data, out_data, aux):  # noqa: ARG002
        aux[0][...] += 1
        self.assign(out_data[0], req[0], in_data[0] * 2)

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):  # noqa: ARG002
        self.assign(in_grad[0], req[0], out_grad[0] * 2)


def layer(name, size, rng):
    """Return a layer whose states a training run writes, with its arrays."""
    x = sym.Variable(f"{name}_x")
    rows = rng.normal(size=(2, size)).astype(np.float32)
    if name == "Custom":
        symbol = sym.Custom(x, op_type="write_cases_counting", name=name)
        return symbol, {"Custom_x": rows, "Custom_count": np.zeros((2, size), np.float32)}
    symbol = getattr(sym, name, None) or getattr(sym.contrib, name.removeprefix("_contrib_"))
    if name == "IdentityAttachKLSparseReg":
        symbol = symbol(sym.sigmoid(x), name=name)
        return symbol, {f"{name}_x": rows, f"{name}_moving_avg": np.full(size, 0.1, np.float32)}
    options = {"key": "k", "ndev": 1} if "Sync" in name else {}
    symbol = symbol(x, fix_gamma=False, name=name, **options)
    parts = ("gamma", "beta", "moving_mean", "moving_var")
    return symbol, {f"{name}_x": rows} | {
        f"{name}_{part}": rng.uniform(0.5, 1, size).astype(np.float32) for part in parts
    }


def update(name, size, rng, prefix="", params=None):
    """Return an update of large arrays, by its first sample, with the arrays."""
    op = ms.op.get(name)
    samples = op.samples() if callable(op.samples) else op.samples
    sample = [s for s in samples if s.raises is None][-1]
    names = op.input_names(op.read_params(sample.params), len(sample.inputs))
    arrays = {}
    for slot, given in zip(names, sample.arrays(rng), strict=True):
        rows = given.shape[0]
        grows = slot.rpartition("_")[2].isdigit() or (not op.group and given.size > 1)
        arrays[prefix + slot] = np.concatenate([given] * (max(1, size // rows) if grows else 1))
    given = {**sample.params, **(params or {})}
    symbol = compose(op, name, [*map(sym.Variable, arrays)], given, name=prefix + name)
    return symbol, arrays


def step(name, size, rng):
    """Return an op twice beside a reader, with the arrays: several writes in one run."""
    if name in LAYERS:
        symbol, arrays = layer(name, size, rng)
        return sym.Group([symbol, sym.tanh(symbol.get_internals()[f"{name}_x"])]), arrays
    one, arrays = update(name, size, rng, "a_")
    two, others = update(name, size, rng, "b_")
    first = next(iter(arrays))
    return sym.Group([one, two, sym.tanh(one.get_internals()[first])]), arrays | others


LAYERS = (
    *("BatchNorm", "BatchNorm_v1", "_contrib_SyncBatchNorm", "_contrib_BatchNormWithReLU"),
    *("IdentityAttachKLSparseReg", "Custom"),
)


# ------------------------------------------------------------------------------------ kinds of run


class Case:
    """An executor, the arrays that it may change, and a call that changes them."""

    def __init__(self, kind, name, size, rng, engine=None):
        self.stack = ExitStack()
        if engine is not None:
            self.stack.enter_context(engines.using(engine))
        symbol, self.arrays = step(name, size, rng)
        self.kind, self.name, self.train = kind, name, name in LAYERS
        arguments, states = symbol.list_arguments(), symbol.list_auxiliary_states()
        self.gradients, requests = {}, "null"
        if kind.startswith("backward"):
            self.gradients = {n: np.ones_like(self.arrays[n]) for n in arguments}
            requests = kind.removeprefix("backward ")
        self.executor = symbol.bind(
            args={n: self.arrays[n] for n in arguments},
            args_grad=self.gradients or None,
            grad_req=requests,
            aux_states={n: self.arrays[n] for n in states},
        )
        if kind == "internals":
            _ = self.executor.internals
        if kind == "nan_guard":  # it is watched from now on
            self.stack.enter_context(self.executor.nan_guard())
        if kind == "monitor":
            self.executor.set_monitor_callback(_hear)
        fed = [n for n in arguments if n not in self.executor.writes]
        self.fed = {n: self.arrays[n] * 0.5 for n in fed} if kind in ("fed", "fed step") else {}
        self.bound = [*self.arrays.values(), *self.gradients.values()]

    def __call__(self):
        executor, train = self.executor, self.train
        if self.gradients:
            executor.backward([np.ones_like(array) for array in executor.outputs])
        elif self.kind.endswith("step"):
            executor.step(train, **self.fed).finish()
        elif self.kind == "switch":  # the run goes over to another plan
            executor.set_monitor_callback(None if executor._observers else _hear)
            executor.forward(train)
        elif self.kind == "profile":
            executor.profile(1, is_train=train)
        else:
            executor.forward(train, **self.fed)

    def begin(self):
        """Make what a call needs that is not to be interrupted."""
        if self.gradients and self.executor._last["is_train"] is None:
            self.executor.forward(self.train)

    def close(self):
        """Take the guard away, and the engine."""
        self.stack.close()

    def state(self):
        """Return what is bound, as bytes."""
        return [array.tobytes() for array in self.bound]

    def restore(self, state):
        for array, kept in zip(self.bound, state, strict=True):
            array[...] = np.frombuffer(kept, array.dtype).reshape(array.shape)


def _hear(name, array):
    """Be the callback of a monitor."""


KINDS = (
    *("plain", "fed", "internals", "monitor", "switch", "nan_guard", "step", "fed step", "profile"),
    *("backward write", "backward add"),
)


def fits(name, kind):
    """Return whether a kind of run makes sense for an op: only layers have gradients."""
    return name in LAYERS or not kind.startswith("backward")


# -------------------------------------------------------------------------------------- interrupts


class Interrupts:
    """Raise KeyboardInterrupt at a moment, by a clock or by another thread."""

    is_armed = False

    def __enter__(self):
        self.before = [
            (number, signal.signal(number, self._raise))
            for number in (signal.SIGALRM, signal.SIGINT)
        ]
        return self

    def __exit__(self, *_):
        for number, handler in self.before:
            signal.signal(number, handler)

    def _raise(self, _, frame):
        """Interrupt what minisym and NumPy do in `during`; all else is the tests' own.

        It might be a finalizer, too, where Python itself swallows an interrupt.
        """
        if self.is_armed and frame.f_code.co_filename.startswith(PACKAGES):
            raise KeyboardInterrupt

    def during(self, source, delay, call):
        """Call, and return the interrupt that left the call, if one came before its end."""
        self.is_armed = True
        stop = _begin(source, delay)
        try:
            call()
        except KeyboardInterrupt as error:
            return error
        finally:
            self.is_armed = False
            stop()
        return None


def _begin(source, delay):
    if source == "thread":
        timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()

        def stop():
            timer.cancel()
            timer.join()

        return stop
    signal.setitimer(signal.ITIMER_REAL, delay, 3e-5 if source == "storm" else 0)
    return lambda: signal.setitimer(signal.ITIMER_REAL, 0)


SOURCES = ("alarm", "storm", "thread")
OUTCOMES = ("ran", "unchanged", "landed")
PACKAGES = tuple(f"{Path(package.__file__).parent}{os.sep}" for package in (ms, np))


def is_noted(error):
    """Return whether an interrupt says that the writes have landed, or one that it came upon."""
    while error is not None and LANDED not in getattr(error, "__notes__", ()):
        error = error.__context__
    return error is not None


class Attack:
    """A case, what it is like before and after a whole run, and counts of what interrupts do."""

    def __init__(self, case, rng):
        self.case, self.rng = case, rng
        self.seen = dict.fromkeys(OUTCOMES, 0)
        case.begin()
        self.before, self.draws = case.state(), random.generator.bit_generator.state
        self.took = min(self.calm() for _ in range(2))

    def calm(self):
        """Run in peace; return how long it took."""
        case = self.case
        self.rewind()
        start = time.perf_counter()
        case()
        took = time.perf_counter() - start
        self.after = case.state()
        self.outputs = [array.tobytes() for array in case.executor.outputs]
        assert (self.after == self.before) == (case.kind == "profile"), case.name
        return took

    def rewind(self):
        self.case.restore(self.before)
        random.generator.bit_generator.state = self.draws
        self.case.begin()
        if self.case.gradients:
            self.case.restore(self.before)

    def at(self, moment):
        """Run, and return the interrupt that came at a moment; count the moments.

        Python looks for signals when a function begins and when one of C has ended.
        """
        passed = 0

        def hook(frame, event, _):
            nonlocal passed
            code = frame.f_code
            # a generator that is dropped is called, too: Python swallows what is raised there
            begins = event == "call" and not code.co_flags & inspect.CO_GENERATOR
            if (begins or event == "c_return") and code.co_filename.startswith(PACKAGES):
                passed += 1
                if passed > moment:
                    raise KeyboardInterrupt

        sys.setprofile(hook)
        try:
            self.case()
        except KeyboardInterrupt as error:
            return error
        finally:
            sys.setprofile(None)
            self.passed = passed
        return None

    @cached_property
    def moments(self):
        """How many moments a run has at which it may be interrupted."""
        self.rewind()
        self.at(math.inf)
        return self.passed

    def once(self, interrupts, source):
        """Interrupt one run; return what is wrong, or None."""
        if source == "moment":
            moment = self.rng.integers(self.moments)
            self.rewind()
            runs = self.case.executor.runs
            return self.judge(self.at(moment), runs)
        self.rewind()
        runs = self.case.executor.runs
        delay = max(1e-6, self.rng.uniform(0, 1.1) * self.took)
        return self.judge(interrupts.during(source, delay, self.case), runs)

    def judge(self, error, runs):
        """Return what is wrong with a run that was interrupted, or None."""
        case, executor = self.case, self.case.executor
        now = case.state()
        landed = now == self.after and case.kind != "profile"
        if error is None:
            self.seen["ran"] += 1
            return None if landed or case.kind == "profile" else "ran, and changed something else"
        if not landed and now != self.before:
            return "torn"
        counts = not case.gradients and case.kind != "profile"
        if counts and executor.runs - runs != landed:
            return f"landed {landed}, but runs went from {runs} to {executor.runs}"
        noted = is_noted(error)
        if noted != landed:
            return f"landed {landed}, but noted {noted}"
        self.seen["landed" if landed else "unchanged"] += 1
        self.rewind()
        case()
        if case.state() != self.after:
            return "the run behind it is wrong"
        if [array.tobytes() for array in executor.outputs] != self.outputs:
            return "the outputs behind it are wrong"
        return None
