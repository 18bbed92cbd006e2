"""The import of a package in a fresh interpreter, with bytecode there and files in the page cache.

minisym's own share is what remains when NumPy and networkx are imported before.
"""

from __future__ import annotations

import time

TITLE = "Import"
UNIT = "ms"
FRESH = True


def rows(quick):
    """Return {name: what is imported before}."""
    return {"import": (), "import, own share": ("numpy", "networkx")}


def of(package):
    """Return `in_package`."""

    def measure(before, way):
        if way.threads > 1 or way.name:
            return None  # it is no matter how it will be used
        if before and package != "minisym":
            return None
        for name in before:
            __import__(name)
        start = time.perf_counter()
        __import__(package)
        return time.perf_counter() - start

    return measure


in_minisym, in_mxnet, in_torch, in_jax, in_pytensor, in_onnxruntime = map(
    of, ("minisym", "mxnet", "torch", "jax", "pytensor", "onnxruntime")
)
