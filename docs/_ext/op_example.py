"""An example for each op, made of the first of its samples, and run: it shows what came out.

Where the arrays are small, it shows values; else shapes, which follow from each other.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from typing import Any

import numpy as np

import minisym as ms
from minisym import sym
from minisym.core import words
from minisym.core.op import Op
from minisym.core.samples import Sample
from minisym.testing.case import Case
from minisym.testing.ops import cases_of

SMALL = 24
"""So many elements of an input are still written out."""
LONGEST = 84
"""Columns of a line of code."""
TALLEST = 42
"""Lines of a session."""
NICE = np.array([-2.0, -0.5, 0.0, 1.0, 3.0])
"""What a function of one number is asked, where it is defined."""


def example(op: Op, called: str) -> str:
    """Return a session that calls the op: input lines with their prompts, and what they print."""
    cases = [case for case in cases_of(op) if not case.is_error and case.op is op]
    if op.stretches:  # one that stretches comes first
        cases.sort(key=lambda case: len({np.shape(array) for array in case.arrays.values()}) < 2)
    for case in cases[:1]:
        arrays = {name: _readable(case, i, name) for i, name in enumerate(case.arrays)}
        if all(array.size <= SMALL for array in arrays.values()):
            shown = _session(_values(op, called, case.sample, arrays), limit=2400)
            if shown:
                return shown
        return _session(_shapes(op, called, case.sample, case.arrays), limit=10_000)
    return ""


def _readable(case: Case, place: int, name: str) -> Any:
    """Return an input of a case in numbers that are short to read."""
    given, array = case.sample.inputs[place], case.arrays[name]
    of_numbers = case.op.elementwise and len(case.arrays) == 1
    if not isinstance(given, tuple):
        return array[:8] if of_numbers and array.ndim == 1 else array
    low, high = case.sample.domain
    if of_numbers:
        nice = NICE[(low <= NICE) & (high >= NICE)] if low > -1.5 else NICE
        return nice if len(nice) > 1 else np.round(np.linspace(low, high, 5)[1:-1], 2)
    # of comparisons, ties and zeros tell most
    compares = case.op.stretches and words.gradient(case.op) == "zero everywhere"
    return np.round(array) + 0.0 if compares else np.round(array, 1)


def _values(
    op: Op, called: str, sample: Sample, arrays: Mapping[str, Any]
) -> Iterator[tuple[str, bool]]:
    """Yield statements that run the op, and whether what they return is shown."""
    symbol = composed(op, called, sample, arrays)
    passes_on = not op.writes and _passes_on(symbol, arrays)
    yield "import numpy as np", False
    if "rng" in op.needs or passes_on:
        yield "import minisym as ms", False
    yield "from minisym import sym", False
    if "rng" in op.needs:
        yield "ms.random.seed(0)", False
    for name, array in arrays.items():
        yield f"{name} = {_literal(array, len(name) + 3)}", False
    yield f"y = {_call(op, called, sample, list(arrays), 4)}", False
    if op.writes:
        states = [name for name in arrays if op.is_state(name)]
        bound = [_named("args", [name for name in arrays if name not in states])]
        bound += [_named("aux_states", states)] * bool(states)
        yield f"executor = {_packed('y.bind', bound, 15)}", False
        yield "_ = executor.forward(is_train=True)", False
        for name in op.writes_of(op.read_params(sample.params)):
            yield name, True
        return
    run = _packed("y.eval", [f"{name}={name}" for name in arrays], 20)
    if len(symbol.list_outputs()) == 1:
        yield f"{run}[0]", True
    elif "\n" in run:
        yield f"outputs = {run}", False
        yield "for output in outputs:\n    output", True
    else:
        yield f"for output in {run}:\n    output", True
    if passes_on:  # then its gradient is what it is for
        first = next(iter(arrays))
        gradient = ms.grad(symbol, first)
        known = [f"{name}={name}" for name in gradient.list_arguments()]
        yield f"""{_packed(f'ms.grad(y, "{first}").eval', known, 4)}[0]""", True


def _passes_on(symbol: ms.Symbol, arrays: Mapping[str, Any]) -> bool:
    """Return whether it changes nothing, but has a gradient of its own; or is a loss head."""
    node = symbol.entries[0].node
    if node.op is None or node.op.gradient is None or len(symbol.entries) > 1 or not arrays:
        return False
    if max(np.ndim(array) for array in arrays.values()) > 2:
        return False
    try:
        [y] = symbol.eval(**arrays)
        ms.grad(symbol, next(iter(arrays)))
    except ms.MinisymError:
        return False
    return bool(node.op.loss or np.array_equal(y, next(iter(arrays.values()))))


def _shapes(
    op: Op, called: str, sample: Sample, arrays: Mapping[str, Any]
) -> Iterator[tuple[str, bool]]:
    """Yield statements that ask for the shapes of all that the op reads and makes."""
    yield "from minisym import sym", False
    yield f"y = {_call(op, called, sample, list(arrays), 4)}", False
    known = {name: np.shape(array) for name, array in arrays.items()}
    shown = dict(list(known.items())[:1])
    symbol = composed(op, called, sample, arrays)
    with warnings.catch_warnings(action="ignore"):
        try:
            tells = symbol.infer_shape(**shown)[1] is not None
        except ms.MinisymError:
            tells = False
    shown = shown if tells else known
    asked = _packed("y.infer_shape", [f"{name}={shape}" for name, shape in shown.items()], 4)
    if len(known) == len(shown) or not symbol.list_arguments():
        yield f"{asked}[1]", True
        return
    yield f"arguments, outputs, states = {asked}", False
    yield "dict(zip(y.list_arguments(), arguments))", True
    yield "outputs", True


def composed(op: Op, called: str, sample: Sample, arrays: Mapping[str, Any]) -> ms.Symbol:
    """Return the call of a sample."""
    made = eval(_call(op, called, sample, list(arrays), 4), {"sym": sym, "np": np})
    assert isinstance(made, ms.Symbol)
    return made


def _call(op: Op, called: str, sample: Sample, names: list[str], indent: int) -> str:
    parts = [f'sym.Variable("{name}")' for name in names]
    if not op.variadic and names != [spec.name for spec in op.inputs[: len(names)]]:
        parts = [f"{name}={word}" for name, word in zip(names, parts, strict=True)]
    parts += [f"{name}={_quoted(value)}" for name, value in sample.params.items()]
    return _packed(f"sym.{called}", parts, indent)


def _quoted(value: Any) -> str:
    """Return a value in source, strings as the other examples write them."""
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _named(argument: str, names: list[str]) -> str:
    """Write a dictionary of variables by their names, as an argument."""
    pairs = ", ".join(f'"{name}": {name}' for name in names)
    line = f"{argument}={{{pairs}}}"
    if len(line) <= LONGEST - 8:
        return line
    inside = "\n".join("    " * 2 + each for each in _filled([f'"{n}": {n}' for n in names], 20))
    return f"{argument}={{\n{inside}\n    }}"


def _filled(parts: list[str], less: int) -> list[str]:
    """Lay parts on as few lines as they take, with a comma behind each."""
    lines = [""]
    for part in parts:
        if lines[-1] and len(lines[-1]) + len(part) > LONGEST - less:
            lines.append("")
        lines[-1] += f"{part}, "
    return [line.rstrip() for line in lines]


def _packed(function: str, parts: list[str], indent: int) -> str:
    """Write a call on a line, or on as few lines as it takes."""
    line = f"{function}({', '.join(parts)})"
    if len(line) + indent <= LONGEST and "\n" not in line:
        return line
    inside = "\n".join(f"    {each}" for each in _filled(parts, 12))
    return f"{function}(\n{inside}\n)"


def _literal(array: Any, indent: int) -> str:
    with np.printoptions(nanstr="np.nan", infstr="np.inf"):
        width = LONGEST - indent - 13
        text = np.array2string(array, separator=", ", threshold=1000, max_line_width=width)
    text = re.sub(r"\n+", "\n" + " " * (indent + 9), text)
    kind = "" if array.dtype in (np.float64, np.int64, np.bool_) else f", dtype=np.{array.dtype}"
    return f"np.array({text}{kind})"


def _session(statements: Iterator[tuple[str, bool]], limit: int) -> str:
    """Run the statements; return them as a session, or nothing if it is long or fails."""
    names: dict[str, Any] = {}
    lines: list[str] = []
    try:
        for statement, shown in statements:
            lines += [("... " if i else ">>> ") + s for i, s in enumerate(statement.split("\n"))]
            printed = io.StringIO()
            with redirect_stdout(printed):
                exec(compile(statement, "example", "single" if shown else "exec"), names)
            lines += [line for line in printed.getvalue().splitlines() if line.strip()]
    except ms.MinisymError:
        return ""
    text = "\n".join(lines)
    return text if len(text) <= limit and len(lines) <= TALLEST else ""
