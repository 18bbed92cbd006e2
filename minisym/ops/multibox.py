r"""Single-shot detection: anchors all over an image, their training targets, and what they found.

Each cell of a feature map has some anchors, boxes of several sizes and shapes. A network says for
each anchor which class it shows (0 is the background), and how its box differs from the anchor.

Reference: Liu et al., *SSD: single shot multibox detector*, ECCV 2016, arXiv:1512.02325.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import each_input
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.kernels import single
from minisym.core.ndarray import Array
from minisym.core.params import Floats
from minisym.core.samples import Sample
from minisym.core.shapes import Shape, product, show
from minisym.ops.boxes import centers, onnx_centers, onnx_corners, overlap
from minisym.ops.numeric.rules import floats_only
from minisym.ops.suppression import (
    best_first,
    onnx_first,
    onnx_sorted,
    onnx_survivors,
    pairs,
    survivors,
)

op = partial(declare, cost=each_input(4))
Anchors = Annotated[Array, "Corners of the anchors, (1, anchors, 4)."]

Variances = Annotated[Floats, "Deviations by which the four numbers of a box are divided."]
VARIANCES = (0.1, 0.1, 0.2, 0.2)


def _check(name: str, shape: Shape, what: str) -> None:
    """Raise where an array does not have the axes that a text names."""
    rank = what.count(",") + 1
    if shape is not None and len(shape) != rank:
        raise ValueError(f"{name} must be ({what}), but is {show(shape)}")


def _check_variances(variances: Floats) -> None:
    if len(variances) != 4:
        raise ValueError(f"variances must be 4 numbers, but are {variances}")


# ---------------------------------------------------------------------------------- MultiBoxPrior


def _prior(x: Array) -> Array:
    """Return the anchors of 1 row of 2 cells, for sizes 0.5, 0.2 and ratios 1, 4."""
    half = np.array([[0.125, 0.25], [0.05, 0.1], [0.25, 0.125]])
    centre = np.array([[[0.25, 0.5]], [[0.75, 0.5]]])
    found = np.concatenate([centre - half, centre + half], 2).reshape(1, 6, 4)
    return found.astype(np.float32)  # the precision of all of this


@op(
    name="_contrib_MultiBoxPrior",
    samples=[
        Sample(
            (np.zeros((1, 3, 1, 2)),), {"sizes": (0.5, 0.2), "ratios": (1, 4)}, reference=_prior
        ),
        Sample(
            (np.zeros((2, 1, 1, 1)),),
            {"steps": (2.0, 1.0), "offsets": (0.25, 0.5), "clip": True},
            reference=lambda x: np.array([[[0.0, 0.0, 1.0, 1.0]]]),
        ),
        Sample(((3, 4, 4),), raises=ShapeError, match="must be .batch, channels"),
        Sample(((1, 3, 4, 4),), {"steps": (1.0,)}, raises=ShapeError, match="steps"),
        Sample(((1, 3, 4, 4),), {"offsets": (0.5, 2)}, raises=ShapeError, match="offsets"),
    ],
)
def MultiBoxPrior(
    data: Annotated[
        Array,
        "Images or features, (batch, channels, height, width), of which only the size counts.",
    ],
    *,
    sizes: Annotated[Floats, "Sizes of anchors, as parts of the image's height."] = (1.0,),
    ratios: Annotated[Floats, "Ratios of width to height."] = (1.0,),
    clip: Annotated[bool, "Whether to cut off what lies outside of the image."] = False,
    steps: Annotated[
        Floats,
        "Distance of cells, down and across; -1: the image's height and width in equal parts.",
    ] = (-1.0, -1.0),
    offsets: Annotated[Floats, "Where in its cell an anchor's centre is, down and across."] = (
        0.5,
        0.5,
    ),
    out: Array,
) -> None:
    """Lay anchors over an image: in each cell one of each size, and one of each further ratio.

    Of `data` (batch, channels, height, width) only height and width count. The output is (1, height
    · width · (sizes + ratios - 1), 4), the corners of the anchors as parts of the image. All sizes
    come with the first ratio, all further ratios with the first size. The gradient is 0.

    >>> from minisym import sym
    >>> x = sym.Variable("x")
    >>> anchors = sym.contrib.MultiBoxPrior(x, sizes=(0.5, 0.25), ratios=(1, 2, 0.5))
    >>> anchors.infer_shape(x=(1, 3, 8, 8))[1]
    [(1, 256, 4)]
    """
    height, width = data.shape[2:]
    one = np.float32
    down, across = (one(s) for s in steps)
    if down <= 0 or across <= 0:
        down, across = one(1) / one(height), one(1) / one(width)
    kinds = [(size, ratios[0]) for size in sizes] + [(sizes[0], ratio) for ratio in ratios[1:]]
    size, ratio = np.array(kinds, np.float32).T
    root = np.sqrt(ratio)
    half = np.stack([size * one(height) / one(width) * root / 2, size / root / 2], 1)
    x = (np.arange(width, dtype=np.float32) + one(offsets[1])) * across
    y = (np.arange(height, dtype=np.float32) + one(offsets[0])) * down
    centre = np.stack(np.broadcast_arrays(x, y[:, np.newaxis]), 2)[:, :, np.newaxis]
    found = np.concatenate([centre - half, centre + half], 3)
    if clip:
        found.clip(0, 1, found)
    np.copyto(out, found.reshape(out.shape), casting="unsafe")


@MultiBoxPrior.shape
def _(s: Any, *, sizes: Floats, ratios: Floats, steps: Floats, offsets: Floats) -> None:
    """Rule: (1, height · width · (sizes + ratios - 1), 4)."""
    _check("data", s.data, "batch, channels, height, width")
    if not sizes or not ratios:
        raise ValueError("there must be a size and a ratio")
    if len(steps) != 2 or steps[0] * steps[1] < 0:
        raise ValueError(f"steps must be 2 numbers, both positive or both not, but are {steps}")
    if len(offsets) != 2 or not all(0 <= o <= 1 for o in offsets):
        raise ValueError(f"offsets must be 2 numbers from 0 to 1, but are {offsets}")
    if s.data is not None:
        s.output = (1, product((*s.data[2:], len(sizes) + len(ratios) - 1)), 4)


MultiBoxPrior.dtype(floats_only).grad(lambda g, data: None)


@MultiBoxPrior.onnx
def _(o: Any, data: Any) -> Any:
    height, width = o.fixed_sizes(data.shape[2:], "the anchors lie in the cells of an image")
    return o.evaluate(np.empty((1, 1, height, width), data.dtype))


# --------------------------------------------------------------------------------- MultiBoxTarget


def _match(overlaps: Array, threshold: float) -> tuple[Array, Array]:
    """Return each anchor's object, -1 where it has none, and how much it overlaps at best.

    Each object gets the anchor that overlaps it most, then each anchor the object that it overlaps
    most, if that is more than the threshold.
    """
    match = np.full(len(overlaps), -1)
    for anchor, box in pairs(overlaps, np.float32(1e-6)):
        match[anchor] = box
    best = overlaps.max(1)
    if threshold > 0:
        free = (match < 0) & (best > single(threshold))
        match[free] = overlaps.argmax(1)[free]
    return match, best


def _hard_negatives(free: Array, scores: Array, best: Array, number: int, limit: float) -> Array:
    """Return the free anchors that look least like background, and overlap no object much."""
    candidates = np.flatnonzero(free & (best < single(limit)))
    scores = np.exp(scores - scores.max(0))
    background = (scores[0] / scores.sum(0)).astype(np.float32)
    chosen: Array = candidates[best_first(-background[candidates])][:number]
    return chosen


_ANCHORS = np.array([[[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0], [0.0, 0.5, 0.5, 1.0]]])
_OBJECTS = np.array([[[1.0, 0.0, 0.0, 0.5, 0.25], [-1.0, -1.0, -1.0, -1.0, -1.0]]])
_EIGHTHS = {"variances": (0.125, 0.125, 0.25, 0.25)}
_FOUND = [0, -2, 0, np.log(0.5) / 0.25]


@op(
    name="_contrib_MultiBoxTarget",
    outputs=("loc_target", "loc_mask", "cls_target"),
    samples=[
        Sample(
            (_ANCHORS, _OBJECTS, (1, 3, 3)),
            _EIGHTHS,
            wrt=(),
            reference=lambda a, o, p: [
                np.array([_FOUND + [0] * 8]),
                np.array([[1] * 4 + [0] * 8]),
                np.array([[2, 0, 0]]),
            ],
        ),
        Sample(
            (_ANCHORS, _OBJECTS, np.array([[[0.0, 1.0, 2.0], [3.0, 0.0, 3.0]]])),
            {"negative_mining_ratio": 1.0, "ignore_label": -7, **_EIGHTHS},
            wrt=(),
            reference=lambda a, o, p: [
                np.array([_FOUND + [0] * 8]),
                np.array([[1] * 4 + [0] * 8]),
                np.array([[2, -7, 0]]),
            ],
        ),
        Sample(((1, 3, 4), (1, 2, 4), (1, 3, 3)), raises=ShapeError, match="label"),
        Sample(((1, 3, 4), (1, 2, 5), (1, 3, 4)), raises=ShapeError, match="cls_pred"),
        Sample(((2, 3, 4), (1, 2, 5), (1, 3, 3)), raises=ShapeError, match="anchor"),
    ],
)
def MultiBoxTarget(
    anchor: Anchors,
    label: Annotated[
        Array, "Objects, (batch, objects, 5 or more): rows [class, left, top, right, bottom, …]."
    ],
    cls_pred: Annotated[Array, "Scores that the network gives now, (batch, classes, anchors)."],
    *,
    overlap_threshold: Annotated[
        float, "An anchor shows the object that it overlaps most if it overlaps it more than that."
    ] = 0.5,
    ignore_label: Annotated[float, "The class of anchors that do not count."] = -1.0,
    negative_mining_ratio: Annotated[
        float,
        "If positive, how many anchors count as background for each one that shows an object: "
        "those that look like it least.",
    ] = -1.0,
    negative_mining_thresh: Annotated[
        float, "An anchor that overlaps an object that much is never chosen as background."
    ] = 0.5,
    minimum_negative_samples: Annotated[int, "Accepted, without effect, as in MXNet."] = 0,
    variances: Variances = VARIANCES,
    out: tuple[Array, Array, Array],
) -> None:
    r"""Say what each anchor shows: the targets that a detector learns.

    `anchor` is (1, anchors, 4), by corners; `label` (batch, objects, 5 or more) has rows [class,
    left, top, right, bottom, …], of which the first of class -1 ends the list; `cls_pred` (batch,
    classes, anchors) are the scores that the network gives now.

    The outputs are the targets of `box_encode`, (batch, anchors · 4), a mask of the same shape, 1
    where an anchor shows an object, and the classes (batch, anchors), counted from 1, 0 for
    background. A sample without objects is ignored. Gradients are 0.
    """
    loc_target, loc_mask, cls_target = out
    loc_target[...] = loc_mask[...] = 0
    cls_target[...] = ignore_label
    anchors = anchor[0]
    mine, scale = centers(anchors), np.array(variances, np.float32).astype(anchors.dtype)
    for i, (objects, scores) in enumerate(zip(label, cls_pred, strict=True)):
        ends = np.flatnonzero(objects[:, 0] == -1)
        objects = objects[: ends[0] if ends.size else None]  # noqa: PLW2901  the real ones
        if not len(objects):
            continue
        match, best = _match(overlap(anchors[:, np.newaxis], objects[:, 1:5]), overlap_threshold)
        shows = match >= 0
        if negative_mining_ratio > 0:
            number = int(shows.sum() * single(negative_mining_ratio))
            limits = number, negative_mining_thresh
            cls_target[i, _hard_negatives(~shows, scores, best, *limits)] = 0
        else:
            cls_target[i] = 0
        cls_target[i, shows] = objects[match[shows], 0] + 1
        loc_mask[i].reshape(-1, 4)[shows] = 1
        boxes = centers(objects[match[shows], 1:5])
        place = (boxes[:, :2] - mine[shows, :2]) / mine[shows, 2:]
        stretch = np.log(boxes[:, 2:] / mine[shows, 2:])
        loc_target[i].reshape(-1, 4)[shows] = np.concatenate([place, stretch], 1) / scale


@MultiBoxTarget.shape
def _(s: Any, *, variances: Floats) -> None:
    """Rule: for n anchors: (batch, 4 n), (batch, 4 n) and (batch, n)."""
    _check_variances(variances)
    _check("anchor", s.anchor, "1, anchors, 4")
    _check("label", s.label, "batch, objects, 5 or more")
    _check("cls_pred", s.cls_pred, "batch, classes, anchors")
    if s.label is not None and s.label[2] is not None and s.label[2] < 5:
        raise ValueError(f"label {show(s.label)} needs rows of 5 numbers, class and corners")
    s.anchor = (1, s.cls_pred and s.cls_pred[2], 4)
    batch = next((b for b in (x and x[0] for x in (s.label, s.cls_pred)) if b is not None), None)
    s.label = (batch, None, None)
    s.cls_pred = (batch, None, s.anchor[1])
    s.cls_target = (batch, s.anchor[1])
    s.loc_target = s.loc_mask = (batch, product((s.anchor[1], 4)))


MultiBoxTarget.no_onnx = "it compares with labels, for training"
MultiBoxTarget.dtype(floats_only).grad(lambda g, *inputs: [None] * 3)

# ------------------------------------------------------------------------------ MultiBoxDetection


def _found(cls_prob: Array, loc_pred: Array, anchors: Array, threshold: float) -> Array:
    """Return rows [class, score, box] of the anchors that show an object."""
    best = cls_prob[1:].argmax(0)
    scores = cls_prob[1:].max(0)
    shows = scores >= single(threshold)
    mine, change = centers(anchors[shows]), loc_pred.reshape(-1, 4)[shows]
    place = change[:, :2] * mine[:, 2:] + mine[:, :2]
    half = np.exp(change[:, 2:]) * mine[:, 2:] / 2
    head = np.stack([best[shows].astype(scores.dtype), scores[shows]], 1)
    return np.concatenate([head, place - half, place + half], 1)


def _suppress(rows: Array, limit: float, topk: int, *, force: bool) -> None:
    """Sort rows, best first, and give the class -1 to those that overlap a better one."""
    order = best_first(rows[:, 1])
    if 0 < topk < len(order):
        order = order[:topk]
    rows[: len(order)] = rows[order]
    rows[len(order) :, 0] = -1
    classes, boxes = rows[: len(order), 0].copy(), rows[: len(order), 2:].copy()

    def clash(some: Array, others: Array) -> Array:
        clashing: Array = overlap(boxes[some, np.newaxis], boxes[others]) >= limit
        return clashing if force else clashing & (classes[others] == classes[some, np.newaxis])

    rows[: len(order), 0] = -1
    stay = survivors(len(order), clash)
    rows[stay, 0] = classes[stay]


_PROBABILITIES = np.array([[[0.1, 0.8, 0.3], [0.7, 0.1, 0.6], [0.2, 0.1, 0.1]]])


@op(
    name="_contrib_MultiBoxDetection",
    samples=[
        Sample(
            (_PROBABILITIES, np.zeros((1, 12)), _ANCHORS[:, [0, 1, 0]]),
            {"threshold": 0.5},
            wrt=(),
            reference=lambda p, x, a: np.array(
                [[[0, 0.7, 0, 0, 0.5, 0.5], [-1, 0.6, 0, 0, 0.5, 0.5], [-1] * 6]]
            ),
        ),
        Sample(
            (_PROBABILITIES, np.full((1, 12), 0.25), _ANCHORS),
            {"threshold": 0.65, "clip": False, "variances": (4.0, 0.0, 0.0, 0.0)},
            wrt=(),
            reference=lambda p, x, a: np.array([[[0, 0.7, 0.5, 0, 1, 0.5], [-1] * 6, [-1] * 6]]),
        ),
        Sample(((1, 3, 3), (1, 11), (1, 3, 4)), raises=ShapeError, match="loc_pred"),
        Sample(((1, 3, 3), (1, 12), (1, 4, 4)), raises=ShapeError, match="anchor"),
        Sample(
            ((1, 3, 3), (1, 12), (1, 3, 4)),
            {"variances": (1.0,)},
            raises=ShapeError,
            match="variances",
        ),
    ],
)
def MultiBoxDetection(
    cls_prob: Annotated[
        Array, "Probabilities, (batch, classes, anchors); class 0 is the background."
    ],
    loc_pred: Annotated[Array, "How boxes differ from the anchors, (batch, anchors · 4)."],
    anchor: Anchors,
    *,
    clip: Annotated[bool, "Whether to cut off what lies outside of the image."] = True,
    threshold: Annotated[float, "The least probability of an object that counts."] = 0.01,
    background_id: Annotated[int, "Accepted, without effect: class 0 is the background."] = 0,
    nms_threshold: Annotated[
        float, "How much of an overlap is too much; outside of (0, 1] nothing is suppressed."
    ] = 0.5,
    force_suppress: Annotated[bool, "Whether boxes of other classes are suppressed, too."] = False,
    variances: Variances = VARIANCES,
    nms_topk: Annotated[int, "How many of the best boxes to look at; -1: all."] = -1,
    out: Array,
) -> None:
    r"""Turn what a network says of anchors into detections, rows of [class, score, corners].

    `cls_prob` (batch, classes, anchors) are probabilities, with class 0 the background; `loc_pred`
    (batch, anchors · 4) says how the boxes differ from the `anchor`s (1, anchors, 4), as
    `MultiBoxTarget` has it. The output is (batch, anchors, 6), the best first; classes count from 0
    there, and a row of class -1 is no detection. Gradients are 0.
    """
    out[...] = -1
    scale = np.array(variances, np.float32).astype(loc_pred.dtype)
    for i, probabilities in enumerate(cls_prob):
        if len(probabilities) < 2:
            continue
        change = loc_pred[i].reshape(-1, 4) * scale
        rows = _found(probabilities, change, anchor[0], threshold)
        if clip:
            rows[:, 2:].clip(0, 1, rows[:, 2:])
        if 0 < nms_threshold <= 1:
            _suppress(rows, single(nms_threshold), nms_topk, force=force_suppress)
        out[i, : len(rows)] = rows


@MultiBoxDetection.shape
def _(s: Any, *, variances: Floats) -> None:
    """Rule: (batch, anchors, 6): class, score and four corners."""
    _check_variances(variances)
    _check("cls_prob", s.cls_prob, "batch, classes, anchors")
    _check("loc_pred", s.loc_pred, "batch, anchors · 4")
    _check("anchor", s.anchor, "1, anchors, 4")
    s.cls_prob = (s.loc_pred and s.loc_pred[0], None, s.anchor and s.anchor[1])
    batch, _, number = s.cls_prob
    s.anchor = (None, number, 4)
    s.loc_pred = (batch, product((number, 4)))
    s.output = (batch, number, 6)


MultiBoxDetection.dtype(floats_only).grad(lambda g, *inputs: [None] * 3)


@MultiBoxDetection.onnx
def _(
    o: Any,
    cls_prob: Any,
    loc_pred: Any,
    anchor: Any,
    *,
    clip: bool,
    threshold: float,
    nms_threshold: float,
    force_suppress: bool,
    variances: Floats,
    nms_topk: int,
) -> Any:
    number, _ = o.fixed_sizes(o.shape[1:], "boxes are chosen from a number of them")
    if cls_prob.shape[1] < 2:
        return o.full(o.shape, -1, o.dtype)
    objects = o.Slice(cls_prob, (1,), (cls_prob.shape[1],), (1,))
    best = o.cast(o.ArgMax(objects, axis=1, keepdims=0))
    scores = o.reduce("ReduceMax", objects, (1,))
    shows = o.GreaterOrEqual(scores, threshold)
    middle, size = o.Split(onnx_centers(o, anchor), (2, 2), axis=-1, outputs=2)
    scale = o.constant(np.array(variances, np.float32).astype(o.dtype))
    change = o.Mul(o.Reshape(loc_pred, (-1, number, 4)), scale)
    moved, grown = o.Split(change, (2, 2), axis=-1, outputs=2)
    place = o.Concat(o.Add(o.Mul(moved, size), middle), o.Mul(o.Exp(grown), size), axis=-1)
    boxes = onnx_corners(o, place)
    if clip:
        boxes = o.Min(o.Max(boxes, 0), 1)
    head = o.Concat(o.Unsqueeze(best, (-1,)), o.Unsqueeze(scores, (-1,)), axis=-1)
    rows = o.Concat(head, boxes, axis=-1)
    found = onnx_first(o, rows, shows, number)
    if not 0 < nms_threshold <= 1:
        return found
    looked = nms_topk if 0 < nms_topk < number else number
    ordered, keys = onnx_sorted(o, rows, o.Where(shows, scores, -1), number)
    shown = o.GreaterOrEqual(keys, threshold)
    valid = o.And(shown, o.constant(np.arange(number) < looked))
    classes = o.Squeeze(o.Slice(ordered, (0,), (1,), (-1,)), (-1,))
    corners = o.Slice(ordered, (2,), (6,), (-1,))
    least = float(np.nextafter(np.float32(nms_threshold), np.float32(0)))  # as much is too much
    kept = onnx_survivors(o, corners, valid, None if force_suppress else classes, least, number)
    shown_rows = o.Where(o.Unsqueeze(shown, (-1,)), ordered, -1)
    late = o.constant((np.arange(number) >= looked)[:, np.newaxis])
    whole = o.Where(late, found, shown_rows) if looked < number else shown_rows
    _, rest = o.Split(whole, (1, 5), axis=-1, outputs=2)
    return o.Concat(o.Unsqueeze(o.Where(kept, classes, -1), (-1,)), rest, axis=-1)
