"""Votes as bits: signs of arrays packed eight to a byte, and counted without unpacking them.

A ballot is bytes, one bit for each element, every array from a byte of its own on. Counting adds
bits as a chip does: a *plane* of words holds one binary digit of all counts at once, and carries
ripple through the planes; so a vote of any number of workers takes a few passes over words that
hold 64 elements each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any, Final

import numpy as np

from minisym.core.ndarray import Array

PIECE: Final = 1 << 18
"""Elements of a piece, whose booleans stay in cache."""

WORDS: Final = 1 << 14
"""Words of a piece in which votes are counted."""

_ONE: Final = np.int8(1)


def size_of(arrays: Iterable[Array]) -> int:
    """Return the bytes of a ballot about these arrays."""
    return sum((array.size + 7) // 8 for array in arrays)


def pack(arrays: Sequence[Array], ups: Array, downs: Array) -> bool:
    """Fill two ballots, where elements are positive and where negative; return if all are either.

    >>> ups, downs = np.zeros((2, 2), np.uint8)
    >>> pack([np.array([3.0, -1.0, 0.0]), np.array([[1.0], [2.0]])], ups, downs)
    False
    >>> [f"{byte:08b}" for byte in (*ups, *downs)]
    ['10000000', '11000000', '01000000', '00000000']
    """
    held, at, votes, size = np.empty(PIECE, np.bool_), 0, 0, 0
    for array in arrays:
        flat = array.reshape(-1)
        zero = flat.dtype.type(0)
        for start in range(0, flat.size, PIECE):
            piece = flat[start : start + PIECE]
            bits = held[: piece.size]
            end = at + (piece.size + 7) // 8
            for compare, ballot in ((np.greater, ups), (np.less, downs)):
                compare(piece, zero, bits)
                ballot[at:end] = np.packbits(bits)
                votes += int(np.count_nonzero(bits))
            at = end
        size += flat.size
    return bool(votes == size)


def unpack(ups: Array, downs: Array | None, outs: Sequence[Array]) -> None:
    """Fill arrays with signs: 1 where a bit of `ups` is set, -1 for `downs`, 0 for neither.

    Without `downs`, every element that is not up is down.

    >>> out = np.empty(3)
    >>> unpack(np.array([0b10000000], "u1"), np.array([0b01000000], "u1"), [out])
    >>> out
    array([ 1., -1.,  0.])
    """
    at = 0
    for out in outs:
        flat = out.reshape(-1) if out.flags.c_contiguous else np.empty(out.size, out.dtype)
        for start in range(0, flat.size, PIECE):
            piece = flat[start : start + PIECE]
            end = at + (piece.size + 7) // 8
            signs = np.unpackbits(ups[at:end], count=piece.size).view(np.int8)
            if downs is None:
                np.add(signs, signs, signs)
                np.subtract(signs, _ONE, signs)
            else:
                other = np.unpackbits(downs[at:end], count=piece.size).view(np.int8)
                np.subtract(signs, other, signs)
            piece[...] = signs
            at = end
        if not out.flags.c_contiguous:
            out[...] = flat.reshape(out.shape)


def majority(ups: Array, downs: Array | None) -> tuple[Array, Array]:
    """Count votes: where there are more ups than downs, and where there are fewer.

    Parameters
    ----------
    ups, downs
        A ballot a row, as words. Without `downs` who does not vote up votes down.

    Examples
    --------
    >>> ups = np.array([[0b110], [0b100], [0b101]], np.uint64)
    >>> more, fewer = majority(ups, None)
    >>> f"{int(more[0]):03b}"
    '100'
    """
    more, fewer = np.empty((2, ups.shape[1]), ups.dtype)
    workers = len(ups)
    for start in range(0, ups.shape[1], WORDS):
        piece = slice(start, start + WORDS)
        for_ = _count(ups[:, piece])
        if downs is None:
            more[piece], _ = _compare(for_, _digits(workers // 2, ups.dtype))
            _, fewer[piece] = _compare(for_, _digits((workers + 1) // 2, ups.dtype))
        else:
            more[piece], fewer[piece] = _compare(for_, _count(downs[:, piece]))
    return more, fewer


def _count(rows: Iterable[Array]) -> list[Array]:
    """Return the binary digits of how many rows have a bit set, the lowest first."""
    planes: list[Array] = []
    for i, row in enumerate(rows, 1):
        carry = row
        for j, plane in enumerate(planes):
            planes[j], carry = plane ^ carry, plane & carry
        if i & (i - 1) == 0:  # so many need a digit more
            planes.append(carry)
    return planes


def _digits(number: int, dtype: np.dtype[Any]) -> list[Array]:
    """Return the binary digits of a number, the lowest first, each in all bits of a word."""
    ones = ~np.zeros((), dtype)
    return [ones * dtype.type(number >> i & 1) for i in range(number.bit_length())]


def _compare(left: Sequence[Array], right: Sequence[Array]) -> tuple[Array, Array]:
    """Compare numbers by their binary digits: where the left one is greater, and where less."""
    zero: Array = np.zeros((), left[0].dtype)
    greater: Array = np.zeros_like(left[0])
    less: Array = np.zeros_like(left[0])
    for one, two in zip_longest(left, right, fillvalue=zero):  # a higher digit overrules
        differ = one ^ two
        greater = greater & ~differ | one & differ
        less = less & ~differ | two & differ
    return greater, less
