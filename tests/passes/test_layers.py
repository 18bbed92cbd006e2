"""Layers that do what follows them, and images that lie channels last: the numbers stay.

Sums of another order, and a normalisation written as a product and a sum, differ in last digits:
here by less than 1e-11 of the largest value, in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_conv_nets import arrays_of, conv_nets

import minisym as ms
from minisym import sym
from minisym.core.ndarray import Array


def nearly(found: Any, want: Any) -> None:
    most = max(abs(np.asarray(want)).max(initial=0), 1)
    np.testing.assert_allclose(found, want, rtol=0, atol=1e-11 * most)


def plan(executor: Any, *, is_train: bool = False) -> Any:
    return executor._plans.quick(is_train=is_train)


def ops(executor: Any) -> list[str]:
    return [node.op.name for node in plan(executor).graph if node.op]


@given(conv_nets(), st.integers(0, 99))
def test_the_same_outputs_in_both_modes(net: Any, seed: int) -> None:
    symbol, shape = net
    runs = []
    for optimize in (True, False):
        args, states = arrays_of(symbol, shape, seed)
        executor = symbol.bind(args=args, aux_states=states, grad_req="null", optimize=optimize)
        outputs = [executor.forward(is_train=mode)[0].asnumpy() for mode in (False, True, False)]
        runs.append([*outputs, *states.values()])
    for found, want in zip(*runs, strict=True):
        nearly(found, want)


@given(conv_nets(), st.integers(0, 99))
def test_the_same_gradients(net: Any, seed: int) -> None:
    symbol, shape = net
    runs = []
    for optimize in (True, False):
        args, states = arrays_of(symbol, shape, seed)
        slopes = {name: np.zeros_like(a) for name, a in args.items()}
        executor = symbol.bind(args=args, args_grad=slopes, aux_states=states, optimize=optimize)
        (output,) = executor.forward(is_train=True)
        executor.backward(np.cos(np.arange(output.size).reshape(output.shape)))
        runs.append([output, *slopes.values()])
    for found, want in zip(*runs, strict=True):
        nearly(found, want)


def bound(symbol: Any, shape: Any, **options: Any) -> Any:
    args, states = arrays_of(symbol, shape, 0)
    return symbol.bind(args=args, aux_states=states, grad_req="null", **options)


def conv(x: Any, filters: int = 4, **more: Any) -> Any:
    return sym.Convolution(x, kernel=(3, 3), pad=(1, 1), num_filter=filters, **more)


def test_a_block_becomes_one_layer() -> None:
    x = sym.Variable("data")
    shortcut = conv(x, name="shortcut")
    y = sym.BatchNorm(conv(x, no_bias=True, name="conv"), name="norm")
    net = sym.Activation(shortcut + y, act_type="relu", name="block")
    executor = bound(net, (1, 4, 6, 6))
    assert sorted(ops(executor)) == ["Convolution", "_Convolution_finished", "_norm_factors"]
    layer = plan(executor).graph.outputs[0].node
    assert layer.name == "block"
    assert layer.params["rectified"]
    assert [entry.node.name for entry in layer.inputs][-1] == "shortcut"


def test_what_somebody_else_reads_stays() -> None:
    x = conv(sym.Variable("data"), name="conv")
    executor = bound(sym.Group([x, sym.relu(x)]), (1, 4, 6, 6))
    assert ops(executor) == ["Convolution", "relu"]


def test_a_bias_and_a_rectifier_keep_their_bits() -> None:
    net = sym.relu(conv(sym.Variable("data"), name="conv"))
    found, want = (
        bound(net, (2, 4, 9, 9), optimize=o).forward()[0].asnumpy() for o in (True, False)
    )
    np.testing.assert_array_equal(found, want)


def test_arrays_that_change_are_read_in_each_run() -> None:
    """A user's weights and moving averages are his own."""
    net = sym.relu(sym.BatchNorm(conv(sym.Variable("data"), name="conv"), name="norm"))
    quick, plain = (bound(net, (1, 4, 6, 6), optimize=o) for o in (True, False))
    for name in ("conv_weight", "conv_bias", "norm_beta"):
        quick.arg_dict[name][:] = plain.arg_dict[name][:] = 0.5
        nearly(quick.forward()[0], plain.forward()[0])
    for executor in (quick, plain):
        executor.aux_dict["norm_moving_var"][:] = 3
        executor.aux_dict["norm_moving_mean"][:] = -2
    nearly(quick.forward()[0], plain.forward()[0])


def test_a_large_mean_costs_digits_in_proportion() -> None:
    """The rounding of the mean, in units of the deviation: see `passes.simplify.finish`."""
    net = sym.BatchNorm(sym.Variable("data"), name="norm", eps=1e-9)
    args, states = arrays_of(net, (1, 2, 4, 4), 0)
    states["norm_moving_mean"][:] = 1e6
    args["data"] += 1e6
    runs = [
        net.bind(args=args, aux_states=states, grad_req="null", optimize=o).forward()[0].asnumpy()
        for o in (True, False)
    ]
    np.testing.assert_allclose(*runs, atol=1e6 * 8 * np.finfo(float).eps)


def lie_last(executor: Any) -> set[str]:
    return {entry.name for entry in plan(executor).typed.last}


def deep(layers: int, size: int = 12) -> tuple[Any, Any]:
    x = sym.Variable("data")
    for i in range(layers):
        x = sym.tanh(conv(x, 8, name=f"conv{i}"), name=f"tanh{i}")
    return x, (4, 8, size, size)


def test_a_region_lies_channels_last_and_its_borders_do_not() -> None:
    net, shape = deep(3)
    executor = bound(net, shape)
    assert lie_last(executor) == {
        *(f"conv{i}_output" for i in range(3)),
        *(f"tanh{i}_output" for i in range(2)),
    }
    assert executor.outputs[0].flags.c_contiguous
    quick, plain = executor.forward()[0], bound(net, shape, optimize=False).forward()[0]
    nearly(quick, plain)


def test_a_region_that_would_not_pay_stays() -> None:
    """Windows of one element gain nothing, and a single layer's borders cost more than it gains."""
    x = sym.Variable("data")
    for i in range(3):
        x = sym.Convolution(x, kernel=(1, 1), num_filter=8, name=f"conv{i}")
    assert not lie_last(bound(x, (4, 8, 12, 12)))
    wide = sym.Convolution(sym.Variable("data"), kernel=(2, 2), num_filter=64, name="conv")
    assert not lie_last(bound(sym.relu(wide), (4, 2, 12, 12)))


@pytest.mark.parametrize("how", ["optimize", "watched"])
def test_nothing_lies_channels_last_where_it_is_not_asked_for(how: str) -> None:
    net, shape = deep(3)
    executor = bound(net, shape, optimize=how != "optimize")
    orders: list[bool] = []

    def look(name: str, array: Array) -> None:
        orders.append(array.flags.c_contiguous)

    executor.set_monitor_callback(look)
    executor.forward()
    assert all(orders)


def test_an_elementwise_op_may_still_overwrite_what_it_reads() -> None:
    net, shape = deep(3)
    found = plan(bound(net, shape))
    homes = found.layout.homes
    tanh = next(entry for entry in found.typed.last if entry.node.op.name == "tanh")
    assert homes[tanh].in_place


def read_only(arrays: Any) -> Any:
    """Return arrays of which only the data may change."""
    for name, array in arrays.items():
        array.flags.writeable = name == "data"
    return arrays


@given(conv_nets(), st.integers(0, 99))
def test_the_same_with_weights_that_never_change(net: Any, seed: int) -> None:
    symbol, shape = net
    args, states = arrays_of(symbol, shape, seed)
    plain = symbol.bind(args=args, aux_states=states, grad_req="null", optimize=False)
    want = plain.forward()[0].asnumpy()
    quick = symbol.bind(args=read_only(args), aux_states=states, grad_req="null")
    nearly(quick.forward()[0], want)
    args["data"] *= -0.5
    nearly(quick.forward()[0], plain.forward()[0])


def test_filters_that_never_change_are_transformed_once() -> None:
    x = sym.Variable("data")
    for i in range(3):
        x = sym.relu(conv(x, 64, name=f"conv{i}"))
    args, _ = arrays_of(x, (1, 64, 12, 12), 0)
    want = x.bind(args=args, grad_req="null", optimize=False).forward()[0].asnumpy()
    executor = x.bind(args=read_only(args), grad_req="null")
    # the output is a user's array, in the usual order
    assert ops(executor) == ["_Convolution_winograd"] * 2 + ["_Convolution_finished"]
    nearly(executor.forward()[0], want)


def test_filters_that_may_change_are_not() -> None:
    x = sym.Variable("data")
    for i in range(3):
        x = sym.relu(conv(x, 64, name=f"conv{i}"))
    args, _ = arrays_of(x, (1, 64, 12, 12), 0)
    executor = x.bind(args=args, grad_req="null")
    executor.forward()
    args["conv1_weight"][:] = 0
    want = x.bind(args=args, grad_req="null", optimize=False).forward()[0].asnumpy()
    nearly(executor.forward()[0], want)


def test_tiles_of_four_are_asked_for() -> None:
    x = sym.Variable("data")
    for i in range(3):
        x = sym.BatchNorm(conv(x, 64, name=f"conv{i}"), name=f"norm{i}")
    args, states = arrays_of(x, (1, 64, 12, 12), 0)
    want = x.bind(args=args, aux_states=states, grad_req="null", optimize=False).forward()[0].copy()
    for tile in (2, 4):
        copies, kept = ({n: a.copy() for n, a in given.items()} for given in (args, states))
        executor = x.bind(args=copies, aux_states=kept, grad_req="null")
        executor.freeze(tile=tile)
        nearly(executor.forward()[0], want)
        layers = [n for n in plan(executor).graph if n.op and n.op.name == "_Convolution_winograd"]
        assert [node.params["tile"] for node in layers] == [tile, tile]
        assert not any(node.params["scaled"] for node in layers)
    with pytest.raises(ms.ParamError, match="tile must be 2 or 4, but got 3"):
        executor.freeze(tile=3)


def test_a_normalisation_goes_into_a_matrix_product() -> None:
    fc = sym.FullyConnected(sym.Variable("data"), num_hidden=4, name="fc")
    net = sym.relu(sym.BatchNorm(fc, name="norm", fix_gamma=False), name="out")
    executor = bound(net, (3, 5))
    assert sorted(ops(executor)) == ["_FullyConnected_finished", "_norm_factors", "elemwise_sub"]
    nearly(executor.forward()[0], bound(net, (3, 5), optimize=False).forward()[0])
    executor.freeze()
    nearly(executor.forward()[0], bound(net, (3, 5), optimize=False).forward()[0])
    assert ops(executor) == ["_FullyConnected_finished"]
    plain = sym.relu(fc)
    assert ops(bound(plain, (3, 5))) == ["FullyConnected", "relu"]


def test_filters_are_scaled_only_if_all_that_scales_them_stays() -> None:
    net = sym.BatchNorm(conv(sym.Variable("data"), name="conv"), name="norm")
    executor = bound(net, (1, 4, 6, 6))
    executor.freeze(
        ["conv_weight", "norm_gamma", "norm_beta", "norm_moving_mean", "norm_moving_var"]
    )
    executor.forward()
    executor.arg_dict["conv_bias"][:] = 2
    plain = bound(net, (1, 4, 6, 6), optimize=False)
    plain.arg_dict["conv_bias"][:] = 2
    nearly(executor.forward()[0], plain.forward()[0])
    assert plan(executor).graph.outputs[0].node.params["scaled"]
