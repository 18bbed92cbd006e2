r"""Region proposals: boxes that may show something, from scores and corrections of anchors.

Anchors are boxes of several sizes and shapes about each cell of a feature map, in pixels; a box
from x1 to x2 is x2 - x1 + 1 pixels wide.

Reference: Ren et al., *Faster R-CNN: towards real-time object detection with region proposal
networks*, 2015, arXiv:1506.01497.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import each_input
from minisym.core.declare import op as declare
from minisym.core.errors import ExecutionError, ShapeError
from minisym.core.kernels import single
from minisym.core.ndarray import Array
from minisym.core.params import Between, Floats
from minisym.core.samples import Sample
from minisym.core.shapes import product, show
from minisym.ops.numeric.rules import floats_only
from minisym.ops.suppression import best_first, onnx_sorted, onnx_survivors, survivors

op = partial(declare, cost=each_input(8))


def _anchors(stride: int, scales: Floats, ratios: Floats) -> Array:
    """Return the anchors about the first cell, ratio by ratio; each as wide as whole pixels."""
    width = np.floor(np.sqrt(np.floor(stride**2 / np.array(ratios, np.float32))) + 0.5)
    height = np.floor(width * np.array(ratios, np.float32) + 0.5)
    sizes = (
        np.stack([width, height], 1)[:, np.newaxis] * np.array(scales, np.float32)[:, np.newaxis]
    )
    centre, half = (stride - 1) / 2, (sizes.reshape(-1, 2) - 1) / 2
    return np.concatenate([centre - half, centre + half], 1)


def _corrected(boxes: Array, change: Array) -> Array:
    """Move and stretch boxes: (dx, dy) in parts of their sizes, and logarithms of factors."""
    size = boxes[..., 2:] - boxes[..., :2] + 1
    centre = boxes[..., :2] + (size - 1) / 2 + change[..., :2] * size
    half = (np.exp(change[..., 2:]) * size - 1) / 2
    return np.concatenate([centre - half, centre + half], -1)


def _overlap(lhs: Array, rhs: Array) -> Array:
    """Return common area over total area, counted in pixels; leading axes broadcast."""

    def pixels(corners: Array) -> Any:
        size = np.maximum(corners[..., 2:] - corners[..., :2] + 1, 0)
        return size[..., 0] * size[..., 1]

    both = [np.maximum(lhs[..., :2], rhs[..., :2]), np.minimum(lhs[..., 2:], rhs[..., 2:])]
    common = pixels(np.concatenate(both, -1))
    found: Array = common / (pixels(lhs) + pixels(rhs) - common)
    return found


def _candidates(
    scores: Array,
    change: Array,
    info: Array,
    anchors: Array,
    *,
    stride: int,
    least: int,
    iou_loss: bool,
) -> tuple[Array, Array]:
    """Return the boxes of all anchors of an image, (boxes, 4), and their scores."""
    number, height, width = scores.shape
    rows, columns, scale = info
    inside = int(rows / stride), int(columns / stride)
    if inside[0] > height or inside[1] > width:
        raise ExecutionError(
            f"Proposal: the image of {rows:g} x {columns:g} pixels has more cells than "
            f"the {height} x {width} of cls_prob"
        )
    shift = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1) * stride
    placed = (anchors + np.tile(shift, 2)[:, :, np.newaxis]).astype(scores.dtype)
    change = change.reshape(number, 4, height, width).transpose(2, 3, 0, 1)
    boxes = placed + change if iou_loss else _corrected(placed, change)
    last = np.array([columns, rows, columns, rows]) - 1
    boxes = np.maximum(np.minimum(boxes, last), 0)
    found = scores.transpose(1, 2, 0).copy()
    found[inside[0] :] = found[:, inside[1] :] = -1
    boxes, found = boxes.reshape(-1, 4), found.reshape(-1)
    shortest = least * scale
    small = (boxes[:, 2:] - boxes[:, :2] + 1 < shortest).any(1)
    boxes[small] += np.array([-1, -1, 1, 1], boxes.dtype) * (shortest / 2)
    found[small] = -1
    return boxes, found


def _proposal(
    cls_prob: Annotated[
        Array, "Probabilities of nothing, then of something, (batch, 2 · anchors, height, width)."
    ],
    bbox_pred: Annotated[
        Array, "How boxes differ from the anchors, (batch, 4 · anchors, height, width)."
    ],
    im_info: Annotated[Array, "Height, width and scale of each image, (batch, 3)."],
    *,
    rpn_pre_nms_top_n: Annotated[int, "How many of the best boxes to look at; 0: all."] = 6000,
    rpn_post_nms_top_n: Annotated[int, "How many boxes to propose.", Between(1)] = 300,
    threshold: Annotated[float, "How much of an overlap with a better box is too much."] = 0.7,
    rpn_min_size: Annotated[int, "Smaller boxes, in pixels times scale, come last."] = 16,
    scales: Annotated[Floats, "Sizes of anchors, in strides."] = (4.0, 8.0, 16.0, 32.0),
    ratios: Annotated[Floats, "Ratios of height to width."] = (0.5, 1.0, 2.0),
    feature_stride: Annotated[int, "Distance of cells, in pixels.", Between(1)] = 16,
    output_score: Annotated[bool, "Whether the scores are an output, too."] = False,
    iou_loss: Annotated[
        bool, "Whether bbox_pred moves the four corners, in pixels, instead."
    ] = False,
    out: tuple[Array, Array],
) -> None:
    r"""Propose boxes that may show something: `Proposal` in one image, `MultiProposal` in several.

    About each cell of a feature map there is an anchor of each ratio and scale. `cls_prob` (batch,
    2 · anchors, height, width) holds probabilities of nothing, then of something; `bbox_pred`
    (batch, 4 · anchors, height, width) says how the boxes differ from the anchors, as `box_encode`
    has it; `im_info` (batch, 3) are height, width and scale of the images.

    The output has `rpn_post_nms_top_n` rows [image, left, top, right, bottom] an image, the best
    first, of which none overlaps a better one too much; if there are too few, they are repeated.
    Gradients are 0.
    """
    number = cls_prob.shape[1] // 2
    anchors = _anchors(feature_stride, scales, ratios)
    wanted = out[0].shape[0] // len(cls_prob)
    for i, (scores, change, info) in enumerate(zip(cls_prob, bbox_pred, im_info, strict=True)):
        boxes, found = _candidates(
            scores[number:],
            change,
            info,
            anchors,
            stride=feature_stride,
            least=rpn_min_size,
            iou_loss=iou_loss,
        )
        order = best_first(found)[: rpn_pre_nms_top_n if rpn_pre_nms_top_n > 0 else None]
        boxes, found = boxes[order], found[order]

        def clash(some: Array, others: Array, boxes: Array = boxes) -> Array:
            pairs = _overlap(boxes[some, np.newaxis], boxes[others])
            clashing: Array = pairs > single(threshold)
            return clashing

        kept = np.resize(survivors(len(order), clash, wanted), wanted)
        rows = slice(i * wanted, (i + 1) * wanted)
        out[0][rows, 0] = i
        out[0][rows, 1:] = boxes[kept]
        out[1][rows, 0] = found[kept]


_FEW = {
    "scales": (0.5, 1.0),
    "ratios": (1.0,),
    "feature_stride": 4,
    "rpn_min_size": 1,
    "rpn_post_nms_top_n": 2,
    "output_score": True,
}
_SCORES = np.zeros((1, 4, 2, 2))
_SCORES[0, 3, 0, 0], _SCORES[0, 2, 1, 1] = 0.75, 0.5
_INFO = np.array([[8.0, 8.0, 1.0]])
_BEST = np.array([[0, 0.0, 0.0, 3.0, 3.0], [0, 5.0, 5.0, 6.0, 6.0]])
_ERRORS = [
    Sample(((1, 4, 2, 2), (1, 4, 2, 2), (1, 3)), _FEW, raises=ShapeError, match="bbox_pred"),
    Sample(((1, 6, 2, 2), (1, 12, 2, 2), (1, 3)), _FEW, raises=ShapeError, match="4 channels"),
    Sample((_SCORES, (1, 8, 2, 2), 2 * _INFO), _FEW, raises=ExecutionError, match="16 x 16 pixels"),
]

Proposal = op(
    name="_contrib_Proposal",
    outputs=("output", "score"),
    visible=lambda p: 2 if p["output_score"] else 1,
    samples=[
        Sample(
            (_SCORES, np.zeros((1, 8, 2, 2)), _INFO),
            _FEW,
            wrt=(),
            reference=lambda p, x, i: [_BEST, np.array([[0.75], [0.5]])],
        ),
        Sample((_SCORES, (1, 8, 2, 2), _INFO), {**_FEW, "iou_loss": True}, wrt=()),
        Sample(((2, 4, 2, 2), (2, 8, 2, 2), (2, 3)), _FEW, raises=ShapeError, match="axis 0 is 2"),
        *_ERRORS,
    ],
)(_proposal)
MultiProposal = op(
    name="_contrib_MultiProposal",
    outputs=("output", "score"),
    visible=lambda p: 2 if p["output_score"] else 1,
    samples=[
        Sample(
            (np.repeat(_SCORES, 2, 0), np.zeros((2, 8, 2, 2)), np.repeat(_INFO, 2, 0)),
            _FEW,
            wrt=(),
            reference=lambda p, x, i: [
                np.concatenate([_BEST, _BEST + np.eye(5)[0]]),
                np.array([[0.75], [0.5]] * 2),
            ],
        ),
        *_ERRORS,
    ],
)(_proposal)


def _proposal_shape(s: Any, *, rpn_post_nms_top_n: int, scales: Floats, ratios: Floats) -> None:
    """Rule: (batch · rpn_post_nms_top_n, 5), and one score a row."""
    channels = 2 * len(scales) * len(ratios)
    if s.cls_prob is not None and len(s.cls_prob) != 4:
        raise ValueError(
            f"cls_prob must be (batch, 2 · anchors, height, width), but is {show(s.cls_prob)}"
        )
    if s.cls_prob is not None and s.cls_prob[1] not in {None, channels}:
        raise ValueError(
            f"{len(ratios)} ratio(s) and {len(scales)} scale(s) make {channels} channels of "
            f"cls_prob, but it has {s.cls_prob[1]}"
        )
    s.cls_prob = (None, channels, None, None)
    if s.bbox_pred is not None and len(s.bbox_pred) == 4:
        s.cls_prob = (s.bbox_pred[0], None, *s.bbox_pred[2:])
    batch, _, height, width = s.cls_prob
    s.bbox_pred = (batch, 2 * channels, height, width)
    s.im_info = (batch, 3)
    rows = product((batch, rpn_post_nms_top_n))
    s.output, s.score = (rows, 5), (rows, 1)


@Proposal.shape
def _(s: Any, *, rpn_post_nms_top_n: int, scales: Floats, ratios: Floats) -> None:
    """Rule: (rpn_post_nms_top_n, 5), and one score a row; the batch is one image."""
    s.cls_prob = (1, None, None, None)
    _proposal_shape(s, rpn_post_nms_top_n=rpn_post_nms_top_n, scales=scales, ratios=ratios)


MultiProposal.shape(_proposal_shape)


def _onnx_candidates(
    o: Any,
    scores: Any,
    change: Any,
    info: Any,
    anchors: Array,
    *,
    sizes: tuple[int, ...],
    stride: int,
    least: int,
    iou_loss: bool,
) -> tuple[Any, Any]:
    """Return boxes (batch, boxes, 4) and scores (batch, boxes) of all anchors, in ONNX."""
    number, (height, width) = len(anchors), sizes
    shift = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1) * stride
    placed = (anchors + np.tile(shift, 2)[:, :, np.newaxis]).astype(o.dtype)
    apart = o.Reshape(change, (0, number, 4, height, width))
    moved = o.Transpose(apart, perm=(0, 3, 4, 1, 2))
    if iou_loss:
        boxes = o.Add(moved, o.constant(placed))
    else:
        size = placed[..., 2:] - placed[..., :2] + 1
        centre = placed[..., :2] + (size - 1) / 2
        place, stretch = o.Split(moved, (2, 2), axis=-1, outputs=2)
        middle = o.Add(o.Mul(place, o.constant(size)), o.constant(centre))
        half = o.Mul(o.Sub(o.Mul(o.Exp(stretch), o.constant(size)), 1), 0.5)
        boxes = o.Concat(o.Sub(middle, half), o.Add(middle, half), axis=-1)
    rows, columns, scale = (
        o.Reshape(part, (-1, 1, 1, 1)) for part in o.Split(info, (1, 1, 1), axis=1, outputs=3)
    )
    last = o.Sub(o.Concat(columns, rows, columns, rows, axis=3), 1)
    boxes = o.Max(o.Min(boxes, o.Unsqueeze(last, (3,))), 0)
    found = o.Transpose(scores, perm=(0, 2, 3, 1))
    for cells, pixels, shape in ((height, rows, (1, -1, 1, 1)), (width, columns, (1, 1, -1, 1))):
        inside = o.Cast(o.Div(pixels, stride), to=np.dtype(np.int64))
        found = o.Where(o.Less(np.arange(cells).reshape(shape), inside), found, -1)
    shortest = o.Mul(scale, least)
    left, right = o.Split(boxes, (2, 2), axis=-1, outputs=2)
    side = o.reduce("ReduceMin", o.Add(o.Sub(right, left), 1), (-1,))
    small = o.Less(side, shortest)
    signs = o.constant(np.array([-1, -1, 1, 1], o.dtype))
    wider = o.Add(boxes, o.Mul(o.Unsqueeze(o.Mul(shortest, 0.5), (4,)), signs))
    boxes = o.Where(o.Unsqueeze(small, (4,)), wider, boxes)
    return o.Reshape(boxes, (0, -1, 4)), o.Reshape(o.Where(small, -1, found), (0, -1))


def _onnx_proposal(
    o: Any,
    cls_prob: Any,
    bbox_pred: Any,
    im_info: Any,
    *,
    rpn_pre_nms_top_n: int,
    rpn_post_nms_top_n: int,
    threshold: float,
    rpn_min_size: int,
    scales: Floats,
    ratios: Floats,
    feature_stride: int,
    iou_loss: bool,
) -> Any:
    sizes = o.fixed_sizes(cls_prob.shape[2:], "anchors lie in the cells of an image")
    anchors = _anchors(feature_stride, scales, ratios)
    total = len(anchors) * sizes[0] * sizes[1]
    boxes, scores = _onnx_candidates(
        o,
        o.Slice(cls_prob, (len(anchors),), (2 * len(anchors),), (1,)),
        bbox_pred,
        im_info,
        anchors,
        sizes=sizes,
        stride=feature_stride,
        least=rpn_min_size,
        iou_loss=iou_loss,
    )
    most = min(rpn_pre_nms_top_n, total) if rpn_pre_nms_top_n > 0 else total
    best, keys = onnx_sorted(o, boxes, scores, most)
    pixels = o.Add(best, o.constant(np.array([0, 0, 1, 1], o.dtype)))  # both ends are inside
    every = o.GreaterOrEqual(o.Mul(keys, 0), 0)
    kept = onnx_survivors(o, pixels, every, None, single(threshold), most)
    order = o.Where(kept, o.constant(np.arange(most, 0, -1)), np.array(0))
    _, places = o.TopK(order, (most,), axis=-1, outputs=2)
    count = o.reduce("ReduceSum", o.cast(kept, "int64"), (1,), keepdims=True)
    wanted = rpn_post_nms_top_n
    again = o.Mod(o.constant(np.arange(wanted)[np.newaxis]), o.Min(count, wanted))
    chosen = o.Unsqueeze(o.GatherElements(places, again, axis=1), (-1,))
    image = o.lay(o.count(cls_prob.shape[0], o.dtype), 3, 0)
    number = o.stretch(image, (cls_prob.shape[0], wanted, 1))
    rows = o.Concat(number, o.GatherND(best, chosen, batch_dims=1), axis=-1)
    return [o.Reshape(rows, (-1, 5)), o.Reshape(o.GatherND(keys, chosen, batch_dims=1), (-1, 1))]


for _proposing in (Proposal, MultiProposal):
    _proposing.dtype(floats_only).grad(lambda g, *inputs: [None] * 3).onnx(_onnx_proposal)
