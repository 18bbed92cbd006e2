r"""Two graphs in one picture: what was added, removed, changed, renamed.

>>> from minisym import sym
>>> before = sym.tanh(sym.Variable("x"), name="t")
>>> after = sym.tanh(sym.Dropout(sym.Variable("x"), p=0.2, name="drop"), name="t")
>>> print(plot_diff(before, after).source)
digraph difference {
...
        1 [label="+ Dropout\ndrop" color="#059669" ...]
...
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from minisym.core.graph import Graph
from minisym.core.node import Node
from minisym.core.symbol import Symbol
from minisym.passes.diff import Difference, diff
from minisym.runtime.observe.drawing import Drawing
from minisym.show import roles, text
from minisym.show.paint import paint as painted
from minisym.show.parts import Box, Frame, Link, Scene
from minisym.show.style import AUTO, DARK, DIFFERENCES, Paint, theme_named

if TYPE_CHECKING:
    from minisym.show.picture import Picture


_STYLES: Final = {
    "same": "rounded,filled",
    "added": "rounded,filled,bold",
    "removed": "rounded,filled,dashed",
    "changed": "rounded,filled,bold",
    "renamed": "rounded,filled",
}
_MARKS: Final = {"same": "", "added": "+ ", "removed": "− ", "changed": "± ", "renamed": "↷ "}
"""Signs, so that the picture can be read without colours."""
_NEAR: Final = 2
"""Of a large graph only what lies within so many links of a difference is drawn."""
_MANY: Final = 120


def plot_diff(
    before: Symbol,
    after: Symbol,
    *,
    side_by_side: bool = False,
    whole: bool | None = None,
    theme: str = AUTO,
) -> Picture:
    """Draw what differs between two symbols; return a `graphviz.Digraph`.

    Parameters
    ----------
    before, after
        The symbols; `minisym.passes.diff` compares them.
    side_by_side
        Draw both graphs, one beside the other, in place of one that joins them.
    whole
        Draw all nodes, or only those that differ and their surroundings. By default all of a small
        graph.
    theme
        "light", "dark", or "auto": then an svg follows the reader's system.
    """
    return picture_of(diff(before, after), side_by_side=side_by_side, whole=whole, theme=theme)


def picture_of(
    found: Difference,
    *,
    side_by_side: bool = False,
    whole: bool | None = None,
    theme: str = AUTO,
) -> Picture:
    """Draw a difference; see `plot_diff`."""
    import graphviz

    from minisym.show.picture import Picture

    paint = theme_named(theme)
    looks = {status: paints[paint is DARK] for status, paints in DIFFERENCES.items()}

    def drawing() -> Drawing:
        kinds = {**paint.kinds, **looks}
        return painted(_scene(found, side_by_side, whole), replace(paint, kinds=kinds))

    picture = Picture("difference", "svg", [], follows_reader=theme == AUTO, drawing=drawing)
    picture.attr("graph", bgcolor=paint.paper, fontname="Arial", fontcolor=paint.ink)
    picture.attr("graph", label=_heading(found), labelloc="t", labeljust="l", fontsize="13")
    picture.attr("node", shape="box", fontname="Arial", fontsize="11", margin="0.14,0.07")
    picture.attr("edge", fontname="Arial", fontsize="9", arrowsize="0.65")
    if side_by_side:
        status = _status(found)
        shown = _surroundings(found, whole=whole)
        for name, graph in (("before", found.before), ("after", found.after)):
            part = graphviz.Digraph(f"cluster:{name}")
            part.attr(label=name, color=paint.frame.line, fontcolor=paint.quiet)
            _add_graph(part, name, graph, status, found, shown, looks)
            picture.subgraph(part)
        return picture
    _add_both(picture, found, looks, whole=whole)
    return picture


def _scene(found: Difference, side_by_side: bool, whole: bool | None) -> Scene:
    """Make a difference ready to be drawn without an engine."""
    status, details = _status(found), _details(found)
    shown = _surroundings(found, whole=whole)
    before_of = {} if side_by_side else {after: before for before, after in found.pairs.items()}
    boxes: dict[Node, Box] = {}
    every: dict[Box, None] = {}
    links: list[Link] = []
    frames = []
    for name, graph in (("before", found.before), ("after", found.after)):
        frame = Frame(name, name) if side_by_side else None
        frames += [frame] if frame else []
        here: dict[Node, Box] = {}
        for node in _visible(graph, shown, status):
            twin = boxes.get(before_of[node]) if node in before_of else None
            here[node] = twin or _box(node, status.get(node, "same"), details.get(node, ()), frame)
        for node, box in here.items():
            sources = dict.fromkeys(entry.node for entry in node.inputs)
            links += [Link(here[source], box, "data") for source in sources if source in here]
        boxes |= here
        every |= dict.fromkeys(here.values())
    once = {(link.tail, link.head): link for link in links}
    return Scene("Difference", [_heading(found)], list(every), list(once.values()), frames, [])


def _box(node: Node, status: str, details: Sequence[str], frame: Frame | None) -> Box:
    title = node.op.name if node.op else "Variable"
    words = list(details) if status == "renamed" else [text.plain(node.name), *details]
    detail = " · ".join(words)
    return Box(node.name, status, _MARKS[status] + title, detail, [node], frame=frame)


def mimebundle(found: Difference, **_: object) -> dict[str, Any]:
    """Show a coloured picture of both graphs in a notebook, and the list."""
    return {**picture_of(found)._repr_mimebundle_(), "text/plain": repr(found)}


def _heading(found: Difference) -> str:
    numbers = {
        "added": len(found.added),
        "removed": len(found.removed),
        "changed": len(found.changed),
        "renamed": len(found.renamed),
    }
    words = [f"{_MARKS[name]}{number} {name}" for name, number in numbers.items() if number]
    return "   ".join(words) or "no difference"


def _status(found: Difference) -> dict[Node, str]:
    """Return the status of the nodes of both graphs that differ."""
    status = dict.fromkeys(found.added, "added") | dict.fromkeys(found.removed, "removed")
    for change in found.changed:
        status |= {change.before: "changed", change.after: "changed"}
    for pair in found.renamed:
        status |= dict.fromkeys(pair, "renamed")
    return status


def _surroundings(found: Difference, *, whole: bool | None) -> set[Node] | None:
    """Return the nodes near a difference; None stands for all."""
    size = max(len(found.before), len(found.after))
    if whole or (whole is None and size <= _MANY):
        return None
    near = set(_status(found))
    for _ in range(_NEAR):
        for graph in (found.before, found.after):
            here = [node for node in near if node in graph]
            near.update(entry.node for node in here for entry in node.inputs)
            near.update(reader for node in here for reader in graph.successors(node))
    for one, other in found.pairs.items():
        if one in near or other in near:
            near |= {one, other}
    return near


def _add_graph(
    part: Any,
    prefix: str,
    graph: Graph,
    status: Mapping[Node, str],
    found: Difference,
    shown: set[Node] | None,
    looks: Mapping[str, Paint],
) -> None:
    """Draw one of the graphs."""
    number = graph.numbered()
    details = _details(found)
    for node in _visible(graph, shown, status):
        kind = status.get(node, "same")
        name = f"{prefix}{number[node]}"
        part.node(name, _label(node, kind, details.get(node, ())), **_attributes(kind, looks[kind]))
    visible = set(_visible(graph, shown, status))
    for node in visible:
        for source in dict.fromkeys(entry.node for entry in node.inputs):
            if source in visible:
                fresh = "added" if prefix == "after" else "removed"
                kind = fresh if fresh in (status.get(node), status.get(source)) else "same"
                tail, head = f"{prefix}{number[source]}", f"{prefix}{number[node]}"
                part.edge(tail, head, color=_edge_colour(looks, kind))


def _add_both(
    picture: Any, found: Difference, looks: Mapping[str, Paint], *, whole: bool | None
) -> None:
    """Draw both graphs as one: what is in both, once."""
    both = found.nx
    order = [*found.after, *found.removed]  # as `Difference.nx` numbers them
    shown = _surroundings(found, whole=whole)
    status = _status(found)
    details = _details(found)
    keys = {}
    drawn = {*_visible(found.after, shown, status), *_visible(found.before, shown, status)}
    for number, node in enumerate(order):
        if node in drawn:
            key = keys[str(number)] = str(number)
            kind = both.nodes[key]["status"]
            label = _label(node, kind, details.get(node, ()))
            picture.node(key, label, **_attributes(kind, looks[kind]))
    seen: Counter[tuple[str, str, str]] = Counter()
    for source, target, data in both.edges(data=True):
        link = (source, target, data["status"])
        seen[link] += 1
        if source in keys and target in keys and seen[link] == 1:
            style = "dashed" if data["status"] == "removed" else "solid"
            width = "1" if data["status"] == "same" else "1.8"
            colour = _edge_colour(looks, data["status"])
            picture.edge(source, target, color=colour, style=style, penwidth=width)


def _visible(graph: Graph, shown: set[Node] | None, status: Mapping[Node, str]) -> Iterator[Node]:
    """Yield the nodes to draw: weights only where they differ."""
    for node in graph:
        is_weight = node.op is None and roles.is_weight_like(node.name)
        if node in status or (not is_weight and (shown is None or node in shown)):
            yield node


def _details(found: Difference) -> dict[Node, list[str]]:
    """Say of the changed nodes what has changed, and of the renamed what they were called."""
    details: dict[Node, list[str]] = {}
    for change in found.changed:
        rows = [
            f"{name}: {text.plain(was or '(none)', 32)} → {text.plain(is_ or '(none)', 32)}"
            for name, (was, is_) in change.fields.items()
        ]
        details[change.before] = details[change.after] = rows
    for before, after in found.renamed:
        details[before] = details[after] = [f"{text.plain(before.name)} → {text.plain(after.name)}"]
    return details


def _label(node: Node, kind: str, details: Any) -> str:
    title = node.op.name if node.op else "Variable"
    lines = [_MARKS[kind] + title, text.plain(node.name), *details]
    if kind == "renamed":
        lines.pop(1)
    return "\\n".join(line.replace("\\", "\\\\") for line in lines)


def _attributes(status: str, paint: Paint) -> dict[str, str]:
    return {
        "color": paint.line,
        "fillcolor": paint.fill,
        "fontcolor": paint.text,
        "style": _STYLES[status],
    }


def _edge_colour(looks: Mapping[str, Paint], kind: str) -> str:
    return looks[kind].line if kind != "same" else "#94A3B8"
