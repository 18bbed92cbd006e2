"""Titles of frames, on top of the links that run over them.

Engines draw frames first, with their titles, and links over them. So a link that enters a frame at
its title struck the words through. Here the words are drawn last, each line of them on a strip of
the frame's colour.
"""

from __future__ import annotations

import html
import re
from typing import Final

from minisym.show.measure import BOLD, text_width

_FRAME: Final = re.compile(
    r'<g id="[^"]*" class="cluster">\s*<title>(?!cluster:title)[^<]*</title>.*?</g>', re.DOTALL
)
_WORDS: Final = re.compile(r"<text [^>]*>[^<]*</text>\n?")
_PLACE: Final = re.compile(r'x="([-\d.]+)" y="([-\d.]+)".*?font-size="([\d.]+)"[^>]*>([^<]*)<')
_FILL: Final = re.compile(r'<(?:path|polygon) fill="([^"]+)"')
_END: Final = "</g>\n</svg>"


def titles_on_top(svg: str) -> str:
    """Return a picture that an engine made, with the titles of its frames drawn last."""
    above: list[str] = []

    def take(found: re.Match[str]) -> str:
        fill, words = _FILL.search(found[0]), _WORDS.findall(found[0])
        if fill is None or not words:
            return found[0]
        above.append(_strip(words, fill[1]))
        above.extend(words)
        return _WORDS.sub("", found[0])

    whole = _FRAME.sub(take, svg)
    before, end, after = whole.rpartition(_END)
    return f"{before}{''.join(above)}{end}{after}" if end else svg


def _strip(words: list[str], fill: str) -> str:
    """Return the strip that a line of words stands on."""
    left, right, low, high = float("inf"), float("-inf"), 0.0, 0.0
    for text in words:
        place = _PLACE.search(text)
        if place is None:
            continue
        x, y, size = map(float, place.groups()[:3])
        wide = text_width(html.unescape(place[4]), size) * (BOLD if "bold" in text else 1)
        left, right, low, high = min(left, x), max(right, x + wide), y, max(high, size)
    if right < left:
        return ""
    size_ = f'width="{right - left + 4:.1f}" height="{1.1 * high:.1f}"'
    return f'<rect x="{left - 2:.1f}" y="{low - 0.85 * high:.1f}" {size_} fill="{fill}"/>\n'
