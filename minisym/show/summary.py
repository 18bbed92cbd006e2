"""The table of layers that MXNet's `print_summary` prints, to the letter."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from minisym.core.errors import ComposeError
from minisym.core.graph import Graph
from minisym.core.node import Node
from minisym.core.shapes import Shape, to_user
from minisym.core.symbol import Symbol
from minisym.show import text
from minisym.show.known import complete_shapes, learn
from minisym.show.roles import kinds

_POSITIONS = (0.44, 0.64, 0.74, 1.0)


def print_summary(
    symbol: Symbol,
    shape: Mapping[str, Any] | None = None,
    line_length: int = 120,
    positions: Sequence[float] = _POSITIONS,
    *,
    exact: bool = False,
) -> None:
    """Print a table of the layers: name and op, output shape, parameters, what it reads.

    By default text and numbers are MXNet's: the shapes lack their first dimension, and parameters
    are counted for FullyConnected, Convolution, BatchNorm and Embedding only, from the first
    dimension of their input.

    Parameters
    ----------
    symbol
        The symbol.
    shape
        Variable -> shape. Without it, the shapes stay empty, and the numbers are too small.
    line_length
        Width of the table.
    positions
        Where the columns end: fractions of the width, or characters.
    exact
        Print whole shapes, and count what the parameters really have, each where it is first read.

    Raises
    ------
    ComposeError
        `symbol` is no Symbol. (Also a TypeError.)
    ShapeError
        The shapes given contradict each other, or do not suffice.

    Examples
    --------
    >>> from minisym import sym
    >>> net = sym.tanh(sym.Variable("data"), name="t")
    >>> print_summary(net, {"data": (2, 3)}, line_length=80)
    ________________________________________________________________________________
    Layer (type)                       Output Shape    Param # Previous Layer
    ================================================================================
    data(null)                         3               0
    ________________________________________________________________________________
    t(tanh)                            3               0       data
    ================================================================================
    Total params: 0
    ________________________________________________________________________________
    """
    if not isinstance(symbol, Symbol):
        message = f"symbol must be a Symbol, but got {type(symbol).__name__}"
        raise ComposeError(message)
    ends = list(positions)
    if ends[-1] <= 1:
        ends = [int(line_length * end) for end in ends]
    table = _Exact(symbol.graph, shape) if exact else _MXNets(symbol.graph, shape)
    print("\n".join(table.lines(line_length, [int(end) for end in ends])))  # noqa: T201


class _MXNets:
    """What MXNet prints."""

    def __init__(self, graph: Graph, shape: Mapping[str, Any] | None) -> None:
        self.graph = graph
        # outputs are looked up by name; so of several with one name the last counts
        self.shapes: dict[str, Shape] | None = None
        if shape is not None:
            found = complete_shapes(graph, shape)
            self.shapes = {entry.name: found[entry] for node in graph for entry in node.entries()}
        # it takes all numbers of the first head (node, output, version) for nodes that are heads
        head = graph.outputs[0]
        self.place = graph.numbered()
        self.heads = {self.place[head.node], head.index, 0}

    def lines(self, width: int, ends: Sequence[int]) -> list[str]:
        """Return the lines of the table."""
        rule, thick = "_" * width, "=" * width
        header = ["Layer (type)", "Output Shape", "Param #", "Previous Layer"]
        written = [rule, _row(header, ends), thick]
        total = 0
        last = len(self.graph) - 1
        for position, node in enumerate(self.graph):
            if node.op is None and position > 0:
                continue
            sources = self.sources(node)
            number = self.parameters(node)
            total += number
            op = node.op.name if node.op else "null"
            first = sources[0] if sources else ""
            fields = [f"{node.name}({op})", self.shape_of(node, position), str(number), first]
            written.append(_row(fields, ends))
            written += [_row(["", "", "", source], ends) for source in sources[1:]]
            written.append(thick if position == last else rule)
        return [*written, self.total(total), rule]

    def total(self, number: int) -> str:
        return f"Total params: {number}"

    def shape_of(self, node: Node, position: int) -> str:
        if self.shapes is None or (node.op is None and position not in self.heads):
            return ""
        return "x".join(map(str, self._dims(node)))

    def sources(self, node: Node) -> list[str]:
        return [entry.node.name for entry in node.inputs if self._is_listed(entry.node)]

    def parameters(self, node: Node) -> int:
        if node.op is None or not node.op.is_known:
            return 0
        name = node.op.name
        params = node.params
        channels = sum(
            dims[0]
            for entry in node.inputs
            if self._is_listed(entry.node) and (dims := self._dims(entry.node))
        )
        if name == "Convolution":
            number = channels * params["num_filter"] // params["num_group"]
            number *= math.prod(params["kernel"])
            return int(number + (0 if params["no_bias"] else params["num_filter"]))
        if name == "FullyConnected":
            return int((channels + (not params["no_bias"])) * params["num_hidden"])
        if name == "BatchNorm":
            dims = self._dims(node)
            return 2 * dims[0] if dims else 0
        if name == "Embedding":
            return int(params["input_dim"] * params["output_dim"])
        return 0

    def _is_listed(self, node: Node) -> bool:
        return node.op is not None or self.place[node] in self.heads

    def _dims(self, node: Node) -> tuple[int, ...]:
        """Return the shape behind the first dimension, of what is called `<name>_output`."""
        if self.shapes is None:
            return ()
        key = f"{node.name}_output" if node.op is not None else node.name
        dims: tuple[int, ...] = to_user(self.shapes.get(key)) or ()
        return dims[1:]


class _Exact(_MXNets):
    """The same table with whole shapes and true numbers."""

    def __init__(self, graph: Graph, shape: Mapping[str, Any] | None) -> None:
        super().__init__(graph, shape)
        self.known = learn(graph, shape)
        self.kinds = kinds(graph)
        self.counted: set[Node] = set()
        self.bytes = 0

    def total(self, number: int) -> str:
        return f"Total params: {number:,} ({text.size_in_bytes(self.bytes)})"

    def shape_of(self, node: Node, position: int) -> str:  # noqa: ARG002  MXNet's needs it
        if not self.known.shapes:
            return ""
        return ", ".join(
            text.shape_text(self.known.shapes.get(entry)).replace("×", "x")
            for entry in node.entries()
        )

    def sources(self, node: Node) -> list[str]:
        return [
            entry.node.name
            for entry in node.inputs
            if entry.node.op is not None or self.kinds[entry.node] == "input"
        ]

    def parameters(self, node: Node) -> int:
        number = 0
        for entry in node.inputs:
            source = entry.node
            if self.kinds[source] == "parameter" and source not in self.counted:
                self.counted.add(source)
                number += self.known.elements(source) or 0
                self.bytes += self.known.size(source) or 0
        return number


def _row(fields: Sequence[str], ends: Sequence[int]) -> str:
    line = ""
    for field, end in zip(fields, ends, strict=False):
        line = f"{line}{field}"[:end].ljust(end)
    return line
