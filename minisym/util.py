"""MXNet's module of switches: whether 0 and () mean a size and a scalar, or 'unknown'."""

from minisym.core.shapes import is_np_shape, np_shape, set_np_shape

__all__ = ["is_np_shape", "np_shape", "set_np_shape"]
