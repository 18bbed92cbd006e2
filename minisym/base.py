"""MXNet's module of basics: the exceptions that ported code catches."""

import numpy as np

from minisym.core.errors import MinisymError as MXNetError
from minisym.core.errors import NotForSymbolError as NotImplementedForSymbol

mx_real_t = np.float32
"""The type of numbers where none is given."""
string_types = (str,)
integer_types = (int, np.int32, np.int64)
numeric_types = (float, int, np.generic)

__all__ = [
    "MXNetError",
    "NotImplementedForSymbol",
    "integer_types",
    "mx_real_t",
    "numeric_types",
    "string_types",
]
