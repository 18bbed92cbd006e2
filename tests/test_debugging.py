"""Runs that wait, are watched, or are measured: they compute what `forward` does, and say how."""

import json
from itertools import pairwise

import numpy as np
import pytest

import minisym as ms
from minisym import sym
from minisym.errors import ExecutionError, OutputNameError, ParamError
from minisym.op import registered
from minisym.passes import flops as counting
from minisym.runtime.debug import NonFiniteError
from minisym.runtime.values import heat_map, histogram, statistics


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
    before["data"][...] = 1
    assert_same(state(executor), before)
    for a, b in zip(executor.outputs, outputs, strict=True):
        np.testing.assert_array_equal(a, b)
    assert run["relu_output"].min() >= 0
    expected = last.writes["fc2_bias"].copy()
    run.finish()
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


def test_looking_at_a_run():
    run = filled(mlp()).step()
    assert run.coming.name == "fc1"
    with pytest.raises(OutputNameError, match="'fc1_output' has no value yet"):
        run["fc1_output"]
    with pytest.raises(OutputNameError, match="there is no 'fc'"):
        run["fc"]
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


# ---------------------------------------------------------------------------------------- measures


def test_profiling_leaves_everything_as_it_was():
    executor = filled(training())
    executor.forward(is_train=True)
    before, outputs = state(executor), [o.copy() for o in executor.outputs]
    ms.random.seed(3)
    drawn = ms.random.generator.bit_generator.state
    found = executor.profile(runs=3, is_train=True)
    assert ms.random.generator.bit_generator.state == drawn
    assert_same(state(executor), before)
    for a, b in zip(executor.outputs, outputs, strict=True):
        np.testing.assert_array_equal(a, b)
    assert sum(row.share for row in found.rows) == pytest.approx(1)
    assert {row.name for row in found.rows} >= {"fc1", "fc1_weight_step"}
    assert sum(row.calls for row in found.by_op()) == len(found.rows)
    assert "signsgd_update" in str(found)
    assert "fc1 (FullyConnected)" in found.table(by="node", limit=100)
    with pytest.raises(ParamError):
        found.table(by="moon")
    with pytest.raises(ParamError):
        executor.profile(runs=0)


def test_profiling_the_gradient():
    executor = filled(mlp(), grad_req="add")
    executor.forward(is_train=True)
    executor.backward()
    before = state(executor)
    found = executor.profile(runs=2, is_train=True, backward=True)
    assert_same(state(executor), before)
    assert any(row.backward for row in found.rows)


def test_a_trace_for_perfetto(tmp_path):
    path = filled(training()).profile(runs=2).save_trace(tmp_path / "trace.json")
    events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    spans = [event for event in events if event["ph"] == "X"]
    assert all(event["dur"] >= 0 and event["ts"] >= 0 for event in spans)
    assert sum(event["name"] == "fc1" for event in spans) == 2
    assert any(event["args"]["composed at"].startswith("test_debugging.py") for event in spans)
    assert {event["tid"] for event in spans} == {1, 3}  # updates write


def test_rich_prints_a_profile():
    console = pytest.importorskip("rich.console").Console(record=True, width=100, file=None)
    with console.capture() as capture:
        console.print(filled(mlp()).profile(runs=1))
    assert "FullyConnected" in capture.get()


def test_memory_adds_up():
    executor = filled(training())
    report = executor.memory_report()
    assert report.peak <= report.allocated <= report.unshared
    assert report.bound == sum(a.nbytes for a in (executor.arg_dict | executor.aux_dict).values())
    places = {t.name: t.place for t in report.tenants}
    assert places["fc2_weight_step_output"] == "writes fc2_weight"
    names = {t.name for t in report.tenants}
    assert all(name in names for shared in report.shared.values() for name in shared)
    # who shares a block does not live at the same time
    for shared in report.shared.values():
        lives = [(t.begin, t.end) for t in report.tenants if t.name in shared]
        assert all(a[1] <= b[0] for a, b in pairwise(lives))
    assert "<- peak" in str(report)
    json.dumps(report.data())


def test_memory_of_a_long_chain():
    h = sym.Variable("x")
    for i in range(300):
        h = sym.FullyConnected(h, num_hidden=16, no_bias=True, name=f"fc{i}")
    report = h.simple_bind(x=(4, 16), grad_req="null").memory_report()
    assert report.allocated == report.peak == 2 * 4 * 16 * 4
    assert len(report.timeline().splitlines()) <= 61


def test_every_family_has_a_rule_for_its_arithmetic():
    ops = [op for op in registered().values() if op.name not in counting._OPS]
    missing = {op.family for op in ops} - set(counting._FAMILIES) - counting.UNKNOWN
    assert not missing, "say in minisym/passes/flops.py how much these ops do"


def test_flops_of_what_is_known():
    conv = sym.Convolution(sym.Variable("x"), kernel=(3, 3), num_filter=8, pad=(1, 1), name="c")
    executor = sym.make_loss(conv).simple_bind(x=(2, 3, 5, 5))
    found = {r.op: r.flops for r in executor.profile(runs=1, backward=True, is_train=True).rows}
    terms = 2 * 8 * 25 * 27
    assert found["Convolution"] == 2 * terms + 2 * 8 * 25
    assert found["_correlate_filters"] == found["_scatter"] == 2 * terms
    product = sym.batch_dot(sym.Variable("a"), sym.Variable("b"), transpose_b=True, name="p")
    executor = product.simple_bind(a=(7, 2, 3), b=(7, 5, 3), grad_req="null")
    assert executor.profile(runs=1).rows[0].flops == 2 * 7 * 2 * 3 * 5


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
