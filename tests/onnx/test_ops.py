"""Every sample of every op that has an ONNX form: onnxruntime computes what minisym computes."""

import numpy as np
import pytest
from onnx_running import run_there

import minisym as ms
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


def single(array: np.ndarray) -> np.ndarray:
    """Return an array as models have them: float64 are float32."""
    return array.astype(np.float32) if array.dtype == np.float64 else array


@pytest.mark.parametrize("case", CASES)
def test_sample(case: Case):
    arrays = {name: single(array) for name, array in case.arrays.items()}
    shapes = {name: array.shape for name, array in arrays.items()}
    dtypes = {name: array.dtype for name, array in arrays.items()}
    expected = run_here(case.symbol, arrays, is_train=False)
    try:
        model = ms.onnx.convert(case.symbol, {}, shapes, dtypes=dtypes, dynamic_batch=False)
    except ms.ExportError as error:
        if not error.problems:
            raise
        pytest.skip("; ".join(reason for _, _, reason in error.problems))
    found = run_there(model, arrays)
    for there, here in zip(found, expected, strict=True):
        assert (there.dtype, there.shape) == (here.dtype, here.shape)
        largest = np.abs(here[np.isfinite(here)]).max(initial=1) if here.size else 1
        np.testing.assert_allclose(there, here, rtol=1e-5, atol=1e-5 * largest)
