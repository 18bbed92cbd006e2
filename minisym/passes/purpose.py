"""What a graph is about to be run for: what passes that make it cheaper may rely on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from minisym.core.ndarray import Array
from minisym.core.node import Node


@dataclass(frozen=True)
class Purpose:
    """Which runs a graph serves.

    Attributes
    ----------
    is_train
        The mode of all its runs; None where it serves both.
    heads
        How many of its outputs the forward run computes. Others are gradients, and what they read
        is read behind the forward run.
    constants
        Variables whose arrays never change, with the arrays. A pass that brings in new Variables
        (folded weights, say) adds them here.
    tile
        How many outputs along each axis a tile of Winograd's algorithm may have.
    """

    is_train: bool | None
    heads: int
    constants: dict[Node, Array] = field(default_factory=dict)
    tile: int = 2


def is_constant(array: Array) -> bool:
    """Return whether nobody can write an array: it, and all whose memory it sees, are read-only.

    >>> base = np.ones(3)
    >>> view = base[1:]
    >>> view.flags.writeable = False
    >>> is_constant(view)  # whoever has `base` may write it
    False
    >>> base.flags.writeable = False
    >>> is_constant(view)
    True
    """
    owner: object = array
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            return False
        owner = owner.base
    if owner is None:
        return True
    try:
        return memoryview(owner).readonly  # type: ignore[arg-type]
    except TypeError:  # nobody can say
        return False


def constants(arrays: Mapping[Node, Array]) -> dict[Node, Array]:
    """Return those of some Variables whose arrays never change."""
    return {node: a for node, a in arrays.items() if not a.flags.writeable and is_constant(a)}
