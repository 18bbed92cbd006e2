"""Metrics: how good predictions are, added up over batches, with MXNet's names.

>>> import numpy as np
>>> metric = create(["acc", "ce"])
>>> metric.update([np.array([1, 0])], [np.array([[0.25, 0.75], [0.5, 0.5]])])
>>> metric.update([np.array([1])], [np.array([[0.5, 0.5]])])
>>> [(name, round(value, 3)) for name, value in metric.get_name_value()]
[('accuracy', 0.667), ('cross-entropy', 0.558)]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from minisym.errors import ParamError, ShapeError, did_you_mean
from minisym.ndarray import Array

_registry: Final[dict[str, type[EvalMetric]]] = {}


class EvalMetric:
    """A mean over all that was seen since the last `reset`.

    Parameters
    ----------
    name
        Its name in tables.
    output_names, label_names
        Which outputs and labels `update_dict` takes; all without.
    """

    def __init__(
        self,
        name: str,
        output_names: Sequence[str] | None = None,
        label_names: Sequence[str] | None = None,
    ) -> None:
        self.name = str(name)
        self.output_names, self.label_names = output_names, label_names
        self.sum_metric, self.num_inst = 0.0, 0

    def measure(self, label: Array, pred: Array) -> tuple[float, int]:
        """Return the sum over one batch, and over how many things it went."""
        raise NotImplementedError

    def update(self, labels: Any, preds: Any) -> None:
        """Add batches: lists of labels and of predictions, or one of each.

        Raises
        ------
        ShapeError
            There are more of one than of the other, or their lengths differ.
        """
        labels, preds = _listed(labels), _listed(preds)
        if len(labels) != len(preds):
            message = f"{self.name}: {len(labels)} labels were given for {len(preds)} predictions"
            raise ShapeError(message, hint="label_names and output_names choose some of them")
        for label, pred in zip(labels, preds, strict=True):
            total, count = self.measure(np.asarray(label), np.asarray(pred))
            self.sum_metric += total
            self.num_inst += count

    def update_dict(self, label: Mapping[str, Any], pred: Mapping[str, Any]) -> None:
        """Add batches by name."""
        self.update(
            [label[n] for n in (label if self.label_names is None else self.label_names)],
            [pred[n] for n in (pred if self.output_names is None else self.output_names)],
        )

    def reset(self) -> None:
        """Start over."""
        self.sum_metric, self.num_inst = 0.0, 0

    def state(self) -> list[float]:
        """Return what was added up, as numbers."""
        return [self.sum_metric, float(self.num_inst)]

    def restore(self, state: Sequence[float]) -> None:
        """Go on from what `state` returned; from nothing, if it is empty."""
        if state:
            self.sum_metric, self.num_inst = state[0], int(state[1])

    def get(self) -> tuple[Any, Any]:
        """Return name and value; NaN if nothing was seen."""
        return self.name, self.sum_metric / self.num_inst if self.num_inst else math.nan

    def get_name_value(self) -> list[tuple[str, float]]:
        """Return pairs of name and value."""
        names, values = self.get()
        return list(zip(_listed(names), _listed(values), strict=True))

    def __str__(self) -> str:
        """Show names and values."""
        return f"EvalMetric: {dict(self.get_name_value())}"


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def register(*names: str) -> Callable[[type[EvalMetric]], type[EvalMetric]]:
    """Enter a metric's class under its name in lower case, and under others."""

    def enter(klass: type[EvalMetric]) -> type[EvalMetric]:
        for name in (klass.__name__, *names):
            _registry[name.lower()] = klass
        return klass

    return enter


def create(metric: Any, *args: Any, **kwargs: Any) -> EvalMetric:
    """Return a metric by its name, of a function `(label, pred)`, or of a list of such.

    Raises
    ------
    ParamError
        There is no metric of this name.
    """
    if isinstance(metric, EvalMetric):
        return metric
    if isinstance(metric, list | tuple):
        return CompositeEvalMetric([create(item, *args, **kwargs) for item in metric])
    if callable(metric):
        return CustomMetric(metric, *args, **kwargs)
    found = _registry.get(str(metric).lower())
    if found is None:
        message = f"there is no metric {metric!r}"
        raise ParamError(message, hint=did_you_mean(str(metric), _registry))
    return found(*args, **kwargs)


@register("composite")
class CompositeEvalMetric(EvalMetric):
    """Several metrics as one."""

    def __init__(self, metrics: Sequence[Any] = (), name: str = "composite", **kwargs: Any) -> None:
        self.metrics = [create(metric) for metric in metrics]
        super().__init__(name, **kwargs)

    def add(self, metric: Any) -> None:
        """Add a metric."""
        self.metrics.append(create(metric))

    def get_metric(self, index: int) -> EvalMetric:
        """Return the metric at this position."""
        return self.metrics[index]

    def update(self, labels: Any, preds: Any) -> None:
        """Add batches to each metric."""
        for metric in self.metrics:
            metric.update(labels, preds)

    def update_dict(self, label: Mapping[str, Any], pred: Mapping[str, Any]) -> None:
        """Add batches by name to each metric."""
        for metric in self.metrics:
            metric.update_dict(label, pred)

    def reset(self) -> None:
        """Start each metric over."""
        for metric in self.metrics:
            metric.reset()

    def state(self) -> list[float]:
        """Return what all metrics have added up, each behind the number of its numbers."""
        states = [metric.state() for metric in self.metrics]
        return [number for state in states for number in (len(state), *state)]

    def restore(self, state: Sequence[float]) -> None:
        """Go on from what `state` returned."""
        for metric in self.metrics if state else ():
            size = int(state[0])
            metric.restore(state[1 : 1 + size])
            state = state[1 + size :]

    def get(self) -> tuple[list[str], list[float]]:
        """Return names and values."""
        pairs = [pair for metric in self.metrics for pair in metric.get_name_value()]
        return [name for name, _ in pairs], [value for _, value in pairs]


# ------------------------------------------------------------------------------- classification


def _same_length(name: str, label: Array, pred: Array) -> None:
    if len(label) != len(pred):
        message = f"{name}: {len(label)} labels were given for {len(pred)} predictions"
        raise ShapeError(message)


@register("acc")
class Accuracy(EvalMetric):
    """The share of predictions whose largest class (along `axis`) is the label."""

    def __init__(self, axis: int = 1, name: str = "accuracy", **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.axis = axis

    def measure(self, label: Array, pred: Array) -> tuple[float, int]:
        """Return how many are right, and how many there are."""
        chosen = pred if pred.shape == label.shape else pred.argmax(axis=self.axis)
        chosen, wanted = chosen.astype(np.int32).ravel(), label.astype(np.int32).ravel()
        _same_length(self.name, wanted, chosen)
        return float((chosen == wanted).sum()), chosen.size


@register("top_k_accuracy", "top_k_acc")
class TopKAccuracy(EvalMetric):
    """The share of predictions whose `top_k` largest classes hold the label."""

    def __init__(self, top_k: int = 1, name: str = "top_k_accuracy", **kwargs: Any) -> None:
        super().__init__(f"{name}_{top_k}", **kwargs)
        if top_k < 2:
            message = f"top_k must be at least 2, but got {top_k}"
            raise ParamError(message, hint="for 1 there is Accuracy")
        self.top_k = top_k

    def measure(self, label: Array, pred: Array) -> tuple[float, int]:
        """Return how many are right, and how many there are."""
        _same_length(self.name, label, pred)
        best = np.argsort(pred, axis=1)[:, -self.top_k :]
        wanted = label.astype(np.int32).reshape(-1, 1)
        return float((best == wanted).any(axis=1).sum()), len(pred)


@register()
class F1(EvalMetric):
    """The harmonic mean of precision and recall of class 1, where there are two classes.

    With `average="macro"` it is the mean over the batches, with "micro" that of all together.
    """

    def __init__(self, name: str = "f1", average: str = "macro", **kwargs: Any) -> None:
        self.average = average
        self._counts = np.zeros(3)  # right positives, false positives, false negatives
        super().__init__(name, **kwargs)

    def measure(self, label: Array, pred: Array) -> tuple[float, int]:
        """Return the value for one batch."""
        _same_length(self.name, label, pred)
        wanted, chosen = label.astype(np.int32).ravel() == 1, pred.argmax(axis=1) == 1
        if np.unique(label).size > 2:
            message = f"{self.name} is for two classes"
            raise ShapeError(message)
        here = np.array(
            [(chosen & wanted).sum(), (chosen & ~wanted).sum(), (~chosen & wanted).sum()]
        )
        self._counts = self._counts + here
        return _f_score(here), 1

    def reset(self) -> None:
        """Start over."""
        super().reset()
        self._counts = np.zeros(3)

    def state(self) -> list[float]:
        """Return what was added up."""
        return [*super().state(), *self._counts.tolist()]

    def restore(self, state: Sequence[float]) -> None:
        """Go on from what `state` returned."""
        super().restore(state[:2])
        if state:
            self._counts = np.array(state[2:])

    def get(self) -> tuple[Any, Any]:
        """Return name and value."""
        if self.average == "macro" or not self.num_inst:
            return super().get()
        return self.name, _f_score(self._counts)


def _f_score(counts: Array) -> float:
    right, false, missed = counts
    return float(2 * right / (2 * right + false + missed)) if right else 0.0


@register("ce")
class CrossEntropy(EvalMetric):
    r"""The mean of $-\log(p + \epsilon)$, $p$ being the probability of the label's class."""

    def __init__(self, eps: float = 1e-12, name: str = "cross-entropy", **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.eps = eps

    def measure(self, label: Array, pred: Array) -> tuple[float, int]:
        """Return the sum, and how many there are."""
        wanted = label.ravel().astype(np.int64)
        _same_length(self.name, wanted, pred)
        return float(-np.log(pred[np.arange(len(pred)), wanted] + self.eps).sum()), len(pred)


@register("nll_loss")
class NegativeLogLikelihood(CrossEntropy):
    """The same as `CrossEntropy`, by its other name."""

    def __init__(self, eps: float = 1e-12, name: str = "nll-loss", **kwargs: Any) -> None:
        super().__init__(eps, name, **kwargs)


@register()
class Perplexity(EvalMetric):
    r"""$\exp$ of the mean of $-\log p$, over all labels but `ignore_label`."""

    def __init__(
        self, ignore_label: int | None, axis: int = -1, name: str = "perplexity", **kwargs: Any
    ) -> None:
        super().__init__(name, **kwargs)
        self.ignore_label, self.axis = ignore_label, axis

    def measure(self, label: Array, pred: Array) -> tuple[float, int]:
        """Return the sum of logarithms, and of how many."""
        wanted = label.ravel().astype(np.int64)
        rows = np.moveaxis(pred, self.axis, -1).reshape(-1, pred.shape[self.axis])
        _same_length(self.name, wanted, rows)
        found = rows[np.arange(len(rows)), np.clip(wanted, 0, rows.shape[1] - 1)]
        kept = (
            np.ones(len(rows), bool) if self.ignore_label is None else wanted != self.ignore_label
        )
        return float(-np.log(np.maximum(found[kept], 1e-10)).sum()), int(kept.sum())

    def get(self) -> tuple[Any, Any]:
        """Return name and value."""
        name, mean = super().get()
        return name, math.exp(mean) if self.num_inst else math.nan


# ------------------------------------------------------------------------------------ regression


def _off(label: Array, pred: Array) -> Array:
    """Return label - prediction, vectors as columns."""
    columns = (a.reshape(-1, 1) if a.ndim == 1 else a for a in (label, pred))
    difference: Array = np.subtract(*columns)
    return difference


@register()
class MAE(EvalMetric):
    """The mean absolute difference, averaged over batches."""

    def __init__(self, name: str = "mae", **kwargs: Any) -> None:
        super().__init__(name, **kwargs)

    def measure(self, label: Array, pred: Array) -> tuple[float, int]:
        """Return the value for one batch."""
        return float(np.abs(_off(label, pred)).mean()), 1


@register()
class MSE(EvalMetric):
    """The mean squared difference, averaged over batches."""

    def __init__(self, name: str = "mse", **kwargs: Any) -> None:
        super().__init__(name, **kwargs)

    def measure(self, label: Array, pred: Array) -> tuple[float, int]:
        """Return the value for one batch."""
        return float(np.square(_off(label, pred)).mean()), 1


@register()
class RMSE(MSE):
    """The root of the mean squared difference of each batch, averaged over batches."""

    def __init__(self, name: str = "rmse", **kwargs: Any) -> None:
        super().__init__(name, **kwargs)

    def measure(self, label: Array, pred: Array) -> tuple[float, int]:
        """Return the value for one batch."""
        return math.sqrt(super().measure(label, pred)[0]), 1


@register()
class Loss(EvalMetric):
    """The mean of the outputs themselves, for networks that end in a loss."""

    def __init__(self, name: str = "loss", **kwargs: Any) -> None:
        super().__init__(name, **kwargs)

    def update(self, labels: Any, preds: Any) -> None:
        """Add outputs; labels are ignored."""
        del labels
        for pred in map(np.asarray, _listed(preds)):
            self.sum_metric += float(pred.sum())
            self.num_inst += pred.size


class CustomMetric(EvalMetric):
    """A metric by a function of label and prediction that returns a number, or (sum, count)."""

    def __init__(
        self, feval: Callable[[Array, Array], Any], name: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(name or getattr(feval, "__name__", "custom").strip("<>"), **kwargs)
        self._feval = feval

    def measure(self, label: Array, pred: Array) -> tuple[float, int]:
        """Return the value for one batch."""
        found = self._feval(label, pred)
        return found if isinstance(found, tuple) else (float(found), 1)


def np_metric(
    numpy_feval: Callable[[Array, Array], Any], name: str | None = None, **kwargs: Any
) -> CustomMetric:
    """Make a metric of a function of NumPy arrays: MXNet's `metric.np`."""
    return CustomMetric(numpy_feval, name, **kwargs)
