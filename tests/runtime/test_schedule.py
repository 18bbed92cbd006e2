"""The order of a run is chosen for memory; whatever it is, the same bits come out."""

import itertools
import random
import tracemalloc
from typing import Annotated

import numpy as np
import pytest
import random_graphs
from hypothesis import given, settings
from hypothesis import strategies as st

import minisym as ms
from minisym import sym
from minisym.core import op as registry
from minisym.core.families import agree
from minisym.define import Array, op
from minisym.passes.order import in_order
from minisym.runtime import plan as plans
from minisym.runtime.layout import total

MIB = 1 << 20


def bound_in(monkeypatch, worth, symbol, **kwargs):
    """Bind where runs of this many bytes are worth another order."""
    with monkeypatch.context() as patch:
        patch.setattr(plans, "WORTH", worth)
        return symbol.simple_bind(**kwargs)


def order_of(executor):
    return [node.name for node in executor._plan.nodes]


def bytes_of(executor):
    return total(executor._plan.layout.blocks)


def running_sum(terms, step):
    """Compose the loop whose terms the order of the lists computes before the first sum."""
    x = c = sym.Variable("x")
    for k in range(terms):
        c = step(x, k) + c
    return c


# ---------------------------------------------------------------------------- what is to be gained


def test_a_running_sum_holds_one_term():
    """All 200 terms of 4 MiB would be held in the order of the lists."""
    x = np.full(MIB, 1.0, np.float32)
    tracemalloc.start()
    try:
        c = running_sum(200, lambda x, k: (x + 1) * (1 / 200))
        executor = c.bind(args={"x": x}, grad_req="null")
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        held = bytes_of(executor)
        (out,) = executor.forward()
        grown = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert executor.memory_report().allocated == held <= 2 * 4 * MIB
    assert grown < 4 * MIB
    np.testing.assert_allclose(out, 1 + 2, rtol=1e-4)


@pytest.mark.parametrize(
    "step",
    [
        lambda x, k: sym.exp(x * (k + 2)),
        lambda x, k: sym.exp(x * k) * sym.tanh(x + k),
        lambda x, k: sym.sum(sym.Reshape(x * k, shape=(-1, 1)), axis=1),
    ],
    ids=["chain", "two sides", "view"],
)
def test_terms_may_be_deep(step):
    executor = running_sum(40, step).simple_bind(x=(MIB,), grad_req="null")
    assert bytes_of(executor) <= 4 * 4 * MIB


def test_small_runs_keep_the_order_of_the_lists():
    c = running_sum(40, lambda x, k: sym.exp(x * (k + 2)))
    executor = c.simple_bind(x=(MIB // 1024,), grad_req="null")
    assert order_of(executor) == [node.name for node in c.graph if node.op]


def test_lists_and_pictures_keep_their_order(monkeypatch):
    c = running_sum(4, lambda x, k: sym.exp(x * (k + 2)))
    executor = bound_in(monkeypatch, 0, c, x=(MIB,), grad_req="null", optimize=False)
    listed = [node.name for node in c.graph if node.op]
    assert sorted(order_of(executor)) == sorted(listed) != listed
    assert [name.removesuffix("_output") for name in c.get_internals().list_outputs()[1:]] == listed


# ------------------------------------------------------------------------------------------- laws


@st.composite
def symbols(draw):
    """Draw a graph of values of several sizes, some of which several others read."""
    values = [(sym.Variable("x"), 8)]
    for _ in range(draw(st.integers(3, 25))):
        value, width = values[draw(st.integers(0, len(values) - 1))]
        kind = draw(st.sampled_from(["exp", "add", "concat", "half", "view", "sum"]))
        if kind == "exp":
            values.append((sym.tanh(value), width))
        elif kind == "add":
            others = [v for v, w in values if w == width]
            values.append((value + others[draw(st.integers(0, len(others) - 1))], width))
        elif kind == "concat" and width < 64:
            values.append((sym.Concat(value, value * 2, dim=0), 2 * width))
        elif kind == "half" and width > 1:
            values.append((sym.slice_axis(value, axis=0, begin=0, end=width // 2), width // 2))
        elif kind == "view":
            values.append((sym.Reshape(value, shape=(width, -1)), width))
        else:
            values.append((sym.broadcast_add(value, sym.sum(value, axis=0, keepdims=True)), width))
    heads = draw(st.lists(st.sampled_from(values[1:]), min_size=1, max_size=3, unique_by=id))
    return sym.Group([values[-1][0], *(head for head, _ in heads)])


@settings(max_examples=60, deadline=None)
@given(symbols(), st.booleans())
def test_the_chosen_order_is_topological_and_needs_no_more(symbol, with_gradients):
    monkeypatch = pytest.MonkeyPatch()
    kwargs = {"x": (8, 16), "grad_req": "write" if with_gradients else "null"}
    listed = bound_in(monkeypatch, 1 << 60, symbol, **kwargs)
    chosen = bound_in(monkeypatch, 0, symbol, **kwargs)
    assert bytes_of(chosen) <= bytes_of(listed)
    assert chosen.memory_report().allocated == bytes_of(chosen)
    assert sorted(order_of(chosen)) == sorted(order_of(listed))
    seen = {node for node in chosen._plan.graph if node.op is None}
    for node in chosen._plan.nodes:
        assert {entry.node for entry in node.inputs} <= seen
        seen.add(node)
    x = np.linspace(-1, 1, 8 * 16, dtype=np.float32).reshape(8, 16)
    for one, other in zip(listed.forward(True, x=x), chosen.forward(True, x=x), strict=True):
        assert one.tobytes() == other.tobytes()
    if with_gradients:
        listed.backward([np.ones_like(out) for out in listed.outputs])
        chosen.backward([np.ones_like(out) for out in chosen.outputs])
        assert listed.grad_dict["x"].tobytes() == chosen.grad_dict["x"].tobytes()


def in_any_order(monkeypatch, choices):
    """Let every plan take an order that is drawn, whatever memory it needs."""

    def drawn(arrows, layout, typed):
        place = {node: choices.random() for node in arrows}
        return [node for node in in_order(arrows, place) if node.op is not None]

    smaller = itertools.count(0, -1)
    monkeypatch.setattr(plans, "WORTH", -1 << 60)
    monkeypatch.setattr(plans, "by_memory", drawn)
    monkeypatch.setattr(plans, "total", lambda blocks: next(smaller))


@settings(max_examples=20, deadline=None)
@given(st.integers(1000, 1200), st.integers(0, 1 << 30))
def test_any_order_gives_the_same_bits(seed, choice):
    """Outputs, states, updates, gradients, and what is drawn at random."""
    made = random_graphs.make(ms, seed)
    found = []
    for is_drawn in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            if is_drawn:
                in_any_order(patch, random.Random(choice))
            ms.random.seed(7)
            found.append(random_graphs.numbers(ms, made))
    for (name, one), (_, other) in zip(*found, strict=True):
        assert one.tobytes() == other.tobytes(), name


def test_what_draws_and_what_users_wrote_keeps_its_order(monkeypatch):
    """Random numbers are those of the list's order, and what keeps a state may do more."""
    monkeypatch.setattr(registry, "_registry", dict(registry._registry))
    noted = []

    @op()
    def noting(
        data: Annotated[Array, "What is noted."],
        *,
        which: Annotated[int, "By which number."],
        state: dict,
        out: Array,
    ) -> None:
        """Note that it runs."""
        state["runs"] = state.get("runs", 0) + 1
        noted.append(which)
        np.copyto(out, data)

    noting.shape(lambda s: agree(s, "data", "output"))

    def step(x, k):
        return sym.Dropout(sym.exp(noting(x * k, which=k)), p=0.5)

    c = running_sum(6, step)
    found = []
    for worth in (1 << 60, 0):
        executor = bound_in(monkeypatch, worth, c, x=(1000,), grad_req="null")
        ms.random.seed(3)
        noted.clear()
        out = executor.forward(is_train=True, x=np.ones(1000, np.float32))[0]
        found.append((out.tobytes(), noted[:]))
    assert found[0] == found[1]
    assert noted == [5, 4, 3, 2, 1, 0]  # depth-first, the last term first


def test_readers_stay_before_the_writer(monkeypatch):
    """The write rule holds in any order: each reader sees the value before the run."""
    w = sym.Variable("w")
    readers = running_sum(5, lambda x, k: sym.exp(x * k) + w * k)
    x = readers.get_internals()["x"]
    update = sym.signsgd_update(w, x * 2 + 1, lr=0.5, name="update")
    symbol = sym.Group([update, readers, w * 3])
    for seed in range(20):
        with monkeypatch.context() as patch:
            in_any_order(patch, random.Random(seed))
            executor = symbol.simple_bind(x=(4,), w=(4,), grad_req="null")
        executor.arg_dict["w"][:] = 1
        out = executor.forward(x=np.zeros(4, np.float32))
        assert order_of(executor)[-1] == "update"
        assert out[2].tolist() == [3] * 4
        assert out[1].tolist() == [5 + 0 + 1 + 2 + 3 + 4] * 4
        assert executor.arg_dict["w"].tolist() == [0.5] * 4
