"""MXNet's helpers for tests: comparisons, whole symbols, data that is not downloaded."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

import minisym as ms
from minisym import test_utils

NET = ms.sym.FullyConnected(ms.sym.Variable("data"), num_hidden=2, name="fc")


def test_tolerances_follow_the_less_exact_type():
    """MXNet's: 1e-2 and 1e-1 for float16, 1e-4 and 1e-3 for float32, 1e-5 and 1e-20 for float64."""
    ones = np.ones(2, np.float32)
    test_utils.assert_almost_equal(ones, ones + 1e-3)
    test_utils.assert_almost_equal(ones.astype("f2"), ones + 0.1)
    test_utils.assert_almost_equal(ones.astype("f8"), ones.astype("f8") + 9e-6)
    with pytest.raises(AssertionError, match="got and want differ"):
        test_utils.assert_almost_equal(ones, ones + 2e-3, names=("got", "want"))
    with pytest.raises(AssertionError):
        test_utils.assert_almost_equal(ones.astype("f8"), ones.astype("f8") + 2e-5)
    test_utils.assert_almost_equal_ignore_nan([1.0, np.nan], [1.0, 3.0])
    with pytest.raises(AssertionError, match="ValueError was not raised"):
        test_utils.assert_exception(int, ValueError, "1")


def test_check_consistency_finds_what_differs():
    types = [{"data": (3, 4), "type_dict": {"data": kind}} for kind in ("float64", "float32")]
    found = test_utils.check_consistency(NET, types)
    assert found["fc_output"].dtype == np.float64
    assert {"fc_output", "data", "fc_weight", "fc_bias"} == found.keys()
    other = ms.sym.FullyConnected(ms.sym.Variable("data") * 1.1, num_hidden=2, name="fc")
    with pytest.raises(AssertionError, match="fc_output of run 1"):
        test_utils.check_consistency([NET, other], [{"data": (3, 4)}] * 2)


def test_speed_of_a_symbol():
    assert test_utils.check_speed(NET, N=2, data=(3, 4)) > 0
    location = {"data": np.ones((3, 4)), "fc_weight": np.ones((2, 4)), "fc_bias": np.ones(2)}
    assert test_utils.check_speed(NET, location, N=2, typ="forward") > 0
    with pytest.raises(ms.ParamError, match="'whole' or 'forward'"):
        test_utils.check_speed(NET, N=2, typ="back", data=(3, 4))


def test_mnist_is_read_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ms.FormatError, match=r"downloads nothing(.|\n)*data/train-images"):
        test_utils.get_mnist()
    Path("data").mkdir()
    for name, rows in (("train", 4), ("t10k", 2)):
        head = struct.pack(">IIII", 2051, rows, 28, 28)
        Path("data", f"{name}-images-idx3-ubyte").write_bytes(head + b"\xff" * (rows * 784))
        labels = struct.pack(">II", 2049, rows) + bytes(range(rows))
        Path(f"{name}-labels-idx1-ubyte").write_bytes(labels)
    found = test_utils.get_mnist()
    assert found["train_data"].shape == (4, 1, 28, 28)
    assert found["test_data"].max() == 1
    assert found["test_label"].tolist() == [0, 1]
    train, val = test_utils.get_mnist_iterator(2, (784,))
    assert (next(train).data[0].shape, next(val).label[0].tolist()) == ((2, 784), [0, 1])
    assert test_utils.download("http://example.org/t10k-labels-idx1-ubyte") is not None
    with pytest.raises(ms.FormatError, match="more"):
        test_utils.download("http://example.org/more.zip", dirname="data")


class Softmax(ms.operator.NumpyOp):
    """MXNet's own example of an op in one class."""

    def __init__(self) -> None:
        super().__init__(need_top_grad=False)

    def list_arguments(self):
        return ["data", "label"]

    def infer_shape(self, in_shape):
        return [in_shape[0], (in_shape[0][0],)], [in_shape[0]]

    def forward(self, in_data, out_data):
        assert type(in_data[0]) is np.ndarray
        y = out_data[0]
        y[:] = np.exp(in_data[0] - in_data[0].max(axis=1, keepdims=True))
        y /= y.sum(axis=1, keepdims=True)

    def backward(self, out_grad, in_data, out_data, in_grad):
        assert not out_grad
        label = in_data[1].astype(int)
        in_grad[0][:] = out_data[0]
        in_grad[0][np.arange(label.size), label] -= 1.0


def test_an_op_in_one_class():
    net = Softmax()(data=ms.sym.Variable("data"), name="softmax")
    wanted = ms.sym.SoftmaxOutput(ms.sym.Variable("data"), name="softmax")
    assert net.list_arguments() == wanted.list_arguments()
    assert net.list_outputs() == wanted.list_outputs()
    x, label = np.arange(6, dtype="f4").reshape(2, 3), np.array([1, 2], "f4")
    results = []
    for symbol in (net, wanted):
        executor = symbol.simple_bind(data=(2, 3))
        executor.forward(is_train=True, data=x, softmax_label=label)
        executor.backward()
        results.append([executor.outputs[0].asnumpy(), executor.grad_dict["data"].asnumpy()])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
