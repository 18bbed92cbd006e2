"""Room for intermediate results, kept from call to call.

The system hands out fresh memory page by page, as it is touched, which takes longer than most of
what is done with it. So each thread keeps the room that its kernels worked in.
"""

from __future__ import annotations

import threading
from math import prod
from typing import Any

import numpy as np

from minisym.core.ndarray import Array

KEPT = 1 << 25
"""Up to how many bytes room of one name is kept."""


class _Rooms(threading.local):
    def __init__(self) -> None:
        self.of: dict[str, Array] = {}


_rooms = _Rooms()


def scratch(name: str, shape: tuple[int, ...], dtype: Any) -> Array:
    """Return an array of any content; it is yours until room of that name is asked for again."""
    size = prod(shape) * np.dtype(dtype).itemsize
    room = _rooms.of.get(name)
    if room is None or room.size < size:
        room = np.empty(size, np.uint8)
        if size <= KEPT:
            _rooms.of[name] = room
    found: Array = room[:size].view(dtype).reshape(shape)
    return found
