"""`ms.summary`: what layers make, hold and cost."""

import json
import os
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import minisym as ms
from minisym import sym
from minisym.core.errors import ComposeError, ParamError, ShapeError
from minisym.core.op import opaque
from minisym.core.symbol import connect


def net():
    h = sym.Convolution(
        sym.Variable("data"), kernel=(3, 3), num_filter=6, num_group=3, pad=(1, 1), name="conv"
    )
    h = sym.BatchNorm(h, fix_gamma=False, name="bn")
    h = sym.Activation(h, act_type="relu", name="relu")
    return sym.SoftmaxOutput(sym.FullyConnected(h, num_hidden=10, name="fc"), name="softmax")


def test_numbers():
    found = ms.summary(net(), data=(2, 3, 8, 8))
    layers = {layer.name: layer for layer in found.layers}
    assert list(layers) == ["conv", "bn", "relu", "fc", "softmax"]
    assert layers["conv"].parameters == 6 * 1 * 9 + 6
    assert layers["conv"].flops == 2 * (2 * 6 * 64) * 9 + 2 * 6 * 64  # a group sees one channel
    assert layers["bn"].parameters == 12
    assert layers["fc"].parameters == 10 * 6 * 64 + 10
    assert layers["fc"].flops == 2 * 2 * 10 * 384 + 2 * 10
    assert layers["fc"].shapes == ((2, 10),)
    assert layers["relu"].nbytes == 2 * 6 * 64 * 4
    assert found.parameters == sum(layer.parameters for layer in found.layers)
    assert found.states == 12
    assert found.is_complete


def test_types_decide_bytes():
    found = ms.summary(net(), dtype={"data": "float64"}, data=(2, 3, 8, 8))
    assert found.layers[0].nbytes == 2 * 6 * 64 * 8


def test_a_shared_weight_counts_once():
    w = sym.Variable("w")
    h = sym.FullyConnected(sym.Variable("x"), weight=w, num_hidden=4, no_bias=True, name="one")
    h = sym.FullyConnected(h, weight=w, num_hidden=4, no_bias=True, name="two")
    found = ms.summary(h, x=(1, 4))
    assert [layer.parameters for layer in found.layers] == [16, 0]
    assert found.parameters == 16


def test_what_layers_do_together_takes_its_time_at_the_last_of_them():
    h = ms.sym.Convolution(ms.sym.Variable("data"), kernel=(3, 3), num_filter=2, name="conv")
    symbol = ms.sym.Activation(h, act_type="relu", name="relu")
    profile = symbol.simple_bind(data=(1, 3, 8, 8), grad_req="null").profile(runs=2)
    assert [row.op for row in profile.rows] == ["_Convolution_finished"]
    found = ms.summary(symbol, profile, data=(1, 3, 8, 8))
    assert [layer.name for layer in found.layers if layer.seconds] == ["relu"]
    assert found.seconds == pytest.approx(profile.seconds)


def test_a_profile_adds_shares():
    symbol = net()
    profile = symbol.simple_bind(data=(2, 3, 8, 8)).profile(runs=2)
    found = ms.summary(symbol, profile, data=(2, 3, 8, 8))
    rows = found.data()
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert found.seconds == pytest.approx(profile.seconds)
    assert "share" in str(found)
    json.dumps(rows)


def test_gradients_are_one_row_a_layer():
    symbol = net()
    found = ms.summary(ms.grad(symbol, ["conv_weight", "fc_weight"]), data=(2, 3, 8, 8))
    names = [layer.name for layer in found.layers]
    assert names.count("∂ fc") == 1
    assert "∂ conv" in names


def test_what_is_not_known_is_said():
    found = ms.summary(net())
    assert not found.is_complete
    assert "at least" in str(found)
    with pytest.raises(ShapeError):
        ms.summary(net(), softmax_label=(2,))
    with pytest.raises(ParamError, match="there is no argument 'dta'"):
        ms.summary(net(), dta=(2, 3, 8, 8))
    with pytest.raises(ComposeError):
        ms.summary("net")


def test_an_unknown_op_has_unknown_costs():
    symbol = connect(opaque("Mystery", 1), "mystery", sym.Variable("x").entries)
    assert ms.summary(symbol, x=(2, 3)).layers[0].flops is None


def test_rich_prints_it():
    console = pytest.importorskip("rich.console").Console(width=120)
    with console.capture() as capture:
        console.print(ms.summary(net(), data=(2, 3, 8, 8)))
    assert "Convolution" in capture.get()


def test_known_costs():
    """VGG16 has 138,357,544 parameters and 15.47e9 multiplications, as torchvision says."""
    h = sym.Variable("data")
    for i, (depth, filters) in enumerate(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))):
        for j in range(depth):
            h = sym.Convolution(
                h, kernel=(3, 3), pad=(1, 1), num_filter=filters, name=f"conv{i}_{j}"
            )
            h = sym.Activation(h, act_type="relu", name=f"relu{i}_{j}")
        h = sym.Pooling(h, pool_type="max", kernel=(2, 2), stride=(2, 2), name=f"pool{i}")
    for i, width in enumerate((4096, 4096, 1000)):
        h = sym.FullyConnected(h, num_hidden=width, name=f"fc{i}")
    found = ms.summary(h, data=(1, 3, 224, 224))
    assert found.parameters == 138_357_544
    layers = sum(layer.flops for layer in found.layers if layer.kind == "layer")
    assert layers / 2 == pytest.approx(15.47e9, rel=1e-3)
    assert found.flops < 1.01 * layers


@pytest.mark.parametrize(
    ("name", "multiplications"), [("cat_resnet50v2", 4.1e9), ("resnet18_legacy", 1.82e9)]
)
def test_known_costs_of_published_models(name, multiplications):
    folder = Path(os.environ.get("MINISYM_MODELS", "missing")) / name
    if not folder.exists():
        pytest.skip("MINISYM_MODELS does not say where the published models are")
    found = ms.summary(sym.load(str(folder / f"{name}-symbol.json")), data=(1, 3, 224, 224))
    assert found.flops / 2 == pytest.approx(multiplications, rel=0.02)


def test_a_notebook_shows_a_table():
    net = sym.FullyConnected(sym.Variable("x"), num_hidden=4, name="a<b")
    table = ET.fromstring(ms.summary(net, x=(2, 3))._repr_html_())
    rows = [["".join(cell.itertext()) for cell in row] for row in table.iter("tr")]
    assert rows[0] == ["layer", "op", "output", "parameters", "FLOPs", "bytes"]
    assert rows[1][:4] == ["a<b", "FullyConnected", "2×4", "16"]
    assert rows[-1][0] == "total"


def test_shapes_in_the_place_of_a_profile_are_refused():
    net = sym.FullyConnected(sym.Variable("x"), num_hidden=4)
    with pytest.raises(ParamError, match=r"profile must be .* got dict"):
        ms.summary(net, {"x": (2, 3)})
