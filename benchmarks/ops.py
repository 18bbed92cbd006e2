"""What the heavy ops cost, and three small networks, forward and forward + backward.

    python benchmarks/ops.py [--rounds 3] [--onednn]

With MINISYM_MXNET_PYTHON set, MXNet 1.9.1 does the same in turn, for the ratio: with the kernels
that it brings itself, or, by --onednn, with those of Intel's library where it has some.
"""

from __future__ import annotations

import argparse
import os

import numpy as np
from _pairs import best, once, pairs, table, worker

IMAGES = (8, 32, 28, 28)


def conv(sym, x, filters, size=3, **params):
    """Convolve so that the image keeps its size."""
    pad = (size // 2, size // 2)
    return sym.Convolution(x, kernel=(size, size), pad=pad, num_filter=filters, **params)


def pool(sym, x):
    """Halve height and width."""
    return sym.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="max")


def lenet(sym, x):
    """Two convolutions, two layers behind them, and the loss."""
    for filters in (20, 50):
        x = sym.Convolution(x, kernel=(5, 5), num_filter=filters)
        x = pool(sym, sym.Activation(x, act_type="tanh"))
    x = sym.Activation(sym.FullyConnected(x, num_hidden=500), act_type="tanh")
    return sym.SoftmaxOutput(sym.FullyConnected(x, num_hidden=10), name="softmax")


def perceptron(sym, x):
    """Two hidden layers and the loss."""
    for hidden in (128, 64):
        x = sym.Activation(sym.FullyConnected(x, num_hidden=hidden), act_type="relu")
    return sym.SoftmaxOutput(sym.FullyConnected(x, num_hidden=10), name="softmax")


def residual(sym, x):
    """Two normalized convolutions around which the input passes."""
    y = x
    for last in (False, True):
        y = sym.BatchNorm(conv(sym, y, 32, no_bias=True), fix_gamma=False)
        y = sym.Activation(y + x if last else y, act_type="relu")
    return y


def rnn(sym, x, mode):
    """One layer of 128 units."""
    return sym.RNN(x, state_size=128, num_layers=1, mode=mode, name="rnn")


# row: (what it computes from the variable "data", shapes, {input of whole numbers: below which})
ROWS = {
    "Convolution 3x3": (lambda s, x: conv(s, x, 32), {"data": IMAGES}, {}),
    "Convolution 1x1": (lambda s, x: conv(s, x, 64, 1), {"data": IMAGES}, {}),
    "Convolution 3x3, depthwise": (
        lambda s, x: conv(s, x, 32, num_group=32),
        {"data": IMAGES},
        {},
    ),
    "Deconvolution 4x4, stride 2": (
        lambda s, x: s.Deconvolution(x, kernel=(4, 4), stride=(2, 2), pad=(1, 1), num_filter=16),
        {"data": (8, 32, 14, 14)},
        {},
    ),
    "Pooling 2x2, max": (pool, {"data": IMAGES}, {}),
    "Pooling 3x3, avg": (
        lambda s, x: s.Pooling(x, kernel=(3, 3), pad=(1, 1), pool_type="avg"),
        {"data": IMAGES},
        {},
    ),
    "BatchNorm": (lambda s, x: s.BatchNorm(x, fix_gamma=False), {"data": IMAGES}, {}),
    "LayerNorm": (lambda s, x: s.LayerNorm(x), {"data": (512, 512)}, {}),
    "FullyConnected 512 to 512": (
        lambda s, x: s.FullyConnected(x, num_hidden=512),
        {"data": (128, 512)},
        {},
    ),
    "dot of 512 x 512": (
        lambda s, x: s.dot(x, s.Variable("right")),
        {"data": (512, 512), "right": (512, 512)},
        {},
    ),
    "softmax": (lambda s, x: s.softmax(x), {"data": (128, 1000)}, {}),
    "RNN, lstm of 128, 32 steps": (lambda s, x: rnn(s, x, "lstm"), {"data": (32, 16, 64)}, {}),
    "RNN, gru of 128, 32 steps": (lambda s, x: rnn(s, x, "gru"), {"data": (32, 16, 64)}, {}),
    "Embedding": (
        lambda s, x: s.Embedding(x, input_dim=10000, output_dim=64),
        {"data": (64, 32)},
        {"data": 10000},
    ),
    "topk, 10 of 1000": (
        lambda s, x: s.topk(x, k=10, ret_typ="value"),
        {"data": (64, 1000)},
        {},
    ),
    "box_nms of 4 x 200": (
        lambda s, x: s.contrib.box_nms(x, overlap_thresh=0.5, coord_start=2, score_index=1),
        {"data": (4, 200, 6)},
        {},
    ),
    "MLP, batch of 64": (perceptron, {"data": (64, 784)}, {"softmax_label": 10}),
    "LeNet, batch of 32": (lenet, {"data": (32, 1, 28, 28)}, {"softmax_label": 10}),
    "Residual block": (residual, {"data": IMAGES}, {}),
}


def bound(mx, row, *, backward):
    """Bind a row to values that are the same in each package."""
    make, shapes, whole = ROWS[row]
    symbol = make(mx.sym, mx.sym.Variable("data"))
    wanted = {
        name: "write" if backward and name not in whole else "null"
        for name in symbol.list_arguments()
    }
    executor = symbol.simple_bind(mx.cpu(), grad_req=wanted, **shapes)
    rng = np.random.RandomState(0)
    for name, array in executor.arg_dict.items():
        if name in whole:
            array[:] = rng.randint(0, whole[name], array.shape).astype(np.float32)
        else:
            array[:] = rng.normal(scale=0.1, size=array.shape).astype(np.float32)
    return executor


def runs(mx, row):
    """Return what is measured: a run, and a run with its way back."""
    plain, trained = bound(mx, row, backward=False), bound(mx, row, backward=True)
    trained.forward(is_train=True)
    ones = [mx.nd.array(np.ones(o.shape, np.float32)) for o in trained.outputs]
    grads = [g for g in trained.grad_arrays if g is not None]

    def forward():
        plain.forward(is_train=False)
        for array in plain.outputs:
            array.wait_to_read()

    def there_and_back():
        trained.forward(is_train=True)
        trained.backward(ones)
        for array in grads:
            array.wait_to_read()

    return forward, there_and_back


def measure(mx):
    """Return {row: seconds}."""
    found = {}
    for row in ROWS:
        if (
            "RNN" in row
            and os.environ.get("MXNET_MKLDNN_ENABLED") == "0"
            and mx.__name__ == "mxnet"
        ):
            continue  # without oneDNN its lstm fails, and its gru returns zeros in no time
        forward, there_and_back = runs(mx, row)
        for label, run in ((row, forward), (f"{row}, +back", there_and_back)):
            run()
            number = max(1, int(0.02 / once(run)))
            found[label] = best(run, number)
    return found


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--onednn", action="store_true")
    parser.add_argument("--worker")
    options = parser.parse_args()
    if options.worker:
        os.environ["MXNET_MKLDNN_ENABLED"] = "1" if options.onednn else "0"
        worker(measure, options.worker)
        return
    kernels = "oneDNN's" if options.onednn else "its own"
    print(f"ops, float32, one thread, milliseconds a run; MXNet with {kernels} kernels")
    table(pairs(__file__, ["--onednn"] * options.onednn, options.rounds), "ms", 1e3)


if __name__ == "__main__":
    main()
