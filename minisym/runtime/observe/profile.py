"""What each node of a run takes: time, bytes, arithmetic; as a table and for Perfetto.

>>> from minisym import sym
>>> net = sym.FullyConnected(sym.Variable("x"), num_hidden=64, name="fc")
>>> found = sym.tanh(net, name="squash").simple_bind(x=(32, 100)).profile(runs=3)
>>> [(row.name, row.op, row.nbytes, row.flops) for row in found.rows]
[('fc', 'FullyConnected', 46848, 411648), ('squash', 'tanh', 16384, 2048)]
"""

from __future__ import annotations

import json
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, starmap
from os import PathLike
from pathlib import Path
from time import perf_counter_ns
from typing import Any, NamedTuple

from minisym.core import random
from minisym.core.errors import ParamError
from minisym.core.files import write_text
from minisym.core.kernels import Step
from minisym.core.node import Entry, Node
from minisym.core.origin import position
from minisym.core.shapes import show
from minisym.passes.flops import flops
from minisym.runtime.calls import exhaust, quietly
from minisym.runtime.observe.bars import bars
from minisym.runtime.observe.tables import html_table
from minisym.runtime.plan import Plan
from minisym.runtime.program import Commit, Program

_MS = 1e3


class Row(NamedTuple):
    """A node, or all nodes of an op."""

    name: str
    """The name of the node; in a row of an op, that of the op."""
    op: str
    calls: int
    """How many nodes these are."""
    seconds: float
    """The median over the runs; of an op the sum over its nodes."""
    share: float
    """Its part of the whole run, from 0 to 1."""
    nbytes: int
    """How many bytes it reads and writes."""
    flops: int | None
    """How many floating point operations it does, if that is known."""
    backward: bool
    """Whether it belongs to the backward run."""


class Event(NamedTuple):
    """What a node did in one run, in nanoseconds since the run began."""

    node: Node
    begin: int
    """When it began, in nanoseconds."""
    end: int
    """When it ended, in nanoseconds."""
    backward: bool
    """Whether the node belongs to the backward run."""
    is_write: bool
    """It is the write into a bound array."""


@dataclass(frozen=True, repr=False)
class Profile:
    """What `Executor.profile` measured.

    Attributes
    ----------
    rows
        A row for each node, in the order in which they ran.
    runs
        For each run what happened when.
    details
        Node -> what the trace tells of it: its output shapes, bytes and arithmetic.
    """

    rows: tuple[Row, ...]
    runs: tuple[tuple[Event, ...], ...]
    details: dict[Node, dict[str, Any]]

    @property
    def seconds(self) -> float:
        """What all nodes take together."""
        return sum(row.seconds for row in self.rows)

    def by_op(self) -> tuple[Row, ...]:
        """Return a row for each op, the slowest first."""
        found: dict[tuple[str, bool], list[Row]] = {}
        for row in self.rows:
            found.setdefault((row.op, row.backward), []).append(row)
        summed = (
            Row(
                "",
                op,
                len(rows),
                sum(row.seconds for row in rows),
                sum(row.share for row in rows),
                sum(row.nbytes for row in rows),
                None if any(r.flops is None for r in rows) else sum(r.flops or 0 for r in rows),
                backward,
            )
            for (op, backward), rows in found.items()
        )
        return tuple(sorted(summed, key=lambda row: -row.seconds))

    def table(self, *, by: str = "op", limit: int = 30) -> str:
        """Return the slowest ops (or nodes, with `by="node"`) as text."""
        cells, more = self._cells(by, limit)
        widths = [max(len(row[i]) for row in cells) for i in range(7)]
        lines = ["  ".join(_cell(c, w, i) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
                 for row in cells]  # fmt: skip
        if more:
            lines.insert(-1, f"… {more} more")
        return "\n".join(line.rstrip() for line in lines)

    def _cells(self, by: str, limit: int) -> tuple[list[tuple[str, ...]], int]:
        """Return the head, the rows and the total of a table, and how many rows are left out."""
        if by not in ("op", "node"):
            raise ParamError(f'by takes "op" or "node", but got {by!r}')
        rows = self.by_op() if by == "op" else sorted(self.rows, key=lambda row: -row.seconds)
        cells: list[tuple[str, ...]] = [("", "ms", "share", "MB", "GB/s", "GFLOP/s", "calls")]
        for row in rows[:limit]:
            name = row.op if by == "op" else f"{row.name} ({row.op})"
            cells.append(
                (
                    name + (" (backward)" if row.backward and by == "op" else ""),
                    f"{row.seconds * _MS:.3f}",
                    f"{row.share:.1%}",
                    f"{row.nbytes / 1e6:.3f}",
                    _rate(row.nbytes, row.seconds),
                    _rate(row.flops, row.seconds),
                    str(row.calls),
                )
            )
        cells.append(("total", f"{self.seconds * _MS:.3f}", "", "", "", "", ""))
        return cells, max(0, len(rows) - limit)

    def svg(self) -> str:
        """Return a picture: a bar for each op, the slowest first."""
        return bars(self.by_op(), len(self.runs), self.seconds).svg()

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the picture to a file, `profile.svg`, `.png` or `.pdf`; return its path.

        Raises
        ------
        ParamError
            The path ends otherwise.
        NoPainterError
            It ends in .png or .pdf, and matplotlib is not installed.
        """
        return bars(self.by_op(), len(self.runs), self.seconds).save(path)

    def _repr_html_(self) -> str:
        """Show the table by op in a notebook."""
        cells, more = self._cells("op", 30)
        return html_table(
            cells,
            f"medians of {self._told_runs()}; of an op the sum over its nodes"
            + (f"; {more} more ops" if more else ""),
        )

    def _told_runs(self) -> str:
        return "1 run" if len(self.runs) == 1 else f"{len(self.runs)} runs"

    def __str__(self) -> str:
        """Return the table by op."""
        return self.table()

    __repr__ = __str__

    def __rich__(self) -> Any:
        """Return the table by op for `rich.print`, with a bar for each share."""
        from rich.table import Table

        table = Table(title=f"{self._told_runs()}, {self.seconds * _MS:.3f} ms each")
        for name in ("op", "ms", "share", ""):
            table.add_column(name, justify="left" if name in ("op", "") else "right")
        for row in self.by_op():
            bar = "█" * round(30 * row.share)
            table.add_row(row.op, f"{row.seconds * _MS:.3f}", f"{row.share:.1%}", bar)
        return table

    def trace(self) -> dict[str, Any]:
        """Return all runs, one behind the other, in the trace format of Chrome and Perfetto."""
        events: list[dict[str, Any]] = [
            {"ph": "M", "pid": 1, "tid": tid, "name": what, "args": {"name": name}}
            for tid, what, name in (
                (0, "process_name", "minisym"),
                (1, "thread_name", "forward"),
                (2, "thread_name", "backward"),
                (3, "thread_name", "writes"),
            )
        ]
        offset = 0
        for number, run in enumerate(self.runs):
            for event in run:
                op = event.node.op
                where = position(event.node.origin)
                events.append(
                    {
                        "ph": "X",
                        "pid": 1,
                        "tid": 3 if event.is_write else 2 if event.backward else 1,
                        "name": event.node.name,
                        "cat": op.name if op else "copy",
                        "ts": (offset + event.begin) / 1e3,
                        "dur": (event.end - event.begin) / 1e3,
                        "args": {
                            "op": op.name if op else "copy of the value before the run",
                            "run": number,
                            **self.details.get(event.node, {}),
                            "composed at": f"{where[0]}:{where[1]}" if where else "",
                        },
                    }
                )
            offset += run[-1].end if run else 0
        return {"traceEvents": events, "displayTimeUnit": "ns"}

    def save_trace(self, path: str | PathLike[str]) -> Path:
        """Write the trace to a file, which https://ui.perfetto.dev and chrome://tracing open."""
        path = Path(path)
        write_text(path, json.dumps(self.trace()))
        return path


def check_runs(runs: object) -> None:
    """Raise `ParamError` unless there is something to measure."""
    if not isinstance(runs, int) or runs < 1:
        raise ParamError(f"profile: runs must be an integer of at least 1, but got {runs!r}")


def profile(
    plan: Plan, runs: int, gradient_commits: Sequence[Commit], *, is_train: bool, backward: bool
) -> Profile:
    """Do what `Executor.profile` promises."""
    program = plan.program(is_train=is_train)
    schedule = list(_schedule(program, gradient_commits, backward=backward))
    targets = [plan.arrays[Entry(node)] for node in plan.written]
    targets += [commit.target for commit in gradient_commits]
    targets += [plan.output_array(head) for head in plan.heads if head.node.op is not None]
    draws = random.generator.bit_generator.state
    restore = starmap(operator.setitem, [(array, ..., array.copy()) for array in targets])
    try:
        quietly(_measure, plan, schedule)
        measured = tuple(quietly(_measure, plan, schedule) for _ in range(runs))
    finally:
        exhaust(restore)  # one call: nothing interrupts it
        random.generator.bit_generator.state = draws
    return Profile(tuple(_rows(plan, measured, backward=backward)), measured, _details(plan))


Item = tuple[Node, Sequence[Step], bool, bool]
"""Node, steps, backward, write."""


def _schedule(
    program: Program, gradient_commits: Sequence[Commit], *, backward: bool
) -> Iterator[Item]:
    """Yield what runs, in order: the forward run, its writes, the backward run, its writes."""
    for node, steps in program.forward:
        yield node, steps, False, False
    for node, commits in groupby(program.commits, lambda commit: commit.node):
        yield node, [(commit.call[0], commit.call[1:]) for commit in commits], False, True
    for node, steps in program.backward if backward else ():
        yield node, steps, True, False
    for commit in gradient_commits:
        yield commit.node, [(commit.call[0], commit.call[1:])], True, True


def _measure(plan: Plan, schedule: Sequence[Item]) -> tuple[Event, ...]:
    """Run once with a clock around each node."""
    times: list[int] = []
    step: Step = (print, ())
    begin = perf_counter_ns()
    try:
        for _, steps, _, _ in schedule:
            for step in steps:
                step[0](*step[1])
            times.append(perf_counter_ns() - begin)
    except Exception as error:
        raise plan.explain(step, error) from error
    return tuple(
        Event(node, start, end, late, is_write)
        for (node, _, late, is_write), start, end in zip(
            schedule, [0, *times[:-1]], times, strict=True
        )
    )


def _rows(plan: Plan, runs: Sequence[Sequence[Event]], *, backward: bool) -> Iterator[Row]:
    from statistics import median

    taken: dict[Node, float] = {}
    for events in zip(*runs, strict=True):
        seconds = median(event.end - event.begin for event in events) * 1e-9
        taken[events[0].node] = taken.get(events[0].node, 0.0) + seconds
    total = sum(taken.values()) or 1.0
    late = set(plan.backward_nodes)
    for node in plan.nodes if backward else plan.forward_nodes:
        assert node.op is not None
        seconds = taken.get(node, 0.0)
        yield Row(
            node.name, node.op.name, 1, seconds, seconds / total, _traffic(plan, node),
            flops(node, plan.typed.shapes), node in late,
        )  # fmt: skip


def _traffic(plan: Plan, node: Node) -> int:
    """Return how many bytes a node reads and writes; a view touches none."""
    if plan.layout.homes[Entry(node)].kind == "view":
        return 0
    entries = [*dict.fromkeys(node.inputs), *(Entry(node, i) for i in range(node.num_outputs))]
    return sum(plan.typed.nbytes(entry) for entry in entries)


def _details(plan: Plan) -> dict[Node, dict[str, Any]]:
    shapes = plan.typed.shapes
    return {
        node: {
            "shape": ", ".join(show(shapes[Entry(node, i)]) for i in range(node.num_outputs)),
            "bytes": _traffic(plan, node),
            "flops": flops(node, shapes),
        }
        for node in plan.nodes
    }


def _rate(amount: int | None, seconds: float) -> str:
    return "" if not amount or not seconds else f"{amount / seconds / 1e9:.1f}"


def _cell(text: str, width: int, column: int) -> str:
    return f"{text:>{width}}" if column else f"{text:<{width}}"
