"""`minimize`: micro-batches, clipping by the global norm, loss scales, masters of float16."""

from __future__ import annotations

import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from training_steps import assert_same, batch, begin, net_of, weights

import minisym as ms
from minisym import sym


@pytest.mark.parametrize(
    "name", ["sgd", "adam", "lamb", "lars", "dcasgd", "signum", "ftml", "adamw", "efsignsgd"]
)
def test_accumulated_micro_batches_are_one_batch(name: str, rng: Any):
    params = {"learning_rate": 0.05, "wd": 0.01, "rescale_grad": 1 / 12}
    whole, parts = ms.optimizer.create(name, **params), ms.optimizer.create(name, **params)
    one = whole.minimize(net_of()).simple_bind(data=(12, 5))
    many = parts.minimize(net_of(), accumulate=3).simple_bind(data=(4, 5))
    begin(one)
    begin(many)
    for _ in range(4):
        rows = batch(rng)
        before = weights(many)
        whole.step(one, **rows)
        for i in range(3):
            assert_same(weights(many), before)
            parts.step(many, **{n: a[4 * i : 4 * i + 4] for n, a in rows.items()})
    assert_same(weights(many), weights(one), 1e-5)
    assert whole.num_update == parts.num_update == 4
    assert all(not a.any() for n, a in many.aux_dict.items() if n.endswith("_total"))


@given(
    shapes=st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=3), min_size=1, max_size=3),
    accumulate=st.integers(1, 3),
    clip=st.sampled_from([None, 0.01, 1.0, 100.0]),
    loss_scale=st.sampled_from([None, 8.0, "dynamic"]),
    rescale=st.sampled_from([1.0, 0.25]),
    seed=st.integers(0, 1000),
)
def test_what_stands_between_gradients_and_updates_is_numpys(
    shapes: Any, accumulate: int, clip: Any, loss_scale: Any, rescale: float, seed: int
):
    """The gradient of sum(w * x) is x: w = -lr * min(1, clip / |g|) * g, with g = r * sum of x."""
    rng = np.random.default_rng(seed)
    pairs = [(sym.Variable(f"w{i}"), sym.Variable(f"w{i}_data")) for i in range(len(shapes))]
    optimizer = ms.optimizer.SGD(learning_rate=0.5, rescale_grad=rescale)
    step = optimizer.minimize(
        sym.Group([w * x for w, x in pairs]), [w for w, _ in pairs],
        accumulate=accumulate, clip_global_norm=clip, loss_scale=loss_scale,
    )  # fmt: skip
    executor = step.simple_bind(**{f"w{i}_data": tuple(s) for i, s in enumerate(shapes)})
    want = [np.zeros(s) for s in shapes]
    for _ in range(2):
        total = [np.zeros(s) for s in shapes]
        for _ in range(accumulate):
            x = [rng.normal(size=s).astype(np.float32) for s in shapes]
            optimizer.step(executor, **{f"w{i}_data": a for i, a in enumerate(x)})
            total = [t + rescale * a for t, a in zip(total, x, strict=True)]
        norm = math.sqrt(sum((t**2).sum() for t in total))
        factor = 1.0 if clip is None else min(1.0, clip / norm)
        want = [w - 0.5 * factor * t for w, t in zip(want, total, strict=True)]
        for i, w in enumerate(want):
            np.testing.assert_allclose(executor.arg_dict[f"w{i}"], w, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("loss_scale", [None, 256.0])
@pytest.mark.parametrize("rescale", [1.0, 0.5])
def test_clipping_by_the_global_norm(rescale: float, loss_scale: Any, rng: Any):
    """What SGD steps with has the norm asked for, in the direction of the gradient."""
    optimizer = ms.optimizer.SGD(learning_rate=1.0, rescale_grad=rescale)
    step = optimizer.minimize(net_of(), clip_global_norm=0.5, loss_scale=loss_scale)
    executor = step.simple_bind(data=(12, 5))
    plain = ms.optimizer.SGD(learning_rate=1.0, rescale_grad=rescale)
    free = plain.minimize(net_of()).simple_bind(data=(12, 5))
    for factor in (1.0, 1e-3):  # the second is too small to be clipped
        begin(executor)
        begin(free)
        before = weights(free)
        rows = batch(rng)
        optimizer.rescale_grad = plain.rescale_grad = rescale
        rows["data"] = rows["data"] * (1.0 if factor == 1.0 else 0.0)
        optimizer.step(executor, **rows)
        plain.step(free, **rows)
        names = executor.writes
        clipped = {n: executor.arg_dict[n].astype(float) for n in names if n.startswith("fc")}
        moved = {n: clipped[n] - (before.get(n, 0)) for n in clipped}
        wanted = {n: free.arg_dict[n].astype(float) - before.get(n, 0) for n in clipped}
        norm = math.sqrt(sum((m**2).sum() for m in wanted.values()))
        shrink = min(1.0, 0.5 / norm)
        for n in clipped:
            np.testing.assert_allclose(moved[n], wanted[n] * shrink, rtol=1e-3, atol=1e-6)
    assert norm != 0.5


@pytest.mark.parametrize(
    "name", sorted(set(ms.optimizer.Optimizer.opt_registry) - {"groupadagrad"})
)
@pytest.mark.parametrize("loss_scale", ["dynamic", 1024.0])
def test_an_overflow_changes_nothing(name: str, loss_scale: Any, rng: Any):
    """A gradient that is not finite leaves weights, states and the count of updates alone."""
    optimizer = ms.optimizer.create(name, wd=0.01)
    step = optimizer.minimize(net_of(), loss_scale=loss_scale)
    executor = step.simple_bind(data=(12, 5))
    begin(executor)
    rows = batch(rng)
    optimizer.step(executor, **rows)
    arrays = executor.arg_dict | executor.aux_dict
    kept = [n for n in executor.writes if not n.startswith("loss_scale")]
    before = {n: arrays[n].tobytes() for n in kept}
    with np.errstate(all="ignore"):
        optimizer.step(executor, **rows | {"data": rows["data"] * np.inf})
    assert {n: arrays[n].tobytes() for n in kept} == before
    assert optimizer.num_update == 1
    optimizer.step(executor, **rows)
    assert optimizer.num_update == 2
    assert any(arrays[n].tobytes() != before[n] for n in kept)
    if loss_scale == "dynamic":
        assert arrays["loss_scale"].item() == 32768.0


def test_a_loss_scale_changes_no_weights_where_it_is_a_power_of_two(rng: Any):
    plain, scaled = (ms.optimizer.Adam(learning_rate=0.05) for _ in range(2))
    one = plain.minimize(net_of()).simple_bind(data=(12, 5))
    two = scaled.minimize(net_of(), loss_scale="dynamic").simple_bind(data=(12, 5))
    begin(one)
    begin(two)
    for _ in range(5):
        rows = batch(rng)
        plain.step(one, **rows)
        scaled.step(two, **rows)
    assert_same(weights(two), weights(one))
    assert two.aux_dict["loss_scale"].item() == 65536.0


def test_a_loss_scale_reaches_every_kind_of_loss(rng: Any):
    """Loss heads, MakeLoss and plain outputs: gradients are scaled once, wherever they begin."""
    x, w = sym.Variable("data"), sym.Variable("w_weight")
    dense = sym.FullyConnected(x, weight=w, no_bias=True, num_hidden=2, name="fc")
    losses = [
        sym.LinearRegressionOutput(dense, name="r"),
        sym.MakeLoss(sym.sum(sym.square(dense)), name="m"),
        sym.sum(sym.square(dense)),
        sym.Group([sym.MAERegressionOutput(dense, name="r"), sym.mean(dense)]),
    ]
    for loss in losses:
        found = []
        for scale in (None, 128.0):
            optimizer = ms.optimizer.SGD(learning_rate=0.5)
            names = [n for n in loss.list_arguments() if n == "w_weight"]
            step = optimizer.minimize(loss, names, loss_scale=scale)
            executor = step.simple_bind(data=(3, 4))
            executor.arg_dict["w_weight"][...] = np.linspace(-1, 1, 8).reshape(2, 4)
            optimizer.step(executor, data=np.ones((3, 4)))
            found.append(executor.arg_dict["w_weight"].asnumpy())
        np.testing.assert_array_equal(found[0], found[1])


def test_an_overflow_in_one_micro_batch_skips_the_whole_update(rng: Any):
    optimizer = ms.optimizer.Adam(learning_rate=0.05)
    step = optimizer.minimize(net_of(), accumulate=3, loss_scale="dynamic", clip_global_norm=1.0)
    executor = step.simple_bind(data=(12, 5))
    begin(executor)
    rows = batch(rng)
    for bad in (True, False, False):
        before = weights(executor)
        for i in range(3):
            assert executor.aux_dict["loss_scale"].item() == 65536.0 or i == 0
            hurt = np.inf if bad and i == 1 else 1.0
            optimizer.step(executor, **rows | {"data": rows["data"] * hurt})
            if i < 2:
                assert_same(weights(executor), before)
        changed = any((before[n] != a).any() for n, a in weights(executor).items())
        assert changed != bad
        if bad:
            assert executor.aux_dict["loss_scale"].item() == 32768.0
            executor.aux_dict["loss_scale"][...] = 65536.0
    assert optimizer.num_update == 2


@pytest.mark.parametrize("name", ["sgd", "nag", "lars", "adam", "adamw", "lamb", "signum", "lion"])
def test_float16_trains_as_float32_with_masters_and_loss_scale(name: str, rng: Any):
    params = {"learning_rate": 0.01, "rescale_grad": 1 / 12}
    if name in ("sgd", "nag"):
        params |= {"momentum": 0.9}
    if name == "lars":
        params |= {"eta": 1.0}
    full = ms.optimizer.create(name, **params)
    half = ms.optimizer.create(name, multi_precision=True, **params)
    one = full.minimize(net_of()).simple_bind(data=(12, 5))
    step = half.minimize(net_of(dtype="float16"), loss_scale=64, clip_global_norm=10.0)
    two = step.simple_bind(data=(12, 5))
    assert two.arg_dict["fc1_weight"].dtype == np.float16
    begin(one)
    begin(two)
    arrays = two.arg_dict | two.aux_dict
    assert arrays["fc1_weight_weight32"].dtype == np.float32
    centres = rng.normal(size=(3, 5)) * 2
    for _ in range(60):
        label = rng.integers(3, size=12)
        rows = {"data": rng.normal(size=(12, 5)) + centres[label], "softmax_label": label}
        full.step(one, **rows)
        p = half.step(two, **rows)[0]
    assert half.num_update == 60
    assert (p.argmax(axis=1) == label).mean() > 0.8
    moved = np.abs(one.arg_dict["fc2_weight"] - arrays["fc2_weight_weight32"]).mean()
    assert moved < 0.02
    rounded = arrays["fc2_weight_weight32"].astype(np.float16)
    np.testing.assert_array_equal(arrays["fc2_weight"], rounded)


def test_masters_begin_as_copies_without_initialize(rng: Any):
    optimizer = ms.optimizer.SGD(multi_precision=True)
    step = optimizer.minimize(net_of(dtype="float16"), loss_scale="dynamic")
    executor = step.simple_bind(data=(12, 5))
    executor.arg_dict["fc1_weight"][...] = 0.5
    optimizer.step(executor, **batch(rng))
    master = executor.aux_dict["fc1_weight_weight32"]
    assert master.mean() == pytest.approx(0.5, abs=0.1)
    assert executor.aux_dict["loss_scale"].item() in (65536.0, 32768.0)


def test_a_step_is_a_symbol_as_any_other(tmp_path: Path, rng: Any):
    """It is saved, loaded, bound and run, with the same bits."""
    optimizer = ms.optimizer.Adam(learning_rate=0.05)
    step = optimizer.minimize(net_of(), accumulate=2, clip_global_norm=1.0, loss_scale="dynamic")
    step.save(tmp_path / "step.json")
    again = sym.load(tmp_path / "step.json")
    assert again.list_arguments() == step.list_arguments()
    assert again.list_auxiliary_states() == step.list_auxiliary_states()
    other = pickle.loads(pickle.dumps(optimizer))
    one, two = step.simple_bind(data=(12, 5)), again.simple_bind(data=(12, 5))
    begin(one)
    begin(two)
    for _ in range(4):
        rows = batch(rng)
        optimizer.step(one, **rows)
        other.step(two, **rows)
    assert_same(weights(one), weights(two))
    assert ms.viz.plot_network(step, shape={"data": (12, 5)})


def test_statistics_of_the_network_are_no_business_of_the_optimizer(rng: Any):
    """BatchNorm's moving averages move in every run, be the step conditional or not."""
    x = sym.BatchNorm(sym.Variable("data"), name="bn", fix_gamma=False)
    net = sym.SoftmaxOutput(sym.FullyConnected(x, num_hidden=3, name="fc"), name="softmax")
    optimizer = ms.optimizer.SGD(learning_rate=0.1)
    step = optimizer.minimize(net, accumulate=2, loss_scale="dynamic")
    executor = step.simple_bind(data=(12, 5))
    begin(executor)
    assert executor.aux_dict["bn_moving_var"].tolist() == [1] * 5
    optimizer.step(executor, **batch(rng))
    assert executor.aux_dict["bn_moving_mean"].any()
    assert not executor.arg_dict["fc_bias"].any()
    assert optimizer.num_update == 0
    optimizer.step(executor, **batch(rng))
    assert executor.arg_dict["fc_bias"].any()


@pytest.mark.parametrize("value", [0, -1.0, math.nan, math.inf, "big"])
def test_numbers_that_are_out_of_range(value: Any):
    net, optimizer = net_of(), ms.optimizer.SGD()
    for name in ("clip_global_norm", "loss_scale"):
        with pytest.raises(ms.ParamError, match=f"{name} must be a positive number"):
            optimizer.minimize(net, **{name: value})
    with pytest.raises(ms.ParamError, match="accumulate must be an integer of at least 1"):
        optimizer.minimize(net, accumulate=value)


def test_parameters_by_name_and_by_variable():
    net, optimizer = net_of(), ms.optimizer.SGD()
    assert optimizer.minimize(net, "fc1_bias").list_outputs()[1:] == ["fc1_bias_update_output"]
    inner = net.get_internals()["fc2_bias"]
    found = optimizer.minimize(net, [inner, "fc1_bias"]).list_outputs()[1:]
    assert found == ["fc2_bias_update_output", "fc1_bias_update_output"]
    with pytest.raises(ms.ComposeError, match="'fc1_bias' is named twice"):
        optimizer.minimize(net, ["fc1_bias", "fc1_bias"])
    with pytest.raises(ms.ComposeError, match="takes a Symbol, but got int"):
        optimizer.minimize(3)
    with pytest.raises(ms.BindError, match="no update of a parameter is bound"):
        optimizer.step(net.simple_bind(data=(2, 5)))


def test_names_that_are_taken_and_parameters_that_are_not_there():
    x = sym.Variable("data")
    with pytest.raises(ms.ComposeError, match="'lr', but the training step needs that name"):
        ms.optimizer.SGD().minimize(sym.sum(x * sym.Variable("lr")), "lr")
    with pytest.raises(ms.ComposeError, match="no parameter 'fc1_wieght'"):
        ms.optimizer.SGD().minimize(net_of(), ["fc1_wieght"])
    with pytest.raises(ms.ComposeError, match="has no parameters"):
        ms.optimizer.SGD().minimize(sym.sum(x))
    y = sym.Variable("y", shape=(2,))
    net = sym.FullyConnected(sym.Variable("x"), num_hidden=2, name="fc") - y
    with pytest.raises(ms.ComposeError, match="whether x and y are parameters cannot be told"):
        ms.optimizer.SGD().minimize(net)
    step = ms.optimizer.SGD().minimize(net, ["fc_weight"])
    assert step.list_outputs()[1:] == ["fc_weight_update_output"]
    with pytest.raises(ms.ParamError, match="no optimizer 'adamm'"):
        ms.optimizer.create("adamm")
    with pytest.raises(ms.ParamError, match="no weight decay"):
        ms.optimizer.GroupAdaGrad(wd=0.1)
