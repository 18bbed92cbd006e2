"""Metrics: how good predictions are, added up over batches, with MXNet's names.

>>> import numpy as np
>>> metric = create(["acc", "ce"])
>>> metric.update([np.array([1, 0])], [np.array([[0.25, 0.75], [0.5, 0.5]])])
>>> metric.update([np.array([1])], [np.array([[0.5, 0.5]])])
>>> [(name, round(value, 3)) for name, value in metric.get_name_value()]
[('accuracy', 0.667), ('cross-entropy', 0.558)]
"""

from minisym.metric.base import (
    CompositeEvalMetric,
    CustomMetric,
    EvalMetric,
    check_label_shapes,
    create,
    np_metric,
    register,
)
from minisym.metric.classes import (
    F1,
    MCC,
    PCC,
    Accuracy,
    CrossEntropy,
    NegativeLogLikelihood,
    Perplexity,
    TopKAccuracy,
)
from minisym.metric.numbers import MAE, MSE, RMSE, Loss, PearsonCorrelation

np = np_metric

__all__ = [
    "F1",
    "MAE",
    "MCC",
    "MSE",
    "PCC",
    "RMSE",
    "Accuracy",
    "CompositeEvalMetric",
    "CrossEntropy",
    "CustomMetric",
    "EvalMetric",
    "Loss",
    "NegativeLogLikelihood",
    "PearsonCorrelation",
    "Perplexity",
    "TopKAccuracy",
    "check_label_shapes",
    "create",
    "np",
    "np_metric",
    "register",
]
