"""A recorded run for the page: what each node made, how long it took, and what is written."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import numpy as np

from minisym.core import random
from minisym.core.errors import GradientError
from minisym.core.graph import Graph
from minisym.core.node import Node
from minisym.passes.typed import Typed
from minisym.runtime.executor import Executor
from minisym.runtime.observe.debug import Moment
from minisym.runtime.observe.values import heat_map, histogram, statistics

Json = dict[str, Any]
Array = np.ndarray[Any, Any]

_MANY: Final = 600
"""Runs of more nodes are recorded with coarser pictures."""
_NOT_FINITE: Final = 255


def record(executor: Executor, graph: Graph, *, is_train: bool) -> tuple[Json, Typed]:
    """Run once without writing anything; return what happened, and all shapes and types.

    The bound arrays, the outputs and the random numbers are as before. Where gradients are bound
    and need no head gradients, the backward run is part of it.
    """
    places = graph.numbered()
    by_name = {node.name: node for node in graph.variables}
    bound = {by_name[n]: a for n, a in (executor.arg_dict | executor.aux_dict).items()}
    try:
        run = executor.step(is_train=is_train, backward=True)
    except GradientError:
        run = executor.step(is_train=is_train)
    steps: list[Json] = []
    writes: list[Json] = []
    with run, _random_numbers_kept():
        fine = run.remaining <= _MANY
        while run.coming is not None:
            moment = next(run)
            steps.append(_step(moment, places, fine=fine))
            writes += [
                {
                    "node": places[by_name[name]],
                    "by": len(steps) - 1,
                    "before": picture(bound[by_name[name]], fine=fine),
                    "after": picture(value, fine=fine),
                    "change": _change(bound[by_name[name]], value, fine=fine),
                }
                for name, value in moment.writes.items()
            ]
    values = {places[node]: picture(array, fine=fine) for node, array in bound.items()}
    found = {"is_train": is_train, "steps": steps, "writes": writes, "bound": values}
    return found, run.typed


@contextmanager
def _random_numbers_kept() -> Iterator[None]:
    state = random.generator.bit_generator.state
    try:
        yield
    finally:
        random.generator.bit_generator.state = state


def _change(before: Array, after: Array, *, fine: bool) -> Json:
    """Return a picture of the difference, of booleans and unsigned integers, too."""
    with np.errstate(all="ignore"):
        difference = np.subtract(after, before, dtype=np.float64, casting="unsafe")
    return picture(difference, fine=fine) | {"dtype": ""}


def _step(moment: Moment, places: Mapping[Node, int], *, fine: bool) -> Json:
    """Describe what a node did; one of the backward run may not be in the graph that is drawn."""
    node = moment.node
    found: Json = {
        "name": node.name,
        "op": node.op.name if node.op else "",
        "us": round(moment.seconds * 1e6, 1),
        "outputs": [
            {"name": name, **picture(array, fine=fine)} for name, array in moment.outputs.items()
        ],
    }
    if node in places:
        found["node"] = places[node]
    if moment.backward:
        found["backward"] = True
    return found


def picture(array: Array, *, fine: bool = True) -> Json:
    """Return statistics, a histogram and a small heat map of an array.

    >>> found = picture(np.array([[0.0, 1.0], [np.nan, 0.5]]))
    >>> found["text"], found["rows"], found["columns"], found["cells"]
    ('0 … 1, mean 0.5, 1 NaN of 4', 2, 2, 'AP7/fw==')
    """
    plain = np.asarray(array)
    found = statistics(plain)
    cells = heat_map(plain, 24 if fine else 10)
    least, greatest = found.least or 0.0, found.greatest or 0.0
    span = greatest - least
    scaled = bytes(
        _NOT_FINITE
        if value is None
        else 127
        if not 0 < span < np.inf
        else min(254, max(0, round((value - least) / span * 254)))
        for row in cells
        for value in row
    )
    return {
        "shape": "×".join(map(str, plain.shape)) or "scalar",
        "dtype": str(plain.dtype),
        "text": str(found),
        "low": f"{least:.4g}",
        "high": f"{greatest:.4g}",
        "bad": found.nans + found.infinities,
        "bars": histogram(plain),
        "rows": len(cells),
        "columns": len(cells[0]) if cells else 0,
        "cells": b64encode(scaled).decode("ascii"),
    }
