"""Record what MXNet 1.9.1's signsgd_update does to hostile gradients.

Run under Python 3.8 with mxnet==1.9.1, which is no dependency of minisym:

    MXNET_SUBGRAPH_BACKEND=NONE MXNET_MKLDNN_ENABLED=0 python scripts/mxnet/record_signsgd.py

Writes tests/fixtures/signsgd.npz: weight, gradient, hyper-parameters, and the weight afterwards.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np

FILE = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "signsgd.npz"
SETTINGS = [
    {"lr": 0.1},
    {"lr": 0.1, "wd": 0.01},
    {"lr": 1e-3, "wd": 0.3, "rescale_grad": 0.5},
    {"lr": 7.0, "wd": 1e-4, "clip_gradient": 0.5},
    {"lr": 0.0},
    {"lr": -0.1, "wd": 0.1},
    {"lr": 1e-8, "rescale_grad": 1e-30},
    {"lr": 0.25, "wd": 4.0, "clip_gradient": 0.0},
]


def hostile(dtype: Any, rng: Any) -> Any:
    """Return gradients of every kind, each with several weights."""
    info = np.finfo(dtype)
    denormal = np.nextafter(dtype(0), dtype(1))
    grads = [0.0, -0.0, np.nan, np.inf, -np.inf, denormal, -denormal, info.tiny, -info.tiny]
    grads += [info.max, info.min, 1, -1, info.eps, -info.eps]
    weights = [0.0, -0.0, 1.0, -1.0, 1 / 3, -1e-3, info.max, info.tiny, denormal, np.inf, np.nan]
    pairs = np.array(list(itertools.product(weights, grads)), dtype)
    more = rng.normal(size=(91, 2)).astype(dtype)
    return np.concatenate([pairs, more]).T.copy()


def main() -> None:
    """Write the file."""
    rng = np.random.RandomState(20261122)
    found = {}
    for dtype in (np.float16, np.float32, np.float64):
        for i, setting in enumerate(SETTINGS):
            weight, grad = hostile(dtype, rng)
            w = mx.nd.array(weight, dtype=dtype)
            mx.nd.signsgd_update(w, mx.nd.array(grad, dtype=dtype), out=w, **setting)
            key = f"{np.dtype(dtype).name}/{i}"
            found[f"{key}/weight"], found[f"{key}/grad"] = weight, grad
            found[f"{key}/after"] = w.asnumpy()
            defaults = {"lr": 0, "wd": 0, "rescale_grad": 1, "clip_gradient": -1}
            found[f"{key}/setting"] = np.array(list({**defaults, **setting}.values()))
    np.savez_compressed(FILE, **found)
    print(f"wrote {len(found) // 4} cases")


if __name__ == "__main__":
    main()
