"""The one source of randomness of all runs: `ms.random.seed(n)` makes what follows repeatable."""

from __future__ import annotations

from typing import Final

import numpy as np

generator: Final = np.random.default_rng()


def seed(seed_state: int, ctx: object = "all") -> None:
    """Start the random numbers over, so that the same program draws the same ones.

    The numbers are NumPy's (PCG64), not MXNet's.

    >>> import minisym as ms
    >>> seed(7)
    >>> first = ms.sym.random.uniform(shape=(2,)).eval()[0].asnumpy()
    >>> seed(7)
    >>> (first == ms.sym.random.uniform(shape=(2,)).eval()[0]).all().item()
    True
    """
    del ctx  # MXNet's devices
    generator.bit_generator.state = np.random.PCG64(int(seed_state)).state
