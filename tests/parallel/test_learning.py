"""What processes learn together is what one process learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import learning_together as together
import numpy as np
import pytest
from launched import launch
from places import TESTS

Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def digits() -> dict[str, Array]:
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    images, labels = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    return {"images": (images[order] / 16).astype("f4"), "labels": labels[order].astype("f4")}


@pytest.fixture(scope="module")
def alone(digits: dict[str, Array]) -> float:
    """Return the accuracy of one process."""
    return float(together.by_votes(None, **digits)[0])


@pytest.mark.parametrize("processes", [2, 4, 7])
def test_processes_learn_what_one_learns(
    processes: int, digits: dict[str, Array], alone: float, tmp_path: Path
) -> None:
    """By votes, within a point of its accuracy; by means, the weights, but for rounding."""
    np.savez(tmp_path / "digits.npz", **digits)
    launch(TESTS / "learning_together.py", tmp_path, processes=processes)
    told = []
    for rank in range(processes):
        with np.load(tmp_path / f"{rank}.npz") as arrays:
            told.append(dict(arrays))
    assert alone > 0.95
    for one in told:
        assert one["accuracy"] > alone - 0.01
        for key in one:
            np.testing.assert_array_equal(one[key], told[0][key])  # every process's bits
    for name in together.MEANS:
        whole = together.by_means(None, name, processes)
        assert whole.dtype == told[0][name].dtype == np.float64
        np.testing.assert_allclose(told[0][name], whole, rtol=1e-6)
