"""The course: chapters that stand alone, exercises whose checks refuse what is no answer.

(The chapters run when the documentation is built, solutions included.)
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from course_answers import ANSWERS
from places import ROOT

pytest.importorskip("myst_nb", reason="the documentation's packages are not installed")
sys.path.insert(0, str(ROOT / "docs" / "_ext"))
from notebooks import notebook_of

FOLDER = ROOT / "docs" / "how-it-works"
INDEX = (FOLDER / "index.md").read_text(encoding="utf-8")
CHAPTERS = re.findall(r"^\d\. \[.*?\]\((.*?)\.md\)", INDEX, re.MULTILINE)
SO_FAR = "The framework so far"
TRY = """
    exec(text)
    try:
        globals()[check](answer)
    except Exception:
        print("judged", check, False)
    else:
        print("judged", check, True)
"""
"""Tries an answer: a right one is taken, a wrong one refused."""


def page(chapter: str) -> str:
    """Return a chapter as it is written."""
    return (FOLDER / f"{chapter}.md").read_text(encoding="utf-8")


def cells(chapter: str, kind: str = "code") -> list[str]:
    """Return what is in the cells of a chapter's notebook."""
    return [cell.source for cell in notebook_of(page(chapter)).cells if cell.cell_type == kind]


def definitions(chapter: str, *, so_far: bool) -> dict[str, list[str]]:
    """Return the functions and classes that a chapter defines, or takes from those before it."""
    found: dict[str, list[str]] = {}
    shown = re.findall(r"^```\{code-cell\}\n(.*?)^```", page(chapter), re.DOTALL | re.MULTILINE)
    for cell in shown:
        if (f'"{SO_FAR}"' in cell) == so_far:
            code = re.sub(r"\A(?:---\n.*?\n---\n|(?::[^\n]*\n)+)", "", cell, flags=re.DOTALL)
            for node in ast.parse(code).body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    found.setdefault(node.name, []).append(ast.unparse(node))
    return found


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_what_a_chapter_takes_stands_in_one_before(chapter: str):
    before: dict[str, list[str]] = {}
    for earlier in CHAPTERS[: CHAPTERS.index(chapter)]:
        for name, codes in definitions(earlier, so_far=False).items():
            before.setdefault(name, []).extend(codes)
    taken = definitions(chapter, so_far=True)
    assert bool(taken) == (chapter != CHAPTERS[0])
    assert [n for n, [code] in taken.items() if code not in before.get(n, [])] == []


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_checks_refuse_what_is_not_written_and_take_the_solution(chapter: str, tmp_path: Path):
    exercises = len(re.findall(r"^### \d\. ", page(chapter), re.MULTILINE))
    answers = ANSWERS.get(chapter, [])
    tried = f"for check, right, text in {answers!r}:\n{TRY}" if answers else ""
    script = tmp_path / "chapter.py"
    script.write_text("\n".join([*cells(chapter), tried]), encoding="utf-8")
    done = subprocess.run(  # ops that are declared would stay in this process
        [sys.executable, "-W", "error", str(script)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env=os.environ | {"MPLBACKEND": "Agg"},
    )
    assert done.returncode == 0, done.stderr  # a check of a solution raises
    assert exercises >= 2
    assert done.stdout.count("not yet: it is not written yet\n") == exercises
    judged = re.findall(r"^judged (\w+) (\w+)", done.stdout, re.MULTILINE)
    assert judged == [(check, str(right)) for check, right, _ in answers]
    assert "right" not in done.stdout.splitlines()
    solved = [cell for cell in cells(chapter) if re.search(r"^check_\w+\(\w", cell, re.MULTILINE)]
    assert len(solved) == exercises
    assert len(re.findall(r'code_prompt_show: "A solution of \d"', page(chapter))) == exercises


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_notebook_stands_alone(chapter: str):
    notebook: Any = notebook_of(page(chapter))
    text = "\n".join(cells(chapter, "markdown"))
    assert "{download}" not in text
    assert re.findall(r"\]\((?!https?:)", text) == []
    assert re.findall(r"^:::", text, re.MULTILINE) == []
    folded = [cell for cell in notebook.cells if "jupyter" in cell.metadata]
    assert len(folded) == page(chapter).count("hide-cell")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_offers_its_notebook_and_the_real_files(chapter: str):
    assert f"<../_generated/{chapter}.ipynb>" in page(chapter)
    _, real = page(chapter).split("## The real files")
    files = re.findall(r"\]\(\.\./\.\./(minisym/.*?\.py)\)", real)
    assert files
    assert [file for file in files if not (ROOT / file).is_file()] == []
