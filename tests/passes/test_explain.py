"""`explain_shapes`: why a shape is unknown, and what would settle it."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minisym as ms
from minisym import sym


@pytest.fixture
def mlp():
    net = sym.FullyConnected(sym.Variable("data"), num_hidden=10, name="fc1")
    net = sym.FullyConnected(sym.relu(net), num_hidden=3, name="fc2")
    return sym.SoftmaxOutput(net, name="softmax")


def reasons(found):
    return {one.name: one.settled_by for one in found}


def test_data_settle_a_net(mlp):
    found = ms.explain_shapes(mlp)
    assert set(reasons(found)) == {*mlp.list_arguments(), *mlp.list_outputs()}
    assert set(reasons(found).values()) == {("data",)}
    assert found.needed == ("data",)
    assert found["fc1_weight"].why == "follows from data: FullyConnected 'fc1' takes it as weight"


def test_nothing_is_unknown(mlp):
    found = ms.explain_shapes(mlp, data=(4, 5))
    assert not found
    assert repr(found) == "every shape is known"


def test_what_was_given_counts(mlp):
    found = ms.explain_shapes(mlp, fc1_weight=(10, 7))
    assert found.needed == ("data",)
    found = ms.explain_shapes(mlp, data=(0, 7))
    assert found["data"].shape == (None, 7)
    assert found["data"].why.startswith("nothing decides axis 0:")
    assert found.needed == ("data",)


def test_several_are_needed_together():
    a, b, c = map(sym.Variable, "abc")
    net = sym.FullyConnected(sym.Concat(a, b, dim=1), num_hidden=2, name="fc")
    found = ms.explain_shapes(sym.Group([net, c]))
    assert reasons(found) == {
        "a": ("a",),
        "b": ("b",),
        "fc_weight": ("a", "b"),
        "fc_bias": ("a",),
        "c": ("c",),
        "fc_output": ("a",),
    }
    assert found["c"].why == "nothing decides it: it is an output itself"


def test_a_variable_with_several_readers():
    w = sym.Variable("w")
    found = ms.explain_shapes(w * w + sym.tanh(w))
    assert found["w"].why.endswith("elemwise_mul '_mul0' takes it as lhs, and 1 other take it, too")


def test_a_source_without_a_shape():
    found = ms.explain_shapes(sym.zeros((0, 2), name="z"))
    assert reasons(found) == {"z_output": ()}
    assert found[0].why == "nothing decides axis 0: _zeros 'z' makes it"


def test_a_convolution_wants_four_axes():
    net = sym.Convolution(sym.Variable("data"), kernel=(3, 3), num_filter=8, name="conv")
    net = sym.Pooling(net, kernel=(2, 2), stride=(2, 2), pool_type="max")
    found = ms.explain_shapes(sym.FullyConnected(net, num_hidden=2, name="fc"))
    assert found.needed == ("data",)
    assert found["fc_weight"].settled_by == ("data",)


def test_states_are_explained():
    found = ms.explain_shapes(sym.BatchNorm(sym.Variable("x"), name="bn"))
    assert reasons(found)["bn_moving_mean"] == ("x",)


def test_text():
    net = sym.Variable("a") + sym.Variable("b")
    assert repr(ms.explain_shapes(net, a=(0, 3))) == (
        "3 shapes are unknown\n"
        "\n"
        "    a              (?, 3)  nothing decides axis 0: elemwise_add '_plus0' takes it as lhs\n"
        "    b              (?, 3)  follows from a: elemwise_add '_plus0' takes it as rhs\n"
        "    _plus0_output  (?, 3)  follows from a: elemwise_add '_plus0' makes it\n"
        "\n"
        "  hint: give a"
    )


@pytest.mark.parametrize(
    ("known", "error"),
    [
        ({"nothing": (2,)}, "there is no argument 'nothing'"),
        ({"data": [2, 3]}, "the shape of data must be a tuple"),
        ({"data": (4, 5), "fc1_weight": (10, 6)}, r"weight has shape \(10, 6\)"),
    ],
)
def test_errors_are_those_of_infer_shape(mlp, known, error):
    with pytest.raises(ms.MXNetError, match=error):
        ms.explain_shapes(mlp, **known)


@st.composite
def nets(draw):
    """Return a net of layers over a few inputs."""
    values = [sym.Variable(f"v{i}") for i in range(draw(st.integers(1, 3)))]
    layers = [
        lambda a, b: a + b,
        lambda a, b: sym.Concat(a, b, dim=1),
        lambda a, _: sym.FullyConnected(a, num_hidden=4),
        sym.dot,
        lambda a, _: sym.Flatten(a),
        lambda a, _: sym.transpose(a),
    ]
    for _ in range(draw(st.integers(1, 5))):
        a, b = draw(st.sampled_from(values)), draw(st.sampled_from(values))
        values.append(draw(st.sampled_from(layers))(a, b))
    return sym.Group(values)


@settings(max_examples=40, deadline=None)
@given(net=nets())
def test_it_is_empty_exactly_when_all_is_known(net):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = net.infer_shape()[0] is not None
    found = ms.explain_shapes(net)
    assert bool(found) == (not known)
    assert all(one.settled_by for one in found if one.name in net.list_arguments())
