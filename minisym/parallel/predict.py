r"""How long a step of many workers would take: a model of costs, measured where it can be.

A worker computes its gradients, packs them into a ballot, sends each other worker a part of it,
counts its own part of all ballots, sends the outcome to all, and unpacks what has come; all agree
that it has worked, and again before they write. With $n$ elements, $k$ workers, $b$ bytes an
element on the wire (1/8 of a vote, 4 of a float32), $\alpha$ seconds a message and $B$ bytes a
second:

$$t = t_{slowest} + n\,(p + c + u) + 2\,(k - 1)\,\Bigl(\alpha + \frac{n b}{k B}\Bigr)
+ 4\,\alpha\,\lceil\log_2 k\rceil$$

A mean packs nothing, and adds instead of counting.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from statistics import NormalDist
from typing import Any, Final

import numpy as np

from minisym.core.errors import ParamError, did_you_mean
from minisym.ops.numeric import ballots
from minisym.parallel.exchange import EXCHANGES

AGREEMENTS: Final = 2
"""How often all agree in a step: on the exchange, and to write."""
_FLOAT: Final = 4
_BIT: Final = 1 / 8


@dataclass(frozen=True)
class Costs:
    """What arithmetic costs one worker, in seconds an element.

    The defaults were measured on one core of an AMD EPYC, with 25 million elements;
    `Costs.measured()` asks this machine.

    Attributes
    ----------
    pack
        To make bits of signs.
    count
        To count the votes of one ballot.
    unpack
        To make signs of bits.
    add
        To gather a number, add one term to it, and put the mean in its place.
    """

    pack: float = 0.30e-9
    count: float = 0.04e-9
    unpack: float = 0.19e-9
    add: float = 1.1e-9

    @classmethod
    def measured(cls, elements: int = 1 << 20, times: int = 7) -> Costs:
        """Measure them here, on arrays of so many elements: the shortest of some times.

        Many elements do not stay in a cache, and cost more.

        >>> costs = Costs.measured(elements=4096, times=3)
        >>> 0 < costs.count < 1e-6
        True
        """
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(2, elements)).astype(np.float32)
        ups, downs = np.zeros((2, -(-elements // 64) * 8), np.uint8)
        rows = rng.integers(0, 1 << 63, (8, len(ups) // 8), dtype=np.uint64)

        def add() -> None:
            total = np.concatenate([x])
            total += y
            y[...] = np.concatenate([total])

        def shortest(work: Callable[[], object]) -> float:
            found = []
            for _ in range(times):
                begin = time.perf_counter()
                work()
                found.append(time.perf_counter() - begin)
            return min(found) / elements

        return cls(
            pack=shortest(lambda: ballots.pack([x], ups, downs)),
            count=shortest(lambda: ballots.majority(rows, None)) / len(rows),
            unpack=shortest(lambda: ballots.unpack(ups, None, [x])),
            add=shortest(add),
        )


@dataclass(frozen=True)
class Prediction:
    """How long a step takes, in seconds, part by part."""

    compute: float
    """Until the gradients of the slowest worker are there."""
    arithmetic: float
    """Packing, counting and unpacking, or adding."""
    sending: float
    """What is on the wire, by its bytes."""
    messages: float
    """What the wire takes whatever is sent: for each message, and to agree."""
    sent: int
    """Bytes that each worker sends."""

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.compute + self.exchange

    @property
    def exchange(self) -> float:
        """All but the computing."""
        return self.arithmetic + self.sending + self.messages


def predict(
    elements: int,
    workers: int,
    exchange: str = "majority_vote",
    *,
    latency: float = 20e-6,
    bandwidth: float = 1.25e9,
    compute: float = 0.0,
    jitter: float = 0.0,
    costs: Costs | None = None,
    tree: bool = False,
) -> Prediction:
    r"""Predict how long a step of so many workers takes; no more than a model: see the module.

    It assumes that all workers are alike and begin together, that nobody else uses the wire, that a
    worker sends one message after the other, at its own full bandwidth, and that nothing is sent
    while it computes.

    Parameters
    ----------
    elements
        How many numbers all gradients have.
    workers
        How many there are.
    exchange
        What they exchange: see `minisym.parallel.exchange`.
    latency
        Seconds that a message takes, however short; the default is that of a usual network.
    bandwidth
        Bytes a second, of each worker. The default is a network of 10 Gbit/s.
    compute, jitter
        Seconds that a worker needs for its gradients, on average, and the standard deviation.
        All wait for the slowest: of k normal numbers the largest lies about
        $\Phi^{-1}(\frac{k - 3/8}{k + 1/4})$ deviations above the mean.
    costs
        What the arithmetic costs.
    tree
        Numbers travel along trees, as in libraries for a sum of all: $2 \log_2 k$ messages instead
        of $2 (k - 1)$, with as many bytes. Votes do not, since a count needs more bits than a vote.

    Raises
    ------
    ParamError
        A number is out of range, or there is no such exchange.

    References
    ----------
    Thakur et al., "Optimization of Collective Communication Operations in MPICH", 2005, for trees.

    Examples
    --------
    25 million parameters, 100 workers, 10 Gbit/s: how much of a step is the exchange?

    >>> vote = predict(25_000_000, 100, compute=0.1)
    >>> mean = predict(25_000_000, 100, "mean", compute=0.1)
    >>> vote.sent, mean.sent
    (6187500, 198000000)
    >>> bool(vote.seconds < mean.seconds)
    True
    """
    _check(elements=elements, workers=workers, whole=True)
    _check(latency=latency, compute=compute, jitter=jitter)
    if not bandwidth > 0:
        raise ParamError(f"bandwidth must be positive, in bytes a second, but got {bandwidth!r}")
    kind = EXCHANGES.get(exchange)
    if kind is None:
        raise ParamError(
            f"there is no exchange {exchange!r}", hint=did_you_mean(exchange, EXCHANGES)
        )
    if tree and kind.votes:
        raise ParamError(
            f"{exchange} sends bits, which cannot be added up along a tree",
            hint='tree=True is for "mean"',
        )
    costs = costs or Costs()
    for field in fields(costs):
        _check(**{f"costs.{field.name}": getattr(costs, field.name)})
    others, rounds = workers - 1, math.ceil(math.log2(workers)) if workers > 1 else 0
    sent = 2 * others / workers * elements * (_BIT if kind.votes else _FLOAT)
    messages = 2 * (rounds if tree else others) + 2 * AGREEMENTS * rounds
    work = costs.pack + costs.count + costs.unpack if kind.votes else costs.add
    late = NormalDist().inv_cdf((workers - 0.375) / (workers + 0.25)) if workers > 1 else 0.0
    return Prediction(
        compute=compute + jitter * late,
        arithmetic=elements * work if others else 0.0,
        sending=sent / bandwidth,
        messages=messages * latency,
        sent=round(sent),
    )


def _check(*, whole: bool = False, **numbers: Any) -> None:
    """Refuse what is no number of at least 0; or no whole one of at least 1."""
    for name, number in numbers.items():
        if whole:
            if not isinstance(number, int | np.integer) or number < 1:
                raise ParamError(f"{name} must be an integer of at least 1, but got {number!r}")
        elif not isinstance(number, int | float) or not 0 <= number < math.inf:
            raise ParamError(f"{name} must be a number of at least 0, but got {number!r}")
