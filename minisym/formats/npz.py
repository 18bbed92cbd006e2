"""NumPy's archives, `.npz`, as files of named arrays: read without running what they hold.

A member is checked against its size before memory is asked for, so that no small file becomes a
large one; arrays of objects, which would be pickles, are refused.
"""

from __future__ import annotations

import io
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, Final

import numpy as np

from minisym.core.errors import FormatError
from minisym.core.files import write_atomically
from minisym.core.ndarray import Array

_FREE, _MOST_TIMES = 1 << 26, 64
"""So many bytes the arrays may hold, and so many times the size of the file beyond that."""
_MOST_MEMBERS: Final = 100_000
_BROKEN: Final = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError),
    *(ValueError, SyntaxError, tokenize.TokenError, RecursionError, RuntimeError, MemoryError),
)
"""What reading a spoilt archive, or the header of an array in it, may raise."""


def save(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write arrays, uncompressed, as `numpy.savez` does."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=True) as packed:
        for name, array in arrays.items():
            with packed.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
    write_atomically(path, [out.getbuffer()])


def load(path: Path) -> dict[str, Array]:
    """Read all arrays.

    Raises
    ------
    FormatError
        It is no such file, corrupt, holds objects, or unpacks to far more than its size.
    """
    most = _FREE + _MOST_TIMES * path.stat().st_size
    try:
        with zipfile.ZipFile(path) as packed:
            members = [m for m in packed.infolist() if m.filename.endswith(".npy")]
            if sum(m.file_size for m in members) <= most and len(members) <= _MOST_MEMBERS:
                return {m.filename[:-4]: _array(packed, m) for m in members}
    except _BROKEN as error:
        raise FormatError(f"{path.name} is no sound .npz file: {error}") from None
    raise FormatError(f"{path.name} unpacks to more than its size can hold of a model")


def _array(packed: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    """Read one array of NumPy's format, that fills its member."""
    with packed.open(member) as file:
        version = np.lib.format.read_magic(file)
        first = version == (1, 0)
        header: Any = getattr(np.lib.format, f"read_array_header_{'1_0' if first else '2_0'}")
        shape, by_columns, dtype = header(file)
        if dtype.hasobject:
            raise ValueError("it holds Python objects, which are not read")
        if prod(shape) * dtype.itemsize != member.file_size - file.tell():
            raise ValueError(f"an array of shape {shape} does not fill its place")
        flat = np.frombuffer(file.read(), dtype)
    return flat.reshape(shape, order="F" if by_columns else "C")
