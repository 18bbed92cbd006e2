"""A finished draft as the package onnx writes it: protobuf messages, checked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np

from minisym.core.errors import ExportError, ParamError
from minisym.core.files import write_atomically
from minisym.core.ndarray import Array
from minisym.onnx.draft import Draft, Record, Value, bodies
from minisym.onnx.sizes import Size

SMALL: Final = 1024
"""Constants of fewer bytes stay in the file beside which the others lie."""
LIMIT: Final = 2_000_000_000
"""A message of protobuf holds 2 GiB; constants of more bytes than this lie in a file beside it."""
OLDEST: Final = 17
"""The first version of ONNX that is written: LayerNormalization came with it."""


def package() -> ModuleType:
    """Import the package onnx, or say what to install."""
    try:
        import onnx
        import onnx.checker
        import onnx.helper
    except ImportError as error:
        raise ExportError(
            "the package onnx is not installed", hint="pip install 'minisym[onnx]'"
        ) from error
    return onnx


def check_opset(opset: int) -> None:
    """Refuse a version of ONNX that is too old to be written, or newer than the package."""
    newest = package().defs.onnx_opset_version()
    if opset not in range(OLDEST, newest + 1):
        raise ParamError(
            f"export: opset must lie in [{OLDEST}, {newest}], but is {opset!r}",
            hint="17 is read by all that is in use; a newer package onnx knows newer ones",
        )


class Message:
    """A model as a message of protobuf, its large constants perhaps beside it."""

    def __init__(self, draft: Draft, *, name: str, data: str | None = None) -> None:
        self.onnx = package()
        self.beside: list[Array] = []
        self._data = data
        self._offset = 0
        helper = self.onnx.helper
        graph = self._graph(draft, name or "minisym")
        opsets = [helper.make_opsetid("", draft.opset)]
        self.model = helper.make_model(
            graph,
            opset_imports=opsets,
            ir_version=helper.find_min_ir_version_for(opsets),
            producer_name="minisym",
        )

    def _graph(self, draft: Draft, name: str) -> Any:
        return self.onnx.helper.make_graph(
            [self._node(record) for record in draft.records],
            name,
            [self._info(value) for value in draft.inputs],
            [self._info(value) for value in draft.outputs],
            [self._tensor(value) for value in draft.constants],
        )

    def _info(self, value: Value) -> Any:
        shape = value.shape
        if shape is not None:
            shape = [str(d) if isinstance(d, Size) else d for d in shape]
        kind = self._type(value.dtype)
        return self.onnx.helper.make_tensor_value_info(value.name, kind, shape)

    def _type(self, dtype: np.dtype[Any]) -> int:
        return int(self.onnx.helper.np_dtype_to_tensor_dtype(dtype))

    def _node(self, record: Record) -> Any:
        node = self.onnx.helper.make_node(
            record.op,
            ["" if value is None else value.name for value in record.inputs],
            [value.name for value in record.outputs],
            name=record.name,
        )
        for name, value in record.attrs.items():
            node.attribute.append(self._attribute(record, name, value))
        return node

    def _attribute(self, record: Record, name: str, value: Any) -> Any:
        if isinstance(value, Draft):
            value = self._graph(value, f"{record.name}/{name}")
        elif isinstance(value, np.dtype):
            value = self._type(value)
        elif isinstance(value, np.ndarray):
            value = self._message(value, "")
        return self.onnx.helper.make_attribute(name, value)

    def _tensor(self, value: Value) -> Any:
        array = value.array
        assert array is not None
        if self._data is None or array.nbytes < SMALL:
            return self._message(array, value.name)
        onnx = self.onnx
        tensor = onnx.TensorProto(name=value.name, dims=array.shape)
        tensor.data_type = self._type(array.dtype)
        tensor.data_location = onnx.TensorProto.EXTERNAL
        place = {"location": self._data, "offset": self._offset, "length": array.nbytes}
        for key, said in place.items():
            tensor.external_data.add(key=key, value=str(said))
        self.beside.append(array)
        self._offset += array.nbytes
        return tensor

    def _message(self, array: Array, name: str) -> Any:
        tensor = self.onnx.TensorProto(name=name, dims=array.shape)
        tensor.data_type = self._type(array.dtype)
        tensor.raw_data = b"".join(_bytes([array]))
        return tensor


def _bytes(arrays: Iterable[Array]) -> Iterable[Any]:
    """Yield the bytes of arrays, in the order that ONNX has them in: little-endian, by rows."""
    for array in arrays:
        ordered = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        yield ordered.reshape(-1).view(np.uint8).data


def check(model: Any) -> None:
    """Let the package onnx check a model, and infer its shapes, without its large constants.

    What is wrong is a slip of a rule, and nothing that a user could do better.
    """
    onnx = package()
    try:
        onnx.checker.check_model(_without_constants(onnx, model), full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(
            f"the package onnx does not accept what was made: {str(error).strip()}",
            hint="this is a mistake in minisym; please report it with the symbol",
        ) from error


def _without_constants(onnx: ModuleType, model: Any) -> Any:
    """Return the model with inputs in place of its large constants: their values do not matter."""
    graph = model.graph
    small: list[Any] = []
    large: list[Any] = []
    for tensor in graph.initializer:
        kept = tensor.HasField("raw_data") and len(tensor.raw_data) < SMALL
        (small if kept else large).append(tensor)
    lean = onnx.ModelProto(ir_version=model.ir_version)
    lean.opset_import.extend(model.opset_import)
    lean.graph.name = graph.name
    lean.graph.node.extend(graph.node)
    lean.graph.input.extend(graph.input)
    lean.graph.output.extend(graph.output)
    lean.graph.initializer.extend(small)
    info = onnx.helper.make_tensor_value_info
    lean.graph.input.extend(info(t.name, t.data_type, list(t.dims)) for t in large)
    return lean


def save(draft: Draft, path: Path, name: str) -> None:
    """Write a draft to a file, and what is too large for one to another beside it.

    Raises
    ------
    ExportError
        The package onnx does not accept it.
    OSError
        It cannot be written; a file that was there is as it was.
    """
    large = sum(value.array.nbytes for value in draft.constants if value.array is not None)
    data = path.with_name(f"{path.name}.data") if large > LIMIT else None
    message = Message(draft, name=name, data=None if data is None else data.name)
    check(message.model)
    if data is not None:
        write_atomically(data, _bytes(message.beside))
    try:
        write_atomically(path, [message.model.SerializeToString()])
    except BaseException:
        if data is not None:
            with contextlib.suppress(OSError):
                data.unlink()
        raise


def held(draft: Draft) -> Mapping[str, int]:
    """Return how often each op of ONNX is in a draft, bodies included.

    >>> held(Draft(17))
    {}
    """
    found: dict[str, int] = {}
    for record in draft.records:
        found[record.op] = found.get(record.op, 0) + 1
        for body in bodies(record):
            for op, number in held(body).items():
                found[op] = found.get(op, 0) + number
    return found
