"""Record what MXNet 1.9.1's update ops do to hostile gradients, three steps each.

Run under Python 3.8 with mxnet==1.9.1, which is no dependency of minisym:

    MXNET_SUBGRAPH_BACKEND=NONE MXNET_MKLDNN_ENABLED=0 python scripts/record_updates.py

Writes tests/fixtures/updates.npz: for each case of tests/update_cases.py the bytes of all outputs
and all arrays after each step, one after the other.
"""

import os
import sys

import mxnet as mx
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests"))

import update_cases  # noqa: E402


def run(op, slots, outs, dtype, setting, arrays):
    """Do one step in place; return its outputs and all arrays."""
    function = getattr(mx.nd, op, None) or getattr(mx.nd._internal, op)
    held = {slot: mx.nd.array(arrays[slot], dtype=arrays[slot].dtype) for slot, _ in slots}
    targets = [held[name] for name in outs]
    given = dict(out=targets if len(targets) > 1 else targets[0]) if targets else {}
    found = function(*held.values(), **setting, **given)
    mx.nd.waitall()
    found = found if isinstance(found, (list, tuple)) else [found]
    outputs = [] if op == "reset_arrays" else [array.asnumpy() for array in found]
    return outputs, {slot: array.asnumpy() for slot, array in held.items()}


def main():
    found = {}
    for name, op, slots, outs, dtype, setting in update_cases.cases():
        arrays, later = update_cases.inputs(name, slots, dtype)
        kept = []
        for fresh in [{}] + later:
            arrays.update(fresh)
            outputs, arrays = run(op, slots, outs, dtype, setting, arrays)
            kept += outputs + list(arrays.values())
        found[name] = np.frombuffer(b"".join(a.tobytes() for a in kept), np.uint8)
    path = os.path.join(HERE, "..", "tests", "fixtures", "updates.npz")
    np.savez_compressed(path, **found)
    print("wrote", os.path.normpath(path), len(found), "cases", os.path.getsize(path), "bytes")


if __name__ == "__main__":
    main()
