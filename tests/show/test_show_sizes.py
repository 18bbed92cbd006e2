"""Pictures of graphs of any size: what is hidden, what is drawn once for many."""

import random
import re
import time

import pytest
from drawn_nets import (
    chain,
    edges,
    encoder,
    mlp,
    needs_engine,
    recurrent,
    tangle,
    training,
    unnamed,
)

import minisym as ms
from minisym import sym
from minisym.optimizer.parameter import call
from minisym.show import render
from minisym.show.groups import groups
from minisym.show.known import learn
from minisym.show.measure import PAGE, size
from minisym.show.repeats import repeats
from minisym.show.roles import kinds
from minisym.show.scene import scene
from minisym.visualization import plot_network


def found_in(net, **shape):
    graph = net.graph
    return repeats(graph, groups(graph, kinds(graph)), learn(graph, shape or None))


def frames_of(net, **options):
    return {f.title: f.repeated for f in scene(net.graph, **options).frames if f.repeated > 1}


# ------------------------------------------------------------------------------------- structure


def test_a_block_begins_where_only_one_value_crosses():
    (repeat,) = found_in(unnamed(5))
    assert [node.op.name for node in repeat.copies[0] if node.op] == [
        "Activation",
        "FullyConnected",
        "Activation",
        "FullyConnected",
        "elemwise_add",
    ]
    assert len(repeat.copies) == 5


def test_copies_compute_the_same_in_the_same_order():
    for repeat in found_in(training(encoder(7))):
        ops = {tuple(node.op for node in copy) for copy in repeat.copies}
        assert len(ops) == 1
        everything = [node for copy in repeat.copies for node in copy]
        assert len(set(everything)) == len(everything)


def test_automatic_names_are_no_scopes():
    h = sym.Variable("x")
    for _ in range(4):
        h = sym.broadcast_add(sym.broadcast_mul(h, sym.Variable("s")), sym.tanh(h))
    found = groups(h.graph, kinds(h.graph))
    assert not any(found.scopes.values())


def test_a_repeat_cuts_no_scope():
    """Ops that are alike across the border between two scopes are no block."""
    h = sym.Variable("x")
    for unit, ops in (("a", "exp sin tanh exp"), ("b", "sin tanh cos"), ("c", "log cos")):
        for i, name in enumerate(ops.split()):
            h = getattr(sym, name)(h, name=f"{unit}_{i}")
    assert found_in(h) == []


def test_a_skip_to_another_place_is_no_copy():
    h = first = sym.tanh(sym.Variable("x"), name="first")
    for i in range(6):
        source = first if i % 2 else h  # every other block reads something else
        h = sym.broadcast_add(sym.exp(h, name=f"e{i}"), sym.sin(source, name=f"s{i}"), name=f"a{i}")
    (repeat,) = found_in(h)
    assert (len(repeat.copies), sum(n.op is not None for n in repeat.copies[0])) == (3, 6)


def test_parameters_and_shapes_tell_copies_apart():
    x = sym.Variable("x")
    for i in range(6):
        x = sym.exp(sym.FullyConnected(x, num_hidden=4 + (i > 2), name=f"f{i}"), name=f"e{i}")
    assert [len(r.copies) for r in found_in(x)] == [3, 3]
    pooled = sym.Variable("y")
    for i in range(4):
        pooled = sym.Pooling(pooled, kernel=(2, 2), stride=(2, 2), pool_type="max", name=f"p{i}")
    assert [len(r.copies) for r in found_in(pooled)] == [4]
    assert found_in(pooled, y=(1, 1, 64, 64)) == []


def test_copies_have_as_many_parameters():
    """The first of four layers reads something narrower: it is no copy of the others."""
    h = sym.Variable("x")
    for i in range(4):
        h = sym.exp(sym.FullyConnected(h, num_hidden=8, name=f"f{i}"), name=f"e{i}")
    assert [len(r.copies) for r in found_in(h)] == [4]
    assert [len(r.copies) for r in found_in(h, x=(2, 5))] == [3]


def test_branches_are_repeats_by_name():
    x = sym.Variable("x")
    branches = [
        sym.tanh(sym.FullyConnected(x, num_hidden=4, name=f"branch{i}_fc"), name=f"branch{i}_tanh")
        for i in range(3)
    ]
    assert frames_of(sym.Concat(*branches, name="all"), collapse="repeat") == {"branch0…2": 3}


def test_steps_of_time_are_drawn_once_with_their_input_and_output():
    drawn = scene(recurrent(20).graph, collapse="repeat", hide_weights=True)
    assert [frame.title for frame in drawn.frames if frame.repeated == 20] == ["t0…19"]
    names = [box.name for box in drawn.boxes]
    assert [name for name in names if name.startswith("data")] == ["data/0"]
    assert [box.title for box in drawn.boxes if box.kind == "output"] == ["t0_out_output ×20"]
    assert ("h", "t0_h2h") in [(link.tail.name, link.head.name) for link in drawn.links]
    assert not [n for n in names if re.match(r"t[1-9]", n)]


def test_the_gradient_of_a_repeat_is_drawn_once():
    drawn = scene(training(encoder(30)).graph, collapse="repeat")
    backward = [box.name for box in drawn.boxes if box.kind == "backward"]
    assert {"∂ block0_up", "∂ block0_down", "∂ head", "∂ embed"} <= set(backward)
    assert len(backward) < 10
    assert sum(link.kind == "write" for link in drawn.links) == 8  # of embed, block0 and head
    assert all(box.title and (box.nodes or box.kind == "output") for box in drawn.boxes)


# ------------------------------------------------------------------------------------ by default


def test_weights_of_any_name_are_hidden_in_larger_graphs():
    def net(layers):
        h = sym.Variable("data")
        for i in range(layers):
            w = sym.Variable(f"learned_{i}")
            h = sym.FullyConnected(h, w, no_bias=True, num_hidden=i + 1, name=f"fc{i}")
        return h

    assert "learned_0" in plot_network(net(10)).source
    assert "learned_0" not in plot_network(net(30)).source
    assert "learned_0" in plot_network(net(30), hide_weights=False).source


def test_large_graphs_are_folded():
    assert frames_of(encoder(5)) == {}
    assert frames_of(encoder(200)) == {"block0…199": 200}
    assert frames_of(chain(5000)) == {"t0": 5000}
    assert frames_of(encoder(200), collapse="none") == {}
    assert len(edges(plot_network(chain(5000), collapse=False).source)) == 5001


def test_a_picture_that_is_folded_says_how_to_unfold_it():
    said = "folded: collapse=&quot;none&quot; draws all"
    assert said not in plot_network(encoder(5)).source
    assert f"{said} 1,607 nodes" in plot_network(encoder(200)).source
    assert said not in plot_network(encoder(200), collapse="none").source


def test_what_repeats_nothing_is_folded_to_scopes():
    h = sym.Variable("data")
    for i in range(10):
        for j in range(6):
            h = sym.FullyConnected(h, num_hidden=6 * i + j + 1, name=f"part{i}_fc{j}")
    drawn = scene(h.graph, hide_weights=True)
    scopes = [box for box in drawn.boxes if box.kind == "scope"]
    assert [box.title for box in scopes] == [f"part{i}" for i in range(10)]
    assert {box.detail for box in scopes} == {"FullyConnected ×6 · 6 ops"}


def test_a_box_counts_all_parameters_in_it():
    """Weights that an update writes come before the ops in the order, and lie deeper."""
    h = sym.Variable("data")
    for name in ("a_one_fc", "a_one_more", "a_two_fc", "a_two_more", "b_fc", "b_more"):
        h = sym.FullyConnected(h, num_hidden=3, no_bias=True, name=name)
    net = training(h)
    known = learn(net.graph, {"data": (2, 3)})
    drawn = scene(net.graph, known, collapse="scope")
    said = {box.title: box.detail for box in drawn.boxes if box.kind == "scope"}
    assert said == {
        "a": "FullyConnected ×4 · 8 ops · 36 params · 4 updates",
        "b": "FullyConnected ×2 · 4 ops · 18 params · 2 updates",
    }


def test_what_has_no_scopes_is_folded_to_stretches():
    drawn = scene(tangle(100).graph, hide_weights=True)
    stretches = [box for box in drawn.boxes if box.kind == "scope"]
    assert drawn.fold == "stretch"
    assert stretches[0].title.startswith("fc0 … fc")
    assert sum(len(box.nodes) for box in drawn.boxes if box.kind != "input") == 100


@pytest.mark.parametrize("agreed", ["mean", "majority_vote"])
def test_what_talks_to_other_processes_is_never_lost_among_others(agreed):
    x = sym.Variable("data")
    for i in range(60):
        x = sym.tanh(sym.FullyConnected(x, num_hidden=8, name=f"fc{i}"), name=f"t{i}")
    rule = ms.optimizer.SGD() if agreed == "mean" else ms.optimizer.Signum(wd=0)
    step = ms.parallel.data_parallel(rule.minimize(sym.sum(x, name="loss")), exchange=agreed)
    drawn = scene(step.graph, hide_weights=True, collapse="stretch")
    exchanging = [box for box in drawn.boxes if any(n.op and n.op.exchanges for n in box.nodes)]
    assert exchanging
    assert all(node.op.exchanges for box in exchanging for node in box.nodes)
    assert all("exchange" in box.title for box in exchanging)


def test_what_talks_to_other_processes_is_no_chip():
    layer = sym.FullyConnected(sym.Variable("x"), num_hidden=2, name="fc")
    drawn = scene(sym.tanh(call("_exchange_votes", layer)).graph, collapse="stack")
    assert [box.title for box in drawn.boxes if box.kind == "math"] == ["_exchange_votes"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: encoder(50),
        lambda: training(encoder(50)),
        lambda: training(tangle(60)),
        lambda: recurrent(40),
        lambda: unnamed(60),
        lambda: disorder(400),
    ],
)
def test_a_picture_stays_within_a_page(make):
    wide, high = size(scene(make().graph, hide_weights=True))
    assert wide <= PAGE[0]
    assert high <= PAGE[1]


@needs_engine
@pytest.mark.parametrize("make", [lambda: training(encoder(50)), lambda: tangle(100)])
def test_engines_agree_with_the_size(make):
    drawn = scene(make().graph, hide_weights=True)
    svg = render.run_engine(plot_network(make()).source, "svg", timeout=60).decode()
    wide, high = map(
        float, re.search(r'<svg[^>]*width="([\d.]+)[^>]*height="([\d.]+)', svg).groups()
    )
    assert 0.8 < size(drawn)[1] / high < 1.25
    assert wide <= PAGE[0]
    assert high <= PAGE[1]


# ---------------------------------------------------------------------------------- chips


def test_what_follows_an_op_at_once_is_a_chip_on_its_box():
    h = sym.Variable("data")
    for i in range(3):
        h = sym.FullyConnected(h, num_hidden=i + 2, name=f"fc{i}")
        h = sym.Activation(sym.BatchNorm(h, name=f"bn{i}"), act_type="relu", name=f"relu{i}")
    drawn = scene(h.graph, hide_weights=True, collapse="stack")
    layers = [box for box in drawn.boxes if box.kind == "layer"]
    assert [[chip.title for chip in box.chips] for box in layers] == [["BatchNorm", "relu"]] * 3
    assert len(drawn.boxes) == 5
    assert "BatchNorm bn0" in plot_network(h, collapse="stack").source  # in the tooltip


def test_what_somebody_else_reads_is_no_chip():
    h = sym.FullyConnected(sym.Variable("data"), num_hidden=2, name="fc")
    drawn = scene((sym.relu(h, name="r") + h).graph, hide_weights=True, collapse="stack")
    assert {box.name for box in drawn.boxes} >= {"fc", "r"}
    both = sym.Group([sym.relu(h, name="r"), h])
    assert not any(box.chips for box in scene(both.graph, collapse="stack").boxes)


def test_a_rate_that_is_fed_is_a_chip_in_each_update():
    net = mlp()
    names = ["fc1_weight", "fc2_weight"]
    inside, rate = net.get_internals(), sym.Variable("lr")
    step = sym.Group([
        sym.signsgd_update(inside[name], grad, lr=rate, name=f"{name}_step")
        for name, grad in zip(names, ms.grad(net, names), strict=True)
    ])  # fmt: skip
    drawn = scene(step.graph)
    updates = [box for box in drawn.boxes if box.kind == "update"]
    assert [[chip.title for chip in box.chips] for box in updates] == [["lr"], ["lr"]]
    assert "lr" not in [box.name for box in drawn.boxes]
    assert "2 in-place updates, fed lr" in drawn.facts


def test_a_rate_that_is_computed_says_whom_it_serves():
    w, g, t = (sym.Variable(name) for name in "wgt")
    rate = sym.exp(t * -0.1, name="decay")
    drawn = scene(sym.signsgd_update(w, g, lr=rate, name="step").graph)
    chips = {box.name: [chip.title for chip in box.chips] for box in drawn.boxes if box.chips}
    assert chips == {"decay": ["lr of updates"], "step": ["lr ← decay"]}


def test_writing_is_linear():
    def seconds(length):
        net, found = encoder(length), []
        for _ in range(3):  # the processor's own time, whatever else it does
            before = time.process_time()
            plot_network(net, collapse="repeat").source  # noqa: B018
            found.append(time.process_time() - before)
        return min(found)

    seconds(10)
    assert seconds(800) < 30 * seconds(80) + 0.5


def test_dot_of_1000_and_of_10000_ops():
    def seconds(blocks):
        net = training(encoder(blocks))
        before = time.process_time()  # whatever else the machine does
        plot_network(net).source  # noqa: B018
        return len(net.graph), time.process_time() - before

    few, short = min(seconds(45) for _ in range(3))
    many, long = min(seconds(450) for _ in range(2))
    assert few > 1000
    assert many > 10_000
    assert short < 1
    assert long < 25 * short + 0.5


@needs_engine
@pytest.mark.parametrize("make", [lambda: tangle(700), lambda: disorder(1000)])
def test_what_cannot_be_collapsed_is_drawn_in_seconds(make):
    picture = render.run_engine(plot_network(make()).source, "svg", timeout=60)
    assert b"</svg>" in picture


def disorder(ops):
    """Compose a graph without any order."""
    chance = random.Random(0)
    pool = [sym.Variable("x")]
    for i in range(ops):
        one, other = chance.choices(pool[-30:], k=2)
        pool.append(chance.choice([sym.broadcast_add, sym.broadcast_mul])(one, other, name=f"n{i}"))
    return sym.Group(pool[-10:])


def test_a_large_graph_shows_itself():
    bundle = chain(3000)._repr_mimebundle_()
    assert "more …" in bundle["text/plain"]
    assert "t0 ×3000" in bundle["text/vnd.mermaid"]
    if render.find_engine():
        assert "×3000" in bundle["image/svg+xml"]


def test_an_executor_shows_what_is_bound():
    step = ms.sym.signsgd_update(sym.Variable("w"), sym.Variable("g"), lr=0.1, name="step")
    bundle = step.simple_bind(w=(2, 3), g=(2, 3))._repr_mimebundle_()
    assert "w            (2, 3) float32  written by step" in bundle["text/plain"]
    assert "2×3  f32" in bundle["text/vnd.mermaid"].replace("#215;", "×")
    if render.find_engine():
        assert "2×3  f32" in bundle["image/svg+xml"].replace("&#160;", " ")
