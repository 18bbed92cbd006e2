"""What is said of the package, and what a package index shows of it."""

import re
import runpy
import tomllib
from importlib import metadata

import pytest
from places import ROOT

import minisym as ms

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_version_stands_in_one_place():
    assert "version" in PROJECT["dynamic"]
    assert "version" not in PROJECT
    assert metadata.version("minisym") == ms.__version__


def test_ci_runs_with_the_oldest_versions_that_are_declared():
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for dependency in PROJECT["dependencies"]:
        name, oldest = dependency.split(">=")
        assert re.search(rf"\b{name}=={oldest}(\.0)?\b", run), dependency


def test_links_of_readme_lead_somewhere():
    """In the checkout; on a package index they are names of files."""
    pytest.importorskip("hatchling", reason="hatchling builds the package")
    for_index = runpy.run_path(str(ROOT / "hatch_build.py"))["for_index"]
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    paths = [path for path in re.findall(r"\]\(([^)]+)\)", text) if "://" not in path]
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path.partition("#")[0]).exists()] == []
    shown = for_index(text)
    assert [link for link in re.findall(r"\]\(([^)]+)\)", shown) if "://" not in link] == []
    assert all(f"`{path}`" in shown for path in paths)
