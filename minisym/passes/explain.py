"""Why a shape is unknown, and what would settle it.

Inference says what follows; where something does not, `explain_shapes` looks for the arguments
whose shapes would decide it. It finds them by trial: it supposes a shape for one argument, infers
again, and sees what has become known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any, Final

from minisym.core.errors import MinisymError, count
from minisym.core.graph import Graph
from minisym.core.node import Entry, Node
from minisym.core.shapes import Shape, is_known, show
from minisym.core.symbol import Symbol
from minisym.passes.answers import named_shapes
from minisym.passes.infer import infer
from minisym.passes.slots import SHAPES

_RANKS: Final = (2, 4, 3, 1, 5)
_SIZES: Final = (64, 24)
"""What is supposed: one size for all axes, large enough for kernels. (1 would stretch.)"""
_GUESSES: Final = 40
"""How many shapes are supposed for an argument."""
_TRIED: Final = 8
"""How many arguments are tried before each unknown one is left to stand for itself."""


@dataclass(frozen=True)
class UnknownShape:
    """One shape that inference could not decide."""

    name: str
    """The argument, auxiliary state or output."""
    shape: Shape
    """What is known of it: None, or a tuple in which None is an unknown dimension."""
    why: str
    """Who takes or makes it, and why nothing follows."""
    settled_by: tuple[str, ...]
    """The arguments whose shapes would settle it; empty where none would."""


class Explanation(Sequence[UnknownShape]):
    """The shapes that are unknown, in the graph's order: arguments, states, then outputs.

    It is empty, and false, when all shapes are known; `needed` says what to give in order to
    settle all.
    """

    def __init__(self, unknown: Sequence[UnknownShape]) -> None:
        self._unknown = tuple(unknown)

    def __len__(self) -> int:
        """Return how many shapes are unknown."""
        return len(self._unknown)

    def __getitem__(self, position: Any) -> Any:
        """Return one of them, by position or by name."""
        if isinstance(position, str):
            found = [one for one in self._unknown if one.name == position]
            if not found:
                raise KeyError(position)
            return found[0]
        return self._unknown[position]

    def __iter__(self) -> Iterator[UnknownShape]:
        """Iterate over them."""
        return iter(self._unknown)

    @property
    def needed(self) -> tuple[str, ...]:
        """The arguments whose shapes would settle everything that can be settled."""
        return tuple(dict.fromkeys(name for one in self._unknown for name in one.settled_by))

    def __repr__(self) -> str:
        """Show a table, and what to give."""
        if not self._unknown:
            return "every shape is known"
        names = max(len(one.name) for one in self._unknown)
        shapes = max(len(show(one.shape)) for one in self._unknown)
        verb = "shape is" if len(self) == 1 else "shapes are"
        rows = [
            f"    {one.name:<{names}}  {show(one.shape):<{shapes}}  {one.why}"
            for one in self._unknown
        ]
        lines = [f"{len(self)} {verb} unknown", "", *rows]
        if self.needed:
            lines += ["", f"  hint: give {' and '.join(self.needed)}"]
        return "\n".join(lines)


def explain_shapes(symbol: Symbol, /, **known: Any) -> Explanation:
    """Say of every shape that stays unknown why it does, and what would settle it.

    Parameters
    ----------
    symbol
        The symbol.
    **known
        Shapes by argument name, as `infer_shape` takes them.

    Raises
    ------
    ShapeError
        The shapes contradict each other.

    Examples
    --------
    >>> from minisym import sym
    >>> net = sym.FullyConnected(sym.Variable("data"), num_hidden=3, name="fc1")
    >>> explain_shapes(net)
    4 shapes are unknown
    <BLANKLINE>
        data        ?  nothing decides it: FullyConnected 'fc1' takes it as data
        fc1_weight  ?  follows from data: FullyConnected 'fc1' takes it as weight
        fc1_bias    ?  follows from data: FullyConnected 'fc1' takes it as bias
        fc1_output  ?  follows from data: FullyConnected 'fc1' makes it
    <BLANKLINE>
      hint: give data
    >>> explain_shapes(net, data=(8, 5))
    every shape is known
    """
    graph = symbol.graph
    given = named_shapes(graph, (), known)
    values = _inferred(graph, given)
    wanted = _unknown(graph, values)
    if not wanted:
        return Explanation(())
    settled = _settle(graph, given, values, wanted)
    return Explanation([_explained(graph, entry, values, settled[entry]) for entry in wanted])


Values = Mapping[Entry, Shape]


def _inferred(graph: Graph, given: Mapping[Node, Shape]) -> dict[Entry, Shape]:
    engine = infer(graph, given, SHAPES, "given to explain_shapes")
    return {
        Entry(node, i): engine[Entry(node, i)] for node in graph for i in range(node.num_outputs)
    }


def _unknown(graph: Graph, values: Values) -> list[Entry]:
    """Return what a user asks about; an inner output only where that is all that is unknown."""
    states = graph.auxiliary
    variables = sorted(graph.variables, key=lambda node: node in states)
    asked = dict.fromkeys([*map(Entry, variables), *graph.outputs])
    found = [entry for entry in asked if not is_known(values[entry])]
    return found or [entry for entry in values if not is_known(values[entry])][:1]


# --------------------------------------------------------------------------------------- trials


def _settle(
    graph: Graph, given: Mapping[Node, Shape], values: Values, wanted: Sequence[Entry]
) -> dict[Entry, tuple[Node, ...]]:
    """Return for each unknown entry the arguments whose shapes would settle it.

    Greedy: the argument whose shape settles most comes first; what several together settle gets all
    of them that were needed.
    """
    settled: dict[Entry, tuple[Node, ...]] = {}
    supposed: dict[Node, Shape] = {}
    while open_ := [entry for entry in wanted if entry not in settled]:
        best: tuple[set[Entry], Node, dict[Node, Shape]] = (set(), open_[0].node, {})
        candidates = [entry.node for entry in open_ if entry.node.op is None]
        for node in sorted(candidates, key=lambda node: _made_for(graph, node))[:_TRIED]:
            news, shapes = _trial(graph, {**given, **supposed}, node, values[Entry(node)], open_)
            if len(news) > len(best[0]):
                best = (news, node, shapes)
            if len(news) == len(open_):
                break
        news, node, shapes = best
        if not news:  # nothing that was tried helps: whatever is open stands for itself
            settled |= {entry: (entry.node,) if entry.node.op is None else () for entry in open_}
            break
        supposed |= shapes
        needed: dict[Entry, list[Node]] = {entry: [] for entry in news}
        for one in supposed:  # who can be left out?
            others = {other: shape for other, shape in supposed.items() if other is not one}
            without = _inferred(graph, {**given, **others})
            for entry in news:
                if not is_known(without[entry]):
                    needed[entry].append(one)
        settled |= {entry: tuple(nodes) or (node,) for entry, nodes in needed.items()}
    return settled


def _made_for(graph: Graph, node: Node) -> bool:
    """Return whether a variable looks made for an op's input: fc1_weight for fc1."""
    return any(
        node.name == f"{reader.name}_{slot}"
        for reader in graph.successors(node)
        for slot in reader.input_names()
    )


def _trial(
    graph: Graph, given: Mapping[Node, Shape], node: Node, known: Shape, open_: Sequence[Entry]
) -> tuple[set[Entry], dict[Node, Shape]]:
    """Suppose shapes for a variable; return what the best of them settles, and itself."""
    best: tuple[set[Entry], dict[Node, Shape]] = (set(), {})
    for shape in islice(_guesses(known, given), _GUESSES):
        try:
            values = _inferred(graph, {**given, node: shape})
        except (MinisymError, ValueError, TypeError):
            continue  # no such shape
        news = {entry for entry in open_ if is_known(values[entry])}
        if len(news) > len(best[0]):
            best = (news, {node: shape})
        if len(news) == len(open_):
            break
    return best


def _guesses(known: Shape, given: Mapping[Node, Shape]) -> Iterator[tuple[int, ...]]:
    """Return shapes to suppose: all axes of one size, then one axis of a size that was given."""
    forms = [(None,) * rank for rank in _RANKS] if known is None else [known]
    for size in _SIZES:
        yield from (tuple(size if d is None else d for d in form) for form in forms)
    sizes = {d for shape in given.values() for d in shape or () if d} - {*_SIZES}
    for form in forms:
        for size, axis in product(sorted(sizes), reversed(range(len(form)))):
            yield tuple((size if i == axis else _SIZES[0]) if d is None else d
                        for i, d in enumerate(form))  # fmt: skip


# ---------------------------------------------------------------------------------------- words


def _explained(
    graph: Graph, entry: Entry, values: Values, settled_by: Sequence[Node]
) -> UnknownShape:
    names = tuple(node.name for node in settled_by)
    node = entry.node
    if names == (node.name,) or not names:
        known = values[entry]
        reason = "nothing decides it" if known is None else f"nothing decides {_open_axes(known)}"
    else:
        reason = f"follows from {' and '.join(names)}"
    return UnknownShape(entry.name, values[entry], f"{reason}: {_role(graph, node)}", names)


def _open_axes(shape: Sequence[int | None]) -> str:
    axes = [str(axis) for axis, size in enumerate(shape) if size is None]
    return f"{'axis' if len(axes) == 1 else 'axes'} {', '.join(axes)}"


def _role(graph: Graph, node: Node) -> str:
    """Say who makes an output, or who takes a variable."""
    if node.op is not None:
        return f"{node.op.name} {node.name!r} makes it"
    readers = list(graph.successors(node))
    if not readers:
        return "it is an output itself"
    reader = readers[0]
    assert reader.op is not None
    slot = next(
        name
        for name, entry in zip(reader.input_names(), reader.inputs, strict=True)
        if entry.node is node
    )
    more = f", and {count(len(readers) - 1, 'other')} take it, too" if len(readers) > 1 else ""
    return f"{reader.op.name} {reader.name!r} takes it as {slot}{more}"
