"""Two questions of one picture: a net with two outputs, an iterator with two labels, a metric."""

import mxnet as mx
import numpy as np

np.random.seed(4)


def build_network():
    data = mx.symbol.Variable("data")
    fc1 = mx.symbol.FullyConnected(data=data, name="fc1", num_hidden=16)
    act1 = mx.symbol.Activation(data=fc1, name="relu1", act_type="relu")
    fc2 = mx.symbol.FullyConnected(data=act1, name="fc2", num_hidden=5)
    fc3 = mx.symbol.FullyConnected(data=act1, name="fc3", num_hidden=2)
    sm1 = mx.symbol.SoftmaxOutput(data=fc2, name="softmax1")
    sm2 = mx.symbol.SoftmaxOutput(data=fc3, name="softmax2")
    return mx.symbol.Group([sm1, sm2])


class MultiIter(mx.io.DataIter):
    """The labels of the inner iterator, and whether they are even."""

    def __init__(self, data_iter):
        super(MultiIter, self).__init__()
        self.data_iter = data_iter
        self.batch_size = self.data_iter.batch_size

    @property
    def provide_data(self):
        return self.data_iter.provide_data

    @property
    def provide_label(self):
        provide_label = self.data_iter.provide_label[0]
        return [("softmax1_label", provide_label[1]), ("softmax2_label", provide_label[1])]

    def hard_reset(self):
        self.data_iter.hard_reset()

    def reset(self):
        self.data_iter.reset()

    def next(self):
        batch = self.data_iter.next()
        label = batch.label[0]
        even = mx.nd.array(label.asnumpy().astype("int") % 2)
        return mx.io.DataBatch(
            data=batch.data, label=[label, even], pad=batch.pad, index=batch.index
        )


class MultiAccuracy(mx.metric.EvalMetric):
    """Accuracy of each output."""

    def __init__(self, num=None):
        self.num = num
        super(MultiAccuracy, self).__init__("multi-accuracy")

    def reset(self):
        self.num_inst = 0 if self.num is None else [0] * self.num
        self.sum_metric = 0.0 if self.num is None else [0.0] * self.num

    def reset_local(self):
        self.reset()

    def update(self, labels, preds):
        mx.metric.check_label_shapes(labels, preds)
        for i in range(len(labels)):
            pred_label = mx.nd.argmax(preds[i], axis=1).asnumpy().astype("int32")
            label = labels[i].asnumpy().astype("int32")
            mx.metric.check_label_shapes(label, pred_label)
            self.sum_metric[i] += (pred_label.flat == label.flat).sum()
            self.num_inst[i] += len(pred_label.flat)

    def get(self):
        return zip(
            *(("task%d" % i, self.sum_metric[i] / float(self.num_inst[i])) for i in range(self.num))
        )

    def get_name_value(self):
        return [("task%d" % i, self.sum_metric[i] / self.num_inst[i]) for i in range(self.num)]


class Simple(mx.init.Initializer):
    def _init_weight(self, name, arr):
        arr[:] = 0.3 * np.random.randn(*arr.shape)


x = np.random.randn(80, 8)
labels = np.argmax(x[:, :5], axis=1)
train = MultiIter(mx.io.NDArrayIter(x[:64], labels[:64], 16))
val = MultiIter(mx.io.NDArrayIter(x[64:], labels[64:], 16))
told = []
model = mx.mod.Module(
    context=mx.cpu(), symbol=build_network(), label_names=("softmax1_label", "softmax2_label")
)
model.fit(
    train_data=train,
    eval_data=val,
    eval_metric=MultiAccuracy(num=2),
    num_epoch=6,
    initializer=Simple(),
    optimizer_params=(("learning_rate", 0.2), ("momentum", 0.9), ("wd", 0.0001)),
    batch_end_callback=[
        mx.callback.Speedometer(16, 2),
        lambda p: told.append(
            [v for _, v in p.eval_metric.get_name_value()] if p.nbatch == 1 else [0, 0]
        ),
    ],
)
RESULT = {"told": told, "scores": [v for _, v in model.score(val, MultiAccuracy(num=2))]}
RESULT["outputs"] = np.concatenate([out.asnumpy() for out in model.predict(val)], axis=1)
RESULT.update({name: array.asnumpy() for name, array in model.get_params()[0].items()})
