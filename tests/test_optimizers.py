"""Optimizers, schedules, metrics, initializers: MXNet 1.9.1's values, and what minisym adds."""

from __future__ import annotations

import json
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import optimizer_cases as cases
import pytest

import minisym as ms
from minisym import sym

FIXTURE = Path(__file__).parent / "fixtures" / "optimizers.npz"
RECORDED = np.load(FIXTURE, allow_pickle=False)  # by scripts/record_optimizers.py
CASES = list(cases.cases())
each_case = pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])


def make(name: str, params: Any, indices: Any) -> ms.optimizer.Optimizer:
    names = {i: cases.NAMES[i] for i in indices}
    optimizer = ms.optimizer.create(name, param_idx2name=names, **params)
    optimizer.set_lr_mult(cases.MULT)
    return optimizer


def assert_recorded(case: str, weights: Any, mixed: bool):
    got = np.concatenate([w.ravel() for w in weights])
    want = RECORDED[f"optimizer/{case}"]
    assert got.dtype == want.dtype
    tolerance = 2e-3 if mixed else 2e-6  # one unit of float16; some of float32 in six steps
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


# ------------------------------------------------------------------------------ values of MXNet


@each_case
def test_update_at_once(case: Any):
    """`update_multi_precision`, called for each parameter in turn."""
    key, name, params, mixed, indices = case
    optimizer = make(name, params, indices)
    weights, steps = cases.arrays(mixed)
    states = {i: optimizer.create_state_multi_precision(i, weights[i]) for i in indices}
    for gradients in steps:
        for i in indices:
            optimizer.update_multi_precision(i, weights[i], gradients[i], states[i])
    assert_recorded(key, [weights[i] for i in indices], mixed)
    assert optimizer.num_update == cases.STEPS


@each_case
def test_update_in_a_graph(case: Any):
    """The gradient of sum(w * g) by w is g, so that the graph gets any gradients we like."""
    key, name, params, mixed, indices = case
    optimizer = make(name, params, indices)
    weights, steps = cases.arrays(mixed)
    dtype = "float16" if mixed else "float32"
    names = {i: cases.NAMES[i] for i in indices}
    loss = sym.Group(
        [sym.Variable(n, dtype=dtype) * sym.Variable(f"{n}_data") for n in names.values()]
    )
    step = optimizer.minimize(loss)
    executor = step.simple_bind(**{n: cases.SHAPES[i] for i, n in names.items()})
    ms.init.initialize(
        executor, ms.init.Zero(), {n: weights[i] for i, n in names.items()},
        data=[f"{n}_data" for n in names.values()],
    )  # fmt: skip
    for gradients in steps:
        optimizer.step(executor, **{f"{n}_data": gradients[i] for i, n in names.items()})
    assert_recorded(key, [executor.arg_dict[n] for n in names.values()], mixed)


@pytest.mark.parametrize("key", cases.SCHEDULES)
def test_schedule(key: str):
    name, params = cases.SCHEDULES[key]
    schedule = getattr(ms.lr_scheduler, name)(**params)
    want = RECORDED[f"schedule/{key}"]
    np.testing.assert_allclose([schedule(t) for t in cases.UPDATES], want, rtol=1e-12)
    # and asked in any order, which MXNet's do not bear
    np.testing.assert_allclose(
        [schedule(t) for t in reversed(cases.UPDATES)], want[::-1], rtol=1e-12
    )


@pytest.mark.parametrize("key", cases.METRICS)
def test_metric(key: str):
    name, params, kind = cases.METRICS[key]
    metric, seen = ms.metric.create(name, **params), []
    for label, pred in cases.batches(kind):
        metric.update([label], [pred])
        seen.append(metric.get()[1])
    np.testing.assert_allclose(seen, RECORDED[f"metric/{key}"], rtol=1e-5)


@pytest.mark.parametrize("key", cases.INITIALIZERS)
def test_initializer(key: str):
    name, params, shape = cases.INITIALIZERS[key]
    array = np.full(shape, 7, np.float32)
    getattr(ms.init, name)(**params)(ms.init.InitDesc("x_weight"), array)
    np.testing.assert_allclose(array, RECORDED[f"init/{key}"], rtol=1e-6)


@pytest.mark.parametrize("key", cases.RANDOM)
def test_random_initializer(key: str):
    """Mean, deviation and largest value are those of MXNet's numbers, as far as chance allows."""
    name, params, shape = cases.RANDOM[key]
    array = np.zeros(shape, np.float32)
    ms.random.seed(0)
    getattr(ms.init, name)(**params)(ms.init.InitDesc("x_weight"), array)
    mean, deviation, largest = RECORDED[f"random/{key}"]
    assert abs(array.mean() - mean) < 0.05 * deviation
    assert array.std() == pytest.approx(deviation, rel=0.03)
    assert np.abs(array).max() == pytest.approx(largest, rel=0.25)


@pytest.mark.parametrize("key", [*cases.INITIALIZERS, *cases.RANDOM])
def test_dumps(key: str):
    name, params, _ = {**cases.INITIALIZERS, **cases.RANDOM}[key]
    initializer = getattr(ms.init, name)(**params)
    assert initializer.dumps() == RECORDED[f"dumps/{key}"].tobytes().decode()
    assert ms.init.create(initializer.dumps()) == initializer


# ------------------------------------------------------------------------- rules by parameter name


def rates(net: ms.Symbol, optimizer: ms.optimizer.Optimizer) -> dict[str, tuple[float, float]]:
    """Return learning rate and decay that each parameter sees, read off one step of SGD."""
    step = optimizer.minimize(net)
    shapes = {n: (1,) for n in step.list_arguments() if n.endswith("_data")}
    executor = step.simple_bind(**shapes)
    names = list(executor.writes)
    found = {}
    for name in names:
        # w' = w - lr * (g + wd * w): once with w = 0, once with g = 0
        executor.arg_dict[name][...] = 0
    optimizer.step(executor, **{n: np.ones(1) for n in shapes})
    moved = {n: -float(executor.arg_dict[n][0]) for n in names}
    for name in names:
        executor.arg_dict[name][...] = 1
    optimizer.step(executor, **{n: np.zeros(1) for n in shapes})
    for name in names:
        shrunk = 1 - float(executor.arg_dict[name][0])
        found[name] = (round(moved[name], 5), round(shrunk / moved[name] if moved[name] else 0, 5))
    return found


def linear(*variables: ms.Symbol) -> ms.Symbol:
    return sym.Group([v * sym.Variable(f"{v.name}_data") for v in variables])


def test_only_weights_and_gammas_decay():
    names = ["a_weight", "b_bias", "c_gamma", "d_beta", "e"]
    net = linear(*map(sym.Variable, names))
    found = rates(net, ms.optimizer.SGD(learning_rate=0.5, wd=0.25))
    assert found == {
        "a_weight": (0.5, 0.25), "b_bias": (0.5, 0), "c_gamma": (0.5, 0.25), "d_beta": (0.5, 0),
        "e": (0.5, 0),
    }  # fmt: skip


def test_factors_come_from_attributes_and_are_overridden():
    a = sym.Variable("a_weight", lr_mult=0.5, wd_mult=2.0)
    b = sym.Variable("b_weight", attr={"lr_mult": "2", "wd_mult": "0"})
    c = sym.Variable("c_bias", wd_mult=1.0)
    d = sym.Variable("d_weight", lr_mult=0.0)
    optimizer = ms.optimizer.SGD(learning_rate=0.5, wd=0.25)
    found = rates(linear(a, b, c, d), optimizer)
    assert found == {"a_weight": (0.25, 0.5), "b_weight": (1.0, 0.0), "c_bias": (0.5, 0.25),
                     "d_weight": (0, 0)}  # fmt: skip
    optimizer.set_lr_mult({"a_weight": 1.0})
    optimizer.set_wd_mult({"b_weight": 1.0})
    found = rates(linear(a, b, c, d), optimizer)
    assert found["a_weight"] == (0.5, 0.5)
    assert found["b_weight"] == (1.0, 0.25)


def test_one_rate_node_serves_all_parameters():
    variables = [sym.Variable(f"w{i}", lr_mult=2.0 if i % 2 else 1.0) for i in range(6)]
    step = ms.optimizer.SGD().minimize(linear(*variables))
    names = [node.name for node in step.graph.order]
    assert names.count("lr") == 1
    assert names.count("lr_times_2") == 1


def test_a_schedule_needs_no_new_bind():
    schedule = ms.lr_scheduler.FactorScheduler(step=1, factor=0.5, base_lr=1.0)
    optimizer = ms.optimizer.SGD(lr_scheduler=schedule)
    executor = optimizer.minimize(linear(sym.Variable("w"))).simple_bind(w_data=(1,))
    seen = []
    for _ in range(4):
        optimizer.step(executor, w_data=np.ones(1))
        seen.append(-executor.arg_dict["w"].item())
    assert seen == [1.0, 1.5, 1.75, 1.875]
    assert optimizer.learning_rate == 0.125
    with pytest.raises(UserWarning, match="scheduler decides"):
        optimizer.set_learning_rate(1.0)


def test_a_given_rate_is_the_schedules_base():
    for name, params in cases.SCHEDULES.values():
        scheduler = getattr(ms.lr_scheduler, name)(**params)
        other = getattr(ms.lr_scheduler, name)(**{**params, "base_lr": 2.0})
        optimizer = ms.optimizer.Adam(learning_rate=2.0, lr_scheduler=scheduler)
        assert [optimizer.rate_of(t) for t in cases.UPDATES] == [other(t) for t in cases.UPDATES]
    scheduler = ms.lr_scheduler.CosineScheduler(10, base_lr=0.5)
    assert ms.optimizer.Adam(lr_scheduler=scheduler).rate_of(0) == 0.5
    assert ms.optimizer.Adam().rate_of(1) == 0.001


# ------------------------------------------------------------------------------- how steps are made


def net_of(*, dtype: str | None = None) -> ms.Symbol:
    x = sym.Variable("data", dtype=dtype)
    x = sym.Activation(sym.FullyConnected(x, num_hidden=8, name="fc1"), act_type="tanh")
    x = sym.FullyConnected(x, num_hidden=3, name="fc2")
    return sym.SoftmaxOutput(x, name="softmax")


def begin(executor: ms.Executor):
    ms.random.seed(1)
    ms.init.initialize(executor, ms.init.Xavier())


def batch(rng: Any, rows: int = 12) -> dict[str, Any]:
    return {"data": rng.normal(size=(rows, 5)), "softmax_label": rng.integers(3, size=rows)}


def weights(executor: ms.Executor) -> dict[str, Any]:
    return {n: executor.arg_dict[n].asnumpy() for n in ("fc1_weight", "fc1_bias", "fc2_weight")}


def assert_same(a: Any, b: Any, tolerance: float = 0.0):
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("name", ["sgd", "adam", "lamb", "signum", "ftml", "adamw", "efsignsgd"])
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


@pytest.mark.parametrize("name", ["sgd", "nag", "adam", "adamw", "lamb", "signum", "lion"])
def test_float16_trains_as_float32_with_masters_and_loss_scale(name: str, rng: Any):
    params = {"learning_rate": 0.01, "rescale_grad": 1 / 12}
    if name in ("sgd", "nag"):
        params |= {"momentum": 0.9}
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


def test_names_that_are_taken_and_parameters_that_are_not_there():
    x = sym.Variable("data")
    with pytest.raises(ms.ComposeError, match="'lr', but the training step needs that name"):
        ms.optimizer.SGD().minimize(sym.sum(x * sym.Variable("lr")))
    with pytest.raises(ms.ComposeError, match="no parameter 'fc1_wieght'"):
        ms.optimizer.SGD().minimize(net_of(), ["fc1_wieght"])
    with pytest.raises(ms.ComposeError, match="has no parameters"):
        ms.optimizer.SGD().minimize(sym.sum(x))
    with pytest.raises(ms.ParamError, match="no optimizer 'adamm'"):
        ms.optimizer.create("adamm")
    with pytest.raises(ms.ParamError, match="no weight decay"):
        ms.optimizer.GroupAdaGrad(wd=0.1)


def test_registering_an_optimizer_of_ones_own(rng: Any):
    """A rule is a few symbols; `assign` writes any value."""

    @ms.optimizer.register
    class Halving(ms.optimizer.Optimizer):
        """Halve every weight."""

        def rule(self, p: Any) -> ms.Symbol:
            return sym.assign(p.weight, p.weight * 0.5, name=f"{p.name}_update")

    try:
        optimizer = ms.optimizer.create("halving")
        executor = optimizer.minimize(net_of()).simple_bind(data=(12, 5))
        executor.arg_dict["fc1_weight"][...] = 4
        optimizer.step(executor, **batch(rng))
        assert (executor.arg_dict["fc1_weight"] == 2).all()
    finally:
        del ms.optimizer.Optimizer.opt_registry["halving"]


def test_updater_keeps_states():
    updater = ms.optimizer.get_updater(ms.optimizer.SGD(learning_rate=1.0, momentum=0.5))
    weight = np.zeros(2)
    for _ in range(2):
        updater(0, np.ones(2), weight)
    assert weight.tolist() == [-2.5, -2.5]
    assert list(updater.states) == [0]


def test_float16_without_masters_warns():
    with pytest.warns(UserWarning, match="multi_precision"):
        ms.optimizer.SGD().create_state_multi_precision(0, np.ones(2, np.float16))


# --------------------------------------------------------------------------------- initializers


def test_names_decide_how_arrays_begin():
    init = ms.init.Constant(3)
    begins = {"a_weight": 3, "a_bias": 0, "a_gamma": 1, "a_beta": 0, "a_moving_mean": 0,
              "a_moving_var": 1}  # fmt: skip
    for name, value in begins.items():
        array = np.full(2, 7.0)
        init(ms.init.InitDesc(name), array)
        assert array.tolist() == [value, value]
    with pytest.raises(ms.ParamError, match="'scale' does not say"):
        init("scale", np.zeros(2))


def test_attributes_of_variables_win():
    w = sym.Variable("w", init=ms.init.Constant(2))
    net = sym.FullyConnected(sym.Variable("data"), weight=w, num_hidden=2, name="fc")
    executor = net.simple_bind(data=(1, 3))
    ms.init.initialize(executor, ms.init.One())
    assert (executor.arg_dict["w"] == 2).all()
    assert (executor.arg_dict["fc_bias"] == 0).all()


def test_mixed_and_load(tmp_path: Path):
    net = net_of()
    executor = net.simple_bind(data=(1, 5))
    mixed = ms.init.Mixed([".*bias", "fc1.*", ".*"], [ms.init.One(), ms.init.Zero(), ms.init.One()])
    ms.nd.save(str(tmp_path / "some.params"), {"arg:fc1_bias": np.full(8, 5.0, np.float32)})
    load = ms.init.Load(str(tmp_path / "some.params"), default_init=mixed)
    ms.init.initialize(executor, load)
    begun = {n: set(a.ravel().tolist()) for n, a in executor.arg_dict.items() if n.startswith("fc")}
    # One fills biases as any initializer does: with 0
    assert begun == {"fc1_weight": {0.0}, "fc1_bias": {5.0}, "fc2_weight": {1.0}, "fc2_bias": {0.0}}
    with pytest.raises(ms.BindError, match="'fc1_weight' is not among the loaded arrays"):
        ms.init.initialize(executor, ms.init.Load(str(tmp_path / "some.params")))


def test_what_nobody_says_how_to_fill():
    executor = (sym.Variable("x") * sym.Variable("scale")).simple_bind(x=(2,))
    with pytest.raises(ms.BindError, match="'x' does not say"):
        ms.init.initialize(executor)
    with pytest.raises(ms.BindError, match="'scale' does not say"):
        ms.init.initialize(executor, data=["x"])
    ms.init.initialize(executor, arg_params={"scale": np.ones(2)}, data=["x"])
    assert executor.arg_dict["scale"].tolist() == [1, 1]


def test_orthogonal_is_orthogonal():
    for shape in ((4, 9), (9, 4), (4, 3, 3)):
        array = np.zeros(shape)
        ms.init.Orthogonal(scale=2.0)("x_weight", array)
        flat = array.reshape(len(array), -1)
        product = flat @ flat.T if flat.shape[0] <= flat.shape[1] else flat.T @ flat
        np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-12)


def test_initializers_that_are_not_there():
    with pytest.raises(ms.ParamError, match="no initializer 'xavir'"):
        ms.init.create("xavir")
    with pytest.raises(ms.ParamError, match="can be read"):
        ms.init.create("[oops")
    with pytest.raises(ms.ParamError, match="at least 2 dimensions"):
        ms.init.Xavier()("x_weight", np.zeros(3))
    assert json.loads(ms.init.Constant(np.ones(2)).dumps()) == ["constant", {"value": [1.0, 1.0]}]


# ------------------------------------------------------------------------------------ metrics


def test_composite_and_custom_metrics():
    metric = ms.metric.create(["acc", lambda label, pred: float(label.sum())])
    label, pred = np.array([1, 0]), np.array([[0.1, 0.9], [0.2, 0.8]])
    metric.update([label], [pred])
    (name, value), (_, total) = metric.get_name_value()
    assert (name, value, total) == ("accuracy", 0.5, 1.0)
    state = metric.state()
    other = ms.metric.create(["acc", lambda label, pred: float(label.sum())])
    other.restore(state)
    assert other.get() == metric.get()
    metric.reset()
    assert math.isnan(metric.get()[1][0])
    metric = ms.metric.create("acc", output_names=["p"], label_names=["y"])
    metric.update_dict({"y": label, "z": label}, {"p": pred, "q": pred})
    assert metric.get() == ("accuracy", 0.5)
    assert str(metric) == "EvalMetric: {'accuracy': 0.5}"


def test_metrics_that_do_not_fit():
    with pytest.raises(ms.ParamError, match="no metric 'accurracy'"):
        ms.metric.create("accurracy")
    with pytest.raises(ms.ShapeError, match="2 labels were given for 1 predictions"):
        ms.metric.create("acc").update([np.ones(1)] * 2, [np.ones(1)])
    with pytest.raises(ms.ShapeError, match="3 labels were given for 2"):
        ms.metric.create("ce").update(np.ones(3), np.ones((2, 2)))
    with pytest.raises(ms.ParamError, match="at least 2"):
        ms.metric.TopKAccuracy(top_k=1)
    with pytest.raises(ms.ShapeError, match="two classes"):
        ms.metric.F1().update(np.array([0, 1, 2]), np.ones((3, 2)))
