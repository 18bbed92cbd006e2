"""Write the stubs of `minisym.symbol` and `minisym.nd` from the registry of ops.

The functions of these namespaces are made from the ops' declarations when they are first asked
for, so type checkers cannot see them. The stubs spell them out. They are stricter than the
functions: no parameter as MXNet's string, no required one by position behind inputs that may be
absent, user attributes as `attr=` only.
"""

from __future__ import annotations

import inspect
import subprocess
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Union, get_args, get_origin

from minisym import nd, symbol
from minisym.core.functions import WRITTEN_HERE
from minisym.core.op import Input, Op, find, get, registered
from minisym.core.params import DType, Floats, Ints, OptionalInts, Param
from minisym.nd import arithmetic
from minisym.nd.methods import OF_OPS
from minisym.symbol import namespaces
from minisym.symbol.methods import FLUENT

ROOT = Path(__file__).resolve().parents[1]
NOTE = "Made by scripts/stubs from the ops' declarations: change those, and run it again."

TYPES: dict[Any, tuple[str, ...]] = {
    int: ("int",),
    float: ("float",),
    bool: ("bool",),
    str: ("str",),
    types.NoneType: ("None",),
    DType: ("DTypeLike",),
    Ints: ("int", "Sequence[int]"),
    OptionalInts: ("Sequence[int | None]",),
    Floats: ("float", "Sequence[float]"),
}


def type_of(param: Param, op: Op) -> str:
    """Return a parameter's type: what its annotation says, loosened to what callers write."""
    if op.writes and param.is_float:
        return "float | Symbol"
    return " | ".join(dict.fromkeys(words_of(param.annotation)))


def words_of(annotation: Any) -> Iterator[str]:
    """Return the alternatives of a type."""
    if annotation in TYPES:
        yield from TYPES[annotation]
    elif get_origin(annotation) is Literal:
        yield f"Literal[{', '.join(map(repr, get_args(annotation)))}]"
    elif get_origin(annotation) in {Union, types.UnionType}:
        for option in get_args(annotation):
            yield from words_of(option)
    else:
        raise TypeError(f"no stub for parameters of type {annotation!r}")


def default_of(param: Param) -> str:
    """Return ` = value`, as far as a stub can show it."""
    if param.required:
        return ""
    plain = isinstance(param.default, int | str | tuple | types.NoneType) or (
        isinstance(param.default, float) and abs(param.default) < float("inf")
    )
    return f" = {param.default!r}" if plain else " = ..."


def arguments(op: Op, inputs: Iterable[Input], array: str, last: list[str]) -> list[str]:
    """Return a function's parameters: inputs, the op's parameters, then `last` by keyword.

    Symbols may be absent (then a Variable is made), arrays only where the op can do without.
    """
    found: list[str] = []
    by_keyword = optional = False
    for spec in inputs:
        if spec.variadic:
            found.append(f"*data: {array} | Sequence[{array}]")
            by_keyword = True
        elif array == "Symbol" or spec.when or optional:
            found.append(f"{spec.name}: {array} | None = None")
            optional = True
        else:
            found.append(f"{spec.name}: {array}")
    for param in op.params.values():
        if param.required and optional and not by_keyword:
            found.append("*")
            by_keyword = True
        optional = optional or not param.required
        found.append(f"{param.name}: {type_of(param, op)}{default_of(param)}")
    free = [] if op.choose is None else ["**kwargs: Any"]
    return [*found, *([] if by_keyword else ["*"]), *last, *free]


def function(name: str, params: list[str], returns: str, doc: str) -> str:
    """Return a function of the stub."""
    first = " ".join(doc.partition("\n\n")[0].split())
    quotes = 'r"""' if "\\" in first else '"""'
    return f'def {name}({", ".join(params)}) -> {returns}:\n    {quotes}{first}"""\n'


def symbolic(op: Op, name: str) -> str:
    """Return the composing function of an op."""
    last = ["name: str | None = None", "attr: Mapping[str, str] | None = None"]
    return function(name, arguments(op, op.inputs, "Symbol", last), "Symbol", op.doc)


def eager(op: Op, name: str, *, method: bool = False) -> str:
    """Return the function that runs an op at once, or the method of its first input."""
    own, inputs = (["self"], op.inputs[1:]) if method else ([], op.inputs)
    last = ["out: Array | Sequence[Array] | None = None"]
    known = isinstance(op.outputs, tuple) and not callable(op.visible) and op.choose is None
    count = op.visible or len(op.outputs) if known else None  # type: ignore[arg-type]
    returns = "NDArray" if count == 1 else "list[NDArray]" if count else "NDArray | list[NDArray]"
    # an update of arrays takes numbers, which the words "float | Symbol" hold, too
    params = [p.replace("float | Symbol", "float") for p in arguments(op, inputs, "Array", last)]
    return function(name, own + params, returns, op.doc)


def methods() -> Iterator[str]:
    """Return the ops that are methods of their first input."""
    last = ["name: str | None = None", "attr: Mapping[str, str] | None = None"]
    for name in sorted(FLUENT):
        op = find("cast" if name == "astype" else name)
        written = WRITTEN_HERE.get(name)
        if written is not None:
            yield by_hand(name, written, "Symbol", first="self")
        elif op is not None:
            params = arguments(op, op.inputs[1:], "Symbol", last)
            yield function(name, ["self", *params], "Symbol", op.doc)


def functions(
    module: ModuleType, make: Callable[[Op, str], str], returns: str, written: Iterable[str]
) -> Iterator[str]:
    """Return all public ops, and those of the sub-namespaces in a class each."""
    skip, aliases = set(written), []
    for name, op in sorted(registered().items()):
        if name.startswith("_") or name in skip:
            continue
        if name == op.name or op.name.startswith("_") or op.name in skip:
            yield make(op, name)
        else:
            aliases.append(f"{name} = {op.name}\n")
    yield from aliases
    for namespace, prefixes in namespaces.PREFIXES.items():
        if namespace.startswith("_") or "" in prefixes:  # all ops once more
            yield f"{namespace}: ModuleType\n"
            continue
        members = {
            name.removeprefix(prefix): make(op, name.removeprefix(prefix))
            for prefix in reversed(prefixes)
            for name, op in registered().items()
            if name.startswith(prefix)
        }
        members |= {
            name: by_hand(name, thing, returns)
            for name, thing in vars(getattr(module, namespace)).items()
            if inspect.isfunction(thing)
            and not name.startswith("_")
            and not hasattr(thing, "__signature__")
        }
        yield f"class _{namespace.title()}:\n" + ("" if members else "    ...\n")
        for _, text in sorted(members.items()):
            yield indent("@staticmethod\n" + text)
        yield f"{namespace}: _{namespace.title()}\n"


def by_hand(name: str, thing: Callable[..., Any], returns: str, first: str = "") -> str:
    """Return a function that is written out in the package; `first` takes the first one's place."""
    signature = inspect.signature(thing)
    params = list(signature.parameters.values())
    if signature.return_annotation != "Any":  # the function says more than that it composes
        returns = signature.return_annotation
    shown = [str(p) for p in params] if not first else [first, *map(str, params[1:])]
    return function(name, shown, returns, inspect.getdoc(thing) or "")


def indent(text: str) -> str:
    """Move a block one level in."""
    return "".join(f"    {line}\n" for line in text.splitlines())


def reexport(module: str, names: Iterable[str]) -> str:
    """Return an import that gives names on."""
    return "".join(f"from {module} import {name} as {name}\n" for name in sorted(names))


IMPORTS = """
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, Literal
import numpy as np
from numpy.typing import DTypeLike
"""


def symbol_stub() -> str:
    """Return symbol/__init__.pyi."""
    return "\n".join([
        f'"""Symbols, and a composing function for every op.\n\n{NOTE}\n"""\n{IMPORTS}',
        *written_out(symbol),
        reexport("minisym.core.functions", WRITTEN_HERE),
        *functions(symbol, symbolic, "Symbol", WRITTEN_HERE),
    ])  # fmt: skip


def nd_stub() -> str:
    """Return nd/__init__.pyi."""
    return "\n".join([
        f'"""Every op on arrays, at once.\n\n{NOTE}\n"""\n{IMPORTS}',
        *written_out(nd),
        "Array = np.ndarray[Any, Any]\n",
        *two_sided(),
        *functions(nd, eager, "NDArray", {*vars(nd)["__all__"], *arithmetic.ROWS}),
    ])  # fmt: skip


def two_sided() -> Iterator[str]:
    """Return the functions of arrays and numbers."""
    operands = ["lhs: Array | float", "rhs: Array | float"]
    for name, row in arithmetic.ROWS.items():
        yield function(name, operands, "NDArray", row.doc)
    yield "true_divide = divide\n"


def written_out(module: ModuleType) -> list[str]:
    """Return imports of the names that a namespace lists itself, from where they are defined."""
    found = {name: getattr(module, name) for name in sorted(vars(module)["__all__"])}
    own = {value.__name__ for value in found.values()}
    imported = [
        reexport(next(v for v in found.values() if v.__name__ == n).__module__, [n])
        for n in sorted(own)
    ]
    return imported + [f"{n} = {v.__name__}\n" for n, v in found.items() if n not in own]


def fluent_stub() -> str:
    """Return symbol/_fluent.pyi: the ops that are methods of a Symbol."""
    return "\n".join([
        f'"""The ops that are methods of a Symbol.\n\n{NOTE}\n"""\n{IMPORTS}',
        reexport("minisym.core.symbol", ["Symbol"]),
        "class Fluent:\n",
        *map(indent, methods()),
    ])  # fmt: skip


def array_stub() -> str:
    """Return nd/_fluent.pyi: the ops that are methods of an NDArray, and its operators."""
    return "\n".join([
        f'"""The ops that are methods of an NDArray, and its operators.\n\n{NOTE}\n"""\n{IMPORTS}',
        "from typing import overload\n",
        reexport("minisym.core.ndarray", ["Array", "NDArray"]),
        "class Fluent:\n",
        *map(indent, array_methods()),
        *map(indent, operators()),
    ])  # fmt: skip


def array_methods() -> Iterator[str]:
    """Return the ops that are methods of an array."""
    for name in sorted(OF_OPS):
        op = get(name)
        yield eager(op, name, method=True)


def operators() -> Iterator[str]:
    """Return Python's operators: beside a plain array NumPy's."""
    for name in arithmetic.operators():
        if name == "__neg__":
            yield "def __neg__(self) -> NDArray: ...\n"
        else:
            ignore = "  # type: ignore[override]" if name in {"__eq__", "__ne__"} else ""
            beside_numpys = "NDArray" if name.startswith("__i") else "Array"
            yield f"@overload{ignore}\ndef {name}(self, other: NDArray | float) -> NDArray: ...\n"
            yield f"@overload\ndef {name}(self, other: Array) -> {beside_numpys}: ...\n"
    yield "def __abs__(self) -> NDArray: ...\n"


STUBS = {
    ROOT / "minisym/symbol/__init__.pyi": symbol_stub,
    ROOT / "minisym/symbol/_fluent.pyi": fluent_stub,
    ROOT / "minisym/nd/__init__.pyi": nd_stub,
    ROOT / "minisym/nd/_fluent.pyi": array_stub,
}


def tidy(text: str) -> str:
    """Lay the stub out as the rest of the repository, without the imports that it does not need."""
    ruff = [sys.executable, "-m", "ruff"]
    name = ["--stdin-filename", "stub.pyi"]
    for command in (
        [*ruff, "check", "--quiet", "--fix-only", "--select", "F401,I,UP037", *name, "-"],
        [*ruff, "format", *name, "-"],
    ):
        text = subprocess.run(
            command, input=text, capture_output=True, text=True, check=True, cwd=ROOT
        ).stdout
    return text


def main() -> int:
    """Write the stubs, or say which are out of date."""
    stale = []
    for path, make in STUBS.items():
        text = tidy(make())
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path.relative_to(ROOT))
        if "--check" not in sys.argv[1:]:
            path.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{path} {'is out of date' if '--check' in sys.argv[1:] else 'written'}")
    return int(bool(stale) and "--check" in sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
