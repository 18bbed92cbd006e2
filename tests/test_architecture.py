"""The shape of the package: who may import whom, and what has to be said."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import networkx as nx
import pytest
from places import ROOT

import minisym as ms
from minisym.core.words import docstring

_ORDER = """
    port core define passes ops runtime control formats onnx show symbol nd random contrib
    attribute base context executor export monitor name ndarray operator util visualization
    init optimizer lr_scheduler metric io parallel rnn train testing saved
    callback kvstore module model profiler test_utils
"""
FLOORS = _ORDER.split()
"""Packages and modules from the bottom up: each imports only what stands before it, or beside it in
its own package. `minisym/__init__.py` is on top."""

COMMANDS = {"cli", "__main__", "launch"}
"""What starts as a program: it stands above `minisym` itself, and imports that as users do."""

UPWARD: dict[str, str] = {}
"""Who imports what stands above it, and why."""

LATE = {
    "minisym.cli": "without typer the command says what to install",
    "minisym.show.compare": "graphviz is loaded when a picture is drawn",
    "minisym.show.dot": "graphviz is loaded when a picture is drawn",
    "minisym.show.render": "the writer of PDF files is loaded for one",
}
"""Who imports modules of minisym inside functions, and why."""

PRINTS = {"show.summary", "port.__main__"}
"""Who prints: `print_summary` does as in MXNet, and a command line has to."""


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted((ROOT / "minisym").rglob("*.py"))}
each_module = pytest.mark.parametrize("module", MODULES)


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def imports(module: str) -> Iterator[str]:
    """Return the modules that a module imports, at its head or inside a function.

    Python runs a package's `__init__` before anything in it: importing `minisym.show.html.page`
    imports `minisym.show` and `minisym.show.html`, too. (`minisym` itself always comes first.)
    """
    for node in running(tree(module)):
        if isinstance(node, ast.Import):
            found = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            full = [f"{node.module}.{name.name}" for name in node.names]
            found = [name if name in MODULES else str(node.module) for name in full]
        else:
            continue
        for name in found:
            if name.split(".")[0] == "minisym":
                yield name
                parts = name.split(".")
                yield from (".".join(parts[:i]) for i in range(2, len(parts)))


def running(node: ast.AST) -> Iterator[ast.AST]:
    """Return all of a tree but what stands under `if TYPE_CHECKING:`, names for mypy alone."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from running(child)


def floor(module: str) -> int:
    """Return the floor on which a module stands."""
    if module == "minisym":
        return len(FLOORS)
    name = module.split(".")[1]
    if name in COMMANDS:
        return len(FLOORS) + 1
    assert name in FLOORS, f"put {name} into FLOORS, where its imports point down"
    return FLOORS.index(name)


@each_module
def test_imports_point_down(module: str):
    for target in imports(module):
        assert floor(target) <= floor(module) or module in UPWARD, f"{module} imports {target}"


def test_imports_have_no_circle():
    """Not even through imports inside functions: any module may be imported first."""
    arrows = nx.DiGraph()
    arrows.add_edges_from(
        (module, target)
        for module in MODULES
        for target in imports(module)
        if target != module and not module.startswith(f"{target}.")
    )
    circles = [sorted(c) for c in nx.strongly_connected_components(arrows) if len(c) > 1]
    assert not circles


def test_a_module_of_ops_declares_some_and_one_of_numeric_none():
    declare = {op.module for op in ms.op.registered().values()}
    helping = {"custom", "inputs", "updates.common", "updates"}
    for module in MODULES:
        family = module.removeprefix("minisym.ops.")
        if family != module and family not in helping:
            assert (module in declare) != family.startswith("numeric"), module
            if "." not in family:
                assert family in vars(ms.ops), f"{family} is missing in ops/__init__.py"


def test_the_design_shows_the_floors():
    rows = re.findall(r"^\| ((?:`\w+`(?:, | … )?)+) \|", read("docs/design.md"), re.MULTILINE)
    shown: list[str] = []
    for row in rows[: next(i for i, row in enumerate(rows) if row.endswith("`test_utils`")) + 1]:
        names = re.findall(r"\w+", row)
        if "…" in row:
            first, last = map(FLOORS.index, names)
            names = FLOORS[first : last + 1]
        shown += names
    assert shown == FLOORS


def test_readme_says_how_much_there_is_to_read():
    """To a twentieth: python scripts/count_lines.py prints the numbers."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        found = importlib.import_module("count_lines").reading()
    finally:
        sys.path.pop(0)
    said = re.search(r"([\d,]+) lines of code, ([\d,]+) with", " ".join(read("README.md").split()))
    assert said
    every, code = sum(f[1] for f in found), sum(f[2] for f in found)
    said_code, said_every = (int(number.replace(",", "")) for number in said.groups())
    assert said_code == pytest.approx(code, rel=0.05)
    assert said_every == pytest.approx(every, rel=0.05)


def test_the_way_through_the_code_is_as_long_as_the_design_says():
    """To a twentieth, again; and its files are there."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        lines = importlib.import_module("count_lines").lines
    finally:
        sys.path.pop(0)
    way = read("docs/design.md").split("## Read it in an evening")[1].split("\n## ")[0]
    files = re.findall(r"\]\(\.\./(minisym/.*?\.py)\)", way)
    said = re.search(r"([\d,]+) lines of code, ([\d,]+) with", " ".join(way.split()))
    assert len(files) > 10
    assert said
    counts = [lines(ROOT / file) for file in files]
    said_code, said_every = (int(number.replace(",", "")) for number in said.groups())
    assert said_code == pytest.approx(sum(code for _, code in counts), rel=0.05)
    assert said_every == pytest.approx(sum(every for every, _ in counts), rel=0.05)


def test_few_arrows_point_up():
    assert len(UPWARD) <= 2


@each_module
def test_what_is_imported_late_has_a_reason(module: str):
    """A module of minisym inside a function is the sign of something on the wrong floor."""
    late = [
        ast.unparse(node)
        for function in running(tree(module))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in running(function)
        if isinstance(node, ast.Import | ast.ImportFrom) and "minisym" in ast.unparse(node)
    ]
    assert not late or module in LATE, late


@each_module
def test_nothing_prints(module: str):
    if module.removeprefix("minisym.") in PRINTS:
        return
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in {"print", "sys.stdout.write"}, (
                f"line {node.lineno}"
            )


def assert_documented(what: str, text: str | None):
    first = (text or "").strip().partition("\n\n")[0]
    assert first.endswith((".", ":")), f"the docstring of {what} begins with no sentence: {first!r}"
    assert first[0].isupper() or first[0] == "`" or first.startswith("minisym"), what


@pytest.mark.parametrize("name", ms.__all__)
def test_public_names_are_documented(name: str):
    value = getattr(ms, name)
    assert_documented(name, inspect.getdoc(value))
    if inspect.isclass(value):
        members = {n: m for n, m in vars(value).items() if not n.startswith("_")}
        for member, thing in members.items():
            if callable(thing) or isinstance(thing, property):
                assert_documented(f"{name}.{member}", inspect.getdoc(getattr(value, member)))


@pytest.mark.parametrize("name", sorted({op.name for op in ms.op.registered().values()}))
def test_inputs_are_described(name: str):
    op = ms.op.get(name)
    for spec in op.inputs:
        what = f"the input {spec.name} of {name}"
        assert spec.doc, f"{what} has no description: annotate it in the kernel's signature"
        assert re.fullmatch(r"[A-Z].*[^.\s]\.", spec.doc), f"{what}: no sentence: {spec.doc!r}"
        assert not spec.doc.startswith("Input of"), f"{what} is described by its name only"
        assert f"    {spec.doc}\n" in docstring(op)


def test_what_a_run_overwrites_is_told():
    ours = {op for op in ms.op.registered().values() if op.module.startswith("minisym.")}
    for op in ours:  # tests declare some, too
        told = " ".join(spec.doc for spec in op.inputs)
        if op.writes:
            assert re.search(r"overwrit", told), f"{op.name} writes {[*op.writes]}: say so"
        for spec in op.inputs:
            if not op.group:
                assert (spec.name in op.writes) == ("overwrit" in spec.doc), (op.name, spec)


@pytest.mark.parametrize("name", sorted(ms.op.registered()))
def test_ops_are_documented(name: str):
    op = ms.op.get(name)
    assert_documented(name, op.doc)
    for param in op.params.values() if not name.startswith("_") else ():
        # the number of inputs needs no words
        assert param.doc or param.name == op.count, f"{name}: {param.name} has no description"
