"""Learn handwritten digits in several processes, which vote on the sign of every step.

    python examples/digits_by_votes.py
    minisym launch -n 4 examples/digits_by_votes.py

Each process reads rows of its own. It has a momentum of its own, too, and sends of each element of
that one bit; the weights move by the sign that most have sent (Signum, arXiv:1810.05291). With one
process the same script trains alone, and needs no MPI. What is written to --checkpoint can be gone
on with by another number of processes.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

import minisym as ms
from minisym import sym

Array = np.ndarray[Any, Any]
BATCH, HELD_BACK = 32, 360
"""Rows that each process reads in a step, and rows that none learns from."""


def network() -> ms.Symbol:
    """Compose 8x8 pixels -> 64 relu units -> 10 probabilities."""
    x = sym.FullyConnected(sym.Variable("data"), num_hidden=64, name="fc1")
    x = sym.Activation(x, act_type="relu", name="relu1")
    return sym.SoftmaxOutput(sym.FullyConnected(x, num_hidden=10, name="fc2"), name="softmax")


def digits() -> tuple[Array, Array]:
    """Load images and labels, in one order for all processes."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    return (images[order] / 16).astype(np.float32), labels[order].astype(np.float32)


def accuracy(executor: ms.Executor, images: Array, labels: Array) -> float:
    """Return the share of images that the trained network tells rightly."""
    net = network()
    weights = {name: executor.arg_dict[name] for name in net.list_arguments()}
    test = net.bind(args={**weights, "data": images, "softmax_label": labels}, grad_req="null")
    return float((test.forward()[0].argmax(axis=1) == labels).mean())


def main() -> None:
    """Train; the first process tells."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="go on from it, and save")
    options = parser.parse_args()

    comm = ms.parallel.world()  # None where one process runs alone
    rng = ms.parallel.seed(options.seed, comm)
    images, labels = digits()
    x, y = ms.parallel.shard((images[:-HELD_BACK], labels[:-HELD_BACK]), comm)

    schedule = ms.lr_scheduler.CosineScheduler(options.steps, base_lr=0.005, final_lr=1e-4)
    optimizer = ms.optimizer.Signum(lr_scheduler=schedule, rescale_grad=1 / BATCH)
    step = ms.parallel.data_parallel(optimizer.minimize(network()))
    executor = step.simple_bind(data=(BATCH, 64), comm=comm)
    ms.init.initialize(executor, ms.init.Xavier())
    if options.checkpoint and options.checkpoint.exists():
        ms.train.restore(options.checkpoint, executor, optimizer)

    began, first = time.perf_counter(), optimizer.num_update
    while optimizer.num_update < options.steps:
        rows = rng.integers(len(x), size=BATCH)
        optimizer.step(executor, data=x[rows], softmax_label=y[rows])
    seconds = time.perf_counter() - began
    if options.checkpoint:
        ms.train.save(options.checkpoint, executor, optimizer)

    if ms.parallel.is_first(comm):
        processes = 1 if comm is None else comm.size
        steps = optimizer.num_update - first
        sent = ms.summary(step, data=(BATCH, 64)).bits_sent // 8 if processes > 1 else 0
        told = accuracy(executor, images[-HELD_BACK:], labels[-HELD_BACK:])
        print(f"processes: {processes}, steps: {steps}, rows a step: {processes * BATCH}")
        print(f"{steps * processes * BATCH / seconds:,.0f} rows a second")
        print(f"{sent:,} bytes there and back for each process and step")
        print(f"accuracy {told:.2%}")


if __name__ == "__main__":
    main()
