"""The graph: immutable nodes, depth-first order, a networkx graph, and the way back."""

import copy
import gc
import pickle
import sys
import weakref

import networkx as nx
import numpy as np
import pytest

import minisym as ms
from minisym import sym
from minisym.core.graph import Graph, post_order
from minisym.core.node import Entry, Node
from minisym.core.op import get


def names(graph):
    return [node.name for node in graph]


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
    assert list(graph.numbered().values()) == [0, 1, 2, 3]
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
    assert [n.name for n in nx.topological_sort(Graph(both))] != names(Graph(both))


def test_readers_are_listed_once(diamond):
    x = diamond.graph.node("x")
    assert [n.name for n in diamond.graph.successors(x)] == ["left", "right"]
    square = sym.elemwise_mul(sym.Variable("a"), sym.Variable("a"), name="m")
    twice = square * square
    middle = square.entries[0].node
    assert len(list(twice.graph.successors(middle))) == 1


def test_arguments_and_states():
    step = sym.sgd_mom_update(*(sym.Variable(n) for n in ("w", "g", "m")), lr=0.1)
    graph = Graph(step)
    assert [n.name for n in graph.arguments] == ["w", "g"]
    assert [n.name for n in graph.auxiliary] == ["m"]
    assert [n.name for n in graph.variables] == ["w", "g", "m"]


def test_only_what_is_reached_is_in_it(diamond):
    assert names(Graph(diamond.get_internals()["left_output"])) == ["x", "left"]


# ------------------------------------------------------------------------------------ in networkx


def test_it_is_a_digraph_with_attributes_that_say_something():
    net = sym.SoftmaxOutput(sym.relu(sym.Variable("x"), name="r"), name="out")
    graph = net.graph
    assert isinstance(graph, nx.DiGraph)
    assert graph.nodes[graph.node("r")] == {"name": "r", "op": "relu", "kind": "activation"}
    assert nx.get_node_attributes(graph, "op")[graph.node("x")] == "Variable"
    assert {d["kind"] for _, d in graph.nodes(data=True)} == {"variable", "activation", "loss"}
    assert graph.graph["outputs"] == net.entries


def test_an_edge_holds_all_slots_of_a_reader():
    parts = sym.SliceChannel(sym.Variable("x"), num_outputs=2, name="s")
    graph = sym.elemwise_sub(parts[1], parts[0], name="d").graph
    assert graph.edges[graph.node("s"), graph.node("d")] == {"slots": ((0, 1), (1, 0))}
    assert graph.number_of_edges() == 2


def test_networkx_names_keep_their_meaning(diamond):
    graph = diamond.graph
    assert (graph.order(), graph.size(), graph.number_of_nodes(), len(graph)) == (4, 4, 4, 4)
    assert list(graph.nodes) == list(graph)
    assert graph.name == ""
    assert graph.is_directed()
    assert not graph.is_multigraph()
    assert nx.is_frozen(graph)
    assert list(graph.in_degree) == [(n, len({e.node for e in n.inputs})) for n in graph]
    assert sorted(d for _, d in graph.degree()) == [2, 2, 2, 2]
    assert {u.name for u, _ in graph.in_edges(graph.node("join"))} == {"left", "right"}
    assert list(graph.edges(graph.node("left"))) == [(graph.node("left"), graph.node("join"))]


ALGORITHMS = {
    "longest path": lambda g: [n.name for n in nx.dag_longest_path(g)] == ["x", "left", "join"],
    "ancestors": lambda g: {n.name for n in nx.ancestors(g, g.node("left"))} == {"x"},
    "descendants": lambda g: len(nx.descendants(g, g.node("x"))) == 3,
    "generations": lambda g: [len(layer) for layer in nx.topological_generations(g)] == [1, 2, 1],
    "lexicographic": lambda g: (
        [n.name for n in nx.lexicographical_topological_sort(g, key=lambda n: n.name)]
        == ["x", "left", "right", "join"]
    ),
    "transitive reduction": lambda g: nx.transitive_reduction(g).number_of_edges() == 4,
    "transitive closure": lambda g: nx.transitive_closure_dag(g).number_of_edges() == 5,
    "dominators": lambda g: nx.immediate_dominators(g, g.node("x"))[g.node("join")].name == "x",
    "condensation": lambda g: len(nx.condensation(g)) == 4,
    "components": lambda g: nx.number_weakly_connected_components(g) == 1,
    "cut points": lambda g: set(nx.articulation_points(g.to_undirected())) == set(),
    "betweenness": lambda g: max(nx.betweenness_centrality(g).values()) > 0,
    "hash": lambda g: (
        nx.weisfeiler_lehman_graph_hash(g.to_undirected(), node_attr="op")
        == nx.weisfeiler_lehman_graph_hash(g.copy().to_undirected(), node_attr="op")
    ),
    "isomorphism": lambda g: nx.is_isomorphic(
        g, g.copy(), node_match=lambda a, b: a["op"] == b["op"]
    ),
    "relabelling": lambda g: set(nx.convert_node_labels_to_integers(g)) == {0, 1, 2, 3},
    "names": lambda g: set(nx.relabel_nodes(g, {n: n.name for n in g})) == set(names(g)),
    "text": lambda g: len(list(nx.generate_network_text(g))) >= 4,
    "reverse": lambda g: [n.name for n in g.reverse().successors(g.node("left"))] == ["x"],
    "undirected": lambda g: nx.is_connected(g.to_undirected()),
    "directed": lambda g: g.to_directed().number_of_edges() == 4,
    "subgraph": lambda g: len(g.subgraph([g.node("x"), g.node("left")]).edges) == 1,
    "edge subgraph": lambda g: len(g.edge_subgraph([(g.node("x"), g.node("left"))])) == 2,
    "multigraph": lambda g: nx.MultiDiGraph(g).number_of_edges() == 4,
    "deepcopy": lambda g: copy.deepcopy(g) == g,
    "copy": lambda g: copy.copy(g) is g,
}


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS)
def test_algorithms_take_it_as_it_is(diamond, algorithm):
    assert algorithm(diamond.graph)


def test_a_copy_may_change(diamond):
    for make in (nx.DiGraph.copy, nx.DiGraph, copy.deepcopy, nx.DiGraph.to_directed):
        if make is not copy.deepcopy:
            changed = make(diamond.graph)
            assert type(changed) is nx.DiGraph
            changed.add_node("new")
            changed.nodes["new"]["mood"] = "good"
    copied = copy.deepcopy(diamond.graph.copy())
    copied.edges[diamond.graph.node("x"), diamond.graph.node("left")]["mood"] = "good"
    assert len(diamond.graph) == 4
    assert "mood" not in diamond.graph.edges[diamond.graph.node("x"), diamond.graph.node("left")]


CHANGES = {
    "add a node": lambda g, x: g.add_node(x),
    "add nodes": lambda g, x: g.add_nodes_from([x]),
    "add an edge": lambda g, x: g.add_edge(x, x),
    "add edges": lambda g, x: g.add_edges_from([(x, x)]),
    "remove a node": lambda g, x: g.remove_node(x),
    "remove edges": lambda g, x: g.remove_edges_from([]),
    "clear": lambda g, x: g.clear(),
    "update": lambda g, x: g.update(),
    "say otherwise": lambda g, x: g.edges[x, g.node("left")].update(slots=()),
    "say more": lambda g, x: g.edges[x, g.node("left")].setdefault("weight", 1),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_graph_is_frozen(diamond, change):
    with pytest.raises(nx.NetworkXError, match=r"frozen|cannot be changed") as caught:
        change(diamond.graph, diamond.graph.node("x"))
    assert isinstance(caught.value, ms.GraphError)
    assert "graph.copy()" in str(caught.value)


def test_a_node_by_name(diamond):
    assert diamond.graph.node("left").op.name == "tanh"
    with pytest.raises(ms.GraphError, match=r"(?s)has no node 'lft'.*did you mean 'left'"):
        diamond.graph.node("lft")
    twins = sym.Variable("x") + sym.Variable("x")
    with pytest.raises(ms.GraphError, match=r"2 nodes .* are named 'x'"):
        twins.graph.node("x")


def test_a_graph_holds_no_reference_cycle(diamond):
    """It is freed at once: networkx's cached views would keep it until the collector comes."""
    graph = Graph(diamond)
    list(nx.topological_sort(graph))
    assert graph.edges
    assert graph.degree
    assert graph.adj
    gone = weakref.ref(graph)
    gc.disable()
    try:
        del graph
        assert gone() is None
    finally:
        gc.enable()


def test_what_is_reached(diamond):
    graph = diamond.graph
    x, left, right, join = graph
    assert graph.reached([left]) == {left, join}
    assert graph.reached([x], stop=[left]) == {x, right, join}
    assert graph.reached([x], stop=[x]) == {x, left, right, join}
    assert graph.reached([]) == set()


def test_arrows_say_who_comes_first(diamond):
    graph = diamond.graph
    left, right = graph.node("left"), graph.node("right")
    assert list(nx.topological_sort(graph.with_arrows([(right, left)])))[1:3] == [right, left]
    assert not graph.has_edge(right, left)


def test_edit_a_copy_and_come_back(diamond):
    graph = diamond.graph
    edited = graph.copy()
    x, left, right, _ = graph
    between = Node(get("tanh"), "between", (Entry(x),))
    edited.add_edge(x, between, slots=((0, 0),))
    for reader in (left, right):
        edited.remove_edge(x, reader)
        edited.add_edge(between, reader, slots=((0, 0),))
    after = ms.Symbol.from_graph(edited)
    assert names(after.graph) == ["x", "between", "left", "right", "join"]
    assert after.eval(x=np.ones(1))[0] == np.tanh(np.tanh(1)) * np.exp(np.tanh(1))
    assert ms.Symbol.from_graph(edited, outputs=[left]).list_outputs() == ["left_output"]
    assert ms.Symbol.from_graph(graph).entries == diamond.entries


@pytest.mark.parametrize(
    "make",
    [lambda s: s.graph, lambda s: s.graph.node("join"), lambda s: s.entries[0], lambda s: s],
    ids=["graph", "node", "entry", "symbol"],
)
def test_pickling(diamond, make):
    thing = make(diamond)
    again = pickle.loads(pickle.dumps(thing))
    assert type(again) is type(thing)
    whole = {Graph: lambda g: g, Node: lambda n: Graph([Entry(n)]), Entry: lambda e: Graph([e])}
    assert whole.get(type(again), Graph)(again) == diamond.graph


def test_a_networkx_copy_is_pickled_with_its_nodes(diamond):
    again = pickle.loads(pickle.dumps(diamond.graph.copy()))
    assert [d["op"] for _, d in again.nodes(data=True)] == [
        "Variable",
        "tanh",
        "exp",
        "elemwise_mul",
    ]
    assert Graph.from_nx(again) == diamond.graph


# ------------------------------------------------------------------------- the form of a multigraph


def test_view_has_slots_and_indices():
    parts = sym.SliceChannel(sym.Variable("x"), num_outputs=2, name="s")
    graph = Graph(sym.elemwise_sub(parts[1], parts[0], name="d"))
    edges = {(u.name, v.name, d["slot"]): d["index"] for u, v, d in graph.nx.edges(data=True)}
    assert edges == {("x", "s", 0): 0, ("s", "d", 0): 1, ("s", "d", 1): 0}
    assert nx.is_directed_acyclic_graph(graph.nx)
    assert graph.nx is graph.nx
    assert set(graph.nx) == set(graph)


def test_view_is_frozen(diamond):
    with pytest.raises(nx.NetworkXError, match=r"[Ff]rozen"):
        diamond.graph.nx.add_node(1)


def test_there_and_back(diamond):
    graph = Graph(diamond)
    assert Graph.from_nx(graph.nx) == graph
    assert list(Graph.from_nx(graph.nx)) == list(graph)  # the very nodes
    assert Graph.from_nx(nx.MultiDiGraph(graph.nx)) == graph


def test_insert_a_node(diamond):
    """Put a tanh between x and its readers: edit a copy, come back, and run it."""
    copy = nx.MultiDiGraph(diamond.graph.nx)
    x = diamond.graph.node("x")
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
    assert edited.node("left").origin == diamond.graph.node("left").origin


def test_choose_other_outputs(diamond):
    left = diamond.graph.node("left")
    assert names(Graph.from_nx(diamond.graph.nx, outputs=[Entry(left)])) == ["x", "left"]


def damaged(diamond, damage):
    copy = nx.MultiDiGraph(diamond.graph.nx)
    damage(copy, *diamond.graph)
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


def test_substitution_goes_bottom_up(diamond):
    exp, tanh = get("exp"), get("tanh")

    def change(node, inputs):
        return (
            node.replace(op=exp, inputs=inputs) if node.op is tanh else node.replace(inputs=inputs)
        )

    rebuilt = Graph(diamond).substitute({}, change)
    assert [n.op.name for n in rebuilt if n.op] == ["exp", "exp", "elemwise_mul"]
    assert names(rebuilt) == names(Graph(diamond))
    assert [n.origin for n in rebuilt] == [n.origin for n in Graph(diamond)]


def test_other_nodes_may_make_an_equal_graph(diamond):
    again = Graph(diamond).substitute({}, lambda node, inputs: node.replace(inputs=inputs))
    assert again == Graph(diamond)
    assert list(again) != list(Graph(diamond))


def test_substitute_an_entry(diamond):
    """All readers read the new one, and so do the outputs; what nobody reads is gone."""
    left = Entry(diamond.graph.node("left"))
    new = sym.sin(sym.Variable("y"), name="new").entries[0]
    after = sym.Group([diamond, ms.Symbol((left,))]).graph.substitute({left: new})
    assert names(after) == ["y", "new", "x", "right", "join"]
    assert [entry.name for entry in after.outputs] == ["join_output", "new_output"]
    assert after.node("right") is diamond.graph.node("right")


def test_what_takes_a_place_may_read_it(diamond):
    left = Entry(diamond.graph.node("left"))
    twice = sym.exp(ms.Symbol((left,)), name="twice").entries[0]
    after = diamond.graph.substitute({left: twice})
    assert names(after) == ["x", "left", "twice", "right", "join"]


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
    assert len(graph.substitute({}, lambda node, new: node.replace(inputs=new))) == length + 1
    assert nx.dag_longest_path_length(graph) == length
    assert post_order(graph.outputs) == list(graph)
    first = weakref.ref(graph.node("x"))
    del graph, symbol
    gc.collect()
    assert first() is None
