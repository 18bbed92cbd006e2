"""Recurrent cells as symbols, with MXNet's names: `mx.rnn`.

A cell makes the graph of one step of time; `unroll` repeats it, with the same weights. Cells are
stacked (`SequentialRNNCell`), run in both directions, and changed (`ResidualCell`, `ZoneoutCell`).
`FusedRNNCell` is the op `sym.RNN`, which runs all layers and steps in one node.

>>> import minisym as ms
>>> cell = ms.rnn.LSTMCell(num_hidden=8, prefix="lstm_")
>>> outputs, states = cell.unroll(3, ms.sym.Variable("data"), merge_outputs=True)
>>> outputs.infer_shape(data=(2, 3, 5))[1]
[(2, 3, 8)]
>>> [state.name for state in states]
['lstm_t2_out', 'lstm_t2_state']
"""

from minisym.rnn.base import BaseRNNCell, RNNParams
from minisym.rnn.cells import GRUCell, LSTMCell, RNNCell
from minisym.rnn.checkpoint import (
    do_rnn_checkpoint,
    load_rnn_checkpoint,
    rnn_unroll,
    save_rnn_checkpoint,
)
from minisym.rnn.containers import BidirectionalCell, SequentialRNNCell
from minisym.rnn.conv import ConvGRUCell, ConvLSTMCell, ConvRNNCell
from minisym.rnn.fused import FusedRNNCell
from minisym.rnn.io import BucketSentenceIter, encode_sentences
from minisym.rnn.modifiers import DropoutCell, ModifierCell, ResidualCell, ZoneoutCell

__all__ = [
    "BaseRNNCell",
    "BidirectionalCell",
    "BucketSentenceIter",
    "ConvGRUCell",
    "ConvLSTMCell",
    "ConvRNNCell",
    "DropoutCell",
    "FusedRNNCell",
    "GRUCell",
    "LSTMCell",
    "ModifierCell",
    "RNNCell",
    "RNNParams",
    "ResidualCell",
    "SequentialRNNCell",
    "ZoneoutCell",
    "do_rnn_checkpoint",
    "encode_sentences",
    "load_rnn_checkpoint",
    "rnn_unroll",
    "save_rnn_checkpoint",
]
