"""Record what MXNet 1.9.1 makes of the loops and choices in tests/tables/control_flow.py.

Usage, in an environment that has MXNet (Python 3.8, `pip install mxnet==1.9.1 'numpy<1.24'`)::

    MXNET_SUBGRAPH_BACKEND=NONE MXNET_MKLDNN_ENABLED=0 python scripts/mxnet/record_control.py

The gradients are those of the sum of all outputs.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import mxnet as mx

ROOT = Path(__file__).resolve().parents[2]
FIXTURE = ROOT / "tests" / "fixtures" / "control_flow.json"
sys.path.insert(0, str(ROOT / "tests"))


def record(program: str, values: dict[str, Any]) -> dict[str, Any]:
    """Compose, run and differentiate."""
    names: dict[str, Any] = {"mx": mx}
    with mx.name.NameManager():
        exec(program, names)  # noqa: S102  our own file
    net = names["net"]
    arrays = {name: mx.nd.array(value) for name, value in values.items()}
    arguments = net.list_arguments()
    bound = {name: arrays[name] for name in arguments}
    outputs = [o.asnumpy().tolist() for o in net.bind(mx.cpu(), bound).forward()]
    zeros = {name: mx.nd.zeros(arrays[name].shape) for name in arguments}
    try:
        executor = net.bind(mx.cpu(), bound, args_grad=zeros)
        executor.forward(is_train=True)
        executor.backward([mx.nd.ones(o.shape) for o in executor.outputs])
        gradients = {name: g.asnumpy().tolist() for name, g in executor.grad_dict.items()}
    except mx.MXNetError:  # loops in loops, and what both graphs of a node use
        gradients = None
    return {
        "text": net.tojson(),
        "arguments": arguments,
        "outputs": net.list_outputs(),
        "internals": net.get_internals().list_outputs(),
        "attributes": net.attr_dict(),
        "values": outputs,
        "gradients": gradients,
    }


def in_a_process(program: str, values: dict[str, Any]) -> dict[str, Any]:
    """Record in a process of its own: MXNet counts the bodies of a whole process."""
    read, write = os.pipe()
    if not os.fork():
        with os.fdopen(write, "w") as pipe:
            json.dump(record(program, values), pipe)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        found = json.load(pipe)
    os.wait()
    return found


def main() -> None:
    """Record every program, and see that MXNet refuses what it should."""
    from tables.control_flow import PROGRAMS, REFUSED, START

    if os.environ.get("MXNET_MKLDNN_ENABLED") != "0":
        sys.exit("set MXNET_SUBGRAPH_BACKEND=NONE MXNET_MKLDNN_ENABLED=0: MXNet's own kernels")
    found = {name: in_a_process(START + code, values) for name, (code, values) in PROGRAMS.items()}
    for name, code in REFUSED.items():
        try:
            exec(START + code, {"mx": mx})  # noqa: S102  our own file
        except (AssertionError, TypeError, ValueError):
            continue
        sys.exit(f"MXNet does not refuse: {name}")
    FIXTURE.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"wrote {len(found)} programs to {FIXTURE}")


if __name__ == "__main__":
    main()
