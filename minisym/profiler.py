"""MXNet's profiler, of which nothing is left but the names: they do nothing, and say where to look.

`executor.profile()` measures what each node takes, and `executor.memory_report()` what lives where.

>>> import warnings
>>> with warnings.catch_warnings(record=True) as told:
...     warnings.simplefilter("always")
...     set_config(profile_all=True, filename="profile.json")
>>> str(told[0].message)
'ms.profiler does nothing: executor.profile() measures each node'
"""

from __future__ import annotations

import warnings
from typing import Any, Self


def _told() -> None:
    message = "ms.profiler does nothing: executor.profile() measures each node"
    warnings.warn(message, stacklevel=3)


def set_config(**kwargs: Any) -> None:
    """Do nothing."""
    _told()


def profiler_set_config(mode: str = "symbolic", filename: str = "profile.json") -> None:
    """Do nothing."""
    _told()


def set_state(state: str = "stop", profile_process: str = "worker") -> None:
    """Do nothing."""
    _told()


def profiler_set_state(state: str = "stop") -> None:
    """Do nothing."""
    _told()


def dump(finished: bool = True, profile_process: str = "worker") -> None:
    """Do nothing."""


def dump_profile() -> None:
    """Do nothing."""


def dumps(
    reset: bool = False, format: str = "table", sort_by: str = "total", ascending: bool = False
) -> str:
    """Return nothing to read."""
    return ""


def pause(profile_process: str = "worker") -> None:
    """Do nothing."""


def resume(profile_process: str = "worker") -> None:
    """Do nothing."""


class Domain:
    """A name for what is measured."""

    def __init__(self, name: str) -> None:
        self.name = name

    def new_task(self, name: str) -> Task:
        """Return a task."""
        return Task(self, name)

    def new_frame(self, name: str) -> Frame:
        """Return a frame."""
        return Frame(self, name)

    def new_counter(self, name: str, value: float | None = None) -> Counter:
        """Return a counter."""
        return Counter(self, name, value)

    def new_marker(self, name: str) -> Marker:
        """Return a marker."""
        return Marker(self, name)


class Task:
    """A span of time that nobody measures."""

    def __init__(self, domain: Domain, name: str) -> None:
        self.domain, self.name = domain, name

    def start(self) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""


class Frame(Task):
    """A span of time, likewise."""


class Event(Task):
    """A span of time, likewise."""

    def __init__(self, name: str) -> None:
        super().__init__(Domain(""), name)


class Counter:
    """A number that nobody records."""

    def __init__(self, domain: Domain, name: str, value: float | None = None) -> None:
        self.domain, self.name, self.value = domain, name, value or 0

    def set_value(self, value: float) -> None:
        """Set it."""
        self.value = value

    def increment(self, delta: float = 1) -> None:
        """Add to it."""
        self.value += delta

    def decrement(self, delta: float = 1) -> None:
        """Take from it."""
        self.value -= delta

    def __iadd__(self, delta: float) -> Self:
        """Add to it."""
        self.increment(delta)
        return self

    def __isub__(self, delta: float) -> Self:
        """Take from it."""
        self.decrement(delta)
        return self


class Marker:
    """A point in time that nobody records."""

    def __init__(self, domain: Domain, name: str) -> None:
        self.domain, self.name = domain, name

    def mark(self, scope: str = "process") -> None:
        """Do nothing."""
