"""MXNet's module of arrays, under which pickles know them: `NDArray`, `Context`, `cpu`."""

from minisym.core.ndarray import Array, Context, NDArray, cpu

__all__ = ["Array", "Context", "NDArray", "cpu"]
