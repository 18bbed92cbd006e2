"""The DOT of a dozen nets, as it was when somebody last looked at the pictures."""

import os

import pytest
from drawn_nets import encoder, mlp, needs_engine, one_step, recurrent, training, unnamed, update
from places import SNAPSHOTS

import minisym as ms
from minisym import sym
from minisym.show import render
from minisym.visualization import plot_network


def lenet():
    h = sym.Variable("data")
    for i, filters in enumerate((20, 50), start=1):
        h = sym.Convolution(h, kernel=(5, 5), num_filter=filters, name=f"conv{i}")
        h = sym.Activation(h, act_type="tanh", name=f"tanh{i}")
        h = sym.Pooling(h, pool_type="max", kernel=(2, 2), stride=(2, 2), name=f"pool{i}")
    h = sym.FullyConnected(sym.Flatten(h, name="flatten"), num_hidden=500, name="fc1")
    return sym.SoftmaxOutput(sym.FullyConnected(h, num_hidden=10, name="fc2"), name="softmax")


def branches():
    x = sym.Variable("data")
    towers = []
    for i, size in enumerate((1, 3, 5)):
        name = f"tower{i}_"
        h = sym.Convolution(
            x, kernel=(size,) * 2, pad=(size // 2,) * 2, num_filter=8, name=f"{name}conv"
        )
        towers.append(sym.Activation(h, act_type="relu", name=f"{name}relu"))
    return sym.Concat(*towers, dim=1, name="together")


def normalized():
    h = sym.Embedding(sym.Variable("words"), input_dim=100, output_dim=8, name="embed")
    h = sym.BatchNorm(sym.mean(h, axis=1, name="mean"), fix_gamma=False, name="bn")
    return sym.LinearRegressionOutput(sym.Dropout(h, p=0.5, name="drop"), name="loss")


def with_momentum():
    w, g, mom = (sym.Variable(name) for name in ("w", "w_grad", "mom"))
    return sym.sgd_mom_update(w, g, mom, lr=0.1, momentum=0.9, name="step")


def gradient():
    return ms.grad(sym.tanh(sym.exp(sym.Variable("x"), name="e"), name="t"), "x")


PICTURES = {
    "update": (update, {"shape": {"w": (2, 3)}}),
    "mlp": (mlp, {"shape": {"data": (64, 784)}}),
    "mlp_weights": (mlp, {"hide_weights": False, "theme": "dark"}),
    "step": (one_step, {"shape": {"data": (0, 3)}, "title": "one step"}),
    "step_in_full": (one_step, {"collapse": "none", "theme": "dark"}),
    "encoder_repeat": (lambda: encoder(6), {"collapse": "repeat", "shape": {"data": (0, 4)}}),
    "encoder_scope": (lambda: encoder(2), {"collapse": "scope"}),
    "encoder_large": (lambda: encoder(150), {}),
    "lenet": (lenet, {"shape": {"data": (1, 1, 28, 28)}, "dtype": {"data": "float64"}}),
    "branches": (branches, {"shape": {"data": (0, 3, 9, 9)}}),
    "normalized": (normalized, {"hide_weights": False}),
    "momentum": (with_momentum, {"legend": False}),
    "gradient": (gradient, {}),
    "recurrent": (lambda: recurrent(4), {"collapse": "repeat"}),
    "unnamed": (lambda: unnamed(3), {"collapse": "repeat"}),
}


@pytest.mark.parametrize("name", PICTURES)
def test_dot_is_as_it_was(name):
    """Set MINISYM_SNAPSHOTS=write to record them anew; then look at them."""
    make, options = PICTURES[name]
    with ms.name.NameManager():
        source = plot_network(make(), **options).source
    path = SNAPSHOTS / f"{name}.dot"
    if os.environ.get("MINISYM_SNAPSHOTS") == "write":
        path.write_text(source, encoding="utf-8")
    assert source == path.read_text(encoding="utf-8")


TRAINING = {
    "training": (lambda: training(mlp()), {"shape": {"data": (0, 784)}}),
    "training_in_full": (lambda: training(mlp()), {"collapse": "none"}),
    "training_encoder": (lambda: training(encoder(3)), {"collapse": "scope"}),
}


@needs_engine
@pytest.mark.parametrize("name", PICTURES | TRAINING)
def test_dot_can_be_laid_out(name):
    make, options = (PICTURES | TRAINING)[name]
    picture = render.run_engine(plot_network(make(), **options).source, "svg", timeout=60)
    assert b"</svg>" in picture
