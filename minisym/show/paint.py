"""A scene as a drawing, where no engine lays it out: the same boxes, colours and words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from minisym.runtime.observe.drawing import Curve, Drawing, Rectangle, Shape, Words
from minisym.show import labels, text
from minisym.show.arrange import Arrangement, Point, arrange
from minisym.show.measure import BOLD, points_of, text_width
from minisym.show.parts import Box, Frame, Link, Scene
from minisym.show.style import KINDS, STORES, Paint, Theme

_EDGE: Final = 20.0
_TITLE: Final = 52.0
_LEGEND: Final = 26.0
_LEAST: Final = 16.0
"""Between rows there is more than this."""
_DASHES: Final = "5 3"
_DOTS: Final = "1.5 4"


def paint(drawn: Scene, theme: Theme, *, legend: bool = True) -> Drawing:
    """Draw a scene on a sheet that is large enough for it.

    >>> import minisym as ms
    >>> from minisym.show.scene import scene
    >>> from minisym.show.style import LIGHT
    >>> net = ms.sym.tanh(ms.sym.Variable("x"), name="t")
    >>> paint(scene(net.graph), LIGHT).svg().count("<rect")
    7
    """
    places = arrange(drawn)
    head = text.plain(drawn.title, 80), text.plain(" · ".join(drawn.facts), 160)
    signs = list(_legend(drawn, theme)) if legend else []
    rows = [signs[i : i + 9] for i in range(0, len(signs), 9)]
    wide = max(
        places.width,
        text_width(head[0], 17) * BOLD,
        text_width(head[1], 10.5),
        *(sum(text_width(name, 10) + 18 for name, _ in row) for row in rows),
    )
    high = _TITLE + places.height + 12 + _LEGEND * len(rows) + 2 * _EDGE
    sheet = Drawing(wide + 2 * _EDGE, high, theme.paper, f"{head[0]} · {head[1]}")
    sheet.add(
        Words(_EDGE, _EDGE + 16, head[0], 17, theme.ink, bold=True, anchor="start"),
        Words(_EDGE, _EDGE + 32, head[1], 10.5, theme.quiet, anchor="start"),
        kind="title",
    )
    moved = _Moved(places, _EDGE + (wide - places.width) / 2, _EDGE + _TITLE)
    for frame in drawn.frames:
        shape = _frame(frame, moved.frame(frame), theme)
        sheet.add(shape, kind="cluster", tip=text.plain(frame.title))
    for link in drawn.links:
        tip = "writes in place" if link.kind == "write" else ""
        sheet.add(*_link(link, moved.way(link), theme), kind=f"edge {link.kind}", tip=tip)
    for frame in drawn.frames:  # above the links that run over it
        sheet.add(*_title(frame, moved.frame(frame), theme), kind="words")
    for box in drawn.boxes:
        shapes = _box(box, moved.box(box), theme)
        sheet.add(*shapes, kind=f"node {box.kind}", tip=labels.tooltip(box))
    taken = [moved.box(box) for box in drawn.boxes]
    for link in drawn.links:
        if link.label:
            sheet.add(_label(link, moved, theme, taken), kind="edge")
    for number, row in enumerate(rows):
        x, y = _EDGE, _EDGE + _TITLE + places.height + 18 + _LEGEND * number
        for name, paints in row:
            sheet.add(*_sign(name, paints, x, y), kind="legend")
            x += text_width(name, 10) + 18
    return sheet


class _Moved:
    """An arrangement whose corner is somewhere else."""

    def __init__(self, places: Arrangement, x: float, y: float) -> None:
        self.places, self.x, self.y = places, x, y

    def box(self, box: Box) -> tuple[float, float, float, float]:
        left, top, wide, high = self.places.boxes[box]
        return left + self.x, top + self.y, wide, high

    def frame(self, frame: Frame) -> tuple[float, float, float, float]:
        left, top, wide, high = self.places.frames[frame]
        return left + self.x, top + self.y, wide, high

    def way(self, link: Link) -> list[Point]:
        return [(x + self.x, y + self.y) for x, y in self.places.ways[link]]


# ------------------------------------------------------------------------------------------- boxes


def _box(box: Box, place: tuple[float, float, float, float], theme: Theme) -> Iterator[Shape]:
    left, top, wide, high = place
    paints, middle = theme.kinds[box.kind], left + wide / 2
    fill, line = paints.fill, paints.line
    if box.kind == "backward" and box.layer and box.layer.op:  # a pair has one colour
        line = theme.kinds[box.layer.op.kind].line
    dashed = _DASHES if box.kind in ("gradient", "opaque") else ""
    if box.small:
        yield Rectangle(left, top, wide, high, fill, line, 1.2, high / 2)
        yield Words(middle, top + high / 2 + 4.5, box.title, 13, paints.text, bold=True)
        return
    if box.repeated > 1:
        yield Rectangle(left - 3, top - 3, wide + 6, high + 6, "none", line, 1.2, 11)
    if box.kind in STORES:
        yield _cylinder(left, top, wide, high, paints)
        yield Curve(_lid(left, top, wide), line, 1.2, bent=True)
    else:
        yield Rectangle(left, top, wide, high, fill, line, 1.4, 9, dashed)
    many = f" ×{box.repeated}" if box.repeated > 1 else ""
    lines = 1 + bool(box.detail) + 1.6 * bool(box.chips)
    y = top + high / 2 - 6.6 * (lines - 1) + (6.5 if box.kind in STORES else 4.2)
    yield _words(middle, y, text.plain(box.title) + many, points_of(box), paints.text, bold=True)
    if box.detail:
        y += 12
        yield _words(middle, y, text.plain(box.detail, 72), 9.5, paints.text)
    yield from _chips(box, middle, y + 6, theme)


def _chips(box: Box, middle: float, top: float, theme: Theme) -> Iterator[Shape]:
    widths = [text_width(chip.title, 9) + 9 for chip in box.chips]
    x = middle - (sum(widths) + 3 * (len(widths) - 1)) / 2
    for chip, width in zip(box.chips, widths, strict=True):
        paints = theme.kinds[chip.kind]
        yield Rectangle(x, top, width, 14, paints.fill, paints.line, 0.8, 4)
        yield _words(x + width / 2, top + 10, text.plain(chip.title), 9, paints.text)
        x += width + 3


def _lid(left: float, top: float, wide: float) -> tuple[Point, ...]:
    right = left + wide
    return (left, top + 4), (left, top + 9), (right, top + 9), (right, top + 4)


def _cylinder(left: float, top: float, wide: float, high: float, paints: Paint) -> Curve:
    right, low = left + wide, top + high
    up = ((left, top + 4), (left, top - 1), (right, top - 1), (right, top + 4))
    down = ((right, top + 4), (right, low - 4), (right, low - 4))
    under = ((right, low + 1), (left, low + 1), (left, low - 4))
    back = ((left, low - 4), (left, top + 4), (left, top + 4))
    return Curve((*up, *down, *under, *back), paints.line, 1.2, True, paints.fill, closed=True)


def _frame(frame: Frame, place: tuple[float, float, float, float], theme: Theme) -> Shape:
    repeated = frame.repeated > 1
    paints = theme.repeated if repeated else theme.frame
    line = theme.kinds["backward"].line if frame.backward else paints.line
    dashed = _DASHES if repeated else ""
    return Rectangle(*place, paints.fill, line, 1.4 if repeated else 1, 9, dashed)


def _title(frame: Frame, place: tuple[float, float, float, float], theme: Theme) -> Iterator[Shape]:
    """Yield what a frame says, on a strip of its colour."""
    repeated = frame.repeated > 1
    paints = theme.repeated if repeated else theme.frame
    title = text.plain(frame.title)
    x, y = place[0] + 10, place[1] + 17
    words = [_words(x, y, title, 12, paints.text, bold=True, anchor="start")]
    x += text_width(title, 12) * BOLD + 8
    if repeated:
        many = f"×{frame.repeated}"
        words.append(_words(x, y, many, 12, theme.write, bold=True, anchor="start"))
        x += text_width(many, 12) + 8
    if frame.elements:
        note = f"{text.count(frame.elements)} params{' each' if repeated else ''}"
        words.append(_words(x, y, note, 10, theme.quiet, anchor="start"))
        x += text_width(note, 10) + 8
    yield Rectangle(place[0] + 8, y - 10.5, x - place[0] - 14, 13.5, paints.fill)
    yield from words


def _words(
    x: float,
    y: float,
    words: str,
    size: float,
    colour: str,
    *,
    bold: bool = False,
    anchor: str = "middle",
) -> Words:
    """Return words that take the room that was measured for them, in any font."""
    room = text_width(words, size) * (BOLD if bold else 1)
    return Words(x, y, words, size, colour, bold, anchor, room=room)


# ------------------------------------------------------------------------------------------- links


def _link(link: Link, way: Sequence[Point], theme: Theme) -> Iterator[Shape]:
    colour, thick, dashed = theme.edge, 1.1, ""
    if link.kind == "write":
        colour, thick, dashed = theme.write, 2.0, _DASHES
        way = [(x + 9, y) for x, y in way]  # beside the arrow that reads
    elif link.kind == "round":
        colour, thick, dashed = theme.kinds["state"].line, 1.6, _DASHES
    elif link.kind == "saved":
        colour, dashed = theme.kinds["gradient"].line, _DOTS
    elif link.kind != "data":
        colour = theme.kinds[link.kind].line
    curve = _bent(way)
    if link.mirrored != (link.kind in ("write", "round")):
        curve = curve[::-1]
    yield Curve(tuple(curve), colour, thick, bent=True, dashed=dashed)
    yield _tip(curve[-2], curve[-1], colour, 6.5 if link.kind == "write" else 5.5)


def _bent(way: Sequence[Point]) -> list[Point]:
    """Return Bézier curves through points, upright at each; level from side to side of boxes."""
    curve = [way[0]]
    is_level = len(way) == 2 and way[1][1] < way[0][1] + _LEAST
    for (x, y), (x_, y_) in pairwise(way):
        if is_level:
            middle = (x + x_) / 2
            curve += [(middle, y), (middle, y_), (x_, y_)]
        else:
            middle = (y + y_) / 2
            curve += [(x, middle), (x_, middle), (x_, y_)]
    return curve


def _tip(before: Point, end: Point, colour: str, size: float) -> Curve:
    """Return the head of an arrow."""
    (x, y), (x_, y_) = before, end
    length = max(1e-6, ((x_ - x) ** 2 + (y_ - y) ** 2) ** 0.5)
    u, v = (x_ - x) / length, (y_ - y) / length
    foot = (x_ - size * u, y_ - size * v)
    wing = 0.42 * size
    left, right = (foot[0] - wing * v, foot[1] + wing * u), (foot[0] + wing * v, foot[1] - wing * u)
    return Curve((end, left, right), colour, 0.6, fill=colour, closed=True)


def _label(
    link: Link, moved: _Moved, theme: Theme, taken: list[tuple[float, float, float, float]]
) -> Words:
    """Write on a link, where nothing else is."""
    wide = text_width(link.label, 9)
    place = moved.places.labels.get(link)
    places = [(place[0] + moved.x, place[1] + moved.y)] if place else _beside(moved.way(link), wide)

    def covered(corner: Point) -> float:
        return sum(_overlap((corner[0], corner[1] - 5.5, wide, 11), other) for other in taken)

    left, y = min(places, key=covered)
    taken.append((left, y - 5.5, wide, 11))
    return _words(left, y + 3, link.label, 9, theme.quiet, anchor="start")


def _beside(way: Sequence[Point], wide: float) -> Iterator[Point]:
    """Yield where a label may begin beside a curve, the middle of its first part before others."""
    for (x, y), (x_, y_) in pairwise(way):
        if abs(y - y_) < 1:
            yield (x + x_ - wide) / 2, y - 8
            continue
        for t in (0.5, 0.38, 0.62, 0.25, 0.75):
            s = t * t * (3 - 2 * t)  # the curve is upright at both ends
            at = x + (x_ - x) * s
            yield at + 4, y + (y_ - y) * t
            yield at - wide - 4, y + (y_ - y) * t


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """Return the area that two rectangles share."""
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    high = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(0.0, wide) * max(0.0, high)


# ------------------------------------------------------------------------------------------ legend


def _legend(drawn: Scene, theme: Theme) -> Iterator[tuple[str, Paint]]:
    """Yield the kinds that there are, and no others."""
    present = {box.kind for box in drawn.boxes}
    present |= {chip.kind for box in drawn.boxes for chip in box.chips}
    named: set[str] = set()
    for kind, name in KINDS.items():
        if kind in present and name not in named:
            named.add(name)
            yield name, theme.kinds[kind]
    kinds = {link.kind for link in drawn.links}
    for kind, colour, meaning in (
        ("write", theme.write, "⇢ writes in place"),
        ("round", theme.kinds["state"].line, "⇢ is the state of the next step"),
        ("saved", theme.kinds["gradient"].line, "⇢ kept for the gradient"),
    ):
        if kind in kinds:
            yield meaning, Paint(theme.paper, theme.paper, colour)


def _sign(name: str, paints: Paint, x: float, y: float) -> Iterator[Shape]:
    wide = text_width(name, 10) + 10
    yield Rectangle(x, y, wide, 18, paints.fill, paints.line, 1, 5)
    yield _words(x + wide / 2, y + 12.5, name, 10, paints.text)
