"""MXNet's stores of values by key, on one machine: `create("local")`.

>>> import minisym as mx
>>> store = mx.kvstore.create("local")
>>> store.init("w", mx.nd.ones(2))
>>> store.push("w", [mx.nd.ones(2) * 2, mx.nd.ones(2) * 3])  # from two devices: they are added
>>> pulled = mx.nd.zeros(2)
>>> store.pull("w", out=pulled)
>>> pulled.asnumpy()
array([5., 5.], dtype=float32)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from minisym.core.errors import BindError, ParamError, did_you_mean
from minisym.core.ndarray import NDArray
from minisym.optimizer import Optimizer, get_updater

LOCAL: Final = ("local", "device", "nccl", "local_update_cpu", "local_allreduce_cpu",
                "local_allreduce_device")  # fmt: skip
"""The kinds that work on one machine: here they are all one."""


class KVStore:
    """Arrays by key. What is pushed replaces the value, or updates it by `set_optimizer`.

    Keys are strings or numbers, or lists of them with lists of values.

    >>> import minisym as ms
    >>> store = ms.kvstore.create("local")
    >>> store.init(3, ms.nd.ones(2))
    >>> store.push(3, [ms.nd.array([1, 2]), ms.nd.array([10, 20])])
    >>> pulled = ms.nd.zeros(2)
    >>> store.pull(3, out=pulled)
    >>> pulled
    NDArray([11., 22.], dtype=float32)
    """

    def __init__(self, kind: str = "local") -> None:
        self.type = kind
        self._values: dict[Any, NDArray] = {}
        self._updater: Callable[[Any, Any, Any], object] | None = None

    rank = 0
    """The number of this worker."""
    num_workers = 1
    """How many workers there are."""

    def init(self, key: Any, value: Any) -> None:
        """Enter arrays under new keys.

        Raises
        ------
        BindError
            A key is there already.
        """
        for one, array in _pairs(key, value):
            if one in self._values:
                raise BindError(f"KVStore: the key {one!r} is there already")
            self._values[one] = NDArray.of(np.array(array))

    def push(self, key: Any, value: Any, priority: int = 0) -> None:
        """Add up the arrays of all devices, and replace or update the value by the sum."""
        del priority
        for one, given in _pairs(key, value):
            self._set(one, _sum(given))

    def _set(self, key: Any, total: Any) -> None:
        stored = self._value(key)
        if self._updater is None:
            stored[:] = total
        else:
            self._updater(key, total, stored)

    def _value(self, key: Any) -> NDArray:
        if key not in self._values:
            hint = did_you_mean(str(key), map(str, self._values))
            raise BindError(f"KVStore: there is no key {key!r}", hint=hint or "call init first")
        return self._values[key]

    def pull(
        self, key: Any, out: Any = None, priority: int = 0, ignore_sparse: bool = True
    ) -> None:
        """Copy the values into these arrays."""
        del priority, ignore_sparse
        for one, targets in _pairs(key, out):
            for target in targets if isinstance(targets, list | tuple) else [targets]:
                target[:] = self._value(one)

    def pushpull(self, key: Any, value: Any, out: Any = None, priority: int = 0) -> None:
        """Push, and pull into `out`, or into what was pushed."""
        self.push(key, value, priority)
        self.pull(key, value if out is None else out, priority)

    def broadcast(self, key: Any, value: Any, out: Any, priority: int = 0) -> None:
        """Enter arrays, and copy them into these."""
        self.init(key, value)
        self.pull(key, out, priority)

    def set_optimizer(self, optimizer: Optimizer) -> None:
        """Let what is pushed be gradients, by which this optimizer updates the values."""
        self._updater = get_updater(optimizer)

    def set_updater(self, updater: Callable[[Any, Any, Any], object]) -> None:
        """Let a function `(key, pushed, stored)` change the values."""
        self._updater = updater

    _set_updater = set_updater

    def set_gradient_compression(self, compression_params: Any) -> None:
        """Do nothing: nothing is sent anywhere."""

    def save_optimizer_states(self, fname: str, dump_optimizer: bool = False) -> None:
        """Write the optimizer's states into a file."""
        Path(fname).write_bytes(self._states().get_states(dump_optimizer))

    def load_optimizer_states(self, fname: str) -> None:
        """Read the optimizer's states from such a file."""
        self._states().set_states(Path(fname).read_bytes())

    def _states(self) -> Any:
        if not hasattr(self._updater, "get_states"):
            raise BindError("KVStore: there is no optimizer", hint="call set_optimizer first")
        return self._updater


def _pairs(key: Any, value: Any) -> Iterator[tuple[Any, Any]]:
    """Pair keys with values."""
    if isinstance(key, list | tuple):
        yield from zip(key, value, strict=True)
    else:
        yield key, value


def _sum(given: Any) -> Any:
    if not isinstance(given, list | tuple):
        return given
    total = given[0]
    for array in given[1:]:
        total = total + array
    return total


def create(name: str = "local") -> KVStore:
    """Return a store of this kind; all that work on one machine are one.

    Raises
    ------
    ParamError
        It is one for several machines, or none at all.

    Examples
    --------
    >>> create("local").num_workers
    1
    """
    if name in LOCAL:
        return KVStore(name)
    message = f"there is no KVStore {name!r}"
    hint = did_you_mean(str(name), LOCAL)
    if str(name).startswith(("dist", "p3", "horovod", "byteps")):
        hint = "minisym trains on one machine: create('local')"
    raise ParamError(message, hint=hint)
