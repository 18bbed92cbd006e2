"""The interactive page: what is in it."""

import re
import time
from collections import Counter

import numpy as np
import pytest
from drawn_nets import encoder
from hypothesis import given, settings
from hypothesis import strategies as st
from page_cases import EVIL, data_of, filled, mlp, training

import minisym as ms
from minisym import sym
from minisym.core.errors import ArrayTypeError, ParamError
from minisym.show.html.differences import mark
from minisym.show.html.model import model
from minisym.show.html.record import record
from minisym.show.known import Known, learn


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


def test_what_is_repeated_has_a_frame(tmp_path):
    data = data_of(encoder(40).to_html(tmp_path / "net.html"))
    scopes = data["scopes"]
    (fold,) = (i for i, scope in enumerate(scopes) if scope.get("fold"))
    assert scopes[fold]["title"] == "block0…39 ×40"
    assert [s["title"] for s in scopes if s["outer"] == fold] == [f"block{i}" for i in range(40)]


def test_what_is_repeated_without_names_is_found_by_its_structure(tmp_path):
    h = sym.Variable("data")
    for _ in range(30):
        h = sym.Activation(sym.FullyConnected(h, num_hidden=4), act_type="tanh")
    net = sym.FullyConnected(h, num_hidden=2, name="last")
    data = data_of(net.to_html(tmp_path / "net.html", shape={"data": (1, 4)}))
    folds = [scope for scope in data["scopes"] if scope.get("fold")]
    assert [scope["fold"] for scope in folds] == [30] + [1] * 30
    assert all(scope["outer"] == data["scopes"].index(folds[0]) for scope in folds[1:])


def test_a_frame_holds_no_gap():
    """Copies with something between them that reads the one and feeds the other stay apart."""
    h = sym.Variable("x")
    for i in range(20):
        h = sym.exp(sym.tanh(h, name=f"unit{i}_tanh"), name=f"unit{i}_exp")
        h = sym.sin(h, name=f"between_{'abcdefghijklmnopqrst'[i]}") if i % 3 else sym.abs(h)
    found = model(h.graph, Known())
    nodes, scopes = found["nodes"], found["scopes"]

    def inside(node, fold):
        frame = node["frame"]
        while frame >= 0 and frame != fold:
            frame = scopes[frame]["outer"]
        return frame == fold

    for fold in (i for i, scope in enumerate(scopes) if scope.get("fold")):
        behind = set()
        for place, node in enumerate(nodes):
            sources = {source for source, _, _ in node.get("inputs", ())}
            if inside(node, fold):
                assert not sources & behind
            elif sources & behind or any(inside(nodes[s], fold) for s in sources):
                behind.add(place)


def test_bodies_are_in_the_frame_of_their_node():
    x = sym.Variable("x")
    _, last = sym.contrib.foreach(lambda d, s: (d + s, d + s), x, sym.Variable("s"))
    loop = last.entries[0].node.name
    total = sym.sum(last, name="total")
    for net in (total, sym.Group([total, ms.grad(total, ["x"])])):
        found = model(net.graph, Known())
        nodes, scopes = found["nodes"], found["scopes"]
        (held,) = (i for i, s in enumerate(scopes) if s["name"] == loop)
        (body,) = (i for i, s in enumerate(scopes) if s["outer"] == held)
        assert scopes[body]["title"] == "body: once for each element"
        assert {n["kind"] for n in nodes if n["frame"] == body} >= {"input", "math", "output"}
        assert nodes[scopes[held]["op"]]["name"] == loop
        assert [n["name"] for n in nodes[: len(net.graph)]] == [n.name for n in net.graph]
        for node in nodes:
            assert all(0 <= source < len(nodes) for source, _, _ in node.get("inputs", ()))


def test_bodies_of_gradients_say_what_they_are_and_know_their_shapes():
    x, s = sym.Variable("x", shape=(5, 2, 3)), sym.Variable("s", shape=(2, 3))
    outs, _ = sym.contrib.foreach(lambda d, h: (sym.tanh(d * h), d + h), x, s)
    net = ms.grad(sym.sum(outs, name="total"), "x")
    found = model(net.graph, learn(net.graph))
    nodes, titles = found["nodes"], [scope["title"] for scope in found["scopes"]]
    held = titles.index("∂ foreach ×5, last step first")
    body = titles.index("body: once for each element, the last one first")
    assert found["scopes"][body]["outer"] == held
    assert "foreach ×5" in titles
    assert any("FLOPs" in fact for fact in found["facts"])
    within = {
        n["name"]: n["outputs"][0]["shape"] for n in nodes if n["frame"] == body and n["outputs"]
    }
    assert within["x-0"] == within["s-0"] == "2×3"


def two_nets():
    """Return two nets: an op is gone, one is new, two have changed, two Variables are renamed."""

    def net(hidden, last):
        h = sym.FullyConnected(sym.Variable("data"), num_hidden=hidden, name="fc1")
        h = sym.L2Normalization(h, name="norm") if hidden == 4 else sym.Dropout(h, name="drop")
        return sym.FullyConnected(h, num_hidden=2, name=last)

    return net(4, "head"), net(8, "out")


def test_what_differs_from_an_earlier_graph(tmp_path):
    before, after = two_nets()
    data = data_of(after.to_html(tmp_path / "net.html", before=before))
    status = {node["name"]: node["status"] for node in data["nodes"] if "status" in node}
    assert status == {
        "fc1": "changed",
        "drop": "added",
        "out": "changed",
        "out_weight": "renamed",
        "out_bias": "renamed",
        "norm": "removed",
    }
    nodes = {node["name"]: node for node in data["nodes"]}
    names = [node["name"] for node in data["nodes"]]
    assert nodes["fc1"]["was"] == {"num_hidden": ["4", "8"]}
    assert nodes["out_bias"]["was"] == {"name": ["head_bias", "out_bias"]}
    assert [names[i] for i, *_ in nodes["norm"]["inputs"]] == ["fc1"]
    assert [names[i] for i, _ in nodes["out"]["lost"]] == ["norm"]
    assert sorted(names[i] for i in data["differences"]) == sorted(status)
    assert data["facts"][:4] == ["1 added", "1 removed", "2 changed", "2 renamed"]
    same = data_of(before.to_html(tmp_path / "same.html", before=before))
    assert same["differences"] == []
    assert same["facts"][0] == "no difference"
    assert "differences" not in data_of(before.to_html(tmp_path / "alone.html"))


@given(st.integers(0, 10**6), st.integers(0, 10**6))
@settings(deadline=None, max_examples=25)
def test_any_two_graphs_are_compared(one, two):
    """Whatever differs, links lead to nodes that are there, and nothing is told twice."""
    before, after = (random_net(np.random.default_rng(seed)) for seed in (one, two))
    found = model(after.graph, Known())
    told = ms.diff(before, after)
    mark(found, told)
    nodes = found["nodes"]
    for node in nodes:
        assert -1 <= node["frame"] < len(found["scopes"])
        for link in (*node.get("inputs", ()), *node.get("lost", ())):
            assert 0 <= link[0] < len(nodes)
    counts = Counter(node["status"] for node in nodes if "status" in node)
    assert counts == Counter(
        {k: n for k in ("added", "removed", "changed", "renamed") if (n := len(getattr(told, k)))}
    )


def random_net(rng):
    made = [sym.Variable("x"), sym.Variable("y")]
    for i in range(rng.integers(1, 12)):
        a, b = (made[rng.integers(len(made))] for _ in range(2))
        name = f"n{rng.integers(20)}_{i}"
        made.append([sym.tanh(a, name=name), sym.elemwise_add(a, b, name=name)][rng.integers(2)])
    return sym.Group(made[-2:])


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
    with pytest.raises(ParamError, match="before must be a Symbol, but got str"):
        net.to_html(path, before="net")
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
