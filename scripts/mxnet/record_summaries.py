"""Record what MXNet 1.9.1 prints as summaries: tests/snapshots/summaries.json.

Usage, in an environment that has MXNet (Python 3.8, `pip install mxnet==1.9.1 'numpy<1.24'`)::

    MXNET_SUBGRAPH_BACKEND=NONE python scripts/mxnet/record_summaries.py
"""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import mxnet as mx

S = mx.sym
TARGET = Path(__file__).resolve().parents[2] / "tests" / "snapshots" / "summaries.json"


def dense(data: Any, *, no_bias: bool = False) -> Any:
    """Compose two layers."""
    h = S.FullyConnected(data, num_hidden=7, no_bias=no_bias, name="fc1")
    h = S.Activation(h, act_type="relu", name="relu1")
    return S.FullyConnected(h, num_hidden=3, name="fc2")


def convolutional(data: Any) -> Any:
    """Compose what MXNet counts the parameters of, and branches."""
    h = S.Convolution(data, kernel=(3, 3), pad=(1, 1), num_filter=6, name="conv0")
    h = S.BatchNorm(h, fix_gamma=False, name="bn0")
    h = S.Activation(h, act_type="relu", name="relu0")
    left = S.Convolution(h, kernel=(3, 3), pad=(1, 1), num_filter=6, num_group=2, name="left")
    right = S.Convolution(h, kernel=(1, 1), num_filter=6, no_bias=True, name="right")
    h = S.Concat(left + right, h, dim=1, name="both")
    h = S.Pooling(h, kernel=(2, 2), stride=(2, 2), pool_type="max", name="pool")
    h = S.FullyConnected(S.Flatten(h, name="flat"), num_hidden=5, name="fc")
    return S.SoftmaxOutput(h, name="softmax")


def twice_one_name(data: Any) -> Any:
    """Compose two layers that share a name."""
    h = S.FullyConnected(data, num_hidden=4, name="fc")
    return S.FullyConnected(h, num_hidden=9, name="fc")


def main() -> None:
    """Record all."""
    data, other = S.Variable("data"), S.Variable("other")
    pair = S.SliceChannel(data, num_outputs=2, axis=1, name="pair")
    words = S.Embedding(data, input_dim=11, output_dim=4, name="words")
    nets = {
        "variable": (data, {"data": (4, 5)}),
        "dense": (dense(data), {"data": (4, 5)}),
        "dense_of_4d": (dense(data), {"data": (4, 5, 2, 3)}),
        "no_bias": (dense(data, no_bias=True), {"data": (4, 5)}),
        "convolutional": (convolutional(data), {"data": (2, 3, 8, 8)}),
        "embedding": (S.mean(words, axis=1, name="mean"), {"data": (3, 6)}),
        "variable_last": (S.Group([dense(data), other]), {"data": (4, 5), "other": (3,)}),
        "variable_first": (S.Group([other, dense(data)]), {"data": (4, 5), "other": (3, 4)}),
        "two_outputs": (pair, {"data": (4, 6)}),
        "second_output": (pair[1], {"data": (4, 6)}),
        "sums": (data + other + data, {"data": (4, 6), "other": (4, 6)}),
        "total": (S.sum(dense(data), name="total"), {"data": (4, 5)}),
        "twice_one_name": (twice_one_name(data), {"data": (4, 5)}),
        "long_name": (S.FullyConnected(data, num_hidden=3, name="a" * 70), {"data": (2, 4)}),
    }
    cases = []
    for name, (net, shape) in nets.items():
        cases.append(record(name, net, shape))
        cases.append(record(name + "-unknown", net, None))
    net, shape = nets["dense"]
    cases.append(record("dense-narrow", net, shape, line_length=60))
    cases.append(record("dense-columns", net, shape, line_length=100, positions=[30, 50, 60, 100]))
    TARGET.write_text(json.dumps(cases, indent=1) + "\n", encoding="utf-8")


def record(name: str, net: Any, shape: dict[str, Any] | None, **options: Any) -> dict[str, Any]:
    """Return one case: the net as MXNet's JSON, and the text."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        mx.viz.print_summary(net, shape, **options)
    saved = json.dumps(json.loads(net.tojson()), separators=(",", ":"))
    return dict(name=name, json=saved, shape=shape, options=options, text=printed.getvalue())


if __name__ == "__main__":
    main()
