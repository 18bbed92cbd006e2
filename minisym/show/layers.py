"""`ms.summary`: what each layer of a graph makes, holds and costs.

>>> import minisym as ms
>>> net = ms.sym.FullyConnected(ms.sym.Variable("data"), num_hidden=10, name="fc")
>>> print(summary(ms.sym.SoftmaxOutput(net, name="softmax"), data=(64, 784)))
layer    op              output  parameters  FLOPs   bytes
-------  --------------  ------  ----------  -----  ------
fc       FullyConnected  64×10        7,850   1.0M  2.6 KB
softmax  SoftmaxOutput   64×10            0   3.2K  2.6 KB
-------  --------------  ------  ----------  -----  ------
total    2 rows                       7,850   1.0M  5.1 KB
<BLANKLINE>
7,850 parameters (31.4 KB); 5.1 KB of inner values; 1.0M floating point operations a run
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from minisym.core.errors import ComposeError, ParamError
from minisym.core.graph import Graph
from minisym.core.node import Entry, Node
from minisym.core.symbol import Symbol
from minisym.passes.flops import bits_sent, flops
from minisym.runtime.observe.profile import Profile
from minisym.runtime.observe.tables import html_table
from minisym.show import roles, text
from minisym.show.known import Known, learn


class Layer(NamedTuple):
    """An op, or all ops of a gradient."""

    name: str
    """The name of the node; of a gradient, that of the op whose it is."""
    op: str
    """The name of the op."""
    kind: str
    """What its op is for, such as "layer" or "loss"."""
    shapes: tuple[tuple[int | None, ...] | None, ...]
    """Of its outputs."""
    parameters: int
    """How many numbers the parameters have that it is the first to read."""
    flops: int | None
    """What it does in a run; None if that is not known."""
    nbytes: int | None
    """The size of its outputs."""
    seconds: float | None
    """What it took, if a profile says so."""
    bits_sent: int | None
    """What workers send each other for it, all of them, there and back."""


@dataclass(frozen=True)
class Summary:
    """What `summary` found.

    Attributes
    ----------
    layers
        A row for each, in the order of the graph.
    parameters, parameter_bytes
        What all parameters hold.
    states
        How many numbers the auxiliary states hold.
    """

    layers: tuple[Layer, ...]
    parameters: int
    parameter_bytes: int
    states: int

    @property
    def flops(self) -> int:
        """The operations of one run, as far as they are known."""
        return sum(layer.flops or 0 for layer in self.layers)

    @property
    def bits_sent(self) -> int:
        """The bits that workers send each other in one run, as far as they are known."""
        return sum(layer.bits_sent or 0 for layer in self.layers)

    @property
    def nbytes(self) -> int:
        """The size of all outputs, as far as it is known; a run shares memory between them."""
        return sum(layer.nbytes or 0 for layer in self.layers)

    @property
    def seconds(self) -> float | None:
        """What all layers took, if a profile says so."""
        found = [layer.seconds for layer in self.layers if layer.seconds is not None]
        return sum(found) if found else None

    @property
    def is_complete(self) -> bool:
        """Whether all shapes are known."""
        return all(layer.flops is not None and layer.nbytes is not None for layer in self.layers)

    def data(self) -> list[dict[str, Any]]:
        """Return a dict for each layer: ready for JSON, or for `pandas.DataFrame`."""
        total = self.seconds
        return [
            layer._asdict()
            | {"share": layer.seconds / total if total and layer.seconds is not None else None}
            for layer in self.layers
        ]

    def __str__(self) -> str:
        """Return the table and the totals."""
        rows = list(self._cells())
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        rule = ["-" * width for width in widths]
        lines = [rows[0], rule, *rows[1:-1], rule, rows[-1]]
        table = "\n".join(_line(row, widths) for row in lines)
        return f"{table}\n\n{self._totals()}"

    def __rich__(self) -> Any:
        """Return the table for `rich.print`."""
        from rich.table import Table

        head, *rows, last = self._cells()
        table = Table(caption=self._totals(), show_footer=True)
        for position, (name, footer) in enumerate(zip(head, last, strict=True)):
            side: Any = "left" if position < 3 else "right"
            table.add_column(name, footer=footer, justify=side, overflow="fold")
        for row in rows:
            table.add_row(*row)
        return table

    def _repr_html_(self) -> str:
        """Show the table in a notebook."""
        return html_table(list(self._cells()), self._totals(), words=3)

    def _cells(self) -> Iterator[tuple[str, ...]]:
        """Yield the heading, the layers and the totals, as text."""
        total = self.seconds
        timed = ("ms", "share") if total else ()
        yield ("layer", "op", "output", "parameters", "FLOPs", "bytes", *timed)
        for layer in self.layers:
            cells = [
                text.plain(layer.name),
                layer.op,
                ", ".join(map(text.shape_text, layer.shapes)),
                f"{layer.parameters:,}",
                "?" if layer.flops is None else text.count(layer.flops),
                "?" if layer.nbytes is None else text.size_in_bytes(layer.nbytes),
            ]
            if total and layer.seconds is not None:
                cells += [f"{layer.seconds * 1e3:.3f}", f"{layer.seconds / total:.1%}"]
            elif total:
                cells += ["", ""]
            yield tuple(cells)
        more = (f"{total * 1e3:.3f}", "100.0%") if total else ()
        some = "" if self.is_complete else "≥ "
        yield (
            "total",
            f"{len(self.layers)} row{'s' if len(self.layers) != 1 else ''}",
            "",
            f"{self.parameters:,}",
            some + text.count(self.flops),
            some + text.size_in_bytes(self.nbytes),
            *more,
        )

    def _totals(self) -> str:
        some = "" if self.is_complete else "at least "
        words = [f"{self.parameters:,} parameters ({text.size_in_bytes(self.parameter_bytes)})"]
        if self.states:
            words.append(f"{self.states:,} numbers in states")
        words.append(f"{some}{text.size_in_bytes(self.nbytes)} of inner values")
        words.append(f"{some}{text.count(self.flops)} floating point operations a run")
        if self.bits_sent:
            words.append(f"{text.count(self.bits_sent)} bits between workers a run")
        return "; ".join(words)


def summary(
    symbol: Symbol,
    profile: Profile | None = None,
    dtype: Mapping[str, Any] | None = None,
    **shapes: Any,
) -> Summary:
    """Say what each layer of a graph makes, holds and costs.

    Print it, `rich.print` it, or take its `data()`. The nodes of a layer's gradient are one row,
    `∂ fc1`. A multiplication with the addition of its product counts as two operations; see
    `minisym.passes.flops`.

    Parameters
    ----------
    symbol
        The symbol.
    profile
        What `Executor.profile` measured: adds the time of each layer, and its share.
    dtype
        Variable -> element type; float32 where nothing else follows.
    **shapes
        Shapes by argument name. Without any, those that the Variables declare.

    Raises
    ------
    ComposeError
        `symbol` is no Symbol. (Also a TypeError.)
    ShapeError
        The shapes given contradict each other, or do not suffice.

    Examples
    --------
    >>> from minisym import sym
    >>> net = sym.Convolution(sym.Variable("x"), kernel=(3, 3), num_filter=8, name="conv")
    >>> found = summary(net, x=(1, 3, 32, 32))
    >>> found.parameters, found.flops
    (224, 396000)
    """
    if not isinstance(symbol, Symbol):
        raise ComposeError(f"symbol must be a Symbol, but got {type(symbol).__name__}")
    if profile is not None and not isinstance(profile, Profile):
        got = type(profile).__name__
        message = f"summary: profile must be what executor.profile() returned, but got {got}"
        raise ParamError(message, hint="shapes are given by name: summary(symbol, data=(1, 3))")
    graph = symbol.graph
    known = learn(graph, shapes or None, dtype)
    kinds = roles.kinds(graph)
    times = _times(graph, profile)
    rows: dict[Any, list[Node]] = {}
    for node in graph:
        if node.op is not None:
            key = ("∂", node.owner) if kinds[node] == "backward" else node
            rows.setdefault(key, []).append(node)
    counted: set[Node] = set()
    layers = []
    for nodes in rows.values():
        number = 0
        for source in dict.fromkeys(entry.node for node in nodes for entry in node.inputs):
            if kinds[source] == "parameter" and source not in counted:
                counted.add(source)
                number += known.elements(source) or 0
        layers.append(_layer(nodes, kinds[nodes[0]], known, number, times))
    parameters = [node for node in graph.variables if kinds[node] == "parameter"]
    return Summary(
        tuple(layers),
        sum(known.elements(node) or 0 for node in parameters),
        sum(known.size(node) or 0 for node in parameters),
        sum(known.elements(n) or 0 for n in graph.variables if kinds[n] == "state"),
    )


def _times(graph: Graph, profile: Profile | None) -> Mapping[tuple[str, str], list[float]]:
    """Return how long each node took, by its name and its op.

    What runs may be simpler than the graph. A node that does the work of several has the name of
    the last of them, and another op: its time goes there.
    """
    ops = {node.name: node.op.name for node in graph if node.op is not None}
    here = {(node.name, node.op.name) for node in graph if node.op is not None}
    times: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for row in profile.rows if profile else ():
        key = row.name, row.op
        times[key if key in here else (row.name, ops.get(row.name, row.op))].append(row.seconds)
    return times


def _layer(
    nodes: Sequence[Node],
    kind: str,
    known: Known,
    parameters: int,
    times: Mapping[tuple[str, str], list[float]],
) -> Layer:
    """Sum up the nodes of one row."""
    first, last = nodes[0], nodes[-1]
    assert first.op is not None
    name, op = first.name, first.op.name
    if kind == "backward":
        name = f"∂ {first.owner}"
        op = op if len(nodes) == 1 else f"{len(nodes)} ops"
    work = [flops(node, known.shapes) for node in nodes]
    sent = [bits_sent(node, known.shapes) for node in nodes]
    sizes = [_nbytes(entry, known) for node in nodes for entry in node.entries()]
    seconds = [
        found.pop(0)
        for node in nodes
        if node.op is not None and (found := times.get((node.name, node.op.name)))
    ]
    return Layer(
        name,
        op,
        kind,
        tuple(known.shapes.get(entry) for entry in last.entries()),
        parameters,
        None if None in work else sum(one or 0 for one in work),
        None if None in sizes else sum(size or 0 for size in sizes),
        sum(seconds) if seconds else None,
        None if None in sent else sum(one or 0 for one in sent),
    )


def _nbytes(entry: Entry, known: Known) -> int | None:
    number = text.elements(known.shapes.get(entry))
    itemsize = np.dtype(known.dtypes.get(entry) or np.float32).itemsize
    if entry.node.op is not None and entry.node.op.view:
        return 0  # it is the memory of its input
    return None if number is None else number * itemsize


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Align words to the left, and numbers to the right."""
    return "  ".join(
        f"{cell:<{width}}" if position < 3 else f"{cell:>{width}}"
        for position, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ).rstrip()
