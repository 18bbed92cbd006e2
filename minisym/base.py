"""MXNet's module of basics: the exceptions that ported code catches."""

from minisym.core.errors import MinisymError as MXNetError
from minisym.core.errors import NotForSymbolError as NotImplementedForSymbol

__all__ = ["MXNetError", "NotImplementedForSymbol"]
