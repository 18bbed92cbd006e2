"""A language model: an LSTM on sentences of several lengths, by buckets."""

import random

import mxnet as mx
import numpy as np

random.seed(2)
np.random.seed(2)

letters = "abcdefgh"
text = []
for _ in range(60):  # sentences that count upwards, in steps of one or two
    start, step = np.random.randint(8), np.random.randint(1, 3)
    length = np.random.choice([3, 4, 6])
    text.append([letters[(start + step * i) % 8] for i in range(length)])

start_label, invalid_label = 1, 0
sentences, vocab = mx.rnn.encode_sentences(
    text, start_label=start_label, invalid_label=invalid_label
)
buckets = [4, 6]
data_train = mx.rnn.BucketSentenceIter(sentences, 4, buckets=buckets, invalid_label=invalid_label)


class Small(mx.init.Initializer):
    def _init_weight(self, desc, arr):
        arr[:] = np.random.uniform(-0.3, 0.3, arr.shape)

    def _init_default(self, desc, arr):
        arr[:] = 0


stack = mx.rnn.SequentialRNNCell()
for i in range(2):
    stack.add(mx.rnn.LSTMCell(num_hidden=10, prefix="lstm_l%d_" % i))


def sym_gen(seq_len):
    data = mx.sym.Variable("data")
    label = mx.sym.Variable("softmax_label")
    embed = mx.sym.Embedding(data=data, input_dim=len(vocab), output_dim=8, name="embed")
    stack.reset()
    outputs, states = stack.unroll(seq_len, inputs=embed, merge_outputs=True)
    pred = mx.sym.Reshape(outputs, shape=(-1, 10))
    pred = mx.sym.FullyConnected(data=pred, num_hidden=len(vocab), name="pred")
    label = mx.sym.Reshape(label, shape=(-1,))
    pred = mx.sym.SoftmaxOutput(
        data=pred, label=label, name="softmax", use_ignore=True, ignore_label=invalid_label
    )
    return pred, ("data",), ("softmax_label",)


model = mx.mod.BucketingModule(
    sym_gen=sym_gen, default_bucket_key=data_train.default_bucket_key, context=mx.cpu()
)
perplexities = []
model.fit(
    train_data=data_train,
    eval_metric=mx.metric.Perplexity(invalid_label),
    kvstore="device",
    optimizer="adam",
    optimizer_params={"learning_rate": 0.02, "wd": 0.0},
    initializer=Small(),
    num_epoch=4,
    batch_end_callback=lambda param: perplexities.append(param.eval_metric.get()[1]),
)
RESULT = {"perplexities": perplexities}
RESULT.update({name: array.asnumpy() for name, array in model.get_params()[0].items()})
