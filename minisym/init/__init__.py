"""Initializers: the values that parameters begin with, by MXNet's names and rules.

An initializer is called with a name and an array, and fills the array. The name decides: what ends
in `weight` gets what the initializer is for, `bias`, `beta` and `moving_mean` 0, `gamma` and
`moving_var` 1. A Variable with an initializer of its own (`Variable("w", init=ms.init.One())`) gets
that.

>>> import numpy as np
>>> import minisym as ms
>>> weight = np.empty((2, 2))
>>> ms.init.Constant(0.5)("fc_weight", weight)
>>> weight
array([[0.5, 0.5],
       [0.5, 0.5]])
>>> ms.init.Xavier(magnitude=2).dumps()
'["xavier", {"rnd_type": "uniform", "factor_type": "avg", "magnitude": 2}]'
"""

from minisym.init.base import InitDesc, Initializer, create, register
from minisym.init.fused import FusedRNN
from minisym.init.kinds import (
    Bilinear,
    Constant,
    CopyOf,
    LSTMBias,
    MSRAPrelu,
    Normal,
    One,
    Orthogonal,
    Uniform,
    Xavier,
    Zero,
)
from minisym.init.whole import Load, Mixed, begin_states, initialize

__all__ = [
    "Bilinear",
    "Constant",
    "CopyOf",
    "FusedRNN",
    "InitDesc",
    "Initializer",
    "LSTMBias",
    "Load",
    "MSRAPrelu",
    "Mixed",
    "Normal",
    "One",
    "Orthogonal",
    "Uniform",
    "Xavier",
    "Zero",
    "begin_states",
    "create",
    "initialize",
    "register",
]
