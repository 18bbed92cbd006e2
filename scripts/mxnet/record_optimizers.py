"""Record what MXNet 1.9.1's optimizers, schedules, metrics and initializers do.

Run under Python 3.8 with mxnet==1.9.1, which is no dependency of minisym:

    MXNET_SUBGRAPH_BACKEND=NONE MXNET_MKLDNN_ENABLED=0 python scripts/mxnet/record_optimizers.py

Writes tests/fixtures/optimizers.npz from the settings in tests/optimizer_cases.py.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np

TESTS = Path(__file__).resolve().parents[2] / "tests"
sys.path.insert(0, str(TESTS))

import optimizer_cases as cases  # noqa: E402


def optimize(name: str, params: dict[str, Any], mixed: bool, indices: list[int]) -> Any:
    """Return the weights after all steps, one after the other."""
    names = {i: cases.NAMES[i] for i in indices}
    if name == "GroupAdaGrad":
        optimizer = mx.optimizer.contrib.GroupAdaGrad(param_idx2name=names, **params)
    else:
        optimizer = mx.optimizer.create(name, param_idx2name=names, **params)
    optimizer.set_lr_mult(cases.MULT)
    weights, steps = cases.arrays(mixed)
    held = {i: mx.nd.array(weights[i], dtype=weights[i].dtype) for i in indices}
    states = {i: optimizer.create_state_multi_precision(i, held[i]) for i in indices}
    for gradients in steps:
        for i in indices:
            grad = mx.nd.array(gradients[i], dtype=gradients[i].dtype)
            optimizer.update_multi_precision(i, held[i], grad, states[i])
    return np.concatenate([held[i].asnumpy().ravel() for i in indices])


def measure(metric: str, params: dict[str, Any], kind: str) -> Any:
    """Return a metric's value after each batch."""
    found, seen = mx.metric.create(metric, **params), []
    for label, pred in cases.batches(kind):
        found.update([mx.nd.array(label)], [mx.nd.array(pred)])
        seen.append(found.get()[1])
    return np.array(seen)


def fill(name: str, params: dict[str, Any], shape: tuple[int, ...]) -> Any:
    """Return an array as an initializer fills it."""
    array = mx.nd.zeros(shape)
    getattr(mx.init, name)(**params)(mx.init.InitDesc("x_weight"), array)
    return array.asnumpy()


def main() -> None:
    """Record it all."""
    found = {}
    for case, name, params, mixed, indices in cases.cases():
        found[f"optimizer/{case}"] = optimize(name, params, mixed, indices)
    for key, (name, params) in cases.SCHEDULES.items():
        schedule = getattr(mx.lr_scheduler, name)(**params)
        found[f"schedule/{key}"] = np.array([schedule(t) for t in cases.UPDATES])
    for key, setting in cases.METRICS.items():
        found[f"metric/{key}"] = measure(*setting)
    for key, (name, params, shape) in cases.INITIALIZERS.items():
        found[f"init/{key}"] = fill(name, params, shape)
    for key, (name, params, shape) in cases.RANDOM.items():
        array = fill(name, params, shape)
        found[f"random/{key}"] = np.array([array.mean(), array.std(), np.abs(array).max()])
    for key, (name, params, _) in {**cases.INITIALIZERS, **cases.RANDOM}.items():
        text = getattr(mx.init, name)(**params).dumps()
        found[f"dumps/{key}"] = np.frombuffer(text.encode(), np.uint8)
    path = TESTS / "fixtures" / "optimizers.npz"
    np.savez_compressed(path, **found)
    print(f"wrote {path} ({len(found)} entries, {path.stat().st_size} bytes)")


if __name__ == "__main__":
    main()
