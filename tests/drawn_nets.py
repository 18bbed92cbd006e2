"""Graphs of many kinds, for the tests of pictures and of the page."""

import re

import pytest

import minisym as ms
from minisym import sym
from minisym.show import render

needs_engine = pytest.mark.skipif(render.find_engine() is None, reason="no layout engine")


def mlp():
    h = sym.FullyConnected(sym.Variable("data"), num_hidden=128, name="fc1")
    h = sym.Activation(h, act_type="relu", name="relu1")
    h = sym.FullyConnected(h, num_hidden=10, name="fc2")
    return sym.SoftmaxOutput(h, name="softmax", normalization="batch")


def training(net):
    names = [name for name in net.list_arguments() if name.endswith(("weight", "bias"))]
    inside = net.get_internals()
    updates = [
        sym.signsgd_update(inside[name], grad, lr=0.01, name=f"{name}_step")
        for name, grad in zip(names, ms.grad(net, names), strict=True)
    ]
    return sym.Group([net, *updates])


def encoder(blocks):
    h = sym.FullyConnected(sym.Variable("data"), num_hidden=8, name="embed")
    for i in range(blocks):
        up = sym.FullyConnected(h, num_hidden=16, name=f"block{i}_up")
        up = sym.Activation(up, act_type="relu", name=f"block{i}_relu")
        h = h + sym.FullyConnected(up, num_hidden=8, name=f"block{i}_down")
    return sym.FullyConnected(h, num_hidden=2, name="head")


def update():
    return sym.signsgd_update(sym.Variable("w"), sym.Variable("w_grad"), lr=0.1, name="step")


def one_step():
    """Compose a step of training from ops whose gradients are short."""
    w = sym.Variable("scale_weight")
    h = sym.elemwise_mul(sym.Variable("data"), w, name="scale")
    h = sym.tanh(h, name="squash")
    update = sym.signsgd_update(w, ms.grad(h, "scale_weight"), lr=0.1, name="step")
    return sym.Group([h, update])


def chain(length):
    h = sym.Variable("x")
    for i in range(length):
        h = sym.tanh(h, name=f"t{i}")
    return h


def tangle(length):
    """Compose a graph in which nothing is repeated."""
    h = sym.Variable("x")
    for i in range(length):
        h = sym.FullyConnected(h, num_hidden=i + 1, name=f"fc{i}")
    return h


def anything(chance):
    """Compose a random graph: a net, its gradients of up to three orders, perhaps updates."""
    order = chance.choice((0, 1, 1, 1, 2, 2, 2, 3))
    loss = found = random_net(chance, 8 if order < 2 else 5 if order < 3 else 3)
    gradients = []
    for _ in range(order):
        found = ms.grad(sym.sum(found), chance.choice(found.list_arguments()))
        gradients.append(found)
    what = chance.choice(("last", "last and loss", "all", "step", "step"))
    if what == "step":
        inside, names = loss.get_internals(), loss.list_arguments()
        chosen = chance.sample(names, chance.randint(1, len(names)))
        updates = [
            sym.signsgd_update(inside[name], grad, lr=0.1, name=f"{name}_step")
            for name, grad in zip(chosen, ms.grad(loss, chosen), strict=True)
        ]
        return sym.Group([loss, *updates])
    if what == "all":
        return sym.Group([loss, *gradients])
    return found if what == "last" else sym.Group([loss, found])


def random_net(chance, most):
    """Compose a net of up to so many ops, in scopes or without; every array is 4×4, or 4."""
    made = [sym.Variable(name) for name in ("x", "y")[: chance.randint(1, 2)]]
    for i in range(chance.randint(1, most)):
        a, b = chance.choice(made), chance.choice(made[-3:])
        name = chance.choice((None, f"n{i}", f"b0_n{i}", f"b1_n{i}", f"b1_c_n{i}"))
        compose = chance.choice((
            lambda: sym.FullyConnected(a, num_hidden=4, no_bias=True, name=name),  # noqa: B023
            lambda: sym.Activation(a, act_type="tanh", name=name),  # noqa: B023
            lambda: sym.elemwise_mul(a, b, name=name),  # noqa: B023
            lambda: sym.elemwise_add(a, b, name=name),  # noqa: B023
            lambda: sym.dot(a, b, name=name),  # noqa: B023
            lambda: sym.softmax(a, name=name),  # noqa: B023
            lambda: sym.transpose(a, name=name) * 2,  # noqa: B023
            lambda: sym.square(a, name=name),  # noqa: B023
        ))  # fmt: skip
        made.append(compose())
    return sym.sum(made[-1], name=chance.choice((None, "loss")))


def any_options(chance, net):
    """Choose options of `save_picture`."""
    shapes = dict.fromkeys(net.list_arguments(), (4, 4))
    return {
        "collapse": chance.choice((None, "none", "backward", "repeat", "scope")),
        "shape": chance.choice((None, shapes)),
        "dtype": chance.choice((None, None, dict.fromkeys(shapes, "float32"))),
        "hide_weights": chance.choice((True, False)),
        "legend": chance.choice((True, False)),
        "theme": chance.choice(("auto", "light", "dark")),
        "title": chance.choice(("plot", "a title")),
        "node_attrs": chance.choice((None, None, {"shape": "oval"})),
    }


def edges(source):
    return re.findall(r'^\s+"(.*?)" -> "(.*?)"', source, re.MULTILINE)


def unnamed(blocks, width=8):
    """Compose residual blocks with automatic names."""
    h = sym.FullyConnected(sym.Variable("data"), num_hidden=width)
    for _ in range(blocks):
        side = sym.FullyConnected(sym.Activation(h, act_type="relu"), num_hidden=2 * width)
        h = h + sym.FullyConnected(sym.Activation(side, act_type="tanh"), num_hidden=width)
    return sym.FullyConnected(h, num_hidden=3)


def recurrent(steps):
    """Compose steps of time that read shared weights, an input each, and have an output each."""
    weights = {name: sym.Variable(name) for name in ("i2h_weight", "h2h_weight")}
    h, outputs = sym.Variable("h"), []
    for t in range(steps):
        x = sym.Variable(f"data/{t}")
        parts = [
            sym.FullyConnected(
                a, weights[f"{k}_weight"], no_bias=True, num_hidden=4, name=f"t{t}_{k}"
            )
            for k, a in (("i2h", x), ("h2h", h))
        ]
        h = sym.tanh(parts[0] + parts[1], name=f"t{t}_state")
        outputs.append(sym.softmax(h, name=f"t{t}_out"))
    return sym.Group(outputs)
