"""What several processes learn together, and what one learns: run by the launcher.

    learning_together.py FOLDER

reads FOLDER/digits.npz; each process writes FOLDER/RANK.npz.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import minisym as ms
from minisym import sym

BATCH, HELD_BACK, STEPS = 32, 397, 200


def by_votes(comm, images, labels):
    """Train by Signum; return the accuracy on rows that nobody has learned from, and a weight."""
    rng = ms.parallel.seed(0, comm)
    x, y = ms.parallel.shard((images[:-HELD_BACK], labels[:-HELD_BACK]), comm)
    schedule = ms.lr_scheduler.CosineScheduler(STEPS, base_lr=0.005, final_lr=1e-4)
    optimizer = ms.optimizer.Signum(lr_scheduler=schedule, rescale_grad=1 / BATCH)
    executor = ms.parallel.data_parallel(optimizer.minimize(network())).simple_bind(
        data=(BATCH, 64), comm=comm
    )
    ms.init.initialize(executor, ms.init.Xavier())
    for _ in range(STEPS):
        rows = rng.integers(len(x), size=BATCH)
        optimizer.step(executor, data=x[rows], softmax_label=y[rows])
    weights = {name: executor.arg_dict[name] for name in network().list_arguments()}
    test = network().bind(
        args=weights | {"data": images[-HELD_BACK:], "softmax_label": labels[-HELD_BACK:]},
        grad_req="null",
    )
    right = test.forward()[0].argmax(axis=1) == labels[-HELD_BACK:]
    return right.mean(), executor.arg_dict["fc1_weight"]


def network():
    x = sym.FullyConnected(sym.Variable("data"), num_hidden=64, name="fc1")
    x = sym.Activation(x, act_type="relu", name="relu1")
    return sym.SoftmaxOutput(sym.FullyConnected(x, num_hidden=10, name="fc2"), name="softmax")


def by_means(comm, name, size):
    """Train on means of gradients, of a loss that is a mean over its batch; return the weights.

    All batches together have `size` times 6 rows, of which each process reads its own.
    """
    net = sym.FullyConnected(sym.Variable("data"), num_hidden=4, name="fc1")
    net = sym.FullyConnected(sym.Activation(net, act_type="tanh"), num_hidden=3, name="fc2")
    loss = sym.MakeLoss(sym.mean(sym.square(net - sym.Variable("target_label"))), name="loss")
    optimizer = ms.optimizer.create(name, learning_rate=0.05)
    rows = 6 * size if comm is None else 6
    names = [f"fc{i}_{part}" for i in (1, 2) for part in ("weight", "bias")]
    executor = ms.parallel.data_parallel(optimizer.minimize(loss, names)).simple_bind(
        data=(rows, 5), target_label=(rows, 3), comm=comm,
        type_dict={"data": "float64", "target_label": "float64"},
    )  # fmt: skip
    rng = np.random.default_rng(1)  # the same one everywhere
    for key in names:
        executor.arg_dict[key][:] = rng.normal(size=executor.arg_dict[key].shape)
    for _ in range(8):
        batch = rng.normal(size=(6 * size, 5)), rng.normal(size=(6 * size, 3))
        data, target = ms.parallel.shard(batch, comm)
        optimizer.step(executor, data=data, target_label=target)
    return np.concatenate([np.ravel(executor.arg_dict[key]) for key in names])


MEANS = ("sgd", "adam", "muon")


def main(folder):
    comm = ms.parallel.world()
    with np.load(Path(folder, "digits.npz")) as digits:
        accuracy, weight = by_votes(comm, digits["images"], digits["labels"])
    means = {name: by_means(comm, name, comm.size) for name in MEANS}
    np.savez(Path(folder, f"{comm.rank}.npz"), accuracy=accuracy, weight=weight, **means)


if __name__ == "__main__":
    main(sys.argv[1])
