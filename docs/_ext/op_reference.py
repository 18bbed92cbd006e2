"""The op reference: replaces the marker in ops.md by Markdown made from the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

MARKER = "<!-- op reference -->"


def op_reference() -> str:
    """Describe every registered op, in Markdown."""
    return "*The reference of the ops comes here.*"


def fill(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the reference where ops.md has the marker."""
    if docname == "ops":
        source[0] = source[0].replace(MARKER, op_reference())


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True}
