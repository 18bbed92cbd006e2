"""Race ten optimizers on three networks with five seeds: which signs are worth their bits.

An MLP and a LeNet read scikit-learn's digits, and a small LSTM reads the descriptions of
scikit-learn's data sets letter by letter. The tuning is the same for all: of six learning rates,
from 0.3 down to 0.001, that with the lowest loss on what was learned, with a seed that does not
race; a cosine schedule; no other parameter is touched. Then five seeds, which decide on first
weights and batches. The bits are those that each of eight workers would send and receive in a
step, if each computed a part of the batch: see `ms.parallel.simulate`.

The default takes some half a minute, and is over before most have learned what they can: --full
trains twenty times as long; --quick shows that it works.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn import datasets

import minisym as ms
from minisym import sym

Array = np.ndarray[Any, Any]

OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "SGD, momentum": ("sgd", {"momentum": 0.9}),
    "Adam, β1 = β2": ("adam", {"beta1": 0.95, "beta2": 0.95}),
    "Muon": ("muon", {"by_sign": ("out_weight", "embed_weight")}),
    "signSGD": ("signsgd", {}),
    "stochastic sign": ("stochasticsignsgd", {}),
    "signs, then SGD": ("switchedsgd", {}),
    "Signum": ("signum", {"momentum": 0.95}),
    "EF-signSGD": ("efsignsgd", {}),
    "Lion": ("lion", {}),
    "cautious Lion": ("cautiouslion", {}),
}
COLOURS = [
    "#475569", "#1D4ED8", "#0891B2", "#DC2626", "#F97316",
    "#A16207", "#D97706", "#7C3AED", "#059669", "#84CC16",
]  # fmt: skip
RATES = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
WORKERS = 8
LETTERS = 16
"""How many letters the LSTM reads before its memory is cut."""


@dataclass(frozen=True)
class Task:
    """A network, what it learns from, and what is held back."""

    name: str
    loss: ms.Symbol
    data: Array
    labels: Array
    held: tuple[Array, Array]
    steps: int
    batch: int = 64

    @property
    def shapes(self) -> dict[str, Any]:
        """The shapes of a batch."""
        parts = {"data": self.data, "softmax_label": self.labels}
        return {name: (self.batch, *part.shape[1:]) for name, part in parts.items()}

    def batches(self, seed: int) -> Iterator[tuple[Array, Array]]:
        """Yield batches without end."""
        rng = np.random.default_rng(seed)
        while True:
            order = rng.permutation(len(self.data))
            for start in range(0, len(order) - self.batch + 1, self.batch):
                chosen = order[start : start + self.batch]
                yield self.data[chosen], self.labels[chosen]


def mlp() -> ms.Symbol:
    """Compose two hidden layers."""
    x = sym.Flatten(sym.Variable("data"))
    for i, units in enumerate((64, 32)):
        x = sym.FullyConnected(x, num_hidden=units, name=f"fc{i}")
        x = sym.Activation(x, act_type="relu", name=f"relu{i}")
    return sym.SoftmaxOutput(sym.FullyConnected(x, num_hidden=10, name="out"), name="softmax")


def lenet() -> ms.Symbol:
    """Compose two convolutions with pooling, and a hidden layer."""
    x = sym.Variable("data")
    for i, filters in enumerate((8, 16)):
        x = sym.Convolution(x, kernel=(3, 3), pad=(1, 1), num_filter=filters, name=f"conv{i}")
        x = sym.Activation(x, act_type="relu", name=f"relu{i}")
        x = sym.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="max", name=f"pool{i}")
    x = sym.Activation(sym.FullyConnected(x, num_hidden=32, name="fc"), act_type="relu")
    return sym.SoftmaxOutput(sym.FullyConnected(x, num_hidden=10, name="out"), name="softmax")


def letters(vocabulary: int) -> ms.Symbol:
    """Compose an LSTM that says after each letter which one comes next."""
    x = sym.Embedding(sym.Variable("data"), input_dim=vocabulary, output_dim=16, name="embed")
    cell = ms.rnn.FusedRNNCell(32, mode="lstm", prefix="lstm_")
    outputs, _ = cell.unroll(LETTERS, x, merge_outputs=True)
    x = sym.Reshape(outputs, shape=(-1, 32))
    x = sym.FullyConnected(x, num_hidden=vocabulary, name="out")
    label = sym.Reshape(sym.Variable("softmax_label"), shape=(-1,))
    return sym.SoftmaxOutput(x, label, name="softmax")


def tasks(scale: float) -> list[Task]:
    """Load digits and texts; both come with scikit-learn."""
    rows, digits = datasets.load_digits(return_X_y=True)
    images = (rows / 16).reshape(-1, 1, 8, 8).astype(np.float32)
    order = np.random.default_rng(0).permutation(len(images))
    held, rest = order[:360], order[360:]
    seen = images[rest], digits[rest].astype(np.float32)
    unseen = images[held], digits[held].astype(np.float32)
    text = "".join(
        load()["DESCR"]
        for load in (
            datasets.load_diabetes, datasets.load_digits, datasets.load_iris,
            datasets.load_wine, datasets.load_breast_cancer, datasets.load_linnerud,
        )
    )  # fmt: skip
    names, codes = np.unique(list(text), return_inverse=True)
    count = (len(codes) - 1) // LETTERS
    read = codes[: count * LETTERS].reshape(count, LETTERS).astype(np.float32)
    follows = codes[1 : count * LETTERS + 1].reshape(count, LETTERS).astype(np.float32)
    lines = np.random.default_rng(0).permutation(count)
    cut = count // 8
    texts = [(read[part], follows[part]) for part in (lines[cut:], lines[:cut])]
    return [
        Task("MLP", mlp(), *seen, unseen, round(250 * scale)),
        Task("LeNet", lenet(), *seen, unseen, round(100 * scale)),
        Task("letters, LSTM", letters(len(names)), *texts[0], texts[1], round(100 * scale), 32),
    ]


@dataclass
class Run:
    """How one training went."""

    losses: Array
    accuracy: float
    seconds: float


class Racer:
    """One optimizer on one network, bound once: what differs from run to run are numbers."""

    def __init__(self, task: Task, kind: str, hyper: dict[str, Any]) -> None:
        self.task, self.kind, self.hyper = task, kind, hyper
        self.parameters = ms.optimizer.compose.parameters_of(task.loss)
        self.executor = self.optimizer(0.1, 2).minimize(task.loss).simple_bind(**task.shapes)
        data, labels = task.held
        weights = {name: self.executor.arg_dict[name] for name in self.parameters}
        self.test = task.loss.bind(
            args={**weights, "data": data, "softmax_label": labels}, grad_req="null"
        )

    def optimizer(self, rate: float, steps: int) -> ms.optimizer.Optimizer:
        """Make an optimizer for so many steps."""
        hyper = self.hyper
        if self.kind == "switchedsgd":  # the second half by gradients, which are smaller than signs
            hyper = {"switch": steps // 2, "sgd_rate": 10 * rate}
        schedule = ms.lr_scheduler.CosineScheduler(steps, base_lr=rate, final_lr=rate / 20)
        answers = self.task.batch * self.task.labels[0].size
        return ms.optimizer.create(
            self.kind,
            learning_rate=rate,
            rescale_grad=1 / answers,
            lr_scheduler=schedule,
            **hyper,
        )

    def begin(self, seed: int) -> None:
        """Give the parameters their first values; the states begin anew with the optimizer."""
        ms.random.seed(seed)
        rng = np.random.default_rng(seed)
        for name in self.parameters:
            array = self.executor.arg_dict[name]
            array[:] = 0
            if array.ndim > 1:
                array[:] = rng.normal(size=array.shape) / math.sqrt(math.prod(array.shape[1:]))
            elif name.endswith("parameters"):  # all weights of the LSTM in one
                array[:] = rng.uniform(-0.15, 0.15, array.shape)

    def train(self, rate: float, seed: int, steps: int) -> Run:
        """Train once."""
        self.begin(seed)
        optimizer = self.optimizer(rate, steps)
        losses, batches = np.zeros(steps), self.task.batches(seed)
        start = time.perf_counter()
        for t in range(steps):
            data, labels = next(batches)
            outputs = optimizer.step(self.executor, data=data, softmax_label=labels)
            told = labels.reshape(-1).astype(int)
            right = np.asarray(outputs[0])[np.arange(len(told)), told]
            losses[t] = -np.log(np.maximum(right, 1e-12)).mean()
        return Run(losses, self.accuracy(), (time.perf_counter() - start) / steps)

    def accuracy(self) -> float:
        """Return the share of what was held back that is told rightly."""
        told = np.asarray(self.test.forward()[0]).argmax(1)
        return float((told == self.task.held[1].reshape(-1)).mean())

    def best_rate(self, steps: int, rates: Sequence[float] = RATES) -> tuple[float, float]:
        """Return the lowest loss of the last steps, and the rate that led to it."""

        def last(rate: float) -> float:
            losses = self.train(rate, seed=99, steps=steps).losses
            end = losses[-max(1, steps // 5) :].mean()
            return float(end) if np.isfinite(end) else math.inf

        return min((last(rate), rate) for rate in rates)

    def bits(self) -> int:
        """Return what one of several workers would send and receive in a step."""
        optimizer = self.optimizer(0.1, 2)
        step = ms.parallel.simulate(self.task.loss, optimizer, workers=WORKERS)
        return ms.summary(step, **self.task.shapes).bits_sent // WORKERS


def draw(found: dict[str, dict[str, list[Run]]], path: Path) -> None:
    """Draw the loss, step by step: the median of the seeds, and between which it lies."""
    figure = Figure(figsize=(13, 4.6), layout="constrained")
    for axes, (task, runs) in zip(figure.subplots(1, 3), found.items(), strict=True):
        for (name, own), colour in zip(runs.items(), COLOURS, strict=True):
            curves = np.stack([smooth(run.losses) for run in own])
            at = np.arange(curves.shape[1])
            axes.plot(at, np.median(curves, 0), color=colour, label=name, linewidth=1.3)
            axes.fill_between(at, curves.min(0), curves.max(0), color=colour, alpha=0.10, lw=0)
        axes.set(title=task, xlabel="step", yscale="log")
        axes.grid(color="#E2E8F0", which="both", linewidth=0.5)
    figure.axes[0].set_ylabel("loss on the batch, smoothed")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False)
    figure.savefig(path)


def smooth(losses: Array) -> Array:
    """Return a running mean, without its beginning."""
    width = max(1, len(losses) // 15)
    return np.convolve(losses, np.full(width, 1 / width), "valid")


def main() -> None:
    """Race, tell and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="twenty times the steps")
    parser.add_argument("--quick", action="store_true", help="a few steps, two seeds")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "out", metavar="DIR")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    scale = 5.0 if arguments.full else 0.05 if arguments.quick else 0.25
    seeds = range(2 if arguments.quick else 5)
    console = Console()
    found: dict[str, dict[str, list[Run]]] = {}
    rates: dict[tuple[str, str], float] = {}
    sent: dict[tuple[str, str], int] = {}
    for task in tasks(scale):
        found[task.name] = {}
        for name in track(OPTIMIZERS, task.name, console=console, transient=True):
            racer = Racer(task, *OPTIMIZERS[name])
            _, rate = racer.best_rate(max(4, task.steps // 3))
            rates[task.name, name], sent[task.name, name] = rate, racer.bits()
            found[task.name][name] = [racer.train(rate, seed, task.steps) for seed in seeds]
    for task_name, runs in found.items():
        steps = len(runs["Lion"][0].losses)
        table = Table(title=f"{task_name}, {steps} steps: mean ± deviation over {len(seeds)} seeds")
        table.add_column("optimizer")
        for column in (
            "rate",
            "accuracy, held back",
            "loss, last steps",
            "bits a step",
            "ms a step",
        ):
            table.add_column(column, justify="right")
        for name, own in runs.items():
            ends = np.array([run.losses[-max(1, len(run.losses) // 10) :].mean() for run in own])
            hits = np.array([run.accuracy for run in own])
            table.add_row(
                name,
                f"{rates[task_name, name]:g}",
                f"{hits.mean():.1%} ± {hits.std():.1%}",
                f"{ends.mean():.3f} ± {ends.std():.3f}",
                f"{sent[task_name, name]:,}",
                f"{1000 * min(run.seconds for run in own):.2f}",
            )
        console.print(table)
    draw(found, arguments.output / "sign_race.svg")
    console.print(f"the curves: {arguments.output / 'sign_race.svg'}")


if __name__ == "__main__":
    main()
