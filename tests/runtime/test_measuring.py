"""What runs take, in time and in memory: profile, trace, memory report, arithmetic."""

import json
import time
from itertools import combinations, pairwise
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from debugging_cases import assert_same, filled, mlp, state, training

import minisym as ms
from minisym import sym
from minisym.core.errors import ParamError
from minisym.core.op import registered


def test_profiling_leaves_everything_as_it_was():
    executor = filled(training())
    executor.forward(is_train=True)
    before, outputs = state(executor), [o.copy() for o in executor.outputs]
    ms.random.seed(3)
    drawn = ms.random.generator.bit_generator.state
    found = executor.profile(runs=3, is_train=True)
    assert ms.random.generator.bit_generator.state == drawn
    assert_same(state(executor), before)
    for a, b in zip(executor.outputs, outputs, strict=True):
        np.testing.assert_array_equal(a, b)
    assert sum(row.share for row in found.rows) == pytest.approx(1)
    assert {row.name for row in found.rows} >= {"fc1", "fc1_weight_step"}
    assert sum(row.calls for row in found.by_op()) == len(found.rows)
    assert "signsgd_update" in str(found)
    assert "fc1 (FullyConnected)" in found.table(by="node", limit=100)
    with pytest.raises(ParamError):
        found.table(by="moon")
    for runs in (0, 2.5, "ten"):
        with pytest.raises(ParamError, match="runs must be an integer of at least 1"):
            executor.profile(runs=runs)
    assert repr(found) == found.table()  # not thousands of events


def test_profiling_after_a_stepped_run_measures_what_forward_does():
    executor = filled(mlp())
    executor.step().finish()
    assert executor._plan.keep
    executor.profile(runs=1)
    assert not executor._plan.keep


def test_profiling_the_gradient():
    executor = filled(mlp(), grad_req="add")
    executor.forward(is_train=True)
    executor.backward()
    before = state(executor)
    found = executor.profile(runs=2, is_train=True, backward=True)
    assert_same(state(executor), before)
    assert any(row.backward for row in found.rows)


def test_a_trace_for_perfetto(tmp_path):
    path = filled(training()).profile(runs=2).save_trace(tmp_path / "trace.json")
    events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    spans = [event for event in events if event["ph"] == "X"]
    assert all(event["dur"] >= 0 and event["ts"] >= 0 for event in spans)
    assert sum(event["name"] == "fc1" for event in spans) == 2
    assert any(event["args"]["composed at"].startswith("debugging_cases.py") for event in spans)
    assert {event["tid"] for event in spans} == {1, 3}  # updates write
    # what the trace event format asks of complete events; one thread does one thing at a time
    clock = 0.0
    for event in spans:
        assert event.keys() == {"ph", "pid", "tid", "name", "cat", "ts", "dur", "args"}
        assert event["ts"] >= clock - 1e-6
        clock = event["ts"] + event["dur"]
    named = {event["tid"]: event["args"]["name"] for event in events if event["ph"] == "M"}
    assert named == {0: "minisym", 1: "forward", 2: "backward", 3: "writes"}
    facts = next(event["args"] for event in spans if event["name"] == "fc2")
    assert facts["bytes"] == 4 * (6 * 8 + 8 * 3 + 3 + 6 * 3)
    assert facts["flops"] == 2 * 6 * 8 * 3 + 6 * 3


def test_rich_prints_a_profile():
    console = pytest.importorskip("rich.console").Console(record=True, width=100, file=None)
    with console.capture() as capture:
        console.print(filled(mlp()).profile(runs=1))
    assert "FullyConnected" in capture.get()


def test_memory_adds_up():
    executor = filled(training())
    report = executor.memory_report()
    assert report.peak <= report.allocated <= report.unshared
    assert report.bound == sum(a.nbytes for a in (executor.arg_dict | executor.aux_dict).values())
    places = {t.name: t.place for t in report.tenants}
    assert places["fc2_weight_step_output"] == "writes fc2_weight"
    names = {t.name for t in report.tenants}
    assert all(name in names for shared in report.shared.values() for name in shared)
    # who shares a block does not live at the same time
    for shared in report.shared.values():
        lives = [(t.begin, t.end) for t in report.tenants if t.name in shared]
        assert all(a[1] <= b[0] for a, b in pairwise(lives))
    assert "<- peak" in str(report)
    json.dumps(report.data())


def test_a_picture_of_memory(tmp_path):
    hostile = "a<b>&'\"\x00"
    h = sym.FullyConnected(sym.Variable("x"), num_hidden=64, no_bias=True, name=hostile)
    for i in range(4):
        h = sym.FullyConnected(h, num_hidden=64, no_bias=True, name=f"fc{i}")
        h = sym.tanh(h, name=f"t{i}")
    report = h.simple_bind(x=(32, 64), grad_req="null").memory_report()
    drawn = ET.fromstring(report.save(tmp_path / "memory.svg").read_text("utf-8"))
    boxes = drawn.findall(".//{*}g[@class='value']/{*}rect")
    own = [t for t in report.tenants if t.place.startswith("block")]
    assert len(boxes) == len(own)
    # a box is as high as its value is large, and nothing overlaps: what shares memory takes turns
    places = [[float(box.get(k)) for k in ("x", "y", "width", "height")] for box in boxes]
    heights = np.array([place[3] for place in places])
    sizes = np.array([t.nbytes for t in own])
    np.testing.assert_allclose(heights / heights.max(), sizes / sizes.max(), rtol=1e-3)
    for (x, y, w, h), (x2, y2, w2, h2) in combinations(places, 2):
        beside = x + w <= x2 + 0.2 or x2 + w2 <= x + 0.2
        assert beside or y + h <= y2 + 0.2 or y2 + h2 <= y + 0.2
    assert repr(report) == str(report)
    assert set(report._repr_mimebundle_()) == {"image/svg+xml", "text/plain"}
    with pytest.raises(ParamError, match=r"an \.svg, \.png or \.pdf file, but got 'memory\.gif'"):
        report.save("memory.gif")
    with pytest.raises(ParamError, match="width must be at least 1"):
        report.timeline(width=0)


def test_pictures_of_memory_and_time_in_each_format(tmp_path):
    pytest.importorskip("matplotlib")
    h = sym.tanh(sym.FullyConnected(sym.Variable("x"), num_hidden=64, name="fc"), name="t")
    executor = h.simple_bind(x=(32, 64), grad_req="null")
    for found in (executor.memory_report(), executor.profile(runs=2)):
        for suffix, start in {"svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF"}.items():
            made = found.save(tmp_path / f"picture.{suffix}").read_bytes()
            assert made.startswith(start)
            assert b"/Subtype /Image" not in made


def test_any_viewer_shows_an_svg():
    """Colours are attributes: what knows neither variables nor media queries shows light paper."""
    h = sym.FullyConnected(sym.Variable("x"), num_hidden=64, name="fc")
    executor = h.simple_bind(x=(32, 64), grad_req="null")
    for found in (executor.memory_report(), executor.profile(runs=1)):
        drawn = ET.fromstring(found.svg())
        assert "var(" not in found.svg()
        for shape in (
            *drawn.findall(".//{*}rect"),
            *drawn.findall(".//{*}path"),
            *drawn.findall(".//{*}text"),
        ):
            assert shape.get("fill")


def test_a_profile_is_a_table_in_a_notebook():
    h = sym.tanh(sym.FullyConnected(sym.Variable("x"), num_hidden=64, name="fc"), name="t")
    found = h.simple_bind(x=(32, 64), grad_req="null").profile(runs=1)
    table = ET.fromstring(found._repr_html_())
    rows = [["".join(cell.itertext()) for cell in row] for row in table.iter("tr")]
    assert rows[0][1:] == ["ms", "share", "MB", "GB/s", "GFLOP/s", "calls"]
    assert {row[0] for row in rows[1:-1]} == {"FullyConnected", "tanh"}
    assert rows[-1][0] == "total"
    caption = "".join(table.find("caption").itertext())
    assert caption == "medians of 1 run; of an op the sum over its nodes"
    bars = ET.fromstring(found.svg()).findall(".//{*}g[@class='op']/{*}rect")
    widths = [float(bar.get("width")) for bar in bars]
    assert widths == sorted(widths, reverse=True)


def test_memory_of_a_long_chain():
    h = sym.Variable("x")
    for i in range(300):
        h = sym.FullyConnected(h, num_hidden=16, no_bias=True, name=f"fc{i}")
    report = h.simple_bind(x=(4, 16), grad_req="null").memory_report()
    assert report.allocated == report.peak == 2 * 4 * 16 * 4
    assert len(report.timeline().splitlines()) <= 61


def test_a_report_takes_linear_time():
    """Where many values share a block, and many boxes a picture; quadratic, it took minutes."""
    h = sym.Variable("x")
    for i in range(20_000):
        h = sym.cos(h, name=f"c{i}")
    executor = h.simple_bind(x=(2,), grad_req="null")
    start = time.process_time()
    report = executor.memory_report()
    assert [len(names) for names in report.shared.values()] == [20_000]
    assert str(report)
    assert report.svg()
    assert time.process_time() - start < 10


def test_every_op_says_how_much_arithmetic_it_does():
    """But for those of which only a body knows it."""
    own = [op for op in registered().values() if op.module.startswith("minisym.")]
    silent = {op.name for op in own if op.cost is None}
    assert silent == {"Custom", "_backward_Custom"}


def test_flops_of_what_is_known():
    conv = sym.Convolution(sym.Variable("x"), kernel=(3, 3), num_filter=8, pad=(1, 1), name="c")
    executor = sym.make_loss(conv).simple_bind(x=(2, 3, 5, 5))
    found = {r.op: r.flops for r in executor.profile(runs=1, backward=True, is_train=True).rows}
    terms = 2 * 8 * 25 * 27
    assert found["Convolution"] == 2 * terms + 2 * 8 * 25
    assert found["_correlate_filters"] == found["_scatter"] == 2 * terms
    product = sym.batch_dot(sym.Variable("a"), sym.Variable("b"), transpose_b=True, name="p")
    executor = product.simple_bind(a=(7, 2, 3), b=(7, 5, 3), grad_req="null")
    assert executor.profile(runs=1).rows[0].flops == 2 * 7 * 2 * 3 * 5
