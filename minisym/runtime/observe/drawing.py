"""Drawings: rectangles, curves and words, as an svg that every viewer shows, as png and as pdf.

An svg is written here. Matplotlib, where it is installed, paints the same shapes into pixels, or
into a pdf whose lines and words stay lines and words.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple

from minisym.core.errors import MinisymError, ParamError
from minisym.core.files import write_atomically

Point = tuple[float, float]

FORMATS: Final = ("svg", "png", "pdf")
_FONTS: Final = "Arial, Helvetica, 'Liberation Sans', 'DejaVu Sans', sans-serif"


class Rectangle(NamedTuple):
    """A rectangle, perhaps with round corners."""

    left: float
    top: float
    width: float
    height: float
    fill: str = "none"
    line: str = "none"
    thick: float = 1.0
    radius: float = 0.0
    dashed: str = ""


class Curve(NamedTuple):
    """A line through points, or (`bent`) cubic Bézier curves: a point, then three for each."""

    points: tuple[Point, ...]
    line: str = "none"
    thick: float = 1.0
    bent: bool = False
    fill: str = "none"
    dashed: str = ""
    closed: bool = False


class Words(NamedTuple):
    """A line of text; (x, y) is on its base line."""

    x: float
    y: float
    words: str
    size: float
    colour: str
    bold: bool = False
    anchor: str = "middle"
    turned: float = 0.0
    """Degrees, clockwise, around its anchor."""
    room: float = 0.0
    """How wide it is in Arial: where another font is used it is made as wide."""


Shape = Rectangle | Curve | Words


class Group(NamedTuple):
    """Shapes that are one thing, which says more when the pointer is on it."""

    kind: str
    tip: str
    shapes: tuple[Shape, ...]


class NoPainterError(MinisymError, RuntimeError):
    """Matplotlib, which makes pixels and pdf of a drawing, is not installed."""


@dataclass(repr=False)
class Drawing:
    """All shapes on a sheet, what lies below first."""

    width: float
    height: float
    paper: str
    title: str = ""
    groups: list[Group] = field(default_factory=list)
    dark: Mapping[str, str] = field(default_factory=dict)
    """Colour -> what an svg has in its place where the reader's system is dark."""

    def add(self, *shapes: Shape, kind: str = "", tip: str = "") -> None:
        """Put shapes on top."""
        self.groups.append(Group(kind, tip, shapes))

    def svg(self) -> str:
        """Return an svg that any viewer shows: colours are attributes, and there is no script.

        A style sheet changes them where the system is dark; what reads no style sheets is light.

        >>> Drawing(9, 9, "#FFFFFF").svg().splitlines()[0][:4]
        '<svg'
        """
        wide, high = _number(self.width), _number(self.height)
        head = f'<svg width="{wide}pt" height="{high}pt" viewBox="0 0 {wide} {high}" role="img"'
        lines = [f'{head} font-family="{_FONTS}" xmlns="http://www.w3.org/2000/svg">']
        if self.title:
            lines.append(f"<title>{_escape(self.title)}</title>")
        if self.dark:
            lines[0] = lines[0].replace("<svg", '<svg class="minisym-drawing"', 1)
            lines.append(f"<style>{_sheet(self.dark)}</style>")
        sheet = Rectangle(0, 0, self.width, self.height, fill=self.paper)
        lines.append(_svg_of(sheet))
        for group in self.groups:
            inside = "".join(map(_svg_of, group.shapes))
            if group.kind or group.tip:
                tip = f"<title>{_escape(group.tip)}</title>" if group.tip else ""
                inside = f'<g class="{_escape(group.kind)}">{tip}{inside}</g>'
            lines.append(inside)
        return "\n".join([*lines, "</svg>"])

    def make(self, format: str, dpi: int = 144) -> bytes:
        """Return the drawing as svg, png or pdf.

        Raises
        ------
        NoPainterError
            It is to be png or pdf, and matplotlib is not installed.
        """
        if format == "svg":
            return self.svg().encode("utf-8")
        return _painted(self, format, dpi)

    def save(self, path: str | PathLike[str], dpi: int = 144) -> Path:
        """Write it to a file that ends in .svg, .png or .pdf; return the path.

        Parameters
        ----------
        path
            Where to write.
        dpi
            How many pixels of a png are an inch.

        Raises
        ------
        ParamError
            The path ends otherwise.
        NoPainterError
            It ends in .png or .pdf, and matplotlib is not installed.
        """
        path = Path(path)
        format = path.suffix.lower().removeprefix(".")
        if format not in FORMATS:
            message = f"a drawing is saved as an .svg, .png or .pdf file, but got {str(path)!r}"
            raise ParamError(message)
        write_atomically(path, [self.make(format, dpi)])
        return path

    def _repr_mimebundle_(self, *_: object, **__: object) -> dict[str, str]:
        """Show it in a notebook."""
        return {"image/svg+xml": self.svg(), "text/plain": repr(self)}

    def __repr__(self) -> str:
        """Say what it shows."""
        return f"<Drawing {self.title!r}, {self.width:.0f} × {self.height:.0f} points>"


def _sheet(dark: Mapping[str, str]) -> str:
    rules = "\n".join(
        f'.minisym-drawing [{where}="{colour}"]{{{where}:{other}}}'
        for colour, other in dark.items()
        for where in ("fill", "stroke")
    )
    return f"@media (prefers-color-scheme:dark){{\n{rules}\n}}"


_NOT_XML: Final = "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"


def _escape(words: str) -> str:
    """Return words as they may stand in XML, which knows no control characters."""
    return html.escape(re.sub(_NOT_XML, "\ufffd", words))


def _svg_of(shape: Shape) -> str:
    if isinstance(shape, Words):
        anchor = "" if shape.anchor == "start" else f' text-anchor="{shape.anchor}"'
        bold = ' font-weight="bold"' if shape.bold else ""
        turned = room = ""
        if shape.turned:
            around = f"{_number(shape.turned)} {_number(shape.x)} {_number(shape.y)}"
            turned = f'transform="rotate({around})" '
        if shape.room:
            room = f' textLength="{_number(shape.room)}" lengthAdjust="spacingAndGlyphs"'
        return (
            f'<text x="{_number(shape.x)}" y="{_number(shape.y)}" font-size="{_number(shape.size)}"'
            f'{bold}{anchor}{room} {turned}fill="{shape.colour}">{_escape(shape.words)}</text>'
        )
    look = f' fill="{shape.fill}"'
    if shape.line != "none":
        look += f' stroke="{shape.line}" stroke-width="{_number(shape.thick)}"'
    if shape.dashed:
        look += f' stroke-dasharray="{shape.dashed}"'
    if isinstance(shape, Rectangle):
        place = (shape.left, shape.top, shape.width, shape.height)
        names = zip(("x", "y", "width", "height"), place, strict=True)
        numbers = " ".join(f'{name}="{_number(value)}"' for name, value in names)
        round_ = f' rx="{_number(shape.radius)}"' if shape.radius else ""
        return f"<rect {numbers}{round_}{look}/>"
    return f'<path d="{_path_of(shape)}"{look}/>'


def _path_of(curve: Curve) -> str:
    first, *rest = (f"{_number(x)} {_number(y)}" for x, y in curve.points)
    return f"M{first}{'C' if curve.bent else 'L'}{' '.join(rest)}{'Z' if curve.closed else ''}"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


# --------------------------------------------------------------------------------- pixels and paper


def _painted(drawing: Drawing, format: str, dpi: int) -> bytes:
    """Paint a drawing with matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        message = f"there is no program to make a {format} of a drawing"
        raise NoPainterError(message, hint="pip install 'minisym[figures]' does it") from None
    figure = Figure(figsize=(drawing.width / 72, drawing.height / 72), facecolor=drawing.paper)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, drawing.width)
    axes.set_ylim(drawing.height, 0)
    for patch in _patches(drawing.groups):
        axes.add_artist(patch)
    made = io.BytesIO()
    import matplotlib as mpl

    with mpl.rc_context({"pdf.fonttype": 42}):  # letters stay letters that can be searched for
        about = {"CreationDate": None} if format == "pdf" else {}
        figure.savefig(made, format=format, dpi=dpi, facecolor=drawing.paper, metadata=about)
    return made.getvalue()


def _installed() -> str:
    """Return the font that is used: Arial, what is as wide, or the one that matplotlib brings."""
    from matplotlib.font_manager import fontManager

    names = set(fontManager.get_font_names())
    return next((n for n in ("Arial", "Liberation Sans", "Helvetica") if n in names), "DejaVu Sans")


def _patches(groups: Sequence[Group]) -> Iterator[Any]:
    from matplotlib.font_manager import FontProperties
    from matplotlib.patches import FancyBboxPatch, PathPatch
    from matplotlib.path import Path
    from matplotlib.text import Text
    from matplotlib.textpath import TextPath

    fonts = [
        FontProperties(family=_installed(), weight=weight, size=100)
        for weight in ("normal", "bold")
    ]
    for shape in (shape for group in groups for shape in group.shapes):
        if isinstance(shape, Words):
            side: Any = {"start": "left", "middle": "center", "end": "right"}[shape.anchor]
            font = fonts[shape.bold].copy()
            wide = TextPath((0, 0), shape.words, prop=font, usetex=False).get_extents().width / 100
            too_wide = shape.room and wide * shape.size > shape.room
            font.set_size(shape.room / wide if too_wide else shape.size)
            yield Text(
                shape.x,
                shape.y,
                shape.words,
                color=shape.colour,
                fontproperties=font,
                horizontalalignment=side,
                verticalalignment="baseline",
                rotation=-shape.turned,
                rotation_mode="anchor",
                parse_math=False,
            )
            continue
        look: dict[str, Any] = {
            "facecolor": shape.fill,
            "edgecolor": shape.line,
            "linewidth": shape.thick if shape.line != "none" else 0,
        }
        if shape.dashed:
            dashes = [float(part) / max(shape.thick, 0.5) for part in shape.dashed.split()]
            look["linestyle"] = (0, dashes)
        if isinstance(shape, Rectangle):
            style = f"round,pad=0,rounding_size={shape.radius}" if shape.radius else "square,pad=0"
            corner = (shape.left, shape.top)
            yield FancyBboxPatch(corner, shape.width, shape.height, boxstyle=style, **look)
        else:
            code = Path.CURVE4 if shape.bent else Path.LINETO
            codes = [Path.MOVETO] + [code] * (len(shape.points) - 1)
            points = list(shape.points)
            if shape.closed:
                points, codes = [*points, points[0]], [*codes, Path.CLOSEPOLY]
            yield PathPatch(Path(points, codes), **look)
