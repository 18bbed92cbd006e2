"""Nets for sequences: unrolled cells, fused ones, attention; see nets.py."""

from nets import NETS, classified, net

WORDS, TIME, HIDDEN = 30, 5, 8


def lstm_step(mx, x, state, weights, name):
    """Return the next state (c, h) of an LSTM cell."""
    gates = mx.sym.FullyConnected(
        x, weight=weights["i2h_weight"], bias=weights["i2h_bias"], num_hidden=4 * HIDDEN,
        name=f"{name}_i2h",
    ) + mx.sym.FullyConnected(
        state[1], weight=weights["h2h_weight"], bias=weights["h2h_bias"], num_hidden=4 * HIDDEN,
        name=f"{name}_h2h",
    )  # fmt: skip
    parts = mx.sym.SliceChannel(gates, num_outputs=4, name=f"{name}_slice")
    enter, forget, output = (mx.sym.sigmoid(parts[i]) for i in (0, 1, 3))
    cell = forget * state[0] + enter * mx.sym.Activation(parts[2], act_type="tanh")
    return cell, output * mx.sym.tanh(cell)


def gru_step(mx, x, hidden, weights, name):
    """Return the next state of a GRU cell."""
    i2h = mx.sym.FullyConnected(
        x, weight=weights["i2h_weight"], bias=weights["i2h_bias"], num_hidden=3 * HIDDEN,
        name=f"{name}_i2h",
    )  # fmt: skip
    h2h = mx.sym.FullyConnected(
        hidden, weight=weights["h2h_weight"], bias=weights["h2h_bias"], num_hidden=3 * HIDDEN,
        name=f"{name}_h2h",
    )  # fmt: skip
    xs = mx.sym.SliceChannel(i2h, num_outputs=3, name=f"{name}_i2h_slice")
    hs = mx.sym.SliceChannel(h2h, num_outputs=3, name=f"{name}_h2h_slice")
    reset = mx.sym.sigmoid(xs[0] + hs[0], name=f"{name}_reset")
    update = mx.sym.sigmoid(xs[1] + hs[1], name=f"{name}_update")
    new = mx.sym.tanh(xs[2] + reset * hs[2], name=f"{name}_new")
    return (1.0 - update) * new + update * hidden


def cell_weights(mx, name):
    """Return the variables that all steps of a cell share."""
    kinds = ("i2h_weight", "i2h_bias", "h2h_weight", "h2h_bias")
    return {kind: mx.sym.Variable(f"{name}_{kind}") for kind in kinds}


def embedded(mx, name="data"):
    """Return the words of a batch as vectors, one symbol for each time."""
    x = mx.sym.Embedding(mx.sym.Variable(name), input_dim=WORDS, output_dim=6, name=f"{name}_embed")
    return mx.sym.SliceChannel(x, num_outputs=TIME, axis=1, squeeze_axis=True, name=f"{name}_steps")


@net
def unrolled_lstm(mx):
    layers = [cell_weights(mx, f"l{i}") for i in range(2)]
    states = [(mx.sym.Variable(f"l{i}_c"), mx.sym.Variable(f"l{i}_h")) for i in range(2)]
    steps, outputs = embedded(mx), []
    for t in range(TIME):
        x = steps[t]
        for i, weights in enumerate(layers):
            states[i] = lstm_step(mx, x, states[i], weights, f"l{i}_t{t}")
            x = mx.sym.Dropout(states[i][1], p=0.3)
        outputs.append(x)
    x = mx.sym.Concat(*outputs, dim=0)
    x = mx.sym.FullyConnected(x, num_hidden=WORDS, name="pred")
    label = mx.sym.Reshape(mx.sym.transpose(mx.sym.Variable("softmax_label")), shape=(-1,))
    shapes = {"data": (3, TIME), "softmax_label": (3, TIME)}
    shapes.update({f"l{i}_{s}": (3, HIDDEN) for i in range(2) for s in "ch"})
    return mx.sym.SoftmaxOutput(x, label, name="softmax"), shapes


@net
def unrolled_gru(mx):
    hidden, weights, steps = mx.sym.Variable("h0"), cell_weights(mx, "gru"), embedded(mx)
    for t in range(TIME):
        hidden = gru_step(mx, steps[t], hidden, weights, f"gru_t{t}")
    return classified(mx, hidden, 2), {"data": (3, TIME), "h0": (3, HIDDEN)}


@net
def bidirectional(mx):
    steps, ends = embedded(mx), []
    for direction, order in (("f", range(TIME)), ("b", reversed(range(TIME)))):
        weights = cell_weights(mx, direction)
        state = mx.sym.Variable(f"{direction}_c"), mx.sym.Variable(f"{direction}_h")
        for t in order:
            state = lstm_step(mx, steps[t], state, weights, f"{direction}_t{t}")
        ends.append(state[1])
    shapes = dict.fromkeys(("f_c", "f_h", "b_c", "b_h"), (3, HIDDEN))
    shapes["data"] = (3, TIME)
    return classified(mx, mx.sym.Concat(*ends), 2), shapes


@net
def fused_rnn(mx):
    x = mx.sym.Embedding(mx.sym.Variable("data"), input_dim=WORDS, output_dim=6, name="embed")
    x = mx.sym.SwapAxis(x, dim1=0, dim2=1)
    x = mx.sym.RNN(x, state_size=HIDDEN, num_layers=2, mode="lstm", name="lstm", state_outputs=True)
    pred = mx.sym.FullyConnected(
        mx.sym.Reshape(x[0], shape=(-1, HIDDEN)), num_hidden=WORDS, name="pred"
    )
    loss = mx.sym.SoftmaxOutput(
        pred, mx.sym.Reshape(mx.sym.Variable("label"), shape=(-1,)), name="sm"
    )
    return mx.sym.Group([loss, mx.sym.BlockGrad(x[1]), mx.sym.BlockGrad(x[2])]), {
        "data": (3, TIME),
        "label": (TIME, 3),
    }


@net
def fused_bidirectional_gru(mx):
    x = mx.sym.RNN(
        mx.sym.Variable("data"), state_size=HIDDEN, num_layers=1, mode="gru", bidirectional=True,
        name="gru",
    )  # fmt: skip
    x = mx.sym.SequenceMask(x, mx.sym.Variable("length"), use_sequence_length=True, value=-1e4)
    return classified(mx, mx.sym.max(x, axis=0), 3), {"data": (TIME, 3, 6), "length": (3,)}


@net
def attention(mx):
    keys = mx.sym.Embedding(
        mx.sym.Variable("source"), input_dim=WORDS, output_dim=HIDDEN, name="keys"
    )
    query = mx.sym.Embedding(
        mx.sym.Variable("query"), input_dim=WORDS, output_dim=HIDDEN, name="queries"
    )
    query = mx.sym.expand_dims(query, axis=2)
    scores = mx.sym.batch_dot(keys, query) / HIDDEN**0.5
    weights = mx.sym.softmax(mx.sym.reshape(scores, shape=(0, -1)), name="weights")
    context = mx.sym.sum(mx.sym.broadcast_mul(mx.sym.expand_dims(weights, axis=2), keys), axis=1)
    return mx.sym.Group([classified(mx, context, 4), mx.sym.BlockGrad(weights)]), {
        "source": (3, TIME),
        "query": (3,),
    }


@net
def transformer_block(mx):
    heads, width = 2, 8
    x = mx.sym.Variable("data")

    def split(y):
        y = mx.sym.Reshape(y, shape=(0, 0, -4, heads, -1))
        return mx.sym.Reshape(mx.sym.transpose(y, axes=(0, 2, 1, 3)), shape=(-3, -2))

    query, key, value = (
        split(mx.sym.FullyConnected(x, num_hidden=width, flatten=False, name=name))
        for name in ("query", "key", "value")
    )
    scores = mx.sym.batch_dot(query, key, transpose_b=True) * (width // heads) ** -0.5
    mixed = mx.sym.batch_dot(mx.sym.softmax(scores, axis=-1), value)
    mixed = mx.sym.Reshape(mixed, shape=(-4, -1, heads, 0, 0))
    mixed = mx.sym.Reshape(mx.sym.transpose(mixed, axes=(0, 2, 1, 3)), shape=(0, 0, -3))
    mixed = mx.sym.FullyConnected(mixed, num_hidden=width, flatten=False, name="out")
    x = mx.sym.LayerNorm(x + mixed, name="norm1")
    y = mx.sym.FullyConnected(x, num_hidden=16, flatten=False, name="ffn1")
    y = mx.sym.LeakyReLU(y, act_type="gelu")
    y = mx.sym.FullyConnected(y, num_hidden=width, flatten=False, name="ffn2")
    return mx.sym.LayerNorm(x + y, name="norm2"), {"data": (2, TIME, width)}


@net
def text_cnn(mx):
    x = mx.sym.Embedding(mx.sym.Variable("data"), input_dim=WORDS, output_dim=6, name="embed")
    x = mx.sym.Reshape(x, shape=(0, 1, TIME, 6))
    pooled = []
    for size in (2, 3, 4):
        y = mx.sym.Convolution(x, kernel=(size, 6), num_filter=4, name=f"conv{size}")
        y = mx.sym.Pooling(mx.sym.relu(y), kernel=(TIME - size + 1, 1), pool_type="max")
        pooled.append(y)
    x = mx.sym.Reshape(mx.sym.Concat(*pooled, dim=1), shape=(0, 12))
    return classified(mx, mx.sym.Dropout(x, p=0.5), 2), {"data": (3, TIME)}


@net
def speech_ctc(mx):
    x = mx.sym.Convolution(
        mx.sym.Variable("data"), kernel=(3,), stride=(2,), pad=(1,), num_filter=6, name="conv"
    )
    x = mx.sym.transpose(mx.sym.relu(x), axes=(2, 0, 1))
    x = mx.sym.RNN(x, state_size=HIDDEN, num_layers=1, mode="rnn_tanh", name="rnn")
    pred = mx.sym.FullyConnected(x, num_hidden=5, flatten=False, name="pred")
    loss = mx.sym.MakeLoss(mx.sym.CTCLoss(pred, mx.sym.Variable("transcript")))
    return mx.sym.Group([loss, mx.sym.BlockGrad(mx.sym.softmax(pred))]), {
        "data": (2, 4, 16),
        "transcript": (2, 3),
    }


__all__ = ["NETS"]
