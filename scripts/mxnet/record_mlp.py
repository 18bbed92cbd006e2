"""Record what MXNet 1.9.1 computes for examples/mxnet_mlp.py, as the test data of minisym.

It takes the example's source, changes its import, and runs it. Usage, in an environment that has
MXNet (Python 3.8, `pip install mxnet==1.9.1 'numpy<1.24'`)::

    MXNET_SUBGRAPH_BACKEND=NONE MXNET_MKLDNN_ENABLED=0 python scripts/mxnet/record_mlp.py
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "mxnet_mlp.py"
FIXTURE = ROOT / "tests" / "fixtures" / "mxnet_mlp.npz"


def main() -> None:
    """Run the example on MXNet and keep its results."""
    if os.environ.get("MXNET_MKLDNN_ENABLED") != "0":
        sys.exit("set MXNET_SUBGRAPH_BACKEND=NONE MXNET_MKLDNN_ENABLED=0: MXNet's own kernels")
    source = EXAMPLE.read_text(encoding="utf-8")
    source = source.replace("import minisym as mx", "import mxnet as mx")
    names: dict[str, Any] = {"__name__": "mxnet_mlp"}
    exec(compile(source, str(EXAMPLE), "exec"), names)  # noqa: S102  our own file
    np.savez_compressed(FIXTURE, **names["run"]())
    print(f"wrote {FIXTURE} ({FIXTURE.stat().st_size} bytes)")


if __name__ == "__main__":
    main()
