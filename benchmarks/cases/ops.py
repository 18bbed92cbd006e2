"""What the heavy ops cost, and a residual block: forward alone, and in training with the way back.

Images are 8 x 32 x 28 x 28, unless a row says otherwise; all on one thread. MXNet's RNN needs
oneDNN: without it an LSTM fails, and a GRU returns zeros.
"""

from __future__ import annotations

import numpy as np
from cases import engines

TITLE = "Ops"
UNIT = "ms"
IMAGES = (8, 32, 28, 28)


def conv(sym, x, filters, size=3, **params):
    """Convolve so that the image keeps its size."""
    pad = (size // 2, size // 2)
    return sym.Convolution(x, kernel=(size, size), pad=pad, num_filter=filters, **params)


def pool(sym, x):
    """Halve height and width."""
    return sym.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="max")


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
OPS = {
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
    "Residual block": (residual, {"data": IMAGES}, {}),
}


def rows(quick):
    """Return {name: (op, whether gradients are wanted)}."""
    names = list(OPS)[:3] if quick else OPS
    return {
        name + (", +back" if back else ""): (name, back) for name in names for back in (False, True)
    }


def work(mx, name, back):
    """Return a run of an op, and its first output, on values that are the same in each package."""
    make, shapes, whole = OPS[name]
    symbol = make(mx.sym, mx.sym.Variable("data"))
    wanted = {n: "write" if back and n not in whole else "null" for n in symbol.list_arguments()}
    executor = symbol.simple_bind(mx.cpu(), grad_req=wanted, **shapes)
    rng = np.random.RandomState(0)
    for n, array in executor.arg_dict.items():
        if n in whole:
            array[:] = rng.randint(0, whole[n], array.shape).astype("f4")
        else:
            array[:] = rng.normal(scale=0.1, size=array.shape).astype("f4")
    grads = [g for g in executor.grad_arrays if g is not None]
    executor.forward(is_train=back)
    ones = [mx.nd.array(np.ones(o.shape, "f4")) for o in executor.outputs]

    def run():
        executor.forward(is_train=back)
        if back:
            executor.backward(ones)
        for array in grads if back else executor.outputs:
            array.wait_to_read()

    return run, lambda: (grads if back else executor.outputs)[0].asnumpy()


def in_minisym(row, way):
    if way.name or way.threads > 1:
        return None  # one kernel on one thread, as beside MXNet
    import minisym as ms

    engines.set_up(ms, way)
    return work(ms, *row)


def in_mxnet(row, way):
    if way.threads > 1 or "naive" in way.name:
        return None
    if row[0].startswith("RNN") and way.name != "oneDNN":
        return None
    import mxnet as mx

    return work(mx, *row)
