"""A name that is close to one that there is, wherever a user writes it: "did you mean …?"."""

import warnings

import numpy as np
import pytest

import minisym as ms
from minisym import sym
from minisym.core.errors import closest, did_you_mean

KNOWN = ["data", "fc1_weight", "fc1_bias", "softmax_label"]


@pytest.mark.parametrize(
    ("word", "known", "found"),
    [
        ("label", KNOWN, ["softmax_label"]),  # without its beginning
        ("softmax", KNOWN, ["softmax_label"]),  # without its end
        ("net_data", KNOWN, ["data"]),  # with a beginning too much
        ("data_iter", KNOWN, ["data"]),  # with an end too much
        ("sofmax_label", KNOWN, ["softmax_label"]),  # with a slip
        ("labels", [*KNOWN, "label"], ["label"]),  # a slip is likelier than a part
        ("weight", ["a_weight", "b_weight"], ["a_weight", "b_weight"]),
        ("weight", [f"fc{i}_weight" for i in range(30)], ["fc0_weight"]),
        ("wd", ["weight_decay", "width"], ["weight_decay"]),  # initials
        ("nothing", KNOWN, []),
        ("", KNOWN, []),
    ],
)
def test_what_is_meant(word, known, found):
    answer = closest(word, known)
    assert len(answer) == len(found)
    assert answer == found or (len(known) == 30 and answer[0] in known)


def test_the_known_words_of_a_set_come_in_one_order():
    assert did_you_mean("q", {"b", "a", "c"}) == "Possible: a, b, c"
    assert did_you_mean("q", {"b": 0, "a": 0}) == "Possible: b, a"


@pytest.fixture
def net():
    fc = sym.FullyConnected(sym.Variable("data"), num_hidden=3, name="fc1")
    return sym.SoftmaxOutput(fc, name="softmax")


FED = {
    "data": np.ones((2, 4), "f"),
    "fc1_weight": np.ones((3, 4), "f"),
    "fc1_bias": np.ones(3, "f"),
}
PLACES = {
    "infer_shape": lambda net: net.infer_shape(data=(2, 4), label=(2,)),
    "infer_type": lambda net: net.infer_type(data="float32", label="float32"),
    "bind": lambda net: net.bind(args={**FED, "label": np.ones(2, "f")}),
    "eval": lambda net: net.eval(**FED, label=np.ones(2, "f")),
    "forward": lambda net: net.simple_bind(data=(2, 4)).forward(label=np.ones(2)),
    "type_dict": lambda net: net.simple_bind(data=(2, 4), type_dict={"label": "float32"}),
    "reshape": lambda net: net.simple_bind(data=(2, 4)).reshape(label=(3,)),
    "compose": lambda net: net(label=sym.Variable("z")),
    "explain_shapes": lambda net: ms.explain_shapes(net, label=(2,)),
    "grad": lambda net: ms.grad(net, "label"),
    "an open shape": lambda net: net.simple_bind(label=(2,)),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_label_by_half_its_name(net, place):
    with pytest.raises(ms.MinisymError) as caught:
        PLACES[place](net)
    assert "did you mean 'softmax_label'?" in caught.value.hint


def test_a_shape_that_simple_bind_has_no_use_for(net):
    """MXNet passes over it; so do we, but not without a word where a close name got none."""
    text = "simple_bind: there is no argument 'label' to give a shape to: did you mean 'softmax_l"
    with pytest.warns(UserWarning, match=text) as told:
        net.simple_bind(data=(2, 4), label=(2,))
    assert [warning.filename for warning in told] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.simple_bind(data=(2, 4), softmax_label=(2,), label=(2,), mask=(1,))
