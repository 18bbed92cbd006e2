"""Train the digits MLP by MXNet 1.9.1's Module and optimizers, and keep its weights.

Run under Python 3.8 with mxnet==1.9.1, which is no dependency of minisym:

    MXNET_SUBGRAPH_BACKEND=NONE MXNET_MKLDNN_ENABLED=0 python scripts/mxnet/record_training.py

Reads tests/fixtures/digits.npz (640 of scikit-learn's digits) and the settings in
tests/training_cases.py; writes tests/fixtures/training.npz.
"""

from __future__ import annotations

import sys
from pathlib import Path

import mxnet as mx
import numpy as np

TESTS = Path(__file__).resolve().parents[2] / "tests"
sys.path.insert(0, str(TESTS))

import training_cases as cases  # noqa: E402


def train(name: str) -> dict[str, np.ndarray]:
    """Return the weights after all steps."""
    optimizer, params, factor = cases.SETTINGS[name]
    params = dict(params)
    if factor:
        step, by = factor
        params["lr_scheduler"] = mx.lr_scheduler.FactorScheduler(step=step, factor=by)
    net = cases.network(mx)
    module = mx.mod.Module(net, context=mx.cpu())
    shape = (cases.BATCH, 64)
    module.bind([("data", shape)], [("softmax_label", shape[:1])])
    begin = {n: mx.nd.array(a) for n, a in cases.initial().items()}
    module.init_params(arg_params=begin, aux_params={})
    module.init_optimizer(kvstore=None, optimizer=optimizer, optimizer_params=params)
    for x, y in cases.batches():
        batch = mx.io.DataBatch([mx.nd.array(x)], [mx.nd.array(y)])
        module.forward_backward(batch)
        module.update()
    return {n: a.asnumpy() for n, a in module.get_params()[0].items()}


def main() -> None:
    """Train by each optimizer."""
    found = {
        "%s/%s" % (name, weight): array  # noqa: UP031  Python 3.8
        for name in cases.SETTINGS
        for weight, array in train(name).items()
    }
    path = TESTS / "fixtures" / "training.npz"
    np.savez_compressed(path, **found)
    print(f"wrote {path} ({path.stat().st_size} bytes)")


if __name__ == "__main__":
    main()
