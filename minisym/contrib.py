"""MXNet's module of contributed ops: `contrib.sym` is `sym.contrib`, `contrib.nd` is `nd.contrib`.

>>> import minisym as ms
>>> ms.contrib.sym is ms.sym.contrib
True
"""

from minisym.nd import contrib as nd
from minisym.symbol import contrib as sym

ndarray = nd
symbol = sym

__all__ = ["nd", "ndarray", "sym", "symbol"]
