"""Which rows and random numbers are a process's own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from minisym.errors import ArrayTypeError, ParamError, ShapeError

import minisym as ms
from minisym.core import random


def place(rank: int, size: int) -> Any:
    """Return what says where a process stands, as a communicator does."""
    return SimpleNamespace(rank=rank, size=size)


@given(st.integers(1, 9), st.integers(0, 40))
def test_every_row_is_somebodys_and_all_have_equally_many(size: int, more: int) -> None:
    rows = np.arange(size + more)
    parts = [ms.parallel.shard(rows, place(i, size)) for i in range(size)]
    assert len({len(part) for part in parts}) == 1
    counts = np.bincount(np.concatenate(parts), minlength=len(rows))
    assert counts.min() == 1
    assert counts.sum() - len(rows) < size  # what comes twice


def test_arrays_stay_together_and_keep_their_kind() -> None:
    x, y = np.arange(10.0).reshape(5, 2), np.arange(5)
    pair = ms.parallel.shard((x, y), place(1, 2))
    assert isinstance(pair, tuple)
    np.testing.assert_array_equal(pair[0], x[[1, 3, 0]])
    np.testing.assert_array_equal(pair[1], [1, 3, 0])
    named = ms.parallel.shard({"x": x, "y": y}, place(1, 2))
    assert [*named] == ["x", "y"]
    np.testing.assert_array_equal(named["y"], [1, 3, 0])
    np.testing.assert_array_equal(ms.parallel.shard([x, y], place(0, 2))[1], [0, 2, 4])
    assert ms.parallel.shard(["a", "b", "c"], place(1, 2)) == ["b", "a"]


def test_one_process_has_what_was_given() -> None:
    x = np.arange(4)
    assert ms.parallel.shard(x) is x
    assert ms.parallel.shard(x, place(0, 1)) is x


@pytest.mark.parametrize("handle", ["pad", "discard"])
def test_an_iterator_goes_over_its_rows(handle: str) -> None:
    x, y = np.arange(11.0), np.arange(11.0) * 2
    batches = ms.io.NDArrayIter(
        x, y, 2, shuffle=True, last_batch_handle=handle, label_name="out_label", seed=3
    )
    seen = []
    for rank in range(2):
        own = ms.parallel.shard(batches, place(rank, 2))
        assert [d.name for d in (*own.provide_data, *own.provide_label)] == ["data", "out_label"]
        assert (own.num_data, own.num_batches, own.batch_size) == (6, 3, 2)
        for batch in own:
            np.testing.assert_array_equal(2 * batch.data[0], batch.label[0])
            seen.append(batch.data[0])
    assert {*np.concatenate(seen)} == {*x}


def test_an_iterator_along_another_axis() -> None:
    batches = ms.io.NDArrayIter(np.arange(12.0).reshape(2, 6), batch_size=1, layout="TN")
    own = ms.parallel.shard(batches, place(1, 3))
    np.testing.assert_array_equal(own.data["data"], [[1, 4], [7, 10]])


def test_batches_come_in_turns_again_and_again() -> None:
    turns = ms.parallel.shard(range(11), place(2, 3))
    assert [*turns] == [*turns] == [2, 5, 8]
    assert [*ms.parallel.shard(range(11), place(0, 3))] == [0, 3, 6]


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (np.zeros(2), ShapeError, "2 rows do not suffice for 3 processes"),
        (np.zeros(()), ShapeError, r"the array has no rows: its shape is \(\)"),
        ((np.zeros(3), np.zeros(4)), ShapeError, "array 0 has 3, array 1 has 4"),
        ({"x": [1, 2, 3]}, ArrayTypeError, "x must be an array, but is list"),
        (3, ArrayTypeError, "but got int"),
    ],
)
def test_what_cannot_be_shared(data: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        ms.parallel.shard(data, place(0, 3))


def test_what_is_no_communicator() -> None:
    with pytest.raises(ArrayTypeError, match="a communicator of mpi4py or Peers, but got str"):
        ms.parallel.shard(np.zeros(3), "world")


# ------------------------------------------------------------------------------ random numbers


def test_seeds_differ_by_process_and_repeat() -> None:
    def drawn(rank: int, size: int) -> tuple[float, float]:
        rng = ms.parallel.seed(5, place(rank, size))
        return float(rng.random()), float(random.generator.random())

    found = [drawn(rank, 4) for rank in range(4)]
    assert len({number for pair in found for number in pair}) == 8
    assert found == [drawn(rank, 4) for rank in range(4)]
    assert found[0] == drawn(0, 1)
    ms.random.seed(5)
    assert found[0][1] == random.generator.random()


@pytest.mark.parametrize("number", [-1, 2.5, True, "7"])
def test_what_is_no_seed(number: Any) -> None:
    with pytest.raises(ParamError, match="seed takes an integer of at least 0, but got"):
        ms.parallel.seed(number)


def test_the_first_process_is_the_one_that_tells() -> None:
    assert ms.parallel.world() is None
    assert ms.parallel.is_first()
    assert [ms.parallel.is_first(place(i, 2)) for i in range(2)] == [True, False]
