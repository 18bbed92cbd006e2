"""Links to the source of what a class has from elsewhere: its properties, and functions of others.

`sphinx.ext.viewcode` finds what the class statement itself defines. Other methods are given to a
class from the floors above it.
"""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sphinx import addnodes
from sphinx.ext import viewcode
from sphinx.pycode import ModuleAnalyzer

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx


def link(app: Sphinx, doctree: nodes.document) -> None:
    """Give signatures without a link to their source one."""
    modules: dict[str, Any] = app.env._viewcode_modules  # type: ignore[attr-defined]  # noqa: SLF001
    for sign in doctree.findall(addnodes.desc_signature):
        function = _function(sign.get("module"), sign.get("fullname"))
        if function is None or any(sign.findall(viewcode.viewcode_anchor)):
            continue
        module, name = function.__module__, function.__qualname__
        if not modules.get(module):
            analyzer = ModuleAnalyzer.for_module(module)
            analyzer.find_tags()
            modules[module] = (analyzer.code, analyzer.tags, {}, module)
        _, tags, used, shown_as = modules[module]
        if name not in tags:
            continue
        if name not in used:  # the page of the source leads back here
            used[name] = app.env.docname
            sign["ids"].append(f"{shown_as}.{name}")
        page = viewcode.OUTPUT_DIRNAME + "/" + module.replace(".", "/")
        anchor = viewcode.viewcode_anchor(reftarget=page, refid=name, refdoc=app.env.docname)
        sign.append(anchor)


def drop(app: Sphinx, env: Any) -> None:
    """Leave out the sources to which nothing leads: modules that a default value comes from."""
    modules: dict[str, Any] = env._viewcode_modules  # noqa: SLF001
    for name, entry in modules.items():
        if entry and not entry[2]:
            modules[name] = False


def _function(module: str | None, name: str | None) -> Any:
    """Return the function of minisym behind a member, None if there is none."""
    if not module or not name or "," in name:
        return None
    thing: Any = import_module(module)
    for part in name.split("."):
        thing = inspect.getattr_static(thing, part, None)
    thing = getattr(thing, "fget", getattr(thing, "func", thing))
    found = inspect.isfunction(thing) and thing.__module__.startswith("minisym.")
    return inspect.unwrap(thing) if found else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("doctree-read", link, priority=600)  # viewcode has 500
    app.connect("env-updated", drop)
    return {"parallel_read_safe": True}
