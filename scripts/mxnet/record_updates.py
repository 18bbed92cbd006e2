"""Record what MXNet 1.9.1's update ops do to hostile gradients, three steps each.

Run under Python 3.8 with mxnet==1.9.1, which is no dependency of minisym:

    MXNET_SUBGRAPH_BACKEND=NONE MXNET_MKLDNN_ENABLED=0 python scripts/mxnet/record_updates.py

Writes tests/fixtures/updates.npz: for each case of tests/update_cases.py, after each step, the
bytes of the outputs (where they are no arrays of the case) and of the weights and states.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np

TESTS = Path(__file__).resolve().parents[2] / "tests"
sys.path.insert(0, str(TESTS))

import update_cases  # noqa: E402

Arrays = Any  # dict[str, np.ndarray]


def run(op: str, slots: Any, outs: list[str], setting: Any, arrays: Arrays) -> tuple[Any, Arrays]:
    """Do one step in place; return its outputs and all arrays."""
    function = getattr(mx.nd, op, None) or getattr(mx.nd._internal, op)  # noqa: SLF001
    held = {slot: mx.nd.array(arrays[slot], dtype=arrays[slot].dtype) for slot, _ in slots}
    targets = [held[name] for name in outs]
    given = {"out": targets if len(targets) > 1 else targets[0]} if targets else {}
    found = function(*held.values(), **setting, **given)
    mx.nd.waitall()
    found = found if isinstance(found, (list, tuple)) else [found]
    outputs = [] if targets or op == "reset_arrays" else [array.asnumpy() for array in found]
    after = {slot: array.asnumpy() for slot, array in held.items()}
    for slot, kind in slots:
        same = after[slot].tobytes() == arrays[slot].tobytes()
        # MXNet's _adamw_update leaves the rescaled gradient in the gradient's array, by mistake
        assert same or kind in update_cases.KEPT or (op, slot) == ("_adamw_update", "grad"), slot
    return outputs, after


def main() -> None:
    """Record all cases."""
    found = {}
    for name, op, slots, outs, dtype, setting in update_cases.cases():
        arrays, later = update_cases.inputs(name, slots, dtype)
        kept: list[Any] = []
        for fresh in [{}, *later]:
            arrays.update(fresh)
            outputs, arrays = run(op, slots, outs, setting, arrays)
            kept += outputs
            kept += [arrays[slot] for slot, kind in slots if kind in update_cases.KEPT]
        found[name] = np.frombuffer(b"".join(a.tobytes() for a in kept), np.uint8)
    path = TESTS / "fixtures" / "updates.npz"
    np.savez_compressed(path, **found)
    print(f"wrote {path} ({len(found)} cases, {path.stat().st_size} bytes)")


if __name__ == "__main__":
    main()
