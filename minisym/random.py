"""MXNet's module of random numbers: `seed` makes what follows repeatable, the others draw arrays.

They are the functions of `ms.nd.random`, and draw NumPy's numbers, not MXNet's.

>>> seed(3)
>>> uniform(0, 1, shape=(2, 3)).shape
(2, 3)
"""

from minisym import nd
from minisym.core.random import generator, seed

_DRAWN = nd.random
exponential = _DRAWN.exponential
gamma = _DRAWN.gamma
generalized_negative_binomial = _DRAWN.generalized_negative_binomial
multinomial = _DRAWN.multinomial
negative_binomial = _DRAWN.negative_binomial
normal = _DRAWN.normal
poisson = _DRAWN.poisson
randint = _DRAWN.randint
randn = _DRAWN.randn
shuffle = _DRAWN.shuffle
uniform = _DRAWN.uniform

__all__ = [
    "exponential",
    "gamma",
    "generalized_negative_binomial",
    "generator",
    "multinomial",
    "negative_binomial",
    "normal",
    "poisson",
    "randint",
    "randn",
    "seed",
    "shuffle",
    "uniform",
]
