"""A generator and a discriminator, two modules that train each other."""

import mxnet as mx
import numpy as np

rng = np.random.RandomState(3)
batch_size, Z = 16, 4
BatchNorm, fix_gamma, eps = mx.sym.BatchNorm, True, 1e-5


def make_sym():
    rand = mx.sym.Variable("rand")
    g1 = mx.sym.FullyConnected(rand, name="g1", num_hidden=12, no_bias=True)
    gbn1 = BatchNorm(g1, name="gbn1", fix_gamma=fix_gamma, eps=eps)
    gact1 = mx.sym.Activation(gbn1, name="gact1", act_type="relu")
    g2 = mx.sym.FullyConnected(gact1, name="g2", num_hidden=2)
    gout = mx.sym.Activation(g2, name="gout", act_type="tanh")
    data, label = mx.sym.Variable("data"), mx.sym.Variable("label")
    d1 = mx.sym.FullyConnected(data, name="d1", num_hidden=12)
    dact1 = mx.sym.LeakyReLU(d1, name="dact1", act_type="leaky", slope=0.2)
    d2 = mx.sym.FullyConnected(dact1, name="d2", num_hidden=1)
    dloss = mx.sym.LogisticRegressionOutput(data=d2, label=label, name="dloss")
    return gout, dloss


class Fixed(mx.init.Initializer):
    def _init_weight(self, name, arr):
        arr[:] = 0.5 * rng.randn(*arr.shape)


class RandIter(mx.io.DataIter):
    def __init__(self, batch_size, ndim):
        self.batch_size, self.ndim = batch_size, ndim
        self.provide_data = [("rand", (batch_size, ndim))]
        self.provide_label = []

    def iter_next(self):
        return True

    def getdata(self):
        return [mx.nd.array(rng.normal(0, 1.0, (self.batch_size, self.ndim)))]


symG, symD = make_sym()
rand_iter = RandIter(batch_size, Z)
label = mx.nd.zeros((batch_size, 1))
modG = mx.mod.Module(symbol=symG, data_names=("rand",), label_names=None)
modG.bind(data_shapes=rand_iter.provide_data)
modG.init_params(initializer=Fixed())
modG.init_optimizer(
    optimizer="adam", optimizer_params={"learning_rate": 0.01, "wd": 0.0, "beta1": 0.5}
)
mods = [modG]
modD = mx.mod.Module(symbol=symD, data_names=("data",), label_names=("label",))
modD.bind(
    data_shapes=[("data", (batch_size, 2))],
    label_shapes=[("label", (batch_size, 1))],
    inputs_need_grad=True,
)
modD.init_params(initializer=Fixed())
modD.init_optimizer(
    optimizer="adam", optimizer_params={"learning_rate": 0.01, "wd": 0.0, "beta1": 0.5}
)
mods.append(modD)

mD = mx.metric.CustomMetric(lambda label, pred: ((pred > 0.5) == label).mean(), name="facc")
told = []
for step in range(12):
    angle = rng.uniform(0, 2 * np.pi, batch_size)
    real = 0.5 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    rbatch = rand_iter.next()
    modG.forward(rbatch, is_train=True)
    outG = modG.get_outputs()
    # the discriminator on what is false
    label[:] = 0
    modD.forward(mx.io.DataBatch(outG, [label]), is_train=True)
    modD.backward()
    gradD = [
        [grad.copyto(grad.context) for grad in grads] for grads in modD._exec_group.grad_arrays
    ]
    modD.update_metric(mD, [label])
    # and on what is true, both gradients together
    label[:] = 1
    modD.forward(mx.io.DataBatch([mx.nd.array(real)], [label]), is_train=True)
    modD.backward()
    for gradsr, gradsf in zip(modD._exec_group.grad_arrays, gradD):
        for gradr, gradf in zip(gradsr, gradsf):
            gradr += gradf
    modD.update()
    modD.update_metric(mD, [label])
    # the generator
    modD.forward(mx.io.DataBatch(outG, [label]), is_train=True)
    modD.backward()
    modG.backward(modD.get_input_grads())
    modG.update()
    told.append(mD.get()[1])

RESULT = {"told": told, "last": outG[0].asnumpy()}
for mod in mods:
    for part in mod.get_params():
        RESULT.update({name: array.asnumpy() for name, array in part.items()})
