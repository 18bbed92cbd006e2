"""Workers in one graph, beside plain NumPy and the papers' figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from minisym.errors import ComposeError, ParamError

import minisym as ms
from minisym import sym

Array = np.ndarray[Any, Any]


def noisy_bowl() -> ms.Symbol:
    """Compose half the square of x, whose gradient comes with noise of deviation 1."""
    x = sym.Variable("x")
    noise = sym.BlockGrad(sym.random.normal_like(x))
    return sym.MakeLoss(sym.sum(x * x) / 2 + sym.sum(noise * x))


@pytest.mark.parametrize(
    ("liars", "height"), [(0, 9.1), (3, 9.7), (6, 11.4), (9, 19.7), (11, 46.5), (12, 95), (13, 243)]
)
def test_majority_vote_withstands_less_than_half(liars: int, height: float) -> None:
    """The bowl of arXiv:1810.05291: 1000 dimensions, 27 workers, 200 steps of 0.01 from N(0, 1)."""
    assert bowl_after_200_steps(liars) == pytest.approx(height, rel=0.07)


def test_majority_vote_fails_with_more_than_half() -> None:
    assert bowl_after_200_steps(14) > 1000  # it began at about 500


def bowl_after_200_steps(liars: int) -> float:
    optimizer = ms.optimizer.SignSGD(learning_rate=0.01)
    step = ms.parallel.simulate(noisy_bowl(), optimizer, workers=27, adversaries=liars, wrt=["x"])
    ms.random.seed(liars)
    executor = step.simple_bind(x=(1000,))
    executor.arg_dict["x"][:] = np.random.default_rng(0).normal(size=1000)
    for _ in range(200):
        optimizer.step(executor)
    return float(0.5 * np.square(executor.arg_dict["x"]).sum())


# ------------------------------------------------------------------------- beside plain NumPy

RATE, DECAY, WORKERS, STEPS = 0.05, 0.1, 3, 5


def sign_vote(messages: list[Array]) -> Array:
    return np.sign(sum(np.sign(m) for m in messages))


def by_votes(w: Array, gradients: Array) -> Array:
    for g in gradients:
        w = w - RATE * (sign_vote(list(g)) + DECAY * w)
    return w


def by_momentum_votes(w: Array, gradients: Array, mu: float) -> Array:
    m = np.zeros_like(gradients[0])
    for g in gradients:
        m = mu * m + (1 - mu) * (g + DECAY * w)
        w = w - RATE * sign_vote(list(m))
    return w


def by_lions(w: Array, gradients: Array, b1: float, b2: float, *, vote: bool) -> Array:
    m = np.zeros_like(gradients[0])
    for g in gradients:
        sent = np.sign(b1 * m + (1 - b1) * g)
        m = b2 * m + (1 - b2) * g
        agreed = sign_vote(list(sent)) if vote else sent.mean(0)
        w = w - RATE * (agreed + DECAY * w)
    return w


def by_error_feedback(w: Array, gradients: Array) -> Array:
    e = np.zeros_like(gradients[0])
    for g in gradients:
        p = RATE * (g + DECAY * w) + e
        delta = np.stack([np.abs(one).mean() * np.sign(one) for one in p])
        w, e = w - delta.mean(0), p - delta
    return w


def by_mean(w: Array, gradients: Array) -> Array:
    for g in gradients:
        w = w - RATE * (g.mean(0) + DECAY * w)
    return w


FORMULAS: dict[str, tuple[str, dict[str, Any], Any]] = {
    "majority_vote": ("signsgd", {}, by_votes),
    "majority_vote of momenta": (
        "signum", {"momentum": 0.8}, lambda w, g: by_momentum_votes(w, g, 0.8),
    ),
    "lion_vote": (
        "lion", {"beta1": 0.8, "beta2": 0.9}, lambda w, g: by_lions(w, g, 0.8, 0.9, vote=True),
    ),
    "lion_mean": (
        "lion", {"beta1": 0.8, "beta2": 0.9}, lambda w, g: by_lions(w, g, 0.8, 0.9, vote=False),
    ),
    "ef_sign": ("efsignsgd", {}, by_error_feedback),
    "mean": ("sgd", {}, by_mean),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMULAS)
def test_an_exchange_is_its_formula(name: str, rng: np.random.Generator) -> None:
    """The loss is such that worker i's gradient is row i of what is fed."""
    key, hyper, formula = FORMULAS[name]
    weight, slopes = sym.Variable("fc_weight"), sym.Variable("slopes")
    loss = sym.MakeLoss(sym.broadcast_mul(sym.expand_dims(weight, axis=0), slopes))
    optimizer = ms.optimizer.create(key, learning_rate=RATE, wd=DECAY, **hyper)
    step = ms.parallel.simulate(
        loss, optimizer, workers=WORKERS, exchange=name.split(maxsplit=1)[0], wrt=["fc_weight"]
    )
    gradients = rng.normal(size=(STEPS, WORKERS, 6))
    gradients[1, :, 0] = 0.0
    gradients[2, :2, 1] = 1.0, -1.0  # with a third that abstains, a tie
    gradients[2, 2, 1] = 0.0
    w = rng.normal(size=6)
    bound = w.copy()
    states = {n: np.zeros(6) for n in step.list_auxiliary_states()}
    arrays = {"fc_weight": bound, "slopes": np.zeros((WORKERS, 6)), "lr": np.zeros(1)}
    executor = step.bind(args=arrays, aux_states=states)
    for g in gradients:
        optimizer.step(executor, slopes=g)
    np.testing.assert_allclose(bound, formula(w, gradients), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", ["sgd", "adam", "cautiouslion", "muon"])
def test_the_mean_over_workers_is_one_process(name: str, rng: np.random.Generator) -> None:
    """With a loss that is a mean over its batch, k workers are one with the whole batch."""
    net = sym.FullyConnected(sym.Variable("data"), num_hidden=3, name="fc")
    error = sym.square(net - sym.Variable("target_label"))
    loss = sym.MakeLoss(sym.mean(error), name="loss")
    fed = {"data": rng.normal(size=(8, 5)), "target_label": rng.normal(size=(8, 3))}
    start = rng.normal(size=(3, 5))
    found = []
    for workers in (1, 4):
        optimizer = ms.optimizer.create(name, learning_rate=0.05)
        step = ms.parallel.simulate(
            loss, optimizer, workers=workers, exchange="mean", wrt=["fc_weight", "fc_bias"]
        )
        shapes = {key: value.shape for key, value in fed.items()}
        executor = step.simple_bind(type_dict=dict.fromkeys(fed, "float64"), **shapes)
        executor.arg_dict["fc_weight"][:] = start
        for _ in range(5):
            optimizer.step(executor, **fed)
        found.append(np.array(executor.arg_dict["fc_weight"]))
    np.testing.assert_allclose(*found, rtol=1e-6)


# ------------------------------------------------------------------------------- as a graph


def digits_step(**options: Any) -> ms.Symbol:
    net = sym.FullyConnected(sym.Variable("data"), num_hidden=10, name="fc")
    net = sym.BatchNorm(net, name="bn")
    return ms.parallel.simulate(sym.SoftmaxOutput(net, name="softmax"), **options)


def test_outputs_are_those_of_all_workers_and_states_are_each_ones_own() -> None:
    step = digits_step(optimizer="signum", workers=2)
    assert step.list_outputs()[0] == "all_softmax_output"
    assert step.infer_shape(data=(6, 4))[1][0] == (6, 10)
    states = step.list_auxiliary_states()
    assert {"worker0_bn_moving_mean", "worker1_bn_moving_mean"} < {*states}
    assert {"worker0_fc_weight_mom", "worker1_fc_weight_mom"} < {*states}
    assert step.list_arguments().count("fc_weight") == 1


def test_bits_are_counted() -> None:
    numbers = 4 * 10 + 10 + 2 * 10  # weight, bias, gamma and beta
    found = {
        name: ms.summary(digits_step(optimizer=key, workers=5, exchange=name), data=(10, 4))
        for key, name in (
            ("signsgd", "majority_vote"), ("lion", "lion_vote"), ("lion", "lion_mean"),
            ("efsignsgd", "ef_sign"), ("sgd", "mean"),
        )
    }  # fmt: skip
    assert {name: one.bits_sent for name, one in found.items()} == {
        "majority_vote": 2 * 5 * numbers,
        "lion_vote": 2 * 5 * numbers,
        "lion_mean": (1 + 3) * 5 * numbers,  # a sum of five signs is one of six numbers
        "ef_sign": 5 * 5 * numbers,
        "mean": 64 * 5 * numbers,
    }
    assert "700 bits between workers a run" in str(found["majority_vote"])
    assert "700 bits sent" in ms.viz.plot_network(
        digits_step(optimizer="signsgd", workers=5), shape={"data": (10, 4)}
    ).source  # fmt: skip


def test_it_is_saved_and_loaded() -> None:
    step = digits_step(optimizer="lion", workers=2)
    assert not ms.diff(step, sym.load_json(step.tojson()))


@pytest.mark.parametrize("attack", ["random", "silent"])
def test_other_attacks_are_outvoted(attack: str) -> None:
    optimizer = ms.optimizer.SignSGD(learning_rate=0.02)
    step = ms.parallel.simulate(
        noisy_bowl(), optimizer, workers=7, adversaries=3, attack=attack, wrt=["x"]
    )
    executor = step.simple_bind(x=(50,))
    executor.arg_dict["x"][:] = 1
    for _ in range(200):
        optimizer.step(executor)
    assert np.abs(executor.arg_dict["x"]).mean() < 0.2


def test_shared_inputs_are_read_whole() -> None:
    net = sym.broadcast_add(
        sym.FullyConnected(sym.Variable("data"), num_hidden=2, name="fc"), sym.Variable("shift")
    )
    step = ms.parallel.simulate(
        sym.MakeLoss(net), workers=2, wrt=["fc_weight", "fc_bias"], shared=["shift"]
    )
    assert step.infer_shape(data=(4, 3), shift=(1, 2))[1][0] == (4, 2)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"workers": 0}, ParamError, "workers must be an integer of at least 1, but got 0"),
        ({"workers": 2.5}, ParamError, "workers must be an integer of at least 1, but got 2.5"),
        ({"adversaries": -1}, ParamError, "adversaries must be an integer of at least 0"),
        ({"adversaries": 4}, ParamError, "of 3 workers, 4 cannot be adversaries"),
        ({"attack": "invret"}, ParamError, "no attack 'invret'.*did you mean 'invert'"),
        ({"exchange": "majority"}, ComposeError, "no exchange 'majority'"),
        ({"optimizer": "adam", "exchange": "ef_sign"}, ComposeError,
         "made of ef_signsgd_update, but 'fc_weight_update' is adam_update"),
        ({"shared": ["dta"]}, ComposeError, "no input 'dta' to share.*did you mean 'data'"),
        ({"optimizer": "sgdd"}, ParamError, "no optimizer 'sgdd'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(
    options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=f"(?s){words}"):
        digits_step(**options)
