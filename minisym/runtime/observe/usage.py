"""What lives where and when in a run: the memory of a plan, as data, as text, as a picture.

>>> from minisym import sym
>>> h = sym.Variable("x")
>>> for i in range(4):
...     h = sym.FullyConnected(h, num_hidden=64, no_bias=True, name=f"fc{i}")
>>> report = h.simple_bind(x=(32, 64), grad_req="null").memory_report()
>>> report.allocated, report.unshared, report.peak
(16384, 32768, 16384)
>>> print(report.timeline(width=8))
 fc0  8.2 KB  ████
 fc1   16 KB  ████████  <- peak
 fc2   16 KB  ████████
 fc3   16 KB  ████████
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from minisym.core.errors import ParamError
from minisym.core.node import Entry
from minisym.core.shapes import show
from minisym.runtime.layout import Home, Kind, total
from minisym.runtime.observe.chart import chart, size
from minisym.runtime.plan import Plan

_MANY = 60


class Tenant(NamedTuple):
    """A value, and the memory that it has in a run."""

    name: str
    """The output that it is, as `get_internals` calls it."""
    shape: tuple[int, ...]
    dtype: str
    nbytes: int
    """Its size in bytes."""
    place: str
    """`block 3`, `view of …`, `writes …`, `bound`, or `copy of … before the run`."""
    begin: int
    """The position of the node that computes it; -1: it is there before the run."""
    end: int
    """The position of the last node that reads it; the number of nodes: it outlives the run."""
    taken_from: str
    """The value whose memory this one has taken over, or ''."""
    backward: bool
    """Whether a backward run computes it."""
    kind: Kind = "block"
    """What sort of place it is."""
    block: int | None = None
    """Of a value in a block, the block's number."""


class Moment(NamedTuple):
    """The plan's memory while a node runs."""

    position: int
    """The place of the node in the run, from 0."""
    node: str
    """The name of the node."""
    live: int
    """The bytes of all values that are needed then, what the node makes included."""


@dataclass(frozen=True, repr=False)
class MemoryReport:
    """What `Executor.memory_report` found.

    Print it, read its parts, or look at it in a notebook: there it is a picture.

    Attributes
    ----------
    tenants
        Every value, in the order in which they are computed.
    moments
        How much is live at each node.
    allocated
        The bytes of all blocks.
    unshared
        What the values would take if each had memory of its own.
    bound
        The bytes of the arrays that were bound.
    """

    tenants: tuple[Tenant, ...]
    moments: tuple[Moment, ...]
    allocated: int
    unshared: int
    bound: int

    @cached_property
    def peak(self) -> int:
        """The most that is live at once."""
        return max((moment.live for moment in self.moments), default=0)

    @property
    def shared(self) -> dict[str, list[str]]:
        """The blocks that several values use one after the other, by place."""
        found: dict[str, list[str]] = {}
        for tenant in self.tenants:
            if tenant.kind == "block":
                found.setdefault(tenant.place, []).append(tenant.name)
        return {place: names for place, names in found.items() if len(names) > 1}

    def __str__(self) -> str:
        """Return totals, the timeline, and where each value lives."""
        total = (
            f"{size(self.bound)} bound, {size(self.allocated)} for values "
            f"({size(self.unshared)} without sharing), {size(self.peak)} live at the peak"
        )
        return f"{total}\n\n{self.timeline()}\n\n{self.places()}"

    __repr__ = __str__

    def svg(self) -> str:
        """Return a picture: nodes from left to right, blocks of memory from the bottom up."""
        return chart(self).svg()

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the picture to a file, `memory.svg`, `.png` or `.pdf`; return its path.

        Raises
        ------
        ParamError
            The path ends otherwise.
        NoPainterError
            It ends in .png or .pdf, and matplotlib is not installed.
        """
        return chart(self).save(path)

    def _repr_mimebundle_(self, *_: Any, **__: Any) -> dict[str, str]:
        """Show the picture in a notebook."""
        return {"image/svg+xml": self.svg(), "text/plain": str(self)}

    def timeline(self, *, width: int = 40) -> str:
        """Draw how much is live at each node, with bars of at most `width` characters."""
        if width < 1:
            raise ParamError(f"timeline: width must be at least 1, but got {width}")
        peak = self.peak or 1
        names = max((len(m.node) for m in self.moments), default=0)
        sizes = max((len(size(m.live)) for m in self.moments), default=0)
        first = next((m for m in self.moments if m.live == self.peak), None)
        lines = []
        for moment in _sample(self.moments, first):
            bar = "█" * round(width * moment.live / peak)
            mark = "  <- peak" if moment is first else ""
            lines.append(f" {moment.node:<{names}}  {size(moment.live):>{sizes}}  {bar}{mark}")
        return "\n".join(lines)

    def places(self) -> str:
        """List every value with its size, its memory and its life."""
        rows = [
            (
                tenant.name,
                f"{show(tenant.shape)} {tenant.dtype}",
                size(tenant.nbytes),
                tenant.place + (f" (after {tenant.taken_from})" if tenant.taken_from else ""),
                f"{tenant.begin}-{tenant.end if tenant.end < len(self.moments) else 'end'}",
            )
            for tenant in self.tenants
            if tenant.kind != "bound"
        ]
        widths = [max((len(row[i]) for row in rows), default=0) for i in range(5)]
        return "\n".join(
            "  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )

    def data(self) -> dict[str, Any]:
        """Return all of it as plain lists and dicts, for JSON or a plot."""
        return {
            "tenants": [tenant._asdict() for tenant in self.tenants],
            "moments": [moment._asdict() for moment in self.moments],
            "allocated": self.allocated,
            "unshared": self.unshared,
            "bound": self.bound,
            "peak": self.peak,
        }


def memory_report(plan: Plan) -> MemoryReport:
    """Do what `Executor.memory_report` promises."""
    layout, nbytes = plan.layout, plan.typed.nbytes
    live = [0] * (len(layout.nodes) + 1)
    taken_over = {home.source for _, home in layout.of_kind("block") if home.in_place}
    for entry, home in layout.of_kind("block"):
        live[home.begin] += nbytes(entry)
        if home.end < len(layout.nodes):
            # what is overwritten in place ends where the next one begins
            live[home.end + (entry not in taken_over)] -= nbytes(entry)
    moments = []
    now = 0
    for position, node in enumerate(layout.nodes):
        now += live[position]
        moments.append(Moment(position, node.name, now))
    copies = sum(nbytes(entry) for entry in layout.copies)
    return MemoryReport(
        tuple(_tenants(plan)),
        tuple(moments),
        total(layout.blocks) + copies,
        sum(nbytes(entry) for entry, _ in layout.of_kind("block")) + copies,
        sum(nbytes(entry) for entry, _ in layout.of_kind("bound")),
    )


def _tenants(plan: Plan) -> Iterator[Tenant]:
    layout, typed = plan.layout, plan.typed

    def tenant(entry: Entry, home: Home, place: str, taken_from: str = "") -> Tenant:
        kind = typed.shapes[entry], str(typed.dtypes[entry]), typed.nbytes(entry)
        block = None if home.block is None else home.block.number
        lives = home.begin, layout.homes[layout.root(entry)].end, taken_from
        late = home.begin >= layout.forward
        return Tenant(entry.name, *kind, place, *lives, late, home.kind, block)

    for entry, home in layout.of_kind("bound"):
        yield tenant(entry, home, "bound")
        if entry in layout.copies:
            yield tenant(entry, layout.copies[entry], f"copy of {entry.name} before the run")
    for entry, home in layout.homes.items():
        source = "" if home.source is None else home.source.name
        if home.kind == "view":
            yield tenant(entry, home, f"view of {source}")
        elif home.kind == "write":
            yield tenant(entry, home, f"writes {source}")
        elif home.block is not None:
            yield tenant(entry, home, f"block {home.block.number}", source)


def _sample(moments: tuple[Moment, ...], peak: Moment | None) -> list[Moment]:
    """Return some of many moments, evenly spread; the peak is always among them."""
    if len(moments) <= _MANY:
        return list(moments)
    stride = len(moments) / _MANY
    chosen = {int(i * stride) for i in range(_MANY)} | {peak.position if peak else 0}
    return [moments[i] for i in sorted(chosen)]
