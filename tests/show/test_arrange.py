"""The layout of our own: what stands where, and the drawing that is made of it."""

import random
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest
from drawn_nets import any_options, anything, encoder, mlp, recurrent, tangle, training
from hypothesis import given, settings
from hypothesis import strategies as st

import minisym as ms
from minisym import sym
from minisym.runtime.observe.drawing import Curve, Drawing, Rectangle, Words
from minisym.show.arrange import arrange
from minisym.show.known import learn
from minisym.show.measure import lower, upper
from minisym.show.paint import paint
from minisym.show.scene import scene
from minisym.show.style import DARK, LIGHT
from minisym.visualization import plot_network

SVG = "{http://www.w3.org/2000/svg}"


def any_scene(seed):
    chance = random.Random(seed)
    with ms.name.NameManager():
        net = anything(chance)
    options = any_options(chance, net)
    return scene(
        net.graph,
        learn(net.graph, options["shape"], options["dtype"]),
        hide_weights=options["hide_weights"],
        collapse=options["collapse"],
    )


def overlap(a, b):
    """Return whether rectangles share more than a border."""
    return (
        min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0]) > 0.1
        and min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1]) > 0.1
    )


def contains(outer, inner):
    return (
        outer[0] - 0.1 <= inner[0]
        and outer[1] - 0.1 <= inner[1]
        and inner[0] + inner[2] <= outer[0] + outer[2] + 0.1
        and inner[1] + inner[3] <= outer[1] + outer[3] + 0.1
    )


def around(thing):
    """Return the frames around a box or a frame."""
    frame = getattr(thing, "outer", None) if hasattr(thing, "outer") else thing.frame
    found = []
    while frame is not None:
        found.append(frame)
        frame = frame.outer
    return found


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_nothing_lies_on_anything_else(seed):
    drawn = any_scene(seed)
    found = arrange(drawn)
    assert set(found.boxes) == set(drawn.boxes)
    assert set(found.frames) == set(drawn.frames)
    places = {**found.boxes, **found.frames}
    for thing, place in places.items():
        assert contains((0, 0, found.width, found.height), place)
        assert all(contains(found.frames[frame], place) for frame in around(thing))
    for one, other in combinations(places, 2):
        if one not in around(other) and other not in around(one):
            assert not overlap(places[one], places[other])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_link_runs_from_its_upper_to_its_lower_end(seed):
    drawn = any_scene(seed)
    found = arrange(drawn)
    for link in drawn.links:
        first, *_, last = found.ways[link]
        for end, box in ((first, upper(link)), (last, lower(link))):
            assert contains(found.boxes[box], (*end, 0, 0))
        heights = [y for _, y in found.ways[link][1:-1]]
        assert heights == sorted(heights)


@pytest.mark.parametrize("make", [mlp, lambda: training(mlp()), lambda: encoder(5)])
def test_what_is_read_stands_above_what_reads_it(make):
    drawn = scene(make().graph, hide_weights=True)
    found = arrange(drawn)
    beside = {frozenset(pair) for pair in drawn.beside}
    for link in drawn.links:
        if link.kind != "saved" and frozenset((link.tail, link.head)) not in beside:
            assert found.boxes[upper(link)][1] < found.boxes[lower(link)][1]


def test_a_chain_is_straight():
    drawn = scene(tangle(8).graph, hide_weights=True)
    found = arrange(drawn)
    middles = [left + wide / 2 for left, _, wide, _ in found.boxes.values()]
    assert max(middles) - min(middles) < 0.5
    for way in found.ways.values():
        assert way[0][0] == pytest.approx(way[-1][0], abs=0.5)


def test_links_that_need_not_cross_do_not():
    x = sym.Variable("x")
    arms = [sym.tanh(sym.exp(x, name=f"e{i}"), name=f"t{i}") for i in range(6)]
    random.Random(1).shuffle(arms)
    drawn = scene(sym.Group(arms).graph, collapse="none")
    found = arrange(drawn)
    left = {box.name: place[0] for box, place in found.boxes.items()}
    assert sorted(range(6), key=lambda i: left[f"e{i}"]) == sorted(
        range(6), key=lambda i: left[f"t{i}"]
    )


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize("make", [mlp, lambda: training(mlp()), lambda: recurrent(6)])
def test_all_is_drawn(make, theme):
    drawn = scene(make().graph, learn(make().graph, None), hide_weights=True)
    root = ET.fromstring(paint(drawn, theme).svg())
    kinds = [group.get("class").split() for group in root.iter(f"{SVG}g")]
    assert sum(kind[0] == "node" for kind in kinds) == len(drawn.boxes)
    assert sum(kind[0] == "edge" and len(kind) == 2 for kind in kinds) == len(drawn.links)
    said = {text.text for text in root.iter(f"{SVG}text")}
    assert {box.title for box in drawn.boxes if box.repeated == 1} <= said
    assert root.find(f"{SVG}style") is None
    for words in root.iter(f"{SVG}text"):  # none is turned, all that has a box has its room
        assert words.get("transform") is None
    inside = [words for group in root.iter(f"{SVG}g") for words in group.iter(f"{SVG}text")
              if group.get("class").startswith("node") and len(words.text) > 1]  # fmt: skip
    assert all(float(words.get("textLength")) > 0 for words in inside)


def test_names_that_attack_are_escaped():
    hostile = 'a"><script>\x00\n&'
    drawn = scene(sym.tanh(sym.Variable(hostile), name=hostile + "2").graph, title=hostile)
    root = ET.fromstring(paint(drawn, LIGHT).svg())
    assert not list(root.iter(f"{SVG}script"))


def test_labels_lie_on_no_box_and_on_no_other_label():
    net = training(mlp())
    drawn = scene(net.graph, learn(net.graph, {"data": (64, 784)}), hide_weights=True)
    sheet = paint(drawn, LIGHT)
    boxes = [g.shapes[0] for g in sheet.groups if g.kind.startswith("node")]
    labels = [g.shapes[0] for g in sheet.groups if g.kind == "edge"]
    assert len(labels) > 5
    places = [
        (box.left, box.top, box.width, box.height) for box in boxes if isinstance(box, Rectangle)
    ]
    places += [(word.x, word.y - 7, word.room, 8) for word in labels]
    assert not any(overlap(a, b) for a, b in combinations(places, 2))


def test_an_svg_turns_dark_like_an_engines():
    own = plot_network(mlp()).drawing().make("svg").decode()
    adaptive = plot_network(mlp()).finished(own.encode(), "svg").decode()
    assert 'class="minisym-adaptive"' in adaptive
    assert "prefers-color-scheme:dark" in adaptive


def test_a_drawing_in_each_format():
    pytest.importorskip("matplotlib")
    sheet = Drawing(60, 30, "#FFFFFF", "a title")
    sheet.add(Rectangle(5, 5, 20, 10, "#FF0000", "#000000", 1, 3, "4 2"))
    sheet.add(Curve(((5, 25), (20, 5), (40, 5), (55, 25)), "#0000FF", bent=True))
    sheet.add(Words(30, 20, "a $ b_1^2", 9, "#000000", room=20), tip="says more")
    assert sheet.make("png", dpi=72).startswith(b"\x89PNG")
    pdf = sheet.make("pdf")
    assert pdf.startswith(b"%PDF")
    assert b"/Subtype /Image" not in pdf
    assert sheet.make("pdf") == pdf
    assert "<title>says more</title>" in sheet.make("svg").decode()
