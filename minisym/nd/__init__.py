"""The namespace that users know as `mx.nd`: every op on NumPy arrays, at once.

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
from minisym.nd.imperative import arange, array, empty, full, ones, waitall, zeros
from minisym.nd.imperative import function_of as _function_of
from minisym.symbol import sampling as _sampling
from minisym.symbol.namespaces import Namespace as _Namespace
from minisym.symbol.namespaces import Sparse as _Sparse

__all__ = [
    "NDArray",
    "arange",
    "array",
    "empty",
    "full",
    "load",
    "load_frombuffer",
    "ones",
    "save",
    "waitall",
    "zeros",
]

linalg, random, contrib, image, _internal, op = (
    _Namespace("minisym.nd", name, _function_of)
    for name in ("linalg", "random", "contrib", "image", "_internal", "op")
)
sparse = _Sparse("minisym.nd", "sparse", _function_of)
vars(contrib).update(foreach=_control.foreach, while_loop=_control.while_loop, cond=_control.cond)
vars(random).update(_sampling.functions(_function_of, lambda value: isinstance(value, np.ndarray)))
_op.reserve(__all__)


def __getattr__(name: str) -> Any:
    op = _op.attribute(name, __name__)
    function = _function_of(op, name)
    if _op.is_own(op):  # another one may be declared again
        globals()[name] = function
    return function


def __dir__() -> list[str]:
    public = {name for name in _op.registered() if not name.startswith("_")}
    return sorted(public | set(__all__))
