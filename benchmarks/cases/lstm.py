"""A character model unrolled: an LSTM of three layers of 512 over 129 steps, forward.

That is a graph of some 6,000 nodes in minisym, MXNet and onnxruntime. PyTorch and JAX run it as
their users would: by an LSTM layer, and by a scan.
"""

from __future__ import annotations

import numpy as np
from cases import engines

TITLE = "Recurrent"
UNIT = "ms"


class Net:
    """Sizes, and the values that every peer has."""

    def __init__(self, steps, layers, hidden, embedding, words):
        self.steps, self.layers, self.hidden, self.words = steps, layers, hidden, words
        rng = np.random.RandomState(0)

        def make(*shape):
            return (rng.randn(*shape) * shape[-1] ** -0.5).astype("f4")

        self.embedding = make(words, embedding)
        self.cells = []
        for i in range(layers):
            width = hidden if i else embedding
            shapes = [(4 * hidden, width), (4 * hidden,), (4 * hidden, hidden), (4 * hidden,)]
            self.cells.append([make(*shape) for shape in shapes])
        self.out = [make(words, hidden), make(words)]
        self.text = rng.randint(0, words, steps)


def rows(quick):
    """Return {name: net}."""
    return {"LSTM, 6,000 nodes": Net(3, 2, 4, 5, 6) if quick else Net(129, 3, 512, 256, 84)}


def symbol(sym, net):
    """Compose it as MXNet's examples did: as many inputs and outputs as there are steps."""
    kinds = ("i2h_weight", "i2h_bias", "h2h_weight", "h2h_bias")
    cells = [[sym.Variable(f"l{i}_{kind}") for kind in kinds] for i in range(net.layers)]
    states = [[sym.Variable(f"l{i}_c"), sym.Variable(f"l{i}_h")] for i in range(net.layers)]
    embedding, *last = map(sym.Variable, ("embed_weight", "cls_weight", "cls_bias"))
    outputs = []
    for t in range(net.steps):
        x = sym.Embedding(
            sym.Variable(f"t{t}_data"),
            embedding,
            input_dim=net.words,
            output_dim=net.embedding.shape[1],
        )
        for (w, b, v, a), state in zip(cells, states):
            enter = sym.FullyConnected(x, w, b, num_hidden=4 * net.hidden)
            back = sym.FullyConnected(state[1], v, a, num_hidden=4 * net.hidden)
            gates = sym.SliceChannel(enter + back, num_outputs=4)
            put, forget, out = (sym.Activation(gates[i], act_type="sigmoid") for i in (0, 1, 3))
            new = sym.Activation(gates[2], act_type="tanh")
            state[0] = forget * state[0] + put * new
            state[1] = out * sym.Activation(state[0], act_type="tanh")
            x = sym.Dropout(state[1], p=0.2)
        outputs.append(sym.softmax(sym.FullyConnected(x, *last, num_hidden=net.words)))
    return sym.Group(outputs)


def bound(mx, net):
    arrays = {"embed_weight": net.embedding, "cls_weight": net.out[0], "cls_bias": net.out[1]}
    for i, cell in enumerate(net.cells):
        kinds = ("i2h_weight", "i2h_bias", "h2h_weight", "h2h_bias")
        arrays.update((f"l{i}_{kind}", value) for kind, value in zip(kinds, cell))
        arrays.update((f"l{i}_{kind}", np.zeros((1, net.hidden), "f4")) for kind in "ch")
    for t, word in enumerate(net.text):
        arrays[f"t{t}_data"] = np.full(1, word, "f4")
    arrays = {name: mx.nd.array(value) for name, value in arrays.items()}
    return symbol(mx.sym, net).bind(mx.cpu(), arrays, grad_req="null")


def in_minisym(net, way):
    import minisym as ms

    engines.set_up(ms, way)
    executor = bound(ms, net)
    if hasattr(executor, "freeze"):
        executor.freeze()
    return executor.forward, lambda: executor.outputs[-1].asnumpy()


def in_mxnet(net, way):
    import mxnet as mx

    executor = bound(mx, net)

    def run():
        executor.forward()
        mx.nd.waitall()

    return run, lambda: executor.outputs[-1].asnumpy()


def in_torch(net, way):
    import torch
    from torch import nn

    engines.set_up_torch(torch, way)
    if way.name == "compile":
        return None  # it leaves nn.LSTM as it is
    lstm = nn.LSTM(net.embedding.shape[1], net.hidden, net.layers)
    for i, (w, b, v, a) in enumerate(net.cells):
        kinds = {"weight_ih": w, "bias_ih": b, "weight_hh": v, "bias_hh": a}
        for kind, value in kinds.items():
            getattr(lstm, f"{kind}_l{i}").data.copy_(torch.from_numpy(value))
    embedding, weight, bias = map(torch.from_numpy, (net.embedding, *net.out))
    text = torch.from_numpy(net.text)
    lstm.eval()

    def call():
        x, _ = lstm(embedding[text])
        return torch.softmax(x @ weight.T + bias, 1)

    run = torch.no_grad()(call)
    return run, lambda: run()[-1].numpy()


def in_jax(net, way):
    engines.set_up_jax(way)
    import jax
    from jax import numpy as jnp

    cells = [[jnp.array(v) for v in cell] for cell in net.cells]
    embedding, weight, bias, text = map(jnp.array, (net.embedding, *net.out, net.text))

    def step(states, word):
        x, after = embedding[word], []
        for (w, b, v, a), (before, h) in zip(cells, states):
            put, forget, new, out = jnp.split(w @ x + b + v @ h + a, 4)
            c = jax.nn.sigmoid(forget) * before + jax.nn.sigmoid(put) * jnp.tanh(new)
            x = jax.nn.sigmoid(out) * jnp.tanh(c)
            after.append((c, x))
        return after, jax.nn.softmax(weight @ x + bias)

    zero = jnp.zeros(net.hidden, "f4")
    call = jax.jit(lambda text: jax.lax.scan(step, [(zero, zero)] * net.layers, text)[1])
    return lambda: call(text).block_until_ready(), lambda: np.asarray(call(text)[-1])


def in_onnxruntime(net, way):
    from onnx import helper, numpy_helper

    class Nodes:
        """Nodes and weights of an ONNX graph."""

        def __init__(self):
            self.nodes, self.weights = [], []

        def add(self, op, inputs, outputs=1, **attributes):
            names = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
            self.nodes.append(helper.make_node(op, inputs, names, **attributes))
            return names if outputs > 1 else names[0]

        def keep(self, name, value):
            self.weights.append(numpy_helper.from_array(value, name))
            return name

    n = Nodes()
    embedding = n.keep("embedding", net.embedding)
    last = [n.keep("cls_weight", net.out[0]), n.keep("cls_bias", net.out[1])]
    cells = [
        [n.keep(f"l{i}_{k}", v) for k, v in enumerate(cell)] for i, cell in enumerate(net.cells)
    ]
    zero = n.keep("zero", np.zeros((1, net.hidden), "f4"))
    states = [[zero, zero] for _ in cells]
    outputs = []
    for t in range(net.steps):
        x = n.add("Gather", [embedding, f"t{t}"])
        for (w, b, v, a), state in zip(cells, states):
            both = [n.add("Gemm", [x, w, b], transB=1), n.add("Gemm", [state[1], v, a], transB=1)]
            put, forget, new, out = n.add("Split", [n.add("Add", both)], 4, axis=1)
            put, forget, out = (n.add("Sigmoid", [g]) for g in (put, forget, out))
            kept = n.add("Mul", [forget, state[0]])
            state[0] = n.add("Add", [kept, n.add("Mul", [put, n.add("Tanh", [new])])])
            state[1] = x = n.add("Mul", [out, n.add("Tanh", [state[0]])])
        outputs.append(n.add("Softmax", [n.add("Gemm", [x, *last], transB=1)]))
    out = n.add("Concat", outputs, axis=0)
    feed = {f"t{t}": np.full(1, word, "i8") for t, word in enumerate(net.text)}
    session = engines.onnx_session(way, n, dict.fromkeys(feed, (1,)), out, whole=True)
    return lambda: session.run(None, feed), lambda: session.run(None, feed)[0][-1]
