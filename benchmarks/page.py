"""What was found, as a table on the terminal, a file of JSON, and a page of the documentation."""

from __future__ import annotations

import datetime as dt
import json
import platform
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import plots
from aims import AIMS, Aim
from plots import digits
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rounds import CASES, Case, Measured

DOCS = Path(__file__).parents[1] / "docs"
SCALES = {"us": 1e6, "ms": 1e3, "MB": 1e-6}
WIDE = 8  # more works than that are lines of a table, and contenders are columns
INTRODUCTION = Path(__file__).with_name("introduction.md")


def show(console: Console, case: Case, row: str, found: list[Measured]) -> None:
    """Print a row: shortest and median time of each contender, and the ratio to the best peer."""
    scale = SCALES[case.module.UNIT]
    theirs = [m for m in found if m.contender.peer != "minisym" and m.times and not m.error]
    best = min((m.least for m in theirs), default=np.nan)
    table = Table(title=f"{case.module.TITLE}: {row}", title_justify="left")
    table.add_column("")
    for head in (f"min, {case.module.UNIT}", "median", "of best peer"):
        table.add_column(head, justify="right")
    for m in found:
        title = escape(m.contender.title)
        if m.error:
            table.add_row(title, f"[red]{escape(m.error.strip().splitlines()[-1])}[/]")
        else:
            ratio = "" if np.isnan(best) else f"{m.least / best:.2f}"
            values = digits(m.least * scale), digits(m.median * scale), ratio
            table.add_row(title, *values, style="bold" if m.contender.peer == "minisym" else "")
    console.print(table)
    if case.others > 0.1:
        console.print(f"[yellow]something else kept {case.others:.1f} CPUs busy meanwhile[/]")


def keep(file: Path, case: Case, row: str, found: list[Measured]) -> None:
    """Add a row to a file; a row of an earlier run is replaced."""
    told: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"cases": {}}
    told["date"] = dt.datetime.now(dt.UTC).date().isoformat()
    told["machine"] = machine()
    empty: dict[str, Any] = {"rows": {}, "facts": {}, "others": {}}
    entry = told["cases"].setdefault(case.name, empty)
    entry |= {"title": case.module.TITLE, "unit": case.module.UNIT, "text": case.module.__doc__}
    entry["facts"] |= case.facts
    entry["others"][row] = case.others
    entry["rows"][row] = {
        m.contender.title: {
            "peer": m.contender.peer,
            "threads": m.contender.threads,
            "min": m.least,
            "median": m.median,
            "error": m.error,
        }
        for m in found
    }
    file.write_text(json.dumps(told, indent=1))


def machine() -> str:
    """Return what runs all this, in general words."""
    model, info = platform.processor() or "a processor", Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
        model = f"{len(names)} cores of an {names[0]}" if names else model
    return f"{model}, {platform.system()} on {platform.machine()}"


def write(told: dict[str, Any]) -> None:
    """Write the page of the documentation, and its plots."""
    parts = [INTRODUCTION.read_text(encoding="utf-8").format(**told), versions(told), aims(told)]
    for name in filter(told["cases"].get, CASES):
        case = told["cases"][name]
        text = case["text"].strip()
        parts.append(f"## {case['title']}\n\n{text}\n")
        if len(case["rows"]) <= WIDE:
            file = DOCS / "_static" / f"benchmark-{name}.svg"
            plots.draw(case, SCALES[case["unit"]], file)
            what = f"{case['title']} in {case['unit']}, less is better"
            parts.append(f"![{what}](_static/{file.name})\n")
        parts.append(table(case))
    (DOCS / "benchmarks.md").write_text("\n".join(parts), encoding="utf-8")


def versions(told: dict[str, Any]) -> str:
    """Say what was measured: versions, and the kernels of BLAS."""
    found: dict[str, str] = {}
    kernels = set()
    for case in told["cases"].values():
        for facts in case["facts"].values():
            pythons = {k: v for k, v in facts["versions"].items() if k != "numpy"}
            module = next((k for k in pythons if k != "Python"), "numpy")
            found[module] = f"{facts['versions'][module]} (Python {facts['versions']['Python']})"
            kernels |= set(facts["blas"])
    words = ", ".join(f"{name} {version}" for name, version in sorted(found.items()))
    return f"Versions: {words}. BLAS: {', '.join(sorted(kernels))}.\n"


def right(entry: dict[str, Any]) -> bool:
    """Return whether there is a figure."""
    return not entry["error"] and not np.isnan(entry["min"])


def cell(entry: dict[str, Any] | None, scale: float, best: float) -> str:
    """Return the shortest time and the median."""
    if entry is None or not right(entry):
        return ""
    least = digits(entry["min"] * scale)
    least = f"**{least}**" if entry["min"] == best else least
    return f"{least} ({digits(entry['median'] * scale)})"


def table(case: dict[str, Any]) -> str:
    """Return all figures of a case."""
    rows, scale = case["rows"], SCALES[case["unit"]]
    best = {
        row: min((e["min"] for e in es.values() if right(e)), default=0) for row, es in rows.items()
    }
    titles = list(dict.fromkeys(title for entries in rows.values() for title in entries))
    titles = [t for t in titles if any(t in es and right(es[t]) for es in rows.values())]
    if len(rows) > WIDE:
        titles = [t for t in titles if ", 2 " not in t and "naive" not in t]
        heads, lines = (
            titles,
            [
                (row, [cell(es.get(t), scale, best[row]) for t in titles])
                for row, es in rows.items()
            ],
        )
    else:
        heads = list(rows)
        lines = [(t, [cell(es.get(t), scale, best[r]) for r, es in rows.items()]) for t in titles]
        if any(share > 0.1 for share in case.get("others", {}).values()):
            shares = [f"{case['others'].get(row, 0):.1f}" for row in rows]
            lines.append(("*CPUs that were busy with something else*", shares))
    head = [f"| {case['unit']} | {' | '.join(heads)} |", "|---" + "|---:" * len(heads) + "|"]
    return "\n".join(head + [f"| {name} | {' | '.join(cells)} |" for name, cells in lines]) + "\n"


def judge(aim: Aim, told: dict[str, Any]) -> tuple[str, float, str, float] | None:
    """Return minisym's column and figure, and what it is measured by; None where one is missing."""
    entries = told["cases"].get(aim.case, {}).get("rows", {}).get(aim.row, {})
    entries = {title: e for title, e in entries.items() if right(e)}
    ours = {t: e["min"] for t, e in entries.items() if t in aim.ours}
    peers = {
        title: entry["min"]
        for title, entry in entries.items()
        if title == aim.other or (entry["peer"] != "minisym" and fnmatch(title, aim.other))
    }
    if not ours or not (peers or aim.amount):
        return None
    column = min(ours, key=ours.__getitem__)
    if aim.amount:
        return column, ours[column], "", aim.amount
    other = min(peers, key=peers.__getitem__)
    return column, ours[column], other, peers[other]


def aims(told: dict[str, Any]) -> str:
    """Return the table of what is aimed at, and what was reached."""
    lines = ["## Aims", "", "| work | | beside | ratio | aim | |", "|---|---|---|---:|---:|---|"]
    for aim in AIMS:
        judged = judge(aim, told)
        if judged is None:
            continue
        ours, figure, other, theirs = judged
        if aim.amount:
            scale, unit = (1e-6, "MB") if aim.case == "memory" else (1e3, "ms")
            values = f"{digits(figure * scale)} {unit}", f"{digits(aim.amount * scale)} {unit}"
            reached = figure <= aim.amount
        else:
            values = f"{figure / theirs:.2f}", f"{aim.ratio:.2f}"
            reached = figure / theirs <= aim.ratio
        mark = "reached" if reached else "not reached"
        lines.append(f"| {aim.row} | {ours} | {other} | {values[0]} | {values[1]} | {mark} |")
    return "\n".join(lines) + "\n"
