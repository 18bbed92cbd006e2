"""`Executor.freeze`: parameters that change no more, and what may rely on it."""

from __future__ import annotations

import numpy as np
import pytest
from nets import NETS

import minisym as ms
from minisym import nd, sym


@pytest.fixture
def net():
    """Make a layer whose weight is turned and scaled in each run."""
    weight = sym.transpose(sym.Variable("weight") * 0.5, name="turned")
    return sym.tanh(sym.dot(sym.Variable("x"), weight), name="out")


def arrays():
    return {"x": np.ones((2, 3)), "weight": np.arange(12.0).reshape(4, 3)}


def ops(executor):
    return [node.op.name for node in executor.get_optimized_symbol().graph if node.op]


def test_what_depends_on_frozen_arrays_is_computed_once(net):
    bound = arrays()
    executor = net.bind(args=bound, grad_req="null")
    (before,) = (out.copy() for out in executor.forward())
    (output,) = executor.outputs
    assert ops(executor) == ["_mul_scalar", "transpose", "dot", "tanh"]
    executor.freeze("weight")
    assert ops(executor) == ["dot", "tanh"]
    assert executor.forward()[0] is output
    np.testing.assert_array_equal(output, before)
    executor.forward(x=np.zeros((2, 3)))
    np.testing.assert_array_equal(output, 0)
    seen = []
    executor.set_monitor_callback(lambda name, array: seen.append(name))
    executor.forward()
    assert "turned_output" in seen


def test_nobody_writes_them(net):
    bound = arrays()
    executor = net.bind(args=bound, grad_req="null")
    executor.freeze(["weight"])
    other = np.zeros((4, 3))
    for array in (bound["weight"], executor.arg_dict["weight"], executor.arg_arrays[1]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(ms.BindError, match="forward: weight is read-only, or was frozen"):
        executor.forward(weight=other)
    with pytest.raises(ms.BindError, match="copy_params_from: weight is read-only"):
        executor.copy_params_from({"weight": other})
    with pytest.raises(ms.BindError, match="step: weight is read-only"):
        executor.step(weight=other)
    bound["x"][0] = 5  # the others are as they were
    executor.freeze("weight")  # again


def test_all_parameters_by_default():
    net = sym.FullyConnected(sym.Variable("data"), num_hidden=3, name="fc")
    net = sym.BatchNorm(net, name="bn") + sym.Variable("shift")
    executor = net.simple_bind(data=(2, 4), shift=(2, 3), grad_req="null")
    executor.freeze()
    bound = {**executor.arg_dict, **executor.aux_dict}
    writeable = {name for name, array in bound.items() if array.flags.writeable}
    assert writeable == {"data", "shift"}


@pytest.mark.parametrize("optimize", [True, False])
def test_states_are_read_in_inference_and_refused_in_training(optimize):
    net = sym.BatchNorm(sym.Variable("data"), fix_gamma=False, name="bn")
    executor = net.simple_bind(data=(4, 2), grad_req="null", optimize=optimize)
    rng = np.random.default_rng(0)
    for array in (*executor.arg_arrays, *executor.aux_arrays):
        array[...] = rng.uniform(0.5, 1.5, array.shape)
    before = executor.forward()[0].copy()
    executor.freeze()
    for watch in (None, lambda name, array: None):
        executor.set_monitor_callback(watch)
        np.testing.assert_allclose(executor.forward()[0], before, 1e-6)
        with pytest.raises(ms.BindError, match="'bn_moving_mean' is read-only, but BatchNorm 'bn'"):
            executor.forward(is_train=True)
    executor.step().finish()
    np.testing.assert_allclose(executor.outputs[0], before, 1e-6)


def test_states_may_be_bound_read_only():
    """As from a file that is mapped."""
    net = sym.BatchNorm(sym.Variable("data"), name="bn")
    states = {"bn_moving_mean": np.zeros(2), "bn_moving_var": np.ones(2)}
    for array in states.values():
        array.flags.writeable = False
    args = {"data": np.ones((4, 2)), "bn_gamma": np.ones(2), "bn_beta": np.ones(2)}
    executor = net.bind(args=args, aux_states=states, grad_req="null")
    np.testing.assert_allclose(executor.forward()[0], 2, 1e-3)
    with pytest.raises(ms.BindError, match="read-only"):
        executor.forward(is_train=True)


def test_what_changes_in_each_run_is_refused():
    w = sym.Variable("w")
    step = sym.signsgd_update(w, sym.Variable("g"), lr=0.1, name="step")
    executor = step.bind(args={"w": np.ones(2), "g": np.ones(2)})
    with pytest.raises(ms.BindError, match="'w' changes in each run: signsgd_update 'step'"):
        executor.freeze("w")
    assert executor.arg_dict["w"].flags.writeable
    executor.freeze("g")
    for names in ("q", ["g", "q"]):
        with pytest.raises(ms.ParamError, match="there is no argument 'q'"):
            executor.freeze(names)
    with pytest.raises(ms.ParamError, match="takes names of arguments, but got 3"):
        executor.freeze(3)


def test_parts_of_other_arrays_are_refused(net):
    """All of them or none: the message says what to do."""
    whole = np.zeros((8, 3))
    bound = arrays() | {"weight": whole[:4]}
    executor = net.bind(args=bound, grad_req="null")
    with pytest.raises(ms.BindError, match="'weight' is a part of a larger array") as caught:
        executor.freeze(["x", "weight"])
    assert "array.copy()" in str(caught.value)
    assert bound["x"].flags.writeable
    buffer = bytearray(96)
    bound = arrays() | {"weight": np.frombuffer(buffer).reshape(4, 3)}
    with pytest.raises(ms.BindError, match="sees memory of a memoryview"):
        net.bind(args=bound, grad_req="null").freeze("weight")


def test_the_whole_of_another_array_is_frozen_with_it(net):
    base = np.arange(12.0)
    bound = {"x": nd.ones((2, 3), dtype="float64"), "weight": base.reshape(4, 3)}
    executor = net.bind(args=bound, grad_req="null")
    executor.freeze(["weight", "x"])
    assert not base.flags.writeable
    assert ops(executor) == ["tanh"]  # an output is the run's own
    want = np.tanh(base.reshape(4, 3).sum(1) / 2)
    np.testing.assert_allclose(executor.forward()[0], [want, want])


@pytest.mark.parametrize("name", ["residual", "unrolled_lstm", "transformer_block", "fused_rnn"])
def test_frozen_nets_compute_the_same(name):
    import nets_of_sequences  # noqa: F401  it enters nets into the table

    with ms.name.NameManager():
        symbol, shapes = NETS[name](ms)[:2]
    executor = symbol.simple_bind(**shapes, grad_req="null")
    rng = np.random.default_rng(0)
    for array in (*executor.arg_arrays, *executor.aux_arrays):
        array[...] = rng.uniform(0.2, 0.8, array.shape)
    before = [out.copy() for out in executor.forward()]
    executor.freeze()
    for one, two in zip(before, executor.forward(), strict=True):
        np.testing.assert_allclose(one, two, 1e-5)
