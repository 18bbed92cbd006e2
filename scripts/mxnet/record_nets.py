"""Record what MXNet 1.9.1 says of the nets in tests/nets*.py, for tests/test_nets.py.

It needs Python 3.8 with `mxnet==1.9.1` and `numpy<1.24`; nothing else of this project does::

    export MXNET_SUBGRAPH_BACKEND=NONE
    MXNET_MKLDNN_ENABLED=0 python3.8 scripts/mxnet/record_nets.py
    python3.8 scripts/mxnet/record_nets.py fused_rnn fused_bidirectional_gru speech_ctc

The second call is for the RNN op: without oneDNN it does not run, or reads memory that nobody has
written. For other ops it is oneDNN that is known to be wrong.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import mxnet as mx  # noqa: E402
import nets  # noqa: E402
import nets_of_sequences  # noqa: E402, F401
import nets_of_tasks  # noqa: E402, F401
from nets_filled import filled, summary  # noqa: E402


def main(names):
    """Write the fixture, or renew these nets in it."""
    path = ROOT / "tests" / "fixtures" / "nets.json"
    found = json.loads(path.read_text(encoding="utf-8")) if names else {}
    for name in names or nets.NETS:
        make = nets.NETS[name]
        with mx.name.NameManager():
            symbol, given = make(mx)
        shapes = symbol.infer_shape(**given)
        lists = (symbol.list_arguments(), symbol.list_outputs(), symbol.list_auxiliary_states())
        executor = symbol.simple_bind(mx.cpu(), grad_req="null", **given)
        for arrays in (executor.arg_dict, executor.aux_dict):
            for key, array in arrays.items():
                array[:] = filled(key, array.shape)
        try:
            values = [summary(output.asnumpy()) for output in executor.forward(is_train=False)]
        except mx.MXNetError as error:
            print(f"{name} does not run: {str(error).strip().splitlines()[-1]}")
            values = None
        found[name] = {
            "shapes": [dict(zip(n, s)) for n, s in zip(lists, shapes)],
            "internals": symbol.get_internals().list_outputs(),
            "values": values,
        }
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{len(found)} nets")


if __name__ == "__main__":
    main(sys.argv[1:])
