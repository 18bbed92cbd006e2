"""From a file of ONNX to a symbol and its parameters."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from minisym.core.errors import FormatError, MinisymError, count
from minisym.core.ndarray import Array, NDArray
from minisym.core.symbol import Symbol
from minisym.core.variable import Group, Variable
from minisym.onnx.back import elementwise, layers, shapes
from minisym.onnx.back.call import Call, Rule, UnsaidError, Value, made
from minisym.onnx.back.fold import fold
from minisym.onnx.read import DOMAINS, Dims, Record, Source, read

RULES: Final[Mapping[str, Rule]] = {**elementwise.RULES, **layers.RULES, **shapes.RULES}
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
    symbol, params = _Reading(source).whole()
    states = set(symbol.list_auxiliary_states())
    return (
        symbol,
        {name: NDArray.of(array) for name, array in params.items() if name not in states},
        # training writes states: those are copies
        {name: NDArray.of(array.copy()) for name, array in params.items() if name in states},
    )


class _Reading:
    """A file on its way to a symbol."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.values: dict[str, Value] = dict(source.constants)
        self.params: dict[str, Array] = {}
        self._variables: dict[str, Symbol] = {}
        self._problems: list[str] = []
        self._lost: set[str] = set()
        self._taken = {*source.inputs, *source.constants}

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
        return symbol, {name: a for name, a in self.params.items() if name in needed}

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
        )
        found = rule(call)
        return [found] if isinstance(found, Symbol | np.ndarray) else list(found)

    def _name(self, record: Record) -> str:
        """Return a name for a node that no other has: its own, or that of what it makes."""
        name = record.name or (record.outputs[0] if record.outputs else record.op.lower())
        base, number = name, 1
        while name in self._taken:
            number += 1
            name = f"{base}_{number}"
        self._taken.add(name)
        return name

    def _dims(self, name: str) -> Dims | None:
        value = self.values.get(name)
        if isinstance(value, np.ndarray):
            return tuple(value.shape)
        found = self.source.dims.get(name)
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
        found = self._variables.get(name)
        if found is None:
            found = self._variables[name] = _variable(name, array.dtype, array.shape)
            self.params[name] = array
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
