"""What `bind` has checked: a symbol, and the arrays for its variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from minisym.core.ndarray import Array
from minisym.core.node import Node
from minisym.core.symbol import Symbol
from minisym.runtime.peers import Peers


@dataclass(frozen=True)
class Binding:
    """A symbol and the arrays for its variables."""

    symbol: Symbol
    arguments: Mapping[Node, Array]
    states: Mapping[Node, Array]
    gradients: Mapping[Node, Array | None] | None
    requests: Mapping[Node, str]
    """For each argument what backward does with its gradient: write, add or null."""
    optimize: bool = True
    """Whether what runs may be another graph, which computes the same."""
    comm: Peers | None = None
    """The processes that run the same symbol."""
    kept: dict[Node, dict[str, Any]] = field(default_factory=dict)
    """What ops keep from run to run, by node: plans come and go, a binding stays."""
