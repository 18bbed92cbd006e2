"""Names and attributes that scopes give: per thread, nested, and undone whatever happens."""

import threading

import pytest

import minisym as ms
from minisym import sym
from minisym.name import NameManager, Prefix


def t(**kwargs):
    return sym.tanh(sym.Variable("x"), **kwargs).name


def in_thread(function):
    """Return what a function returns in a thread of its own."""
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def test_counters_belong_to_a_manager():
    with NameManager():
        assert [t(), t()] == ["tanh0", "tanh1"]
        with NameManager():
            assert t() == "tanh0"
        assert t() == "tanh2"


def test_a_given_name_does_not_count():
    with NameManager():
        assert [t(name="mine"), t()] == ["mine", "tanh0"]


def test_a_manager_may_be_entered_again():
    manager = NameManager()
    with manager:
        t()
    with manager:
        assert t() == "tanh1"


def test_prefixes_do_not_add_up():
    with Prefix("a_"), Prefix("b_"):
        assert t() == "b_tanh0"
        assert t(name="mine") == "b_mine"


def test_a_manager_of_ones_own():
    class Shouting(NameManager):
        def get(self, name, hint):
            return super().get(name, hint).upper()

    with Shouting():
        net = sym.FullyConnected(sym.Variable("x"), num_hidden=2, name="fc")
    assert net.list_arguments() == ["x", "FC_weight", "FC_bias"]


def test_an_exception_leaves_the_scope():
    with NameManager():
        t()
        with pytest.raises(KeyError, match="left"), Prefix("p_"), ms.AttrScope(__a__="1"):
            raise KeyError("left")
        assert t() == "tanh1"
        assert sym.Variable("v").list_attr() == {}


def test_threads_have_their_own_scopes():
    with NameManager(), Prefix("p_"), ms.AttrScope(__a__="1"):
        assert in_thread(lambda: sym.tanh(sym.Variable("x")).list_attr()) == {}
        assert in_thread(t) == "tanh0"
        assert t() == "p_tanh0"


def test_attribute_scopes_nest_and_the_inner_wins():
    with ms.AttrScope(__a__="1", __b__="1"), ms.AttrScope(__b__="2"):
        assert sym.Variable("v", attr={"__a__": "3"}).list_attr() == {"__a__": "3", "__b__": "2"}
    assert sym.Variable("v").list_attr() == {}


def test_an_attribute_scope_may_be_entered_again():
    scope = ms.AttrScope(__a__="1")
    with ms.AttrScope(__b__="2"), scope:
        assert sym.Variable("v").list_attr() == {"__a__": "1", "__b__": "2"}
    with scope:
        assert sym.Variable("v").list_attr() == {"__a__": "1"}


def test_scopes_reach_operators_and_functions():
    x = sym.Variable("x")
    with ms.AttrScope(ctx_group="left"):
        made = [x + x, x * 2, -x, abs(x), sym.tanh(x), x.sum(), sym.zeros((2,)), sym.maximum(x, 1)]
    assert [symbol.attr("ctx_group") for symbol in made] == ["left"] * len(made)
    assert [symbol.attr("__ctx_group__") for symbol in made] == ["left"] * len(made)


def test_hidden_keys_have_two_spellings():
    v = sym.Variable("v", lr_mult=2)
    assert v.attr("lr_mult") == v.attr("__lr_mult__") == "2"
    assert v.list_attr() == {"__lr_mult__": "2", "lr_mult": "2"}
    assert dict(v.entries[0].node.attrs) == {"__lr_mult__": "2"}


def test_a_gradient_does_not_move_the_counters():
    with NameManager():
        x = sym.Variable("x")
        y = sym.tanh(x)
        ms.grad(y, "x")
        assert t() == "tanh1"
