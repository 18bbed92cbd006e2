"""Classify small pictures with a LeNet and Module.fit."""

import logging
import os
import tempfile

import mxnet as mx
import numpy as np

logging.basicConfig(level=logging.INFO)
np.random.seed(0)


class Scaled(mx.init.Initializer):
    """Weights that do not depend on whose random numbers they are."""

    def _init_weight(self, name, arr):
        arr[:] = np.random.uniform(-1, 1, arr.shape) / np.sqrt(np.prod(arr.shape[1:]))


def get_symbol(num_classes):
    data = mx.sym.Variable("data")
    conv1 = mx.sym.Convolution(data=data, kernel=(3, 3), num_filter=6)
    tanh1 = mx.sym.Activation(data=conv1, act_type="tanh")
    pool1 = mx.sym.Pooling(data=tanh1, pool_type="max", kernel=(2, 2), stride=(2, 2))
    conv2 = mx.sym.Convolution(data=pool1, kernel=(3, 3), num_filter=8)
    bn2 = mx.sym.BatchNorm(data=conv2, fix_gamma=False, eps=2e-5)
    relu2 = mx.sym.Activation(data=bn2, act_type="relu")
    flatten = mx.sym.Flatten(data=relu2)
    fc1 = mx.symbol.FullyConnected(data=flatten, num_hidden=16)
    tanh3 = mx.sym.Activation(data=fc1, act_type="tanh")
    fc2 = mx.sym.FullyConnected(data=tanh3, num_hidden=num_classes)
    return mx.sym.SoftmaxOutput(data=fc2, name="softmax")


# pictures of bars: the class says where the bar stands, and whether it lies
images = 0.3 * np.random.randn(240, 1, 10, 10)
labels = np.random.randint(0, 4, 240)
for image, label in zip(images, labels):
    place = 2 if label < 2 else 6
    if label % 2:
        image[0, place : place + 2] += 1
    else:
        image[0, :, place : place + 2] += 1

batch_size = 20
train = mx.io.NDArrayIter(images[:180], labels[:180], batch_size, shuffle=False)
val = mx.io.NDArrayIter(images[180:], labels[180:], batch_size)

prefix = os.path.join(tempfile.mkdtemp(), "lenet")
devs = mx.cpu() if not mx.test_utils.list_gpus() else mx.gpu(0)
model = mx.mod.Module(context=devs, symbol=get_symbol(4))
steps = [len(images) // batch_size * epoch for epoch in (1, 2)]
model.fit(
    train,
    eval_data=val,
    eval_metric=["accuracy", mx.metric.create("ce"), mx.metric.TopKAccuracy(top_k=2)],
    kvstore=mx.kvstore.create("local"),
    optimizer="sgd",
    optimizer_params={
        "learning_rate": 0.1,
        "momentum": 0.9,
        "wd": 1e-4,
        "lr_scheduler": mx.lr_scheduler.MultiFactorScheduler(step=steps, factor=0.5),
    },
    initializer=Scaled(),
    num_epoch=4,
    batch_end_callback=mx.callback.Speedometer(batch_size, 4),
    epoch_end_callback=mx.callback.do_checkpoint(prefix),
    allow_missing=True,
)

sym, arg_params, aux_params = mx.model.load_checkpoint(prefix, 4)
test = mx.mod.Module(symbol=sym, context=devs, label_names=None)
test.bind(for_training=False, data_shapes=[("data", (1, 1, 10, 10))])
test.set_params(arg_params, aux_params, allow_missing=True)
probabilities = []
for image in images[180:190]:
    test.forward(mx.io.DataBatch([mx.nd.array(image[np.newaxis])]))
    probabilities.append(test.get_outputs()[0].asnumpy()[0])

RESULT = {
    "score": [value for _, value in model.score(val, ["acc", "ce"])],
    "probabilities": probabilities,
}
RESULT.update(
    {name: array.asnumpy() for part in model.get_params() for name, array in part.items()}
)
