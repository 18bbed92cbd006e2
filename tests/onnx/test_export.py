"""Export itself: names, the batch, what is constant, what cannot be said, and the file."""

import re

import numpy as np
import pytest
from onnx_running import run_there

import minisym as ms
from minisym import sym
from minisym.onnx import proto

onnx = pytest.importorskip("onnx")


def arrays_of(symbol: ms.Symbol, rng: np.random.Generator, **shapes: tuple[int, ...]):
    """Return random parameters of a symbol, float32, states positive."""
    args, _, auxs = symbol.infer_shape(**shapes)
    found = {
        name: rng.standard_normal(shape).astype(np.float32)
        for name, shape in zip(symbol.list_arguments(), args, strict=True)
        if name not in shapes and not name.endswith("label")
    }
    names = symbol.list_auxiliary_states()
    return found | {
        n: rng.random(s).astype(np.float32) + 0.5 for n, s in zip(names, auxs, strict=True)
    }


def small_net() -> ms.Symbol:
    net = sym.Convolution(
        sym.Variable("data"), kernel=(3, 3), num_filter=4, pad=(1, 1), name="conv"
    )
    net = sym.BatchNorm(net, name="norm")
    net = sym.Activation(net, act_type="relu", name="relu")
    net = sym.Pooling(net, kernel=(3, 3), stride=(2, 2), pooling_convention="full", name="pool")
    net = sym.FullyConnected(sym.Flatten(net, name="flat"), num_hidden=5, name="fc")
    return sym.SoftmaxOutput(net, name="softmax")


def here(symbol: ms.Symbol, arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
    states = symbol.list_auxiliary_states()
    executor = symbol.bind(
        args={n: arrays[n] for n in symbol.list_arguments()},
        aux_states={n: arrays[n] for n in states},
        grad_req="null",
    )
    return executor.forward(is_train=False)


def test_a_net_keeps_its_names_and_its_numbers(rng, tmp_path):
    net = small_net()
    params = arrays_of(net, rng, data=(1, 3, 8, 8))
    path = ms.onnx.export(net, tmp_path / "net.onnx", params, {"data": (1, 3, 8, 8)})
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    graph = model.graph
    assert [i.name for i in graph.input] == ["data"]
    assert [o.name for o in graph.output] == ["softmax_output"]
    assert {t.name for t in graph.initializer} > set(params) - {"norm_gamma"}
    assert [n.name for n in graph.node] == ["conv", "norm", "relu", "pool", "flat", "fc", "softmax"]
    assert graph.node[0].output[0] == "conv_output"
    data = rng.random((3, 3, 8, 8), np.float32)
    wanted = here(net, {**params, "data": data, "softmax_label": np.zeros(3, np.float32)})
    np.testing.assert_allclose(run_there(path, {"data": data})[0], wanted[0], atol=1e-6)
    dims = graph.input[0].type.tensor_type.shape.dim
    assert [d.dim_param or d.dim_value for d in dims] == ["batch", 3, 8, 8]


def test_what_has_a_shape_is_an_input_though_an_array_is_there(rng):
    net = small_net()
    executor = net.simple_bind(data=(2, 3, 8, 8))
    given = {**executor.arg_dict, **executor.aux_dict}
    model = ms.onnx.convert(net, given, {"data": (2, 3, 8, 8)})
    assert [i.name for i in model.graph.input] == ["data"]


def test_a_model_and_a_module_bring_their_parameters(rng):
    net = small_net()
    params = arrays_of(net, rng, data=(2, 3, 8, 8))
    states = set(net.list_auxiliary_states())
    parts = [{n: a for n, a in params.items() if (n in states) is own} for own in (False, True)]
    shapes = {"data": (2, 3, 8, 8)}
    module = ms.mod.Module(net)
    module.bind([("data", (2, 3, 8, 8))], [("softmax_label", (2,))], for_training=False)
    module.set_params(*parts)
    expected = ms.onnx.convert(net, tuple(parts), shapes).SerializeToString()
    assert ms.onnx.convert(ms.Model(net, *parts), shapes=shapes).SerializeToString() == expected
    assert ms.onnx.convert(module, shapes=shapes).SerializeToString() == expected


def test_one_report_lists_all_that_cannot_be_said(tmp_path):
    x = sym.Variable("x")
    left = sym.random.normal(0, 1, shape=(2, 3), name="noise")
    right = sym.Dropout(x, mode="always", name="drop")
    net = sym.elemwise_add(left, right, name="sum")
    path = tmp_path / "net.onnx"
    path.write_bytes(b"as it was")
    with pytest.raises(ms.ExportError) as caught:
        ms.onnx.export(net, path, {}, {"x": (2, 3)}, dynamic_batch=False)
    error = caught.value
    assert [(name, op) for name, op, _ in error.problems] == [
        ("noise", "_random_normal"),
        ("drop", "Dropout"),
    ]
    text = str(error)
    assert "2 of 3 nodes have no ONNX form; nothing was written" in text
    assert re.search(r"drop +Dropout +test_export\.py:\d+ +<- with mode='always'", text)
    assert path.read_bytes() == b"as it was"
    assert [p.name for p in tmp_path.iterdir()] == ["net.onnx"]


def test_what_is_missing_is_said():
    net = small_net()
    with pytest.raises(
        ms.BindError, match=r"conv_weight, .* 5 more have neither a value nor a shape"
    ):
        ms.onnx.convert(net, {}, {"data": (1, 3, 8, 8)})
    with pytest.raises(ms.BindError, match="shapes names 'daat'") as caught:
        ms.onnx.convert(net, {}, {"daat": (1, 3, 8, 8)})
    assert "did you mean 'data'" in str(caught.value)
    with pytest.raises(ms.ComposeError, match="takes a Symbol"):
        ms.onnx.convert("net.json")
    with pytest.raises(ms.ParamError, match="opset must lie in"):
        ms.onnx.convert(net, opset=12)


def test_what_has_no_form_is_told_before_what_it_lacks():
    net = sym.CTCLoss(sym.Variable("data"), sym.Variable("label"), name="ctc")
    with pytest.raises(ms.ExportError, match="1 of 1 node has no ONNX form"):
        ms.onnx.convert(net, {}, {"data": (5, 1, 4)})


def test_what_depends_on_parameters_only_is_computed_now(rng):
    w = sym.Variable("w")
    net = sym.dot(sym.Variable("x"), sym.exp(w * 2, name="e"), name="y")
    weight = rng.random((3, 2), np.float32)
    model = ms.onnx.convert(net, {"arg:w": weight}, {"x": (1, 3)})
    assert [n.op_type for n in model.graph.node] == ["MatMul"]
    assert [t.name for t in model.graph.initializer] == ["e_output"]
    x = rng.random((4, 3), np.float32)
    np.testing.assert_allclose(run_there(model, {"x": x})[0], x @ np.exp(2 * weight), rtol=1e-5)


def test_no_batch_is_built_in(rng):
    x = sym.Variable("x")
    split = sym.Reshape(x, shape=(0, -4, 2, -1), name="split")
    net = sym.Reshape(sym.transpose(split, axes=(1, 0, 2)), shape=(-3, 0), name="joined")
    ones = sym.broadcast_add(net, sym.ones_like(net) * 2)
    model = ms.onnx.convert(ones, {}, {"x": (1, 6)})
    for batch in (1, 5):
        data = rng.random((batch, 6), np.float32)
        np.testing.assert_allclose(run_there(model, {"x": data})[0], here(ones, {"x": data})[0])


def test_the_batch_may_be_left_open(rng):
    x = sym.Variable("x")
    model = ms.onnx.convert(sym.tanh(x), {}, {"x": (None, 3)})
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    with pytest.raises(ms.BindError, match=r"the shape of x is \(\?, \?\), which leaves"):
        ms.onnx.convert(sym.tanh(x), {}, {"x": (None, None)})
    with pytest.raises(ms.BindError, match="leaves sizes open"):
        ms.onnx.convert(sym.tanh(x), {}, {"x": (None, 3)}, dynamic_batch=False)


def test_a_reshape_to_the_batch_itself_is_freed(rng):
    net = sym.Reshape(sym.Variable("x"), shape=(4, 3, 2), name="three_by_two")
    model = ms.onnx.convert(net, {}, {"x": (4, 6)})
    data = rng.random((7, 6), np.float32)
    np.testing.assert_array_equal(run_there(model, {"x": data})[0], data.reshape(7, 3, 2))


def test_a_batch_that_is_built_in_is_said():
    net = sym.broadcast_add(sym.Variable("x"), sym.ones((4, 1)), name="plus")
    with pytest.raises(ms.ExportError, match=r"the size batch is built in.* vary from 4: .*plus"):
        ms.onnx.convert(net, {}, {"x": (4, 3)})
    ms.onnx.convert(net, {}, {"x": (4, 3)}, dynamic_batch=False)


def test_the_batch_may_be_another_axis(rng):
    net = sym.SwapAxis(sym.Variable("x"), dim1=0, dim2=1)
    model = ms.onnx.convert(net, {}, {"x": (5, 2, 3)}, dynamic_batch={"x": 1})
    data = rng.random((5, 4, 3), np.float32)
    assert run_there(model, {"x": data})[0].shape == (4, 5, 3)
    with pytest.raises(ms.ParamError, match="dynamic_batch names 'y'"):
        ms.onnx.convert(net, {}, {"x": (5, 2, 3)}, dynamic_batch={"y": 1})


def test_outputs_that_are_inputs_or_the_same_have_nodes(rng):
    x = sym.Variable("x")
    net = sym.Group([x, sym.identity(x, name="same"), sym.tanh(x, name="t")])
    model = ms.onnx.convert(net, {}, {"x": (2, 3)})
    assert len({o.name for o in model.graph.output}) == 3
    data = rng.random((2, 3), np.float32)
    found = run_there(model, {"x": data})
    for array, wanted in zip(found, (data, data, np.tanh(data)), strict=True):
        np.testing.assert_allclose(array, wanted, rtol=1e-6)


def test_half_precision(rng):
    net = small_net()
    params = arrays_of(net, rng, data=(1, 3, 8, 8))
    half = {n: a if n.startswith("norm") else a.astype(np.float16) for n, a in params.items()}
    model = ms.onnx.convert(net, half, {"data": (1, 3, 8, 8)})
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT16
    data = rng.random((2, 3, 8, 8)).astype(np.float16)
    label = np.zeros(2, np.float16)
    wanted = here(net, {**half, "data": data, "softmax_label": label})
    np.testing.assert_allclose(run_there(model, {"data": data})[0], wanted[0], atol=5e-3)


def test_large_constants_lie_beside_the_file(rng, tmp_path, monkeypatch):
    monkeypatch.setattr(proto, "LIMIT", 1000)
    net = small_net()
    params = arrays_of(net, rng, data=(1, 3, 32, 32))
    path = ms.onnx.export(net, tmp_path / "net.onnx", params, {"data": (1, 3, 32, 32)})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.onnx", "net.onnx.data"]
    onnx.checker.check_model(str(path), full_check=True)
    data = rng.random((2, 3, 32, 32), np.float32)
    wanted = here(net, {**params, "data": data, "softmax_label": np.zeros(2, np.float32)})
    np.testing.assert_allclose(run_there(path, {"data": data})[0], wanted[0], atol=1e-5)


@pytest.mark.parametrize("opset", [17, 18, 21])
def test_versions(opset, rng):
    x = sym.Variable("x")
    net = sym.Group([sym.sum(x, axis=1), sym.max(x, axis=1), sym.mean(x, axis=0), sym.norm(x)])
    model = ms.onnx.convert(net, {}, {"x": (2, 3)}, opset=opset, dynamic_batch=False)
    assert model.opset_import[0].version == opset
    data = rng.random((2, 3), np.float32)
    for found, wanted in zip(run_there(model, {"x": data}), here(net, {"x": data}), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
