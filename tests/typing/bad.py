"""Calls that a type checker must refuse, with what it says; see tests/test_stubs.py."""

import numpy as np

from minisym import nd, sym


def mistakes(x: sym.Symbol, array: np.ndarray) -> None:
    sym.FullyConnected(x, num_hiden=10)  # error: did you mean "num_hidden"
    sym.FullyConnected(x)  # error: Missing named argument "num_hidden"
    sym.FullyConnected(x, num_hidden="ten")  # error: incompatible type "str"; expected "int"
    sym.FullyConected(x, num_hidden=10)  # error: maybe "FullyConnected"
    sym.Activation(x, act_type="rellu")  # error: expected "Literal\['relu', 'sigmoid'
    sym.tanh(array)  # error: expected "Symbol | None"
    sym.Concat(x, x, axis=1)  # error: Unexpected keyword argument "axis"
    sym.signsgd_update(x, x, wd=0.1)  # error: Missing named argument "lr"
    sym.signsgd_update(x, x, lr="fast")  # error: expected "float | Symbol"
    sym.SGDUpdate(x, x)  # error: no attribute
    x.sofmax()  # error: "Symbol" has no attribute "sofmax"
    x.sum(axes=1)  # error: Unexpected keyword argument "axes"
    x.asnumpy()  # error: no attribute "asnumpy"
    nd.array([1]).sum(axes=1)  # error: Unexpected keyword argument "axes"
    nd.array([1]).sofmax()  # error: "NDArray" has no attribute "sofmax"
    nd.tanh(x)  # error: incompatible type "Symbol"
    nd.signsgd_update(array, array, lr=x)  # error: incompatible type "Symbol"; expected "float"
    sym.maximum(x, "2")  # error: No overload variant
