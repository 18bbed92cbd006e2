"""Calls that a type checker accepts; tests/test_stubs.py runs mypy over them. Nothing here runs."""

import numpy as np

import minisym as ms
from minisym import nd, sym


def composing() -> ms.Symbol:
    data = sym.Variable("data", shape=(0, 5))
    net = sym.FullyConnected(data, num_hidden=10, name="fc1")
    net = sym.Activation(net, act_type="relu", attr={"__mood__": "calm"})
    net = sym.FullyConnected(net, num_hidden=3, no_bias=True)
    both = sym.Concat(net, net * 2, dim=1)
    parts = sym.concat([net, 1 - net], dim=0)
    return sym.Group([both, parts, sym.maximum(net, 0.5), sym.zeros((2, 3))])


def methods(x: ms.Symbol) -> ms.Symbol:
    return x.reshape((2, -1)).sum(axis=1).softmax(axis=-1).astype("float32").expand_dims(0)[0]


def updates() -> ms.Symbol:
    weight, grad = sym.var("weight"), sym.var("grad")
    rate = sym.var("rate", shape=(1,))
    return sym.signsgd_update(weight, grad, lr=rate * 0.1, wd=1e-4)


def at_once(weight: np.ndarray, grad: np.ndarray) -> np.ndarray:
    nd.signsgd_update(weight, grad, lr=0.1, out=weight)
    return nd.expand_dims(nd.tanh(weight), 0)


def arrays(x: ms.NDArray, plain: np.ndarray) -> float:
    y: ms.NDArray = (2 * x + nd.ones((3,)) > 1).reshape((0, -1)).sum(axis=1).T
    y += 1
    y *= plain
    beside: np.ndarray = x - plain
    z: ms.NDArray = nd.maximum(x, 0.5) + nd.array(beside)
    parts: list[ms.NDArray] = [row[0] for row in z.transpose(axes=(1, 0))]
    return float(parts[0].asscalar()) + float(z.mean())


number: float = sym.maximum(1.0, 2.0)
