"""The interactive page: what is in it."""

import re
import time

import numpy as np
import pytest
from drawn_nets import encoder
from page_cases import EVIL, data_of, filled, mlp, training

import minisym as ms
from minisym import sym
from minisym.core.errors import ArrayTypeError, ParamError
from minisym.show.html.record import record


def test_the_page_holds_the_graph(tmp_path):
    data = data_of(training().to_html(tmp_path / "net.html", shape={"data": (8, 6)}))
    nodes = {node["name"]: node for node in data["nodes"]}
    assert nodes["fc1"]["outputs"][0]["shape"] == "8×16"
    assert nodes["fc1"]["params"] == {"num_hidden": "16"}
    assert 'num_hidden=16, name="fc1"' in nodes["fc1"]["source"]
    assert [data["nodes"][i]["name"] for i in nodes["fc1_weight_step"]["writes"]] == ["fc1_weight"]
    assert nodes["softmax_output"]["kind"] == "output"
    titles = {scope["title"] for scope in data["scopes"]}
    assert {"fc1", "∂ fc1"} <= titles
    assert data["run"] is None


def test_nothing_is_fetched(tmp_path):
    net = training()
    page = net.to_html(tmp_path / "net.html", executor=filled(net, data=(8, 6))).read_text("utf-8")
    addresses = set(re.findall(r"https?://[^\s\"'<]+", page))
    assert addresses == {"http://www.w3.org/2000/svg"}  # the name of a namespace
    assert not re.findall(r"<(?:link|script|img)[^>]+(?:src|href)=\"(?!data:)", page)
    assert "default-src 'none'" in page


def test_recording_changes_nothing(tmp_path):
    net = training()
    executor = filled(net, data=(8, 6))
    executor.forward(is_train=True)
    before = {n: a.copy() for n, a in executor.arg_dict.items()}
    outputs = [o.copy() for o in executor.outputs]
    state = ms.random.generator.bit_generator.state
    run = data_of(net.to_html(tmp_path / "net.html", executor=executor))["run"]
    assert ms.random.generator.bit_generator.state == state
    for name, array in executor.arg_dict.items():
        np.testing.assert_array_equal(array, before[name])
    for one, two in zip(executor.outputs, outputs, strict=True):
        np.testing.assert_array_equal(one, two)
    assert len(run["steps"]) == sum(node.op is not None for node in net.graph)
    assert len(run["writes"]) == 4
    for write in run["writes"]:
        assert write["before"]["cells"]
        assert write["before"] != write["after"]


def test_a_bound_gradient_is_recorded_too():
    net = mlp()
    executor = filled(net, data=(8, 6))
    run = record(executor, net.graph, is_train=True)[0]
    assert any(step.get("backward") for step in run["steps"])
    out = sym.tanh(sym.Variable("x"), name="t")  # needs a head gradient that nobody gave
    run, _ = record(out.simple_bind(x=(2,)), out.graph, is_train=True)
    assert [step["name"] for step in run["steps"]] == ["t"]


def test_the_executor_must_be_of_this_symbol(tmp_path):
    with pytest.raises(ArrayTypeError, match="not bound to this symbol"):
        mlp().to_html(tmp_path / "net.html", executor=filled(mlp(), data=(8, 6)))


@pytest.mark.parametrize("name", EVIL, ids=lambda name: repr(name[:12]))
def test_hostile_names_stay_names(tmp_path, name):
    net = sym.tanh(sym.Variable(name, attr={"__note__": name}), name=name)
    page = net.to_html(tmp_path / "net.html", title=name)
    text = page.read_text(encoding="utf-8")
    assert text.count("</script>") == text.lower().count("</script") == 3
    assert text.count("<script") == 3
    assert "<!--" not in text.replace("<!DOCTYPE", "")
    data = data_of(page)
    assert data["title"] == name
    assert data["nodes"][0]["attrs"]["__note__"] == name


def test_what_is_refused(tmp_path):
    net = mlp()
    path = tmp_path / "net.html"
    executor = filled(net, data=(8, 6))
    with pytest.raises(ArrayTypeError, match=r"executor must be what bind .* but got dict"):
        net.to_html(path, executor={})
    with pytest.raises(ParamError, match=r"shape and dtype, or an executor, .* not both"):
        net.to_html(path, executor=executor, shape={"data": (8, 6)})
    with pytest.raises(ParamError, match="no argument 'dat' to give a shape to"):
        net.to_html(path, shape={"dat": (8, 6)})
    assert not path.exists()


def test_scalars_and_shapes_that_values_decide(tmp_path):
    with ms.util.np_shape(True):
        x = sym.Variable("x")
        executor = sym.tanh(x, name="t").bind(args={"x": np.array(0.5)})
        data = data_of(executor.symbol.to_html(tmp_path / "net.html", executor=executor))
    assert [n["outputs"][0]["shape"] for n in data["nodes"][:2]] == ["scalar", "scalar"]
    kept = sym.contrib.boolean_mask(x, sym.Variable("keep"), name="kept")
    arrays = {"x": np.ones((3, 2)), "keep": np.array([1.0, 0.0, 1.0])}
    data = data_of(kept.to_html(tmp_path / "net.html", executor=kept.bind(args=arrays)))
    assert data["nodes"][2]["outputs"][0]["shape"] == "2×2"


def test_the_change_of_a_weight_is_recorded():
    net = training()
    run, _ = record(filled(net, data=(8, 6)), net.graph, is_train=True)
    for write in run["writes"]:
        assert (write["change"]["low"], write["change"]["high"]) == ("-0.01", "0.01")  # signs


def test_a_thousand_ops_take_less_than_three_seconds(tmp_path):
    net = encoder(250)
    assert len(net.graph) > 1000
    start = time.perf_counter()
    net.to_html(tmp_path / "net.html", shape={"data": (2, 4)})
    assert time.perf_counter() - start < 3
