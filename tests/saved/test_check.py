"""The report of a model: each part of it, as text, as data, and in a notebook."""

import json

import numpy as np
import pytest

import minisym as ms
from minisym import sym

F4 = np.float32


def net() -> ms.Symbol:
    x = sym.Convolution(sym.Variable("data"), kernel=(3, 3), num_filter=4, name="conv")
    x = sym.BatchNorm(x, name="norm")
    x = sym.FullyConnected(x, num_hidden=2, name="fc")
    return sym.SoftmaxOutput(x, name="softmax")


def arrays() -> dict[str, np.ndarray]:
    shapes, _, states = net().infer_shape(data=(1, 3, 5, 5))
    names = [*net().list_arguments(), *net().list_auxiliary_states()]
    every = dict(zip(names, [*shapes, *states], strict=True))
    return {n: np.ones(s, F4) for n, s in every.items() if n not in ("data", "softmax_label")}


def model(**changes: np.ndarray | None) -> ms.Model:
    changed = {**arrays(), **changes}
    return ms.Model(net(), {n: a for n, a in changed.items() if a is not None}, source="a net")


def test_a_whole_model():
    report = model().check(data=(8, 3, 5, 5))
    assert report.ok
    assert str(report) == (
        "a net: 4 ops, 202 numbers (808 B)\n\n"
        "inputs\n  data  8×3×5×5 float32\n\n"
        "labels, which a prediction does not need\n  softmax_label\n\n"
        "outputs\n  softmax_output  8×2 float32\n\n"
        "It can predict."
    )


def test_weights_tell_what_the_data_are():
    report = model().check()
    assert [one.shape for one in report.inputs] == [(None, 3, None, None)]
    assert "data  N×3×?×? float32" in str(report)


def test_missing_and_unused_parameters():
    report = model(fc_bias=None, other=np.zeros((7, 7), F4)).check(data=(1, 3, 5, 5))
    assert not report.ok
    assert [(one.name, one.shape, one.instead) for one in report.missing] == [
        ("fc_bias", (2,), None)
    ]
    assert [(one.name, one.shape) for one in report.unused] == [("other", (7, 7))]
    assert "missing parameters\n  fc_bias  2 float32\n" in str(report)
    assert str(report).endswith("It cannot predict: 1 missing parameter.")


def test_names_that_differ_are_matched():
    named = {f"module.{name}": array for name, array in arrays().items()}
    report = ms.Model(net(), named).check(data=(1, 3, 5, 5))
    assert report.names == {f"module.{name}": name for name in arrays()}
    assert "conv_weight       4×3×3×3  module.conv_weight may be meant" in str(report)
    assert "model.rename(model.check().names)" in str(report)


def test_parameters_of_a_wrong_shape():
    report = model(norm_gamma=np.ones(5, F4), fc_bias=np.ones(3, F4)).check(data=(1, 3, 5, 5))
    told = {one.name: (one.needed, one.found) for one in report.wrong_shapes}
    assert told == {"norm_gamma": ("4", "5"), "fc_bias": ("2", "3")}
    assert "norm_gamma  5, but the network needs 4" in str(report)
    assert "It cannot predict: 2 wrong shapes." in str(report)


def test_parameters_of_a_wrong_type():
    report = model(fc_bias=np.ones(2, np.float64)).check()
    assert [(one.name, one.needed, one.found) for one in report.wrong_types] == [
        ("fc_bias", "float32", "float64")
    ]


def test_what_was_given_counts_more_than_the_parameters():
    report = model().check(data=(1, 1, 5, 5))
    assert [(one.name, one.needed, one.found) for one in report.wrong_shapes] == [
        ("conv_weight", "4×1×3×3", "4×3×3×3")
    ]


def test_a_network_that_contradicts_itself():
    x = sym.Concat(sym.Variable("x", shape=(2, 3)), sym.Variable("y", shape=(4, 5)), dim=0)
    report = ms.Model(x).check()
    assert not report.ok
    assert "Concat" in report.contradictions[0]
    assert "It cannot predict: 1 contradiction." in str(report)


def test_without_any_parameters_it_is_said_once():
    report = ms.Model(net()).check(data=(1, 3, 5, 5))
    many = len(report.missing)
    assert many > 1
    assert f"missing parameters\n  all {many}  there are no parameters beside" in str(report)
    assert "fc_bias" not in str(report)
    assert "fc_bias" in {one["name"] for one in report.as_dict()["missing"]}


def test_an_unknown_op_and_what_it_cuts_off():
    text = net().tojson().replace('"op": "BatchNorm"', '"op": "VendorNorm"')
    both = sym.load_json(text)
    group = sym.Group([both, both.get_internals()["conv_output"]])
    report = ms.Model(group, arrays()).check(data=(1, 3, 5, 5))
    assert [(one.node, one.op, one.cuts_off) for one in report.unknown_ops] == [
        ("norm", "VendorNorm", ("softmax_output",))
    ]
    assert [output.runs for output in report.outputs] == [False, True]
    assert report.runnable == ("conv_output",)
    assert "model.cut('conv_output')" in str(report)


def test_which_inputs_an_output_needs():
    left, right = sym.Variable("left"), sym.Variable("right")
    report = ms.Model(sym.Group([left + 1, left * right])).check()
    assert [output.needs for output in report.outputs] == [("left",), ("left", "right")]
    assert "needs left" in str(report)


def test_as_data():
    data = model(fc_bias=None).check(data=(1, 3, 5, 5)).as_dict()
    assert data["ok"] is False
    assert data["missing"][0]["name"] == "fc_bias"
    assert json.loads(json.dumps(data))["inputs"][0]["shape"] == [1, 3, 5, 5]


def test_in_a_notebook():
    x = sym.Variable("<b>x")
    html = ms.Model(x + sym.Variable("w_weight"), source="<i>").check()._repr_html_()
    assert "<td" in html
    assert "&lt;b&gt;x" in html
    assert "<b>" not in html
    assert "<i>" not in html


def test_shapes_of_what_is_not_there():
    with pytest.raises(ms.ParamError, match="no argument 'dat'"):
        model().check(dat=(1, 3, 5, 5))


# ------------------------------------------------------------------------------- many of one kind


def unrolled(length: int) -> ms.Model:
    """Return a net of so many steps, each with an input and an output, and a state that goes on."""
    h, heads = sym.Variable("begin_h"), []
    for i in range(length):
        h = sym.tanh(sym.Variable(f"data/{i}") + h, name=f"t{i}")
        heads.append(h)
    return ms.Model(sym.Group(heads), {}, source="a net")


def test_many_rows_that_are_alike_are_one():
    """They differ in a number of their name, and in what they need; what stands between stays."""
    report = unrolled(9).check()
    assert (
        str(report)
        == repr(report)
        == (
            "a net: 18 ops, 0 numbers (0 B)\n\n"
            "inputs\n"
            "  data/0 … data/8  ?  9 alike\n"
            "  begin_h          ?\n\n"
            "outputs\n"
            "  t0_output … t8_output  ?  9 alike\n\n"
            "It can predict."
        )
    )
    assert "data/0 … data/8" in report._repr_html_()
    full = report.text().splitlines()
    assert [line for line in full if "data/3" in line.partition("needs")[0]] == ["  data/3   ?"]
    assert len(report.as_dict()["inputs"]) == 10


def test_a_few_rows_or_other_shapes_are_shown_one_by_one():
    assert "alike" not in str(unrolled(6).check())
    shapes = {f"data/{i}": (i + 1, 2) for i in range(9)}
    parts = [sym.tanh(sym.Variable(name), name="one") for name in shapes]
    report = ms.Model(sym.Concat(*parts, dim=0, name="all"), {}, source="").check(**shapes)
    assert "data/7  8×2" in str(report)
