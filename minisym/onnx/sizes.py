"""Sizes that may vary from run to run: what the batch does to the shapes of a graph.

Inference knows numbers. So it runs three times, with the given batch, with twice and with three
times as many samples; what differs is a line, $a n + b$, which a file can compute from the size $n$
of an input.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeGuard

from minisym.core.errors import ExportError, ShapeError
from minisym.core.graph import Graph
from minisym.core.node import Entry, Node
from minisym.core.symbol import Symbol
from minisym.passes.infer import infer


@dataclass(frozen=True)
class Size:
    """A size of $a_1 n_1 + … + b$, where the n are sizes of inputs that may vary.

    >>> print(Size((("batch", Fraction(1)),)), Size((("batch", Fraction(49, 2)),), Fraction(1)))
    batch 49/2*batch+1
    """

    terms: tuple[tuple[str, Fraction], ...]
    offset: Fraction = Fraction(0)

    def __str__(self) -> str:
        """Write it as a formula, which is what a file calls it."""
        parts = [name if factor == 1 else f"{factor}*{name}" for name, factor in self.terms]
        return "+".join([*parts, *[str(self.offset)] * (self.offset != 0)])

    def at(self, batch: Mapping[str, int]) -> int:
        """Return the number that it is with these sizes of inputs."""
        return int(sum((f * batch[name] for name, f in self.terms), self.offset))


Sizes = tuple[int | Size, ...]
"""A shape, some of whose sizes may vary."""


def is_fixed(shape: Any) -> TypeGuard[tuple[int, ...]]:
    """Return whether all of a shape is known, and none of it varies."""
    return shape is not None and all(isinstance(d, int) for d in shape)


def _at(known: Mapping[Node, Sizes], sizes: Mapping[str, int]) -> dict[Node, tuple[int, ...]]:
    """Return shapes with numbers for the sizes that vary."""
    return {
        node: tuple(d.at(sizes) if isinstance(d, Size) else d for d in shape)
        for node, shape in known.items()
    }


def with_free_batch(
    symbol: Symbol, known: Mapping[Node, Sizes], batch: Mapping[str, int]
) -> Symbol:
    """Return the symbol with a Reshape to `(batch, …)`, where that is a number, to `(-1, …)`.

    Only where it cannot run with another batch otherwise: a number that happens to be equal is
    left as it is. If it cannot even run with this one, any number in that place is freed.
    """
    if not batch:
        return symbol
    numbers = set(batch.values()) - {1}
    try:
        infer(symbol.graph, _at(known, batch))
    except ShapeError:
        numbers = set()
    else:
        try:
            infer(symbol.graph, _at(known, {name: 2 * number for name, number in batch.items()}))
        except ShapeError:
            pass
        else:
            return symbol

    def change(node: Node, inputs: tuple[Entry, ...]) -> Node:
        for name in ("shape", "target_shape") if node.op and node.op.name == "Reshape" else ():
            codes = node.params[name]
            if codes and codes[0] > 1 and (not numbers or codes[0] in numbers):
                free = (0 if min(codes) < 0 else -1, *codes[1:])
                node = node.replace(params={**node.params, name: free})
        return node.reading(inputs)

    return Symbol(symbol.graph.substitute({}, change).outputs)


def infer_sizes(
    graph: Graph, known: Mapping[Node, Sizes], batch: Mapping[str, int]
) -> dict[Entry, Any]:
    """Infer all shapes, and what of them varies with which size.

    Parameters
    ----------
    known
        The shapes of some Variables.
    batch
        Name of each size that may vary -> the number that it is by default.

    Raises
    ------
    ExportError
        A node has one of these numbers built in, so that no other will do.
    ShapeError
        The shapes contradict each other.
    """

    def at(sizes: Mapping[str, int]) -> dict[Entry, Any]:
        return infer(graph, _at(known, sizes), source="given to export").annotation()

    found = at(batch)
    lines: dict[str, tuple[dict[Entry, Any], dict[Entry, Any]]] = {}
    for name, number in batch.items():
        try:
            twice, thrice = (at({**batch, name: number * times}) for times in (2, 3))
        except ShapeError as error:
            raise ExportError(
                f"the size {name} is built in, so that it cannot vary from {number}: "
                f"{error.sentence}",
                rows=error.rows,
                origin=error.origin,
                hint="export with dynamic_batch=False, or compose it with 0 or -1 for the batch",
            ) from error
        lines[name] = twice, thrice
    return {
        entry: _sizes(shape, {n: (a[entry], b[entry]) for n, (a, b) in lines.items()}, batch)
        for entry, shape in found.items()
    }


def _sizes(shape: Any, others: Mapping[str, tuple[Any, Any]], batch: Mapping[str, int]) -> Any:
    """Return a shape with its lines; None where it is no line, or of no certain rank."""
    if shape is None or all(a == b == shape for a, b in others.values()):
        return shape
    if any(len(a or ()) != len(shape) or len(b or ()) != len(shape) for a, b in others.values()):
        return None
    return tuple(
        _size(d, {n: (a[i], b[i]) for n, (a, b) in others.items()}, batch)
        for i, d in enumerate(shape)
    )


def _size(d: int | None, others: Mapping[str, tuple[Any, Any]], batch: Mapping[str, int]) -> Any:
    terms = []
    offset = Fraction(d or 0)
    for name, (twice, thrice) in others.items():
        if twice == thrice == d:
            continue
        if d is None or twice is None or thrice is None or thrice - twice != twice - d:
            return None
        factor = Fraction(twice - d, batch[name])
        terms.append((name, factor))
        offset -= factor * batch[name]
    return Size(tuple(terms), offset) if terms else d
