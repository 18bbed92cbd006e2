"""A training by votes for several processes, in which something goes wrong: run by the launcher.

    faulty.py FOLDER SEED WHAT

Each process that ends writes FOLDER/RANK.json: what it knows at the end.
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

STEPS = 150

INSIDE = threading.Event()
"""Set while a step is under way."""


def digits():
    from sklearn.datasets import load_digits

    rows, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    return (rows[order] / 16).astype("f4"), labels[order].astype("f4")


def network():
    x = sym.FullyConnected(sym.Variable("data"), num_hidden=32, name="fc1")
    x = sym.Activation(x, act_type="relu", name="relu")
    return sym.SoftmaxOutput(sym.FullyConnected(x, num_hidden=10, name="fc2"), name="softmax")


def accuracy(executor, rows, labels):
    names = ("fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias")
    args = {name: executor.arg_dict[name] for name in names}
    test = network().bind(
        args={**args, "data": rows, "softmax_label": labels}, grad_req="null"
    )  # fmt: skip
    return float((np.asarray(test.forward()[0]).argmax(1) == labels).mean())


def main(folder, seed, what):
    comm = MPI.COMM_WORLD
    rank, size = comm.rank, comm.size
    peers = ms.parallel.Peers(comm, timeout=3.0 if what == "slow" else 30.0, check_every=10)
    optimizer = ms.optimizer.create("signum", learning_rate=0.003, rescale_grad=1 / 32)
    step = ms.parallel.data_parallel(optimizer.minimize(network()))
    executor = step.simple_bind(data=(32, 64), comm=peers)
    rng = np.random.default_rng([seed, rank])
    for name in ("fc1_weight", "fc2_weight"):
        executor.arg_dict[name][:] = rng.normal(size=executor.arg_dict[name].shape) * 0.1
    rows, labels = digits()
    told = {"caught": []}
    chance = random.Random(seed)
    victim, at = chance.randrange(size), chance.randrange(5, STEPS - 20)
    moment = chance.choice([0, at, at, at]), chance.random() * 0.006
    liars = int(what.removeprefix("liars")) if what.startswith("liars") else 0
    trajectory = hashlib.sha256()
    while executor.runs < STEPS:
        t = executor.runs
        chosen = rng.integers(0, 1400, 32)
        data = rows[chosen]
        if rank == victim and t == moment[0] and what in {"kill", "interrupt"}:
            {"kill": kill_later, "interrupt": interrupt_later}[what](moment[1])
            moment = -1, 0.0
        if what == "slow" and rank == victim and t == at:
            time.sleep(20)
        if what == "diverge" and rank == victim and t == at:
            executor.arg_dict["fc2_weight"][0, 0] += 1
        if what == "monitor" and rank == victim:
            executor.set_monitor_callback(fail if t == at else None)
        try:
            INSIDE.set()
            optimizer.step(executor, data=data, softmax_label=wrong(labels[chosen], rank < liars))
            INSIDE.clear()
        except (ms.MinisymError, KeyboardInterrupt, ZeroDivisionError) as error:
            INSIDE.clear()
            told["caught"].append([type(error).__name__, str(error), t])
            at = -1
            if what in {"slow", "diverge"}:
                break
        if executor.runs > t:
            trajectory.update(executor.arg_dict["fc1_weight"].tobytes())
    weights = np.asarray(executor.arg_dict["fc1_weight"])
    told |= {
        "runs": executor.runs,
        "weights": hashlib.sha256(weights.tobytes()).hexdigest(),
        "trajectory": trajectory.hexdigest(),
        "accuracy": accuracy(executor, rows[1400:], labels[1400:]),
        "lost": peers.lost,
        "victim": victim,
    }
    Path(folder, f"{rank}.json").write_text(json.dumps(told), encoding="utf-8")


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


def wrong(labels, lies):
    """Return labels that lead astray: a gradient towards another class."""
    return (labels + 1) % 10 if lies else labels


def fail(name, array):
    raise ZeroDivisionError("a monitor failed")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
