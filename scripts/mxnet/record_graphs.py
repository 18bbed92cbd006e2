"""Record how MXNet 1.9.1 writes graphs to files, as the test data of minisym.

It runs the programs of tests/tables/graphs.py. Usage, in an environment that has MXNet (Python 3.8,
`pip install mxnet==1.9.1 'numpy<1.24'`)::

    MXNET_SUBGRAPH_BACKEND=NONE MXNET_MKLDNN_ENABLED=0 python scripts/mxnet/record_graphs.py
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any

import mxnet as mx

ROOT = Path(__file__).resolve().parents[2]
FIXTURE = ROOT / "tests" / "fixtures" / "mxnet_graphs.json"


def main() -> None:
    """Compose every program's symbol, and keep what MXNet says of it."""
    if os.environ.get("MXNET_MKLDNN_ENABLED") != "0":
        sys.exit("set MXNET_SUBGRAPH_BACKEND=NONE MXNET_MKLDNN_ENABLED=0: MXNet's own kernels")
    graphs = runpy.run_path(str(ROOT / "tests" / "tables" / "graphs.py"))["GRAPHS"]
    found = {}
    for name, program in graphs.items():
        names: dict[str, Any] = {"mx": mx}
        with mx.name.NameManager():
            exec(program, names)  # noqa: S102  our own file
        net = names["net"]
        found[name] = {
            "text": net.tojson(),
            "arguments": net.list_arguments(),
            "outputs": net.list_outputs(),
            "states": net.list_auxiliary_states(),
            "internals": net.get_internals().list_outputs(),
            "attributes": net.attr_dict(),
        }
    text = json.dumps(found, indent=1, sort_keys=True)
    FIXTURE.write_text(text + "\n", encoding="utf-8")
    print(f"wrote {len(found)} graphs to {FIXTURE}")


if __name__ == "__main__":
    main()
