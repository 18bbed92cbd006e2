"""Names and attributes that scopes give: per thread, nested, and undone whatever happens."""

import asyncio
import contextvars
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


async def composed(prefix):
    """Compose in scopes, and let the other tasks have their turn in between."""
    with Prefix(prefix), ms.AttrScope(__who__=prefix), ms.util.np_shape(prefix == "a_"):
        await asyncio.sleep(0)
        made = [sym.tanh(sym.Variable("x"))]
        await asyncio.sleep(0)
        made.append(sym.tanh(sym.Variable("y")))
        size = sym.Variable("v", shape=(0,)).infer_shape_partial()[0]
    await asyncio.sleep(0)
    after = sym.tanh(sym.Variable("z"))
    return [s.name for s in made], [s.attr("__who__") for s in (*made, after)], size


def test_tasks_have_their_own_scopes():
    async def main():
        return await asyncio.gather(composed("a_"), composed("b_"))

    with NameManager():
        a, b = asyncio.run(main())
    assert a == (["a_tanh0", "a_tanh1"], ["a_", "a_", None], [(0,)])
    assert b == (["b_tanh0", "b_tanh1"], ["b_", "b_", None], [(0,)])
    assert not ms.util.is_np_shape()


def test_tasks_inherit_the_scopes_that_they_are_started_in():
    async def main():
        with Prefix("p_"), ms.AttrScope(__a__="1"), ms.util.np_shape():
            task = asyncio.create_task(inner())
        return await task

    async def inner():
        made = sym.tanh(sym.Variable("x"))
        return made.name, made.attr("__a__"), ms.util.is_np_shape()

    assert asyncio.run(main()) == ("p_tanh0", "1", True)
    assert not ms.util.is_np_shape()


def test_tasks_of_one_thread_count_together():
    async def main():
        return await asyncio.gather(*(inner() for _ in range(3)))

    async def inner():
        return t()

    assert len(set(asyncio.run(main()))) == 3


def test_generators_may_leave_their_scopes_in_any_order():
    def composing(prefix):
        with Prefix(prefix), ms.AttrScope(**{f"__{prefix}__": "1"}), ms.util.np_shape():
            yield
        yield

    first, second = composing("a_"), composing("b_")
    next(first), next(second)
    next(first)
    assert t(name="mine") == "b_mine"
    assert sym.Variable("v").list_attr() == {"__b___": "1"}
    assert ms.util.is_np_shape()
    second.close()
    assert t(name="mine") == "mine"
    assert sym.Variable("v").list_attr() == {}
    assert not ms.util.is_np_shape()


def test_leaving_a_scope_where_it_does_not_hold_changes_nothing():
    def composing():
        with Prefix("p_"), ms.AttrScope(__a__="1"), ms.util.np_shape():
            yield

    generator = composing()
    contextvars.copy_context().run(next, generator)
    with Prefix("q_"), ms.AttrScope(__a__="2"), ms.util.np_shape():
        generator.close()
        assert t(name="mine") == "q_mine"
        assert sym.Variable("v").list_attr() == {"__a__": "2"}
        assert ms.util.is_np_shape()


def test_a_switch_may_decorate_a_function_that_calls_itself():
    @ms.util.np_shape(True)
    def depth(n):
        return n if n == 0 else depth(n - 1)

    assert depth(3) == 0
    assert not ms.util.is_np_shape()


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
