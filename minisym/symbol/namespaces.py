"""`linalg`, `random`, `contrib`, `image`, `_internal`: ops by the beginning of their names.

`op` has all public ones, and so has `sparse`: its arrays are dense.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from minisym.core import op as registry
from minisym.core.op import Op

PREFIXES: Final = {
    "linalg": ("_linalg_",),
    "random": ("_random_", "_sample_"),
    "contrib": ("_contrib_",),
    "image": ("_image_",),
    "_internal": ("_",),
    "op": ("",),
    "sparse": ("",),
}


class Namespace(ModuleType):
    """The ops whose names begin with a prefix, under their names without it."""

    def __init__(
        self, parent: str, name: str, function_of: Callable[[Op, str], Callable[..., Any]]
    ) -> None:
        super().__init__(f"{parent}.{name}", f"The ops of {parent}.{name}.")
        self._prefixes = PREFIXES[name]
        self._function_of = function_of

    def __getattr__(self, name: str) -> Any:
        """Make the function of an op when it is first asked for."""
        for prefix in self._prefixes:
            op = registry.find(name if prefix == "_" else prefix + name)
            if op is not None and not name.startswith("__" if prefix else "_"):
                function = self._function_of(op, name)
                if registry.is_own(op):  # another one may be declared again
                    setattr(self, name, function)
                return function
        message = f"module {self.__name__!r} has no op {name!r}"
        raise AttributeError(message)

    def __dir__(self) -> list[str]:
        """List the ops, and the functions that were put beside them."""
        names = {
            name if prefix == "_" else name.removeprefix(prefix)
            for name in registry.registered()
            for prefix in self._prefixes
            if name.startswith(prefix) and (prefix or not name.startswith("_"))
        }
        return sorted(names | {name for name in vars(self) if not name.startswith("_")})


class Sparse(Namespace):
    """MXNet's ops on sparse arrays: the same ops on dense ones, and a notice that says so once."""

    _told = False

    def __getattr__(self, name: str) -> Any:
        """Make the function of an op when it is first asked for."""
        function = super().__getattr__(name)
        if not Sparse._told:
            Sparse._told = True
            message = "all arrays of minisym are dense: sparse.… are the ops of the same name"
            warnings.warn(message, stacklevel=2)
        return function
