"""What it costs to compose, save and load a graph of 6,000 nodes, and the arrays of a model.

    python benchmarks/files.py [--steps 240] [--rounds 3]

The graph is a character model: an LSTM of two layers, unrolled. With MINISYM_MODELS set to a folder
of published models, its largest graphs are loaded, too. With MINISYM_MXNET_PYTHON set, MXNet 1.9.1
does the same in turn, for the ratio.
"""

import argparse
import glob
import os
import sys
import tempfile

import numpy as np
from _pairs import best, pairs, table, worker


def lstm(mx, steps, layers=2, hidden=16):
    """Compose an unrolled LSTM with a loss at every step."""
    sym = mx.sym
    data, label = sym.Variable("data"), sym.Variable("label")
    kinds = ("i2h_weight", "i2h_bias", "h2h_weight", "h2h_bias")
    shared = [[sym.Variable("l%d_%s" % (i, kind)) for kind in kinds] for i in range(layers)]
    states = [[sym.Variable("l%d_init_%s" % (i, s)) for s in "ch"] for i in range(layers)]
    embedded = sym.Embedding(data, input_dim=64, output_dim=hidden, name="embed")
    steps_in = sym.SliceChannel(embedded, num_outputs=steps, axis=1, squeeze_axis=True, name="wordvec")
    outputs = []
    for t in range(steps):
        x = steps_in[t]
        for i in range(layers):
            name = "t%d_l%d" % (t, i)
            c, h = states[i]
            a, b, d, e = shared[i]
            i2h = sym.FullyConnected(x, weight=a, bias=b, num_hidden=4 * hidden, name=name + "_i2h")
            h2h = sym.FullyConnected(h, weight=d, bias=e, num_hidden=4 * hidden, name=name + "_h2h")
            gates = sym.SliceChannel(i2h + h2h, num_outputs=4, name=name + "_slice")
            enter, put, forget, out = (
                sym.Activation(gates[k], act_type="tanh" if k == 1 else "sigmoid") for k in range(4))
            c = forget * c + enter * put
            x = out * sym.Activation(c, act_type="tanh")
            states[i] = [c, x]
        outputs.append(x)
    every = sym.Concat(*outputs, dim=0, name="every")
    scores = sym.FullyConnected(every, num_hidden=64, name="scores")
    return sym.SoftmaxOutput(scores, label, name="softmax")


def measure(steps):
    """Return the measurement."""

    def rows(mx):
        found = {}
        net = lstm(mx, steps)

        def fresh():
            """Return the symbol without what an earlier call has remembered of it."""
            return mx.Symbol(net.entries) if hasattr(net, "entries") else net

        folder = tempfile.mkdtemp()
        path, params = os.path.join(folder, "net.json"), os.path.join(folder, "net.params")
        found["compose"] = best(lambda: lstm(mx, steps))
        found["tojson"] = best(lambda: fresh().tojson())
        text = net.tojson()
        found["load_json"] = best(lambda: mx.sym.load_json(text))
        found["save"] = best(lambda: fresh().save(path))
        found["load"] = best(lambda: mx.sym.load(path))
        found["load and list_arguments"] = best(lambda: mx.sym.load(path).list_arguments())
        published = sorted(glob.glob(os.path.join(os.environ.get("MINISYM_MODELS", "?"), "*", "*-symbol.json")),
                           key=os.path.getsize)[-4:]
        for file in published:
            try:
                mx.sym.load(file)
            except mx.MXNetError:
                continue  # an op that MXNet does not know
            row = "load " + os.path.basename(file).replace("-symbol.json", "")
            found[row[:33]] = best(lambda file=file: mx.sym.load(file))
        arrays = {"arg:w%d" % i: mx.nd.array(np.ones((256, 256), np.float32)) for i in range(150)}

        def read():
            for array in mx.nd.load(params).values():
                array.wait_to_read()

        found["nd.save, 150 arrays of 256 kB"] = best(lambda: mx.nd.save(params, arrays))
        found["nd.load, 150 arrays of 256 kB"] = best(read)
        for name in os.listdir(folder):
            os.remove(os.path.join(folder, name))
        os.rmdir(folder)
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
    print("an LSTM of %d steps, %d nodes, milliseconds a call" % (options.steps, count))
    table(pairs(__file__, ["--steps", str(options.steps)], options.rounds), "ms", 1e3)


if __name__ == "__main__":
    sys.exit(main())
