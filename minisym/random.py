"""MXNet's module of random numbers: `ms.random.seed(n)` makes what follows repeatable."""

from minisym.core.random import generator, seed

__all__ = ["generator", "seed"]
