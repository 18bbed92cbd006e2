"""What a picture consists of: boxes, links between them, frames around them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from minisym.core.node import Node
from minisym.show.groups import Layer


class Chip(NamedTuple):
    """A small sign on a box: an op that follows at once, a number that is fed to an update."""

    kind: str
    title: str


@dataclass(eq=False, slots=True)
class Frame:
    """A rounded rectangle around boxes, and around other frames."""

    name: str
    title: str
    outer: Frame | None = None
    layer: Layer | None = None
    backward: bool = False
    repeated: int = 1
    elements: int = 0
    """How many numbers the parameters in it have, if that is known."""
    prefix: str = ""
    """What the names of all that is in it begin with: they are written without it."""


@dataclass(eq=False, slots=True)
class Box:
    """One thing in the picture: a node, an output, or what stands for several nodes."""

    name: str
    kind: str
    title: str
    detail: str = ""
    nodes: list[Node] = field(default_factory=list)
    chips: list[Chip] = field(default_factory=list)
    frame: Frame | None = None
    layer: Layer | None = None
    repeated: int = 1
    """It stands for so many scopes that compute the same."""
    spine: bool = False
    """It lies on the main path, which is drawn straight."""
    back: bool = False
    """It is the gradient of such a one: they, too, form a straight line."""
    small: bool = False
    """A plain arithmetic op, whose title is a sign."""


@dataclass(eq=False, slots=True)
class Link:
    """An arrow from what is computed to what reads it, or (kind "write") back into a Variable.

    Kinds: data; parameter; state; gradient (flows backwards); saved (a value of the forward pass
    that a gradient reads); write (the head overwrites the tail).
    """

    tail: Box
    head: Box
    kind: str
    label: str = ""
    spine: bool = False
    mirrored: bool = False
    """Its head lies upstream: the gradient flows up beside the forward pass."""


@dataclass
class Scene:
    """All that is in a picture."""

    title: str
    facts: list[str]
    boxes: list[Box]
    links: list[Link]
    frames: list[Frame]
    beside: list[tuple[Box, Box]]
    """Pairs that stand side by side: an op and its gradient, a loss and its label."""
    fold: str = "none"
    """How much of it is folded; see `minisym.show.fold`."""
