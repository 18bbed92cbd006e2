"""What `Module.fit` calls behind batches and epochs: checkpoints, speed, metrics, in the log.

They write to Python's root logger, as in MXNet, so that a script's `logging.basicConfig` or
`logging.getLogger().setLevel` decides what is seen.
"""

# ruff: noqa: LOG015  (the root logger is where scripts look)

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from minisym.core.errors import ArrayTypeError
from minisym.core.params import whole
from minisym.formats.checkpoint import save_checkpoint


class BatchEndParam(NamedTuple):
    """What a callback behind a batch is told."""

    epoch: int
    """The number of the epoch, from 0."""
    nbatch: int
    """The number of the batch, from 0."""
    eval_metric: Any
    """The metric that the loop updates, or None."""
    locals: dict[str, Any] | None = None
    """The variables of the loop."""


def each(callbacks: Any) -> list[Callable[..., object]]:
    """Return no, one or several callbacks as a list."""
    if callbacks is None:
        return []
    found = list(callbacks) if isinstance(callbacks, list | tuple) else [callbacks]
    for one in found:
        if not callable(one):
            message = f"a callback must be a function, but got {one!r:.60}"
            raise ArrayTypeError(message, hint="ms.callback has some: Speedometer(batch_size)")
    return found


def do_checkpoint(prefix: str, period: int = 1) -> Callable[..., None]:
    """Return a callback that saves symbol and parameters behind every `period`-th epoch.

    >>> import pathlib, tempfile, numpy as np, minisym as ms
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> save = do_checkpoint(str(folder / "net"), period=2)
    >>> for epoch in range(4):
    ...     save(epoch, ms.sym.Variable("w") * 2, {"w": np.ones(1, np.float32)}, {})
    >>> sorted(path.name for path in folder.iterdir())
    ['net-0002.params', 'net-0004.params', 'net-symbol.json']
    """
    every = max(1, whole(period, "do_checkpoint: period", 0))

    def behind_epoch(iter_no: int, sym: Any, arg: Any, aux: Any) -> None:
        if (iter_no + 1) % every == 0:
            save_checkpoint(prefix, iter_no + 1, sym, arg, aux)

    return behind_epoch


def module_checkpoint(
    mod: Any, prefix: str, period: int = 1, save_optimizer_states: bool = False
) -> Callable[..., None]:
    """Return a callback by which a module saves itself behind every `period`-th epoch."""
    every = max(1, whole(period, "module_checkpoint: period", 0))

    def behind_epoch(iter_no: int, sym: Any = None, arg: Any = None, aux: Any = None) -> None:
        del sym, arg, aux
        if (iter_no + 1) % every == 0:
            mod.save_checkpoint(prefix, iter_no + 1, save_optimizer_states)

    return behind_epoch


def log_train_metric(period: int, auto_reset: bool = False) -> Callable[[Any], None]:
    """Return a callback that logs the metric every `period` batches, and may start it over."""
    every = whole(period, "log_train_metric: period")

    def behind_batch(param: Any) -> None:
        if param.nbatch % every == 0 and param.eval_metric is not None:
            for name, value in param.eval_metric.get_name_value():
                logging.info(
                    "Iter[%d] Batch[%d] Train-%s=%f", param.epoch, param.nbatch, name, value
                )
            if auto_reset:
                param.eval_metric.reset_local()

    return behind_batch


class Speedometer:
    """Log samples a second, and the metric, every `frequent` batches.

    Parameters
    ----------
    batch_size
        Samples in a batch.
    frequent
        How many batches lie between two lines.
    auto_reset
        Whether the metric starts over behind each line; that of the whole epoch goes on.

    Examples
    --------
    >>> speed = Speedometer(batch_size=32, frequent=10)
    >>> speed(BatchEndParam(epoch=0, nbatch=0, eval_metric=None))
    """

    def __init__(self, batch_size: int, frequent: int = 50, auto_reset: bool = True) -> None:
        self.batch_size = whole(batch_size, "Speedometer: batch_size")
        self.frequent = whole(frequent, "Speedometer: frequent")
        self.auto_reset = auto_reset
        self.init = False
        self.tic = 0.0
        self.last_count = 0

    def __call__(self, param: Any) -> None:
        """Hear of a batch."""
        count = param.nbatch
        if self.last_count > count:
            self.init = False
        self.last_count = count
        if not self.init:
            self.init, self.tic = True, time.time()
        elif count % self.frequent == 0:
            took = time.time() - self.tic
            speed = self.frequent * self.batch_size / took if took else math.inf
            self._log(param, count, speed)
            self.tic = time.time()

    def _log(self, param: Any, count: int, speed: float) -> None:
        metric = param.eval_metric
        if metric is None:
            text = "Iter[%d] Batch [%d]\tSpeed: %.2f samples/sec"
            logging.info(text, param.epoch, count, speed)
            return
        pairs = metric.get_name_value()
        first = count - self.frequent if self.auto_reset else 0
        if self.auto_reset:
            metric.reset_local()
        text = "Epoch[%d] Batch [%d-%d]\tSpeed: %.2f samples/sec" + "\t%s=%f" * len(pairs)
        told = [part for pair in pairs for part in pair]
        logging.info(text, param.epoch, first, count, speed, *told)


class ProgressBar:
    """Log a bar of how many of `total` batches are done."""

    def __init__(self, total: int, length: int = 80) -> None:
        self.total = whole(total, "ProgressBar: total")
        self.bar_len = whole(length, "ProgressBar: length", 0)

    def __call__(self, param: Any) -> None:
        """Hear of a batch."""
        done = param.nbatch / float(self.total)
        filled = round(self.bar_len * done)
        bar = "=" * filled + "-" * (self.bar_len - filled)
        logging.info("[%s] %s%s\r", bar, math.ceil(100.0 * done), "%")


class LogValidationMetricsCallback:
    """Log the metric behind an evaluation."""

    def __call__(self, param: Any) -> None:
        """Hear of an evaluation."""
        if param.eval_metric:
            for name, value in param.eval_metric.get_name_value():
                logging.info("Epoch[%d] Validation-%s=%f", param.epoch, name, value)
