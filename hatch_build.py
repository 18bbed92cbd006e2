"""What a package index shows of README: there, links into the checkout lead nowhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_PICTURE = re.compile(r"!\[([^\]]*)\]\((?!https?://)([^)\s]+)\)")
_LINK = re.compile(r"\[([^\]]*)\]\((?!https?://|#)([^)\s]+)\)")


class Readme(MetadataHookInterface):  # type: ignore[misc]
    """Give the package README's text as its description."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add what is `dynamic` in pyproject.toml."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": for_index(text)}


def for_index(text: str) -> str:
    """Name the files that a text links to, in place of the links.

    >>> for_index("Read [the design](docs/design.md) and [NumPy](https://numpy.org).")
    'Read the design (`docs/design.md`) and [NumPy](https://numpy.org).'
    >>> for_index("[![a run](docs/run.png)](docs/runs.md#one)")
    'a run (`docs/run.png`) (`docs/runs.md#one`)'
    """
    return _LINK.sub(r"\1 (`\2`)", _PICTURE.sub(r"\1 (`\2`)", text))
