"""Time what processes exchange in a step, beside the work on bits that each does alone.

    python -m minisym.launch -n 2 scripts/time_exchanges.py [--elements 25000000] [--times 10]

Each line is the shortest of so many times, in ms, of the slowest process; all begin together.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from mpi4py import MPI

import minisym as ms
from minisym.ops.numeric import ballots


def main() -> None:
    """Time packing, unpacking, a vote and a mean."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--elements", type=int, default=25_000_000)
    parser.add_argument("--times", type=int, default=10)
    options = parser.parse_args()
    comm, n = MPI.COMM_WORLD, options.elements
    peers = ms.parallel.Peers(comm)
    x = np.random.default_rng(comm.rank).normal(size=n).astype("f4")
    out = np.empty_like(x)
    ups, downs = np.zeros((2, (n + 7) // 8), np.uint8)

    def shortest(function: Callable[[], object]) -> float:
        found = []
        for _ in range(options.times):
            comm.Barrier()
            begin = time.perf_counter()
            function()
            found.append(comm.allreduce(time.perf_counter() - begin, MPI.MAX))
        return 1e3 * min(found)

    pack = shortest(lambda: ballots.pack([x], ups, downs))
    ties = comm.size % 2 == 0  # then the outcome has three values
    unpack = shortest(lambda: ballots.unpack(ups, downs if ties else None, [out]))
    vote = shortest(lambda: peers.vote([x], [out]))
    mean = shortest(lambda: peers.mean([x], [out]))
    if comm.rank == 0:
        print(f"{n:,} elements, {comm.size} processes, ms")
        print(f"pack {pack:.1f}, unpack {unpack:.1f}, vote {vote:.1f}, mean {mean:.1f}")
        print(f"vote / (pack + unpack) = {vote / (pack + unpack):.2f}")


if __name__ == "__main__":
    main()
