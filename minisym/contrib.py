"""MXNet's module of contributed ops: `contrib.sym` is `sym.contrib`, `contrib.nd` is `nd.contrib`.

`contrib.onnx` is `minisym.onnx`.

>>> import minisym as ms
>>> ms.contrib.sym is ms.sym.contrib
True
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from minisym import onnx
from minisym.nd import contrib as nd
from minisym.port.names import missing as _missing
from minisym.symbol import contrib as sym

__path__: list[str] = []  # so that `import minisym.contrib.nd` asks minisym.port.imports
ndarray = nd
symbol = sym

__all__ = ["nd", "ndarray", "onnx", "sym", "symbol"]

if not _TYPE_CHECKING:  # mypy knows which names there are

    def __getattr__(name: str) -> object:
        raise _missing(__name__, name, __all__)
