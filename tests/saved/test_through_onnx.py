"""Models that onnxruntime runs: the same numbers, one session for all batches, and an honest no."""

import sys

import numpy as np
import pytest

import minisym as ms
from minisym import sym
from minisym.saved import through_onnx

pytest.importorskip("onnxruntime", reason="pip install 'minisym[onnx]'")

F4 = np.float32
RNG = np.random.default_rng(23)
IMAGES = RNG.normal(size=(3, 2, 8, 9)).astype(F4)


def network() -> ms.Symbol:
    x = sym.Convolution(sym.Variable("data"), kernel=(3, 3), num_filter=4, name="conv")
    x = sym.BatchNorm(x, fix_gamma=False, name="bn")
    x = sym.Pooling(x, global_pool=True, pool_type="avg", kernel=(1, 1), name="pool")
    x = sym.FullyConnected(x, num_hidden=3, name="fc")
    return sym.SoftmaxOutput(x, name="softmax")


def model(engine: str = "onnxruntime") -> ms.Model:
    net = network()
    shapes, _, states = net.infer_shape(data=(1, 2, 8, 9))
    rng = np.random.default_rng(1)
    arguments = {
        name: rng.uniform(-1, 1, shape).astype(F4)
        for name, shape in zip(net.list_arguments(), shapes, strict=True)
        if name not in ("data", "softmax_label")
    }
    names = net.list_auxiliary_states()
    means = {n: np.abs(rng.normal(size=s)).astype(F4) for n, s in zip(names, states, strict=True)}
    return ms.Model(net, arguments, means, engine=engine)


def test_the_numbers_are_the_same():
    np.testing.assert_allclose(model()(IMAGES), model("numpy")(IMAGES), rtol=1e-4, atol=1e-6)


def test_batches_of_all_sizes_share_a_session(monkeypatch):
    made, convert = [], through_onnx.convert
    monkeypatch.setattr(through_onnx, "convert", lambda *a, **k: made.append(1) or convert(*a, **k))
    both, ours = model(), model("numpy")
    for rows in (3, 1, 2):
        np.testing.assert_allclose(both(IMAGES[:rows]), ours(IMAGES[:rows]), rtol=1e-4, atol=1e-6)
    assert len(made) == 1
    both(IMAGES[:, :, :5])
    assert len(made) == 2
    np.testing.assert_allclose(both.predict(IMAGES, 2), ours(IMAGES), rtol=1e-4, atol=1e-6)


DATA = IMAGES[:, 0, 0]


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        (lambda x: sym.slice_axis(x, axis=0, begin=1, end=3), DATA[1:3]),
        (lambda x: sym.dot(sym.Variable("w"), x), np.ones((2, 3), F4) @ DATA),
        (lambda x: sym.Reshape(x, shape=(3, 9, 1)), DATA[..., None]),
        (lambda x: sym.SliceChannel(x, num_outputs=3, axis=0)[2], DATA[2:]),
    ],
)
def test_a_graph_that_names_its_batch(make, wanted):
    one = ms.Model(make(sym.Variable("data")), {"w": np.ones((2, 3), F4)}, engine="onnxruntime")
    for _ in range(2):
        np.testing.assert_allclose(one(DATA), wanted, rtol=1e-4, atol=1e-5)
        for engine in ("onnxruntime", "numpy"):  # one engine refuses what the other does
            with pytest.raises(ms.ShapeError):
                one.on(engine)(DATA[:1])
            with pytest.raises(ms.ShapeError):
                one(DATA[:1])


def test_models_made_of_it_run_in_the_same_way():
    assert model().features("pool").engine == "onnxruntime"
    assert model().rename({"data": "image"}).engine == "onnxruntime"
    np.testing.assert_allclose(
        model().features("bn")(IMAGES), model("numpy").features("bn")(IMAGES), atol=1e-5
    )
    assert model().on("numpy").engine == "numpy"


def test_half_precision():
    found, wanted = model().half()(IMAGES), model("numpy").half()(IMAGES)
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, wanted, atol=5e-3)


def test_large_models_are_handed_over_by_a_file(monkeypatch):
    monkeypatch.setattr(through_onnx, "_LARGEST", 0)
    np.testing.assert_allclose(model()(IMAGES), model("numpy")(IMAGES), rtol=1e-4, atol=1e-6)


def test_another_answer_is_an_error(monkeypatch):
    def other(symbol, params, *args, **kwargs):
        return convert(symbol, {**params, "fc_bias": np.array([1, 5, 1], F4)}, *args, **kwargs)

    convert = through_onnx.convert
    monkeypatch.setattr(through_onnx, "convert", other)
    with pytest.raises(ms.ExecutionError, match="NumPy differ in softmax_output by"):
        model()(IMAGES)


def test_an_op_that_onnx_cannot_say():
    net = sym.contrib.MultiBoxTarget(sym.Variable("a"), sym.Variable("l"), sym.Variable("p"))
    one = ms.Model(net[0], engine="onnxruntime")
    anchors, label, scores = (
        np.zeros((1, 4, 4), F4),
        np.zeros((1, 1, 5), F4),
        np.zeros((1, 2, 4), F4),
    )
    with pytest.raises(ms.errors.ExportError, match="no ONNX form"):
        one(anchors, label, scores)


def test_what_is_no_engine():
    with pytest.raises(ms.ParamError, match="engine is numpy or onnxruntime, but got 'tensorrt'"):
        model("tensorrt")


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ms.ParamError, match="needs the package onnxruntime") as error:
        model()(IMAGES)
    assert error.value.hint == "pip install 'minisym[onnx]'"


def test_what_does_not_fit_is_said_by_minisym():
    with pytest.raises(ms.MinisymError, match=r"conv|data"):
        model()(IMAGES[:, :1])
