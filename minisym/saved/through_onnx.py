"""Running a model by onnxruntime: handed over as ONNX, and held against NumPy's answer once."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from minisym.core.errors import ExecutionError, ExportError, MinisymError, ParamError, Row
from minisym.core.ndarray import Array
from minisym.core.symbol import Symbol
from minisym.onnx.export import convert, export
from minisym.passes.infer import infer
from minisym.saved.run import Feeds, Kept, Runner
from minisym.show import text

_TOLERANCE: Final = {"float16": 2e-2, "float32": 1e-4, "float64": 1e-4}
"""Up to which part of its largest value an output may differ: another order of summation."""
_LARGEST: Final = 1_900_000_000
"""From so many bytes on a model is handed over by a file: a message of protobuf ends at 2 GB."""


class OnnxRunner(Runner):
    """Sessions of onnxruntime, by the shapes behind the first axis, and the types, of what is fed.

    One session serves batches of all sizes, unless the graph itself names the size.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._sessions = Kept[tuple[Any, list[str]]]()
        self._seen = Kept[bool]()
        self._fixed = False

    def run(self, given: Mapping[str, Any]) -> list[Array]:
        """Run once; return new arrays."""
        feeds = self._arrays(given)
        self._seen.get(tuple(a.shape for a in feeds.values()), lambda: self._fits(feeds))
        first = 0 if self._fixed else 1
        key = tuple([(n, a.shape[first:], a.dtype) for n, a in feeds.items()])
        session, inputs = self._sessions.get(key, lambda: self._checked(feeds))
        return _outputs(session, inputs, feeds)

    def _fits(self, feeds: Feeds) -> bool:
        """See that the shapes fit the graph: what minisym refuses, another engine may cut short."""
        arrays = {**self._params, **feeds}
        known = {n: arrays[n.name].shape for n in self.parts.graph.variables if n.name in arrays}

        def fit(_: Feeds) -> bool:
            infer(self.parts.graph, known, source="given to the model")
            return True

        return self._fitting(feeds, fit)

    def _checked(self, feeds: Feeds) -> tuple[Any, list[str]]:
        """Make a session, and see that it says what NumPy says; return it and its inputs."""
        session = self._session(feeds)
        inputs = [one.name for one in session.get_inputs()]
        names = Symbol(self.parts.graph.outputs).list_outputs()
        for name, ours, theirs in zip(
            names, super().run(feeds), _outputs(session, inputs, feeds), strict=True
        ):
            _compare(name, ours, theirs)
        return session, inputs

    def _session(self, feeds: Feeds) -> Any:
        library = _onnxruntime()
        options = library.SessionOptions()
        options.log_severity_level = 4  # what it would print, the exception says
        providers = ["CPUExecutionProvider"]
        params = {name: a for name, a in self._params.items() if name not in feeds}
        small = sum(array.nbytes for array in params.values()) < _LARGEST
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.onnx")

            def handed_over(free: bool) -> Any:
                shapes = {name: array.shape for name, array in feeds.items()}
                how: dict[str, Any] = {
                    "dtypes": {name: array.dtype for name, array in feeds.items()},
                    "dynamic_batch": free,
                }
                symbol = Symbol(self.parts.graph.outputs)
                if small:
                    return convert(symbol, params, shapes, **how).SerializeToString()
                return str(export(symbol, path, params, shapes, **how))

            try:
                model = handed_over(not self._fixed)
            except ExportError as error:
                if self._fixed or error.problems:
                    raise
                self._fixed = True  # the graph names the size of the batch
                model = handed_over(False)
            try:
                return library.InferenceSession(model, options, providers=providers)
            except Exception as error:
                raise _failed(error) from error


def _outputs(session: Any, inputs: list[str], feeds: Feeds) -> list[Array]:
    """Run a session on the inputs that it has."""
    try:
        found: list[Array] = session.run(None, {name: feeds[name] for name in inputs})
    except Exception as error:
        raise _failed(error) from error
    return found


def _failed(error: Exception) -> MinisymError:
    return ExecutionError(
        f"onnxruntime cannot run the model: {text.clip(str(error), 300)}",
        hint='model.on("numpy") runs it by minisym',
    )


def _compare(name: str, ours: Array, theirs: Array) -> None:
    """Refuse an output that is another one in onnxruntime."""
    x, y = ours.astype(np.float64), np.asarray(theirs).astype(np.float64)
    scale = float(np.abs(x[np.isfinite(x)]).max(initial=0)) or 1.0
    most = _TOLERANCE.get(ours.dtype.name, 0) * scale
    if x.shape == y.shape and np.allclose(x, y, rtol=0, atol=most, equal_nan=True):
        return
    rows: list[Row] = [
        (name, text.shape_text(x.shape), "by NumPy", ""),
        (name, text.shape_text(y.shape), "by onnxruntime", ""),
    ]
    apart = ""
    if x.shape == y.shape:
        with np.errstate(invalid="ignore"):
            apart = f" by {float(np.nanmax(np.abs(x - y), initial=0)):.3g} of {scale:.3g}"
    raise ExecutionError(
        f"onnxruntime and NumPy differ in {name}{apart}",
        rows=rows,
        hint='model.on("numpy") is as MXNet has it; please report this',
    )


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError:
        message = 'engine="onnxruntime" needs the package onnxruntime'
        raise ParamError(message, hint="pip install 'minisym[onnx]'") from None
    return onnxruntime
