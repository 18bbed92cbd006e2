"""The thin array of the border: a NumPy array that answers a few of MXNet's questions.

Executors and `ms.nd` hand out `NDArray`s, so that code written for MXNet can call `asnumpy()` on
them. They are NumPy arrays in every respect; kernels never see the subclass.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minisym.core.context import Context, cpu

Array = np.ndarray[Any, Any]


class NDArray(np.ndarray[Any, Any]):
    """A NumPy array with `asnumpy`, `asscalar`, `copyto`, `wait_to_read` and `context`.

    >>> NDArray.of(np.ones(2)).asnumpy()
    array([1., 1.])
    """

    @classmethod
    def of(cls, array: Any) -> NDArray:
        """Return the same memory as an NDArray."""
        return array if isinstance(array, cls) else np.asarray(array).view(cls)

    def asnumpy(self) -> np.ndarray[Any, Any]:
        """Return a copy as a plain NumPy array."""
        return np.array(self, subok=False)

    def asscalar(self) -> Any:
        """Return the one element."""
        return self.item()

    def copyto(self, other: Any) -> Any:
        """Copy into another array, or to a context (a new array)."""
        if isinstance(other, Context):
            return self.copy()
        np.copyto(other, self, casting="unsafe")
        return other

    def as_in_context(self, context: Context) -> NDArray:
        """Return itself: there is only one device."""
        del context
        return self

    def wait_to_read(self) -> None:
        """Do nothing: every run has finished when it returns."""

    @property
    def context(self) -> Context:
        """The CPU."""
        return cpu()

    ctx = context

    @property
    def stype(self) -> str:
        """The storage type, which is always default."""
        return "default"
