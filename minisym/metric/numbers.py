"""Metrics of numbers: differences, their squares, correlation, and the loss itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minisym.core.errors import ShapeError
from minisym.core.ndarray import Array
from minisym.metric.base import EvalMetric, listed_of, register


def _off(label: Array, pred: Array) -> Array:
    """Return label - prediction, vectors as columns."""
    columns = [a.reshape(-1, 1) if a.ndim == 1 else a for a in (label, pred)]
    try:
        difference: Array = np.subtract(*columns)
    except ValueError:
        message = f"labels of shape {label.shape} do not fit predictions of shape {pred.shape}"
        raise ShapeError(message) from None
    return difference


@register()
class MAE(EvalMetric):
    """The mean absolute difference, averaged over batches.

    >>> import numpy as np
    >>> import minisym as ms
    >>> metric = ms.metric.MAE()
    >>> metric.update(np.array([1.0, 2.0]), np.array([1.5, 4.0]))
    >>> metric.get()
    ('mae', 1.25)
    """

    def __init__(self, name: str = "mae", **kwargs: Any) -> None:
        super().__init__(name, **kwargs)

    def measure(self, label: Array, pred: Array) -> tuple[float, int]:
        """Return the value for one batch."""
        return float(np.abs(_off(label, pred)).mean()), 1


@register()
class MSE(EvalMetric):
    """The mean squared difference, averaged over batches.

    >>> import numpy as np
    >>> import minisym as ms
    >>> metric = ms.metric.MSE()
    >>> metric.update(np.array([1.0, 2.0]), np.array([1.5, 4.0]))
    >>> metric.get()
    ('mse', 2.125)
    """

    def __init__(self, name: str = "mse", **kwargs: Any) -> None:
        super().__init__(name, **kwargs)

    def measure(self, label: Array, pred: Array) -> tuple[float, int]:
        """Return the value for one batch."""
        return float(np.square(_off(label, pred)).mean()), 1


@register()
class RMSE(MSE):
    """The root of the mean squared difference of each batch, averaged over batches.

    >>> import numpy as np
    >>> import minisym as ms
    >>> metric = ms.metric.RMSE()
    >>> metric.update(np.array([1.0, 2.0]), np.array([4.0, 6.0]))
    >>> metric.get()
    ('rmse', 3.5355339059327378)
    """

    def __init__(self, name: str = "rmse", **kwargs: Any) -> None:
        super().__init__(name, **kwargs)

    def measure(self, label: Array, pred: Array) -> tuple[float, int]:
        """Return the value for one batch."""
        return math.sqrt(super().measure(label, pred)[0]), 1


@register("pearsonr")
class PearsonCorrelation(EvalMetric):
    """Pearson's correlation of labels and predictions.

    With `average="macro"` it is the mean over the batches, with "micro" that of all together.

    >>> import numpy as np
    >>> import minisym as ms
    >>> metric = ms.metric.PearsonCorrelation()
    >>> metric.update(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0]))
    >>> metric.get()
    ('pearsonr', 1.0)
    """

    def __init__(self, name: str = "pearsonr", average: str = "macro", **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.average = average
        self._moments = np.zeros(6)

    def measure(self, label: Array, pred: Array) -> tuple[float, int]:
        """Return the value for one batch."""
        if label.shape != pred.shape:
            message = f"labels of shape {label.shape} do not fit predictions of shape {pred.shape}"
            raise ShapeError(message)
        here = _moments_of(label.ravel().astype(float), pred.ravel().astype(float))
        self._moments = _joined(self._moments, here)
        return _correlation(here), 1

    def reset(self) -> None:
        """Start over."""
        super().reset()
        self._moments = np.zeros(6)

    def state(self) -> list[float]:
        """Return what was added up."""
        return [*super().state(), *self._moments.tolist()]

    def restore(self, state: Sequence[float]) -> None:
        """Go on from what `state` returned."""
        super().restore(state[:2])
        if state:
            self._moments = np.array(state[2:])

    def _together(self, before: Sequence[float], now: Sequence[float]) -> list[float]:
        """Return the state of two parts together."""
        moments = _joined(np.array(before[2:]), np.array(now[2:]))
        return [*super()._together(before[:2], now[:2]), *moments.tolist()]

    def get(self) -> tuple[Any, Any]:
        """Return name and value."""
        if self.average == "macro" or not self.num_inst:
            return super().get()
        return self.name, _correlation(self._moments)


def _moments_of(x: Array, y: Array) -> Array:
    """Return count, means, and summed products of the distances from them: xx, yy, xy."""
    if not x.size:
        return np.zeros(6)
    dx, dy = x - x.mean(), y - y.mean()
    return np.array([x.size, x.mean(), y.mean(), dx @ dx, dy @ dy, dx @ dy])


def _joined(a: Array, b: Array) -> Array:
    """Return the moments of two parts together: the means' distance adds to the products."""
    count = a[0] + b[0]
    if not count:
        return a
    dx, dy = b[1:3] - a[1:3]
    means = a[1:3] + np.array([dx, dy]) * b[0] / count
    products = a[3:] + b[3:] + np.array([dx * dx, dy * dy, dx * dy]) * a[0] * b[0] / count
    return np.array([count, *means, *products])


def _correlation(moments: Array) -> float:
    spread = math.sqrt(moments[3] * moments[4])
    return float(moments[5] / spread) if spread else math.nan


@register()
class Loss(EvalMetric):
    """The mean of the outputs themselves, for networks that end in a loss.

    >>> import numpy as np
    >>> import minisym as ms
    >>> metric = ms.metric.Loss()
    >>> metric.update(None, [np.array([1.0, 2.0, 6.0])])
    >>> metric.get()
    ('loss', 3.0)
    """

    def __init__(self, name: str = "loss", **kwargs: Any) -> None:
        super().__init__(name, has_global_stats=True, **kwargs)

    def update(self, labels: Any, preds: Any) -> None:
        """Add outputs; labels are ignored."""
        del labels
        for pred in map(np.asarray, listed_of(preds)):
            self.sum_metric += float(pred.sum())
            self.num_inst += pred.size
