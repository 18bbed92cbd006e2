"""What all metrics share: sums over batches, names, several as one, functions as metrics."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from minisym.core.errors import ParamError, ShapeError, did_you_mean
from minisym.core.ndarray import Array

_registry: Final[dict[str, type[EvalMetric]]] = {}


class EvalMetric:
    """A mean over all that was seen since the last `reset`.

    Parameters
    ----------
    name
        Its name in tables.
    output_names, label_names
        Which outputs and labels `update_dict` takes; all without.
    has_global_stats
        Whether `reset_local` keeps for `get_global` what was seen before. If it is not given, a
        class that says `measure` does; one with an `update` of its own does not, as in MXNet.
    **kwargs
        Kept for `get_config`.
    """

    def __init__(
        self,
        name: str,
        output_names: Sequence[str] | None = None,
        label_names: Sequence[str] | None = None,
        has_global_stats: bool | None = None,
        **kwargs: Any,
    ) -> None:
        self.name = str(name)
        self.output_names, self.label_names = output_names, label_names
        if has_global_stats is None:
            has_global_stats = type(self).update is EvalMetric.update
        self._has_global_stats, self._kwargs = has_global_stats, kwargs
        self.reset()

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
        labels, preds = listed_of(labels), listed_of(preds)
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
        # metrics of old scripts add to these, too
        self.global_sum_metric, self.global_num_inst = 0.0, 0
        self._before: list[float] = []

    def reset_local(self) -> None:
        """Start `get` over; `get_global` goes on.

        >>> metric = create("mse")
        >>> metric.update(np.zeros(1), np.ones(1))
        >>> metric.reset_local()
        >>> metric.update(np.zeros(1), np.zeros(1))
        >>> metric.get(), metric.get_global()
        (('mse', 0.0), ('mse', 0.5))
        """
        before = self._all_together() if self._has_global_stats else []
        self.reset()
        self._before = before

    def _all_together(self) -> list[float]:
        """Return the state with what was added up before the last `reset_local`."""
        return self._together(self._before, self.state()) if self._before else self.state()

    def _together(self, before: Sequence[float], now: Sequence[float]) -> list[float]:
        """Return the state of two parts together."""
        return [a + b for a, b in zip(before, now, strict=True)]

    def get_global(self) -> tuple[Any, Any]:
        """Return name and value of all since the last `reset`."""
        if not self._has_global_stats:
            return self.get()
        now = self.state()
        self.restore(self._all_together())
        found = self.get()
        self.restore(now)
        return found

    def get_global_name_value(self) -> list[tuple[str, float]]:
        """Return pairs of name and value of all since the last `reset`."""
        names, values = self.get_global()
        return list(zip(listed_of(names), listed_of(values), strict=True))

    def get_config(self) -> dict[str, Any]:
        """Return what the metric was made of."""
        names = {"output_names": self.output_names, "label_names": self.label_names}
        return {**self._kwargs, "metric": type(self).__name__, "name": self.name, **names}

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
        return list(zip(listed_of(names), listed_of(values), strict=True))

    def __str__(self) -> str:
        """Show names and values."""
        return f"EvalMetric: {dict(self.get_name_value())}"


def listed_of(value: Any) -> list[Any]:
    """Return a list or tuple as a list, anything else as a list of one."""
    return list(value) if isinstance(value, list | tuple) else [value]


def register(*names: str) -> Callable[[type[EvalMetric]], type[EvalMetric]]:
    """Enter a metric's class under its name in lower case, and under others."""

    def enter(klass: type[EvalMetric]) -> type[EvalMetric]:
        for name in (klass.__name__, *names):
            _registry[name.lower()] = klass
        return klass

    return enter


def create(metric: Any, *args: Any, **kwargs: Any) -> EvalMetric:
    """Return a metric by its name or class, of a function `(label, pred)`, or of a list of such.

    Raises
    ------
    ParamError
        There is no metric of this name.

    Examples
    --------
    >>> import minisym as ms
    >>> ms.metric.create("acc").name, ms.metric.create(["mae", "mse"]).get()[0]
    ('accuracy', ['mae', 'mse'])
    """
    if isinstance(metric, EvalMetric):
        return metric
    if isinstance(metric, type) and issubclass(metric, EvalMetric):
        return metric(*args, **kwargs)
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
    """Several metrics as one.

    >>> import numpy as np
    >>> import minisym as ms
    >>> metric = ms.metric.CompositeEvalMetric(["mae", "mse"])
    >>> metric.update(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    >>> metric.get()
    (['mae', 'mse'], [1.0, 2.0])
    """

    def __init__(
        self, metrics: Sequence[Any] | None = None, name: str = "composite", **kwargs: Any
    ) -> None:
        self.metrics = [create(metric) for metric in metrics or ()]
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

    def reset_local(self) -> None:
        """Start `get` of each metric over."""
        for metric in self.metrics:
            metric.reset_local()

    def get_global(self) -> tuple[list[str], list[float]]:
        """Return names and values of all since the last `reset`."""
        pairs = [pair for metric in self.metrics for pair in metric.get_global_name_value()]
        return [name for name, _ in pairs], [value for _, value in pairs]

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


class CustomMetric(EvalMetric):
    """A metric by a function of label and prediction that returns a number, or (sum, count).

    With `allow_extra_outputs` there may be more of the one than of the other: the first are taken.

    >>> import numpy as np
    >>> import minisym as ms
    >>> metric = ms.metric.CustomMetric(lambda label, pred: abs(label - pred).max(), name="worst")
    >>> metric.update(np.array([1.0, 2.0]), np.array([1.5, 4.0]))
    >>> metric.get()
    ('worst', 2.0)
    """

    def __init__(
        self,
        feval: Callable[[Array, Array], Any],
        name: str | None = None,
        allow_extra_outputs: bool = False,
        **kwargs: Any,
    ) -> None:
        if name is None:
            name = str(getattr(feval, "__name__", type(feval).__name__))
            name = f"custom({name})" if "<" in name else name
        super().__init__(name, has_global_stats=True, **kwargs)
        self._feval, self._allow_extra_outputs = feval, allow_extra_outputs

    def update(self, labels: Any, preds: Any) -> None:
        """Add batches."""
        labels, preds = listed_of(labels), listed_of(preds)
        if self._allow_extra_outputs:
            both = min(len(labels), len(preds))
            labels, preds = labels[:both], preds[:both]
        super().update(labels, preds)

    def measure(self, label: Array, pred: Array) -> tuple[float, int]:
        """Return the value for one batch."""
        found = self._feval(label, pred)
        return found if isinstance(found, tuple) else (float(found), 1)


def np_metric(
    numpy_feval: Callable[[Array, Array], Any],
    name: str | None = None,
    allow_extra_outputs: bool = False,
    **kwargs: Any,
) -> CustomMetric:
    """Make a metric of a function of NumPy arrays: MXNet's `metric.np`."""
    name = name or getattr(numpy_feval, "__name__", None)
    return CustomMetric(numpy_feval, name, allow_extra_outputs, **kwargs)


def check_label_shapes(
    labels: Any, preds: Any, wrap: bool = False, shape: bool = False
) -> tuple[Any, Any]:
    """Refuse labels that are more or less than the predictions; return both.

    Parameters
    ----------
    wrap
        Whether a single array comes back as a list of one.
    shape
        Whether shapes are compared, not lengths.

    Raises
    ------
    ShapeError
        They do not fit (it is a ValueError, too).

    Examples
    --------
    >>> check_label_shapes([1, 2], [3, 4])
    ([1, 2], [3, 4])
    """
    ours, theirs = (labels.shape, preds.shape) if shape else (len(labels), len(preds))
    if ours != theirs:
        raise ShapeError(
            f"shape of labels {ours} does not match shape of predictions {theirs}",
        )
    return (listed_of(labels), listed_of(preds)) if wrap else (labels, preds)


def same_length(name: str, label: Array, pred: Array) -> None:
    """Refuse labels that are more or less than the predictions."""
    if len(label) != len(pred):
        message = f"{name}: {len(label)} labels were given for {len(pred)} predictions"
        raise ShapeError(message)
