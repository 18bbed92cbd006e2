"""What an NDArray has beyond its memory: the ops that are its methods, and Python's operators.

The class itself (`minisym.core.ndarray`) knows only what an array is; ops run far above it. So they
become its methods from here, once, when `minisym` is imported: `x.sum(axis=1)` is
`nd.sum(x, axis=1)`. The function of an op is made when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from minisym.core.errors import ParamError, ShapeError
from minisym.core.ndarray import NDArray, or_numpys
from minisym.core.op import get
from minisym.core.shapes import show
from minisym.nd import functions
from minisym.nd.arithmetic import operators
from minisym.nd.imperative import function_of, invoke
from minisym.ops.layout import reshaped
from minisym.symbol.methods import FLUENT

if TYPE_CHECKING:
    from minisym.nd._fluent import Fluent
else:
    Fluent = object  # the ops that are methods: `_fluent` is a stub only, made by scripts/stubs


class Ready:
    """An op as a method: its function takes this place in the class when it is asked for."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, array: NDArray | None, owner: type) -> Any:
        """Make the function, and bind it to the array."""
        made: Any = function_of(get(self.name), self.name)
        if hasattr(np.ndarray, self.name):
            made = or_numpys(made)
        setattr(NDArray, self.name, made)
        return made if array is None else made.__get__(array, owner)


@or_numpys
def reshape(self: NDArray, *shape: Any, **kwargs: Any) -> NDArray:
    """Return the same memory in another shape, which may hold the codes of `nd.reshape`.

    The codes walk along the axes: 0 copies one, -1 is inferred, -2 copies all that are left, -3 is
    the product of two, -4 splits one into the two numbers behind it.

    Parameters
    ----------
    *shape
        Numbers, or a tuple or list of them; or the keyword `shape`.
    reverse
        Whether the codes are read from the right.

    Raises
    ------
    ShapeError
        The elements do not fit into the shape.
    ParamError
        There is no shape, or another keyword.

    Examples
    --------
    >>> import minisym as ms
    >>> x = ms.nd.zeros((2, 3, 4))
    >>> x.reshape((-3, 0)).shape, x.reshape(-1, 4).shape, x.reshape(shape=(0, -1)).shape
    ((6, 4), (6, 4), (2, 12))
    """
    given: Any = shape[0] if len(shape) == 1 and isinstance(shape[0], list | tuple) else shape
    unknown = [key for key in kwargs if key not in {"shape", "reverse"}]
    if unknown:
        raise ParamError(
            f"reshape: there is no parameter {unknown[0]!r}", hint="shape and reverse are there"
        )
    if not shape:
        given = kwargs.get("shape")
        if given is None:
            raise ParamError("reshape: the shape is missing", hint="x.reshape((0, -1))")
        given = given if isinstance(given, list | tuple) else (given,)
    step = -1 if kwargs.get("reverse", False) else 1
    codes = tuple(map(int, given))
    try:
        found: Any = reshaped(codes[::step], self.shape[::step])[0][::step]
        return _viewed(self, found)
    except ValueError:
        raise ShapeError(
            f"reshape: an array of shape {show(self.shape)} does not fit into {show(codes)}"
        ) from None


def _viewed(array: NDArray, shape: tuple[int, ...]) -> NDArray:
    return array.view(np.ndarray).reshape(shape).view(NDArray)


@or_numpys
def flatten(self: NDArray, inplace: bool = False) -> NDArray:
    """Collapse all axes but the first into one; with `inplace` in the same memory."""
    made: NDArray = self.reshape((0, -1)) if inplace else _call("Flatten", self)
    return made


def expand_dims(self: NDArray, axis: int, inplace: bool = False) -> NDArray:
    """Insert an axis of length 1; with `inplace` in the same memory."""
    made: NDArray = _call("expand_dims", self, axis=axis)
    return _viewed(self, made.shape) if inplace else made


def squeeze(self: NDArray, axis: Any = None, inplace: bool = False) -> NDArray:
    """Remove axes of length 1, all or the named ones; with `inplace` in the same memory."""
    made: NDArray = _call("squeeze", self, axis=axis)
    return _viewed(self, made.shape) if inplace else made


def broadcast_to(self: NDArray, shape: Any) -> NDArray:
    """Repeat along axes of length 1 to a shape, which may have more axes in front."""
    axes = len(shape) - self.ndim
    wide = _viewed(self, (1,) * axes + self.shape) if axes > 0 else self
    made: NDArray = _call("broadcast_to", wide, shape=tuple(shape))
    return made


def broadcast_like(self: NDArray, other: NDArray) -> NDArray:
    """Repeat along axes of length 1 to the shape of another array."""
    return self.broadcast_to(other.shape)


def slice_assign(self: NDArray, rhs: NDArray, begin: Any, end: Any, step: Any) -> NDArray:
    """Write an array into a slice of this one."""
    _call("_slice_assign", self, rhs, begin=begin, end=end, step=step, out=self)
    return self


def slice_assign_scalar(self: NDArray, value: float, begin: Any, end: Any, step: Any) -> NDArray:
    """Write a number into a slice of this array."""
    region = {"begin": begin, "end": end, "step": step}
    _call("_slice_assign_scalar", self, scalar=value, **region, out=self)
    return self


def tostype(self: NDArray, stype: str) -> NDArray:
    """Return a copy: all arrays are dense."""
    made: NDArray = _call("cast_storage", self, stype=stype)
    return made


def _call(op: str, /, *inputs: Any, out: Any = None, **params: Any) -> Any:
    return invoke(get(op), inputs, params, out)


class Methods(Fluent):
    """The methods of an NDArray that stand above it."""

    reshape = reshape
    flatten = flatten
    expand_dims = expand_dims
    squeeze = squeeze
    broadcast_to = broadcast_to
    broadcast_like = broadcast_like
    split_v2 = functions.split_v2
    slice_assign = slice_assign
    slice_assign_scalar = slice_assign_scalar
    tostype = tostype
    to_dlpack_for_read = functions.to_dlpack_for_read
    to_dlpack_for_write = functions.to_dlpack_for_write

    @property
    def T(self: Any) -> NDArray:
        """The array with its axes in reverse order, copied; a vector is itself."""
        transposed: NDArray = self if self.ndim < 2 else self.transpose()
        return transposed


WRITTEN_HERE = frozenset(name for name in vars(Methods) if not name.startswith("_"))
"""The methods that are not made from an op's declaration."""

OF_OPS = FLUENT - WRITTEN_HERE - {"astype"}
"""The ops that are methods as they are."""


def _give() -> None:
    given: dict[str, Callable[..., Any] | Any] = {name: Ready(name) for name in OF_OPS}
    given |= {name: vars(Methods)[name] for name in WRITTEN_HERE} | operators()
    given["__abs__"] = lambda self: self.abs()
    for name, method in given.items():
        setattr(NDArray, name, method)


_give()
