"""Composing: what becomes of a call's arguments, and that nothing that exists is changed."""

import copy
import inspect
import pickle
import pydoc

import numpy as np
import pytest

import minisym as ms
from minisym import sym
from minisym.core.op import FROM_INPUT, SYMBOL_PARAMS
from minisym.symbol.methods import FLUENT


def node(symbol):
    return symbol.entries[0].node


def inputs(symbol):
    return [entry.name for entry in node(symbol).inputs]


@pytest.fixture
def x():
    return sym.Variable("x")


# -------------------------------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    "call",
    [
        lambda x: sym.FullyConnected(x, num_hidden=3, no_bias=True, name="f"),
        lambda x: sym.FullyConnected(data=x, num_hidden=3, no_bias=True, name="f"),
        lambda x: sym.FullyConnected(x, None, None, 3, True, name="f"),
        lambda x: sym.FullyConnected(x, None, 3, True, name="f"),
        lambda x: sym.FullyConnected(x, num_hidden="3", no_bias="True", name="f"),
        lambda x: sym.FullyConnected(x, **{"num.hidden": 3, "no.bias": True}, name="f"),
        lambda x: sym.FullyConnected(x, num_hidden=np.int64(3), no_bias=np.True_, name="f"),
    ],
    ids=["usual", "keyword", "position", "bias passed over", "strings", "R's spelling", "NumPy's"],
)
def test_one_node_many_spellings(x, call):
    made = node(call(x))
    assert inputs(call(x)) == ["x", "f_weight"]
    assert made.params["num_hidden"] == 3
    assert made.params["no_bias"] is True
    assert dict(made.attrs) == {"num_hidden": "3", "no_bias": "True"}


def test_parameters_are_typed_and_strings_are_kept(x):
    made = node(sym.clip(x, "0", 1.50))
    assert (made.params["a_min"], made.params["a_max"]) == (0.0, 1.5)
    assert dict(made.attrs) == {"a_min": "0", "a_max": "1.5"}


def test_any_number_of_inputs(x):
    y = sym.Variable("y")
    for call in (sym.Concat(x, y, dim=0), sym.Concat([x, y], dim=0), sym.Concat((x, y), dim=0)):
        assert inputs(call) == ["x", "y"]
        assert node(call).params["num_args"] == 2


def test_absent_inputs_become_variables(x):
    made = sym.FullyConnected(x, num_hidden=2, name="f", attr={"__mood__": "calm"})
    assert inputs(made) == ["x", "f_weight", "f_bias"]
    weight = node(made).inputs[1].node
    assert weight.is_variable
    assert weight.attrs["__mood__"] == "calm"


def test_none_is_absent(x):
    assert inputs(sym.FullyConnected(x, weight=None, num_hidden=2, name="f"))[1] == "f_weight"


@pytest.mark.parametrize("number", [2, 2.5, np.float32(2.5), np.int8(2), -1])
def test_numbers_beside_symbols(x, number):
    for made in (x + number, number + x, x**number, number / x):
        assert node(made).params["scalar"] == float(number)


@pytest.mark.parametrize("other", [True, "1", None, [1], np.ones(2), 1j], ids=str)
def test_other_operands_are_refused(x, other):
    for operation in (lambda: x + other, lambda: other * x, lambda: x == other):
        with pytest.raises((ms.ComposeError, TypeError)):
            operation()


# --------------------------------------------------------------------- parameters from the graph


def test_a_float_parameter_may_be_a_symbol():
    w, g, rate = (sym.Variable(n) for n in ("w", "g", "rate"))
    step = sym.signsgd_update(w, g, lr=rate, wd=0.5, name="step")
    assert inputs(step) == ["w", "g", "rate"]
    assert node(step).params["lr"] is FROM_INPUT
    assert node(step).attrs[SYMBOL_PARAMS] == "lr"
    assert step.list_arguments() == ["w", "g", "rate"]
    weight = np.array([1.0, -1.0])
    arrays = {"w": weight, "g": np.array([2.0, 2.0]), "rate": np.array([0.5])}
    step.bind(args=arrays).forward()
    np.testing.assert_array_equal(weight, [0.25, -1.25])


def test_several_computed_parameters_keep_their_order():
    w, g, a, b = (sym.Variable(n) for n in ("w", "g", "a", "b"))
    step = sym.signsgd_update(w, g, wd=b, lr=a, name="step")
    assert inputs(step) == ["w", "g", "a", "b"]
    assert node(step).attrs[SYMBOL_PARAMS] == "lr,wd"


@pytest.mark.parametrize(
    "call",
    [
        lambda s: sym.clip(s, a_min=s, a_max=1),
        lambda s: sym.FullyConnected(s, num_hidden=s),
        lambda s: sym.sum(s, axis=s),
    ],
    ids=["no update", "an int", "a tuple"],
)
def test_other_parameters_may_not(x, call):
    with pytest.raises(ms.ComposeError, match="only float parameters of updates may be symbols"):
        call(x)


# ------------------------------------------------------------------------------ nothing is changed


def test_composing_leaves_its_inputs_alone(x):
    y = sym.tanh(x, name="t")
    before = ms.Graph(y)
    sym.exp(y)
    y(x=sym.Variable("z"))
    assert ms.Graph(y) == before
    assert y.list_arguments() == ["x"]


def test_replacing_a_variable_keeps_what_does_not_change():
    a, b = sym.Variable("a"), sym.Variable("b")
    left, right = sym.tanh(a, name="l"), sym.tanh(b, name="r")
    net = left + right
    replaced = net(a=sym.exp(sym.Variable("c"), name="e"))
    assert replaced.list_arguments() == ["c", "b"]
    assert node(right) in set(replaced.graph)
    assert node(left) not in set(replaced.graph)


def test_replacing_all_variables_of_one_name():
    both = sym.Variable("a") + sym.Variable("a")
    assert both(a=sym.Variable("c")).list_arguments() == ["c"]


def test_replacing_names_the_head_only():
    net = sym.tanh(sym.FullyConnected(sym.Variable("x"), num_hidden=2, name="f"), name="t")
    again = net(x=sym.Variable("y"), name="u")
    assert again.list_outputs() == ["u_output"]
    assert again.list_arguments() == ["y", "f_weight", "f_bias"]


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s)), lambda s: s[:]],
    ids=["copy", "deepcopy", "pickle", "slice"],
)
def test_copies_are_equal(duplicate):
    net = sym.FullyConnected(sym.Variable("x", shape=(2, 3)), num_hidden=2, name="f")
    group = sym.Group([net, sym.tanh(net, name="t")])
    assert ms.Graph(duplicate(group)) == ms.Graph(group)


# ----------------------------------------------------------------------------------- where it was


def test_errors_name_the_line_that_composed():
    a, b = sym.Variable("a"), sym.Variable("b")
    total = a + b  # here
    with pytest.raises(ms.ShapeError) as caught:
        total.infer_shape(a=(1,), b=(2,))
    message = str(caught.value)
    assert "composed at test_compose.py:" in message
    assert "    total = a + b  # here\n            ^^^^^\n" in message


def test_gradient_nodes_come_from_their_forward_line():
    x = sym.Variable("x")
    y = sym.tanh(x, name="t")
    slope = ms.grad(y, "x")
    origins = {n.name: n.origin for n in slope.graph}
    assert {o for name, o in origins.items() if name.startswith("t_")} == {node(y).origin}


def test_ops_are_methods_that_show_their_signature_and_docstring():
    x = sym.Variable("x")
    for name in FLUENT:
        method, function = getattr(x, name), getattr(sym, "cast" if name == "astype" else name)
        _, *rest = inspect.signature(function).parameters.values()
        assert list(inspect.signature(method).parameters.values()) == rest
        assert method.__doc__ == function.__doc__
        assert (method.__name__, method.__qualname__) == (name, f"Symbol.{name}")
        assert inspect.ismethod(method)
        assert method.__self__ is x


def test_help_shows_the_method():
    text = pydoc.plain(pydoc.render_doc(sym.Variable("x").reshape))
    # from Python 3.13 on, each parameter of a long signature has a line of its own
    assert "reshape(shape: tuple[int, ...] = ()" in text.replace("(\n    shape", "(shape")
    assert "Give an array another shape" in text
    assert "partial" not in text


def test_what_only_arrays_can_do_is_a_method_that_refuses():
    x = sym.Variable("x")
    assert x.asnumpy.__qualname__ == "Symbol.asnumpy"
    with pytest.raises(NotImplementedError, match=r"asnumpy\(\) needs a value"):
        x.asnumpy()


def test_choosing_internals_one_by_one_is_no_search() -> None:
    net = sym.Variable("x")
    for _ in range(300):
        net = net + 1
    names = net.get_internals().list_outputs()
    chosen = [net.get_internals()[name] for name in names]
    assert [found.list_outputs() for found in chosen] == [[name] for name in names]
    assert net.graph.named_internals is net.graph.named_internals
    internals = net.get_internals()
    before = internals["x"]
    before._set_attr(lr_mult="2")
    assert internals["x"].attr("lr_mult") is None
    assert before["x"].attr("lr_mult") == "2"


def test_groups_of_arrays_are_counted():
    """Where MXNet wants `num_weights`, two groups of arrays are two weights."""
    names = ("w0", "g0", "w1", "g1")
    step = sym.multi_sgd_update(*map(sym.Variable, names), lrs=(0.5, 1.0), wds=(0.0, 0.0))
    assert step.list_arguments() == list(names)
    assert len(step.list_outputs()) == 2
    weights = {name: np.zeros(2) for name in ("w0", "w1")}
    step.bind(args={**weights, "g0": np.ones(2), "g1": np.ones(2)}).forward()
    np.testing.assert_array_equal(weights["w0"], [-0.5, -0.5])
    np.testing.assert_array_equal(weights["w1"], [-1.0, -1.0])
    # with arrays behind the groups, and with one that is missing, which becomes a Variable
    rates = [sym.Variable("lrs"), sym.Variable("wds")]
    assert len(sym.preloaded_multi_sgd_update(*map(sym.Variable, names), *rates)) == 2
    short = sym.multi_sgd_update(*map(sym.Variable, names[:3]), lrs=(1, 1), wds=(0, 0), name="s")
    assert short.list_arguments() == ["w0", "g0", "w1", "s_grad_1"]
