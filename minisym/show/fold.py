"""What becomes one box, so that a picture has the size of a page.

A `Fold` says which nodes are drawn as one. From the least to the most there are:

* `none`: every node is a box; `backward`: the gradient nodes of a layer are one.
* `stack`: what follows an op at once and reads nothing else (a normalization, an activation) is a
  chip on its box.
* `repeat`: and what is computed several times over is drawn once.
* `scope`: and scopes of names are boxes, first the innermost ones.
* `stretch`: ops that follow each other are one, however they are called. Cuts are made where few
  values cross, and around what talks to other processes, which is never lost among others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from minisym.core.graph import Graph
from minisym.core.node import Node
from minisym.show import roles
from minisym.show.groups import Groups, Scope
from minisym.show.known import Known
from minisym.show.repeats import Repeat, crossing, repeats, title_of

FEW_BACKWARD: Final = 3
"""So many gradient nodes are drawn one by one even by default."""
MOST: Final = 500
"""More nodes do not fit on a page one by one: nobody needs to try."""
_STRETCHES: Final = (24, 18, 13, 9, 6, 4)
_MOST_CHIPS: Final = 3
_FOLLOW: Final = frozenset({"norm", "activation", "math", "layout"})
"""Kinds of ops that may be a chip on the box of what they follow."""


@dataclass(frozen=True)
class Fold:
    """Which nodes are drawn as one."""

    name: str
    backward: bool = True
    """The gradient nodes of a layer are one box."""
    leads: Mapping[Node, Node] = field(default_factory=dict)
    """Ops that are chips -> the op whose box they are on."""
    repeats: Sequence[Repeat] = ()
    scopes: Mapping[Node, Scope] = field(default_factory=dict)
    """Node -> the scopes around it."""
    closed: Mapping[Node, Scope] = field(default_factory=dict)
    """Node -> the scope whose box it is in."""
    titles: Mapping[Scope, str] = field(default_factory=dict)
    """Of scopes whose name is not their last."""


class Folder:
    """What can be folded in one graph."""

    def __init__(
        self,
        graph: Graph,
        kinds: Mapping[Node, str],
        known: Known,
        found: Groups,
        hidden: AbstractSet[Node],
        *,
        mirror: bool,
    ) -> None:
        self.graph, self.kinds, self.known, self.groups = graph, kinds, known, found
        self.ops = [node for node, layer in found.layers.items() if layer.op is node]
        self.hidden, self.mirror = hidden, mirror

    def folds(self, mode: str | None) -> Iterator[Fold]:
        """Yield what a mode stands for; without one, all folds from the least to the most."""
        scopes = self.groups.scopes
        if mode in ("none", "backward"):
            yield Fold(mode, mode == "backward", scopes=scopes)
        elif mode == "stack":
            yield Fold(mode, leads=self.leads, scopes=scopes)
        elif mode == "repeat":
            yield Fold(mode, repeats=self.repeated, scopes=scopes)
        elif mode == "scope":
            yield self._close(1, {}, ())
        elif mode == "stretch":
            yield from (self._stretches(number, {}) for number in _STRETCHES)
        else:
            yield from self._least_first()

    def _least_first(self) -> Iterator[Fold]:
        if len(self.graph) <= MOST:
            many = sum(map(roles.is_backward, self.graph)) > FEW_BACKWARD
            yield from self.folds("backward" if many and self.mirror else "none")
            yield from self.folds("stack")
        if self.repeated:
            yield Fold("repeat", leads=self.leads, repeats=self.repeated, scopes=self.groups.scopes)
        deepest = max((len(self.groups.scopes[op]) for op in self.ops), default=0)
        for depth in range(deepest, 0, -1):
            yield self._close(depth, self.leads, self.repeated)
        for number in _STRETCHES:
            yield self._stretches(number, self.leads)

    @cached_property
    def repeated(self) -> list[Repeat]:
        """What is computed several times over."""
        return repeats(self.graph, self.groups, self.known)

    # --------------------------------------------------------------------------------------- stacks

    @cached_property
    def leads(self) -> dict[Node, Node]:
        """Ops that follow another at once, and are all that reads it -> that one, or its own."""
        heads = {entry.node for entry in self.graph.outputs}
        leads: dict[Node, Node] = {}
        chips: dict[Node, int] = {}
        for node in self.graph:
            if node.op is None or self.kinds[node] not in _FOLLOW:
                continue
            if node.op.subgraphs or node.op.exchanges:
                continue
            read = {entry.node for entry in node.inputs} - self.hidden
            if len(read) != 1 or self._is_served(node):
                continue
            before = read.pop()
            lead = leads.get(before, before)
            if (
                before.op is None
                or before in heads
                or self.kinds[before] in ("update", "backward")
                or len(before.entries()) > 1
                or chips.get(lead, 0) == _MOST_CHIPS
                or self.groups.scopes[before] != self.groups.scopes[node]
                or [n for n in self.graph.successors(before) if not roles.is_backward(n)] != [node]
            ):
                continue
            leads[node] = lead
            chips[lead] = chips.get(lead, 0) + 1
        return leads

    def _is_served(self, node: Node) -> bool:
        """Return whether parameters or updates are drawn beside an op."""
        layer = self.groups.layers[node]
        return bool(layer.updates) or not set(layer.variables) <= self.hidden

    # --------------------------------------------------------------------------------------- scopes

    def _close(self, depth: int, leads: Mapping[Node, Node], found: Sequence[Repeat]) -> Fold:
        """Make boxes of the scopes of a depth."""
        scopes = self.groups.scopes
        inside = [node for node in self.groups.bodies.scopes if node in scopes]
        closed = {op: scopes[op][:depth] for op in self.ops + inside if len(scopes[op]) >= depth}

        def is_open(repeat: Repeat) -> bool:
            first, second = ({closed[n] for n in copy if n in closed} for copy in repeat.copies[:2])
            return first.isdisjoint(second)

        return Fold(
            "scope",
            leads=_outside(closed, leads),
            repeats=[repeat for repeat in found if is_open(repeat)],
            scopes=scopes,
            closed=closed,
        )

    # ------------------------------------------------------------------------------------ stretches

    def _stretches(self, number: int, leads: Mapping[Node, Node]) -> Fold:
        """Make boxes of so many stretches of ops; a repeat is not cut, but may be one within."""
        found = [self._without_scopes(repeat) for repeat in self.repeated]
        copies = {node: copy for repeat in found for copy in repeat.copies for node in copy}
        firsts = {node: repeat for repeat in found for node in repeat.copies[0]}
        shown = [op for op in self.ops if op in firsts or op not in copies]
        borders = _borders(shown, firsts.get) | _borders(shown, _exchanges)
        if len(borders) >= number:
            found, shown, borders = [], self.ops, _borders(self.ops, _exchanges)
        cuts = sorted(borders | _cuts(shown, max(1, number - len(borders))))
        closed: dict[Node, Scope] = {}
        titles: dict[Scope, str] = {}
        for start, end in zip([0, *cuts], [*cuts, len(shown)], strict=True):
            part = shown[start:end]
            if len(part) > 1:
                scope = (f"stretch {start}",)
                titles[scope] = title_of(part)
                closed |= dict.fromkeys(part, scope)
        return Fold(
            "stretch",
            leads=_outside(closed, leads),
            repeats=found,
            scopes=closed,
            closed=closed,
            titles=titles,
        )

    def _without_scopes(self, repeat: Repeat) -> Repeat:
        """Return a repeat as it is where no scopes are drawn: it says all of its name."""
        title = repeat.title
        if repeat.is_scope:
            first = next(node for node in repeat.copies[0] if node.op is not None)
            last = title.rpartition("…")[2]
            title = f"{self.groups.scopes[first][repeat.depth]}…{last}"
        return replace(repeat, depth=0, is_scope=False, title=title)


def is_gradient(graph: Graph) -> bool:
    """Return whether gradients are all that a graph is for."""
    return all(roles.is_backward(entry.node) for entry in graph.outputs)


def _outside(closed: Mapping[Node, Scope], leads: Mapping[Node, Node]) -> dict[Node, Node]:
    """Return the chips that are not in a box together with what they follow anyway."""
    return {n: lead for n, lead in leads.items() if n not in closed and lead not in closed}


def _borders(ops: Sequence[Node], fact: Callable[[Node], object]) -> set[int]:
    """Return where in a row of ops something else is true of them."""
    facts = [fact(op) for op in ops]
    return {i for i in range(1, len(ops)) if facts[i - 1] is not facts[i]}


def _exchanges(node: Node) -> bool:
    return node.op is not None and node.op.exchanges


def _cuts(ops: Sequence[Node], number: int) -> set[int]:
    """Return where to cut a row of ops into parts of about one size: where few values cross."""
    if len(ops) <= number:
        return set(range(1, len(ops)))
    crossed = crossing(ops, {op: i for i, op in enumerate(ops)})
    reach = len(ops) // (3 * number)
    wanted = [round(k * len(ops) / number) for k in range(1, number)]
    return {
        min(
            range(max(1, place - reach), min(len(ops) - 1, place + reach) + 1),
            key=lambda i: (crossed[i], abs(i - place)),
        )
        for place in wanted
    }
