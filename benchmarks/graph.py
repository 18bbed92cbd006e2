"""What one node of a long chain costs: compose, infer, write, read, bind, run, free.

    python benchmarks/graph.py [--nodes 10000] [--rounds 3]

With MINISYM_MXNET_PYTHON set, MXNet 1.9.1 does the same in turn, for the ratio.
"""

from __future__ import annotations

import argparse
import gc
import tracemalloc

import numpy as np
from _pairs import best, once, pairs, table, worker


def chain(mx, nodes):
    """Compose x + x + … + x."""
    x = mx.sym.Variable("x")
    y = x
    for _ in range(nodes):
        y = y + x
    return y


class Chain:
    """The measurement of one package at one length; `rows` holds seconds a node."""

    def __init__(self, mx, nodes):
        self.mx, self.nodes, self.rows = mx, nodes, {}
        self.ours = mx.__name__ == "minisym"
        self.repeat = 3 if nodes <= 100_000 else 1

    def time_of(self, row, function, repeat=None):
        """Measure one row."""
        repeat = repeat or self.repeat
        seconds = best(function, repeat=repeat) if repeat > 1 else once(function)
        self.rows[row] = seconds / self.nodes

    def fresh(self, symbol=None):
        """Return the chain without what an earlier call has remembered of it."""
        symbol = self.symbol if symbol is None else symbol
        return self.mx.Symbol(symbol.entries) if self.ours else symbol

    def run(self):
        """Measure everything."""
        mx = self.mx
        kept = []
        self.time_of("compose", lambda: kept.append(chain(mx, self.nodes)))
        self.symbol = kept.pop()
        kept.clear()
        self.time_of("infer_shape", lambda: self.fresh().infer_shape(x=(16,)))
        self.time_of("tojson", lambda: self.fresh().tojson())
        text = self.symbol.tojson()
        self.time_of("load_json", lambda: mx.sym.load_json(text))
        array = mx.nd.array(np.ones(16, np.float32))
        self.time_of("bind", lambda: kept.append(self.fresh().bind(mx.cpu(), {"x": array})))
        self.forward(kept.pop())
        kept.clear()
        if self.ours:
            self.order()
        self.rows["free"] = once(self.free) / self.nodes
        return self.rows

    def free(self):
        """Let go of the chain."""
        self.symbol = None
        gc.collect()

    def forward(self, executor):
        """Measure a run, and in minisym the bare loop below it."""

        def run():
            executor.forward()[0].asnumpy()

        self.time_of("forward, 16 floats", run, 5)
        if self.ours:
            steps = executor._plan.program(is_train=False).steps[0]

            def floor():
                for function, arguments in steps:
                    function(*arguments)

            self.time_of("  a bare loop over its ufuncs", floor, 5)

    def order(self):
        """Measure what MXNet does not have: a bind with writes to order."""
        mx = self.mx
        x = mx.Symbol((mx.Entry(self.symbol.graph.variables[0]),))
        # the update comes first, and the whole chain reads its weight: networkx must sort
        step = mx.sym.Group([mx.sym.signsgd_update(x, x * 1, lr=0.1), self.symbol])
        array = np.ones(16, np.float32)
        self.time_of("bind, writes to order", lambda: self.fresh(step).bind(args={"x": array}))


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
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker")
    options = parser.parse_args()
    if options.worker:
        worker(lambda mx: Chain(mx, options.nodes).run(), options.worker)
        return
    print(f"chain of {options.nodes} nodes, microseconds a node")
    table(pairs(__file__, ["--nodes", str(options.nodes)], options.rounds), "us", 1e6)
    print(f"memory: {memory(min(options.nodes, 100_000)):.0f} bytes a composed node")


if __name__ == "__main__":
    main()
