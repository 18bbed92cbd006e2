"""What differs between two symbols: nodes added, removed, changed or renamed.

Nodes are matched by name first. What has no partner then is matched by structure: the same op with
the same parameters, at the same place between matched nodes, is the same node under another name.
So two models that were composed in sessions with other automatic names do not differ everywhere.

>>> from minisym import sym
>>> def model(hidden, act):
...     net = sym.FullyConnected(sym.Variable("x"), num_hidden=hidden, name="fc1")
...     net = sym.relu(net, name=act)
...     return sym.Dropout(net, name="drop") if act == "a" else net
>>> diff(model(4, "a"), model(8, "b"))
removed  Dropout 'drop'
changed  FullyConnected 'fc1'
           num_hidden  4 -> 8
renamed  relu 'a' -> 'b'
outputs  drop_output -> b_output
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import networkx as nx

from minisym.core.graph import Graph
from minisym.core.node import Entry, Node
from minisym.core.symbol import Symbol


@dataclass(frozen=True)
class Change:
    """One node that is in both symbols, and what differs in it."""

    before: Node
    after: Node
    fields: Mapping[str, tuple[str, str]]
    """Parameter, attribute or input -> what it was and what it is; '' where there is none."""


@dataclass(frozen=True, repr=False)
class Difference:
    """What differs between two symbols; false where nothing does.

    Printed, it is a list of the differences; `nx` is both graphs in one, for a picture.
    """

    before: Graph
    """The first symbol's graph."""
    after: Graph
    """The second symbol's graph."""
    pairs: Mapping[Node, Node]
    """Each node of the first symbol that is in the second, too -> the node there."""
    added: tuple[Node, ...]
    """Nodes that only the second symbol has."""
    removed: tuple[Node, ...]
    """Nodes that only the first symbol has."""
    changed: tuple[Change, ...]
    """Nodes of both, with what differs in them."""
    renamed: tuple[tuple[Node, Node], ...]
    """Nodes that only have another name."""
    outputs: tuple[tuple[str, ...], tuple[str, ...]] | None
    """The outputs' names, where the outputs are not the same."""

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.added or self.removed or self.changed or self.renamed or self.outputs)

    def __repr__(self) -> str:
        """List the differences, in the order of the graphs."""
        return "\n".join(self._lines()) or "no difference"

    def _lines(self) -> Iterator[str]:
        yield from (f"removed  {_label(node)}" for node in self.removed)
        yield from (f"added    {_label(node)}" for node in self.added)
        for change in self.changed:
            name = "" if change.before.name == change.after.name else f" -> {change.after.name!r}"
            yield f"changed  {_label(change.before)}{name}"
            width = max(len(field) for field in change.fields)
            for field, (was, is_) in change.fields.items():
                yield f"           {field:<{width}}  {was or '(none)'} -> {is_ or '(none)'}"
        for before, after in self.renamed:
            yield f"renamed  {_label(before)} -> {after.name!r}"
        if self.outputs:
            yield f"outputs  {' -> '.join(', '.join(names) for names in self.outputs)}"

    @property
    def nx(self) -> nx.MultiDiGraph[str]:
        """Both graphs in one, whose nodes and edges have a `status`.

        It is same, added, removed, changed or renamed. Nodes are numbered strings with the
        attributes `op`, `name` (the later one) and `status`; edges have `slot`, the op's name for
        the input.
        """
        status = dict.fromkeys(self.added, "added") | dict.fromkeys(self.removed, "removed")
        status |= {change.after: "changed" for change in self.changed}
        status |= {after: "renamed" for _, after in self.renamed}
        order = [*self.after, *self.removed]
        keys = {node: str(i) for i, node in enumerate(order)}
        keys |= {before: keys[after] for before, after in self.pairs.items()}
        both: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        for node in order:
            op = node.op.name if node.op else "Variable"
            both.add_node(keys[node], op=op, name=node.name, status=status.get(node, "same"))
        was, is_ = (set(_edges(graph, keys)) for graph in (self.before, self.after))
        for edge in sorted(was | is_):
            source, target, slot, index = edge
            kind = "same" if edge in was & is_ else "added" if edge in is_ else "removed"
            both.add_edge(source, target, slot=slot, index=index, status=kind)
        return both


def diff(before: Symbol, after: Symbol) -> Difference:
    """Compare two symbols, node by node.

    Parameters
    ----------
    before, after
        Symbols; what is in both need not be the same Node objects.

    Examples
    --------
    >>> from minisym import sym
    >>> net = sym.tanh(sym.Variable("x"), name="t")
    >>> diff(net, net.insert_after("x", lambda x: sym.Dropout(x, name="drop")))
    added    Dropout 'drop'
    changed  tanh 't'
               data  x -> drop_output
    >>> bool(diff(net, net))
    False
    """
    a, b = before.graph, after.graph
    pairs = _Matching(a, b).run()
    partners = set(pairs.values())
    changed, renamed = [], []
    for one in (node for node in a if node in pairs):
        other = pairs[one]
        fields = _fields((a, one), (b, other), pairs)
        if fields:
            changed.append(Change(one, other, fields))
        elif one.name != other.name:
            renamed.append((one, other))
    heads = tuple(Entry(pairs.get(e.node, e.node), e.index) for e in a.outputs)
    names = (tuple(before.list_outputs()), tuple(after.list_outputs()))
    return Difference(
        a,
        b,
        pairs,
        tuple(node for node in b if node not in partners),
        tuple(node for node in a if node not in pairs),
        tuple(changed),
        tuple(renamed),
        None if heads == b.outputs else names,
    )


# --------------------------------------------------------------------------------------- matching


def _by_name(a: Graph, b: Graph) -> dict[Node, Node]:
    """Match nodes whose name only they have; a Variable is no op."""
    ones, others = _unique(a), _unique(b)
    return {
        node: others[name]
        for name, node in ones.items()
        if name in others and (node.op is None) == (others[name].op is None)
    }


def _unique(graph: Graph) -> dict[str, Node]:
    named: defaultdict[str, list[Node]] = defaultdict(list)
    for node in graph:
        named[node.name].append(node)
    return {name: nodes[0] for name, nodes in named.items() if len(nodes) == 1}


class _Matching:
    """Matches that spread from matched nodes to their neighbours, the certain ones first."""

    def __init__(self, a: Graph, b: Graph) -> None:
        self.a, self.b = a, b
        self.pairs = _by_name(a, b)
        self.back = {other: one for one, other in self.pairs.items()}
        first, second = a.numbered(), b.numbered()
        nearest = sorted(self.pairs.items(), key=lambda pair: first[pair[0]] + second[pair[1]])
        self.exact, self.loose = deque(nearest), deque(nearest)

    def run(self) -> dict[Node, Node]:
        """Spread until nothing changes; what is alike but for its parameters comes last."""
        heads = list(zip(self.a.outputs, self.b.outputs, strict=False))
        for alike in (True, False):
            for one, other in heads:
                self._try(one, other, alike=alike)
            while self.exact or self.loose:
                if self.exact:
                    self._spread(*self.exact.popleft(), alike=True)
                elif alike:
                    break
                else:
                    self._spread(*self.loose.popleft(), alike=False)
        return self.pairs

    def _spread(self, one: Node, other: Node, *, alike: bool) -> None:
        """Match the readers of a pair, and its inputs slot by slot."""
        waiting: defaultdict[Hashable, deque[Node]] = defaultdict(deque)
        for reader in self.b.successors(other):
            if reader not in self.back:
                waiting[_reads(reader, other)].append(reader)
        for reader in self.a.successors(one):
            if reader not in self.pairs:
                candidates = waiting[_reads(reader, one)]
                for candidate in tuple(candidates):
                    if self._try(Entry(reader), Entry(candidate), alike=alike):
                        candidates.remove(candidate)
                        break
        others = dict(zip(other.input_names(), other.inputs, strict=True))
        for slot, entry in zip(one.input_names(), one.inputs, strict=True):
            if slot in others:
                self._try(entry, others[slot], alike=alike)

    def _try(self, one: Entry, other: Entry, *, alike: bool) -> bool:
        """Match two nodes if neither is matched and they are of one kind."""
        x, y = one.node, other.node
        if x in self.pairs or y in self.back or one.index != other.index:
            return False
        if _kind(x) != _kind(y) if alike else _op_name(x) != _op_name(y):
            return False
        if alike and not self._reads_the_same(x, y):
            return False
        self.pairs[x], self.back[y] = y, x
        self.exact.append((x, y))
        self.loose.append((x, y))
        return True

    def _reads_the_same(self, x: Node, y: Node) -> bool:
        """Return whether no matched input contradicts the match."""
        return len(x.inputs) == len(y.inputs) and all(
            e.index == f.index and self.pairs[e.node] is f.node
            if e.node in self.pairs
            else f.node not in self.back
            for e, f in zip(x.inputs, y.inputs, strict=True)
        )


def _reads(reader: Node, source: Node) -> Hashable:
    """Return the slots in which a node reads another."""
    return tuple(
        (slot, entry.index)
        for slot, entry in zip(reader.input_names(), reader.inputs, strict=True)
        if entry.node is source
    )


def _kind(node: Node) -> Hashable:
    name = node.op.name if node.op else None
    return name, frozenset((key, repr(value)) for key, value in node.params.items())


# --------------------------------------------------------------------------------- what differs


def _fields(
    before: tuple[Graph, Node], after: tuple[Graph, Node], pairs: Mapping[Node, Node]
) -> dict[str, tuple[str, str]]:
    """Return what differs between two matched nodes."""
    one, other = before[1], after[1]
    found: dict[str, tuple[str, str]] = {}
    if one.op is not other.op and _op_name(one) != _op_name(other):
        found["op"] = (_op_name(one), _op_name(other))
    _compare(found, _params(one), _params(other))
    _compare(found, _own_attrs(*before), _own_attrs(*after))
    was, is_ = (dict(zip(n.input_names(), n.inputs, strict=True)) for n in (one, other))
    for slot in dict.fromkeys([*was, *is_]):
        a, b = was.get(slot), is_.get(slot)
        if a is None or b is None or Entry(pairs.get(a.node, a.node), a.index) != b:
            found[slot] = (a.name if a else "", b.name if b else "")
    return found


def _compare(
    found: dict[str, tuple[str, str]], was: Mapping[str, Any], is_: Mapping[str, Any]
) -> None:
    for key in dict.fromkeys([*was, *is_]):
        pair = tuple(str(values[key]) if key in values else "" for values in (was, is_))
        if pair[0] != pair[1]:
            found[key] = (pair[0], pair[1])


def _params(node: Node) -> dict[str, Any]:
    """Return the parameters in the order in which the op declares them."""
    return (
        {key: node.params[key] for key in node.op.params if key in node.params} if node.op else {}
    )


def _own_attrs(graph: Graph, node: Node) -> dict[str, str]:
    """Return the attributes that are no parameters, nor copies of those of a Variable's readers."""
    copied = {
        item
        for reader in (graph.successors(node) if node.op is None else ())
        for item in reader.attrs.items()
    }
    return {k: v for k, v in node.attrs.items() if k not in node.params and (k, v) not in copied}


def _op_name(node: Node) -> str:
    return node.op.name if node.op else "Variable"


def _label(node: Node) -> str:
    return f"{_op_name(node)} {node.name!r}"


def _edges(graph: Graph, keys: Mapping[Node, str]) -> Iterator[tuple[str, str, str, int]]:
    for node in graph:
        for slot, entry in zip(node.input_names(), node.inputs, strict=True):
            yield keys[entry.node], keys[node], slot, entry.index
