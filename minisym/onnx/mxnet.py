"""MXNet's own function for it: `mx.onnx.export_model`, and `mx.contrib.onnx.export_model`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minisym.core.errors import BindError, count, listed
from minisym.core.ndarray import NDArray
from minisym.core.symbol import Symbol
from minisym.formats import mxnet_json
from minisym.onnx.export import OPSET, export, named
from minisym.onnx.load import load, metadata
from minisym.onnx.lower import needed


def import_model(model_file: str) -> tuple[Symbol, dict[str, NDArray], dict[str, NDArray]]:
    """Load a file of ONNX as MXNet calls it; `minisym.onnx.load` says what it does."""
    return load(model_file)


def get_model_metadata(model_file: str) -> dict[str, list[tuple[str, tuple[int, ...]]]]:
    """Return names and shapes of the inputs and outputs of a file of ONNX; 0 is a size that varies.

    See https://mxnet.apache.org/versions/1.9.1/api/python/docs/api/contrib/onnx/index.html
    """
    return metadata(model_file)


def export_model(
    sym: Symbol | str | os.PathLike[str],
    params: Any,
    in_shapes: Sequence[Sequence[int]] | None = None,
    in_types: Any = np.float32,
    onnx_file_path: str = "model.onnx",
    verbose: bool = False,
    dynamic: bool = False,
    dynamic_input_shapes: Sequence[Sequence[int | str | None]] | None = None,
    run_shape_inference: bool = False,
    input_type: Any = None,
    input_shape: Sequence[Sequence[int]] | None = None,
    large_model: bool = False,
    opset_version: int | None = None,
) -> str:
    """Export as MXNet 1.9 calls it; `minisym.onnx.export` says what it does.

    Parameters
    ----------
    sym, params
        A symbol and its parameters (a dict, or the pair of arguments and states), or their files.
    in_shapes, in_types
        Shape and type of each input, in the order of `list_arguments`, labels last or left out; one
        type may stand for all.
    onnx_file_path
        The file to write.
    dynamic, dynamic_input_shapes
        Whether the batch may vary: the first axis, or the one that is None (or a name) in these
        shapes.
    input_type, input_shape
        Older names of the types and shapes.
    opset_version
        The version of ONNX, 17 or later.
    verbose, run_shape_inference, large_model
        Accepted, without effect: shapes are always inferred, and large parameters lie beside.

    Returns
    -------
    The path of the file.

    Raises
    ------
    BindError
        There are fewer shapes than inputs.
    ExportError
        Nodes cannot be said in ONNX.

    Examples
    --------
    >>> import os, tempfile
    >>> import minisym as mx
    >>> net = mx.sym.tanh(mx.sym.Variable("data"))
    >>> path = os.path.join(tempfile.mkdtemp(), "net.onnx")
    >>> mx.onnx.export_model(net, {}, [(1, 3)], onnx_file_path=path) == path
    True

    See https://mxnet.apache.org/versions/1.9.1/api/python/docs/api/contrib/onnx/index.html
    """
    del verbose, run_shape_inference, large_model
    symbol = sym if isinstance(sym, Symbol) else mxnet_json.load(sym)
    arrays = named(params)
    shapes = list((in_shapes if input_shape is None else input_shape) or ())
    types = in_types if input_type is None else input_type
    inputs = [name for name in symbol.list_arguments() if name not in arrays]
    live = {node.name for node in needed(symbol.entries)}
    inputs.sort(key=lambda name: name not in live)  # labels come last
    wanted = [name for name in inputs if name in live]
    if len(shapes) < len(wanted):
        raise BindError(
            f"export_model: there are {count(len(wanted), 'input')}, {listed(wanted)}, "
            f"but {count(len(shapes), 'shape')}",
            hint="in_shapes has one for each input: [(1, 3, 224, 224)]",
        )
    each = list(types) if isinstance(types, list | tuple) else [types] * len(shapes)
    free = dynamic_input_shapes if dynamic else None
    varying: bool | Mapping[str, int] = dynamic
    if free is not None:
        varying = {
            name: axis
            for name, shape in zip(inputs, free, strict=False)
            for axis, size in enumerate(shape)
            if not isinstance(size, int)
        }
    export(
        symbol,
        onnx_file_path,
        arrays,
        dict(zip(inputs, shapes, strict=False)),
        dtypes=dict(zip(inputs, each, strict=False)),
        opset=OPSET if opset_version is None else opset_version,
        dynamic_batch=varying,
    )
    return onnx_file_path
