"""Loops and branches, opened: what is composed inside of them stands in the graph itself.

`open_bodies` puts the ops of a body in the place of the node that holds them. What a body reads
from outside it then reads there; where a value enters, goes round, or leaves, a node says so:

* `each`: an element of what a loop runs over; `state`: what is carried from step to step;
* `stacked`: the outputs of all steps; `last`: a state after the last of them;
* `choose`: the output of the branch that a test decides for.

These nodes are only drawn: they have no kernel, and no graph that runs has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

from minisym.control.branch import Branch
from minisym.control.scan import Scan
from minisym.core.errors import MinisymError
from minisym.core.graph import Graph
from minisym.core.node import Entry, Node
from minisym.core.op import Input, Op
from minisym.core.shapes import Shape
from minisym.core.symbol import Symbol
from minisym.passes.infer import infer_dtypes, infer_shapes
from minisym.show.groups import Scope
from minisym.show.known import Known
from minisym.show.roles import is_auto_name

EACH: Final = Op("each", inputs=(Input(""),), kind="layout")
STATE: Final = Op("state", inputs=(Input("first"),), kind="state")
STACKED: Final = Op("stacked", inputs=(Input(""),), kind="layout")
LAST: Final = Op("last", inputs=(Input(""),), kind="layout")
WHILE: Final = Op("last", inputs=(Input(""), Input("while")), kind="layout")
CHOOSE: Final = Op("choose", inputs=(Input("if"), Input("then"), Input("else")), kind="layout")
SIGNS: Final = frozenset({EACH, STATE, STACKED, LAST, WHILE, CHOOSE})
"""The ops of nodes that are only drawn."""


@dataclass
class Opened:
    """A graph whose bodies stand in it."""

    graph: Graph
    known: Known
    scopes: dict[Node, Scope] = field(default_factory=dict)
    """What stands in a body -> the frames around it."""
    titles: dict[str, str] = field(default_factory=dict)
    """Frame -> what it says."""
    rounds: list[tuple[Entry, Node]] = field(default_factory=list)
    """What a step makes, and the state that it is in the next one."""
    names: dict[Entry, str] = field(default_factory=dict)
    """Outputs of the graph -> what they are called."""
    times: dict[Node, int | None] = field(default_factory=dict)
    """Node -> how often a run makes it, None if that depends on values."""


def open_bodies(graph: Graph, known: Known, *, all_of_them: bool = False) -> Opened:
    """Open the loops and branches of a graph, those inside of others, too.

    One whose gradient is in the graph stays closed, unless all are to be opened: the gradient is
    one node, and stands beside it.

    >>> from minisym import sym
    >>> x, start = sym.Variable("x"), sym.Variable("start")
    >>> sums, last = sym.contrib.foreach(lambda x, s: (x + s, x + s), x, start)
    >>> [node.op.name for node in open_bodies(sums.graph, Known()).graph if node.op]
    ['each', 'state', 'elemwise_add', 'stacked']
    """
    closed = {node.owner for node in graph if node.kind == "backward" and not all_of_them}
    holders = {node for node in graph if _holds_bodies(node) and node.name not in closed}
    if not holders:
        return Opened(graph, known)
    work = _Work(closed)
    now = work.copy(graph, {}, known, (), 1)
    return Opened(
        Graph([now[entry] for entry in graph.outputs]),
        Known(work.shapes, work.dtypes, known.dtypes_on_edges),
        work.scopes,
        work.titles,
        work.rounds,
        {now[entry]: entry.name for entry in graph.outputs},
        work.times,
    )


def _holds_bodies(node: Node) -> bool:
    """Return whether a node can be opened; the gradient of a loop cannot, it is one op."""
    return node.op is not None and node.op.control is not None and node.kind != "backward"


def _is_plumbing(node: Node) -> bool:
    """Return whether a node only keeps the heads of a body apart."""
    return node.op is not None and node.op.name == "_copy" and is_auto_name(node)


class _Work:
    def __init__(self, closed: AbstractSet[str]) -> None:
        self.closed = closed
        self.shapes: dict[Entry, Shape] = {}
        self.dtypes: dict[Entry, Any] = {}
        self.scopes: dict[Node, Scope] = {}
        self.titles: dict[str, str] = {}
        self.rounds: list[tuple[Entry, Node]] = []
        self.times: dict[Node, int | None] = {}
        self.frames = 0

    def copy(
        self,
        graph: Graph,
        given: Mapping[Node, Entry],
        known: Known,
        scope: Scope,
        times: int | None,
    ) -> dict[Entry, Entry]:
        """Copy a graph; what is given for a variable stands in its place."""
        now: dict[Entry, Entry] = {}
        for node in graph:
            if node in given:
                now[Entry(node)] = given[node]
            elif scope and _is_plumbing(node):
                now[Entry(node)] = now[node.inputs[0]]
            elif _holds_bodies(node) and node.name not in self.closed:
                read = [now[entry] for entry in node.inputs]
                now |= self.open(node, read, known, scope, times)
            else:
                copy = node.reading(tuple([now[entry] for entry in node.inputs]))
                if node.op is not None:
                    self._put(copy, scope)
                    self.times[copy] = times
                for index in range(node.num_outputs):
                    entry = Entry(node, index)
                    now[entry] = self._know(Entry(copy, index), entry, known)
        return now

    def open(
        self,
        node: Node,
        read: Sequence[Entry],
        known: Known,
        scope: Scope,
        times: int | None,
    ) -> dict[Entry, Entry]:
        """Put what a node holds into its place; return what stands for its outputs."""
        assert node.op is not None
        what = node.op.control
        name = "" if is_auto_name(node) else f" · {node.name}"
        inner = self._frame(f"{_title(what, node, known)}{name}", scope)
        visible = len(node.entries())
        made = (
            self._open_branch(what, node, read, known, inner)
            if isinstance(what, Branch)
            else self._open_loop(what, node, read, known, inner, times)
        )
        outputs = {}
        for index, sign in enumerate(made):
            self._put(sign, inner)
            outputs[Entry(node, index)] = self._know(Entry(sign), Entry(node, index), known)
        first = outputs[Entry(node, 0)]  # what is hidden, only the gradient reads
        hidden = range(visible, node.num_outputs)
        return outputs | {Entry(node, index): first for index in hidden}

    def _open_loop(
        self,
        loop: Scan,
        node: Node,
        read: Sequence[Entry],
        known: Known,
        scope: Scope,
        times: int | None,
    ) -> list[Node]:
        steps = _steps(loop, node, known)
        times = None if times is None or steps is None else times * steps
        inside = _known_inside(loop.body, loop.variables, node, known, loop.num_data)
        given: dict[Node, Entry] = {}
        states: list[Node] = []
        for place, variable in enumerate(loop.variables):
            entry = read[place]
            if place < loop.num_data or place in loop.states:
                op = EACH if place < loop.num_data else STATE
                sign = Node(op, entry.node.name, (entry,))
                self._put(sign, scope)
                self._know(Entry(sign), Entry(variable), inside)
                if op is STATE:
                    states.append(sign)
                entry = Entry(sign)
            given[variable] = entry
        now = self.copy(loop.body.graph, given, inside, scope, times)
        heads = [now[entry] for entry in loop.body.entries]
        tests: list[Entry] = []
        if loop.condition is not None:
            also = {n: given[v] for n, v in zip(loop.tested, loop.variables, strict=True)}
            test = self.copy(loop.condition.graph, also, Known(), scope, None)
            tests = [test[entry] for entry in loop.condition.entries]
        after = heads[loop.num_outputs :]
        self.rounds += zip(after, states, strict=True)
        made = [Node(STACKED, node.name, (head,)) for head in heads[: loop.num_outputs]]
        made += [
            Node(WHILE if tests else LAST, state.name, (head, *tests))
            for head, state in zip(after, states, strict=True)
        ]
        return made

    def _open_branch(
        self, branch: Branch, node: Node, read: Sequence[Entry], known: Known, scope: Scope
    ) -> list[Node]:
        heads = []
        for which, word in enumerate(("if", "then", "else")):
            body, variables = branch.graphs[which], branch.variables[which]
            inside = _known_inside(body, variables, node, known, 0)
            given = dict(zip(variables, read, strict=True))
            now = self.copy(body.graph, given, inside, self._frame(word, scope), None)
            heads.append([now[entry] for entry in body.entries])
        (test,), then, other = heads
        pairs = zip(then, other, strict=True)
        return [Node(CHOOSE, node.name, (test, one, two)) for one, two in pairs]

    def _frame(self, title: str, outer: Scope) -> Scope:
        key = f"body {self.frames}"
        self.frames += 1
        self.titles[key] = title
        return (*outer, key)

    def _put(self, node: Node, scope: Scope) -> None:
        if scope:
            self.scopes[node] = scope
        if node.op in SIGNS:
            self.times[node] = 0

    def _know(self, entry: Entry, before: Entry, known: Known) -> Entry:
        if before in known.shapes:
            self.shapes[entry] = known.shapes[before]
        if before in known.dtypes:
            self.dtypes[entry] = known.dtypes[before]
        return entry


def _title(what: Scan | Branch, node: Node, known: Known) -> str:
    if isinstance(what, Branch):
        return "cond"
    if what.condition is not None:
        return f"while, at most {what.limit:,} steps"
    steps = _steps(what, node, known)
    return "foreach" if steps is None else f"foreach ×{steps:,}"


def _steps(loop: Scan, node: Node, known: Known) -> int | None:
    """Return how many steps a loop makes, if that is known."""
    shape = known.shapes.get(node.inputs[0])
    return shape[0] if loop.condition is None and shape else None


def _known_inside(
    body: Symbol, variables: Sequence[Node], node: Node, known: Known, elements: int
) -> Known:
    """Infer shapes and types in a body, from those of what its node reads."""
    shapes: dict[Node, Shape] = {}
    dtypes: dict[Node, Any] = {}
    inside = set(body.graph.variables)
    for place, (variable, entry) in enumerate(zip(variables, node.inputs, strict=False)):
        if variable not in inside:
            continue
        shape = known.shapes.get(entry)
        if shape is not None:
            shapes[variable] = (shape[1:] or (1,)) if place < elements else shape
        if known.dtypes.get(entry) is not None:
            dtypes[variable] = known.dtypes[entry]
    try:
        return Known(
            infer_shapes(body.graph, shapes) if shapes else {},
            infer_dtypes(body.graph, dtypes) if dtypes else {},
            known.dtypes_on_edges,
        )
    except MinisymError:  # what is wrong, inference of the whole graph has said, or will
        return Known()
