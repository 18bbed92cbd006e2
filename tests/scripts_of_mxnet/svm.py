"""Classify by support vectors: SVMOutput, an L1 and an L2 margin, and the old FeedForward."""

import warnings

import mxnet as mx
import numpy as np

warnings.simplefilter("ignore")
np.random.seed(7)
x = np.random.randn(120, 5).astype(np.float32)
y = (x[:, 0] + x[:, 1] ** 2 > 0.5) * 1 + (x[:, 2] > 0.8) * 1
val = mx.io.NDArrayIter(x[90:], y[90:], 30, label_name="svm_label")


class Even(mx.init.Initializer):
    def _init_weight(self, name, arr):
        arr[:] = np.linspace(-0.5, 0.5, arr.size).reshape(arr.shape)


RESULT = {}
for use_linear in (True, False):
    data = mx.symbol.Variable("data")
    fc1 = mx.symbol.FullyConnected(data=data, name="fc1", num_hidden=10)
    act1 = mx.symbol.Activation(data=fc1, name="relu1", act_type="relu")
    fc2 = mx.symbol.FullyConnected(data=act1, name="fc2", num_hidden=3)
    svm = mx.symbol.SVMOutput(data=fc2, name="svm", use_linear=use_linear, margin=0.8)
    train = mx.io.NDArrayIter(x[:90], y[:90], 30, label_name="svm_label")
    model = mx.model.FeedForward(
        symbol=svm,
        ctx=mx.cpu(),
        num_epoch=6,
        learning_rate=0.1,
        momentum=0.9,
        wd=0.0001,
        initializer=Even(),
    )
    model.fit(X=train, eval_data=val, batch_end_callback=mx.callback.Speedometer(30, 2))
    val.reset()
    RESULT["accuracy/%d" % use_linear] = model.score(val)
    val.reset()
    RESULT["predicted/%d" % use_linear] = model.predict(val)
    RESULT.update({"%s/%d" % (k, use_linear): v.asnumpy() for k, v in model.arg_params.items()})
