"""Train a net, keep its checkpoint, put another head on its features, and train that."""

import os
import tempfile

import mxnet as mx
import numpy as np

np.random.seed(1)
prefix = os.path.join(tempfile.mkdtemp(), "base")


@mx.init.register
class Gaussian(mx.init.Initializer):
    def __init__(self, sigma=0.3):
        super(Gaussian, self).__init__(sigma=sigma)
        self.sigma = sigma

    def _init_weight(self, _, arr):
        arr[:] = np.random.normal(0, self.sigma, arr.shape)


data = mx.sym.Variable("data")
net = mx.sym.FullyConnected(data, name="fc1", num_hidden=12)
net = mx.sym.Activation(net, name="relu1", act_type="relu")
net = mx.sym.FullyConnected(net, name="fc2", num_hidden=8)
net = mx.sym.Activation(net, name="relu2", act_type="relu")
net = mx.sym.FullyConnected(net, name="fc3", num_hidden=3)
net = mx.sym.SoftmaxOutput(net, name="softmax")

x = np.random.randn(96, 6).astype(np.float32)
coarse = (x[:, 0] > 0) + (x[:, 1] > 0)
fine = (x[:, 0] > 0) * 2 + (x[:, 2] > 0)

mod = mx.mod.Module(net, context=[mx.cpu()])
mod.fit(
    mx.io.NDArrayIter(x, coarse, 16),
    num_epoch=5,
    initializer=Gaussian(),
    optimizer="adam",
    optimizer_params=(("learning_rate", 0.01),),
    epoch_end_callback=mx.callback.module_checkpoint(mod, prefix, 5, save_optimizer_states=True),
)
assert os.path.exists(prefix + "-0005.states")


def get_fine_tune_model(symbol, arg_params, num_classes, layer_name="relu2"):
    all_layers = symbol.get_internals()
    net = all_layers[layer_name + "_output"]
    net = mx.symbol.FullyConnected(data=net, num_hidden=num_classes, name="fine")
    net = mx.symbol.SoftmaxOutput(data=net, name="softmax")
    new_args = dict({k: arg_params[k] for k in arg_params if "fc3" not in k})
    return (net, new_args)


sym, arg_params, aux_params = mx.model.load_checkpoint(prefix, 5)
new_sym, new_args = get_fine_tune_model(sym, arg_params, 4)
train = mx.io.NDArrayIter(x[:80], fine[:80], 16, label_name="softmax_label")
val = mx.io.NDArrayIter(x[80:], fine[80:], 16, label_name="softmax_label")
mod = mx.mod.Module(symbol=new_sym, fixed_param_names=["fc1_weight", "fc1_bias"])
mod.bind(data_shapes=train.provide_data, label_shapes=train.provide_label)
mod.init_params(initializer=Gaussian(0.1))
mod.set_params(new_args, aux_params, allow_missing=True)
mod.fit(
    train,
    val,
    num_epoch=6,
    optimizer_params={"learning_rate": 0.5},
    eval_metric="acc",
)
again = mx.mod.Module.load(prefix, 5, load_optimizer_states=True)
again.bind(data_shapes=train.provide_data, label_shapes=train.provide_label)
again.init_optimizer(optimizer="adam", optimizer_params={"learning_rate": 0.01})
again.fit(mx.io.NDArrayIter(x, coarse, 16), begin_epoch=5, num_epoch=7, optimizer="adam")

RESULT = {
    "predicted": mod.predict(val).asnumpy(),
    "accuracy": dict(mod.score(val, "acc"))["accuracy"],
}
RESULT.update({"fine/" + k: v.asnumpy() for k, v in mod.get_params()[0].items()})
RESULT.update({"again/" + k: v.asnumpy() for k, v in again.get_params()[0].items()})
