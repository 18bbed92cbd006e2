"""An ONNX graph in the making: values, nodes, constants and their names, in plain Python.

Nothing here needs the package onnx: `minisym.onnx.proto` writes a finished draft down with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from minisym.core.ndarray import Array
from minisym.onnx.sizes import Size, Sizes

INT64: Final = np.dtype(np.int64)
BOOL: Final = np.dtype(np.bool_)
SHARED: Final = 256
"""Constants of up to so many bytes are kept once, however often they are used."""


@dataclass(eq=False, slots=True)
class Value:
    """An array of the graph: an input, a constant, or what a node makes."""

    hint: str
    """What it is called, unless something else is called so."""
    dtype: np.dtype[Any]
    shape: Any = None
    """Its sizes, where they are known: ints, and `Size` of what varies."""
    array: Array | None = None
    """The numbers of a constant."""
    maker: Record | None = None
    name: str = ""

    @property
    def rank(self) -> int:
        """How many axes it has."""
        return len(self.shape)


@dataclass(eq=False, slots=True)
class Record:
    """A node of the graph."""

    op: str
    hint: str
    inputs: Sequence[Value | None]
    outputs: Sequence[Value] = ()
    attrs: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""


class Names:
    """Names that are given once: whoever comes later gets a number behind it."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}

    def take(self, wanted: str) -> str:
        """Return the name, or the first of `name_1`, `name_2`, … that is free."""
        name = wanted = wanted or "unnamed"
        while name in self._taken:
            number = self._next.get(wanted, 1)
            self._next[wanted] = number + 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name


class Draft:
    """A graph, or the body of a loop in one.

    Attributes
    ----------
    inputs, outputs
        What it takes and gives.
    constants
        Parameters and other arrays that it holds; those of a body are in the graph around it.
    records
        Its nodes, in order.
    """

    def __init__(self, opset: int, around: Draft | None = None) -> None:
        self.opset = opset
        self.root: Draft = self if around is None else around.root
        self.inputs: list[Value] = []
        self.outputs: list[Value] = []
        self.constants: list[Value] = []
        self.records: list[Record] = []
        self.varying: dict[str, tuple[Value, int]] = {}
        """Each size that may vary -> an input that has it, and its axis."""
        self.head: list[Record] = []
        self.shared: dict[Any, Value] = {}
        self.vectors: dict[Any, Value] = {}

    def input(self, name: str, dtype: np.dtype[Any], shape: Sizes) -> Value:
        """Add an input."""
        value = Value(name, dtype, shape)
        self.inputs.append(value)
        for axis, size in enumerate(shape if self is self.root else ()):
            if isinstance(size, Size) and size == Size(size.terms[:1]) and size.terms[0][1] == 1:
                self.root.varying.setdefault(str(size), (value, axis))
        return value

    def constant(self, array: Array, name: str = "") -> Value:
        """Return a constant; small ones of no name are kept once."""
        array = np.asarray(array)
        root, key = self.root, (array.dtype, array.shape, array.tobytes())
        shared = not name and array.nbytes <= SHARED
        if shared and key in root.shared:
            return root.shared[key]
        value = Value(name or "constant", array.dtype, array.shape, array)
        root.constants.append(value)
        if shared:
            root.shared[key] = value
        return value

    def add(
        self,
        op: str,
        hint: str,
        inputs: Sequence[Value | None],
        dtypes: Sequence[np.dtype[Any]],
        attrs: Mapping[str, Any],
        *,
        first: bool = False,
    ) -> list[Value]:
        """Add a node; return its outputs, one of each type. `first`: among those at the head."""
        record = Record(op, hint, inputs, attrs=attrs)
        many = len(dtypes) > 1
        outputs = [Value(f"{hint}_{i}" if many else hint, d) for i, d in enumerate(dtypes)]
        for value in outputs:
            value.maker = record
        record.outputs = outputs
        (self.root.head if first else self.records).append(record)
        return outputs

    def sizes(self, shape: Sizes) -> Value:
        """Return a vector of sizes: a constant, or computed from the shapes of the inputs."""
        root, key = self.root, tuple(shape)
        if key not in root.vectors:
            parts: list[Value] = []
            fixed: list[int] = []
            for size in [*shape, None]:
                if isinstance(size, int):
                    fixed.append(size)
                    continue
                if fixed or not shape:
                    parts.append(root.constant(np.array(fixed, INT64)))
                    fixed = []
                if size is not None:
                    parts.append(root.size_of(size))
            root.vectors[key] = parts[0] if len(parts) == 1 else root.compute("Concat", parts)
        return root.vectors[key]

    def size_of(self, size: Size) -> Value:
        """Return a vector of one size that varies."""
        total = None if not size.offset else self._number(size.offset.numerator)
        for name, factor in size.terms:
            value, axis = self.varying[name]
            part = self.compute("Shape", [value], start=axis, end=axis + 1)
            if factor.numerator != 1:
                part = self.compute("Mul", [part, self._number(factor.numerator)])
            if factor.denominator != 1:
                part = self.compute("Div", [part, self._number(factor.denominator)])
            total = part if total is None else self.compute("Add", [part, total])
        assert total is not None
        return total

    def _number(self, number: int) -> Value:
        return self.constant(np.array([number], INT64))

    def compute(self, op: str, inputs: Sequence[Value], **attrs: int) -> Value:
        """Compute sizes at the head of the graph, once for all who ask."""
        key = op, tuple(map(id, inputs)), tuple(attrs.items())
        if key not in self.shared:
            attrs = {"axis": 0} if op == "Concat" else attrs
            (self.shared[key],) = self.add(op, "sizes", inputs, [INT64], attrs, first=True)
        return self.shared[key]

    # ------------------------------------------------------------------------------ at the end

    def finish(self) -> None:
        """Put what is computed of sizes to the head, and give all a name of its own."""
        self.records[:0] = self.head
        self.head = []
        used = set(self.outputs)
        self.drop_unused(used)
        self.constants = [value for value in self.constants if value in used]
        values, nodes = Names(), Names()
        for value in (*self.inputs, *self.outputs, *self.constants):
            value.name = value.name or values.take(value.hint)
        self.give_names(values, nodes)

    def drop_unused(self, used: set[Value]) -> None:
        """Drop the nodes whose values nobody reads; note what is read in `used`."""
        used.update(self.outputs)
        kept = []
        for record in reversed(self.records):
            if used.isdisjoint(record.outputs):
                continue
            kept.append(record)
            used.update(value for value in record.inputs if value is not None)
            for body in bodies(record):
                body.drop_unused(used)
        self.records = kept[::-1]

    def give_names(self, values: Names, nodes: Names) -> None:
        """Name all that has no name yet, of the bodies, too."""
        made = [value for record in self.records for value in record.outputs]
        for value in (*self.outputs, *self.inputs, *made):
            value.name = value.name or values.take(value.hint)
        for record in self.records:
            record.name = nodes.take(record.hint)
            for body in bodies(record):
                body.give_names(values, nodes)


def bodies(record: Record) -> Iterable[Draft]:
    """Return the graphs that a node holds, as a loop does."""
    return (value for value in record.attrs.values() if isinstance(value, Draft))
