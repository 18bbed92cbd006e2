"""Spoilt files of every op: only errors of minisym's own come out, in little time.

`scripts/fuzz_ops.py` does the same for as long as one likes.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hostile_ops
import numpy as np
import pytest
from hostile_ops import Call

import minisym as ms
from minisym import sym
from minisym.core.errors import FormatError, MinisymError, ShapeError
from minisym.ops.numeric.windows import view

SOUND = hostile_ops.sound_calls()
HIDDEN = [name for name in SOUND if name.startswith("_backward_") and name != "_backward_Custom"]


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this process have 2 GiB more than it has; parameters are small, or too large for that."""
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(hostile_ops, "INTS", (-(1 << 31), 100, 1 << 40, 1 << 62, 1 << 70))
    pages = Path("/proc/self/statm")
    if not pages.exists():
        pytest.skip("only Linux says how much memory a process has")
    now = int(pages.read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + (2 << 30), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def test_every_op_that_a_file_can_name_has_a_sound_call():
    assert len(SOUND) > 450
    assert all(SOUND.values())
    assert {"_correlate", "_scatter", "_fold_like", "_pool_along", "_backward_RNN"} <= SOUND.keys()
    ran = sum(hostile_ops.use(call).stage == "end" for calls in SOUND.values() for call in calls)
    total = sum(map(len, SOUND.values()))
    assert ran > 0.9 * total  # random values are no sound indices


@pytest.mark.parametrize("seed", range(4))
def test_spoilt_files_raise_errors_of_minisym_alone(seed: int, little_memory: None):
    rng = random.Random(seed)
    stages: dict[str, int] = {}
    for name, calls in SOUND.items():
        for _ in range(3):
            call = hostile_ops.spoil(rng, rng.choice(calls))
            try:
                outcome = hostile_ops.use(call)
            except Exception as error:
                error.add_note(f"python scripts/fuzz_ops.py --again '{hostile_ops.dumped(call)}'")
                raise
            assert not outcome.refused or len(outcome.message) > 5
            if name in HIDDEN and outcome.stage == "run":
                assert "could not be broadcast" not in outcome.message, hostile_ops.dumped(call)
            stages[outcome.stage] = stages.get(outcome.stage, 0) + 1
    assert stages["infer"] > 100
    assert stages["end"] > 400


@pytest.mark.parametrize("name", [n for n in HIDDEN if len(SOUND[n][0].shapes) > 1])
def test_a_gradient_refuses_what_its_op_could_not_have_made(name: str):
    """With one more axis, the gradient that arrives fits nothing."""
    call = hostile_ops.parsed(hostile_ops.dumped(SOUND[name][0]))
    if hostile_ops.use(call).stage != "end" and name.startswith("_backward_sample"):
        pytest.skip("its shapes are known in a run only")
    call.shapes[0] = (*call.shapes[0], 7)
    outcome = hostile_ops.use(call)
    assert outcome.refused
    assert outcome.stage in ("infer", "bind"), outcome


# ------------------------------------------------------------------------------- memory of others


@pytest.mark.parametrize(
    "axes",
    [
        [(0, 5, 3)],
        [(0, 2, 8), (0, 2, 2)],
        [(0, 11, 1)],
        [(0, 2, 1 << 40)],
        [(0, 2, -1)],
        [(0, -2, 1)],
    ],
)
def test_a_view_stays_inside(axes: list[tuple[int, int, int]]):
    with pytest.raises(ValueError, match="beyond an array of"):
        view(np.arange(10.0), axes)


def test_a_view_sees_what_is_there():
    found = view(np.arange(10.0), [(0, 3, 3), (0, 4, 1)])
    np.testing.assert_array_equal(found, [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]])
    assert view(np.arange(10.0), [(0, 0, 99), (0, 4, 99)]).shape == (0, 4)
    reverse = view(np.arange(10.0)[::-1], [(0, 2, 9)])
    np.testing.assert_array_equal(reverse, [9, 0])


CONV = {"kernel": "(2,)"}
FAMILY = {
    "_correlate": [(1, 1, 4), (1, 1, 2), (1, 1, 3)],
    "_scatter": [(1, 1, 3), (1, 1, 2), (1, 1, 4)],
    "_correlate_filters": [(1, 1, 3), (1, 1, 4), (1, 1, 2)],
}


def one(op: str, attrs: dict[str, str], shapes: list[tuple[int, ...]]) -> Call:
    count = len(shapes)
    return Call(op, attrs, shapes, ["float32"] * count, [*range(count)], [""] * count)


@pytest.mark.parametrize("op", FAMILY)
def test_windows_that_do_not_fit_are_refused_where_shapes_are_inferred(op: str):
    assert hostile_ops.use(one(op, CONV, FAMILY[op])).stage == "end"
    wrong: list[dict[str, str]] = [
        {"dilate": "(50,)"},
        {"dilate": "(1000000000,)"},
        {"stride": "(2,)"},
        {"kernel": "(3,)"},
        {"kernel": "(2, 1)"},
        {"num_group": "3"},
        {"layout": "NHWC"},
        {"target_shape": "(9,)"},
        {"kernel": "(4194305,)"},
    ]
    for change in wrong:
        outcome = hostile_ops.use(one(op, {**CONV, **change}, FAMILY[op]))
        assert (outcome.stage, outcome.refused) == ("infer", "ShapeError"), (change, outcome)
    for slot in range(3):
        for axis in range(3):
            shapes = [list(shape) for shape in FAMILY[op]]
            shapes[slot][axis] += 3
            told = [tuple(shape) for shape in shapes]
            outcome = hostile_ops.use(one(op, CONV, told))  # fewer places than there are: they fit
            assert outcome.stage == "infer" or (axis == 2 and outcome.stage == "end"), (slot, axis)


# ----------------------------------------------------------------------------------------- time


def wide(op: str, count: int, **attrs: str) -> str:
    nodes: list[Any] = [{"op": "null", "name": f"v{i}", "inputs": []} for i in range(count)]
    inputs = [[i, 0, 0] for i in range(count)]
    nodes.append({"op": op, "name": "t", "attrs": attrs, "inputs": inputs})
    heads, version = [[count, 0, 0]], {"mxnet_version": ["int", 10901]}
    return json.dumps({"nodes": nodes, "heads": heads, "attrs": version})


MANY = 10_000
SMALL = {
    "many arrays in a sum": (wide("add_n", MANY, num_args=str(MANY)), {"v0": (2,)}),
    "many arrays side by side": (wide("Concat", MANY, num_args=str(MANY)), {"v0": (2, 1)}),
    "many arrays in a stack": (wide("stack", MANY, num_args=str(MANY)), {"v0": (2, 3)}),
    "many arrays reset": (wide("reset_arrays", MANY, num_arrays=str(MANY)), {"v0": (2,)}),
    "many pieces": (
        wide("_split_v2", 1, axis="1", indices=str(tuple(range(1, 3000)))), {"v0": (2, 3000)}),
    "many layers": (
        wide("RNN", 3, mode="rnn_relu", num_layers=str(1 << 31), state_size="2"),
        {"v0": (3, 2, 4)}),
    "many layers of a gradient": (
        wide("_backward_RNN", 4, mode="rnn_relu", num_layers=str(1 << 31), state_size="2",
             bidirectional="False", p="0", state_outputs="False", lstm_state_clip_min="None",
             lstm_state_clip_max="None", use_sequence_length="False"),
        {"v1": (3, 2, 4)}),
    "many axes": (wide("zeros_like", 1), {"v0": (1,) * 20_000}),
    "many axes from nothing": (wide("_zeros", 0, shape=str((1,) * 20_000)), {}),
    "many sizes in a reshape": (wide("Reshape", 1, shape=str((1,) * 20_000)), {"v0": (2,)}),
    "many samples": (
        wide("_contrib_ROIAlign", 2, pooled_size="(2, 2)", spatial_scale="1",
             sample_ratio=str(1 << 31)),
        {"v0": (1, 1, 4, 4), "v1": (1, 5)}),
    "many samples of a turned region": (
        wide("_contrib_RROIAlign", 2, pooled_size="(2, 2)", spatial_scale="1",
             sampling_ratio=str(1 << 31)),
        {"v0": (1, 1, 4, 4), "v1": (1, 6)}),
    "many bins": (
        wide("_contrib_AdaptiveAvgPooling2D", 1, output_size="(1000000, 1)"),
        {"v0": (1, 1, 4, 4)}),
    "a large kernel": (
        wide("Pooling", 1, kernel=str((1 << 30,)), pad=str((1 << 30,)), stride=str((1 << 31,))),
        {"v0": (1, 1, 4)}),
    "a large kernel for large padding": (
        wide("Pooling", 1, kernel=str((1 << 22,)), pad=str((1 << 22,)), stride=str((1 << 21,)),
             pool_type="max"),
        {"v0": (1, 1, 4)}),
    "a large stride": (
        wide("Convolution", 3, kernel="(1, 1)", num_filter="2", num_group="2",
             stride=str((1 << 20, 1 << 20))),
        {"v0": (1, 2, 4, 4)}),
    "a large stride backwards": (
        wide("Deconvolution", 2, kernel="(1, 1)", num_filter="2", num_group="2",
             stride=str((1 << 20, 1 << 20))),
        {"v0": (1, 2, 1, 1)}),
    "large padding": (
        wide("Convolution", 3, kernel="(1, 1)", num_filter="1", pad="(20000, 20000)",
             stride="(9999, 9999)"),
        {"v0": (1, 1, 4, 4)}),
    "a range without end": (wide("_arange", 0, start="0", stop="inf"), {}),
    "a range of no steps": (wide("_arange", 0, start="0", stop="5", step="0"), {}),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:cannot decide")
@pytest.mark.parametrize("kind", SMALL)
def test_small_files_take_little_time(kind: str):
    """Quadratic ones took minutes, and loops over numbers in the file did not end."""
    text, known = SMALL[kind]
    start = time.process_time()
    try:
        net = sym.load_json(text)
        net.infer_shape_partial(**known)
        net.infer_type_partial()
        shapes = net.infer_shape(**known)[0]
        if shapes is not None and len(shapes) < 10:
            executor = net.simple_bind(grad_req="write", **known)
            executor.forward(is_train=True)
            executor.backward([np.ones(o.shape, o.dtype) for o in executor.outputs])
    except MinisymError:
        pass  # most are refused
    assert time.process_time() - start < 8


# --------------------------------------------------------------------------------------- shapes


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((1,) * 33, "33 axes has more than the 32 that are possible"),
        ((2, -3), "negative size"),
        ((1 << 40, 1 << 40), "more elements than any memory holds"),
    ],
)
def test_shapes_that_no_array_has_are_refused_wherever_they_come_from(shape: Any, words: str):
    x = sym.Variable("x")
    with pytest.raises(ShapeError, match=words):
        sym.tanh(x).infer_shape(x=shape)
    with pytest.raises((ShapeError, ms.errors.ParamError)):
        sym.tanh(sym.Variable("x", shape=shape)).infer_shape()
    with pytest.raises(ShapeError):
        sym.random.uniform(shape=shape, name="u").infer_shape()
    text = wide("_random_uniform", 0, shape=str(shape))
    with pytest.raises((ShapeError, FormatError), match=words):
        sym.load_json(text).infer_shape()
