"""A graph as plain data for the page: boxes, what they read, and the tree of frames around them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from minisym.core import origin
from minisym.core.graph import Graph
from minisym.core.node import OWNER, Entry, Node
from minisym.passes.flops import flops
from minisym.show import labels, roles, text
from minisym.show.groups import Layer, groups
from minisym.show.html.formula import readable
from minisym.show.known import Known
from minisym.show.parts import Box

Json = dict[str, Any]
Path = tuple[str | Layer, ...]


def model(graph: Graph, known: Known, title: str = "") -> Json:
    """Return all that the page shows of a graph.

    >>> from minisym import sym
    >>> found = model(sym.tanh(sym.Variable("x"), name="t").graph, Known())
    >>> [(node["name"], node["kind"]) for node in found["nodes"]]
    [('x', 'input'), ('t', 'activation'), ('t_output', 'output')]
    """
    kinds = roles.kinds(graph)
    heading, facts = labels.heading(graph, known, kinds, title)
    tree = _Tree(graph, kinds)
    nodes = [_node(graph, node, kinds[node], known, tree) for node in graph]
    nodes += [
        _output(tree.place[entry.node], entry, known)
        for entry in dict.fromkeys(graph.outputs)
        if kinds[entry.node] != "update"
    ]
    return {"title": heading, "facts": facts, "nodes": nodes, "scopes": tree.scopes}


class _Tree:
    """The frames: scopes of names, in them layers, and beside both a frame for their gradients."""

    def __init__(self, graph: Graph, kinds: Mapping[Node, str]) -> None:
        self.kinds, self.place = kinds, graph.numbered()
        self.groups = groups(graph, kinds)
        self.scopes: list[Json] = []
        self.numbers: dict[Path, int] = {}
        mirrored = not all(roles.is_backward(entry.node) for entry in graph.outputs)
        self.owners: dict[str, Node] = {}
        for node in graph:
            if mirrored and node.op is not None and kinds[node] not in ("backward", "update"):
                self.owners.setdefault(node.name, node)
        self.sizes = Counter(self._path(node) for node in graph if kinds[node] == "backward")

    def _path(self, node: Node) -> Path:
        """Return the names of the scopes around a node, and the layer that it serves."""
        scope = self.groups.scopes[node]
        if self.kinds[node] == "backward":
            return (*(f"∂ {name}" for name in scope), f"∂ {node.owner}")
        layer = self.groups.layers.get(node)
        if layer is not None and layer.op is not None and (layer.variables or layer.updates):
            return (*scope, layer)
        return scope

    def frame(self, node: Node) -> int:
        """Return the number of the innermost frame around a node, -1 if there is none."""
        path = self._path(node)
        if self.kinds[node] == "backward" and self.sizes[path] == 1:
            path = path[:-1]
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
        if path and isinstance(path[-1], Layer):
            return {"scope": self._frame(path)}
        return {"node": self.place[owner]}

    def _frame(self, path: Path) -> int:
        if not path:
            return -1
        if path not in self.numbers:
            outer = self._frame(path[:-1])
            last = path[-1]
            scope: Json = {"outer": outer}
            if isinstance(last, Layer):
                assert last.op is not None
                scope |= {"name": last.op.name, "op": self.place[last.op]}
                scope["title"] = text.plain(last.title)
            else:
                scope |= {"name": last, "title": _short(path)}
                if str(last).startswith("∂ "):
                    scope["backward"] = True
                    plain = tuple(str(part).removeprefix("∂ ") for part in path)
                    found = {"scope": self.numbers[plain]} if plain in self.numbers else None
                    if found := found or self._owner(plain[-1]):
                        scope["beside"] = found
            self.numbers[path] = len(self.scopes)
            self.scopes.append(scope)
        return self.numbers[path]


def _short(path: Path) -> str:
    """Return a scope's name without what the one around it says already."""
    name = str(path[-1])
    if len(path) == 1:
        return text.plain(name)
    outer = str(path[-2]).removeprefix("∂ ")
    mark = "∂ " if name.startswith("∂ ") else ""
    return mark + text.plain(name.removeprefix("∂ ").removeprefix(outer).lstrip("_/.") or name)


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
        "frame": -1,
        "inputs": [[place, entry.index, ""]],
        "outputs": [],
    }
