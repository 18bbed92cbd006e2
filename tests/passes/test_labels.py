"""Labels: what outputs do not depend on, and what is left of a graph without it."""

import numpy as np
import pytest

import minisym as ms
from minisym import sym
from minisym.passes.labels import without_labels

WITH_LABELS = sorted({op.name for op in ms.op.registered().values() if op.labels})


def test_the_loss_heads_have_labels():
    assert {"SoftmaxOutput", "LinearRegressionOutput", "SVMOutput"} <= set(WITH_LABELS)


@pytest.mark.parametrize("name", WITH_LABELS)
def test_no_output_depends_on_a_label(name):
    op = ms.op.get(name)
    rng = np.random.default_rng(3)
    samples = [s for s in op.samples if s.raises is None]
    assert samples
    for sample in samples:
        shapes = [np.shape(x) if isinstance(x, np.ndarray) else x for x in sample.inputs]
        data = rng.normal(size=shapes[0])
        found = []
        for _ in range(2):
            label = rng.integers(0, 2, shapes[1]).astype(float)
            net = getattr(sym, name)(sym.Variable("x"), sym.Variable("y"), **sample.params)
            found.append(net.eval(x=data, y=label)[0].asnumpy())
        np.testing.assert_array_equal(*found)


def arguments(net: ms.Symbol) -> list[str]:
    return ms.Symbol(without_labels(net.graph).outputs).list_arguments()


def test_what_labels_are_made_of_goes():
    truth = sym.Reshape(sym.Variable("truth", shape=(7, 1)) * 2, shape=(-1,))
    net = sym.SoftmaxOutput(sym.Variable("x"), truth, name="softmax")
    assert arguments(net) == ["x", "softmax_label"]


def test_what_something_else_needs_stays():
    x, y = sym.Variable("x"), sym.Variable("softmax_label")
    net = sym.Group([sym.SoftmaxOutput(x, y, name="softmax"), y + 1])
    assert arguments(net) == ["x", "softmax_label_", "softmax_label"]


def test_a_graph_without_labels_stays_itself():
    net = sym.tanh(sym.Variable("x"))
    assert without_labels(net.graph) == net.graph
    assert without_labels(net.graph).outputs == net.entries
