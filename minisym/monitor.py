"""Statistics of inner values every few batches, as MXNet's `mx.mon.Monitor` gathers them.

>>> import numpy as np
>>> import minisym as ms
>>> executor = ms.sym.tanh(ms.sym.Variable("x"), name="t").bind(args={"x": np.array([1.0, -1.0])})
>>> monitor = ms.mon.Monitor(interval=2, stat_func=lambda value: abs(value).max())
>>> monitor.install(executor)
>>> for _ in range(3):
...     monitor.tic()
...     _ = executor.forward()
...     print([(batch, name, value.strip()) for batch, name, value in monitor.toc()])
[(1, 't_output', '0.7615941559557649'), (1, 'x', '1.0')]
[]
[(3, 't_output', '0.7615941559557649'), (3, 'x', '1.0')]
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from minisym.core.errors import ArrayTypeError, ParamError
from minisym.core.ndarray import NDArray
from minisym.runtime.executor import Executor

_log = logging.getLogger("minisym")


class Monitor:
    """Watch the outputs of all nodes whose names match, in one batch of every `interval`.

    Values are looked at right after they have been computed, so that it does not matter that their
    memory is used again.

    Parameters
    ----------
    interval
        How many batches lie between two that are watched.
    stat_func
        From an array to a number, an array, or a list of such. Default: the norm over the root of
        the size.
    pattern
        A regular expression that the beginning of a name matches.
    sort
        Whether results are sorted by name.
    monitor_all
        Whether the inputs of nodes are watched, too.

    Raises
    ------
    ParamError
        `interval`, `stat_func` or `pattern` is none.

    Examples
    --------
    >>> import minisym as ms
    >>> net = ms.sym.sqrt(ms.sym.square(ms.sym.Variable("x"), name="square"), name="root")
    >>> executor = net.bind(args={"x": ms.nd.array([-2.0, 3.0])})
    >>> monitor = ms.mon.Monitor(1, stat_func=lambda array: array.max(), pattern="square")
    >>> monitor.install(executor)
    >>> monitor.tic()
    >>> _ = executor.forward()
    >>> [(batch, name, text.strip()) for batch, name, text in monitor.toc()]
    [(1, 'square_output', '9.0')]
    """

    def __init__(
        self,
        interval: int,
        stat_func: Callable[[NDArray], Any] | None = None,
        pattern: str = ".*",
        sort: bool = False,
        monitor_all: bool = False,
    ) -> None:
        _check(interval, stat_func)
        try:
            self.pattern = re.compile(pattern)
        except (re.error, TypeError) as error:
            message = f"Monitor: pattern {pattern!r} is no regular expression: {error}"
            raise ParamError(message, hint='".*weight" matches what ends in weight') from None
        self.interval, self.sort, self.monitor_all = interval, sort, monitor_all
        self.stat_func = stat_func or _size_free_norm
        self.executors: list[Executor] = []
        self.batch = 0
        self.is_active = False
        self._found: list[tuple[int, str, Any]] = []

    def install(self, executor: Executor) -> None:
        """Watch an executor; one monitor may watch several.

        Raises
        ------
        ArrayTypeError
            It is no executor.
        """
        if not isinstance(executor, Executor):
            got = type(executor).__name__
            message = f"Monitor: install takes an executor, but got {got}"
            raise ArrayTypeError(message, hint="pass what bind or simple_bind returned")
        executor.set_monitor_callback(self._hear, self.monitor_all)
        self.executors.append(executor)

    def _hear(self, name: str, array: NDArray) -> None:
        if self.is_active and self.pattern.match(name):
            self._found.append((self.batch, name, self.stat_func(array)))

    def tic(self) -> None:
        """Begin a batch: call it before `forward`."""
        if self.batch % self.interval == 0:
            self._found = []
            self.is_active = True
        self.batch += 1

    def toc(self) -> list[tuple[int, str, str]]:
        """End a batch; return (batch, name, statistics as text) for all that was watched.

        The bound arrays are among them, as they are at the end of the batch.
        """
        if not self.is_active:
            return []
        for executor in self.executors:
            for name, array in (executor.arg_dict | executor.aux_dict).items():
                if not self.monitor_all or name not in {n for _, n, _ in self._found}:
                    self._hear(name, array)
        self.is_active = False
        if self.sort:
            self._found.sort(key=lambda row: row[1])
        return [(batch, name, _text(value)) for batch, name, value in self._found]

    def toc_print(self) -> None:
        """End a batch, and log what was watched (logger "minisym", level INFO)."""
        for batch, name, value in self.toc():
            _log.info("Batch: %7d %30s %s", batch, name, value)


def _check(interval: object, stat_func: object) -> None:
    if not isinstance(interval, int) or interval < 1:
        message = f"Monitor: interval must be an integer of at least 1, but got {interval!r}"
        raise ParamError(message, hint="it counts batches")
    if stat_func is not None and not callable(stat_func):
        got = type(stat_func).__name__
        raise ParamError(f"Monitor: stat_func must be a function of an array, but got {got}")


def _size_free_norm(array: NDArray) -> Any:
    values = np.asarray(array)
    return np.linalg.norm(values) / max(1, values.size) ** 0.5


def _text(value: Any) -> str:
    found = value if isinstance(value, list) else [value]
    arrays = [np.asarray(one) for one in found]
    return "".join(f"{a.item() if a.size == 1 else a}\t" for a in arrays)
