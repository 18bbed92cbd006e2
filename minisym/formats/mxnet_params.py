r"""MXNet's files of arrays: `.params`, as `mx.nd.save` writes them.

A file is little-endian: the number 0x112 and a reserved one (8 bytes each), a list of arrays, a
list of names; a list begins with its length in 8 bytes. An array comes in one of four formats:

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

import io
import mmap
import os
import struct
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

import numpy as np

from minisym.core.collector import paused
from minisym.core.errors import ArrayTypeError, FormatError
from minisym.core.files import write_atomically
from minisym.core.ndarray import Array, NDArray
from minisym.core.params import CODES
from minisym.core.shapes import is_np_shape
from minisym.formats.foreign import ARRAYS, LONGEST, recognized

LIST_MAGIC: Final = 0x112
V1, V2, V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
_MAX_RANK: Final = 32
_BOOL: Final = CODES.index("bool")
_BFLOAT16: Final = 12
_DENSE, _ROW_SPARSE, _CSR = 0, 1, 2
_INDEX_ARRAYS: Final = {_DENSE: 0, _ROW_SPARSE: 1, _CSR: 2}
_MAX_DENSE: Final = 1 << 30
"""So many bytes the sparse arrays of one file may take as dense ones."""
_FREE_DENSE, _MOST_DENSE = 1 << 24, 256
"""Nor more than that, and so many times the size of the file: a small one becomes no large one."""

Arrays = list[NDArray] | dict[str, NDArray]
Version = Literal["V0", "V1", "V2", "V3"]

# --------------------------------------------------------------------------------------- reading


def load(fname: str | os.PathLike[str]) -> Arrays:
    """Read a file of arrays: a dict if they have names, else a list.

    Raises
    ------
    FormatError
        The file is no such file, or is cut or corrupt; with the offset and the reason.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import minisym as ms
    >>> path = Path(tempfile.mkdtemp(), "two.params")
    >>> ms.nd.save(path, {"a": ms.nd.ones(2), "b": ms.nd.zeros(1)})
    >>> ms.nd.load(path)
    {'a': NDArray([1., 1.], dtype=float32), 'b': NDArray([0.], dtype=float32)}
    """
    if not isinstance(fname, str | os.PathLike):
        message = f"load takes a file name, but got {fname!r}"
        raise ArrayTypeError(message)
    path = Path(fname)
    with path.open("rb") as file:
        reader = _Reader(file, os.fstat(file.fileno()).st_size, f"{path.name}, ")
        found = reader.read()
    _tell(reader.notices)
    return found


def load_frombuffer(buf: bytes) -> Arrays:
    """Read arrays from the bytes of such a file.

    >>> import numpy as np
    >>> load_frombuffer(dumps({"w": np.array([1.0, 2.0], np.float32)}))
    {'w': NDArray([1., 2.], dtype=float32)}
    """
    if not isinstance(buf, bytes | bytearray | memoryview):
        message = f"load_frombuffer takes bytes, but got {type(buf).__name__}"
        raise ArrayTypeError(message)
    view = memoryview(buf).cast("B")
    reader = _Reader(io.BytesIO(view), len(view))
    found = reader.read()
    _tell(reader.notices)
    return found


def load_mapped(fname: str | os.PathLike[str]) -> Arrays:
    """Read a file of arrays, but for their elements: those stay in it until they are used.

    The arrays are read-only views of the file, mapped into memory, so this takes as long as reading
    the headers. Those that do not lie where their type wants them, and types that need converting,
    are copied. The file may be removed, or replaced as `save` replaces it; who overwrites it in
    place changes the arrays, and who cuts it short ends the process that reads them.

    Raises
    ------
    FormatError
        As `load`.
    """
    path = Path(fname)
    with path.open("rb") as file:
        try:
            view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (OSError, ValueError):  # a pipe, an empty file, a file system that maps nothing
            return load(path)
    return _in_place(view, f"{path.name}, ")


def load_views(buf: bytes, name: str) -> Arrays:
    """Read arrays from the bytes of such a file as read-only views of them."""
    return _in_place(memoryview(buf), f"{name}, ")


def _in_place(view: memoryview, label: str) -> Arrays:
    reader = _ViewReader(view, label)
    with paused():
        found = reader.read()
    for array in found.values() if isinstance(found, dict) else found:
        if array.flags.writeable:
            array.flags.writeable = False
    _tell(reader.notices, 4)
    return found


def _tell(notices: Sequence[str], depth: int = 3) -> None:
    """Warn of what was converted, once a file, at the line that called `load`."""
    if notices:
        more = f" (and {len(notices) - 1} more such arrays)" if len(notices) > 1 else ""
        warnings.warn(notices[0] + more, stacklevel=depth)


class _Reader:
    """A place in a file."""

    def __init__(self, file: io.BufferedIOBase, size: int, label: str = "") -> None:
        self.file, self.size, self.label, self.at = file, size, label, 0
        self.notices: list[str] = []
        self.dense_left = min(_MAX_DENSE, _FREE_DENSE + _MOST_DENSE * size)

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return self.size - self.at

    def wrong(self, offset: int, reason: str) -> FormatError:
        """Make the error for this offset."""
        return FormatError(f"{self.label}byte {offset}: {reason}")

    def step(self, size: int, what: str) -> None:
        """Go on by some bytes, if there are so many."""
        if size > self.left:
            raise self.wrong(self.at, f"{what}: {size} bytes are needed, {self.left} are left")
        self.at += size

    def take(self, size: int, what: str) -> bytes:
        """Return the next bytes."""
        self.step(size, what)
        found = self.file.read(size)
        if len(found) < size:
            raise self.wrong(self.at, "the file became shorter while it was read")
        return found

    def stored(self, shape: tuple[int, ...], dtype: np.dtype[Any], what: str) -> Array:
        """Read the next bytes as an array."""
        array = np.empty(shape, dtype)
        self.step(array.nbytes, what)
        if self.file.readinto(array.reshape(-1).view("u1").data) < array.nbytes:
            raise self.wrong(self.at, "the file became shorter while it was read")
        return array

    def head(self) -> bytes:
        """Return how the file begins."""
        found = self.file.read(LONGEST)
        self.file.seek(0)
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

    def read(self) -> Arrays:
        """Read it all."""
        other = recognized(self.head(), ARRAYS)
        if other is not None:
            message = f"{self.label}byte 0: this is no file of MXNet arrays: it is {other[0]}"
            raise FormatError(message, hint=other[1])
        if self.number("Q", "the file's magic number") != LIST_MAGIC:
            raise self.wrong(0, "this is no file of MXNet arrays: it does not begin with 0x112")
        self.number("Q", "the reserved word")
        arrays = [self.array() for _ in range(self.count("arrays", smallest=4))]
        start = self.at
        count = self.count("names", smallest=8)
        if count and count != len(arrays):
            raise self.wrong(start, f"{len(arrays)} arrays have {count} names")
        named: dict[str, NDArray] = {}
        for array in arrays[:count]:
            start, name = self.at, self.text()
            if name in named:
                raise self.wrong(start, f"the name {name!r} stands twice")
            named[name] = array
        if self.left:
            raise self.wrong(self.at, f"{self.left} bytes are left behind the last name")
        return named or arrays

    def text(self) -> str:
        """Read a name."""
        start = self.at
        raw = self.take(self.number("Q", "the length of a name"), "a name")
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise self.wrong(start, "a name is no UTF-8 text") from None

    def dims(self, rank: int, kind: Literal["I", "q"], start: int) -> tuple[int, ...]:
        """Read the dimensions of a shape."""
        if not 0 <= rank <= _MAX_RANK:
            raise self.wrong(start, f"an array has {rank} dimensions, but {_MAX_RANK} are possible")
        layout = f"<{rank}{kind}"
        found = struct.unpack(layout, self.take(struct.calcsize(layout), "a shape"))
        if any(d < 0 for d in found):
            raise self.wrong(start, f"a dimension is negative: {found}")
        return found

    def shape(self) -> tuple[int, ...] | None:
        """Read rank and dimensions of 8 bytes each; a rank of -1 is None."""
        start = self.at
        rank = self.number("i", "the rank")
        return None if rank == -1 else self.dims(rank, "q", start)

    def type_code(self) -> int:
        """Read an element type."""
        start = self.at
        code = self.number("i", "the element type")
        if not 0 <= code < len(CODES) and code != _BFLOAT16:
            raise self.wrong(start, f"there is no element type {code}")
        return code

    def elements(self, shape: tuple[int, ...], code: int, what: str) -> Array:
        """Read the elements of an array."""
        start = self.at
        kind = {_BFLOAT16: "u2", _BOOL: "u1"}.get(code) or CODES[code]
        stored = np.dtype(kind).newbyteorder("<")
        if prod(shape) * stored.itemsize > self.left:  # before so much memory is asked for
            self.step(prod(shape) * stored.itemsize, what)
        try:
            found = self.stored(shape, stored, what)
        except ValueError:  # an axis of 0 beside astronomic ones
            raise self.wrong(start, f"no array has the shape {shape}") from None
        if code == _BFLOAT16:  # the upper half of a float32
            self.notices.append(f"a bfloat16 array of shape {shape} was read as float32")
            return (found.astype(np.uint32) << 16).view(np.float32)
        if code == _BOOL:  # a byte other than 0 and 1 is no sound bool
            return np.not_equal(found, 0)
        return found.astype(stored.newbyteorder("="), copy=False)

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
        return NDArray.of(self.elements(shape, self.type_code(), "an array's elements"))

    def _array_v2(self, start: int, *, scalar: bool) -> Array:
        storage = self.number("i", "the storage type")
        if storage not in _INDEX_ARRAYS:
            raise self.wrong(start + 4, f"there is no storage type {storage}")
        stored = self.shape() if storage else None
        shape = self.shape()
        if shape is None or (not shape and not scalar):
            return np.empty(0, np.float32)
        self.take(8, "the device")
        code = self.type_code()
        if not storage:
            return self.elements(shape, code, "an array's elements")
        kinds = [(self.type_code(), self.shape() or ()) for _ in range(_INDEX_ARRAYS[storage])]
        values = self.elements(stored or (), code, "the stored elements")
        indices = [self.elements(dims, kind, "an index array") for kind, dims in kinds]
        return self._dense(start, storage, shape, values, indices)

    def _dense(
        self,
        start: int,
        storage: int,
        shape: tuple[int, ...],
        values: Array,
        indices: Sequence[Array],
    ) -> Array:
        """Fill a dense array from a sparse one."""
        self.dense_left -= prod(shape) * values.itemsize
        if self.dense_left < 0:
            message = f"a sparse array of shape {shape} is too large to make dense"
            error = self.wrong(start, f"{message}, from a file of {self.size:,} bytes")
            error.hint = "in MXNet, array.tostype('default') makes it dense before it is saved"
            raise error
        fill = _fill_row_sparse if storage == _ROW_SPARSE else _fill_csr
        try:
            dense = np.zeros(shape, values.dtype)
            fill(dense, values, *indices)
        except (ValueError, MemoryError):
            raise self.wrong(start, "the indices of a sparse array do not fit its shape") from None
        kind = "row_sparse" if storage == _ROW_SPARSE else "csr"
        self.notices.append(f"a {kind} array of shape {shape} was read as a dense one")
        return dense


_BEGINNING: Final = struct.Struct("<Iii")
"""Of an array in V2 or V3: magic, storage type, rank."""
_HEADERS: Final = {rank: struct.Struct(f"<{rank}q3i") for rank in range(1, 9)}
"""What follows in a dense one: dimensions, device, element type."""
_AS_STORED: Final = {
    code: np.dtype(name)
    for code, name in enumerate(CODES)
    if sys.byteorder == "little" and code != _BOOL
}
"""Element types that a view of the file can have."""


class _ViewReader(_Reader):
    """A place in memory that holds a file; arrays are views of it."""

    def __init__(self, view: memoryview, label: str) -> None:
        super().__init__(io.BytesIO(), len(view), label)
        self.view = view

    def head(self) -> bytes:
        """Return how the file begins."""
        return bytes(self.view[:LONGEST])

    def take(self, size: int, what: str) -> bytes:
        """Return the next bytes."""
        self.step(size, what)
        return bytes(self.view[self.at - size : self.at])

    def array(self) -> NDArray:
        """Read one array: nearly all are dense, of today's format, and need one look."""
        found = self._dense_view()
        return super().array() if found is None else NDArray.of(found)

    def _dense_view(self) -> Array | None:
        """Return the array here; None, and nothing is read, if there is anything special about it.

        A model has thousands: read field by field, their headers take longer than MXNet takes to
        read them with their elements.
        """
        if self.left < _BEGINNING.size:
            return None
        magic, storage, rank = _BEGINNING.unpack_from(self.view, self.at)
        header = _HEADERS.get(rank)
        if magic not in (V2, V3) or storage != _DENSE or header is None:
            return None
        start = self.at + _BEGINNING.size + header.size
        if start > self.size:
            return None
        *shape, _, _, code = header.unpack_from(self.view, self.at + _BEGINNING.size)
        dtype, count = _AS_STORED.get(code), prod(shape)
        if dtype is None or min(shape) <= 0 or count * dtype.itemsize > self.size - start:
            return None
        found = np.frombuffer(self.view, dtype, count, start).reshape(shape)
        self.at = start + found.nbytes
        return found if found.flags.aligned else found.copy()

    def stored(self, shape: tuple[int, ...], dtype: np.dtype[Any], what: str) -> Array:
        """Return the next bytes as an array: a view, if it lies where its type wants it."""
        start, size = self.at, prod(shape) * dtype.itemsize
        self.step(size, what)
        if not size:
            return np.empty(shape, dtype)
        found = np.frombuffer(self.view[start : self.at], dtype).reshape(shape)
        return found if found.flags.aligned else found.copy()


def _fill_row_sparse(dense: Array, values: Array, rows: Array) -> None:
    """Put row i of the values at row `rows[i]`."""
    _check(dense.ndim > 0 and rows.ndim == 1 and values.shape == (len(rows), *dense.shape[1:]))
    _check_range(rows, len(dense))
    dense[rows] = values


def _fill_csr(dense: Array, values: Array, starts: Array, columns: Array) -> None:
    """Put values[starts[r]:starts[r + 1]] into row r, at their columns."""
    _check(dense.ndim == 2 and starts.shape == (len(dense) + 1,))
    _check(values.ndim == 1 and columns.shape == values.shape)
    _check_range(starts, len(values) + 1)
    _check_range(columns, dense.shape[1])
    begins = starts.astype(np.int64)
    lengths = begins[1:] - begins[:-1]
    _check(bool(begins[0] == 0 and begins[-1] == len(values) and (lengths >= 0).all()))
    dense[np.repeat(np.arange(len(dense)), lengths), columns] = values


def _check(fits: bool) -> None:
    if not fits:
        raise ValueError


def _check_range(indices: Array, size: int) -> None:
    _check(indices.dtype.kind in "iu")
    _check(not indices.size or (indices.min() >= 0 and indices.max() < size))


# --------------------------------------------------------------------------------------- writing


def dumps(data: Mapping[str, Any] | Sequence[Any] | Array, version: Version | None = None) -> bytes:
    """Return the bytes of a file that holds these arrays.

    Parameters
    ----------
    data
        An array, a list of arrays, or a dict of arrays by name.
    version
        The format. MXNet 1.9.1 writes V2, and reads V0, V1 and V2; under `np_shape` it writes V3,
        and reads nothing else. Without `version` it is V2, or V3 under `np_shape` and where an
        array is a scalar, which the earlier formats take for no array.

    Raises
    ------
    ArrayTypeError
        Something is no array, a name is no text, or an array has an element type without a code.
    FormatError
        The format cannot hold an array.
    """
    return b"".join(_parts(data, version))


def _parts(
    data: Mapping[str, Any] | Sequence[Any] | Array, version: Version | None
) -> list[bytes | memoryview]:
    """Return what a file consists of; the elements are not copied."""
    if isinstance(data, np.ndarray):
        data = [data]
    if not isinstance(data, Mapping | list | tuple):
        message = f"save takes an array, a list or a dict of arrays, but got {data!r:.60}"
        raise ArrayTypeError(message)
    names = list(data) if isinstance(data, Mapping) else []
    arrays = list(data.values()) if isinstance(data, Mapping) else list(data)
    for position, array in enumerate(arrays):
        if not isinstance(array, np.ndarray):
            label = names[position] if names else position
            message = f"save: {label!r} must be a NumPy array, but got {type(array).__name__}"
            raise ArrayTypeError(message)
    if version is None:
        scalar = is_np_shape() or any(array.ndim == 0 for array in arrays)
        version = "V3" if scalar else "V2"
    if version not in get_args(Version):
        message = f"save: there is no format {version!r}"
        raise FormatError(message, hint=f"one of {', '.join(get_args(Version))}")
    parts: list[bytes | memoryview] = [struct.pack("<QQQ", LIST_MAGIC, 0, len(arrays))]
    for position, array in enumerate(arrays):
        parts += _array_bytes(array, version, names[position] if names else position)
    parts.append(struct.pack("<Q", len(names)))
    for raw in _encoded(names):
        parts += [struct.pack("<Q", len(raw)), raw]
    return parts


def _encoded(names: Iterable[object]) -> list[bytes]:
    found = []
    for name in names:
        try:
            found.append(cast("str", name).encode())
        except (AttributeError, UnicodeEncodeError):
            message = f"save: names must be text, but got {name!r}"
            raise ArrayTypeError(message) from None
    return found


def _array_bytes(array: Array, version: Version, label: object) -> list[bytes | memoryview]:
    if array.dtype.name not in CODES:
        message = f"save: {label!r} has the element type {array.dtype}, which has no code"
        raise ArrayTypeError(message, hint=f"one of {', '.join(CODES)}")
    if array.ndim == 0 and version != "V3":
        message = f"save: {label!r} is a scalar, which {version} takes for no array"
        raise FormatError(message, hint="V3 holds it")
    dims = f"<{array.ndim}{'I' if version == 'V0' else 'q'}"
    if version == "V0" and max(array.shape) >> 32:
        message = f"save: {label!r} has the shape {array.shape}, which V0 cannot hold"
        raise FormatError(message, hint="V2 holds it")
    head = {
        "V0": b"",
        "V1": struct.pack("<I", V1),
        "V2": struct.pack("<Ii", V2, _DENSE),
        "V3": struct.pack("<Ii", V3, _DENSE),
    }[version]
    shape = struct.pack("<I", array.ndim) + struct.pack(dims, *array.shape)
    device_and_type = struct.pack("<iii", 1, 0, CODES.index(array.dtype.name))
    elements = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return [head + shape + device_and_type, elements.reshape(-1).view("u1").data]


def save(
    fname: str | os.PathLike[str],
    data: Mapping[str, Any] | Sequence[Any] | Array,
    version: Version | None = None,
) -> None:
    """Write arrays to a file; an interrupted write leaves what was there.

    >>> import numpy as np, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "net.params")
    >>> save(path, {"arg:w": np.ones(2, np.float32)})
    >>> load(path)
    {'arg:w': NDArray([1., 1.], dtype=float32)}
    """
    write_atomically(Path(fname), _parts(data, version))
