"""MXNet's module of switches: whether 0 and () mean a size and a scalar, or 'unknown'."""

from minisym.core.context import num_gpus as get_gpu_count
from minisym.core.shapes import is_np_shape, np_shape, set_np_shape

__all__ = ["get_gpu_count", "is_np_shape", "np_shape", "set_np_shape"]
