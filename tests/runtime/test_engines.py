"""Updates by pieces, by compiled loops, by one thread and by two: all give the same bits."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import engines
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minisym as ms
from minisym import sym
from minisym.core.compose import compose

needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="numba is not installed")

TAPED = sorted(
    {
        op.name
        for op in ms.op.registered().values()
        if op.kind == "update" and op.writes and op.prepare
        if op.elementwise or op.module.endswith(".multi")
    }
)
"""The updates that are run by tapes, if their weights lie in memory as they should."""

EDGES = (0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 1e-38, -1e-38, 3e38, -3e38, 1.0, -1.0)
"""Zeros, infinities, no number, the smallest and the largest of float32."""

SIZES = st.one_of(st.integers(1, 70), st.sampled_from([255, 1000, 4099, 5000, 10007]))


HYPER: dict[str, Any] = {
    "lr": 0.25, "t": 3, "wd": 0.01, "momentum": 0.5, "next_momentum": 0.625, "schedule": 0.25,
    "correction": 0.01, "lrs": (0.25, 0.5), "wds": (0.0, 0.125), "num_weights": 2,
    "rescale_grad": -0.3, "clip_gradient": 0.75, "epsilon": 0.1, "centered": True,
}  # fmt: skip


def arrays_of(op: Any, hyper: Any, size: int, dtype: str, rng: Any) -> dict[str, Any]:
    """Return inputs with all kinds of numbers."""
    params = op.read_params(hyper)
    names = op.input_names(params, 2 * len(op.group) + len(op.trailing) if op.group else None)
    arrays = {}
    for name in names:
        if name in ("lrs", "wds"):
            arrays[name] = np.array([0.25, 0.5], np.float32)
            continue
        slot = name.rpartition("_")[0] if op.group else name
        is_low = slot in ("weight", "grad")
        mixed = "32" in "".join(names) or op.name.startswith("mp_")
        array = rng.normal(size=size).astype(np.float32 if mixed and not is_low else dtype)
        if rng.random() < 0.5:
            places = rng.integers(0, size, max(1, size // 8))
            array[places] = rng.choice(np.array(EDGES, array.dtype), len(places))
        arrays[name] = array
    return arrays


def run_with(engine: str, symbol: Any, arrays: dict[str, Any], times: int = 2) -> dict[str, bytes]:
    """Run on copies, and return what is in them then."""
    own = {name: array.copy() for name, array in arrays.items()}
    with engines.using(engine):
        executor = symbol.bind(args=own, aux_states=own)
        for _ in range(times):
            executor.forward()
    return {name: bits(array) for name, array in own.items()}


def bits(array: Any) -> bytes:
    """Return the bytes of an array, each NaN as the same one: its sign and payload mean nothing."""
    return np.where(np.isnan(array), np.array(np.nan, array.dtype), array).tobytes()


@needs_numba
@pytest.mark.parametrize(
    ("name", "dtype", "given_all"),
    [
        (name, dtype, given_all)
        for name in TAPED
        for dtype, given_all in (("float32", True), ("float64", False))
    ],
)
def test_every_engine_gives_the_same_bits(name: str, dtype: str, *, given_all: bool):
    op = ms.op.get(name)
    wanted = op.params if given_all else {*op.required, "num_weights", "lrs", "wds"}
    hyper = {n: value for n, value in HYPER.items() if n in wanted and n in op.params}

    @settings(max_examples=4, deadline=None, derandomize=True)
    @given(size=SIZES, seed=st.integers(0, 2**20))
    def check(size: int, seed: int) -> None:
        arrays = arrays_of(op, hyper, size, dtype, np.random.default_rng(seed))
        symbol = compose(op, name, [*map(sym.Variable, arrays)], hyper)
        want = run_with("numpy", symbol, arrays)
        for engine in engines.FOUND:
            assert run_with(engine, symbol, arrays) == want, engine

    check()
