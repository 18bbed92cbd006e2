"""Loops and choices: Scan, Loop and If of ONNX."""

import numpy as np
import pytest
from onnx_running import run_there

import minisym as ms
from minisym import sym

pytest.importorskip("onnx")


def compare(net: ms.Symbol, arrays: dict[str, np.ndarray], example: dict[str, tuple[int, ...]]):
    model = ms.onnx.convert(net, {}, example)
    wanted = net.eval(**arrays)
    for found, expected in zip(run_there(model, arrays), wanted, strict=True):
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    return [node.op_type for node in model.graph.node]


def test_foreach_is_a_scan(rng):
    x, start, w = (sym.Variable(n) for n in ("x", "start", "w"))

    def step(element, state):
        new = sym.tanh(sym.broadcast_add(sym.dot(element, w), state))
        return [new * 2, sym.sum(new, axis=1)], new

    outputs, last = sym.contrib.foreach(step, x, start)
    net = sym.Group([*outputs, last])
    arrays = {
        "x": rng.random((6, 5, 3), np.float32),
        "start": rng.random((5, 4), np.float32),
        "w": rng.random((3, 4), np.float32),
    }
    example = {"x": (6, 2, 3), "start": (2, 4)}
    batch = {"x": 1, "start": 0}
    model = ms.onnx.convert(net, {"w": arrays["w"]}, example, dynamic_batch=batch)
    assert [n.op_type for n in model.graph.node].count("Scan") == 1
    for found, expected in zip(run_there(model, arrays), net.eval(**arrays), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_elements_of_a_vector_have_an_axis(rng):
    x, start = sym.Variable("x"), sym.Variable("start")
    sums, last = sym.contrib.foreach(lambda e, s: (e + s, e + s), x, start)
    arrays = {"x": rng.random(5, np.float32), "start": np.ones(1, np.float32)}
    net = sym.Group([sums, last])
    model = ms.onnx.convert(net, {}, {"x": (5,), "start": (1,)}, dynamic_batch={"x": 0})
    for found, expected in zip(run_there(model, arrays), net.eval(**arrays), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_while_is_a_loop(rng):
    n, x = sym.Variable("n"), sym.Variable("x")
    outputs, states = sym.contrib.while_loop(
        lambda n, x: n < 3,
        lambda n, x: ([sym.broadcast_mul(x, n)], [n + 1, x + 1]),
        [n, x],
        max_iterations=5,
    )
    net = sym.Group([*outputs, *states])
    for begin in (0.0, 1.0, 7.0):
        arrays = {"n": np.array([begin], np.float32), "x": rng.random((2, 3), np.float32)}
        model = ms.onnx.convert(net, {}, {"n": (1,), "x": (2, 3)}, dynamic_batch=False)
        assert "Loop" in [node.op_type for node in model.graph.node]
        for found, expected in zip(run_there(model, arrays), net.eval(**arrays), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_cond_is_an_if(rng):
    x, y = sym.Variable("x"), sym.Variable("y")
    net = sym.contrib.cond(sym.sum(x) > sym.sum(y), lambda: [x * 2, y], lambda: [y - x, x])
    net = sym.Group(list(net))
    a, b = rng.random((2, 3), np.float32), rng.random((2, 3), np.float32)
    for x_, y_ in ((a, a - 1), (a - 1, b)):
        assert "If" in compare(net, {"x": x_, "y": y_}, {"x": (4, 3), "y": (4, 3)})


def test_a_loop_in_a_loop(rng):
    x, start = sym.Variable("x"), sym.Variable("start")

    def outer(row, state):
        inner, _ = sym.contrib.foreach(lambda e, s: (e * s, e + s), row, state)
        total = sym.sum(inner, axis=0)
        return total, total

    net = sym.contrib.foreach(outer, x, start)[0]
    arrays = {"x": rng.random((3, 2, 4), np.float32), "start": rng.random(4, np.float32)}
    model = ms.onnx.convert(net, {}, {"x": (3, 2, 4), "start": (4,)}, dynamic_batch=False)
    np.testing.assert_allclose(run_there(model, arrays)[0], net.eval(**arrays)[0], rtol=1e-5)


def test_what_cannot_be_said_inside_is_told():
    def step(element, state):
        return sym.gammaln(element, name="inside"), state + element

    net = sym.contrib.foreach(step, sym.Variable("x"), sym.Variable("s"))[0]
    with pytest.raises(ms.ExportError) as caught:
        ms.onnx.convert(net, {}, {"x": (2, 3), "s": (3,)}, dynamic_batch=False)
    assert [(n, o) for n, o, _ in caught.value.problems] == [("inside", "gammaln")]
