"""Read tables, train in two phases by hand (forward, backward, update), and keep a store of weights."""

import os
import tempfile

import mxnet as mx
import numpy as np

rng = np.random.RandomState(11)
folder = tempfile.mkdtemp()
table = rng.randn(50, 4)
np.savetxt(os.path.join(folder, "x.csv"), table, delimiter=",")
np.savetxt(os.path.join(folder, "y.csv"), table.dot([1.0, -2.0, 0.5, 0.0]) + 0.3, delimiter=",")
batches = mx.io.CSVIter(
    data_csv=os.path.join(folder, "x.csv"),
    data_shape=(4,),
    label_csv=os.path.join(folder, "y.csv"),
    label_shape=(1,),
    batch_size=8,
    label_name="lin_reg_label",
)
batches = mx.io.ResizeIter(mx.io.PrefetchingIter(batches), 7)
X = mx.sym.Variable("data")
Y = mx.symbol.Variable("lin_reg_label")
lro = mx.sym.LinearRegressionOutput(
    data=mx.sym.FullyConnected(data=X, name="fc1", num_hidden=1), label=Y, name="lro"
)
model = mx.mod.Module(symbol=lro, data_names=["data"], label_names=["lin_reg_label"])
model.bind(batches.provide_data, batches.provide_label)
model.init_params(mx.init.One())
store = mx.kv.create("local")
store.init("fc1_weight", model.get_params()[0]["fc1_weight"])
metric, errors = mx.metric.create("rmse"), []
for rate in (0.1, 0.01):
    model.init_optimizer(
        kvstore=None,
        optimizer="nag",
        optimizer_params={"learning_rate": rate, "momentum": 0.5},
        force_init=True,
    )
    for epoch in range(3):
        batches.reset()
        metric.reset()
        for batch in batches:
            model.forward(batch, is_train=True)
            model.update_metric(metric, batch.label)
            model.backward()
            model.update()
        errors.append(metric.get()[1])
    store.push("fc1_weight", [model.get_params()[0]["fc1_weight"]] * 2)
kept = mx.nd.zeros((1, 4))
store.pull("fc1_weight", out=kept)
RESULT = {"errors": errors, "kept": kept.asnumpy()}
RESULT.update({name: array.asnumpy() for name, array in model.get_params()[0].items()})
