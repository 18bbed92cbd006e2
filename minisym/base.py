"""MXNet's module of basics: the exceptions that ported code catches."""

from minisym.errors import MinisymError as MXNetError
from minisym.errors import NotForSymbolError as NotImplementedForSymbol

__all__ = ["MXNetError", "NotImplementedForSymbol"]
