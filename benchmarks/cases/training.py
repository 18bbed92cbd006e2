"""Training steps of two small nets, forward, backward and SGD, in batches of 64.

The MLP has layers of 256, 128 and 10 on 784 inputs; LeNet convolves 28 x 28
pixels twice (5 x 5, to 20 and 50 maps, ReLU, pooling) before layers of 500 and 10. Weights are
updated in every run.
"""

from __future__ import annotations

import numpy as np
from cases import engines

TITLE = "Training"
UNIT = "ms"
RATE = 0.01


class Net:
    """Sizes, and the values that every peer starts with."""

    def __init__(self, filters, hidden, image, batch):
        self.filters, self.hidden, self.image, self.batch = filters, hidden, image, batch
        self.shape = (batch, 1, image, image) if filters else (batch, image * image)
        self.shapes, channels, side = [], 1, image
        for count in filters:
            self.shapes += [(count, channels, 5, 5), (count,)]
            channels, side = count, (side - 4) // 2
        width = channels * side * side if filters else image * image
        for count in hidden:
            self.shapes += [(count, width), (count,)]
            width = count
        rng = np.random.RandomState(0)
        self.data = rng.randn(*self.shape).astype("f4")
        self.label = rng.randint(0, hidden[-1], batch)
        self.weights = [(rng.randn(*s) * np.prod(s[1:]) ** -0.5).astype("f4") for s in self.shapes]


def rows(quick):
    """Return {name: net}."""
    if quick:
        return {"MLP step": Net([], [8, 4], 5, 3), "LeNet step": Net([2, 3], [5, 4], 20, 3)}
    return {
        "MLP step": Net([], [256, 128, 10], 28, 64),
        "LeNet step": Net([20, 50], [500, 10], 28, 64),
    }


def symbol(sym, net):
    x = sym.Variable("data")
    for i, count in enumerate(net.filters):
        x = sym.Convolution(x, kernel=(5, 5), num_filter=count, name=f"conv{i}")
        x = sym.Activation(x, act_type="relu")
        x = sym.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="max")
    for i, count in enumerate(net.hidden):
        x = sym.FullyConnected(x, num_hidden=count, name=f"fc{i}")
        if count != net.hidden[-1]:
            x = sym.Activation(x, act_type="relu")
    return sym.SoftmaxOutput(x, name="softmax")


def names(net):
    layers = [f"conv{i}" for i in range(len(net.filters))] + [
        f"fc{i}" for i in range(len(net.hidden))
    ]
    return [f"{layer}_{kind}" for layer in layers for kind in ("weight", "bias")]


def in_minisym(net, way):
    import minisym as ms

    engines.set_up(ms, way)
    optimizer = ms.optimizer.SGD(learning_rate=RATE, rescale_grad=1 / net.batch)
    executor = optimizer.minimize(symbol(ms.sym, net)).simple_bind(data=net.shape)
    executor.arg_dict["data"][:] = net.data
    executor.arg_dict["softmax_label"][:] = net.label
    for name, value in zip(names(net), net.weights):
        executor.arg_dict[name][:] = value
    first = executor.arg_dict[names(net)[0]]
    return lambda: optimizer.step(executor), first.asnumpy


def in_mxnet(net, way):
    import mxnet as mx

    executor = symbol(mx.sym, net).simple_bind(
        mx.cpu(), data=net.shape, grad_req=dict.fromkeys(names(net), "write")
    )
    executor.arg_dict["data"][:] = net.data
    executor.arg_dict["softmax_label"][:] = net.label
    for name, value in zip(names(net), net.weights):
        executor.arg_dict[name][:] = value
    pairs = [(executor.arg_dict[name], executor.grad_dict[name]) for name in names(net)]

    def run():
        executor.forward(is_train=True)
        executor.backward()
        for weight, grad in pairs:
            mx.nd.sgd_update(weight, grad, lr=RATE, rescale_grad=1 / net.batch, out=weight)
        mx.nd.waitall()

    return run, pairs[0][0].asnumpy


def in_torch(net, way):
    import torch
    from torch import nn

    engines.set_up_torch(torch, way)
    layers, width = [], net.shape[1]
    for count in net.filters:
        layers += [nn.Conv2d(width, count, 5), nn.ReLU(), nn.MaxPool2d(2)]
        width = count
    layers.append(nn.Flatten())
    for i, count in enumerate(net.hidden):
        layers += [nn.Linear(net.shapes[2 * (len(net.filters) + i)][1], count), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), net.weights):
            parameter.copy_(torch.from_numpy(value))
    data, label = torch.from_numpy(net.data), torch.from_numpy(net.label)
    if net.filters:
        model, data = (
            model.to(memory_format=torch.channels_last),
            data.contiguous(memory_format=torch.channels_last),
        )
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, fused=True)

    def loss():
        return nn.functional.cross_entropy(model(data), label)

    call = torch.compile(loss) if way.name == "compile" else loss

    def run():
        optimizer.zero_grad()
        call().backward()
        optimizer.step()

    return run, lambda: next(model.parameters()).detach().numpy()


def in_jax(net, way):
    engines.set_up_jax(way)
    import jax
    from jax import lax
    from jax import numpy as jnp

    data, label = jnp.array(net.data), jnp.array(net.label)
    convolved = len(net.filters)

    def loss(weights):
        x = data
        for i in range(0, len(weights), 2):
            weight, bias = weights[i : i + 2]
            if i < 2 * convolved:
                x = lax.conv(x, weight, (1, 1), "VALID") + bias[:, None, None]
                x = jnp.maximum(x, 0)
                x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
            else:
                x = x.reshape(len(x), -1) @ weight.T + bias
                x = jnp.maximum(x, 0) if i < len(weights) - 2 else x
        return -jnp.take_along_axis(jax.nn.log_softmax(x), label[:, None], 1).mean()

    def step(weights):
        return [w - RATE * g for w, g in zip(weights, jax.grad(loss)(weights))]

    compiled = jax.jit(step, donate_argnums=0)
    weights = [jnp.array(w) for w in net.weights]

    def run():
        nonlocal weights
        weights = compiled(weights)
        jax.block_until_ready(weights)

    return run, lambda: np.asarray(weights[0])


def in_pytensor(net, way):
    if net.filters:
        return None
    import pytensor
    from pytensor import tensor

    data, label = pytensor.shared(net.data), pytensor.shared(net.label)
    weights = [pytensor.shared(w) for w in net.weights]
    x = data
    for i in range(0, len(weights), 2):
        x = tensor.dot(x, weights[i].T) + weights[i + 1]
        x = tensor.maximum(x, np.float32(0)) if i < len(weights) - 2 else x
    scores = tensor.special.log_softmax(x, axis=-1)
    loss = -scores[tensor.arange(net.batch), label].mean()
    updates = [(w, w - np.float32(RATE) * g) for w, g in zip(weights, tensor.grad(loss, weights))]
    run = pytensor.function([], updates=updates, mode=engines.pytensor_mode(way))
    return run, weights[0].get_value
