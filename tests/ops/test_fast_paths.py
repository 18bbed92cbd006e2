"""Kernels that split, skip or reorder their work: the plain way round gives the same."""

from threading import Thread

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisym.ops import correlate, suppression
from minisym.ops.numeric import grouped
from minisym.ops.numeric.runs import Runs
from minisym.ops.numeric.scratch import KEPT, scratch
from minisym.ops.numeric.taps import add_rows
from minisym.ops.numeric.windows import window
from minisym.ops.sorting import first_places, order_of
from minisym.ops.suppression import survivors


@pytest.fixture
def crumbs(monkeypatch):
    """Make blocks so small that small arrays need many."""
    monkeypatch.setattr(grouped, "COLUMNS", 64)
    monkeypatch.setattr(grouped, "PLACES", 2)
    monkeypatch.setattr(correlate, "SPREAD", 1)
    monkeypatch.setattr(suppression, "BLOCK", 2)


@st.composite
def convolutions(draw):
    """Draw a window, groups, and data, weight and output that fit them."""
    rank = draw(st.integers(1, 3))

    def sizes(least, most):
        return draw(st.tuples(*[st.integers(least, most)] * rank))

    kernel = draw(st.sampled_from([(1,) * rank, sizes(1, 3)]))
    win = window(kernel, sizes(1, 3), sizes(1, 2), sizes(0, 2))
    spare = sizes(0, 4)
    shape = [
        max(1, reach - 2 * pad) + more
        for reach, pad, more in zip(win.reach, win.pad, spare, strict=True)
    ]
    groups, each, filters = (draw(st.integers(1, 3)) for _ in range(3))
    batch = draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    data = rng.normal(size=(batch, groups * each, *shape))
    weight = rng.normal(size=(groups * filters, each, *kernel))
    output = rng.normal(size=(batch, groups * filters, *win.counts(shape)))
    return win, groups, data, weight, output


def by_definition(data, weight, win, groups, shape):
    """Sum windows times weights, one place and one filter after the other."""
    margin = [(0, 0), (0, 0), *((p, p) for p in win.pad)]
    padded, found = np.pad(data, margin), np.zeros(shape)
    filters, channels = len(weight) // groups, weight.shape[1]
    for place in np.ndindex(*shape[2:]):
        each = zip(place, win.stride, win.reach, win.dilate, strict=True)
        span = tuple(slice(i * s, i * s + reach, d) for i, s, reach, d in each)
        for f in range(len(weight)):
            mine = f // filters * channels
            seen = padded[(slice(None), slice(mine, mine + channels), *span)]
            found[(slice(None), f, *place)] = (seen * weight[f]).reshape(len(data), -1).sum(1)
    return found


def check_family(case):
    """Check a convolution by its definition, and its adjoints by inner products."""
    win, groups, data, weight, output = case
    found, by_data, by_weight = (np.full_like(a, np.nan) for a in (output, data, weight))
    correlate.correlate(data, weight, win, groups, found)
    np.testing.assert_allclose(found, by_definition(data, weight, win, groups, output.shape))
    correlate.scatter(output, weight, win, groups, by_data)
    correlate.correlate_filters(output, data, win, groups, by_weight)
    product = np.vdot(found, output)
    room = 1e-9 * (1 + np.abs(found).sum() * np.abs(output).max())
    assert np.vdot(data, by_data) == pytest.approx(product, abs=room)
    assert np.vdot(weight, by_weight) == pytest.approx(product, abs=room)


@given(convolutions())
@settings(max_examples=60, deadline=None)
def test_convolution_and_its_adjoints(case):
    check_family(case)


def test_convolution_in_crumbs(crumbs):
    given(convolutions())(settings(max_examples=60, deadline=None)(check_family))()


def test_channels_that_come_last_are_convolved_alike():
    rng = np.random.default_rng(0)
    last, weight = rng.normal(size=(2, 5, 4, 3)), rng.normal(size=(2, 3, 1, 1))
    out = np.moveaxis(np.empty((2, 5, 4, 2)), -1, 1)
    correlate.correlate(np.moveaxis(last, -1, 1), weight, window((1, 1)), 1, out)
    np.testing.assert_allclose(out, np.einsum("nhwc,fc->nfhw", last, weight[..., 0, 0]))


@given(convolutions())
@settings(max_examples=60, deadline=None)
def test_what_is_laid_flat_comes_back_where_windows_met_it(case):
    win, _, data, _, output = case
    runs = Runs(win, len(data), output.shape[2:])
    back = np.full_like(data, np.nan)
    runs.lift(runs.lay(data), back)
    each = zip(runs.counts, win.stride, win.reach, win.pad, strict=True)
    met = tuple(slice(0, (n - 1) * stride + reach - pad) for n, stride, reach, pad in each)
    np.testing.assert_array_equal(back[(..., *met)], data[(..., *met)])
    np.testing.assert_array_equal(back[back != 0], data[back != 0])


# ------------------------------------------------------------------------------------- the others


@given(st.integers(0, 2**32), st.integers(0, 12), st.sampled_from([None, 1, 3]))
def test_boxes_survive_as_if_they_went_one_by_one(seed, number, most):
    clashes = np.random.default_rng(seed).random((number, number)) < 0.3
    kept = []
    for i in range(number):
        if not clashes[kept, i].any():
            kept.append(i)
    for block in (2, 128):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(suppression, "BLOCK", block)
            found = survivors(number, lambda some, others: clashes[np.ix_(some, others)], most)
        assert found.tolist() == kept[:most]


NUMBERS = st.lists(
    st.sampled_from([-1.0, -0.0, 0.0, 1.0, 2.0, np.inf, -np.inf, np.nan]), min_size=1, max_size=9
)


@given(st.lists(NUMBERS, min_size=1, max_size=3), st.integers(1, 9), st.booleans())
def test_the_first_places_are_those_of_the_whole_order(lines, count, ascending):
    width = min(map(len, lines))
    data, count = np.array([line[:width] for line in lines]), min(count, width)
    want = order_of(data, ascending=ascending)[..., :count]
    np.testing.assert_array_equal(first_places(data, count, ascending=ascending), want)
    whole = np.nan_to_num(data, posinf=5, neginf=-5).astype(np.int32)
    want = order_of(whole, ascending=ascending)[..., :count]
    np.testing.assert_array_equal(first_places(whole, count, ascending=ascending), want)


@given(st.lists(st.integers(0, 5), max_size=12))
def test_rows_are_added_wherever_they_repeat(index):
    places, rows = np.array(index, np.intp), np.arange(2.0 * len(index)).reshape(-1, 2)
    found, want = np.ones((6, 2)), np.ones((6, 2))
    add_rows(found, places, rows)
    np.add.at(want, places, rows)
    np.testing.assert_array_equal(found, want)


def test_scratch_is_the_same_room_within_a_thread_and_no_other():
    mine, theirs = scratch("test", (3, 4), np.float32), []
    thread = Thread(target=lambda: theirs.append(scratch("test", (3, 4), np.float32)))
    thread.start()
    thread.join()
    assert np.shares_memory(mine, scratch("test", (6,), np.float64))
    assert not np.shares_memory(mine, theirs[0])
    assert not np.shares_memory(mine, scratch("other", (3, 4), np.float32))


def test_large_scratch_is_not_kept():
    large = scratch("test", (KEPT + 1,), np.uint8)
    assert not np.shares_memory(large, scratch("test", (KEPT + 1,), np.uint8))
