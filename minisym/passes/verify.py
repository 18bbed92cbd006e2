"""What every graph must be, as a table of small checks.

The passes rely on these properties and do not look for them again. Composing and reading a file
guarantee them; `verify` says where a pass, or a hand that made nodes itself, has broken one. It runs
on every graph that is bound when the environment variable `MINISYM_VERIFY` is 1, as in the tests.

>>> from minisym import sym
>>> verify(Graph(sym.tanh(sym.Variable("x"))))
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from minisym.errors import GraphError
from minisym.graph import Entry, Graph, Node, post_order
from minisym.op import FROM_INPUT, Op

ALWAYS: Final = os.environ.get("MINISYM_VERIFY", "0") != "0"
"""Whether every graph is verified when it is bound."""


def verify(graph: Graph) -> None:
    """Check the invariants of a graph.

    Raises
    ------
    GraphError
        Naming the node, the check that failed, and what was found.
    """
    for complaint in _order(graph):
        raise GraphError(f"the graph breaks 'the order is a post-order': {complaint}")
    for node in graph.order:
        for check in NODE_CHECKS if node.op is not None else VARIABLE_CHECKS:
            for complaint in check(graph, node):
                raise GraphError(
                    f"{node!r} breaks '{check.__doc__}': {complaint}",
                    origin=node.origin or None,
                    hint="compose symbols, or use Graph.rebuild and Node.replace with what they ask",
                )
    for i, entry in enumerate(graph.outputs):
        for complaint in _entry(entry):
            raise GraphError(f"output {i} of the graph breaks 'entries exist': {complaint}")


# ---------------------------------------------------------------------------------- the checks
# Each yields what it has to complain of; its docstring is the property, and stands in the message.


def _order(graph: Graph) -> Iterator[str]:
    if not graph.outputs:
        yield "there are no outputs"
    seen: set[Node] = set()
    for position, node in enumerate(graph.order):
        if not isinstance(node, Node):
            yield f"{node!r} is no Node"
            return
        if node in seen:
            yield f"{node!r} stands there twice"
        seen.add(node)
        if graph.index.get(node) != position:
            yield f"{node!r} is at {position}, but the index says {graph.index.get(node)}"
    if tuple(post_order(graph.outputs)) != graph.order:
        yield "the outputs reach other nodes, or in another order"


def _name(graph: Graph, node: Node) -> Iterator[str]:
    """the name is a string"""
    if not isinstance(node.name, str):
        yield f"it is {node.name!r}"


def _attrs(graph: Graph, node: Node) -> Iterator[str]:
    """attributes are strings, and nobody can change them"""
    if not isinstance(node.attrs, MappingProxyType):
        yield f"they are a {type(node.attrs).__name__}"
        return
    for key, value in node.attrs.items():
        if not isinstance(key, str) or not isinstance(value, str):
            yield f"{key!r} is {value!r}"


def _bare(graph: Graph, node: Node) -> Iterator[str]:
    """a Variable has neither inputs nor parameters"""
    if node.inputs or node.params:
        yield f"it has inputs {node.inputs!r} and parameters {dict(node.params)!r}"


def _op(graph: Graph, node: Node) -> Iterator[str]:
    """the op is an Op"""
    if not isinstance(node.op, Op):
        yield f"it is {node.op!r}"


def _inputs(graph: Graph, node: Node) -> Iterator[str]:
    """inputs are entries that exist, of nodes that come first"""
    if not isinstance(node.inputs, tuple):
        yield f"they are a {type(node.inputs).__name__}"
        return
    place = graph.index[node]
    for slot, entry in enumerate(node.inputs):
        for complaint in _entry(entry):
            yield f"input {slot}: {complaint}"
            return
        if graph.index[entry.node] >= place:
            yield f"input {slot} is {entry.node!r}, which comes later"


def _input_count(graph: Graph, node: Node) -> Iterator[str]:
    """there are as many inputs as the op takes with these parameters"""
    names = node.input_names()
    if len(names) != len(node.inputs):
        yield f"it takes {', '.join(names) or 'none'}, but there are {len(node.inputs)}"


def _params(graph: Graph, node: Node) -> Iterator[str]:
    """parameters are complete, typed, and nobody can change them"""
    op = node.op
    assert op is not None
    if node.params is op.defaults:
        return
    if not isinstance(node.params, MappingProxyType):
        yield f"they are a {type(node.params).__name__}"
    for name in op.params.keys() ^ node.params.keys():
        yield f"{name} is missing" if name in op.params else f"there is no {name}"
        return
    for name, value in node.params.items():
        param = op.params[name]
        if value is FROM_INPUT:
            if not op.writes or not param.is_float:
                yield f"{name} cannot be computed by the graph"
        elif not _same(param.read(value, op=op.name), value) or not _frozen(value):
            yield f"{name} is {value!r}, not {param.kind}"


def _given(graph: Graph, node: Node) -> Iterator[str]:
    """the strings that a file keeps say what the parameters are"""
    assert node.op is not None
    for name in node.given:
        read = node.op.params[name].read(node.attrs[name], op=node.op.name)
        if node.params[name] is FROM_INPUT or not _same(read, node.params[name]):
            yield f"{name} is {node.params[name]!r}, but {node.attrs[name]!r} is kept"


def _entry(entry: Any) -> Iterator[str]:
    if not isinstance(entry, Entry) or not isinstance(entry.node, Node):
        yield f"{entry!r} is no Entry"
    elif not isinstance(entry.index, int) or entry.index < 0:
        yield f"{entry.index!r} is no index of an output"
    elif entry.index >= entry.node.num_outputs and not _is_opaque(entry.node):
        yield f"{entry.node!r} has {entry.node.num_outputs} outputs, but no output {entry.index}"


def _is_opaque(node: Node) -> bool:
    """Whether nobody knows how many outputs it has."""
    return node.op is not None and node.op.family == "opaque"


def _same(a: object, b: object) -> bool:
    """Whether two parameters are one value of one type; NaN is itself."""
    return type(a) is type(b) and (a == b or (a != a and b != b))  # noqa: PLR0124


def _frozen(value: object) -> bool:
    """Whether a parameter is of a type that cannot change."""
    return not isinstance(value, list | dict | set | Mapping)


Check = Callable[[Graph, Node], Iterator[str]]
VARIABLE_CHECKS: Final[tuple[Check, ...]] = (_name, _attrs, _bare)
NODE_CHECKS: Final[tuple[Check, ...]] = (
    _op,
    _name,
    _attrs,
    _inputs,
    _input_count,
    _params,
    _given,
)
