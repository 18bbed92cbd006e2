"""How much of Adam is its sign: Signum beside Adam on a small LSTM, with all betas tuned alike.

With one beta for both of its averages Adam steps by m / √v = sign(m) / √(1 + s / m²), where s is
the variance of the gradients about m: by a sign that hesitates where gradients disagree. Signum is
the sign alone. Orvieto and Gower (arXiv:2505.21829) find that it closes 96 % of the gap from SGD to
Adam, for a language model of 160 M parameters. Here the same is asked of the small LSTM of
`sign_race.py`, which reads the descriptions of scikit-learn's data sets letter by letter. For each
optimizer the best of the same betas and learning rates is taken, by the loss of its last steps,
with a seed that does not race and in half as many steps; then come five seeds.

The search takes some minutes. Its answers are written down here, and --tune asks it anew.
"""

from __future__ import annotations

import argparse

import numpy as np
import sign_race
from rich.console import Console
from rich.progress import track
from rich.table import Table

BETAS = (0.5, 0.8, 0.9, 0.95)
KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "SGD": ("sgd", ("momentum",)),
    "Signum": ("signum", ("momentum",)),
    "Adam, β1 = β2": ("adam", ("beta1", "beta2")),
}
RATES = (10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003)
TUNED = {"SGD": (0.8, 3.0), "Signum": (0.5, 0.03), "Adam, β1 = β2": (0.5, 0.1)}


def tuned(task: sign_race.Task, name: str, steps: int, console: Console) -> tuple[float, float]:
    """Return the beta and the rate whose last losses are the lowest."""
    kind, parameters = KINDS[name]
    tried = []
    for beta in track(BETAS, name, console=console, transient=True):
        racer = sign_race.Racer(task, kind, dict.fromkeys(parameters, beta))
        loss, rate = racer.best_rate(steps, RATES)
        tried.append((loss, beta, rate))
    return min(tried)[1:]


def main() -> None:
    """Train and tell, and tune before where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tune", action="store_true", help="search for betas and rates anew")
    options = parser.parse_args()
    steps, seeds = options.steps, range(options.seeds)
    *_, task = sign_race.tasks(1.0)
    console = Console()
    table = Table(title=f"{task.name}: {steps} steps, {len(seeds)} seeds")
    for column in ("optimizer", "β", "rate", "loss, last steps", "letters told, held back"):
        table.add_column(column, justify="left" if column == "optimizer" else "right")
    ends: dict[str, float] = {}
    for name, (kind, parameters) in KINDS.items():
        beta, rate = tuned(task, name, steps // 2, console) if options.tune else TUNED[name]
        racer = sign_race.Racer(task, kind, dict.fromkeys(parameters, beta))
        runs = [racer.train(rate, seed, steps) for seed in seeds]
        losses = np.array([run.losses[-max(1, steps // 10) :].mean() for run in runs])
        hits = np.array([run.accuracy for run in runs])
        ends[name] = float(losses.mean())
        table.add_row(
            name, f"{beta:g}", f"{rate:g}", f"{losses.mean():.3f} ± {losses.std():.3f}",
            f"{hits.mean():.1%} ± {hits.std():.1%}",
        )  # fmt: skip
    console.print(table)
    adam = ends.popitem()[1]
    told = ", ".join(f"{name} {end - adam:+.3f}" for name, end in ends.items())
    console.print(f"loss beside Adam's: {told}")


if __name__ == "__main__":
    main()
