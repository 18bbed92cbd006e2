"""Let MXNet 1.9.1 write small files of arrays, and note how it reads them back.

Run under Python 3.8 with mxnet==1.9.1, which is no dependency of minisym:

    MXNET_SUBGRAPH_BACKEND=NONE MXNET_MKLDNN_ENABLED=0 python scripts/mxnet/record_params.py

Writes tests/fixtures/params/: the files, and expected.npz with every array as MXNet reads it, under
`<file>/<name or position>`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "params"
DTYPES = ["float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool"]


def values(dtype: str, shape: tuple[int, ...]) -> Any:
    """Return numbers of both signs, the smallest and the largest that the type has among them."""
    if dtype == "bool":
        return np.arange(np.prod(shape)).reshape(shape) % 3 == 0
    info = np.finfo(dtype) if dtype.startswith("float") else np.iinfo(dtype)
    flat = np.arange(-2, np.prod(shape) - 2, dtype="int64").astype(dtype)
    flat[-2:] = info.min, info.max
    return flat.reshape(shape)


def array(dtype: str, shape: tuple[int, ...]) -> Any:
    """Make an NDArray of these numbers, bit for bit."""
    found = mx.nd.zeros(shape, dtype=dtype)
    found[:] = mx.nd.array(values(dtype, shape), dtype=dtype)
    return found


def gluon() -> Any:
    """Make a net whose parameters are saved as `0.weight`, without `arg:` or `aux:`."""
    net = mx.gluon.nn.HybridSequential()
    net.add(mx.gluon.nn.Dense(3, in_units=2), mx.gluon.nn.BatchNorm(in_channels=3))
    net.initialize(mx.init.Uniform(1))
    return net


def write() -> None:
    """Write every file."""
    nd = mx.nd

    def save(name: str, data: Any) -> None:
        nd.save(str(FOLDER / f"{name}.params"), data)

    save("types", {dtype: array(dtype, (2, 3)) for dtype in DTYPES})
    save(
        "shapes",
        {
            "arg:one": nd.array([7]),
            "arg:five axes": array("float32", (1, 2, 1, 3, 2)),
            "aux:long": nd.arange(300),
            "": nd.array([1, 2]),
            "net0/\u00e4\u4e2d": nd.array([3]),
        },
    )
    save("list", [nd.array([1, 2]), array("int32", (3, 1))])
    save("empty", [])
    deep = (np.arange(6.0).reshape(1, 3, 2), [2])
    save(
        "row_sparse",
        {
            "rows": nd.sparse.row_sparse_array(([[1, 2], [3, 4]], [1, 3]), shape=(5, 2)),
            "deep": nd.sparse.row_sparse_array(deep, shape=(4, 3, 2), dtype="float64"),
            "none": nd.sparse.zeros("row_sparse", (3, 2)),
            "dense": nd.array([5, 6]),
        },
    )
    some, integers = ([1, 2, 3], [0, 2, 1], [0, 2, 2, 3]), ([9], [3], [0, 0, 1])
    save(
        "csr",
        {
            "some": nd.sparse.csr_matrix(some, shape=(3, 4)),
            "none": nd.sparse.zeros("csr", (3, 4)),
            "int": nd.sparse.csr_matrix(integers, shape=(2, 4), dtype="int32"),
        },
    )
    gluon().save_parameters(str(FOLDER / "gluon.params"))
    with mx.util.np_shape(True):
        scalars = {dtype: nd.array(values(dtype, (2,))[1], dtype=dtype) for dtype in DTYPES[:3]}
        zero = {"none": nd.zeros((0, 3)), "more": nd.zeros((2, 0, 1), dtype="int8")}
        save("np_shape", {**scalars, **zero, "plain": array("float32", (2, 2))})
        save("np_list", [nd.array(2.5), nd.array([1, 2])])


def main() -> None:
    """Write the files, and what they hold."""
    if os.environ.get("MXNET_MKLDNN_ENABLED") != "0":
        sys.exit("set MXNET_SUBGRAPH_BACKEND=NONE MXNET_MKLDNN_ENABLED=0: MXNet's own kernels")
    mx.random.seed(20261122)
    FOLDER.mkdir(parents=True, exist_ok=True)
    write()
    expected = {}
    for path in sorted(FOLDER.glob("*.params")):
        with mx.util.np_shape(path.name.startswith("np_")):
            found = mx.nd.load(str(path))
            pairs = found.items() if isinstance(found, dict) else enumerate(found)
            expected.update({f"{path.stem}/{key}": value.asnumpy() for key, value in pairs})
    np.savez_compressed(FOLDER / "expected.npz", **expected)
    print(f"wrote {len(expected)} arrays to {FOLDER}")


if __name__ == "__main__":
    main()
