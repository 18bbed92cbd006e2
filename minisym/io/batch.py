"""What iterators hand out: a batch, and the description of an array in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Self

import numpy as np

from minisym.core.errors import ArrayTypeError, ShapeTypeError
from minisym.core.ndarray import Array


class _Named(NamedTuple):
    name: str
    shape: tuple[int, ...]


class DataDesc(_Named):
    """The name and shape of an array in each batch: a pair, with element type and layout beside.

    >>> name, shape = DataDesc("data", (32, 784))
    >>> DataDesc("data", (32, 784)).dtype, DataDesc("data", (8, 32), layout="TN").layout
    (<class 'numpy.float32'>, 'TN')
    """

    dtype: Any
    layout: str | None

    def __new__(
        cls,
        name: str,
        shape: Any = None,
        dtype: Any = np.float32,
        layout: str | None = "NCHW",
    ) -> Self:
        """Make a description."""
        if not isinstance(shape, Iterable) or isinstance(shape, str):
            got = "none was given" if shape is None else f"got {shape!r}"
            message = f"the shape of {name} must be a tuple, but {got}"
            raise ShapeTypeError(message, hint=f'DataDesc("{name}", (rows, …))')
        made = super().__new__(cls, name, tuple(shape))
        made.dtype, made.layout = dtype, layout
        return made

    def __repr__(self) -> str:
        """Show as MXNet does."""
        return f"DataDesc[{self.name},{self.shape},{self.dtype},{self.layout}]"

    @staticmethod
    def get_batch_axis(layout: str | None) -> int:
        """Return the axis of the rows, -1 if there is none.

        >>> DataDesc.get_batch_axis("TNC")
        1
        """
        return 0 if layout is None else layout.find("N")

    @staticmethod
    def get_list(shapes: Any, types: Any) -> list[DataDesc]:
        """Return descriptions from pairs of name and shape, and perhaps of name and type."""
        known = dict(types or ())
        return [DataDesc(n, s, known[n]) if types else DataDesc(n, s) for n, s in shapes]


def described(shapes: Any) -> list[DataDesc]:
    """Return descriptions of what may be plain pairs of name and shape."""
    if isinstance(shapes, str | Mapping) or not isinstance(shapes, Iterable | None):
        raise _no_pairs(shapes)
    found = []
    for one in shapes or ():
        if not isinstance(one, DataDesc | tuple | list) or not 1 <= len(one) <= _PARTS:
            raise _no_pairs(shapes)
        found.append(one if isinstance(one, DataDesc) else DataDesc(*one))
    return found


_PARTS: Final = 4
"""Name, shape, type and layout."""


def _no_pairs(shapes: Any) -> ShapeTypeError:
    message = f"shapes must be a list of pairs of name and shape, but got {shapes!r:.60}"
    return ShapeTypeError(message, hint='[("data", (32, 784))]')


class DataBatch:
    """One batch: lists of arrays, in the order of the iterator's names.

    Parameters
    ----------
    data, label
        The arrays.
    pad
        How many rows at the end are there to fill the batch only.
    index
        The rows' places in the whole.
    bucket_key
        Which graph of a `BucketingModule` the batch is for.
    provide_data, provide_label
        Descriptions of the arrays, where they are not those of the iterator.

    Examples
    --------
    >>> print(DataBatch([np.ones((2, 3))], [np.ones(2)]))
    DataBatch: data shapes: [(2, 3)] label shapes: [(2,)]
    """

    def __init__(
        self,
        data: Sequence[Any],
        label: Sequence[Any] | None = None,
        pad: int | None = None,
        index: Array | None = None,
        bucket_key: Any = None,
        provide_data: Any = None,
        provide_label: Any = None,
    ) -> None:
        for what, arrays in (("data", data), ("label", label)):
            if arrays is not None and not isinstance(arrays, list | tuple):
                message = f"DataBatch: {what} must be a list of arrays, but got {_kind(arrays)}"
                raise ArrayTypeError(message, hint=f"DataBatch({what}=[array])")
        self.data: Any = data
        self.label: Any = label
        self.pad: Any = pad
        self.index, self.bucket_key = index, bucket_key
        self.provide_data, self.provide_label = provide_data, provide_label

    def __str__(self) -> str:
        """Show the shapes."""
        label = [array.shape for array in self.label] if self.label else None
        data = [array.shape for array in self.data]
        return f"{type(self).__name__}: data shapes: {data} label shapes: {label}"


def _kind(value: object) -> str:
    return type(value).__name__


class DataIter:
    """What hands out batches. A subclass says `next`, or `iter_next` and the four `get…`.

    It also has `provide_data` and `provide_label`, lists of `DataDesc`.

    >>> class Twice(DataIter):
    ...     left = 2
    ...
    ...     def iter_next(self):
    ...         self.left -= 1
    ...         return self.left >= 0
    ...
    ...     def getdata(self):
    ...         return [np.ones(3)]
    >>> len(list(Twice(batch_size=3)))
    2
    """

    provide_data: Any
    provide_label: Any

    def __init__(self, batch_size: int = 0) -> None:
        self.batch_size = batch_size

    def __iter__(self) -> Self:
        """Iterate over the rest of this epoch."""
        return self

    def reset(self) -> None:
        """Begin the next epoch."""

    def next(self) -> DataBatch:
        """Return the next batch.

        Raises
        ------
        StopIteration
            The epoch has ended.
        """
        if not self.iter_next():
            raise StopIteration
        return DataBatch(self.getdata(), self.getlabel(), self.getpad(), self.getindex())

    def __next__(self) -> DataBatch:
        """Return the next batch."""
        return self.next()

    def iter_next(self) -> bool:
        """Go to the next batch; return whether there is one."""
        return False

    def getdata(self) -> Any:
        """Return the data of this batch."""

    def getlabel(self) -> Any:
        """Return the labels of this batch."""

    def getindex(self) -> Any:
        """Return the places of this batch's rows in the whole."""

    def getpad(self) -> Any:
        """Return how many rows at the end of this batch only fill it."""


def check_iterator(what: str, given: object, *wanted: str, beside: str = "") -> None:
    """Refuse what is no iterator of batches: it lacks an attribute that will be asked for."""
    lacking = next((name for name in ("__iter__", *wanted) if not hasattr(given, name)), None)
    if lacking is None:
        return
    kind = type(given).__name__
    message = f"{what} takes an iterator of batches{beside}, but got {kind}, without {lacking}"
    raise ArrayTypeError(message, hint="ms.io.NDArrayIter makes an iterator of arrays")
