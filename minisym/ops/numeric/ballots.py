"""Votes as bits: signs of arrays packed eight to a byte, and counted without unpacking them.

A ballot is bytes, one bit for each element, every array from a byte of its own on. Counting adds
bits as a chip does: a *plane* of words holds one binary digit of all counts at once, and carries
ripple through the planes; so a vote of any number of workers takes a few passes over words that
hold 64 elements each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from minisym.core.ndarray import Array

PIECE: Final = 1 << 18
"""Elements of a piece, whose booleans stay in cache."""

_SIGNS: Final = (
    np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.int8) * 2 - 1
)
"""Byte -> the signs of its eight bits: 1 and -1."""


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
        size = (out.size + 7) // 8
        found = _signs(ups[at : at + size], out.dtype)
        if downs is not None:
            found += _signs(downs[at : at + size], out.dtype) * out.dtype.type(-1)
            found *= out.dtype.type(0.5)
        out[...] = found.reshape(-1)[: out.size].reshape(out.shape)
        at += size


def _signs(ballot: Array, dtype: np.dtype[np.generic]) -> Array:
    table = _SIGNS.astype(dtype)
    found: Array = np.take(table, ballot, axis=0, mode="clip")
    return found


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
    for_, against = _count(ups), _count(~ups if downs is None else downs)
    more = np.zeros_like(ups[0])
    equal = ~more
    for one, two in zip(reversed(for_), reversed(against), strict=True):
        more |= equal & one & ~two
        equal &= ~(one ^ two)
    return more, ~(more | equal)


def _count(rows: Array) -> list[Array]:
    """Return the binary digits of how many rows have a bit set, the lowest first."""
    planes: list[Array] = [np.zeros_like(rows[0]) for _ in range(len(rows).bit_length())]
    for row in rows:
        carry = row
        for i, plane in enumerate(planes):
            planes[i], carry = plane ^ carry, plane & carry
    return planes
