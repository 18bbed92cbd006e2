"""Rewrites: what they promise, what is verified, and that a message names the pass."""

import pytest

import minisym as ms
from minisym import sym
from minisym.core.graph import Graph
from minisym.core.node import Entry, Node
from minisym.core.op import get
from minisym.passes import verify as checks
from minisym.passes.rewrite import KEEPS, instead_of, rewrite, run_passes


@pytest.fixture
def graph():
    """Return a graph with two arguments, a state, a write and two outputs."""
    w, g, mom = (sym.Variable(name) for name in ("w", "g", "mom"))
    return sym.Group([sym.sgd_mom_update(w, g, mom, lr=0.1, name="step"), g * 2]).graph


def without_update(graph):
    return Graph(graph.outputs[1:])


def renamed(graph, old, new):
    return graph.substitute(
        {},
        lambda node, inputs: node.reading(inputs).replace(
            name=new if node.name == old else node.name
        ),
    )


BREAKS = {
    "outputs": lambda graph: Graph(graph.outputs[::-1]),
    "arguments": lambda graph: renamed(graph, "g", "h"),
    "states": lambda graph: renamed(graph, "mom", "m"),
    "writes": lambda graph: Graph([*without_update(graph).outputs, Entry(graph.node("w"))]),
}


def test_each_promise_is_broken_by_a_pass_here():
    assert BREAKS.keys() == KEEPS.keys()


@pytest.mark.parametrize("what", BREAKS)
def test_a_broken_promise_is_found(graph, what):
    @rewrite(keeps=(what,))
    def careless(graph):
        return BREAKS[what](graph)

    with pytest.raises(ms.GraphError, match=f"careless: it promises to keep the {what}, but "):
        careless(graph)
    with pytest.raises(ms.GraphError, match=f"careless: it promises to keep the {what}, but "):
        run_passes(graph, [careless], verify=True)


@pytest.mark.parametrize("what", BREAKS)
def test_a_promise_not_made_cannot_be_broken(graph, what):
    @rewrite(keeps=())
    def frank(graph):
        return BREAKS[what](graph)

    assert frank(graph) == BREAKS[what](graph)
    assert run_passes(graph, [BREAKS[what]], verify=True) == BREAKS[what](graph)


def test_a_message_says_what_went_and_what_came(graph):
    @rewrite(keeps=("arguments",))
    def careless(graph):
        return renamed(graph, "g", "h")

    with pytest.raises(ms.GraphError, match="arguments, but g went and h came"):
        careless(graph)


def test_a_message_says_that_only_the_order_has_changed():
    x, y = sym.Variable("x"), sym.Variable("y")

    @rewrite(keeps=("outputs",))
    def swap(graph):
        return Graph(graph.outputs[::-1])

    with pytest.raises(ms.GraphError, match="outputs, but their order became y and x"):
        swap(sym.Group([x, y]).graph)


def test_a_graph_that_cannot_run_may_be_rewritten():
    """Two rivals write one weight: that is for `bind` to say, not for a pass in between."""
    w, g = sym.Variable("w"), sym.Variable("g")
    rivals = [sym.signsgd_update(w, g, lr=0.1, name=name) for name in ("one", "two")]

    @rewrite()
    def same(graph):
        return graph.substitute({}, lambda node, inputs: node.replace(inputs=inputs))

    graph = sym.Group(rivals).graph
    assert same(graph) == graph


def broken(graph):
    """Return a tanh of two inputs."""
    x = Entry(graph.node("g"))
    return Graph([Entry(Node(get("tanh"), "wrong", (x, x)))])


def test_a_broken_graph_is_found_and_the_pass_named(graph):
    with pytest.raises(ms.GraphError, match=r"^broken: <tanh 'wrong'>: there are as many inputs"):
        run_passes(graph, [broken], verify=True)
    with pytest.raises(ms.GraphError, match=r"^broken: <tanh 'wrong'>"):
        rewrite(keeps=())(broken)(graph)


@pytest.mark.parametrize("returned", [None, sym.Variable("x")], ids=["nothing", "a symbol"])
def test_a_pass_that_returns_no_graph(graph, returned):
    def forgets(graph):
        return returned

    with pytest.raises(ms.GraphError, match="forgets: a rewrite returns a Graph, but this one"):
        run_passes(graph, [forgets], verify=True)


def test_verifying_is_asked_for(graph, monkeypatch):
    """By the argument, or by `MINISYM_VERIFY`; a declared pass looks at that, too."""
    assert checks.ALWAYS
    with pytest.raises(ms.GraphError):
        run_passes(graph, [broken])
    assert run_passes(graph, [broken], verify=False).node("wrong")
    monkeypatch.setattr(checks, "ALWAYS", False)
    assert run_passes(graph, [broken]).node("wrong")
    assert rewrite()(broken)(graph).node("wrong")
    with pytest.raises(ms.GraphError):
        run_passes(graph, [broken], verify=True)


def test_passes_run_in_order_and_may_take_more_than_a_graph(graph):
    @rewrite(keeps=("outputs",))
    def rename(graph, old, *, new):
        """Give a node another name."""
        return renamed(graph, old, new)

    assert rename.__name__ == "rename"
    assert rename.__doc__ == "Give a node another name."
    first, second = (lambda g: rename(g, "g", new="h")), (lambda g: rename(g, "h", new="i"))
    found = run_passes(graph, [first, second])
    assert [node.name for node in found.arguments] == ["w", "i"]
    assert run_passes(graph, []) is graph


def test_what_cannot_be_kept_is_refused_where_it_is_declared():
    with pytest.raises(ms.ParamError, match=r"(?s)cannot keep 'output'.*did you mean 'outputs'"):
        rewrite(keeps=("output",))


def test_what_takes_a_place_keeps_name_origin_and_attributes():
    rate = sym.Variable("rate")
    old = sym.signsgd_update(
        sym.Variable("w"), sym.Variable("g"), lr=rate, name="step", attr={"__layer__": "1"}
    ).graph.node("step")
    new = instead_of(old, sym.clip(sym.Variable("x"), a_min=0, a_max=1, name="c"))
    assert (new.op.name, new.name, new.origin) == ("clip", "step", old.origin)
    assert dict(new.attrs) == {"__layer__": "1", "a_min": "0", "a_max": "1"}
    checks.verify(Graph([Entry(new)]))


def test_what_takes_a_place_in_a_gradient_belongs_to_the_same_node():
    slope = ms.grad(sym.tanh(sym.Variable("x"), name="t"), "x")
    old = slope.entries[0].node
    new = instead_of(old, sym.zeros((2,), name="zeros"))
    assert (new.kind, new.owner, new.gradient_order) == ("backward", "t", 1)


def test_casts_are_left_out_by_a_declared_rewrite():
    """Saving without AMP's casts is a rewrite like any other: all that users bind by stays."""
    x = sym.Variable("x")
    net = sym.tanh(sym.amp_cast(x, dtype="float16", name="cast"), name="t")
    saved = sym.load_json(net.tojson(remove_amp_cast=True))
    assert [node.name for node in saved.graph] == ["x", "t"]
