"""What iterators, batches and callbacks do not take is told by minisym, not by Python or NumPy."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import minisym as ms

X, Y = np.ones((4, 5), np.float32), np.ones(4, np.float32)


def rows() -> Any:
    return ms.io.NDArrayIter(X, Y, 2)


BAD: dict[str, tuple[Any, str]] = {
    "no shape": (lambda: ms.io.DataDesc("x"), "the shape of x must be a tuple, but none was given"),
    "a word for a shape": (
        lambda: ms.io.DataDesc("x", "abc"),
        "the shape of x must be a tuple, but got 'abc'",
    ),
    "a number": (
        lambda: ms.io.NDArrayIter(np.ones(())),
        "data has shape (): no axis 0 holds its rows",
    ),
    "words": (
        lambda: ms.io.NDArrayIter(np.array(["a", "b"])),
        "data must hold numbers, but its type is <U1",
    ),
    "epochs of a word": (
        lambda: ms.io.ResizeIter(rows(), "a"),
        "ResizeIter: size must be an integer of at least 0, but got 'a'",
    ),
    "epochs without an end": (
        lambda: ms.io.ResizeIter(rows(), -1),
        "ResizeIter: size must be an integer of at least 0, but got -1",
    ),
    "speed of a word": (
        lambda: ms.callback.Speedometer("a"),
        "Speedometer: batch_size must be an integer of at least 1, but got 'a'",
    ),
    "never": (
        lambda: ms.callback.Speedometer(4, 0),
        "Speedometer: frequent must be an integer of at least 1, but got 0",
    ),
    "a bar of nothing": (
        lambda: ms.callback.ProgressBar(0),
        "ProgressBar: total must be an integer of at least 1, but got 0",
    ),
    "a period of a word": (
        lambda: ms.callback.do_checkpoint("p", "x"),
        "do_checkpoint: period must be an integer of at least 0, but got 'x'",
    ),
    "a log of half batches": (
        lambda: ms.callback.log_train_metric(2.5),
        "log_train_metric: period must be an integer of at least 1, but got 2.5",
    ),
    "a folder": (
        lambda: ms.io.MNISTIter(image=Path(__file__).parent, label="no"),
        f"the idx file: {str(Path(__file__).parent)!r} is a folder",
    ),
    "no name": (
        lambda: ms.io.CSVIter(data_csv=None, data_shape=(2,)),
        "CSVIter: the name of a file is text or a path, but got None",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_refused(what):
    make, sentence = BAD[what]
    with pytest.raises(ms.MinisymError) as caught:
        make()
    assert caught.value.sentence == sentence


@pytest.mark.parametrize(
    ("make", "who"),
    [
        (lambda path: ms.io.CSVIter(data_csv=path, data_shape=(2,)), "CSVIter"),
        (lambda path: ms.io.MNISTIter(image=path, label=path), "the idx file"),
        (
            lambda path: ms.io.ImageRecordIter(path_imgrec=path, data_shape=(3, 2, 2)),
            "ImageRecordIter",
        ),
    ],
)
def test_a_file_that_is_not_there(make, who, tmp_path):
    (tmp_path / "train.csv").write_text("1,2\n")
    path = str(tmp_path / "trian.csv")
    with pytest.raises(FileNotFoundError) as caught:
        make(path)
    assert isinstance(caught.value, ms.MinisymError)
    assert caught.value.sentence == f"{who}: there is no file {path!r}"
    assert caught.value.hint == "did you mean 'train.csv'?"


def test_whole_numbers_of_any_type_are_taken(caplog):
    """A frequency may come out of a division."""
    speed = ms.callback.Speedometer(np.int64(8), 4 / 2)
    with caplog.at_level(logging.INFO):
        for batch in range(5):
            speed(SimpleNamespace(epoch=0, nbatch=batch, eval_metric=None))
    assert [record.args[1] for record in caplog.records] == [2, 4]
    assert len(list(ms.io.ResizeIter(rows(), 3.0))) == 3
    assert list(ms.io.ResizeIter(rows(), 0)) == []
