r"""MXNet's files of arrays: `.params`, as `mx.nd.save` writes them.

A file is little-endian: the number 0x112 and a reserved one (8 bytes each), a list of arrays, a list
of names; a list begins with its length in 8 bytes. An array comes in one of three formats:

=======  ============  =======================================================================
format   first word    then
=======  ============  =======================================================================
V0       rank          dimensions (4 bytes each), device (2 x 4), type (4), elements
V1       0xF993FAC8    rank (4), dimensions (8 bytes each), device, type, elements
V2       0xF993FAC9    storage type (4), [shape of the stored part], rank, dimensions, device,
                       type, [for each index array: type, shape], elements, [index arrays]
V3       0xF993FACA    as V2; a rank of 0 is a scalar, and -1 is no array
=======  ============  =======================================================================

What stands in brackets belongs to sparse arrays, which are read to dense ones with a notice.
Nothing in a file is trusted: every count is checked against the bytes that are left.
"""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from minisym.errors import ArrayTypeError, FormatError
from minisym.formats.files import write_atomically
from minisym.ndarray import Array, NDArray

LIST_MAGIC: Final = 0x112
V1, V2, V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
_MAX_RANK: Final = 32
_TYPES: Final = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool")
_DENSE, _ROW_SPARSE, _CSR = 0, 1, 2
_INDEX_ARRAYS: Final = {_DENSE: 0, _ROW_SPARSE: 1, _CSR: 2}

Arrays = list[NDArray] | dict[str, NDArray]

# --------------------------------------------------------------------------------------- reading


def load(fname: str | os.PathLike[str]) -> Arrays:
    """Read a file of arrays: a dict if they have names, else a list.

    Raises
    ------
    FormatError
        The file is no such file, or is cut or corrupt; with the offset and the reason.
    """
    if not isinstance(fname, str | os.PathLike):
        message = f"load takes a file name, but got {fname!r}"
        raise ArrayTypeError(message)
    return load_frombuffer(Path(fname).read_bytes())


def load_frombuffer(buf: bytes) -> Arrays:
    """Read arrays from the bytes of such a file.

    >>> import numpy as np
    >>> load_frombuffer(dumps({"w": np.array([1.0, 2.0], np.float32)}))
    {'w': NDArray([1., 2.], dtype=float32)}
    """
    if not isinstance(buf, bytes | bytearray | memoryview):
        message = f"load_frombuffer takes bytes, but got {type(buf).__name__}"
        raise ArrayTypeError(message)
    reader = _Reader(memoryview(buf).cast("B"))
    if reader.number("Q", "the file's magic number") != LIST_MAGIC:
        raise reader.wrong(0, "this is no file of MXNet arrays: it does not begin with 0x112")
    reader.number("Q", "the reserved word")
    arrays = [reader.array() for _ in range(reader.count("arrays", smallest=4))]
    names = [reader.text() for _ in range(reader.count("names", smallest=8))]
    if reader.left:
        raise reader.wrong(reader.at, f"{reader.left} bytes are left behind the last name")
    if not names:
        return arrays
    if len(names) != len(arrays):
        raise reader.wrong(reader.at, f"{len(arrays)} arrays have {len(names)} names")
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise reader.wrong(reader.at, f"the name {twice!r} stands twice")
    return dict(zip(names, arrays, strict=True))


class _Reader:
    """A place in the bytes of a file."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.at = data, 0

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self.data) - self.at

    def wrong(self, offset: int, reason: str) -> FormatError:
        """Make the error for this offset."""
        return FormatError(f"byte {offset}: {reason}")

    def take(self, size: int, what: str) -> memoryview:
        """Return the next bytes."""
        if size > self.left:
            raise self.wrong(self.at, f"{what} needs {size} bytes, but {self.left} are left")
        found = self.data[self.at : self.at + size]
        self.at += size
        return found

    def number(self, kind: str, what: str) -> int:
        """Read one little-endian integer."""
        found: int = struct.unpack(f"<{kind}", self.take(struct.calcsize(f"<{kind}"), what))[0]
        return found

    def count(self, what: str, smallest: int) -> int:
        """Read the length of a list whose items take at least `smallest` bytes each."""
        start = self.at
        count = self.number("Q", f"the number of {what}")
        if count * smallest > self.left:
            raise self.wrong(start, f"{count} {what} do not fit into the {self.left} bytes left")
        return count

    def text(self) -> str:
        """Read a name."""
        start = self.at
        raw = self.take(self.number("Q", "the length of a name"), "a name")
        try:
            return str(raw, "utf-8")
        except UnicodeDecodeError:
            raise self.wrong(start, "a name is no UTF-8 text") from None

    def dims(self, rank: int, kind: Literal["I", "q"], start: int) -> tuple[int, ...]:
        """Read the dimensions of a shape."""
        if not 0 <= rank <= _MAX_RANK:
            raise self.wrong(start, f"an array has {rank} dimensions, but {_MAX_RANK} are possible")
        found = tuple(self.number(kind, "a dimension") for _ in range(rank))
        if any(d < 0 for d in found):
            raise self.wrong(start, f"a dimension is negative: {found}")
        return found

    def shape(self) -> tuple[int, ...] | None:
        """Read rank and dimensions of 8 bytes each; a rank of -1 is None."""
        start = self.at
        rank = self.number("i", "the rank")
        return None if rank == -1 else self.dims(rank, "q", start)

    def dtype(self) -> np.dtype[Any]:
        """Read an element type."""
        start = self.at
        code = self.number("i", "the element type")
        if not 0 <= code < len(_TYPES):
            raise self.wrong(start, f"there is no element type {code}")
        return np.dtype(_TYPES[code])

    def elements(self, shape: tuple[int, ...], dtype: np.dtype[Any], what: str) -> Array:
        """Read the elements of an array into memory of its own."""
        size = prod(shape)
        raw = self.take(size * dtype.itemsize, what)
        return np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype).reshape(shape)

    def array(self) -> NDArray:
        """Read one array of any format."""
        start = self.at
        magic = self.number("I", "an array")
        if magic in (V2, V3):
            return NDArray.of(self._array_v2(start, scalar=magic == V3))
        if magic == V1:
            shape = self.shape()
        else:  # V0 has no magic number: this was the rank
            if magic > _MAX_RANK:
                raise self.wrong(start, f"no array begins with {magic:#x}")
            shape = self.dims(magic, "I", start)
        if not shape:
            return NDArray.of(np.empty(0, np.float32))
        self.take(8, "the device")
        return NDArray.of(self.elements(shape, self.dtype(), "an array's elements"))

    def _array_v2(self, start: int, *, scalar: bool) -> Array:
        storage = self.number("i", "the storage type")
        if storage not in _INDEX_ARRAYS:
            raise self.wrong(start, f"there is no storage type {storage}")
        stored = self.shape() if storage else None
        shape = self.shape()
        if shape is None or (not shape and not scalar):
            return np.empty(0, np.float32)
        self.take(8, "the device")
        dtype = self.dtype()
        indices = []
        for _ in range(_INDEX_ARRAYS[storage]):
            kind = self.dtype()
            indices.append((kind, self.shape() or ()))
        if not storage:
            return self.elements(shape, dtype, "an array's elements")
        values = self.elements(stored or (), dtype, "the stored elements")
        found = [self.elements(s, kind, "an index array") for kind, s in indices]
        return self._dense(start, storage, shape, values, found)

    def _dense(
        self,
        start: int,
        storage: int,
        shape: tuple[int, ...],
        values: Array,
        indices: Sequence[Array],
    ) -> Array:
        """Fill a dense array from a sparse one."""
        if prod(shape) > _MAX_DENSE:
            raise self.wrong(start, f"a sparse array of shape {shape} is too large to make dense")
        try:
            dense = np.zeros(shape, values.dtype)
            if storage == _ROW_SPARSE:
                (rows,) = indices
                _check_range(rows, shape[0])
                dense[rows] = values
            else:
                starts, columns = indices
                lengths = np.diff(starts)
                if starts.shape != (shape[0] + 1,) or (lengths < 0).any():
                    raise ValueError
                _check_range(columns, shape[1])
                dense[np.repeat(np.arange(shape[0]), lengths), columns] = values
        except (ValueError, IndexError):
            raise self.wrong(start, "the indices of a sparse array do not fit its shape") from None
        kind = "row_sparse" if storage == _ROW_SPARSE else "csr"
        warnings.warn(f"a {kind} array of shape {shape} was read as a dense one", stacklevel=5)
        return dense


_MAX_DENSE: Final = 1 << 31


def _check_range(indices: Array, size: int) -> None:
    if indices.size and not (indices.min() >= 0 and indices.max() < size):
        raise ValueError


# --------------------------------------------------------------------------------------- writing


def dumps(
    data: Mapping[str, Any] | Sequence[Any] | Array, version: Literal["V0", "V1", "V2", "V3"] = "V2"
) -> bytes:
    """Return the bytes of a file that holds these arrays.

    Parameters
    ----------
    data
        An array, a list of arrays, or a dict of arrays by name.
    version
        The format: "V2" is what MXNet 1.9.1 writes, and "V3" what it writes under `np_shape`.
    """
    if isinstance(data, np.ndarray):
        data = [data]
    names = list(data) if isinstance(data, Mapping) else []
    arrays = list(data.values()) if isinstance(data, Mapping) else list(data)
    parts = [struct.pack("<QQQ", LIST_MAGIC, 0, len(arrays))]
    for position, array in enumerate(arrays):
        if not isinstance(array, np.ndarray):
            label = names[position] if names else position
            message = f"save: {label!r} must be a NumPy array, but got {type(array).__name__}"
            raise ArrayTypeError(message)
        parts.append(_array_bytes(array, version))
    parts.append(struct.pack("<Q", len(names)))
    for name in names:
        if not isinstance(name, str):
            message = f"save: names must be strings, but got {name!r}"
            raise ArrayTypeError(message)
        raw = name.encode()
        parts += [struct.pack("<Q", len(raw)), raw]
    return b"".join(parts)


def _array_bytes(array: Array, version: str) -> bytes:
    if array.dtype.name not in _TYPES:
        message = f"save: there is no code for the element type {array.dtype}"
        raise ArrayTypeError(message, hint=f"one of {', '.join(_TYPES)}")
    if version != "V3" and (array.ndim == 0 or 0 in array.shape):
        version = "V3"  # earlier formats take rank 0 and size 0 for 'no array'
    rank = array.ndim
    kind = "I" if version == "V0" else "q"
    shape = struct.pack(f"<I{rank}{kind}", rank, *array.shape)
    head = {
        "V0": b"",
        "V1": struct.pack("<I", V1),
        "V2": struct.pack("<Ii", V2, _DENSE),
        "V3": struct.pack("<Ii", V3, _DENSE),
    }[version]
    device_and_type = struct.pack("<iii", 1, 0, _TYPES.index(array.dtype.name))
    data = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    return head + shape + device_and_type + data


def save(fname: str | os.PathLike[str], data: Any, version: str = "V2") -> None:
    """Write arrays to a file; an interrupted write leaves what was there.

    >>> import numpy as np, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "net.params")
    >>> save(path, {"arg:w": np.ones(2, np.float32)})
    >>> load(path)
    {'arg:w': NDArray([1., 1.], dtype=float32)}
    """
    write_atomically(Path(fname), dumps(data, version))  # type: ignore[arg-type]
