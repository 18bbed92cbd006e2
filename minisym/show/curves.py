"""Training curves: numbers that change from step to step."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from minisym.core.errors import ParamError
from minisym.runtime.observe.drawing import Curve, Drawing, Point, Rectangle, Shape, Words
from minisym.show import text
from minisym.show.measure import text_width
from minisym.show.style import DARK, LIGHT

_LEFT, _TOP, _WIDE, _HIGH, _FOOT, _RIGHT = 64.0, 62.0, 560.0, 260.0, 42.0, 24.0
_ROW: Final = 16.0
"""Of the legend."""
_RULE: Final = "#E2E8F0"
_COLOURS: Final = ("#1D4ED8", "#D97706", "#059669", "#DB2777", "#6D28D9", "#0E7490")
_DARK: Final = dict(
    zip(_COLOURS, ("#60A5FA", "#F59E0B", "#34D399", "#F472B6", "#A78BFA", "#22D3EE"), strict=True)
) | {LIGHT.paper: DARK.paper, LIGHT.ink: DARK.ink, LIGHT.quiet: DARK.quiet, _RULE: "#1E293B"}
_DASHES: Final = ("", "6 3", "2 3")
"""After six curves the colours come again, dashed."""

Numbers = Iterable[float] | Iterable[tuple[float, float]]


def plot_curves(
    curves: Mapping[str, Numbers],
    title: str = "",
    *,
    x_label: str = "step",
    y_label: str = "",
    log: bool = False,
) -> Drawing:
    """Draw numbers that change from step to step.

    A notebook shows it, `save("loss.pdf")` writes an svg, a png or a pdf, the latter two with
    matplotlib.

    Parameters
    ----------
    curves
        Name -> numbers, one a step, or pairs of a step and a number, such as
        `Recording.numbers` has. What is not finite interrupts the curve.
    title
        The heading.
    x_label, y_label
        What stands at the axes.
    log
        Let each power of ten be as high as the next; what is not positive interrupts the curve.

    Raises
    ------
    ParamError
        There is no curve, or no number to draw, or what is given for one is no sequence of numbers.

    Examples
    --------
    >>> plot_curves({"signSGD": [47.8, 0.52, 0.4], "SGD": [(0, 47.8), (2, 9.0)]}, "Sparse noise")
    <Drawing 'Sparse noise', 648 × 364 points>
    """
    series = {str(name): list(_points(name, numbers)) for name, numbers in _named(curves)}
    finite = {
        name: [p for p in points if all(map(math.isfinite, p)) and (not log or p[1] > 0)]
        for name, points in series.items()
    }
    everything = [point for points in finite.values() for point in points]
    if not everything:
        raise ParamError("curves: there is no number to draw", hint="give {name: [numbers]}")
    xs = [x for x, _ in everything]
    ys = [math.log10(y) if log else y for _, y in everything]
    scale_x, scale_y = _Scale(xs, whole=True), _Scale(ys, powers=log)
    wide, high, rows = _LEFT + _WIDE + _RIGHT, _TOP + _HIGH + _FOOT, _rows(series)
    below = _ROW * len(rows) if len(rows) > 1 else 0.0  # many names stand below the curves
    sheet = Drawing(wide, high + below, LIGHT.paper, title or "Curves", dark=_DARK)
    sheet.add(*_heading(title, y_label), *_axes(scale_x, scale_y, x_label))
    sheet.add(*_legend(rows, high + 8 if below else 40.0))
    for number, (name, points) in enumerate(series.items()):
        shapes = _curve(points, set(finite[name]), scale_x, scale_y, number, log=log)
        sheet.add(*shapes, kind="curve", tip=text.plain(name, 200))
    return sheet


def _named(curves: Any) -> Iterable[tuple[Any, Any]]:
    if not isinstance(curves, Mapping):
        message = f"curves are given as a dict, name -> numbers, but got {type(curves).__name__}"
        raise ParamError(message)
    return curves.items()


def _points(name: object, numbers: Any) -> Iterator[Point]:
    try:
        for step, number in enumerate(numbers):
            x, y = number if isinstance(number, tuple | list) else (step, number)
            yield float(x), float(y)
    except (TypeError, ValueError):
        message = f"the curve {name!r} is no sequence of numbers, or of pairs of numbers"
        raise ParamError(message) from None


class _Scale:
    """Where numbers stand on an axis, from 0 to 1, and which have a mark."""

    def __init__(
        self, numbers: Sequence[float], *, whole: bool = False, powers: bool = False
    ) -> None:
        low, high = min(numbers), max(numbers)
        if low == high:
            low, high = low - 0.5, high + 0.5
        step = _round_step((high - low) / 5)
        if whole or powers:
            step = max(1.0, step)
        self.powers = powers
        self.low = low if whole else math.floor(low / step) * step
        self.high = high if whole else math.ceil(high / step) * step
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        self.marks = [number * step for number in range(first, last + 1)]

    def __call__(self, number: float) -> float:
        return (number - self.low) / (self.high - self.low)

    def words(self, mark: float) -> str:
        """Return what stands at a mark."""
        number = 10.0**mark if self.powers else mark
        return text.value_text(round(number, 12)).replace("-", "−")


def _round_step(least: float) -> float:
    """Return the smallest of 1, 2, 5, 10, … that is not smaller.

    >>> _round_step(0.03), _round_step(7)
    (0.05, 10.0)
    """
    power = 10.0 ** math.floor(math.log10(least))
    return next(float(f"{m * power:g}") for m in (1, 2, 5, 10) if m * power >= least * (1 - 1e-9))


def _heading(title: str, y_label: str) -> Iterator[Shape]:
    head = text.plain(title, 80) if title else ""
    yield Words(_LEFT, 22, head, 14, LIGHT.ink, bold=True, anchor="start")
    if y_label:
        yield Words(_LEFT - 8, _TOP - 8, text.plain(y_label), 10, LIGHT.quiet, anchor="end")


def _rows(names: Iterable[str]) -> list[list[tuple[int, str, float]]]:
    """Return the number, the words and the place of each name, row by row."""
    rows: list[list[tuple[int, str, float]]] = [[]]
    x = _LEFT
    for number, name in enumerate(names):
        words = text.plain(name, 32)
        wide = 40 + text_width(words, 11)
        if rows[-1] and x + wide > _LEFT + _WIDE + _RIGHT:
            rows.append([])
            x = _LEFT
        rows[-1].append((number, words, x))
        x += wide
    return rows


def _legend(rows: Iterable[list[tuple[int, str, float]]], top: float) -> Iterator[Shape]:
    for row, names in enumerate(rows):
        y = top + _ROW * row
        for number, words, x in names:
            colour, dashed = _look(number)
            yield Curve(((x, y), (x + 18, y)), colour, 2, dashed=dashed)
            yield Words(x + 23, y + 3.5, words, 10, LIGHT.quiet, anchor="start")


def _axes(scale_x: _Scale, scale_y: _Scale, x_label: str) -> Iterator[Shape]:
    for mark in scale_y.marks:
        y = _TOP + _HIGH * (1 - scale_y(mark))
        yield Curve(((_LEFT, y), (_LEFT + _WIDE, y)), _RULE, 0.8)
        yield Words(_LEFT - 8, y + 3.5, scale_y.words(mark), 10, LIGHT.quiet, anchor="end")
    low = _TOP + _HIGH
    for mark in scale_x.marks:
        x = _LEFT + _WIDE * scale_x(mark)
        yield Curve(((x, low), (x, low + 4)), LIGHT.quiet, 0.8)
        yield Words(x, low + 16, scale_x.words(mark), 10, LIGHT.quiet)
    yield Curve(((_LEFT, low), (_LEFT + _WIDE, low)), LIGHT.quiet, 0.8)
    yield Words(_LEFT + _WIDE / 2, low + 33, text.plain(x_label), 10, LIGHT.quiet)


def _curve(
    points: Sequence[Point],
    finite: set[Point],
    scale_x: _Scale,
    scale_y: _Scale,
    number: int,
    *,
    log: bool,
) -> Iterator[Shape]:
    """Yield the lines of a curve; a point alone is a dot."""
    colour, dashed = _look(number)
    parts: list[list[Point]] = [[]]
    for x, y in points:
        if (x, y) not in finite:
            parts.append([])
            continue
        height = scale_y(math.log10(y) if log else y)
        parts[-1].append((_LEFT + _WIDE * scale_x(x), _TOP + _HIGH * (1 - height)))
    for part in parts:
        if len(part) > 1:
            yield Curve(tuple(_thinned(part)), colour, 1.8, dashed=dashed)
        elif part:
            yield Rectangle(part[0][0] - 2, part[0][1] - 2, 4, 4, colour, radius=2)


def _thinned(points: Sequence[Point]) -> Iterator[Point]:
    """Leave out what nobody sees: of points in one column of pixels the lowest and the highest."""
    column: list[Point] = []
    for point, after in pairwise([*points, (math.inf, 0.0)]):
        column.append(point)
        if int(after[0] * 2) != int(point[0] * 2) if math.isfinite(after[0]) else True:
            kept = {column[0], column[-1], min(column, key=_height), max(column, key=_height)}
            yield from (p for p in column if p in kept)
            column = []


def _height(point: Point) -> float:
    return point[1]


def _look(number: int) -> tuple[str, str]:
    dashed = _DASHES[number // len(_COLOURS) % len(_DASHES)]
    return _COLOURS[number % len(_COLOURS)], dashed
