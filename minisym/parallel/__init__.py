"""Several workers, one symbol: in one graph (`simulate`), or a process each (`data_parallel`)."""

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
