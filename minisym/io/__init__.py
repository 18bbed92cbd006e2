"""Batches for training, with MXNet's names: from arrays and files, and iterators around others.

>>> import numpy as np
>>> batches = NDArrayIter(np.arange(10).reshape(5, 2), np.arange(5), batch_size=2)
>>> [(batch.data[0].shape, batch.label[0].tolist(), batch.pad) for batch in batches]
[((2, 2), [0.0, 1.0], 0), ((2, 2), [2.0, 3.0], 0), ((2, 2), [4.0, 0.0], 1)]
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from minisym.io.around import PrefetchingIter, ResizeIter
from minisym.io.arrays import NDArrayIter
from minisym.io.batch import DataBatch, DataDesc, DataIter
from minisym.io.files import CSVIter, MNISTIter
from minisym.io.records import ImageRecordIter
from minisym.port.names import missing as _missing

__all__ = [
    "CSVIter",
    "DataBatch",
    "DataDesc",
    "DataIter",
    "ImageRecordIter",
    "MNISTIter",
    "NDArrayIter",
    "PrefetchingIter",
    "ResizeIter",
]

if not _TYPE_CHECKING:  # mypy knows which names there are

    def __getattr__(name: str) -> object:
        raise _missing(__name__, name, __all__)
