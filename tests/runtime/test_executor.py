"""What executors do beyond MXNet's: monitors and inner values under memory reuse, told errors."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minisym as ms
from minisym import sym


@pytest.fixture
def chain():
    """Make a net whose inner values overwrite each other."""
    x = sym.Variable("x")
    for i in range(6):
        x = sym.tanh(x * 1.5, name=f"t{i}")
    return x


def truth(net, **arrays):
    """Return all inner values, each in memory of its own because each is an output."""
    internals = net.get_internals()
    return dict(zip(internals.list_outputs(), internals.eval(**arrays), strict=True))


@st.composite
def nets(draw):
    """Return a random net of elementwise ops with several heads."""
    values = [sym.Variable("x"), sym.Variable("y")]
    ops = [
        lambda a, b: a + b,
        lambda a, b: a * b,
        lambda a, _: sym.tanh(a),
        lambda a, _: a * 0.5,
        lambda a, _: sym.reshape(a, shape=(-1,)),
        lambda a, _: sym.split(sym.concat(a, a, dim=0), num_outputs=2, axis=0)[1],
    ]
    for _ in range(draw(st.integers(1, 12))):
        a, b = draw(st.sampled_from(values)), draw(st.sampled_from(values))
        values.append(draw(st.sampled_from(ops))(a, b))
    heads = draw(st.lists(st.sampled_from(values), min_size=1, max_size=3))
    return sym.Group(heads)


def arrays_of(net):
    return {n: np.linspace(-1, 1, 4) + len(n) + (n == "y") for n in net.list_arguments()}


class TestMonitor:
    @settings(max_examples=60, deadline=None)
    @given(net=nets())
    def test_sees_what_each_node_computes(self, net):
        arrays = arrays_of(net)
        seen = {}
        executor = net.bind(args=arrays)
        executor.set_monitor_callback(lambda name, array: seen.update({name: array.copy()}), True)
        executor.forward()
        expected = truth(net, **arrays)
        for name in expected.keys() & seen.keys():
            np.testing.assert_array_equal(seen[name], expected[name])
        computed = {e.name for node in net.graph if node.op for e in node.entries()}
        assert computed <= seen.keys()

    def test_inputs_are_shown_before_they_are_overwritten(self, chain):
        arrays = {"x": np.array([0.5, -0.5])}
        seen = {}
        executor = chain.bind(args=arrays)
        executor.set_monitor_callback(lambda name, array: seen.update({name: array.copy()}), True)
        executor.forward()
        expected = truth(chain, **arrays)
        for i in range(6):
            np.testing.assert_array_equal(seen[f"t{i}_data"], expected[f"_mulscalar{i}_output"])

    def test_shows_an_update_behind_its_write(self):
        weight = np.array([1.0, 2.0])
        step = sym.signsgd_update(sym.Variable("w"), sym.Variable("g"), lr=0.5, name="step")
        seen = []
        executor = step.bind(args={"w": weight, "g": np.array([1.0, -1.0])})
        executor.set_monitor_callback(lambda name, array: seen.append((name, array.tolist())))
        executor.forward()
        assert seen == [("step_output", [0.5, 2.5])]
        assert weight.tolist() == [0.5, 2.5]

    def test_one_that_raises_changes_nothing(self):
        weight = np.array([1.0])
        w, g = sym.Variable("w"), sym.Variable("g")
        step = sym.signsgd_update(w, g * 2, lr=0.5, name="step")
        executor = step.bind(args={"w": weight, "g": np.array([1.0])})

        def refuse(name, array):
            raise KeyError(name, array)

        executor.set_monitor_callback(refuse)
        with pytest.raises(KeyError, match="_mulscalar0_output"):
            executor.forward(g=np.array([5.0]))
        assert weight.tolist() == [1.0]
        assert executor.arg_dict["g"].tolist() == [1.0]
        executor.set_monitor_callback(None)
        executor.forward()
        assert weight.tolist() == [0.5]

    def test_sees_the_gradient_too(self, chain):
        seen = []
        executor = chain.simple_bind(x=(2,))
        executor.set_monitor_callback(lambda name, _: seen.append(name))
        executor.forward(is_train=True)
        forward = len(seen)
        executor.backward(np.ones(2, np.float32))
        assert forward == 12
        assert all("_backward_" in name for name in seen[forward:])


class TestInternals:
    @settings(max_examples=60, deadline=None)
    @given(net=nets())
    def test_are_the_values_of_the_run(self, net):
        arrays = arrays_of(net)
        executor = net.bind(args=arrays)
        inner = executor.internals
        executor.forward()
        expected = truth(net, **arrays)
        for name, value in expected.items():
            np.testing.assert_array_equal(inner[name], value)

    def test_keep_from_the_next_run_on(self, chain):
        executor = chain.bind(args={"x": np.array([0.5])})
        output = executor.forward()[0]
        before = output.copy()
        inner = executor.internals
        with pytest.raises(ms.ExecutionError, match="t0_output is gone: _mulscalar1_output used"):
            inner["t0_output"]
        assert inner["t5_output"] == before
        assert executor.forward()[0] is output
        assert inner["t0_output"] == np.tanh(0.75)
        assert output == before

    def test_with_gradients(self, chain):
        x, grad = np.array([0.5]), np.zeros(1)
        executor = chain.bind(args={"x": x}, args_grad={"x": grad})
        executor.forward(is_train=True)
        executor.backward(np.ones(1))
        expected = grad.copy()
        inner = executor.internals
        executor.forward(is_train=True)
        grad[:] = 0
        executor.backward(np.ones(1))
        assert grad == expected
        assert inner["t0_output"] == np.tanh(0.75)

    def test_know_their_names(self, chain):
        inner = chain.simple_bind(x=(2,)).internals
        assert list(inner) == chain.get_internals().list_outputs()
        assert len(inner) == 13
        assert "t0_output" in inner
        assert "t9_output" not in inner
        with pytest.raises(KeyError, match="there is no inner output 't0'"):
            inner["t0"]
        with pytest.raises(ms.ExecutionError, match="t0_output has no value yet"):
            inner["t0_output"]
        assert inner["x"].tolist() == [0, 0]

    def test_refuse_a_name_that_two_have(self):
        x = sym.Variable("x")
        both = sym.Group([sym.tanh(x, name="t"), sym.sin(x, name="t")])
        with pytest.raises(ms.ComposeError, match="2 inner outputs are named 't_output'"):
            both.simple_bind(x=(1,)).internals["t_output"]

    def test_updates_are_no_part_of_keeping(self):
        weight = np.array([1.0])
        w = sym.Variable("w")
        net = sym.Group([sym.signsgd_update(w, w * 2, lr=0.5, name="step"), w])
        executor = net.bind(args={"w": weight})
        executor.forward()
        inner = executor.internals
        executor.forward()
        assert weight.tolist() == [0.0]
        assert inner["_mulscalar0_output"].tolist() == [1.0]
        assert executor.outputs[1].tolist() == [0.5]


class TestBackward:
    @pytest.mark.parametrize("times", [1, 3])
    @pytest.mark.parametrize("requests", [*itertools.product(("write", "add", "null"), repeat=2)])
    @pytest.mark.parametrize("form", [dict, list])
    def test_every_request(self, requests, times, form):
        a, b = np.array([2.0, 3.0]), np.array([5.0, 7.0])
        grads = {"a": np.full(2, 10.0), "b": np.full(2, 10.0)}
        by_name = dict(zip("ab", requests, strict=True))
        net = sym.Variable("a") * sym.Variable("b")
        executor = net.bind(
            args={"a": a, "b": b}, args_grad=grads, grad_req=by_name if form is dict else requests
        )
        executor.forward(is_train=True)
        for _ in range(times):
            executor.backward(np.ones(2))
        for name, other in (("a", b), ("b", a)):
            expected = {"write": other, "add": 10 + times * other, "null": np.full(2, 10.0)}
            np.testing.assert_array_equal(grads[name], expected[by_name[name]])

    def test_again_without_a_forward_run(self, chain):
        grad = np.zeros(2)
        executor = chain.bind(args={"x": np.array([0.3, -0.4])}, args_grad={"x": grad})
        executor.forward(is_train=True)
        executor.backward(np.ones(2))
        once = grad.copy()
        executor.backward(np.ones(2) * 2)
        np.testing.assert_allclose(grad, 2 * once)

    def test_before_any_forward_run_updates_nothing(self):
        weight, grad = np.array([1.0]), np.zeros(1)
        w, x = sym.Variable("w"), sym.Variable("x")
        net = sym.Group([x * 3, sym.signsgd_update(w, sym.BlockGrad(x), lr=0.5)])
        executor = net.bind(args={"x": np.array([2.0]), "w": weight}, args_grad={"x": grad})
        executor.backward([np.ones(1), np.ones(1)])
        assert grad.tolist() == [3.0]
        assert weight.tolist() == [1.0]

    def test_the_error_knows_all_heads(self):
        x = sym.Variable("x")
        loss, blocked = sym.MakeLoss(x * x, name="loss"), sym.BlockGrad(x, name="b")
        heads = [sym.tanh(x, name="t"), loss, blocked]
        executor = sym.Group(heads).simple_bind(x=(2,))
        executor.forward(is_train=True)
        with pytest.raises(ms.GradientError) as caught:
            executor.backward()
        assert str(caught.value).splitlines()[:5] == [
            "backward: a head gradient is required for t_output of 3 outputs",
            "",
            "    t_output     (2,)  needs one                              <- missing",
            "    loss_output  (2,)  MakeLoss is a loss: needs none",
            "    b_output     (2,)  no gradient flows from it: needs none",
        ]

    def test_head_gradients_are_arrays(self, chain):
        executor = chain.simple_bind(x=(2,))
        for grads, text in (
            (5, "out_grads must be an array, or a list or dict of arrays, but got int"),
            ([[1, 1]], "the head gradient of t5_output must be a NumPy array, but got list"),
        ):
            with pytest.raises(TypeError, match=text):
                executor.backward(grads)


class TestBinding:
    def test_simple_bind_knows_arrays_from_shapes(self, chain):
        with pytest.raises(TypeError, match=r"x must be a shape, but got an array of shape \(2,\)"):
            chain.simple_bind(x=np.zeros(2))

    def test_type_dict_names_arguments(self, chain):
        with pytest.raises(RuntimeError, match="type_dict names 'y', which is no argument"):
            chain.simple_bind(type_dict={"y": "float64"}, x=(2,))

    def test_writes(self):
        w, x = sym.Variable("w"), sym.Variable("x")
        mom = sym.sgd_mom_update(w, x, lr=0.1, name="step")
        executor = mom.simple_bind(w=(2,), x=(2,))
        assert executor.writes == {"w": "step", "step_mom": "step"}

    def test_debug_str(self, chain):
        lines = chain.simple_bind(grad_req="null", x=(2,)).debug_str().splitlines()
        assert len(lines) == 15
        assert lines[0].split() == [
            *("forward", "_mul_scalar", "_mulscalar0_output", "(2,)", "float32", "block", "0"),
        ]
        assert re.fullmatch(r"Without sharing: [\d.e-]+ MB", lines[-3])
        assert re.fullmatch(r"Total [\d.e-]+ MB allocated", lines[-2])
        assert lines[-1] == "Total 0 TempSpace resource requested"

    def test_an_output_is_memory_of_its_own(self):
        x = np.zeros((2, 3))
        for net in (sym.reshape(sym.Variable("x"), shape=(-1,)), sym.identity(sym.Variable("x"))):
            output = net.bind(args={"x": x}).forward()[0]
            assert not np.shares_memory(output, x)
        assert np.shares_memory(sym.Variable("x").bind(args={"x": x}).forward()[0], x)


class TestReshape:
    def test_shares_what_fits(self):
        net = sym.FullyConnected(sym.Variable("data"), num_hidden=2, name="fc")
        old = net.simple_bind(data=(4, 3))
        new = old.reshape(data=(2, 3))
        for name in ("fc_weight", "fc_bias", "data"):
            assert np.shares_memory(new.arg_dict[name], old.arg_dict[name])
            assert np.shares_memory(new.grad_dict[name], old.grad_dict[name])
        assert np.shares_memory(new.outputs[0], old.outputs[0])
        larger = old.reshape(allow_up_sizing=True, data=(8, 3))
        assert not np.shares_memory(larger.arg_dict["data"], old.arg_dict["data"])
        assert np.shares_memory(larger.arg_dict["fc_weight"], old.arg_dict["fc_weight"])

    def test_what_is_not_named_keeps_its_shape(self):
        a, b = sym.Variable("a"), sym.Variable("b")
        new = sym.Group([a * 2, b * 2]).simple_bind(a=(4,), b=(3,)).reshape(a=(2,))
        assert [output.shape for output in new.outputs] == [(2,), (3,)]

    @pytest.mark.parametrize(
        ("options", "text"),
        [
            ({"data": (4, 2)}, r"'fc_weight' would change from \(2, 3\) to \(2, 2\)"),
            ({"data": (8, 3)}, r"'data' would grow from \(4, 3\) to \(8, 3\)"),
            ({"date": (4, 3)}, "there is no argument 'date'"),
            ({"data": 4}, "the shape of data must be a tuple, but got 4"),
        ],
    )
    def test_refuses(self, options, text):
        net = sym.FullyConnected(sym.Variable("data"), num_hidden=2, name="fc")
        with pytest.raises(ms.MXNetError, match=text):
            net.simple_bind(data=(4, 3)).reshape(**options)

    def test_refuses_a_view_that_cannot_be(self):
        net = sym.Variable("x") * 2
        executor = net.bind(args={"x": np.zeros((4, 6))[:, ::2]})
        with pytest.raises(ms.BindError, match="'x' is not contiguous"):
            executor.reshape(x=(2, 3))

    def test_training_goes_on(self):
        net = sym.FullyConnected(sym.Variable("data"), num_hidden=1, no_bias=True, name="fc")
        old = net.simple_bind(data=(2, 1), grad_req="add")
        old.arg_dict["fc_weight"][:] = 3
        new = old.reshape(data=(1, 1))
        assert new.forward(is_train=True, data=np.array([[5.0]]))[0].tolist() == [[15.0]]
        new.backward(np.ones((1, 1)))
        assert old.grad_dict["fc_weight"].tolist() == [[5.0]]
        assert old.forward()[0].tolist() == [[15.0], [0.0]]
