"""Head gradients: what `backward(out_grads)` takes, checked against the outputs."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from itertools import starmap
from typing import Any

import numpy as np

from minisym.core.errors import ArrayTypeError, GradientError, Row, count, did_you_mean
from minisym.core.ndarray import Array, is_masked
from minisym.core.node import Entry, Node, names_of
from minisym.core.shapes import show
from minisym.runtime.calls import exhaust, quietly

Seed = tuple[Node, Array] | None
"""The Variable that stands for an output's head gradient, and its array; None: it needs none."""


def take_head_grads(
    heads: Sequence[Entry], shapes: Mapping[Entry, Any], seeds: Sequence[Seed], out_grads: Any
) -> None:
    """Copy head gradients into the arrays that the backward run reads.

    Raises
    ------
    GradientError
        An output needs one and got none, or one of another shape. Nothing has been copied then.
    ArrayTypeError
        Something that is no array was given.
    """
    given = _in_order(names_of(heads), out_grads)
    given += [None] * (len(heads) - len(given))
    if any(seed is not None and given[i] is None for i, seed in enumerate(seeds)):
        raise _lacking(heads, shapes, seeds, given)
    checked: list[tuple[Array, Array]] = []
    for head, seed, value in zip(heads, seeds, given, strict=False):
        if seed is None:
            continue  # a loss head, or one that no gradient flows from: what was given is ignored
        if not isinstance(value, np.ndarray):
            raise ArrayTypeError(
                f"backward: the head gradient of {head.name} must be a NumPy array, "
                f"but got {type(value).__name__}",
                hint="one array an output, in order, or a dict by name",
            )
        if value.shape != seed[1].shape:
            raise GradientError(
                f"backward: the head gradient of {head.name} has shape {show(value.shape)}, "
                f"but the output has {show(seed[1].shape)}",
                hint="one array an output, in order, or a dict by name",
            )
        subject = f"backward: the head gradient of {head.name}"
        checked.append((seed[1], numbers(value, subject)))
    moves = [(array, ..., value) for array, value in checked]
    quietly(exhaust, starmap(operator.setitem, moves))  # what is too large for a type is infinite


def numbers(value: Any, subject: str) -> Array:
    """Return what is to be copied into an array as a plain one.

    Raises
    ------
    ArrayTypeError
        It holds something else than numbers, or numbers that a mask takes back.
    """
    if is_masked(value):
        message = f"{subject} is a masked array, and no op knows of masks"
        raise ArrayTypeError(message, hint="array.filled(0) is plain; pass its data, array.data")
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        kind = f"{type(value).__name__} of dtype {array.dtype}"
        raise ArrayTypeError(f"{subject} takes numbers, but got {kind}")
    return array


def _in_order(names: Sequence[str], out_grads: Any) -> list[Any]:
    """Return what was given, by position."""
    if out_grads is None:
        return []
    if isinstance(out_grads, Mapping):
        for name in out_grads:
            if name not in names:
                raise GradientError(
                    f"backward: there is no output {name!r}", hint=did_you_mean(name, names)
                )
        return [out_grads.get(name) for name in names]
    if isinstance(out_grads, np.ndarray):
        return [out_grads]
    if isinstance(out_grads, list | tuple):
        return list(out_grads)
    raise ArrayTypeError(
        f"backward: out_grads must be an array, or a list or dict of arrays, "
        f"but got {type(out_grads).__name__}",
        hint="one array an output, in order, or a dict by name",
    )


def _lacking(
    heads: Sequence[Entry], shapes: Mapping[Entry, Any], seeds: Sequence[Seed], given: Sequence[Any]
) -> GradientError:
    """Make the error for outputs whose head gradient is required: it lists all heads."""
    lacking = [
        head.name
        for head, seed, value in zip(heads, seeds, given, strict=False)
        if seed is not None and value is None
    ]
    rows: list[Row] = []
    for head, seed, value in zip(heads, seeds, given, strict=False):
        op = head.node.op
        if seed is not None:
            kind = "needs one" if value is None else "has one"
        elif op is not None and op.loss:
            kind = f"{op.name} is a loss: needs none"
        else:
            kind = "no gradient flows from it: needs none"
        rows.append((head.name, show(shapes[head]), kind, "missing" if kind == "needs one" else ""))
    which = "" if len(heads) == 1 else f" of {count(len(heads), 'output')}"
    return GradientError(
        f"backward: a head gradient is required for {', '.join(lacking)}{which}",
        rows=rows,
        hint="backward(out_grads=…), a list in the outputs' order or a dict by name; "
        "or end in a loss such as make_loss",
    )
