"""Several workers, one symbol: in one graph (`simulate`), or a process each (`data_parallel`).

A script for processes says `world` and gets the others, or None; `shard` and `seed` give it rows
and random numbers of its own, `is_first` says who prints, `bind(..., comm=)` takes the rest from
there, and `minisym launch` starts it. `predict` says what a step of thousands would take.
"""

from minisym.parallel.data_parallel import data_parallel
from minisym.parallel.exchange import EXCHANGES, Exchange
from minisym.parallel.predict import Costs, Prediction, predict
from minisym.parallel.shards import is_first, seed, shard, world
from minisym.parallel.simulate import simulate
from minisym.runtime.circle import StepGivenUpError, TooLateError
from minisym.runtime.peers import Peers

__all__ = [
    "EXCHANGES",
    "Costs",
    "Exchange",
    "Peers",
    "Prediction",
    "StepGivenUpError",
    "TooLateError",
    "data_parallel",
    "is_first",
    "predict",
    "seed",
    "shard",
    "simulate",
    "world",
]
