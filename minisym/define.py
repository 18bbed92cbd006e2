"""Declaring ops, inside of minisym and outside of it: all names that a declaration needs.

>>> import numpy as np
>>> from minisym import sym
>>> from minisym.define import unary
>>> _ = unary("exp2", np.exp2, lambda g, x, y: g * y * np.log(2), "Raise 2 to a power, $2^x$.")
>>> sym.exp2(sym.Variable("x")).eval(x=np.array([3.0]))
[NDArray([8.])]
"""

from minisym.core.declare import Declaration, F, kernel_of, op
from minisym.core.families import ZERO, binary, broadcast, scalar, unary
from minisym.core.ndarray import Array
from minisym.core.op import Input, Op
from minisym.core.params import Between, DType, Floats, Ints, OptionalInts
from minisym.core.samples import Sample
from minisym.core.shapes import axes_of, axis_of

__all__ = [
    "ZERO",
    "Array",
    "Between",
    "DType",
    "Declaration",
    "F",
    "Floats",
    "Input",
    "Ints",
    "Op",
    "OptionalInts",
    "Sample",
    "axes_of",
    "axis_of",
    "binary",
    "broadcast",
    "kernel_of",
    "op",
    "scalar",
    "unary",
]
