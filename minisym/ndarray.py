"""MXNet's module of arrays, under which pickles know them: `NDArray`, `Context`, `cpu`."""

from minisym.core.context import Context, cpu
from minisym.core.ndarray import Array, NDArray

__all__ = ["Array", "Context", "NDArray", "cpu"]
