"""minisym: a small symbolic framework that can be read.

Compose Variables and ops into a graph, check its shapes and types, look at it, and run it on NumPy
arrays. The API is that of MXNet's `mx.symbol`; `import minisym as mx` carries code written for it.

>>> import numpy as np
>>> import minisym as ms
>>> weight, grad = ms.sym.Variable("weight"), ms.sym.Variable("grad")
>>> step = ms.sym.signsgd_update(weight, grad, lr=0.5, name="step")
>>> w = np.array([1.0, 2.0])
>>> executor = step.bind(args={"weight": w, "grad": np.array([3.0, -4.0])})
>>> _ = executor.forward()
>>> w
array([0.5, 2.5])
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

from minisym.core.collector import importing as _importing

with _importing():
    from minisym import attribute, base, context, executor, name, nd, operator, random, symbol, util
    from minisym import nd as ndarray
    from minisym import ops as _ops
    from minisym import random as rnd
    from minisym import symbol as sym
    from minisym.core import errors, op
    from minisym.core.context import Context, cpu, cpu_pinned, current_context, gpu
    from minisym.core.errors import (
        ArrayTypeError,
        BindError,
        CheckError,
        ComposeError,
        DeclarationError,
        DtypeError,
        ExecutionError,
        ExportError,
        FormatError,
        GradientError,
        GraphError,
        MinisymError,
        ParamError,
        ShapeError,
    )
    from minisym.core.graph import Graph
    from minisym.core.naming import AttrScope
    from minisym.core.ndarray import NDArray
    from minisym.core.node import Entry, Node
    from minisym.core.shapes import is_np_shape, np_shape, set_np_shape
    from minisym.core.symbol import Symbol
    from minisym.core.variable import Group, Variable, var
    from minisym.passes.diff import Difference
    from minisym.passes.explain import explain_shapes
    from minisym.passes.gradient import grad
    from minisym.port.imports import install as _install_finder
    from minisym.port.names import missing as _missing
    from minisym.runtime.compiled import get_compile, set_compile
    from minisym.runtime.executor import Executor
    from minisym.runtime.observe.guard import NonFiniteError
    from minisym.runtime.workers import get_num_threads, set_num_threads

if _TYPE_CHECKING:  # what stands around the graph is imported when it is first asked for
    from minisym import (
        callback,
        contrib,
        export,
        init,
        io,
        kvstore,
        lr_scheduler,
        metric,
        model,
        module,
        monitor,
        onnx,
        optimizer,
        parallel,
        profiler,
        rnn,
        saved,
        test_utils,
        testing,
        train,
        visualization,
    )
    from minisym import init as initializer
    from minisym import kvstore as kv
    from minisym import module as mod
    from minisym import monitor as mon
    from minisym import visualization as viz
    from minisym.saved.compare import diff
    from minisym.saved.load import load_model
    from minisym.saved.model import Model
    from minisym.show.layers import summary
    from minisym.train.recording import Recording, record

_LATE = {
    **{
        name: name
        for name in (
            *("callback", "contrib", "export", "init", "io", "kvstore", "lr_scheduler", "metric"),
            *("model", "module", "monitor", "onnx", "optimizer", "parallel", "profiler", "rnn"),
            *("saved", "test_utils", "testing", "train", "visualization"),
        )
    },
    "Model": "saved.model:Model",
    "Recording": "train.recording:Recording",
    "diff": "saved.compare:diff",
    "initializer": "init",
    "kv": "kvstore",
    "load_model": "saved.load:load_model",
    "mod": "module",
    "mon": "monitor",
    "record": "train.recording:record",
    "summary": "show.layers:summary",
    "viz": "visualization",
}
"""Name -> the module that it is, or the module and the name in it."""

MXNetError = MinisymError
_install_finder(_LATE)

__version__ = "0.1.0"
__all__ = [
    "ArrayTypeError",
    "AttrScope",
    "BindError",
    "CheckError",
    "ComposeError",
    "Context",
    "DeclarationError",
    "Difference",
    "DtypeError",
    "Entry",
    "ExecutionError",
    "Executor",
    "ExportError",
    "FormatError",
    "GradientError",
    "Graph",
    "GraphError",
    "Group",
    "MXNetError",
    "MinisymError",
    "Model",
    "NDArray",
    "Node",
    "NonFiniteError",
    "ParamError",
    "Recording",
    "ShapeError",
    "Symbol",
    "Variable",
    "attribute",
    "base",
    "callback",
    "context",
    "contrib",
    "cpu",
    "cpu_pinned",
    "current_context",
    "diff",
    "executor",
    "explain_shapes",
    "export",
    "get_compile",
    "get_num_threads",
    "gpu",
    "grad",
    "init",
    "initializer",
    "io",
    "is_np_shape",
    "kv",
    "kvstore",
    "load_model",
    "lr_scheduler",
    "metric",
    "mod",
    "model",
    "module",
    "mon",
    "monitor",
    "name",
    "nd",
    "ndarray",
    "np_shape",
    "onnx",
    "operator",
    "optimizer",
    "parallel",
    "profiler",
    "random",
    "record",
    "rnd",
    "rnn",
    "saved",
    "set_compile",
    "set_np_shape",
    "set_num_threads",
    "summary",
    "sym",
    "symbol",
    "test_utils",
    "testing",
    "train",
    "util",
    "var",
    "visualization",
    "viz",
]

if not _TYPE_CHECKING:  # mypy knows which names there are

    def __getattr__(name: str) -> object:
        where = _LATE.get(name)
        if where is None:
            raise _missing(__name__, name, __all__)
        module, _, inside = where.partition(":")
        found: object = _import_module(f"{__name__}.{module}")
        globals()[name] = found = getattr(found, inside) if inside else found
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
