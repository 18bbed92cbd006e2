"""A small network, its batches and its weights: what tests of training steps have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

import minisym as ms
from minisym import sym


def net_of(*, dtype: str | None = None) -> ms.Symbol:
    x = sym.Variable("data", dtype=dtype)
    x = sym.Activation(sym.FullyConnected(x, num_hidden=8, name="fc1"), act_type="tanh")
    x = sym.FullyConnected(x, num_hidden=3, name="fc2")
    return sym.SoftmaxOutput(x, name="softmax")


def begin(executor: ms.Executor):
    ms.random.seed(1)
    ms.init.initialize(executor, ms.init.Xavier())


def batch(rng: Any, rows: int = 12) -> dict[str, Any]:
    return {"data": rng.normal(size=(rows, 5)), "softmax_label": rng.integers(3, size=rows)}


def weights(executor: ms.Executor) -> dict[str, Any]:
    return {n: executor.arg_dict[n].asnumpy() for n in ("fc1_weight", "fc1_bias", "fc2_weight")}


def assert_same(a: Any, b: Any, tolerance: float = 0.0):
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=tolerance, atol=tolerance, err_msg=name)
