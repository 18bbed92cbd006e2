"""Predicting batch by batch: cut what is long, join what comes out, show how far it is."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import numpy as np

from minisym.core.errors import ArrayTypeError, ParamError, ShapeError
from minisym.core.ndarray import Array
from minisym.io.batch import DataBatch
from minisym.saved.run import Runner

_ROWS: Final = 32
"""So many rows run at once, unless somebody says how many."""
_EVERY: Final = 1.0
"""After so many seconds another plain line says how far it is."""


def predicted(
    runner: Runner, batches: Any, batch_size: int | None, *, progress: bool
) -> list[Array]:
    """Run all batches, and return the outputs joined."""
    most: Any = batch_size
    if most is not None and not (isinstance(most, int) and most > 0):
        raise ParamError(f"predict: batch_size must be a positive int, but got {batch_size!r}")
    whole = isinstance(batches, np.ndarray | Mapping)
    if not whole and not isinstance(batches, Iterable):
        kind = type(batches).__name__
        raise ArrayTypeError(f"predict takes arrays, or what yields batches, but got {kind}")
    given: Iterable[Any] = [batches] if whole else batches
    size = _ROWS if whole and batch_size is None else batch_size
    names = tuple(desc[0] for desc in getattr(batches, "provide_data", None) or ())
    total = _rows(runner.named(*_as_call(batches, names))) if whole else None
    columns: list[list[Array]] = []
    with _bar(total) if progress else nullcontext(_ignore) as tell:
        for batch in given:
            feeds = runner.named(*_as_call(batch, names))
            rows = _rows(feeds)
            for start in range(0, max(rows, 1), size or max(rows, 1)):
                stop = min(start + (size or rows), rows)
                columns.append(_run(runner, feeds, batch, slice(start, stop), rows))
                tell(stop - start)
    if not columns:
        raise ParamError("predict: there are no batches", hint="an iterator is used up: reset it")
    return [_joined(column) for column in zip(*columns, strict=True)]


def _as_call(batch: Any, names: Sequence[str]) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """Return a batch as the arguments of a call; `names` are those of an iterator's arrays."""
    if isinstance(batch, DataBatch):
        own = [desc[0] for desc in batch.provide_data or ()] or names
        return ((), dict(zip(own, batch.data, strict=True))) if own else (tuple(batch.data), {})
    if isinstance(batch, Mapping):
        return (), batch
    return tuple(batch) if isinstance(batch, tuple | list) else (batch,), {}


def _rows(feeds: Mapping[str, Any]) -> int:
    """Return the number of rows: the first axis of all inputs that have one."""
    lengths = {name: len(array) for name, array in feeds.items() if np.ndim(array)}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise ShapeError(f"predict: inputs have different numbers of rows: {told}")
    return next(iter(lengths.values()), 1)


def _run(
    runner: Runner, feeds: Mapping[str, Any], batch: Any, part: slice, rows: int
) -> list[Array]:
    """Run some rows of a batch, and leave out those that only fill it."""
    some = feeds
    if part != slice(0, rows):
        some = {name: array[part] if np.ndim(array) else array for name, array in feeds.items()}
    outputs = runner.run(some)
    pad = (batch.pad or 0) if isinstance(batch, DataBatch) else 0
    real = max(rows - pad - part.start, 0)
    return [out[:real] if pad and out.ndim else out for out in outputs]


def _joined(column: Iterable[Array]) -> Array:
    parts = list(column)
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts[0].ndim else np.stack(parts)


# --------------------------------------------------------------------------------- how far it is


def _ignore(rows: int) -> None:
    """Say nothing."""


def _bar(total: int | None) -> AbstractContextManager[Any]:
    """Return what shows a progress bar, and takes the number of rows that are done."""
    try:
        from rich.console import Console
        from rich.progress import Progress
    except ImportError:
        return _Lines(total)

    class Bar(Progress):
        """A bar on the standard error stream."""

        def __enter__(self) -> Any:
            """Begin."""
            super().__enter__()
            task = self.add_task("predict", total=total)
            return lambda rows: self.advance(task, rows)

    return Bar(console=Console(stderr=True))


class _Lines:
    """Plain lines on the standard error stream, not more than one in a second."""

    def __init__(self, total: int | None) -> None:
        self.total, self.done = total, 0
        self.began = self.told = time.monotonic()

    def __enter__(self) -> Any:
        """Begin."""
        return self._tell

    def __exit__(self, *_: object) -> None:
        """Say how much was done."""
        self._say()

    def _tell(self, rows: int) -> None:
        self.done += rows
        if time.monotonic() - self.told > _EVERY:
            self._say()

    def _say(self) -> None:
        self.told = time.monotonic()
        of = f" of {self.total}" if self.total is not None else ""
        seconds = self.told - self.began
        sys.stderr.write(f"predict: {self.done}{of} rows in {seconds:.1f} s\n")
