"""What Module is trained on: by MXNet in `scripts/mxnet/record_module.py`, by minisym in its test.

It runs on Python 3.8, too.
"""

import numpy as np

BATCH, EPOCHS = 32, 3


def mlp(mx):
    """Two layers, one parameter of which has a learning rate of its own."""
    net = mx.sym.Variable("data")
    net = mx.sym.FullyConnected(net, num_hidden=24, name="fc1")
    net = mx.sym.Activation(net, act_type="tanh", name="tanh1")
    weight = mx.sym.Variable("fc2_weight", lr_mult=0.5, wd_mult=2.0)
    net = mx.sym.FullyConnected(net, weight=weight, num_hidden=10, name="fc2")
    return mx.sym.SoftmaxOutput(net, name="softmax")


def lenet(mx):
    """Convolutions with a batch norm, in front of which a bias would have no gradient but noise."""
    net = mx.sym.Reshape(mx.sym.Variable("data"), shape=(-1, 1, 8, 8))
    net = mx.sym.Convolution(
        net, kernel=(3, 3), pad=(1, 1), num_filter=4, no_bias=True, name="conv1"
    )
    net = mx.sym.BatchNorm(net, fix_gamma=False, name="bn1")
    net = mx.sym.Activation(net, act_type="relu", name="relu1")
    net = mx.sym.Pooling(net, kernel=(2, 2), stride=(2, 2), pool_type="max", name="pool1")
    net = mx.sym.Convolution(net, kernel=(3, 3), num_filter=6, name="conv2")
    net = mx.sym.Activation(net, act_type="tanh", name="tanh2")
    net = mx.sym.Flatten(net, name="flat")
    net = mx.sym.FullyConnected(net, num_hidden=10, name="fc")
    return mx.sym.SoftmaxOutput(net, name="softmax")


NETS = {"mlp": mlp, "lenet": lenet}
OPTIMIZERS = {
    "sgd": {"learning_rate": 0.1, "momentum": 0.9, "wd": 1e-3},
    "adam": {"learning_rate": 0.01, "wd": 1e-4},
}


def initial(net):
    """Return how arguments and auxiliary states begin."""
    rng = np.random.RandomState(3)
    shapes, _, states = net.infer_shape(data=(BATCH, 64), softmax_label=(BATCH,))
    arguments = {}
    for name, shape in zip(net.list_arguments(), shapes):
        if name.endswith("weight"):
            scale = 1 / np.sqrt(np.prod(shape[1:]))
            arguments[name] = (scale * rng.normal(size=shape)).astype(np.float32)
        elif name not in ("data", "softmax_label"):
            arguments[name] = np.full(shape, float(name.endswith("gamma")), np.float32)
    auxiliary = {
        name: np.full(shape, float(name.endswith("var")), np.float32)
        for name, shape in zip(net.list_auxiliary_states(), states)
    }
    return arguments, auxiliary


def run(mx, digits, net, optimizer):
    """Train by `fit`; return parameters, predictions, and what was logged and told."""
    images, labels = (digits["images"] / 16).reshape(-1, 64), digits["labels"]
    symbol = NETS[net](mx)
    arguments, states = initial(symbol)
    train = mx.io.NDArrayIter(images[:400], labels[:400], BATCH)  # the last batch is padded
    held = mx.io.NDArrayIter(images[400:500], labels[400:500], BATCH)
    lines, told = [], []

    class Logger:
        def info(self, text, *args):
            lines.append(text % args)

        warning = info

    module = mx.mod.Module(symbol, logger=Logger())
    module.fit(
        train,
        eval_data=held,
        eval_metric=["acc", "ce"],
        optimizer=optimizer,
        optimizer_params=OPTIMIZERS[optimizer],
        arg_params={name: mx.nd.array(a) for name, a in arguments.items()},
        aux_params={name: mx.nd.array(a) for name, a in states.items()},
        batch_end_callback=lambda p: told.append((p.epoch, p.nbatch, p.eval_metric.get()[1][1])),
        num_epoch=EPOCHS,
    )
    arguments, states = module.get_params()
    found = {"arg/" + name: a.asnumpy() for name, a in arguments.items()}
    found.update({"aux/" + name: a.asnumpy() for name, a in states.items()})
    found["predicted"] = module.predict(held).asnumpy()
    found["scores"] = np.array([value for _, value in module.score(held, ["acc", "ce"])])
    found["told"] = np.array(told)
    found["lines"] = np.array([line for line in lines if "Time" not in line])
    return found
