"""ONNX: symbols and their parameters as files that other runtimes read.

`export` writes a file, `convert` makes the same in memory. Both need the package onnx
(`pip install 'minisym[onnx]'`), which is imported when they are called.

How an op is said in ONNX stands in its declaration, beside its shape rule and its gradient::

    unary("tanh", np.tanh, lambda g, x, y: g * (1 - y * y), "…", onnx="Tanh")

    @FullyConnected.onnx
    def _(o, data, weight, bias=None, *, flatten): return o.Gemm(data, weight, bias, transB=1)

`o` is a `minisym.onnx.writer.Writer`: `o.Gemm(…)` writes a node of ONNX and returns the value that
it makes. The writer fills a `Draft`, a graph in plain Python (`minisym.onnx.draft`: values, records
of nodes, constants, names), so that no rule needs the package onnx; `minisym.onnx.proto` writes a
draft down as protobuf. `minisym.onnx.lower` goes through a symbol's graph, `minisym.onnx.sizes`
finds out which sizes vary with the batch, `minisym.onnx.folding` computes what is constant. An op
without a rule cannot be said, and `op.why_no_onnx` says why.
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from minisym.onnx.export import convert, export
from minisym.onnx.load import load
from minisym.onnx.mxnet import export_model, get_model_metadata, import_model
from minisym.port.names import missing as _missing

__all__ = ["convert", "export", "export_model", "get_model_metadata", "import_model", "load"]

if not _TYPE_CHECKING:  # mypy knows which names there are

    def __getattr__(name: str) -> object:
        raise _missing(__name__, name, __all__)
