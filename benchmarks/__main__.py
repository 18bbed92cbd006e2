"""Measure minisym and its peers side by side, and print or write what was found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import page
import peers
import typer
from rich.console import Console
from rounds import CASES, Case


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help="Cases, parts of rows, or case:part.")
    ] = None,
    *,
    rounds: Annotated[int, typer.Option(help="How often each contender has its turn.")] = 5,
    seconds: Annotated[float, typer.Option(help="How long a turn is.")] = 0.15,
    only: Annotated[str, typer.Option("--peers", help="Which, as in minisym,torch.")] = "",
    against: Annotated[str, typer.Option(help="A commit of minisym to compare with.")] = "",
    quick: Annotated[bool, typer.Option("--quick", help="Tiny sizes: does it all run?")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Add what was found to a file.")
    ] = None,
    page_of: Annotated[
        Path | None, typer.Option("--page", help="Write docs/benchmarks.md of a file.")
    ] = None,
    setup: Annotated[bool, typer.Option("--setup", help="Make the environments of peers.")] = False,
) -> None:
    """Run benchmarks: all, or those whose case or row is named."""
    console = Console()
    if setup:
        raise typer.Exit(_set_up(console, names or []))
    if page_of:
        page.write(json.loads(page_of.read_text()))
        return
    wanted = [c for c in peers.contenders() if not only or c.peer in only.split(",")]
    if against:
        wanted[1:1] = peers.another(against)
    missing = {c.peer for c in wanted if c.python is None}
    if missing:
        console.print(f"[yellow]not installed: {', '.join(sorted(missing))} (see --setup)[/]")
    failed = False
    chosen = {case: rows for case in _cases(quick, rounds, seconds) if (rows := _rows(case, names))}
    if not chosen:
        raise typer.BadParameter(f"no case or row is called {names}; cases are {', '.join(CASES)}")
    for case, rows in chosen.items():
        for row, found in case.run(wanted, rows):
            page.show(console, case, row, found)
            failed |= any(m.error for m in found)
            if json_file:
                page.keep(json_file, case, row, found)
    raise typer.Exit(int(failed))


def _cases(quick: bool, rounds: int, seconds: float) -> list[Case]:
    """Return all cases."""
    if quick:
        rounds, seconds = 1, 0
    return [Case(name, quick=quick, rounds=rounds, seconds=seconds) for name in CASES]


def _rows(case: Case, names: list[str] | None) -> list[str]:
    """Return what is wanted of a case: named are it, parts of a row, or both as `case:part`."""
    if not names or case.name in names:
        return case.rows
    own = f"{case.name}:"
    others = tuple(f"{name}:" for name in CASES if name != case.name)
    parts = [name.removeprefix(own) for name in names if name not in CASES]
    parts = [part for part in parts if not part.startswith(others)]
    return [row for row in case.rows if any(part in row for part in parts)]


def _set_up(console: Console, names: list[str]) -> int:
    failed = 0
    if unknown := set(names) - set(peers.ENVIRONMENTS):
        have = ", ".join(peers.ENVIRONMENTS)
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: there are environments for {have}")
    for name, why in peers.set_up(names):
        console.print(f"[red]{name}[/]: {why}" if why else f"[green]{name}[/]: there")
        failed |= bool(why)
    return failed


if __name__ == "__main__":
    typer.run(main)
