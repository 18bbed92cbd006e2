"""Run the same measurement in minisym and in MXNet, in turn, and print minima and ratios.

A benchmark file defines `measure(mx)`, which returns {row: seconds}, and works for both packages:
their API is one. MXNet 1.9.1 needs a Python of its own (3.8); name it in MINISYM_MXNET_PYTHON.
Without it, only minisym's column is printed. The files must run under Python 3.8, too.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import subprocess
import sys
import time


def once(function):
    """Return the time of one call, in seconds."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def best(function, number=1, repeat=5):
    """Return the shortest time of one call, in seconds."""
    function()
    times = []
    for _ in range(repeat):
        gc.collect()
        start = time.perf_counter()
        for _ in range(number):
            function()
        times.append((time.perf_counter() - start) / number)
    return min(times)


def worker(measure, name):
    """Measure one package in this process, and print what was found."""
    print(json.dumps(measure(importlib.import_module(name))))


def pairs(file, arguments, rounds):
    """Run both packages in turn; return {package: {row: shortest time}}."""
    python = {"minisym": sys.executable}
    if os.environ.get("MINISYM_MXNET_PYTHON"):
        python["mxnet"] = os.environ["MINISYM_MXNET_PYTHON"]
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    clean.update(
        MXNET_SUBGRAPH_BACKEND="NONE",
        MXNET_MKLDNN_ENABLED="0",
        MXNET_STORAGE_FALLBACK_LOG_VERBOSE="0",
        OMP_NUM_THREADS="1",
        OPENBLAS_NUM_THREADS="1",
    )
    found = {name: {} for name in python}
    for _ in range(rounds):
        for name, executable in python.items():
            command = [executable, file, "--worker", name, *arguments]
            told = subprocess.check_output(command, env=clean, text=True)
            for row, seconds in json.loads(told.splitlines()[-1]).items():
                found[name][row] = min(seconds, found[name].get(row, seconds))
    return found


def table(found, unit, scale):
    """Print the rows: minisym, MXNet, and their ratio."""
    ours, theirs = found["minisym"], found.get("mxnet", {})
    print(f"{'':<34} {'minisym':>12} {'MXNet 1.9.1':>12} {'ratio':>8}")
    for row, seconds in ours.items():
        line = f"{row:<34} {seconds * scale:9.3f} {unit}"
        if row in theirs:
            line += f" {theirs[row] * scale:9.3f} {unit} {seconds / theirs[row]:8.2f}"
        print(line)
