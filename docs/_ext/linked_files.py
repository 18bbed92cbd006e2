"""Links to source files lead to pages that show them, and not to downloads.

The code is a textbook, so a chapter names the files that do what it explains. Sphinx copies what a
page links to, and a browser saves the copy. Here such a link leads to the page that viewcode has
made of a module, or to one like it: of a module without documented names, or of an example.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DOWNLOAD = re.compile(
    r'<a class="reference download internal" download="" href="[^"]*?_downloads/([^"]*\.py)">'
)
Linked = dict[str, tuple[str, Path]]
"""Where a copy of a file lies -> the name of the page that shows it, and the file."""


def linked(app: Sphinx) -> Linked:
    """Return the source files that pages link to."""
    root = Path(app.srcdir).parent
    found: Linked = {}
    for name, (_, copy) in app.env.dlfiles.items():
        path = (Path(app.srcdir) / name).resolve()
        if path.suffix == ".py" and path.is_relative_to(root):
            found[Path(copy).as_posix()] = (
                f"_modules/{path.relative_to(root).with_suffix('').as_posix()}",
                path,
            )
    return found


def shown(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield a page for each linked file of which viewcode makes none."""
    known = getattr(app.env, "_viewcode_modules", {})
    for name, path in linked(app).values():
        module = name.removeprefix("_modules/").replace("/", ".")
        if not known.get(module):
            code = app.builder.highlighter.highlight_block(
                path.read_text(encoding="utf-8"), "python"
            )
            body = f"<h1>Source code for {escape(module)}</h1>{code}"
            yield name, {"parents": [], "title": module, "body": body}, "page.html"


def to_pages(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Let the links of a page to source files lead to pages."""
    if "body" not in context or "_downloads/" not in context["body"]:
        return
    pages = {copy: name for copy, (name, _) in linked(app).items()}

    def link(found: re.Match[str]) -> str:
        if found[1] not in pages:
            return found[0]
        return f'<a class="reference internal" href="{context["pathto"](pages[found[1]])}">'

    context["body"] = DOWNLOAD.sub(link, context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("html-collect-pages", shown)
    app.connect("html-page-context", to_pages)
    return {"parallel_read_safe": True}
