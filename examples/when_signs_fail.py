"""Where the sign fails, and what the rest that it left out repairs.

Four experiments from Karimireddy et al., "Error Feedback Fixes SignSGD and other Gradient
Compression Schemes" (arXiv:1901.09847). Three are problems of one or two numbers on which signSGD
goes the wrong way, or nowhere, at any small step; the fourth learns 100 rows exactly, as SGD does,
and yet is wrong on all others. Error feedback, `ef_signsgd_update`, sends signs too, and adds what
they left out to the next step. Each step is one graph: gradient and update.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import minisym as ms
from minisym import sym

Array = np.ndarray[Any, Any]
Update = Callable[[ms.Symbol, ms.Symbol, ms.Symbol], ms.Symbol]

UPDATES: dict[str, Update] = {
    "SGD": lambda x, g, lr: sym.sgd_update(x, g, lr=lr),
    "signSGD": lambda x, g, lr: sym.signsgd_update(x, g, lr=lr),
    "EF-signSGD": lambda x, g, lr: sym.ef_signsgd_update(x, g, sym.Variable("error"), lr=lr),
}
X = sym.Variable("x")
COLOURS = {"SGD": "#475569", "signSGD": "#DC2626", "EF-signSGD": "#7C3AED"}


class Step:
    """A gradient and an update of x, bound once and run often."""

    def __init__(self, gradient: ms.Symbol, update: Update, start: Array, **fed: Array) -> None:
        step = update(X, gradient, sym.Variable("lr"))
        self.x = start.astype(np.float64)
        arrays = {"x": self.x, "lr": np.zeros(1), **{n: a.astype(float) for n, a in fed.items()}}
        states = {name: np.zeros_like(self.x) for name in step.list_auxiliary_states()}
        self.executor = step.bind(args=arrays, aux_states=states)

    def __call__(self, lr: float, **fed: Any) -> None:
        """Make a step."""
        self.executor.forward(lr=lr, **fed)


def drift(name: str) -> Array:
    """Minimise x / 4 in [-1, 1], whose gradient is seen as 4 sometimes, and mostly as -1.

    Returns the mean of x over 20 runs, step by step. The best x is -1, and the sign goes to 1.
    """
    rng = np.random.default_rng(0)
    step = Step(sym.Variable("g"), UPDATES[name], np.zeros(20), g=np.zeros(20))
    means = np.zeros(2000)
    for t in range(len(means)):
        step(0.05, g=np.where(rng.random(20) < 0.25, 4.0, -1.0))
        np.clip(step.x, -1, 1, out=step.x)
        means[t] = step.x.mean()
    return means


def corner(name: str) -> Array:
    """Minimise |x1 + x2| / 2 + |x1 - x2| from (1, 1), with steps that shrink.

    Where a term is 0, its slope may be 1: then every sign lies along (1, -1), and x1 + x2 stays.
    """
    rows = sym.Variable("rows")
    terms = sym.dot(rows, X)
    slopes = sym.elemwise_mul(2 * (terms >= 0) - 1, sym.Variable("weights"))
    matrix, weights = np.array([[1.0, 1.0], [1.0, -1.0]]), np.array([0.5, 1.0])
    gradient = sym.dot(rows, slopes, transpose_a=True)
    step = Step(gradient, UPDATES[name], np.ones(2), rows=matrix, weights=weights)
    values = np.zeros(3000)
    for t in range(len(values)):
        values[t] = weights @ np.abs(matrix @ step.x)
        step(0.1 / np.sqrt(t + 1))
    return values


def valley(name: str) -> Array:
    """Minimise the sum of <a, x>^2 over a = ±(1, -1) + (1, 1) / 2, one of them at a time."""
    rng = np.random.default_rng(0)
    gradient = ms.grad(sym.square(sym.dot(sym.Variable("a"), X)), "x")
    rows = np.array([[1.5, -0.5], [-0.5, 1.5]])
    step = Step(gradient, UPDATES[name], np.ones(2), a=rows[0])
    values = np.zeros(2000)
    for t in range(len(values)):
        values[t] = np.square(rows @ step.x).sum()
        step(0.1 / np.sqrt(t + 1), a=rows[rng.integers(2)])
    return values


def rows_of(seed: int) -> tuple[Array, Array]:
    """Make 200 rows of 1200 numbers: the first is the label, two are 1, some are a row's own."""
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(200) < 0.5, 1.0, -1.0)
    rows = np.zeros((200, 1200))
    rows[:, 0], rows[:, 1:3] = labels, 1
    for i, label in enumerate(labels):
        first = 3 + 5 * i
        rows[i, first : first + (1 if label > 0 else 5)] = 1
    return rows, labels


def generalise(name: str, seed: int) -> tuple[float, float]:
    """Fit 100 rows by least squares; return the loss on these, and on 100 others."""
    rows, labels = rows_of(seed)
    error = sym.dot(sym.Variable("data"), X) - sym.Variable("label")
    gradient = ms.grad(sym.sum(sym.square(error)) / 200, "x")
    update = UPDATES[name]
    if name == "signSGD":  # of the gradient's size, as the paper has it
        update = _scaled_sign
    step = Step(gradient, update, np.zeros(1200), data=rows[:100], label=labels[:100])
    for _ in range(80):
        step(0.5 if name == "SGD" else 10.0)
    train, test = (
        float(np.square(rows[part] @ step.x - labels[part]).mean())
        for part in (slice(100), slice(100, 200))
    )
    return train, test


def _scaled_sign(x: ms.Symbol, g: ms.Symbol, lr: ms.Symbol) -> ms.Symbol:
    direction = sym.broadcast_mul(sym.sign(g), sym.mean(sym.abs(g), axis=0, keepdims=True))
    return sym.sgd_update(x, direction, lr=lr)


def main() -> None:
    """Run all four, tell and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "out", metavar="DIR")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(12, 3.4), layout="constrained")
    axes = figure.subplots(1, 4)
    problems: list[tuple[str, str, Callable[[str], Array], list[str]]] = [
        ("rare and loud", "mean of x after 2000 steps, best -1", drift, ["SGD", "signSGD"]),
        ("a corner", "f after 3000 steps, best 0", corner, list(UPDATES)),
        ("a valley", "smallest f in 2000 steps, best 0", valley, list(UPDATES)),
    ]
    for place, (title, said, problem, names) in enumerate(problems):
        found = {name: problem(name) for name in names}
        ends = {n: v[-1] if problem is not valley else v.min() for n, v in found.items()}
        print(f"{title}: {said}\n  " + "   ".join(f"{n} {v:.3f}" for n, v in ends.items()))
        for name, values in found.items():
            axes[place].plot(values, color=COLOURS[name], linewidth=1.2, label=name)
        axes[place].set(title=title, xlabel="step", ylabel="mean of x" if place == 0 else "f")
    print("generalisation: mean squared error on 100 rows, mean of three seeds")
    print(f"{'':14}learned  others")
    seeds = range(3)
    for place, name in enumerate(UPDATES):
        losses = np.array([generalise(name, seed) for seed in seeds])
        learned, others = losses.mean(0)
        print(f"  {name:<11} {learned:.4f}  {others:.4f}")
        axes[3].scatter([place] * len(losses), losses[:, 1], color=COLOURS[name])
    axes[3].set(title="other rows", ylabel="loss", yscale="log", xlim=(-0.6, 2.6))
    axes[3].set_xticks(range(3), ["SGD", "signSGD", "EF"])
    axes[1].legend(frameon=False)
    for one in axes:
        one.grid(color="#E2E8F0", linewidth=0.5)
    figure.savefig(arguments.output / "when_signs_fail.svg")
    print(f"the curves: {arguments.output / 'when_signs_fail.svg'}")


if __name__ == "__main__":
    main()
