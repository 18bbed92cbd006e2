"""Pictures of the published models that MINISYM_MODELS names: each is a page, whoever draws it."""

import re

import pytest
from drawn_nets import needs_engine
from test_models import each_model, symbol_of

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


@needs_engine
@each_model
@pytest.mark.filterwarnings("ignore:There are multiple variables with the same name")
def test_an_engine_draws_a_page(entry):
    picture = plot_network(symbol_of(entry), shape=entry["check"]["input_shapes"])
    svg = picture.pipe("svg").decode()
    wide, high = re.search(r'<svg[^>]*width="([\d.]+)[^>]*height="([\d.]+)', svg).groups()
    assert float(wide) <= PAGE[0]
    assert float(high) <= PAGE[1]
