"""Loops and branches, opened: what is composed inside of them stands in the graph itself.

`open_bodies` puts the ops of a body in the place of the node that holds them. What a body reads
from outside it then reads there; where a value enters, goes round, or leaves, a node says so:

* `each`: an element of what a loop runs over; `state`: what is carried from step to step;
* `stacked`: the outputs of all steps; `last`: a state after the last of them;
* `choose`: the output of the branch that a test decides for.

The gradient of a loop is another loop, and opens as one. It reads from the first what no user sees,
such as the states before each step: they are `stacked`, too.

These nodes are only drawn: they have no kernel, and no graph that runs has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from minisym.control.branch import Branch
from minisym.control.scan import Scan
from minisym.core.errors import MinisymError
from minisym.core.graph import Graph
from minisym.core.node import OWNER, Entry, Node
from minisym.core.op import NO_PARAMS, Input, Op
from minisym.core.shapes import Shape
from minisym.core.symbol import Symbol
from minisym.passes.infer import infer_dtypes, infer_shapes
from minisym.show.groups import Bodies, Scope
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
    """What a step makes for the next one is an output of it, too: so that it is here."""
    known: Known
    bodies: Bodies = field(default_factory=Bodies)
    rounds: list[tuple[Entry, Node]] = field(default_factory=list)
    """What a step makes, and the state that it is in the next one."""
    names: dict[Entry, str] = field(default_factory=dict)
    """Outputs of the graph -> what they are called."""
    times: dict[Node, int | None] = field(default_factory=dict)
    """Node -> how often a run makes it, None if that depends on values."""


def open_bodies(graph: Graph, known: Known) -> Opened:
    """Open the loops and branches of a graph, those inside of others and gradients, too.

    >>> from minisym import sym
    >>> x, start = sym.Variable("x"), sym.Variable("start")
    >>> sums, last = sym.contrib.foreach(lambda x, s: (x + s, x + s), x, start)
    >>> [node.op.name for node in open_bodies(sums.graph, Known()).graph if node.op]
    ['each', 'state', 'elemwise_add', 'stacked', 'elemwise_add']
    """
    if not any(_holds_bodies(node) for node in graph):
        return Opened(graph, known, names={entry: entry.name for entry in graph.outputs})
    work = _Work()
    now = work.copy(graph, {}, known, (), 1)
    outputs = [now[entry] for entry in graph.outputs]
    return Opened(
        Graph([*outputs, *(entry for entry, _ in work.rounds)]),
        Known(work.shapes, work.dtypes, known.dtypes_on_edges),
        work.bodies,
        work.rounds,
        dict(zip(outputs, (entry.name for entry in graph.outputs), strict=True)),
        work.times,
    )


def _holds_bodies(node: Node) -> bool:
    return node.op is not None and node.op.control is not None


def _is_plumbing(node: Node) -> bool:
    """Return whether a node only keeps the heads of a body apart."""
    return node.op is not None and node.op.name == "_copy" and is_auto_name(node)


class _Work:
    def __init__(self) -> None:
        self.shapes: dict[Entry, Shape] = {}
        self.dtypes: dict[Entry, Any] = {}
        self.bodies = Bodies()
        self.opened: dict[tuple[Scope, str], Scope] = {}
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
            elif _holds_bodies(node):
                read = [now[entry] for entry in node.inputs]
                now |= self.open(node, read, known, scope, times)
            else:
                copy = node.reading(tuple([now[entry] for entry in node.inputs]))
                if node.op is not None:
                    self._put(copy, scope)
                    self.times.setdefault(copy, times)
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
        inner = self._frame(title_of(what, node, known), scope)
        if node.kind == "backward":
            self.bodies.forward[inner[-1]] = self.opened.get((scope, node.owner), ())
        else:
            self.opened[scope, node.name] = inner
        made = (
            self._open_branch(what, node, read, known, inner)
            if isinstance(what, Branch)
            else self._open_loop(what, node, read, known, inner, times)
        )
        outputs = {}
        for index, entry in enumerate(made):
            if entry.node.op in SIGNS:
                self._put(entry.node, inner)
                self._know(entry, Entry(node, index), known)
            outputs[Entry(node, index)] = entry
        return outputs

    def _open_loop(
        self,
        loop: Scan,
        node: Node,
        read: Sequence[Entry],
        known: Known,
        scope: Scope,
        times: int | None,
    ) -> list[Entry]:
        steps = _steps(loop, node, known)
        times = None if times is None or steps is None else times * steps
        inside = known_inside(loop.body, loop.variables, node, known, loop.num_data)
        given = dict(zip(loop.variables, read, strict=False))
        states: list[Node] = []
        for place, variable in enumerate(loop.variables):
            if place < loop.num_data or place in loop.states:
                entry = read[place]
                sign = _enters(EACH if place < loop.num_data else STATE, entry, variable, node)
                self._put(sign, scope)
                given[variable] = self._know(Entry(sign), Entry(variable), inside)
                if sign.op is STATE:
                    states.append(sign)
        now = self.copy(loop.body.graph, given, inside, scope, times)
        tests: list[Entry] = []
        if loop.condition is not None:
            also = {n: given[v] for n, v in zip(loop.tested, loop.variables, strict=True)}
            test = self.copy(loop.condition.graph, also, Known(), scope, None)
            tests = [test[entry] for entry in loop.condition.entries]
        before = [given[loop.variables[place]] for place in loop.carried]
        names = [entry.node.name for entry in before]
        after = [now[entry] for entry in loop.carried.values()]
        self.rounds += zip(after, states, strict=False)
        finals = [
            _leaves(WHILE if tests else LAST, name, node, entry, *tests)
            for name, entry in zip(names, after, strict=True)
        ]
        outputs = loop.body.entries[: loop.num_outputs]
        made = [_leaves(STACKED, node.name, node, now[entry]) for entry in outputs]
        made += finals[: len(states)]
        pairs = zip(names, before, strict=True)
        made += [_leaves(STACKED, name, node, entry) for name, entry in pairs]
        made += [_leaves(STACKED, node.name, node, now[entry]) for entry in loop.draws]
        made += finals[len(states) :]
        return [*made, *tests]  # for the number of steps

    def _open_branch(
        self, branch: Branch, node: Node, read: Sequence[Entry], known: Known, scope: Scope
    ) -> list[Entry]:
        heads = []
        draws: list[Entry] = []
        for which, word in enumerate(("if", "then", "else")):
            whole = branch.whole(which) if which else branch.graphs[0]
            variables = branch.variables[which]
            inside = known_inside(whole, variables, node, known, 0)
            given = dict(zip(variables, read, strict=True))
            now = self.copy(whole.graph, given, inside, self._frame(word, scope), None)
            heads.append([now[entry] for entry in whole.entries])
            draws += [now[entry] for entry in branch.draws[which - 1]] if which else []
        (test,), then, other = heads
        common = branch.num_outputs + len(branch.written)
        pairs = zip(then[:common], other[:common], strict=True)
        return [_leaves(CHOOSE, node.name, node, test, *pair) for pair in pairs] + draws

    def _frame(self, title: str, outer: Scope) -> Scope:
        key = f"body {self.frames}"
        self.frames += 1
        self.bodies.titles[key] = title
        return (*outer, key)

    def _put(self, node: Node, scope: Scope) -> None:
        if scope:
            self.bodies.scopes.setdefault(node, scope)
        if node.op in SIGNS:
            self.times[node] = 0

    def _know(self, entry: Entry, before: Entry, known: Known) -> Entry:
        if before in known.shapes:
            self.shapes[entry] = known.shapes[before]
        if before in known.dtypes:
            self.dtypes[entry] = known.dtypes[before]
        return entry


def _enters(op: Op, entry: Entry, variable: Node, holder: Node) -> Node:
    """Make the sign of a value that a body sees step by step."""
    is_gradient = OWNER in variable.attrs and entry.node.kind in ("backward", "variable")
    return Node(op, entry.node.name, (entry,), attrs=_owner(holder) if is_gradient else NO_PARAMS)


def _leaves(op: Op, name: str, holder: Node, *entries: Entry) -> Entry:
    """Make the sign of a value that a holder of bodies gives."""
    return Entry(Node(op, name, entries, attrs=_owner(holder)))


def _owner(holder: Node) -> Mapping[str, str]:
    """Return the attribute that marks signs in a gradient as part of it."""
    return {OWNER: holder.attrs[OWNER]} if OWNER in holder.attrs else NO_PARAMS


def title_of(what: Scan | Branch, node: Node, known: Known) -> str:
    """Return what a loop or a branch is: `foreach ×35`, `∂ foreach ×35, last step first`."""
    mark = f"{'∂' * node.gradient_order} " if node.kind == "backward" else ""
    name = "" if mark or is_auto_name(node) else f" · {node.name}"
    if isinstance(what, Branch):
        return f"{mark}cond{name}"
    steps = _steps(what, node, known)
    if what.condition is not None:
        said = f"while, at most {what.limit:,} steps"
    elif what.counted:
        said = "while, as many steps"
    else:
        said = "foreach" if steps is None else f"foreach ×{steps:,}"
    return f"{mark}{said}{', last step first' if what.reverse else ''}{name}"


def _steps(loop: Scan, node: Node, known: Known) -> int | None:
    """Return how many steps a loop makes, if that is known."""
    shape = known.shapes.get(node.inputs[0])
    return shape[0] if loop.condition is None and not loop.counted and shape else None


def known_inside(
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
