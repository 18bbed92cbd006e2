"""How ops compute on NumPy arrays: a ufunc as it is where it fits, else in MXNet's type rules."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np

from minisym.core.errors import DtypeError
from minisym.core.ndarray import Array

BOOL = np.dtype(np.bool_)
Step = tuple[Callable[..., Any], tuple[Any, ...]]
"""A function and its arguments, bound to the very arrays that it reads and writes."""
OF_TRUTH = (
    *(np.equal, np.not_equal, np.greater, np.greater_equal, np.less, np.less_equal),
    *(np.logical_not, np.logical_and, np.logical_or, np.logical_xor, np.maximum, np.minimum),
)
"""The ufuncs that mean what they say on truth values."""


@lru_cache(maxsize=1024)
def native(ufunc: Callable[..., Any], *dtypes: np.dtype[Any]) -> bool:
    """Return whether a ufunc works on arrays of these types as they are (inputs, then output).

    A comparison does with any type of output: its truth values are cast on the way out. What NumPy
    makes of the sum of truth values, their disjunction, is no arithmetic.
    """
    if not isinstance(ufunc, np.ufunc) or (BOOL in dtypes[:-1] and ufunc not in OF_TRUTH):
        return False
    try:
        resolved = ufunc.resolve_dtypes((*dtypes[:-1], None))
    except TypeError:
        return False
    return resolved[:-1] == dtypes[:-1] and resolved[-1] in (dtypes[-1], np.bool_)


def step(ufunc: Callable[..., Any], *arrays: Array, out: Array) -> tuple[Any, tuple[Array, ...]]:
    """Return a ufunc and its arguments, `out` by position: that is the fastest call.

    NumPy 2.4 asks for the `out` of maximum and minimum by keyword.
    """
    if ufunc in (np.maximum, np.minimum):
        return partial(ufunc, out=out), arrays
    return ufunc, (*arrays, out)


def assignment(
    target: Array, value: Array, where: Array | None = None
) -> tuple[Any, tuple[Any, ...]]:
    """Return the call that copies values, in any type, perhaps only where a condition holds.

    It is one of C. `np.copyto` runs Python first, where a signal may be delivered.
    """
    if where is None:
        return operator.setitem, (target, ..., value)
    return partial(np.positive, value, out=target, where=where, casting="unsafe"), ()


def apply(ufunc: Callable[..., Any], *arrays: Array, out: Array) -> Any:
    """Fill `out` with a ufunc's values, in MXNet's type rules: the result takes the input's type.

    Integers are computed in float64 where the function knows floats only, and cut to integers.
    What a function that is no ufunc returns, nothing or `out`, comes back for the run to look at.
    """
    if native(ufunc, *(a.dtype for a in arrays), out.dtype):
        function, arguments = step(ufunc, *arrays, out=out)
        function(*arguments)
        return None
    if isinstance(ufunc, np.ufunc):
        if any(a.dtype == BOOL for a in arrays):
            raise DtypeError(f"there is no {ufunc.__name__} of bool", hint="convert it with Cast")
        with np.errstate(all="ignore"):
            # NumPy itself would compute small integers in float16
            np.copyto(out, ufunc(*arrays, dtype=np.float64), casting="unsafe")
        return None
    return ufunc(*arrays, out)


def number(value: float, dtype: np.dtype[Any]) -> Array:
    """Return a number as a 0-d array of a type: cut, and wrapped around, as C does it."""
    with np.errstate(all="ignore"):
        return np.array(value).astype(dtype)


def single(value: float) -> float:
    """Return a parameter with the precision that MXNet keeps it in, that of a C float."""
    with np.errstate(over="ignore"):  # what is too large is infinite there, too
        return float(np.float32(value))
