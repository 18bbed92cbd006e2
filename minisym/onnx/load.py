"""From a file of ONNX to a symbol and its parameters."""

from __future__ import annotations

import os
from collections import ChainMap
from collections.abc import Mapping, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from minisym.core.errors import FormatError, MinisymError, count
from minisym.core.ndarray import Array, NDArray
from minisym.core.symbol import Symbol
from minisym.core.variable import Group, Variable
from minisym.onnx.back import control, elementwise, layers, shapes
from minisym.onnx.back.call import Call, Rule, UnsaidError, Value, made
from minisym.onnx.back.fold import fold
from minisym.onnx.read import DOMAINS, Dims, Record, Source, read

RULES: Final[Mapping[str, Rule]] = {
    **elementwise.RULES, **layers.RULES, **shapes.RULES, **control.RULES,
}  # fmt: skip
"""Op of ONNX -> the function that says it in minisym."""

SHOWN: Final = 12
"""How many problems an error lists."""


def load(
    path: str | os.PathLike[str],
) -> tuple[Symbol, dict[str, NDArray], dict[str, NDArray]]:
    """Load a file of ONNX as a symbol and its parameters.

    Inputs, parameters and nodes keep their names. What the file computes from constants alone is
    computed now, by the package onnx; sizes that vary, such as a batch, stay open.

    Parameters
    ----------
    path
        The file. Constants that lie beside it are mapped into memory.

    Returns
    -------
    symbol, arg_params, aux_params
        As `ms.model.load_checkpoint` returns them.

    Raises
    ------
    FormatError
        It is no file of ONNX, or holds nodes that minisym has no ops for: all are listed.
    NoFileError
        There is no such file.
    ExportError
        The package onnx is not installed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> import minisym as ms
    >>> net = ms.sym.FullyConnected(ms.sym.Variable("data"), num_hidden=2, name="fc")
    >>> params = {"fc_weight": np.ones((2, 3), "f"), "fc_bias": np.zeros(2, "f")}
    >>> path = pathlib.Path(tempfile.mkdtemp(), "net.onnx")
    >>> _ = ms.onnx.export(net, path, params, {"data": (1, 3)})
    >>> symbol, arg_params, aux_params = load(path)
    >>> symbol.list_arguments(), sorted(arg_params)
    (['data', 'fc_weight', 'fc_bias'], ['fc_bias', 'fc_weight'])
    """
    source = read(path)
    symbol, params = _Reading(source, _File({*source.inputs, *source.constants})).whole()
    states = set(symbol.list_auxiliary_states())
    return (
        symbol,
        {name: NDArray.of(array) for name, array in params.items() if name not in states},
        # training writes states: those are copies
        {name: NDArray.of(array.copy()) for name, array in params.items() if name in states},
    )


@dataclass
class _File:
    """What all graphs of a file share."""

    taken: set[str]
    """Names that nothing else may have."""
    params: dict[str, Array] = field(default_factory=dict)
    variables: dict[str, Symbol] = field(default_factory=dict)
    """What stands for the parameters."""
    context: Context = field(default_factory=copy_context)


class _Reading:
    """A graph on its way to a symbol: that of a file, or one that a node of it holds.

    A graph inside sees the values of those around it.
    """

    def __init__(self, source: Source, file: _File, around: _Reading | None = None) -> None:
        self.source = source
        self.values: ChainMap[str, Value] = ChainMap(
            dict(source.constants), *((around.values,) if around else ())
        )
        self.dims: ChainMap[str, Dims] = ChainMap(
            dict(source.dims), *((around.dims,) if around else ())
        )
        self._file = file
        self._problems: list[str] = []
        self._lost: set[str] = set()

    def whole(self) -> tuple[Symbol, dict[str, Array]]:
        """Return the symbol of all outputs, and its parameters."""
        for name, dtype in self.source.inputs.items():
            self.values[name] = _variable(name, dtype)
        for record in self.source.records:
            self._read(record)
        outputs = [self._output(name) for name in self.source.outputs]
        if self._problems:
            raise self._error()
        symbol = Group([one for one in outputs if one is not None])
        needed = {*symbol.list_inputs()}
        return symbol, {name: a for name, a in self._file.params.items() if name in needed}

    def _read(self, record: Record) -> None:
        """Say one node."""
        missing = [n for n in record.inputs if n and n not in self.values]
        if missing:
            if not self._lost.intersection(missing):
                self._problems.append(f"{record.place} reads {missing[0]!r}, which nothing makes")
            self._lost.update(record.outputs)
            return
        try:
            found = self._said(record)
        except UnsaidError as error:
            self._lose(record, str(error))
        except MinisymError as error:
            self._lose(record, str(error).partition("\n")[0])
        except (ValueError, TypeError, IndexError, KeyError, OverflowError) as error:
            self._lose(record, f"it is not put together as ONNX has it ({error})")
        else:
            for name, value in zip(record.outputs, found, strict=False):
                if name:
                    self.values[name] = value
            self._lost.update(n for n in record.outputs[len(found) :] if n)

    def _lose(self, record: Record, why: str) -> None:
        self._problems.append(f"{record.place}: {why}")
        self._lost.update(record.outputs)

    def _said(self, record: Record) -> Sequence[Value]:
        inputs = [self.values[n] if n else None for n in record.inputs]
        known = [one for one in inputs if not isinstance(one, Symbol)]
        if record.domain not in DOMAINS:
            raise UnsaidError("it is an op of somebody's own")
        if len(known) == len(inputs) and inputs:
            folded = fold(record, known, self.source.opset)
            if folded is not None:
                return folded
        rule = RULES.get(record.op)
        if rule is None:
            raise UnsaidError("minisym has no op for it")
        call = Call(
            record,
            inputs,
            self.source.opset,
            self._dims,
            self._inferred,
            self._parameter,
            self._name(record),
            self._inside,
        )
        found = rule(call)
        return [found] if isinstance(found, Symbol | np.ndarray) else list(found)

    def _inside(self, source: Source, given: Sequence[Value]) -> list[Value]:
        """Say a graph that a node holds, where its inputs are these."""
        inner = _Reading(source, self._file, self)
        inner.values.update(zip(source.inputs, given, strict=True))
        for record in source.records:
            inner._read(record)
        missing = [n for n in source.outputs if n not in inner.values and n not in inner._lost]
        inner._problems += [f"nothing makes the output {name!r}" for name in missing]
        if inner._problems:
            raise UnsaidError(f"inside, {'; '.join(inner._problems)}")
        return [inner.values[name] for name in source.outputs]

    def _name(self, record: Record) -> str:
        """Return a name for a node that no other has: its own, or that of what it makes."""
        return self._free(
            record.name or (record.outputs[0] if record.outputs else record.op.lower())
        )

    def _free(self, base: str) -> str:
        """Return a name that nothing has yet."""
        name, number = base, 1
        while name in self._file.taken:
            number += 1
            name = f"{base}_{number}"
        self._file.taken.add(name)
        return name

    def _dims(self, name: str) -> Dims | None:
        value = self.values.get(name)
        if isinstance(value, np.ndarray):
            return tuple(value.shape)
        found = self.dims.get(name)
        return self._inferred(name) if found is None else found

    def _inferred(self, name: str) -> Dims | None:
        """Ask minisym for a shape that the package onnx has not found."""
        value = self.values.get(name)
        if not isinstance(value, Symbol):
            return None if value is None else tuple(value.shape)
        known = {n: self.source.dims.get(n) for n in self.source.inputs}
        given = {n: tuple(d or 0 for d in dims) for n, dims in known.items() if dims}
        own = {n: s for n, s in given.items() if n in value.list_inputs()}
        _, (shape, *_), _ = value.infer_shape_partial(**own)
        return tuple(d or None for d in shape) if shape else None

    def _parameter(self, name: str, array: Array) -> Symbol:
        found = self._file.variables.get(name)
        if found is not None and self._file.params[name] is not array:  # graphs inside name alike
            return self._parameter(self._free(name), array)
        if found is None:
            # in the file's own context: no scope of a body that reads it marks it
            context = self._file.context.copy()
            found = context.run(_variable, name, array.dtype, array.shape)
            self._file.variables[name] = found
            self._file.params[name] = array
        return found

    def _output(self, name: str) -> Symbol | None:
        value = self.values.get(name)
        if value is None:
            if name not in self._lost:
                self._problems.append(f"nothing makes the output {name!r}")
            return None
        if isinstance(value, Symbol) and value.entries[0].node.op is not None:
            return value
        found = value if isinstance(value, Symbol) else self._parameter(name, value)
        return made("identity", found, name=f"{name}_copy")

    def _error(self) -> FormatError:
        lines = "\n".join(f"  {problem}" for problem in self._problems[:SHOWN])
        more = len(self._problems) - SHOWN
        tail = f"\n  and {more} more" if more > 0 else ""
        return FormatError(
            f"{self.source.name}: {count(len(self._problems), 'node')} cannot be said in minisym"
            f"\n\n{lines}{tail}",
            hint="what comes before runs, if the file is cut there (onnx.utils.extract_model)",
        )


def _variable(name: str, dtype: np.dtype[Any], shape: tuple[int, ...] | None = None) -> Symbol:
    kind = None if dtype == np.float32 else dtype.name
    return Variable(name, shape=shape, dtype=kind)


def metadata(path: str | os.PathLike[str]) -> dict[str, list[tuple[str, tuple[int, ...]]]]:
    """Return the shapes of inputs and outputs, as MXNet's `get_model_metadata` does; 0 is open."""
    source = read(path)

    def shape(name: str) -> tuple[int, ...]:
        return tuple(d or 0 for d in source.dims.get(name, ()))

    return {
        "input_tensor_data": [(name, shape(name)) for name in source.inputs],
        "output_tensor_data": [(name, shape(name)) for name in source.outputs],
    }
