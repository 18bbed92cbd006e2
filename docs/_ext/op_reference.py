"""The op reference: an index in ops.md, and a page of its own for each op, made from the registry.

Each family (a module of `minisym.ops`) is a section of the index, each op that a user may call a
page in docs/ops, which this writes before Sphinx looks for pages. Ops whose names begin with an
underscore are listed in one table at the end: operators, gradients and rewrites are made of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import op_page
from api_pages import write
from op_page import called, cell, names_of

from minisym.core import op as registry
from minisym.core.functions import WRITTEN_HERE
from minisym.core.op import Op

if TYPE_CHECKING:
    from sphinx.application import Sphinx

MARKER = "<!-- op reference -->"

TITLES = {
    "optimizer": "Updates",
    "arithmetic": "Arithmetic of arrays of one shape",
    "scalars": "Arithmetic of an array and a number",
    "broadcast": "Arithmetic that stretches shapes",
    "comparison": "Comparisons and logic",
    "elemwise": "Elementwise functions",
    "trigonometry": "Trigonometric and hyperbolic functions",
    "special": "Special functions",
    "basic": "Copies, constants and choices",
    "casting": "Element types",
    "reduce": "Reductions",
    "statistics": "Extremes, running sums and moments",
    "sorting": "Sorting and searching",
    "layout": "New shapes for the same elements",
    "axes": "Another order of the axes",
    "slices": "Slices",
    "pieces": "Putting together and taking apart",
    "stretch": "Stretching and repeating",
    "margins": "Cropping and padding",
    "indexing": "Indexing",
    "scatter": "Scattering",
    "counting": "Histograms",
    "control": "Loops and branches",
    "linalg": "Products of matrices",
    "matrices": "Linear algebra",
    "factors": "Factors of matrices",
    "triangles": "Triangles and diagonals",
    "nn": "Layers",
    "conv": "Convolutions",
    "correlate": "Correlations",
    "pooling": "Pooling",
    "activation": "Activations",
    "softmax": "Softmax",
    "norm": "Normalization",
    "batch_norm": "Batch normalization",
    "response": "Local responses",
    "channels": "Layers over channels",
    "loss": "Loss heads",
    "cross_entropy": "Cross-entropy",
    "ctc": "Connectionist temporal classification",
    "sync_norm": "Batch normalization, as `contrib` has it",
    "sequence": "Sequences of any length",
    "rnn": "Recurrent layers",
    "attention": "Attention",
    "image": "Images",
    "sampling": "Sampling between pixels",
    "upsampling": "Enlarging",
    "patches": "Patches",
    "regions": "Regions",
    "resize": "Resizing",
    "deformable": "Deformable convolutions",
    "boxes": "Boxes",
    "suppression": "Choosing among boxes",
    "multibox": "Detection with anchors",
    "proposal": "Proposals of regions",
    "roi_align": "Pooling of regions, between pixels",
    "psroi": "Pooling of regions, part by part",
    "hawkes": "Hawkes processes",
    "quantize": "Quantization",
    "quantized": "Layers on bytes",
    "calibrate": "Calibration of a quantization",
    "contrib": "Small ops of `contrib`",
    "custom": "Ops of your own",
    "sources": "Arrays out of nothing",
    "random": "Random numbers",
    "densities": "Densities of random numbers",
}
"""The sections in their order; a family that has no title here comes behind them."""


CHAPTERS = {
    "ctc": "loss",
    "cross_entropy": "loss",
    "operator": "custom",
    "add_n": "arithmetic",
    "clip": "elemwise",
    "smooth_l1": "elemwise",
    "hard_sigmoid": "activation",
    "_shuffle": "random",
}
"""Modules whose ops stand in the section of another one, and such ops."""

PLAIN = {
    "arithmetic": ("maximum", "minimum", "power", "pow", "hypot"),
    "sources": ("zeros", "ones", "full", "arange", "linspace", "eye"),
    "counting": ("histogram",),
    "pieces": ("split_v2",),
    "control": ("contrib.foreach", "contrib.while_loop", "contrib.cond"),
}
"""Functions that choose an op, or build one, in the sections where one would look for them."""

Entry = tuple[str, str]
"""The name of a page, and what it is about, in a line."""


class Reference:
    """All pages, and the index of them."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.families: defaultdict[str, list[Entry]] = defaultdict(list)
        self.internal: list[Op] = []
        for op in dict.fromkeys(registry.registered().values()):
            if names_of(op):
                self._add(_chapter(op), called(op), op.doc, op_page.page(op))
            else:
                self.internal.append(op)
        for family, functions in PLAIN.items():
            for name in functions:
                function = op_page.function(name)
                self._add(family, name, function.__doc__ or "", op_page.plain(name))
        missing = WRITTEN_HERE.keys() - self.pages.keys()
        if missing:
            raise ValueError(f"the reference has no section for {sorted(missing)}: see PLAIN")

    def _add(self, family: str, name: str, doc: str, page: str) -> None:
        self.families[family].append((name, doc.split("\n\n", maxsplit=1)[0]))
        self.pages[name] = page

    def sections(self) -> Iterator[tuple[str, list[Entry]]]:
        """Yield the titles of the families, in their order, with their entries."""
        for family in [*(f for f in TITLES if f in self.families), *self.families.keys() - TITLES]:
            title = TITLES.get(family, family.replace("_", " ").capitalize())
            yield title, sorted(self.families[family], key=lambda entry: entry[0].lower())

    def index(self) -> str:
        """List all of them, in Markdown."""
        lines = [f"{len(self.pages)} functions in {len(self.families)} families.", ""]
        for title, entries in self.sections():
            lines += [f"## {title}", "", "| | |", "|---|---|"]
            lines += [f"| [{name}](ops/{name}.md) | {cell(text)} |" for name, text in entries]
            lines.append("")
        lines += ["## Behind the scenes", "", *_table_of_internal(self.internal), ""]
        lines += ["```{toctree}", ":hidden:", ""]
        lines += [f"ops/{name}" for _, entries in self.sections() for name, _ in entries]
        return "\n".join([*lines, "```"])


def _chapter(op: Op) -> str:
    """Return the section of an op: mostly that of the module which declares it."""
    module = op.module.removeprefix("minisym.").removeprefix("ops.")
    usual = "optimizer" if module.startswith("updates") else CHAPTERS.get(module, module)
    return CHAPTERS.get(op.name, usual)


def _table_of_internal(ops: list[Op]) -> Iterator[str]:
    yield "Python's operators, gradients and rewrites are made of these; files name them, too."
    yield ""
    yield "| op | what it does |"
    yield "|---|---|"
    for op in sorted(ops, key=lambda op: op.name.lower()):
        yield f"| `{op.name}` | {cell(op.doc.split(chr(10) * 2)[0])} |"


# ----------------------------------------------------------------------------------- for Sphinx


def write_pages(app: Sphinx) -> None:
    """Write the pages before Sphinx looks for them."""
    app.op_reference = Reference()  # type: ignore[attr-defined]
    write(Path(app.srcdir) / "ops", app.op_reference.pages)  # type: ignore[attr-defined]


def fill(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the index where ops.md has the marker."""
    if docname == "ops":
        source[0] = source[0].replace(MARKER, app.op_reference.index())  # type: ignore[attr-defined]


def beside(app: Sphinx, pagename: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Tell the sidebar of an op's page which ops are of its family."""
    folder, _, name = pagename.partition("/")
    if folder == "ops" and name:
        for title, entries in app.op_reference.sections():  # type: ignore[attr-defined]
            if name in dict(entries):
                context["index"], context["index_title"] = "ops", "Ops"
                context["family"] = title
                context["siblings"] = [(f"ops/{n}", n) for n, _ in entries]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("builder-inited", write_pages)
    app.connect("source-read", fill)
    app.connect("html-page-context", beside)
    return {"parallel_read_safe": True}
