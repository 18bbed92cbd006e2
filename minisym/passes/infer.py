"""Inference: shapes and element types flow both ways until nothing changes.

Each op has a rule that sees its slots (inputs and outputs), reads what is known, and assigns what
follows; assignment unifies. The engine visits every node once in order, then again those that touch
a slot which has changed since, so that knowledge flows from data to weights, from outputs back to
inputs, and through shared variables. Every rule runs at least once, so a contradiction is found
even where all shapes were given. Every slot remembers who said so, for the error to tell.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Any, Final

from minisym.core import shapes
from minisym.core.errors import (
    AxisError,
    DeclarationError,
    MinisymError,
    ParamError,
    Row,
    ShapeError,
    listed,
)
from minisym.core.graph import Graph
from minisym.core.node import Entry, Node, all_entries
from minisym.core.op import Op
from minisym.core.shapes import BROADCAST, Mismatch, Shape, show
from minisym.passes.slots import DTYPES, SHAPES, Conflict, DType, Kind, Slots, same


class Places:
    """Where engines keep what they know of a graph: the outputs of all nodes count on, in order.

    Attributes
    ----------
    first
        The place of each node's first output.
    inputs, computed
        The places that each node reads: arrays, and parameters that the graph computes.
    total
        How many places there are.
    """

    def __init__(self, graph: Graph) -> None:
        self.first: dict[Node, int] = {}
        self.inputs: dict[Node, tuple[int, ...]] = {}
        self.computed: dict[Node, tuple[int, ...]] = {}
        self.total = 0
        self.grow(graph)

    def grow(self, graph: Graph) -> None:
        """Take in a graph whose list begins with that of the graph before."""
        first, inputs, place = self.first, self.inputs, self.total
        for node in islice(graph, len(first), None):
            op = node.op
            first[node] = place
            places = tuple([first[source] + i for source, i in node.inputs])
            if op is not None and op.writes and (computed := len(node.computed)):
                self.computed[node] = places[-computed:]
                places = places[:-computed]
            inputs[node] = places
            place += 1 if op is None or op.single else node.num_outputs
        self.total = place
        self.__dict__.pop("owner", None)

    def outputs(self, node: Node) -> range:
        """Return the places of a node's outputs."""
        first = self.first[node]
        return range(first, first + node.num_outputs)

    @cached_property
    def owner(self) -> Sequence[Node]:
        """The node that each place belongs to."""
        return [node for node in self.first for _ in self.outputs(node)]

    def entries(self) -> list[Entry]:
        """Return what stands at each place."""
        return [entry for node in self.first for entry in all_entries(node)]


Answer = tuple[tuple[tuple[int, Any], ...], tuple[int, ...]]
"""What a rule says: the slots that it changes, with their values, and those that it leaves open."""

MOST_ANSWERS: Final = 1 << 14
"""So many answers of rules are remembered in one inference."""


class Engine:
    """One inference over one graph: `engine[entry]` is what is known of an entry.

    Attributes
    ----------
    places
        Where it keeps what it knows; engines of one graph may share them.
    values
        What is known, by place.
    sources
        Who said so: a word ("given to bind"), or the node whose rule it was.
    """

    def __init__(self, graph: Graph, kind: Kind, places: Places | None = None) -> None:
        self.graph, self.kind = graph, kind
        self.places = Places(graph) if places is None else places
        self.values: list[Any] = [None] * self.places.total
        self.sources: list[str | Node | None] = [None] * self.places.total
        self._visited = 0  # so many nodes of the list
        self._open = bytearray(self.places.total)  # what a visit has left open
        self._answers: dict[Any, Answer] = {}

    def __getitem__(self, entry: Entry) -> Any:
        """Return what is known of an entry."""
        return self.values[self.places.first[entry.node] + entry.index]

    def grow(self, graph: Graph) -> None:
        """Go on with a graph whose list begins with that of the graph before.

        The places have grown already. What is known stays, and `run` visits the new nodes.
        """
        self.graph, more = graph, self.places.total - len(self.values)
        self.values += [None] * more
        self.sources += [None] * more
        self._open += bytes(more)

    def declare(self) -> None:
        """Take the shapes or types that the Variables declare themselves."""
        key = self.kind.attribute
        for node in self.graph.variables:
            if node.attrs and key in node.attrs:
                place = self.places.first[node]
                if self.values[place] is None:
                    self.values[place] = self._declared(node, node.attrs[key])
                    self.sources[place] = "declared by the Variable"

    def _declared(self, node: Node, text: str) -> Any:
        """Read what a Variable declares; it may come from a file."""
        try:
            return self.kind.declared(text)
        except (ValueError, TypeError):
            raise ParamError(
                f"Variable {node.name!r}: {self.kind.attribute} holds no {self.kind.noun}, "
                f"but {text!r:.60}",
                origin=node.origin or None,
                hint="Variable(shape=(2, 3), dtype='float32') spells them for you",
            ) from None

    def give(self, known: Mapping[Node, Any], source: str) -> None:
        """Take what the user says of Variables."""
        first, values, sources = self.places.first, self.values, self.sources
        for node, value in known.items():
            place = first[node]
            values[place] = value
            sources[place] = source

    def demand(self, entry: Entry, value: Any) -> None:
        """Take what the surroundings of the graph say of an entry."""
        place = self.places.first[entry.node] + entry.index
        self.values[place] = self.kind.unify(self.values[place], value)

    def run(self, *, again: bool = False) -> None:
        """Visit every node in order, then those that something has changed for, to the end.

        Nodes that were visited by a run before are so again if it is asked for, as where the
        Variables have got new values.
        """
        values, sources, places = self.values, self.sources, self.places
        shapes_too = self.kind is SHAPES
        known, same_value = self.kind.known, self.kind.same
        pending: deque[Node] = deque()
        waiting: set[Node] = set()
        settled: Any = None  # the last value that was seen to be known; most nodes have that one
        first = places.first
        for node, ins in islice(places.inputs.items(), 0 if again else self._visited, None):
            op = node.op
            if op is None:
                continue
            here = first[node]
            if op.elementwise if shapes_too else op.dtype_rule is None:
                # most nodes: all slots are one, and the inputs know it already
                value = values[ins[0]] if ins else None
                if value is not None and (value is settled or known(value)):
                    settled = value
                    for place in ins:
                        if values[place] is not value and not same_value(values[place], value):
                            break
                    else:
                        for place in (here,) if op.single else places.outputs(node):
                            values[place] = value
                            sources[place] = node
                        continue
            for place in self.visit(node):
                # later nodes are still to come; only what flowed back wakes earlier ones
                if place < here:
                    self._wake(place, node, pending, waiting, swept=here)
        self._visited = len(first)
        while pending:
            node = pending.popleft()
            waiting.discard(node)
            for place in self.visit(node):
                self._wake(place, node, pending, waiting, swept=places.total)
        if shapes_too:
            self._check_computed()

    def _wake(
        self, place: int, by: Node, pending: deque[Node], waiting: set[Node], *, swept: int
    ) -> None:
        """Queue the nodes, visited already, that have left a slot open which has just changed."""
        if not self._open[place]:
            return
        owner = self.places.owner[place]
        touching = [*self.graph.successors(owner)]
        if owner.op is not None:
            touching.append(owner)
        for node in touching:
            if node is not by and self.places.first[node] <= swept and node not in waiting:
                waiting.add(node)
                pending.append(node)

    def visit(self, node: Node) -> Sequence[int]:
        """Run one node's rule; return the places that it changed.

        Layers repeat. A rule that was asked about the same parameters and the same known values
        before answers the same, so it is not asked again. An error is not remembered: it speaks of
        its node.
        """
        values, ins, op = self.values, self.places.inputs[node], node.op
        assert op is not None
        here = self.places.first[node]
        slots = (*ins, here) if op.single else (*ins, *self.places.outputs(node))
        question: Any = None
        if len({*ins}) == len(ins):  # of an array that is read twice, two slots change at once
            params = node.params.items() if self._rule(op) is not None else ()
            question = (op, *params, *[values[place] for place in slots])
        try:
            answer = self._answers.get(question)
        except TypeError:  # a parameter that nothing can be looked up by, such as a list
            question = answer = None
        if answer is None:
            answer, is_general = self._ask(node, slots)
            if question is not None and is_general and len(self._answers) < MOST_ANSWERS:
                self._answers[question] = answer
        changes, left_open = answer
        for slot in left_open:
            self._open[slots[slot]] = True
        changed = []
        for slot, value in changes:
            place = slots[slot]
            values[place] = value
            self.sources[place] = node
            changed.append(place)
        return changed

    def _ask(self, node: Node, places: Sequence[int]) -> tuple[Answer, bool]:
        """Run a rule; return what it says, and whether it would say so of every such node.

        What it has found out about an input may tell it more about the others: then it runs again.
        """
        slots = Slots(self, node)
        first, known = self.places.first[node], self.kind.known
        try:
            self._apply(node, slots)
            seen = 0
            while any(place < first for place in slots._changed[seen:]):
                if all(known(self.values[place]) for place in places):
                    break
                seen = len(slots._changed)
                self._apply(node, slots)
        except MinisymError:
            raise
        except Conflict as conflict:
            raise self._error(node, conflict) from None
        except (ArithmeticError, IndexError, ValueError) as error:
            raise self._broken(node, error) from None
        except Exception as error:
            raise self._slip(node, error) from error
        changed = dict.fromkeys(slots._changed)
        for place in changed:
            self.sources[place] = node
            if self.kind is SHAPES and any(d is not None and d < 0 for d in self.values[place]):
                raise self._broken(node, ValueError("a size would be negative"))
        # the first slot of each place: a node may read one value twice
        slot_of = {place: i for i, place in reversed([*enumerate(places)])}
        changes = tuple([(slot_of[place], self.values[place]) for place in changed])
        left = tuple([i for i, place in enumerate(places) if not known(self.values[place])])
        return (changes, left), not slots._named

    def _rule(self, op: Op) -> Any:
        return op.shape_rule if self.kind is SHAPES else op.dtype_rule

    def _apply(self, node: Node, slots: Slots) -> None:
        op = node.op
        assert op is not None
        rule = self._rule(op)
        if rule is not None:
            answer = rule(slots, params=node.params)
            if answer is not None:
                raise DeclarationError(
                    f"{op.name}: its {self.kind.noun} rule returns {answer!r:.60}, "
                    "but it has to assign",
                    hint=self.kind.form,
                )
        elif op.elementwise or self.kind is DTYPES:
            same(slots)
        elif op.is_known and op.measure is None:
            raise DeclarationError(
                f"{op.name} {node.name!r}: it has no shape rule, so that nothing says which shape "
                f"{listed(op.output_names(node.params))} has",
                origin=node.origin,
                hint=f"declare one, @{op.name}.shape, or elementwise=True where all arrays "
                "have one shape",
            )

    def _check_computed(self) -> None:
        """See that each parameter that the graph computes is a single number."""
        for node, places in self.places.computed.items():
            for name, place in zip(node.computed, places, strict=True):
                shape = self.values[place]
                if shape is None:
                    self.values[place], self.sources[place] = (1,), node
                elif shapes.product(shape) not in (1, None):
                    assert node.op is not None
                    told = self._told(place, node)
                    raise ShapeError(
                        f"{node.op.name} {node.name!r}: {name} must be one number, "
                        f"but its symbol has shape {show(shape)}",
                        rows=[*self.rows(node), (name, show(shape), told, "not (1,)")],
                        origin=node.origin,
                        hint="the graph computes a parameter as an array of one element",
                    )

    def annotation(self) -> dict[Entry, Any]:
        """Return what was found, by entry."""
        return dict(zip(self.places.entries(), self.values, strict=True))

    # ------------------------------------------------------------------------------------ errors

    def rows(self, node: Node, marked: str = "", remark: str = "") -> list[Row]:
        """Return the table of a node's slots: name, value, and where it came from."""
        slots = Slots(self, node)
        rows: list[Row] = []
        for name, place in slots._names.items():
            value, told = self.kind.show(self.values[place]), self._told(place, node)
            rows.append((name, value, told, remark if name == marked else ""))
        return rows

    def _told(self, place: int, node: Node) -> str:
        """Return where the value of one of a node's slots came from."""
        source = self.sources[place]
        owner = self.places.owner[place]
        if isinstance(source, str):
            return source
        if source is None:
            return "unknown"
        if source is node or owner is node:
            return "inferred"
        return f"inferred at {source.name}" if owner.op is None else f"output of {owner.name}"

    def _error(self, node: Node, conflict: Conflict) -> MinisymError:
        assert node.op is not None
        noun, text = self.kind.noun, self.kind.show
        have, need = text(conflict.have), text(conflict.need)
        remark = f"not {need}"
        if conflict.axis is not None:
            remark = (
                f"axis {conflict.axis} is {conflict.have[conflict.axis]}, "
                f"not {conflict.need[conflict.axis]}"
            )
        wants = getattr(self._rule(node.op), "wants", ())
        others = [r for r in dict.fromkeys(conflict.reads) if r != conflict.slot]
        params = [p for p in wants if p in node.given]
        slots = Slots(self, node)
        if self.kind is DTYPES and conflict.need not in [getattr(slots, name) for name in others]:
            others = []  # the op itself wants it: the scale beside float16 data is float32
        reasons = others[:3] + params
        because = listed(reasons) or node.op.name
        verb = "needs" if len(reasons) < 2 else "need"
        sentence = (
            f"{node.op.name} {node.name!r}: {conflict.slot} has {noun} {have}, "
            f"but {because} {verb} {need}"
        )
        hint = None
        owner = self.places.owner[Slots(self, node)._names[conflict.slot]]
        if self.kind is DTYPES:
            hint = "convert one of them with Cast(dtype=…), or bind arrays of one type"
            if not others:
                hint = f"give {owner.name} the type {need}, or convert it with Cast(dtype={need!r})"
        elif node.op.elementwise and len(node.inputs) > 1 and not node.op.writes:
            hint = "operators between symbols do not broadcast; broadcast_add and its like do"
        elif owner.op is None:
            hint = f"give {owner.name} the shape {need}"
            hint += f", or change {listed(params)}" if params else ""
        return self.kind.error(
            sentence,
            rows=self.rows(node, conflict.slot, remark),
            origin=node.origin,
            hint=hint,
        )

    def _broken(self, node: Node, reason: Exception) -> MinisymError:
        assert node.op is not None
        kind, hint, text = self.kind.error, None, str(reason)
        if isinstance(reason, IndexError):
            kind, hint = AxisError, "axes count from 0, or backwards from -1"
        elif self.kind is DTYPES:
            hint = "convert it with Cast(dtype=…), or bind arrays of another type"
        elif isinstance(reason, Mismatch) and reason.relation == BROADCAST:
            text = self._unbroadcast(node, reason)
            hint = "a size of 1 stretches; all other sizes must agree"
        return kind(
            f"{node.op.name} {node.name!r}: {text}",
            rows=self.rows(node),
            origin=node.origin,
            hint=hint,
        )

    def _slip(self, node: Node, reason: Exception) -> MinisymError:
        """Say that a rule fails in a way that no shape or type of a user should make it fail."""
        assert node.op is not None
        unknown = not all(self.kind.known(self.values[place]) for place in self.places.inputs[node])
        return DeclarationError(
            f"{node.op.name} {node.name!r}: its {self.kind.noun} rule raises "
            f"{type(reason).__name__}: {reason}",
            rows=self.rows(node),
            origin=node.origin,
            hint="what is not known yet is None, a dimension or a whole shape; ask for it first, "
            "or assign what is known: s.data = (None, None)"
            if unknown and self.kind is SHAPES
            else self.kind.form,
        )

    def _unbroadcast(self, node: Node, reason: Mismatch) -> str:
        """Say which inputs do not broadcast: the error knows their shapes, filled up with ones."""
        slots = Slots(self, node)
        names: dict[Any, str] = {}
        for name, place in slots._names.items():
            shape = self.values[place]
            if shape is not None and place not in self.places.outputs(node):
                names.setdefault((1,) * (len(reason.have) - len(shape)) + shape, name)
        have, need = (f"{names.get(s, '')} {show(s)}".strip() for s in (reason.have, reason.need))
        axis = reason.axis
        return (
            f"{have} does not broadcast with {need}: "
            f"axis {axis} is {reason.have[axis]}, not {reason.need[axis]}"
        )


def infer(
    graph: Graph,
    known: Mapping[Node, Any],
    kind: Kind = SHAPES,
    source: str = "given",
    places: Places | None = None,
) -> Engine:
    """Infer over a graph from what is known of its Variables; return the finished engine."""
    engine = Engine(graph, kind, places)
    engine.give(known, source)
    engine.declare()
    engine.run()
    return engine


def infer_shapes(graph: Graph, known: Mapping[Node, Shape]) -> dict[Entry, Shape]:
    """Return the shape of every entry, as far as it follows from those of some Variables.

    >>> from minisym import sym
    >>> graph = sym.FullyConnected(sym.Variable("x"), num_hidden=3, name="fc").graph
    >>> shapes = infer_shapes(graph, {graph.node("x"): (4, 2)})
    >>> {entry.name: shape for entry, shape in shapes.items()}
    {'x': (4, 2), 'fc_weight': (3, 2), 'fc_bias': (3,), 'fc_output': (4, 3)}
    """
    return infer(graph, known).annotation()


def infer_dtypes(graph: Graph, known: Mapping[Node, DType]) -> dict[Entry, DType]:
    """Return the element type of every entry, as far as it follows from some Variables'."""
    return infer(graph, known, DTYPES).annotation()
