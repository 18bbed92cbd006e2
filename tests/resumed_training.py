"""A training of several processes that is saved, or goes on: run by the launcher.

    resumed_training.py FOLDER OPTIMIZER save|restore FILE

Each process writes FOLDER/RANK.npz: its arrays, and how often was stepped.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import minisym as ms
from minisym import sym


def loss():
    net = sym.FullyConnected(sym.Variable("data"), num_hidden=4, no_bias=True, name="fc1")
    net = sym.Dropout(sym.BatchNorm(net, fix_gamma=False, name="bn"), p=0.2)
    net = sym.FullyConnected(sym.Activation(net, act_type="tanh"), num_hidden=3, name="fc2")
    return sym.SoftmaxOutput(net, name="softmax")


def main(folder, name, what, file):
    comm = ms.parallel.world()
    rng = ms.parallel.seed(1, comm)
    optimizer = ms.optimizer.create(name, learning_rate=0.05, rescale_grad=1 / 8)
    executor = ms.parallel.data_parallel(optimizer.minimize(loss())).simple_bind(
        data=(8, 5), comm=comm
    )
    if what == "save":
        ms.init.initialize(executor, ms.init.Xavier(), data=["data"])
        for _ in range(4):
            train(optimizer, executor, rng)
        ms.train.save(file, executor, optimizer)
        comm.Barrier()
    else:
        cut = Path(folder, f"cut{comm.rank}.params")
        cut.write_bytes(Path(file).read_bytes()[:-40])
        try:
            ms.train.restore(cut, executor, optimizer)
        except ms.FormatError:
            assert not executor.arg_dict["fc1_weight"].any()
            ms.train.restore(file, executor, optimizer)
    arrays = {name: np.array(a) for name, a in (executor.arg_dict | executor.aux_dict).items()}
    train(optimizer, executor, rng)
    np.savez(
        Path(folder, f"{comm.rank}.npz"),
        **arrays, after=executor.arg_dict["fc1_weight"], num_update=optimizer.num_update,
        own=executor.own, drawn=ms.random.generator.random(),
    )  # fmt: skip


def train(optimizer, executor, rng):
    data, labels = rng.normal(size=(8, 5)), rng.integers(0, 3, 8)
    optimizer.step(executor, data=data, softmax_label=labels)


if __name__ == "__main__":
    main(*sys.argv[1:])
