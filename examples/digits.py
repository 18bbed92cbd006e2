"""Read handwritten digits: a network that signSGD trains inside the graph.

Network, loss, gradients and one `signsgd_update` a parameter are nodes of one symbol. So one
`forward()` is a training step, and the bound NumPy arrays change in place. A recording looks on,
and becomes a page that slides through the training. Run it: ./scripts/demo
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from sklearn.datasets import load_digits

import minisym as ms
from minisym import sym

Array = np.ndarray[Any, Any]
BATCH, EPOCHS, HELD_BACK = 64, 40, 360


def network() -> ms.Symbol:
    """Compose 8x8 pixels -> 64 relu units -> 10 probabilities."""
    h = sym.Variable("data")
    h = sym.FullyConnected(h, num_hidden=64, name="fc1")
    h = sym.Activation(h, act_type="relu", name="relu1")
    h = sym.FullyConnected(h, num_hidden=10, name="fc2")
    return sym.SoftmaxOutput(h, name="softmax")


def training_step(net: ms.Symbol) -> ms.Symbol:
    """Join the network, its gradients and an update a parameter: this graph is the training."""
    inside = net.get_internals()
    names = [name for name in net.list_arguments() if name.endswith(("_weight", "_bias"))]
    lr = sym.Variable("lr")  # a Symbol: every step may have its own
    updates = [
        sym.signsgd_update(inside[name], gradient, lr=lr, wd=0.01, name=f"{name}_update")
        for name, gradient in zip(names, ms.grad(net, names), strict=True)
    ]
    return sym.Group([net, *updates])


def allocate(step: ms.Symbol, rng: np.random.Generator) -> dict[str, Array]:
    """Make an array for every argument: inference knows all shapes from that of the data."""
    shapes, _, _ = step.infer_shape(data=(BATCH, 64))
    arrays: dict[str, Array] = {}
    for name, shape in zip(step.list_arguments(), shapes, strict=True):
        scale = np.sqrt(2 / shape[-1]) if name.endswith("_weight") else 0.0
        arrays[name] = rng.normal(0, scale, shape).astype(np.float32)
    return arrays


def learning_rate(progress: float) -> np.float32:
    """Fall from 1e-2 to 1e-5 along half a cosine."""
    return np.float32(1e-5 + (1e-2 - 1e-5) * (1 + np.cos(np.pi * progress)) / 2)


def draw_curve(losses: list[float], accuracies: list[float], path: Path) -> None:
    """Draw the loss of every step, its mean and the accuracy of every epoch."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    epochs = np.arange(1, EPOCHS + 1)
    left.semilogy(np.linspace(0, EPOCHS, len(losses)), losses, color="#BFDBFE", linewidth=0.6)
    left.semilogy(epochs - 0.5, np.reshape(losses, (EPOCHS, -1)).mean(axis=1), color="#1D4ED8")
    left.set(xlabel="epoch", title="training loss: each step, and mean of each epoch")
    right.plot(epochs, accuracies, color="#D97706")
    right.set(xlabel="epoch", title="accuracy on digits held back", ylim=(0.8, 1.0))
    figure.savefig(path)


def main() -> None:
    """Train, tell how well it went, and draw what happened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "out", metavar="DIR")
    output: Path = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    console, rng = Console(), np.random.default_rng(0)

    images, labels = load_digits(return_X_y=True)
    order = rng.permutation(len(labels))
    x, y = (images[order] / 16).astype(np.float32), labels[order]
    x, test_x, y, test_y = x[:-HELD_BACK], x[-HELD_BACK:], y[:-HELD_BACK], y[-HELD_BACK:]

    net = network()
    step = training_step(net)
    arrays = allocate(step, rng)
    trainer = step.bind(args=arrays)
    # to evaluate, bind the network's own symbol over the same arrays: nothing is copied
    tester = net.bind(args={**arrays, "data": test_x, "softmax_label": test_y.astype(np.float32)})
    assert np.shares_memory(tester.arg_dict["fc1_weight"], arrays["fc1_weight"])
    console.print(f"{len(step.graph)} nodes; a forward() writes {', '.join(trainer.writes)}")

    losses: list[float] = []
    accuracies: list[float] = []
    started = time.perf_counter()
    batches = len(y) // BATCH
    columns = (TextColumn("epoch {task.completed}"), BarColumn(), TextColumn("{task.description}"))
    bar = Progress(*columns, TimeElapsedColumn(), console=console)
    with bar, ms.record(trainer) as recording:
        task = bar.add_task("training", total=EPOCHS)
        for epoch in range(EPOCHS):
            for batch in rng.permutation(len(y))[: batches * BATCH].reshape(batches, BATCH):
                lr = learning_rate(len(losses) / (EPOCHS * batches))
                p = trainer.forward(data=x[batch], softmax_label=y[batch], lr=lr)[0]
                losses.append(float(-np.log(p[np.arange(BATCH), y[batch]]).mean()))
                recording.note(loss=losses[-1])
            correct = tester.forward()[0].argmax(axis=1) == test_y
            accuracies.append(float(correct.mean()))
            recording.note(accuracy=accuracies[-1])
            told = f"loss {np.mean(losses[-batches:]):.4f}  accuracy {accuracies[-1]:.1%}"
            bar.update(task, completed=epoch + 1, description=told)

    seconds = time.perf_counter() - started
    console.print(f"{len(losses)} steps in {seconds:.1f} s; accuracy {accuracies[-1]:.2%}")
    picture = ms.viz.save_picture(step, output / "digits-step.svg", shape={"data": (0, 64)})
    draw_curve(losses, accuracies, output / "digits-loss.svg")
    page = recording.to_html(output / "digits.html", title="Reading handwritten digits")
    console.print(f"the training graph: {picture}")
    console.print(f"loss and accuracy:  {output / 'digits-loss.svg'}")
    console.print(f"step by step:       {page}")
    console.print("Open that page in a browser, and move the slider.")


if __name__ == "__main__":
    main()
