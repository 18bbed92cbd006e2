"""Every benchmark runs at a tiny size, all compute the same, and the page says what was found."""

from __future__ import annotations

import shutil
from fnmatch import fnmatch

import pytest

pytest.importorskip("rich", reason="the benchmarks print tables with rich")

import page
import peers
import rounds
from aims import AIMS, Aim
from places import ROOT


def case(name):
    return rounds.Case(name, quick=True, rounds=1, seconds=0)


def test_each_file_is_a_case():
    files = {path.stem for path in (ROOT / "benchmarks" / "cases").glob("*.py")}
    assert files == {*rounds.CASES, "engines"}


@pytest.mark.parametrize("name", rounds.CASES)
def test_each_row_runs(name):
    measured = case(name)
    found = dict(measured.run([peers.Contender("minisym")], measured.rows))
    assert list(found) == measured.rows
    for row, (ours,) in found.items():
        assert not ours.error, row
        assert ours.least > 0


@pytest.mark.skipif(not shutil.which("cc"), reason="there is no C compiler")
@pytest.mark.parametrize("name", ["updates", "elementwise"])
def test_what_is_written_by_hand_computes_the_same(name):
    hands = [peers.Contender(peer) for peer in ("minisym", "numpy", "c")]
    measured = case(name)
    for row, found in measured.run(hands, measured.rows):
        assert len(found) == (3 if name == "updates" else 2), row
        assert not any(one.error for one in found), row


def test_another_result_is_no_figure():
    ours, theirs, third = found = [
        rounds.Measured(peers.Contender(p)) for p in ("minisym", "c", "jax")
    ]
    answers = {one.contender: [1.0, 2.0] for one in found}
    answers[theirs.contender] = [1.0, 2.5]
    rounds.compare(found, answers)
    assert theirs.error == "[1.0, 2.5] instead of [1.0, 2.0]\nanother result"
    assert not ours.error
    assert not third.error


def test_contenders_say_who_they_are():
    everybody = peers.contenders()
    titles = [one.title for one in everybody]
    assert len(set(titles)) == len(everybody)
    assert titles[:5] == [
        "minisym",
        "minisym, 2 threads",
        "minisym, 2 workers",
        "minisym[fast]",
        "minisym[fast], 2 workers",
    ]
    assert {one.peer for one in everybody} >= set(peers.ENVIRONMENTS)


def entry(peer, least, threads=1):
    return {"peer": peer, "threads": threads, "min": least, "median": 2 * least, "error": ""}


FOUND = {
    "date": "2026-11-30",
    "machine": "2 cores",
    "cases": {
        "updates": {
            "title": "Updates",
            "unit": "us",
            "text": "About them.",
            "facts": {
                "minisym": {"versions": {"Python": "3.11", "minisym": "0.1.0"}, "blas": ["x"]}
            },
            "rows": {
                "signsgd, 1e3": {
                    "minisym": entry("minisym", 3e-6),
                    "JAX": entry("jax", 5e-6),
                    "JAX, 2 threads": entry("jax", 4e-6, 2),
                    "C loop": {**entry("c", 1e-6), "error": "another result"},
                }
            },
        }
    },
}


def test_a_table_holds_minima_and_medians():
    assert page.table(FOUND["cases"]["updates"]).splitlines() == [
        "| us | signsgd, 1e3 |",
        "|---|---:|",
        "| minisym | **3** (6) |",
        "| JAX | 5 (10) |",
        "| JAX, 2 threads | 4 (8) |",
    ]


def test_an_aim_is_judged_by_the_best_that_it_names():
    row = "signsgd, 1e3"
    for other, best in (("JAX*", "JAX, 2 threads"), ("JAX", "JAX"), ("*", "JAX, 2 threads")):
        column, figure, beside, theirs = page.judge(
            Aim("updates", row, ("minisym",), other, 1), FOUND
        )
        assert (column, figure, beside) == ("minisym", 3e-6, best)
        assert theirs == {"JAX": 5e-6, "JAX, 2 threads": 4e-6}[best]
    assert page.judge(Aim("updates", row, ("minisym[fast]",), "JAX", 1), FOUND) is None
    assert page.judge(Aim("updates", row, ("minisym",), "C loop", 1), FOUND) is None
    assert "| signsgd, 1e3 | minisym | JAX, 2 threads | 0.75 | 0.85 | reached |" in page.aims(FOUND)


def test_aims_name_rows_and_columns_that_there_are():
    titles = {one.title for one in peers.contenders()}
    for aim in AIMS:
        assert aim.row in rounds.Case(aim.case, quick=False, rounds=1, seconds=0).rows
        assert set(aim.ours) <= titles
        assert aim.other.startswith("minisym ") or any(fnmatch(t, aim.other) for t in titles)


def test_the_page_is_written_with_its_pictures(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib", reason="plots are drawn by matplotlib")
    (tmp_path / "_static").mkdir()
    monkeypatch.setattr(page, "DOCS", tmp_path)
    page.write(FOUND)
    text = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    assert "on 2026-11-30, on 2 cores" in text
    assert "Versions: minisym 0.1.0 (Python 3.11). BLAS: x." in text
    drawn = (tmp_path / "_static" / "benchmark-updates.svg").read_text(encoding="utf-8")
    assert "signsgd, 1e3, us" in drawn
    assert "C loop" not in drawn
