"""Batches from files: MNIST's images and labels, tables of comma-separated values."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from minisym.core.errors import FormatError, ParamError
from minisym.core.files import readable
from minisym.core.ndarray import Array, NDArray
from minisym.io.arrays import NDArrayIter
from minisym.io.batch import DataBatch

Name = str | PathLike[str]


def read_idx(path: Name) -> Array:
    """Read a file of bytes in the idx format, which MNIST has; also one that gzip has packed.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "labels-idx1-ubyte")
    >>> _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    >>> read_idx(path)
    array([7, 2, 1], dtype=uint8)

    Raises
    ------
    FormatError
        The file is no such one, or ends early.
    """
    content = readable(path, "the idx file").read_bytes()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError) as error:
            raise FormatError(f"{Path(path).name} is a broken gzip file: {error}") from None
    name = Path(path).name
    if len(content) < 4 or content[:3] != b"\0\0\x08":
        raise FormatError(
            f"{name} is no idx file of bytes", hint="its first bytes are 0, 0, 8; gzip is fine, too"
        )
    ndim = content[3]
    head = 4 + 4 * ndim
    if len(content) < head:
        raise FormatError(f"{name} ends within its head")
    shape = struct.unpack(f">{ndim}I", content[4:head])
    found = np.frombuffer(content, np.uint8, offset=head)
    if found.size != np.prod(shape, dtype=object):
        raise FormatError(f"{name} says that its shape is {shape}, but holds {found.size} bytes")
    return found.reshape(shape)


class FileIter(NDArrayIter):
    """Batches from files: one array of data and one of labels.

    `getdata` and `getlabel` return that array, as the iterators do that MXNet has in C++; those of
    `NDArrayIter` return a list.
    """

    def next(self) -> DataBatch:
        """Return the next batch, whose data and label are lists in any case."""
        if not self.iter_next():
            raise StopIteration
        return DataBatch([self.getdata()], [self.getlabel()], self.getpad(), self.getindex())

    def getdata(self) -> NDArray:  # type: ignore[override]  # MXNet has both
        """Return the data of this batch."""
        return self._taken(self.data)[0]

    def getlabel(self) -> NDArray:  # type: ignore[override]  # MXNet has both
        """Return the labels of this batch."""
        return self._taken(self.label)[0]


class MNISTIter(FileIter):
    """Batches of MNIST's images, divided by 256, and their labels. The rest of an epoch is dropped.

    Parameters
    ----------
    image, label
        The files, as they are published or unpacked (`train-images-idx3-ubyte`, with or without
        `.gz`).
    batch_size
        Rows in a batch.
    shuffle, seed
        Whether images come in random order, and what decides on it (MXNet has another order).
    flat
        Whether an image is a row of 784 numbers, and not of shape (1, 28, 28).
    num_parts, part_index
        Into how many parts the images are divided, and which one this is.
    data_name, label_name
        The names of the arrays.
    **_
        Whatever else MXNet takes (`silent`, `prefetch_buffer`, …): of no effect.
    """

    def __init__(
        self,
        image: Name = "./train-images-idx3-ubyte",
        label: Name = "./train-labels-idx1-ubyte",
        batch_size: int = 128,
        shuffle: bool = True,
        flat: bool = False,
        seed: int = 0,
        num_parts: int = 1,
        part_index: int = 0,
        data_name: str = "data",
        label_name: str = "softmax_label",
        **_: object,
    ) -> None:
        images, labels = read_idx(image), read_idx(label)
        if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
            message = f"MNISTIter: images of shape {images.shape} with labels of {labels.shape}"
            raise FormatError(message, hint="(n, 28, 28) and (n,) are expected")
        part = part_of(len(images), num_parts, part_index)
        images = images[part].astype(np.float32) / 256
        images = images.reshape(len(images), -1) if flat else images[:, None]
        super().__init__(
            images,
            labels[part],
            batch_size,
            shuffle,
            "discard",
            data_name,
            label_name,
            seed=seed,
        )


def part_of(rows: int, count: int, index: int) -> slice:
    """Return the rows of one of several equal parts."""
    if not 0 <= index < count:
        raise ParamError(f"part_index must lie in [0, {count}), but got {index}")
    each = rows // count
    return slice(index * each, (index + 1) * each)


class CSVIter(FileIter):
    r"""Batches of rows of comma-separated numbers.

    Parameters
    ----------
    data_csv, label_csv
        The files; without the second, labels are 0.
    data_shape, label_shape
        The shape of what one line holds.
    batch_size
        Rows in a batch.
    round_batch
        Whether a last batch that is not full is filled from the next epoch; else it is padded.
    dtype
        Element type.
    data_name, label_name
        The names of the arrays.
    **_
        Whatever else MXNet takes (`prefetch_buffer`, …): of no effect.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "data.csv")
    >>> _ = path.write_text("1,2\n3,4\n5,6\n")
    >>> batches = CSVIter(data_csv=path, data_shape=(2,), batch_size=2)
    >>> [(batch.data[0].tolist(), batch.pad) for batch in batches]
    [([[1.0, 2.0], [3.0, 4.0]], 0), ([[5.0, 6.0], [1.0, 2.0]], 1)]
    """

    def __init__(
        self,
        data_csv: Name,
        data_shape: Sequence[int],
        label_csv: Name | None = None,
        label_shape: Sequence[int] = (1,),
        batch_size: int = 1,
        round_batch: bool = True,
        dtype: Any = np.float32,
        data_name: str = "data",
        label_name: str = "softmax_label",
        **_: object,
    ) -> None:
        data = _table(data_csv, data_shape, dtype)
        rows = tuple(label_shape) if tuple(label_shape) != (1,) else ()
        if label_csv is None:
            labels = np.zeros((len(data), *rows), np.float32)
        else:
            labels = _table(label_csv, rows, dtype)
        how = "round" if round_batch and batch_size <= len(data) else "pad"
        super().__init__(
            data,
            labels,
            batch_size,
            last_batch_handle=how,
            data_name=data_name,
            label_name=label_name,
        )


def _table(path: Name, shape: Sequence[int], dtype: Any) -> Array:
    """Read lines of numbers, each of this shape."""
    file = readable(path, "CSVIter")
    name = file.name
    try:
        found = np.loadtxt(file, delimiter=",", dtype=dtype, ndmin=2)
    except ValueError as error:
        raise FormatError(f"{name} is no table of numbers: {error}") from None
    size = int(np.prod(shape, dtype=int))
    if found.shape[1] != size:
        message = f"{name} has {found.shape[1]} numbers a line, but shape {tuple(shape)} has {size}"
        raise FormatError(message)
    return found.reshape(len(found), *shape)
