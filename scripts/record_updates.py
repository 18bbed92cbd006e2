"""Record what MXNet 1.9.1's update ops do to hostile gradients, three steps each.

Run under Python 3.8 with mxnet==1.9.1, which is no dependency of minisym:

    MXNET_SUBGRAPH_BACKEND=NONE MXNET_MKLDNN_ENABLED=0 python scripts/record_updates.py

Writes tests/fixtures/updates.npz: for each case of tests/update_cases.py, after each step, the
bytes of the outputs (where they are no arrays of the case) and of the weights and states.
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
    outputs = [] if targets or op == "reset_arrays" else [array.asnumpy() for array in found]
    after = {slot: array.asnumpy() for slot, array in held.items()}
    for slot, kind in slots:
        same = after[slot].tobytes() == arrays[slot].tobytes()
        # MXNet's _adamw_update leaves the rescaled gradient in the gradient's array, by mistake
        assert same or kind in update_cases.KEPT or (op, slot) == ("_adamw_update", "grad"), slot
    return outputs, after


def main():
    found = {}
    for name, op, slots, outs, dtype, setting in update_cases.cases():
        arrays, later = update_cases.inputs(name, slots, dtype)
        kept = []
        for fresh in [{}] + later:
            arrays.update(fresh)
            outputs, arrays = run(op, slots, outs, dtype, setting, arrays)
            kept += outputs + [arrays[slot] for slot, kind in slots if kind in update_cases.KEPT]
        found[name] = np.frombuffer(b"".join(a.tobytes() for a in kept), np.uint8)
    path = os.path.join(HERE, "..", "tests", "fixtures", "updates.npz")
    np.savez_compressed(path, **found)
    print("wrote", os.path.normpath(path), len(found), "cases", os.path.getsize(path), "bytes")


if __name__ == "__main__":
    main()
