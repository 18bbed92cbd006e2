"""A page of its own for each class in api.md: there stay a link and a line.

The directives in api.md say what is public, and how it is shown. Functions stay where they are.
A module of which all members are shown is the list of them. Ops that are methods have their pages
in the reference, and a class links to these.
"""

from __future__ import annotations

import inspect
import re
from abc import ABC
from collections.abc import Iterator
from dataclasses import dataclass, field, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import op_page
from docstrings import MATH

from minisym import MinisymError, NDArray, Symbol, op
from minisym.nd.methods import OF_OPS
from minisym.symbol.methods import FLUENT

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DIRECTIVE = re.compile(r"^\.\. (auto\w+):: ([\w.]+)(\(\))?\n((?:   .*\n)*)", re.MULTILINE)
BLOCK = re.compile(r"^```\{eval-rst\}\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass
class Section:
    """A section of api.md: its title, and the classes in it."""

    title: str
    classes: dict[str, str] = field(default_factory=dict)
    """Full name -> what it is, in a line."""


class Pages:
    """What api.md becomes: itself with links, and the pages."""

    def __init__(self, text: str) -> None:
        self.sections: list[Section] = []
        self._directives: dict[type, tuple[str, str, str, str]] = {}
        parts = re.split(r"^## (.*)\n", text, flags=re.MULTILINE)
        done = [parts[0]]
        for title, part in zip(parts[1::2], parts[2::2], strict=True):
            self.sections.append(Section(title))
            done.append(f"## {title}\n" + BLOCK.sub(self._block, part))
        self.pages = {said[0]: self._page(thing, *said) for thing, said in self._directives.items()}
        hidden = "\n".join(f"api/{name}" for name in self.pages)
        self.index = "".join(done) + f"\n```{{toctree}}\n:hidden:\n\n{hidden}\n```\n"

    def _block(self, found: re.Match[str]) -> str:
        inside = DIRECTIVE.sub(self._directive, found[1])
        return f"```{{eval-rst}}\n{inside}```"

    def _directive(self, found: re.Match[str]) -> str:
        kind, name, hides, options = found[1], found[2], found[3] or "", found[4]
        if kind == "automodule" and ":no-members:" not in options:
            members = "".join(
                self._member(name, options, thing) for thing in _public(name, options)
            )
            return f".. automodule:: {name}\n   :no-members:\n\n{members}"
        if kind in ("autoclass", "autoexception"):
            return self._link(name, hides, options)
        return found[0]

    def _member(self, module: str, options: str, thing: Any) -> str:
        full = f"{module}.{thing.__name__}"
        if not inspect.isclass(thing):
            return f".. autofunction:: {full}\n\n"
        kept = "".join(line + "\n" for line in options.splitlines() if "exclude" not in line)
        return self._link(full, "", kept)

    def _link(self, name: str, hides: str, options: str) -> str:
        module, _, last = name.rpartition(".")
        thing = getattr(import_module(module), last)
        line = (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ")
        about = MATH.sub(lambda found: f":math:`{found[1]}`", line)
        self.sections[-1].classes[name] = about
        kind = "autoexception" if issubclass(thing, BaseException) else "autoclass"
        self._directives[thing] = (name, kind, hides, options)
        return f"\n* :doc:`{last} <api/{name}>`: {about}\n\n"

    def _page(self, thing: type, name: str, kind: str, hides: str, options: str) -> str:
        if issubclass(thing, MinisymError) and thing is not MinisymError:
            hides = "()"  # it is made as that one is, and by no user
        if self.bases(thing):
            options += "   :show-inheritance:\n"
        if is_dataclass(thing) and "s\n-----" not in (inspect.getdoc(thing) or ""):
            options += "   :undoc-members:\n"  # name and type of a field may say all
        if thing is NDArray:
            options += f"   :exclude-members: {', '.join([*OF_OPS, *_numpys()])}\n"
        title = name.rpartition(".")[2]
        return f"# {title}\n\n```{{eval-rst}}\n.. {kind}:: {name}{hides}\n{options}```\n" + "".join(
            f"\n{paragraph}\n" for paragraph in _linked_methods(thing)
        )

    def bases(self, thing: type) -> list[Any]:
        """Return the bases that a reader may know: those of others, and those with a page."""
        found: list[Any] = []
        for base in getattr(thing, "__orig_bases__", thing.__bases__):
            if base in self._directives or not base.__module__.startswith("minisym"):
                found.append(base)
            else:
                found += self.bases(base)
        return [base for base in dict.fromkeys(found) if base not in {object, ABC}]


def _public(module: str, options: str) -> Iterator[Any]:
    """Yield what a module offers, in the order of its source."""
    excluded = re.findall(r"\w+", options.partition("exclude-members:")[2])
    held = vars(import_module(module))
    seen: list[Any] = []
    for name in held.get("__all__", list(held)):
        thing = held[name]
        if name.startswith("_") or name in excluded or thing in seen:
            continue
        seen.append(thing)
        mine = "__all__" in held or getattr(thing, "__module__", "") == module
        if mine and (inspect.isclass(thing) or inspect.isfunction(thing)):
            yield thing


def _numpys() -> Iterator[str]:
    """Yield the methods of an NDArray that are NumPy's."""
    for name, method in vars(NDArray).items():
        if (getattr(method, "__doc__", None) or "").startswith("Do as NumPy's method"):
            yield name


def _linked_methods(thing: type) -> Iterator[str]:
    """Yield what a page says of methods that are described elsewhere."""
    if thing in {Symbol, NDArray}:
        names = sorted(FLUENT if thing is Symbol else OF_OPS)
        links = ", ".join(f"[{name}](../ops/{_page_of(name)}.md)" for name in names)
        yield "## Ops as methods"
        yield f"With the {thing.__name__} as their first input, `x.sum(axis=1)`: {links}."
    if thing is NDArray:
        yield "## NumPy's methods"
        yield "They return plain arrays and numbers, as NumPy's own arrays do: "
        yield ", ".join(f"`{name}`" for name in sorted(_numpys())) + "."


def _page_of(method: str) -> str:
    found = op.find("cast" if method == "astype" else method)
    return op_page.called(found) if found else method  # a function that chooses an op


# ----------------------------------------------------------------------------------- for Sphinx


def write_pages(app: Sphinx) -> None:
    """Write the pages before Sphinx looks for them."""
    text = (Path(app.srcdir) / "api.md").read_text(encoding="utf-8")
    app.api_pages = Pages(text)  # type: ignore[attr-defined]
    write(Path(app.srcdir) / "api", app.api_pages.pages)  # type: ignore[attr-defined]


def write(folder: Path, pages: dict[str, str]) -> None:
    """Write pages; leave those alone that are right, so that Sphinx need not read them again."""
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.md"):
        if path.name.removesuffix(".md") not in pages:
            path.unlink()
    for name, text in pages.items():
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def fill(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the index where api.md has all in one."""
    if docname == "api":
        source[0] = app.api_pages.index  # type: ignore[attr-defined]


def tell_bases(app: Sphinx, name: str, obj: Any, options: Any, bases: list[Any]) -> None:
    """Leave those bases out that are nobody's business."""
    bases[:] = app.api_pages.bases(obj)  # type: ignore[attr-defined]


def beside(app: Sphinx, pagename: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Tell the sidebar of a class which others are of its section."""
    folder, _, name = pagename.partition("/")
    if folder == "api" and name:
        for section in app.api_pages.sections:  # type: ignore[attr-defined]
            if name in section.classes:
                context["index"], context["index_title"] = "api", "API"
                context["family"] = section.title
                context["siblings"] = [(f"api/{n}", n.rpartition(".")[2]) for n in section.classes]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("builder-inited", write_pages)
    app.connect("source-read", fill)
    app.connect("autodoc-process-bases", tell_bases)
    app.connect("html-page-context", beside)
    return {"parallel_read_safe": True}
