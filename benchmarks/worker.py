"""Measure one contender: a process of its own, which is told what to do, a line of JSON each.

It runs in the environment of its peer, be that Python 3.8 with MXNet, and needs nothing but the
standard library and NumPy. What a peer prints goes to stderr; stdout carries answers alone.

A case is a module of `cases/`. For each peer that does its work it has a function `in_PEER(row,
way)`, where `row` is an entry of its `rows(quick)`. It returns `(run, answer)`: what is timed, and
a function that returns numbers by which the runner sees that all peers compute the same; a third,
if there is one, is the number of parts by which times are divided. In a case whose `FRESH` is true
it returns one number, which is the measurement: each has a process to itself.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
import traceback
from pathlib import Path

WARM = 0.2  # seconds of runs before the first that counts
GROUP = 2e-4  # seconds: shorter calls are timed several at a time
VERSIONS = {"c": "numpy"}  # a peer that is no module is measured with one


class Way:
    """How a contender does its work: the variant of its peer, and the number of threads."""

    def __init__(self, name, threads, quick):
        self.name, self.threads, self.quick = name, threads, quick


class Worker:
    """One contender of one case."""

    def __init__(self, case, peer, way):
        self.case = importlib.import_module("cases." + case)
        self.peer, self.way, self.run = peer, way, None
        self.group = 1  # runs that are timed together
        self.parts = 1  # of a run, by which its time is divided

    def prepare(self, name):
        """Make a row ready, and warm it; return what it computes, or None if it is not done."""
        self.run = None
        gc.collect()
        make = getattr(self.case, "in_" + self.peer, None)
        made = make and make(self.case.rows(self.way.quick)[name], self.way)
        if made is None or getattr(self.case, "FRESH", False):
            return made
        self.run, answer, *nodes = made
        self.parts = nodes[0] if nodes else 1
        self.run()
        import numpy as np  # not before: what an import costs may be the measurement

        found = np.asarray(answer(), np.float64).ravel()
        end = time.perf_counter() + (0 if self.way.quick else WARM)
        self.run()
        while time.perf_counter() < end:
            self.run()
        start = time.perf_counter()
        self.run()
        self.group = max(1, int(GROUP / max(time.perf_counter() - start, 1e-7)))
        return [float(x) for x in (found.mean(), np.abs(found).mean(), *found[:2], *found[-2:])]

    def sample(self, seconds):
        """Return the times of single runs, or means of groups of them, for so long."""
        run, group, clock = self.run, self.group, time.perf_counter
        gc.collect()
        gc.disable()
        times, end = [], clock() + seconds
        run()  # caches and threads are another contender's by now
        try:
            while not times or clock() < end:
                start = clock()
                for _ in range(group):
                    run()
                times.append((clock() - start) / group / self.parts)
        finally:
            gc.enable()
        return times

    def facts(self):
        """Return what a reader has to know: versions, and the kernels of BLAS."""
        import numpy as np

        module = importlib.import_module(VERSIONS.get(self.peer, self.peer))
        versions = {
            "Python": sys.version.split()[0],
            module.__name__: module.__version__,
            "numpy": np.__version__,
        }
        try:
            from threadpoolctl import threadpool_info

            pools = [p for p in threadpool_info() if p["user_api"] == "blas"]
        except ImportError:
            pools = []
        blas = ["{internal_api} {version} {architecture}".format(**p) for p in pools]
        return {"versions": versions, "blas": blas}


def main():
    """Answer line after line, until stdin ends."""
    case, peer, way = sys.argv[1:4]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sys.path.insert(0, str(Path(__file__).parent))
    worker = Worker(case, peer, Way(**json.loads(way)))
    for line in sys.stdin:
        verb, *arguments = json.loads(line)
        try:
            answer = {"ok": getattr(worker, verb)(*arguments)}
        except Exception:
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
