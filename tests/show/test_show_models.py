"""Pictures of the published models that MINISYM_MODELS names: each is a page, whoever draws it."""

import re

import pytest
from drawn_nets import needs_engine
from test_models import each_model, symbol_of

from minisym.show import labels, roles
from minisym.show.arrange import arrange
from minisym.show.known import learn
from minisym.show.measure import PAGE
from minisym.show.scene import scene
from minisym.visualization import plot_network


@each_model
def test_a_picture_is_a_page(entry):
    graph = symbol_of(entry).graph
    shapes = entry["check"]["input_shapes"]
    drawn = scene(graph, learn(graph, shapes), hide_weights=True)
    found = arrange(drawn)
    assert found.width <= PAGE[0]
    assert found.height <= PAGE[1]
    assert len(drawn.boxes) > 5
    ops = sum(node.op is not None for node in graph)
    assert f"{ops:,} ops" in drawn.facts


@each_model
def test_the_boxes_of_a_picture_add_up(entry, monkeypatch):
    """Every parameter is in one box, or drawn; a repeat says how many each copy has."""
    hidden = {}
    write = labels.label

    def noted(box, known, elements=0):
        hidden[box] = elements
        write(box, known, elements)

    monkeypatch.setattr(labels, "label", noted)
    graph = symbol_of(entry).graph
    known = learn(graph, entry["check"]["input_shapes"])
    total = 0
    for box in scene(graph, known, hide_weights=True).boxes:
        copies, frame = box.repeated, box.frame
        while frame is not None:
            copies, frame = copies * frame.repeated, frame.outer
        drawn = (known.elements(box.nodes[0]) or 0) if box.kind == "parameter" else 0
        total += copies * (hidden.get(box, 0) + drawn)
    kinds = roles.kinds(graph)
    parameters = [node for node in graph.variables if kinds[node] == "parameter"]
    shared = {node for node in parameters if len(list(graph.successors(node))) > 1}
    assert total == sum(known.elements(n) or 0 for n in parameters if n not in shared)


@needs_engine
@each_model
@pytest.mark.filterwarnings("ignore:There are multiple variables with the same name")
def test_an_engine_draws_a_page(entry):
    picture = plot_network(symbol_of(entry), shape=entry["check"]["input_shapes"])
    svg = picture.pipe("svg").decode()
    wide, high = re.search(r'<svg[^>]*width="([\d.]+)[^>]*height="([\d.]+)', svg).groups()
    assert float(wide) <= PAGE[0]
    assert float(high) <= PAGE[1]
