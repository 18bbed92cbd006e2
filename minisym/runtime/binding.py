"""What `bind` has checked: a symbol, and the arrays for its variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from minisym.core.ndarray import Array
from minisym.core.node import Node
from minisym.core.symbol import Symbol


@dataclass(frozen=True)
class Binding:
    """A symbol and the arrays for its variables."""

    symbol: Symbol
    arguments: Mapping[Node, Array]
    states: Mapping[Node, Array]
    gradients: Mapping[Node, Array | None] | None
    requests: Mapping[Node, str]
    """For each argument what backward does with its gradient: write, add or null."""
