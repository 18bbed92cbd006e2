"""From a graph of minisym to one of ONNX: each node asks the rule in its op's declaration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from minisym.core.errors import DeclarationError
from minisym.core.graph import post_order
from minisym.core.ndarray import Array
from minisym.core.node import Entry, Node, names_of
from minisym.core.symbol import Symbol
from minisym.onnx.draft import Draft, Value
from minisym.onnx.folding import fold, foldable
from minisym.onnx.sizes import infer_sizes, is_fixed
from minisym.onnx.writer import Refused, Writer
from minisym.passes.typed import Inference


@dataclass
class Lowering:
    """One lowering of a graph.

    Attributes
    ----------
    draft
        What is written into.
    batch
        The sizes that may vary, with the numbers that they are by default.
    problems
        The nodes that ONNX cannot say, with the reasons.
    """

    draft: Draft
    batch: Mapping[str, int]
    problems: dict[Node, str] = field(default_factory=dict)

    def values(
        self, symbol: Symbol, known: Mapping[Node, Value], inside: Draft | None = None
    ) -> list[Value]:
        """Return the values of a symbol's outputs, of these values of its Variables."""
        return _Graph(self, self.draft if inside is None else inside, symbol, known).lower()


class _Graph:
    """One graph on its way: that of the symbol, or the body of a loop."""

    def __init__(
        self, lowering: Lowering, draft: Draft, symbol: Symbol, known: Mapping[Node, Value]
    ) -> None:
        self.lowering, self.draft, self.symbol = lowering, draft, symbol
        graph = symbol.graph
        given = {node: value for node, value in known.items() if node in graph}
        shapes = {node: v.shape for node, v in given.items() if v.shape is not None}
        self.shapes = infer_sizes(graph, shapes, lowering.batch)
        dtypes = {node: value.dtype for node, value in given.items()}
        inference = Inference(graph)
        inference.infer_dtypes(dtypes, "given to export")
        self.type_of = inference.type_of
        self.values = {Entry(node): value for node, value in given.items()}
        self.named: set[Value] = set(given.values())

    def lower(self) -> list[Value]:
        """Write all that the outputs need."""
        order = needed(self.symbol.entries)
        arrays = {e.node: v.array for e, v in self.values.items() if v.array is not None}
        self._fold(order, arrays)
        for node in needed(self.symbol.entries, self.values):
            if Entry(node) not in self.values:
                self._write(node)
        for node, index in self.symbol.entries:
            if Entry(node, index) not in self.values:
                self.lowering.problems[node] = f"its output {index} has no ONNX form"
        return [
            self.values.get(entry) or Value(entry.name, self.type_of(entry), self.shapes[entry])
            for entry in self.symbol.entries
        ]

    def _fold(self, order: Sequence[Node], arrays: Mapping[Node, Array]) -> None:
        """Make constants of what the nodes that cannot be folded read of those that can."""
        constant = foldable(order, arrays, self.shapes)
        read = [e for node in order if node not in constant for e in reads(node)]
        border = dict.fromkeys(
            entry
            for entry in (*read, *self.symbol.entries)
            if entry.node in constant and entry not in self.values
        )
        if border:
            made = fold([*border], arrays)
            for entry, name, array in zip(border, names_of(border), made, strict=True):
                self.values[entry] = self.draft.constant(array, name)

    def _write(self, node: Node) -> None:
        """Ask the rule of a node for its values."""
        op = node.op
        assert op is not None, f"the Variable {node.name} has no value"
        entries = [Entry(node, i) for i in range(node.num_outputs)]
        shapes = [self.shapes[entry] for entry in entries]
        dtypes = [self.type_of(entry) for entry in entries]
        start = len(self.draft.records)
        made: Sequence[Value] = ()
        reason = op.why_no_onnx
        if not reason:
            writer = Writer(self.lowering, self.draft, node, shapes, dtypes)
            try:
                made = self._ask(node, writer)
            except Refused as refusal:
                reason = str(refusal)
        if reason:
            del self.draft.records[start:]
            self.lowering.problems[node] = reason
            made = [Value(node.name, d, s) for d, s in zip(dtypes, shapes, strict=True)]
        self._keep(node, entries, made)

    def _ask(self, node: Node, writer: Writer) -> Sequence[Value]:
        op = node.op
        assert op is not None
        assert op.onnx_rule is not None
        rule = op.onnx_rule
        for entry in reads(node):
            if entry not in self.values:
                writer.refuse(f"it reads {entry.name}, which has no ONNX form")
        inputs = dict(zip(node.input_names(), node.inputs, strict=True))
        try:
            if rule.reads is None:
                answer = rule(writer, *(self.values[e] for e in node.inputs), params=node.params)
            else:
                given = {n: self.values[inputs[n]] for n in rule.reads if n in inputs}
                absent = {n: None for n in rule.reads if n not in inputs}
                answer = rule.by_name(writer, {**absent, **given}, node.params)
        except (Refused, DeclarationError):
            raise
        except Exception as error:
            if any(not is_fixed(self.shapes[e]) for e in node.inputs):
                writer.refuse(
                    "a size that it needs varies, or is not known before it runs "
                    f"({type(error).__name__}: {error})"
                )
            raise DeclarationError(
                f"{op.name} {node.name!r}: its onnx rule raises {type(error).__name__}: {error}"
            ) from error
        return answer if isinstance(answer, list | tuple) else [answer]

    def _keep(self, node: Node, entries: Sequence[Entry], made: Sequence[Value]) -> None:
        """Keep the values of a node under its names, in the types that they have in minisym."""
        for entry, found in zip(entries, made, strict=False):
            value, dtype = found, self.type_of(entry)
            if value.dtype != dtype:
                attrs = {"to": dtype}
                (value,) = self.draft.add("Cast", f"{node.name}/Cast", [found], [dtype], attrs)
            if value.array is None and value not in self.named:
                self.named.add(value)
                value.hint = entry.name
                if value.maker is not None and entry.index == 0:
                    value.maker.hint = node.name
            if value.shape is None:
                value.shape = self.shapes[entry]
            self.values[entry] = value


def reads(node: Node) -> Sequence[Entry]:
    """Return the inputs that a node needs in ONNX: a loss head needs no label."""
    rule = None if node.op is None else node.op.onnx_rule
    if rule is None or rule.reads is None:
        return node.inputs
    named = zip(node.input_names(), node.inputs, strict=True)
    return [entry for name, entry in named if name in rule.reads]


def needed(outputs: Sequence[Entry], known: Mapping[Entry, Any] | None = None) -> list[Node]:
    """Return the nodes that the outputs need, inputs before readers; behind what is known, none."""
    have = {} if known is None else known
    order = post_order(outputs)
    wanted = {entry.node for entry in outputs if entry not in have}
    for node in reversed(order):
        if node in wanted:
            wanted.update(entry.node for entry in reads(node) if entry not in have)
    return [node for node in order if node in wanted]
