"""Winograd's algorithm gives what the direct sums give, within the errors that it promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisym.core.ndarray import Array
from minisym.ops.correlate import correlate
from minisym.ops.numeric import winograd
from minisym.ops.numeric.windows import window


def both(data: Array, weight: Array, pad: tuple[int, int], tile: int) -> tuple[Array, Array]:
    """Return the convolution by tiles, and the direct one in float64."""
    win = window((3, 3), (), (), pad)
    shape = (len(data), len(weight), *win.counts(data.shape[2:]))
    found, want = np.full(shape, np.nan, data.dtype), np.empty(shape)
    filters = np.empty(((tile + 2) ** 2, weight.shape[1], len(weight)), data.dtype)
    winograd.transform_filters(weight, tile, filters)
    winograd.correlate_tiles(data, filters, pad, tile, found)
    correlate(data.astype(float), weight.astype(float), win, 1, want)
    return found, want


@given(
    st.sampled_from([2, 4]),
    st.tuples(*(st.integers(3, 11) for _ in range(2))),
    st.tuples(*(st.integers(0, 2) for _ in range(2))),
    st.tuples(*(st.integers(1, 4) for _ in range(3))),
    st.integers(0, 99),
)
def test_any_sizes(tile: int, sizes: Any, pad: Any, counts: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    batch, channels, filters = counts
    data = rng.standard_normal((batch, channels, *sizes))
    weight = rng.standard_normal((filters, channels, 3, 3))
    found, want = both(data, weight, pad, tile)
    np.testing.assert_allclose(found, want, atol=1e-12 * max(abs(want).max(), 1))


@pytest.mark.parametrize(("tile", "most"), [(2, 2e-6), (4, 5e-5)])
def test_errors_in_float32(tile: int, most: float) -> None:
    """Of the largest value; the direct sums are off by up to 1e-6."""
    rng = np.random.default_rng(1)
    data = np.maximum(rng.standard_normal((1, 128, 16, 16)), 0).astype(np.float32)
    weight = (rng.standard_normal((96, 128, 3, 3)) / 24).astype(np.float32)
    found, want = both(data, weight, (1, 1), tile)
    assert abs(found - want).max() < most * abs(want).max()


def test_many_images_are_done_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    data, weight = rng.standard_normal((5, 2, 8, 8)), rng.standard_normal((3, 2, 3, 3))
    whole, want = both(data, weight, (1, 1), 2)
    monkeypatch.setattr(winograd, "MOST_BYTES", 1)
    found, _ = both(data, weight, (1, 1), 2)
    np.testing.assert_allclose(found, want, atol=1e-12)
    np.testing.assert_allclose(whole, want, atol=1e-12)
