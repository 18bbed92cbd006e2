"""The stubs (*.pyi): up to date, and as helpful to mypy as they claim."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

import minisym as ms

TYPING = ROOT / "tests" / "typing"


def test_stubs_are_up_to_date():
    pytest.importorskip("ruff", reason="ruff lays the stubs out")
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "stubs.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"run scripts/stubs\n{done.stdout}{done.stderr}"


def declared(path):
    """Return what a stub declares: {name: its function}, names of sub-namespaces dotted."""
    found = {}
    for node in ast.parse((ROOT / "minisym" / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = node
        elif isinstance(node, ast.ClassDef) and node.name != "Fluent":
            prefix = node.name.strip("_").lower()
            functions = [inner for inner in node.body if isinstance(inner, ast.FunctionDef)]
            found |= {f"{prefix}.{inner.name}": inner for inner in functions}
    return found


@pytest.mark.parametrize("module", [ms.sym, ms.nd], ids=["sym", "nd"])
def test_functions_have_the_parameters_that_their_stubs_say(module):
    for name, stub in declared(f"{module.__name__.removeprefix('minisym.')}/__init__.pyi").items():
        function = module
        for part in name.split("."):
            function = getattr(function, part)
        parameters = inspect.signature(function).parameters.values()
        want = [p.name for p in parameters if p.kind not in {p.VAR_POSITIONAL, p.VAR_KEYWORD}]
        assert [a.arg for a in stub.args.args + stub.args.kwonlyargs] == want, name


@pytest.mark.parametrize("module", [ms.sym, ms.nd], ids=["sym", "nd"])
def test_stubs_lack_no_function(module):
    stub = declared(f"{module.__name__.removeprefix('minisym.')}/__init__.pyi")
    for space in ("linalg", "random", "contrib", "image"):
        names = {name.partition(".")[2] for name in stub if name.startswith(f"{space}.")}
        assert set(dir(getattr(module, space))) <= names


@pytest.fixture(scope="module")
def said():
    """Return what mypy says of tests/typing: {(file, line): message}."""
    pytest.importorskip("mypy", reason="mypy reads the stubs")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--no-error-summary",
         "--hide-error-context", "--no-pretty", "--hide-error-codes", *sorted(TYPING.glob("*.py"))],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    found: dict[tuple[str, int], str] = {}
    for line in done.stdout.splitlines():
        match = re.fullmatch(r"(.+?):(\d+): error: (.*)", line)
        if match:
            place = Path(match[1]).name, int(match[2])
            found[place] = f"{found.get(place, '')} {match[3]}"
    return found


def test_mypy_accepts_good_calls(said):
    assert not [f"{line}: {said[file, line]}" for file, line in said if file == "good.py"]


BAD = [
    (number, *line.split("  # error: "))
    for number, line in enumerate((TYPING / "bad.py").read_text().splitlines(), 1)
    if "  # error: " in line
]


@pytest.mark.parametrize(("number", "call", "message"), BAD, ids=lambda x: str(x).strip())
def test_mypy_refuses(said, number, call, message):
    assert re.search(message, said.get(("bad.py", number), "accepted")), call


def test_mypy_refuses_nothing_else(said):
    assert {line for file, line in said if file == "bad.py"} == {number for number, *_ in BAD}
