"""Pictures that cells drew stand in the page itself, so that they have tooltips and its colours.

An svg behind `<img>` shows no tooltips, and nobody can ask it what it is. Here its text goes into
the page: its dark colours follow the switch of the page, a screen reader says its heading, or what
the cell says of it, and a click opens it in its own size (pages.js). What is black in a figure of
Matplotlib has the colour of the page's letters. A page that has the marker gets a thumbnail of the
first picture of each of its sections. A picture that a page describes and no cell has drawn is a
warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape, unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sphinx.util import logging

from minisym.show.style import DARK

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LOG = logging.getLogger(__name__)
IMAGE = re.compile(r'<img alt="([^"]*)" src="[^"]*?_images/([^"/]+\.svg)"[^>]*/>')
DESCRIBED = re.compile(r'^ +alt: "(.*)"$', re.MULTILINE)
SECTION = re.compile(r'<section id="([^"]+)">\s*<h2>(.*?)<a ', re.DOTALL)
WIDTH = re.compile(r'<svg[^>]* width="([\d.]+(?:pt|px)?)"')
ALL = re.compile(r'<style type="text/css">\*\{([^}]*)\}</style>')
BACK = re.compile(r'<a class="viewcode-back".*?</a>', re.DOTALL)
MARKER = '<div class="thumbnails"></div>'
SYSTEM, SWITCH = "@media (prefers-color-scheme:dark){", 'html[data-theme="dark"]{'
LARGEST = 600_000
"""Bytes of what still goes into a page."""


def inline(svg: str, said: str = "") -> str:
    """Return the text of an svg as it may stand in a page, with what is said of it."""
    figure = "https://matplotlib.org/" in svg
    svg = svg[svg.index("<svg") :].replace(SYSTEM, SWITCH).replace(' role="img"', "", 1)
    style = ""
    if figure:
        svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
        svg, style = ALL.sub("", svg), ALL.findall(svg)[0]  # in a page it would hold for all of it
        svg = svg.replace("<svg", '<svg fill="currentColor"', 1).replace("#000000", "currentColor")
    if SWITCH in svg:  # the paper of a picture is that of the page
        svg = svg.replace(DARK.paper, "var(--pst-color-background)")
    if wide := WIDTH.match(svg):
        style = f"--wide: {wide[1]}; {style}"
    used = set(re.findall(r"(?<=url\(#)[^)]+|(?<=href=\"#)[^\"]+", svg))
    svg = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", svg)
    svg = re.sub(r"<title>(plot|%3|G|cluster\w*|[^<]*&#45;&gt;[^<]*)</title>", "", svg)
    said = escape(said or heading(svg))
    return svg.replace("<svg", f'<svg role="img" aria-label="{said}" style="{style}"', 1)


def heading(svg: str) -> str:
    """Return the first line of text in a picture, or the first two."""
    words = [unescape(text) for text in re.findall(r"<text[^>]*>([^<]+)</text>", svg)[:2]]
    if len(words) == 2 and "·" not in words[1]:
        words.pop()
    return ": ".join(words) or "A picture"


def undrawn(source: str, body: str) -> list[str]:
    """Return which pictures a page describes in its source, and does not show."""
    shown = unescape(body)
    return [words for words in DESCRIBED.findall(source) if words not in shown]


def thumbnails(body: str) -> Iterator[str]:
    """Yield a link to each section that has a picture, with the picture."""
    found = list(SECTION.finditer(body))
    ends = [start.start() for start in found[1:]] + [len(body)]
    for start, end in zip(found, ends, strict=True):
        if image := IMAGE.search(body, start.start(), end):
            source = re.search(r'src="([^"]*)"', image[0])
            title = re.sub(r"<.*?>", "", start[2]).strip()
            yield (
                f'<a href="#{start[1]}"><img alt="" loading="lazy" src="{source and source[1]}"/>'
                f"<span>{title}</span></a>"
            )


def into_page(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Put the pictures of a page into it."""
    if "body" not in context:
        return
    if page.startswith("_modules/"):  # its links back name objects by where they are, not shown
        context["body"] = BACK.sub("", context["body"])
    files = {name: source for source, name in app.builder.images.items()}

    def picture(found: re.Match[str]) -> str:
        path = Path(app.srcdir) / files.get(found[2], "?")
        if not path.exists() or path.stat().st_size > LARGEST:
            return found[0]
        said = "" if found[1].endswith(".svg") else unescape(found[1])  # else it is but its path
        return f'<div class="picture">{inline(path.read_text(encoding="utf-8"), said)}</div>'

    body = context["body"]
    if MARKER in body:
        shown = "".join(thumbnails(body))
        body = body.replace(MARKER, f'<nav class="thumbnails" aria-label="Pictures">{shown}</nav>')
    head, *rest = re.split(r'(<nav class="thumbnails".*?</nav>)', body, maxsplit=1)
    if rest:  # thumbnails stay files
        context["body"] = IMAGE.sub(picture, head) + rest[0] + IMAGE.sub(picture, rest[1])
    else:
        context["body"] = IMAGE.sub(picture, head)
    source = Path(app.srcdir) / f"{page}.md"
    if source.exists():
        for words in undrawn(source.read_text(encoding="utf-8"), context["body"]):
            LOG.warning("no cell drew this picture: %s", words, location=page)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("html-page-context", into_page)
    return {"parallel_read_safe": True}
