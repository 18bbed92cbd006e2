"""The namespace that users know as `mx.sym`: symbols, and a composing function for every op.

Functions are made from the registry when they are first asked for. `symbol/__init__.pyi`, generated
by `scripts/stubs`, tells editors and mypy their signatures.
"""

from __future__ import annotations

from typing import Any

from minisym import control as _control
from minisym.core import op as _op
from minisym.core.functions import WRITTEN_HERE as _WRITTEN_HERE
from minisym.core.functions import function_of as _function_of
from minisym.core.symbol import NotImplementedForSymbol, Symbol
from minisym.core.variable import Group, Variable, var
from minisym.formats.mxnet_json import load, load_json
from minisym.symbol import methods as _methods
from minisym.symbol import sampling as _sampling
from minisym.symbol.namespaces import Namespace as _Namespace
from minisym.symbol.namespaces import Sparse as _Sparse

__all__ = ["Group", "NotImplementedForSymbol", "Symbol", "Variable", "load", "load_json", "var"]

linalg, random, contrib, image, _internal, op = (
    _Namespace("minisym.symbol", name, _function_of)
    for name in ("linalg", "random", "contrib", "image", "_internal", "op")
)
sparse = _Sparse("minisym.symbol", "sparse", _function_of)
vars(random).update(_sampling.functions(_function_of, lambda value: isinstance(value, Symbol)))
vars(contrib).update(foreach=_control.foreach, while_loop=_control.while_loop, cond=_control.cond)
globals().update(_WRITTEN_HERE)
_op.reserve(name for name in globals() if not name.startswith("_"))


def __getattr__(name: str) -> Any:
    op = _op.attribute(name, __name__)
    function = _function_of(op, name)
    if _op.is_own(op):  # another one may be declared again
        globals()[name] = function
    return function


def __dir__() -> list[str]:
    public = {name for name in _op.registered() if not name.startswith("_")}
    return sorted(public | set(__all__) | set(_WRITTEN_HERE))
