"""Surgery: change a part of a composed graph, and keep the rest.

A graph is never changed: each operation returns a new Symbol. Nodes that it does not touch are the
same nodes, and those that read something else now keep their name, parameters and origin. What
would break the graph is refused, with a message that says why.

Parts are named as `get_internals().list_outputs()` names them (`fc1_output`, `data`), or, where a
node has one output, by the node's name (`fc1`). The functions are methods of a Symbol, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import networkx as nx

from minisym.core.errors import BindError, GraphError, did_you_mean, listed
from minisym.core.graph import Graph
from minisym.core.naming import NameManager
from minisym.core.node import Entry, Node
from minisym.core.op import NO_PARAMS
from minisym.core.symbol import Symbol
from minisym.passes import verify
from minisym.passes.order import find_writes
from minisym.passes.rewrite import verified

Cuts = Iterable[str] | Mapping[str, str]


def replace(
    symbol: Symbol, changes: Mapping[str, Symbol] | None = None, /, **by_name: Symbol
) -> Symbol:
    """Put other symbols in the places of some parts.

    Everything that read a part reads the new symbol; where the part was an output, the new symbol
    is one. New symbols go in as they are: they may contain the old part.

    Parameters
    ----------
    symbol
        The graph.
    changes, **by_name
        Part -> what takes its place: a symbol with as many outputs.

    Raises
    ------
    GraphError
        There is no such part, or the graph would be broken: two nodes of one name, a state or an
        updated weight that is no Variable.

    Examples
    --------
    >>> from minisym import sym
    >>> net = sym.tanh(sym.FullyConnected(sym.Variable("x"), num_hidden=2, name="fc1"), name="act")
    >>> net.replace(x=sym.Variable("y") * 2).list_arguments()
    ['y', 'fc1_weight', 'fc1_bias']
    """
    graph = symbol.graph
    chosen: dict[Entry, Entry] = {}
    for name, new in {**(changes or {}), **by_name}.items():
        old = _part(graph, name)
        if not isinstance(new, Symbol):
            raise GraphError(f"replace: {name} must be replaced by a Symbol, but got {new!r:.60}")
        if len(new.entries) != len(old):
            raise GraphError(
                f"replace: {name} has {listed([e.name for e in old])}, but what should take its "
                f"place has {listed([e.name for e in new.entries])}",
                hint="choose one output by index or name",
            )
        chosen.update(zip(old, new.entries, strict=True))
    return _checked(symbol, graph.substitute(chosen), "replace")


def insert_after(symbol: Symbol, name: str, make: Callable[[Symbol], Symbol]) -> Symbol:
    """Put something between an output and all that read it.

    `make` gets the output and returns what its readers read from now on. Names that it does not
    give are made so that none is there twice.

    Raises
    ------
    GraphError
        There is no such part, it has several outputs, or `make` returns something else.

    Examples
    --------
    >>> from minisym import sym
    >>> net = sym.tanh(sym.FullyConnected(sym.Variable("x"), num_hidden=2, name="fc1"), name="act")
    >>> with_dropout = net.insert_after("fc1", lambda x: sym.Dropout(x, p=0.5, name="drop"))
    >>> with_dropout.get_internals().list_outputs()[-3:]
    ['fc1_output', 'drop_output', 'act_output']
    """
    graph = symbol.graph
    entry = _one(graph, name, "insert_after")
    with FreshNames(graph):
        new = make(Symbol((entry,)))
    if not _is_one(new):
        raise GraphError(
            f"insert_after: the function must return a symbol of one output, but got {new!r:.60}"
        )
    if entry.node not in new.graph:
        raise GraphError(
            f"insert_after: what the function returns does not read {entry.name}",
            hint=f"replace({name}=…) takes symbols that do not",
        )
    return _checked(symbol, graph.substitute({entry: new.entries[0]}), "insert_after")


def remove(symbol: Symbol, name: str, *, keep: str | None = None) -> Symbol:
    """Take a node out: what read it reads its input instead.

    Parameters
    ----------
    symbol
        The graph.
    name
        The node, by its name or that of its output.
    keep
        Which input takes the node's place, by the op's name for it. Without it the node must have
        one, or one called data.

    Raises
    ------
    GraphError
        It is a Variable, it is not clear which input stays, or the graph would be broken.

    Examples
    --------
    >>> from minisym import sym
    >>> net = sym.tanh(sym.Dropout(sym.Variable("x"), name="drop"), name="act")
    >>> net.remove("drop").get_internals().list_outputs()
    ['x', 'act_output']
    """
    graph = symbol.graph
    node = _part(graph, name)[0].node
    if node.op is None:
        raise GraphError(
            f"remove: {name} is a Variable, and has no input to stand in for it",
            origin=node.origin,
            hint="replace it, or remove what reads it",
        )
    slots = node.input_names()
    if keep is None:
        keep = "data" if "data" in slots else slots[0] if len(slots) == 1 else None
    if keep not in slots:
        inputs = listed(
            [f"{slot} ({e.name})" for slot, e in zip(slots, node.inputs, strict=True)], 8
        )
        raise GraphError(
            f"remove: {node.op.name} {node.name!r} has the inputs {inputs or 'none'}, so "
            f"{'which one stays?' if keep is None else f'{keep!r} cannot stay'}",
            origin=node.origin,
            hint=f"remove({name!r}, keep={slots[0]!r})" if slots else "replace it",
        )
    source = node.inputs[slots.index(keep)]
    used = {e for n in graph for e in n.inputs if e.node is node}
    used |= {e for e in graph.outputs if e.node is node}
    if any(entry.index for entry in used):
        raise GraphError(
            f"remove: {listed([e.name for e in sorted(used, key=lambda e: e.index)])} of "
            f"{node.op.name} {node.name!r} are used, and one input cannot stand in for them",
            origin=node.origin,
            hint="replace them one by one",
        )
    return _checked(symbol, graph.substitute({Entry(node, 0): source}), "remove")


def rewire(symbol: Symbol, name: str, /, **inputs: Symbol | str) -> Symbol:
    """Let one node read other inputs; its other readers see no difference.

    Parameters
    ----------
    symbol
        The graph.
    name
        The node.
    **inputs
        The op's name of an input -> a symbol of one output, or the name of a part of this graph.

    Raises
    ------
    GraphError
        There is no such node, input or part; or the node would depend on itself.

    Examples
    --------
    >>> from minisym import sym
    >>> x = sym.Variable("x")
    >>> net = sym.elemwise_add(sym.tanh(x, name="t"), x, name="plus")
    >>> net.rewire("plus", rhs="t").get_children().list_outputs()
    ['t_output', 't_output']
    """
    graph = symbol.graph
    node = _part(graph, name)[0].node
    slots = node.input_names()
    new = list(node.inputs)
    for slot, value in inputs.items():
        if slot not in slots:
            raise GraphError(
                f"rewire: {node!r} has no input {slot!r}",
                origin=node.origin,
                hint=did_you_mean(slot, slots),
            )
        if isinstance(value, Symbol):
            if len(value.entries) != 1:
                raise GraphError(
                    f"rewire: {slot} must read one output, but got {listed(value.list_outputs())}",
                    hint="choose one by index or name",
                )
            entry = value.entries[0]
        else:
            entry = _one(graph, value, "rewire")
        _refuse_cycle(graph, node, entry, slot)
        new[slots.index(slot)] = entry
    other = node.replace(inputs=tuple(new))
    changed = {Entry(node, i): Entry(other, i) for i in range(node.num_outputs)}
    return _checked(symbol, graph.substitute(changed), "rewire")


def subgraph(
    symbol: Symbol, inputs: Cuts = (), outputs: str | Iterable[str] | None = None
) -> Symbol:
    """Cut a part out: from some inner outputs, which become Variables, to others.

    Parameters
    ----------
    symbol
        The graph.
    inputs
        Where to cut: names of outputs. Each becomes a Variable of that name; a mapping gives other
        names. What lies before them is left out.
    outputs
        What the new symbol gives; the present outputs without it.

    Raises
    ------
    GraphError
        There is no such part, or no output depends on a cut.

    Examples
    --------
    >>> from minisym import sym
    >>> net = sym.Variable("x")
    >>> for name in ("fc1", "fc2", "fc3"):
    ...     net = sym.FullyConnected(net, num_hidden=2, name=name)
    >>> net.subgraph(["fc1_output"], "fc2_output").list_arguments()
    ['fc1_output', 'fc2_weight', 'fc2_bias']
    """
    graph = symbol.graph
    names = {name: name for name in ([inputs] if isinstance(inputs, str) else inputs)}
    names |= inputs if isinstance(inputs, Mapping) else {}
    wanted = [outputs] if isinstance(outputs, str) else outputs
    heads = (
        graph.outputs if wanted is None else tuple(e for name in wanted for e in _part(graph, name))
    )
    if not heads:
        raise GraphError("subgraph: no outputs were asked for")
    cuts: dict[Entry, Entry] = {}
    for name, new in names.items():
        entry = _one(graph, name, "subgraph")
        label = entry.name if new == name else new
        if entry.node.op is None and label == entry.node.name:
            cuts[entry] = entry  # a Variable already
        else:
            cuts[entry] = Entry(Node(None, label, attrs=NO_PARAMS, origin=entry.node.origin))
    part = Symbol(tuple(heads))
    made = Graph(heads).substitute(cuts)
    for entry, variable in cuts.items():
        if variable.node not in made:
            raise GraphError(
                f"subgraph: no output depends on {entry.name}",
                origin=entry.node.origin,
                hint=f"the outputs are {listed([head.name for head in heads], 8)}",
            )
    return _checked(part, made, "subgraph")


def with_head(symbol: Symbol, name: str, make: Callable[[Symbol], Symbol]) -> Symbol:
    """Keep what leads to one output, and put something else behind it.

    Parameters
    ----------
    name
        The output that stays: a layer, say, whose values are the features of a network.
    make
        Gets that output, and returns the new outputs. Names that it does not give are made so that
        none is there twice.

    Raises
    ------
    GraphError
        There is no such part, or `make` returns what does not depend on it.

    Examples
    --------
    >>> from minisym import sym
    >>> net = sym.tanh(sym.FullyConnected(sym.Variable("x"), num_hidden=2, name="fc1"), name="act")
    >>> ten = net.with_head("fc1", lambda x: sym.FullyConnected(x, num_hidden=10, name="ten"))
    >>> ten.list_arguments()
    ['x', 'fc1_weight', 'fc1_bias', 'ten_weight', 'ten_bias']
    """
    entry = _one(symbol.graph, name, "with_head")
    if not callable(make):
        message = f"with_head: the head must be a function of the layer, but got {make!r:.60}"
        raise GraphError(message, hint="lambda x: sym.FullyConnected(x, num_hidden=10)")
    with FreshNames(symbol.graph):
        new = make(Symbol((entry,)))
    if not isinstance(new, Symbol):
        raise GraphError(f"with_head: the function must return a symbol, but got {new!r:.60}")
    if entry.node not in new.graph:
        raise GraphError(f"with_head: what the function returns does not read {entry.name}")
    return _checked(symbol, new.graph, "with_head")


def rename(symbol: Symbol, names: Mapping[str, str]) -> Symbol:
    """Give nodes other names: Variables, as their arrays are called, and ops.

    Parameters
    ----------
    names
        The name of a node -> its new one.

    Raises
    ------
    GraphError
        There is no such node, or two would have one name.

    Examples
    --------
    >>> from minisym import sym
    >>> net = sym.FullyConnected(sym.Variable("x"), num_hidden=2, name="fc1")
    >>> net.rename({"x": "data", "fc1": "out"}).get_internals().list_outputs()
    ['data', 'fc1_weight', 'fc1_bias', 'out_output']
    """
    graph = symbol.graph
    known = {node.name for node in graph}
    for old, new in names.items():
        if old not in known:
            raise GraphError(f"rename: there is no node {old!r}", hint=did_you_mean(old, known))
        if not (new and isinstance(new, str)):
            raise GraphError(f"rename: {old} needs a name, but got {new!r:.60}")

    def change(node: Node, inputs: tuple[Entry, ...]) -> Node:
        same = node.reading(inputs)
        new = names.get(node.name, node.name)
        return same if new == node.name else same.replace(name=new)

    return _checked(symbol, graph.substitute({}, change), "rename")


# ------------------------------------------------------------------------------------- the parts


def _part(graph: Graph, name: str) -> tuple[Entry, ...]:
    """Return the outputs that a name means: one output, or all of a node."""
    outputs = [e for node in graph for e in node.entries() if e.name == name]
    nodes = [node for node in graph if node.name == name]
    found = outputs or [entry for node in nodes for entry in node.entries()]
    if len({entry.node for entry in found}) == 1 and len(outputs) <= 1:
        return tuple(found)
    if found:
        raise GraphError(
            f"{len(outputs or nodes)} parts of the graph are named {name!r}",
            hint="rename one where it is composed",
        )
    known = [e.name for node in graph for e in node.entries()]
    raise GraphError(
        f"the graph has no part {name!r}",
        hint=did_you_mean(name, [*known, *(node.name for node in graph if node.op)]),
    )


def _one(graph: Graph, name: str, what: str) -> Entry:
    found = _part(graph, name)
    if len(found) != 1:
        raise GraphError(
            f"{what}: {name} has {len(found)} outputs: {listed([e.name for e in found], 8)}",
            hint="name one of them",
        )
    return found[0]


def _is_one(value: object) -> bool:
    return isinstance(value, Symbol) and len(value.entries) == 1


class FreshNames(NameManager):
    """Automatic names that the graph does not have yet."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self._taken = {node.name for node in graph}

    def get(self, name: str | None, hint: str) -> str:
        """Return the name, or the next free one."""
        found = super().get(name, hint)
        while not name and found in self._taken:
            found = super().get(name, hint)
        return found


# ------------------------------------------------------------------------------------ the change


def _checked(before: Symbol, changed: Graph, what: str) -> Symbol:
    """Return the new graph's symbol; refuse one that is broken where the old one was not."""
    if verify.ALWAYS:
        verified(before.graph, changed, what)
    after = Symbol(changed.outputs)
    had = _repeated(before.graph)
    for name in _repeated(after.graph):
        if name not in had:
            nodes = [node for node in after.graph if node.name == name]
            raise GraphError(
                f"{what}: there would be {len(nodes)} different nodes named {name!r}",
                origin=nodes[-1].origin,
                hint=_why_twice(before.graph, nodes),
            )
    try:
        find_writes(after.graph)
    except BindError as error:
        if _writes_are_sound(before.graph):
            raise GraphError(
                f"{what}: {error.sentence}", origin=error.origin, hint=error.hint
            ) from None
    return after


def _repeated(nodes: Iterable[Node]) -> list[str]:
    return [name for name, times in Counter(node.name for node in nodes).items() if times > 1]


def _why_twice(graph: Graph, nodes: Sequence[Node]) -> str:
    old = [node for node in nodes if node in graph]
    if old and nodes[0].op is not None and any(n.inputs != old[0].inputs for n in nodes):
        return (
            "the new part depends on what it replaces, so both the old node and a changed one stay"
        )
    return "give the new one another name, or compose it in a `with ms.name.Prefix(…)`"


def _writes_are_sound(graph: Graph) -> bool:
    try:
        find_writes(graph)
    except BindError:
        return False
    return True


def _refuse_cycle(graph: Graph, node: Node, entry: Entry, slot: str) -> None:
    if entry.node in graph and nx.has_path(graph, node, entry.node):
        path = " -> ".join(n.name for n in nx.shortest_path(graph, node, entry.node))
        raise GraphError(
            f"rewire: {slot} of {node.name!r} cannot read {entry.name}, which depends on "
            f"{node.name!r} itself: {path}",
            origin=node.origin,
            hint="a graph has no cycles; unroll the loop",
        )
