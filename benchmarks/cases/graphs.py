"""What a node costs: to compose, infer, write, read, bind, and run, without the work of its op.

The chain is 10,000 additions of 16 floats; the nets are 500 times FullyConnected and ReLU, of 16
units. "NumPy by hand" calls the ufuncs of the chain in a bare loop, each with its own result.
"""

from __future__ import annotations

import numpy as np
from cases import engines

TITLE = "Graphs, a node"
UNIT = "us"


def rows(quick):
    """Return {name: (what, number of nodes)}."""
    nodes = 20 if quick else 10_000
    layers = 5 if quick else 500
    return {
        "chain: compose": ("compose", nodes),
        "chain: infer_shape": ("infer_shape", nodes),
        "chain: tojson": ("tojson", nodes),
        "chain: load_json": ("load_json", nodes),
        "chain: bind": ("bind", nodes),
        "chain: forward": ("forward", nodes),
        "FC + ReLU nets: bind": ("bind net", layers),
        "FC + ReLU nets: bind for training": ("bind training", layers),
    }


def chain(sym, nodes):
    """Compose x + x + … + x."""
    x = sym.Variable("x")
    y = x
    for _ in range(nodes):
        y = y + x
    return y


def layers(sym, count):
    x = sym.Variable("data")
    for i in range(count):
        x = sym.Activation(sym.FullyConnected(x, num_hidden=16, name=f"fc{i}"), act_type="relu")
    return x


def work(mx, row, fresh):
    """Return what is timed, and the number of nodes by which its time is divided."""
    what, nodes = row
    sym = mx.sym
    if what == "compose":
        return lambda: chain(sym, nodes), nodes
    if what.startswith("bind "):
        net = layers(sym, nodes)
        wanted = "write" if what == "bind training" else "null"
        return lambda: fresh(net).simple_bind(mx.cpu(), grad_req=wanted, data=(4, 16)), 2 * nodes
    symbol = chain(sym, nodes)
    array = mx.nd.array(np.ones(16, "f4"))
    text = symbol.tojson()
    calls = {
        "infer_shape": lambda: fresh(symbol).infer_shape(x=(16,)),
        "tojson": lambda: fresh(symbol).tojson(),
        "load_json": lambda: sym.load_json(text),
        "bind": lambda: fresh(symbol).bind(mx.cpu(), {"x": array}, grad_req="null"),
    }
    if what in calls:
        return calls[what], nodes
    executor = symbol.bind(mx.cpu(), {"x": array}, grad_req="null")
    return lambda: executor.forward()[0].wait_to_read(), nodes


def in_minisym(row, way):
    if way.threads > 1:
        return None
    import minisym as ms

    engines.set_up(ms, way)
    # without what an earlier call has remembered of the symbol
    run, nodes = work(ms, row, lambda symbol: ms.Symbol(symbol.entries))
    return run, lambda: 0, nodes


def in_mxnet(row, way):
    if way.name == "oneDNN" or way.threads > 1:
        return None
    import mxnet as mx

    run, nodes = work(mx, row, lambda symbol: symbol)
    return run, lambda: 0, nodes


def in_numpy(row, way):
    what, nodes = row
    if what != "forward":
        return None
    x = np.ones(16, "f4")
    results = [x] + [np.empty(16, "f4") for _ in range(nodes)]
    steps = [(np.add, (results[i], x, results[i + 1])) for i in range(nodes)]

    def run():
        for function, arguments in steps:
            function(*arguments)

    return run, lambda: 0, nodes
