"""`NDArrayIter`: batches of rows of arrays."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np

from minisym.core import random
from minisym.core.errors import ArrayTypeError, ParamError, ShapeError, did_you_mean
from minisym.core.ndarray import Array, NDArray
from minisym.io.batch import DataBatch, DataDesc, DataIter

HANDLES: Final = ("pad", "discard", "roll_over", "round")


class NDArrayIter(DataIter):
    """Cut arrays into batches of rows, epoch by epoch.

    A loop over it goes through one epoch; `reset` begins the next. With `shuffle` each epoch has an
    order of its own, which `seed` and the number of the epoch decide: `seek` finds any batch again.

    Parameters
    ----------
    data, label
        An array, a list of arrays, or a dict of arrays by name (taken in the order of the names).
        All have the same number of rows. NumPy arrays become float32, as in MXNet; NDArrays keep
        their type.
    batch_size
        Rows in a batch.
    shuffle
        Whether rows come in random order.
    last_batch_handle
        What happens to a last batch that is not full: "pad" fills it with the epoch's first rows,
        going round as often as it takes; "discard" leaves it out; "roll_over" keeps its rows for
        the next epoch; "round" fills it with the first rows of the next epoch, which has them no
        more (MXNet's `round_batch` of files).
    data_name, label_name
        The names, where they are not given; with numbers behind them if there are several.
    layout
        Where the rows are: on the axis of "N".
    seed
        What decides on the orders; without, `ms.random` draws one.

    Examples
    --------
    >>> batches = NDArrayIter(np.arange(5), batch_size=2, last_batch_handle="roll_over")
    >>> [batch.data[0].tolist() for batch in batches]
    [[0.0, 1.0], [2.0, 3.0]]
    >>> batches.reset()
    >>> [batch.data[0].tolist() for batch in batches]
    [[4.0, 0.0], [1.0, 2.0], [3.0, 4.0]]
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
        layout: str = "NCHW",
        seed: int | None = None,
    ) -> None:
        try:
            super().__init__(operator.index(batch_size))
        except TypeError:
            message = f"batch_size must be an integer, but got {batch_size!r}"
            raise ParamError(message) from None
        self.data, self.label = _named(data, data_name), _named(label, label_name)
        self.shuffle, self.layout = bool(shuffle), layout
        self._axis = DataDesc.get_batch_axis(layout)
        if self._axis < 0:
            raise ParamError(f"layout must name the axis of the rows, N, but got {layout!r}")
        for name, array in (self.data | self.label).items():
            if array.ndim <= self._axis:
                raise ShapeError(
                    f"{name} has shape {array.shape}: no axis {self._axis} holds its rows",
                    hint="the layout says which axis does",
                )
        rows = {name: a.shape[self._axis] for name, a in (self.data | self.label).items()}
        if len(set(rows.values())) != 1:
            told = ", ".join(f"{name} {count}" for name, count in rows.items()) or "no arrays"
            message = f"all arrays need the same number of rows, but there are {told}"
            raise ShapeError(message)
        self.num_data = int(next(iter(rows.values())))
        if not self.num_data:
            raise ShapeError(f"there are no rows in {', '.join(rows)}: nothing to iterate over")
        if last_batch_handle not in HANDLES:
            known = ", ".join(map(repr, HANDLES))
            message = f"last_batch_handle must be one of {known}, but got {last_batch_handle!r}"
            raise ParamError(message, hint=did_you_mean(str(last_batch_handle), HANDLES))
        self.last_batch_handle = last_batch_handle
        self._goes_on = last_batch_handle in ("roll_over", "round")
        most = self.num_data if self._goes_on else np.inf
        if not 1 <= self.batch_size <= most:
            message = f"batch_size must lie in [1, {most}], but got {batch_size}"
            raise ParamError(message)
        self.seed = int(random.generator.integers(2**31)) if seed is None else int(seed)
        self.seek(0, 0)

    def seek(self, epoch: int, batch: int = 0) -> None:
        """Go to a batch of an epoch: `next` returns it."""
        self.epoch, self.position = epoch, batch
        self._order = self._order_of(epoch)
        self._pad = 0
        self._rows: Array = self._order[:0]

    def _order_of(self, epoch: int) -> Array:
        if self.shuffle:
            return np.random.default_rng([self.seed, epoch]).permutation(self.num_data)
        return np.arange(self.num_data)

    @property
    def _first(self) -> int:
        """Where this epoch begins: before its rows, if it has got some; behind those it gave."""
        if not self._goes_on:
            return 0
        ahead = -self.epoch * self.num_data % self.batch_size
        return ahead - self.batch_size * (self.last_batch_handle == "roll_over" and ahead > 0)

    @property
    def num_batches(self) -> int:
        """How many batches this epoch has."""
        full, rest = divmod(self.num_data - self._first, self.batch_size)
        return full + bool(rest and self.last_batch_handle in ("pad", "round"))

    def reset(self) -> None:
        """Begin the next epoch."""
        self.seek(self.epoch + 1)

    def hard_reset(self) -> None:
        """Begin the first epoch again."""
        self.seek(0)

    def iter_next(self) -> bool:
        """Go to the next batch; return whether there is one."""
        if self.position >= self.num_batches:
            return False
        start = self._first + self.position * self.batch_size
        end = start + self.batch_size
        places = np.arange(max(start, 0), end)
        self._rows = self._order[places % self.num_data]
        self._pad = max(0, end - self.num_data)
        if self._pad and self.last_batch_handle == "round":
            self._rows[-self._pad :] = self._order_of(self.epoch + 1)[: self._pad]
        if start < 0:
            self._rows = np.concatenate([self._order_of(self.epoch - 1)[start:], self._rows])
            self._pad = -start  # MXNet counts the rows that came over
        self.position += 1
        return True

    def _taken(self, arrays: Mapping[str, Array]) -> list[NDArray]:
        return [NDArray.of(array.take(self._rows, self._axis)) for array in arrays.values()]

    def getdata(self) -> list[NDArray]:
        """Return the data of this batch."""
        return self._taken(self.data)

    def getlabel(self) -> list[NDArray]:
        """Return the labels of this batch."""
        return self._taken(self.label)

    def getpad(self) -> int:
        """Return how many rows of this batch only fill it."""
        return self._pad

    def getindex(self) -> Array:
        """Return the places of this batch's rows in the arrays."""
        return self._rows

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
        axis, size = self._axis, self.batch_size
        return [
            DataDesc(n, (*a.shape[:axis], size, *a.shape[axis + 1 :]), a.dtype.type, self.layout)
            for n, a in arrays.items()
        ]

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
        named = dict(sorted(arrays.items()))
    elif isinstance(arrays, list | tuple):
        single = len(arrays) == 1
        given = {default if single else f"_{i}_{default}": a for i, a in enumerate(arrays)}
        named = dict(sorted(given.items()))
    else:
        named = {default: arrays}
    for name, array in named.items():
        if not isinstance(array, np.ndarray | NDArray):
            message = f"{name} must be a NumPy array, but got {type(array).__name__}"
            raise ArrayTypeError(message, hint=f"np.array({name})")
        kind = array.dtype if isinstance(array, NDArray) else np.float32
        try:
            named[name] = np.asarray(array, kind)
        except (TypeError, ValueError):
            message = f"{name} must hold numbers, but its type is {array.dtype}"
            raise ArrayTypeError(message, hint="words are numbered first") from None
    return named
