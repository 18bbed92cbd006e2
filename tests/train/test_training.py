"""Training: the weights that MXNet and NumPy by hand get, `fit`, and checkpoints that survive."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import training_cases as cases
from places import TESTS

import minisym as ms
from minisym import sym
from minisym.core.errors import ArrayTypeError, ParamError
from minisym.train import checkpoint

RECORDED = np.load(cases.FIXTURES / "training.npz", allow_pickle=False)  # record_training.py
Weights = dict[str, Any]

# ----------------------------------------------------------------- minisym, MXNet, NumPy by hand


def by_minisym(name: str) -> Weights:
    kind, params, factor = cases.SETTINGS[name]
    schedule = {}
    if factor:
        step, by = factor
        schedule = {"lr_scheduler": ms.lr_scheduler.FactorScheduler(step=step, factor=by)}
    optimizer = ms.optimizer.create(kind, **params, **schedule)
    executor = optimizer.minimize(cases.network(ms)).simple_bind(data=(cases.BATCH, 64))
    ms.init.initialize(executor, arg_params=cases.initial())
    for x, y in cases.batches():
        optimizer.step(executor, data=x, softmax_label=y)
    return {n: executor.arg_dict[n].asnumpy() for n in cases.initial()}


def gradients(w: Weights, x: Any, y: Any) -> Weights:
    """Return the gradients of the summed cross entropy, as one writes them down."""
    h = x @ w["fc1_weight"].T + w["fc1_bias"]
    a = np.maximum(h, 0)
    z = a @ w["fc2_weight"].T + w["fc2_bias"]
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(y)), y.astype(int)] -= 1
    back = (p @ w["fc2_weight"]) * (h > 0)
    return {"fc1_weight": back.T @ x, "fc1_bias": back.sum(axis=0),
            "fc2_weight": p.T @ a, "fc2_bias": p.sum(axis=0)}  # fmt: skip


def by_hand(name: str) -> Weights:
    """Train in float32 NumPy, without minisym."""
    _, params, factor = cases.SETTINGS[name]
    weights = cases.initial()
    m = {n: np.zeros_like(w) for n, w in weights.items()}
    v = {n: np.zeros_like(w) for n, w in weights.items()}
    f = np.float32
    for t, (x, y) in enumerate(cases.batches(), 1):
        rate = params["learning_rate"]
        if factor:
            rate *= factor[1] ** ((t - 1) // factor[0])
        for n, raw in gradients(weights, x, y).items():
            w, g = weights[n], raw * f(params["rescale_grad"])
            lr = f(rate * (0.5 if n == "fc1_weight" else 1))
            wd = f(params["wd"] if n.endswith("_weight") else 0)
            if name == "sgd":
                m[n] = f(params["momentum"]) * m[n] - lr * (g + wd * w)
                weights[n] = w + m[n]
            elif name == "signsgd":
                weights[n] = (1 - lr * wd) * w - lr * np.sign(g)
            elif name == "signum":
                mu = f(params["momentum"])
                m[n] = mu * m[n] - (1 - mu) * (g + wd * w)
                weights[n] = (1 - lr * f(params["wd_lh"])) * w + lr * np.sign(m[n])
            else:
                decayed = g + wd * w
                m[n] = f(0.9) * m[n] + (1 - f(0.9)) * decayed
                v[n] = f(0.999) * v[n] + (1 - f(0.999)) * decayed**2
                step = lr * f(math.sqrt(1 - 0.999**t) / (1 - 0.9**t))
                weights[n] = w - step * m[n] / (np.sqrt(v[n]) + f(1e-8))
    return weights


@pytest.mark.parametrize("name", cases.SETTINGS)
def test_minisym_mxnet_and_numpy_agree(name: str):
    """The same begin and batches give the same weights after 100 steps, to 1e-5."""
    mine, hand = by_minisym(name), by_hand(name)
    for weight, begin in cases.initial().items():
        recorded = RECORDED[f"{name}/{weight}"]
        np.testing.assert_allclose(mine[weight], recorded, rtol=0, atol=1e-5)
        np.testing.assert_allclose(hand[weight], recorded, rtol=0, atol=1e-5)
        assert np.abs(recorded - begin).max() > 0.01


# ------------------------------------------------------------------------------------ checkpoints


def test_killed_50_times_training_ends_with_the_bits_of_the_undisturbed_run(tmp_path: Path):
    """SIGKILL at random moments, in the middle of writing, too; see killed_training.py."""
    script = TESTS.joinpath("killed_training.py")
    command = [sys.executable, "-W", "error", str(script), str(tmp_path), "50"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["killed"] >= 45  # a fast machine may be through before
    assert told["updates"] == sorted(told["updates"])
    assert len(set(told["updates"])) > 10  # it went on, life by life
    assert told["halves"] > 0  # it was killed while it wrote, and no half was taken for a whole
    assert sorted(told["left"]) == ["killed.params", "whole.params"]
    killed, whole = (tmp_path / name for name in told["left"])
    assert killed.read_bytes() == whole.read_bytes()


def digits(rows: slice = slice(None), **kwargs: Any) -> ms.io.NDArrayIter:
    with np.load(cases.FIXTURES / "digits.npz", allow_pickle=False) as found:
        images, labels = found["images"] / np.float32(16), found["labels"].astype(np.float32)
    return ms.io.NDArrayIter(images[rows], labels[rows], **{"batch_size": 64, **kwargs})


def fit(**kwargs: Any) -> ms.train.Trained:
    ms.random.seed(3)
    settings = {"num_epoch": 3, "optimizer": "adam", "progress": False, **kwargs}
    data = settings.pop("data", None) or digits(shuffle=True, seed=1)
    return ms.train.fit(settings.pop("net", cases.network(ms)), data, **settings)


def values(trained: ms.train.Trained) -> Weights:
    return {n: a.asnumpy() for n, a in (trained.arg_params | trained.aux_params).items()}


def same(a: Weights, b: Weights) -> bool:
    return a.keys() == b.keys() and all(a[n].tobytes() == b[n].tobytes() for n in a)


def test_a_recording_changes_nothing_and_has_the_metric():
    plain, seen = fit(num_epoch=2), fit(num_epoch=2, record_steps=8)
    assert same(values(seen), values(plain))
    assert seen.history == plain.history
    assert plain.recording is None
    assert seen.recording is not None
    assert seen.recording.steps[-1] == 20
    assert len(seen.recording.steps) <= 8
    assert seen.recording.numbers["accuracy"][-1] == (20, seen.history[-1]["accuracy"])
    seen.executor.forward(is_train=True)
    assert seen.recording.steps[-1] == 20  # it has ended


@pytest.mark.parametrize("optimizer", ["sgd", "signum", "efsignsgd", "lion", "nadam", "lamb"])
def test_resuming_gives_the_same_bits_and_history(tmp_path: Path, optimizer: str):
    path = tmp_path / "run.params"
    whole = fit(optimizer=optimizer, num_epoch=4, eval_metric=["acc", "ce"])
    fit(optimizer=optimizer, num_epoch=2, eval_metric=["acc", "ce"], checkpoint=path)
    again = fit(optimizer=optimizer, num_epoch=4, eval_metric=["acc", "ce"], checkpoint=path)
    assert same(values(again), values(whole))
    assert again.history == whole.history
    assert again.optimizer.num_update == whole.optimizer.num_update == 40


def test_resuming_in_the_middle_of_an_epoch(tmp_path: Path):
    path = tmp_path / "run.params"

    class StopError(Exception):
        pass

    class Stopping(ms.optimizer.Adam):
        """Adam that gives up in the 17th update."""

        def values(self, t: int, lr: float) -> dict[str, float]:
            if t == 17:
                raise StopError
            return super().values(t, lr)

    whole = fit(optimizer_params={"learning_rate": 0.01})
    with pytest.raises(StopError):
        fit(optimizer=Stopping(0.01, rescale_grad=1 / 64), checkpoint=path, checkpoint_every=4)
    told = json.loads(ms.nd.load(str(path))[checkpoint.POSITION].tobytes())
    assert (told["position"]["epoch"], told["position"]["batch"]) == (1, 4)
    again = fit(optimizer_params={"learning_rate": 0.01}, checkpoint=path)
    assert same(values(again), values(whole))
    assert again.history == whole.history


def test_a_failed_write_keeps_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "run.params"
    trained = fit(num_epoch=1, checkpoint=path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(path, trained.executor, trained.optimizer, checkpoint.Position())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_checkpoints_of_something_else(tmp_path: Path):
    path = tmp_path / "run.params"
    fit(num_epoch=1, checkpoint=path)
    with pytest.raises(ms.FormatError, match="another training step: it has no fc1_weight_mom"):
        fit(num_epoch=2, optimizer="signum", checkpoint=path)
    x = sym.FullyConnected(sym.Variable("data"), num_hidden=16, name="fc1")
    other = sym.SoftmaxOutput(sym.FullyConnected(x, num_hidden=10, name="fc2"), name="softmax")
    with pytest.raises(ms.FormatError, match=r"arg:fc1_weight has shape \(32, 64\)"):
        fit(num_epoch=2, net=other, checkpoint=path)
    plain = tmp_path / "plain.params"
    ms.nd.save(str(plain), {"w": np.ones(2)})
    with pytest.raises(ms.FormatError, match="no checkpoint of a training"):
        fit(checkpoint=plain)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ms.FormatError):
        fit(num_epoch=2, checkpoint=path)
    fit(num_epoch=1, checkpoint=path, resume=False)


@pytest.mark.parametrize(
    "change",
    [
        b"no JSON",
        b"[]",
        b"[" * 100_000,
        {"num_update": None},
        {"num_update": -1},
        {"position": {"epoch": 1.5}},
        {"position": {"lunch": 1}},
        {"random": {"bit_generator": "MT19937"}},
        {"random": {"bit_generator": "PCG64", "state": {"state": -1, "inc": 1}}},
    ],
)
def test_checkpoints_that_do_not_say_where(tmp_path: Path, change: Any):
    """Such a file is refused as a whole: weights and random numbers are what they were."""
    path = tmp_path / "run.params"
    trained = fit(num_epoch=1, checkpoint=path)
    arrays = ms.nd.load(str(path))
    if isinstance(change, dict):
        told = json.loads(arrays[checkpoint.POSITION].tobytes())
        change = json.dumps({**told, **change}).encode()
    arrays[checkpoint.POSITION] = np.frombuffer(change, np.uint8)
    arrays["arg:fc1_weight"] = arrays["arg:fc1_weight"] + 1
    ms.nd.save(str(path), arrays)
    before = {n: a.copy() for n, a in trained.executor.arg_dict.items()}
    state = ms.random.generator.bit_generator.state
    with pytest.raises(ms.FormatError, match="does not say where a training stands"):
        checkpoint.restore(path, trained.executor, trained.optimizer)
    assert ms.random.generator.bit_generator.state == state
    for name, array in before.items():
        np.testing.assert_array_equal(trained.executor.arg_dict[name], array)


def test_a_checkpoint_holds_the_weights_for_others(tmp_path: Path):
    trained = fit(num_epoch=1, checkpoint=tmp_path / "net-0001.params")
    arguments, _ = ms.model.load_params(str(tmp_path / "net"), 1)
    for name, array in trained.arg_params.items():
        np.testing.assert_array_equal(arguments[name], array)


# -------------------------------------------------------------------------------------------- fit


def test_fit_learns_digits():
    trained = fit(
        data=digits(slice(512), shuffle=True, seed=1),
        eval_data=digits(slice(512, None), batch_size=50),
        num_epoch=15,
        optimizer_params={"learning_rate": 0.01},
        initializer=ms.init.Xavier(),
        eval_metric=["acc", "ce"],
    )
    assert [*trained.history[-1]] == [
        "accuracy",
        "cross-entropy",
        "val_accuracy",
        "val_cross-entropy",
    ]
    assert trained.history[-1]["val_accuracy"] > 0.9
    assert len(trained.history) == 15
    held = digits(slice(512, None), batch_size=1)
    p = trained.predict(held.data["data"], batch_size=50)[0]
    assert p.shape == (128, 10)
    accuracy = (p.argmax(axis=1) == held.label["softmax_label"]).mean()
    # 128 rows in batches of 50: the rows that fill the last one do not count
    assert accuracy == pytest.approx(trained.history[-1]["val_accuracy"])


def test_fit_stops_early():
    seen = []
    trained = fit(
        num_epoch=50,
        optimizer_params={"learning_rate": 0.0},
        early_stop=ms.train.EarlyStop("accuracy", patience=2),
        epoch_end=lambda t: seen.append(len(t.history)),
    )
    assert len(trained.history) == 3
    assert seen == [1, 2, 3]
    with pytest.raises(
        ms.ParamError, match="early stop watches 'val_accuracy', but there is accuracy"
    ):
        fit(early_stop=ms.train.EarlyStop("val_accuracy"))
    falling = [{"ce": v} for v in (3.0, 2.0, 1.0, 1.5)]
    assert not ms.train.EarlyStop("ce", patience=2)(falling)
    assert ms.train.EarlyStop("ce", patience=1)(falling)


def test_fixed_parameters_stay():
    begin = cases.initial()
    trained = fit(fixed=["fc1_weight", "fc1_bias"], arg_params=begin)
    for name, array in trained.arg_params.items():
        assert (array.tobytes() == begin[name].tobytes()) == name.startswith("fc1")


def test_fit_shows_progress(capsys: pytest.CaptureFixture[str]):
    pytest.importorskip("rich", reason="the bar is drawn by rich")
    fit(num_epoch=1, progress=True)
    assert "epoch 0  accuracy" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"net": [1]}, "net must be a Symbol, but got list"),
        ({"data": (np.ones((4, 64)), np.ones(4))}, "train_data must be an NDArrayIter, but got tu"),
        ({"eval_data": np.ones((4, 64))}, "eval_data must be an NDArrayIter, but got ndarray"),
        ({"data": digits(label_name="label")}, "nothing is fed to 'softmax_label'"),
        ({"data": digits(data_name="x")}, "nothing is fed to 'data'; the data are named x, softm"),
        ({"num_epoch": 1.5}, "num_epoch must be an integer of at least 0, but got 1.5"),
        ({"checkpoint_every": -1}, "checkpoint_every must be an integer of at least 0, but got -1"),
        ({"fixed": ["fc1_wieght"]}, "no parameter 'fc1_wieght' to be fixed"),
        (
            {"fixed": ["fc1_weight"], "comm": object()},
            "'fc1_weight' is fixed, and nothing says what it is in all processes",
        ),
        ({"early_stop": "accuracy"}, "early_stop must be an EarlyStop, but got 'accuracy'"),
        ({"optimizer": None}, "no optimizer None"),
        ({"optimizer_params": {"learning_rate": "fast"}}, "learning_rate must be a number, but g"),
        ({"optimizer_params": {"lr_scheduler": 3}}, "lr_scheduler must be a function of the upda"),
        (
            {"optimizer": ms.optimizer.SGD(), "optimizer_params": {"wd": 1}},
            "this SGD is made, and takes no parameters: {'wd': 1}",
        ),
        ({"initializer": "xavir"}, "no initializer 'xavir'"),
        ({"initializer": ms.init.Xavier}, "an initializer is called with name and array, but got"),
        ({"eval_metric": "accurracy"}, "no metric 'accurracy'"),
        ({"minimize": {"accumulate": 0}}, "accumulate must be an integer of at least 1, but got 0"),
    ],
)
def test_what_cannot_be_trained(settings: dict[str, Any], message: str):
    with pytest.raises(ms.ParamError) as caught:
        fit(**settings)
    assert message in str(caught.value)


def test_initializers_and_parameters_by_name():
    trained = fit(initializer="one", optimizer_params={"learning_rate": 0.0}, num_epoch=1)
    assert (trained.arg_params["fc1_weight"] == 1).all()
    with pytest.raises(ms.ParamError, match=r"predict: the data are data, but got \['x'\]"):
        trained.predict({"x": np.ones((2, 64))})


def test_fit_counts_rows_of_all_micro_batches():
    """rescale_grad is 1 / rows of an update: four batches of 16 are one of 64."""
    begin, settings = cases.initial(), {"learning_rate": 0.1}
    one = fit(data=digits(seed=1), num_epoch=1, optimizer="sgd", optimizer_params=settings,
              arg_params=begin)  # fmt: skip
    four = fit(data=digits(seed=1, batch_size=16), num_epoch=1, optimizer="sgd",
               optimizer_params=settings, arg_params=begin, minimize={"accumulate": 4})  # fmt: skip
    for name, array in one.arg_params.items():
        np.testing.assert_allclose(four.arg_params[name], array, atol=1e-6)


def test_fit_trains_float16(rng: Any):
    trained = fit(
        data=digits(shuffle=True, seed=1),
        num_epoch=8,
        optimizer="sgd",
        optimizer_params={"learning_rate": 0.2, "momentum": 0.9, "multi_precision": True},
        minimize={"loss_scale": "dynamic"},
        type_dict={"data": "float16"},
        initializer=ms.init.Xavier(),
    )
    assert trained.arg_params["fc1_weight"].dtype == np.float16
    assert trained.history[-1]["accuracy"] > 0.9


# ----------------------------------------------------------------------------------------- batches


def test_every_row_comes_once_an_epoch():
    data = np.arange(10)
    batches = ms.io.NDArrayIter(data, data * 2, batch_size=5, shuffle=True, seed=1)
    orders = []
    for _ in range(3):
        rows = np.concatenate([b.data[0] for b in batches])
        assert sorted(rows.tolist()) == data.tolist()
        orders.append(rows.tolist())
        batches.reset()
    assert orders[0] != orders[1] != orders[2]
    batches.seek(1, 1)
    assert next(batches).data[0].tolist() == orders[1][5:]
    with pytest.raises(StopIteration):
        next(batches)


def test_last_batches():
    batches = ms.io.NDArrayIter({"a": np.arange(5)}, batch_size=2)
    assert [(b.data[0].tolist(), b.pad) for b in batches] == [([0, 1], 0), ([2, 3], 0), ([4, 0], 1)]
    batches = ms.io.NDArrayIter([np.arange(5), np.ones((5, 2))], batch_size=2,
                                last_batch_handle="discard")  # fmt: skip
    assert [b.data[0].tolist() for b in batches] == [[0, 1], [2, 3]]
    assert [d.name for d in batches.provide_data] == ["_0_data", "_1_data"]
    assert batches.provide_data[1].shape == (2, 2)


def test_arrays_that_make_no_batches():
    with pytest.raises(ms.ShapeError, match="data 3, softmax_label 2"):
        ms.io.NDArrayIter(np.ones(3), np.ones(2))
    with pytest.raises(ms.ParamError, match=r"batch_size must lie in \[1, inf\]"):
        ms.io.NDArrayIter(np.ones(3), batch_size=0)
    with pytest.raises(ms.ParamError, match=r"batch_size must lie in \[1, 3\]"):
        ms.io.NDArrayIter(np.ones(3), batch_size=4, last_batch_handle="roll_over")
    with pytest.raises(ms.ParamError, match="did you mean 'roll_over'"):
        ms.io.NDArrayIter(np.ones(3), last_batch_handle="rollover")
    with pytest.raises(TypeError, match="data must be a NumPy array"):
        ms.io.NDArrayIter({"data": [1, 2]})


def test_seeds_come_from_the_one_source():
    seeds = []
    for _ in range(2):
        ms.random.seed(9)
        seeds.append(ms.io.NDArrayIter(np.ones(3), shuffle=True).seed)
    assert seeds[0] == seeds[1]


def test_a_checkpoint_is_of_an_executor_and_its_optimizer(tmp_path):
    loss = sym.sum(sym.square(sym.Variable("w")))
    step = ms.optimizer.SGD().minimize(loss, wrt=["w"])
    executor, path = step.simple_bind(w=(2,)), tmp_path / "training.params"
    for call in (ms.train.save, ms.train.restore):
        with pytest.raises(ArrayTypeError, match=r"executor must be what bind .* got Symbol"):
            call(path, step, ms.optimizer.SGD())
        with pytest.raises(ParamError, match=r"optimizer must be .* but got str"):
            call(path, executor, "sgd")
    assert not path.exists()
