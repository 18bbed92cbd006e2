"""Rules: what a declaration may say, what a rule is given, and how it fails."""

import subprocess
import sys
from typing import Annotated

import numpy as np
import pytest
from onnx_running import run_there

import minisym as ms
from minisym import sym
from minisym.define import Array, Sample, op

pytest.importorskip("onnx")


def declared(**options):
    @op(elementwise=True, samples=[Sample(((2, 3),))], name="rule_under_test", **options)
    def kernel(
        data: Annotated[Array, "Any array."],
        *,
        slope: Annotated[float, "A factor."] = 2.0,
        out: Array,
    ) -> None:
        """Multiply by a number."""
        np.multiply(data, slope, out)

    return kernel


def export(rule_op, **params):
    return ms.onnx.convert(rule_op(sym.Variable("x"), name="t", **params), shapes={"x": (2, 3)})


def test_the_name_of_an_op_is_enough():
    assert [n.op_type for n in export(declared(onnx="Tanh")).graph.node] == ["Tanh"]


def test_a_rule_gets_inputs_and_parameters(rng):
    rule_op = declared()
    rule_op.onnx(lambda o, data, *, slope: o.Mul(data, slope))
    x = rng.random((5, 3), np.float32)
    np.testing.assert_allclose(run_there(export(rule_op, slope=3.0), {"x": x})[0], 3 * x)


def test_what_a_rule_cannot_get_is_refused():
    rule_op = declared()
    with pytest.raises(ms.DeclarationError, match="its onnx rule names 'dta', which is no input"):
        rule_op.onnx(lambda o, dta: dta)
    with pytest.raises(ms.DeclarationError, match="its onnx rule asks for 'slop'"):
        rule_op.onnx(lambda o, data, *, slop: data)
    with pytest.raises(ms.DeclarationError, match="onnx rule must be a function"):
        rule_op.onnx("Tanh")


def test_a_reason_is_told():
    with pytest.raises(ms.ExportError, match="1 of 1 node has no ONNX form") as caught:
        export(declared(no_onnx="it is a secret"))
    assert caught.value.problems == (("t", "rule_under_test", "it is a secret"),)
    with pytest.raises(ms.ExportError) as caught:
        export(declared())
    assert "does not say what it is in ONNX" in caught.value.problems[0][2]


def test_a_refusal_leaves_nothing_behind():
    def rule(o, data, *, slope):
        o.Tanh(data)
        if slope < 0:
            o.refuse("a negative slope")
        return o.Relu(data)

    rule_op = declared()
    rule_op.onnx(rule)
    with pytest.raises(ms.ExportError) as caught:
        export(rule_op, slope=-1.0)
    assert caught.value.problems[0][2] == "a negative slope"
    assert [n.op_type for n in export(rule_op).graph.node] == ["Relu"]  # and no unused Tanh


def test_a_rule_that_fails_is_a_slip_of_the_declaration():
    rule_op = declared()
    rule_op.onnx(lambda o, data: o.MatMul(data, data.colour))
    x = sym.Variable("x")
    with pytest.raises(ms.DeclarationError, match="its onnx rule raises AttributeError"):
        ms.onnx.convert(rule_op(x), shapes={"x": (2, 3)}, dynamic_batch=False)
    rule_op.onnx(lambda o, data: o.reshaped(data))
    with pytest.raises(ms.DeclarationError, match="a writer has no 'reshaped'"):
        ms.onnx.convert(rule_op(x), shapes={"x": (2, 3)}, dynamic_batch=False)


def test_a_rule_that_onnx_does_not_accept_is_told():
    rule_op = declared()
    rule_op.onnx(lambda o, data: o.Conv(data, data))
    with pytest.raises(ms.ExportError, match="does not accept what was made"):
        export(rule_op)


def test_names_that_meet_get_numbers(rng):
    x = sym.Variable("t/Mul")
    net = sym.exp(sym.LeakyReLU(x, act_type="gelu", name="t"), name="t")
    model = ms.onnx.convert(net, shapes={"t/Mul": (2, 3)})
    made = [name for node in model.graph.node for name in node.output]
    assert len({*made, "t/Mul"}) == len(made) + 1
    assert len({node.name for node in model.graph.node}) == len(model.graph.node)
    data = rng.random((2, 3), np.float32)
    found = run_there(model, {"t/Mul": data})[0]
    np.testing.assert_allclose(found, net.eval(**{"t/Mul": data})[0], rtol=1e-5)


def test_sizes_that_differ_vary_for_themselves(rng):
    rois = sym.Variable("rois")
    pooled = sym.ROIPooling(sym.Variable("data"), rois, pooled_size=(2, 2), spatial_scale=1.0)
    net = sym.Reshape(pooled, shape=(0, -1)) * 2
    model = ms.onnx.convert(net, shapes={"data": (1, 3, 8, 8), "rois": (4, 5)})
    dims = [i.type.tensor_type.shape.dim[0].dim_param for i in model.graph.input]
    assert dims == ["batch", "batch_rois"]
    arrays = {
        "data": rng.random((2, 3, 8, 8), np.float32),
        "rois": np.array([[1, 0, 0, 5, 5], [0, 2, 2, 7, 7], [1, 1, 1, 3, 6]], np.float32),
    }
    np.testing.assert_allclose(run_there(model, arrays)[0], net.eval(**arrays)[0], rtol=1e-6)


def test_minisym_needs_no_package_onnx_until_it_exports(monkeypatch):
    code = "import sys, minisym; minisym.onnx; sys.exit('onnx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ms.ExportError, match="the package onnx is not installed") as caught:
        ms.onnx.convert(sym.Variable("x") + 1, shapes={"x": (2, 3)})
    assert "pip install 'minisym[onnx]'" in str(caught.value)
