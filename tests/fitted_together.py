"""`fit` in several processes: run by the launcher.

    fitted_together.py FOLDER EPOCHS

Each process writes FOLDER/RANK.json: the history, and a hash of the weights.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

import minisym as ms
from minisym import sym


def fit(folder, epochs, comm):
    """Tell three kinds of points apart; the test data are another part for each process."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 360)
    points = rng.normal(size=(360, 6)) + 2 * np.eye(3, 6)[labels]
    net = sym.FullyConnected(sym.Variable("data"), num_hidden=3, name="fc")
    train = ms.io.NDArrayIter(points[:240], labels[:240], 20, shuffle=True, seed=1)
    test = ms.io.NDArrayIter(points[240:], labels[240:], 20)
    ms.parallel.seed(3, comm)
    return ms.train.fit(
        sym.SoftmaxOutput(net, name="softmax"),
        ms.parallel.shard(train, comm),
        eval_data=ms.parallel.shard(test, comm),
        num_epoch=int(epochs),
        optimizer="signum",
        optimizer_params={"learning_rate": 0.01},
        checkpoint=Path(folder, "training.params"),
        early_stop=ms.train.EarlyStop("val_accuracy", patience=4),
        comm=comm,
    )


def main(folder, epochs):
    comm = ms.parallel.world()
    trained = fit(folder, epochs, comm)
    told = {
        "history": trained.history,
        "exchanges": [n.name for n in trained.step.graph if n.name.startswith("exchange_")],
        "weights": hashlib.sha256(trained.arg_params["fc_weight"].tobytes()).hexdigest(),
    }
    Path(folder, f"{comm.rank}.json").write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
