"""The namespace that users know as `mx.nd`, or `mx.ndarray`: every op on arrays, at once.

>>> import numpy as np
>>> import minisym as ms
>>> weight = np.array([1.0, 2.0])
>>> _ = ms.nd.signsgd_update(weight, np.array([3.0, -4.0]), lr=0.5, out=weight)
>>> weight
array([0.5, 2.5])
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minisym.control import eager as _control
from minisym.core import op as _op
from minisym.core.ndarray import NDArray
from minisym.formats.mxnet_params import load, load_frombuffer, save
from minisym.nd import arithmetic as _arithmetic
from minisym.nd import functions as _functions
from minisym.nd import methods as _methods
from minisym.nd.functions import (
    concatenate,
    eye,
    from_dlpack,
    from_numpy,
    histogram,
    linspace,
    moveaxis,
    onehot_encode,
    split_v2,
    to_dlpack_for_read,
    to_dlpack_for_write,
)
from minisym.nd.imperative import arange, array, empty, full, ones, waitall, zeros
from minisym.nd.imperative import function_of as _function_of
from minisym.symbol import sampling as _sampling
from minisym.symbol.namespaces import Namespace as _Namespace
from minisym.symbol.namespaces import Sparse as _Sparse

add, subtract, multiply, divide, modulo, power, maximum, minimum = map(
    _arithmetic.function, _arithmetic.ARITHMETIC
)
true_divide = divide
(equal, not_equal, greater, greater_equal, lesser, lesser_equal) = map(
    _arithmetic.function, list(_arithmetic.TRUTH)[:6]
)
logical_and, logical_or, logical_xor = map(_arithmetic.function, list(_arithmetic.TRUTH)[6:])

__all__ = [
    "NDArray",
    "arange",
    "array",
    "concatenate",
    "empty",
    "eye",
    "from_dlpack",
    "from_numpy",
    "full",
    "histogram",
    "linspace",
    "load",
    "load_frombuffer",
    "moveaxis",
    "onehot_encode",
    "ones",
    "save",
    "split_v2",
    "to_dlpack_for_read",
    "to_dlpack_for_write",
    "waitall",
    "zeros",
]

linalg, random, contrib, image, _internal, op = (
    _Namespace("minisym.nd", name, _function_of)
    for name in ("linalg", "random", "contrib", "image", "_internal", "op")
)
sparse = _Sparse("minisym.nd", "sparse", _function_of)
vars(contrib).update({name: getattr(_functions, name) for name in ("isfinite", "isinf", "isnan")})
vars(contrib).update(foreach=_control.foreach, while_loop=_control.while_loop, cond=_control.cond)
vars(random).update(_sampling.functions(_function_of, lambda value: isinstance(value, np.ndarray)))
_op.reserve({*__all__, *_arithmetic.ROWS, "true_divide"})


def __getattr__(name: str) -> Any:
    op = _op.attribute(name, __name__)
    function = _function_of(op, name)
    if _op.is_own(op):  # another one may be declared again
        globals()[name] = function
    return function


def __dir__() -> list[str]:
    public = {name for name in _op.registered() if not name.startswith("_")}
    return sorted(public | {*__all__, *_arithmetic.ROWS, "true_divide"})
