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
from typing import Any

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
from minisym.core.node import Entry, Node
from minisym.core.shapes import BROADCAST, Mismatch, Shape, show
from minisym.passes.slots import DTYPES, SHAPES, Conflict, DType, Kind, Slots, same


class Engine:
    """One inference over one graph: `engine[entry]` is what is known of an entry.

    Attributes
    ----------
    values
        What is known, by place: the places of all outputs of all nodes count on, in order.
    first
        The place of each node's first output.
    inputs, computed
        The places that each node reads: arrays, and parameters that the graph computes.
    sources
        Who said so: a word ("given to bind"), or the node whose rule it was.
    """

    def __init__(self, graph: Graph, kind: Kind) -> None:
        self.graph, self.kind = graph, kind
        self.first: dict[Node, int] = {}
        self.inputs: dict[Node, tuple[int, ...]] = {}
        self.computed: dict[Node, tuple[int, ...]] = {}
        first, place = self.first, 0
        for node in graph:
            op = node.op
            first[node] = place
            places = tuple([first[source] + i for source, i in node.inputs])
            if op is not None and op.writes and (computed := len(node.computed)):
                self.computed[node] = places[-computed:]
                places = places[:-computed]
            self.inputs[node] = places
            place += 1 if op is None or op.single else node.num_outputs
        self.values: list[Any] = [None] * place
        self.sources: list[str | Node | None] = [None] * place

    def __getitem__(self, entry: Entry) -> Any:
        """Return what is known of an entry."""
        return self.values[self.first[entry.node] + entry.index]

    def outputs(self, node: Node) -> range:
        """Return the places of a node's outputs."""
        first = self.first[node]
        return range(first, first + node.num_outputs)

    def declare(self) -> None:
        """Take the shapes or types that the Variables declare themselves."""
        key = self.kind.attribute
        for node in self.graph.variables:
            if node.attrs and key in node.attrs:
                place = self.first[node]
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

    def give(self, node: Node, value: Any, source: str) -> None:
        """Take what the user says of a Variable."""
        place = self.first[node]
        self.values[place] = value
        self.sources[place] = source

    def demand(self, entry: Entry, value: Any) -> None:
        """Take what the surroundings of the graph say of an entry."""
        place = self.first[entry.node] + entry.index
        self.values[place] = self.kind.unify(self.values[place], value)

    def run(self) -> None:
        """Visit every node in order, then those that something has changed for, to the end."""
        values, sources, first = self.values, self.sources, self.first
        shapes_too = self.kind is SHAPES
        known, same_value = self.kind.known, self.kind.same
        pending: deque[Node] = deque()
        waiting: set[Node] = set()
        settled: Any = None  # the last value that was seen to be known; most nodes have that one
        for node, ins in self.inputs.items():
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
                        for place in (here,) if op.single else self.outputs(node):
                            values[place] = value
                            sources[place] = node
                        continue
            changed = self.visit(node)
            # later nodes are still to come; only what flowed back into an input wakes earlier ones
            flowed_back = [place for place in changed if place < here]
            self._wake(flowed_back, node, pending, waiting, swept=here)
        while pending:
            node = pending.popleft()
            waiting.discard(node)
            self._wake(self.visit(node), node, pending, waiting, swept=len(values))
        if shapes_too:
            self._check_computed()

    def _wake(
        self,
        changed: Sequence[int],
        by: Node,
        pending: deque[Node],
        waiting: set[Node],
        *,
        swept: int,
    ) -> None:
        """Queue the nodes, visited already, that touch a slot which has just changed."""
        for place in changed:
            owner = self.owner[place]
            touching = [*self.graph.successors(owner)]
            if owner.op is not None:
                touching.append(owner)
            for node in touching:
                if node is not by and self.first[node] <= swept and node not in waiting:
                    waiting.add(node)
                    pending.append(node)

    @cached_property
    def owner(self) -> Sequence[Node]:
        """The node that each place belongs to."""
        return [node for node in self.graph for _ in self.outputs(node)]

    def visit(self, node: Node) -> list[int]:
        """Run one node's rule; return the places that it changed.

        What a rule has found out about an input may tell it more about the others: then it runs
        again.
        """
        slots = Slots(self, node)
        first, known = self.first[node], self.kind.known
        try:
            self._apply(node, slots)
            places, seen = (*self.inputs[node], *self.outputs(node)), 0
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
        for place in slots._changed:
            self.sources[place] = node
            if self.kind is SHAPES and any(d is not None and d < 0 for d in self.values[place]):
                raise self._broken(node, ValueError("a size would be negative"))
        changed: list[int] = slots._changed
        return changed

    def _apply(self, node: Node, slots: Slots) -> None:
        op = node.op
        assert op is not None
        rule = op.shape_rule if self.kind is SHAPES else op.dtype_rule
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
        for node, places in self.computed.items():
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
        return {
            Entry(node, i): self.values[place]
            for node in self.graph
            for i, place in enumerate(self.outputs(node))
        }

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
        owner = self.owner[place]
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
        rule = node.op.shape_rule if self.kind is SHAPES else node.op.dtype_rule
        wants = getattr(rule, "wants", ())
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
        owner = self.owner[Slots(self, node)._names[conflict.slot]]
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
        unknown = not all(self.kind.known(self.values[place]) for place in self.inputs[node])
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
            if shape is not None and place not in self.outputs(node):
                names.setdefault((1,) * (len(reason.have) - len(shape)) + shape, name)
        have, need = (f"{names.get(s, '')} {show(s)}".strip() for s in (reason.have, reason.need))
        axis = reason.axis
        return (
            f"{have} does not broadcast with {need}: "
            f"axis {axis} is {reason.have[axis]}, not {reason.need[axis]}"
        )


def infer(
    graph: Graph, known: Mapping[Node, Any], kind: Kind = SHAPES, source: str = "given"
) -> Engine:
    """Infer over a graph from what is known of its Variables; return the finished engine."""
    engine = Engine(graph, kind)
    for node, value in known.items():
        engine.give(node, value, source)
    engine.declare()
    engine.run()
    return engine


def infer_shapes(graph: Graph, known: Mapping[Node, Shape]) -> dict[Entry, Shape]:
    """Return the shape of every entry, as far as it follows from those of some Variables."""
    return infer(graph, known).annotation()


def infer_dtypes(graph: Graph, known: Mapping[Node, DType]) -> dict[Entry, DType]:
    """Return the element type of every entry, as far as it follows from some Variables'."""
    return infer(graph, known, DTYPES).annotation()
