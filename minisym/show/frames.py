"""Frames that can be laid out: what is in one lies together.

A frame is a rectangle, and rectangles must not overlap. One that a path of links leaves and enters
again would have to be wrapped around what lies between, and of several such frames layout engines
despair. So it becomes two: around what the path comes from, and around what it comes back to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import networkx as nx

if TYPE_CHECKING:
    from minisym.show.parts import Box, Frame, Link

_VISITS: Final = 2_000_000
"""So many boxes are looked at, for a frame each: of graphs with thousands of frames, some."""


def divide(boxes: Sequence[Box], links: Sequence[Link], frames: Sequence[Frame]) -> list[Frame]:
    """Divide the frames that a path leaves and enters again; give the boxes their new frames.

    Returns
    -------
    All frames, the outer before the inner.
    """
    order, before = _downwards(boxes, links)
    inside: defaultdict[Frame, list[int]] = defaultdict(list)
    for place, box in enumerate(order):
        frame = box.frame
        while frame is not None:
            inside[frame].append(place)
            frame = frame.outer
    parts: dict[Box, dict[Frame, int]] = {}
    visits = _VISITS
    for frame, members in inside.items():
        visits -= members[-1] - members[0]
        if visits < 0:
            break
        for place, returns in _returns(members, before).items():
            parts.setdefault(order[place], {})[frame] = returns
    if not parts:
        return list(frames)
    made: dict[Hashable, Frame] = {}

    def part(frame: Frame | None, of: Mapping[Frame, int]) -> Frame | None:
        """Return the part of a frame that a box is in, within parts of the frames around it."""
        if frame is None:
            return None
        outer = part(frame.outer, of)
        key = (frame, outer, of.get(frame, 0))
        if key not in made:
            is_first = frame.outer is outer and not of.get(frame)
            made[key] = frame if is_first else replace(frame, outer=outer)
        return made[key]

    for box in boxes:
        box.frame = part(box.frame, parts.get(box, {}))
    return list(made.values())


def _downwards(boxes: Sequence[Box], links: Sequence[Link]) -> tuple[list[Box], list[list[int]]]:
    """Return the boxes in the order in which they are drawn, and what is linked above each.

    Links that run in a circle, as those between boxes of several nodes may, are mirrored where they
    would lead upwards.
    """
    drawn: nx.DiGraph[Box] = nx.DiGraph()
    drawn.add_nodes_from(boxes)
    mirrors = any(link.mirrored for link in links)
    down = [link for link in links if not (mirrors and link.kind == "saved")]  # side by side
    drawn.add_edges_from(map(_ends, down))
    order = list(nx.dfs_postorder_nodes(drawn))[::-1]
    place = {box: number for number, box in enumerate(order)}
    before: list[list[int]] = [[] for _ in order]
    for link in down:
        upper, lower = sorted(place[box] for box in _ends(link))
        if order[upper] is not _ends(link)[0] and link.kind not in ("write", "round"):
            link.mirrored = not link.mirrored
        before[lower].append(upper)
    return order, before


def _ends(link: Link) -> tuple[Box, Box]:
    """Return the upper and the lower end of a link."""
    return (link.head, link.tail) if link.mirrored else (link.tail, link.head)


def _returns(members: Sequence[int], before: Sequence[Sequence[int]]) -> dict[int, int]:
    """Return how often a path that leads to a member has left the frame and come back."""
    own = set(members)
    found: dict[int, int] = {}
    for place in range(members[0], members[-1] + 1):
        ways = [found[p] + (place in own and p not in own) for p in before[place] if p in found]
        if ways or place in own:
            found[place] = max(ways, default=0)
    return {place: found[place] for place in members if found[place]}
