"""Pictures of what differs, and graphs for other programs."""

import inspect
import json
from xml.etree import ElementTree as ET

import networkx as nx
import pytest
from drawn_nets import needs_engine

import minisym as ms
from minisym import sym
from minisym.visualization import export, plot_diff


def net(hidden=4, act="relu", *, drop=False):
    h = sym.FullyConnected(sym.Variable("x"), num_hidden=hidden, name="fc1")
    h = sym.Activation(h, act_type=act, name="act")
    if drop:
        h = sym.Dropout(h, p=0.5, name="drop")
    return sym.FullyConnected(h, num_hidden=2, name="fc2")


def long(last):
    h = sym.Variable("x")
    for i in range(200):
        h = sym.tanh(h, name=f"t{i}")
    return getattr(sym, last)(h, name="end")


def test_colours_say_what_differs():
    source = plot_diff(net(), net(8, drop=True)).source
    assert "+ 1 added" in source
    assert "num_hidden: 4 → 8" in source
    assert 'label="+ Dropout\\ndrop" color="#059669"' in source
    assert "fc2_weight" not in source  # nothing about it differs
    assert source.count("#DC2626") == 1  # the link that the Dropout has cut


def test_nothing_differs():
    assert "no difference" in plot_diff(net(), net()).source


def test_side_by_side():
    source = plot_diff(net(), net(8, drop=True), side_by_side=True, theme="dark").source
    assert "cluster:before" in source
    assert "cluster:after" in source
    assert source.count("num_hidden: 4 → 8") == 2
    assert source.count("+ Dropout") == 1


def test_of_a_large_graph_only_the_surroundings():
    one, two = long("exp"), long("log")
    assert plot_diff(one, two).source.count("label=") < 12
    assert plot_diff(one, two, whole=True).source.count("label=") > 200
    assert plot_diff(one, two, side_by_side=True).source.count("label=") < 20


@needs_engine
def test_a_difference_shows_itself():
    bundle = ms.diff(net(), net(drop=True))._repr_mimebundle_()
    assert "<svg" in bundle["image/svg+xml"]
    assert bundle["text/plain"].startswith("added")
    hostile = sym.tanh(sym.Variable('a"<b>\\N\n'), name="\\l</TABLE>")
    assert "<svg" in plot_diff(hostile, sym.tanh(sym.Variable("y"))).pipe("svg").decode()


NAMES = inspect.signature(nx.node_link_graph).parameters
EDGES = {"edges" if "edges" in NAMES else "link": "edges"}
"""What networkx calls this parameter depends on its version."""


@pytest.mark.parametrize("suffix", ["graphml", "cyjs", "json"])
def test_exports_come_back(tmp_path, suffix):
    step = sym.Group([net(), sym.signsgd_update(sym.Variable("w"), sym.Variable("g"), lr=0.1)])
    path = export(step, tmp_path / f"net.{suffix}", shape={"x": (0, 3), "w": (2,)})
    if suffix == "graphml":
        back = nx.read_graphml(path, force_multigraph=True)
    elif suffix == "cyjs":
        back = nx.cytoscape_graph(json.loads(path.read_text("utf-8")))
    else:
        back = nx.node_link_graph(json.loads(path.read_text("utf-8")), **EDGES)
    assert back.number_of_nodes() == len(step.graph)
    assert back.number_of_edges() == step.graph.nx.number_of_edges()
    assert back.nodes["fc1"]["shape"] == "N×4"
    assert back.nodes["signsgd_update0"]["writes"] == "w"
    assert nx.is_directed_acyclic_graph(back)


def test_repeated_and_hostile_names(tmp_path):
    x = sym.Variable("x\x00\ud800")
    both = sym.Group([sym.tanh(x, name="same"), sym.exp(x, name="same")])
    path = export(both, tmp_path / "net.graphml")
    assert len(nx.read_graphml(path)) == 3


def test_other_suffixes_are_pictures_and_pages(tmp_path):
    assert export(net(), tmp_path / "n.dot").read_text("utf-8").startswith("digraph")
    assert "<svg" in export(net(), tmp_path / "n.html", shape={"x": (1, 2)}).read_text("utf-8")


def test_without_an_engine_minisym_draws_what_differs():
    before = sym.tanh(sym.exp(sym.Variable("x"), name="e"), name="t")
    after = sym.tanh(sym.Dropout(sym.exp(sym.Variable("x"), name="e"), p=0.2, name="d"), name="t")
    for side_by_side, boxes in ((False, 4), (True, 7)):
        picture = plot_diff(before, after, side_by_side=side_by_side)
        root = ET.fromstring(picture.drawing().svg())
        groups = [group.get("class") for group in root.findall(".//{*}g")]
        assert sum(kind.startswith("node") for kind in groups) == boxes
        assert groups.count("node added") == 1
        assert "+ Dropout" in {words.text for words in root.findall(".//{*}text")}
