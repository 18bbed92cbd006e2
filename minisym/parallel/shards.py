"""Which process this is, and what is its own: a part of the data, and random numbers.

    comm = ms.parallel.world()
    rng = ms.parallel.seed(7, comm)
    images, labels = ms.parallel.shard((images, labels), comm)

In one process `world` is None, all rows are its own, and no MPI is needed: a script with these
lines runs with `python` as with `minisym launch`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeVar, cast, overload

import numpy as np

from minisym.core import random
from minisym.core.errors import ArrayTypeError, ParamError, ShapeError
from minisym.core.ndarray import Array
from minisym.io import NDArrayIter

LAUNCHED: Final = ("OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK")
"""Environment variables of which a process has one that MPI has started: Open MPI's own, and those
of the interfaces by which others, such as Slurm and MPICH, start processes."""

Item = TypeVar("Item")
Rows = TypeVar(
    "Rows", bound=Array | list[Any] | tuple[Any, ...] | dict[str, Array] | NDArrayIter
)  # fmt: skip


def world() -> Any:
    """Return the communicator of all processes that were started together; None for one alone.

    Processes that `minisym launch`, or another launcher of MPI, has started get `MPI.COMM_WORLD`.

    >>> import minisym as ms
    >>> ms.parallel.world() is None  # here one process runs alone
    True
    """
    if not any(name in os.environ for name in LAUNCHED):
        return None
    from mpi4py import MPI

    return MPI.COMM_WORLD


def is_first(comm: Any = None) -> bool:
    """Return whether this process is the first, or alone: the one that prints and writes.

    >>> import minisym as ms
    >>> ms.parallel.is_first(ms.parallel.world())
    True
    """
    return _place(comm)[0] == 0


def seed(number: int, comm: Any = None) -> np.random.Generator:
    """Seed `ms.random` from a number and that of this process; return a generator, likewise.

    Each process draws numbers that have nothing to do with those of the others, and the same ones
    in each run. Those of the first process are what `ms.random.seed(number)` leads to.

    Parameters
    ----------
    number
        An integer of at least 0, the same one in all processes.
    comm
        The communicator, `ms.parallel.Peers`, or None for one process.

    Examples
    --------
    >>> import minisym as ms
    >>> rng = ms.parallel.seed(7)
    >>> again = ms.parallel.seed(7)
    >>> bool(rng.random() == again.random())
    True
    """
    rank, _ = _place(comm)
    if not _is_seed(number):
        raise ParamError(f"seed takes an integer of at least 0, but got {number!r}")
    # zeros at the end change nothing, so that process 0 draws what one process draws
    random.generator.bit_generator.state = np.random.PCG64([int(number), rank]).state
    return np.random.default_rng([int(number), rank, 1])


@overload
def shard(data: Rows, comm: Any = None) -> Rows: ...
@overload
def shard(data: Iterable[Item], comm: Any = None) -> Iterable[Item]: ...
def shard(data: Any, comm: Any = None) -> Any:
    """Return the part of the data that this process reads.

    Process i of k reads the rows i, i + k, i + 2k, …, so that what is sorted is spread, too. All
    get equally many, since steps are made together: where the rows do not suffice, the first ones
    come again, less than k of them.

    Parameters
    ----------
    data
        An array; a tuple, a list or a dict of arrays with the same number of rows; a list of
        anything, such as names of files; an `NDArrayIter`, which comes back over this process's
        rows, with the same `batch_size`; or any other iterable, of batches or rows, of which the
        processes take turns, as long as there is one for each.
    comm
        The communicator, `ms.parallel.Peers`, or None: one process reads all.

    Raises
    ------
    ShapeError
        There are fewer rows than processes, or arrays differ in their number.

    Examples
    --------
    >>> import numpy as np
    >>> from types import SimpleNamespace
    >>> import minisym as ms
    >>> second_of_three = SimpleNamespace(rank=1, size=3)  # as MPI.COMM_WORLD says it there
    >>> ms.parallel.shard(np.arange(10), second_of_three)
    array([1, 4, 7, 0])
    >>> list(ms.parallel.shard(range(8), second_of_three))  # the turn of 6 and 7 is not whole
    [1, 4]
    """
    rank, size = _place(comm)
    if size == 1:
        return data
    if isinstance(data, NDArrayIter):
        return _iterator(data, rank, size)
    if isinstance(data, np.ndarray):
        return _rows({"the array": data}, rank, size)["the array"]
    if isinstance(data, dict):
        return _rows(data, rank, size)
    if isinstance(data, tuple) or (isinstance(data, list) and _are_arrays(data)):
        named = {f"array {i}": array for i, array in enumerate(data)}
        return type(data)(_rows(named, rank, size).values())
    if isinstance(data, list):
        return [data[i] for i in _own(len(data), rank, size)]
    if isinstance(data, Iterable):
        return Turns(data, rank, size)
    raise ArrayTypeError(
        f"shard takes arrays, an NDArrayIter or something to iterate over, "
        f"but got {type(data).__name__}"
    )


class Turns(Iterable[Item]):
    """What is this process's turn of an iterable: of whole rounds only."""

    def __init__(self, source: Iterable[Item], rank: int, size: int) -> None:
        self._source, self._rank, self._size = source, rank, size

    def __iter__(self) -> Iterator[Item]:
        """Yield an item of each round."""
        its_own: list[Item] = []
        for i, item in enumerate(self._source):
            if i % self._size == self._rank:
                its_own = [item]
            if i % self._size == self._size - 1:
                yield its_own.pop()


def _place(comm: Any) -> tuple[int, int]:
    """Return the number of this process, and how many there are."""
    if comm is None:
        return 0, 1
    rank, size = getattr(comm, "rank", None), getattr(comm, "size", None)
    if not isinstance(rank, int) or not isinstance(size, int):
        raise ArrayTypeError(
            f"comm must be a communicator of mpi4py or Peers, but got {type(comm).__name__}",
            hint="ms.parallel.world() is that of all processes, and None in one",
        )
    return rank, size


def _is_seed(number: Any) -> bool:
    is_whole = isinstance(number, int | np.integer) and not isinstance(number, bool)
    return is_whole and int(number) >= 0


def _own(count: int, rank: int, size: int) -> Array:
    """Return which of so many rows are this process's."""
    if count < size:
        raise ShapeError(
            f"shard: {count} rows do not suffice for {size} processes",
            hint="rows are what is counted along the first axis",
        )
    return cast("Array", np.arange(rank, -(-count // size) * size, size) % count)


def _are_arrays(data: list[Any]) -> bool:
    return bool(data) and all(isinstance(one, np.ndarray) for one in data)


def _rows(arrays: dict[str, Any], rank: int, size: int, axis: int = 0) -> dict[str, Any]:
    """Return this process's rows of arrays that belong together."""
    counts = {name: _count(name, array, axis) for name, array in arrays.items()}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise ShapeError(f"shard: all arrays need the same number of rows, but {told}")
    return {
        name: array.take(_own(counts[name], rank, size), axis) for name, array in arrays.items()
    }


def _count(name: str, array: Any, axis: int) -> int:
    if not isinstance(array, np.ndarray):
        raise ArrayTypeError(f"shard: {name} must be an array, but is {type(array).__name__}")
    if array.ndim <= axis:
        raise ShapeError(f"shard: {name} has no rows: its shape is {array.shape}")
    return int(array.shape[axis])


def _iterator(batches: NDArrayIter, rank: int, size: int) -> NDArrayIter:
    """Return an iterator like another one, over this process's rows."""
    axis = batches.layout.index("N")
    both = _rows(batches.data | batches.label, rank, size, axis)
    return NDArrayIter(
        {name: both[name] for name in batches.data},
        {name: both[name] for name in batches.label} or None,
        batches.batch_size,
        batches.shuffle,
        batches.last_batch_handle,
        layout=batches.layout,
        seed=batches.seed,
    )
