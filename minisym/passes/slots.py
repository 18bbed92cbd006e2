"""What a rule sees: the slots of one node, whose assignment unifies.

A `Kind` says what is inferred, shapes or element types; `Slots` is the view of one node that the
rule of an op reads and assigns.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, overload

import numpy as np

from minisym.core import shapes
from minisym.core.errors import DeclarationError, DtypeError, MinisymError, ShapeError, did_you_mean
from minisym.core.node import Node
from minisym.core.op import Op
from minisym.core.params import OptionalInts, dtype_of_code, param_of
from minisym.core.shapes import Mismatch, show

if TYPE_CHECKING:
    from minisym.passes.infer import Engine

DType = np.dtype[Any] | None


@dataclass(frozen=True)
class Kind:
    """What an engine infers: shapes or element types."""

    noun: str
    unify: Callable[[Any, Any], Any]
    known: Callable[[Any], bool]
    same: Callable[[Any, Any], bool]
    show: Callable[[Any], str]
    check: Callable[[Any], None]
    """Raises ValueError for what no array has."""
    error: type[MinisymError]
    attribute: str
    declared: Callable[[str], Any]
    read: Callable[[Any], Any]
    """What a rule assigns, in the one form that it has here; TypeError if it says nothing."""
    form: str
    """How a rule says it."""


def _unify_dtypes(a: DType, b: DType) -> DType:
    # never `a == b` with None: NumPy takes None for float64
    if a is None:
        return b
    if b is None or a == b:
        return a
    raise Mismatch(None, a, b)


_PLAIN: Final = {int, type(None)}


def _shape(value: Any) -> Any:
    """Read a shape that a rule assigns."""
    if not isinstance(value, tuple | list):
        raise TypeError
    if not _PLAIN.issuperset(map(type, value)):  # NumPy's integers, say
        value = tuple(d if d is None else operator.index(d) for d in value)
    return tuple(value)


DECLARED_SHAPE: Final = param_of("shape", OptionalInts, None).parse
"""Read a `__shape__` attribute, of old files (`(64L,)`), too."""

SHAPES: Final = Kind(
    "shape",
    shapes.unify,
    shapes.is_known,
    operator.eq,
    show,
    shapes.check,
    ShapeError,
    "__shape__",
    lambda text: shapes.from_user(DECLARED_SHAPE(text)),
    _shape,
    "a tuple of sizes, None for one that is not known: s.output = (*s.data[:-1], None)",
)
DTYPES: Final = Kind(
    "type",
    _unify_dtypes,
    lambda dtype: dtype is not None,
    lambda a, b: a is not None and b is not None and a == b,
    lambda dtype: "?" if dtype is None else str(dtype),
    lambda dtype: None,
    DtypeError,
    "__dtype__",
    dtype_of_code,
    np.dtype,
    "a type of NumPy: t.output = np.dtype(np.int32)",
)


class Values(Sequence[Any]):
    """What is known of some slots, in order: as it is when it is asked for, and without a copy."""

    __slots__ = ("_places", "_values")

    def __init__(self, values: Sequence[Any], places: Sequence[int]) -> None:
        self._values, self._places = values, places

    def __len__(self) -> int:
        """Return how many slots there are."""
        return len(self._places)

    def __iter__(self) -> Iterator[Any]:
        """Yield the values."""
        return map(self._values.__getitem__, self._places)

    @overload
    def __getitem__(self, at: int) -> Any: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[Any, ...]: ...

    def __getitem__(self, at: int | slice) -> Any:
        """Return one value, or several as a tuple."""
        if isinstance(at, slice):
            return tuple(self._values[place] for place in self._places[at])
        return self._values[self._places[at]]


class Slots:
    """What a rule sees of one node: `s.data` reads a slot, `s.data = …` unifies it.

    Inputs have the op's names for them, outputs `output`, or the op's names for several. `inputs`
    and `outputs` give all of them in order; `set_input`, `set_output` assign by position.
    """

    __slots__ = (
        "_by_place",
        "_changed",
        "_engine",
        "_named",
        "_names",
        "_node",
        "_places",
        "_reads",
    )

    def __init__(self, engine: Engine, node: Node) -> None:
        assert node.op is not None
        init = object.__setattr__
        init(self, "_engine", engine)
        init(self, "_node", node)
        ins, outs = engine.places.inputs[node], engine.places.outputs(node)
        init(self, "_places", (ins, outs))
        init(self, "_changed", [])
        init(self, "_reads", [])
        init(self, "_named", False)
        names: dict[str, int] = dict(zip(node.input_names(), ins, strict=False))
        for name, place in zip(node.op.output_names(node.params), outs, strict=True):
            names[name if name not in names else f"{name}_output"] = place
        init(self, "_names", names)
        init(self, "_by_place", {})

    @property
    def names(self) -> tuple[str, ...]:
        """The slots' names, inputs first."""
        return tuple(self._names)

    def __getattr__(self, name: str) -> Any:
        place = self._names.get(name)
        if place is None:
            if name in ("inputs", "outputs"):
                return Values(self._engine.values, self._places[name == "outputs"])
            self._must_be_declared(name)
            return None  # it does not exist with these parameters
        self._reads.append(name)
        return self._engine.values[place]

    def __setattr__(self, name: str, value: Any) -> None:
        place = self._names.get(name)
        if place is not None:
            self._assign(name, place, value)
        else:
            self._must_be_declared(name)

    def _must_be_declared(self, name: str) -> None:
        """Refuse a slot that the op has with no parameters at all: a misspelt one."""
        if name.startswith("__"):
            raise AttributeError(name)
        op: Op = self._node.op
        if name not in op.slots:
            raise DeclarationError(
                f"{op.name}: its {self._engine.kind.noun} rule speaks of {name!r}, "
                "which is no input or output",
                hint=did_you_mean(name, sorted(op.slots | self._names.keys())),
            )

    def set_input(self, position: int, value: Any) -> None:
        """Unify the input at this position."""
        place = self._places[0][position]
        self._assign(self._name_of(place), place, value)

    def set_output(self, position: int, value: Any) -> None:
        """Unify the output at this position."""
        place = self._places[1][position]
        self._assign(self._name_of(place), place, value)

    def _name_of(self, place: int) -> str:
        found: dict[int, str] = self._by_place
        if not found:  # made when it is needed: most rules assign by name
            found.update((p, name) for name, p in reversed(self._names.items()))
        return found[place]

    def _assign(self, name: str, place: int, value: Any) -> None:
        engine = self._engine
        kind = engine.kind
        before = engine.values[place]
        try:
            after = kind.unify(before, value)
            if after is before or kind.same(before, after):
                return
            after = kind.read(after)
        except Mismatch as mismatch:
            raise Conflict(name, before, value, mismatch.axis, tuple(self._reads)) from None
        except TypeError:
            raise DeclarationError(
                f"{self._node.op.name}: its {kind.noun} rule gives {name} the {kind.noun} "
                f"{value!r:.60}, which is none",
                hint=kind.form,
            ) from None
        kind.check(after)
        engine.values[place] = after
        self._changed.append(place)


def about(s: Slots) -> tuple[Kind, Node]:
    """Return what is inferred, and the node: for rules that infer through a graph of their own.

    What a rule answers that has asked for its node is true of that node alone.
    """
    object.__setattr__(s, "_named", True)
    kind: Kind = s._engine.kind
    node: Node = s._node
    return kind, node


class Conflict(Exception):  # noqa: N818  never seen by users: the engine makes a ShapeError of it
    """A rule assigned to a slot what contradicts its value."""

    def __init__(
        self, slot: str, have: Any, need: Any, axis: int | None, reads: tuple[str, ...]
    ) -> None:
        self.slot, self.have, self.need, self.axis, self.reads = slot, have, need, axis, reads


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
