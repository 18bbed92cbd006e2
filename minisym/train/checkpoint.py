"""Checkpoints of a training: parameters, states and position in one file, written all or not.

The file is one of MXNet's `.params`, so that weights can be read elsewhere, too; the position in
the training is an array of bytes in it. It is written aside, flushed to the disk and renamed:
whenever the process dies, the file is the old one or the new one.

Several processes keep one file. What is the same in all of them needs no thought. Of what each has
for itself (a momentum, an error memory, moving averages) the file holds the mean over all, and each
process that goes on begins with that: there may be fewer or more of them than before. For error
feedback nothing is lost thereby. Its step is the mean of what all send, so what all together still
owe the weights is the mean of their errors, and it is the mean of k copies of itself for any k.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, cast

import numpy as np

from minisym.core import random
from minisym.core.errors import FormatError, ParamError
from minisym.core.files import remove_leftovers
from minisym.core.ndarray import Array, NDArray
from minisym.formats import mxnet_params
from minisym.optimizer import Optimizer
from minisym.optimizer.compose import is_fed
from minisym.runtime.executor import Executor, the_executor

POSITION = "train:position"
"""The name of the array that holds the position, as the bytes of a JSON text."""
_REFUSALS = (ValueError, TypeError, KeyError, OverflowError, RecursionError, DeprecationWarning)
"""What a position or a state of random numbers that makes no sense leads to."""


@dataclass
class Position:
    """Where a training stands."""

    epoch: int = 0
    """How many epochs are done."""
    batch: int = 0
    """How many batches of the epoch are done."""
    history: list[dict[str, float]] = field(default_factory=list)
    """The metrics of each epoch that is done."""
    metric: list[float] = field(default_factory=list)
    """What the metric has added up in this epoch."""
    seed: int = 0
    """The seed of the iterator's orders."""


def save(
    path: str | PathLike[str],
    executor: Executor,
    optimizer: Optimizer,
    position: Position | None = None,
    fed: Iterable[str] | None = None,
) -> None:
    """Write a checkpoint: parameters, states, random numbers, and how often was stepped.

    Where several processes make the step together, all of them call this behind the same step, and
    the first one writes; what each has for itself is saved as the mean over all.

    Parameters
    ----------
    path
        The file.
    executor, optimizer
        A training step, bound, and its optimizer.
    position
        Where the training stands, for a loop that wants to know.
    fed
        Arrays that are left out; without, those whose names say that they are data or labels.

    Examples
    --------
    >>> import tempfile
    >>> import minisym as ms
    >>> net = ms.sym.FullyConnected(ms.sym.Variable("data"), num_hidden=2, name="fc")
    >>> optimizer = ms.optimizer.Signum()
    >>> step = ms.parallel.data_parallel(optimizer.minimize(ms.sym.SoftmaxOutput(net, name="p")))
    >>> executor = step.simple_bind(data=(4, 3), comm=ms.parallel.world())
    >>> _ = optimizer.step(executor, data=np.ones((4, 3)))
    >>> path = Path(tempfile.mkdtemp(), "training.params")
    >>> save(path, executor, optimizer)
    >>> restore(path, executor, optimizer).epoch, optimizer.num_update
    (0, 1)
    """
    _check(executor, optimizer, "save")
    path, unkept = Path(path), None if fed is None else {*fed}
    means = _means(executor)
    arrays: dict[str, Array] = {
        f"{kind}:{name}": means.get(name, array)
        for kind, named in (("arg", executor.arg_dict), ("aux", executor.aux_dict))
        for name, array in named.items()
        if not (is_fed(name) if unkept is None else name in unkept)
    }
    if executor.peers is not None and executor.peers.rank:
        return
    told = {
        "position": vars(position or Position()),
        "num_update": optimizer.num_update,
        "micro_batch": optimizer.micro_batch,
        "random": random.generator.bit_generator.state,
    }
    arrays[POSITION] = np.frombuffer(json.dumps(told).encode(), np.uint8)
    mxnet_params.save(path, arrays)
    remove_leftovers(path)


def restore(path: str | PathLike[str], executor: Executor, optimizer: Optimizer) -> Position:
    """Read a checkpoint into an executor, an optimizer and the random numbers; return the position.

    Each of several processes reads the file, which lies where all can, and there may be another
    number of them than of those that wrote it. The first goes on with the random numbers of the
    first; each other one with numbers of its own.

    Raises
    ------
    FormatError
        The file is no such checkpoint, or one of another network. Nothing has been changed then.
    """
    _check(executor, optimizer, "restore")
    name = Path(path).name
    found = mxnet_params.load(path)
    if not isinstance(found, dict) or POSITION not in found:
        message = f"{name} is no checkpoint of a training"
        raise FormatError(message, hint="ms.nd.load reads plain arrays")
    position, counts, drawn = _parse(name, found.pop(POSITION).tobytes())
    for array, value in _targets(name, found, executor):
        array[...] = value
    optimizer.num_update, optimizer.micro_batch = counts
    random.generator.bit_generator.state = drawn
    if executor.peers is not None and executor.peers.rank:
        generator = cast("np.random.PCG64", random.generator.bit_generator)
        generator.state = generator.jumped(executor.peers.rank).state
    return position


def _check(executor: Executor, optimizer: Optimizer, what: str) -> None:
    the_executor(executor, what)
    if not all(hasattr(optimizer, counted) for counted in ("num_update", "micro_batch")):
        got = type(optimizer).__name__
        message = f"{what}: optimizer must be the one that composed the step, but got {got}"
        raise ParamError(message)


def _means(executor: Executor) -> dict[str, Array]:
    """Return the means over all processes of what each has for itself."""
    if executor.peers is None:
        return {}
    arrays = {**executor.arg_dict, **executor.aux_dict}
    own = [name for name in executor.own if np.issubdtype(arrays[name].dtype, np.floating)]
    means: list[Array] = [np.empty_like(arrays[name]) for name in own]
    executor.peers.mean([arrays[name] for name in own], means)
    return dict(zip(own, means, strict=True))


def _parse(name: str, text: bytes) -> tuple[Position, tuple[int, int], Any]:
    """Return the position, how often was stepped, and the state of the random numbers."""
    try:
        told = json.loads(text)
        position, counts = Position(**told["position"]), (told["num_update"], told["micro_batch"])
        drawn = copy(random.generator.bit_generator)
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)  # NumPy 1 wraps -1 around, and warns
            drawn.state = told["random"]
        whole = (position.epoch, position.batch, position.seed, *counts)
        wrong = [n for n in whole if type(n) is not int or n < 0]
    except _REFUSALS as error:
        wrong = [error]
    if wrong:
        message = f"{name}: {POSITION} does not say where a training stands"
        raise FormatError(message, hint=f"what is wrong: {wrong[0]!r:.200}")
    return position, counts, drawn.state


def _targets(
    name: str, found: Mapping[str, NDArray], executor: Executor
) -> list[tuple[Array, Array]]:
    """Pair the arrays of a file with those of an executor."""
    arrays = {f"arg:{n}": a for n, a in executor.arg_dict.items()}
    arrays |= {f"aux:{n}": a for n, a in executor.aux_dict.items()}
    missing = [n for n in executor.writes if f"arg:{n}" not in found and f"aux:{n}" not in found]
    unknown = [n for n in found if n not in arrays]
    if missing or unknown:
        told = ", ".join([f"no {n}" for n in missing] + unknown)
        message = f"{name} is a checkpoint of another training step: it has {told}"
        raise FormatError(message)
    pairs: list[tuple[Array, Array]] = []
    for key, value in found.items():
        array = arrays[key]
        if (array.shape, array.dtype) != (value.shape, value.dtype):
            message = (
                f"{name}: {key} has shape {value.shape} and type {value.dtype}, "
                f"but {array.shape} and {array.dtype} are bound"
            )
            raise FormatError(message)
        pairs.append((array, value))
    return pairs


__all__ = ["POSITION", "Position", "restore", "save"]
