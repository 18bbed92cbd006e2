"""Run contenders in turn, round after round, each in its own process."""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import numpy as np
from peers import Contender

CASES = (
    "updates",
    "elementwise",
    "training",
    "resnet",
    "lstm",
    "memory",
    "graphs",
    "ops",
    "files",
    "imports",
)
WORKER = Path(__file__).with_name("worker.py")
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
PAUSE = 0.06  # seconds: threads of the one before, which wait for work by spinning, go to sleep


@dataclass
class Measured:
    """What one contender did of one row."""

    contender: Contender
    times: list[float] = field(default_factory=list)
    error: str = ""

    @property
    def least(self) -> float:
        """The shortest time, or nan."""
        return min(self.times, default=math.nan)

    @property
    def median(self) -> float:
        """What half of the runs kept below, or nan."""
        return statistics.median(self.times) if self.times else math.nan


class Process:
    """A worker, and the lines of JSON to and from it."""

    def __init__(self, case: str, contender: Contender, *, quick: bool) -> None:
        way = {"name": contender.name, "threads": contender.threads, "quick": quick}
        command = [contender.python, WORKER, case, contender.peer, json.dumps(way)]
        # what it prints: a pipe that nobody reads would fill up
        self.words = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process
        self.worker = subprocess.Popen(
            [str(part) for part in command],
            env=contender.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.words,
            text=True,
        )

    def ask(self, verb: str, *arguments: Any) -> Any:
        """Have something done; return the answer, or raise RuntimeError with the worker's words."""
        assert self.worker.stdin is not None
        assert self.worker.stdout is not None
        try:
            self.worker.stdin.write(json.dumps([verb, *arguments]) + "\n")
            self.worker.stdin.flush()
            answer = json.loads(self.worker.stdout.readline() or "{}")
        except BrokenPipeError:
            answer = {}
        if "ok" in answer:
            return answer["ok"]
        raise RuntimeError(answer.get("error") or f"the worker ended: {self._last_words()}")

    def busy(self) -> float:
        """Return for how many seconds it has kept CPUs busy."""
        try:
            text = Path(f"/proc/{self.worker.pid}/stat").read_text()
        except OSError:
            return 0.0
        return sum(map(int, text.rsplit(")", 1)[1].split()[11:13])) / TICKS

    def _last_words(self) -> str:
        code = self.worker.wait()
        self.words.seek(0)
        return f"{self.words.read()[-2000:]} (exit code {code})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.worker.kill()
        self.worker.communicate()
        self.words.close()


def busy() -> float:
    """Return for how many seconds all that runs here has kept CPUs busy, the kernel included."""
    try:
        user, nice, system, *_ = Path("/proc/stat").read_text().split()[1:]
    except OSError:
        return 0.0
    return (int(user) + int(nice) + int(system)) / TICKS


class Case:
    """A module of cases/ and all who take part in it."""

    def __init__(self, name: str, *, quick: bool, rounds: int, seconds: float) -> None:
        self.name, self.quick, self.count, self.seconds = name, quick, rounds, seconds
        self.module = import_module(f"cases.{name}")
        self.rows = list(self.module.rows(quick))
        self.facts: dict[str, Any] = {}
        self.others = 0.0  # CPUs that were busy with something else while the last row was measured

    def run(
        self, contenders: Iterable[Contender], rows: list[str]
    ) -> Iterator[tuple[str, list[Measured]]]:
        """Measure the rows one after the other; yield each with what everybody needed."""
        able = [c for c in contenders if hasattr(self.module, f"in_{c.peer}") and c.python]
        if getattr(self.module, "FRESH", False):
            for row in rows:
                yield row, self._fresh(able, row)
            return
        processes = {c: Process(self.name, c, quick=self.quick) for c in able}
        try:
            for c, process in processes.items():
                self.facts[c.title] = process.ask("facts")
            for row in rows:
                yield row, self._row(processes, row)
        finally:
            for process in processes.values():
                process.__exit__()

    def _row(self, processes: dict[Contender, Process], row: str) -> list[Measured]:
        found, answers = self._prepare(processes, row)
        self._measure(processes, [m for m in found if not m.error])
        compare(found, answers)
        return found

    def _prepare(
        self, processes: dict[Contender, Process], row: str
    ) -> tuple[list[Measured], dict[Contender, list[float]]]:
        """Have everybody make a row ready; return those who do it, and what they computed."""
        found: list[Measured] = []
        answers: dict[Contender, list[float]] = {}
        for c, process in processes.items():
            measured = Measured(c)
            try:
                answer = process.ask("prepare", row)
            except RuntimeError as error:
                measured.error = str(error)
                found.append(measured)
                continue
            if answer is not None:
                found.append(measured)
                answers[c] = answer
        return found, answers

    def _measure(self, processes: dict[Contender, Process], able: list[Measured]) -> None:
        """Give everybody their turns; the first does not count, as others were busy before it."""
        before = busy(), sum(process.busy() for process in processes.values()), time.monotonic()
        for i in range(self.count + 1):
            for measured in able[:: -1 if i % 2 else 1]:
                time.sleep(0 if self.quick else PAUSE)
                times = processes[measured.contender].ask("sample", self.seconds)
                measured.times += times if i else []
        every, ours, start = before
        ours = sum(process.busy() for process in processes.values()) - ours
        self.others = (busy() - every - ours) / (time.monotonic() - start)

    def _fresh(self, able: list[Contender], row: str) -> list[Measured]:
        found = {c: Measured(c) for c in able}
        for i in range(min(self.count, getattr(self.module, "ROUNDS", self.count))):
            for c in list(found)[:: -1 if i % 2 else 1]:
                with Process(self.name, c, quick=self.quick) as process:
                    try:
                        value = process.ask("prepare", row)
                    except RuntimeError as error:
                        found[c].error = str(error)
                        continue
                    if value is None:
                        del found[c]
                    else:
                        found[c].times.append(value)
        return list(found.values())


def compare(found: list[Measured], answers: dict[Contender, list[float]]) -> None:
    """Say of a contender whose answer is not that of most that it is another."""
    if not answers:
        return
    middle = np.median(np.array(list(answers.values())), axis=0)
    for measured in found:
        answer = answers.get(measured.contender)
        if answer is not None and not np.allclose(answer, middle, rtol=2e-3, atol=1e-5):
            measured.error = f"{answer} instead of {middle.tolist()}\nanother result"
