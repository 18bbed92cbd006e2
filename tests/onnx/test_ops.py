"""Every sample of every op that has an ONNX form: onnxruntime computes what minisym computes."""

import re

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

each_version = pytest.mark.parametrize("opset", [17, 21])


def single(array: np.ndarray) -> np.ndarray:
    """Return an array as models have them: float64 are float32."""
    return array.astype(np.float32) if array.dtype == np.float64 else array


@each_version
@pytest.mark.parametrize("case", CASES)
def test_sample(case: Case, opset: int):
    arrays = {name: single(array) for name, array in case.arrays.items()}
    given = {
        "shapes": {name: array.shape for name, array in arrays.items()},
        "dtypes": {name: array.dtype for name, array in arrays.items()},
    }
    expected = run_here(case.symbol, arrays, is_train=False)
    try:
        model = ms.onnx.convert(case.symbol, {}, **given, opset=opset, dynamic_batch=False)
    except ms.ExportError as error:
        if case.op.name not in REFUSING:
            raise
        pytest.skip("; ".join(reason for _, _, reason in error.problems))
    found = run_there(model, arrays)
    for there, here in zip(found, expected, strict=True):
        assert (there.dtype, there.shape) == (here.dtype, here.shape)
        largest = np.abs(here[np.isfinite(here)]).max(initial=1) if here.size else 1
        np.testing.assert_allclose(there, here, rtol=1e-5, atol=1e-5 * largest)


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
