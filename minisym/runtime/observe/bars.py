"""What a profile measured as a picture: a bar for each op, as long as it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from minisym.runtime.observe.drawing import Drawing, Rectangle, Words

if TYPE_CHECKING:
    from minisym.runtime.observe.profile import Row

_LEFT, _TOP, _WIDE, _ROW, _RIGHT = 210.0, 44.0, 460.0, 22.0, 130.0
_PAPER, _INK, _QUIET = "#FFFFFF", "#0F172A", "#475569"
_FORWARD, _BACKWARD = "#60A5FA", "#F472B6"
_DARK: Final = {
    _PAPER: "#0B1220",
    _INK: "#E5E7EB",
    _QUIET: "#94A3B8",
    _FORWARD: "#2563EB",
    _BACKWARD: "#BE185D",
}
_MOST: Final = 24


def bars(rows: Sequence[Row], runs: int, seconds: float) -> Drawing:
    """Return a picture of rows that are sorted, the slowest first."""
    shown, rest = rows[:_MOST], rows[_MOST:]
    high = _TOP + _ROW * (len(shown) + bool(rest)) + 14
    title = f"{seconds * 1e3:.3f} ms a run, the median of {runs}"
    sheet = Drawing(_LEFT + _WIDE + _RIGHT, high, _PAPER, "Time of a run", dark=_DARK)
    sheet.add(Words(16, 24, title, 13, _INK, bold=True, anchor="start"))
    longest = max((row.seconds for row in shown), default=0.0) or 1.0
    for number, row in enumerate(shown):
        y = _TOP + _ROW * number
        name = row.op if len(row.op) <= 26 else f"{row.op[:25]}…"
        calls = f" ×{row.calls}" if row.calls > 1 else ""
        wide = _WIDE * row.seconds / longest
        sheet.add(
            Words(_LEFT - 8, y + 14, name + calls, 11, _INK, anchor="end"),
            Rectangle(_LEFT, y + 3, max(wide, 0.5), _ROW - 6, _colour(row), radius=2),
            Words(_LEFT + wide + 6, y + 14, _said(row), 10, _QUIET, anchor="start"),
            kind="op",
            tip=f"{row.op}: {row.nbytes:,} bytes",
        )
    if rest:
        share = sum(row.share for row in rest)
        y = _TOP + _ROW * len(shown) + 14
        sheet.add(Words(_LEFT, y, f"{len(rest)} more, {share:.1%}", 10, _QUIET, anchor="start"))
    return sheet


def _colour(row: Row) -> str:
    return _BACKWARD if row.backward else _FORWARD


def _said(row: Row) -> str:
    return f"{row.seconds * 1e3:.3f} ms, {row.share:.1%}{' ∂' if row.backward else ''}"
