"""MXNet's own function, under both of its names."""

import numpy as np
import pytest
from onnx_running import run_there

import minisym as mx

pytest.importorskip("onnx")


def test_both_homes_are_one():
    assert mx.contrib.onnx.export_model is mx.onnx.export_model
    with pytest.raises(AttributeError, match="has no attribute"):
        mx.onnx.import_to_gluon  # noqa: B018


def test_export_model_takes_files_and_pairs(rng, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data, label = mx.sym.Variable("data"), mx.sym.Variable("softmax_label")
    net = mx.sym.FullyConnected(data, num_hidden=2, name="fc")
    net = mx.sym.SoftmaxOutput(net, label, name="softmax")
    params = {"fc_weight": mx.nd.array(rng.random((2, 3))), "fc_bias": mx.nd.zeros(2)}
    mx.model.save_checkpoint("net", 1, net, params, {})
    path = mx.onnx.export_model("net-symbol.json", "net-0001.params", [(1, 3)], np.float32)
    again = mx.onnx.export_model(net, [params, {}], [(1, 3), (1,)], onnx_file_path="again.onnx")
    assert (tmp_path / path).read_bytes()[:64] == (tmp_path / again).read_bytes()[:64]
    x = rng.random((1, 3), np.float32)
    wanted = net.eval(data=x, softmax_label=np.zeros(1, "f"), **params)[0]
    np.testing.assert_allclose(run_there(tmp_path / path, {"data": x})[0], wanted, rtol=1e-5)


def test_shapes_may_vary(rng, tmp_path):
    path = tmp_path / "net.onnx"
    net = mx.sym.tanh(mx.sym.Variable("data"))
    dynamic = {"dynamic": True, "dynamic_input_shapes": [(None, 3)]}
    mx.onnx.export_model(net, {}, [(1, 3)], onnx_file_path=str(path), **dynamic)
    x = rng.random((4, 3), np.float32)
    np.testing.assert_allclose(run_there(path, {"data": x})[0], np.tanh(x), rtol=1e-5)
    with pytest.raises(mx.MXNetError, match="1 input, data, but 0 shapes"):
        mx.onnx.export_model(net, {})
