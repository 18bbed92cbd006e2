"""Recurrent cells, and how they are unrolled, as MXNet 1.9.1 knows them.

`scripts/mxnet/record_rnn.py` runs them under MXNet (Python 3.8: so no newer syntax here) and
keeps
what comes out in fixtures/rnn.npz; tests/rnn/test_rnn_cells.py compares.
"""

import json

import numpy as np

BATCH, STEPS, SIZE = 2, 3, 4
PICTURE = (2, 3, 6, 5)


def _two(mx, kind="GRUCell", size=2):
    make = getattr(mx.rnn, kind)
    return mx.rnn.BidirectionalCell(make(size, prefix="l_"), make(size, prefix="r_"))


def _stack(mx, *cells):
    stack = mx.rnn.SequentialRNNCell()
    for cell in cells:
        stack.add(cell)
    return stack


def _fused(mx, mode, **kwargs):
    return mx.rnn.FusedRNNCell(3, mode=mode, **kwargs)


CELLS = {
    "rnn": lambda mx: mx.rnn.RNNCell(3),
    "rnn_relu": lambda mx: mx.rnn.RNNCell(3, activation="relu", prefix="r_"),
    "rnn_function": lambda mx: mx.rnn.RNNCell(3, activation=mx.sym.sin),
    "lstm": lambda mx: mx.rnn.LSTMCell(3),
    "lstm_bias": lambda mx: mx.rnn.LSTMCell(3, forget_bias=2.0, prefix="x_"),
    "gru": lambda mx: mx.rnn.GRUCell(3),
    "shared": lambda mx: mx.rnn.RNNCell(3, params=mx.rnn.RNNParams("other_")),
    "residual": lambda mx: mx.rnn.ResidualCell(mx.rnn.GRUCell(4, prefix="rnn_")),
    "residual_both": lambda mx: mx.rnn.ResidualCell(_two(mx)),
    "residual_fused": lambda mx: mx.rnn.ResidualCell(mx.rnn.FusedRNNCell(4, mode="gru")),
    "zoneout": lambda mx: mx.rnn.ZoneoutCell(mx.rnn.LSTMCell(3), 0.3, 0.2),
    "zoneout_states": lambda mx: mx.rnn.ZoneoutCell(mx.rnn.RNNCell(3), zoneout_states=0.5),
    "zoneout_outputs": lambda mx: mx.rnn.ZoneoutCell(mx.rnn.RNNCell(3), zoneout_outputs=0.5),
    "both": lambda mx: _two(mx, "LSTMCell", 3),
    "both_fused": lambda mx: mx.rnn.BidirectionalCell(
        _fused(mx, "gru", prefix="l_"), _fused(mx, "gru", prefix="r_"), output_prefix="two_"
    ),
    "stack": lambda mx: _stack(
        mx,
        mx.rnn.LSTMCell(4, prefix="a_"),
        mx.rnn.DropoutCell(0.5),
        mx.rnn.ResidualCell(mx.rnn.GRUCell(4, prefix="b_")),
        _two(mx),
    ),
    "stack_fused": lambda mx: _stack(
        mx, _fused(mx, "lstm", prefix="a_"), mx.rnn.DropoutCell(0.3), mx.rnn.RNNCell(2)
    ),
    "dropout": lambda mx: mx.rnn.DropoutCell(0.4),
    "no_dropout": lambda mx: mx.rnn.DropoutCell(0),
    "fused_lstm": lambda mx: _fused(mx, "lstm"),
    "fused_lstm_states": lambda mx: _fused(mx, "lstm", get_next_state=True, forget_bias=2.0),
    "fused_gru": lambda mx: _fused(
        mx, "gru", num_layers=2, bidirectional=True, dropout=0.3, get_next_state=True
    ),
    "fused_relu": lambda mx: _fused(mx, "rnn_relu", num_layers=2, prefix="f_"),
    "fused_tanh": lambda mx: _fused(mx, "rnn_tanh", bidirectional=True),
    "unfused_lstm": lambda mx: _fused(
        mx, "lstm", num_layers=3, bidirectional=True, dropout=0.5, prefix="test_"
    ).unfuse(),
    "unfused_gru": lambda mx: _fused(mx, "gru", num_layers=2, dropout=0.5).unfuse(),
    "unfused_relu": lambda mx: _fused(mx, "rnn_relu", bidirectional=True).unfuse(),
    "unfused_tanh": lambda mx: _fused(mx, "rnn_tanh").unfuse(),
    "conv_rnn": lambda mx: mx.rnn.ConvRNNCell(PICTURE, 2, activation="relu", i2h_dilate=(1, 2)),
    "conv_lstm": lambda mx: mx.rnn.ConvLSTMCell(PICTURE, 2, h2h_dilate=(2, 1), i2h_stride=(2, 2)),
    "conv_gru": lambda mx: mx.rnn.ConvGRUCell(
        PICTURE, 2, h2h_kernel=(1, 3), i2h_kernel=(2, 2), i2h_weight_initializer="one", prefix="c_"
    ),
    "conv_residual": lambda mx: mx.rnn.ResidualCell(
        mx.rnn.ConvLSTMCell(PICTURE, 3, prefix="rnn_", h2h_bias_initializer="ones")
    ),
}


def cases():
    """Return (id, name of the cell, whether to give a list, layout, merge_outputs)."""
    for name in CELLS:
        for listed in (False, True):
            for layout in ("NTC", "TNC"):
                for merge in (None, True, False):
                    if layout == "TNC" and (listed or merge is False or name.startswith("conv")):
                        continue
                    kind = "list" if listed else layout
                    yield f"{name}/{kind}/{merge}", name, listed, layout, merge


def shapes(name, listed, layout):
    """Return the shapes of the inputs."""
    one = PICTURE if name.startswith("conv") else (BATCH, SIZE)
    if listed:
        return {f"t{i}_data": one for i in range(STEPS)}
    axis = layout.find("T")
    return {"data": (*one[:axis], STEPS, *one[axis:])}


def flat(states):
    """Return a list without lists in it."""
    found = []
    for state in states:
        found += flat(state) if isinstance(state, list) else [state]
    return found


def values(names, found):
    """Return an array for each argument: the same ones for MXNet and minisym."""
    rng = np.random.RandomState(7)
    pairs = zip(names, found)  # noqa: B905
    return {n: rng.uniform(-1, 1, s).astype(np.float32) for n, s in pairs}


def unroll(mx, name, listed, layout, merge):
    """Return the cell, its outputs in one symbol, and what is to say about them."""
    cell = CELLS[name](mx)
    sizes = shapes(name, listed, layout)
    inputs = [mx.sym.Variable(n) for n in sizes]
    with mx.name.NameManager():
        outputs, states = cell.unroll(
            STEPS, inputs if listed else inputs[0], layout=layout, merge_outputs=merge
        )
    is_list = isinstance(outputs, list)
    states = flat(states)
    net = mx.sym.Group([*(outputs if is_list else [outputs]), *states])
    graph = json.loads(net.tojson())
    attributes = {n: a["__init__"] for n, a in net.attr_dict().items() if "__init__" in a}
    told = {
        "list": is_list,
        "outputs": net.list_outputs(),
        "arguments": net.list_arguments(),
        "nodes": [
            [n["op"], n["name"], n["inputs"], dict(sorted(n.get("attrs", {}).items()))]
            for n in graph["nodes"]
        ],
        "heads": graph["heads"],
        "init": attributes,
        "params": sorted(cell.params._params),
        "state_info": [[list(i["shape"]), i["__layout__"]] for i in cell.state_info],
        "states": [s.name for s in states],
        "shapes": [list(s) for s in net.infer_shape(**sizes)[1]],
    }
    return cell, net, told


PACKED = ["lstm", "gru", "rnn", "both", "fused_lstm", "fused_gru", "fused_relu", "fused_tanh",
          "unfused_gru", "unfused_lstm", "stack_fused", "conv_lstm", "residual_both"]  # fmt: skip
FUSED_INIT = {
    "lstm": ("lstm", 2, True, 5.0),
    "gru": ("gru", 2, False, 1.0),
    "rnn_relu": ("rnn_relu", 1, True, 1.0),
}
