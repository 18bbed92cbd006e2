"""Calling a model: what it takes, what it returns, what it refuses."""

import copy
import pickle
import threading

import numpy as np
import pytest

import minisym as ms
from minisym import sym

F4 = np.float32
RNG = np.random.default_rng(7)
WEIGHT = RNG.normal(size=(2, 3)).astype(F4)
DATA = RNG.normal(size=(5, 3)).astype(F4)


def linear(**options) -> ms.Model:
    layer = sym.FullyConnected(sym.Variable("data"), num_hidden=2, no_bias=True, name="fc")
    return ms.Model(layer, {"fc_weight": WEIGHT}, **options)


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


@pytest.mark.parametrize(
    ("head", "predicted"),
    [
        (sym.SoftmaxOutput, softmax),
        (sym.LinearRegressionOutput, lambda x: x),
        (sym.MAERegressionOutput, lambda x: x),
        (sym.LogisticRegressionOutput, lambda x: 1 / (1 + np.exp(-x))),
        (sym.SVMOutput, lambda x: x),
    ],
)
def test_loss_heads_predict_without_labels(head, predicted):
    body = linear().symbol
    model = ms.Model(head(body, name="head"), {"fc_weight": WEIGHT})
    assert (model.inputs, model.labels) == (["data"], ["head_label"])
    wanted = predicted(DATA @ WEIGHT.T)
    np.testing.assert_allclose(model(DATA), wanted, rtol=1e-5, atol=1e-6)
    given = model(data=DATA, head_label=np.zeros(99))  # old scripts give one
    np.testing.assert_array_equal(given, model(DATA))


def test_labels_that_are_computed_are_not_needed():
    truth = sym.Reshape(sym.Variable("truth", shape=(5, 1)), shape=(-1,))
    model = ms.Model(sym.SoftmaxOutput(sym.Variable("x"), truth, name="softmax"))
    assert (model.inputs, model.labels) == (["x"], ["truth"])
    np.testing.assert_allclose(model(DATA[:2]), softmax(DATA[:2]), rtol=1e-6)


def test_a_label_that_an_output_depends_on_is_an_input():
    x, y = sym.Variable("x"), sym.Variable("label")
    model = ms.Model(sym.MakeLoss(sym.square(x - y), name="loss"))
    assert model.inputs == ["x", "label"]
    np.testing.assert_array_equal(model(np.ones(2, F4), label=np.zeros(2, F4)), [1, 1])


def test_an_input_that_is_its_own_label():
    x = sym.Variable("data")
    model = ms.Model(sym.LinearRegressionOutput(x * 2, x, name="auto"))
    assert (model.inputs, model.labels) == (["data"], [])
    np.testing.assert_array_equal(model(DATA), DATA * 2)


@pytest.mark.parametrize("rows", [1, 5, 2])
def test_any_batch_size_and_type(rows):
    model = linear()
    for data in (
        DATA[:rows],
        DATA[:rows].astype("f8"),
        DATA[:rows].tolist(),
        ms.nd.array(DATA[:rows]),
    ):
        out = model(data)
        assert type(out) is np.ndarray
        assert out.dtype == F4
        np.testing.assert_allclose(out, DATA[:rows] @ WEIGHT.T, rtol=1e-5)
    pixels = np.arange(3, dtype=np.uint8)[None] + 250
    np.testing.assert_allclose(model(pixels), pixels.astype(F4) @ WEIGHT.T, rtol=1e-5)


def test_integers_stay_integers_where_nothing_decides():
    model = ms.Model(sym.Cast(sym.Variable("x"), dtype="float32"))
    np.testing.assert_array_equal(model(np.array([2**24 + 1])), F4(2**24 + 1))


def test_results_belong_to_the_caller():
    model = linear()
    first = model(DATA)
    kept = first.copy()
    model(DATA + 1)
    np.testing.assert_array_equal(first, kept)


def test_images_of_any_size():
    net = sym.Convolution(sym.Variable("data"), kernel=(3, 3), num_filter=2, no_bias=True, name="c")
    model = ms.Model(net, {"c_weight": np.ones((2, 1, 3, 3), F4)})
    sizes = [(6, 7), (3, 3), (9, 4)] * 5
    for height, width in sizes + [(n, n) for n in range(3, 20)]:
        out = model(np.ones((1, 1, height, width)))
        np.testing.assert_array_equal(out, np.full((1, 2, height - 2, width - 2), 9))


def test_several_inputs_and_outputs():
    x, y = sym.Variable("x"), sym.Variable("y")
    model = ms.Model(sym.Group([x + y, x * y]))
    for found in (
        model(np.full(2, 3.0), np.full(2, 4.0)),
        model({"y": np.full(2, 4.0), "x": np.full(2, 3.0)}),
        model(np.full(2, 3.0), y=np.full(2, 4.0)),
    ):
        np.testing.assert_array_equal(found, [[7, 7], [12, 12]])


def test_a_parameter_may_be_given():
    np.testing.assert_array_equal(linear()(DATA, fc_weight=np.zeros((2, 3))), np.zeros((5, 2)))


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda m: m(), ms.BindError, "the model needs data"),
        (lambda m: m(DATA, DATA), ms.BindError, "2 arrays were given, but the model takes data"),
        (lambda m: m(DATA, data=DATA), ms.BindError, "by position and by name"),
        (lambda m: m(image=DATA), ms.BindError, "no input 'image'"),
        (lambda m: m("data"), ms.ArrayTypeError, "data must be an array, but got str"),
        (lambda m: m(np.array(["a"])), ms.ArrayTypeError, "takes numbers"),
        (lambda m: m(DATA[:, :2]), ms.ShapeError, "fc"),
        (lambda m: m(None), ms.ArrayTypeError, "NoneType"),
        (lambda m: m([[1, 2, 3], [4]]), ms.ArrayTypeError, "rows of several lengths"),
    ],
)
def test_what_it_refuses(call, error, match):
    with pytest.raises(error, match=match):
        call(linear())


@pytest.mark.parametrize(
    ("shape", "told", "hint"),
    [
        ((3, 8, 9), "3×8×9", "data[None] adds the axis of the batch"),
        ((2, 8, 9, 3), "2×8×9×3", "np.moveaxis(data, -1, 1) puts the channels in front"),
        ((2, 1, 8, 9), "2×1×8×9", None),
    ],
)
def test_shapes_are_refused_in_terms_of_the_inputs(shape, told, hint):
    net = sym.Convolution(sym.Variable("data"), kernel=(3, 3), num_filter=2, no_bias=True, name="c")
    model = ms.Model(net, {"c_weight": np.ones((2, 3, 3, 3), F4)})
    with pytest.raises(
        ms.ShapeError, match=f"data has shape {told}, .* takes N×3×[?]×[?]"
    ) as error:
        model(np.ones(shape))
    assert error.value.hint == hint


def test_a_model_is_copied_and_pickled_with_its_arrays():
    model = linear(source="here")
    before = model(DATA)
    for other in (copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(other(DATA), before)
        assert other.source == "here"


def test_what_is_kept_for_other_shapes_is_bounded(monkeypatch):
    net = sym.tanh(sym.sin(sym.Variable("x")) * 2, name="t")
    model = ms.Model(net)
    for rows in range(1, 40):
        model(np.ones((rows, 2), F4))
    assert len(model._runner._executors) == 16
    monkeypatch.setattr("minisym.saved.run._KEPT_BYTES", 10_000)
    for rows in (300, 3000, 200, 100):
        model(np.ones((rows, 2), F4))
        assert 1 <= len(model._runner._executors) <= 16
    assert len(model._runner._executors) < 10
    model(np.ones((9000, 2), F4))
    assert len(model._runner._executors) == 1


@pytest.mark.parametrize("name", ["self", "is_train"])
def test_inputs_with_names_that_are_taken(name):
    model = ms.Model(sym.Variable(name) * 2)
    with pytest.raises(ms.BindError, match=f"called '{name}' cannot be fed"):
        model({name: DATA})
    np.testing.assert_array_equal(model.rename({name: "data"})(DATA), DATA * 2)


def test_states_that_runs_could_write_are_its_own():
    net = sym.BatchNorm(sym.Variable("data"), fix_gamma=False, eps=1e-3, name="bn")
    ones, zeros = np.ones(3, F4), np.zeros(3, F4)
    states = {"bn_moving_mean": zeros + 1, "bn_moving_var": ones * 4}
    for array in states.values():
        array.flags.writeable = False
    model = ms.Model(net, {"bn_gamma": ones, "bn_beta": zeros}, states)
    np.testing.assert_allclose(model(DATA), (DATA - 1) / np.sqrt(4.001), rtol=1e-5)


def test_states_in_a_file_without_prefixes():
    net = sym.BatchNorm(sym.Variable("data"), name="bn")
    names = ["bn_gamma", "bn_beta", "bn_moving_mean", "bn_moving_var"]
    model = ms.Model(net, {name: np.ones(3, F4) for name in names})
    assert list(model.aux_params) == names[2:]
    assert model.check().ok


def test_threads_may_share_a_model():
    model, wrong = linear(), []

    def work(number: int) -> None:
        data = np.full((number % 3 + 1, 3), number, F4)
        same = (np.allclose(model(data), data @ WEIGHT.T, rtol=1e-5) for _ in range(50))
        wrong.extend(number for good in same if not good)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_an_unknown_op_is_named_and_what_runs():
    body = sym.FullyConnected(sym.Variable("data"), num_hidden=2, no_bias=True, name="fc")
    text = sym.tanh(body, name="act").tojson().replace('"op": "tanh"', '"op": "Secret"')
    model = ms.Model(sym.load_json(text), {"fc_weight": WEIGHT})
    with pytest.raises(ms.BindError, match="cannot run Secret 'act'") as error:
        model(DATA)
    assert error.value.hint == "what comes before runs: model.cut('fc_output')"
    np.testing.assert_allclose(model.cut("fc_output")(DATA), DATA @ WEIGHT.T, rtol=1e-5)


# ---------------------------------------------------------------------------------- batch by batch


def test_predict_cuts_arrays_and_joins_outputs():
    model = linear()
    for size in (None, 1, 2, 5, 99):
        np.testing.assert_allclose(model.predict(DATA, size), DATA @ WEIGHT.T, rtol=1e-5)
        found = model.predict({"data": DATA}, size)
        np.testing.assert_allclose(found, DATA @ WEIGHT.T, rtol=1e-5)


def test_predict_takes_whatever_yields_batches():
    model = linear()
    for batches in (
        [DATA[:2], DATA[2:]],
        ({"data": DATA[i : i + 1]} for i in range(5)),
        ((DATA[i : i + 1],) for i in range(5)),
        ms.io.NDArrayIter(DATA, np.zeros(5), batch_size=2),
        ms.io.NDArrayIter({"data": DATA}, batch_size=4),
    ):
        np.testing.assert_allclose(model.predict(batches), DATA @ WEIGHT.T, rtol=1e-5)


@pytest.mark.parametrize("rich", [True, False])
def test_predict_shows_how_far_it_is(capsys, monkeypatch, rich):
    if not rich:
        monkeypatch.setitem(__import__("sys").modules, "rich.console", None)
    linear().predict(DATA, 2, progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert ("100%" if rich else "predict: 5 of 5 rows") in captured.err


@pytest.mark.parametrize(
    ("batches", "size", "match"),
    [
        ([], None, "there are no batches"),
        (DATA, 0, "batch_size"),
        (3, None, "takes arrays, or what yields batches"),
        ({"data": DATA, "fc_weight": WEIGHT}, None, "different numbers of rows"),
    ],
)
def test_what_predict_refuses(batches, size, match):
    with pytest.raises(ms.MinisymError, match=match):
        linear().predict(batches, size)


def test_a_layer_as_features():
    model = ms.Model(sym.tanh(linear().symbol, name="act"), {"fc_weight": WEIGHT, "more": WEIGHT})
    features = model.features("fc")
    assert features.outputs == ["fc_output"]
    assert list(features.arg_params) == ["fc_weight"]
    np.testing.assert_allclose(features(DATA), DATA @ WEIGHT.T, rtol=1e-5)
    rest = model.cut(inputs=["fc_output"])
    np.testing.assert_allclose(rest(features(DATA)), model(DATA), rtol=1e-6)
