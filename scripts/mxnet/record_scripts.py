"""Run the scripts of tests/scripts_of_mxnet on MXNet 1.9.1, and keep what they compute.

Run under Python 3.8 with mxnet==1.9.1, which is no dependency of minisym:

    MXNET_SUBGRAPH_BACKEND=NONE MXNET_MKLDNN_ENABLED=0 python scripts/mxnet/record_scripts.py
"""

from __future__ import annotations

import runpy
from pathlib import Path

import mxnet as mx
import numpy as np

TESTS = Path(__file__).resolve().parents[2] / "tests"


def main() -> None:
    """Run each script, its names counted from 0."""
    found = {}
    for path in sorted((TESTS / "scripts_of_mxnet").glob("*.py")):
        with mx.name.NameManager():
            result = runpy.run_path(str(path))["RESULT"]
        for name, value in result.items():
            found["%s/%s" % (path.stem, name)] = np.asarray(value)  # noqa: UP031  Python 3.8
    path = TESTS / "fixtures" / "scripts_of_mxnet.npz"
    np.savez_compressed(path, **found)
    print(f"wrote {path} ({path.stat().st_size} bytes)")


if __name__ == "__main__":
    main()
