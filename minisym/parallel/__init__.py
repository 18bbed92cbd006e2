"""Several workers, one symbol: in one graph (`simulate`)."""

from minisym.parallel.exchange import EXCHANGES, Exchange
from minisym.parallel.simulate import simulate

__all__ = ["EXCHANGES", "Exchange", "simulate"]
