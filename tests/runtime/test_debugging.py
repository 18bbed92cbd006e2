"""Runs that wait and are looked at: they compute what `forward` does, and say how."""

import json

import numpy as np
import pytest
from debugging_cases import assert_same, filled, mlp, state, training

import minisym as ms
from minisym import sym
from minisym.core.errors import (
    BindError,
    ExecutionError,
    MinisymError,
    OutputNameError,
    ParamError,
)
from minisym.runtime.observe.guard import NonFiniteError
from minisym.runtime.observe.values import heat_map, histogram, statistics

# ------------------------------------------------------------------------------------ node by node


@pytest.mark.parametrize("is_train", [False, True])
def test_stepping_does_what_forward_does(is_train):
    one, two = filled(training()), filled(training())
    one.forward(is_train=is_train)
    for _ in two.step(is_train=is_train):
        pass
    assert_same(state(one), state(two))
    for a, b in zip(one.outputs, two.outputs, strict=True):
        np.testing.assert_array_equal(a, b)
    one.forward(is_train=is_train)
    two.forward(is_train=is_train)  # goes back to the plan that shares memory
    assert not two._plan.keep
    assert_same(state(one), state(two))


def test_stepping_backward_does_what_backward_does():
    one, two, three = (filled(mlp()) for _ in range(3))
    one.forward(is_train=True)
    one.backward()
    run = two.step(is_train=True, backward=True)
    moments = list(run)
    assert [m.backward for m in moments] == sorted(m.backward for m in moments)
    assert moments[-1].backward
    assert_same(state(one), state(two))
    three.step(is_train=True).finish()
    three.backward()
    assert_same(state(one), state(three))


def test_nothing_changes_before_the_end():
    executor = filled(training())
    executor.forward()
    before, outputs = state(executor), [o.copy() for o in executor.outputs]
    run = executor.step(is_train=True, data=np.ones((6, 4)))
    last = run.run_to("fc2_bias_step")
    assert list(last.writes) == ["fc2_bias"]
    assert_same(state(executor), before)
    for a, b in zip(executor.outputs, outputs, strict=True):
        np.testing.assert_array_equal(a, b)
    assert run["relu_output"].min() >= 0
    expected = last.writes["fc2_bias"].copy()
    run.finish()
    np.testing.assert_array_equal(executor.arg_dict["data"], np.ones((6, 4)))
    np.testing.assert_array_equal(executor.arg_dict["fc2_bias"], expected)


def test_a_run_given_up_has_written_nothing():
    executor = filled(training())
    executor.forward()
    before = state(executor)
    with executor.step(is_train=True, data=np.ones((6, 4))) as run:
        next(run)
    assert_same(state(executor), before)
    assert list(run) == []
    with pytest.raises(ExecutionError, match="given up"):
        run.finish()
    executor.forward()


def test_a_step_that_fails_restores_what_was_fed():
    executor = sym.tanh(sym.Variable("x"), name="t").bind(args={"x": np.zeros(3)})
    run = executor.step(x=np.ones(3))

    def fail():
        raise ValueError("broken")

    run._parts[0] = ((run._parts[0][0][0], [(fail, ())]), False)
    with pytest.raises(ExecutionError):
        next(run)
    assert not executor.arg_dict["x"].any()


@pytest.mark.parametrize(
    "begin",
    [
        lambda executor: executor.forward(is_train=True),
        lambda executor: executor.backward(),
        lambda executor: executor.step(),
        lambda executor: executor.profile(runs=1),
    ],
    ids=["forward", "backward", "step", "profile"],
)
def test_another_run_overtakes_one_that_waits(begin):
    executor, alone = filled(training()), filled(training())
    if begin.__code__.co_names[0] == "backward":
        executor, alone = filled(mlp()), filled(mlp())
        for one in (executor, alone):
            one.forward(is_train=True)
    waiting = executor.step(is_train=True, data=np.ones((6, 4)))
    next(waiting)
    begin(executor)
    begin(alone)
    assert_same(state(executor), state(alone))  # what had been fed is as before, too
    expected = "another run of this executor began while this one waited"
    with pytest.raises(ExecutionError, match=expected):
        next(waiting)
    with pytest.raises(ExecutionError, match=expected):
        waiting.finish()
    assert_same(state(executor), state(alone))  # and nothing was written late
    executor.forward()
    alone.forward()
    assert_same(state(executor), state(alone))


def test_a_run_that_has_ended_is_not_overtaken():
    executor = filled(training())
    run = executor.step(is_train=True)
    outputs = run.finish()
    executor.forward()
    assert run.finish() is outputs
    assert list(run) == []


def test_a_run_says_how_far_it_has_come():
    executor = filled(mlp())
    run = executor.step()
    assert repr(run) == "<Stepper: 0 of 5 nodes have run, next is FullyConnected 'fc1'>"
    run.run_to("fc2")
    assert "4 of 5" in repr(run)
    run.finish()
    assert repr(run) == "<Stepper: all 5 nodes have run>"
    given_up = executor.step()
    given_up.abandon()
    assert repr(given_up) == "<Stepper: given up after 0 of 5 nodes>"


def test_what_a_step_refuses():
    executor = filled(mlp())
    with pytest.raises(MinisymError, match="step: there is no argument 'dat'"):
        executor.step(dat=np.ones((6, 4)))
    with pytest.raises(BindError, match=r"step: data has shape \(2, 4\), but \(6, 4\) is bound"):
        executor.step(data=np.ones((2, 4)))
    with pytest.raises(ParamError, match=r"run_to takes a node's name, .* but got int"):
        executor.step().run_to(3)


def test_looking_at_a_run():
    run = filled(mlp()).step()
    assert run.coming.name == "fc1"
    with pytest.raises(OutputNameError, match=r"'fc1_output' has no value yet[^$]*run_to\('fc1'\)"):
        run["fc1_output"]
    with pytest.raises(OutputNameError, match=r"there is no 'fc1'[^$]*did you mean 'fc1_output'"):
        run["fc1"]
    with pytest.raises(OutputNameError, match="there is no node 'nope'"):
        run.run_to("nope")
    moment = run.run_to(lambda m: m.outputs[m.node.name + "_output"].min() == 0)
    assert "relu" in repr(moment) or moment is None
    first = run.moments[0]
    assert "num_hidden=8" in first.source
    assert set(first.inputs) == {"data", "weight", "bias"}
    assert run["data"].shape == (6, 4)
    run.finish()
    assert run.coming is None
    assert run.run_to("fc1") is None


# ---------------------------------------------------------------------------------- the first NaN


def test_the_guard_names_the_node_and_its_line():
    executor = filled(training())
    executor.forward(is_train=True)
    executor.arg_dict["fc1_weight"][0, 0] = np.inf
    before = state(executor)
    passed_on = pytest.raises(NonFiniteError, match="FullyConnected 'fc1' passed on a")
    with passed_on as caught, executor.nan_guard():
        executor.forward(is_train=True)
    assert caught.value.node.name == "fc1"
    assert caught.value.inputs["weight"].infinities == 1
    assert 'name="fc1"' in str(caught.value)
    assert_same(state(executor), before)
    executor.forward(is_train=True)  # outside, NaNs are values
    assert not executor._plan.keep


def test_a_value_swallowed_later_is_found():
    # the step's sign of NaN is 0: no weight ever shows it
    grad = sym.log(sym.Variable("x"), name="logs")
    step = sym.signsgd_update(sym.Variable("w"), grad, lr=0.1, name="step")
    executor = step.bind(args={"w": np.ones(2), "x": np.array([1.0, -1.0])})
    with pytest.raises(NonFiniteError, match="log 'logs' made the first NaN"), executor.nan_guard():
        executor.forward()
    with executor.nan_guard(allow=["logs"]):
        executor.forward()
    np.testing.assert_array_equal(executor.arg_dict["w"], [1.0, 1.0])


def test_infinities_may_be_allowed():
    executor = sym.log(sym.Variable("x"), name="logs").bind(args={"x": np.zeros(2)})
    with executor.nan_guard(infinities=False):
        assert np.isinf(executor.forward()[0]).all()
    with pytest.raises(NonFiniteError, match="made the first infinity"), executor.nan_guard():
        executor.forward()


def test_the_guard_watches_backward():
    net = sym.make_loss(sym.sqrt(sym.Variable("x"), name="root"), name="loss")
    executor = net.bind(args={"x": np.zeros(2)}, args_grad={"x": np.ones(2)})
    with executor.nan_guard():
        executor.forward(is_train=True)
        with pytest.raises(NonFiniteError) as caught:
            executor.backward()
    assert caught.value.node.name.startswith("root_backward")
    np.testing.assert_array_equal(executor.grad_dict["x"], [1.0, 1.0])


def test_guarded_runs_have_the_same_bits():
    one, two = filled(training()), filled(training())
    for _ in range(3):
        one.forward(is_train=True)
        with two.nan_guard():
            outputs = two.forward(is_train=True)
        assert outputs is two.outputs
    assert_same(state(one), state(two))


# ----------------------------------------------------------------------------------------- monitor


def test_monitor_sees_right_values_in_shared_memory(caplog):
    h = sym.Variable("x")
    for i in range(6):
        h = sym.tanh(h * 2, name=f"t{i}")
    executor = h.bind(args={"x": np.array([0.3, -0.1])})
    monitor = ms.mon.Monitor(1, stat_func=lambda a: a.copy(), pattern=r"t\d", sort=True)
    monitor.install(executor)
    monitor.tic()
    executor.forward()
    seen = monitor._found.copy()
    value = np.array([0.3, -0.1])
    assert [name for _, name, _ in seen] == [f"t{i}_output" for i in range(6)]
    for _, _, found in seen:
        value = np.tanh(value * 2)
        np.testing.assert_array_equal(found, value)
    with caplog.at_level("INFO", logger="minisym"):
        monitor.toc_print()
    assert "t5_output" in caplog.text
    assert monitor.toc() == []
    with pytest.raises(ParamError):
        ms.mon.Monitor(0)


def test_monitor_shows_weights_and_inputs():
    executor = filled(mlp())
    monitor = ms.monitor.Monitor(1, monitor_all=True)
    monitor.install(executor)
    monitor.tic()
    executor.forward()
    names = [name for _, name, _ in monitor.toc()]
    assert {"fc1_data", "fc1_weight", "fc2_output", "bn_moving_mean"} <= set(names)


# ------------------------------------------------------------------------------------------ values


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 3)),
        np.float32(3).reshape(()),
        np.arange(7),
        np.array([True, False]),
        np.full((2, 2), np.nan),
        np.array([np.inf, 1.0, -np.inf]),
        np.array([-1e308, 1e308]),
        np.ones((2, 3, 40, 50), np.float16),
    ],
)
def test_values_of_any_kind_can_be_looked_at(array):
    found = statistics(array)
    assert found.shape == array.shape
    assert str(found)
    cells = heat_map(array)
    assert len(cells) <= 24
    assert sum(histogram(array)) == (np.isfinite(array).sum() if array.size else 0)
    json.dumps([cells, histogram(array)], allow_nan=False)


def test_an_executor_shows_what_is_bound():
    executor = filled(training())
    assert repr(executor) == (
        "<Executor of softmax, fc1_weight_step, fc1_bias_step and 3 more: 22 ops, 10 bound arrays>"
    )
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in str(executor).splitlines()[1:]}
    assert rows["fc1_weight"] == "(8, 4) float32 written by fc1_weight_step"
    assert rows["bn_moving_mean"] == "(8,) float32 written by bn"
    assert rows["->"] == "_mulscalar0_output (8, 4) float32"  # the last output
    assert "fc1_weight      (8, 4) float32  with a gradient" in str(filled(mlp()))
    bundle = executor._repr_mimebundle_(include=None, exclude=None)
    assert bundle["text/plain"] == str(executor)
    assert "6×8" in bundle["text/vnd.mermaid"]  # shapes are known
