"""Record what MXNet 1.9.1's recurrent cells make: graphs, names, shapes, values, packed weights.

Run under Python 3.8 with mxnet==1.9.1, which is no dependency of minisym:

    MXNET_SUBGRAPH_BACKEND=NONE python scripts/mxnet/record_rnn.py

Cells with the RNN op run with oneDNN, without which it does not run on CPUs, or reads memory that
nobody has written; all others without it, each kind in a process of its own.

Writes tests/fixtures/rnn.npz: for each case of tests/rnn_cases.py what there is to say about the
graph, as JSON, and the values of its outputs; shapes and values of unpacked weights.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np

TESTS = Path(__file__).resolve().parents[2] / "tests"
sys.path.insert(0, str(TESTS))

import rnn_cases  # noqa: E402


def record(fused: bool) -> tuple[Any, Any, Any]:
    """Return what is told about cases, the values of outputs, and those of unpacked weights."""
    warnings.simplefilter("ignore")  # "consider using TNC"
    told: dict[str, Any] = {}
    values: dict[str, Any] = {}
    unpacked: dict[str, Any] = {}
    for key, name, listed, layout, merge in rnn_cases.cases():
        cell, net, says = rnn_cases.unroll(mx, name, listed, layout, merge)
        nodes = says.pop("nodes")
        if any(node[0] == "RNN" for node in nodes) != fused:
            continue
        says["graph"] = hashlib.sha256(json.dumps(nodes).encode()).hexdigest()
        told[key] = says
        sizes = rnn_cases.shapes(name, listed, layout)
        arrays = rnn_cases.values(net.list_arguments(), net.infer_shape(**sizes)[0])
        given = {n: mx.nd.array(a) for n, a in arrays.items()}
        outputs = net.eval(ctx=mx.cpu(), **given)
        values[key] = np.concatenate([o.asnumpy().ravel() for o in outputs])
        if name in rnn_cases.PACKED and key.endswith("/NTC/True"):
            parts = sorted(cell.unpack_weights(given).items())
            says["unpacked"] = {n: list(a.shape) for n, a in parts}
            unpacked[name] = np.concatenate([a.asnumpy().ravel() for _, a in parts])
    return told, values, unpacked


def initialized(mode: str, layers: int, both: bool, bias: float) -> tuple[str, Any]:
    """Return what a FusedRNN dumps, and the vector that it fills."""
    initializer = mx.init.FusedRNN(None, 2, layers, mode, both, bias)
    cell = mx.rnn.FusedRNNCell(2, layers, mode, both)
    net = cell.unroll(1, mx.sym.Variable("data"), layout="TNC", merge_outputs=True)[0]
    sizes = dict(zip(net.list_arguments(), net.infer_shape(data=(1, 1, 3))[0]))  # noqa: B905
    vector = mx.nd.zeros(sizes[f"{mode}_parameters"])
    name = mx.init.InitDesc("x_parameters", {"__init__": initializer.dumps()})
    mx.init.One()(name, vector)
    return initializer.dumps(), vector.asnumpy()


def main() -> None:
    """Record all cases."""
    told: dict[str, Any] = {}
    values: list[Any] = []
    found: dict[str, Any] = {}
    for fused in (False, True):
        os.environ["MXNET_MKLDNN_ENABLED"] = str(int(fused))
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            says, outputs, unpacked = pool.apply(record, (fused,))
        for key, array in outputs.items():
            start = sum(map(len, values))
            says[key]["values"] = [start, start + len(array)]
            values.append(array)
        told.update(says)
        found.update({f"unpacked/{name}": array for name, array in unpacked.items()})
    for key, case in rnn_cases.FUSED_INIT.items():
        told[f"fused/{key}"], found[f"fused/{key}"] = initialized(*case)
    found["values"] = np.concatenate(values)
    found["told"] = np.frombuffer(json.dumps(told, sort_keys=True).encode(), np.uint8)
    path = TESTS / "fixtures" / "rnn.npz"
    np.savez_compressed(path, **found)
    print(f"wrote {path} ({len(told)} cases, {path.stat().st_size} bytes)")


if __name__ == "__main__":
    main()
