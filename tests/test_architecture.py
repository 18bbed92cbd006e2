"""The shape of the package: who may import whom, how long a file may be, what has to be said."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import networkx as nx
import pytest

import minisym as ms

ROOT = Path(__file__).resolve().parents[1]

_ORDER = """
    errors origin shapes ndarray random params op graph naming
    symbol.operators symbol.symbol symbol.variable symbol.compose symbol.functions symbol.sampling
    symbol.methods
    passes samples define families ops runtime imperative control
    formats namespaces diff show symbol nd visualization
    attribute base executor model monitor name operator surgery util
    init optimizer lr_scheduler metric io rnn train onnx parallel
    testing cli __main__
"""
LAYERS = _ORDER.split()
"""Modules and packages from the bottom up: each imports only what stands before it, or beside it in
its own package. `minisym/__init__.py` is on top."""

UPWARD = {
    "errors": "a message pays for what lays it out, not an import",
    "symbol.symbol": "a Symbol's methods start passes, which know symbols",
    "diff": "a difference shows itself as a picture",
}
LATE = UPWARD | {
    "show.compare": "graphviz is loaded when a picture is drawn",
    "show.dot": "graphviz is loaded when a picture is drawn",
    "show.render": "the writer of PDF files is loaded for one",
}
"""Who imports modules of minisym inside functions, and why."""

PRINTS = {"show.summary", "cli"}
"""Who prints: `print_summary` does as in MXNet, and a command line has to."""


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted((ROOT / "minisym").rglob("*.py"))}
each_module = pytest.mark.parametrize("module", MODULES)


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def imports(node: ast.AST, *, late: bool = False) -> Iterator[tuple[str, bool]]:
    """Return the minisym modules that are imported, and whether inside a function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((n.name, late) for n in child.names if n.name.split(".")[0] == "minisym")
        elif isinstance(child, ast.ImportFrom):
            assert not child.level, "imports are absolute"
            for name in child.names if (child.module or "").split(".")[0] == "minisym" else ():
                full = f"{child.module}.{name.name}"
                yield full if full in MODULES else str(child.module), late
        is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue  # a name for mypy, which nothing depends on when it runs
        yield from imports(child, late=late or is_function)


def layer(module: str) -> tuple[int, str]:
    """Return a module's place in the list, and the entry that it stands under."""
    if module == "minisym":
        return len(LAYERS), ""
    short = module.removeprefix("minisym.")
    names = [entry for entry in LAYERS if short == entry or short.startswith(f"{entry}.")]
    assert names, f"put {short} into LAYERS, where its imports point down"
    return LAYERS.index(max(names, key=len)), max(names, key=len)


@each_module
def test_imports_point_down(module: str):
    place, group = layer(module)
    for target, late in imports(tree(module)):
        short = module.removeprefix("minisym.")
        assert not late or short in LATE, f"{module} imports {target} inside a function"
        if late and short in UPWARD:
            continue
        below, other = layer(target)
        assert below < place or (other == group and target != module), f"{module} imports {target}"


def test_imports_have_no_cycle():
    edges = nx.DiGraph(
        (module, target)
        for module in MODULES
        for target, late in imports(tree(module))
        if not late and target != module
    )
    cycles = list(nx.simple_cycles(edges))
    assert not cycles


@each_module
def test_a_file_fits_a_head(module: str):
    lines = len(MODULES[module].read_text(encoding="utf-8").splitlines())
    assert lines <= 450, f"{module} has {lines} lines: it holds two ideas"


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


@pytest.mark.parametrize("name", sorted(ms.op.registered()))
def test_ops_are_documented(name: str):
    op = ms.op.get(name)
    assert_documented(name, op.doc)
    for param in op.params.values() if not name.startswith("_") else ():
        # the number of inputs needs no words
        assert param.doc or param.name == op.count, f"{name}: {param.name} has no description"
