"""A graph, made ready to be drawn: boxes, links between them, frames around them, and totals.

`scene` decides everything that does not depend on how a picture is written: which nodes are hidden,
which become one box, what the labels say. `minisym.show.dot` and `minisym.show.mermaid` write it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final, Literal

from minisym.core.errors import ParamError, did_you_mean
from minisym.core.graph import Graph
from minisym.core.node import Entry, Node
from minisym.show import labels, roles
from minisym.show.frames import divide
from minisym.show.groups import Layer, Scope, groups
from minisym.show.known import Known
from minisym.show.repeats import Repeat, repeats
from minisym.show.style import STORES

Collapse = Literal["none", "backward", "repeat", "scope"]
COLLAPSE: Final = ("none", "backward", "repeat", "scope")
"""What becomes one box: nothing; the gradient nodes of a layer; and repeats; and every scope."""

FEW_BACKWARD: Final = 3
"""So many gradient nodes are drawn one by one even by default."""
FEW: Final = 40
"""Of a graph of more nodes, what hides weights hides all of them, whatever they are called."""
MANY: Final = 500
"""Of a graph of more nodes, repeats are drawn once by default; and if still more boxes than this
are left, scopes are one box each."""


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


@dataclass(eq=False, slots=True)
class Box:
    """One thing in the picture: a node, an output, or what stands for several nodes."""

    name: str
    kind: str
    title: str
    detail: str = ""
    nodes: list[Node] = field(default_factory=list)
    frame: Frame | None = None
    layer: Layer | None = None
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


def scene(
    graph: Graph,
    known: Known | None = None,
    *,
    title: str = "",
    hide_weights: bool = False,
    collapse: str | bool | None = None,
) -> Scene:
    """Make a graph ready to be drawn; linear in its size.

    >>> from minisym import sym
    >>> step = sym.signsgd_update(sym.Variable("w"), sym.Variable("g"), lr=0.1, name="step")
    >>> [(link.tail.name, link.kind, link.head.name) for link in scene(step.graph).links]
    [('w', 'parameter', 'step'), ('g', 'gradient', 'step'), ('w', 'write', 'step')]
    """
    modes = _modes(graph, collapse)
    for mode in modes:
        made = _Builder(graph, known or Known(), mode, hide_weights=hide_weights).build(title)
        if len(made.boxes) <= MANY:
            break
    return made


def _modes(graph: Graph, collapse: str | bool | None) -> list[str]:
    """Return what to try, until the picture is small enough."""
    if collapse is None:
        if len(graph) > MANY:
            return ["repeat", "scope"]
        many = sum(map(roles.is_backward, graph)) > FEW_BACKWARD
        return ["backward" if many and not _is_gradient(graph) else "none"]
    mode = "none" if collapse is False else collapse
    if mode not in COLLAPSE:
        message = f"collapse takes one of {', '.join(map(repr, COLLAPSE))}, but got {collapse!r}"
        raise ParamError(message, hint=did_you_mean(str(collapse), COLLAPSE))
    return [str(mode)]


def _is_gradient(graph: Graph) -> bool:
    """Return whether gradients are all that a graph is for."""
    return all(roles.is_backward(entry.node) for entry in graph.outputs)


class _Builder:
    def __init__(self, graph: Graph, known: Known, mode: str, *, hide_weights: bool) -> None:
        self.graph, self.known, self.mode = graph, known, mode
        self.kinds = roles.kinds(graph)
        self.groups = groups(graph, self.kinds)
        self.repeat_of: dict[Node, Repeat] = {}
        self.stands_for: dict[Node, Node] = {}
        if mode == "repeat":
            self._fold(repeats(graph, self.groups, known))
        self.scope_elements: Counter[Scope] = Counter()
        for node in graph.variables:
            scope = self.groups.scopes[node]
            if self.kinds[node] == "parameter":
                for depth in range(1, len(scope) + 1):
                    self.scope_elements[scope[:depth]] += known.elements(node) or 0
        updated = {
            variable
            for node in graph
            if self.kinds[node] == "update"
            for _, variable in roles.written(node)
        }
        many = len(graph) > FEW
        self.hidden = (
            {
                node
                for node in graph.variables
                if node not in updated
                and (roles.is_weight_like(node.name) or (many and self.kinds[node] in STORES))
            }
            if hide_weights
            else set()
        )
        # the gradient flows up beside the forward pass, unless it is all that there is to see
        self.mirror = not _is_gradient(graph)
        self.boxes: dict[Hashable, Box] = {}
        self.of: dict[Node, Box] = {}
        self.first_of: dict[Box, Node] = {}
        self.frames: dict[Hashable, Frame] = {}
        self.links: list[Link] = []
        self.seen: set[tuple[Box, Box, str, str]] = set()

    def _fold(self, found: list[Repeat]) -> None:
        """Let the first copy of each repeat stand for the others."""
        for repeat in found:
            for copy in repeat.copies:
                self.repeat_of |= dict.fromkeys(copy, repeat)
                if copy is not repeat.copies[0]:
                    self.stands_for |= zip(copy, repeat.copies[0], strict=True)
        for node, layer in self.groups.layers.items():  # gradients, too
            if node not in self.repeat_of and layer.op in self.repeat_of:
                self.repeat_of[node] = self.repeat_of[layer.op]

    def build(self, title: str) -> Scene:
        for node in self.graph:
            if node not in self.hidden:
                self._place(node)
        for key, box in self.boxes.items():
            box.nodes = box.nodes or [self.first_of[box]]  # the first copy may lack a gradient
            labels.label(box, self.known, self._hidden_elements(box))
            box.frame = self._frame_of(key, box)
        for node in self.graph:
            self._read(node)
        for node in self.graph:
            self._write(node)
        self._outputs()
        self._straighten()
        boxes = list(self.boxes.values())
        heading, facts = labels.heading(self.graph, self.known, self.kinds, title)
        if len(boxes) > MANY and self.mode != "scope" and any(self.groups.scopes.values()):
            facts.append('collapse="scope" draws less')
        frames = divide(boxes, self.links, list(self.frames.values()))
        return Scene(heading, facts, boxes, self.links, frames, self._beside())

    # ------------------------------------------------------------------------------------- boxes

    def _place(self, node: Node) -> None:
        """Find or make the box of a node."""
        node_ = self.stands_for.get(node, node)
        key, name, kind = self._key(node_)
        box = self.boxes.get(key)
        if box is None:
            box = self.boxes[key] = Box(name, kind, "", layer=self._layer(node_))
            self.first_of[box] = node_
        if not self._is_copy(node):
            box.nodes.append(node)
        self.of[node] = box

    def _key(self, node: Node) -> tuple[Hashable, str, str]:
        """Return what nodes of one box have in common, the box's name and its kind."""
        kind = self.kinds[node]
        scope = self.groups.scopes[node]
        if self.mode == "scope" and scope:
            if kind == "backward":
                return ("backward", scope[0]), f"∂ {scope[0]}", "backward"
            return ("scope", scope[0]), scope[0], "scope"
        if kind == "backward" and self.mode != "none":
            owner = node.owner
            order = node.gradient_order
            name = "∂" * max(1, order) + f" {owner}"
            layer = self._layer(node)
            if layer is not None and layer.op is not None:
                name = name.replace(owner, layer.op.name)
            return ("backward", layer or owner, order), name, "backward"
        return node, node.name, kind

    def _layer(self, node: Node) -> Layer | None:
        """Return the layer of a node; of a copy, that of the first."""
        layer = self.groups.layers.get(node)
        if layer is None or layer.op not in self.stands_for:
            return layer
        return self.groups.layers[self.stands_for[layer.op]]

    def _hidden_elements(self, box: Box) -> int:
        """Return how many numbers the parameters of a box have that are not drawn themselves."""
        if box.kind == "scope":
            return self.scope_elements[self.groups.scopes[box.nodes[0]][:1]]
        layer = box.layer
        if layer is None or layer.op is None or box.nodes[0] is not layer.op:
            return 0
        return sum(
            self.known.elements(node) or 0
            for node in layer.variables
            if node in self.hidden and self.kinds[node] == "parameter"
        )

    # ------------------------------------------------------------------------------------ frames

    def _frame_of(self, key: Hashable, box: Box) -> Frame | None:
        if isinstance(key, tuple) and key[0] == "scope":
            return None
        node = self.first_of[box]
        scope, repeat = self.groups.scopes[node], self.repeat_of.get(node)
        frame = None
        if self.mode != "scope":
            for depth in range(len(scope) + 1):
                if repeat is not None and repeat.depth == depth:
                    frame = self._repeat_frame(repeat, scope[: depth + 1], frame)
                    if not repeat.is_scope:
                        break
                elif depth < len(scope):
                    frame = self._scope_frame(scope[: depth + 1], frame)
        layer = box.layer
        if layer is not None and any(node in self.of for node in layer.variables):
            if self.mode == "scope" and scope:
                return frame
            frame = self._layer_frame(layer, frame)
        if box.kind == "backward" and self.mode == "none":
            owner = box.nodes[0].owner
            place = ("backward", layer or owner)
            if place not in self.frames:
                self.frames[place] = Frame(owner, f"∂ {owner}", frame, backward=True)
            frame = self.frames[place]
        return frame

    def _scope_frame(self, scope: Scope, outer: Frame | None) -> Frame:
        frame = self.frames.get(scope)
        if frame is None:
            name = scope[-1] if outer is None else scope[-1].removeprefix(scope[-2]).lstrip("_/.")
            frame = self.frames[scope] = Frame("/".join(scope), name, outer)
            frame.elements = self.scope_elements[scope]
        return frame

    def _repeat_frame(self, repeat: Repeat, scope: Scope, outer: Frame | None) -> Frame:
        frame = self.frames.get(repeat)
        if frame is None:
            first = repeat.copies[0]
            name = "/".join(scope) if repeat.is_scope else f"{first[0].name} repeated"
            frame = self.frames[repeat] = Frame(name, repeat.title, outer)
            frame.repeated = len(repeat.copies)
            frame.elements = sum(
                self.known.elements(node) or 0 for node in first if self.kinds[node] == "parameter"
            )
        return frame

    def _layer_frame(self, layer: Layer, outer: Frame | None) -> Frame:
        frame = self.frames.get(layer)
        if frame is None:
            frame = self.frames[layer] = Frame(layer.title, layer.title, outer, layer)
            frame.elements = sum(
                self.known.elements(node) or 0
                for node in layer.variables
                if self.kinds[node] == "parameter"
            )
        return frame

    # ------------------------------------------------------------------------------------- links

    def _read(self, node: Node) -> None:
        """Link a node to what it reads."""
        head = self.of.get(node)
        if head is None:
            return
        for entry in node.inputs:
            tail = self.of.get(entry.node)
            if tail is None or tail is head:
                continue
            copied = self._is_copy(node) or self._is_copy(entry.node)
            if copied and self._between_copies(entry.node, node):
                continue
            kind = self._kind_of_link(tail, head)
            label = self._label(entry, tail, node, kind)
            several = copied or len(tail.nodes) > 1 or len(head.nodes) > 1
            signature = (tail, head, kind, label)
            if several and signature in self.seen:
                continue
            self.seen.add(signature)
            mirrored = self.mirror and tail.kind == head.kind == "backward"
            self.links.append(Link(tail, head, kind, label, mirrored=mirrored))

    def _is_copy(self, node: Node) -> bool:
        return node in self.stands_for or self._layer(node) is not self.groups.layers.get(node)

    def _between_copies(self, source: Node, reader: Node) -> bool:
        """Return whether an edge runs inside a copy or from copy to copy: the first shows it."""
        repeat = self.repeat_of.get(source)
        return repeat is not None and repeat is self.repeat_of.get(reader)

    @staticmethod
    def _kind_of_link(tail: Box, head: Box) -> str:
        if tail.kind in ("backward", "gradient"):
            return "gradient"
        if head.kind == "backward":
            return "saved"
        return tail.kind if tail.kind in ("parameter", "state") else "data"

    def _label(self, entry: Entry, tail: Box, reader: Node, kind: str) -> str:
        if kind in ("saved", "parameter", "state") or self.kinds[reader] == "update":
            return ""  # it is said elsewhere: a store tells its shape itself
        label = self.known.on_edge(entry)
        node = entry.node
        enters = reader in self.repeat_of and not self._between_copies(node, reader)
        if tail.nodes == [node] and len(node.entries()) > 1 and not enters:
            label = f"[{entry.index}] {label}".rstrip()  # of several; each copy has another
        return label

    def _write(self, node: Node) -> None:
        """Link what a node overwrites to it."""
        for _, variable in roles.written(node):
            tail, head = self.of.get(variable), self.of.get(node)
            if tail is None or head is None or tail is head:
                continue
            signature = (tail, head, "write", "")
            if signature not in self.seen:
                self.seen.add(signature)
                self.links.append(Link(tail, head, "write"))

    def _outputs(self) -> None:
        """Add a pill for each output; that an update has happened, its arrow says."""
        alike: dict[Entry, list[Entry]] = {}
        for entry in dict.fromkeys(self.graph.outputs):
            if entry.node in self.of and self.kinds[entry.node] != "update":
                node = self.stands_for.get(entry.node, entry.node)
                alike.setdefault(Entry(node, entry.index), []).append(entry)
        for entry, *others in alike.values():
            source = self.of[entry.node]
            title = f"{entry.name} ×{len(others) + 1}" if others else entry.name
            name, detail = f"{entry.name} (output)", self.known.of(entry)
            box = self.boxes["output", entry] = Box(name, "output", title, detail)
            kind = "gradient" if source.kind == "backward" else "data"
            self.links.append(Link(source, box, kind, self.known.on_edge(entry)))

    # ------------------------------------------------------------------------------------ layout

    def _straighten(self) -> None:
        """Mark the longest path of the forward pass: it is drawn as a straight line."""
        depth: Counter[Box] = Counter()
        before: dict[Box, Link] = {}
        for link in self.links:
            if link.kind == "data" and depth[link.tail] + 1 > depth[link.head]:
                depth[link.head] = depth[link.tail] + 1
                before[link.head] = link
        if not depth:
            return
        box = max(depth, key=depth.__getitem__)
        while not box.spine:
            box.spine = True
            if box in before:
                before[box].spine = True
                box = before[box].tail
        for box in self.boxes.values():
            if box.kind == "backward" and self.mode != "none":
                owner = box.layer.op if box.layer else None
                box.back = owner in self.of and self.of[owner].spine if owner else False

    def _beside(self) -> list[tuple[Box, Box]]:
        pairs = []
        forward = {box.nodes[0]: box for box in self.boxes.values() if box.nodes}
        for key, box in self.boxes.items():
            if box.kind != "backward" or not isinstance(key, tuple) or not self.mirror:
                continue
            owner = box.layer.op if box.layer else None
            partner = self.boxes.get(("scope", key[1])) or (forward.get(owner) if owner else None)
            levelled = box.frame is not None and box.frame.layer and box.frame.layer.updates
            if partner is not None and partner.frame is box.frame and not levelled:
                pairs.append((partner, box))
        for node in self.graph.variables:
            readers = [n for n in self.graph.successors(node) if self.kinds[n] != "backward"]
            if len(readers) == 1 and self.kinds[readers[0]] == "loss":
                loss, label = self.of.get(readers[0]), self.of.get(node)
                if loss and label and readers[0].inputs[0].node is not node:
                    pairs.append((loss, label))
        return pairs
