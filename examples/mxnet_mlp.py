"""MXNet's own first network, unchanged but for the import: compose, infer, bind, run, go back.

With `import mxnet as mx` the same file runs on MXNet 1.9.1. Its numbers were recorded in that way,
and a test compares them with minisym's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import minisym as mx


def mlp() -> Any:
    """Compose the network: two fully connected layers and a softmax."""
    net = mx.sym.Variable("data")
    net = mx.sym.FullyConnected(data=net, num_hidden=128, name="fc1")
    net = mx.sym.Activation(data=net, act_type="relu", name="relu1")
    net = mx.sym.FullyConnected(data=net, num_hidden=10, name="fc2")
    return mx.sym.SoftmaxOutput(data=net, name="softmax")


def run() -> dict[str, Any]:
    """Run the network forward and backward once, on weights that any NumPy draws alike."""
    net = mlp()
    print("arguments:", net.list_arguments())
    print("outputs:  ", net.list_outputs())

    argument_shapes, output_shapes, _ = net.infer_shape(data=(8, 64))
    for name, shape in zip(net.list_arguments(), argument_shapes):  # noqa: B905  Python 3.8 can too
        print(f"  {name:14}{shape}")
    print("output shapes:", output_shapes)

    executor = net.simple_bind(ctx=mx.cpu(), data=(8, 64), grad_req="write")
    random = np.random.RandomState(7)  # this generator never changes
    for name in net.list_arguments():
        array = executor.arg_dict[name]
        array[:] = random.uniform(-0.3, 0.3, array.shape).astype("float32")
    executor.arg_dict["softmax_label"][:] = np.arange(8) % 10

    executor.forward(is_train=True)
    executor.backward()

    results = {"softmax_output": executor.outputs[0].asnumpy()}
    for name in net.list_arguments():
        if name not in {"data", "softmax_label"}:
            results[name + "_grad"] = executor.grad_dict[name].asnumpy()
    return results


if __name__ == "__main__":
    for name, values in run().items():
        print(f"{name:18}sum of magnitudes {abs(values).sum():.5f}")
    picture = mx.viz.plot_network(
        mlp(), "mxnet_mlp", save_format="svg", shape={"data": (8, 64)}, hide_weights=False
    )
    folder = Path(__file__).parent / "out"
    print("picture:", picture.render(directory=str(folder), cleanup=True))
