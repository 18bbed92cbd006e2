"""What every graph must be, as a table of small checks.

The passes rely on these properties and do not look for them again. Composing and reading a file
guarantee them; `verify` says where a pass, or a hand that made nodes itself, has broken one. It
runs on every graph that is bound while the environment variable `MINISYM_VERIFY` is 1, as in tests.

>>> from minisym import sym
>>> verify(Graph(sym.tanh(sym.Variable("x"))))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Final
from weakref import WeakKeyDictionary

from minisym.core.declared import VERIFY
from minisym.core.errors import GradientError, GraphError
from minisym.core.graph import Graph, post_order
from minisym.core.node import Entry, Node
from minisym.core.op import FROM_INPUT, Op

ALWAYS: Final = VERIFY
"""Whether every graph is verified when it is bound."""

_on: ContextVar[bool] = ContextVar("verify", default=ALWAYS)
is_on: Final = _on.get
"""Whether what is bound here is verified: always, or within `verified`."""


@contextmanager
def verified() -> Iterator[None]:
    """Verify what is bound within, as under `MINISYM_VERIFY=1`.

    >>> with verified():
    ...     is_on()
    True
    """
    token = _on.set(True)
    try:
        yield
    finally:
        _on.reset(token)


def verify(graph: Graph) -> None:
    """Check the invariants of a graph.

    Raises
    ------
    GraphError
        Naming the node, the property that it lacks, and what was found instead.

    Examples
    --------
    >>> from minisym import sym
    >>> verify(sym.tanh(sym.Variable("x")).graph)
    """
    for complaint in _order(graph):
        raise GraphError(f"the graph's order is no post-order: {complaint}")
    for node in graph:
        for what, check in (NODE_CHECKS if node.op is not None else VARIABLE_CHECKS).items():
            for complaint in check(graph, node):
                raise GraphError(
                    f"{node!r}: {what}, but {complaint}",
                    origin=node.origin or None,
                    hint="compose symbols, or change graphs by Graph.substitute and Node.replace",
                )
    for i, entry in enumerate(graph.outputs):
        for complaint in _entry(entry):
            raise GraphError(f"output {i} of the graph does not exist: {complaint}")


_claims: WeakKeyDictionary[Node, list[tuple[int, Entry, Node]]] = WeakKeyDictionary()
"""What gradient rules said, while `is_on()`: gradient, what it is the gradient of, by whom."""


def claim_gradient(gradient: Entry, source: Entry, node: Node) -> None:
    """Remember that a node's rule calls an entry the gradient of one of its inputs."""
    if is_on():
        _claims.setdefault(gradient.node, []).append((gradient.index, source, node))


def verify_gradients(
    graph: Graph, shapes: Mapping[Entry, Any], dtypes: Mapping[Entry, Any]
) -> None:
    """Check that each gradient has the shape and the type of what it is the gradient of.

    Raises
    ------
    GradientError
        Naming the node whose rule said otherwise.
    """
    for owner in graph:
        for index, source, node in _claims.get(owner, ()):
            gradient = Entry(owner, index)
            for what, found in (("shape", shapes), ("type", dtypes)):
                has, needs = found.get(gradient), found.get(source)
                if has is None or needs is None or (what == "shape" and None in (*has, *needs)):
                    continue  # values decide it, in the run
                if has != needs:
                    assert node.op is not None
                    raise GradientError(
                        f"{node.op.name} {node.name!r}: its rule returns a gradient of {what} "
                        f"{has} for {source.name}, which has {needs}",
                        origin=node.origin,
                        hint="a gradient is shaped like the input that it belongs to",
                    )


# ---------------------------------------------------------------------------------- the checks
# Each yields what it has to complain of; the tables below say which property it is about.


def _order(graph: Graph) -> Iterator[str]:
    if not graph.outputs:
        yield "there are no outputs"
    for node in graph:
        if not isinstance(node, Node):
            yield f"{node!r} is no Node"
            return
    if len(set(graph)) < len(graph):
        yield "a node stands there twice"
    if post_order(graph.outputs) != list(graph):
        yield "the outputs reach other nodes, or in another order"


def _name(graph: Graph, node: Node) -> Iterator[str]:
    if not isinstance(node.name, str):
        yield f"this is {node.name!r}"


def _attrs(graph: Graph, node: Node) -> Iterator[str]:
    if not isinstance(node.attrs, MappingProxyType):
        yield f"they are a {type(node.attrs).__name__}"
        return
    for key, value in node.attrs.items():
        if not isinstance(key, str) or not isinstance(value, str):
            yield f"{key!r} is {value!r}"


def _bare(graph: Graph, node: Node) -> Iterator[str]:
    if node.inputs or node.params:
        yield f"this has inputs {node.inputs!r} and parameters {dict(node.params)!r}"


def _op(graph: Graph, node: Node) -> Iterator[str]:
    if not isinstance(node.op, Op):
        yield f"this is {node.op!r}"


def _inputs(graph: Graph, node: Node) -> Iterator[str]:
    if not isinstance(node.inputs, tuple):
        yield f"they are a {type(node.inputs).__name__}"
        return
    for slot, entry in enumerate(node.inputs):
        for complaint in _entry(entry):
            yield f"input {slot}: {complaint}"
            return


def _input_count(graph: Graph, node: Node) -> Iterator[str]:
    names = node.input_names()
    if len(names) != len(node.inputs):
        yield f"it takes {', '.join(names) or 'none'} and has {len(node.inputs)}"


def _params(graph: Graph, node: Node) -> Iterator[str]:
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
    assert node.op is not None
    for name in node.given:
        read = node.op.params[name].read(node.attrs[name], op=node.op.name)
        if node.params[name] is FROM_INPUT or not _same(read, node.params[name]):
            yield f"{name} is {node.params[name]!r}, but {node.attrs[name]!r} is kept"


def _entry(entry: Any) -> Iterator[str]:
    if not isinstance(entry, Entry) or not isinstance(entry[0], Node):
        yield f"{entry!r} is no Entry"
        return
    node = entry.node
    index: Any = entry[1]  # whatever somebody put there
    if not isinstance(index, int) or index < 0:
        yield f"{index!r} is no index of an output"
    elif index >= node.num_outputs and not _is_opaque(node):
        yield f"{node!r} has {node.num_outputs} outputs, but no output {index}"


def _is_opaque(node: Node) -> bool:
    """Whether nobody knows how many outputs it has."""
    return node.op is not None and not node.op.is_known


def _same(a: object, b: object) -> bool:
    """Whether two parameters are one value of one type; NaN is itself."""
    return type(a) is type(b) and (a == b or (a != a and b != b))  # noqa: PLR0124


def _frozen(value: object) -> bool:
    """Whether a parameter is of a type that cannot change."""
    return not isinstance(value, list | dict | set | Mapping)


Check = Callable[[Graph, Node], Iterator[str]]
_ANY: Final[dict[str, Check]] = {
    "the name is a string": _name,
    "attributes are strings, and read-only": _attrs,
}
VARIABLE_CHECKS: Final = _ANY | {
    "a Variable has neither inputs nor parameters": _bare,
}
NODE_CHECKS: Final = (
    {"the op is an Op": _op}
    | _ANY
    | {
        "parameters are complete, typed and read-only": _params,
        "the strings that a file keeps say what the parameters are": _given,
        "inputs are entries that exist, of nodes that come before": _inputs,
        "there are as many inputs as the op takes": _input_count,
    }
)
