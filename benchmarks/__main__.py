"""Measure minisym and its peers side by side, and print or write what was found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import page
import peers
import typer
from rich.console import Console
from rounds import Case

CASES = [path.stem for path in sorted((Path(__file__).parent / "cases").glob("[!_]*.py"))]
CASES = [name for name in CASES if name != "engines"]


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help="Cases, or parts of names of rows.")
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
    for name in CASES:
        case = Case(
            name, quick=quick, rounds=1 if quick else rounds, seconds=0 if quick else seconds
        )
        parts = [n for n in names or () if n not in CASES]
        whole = not names or name in names
        rows = [r for r in case.rows if whole or any(part in r for part in parts)]
        if not rows:
            continue
        for row, found in case.run(wanted, rows):
            page.show(console, case, row, found)
            failed |= any(m.error for m in found)
            if json_file:
                page.keep(json_file, case, row, found)
    raise typer.Exit(int(failed))


def _set_up(console: Console, names: list[str]) -> int:
    failed = 0
    for name, why in peers.set_up(names):
        console.print(f"[red]{name}[/]: {why}" if why else f"[green]{name}[/]: there")
        failed |= bool(why)
    return failed


if __name__ == "__main__":
    typer.run(main)
