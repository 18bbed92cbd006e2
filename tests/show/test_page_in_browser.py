"""The interactive page in a browser: that a reader can use it, and that nothing gets out of it."""

import base64
import json
import os
import re
import struct
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import browser
import numpy as np
import pytest
from drawn_nets import encoder
from page_cases import EVIL, filled, mlp, training

import minisym as ms
from minisym import sym


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
    asked = {address.partition(":")[0] for address in window.requests()}
    assert asked <= {"file", "data"}  # whatever a test did, nothing left the page


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
    for word in ("FullyConnected", "num_hidden", "16", "8×16", "page_cases.py", "fc1_weight"):
        assert word in panel, word
    assert "computed from3 nodes" in panel  # data, weight, bias
    assert page.count(".node.up") >= 3
    assert page.count(".node.down") >= 4
    lines = {page.style(f"{node(n)} .shape", "stroke") for n in ("fc1_weight", "softmax", "fc1")}
    assert len(lines) == 3  # what comes before, what comes after, and the node itself
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
        "document.querySelector('.frame-title.backward')"
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
    assert float(page.style(node("softmax_output"), "opacity")) < 0.5
    assert float(page.style('.link[data-from="fc1"][data-to="relu1"]', "opacity")) < 0.5
    page.click("#next")
    assert float(page.style('.link[data-from="fc1"][data-to="relu1"]', "opacity")) == 1
    assert "relu1" in page.text("#where")
    assert page.count(f"{node('fc1')}.done") == 1
    page.click("#back")
    assert "fc1  8×16" in page.text("#where")
    page.click("#last")
    assert page.text("#where").startswith("The writes land: 4 arrays change")
    assert page.count(".node.written") == 4
    assert page.count(".link.landing") == 4
    assert "just written" in page.text("#panel")
    assert page.count("#panel canvas.heat") == 3  # the value, what has changed, the value before
    assert "-0.01 … 0.01" in page.text("#panel")
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
    page.keys("e", "]", "End", "t", "/", *"fc1", "Enter")
    requests = page.requests()
    assert [a.rpartition("/")[2] for a in requests if a.startswith("file:")] == ["net.html"]
    assert [a for a in requests if not a.startswith(("file:", "data:"))] == []


def test_the_network_log_would_tell(page):
    address = "http://127.0.0.1:9/pixel.png"
    page.run("document.body.append(Object.assign(new Image(), {src: arguments[0]}))", address)
    page.wait("return document.images[0].complete")
    assert address in page.requests()
    assert any("Content Security Policy" in line for line in page.log())  # it is not let out


def test_everything_has_a_name(page):
    page.keys("]")
    spoken = page.spoken()
    controls = [(role, name) for role, name in spoken if role in {"button", "searchbox", "slider"}]
    assert len(controls) >= 14
    assert all(name for _, name in controls), controls
    images = {name for role, name in spoken if role == "image"}
    assert "fc1, FullyConnected, layer, 8×16" in images
    assert any(name.startswith("∂ fc1, closed frame of") for name in images)
    assert any(name.startswith("Heat map from") for name in images)
    assert any(name.startswith("Histogram from") for name in images)
    assert page.text("#said") == "fc1, FullyConnected, layer, 8×16"  # read out as one steps


def test_an_address_leads_to_a_node(window, tmp_path):
    path = training().to_html(tmp_path / "net.html")
    window.send("POST", "/url", url=f"{path.as_uri()}#fc2")
    assert window.text("#panel h2") == "fc2"
    assert window.count(f"{node('fc2')}.selected") == 1
    window.click(node("relu1"))
    assert window.run("return location.hash") == "#relu1"
    window.run("location.hash = '#fc1_weight'")
    window.wait("return document.querySelector('#panel h2').textContent === 'fc1_weight'")
    window.run("location.hash = encodeURIComponent('∂ fc1')")
    window.wait("return document.querySelector('#panel h2').textContent === '∂ fc1'")
    window.keys("Escape")
    assert window.run("return location.hash") == ""
    for nothing in ("#nowhere", "#%", "#%E0%A4%A", "#<img src=x onerror=document.title='evil'>"):
        window.run("location.hash = arguments[0]", nothing)
        window.wait("return location.hash === ''")
    assert "Legend" in window.text("#panel")
    assert window.log() == []


def saved(page, key):
    """Press a key, and return what is offered for download: its name, its type, its content."""
    page.run("""
        window.saved = [];
        HTMLAnchorElement.prototype.click = function () {
            const { href, download } = this;
            window.saved.push({ download, href });
        };
        const make = URL.createObjectURL;
        URL.createObjectURL = (blob) => {
            const reader = new FileReader();
            reader.onload = () => (window.content = reader.result);
            reader.readAsDataURL(blob);
            return make(blob);
        };
    """)
    page.keys(key)
    page.wait("return window.saved.length === 1 && window.content !== undefined")
    found = page.run("return [window.saved[0].download, window.content]")
    kind, content = found[1].split(";base64,")
    return found[0], kind, base64.b64decode(content)


def test_what_is_seen_is_saved_as_svg(page):
    name, kind, content = saved(page, "s")
    assert name.endswith(".svg")
    assert kind == "data:image/svg+xml"
    root = ET.fromstring(content)
    texts = {one.text for one in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"FullyConnected", "softmax_label"} <= texts
    assert b"var(" not in content  # it needs no style sheet
    assert root.get("width") == str(
        page.run("return document.getElementById('canvas').clientWidth")
    )


def test_what_is_not_seen_is_left_out(page):
    page.click(node("fc1"))
    for _ in range(8):
        page.keys("+")
    seen = page.run(
        "const c = document.getElementById('canvas').getBoundingClientRect();"
        "return [...document.querySelectorAll('.node')].filter((n) => { const r ="
        "n.getBoundingClientRect(); return r.right >= c.left && r.left <= c.right &&"
        "r.bottom >= c.top && r.top <= c.bottom; }).map((n) => n.dataset.name)"
    )
    content = saved(page, "s")[2]
    kept = re.findall(rb'class="node [^"]*"[^>]* data-name="([^"]+)"', content)
    assert sorted(name.decode() for name in kept) == sorted(seen)
    assert 0 < len(seen) < page.count(".node")


def test_what_is_seen_is_saved_as_png(page):
    name, kind, content = saved(page, "p")
    assert name.endswith(".png")
    assert kind == "data:image/png"
    assert content.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", content[16:24])
    assert width == 2 * page.run("return document.getElementById('canvas').clientWidth")
    assert height > 400


def test_the_map_shows_what_is_seen_and_leads_there(window, tmp_path):
    window.open(encoder(40).to_html(tmp_path / "net.html"))
    assert window.run("return document.getElementById('map').hasAttribute('hidden')")  # all is seen
    window.keys("e")
    assert not window.run("return document.getElementById('map').hasAttribute('hidden')")
    place = "return Number(document.querySelector('.map-window').getAttribute('y'))"
    first = window.run(place)
    box = window.run(
        "const r = document.getElementById('map').getBoundingClientRect();"
        "return [r.left, r.top, r.right, r.bottom]"
    )
    assert 0 < box[2] - box[0] < 250
    window.drag(int((box[0] + box[2]) / 2), int(box[3] - 10), 0, 2)
    assert window.run(place) > first + 20
    assert window.run(  # and there is the end of the net
        "const c = document.getElementById('canvas').getBoundingClientRect();"
        "const r = document.querySelector('.node[data-name=head]').getBoundingClientRect();"
        "return r.bottom > c.top && r.top < c.bottom"
    )
    window.keys("0")
    assert window.run("return document.getElementById('map').hasAttribute('hidden')")
    assert window.log() == []


def test_what_is_repeated_is_one_box(window, tmp_path):
    net = encoder(40)
    window.open(net.to_html(tmp_path / "net.html"))
    assert window.count(".node") < 10
    window.click(node("block0…39 ×40"))
    assert window.count('.node[data-name^="block"]') == 40
    window.run(  # it need not be on the screen
        "document.querySelector(arguments[0]).dispatchEvent("
        "new MouseEvent('click', {bubbles: true}))",
        node("block7"),
    )
    assert window.count(node("block7_up")) == 1
    window.keys("c", "/", *"block30_up", "Enter")  # a search opens what it finds
    assert window.text("#panel h2") == "block30_up"
    assert window.log() == []


def test_bodies_open(window, tmp_path):
    weight, state = sym.Variable("w", shape=(3, 3)), sym.Variable("s")

    def step(x, h):
        h = sym.tanh(sym.dot(x, weight, name="inside") + h, name="new")
        return h, h

    _, last = sym.contrib.foreach(step, sym.Variable("x"), state)
    loop = last.entries[0].node.name
    choice = sym.contrib.cond(sym.sum(last) > 0, lambda: sym.exp(last, name="up"), lambda: last - 1)
    window.open(choice.to_html(tmp_path / "net.html"))
    assert window.count(node("new")) == 0
    window.click(node(loop))
    assert window.count(node(loop)) == 1
    assert window.count(node("new")) == 1
    window.keys("e")
    for name in ("inside", "new", "up"):
        assert window.count(node(name)) == 1
    titles = window.run(
        "return [...document.querySelectorAll('.frame-title')].map((t) => t.textContent)"
    )
    assert {"▾ test", "▾ then", "▾ else"} <= set(titles)
    assert window.log() == []


def test_two_graphs_are_compared(window, tmp_path):
    before = encoder(40)
    after = before.insert_after("block7_relu_output", lambda h: sym.Dropout(h, p=0.1, name="drop"))
    window.open(after.remove("block9_relu").to_html(tmp_path / "net.html", before=before))
    panel = window.text("#panel")
    for line in ("+ drop", "± block7_down", "− block9_relu", "± block9_down"):
        assert line.replace(" ", "") in panel.replace(" ", ""), panel
    assert "1 added · 1 removed · 2 changed" in window.text("#facts")
    assert window.count(f"{node('drop')}.is-added") == 1  # what differs is open
    assert window.count(f"{node('block9_relu')}.is-removed") == 1
    assert window.count(".link.removed") == 2
    assert window.count(".link.added") >= 2
    assert window.count(f"{node('embed')}.is-same") == 1
    seen = []
    for key in ("n", "n", "N"):
        window.keys(key)
        seen.append(window.text("#panel h2"))
    assert seen[0] == seen[2] != seen[1]
    window.keys("/", *"block9_down", "Enter")
    assert "Changed" in window.text("#panel")
    assert "block9_relu_output → block9_up_output" in window.text("#panel")
    assert window.log() == []


def test_without_shapes_and_run(window, tmp_path):
    window.open(mlp().to_html(tmp_path / "net.html"))
    assert not window.run("return document.getElementById('player').checkVisibility()")
    window.click(node("fc1"))
    window.keys("]", " ")
    assert window.log() == []


def test_hostile_names_do_nothing(window, tmp_path):
    net = sym.add_n(*[sym.Variable(name, attr={"__note__": name}) for name in EVIL], name="t")
    executor = net.bind(args={name: np.ones((1, 1)) for name in EVIL})
    window.open(net.to_html(tmp_path / "net.html", title="ok", executor=executor))
    window.keys("]", "Escape")
    shown = """
        const note = JSON.parse(document.getElementById('graph').textContent)
            .nodes[arguments[0]].attrs.__note__;
        document.querySelectorAll('.node')[arguments[0]]
            .dispatchEvent(new MouseEvent('click', {bubbles: true}));
        return [...document.querySelectorAll('#panel td')].some((td) => td.textContent === note);
    """
    assert all(window.run(shown, i) for i in range(len(EVIL)))
    assert window.run("return document.title") == "ok"
    assert window.count("img, iframe, object, embed") == 0
    assert window.count("script") == 3
    assert window.log() == []


def test_the_backward_run_of_bound_gradients(window, tmp_path):
    net = mlp()
    window.open(net.to_html(tmp_path / "net.html", executor=filled(net, data=(8, 6))))
    window.keys("End", "[")
    assert window.text("#where").endswith("backward")
    assert "a node of the backward run" in window.text("#panel")
    assert window.count("#panel canvas.heat") == 1
    assert window.count(".node:not(.done)") == 0
    window.keys("Home")
    assert "Legend" in window.text("#panel")


@pytest.mark.parametrize(
    "make", [lambda: sym.Variable("x"), lambda: encoder(3), lambda: ms.grad(mlp(), ["fc1_weight"])]
)
def test_other_graphs(window, tmp_path, make):
    net = make()
    window.open(net.to_html(tmp_path / "net.html"))
    window.keys("e")
    assert window.count(".node") >= len(net.graph)
    assert window.run("return !document.getElementById('world').innerHTML.includes('NaN')")
    assert window.log() == []


def test_a_large_graph_opens_closed(window, tmp_path):
    path = encoder(250).to_html(tmp_path / "net.html")
    start = time.monotonic()
    window.open(path)
    assert time.monotonic() - start < 10
    assert window.count(".node") < 600
    window.click(node("block0…249 ×250"))
    window.click(node("block0"))
    assert window.count(node("block0_up")) == 1


def test_ten_thousand_nodes_without_a_scope(window, tmp_path):
    h = sym.Variable("x")
    for i in range(10_000):
        h = sym.tanh(h, name=f"op{i}")
    path = h.to_html(tmp_path / "net.html")
    start = time.monotonic()
    window.open(path)
    assert time.monotonic() - start < 30  # on a machine that is busy; a second or two otherwise
    window.keys("/", *"op9999", "Enter")
    assert window.text("#panel h2") == "op9999"
    assert window.log() == []


def test_on_a_telephone(window, tmp_path):
    try:
        window.resize(400, 800)
        window.open(mlp().to_html(tmp_path / "net.html"))
        assert window.run("return document.documentElement.scrollWidth <= innerWidth")
        assert window.run("return document.getElementById('canvas').clientHeight > innerHeight / 3")
        assert not window.run("return document.querySelector('.legend').open")
        window.click(".legend summary")
        assert window.run("return document.querySelector('.legend').open")
        assert window.style("#map", "display") == "none"
    finally:
        window.resize(1280, 860)


MODELS = Path(os.environ.get("MINISYM_MODELS") or "no folder")


@pytest.mark.skipif(not (MODELS / "manifest.json").is_file(), reason="there are no models")
def test_published_models_open_without_a_message(window, tmp_path):
    listed = json.loads((MODELS / "manifest.json").read_text(encoding="utf-8"))["models"]
    for entry in listed:
        net = ms.sym.load(str(MODELS / entry["id"] / entry["symbol"]))
        window.open(net.to_html(tmp_path / "net.html"))
        assert window.count(".node") > 0, entry["id"]
        assert window.run("return !document.getElementById('world').innerHTML.includes('NaN')")
        assert window.log() == [], entry["id"]
