"""What an op says it hands on has the bits of its first input, special values included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minisym as ms
from minisym.core.op import Op

SQUARE = [[-0.0, 0.0, np.nan], [np.inf, -np.inf, 1e-45], [-1.5, 3e38, 7.0]]
TYPES = ("float32", "float64", "float16", "int32", "int8", "uint8")
NUMBERS = [{"scalar": number} for number in (1, 1.0, 0.0, -0.0, -1.0, 2.0)]
PARAMS: dict[str, list[dict[str, Any]]] = {
    "BlockGrad": [{}],
    "Cast": [{"dtype": name} for name in TYPES],
    "Concat": [{"dim": 0}, {"dim": 1}],
    "Dropout": [{"p": 0.5}, {"p": 0.5, "mode": "always"}],
    "Flatten": [{}],
    "Reshape": [{"shape": (3, 3)}, {"shape": (-1, 0), "reverse": True}],
    "_copy": [{}],
    "_div_scalar": NUMBERS,
    "_identity_with_attr_like_rhs": [{}],
    "_minus_scalar": NUMBERS,
    "_mul_scalar": NUMBERS,
    "_plus_scalar": NUMBERS,
    "_scatter_minus_scalar": NUMBERS,
    "_scatter_plus_scalar": NUMBERS,
    "add_n": [{}],
    "amp_cast": [{"dtype": name} for name in TYPES],
    "broadcast_axis": [{}],
    "broadcast_like": [{}],
    "broadcast_to": [{"shape": (3, 3)}, {"shape": (0, 3)}],
    "make_loss": [{}],
    "reshape_like": [{}],
    "slice": [{"begin": (0,), "end": (3,), "step": step} for step in ((), (1,), (None,))]
    + [{"begin": (None,), "end": (None,), "step": (-1,)}],
    "slice_axis": [{"axis": 0, "begin": 0, "end": None}],
    "squeeze": [{}],
    "tile": [{"reps": (1,)}, {"reps": (1, 1)}],
    "transpose": [{}, {"axes": (0, 1)}, {"axes": (1, 0)}],
}
"""Parameters with which an op of a square matrix keeps its shape."""


def able() -> dict[str, Op]:
    ops = {op for op in ms.op.registered().values() if op.module.startswith("minisym.")}
    return {op.name: op for op in ops if op.hands_on}


def runs(name: str) -> Iterator[tuple[Any, np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """Yield what an op says of a run, what it reads, and what it makes where the shape stays."""
    op = able()[name]
    for params in PARAMS[name]:
        for dtype in TYPES:
            with np.errstate(all="ignore"):
                data = np.array(SQUARE).astype(dtype)
            many = 1 if op.variadic else len(op.inputs)
            inputs = [ms.sym.Variable(f"x{i}") for i in range(many)]
            made = getattr(ms.sym._internal if name.startswith("_") else ms.sym, name)(
                *inputs, **params
            )
            args = {f"x{i}": data.copy() for i in range(many)}
            try:
                executor = made.bind(args=args, grad_req="null", optimize=False)
            except ms.DtypeError:  # Dropout takes floats alone
                continue
            found = executor.forward(is_train=False)[0].asnumpy()
            if (found.shape, found.dtype) == (data.shape, data.dtype):
                node, rule = made.entries[0].node, op.hands_on
                told = rule(node.params, data.dtype.kind, False) if callable(rule) else rule
                yield told, data, found


def test_all_that_hand_on_are_looked_at():
    assert able().keys() == PARAMS.keys()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", sorted(PARAMS))
def test_what_is_handed_on_has_its_bits(name: str):
    found = [(data, made) for told, data, made in runs(name) if told]
    assert found
    for data, made in found:
        assert made.tobytes() == data.tobytes()


@pytest.mark.parametrize("name", ["Dropout", "_plus_scalar", "_mul_scalar", "slice", "transpose"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_is_not_handed_on_may_differ(name: str):
    other = [(data, made) for told, data, made in runs(name) if not told]
    assert any(made.tobytes() != data.tobytes() for data, made in other)
