"""How large a picture will be, in points: words are measured, rows are counted.

No engine is asked: which fold is drawn should not depend on who draws it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from minisym.show.parts import Box, Frame, Link, Scene
from minisym.show.style import PILLS, STORES

PAGE: Final = (1600.0, 2400.0)
"""Pictures are folded until they are at most so wide and high."""
_CAUTION: Final = (0.7, 0.92)
"""Engines lay out wider than rows say, since straight lines take room, and a little higher."""

_GAP: Final = 20.0
"""Between boxes of a row."""
_LEGEND: Final = 420.0
BOLD: Final = 1.07
"""How much wider words are in bold."""

_WIDTHS: Final[Mapping[str, float]] = {
    c: ems / 1000
    for ems, characters in {
        222: "ijl'", 278: " !,-./:;I[]\\ft·", 333: "()r`{}|-", 389: "*", 500: "Jckvxyzs∂",
        584: "+<>=~×÷−", 611: "FTZ", 667: "ABEKPSVXY&", 722: "CDHNRUw", 778: "GOQ",
        833: "Mm", 889: "%", 944: "W", 1000: "@…—←→⇢",
    }.items()
    for c in characters
}  # fmt: skip
"""How wide characters of Arial and Helvetica are; most others, digits too, have 0.556 ems."""


def text_width(words: str, points: float) -> float:
    """Return how wide a line is in Arial of a size.

    >>> round(text_width("kernel", 12), 1)
    32.7
    """
    return sum(_WIDTHS.get(c, 0.556) for c in words) * points


def width_of_words(box: Box) -> float:
    """Return how wide the title and the detail of a box are."""
    points = points_of(box)
    title = text_width(box.title, points) * BOLD
    if box.repeated > 1:
        title += text_width(f" ×{box.repeated}", points)
    return max(title, text_width(box.detail[:72], 9.5))


def width_of_chips(box: Box) -> float:
    """Return how wide the chips of a box are, side by side."""
    return sum(text_width(chip.title, 9) + 12 for chip in box.chips)


def box_size(box: Box) -> tuple[float, float]:
    """Return the width and the height of a box."""
    if box.small:
        return 22.0, 22.0
    high = points_of(box) * 1.2 + (11.4 if box.detail else 0) + (21 if box.chips else 0)
    wide = max(width_of_words(box), width_of_chips(box))
    return wide + 23, max(high + (8.6 if box.kind in STORES else 11.6), 22)


def points_of(box: Box) -> float:
    """Return how large the title of a box is written."""
    return 11.0 if box.kind in PILLS or box.kind == "backward" else 12.0


def rows(drawn: Scene) -> dict[Box, int]:
    """Return the row of each box: below all that it is linked to from above, as near as can be."""
    down: defaultdict[Box, list[Link]] = defaultdict(list)
    above: dict[Box, int] = dict.fromkeys(drawn.boxes, 0)
    for link in drawn.links:
        if not _is_beside(drawn, link):
            down[upper(link)].append(link)
            above[lower(link)] += 1
    row = dict.fromkeys(drawn.boxes, 0)
    free = [box for box in drawn.boxes if not above[box]]
    order: list[Box] = []
    while free:
        box = free.pop()
        order.append(box)
        for link in down[box]:
            other = lower(link)
            row[other] = max(row[other], row[box] + 1)
            above[other] -= 1
            if not above[other]:
                free.append(other)
    for box in reversed(order):  # what only enters stands just above what reads it
        if down[box]:
            row[box] = min(row[lower(link)] for link in down[box]) - 1
    return row


def _is_beside(drawn: Scene, link: Link) -> bool:
    """Return whether a link has no say in the rows."""
    return link.kind == "saved" and any(other.mirrored for other in drawn.links)


def upper(link: Link) -> Box:
    """Return the end of a link that is drawn above the other."""
    return link.head if link.mirrored else link.tail


def lower(link: Link) -> Box:
    """Return the end of a link that is drawn below the other."""
    return link.tail if link.mirrored else link.head


def size(drawn: Scene) -> tuple[float, float]:
    """Return about how wide and high a picture of a scene is, in points."""
    row = rows(drawn)
    wide = dict.fromkeys(row.values(), -_GAP)
    high = dict.fromkeys(wide, 0.0)
    for box, number in row.items():
        width, height = box_size(box)
        wide[number] += width + _GAP
        high[number] = max(high[number], height)
    labelled = set()
    for link in drawn.links:
        ends = sorted((row[link.tail], row[link.head]))
        if link.label:
            labelled.add(ends[0])
        for number in range(ends[0] + 1, ends[1]):
            if number in wide:  # a link that passes takes room, too
                wide[number] += _GAP + text_width(link.label, 9)
    deepest = max((_depth(frame) for frame in drawn.frames), default=0)
    height = sum(high.values()) + sum(42 if number in labelled else 36 for number in high)
    return (
        max(_LEGEND, *wide.values()) + 80 + 30 * deepest,
        height + 110 + 38 * _frames_below_each_other(drawn, row),
    )


def _depth(frame: Frame | None) -> int:
    depth = 0
    while frame is not None:
        depth, frame = depth + 1, frame.outer
    return depth


def _frames_below_each_other(drawn: Scene, row: Mapping[Box, int]) -> int:
    """Return in how many rows frames begin: each needs a heading and margins."""
    first: dict[Frame, int] = {}
    for box in drawn.boxes:
        frame = box.frame
        while frame is not None:
            first[frame] = min(row[box], first.get(frame, row[box]))
            frame = frame.outer
    return len(set(first.values()))


def part_of_page(drawn: Scene) -> float:
    """Return how much of a page's width, or of its height, a picture takes: the larger part."""
    wide, high = size(drawn)
    return max(wide / PAGE[0], high / PAGE[1])


def fits(drawn: Scene) -> bool:
    """Return whether a picture stays within a page."""
    wide, high = size(drawn)
    return wide <= PAGE[0] * _CAUTION[0] and high <= PAGE[1] * _CAUTION[1]
