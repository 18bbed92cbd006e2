"""The stubs (*.pyi): up to date, and as helpful to mypy as they claim."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TYPING = ROOT / "tests" / "typing"


def test_stubs_are_up_to_date():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "stubs.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"run scripts/stubs\n{done.stdout}{done.stderr}"


@pytest.fixture(scope="module")
def said():
    """Return what mypy says of tests/typing: {(file, line): message}."""
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
