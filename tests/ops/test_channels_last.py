"""Arrays whose channels lie last in memory give what those in the usual order give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisym.core.ndarray import Array
from minisym.ops.correlate import correlate, correlate_filters, scatter
from minisym.ops.numeric.pools import Settings, fill, send
from minisym.ops.numeric.rectify import ROW, rectify
from minisym.ops.numeric.windows import lies_last, window

Case = tuple[Any, Array, Array, Array]


def last(array: Array) -> Array:
    """Return the same array with the channels side by side in memory."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(array, 1, -1)), -1, 1)


@st.composite
def convolutions(draw: Any) -> Case:
    """Draw a window, and data, weight and output heads that belong together."""
    rank = draw(st.integers(1, 3))
    some = lambda low, high: tuple(draw(st.integers(low, high)) for _ in range(rank))  # noqa: E731
    win = window(some(1, 3), some(1, 2), some(1, 2), some(0, 2))
    sizes = tuple(reach + extra for reach, extra in zip(win.reach, some(0, 4), strict=True))
    batch, channels, filters = draw(st.tuples(*(st.integers(1, 6) for _ in range(3))))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    shapes = (
        (batch, channels, *sizes),
        (filters, channels, *win.kernel),
        (batch, filters, *win.counts(sizes)),
    )
    data, weight, heads = (rng.standard_normal(shape) for shape in shapes)
    return win, data, weight, heads


@given(convolutions(), st.booleans(), st.booleans())
def test_convolutions_and_their_gradients(case: Case, other_data: bool, other_weight: bool) -> None:
    win, data, weight, heads = case
    seen = last(data) if other_data else data
    filters = last(weight) if other_weight else weight
    for function, first, second, like in (
        (correlate, data, weight, heads),
        (scatter, heads, weight, data),
        (correlate_filters, heads, data, weight),
    ):
        plain, found = np.empty_like(like), last(np.empty_like(like))
        function(first, second, win, 1, plain)
        moved = [
            seen if a is data else filters if a is weight else last(a) for a in (first, second)
        ]
        function(moved[0], moved[1], win, 1, found)
        np.testing.assert_allclose(found, plain, rtol=1e-12, atol=1e-12)


def test_an_image_too_large_for_the_cache_is_done_in_stretches() -> None:
    rng = np.random.default_rng(0)
    win = window((3, 3), (), (), (1, 1))
    data, weight = rng.standard_normal((2, 16, 90, 90)), rng.standard_normal((4, 16, 3, 3))
    plain = np.empty((2, 4, 90, 90))
    found = last(plain)
    correlate(data, weight, win, 1, plain)
    correlate(last(data), weight, win, 1, found)
    np.testing.assert_allclose(found, plain, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize("convention", ["valid", "full"])
@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 1), st.integers(0, 99))
def test_poolings_and_their_gradients(
    kind: str, convention: str, kernel: int, stride: int, pad: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    data = rng.integers(-3, 3, (2, 3, 7, 6)).astype(np.float32)  # with ties
    pad = min(pad, kernel // 2)
    how = Settings((kernel,) * 2, kind, False, convention, (stride,) * 2, (pad,) * 2)
    y = np.empty((2, 3, *how.lay_out(data).counts), np.float32)
    heads = rng.standard_normal(y.shape).astype(np.float32)
    slope = np.empty_like(data)
    fill(data, how, y)
    send(heads, data, y, how, slope, back=True)
    moved, found = last(np.empty_like(y)), last(np.empty_like(data))
    fill(last(data), how, moved)
    send(last(heads), last(data), moved, how, found, back=True)
    np.testing.assert_array_equal(moved, y)
    np.testing.assert_allclose(found, slope, rtol=1e-6, atol=1e-6)


def test_an_infinite_gradient_reaches_the_maximum_alone() -> None:
    data = np.array([[[[1.0, 2.0], [np.nan, -np.inf]]]], np.float32)
    how = Settings((2, 2), "max", False, "valid", (2, 2), (0, 0))
    y, slope = np.empty((1, 1, 1, 1), np.float32), np.empty_like(data)
    fill(data, how, y)
    send(np.full_like(y, np.inf), data, y, how, slope, back=True)
    assert y == 2
    np.testing.assert_array_equal(slope[0, 0], [[0, np.inf], [0, 0]])


def test_a_maximum_of_nothing_but_nan_is_below_all_floats() -> None:
    """As in MXNet, which begins with the least float."""
    data = np.full((1, 1, 2, 2), np.nan, np.float32)
    y = np.empty((1, 1, 1, 1), np.float32)
    fill(data, Settings((2, 2), "max", False, "valid", (2, 2), (0, 0)), y)
    assert y == np.finfo(np.float32).min


@pytest.mark.parametrize("size", [1, 7, ROW, ROW + 3, 3 * ROW + 1])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32])
def test_rectifying_rows_of_any_length(size: int, dtype: Any) -> None:
    x = np.resize(np.array([-2, 0, 3, -1], dtype), size)
    out = np.empty_like(x)
    rectify(x, out)
    np.testing.assert_array_equal(out, np.where(x > 0, x, 0))


def test_rectifying_keeps_nan_and_makes_zeros_positive() -> None:
    x = np.resize(np.array([-0.0, np.nan, -np.inf, np.inf], np.float32), (3, 5, 4, 7))
    for read in (x, last(x)):
        out = np.empty_like(read)
        rectify(read, out)
        np.testing.assert_array_equal(out, np.maximum(x, 0))
        assert not np.signbit(out[~np.isnan(out)]).any()


def test_which_memory_counts_as_channels_last() -> None:
    usual = np.empty((2, 3, 4, 5))
    assert not lies_last(usual)
    assert lies_last(last(usual))
    assert not lies_last(last(usual)[:, :, ::2])  # it has gaps
    assert not lies_last(np.empty((2, 1, 4, 5)))  # one channel: both orders are the same
