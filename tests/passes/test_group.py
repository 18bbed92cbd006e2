"""Which nodes become a group, and that the graph stays what it was."""

from __future__ import annotations

import numpy as np

import minisym as ms
from minisym import sym
from minisym.passes import group as passes
from minisym.passes.group import group, group_op
from minisym.passes.typed import Typed
from minisym.passes.verify import verify

x, y, w = sym.Variable("x"), sym.Variable("y"), sym.Variable("w")


def elementwise(typed):
    """Nodes of one shape join, if they are elementwise or stretch their inputs."""

    def kind_of(node):
        return typed.shapes[node, 0] if node.op.elementwise or node.op.stretches else None

    return kind_of


def grouped(net, op_of=group_op, **shapes):
    """Return the graph of a net with groups."""
    arrays = {v: np.zeros(shapes.get(v.name, (2, 3)), np.float32) for v in net.graph.variables}
    typed = Typed.of(net.graph, arrays)
    after = group(typed, elementwise(typed), op_of)
    verify(after.graph)
    for entry in after.graph.internals:
        assert after.shapes[entry] is not None
        assert after.dtypes[entry] is not None
    heads = [(typed.shapes[e], typed.dtypes[e]) for e in net.entries]
    assert [(after.shapes[e], after.dtypes[e]) for e in after.graph.outputs] == heads
    assert [e.name for e in after.graph.outputs] == net.list_outputs()
    return after.graph


def bodies(graph):
    """Return the nodes that run: in the place of a group, the list of its own."""
    return [
        [inner.op.name for inner in node.op.subgraphs[0].graph if inner.op]
        if node.op.name == "_group"
        else node.op.name
        for node in graph
        if node.op
    ]


def test_a_chain_is_one_group():
    """It is called as its last node, and knows where that was composed."""
    net = sym.exp(sym.tanh(x * 2, name="t") + y, name="e")
    graph = grouped(net)
    assert bodies(graph) == [["_mul_scalar", "tanh", "elemwise_add", "exp"]]
    node = graph.node("e")
    assert node.origin == net.graph.node("e").origin
    assert node.op.elementwise
    assert [entry.node.name for entry in node.inputs] == ["x", "y"]


def test_what_is_read_outside_is_an_output():
    """By another node, or as an output of the graph."""
    inner = sym.tanh(x, name="t")
    net = sym.Group([sym.exp(inner, name="e"), inner, sym.sum(sym.square(inner, name="q"))])
    graph = grouped(net)
    assert bodies(graph) == [["tanh", "exp", "square"], "sum"]
    (node,) = {entry.node for entry in graph.outputs[:2]}
    assert node.op.output_names(node.params) == ("t_output", "e_output", "q_output")
    assert not node.op.elementwise


def test_other_nodes_stand_between():
    """A product of matrices reads whole arrays."""
    net = sym.exp(sym.FullyConnected(sym.tanh(x) * 2, num_hidden=3, name="fc") + 1)
    assert bodies(grouped(net, fc_weight=(3, 3), fc_bias=(3,))) == [
        ["tanh", "_mul_scalar"],
        "FullyConnected",
        ["_plus_scalar", "exp"],
    ]


def test_inputs_stretch():
    """What stretches is read as it is; the nodes that made it are of another shape."""
    net = sym.broadcast_mul(sym.tanh(x), sym.exp(sym.square(y)), name="m") + 1
    graph = grouped(net, x=(4, 5), y=(1, 5))
    assert bodies(graph) == [["tanh"], ["square", "exp"], ["broadcast_mul", "_plus_scalar"]]
    assert not graph.outputs[0].node.op.elementwise


def test_little_nodes_run_before():
    """So that a bias which is computed parts nothing."""
    little = sym.sum(w, name="little")
    net = sym.broadcast_add(sym.tanh(x), little) * 2
    assert bodies(grouped(net, x=(8, 8), w=(1, 4))) == [
        "sum",
        ["tanh", "broadcast_add", "_mul_scalar"],
    ]
    assert bodies(grouped(net, x=(2, 2), w=(1, 4))) == [
        ["tanh"],
        "sum",
        ["broadcast_add", "_mul_scalar"],
    ]


def test_what_depends_on_a_group_runs_behind_it():
    """Else the graph would have a circle: the sum reads a member, and is read by another one."""
    inner = sym.tanh(x) * 2
    net = sym.broadcast_mul(inner, sym.sum(inner, keepdims=True, axis=(0, 1)))
    assert bodies(grouped(net, x=(8, 8))) == [["tanh", "_mul_scalar"], "sum", ["broadcast_mul"]]


def test_nodes_without_a_link_are_groups_of_their_own():
    """They follow each other, but what the one makes is nothing to the other."""
    net = sym.Group([sym.tanh(x * 2), sym.exp(y * 3)])
    assert bodies(grouped(net)) == [["_mul_scalar", "tanh"], ["_mul_scalar", "exp"]]


def test_a_group_has_an_end(monkeypatch):
    """Long ones take long to prepare."""
    monkeypatch.setattr(passes, "MOST", 3)
    net = x
    for _ in range(7):
        net = sym.tanh(net)
    assert bodies(grouped(net)) == [["tanh"] * 3, ["tanh"] * 3, ["tanh"]]


def test_what_is_not_worth_while_stays():
    """And without a group the graph is the same object."""

    def long(body):
        return group_op(body) if len(body.graph) > 2 else None

    net = sym.exp(sym.sum(sym.tanh(sym.square(x)), keepdims=True, axis=0))
    assert bodies(grouped(net, long)) == [["square", "tanh"], "sum", "exp"]
    assert grouped(sym.exp(x), long) is sym.exp(x).graph or bodies(grouped(sym.exp(x), long)) == [
        "exp"
    ]
    typed = Typed.of(net.graph, {net.graph.node("x"): np.zeros((2, 2))})
    assert group(typed, lambda _: None, group_op) is typed


def test_what_may_be_overwritten():
    """An input that nobody reads when an output has been made."""
    inner = sym.tanh(x, name="t")
    op = grouped(sym.Group([inner, sym.exp(inner * y)])).outputs[0].node.op
    assert op.in_place == {0: [0], 1: [0, 1]}


def test_arithmetic_is_that_of_the_nodes():
    """A group does what its nodes do."""
    graph = grouped(sym.exp(sym.tanh(x * 2)))
    node = graph.outputs[0].node
    assert node.op.cost([(2, 3)], [(2, 3)], {}) == 18


def test_it_is_drawn_as_what_its_members_do():
    """The first and the last ones, of many."""
    net = sym.exp(sym.tanh(x * 2, name="t") + y, name="e")
    assert "tanh" in str(ms.viz.plot_network(net))
    node = grouped(net).outputs[0].node
    assert node.op.sign == "× 2.0 → tanh → + → exp"
    drawn = str(ms.viz.plot_network(ms.Symbol(node.entries())))
    assert "× 2.0 → tanh → + → exp" in drawn
    long = x
    for _ in range(9):
        long = sym.tanh(long)
    words = grouped(long).outputs[0].node.op.sign.split(" → ")
    assert words == ["tanh", "tanh", "… 3 more …", *["tanh"] * 4]


def test_types_may_change_inside():
    """Each value keeps its own."""
    net = sym.Cast(x > 1, dtype="float64") * 2
    graph = grouped(net)
    assert bodies(graph) == [["_greater_scalar", "Cast", "_mul_scalar"]]
