"""Training curves: what is drawn where, and what is refused."""

import math
from xml.etree import ElementTree as ET

import pytest

import minisym as ms
from minisym.core.errors import ParamError
from minisym.runtime.observe.drawing import Curve
from minisym.show.curves import _Scale
from minisym.visualization import plot_curves

FLOOR, LEFT, WIDE, HIGH = 322.0, 64.0, 560.0, 260.0


def curves(sheet):
    """Return the points of the lines of each curve."""
    return [
        [shape.points for shape in group.shapes if isinstance(shape, Curve)]
        for group in sheet.groups
        if group.kind == "curve"
    ]


def test_a_curve_rises_from_left_to_right():
    ((points,),) = curves(plot_curves({"loss": [0, 5, 10]}))
    assert points == (
        (LEFT, FLOOR),
        (LEFT + WIDE / 2, FLOOR - HIGH / 2),
        (LEFT + WIDE, FLOOR - HIGH),
    )


def test_steps_may_be_given():
    every_tenth = curves(plot_curves({"a": [(0, 1), (10, 2), (20, 3)]}))
    assert every_tenth == curves(plot_curves({"a": [1, 2, 3]}))


def test_a_logarithmic_axis_has_powers_of_ten():
    sheet = plot_curves({"loss": [1, 0.1, 0.01]}, log=True)
    ((points,),) = curves(sheet)
    heights = [FLOOR - y for _, y in points]
    assert heights == pytest.approx([HIGH, HIGH / 2, 0])
    said = {text.text for text in ET.fromstring(sheet.svg()).findall(".//{*}text")}
    assert {"1", "0.1", "0.01"} <= said


def test_what_is_not_finite_interrupts():
    ((first, second),) = curves(plot_curves({"a": [1, 2, math.nan, 3, 4, math.inf]}))
    assert (len(first), len(second)) == (2, 2)


def test_a_hundred_thousand_points_are_thinned_to_what_is_seen():
    spike = [0.0] * 100_000
    spike[54_321] = 1.0
    ((points,),) = curves(plot_curves({"spike": spike}))
    assert len(points) < 6000
    assert min(y for _, y in points) == pytest.approx(FLOOR - HIGH)


def test_marks_are_round_numbers():
    scale = _Scale([0.0, 0.93])
    assert [scale.words(mark) for mark in scale.marks] == ["0", "0.2", "0.4", "0.6", "0.8", "1"]
    assert _Scale([3.0, 3.0]).marks
    assert all(mark == int(mark) for mark in _Scale([0.0, 3.0], whole=True).marks)


def test_a_recording_can_be_drawn(tmp_path):
    sheet = plot_curves({"loss": [(0, 2.0), (5, 1.0)]}, "Training", y_label="loss")
    assert sheet.save(tmp_path / "loss.svg").read_text("utf-8") == sheet.svg()
    assert set(sheet._repr_mimebundle_()) == {"image/svg+xml", "text/plain"}
    assert ms.viz.plot_curves is plot_curves
    with pytest.raises(ParamError, match=r"an \.svg, \.png or \.pdf file"):
        sheet.save(tmp_path / "loss")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([1, 2], "given as a dict, name -> numbers, but got list"),
        ({}, "there is no number to draw"),
        ({"a": []}, "there is no number to draw"),
        ({"a": [math.nan]}, "there is no number to draw"),
        ({"a": 3}, "the curve 'a' is no sequence of numbers"),
        ({"a": ["x"]}, "the curve 'a' is no sequence of numbers"),
        ({"a": [(1, 2, 3)]}, "the curve 'a' is no sequence of numbers"),
    ],
)
def test_what_is_no_curve_is_refused(given, said):
    with pytest.raises(ParamError, match=said):
        plot_curves(given)


def test_nothing_positive_on_a_logarithmic_axis():
    with pytest.raises(ParamError, match="no number to draw"):
        plot_curves({"a": [0, -1]}, log=True)


def test_hostile_names():
    sheet = plot_curves({"<script>&\x00": [1, 2]}, title="<b>")
    root = ET.fromstring(sheet.svg())
    assert not list(root.findall(".//{*}script"))


def test_many_names_stand_in_rows_within_the_picture():
    names = [f"optimizer number {i}" for i in range(10)]
    sheet = ms.viz.plot_curves({name: [1, 2, 3] for name in names}, "Ten")
    words = {e.text: e for e in ET.fromstring(sheet.svg()).iter() if e.tag.endswith("text")}
    for name in names:
        x, y = float(words[name].get("x")), float(words[name].get("y"))
        assert x + 5 * len(name) < sheet.width
        assert y < sheet.height
    assert len({words[name].get("y") for name in names}) == 3
