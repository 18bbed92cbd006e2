"""Calls of compiled functions, one after the other, with no Python in between.

Python looks for signals between the instructions of its own code only, so neither an exception nor
Ctrl-C can come between two of the calls that `exhaust` makes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any, Final

import numpy as np

Call = tuple[Any, ...]
"""A compiled function and its arguments, flat: what `starmap(operator.call, calls)` calls."""

exhaust: Final = deque[Any](maxlen=0).extend
"""Make all calls of an iterator of C, in one call of C, which nothing interrupts."""

_CONTEXT: Final = Context()


class _OfThread:
    """A context before NumPy 2, which keeps in the thread what it does about errors."""

    def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function in a copy of the context."""
        with np.errstate(all="ignore"):
            return _CONTEXT.copy().run(function, *args, **kwargs)


quiet: Callable[[], Any] = _OfThread
"""Makes a context in which NumPy ignores floating point errors: infinities and NaNs are values.

A run enters one of its own, which costs 0.1 us (`np.errstate` costs 2 us, as much as a small update
itself), and whatever an operator of a user sets there is gone with it.
"""
if np.lib.NumpyVersion(np.__version__) >= "2.0.0":
    _CONTEXT.run(np.seterr, all="ignore")
    quiet = _CONTEXT.copy


def quietly(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function where floating point errors are values."""
    return quiet().run(function, *args, **kwargs)
