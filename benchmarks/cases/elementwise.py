"""A chain of 15 ufuncs on a million floats: a tanh, two exps, a square root, and cheap ones.

y = tanh(x / 2 + 0.1);  y = exp(-y) + x;  y = sqrt(y * y + 1);  sigmoid(y) * x - y
"""

from __future__ import annotations

import numpy as np
from cases import engines

TITLE = "Elementwise"
UNIT = "us"


def rows(quick):
    """Return {name: size}."""
    return {"chain of 15 ufuncs, 1e6": 1000 if quick else 10**6}


def values(size):
    return np.random.RandomState(0).randn(size).astype("f4")


def symbol(sym):
    x = sym.Variable("x")
    y = sym.tanh(x * 0.5 + 0.1)
    y = sym.exp(y * -1.0) + x
    y = sym.sqrt(sym.square(y) + 1.0)
    return sym.sigmoid(y) * x - y


def in_minisym(size, way):
    if way.name == "BLAS":
        return None  # there are no matrix products
    import minisym as ms

    engines.set_up(ms, way)
    executor = symbol(ms.sym).bind(args={"x": values(size)}, grad_req="null")
    return executor.forward, lambda: executor.outputs[0].asnumpy()


def in_mxnet(size, way):
    import mxnet as mx

    executor = symbol(mx.sym).bind(mx.cpu(), {"x": mx.nd.array(values(size))}, grad_req="null")
    return lambda: executor.forward()[0].wait_to_read(), lambda: executor.outputs[0].asnumpy()


def in_numpy(size, way):
    """By hand, in two arrays."""
    x = values(size)
    y, z = np.empty_like(x), np.empty_like(x)
    half, tenth, one, minus = map(np.float32, (0.5, 0.1, 1, -1))

    def run():
        np.multiply(x, half, y)
        np.add(y, tenth, y)
        np.tanh(y, y)
        np.multiply(y, minus, y)
        np.exp(y, y)
        np.add(y, x, y)
        np.multiply(y, y, y)
        np.add(y, one, y)
        np.sqrt(y, y)
        np.negative(y, z)
        np.exp(z, z)
        np.add(z, one, z)
        np.reciprocal(z, z)
        np.multiply(z, x, z)
        np.subtract(z, y, z)

    return run, lambda: z


def in_torch(size, way):
    import torch

    engines.set_up_torch(torch, way)

    def chain(x):
        y = torch.tanh(x * 0.5 + 0.1)
        y = torch.exp(y * -1.0) + x
        y = torch.sqrt(y * y + 1.0)
        return torch.sigmoid(y) * x - y

    call = torch.compile(chain) if way.name == "compile" else chain
    x = torch.from_numpy(values(size))
    return torch.no_grad()(lambda: call(x)), lambda: call(x).numpy()


def in_jax(size, way):
    engines.set_up_jax(way)
    import jax
    from jax import numpy as jnp

    @jax.jit
    def chain(x):
        y = jnp.tanh(x * 0.5 + 0.1)
        y = jnp.exp(y * -1.0) + x
        y = jnp.sqrt(y * y + 1.0)
        return jax.nn.sigmoid(y) * x - y

    x = jnp.array(values(size))
    return lambda: chain(x).block_until_ready(), lambda: np.asarray(chain(x))


def in_pytensor(size, way):
    import pytensor
    from pytensor import tensor

    x = pytensor.shared(values(size))
    half, tenth, one = map(np.float32, (0.5, 0.1, 1))
    y = tensor.tanh(x * half + tenth)
    y = tensor.exp(-y) + x
    y = tensor.sqrt(y * y + one)
    out = tensor.sigmoid(y) * x - y
    run = pytensor.function([], pytensor.Out(out, borrow=True), mode=engines.pytensor_mode(way))
    return run, run
