"""Models made of others: cut, with another head, renamed, in half precision; and what differs."""

import numpy as np
import pytest

import minisym as ms
from minisym import sym

F4, F2 = np.float32, np.float16
RNG = np.random.default_rng(5)
DATA = RNG.normal(size=(4, 3)).astype(F4)


def net() -> ms.Symbol:
    x = sym.FullyConnected(sym.Variable("data"), num_hidden=5, name="fc1")
    x = sym.BatchNorm(x, fix_gamma=False, name="bn")
    x = sym.Activation(x, act_type="relu", name="act")
    x = sym.FullyConnected(x, num_hidden=2, name="fc2")
    return sym.SoftmaxOutput(x, name="softmax")


def model(seed: int = 0) -> ms.Model:
    rng = np.random.default_rng(seed)
    names = [*net().list_arguments(), *net().list_auxiliary_states()]
    shapes, _, states = net().infer_shape(data=(1, 3))
    params = {
        name: rng.uniform(0.5, 1, shape).astype(F4)
        for name, shape in zip(names, [*shapes, *states], strict=True)
        if name not in ("data", "softmax_label")
    }
    return ms.Model(net(), params, source="a net")


def test_another_head():
    weight = RNG.normal(size=(7, 5)).astype(F4)
    made = model().with_head(
        "act",
        lambda x: sym.FullyConnected(x, num_hidden=7, no_bias=True, name="seven"),
        {"seven_weight": weight},
    )
    assert made.outputs == ["seven_output"]
    assert "fc2_weight" not in made.arg_params
    np.testing.assert_allclose(made(DATA), model().features("act")(DATA) @ weight.T, rtol=1e-5)


def test_a_head_without_arrays_is_missing_them():
    made = model().with_head("act", lambda x: sym.FullyConnected(x, num_hidden=7))
    assert made.outputs == ["fullyconnected0_output"]
    missing = made.check(data=(1, 3)).missing
    assert [(one.name, one.shape) for one in missing] == [
        ("fullyconnected0_weight", (7, 5)),
        ("fullyconnected0_bias", (7,)),
    ]
    with pytest.raises(ms.BindError, match="no arrays for fullyconnected0_weight"):
        made(DATA)


@pytest.mark.parametrize(
    ("layer", "make", "match"),
    [
        ("act", lambda x: 3, "must return a symbol"),
        ("act", lambda x: sym.Variable("y"), "does not read act_output"),
        ("nothing", lambda x: x, "no part 'nothing'"),
        ("act", lambda x: sym.tanh(x, name="fc1"), "different nodes named 'fc1'"),
    ],
)
def test_no_head(layer, make, match):
    with pytest.raises(ms.GraphError, match=match):
        model().with_head(layer, make)


def test_other_names():
    made = model().rename({"data": "image", "fc1_weight": "w", "softmax": "classes"})
    assert made.inputs == ["image"]
    assert made.outputs == ["classes_output"]
    assert "w" in made.arg_params
    np.testing.assert_array_equal(made(image=DATA), model()(DATA))


def test_names_of_a_file_that_differ():
    arrays = {f"net0_{name}": array for name, array in model().params.items()}
    foreign = ms.Model(net(), arrays)
    made = foreign.rename(foreign.check(data=(1, 3)).names)
    assert made.check().ok
    assert set(made.aux_params) == {"bn_moving_mean", "bn_moving_var"}
    np.testing.assert_array_equal(made(DATA), model()(DATA))


@pytest.mark.parametrize(
    ("names", "match"),
    [
        ({"fc": "x"}, "nothing named 'fc'"),
        ({"fc1_weight": "fc1_bias"}, "two arrays named 'fc1_bias'"),
        ({"act": "bn"}, "different nodes named 'bn'"),
        ({"act": 3}, "needs a name"),
    ],
)
def test_no_names(names, match):
    with pytest.raises(ms.GraphError, match=match):
        model().rename(names)


def test_half_precision_where_the_ops_allow_it():
    half = model().half()
    types = {name: array.dtype for name, array in half.params.items()}
    assert types["fc1_weight"] == types["fc2_bias"] == F2
    assert types["bn_gamma"] == types["bn_moving_var"] == F4  # as MXNet has it beside float16
    out = half(DATA)
    assert out.dtype == F2
    np.testing.assert_allclose(out, model()(DATA), atol=2e-3)
    assert half.check().ok


def test_half_of_a_table_leaves_indices_alone():
    words, weight = sym.Variable("words"), np.arange(10_000, dtype=F4).reshape(5000, 2) % 7
    half = ms.Model(sym.take(sym.Variable("table_weight"), words), {"table_weight": weight}).half()
    assert half.params["table_weight"].dtype == F2
    np.testing.assert_array_equal(half(np.array([4099])), weight[4099:4100])


def test_half_where_the_network_says_float32():
    x = sym.Cast(sym.Variable("x"), dtype="float32", name="cast")
    whole = ms.Model(sym.broadcast_add(x, sym.Variable("w")), {"w": np.ones(1, F4)})
    with pytest.raises(ms.DtypeError, match=r"no parameter can be float16: .*Cast 'cast'"):
        whole.half()


# ------------------------------------------------------------------------------- what differs


def test_models_that_are_the_same():
    found = ms.diff(model(), model(), DATA)
    assert not found
    assert found.begins is None
    assert repr(found).startswith("all 5 outputs of layers agree; at most 0 of")


def test_where_a_difference_begins():
    other = {**model().params, "bn_gamma": model().params["bn_gamma"] * F4(1.5)}
    found = ms.diff(model(), ms.Model(net(), other), {"data": DATA})
    assert found
    assert [gap.name for gap in found.weights] == ["bn_gamma"]
    assert found.begins is not None
    assert found.begins.name == "bn_output"
    by_name = {gap.name: gap for gap in found.layers}
    assert by_name["fc1_output"].largest == 0
    before, after = model().features("bn")(DATA), ms.Model(net(), other).features("bn")(DATA)
    assert by_name["bn_output"].largest == pytest.approx(np.abs(before - after).max())
    assert by_name["bn_output"].scale == pytest.approx(np.abs(before).max())
    assert "outputs begin to differ at bn_output" in repr(found)
    assert found.as_dict()["begins"] == "bn_output"


def test_weights_that_one_of_them_has():
    some = {name: array for name, array in model().params.items() if name != "fc2_bias"}
    found = ms.diff(model(), ms.Model(net(), {**some, "more": np.ones(1, F4)}))
    assert (found.only_before, found.only_after) == (("fc2_bias",), ("more",))
    assert "only before  fc2_bias" in repr(found)


def test_weights_of_other_shapes_and_graphs():
    wide = net().replace(fc2=sym.FullyConnected(
        net().get_internals()["act_output"], num_hidden=3, name="fc2"))  # fmt: skip
    params = {**model().params, "fc2_weight": np.ones((3, 5), F4), "fc2_bias": np.ones(3, F4)}
    found = ms.diff(model(), ms.Model(wide, params), DATA)
    assert "num_hidden  2 -> 3" in repr(found)
    assert "weight  fc2_weight  2×5 -> 3×5" in repr(found)
    assert found.begins is not None
    assert (found.begins.name, found.begins.told) == ("fc2_output", "4×2 -> 4×3")


def test_values_that_are_no_numbers():
    net = sym.log(sym.Variable("x"), name="log")
    data = np.array([-1.0, 1.0, 0.0])
    assert not ms.diff(ms.Model(net), ms.Model(net), data)
    other = ms.Model(sym.log(sym.abs(sym.Variable("x")), name="log"))
    assert ms.diff(ms.Model(net), other, data).begins.largest == np.inf


@pytest.mark.parametrize(
    ("pair", "data", "error"),
    [
        ((net(), model()), None, ms.ArrayTypeError),
        ((3, net()), None, ms.ArrayTypeError),
        ((net(), net()), DATA, ms.ParamError),
    ],
)
def test_what_cannot_be_compared(pair, data, error):
    with pytest.raises(error, match="diff"):
        ms.diff(*pair, data)
