"""Loops and branches in pictures: their bodies are frames, and every value says where it goes."""

import pytest
from drawn_nets import needs_engine

import minisym as ms
from minisym import sym
from minisym.show import render, text
from minisym.show.known import learn
from minisym.show.mermaid import mermaid
from minisym.show.scene import scene
from minisym.visualization import plot_network


def rnn():
    w, u = sym.Variable("i2h_weight"), sym.Variable("h2h_weight")

    def step(x, state):
        parts = [
            sym.FullyConnected(a, b, no_bias=True, num_hidden=4, name=name)
            for name, a, b in (("i2h", x, w), ("h2h", state, u))
        ]
        h = sym.tanh(parts[0] + parts[1], name="squash")
        return h, h

    return sym.contrib.foreach(step, sym.Variable("data"), sym.Variable("h0"))


def squares():
    x, n = sym.Variable("x"), sym.Variable("n")
    return sym.contrib.while_loop(
        lambda x, n: x < 9,
        lambda x, n: (sym.exp(x, name="e"), (x * x, n + 1)),
        [x, n],
        8,
    )


def choice():
    x, y = sym.Variable("x"), sym.Variable("y")
    test = sym.sum(x, name="total") > 0
    return sym.contrib.cond(test, lambda: sym.exp(x, name="e") * y, lambda: sym.tanh(x, name="t"))


def links(drawn):
    return {(link.tail.title, link.head.title, link.kind, link.label) for link in drawn.links}


def frame_of(drawn, name):
    return next(box.frame for box in drawn.boxes if box.name == name)


def test_the_body_of_a_loop_is_a_frame():
    outs, _ = rnn()
    drawn = scene(outs.graph, hide_weights=True)
    assert [frame.title for frame in drawn.frames] == ["foreach"]
    inside = [box.title for box in drawn.boxes if box.frame]
    assert sorted(inside) == [
        "+",
        "FullyConnected",
        "FullyConnected",
        "each",
        "stacked",
        "state",
        "tanh",
    ]
    assert {
        ("data", "each", "data", ""),
        ("h0", "state", "data", "first"),
        ("each", "FullyConnected", "data", ""),
        ("state", "FullyConnected", "state", ""),
        ("state", "tanh", "round", "next step"),
        ("tanh", "stacked", "data", ""),
    } <= links(drawn)


def test_outputs_keep_their_names():
    outs, last = rnn()
    drawn = scene(sym.Group([outs, last]).graph)
    shown = [box.title for box in drawn.boxes if box.kind == "output"]
    assert shown == sym.Group([outs, last]).list_outputs()


def test_a_condition_says_while():
    drawn = scene(sym.Group([squares()[0], *squares()[1]]).graph)
    assert {frame.title for frame in drawn.frames} == {"while, at most 8 steps"}
    assert ("< 9", "last", "data", "while") in links(drawn)


def test_branches_are_labelled():
    drawn = scene(choice().graph)
    assert {frame.title for frame in drawn.frames} == {"cond", "then", "else"}
    assert frame_of(drawn, "e").title == "then"
    assert frame_of(drawn, "t").title == "else"
    assert frame_of(drawn, "t").outer.title == "cond"
    assert {label for _, head, _, label in links(drawn) if head == "choose"} == {
        "if",
        "then",
        "else",
    }


def test_bodies_lie_within_bodies():
    def step(x, s):
        out = sym.contrib.cond(sym.sum(x) > 0, lambda: x + s, lambda: x - s)
        return out, out

    outs, _ = sym.contrib.foreach(step, sym.Variable("x"), sym.Variable("s"))
    drawn = scene(outs.graph)
    plus = next(box for box in drawn.boxes if box.title == "+")
    assert [plus.frame.title, plus.frame.outer.title, plus.frame.outer.outer.title] == [
        "then",
        "cond",
        "foreach",
    ]


def test_shapes_are_known_inside():
    shape = {"data": (35, 16, 20), "h0": (16, 4)}
    source = plot_network(sym.Group(rnn()), shape=shape).source
    assert "foreach ×35" in source
    assert 'label=" 16×20 "' in source
    assert 'label=" 35×16×4 "' in source


def test_a_loop_costs_its_steps():
    shape = {"data": (35, 16, 20), "h0": (16, 4)}
    graph = rnn()[0].graph
    facts = scene(graph, learn(graph, shape)).facts
    products, rest = 2 * 16 * 4 * (20 + 4), 16 * 4 * 2  # two matrices; the sum and tanh
    assert f"{text.count(35 * (products + rest))} FLOPs" in facts


def with_gradient(loss, *wrt):
    """Return a loss and its gradients."""
    return sym.Group([loss, *(ms.grad(loss, name) for name in wrt)])


def around(box):
    """Return the titles of the frames around a box, the innermost first."""
    found, frame = [], box.frame
    while frame is not None:
        found.append(frame.title)
        frame = frame.outer
    return found


def inside(drawn, title):
    return sorted(box.title for box in drawn.boxes if title in around(box))


def test_the_gradient_of_a_loop_is_a_frame_of_its_own():
    step = with_gradient(sym.sum(rnn()[0], name="loss"), "h2h_weight")
    drawn = scene(step.graph, learn(step.graph, {"data": (35, 16, 20), "h0": (16, 4)}))
    backward = [frame for frame in drawn.frames if frame.backward]
    assert [frame.title for frame in backward] == ["∂ foreach ×35, last step first"]
    # tanh is computed again, from the element and from the state before the step, which was kept;
    # what flows is the gradient of the step's output and of the state; the weight's is added up
    again = ["each", "each", "FullyConnected", "FullyConnected", "+", "tanh"]
    flows = ["each", "state", "∂ squash", "∂ h2h", "∂ foreach", "state", "last"]
    assert inside(drawn, backward[0].title) == sorted([*again, *flows])
    assert {
        ("state", "stacked", "state", ""),
        ("stacked", "each", "data", "35×16×4"),
        ("∂ loss", "each", "gradient", "35×16×4"),
        ("state", "∂ h2h", "round", "next step"),
        ("state", "∂ foreach", "round", "next step"),
    } <= links(drawn)
    shown = {box.title for box in drawn.boxes if box.kind == "output"}
    assert shown == set(step.list_outputs())


def test_the_gradient_of_a_while_loop_goes_as_many_steps():
    outs, (x, _) = squares()
    drawn = scene(with_gradient(sym.sum(outs) + sym.sum(x), "x").graph)
    assert {frame.title for frame in drawn.frames} == {
        "while, at most 8 steps",
        "∂ while, as many steps, last step first",
    }
    assert "∂ e" in inside(drawn, "∂ while, as many steps, last step first")


def test_the_gradient_of_a_choice_is_a_choice():
    drawn = scene(with_gradient(sym.sum(choice(), name="loss"), "x").graph)
    assert around(next(box for box in drawn.boxes if box.title == "∂ e")) == ["then", "∂ cond"]
    assert around(next(box for box in drawn.boxes if box.title == "∂ t")) == ["else", "∂ cond"]


def test_the_gradient_of_a_gradient_opens_too():
    once = ms.grad(sym.sum(rnn()[0], name="loss"), "h2h_weight")
    twice = ms.grad(sym.sum(once * once, name="norm"), "h2h_weight")
    titles = [frame.title for frame in scene(twice.graph, collapse="backward").frames]
    assert titles.count("foreach") == 1
    assert "∂∂ foreach" in titles


def test_a_gradient_opens_within_a_gradient():
    def outer(x, s):
        stacked, _ = sym.contrib.foreach(lambda e, t: (e * t, e * t), x, s, name="inner")
        total = sym.sum(stacked, axis=0)
        return total, total

    outs, _ = sym.contrib.foreach(outer, sym.Variable("x"), sym.Variable("s"), name="outer")
    drawn = scene(with_gradient(sym.sum(outs, name="loss"), "s").graph, collapse="backward")
    within = [around(box) for box in drawn.boxes if box.title == "each"]
    assert ["∂ foreach, last step first"] * 2 in within
    assert ["foreach", "∂ foreach, last step first"] in within  # the inner one, run again


def test_a_folded_gradient_of_a_loop_is_a_box_beside_it():
    step = with_gradient(sym.sum(rnn()[0], name="loss"), "h2h_weight")
    drawn = scene(step.graph, collapse="scope")
    titles = {(one.title, other.title) for one, other in drawn.beside}
    assert ("foreach", "∂ foreach, last step first") in titles
    box = next(box for box in drawn.boxes if box.title.startswith("∂ foreach, "))
    assert box.kind == "backward"
    assert not drawn.frames


def test_a_training_step_costs_the_steps_of_both_loops():
    graph = with_gradient(sym.sum(rnn()[0], name="loss"), "h2h_weight").graph
    facts = scene(graph, learn(graph, {"data": (35, 16, 20), "h0": (16, 4)})).facts
    forward = 2 * 16 * 4 * (20 + 4) + 2 * 16 * 4  # two matrices; their sum, and tanh
    of_tanh = 4 * 16 * 4  # g = (g_output + g_state) * (1 - y * y)
    of_weight = 2 * 4 * 16 * 4 + 4 * 4  # g transposed times the state, added to the total
    of_state = 2 * 16 * 4 * 4  # g times the weight
    steps = 35 * (2 * forward + of_tanh + of_weight + of_state)
    total = steps + 35 * 16 * 4  # and the sum of the outputs
    assert f"{text.count(total)} FLOPs" in facts


def test_a_scope_closes_a_body():
    drawn = scene(rnn()[0].graph, hide_weights=True, collapse="scope")
    (box,) = [box for box in drawn.boxes if box.kind == "scope"]
    assert box.title == "foreach"
    assert box.detail.startswith("FullyConnected ×2")


def test_mermaid_draws_them_too():
    written = mermaid(rnn()[0])
    assert 'subgraph s0["foreach"]' in written
    assert "-. next step .->" in written


@needs_engine
@pytest.mark.parametrize("make", [lambda: rnn()[0], lambda: squares()[0], choice])
def test_they_can_be_laid_out(make):
    picture = render.run_engine(plot_network(make()).source, "svg", timeout=60)
    assert b"</svg>" in picture


def test_a_loop_from_a_file_opens_as_well():
    outs, _ = rnn()
    again = sym.load_json(outs.tojson())
    assert links(scene(again.graph)) == links(scene(outs.graph))
