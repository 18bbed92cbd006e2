"""What one node of a long chain costs: compose, infer, write, read, bind, run, free.

    python benchmarks/graph.py [--nodes 10000] [--rounds 3]

With MINISYM_MXNET_PYTHON set, MXNet 1.9.1 does the same in turn, for the ratio.
"""

import argparse
import gc
import sys
import time
import tracemalloc
import warnings

import numpy as np
from _pairs import best, pairs, table, worker

warnings.filterwarnings("ignore")


def chain(mx, nodes):
    """Compose x + x + … + x."""
    x = mx.sym.Variable("x")
    y = x
    for _ in range(nodes):
        y = y + x
    return y


def measure(nodes):
    """Return the measurement of a chain of this length."""

    def rows(mx):
        found, repeat = {}, 3 if nodes <= 100000 else 1

        def time_of(row, function, times=repeat):
            found[row] = best(function, repeat=times) / nodes if times > 1 else once(function) / nodes

        def once(function):
            start = time.perf_counter()
            function()
            return time.perf_counter() - start

        kept = []
        time_of("compose", lambda: kept.append(chain(mx, nodes)))
        y = kept[-1]
        del kept[:]

        def fresh():
            """Return the symbol without what an earlier call has remembered of it."""
            return mx.Symbol(y.entries) if hasattr(y, "entries") else y

        time_of("infer_shape", lambda: fresh().infer_shape(x=(16,)))
        time_of("tojson", lambda: fresh().tojson())
        text = y.tojson()
        time_of("load_json", lambda: mx.sym.load_json(text))
        array = mx.nd.array(np.ones(16, np.float32))
        time_of("bind", lambda: kept.append(fresh().bind(mx.cpu(), {"x": array})))
        if hasattr(y, "entries"):
            x = find_x(mx, y)
            # the update comes first, and the whole chain reads its weight: networkx must sort
            step = mx.sym.Group([mx.sym.signsgd_update(x, x * 1, lr=0.1), y])
            other = mx.nd.array(np.ones(16, np.float32))
            time_of("bind, with a write to order",
                    lambda: mx.Symbol(step.entries).bind(mx.cpu(), {"x": other}))
            del step
        executor = kept[-1]
        del kept[:]

        def run():
            executor.forward()[0].asnumpy()

        time_of("forward, 16 floats", run, max(repeat, 5))
        if hasattr(y, "entries"):
            steps = executor._plan.steps(is_train=False)[0]

            def floor():
                for function, arguments in steps:
                    function(*arguments)

            time_of("  (a bare loop over its ufuncs)", floor, max(repeat, 5))
        del executor, run
        start = time.perf_counter()
        del y
        gc.collect()
        found["free"] = (time.perf_counter() - start) / nodes
        return found

    return rows


def find_x(mx, y):
    """Return the Variable at the chain's beginning as a symbol."""
    return mx.Symbol((mx.Entry(y.graph.variables[0]),))


def memory(nodes):
    """Return the bytes that one composed node keeps."""
    import minisym as ms

    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = chain(ms, nodes)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del kept
    return (after - before) / nodes


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=10000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker")
    options = parser.parse_args()
    if options.worker:
        worker(measure(options.nodes), options.worker)
        return
    print("chain of %d nodes, microseconds a node" % options.nodes)
    arguments = ["--nodes", str(options.nodes)]
    table(pairs(__file__, arguments, options.rounds), "us", 1e6)
    print("memory: %.0f bytes a composed node" % memory(min(options.nodes, 100000)))


if __name__ == "__main__":
    sys.exit(main())
