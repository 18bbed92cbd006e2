"""The namespace that users know as `mx.sym`: symbols, and a composing function for every op.

Functions are made from the registry when they are first asked for. `symbol/__init__.pyi`, generated
by `scripts/stubs`, tells editors and mypy their signatures.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from minisym import op as _op
from minisym.formats.mxnet_json import load, load_json
from minisym.symbol.functions import WRITTEN_HERE as _WRITTEN_HERE
from minisym.symbol.functions import function_of as _function_of
from minisym.symbol.symbol import Group, NotImplementedForSymbol, Symbol, Variable, var

__all__ = ["Group", "NotImplementedForSymbol", "Symbol", "Variable", "load", "load_json", "var"]

_PREFIXES = {
    "linalg": ("_linalg_",),
    "random": ("_random_", "_sample_"),
    "contrib": ("_contrib_",),
    "image": ("_image_",),
    "_internal": ("_",),
}


class _Namespace(ModuleType):
    """`sym.linalg` and its like: the ops whose names begin with a prefix."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{__name__}.{name}", f"The ops of mx.sym.{name}.")
        self._prefixes = _PREFIXES[name]

    def __getattr__(self, name: str) -> Any:
        for prefix in self._prefixes:
            op = _op.find(name if prefix == "_" else prefix + name)
            if op is not None and not name.startswith("__"):
                function = _function_of(op, name)
                setattr(self, name, function)
                return function
        message = f"module {self.__name__!r} has no op {name!r}"
        raise AttributeError(message)

    def __dir__(self) -> list[str]:
        return sorted(
            name if prefix == "_" else name.removeprefix(prefix)
            for name in _op.registered()
            for prefix in self._prefixes
            if name.startswith(prefix)
        )


linalg, random, contrib, image, _internal = map(_Namespace, _PREFIXES)
globals().update(_WRITTEN_HERE)


def __getattr__(name: str) -> Any:
    op = None if name.startswith("__") else _op.find(name)
    if op is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        hint = _op.did_you_mean(name, [n for n in _op.registered() if not n.startswith("_")])
        raise AttributeError(f"{message}; {hint}")
    function = _function_of(op, name)
    globals()[name] = function
    return function


def __dir__() -> list[str]:
    public = {name for name in _op.registered() if not name.startswith("_")}
    return sorted(public | set(__all__) | set(_WRITTEN_HERE) | set(_PREFIXES))
