"""How much code one reads to understand minisym, and how much one update runs.

    python scripts/count_lines.py

The first table counts the modules of the core and of the passes and records on which every run
goes, as README names them: all lines, and those that are code (no docstring, comment or blank).
The second follows `signsgd_update` from composing to the weight that it wrote: the functions of
minisym that ran, the lines of them that ran, and the lines that these functions have.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

import minisym as ms

PACKAGE = Path(ms.__file__).parent

READ = {
    "core": ["core/*.py"],
    "infer": ["passes/infer.py", "passes/slots.py", "passes/typed.py", "passes/answers.py"],
    "gradient": ["passes/gradient.py"],
    "order": ["passes/order.py"],
    "plan": ["runtime/layout.py", "runtime/plan.py", "runtime/program.py", "runtime/steps.py"],
    "bind": ["runtime/aliasing.py", "runtime/bind.py", "runtime/binding.py"],
    "executor": ["runtime/executor.py", "runtime/heads.py"],
}
"""What one reads to understand minisym, in the order in which one reads it."""


def lines(path: Path) -> tuple[int, int]:
    """Return how many lines a file has, and how many of them are code."""
    text = path.read_text(encoding="utf-8")
    code: set[int] = set()
    skipped = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    }
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in skipped:
            code.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            code.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(text.splitlines()), len(code)


def reading() -> list[tuple[str, int, int]]:
    """Return each part that one reads, its lines and its lines of code."""
    found = []
    for part, patterns in READ.items():
        counts = [lines(path) for pattern in patterns for path in sorted(PACKAGE.glob(pattern))]
        found.append((part, sum(c[0] for c in counts), sum(c[1] for c in counts)))
    return found


def step() -> None:
    """Compose, bind and run one update."""
    weight, gradient = ms.sym.Variable("weight"), ms.sym.Variable("grad")
    update = ms.sym.signsgd_update(weight, gradient, lr=0.1)
    executor = update.bind(
        args={"weight": ms.nd.array([1.0, 2.0]), "grad": ms.nd.array([3.0, -4.0])}
    )
    executor.forward()
    np.testing.assert_allclose(executor.arg_dict["weight"], [0.9, 2.1], rtol=1e-6)


def followed() -> tuple[Counter[str], int, int]:
    """Return the functions that ran in each package, the lines that ran, and those they have."""
    ran: dict[CodeType, set[int]] = {}

    def follow(frame: FrameType, event: str, _: object) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith(str(PACKAGE)):
            return None
        own = ran.setdefault(code, set())
        if event == "line":
            own.add(frame.f_lineno)
        return follow

    sys.settrace(follow)
    try:
        step()
    finally:
        sys.settrace(None)
    rooms = Counter(Path(code.co_filename).relative_to(PACKAGE).parts[0] for code in ran)
    has = {
        (code.co_filename, line)
        for code in ran
        for _, _, line in code.co_lines()
        if line is not None
    }
    return rooms, sum(len(own) for own in ran.values()), len(has)


def main() -> None:
    """Print both tables."""
    print(f"{'what one reads':16}{'lines':>8}{'code':>8}")
    found = reading()
    for part, every, code in [
        *found,
        ("in all", sum(f[1] for f in found), sum(f[2] for f in found)),
    ]:
        print(f"{part:16}{every:8,}{code:8,}")
    rooms, ran, has = followed()
    print("\nsignsgd_update, from composing to the weight that it wrote:")
    print(f"{sum(rooms.values())} functions, {ran:,} lines of the {has:,} that they have")
    print(", ".join(f"{room} {number}" for room, number in rooms.most_common()))


if __name__ == "__main__":
    main()
