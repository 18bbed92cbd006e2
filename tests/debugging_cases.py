"""Nets with arrays, for the tests of what an executor can be asked about its runs."""

import numpy as np

import minisym as ms
from minisym import sym


def mlp():
    h = sym.FullyConnected(sym.Variable("data"), num_hidden=8, name="fc1")
    h = sym.BatchNorm(h, fix_gamma=False, name="bn")
    h = sym.Activation(h, act_type="relu", name="relu")
    h = sym.FullyConnected(h, num_hidden=3, name="fc2")
    return sym.SoftmaxOutput(h, name="softmax")


def training():
    net = mlp()
    names = [n for n in net.list_arguments() if n.endswith(("weight", "bias"))]
    inside = net.get_internals()
    updates = [
        sym.signsgd_update(inside[name], grad, lr=0.01, name=f"{name}_step")
        for name, grad in zip(names, ms.grad(net, names), strict=True)
    ]
    return sym.Group([net, *updates, inside["fc1_weight"] * 1])


def filled(net, rng_seed=0, **options):
    executor = net.simple_bind(data=(6, 4), **options)
    draw = np.random.default_rng(rng_seed)
    for name, array in (executor.arg_dict | executor.aux_dict).items():
        array[...] = (
            draw.integers(0, 3, array.shape) if "label" in name else 0.5 + draw.random(array.shape)
        )
    return executor


def state(executor):
    arrays = executor.arg_dict | executor.aux_dict
    if executor.grad_arrays is not None:
        arrays |= {f"∂{n}": a for n, a in executor.grad_dict.items() if a is not None}
    return {name: array.copy() for name, array in arrays.items()}


def assert_same(one, two):
    assert one.keys() == two.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, two[name], err_msg=name)
