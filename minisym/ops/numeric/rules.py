"""Rules that several families of ops share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minisym.core.renamed import Renamed
from minisym.core.shapes import Shape, is_np_shape, show


def as_forward(
    forward: Any,
    s: Any,
    params: Mapping[str, Any],
    inputs: Mapping[str, Sequence[str]],
    outputs: Mapping[str, Sequence[str]],
) -> None:
    """Rule: shapes fit as an op has them whose inputs and outputs these slots are."""
    forward.shape_rule(Renamed(s, inputs, outputs), params=params)


def wanted_shape(shape: tuple[int, ...]) -> Shape:
    """Return the shape that a parameter asks for, in MXNet's notation.

    0 and () are unknown, as -1 is; under `np_shape` they are a size and a scalar.
    """
    if any(d < -1 for d in shape):
        raise ValueError(f"shape {show(shape)} has a negative size")
    unknown = (-1,) if is_np_shape() else (-1, 0)
    if not shape and not is_np_shape():
        return None
    return tuple(None if d in unknown else d for d in shape)


def some_to_choose(s: Any) -> None:
    """Rule: what chooses elements needs some, unless nothing is chosen."""
    data, output = s.inputs[0], s.outputs[0]
    if data is not None and 0 in data and output is not None and not {0, None} & {*output}:
        raise ValueError(f"there are no elements to choose from in {show(data)}")


def first_type(t: Any) -> None:
    """Rule: the output has the type of the first input; the other inputs are free."""
    t.set_output(0, t.inputs[0])
    t.set_input(0, t.outputs[0])


def no_bool(t: Any) -> None:
    """Rule: the first input holds numbers, for what NumPy calls a sum of truth values is none."""
    if t.inputs[0] == np.bool_:
        raise ValueError("it takes numbers, but got bool; Cast says which type is meant")


def numbers_only(t: Any) -> None:
    """Rule: one element type for all slots, and it is that of numbers."""
    no_bool(t)
    known = next((d for d in (*t.inputs, *t.outputs) if d is not None), None)
    if known is not None:
        for i in range(len(t.inputs)):
            t.set_input(i, known)
        for i in range(len(t.outputs)):
            t.set_output(i, known)


def floats_only(t: Any) -> None:
    """Rule: one element type for all slots, and it is a float."""
    known = next((d for d in (*t.inputs, *t.outputs) if d is not None), None)
    if known is None:
        return
    if known.kind != "f":
        raise ValueError(f"it takes float arrays, but got {known}")
    for i in range(len(t.inputs)):
        t.set_input(i, known)
    for i in range(len(t.outputs)):
        t.set_output(i, known)


def matrix_floats(t: Any) -> None:
    """Rule: one element type for all slots, float32 or float64, as in linear algebra libraries."""
    floats_only(t)
    if t.inputs[0] is not None and t.inputs[0].itemsize < 4:
        raise ValueError(f"it takes float32 or float64, but got {t.inputs[0]}")
