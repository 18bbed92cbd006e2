"""The page that slides through a training: a graph, and what was kept of each step."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from minisym.core.files import write_text
from minisym.core.symbol import Symbol
from minisym.runtime.observe.glimpse import Frame, Glimpse, spread
from minisym.show.html.model import model
from minisym.show.html.page import page
from minisym.show.known import learn

Json = dict[str, Any]
Array = np.ndarray[Any, Any]

_FINE, _COARSE = 24, 10
"""Cells that a heat map has a side, at most."""
_MANY: Final = 600
"""So many heat maps of weights are fine ones; of more, all are coarse."""
_STEPS: Final = 254
_NOT_FINITE: Final = 255


class Training(NamedTuple):
    """What the page shows beside the graph."""

    frames: Sequence[Frame]
    numbers: Mapping[str, Sequence[tuple[int, float]]]
    """Numbers along the steps, such as a loss: pairs of step and value."""
    written_by: Mapping[str, str]


def training_page(
    symbol: Symbol,
    path: Path,
    training: Training,
    *,
    shape: Mapping[str, Any],
    dtype: Mapping[str, Any],
    title: str = "",
) -> Path:
    """Write the page; return its path. It is told about what was kept, and nothing runs."""
    graph = symbol.graph
    data = model(graph, learn(graph, shape, dtype), title)
    places = graph.numbered()
    variables = {node.name: places[node] for node in graph.variables}
    ops = {node.name: place for node, place in places.items() if node.op is not None}
    names = [*training.frames[0].values]
    most = _FINE if len(names) * len(training.frames) <= _MANY else _COARSE
    data |= {
        "run": None,
        "training": {
            "steps": [frame.step for frame in training.frames],
            "numbers": {
                name: [[step, value] for step, value in points if np.isfinite(value)]
                for name, points in training.numbers.items()
            },
            "arrays": [
                {
                    "node": variables[name],
                    "by": ops.get(training.written_by.get(name, "")),
                    "frames": list(_frames(name, training.frames, most)),
                }
                for name in names
            ],
        },
    }
    write_text(path, page(data), errors="backslashreplace")
    return path


def _frames(name: str, frames: Sequence[Frame], most: int) -> Iterator[Json]:
    """Yield an array at each step; its heat maps have one scale in all of them."""
    cells = [_thin(frame.values[name].cells, most) for frame in frames]
    with np.errstate(all="ignore"):
        moves = [np.subtract(b, a, dtype=np.float64, casting="unsafe") for a, b in pairwise(cells)]
    values, moved = _Scale(cells), _Scale(moves)
    before: Frame | None = None
    for i, frame in enumerate(frames):
        found: Json = {"value": _told(frame.values[name]) | values.picture(cells[i])}
        if before is not None:
            found["change"] = moved.picture(moves[i - 1])
            found["changed"] = frame.changed(before, name)
        if (gradient := frame.gradients.get(name)) is not None:
            last = None if before is None else before.gradients.get(name)
            found["gradient"] = _told(gradient) | _signs(gradient, last, most)
            if before is not None and (share := frame.flipped(before, name)) is not None:
                found["flipped"] = share
        before = frame
        yield found


def _thin(cells: Array, most: int) -> Array:
    """Return a table of fewer cells, of which each is one of the cells."""
    wide = most if len(cells) > 1 else most * 2
    rows, columns = (spread(n, min(n, m)) for n, m in zip(cells.shape, (most, wide), strict=True))
    found: Array = cells[np.ix_(rows, columns)]
    return found


class _Scale:
    """One scale for several tables: from the least to the greatest finite element of all."""

    def __init__(self, tables: Sequence[Array]) -> None:
        finite = [t[np.isfinite(t)] for t in tables]
        self.least = min((float(t.min()) for t in finite if t.size), default=0.0)
        self.greatest = max((float(t.max()) for t in finite if t.size), default=0.0)

    def picture(self, cells: Array) -> Json:
        """Return a table as bytes along the scale."""
        plain = cells.astype(np.float64)
        with np.errstate(all="ignore"):
            span = self.greatest - self.least
            scaled = (plain - self.least) / span * _STEPS if 0 < span < np.inf else plain * 0 + 127
        marks = np.full(plain.shape, _NOT_FINITE, np.uint8)
        known = np.isfinite(scaled)
        marks[known] = np.rint(scaled[known].clip(0, _STEPS)).astype(np.uint8)
        return _table(marks) | {"low": f"{self.least:.4g}", "high": f"{self.greatest:.4g}"}


def _signs(now: Glimpse, before: Glimpse | None, most: int) -> Json:
    """Return the signs of a gradient: 0 none, 1 plus, 2 minus, two more where it has flipped."""
    with np.errstate(invalid="ignore"):
        signs = np.sign(_thin(now.cells, most).astype(np.float64))
        last = 0 * signs if before is None else np.sign(_thin(before.cells, most))
        marks = np.where(signs > 0, 1, np.where(signs < 0, 2, 0)) + 2 * (signs * last < 0)
    marks[np.isnan(signs)] = _NOT_FINITE
    return _table(marks.astype(np.uint8))


def _table(marks: Array) -> Json:
    rows, columns = marks.shape
    text = b64encode(marks.tobytes()).decode("ascii")
    return {"rows": rows, "columns": columns, "cells": text}


def _told(seen: Glimpse) -> Json:
    known = seen.statistics
    return {
        "shape": "×".join(map(str, known.shape)) or "scalar",
        "dtype": known.dtype,
        "text": str(known),
        "bad": known.nans + known.infinities,
        "bars": seen.bars,
        "from": f"{known.least or 0:.4g}",
        "to": f"{known.greatest or 0:.4g}",
    }
