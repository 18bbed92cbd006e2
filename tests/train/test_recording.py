"""Recording a training: what is kept is what happened, it changes nothing, and it is bounded."""

import json
import tracemalloc

import numpy as np
import pytest
from training_steps import batch, begin, net_of

import minisym as ms
from minisym import sym
from minisym.core.errors import ArrayTypeError, ExecutionError, ParamError
from minisym.runtime.observe.glimpse import table

RATE = 0.125


def square(size=3, rate=RATE):
    """Bind signSGD on the sum of squares: its steps can be told without running them."""
    w = sym.Variable("w")
    loss = sym.sum(sym.square(w), name="loss")
    step = sym.signsgd_update(w, ms.grad(loss, ["w"]), lr=rate, name="step")
    return sym.Group([loss, step]).bind(args={"w": np.linspace(0.5, 1.0, size)})


def convolution():
    h = sym.Convolution(sym.Variable("data"), kernel=(3, 3), num_filter=6, pad=(1, 1), name="conv")
    h = sym.Activation(sym.BatchNorm(h, name="bn"), act_type="relu", name="relu")
    h = sym.Dropout(sym.Pooling(h, kernel=(2, 2), stride=(2, 2)), p=0.25)
    return sym.SoftmaxOutput(sym.FullyConnected(h, num_hidden=3, name="fc"), name="softmax")


def trained(net, optimizer, shape, steps, wrap=None, **options):
    """Train a little; return all arrays and outputs as bytes."""
    rule = ms.optimizer.create(optimizer, learning_rate=0.05)
    executor = rule.minimize(net, **options).simple_bind(data=shape)
    begin(executor)
    rng = np.random.default_rng(0)
    recording = wrap(executor) if wrap else None
    seen = []
    for _ in range(steps):
        data, label = rng.normal(size=shape), rng.integers(3, size=shape[0])
        outputs = rule.step(executor, data=data, softmax_label=label)
        seen += [o.tobytes() for o in outputs]
    seen += [a.tobytes() for a in (executor.arg_dict | executor.aux_dict).values()]
    return seen, recording


# -------------------------------------------------------------------------------- what is kept


def test_weights_and_gradients_are_those_of_the_step():
    executor = square()
    with ms.record(executor) as recording:
        for _ in range(4):
            executor.forward()
    start = np.linspace(0.5, 1.0, 3)
    assert recording.steps == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(recording.values("w"), [start - RATE * step for step in range(5)])
    # the gradient of step n is that of the weight before it
    np.testing.assert_array_equal(
        recording.gradients("w"), [2 * (start - RATE * step) for step in range(4)]
    )
    losses = [float(np.sum((start - RATE * step) ** 2)) for step in range(4)]
    assert recording.numbers == {"loss_output": list(enumerate(losses, 1))}
    assert recording.written_by == {"w": "step"}


def test_signs_that_flip_are_counted():
    executor = square(size=1, rate=0.75)  # 0.5, -0.25, 0.5, …
    with ms.record(executor) as recording:
        for _ in range(3):
            executor.forward()
    told = recording.data()["arrays"]["w"]
    assert told["flipped"] == [None, None, 1.0, 1.0]
    assert told["changed"] == [None, 1.0, 1.0, 1.0]
    assert told["written_by"] == "step"


def test_a_loop_with_gradient_arrays_and_an_update_of_ones_own():
    x, w = sym.Variable("x"), sym.Variable("w", attr={"__init__": "zeros"})
    net = sym.MakeLoss(sym.square(w * x), name="loss")
    weight = np.array([1.0, -2.0])
    executor = net.bind(
        args={"w": weight, "x": np.ones(2)}, args_grad={"w": np.zeros(2)}, grad_req="write"
    )
    wanted, slopes = [weight.copy()], []
    with ms.record(executor) as recording:
        for step in range(3):
            executor.forward(is_train=True)
            executor.backward()
            weight -= 0.25 * executor.grad_dict["w"]
            wanted.append(weight.copy())
            slopes.append(executor.grad_dict["w"].copy())
            recording.note(rate=0.25 + step)
            executor.forward(is_train=False)  # to look at it is no step
    assert recording.steps == [0, 1, 2, 3]
    np.testing.assert_array_equal(recording.values("w"), wanted)
    np.testing.assert_array_equal(recording.gradients("w"), slopes)
    assert recording.written_by == {}
    assert recording.numbers["rate"] == [(1, 0.25), (2, 1.25), (3, 2.25)]


def test_gradients_whose_memory_is_used_again():
    """The new weight is read within the run, so the gradient dies before it ends."""
    w = sym.Variable("w")
    step = sym.sgd_update(w, sym.Variable("x") * 2.0, lr=1.0, name="step")
    executor = sym.tanh(sym.exp(step) + 1.0, name="out").bind(
        args={"w": np.zeros(4), "x": np.arange(4.0)}
    )
    with ms.record(executor) as recording:
        executor.forward()
    assert recording.gradients("w").tolist() == [[0.0, 2.0, 4.0, 6.0]]


def test_states_and_the_weights_of_several_in_one_update():
    names, arrays = [], {}
    for i in range(2):
        names += [sym.Variable(f"w{i}"), sym.Variable(f"x{i}") * 2.0]
        arrays |= {f"w{i}": np.full(2, 1.0 + i), f"x{i}": np.full(2, 0.25 * (i + 1))}
    step = sym.multi_sgd_update(*names, num_weights=2, lrs=(0.5, 0.5), wds=(0, 0), name="step")
    executor = step.bind(args=arrays)
    with ms.record(executor) as recording:
        executor.forward()
    for i in range(2):
        np.testing.assert_array_equal(recording.gradients(f"w{i}"), [np.full(2, 0.5 * (i + 1))])
    moving = sym.sgd_mom_update(
        sym.Variable("w"), sym.Variable("x") * 2, sym.Variable("m"), lr=1.0, momentum=0.5
    )
    executor = moving.bind(args={"w": np.zeros(1), "x": np.ones(1)}, aux_states={"m": np.ones(1)})
    with ms.record(executor) as recording:
        executor.forward()
    assert recording.values("m").ravel().tolist() == [1.0, -1.5]
    assert recording.gradients("w").tolist() == [[2.0]]
    with pytest.raises(ParamError, match="no gradient of 'm' was seen"):
        recording.gradients("m")


def test_an_update_that_waits_changes_nothing_meanwhile():
    rule = ms.optimizer.create("signsgd", learning_rate=0.125)
    executor = rule.minimize(net_of(), accumulate=2).simple_bind(data=(12, 5))
    begin(executor)
    rng = np.random.default_rng(0)
    with ms.record(executor, arrays=["fc2_weight"]) as recording:
        for _ in range(4):
            rule.step(executor, **batch(rng))
    assert recording.data()["arrays"]["fc2_weight"]["changed"] == [None, 0.0, 1.0, 0.0, 1.0]
    assert recording.gradients("fc2_weight").shape == (4, 3, 8)


# --------------------------------------------------------------------------- it changes nothing


@pytest.mark.parametrize("optimizer", ["signsgd", "adam", "lars"])
@pytest.mark.parametrize("options", [{}, {"accumulate": 2}])
def test_results_are_the_same_to_the_last_bit(optimizer, options):
    net, shape = convolution(), (4, 2, 8, 8)
    plain, _ = trained(net, optimizer, shape, 6, **options)
    seen, recording = trained(net, optimizer, shape, 6, lambda e: ms.record(e, steps=3), **options)
    assert seen == plain
    assert recording.steps[-1] == 6


def test_a_run_that_fails_is_no_step_and_writes_nothing():
    executor = square()
    before = executor.arg_dict["w"].copy()
    with ms.record(executor) as recording:
        with pytest.raises(ArrayTypeError):
            executor.forward(nothing=before)
        assert recording.steps == [0]
        np.testing.assert_array_equal(executor.arg_dict["w"], before)
        executor.set_monitor_callback(lambda name, array: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            executor.forward()
        executor.set_monitor_callback(None)
        executor.forward()
    assert recording.steps == [0, 1]
    np.testing.assert_array_equal(executor.arg_dict["w"], before - RATE)


def test_watched_runs_and_the_debugger_are_recorded_too():
    executor = square()
    start = executor.arg_dict["w"].copy()
    with ms.record(executor) as recording:
        executor.step().finish()
        executor.forward()
        executor.step().abandon()
        executor.profile(runs=2)
        with executor.nan_guard():
            executor.forward()
    np.testing.assert_array_equal(
        recording.values("w"), [start - RATE * step for step in (0, 1, 2, 3)]
    )


def test_afterwards_all_is_as_it_was():
    executor = square(size=4)
    executor.forward()
    report, outputs = executor.memory_report(), executor.outputs
    with ms.record(executor):
        executor.forward()
        assert executor.outputs is outputs
    executor.forward()
    assert executor.memory_report() == report
    np.testing.assert_array_equal(executor.arg_dict["w"], np.linspace(0.5, 1.0, 4) - 3 * RATE)
    with ms.record(executor) as again:  # and may be recorded again
        executor.forward()
    assert again.steps == [0, 1]


# -------------------------------------------------------------------------------- it is bounded


@pytest.mark.parametrize("steps", [2, 3, 8])
def test_a_long_run_keeps_so_many_steps_evenly_spread(steps):
    executor = square(size=1, rate=0.0)
    with ms.record(executor, steps=steps) as recording:
        for made in range(1, 60):
            executor.forward()
            assert len(recording.frames) <= steps + 1
            assert recording.steps[-1] == made
    kept = recording.steps
    assert kept[0] == 0
    assert kept[-1] == 59
    assert len(kept) <= steps
    gaps = set(np.diff(kept[:-1]))
    assert len(gaps) <= 1
    assert len(recording.numbers["loss_output"]) == 59


def test_memory_does_not_grow_with_the_steps():
    executor = square(size=2000, rate=0.0)
    budget = 200_000
    tracemalloc.start()
    try:
        with ms.record(executor, steps=10, memory=budget) as recording:
            taken = []
            for _ in range(5):
                for _ in range(160):
                    executor.forward()
                taken.append(tracemalloc.get_traced_memory()[0])
                assert 0 < recording.nbytes <= budget
    finally:
        tracemalloc.stop()
    assert max(taken) - taken[0] < 160_000  # a loss for each of 800 steps, and what frames vary by
    assert recording.values("w").shape[0] <= 10
    assert recording.values("w")[0].size < 2000


def test_what_is_kept_of_a_large_array_lies_evenly():
    array = np.arange(100.0 * 300).reshape(100, 3, 10, 10)
    kept = table(array, 64)
    assert kept.size <= 64
    assert kept[0, 0] == 0
    assert kept[-1, -1] == array.size - 1
    assert table(array[0, 0, 0], 64).tolist() == [array[0, 0, 0].tolist()]
    assert table(np.zeros((0, 3)), 8).size == 0
    assert table(np.float64(3), 8).tolist() == [[3.0]]
    assert table(np.zeros((50_000, 1)), 64).size <= 64


# -------------------------------------------------------------------------------- as data, errors


def test_data_is_json():
    executor = square()
    with ms.record(executor) as recording:
        executor.forward()
        recording.note(loss=np.float32(0.5))
        told = recording.data()
    assert json.loads(json.dumps(told)) == told
    assert told["steps"] == [0, 1]
    assert told["numbers"]["loss"] == [[1, 0.5]]
    assert told["arrays"]["w"]["greatest"] == [1.0, 1.0 - RATE]
    assert repr(recording) == "<Recording: 2 of 2 moments, 1 arrays>"


@pytest.mark.parametrize(
    "start", [np.array(1.0), np.zeros((0, 3)), np.array([np.nan, np.inf, 2.0])]
)
def test_arrays_of_odd_kinds(tmp_path, start):
    with ms.util.np_shape(True):
        w = sym.Variable("w")
        executor = sym.sgd_update(w, w * 2.0, lr=0.5, name="step").bind(args={"w": start.copy()})
        with ms.record(executor) as recording:
            executor.forward()
        assert recording.to_html(tmp_path / "a.html").exists()
    assert recording.values("w").shape == (2, *start.shape)
    np.testing.assert_array_equal(recording.values("w")[0], start)
    np.testing.assert_array_equal(recording.gradients("w"), [2 * start])


def test_before_the_first_run():
    executor = square()
    recording = ms.record(executor)
    assert recording.steps == [0]
    recording.stop()
    recording.stop()  # once more does nothing
    assert recording.steps == [0]
    executor.forward()
    assert recording.steps == [0]


def test_what_is_refused():
    executor = square()
    with pytest.raises(ArrayTypeError, match=r"executor must be what bind .* but got Symbol"):
        ms.record(executor.symbol)
    for steps in (1, 0, -3, 2.5, "many", True):
        with pytest.raises(ParamError, match="steps must be an integer of at least 2"):
            ms.record(executor, steps)
    with pytest.raises(ParamError, match="there is no array 3"):
        ms.record(executor, arrays=3)
    with pytest.raises(ParamError, match="memory must be an integer of at least 0"):
        ms.record(executor, memory=-1)
    with pytest.raises(ParamError, match="no array 'v'"):
        ms.record(executor, arrays=["v"])
    with ms.record(executor) as recording:
        with pytest.raises(ExecutionError, match="is being recorded already"):
            ms.record(executor)
        executor.forward()
        with pytest.raises(ParamError, match="loss must be a number, but got ndarray"):
            recording.note(loss=np.ones(2))
        with pytest.raises(ParamError, match="nothing named 'x' was recorded"):
            recording.values("x")
    assert recording.steps == [0, 1]
