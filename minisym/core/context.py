"""Devices that exist as names: scripts say where to run, and everything runs on the CPU.

>>> with Context("cpu", 1):
...     current_context()
cpu(1)
"""

from __future__ import annotations

import warnings
from contextvars import ContextVar, Token
from typing import ClassVar, Self

from minisym.core.errors import ExecutionError, ParamError, did_you_mean


class Context:
    """A device by its name and number. Whatever it is called, it is the CPU.

    A `with` block makes it the `current_context`. The first GPU of a process warns that there is
    none.

    Raises
    ------
    ParamError
        There is no such kind of device.

    Examples
    --------
    >>> with Context("cpu", 2) as device:
    ...     print(device, device == current_context())
    cpu(2) True
    """

    devtype2str: ClassVar[dict[int, str]] = {1: "cpu", 2: "gpu", 3: "cpu_pinned", 5: "cpu_shared"}
    devstr2type: ClassVar[dict[str, int]] = {name: i for i, name in devtype2str.items()}
    _warned: ClassVar[bool] = False

    def __init__(self, device_type: str | Context = "cpu", device_id: int = 0) -> None:
        self.device_type: str
        self.device_id: int
        if isinstance(device_type, Context):
            self.device_type, self.device_id = device_type.device_type, device_type.device_id
        elif device_type in self.devstr2type:
            self.device_type, self.device_id = device_type, int(device_id)
        else:
            message = f"there is no kind of device {device_type!r}"
            raise ParamError(message, hint=did_you_mean(str(device_type), self.devstr2type))
        self._outer: list[Token[Context | None]] = []
        if self.device_type == "gpu" and not Context._warned:
            Context._warned = True
            message = "minisym runs on the CPU alone: gpu() is a name for it"
            warnings.warn(message, stacklevel=3)

    @property
    def device_typeid(self) -> int:
        """MXNet's number of the kind of device."""
        return self.devstr2type[self.device_type]

    def empty_cache(self) -> None:
        """Do nothing: no memory is kept back."""

    def __repr__(self) -> str:
        """Show as MXNet does."""
        return f"{self.device_type}({self.device_id})"

    def __eq__(self, other: object) -> bool:
        """Compare type and number."""
        return isinstance(other, Context) and repr(self) == repr(other)

    def __hash__(self) -> int:
        """Hash type and number."""
        return hash(repr(self))

    def __reduce__(self) -> tuple[type[Self], tuple[str, int]]:
        """Pickle as type and number."""
        return type(self), (self.device_type, self.device_id)

    def __enter__(self) -> Self:
        """Make it the current context."""
        self._outer.append(_current.set(self))
        return self

    def __exit__(self, *_: object) -> None:
        """Go back to the context before."""
        _current.reset(self._outer.pop())


def cpu(device_id: int = 0) -> Context:
    """Return the CPU as a context."""
    return Context("cpu", device_id)


_current: ContextVar[Context | None] = ContextVar("context", default=None)


def current_context() -> Context:
    """Return the context of the innermost `with` block; `cpu(0)` outside of all.

    >>> with cpu(3):
    ...     current_context()
    cpu(3)
    """
    return _current.get() or cpu()


def gpu(device_id: int = 0) -> Context:
    """Return a context that is called GPU, and is the CPU: the first one warns."""
    return Context("gpu", device_id)


def cpu_pinned(device_id: int = 0) -> Context:
    """Return the CPU as a context, under MXNet's name for memory that a GPU can copy."""
    return Context("cpu_pinned", device_id)


def num_gpus() -> int:
    """Return how many GPUs there are: none.

    >>> num_gpus()
    0
    """
    return 0


def gpu_memory_info(device_id: int = 0) -> tuple[int, int]:
    """Return free and total memory of a GPU.

    Raises
    ------
    ExecutionError
        Always: there is none.
    """
    message = f"there is no GPU {device_id}"
    raise ExecutionError(message, hint="ask ms.context.num_gpus() first: it is 0")
