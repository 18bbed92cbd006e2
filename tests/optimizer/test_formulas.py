"""Optimizers by signs beside plain NumPy: each paper's formula, transcribed, for several steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from minisym.errors import ComposeError, ParamError

import minisym as ms
from minisym import sym

Array = np.ndarray[Any, Any]
STEPS = 6
RATE, DECAY = 0.05, 0.1


def sign_sgd(w: Array, gradients: list[Array]) -> Iterator[Array]:
    for g in gradients:
        w = w - RATE * (np.sign(g) + DECAY * w)
        yield w


def signum(w: Array, gradients: list[Array], beta: float) -> Iterator[Array]:
    m = np.zeros_like(w)
    for g in gradients:
        m = beta * m + (1 - beta) * (g + DECAY * w)
        w = w - RATE * np.sign(m)
        yield w


def with_error_feedback(w: Array, gradients: list[Array]) -> Iterator[Array]:
    e = np.zeros_like(w)
    for g in gradients:
        p = RATE * (g + DECAY * w) + e
        delta = np.abs(p).mean() * np.sign(p)
        w, e = w - delta, p - delta
        yield w


def lion(
    w: Array, gradients: list[Array], beta1: float, beta2: float, epsilon: float | None = None
) -> Iterator[Array]:
    m = np.zeros_like(w)
    for g in gradients:
        u = np.sign(beta1 * m + (1 - beta1) * g)
        if epsilon is not None:  # cautious
            mask = (u * g > 0).astype(w.dtype)
            u = u * mask / (mask.mean() + epsilon)
        w = w - RATE * (u + DECAY * w)
        m = beta2 * m + (1 - beta2) * g
        yield w


def switched(w: Array, gradients: list[Array], switch: int, rate: float) -> Iterator[Array]:
    for t, g in enumerate(gradients):
        w = w - (RATE * (np.sign(g) + DECAY * w) if t < switch else rate * (g + DECAY * w))
        yield w


def orthogonal(matrix: Array, steps: int) -> Array:
    x = matrix / np.linalg.norm(matrix)
    for _ in range(steps):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x


def muon(
    w: Array, gradients: list[Array], mu: float, scale: float | None = None
) -> Iterator[Array]:
    m = np.zeros_like(w)
    for g in gradients:
        m = mu * m + g
        d = g + mu * m
        d = orthogonal(d, 5) if scale is None else scale * np.sign(d)
        w = w - RATE * (d + DECAY * w)
        yield w


FORMULAS: dict[str, tuple[str, dict[str, Any], Callable[[Array, list[Array]], Iterator[Array]]]] = {
    "signSGD": ("signsgd", {}, sign_sgd),
    "Signum": ("signum", {"momentum": 0.8}, lambda w, g: signum(w, g, 0.8)),
    "EF-signSGD": ("efsignsgd", {}, with_error_feedback),
    "Lion": ("lion", {"beta1": 0.8, "beta2": 0.9}, lambda w, g: lion(w, g, 0.8, 0.9)),
    "cautious Lion": (
        "cautiouslion",
        {"beta1": 0.8, "beta2": 0.9, "epsilon": 0.01},
        lambda w, g: lion(w, g, 0.8, 0.9, 0.01),
    ),
    "stochastic sign, no noise": (
        "stochasticsignsgd",
        {"bound": 0.0},
        lambda w, g: switched(w, g, STEPS, 0.0),
    ),
    "signs, then SGD": (
        "switchedsgd",
        {"switch": 3, "sgd_rate": 0.2},
        lambda w, g: switched(w, g, 3, 0.2),
    ),
    "Muon": ("muon", {"momentum": 0.9}, lambda w, g: muon(w, g, 0.9)),
    "Muon, by sign": (
        "muon",
        {"momentum": 0.9, "by_sign": ("fc_weight",), "sign_scale": 0.2},
        lambda w, g: muon(w, g, 0.9, 0.2),
    ),
}


def trained(optimizer: ms.optimizer.Optimizer, w: Array, gradients: list[Array]) -> list[Array]:
    """Return the weights after each step of a loss whose gradient is what is fed."""
    weight, g = sym.Variable("fc_weight"), sym.Variable("g_data")
    step = optimizer.minimize(sym.sum(weight * g), wrt="fc_weight")
    bound = w.copy()
    names = step.list_auxiliary_states()
    numbers = {n: np.zeros(1) for n in step.list_arguments() if n not in {"fc_weight", "g_data"}}
    executor = step.bind(
        args={"fc_weight": bound, "g_data": np.zeros_like(w), **numbers},
        aux_states={name: np.zeros_like(w) for name in names},
    )
    found = []
    for one in gradients:
        optimizer.step(executor, g_data=one)
        found.append(bound.copy())
    return found


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("shape", [(3, 5), (6, 2)])
def test_the_papers_formula(name: str, shape: tuple[int, int], rng: np.random.Generator) -> None:
    key, hyper, formula = FORMULAS[name]
    w = rng.normal(size=shape)
    gradients = [rng.normal(size=shape) for _ in range(STEPS)]
    gradients[2][0] = 0.0  # what has no gradient has no sign
    optimizer = ms.optimizer.create(key, learning_rate=RATE, wd=DECAY, **hyper)
    found = trained(optimizer, w, gradients)
    # hyper-parameters are float32
    for step, right in zip(found, formula(w, gradients), strict=True):
        np.testing.assert_allclose(step, right, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("name", FORMULAS)
def test_gradients_are_rescaled_and_clipped_before(name: str, rng: np.random.Generator) -> None:
    key, hyper, formula = FORMULAS[name]
    w = rng.normal(size=(4, 3))
    gradients = [rng.normal(size=(4, 3)) for _ in range(3)]
    options = {"learning_rate": RATE, "wd": DECAY, "rescale_grad": 0.5, "clip_gradient": 0.25}
    found = trained(ms.optimizer.create(key, **options, **hyper), w, gradients)
    fed = [np.clip(0.5 * g, -0.25, 0.25) for g in gradients]
    for step, right in zip(found, formula(w, fed), strict=True):
        np.testing.assert_allclose(step, right, rtol=2e-6, atol=1e-7)


def hesitating_sign(w: Array, gradients: list[Array], beta: float) -> Iterator[Array]:
    """Adam with one beta, as arXiv:2505.21829 writes it: a sign, and the variance about the mean.

    The bias of both means is corrected by 1 - beta^t.
    """
    m, s = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        s = beta * s + beta * (1 - beta) * (m - g) ** 2
        m = beta * m + (1 - beta) * g
        w = w - RATE / np.sqrt(1 - beta**t) * np.sign(m) / np.sqrt(1 + s / m**2)
        yield w


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.95])
def test_adam_with_one_beta_is_a_sign_that_hesitates(beta: float, rng: np.random.Generator) -> None:
    w = rng.normal(size=(3, 5))
    gradients = [rng.normal(size=(3, 5)) for _ in range(STEPS)]
    adam = ms.optimizer.Adam(learning_rate=RATE, beta1=beta, beta2=beta, epsilon=1e-12)
    found = trained(adam, w, gradients)
    for step, right in zip(found, hesitating_sign(w, gradients, beta), strict=True):
        np.testing.assert_allclose(step, right, rtol=3e-6, atol=1e-6)  # betas are float32


def test_where_gradients_agree_adam_with_one_beta_is_signum(rng: np.random.Generator) -> None:
    w, g = rng.normal(size=(3, 5)), rng.normal(size=(3, 5))
    adam = ms.optimizer.Adam(learning_rate=RATE, beta1=0.9, beta2=0.9, epsilon=1e-12)
    signum = ms.optimizer.Signum(learning_rate=RATE, momentum=0.9)
    for one, other in zip(trained(adam, w, [g] * 9), trained(signum, w, [g] * 9), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)


def test_a_stochastic_sign_is_the_gradient_on_average() -> None:
    g = np.array([-0.5, -0.1, 0.0, 0.05, 0.2, 0.7])
    w = np.zeros((20_000, 6))
    optimizer = ms.optimizer.StochasticSignSGD(learning_rate=1.0, bound=0.5)
    (after,) = trained(optimizer, w, [np.broadcast_to(g, w.shape).copy()])
    assert set(np.unique(after)) == {-1.0, 1.0}
    # the deviation of a mean of 20,000 signs is below 0.0071
    np.testing.assert_allclose(-after.mean(0), np.clip(g / 0.5, -1, 1), atol=0.03)


def test_the_iteration_keeps_singular_vectors_and_brings_values_near_one(
    rng: np.random.Generator,
) -> None:
    u, _ = np.linalg.qr(rng.normal(size=(8, 5)))
    v, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    matrix = u * np.array([5.0, 3.0, 1.0, 0.5, 0.3]) @ v.T
    x = ms.optimizer.newton_schulz(sym.Variable("g")).eval(g=matrix)[0]
    inner = u.T @ np.asarray(x) @ v
    np.testing.assert_allclose(inner, np.diag(np.diag(inner)), atol=1e-6)
    assert np.all((np.diag(inner) > 0.6) & (np.diag(inner) < 1.3))


@pytest.mark.parametrize("name", FORMULAS)
def test_steps_are_in_one_graph_that_draws_saves_and_loads(name: str) -> None:
    key, hyper, _ = FORMULAS[name]
    net = sym.FullyConnected(sym.Variable("data"), num_hidden=3, name="fc")
    step = ms.optimizer.create(key, **hyper).minimize(sym.SoftmaxOutput(net, name="softmax"))
    again = sym.load_json(step.tojson())
    assert not ms.diff(step, again)
    assert "fc_weight_update" in ms.viz.plot_network(step).source


class Forgetful(ms.optimizer.Optimizer):
    def rule(self, p: Any) -> Any:
        p.step(p.gradient)


def test_a_rule_that_returns_nothing_is_told_what_to_return() -> None:
    x = sym.Variable("x", init="ones")
    with pytest.raises(ComposeError, match=r"Forgetful\.rule must return the update of 'x'"):
        Forgetful().minimize(sym.sum(x * x))


class Value(ms.optimizer.Optimizer):
    def rule(self, p: Any) -> Any:
        return p.weight - 0.1 * p.gradient


class StateFirst(ms.optimizer.Optimizer):
    def rule(self, p: Any) -> Any:
        return [p.keep(p.state("mom"), p.gradient), p.step(p.gradient)]


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (Value, r"Value\.rule must begin with the update of 'x', .* which writes nothing"),
        (StateFirst, r"StateFirst\.rule must begin .* x_mom_update_output, which writes 'x_mom'"),
    ],
)
def test_a_rule_that_would_not_move_the_weight_is_refused(optimizer: Any, message: str) -> None:
    x = sym.Variable("x", init="ones")
    with pytest.raises(ComposeError, match=message) as refused:
        optimizer().minimize(sym.sum(x * x))
    assert "return [p.step(direction), p.keep(state, value)]" in str(refused.value)


class WithinABox(ms.optimizer.Optimizer):
    def rule(self, p: Any) -> Any:
        moved = p.step(p.gradient)
        return sym.assign(moved, sym.clip(moved, a_min=-1, a_max=1), name=f"{p.name}_bounded")


def test_a_rule_may_go_on_from_its_own_step() -> None:
    """From 3, against a slope of 6 with a rate of 0.1, the step ends at 2.4, and the box at 1."""
    x = sym.Variable("x")
    optimizer = WithinABox(learning_rate=0.1)
    executor = optimizer.minimize(sym.sum(x * x), wrt="x").simple_bind(x=(1,))
    executor.arg_dict["x"][:] = 3
    optimizer.step(executor)
    assert executor.arg_dict["x"] == 1


def test_an_optimizer_without_a_rule_says_that_it_has_none() -> None:
    class Empty(ms.optimizer.Optimizer):
        pass

    x = sym.Variable("x", init="ones")
    with pytest.raises(NotImplementedError, match="Empty has no rule"):
        Empty().minimize(sym.sum(x * x))


def test_a_negative_bound_is_refused() -> None:
    with pytest.raises(ParamError, match="bound must not be negative, but got -1"):
        ms.optimizer.StochasticSignSGD(bound=-1)


class OwnMomentum(ms.optimizer.Optimizer):
    def rule(self, p: Any) -> Any:
        m = p.state("mom")
        new = 0.9 * m + p.gradient
        return [p.step(new), p.keep(m, new)]


def test_a_rule_of_ones_own_is_that_of_the_op(rng: np.random.Generator) -> None:
    """Momentum as a formula, and MXNet's op: w moves by lr times the sum in both."""
    w = rng.normal(size=(3, 2))
    gradients = [rng.normal(size=(3, 2)) for _ in range(STEPS)]
    mine = trained(OwnMomentum(learning_rate=0.1), w, gradients)
    theirs = trained(ms.optimizer.SGD(learning_rate=0.1, momentum=0.9), w, gradients)
    np.testing.assert_allclose(mine, theirs, rtol=1e-6)


def test_a_formula_accumulates_and_waits_for_its_condition(rng: np.random.Generator) -> None:
    """With micro-batches all that the list writes waits, states too."""
    weight, g = sym.Variable("w_weight"), sym.Variable("g_data")
    optimizer = OwnMomentum(learning_rate=0.1)
    step = optimizer.minimize(sym.sum(weight * g), wrt="w_weight", accumulate=2)
    executor = step.simple_bind(w_weight=(4,), g_data=(4,))
    for one in (first := rng.normal(size=4)), (second := rng.normal(size=4)):
        before = np.asarray(executor.arg_dict["w_weight"]).copy()
        optimizer.step(executor, g_data=one)
    np.testing.assert_array_equal(before, np.zeros(4))
    np.testing.assert_allclose(executor.aux_dict["w_weight_mom"], first + second, rtol=1e-5)
    np.testing.assert_allclose(executor.arg_dict["w_weight"], -0.1 * (first + second), rtol=1e-5)
