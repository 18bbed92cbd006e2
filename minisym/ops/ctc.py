r"""Connectionist temporal classification: the loss of a sequence whose alignment is unknown."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

import numpy as np

from minisym.core.cost import each_input
from minisym.core.declare import op as declare
from minisym.core.errors import ExecutionError, ShapeError
from minisym.core.ndarray import Array
from minisym.core.samples import Sample

op = partial(declare, kind="loss", cost=each_input(5))

NEVER = -np.inf
"""Logarithm of the probability 0."""


class _Lattice:
    """All alignments of a batch: which class stands at which place of the extended labels.

    A label of n classes extends to 2 n + 1 places, a blank before, between and behind its classes.
    An alignment starts at place 0 or 1, stays, steps on, or skips a blank between two different
    classes, and ends at one of the last two places. All arrays are (samples, places).
    """

    def __init__(
        self,
        data: Array,
        label: Array,
        data_lengths: Array | None,
        label_lengths: Array | None,
        *,
        blank_last: bool,
    ) -> None:
        steps, samples, classes = data.shape
        self.blank = classes - 1 if blank_last else 0
        self.frames = _lengths(data_lengths, samples, steps, "data_lengths")
        symbols = label.astype(np.int64)
        if label_lengths is None:
            padding = symbols == (-1 if blank_last else 0)
            self.length = np.where(padding.any(1), padding.argmax(1), label.shape[1])
        else:
            self.length = _lengths(label_lengths, samples, label.shape[1], "label_lengths")
        inside = np.arange(label.shape[1]) < self.length[:, np.newaxis]
        wrong = inside & ((symbols < 0) | (symbols >= classes) | (symbols == self.blank))
        if wrong.any():
            raise ExecutionError(
                f"CTCLoss: label {symbols[wrong][0]} is no class: there are {classes}, of which "
                f"{self.blank} is the blank"
            )
        self.symbols = np.full((samples, 2 * label.shape[1] + 1), self.blank)
        self.symbols[:, 1::2] = np.where(inside, symbols, self.blank)
        self.skips = np.zeros(self.symbols.shape, bool)
        self.skips[:, 3::2] = self.symbols[:, 3::2] != self.symbols[:, 1:-2:2]
        repeats = (inside[:, 1:] & (symbols[:, 1:] == symbols[:, :-1])).sum(1)
        self.possible = self.frames >= self.length + repeats
        places = np.arange(self.symbols.shape[1])
        last = 2 * self.length[:, np.newaxis]
        self.within = places <= last
        self.ends = np.where((places == last) | (places == last - 1), 0.0, NEVER)
        peak = data.max(2, keepdims=True).astype(np.float64)
        scores = data - peak
        self.log_softmax = scores - np.log(np.exp(scores).sum(2, keepdims=True))

    def emission(self, step: int) -> Array:
        """Return the log probability of each place's class in a frame."""
        return np.take_along_axis(self.log_softmax[step], self.symbols, 1)

    def forward(self) -> tuple[Array, Array]:
        """Return log probabilities of all beginnings, by frame, and of whole labels."""
        steps = len(self.log_softmax)
        alpha = np.full((steps, *self.symbols.shape), NEVER)
        alpha[0, :, :2] = self.emission(0)[:, :2]
        for t in range(1, steps):
            before = alpha[t - 1]
            reach = before.copy()
            reach[:, 1:] = np.logaddexp(reach[:, 1:], before[:, :-1])
            skipping = np.where(self.skips[:, 2:], before[:, :-2], NEVER)
            reach[:, 2:] = np.logaddexp(reach[:, 2:], skipping)
            alpha[t] = reach + self.emission(t)
        alpha = np.where(self.within, alpha, NEVER)
        final = alpha[self.frames - 1, np.arange(len(self.frames))] + self.ends
        return alpha, np.logaddexp.reduce(final, axis=1)

    def backward(self) -> Array:
        """Return log probabilities of all ends, by frame."""
        steps = len(self.log_softmax)
        beta = np.full((steps, *self.symbols.shape), NEVER)
        for t in reversed(range(steps)):
            reach = np.full(self.symbols.shape, NEVER)
            if t + 1 < steps:
                after = beta[t + 1] + self.emission(t + 1)
                reach = after.copy()
                reach[:, :-1] = np.logaddexp(reach[:, :-1], after[:, 1:])
                skipping = np.where(self.skips[:, 2:], after[:, 2:], NEVER)
                reach[:, :-2] = np.logaddexp(reach[:, :-2], skipping)
            is_last = (self.frames - 1 == t)[:, np.newaxis]
            beta[t] = np.where(is_last, self.ends, np.where(self.within, reach, NEVER))
        return beta


def _lengths(given: Array | None, samples: int, most: int, name: str) -> Array:
    """Return lengths as whole numbers; raise where one is impossible."""
    if given is None:
        return np.full(samples, most)
    lengths = given.astype(np.int64)
    least = 1 if name == "data_lengths" else 0
    wrong = (lengths < least) | (lengths > most)
    if wrong.any():
        raise ExecutionError(
            f"CTCLoss: {name} must lie in [{least}, {most}], not {lengths[wrong][0]}"
        )
    return lengths


@op(
    workspaces=1,
    aliases=("ctc_loss", "_contrib_CTCLoss", "_contrib_ctc_loss"),
    when={
        "data_lengths": lambda p: p["use_data_lengths"],
        "label_lengths": lambda p: p["use_label_lengths"],
    },
    outputs=("output0",),  # MXNet has a hidden output1, its gradient
    samples=[
        Sample(
            (np.log([[[0.25, 0.75]], [[0.5, 0.5]]]), np.array([[1.0]])),
            reference=lambda x, label: -np.log(np.array([0.75 * 0.5 + 0.75 * 0.5 + 0.25 * 0.5])),
            wrt=(0,),
        ),
        Sample(((5, 2, 4), np.array([[1.0, 2.0, 0.0], [3.0, 3.0, 1.0]])), wrt=(0,)),
        Sample(
            ((5, 2, 4), np.array([[0.0, 2.0], [1.0, 0.0]]), np.array([4, 5]), np.array([1, 2])),
            {"use_data_lengths": True, "use_label_lengths": True, "blank_label": "last"},
            wrt=(0,),
        ),
        Sample(((2, 1, 3), np.array([[1.0, 1.0]])), wrt=(), reference=lambda x, label: np.zeros(1)),
        Sample(((2, 1, 3), np.array([[3.0]])), raises=ExecutionError, match="label 3 is no class"),
        Sample(((2, 1, 3), (1, 4)), raises=ShapeError, match="4 labels cannot be aligned"),
        Sample(((2, 3), (1, 4)), raises=ShapeError, match="data needs 3 dimensions"),
    ],
    no_onnx="ONNX has no such loss",
)
def CTCLoss(
    data: Annotated[Array, "Scores of each frame, (frames, batch, classes)."],
    label: Annotated[Array, "Labels with padding behind them, (batch, length)."],
    data_lengths: Annotated[Array | None, "How many frames each sample has, (batch,)."] = None,
    label_lengths: Annotated[Array | None, "How many labels each sample has, (batch,)."] = None,
    *,
    use_data_lengths: Annotated[
        bool, "Whether there is an input data_lengths: frames used."
    ] = False,
    use_label_lengths: Annotated[
        bool, "Whether there is an input label_lengths, instead of padding behind the labels."
    ] = False,
    blank_label: Annotated[
        Literal["first", "last"],
        "Which class is the blank. With first, labels count from 1 and are padded with 0; with "
        "last, they count from 0 and are padded with -1.",
    ] = "first",
    out: Array,
) -> None:
    r"""Sum over all alignments, $L = -\ln \sum_{\pi} \prod_t \operatorname{softmax}(x_t)_{\pi_t}$.

    `data` has shape (frames, batch, classes), `label` (batch, length); the output is (batch,). A
    label that has too few frames for any alignment costs 0 and has the gradient 0.

    Reference: Graves et al., *Connectionist temporal classification*, ICML 2006.
    """
    last = blank_label == "last"
    lattice = _Lattice(data, label, data_lengths, label_lengths, blank_last=last)
    np.copyto(out, np.where(lattice.possible, -lattice.forward()[1], 0), casting="unsafe")


@CTCLoss.shape
def _(s: Any) -> None:
    """Rule: `data` is (length, batch, symbols), `label` (batch, length of the label).

    One loss a sample, (batch,).
    """
    data, label = s.data, s.label
    if data is not None and len(data) != 3:
        raise ValueError(f"data needs 3 dimensions, frames, batch and classes, but has {len(data)}")
    if label is not None and len(label) != 2:
        raise ValueError(f"label needs 2 dimensions, batch and length, but has {len(label)}")
    batch = next((b for b in (data and data[1], label and label[0]) if b is not None), None)
    if data is not None:
        s.data = (data[0], batch, data[2])
        s.label = (batch, None)
        if label is not None and None not in (data[0], label[1]) and label[1] > data[0]:
            raise ValueError(f"{label[1]} labels cannot be aligned with {data[0]} frames")
    s.output0 = (batch,)
    s.data_lengths = s.label_lengths = (batch,)


@CTCLoss.dtype
def _(t: Any) -> None:
    if t.data is not None and t.data.kind != "f":
        raise ValueError(f"it takes float data, but got {t.data}")
    t.output0 = t.data
    t.data = t.output0


@CTCLoss.backward(wrt=("data",))
def _ctc_gradient(
    g: Array,
    data: Array,
    label: Array,
    data_lengths: Array | None = None,
    label_lengths: Array | None = None,
    *,
    blank_label: str,
    out: Array,
) -> None:
    """Compute the probabilities of the classes less those given the label."""
    last = blank_label == "last"
    lattice = _Lattice(data, label, data_lengths, label_lengths, blank_last=last)
    alpha, total = lattice.forward()
    given = np.exp(alpha + lattice.backward() - total[:, np.newaxis])
    place = np.arange(data.shape[0] * data.shape[1]).reshape(*data.shape[:2], 1) * data.shape[2]
    flat = (place + lattice.symbols).ravel()
    expected = np.bincount(flat, given.ravel(), minlength=data.size).reshape(data.shape)
    found = (np.exp(lattice.log_softmax) - expected) * g[:, np.newaxis]
    inside = np.arange(len(data))[:, np.newaxis] < lattice.frames
    used = (inside & lattice.possible)[..., np.newaxis]
    np.copyto(out, np.where(used, found, 0), casting="unsafe")
