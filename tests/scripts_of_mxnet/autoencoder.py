"""An autoencoder, layer by layer: symbols, simple_bind, and an updater in a loop of one's own."""

import mxnet as mx
import numpy as np

rng = np.random.RandomState(8)
X = np.tanh(rng.randn(64, 3).dot(rng.randn(3, 8))).astype(np.float32)
dims, batch_size = [8, 5, 3], 16


def make_stack(i, data):
    x = mx.symbol.FullyConnected(data=data, num_hidden=dims[i + 1], name="encoder_%d" % i)
    x = mx.symbol.Activation(data=x, act_type="relu")
    x = mx.symbol.FullyConnected(data=x, num_hidden=dims[i], name="decoder_%d" % i)
    return mx.symbol.LinearRegressionOutput(data=x, label=mx.symbol.Variable("data_label"))


class Solver(object):
    def __init__(self, optimizer, **kwargs):
        self.optimizer = mx.optimizer.create(optimizer, **kwargs)
        self.updater = mx.optimizer.get_updater(self.optimizer)

    def solve(self, sym, data, args, steps):
        args_grad = {k: mx.nd.zeros(v.shape) for k, v in args.items()}
        args = dict(args, data=mx.nd.zeros((batch_size, data.shape[1])))
        args["data_label"] = mx.nd.zeros((batch_size, data.shape[1]))
        exe = sym.bind(mx.cpu(), args=args, args_grad=args_grad)
        update_order = sorted(args_grad)
        losses = []
        for step in range(steps):
            start = step * batch_size % len(data)
            batch = data[start : start + batch_size]
            args["data"][:] = batch
            args["data_label"][:] = batch
            exe.forward(is_train=True)
            exe.backward()
            for i, name in enumerate(update_order):
                self.updater(i, args_grad[name], args[name])
            losses.append(float(np.square(exe.outputs[0].asnumpy() - batch).mean()))
        return losses


RESULT, features = {}, X
args = {}
for i in range(len(dims) - 1):
    sym = make_stack(i, mx.symbol.Variable("data"))
    names = [n for n in sym.list_arguments() if n not in ("data", "data_label")]
    shapes = dict(zip(sym.list_arguments(), sym.infer_shape(data=(batch_size, dims[i]))[0]))
    own = {
        n: mx.nd.array(0.4 * rng.randn(*shapes[n]) if n.endswith("weight") else np.zeros(shapes[n]))
        for n in names
    }
    solver = Solver(
        "sgd",
        momentum=0.9,
        wd=0.0001,
        learning_rate=0.05,
        rescale_grad=1.0 / batch_size,
        lr_scheduler=mx.lr_scheduler.FactorScheduler(step=20, factor=0.8),
    )
    RESULT["losses/%d" % i] = solver.solve(sym, features, own, 40)
    args.update(own)
    encoder = sym.get_internals()["activation%d_output" % i]
    exe = encoder.simple_bind(mx.cpu(), grad_req="null", data=(len(X), dims[i]))
    for n in encoder.list_arguments():
        if n != "data":
            own[n].copyto(exe.arg_dict[n])
    features = exe.forward(is_train=False, data=mx.nd.array(features))[0].asnumpy()
RESULT["features"] = features
RESULT.update({name: array.asnumpy() for name, array in args.items()})
