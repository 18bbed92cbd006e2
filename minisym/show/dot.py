"""Pictures in Graphviz' language, DOT; `plot_network` with MXNet's arguments.

`source` writes a `minisym.show.scene.Scene`. What the reader should know of the layout:

* The forward pass runs straight down. The gradient is drawn upstream beside it: its links are
  written from head to tail with `dir=back`, so that they count as downward for the layout.
* A parameter stands above its op, what computes its gradient beside it, its update below: the
  write-back is `weight -> update [dir=back]`, which keeps the weight above its update, too.
"""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from minisym.core.errors import ComposeError
from minisym.core.graph import Graph
from minisym.core.symbol import Symbol
from minisym.runtime.observe.drawing import Drawing
from minisym.show import labels, text
from minisym.show.known import learn
from minisym.show.measure import width_of_chips, width_of_words
from minisym.show.paint import paint as painted
from minisym.show.parts import Box, Frame, Link, Scene
from minisym.show.scene import scene
from minisym.show.style import AUTO, KINDS, PILLS, STORES, Paint, Theme, theme_named

if TYPE_CHECKING:
    from minisym.show.picture import Picture

_FONT: Final = "Arial"  # one font, not a list: engines look it up to measure the text
_MANY_BOXES: Final = 100
_PATIENCE: Final = 4
"""How long the layout of larger pictures is improved: without a bound, minutes for some."""
_NEW_LINE: Final = "&#10;"
_PLAIN_ID: Final = re.compile(r"[\w.()+/∂ -]+")
_BARE: Final = re.compile(r"[A-Za-z_]+|\d+(\.\d+)?")
_KEYWORDS: Final = frozenset({"node", "edge", "graph", "digraph", "subgraph", "strict"})

T = TypeVar("T", Box, Frame)
Attributes = Mapping[str, str | int | float]


def plot_network(
    symbol: Symbol,
    title: str = "plot",
    save_format: str = "pdf",
    shape: Mapping[str, Any] | None = None,
    dtype: Mapping[str, Any] | None = None,
    node_attrs: Mapping[str, Any] | None = None,
    hide_weights: bool = True,
    *,
    theme: str = "auto",
    collapse: str | bool | None = None,
    legend: bool = True,
) -> Picture:
    """Draw a symbol's graph; return a `graphviz.Digraph`.

    Its `source` is the DOT text, `render(path)` writes a file, and a notebook shows it. The program
    `dot` lays it out, or the wheel that `pip install 'minisym[viz]'` brings; without either,
    minisym does it in its own way.

    Parameters
    ----------
    symbol
        What to draw: all that its outputs depend on.
    title
        The name of the digraph, and, unless it is the default, the heading.
    save_format
        What `render` writes: "pdf", "svg", "png", …
    shape, dtype
        Variable -> shape, and Variable -> type. Given, they are inferred for all arrays and written
        on the edges; in full, where MXNet leaves out the first dimension. If that is unknown (0),
        it is drawn as N.
    node_attrs
        Graphviz attributes of every node, in place of those of the style.
    hide_weights
        Leave out variables named `*_weight`, `*_bias`, `*_gamma`, `*_beta` and moving averages, as
        MXNet does; but not those that an update in this graph writes. Of a graph of more than 40
        nodes, parameters and states are left out whatever they are called.
    theme
        "light", "dark", or "auto": light, and an svg turns dark where the reader's system is.
    collapse
        What becomes one box. "none": nothing; "backward": the gradient nodes of a layer; "stack":
        and an op with the activation and such that follow it; "repeat": what is computed several
        times over is drawn once, with its number; "scope": each scope of names; "stretch": ops that
        follow each other. Default: as little of it as leaves the picture within 1,600 × 2,400
        points; the picture then says that it is folded.
    legend
        Explain the colours below the picture.

    Raises
    ------
    ComposeError
        `symbol` is no Symbol. (Also a TypeError.)
    ShapeError
        The shapes given contradict each other, or do not suffice.
    ParamError
        `shape` or `dtype` names what looks like a misspelled Variable.

    Warns
    -----
    RuntimeWarning
        Several nodes have one name (they stay apart in the picture), or `shape` or `dtype` names no
        Variable of this graph, and not all shapes or types are known.

    Examples
    --------
    >>> from minisym import sym
    >>> w, g = sym.Variable("w"), sym.Variable("w_grad")
    >>> digraph = plot_network(sym.signsgd_update(w, g, lr=0.1, name="step"), shape={"w": (2, 3)})
    >>> print(digraph.source)
    digraph plot {
    ...
      "w" -> "step" [dir=back, style=dashed, ...]
    ...
    """
    from minisym.show.picture import Picture

    if not isinstance(symbol, Symbol):
        message = f"symbol must be a Symbol, but got {type(symbol).__name__}"
        raise ComposeError(message, hint="draw net, not the arrays bound to it")
    paint = theme_named(theme)
    graph = symbol.graph
    drawn = scene(
        graph,
        learn(graph, shape, dtype),
        title="" if title == "plot" else title,
        hide_weights=hide_weights,
        collapse=collapse,
    )
    _warn_of_repeated_names(graph)
    body = list(lines(drawn, paint, node_attrs or {}, legend=legend))
    name = text.plain(title, 200).rstrip("\\") or "plot"

    def drawing() -> Drawing:
        return painted(drawn, paint, legend=legend)

    return Picture(name, save_format, body, follows_reader=theme == AUTO, drawing=drawing)


def _warn_of_repeated_names(graph: Graph) -> None:
    seen: set[str] = set()
    repeated: dict[str, None] = {}
    for node in graph:
        if node.name in seen:
            repeated[node.name] = None
        seen.add(node.name)
    if repeated:
        warnings.warn(
            "There are multiple variables with the same name in your graph, this may result in "
            f"cyclic graph. Repeated names: {','.join(map(text.plain, repeated))}",
            RuntimeWarning,
            stacklevel=3,
        )


# ------------------------------------------------------------------------------------- the writer


def lines(
    drawn: Scene, theme: Theme, node_attrs: Mapping[str, Any], *, legend: bool
) -> Iterator[str]:
    """Yield the lines between `digraph {` and `}`."""
    ids = _identifiers(drawn.boxes)
    yield _statement(
        "graph",
        {
            "rankdir": "TB",
            "bgcolor": theme.paper,
            "fontname": _FONT,
            "fontcolor": theme.ink,
            "fontsize": 10,
            "labelloc": "b",
            "labeljust": "l",
            "nodesep": 0.28,
            "ranksep": 0.48,
            "pad": 0.25,
            "newrank": "true",
            "remincross": "true",
            "tooltip": text.plain(" · ".join([drawn.title, *drawn.facts]), 400),
            **({"nslimit": _PATIENCE} if len(drawn.boxes) > _MANY_BOXES else {}),
        },
    )
    yield _statement(
        "node",
        {"fontname": _FONT, "fontsize": 12, "margin": "0.16,0.08", "penwidth": 1.2, "height": 0.3},
    )
    yield _statement(
        "edge",
        {
            "fontname": _FONT,
            "fontsize": 9,
            "color": theme.edge,
            "fontcolor": theme.quiet,
            "arrowsize": 0.65,
            "penwidth": 1.1,
        },
    )
    frame = {"labelloc": "t", "labeljust": "l", "color": theme.paper, "margin": 6}
    heading = "; ".join(f"{k}={_value(v)}" for k, v in frame.items())
    yield f'  subgraph "cluster:title" {{ label={_value(_title(drawn, theme))}; {heading}\n'
    yield from _framed(drawn, ids, theme, node_attrs)
    for link in drawn.links:
        yield _link(link, ids, theme)
    for left, right in drawn.beside:
        yield f"  {{ rank=same; {ids[left]}; {ids[right]} }}\n"
    yield "  }\n"
    if legend:
        yield f"  label={_value(_legend(drawn, theme))}\n"


def _framed(
    drawn: Scene, ids: Mapping[Box, str], theme: Theme, node_attrs: Mapping[str, Any]
) -> Iterator[str]:
    """Yield the boxes, each within its frame, frames within frames."""
    inside: defaultdict[Frame | None, list[Box]] = defaultdict(list)
    for box in drawn.boxes:
        inside[box.frame].append(box)
    names = _identifiers(drawn.frames, "cluster:")
    inner: defaultdict[Frame | None, list[Frame]] = defaultdict(list)
    for frame in drawn.frames:
        inner[frame.outer].append(frame)

    def content(frame: Frame | None, indent: str) -> Iterator[str]:
        for child in inner[frame]:
            yield f"{indent}subgraph {names[child]} {{ {_frame(child, theme)}\n"
            yield from content(child, indent + "  ")  # as deep as scopes nest: four at most
            yield from _ranks(inside[child], child, ids, indent + "  ")
            yield f"{indent}}}\n"
        for box in inside[frame]:
            yield f"{indent}{ids[box]} [{_attributes(_box(box, theme) | dict(node_attrs))}]\n"

    yield from content(None, "  ")


def _ranks(
    boxes: Sequence[Box], frame: Frame, ids: Mapping[Box, str], indent: str
) -> Iterator[str]:
    """Level a layer: what is stored above what computes, so that it is two rows high."""
    layer = frame.layer
    if layer is None or not layer.updates or layer.op is None:
        return
    below = [ids[b] for b in boxes if b.kind == "update" or layer.op in b.nodes]
    above = [ids[b] for b in boxes if b.kind in STORES | {"gradient", "backward"}]
    for row in (above, below):
        if len(row) > 1:
            yield f"{indent}{{ rank=same; {'; '.join(row)} }}\n"


def _label(box: Box, theme: Theme) -> _Html:
    title = f"<B>{text.markup(box.title)}</B>"
    if box.repeated > 1:
        title += f"<B>&#160;×{box.repeated}</B>"
    detail = f'<FONT POINT-SIZE="9.5">{text.markup(box.detail, 72)}</FONT>' if box.detail else ""
    if not box.chips:
        return _Html(f"{title}<BR/>{detail}" if detail else title)
    chips = "".join(
        _swatch(text.markup(chip.title), theme.kinds[chip.kind], 9) for chip in box.chips
    )
    lines = [title, detail] if detail else [title]
    rows = "".join(f"<TR><TD>{line}</TD></TR>" for line in lines)
    margin = f'<TD WIDTH="{max(0, round(width_of_words(box) - width_of_chips(box)) // 2)}"></TD>'
    return _Html(  # a table in a cell is as wide as the cell: margins leave the chips narrow
        f'<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="0">{rows}<TR><TD><TABLE BORDER="0" '
        f'CELLSPACING="3" CELLPADDING="0"><TR>{margin}{chips}{margin}</TR></TABLE></TD></TR>'
        "</TABLE>"
    )


def _box(box: Box, theme: Theme) -> dict[str, Any]:
    paint = theme.kinds[box.kind]
    found: dict[str, Any] = {
        "label": _label(box, theme),
        "shape": "cylinder" if box.kind in STORES else "box",
        "style": "filled" if box.kind in STORES else "rounded,filled",
        "fillcolor": paint.fill,
        "color": paint.line,
        "fontcolor": paint.text,
        "class": box.kind,
        "tooltip": labels.tooltip(box).replace("\n", _NEW_LINE),
    }
    if box.kind in ("gradient", "opaque"):
        found["style"] = "rounded,dashed,filled"
    if box.kind == "backward" and box.layer and box.layer.op:  # a pair has one colour
        found |= {"color": theme.kinds[box.layer.op.kind].line, "penwidth": 2}
    if box.kind in STORES:
        found["margin"] = "0.14,0.06"
    if box.kind in PILLS or box.kind == "backward":
        found["fontsize"] = 11
    if box.small:
        found |= {"shape": "circle", "style": "filled", "width": 0.3, "fixedsize": "true"}
        found |= {"margin": 0}
    if box.repeated > 1:
        found["peripheries"] = 2
    if box.spine:
        found["group"] = "main"
    elif box.back:
        found["group"] = "back"
    elif box.kind in STORES and box.layer:
        found["group"] = text.plain(box.name)
    return found


def _link(link: Link, ids: Mapping[Box, str], theme: Theme) -> str:
    tail, head = ids[link.tail], ids[link.head]
    found: dict[str, Any] = {}
    if link.label:
        found["label"] = f" {link.label} "
    if link.kind == "write":
        found = {
            "dir": "back",
            "style": "dashed",
            "color": theme.write,
            "penwidth": 2,
            "arrowtail": "normal",
            "arrowsize": 0.85,
            "weight": 6,
            "tooltip": "writes in place",
            "class": "write",
        }
    elif link.kind == "round":
        colour = theme.kinds["state"].line
        found |= {"dir": "back", "style": "dashed", "color": colour, "arrowtail": "normal"}
        found |= {"penwidth": 1.6, "weight": 3}
    elif link.kind == "saved":
        found |= {"color": theme.kinds["gradient"].line, "style": "dotted", "constraint": "false"}
    elif link.kind != "data":
        found["color"] = theme.kinds[link.kind].line
        if link.head.kind == "scope" and link.kind == "gradient":
            found["constraint"] = "false"  # to the updates within: the scope stays where it is
    if link.spine:
        found["weight"] = 30
    if link.mirrored:
        tail, head = head, tail
        found["dir"] = "back"
        if link.tail.kind == link.head.kind == "backward":
            found["weight"] = 20
    frame = link.head.frame
    if link.kind == "data" and frame is not None and frame.layer and link.tail.frame is not frame:
        found["minlen"] = 2  # past the row of the parameters
    if link.kind == "parameter" and link.head.kind == "update":
        found["weight"] = 6
    attributes = f" [{_attributes(found)}]" if found else ""
    return f"  {tail} -> {head}{attributes}\n"


def _frame(frame: Frame, theme: Theme) -> str:
    repeated = frame.repeated > 1
    paint = theme.repeated if repeated else theme.frame
    title = f"<B>{text.markup(frame.title)}</B>"
    if repeated:
        title += f'&#160; <FONT COLOR="{theme.write}"><B>×{frame.repeated}</B></FONT>'
    if frame.elements:
        each = " each" if repeated else ""
        note = f"{text.count(frame.elements)} params{each}"
        title += f'&#160; <FONT POINT-SIZE="10" COLOR="{theme.quiet}">{note}</FONT>'
    found = {
        "label": _Html(title),
        "labeljust": "l",
        "style": "rounded,filled,dashed" if repeated else "rounded,filled",
        "color": theme.kinds["backward"].line if frame.backward else paint.line,
        "fillcolor": paint.fill,
        "fontcolor": paint.text,
        "fontsize": 12,
        "margin": 12,
        "penwidth": 1.4 if repeated else 1,
    }
    return "; ".join(f"{k}={_value(v)}" for k, v in found.items())


def _title(drawn: Scene, theme: Theme) -> _Html:
    heading = text.markup(drawn.title, 80)
    facts = text.markup(" · ".join(drawn.facts), 160)
    return _Html(
        '<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="1">'
        f'<TR><TD ALIGN="LEFT"><FONT POINT-SIZE="17" COLOR="{theme.ink}"><B>{heading}</B></FONT>'
        f'</TD></TR><TR><TD ALIGN="LEFT"><FONT POINT-SIZE="10.5" COLOR="{theme.quiet}">{facts}'
        '</FONT></TD></TR><TR><TD HEIGHT="6"></TD></TR></TABLE>'
    )


def _legend(drawn: Scene, theme: Theme) -> _Html:
    """Explain the kinds that there are, and no others."""
    present = {box.kind for box in drawn.boxes}
    present |= {chip.kind for box in drawn.boxes for chip in box.chips}
    cells = []
    named: set[str] = set()
    for kind, name in KINDS.items():
        if kind in present and name not in named:
            named.add(name)
            cells.append(_swatch(name, theme.kinds[kind]))
    rows = [cells[i : i + 12] for i in range(0, len(cells), 12)]
    table = "".join(
        '<TR><TD ALIGN="LEFT"><TABLE BORDER="0" CELLSPACING="5" CELLPADDING="0">'
        f"<TR>{''.join(row)}</TR></TABLE></TD></TR>"
        for row in rows
    )
    arrows = [
        f'<FONT COLOR="{colour}"><B>{arrow}</B></FONT> {meaning}'
        for kind, colour, arrow, meaning in (
            ("write", theme.write, "- - &gt;", "writes in place"),
            ("round", theme.kinds["state"].line, "- - &gt;", "is the state of the next step"),
            ("saved", theme.kinds["gradient"].line, "· · &gt;", "kept for the gradient"),
        )
        if any(link.kind == kind for link in drawn.links)
    ]
    if arrows:
        words = "     ".join(arrows)
        table += f'<TR><TD ALIGN="LEFT"><FONT COLOR="{theme.ink}">  {words}</FONT></TD></TR>'
    return _Html(
        '<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="0"><TR><TD HEIGHT="8"></TD></TR>'
        f"{table}</TABLE>"
    )


def _swatch(name: str, paint: Paint, points: float | None = None) -> str:
    size = f' POINT-SIZE="{points}"' if points else ""
    return (
        f'<TD><TABLE BORDER="1" CELLBORDER="0" STYLE="ROUNDED" COLOR="{paint.line}" '
        f'BGCOLOR="{paint.fill}" CELLPADDING="2"><TR><TD><FONT COLOR="{paint.text}"{size}>{name}'
        "</FONT></TD></TR></TABLE></TD>"
    )


# --------------------------------------------------------------------------------------- spelling


def _identifiers(things: Iterable[T], prefix: str = "") -> dict[T, str]:
    """Give each thing an identifier: its name, unless that is taken or hard to write."""
    taken: set[str] = set()
    found = {}
    for number, thing in enumerate(things):
        name = thing.name
        if not _PLAIN_ID.fullmatch(name) or len(name) > 200:
            name = f"node#{number}"
        elif name in taken:
            name = f"{name}#{number}"
        taken.add(name)
        found[thing] = _quote(prefix + name)
    return found


def _quote(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class _Html(str):
    """The HTML of a label; what is not ours in it was escaped where it was put in."""

    __slots__ = ()


def _value(value: Any) -> str:
    if isinstance(value, _Html):
        return f"<{value}>"
    written = str(value)
    return written if _BARE.fullmatch(written) and written not in _KEYWORDS else _quote(written)


def _attributes(attributes: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_value(value)}" for name, value in attributes.items())


def _statement(what: str, attributes: Attributes) -> str:
    return f"  {what} [{_attributes(attributes)}]\n"
