"""Sentences as batches: `encode_sentences`, and `BucketSentenceIter` for a `BucketingModule`."""

# ruff: noqa: NPY002  (a script's np.random.seed decides on the order, as in MXNet)

from __future__ import annotations

import bisect
import logging
import random
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from minisym.core.errors import ParamError
from minisym.core.ndarray import Array, NDArray
from minisym.io import DataBatch, DataDesc, DataIter


def encode_sentences(
    sentences: Iterable[Iterable[Any]],
    vocab: dict[Any, int] | None = None,
    invalid_label: int = -1,
    invalid_key: Any = "\n",
    start_label: int = 0,
    unknown_token: Any = None,
) -> tuple[list[list[int]], dict[Any, int]]:
    r"""Return sentences as lists of numbers, and the number of each word.

    Parameters
    ----------
    sentences
        Sequences of words.
    vocab
        Numbers of words; without, all words get one, in the order in which they come.
    invalid_label, invalid_key
        The number, and the word, that fills what is too short.
    start_label
        The first number.
    unknown_token
        The word that all words stand for which are not in `vocab`.

    Raises
    ------
    ParamError
        A word is not in `vocab`, and there is no `unknown_token`.

    Examples
    --------
    >>> encode_sentences([["a", "rose"], ["is", "a", "rose"]], start_label=1, invalid_label=0)
    ([[1, 2], [3, 1, 2]], {'\n': 0, 'a': 1, 'rose': 2, 'is': 3})
    """
    grows = vocab is None
    known = {invalid_key: invalid_label} if vocab is None else vocab
    following = start_label

    def enter(word: Any) -> None:
        nonlocal following
        following += following == invalid_label
        known[word] = following
        following += 1

    def number(word: Any) -> int:
        if word not in known:
            if not grows and unknown_token is None:
                message = f"encode_sentences: {word!r} is not in vocab"
                raise ParamError(message, hint="unknown_token=… stands for such words")
            if unknown_token is not None:
                word = unknown_token
            if word not in known:
                enter(word)
        return known[word]

    return [[number(word) for word in sentence] for sentence in sentences], known


class BucketSentenceIter(DataIter):
    """Batches of sentences of about one length; the label of a word is the one behind it.

    The order is that of Python's and NumPy's global random numbers: `random.seed` and
    `np.random.seed` make it repeatable, as in MXNet. How many sentences are longer than the largest
    bucket is told to the root logger.

    Parameters
    ----------
    sentences
        Lists of numbers, as `encode_sentences` returns them.
    batch_size
        Sentences in a batch.
    buckets
        Lengths, up to which sentences are filled with `invalid_label`; without, all lengths of
        which there are enough sentences for a batch.
    invalid_label
        What fills.
    data_name, label_name, dtype
        Names and element type.
    layout
        "NT" for (sentences, words), "TN" for (words, sentences).

    Raises
    ------
    ParamError
        The layout is none, or no length has enough sentences.

    Examples
    --------
    >>> batches = BucketSentenceIter([[1, 2], [3, 4], [5, 6, 7]], 2, buckets=[2], invalid_label=0)
    >>> batch = next(batches)
    >>> batch.bucket_key, sorted(batch.data[0].tolist()), sorted(batch.label[0].tolist())
    (2, [[1.0, 2.0], [3.0, 4.0]], [[2.0, 0.0], [4.0, 0.0]])
    """

    def __init__(
        self,
        sentences: Sequence[Sequence[int]],
        batch_size: int,
        buckets: Sequence[int] | None = None,
        invalid_label: int = -1,
        data_name: str = "data",
        label_name: str = "softmax_label",
        dtype: Any = "float32",
        layout: str = "NT",
    ) -> None:
        super().__init__(batch_size)
        self.major_axis = DataDesc.get_batch_axis(layout)
        if self.major_axis not in (0, 1):
            message = f"layout must be 'NT' (sentences first) or 'TN' (words first), not {layout!r}"
            raise ParamError(message)
        lengths = [len(sentence) for sentence in sentences]
        if not buckets:
            buckets = [i for i, n in enumerate(np.bincount(lengths)) if n >= batch_size]
        sizes = sorted(buckets)
        rows: dict[int, list[Array]] = {size: [] for size in sizes}
        for sentence in sentences:
            place = bisect.bisect_left(sizes, len(sentence))
            if place < len(sizes):
                row = np.full(sizes[place], invalid_label, dtype)
                row[: len(sentence)] = sentence
                rows[sizes[place]].append(row)
        long = sum(length > max(sizes, default=0) for length in lengths)
        if long:
            text = "discarded %d sentences longer than the largest bucket"
            logging.warning(text, long)  # noqa: LOG015  where scripts look
        self.buckets = [size for size in sizes if rows[size]]
        if not self.buckets:
            message = f"no length has {batch_size} sentences"
            raise ParamError(message, hint="give buckets=[…], or a smaller batch_size")
        self.data = [np.asarray(rows[size], dtype) for size in self.buckets]
        self.invalid_label, self.dtype, self.layout = invalid_label, dtype, layout
        self.data_name, self.label_name = data_name, label_name
        self.default_bucket_key = max(self.buckets)
        shape = (batch_size, self.default_bucket_key)
        shape = shape if self.major_axis == 0 else shape[::-1]
        self.provide_data = [DataDesc(data_name, shape, layout=layout)]
        self.provide_label = [DataDesc(label_name, shape, layout=layout)]
        self.idx = [
            (i, first)
            for i, bucket in enumerate(self.data)
            for first in range(0, len(bucket) - batch_size + 1, batch_size)
        ]
        self.reset()

    def reset(self) -> None:
        """Begin the next epoch, in another order."""
        self.curr_idx = 0
        random.shuffle(self.idx)
        for bucket in self.data:
            np.random.shuffle(bucket)
        ends = [np.full((len(bucket), 1), self.invalid_label, self.dtype) for bucket in self.data]
        pairs = zip(self.data, ends, strict=True)
        self.labels = [np.concatenate([bucket[:, 1:], end], axis=1) for bucket, end in pairs]

    def next(self) -> DataBatch:
        """Return the next batch.

        Raises
        ------
        StopIteration
            The epoch has ended.
        """
        if self.curr_idx == len(self.idx):
            raise StopIteration
        i, first = self.idx[self.curr_idx]
        self.curr_idx += 1
        rows = slice(first, first + self.batch_size)
        data, label = (
            NDArray.of(np.array(part if self.major_axis == 0 else part.T))
            for part in (self.data[i][rows], self.labels[i][rows])
        )
        return DataBatch(
            [data],
            [label],
            pad=0,
            bucket_key=self.buckets[i],
            provide_data=[DataDesc(self.data_name, data.shape, layout=self.layout)],
            provide_label=[DataDesc(self.label_name, label.shape, layout=self.layout)],
        )
