"""A file of ONNX as plain Python: nodes, constants, inputs, outputs, and what is known of shapes.

Files come from anywhere. Their size is bounded, what lies beside them is read from their own folder
alone, and nothing of what they say about sizes is believed before it has been compared with the
bytes that are there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from minisym.core.errors import FormatError, NoFileError
from minisym.core.ndarray import Array
from minisym.onnx.proto import package

MOST: Final = 2_147_483_647
"""Bytes that a message of protobuf may have."""
DEEPEST: Final = 8
"""How many graphs may lie inside each other."""
SMALL: Final = 4096
"""Constants of at most so many bytes take part in the inference of shapes."""
DOMAINS: Final = frozenset({"", "ai.onnx"})
"""ONNX's own ops."""

Dims = tuple[int | None, ...]


@dataclass(frozen=True)
class Record:
    """A node of ONNX."""

    op: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: Mapping[str, Any]

    @property
    def place(self) -> str:
        """How a message names it."""
        own = f"{self.domain}.{self.op}" if self.domain not in DOMAINS else self.op
        return f"{own} {self.name or (self.outputs[0] if self.outputs else '')!r}"


@dataclass(frozen=True)
class Source:
    """What a file holds."""

    name: str
    opset: int
    records: tuple[Record, ...]
    constants: Mapping[str, Array]
    inputs: Mapping[str, np.dtype[Any]]
    outputs: tuple[str, ...]
    dims: Mapping[str, Dims] = field(default_factory=dict)
    """What is known of the shapes of values, by name."""


def read(path: str | os.PathLike[str]) -> Source:
    """Read a file.

    Raises
    ------
    NoFileError
        There is no such file.
    FormatError
        It is no file of ONNX, or what it says contradicts itself.
    ExportError
        The package onnx is not installed.
    """
    onnx, file = package(), Path(path)
    if not file.is_file():
        raise NoFileError(f"there is no file {os.fspath(path)!r}")
    if file.stat().st_size > MOST:
        raise FormatError(f"{file.name} is larger than a file of ONNX can be")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(file.read_bytes())
    except Exception as error:  # protobuf's own, which differs from version to version
        raise FormatError(
            f"{file.name} is no file of ONNX", hint="a pointer of Git LFS, or a broken download?"
        ) from error
    if not model.graph.node and not model.graph.output:
        raise FormatError(f"{file.name} holds no graph of ONNX")
    if model.functions:
        from onnx.inliner import inline_local_functions

        model = inline_local_functions(model)
    return _source(onnx, model, file)


def _source(onnx: Any, model: Any, file: Path) -> Source:
    graph = model.graph
    opset = max((o.version for o in model.opset_import if o.domain in DOMAINS), default=0)
    if not 1 <= opset <= 1000:
        raise FormatError(f"{file.name} does not say which version of ONNX its ops are of")
    told = _inferred(onnx, model).graph
    return _graph(_Reader(onnx, file, opset), graph, told, 0)


@dataclass(frozen=True)
class _Reader:
    """What is read: the package, the file, and the version of its ops."""

    onnx: Any
    file: Path
    opset: int


def _graph(r: _Reader, graph: Any, told: Any, depth: int) -> Source:
    """Read a graph; `told` is the same one, where the shapes are written that follow."""
    if depth > DEEPEST:
        raise FormatError(f"{r.file.name} nests graphs more than {DEEPEST} deep")
    constants = {t.name: _array(r.onnx, t, r.file) for t in graph.initializer}
    inputs = {}
    for info in graph.input:
        if info.name not in constants:
            if not info.type.HasField("tensor_type"):
                raise FormatError(f"{r.file.name}: the input {info.name!r} is no array")
            # graphs inside may leave types to those who read
            kind = info.type.tensor_type.elem_type or (depth and r.onnx.TensorProto.FLOAT)
            inputs[info.name] = _dtype(r.onnx, kind, info.name)
    return Source(
        r.file.name,
        r.opset,
        tuple(_record(r, *pair, depth) for pair in zip(graph.node, told.node, strict=True)),
        constants,
        inputs,
        tuple(info.name for info in graph.output),
        _dims(told),
    )


def _record(r: _Reader, node: Any, told: Any, depth: int) -> Record:
    kinds = r.onnx.AttributeProto
    attrs = {
        a.name: _graph(r, a.g, b.g, depth + 1)
        if a.type == b.type == kinds.GRAPH
        else _attribute(r.onnx, a, r.file)
        for a, b in zip(node.attribute, told.attribute, strict=True)
    }
    return Record(
        node.op_type, node.domain, node.name, tuple(node.input), tuple(node.output), attrs
    )


def _attribute(onnx: Any, attribute: Any, file: Path) -> Any:
    kind = attribute.type
    kinds = onnx.AttributeProto
    if kind == kinds.TENSOR:
        return _array(onnx, attribute.t, file)
    if kind == kinds.STRING:
        return attribute.s.decode("utf-8", errors="replace")
    if kind == kinds.STRINGS:
        return [s.decode("utf-8", errors="replace") for s in attribute.strings]
    if kind in {kinds.FLOAT, kinds.INT, kinds.FLOATS, kinds.INTS}:
        value = onnx.helper.get_attribute_value(attribute)
        return list(value) if kind in {kinds.FLOATS, kinds.INTS} else value
    return None  # what no rule reads


def _dtype(onnx: Any, kind: int, name: str) -> np.dtype[Any]:
    try:
        found: np.dtype[Any] = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind))
    except KeyError as error:
        raise FormatError(f"{name!r} has a type that ONNX does not have: {kind}") from error
    if found.kind not in "biuf" or not found.isbuiltin:
        raise FormatError(f"{name!r} has type {found}, which no op of minisym takes")
    return found


def _array(onnx: Any, tensor: Any, file: Path) -> Array:
    """Return the array of a tensor, of the very size that its bytes have."""
    dims = tuple(tensor.dims)
    if any(d < 0 for d in dims):
        raise FormatError(f"{file.name}: the constant {tensor.name!r} has a size below 0: {dims}")
    dtype = _dtype(onnx, tensor.data_type, tensor.name)
    size = 1
    for d in dims:
        size *= d
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        return _beside(tensor, file, dims, dtype, size)
    if tensor.HasField("raw_data"):
        if len(tensor.raw_data) != size * dtype.itemsize:
            raise FormatError(
                f"{file.name}: the constant {tensor.name!r} should have {size * dtype.itemsize} "
                f"bytes, but has {len(tensor.raw_data)}"
            )
        found = np.frombuffer(tensor.raw_data, dtype.newbyteorder("<")).astype(dtype, copy=False)
        return found.reshape(dims)
    held = max(
        len(tensor.float_data), len(tensor.int32_data), len(tensor.int64_data),
        len(tensor.double_data), len(tensor.uint64_data),
    )  # fmt: skip
    if held != size:
        raise FormatError(
            f"{file.name}: the constant {tensor.name!r} should have {size} numbers, but has {held}"
        )
    return np.asarray(onnx.numpy_helper.to_array(tensor))


def _beside(
    tensor: Any, file: Path, dims: tuple[int, ...], dtype: np.dtype[Any], size: int
) -> Array:
    """Map an array that lies in another file of the same folder."""
    said = {entry.key: entry.value for entry in tensor.external_data}
    folder = file.parent.resolve()
    place = (folder / said.get("location", "")).resolve()
    if folder not in place.parents:
        raise FormatError(
            f"{file.name}: the constant {tensor.name!r} is said to lie at "
            f"{said.get('location')!r}, outside of the file's own folder"
        )
    if not place.is_file():
        raise NoFileError(f"{file.name} needs {place.name}, which is not beside it")
    try:
        offset = int(said.get("offset", 0))
    except ValueError:
        offset = -1
    if offset < 0 or offset + size * dtype.itemsize > place.stat().st_size:
        raise FormatError(f"{place.name} is too short for the constant {tensor.name!r}")
    if not size:
        return np.zeros(dims, dtype)
    return np.memmap(place, dtype, "r", offset, dims)


def _inferred(onnx: Any, model: Any) -> Any:
    """Let the package onnx infer shapes; large constants do not matter for that."""
    lean = onnx.ModelProto()
    lean.CopyFrom(_without_large(onnx, model))
    with contextlib.suppress(Exception):  # what it objects to, a rule will say with its place
        lean = onnx.shape_inference.infer_shapes(lean, data_prop=True)
    return lean


def _dims(graph: Any) -> dict[str, Dims]:
    """Return the shapes that a graph tells of."""
    found = {}
    for info in (*graph.input, *graph.value_info, *graph.output):
        shape = info.type.tensor_type
        if info.type.HasField("tensor_type") and shape.HasField("shape"):
            found[info.name] = tuple(_sizes(shape.shape.dim))
    return found


def _sizes(dims: Iterable[Any]) -> Iterable[int | None]:
    for d in dims:
        yield d.dim_value if d.HasField("dim_value") and d.dim_value >= 0 else None


def _without_large(onnx: Any, model: Any) -> Any:
    lean = onnx.ModelProto(ir_version=model.ir_version)
    lean.opset_import.extend(model.opset_import)
    graph = lean.graph
    graph.name = model.graph.name
    graph.node.extend(model.graph.node)
    graph.output.extend(model.graph.output)
    graph.value_info.extend(model.graph.value_info)
    large = [t for t in model.graph.initializer if t.ByteSize() > SMALL]
    names = {t.name for t in large}
    graph.initializer.extend(t for t in model.graph.initializer if t.name not in names)
    graph.input.extend(i for i in model.graph.input if i.name not in names)
    info = onnx.helper.make_tensor_value_info
    graph.input.extend(info(t.name, t.data_type, list(t.dims)) for t in large)
    return lean
