"""Iterators over files, and around others; those over arrays are in the tables."""

from __future__ import annotations

import gzip
import io
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minisym as ms
from minisym.io.records import MAGIC, read_records

Bytes = Callable[[bytes], bytes]
IMAGES = np.random.default_rng(0).integers(0, 256, (10, 28, 28)).astype(np.uint8)


def mnist(folder: Path, pack: Bytes = bytes, end: str = "") -> dict[str, Any]:
    """Write MNIST's files with ten pictures."""
    images, labels = folder / f"images{end}", folder / f"labels{end}"
    images.write_bytes(pack(struct.pack(">IIII", 2051, 10, 28, 28) + IMAGES.tobytes()))
    labels.write_bytes(pack(struct.pack(">II", 2049, 10) + bytes(range(10))))
    return {"image": images, "label": str(labels)}


@pytest.mark.parametrize(("pack", "end"), [(bytes, ""), (gzip.compress, ".gz")])
def test_mnist_is_divided_by_256_and_the_rest_dropped(tmp_path: Path, pack: Bytes, end: str):
    """MXNet 1.9.1 gives these very batches."""
    batches = ms.io.MNISTIter(**mnist(tmp_path, pack, end), batch_size=4, shuffle=False)
    assert [tuple(d) for d in batches.provide_data] == [("data", (4, 1, 28, 28))]
    found = list(batches)
    assert [b.label[0].tolist() for b in found] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    np.testing.assert_array_equal(found[1].data[0], IMAGES[4:8, None] / np.float32(256))
    flat = ms.io.MNISTIter(**mnist(tmp_path, pack, end), batch_size=4, shuffle=False, flat=True)
    assert next(flat).data[0].shape == (4, 784)


def test_parts_of_mnist(tmp_path: Path):
    labels = [
        b.label[0].tolist()
        for part in (0, 1)
        for b in ms.io.MNISTIter(
            **mnist(tmp_path), batch_size=5, num_parts=2, part_index=part, silent=True
        )
    ]
    assert [sorted(some) for some in labels] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    with pytest.raises(ms.ParamError, match="part_index"):
        ms.io.MNISTIter(**mnist(tmp_path), num_parts=2, part_index=2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no idx file"),
        (b"PNG!", "is no idx file"),
        (b"\0\0\x08\3\0\0\0\1", "ends within its head"),
        (b"\0\0\x08\1\0\0\0\3ab", r"shape is \(3,\), but holds 2 bytes"),
        (b"\0\0\x08\4" + b"\xff" * 16, "but holds 0 bytes"),
        (b"\x1f\x8b..", "broken gzip"),
    ],
)
def test_files_that_are_no_idx(tmp_path: Path, content: bytes, message: str):
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(ms.FormatError, match=message):
        ms.io.MNISTIter(image=mnist(tmp_path)["image"], label=path)


def test_a_round_batch_takes_rows_of_the_next_epoch(tmp_path: Path):
    """MXNet 1.9.1 gives these very batches."""
    path = tmp_path / "x.csv"
    np.savetxt(path, np.arange(20).reshape(5, 4), delimiter=",")
    batches = ms.io.CSVIter(data_csv=path, data_shape=(2, 2), batch_size=2)
    epochs = []
    for _ in range(3):
        epochs.append([(b.data[0][:, 0, 0].tolist(), b.pad, b.index.tolist()) for b in batches])
        batches.reset()
    first = [([0, 4], 0, [0, 1]), ([8, 12], 0, [2, 3]), ([16, 0], 1, [4, 0])]
    assert epochs == [first, [([4, 8], 0, [1, 2]), ([12, 16], 0, [3, 4])], first]
    assert batches.provide_label == [("softmax_label", (2,))]


def test_tables_that_do_not_fit(tmp_path: Path):
    path = tmp_path / "x.csv"
    path.write_text("1,2\n3,4\n", encoding="utf-8")
    with pytest.raises(ms.FormatError, match=r"2 numbers a line, but shape \(3,\) has 3"):
        ms.io.CSVIter(data_csv=path, data_shape=(3,))
    path.write_text("1,two\n", encoding="utf-8")
    with pytest.raises(ms.FormatError, match="no table of numbers"):
        ms.io.CSVIter(data_csv=path, data_shape=(2,))


def test_iterators_of_files_hand_out_one_array(tmp_path: Path):
    """MXNet's `getdata` gives a list where the data are arrays, an array where they are files."""
    path = tmp_path / "table.csv"
    np.savetxt(path, np.arange(12).reshape(4, 3), delimiter=",")
    batches = ms.io.CSVIter(data_csv=path, data_shape=(3,), batch_size=2)
    assert batches.iter_next()
    assert batches.getdata().asnumpy().tolist() == [[0, 1, 2], [3, 4, 5]]
    assert batches.getlabel().asnumpy().tolist() == [0, 0]
    batch = batches.next()
    assert [a.tolist() for a in (*batch.data, *batch.label)] == [[[6, 7, 8], [9, 10, 11]], [0, 0]]


def test_an_error_in_the_thread_arrives():
    class Broken(ms.io.DataIter):
        provide_data = (ms.io.DataDesc("data", (1,)),)
        provide_label = ()

        def next(self) -> ms.io.DataBatch:
            raise ValueError("no such picture")

    batches = ms.io.PrefetchingIter(Broken())
    with pytest.raises(ValueError, match="no such picture"):
        next(batches)


def test_iterators_of_different_lengths_do_not_join():
    pair = [ms.io.NDArrayIter({n: np.ones(k)}, batch_size=2) for n, k in (("a", 4), ("b", 6))]
    with pytest.raises(ms.BindError, match="different numbers of rows"):
        list(ms.io.PrefetchingIter(pair))


# ----------------------------------------------------------------------------------- pictures


def pictures(folder: Path) -> tuple[Path, list[Any]]:
    """Write five small pictures as MXNet's `pack` does."""
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(1)
    content, arrays = b"", []
    for i in range(5):
        array = rng.integers(0, 256, (6 + i % 2 * 2, 7, 3)).astype(np.uint8)
        packed = io.BytesIO()
        image.fromarray(array).save(packed, "PNG")
        record = struct.pack("<IfQQ", 0, float(i), i, 0) + packed.getvalue()
        content += MAGIC + struct.pack("<I", len(record)) + record + bytes(-len(record) % 4)
        arrays.append(array)
    path = folder / "train.rec"
    path.write_bytes(content)
    return path, arrays


def test_pictures_are_cut_from_the_middle(tmp_path: Path):
    """MXNet 1.9.1 cuts there, and goes through the epochs so."""
    path, arrays = pictures(tmp_path)
    batches = ms.io.ImageRecordIter(
        path_imgrec=path, data_shape=(3, 4, 4), batch_size=2, mean_r=10, std_g=2, scale=0.5
    )
    assert [tuple(d) for d in batches.provide_data] == [("data", (2, 3, 4, 4))]
    first = list(batches)
    assert [(b.label[0].tolist(), b.pad) for b in first] == [([0, 1], 0), ([2, 3], 0), ([4, 0], 1)]
    batches.reset()
    assert [b.label[0].tolist() for b in batches] == [[1, 2], [3, 4]]
    cut = arrays[1][2:6, 1:5].transpose(2, 0, 1).astype(np.float32)
    wanted = (cut - np.array([10, 0, 0], "f4")[:, None, None]) * 0.5
    wanted[1] /= 2
    np.testing.assert_allclose(first[0].data[0][1], wanted)
    mirrored = ms.io.ImageRecordIter(path, (3, 4, 4), mirror=True)
    mirrored.seek(0, 1)
    np.testing.assert_array_equal(next(mirrored).data[0][0], cut[:, :, ::-1])


def test_pictures_are_made_to_fit(tmp_path: Path):
    path, _ = pictures(tmp_path)
    for shape in ((3, 9, 9), (1, 4, 4), (3, 6, 7)):
        for more in ({}, {"resize": 5}, {"rand_crop": True, "rand_mirror": True}):
            batches = ms.io.ImageRecordIter(path, shape, batch_size=5, **more)
            assert next(batches).data[0].shape == (5, *shape)
    with pytest.raises(ms.ParamError, match="data_shape"):
        ms.io.ImageRecordIter(path, (4, 4))


def test_records_that_are_cut_and_records_that_are_none():
    parts = [b"abcd", b"", b"ef"]
    kinds = (1, 2, 3)
    content = b"".join(
        MAGIC + struct.pack("<I", kind << 29 | len(part)) + part + bytes(-len(part) % 4)
        for kind, part in zip(kinds, parts, strict=True)
    )
    assert list(read_records(content)) == [MAGIC.join(parts)]
    with pytest.raises(ms.FormatError, match="no record at byte 0"):
        list(read_records(b"abcdefgh"))
    with pytest.raises(ms.FormatError, match="ends within the record"):
        list(read_records(MAGIC + struct.pack("<I", 9) + b"abc"))


def test_without_pillow_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, _ = pictures(tmp_path)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ms.ParamError, match=r"needs the package Pillow(.|\n)*pip install pillow"):
        ms.io.ImageRecordIter(path, (3, 4, 4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ms.io.NDArrayIter(np.ones((4, 2)), batch_size=2.0), "batch_size must be an int"),
        (lambda: ms.io.NDArrayIter(np.ones((4, 2)), batch_size="2"), "batch_size must be an int"),
        (lambda: ms.io.NDArrayIter(np.ones((0, 2))), "there are no rows in data"),
        (lambda: ms.io.DataDesc("data", 5), "the shape of data must be a tuple, but got 5"),
        (lambda: ms.io.ResizeIter([1], 2), "ResizeIter takes an iterator of batches, but got list"),
        (lambda: ms.io.PrefetchingIter(3), "PrefetchingIter takes an iterator of batches"),
    ],
)
def test_what_cannot_be_iterated_over_is_refused(call, message):
    with pytest.raises(ms.MXNetError, match=message):
        call()
