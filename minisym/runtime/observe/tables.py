"""Tables as a notebook shows them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def html_table(rows: Sequence[Sequence[str]], caption: str = "", *, words: int = 1) -> str:
    """Return a table; the first row is its head, the last one its foot.

    Parameters
    ----------
    rows
        The cells.
    caption
        What stands below it.
    words
        So many columns are words, and stand on the left; the others are numbers.

    Examples
    --------
    >>> html_table([("op", "ms"), ("a<b", "2"), ("total", "2")]).count("a&lt;b")
    1
    """
    head, *body, foot = rows

    def row(cells: Sequence[str], tag: str) -> str:
        sides = ("left" if i < words else "right" for i in range(len(cells)))
        inside = "".join(
            f'<{tag} style="text-align:{side};padding:2px 10px">{escape(cell)}</{tag}>'
            for cell, side in zip(cells, sides, strict=True)
        )
        return f"<tr>{inside}</tr>"

    side = "caption-side:bottom;text-align:left;padding:2px 10px"
    below = f'<caption style="{side}">{escape(caption)}</caption>' if caption else ""
    lines = "".join(row(cells, "td") for cells in body)
    return (
        f"<table>{below}<thead>{row(head, 'th')}</thead><tbody>{lines}</tbody>"
        f"<tfoot>{row(foot, 'th')}</tfoot></table>"
    )
