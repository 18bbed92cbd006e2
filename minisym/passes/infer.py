"""Inference: shapes and element types flow both ways until nothing changes.

Each op has a rule that sees its slots (inputs and outputs), reads what is known, and assigns what
follows; assignment unifies. The engine visits every node once in order, then again those that touch
a slot which has changed since, so that knowledge flows from data to weights, from outputs back to
inputs, and through shared variables. Every rule runs at least once, so a contradiction is found
even where all shapes were given. Every slot remembers who said so, for the error to tell.
"""

from __future__ import annotations

import operator
import warnings
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from minisym import shapes
from minisym.errors import (
    AxisError,
    DtypeError,
    MinisymError,
    ParamError,
    Row,
    ShapeError,
    did_you_mean,
)
from minisym.graph import Entry, Graph, Node
from minisym.params import OptionalInts, param_of
from minisym.shapes import Mismatch, Shape, show
from minisym.symbol.symbol import Symbol, dtype_of_code

DType = np.dtype[Any] | None


# ------------------------------------------------------------------------------- what is inferred


@dataclass(frozen=True)
class Kind:
    """What an engine infers: shapes or element types."""

    noun: str
    unify: Callable[[Any, Any], Any]
    known: Callable[[Any], bool]
    same: Callable[[Any, Any], bool]
    show: Callable[[Any], str]
    error: type[MinisymError]
    attribute: str
    declared: Callable[[str], Any]


def _unify_dtypes(a: DType, b: DType) -> DType:
    # never `a == b` with None: NumPy takes None for float64
    if a is None:
        return b
    if b is None or a == b:
        return a
    raise Mismatch(None, a, b)


DECLARED_SHAPE: Final = param_of("shape", OptionalInts, None).parse
"""Read a `__shape__` attribute, of old files (`(64L,)`), too."""

SHAPES: Final = Kind(
    "shape",
    shapes.unify,
    shapes.is_known,
    operator.eq,
    show,
    ShapeError,
    "__shape__",
    lambda text: shapes.from_user(DECLARED_SHAPE(text)),
)
DTYPES: Final = Kind(
    "type",
    _unify_dtypes,
    lambda dtype: dtype is not None,
    lambda a, b: a is not None and b is not None and a == b,
    lambda dtype: "?" if dtype is None else str(dtype),
    DtypeError,
    "__dtype__",
    dtype_of_code,
)


class Slots:
    """What a rule sees of one node: `s.data` reads a slot, `s.data = …` unifies it.

    Inputs have the op's names for them, outputs `output`, or the op's names for several. `inputs`
    and `outputs` give all of them in order; `set_input`, `set_output` assign by position.
    """

    __slots__ = ("_changed", "_engine", "_names", "_node", "_places", "_reads")

    def __init__(self, engine: Engine, position: int) -> None:
        node = engine.order[position]
        assert node.op is not None
        init = object.__setattr__
        init(self, "_engine", engine)
        init(self, "_node", node)
        init(self, "_places", (engine.inputs[position], engine.outputs(position)))
        init(self, "_changed", [])
        init(self, "_reads", [])
        names: dict[str, int] = dict(
            zip(node.input_names(), engine.inputs[position], strict=False)
        )
        outputs = node.op.output_names(node.params)
        names.update(
            (n if n not in names else f"{n}_output", p)
            for n, p in zip(outputs, engine.outputs(position), strict=True)
        )
        init(self, "_names", names)

    def __getattr__(self, name: str) -> Any:
        place = self._names.get(name)
        if place is None:
            if name in ("inputs", "outputs"):
                return tuple(self._engine.values[p] for p in self._places[name == "outputs"])
            return None  # an input that does not exist with these parameters
        self._reads.append(name)
        return self._engine.values[place]

    def __setattr__(self, name: str, value: Any) -> None:
        place = self._names.get(name)
        if place is not None:
            self._assign(name, place, value)

    def set_input(self, position: int, value: Any) -> None:
        """Unify the input at this position."""
        place = self._places[0][position]
        self._assign(self._name_of(place), place, value)

    def set_output(self, position: int, value: Any) -> None:
        """Unify the output at this position."""
        place = self._places[1][position]
        self._assign(self._name_of(place), place, value)

    def _name_of(self, place: int) -> str:
        return next(name for name, p in self._names.items() if p == place)

    def _assign(self, name: str, place: int, value: Any) -> None:
        engine = self._engine
        before = engine.values[place]
        try:
            after = engine.kind.unify(before, value)
        except Mismatch as mismatch:
            raise _Conflict(name, before, value, mismatch.axis, tuple(self._reads)) from None
        if after is not before and not engine.kind.same(before, after):
            engine.values[place] = after
            self._changed.append(place)


class _Conflict(Exception):  # noqa: N818  private: the engine turns it into a ShapeError
    """A rule assigned to a slot what contradicts its value."""

    def __init__(
        self, slot: str, have: Any, need: Any, axis: int | None, reads: tuple[str, ...]
    ) -> None:
        self.slot, self.have, self.need, self.axis, self.reads = slot, have, need, axis, reads


# ------------------------------------------------------------------------------------- the engine


class Engine:
    """One inference over one graph.

    Attributes
    ----------
    values
        What is known of each entry, by place: the entries of all nodes in order.
    inputs, computed
        The places that each node reads, by its position: arrays, and parameters that the graph
        computes.
    sources
        Who said so: a word ("given to bind"), or the node whose rule it was.
    """

    def __init__(self, graph: Graph, kind: Kind) -> None:
        self.graph, self.kind = graph, kind
        self.order = graph.order
        self.first: list[int] = []
        self.inputs: list[tuple[int, ...]] = []
        self.computed: dict[int, tuple[int, ...]] = {}
        start: dict[Node, int] = {}
        place = 0
        for position, node in enumerate(self.order):
            op = node.op
            start[node] = place
            self.first.append(place)
            places = tuple([start[source] + i for source, i in node.inputs])
            if op is not None and len(places) > len(op.inputs) and not op.variadic:
                count = len(op.inputs)
                self.computed[position] = places[count:]
                places = places[:count]
            self.inputs.append(places)
            place += 1 if op is None or op.single else node.num_outputs
        self.first.append(place)
        self.values: list[Any] = [None] * place
        self.sources: list[str | Node | None] = [None] * place

    def outputs(self, position: int) -> range:
        """Return the places of a node's outputs."""
        return range(self.first[position], self.first[position + 1])

    def place(self, entry: Entry) -> int:
        """Return the place of an entry."""
        return self.first[self.graph.index[entry.node]] + entry.index

    def declare(self) -> None:
        """Take the shapes or types that the Variables declare themselves."""
        key = self.kind.attribute
        for position, node in enumerate(self.order):
            if node.op is None and node.attrs and key in node.attrs:
                place = self.first[position]
                if self.values[place] is None:
                    self.values[place] = self.kind.declared(node.attrs[key])
                    self.sources[place] = "declared by the Variable"

    def give(self, node: Node, value: Any, source: str) -> None:
        """Take what the user says of a Variable."""
        place = self.first[self.graph.index[node]]
        self.values[place] = value
        self.sources[place] = source

    def run(self) -> None:
        """Visit every node in order, then those that something has changed for, to the end."""
        values, sources, first = self.values, self.sources, self.first
        shapes_too = self.kind is SHAPES
        known, same_value = self.kind.known, self.kind.same
        pending: deque[int] = deque()
        waiting: set[int] = set()
        settled: Any = None  # the last value that was seen to be known; most nodes have that one
        for position, node in enumerate(self.order):
            op = node.op
            if op is None:
                continue
            if op.elementwise if shapes_too else op.dtype_rule is None:
                # most nodes: all slots are one, and the inputs know it already
                ins = self.inputs[position]
                value = values[ins[0]] if ins else None
                if value is not None and (value is settled or known(value)):
                    settled = value
                    for place in ins:
                        if values[place] is not value and not same_value(values[place], value):
                            break
                    else:
                        for place in range(first[position], first[position + 1]):
                            values[place] = value
                            sources[place] = node
                        continue
            changed = self.visit(position)
            # later nodes are still to come; only what flowed back into an input wakes earlier ones
            flowed_back = [place for place in changed if place < first[position]]
            self._wake(flowed_back, position, pending, waiting, swept=position)
        while pending:
            position = pending.popleft()
            waiting.discard(position)
            self._wake(self.visit(position), position, pending, waiting, swept=len(self.order))
        if shapes_too:
            self._check_computed()

    def _wake(
        self,
        changed: Sequence[int],
        by: int,
        pending: deque[int],
        waiting: set[int],
        *,
        swept: int,
    ) -> None:
        """Queue the nodes, visited already, that touch a slot which has just changed."""
        for place in changed:
            owner = self.owner[place]
            touching = [owner] if self.order[owner].op is not None else []
            index = self.graph.index
            touching += [index[node] for node in self.graph.consumers[self.order[owner]]]
            for position in touching:
                if position != by and position <= swept and position not in waiting:
                    waiting.add(position)
                    pending.append(position)

    @property
    def owner(self) -> Sequence[int]:
        """The position of the node that each place belongs to."""
        if not hasattr(self, "_owner"):
            self._owner = [
                position for position in range(len(self.order)) for _ in self.outputs(position)
            ]
        return self._owner

    def visit(self, position: int) -> list[int]:
        """Run one node's rule; return the places that it changed."""
        node = self.order[position]
        assert node.op is not None
        slots = Slots(self, position)
        try:
            self._apply(node, slots)
        except _Conflict as conflict:
            raise self._error(node, position, conflict) from None
        except (IndexError, ValueError) as error:
            if isinstance(error, MinisymError):
                raise
            raise self._broken(node, position, error) from None
        for place in slots._changed:
            self.sources[place] = node
        return slots._changed

    def _apply(self, node: Node, slots: Slots) -> None:
        op = node.op
        assert op is not None
        rule = op.shape_rule if self.kind is SHAPES else op.dtype_rule
        if rule is not None:
            rule(slots, params=node.params)
        elif op.elementwise or self.kind is DTYPES:
            same(slots)

    def _check_computed(self) -> None:
        """A parameter that the graph computes is a single number."""
        for position, places in self.computed.items():
            node = self.order[position]
            for name, place in zip(node.input_names()[-len(places) :], places, strict=True):
                shape = self.values[place]
                if shape is None:
                    self.values[place], self.sources[place] = (1,), node
                elif shapes.product(shape) not in (1, None):
                    assert node.op is not None
                    message = (
                        f"{node.op.name} {node.name!r}: {name} must be one number, "
                        f"but its symbol has shape {show(shape)}"
                    )
                    raise ShapeError(message, origin=node.origin)

    # ------------------------------------------------------------------------------------ errors

    def rows(self, position: int, marked: str = "", remark: str = "") -> list[Row]:
        """Return the table of a node's slots: name, value, and where it came from."""
        node = self.order[position]
        slots = Slots(self, position)
        rows: list[Row] = []
        for name, place in slots._names.items():
            source = self.sources[place]
            owner = self.order[self.owner[place]]
            if isinstance(source, str):
                told = source
            elif source is None:
                told = "unknown"
            elif source is node or owner is node:
                told = "inferred"
            elif owner.op is None:
                told = f"inferred at {source.name}"
            else:
                told = f"output of {owner.name}"
            rows.append(
                (name, self.kind.show(self.values[place]), told, remark if name == marked else "")
            )
        return rows

    def _error(self, node: Node, position: int, conflict: _Conflict) -> MinisymError:
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
        reasons = others[:3] + [p for p in wants if p in node.given]
        because = _and(reasons) or node.op.name
        verb = "needs" if len(reasons) < 2 else "need"  # noqa: PLR2004
        sentence = (
            f"{node.op.name} {node.name!r}: {conflict.slot} has {noun} {have}, "
            f"but {because} {verb} {need}"
        )
        hint = None
        if self.kind is SHAPES and node.op.elementwise and len(node.inputs) > 1:
            hint = "operators between symbols do not broadcast; broadcast_add and its like do"
        elif self.kind is DTYPES:
            hint = "convert one of them with Cast(dtype=…), or bind arrays of one type"
        return self.kind.error(
            sentence,
            rows=self.rows(position, conflict.slot, remark),
            origin=node.origin,
            hint=hint,
        )

    def _broken(self, node: Node, position: int, reason: Exception) -> MinisymError:
        assert node.op is not None
        kind = AxisError if isinstance(reason, IndexError) else self.kind.error
        return kind(
            f"{node.op.name} {node.name!r}: {reason}",
            rows=self.rows(position),
            origin=node.origin,
        )


def same(s: Slots) -> None:
    """Rule: all inputs and outputs are one."""
    total = None
    places = [*s._places[0], *s._places[1]]
    for place in places:
        value = s._engine.values[place]
        name = s._name_of(place)
        if total is not None:
            s._assign(name, place, total)
            value = s._engine.values[place]
        else:
            s._reads.append(name)
        total = value
    if total is not None:
        for place in places:
            s._assign(s._name_of(place), place, total)


def _and(words: Sequence[str]) -> str:
    if len(words) < 2:  # noqa: PLR2004
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


# ----------------------------------------------------------------------------------- entry points


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


def annotation(engine: Engine) -> dict[Entry, Any]:
    """Return what an engine found, by entry."""
    return {
        Entry(node, i): engine.values[place]
        for position, node in enumerate(engine.order)
        for i, place in enumerate(engine.outputs(position))
    }


def infer_shapes(graph: Graph, known: Mapping[Node, Shape]) -> dict[Entry, Shape]:
    """Return the shape of every entry, as far as it follows from those of some Variables."""
    return annotation(infer(graph, known))


def infer_dtypes(graph: Graph, known: Mapping[Node, DType]) -> dict[Entry, DType]:
    """Return the element type of every entry, as far as it follows from some Variables'."""
    return annotation(infer(graph, known, DTYPES))


def named(
    graph: Graph, args: Sequence[Any], kwargs: Mapping[str, Any], what: str
) -> dict[Node, Any]:
    """Match values given by position or by name with the Variables."""
    if args and kwargs:
        message = f"give {what}s by position or by keyword, not both"
        raise ParamError(message)
    if args:
        arguments = graph.arguments
        if len(args) > len(arguments):
            names = ", ".join(node.name for node in arguments)
            message = f"{len(args)} {what}s were given for {len(arguments)} arguments: {names}"
            raise ParamError(message)
        return {n: v for n, v in zip(arguments, args, strict=False) if v is not None}
    by_name: dict[str, list[Node]] = {}
    for node in graph.variables:
        by_name.setdefault(node.name, []).append(node)
    found = {}
    for name, value in kwargs.items():
        if name not in by_name:
            message = f"there is no argument {name!r} to give a {what} to"
            raise ParamError(message, hint=did_you_mean(name, by_name))
        if value is not None:
            found.update(dict.fromkeys(by_name[name], value))
    return found


def infer_shape_api(
    symbol: Symbol, args: Sequence[Any], kwargs: Mapping[str, Any], *, partial: bool
) -> tuple[Any, Any, Any]:
    """Do what `Symbol.infer_shape` promises."""
    graph = symbol.graph
    known = named(graph, args, kwargs, "shape")
    for node, value in known.items():
        if not isinstance(value, tuple):
            message = f"the shape of {node.name} must be a tuple, but got {value!r}"
            raise ShapeTypeError(message, hint="write (n,) for a vector of n")
    engine = infer(
        graph, {n: shapes.from_user(v) for n, v in known.items()}, source="given to infer_shape"
    )
    return _answer(symbol, engine, shapes.to_user, partial=partial)


def infer_type_api(
    symbol: Symbol, args: Sequence[Any], kwargs: Mapping[str, Any], *, partial: bool
) -> tuple[Any, Any, Any]:
    """Do what `Symbol.infer_type` promises."""
    graph = symbol.graph
    known = named(graph, args, kwargs, "type")
    engine = infer(
        graph, {n: np.dtype(v) for n, v in known.items()}, DTYPES, source="given to infer_type"
    )
    return _answer(symbol, engine, lambda d: None if d is None else d.type, partial=partial)


def _answer(
    symbol: Symbol, engine: Engine, translate: Callable[[Any], Any], *, partial: bool
) -> tuple[Any, Any, Any]:
    graph, known = engine.graph, engine.kind.known
    auxiliary = graph.auxiliary
    variables = graph.variables
    groups = (
        [engine.place(Entry(node)) for node in variables if node not in auxiliary],
        [engine.place(entry) for entry in symbol.entries],
        [engine.place(Entry(node)) for node in variables if node in auxiliary],
    )
    if not partial and not all(known(engine.values[p]) for places in groups for p in places):
        unknown = [
            f"{node.name} {engine.kind.show(engine.values[engine.place(Entry(node))])}"
            for node in variables
            if not known(engine.values[engine.place(Entry(node))])
        ]
        outputs = [e.name for e in symbol.entries if not known(engine.values[engine.place(e)])]
        unknown = [*unknown[:8], f"{len(unknown) - 8} more"] if len(unknown) > 8 else unknown
        listed = ", ".join(unknown) or f"the outputs {', '.join(outputs[:8])}"
        warnings.warn(
            f"cannot decide the {engine.kind.noun} of {listed}; "
            "give more of them, or call the _partial form to see what is known",
            stacklevel=4,
        )
        return None, None, None
    arguments, outputs_, states = (
        [translate(engine.values[p]) for p in places] for places in groups
    )
    return arguments, outputs_, states


class ShapeTypeError(ShapeError, TypeError):
    """A shape was given as something that is no tuple."""
