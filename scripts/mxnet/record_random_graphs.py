"""Record what MXNet 1.9.1 says of the graphs of tests/random_graphs.py, and how they run there.

Run under Python 3.8 with mxnet==1.9.1, which is no dependency of minisym::

    export MXNET_SUBGRAPH_BACKEND=NONE MXNET_MKLDNN_ENABLED=0
    python3.8 scripts/mxnet/record_random_graphs.py

Writes tests/fixtures/random_graphs.npz: the first 150 graphs that MXNet runs. For others,
`scripts/mxnet/compare_random_graphs.py` calls it with a seed, a number of seeds and a file. Each
graph runs in a process of its own: one that ends MXNet's process, or that MXNet refuses to run, is
told and left out. (Crop and Embedding refuse where only the shape of their output is read.)
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from pathlib import Path
from typing import Any, Iterable  # noqa: UP035  Python 3.8

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import mxnet as mx  # noqa: E402
import numpy as np  # noqa: E402
import random_graphs  # noqa: E402


def answers(seed: int) -> Any:
    """Return words and numbers of one graph."""
    made = random_graphs.make(mx, seed)
    return random_graphs.words(made), random_graphs.numbers(mx, made)


def apart(seed: int) -> Any:
    """Return words and numbers from a process of its own, or a sentence."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        signal.alarm(20)  # it may hang, too
        try:
            found = answers(seed)
        except Exception as error:  # noqa: BLE001  MXNet raises anything
            found = str(error).strip().splitlines()[-1]
        with os.fdopen(write, "wb") as told:
            pickle.dump(found, told)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as told:
        data = told.read()
    _, status = os.waitpid(child, 0)
    return pickle.loads(data) if data else "ended its process (%d)" % status  # noqa: S301, UP031


def record(seeds: Iterable[int], path: Path, count: int) -> None:
    """Write the answers for the first seeds that have one."""
    found: list[Any] = []
    for seed in seeds:
        if len(found) == count:
            break
        answer = apart(seed)
        if isinstance(answer, str):
            print("seed %d: MXNet %s" % (seed, answer))  # noqa: UP031
        else:
            found.append((seed, *answer))
    np.savez_compressed(path, **random_graphs.pack(found))
    print("wrote %s (%d graphs, %d bytes)" % (path, len(found), path.stat().st_size))  # noqa: UP031


if __name__ == "__main__":
    if len(sys.argv) > 1:
        first, count = int(sys.argv[1]), int(sys.argv[2])
        record(range(first, first + count), Path(sys.argv[3]), count)
    else:
        path = ROOT / "tests" / "fixtures" / "random_graphs.npz"
        record(range(2 * random_graphs.COUNT), path, random_graphs.COUNT)
