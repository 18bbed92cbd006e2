"""One svg for light and for dark paper: a style sheet that swaps the theme's colours.

Graphviz writes colours into the elements. The style sheet finds them there again, and where the
reader's system is dark, puts those of the dark theme in their place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from minisym.show.style import DARK, DIFFERENCES, KINDS, LIGHT, Paint

_CLASS: Final = "minisym-adaptive"
_SVG: Final = re.compile(r"<svg\b([^>]*)>")
_OTHER_SPELLINGS: Final = {"#FFFFFF": "white"}
"""Graphviz itself writes names where there is one."""


def adaptive(svg: str) -> str:
    """Return a picture in the light theme that turns dark with the reader's system.

    >>> adaptive('<svg width="9pt"><path fill="#FFFFFF"/></svg>').splitlines()[0]
    '<svg class="minisym-adaptive" width="9pt">'
    """
    style = f'<svg class="{_CLASS}"\\1>\n<style>{_sheet()}</style>'
    return _SVG.sub(style, svg, count=1)


def _sheet() -> str:
    """Write the style sheet; `i`: however the engine writes its hexadecimal digits."""
    rules = [
        *_rules(":not(text)", "fill", {a.fill: b.fill for a, b in _paints()}),
        *_rules("", "stroke", {a.fill: b.fill for a, b in _paints()}),
        *_rules("", "stroke", {a.line: b.line for a, b in _paints()} | dict(_LINES)),
        *_rules("text", "fill", {a.text: b.text for a, b in _paints()} | dict(_TEXTS)),
        *_rules(":not(text)", "fill", {LIGHT.paper: DARK.paper}),
    ]
    for light, dark in _LINES.items():  # the head of an arrow
        rules.append(
            f'.{_CLASS} [fill="{light}" i][stroke="{light}" i]{{fill:{dark};stroke:{dark}}}'
        )
    return "@media (prefers-color-scheme:dark){\n" + "\n".join(rules) + "\n}"


def _paints() -> Iterator[tuple[Paint, Paint]]:
    yield LIGHT.frame, DARK.frame
    yield LIGHT.repeated, DARK.repeated
    for kind in KINDS:
        yield LIGHT.kinds[kind], DARK.kinds[kind]
    yield from DIFFERENCES.values()


_ARROWS: Final = ("parameter", "state", "gradient")
"""Kinds whose links have the colour of their line."""
_LINES: Final[Mapping[str, str]] = {
    LIGHT.edge: DARK.edge,
    LIGHT.write: DARK.write,
    **{LIGHT.kinds[kind].line: DARK.kinds[kind].line for kind in _ARROWS},
    **{light.line: dark.line for light, dark in DIFFERENCES.values()},
}
_TEXTS: Final[Mapping[str, str]] = {
    LIGHT.ink: DARK.ink,
    LIGHT.quiet: DARK.quiet,
    LIGHT.write: DARK.write,
    **{LIGHT.kinds[kind].line: DARK.kinds[kind].line for kind in ("state", "gradient")},  # signs
}


def _rules(element: str, attribute: str, colours: Mapping[str, str]) -> Iterator[str]:
    for light, dark in colours.items():
        spellings = [light, *filter(None, [_OTHER_SPELLINGS.get(light)])]
        if light != dark:
            found = ",".join(f'.{_CLASS} {element}[{attribute}="{s}" i]' for s in spellings)
            yield f"{found}{{{attribute}:{dark}}}"
