"""A sum of digits by a net that reads an iterator of one's own; a metric by a function; a monitor."""

import mxnet as mx
import numpy as np


class SimpleBatch(object):
    def __init__(self, data_names, data, label_names, label):
        self.data = data
        self.label = label
        self.data_names = data_names
        self.label_names = label_names
        self.pad = 0
        self.index = None

    @property
    def provide_data(self):
        return [(n, x.shape) for n, x in zip(self.data_names, self.data)]

    @property
    def provide_label(self):
        return [(n, x.shape) for n, x in zip(self.label_names, self.label)]


class SimpleIter:
    def __init__(
        self, data_names, data_shapes, data_gen, label_names, label_shapes, label_gen, num_batches=6
    ):
        self._provide_data = list(zip(data_names, data_shapes))
        self._provide_label = list(zip(label_names, label_shapes))
        self.num_batches = num_batches
        self.data_gen, self.label_gen = data_gen, label_gen
        self.data_names, self.label_names = data_names, label_names
        self.cur_batch = 0

    def __iter__(self):
        return self

    def reset(self):
        self.cur_batch = 0

    def __next__(self):
        return self.next()

    @property
    def provide_data(self):
        return self._provide_data

    @property
    def provide_label(self):
        return self._provide_label

    def next(self):
        if self.cur_batch >= self.num_batches:
            raise StopIteration
        self.cur_batch += 1
        data = [mx.nd.array(g(d[1])) for d, g in zip(self._provide_data, self.data_gen)]
        label = [mx.nd.array(g(d[1], data)) for d, g in zip(self._provide_label, self.label_gen)]
        return SimpleBatch(self.data_names, data, self.label_names, label)


np.random.seed(5)
n, length = 32, 5
net = mx.sym.Variable("data")
net = mx.sym.FullyConnected(net, name="fc1", num_hidden=16)
net = mx.sym.Activation(net, name="relu1", act_type="relu")
net = mx.sym.FullyConnected(net, name="fc2", num_hidden=1)
net = mx.sym.LinearRegressionOutput(net, name="sum")

data_iter = SimpleIter(
    ["data"],
    [(n, length)],
    [lambda s: np.random.randint(0, 10, s) / 10.0],
    ["sum_label"],
    [(n, 1)],
    [lambda s, data: data[0].asnumpy().sum(axis=1).reshape(s)],
)


def far(label, pred):
    """Count how often the sum is off by more than a quarter."""
    return (np.abs(label - pred) > 0.25).sum(), label.size


seen = []
monitor = mx.mon.Monitor(
    3, stat_func=lambda x: mx.nd.max(mx.nd.abs(x)), pattern=".*weight", sort=True
)
mod = mx.mod.Module(symbol=net, label_names=["sum_label"])
np.random.seed(6)


class Mine(mx.init.Initializer):
    def _init_weight(self, name, arr):
        arr[:] = np.random.uniform(-0.4, 0.4, arr.shape)


mod.fit(
    data_iter,
    eval_metric=[mx.metric.np(far), "mse", "mae"],
    optimizer="rmsprop",
    optimizer_params={"learning_rate": 0.01},
    initializer=Mine(),
    monitor=monitor,
    num_epoch=5,
    batch_end_callback=lambda p: seen.append(
        [value for _, value in p.eval_metric.get_name_value()]
    ),
)
RESULT = {"seen": seen}
RESULT.update({name: array.asnumpy() for name, array in mod.get_params()[0].items()})
