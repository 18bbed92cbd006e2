"""Initializers: MXNet 1.9.1's values, which rule fills which array, and what nobody fills."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import optimizer_cases as cases
import pytest
from places import FIXTURES
from training_steps import net_of

import minisym as ms
from minisym import sym

FIXTURE = FIXTURES / "optimizers.npz"
RECORDED = np.load(FIXTURE, allow_pickle=False)  # by scripts/mxnet/record_optimizers.py


@pytest.mark.parametrize("key", cases.INITIALIZERS)
def test_initializer(key: str):
    name, params, shape = cases.INITIALIZERS[key]
    array = np.full(shape, 7, np.float32)
    getattr(ms.init, name)(**params)(ms.init.InitDesc("x_weight"), array)
    np.testing.assert_allclose(array, RECORDED[f"init/{key}"], rtol=1e-6)


@pytest.mark.parametrize("key", cases.RANDOM)
def test_random_initializer(key: str):
    """Mean, deviation and largest value are those of MXNet's numbers, as far as chance allows."""
    name, params, shape = cases.RANDOM[key]
    array = np.zeros(shape, np.float32)
    ms.random.seed(0)
    getattr(ms.init, name)(**params)(ms.init.InitDesc("x_weight"), array)
    mean, deviation, largest = RECORDED[f"random/{key}"]
    assert abs(array.mean() - mean) < 0.05 * deviation
    assert array.std() == pytest.approx(deviation, rel=0.03)
    assert np.abs(array).max() == pytest.approx(largest, rel=0.25)


@pytest.mark.parametrize("key", [*cases.INITIALIZERS, *cases.RANDOM])
def test_dumps(key: str):
    name, params, _ = {**cases.INITIALIZERS, **cases.RANDOM}[key]
    initializer = getattr(ms.init, name)(**params)
    assert initializer.dumps() == RECORDED[f"dumps/{key}"].tobytes().decode()
    assert ms.init.create(initializer.dumps()) == initializer


def test_names_decide_how_arrays_begin():
    init = ms.init.Constant(3)
    begins = {"a_weight": 3, "a_bias": 0, "a_gamma": 1, "a_beta": 0, "a_moving_mean": 0,
              "a_moving_var": 1}  # fmt: skip
    for name, value in begins.items():
        array = np.full(2, 7.0)
        init(ms.init.InitDesc(name), array)
        assert array.tolist() == [value, value]
    with pytest.raises(ms.ParamError, match="'scale' does not say"):
        init("scale", np.zeros(2))


def test_attributes_of_variables_win():
    w = sym.Variable("w", init=ms.init.Constant(2))
    net = sym.FullyConnected(sym.Variable("data"), weight=w, num_hidden=2, name="fc")
    executor = net.simple_bind(data=(1, 3))
    ms.init.initialize(executor, ms.init.One())
    assert (executor.arg_dict["w"] == 2).all()
    assert (executor.arg_dict["fc_bias"] == 0).all()


def test_mixed_and_load(tmp_path: Path):
    net = net_of()
    executor = net.simple_bind(data=(1, 5))
    mixed = ms.init.Mixed([".*bias", "fc1.*", ".*"], [ms.init.One(), ms.init.Zero(), ms.init.One()])
    ms.nd.save(str(tmp_path / "some.params"), {"arg:fc1_bias": np.full(8, 5.0, np.float32)})
    load = ms.init.Load(str(tmp_path / "some.params"), default_init=mixed)
    ms.init.initialize(executor, load)
    begun = {n: set(a.ravel().tolist()) for n, a in executor.arg_dict.items() if n.startswith("fc")}
    # One fills biases as any initializer does: with 0
    assert begun == {"fc1_weight": {0.0}, "fc1_bias": {5.0}, "fc2_weight": {1.0}, "fc2_bias": {0.0}}
    with pytest.raises(ms.BindError, match="'fc1_weight' is not among the loaded arrays"):
        ms.init.initialize(executor, ms.init.Load(str(tmp_path / "some.params")))


def test_what_nobody_says_how_to_fill():
    executor = (sym.Variable("x") * sym.Variable("scale")).simple_bind(x=(2,))
    with pytest.raises(ms.BindError, match="'x' does not say"):
        ms.init.initialize(executor)
    with pytest.raises(ms.BindError, match="'scale' does not say"):
        ms.init.initialize(executor, data=["x"])
    ms.init.initialize(executor, arg_params={"scale": np.ones(2)}, data=["x"])
    assert executor.arg_dict["scale"].tolist() == [1, 1]


def test_orthogonal_is_orthogonal():
    for shape in ((4, 9), (9, 4), (4, 3, 3)):
        array = np.zeros(shape)
        ms.init.Orthogonal(scale=2.0)("x_weight", array)
        flat = array.reshape(len(array), -1)
        product = flat @ flat.T if flat.shape[0] <= flat.shape[1] else flat.T @ flat
        np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-12)


def test_initializers_that_are_not_there():
    with pytest.raises(ms.ParamError, match="no initializer 'xavir'"):
        ms.init.create("xavir")
    with pytest.raises(ms.ParamError, match="can be read"):
        ms.init.create("[oops")
    with pytest.raises(ms.ParamError, match="at least 2 dimensions"):
        ms.init.Xavier()("x_weight", np.zeros(3))
    for name, shape in (("Orthogonal", ()), ("LSTMBias", ()), ("Bilinear", (2, 3))):
        with pytest.raises(ms.ParamError, match=f"{name} needs at least . dimensions?, but 'x_w"):
            getattr(ms.init, name)()("x_weight", np.zeros(shape))
    with pytest.raises(ms.ParamError, match="1 patterns were given for 0 initializers"):
        ms.init.Mixed(["a"], [])
    assert json.loads(ms.init.Constant(np.ones(2)).dumps()) == ["constant", {"value": [1.0, 1.0]}]
