"""Metrics: MXNet 1.9.1's values, several as one, and what cannot be measured."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import optimizer_cases as cases
import pytest
from places import FIXTURES

import minisym as ms

FIXTURE = FIXTURES / "optimizers.npz"
RECORDED = np.load(FIXTURE, allow_pickle=False)  # by scripts/mxnet/record_optimizers.py


@pytest.mark.parametrize("key", cases.METRICS)
def test_metric(key: str):
    name, params, kind = cases.METRICS[key]
    metric, seen = ms.metric.create(name, **params), []
    for label, pred in cases.batches(kind):
        metric.update([label], [pred])
        seen.append(metric.get()[1])
    np.testing.assert_allclose(seen, RECORDED[f"metric/{key}"], rtol=1e-5)


def test_composite_and_custom_metrics():
    metric = ms.metric.create(["acc", lambda label, pred: float(label.sum())])
    label, pred = np.array([1, 0]), np.array([[0.1, 0.9], [0.2, 0.8]])
    metric.update([label], [pred])
    (name, value), (_, total) = metric.get_name_value()
    assert (name, value, total) == ("accuracy", 0.5, 1.0)
    state = metric.state()
    other = ms.metric.create(["acc", lambda label, pred: float(label.sum())])
    other.restore(state)
    assert other.get() == metric.get()
    metric.reset()
    assert math.isnan(metric.get()[1][0])
    metric = ms.metric.create("acc", output_names=["p"], label_names=["y"])
    metric.update_dict({"y": label, "z": label}, {"p": pred, "q": pred})
    assert metric.get() == ("accuracy", 0.5)
    assert str(metric) == "EvalMetric: {'accuracy': 0.5}"


def test_metrics_that_do_not_fit():
    with pytest.raises(ms.ParamError, match="no metric 'accurracy'"):
        ms.metric.create("accurracy")
    with pytest.raises(ms.ShapeError, match="2 labels were given for 1 predictions"):
        ms.metric.create("acc").update([np.ones(1)] * 2, [np.ones(1)])
    with pytest.raises(ms.ShapeError, match="3 labels were given for 2"):
        ms.metric.create("ce").update(np.ones(3), np.ones((2, 2)))
    with pytest.raises(ms.ParamError, match="at least 2"):
        ms.metric.TopKAccuracy(top_k=1)
    with pytest.raises(ms.ShapeError, match="two classes"):
        ms.metric.F1().update(np.array([0, 1, 2]), np.ones((3, 2)))
    with pytest.raises(ms.ShapeError, match="there are 2 classes, but a label is 2"):
        ms.metric.create("ce").update(np.array([0, 2]), np.ones((2, 2)))
    with pytest.raises(ms.ShapeError, match=r"labels of shape \(3,\) do not fit .* \(2, 2\)"):
        ms.metric.create("mae").update(np.ones(3), np.ones((2, 2)))
    with pytest.raises(ms.ShapeError, match=r"labels of shape \(3,\) do not fit .* \(2,\)"):
        ms.metric.create("pearsonr").update(np.ones(3), np.ones(2))
    with pytest.raises(ms.ParamError, match="average must be 'macro' or 'micro', but got 'mean'"):
        ms.metric.MCC(average="mean")


@pytest.mark.parametrize("key", cases.METRICS)
def test_a_metric_goes_on_from_its_state(key: str):
    """Through JSON, as in a checkpoint, and beside another metric."""
    name, params, kind = cases.METRICS[key]
    one, *others = cases.batches(kind)
    whole = ms.metric.create([ms.metric.create(name, **params), "mae"])
    again = ms.metric.create([ms.metric.create(name, **params), "mae"])
    whole.update([one[0]], [one[0]] if kind == "labels" else [one[1]])
    again.restore(json.loads(json.dumps(whole.state())))
    for label, pred in others:
        for metric in (whole, again):
            metric.metrics[0].update([label], [pred])
    assert again.get() == whole.get()
    again.reset()
    assert math.isnan(again.get()[1][0])


def test_a_class_is_a_metric_too():
    assert isinstance(ms.metric.create(ms.metric.RMSE), ms.metric.RMSE)
    assert ms.metric.np(lambda label, pred: 3.0, name="three").get()[0] == "three"


def test_correlations_of_batches_together_are_those_of_the_whole(rng: Any):
    """Micro averages are NumPy's correlation of everything, with any offset; empty parts add 0."""
    x = rng.normal(size=90) + 1e6
    y = 0.5 * x + rng.normal(size=90)
    metric = ms.metric.PearsonCorrelation(average="micro")
    for part in (slice(10), slice(10, 10), slice(10, 85), slice(85, 90)):
        metric.update(x[part], y[part])
    assert metric.get()[1] == pytest.approx(np.corrcoef(x, y)[0, 1], rel=1e-9)
    classes, guesses = rng.integers(2, size=(2, 50))
    pcc = ms.metric.PCC()
    pcc.update(classes, guesses)
    assert pcc.get()[1] == pytest.approx(np.corrcoef(classes, guesses)[0, 1])
