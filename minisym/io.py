"""Batches of NumPy arrays: `NDArrayIter`, with MXNet's name and names.

>>> import numpy as np
>>> batches = NDArrayIter(np.arange(10).reshape(5, 2), np.arange(5), batch_size=2)
>>> [(batch.data[0].shape, batch.label[0].tolist(), batch.pad) for batch in batches]
[((2, 2), [0, 1], 0), ((2, 2), [2, 3], 0), ((2, 2), [4, 0], 1)]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import numpy as np

from minisym.core import random
from minisym.core.errors import ArrayTypeError, ParamError, ShapeError
from minisym.core.ndarray import Array


class DataDesc(NamedTuple):
    """The name, shape and element type of an array in each batch."""

    name: str
    shape: tuple[int, ...]
    dtype: Any = np.float32


@dataclass
class DataBatch:
    """One batch: lists of arrays, in the order of the iterator's names."""

    data: list[Array]
    label: list[Array] = field(default_factory=list)
    pad: int = 0
    """How many rows at the end are there to fill the batch only."""
    index: Array | None = None
    """The rows' places in the arrays."""


class NDArrayIter:
    """Cut arrays into batches of rows, epoch by epoch.

    A loop over it goes through one epoch; `reset` begins the next. With `shuffle` each epoch has an
    order of its own, which `seed` and the number of the epoch decide: `seek` finds any batch again.

    Parameters
    ----------
    data, label
        An array, a list of arrays, or a dict of arrays by name. All have the same number of rows.
    batch_size
        Rows in a batch.
    shuffle
        Whether rows come in random order.
    last_batch_handle
        What happens to a last batch that is not full: "pad" fills it with the epoch's first rows,
        "discard" leaves it out.
    data_name, label_name
        The names, where they are not given; with numbers behind them if there are several.
    seed
        What decides on the orders; without, `ms.random` draws one.
    """

    def __init__(
        self,
        data: Any,
        label: Any = None,
        batch_size: int = 1,
        shuffle: bool = False,
        last_batch_handle: str = "pad",
        data_name: str = "data",
        label_name: str = "softmax_label",
        seed: int | None = None,
    ) -> None:
        self.data, self.label = _named(data, data_name), _named(label, label_name)
        self.batch_size, self.shuffle = int(batch_size), bool(shuffle)
        rows = {name: len(array) for name, array in (self.data | self.label).items()}
        if len(set(rows.values())) != 1:
            told = ", ".join(f"{name} {count}" for name, count in rows.items()) or "no arrays"
            message = f"all arrays need the same number of rows, but there are {told}"
            raise ShapeError(message)
        self.num_data = next(iter(rows.values()))
        if last_batch_handle not in ("pad", "discard"):
            message = f"last_batch_handle must be 'pad' or 'discard', but got {last_batch_handle!r}"
            raise ParamError(message)
        if not 1 <= self.batch_size <= self.num_data:
            message = f"batch_size must lie in [1, {self.num_data}], but got {batch_size}"
            raise ParamError(message)
        full, rest = divmod(self.num_data, self.batch_size)
        self.num_batches = full + bool(rest and last_batch_handle == "pad")
        self.seed = int(random.generator.integers(2**31)) if seed is None else int(seed)
        self.seek(0, 0)

    def seek(self, epoch: int, batch: int = 0) -> None:
        """Go to a batch of an epoch: `next` returns it."""
        order = np.arange(self.num_data)
        if self.shuffle:
            order = np.random.default_rng([self.seed, epoch]).permutation(self.num_data)
        self._order = order
        self.epoch, self.position = epoch, batch

    def reset(self) -> None:
        """Begin the next epoch."""
        self.seek(self.epoch + 1)

    def __iter__(self) -> Iterator[DataBatch]:
        """Iterate over the rest of this epoch."""
        return self

    def __next__(self) -> DataBatch:
        """Return the next batch."""
        if self.position >= self.num_batches:
            raise StopIteration
        start = self.position * self.batch_size
        rows = self._order[start : start + self.batch_size]
        pad = self.batch_size - len(rows)
        if pad:
            rows = np.concatenate([rows, self._order[:pad]])
        self.position += 1
        return DataBatch(
            [array[rows] for array in self.data.values()],
            [array[rows] for array in self.label.values()],
            pad,
            rows,
        )

    next = __next__

    def feed(self, batch: DataBatch) -> dict[str, Array]:
        """Return a batch's arrays by name, as `Executor.forward` takes them."""
        pairs = zip((*self.data, *self.label), (*batch.data, *batch.label), strict=True)
        return dict(pairs)

    @property
    def provide_data(self) -> list[DataDesc]:
        """Names, shapes and types of the data in each batch."""
        return self._provide(self.data)

    @property
    def provide_label(self) -> list[DataDesc]:
        """Names, shapes and types of the labels in each batch."""
        return self._provide(self.label)

    def _provide(self, arrays: Mapping[str, Array]) -> list[DataDesc]:
        size = self.batch_size
        return [DataDesc(n, (size, *a.shape[1:]), a.dtype.type) for n, a in arrays.items()]

    def ordered(self) -> Self:
        """Return an iterator over the same arrays, without shuffling."""
        made = object.__new__(type(self))
        made.__dict__ = {**self.__dict__, "shuffle": False}
        made.seek(0)
        return made


def _named(arrays: Any, default: str) -> dict[str, Array]:
    """Return arrays by name."""
    if arrays is None:
        return {}
    if isinstance(arrays, Mapping):
        named = dict(arrays)
    elif isinstance(arrays, list | tuple):
        single = len(arrays) == 1
        named = {default if single else f"_{i}_{default}": a for i, a in enumerate(arrays)}
    else:
        named = {default: arrays}
    for name, array in named.items():
        if not isinstance(array, np.ndarray):
            message = f"{name} must be a NumPy array, but got {type(array).__name__}"
            raise ArrayTypeError(message, hint=f"np.array({name})")
    return named
