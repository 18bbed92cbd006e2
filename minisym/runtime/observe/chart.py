"""The memory of a run as a picture.

From left to right run the nodes; upwards stand the blocks of memory, one on the other. A value is a
box: as long as it is needed, as high as it is large. The line is how much is needed at each node.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from minisym.core.shapes import show
from minisym.runtime.observe.drawing import Curve, Drawing, Rectangle, Shape, Words

if TYPE_CHECKING:
    from minisym.runtime.observe.usage import MemoryReport, Tenant

_LEFT, _TOP, _RIGHT, _WIDE, _HIGH = 76, 56, 36, 780, 280
_FEW_NAMES: Final = 40
"""Runs of so many nodes have their names under the picture."""
_PAPER, _INK, _QUIET, _LIVE, _RULE = "#FFFFFF", "#0F172A", "#475569", "#7C3AED", "#CBD5E1"
_FILLS: Final = {"forward": "#BFDBFE", "backward": "#FBCFE8", "kept": "#BBF7D0", "": "none"}
_DARK: Final = {
    _PAPER: "#0B1220",
    _INK: "#E5E7EB",
    _QUIET: "#94A3B8",
    _LIVE: "#A78BFA",
    _RULE: "#334155",
    "#BFDBFE": "#1E40AF",
    "#FBCFE8": "#831843",
    "#BBF7D0": "#166534",
}
_LEGEND: Final = (
    ("forward", "needed for a while"),
    ("backward", "of the backward run"),
    ("kept", "needed until the end"),
)


def chart(report: MemoryReport) -> Drawing:
    """Return the picture.

    >>> import numpy as np
    >>> from minisym import sym
    >>> executor = sym.tanh(sym.exp(sym.Variable("x"))).bind(args={"x": np.ones(3)})
    >>> chart(executor.memory_report())
    <Drawing 'Memory of a run', 892 × 377 points>
    """
    names = len(report.moments) <= _FEW_NAMES
    foot = 16 + max((min(len(m.node), 24) for m in report.moments), default=0) * 5 if names else 30
    sheet = Drawing(
        _LEFT + _WIDE + _RIGHT, _TOP + _HIGH + foot, _PAPER, "Memory of a run", dark=_DARK
    )
    sheet.add(*_heading(report), *_axis(report))
    for shapes, tip in _values(report):
        sheet.add(*shapes, kind="value", tip=tip)
    sheet.add(*_line(report), *(_names(report) if names else _numbers(report)))
    return sheet


def _heading(report: MemoryReport) -> Iterator[Shape]:
    saved = f"{size(report.allocated)} for values, {size(report.unshared)} without sharing"
    title = f"{saved}, {size(report.peak)} needed at the peak"
    yield Words(_LEFT, 20, title, 13, _INK, bold=True, anchor="start")
    x = _LEFT
    kinds = {_kind(tenant, report) for tenant in report.tenants}
    for kind, words in _LEGEND:
        if kind in kinds:
            yield Rectangle(x, 32, 12, 12, _FILLS[kind], radius=2)
            yield Words(x + 18, 42, words, 11, _QUIET, anchor="start")
            x += 40 + 6 * len(words)
    yield Curve(((x, 38), (x + 16, 38)), _LIVE, 2)
    yield Words(x + 22, 42, "needed at this node", 11, _QUIET, anchor="start")


def _axis(report: MemoryReport) -> Iterator[Shape]:
    for part in range(5):
        y = _TOP + _HIGH * (1 - part / 4)
        words = size(round(_top(report) * part / 4))
        yield Curve(((_LEFT, y), (_LEFT + _WIDE, y)), _RULE, 0.7)
        yield Words(_LEFT - 6, y + 4, words, 11, _QUIET, anchor="end")


def _values(report: MemoryReport) -> Iterator[tuple[list[Shape], str]]:
    """Yield a box for each value that has memory of its own, block upon block, and what it says."""
    living: dict[str, list[Tenant]] = {}
    for tenant in report.tenants:
        if tenant.kind in {"block", "copy"}:
            living.setdefault(tenant.place, []).append(tenant)
    floor = 0
    for tenants in living.values():
        following = [tenant.begin for tenant in tenants[1:]]
        for tenant, begin in zip(tenants, [*following, len(report.moments)], strict=True):
            if tenant.nbytes:  # what is overwritten in place ends where the next one begins
                yield _box(tenant, min(tenant.end + 1, begin), floor, report)
        floor += max(tenant.nbytes for tenant in tenants)


def _box(tenant: Tenant, end: int, floor: int, report: MemoryReport) -> tuple[list[Shape], str]:
    scale = _HIGH / _top(report)
    left, right = _x(max(tenant.begin, 0), report), _x(end, report)
    tall = tenant.nbytes * scale
    top = _TOP + _HIGH - floor * scale - tall
    kind = f"{show(tenant.shape)} {tenant.dtype}, {size(tenant.nbytes)}, {tenant.place}"
    fill, thick = _FILLS[_kind(tenant, report)], min(0.7, tall / 8)
    box = Rectangle(left, top, right - left, tall, fill, _PAPER, thick, min(2, tall / 4))
    shapes: list[Shape] = [box]
    if tall >= 12 and right - left >= 7 * len(tenant.name) + 6:
        shapes.append(Words(left + 4, top + tall / 2 + 4, tenant.name, 11, _INK, anchor="start"))
    return shapes, f"{tenant.name}\n{kind}"


def _line(report: MemoryReport) -> Iterator[Shape]:
    scale = _HIGH / _top(report)
    points = [
        (_x(moment.position + side, report), _TOP + _HIGH - moment.live * scale)
        for moment in report.moments
        for side in (0, 1)
    ]
    if points:
        yield Curve(tuple(points), _LIVE, 2)


def _names(report: MemoryReport) -> Iterator[Shape]:
    for moment in report.moments:
        x, y = _x(moment.position + 0.5, report) + 4, _TOP + _HIGH + 8
        name = moment.node if len(moment.node) <= 24 else f"{moment.node[:23]}…"
        yield Words(x, y, name, 11, _QUIET, anchor="end", turned=-55)


def _numbers(report: MemoryReport) -> Iterator[Shape]:
    last = len(report.moments)
    for part in range(5):
        x, y = _LEFT + _WIDE * part / 4, _TOP + _HIGH + 18
        yield Words(x, y, f"node {round(last * part / 4)}", 11, _QUIET)


def _kind(tenant: Tenant, report: MemoryReport) -> str:
    if tenant.kind not in {"block", "copy"}:
        return ""
    if tenant.end >= len(report.moments):
        return "kept"
    return "backward" if tenant.backward else "forward"


def _top(report: MemoryReport) -> int:
    return max(report.allocated, report.peak, 1)


def _x(position: float, report: MemoryReport) -> float:
    return _LEFT + _WIDE * position / max(1, len(report.moments))


def size(number: int) -> str:
    """Return bytes for people: 8.2 KB."""
    amount = float(number)
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 999.5 or unit == "GB":
            break
        amount /= 1000
    digits = 0 if unit == "B" or amount >= 9.95 else 1
    return f"{amount:.{digits}f} {unit}"
