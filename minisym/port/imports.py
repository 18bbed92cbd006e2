"""How imports find modules under MXNet's other names, and what they say of those not there.

`mx.mod` is `mx.module`, and `mx.initializer` is `mx.init`: so `import minisym.initializer` must
give that module, not load it once more under another name. The same holds under an alias: after
`sys.modules["mxnet"] = minisym` the imports of an old script find the modules of minisym.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final

from minisym.port.names import instead

PACKAGE: Final = "minisym"


class _Same(Loader):
    """Give a module that is there already."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def exec_module(self, module: ModuleType) -> None:
        """Put it in the place of the new one, as the import system allows."""
        sys.modules[module.__name__] = self._module


class Finder(MetaPathFinder):
    """Find `minisym.mod`, and `mxnet.mod` where mxnet is another name for minisym."""

    def __init__(self, late: Mapping[str, str]) -> None:
        self._late = late

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to load a module, or None if it is the business of others.

        Raises
        ------
        ModuleNotFoundError
            It is one of MXNet's that minisym does not have; the error says what stands for it.
        """
        del path, target
        top, _, rest = fullname.partition(".")
        package = sys.modules.get(PACKAGE)
        if not rest or package is None or sys.modules.get(top) is not package:
            return None
        if (told := instead(rest)) is not None:
            message = f"No module named {fullname!r}: {told}"
            raise ModuleNotFoundError(message, name=f"{PACKAGE}.{rest} (of MXNet)")
        first = rest.partition(".")[0]
        if self._late.get(first, first) != first:  # another name: the package loads what it means
            getattr(package, first)
        found = _inside(package, rest)
        if found is None and top != PACKAGE:
            try:
                found = import_module(f"{PACKAGE}.{rest}")
            except ModuleNotFoundError:
                return None
        return None if found is None else ModuleSpec(fullname, _Same(found))


def _inside(package: ModuleType, rest: str) -> ModuleType | None:
    """Return the module that is this attribute of the package, if it is one of minisym's."""
    found: object = package
    for name in rest.split("."):
        found = vars(found).get(name) if isinstance(found, ModuleType) else None
    ours = isinstance(found, ModuleType) and found.__name__.partition(".")[0] == PACKAGE
    return found if isinstance(found, ModuleType) and ours else None


def install(late: Mapping[str, str]) -> None:
    """Let imports ask this finder first, once.

    `late` are the names that the package imports when they are first asked for.
    """
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder(late))
