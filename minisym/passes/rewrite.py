"""Rewrites: passes from a graph to another graph, and the promises that they make.

`rewrite` declares one: it says what stays as it was, and while the environment variable
`MINISYM_VERIFY` is 1, each result is verified.

>>> from minisym import sym
>>> @rewrite(keeps=("outputs", "arguments"))
... def use_relu(graph):
...     def change(node, inputs):
...         if node.op is None or node.op.name != "sigmoid":
...             return node.reading(inputs)
...         return instead_of(node, sym.relu(Symbol(inputs), name=node.name))
...
...     return graph.substitute({}, change)
>>> net = sym.sigmoid(sym.Variable("x"), name="s") * 2
>>> [node.op.name for node in use_relu(net.graph) if node.op]
['relu', '_mul_scalar']
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import wraps
from types import MappingProxyType
from typing import Concatenate, Final, ParamSpec

from minisym.core.errors import BindError, GraphError, ParamError, did_you_mean, listed
from minisym.core.graph import Graph
from minisym.core.node import Node
from minisym.core.op import SYMBOL_PARAMS
from minisym.core.symbol import Symbol
from minisym.passes import verify as checks
from minisym.passes.order import find_writes

P = ParamSpec("P")
Pass = Callable[[Graph], Graph]
"""A rewrite that needs nothing but the graph."""


def _writes(graph: Graph) -> list[str]:
    """Return who is overwritten, once for each write; of a graph that cannot run, why."""
    try:
        return sorted(write.variable.name for write in find_writes(graph).values())
    except BindError as error:
        return [error.sentence]


KEEPS: Final[Mapping[str, Callable[[Graph], list[str]]]] = {
    "outputs": lambda graph: [entry.name for entry in graph.outputs],
    "arguments": lambda graph: [node.name for node in graph.arguments],
    "states": lambda graph: [n.name for n in graph.variables if n in graph.auxiliary],
    "writes": _writes,
}
"""What a rewrite may promise to keep: the lists that users bind and read by, and all updates."""


def rewrite(
    *, keeps: Collection[str] = tuple(KEEPS)
) -> Callable[[Callable[Concatenate[Graph, P], Graph]], Callable[Concatenate[Graph, P], Graph]]:
    """Declare a rewrite: a function from a graph, and perhaps more, to another graph.

    While the environment variable `MINISYM_VERIFY` is 1, each result is verified; otherwise the
    function runs as it is.

    Parameters
    ----------
    keeps
        What the result has in common with the graph: "outputs", "arguments" and "states" by name
        and in order, "writes" by the variable. Without it, all of these.

    Raises
    ------
    ParamError
        Nothing of this name can be kept.
    """
    for what in keeps:
        if what not in KEEPS:
            raise ParamError(f"a rewrite cannot keep {what!r}", hint=did_you_mean(what, KEEPS))

    def declare(
        function: Callable[Concatenate[Graph, P], Graph],
    ) -> Callable[Concatenate[Graph, P], Graph]:
        @wraps(function)
        def run(graph: Graph, /, *args: P.args, **kwargs: P.kwargs) -> Graph:
            after = function(graph, *args, **kwargs)
            return verified(graph, after, function.__name__, keeps) if checks.ALWAYS else after

        run.keeps = keeps  # type: ignore[attr-defined]
        return run

    return declare


def run_passes(graph: Graph, passes: Iterable[Pass], *, verify: bool | None = None) -> Graph:
    """Run rewrites one after the other, each on what the one before has made.

    Parameters
    ----------
    graph
        The graph.
    passes
        Functions from a graph to a graph, declared by `rewrite` or not.
    verify
        Whether each result is verified; without it, as the environment variable `MINISYM_VERIFY`
        says.

    Raises
    ------
    GraphError
        A pass has made a broken graph, or has not kept what it promises. The message names it.

    Examples
    --------
    >>> from minisym import sym
    >>> def forget_all_but_one(graph):
    ...     return Graph(graph.outputs[:1])
    >>> both = sym.Group([sym.Variable("x"), sym.Variable("y")])
    >>> run_passes(both.graph, [forget_all_but_one], verify=True)
    Graph(1 nodes, outputs: x)
    """
    verify = checks.ALWAYS if verify is None else verify
    for one in passes:
        after = one(graph)
        if verify:
            name = getattr(one, "__name__", repr(one))
            after = verified(graph, after, name, getattr(one, "keeps", ()))
        graph = after
    return graph


def verified(before: Graph, after: Graph, name: str, keeps: Iterable[str] = ()) -> Graph:
    """Return what a rewrite has made, once it is known to be sound and to keep what it promises.

    Raises
    ------
    GraphError
        It is not, naming the rewrite.
    """
    if not isinstance(after, Graph):
        raise GraphError(
            f"{name}: a rewrite returns a Graph, but this one returned {after!r:.60}",
            hint="return graph.substitute(…), or Graph(outputs)",
        )
    try:
        checks.verify(after)
    except GraphError as error:
        message = f"{name}: {error.sentence}"
        raise GraphError(message, origin=error.origin, hint=error.hint) from None
    for what in keeps:
        had, has = KEEPS[what](before), KEEPS[what](after)
        if had != has:
            raise GraphError(
                f"{name}: it promises to keep the {what}, but {_difference(had, has)}",
                hint="@rewrite(keeps=…) says what a rewrite keeps",
            )
    return after


def _difference(had: Sequence[str], has: Sequence[str]) -> str:
    gone, new = Counter(had) - Counter(has), Counter(has) - Counter(had)
    said = [f"{listed([*some])} {what}" for some, what in ((gone, "went"), (new, "came")) if some]
    return " and ".join(said) or f"their order became {listed(has)}"


def instead_of(node: Node, symbol: Symbol) -> Node:
    """Return a symbol's node as one that takes the place of another.

    It gets the name of that node, its origin, so that messages lead to the line of the user's
    program, and the attributes that are no parameters.

    Examples
    --------
    >>> from minisym import sym
    >>> old = sym.tanh(sym.Variable("x"), name="t", attr={"__layer__": "1"}).graph.node("t")
    >>> new = instead_of(old, sym.sigmoid(sym.Variable("x"), name="other"))
    >>> new, new.attrs["__layer__"], new.origin == old.origin
    (<sigmoid 't'>, '1', True)
    """
    new = symbol.entries[0].node
    drop = {*(node.op.params if node.op else ()), SYMBOL_PARAMS}
    kept = {key: value for key, value in node.attrs.items() if key not in drop}
    attrs = MappingProxyType({**kept, **new.attrs})
    return new.replace(name=node.name, origin=node.origin, attrs=attrs)
