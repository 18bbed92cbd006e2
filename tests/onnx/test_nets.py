"""Nets of several kinds: each exported with one batch, and run with another."""

import numpy as np
import pytest
from onnx_running import run_there

import minisym as ms
from minisym import sym

pytest.importorskip("onnx")

DATA = sym.Variable("data")


def unrolled() -> ms.Symbol:
    return ms.rnn.LSTMCell(8, prefix="l_").unroll(5, DATA, layout="NTC", merge_outputs=True)[0]


def fused() -> ms.Symbol:
    cell = ms.rnn.FusedRNNCell(8, 2, mode="gru", bidirectional=True, prefix="g_")
    return cell.unroll(5, DATA, layout="TNC", merge_outputs=True)[0]


def attention() -> ms.Symbol:
    query = sym.FullyConnected(DATA, num_hidden=24, flatten=False, name="q")
    heads = sym.transpose(sym.reshape(query, shape=(0, 0, 4, -1)), axes=(0, 2, 1, 3))
    each = sym.reshape(heads, shape=(-1, 0, 0), reverse=True)
    scores = sym.contrib.div_sqrt_dim(sym.batch_dot(each, each, transpose_b=True))
    mixed = sym.batch_dot(sym.softmax(scores), each)
    apart = sym.reshape(mixed, shape=(-1, 4, 0, 0), reverse=True)
    joined = sym.reshape(sym.transpose(apart, axes=(0, 2, 1, 3)), shape=(0, 0, -1))
    return sym.LayerNorm(sym.broadcast_add(joined, query), name="norm")


def convolution(data: ms.Symbol, filters: int, name: str, size: int = 3) -> ms.Symbol:
    pad = (size // 2,) * 2
    return sym.Convolution(data, kernel=(size, size), pad=pad, num_filter=filters, name=name)


def detector() -> ms.Symbol:
    """Make one scale of an SSD: two anchors in each cell, two classes."""
    features = convolution(DATA, 8, "features")

    def flat(name: str, filters: int) -> ms.Symbol:
        last = sym.transpose(convolution(features, filters, name), axes=(0, 2, 3, 1))
        return sym.Flatten(last)

    scores = sym.transpose(sym.Reshape(flat("classes", 6), shape=(0, -1, 3)), axes=(0, 2, 1))
    anchors = sym.contrib.MultiBoxPrior(features, sizes=(0.3,), ratios=(1, 2))
    found = sym.SoftmaxActivation(scores, mode="channel")
    return sym.contrib.MultiBoxDetection(found, flat("boxes", 8), anchors, nms_topk=20)


def proposals() -> ms.Symbol:
    """Make a Faster R-CNN, from features to classes of ten regions."""
    features = convolution(DATA, 16, "features")
    scores = sym.Reshape(convolution(features, 12, "scores", 1), shape=(0, 2, -1, 0))
    found = sym.Reshape(sym.SoftmaxActivation(scores, mode="channel"), shape=(0, 12, -1, 0))
    rois = sym.contrib.MultiProposal(
        found,
        convolution(features, 24, "moves", 1),
        sym.Variable("im_info"),
        feature_stride=4,
        scales=(1, 2),
        ratios=(0.5, 1, 2),
        rpn_pre_nms_top_n=50,
        rpn_post_nms_top_n=10,
        rpn_min_size=1,
    )
    pooled = sym.ROIPooling(DATA, rois, pooled_size=(2, 2), spatial_scale=0.25)
    return sym.FullyConnected(pooled, num_hidden=3, name="fc")


INFO = np.array([[32.0, 32.0, 1.0], [32.0, 28.0, 1.0]], np.float32)
NETS = {
    "unrolled": (unrolled, (3, 5, 3), 0),
    "fused": (fused, (5, 4, 3), 1),
    "attention": (attention, (3, 6, 10), 0),
    "detector": (detector, (3, 3, 8, 8), 0),
    "proposals": (proposals, (2, 3, 8, 8), 0),
}


@pytest.mark.parametrize("name", NETS)
def test_a_net(name: str, rng: np.random.Generator):
    make, shape, axis = NETS[name]
    net = make()
    inputs = {"data": rng.random(shape, np.float32)}
    if "im_info" in net.list_arguments():
        inputs["im_info"] = INFO
    shapes = {n: array.shape for n, array in inputs.items()}
    params = {
        n: rng.standard_normal(size).astype(np.float32) * np.float32(0.3)
        for n, size in zip(net.list_arguments(), net.infer_shape(**shapes)[0], strict=True)
        if n not in inputs
    }
    small = {n: (*s[:axis], 1, *s[axis + 1 :]) for n, s in shapes.items()}
    model = ms.onnx.convert(net, params, small, dynamic_batch=dict.fromkeys(inputs, axis))
    (found,) = run_there(model, inputs)
    np.testing.assert_allclose(found, ms.Model(net, params)(**inputs), atol=1e-5)
