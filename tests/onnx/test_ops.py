"""Every sample of every op that has an ONNX form: onnxruntime computes what minisym computes."""

import re
from typing import Any

import numpy as np
import pytest
from onnx_running import run_there

import minisym as ms
from minisym.core.op import Op
from minisym.testing.case import Case
from minisym.testing.case import run as run_here
from minisym.testing.ops import cases_of

pytest.importorskip("onnx")

OPS = [
    op
    for op in dict.fromkeys(ms.op.registered().values())
    if op.module.startswith("minisym.") and op.choose is None
]
CASES = [
    pytest.param(case, id=str(case))
    for op in OPS
    if not op.why_no_onnx
    for case in cases_of(op)
    if not case.is_error
]
REFUSING = {"_image_resize", "_contrib_ROIAlign", "_contrib_ModulatedDeformableConvolution"}
"""Ops whose rule refuses some parameters or versions, and says why."""

NOT_THERE = {"depth_to_space", "space_to_depth"}
"""Ops of ONNX that onnxruntime has for floats only."""

ROUNDED = {"erf"}
"""Ops that onnxruntime rounds up to a whole number, where they fall short of it by a little."""

Arrays = dict[str, np.ndarray]
each_sample = pytest.mark.parametrize("case", CASES)


def as_type(case: Case, dtype: type) -> Arrays:
    """Return the sample's arrays, floats as another type; whole numbers are thrice as large."""
    whole = np.dtype(dtype).kind == "i"
    return {
        name: (np.nan_to_num(array, posinf=9) * 3 if whole else array).astype(dtype)
        if array.dtype.kind == "f"
        else array
        for name, array in case.arrays.items()
    }


def exported(case: Case, arrays: Arrays, **options: Any) -> Any:
    given = {
        "shapes": {name: array.shape for name, array in arrays.items()},
        "dtypes": {name: array.dtype for name, array in arrays.items()},
    }
    return ms.onnx.convert(case.symbol, {}, **given, **{"dynamic_batch": False, **options})


def compare(found: list[np.ndarray], wanted: list[np.ndarray], tolerance: float) -> None:
    for there, here in zip(found, wanted, strict=True):
        assert (there.dtype, there.shape) == (here.dtype, here.shape)
        if here.dtype.kind != "f":
            np.testing.assert_array_equal(there, here)
            continue
        largest = float(np.abs(here[np.isfinite(here)]).max(initial=1))
        np.testing.assert_allclose(there, here, rtol=tolerance, atol=tolerance * largest)


@pytest.mark.parametrize("opset", [17, 21])
@each_sample
def test_sample(case: Case, opset: int):
    arrays = as_type(case, np.float32)
    try:
        model = exported(case, arrays, opset=opset)
    except ms.ExportError as error:
        if case.op.name not in REFUSING:
            raise
        pytest.skip("; ".join(reason for _, _, reason in error.problems))
    compare(run_there(model, arrays), run_here(case.symbol, arrays, is_train=False), 1e-5)


@pytest.mark.parametrize("dtype", [np.float16, np.int32])
@each_sample
def test_other_types(case: Case, dtype: type):
    arrays = as_type(case, dtype)
    if case.op.name in REFUSING | NOT_THERE | ROUNDED:
        return
    try:
        wanted = run_here(case.symbol, arrays, is_train=False)
    except ms.MXNetError:  # the op takes no such type
        return
    compare(run_there(exported(case, arrays), arrays), wanted, 4e-3)


@each_sample
def test_another_batch(case: Case):
    """A file made for one batch takes another, or the export says why it cannot."""
    small = as_type(case, np.float32)
    if not small or not next(iter(small.values())).ndim:
        return
    name, first = next(iter(small.items()))
    large = {**small, name: np.concatenate([first, first[::-1], first])}
    try:
        wanted = run_here(case.symbol, large, is_train=False)
    except ms.MXNetError:  # its other inputs fix the batch
        return
    try:
        model = exported(case, small, opset=21, dynamic_batch={name: 0})
    except ms.ExportError:
        return
    compare(run_there(model, large), wanted, 2e-5)


def is_called(op: Op) -> bool:
    """Return whether users call it; what else is there, gradients and rewrites are made of."""
    return any(re.match(r"[^_]|_(contrib|image|linalg|random|sample)_", n) for n in names(op))


def names(op: Op) -> tuple[str, ...]:
    return (op.name, *op.aliases)


@pytest.mark.parametrize("op", [*filter(is_called, OPS)], ids=lambda op: op.name)
def test_each_op_has_a_form_or_a_reason(op: Op):
    if op.onnx_rule is None:
        assert "does not say" not in op.why_no_onnx
    else:
        assert not op.no_onnx
