"""Train by MXNet 1.9.1's Module.fit, and keep weights, predictions and what it logs.

Run under Python 3.8 with mxnet==1.9.1, which is no dependency of minisym:

    MXNET_SUBGRAPH_BACKEND=NONE MXNET_MKLDNN_ENABLED=0 python scripts/mxnet/record_module.py

Reads tests/fixtures/digits.npz and the cases in tests/module_cases.py; writes
tests/fixtures/module.npz.
"""

from __future__ import annotations

import sys
from pathlib import Path

import mxnet as mx
import numpy as np

TESTS = Path(__file__).resolve().parents[2] / "tests"
sys.path.insert(0, str(TESTS))

import module_cases as cases  # noqa: E402


def main() -> None:
    """Train each net by each optimizer."""
    digits = dict(np.load(TESTS / "fixtures" / "digits.npz"))
    found = {}
    for net in cases.NETS:
        for optimizer in cases.OPTIMIZERS:
            for name, array in cases.run(mx, digits, net, optimizer).items():
                found["%s/%s/%s" % (net, optimizer, name)] = array  # noqa: UP031  Python 3.8
    path = TESTS / "fixtures" / "module.npz"
    np.savez_compressed(path, **found)
    print(f"wrote {path} ({path.stat().st_size} bytes)")


if __name__ == "__main__":
    main()
