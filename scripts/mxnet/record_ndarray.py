"""Record what MXNet 1.9.1's arrays answer, for each snippet of tests/ndarray_cases.py.

Run under Python 3.8 with mxnet==1.9.1, which is no dependency of minisym:

    MXNET_SUBGRAPH_BACKEND=NONE MXNET_MKLDNN_ENABLED=0 python scripts/mxnet/record_ndarray.py

Writes tests/fixtures/ndarray.json: the names of all public methods, and the answers by snippet.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import mxnet as mx

TESTS = Path(__file__).resolve().parents[2] / "tests"
sys.path.insert(0, str(TESTS))

import ndarray_cases  # noqa: E402


def main() -> None:
    """Record all snippets."""
    found = {code: ndarray_cases.answer(mx, code) for code in ndarray_cases.cases()}
    names = [name for name in dir(mx.nd.NDArray) if not name.startswith("_")]
    rows = [f"{json.dumps(code)}: {json.dumps(told)}" for code, told in found.items()]
    text = f'{{"methods": {json.dumps(names)},\n"answers": {{\n' + ",\n".join(rows) + "\n}}\n"
    path = TESTS / "fixtures" / "ndarray.json"
    path.write_text(text, encoding="utf-8")
    print(f"wrote {path} ({len(found)} snippets, {len(text)} bytes)")


if __name__ == "__main__":
    main()
