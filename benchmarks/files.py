"""What it costs to compose, save and load a graph of 6,000 nodes, and the arrays of a model.

    python benchmarks/files.py [--steps 240] [--rounds 3]

The graph is a character model: an LSTM of two layers, unrolled. With MINISYM_MODELS set to a folder
of published models, its largest graphs are loaded, too. With MINISYM_MXNET_PYTHON set, MXNet 1.9.1
does the same in turn, for the ratio.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from _pairs import best, pairs, table, worker

HIDDEN = 16


def cell(mx, x, state, weights, name):
    """Return the next states of an LSTM."""
    sym = mx.sym
    c, h = state
    enter = sym.FullyConnected(
        x, weight=weights[0], bias=weights[1], num_hidden=4 * HIDDEN, name=f"{name}_i2h"
    )
    back = sym.FullyConnected(
        h, weight=weights[2], bias=weights[3], num_hidden=4 * HIDDEN, name=f"{name}_h2h"
    )
    gates = sym.SliceChannel(enter + back, num_outputs=4, name=f"{name}_slice")
    put, forget, out = (sym.Activation(gates[i], act_type="sigmoid") for i in (0, 2, 3))
    c = forget * c + put * sym.Activation(gates[1], act_type="tanh")
    return c, out * sym.Activation(c, act_type="tanh")


def lstm(mx, steps, layers=2):
    """Compose an unrolled LSTM with one loss over all steps."""
    sym = mx.sym
    kinds = ("i2h_weight", "i2h_bias", "h2h_weight", "h2h_bias")
    weights = [[sym.Variable(f"l{i}_{kind}") for kind in kinds] for i in range(layers)]
    states = [(sym.Variable(f"l{i}_c"), sym.Variable(f"l{i}_h")) for i in range(layers)]
    words = sym.Embedding(sym.Variable("data"), input_dim=64, output_dim=HIDDEN, name="embed")
    inputs = sym.SliceChannel(words, num_outputs=steps, axis=1, squeeze_axis=True, name="words")
    outputs = []
    for t in range(steps):
        x = inputs[t]
        for i in range(layers):
            states[i] = cell(mx, x, states[i], weights[i], f"t{t}_l{i}")
            x = states[i][1]
        outputs.append(x)
    scores = sym.FullyConnected(sym.Concat(*outputs, dim=0), num_hidden=64, name="scores")
    return sym.SoftmaxOutput(scores, sym.Variable("label"), name="softmax")


def published():
    """Return the largest published models."""
    folder = os.environ.get("MINISYM_MODELS")
    files = Path(folder).glob("*/*-symbol.json") if folder else ()
    return sorted(files, key=lambda path: path.stat().st_size)[-4:]


def measure(steps):
    """Return the measurement."""

    def rows(mx):
        found = {"compose": best(lambda: lstm(mx, steps))}
        net = lstm(mx, steps)
        text = net.tojson()

        def fresh():
            """Return the symbol without what an earlier call has remembered of it."""
            return mx.Symbol(net.entries) if hasattr(net, "entries") else net

        found["tojson"] = best(lambda: fresh().tojson())
        found["load_json"] = best(lambda: mx.sym.load_json(text))
        for path in published():
            try:
                mx.sym.load(str(path))
            except mx.MXNetError:
                continue  # an op that MXNet does not know
            row = f"load {path.parent.name}"[:33]
            found[row] = best(lambda path=path: mx.sym.load(str(path)))
        arrays = {f"arg:w{i}": mx.nd.array(np.ones((256, 256), np.float32)) for i in range(150)}
        with tempfile.TemporaryDirectory() as folder:
            path, params = f"{folder}/net.json", f"{folder}/net.params"

            def read():
                for array in mx.nd.load(params).values():
                    array.wait_to_read()

            found["save"] = best(lambda: fresh().save(path))
            found["load"] = best(lambda: mx.sym.load(path))
            found["load and list_arguments"] = best(lambda: mx.sym.load(path).list_arguments())
            found["nd.save, 150 arrays of 256 kB"] = best(lambda: mx.nd.save(params, arrays))
            found["nd.load, 150 arrays of 256 kB"] = best(read)
        return found

    return rows


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker")
    options = parser.parse_args()
    if options.worker:
        worker(measure(options.steps), options.worker)
        return
    import minisym

    count = len(minisym.Graph(lstm(minisym, options.steps)))
    print(f"an LSTM of {options.steps} steps, {count} nodes, milliseconds a call")
    table(pairs(__file__, ["--steps", str(options.steps)], options.rounds), "ms", 1e3)


if __name__ == "__main__":
    sys.exit(main())
