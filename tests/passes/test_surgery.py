"""Surgery: what changes, what stays, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minisym as ms
from minisym import sym


@pytest.fixture
def net():
    """Make a net of three layers."""
    found = sym.Variable("x")
    for i in range(3):
        found = sym.FullyConnected(found, num_hidden=4, name=f"fc{i}")
        found = sym.relu(found, name=f"act{i}")
    return found


def internals(symbol):
    return symbol.get_internals().list_outputs()


def node(symbol, name):
    return next(node for node in symbol.graph if node.name == name)


def value(symbol, **arrays):
    rng = np.random.default_rng(0)
    shapes = symbol.infer_shape(**{name: array.shape for name, array in arrays.items()})[0]
    for name, shape in zip(symbol.list_arguments(), shapes, strict=True):
        arrays.setdefault(name, rng.standard_normal(shape))
    return symbol.eval(**arrays)[0]


class TestReplace:
    def test_a_variable(self, net):
        new = net.replace(x=sym.Variable("y") * 2)
        assert new.list_arguments() == ["y", *net.list_arguments()[1:]]
        assert net.list_arguments()[0] == "x"

    def test_an_output_keeps_the_rest(self, net):
        tanh = sym.tanh(net.get_internals()["fc1_output"], name="tanh1")
        new = net.replace(act1_output=tanh)
        assert internals(new) == [n.replace("act1_", "tanh1_") for n in internals(net)]
        assert node(new, "fc1") is node(net, "fc1")
        assert node(new, "fc2") is not node(net, "fc2")
        for kept in ("fc2", "act2"):
            assert node(new, kept).origin == node(net, kept).origin
            assert node(new, kept).params == node(net, kept).params

    def test_by_the_name_of_a_node(self, net):
        tanh = sym.tanh(net.get_internals()["fc1_output"], name="tanh1")
        assert ms.Graph(net.replace(act1=tanh)) == ms.Graph(net.replace(act1_output=tanh))
        assert ms.Graph(net.replace({"act1": tanh})) == ms.Graph(net.replace(act1=tanh))

    def test_the_new_may_contain_the_old(self, net):
        fc1 = net.get_internals()["fc1_output"]
        new = net.replace(fc1=fc1 * 2)
        assert internals(new).count("fc1_output") == 1
        x = np.ones((2, 3))
        inner = new.get_internals()
        doubled, plain = (value(inner[n], x=x) for n in ("_mulscalar0_output", "fc1_output"))
        np.testing.assert_allclose(doubled, 2 * plain)

    def test_a_head(self, net):
        inner = net.get_internals()
        both = sym.Group([net, inner["x"]])
        new = both.replace(x=sym.Variable("y"), act2=inner["fc2_output"])
        assert new.list_outputs() == ["fc2_output", "y"]

    def test_all_outputs_of_a_node(self):
        parts = sym.split(sym.Variable("x"), num_outputs=2, name="s")
        net = parts[0] + parts[1]
        a, b = sym.Variable("a"), sym.Variable("b")
        assert net.replace(s=sym.Group([a, b])).list_arguments() == ["a", "b"]
        assert net.replace(s_output1=b).list_arguments() == ["x", "b"]

    def test_weights_may_be_tied(self, net):
        weight = net.get_internals()["fc1_weight"]
        assert net.replace(fc2_weight=weight).list_arguments().count("fc1_weight") == 1

    @settings(max_examples=30, deadline=None)
    @given(data=st.data())
    def test_by_itself_is_the_identity(self, data):
        net = sym.Variable("x")
        for i in range(data.draw(st.integers(1, 6))):
            other = data.draw(st.sampled_from(list(net.get_internals())))
            net = sym.elemwise_add(net, other, name=f"n{i}")
        part = data.draw(st.sampled_from(list(net.get_internals())))
        assert net.replace({part.list_outputs()[0]: part}).entries == net.entries

    @settings(max_examples=30, deadline=None)
    @given(names=st.permutations(["x", "fc0_weight", "fc1_weight"]))
    def test_one_by_one_or_at_once(self, names):
        net = sym.FullyConnected(sym.Variable("x"), num_hidden=2, name="fc0")
        net = sym.FullyConnected(net, num_hidden=2, name="fc1")
        new = {name: sym.Variable(f"new_{name}") for name in names}
        one_by_one = net
        for name in names:
            one_by_one = one_by_one.replace({name: new[name]})
        assert ms.Graph(one_by_one) == ms.Graph(net.replace(new))

    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            ({"fcx": "x"}, "the graph has no part 'fcx'"),
            ({"x": "act2_output"}, "replace: there would be 2 different nodes named 'fc0'"),
            ({"act1": "act0_output"}, None),
        ],
    )
    def test_by_another_part(self, net, changes, text):
        new = {name: net.get_internals()[part] for name, part in changes.items()}
        if text is None:
            assert "act1_output" not in internals(net.replace(new))
            return
        with pytest.raises(ms.GraphError, match=text):
            net.replace(new)

    def test_refuses_what_is_no_symbol(self, net):
        with pytest.raises(ms.GraphError, match=r"x must be replaced by a Symbol, but got 3"):
            net.replace(x=3)

    def test_refuses_another_number_of_outputs(self, net):
        parts = sym.split(sym.Variable("y"), num_outputs=2, name="s")
        with pytest.raises(ms.GraphError, match="x has x, but what should take its place has s_"):
            net.replace(x=parts)

    def test_refuses_a_second_variable_of_a_name(self, net):
        with pytest.raises(ms.GraphError, match="2 different nodes named 'fc1_weight'") as caught:
            net.replace(x=sym.Variable("fc1_weight"))
        assert "give the new one another name" in str(caught.value)

    def test_refuses_a_state_that_is_computed(self):
        net = sym.BatchNorm(sym.Variable("x"), name="bn")
        with pytest.raises(ms.GraphError, match="an update overwrites a Variable"):
            net.replace(bn_moving_mean=sym.Variable("m") * 2)
        assert net.replace(bn_moving_mean=sym.Variable("m")).list_auxiliary_states()[0] == "m"

    def test_refuses_a_second_update(self):
        w, v, g = map(sym.Variable, "wvg")
        net = sym.Group([sym.signsgd_update(w, g, lr=1, name="s"), sym.sgd_update(v, g, lr=1)])
        with pytest.raises(ms.GraphError, match="variable 'w' is written by two nodes"):
            net.replace(v=w)

    def test_refuses_a_name_that_two_have(self):
        a, b = sym.Variable("a"), sym.Variable("a")
        with pytest.raises(ms.GraphError, match="2 parts of the graph are named 'a'"):
            (a + b).replace(a=a)

    def test_what_was_broken_before_may_stay(self):
        a, b, c = sym.Variable("a"), sym.Variable("a"), sym.Variable("c")
        assert (a + b * c).replace(c=sym.Variable("d")).list_arguments() == ["a", "a", "d"]


class TestInsertAfter:
    def test_a_node_and_a_variable(self, net):
        new = net.insert_after("act0", lambda x: sym.Dropout(x, p=0.5, name="drop"))
        assert internals(new)[4:6] == ["act0_output", "drop_output"]
        assert node(new, "fc1").inputs[0].name == "drop_output"
        new = net.insert_after("x", lambda x: x / 255)
        assert internals(new)[:2] == ["x", "_divscalar0_output"]

    def test_a_head(self, net):
        assert net.insert_after("act2", sym.softmax).list_outputs() == ["softmax0_output"]

    def test_names_are_fresh(self):
        net = sym.relu(sym.relu(sym.Variable("x")))
        with ms.name.NameManager():  # as in another session
            new = net.insert_after("relu0", sym.relu)
        assert internals(new) == ["x", "relu0_output", "relu2_output", "relu1_output"]

    def test_nothing_is_the_identity(self, net):
        assert net.insert_after("act0", lambda x: x).entries == net.entries

    def test_remove_undoes_it(self, net):
        new = net.insert_after("act1", lambda x: sym.Dropout(x, name="drop"))
        assert ms.Graph(new.remove("drop")) == ms.Graph(net)

    @pytest.mark.parametrize(
        ("name", "make", "text"),
        [
            ("act1", lambda _: 3, "must return a symbol of one output, but got 3"),
            ("act1", lambda _: sym.Variable("y"), "does not read act1_output"),
            ("act1", lambda x: sym.relu(x, name="act2"), "2 different nodes named 'act2'"),
            ("act1", lambda x: sym.split(x, num_outputs=2), "must return a symbol of one output"),
            ("actt", sym.tanh, "the graph has no part 'actt'"),
        ],
    )
    def test_refuses(self, net, name, make, text):
        with pytest.raises(ms.GraphError, match=text):
            net.insert_after(name, make)

    def test_refuses_all_outputs_at_once(self):
        net = sym.Group(sym.split(sym.Variable("x"), num_outputs=2, name="s"))
        with pytest.raises(ms.GraphError, match="s has 2 outputs: s_output0 and s_output1"):
            net.insert_after("s", sym.tanh)
        assert net.insert_after("s_output0", sym.tanh).list_outputs() == [
            *("tanh0_output", "s_output1"),
        ]


class TestRemove:
    def test_its_readers_read_its_input(self, net):
        new = net.remove("act1")
        assert node(new, "fc2").inputs[0].name == "fc1_output"
        assert new.list_outputs() == net.list_outputs()

    def test_its_weights_go_too(self, net):
        gone = set(net.list_arguments()) - set(net.remove("fc1").list_arguments())
        assert gone == {"fc1_weight", "fc1_bias"}

    def test_a_head(self, net):
        assert net.remove("act2_output").list_outputs() == ["fc2_output"]

    def test_which_input_stays(self):
        a, b = sym.Variable("a"), sym.Variable("b")
        net = sym.tanh(sym.elemwise_add(a, b, name="sum"), name="t")
        assert net.remove("sum", keep="rhs").list_arguments() == ["b"]
        with pytest.raises(ms.GraphError, match=r"inputs lhs \(a\) and rhs \(b\), so which one"):
            net.remove("sum")
        with pytest.raises(ms.GraphError, match="so 'data' cannot stay"):
            net.remove("sum", keep="data")

    def test_refuses_a_variable(self, net):
        with pytest.raises(ms.GraphError, match="x is a Variable, and has no input"):
            net.remove("x")

    def test_refuses_a_source(self):
        with pytest.raises(ms.GraphError, match="has the inputs none"):
            (sym.zeros((2,), name="z") + sym.Variable("x")).remove("z")

    def test_refuses_several_outputs(self):
        parts = sym.split(sym.Variable("x"), num_outputs=2, name="s")
        with pytest.raises(ms.GraphError, match="s_output0 and s_output1 of SliceChannel 's' are"):
            (parts[0] + parts[1]).remove("s")
        assert (parts[0] * 2).remove("s").list_arguments() == ["x"]


class TestRewire:
    def test_reads_another_part(self, net):
        new = net.rewire("fc2", data="act0")
        assert "fc1_output" not in internals(new)
        assert node(new, "fc2").inputs[0] == net.get_internals()["act0_output"].entries[0]

    def test_reads_a_new_symbol(self, net):
        new = net.rewire("fc2", weight=sym.Variable("w") * 2, bias=sym.Variable("b"))
        assert new.list_arguments()[-2:] == ["w", "b"]

    def test_other_readers_see_no_difference(self):
        x = sym.Variable("x")
        net = sym.Group([sym.tanh(x, name="a"), sym.tanh(x, name="b")])
        new = net.rewire("b", data=sym.Variable("y"))
        assert new["a_output"].list_arguments() == ["x"]
        assert new["b_output"].list_arguments() == ["y"]

    def test_as_it_was_is_the_identity(self, net):
        assert ms.Graph(net.rewire("fc1", data="act0")) == ms.Graph(net)

    @pytest.mark.parametrize(
        ("name", "inputs", "text"),
        [
            ("fc1", {"data": "act2"}, "itself: fc1 -> act1 -> fc2 -> act2"),
            ("fc1", {"data": "fc1"}, "itself: fc1$"),
            ("fc1", {"date": "x"}, "<FullyConnected 'fc1'> has no input 'date'"),
            ("x", {"data": "fc1"}, "<Variable 'x'> has no input 'data'"),
            ("fc1", {"data": "acct"}, "the graph has no part 'acct'"),
            ("fc9", {"data": "x"}, "the graph has no part 'fc9'"),
        ],
    )
    def test_refuses(self, net, name, inputs, text):
        with pytest.raises(ms.GraphError) as caught:
            net.rewire(name, **inputs)
        assert text.rstrip("$") in caught.value.sentence

    def test_refuses_a_symbol_that_depends_on_it(self, net):
        with pytest.raises(ms.GraphError, match="cannot read act2_output, which depends on 'fc2'"):
            net.rewire("fc2", data=net)

    def test_refuses_several_outputs(self, net):
        parts = sym.split(sym.Variable("y"), num_outputs=2, name="s")
        with pytest.raises(ms.GraphError, match="data must read one output, but got s_output0 and"):
            net.rewire("fc1", data=parts)


class TestSubgraph:
    def test_between_two_cuts(self, net):
        part = net.subgraph(["act0_output"], "fc1_output")
        assert internals(part) == ["act0_output", "fc1_weight", "fc1_bias", "fc1_output"]
        assert node(part, "act0_output").origin == node(net, "act0").origin

    def test_without_cuts_it_ends_earlier(self, net):
        assert ms.Graph(net.subgraph(outputs="fc1")) == ms.Graph(net.get_internals()["fc1_output"])
        assert ms.Graph(net.subgraph()) == ms.Graph(net)

    def test_the_cut_may_have_another_name(self, net):
        part = net.subgraph({"act0": "features"}, ["fc1", "act1"])
        assert part.list_outputs() == ["fc1_output", "act1_output"]
        assert part.list_arguments()[0] == "features"

    @pytest.mark.parametrize("cut", ["x", "fc0_output", "act0_output", "fc1_output", "fc2_weight"])
    def test_two_parts_make_the_whole(self, net, cut):
        part = net.subgraph([cut])
        whole = part.replace({cut: net.get_internals()[cut]})
        assert ms.Graph(whole) == ms.Graph(net)

    def test_values_agree(self, net):
        x = np.ones((2, 3))
        arrays = {n: np.full(s, 0.1) for n, s in zip(
            net.list_arguments(), net.infer_shape(x=x.shape)[0], strict=True)}  # fmt: skip
        features = net.subgraph(outputs="act1").eval(**arrays)[0]
        rest = net.subgraph(["act1_output"])
        (out,) = rest.eval(**arrays, act1_output=features)
        np.testing.assert_array_equal(out, net.eval(**arrays)[0])

    def test_refuses_a_cut_without_effect(self, net):
        with pytest.raises(ms.GraphError, match="subgraph: no output depends on act2_output"):
            net.subgraph(["act2_output"], "fc1_output")

    def test_refuses_nothing(self, net):
        with pytest.raises(ms.GraphError, match="no outputs were asked for"):
            net.subgraph(outputs=[])

    def test_refuses_a_name_that_is_there(self, net):
        with pytest.raises(ms.GraphError, match="2 different nodes named 'fc1_weight'"):
            net.subgraph({"act0": "fc1_weight"})


def test_a_write_that_was_wrong_before_may_stay():
    w, g, x = map(sym.Variable, "wgx")
    wrong = sym.signsgd_update(w * 2, g, lr=1, name="step")
    assert sym.Group([wrong, x]).replace(x=sym.Variable("y")).list_arguments() == ["w", "g", "y"]


def test_a_long_chain():
    net = sym.Variable("x")
    for i in range(20_000):
        net = sym.tanh(net, name=f"t{i}")
    assert len(net.remove("t10000").graph) == 20_000
    assert len(net.subgraph(["t9999_output"]).graph) == 10_001
