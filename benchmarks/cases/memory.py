"""How much memory a run takes: the peak of what is resident, above what it was before.

Before means: the package is imported, and the values of weights are there as NumPy arrays, which it
copies. Weights, arrays and plans count, and whatever a framework keeps. The sum is `c = term + c`
over 2,000 terms of 4 MB, of which a good order keeps few alive. A compiler counts, too: numba takes
130 MB, whatever it compiles.
"""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
from cases import engines, resnet, training

TITLE = "Peak memory"
UNIT = "MB"
FRESH = True
ROUNDS = 2


def rows(quick):
    """Return {name: (module that does the work, its row, more)}, or (None, terms and size, …)."""
    return {
        "ResNet-50, one image": (resnet, "ResNet-50, one image", {"frozen": False}),
        "ResNet-50, frozen": (resnet, "ResNet-50, one image", {"frozen": True}),
        "LeNet step": (training, "LeNet step", {}),
        "c = term + c, 2,000 terms of 4 MB": (None, (5, 100) if quick else (2000, 10**6), {}),
    }


def resident(kind):
    """Return VmRSS or VmHWM (its peak) of this process, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(kind):
            return int(line.split()[1]) * 1024
    raise OSError("there is no /proc here")


def peak(make):
    """Return by how much memory grows while what `make` returns is made, and run three times."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
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
    """Return `in_peer`: how much it takes for a row of another case, or for the sum."""

    def measure(given, way):
        case, row, more = given
        if way.name in {"BLAS", "compile"} or "naive" in way.name:
            return None
        package = __import__(peer)
        if peer == "minisym":
            engines.set_up(package, way)
        if case is None:
            return None if peer == "torch" else peak(lambda: total(package, row))
        if peer != "minisym":
            if more.get("frozen"):
                return None
            more = {}
        net = case.rows(way.quick)[row]
        return peak(lambda: getattr(case, "in_" + peer)(net, way, **more)[0])

    return measure


in_minisym, in_mxnet, in_torch = map(of, ("minisym", "mxnet", "torch"))
