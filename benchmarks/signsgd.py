"""One signsgd_update through bind and forward, against MXNet's executor and plain NumPy.

    python benchmarks/signsgd.py [--rounds 3]

MXNet cannot compose the op, so there the symbol is loaded from JSON (and its forward does not write
the weight: it fills an output array). NumPy's line is what one would write by hand,
`w -= lr * np.sign(g)`, measured in minisym's process.
"""

from __future__ import annotations

import argparse

import numpy as np
from _pairs import best, pairs, table, worker

JSON = """{"nodes": [
 {"op": "null", "name": "w", "inputs": []}, {"op": "null", "name": "g", "inputs": []},
 {"op": "signsgd_update", "name": "u", "attrs": {"lr": "0.1"}, "inputs": [[0, 0, 0], [1, 0, 0]]}],
 "arg_nodes": [0, 1], "node_row_ptr": [0, 1, 2, 3], "heads": [[2, 0, 0]],
 "attrs": {"mxnet_version": ["int", 10901]}}"""
SIZES = (10**3, 10**4, 10**5, 10**6, 10**7)
RATE = np.float32(0.1)


def by_hand(weight, grad):
    """Do the update as one would write it in NumPy."""
    weight -= RATE * np.sign(grad)


def measure(mx):
    """Return {row: seconds}."""
    found = {}
    rng = np.random.RandomState(0)
    for size in SIZES:
        weight, grad = rng.normal(size=(2, size)).astype(np.float32)
        arrays = {"w": mx.nd.array(weight), "g": mx.nd.array(grad)}
        executor = mx.sym.load_json(JSON).bind(mx.cpu(), arrays)
        number = max(1, int(3e6 / size)) if size > 10**4 else 2000
        found[f"update of {size:.0e} floats"] = best(
            lambda run=executor.forward: run()[0].wait_to_read(), number, 7
        )
        if mx.__name__ == "minisym":
            found[f"  by hand in NumPy, {size:.0e}"] = best(
                lambda w=weight, g=grad: by_hand(w, g), number, 7
            )
    return found


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker")
    options = parser.parse_args()
    if options.worker:
        worker(measure, options.worker)
        return
    print("signsgd_update, float32, one thread, microseconds a call")
    table(pairs(__file__, [], options.rounds), "us", 1e6)


if __name__ == "__main__":
    main()
