"""The graph's invariants: `verify` finds each kind of damage, and names node and property."""

import re
from types import MappingProxyType

import pytest

import minisym as ms
from minisym import sym
from minisym.core.graph import Graph
from minisym.core.node import Entry, Node
from minisym.core.op import NO_PARAMS, get
from minisym.passes import verify as checks
from minisym.passes.verify import verify

X = Node(None, "x")
TANH, FC, SPLIT = get("tanh"), get("FullyConnected"), get("SliceChannel")


def fully_connected(**changes):
    """Return a node that is right but for the changes."""
    node = sym.FullyConnected(sym.Variable("x"), num_hidden=2, name="fc").entries[0].node
    return node.replace(**changes)


def params(**changes):
    return MappingProxyType({**fully_connected().params, **changes})


DAMAGE = {
    "a name that is a number": (Node(TANH, 7, (Entry(X),)), "the name is a string"),
    "a variable's name": (Node(None, None), "the name is a string"),
    "attributes that can change": (
        Node(TANH, "t", (Entry(X),), attrs={"a": "1"}),
        "attributes are strings",
    ),
    "an attribute that is no string": (
        Node(TANH, "t", (Entry(X),), attrs=MappingProxyType({"a": 1})),
        "attributes are strings",
    ),
    "a variable with an input": (Node(None, "v", (Entry(X),)), "a Variable has neither"),
    "a variable with parameters": (
        Node(None, "v", params=MappingProxyType({"a": 1})),
        "a Variable has neither",
    ),
    "a list of inputs": (Node(TANH, "t", [Entry(X)]), "inputs are entries"),
    "an input that does not exist": (
        Node(TANH, "t", (Entry(X, 1),)),
        "has 1 outputs, but no output 1",
    ),
    "a negative input": (Node(TANH, "t", (Entry(X, -1),)), "no index of an output"),
    "an input too few": (
        fully_connected(inputs=fully_connected().inputs[:2]),
        "takes data, weight, bias and has 2",
    ),
    "an input too many": (Node(TANH, "t", (Entry(X), Entry(X))), "takes data and has 2"),
    "a parameter that is missing": (fully_connected(params=NO_PARAMS), "is missing"),
    "a parameter that does not exist": (fully_connected(params=params(wide=1)), "there is no wide"),
    "a parameter as a string": (
        fully_connected(params=params(num_hidden="2")),
        "num_hidden is '2', not an int",
    ),
    "a bool for a number": (fully_connected(params=params(num_hidden=True)), "num_hidden is True"),
    "parameters that can change": (fully_connected(params=dict(params())), "they are a dict"),
    "a number that the graph computes": (
        fully_connected(params=params(num_hidden=ms.op.FROM_INPUT)),
        "num_hidden cannot be computed by the graph",
    ),
    "strings of other parameters": (
        fully_connected(params=params(num_hidden=3)),
        "num_hidden is 3, but '2' is kept",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found(damage):
    node, message = DAMAGE[damage]
    with pytest.raises(ms.GraphError, match=re.escape(message)) as error:
        verify(Graph([Entry(node)]))
    assert repr(node) in error.value.sentence


def test_outputs_exist():
    with pytest.raises(ms.GraphError, match="has 1 outputs, but no output 2"):
        verify(Graph([Entry(X, 2)]))
    with pytest.raises(ms.GraphError, match="there are no outputs"):
        verify(Graph([]))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda order: order[::-1], "another order"),
        (lambda order: order + order[:1], "stands there twice"),
        (lambda order: order[1:], "another order"),
    ],
)
def test_the_order_is_a_post_order(spoil, message):
    a, b = sym.Variable("a"), sym.Variable("b")
    graph = Graph(a + b)
    graph.__dict__["_listed"] = spoil(tuple(graph))
    with pytest.raises(ms.GraphError, match=message):
        verify(graph)


def test_an_order_that_differs_only_in_depth():
    """Sources first is not enough: MXNet's lists follow the depth-first walk."""
    a, b = sym.Variable("a"), sym.Variable("b")
    graph = Graph(a * 2 + b * 3)
    first, second, *rest = graph
    graph.__dict__["_listed"] = (rest[0], first, second, *rest[1:])
    with pytest.raises(ms.GraphError, match="another order"):
        verify(graph)


def test_an_opaque_op_may_have_any_output():
    opaque = Node(ms.op.opaque("WarpCTC", 1), "w", (Entry(X),))
    verify(Graph([Entry(opaque, 5)]))


def test_a_computed_rate_is_fine():
    w, g, rate = (sym.Variable(n) for n in ("w", "g", "rate"))
    verify(Graph(sym.signsgd_update(w, g, lr=rate * 0.5)))


def test_it_is_on_in_tests_and_bind_runs_it():
    assert checks.ALWAYS
    broken = ms.Symbol((Entry(Node(TANH, "t", (Entry(X), Entry(X)))),))
    with pytest.raises(ms.GraphError, match="takes data and has 2"):
        broken.bind(args={})


def test_gradient_graphs_hold_them_too():
    x = sym.Variable("x")
    net = sym.FullyConnected(sym.tanh(x), num_hidden=2, name="fc")
    verify(Graph(ms.grad(net, ["x", "fc_weight", "fc_bias"])))
