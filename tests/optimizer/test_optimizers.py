"""Optimizers and schedules: MXNet 1.9.1's values, rules by parameter name, arrays at once."""

from __future__ import annotations

import json
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import optimizer_cases as cases
import pytest
from places import FIXTURES
from training_steps import batch, net_of

import minisym as ms
from minisym import sym
from minisym.formats import mxnet_params

FIXTURE = FIXTURES / "optimizers.npz"
RECORDED = np.load(FIXTURE, allow_pickle=False)  # by scripts/mxnet/record_optimizers.py
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
    step = optimizer.minimize(loss, [*names.values()])
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


# ------------------------------------------------------------------------- rules by parameter name


def rates(net: ms.Symbol, optimizer: ms.optimizer.Optimizer) -> dict[str, tuple[float, float]]:
    """Return learning rate and decay that each parameter sees, read off one step of SGD."""
    step = optimizer.minimize(net, weights_of(net))
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


def weights_of(net: ms.Symbol) -> list[str]:
    return [name for name in net.list_arguments() if not name.endswith("_data")]


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
    step = ms.optimizer.SGD().minimize(linear(*variables), variables)
    names = [node.name for node in step.graph]
    assert names.count("lr") == 1
    assert names.count("lr_times_2") == 1


def test_a_schedule_needs_no_new_bind():
    schedule = ms.lr_scheduler.FactorScheduler(step=1, factor=0.5, base_lr=1.0)
    optimizer = ms.optimizer.SGD(lr_scheduler=schedule)
    executor = optimizer.minimize(linear(sym.Variable("w")), "w").simple_bind(w_data=(1,))
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


# ------------------------------------------------------------------ optimizers of one's own


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


def test_an_optimizer_written_for_mxnet(rng: Any):
    """Subclasses with an `update` on arrays of their own run as they are, float16 included."""

    class Plain(ms.optimizer.Optimizer):
        """Gradient descent, as one writes it for MXNet."""

        def create_state(self, _index: Any, weight: Any) -> Any:
            return ms.nd.zeros(weight.shape, weight.context, dtype=weight.dtype)

        def update(self, index: Any, weight: Any, grad: Any, state: Any):
            self._update_count(index)
            lr, wd = self._get_lr(index), self._get_wd(index)
            state[:] += grad
            weight[:] -= lr * (ms.nd.clip(grad, -1, 1) + wd * weight)

    for dtype in ("float32", "float16"):
        settings = {"learning_rate": 0.25, "wd": 0.1, "multi_precision": True}
        one, other = Plain(**settings), ms.optimizer.SGD(clip_gradient=1, **settings)
        for optimizer in (one, other):
            optimizer.set_lr_mult({1: 0.5})
        weights = [ms.nd.array(rng.normal(size=3), dtype=dtype) for _ in range(2)]
        again = [w.copy() for w in weights]
        grads = [ms.nd.array(rng.normal(size=3), dtype=dtype) for _ in range(2)]
        states = [one.create_state_multi_precision(i, w) for i, w in enumerate(weights)]
        kept = [other.create_state_multi_precision(i, w) for i, w in enumerate(again)]
        for _ in range(3):
            one.update_multi_precision([0, 1], weights, grads, states)
            other.update_multi_precision([0, 1], again, grads, kept)
        for a, b in zip(weights, again, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5 if dtype == "float32" else 1e-3)
        assert one.num_update == other.num_update == 3


# ----------------------------------------------------------------------------- arrays at once


def test_updater_keeps_states():
    updater = ms.optimizer.get_updater(ms.optimizer.SGD(learning_rate=1.0, momentum=0.5))
    weight = np.zeros(2)
    for _ in range(2):
        updater(0, np.ones(2), weight)
    assert weight.tolist() == [-2.5, -2.5]
    assert list(updater.states) == [0]


def test_an_updater_takes_several_parameters_and_its_states_travel():
    """The states are bytes, with or without the optimizer's numbers; what follows is the same."""
    updater = ms.optimizer.get_updater(ms.optimizer.Adam(learning_rate=0.5))
    weights = [np.zeros(2), np.zeros(3)]
    grads = [np.array([1.0, -2.0]), np.ones(3)]
    updater([0, 1], grads, weights)
    other = ms.optimizer.get_updater(ms.optimizer.Adam(learning_rate=7))
    other.set_states(updater.get_states(dump_optimizer=True))
    only = ms.optimizer.get_updater(updater.optimizer)
    only.set_states(updater.get_states())
    copies = [w.copy() for w in weights]
    updater([0, 1], grads, weights)
    other([0, 1], grads, copies)
    np.testing.assert_array_equal(np.concatenate(copies), np.concatenate(weights))
    assert other.optimizer.num_update == 2
    for key, states in only.states.items():
        assert [s.shape for s in states] == [weights[key].shape] * 2


def test_states_of_all_forms_travel():
    """None, one array, several, and a master beside them."""
    updater = ms.optimizer.get_updater(ms.optimizer.SGD(momentum=0.9, multi_precision=True))
    updater(0, np.ones(2), np.ones(2))
    updater("w", np.ones(3, np.float16), np.ones(3, np.float16))
    other = ms.optimizer.get_updater(ms.optimizer.SGD(momentum=0.5, multi_precision=True))
    other.set_states(updater.get_states())
    assert other.states.keys() == updater.states.keys() == {0, "w"}
    np.testing.assert_array_equal(other.states[0], updater.states[0])
    for ours, theirs in zip(updater.states["w"], other.states["w"], strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype
    plain = ms.optimizer.get_updater(ms.optimizer.SGD())
    plain(0, np.ones(2), np.ones(2))
    other = ms.optimizer.get_updater(ms.optimizer.SGD())
    other.set_states(plain.get_states())
    assert other.states == {0: None}


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("name", sorted(ms.optimizer.opt_registry))
def test_states_of_every_optimizer_travel(name: str, mixed: bool):
    """What follows is the same, whatever the states look like."""
    updaters = [
        ms.optimizer.get_updater(ms.optimizer.create(name, multi_precision=mixed)) for _ in "ab"
    ]
    dtype = np.float16 if mixed else np.float32
    grad = np.full((2, 3), 0.5, dtype)
    weights = [np.ones((2, 3), dtype) for _ in updaters]
    ms.random.seed(3)
    updaters[0](0, grad, weights[0])
    weights[1][...] = weights[0]
    updaters[1].set_states(updaters[0].get_states(dump_optimizer=True))
    for updater, weight in zip(updaters, weights, strict=True):
        ms.random.seed(4)
        updater(0, grad, weight)
    np.testing.assert_array_equal(*weights)


WRONG_NUMBERS = [
    *(("lr", v) for v in ("x", None, True, [], 10**400)),
    *(("beta1", v) for v in ("0.9", None, {}, False)),
    *(("multi_precision", v) for v in (0, "False", None)),
    *(("num_update", v) for v in (-1, 1.0, "1", None, 1 << 70, True)),
    *(("clip_gradient", v) for v in ("1", True, [1.0])),
]


def told_by(optimizer: ms.optimizer.Optimizer) -> dict[str, np.ndarray[Any, Any]]:
    updater = ms.optimizer.get_updater(optimizer)
    updater(0, np.ones(3, np.float32), np.ones(3, np.float32))
    return dict(ms.nd.load_frombuffer(updater.get_states(dump_optimizer=True)))


def is_refused(arrays: dict[str, np.ndarray[Any, Any]], layout: Any) -> bool:
    """Return whether an Adam refuses these states; if not, it must be able to go on."""
    text = np.frombuffer(json.dumps(layout).encode(), np.uint8)
    updater = ms.optimizer.get_updater(ms.optimizer.Adam(learning_rate=0.5))
    before = {**vars(updater.optimizer)}
    try:
        updater.set_states(mxnet_params.dumps({**arrays, "updater:layout": text}))
    except ms.FormatError:
        assert vars(updater.optimizer) == before
        assert updater.states == {}
        return True
    updater(0, np.ones(3, np.float32), np.ones(3, np.float32))
    return False


@pytest.mark.parametrize(("key", "value"), WRONG_NUMBERS)
def test_numbers_of_another_kind_are_refused(key: str, value: Any):
    arrays = told_by(ms.optimizer.Adam())
    layout = json.loads(arrays["updater:layout"].tobytes())
    layout["optimizer"]["numbers"][key] = value
    assert is_refused(arrays, layout)


@pytest.mark.parametrize(
    ("key", "value"),
    [("lr", 1), ("clip_gradient", 0.5), ("clip_gradient", None), ("num_update", 7)],
)
def test_numbers_that_fit_are_taken(key: str, value: Any):
    arrays = told_by(ms.optimizer.Adam())
    layout = json.loads(arrays["updater:layout"].tobytes())
    layout["optimizer"]["numbers"][key] = value
    assert not is_refused(arrays, layout)


STATES_THAT_LIE = {
    "a part is missing": lambda layout: layout.update(states=[[0, ["0"]]]),
    "a part too many": lambda layout: layout.update(states=[[0, ["0", "1", "other"]]]),
    "none": lambda layout: layout.update(states=[[0, None]]),
    "an array without its list": lambda layout: layout.update(states=[[0, "0"]]),
    "one array twice": lambda layout: layout.update(states=[[0, ["0", "0"]]]),
    "the text itself": lambda layout: layout.update(states=[[0, ["updater:layout", "0"]]]),
    "parts of other shapes": lambda layout: layout.update(states=[[0, ["0", "wide"]]]),
    "integers": lambda layout: layout.update(states=[[0, ["whole", "whole2"]]]),
    "lists in lists": lambda layout: layout.update(states=[[0, [["0"], ["1"]]]]),
    "an index that is a list": lambda layout: layout.update(states=[[[0], ["0", "1"]]]),
    "counts that are lists": lambda layout: layout["optimizer"].update(counts=[[0, [1]]]),
    "negative counts": lambda layout: layout["optimizer"].update(counts=[[0, -1]]),
    "another optimizer": lambda layout: layout["optimizer"].update(name="AdamW"),
}


@pytest.mark.parametrize("kind", STATES_THAT_LIE)
def test_states_of_another_form_are_refused(kind: str):
    arrays = told_by(ms.optimizer.Adam())
    layout = json.loads(arrays["updater:layout"].tobytes())
    assert not is_refused(arrays, layout)
    more = {
        "other": np.zeros(3, np.float32),
        "wide": np.zeros(4, np.float32),
        "whole": np.zeros(3, np.int32),
        "whole2": np.zeros(3, np.int32),
    }
    STATES_THAT_LIE[kind](layout)
    assert is_refused({**arrays, **more}, layout)


@pytest.mark.parametrize(
    "layout",
    [
        b"no JSON",
        b"[]",
        b'{"states": 5}',
        b'{"states": [[0, "nothing"]]}',
        b'{"states": [[[1], null]]}',
        b'{"states": [], "optimizer": {"name": "Adam", "numbers": {}, "counts": []}}',
        b'{"states": [], "optimizer": {"name": "SGD", "numbers": {"lr": 5}, "counts": []}}',
        b'{"states": ' + b"[" * 100_000,
    ],
)
def test_states_that_lie_change_nothing(layout: bytes):
    updater = ms.optimizer.get_updater(ms.optimizer.SGD())
    updater.states[0] = before = np.ones(2)
    lie = {"updater:layout": np.frombuffer(layout, np.uint8)}
    with pytest.raises(ms.FormatError, match="do not say how"):
        updater.set_states(mxnet_params.dumps(lie))
    assert updater.states == {0: before}
    assert "lr" in vars(updater.optimizer)


def test_a_pickle_is_no_state(tmp_path: Path):
    """MXNet pickles states; reading one would run it."""

    class Bomb:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "ran",)

    updater = ms.optimizer.get_updater(ms.optimizer.SGD())
    with pytest.raises(ms.FormatError, match="no file of MXNet arrays"):
        updater.set_states(pickle.dumps({0: Bomb()}))
    assert not (tmp_path / "ran").exists()


def test_factors_of_a_symbol_and_by_index():
    """As in MXNet: attributes of `sym` fill the dicts, names decide on decay, an index wins."""
    bias = sym.Variable("fc1_bias", lr_mult=1.0)
    x = sym.FullyConnected(sym.Variable("data"), bias=bias, num_hidden=4, name="fc1", lr_mult=0)
    net = sym.FullyConnected(x, num_hidden=4, name="fc2", wd_mult=0.5)
    names = dict(enumerate(n for n in net.list_arguments() if n != "data"))
    optimizer = ms.optimizer.SGD(learning_rate=2.0, wd=0.5, sym=net, param_idx2name=names)
    assert optimizer.lr_mult == {"fc1_bias": 1.0, "fc1_weight": 0.0}
    assert optimizer.wd_mult == {"fc2_bias": 0.5, "fc2_weight": 0.5, "fc1_bias": 0.0}
    by_name = {name: index for index, name in names.items()}
    assert optimizer._get_lr(by_name["fc1_weight"]) == 0.0
    assert optimizer._get_wds(by_name[n] for n in ("fc1_bias", "fc2_weight")) == [0.0, 0.25]
    optimizer.set_lr_mult({by_name["fc1_weight"]: 0.5, 9: 0.25})
    assert optimizer._get_lrs([by_name["fc1_weight"], 9, 10]) == [1.0, 0.5, 2.0]


def test_a_momentum_follows_the_rate_in_lars(rng: Any):
    """With `momentum_correction`, mom * (lr_t / lr_{t-1}); a bias has SGD's rate."""
    schedule = ms.lr_scheduler.FactorScheduler(step=1, factor=0.5, base_lr=1.0)
    rates = [schedule(t) for t in (1, 2, 3)]
    optimizer = ms.optimizer.LARS(momentum=0.9, lr_scheduler=schedule)
    step = optimizer.minimize(linear(sym.Variable("a_bias")), "a_bias")
    executor = step.simple_bind(a_bias_data=(4,))
    w, mom, before = np.zeros(4), np.zeros(4), rates[0]
    for rate in rates:
        g = rng.normal(size=4)
        optimizer.step(executor, a_bias_data=g)
        mom = 0.9 * rate / before * mom - rate * g
        w, before = w + mom, rate
        np.testing.assert_allclose(executor.arg_dict["a_bias"], w, rtol=1e-5)
    assert rates == [1.0, 0.5, 0.25]


def test_langevins_dynamics_draws_from_the_distribution_that_the_gradient_says():
    """The gradient of w^2 / 2 is w: in the long run the weights are standard normal."""
    ms.random.seed(0)
    optimizer = ms.optimizer.SGLD(learning_rate=0.1)
    step = optimizer.minimize(sym.MakeLoss(sym.square(sym.Variable("w_weight")) / 2), "w_weight")
    executor = step.simple_bind(w_weight=(20000,))
    executor.arg_dict["w_weight"][...] = 5.0
    for _ in range(300):
        optimizer.step(executor)
    w = executor.arg_dict["w_weight"]
    assert abs(w.mean()) < 0.03
    assert w.std() == pytest.approx(math.sqrt(1 / (1 - 0.1 / 4)), rel=0.02)  # Euler's steps


def test_delay_compensation_with_momentum_is_the_papers(rng: Any):
    """What MXNet's own DCASGD cannot do; see the formula in `dcasgd_update`."""
    optimizer = ms.optimizer.DCASGD(momentum=0.9, lamda=0.5, learning_rate=0.1, wd=0.01)
    weight = rng.normal(size=5)
    w, previous, mom = weight.copy(), weight.copy(), np.zeros(5)
    state = optimizer.create_state(0, weight)
    for _ in range(4):
        g = rng.normal(size=5)
        optimizer.update(0, weight, g, state)
        mom = 0.9 * mom - 0.1 * (g + 0.01 * w + 0.5 * g * g * (w - previous))
        w, previous = w + mom, w
        np.testing.assert_allclose(weight, w, rtol=1e-6)


def test_float16_without_masters_warns():
    with pytest.warns(UserWarning, match="multi_precision"):
        ms.optimizer.SGD().create_state_multi_precision(0, np.ones(2, np.float16))


def test_a_state_of_another_optimizer_is_passed_over_or_refused():
    """MXNet passes over what a plain SGD is given, too; what is missing does not unpack there."""
    weight, grad = np.ones(2), np.ones(2)
    held = np.ones(2)
    ms.optimizer.SGD(learning_rate=0.1).update(0, weight, grad, held)
    np.testing.assert_allclose(weight, 0.9)
    np.testing.assert_array_equal(held, 1)
    adam = ms.optimizer.Adam(param_idx2name={0: "fc_weight"})
    with pytest.raises(ms.ParamError, match=r"'fc_weight' is 2 arrays .*, got 1"):
        adam.update(0, weight, grad, held)
    adam.update(0, weight, grad, adam.create_state(0, weight))
    with pytest.raises(ms.ParamError, match=r"got 0[\s\S]*create_state\(index, weight\)"):
        adam.update(0, weight, grad, None)
    np.testing.assert_allclose(weight, 0.9, atol=2e-3)  # one step of Adam, by its rate of 0.001
