"""`diff`: what it finds between two symbols, its laws, its text and its picture."""

from __future__ import annotations

import json

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minisym as ms
from minisym import sym


def mlp(layers=2, hidden=4, names=None, dropout=None):
    net = sym.Variable("data")
    for i in range(layers):
        name = names and f"{names}{i}"
        net = sym.FullyConnected(net, num_hidden=hidden, name=name and f"{name}_fc")
        net = sym.relu(net, name=name and f"{name}_act")
        if dropout == i:
            net = sym.Dropout(net, p=0.5, name=f"drop{i}")
    return sym.SoftmaxOutput(net, name="softmax")


def names(nodes):
    return [node.name for node in nodes]


def only_renamed(found):
    return not any((found.added, found.removed, found.changed, found.outputs))


def test_nothing_differs():
    a = mlp()
    for b in (a, sym.load_json(a.tojson()), a.get_internals()["softmax_output"]):
        found = ms.diff(a, b)
        assert not found
        assert repr(found) == "no difference"


def test_composed_anew_with_the_same_names():
    assert not ms.diff(mlp(names="l"), mlp(names="l"))


def test_other_automatic_names_are_no_difference_of_structure():
    a, b = mlp(), mlp()
    found = ms.diff(a, b)
    assert only_renamed(found)
    assert ("relu0", "relu2") in [(x.name, y.name) for x, y in found.renamed]
    assert len(found.renamed) == 8


def test_a_parameter():
    found = ms.diff(mlp(names="l"), mlp(names="l", hidden=8))
    assert [(c.before.name, dict(c.fields)) for c in found.changed] == [
        ("l0_fc", {"num_hidden": ("4", "8")}),
        ("l1_fc", {"num_hidden": ("4", "8")}),
    ]


def test_a_node_more():
    found = ms.diff(mlp(names="l"), mlp(names="l", dropout=0))
    assert names(found.added) == ["drop0"]
    assert [dict(c.fields) for c in found.changed] == [{"data": ("l0_act_output", "drop0_output")}]


def test_a_layer_more():
    found = ms.diff(mlp(), mlp(layers=3))
    kinds = sorted(node.op.name if node.op else "Variable" for node in found.added)
    assert kinds == ["FullyConnected", "Variable", "Variable", "relu"]
    assert not found.removed
    assert len(found.changed) == 1


def test_an_op_of_another_kind_under_one_name():
    x = sym.Variable("x")
    found = ms.diff(sym.relu(x, name="act"), sym.tanh(x, name="act"))
    assert found.changed[0].fields == {"op": ("relu", "tanh")}


def test_a_variable_is_no_op():
    x = sym.Variable("x")
    found = ms.diff(
        sym.tanh(x, name="t"), sym.tanh(sym.relu(sym.Variable("y"), name="x"), name="t")
    )
    assert names(found.added) == ["y", "x"]
    assert names(found.removed) == ["x"]


def test_attributes():
    before, after = sym.Variable("x", lr_mult=1), sym.Variable("x", lr_mult=2, shape=(3,))
    found = ms.diff(sym.tanh(before, name="t"), sym.tanh(after, name="t"))
    assert found.changed[0].fields == {"__lr_mult__": ("1", "2"), "__shape__": ("", "(3,)")}


def test_what_a_variable_copied_from_its_op_is_told_once():
    found = ms.diff(mlp(names="l"), mlp(names="l", hidden=8))
    assert {c.before.op.name for c in found.changed} == {"FullyConnected"}


def test_an_input_more():
    x, w = sym.Variable("x"), sym.Variable("w")
    a = sym.FullyConnected(x, w, num_hidden=2, no_bias=True, name="fc")
    found = ms.diff(a, sym.FullyConnected(x, w, num_hidden=2, name="fc"))
    assert found.changed[0].fields == {"no_bias": ("True", "False"), "bias": ("", "fc_bias")}


def test_outputs():
    x = sym.Variable("x")
    t, r = sym.tanh(x, name="t"), sym.relu(x, name="r")
    assert ms.diff(sym.Group([t, r]), sym.Group([r, t])).outputs == (
        ("t_output", "r_output"),
        ("r_output", "t_output"),
    )
    parts = sym.split(x, num_outputs=2, name="s")
    assert ms.diff(parts[0], parts[1]).outputs == (("s_output0",), ("s_output1",))


def test_names_that_two_nodes_have():
    def twins():
        a, b = sym.Variable("a"), sym.Variable("a")
        return sym.elemwise_sub(sym.tanh(a, name="t"), sym.relu(b, name="r"), name="d")

    assert not ms.diff(twins(), twins())


def test_text():
    x = sym.Variable("x")
    before = sym.Dropout(sym.FullyConnected(x, num_hidden=2, name="fc"), name="drop")
    after = sym.relu(sym.FullyConnected(x, num_hidden=3, no_bias=True, name="fc"), name="act")
    assert repr(ms.diff(before, after)) == (
        "removed  Variable 'fc_bias'\n"
        "removed  Dropout 'drop'\n"
        "added    relu 'act'\n"
        "changed  FullyConnected 'fc'\n"
        "           num_hidden  2 -> 3\n"
        "           no_bias     False -> True\n"
        "           bias        fc_bias -> (none)\n"
        "outputs  drop_output -> act_output"
    )


def test_picture():
    found = ms.diff(mlp(names="l"), mlp(names="l", dropout=0))
    both = found.nx
    status = nx.get_node_attributes(both, "status")
    by_name = {both.nodes[key]["name"]: kind for key, kind in status.items()}
    assert by_name.pop("drop0") == "added"
    assert by_name.pop("l1_fc") == "changed"
    assert set(by_name.values()) == {"same"}
    edges = sorted(data["status"] for _, _, data in both.edges(data=True))
    assert edges == ["added", "added", "removed", *["same"] * 9]
    assert nx.is_directed_acyclic_graph(both)
    assert json.dumps(nx.cytoscape_data(both))


@pytest.mark.parametrize("hidden", [4, 5])
def test_a_deep_net_takes_no_time(hidden):
    def deep(size):
        net = sym.Variable("x")
        for _ in range(1500):
            net = sym.relu(sym.FullyConnected(net, num_hidden=size))
        return net

    found = ms.diff(deep(4), deep(hidden))
    assert len(found.renamed) + len(found.changed) == 6000


@st.composite
def nets(draw):
    """Return a net of unique names."""
    values = [sym.Variable("x"), sym.Variable("y")]
    for i in range(draw(st.integers(0, 6))):
        a, b = draw(st.sampled_from(values)), draw(st.sampled_from(values))
        name = draw(st.sampled_from(["a", "b", "c"])) + str(i)
        layer = draw(
            st.sampled_from(
                [
                    lambda a, _, name: sym.tanh(a, name=name),
                    lambda a, b, name: sym.elemwise_add(a, b, name=name),
                    lambda a, _, name: sym.FullyConnected(a, num_hidden=2, name=name),
                    lambda a, _, name: sym.FullyConnected(a, num_hidden=3, name=name),
                ]
            )
        )
        values.append(layer(a, b, name))
    return sym.Group(draw(st.lists(st.sampled_from(values), min_size=1, max_size=2)))


@settings(max_examples=150, deadline=None)
@given(a=nets(), b=nets())
def test_laws(a, b):
    found, back = ms.diff(a, b), ms.diff(b, a)
    # it is empty exactly when the graphs are equal
    assert bool(found) == (ms.Graph(a) != ms.Graph(b))
    assert not ms.diff(a, a)
    # nodes are in one list each
    assert len(found.pairs) + len(found.removed) == len(a.graph)
    assert len(found.pairs) + len(found.added) == len(b.graph)
    assert len(set(found.pairs.values())) == len(found.pairs)
    # the other way round it is the same, mirrored
    assert sorted(names(found.added)) == sorted(names(back.removed))
    assert sorted(names(found.removed)) == sorted(names(back.added))
    assert len(found.changed) == len(back.changed)
    assert len(found.renamed) == len(back.renamed)
    assert (found.outputs is None) == (back.outputs is None)
    # the picture holds every node once
    assert len(found.nx) == len(b.graph) + len(found.removed)


@settings(max_examples=50, deadline=None)
@given(net=nets())
def test_renaming_is_renaming(net):
    def change(node, inputs):
        return node.replace(name=f"n{node.name}", inputs=inputs)

    renamed = net.graph.substitute({}, change)
    found = ms.diff(net, ms.Symbol(renamed.outputs))
    assert len(found.renamed) == len(net.graph)
    assert only_renamed(found)
