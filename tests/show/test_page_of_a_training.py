"""The page that slides through a training: what is in it, and that it shows this in a browser."""

import json
from base64 import b64decode

import browser
import numpy as np
import pytest
from page_cases import EVIL, data_of, recorded, training

import minisym as ms
from minisym import sym
from minisym.runtime.observe.glimpse import Frame, glimpse
from minisym.show.html.training import Training, training_page


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    if browser.MISSING:
        pytest.skip(browser.MISSING)
    with browser.browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def page(window, tmp_path):
    """Open the page of three steps."""
    window.open(recorded().to_html(tmp_path / "training.html"))
    yield window
    complaints = window.log()
    assert not complaints, complaints
    assert {address.partition(":")[0] for address in window.requests()} <= {"file", "data"}


def node(name):
    return f'.node[data-name="{name}"]'


def told(weights, gradients):
    """Return what the page is told about a weight with these values and gradients."""
    step = sym.signsgd_update(sym.Variable("w"), sym.Variable("g"), lr=0.1, name="step")
    frames = [
        Frame(
            i, {"w": glimpse(np.array(w), 16)}, {} if g is None else {"w": glimpse(np.array(g), 16)}
        )
        for i, (w, g) in enumerate(zip(weights, gradients, strict=True))
    ]
    return step, Training(frames, {}, {"w": "step"})


def bytes_of(table):
    return [*b64decode(table["cells"])]


# ------------------------------------------------------------------------------------ what is in it


def test_all_steps_have_one_scale(tmp_path):
    step, training_ = told([[0.0, 4.0], [1.0, 2.0], [1.0, np.nan]], [None] * 3)
    shape = {"w": (2,), "g": (2,)}
    path = training_page(step, tmp_path / "a.html", training_, shape=shape, dtype={})
    (array,) = data_of(path)["training"]["arrays"]
    values = [frame["value"] for frame in array["frames"]]
    assert {(v["low"], v["high"]) for v in values} == {("0", "4")}
    assert [bytes_of(v) for v in values] == [[0, 254], [64, 127], [64, 255]]
    changes = [frame["change"] for frame in array["frames"][1:]]
    assert {(c["low"], c["high"]) for c in changes} == {("-2", "1")}
    assert [frame.get("changed") for frame in array["frames"]] == [None, 1.0, 0.5]


def test_signs_and_where_they_flip(tmp_path):
    slopes = [None, [1.0, -1.0, 0.0, 2.0, -3.0], [1.0, 1.0, 2.0, -2.0, np.nan]]
    step, training_ = told([[0.0] * 5] * 3, slopes)
    shape = {"w": (5,), "g": (5,)}
    path = training_page(step, tmp_path / "a.html", training_, shape=shape, dtype={})
    (array,) = data_of(path)["training"]["arrays"]
    first, second = (frame["gradient"] for frame in array["frames"][1:])
    assert bytes_of(first) == [1, 2, 0, 1, 2]
    assert bytes_of(second) == [1, 3, 1, 4, 255]
    assert array["frames"][2]["flipped"] == 0.4
    assert "flipped" not in array["frames"][1]


def test_who_writes_what(tmp_path):
    data = data_of(recorded().to_html(tmp_path / "a.html", title="mine"))
    names = [one["name"] for one in data["nodes"]]
    pairs = {(names[one["node"]], names[one["by"]]) for one in data["training"]["arrays"]}
    assert pairs == {(n, f"{n}_step") for n in ("fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias")}
    assert data["title"] == "mine"
    assert data["training"]["steps"] == [0, 1, 2, 3]
    assert data["training"]["numbers"]["loss"] == [[1, 1.0], [2, 0.01], [3, 0.0001]]
    assert data["run"] is None


def test_hostile_names_and_numbers(tmp_path):
    weights = [sym.Variable(name) for name in EVIL]
    steps = [
        sym.signsgd_update(w, w * 2.0, lr=0.1, name=f"{name} step")
        for w, name in zip(weights, EVIL, strict=True)
    ]
    executor = sym.Group(steps).bind(args={name: np.ones((1, 1)) for name in EVIL})
    with ms.record(executor) as recording:
        executor.forward()
        recording.note(**{EVIL[0]: np.inf, EVIL[2]: np.nan, "loss": 1e308})
    page = recording.to_html(tmp_path / "a.html")
    text = page.read_text(encoding="utf-8")
    assert text.lower().count("</script") == 3
    assert json.dumps(data_of(page), allow_nan=False)


def test_many_arrays_are_drawn_coarsely(tmp_path):
    fine = recorded(steps=2).to_html(tmp_path / "a.html")
    recording = recorded(steps=2)
    many = Training(recording.frames * 60, {}, {})
    shape = {"data": (8, 6)}
    coarse = training_page(training(), tmp_path / "b.html", many, shape=shape, dtype={})
    sides = [
        max(frame["value"]["rows"] for frame in data_of(path)["training"]["arrays"][0]["frames"])
        for path in (fine, coarse)
    ]
    assert sides == [16, 10]


# ------------------------------------------------------------------------------------ in a browser


def test_sliding_through_the_training(page):
    assert page.text("#where") == "before the first of 3 steps"
    assert page.count(".node.written") == 0
    page.keys("]")
    assert page.text("#where") == "step 1 of 3  loss 1.000"
    assert page.count(".node.written") == 4
    assert page.count(".node.now") == 4
    assert page.count(".link.landing") == 4
    assert page.count(".gauge") == 0  # nothing to compare the signs with
    page.keys("]")
    assert page.count(".gauge") >= 4
    assert "Since step 1" in page.text("#panel")
    page.keys("End")
    assert page.text("#where") == "step 3 of 3  loss 0.0001000"
    page.keys("Home")
    assert page.text("#where").startswith("before")


def test_a_weight_at_a_step(page):
    page.keys("]", "]")
    page.click(node("fc1_weight"))
    panel = page.text("#panel")
    assert "Value after step 2" in panel
    assert "Change since step 1: 93.8 % of the elements" in panel  # a unit that is never active
    assert "-0.01 … 0.01 in all steps" in panel  # signs times the rate
    assert "Written by fc1_weight_step" in panel
    assert "of its signs flipped since step 1" in panel
    assert page.count("#panel canvas.heat") == 3
    page.keys("[")
    assert "Value after step 1" in page.text("#panel")  # what is selected stays selected
    assert page.text("#panel h2") == "fc1_weight"
    page.click(node("fc1_weight_step"))
    assert "What it trains" in page.text("#panel")


def test_the_loss_beside_it(page):
    assert page.count("#curves path") == 1
    assert page.text("#curve-names") == "loss (log)"
    before = page.run("return document.querySelector('.cursor').getAttribute('x1')")
    page.run(
        "const box = document.getElementById('curves').getBoundingClientRect();"
        "document.getElementById('curves').dispatchEvent(new MouseEvent('click',"
        "{bubbles: true, clientX: box.left + box.width * 0.7, clientY: box.top + 5}))"
    )
    assert page.text("#where").startswith("step 2 of 3")
    assert page.run("return document.querySelector('.cursor').getAttribute('x1')") != before


def test_the_slider_snaps_to_steps_that_were_kept(window, tmp_path):
    recording = recorded(steps=9)
    recording._frames = [recording._frames[i] for i in (0, 4, 8, 9)]
    window.open(recording.to_html(tmp_path / "a.html"))
    for place, step in ((1, "before"), (3, "step 4 "), (7, "step 8 "), (9, "step 9 ")):
        window.run(
            "const s = document.getElementById('slider'); s.value = arguments[0];"
            "s.dispatchEvent(new Event('input', {bubbles: true}))",
            place,
        )
        assert window.text("#where").startswith(step)
    assert window.log() == []


def test_playing_to_the_end(page):
    page.click("#play")
    page.wait("return document.getElementById('where').textContent.startsWith('step 3')", 10)
    page.wait("return document.getElementById('play').textContent === 'Play'", 10)


def test_everything_has_a_name(page):
    page.keys("]", "]")
    page.click(node("fc1_weight"))
    spoken = page.spoken()
    assert all(name for role, name in spoken if role in {"button", "searchbox", "slider"})
    images = {name for role, name in spoken if role == "image"}
    assert {"Map of signs", "Signs that flip, along the steps", "Numbers along the steps"} <= images
    assert "One step on" in {name for role, name in spoken if role == "button"}


def test_without_numbers_and_without_a_step(window, tmp_path):
    window.open(recorded(steps=0).to_html(tmp_path / "a.html"))
    window.keys("]", "End", "[")
    assert window.text("#where") == "before the first of 0 steps"
    assert window.run("return document.getElementById('curves').hasAttribute('hidden')")
    assert window.log() == []
