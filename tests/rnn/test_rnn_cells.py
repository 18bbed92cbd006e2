"""Recurrent cells: the graphs, names, shapes, values and packed weights of MXNet 1.9.1."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rnn_cases as cases
from places import FIXTURES

import minisym as ms
from minisym import sym

FIXTURE = FIXTURES / "rnn.npz"
RECORDED = np.load(FIXTURE, allow_pickle=False)  # by scripts/mxnet/record_rnn.py
VALUES = RECORDED["values"]
TOLD = json.loads(RECORDED["told"].tobytes())
CASES = list(cases.cases())
each_case = pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])


def filled(net: ms.Symbol, sizes: Any) -> dict[str, Any]:
    return cases.values(net.list_arguments(), net.infer_shape(**sizes)[0])


@each_case
def test_graph(case: Any):
    """Every node, its name, inputs and attributes; what the cell says of itself; all shapes."""
    key, *how = case
    _, _, told = cases.unroll(ms, *how)
    want = TOLD[key]
    told["graph"] = hashlib.sha256(json.dumps(told.pop("nodes")).encode()).hexdigest()
    assert told == {name: want[name] for name in told}


@each_case
def test_values(case: Any):
    key, *how = case
    _, net, _ = cases.unroll(ms, *how)
    outputs = net.eval(**filled(net, cases.shapes(*how[:3])))
    got = np.concatenate([output.ravel() for output in outputs])
    want = VALUES[slice(*TOLD[key]["values"])]
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("name", cases.PACKED)
def test_packing(name: str):
    cell, net, _ = cases.unroll(ms, name, False, "NTC", True)
    args = filled(net, cases.shapes(name, False, "NTC"))
    kept = {n: a.copy() for n, a in args.items()}
    parts = cell.unpack_weights(args)
    assert {n: list(a.shape) for n, a in parts.items()} == TOLD[f"{name}/NTC/True"]["unpacked"]
    got = np.concatenate([a.ravel() for _, a in sorted(parts.items())])
    np.testing.assert_array_equal(got, RECORDED[f"unpacked/{name}"])
    back = cell.pack_weights(parts)
    assert back.keys() == args.keys()
    for n in args:
        np.testing.assert_array_equal(back[n], kept[n])


@pytest.mark.parametrize("key", cases.FUSED_INIT)
def test_fused_initializer(key: str):
    mode, layers, both, bias = cases.FUSED_INIT[key]
    initializer = ms.init.FusedRNN(None, 2, layers, mode, both, bias)
    assert initializer.dumps() == TOLD[f"fused/{key}"]
    want = RECORDED[f"fused/{key}"]
    vector = np.full_like(want, 7)
    name = ms.init.InitDesc("x_parameters", {"__init__": initializer.dumps()})
    ms.init.One()(name, vector)
    np.testing.assert_array_equal(vector, want)


@pytest.mark.parametrize("mode", ["lstm", "gru", "rnn_tanh", "rnn_relu"])
@pytest.mark.parametrize("both", [False, True])
def test_unfused_cells_compute_the_same(mode: str, both: bool):
    fused = ms.rnn.FusedRNNCell(3, 2, mode, bidirectional=both)
    stack = fused.unfuse()
    one, _ = fused.unroll(4, sym.Variable("data"), merge_outputs=True)
    many, _ = stack.unroll(4, sym.Variable("data"), merge_outputs=True)
    args = filled(one, {"data": (2, 4, 5)})
    packed = stack.pack_weights(fused.unpack_weights(args))
    assert set(packed) == set(many.list_arguments())
    np.testing.assert_allclose(one.eval(**args)[0], many.eval(**packed)[0], rtol=1e-5, atol=1e-6)


def test_forget_bias_begins_there():
    stack = ms.rnn.SequentialRNNCell()
    for i in range(2):
        stack.add(ms.rnn.LSTMCell(3, forget_bias=2.0, prefix=f"l{i}_"))
    net, _ = stack.unroll(1, sym.Variable("data"), merge_outputs=True)
    executor = net.simple_bind(data=(2, 1, 5))
    ms.init.initialize(executor)
    for i in range(2):
        bias = executor.arg_dict[f"l{i}_i2h_bias"]
        assert bias.tolist() == [0] * 3 + [2] * 3 + [0] * 6


def test_states_as_inputs():
    cell = ms.rnn.LSTMCell(3)
    states = cell.begin_state(func=sym.Variable)
    output, after = cell(sym.Variable("x"), states)
    net = sym.Group([output, *after])
    names = {"lstm_begin_state_0", "lstm_begin_state_1"}
    assert names < set(net.list_arguments())
    assert net.infer_shape(x=(2, 5))[1] == [(2, 3)] * 3


def test_begin_state_of_a_modified_cell():
    inner = ms.rnn.RNNCell(3)
    cell = ms.rnn.ResidualCell(inner)
    (state,) = cell.begin_state(func=sym.ones, dtype="float64")
    assert state.name == "rnn_begin_state_0"
    assert state.list_attr()["dtype"] == "float64"
    with pytest.raises(ms.ComposeError, match="belongs to a modifier"):
        inner.begin_state()


def test_shared_weights_are_the_same_variables():
    first = ms.rnn.RNNCell(3, prefix="a_")
    second = ms.rnn.RNNCell(3, prefix="b_", params=first.params)
    assert first.params is second.params
    net, _ = second.unroll(1, [first(sym.Variable("x"), first.begin_state())[0]])
    assert [n for n in net[0].list_arguments() if n.startswith("b_")] == []


def test_zoneout_while_training_keeps_elements():
    """Output by output: an element is new, or what it was one step before."""
    cell = ms.rnn.ZoneoutCell(ms.rnn.RNNCell(50), zoneout_outputs=0.5)
    outputs, _ = cell.unroll(2, sym.Variable("data"), merge_outputs=True)
    plain, _ = ms.rnn.RNNCell(50).unroll(2, sym.Variable("data"), merge_outputs=True)
    args = filled(outputs, {"data": (4, 2, 3)})
    ms.random.seed(1)
    got = outputs.bind(args=args).forward(is_train=True)[0].asnumpy()
    want = plain.eval(**args)[0].asnumpy()
    first, second = got[:, 0], got[:, 1]
    assert 0.3 < (first == 0).mean() < 0.7
    new = np.isclose(second, want[:, 1])
    assert ((second == first) | new).all()
    assert 0.3 < new.mean() < 0.7


def test_zoneout_of_pictures():
    """MXNet cannot: its first output has two axes whatever the cell's has."""
    cell = ms.rnn.ZoneoutCell(ms.rnn.ConvRNNCell((1, 3, 6, 5), 2), zoneout_outputs=0.5)
    outputs, _ = cell.unroll(2, [sym.Variable("a"), sym.Variable("b")])
    shapes = sym.Group(outputs).infer_shape(a=(4, 3, 6, 5), b=(4, 3, 6, 5))[1]
    assert shapes == [(4, 2, 6, 5)] * 2


def test_gradients_flow_through_time():
    cell = ms.rnn.GRUCell(3)
    begin = cell.begin_state(dtype="float64")
    net, _ = cell.unroll(3, sym.Variable("data"), begin, merge_outputs=True)
    args = {n: a.astype("float64") for n, a in filled(net, {"data": (2, 3, 4)}).items()}
    ms.testing.check_numeric_gradient(net, args)


def test_checkpoints(tmp_path: Path):
    cell = ms.rnn.FusedRNNCell(3, 2, "gru")
    net, _ = cell.unroll(2, sym.Variable("data"))
    args = filled(net, {"data": (1, 2, 4)})
    args.pop("data")
    prefix = str(tmp_path / "net")
    save = ms.rnn.do_rnn_checkpoint(cell, prefix, period=2)
    for epoch in range(4):
        save(epoch, net, args, {})
    assert sorted(p.name for p in tmp_path.glob("*.params")) == [
        "net-0002.params", "net-0004.params",
    ]  # fmt: skip
    assert "gru_l1_h2h_z_bias" in ms.model.load_params(prefix, 4)[0]
    symbol, got, states = ms.rnn.load_rnn_checkpoint([cell], prefix, 4)
    assert symbol.tojson() == net.tojson()
    assert not states
    np.testing.assert_array_equal(got["gru_parameters"], args["gru_parameters"])


def test_rnn_unroll():
    with pytest.warns(DeprecationWarning, match=r"cell\.unroll"):
        outputs, _ = ms.rnn.rnn_unroll(ms.rnn.RNNCell(3), 2, input_prefix="rnn_")
    assert {"rnn_t0_data", "rnn_t1_data"} < set(sym.Group(outputs).list_arguments())


X = sym.Variable("x")
BOTH = ms.rnn.BidirectionalCell(ms.rnn.RNNCell(3), ms.rnn.RNNCell(3))


def stacked(cell: Any) -> Any:
    stack = ms.rnn.SequentialRNNCell()
    stack.add(cell)
    return stack


@pytest.mark.parametrize(
    ("error", "match", "act"),
    [
        (ms.ComposeError, "needs inputs", lambda: ms.rnn.RNNCell(3).unroll(2, None)),
        (ms.ComposeError, "there are 1", lambda: ms.rnn.RNNCell(3).unroll(2, [X])),
        (ms.ComposeError, "group", lambda: ms.rnn.RNNCell(3).unroll(2, sym.Group([X, X]))),
        (ms.ParamError, "no axis T", lambda: ms.rnn.RNNCell(3).unroll(2, X, layout="NC")),
        (ms.ParamError, "layout", lambda: ms.rnn.FusedRNNCell(3).unroll(2, X, layout="NCT")),
        (ms.ComposeError, "one step", lambda: ms.rnn.FusedRNNCell(3)(X, [])),
        (ms.ComposeError, "one step", lambda: BOTH(X, [])),
        (ms.ComposeError, "one step", lambda: ms.rnn.ZoneoutCell(ms.rnn.FusedRNNCell(3))),
        (ms.ComposeError, "one step", lambda: ms.rnn.ZoneoutCell(stacked(BOTH))),
        (ms.ComposeError, "one step", lambda: ms.rnn.ZoneoutCell(ms.rnn.ResidualCell(BOTH))),
        (ms.ParamError, "odd", lambda: ms.rnn.ConvRNNCell((1, 3, 8, 8), 2, h2h_kernel=(2, 2))),
        (ms.ParamError, "a number", lambda: ms.rnn.DropoutCell("much")),
        (ms.ParamError, "'ltsm'", lambda: ms.rnn.FusedRNNCell(3, mode="ltsm")),
        (ms.ParamError, "does not hold", lambda: ms.rnn.FusedRNNCell(3).unpack_weights(
            {"lstm_parameters": np.zeros(7)})),
        (ms.ParamError, "'lstm_i2h_weight'", lambda: ms.rnn.LSTMCell(3).unpack_weights({})),
        (ms.ParamError, "'gru_i2h_r_weight'", lambda: ms.rnn.GRUCell(3).pack_weights({})),
        (ms.ParamError, "'lstm_l0_i2h_i_weight'", lambda: ms.rnn.FusedRNNCell(3).pack_weights({})),
        (ms.ComposeError, "made of cells, but got 5", lambda: stacked(5)),
        (ms.ComposeError, "made of cells", lambda: ms.rnn.ZoneoutCell(X, 0.1)),
        (ms.ComposeError, "made of cells", lambda: ms.rnn.ResidualCell(None)),
        (ms.ParamError, "nothing says", lambda: ms.init.FusedRNN(None, 1, 1, "gru").fill(
            "x", np.zeros(12))),
        (ms.ComposeError, "has params", lambda: ms.rnn.SequentialRNNCell(
            ms.rnn.RNNParams("a_")).add(ms.rnn.RNNCell(3))),
    ],
)  # fmt: skip
def test_refusals(error: Any, match: str, act: Any):
    with pytest.raises(error, match=match):
        act()
