"""The memory of a run as a picture: an SVG that follows the reader's light or dark theme.

From left to right run the nodes; upwards stand the blocks of memory, one on the other. A value is a
box: as long as it is needed, as high as it is large. The line is how much is needed at each node.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Final

from minisym.core.shapes import show

if TYPE_CHECKING:
    from minisym.runtime.observe.usage import MemoryReport, Tenant

_LEFT, _TOP, _RIGHT, _WIDE, _HIGH = 76, 56, 36, 780, 280
_FEW_NAMES: Final = 40
"""Runs of so many nodes have their names under the picture."""
_STYLE: Final = """
.minisym-memory { font: 11px system-ui, sans-serif; --ink: #0F172A; --quiet: #475569;
  --paper: #FFFFFF; --forward: #BFDBFE; --backward: #FBCFE8; --kept: #BBF7D0; --live: #7C3AED; }
@media (prefers-color-scheme: dark) { .minisym-memory { --ink: #E5E7EB; --quiet: #94A3B8;
  --paper: #0B1220; --forward: #1E40AF; --backward: #831843; --kept: #166534; --live: #A78BFA; } }
.minisym-memory .paper { fill: var(--paper); }
.minisym-memory text { fill: var(--quiet); }
.minisym-memory .title { fill: var(--ink); font-weight: 600; font-size: 13px; }
.minisym-memory .name { fill: var(--ink); }
.minisym-memory .value { stroke: var(--paper); }
.minisym-memory .forward { fill: var(--forward); }
.minisym-memory .backward { fill: var(--backward); }
.minisym-memory .kept { fill: var(--kept); }
.minisym-memory .live { fill: none; stroke: var(--live); stroke-width: 2; }
.minisym-memory .rule { stroke: var(--quiet); stroke-opacity: .35; }
"""
_LEGEND: Final = (
    ("forward", "needed for a while"),
    ("backward", "of the backward run"),
    ("kept", "needed until the end"),
)
_NOT_XML: Final = "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"


def chart(report: MemoryReport) -> str:
    """Return the picture.

    >>> import numpy as np
    >>> from minisym import sym
    >>> executor = sym.tanh(sym.exp(sym.Variable("x"))).bind(args={"x": np.ones(3)})
    >>> chart(executor.memory_report()).startswith("<svg ")
    True
    """
    names = len(report.moments) <= _FEW_NAMES
    foot = 16 + max((min(len(m.node), 24) for m in report.moments), default=0) * 5 if names else 30
    width, height = _LEFT + _WIDE + _RIGHT, _TOP + _HIGH + foot
    return "\n".join(
        [
            (
                '<svg xmlns="http://www.w3.org/2000/svg" class="minisym-memory" role="img" '
                f'aria-label="Memory of a run" viewBox="0 0 {width} {height}" '
                f'width="{width}" height="{height}">'
            ),
            f"<style>{_STYLE}</style>",
            f'<rect class="paper" width="{width}" height="{height}"/>',
            *_heading(report),
            *_axis(report),
            *_values(report),
            _line(report),
            *(_names(report) if names else _numbers(report)),
            "</svg>",
        ]
    )


def _heading(report: MemoryReport) -> Iterator[str]:
    saved = f"{size(report.allocated)} for values, {size(report.unshared)} without sharing"
    title = f"{saved}, {size(report.peak)} needed at the peak"
    yield f'<text class="title" x="{_LEFT}" y="20">{title}</text>'
    x = _LEFT
    kinds = {_kind(tenant, report) for tenant in report.tenants}
    for kind, words in _LEGEND:
        if kind in kinds:
            yield f'<rect class="{kind}" x="{x}" y="32" width="12" height="12" rx="2"/>'
            yield f'<text x="{x + 18}" y="42">{words}</text>'
            x += 40 + 6 * len(words)
    yield f'<path class="live" d="M{x} 38h16"/><text x="{x + 22}" y="42">needed at this node</text>'


def _axis(report: MemoryReport) -> Iterator[str]:
    for part in range(5):
        y = _TOP + _HIGH * (1 - part / 4)
        words = size(round(_top(report) * part / 4))
        yield f'<path class="rule" d="M{_LEFT} {y:.1f}h{_WIDE}"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{words}</text>'


def _values(report: MemoryReport) -> Iterator[str]:
    """Yield a box for each value that has memory of its own, block upon block."""
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


def _box(tenant: Tenant, end: int, floor: int, report: MemoryReport) -> str:
    scale = _HIGH / _top(report)
    left, right = _x(max(tenant.begin, 0), report), _x(end, report)
    tall = tenant.nbytes * scale
    top = _TOP + _HIGH - floor * scale - tall
    name = text(tenant.name)
    kind = f"{show(tenant.shape)} {tenant.dtype}, {size(tenant.nbytes)}, {tenant.place}"
    label = ""
    if tall >= 12 and right - left >= 7 * len(tenant.name) + 6:
        label = f'<text class="name" x="{left + 4:.1f}" y="{top + tall / 2 + 4:.1f}">{name}</text>'
    return (
        f'<g><title>{name}\n{kind}</title><rect class="value {_kind(tenant, report)}" '
        f'x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{tall:.1f}" '
        f'rx="{min(2, tall / 4):.1f}" stroke-width="{min(0.7, tall / 8):.2f}"/>{label}</g>'
    )


def _line(report: MemoryReport) -> str:
    scale = _HIGH / _top(report)
    points = [
        f"{_x(moment.position + side, report):.1f} {_TOP + _HIGH - moment.live * scale:.1f}"
        for moment in report.moments
        for side in (0, 1)
    ]
    return f'<path class="live" d="M{"L".join(points)}"/>' if points else ""


def _names(report: MemoryReport) -> Iterator[str]:
    for moment in report.moments:
        x, y = _x(moment.position + 0.5, report) + 4, _TOP + _HIGH + 8
        name = moment.node if len(moment.node) <= 24 else f"{moment.node[:23]}…"
        yield (
            f'<text text-anchor="end" transform="translate({x:.1f} {y}) rotate(-55)">'
            f"{text(name)}</text>"
        )


def _numbers(report: MemoryReport) -> Iterator[str]:
    last = len(report.moments)
    for part in range(5):
        x, y = _LEFT + _WIDE * part / 4, _TOP + _HIGH + 18
        yield f'<text x="{x:.1f}" y="{y}" text-anchor="middle">node {round(last * part / 4)}</text>'


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


def text(words: str) -> str:
    """Return words as they may stand in XML, which knows no control characters."""
    return escape(re.sub(_NOT_XML, "\ufffd", words))


def size(number: int) -> str:
    """Return bytes for people: 8.2 KB."""
    amount = float(number)
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 999.5 or unit == "GB":
            break
        amount /= 1000
    digits = 0 if unit == "B" or amount >= 9.95 else 1
    return f"{amount:.{digits}f} {unit}"
