"""The pages on passes and on networkx: their cells run, and the passes of a reader are right.

(All pages run when the documentation is built; these two teach what is tested here more closely.)
"""

import re
from functools import cache

import networkx as nx
import numpy as np
import pytest
from places import ROOT

import minisym as ms
from minisym import sym
from minisym.passes.rewrite import run_passes

DOCS = ROOT / "docs"


@cache
def run(page):
    """Run the cells of a page, and return its names."""
    text = (DOCS / page).read_text(encoding="utf-8")
    cells = re.findall(r"^```\{code-cell\}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(cells) > 5
    names = {"__name__": "page"}
    for cell in cells:
        told = re.sub(r"\A---\n.*?^---\n", "", cell, flags=re.DOTALL | re.MULTILINE)  # MyST's
        code = re.sub(r"^%.*", "", told, flags=re.MULTILINE)  # IPython's
        exec(compile(code, page, "exec"), names)
    return names


def a_pass(name):
    return run("write-a-pass.md")[name]


def ops(graph):
    return [node.op.name for node in graph if node.op]


def test_the_page_on_networkx_runs():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    names = run("ask-networkx.md")
    pyplot.close("all")
    assert [len(kind) for kind in names["kinds"]] == [2, 2, 1]
    cuts = ["data", "stem", "a_sum", "b_sum", "classes", "out"]
    assert [node.name for node in names["cuts"]] == cuts
    assert nx.is_directed_acyclic_graph(names["graph"])


def test_the_passes_of_the_page_leave_only_what_has_to_run():
    names = run("write-a-pass.md")
    assert ops(names["net"].graph).count("transpose") == 2
    assert ops(names["small"].graph) == ["_full", "broadcast_div", "relu"]


# ------------------------------------------------------------------------------ constant folding

X = sym.Variable("x")
TWO = sym.full((2, 2), 2.0, name="two")
FOLDED = {
    "scalars": (TWO * 3 + 1, 7.0),
    "two constants": (TWO * sym.ones((2, 2)), 2.0),
    "a reduction": (sym.sum(TWO), 8.0),
    "a product": (sym.dot(TWO, TWO), 8.0),
    "equal elements of what differs": (sym.sum(sym.arange(4)), 6.0),
    "not a number": (sym.log(TWO - 3), np.nan),
}


@pytest.mark.parametrize("case", FOLDED)
def test_what_is_constant_is_folded(case):
    symbol, value = FOLDED[case]
    net = sym.broadcast_add(X, symbol)
    graph = a_pass("fold_constants")(net.graph)
    assert ops(graph) == ["_full", "broadcast_add"]
    x = np.ones((2, 2), "f4")
    after = ms.Symbol.from_graph(graph).eval(x=x)[0]
    np.testing.assert_array_equal(after, np.full((2, 2), 1 + value, "f4"))


STAYS = {
    "a variable": X * 2,
    "random numbers": sym.random.uniform(shape=(1,)) * 2,
    "what draws from constants": sym.sample_uniform(sym.zeros((1,)), sym.ones((1,))),
    "a mode": sym.Dropout(sym.ones((2, 2)), p=0.5),
    "elements that differ": sym.arange(4) * 2,
    "several outputs": sym.split(sym.ones((2, 2)), num_outputs=2),
    "a shape that x decides": X + sym.sqrt(sym.zeros((0, 2))),
    "an update": sym.signsgd_update(sym.Variable("w"), sym.ones((2,)), lr=0.1),
    "a source": TWO,
}


@pytest.mark.parametrize("case", STAYS)
def test_what_is_not_constant_stays(case):
    graph = STAYS[case].graph
    assert a_pass("fold_constants")(graph) == graph


def test_an_output_may_be_folded_and_keeps_its_name():
    net = sym.sqrt(TWO * 2, name="root")
    folded = a_pass("fold_constants")(net.graph)
    assert [entry.name for entry in folded.outputs] == ["root_output"]
    assert folded.node("root").origin == net.graph.node("root").origin


# ---------------------------------------------------------------------------------- transpositions

x = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize("seed", range(20))
def test_transpositions_in_a_row_are_one(seed):
    rng = np.random.default_rng(seed)
    net, expected = sym.Variable("x"), x
    for _ in range(rng.integers(2, 6)):
        axes = rng.permutation(3)
        net, expected = sym.transpose(net, axes=tuple(map(int, axes))), expected.transpose(axes)
    net = net + 0
    passes = [a_pass("merge_transposes"), a_pass("drop_copies")]
    graph = run_passes(net.graph, passes, verify=True)
    assert len(graph) in {2, 3}
    np.testing.assert_array_equal(ms.Symbol.from_graph(graph).eval(x=x)[0], expected)


def test_a_transposition_that_somebody_else_reads_stays():
    there = sym.transpose(sym.Variable("x"), axes=(2, 0, 1), name="there")
    back = sym.transpose(there, axes=(1, 2, 0), name="back")
    net = sym.Group([sym.sin(there), sym.cos(back), back])
    passes = [a_pass("merge_transposes"), a_pass("drop_copies")]
    graph = run_passes(net.graph, passes, verify=True)
    assert ops(graph) == ["transpose", "sin", "cos", "_copy"]
    for before, after in zip(net.eval(x=x), ms.Symbol.from_graph(graph).eval(x=x), strict=True):
        np.testing.assert_array_equal(before, after)


def test_copies_of_copies_of_one_output_of_several():
    part = sym.split(sym.Variable("x"), num_outputs=2, axis=2)[1]
    net = sym.sin(sym.identity(sym.cos(sym.identity(sym.identity(part)))))
    graph = a_pass("drop_copies")(net.graph)
    assert ops(graph) == ["SliceChannel", "cos", "sin"]
    after = ms.Symbol.from_graph(graph).eval(x=x)[0]
    np.testing.assert_allclose(after, np.sin(np.cos(x[:, :, 2:])), rtol=1e-15)
