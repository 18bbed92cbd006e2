"""A graph, made ready to be drawn: boxes, links between them, frames around them, and totals.

`scene` decides everything that does not depend on how a picture is written: which nodes are hidden,
which become one box, what the labels say. `minisym.show.dot` and `minisym.show.mermaid` write it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, Literal

from minisym.core.errors import ParamError, did_you_mean
from minisym.core.graph import Graph
from minisym.core.node import Entry, Node
from minisym.show import labels, roles
from minisym.show.bodies import SIGNS, Opened, open_bodies
from minisym.show.fold import Fold, Folder, is_gradient
from minisym.show.frames import divide
from minisym.show.groups import Groups, Layer, Scope, groups
from minisym.show.known import Known
from minisym.show.measure import fits, part_of_page
from minisym.show.parts import Box, Chip, Frame, Link, Scene
from minisym.show.repeats import Repeat
from minisym.show.style import PILLS, STORES

Collapse = Literal["none", "backward", "stack", "repeat", "scope", "stretch"]
COLLAPSE: Final = ("none", "backward", "stack", "repeat", "scope", "stretch")
"""What becomes one box; see `minisym.show.fold`."""

TELLING: Final = 8
"""Scopes that leave fewer boxes than this say too little, if there is another way."""
FEW: Final = 40
"""Of a graph of more nodes, what hides weights hides all of them, whatever they are called."""


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
    mode = _mode(collapse)
    known = known or Known()
    drawn = open_bodies(graph, known)
    work = labels.work(drawn.graph, drawn.known, drawn.times)
    heading, facts = labels.heading(graph, known, roles.kinds(graph), title, work)
    whole, graph, known = graph, drawn.graph, drawn.known
    kinds = roles.kinds(graph)
    found = groups(graph, kinds, drawn.bodies)
    hidden = _hidden(graph, kinds) if hide_weights else set()
    fitting: list[Scene] = []
    others: list[Scene] = []
    # the gradient flows up beside the forward pass, unless it is all that there is to see
    mirror = not is_gradient(whole)
    for fold in Folder(graph, kinds, known, found, hidden, mirror=mirror).folds(mode):
        builder = _Builder(graph, known, kinds, found, fold, hidden, mirror=mirror)
        made = builder.build(heading, facts, drawn)
        if mode not in (None, "stretch"):
            return made
        if fits(made):
            fitting.append(made)
            if fold.name != "scope" or _inner(made) >= TELLING:
                break
        else:
            others.append(made)
    best = max(fitting, key=_inner) if fitting else min(others, key=part_of_page)
    if best.fold not in ("none", "backward"):
        best.facts.append(f'folded: collapse="none" draws all {len(whole):,} nodes')
    return best


def _inner(made: Scene) -> int:
    """Return how many boxes are neither inputs nor outputs."""
    return sum(box.kind not in PILLS for box in made.boxes)


def _mode(collapse: str | bool | None) -> str | None:
    """Return what a user asks for; None leaves it to the size."""
    mode = "none" if collapse is False else collapse
    if mode is not None and mode not in COLLAPSE:
        message = f"collapse takes one of {', '.join(map(repr, COLLAPSE))}, but got {collapse!r}"
        raise ParamError(message, hint=did_you_mean(str(collapse), COLLAPSE))
    return mode if mode is None else str(mode)


def _hidden(graph: Graph, kinds: Mapping[Node, str]) -> set[Node]:
    """Return the parameters and states that are not drawn: those that no update writes."""
    updated = {
        variable for node in graph if kinds[node] == "update" for _, variable in roles.written(node)
    }
    many = len(graph) > FEW
    return {
        node
        for node in graph.variables
        if node not in updated
        and (roles.is_weight_like(node.name) or (many and kinds[node] in STORES))
    }


class _Builder:
    def __init__(
        self,
        graph: Graph,
        known: Known,
        kinds: Mapping[Node, str],
        found: Groups,
        fold: Fold,
        hidden: AbstractSet[Node],
        *,
        mirror: bool,
    ) -> None:
        self.graph, self.known, self.kinds = graph, known, kinds
        self.groups, self.fold = found, fold
        self.repeat_of: dict[Node, Repeat] = {}
        self.copy_of: dict[Node, int] = {}
        self.stands_for: dict[Node, Node] = {}
        self._repeat()
        self.scope_elements: Counter[Scope] = Counter()
        for node in graph.variables:
            scope = self._scope(node)
            if self.kinds[node] == "parameter":
                for depth in range(1, len(scope) + 1):
                    self.scope_elements[scope[:depth]] += known.elements(node) or 0
        self.fed = roles.fed(graph)
        self.hidden = hidden | {
            node
            for node in graph.variables
            if node in self.fed and all(kinds[n] == "update" for n in graph.successors(node))
        }
        self.mirror = mirror
        self.boxes: dict[Hashable, Box] = {}
        self.of: dict[Node, Box] = {}
        self.first_of: dict[Box, Node] = {}
        self.frames: dict[Hashable, Frame] = {}
        self.links: list[Link] = []
        self.seen: set[tuple[Box, Box, str, str]] = set()

    def _repeat(self) -> None:
        """Let the first copy of each repeat stand for the others."""
        for repeat in self.fold.repeats:
            for number, copy in enumerate(repeat.copies):
                self.repeat_of |= dict.fromkeys(copy, repeat)
                self.copy_of |= dict.fromkeys(copy, number)
                if number:
                    self.stands_for |= zip(copy, repeat.copies[0], strict=True)
        for node, layer in self.groups.layers.items():  # gradients, too
            if node not in self.repeat_of and layer.op in self.repeat_of:
                self.repeat_of[node] = self.repeat_of[layer.op]

    def build(self, heading: str, facts: Sequence[str], drawn: Opened) -> Scene:
        for node in self.graph:
            if node not in self.hidden:
                self._place(node)
        for key, box in self.boxes.items():
            box.nodes = box.nodes or [self.first_of[box]]  # the first copy may lack a gradient
            box.frame = self._frame_of(key, box)
        self._merge_repeats_of_one_box()
        for key, box in self.boxes.items():
            labels.label(box, self.known, self._hidden_elements(key, box))
            if box.nodes[0] in self.fed:
                box.chips.append(Chip("update", f"{self.fed[box.nodes[0]]} of updates"))
        for node in self.graph:
            self._read(node)
        for node in self.graph:
            self._write(node)
        self._go_round(drawn.rounds)
        self._outputs(drawn.names)
        self._straighten()
        boxes = list(self.boxes.values())
        frames = divide(boxes, self.links, list(self.frames.values()))
        return Scene(
            heading, list(facts), boxes, self.links, frames, self._beside(), self.fold.name
        )

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
        layer = self._layer(node)
        owner = layer.op if layer is not None and layer.op is not None else node
        scope = self.fold.closed.get(owner)
        if scope is not None:
            bodies = self.groups.bodies
            name = self.fold.titles.get(scope) or bodies.titles.get(scope[-1], scope[-1])
            if bodies.is_gradient(scope):
                return ("backward", scope), name, "backward"
            if kind == "backward":
                return ("backward", scope), f"∂ {name}", "backward"
            return ("scope", scope), name, "scope"
        if kind == "backward" and self.fold.backward and node.op not in SIGNS:
            order = node.gradient_order
            name = "∂" * max(1, order) + f" {node.owner}"
            if layer is not None and layer.op is not None:
                name = name.replace(node.owner, owner.name)
            within = None if layer else self._scope(node)
            return ("backward", layer or node.owner, order, within), name, "backward"
        lead = self.fold.leads.get(node)
        if lead is not None and self.copy_of.get(lead) == self.copy_of.get(node):
            return lead, lead.name, self.kinds[lead]
        return node, node.name, kind

    def _layer(self, node: Node) -> Layer | None:
        """Return the layer of a node; of a copy, that of the first."""
        layer = self.groups.layers.get(node)
        if layer is None or layer.op not in self.stands_for:
            return layer
        return self.groups.layers[self.stands_for[layer.op]]

    def _scope(self, node: Node) -> Scope:
        """Return the scopes around a node: those of the op that it serves."""
        layer = self.groups.layers.get(node)
        return self.fold.scopes.get(node if layer is None or layer.op is None else layer.op, ())

    def _hidden_elements(self, key: Hashable, box: Box) -> int:
        """Return how many numbers the parameters of a box have that are not drawn themselves."""
        if isinstance(key, tuple) and key[0] == "scope":
            return self.scope_elements[key[1]]
        layers = [self.groups.layers.get(node) for node in box.nodes]
        return sum(
            self.known.elements(variable) or 0
            for node, layer in zip(box.nodes, layers, strict=True)
            if layer is not None and layer.op is node
            for variable in layer.variables
            if variable in self.hidden and self.kinds[variable] == "parameter"
        )

    # ------------------------------------------------------------------------------------ frames

    def _frame_of(self, key: Hashable, box: Box) -> Frame | None:
        node = self.first_of[box]
        scope, repeat = self._scope(node), self.repeat_of.get(node)
        closed = key[1] if isinstance(key, tuple) and isinstance(key[1], tuple) else None
        if closed is not None:
            scope = closed[:-1]
        frame = None
        for depth in range(len(scope) + 1):
            if repeat is not None and repeat.depth == depth:
                frame = self._repeat_frame(repeat, frame)
                if not repeat.is_scope:
                    break
            elif depth < len(scope):
                frame = self._scope_frame(scope[: depth + 1], frame)
        layer = box.layer
        if closed is not None:
            return frame
        if layer is not None and any(variable in self.of for variable in layer.variables):
            frame = self._layer_frame(layer, frame)
        if box.kind == "backward" and not self.fold.backward and node.op not in SIGNS:
            owner = box.nodes[0].owner
            place = ("backward", layer or owner, scope)
            if place not in self.frames:
                title = f"∂ {labels.plain_name(owner)}"
                self.frames[place] = Frame(owner, title, frame, backward=True)
            frame = self.frames[place]
        return frame

    def _scope_frame(self, scope: Scope, outer: Frame | None) -> Frame:
        frame = self.frames.get(scope)
        if frame is None:
            bodies = self.groups.bodies
            name = bodies.titles.get(scope[-1]) or labels.relative(scope[-1], outer)
            frame = self.frames[scope] = Frame("/".join(scope), name, outer, prefix=scope[-1])
            frame.backward = scope[-1] in bodies.forward
            frame.elements = self.scope_elements[scope]
        return frame

    def _repeat_frame(self, repeat: Repeat, outer: Frame | None) -> Frame:
        frame = self.frames.get(repeat)
        if frame is None:
            first = repeat.copies[0]
            scope = self._scope(next(node for node in first if node.op))[: repeat.depth + 1]
            name = "/".join(scope) if repeat.is_scope else f"{first[0].name} repeated"
            frame = self.frames[repeat] = Frame(name, repeat.title, outer)
            frame.repeated = len(repeat.copies)
            frame.prefix = scope[-1] if repeat.is_scope else outer.prefix if outer else ""
            frame.elements = sum(
                self.known.elements(node) or 0 for node in first if self.kinds[node] == "parameter"
            )
        return frame

    def _layer_frame(self, layer: Layer, outer: Frame | None) -> Frame:
        frame = self.frames.get(layer)
        if frame is None:
            title = labels.relative(layer.title, outer)
            frame = self.frames[layer] = Frame(layer.title, title, outer, layer)
            frame.prefix = layer.op.name if layer.op else layer.title
            frame.elements = sum(
                self.known.elements(node) or 0
                for node in layer.variables
                if self.kinds[node] == "parameter"
            )
        return frame

    def _merge_repeats_of_one_box(self) -> None:
        """Draw a scope that is one box, and its repeat around it, as one."""
        inside: Counter[Frame] = Counter(box.frame for box in self.boxes.values() if box.frame)
        outer = {frame.outer for frame in self.frames.values()}
        for box in self.boxes.values():
            frame = box.frame
            if frame is None or frame.repeated == 1 or inside[frame] > 1 or frame in outer:
                continue
            if box.kind == "scope":
                box.name, box.repeated, box.frame = frame.title, frame.repeated, frame.outer
                self.frames = {k: f for k, f in self.frames.items() if f is not frame}

    # ------------------------------------------------------------------------------------- links

    def _read(self, node: Node) -> None:
        """Link a node to what it reads."""
        head = self.of.get(node)
        if head is None:
            return
        for entry in node.inputs:
            tail = self.of.get(entry.node)
            if (
                tail is None
                or tail is head
                or (entry.node in self.fed and self.kinds[node] == "update")
            ):
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
        if reader.op in SIGNS:
            slots = [
                s for s, e in zip(reader.input_names(), reader.inputs, strict=True) if e == entry
            ]
            return " ".join(filter(None, [", ".join(slots), label]))
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

    def _go_round(self, rounds: Sequence[tuple[Entry, Node]]) -> None:
        """Link what a step of a loop makes to the state that it is in the next one."""
        for entry, state in rounds:
            tail, head = self.of.get(state), self.of.get(entry.node)
            if tail is not None and head is not None and tail is not head:
                self.links.append(Link(tail, head, "round", "next step"))

    def _outputs(self, names: Mapping[Entry, str]) -> None:
        """Add a pill for each output; that an update has happened, its arrow says."""
        alike: dict[Entry, list[Entry]] = {}
        for entry in names:
            if entry.node in self.of and self.kinds[entry.node] != "update":
                node = self.stands_for.get(entry.node, entry.node)
                alike.setdefault(Entry(node, entry.index), []).append(entry)
        for entry, *others in alike.values():
            source = self.of[entry.node]
            called = names[entry]
            title = f"{called} ×{len(others) + 1}" if others else called
            name, detail = f"{called} (output)", self.known.of(entry)
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
            if box.kind == "backward" and self.fold.backward:
                owner = box.layer.op if box.layer else None
                box.back = owner in self.of and self.of[owner].spine if owner else False

    def _forward_of(self, scope: Hashable) -> Hashable:
        """Return the scope whose gradient is in a scope: the same, unless it is that of a loop."""
        if not isinstance(scope, tuple) or not scope:
            return scope
        return self.groups.bodies.forward.get(scope[-1]) or scope

    def _beside(self) -> list[tuple[Box, Box]]:
        pairs = []
        forward = {box.nodes[0]: box for box in self.boxes.values() if box.nodes}
        for key, box in self.boxes.items():
            if box.kind != "backward" or not isinstance(key, tuple) or not self.mirror:
                continue
            owner = box.layer.op if box.layer else None
            partner = self.boxes.get(("scope", self._forward_of(key[1])))
            partner = partner or (forward.get(owner) if owner else None)
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
