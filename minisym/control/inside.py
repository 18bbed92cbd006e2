"""Graphs inside of nodes: how a body is composed, cut out of its surroundings, inferred and run.

A body is an ordinary symbol. What it uses of its surroundings becomes an input of the node that
holds it: in the body a Variable stands in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, count
from types import MappingProxyType
from typing import Any, Final

from minisym.core.errors import ComposeError, ShapeError
from minisym.core.functions import function_of
from minisym.core.graph import Graph
from minisym.core.naming import AttrScope, NameManager, current_attrs, current_manager
from minisym.core.ndarray import Array
from minisym.core.node import Entry, Node
from minisym.core.op import get
from minisym.core.origin import capture
from minisym.core.shapes import product
from minisym.core.symbol import Symbol
from minisym.core.variable import Variable
from minisym.passes.infer import Engine
from minisym.passes.order import order_writes
from minisym.passes.slots import SHAPES, Kind
from minisym.passes.typed import Typed
from minisym.runtime.plan import Plan

KEY: Final = "__subgraph_name__"
"""The attribute by which MXNet tells what was composed inside of a body."""

USED: Final = "What is used inside."
OVERWRITTEN: Final = "A variable that is overwritten inside; a run overwrites it."
"""What most inputs of a node that holds graphs are."""

# ---------------------------------------------------------------------------------- nested lists

Layout = Any
"""None for a symbol, a list of layouts for a list."""


def flatten(value: Any, what: str) -> tuple[list[Symbol], Layout]:
    """Take nested lists of symbols apart."""
    if isinstance(value, Symbol):
        if len(value.entries) == 1:
            return [value], None
        return list(value), [None] * len(value.entries)
    if not isinstance(value, list | tuple):
        message = f"{what} must be a Symbol or a list of them, but got {value!r:.60}"
        raise ComposeError(message)
    parts = [flatten(item, what) for item in value]
    return [symbol for found, _ in parts for symbol in found], [layout for _, layout in parts]


def unflatten(symbols: Iterable[Symbol], layout: Layout) -> Any:
    """Put nested lists together again."""
    remaining = iter(symbols)

    def build(part: Layout) -> Any:
        return next(remaining) if part is None else [build(inner) for inner in part]

    return build(layout)


# ------------------------------------------------------------------------------------- composing


@contextmanager
def scope(name: str) -> Iterator[str]:
    """Compose a body: the scope's name marks what is made in it."""
    outer = current_attrs().get(KEY)
    hint = f"{outer}${name}" if outer else name
    # MXNet counts these apart from the nodes, and no Prefix holds for them
    unique = NameManager.get(current_manager(), None, hint)
    with AttrScope(**{KEY: unique}):
        yield unique


def placeholders(symbols: Iterable[Symbol]) -> list[Symbol]:
    """Make the Variables that stand for inputs in a body, each by a name of its own."""
    made: dict[str, Symbol] = {}
    for symbol in symbols:
        (entry,) = symbol.entries
        name = short = f"{entry.node.name}-{entry.index}"
        again = count(1)
        while name in made:
            name = f"{short}-{next(again)}"
        made[name] = Variable(name)
    return list(made.values())


def protected(
    outputs: Sequence[Symbol], states: Sequence[Symbol], scope_name: str
) -> tuple[Entry, ...]:
    """Return the heads of a body, each computed by a node of its own.

    What is an input, comes from outside, or (as a state) is an output, too, is copied.
    """
    heads = (*outputs, *states)
    names = {node.name for head in heads for node in head.graph.variables}
    found = []
    for position, head in enumerate(heads):
        taken = names if position < len(outputs) else names | {o.name for o in outputs}
        inside = head.entries[0].node.attrs.get(KEY) == scope_name
        own = inside and head.name not in taken
        kept = head if own else function_of(get("_copy"), "identity")(head)
        found.append(kept.entries[0])
    return tuple(found)


def cut(
    heads: Sequence[Entry], scope_name: str, own: Iterable[Node]
) -> tuple[Symbol, dict[Node, Entry]]:
    """Cut a body out of its surroundings.

    Inside is what the scope's name marks, and what depends on the body's `own` variables. Returned
    are the body and, for each of its other variables in order, what it stands for.
    """
    graph = Graph(heads)
    own = set(own)
    inside = set(own)
    for node in graph:
        if node.attrs.get(KEY) == scope_name or any(e.node in inside for e in node.inputs):
            inside.add(node)
    stand_ins: dict[Entry, Entry] = {}
    for entry in chain.from_iterable([*(node.inputs for node in graph if node in inside), heads]):
        if entry.node not in inside and entry not in stand_ins:
            stand_ins[entry] = Entry(Node(None, entry.name))
    body = Symbol(graph.substitute(stand_ins).outputs)
    outside = {stand_in.node: entry for entry, stand_in in stand_ins.items()}
    captured = {
        node: outside.get(node, Entry(node)) for node in body.graph.variables if node not in own
    }
    return body, captured


def attach(op: Any, hint: str, inputs: Sequence[Entry], attrs: Mapping[str, str]) -> Symbol:
    """Make the node of an op that holds graphs."""
    name = current_manager().get(None, hint)
    kept = MappingProxyType({**current_attrs(), **attrs})
    return Symbol(Node(op, name, tuple(inputs), attrs=kept, origin=capture()).entries())


# --------------------------------------------------------------------------- what a body contains


def draws(body: Symbol) -> list[Entry]:
    """Return what random ops make: a gradient needs the numbers that the forward run drew."""
    return [
        Entry(node, i)
        for node in body.graph
        if node.op is not None and "rng" in node.op.needs
        for i in range(node.num_outputs)
    ]


def written(body: Symbol) -> dict[Node, Entry]:
    """Return the variables that a body overwrites (moving averages), and their new values."""
    return {write.variable: write.entry for write in order_writes(body.graph).writes}


# ----------------------------------------------------------------------------- inference, running


def infer_inside(
    body: Symbol, variables: Mapping[Node, Any], heads: Sequence[Any], kind: Kind
) -> tuple[dict[Node, Any], list[Any]]:
    """Infer shapes or types of a body from what is known of some variables and heads."""
    graph = body.graph
    engine = Engine(graph, kind)
    given = {
        node: value for node, value in variables.items() if value is not None and node in graph
    }
    engine.give(given, "given to the node that holds the graph")
    engine.declare()
    for entry, value in zip(body.entries, heads, strict=True):
        engine.demand(entry, value)
    engine.run()
    known = {
        node: engine[Entry(node)] if node in graph else value for node, value in variables.items()
    }
    return known, [engine[entry] for entry in body.entries]


def check_test(value: Any, kind: Kind, holder: Node) -> None:
    """Refuse a test of several elements."""
    if kind is SHAPES and product(value or ()) not in (1, None):
        assert holder.op is not None
        message = (
            f"{holder.op.name} {holder.name!r}: what is tested must be one number, "
            f"but has shape {kind.show(value)}"
        )
        raise ShapeError(message, origin=holder.origin)


def compile_inside(
    body: Symbol, arrays: Mapping[Node, Array], state: dict[str, Any], name: str
) -> Plan:
    """Compile a body for the arrays that its variables have.

    What its ops keep from run to run is kept in the `state` of the node that holds the body.
    """
    graph = body.graph
    bound = {node: arrays[node] for node in graph.variables}
    states = state.setdefault(name, {})
    typed = Typed.of(graph, bound)
    return Plan(typed, bound, len(graph.outputs), in_place=False, states=states)
