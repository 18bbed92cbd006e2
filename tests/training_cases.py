"""The training that minisym, MXNet and NumPy by hand each do: network, begin, batches, settings.

`scripts/mxnet/record_training.py` reads this under Python 3.8: hence no newer syntax here.
"""

import numpy as np
from places import FIXTURES

BATCH, STEPS, HIDDEN = 64, 100, 32

COMMON = dict(rescale_grad=1 / BATCH, wd=1e-3)
SETTINGS = {
    "sgd": ("sgd", dict(COMMON, learning_rate=0.2, momentum=0.9), (40, 0.5)),
    "signsgd": ("signum", dict(COMMON, learning_rate=0.002, momentum=0.0), None),
    "signum": ("signum", dict(COMMON, learning_rate=0.002, momentum=0.9, wd_lh=0.01), None),
    "adam": ("adam", dict(COMMON, learning_rate=0.01), None),
}
"""Name -> MXNet's optimizer, its parameters, and (step, factor) of a FactorScheduler."""


def network(mx):
    """Compose the MLP by MXNet or minisym; the first layer learns at half the rate."""
    x = mx.sym.Variable("data")
    weight = mx.sym.Variable("fc1_weight", lr_mult=0.5)
    x = mx.sym.FullyConnected(x, weight=weight, num_hidden=HIDDEN, name="fc1")
    x = mx.sym.Activation(x, act_type="relu", name="relu1")
    x = mx.sym.FullyConnected(x, num_hidden=10, name="fc2")
    return mx.sym.SoftmaxOutput(x, name="softmax")


def initial():
    """Return the weights to begin with."""
    rng = np.random.RandomState(1)
    shapes = {"fc1_weight": (HIDDEN, 64), "fc1_bias": (HIDDEN,),
              "fc2_weight": (10, HIDDEN), "fc2_bias": (10,)}  # fmt: skip
    return {
        n: (rng.normal(size=s) * (0.2 if n.endswith("weight") else 0)).astype(np.float32)
        for n, s in shapes.items()
    }


def batches():
    """Return the batches of all steps."""
    with np.load(str(FIXTURES / "digits.npz"), allow_pickle=False) as found:
        images, labels = found["images"] / np.float32(16), found["labels"].astype(np.float32)
    rng = np.random.RandomState(2)
    for _ in range(STEPS):
        rows = rng.permutation(len(labels))[:BATCH]
        yield images[rows], labels[rows]
