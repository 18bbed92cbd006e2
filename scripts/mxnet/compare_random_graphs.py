"""Compare minisym with MXNet 1.9.1 on fresh random graphs, for some seconds.

    python scripts/mxnet/compare_random_graphs.py --mxnet PYTHON --seed 1000 --seconds 300

PYTHON is a Python 3.8 with `mxnet==1.9.1`, which runs `scripts/mxnet/record_random_graphs.py`. The
graphs are those of tests/random_graphs.py. It says how many were compared, how many ops they hold,
what differs, and ends with 1 where something does.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import minisym as ms

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import random_graphs  # noqa: E402

BATCH = 25


def main() -> int:
    """Compare batches of graphs until the time is up."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--mxnet", required=True, help="a Python with mxnet==1.9.1")
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    clean |= {"MXNET_SUBGRAPH_BACKEND": "NONE", "MXNET_MKLDNN_ENABLED": "0"}
    script = str(ROOT / "scripts" / "mxnet" / "record_random_graphs.py")
    until, seed = time.monotonic() + options.seconds, options.seed
    ops: set[str] = set()
    compared, wrong, largest = 0, 0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "answers.npz"
        while time.monotonic() < until:
            command = [options.mxnet, "-W", "ignore", script, str(seed), str(BATCH), str(file)]
            told = subprocess.run(command, env=clean, check=True, capture_output=True, text=True)
            for line in told.stdout.splitlines():
                if line.startswith("seed"):
                    print(line)
            with np.load(file, allow_pickle=False) as arrays:
                answers = random_graphs.unpack(arrays)
            for at, said, ran in answers:
                made = random_graphs.make(ms, at)
                mine = random_graphs.words(made), random_graphs.numbers(ms, made)
                found, off = random_graphs.differences(mine, (said, ran))
                for sentence in found:
                    print(f"seed {at}: {sentence[:400]}", flush=True)
                ops.update(said["ops"])
                compared, wrong, largest = compared + 1, wrong + bool(found), max(largest, off)
            seed += BATCH
    print(
        f"{compared} graphs, {len(ops)} ops, {wrong} graphs differ; "
        f"numbers are off by {largest:.1e} at most; the next seed is {seed}"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
