"""A training by votes for several processes, in which something goes wrong: run by the launcher.

    faulty.py FOLDER SEED WHAT

Each process that ends writes FOLDER/RANK.json: what it knows at the end. What a process is stopped
by, it catches, and repeats the step.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
from mpi4py import MPI

import minisym as ms
from minisym import sym
from minisym.ops.numeric import ballots

STEPS = 150

INSIDE = threading.Event()
"""Set while a step is under way."""


def digits():
    from sklearn.datasets import load_digits

    rows, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    return (rows[order] / 16).astype("f4"), labels[order].astype("f4")


def network(*, touchy=False):
    x = sym.FullyConnected(sym.Variable("data"), num_hidden=32, name="fc1")
    x = sym.Activation(x, act_type="relu", name="relu")
    if touchy:
        x = sym.Custom(x, op_type="touchy", name="touchy")
    return sym.SoftmaxOutput(sym.FullyConnected(x, num_hidden=10, name="fc2"), name="softmax")


class Touchy(ms.operator.CustomOp):
    """Passes on what it gets, or fails."""

    fails = False

    def forward(self, **given):
        if Touchy.fails:
            raise ZeroDivisionError("an operator failed")
        self.assign(given["out_data"][0], given["req"][0], given["in_data"][0])

    def backward(self, **given):
        self.assign(given["in_grad"][0], given["req"][0], given["out_grad"][0])


@ms.operator.register("touchy")
class TouchyProp(ms.operator.CustomOpProp):
    def create_operator(self, *_):
        return Touchy()


def accuracy(executor, rows, labels):
    names = ("fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias")
    args = {name: executor.arg_dict[name] for name in names}
    test = network().bind(
        args={**args, "data": rows, "softmax_label": labels}, grad_req="null"
    )  # fmt: skip
    return float((np.asarray(test.forward()[0]).argmax(1) == labels).mean())


class Mishap:
    """What goes wrong: where, and when."""

    def __init__(self, folder, seed, what, comm):
        self.folder, self.what, self.rank, self.size = folder, what, comm.rank, comm.size
        self.chance = random.Random(seed)
        self.victim = self.chance.randrange(self.size)
        self.at = self.chance.randrange(5, STEPS - 20)
        self.moment, self.delay = (
            self.chance.choice([0] + [self.at] * 3),
            0.006 * self.chance.random(),
        )
        spoil(what, self.rank)

    def comes(self, t, executor):
        """Prepare for a step, in which it may happen."""
        what, is_now = self.what, t == self.at
        if what == "slow" and is_now:
            executor.peers.timeout = 3.0
        if what == "moments" and self.rank == self.chance.randrange(self.size):
            sys.settrace(interrupt_at(int(10 ** self.chance.uniform(1, 3.7))))
        if self.rank != self.victim:
            return
        if what in {"kill", "interrupt"} and t == self.moment:
            {"kill": kill_later, "interrupt": interrupt_later}[what](self.delay)
            self.moment = -1
        if what == "slow" and is_now:
            await_others(self.folder, self.rank, self.size)
        if what == "diverge" and is_now:
            executor.arg_dict["fc2_weight"][0, 0] += 1
        if what == "data" and is_now:
            raise LookupError("no such data")
        if what == "monitor":
            executor.set_monitor_callback(fail if is_now else None)
        Touchy.fails = what == "custom" and is_now


def main(folder, seed, what):
    comm = MPI.COMM_WORLD
    peers = ms.parallel.Peers(comm, timeout=200.0, check_every=10)
    optimizer = ms.optimizer.create("signum", learning_rate=0.003, rescale_grad=1 / 32)
    step = ms.parallel.data_parallel(optimizer.minimize(network(touchy=what == "custom")))
    executor = step.simple_bind(data=(32, 64), comm=peers)
    rng = np.random.default_rng([seed, comm.rank])
    for name in ("fc1_weight", "fc2_weight"):
        executor.arg_dict[name][:] = rng.normal(size=executor.arg_dict[name].shape) * 0.1
    rows, labels = digits()
    mishap = Mishap(folder, seed, what, comm)
    caught, trajectory = [], hashlib.sha256()
    while executor.runs < STEPS and len(caught) < 4 * STEPS:
        t = executor.runs
        chosen = rng.integers(0, 1400, 32)
        mishap.comes(t, executor)
        try:
            INSIDE.set()
            optimizer.step(executor, data=rows[chosen], softmax_label=labels[chosen])
            INSIDE.clear()
        except (ms.MinisymError, ZeroDivisionError, KeyboardInterrupt) as error:
            INSIDE.clear()
            caught.append([type(error).__name__, str(error), t])
            mishap.at = -1
            if what in {"slow", "diverge"}:
                break
        finally:
            sys.settrace(None)
        if executor.runs > t:
            trajectory.update(executor.arg_dict["fc1_weight"].tobytes())
    told = {
        "caught": caught,
        "runs": executor.runs,
        "trajectory": trajectory.hexdigest(),
        "accuracy": accuracy(executor, rows[1400:], labels[1400:]),
        "lost": peers.lost,
        "victim": mishap.victim,
    }
    path = Path(folder, f"{comm.rank}.json")
    path.with_suffix(".part").write_text(json.dumps(told), encoding="utf-8")
    path.with_suffix(".part").rename(path)
    if what == "slow" and comm.rank != mishap.victim:
        await_others(folder, mishap.victim, comm.size)  # their end would be noticed


def spoil(what, rank):
    """Let the first processes send other votes than they should: "invert3", "garbage3"."""
    liars = int(what[-1]) if what[-1].isdigit() else 0
    if rank >= liars:
        return
    honest = ballots.pack

    def inverted(arrays, ups, downs):
        return honest(arrays, downs, ups)

    def garbage(arrays, ups, downs):
        honest(arrays, ups, downs)
        for plane in (ups, downs):
            plane[:] = np.frombuffer(os.urandom(len(plane)), np.uint8)
        return False

    ballots.pack = inverted if what.startswith("invert") else garbage


def await_others(folder, rank, size):
    """Wait until all processes but one have told what they know."""
    end = time.monotonic() + 150
    while time.monotonic() < end:
        if all(Path(folder, f"{i}.json").exists() for i in range(size) if i != rank):
            break
        time.sleep(0.02)


def kill_later(seconds, number=signal.SIGKILL):
    """Send a signal to this process after a time."""
    timer = threading.Timer(seconds, os.kill, (os.getpid(), number))
    timer.daemon = True
    timer.start()


def interrupt_later(seconds):
    """Send Ctrl-C after a time, and, if no step is under way then, again a little later."""

    def again(number, frame):
        if INSIDE.is_set():
            raise KeyboardInterrupt
        interrupt_later(0.001)

    signal.signal(signal.SIGINT, again)
    kill_later(seconds, signal.SIGINT)


def interrupt_at(number):
    """Return a trace function: Ctrl-C before so many instructions of what keeps peers together."""
    left = number

    def trace(frame, event, arg):
        nonlocal left
        if Path(frame.f_code.co_filename).stem not in {"peers", "circle", "signals"}:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode":
            left -= 1 if frame.f_code.co_name != "_wait" else left % 7 == 0
            if left == 0:
                left = -1
                signal.raise_signal(signal.SIGINT)
        return trace

    return trace


def fail(name, array):
    raise ZeroDivisionError("a monitor failed")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
