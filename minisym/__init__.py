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

from typing import TYPE_CHECKING as _TYPE_CHECKING

from minisym.core.collector import importing as _importing

with _importing():
    from minisym import (
        attribute,
        base,
        callback,
        context,
        contrib,
        executor,
        export,
        init,
        io,
        kvstore,
        lr_scheduler,
        metric,
        model,
        module,
        monitor,
        name,
        nd,
        onnx,
        operator,
        optimizer,
        parallel,
        profiler,
        random,
        rnn,
        saved,
        symbol,
        test_utils,
        testing,
        train,
        util,
        visualization,
    )
    from minisym import init as initializer
    from minisym import kvstore as kv
    from minisym import module as mod
    from minisym import monitor as mon
    from minisym import nd as ndarray
    from minisym import ops as _ops
    from minisym import random as rnd
    from minisym import symbol as sym
    from minisym import visualization as viz
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
    from minisym.saved.compare import diff
    from minisym.saved.load import load_model
    from minisym.saved.model import Model
    from minisym.show.layers import summary
    from minisym.train.recording import Recording, record

MXNetError = MinisymError
_install_finder()

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
        raise _missing(__name__, name, __all__)
