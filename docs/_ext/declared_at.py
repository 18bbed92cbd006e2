"""Where an op is declared: the statements of its module that make it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import minisym
from minisym.core.op import Op

ROOT = Path(minisym.__file__).parents[1]


def declaration(op: Op) -> tuple[str, int, str]:
    """Return file, line and text of an op's declaration: its rules are part of it.

    Where a table makes several ops, the text is the table.
    """
    path = Path(str(import_module(op.module).__file__))
    lines, statements = _read(path)
    file = path.relative_to(ROOT).as_posix()
    for name in _runs(op):
        found = [statement for statement in statements if name in _said(statement)]
        if found:
            break
    else:
        return file, 1, ""
    variables = set().union(*map(_made, found))
    found += [s for s in statements if s not in found and _ruled(s) & variables]
    texts = [
        "\n".join(lines[_start(statement) - 1 : statement.end_lineno])
        for statement in sorted(found, key=_start)
    ]
    return file, min(map(_start, found)), "\n\n\n".join(texts)


@cache
def _read(path: Path) -> tuple[list[str], list[ast.stmt]]:
    text = path.read_text(encoding="utf-8")
    return text.splitlines(), ast.parse(text).body


def _runs(op: Op) -> Iterator[str]:
    """Yield an op's names; then parts of the first, as rows of tables say them, long ones first."""
    yield from (op.name, *op.aliases)
    words = op.name.split("_")
    for size in range(len(words) - 1, 0, -1):
        for start in range(len(words) - size + 1):
            yield "_".join(words[start : start + size])


def _start(statement: ast.stmt) -> int:
    return min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))])


def _said(statement: ast.stmt) -> set[str]:
    """Return the names of ops that a statement may declare."""
    if isinstance(statement, ast.FunctionDef):
        return {statement.name}.union(*map(_strings, statement.decorator_list))
    if isinstance(statement, ast.For):
        return _strings(statement)
    value = getattr(statement, "value", None)
    return _strings(value) if isinstance(value, ast.Call) else set()


def _strings(tree: ast.AST) -> set[str]:
    constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str)}


def _made(statement: ast.stmt) -> set[str]:
    """Return the names that a statement gives to what it makes."""
    if isinstance(statement, ast.FunctionDef):
        return {statement.name}
    targets = getattr(statement, "targets", [getattr(statement, "target", None)])
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _ruled(statement: ast.stmt) -> set[str]:
    """Return the declarations to which a statement gives a rule: `@tanh.shape`."""
    given: list[ast.AST] = list(getattr(statement, "decorator_list", []))
    if isinstance(statement, ast.Expr):
        given.append(statement.value)
    functions = [part.func if isinstance(part, ast.Call) else part for part in given]
    return {
        part.value.id
        for part in functions
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name)
    }
