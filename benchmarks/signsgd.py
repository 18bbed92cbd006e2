"""One signsgd_update through bind and forward, against MXNet's executor and plain NumPy.

    python benchmarks/signsgd.py [--rounds 3]

MXNet cannot compose the op, so there the symbol is loaded from JSON (and its forward does not write
the weight: it fills an output array). NumPy's line is what one would write by hand,
`w -= lr * np.sign(g)`, measured in minisym's process.
"""

import argparse
import sys

import numpy as np
from _pairs import best, pairs, table, worker

JSON = """{"nodes": [
 {"op": "null", "name": "w", "inputs": []}, {"op": "null", "name": "g", "inputs": []},
 {"op": "signsgd_update", "name": "u", "attrs": {"lr": "0.1"}, "inputs": [[0, 0, 0], [1, 0, 0]]}],
 "arg_nodes": [0, 1], "node_row_ptr": [0, 1, 2, 3], "heads": [[2, 0, 0]],
 "attrs": {"mxnet_version": ["int", 10901]}}"""
SIZES = (10**3, 10**4, 10**5, 10**6, 10**7)


def measure(mx):
    """Return {row: seconds}."""
    found = {}
    rng = np.random.RandomState(0)
    for size in SIZES:
        weight, grad = rng.normal(size=(2, size)).astype(np.float32)
        symbol = mx.sym.load_json(JSON)
        arrays = {"w": mx.nd.array(weight), "g": mx.nd.array(grad)}
        executor = symbol.bind(mx.cpu(), arrays)

        def run(executor=executor):
            executor.forward()[0].wait_to_read()

        number = max(1, int(3e6 / size)) if size > 10**4 else 2000
        found["update of %.0e floats" % size] = best(run, number, 7)
        if mx.__name__ == "minisym":
            rate = np.float32(0.1)

            def by_hand(weight=weight, grad=grad):
                weight -= rate * np.sign(grad)

            found["  by hand in NumPy, %.0e" % size] = best(by_hand, number, 7)
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
    sys.exit(main())
