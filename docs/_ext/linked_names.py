"""Names in the prose of the API that lead to their pages: `signsgd_update`, `Symbol.bind`.

Docstrings write a name as code, which reads well in a terminal. Here it becomes a link wherever
there is no doubt what it names: a member of the class whose page it is, something with a page, or
an op whose name is no word of English.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx import addnodes
from sphinx.util.nodes import make_refnode

if TYPE_CHECKING:
    from sphinx.application import Sphinx

NAME = re.compile(r"(?:(?:ms|mx|minisym|sym|nd)\.)*([A-Za-z_]\w*(?:\.\w+)*)(?:\(\))?")
Place = tuple[str, str]
"""A page, and the place on it."""


class Names:
    """What leads where: full names, and ends of names that only one thing has."""

    def __init__(self, app: Sphinx) -> None:
        objects = app.env.domains.python_domain.objects
        self.full: dict[str, Place] = {}
        ends: defaultdict[str, set[Place]] = defaultdict(set)
        for name, entry in objects.items():
            self.full[name] = place = (entry.docname, entry.node_id)
            parts = name.removeprefix("minisym.").split(".")
            for size in range(1, len(parts) + 1):
                ends[".".join(parts[-size:])].add(place)
        self.ends = {end: places.pop() for end, places in ends.items() if len(places) == 1}
        self.ops = {d.removeprefix("ops/"): (d, "") for d in app.env.found_docs if "ops/" in d}

    def find(self, text: str, owner: str) -> Place | None:
        """Return where a name leads to that is written on the page of a class."""
        found = NAME.fullmatch(text)
        if not found:
            return None
        name, is_qualified = found[1], not text.startswith(found[1])
        foreign = not is_qualified and "." in name and name[0].islower()  # Python's random.seed
        if foreign:
            return None
        if place := self.full.get(f"{owner}.{name}") or self.full.get(f"minisym.{name}"):
            return place
        certain = is_qualified or name[0].isupper() or ("_" in name.strip("_") and "." not in name)
        if not certain:
            return None
        return self.ops.get(name) or self.ends.get(name) or self.full.get(f"minisym.Symbol.{name}")


def link(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Let the names on a page of the API be links."""
    if docname != "api" and not docname.startswith("api/"):
        return
    names = Names(app)
    for code in list(doctree.findall(nodes.literal)):
        parts = list(_around(code))
        if any(isinstance(part, nodes.reference | nodes.title) for part in parts):
            continue
        own = [part[0] for part in parts if isinstance(part, addnodes.desc)]
        parameters = {p.astext().strip("*").split(":")[0] for s in own[:1]
                      for p in s.findall(addnodes.desc_sig_name)}  # fmt: skip
        owner = f"{own[-1].get('module')}.{own[-1].get('fullname')}" if own else ""
        text = code.astext()
        place = None if text in parameters else names.find(text, owner)
        if place is None or (own and place[1] in own[0]["ids"]):
            continue
        page, anchor = place
        code.replace_self(make_refnode(app.builder, docname, page, anchor, code.deepcopy()))


def _around(node: nodes.Node) -> list[nodes.Node]:
    """Return what a node stands in, from the inside out."""
    found = []
    while node := node.parent:
        found.append(node)
    return found


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("doctree-resolved", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
