"""Batches from MXNet's packed pictures: `ImageRecordIter`. The package Pillow decodes them."""

from __future__ import annotations

import io
import mmap
import struct
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from minisym.core.errors import FormatError, ParamError
from minisym.core.files import readable
from minisym.core.ndarray import Array, NDArray
from minisym.io.files import FileIter, Name, part_of

MAGIC: Final = struct.pack("<I", 0xCED7230A)
_WHOLE, _FIRST, _LAST = 0, 1, 3
"""Which part of a record it is; one that contains the magic number is cut there."""


def read_records(content: Any, name: str = "the file") -> Iterator[bytes]:
    r"""Yield the records of a file in MXNet's RecordIO format.

    >>> list(read_records(MAGIC + struct.pack("<I", 3) + b"abc\0"))
    [b'abc']

    Raises
    ------
    FormatError
        It is none, or ends within a record.
    """
    place, parts = 0, []
    while place < len(content):
        head = content[place : place + 8]
        if len(head) < 8 or head[:4] != MAGIC:
            raise FormatError(f"{name}: there is no record at byte {place}")
        (word,) = struct.unpack("<I", head[4:])
        kind, size = word >> 29, word & (1 << 29) - 1
        parts.append(bytes(content[place + 8 : place + 8 + size]))
        if len(parts[-1]) < size:
            raise FormatError(f"{name} ends within the record at byte {place}")
        place += 8 + size + -size % 4
        if kind in (_WHOLE, _LAST):
            yield MAGIC.join(parts)
            parts = []


def unpack(record: bytes, name: str = "the file") -> tuple[Array, bytes]:
    """Return the labels of a packed picture, and its bytes."""
    if len(record) < 24:
        raise FormatError(f"{name}: a record of {len(record)} bytes holds no picture")
    count, label, _, _ = struct.unpack("<IfQQ", record[:24])
    if not count:
        return np.array([label], np.float32), record[24:]
    if len(record) < 24 + 4 * count:
        raise FormatError(f"{name}: a record ends within its {count} labels")
    return np.frombuffer(record, "<f4", count, 24), record[24 + 4 * count :]


class ImageRecordIter(FileIter):
    """Batches of the pictures in a `.rec` file: cut from their middles, or at random.

    Pictures are decoded when their batch comes, in this thread, by the package Pillow. Where they
    are made smaller or larger, pixels differ a little from MXNet's, which OpenCV made.

    Parameters
    ----------
    path_imgrec
        The file.
    data_shape
        (channels, height, width) of what is cut; one channel is gray, three are red, green, blue.
    batch_size
        Rows in a batch.
    label_width
        How many labels a picture has.
    shuffle, seed
        Whether pictures come in random order, and what decides on it.
    resize
        The length that the shorter side is brought to first; -1: none.
    rand_crop, rand_mirror, mirror
        Whether what is cut lies at random; whether pictures are mirrored, each at random or all.
    mean_r, mean_g, mean_b, std_r, std_g, std_b, scale
        What is taken from each channel, what it is divided by, and multiplied with.
    round_batch
        Whether the last batch is filled from the next epoch; else it is padded.
    num_parts, part_index
        Into how many parts the pictures are divided, and which one this is.
    data_name, label_name
        The names of the arrays.
    **_
        What MXNet takes beside (`preprocess_threads`, `path_imgidx`, …): of no effect.

    Raises
    ------
    ParamError
        The package Pillow is not there, or the shape is none of a picture.
    FormatError
        The file is no such one.
    """

    def __init__(
        self,
        path_imgrec: Name,
        data_shape: Sequence[int],
        batch_size: int = 1,
        label_width: int = 1,
        shuffle: bool = False,
        seed: int = 0,
        resize: int = -1,
        rand_crop: bool = False,
        rand_mirror: bool = False,
        mirror: bool = False,
        mean_r: float = 0.0,
        mean_g: float = 0.0,
        mean_b: float = 0.0,
        std_r: float = 1.0,
        std_g: float = 1.0,
        std_b: float = 1.0,
        scale: float = 1.0,
        round_batch: bool = True,
        num_parts: int = 1,
        part_index: int = 0,
        data_name: str = "data",
        label_name: str = "softmax_label",
        **_: object,
    ) -> None:
        _need_pillow()
        shape = tuple(data_shape)
        if len(shape) != 3 or shape[0] not in (1, 3):
            message = f"ImageRecordIter: data_shape must be (1 or 3, height, width), not {shape}"
            raise ParamError(message)
        path = readable(path_imgrec, "ImageRecordIter")
        name = path.name
        with path.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        records = list(read_records(content, name))
        records = records[part_of(len(records), num_parts, part_index)]
        found = [unpack(record, name) for record in records]
        self._name, self._pictures = name, [picture for _label, picture in found]
        labels = np.zeros((len(found), label_width), np.float32)
        for row, (label, _picture) in zip(labels, found, strict=True):
            if len(label) < label_width:
                raise FormatError(f"{name}: a picture has {len(label)} labels, not {label_width}")
            row[:] = label[:label_width]
        self._shape, self._resize = shape, resize
        self._random = rand_crop, rand_mirror
        self._mirror = mirror
        self._mean = np.array([mean_r, mean_g, mean_b], np.float32)[: shape[0], None, None]
        self._std = np.array([std_r, std_g, std_b], np.float32)[: shape[0], None, None]
        self._scale = scale
        self._rng = np.random.default_rng(seed)
        nothing = np.broadcast_to(np.float32(0), (len(found), *shape))  # the shape, and no memory
        super().__init__(
            nothing,
            labels[:, 0] if label_width == 1 else labels,
            batch_size,
            shuffle,
            "round" if round_batch and batch_size <= len(found) else "pad",
            data_name,
            label_name,
            seed=seed,
        )

    def getdata(self) -> NDArray:  # type: ignore[override]  # MXNet has both
        """Return the pictures of this batch."""
        return NDArray.of(np.stack([self._picture(int(row)) for row in self._rows]))

    def _picture(self, row: int) -> Array:
        """Return a picture, cut and scaled."""
        from PIL import Image, UnidentifiedImageError

        channels, height, width = self._shape
        try:
            opened = Image.open(io.BytesIO(self._pictures[row]))
            picture = opened.convert("L" if channels == 1 else "RGB")
        except (UnidentifiedImageError, OSError) as error:
            raise FormatError(f"{self._name}: Pillow cannot read picture {row}: {error}") from None
        shorter = self._resize if self._resize > 0 else min(picture.size)
        factor = max(shorter / min(picture.size), width / picture.width, height / picture.height)
        if factor != 1 and (self._resize > 0 or factor > 1):
            size = (max(width, round(picture.width * factor)),
                    max(height, round(picture.height * factor)))  # fmt: skip
            picture = picture.resize(size, Image.Resampling.BILINEAR)
        pixels = np.atleast_3d(np.asarray(picture)).transpose(2, 0, 1)
        crops, mirrors = self._random
        spare = pixels.shape[1] - height, pixels.shape[2] - width
        top, left = [int(self._rng.integers(s + 1)) if crops else s // 2 for s in spare]
        pixels = pixels[:, top : top + height, left : left + width]
        if self._mirror or (mirrors and self._rng.integers(2)):
            pixels = pixels[:, :, ::-1]
        found: Array = (pixels.astype(np.float32) - self._mean) / self._std * self._scale
        return found.astype(np.float32, copy=False)


def _need_pillow() -> None:
    try:
        import PIL  # noqa: F401  optional
    except ImportError:
        message = "ImageRecordIter needs the package Pillow to decode pictures"
        raise ParamError(message, hint="pip install pillow") from None
