"""minisym: a small symbolic framework that can be read.

Compose Variables and ops into a graph, check its shapes and types, look at it, and run it on NumPy
arrays. The API is that of MXNet's `mx.symbol`; `import minisym as mx` carries code written for it.

>>> import numpy as np
>>> import minisym as ms
>>> weight, grad = ms.sym.Variable("weight"), ms.sym.Variable("grad")
>>> step = ms.sym.signsgd_update(weight, grad, lr=0.5, name="step")
>>> w = np.array([1.0, 2.0])
>>> executor = step.bind(args={"weight": w, "grad": np.array([3.0, -4.0])})
>>> _ = executor.forward()
>>> w
array([0.5, 2.5])
"""

from __future__ import annotations

from minisym import ops as _ops
from minisym import random
from minisym import symbol as sym
from minisym import symbol
from minisym.errors import MinisymError
from minisym.graph import Graph
from minisym.ndarray import Context, NDArray, cpu
from minisym.passes.gradient import grad
from minisym.symbol.symbol import Group, Symbol, Variable, var

MXNetError = MinisymError
