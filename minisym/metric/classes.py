"""Metrics of classes: accuracy, F1, correlation of classes, cross entropy, perplexity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minisym.core.errors import ParamError, ShapeError
from minisym.core.ndarray import Array
from minisym.metric.base import EvalMetric, register, same_length


@register("acc")
class Accuracy(EvalMetric):
    """The share of predictions whose largest class (along `axis`) is the label.

    >>> import numpy as np
    >>> import minisym as ms
    >>> metric = ms.metric.Accuracy()
    >>> scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    >>> metric.update(np.array([0, 1, 1, 1]), scores)
    >>> metric.get()
    ('accuracy', 0.75)
    """

    def __init__(self, axis: int = 1, name: str = "accuracy", **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.axis = axis

    def measure(self, label: Array, pred: Array) -> tuple[float, int]:
        """Return how many are right, and how many there are."""
        chosen = pred if pred.shape == label.shape else pred.argmax(axis=self.axis)
        chosen, wanted = chosen.astype(np.int32).ravel(), label.astype(np.int32).ravel()
        same_length(self.name, wanted, chosen)
        return float((chosen == wanted).sum()), chosen.size


@register("top_k_accuracy", "top_k_acc")
class TopKAccuracy(EvalMetric):
    """The share of predictions whose `top_k` largest classes hold the label.

    >>> import numpy as np
    >>> import minisym as ms
    >>> metric = ms.metric.TopKAccuracy(top_k=2)
    >>> metric.update(np.array([2, 0]), np.array([[0.5, 0.2, 0.3], [0.1, 0.5, 0.4]]))
    >>> metric.get()
    ('top_k_accuracy_2', 0.5)
    """

    def __init__(self, top_k: int = 1, name: str = "top_k_accuracy", **kwargs: Any) -> None:
        super().__init__(f"{name}_{top_k}", **kwargs)
        if top_k < 2:
            message = f"top_k must be at least 2, but got {top_k}"
            raise ParamError(message, hint="for 1 there is Accuracy")
        self.top_k = top_k

    def measure(self, label: Array, pred: Array) -> tuple[float, int]:
        """Return how many are right, and how many there are."""
        same_length(self.name, label, pred)
        best = np.argsort(pred, axis=1)[:, -self.top_k :]
        wanted = label.astype(np.int32).reshape(-1, 1)
        return float((best == wanted).any(axis=1).sum()), len(pred)


class _Counting(EvalMetric):
    """A metric of how often each class was predicted where another one is right.

    With `average="macro"` it is the mean over the batches, with "micro" that of all together.
    """

    def __init__(self, name: str, average: str = "macro", **kwargs: Any) -> None:
        if average not in ("macro", "micro"):
            message = f"average must be 'macro' or 'micro', but got {average!r}"
            raise ParamError(message)
        super().__init__(name, **kwargs)
        self.average = average
        self._confusion = np.zeros((2, 2))

    def value(self, confusion: Array) -> float:
        """Return the metric of a table: predictions are rows, labels columns."""
        raise NotImplementedError

    def measure(self, label: Array, pred: Array) -> tuple[float, int]:
        """Return the value for one batch."""
        chosen = pred if pred.shape == label.shape else pred.argmax(axis=1)
        chosen, wanted = chosen.astype(np.int64).ravel(), label.astype(np.int64).ravel()
        same_length(self.name, wanted, chosen)
        self._check(wanted)
        size = max(2, chosen.max(initial=0) + 1, wanted.max(initial=0) + 1)
        here = np.zeros((size, size))
        np.add.at(here, (chosen, wanted), 1)
        more = max(0, size - len(self._confusion))
        self._confusion = np.pad(self._confusion, (0, more))
        self._confusion[:size, :size] += here
        return self.value(here), 1

    def _check(self, wanted: Array) -> None:
        """Refuse labels that the metric is not for."""
        if np.unique(wanted).size > 2:
            message = f"{self.name} is for two classes"
            raise ShapeError(message)

    def reset(self) -> None:
        """Start over."""
        super().reset()
        self._confusion = np.zeros((2, 2))

    def state(self) -> list[float]:
        """Return what was added up."""
        return [*super().state(), *self._confusion.ravel().tolist()]

    def restore(self, state: Sequence[float]) -> None:
        """Go on from what `state` returned."""
        super().restore(state[:2])
        if state:
            size = math.isqrt(len(state) - 2)
            self._confusion = np.array(state[2:]).reshape(size, size)

    def _together(self, before: Sequence[float], now: Sequence[float]) -> list[float]:
        """Return the state of two parts together: the smaller table may lack classes."""
        tables = [
            np.array(state[2:]).reshape([math.isqrt(len(state) - 2)] * 2) for state in (before, now)
        ]
        size = max(len(table) for table in tables)
        total = sum(np.pad(table, (0, size - len(table))) for table in tables)
        return [*super()._together(before[:2], now[:2]), *np.ravel(total).tolist()]

    def get(self) -> tuple[Any, Any]:
        """Return name and value."""
        if self.average == "macro" or not self.num_inst:
            return super().get()
        return self.name, self.value(self._confusion)


@register()
class F1(_Counting):
    """The harmonic mean of precision and recall of class 1, where there are two classes.

    With `average="macro"` it is the mean over the batches, with "micro" that of all together.

    >>> import numpy as np
    >>> import minisym as ms
    >>> metric = ms.metric.F1()
    >>> scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    >>> metric.update(np.array([0, 1, 1, 1]), scores)
    >>> metric.get()
    ('f1', 0.8)
    """

    def __init__(self, name: str = "f1", average: str = "macro", **kwargs: Any) -> None:
        super().__init__(name, average, **kwargs)

    def value(self, confusion: Array) -> float:
        """Return the metric of a table: predictions are rows, labels columns."""
        right, false, missed = confusion[1, 1], confusion[1, 0], confusion[0, 1]
        return float(2 * right / (2 * right + false + missed)) if right else 0.0


@register()
class MCC(_Counting):
    r"""Matthews' correlation of two classes, from -1 to 1; 0 is that of guessing.

    It is $(TP \cdot TN - FP \cdot FN) / \sqrt{p}$, where $p$ is the product of $TP + FP$,
    $TP + FN$, $TN + FP$ and $TN + FN$; those that are 0 count as 1. With `average="macro"` it is
    the mean over the batches, with "micro" that of all together.

    >>> import numpy as np
    >>> import minisym as ms
    >>> metric = ms.metric.MCC()
    >>> scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    >>> metric.update(np.array([0, 1, 1, 1]), scores)
    >>> metric.get()
    ('mcc', 0.5773502691896258)
    """

    def __init__(self, name: str = "mcc", average: str = "macro", **kwargs: Any) -> None:
        super().__init__(name, average, **kwargs)

    def value(self, confusion: Array) -> float:
        """Return the metric of a table: predictions are rows, labels columns."""
        (rest, missed), (false, right) = confusion[:2, :2]
        sums = np.array([right + false, right + missed, rest + false, rest + missed])
        return float((right * rest - false * missed) / math.sqrt(np.prod(sums[sums != 0])))


@register()
class PCC(_Counting):
    """The correlation of predicted and right classes, of which there may be many: MCC for more.

    It is that of all batches together.

    >>> import numpy as np
    >>> import minisym as ms
    >>> metric = ms.metric.PCC()
    >>> scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    >>> metric.update(np.array([0, 1, 1, 1]), scores)
    >>> metric.get()
    ('pcc', 0.5773502691896258)
    """

    def __init__(self, name: str = "pcc", **kwargs: Any) -> None:
        super().__init__(name, "micro", **kwargs)

    def _check(self, wanted: Array) -> None:
        """Take any number of classes."""

    def value(self, confusion: Array) -> float:
        """Return the metric of a table: predictions are rows, labels columns."""
        total, chosen, wanted = confusion.sum(), confusion.sum(axis=1), confusion.sum(axis=0)
        spread = (chosen * (total - chosen)).sum() * (wanted * (total - wanted)).sum()
        shared = (confusion.diagonal() * total - chosen * wanted).sum()
        return float(shared / math.sqrt(spread)) if spread else math.nan


@register("ce")
class CrossEntropy(EvalMetric):
    r"""The mean of $-\log(p + \epsilon)$, $p$ being the probability of the label's class.

    >>> import numpy as np
    >>> import minisym as ms
    >>> metric = ms.metric.CrossEntropy()
    >>> metric.update(np.array([0, 1]), np.array([[0.5, 0.5], [0.75, 0.25]]))
    >>> metric.get()
    ('cross-entropy', 1.039720770836918)
    """

    def __init__(self, eps: float = 1e-12, name: str = "cross-entropy", **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.eps = eps

    def measure(self, label: Array, pred: Array) -> tuple[float, int]:
        """Return the sum, and how many there are."""
        wanted = label.ravel().astype(np.int64)
        same_length(self.name, wanted, pred)
        wrong = wanted[(wanted < 0) | (wanted >= pred.shape[1])]
        if wrong.size:
            message = f"{self.name}: there are {pred.shape[1]} classes, but a label is {wrong[0]}"
            raise ShapeError(message)
        return float(-np.log(pred[np.arange(len(pred)), wanted] + self.eps).sum()), len(pred)


@register("nll_loss")
class NegativeLogLikelihood(CrossEntropy):
    """The same as `CrossEntropy`, by its other name."""

    def __init__(self, eps: float = 1e-12, name: str = "nll-loss", **kwargs: Any) -> None:
        super().__init__(eps, name, **kwargs)


@register()
class Perplexity(EvalMetric):
    r"""$\exp$ of the mean of $-\log p$, over all labels but `ignore_label`.

    >>> import numpy as np
    >>> import minisym as ms
    >>> metric = ms.metric.Perplexity(ignore_label=None)
    >>> metric.update(np.array([0, 1]), np.array([[0.5, 0.5], [0.5, 0.5]]))
    >>> metric.get()
    ('perplexity', 2.0)
    """

    def __init__(
        self, ignore_label: int | None, axis: int = -1, name: str = "perplexity", **kwargs: Any
    ) -> None:
        super().__init__(name, **kwargs)
        self.ignore_label, self.axis = ignore_label, axis

    def measure(self, label: Array, pred: Array) -> tuple[float, int]:
        """Return the sum of logarithms, and of how many."""
        wanted = label.ravel().astype(np.int64)
        rows = np.moveaxis(pred, self.axis, -1).reshape(-1, pred.shape[self.axis])
        same_length(self.name, wanted, rows)
        found = rows[np.arange(len(rows)), np.clip(wanted, 0, rows.shape[1] - 1)]
        kept = (
            np.ones(len(rows), bool) if self.ignore_label is None else wanted != self.ignore_label
        )
        return float(-np.log(np.maximum(found[kept], 1e-10)).sum()), int(kept.sum())

    def get(self) -> tuple[Any, Any]:
        """Return name and value."""
        name, mean = super().get()
        return name, math.exp(mean) if self.num_inst else math.nan
