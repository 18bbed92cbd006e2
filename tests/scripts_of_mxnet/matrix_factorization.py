"""Recommend by factors: embeddings of users and items, whose product is the rating."""

import mxnet as mx
import numpy as np

np.random.seed(9)
users, items, k = 12, 9, 3
truth = np.random.randn(users, k).dot(np.random.randn(k, items))
pairs = np.random.permutation(users * items)
user, item = pairs // items, pairs % items
score = truth[user, item]


def plain_net(factor_size, num_hidden):
    user = mx.symbol.Variable("user")
    item = mx.symbol.Variable("item")
    score = mx.symbol.Variable("score")
    user = mx.symbol.Embedding(
        data=user, input_dim=users, output_dim=factor_size, name="user_embed"
    )
    item = mx.symbol.Embedding(
        data=item, input_dim=items, output_dim=factor_size, name="item_embed"
    )
    user = mx.symbol.Activation(data=user, act_type="relu")
    user = mx.symbol.FullyConnected(data=user, num_hidden=num_hidden, name="user_fc")
    item = mx.symbol.FullyConnected(data=item, num_hidden=num_hidden, name="item_fc")
    pred = user * item
    pred = mx.symbol.sum(data=pred, axis=1)
    pred = mx.symbol.Flatten(data=pred)
    return mx.symbol.LinearRegressionOutput(data=pred, label=score)


def RMSE(label, pred):
    ret = 0.0
    n = 0.0
    pred = pred.flatten()
    for i in range(len(label)):
        ret += (label[i] - pred[i]) * (label[i] - pred[i])
        n += 1.0
    return np.sqrt(ret / n)


class Steps(mx.init.Initializer):
    def _init_weight(self, name, arr):
        arr[:] = np.random.uniform(-0.7, 0.7, arr.shape)


train = mx.io.NDArrayIter({"user": user[:96], "item": item[:96]}, {"score": score[:96]}, 24)
test = mx.io.NDArrayIter({"user": user[96:], "item": item[96:]}, {"score": score[96:]}, 12)
mod = mx.mod.Module(
    symbol=plain_net(k, 4), context=mx.cpu(), data_names=["user", "item"], label_names=["score"]
)
mod.fit(
    train,
    eval_data=test,
    eval_metric=mx.metric.CustomMetric(RMSE),
    num_epoch=12,
    initializer=Steps(),
    optimizer="adam",
    optimizer_params={"learning_rate": 0.02, "wd": 1e-4},
    batch_end_callback=mx.callback.Speedometer(24, 2),
)
RESULT = {
    "predicted": mod.predict(test).asnumpy(),
    "rmse": mod.score(test, mx.metric.CustomMetric(RMSE))[0][1],
}
RESULT.update({name: array.asnumpy() for name, array in mod.get_params()[0].items()})
