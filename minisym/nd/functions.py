"""The functions of `mx.nd` that are no ops: making arrays, joining, moving axes, counting.

They have the signatures that MXNet gives them. Arithmetic stands in `minisym.nd.arithmetic`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minisym.core.context import Context
from minisym.core.errors import ArrayTypeError, AxisError, ParamError, ShapeError
from minisym.core.ndarray import Array, NDArray
from minisym.core.op import get
from minisym.core.shapes import show
from minisym.nd.arithmetic import operate
from minisym.nd.imperative import array, invoke


def _call(op: str, /, *inputs: Any, out: Any = None, **params: Any) -> Any:
    return invoke(get(op), inputs, params, out)


# ------------------------------------------------------------------------------- making arrays


def linspace(
    start: float,
    stop: float,
    num: int,
    endpoint: bool = True,
    ctx: Context | None = None,
    dtype: Any = None,
) -> NDArray:
    """Return `num` evenly spaced values from `start` to `stop`, with or without the last one.

    >>> linspace(0, 1, 3)
    NDArray([0. , 0.5, 1. ], dtype=float32)
    """
    del ctx
    made: NDArray = _call(
        "_linspace",
        start=start,
        stop=stop,
        num=num,
        endpoint=endpoint,
        dtype="float32" if dtype is None else dtype,
    )
    return made


def eye(N: int, M: int = 0, k: int = 0, ctx: Context | None = None, dtype: Any = None) -> NDArray:
    """Return a matrix of N rows and M columns (0: N) with ones on diagonal k.

    >>> eye(2)
    NDArray([[1., 0.],
             [0., 1.]], dtype=float32)
    """
    del ctx
    made: NDArray = _call("_eye", N=N, M=M, k=k, dtype="float32" if dtype is None else dtype)
    return made


def from_numpy(ndarray: Array, zero_copy: bool = True) -> NDArray:
    """Return a NumPy array as an NDArray of the same type.

    Without a copy it is the same memory. From then on it belongs to the NDArray: as in MXNet, it
    can only be read under its old name.

    Raises
    ------
    ShapeError
        Its elements do not lie in order, so that it has to be copied.

    Examples
    --------
    >>> from_numpy(np.array([1.5, 2.5]))
    NDArray([1.5, 2.5])
    """
    if not isinstance(ndarray, np.ndarray):
        raise ArrayTypeError(f"from_numpy takes a NumPy array, but got {type(ndarray).__name__}")
    if not zero_copy:
        return array(ndarray, dtype=ndarray.dtype)
    if not ndarray.flags.c_contiguous:
        raise ShapeError(
            f"from_numpy: the elements of the array of shape {show(ndarray.shape)} do not lie in "
            f"order",
            hint="zero_copy=False copies them",
        )
    made = ndarray.view(NDArray)
    ndarray.flags.writeable = False
    return made


@dataclass(frozen=True)  # no tuple, which NumPy 1.26 would unpack
class _Capsule:
    """What NumPy reads a capsule from."""

    capsule: Any

    def __dlpack__(self, **_: object) -> Any:
        """Return the capsule."""
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        """Say that it is the CPU's."""
        return 1, 0


def from_dlpack(dlpack: Any) -> NDArray:
    """Return the memory that a capsule or an object of another library stands for, uncopied."""
    source = dlpack if hasattr(dlpack, "__dlpack__") else _Capsule(dlpack)
    return np.from_dlpack(source).view(NDArray)


def to_dlpack_for_read(data: Array) -> Any:
    """Return a capsule by which another library reads the array's memory."""
    return data.view(np.ndarray).__dlpack__()


def to_dlpack_for_write(data: Array) -> Any:
    """Return a capsule by which another library writes the array's memory."""
    return data.view(np.ndarray).__dlpack__()


# ------------------------------------------------------------------------- of arrays to arrays


def concatenate(arrays: Sequence[Array], axis: int = 0, always_copy: bool = True) -> NDArray:
    """Join arrays of one type along an axis; the others must agree.

    >>> concatenate([array([[1, 2]]), array([[3, 4]])])
    NDArray([[1., 2.],
             [3., 4.]], dtype=float32)
    """
    if not isinstance(arrays, list | tuple) or not arrays:
        raise ArrayTypeError(f"concatenate takes a list of arrays, but got {arrays!r:.60}")
    if not always_copy and len(arrays) == 1:
        return NDArray.of(arrays[0])
    joined: NDArray = _call("Concat", *arrays, dim=axis)
    return joined


def moveaxis(tensor: Array, source: Any, destination: Any) -> NDArray:
    """Move axes to other places; the rest stays in order.

    Raises
    ------
    AxisError
        There is no such axis.

    Examples
    --------
    >>> moveaxis(array([[[1, 2, 3]]]), 0, -1).shape
    (1, 3, 1)
    """
    try:
        moved = np.moveaxis(np.asarray(tensor), source, destination)
    except ValueError as error:
        raise AxisError(f"moveaxis: {error}") from None
    return NDArray.of(moved.copy())


def onehot_encode(indices: Array, out: Array) -> Array:
    """Write a 1 into each row of `out` at the place that `indices` names, and 0 elsewhere.

    >>> onehot_encode(array([0, 2]), array(np.empty((2, 3))))
    NDArray([[1., 0., 0.],
             [0., 0., 1.]], dtype=float32)
    """
    encoded: Array = _call("one_hot", indices, depth=out.shape[1], dtype=out.dtype.name, out=out)
    return encoded


def histogram(a: Array, bins: Any = 10, range: Any = None) -> Any:
    """Count values in bins: a number of equal ones over a range, or between edges in an array.

    Without a range it is that of the values.

    >>> histogram(array([1, 2, 5]), bins=2, range=(0, 6))
    [NDArray([2, 1]), NDArray([0., 3., 6.], dtype=float32)]
    """
    if isinstance(bins, np.ndarray):
        return _call("_histogram", a, bins)
    if not isinstance(bins, int | np.integer) or isinstance(bins, bool):
        raise ParamError(f"histogram: bins must be an int or an array, but got {bins!r}")
    if range is None:
        counts, edges = np.histogram(np.asarray(a), bins=int(bins))
        return array(counts), array(edges)
    return _call("_histogram", a, bin_cnt=bins, range=range)


def split_v2(
    ary: Array, indices_or_sections: Any, axis: int = 0, squeeze_axis: bool = False
) -> Any:
    """Cut an array into a number of equal parts, or at the given indices.

    >>> split_v2(array([1, 2, 3]), (1,))
    [NDArray([1.], dtype=float32), NDArray([2., 3.], dtype=float32)]
    """
    size = ary.shape[axis]
    if isinstance(indices_or_sections, int | np.integer):
        sections = int(indices_or_sections)
        if sections < 1 or size % sections:
            raise ParamError(f"split_v2: an axis of {size} has no {sections} equal parts")
        indices = tuple(np.arange(sections) * (size // sections))
    elif isinstance(indices_or_sections, tuple):
        indices = (0, *indices_or_sections)
    else:
        raise ParamError(
            f"split_v2: indices_or_sections must be an int or a tuple of ints, "
            f"but got {indices_or_sections!r}"
        )
    return _call("_split_v2", ary, indices=indices, axis=axis, squeeze_axis=squeeze_axis)


# ---------------------------------------------------------------------- asking about each number


def isnan(data: Array) -> NDArray:
    """Say where there is no number: 1 there, else 0, in the array's type.

    >>> isnan(array([1, np.nan]))
    NDArray([0., 1.], dtype=float32)
    """
    found: NDArray = operate("not_equal", data, data)
    return found


def isinf(data: Array) -> NDArray:
    """Say where it is infinite: 1 there, else 0, in the array's type.

    >>> isinf(array([1, -np.inf]))
    NDArray([0., 1.], dtype=float32)
    """
    found: NDArray = operate("equal", _call("abs", data), np.inf)
    return found


def isfinite(data: Array) -> NDArray:
    """Say where it is a finite number: 1 there, else 0, in the array's type.

    >>> isfinite(array([1, np.inf, np.nan]))
    NDArray([1., 0., 0.], dtype=float32)
    """
    found: NDArray = operate("lesser", _call("abs", data), np.inf)
    return found
