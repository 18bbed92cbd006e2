"""The interactive page: what is in it, and that a reader can use it."""

import json
import re
import time

import browser
import numpy as np
import pytest

import minisym as ms
from minisym import sym
from minisym.errors import ArrayTypeError
from minisym.show.html.record import record

HOSTILE = "</script><script>document.title='evil'</script>\u2028\"'&{{title}}"


def mlp():
    h = sym.FullyConnected(sym.Variable("data"), num_hidden=16, name="fc1")
    h = sym.Activation(h, act_type="relu", name="relu1")
    return sym.SoftmaxOutput(sym.FullyConnected(h, num_hidden=4, name="fc2"), name="softmax")


def training():
    net = mlp()
    names = ["fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias"]
    inside = net.get_internals()
    updates = [
        sym.signsgd_update(inside[name], grad, lr=0.01, name=f"{name}_step")
        for name, grad in zip(names, ms.grad(net, names), strict=True)
    ]
    return sym.Group([net, *updates])


def residual(blocks):
    h = sym.FullyConnected(sym.Variable("data"), num_hidden=8, name="embed")
    for i in range(blocks):
        up = sym.FullyConnected(h, num_hidden=16, name=f"block{i}_up")
        up = sym.Activation(up, act_type="relu", name=f"block{i}_relu")
        h = h + sym.FullyConnected(up, num_hidden=8, name=f"block{i}_down")
    return sym.FullyConnected(h, num_hidden=2, name="head")


def filled(net, **shapes):
    executor = net.simple_bind(**shapes)
    draw = np.random.default_rng(0)
    for name, array in executor.arg_dict.items():
        array[...] = (
            draw.integers(0, 4, array.shape) if "label" in name else draw.normal(size=array.shape)
        )
    return executor


def data_of(path):
    page = path.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="graph">(.*?)</script>', page, re.DOTALL)
    return json.loads(found[1])


# ---------------------------------------------------------------------------------- what is in it


def test_the_page_holds_the_graph(tmp_path):
    data = data_of(training().to_html(tmp_path / "net.html", shape={"data": (8, 6)}))
    nodes = {node["name"]: node for node in data["nodes"]}
    assert nodes["fc1"]["outputs"][0]["shape"] == "8×16"
    assert nodes["fc1"]["params"] == {"num_hidden": "16"}
    assert 'num_hidden=16, name="fc1"' in nodes["fc1"]["source"]
    assert [data["nodes"][i]["name"] for i in nodes["fc1_weight_step"]["writes"]] == ["fc1_weight"]
    assert nodes["softmax_output"]["kind"] == "output"
    titles = {scope["title"] for scope in data["scopes"]}
    assert {"fc1", "∂ fc1"} <= titles
    assert data["run"] is None


def test_nothing_is_fetched(tmp_path):
    net = training()
    page = net.to_html(tmp_path / "net.html", executor=filled(net, data=(8, 6))).read_text("utf-8")
    addresses = set(re.findall(r"https?://[^\s\"'<]+", page))
    assert addresses == {"http://www.w3.org/2000/svg"}  # the name of a namespace
    assert not re.findall(r"<(?:link|script|img)[^>]+(?:src|href)=\"(?!data:)", page)
    assert "default-src 'none'" in page


def test_recording_changes_nothing(tmp_path):
    net = training()
    executor = filled(net, data=(8, 6))
    executor.forward(is_train=True)
    before = {n: a.copy() for n, a in executor.arg_dict.items()}
    outputs = [o.copy() for o in executor.outputs]
    state = ms.random.generator.bit_generator.state
    run = data_of(net.to_html(tmp_path / "net.html", executor=executor))["run"]
    assert ms.random.generator.bit_generator.state == state
    for name, array in executor.arg_dict.items():
        np.testing.assert_array_equal(array, before[name])
    for one, two in zip(executor.outputs, outputs, strict=True):
        np.testing.assert_array_equal(one, two)
    assert len(run["steps"]) == sum(node.op is not None for node in net.graph.order)
    assert len(run["writes"]) == 4
    for write in run["writes"]:
        assert write["before"]["cells"]
        assert write["before"] != write["after"]


def test_a_bound_gradient_is_recorded_too():
    net = mlp()
    executor = filled(net, data=(8, 6))
    run = record(executor, net.graph, is_train=True)
    assert any(step.get("backward") for step in run["steps"])
    out = sym.tanh(sym.Variable("x"), name="t")  # needs a head gradient that nobody gave
    executor = out.simple_bind(x=(2,))
    assert [step["name"] for step in record(executor, out.graph, is_train=True)["steps"]] == ["t"]


def test_the_executor_must_be_of_this_symbol(tmp_path):
    with pytest.raises(ArrayTypeError, match="not bound to this symbol"):
        mlp().to_html(tmp_path / "net.html", executor=filled(mlp(), data=(8, 6)))


def test_hostile_names_stay_names(tmp_path):
    net = sym.tanh(sym.Variable(HOSTILE), name=HOSTILE)
    page = net.to_html(tmp_path / "net.html", title=HOSTILE)
    text = page.read_text(encoding="utf-8")
    assert text.count("</script>") == 3
    assert "<script>document" not in text
    assert data_of(page)["title"] == HOSTILE


def test_a_thousand_ops_take_less_than_three_seconds(tmp_path):
    net = residual(250)
    assert len(net.graph.order) > 1000
    start = time.perf_counter()
    net.to_html(tmp_path / "net.html", shape={"data": (2, 4)})
    assert time.perf_counter() - start < 3


# ---------------------------------------------------------------------- a reader with a browser


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    if browser.MISSING:
        pytest.skip(browser.MISSING)
    with browser.browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def page(window, tmp_path):
    """Open the page of a training step, with a recorded run."""
    net = training()
    window.open(net.to_html(tmp_path / "net.html", executor=filled(net, data=(8, 6))))
    yield window
    complaints = window.log()
    assert not complaints, complaints


def node(name):
    return f'.node[data-name="{name}"]'


def test_everything_is_drawn_and_apart(page):
    assert page.count(".node") >= 15
    boxes = page.run(
        "return [...document.querySelectorAll('.node')].map((n) => n.querySelector('.shape'))"
        ".map((e) => e.getBoundingClientRect()).map((r) => [r.left, r.top, r.right, r.bottom])"
    )
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert a[2] <= b[0] + 1 or b[2] <= a[0] + 1 or a[3] <= b[1] + 1 or b[3] <= a[1] + 1
    assert page.count(".link.write") == 4
    assert page.text("#title").startswith("softmax")
    assert "64" not in page.text("#facts")


def test_a_click_tells_all_about_a_node(page):
    page.click(node("fc1"))
    panel = page.text("#panel")
    for word in ("FullyConnected", "num_hidden", "16", "8×16", "test_page.py", "fc1_weight"):
        assert word in panel, word
    assert page.count(".node.up") >= 3
    assert page.count(".node.down") >= 4
    pale = page.style(node("softmax_label"), "opacity")
    assert float(pale) < 0.5  # it neither feeds fc1 nor reads it
    page.keys("Escape")
    assert page.count(".node.up") == 0
    assert "Legend" in page.text("#panel")


def test_a_button_in_the_panel_leads_on(page):
    page.click(node("fc1"))
    page.run(
        "[...document.querySelectorAll('#panel .go')]"
        ".find((b) => b.textContent === 'fc1_bias').click()"
    )
    assert page.text("#panel h2") == "fc1_bias"
    assert page.count(f"{node('fc1_bias')}.selected") == 1


def test_search(page):
    page.keys("/")
    page.keys(*"fc2_w")
    assert "nodes" in page.text("#found")
    assert page.count(".node.match") >= 2
    page.keys("Enter")
    assert page.text("#panel h2").startswith("fc2_weight")
    page.keys("Enter")
    assert page.text("#panel h2").startswith("fc2_weight")
    page.keys("Escape")
    assert page.count(".node.match") == 0
    page.keys("/")
    page.keys(*"nothing")
    assert page.text("#found") == "0 nodes"


def test_frames_open_and_close(page):
    before = page.count(".node")
    page.click(node("∂ fc1"))
    assert page.count(".node") > before
    assert page.count(".frame.backward") == 1
    page.run(
        "document.querySelector('.frame.backward .title')"
        ".dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    assert page.count(".node") == before
    page.click("#open")
    everything = page.count(".node")
    page.click("#close")
    assert page.count(".node") < before < everything
    assert page.count(".frame") == 0


def test_stepping_through_the_run(page):
    assert page.text("#where").startswith("0/")
    page.click("#next")
    assert "fc1  8×16" in page.text("#where")
    assert page.count(f"{node('fc1')}.now") == 1
    assert page.count("#panel canvas.heat") == 1
    assert page.count("#panel .histogram") == 1
    assert float(page.style(node("softmax"), "opacity")) < 0.5
    page.click("#next")
    assert "relu1" in page.text("#where")
    assert page.count(f"{node('fc1')}.done") == 1
    page.click("#back")
    assert "fc1  8×16" in page.text("#where")
    page.click("#last")
    assert page.text("#where").startswith("The writes land: 4 arrays change")
    assert page.count(".node.written") == 4
    assert page.count(".link.landing") == 4
    assert "just written" in page.text("#panel")
    page.click("#first")
    page.click(node("fc1_weight"))
    assert "Will be written" in page.text("#panel")
    assert page.count(".node.written") == 0


def test_playing(page):
    page.click("#play")
    page.wait("return Number(document.getElementById('slider').value) >= 2", seconds=10)
    assert page.text("#play") == "Pause"
    page.click("#play")
    assert page.text("#play") == "Play"


def test_the_slider(page):
    page.run(
        "const s = document.getElementById('slider'); s.value = 3;"
        "s.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    assert page.text("#where").startswith("3/")


def test_all_of_it_by_keyboard(page):
    page.run("document.getElementById('canvas').focus()")
    page.keys("ArrowDown")
    assert page.text("#panel h2") == "data"
    page.keys("ArrowDown")
    below = page.text("#panel h2")
    assert below != "data"
    page.keys("ArrowUp")
    assert page.text("#panel h2") == "data"
    page.keys("]", "]", "[")
    assert page.text("#where").startswith("1/")
    page.keys("End")
    assert "land" in page.text("#where")
    page.keys("Home")
    scale = page.run("return document.getElementById('world').getAttribute('transform')")
    page.keys("+")
    assert page.run("return document.getElementById('world').getAttribute('transform')") != scale
    page.keys("0")
    count = page.count(".node")
    page.keys("e")
    assert page.count(".node") > count
    page.keys("c")
    assert page.count(".frame") == 0
    page.keys("ArrowDown", "ArrowDown", "Enter")
    assert page.count(".frame") == 1
    page.keys("?")
    assert page.run("return document.getElementById('keys').open")
    page.keys("Escape")
    assert not page.run("return document.getElementById('keys').open")
    page.keys("Tab")
    assert page.run("return document.activeElement !== document.body")


def test_pan_and_zoom(page):
    def transform():
        return page.run("return document.getElementById('world').getAttribute('transform')")

    first = transform()
    page.drag(60, 600, 80, -40)
    moved = transform()
    assert moved != first
    page.wheel(300, 300, -300)
    zoomed = transform()
    assert float(zoomed.split("scale(")[1].rstrip(")")) > float(
        moved.split("scale(")[1].rstrip(")")
    )
    page.click("#fit")
    assert transform() not in (moved, zoomed)


def test_dark_as_the_reader_has_it(page):
    try:
        page.prefer("light")
        light = page.style("body", "backgroundColor")
        page.prefer("dark")
        dark = page.style("body", "backgroundColor")
        assert light == "rgb(255, 255, 255)"
        assert dark == "rgb(11, 18, 32)"
        page.keys("t")  # light, whatever the system says
        assert page.style("body", "backgroundColor") == light
        page.keys("t")
        page.prefer("light")
        assert page.style("body", "backgroundColor") == dark
    finally:
        page.prefer("light")


def test_no_request_leaves_the_page(page):
    requests = page.run(
        "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    )
    assert [name for name in requests if not name.startswith("data:")] == []


def test_without_shapes_and_run(window, tmp_path):
    window.open(mlp().to_html(tmp_path / "net.html"))
    assert not window.run("return document.getElementById('player').checkVisibility()")
    window.click(node("fc1"))
    window.keys("]", " ")
    assert window.log() == []


def test_hostile_names_do_nothing(window, tmp_path):
    window.open(
        sym.tanh(sym.Variable(HOSTILE), name="t").to_html(tmp_path / "net.html", title="ok")
    )
    assert window.run("return document.title") == "ok"
    assert window.log() == []


@pytest.mark.parametrize(
    "make", [lambda: sym.Variable("x"), lambda: residual(3), lambda: ms.grad(mlp(), ["fc1_weight"])]
)
def test_other_graphs(window, tmp_path, make):
    net = make()
    window.open(net.to_html(tmp_path / "net.html"))
    window.keys("e")
    assert window.count(".node") >= len(net.graph.order)
    assert window.run("return !document.getElementById('world').innerHTML.includes('NaN')")
    assert window.log() == []


def test_a_large_graph_opens_closed(window, tmp_path):
    path = residual(250).to_html(tmp_path / "net.html")
    start = time.monotonic()
    window.open(path)
    assert time.monotonic() - start < 10
    assert window.count(".node") < 600
    window.click(node("block0"))
    assert window.count(node("block0_up")) == 1


def test_on_a_telephone(window, tmp_path):
    try:
        window.resize(400, 800)
        window.open(mlp().to_html(tmp_path / "net.html"))
        assert window.run("return document.documentElement.scrollWidth <= innerWidth")
    finally:
        window.resize(1280, 860)
