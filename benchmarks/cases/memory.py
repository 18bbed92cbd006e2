"""How much memory a run takes: the peak of what is resident, above what it was after the import.

So it holds weights, arrays, plans, and whatever a framework keeps. The sum is `c = term + c` over
2,000 terms of 4 MB, of which a good order keeps few alive.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from cases import resnet, training

TITLE = "Peak memory"
UNIT = "MB"
FRESH = True
ROUNDS = 2


def rows(quick):
    """Return {name: (module that does the work, its row)}; no module for the sum."""
    terms = (5, 100) if quick else (2000, 10**6)
    return {
        "ResNet-50, one image": (resnet, *resnet.rows(quick).values()),
        "LeNet step": (training, training.rows(quick)["LeNet step"]),
        "c = term + c, 2,000 terms of 4 MB": (None, terms),
    }


def resident(kind):
    """Return VmRSS or VmHWM (its peak) of this process, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(kind):
            return int(line.split()[1]) * 1024
    raise OSError("there is no /proc here")


def peak(make):
    """Return by how much memory grows while what `make` returns is made, and run three times."""
    before = resident("VmRSS")
    run = make()
    for _ in range(3):
        run()
    return resident("VmHWM") - before


def total(mx, row):
    """Return a run of the sum."""
    terms, size = row
    x = mx.sym.Variable("x")
    c = x
    for i in range(terms):
        c = (x + i) + c
    executor = c.bind(mx.cpu(), {"x": mx.nd.array(np.ones(size, "f4"))}, grad_req="null")
    return lambda: executor.forward()[0].wait_to_read()


def of(peer):
    """Return `in_peer`: how much a peer takes for a row of another case, or for the sum."""

    def measure(given, way):
        case, row = given
        make = getattr(case, "in_" + peer, None)
        if way.name in {"BLAS", "compile"} or "naive" in way.name:
            return None
        package = __import__(peer)
        if case is None:
            return peak(lambda: total(package, row)) if peer in {"minisym", "mxnet"} else None
        return peak(lambda: make(row, way)[0]) if make else None

    return measure


in_minisym, in_mxnet, in_torch, in_jax, in_onnxruntime = map(
    of, ("minisym", "mxnet", "torch", "jax", "onnxruntime")
)
