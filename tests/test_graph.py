"""The graph: immutable nodes, depth-first order, the networkx view and the way back."""

import gc
import sys
import weakref

import networkx as nx
import pytest

import minisym as ms
from minisym import sym
from minisym.graph import Entry, Graph, Node, post_order
from minisym.op import get


def names(graph):
    return [node.name for node in graph.order]


@pytest.fixture
def diamond():
    """Return x -> (left, right) -> join, as a Symbol."""
    x = sym.Variable("x")
    left, right = sym.tanh(x, name="left"), sym.exp(x, name="right")
    return sym.elemwise_mul(left, right, name="join")


# ------------------------------------------------------------------------------------------ nodes


@pytest.mark.parametrize("field", ["op", "name", "inputs", "params", "attrs", "origin", "other"])
def test_a_node_cannot_be_changed(diamond, field):
    node = diamond.entries[0].node
    with pytest.raises(AttributeError, match="immutable"):
        setattr(node, field, None)
    with pytest.raises(AttributeError):
        delattr(node, field)


def test_parameters_and_attributes_cannot_be_changed():
    node = sym.clip(sym.Variable("x"), a_min=0, a_max=1).entries[0].node
    with pytest.raises(TypeError, match="assignment"):
        node.params["a_min"] = 2
    with pytest.raises(TypeError, match="assignment"):
        node.attrs["a_min"] = "2"


def test_replace_makes_another_node(diamond):
    node = diamond.entries[0].node
    other = node.replace(name="other")
    assert (node.name, other.name) == ("join", "other")
    assert other.inputs == node.inputs
    assert other.origin == node.origin


def test_nodes_are_compared_by_identity():
    a, b = Node(None, "a"), Node(None, "a")
    assert a != b
    assert len({a, b}) == 2


def test_given_are_the_parameters_that_the_user_wrote():
    node = (
        sym.FullyConnected(sym.Variable("x"), num_hidden=2, attr={"__lr_mult__": "2"})
        .entries[0]
        .node
    )
    assert node.given == {"num_hidden"}
    assert node.params["no_bias"] is False


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        (lambda x: x, ["x"]),
        (lambda x: sym.tanh(x, name="t"), ["t_output"]),
        (lambda x: sym.SliceChannel(x, num_outputs=2, name="s"), ["s_output0", "s_output1"]),
        (lambda x: sym.sgd_mom_update(x, name="s", lr=0.1), ["s_output"]),
    ],
)
def test_entry_names(symbol, expected):
    entries = symbol(sym.Variable("x")).entries
    assert [entry.name for entry in entries] == expected


# ------------------------------------------------------------------------------------------ order


def test_order_is_depth_first(diamond):
    graph = Graph(diamond)
    assert names(graph) == ["x", "left", "right", "join"]
    assert [graph.index[node] for node in graph] == [0, 1, 2, 3]
    assert len(graph) == 4


def test_order_follows_the_heads():
    a, b = sym.Variable("a"), sym.Variable("b")
    assert names(Graph(sym.Group([b, a]))) == ["b", "a"]
    assert names(Graph(sym.elemwise_sub(b, a, name="s"))) == ["b", "a", "s"]


def test_order_is_not_any_topological_order():
    """A second branch is walked where it is read, not where it could be."""
    a, b = sym.Variable("a"), sym.Variable("b")
    first = sym.tanh(a, name="first")
    both = sym.elemwise_add(first, sym.tanh(b, name="second"), name="both")
    assert names(Graph(both)) == ["a", "first", "b", "second", "both"]
    assert [n.name for n in nx.topological_sort(Graph(both).nx)] != names(Graph(both))


def test_consumers_are_listed_once(diamond):
    x = diamond.graph.order[0]
    assert [n.name for n in diamond.graph.consumers[x]] == ["left", "right"]
    square = sym.elemwise_mul(sym.Variable("a"), sym.Variable("a"), name="m")
    twice = square * square
    middle = square.entries[0].node
    assert len(twice.graph.consumers[middle]) == 1


def test_arguments_and_states():
    step = sym.sgd_mom_update(*(sym.Variable(n) for n in ("w", "g", "m")), lr=0.1)
    graph = Graph(step)
    assert [n.name for n in graph.arguments] == ["w", "g"]
    assert [n.name for n in graph.auxiliary] == ["m"]
    assert [n.name for n in graph.variables] == ["w", "g", "m"]


def test_only_what_is_reached_is_in_it(diamond):
    assert names(Graph(diamond.get_internals()["left_output"])) == ["x", "left"]


# ----------------------------------------------------------------------------------- the nx view


def test_view_has_slots_and_indices():
    parts = sym.SliceChannel(sym.Variable("x"), num_outputs=2, name="s")
    graph = Graph(sym.elemwise_sub(parts[1], parts[0], name="d"))
    edges = {(u.name, v.name, d["slot"]): d["index"] for u, v, d in graph.nx.edges(data=True)}
    assert edges == {("x", "s", 0): 0, ("s", "d", 0): 1, ("s", "d", 1): 0}
    assert nx.is_directed_acyclic_graph(graph.nx)
    assert graph.nx is graph.nx
    assert set(graph.nx) == set(graph.order)


def test_view_is_frozen(diamond):
    with pytest.raises(nx.NetworkXError, match=r"[Ff]rozen"):
        diamond.graph.nx.add_node(1)


def test_there_and_back(diamond):
    graph = Graph(diamond)
    assert Graph.from_nx(graph.nx) == graph
    assert Graph.from_nx(graph.nx).order == graph.order  # the very nodes
    assert Graph.from_nx(nx.MultiDiGraph(graph.nx)) == graph


def test_insert_a_node(diamond):
    """Put a tanh between x and its readers: edit a copy, come back, and run it."""
    copy = nx.MultiDiGraph(diamond.graph.nx)
    x = diamond.graph.order[0]
    between = Node(get("tanh"), "between", (Entry(x),))
    for reader, data in [(v, d) for _, v, d in copy.out_edges(x, data=True)]:
        copy.add_edge(between, reader, data["slot"], **data)
    copy.remove_edges_from(
        [(u, v, k) for u, v, k in copy.out_edges(x, keys=True) if v is not between]
    )
    copy.add_edge(x, between, 0, index=0, slot=0)
    edited = Graph.from_nx(copy)
    assert names(edited) == ["x", "between", "left", "right", "join"]
    assert names(diamond.graph) == ["x", "left", "right", "join"]
    assert ms.Symbol(edited.outputs).list_arguments() == ["x"]
    assert edited.order[2].origin == diamond.graph.order[1].origin


def test_choose_other_outputs(diamond):
    left = diamond.graph.order[1]
    assert names(Graph.from_nx(diamond.graph.nx, outputs=[Entry(left)])) == ["x", "left"]


def damaged(diamond, damage):
    copy = nx.MultiDiGraph(diamond.graph.nx)
    damage(copy, *diamond.graph.order)
    return copy


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda g, x, left, right, join: g.add_edge(join, left, 1, index=0, slot=1), "cycle"),
        (
            lambda g, x, left, right, join: g.add_edge(x, join, 5, index=0, slot=5),
            r"slots \[0, 1, 5\]",
        ),
        (
            lambda g, x, left, right, join: g.add_edge(x, join, 9, index=0, slot=1),
            r"slots \[0, 1, 1\]",
        ),
        (lambda g, x, left, right, join: g.add_node("me"), "'me' is no minisym Node"),
        (lambda g, x, left, right, join: g.graph.clear(), "does not say what its outputs are"),
        (lambda g, x, left, right, join: g.remove_node(join), "the output join_output is of"),
        (lambda g, x, left, right, join: g.add_edge(x, join, 2), "does not say its slot"),
    ],
    ids=["cycle", "gap", "twice", "stranger", "no outputs", "output removed", "bare edge"],
)
def test_a_damaged_view_is_refused(diamond, damage, message):
    with pytest.raises(ms.GraphError, match=message):
        Graph.from_nx(damaged(diamond, damage))


# ------------------------------------------------------------------------- rebuilding, comparing


def test_rebuild_replaces_bottom_up(diamond):
    exp, tanh = get("exp"), get("tanh")

    def change(node, inputs):
        return (
            node.replace(op=exp, inputs=inputs) if node.op is tanh else node.replace(inputs=inputs)
        )

    rebuilt = Graph(diamond).rebuild(change)
    assert [n.op.name for n in rebuilt.order if n.op] == ["exp", "exp", "elemwise_mul"]
    assert names(rebuilt) == names(Graph(diamond))
    assert [n.origin for n in rebuilt] == [n.origin for n in Graph(diamond)]


def test_rebuild_without_changes_is_equal(diamond):
    again = Graph(diamond).rebuild(lambda node, inputs: node.replace(inputs=inputs))
    assert again == Graph(diamond)
    assert again.order != Graph(diamond).order


def build(**changes):
    settings = {"name": "c", "a_min": 0, "a_max": 1, "op": sym.clip, "of": "x"} | changes
    attr = settings.pop("attr", None)
    op, of = settings.pop("op"), sym.Variable(settings.pop("of"))
    return Graph(op(of, attr=attr, **settings))


@pytest.mark.parametrize(
    "changes",
    [dict(name="d"), dict(a_min=-1), dict(of="y"), dict(attr={"__a__": "1"}), dict(a_max=1.0)],
    ids=str,
)
def test_graphs_differ(changes):
    assert build() == build()
    assert build() != build(**changes)
    assert build() != 3


def test_sharing_matters():
    """One node read twice is another graph than two nodes that look alike."""
    x = sym.Variable("x")
    shared = sym.elemwise_add(x, x, name="s")
    apart = sym.elemwise_add(sym.Variable("x"), sym.Variable("x"), name="s")
    assert Graph(shared) != Graph(apart)


def test_a_graph_is_unhashable(diamond):
    with pytest.raises(TypeError, match="unhashable"):
        hash(diamond.graph)


# ------------------------------------------------------------------------------------------- size


def test_a_long_chain_needs_no_recursion():
    """30,000 nodes compose, order, compare, rebuild, convert, and are freed."""
    length = 30_000
    assert length > 10 * sys.getrecursionlimit()
    symbol = sym.Variable("x")
    for _ in range(length):
        symbol = symbol + 1
    graph = Graph(symbol)
    assert len(graph) == length + 1
    assert graph == Graph(symbol)
    assert len(graph.rebuild(lambda node, inputs: node.replace(inputs=inputs))) == length + 1
    assert nx.dag_longest_path_length(graph.nx) == length
    assert post_order(graph.outputs) == list(graph.order)
    first = weakref.ref(graph.order[0])
    del graph, symbol
    gc.collect()
    assert first() is None
