"""Curves of a function and its derivative, as svg that takes the colours of the page."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np

import minisym as ms
from minisym.core.op import Op
from minisym.testing.ops import cases_of

WIDTH, HEIGHT, EDGE = 340, 220, 26
POINTS = 161
TALLEST = 6.0
"""What lies higher or lower is cut, if it is less than all: a pole shall not flatten the rest."""
AT_MOST = 6
STEPS = [digit * 10.0**power for power in (-2, -1, 0, 1, 2) for digit in (1, 2, 5)]
"""Distances of the numbers at the axes."""


def curves(op: Op, called: str) -> str:
    """Draw an elementwise op of one array, with each of its samples' parameters; or nothing."""
    drawn: dict[str, str] = {}
    if op.gradient is None or not (op.elementwise or op.kind == "activation"):
        return ""
    for case in cases_of(op):
        if case.is_error or len(case.sample.inputs) != 1 or case.sample.params.get("dtype"):
            continue
        if len(case.symbol.list_outputs()) != 1:
            continue
        said = ", ".join(f"{name}={value!r}" for name, value in case.sample.params.items())
        if said not in drawn and len(drawn) < AT_MOST:
            drawn[said] = _figure(case, f"{called}({said})" if said else called)
    return "\n".join(filter(None, drawn.values()))


def _figure(case: Any, title: str) -> str:
    low, high = case.sample.domain
    if (low, high) == (-2.0, 2.0):
        low, high = -4.0, 4.0
    x = np.linspace(low, high, POINTS)
    x[np.abs(x) < 1e-9] = 0.0
    name = next(iter(case.arrays))
    both = ms.sym.Group([case.symbol, ms.grad(case.symbol, name)])
    with np.errstate(all="ignore"):
        try:
            y, slope = (np.asarray(a) for a in both.eval(**{name: x}))
            few = np.asarray(case.symbol.eval(**{name: x[:9]})[0])
        except ms.MinisymError:
            return ""
    if y.shape != x.shape or np.array_equal(y, x) or np.ptp(y[x != 0]) == 0:
        return ""
    if not np.array_equal(few, y[:9], equal_nan=True):  # not of each element by itself
        return ""
    return _svg(title, x, y, slope)


def _svg(title: str, x: Any, y: Any, slope: Any) -> str:
    seen = np.concatenate([y, slope])
    seen = seen[np.isfinite(seen)]
    if np.mean(np.abs(seen) <= TALLEST) > 0.1:
        seen = seen.clip(-TALLEST, TALLEST)
    bottom, top = min(seen.min(), 0.0), max(seen.max(), 0.0)
    bottom, top = bottom - 0.06 * (top - bottom), top + 0.06 * (top - bottom)
    across = (WIDTH - 2 * EDGE) / (x[-1] - x[0])
    up = (HEIGHT - 2 * EDGE) / (top - bottom)

    def at(a: float, b: float) -> str:
        return f"{EDGE + (a - x[0]) * across:.1f} {HEIGHT - EDGE - (b - bottom) * up:.1f}"

    parts = [f'<line class="axis" {_ends(at(x[0], 0), at(x[-1], 0))}/>']
    labels = []  # above the curves
    if x[0] <= 0 <= x[-1]:
        parts.append(f'<line class="axis" {_ends(at(0, bottom), at(0, top))}/>')
    for value in _ticks(x[0], x[-1]):
        left, height = at(value, 0).split()
        labels.append(f'<text x="{left}" y="{float(height) + 12:.1f}">{value:g}</text>')
    left = at(max(x[0], min(0.0, x[-1])), 0).split()[0]
    for value in _ticks(bottom, top):
        height = at(0, value).split()[1]
        place = f'x="{float(left) - 5:.1f}" y="{float(height) + 3:.1f}"'
        labels.append(f'<text class="up" {place}>{value:g}</text>')
    for kind, values in (("slope", slope), ("value", y)):
        path = " ".join(
            "M" + "L".join(at(*p) for p in run) for run in _runs(x, values, top, bottom)
        )
        parts.append(f'<path class="{kind}" d="{path}"/>')
    inside = "".join(parts + labels)
    return (
        f'<figure class="curve"><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)} and its derivative">{inside}</svg>'
        f"<figcaption><code>{escape(title)}</code>"
        '<span class="value">f</span><span class="slope">f ′</span></figcaption></figure>'
    )


def _ends(start: str, end: str) -> str:
    (a, b), (c, d) = start.split(), end.split()
    return f'x1="{a}" y1="{b}" x2="{c}" y2="{d}"'


def _ticks(low: float, high: float) -> Iterator[float]:
    step = next(s for s in STEPS if (high - low) / s <= 9)
    for i in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1):
        if i:
            yield i * step


def _runs(x: Any, y: Any, top: float, bottom: float) -> Iterator[list[tuple[float, float]]]:
    """Yield what hangs together: a curve breaks where it is undefined, leaves, or jumps."""
    run: list[tuple[float, float]] = []
    for a, b in zip(x, y, strict=True):
        out = not np.isfinite(b) or not bottom <= b <= top
        if run and (out or abs(b - run[-1][1]) > 0.1 * (top - bottom)):
            yield run
            run = []
        if not out:
            run.append((a, b))
    if run:
        yield run
