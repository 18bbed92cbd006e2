"""Nodes of ONNX whose inputs are all known: the package onnx computes them, as it defines them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, Final

import numpy as np

from minisym.core.ndarray import Array
from minisym.onnx.back.call import ANY, MOST, UnsaidError, is_open, open_size
from minisym.onnx.proto import package
from minisym.onnx.read import Record

MOVES: Final = frozenset(
    ("Gather", "Concat", "Slice", "Unsqueeze", "Squeeze", "Cast", "Identity", "Reshape", "Split")
)
"""What moves numbers only: sizes that vary may be among them."""
COMPUTES: Final = frozenset(
    (
        *("Add", "Sub", "Mul", "Div", "Mod", "Neg", "Floor", "Ceil", "Sqrt", "Min", "Max", "Pow"),
        *("Equal", "Greater", "Less", "Where", "Not", "And", "Or", "Abs", "Range", "Transpose"),
        *("ReduceProd", "ReduceSum", "ReduceMax", "ReduceMin", "ConstantOfShape", "Expand", "Tile"),
        *("GatherND", "ScatterND", "Size", "NonZero", "Trilu", "EyeLike", "Reciprocal", "CumSum"),
    )
)


def fold(record: Record, inputs: Sequence[Array | None], opset: int) -> list[Array] | None:
    """Return the outputs of a node; None if it is none that is folded.

    Raises
    ------
    UnsaidError
        It would be too large, or computes with a size that varies.
    """
    if record.op not in MOVES | COMPUTES or record.op == "Shape":
        return None
    given = [one for one in inputs if one is not None]
    opens = any(one.dtype == np.int64 and one.size and is_open(int(one.min())) for one in given)
    if opens and record.op == "Cast" and record.attrs.get("to") not in {6, 7}:
        raise UnsaidError("it computes with a size that varies from run to run")
    if opens and record.op not in MOVES:
        return [_with_open(record.op, given)]
    if _size(record.op, inputs) > MOST:
        raise UnsaidError(f"it would make a constant of more than {MOST:,} numbers")
    onnx = package()
    from onnx.reference import ReferenceEvaluator

    attrs = {name: _attribute(onnx, value) for name, value in record.attrs.items()}
    names = ["" if one is None else f"x{i}" for i, one in enumerate(inputs)]
    node = onnx.helper.make_node(record.op, names, list(record.outputs), **attrs)
    graph = onnx.helper.make_graph(
        [node],
        "fold",
        [_info(onnx, name) for name in names if name],
        [_info(onnx, name) for name in record.outputs],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    fed = {name: one for name, one in zip(names, inputs, strict=True) if name}
    try:
        found = ReferenceEvaluator(model).run(None, fed)
    except Exception as error:  # what it raises depends on the op
        raise UnsaidError(f"its constants do not fit: {str(error).splitlines()[0]}") from error
    return [np.asarray(one) for one in found]


def _with_open(op: str, given: Sequence[Array]) -> Array:
    """Compute with sizes of which some vary: those of the result vary, too, and are new ones."""
    if op not in {"Add", "Sub", "Mul", "Div"} or len(given) != 2:
        raise UnsaidError("it computes with a size that varies from run to run")
    one, two = np.broadcast_arrays(*given)
    neutral = 1 if op in {"Mul", "Div"} else 0
    found = np.zeros(one.shape, np.int64)
    for place in np.ndindex(one.shape):
        a, b = int(one[place]), int(two[place])
        if b == neutral or (a == neutral and op in {"Mul", "Add"}):
            found[place] = a if b == neutral else b
        elif is_open(a) or is_open(b):
            found[place] = open_size(ANY)
        else:
            pair = {"Add": a + b, "Sub": a - b, "Mul": a * b, "Div": int(a / b) if b else 0}
            found[place] = pair[op]
    return found


def _info(onnx: Any, name: str) -> Any:
    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.UNDEFINED, None)


def _attribute(onnx: Any, value: Any) -> Any:
    return onnx.numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value


def _size(op: str, inputs: Sequence[Array | None]) -> float:
    """Return how many numbers an op makes at most, from numbers that say so."""
    first, second = (
        [float(n) for n in one.reshape(-1)] if one is not None and one.size < 1000 else []
        for one in (*inputs, None, None)[:2]
    )
    held = inputs[0].size if inputs and inputs[0] is not None else 1
    if op == "ConstantOfShape":
        return prod(first)
    if op == "Expand":
        return held * max(1.0, prod(second))
    if op == "Tile":
        return held * prod(second)
    if op == "Range" and len(inputs) == 3 and all(one is not None for one in inputs):
        start, limit, delta = (float(one.reshape(-1)[0]) for one in inputs if one is not None)
        return abs((limit - start) / delta) if delta else float(MOST + 1)
    return max((one.size for one in inputs if one is not None), default=1)
