"""An example for each op, made of the first of its samples, and run: it shows what came out.

Where the arrays are small, it shows values; else shapes, which follow from each other.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

import minisym as ms
from minisym import sym
from minisym.core.op import Op
from minisym.core.samples import Sample
from minisym.testing.case import Case
from minisym.testing.ops import cases_of

SMALL = 16
"""So many elements of an input are still written out."""
NICE = np.array([-2.0, -0.5, 0.0, 1.0, 3.0])
"""What a function of one number is asked, where it is defined."""


def example(op: Op, called: str) -> str:
    """Return a session that calls the op: input lines with their prompts, and what they print."""
    for case in cases_of(op):
        if case.is_error or case.op is not op:
            continue
        arrays = {name: _readable(case, i, name) for i, name in enumerate(case.arrays)}
        if all(array.size <= SMALL for array in arrays.values()):
            shown = _session(_values(op, called, case.sample, arrays), limit=1700)
            if shown:
                return shown
        return _session(_shapes(op, called, case.sample, case.arrays), limit=10_000)
    return ""


def _readable(case: Case, place: int, name: str) -> Any:
    """Return an input of a case in numbers that are short to read."""
    given, array = case.sample.inputs[place], case.arrays[name]
    if not isinstance(given, tuple):
        return array
    low, high = case.sample.domain
    if case.op.elementwise and len(case.arrays) == 1:
        nice = NICE[(low <= NICE) & (high >= NICE)] if low > -1.5 else NICE
        return nice if len(nice) > 1 else np.round(np.linspace(low, high, 5)[1:-1], 2)
    return np.round(array, 1)


def _values(
    op: Op, called: str, sample: Sample, arrays: Mapping[str, Any]
) -> Iterator[tuple[str, bool]]:
    """Yield statements that run the op, and whether what they return is shown."""
    yield "import numpy as np", False
    if "rng" in op.needs:
        yield "import minisym as ms", False
    yield "from minisym import sym", False
    if "rng" in op.needs:
        yield "ms.random.seed(0)", False
    for name, array in arrays.items():
        yield f"{name} = {_literal(array, len(name) + 3)}", False
    yield f"y = {_call(op, called, sample, list(arrays), 4)}", False
    given = ", ".join(f"{name}={name}" for name in arrays)
    if op.writes:
        states = [name for name in arrays if op.is_state(name)]
        args = ", ".join(f'"{name}": {name}' for name in arrays if name not in states)
        aux = ", ".join(f'"{name}": {name}' for name in states)
        bound = f"{{{args}}}" + f", aux_states={{{aux}}}" * bool(states)
        yield f"executor = y.bind(args={bound})", False
        yield "_ = executor.forward(is_train=True)", False
        for name in op.writes_of(op.read_params(sample.params)):
            yield name, True
        return
    yield f"y.eval({given})", True


def _shapes(
    op: Op, called: str, sample: Sample, arrays: Mapping[str, Any]
) -> Iterator[tuple[str, bool]]:
    """Yield statements that ask for the shapes of all that the op reads and makes."""
    yield "from minisym import sym", False
    yield f"y = {_call(op, called, sample, list(arrays), 4)}", False
    known = {name: np.shape(array) for name, array in arrays.items()}
    shown = dict(list(known.items())[:1])
    symbol = eval(_call(op, called, sample, list(arrays), 4), {"sym": sym, "np": np})
    with warnings.catch_warnings(action="ignore"):
        try:
            tells = symbol.infer_shape(**shown)[1] is not None
        except ms.MinisymError:
            tells = False
    shown = shown if tells else known
    words = [f"{name}={shape}" for name, shape in shown.items()]
    asked = f"arguments, outputs, states = y.infer_shape({', '.join(words)})"
    if len(asked) > 84:
        asked = "arguments, outputs, states = y.infer_shape(\n    " + ",\n    ".join(words) + ",\n)"
    yield asked, False
    if len(known) > len(shown) and symbol.list_arguments():
        yield "dict(zip(y.list_arguments(), arguments))", True
    yield "outputs", True


def _call(op: Op, called: str, sample: Sample, names: list[str], indent: int) -> str:
    words = [f'sym.Variable("{name}")' for name in names]
    if not op.variadic and names != [spec.name for spec in op.inputs[: len(names)]]:
        words = [f"{name}={word}" for name, word in zip(names, words, strict=True)]
    words += [f"{name}={value!r}" for name, value in sample.params.items()]
    line = f"sym.{called}({', '.join(words)})"
    if len(line) + indent <= 84:
        return line
    inside = ",\n".join(f"    {word}" for word in words)
    return f"sym.{called}(\n{inside},\n)"


def _literal(array: Any, indent: int) -> str:
    with np.printoptions(nanstr="np.nan", infstr="np.inf"):
        text = np.array2string(array, separator=", ", threshold=1000, max_line_width=200)
    text = text.replace("\n", "\n" + " " * (indent + 9))
    kind = "" if array.dtype in (np.float64, np.int64, np.bool_) else f", dtype=np.{array.dtype}"
    return f"np.array({text}{kind})"


def _session(statements: Iterator[tuple[str, bool]], limit: int) -> str:
    """Run the statements; return them as a session, or nothing if it is long or fails."""
    names: dict[str, Any] = {}
    lines: list[str] = []
    try:
        for statement, shown in statements:
            lines += [("... " if i else ">>> ") + s for i, s in enumerate(statement.split("\n"))]
            if shown:
                lines.append(repr(eval(statement, names)))
            else:
                exec(statement, names)
    except ms.MinisymError:
        return ""
    text = "\n".join(lines)
    return text if len(text) <= limit else ""
