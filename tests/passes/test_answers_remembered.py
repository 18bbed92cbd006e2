"""Rules are asked once about the same, and an inference may go on with a larger graph."""

from typing import Annotated

import numpy as np
import pytest
import random_graphs

import minisym as ms
from minisym import sym
from minisym.core import op as registry
from minisym.core.graph import Graph
from minisym.core.node import Entry, Node
from minisym.define import Array, op
from minisym.passes import infer as engines
from minisym.passes.gradient import gradient
from minisym.passes.infer import infer
from minisym.passes.slots import DTYPES, SHAPES
from minisym.passes.typed import Inference


def known_of(made):
    """Return the shapes of a random graph's Variables, by node."""
    graph = made.symbol.graph
    return {node: made.shapes[node.name] for node in graph.variables if node.name in made.shapes}


def found(engine):
    """Return what an engine knows, and who said so."""
    return engine.values, engine.sources


@pytest.fixture
def halves(monkeypatch):
    """Declare an op, and the list of what its rule is asked."""
    monkeypatch.setattr(registry, "_registry", dict(registry._registry))
    asked = []

    @op()
    def halves(
        data: Annotated[Array, "What is halved, (n, m)."],
        *,
        times: Annotated[int, "How often."] = 1,
        out: Array,
    ) -> None:
        """Halve the columns."""
        out[...] = data[:, : out.shape[1]]

    @halves.shape
    def _(s, *, times):
        asked.append((s.data, times))
        if s.data is not None:
            s.output = (s.data[0], s.data[1] >> times)

    return halves, asked


def test_a_rule_is_asked_once_about_the_same(halves):
    halve, asked = halves
    x = sym.Variable("x")
    heads = [halve(x + i, times=1 + i % 2) for i in range(40)]
    _, shapes, _ = sym.Group(heads).infer_shape(x=(3, 8))
    assert shapes == [(3, 4), (3, 2)] * 20
    assert sorted(asked) == [((3, 8), 1), ((3, 8), 2)]


def test_a_rule_is_asked_again_in_the_next_inference():
    """It may depend on what has changed since: np_shape does change the answer of a sum."""
    total = sym.sum(sym.Variable("x"), name="total")
    assert total.infer_shape(x=(2, 3))[1] == [(1,)]
    with ms.util.np_shape():
        assert total.infer_shape(x=(2, 3))[1] == [()]


def test_an_array_read_twice_is_one_slot():
    """`dot(x, x)` says more of x than `dot(x, y)`, though as much is known before."""
    x, y, z = (sym.Variable(name) for name in "xyz")
    both = sym.Group([sym.dot(x, y), sym.dot(z, z)])
    known = both.infer_shape_partial(x=(0, 3), y=(0, 3), z=(0, 3))[0]
    assert known == [(0, 3), (3, 3), (3, 3)]


def test_the_second_of_two_like_layers_is_blamed_by_its_name():
    x = sym.Variable("x")
    first = sym.FullyConnected(x, num_hidden=4, name="first")
    second = sym.FullyConnected(x, sym.Variable("w"), num_hidden=4, name="second")
    with pytest.raises(ms.errors.ShapeError, match=r"^FullyConnected 'second': weight has shape"):
        sym.Group([first, second]).infer_shape(x=(2, 3), w=(4, 5))


@pytest.mark.parametrize("kind", [SHAPES, DTYPES], ids=["shapes", "types"])
@pytest.mark.parametrize("seed", range(1000, 1060))
def test_nothing_changes_by_remembering(seed, kind, monkeypatch):
    """Values, and who said so, are those of an engine that asks every rule every time."""
    made = random_graphs.make(ms, seed)
    known = known_of(made)
    if kind is DTYPES:
        known = dict.fromkeys(known, np.dtype("float32"))
    some = dict(list(known.items())[: len(known) // 2])
    for given in (known, some, {}):
        remembered = found(infer(made.symbol.graph, given, kind))
        with monkeypatch.context() as patch:
            patch.setattr(engines, "MOST_ANSWERS", 0)
            assert found(infer(made.symbol.graph, given, kind)) == remembered


@pytest.mark.parametrize("seed", range(1000, 1030))
def test_a_graph_may_grow(seed):
    """An inference that goes on with the gradients knows what one of the whole graph knows."""
    made = random_graphs.make(ms, seed)
    known = known_of(made)
    symbol = made.symbol
    seeds = [Entry(Node(None, f"{entry.name}_head_grad")) for entry in symbol.entries]
    wrt = [Entry(node) for node in symbol.graph.arguments if node in known]
    slopes = gradient(symbol.graph, list(zip(symbol.entries, seeds, strict=True)), wrt)
    whole = Graph((*symbol.entries, *(slope for slope in slopes if slope is not None)))
    float32 = np.dtype("float32")

    grown = Inference(symbol.graph)
    grown.infer_shapes(known, "given")
    grown.infer_dtypes(dict.fromkeys(known, float32), "given")
    used = set(whole.variables)
    shapes = {
        seed.node: grown.shapes[head]
        for seed, head in zip(seeds, symbol.entries, strict=True)
        if seed.node in used
    }
    grown.grow(whole, shapes, dict.fromkeys(shapes, float32), "given")

    once = Inference(whole)
    once.infer_shapes(known | shapes, "given")
    once.infer_dtypes(dict.fromkeys(known | shapes, float32), "given")
    assert grown.typed() == once.typed()
