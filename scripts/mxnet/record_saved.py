"""Let MXNet 1.9.1 save small models, and note what it predicts in batches of two sizes.

Run under Python 3.8 with mxnet==1.9.1, which is no dependency of minisym:

    MXNET_SUBGRAPH_BACKEND=NONE MXNET_MKLDNN_ENABLED=0 python scripts/mxnet/record_saved.py

Writes tests/fixtures/saved: the pairs of files, and predictions.npz.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "saved"
BATCHES = (2, 5)
sym = mx.sym


def classes() -> tuple[Any, dict[str, tuple[int, ...]]]:
    """Classify images: what is saved most often."""
    x = sym.Variable("data")
    x = sym.Convolution(x, kernel=(3, 3), num_filter=6, pad=(1, 1), name="stage1/conv")
    x = sym.BatchNorm(x, fix_gamma=False, eps=1e-4, name="stage1/norm")
    x = sym.LeakyReLU(x, act_type="prelu", name="stage1/slope")
    x = sym.Pooling(x, kernel=(3, 3), stride=(2, 2), pool_type="max", pooling_convention="full")
    x = sym.Dropout(sym.FullyConnected(sym.Flatten(x), num_hidden=7, name="fc1"), p=0.5)
    x = sym.FullyConnected(x, num_hidden=4, name="fc2")
    return sym.SoftmaxOutput(x, name="softmax"), {"data": (3, 7, 9)}


def heads() -> tuple[Any, dict[str, tuple[int, ...]]]:
    """Put three loss heads over one body, one of them with a label that is computed."""
    body = sym.Activation(
        sym.FullyConnected(sym.Variable("x"), num_hidden=5, name="body"), act_type="tanh"
    )
    truth = sym.Reshape(sym.Variable("truth"), shape=(-1,))
    made = [
        sym.SoftmaxOutput(sym.FullyConnected(body, num_hidden=3, name="a"), truth, name="which"),
        sym.LinearRegressionOutput(
            sym.FullyConnected(body, num_hidden=1, name="b"), name="how_much", out_grad=True
        ),
        sym.LogisticRegressionOutput(
            sym.FullyConnected(body, num_hidden=2, name="c"), name="whether"
        ),
    ]
    return sym.Group(made), {"x": (6,)}


def words() -> tuple[Any, dict[str, tuple[int, ...]]]:
    """Read words by an unrolled LSTM, which needs a state to begin with."""
    cell = mx.rnn.LSTMCell(num_hidden=5, prefix="lstm_")
    table = sym.Embedding(sym.Variable("data"), input_dim=11, output_dim=3, name="table")
    begin = [sym.Variable("begin_h"), sym.Variable("begin_c")]
    outputs, _ = cell.unroll(4, table, begin_state=begin, layout="NTC", merge_outputs=False)
    x = sym.FullyConnected(outputs[-1], num_hidden=11, name="next")
    return sym.softmax(x, name="words"), {"data": (4,), "begin_h": (5,), "begin_c": (5,)}


def main() -> None:
    """Save the models, and what they predict."""
    FOLDER.mkdir(exist_ok=True)
    rng = np.random.RandomState(3)
    recorded: dict[str, Any] = {}
    for make in (classes, heads, words):
        name = make.__name__
        net, inputs = make()
        args, aux = arrays(net, inputs, rng)
        mx.model.save_checkpoint(str(FOLDER / name), 3, net, args, aux)
        for rows in BATCHES:
            fed = {n: rng.uniform(-1, 1, (rows, *s)).astype("f4") for n, s in inputs.items()}
            if name == "words":
                fed["data"] = rng.randint(0, 11, (rows, 4)).astype("f4")
            bound = {n: mx.nd.zeros(s) for n, s in shapes(net, inputs, rows)[0].items()}
            bound.update(args)
            bound.update({n: mx.nd.array(a) for n, a in fed.items()})
            outputs = net.bind(mx.cpu(), bound, aux_states=aux, grad_req="null").forward()
            found = {f"out:{i}": out.asnumpy() for i, out in enumerate(outputs)}
            found.update({f"in:{n}": a for n, a in fed.items()})
            recorded.update({f"{name}:{rows}:{key}": a for key, a in found.items()})
    np.savez_compressed(FOLDER / "predictions.npz", **recorded)
    print(f"wrote {FOLDER}: {sum(f.stat().st_size for f in FOLDER.iterdir()):,} bytes")


def shapes(net: Any, inputs: dict[str, tuple[int, ...]], rows: int) -> tuple[Any, Any]:
    """Return the shapes of arguments and states in a batch of some rows."""
    known = {n: (rows, *s) for n, s in inputs.items()}
    if "truth" in net.list_arguments():
        known["truth"] = (rows,)
    arguments, _, states = net.infer_shape(**known)
    return (
        dict(zip(net.list_arguments(), arguments)),  # noqa: B905  Python 3.8 has no strict
        dict(zip(net.list_auxiliary_states(), states)),  # noqa: B905
    )


def arrays(net: Any, inputs: dict[str, tuple[int, ...]], rng: Any) -> tuple[Any, Any]:
    """Make parameters and states."""
    every, states = shapes(net, inputs, 2)
    return (
        {
            n: mx.nd.array(rng.uniform(-1, 1, s))
            for n, s in every.items()
            if n not in inputs and n != "truth" and not n.endswith("label")
        },
        {n: mx.nd.array(rng.uniform(0.5, 1.5, s)) for n, s in states.items()},
    )


if __name__ == "__main__":
    main()
