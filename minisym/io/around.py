"""Iterators around others: epochs of another length, and batches that are read ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from minisym.core.errors import BindError, ParamError
from minisym.core.params import whole
from minisym.io.batch import DataBatch, DataDesc, DataIter, check_iterator, described


class _Around(DataIter):
    """What asks the batch that an inner iterator made last."""

    current_batch: DataBatch

    def getdata(self) -> Any:
        """Return the data of this batch."""
        return self.current_batch.data

    def getlabel(self) -> Any:
        """Return the labels of this batch."""
        return self.current_batch.label

    def getindex(self) -> Any:
        """Return the places of this batch's rows in the whole."""
        return self.current_batch.index

    def getpad(self) -> Any:
        """Return how many rows at the end of this batch only fill it."""
        return self.current_batch.pad


class ResizeIter(_Around):
    """Make epochs of `size` batches; where the inner iterator ends, it begins again.

    Parameters
    ----------
    data_iter
        The inner iterator.
    size
        Batches of an epoch.
    reset_internal
        Whether `reset` resets the inner iterator, too.

    Examples
    --------
    >>> import numpy as np
    >>> from minisym.io import NDArrayIter
    >>> batches = ResizeIter(NDArrayIter(np.arange(4), batch_size=2), 3)
    >>> [batch.data[0].tolist() for batch in batches]
    [[0.0, 1.0], [2.0, 3.0], [0.0, 1.0]]
    """

    def __init__(self, data_iter: Any, size: int, reset_internal: bool = True) -> None:
        check_iterator("ResizeIter", data_iter, "batch_size")
        super().__init__(data_iter.batch_size)
        self.data_iter, self.reset_internal = data_iter, reset_internal
        self.size = whole(size, "ResizeIter: size", 0)
        self.cur = 0
        self.provide_data, self.provide_label = data_iter.provide_data, data_iter.provide_label
        if hasattr(data_iter, "default_bucket_key"):
            self.default_bucket_key = data_iter.default_bucket_key

    def reset(self) -> None:
        """Begin the next epoch."""
        self.cur = 0
        if self.reset_internal:
            self.data_iter.reset()

    def iter_next(self) -> bool:
        """Go to the next batch; return whether there is one."""
        if self.cur == self.size:
            return False
        try:
            self.current_batch = self.data_iter.next()
        except StopIteration:
            self.data_iter.reset()
            self.current_batch = self.data_iter.next()
        self.cur += 1
        return True

    def next(self) -> DataBatch:
        """Return the next batch, as the inner iterator made it."""
        if not self.iter_next():
            raise StopIteration
        return self.current_batch


class PrefetchingIter(_Around):
    """Read the next batch in a thread while this one is used; join several iterators to one.

    Parameters
    ----------
    iters
        An iterator, or a list of them, whose batches are put side by side.
    rename_data, rename_label
        For each iterator a dict of new names.

    Raises
    ------
    BindError
        By `next`: the iterators end apart, or pad differently.

    Examples
    --------
    >>> import numpy as np
    >>> from minisym.io import NDArrayIter
    >>> left, right = (NDArrayIter({name: np.arange(4)}, batch_size=2) for name in "ab")
    >>> both = PrefetchingIter([left, right])
    >>> [desc.name for desc in both.provide_data], len(list(both))
    (['a', 'b'], 2)
    """

    def __init__(
        self,
        iters: Any,
        rename_data: Sequence[Mapping[str, str]] | None = None,
        rename_label: Sequence[Mapping[str, str]] | None = None,
    ) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self.iters = iters if isinstance(iters, list) else [iters]
        if not self.iters:
            raise ParamError("PrefetchingIter needs an iterator at least")
        for inner in self.iters:
            check_iterator("PrefetchingIter", inner, "provide_data", "provide_label")
        self.rename_data, self.rename_label = rename_data, rename_label
        super().__init__(self.provide_data[0].shape[0])
        self._threads = ThreadPoolExecutor(len(self.iters), thread_name_prefix="prefetch")
        self._begin()

    def _begin(self) -> None:
        self._coming = [self._threads.submit(next, inner, None) for inner in self.iters]

    @property
    def provide_data(self) -> list[DataDesc]:
        """Names, shapes and types of the data in each batch."""
        return _renamed([inner.provide_data for inner in self.iters], self.rename_data)

    @property
    def provide_label(self) -> list[DataDesc]:
        """Names, shapes and types of the labels in each batch."""
        return _renamed([inner.provide_label for inner in self.iters], self.rename_label)

    def reset(self) -> None:
        """Begin the next epoch."""
        for batch in self._coming:
            batch.exception()  # wait: an inner iterator is not reset while it reads
        for inner in self.iters:
            inner.reset()
        self._begin()

    def iter_next(self) -> bool:
        """Go to the next batch; return whether there is one."""
        found: list[Any] = [batch.result() for batch in self._coming]
        if all(batch is None for batch in found):
            return False
        if any(batch is None or batch.pad != found[0].pad for batch in found):
            raise BindError("PrefetchingIter: the iterators have different numbers of rows")
        self._begin()
        self.current_batch = DataBatch(
            list(chain.from_iterable(batch.data for batch in found)),
            list(chain.from_iterable(batch.label or () for batch in found)),
            found[0].pad,
            found[0].index,
            provide_data=self.provide_data,
            provide_label=self.provide_label,
        )
        return True

    def next(self) -> DataBatch:
        """Return the next batch."""
        if not self.iter_next():
            raise StopIteration
        return self.current_batch


def _renamed(provided: Sequence[Any], names: Sequence[Mapping[str, str]] | None) -> list[DataDesc]:
    """Return the descriptions of all iterators, under other names where there are some."""
    every = names or [{}] * len(provided)
    return [
        DataDesc(new.get(desc.name, desc.name), desc.shape, desc.dtype, desc.layout)
        for new, some in zip(every, provided, strict=True)
        for desc in described(some)
    ]
