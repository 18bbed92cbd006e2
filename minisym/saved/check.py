"""`model.check()`: one report of all that is missing, unused, wrong or unknown in a model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any, Final

from minisym.core.errors import MinisymError, count, listed
from minisym.core.graph import Graph
from minisym.core.ndarray import Array
from minisym.core.node import Entry, Node
from minisym.core.shapes import Shape
from minisym.core.symbol import Symbol
from minisym.passes.answers import named_shapes
from minisym.passes.infer import Engine, infer
from minisym.passes.slots import DTYPES, SHAPES, Kind
from minisym.saved.parts import Parts
from minisym.show import text

_MOST_PAIRS, _MOST_CLOSE = 4_000_000, 100
"""So many pairs of a missing name and an unused one are looked at, and so many of them closely."""
_MOST_WRONG: Final = 20
"""So many arrays that do not fit are looked for."""
_MOST_ALIKE: Final = 6
"""So many rows that are alike are shown one by one."""
_NEEDS: Final = "  needs "
_DIGITS: Final = re.compile(r"\d+")


@dataclass(frozen=True)
class Slot:
    """An input, an output or a parameter, and what is known of its array."""

    name: str
    shape: Shape
    """None for a dimension that is not known, or for all of it."""
    dtype: str | None

    def __str__(self) -> str:
        """Show shape and type."""
        return f"{text.shape_text(self.shape)} {self.dtype or ''}".rstrip()


@dataclass(frozen=True)
class Output(Slot):
    """An output of the model."""

    needs: tuple[str, ...]
    """The inputs that it depends on."""
    runs: bool
    """Whether no unknown op cuts it off."""


@dataclass(frozen=True)
class Missing(Slot):
    """A parameter that the network has and the file has not."""

    instead: str | None
    """The name of an unused array that may be meant."""


@dataclass(frozen=True)
class Wrong:
    """An array that does not fit: what the rest of the model needs, and what there is."""

    name: str
    needed: str
    """The shape or type that the network wants, in words."""
    found: str
    """The shape or type of the array, in words."""


@dataclass(frozen=True)
class UnknownOp:
    """A node whose op minisym does not know."""

    node: str
    op: str
    cuts_off: tuple[str, ...]
    """The outputs that depend on it."""


@dataclass(frozen=True)
class Check:
    """What `model.check()` found.

    `str` is the report, where rows that differ in a number of their name are one, and `text()` is
    all of it; `as_dict()` is it as plain data, and a notebook shows a table.
    """

    source: str
    """Where the model comes from."""
    ops: int
    """How many ops predict."""
    numbers: int
    """How many numbers the parameters hold."""
    nbytes: int
    """The size of the parameters."""
    inputs: tuple[Slot, ...]
    """What a prediction needs."""
    labels: tuple[str, ...]
    """What only training needs."""
    outputs: tuple[Output, ...]
    """What comes out."""
    missing: tuple[Missing, ...] = ()
    """Parameters that the network has, and the file has not."""
    unused: tuple[Slot, ...] = ()
    """Arrays that the network has no use for."""
    wrong_shapes: tuple[Wrong, ...] = ()
    """Parameters whose arrays have another shape."""
    wrong_types: tuple[Wrong, ...] = ()
    """Parameters whose arrays have another type."""
    unknown_ops: tuple[UnknownOp, ...] = ()
    """The nodes that cannot run."""
    runnable: tuple[str, ...] = ()
    """Where a cut would run, in front of the unknown ops."""
    contradictions: tuple[str, ...] = ()
    """What the network, or the shapes that were given, have against each other."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Names of unused arrays, and those of missing parameters that they may be: for `rename`."""

    @property
    def ok(self) -> bool:
        """Whether the whole model can predict."""
        return not (
            self.missing
            or self.wrong_shapes
            or self.wrong_types
            or self.contradictions
            or not all(output.runs for output in self.outputs)
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data: ready for JSON."""
        return asdict(self) | {"names": dict(self.names), "ok": self.ok}

    def __str__(self) -> str:
        """Return the report as text, what is alike in one row."""
        return self.text(fold=True)

    def text(self, *, fold: bool = False) -> str:
        """Return the report as text."""
        lines = [self._heading()]
        for title, every in self._sections():
            rows = _folded(every) if fold else every
            lines += ["", title]
            width = max((len(row[0]) for row in rows), default=0)
            lines += [f"  {name:<{width}}  {told}".rstrip() for name, told in rows]
        return "\n".join([*lines, "", self._verdict()])

    def __repr__(self) -> str:
        """Return the report as text, what is alike in one row."""
        return str(self)

    def _repr_html_(self) -> str:
        """Show a table in a notebook."""
        rows = "".join(
            f'<tr><th colspan="2" style="text-align:left">{escape(title)}</th></tr>'
            + "".join(
                f'<tr><td style="text-align:left">{escape(name)}</td>'
                f'<td style="text-align:left">{escape(told)}</td></tr>'
                for name, told in _folded(rows)
            )
            for title, rows in self._sections()
        )
        heading, verdict = escape(self._heading()), escape(self._verdict())
        return f"<table><caption>{heading}</caption>{rows}</table><p>{verdict}</p>"

    # -------------------------------------------------------------------------------- its parts

    def _heading(self) -> str:
        source = f"{text.plain(self.source, 120)}: " if self.source else ""
        size = text.size_in_bytes(self.nbytes)
        return f"{source}{count(self.ops, 'op')}, {self.numbers:,} numbers ({size})"

    def _sections(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Yield the parts that there are: a title, and pairs of a name and what is said of it."""
        every: Iterable[tuple[str, Iterable[tuple[str, str]]]] = (
            ("inputs", ((one.name, str(one)) for one in self.inputs)),
            ("labels, which a prediction does not need", ((name, "") for name in self.labels)),
            ("outputs", ((one.name, self._output(one)) for one in self.outputs)),
            ("missing parameters", self._missing()),
            ("unused arrays", ((one.name, str(one)) for one in self.unused)),
            ("parameters of a wrong shape", (_wrong(one) for one in self.wrong_shapes)),
            ("parameters of a wrong type", (_wrong(one) for one in self.wrong_types)),
            ("unknown ops", ((one.op, _unknown(one)) for one in self.unknown_ops)),
            ("contradictions", (("", told) for told in self.contradictions)),
        )
        for title, rows in every:
            shown = [(text.plain(name, 64) if name else "", told) for name, told in rows]
            if shown:
                yield title, shown

    @property
    def _bare(self) -> bool:
        """Whether there are no arrays at all: a symbol without a file of parameters."""
        return not (self.numbers or self.unused or self.wrong_shapes or self.wrong_types)

    def _missing(self) -> Iterator[tuple[str, str]]:
        if self._bare and len(self.missing) > 1:
            # a line for each would hide the one thing to say
            yield f"all {len(self.missing)}", "there are no parameters beside the symbol"
            return
        for one in self.missing:
            told = f"{one}  {one.instead} may be meant" if one.instead else str(one)
            yield one.name, told

    def _output(self, output: Output) -> str:
        told = str(output)
        if not output.runs:
            return f"{told}  cut off by an unknown op"
        others = len(self.inputs) > 1 and set(output.needs) != {one.name for one in self.inputs}
        return f"{told}{_NEEDS}{listed(output.needs, 8) or 'nothing'}" if others else told

    def _verdict(self) -> str:
        if self.ok:
            return "It can predict."
        numbers = (
            (len(self.missing), "missing parameter"),
            (len(self.wrong_shapes), "wrong shape"),
            (len(self.wrong_types), "wrong type"),
            (len(self.contradictions), "contradiction"),
            (sum(not output.runs for output in self.outputs), "output that is cut off"),
        )
        why = listed(
            [count(n, what) if n == 1 else f"{n} {_plural(what)}" for n, what in numbers if n], 8
        )
        advice = ""
        if self.names:
            advice = " Names differ: model.rename(model.check().names) matches them."
        elif self.runnable:
            advice = f" What comes before runs: model.cut({self.runnable[0]!r})."
        return f"It cannot predict: {why}.{advice}"


def _folded(rows: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Let more than a few rows be one whose names differ in numbers, and which say the same.

    What an output needs does not count: of a net that is unrolled, each needs one input more.

    >>> _folded([("fc", "2"), *((f"data/{i}", "?") for i in range(9))])
    [('fc', '2'), ('data/0 … data/8', '?  9 alike')]
    """
    alike: dict[tuple[str, str], list[str]] = {}
    for name, told in rows:
        alike.setdefault(_kind(name, told), []).append(name)
    found = []
    for name, told in rows:
        same = alike[kind := _kind(name, told)]
        if len(same) <= _MOST_ALIKE:
            found.append((name, told))
        elif name == same[0]:
            found.append((f"{same[0]} … {same[-1]}", f"{kind[1]}  {len(same)} alike".strip()))
    return found


def _kind(name: str, told: str) -> tuple[str, str]:
    """Return what rows that are alike have in common."""
    return _DIGITS.sub("#", name), told.partition(_NEEDS)[0]


def _plural(what: str) -> str:
    first, space, rest = what.partition(" that is ")
    return f"{first}s that are {rest}" if space else f"{first}s"


def _wrong(one: Wrong) -> tuple[str, str]:
    return one.name, f"{one.found}, but the network needs {one.needed}"


def _unknown(one: UnknownOp) -> str:
    cut = f"cuts off {listed(one.cuts_off, 8)}" if one.cuts_off else "no output needs it"
    return f"{one.node!r}: {cut}"


# ------------------------------------------------------------------------------------ the checks


def check(
    parts: Parts, params: Mapping[str, Array], source: str, given: Mapping[str, Any]
) -> Check:
    """Look at a model from all sides; see `Check`."""
    graph = parts.graph
    feeds = named_shapes(graph, (), {n: s for n, s in given.items() if n not in parts.labels})
    arrays = {node: params[node.name] for node in parts.parameters if node.name in params}
    by_shape, wrong, shape_errors = _settle(
        graph, {node: array.shape for node, array in arrays.items()}, feeds, SHAPES
    )
    by_type, mistyped, type_errors = _settle(
        graph, {node: array.dtype for node, array in arrays.items()}, {}, DTYPES
    )

    def slot(entry: Entry) -> tuple[Shape, str | None]:
        shape = None if by_shape is None else by_shape[entry]
        dtype = None if by_type is None else by_type[entry]
        return shape, None if dtype is None else str(dtype)

    here = {node.name for node in graph.variables}
    unused = {name: array for name, array in params.items() if name not in here}
    missing = [node for node in parts.parameters if node.name not in params]
    names = _pairs([(n.name, slot(Entry(n))[0]) for n in missing], unused)
    instead = {new: old for old, new in names.items()}
    return Check(
        source=source,
        ops=sum(node.op is not None for node in graph),
        numbers=sum(array.size for array in arrays.values()),
        nbytes=sum(array.nbytes for array in arrays.values()),
        inputs=tuple(Slot(node.name, *slot(Entry(node))) for node in parts.inputs),
        labels=parts.labels,
        outputs=tuple(_outputs(parts, slot)),
        missing=tuple(Missing(n.name, *slot(Entry(n)), instead.get(n.name)) for n in missing),
        unused=tuple(Slot(name, a.shape, str(a.dtype)) for name, a in unused.items()),
        wrong_shapes=_wrongs(wrong, by_shape, text.shape_text),
        wrong_types=_wrongs(mistyped, by_type, str),
        unknown_ops=tuple(_unknown_ops(parts)),
        runnable=parts.runnable,
        contradictions=tuple(dict.fromkeys([*shape_errors, *type_errors])),
        names=names if len(names) == len(missing) else {},
    )


def _settle(
    graph: Graph, known: Mapping[Node, Any], given: Mapping[Node, Any], kind: Kind
) -> tuple[Engine | None, dict[Node, Any], list[str]]:
    """Infer from the arrays and what was given; leave out the arrays that contradict the rest."""

    def attempt(some: Iterable[Node]) -> Engine | MinisymError:
        try:
            return infer(graph, {**{node: known[node] for node in some}, **given}, kind)
        except MinisymError as error:
            return error

    good, wrong = list(known), dict[Node, Any]()
    while isinstance(found := attempt(good), MinisymError) and len(wrong) < _MOST_WRONG:
        alone = attempt(())
        if isinstance(alone, MinisymError):
            return None, wrong, [alone.sentence]
        fits, fails = 0, len(good)
        while fails - fits > 1:  # the first so many fit, the first so many do not
            half = (fits + fails) // 2
            bad = isinstance(attempt(good[:half]), MinisymError)
            fits, fails = (fits, half) if bad else (half, fails)
        culprit = good.pop(fails - 1)
        wrong[culprit] = known[culprit]
    if isinstance(found, MinisymError):
        return None, wrong, [found.sentence]
    return found, wrong, []


def _wrongs(wrong: Mapping[Node, Any], engine: Engine | None, show: Any) -> tuple[Wrong, ...]:
    def needed(node: Node) -> str:
        value = None if engine is None else engine[Entry(node)]
        return "another" if value is None else show(value)

    return tuple(Wrong(node.name, needed(node), show(value)) for node, value in wrong.items())


def _outputs(parts: Parts, slot: Any) -> Iterator[Output]:
    """Yield the outputs; the inputs that each depends on are bits of a number."""
    reads = {node: 1 << i for i, node in enumerate(parts.inputs)}
    for node in parts.graph:
        for source in {entry.node for entry in node.inputs}:
            reads[node] = reads.get(node, 0) | reads.get(source, 0)
    names = Symbol(parts.graph.outputs).list_outputs()
    for name, entry in zip(names, parts.graph.outputs, strict=True):
        bits = reads.get(entry.node, 0)
        needs = tuple(node.name for i, node in enumerate(parts.inputs) if bits >> i & 1)
        shape, dtype = slot(entry)
        yield Output(name, shape, dtype, needs, entry.node not in parts.lost)


def _unknown_ops(parts: Parts) -> Iterator[UnknownOp]:
    for node in parts.unknown:
        assert node.op is not None
        lost = parts.graph.reached([node])
        cut = Symbol(tuple(e for e in parts.graph.outputs if e.node in lost)).list_outputs()
        yield UnknownOp(node.name, node.op.name, tuple(cut))


def _pairs(missing: Sequence[tuple[str, Shape]], unused: Mapping[str, Array]) -> dict[str, str]:
    """Guess which unused arrays the missing parameters are, by their names and shapes.

    >>> import numpy as np
    >>> _pairs([("conv0_weight", (2, 3))], {"net_conv0_weight": np.zeros((2, 3))})
    {'net_conv0_weight': 'conv0_weight'}
    """
    from difflib import get_close_matches

    found: dict[str, str] = {}
    if len(missing) * len(unused) > _MOST_PAIRS:
        return found
    for name, shape in missing:
        free = {n for n, a in unused.items() if n not in found and _may_be(a.shape, shape)}
        ends = [n for n in free if n.endswith(name) or name.endswith(n)]
        close = (
            ends if len(ends) == 1 else get_close_matches(name, sorted(free)[:_MOST_CLOSE], 1, 0.75)
        )
        if close:
            found[close[0]] = name
    return found


def _may_be(have: tuple[int, ...], need: Shape) -> bool:
    if need is None:
        return True
    return len(have) == len(need) and all(b in (None, a) for a, b in zip(have, need, strict=True))
