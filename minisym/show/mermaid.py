"""Pictures in Mermaid's language: what GitHub, GitLab and JupyterLab draw without any engine.

>>> from minisym import sym
>>> print(mermaid(sym.signsgd_update(sym.Variable("w"), sym.Variable("g"), lr=0.1, name="step")))
flowchart TD
  n0[("<b>w</b>")]:::parameter
  n1(["<b>g</b>"]):::gradient
  n2["<b>signsgd_update</b><br/>step · lr=0.1"]:::update
  n0 --> n2
  n1 --> n2
  n2 -. writes .-> n0
  classDef parameter fill:#FFF7E6,stroke:#CC6F05,color:#78350F
  classDef gradient fill:#FFFFFF,stroke:#DB2777,color:#9D174D,stroke-dasharray:4 3
  classDef update fill:#6D28D9,stroke:#4C1D95,color:#FFFFFF
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from minisym.core.errors import MinisymError
from minisym.core.symbol import Symbol
from minisym.show import text
from minisym.show.known import Known, learn
from minisym.show.parts import Box, Frame, Link, Scene
from minisym.show.scene import scene
from minisym.show.style import PILLS, STORES, Theme, theme_named

MOST_EDGES: Final = 500
MOST_CHARACTERS: Final = 50_000
"""Mermaid's own limits: beyond them it shows an error instead of a picture."""


class TooLargeError(MinisymError, ValueError):
    """Mermaid would refuse the picture."""


def mermaid(
    symbol: Symbol,
    shape: Mapping[str, Any] | None = None,
    dtype: Mapping[str, Any] | None = None,
    *,
    hide_weights: bool = True,
    theme: str = "light",
    collapse: str | bool | None = None,
) -> str:
    """Return a symbol's graph as a Mermaid flowchart.

    The arguments are those of `plot_network`. Where the picture would exceed Mermaid's limits (500
    edges, 50,000 characters), more and more is collapsed.

    Raises
    ------
    TooLargeError
        Even folded as far as can be it is too large: it has too many outputs, say.

    Examples
    --------
    >>> from minisym import sym
    >>> print(mermaid(sym.tanh(sym.Variable("x"), name="t")))
    flowchart TD
      n0(["<b>x</b>"]):::input
      n1["<b>tanh</b><br/>t"]:::activation
      n2(["<b>t_output</b>"]):::output
      n0 --> n1
      n1 --> n2
      classDef input fill:#F1F5F9,stroke:#64748B,color:#0F172A
      classDef activation fill:#B45353,stroke:#7F1D1D,color:#FFFFFF
      classDef output fill:#ECFDF5,stroke:#059669,color:#065F46
    """
    known = learn(symbol.graph, shape, dtype)
    paint = theme_named(theme)
    tried: list[str | bool | None] = [collapse, "backward", "repeat", "scope", "stretch"]
    if collapse is None:
        tried = [None, "stretch"]  # it has been folded already
    edges = size = 0
    for mode in tried[tried.index(collapse, 1) if collapse in tried[1:] else 0 :]:
        drawn = _scene(symbol, known, hide_weights=hide_weights, collapse=mode)
        edges = len(drawn.links)
        if edges > MOST_EDGES:
            continue
        written = "\n".join(_lines(drawn, paint))
        size = len(written)
        if size <= MOST_CHARACTERS:
            return written
    found = f"{edges:,} edges" if edges > MOST_EDGES else f"{size:,} characters"
    message = f"Mermaid draws 500 edges and 50,000 characters at most, but this graph has {found}"
    raise TooLargeError(message, hint="plot_network has no such limit")


def _scene(
    symbol: Symbol, known: Known, *, hide_weights: bool, collapse: str | bool | None
) -> Scene:
    return scene(symbol.graph, known, hide_weights=hide_weights, collapse=collapse)


def _lines(drawn: Scene, theme: Theme) -> Iterator[str]:
    ids = {box: f"n{number}" for number, box in enumerate(drawn.boxes)}
    inside: defaultdict[Frame | None, list[Box]] = defaultdict(list)
    for box in drawn.boxes:
        inside[box.frame].append(box)
    inner: defaultdict[Frame | None, list[Frame]] = defaultdict(list)
    for frame in drawn.frames:
        inner[frame.outer].append(frame)
    numbers = {frame: number for number, frame in enumerate(drawn.frames)}

    def content(frame: Frame | None, indent: str) -> Iterator[str]:
        for child in inner[frame]:
            repeated = f" ×{child.repeated}" if child.repeated > 1 else ""
            yield f'{indent}subgraph s{numbers[child]}["{_escape(child.title)}{repeated}"]'
            yield from content(child, indent + "  ")
            yield f"{indent}end"
        for box in inside[frame]:
            yield f"{indent}{ids[box]}{_shape(box)}:::{box.kind}"

    yield "flowchart TD"
    yield from content(None, "  ")
    for link in drawn.links:
        yield "  " + _link(link, ids)
    for kind in dict.fromkeys(box.kind for box in drawn.boxes):
        paint = theme.kinds[kind]
        dashed = ",stroke-dasharray:4 3" if kind in ("gradient", "opaque") else ""
        style = f"fill:{paint.fill},stroke:{paint.line},color:{paint.text}{dashed}"
        yield f"  classDef {kind} {style}"


def _shape(box: Box) -> str:
    repeated = f" ×{box.repeated}" if box.repeated > 1 else ""
    label = f"<b>{_escape(box.title)}{repeated}</b>"
    if box.detail:
        label += f"<br/>{_escape(box.detail)}"
    if box.chips:
        label += f"<br/>{_escape(' · '.join(chip.title for chip in box.chips))}"
    if box.kind in STORES:
        return f'[("{label}")]'
    if box.kind in PILLS:
        return f'(["{label}"])'
    return f'(("{label}"))' if box.small else f'["{label}"]'


def _link(link: Link, ids: Mapping[Box, str]) -> str:
    tail, head = ids[link.tail], ids[link.head]
    if link.kind == "write":
        return f"{head} -. writes .-> {tail}"
    if link.kind == "round":
        return f"{head} -. next step .-> {tail}"
    if link.kind == "saved":
        return f"{tail} -.-> {head}"
    label = f'|"{_escape(link.label)}"|' if link.label else ""
    return f"{tail} -->{label} {head}"


def _escape(value: str) -> str:
    """Write every character that Mermaid or HTML could take for its own as a number."""
    return re.sub(r"[^\w .,:=+×÷−∂·…()/-]", lambda c: f"#{ord(c.group())};", text.plain(value, 72))
