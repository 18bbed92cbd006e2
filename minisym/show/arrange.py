"""Where everything in a picture stands, without a layout engine: rows, and curves between them.

The layered layout of Sugiyama, Tagawa and Toda (1981), frame by frame, the innermost first: a
frame that has been arranged is one large box in the frame around it.

1. *Rows.* Each box goes one row below the lowest that it is linked to from above. A link that
   passes rows takes a place in each of them; one that enters or leaves a frame ends at its border.
2. *Order.* Rows are sorted by where their neighbours stand, downwards and upwards by turns, and the
   order with the fewest crossings is kept.
3. *Places.* Everything moves to the middle of its neighbours, as far as the order allows: a row is
   the least-squares solution, which pooling of violators finds in one walk.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import networkx as nx

from minisym.show.measure import BOLD, box_size, lower, text_width, upper
from minisym.show.parts import Box, Frame, Link, Scene

Point = tuple[float, float]

GAP: Final = 24.0
"""Between things in a row."""
_BETWEEN_ROWS: Final = 30.0
_MARGIN: Final = 14.0
_HEAD: Final = 22.0
"""What a frame's title takes."""
_SWEEPS: Final = 16
_STRAIGHT: Final = 16.0
"""How much more than others the main path, and long links, are kept straight."""


@dataclass(eq=False, slots=True)
class Item:
    """What takes a place in a row: a box, a frame, or a link that passes (`thing` is None)."""

    thing: Box | Frame | None
    width: float
    height: float
    row: int = 0
    x: float = 0.0
    """Its middle, from that of what it is in."""
    y: float = 0.0
    doors: dict[Link, float] = field(default_factory=dict)
    """Where a link crosses it, from its middle, if it does elsewhere: a frame, a label's place."""


@dataclass(eq=False, slots=True)
class Leg:
    """A link's way from one row to the next."""

    tail: Item
    head: Item
    link: Link
    weight: float = 1.0

    def ends(self) -> Point:
        """Return where it leaves and where it arrives."""
        return (
            self.tail.x + self.tail.doors.get(self.link, 0.0),
            self.head.x + self.head.doors.get(self.link, 0.0),
        )


@dataclass
class Plan:
    """What stands in one frame, or in none, around the point (0, 0)."""

    items: list[Item]
    legs: list[Leg]
    rows: list[list[Item]]
    width: float
    height: float


@dataclass
class Arrangement:
    """Where everything stands, in points from the upper left corner."""

    width: float
    height: float
    boxes: dict[Box, tuple[float, float, float, float]]
    """Left, top, width, height."""
    frames: dict[Frame, tuple[float, float, float, float]]
    ways: dict[Link, list[Point]]
    """The points that a link's curve runs through, downwards."""
    labels: dict[Link, Point]
    """Where the label of a link begins, if it passes a row: for others none is kept."""


def arrange(drawn: Scene) -> Arrangement:
    """Find a place for everything in a scene.

    >>> import minisym as ms
    >>> from minisym.show.scene import scene
    >>> found = arrange(scene(ms.sym.tanh(ms.sym.Variable("x"), name="t").graph))
    >>> [round(top) for left, top, width, height in found.boxes.values()]
    [0, 55, 122]
    """
    inside: defaultdict[Frame | None, list[Box | Frame]] = defaultdict(list)
    for box in drawn.boxes:
        inside[box.frame].append(box)
    for frame in drawn.frames:
        inside[frame.outer].append(frame)
    plans: dict[Frame | None, Plan] = {}
    ways = {link: list(_way(link)) for link in drawn.links}
    for frame in reversed(drawn.frames):  # the outer stand before the inner
        plans[frame] = _plan(frame, inside[frame], ways, plans, drawn.beside)
    plans[None] = _plan(None, inside[None], ways, plans, drawn.beside)
    return _laid_out(drawn, plans)


# --------------------------------------------------------------------------------------- one frame


def _way(link: Link) -> Iterator[tuple[Frame | None, Box | Frame | None, Box | Frame | None]]:
    """Yield (frame, from, to) for each frame that a link runs in; None is the frame's border."""
    above, below = _path(upper(link)), _path(lower(link))
    common = 0
    while common < min(len(above), len(below)) - 1 and above[common] is below[common]:
        common += 1
    yield _frame_of(above[common]), above[common], below[common]
    for thing in above[common + 1 :]:
        yield _frame_of(thing), thing, None
    for thing in below[common + 1 :]:
        yield _frame_of(thing), None, thing


def _path(box: Box) -> list[Box | Frame]:
    """Return the frames around a box, from the outside, and the box."""
    path: list[Box | Frame] = [box]
    frame = box.frame
    while frame is not None:
        path.append(frame)
        frame = frame.outer
    return path[::-1]


def _frame_of(thing: Box | Frame) -> Frame | None:
    return thing.frame if isinstance(thing, Box) else thing.outer


def _plan(
    frame: Frame | None,
    things: Sequence[Box | Frame],
    ways: Mapping[Link, Sequence[tuple[Frame | None, Box | Frame | None, Box | Frame | None]]],
    plans: Mapping[Frame | None, Plan],
    beside: Sequence[tuple[Box, Box]],
) -> Plan:
    """Arrange what is in one frame."""
    items = {thing: _item(thing, plans) for thing in things}
    here = [
        (link, items[tail] if tail else None, items[head] if head else None)
        for link, parts in ways.items()
        for place, tail, head in parts
        if place is frame and tail is not head
    ]
    pairs = [(items[a], items[b]) for a, b in beside if a in items and b in items]
    last = _set_rows(list(items.values()), here, pairs)
    everything = list(items.values())
    legs = list(_legs(here, last, everything))
    rows: list[list[Item]] = [[] for _ in range(last + 2)]
    for item in everything:
        rows[item.row].append(item)
    _sort(rows, legs)
    _place(rows, legs)
    height = _set_heights(rows, legs)
    left = min((item.x - item.width / 2 for item in everything), default=0.0)
    right = max((item.x + item.width / 2 for item in everything), default=0.0)
    for item in everything:
        item.x -= (left + right) / 2
        item.y -= height / 2
    return Plan(everything, legs, rows, right - left, height)


def _item(thing: Box | Frame, plans: Mapping[Frame | None, Plan]) -> Item:
    if isinstance(thing, Box):
        return Item(thing, *box_size(thing))
    plan = plans[thing]
    title = text_width(thing.title, 12) * BOLD + (90 if thing.elements else 20)
    item = Item(thing, max(plan.width, title) + 2 * _MARGIN, plan.height + _HEAD + 2 * _MARGIN)
    for port in (*plan.rows[0], *plan.rows[-1]):
        (link,) = port.doors
        item.doors[link] = port.x
    return item


# -------------------------------------------------------------------------------------------- rows


def _set_rows(
    items: Sequence[Item],
    here: Sequence[tuple[Link, Item | None, Item | None]],
    pairs: Sequence[tuple[Item, Item]],
) -> int:
    """Give each item its row, from 1; return the last one. Pairs stand in one row."""
    one = dict(zip(items, items, strict=True))
    for a, b in pairs:
        if one[a] is a and one[b] is b:
            one[b] = a
    down: nx.DiGraph[Item] = nx.DiGraph()
    down.add_nodes_from(items)
    down.add_edges_from(
        (one[tail], one[head])
        for link, tail, head in here
        if tail and head and one[tail] is not one[head] and link.kind != "saved"
    )
    order = list(nx.dfs_postorder_nodes(down))[::-1]
    place = {item: i for i, item in enumerate(order)}
    for item in order:
        above = [a.row for a in down.predecessors(item) if place[a] < place[item]]
        item.row = max(above, default=0) + 1
    for item in reversed(order):  # what only enters stands just above what reads it
        below = [b.row for b in down.successors(item) if place[b] > place[item]]
        enters = not any(place[a] < place[item] for a in down.predecessors(item))
        if below and enters and not any(head is item for _, tail, head in here if tail is None):
            item.row = max(1, min(below) - 1)
    for item in items:
        item.row = one[item].row
    return max((item.row for item in items), default=0)


def _legs(
    here: Sequence[tuple[Link, Item | None, Item | None]], last: int, everything: list[Item]
) -> Iterator[Leg]:
    """Yield the ways of links from row to row; each passes through an item in those between."""
    for link, tail, head in here:
        start = tail or _passing(link, 0, everything)
        end = head or _passing(link, last + 1, everything)
        if start.row >= end.row:  # beside each other, or against the rows
            continue
        weight = _STRAIGHT if link.spine else 1.0
        before = start
        for row in range(start.row + 1, end.row):
            between = _passing(link, row, everything)
            if before.thing is not None and link.label:
                between.width = text_width(link.label, 9) + 10
                between.doors[link] = 2 - between.width / 2
            yield Leg(before, between, link, weight if before.thing else _STRAIGHT)
            before = between
        yield Leg(before, end, link, weight)


def _passing(link: Link, row: int, everything: list[Item]) -> Item:
    item = Item(None, 0.0, 0.0, row, doors={link: 0.0})
    everything.append(item)
    return item


# ------------------------------------------------------------------------------------------- order


def _sort(rows: list[list[Item]], legs: Sequence[Leg]) -> None:
    """Sort the rows so that few links cross."""
    above: defaultdict[Item, list[Leg]] = defaultdict(list)
    below: defaultdict[Item, list[Leg]] = defaultdict(list)
    for leg in legs:
        below[leg.tail].append(leg)
        above[leg.head].append(leg)
    best, fewest = [list(row) for row in rows], _crossings(rows, below)
    for sweep in range(_SWEEPS):
        neighbours, turned = (above, rows) if sweep % 2 == 0 else (below, rows[::-1])
        for row in rows:
            for i, item in enumerate(row):
                item.x = float(i)
        for row in turned:
            middle = {
                item: _mean([_other(leg, item) for leg in neighbours[item]], item.x) for item in row
            }
            row.sort(key=middle.__getitem__)
            for i, item in enumerate(row):
                item.x = float(i)
        crossings = _crossings(rows, below)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
        if not fewest:
            break
    for row, found in zip(rows, best, strict=True):
        row[:] = found


def _other(leg: Leg, item: Item) -> float:
    """Return where a leg's other end is."""
    other = leg.head if leg.tail is item else leg.tail
    door = other.doors.get(leg.link, 0.0)
    return other.x + (door / other.width if other.width else 0.0)


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _crossings(rows: Sequence[Sequence[Item]], below: Mapping[Item, Sequence[Leg]]) -> int:
    """Count the crossings between neighbouring rows."""
    found = 0
    for row, after in pairwise(rows):
        place = {item: i for i, item in enumerate(after)}
        ends = [
            place[leg.head]
            for item in row
            for leg in sorted(below[item], key=lambda leg: place[leg.head])
        ]
        found += sum(a > b for i, b in enumerate(ends) for a in ends[:i])
    return found


# ------------------------------------------------------------------------------------------ places


def _place(rows: Sequence[Sequence[Item]], legs: Sequence[Leg]) -> None:
    """Move everything to the middle of its neighbours, in the order of the rows."""
    for row in rows:
        _settle(row, [0.0] * len(row), [1.0] * len(row))
    above: defaultdict[Item, list[Leg]] = defaultdict(list)
    below: defaultdict[Item, list[Leg]] = defaultdict(list)
    for leg in legs:
        below[leg.tail].append(leg)
        above[leg.head].append(leg)
    for sweep in range(_SWEEPS):
        ways = [above] if sweep % 3 == 0 else [below] if sweep % 3 == 1 else [above, below]
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            wanted, weights = [], []
            for item in row:
                near = [leg for way in ways for leg in way[item]]
                total = sum(leg.weight for leg in near)
                moved = sum(leg.weight * (item.x + _pull(leg, item)) for leg in near)
                wanted.append(moved / total if total else item.x)
                weights.append(total or 0.1)
            _settle(row, wanted, weights)


def _pull(leg: Leg, item: Item) -> float:
    """Return how far an item would have to move for a leg to be straight."""
    start, end = leg.ends()
    return end - start if leg.tail is item else start - end


def _settle(row: Sequence[Item], wanted: Sequence[float], weights: Sequence[float]) -> None:
    """Put items as near as can be to where they want to be, in order and apart from each other.

    Without the distances that have to be kept this is isotonic regression: neighbours that want to
    be on the wrong sides of each other are pooled, and stand around their common mean.
    """
    offsets, at = [], 0.0
    for before, item in zip([None, *row], row, strict=False):
        at += (before.width + item.width) / 2 + GAP if before is not None else 0.0
        offsets.append(at)
    pools: list[tuple[float, float, int]] = []
    for want, weight, offset in zip(wanted, weights, offsets, strict=True):
        mean, mass, number = want - offset, weight, 1
        while pools and pools[-1][0] > mean:
            other, more, count = pools.pop()
            mean = (mean * mass + other * more) / (mass + more)
            mass, number = mass + more, number + count
        pools.append((mean, mass, number))
    means = [mean for mean, _, number in pools for _ in range(number)]
    for item, mean, offset in zip(row, means, offsets, strict=True):
        item.x = mean + offset


def _set_heights(rows: Sequence[Sequence[Item]], legs: Sequence[Leg]) -> float:
    """Set how far down the rows stand; return the height of all."""
    slopes: defaultdict[int, float] = defaultdict(float)
    labelled = set()
    for leg in legs:
        start, end = leg.ends()
        slopes[leg.tail.row] = max(slopes[leg.tail.row], abs(end - start))
        if leg.link.label and leg.tail.thing is not None:
            labelled.add(leg.tail.row)
    y = 0.0
    filled = [row for row in rows if any(item.height for item in row)]
    for row in rows:
        high = max((item.height for item in row), default=0.0)
        for item in row:
            item.y = y + high / 2
        if high and row is not filled[-1]:
            number = row[0].row
            room = _BETWEEN_ROWS + (8 if number in labelled else 0)
            y += high + room + min(28.0, slopes[number] / 14)
        else:
            y += high
    return y


# ---------------------------------------------------------------------------------------- together


def _laid_out(drawn: Scene, plans: Mapping[Frame | None, Plan]) -> Arrangement:
    """Add up where frames stand within frames, and what links run through."""
    whole = plans[None]
    middle: dict[Frame | None, Point] = {None: (whole.width / 2, whole.height / 2)}
    found = Arrangement(whole.width, whole.height, {}, {}, {}, {})
    points: defaultdict[Link, list[Point]] = defaultdict(list)
    for frame in [None, *drawn.frames]:
        x, y = middle[frame]
        plan = plans[frame]
        for item in plan.items:
            at = (x + item.x, y + item.y)
            rectangle = (at[0] - item.width / 2, at[1] - item.height / 2, item.width, item.height)
            if isinstance(item.thing, Box):
                found.boxes[item.thing] = rectangle
            elif item.thing is not None:
                found.frames[item.thing] = rectangle
                middle[item.thing] = (at[0], at[1] + _HEAD / 2)
            elif 0 < item.row < len(plan.rows) - 1:
                ((link, door),) = item.doors.items()
                high = max(other.height for other in plan.rows[item.row]) / 2
                at = (at[0] + door, at[1])
                points[link] += [(at[0], at[1] - high), (at[0], at[1] + high)]
                if item.width:
                    found.labels[link] = (at[0] + 4, at[1])
    for link in drawn.links:
        found.ways[link] = _between(
            link, found.boxes, sorted(set(points[link]), key=lambda p: p[1])
        )
    return found


def _between(
    link: Link, boxes: Mapping[Box, tuple[float, float, float, float]], points: Sequence[Point]
) -> list[Point]:
    """Return the way of a link, from its upper to its lower end."""
    left, top, wide, high = boxes[upper(link)]
    left_, top_, wide_, high_ = boxes[lower(link)]
    if top + high > top_:  # beside each other, or against the rows: from side to side
        away = left + wide / 2 < left_ + wide_ / 2
        start = (left + wide if away else left, top + high / 2)
        return [start, (left_ if away else left_ + wide_, top_ + high_ / 2)]
    first = points[0] if points else (left_ + wide_ / 2, top_)
    last = points[-1] if points else (left + wide / 2, top)
    if link.spine:
        return [(left + wide / 2, top + high), *points, (left_ + wide_ / 2, top_)]
    start = (_towards(left, wide, first[0]), top + high)
    return [start, *points, (_towards(left_, wide_, last[0]), top_)]


def _towards(left: float, wide: float, x: float) -> float:
    """Return where on an edge a link begins that goes to x: a little to that side."""
    middle = left + wide / 2
    return middle + max(-wide / 4, min(wide / 4, (x - middle) / 3))
