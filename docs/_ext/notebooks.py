"""Each chapter of the course as a notebook, written before the build; `{download}` links to it.

MyST-NB reads a page as cells; what remains is its text, which Jupyter reads as plain Markdown.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from myst_nb.core.read import read_myst_markdown_notebook

if TYPE_CHECKING:
    from sphinx.application import Sphinx

CHAPTERS = "how-it-works"
BEFORE = """\
*A chapter of minisym's course. Its kernel needs minisym, and Matplotlib and a layout engine for the
pictures: `pip install '.[examples]'` in a checkout of minisym brings all three.*
"""

DOWNLOAD = re.compile(r"^\{download\}`[^`]*`.*\n?", re.MULTILINE)
ELSEWHERE = re.compile(r"\[([^\]]+)\]\((?!https?:)[^)]+\)")


def notebook_of(page: str) -> Any:
    """Return a page as a notebook that stands alone: no link leads to a file beside it."""
    notebook = read_myst_markdown_notebook(page)
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    )
    for cell in notebook.cells:
        folded = "hide-cell" in cell.metadata.get("tags", ())
        cell.metadata = nbformat.from_dict({})
        if cell.cell_type == "markdown":
            cell.source = ELSEWHERE.sub(r"\1", DOWNLOAD.sub("", cell.source)).strip()
        elif folded:  # in words of JupyterLab
            cell.metadata["jupyter"] = {"source_hidden": True, "outputs_hidden": True}
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell(BEFORE))
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"  # the same at each build
    nbformat.validate(notebook)
    return notebook


def write_notebooks(app: Sphinx) -> None:
    """Write the notebooks of all chapters where the pages expect them."""
    folder = Path(app.srcdir) / "_generated"
    folder.mkdir(exist_ok=True)
    for page in sorted((Path(app.srcdir) / CHAPTERS).glob("*.md")):
        text = page.read_text(encoding="utf-8")
        if "{code-cell}" in text:
            nbformat.write(notebook_of(text), folder / f"{page.stem}.ipynb")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("builder-inited", write_notebooks)
    return {"parallel_read_safe": True}
