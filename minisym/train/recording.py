"""`record`: a training run step by step, in bounded memory, as data and as a page.

An executor tells the recording when a run begins. All that the step before has left is there at
that moment: the weights as they have become, whoever has changed them, the gradients, the outputs.
So a step in the graph and a loop with an optimizer of one's own are recorded alike, and the runs
are the ones that they are without.

When more steps have been made than are kept, every second one is dropped: what remains is spread
evenly over the training, however long it becomes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from minisym.core.errors import ParamError, did_you_mean
from minisym.core.ndarray import Array
from minisym.core.symbol import Symbol
from minisym.runtime.executor import Executor, LastRun, the_executor
from minisym.runtime.observe.glimpse import (
    Frame,
    Glimpse,
    Series,
    affordable,
    glimpse,
    nbytes,
)
from minisym.show import roles
from minisym.show.html.training import Training, training_page

MEMORY: Final = 64 << 20
_POINTS: Final = 2000
"""Numbers beside the steps, such as a loss, are kept for so many steps at most."""


def record(
    executor: Executor,
    steps: int = 50,
    *,
    arrays: Iterable[str] | None = None,
    memory: int = MEMORY,
) -> Recording:
    """Record the training steps that an executor makes from now on; results stay the same.

    A step is a run that updates something, or a run in training: in a loop of your own with
    `forward`, `backward` and an optimizer, the step includes what you do until the next `forward`.
    Use it as a context manager, or call `stop` at the end.

    Parameters
    ----------
    executor
        What makes the steps, by `forward`, `optimizer.step`, or otherwise.
    steps
        How many are kept at most, evenly spread over the training.
    arrays
        Names of those to record. By default parameters and states: all that is written in the
        graph, has a gradient, or is an auxiliary state.
    memory
        Bytes that the elements which are kept may take: 64 MiB by default. Arrays of up to 4,096
        elements are kept whole if that is enough, of larger ones as many elements as there is room
        for, evenly spread. Statistics are those of all elements; they take about 1 KB for each
        array and step that is kept. While recording, gradients stay in memory of their own.

    Raises
    ------
    ArrayTypeError
        `executor` is none.
    ParamError
        Fewer than two steps are to be kept, or there is no array of a name.
    ExecutionError
        This executor is being recorded already.

    Examples
    --------
    >>> import numpy as np
    >>> import minisym as ms
    >>> from minisym import sym
    >>> w = sym.Variable("w")
    >>> loss = sym.sum(sym.square(w), name="loss")
    >>> step = sym.signsgd_update(w, ms.grad(loss, ["w"]), lr=0.5, name="step")
    >>> executor = sym.Group([loss, step]).bind(args={"w": np.array([1.0, -0.5])})
    >>> with record(executor) as recording:
    ...     for _ in range(2):
    ...         _ = executor.forward()
    >>> recording.values("w")
    array([[ 1. , -0.5],
           [ 0.5,  0. ],
           [ 0. ,  0. ]])
    >>> recording.numbers["loss_output"]
    [(1, 1.25), (2, 0.25)]
    """
    the_executor(executor, "record")
    _check("steps", steps, least=2)
    _check("memory", memory, least=0)
    known = executor.arg_dict | executor.aux_dict
    if arrays is None:
        names = list(_that_learn(executor))
    else:
        given = [arrays] if isinstance(arrays, str) or not isinstance(arrays, Iterable) else arrays
        names = list(dict.fromkeys(given))
        for name in names:
            if name not in known:
                message = f"record: there is no array {name!r:.60}"
                raise ParamError(message, hint=did_you_mean(str(name), known))
    return Recording(executor, {name: known[name] for name in names}, int(steps), int(memory))


def _check(name: str, value: Any, *, least: int) -> None:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
        message = f"record: {name} must be an integer of at least {least}, but got {value!r:.60}"
        raise ParamError(message)


class Recording:
    """The steps of a training run; `ms.record` makes one.

    Attributes
    ----------
    symbol : Symbol
        The graph that was run.
    written_by : dict
        Array -> the node of the graph that writes it, if there is one.

    Examples
    --------
    >>> import minisym as ms
    >>> w = ms.sym.Variable("w", init="ones")
    >>> optimizer = ms.optimizer.SGD(learning_rate=0.25)
    >>> step = optimizer.minimize(ms.sym.sum(ms.sym.square(w), name="loss"))
    >>> executor = step.simple_bind(w=(1,))
    >>> ms.init.initialize(executor)
    >>> with ms.record(executor, steps=10) as seen:
    ...     for _ in range(3):
    ...         _ = optimizer.step(executor)
    >>> seen.values("w").ravel(), seen.numbers["loss_output"]
    (array([1.   , 0.5  , 0.25 , 0.125], dtype=float32), [(1, 1.0), (2, 0.25), (3, 0.0625)])
    """

    def __init__(
        self, executor: Executor, arrays: Mapping[str, Array], steps: int, memory: int
    ) -> None:
        self.symbol: Symbol = executor.symbol
        self.written_by = {n: w for n, w in executor.writes.items() if n in arrays}
        self._executor: Executor | None = executor
        self._shapes = {n: a.shape for n, a in (executor.arg_dict | executor.aux_dict).items()}
        self._dtypes = {n: a.dtype for n, a in (executor.arg_dict | executor.aux_dict).items()}
        self._arrays = {name: array.view(np.ndarray) for name, array in arrays.items()}
        self._scalars, self._writes = _scalars(executor), bool(executor.writes)
        self._steps, self._stride, self._made = steps, 1, 0
        twice = [*arrays.values()] * 2  # they, and their gradients
        self._most = affordable(twice, steps, memory)
        self._frames: list[Frame] = []
        self._series: dict[str, Series] = {}
        self._seen = executor.runs
        executor.attend(self._look)

    # ---------------------------------------------------------------------------------- recording

    def __enter__(self) -> Self:
        """Record until the block ends."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, whatever has happened in the block: what was recorded can be looked at."""
        self.stop()

    def stop(self) -> None:
        """Keep the last step, and let the executor run as before."""
        executor, frame = self._executor, self._latest()
        if executor is None:
            return
        if frame is not None:
            self._keep(frame)
        executor.attend(None)
        self._executor = None

    def note(self, **numbers: float) -> None:
        """Note numbers of the step that has just been made, such as its loss.

        Outputs of one element are noted without that, under their names.
        """
        ahead = self._executor is not None and self._is_ahead()
        for name, value in numbers.items():
            try:
                number = float(value)
            except (TypeError, ValueError):
                message = f"note: {name} must be a number, but got {type(value).__name__}"
                raise ParamError(message, hint="one of each step: float(loss.mean())") from None
            self._add(name, self._made + ahead, number)

    def _add(self, name: str, step: int, number: float) -> None:
        self._series.setdefault(name, Series(_POINTS)).add(step, number)

    def _look(self) -> None:
        """Look at the step that ends here: the executor calls this when a run begins."""
        if not self._frames:
            self._frames.append(Frame(0, self._glimpses(self._arrays)))
        if self._executor is None or not self._is_ahead():
            return
        self._made, self._seen = self._made + 1, self._executor.runs
        if self._made % self._stride == 0:
            self._keep(self._frame(self._made))
        else:
            self._note_outputs(self._made)

    def _is_ahead(self) -> bool:
        """Return whether a step has been made that was not looked at."""
        assert self._executor is not None
        run = self._executor.last_run
        if run is None or run.number == self._seen:
            return False
        return run.is_train or self._writes

    def _latest(self) -> Frame | None:
        """Return a frame of the last step, if there is none yet."""
        if self._executor is None:
            return None
        if not self._frames:
            return Frame(0, self._glimpses(self._arrays))
        if self._is_ahead():
            return self._frame(self._made + 1)
        if self._made > self._frames[-1].step:
            return Frame(self._made, self._glimpses(self._arrays))
        return None

    def _keep(self, frame: Frame) -> None:
        self._frames.append(frame)
        while len(self._frames) > self._steps:
            self._stride *= 2
            last = self._frames[-1]
            self._frames = [
                one for one in self._frames if one.step % self._stride == 0 or one is last
            ]

    def _frame(self, step: int) -> Frame:
        assert self._executor is not None
        run = self._executor.last_run
        self._note_outputs(step)
        gradients = {} if run is None else _gradients(self._executor, run)
        mine = {name: array for name, array in gradients.items() if name in self._arrays}
        return Frame(step, self._glimpses(self._arrays), self._glimpses(mine))

    def _note_outputs(self, step: int) -> None:
        assert self._executor is not None
        for name, place in self._scalars.items():
            self._add(name, step, float(self._executor.outputs[place].item()))

    def _glimpses(self, arrays: Mapping[str, Array]) -> dict[str, Glimpse]:
        return {name: glimpse(array, self._most) for name, array in arrays.items()}

    # ------------------------------------------------------------------------------ what was seen

    @property
    def frames(self) -> list[Frame]:
        """What was kept of each step, the last one included."""
        latest = self._latest()
        return [*self._frames, latest] if latest is not None else [*self._frames]

    @property
    def steps(self) -> list[int]:
        """The numbers of the steps that are kept; 0 stands for the time before the first."""
        return [frame.step for frame in self.frames]

    @property
    def numbers(self) -> dict[str, list[tuple[int, float]]]:
        """Outputs of one element and what was noted: pairs of step and value, by name."""
        return {name: series.points for name, series in self._series.items()}

    @property
    def nbytes(self) -> int:
        """The bytes of all elements that are kept."""
        return sum(nbytes(frame.values) + nbytes(frame.gradients) for frame in self.frames)

    def values(self, name: str) -> Array:
        """Return an array at all steps that are kept, `(steps, *shape)`.

        Of one that is too large to be kept whole: the elements that were kept, as a table.
        """
        return self._stacked(name, [frame.values[self._known(name)] for frame in self.frames])

    def gradients(self, name: str) -> Array:
        """Return the gradients of an array at the steps that have one: none has step 0."""
        self._known(name)
        found = [frame.gradients[name] for frame in self.frames if name in frame.gradients]
        if not found:
            message = f"gradients: no gradient of {name!r} was seen"
            raise ParamError(message, hint="of an array that no update and no backward() serves")
        return self._stacked(name, found)

    def _known(self, name: str) -> str:
        if name not in self._arrays:
            message = f"nothing named {name!r:.60} was recorded"
            raise ParamError(message, hint=did_you_mean(str(name), self._arrays))
        return name

    def _stacked(self, name: str, glimpses: list[Glimpse]) -> Array:
        stacked = np.stack([one.cells for one in glimpses])
        whole = self._arrays[name].size <= self._most
        return stacked.reshape(len(glimpses), *self._shapes[name]) if whole else stacked

    def data(self) -> dict[str, Any]:
        """Return it as plain lists and dicts, for JSON or a plot.

        `steps` are those that are kept, `numbers` pairs of step and value. Each of `arrays` has its
        shape, its writer, and along the steps the least, mean and greatest element, which share of
        the elements has changed since the step before, and which of the gradient's signs flipped
        (None where there is nothing to compare; of a large array, among the elements that are
        kept).
        """
        frames = self.frames
        return {
            "steps": [frame.step for frame in frames],
            "numbers": {n: [list(p) for p in points] for n, points in self.numbers.items()},
            "arrays": {name: self._told(name, frames) for name in self._arrays},
        }

    def _told(self, name: str, frames: list[Frame]) -> dict[str, Any]:
        known = [frame.values[name].statistics for frame in frames]
        return {
            "shape": list(self._shapes[name]),
            "written_by": self.written_by.get(name),
            "least": [one.least for one in known],
            "mean": [one.mean for one in known],
            "greatest": [one.greatest for one in known],
            "changed": [None, *(b.changed(a, name) for a, b in pairwise(frames))][: len(frames)],
            "flipped": [None, *(b.flipped(a, name) for a, b in pairwise(frames))][: len(frames)],
        }

    def to_html(self, path: str | PathLike[str], *, title: str = "") -> Path:
        """Write a page that slides through the training; return its path.

        The graph with, for each step that was kept, weights, what has changed, and the signs of the
        gradients; which update wrote; and the numbers beside. Like `Symbol.to_html` it is one file
        that needs no network.
        """
        known = {"shape": self._shapes, "dtype": self._dtypes}
        training = Training(self.frames, self.numbers, self.written_by)
        return training_page(self.symbol, Path(path), training, title=title, **known)

    def __repr__(self) -> str:
        """Say how much was recorded."""
        frames, arrays = self.frames, len(self._arrays)
        state = "" if self._executor is None else ", goes on"
        last = frames[-1].step if frames else 0
        return f"<Recording: {len(frames)} of {last + 1} moments, {arrays} arrays{state}>"


def _that_learn(executor: Executor) -> Iterable[str]:
    """Return the names of the arrays that training changes."""
    kinds = {node.name: kind for node, kind in roles.kinds(executor.symbol.graph).items()}
    sloped = {} if executor.grad_arrays is None else executor.grad_dict
    for name in executor.arg_dict:
        has_gradient = sloped.get(name) is not None and kinds[name] == "parameter"
        if name in executor.writes or has_gradient:
            yield name
    yield from executor.aux_dict


def _scalars(executor: Executor) -> dict[str, int]:
    """Return the places of outputs that are one number."""
    names = executor.symbol.list_outputs()
    new = {entry.node for entry in executor.symbol.entries if entry.node.kind == "update"}
    return {
        name: i
        for i, (name, entry) in enumerate(zip(names, executor.symbol.entries, strict=True))
        if executor.outputs[i].size == 1 and entry.node not in new
    }


def _gradients(executor: Executor, run: LastRun) -> dict[str, Array]:
    """Return the gradients of the last run: those that updates have read, or that are bound."""
    found: dict[str, Array] = {}
    if executor.grad_arrays is not None:
        bound = executor.grad_dict.items()
        found = {name: array for name, array in bound if array is not None}
    read = roles.gradients_of_updates(run.plan.graph)
    return found | {n: run.plan.arrays[e] for n, e in read.items() if e in run.plan.arrays}
