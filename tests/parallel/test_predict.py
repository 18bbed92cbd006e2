"""The model of costs: its formula, its limits, and what it refuses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from minisym.errors import ParamError

import minisym as ms
from minisym.parallel import Costs, predict

COSTS = Costs(pack=1e-9, count=2e-9, unpack=3e-9, add=4e-9)


def test_it_is_its_formula() -> None:
    """A thousand numbers and five workers, written out."""
    found = predict(
        1000, 5, latency=1e-3, bandwidth=1e6, compute=0.5, jitter=0.0, costs=COSTS
    )  # fmt: skip
    assert found.sent == 200  # bytes: four fifths of 125, there and back
    assert found.arithmetic == pytest.approx(1000 * 6e-9)
    assert found.sending == pytest.approx(200e-6)
    assert found.messages == pytest.approx((2 * 4 + 4 * 3) * 1e-3)  # 5 agree in 3 rounds and back
    assert found.exchange == pytest.approx(found.arithmetic + found.sending + found.messages)
    assert found.seconds == pytest.approx(0.5 + found.exchange)
    mean = predict(1000, 5, "mean", latency=1e-3, bandwidth=1e6, costs=COSTS)
    assert mean.sent == 32 * found.sent
    assert mean.arithmetic == pytest.approx(1000 * 4e-9)
    assert mean.messages == found.messages
    tree = predict(1000, 5, "mean", latency=1e-3, bandwidth=1e6, costs=COSTS, tree=True)
    assert tree.messages == pytest.approx((2 * 3 + 4 * 3) * 1e-3)
    assert tree.sending == mean.sending


@given(st.integers(1, 10**9), st.integers(1, 10_000), st.sampled_from([*ms.parallel.EXCHANGES]))
def test_bytes_do_not_grow_with_the_workers(elements: int, workers: int, exchange: str) -> None:
    found = predict(elements, workers, exchange)
    most = 2 * elements * (1 / 8 if ms.parallel.EXCHANGES[exchange].votes else 4)
    assert 0 <= found.sent <= round(most)
    assert found.seconds >= predict(elements, max(1, workers // 2), exchange).seconds
    assert math.isfinite(found.seconds)


def test_one_worker_exchanges_nothing() -> None:
    for exchange in ms.parallel.EXCHANGES:
        found = predict(10**6, 1, exchange, compute=0.25, jitter=0.1)
        assert (found.exchange, found.sent, found.seconds) == (0, 0, 0.25)


@pytest.mark.parametrize("workers", [4, 27, 1000])
def test_all_wait_for_the_slowest(workers: int) -> None:
    """The largest of so many normal numbers, on average."""
    rng = np.random.default_rng(workers)
    largest = rng.normal(size=(4000, workers)).max(axis=1).mean()
    found = predict(1, workers, compute=1.0, jitter=0.1).compute
    assert found == pytest.approx(1 + 0.1 * largest, rel=0.01)


def test_votes_do_not_pay_where_the_wire_is_fast() -> None:
    slow = {name: predict(25_000_000, 8, name).seconds for name in ("majority_vote", "mean")}
    assert slow["majority_vote"] < slow["mean"] / 4
    fast = {"bandwidth": 1e12, "latency": 1e-6}
    costs = Costs(add=0.1e-9)  # as on an accelerator, where adding is next to nothing
    quick = [predict(25_000_000, 8, n, costs=costs, **fast).seconds for n in slow]
    assert quick[0] > quick[1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"elements": 0}, "elements must be an integer of at least 1, but got 0"),
        ({"workers": 2.5}, "workers must be an integer of at least 1, but got 2.5"),
        ({"exchange": "majority"}, "no exchange 'majority'"),
        ({"latency": -1}, "latency must be a number of at least 0, but got -1"),
        ({"jitter": math.nan}, "jitter must be a number of at least 0, but got nan"),
        ({"bandwidth": 0}, "bandwidth must be positive, in bytes a second, but got 0"),
        ({"tree": True}, "majority_vote sends bits, which cannot be added up along a tree"),
        ({"costs": Costs(pack=-1.0)}, r"costs\.pack must be a number of at least 0"),
    ],
)
def test_what_makes_no_sense(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ParamError, match=words):
        predict(**{"elements": 10, "workers": 2, **options})
