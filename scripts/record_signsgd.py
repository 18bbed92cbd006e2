"""Record what MXNet 1.9.1's signsgd_update does to hostile gradients.

Run under Python 3.8 with mxnet==1.9.1, which is no dependency of minisym:

    MXNET_SUBGRAPH_BACKEND=NONE MXNET_MKLDNN_ENABLED=0 python scripts/record_signsgd.py

Writes tests/fixtures/signsgd.npz: weight, gradient, hyper-parameters, and the weight after the step.
"""

import itertools
import os

import mxnet as mx
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def hostile(dtype, rng):
    """Gradients of every kind, each with several weights."""
    info = np.finfo(dtype)
    denormal = np.nextafter(dtype(0), dtype(1))
    grads = [0.0, -0.0, np.nan, np.inf, -np.inf, denormal, -denormal, info.tiny, -info.tiny,
             info.max, info.min, 1, -1, info.eps, -info.eps]
    weights = [0.0, -0.0, 1.0, -1.0, 1 / 3, -1e-3, info.max, info.tiny, denormal, np.inf, np.nan]
    pairs = np.array(list(itertools.product(weights, grads)), dtype)
    more = rng.normal(size=(91, 2)).astype(dtype)
    return np.concatenate([pairs, more]).T.copy()


def main():
    rng = np.random.RandomState(20261122)
    found = {}
    settings = [dict(lr=0.1), dict(lr=0.1, wd=0.01), dict(lr=1e-3, wd=0.3, rescale_grad=0.5),
                dict(lr=7.0, wd=1e-4, clip_gradient=0.5), dict(lr=0.0), dict(lr=-0.1, wd=0.1),
                dict(lr=1e-8, rescale_grad=1e-30), dict(lr=0.25, wd=4.0, clip_gradient=0.0)]
    for dtype in (np.float16, np.float32, np.float64):
        for i, setting in enumerate(settings):
            weight, grad = hostile(dtype, rng)
            w = mx.nd.array(weight, dtype=dtype)
            mx.nd.signsgd_update(w, mx.nd.array(grad, dtype=dtype), out=w, **setting)
            key = "%s/%d" % (np.dtype(dtype).name, i)
            found[key + "/weight"], found[key + "/grad"] = weight, grad
            found[key + "/after"] = w.asnumpy()
            found[key + "/setting"] = np.array(
                [setting["lr"], setting.get("wd", 0), setting.get("rescale_grad", 1),
                 setting.get("clip_gradient", -1)])
    path = os.path.join(HERE, "..", "tests", "fixtures", "signsgd.npz")
    np.savez_compressed(path, **found)
    print("wrote", os.path.normpath(path), len(found) // 4, "cases")


if __name__ == "__main__":
    main()
