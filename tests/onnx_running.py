"""Run exported models in onnxruntime."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest


def run_there(model: Any, arrays: Mapping[str, np.ndarray], *, optimize: bool = True) -> list[Any]:
    """Run a model, or the file of one, on those of the arrays that it takes."""
    ort = pytest.importorskip("onnxruntime")
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if not optimize:  # rewrites of a large graph take longer than one run
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    given = str(model) if hasattr(model, "joinpath") else model.SerializeToString()
    session = ort.InferenceSession(given, options, providers=["CPUExecutionProvider"])
    return session.run(None, {i.name: arrays[i.name] for i in session.get_inputs()})
