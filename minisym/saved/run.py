"""Running a model: executors for the shapes that come, over one set of parameters."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

import numpy as np

from minisym.core.errors import (
    ArrayTypeError,
    BindError,
    MinisymError,
    Row,
    ShapeError,
    did_you_mean,
    listed,
)
from minisym.core.ndarray import Array
from minisym.core.node import Entry, Node
from minisym.core.params import DTYPES as DTYPE_NAMES
from minisym.core.shapes import is_known, show
from minisym.core.symbol import Symbol
from minisym.passes.infer import infer
from minisym.passes.order import find_writes
from minisym.passes.slots import DTYPES
from minisym.passes.typed import DEFAULT
from minisym.runtime.bind import bind
from minisym.runtime.calls import quietly
from minisym.runtime.executor import Executor
from minisym.runtime.heads import numbers
from minisym.saved.parts import Parts
from minisym.show import text

_KEPT: Final = 16
"""So many executors are kept, each for one combination of shapes: those that were used last."""
_KEPT_BYTES: Final = 1 << 29
"""Nor do they hold more than that in all, beside the parameters; one is always kept."""
_TAKEN: Final = ("self", "is_train")
"""What `forward` calls its own arguments."""

Feeds = dict[str, Any]
T = TypeVar("T")


def _matches(have: tuple[int, ...], need: tuple[int | None, ...]) -> bool:
    """Return whether a shape agrees with what is known of one."""
    return len(have) == len(need) and all(b in (None, a) for a, b in zip(have, need, strict=True))


class Kept(Generic[T]):
    """What was made for some shapes, as long as it is among the last that were asked for.

    Parameters
    ----------
    weigh
        Says how many bytes something holds of its own: all of them together are kept within bounds.
    """

    def __init__(self, weigh: Callable[[T], int] = lambda _: 0) -> None:
        self._found: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._lock = threading.Lock()
        self._weigh, self._bytes = weigh, 0

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._found)

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what was made for a key, or make it; threads wait for each other."""
        with self._lock:
            pair = self._found.pop(key, None)
            if pair is None:
                found = make()
                pair = found, self._weigh(found)
                self._bytes += pair[1]
                while self._found and (len(self._found) >= _KEPT or self._bytes > _KEPT_BYTES):
                    self._bytes -= self._found.popitem(last=False)[1][1]
            self._found[key] = pair
        return pair[0]


class Runner:
    """Executors of one graph, by the shapes and types of what is fed."""

    def __init__(self, parts: Parts, params: Mapping[str, Array]) -> None:
        self.parts = parts
        self._nodes = {node.name: node for node in (*parts.inputs, *parts.parameters)}
        self._params = {name: a for name, a in params.items() if name in self._nodes}
        self._wanted = [node.name for node in parts.inputs]
        self._missing = [n.name for n in parts.parameters if n.name not in params]
        self._is_cut_off = any(head.node in parts.lost for head in parts.graph.outputs)
        self._decided: dict[frozenset[str], dict[str, np.dtype[Any] | None]] = {}
        self._executors = Kept(self._own_bytes)
        for write in find_writes(parts.graph).values():
            name, op = write.variable.name, write.entry.node.op
            array = self._params.get(name)
            if array is not None and not array.flags.writeable and op and not op.learns:
                self._params[name] = array.copy()  # an update in the graph: it writes its own

    def _own_bytes(self, executor: Executor) -> int:
        """Return what an executor holds beside the parameters: inner values, prepared filters."""
        report = executor.memory_report()
        return report.allocated + report.bound - sum(a.nbytes for a in self._params.values())

    # ---------------------------------------------------------------------------- what is fed

    def named(self, data: Sequence[Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was given, by name.

        Raises
        ------
        BindError
            Something is missing, or there is no input of a name.
        """
        if len(data) == 1 and isinstance(data[0], Mapping):
            inputs, data = {**data[0], **inputs}, ()
        wanted = self._wanted
        if len(data) > len(wanted):
            takes = listed(wanted, 8) or "no input"
            message = f"{len(data)} arrays were given, but the model takes {takes}"
            raise BindError(message, hint="give them by name: model(data=array)")
        found = dict(zip(wanted, data, strict=False))
        for name, value in inputs.items():
            if name in found:
                raise BindError(f"{name} was given by position and by name")
            if name in self._nodes:
                found[name] = value
            elif name not in self.parts.labels:  # nobody reads those: old scripts give them
                raise BindError(f"the model has no input {name!r}", hint=did_you_mean(name, wanted))
        self._check_complete(found)
        return found

    def _check_complete(self, found: Mapping[str, Any]) -> None:
        """Refuse where an op is unknown, or an input or a parameter is missing."""
        if self._is_cut_off:
            ops = [f"{n.op.name} {n.name!r}" for n in self.parts.unknown if n.op is not None]
            cut = self.parts.runnable
            raise BindError(
                f"minisym cannot run {listed(ops, 8)}: it does not know "
                f"{'this op' if len(ops) == 1 else 'these ops'}",
                hint=f"what comes before runs: model.cut({cut[0]!r})" if cut else None,
            )
        missing = [name for name in self._missing if name not in found]
        if missing:
            raise BindError(
                f"the model has no arrays for {listed(missing, 8)}",
                hint="model.check() says what is missing, and what the file has instead",
            )
        lacking = [name for name in self._wanted if name not in found]
        if lacking:
            known = {n: a for n, a in found.items() if isinstance(a, np.ndarray)}
            raise BindError(
                f"the model needs {listed(lacking, 8)}",
                rows=self._expected([self._nodes[name] for name in lacking], known),
                hint="give arrays by name: model(data=array, …)",
            )

    def _expected(self, nodes: Sequence[Node], given: Mapping[str, Array]) -> list[Row]:
        """Say which shapes some inputs would have."""
        arrays = {**self._params, **given}
        known = {node: arrays[name].shape for name, node in self._nodes.items() if name in arrays}
        try:
            engine = infer(self.parts.graph, known)
        except (ValueError, TypeError):  # what was given is wrong, too: that error comes later
            return []
        return [(n.name, show(engine[Entry(n)]), "would be its shape", "missing") for n in nodes]

    def _arrays(self, given: Mapping[str, Any]) -> Feeds:
        """Return what was given as arrays of the types that the graph takes."""
        found: Feeds = {}
        for name, value in given.items():
            if not isinstance(value, np.ndarray | list | tuple | float | int | np.generic):
                kind = type(value).__name__
                raise ArrayTypeError(f"the input {name} must be an array, but got {kind}")
            try:
                found[name] = numbers(value, f"the input {name}")
            except MinisymError:
                raise
            except ValueError:  # lists of several lengths
                message = f"the input {name} has rows of several lengths: it is no array"
                raise ArrayTypeError(message) from None
        for name, dtype in self._types(found).items():
            if found[name].dtype != dtype:  # what does not fit is cut, as C does it
                found[name] = quietly(found[name].astype, dtype)
        return found

    def _types(self, given: Feeds) -> dict[str, np.dtype[Any]]:
        """Return the types that what is fed takes: what nothing decides may stay as it is."""
        names = frozenset(given)
        decided = self._decided.get(names)
        if decided is None:
            known = {
                node: self._params[name].dtype
                for name, node in self._nodes.items()
                if name in self._params and name not in given
            }
            engine = infer(self.parts.graph, known, DTYPES)
            decided = {name: engine[Entry(self._nodes[name])] for name in given}
            self._decided[names] = decided
        found = {}
        for name, array in given.items():
            stays = array.dtype.kind in "iu" and array.dtype.name in DTYPE_NAMES
            found[name] = decided[name] or (array.dtype if stays else DEFAULT)
        return found

    # ------------------------------------------------------------------------------- the run

    def run(self, given: Mapping[str, Any]) -> list[Array]:
        """Run once; return new arrays."""
        feeds = self._arrays(given)
        executor = self._executor(feeds)
        return [np.array(out, subok=False) for out in executor.forward(**feeds)]

    def _executor(self, feeds: Feeds) -> Executor:
        key = tuple((name, feeds[name].shape, feeds[name].dtype.name) for name in sorted(feeds))
        return self._executors.get(key, lambda: self._fitting(feeds, self._bound))

    def _fitting(self, feeds: Feeds, do: Callable[[Feeds], T]) -> T:
        """Do something with inputs; where shapes contradict, say it in terms of the inputs."""
        try:
            return do(feeds)
        except ShapeError:
            self._refuse(feeds)
            raise

    def _refuse(self, feeds: Feeds) -> None:
        """Refuse an input that has another shape than the parameters allow."""
        known = {
            node: self._params[name].shape
            for name, node in self._nodes.items()
            if name in self._params and name not in feeds
        }
        engine = infer(self.parts.graph, known)
        for name, array in feeds.items():
            need = engine[Entry(self._nodes[name])]
            have = array.shape
            if need is not None and not _matches(have, need):
                hint = None
                if _matches((1, *have), need):
                    hint = f"{name}[None] adds the axis of the batch"
                elif have and _matches((*have[:1], *have[-1:], *have[1:-1]), need):
                    hint = f"np.moveaxis({name}, -1, 1) puts the channels in front"
                raise ShapeError(
                    f"{name} has shape {text.shape_text(have)}, "
                    f"but the model takes {text.shape_text(need)}",
                    hint=hint,
                ) from None

    def _bound(self, feeds: Feeds) -> Executor:
        """Bind the parameters, arrays to feed, and something in the place of labels."""
        graph = self.parts.graph
        for name in _TAKEN:
            if name in feeds:
                message = f"an input that is called {name!r} cannot be fed"
                raise BindError(message, hint=f"model.rename({{{name!r}: 'data'}}) calls it data")
        arrays = {**self._params, **{n: np.empty(a.shape, a.dtype) for n, a in feeds.items()}}
        known = {n: arrays[n.name].shape for n in graph.variables if n.name in arrays}
        types = {n: arrays[n.name].dtype for n in graph.variables if n.name in arrays}
        if self.parts.stand_ins:
            shapes = infer(graph, known, source="given to the model")
            dtypes = infer(graph, types, DTYPES, source="given to the model")
            for node in self.parts.stand_ins:
                shape, dtype = shapes[Entry(node)], dtypes[Entry(node)]
                size = shape if is_known(shape) else (1,)  # then `bind` says what is wrong
                arrays[node.name] = np.zeros(size, dtype or DEFAULT)
        states = {node.name for node in graph.auxiliary}
        return bind(
            Symbol(graph.outputs),
            args={n: a for n, a in arrays.items() if n not in states},
            aux_states={n: a for n, a in arrays.items() if n in states},
            grad_req="null",
        )
