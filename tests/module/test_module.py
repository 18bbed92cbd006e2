"""Modules: MXNet 1.9.1's weights and log lines, calls in a wrong order, sharing, checkpoints."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import module_cases as cases
import numpy as np
import pytest
from places import FIXTURES

import minisym as ms

RECORDED = np.load(FIXTURES / "module.npz")  # by scripts/mxnet/record_module.py
DIGITS = dict(np.load(FIXTURES / "digits.npz"))
TOLERANCE = {"sgd": 1e-5, "adam": 1e-4}


@pytest.mark.parametrize("optimizer", cases.OPTIMIZERS)
@pytest.mark.parametrize("net", cases.NETS)
def test_fit_ends_with_mxnets_weights(net: str, optimizer: str):
    found = cases.run(ms, DIGITS, net, optimizer)
    prefix = f"{net}/{optimizer}/"
    wanted = {k.removeprefix(prefix): RECORDED[k] for k in RECORDED if k.startswith(prefix)}
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        if name == "lines":
            assert [line.split("=")[0] for line in found[name]] == [
                line.split("=")[0] for line in array
            ]
        else:
            np.testing.assert_allclose(found[name], array, rtol=0, atol=TOLERANCE[optimizer])


def net(hidden: int = 3) -> ms.Symbol:
    data = ms.sym.Variable("data")
    return ms.sym.SoftmaxOutput(
        ms.sym.FullyConnected(data, num_hidden=hidden, name="fc"), name="softmax"
    )


def bound(**kwargs: Any) -> ms.mod.Module:
    module = ms.mod.Module(net(), **kwargs)
    module.bind([("data", (4, 2))], [("softmax_label", (4,))])
    return module


def batch(rows: int = 4) -> ms.io.DataBatch:
    data = np.arange(2 * rows, dtype=np.float32).reshape(rows, 2)
    return ms.io.DataBatch([ms.nd.array(data)], [ms.nd.array(np.arange(rows) % 3)])


def test_calls_that_come_too_early():
    module = ms.mod.Module(net())
    with pytest.raises(ms.BindError, match=r"forward comes too early(.|\n)*bind"):
        module.forward(batch())
    module = bound()
    with pytest.raises(ms.BindError, match=r"forward comes too early(.|\n)*init_params"):
        module.forward(batch())
    module.init_params()
    with pytest.raises(ms.BindError, match=r"update comes too early(.|\n)*init_optimizer"):
        module.update()
    with pytest.raises(ms.GradientError, match="data have no gradients"):
        module.get_input_grads()
    with pytest.raises(ms.ParamError, match="num_epoch"):
        module.fit(ms.io.NDArrayIter(np.ones((4, 2)), np.ones(4), 4))


def test_shapes_of_a_batch_may_change_and_share_the_parameters():
    module = bound()
    module.init_params(ms.init.One())
    module.init_optimizer(optimizer_params={"learning_rate": 1.0})
    for rows in (4, 2, 4, 3, 5, 6, 7, 4):
        module.forward_backward(batch(rows))
        module.update()
        assert module.output_shapes == [("softmax_output", (rows, 3))]
    weights = module.get_params()[0]["fc_weight"]
    assert len(module._exec_group._bound) == 4
    for executor in module._exec_group._bound.values():
        np.testing.assert_array_equal(executor.arg_dict["fc_weight"], weights)
    # labels may be absent: SoftmaxOutput infers the shape of its own
    module.forward(ms.io.DataBatch([ms.nd.ones((9, 2))]), is_train=False)
    assert module.get_outputs()[0].shape == (9, 3)
    for data, label, message in (
        ([], [], "a batch has 0 data arrays, not data"),
        ([ms.nd.ones((4, 2))] * 2, [], "a batch has 2 data arrays, not data"),
        ([ms.nd.ones((5, 2))], [ms.nd.ones(5)] * 2, "2 label arrays, not softmax_label"),
    ):
        with pytest.raises(ms.BindError, match=message):
            module.forward(ms.io.DataBatch(data, label))
    with pytest.raises(ms.BindError, match="fc_weight needs shape"):
        module.forward(ms.io.DataBatch([ms.nd.ones((9, 5))]))


def test_get_params_are_copies_that_the_next_call_renews():
    module = bound()
    module.init_params(ms.init.One())
    module.init_optimizer(optimizer_params={"learning_rate": 1.0})
    before = module.get_params()[0]["fc_weight"]
    kept = before.asnumpy()
    module.forward_backward(batch())
    module.update()
    np.testing.assert_array_equal(before, kept)
    assert module.get_params()[0]["fc_weight"] is before
    assert (before.asnumpy() != kept).any()


def test_a_monitor_hears_the_shape_that_runs():
    module, monitor = bound(), ms.mon.Monitor(1)
    module.init_params()
    module.install_monitor(monitor)
    seen = []
    for rows in (4, 2, 4):
        monitor.tic()
        module.forward(batch(rows), is_train=True)
        seen.append([name for _, name, _ in monitor.toc()])
    assert seen[0] == seen[1] == seen[2]
    assert sorted(seen[0]) == sorted(
        ["fc_output", "softmax_output", "data", "fc_weight", "fc_bias", "softmax_label"]
    )


def test_fixed_parameters_stay():
    module = bound(fixed_param_names=["fc_weight"])
    module.init_params(ms.init.One())
    module.init_optimizer(optimizer_params={"learning_rate": 1.0})
    module.forward_backward(batch())
    module.update()
    arguments, _ = module.get_params()
    assert (arguments["fc_weight"].asnumpy() == 1).all()
    assert arguments["fc_bias"].asnumpy().any()


def test_checkpoints_go_on_with_the_optimizers_states(tmp_path: Path):
    prefix = str(tmp_path / "net")
    momentum = {"learning_rate": 0.1, "momentum": 0.9}

    def train(module: ms.mod.Module) -> np.ndarray[Any, Any]:
        module.forward_backward(batch())
        module.update()
        return module.get_params()[0]["fc_weight"].asnumpy()

    module = bound()
    module.init_params(ms.init.One())
    module.init_optimizer(optimizer_params=momentum)
    train(module)
    module.save_checkpoint(prefix, 1, save_optimizer_states=True)
    other = ms.mod.Module.load(prefix, 1, load_optimizer_states=True)
    other.bind([("data", (4, 2))], [("softmax_label", (4,))])
    other.init_optimizer(optimizer_params=momentum)
    np.testing.assert_array_equal(train(other), train(module))
    without = ms.mod.Module.load(prefix, 1)
    without.bind([("data", (4, 2))], [("softmax_label", (4,))])
    without.init_optimizer(optimizer_params=momentum)
    assert (train(without) != train(other)).any()


def test_input_gradients_flow_from_one_module_into_another():
    """A GAN does so: what the second says of its data trains the first."""
    first = ms.mod.Module(
        ms.sym.FullyConnected(ms.sym.Variable("data"), num_hidden=2, no_bias=True, name="g"),
        label_names=None,
    )
    first.bind([("data", (4, 2))], inputs_need_grad=True)
    second = ms.mod.Module(net())
    second.bind([("data", (4, 2))], [("softmax_label", (4,))], inputs_need_grad=True)
    both = net()(data=ms.sym.FullyConnected(
        ms.sym.Variable("data"), num_hidden=2, no_bias=True, name="g"))  # fmt: skip
    rng = np.random.default_rng(0)
    weights = {
        "g_weight": rng.normal(size=(2, 2)).astype("f4"),
        "fc_weight": rng.normal(size=(3, 2)).astype("f4"),
        "fc_bias": np.zeros(3, "f4"),
    }
    first.init_params(arg_params={"g_weight": weights["g_weight"]}, aux_params={})
    second.init_params(
        arg_params={n: a for n, a in weights.items() if n != "g_weight"}, aux_params={}
    )
    data, label = batch().data[0].asnumpy(), np.arange(4) % 3
    first.forward(ms.io.DataBatch([ms.nd.array(data)]))
    second.forward(ms.io.DataBatch(first.get_outputs(), [ms.nd.array(label)]))
    second.backward()
    first.backward(second.get_input_grads())
    executor = both.simple_bind(data=(4, 2))
    executor.copy_params_from(weights)
    executor.forward(is_train=True, data=data, softmax_label=label)
    executor.backward()
    np.testing.assert_allclose(
        first._exec_group.grad_arrays[0][0], executor.grad_dict["g_weight"], rtol=1e-5
    )


def bucketing(length: int) -> tuple[ms.Symbol, list[str], list[str]]:
    words = ms.sym.Embedding(ms.sym.Variable("data"), input_dim=9, output_dim=4, name="embed")
    hidden = ms.sym.FullyConnected(ms.sym.sum(words, axis=1), num_hidden=3, name="fc")
    return ms.sym.SoftmaxOutput(hidden, name="softmax"), ["data"], ["softmax_label"]


def sentence(length: int) -> ms.io.DataBatch:
    return ms.io.DataBatch(
        [ms.nd.ones((2, length))],
        [ms.nd.array([0, 2])],
        bucket_key=length,
        provide_data=[("data", (2, length))],
        provide_label=[("softmax_label", (2,))],
    )


def test_buckets_share_parameters_and_optimizer(tmp_path: Path):
    module = ms.mod.BucketingModule(bucketing, default_bucket_key=7)
    module.bind([("data", (2, 7))], [("softmax_label", (2,))])
    module.init_params(ms.init.One())
    module.init_optimizer(optimizer_params={"learning_rate": 0.5, "momentum": 0.9})
    single = bound()  # the same with one length, by hand
    single = ms.mod.Module(bucketing(5)[0])
    single.bind([("data", (2, 5))], [("softmax_label", (2,))])
    single.init_params(ms.init.One())
    single.init_optimizer(optimizer_params={"learning_rate": 0.5, "momentum": 0.9})
    for _ in range(3):
        module.forward(sentence(5))
        module.backward()
        module.update()
        single.forward_backward(sentence(5))
        single.update()
    for name, array in single.get_params()[0].items():
        np.testing.assert_array_equal(module.get_params()[0][name], array)
    module.forward(sentence(7), is_train=False)
    assert module.get_outputs()[0].shape == (2, 3)
    weights = [m._exec_group.params[0] for m in module._buckets.values()]
    assert all(np.shares_memory(weights[0], w) for w in weights[1:])
    module.save_checkpoint(str(tmp_path / "b"), 1)
    other = ms.mod.BucketingModule.load(
        str(tmp_path / "b"), 1, sym_gen=bucketing, default_bucket_key=7
    )
    other.bind([("data", (2, 7))], [("softmax_label", (2,))])
    other.forward(sentence(5), is_train=False)
    module.forward(sentence(5), is_train=False)
    np.testing.assert_array_equal(other.get_outputs()[0], module.get_outputs()[0])


def test_modules_in_a_row_train_as_one():
    data = ms.sym.Variable("data")
    first = ms.sym.FullyConnected(data, num_hidden=3, name="a")
    second = ms.sym.SoftmaxOutput(ms.sym.FullyConnected(data, num_hidden=3, name="b"),
                                  name="softmax")  # fmt: skip
    row = ms.mod.SequentialModule()
    row.add(ms.mod.Module(first, label_names=[]))
    row.add(ms.mod.Module(second), take_labels=True, auto_wiring=True)
    whole = ms.mod.Module(second(data=first))
    begin = {"a_weight": np.full((3, 2), 0.1, "f4"), "a_bias": np.zeros(3, "f4"),
             "b_weight": np.eye(3, dtype="f4"), "b_bias": np.zeros(3, "f4")}  # fmt: skip
    for module in (row, whole):
        module.bind([("data", (4, 2))], [("softmax_label", (4,))])
        module.init_params(arg_params=begin, aux_params={})
        module.init_optimizer(optimizer_params={"learning_rate": 0.5})
        for _ in range(3):
            module.forward_backward(batch())
            module.update()
    for name, array in whole.get_params()[0].items():
        np.testing.assert_allclose(row.get_params()[0][name], array, rtol=1e-5, atol=1e-7)
    with pytest.raises(ms.ParamError, match="did you mean 'take_labels'"):
        row.add(ms.mod.Module(second), take_label=True)


def test_what_is_logged(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    batches = ms.io.NDArrayIter(np.arange(12).reshape(6, 2), np.arange(6) % 3, batch_size=2)
    module = ms.mod.Module(net())
    module.fit(
        batches,
        eval_data=batches,
        num_epoch=1,
        initializer=ms.init.Zero(),
        batch_end_callback=[ms.callback.Speedometer(2, 1), ms.callback.ProgressBar(3, 6)],
    )
    lines = [line.split("Speed")[0] for line in caplog.messages if "Time cost" not in line]
    # Speedometer starts the metric over, and the epoch's counts all batches
    assert lines == [
        "[------] 0%\r",
        "Epoch[0] Batch [0-1]\t",
        "[==----] 34%\r",
        "Epoch[0] Batch [1-2]\t",
        "[====--] 67%\r",
        *(line for line in lines if line.startswith("Epoch[0] Train-accuracy=")),
        *(line for line in lines if line.startswith("Epoch[0] Validation-accuracy=")),
    ]
    assert len(lines) == 7


def test_the_first_gpu_warns_and_no_other(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ms.Context, "_warned", False)
    with pytest.warns(UserWarning, match="CPU alone"):
        device = ms.gpu(1)
    assert (str(device), device.device_typeid, str(ms.gpu())) == ("gpu(1)", 2, "gpu(0)")
    assert ms.context.num_gpus() == 0
    with device, ms.cpu_pinned():
        assert str(ms.current_context()) == "cpu_pinned(0)"
    assert str(ms.current_context()) == "cpu(0)"
    with pytest.raises(ms.ParamError, match="did you mean 'gpu'"):
        ms.Context("gpus")


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda m: m.forward(ms.nd.zeros((4, 5))), "takes a batch, but got NDArray"),
        (lambda m: m.forward(None), "takes a batch, but got NoneType"),
        (lambda m: m.fit(np.zeros((4, 5)), num_epoch=1), "fit takes an iterator .* got ndarray"),
        (lambda m: m.score(None, "acc"), "score takes an iterator .* got NoneType"),
        (lambda m: m.predict("digits"), "predict takes an iterator .* or an array, but got str"),
    ],
)
def test_what_is_no_batch_and_no_iterator_is_refused(call: Any, told: str):
    module = ms.mod.Module(net())
    module.bind([("data", (4, 5))], [("softmax_label", (4,))])
    with pytest.raises(ms.ParamError, match=r"but got 'xavier'[\s\S]*ms\.init\.create"):
        module.init_params("xavier")
    module.init_params()
    with pytest.raises(ms.ArrayTypeError, match=told) as found:
        call(module)
    assert "ms.io." in str(found.value)


@pytest.mark.parametrize("devices", [1, 2])
def test_outputs_of_several_devices_are_joined_into_new_arrays(devices):
    net = ms.sym.FullyConnected(ms.sym.Variable("data"), num_hidden=2, name="fc")
    module = ms.mod.Module(net, label_names=None, context=[ms.cpu(i) for i in range(devices)])
    module.bind([("data", (4, 3))], for_training=False)
    module.init_params(ms.init.One())
    module.forward(ms.io.DataBatch([ms.nd.ones((4, 3))]))
    before = module.get_outputs()[0]
    module.forward(ms.io.DataBatch([ms.nd.zeros((4, 3))]))
    assert (before == 3).sum().asscalar() == (0 if devices == 1 else 8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: ms.mod.Module(m.symbol, context="cpu"), "context must be a device or a list"),
        (lambda m: ms.mod.Module(m.symbol, context=[]), "context must be a device or a list"),
        (lambda m: m.init_optimizer(optimizer_params=3), "optimizer_params must be a dict"),
        (lambda m: m.install_monitor(3), "install_monitor takes a Monitor, but got int"),
    ],
)
def test_what_a_module_cannot_take_is_refused(call, message):
    module = ms.mod.Module(ms.sym.SoftmaxOutput(ms.sym.Variable("data"), name="softmax"))
    module.bind([("data", (4, 3))], [("softmax_label", (4,))])
    module.init_params()
    with pytest.raises(ms.ParamError, match=message):
        call(module)
