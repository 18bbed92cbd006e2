"""The last step of reading a symbol file: from drafts to nodes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, Final

import networkx as nx

from minisym.control import op_of_file
from minisym.core.errors import FormatError, MinisymError
from minisym.core.node import Entry, Node
from minisym.core.op import NO_PARAMS, Op, opaque
from minisym.core.symbol import Symbol
from minisym.formats.json_draft import VERSION, Draft, File, drafts, label
from minisym.formats.json_kinds import Kind, Kinds, freeze
from minisym.formats.json_legacy import note_owners, upgrade

_new_tuple = tuple.__new__
_DEEPEST: Final = 16
"""How deep loops within loops may be nested."""


def read(data: Any, *, version: int | None = None, depth: int = 0) -> Symbol:
    """Make a symbol of the JSON of a graph."""
    if depth > _DEEPEST:
        message = f"the file nests graphs more than {_DEEPEST} deep"
        raise FormatError(message)
    return _Reader(drafts(data, version=version), depth).symbol()


class _Reader:
    """The nodes of one graph while they are made."""

    def __init__(self, file: File, depth: int) -> None:
        self.file, self.drafts, self.depth = file, file.nodes, depth
        self.kinds = Kinds()
        self.order = _order(self.drafts, file.heads)
        if file.version < VERSION:
            self.order = upgrade(self.drafts, self.order, file.version, self.kinds)
        note_owners(self.drafts, self.order)
        self.nodes: dict[int, Node] = {}
        self.outputs: dict[int, int] = {}
        self.unknown: dict[tuple[str, int, int], Op] = {}
        read = len(file.heads) + sum(len(draft.inputs) for draft in self.drafts)
        self.outputs_left = 64 * len(self.drafts) + (1 << 12) + read
        """What a file may claim in all: no more than such as are used."""

    def symbol(self) -> Symbol:
        """Make all nodes that the heads reach."""
        for position in self.order:
            draft = self.drafts[position]
            self.nodes[position] = (
                self._variable(draft, position) if draft.op == "null" else self._op(draft, position)
            )
        heads = enumerate(self.file.heads)
        return Symbol(tuple(self._entry(*head[:2], f"head {i}") for i, head in heads))

    def _variable(self, draft: Draft, position: int) -> Node:
        if draft.inputs:
            where = label(position, draft.name)
            message = f"{where}: a variable has no inputs, but this has {len(draft.inputs)}"
            raise FormatError(message)
        self.outputs[position] = 1
        return Node(None, draft.name, attrs=freeze(draft.attrs), versions=())

    def _op(self, draft: Draft, position: int) -> Node:
        kind = None if draft.subgraphs else self.kinds.of(draft, position)
        if kind is None:
            kind = self._of_its_own(draft, position)
        elif len(draft.inputs) != len(kind.inputs):
            where, names = label(position, draft.name), ", ".join(kind.inputs[:30])
            needs, has = len(kind.inputs), len(draft.inputs)
            message = f"{where}: {kind.op.name} has {needs} inputs, but this has {has}"
            raise FormatError(message, hint=f"they are: {names}")
        self.outputs[position] = kind.outputs
        self.outputs_left -= kind.outputs
        if self.outputs_left < 0:
            message = f"{label(position, draft.name)}: the file claims too many outputs to be one"
            raise FormatError(message)
        entries, written = [], bool(kind.op.states)
        for source, output, version in draft.inputs:
            if output >= self.outputs[source]:
                self._entry(source, output, label(position, draft.name))
            entries.append(_new_tuple(Entry, (self.nodes[source], output)))  # the quick way
            written = written or version > 0
        versions = tuple([version for _, _, version in draft.inputs]) if written else ()
        return Node(kind.op, draft.name, tuple(entries), kind.params, kind.attrs, versions=versions)

    def _of_its_own(self, draft: Draft, position: int) -> Kind:
        """Make an op for a node that holds graphs, or whose op nobody knows."""
        inside = tuple(
            read(graph, version=self.file.version, depth=self.depth + 1)
            for graph in draft.subgraphs
        )
        count = len(draft.inputs)
        try:
            op = op_of_file(draft.op, draft.attrs, inside, count) if inside else None
        except MinisymError as error:
            message = f"{label(position, draft.name)}: {error.sentence}"
            raise FormatError(message, hint=error.hint) from None
        if op is None:
            op = self._unknown(draft.op, count, self._outputs(draft, position), inside)
        names = op.input_names(NO_PARAMS)
        outputs = len(op.output_names(NO_PARAMS))
        return Kind(op, NO_PARAMS, freeze(draft.attrs), names, outputs)

    def _unknown(self, name: str, inputs: int, outputs: int, inside: tuple[Symbol, ...]) -> Op:
        """Return an op that nobody knows: one for all nodes that look alike."""
        if inside:
            return opaque(name, inputs, outputs, inside)
        key = (name, inputs, outputs)
        if key not in self.unknown:
            self.unknown[key] = opaque(*key)
        return self.unknown[key]

    def _outputs(self, draft: Draft, position: int) -> int:
        """Return how many outputs an op has that nobody knows."""
        outputs = self.file.outputs[position] if position < len(self.file.outputs) else 1
        outputs = max(1, outputs, self._used.get(position, 0) + 1)
        if outputs > self.outputs_left:
            message = f"{label(position, draft.name)}: no op has {outputs} outputs"
            raise FormatError(message)
        return outputs

    @cached_property
    def _used(self) -> dict[int, int]:
        """The largest output of each node that is read."""
        used: dict[int, int] = {}
        for entries in (self.file.heads, *(draft.inputs for draft in self.drafts)):
            for source, output, _ in entries:
                used[source] = max(output, used.get(source, 0))
        return used

    def _entry(self, source: int, output: int, where: str) -> Entry:
        if output >= self.outputs[source]:
            message = f"{where}: {self.nodes[source]!r} has no output {output}"
            hint = "an entry is [node, output, version]; outputs count from 0"
            raise FormatError(message, hint=hint)
        return Entry(self.nodes[source], output)


def _order(nodes: Sequence[Draft], heads: Iterable[tuple[int, int, int]]) -> list[int]:
    """Return the positions of the nodes that the heads reach, inputs first."""
    order: Sequence[int] = range(len(nodes))
    if any(entry[0] >= i for i in order for entry in nodes[i].inputs):
        order = _sorted(nodes)  # MXNet writes inputs first; a file by hand may not
    needed = bytearray(len(nodes))
    for position, _, _ in heads:
        needed[position] = True
    for position in reversed(order):
        if needed[position]:
            for source, _, _ in nodes[position].inputs:
                needed[source] = True
    return [position for position in order if needed[position]]


def _sorted(nodes: Sequence[Draft]) -> list[int]:
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(len(nodes)))
    graph.add_edges_from((entry[0], i) for i, node in enumerate(nodes) for entry in node.inputs)
    try:
        return list(nx.topological_sort(graph))
    except nx.NetworkXUnfeasible:
        ring = [edge[0] for edge in nx.find_cycle(graph)]
        names = " -> ".join(label(position, nodes[position].name) for position in ring[:_SHOWN])
        more = f" -> … ({len(ring)} nodes)" if len(ring) > _SHOWN else f" -> node {ring[0]}"
        message = f"the file's nodes form a cycle: {names}{more}"
        hint = "a node can only read what is computed before it"
        raise FormatError(message, hint=hint) from None


_SHOWN: Final = 6
"""How much of a cycle a message shows."""
