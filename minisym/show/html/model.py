"""A graph as plain data for the page: boxes, what they read, and the tree of frames around them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, NamedTuple

from minisym.core import origin
from minisym.core.graph import Graph
from minisym.core.node import OWNER, Entry, Node
from minisym.passes.flops import flops
from minisym.show import labels, roles, text
from minisym.show.bodies import open_bodies, title_of
from minisym.show.groups import Layer, groups
from minisym.show.html.bodies import bodies
from minisym.show.html.folds import Fold, Part, fold
from minisym.show.html.formula import readable
from minisym.show.known import Known
from minisym.show.parts import Box

Json = dict[str, Any]


class Mirror(NamedTuple):
    """The frame of the gradients of what another frame holds."""

    part: Part | Layer


@dataclass(frozen=True, eq=False)
class Holder:
    """The frame of a node and the graphs that it holds."""

    node: Node


Path = tuple[Part | Layer | Mirror | Holder, ...]


def model(graph: Graph, known: Known, title: str = "") -> Json:
    """Return all that the page shows of a graph.

    >>> from minisym import sym
    >>> found = model(sym.tanh(sym.Variable("x"), name="t").graph, Known())
    >>> [(node["name"], node["kind"]) for node in found["nodes"]]
    [('x', 'input'), ('t', 'activation'), ('t_output', 'output')]
    """
    kinds = roles.kinds(graph)
    opened = open_bodies(graph, known)  # a loop costs all its steps
    amount = labels.work(opened.graph, opened.known, opened.times)
    heading, facts = labels.heading(graph, known, kinds, title, amount)
    found: Json = {"title": heading, "facts": facts, "nodes": [], "scopes": []}
    waiting = [(graph, known, -1)]
    while waiting:  # the graph, then the bodies that its nodes hold, then those in them
        inner, shapes, frame = waiting.pop(0)
        tree = _Tree(inner, shapes, found, frame)
        tree.describe(shapes)
        for holder in tree.holders:
            for body in bodies(holder, shapes):
                waiting.append((body.graph, body.known, len(found["scopes"])))
                outer = tree.frame(holder)
                found["scopes"].append({"outer": outer, "name": body.title, "title": body.title})
    return found


class _Tree:
    """The frames of a graph: scopes of names, in them layers, and beside both their gradients."""

    def __init__(self, graph: Graph, known: Known, page: Json, outer: int) -> None:
        self.graph, self.known, self.outer = graph, known, outer
        self.kinds = roles.kinds(graph)
        self.nodes: list[Json] = page["nodes"]
        self.scopes: list[Json] = page["scopes"]
        first = len(self.nodes)
        self.place = {node: first + i for i, node in enumerate(graph)}
        self.groups = groups(graph, self.kinds)
        self.folds = fold(graph, self.groups, self.kinds, known)
        self.numbers: dict[Path, int] = {}
        self.holders = {node: Holder(node) for node in graph if node.op and node.op.subgraphs}
        mirrored = not all(roles.is_backward(entry.node) for entry in graph.outputs)
        self.owners: dict[str, Node] = {}
        for node in graph:
            if mirrored and node.op is not None and self.kinds[node] not in ("backward", "update"):
                self.owners.setdefault(node.name, node)
        backward = [node for node in graph if self.kinds[node] == "backward"]
        self.sizes = Counter(self._path(node) for node in backward)

    def describe(self, known: Known) -> None:
        """Add the nodes of the graph, and its outputs, to the page."""
        graph, kinds = self.graph, self.kinds
        self.nodes += [_node(graph, node, kinds[node], known, self) for node in graph]
        self.nodes += [
            _output(self.place[entry.node], entry, known) | {"frame": self.outer}
            for entry in dict.fromkeys(graph.outputs)
            if kinds[entry.node] != "update"
        ]

    def _path(self, node: Node) -> Path:
        """Return the scopes around a node, and the layer that it serves."""
        if self.kinds[node] == "backward":
            scope = self.folds[self.owners.get(node.owner, node)]
            return (*map(Mirror, scope), Mirror(node.owner))
        layer = self.groups.layers.get(node)
        if layer is not None and layer.op is not None and (layer.variables or layer.updates):
            return (*self.folds[node], layer)
        return self.folds[node]

    def frame(self, node: Node) -> int:
        """Return the number of the innermost frame around a node, -1 if there is none."""
        path = self._path(node)
        if self.kinds[node] == "backward" and self.sizes[path] == 1:
            path = path[:-1]
        if node in self.holders:
            path = (*path, self.holders[node])
        return self._frame(path)

    def beside(self, node: Node) -> Json | None:
        """Return what a gradient node without a frame of its own stands beside."""
        if self.kinds[node] != "backward" or self.sizes[self._path(node)] > 1:
            return None
        return self._owner(node.owner)

    def _owner(self, name: str) -> Json | None:
        owner = self.owners.get(name)
        if owner is None:
            return None
        path = self._path(owner)
        if owner in self.holders or (path and isinstance(path[-1], Layer)):
            return {"scope": self.frame(owner)}
        return {"node": self.place[owner]}

    def _frame(self, path: Path) -> int:
        if not path:
            return self.outer
        if path not in self.numbers:
            scope = {"outer": self._frame(path[:-1])} | self._described(path)
            self.numbers[path] = len(self.scopes)
            self.scopes.append(scope)
        return self.numbers[path]

    def _described(self, path: Path) -> Json:
        """Describe the innermost frame of a path."""
        found: Json
        last = path[-1]
        if isinstance(last, Holder):
            assert last.node.op is not None
            what, graphs = last.node.op.control, last.node.op.subgraphs
            inside = sum(node.op is not None for held in graphs for node in held.graph)
            title = title_of(what, last.node, self.known) if what else last.node.name
            found = {"name": last.node.name, "op": self.place[last.node], "fold": 1}
            return found | {"title": text.plain(title), "note": f"holds {inside} ops"}
        if isinstance(last, Layer):
            assert last.op is not None
            title = text.plain(last.title)
            return {"name": last.op.name, "op": self.place[last.op], "title": title}
        found = {"name": _name(last), "title": _short(path)}
        part = last.part if isinstance(last, Mirror) else last
        if isinstance(part, Fold):
            found["fold"] = part.count
        if isinstance(last, Mirror):
            found["backward"] = True
            plain = tuple(one.part for one in path if isinstance(one, Mirror))
            beside = {"scope": self.numbers[plain]} if plain in self.numbers else None
            if beside := beside or self._owner(_name(part)):
                found["beside"] = beside
        return found


def _name(part: Part | Layer | Mirror | Holder) -> str:
    match part:
        case Mirror(inner):
            return f"∂ {_name(inner)}"
        case Fold() | Layer():
            return part.title
        case Holder():
            return part.node.name
    return part


def _short(path: Path) -> str:
    """Return a scope's name without what the ones around it say already."""
    last = path[-1]
    mark = "∂ " if isinstance(last, Mirror) else ""
    plain = [one.part if isinstance(one, Mirror) else one for one in path]
    name = _name(plain[-1])
    if isinstance(plain[-1], str):
        outer = next((one for one in reversed(plain[:-1]) if isinstance(one, str)), "")
        name = name.removeprefix(outer).lstrip("_/.") or name if outer else name
    return mark + text.plain(labels.plain_name(name) if mark else name)


def _node(graph: Graph, node: Node, kind: str, known: Known, tree: _Tree) -> Json:
    box = Box(node.name, kind, "", nodes=[node])
    labels.label(box, known)
    found: Json = {
        "name": text.plain(node.name, 200),
        "kind": kind,
        "title": box.title,
        "detail": "" if box.detail == "?" else box.detail,
        "frame": tree.frame(node),
        "outputs": [_entry(Entry(node, i), known) for i in range(node.num_outputs)],
    }
    if box.small:
        found["small"] = True
    if node.op is not None:
        found["op"] = node.op.name
        found["about"] = _about(node.op.doc)
        found["inputs"] = [
            [tree.place[entry.node], entry.index, slot]
            for slot, entry in zip(node.input_names(), node.inputs, strict=False)
        ]
        found["params"] = {name: text.value_text(value) for name, value in text.params_of(node)}
        if (work := flops(node, known.shapes)) is not None:
            found["flops"] = text.count(work)
    else:
        number = known.elements(node)
        found["elements"] = number
    if extra := {k: v for k, v in node.attrs.items() if k.startswith("__") and k != OWNER}:
        found["attrs"] = extra
    if writes := [tree.place[variable] for _, variable in roles.written(node)]:
        found["writes"] = writes
    if (beside := tree.beside(node)) is not None:
        found["beside"] = beside
    if source := origin.describe(node.origin):
        found["source"] = source
    return found


def _about(doc: str) -> str:
    """Return the first sentence of a docstring."""
    return readable(" ".join(doc.partition("\n\n")[0].split()))


def _entry(entry: Entry, known: Known) -> Json:
    shape = known.shapes.get(entry)
    return {
        "name": text.plain(entry.name, 200),
        "shape": text.shape_text(shape) if shape is not None else "",
        "dtype": text.dtype_text(known.dtypes.get(entry)),
    }


def _output(place: int, entry: Entry, known: Known) -> Json:
    return {
        "name": text.plain(entry.name, 200),
        "kind": "output",
        "title": text.plain(entry.name),
        "detail": known.of(entry),
        "inputs": [[place, entry.index, ""]],
        "outputs": [],
    }
