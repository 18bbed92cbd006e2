"""Which entries may share memory: a walk over the steps with a list of free blocks.

An entry lives from the step that computes it to the last step that reads it. Blocks are taken from
the smallest free one that is large enough, and given back after the last reader.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from minisym.core.node import Entry

ALIGNMENT = 64


@dataclass(eq=False)
class Block:
    """A piece of memory, and the entries that live in it one after the other."""

    nbytes: int
    tenants: list[Entry] = field(default_factory=list)
    array: np.ndarray[Any, Any] | None = None

    def view(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        """Return the block's beginning as an array."""
        if self.array is None:
            raw = np.empty(self.nbytes + ALIGNMENT, np.uint8)
            skip = -raw.ctypes.data % ALIGNMENT
            self.array = raw[skip : skip + self.nbytes]
        size = prod(shape) * dtype.itemsize
        return self.array[:size].view(dtype).reshape(shape)


def plan_memory(
    made: Sequence[Sequence[Entry]],
    nbytes: Mapping[Entry, int],
    last_read: Mapping[Entry, int],
    keep: frozenset[Entry] | set[Entry],
    in_place: Mapping[Entry, Sequence[Entry]],
) -> dict[Entry, Block]:
    """Give each entry a block.

    Parameters
    ----------
    made
        For each position, the entries that are computed there.
    nbytes
        Their sizes.
    last_read
        The position of each entry's last reader.
    keep
        Entries whose memory is never given away (outputs).
    in_place
        Entry -> inputs that it may overwrite while it is computed, if they die there.
    """
    free: list[tuple[int, int, Block]] = []
    blocks: dict[Entry, Block] = {}
    dying: dict[int, list[Entry]] = {}
    count = 0
    for position, entries in enumerate(made):
        for entry in entries:
            size = nbytes[entry]
            block = None
            for source in in_place.get(entry, ()):
                held = blocks.get(source)
                if (
                    held is not None
                    and held.tenants[-1] == source
                    and held.nbytes >= size
                    and source not in keep
                    and last_read.get(source) == position
                ):
                    block = held
                    dying[position].remove(source)
                    break
            if block is None:
                at = bisect_left(free, (size, -1))
                if at < len(free) and free[at][0] <= 2 * size + ALIGNMENT:
                    block = free.pop(at)[2]
                else:
                    block = Block(size)
            block.tenants.append(entry)
            blocks[entry] = block
            if entry not in keep:
                dying.setdefault(last_read.get(entry, position), []).append(entry)
        for entry in dying.pop(position, ()):
            count += 1
            block = blocks[entry]
            insort(free, (block.nbytes, count, block))
    return blocks
