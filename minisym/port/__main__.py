"""`python -m minisym.port FILE…`: list the names of MXNet in scripts that minisym does not have.

The scripts are read, never run. The exit status is 1 if anything is missing.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from minisym.port.names import instead

PACKAGES = ("mxnet", "minisym")


def uses(tree: ast.Module) -> Iterator[tuple[int, str]]:
    r"""Yield line and dotted name, without the package's, of each use of MXNet in a script.

    >>> list(uses(ast.parse("import mxnet as mx\nfrom mxnet import gluon\nmx.nd.ones(2)")))
    [(2, 'gluon'), (3, 'nd.ones')]
    """
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                top, _, rest = name.name.partition(".")
                if top in PACKAGES:
                    known[name.asname or top] = rest if name.asname else ""
                    if rest:
                        yield node.lineno, rest
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            top, _, rest = node.module.partition(".")
            for name in node.names if top in PACKAGES else ():
                full = rest if name.name == "*" else ".".join(filter(None, (rest, name.name)))
                known[name.asname or name.name] = full
                if full:
                    yield node.lineno, full
    inner = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and id(node) not in inner:
            parts = ast.unparse(node).split(".")
            if parts[0] in known and all(part.isidentifier() for part in parts):
                yield node.lineno, ".".join(filter(None, (known[parts[0]], *parts[1:])))


def lacking(package: ModuleType, name: str) -> str | None:
    """Return the part of a dotted name that is not there, or None."""
    found: Any = package
    parts = name.split(".")
    for i, part in enumerate(parts):
        try:
            found = getattr(found, part)
        except AttributeError:
            return ".".join(parts[: i + 1])
        if not isinstance(found, ModuleType | type):
            return None  # what an object has shows when it runs
    return None


def report(path: Path) -> list[str]:
    """Return a line for each name of a script that is missing."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    except (SyntaxError, ValueError) as error:
        return [f"{path}: no Python 3 ({error}); 2to3 or its like may help"]
    package = import_module("minisym")
    found: dict[str, list[int]] = {}
    for line, name in sorted(set(uses(tree))):
        if (gone := lacking(package, name)) is not None:
            found.setdefault(gone, []).append(line)
    lines = []
    for name, places in found.items():
        at = ", ".join(map(str, places[:5])) + (", …" if len(places) > 5 else "")
        told = instead(name) or "not there"
        lines.append(f"{path}:{at}: mx.{name}: {told}")
    return lines


def main(arguments: Sequence[str]) -> int:
    """Report on each file; return the exit status."""
    if not arguments:
        print("usage: python -m minisym.port FILE…", file=sys.stderr)
        return 2
    lines = [line for name in arguments for line in report(Path(name))]
    for line in lines:
        print(line)
    if not lines:
        print("every name is there")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
