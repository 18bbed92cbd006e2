"""When it is worth while to compile: a clock around few runs tells what all have taken.

A clock around each run would take longer than it may save: a small update lasts two microseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import starmap
from math import ceil
from sys import maxsize
from time import perf_counter
from typing import Final

from minisym.runtime.calls import Call

LONG: Final = 0.5
"""Seconds that updates take in all before they are compiled: about what compiling takes."""


class Warmup:
    """Finds out when the updates of an executor have taken long.

    Parameters
    ----------
    mode
        When to compile, as `set_compile` has it.

    Attributes
    ----------
    is_over
        Whether they have.
    due
        After how many runs to look again.
    """

    def __init__(self, mode: str) -> None:
        self.is_over = mode == "always"
        # the first run is slow: it touches memory for the first time
        self.due = 1 if mode == "auto" else maxsize
        self._stamps: list[float] = []

    def look(self, runs: int) -> bool:
        """Look at what the last timed run has taken; return whether the next one is to be timed."""
        if self.is_over or runs < self.due:
            return False
        if len(self._stamps) < 2:
            self.due = runs + 1
            return True
        begin, end = self._stamps
        self._stamps = []
        enough = ceil(LONG / max(end - begin, 1e-9))
        self.is_over = runs >= enough
        self.due = maxsize if self.is_over else min(enough, 4 * runs)  # by then it is known better
        return False

    def timed(self, calls: Sequence[Call]) -> list[Call]:
        """Return calls with a clock around them, for one run."""
        self._stamps = []
        # calls of C, as all others in a commit
        clock = [(list.extend, self._stamps, starmap(perf_counter, ((),))) for _ in range(2)]
        return [clock[0], *calls, clock[1]]
