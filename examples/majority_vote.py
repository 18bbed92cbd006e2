"""How many liars a vote withstands: 27 workers descend into a bowl, and some send the opposite.

From Bernstein et al., "signSGD with Majority Vote is Communication Efficient And Fault Tolerant"
(arXiv:1810.05291): half the square of 1000 numbers, each seen by each worker with noise of its own,
of deviation 1. The workers vote on every sign, 200 times. All of them live in one graph, which
`ms.parallel.simulate` composes; there is no cluster.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import minisym as ms
from minisym import sym

Array = np.ndarray[Any, Any]

WORKERS, STEPS, LIARS = 27, 200, (0, 3, 6, 9, 11, 12, 13, 14)


def bowl() -> ms.Symbol:
    """Compose f(x) = |x|^2 / 2, whose gradient comes with noise."""
    x = sym.Variable("x")
    noise = sym.BlockGrad(sym.random.normal_like(x))
    return sym.MakeLoss(sym.sum(x * x) / 2 + sym.sum(noise * x))


def descend(liars: int) -> Array:
    """Return f, step by step."""
    optimizer = ms.optimizer.SignSGD(learning_rate=0.01)
    step = ms.parallel.simulate(
        bowl(), optimizer, workers=WORKERS, adversaries=liars, wrt=["x"]
    )  # fmt: skip
    ms.random.seed(liars)
    executor = step.simple_bind(x=(1000,))
    x = executor.arg_dict["x"]
    x[:] = np.random.default_rng(0).normal(size=1000)
    values = [np.square(x).sum() / 2]
    for _ in range(STEPS):
        optimizer.step(executor)
        values.append(np.square(x).sum() / 2)
    return np.array(values)


def main() -> None:
    """Run, tell and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "out", metavar="DIR")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    print(f"liars of {WORKERS}   f after {STEPS} steps, from about 500")
    for liars in LIARS:
        values = descend(liars)
        print(f"{liars:11}   {values[-1]:.1f}")
        colour = (0.86 * liars / 14, 0.25, 0.7 - 0.6 * liars / 14)
        axes.plot(values, color=colour, linewidth=1.3, label=f"{liars}")
    axes.set(xlabel="step", ylabel="f", yscale="log", title=f"{WORKERS} workers, of whom some lie")
    axes.legend(title="liars", frameon=False, ncols=2)
    axes.grid(color="#E2E8F0", which="both", linewidth=0.5)
    figure.savefig(arguments.output / "majority_vote.svg")
    print(f"the curves: {arguments.output / 'majority_vote.svg'}")


if __name__ == "__main__":
    main()
