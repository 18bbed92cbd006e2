r"""Boxes: how much they overlap, and how far they are from where they should be.

A box is four numbers along the last axis: its corners [left, top, right, bottom], or its centre and
sizes [x, y, width, height].
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

import numpy as np

from minisym.core.cost import each
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.families import agree
from minisym.core.kernels import single
from minisym.core.ndarray import Array
from minisym.core.samples import Sample
from minisym.core.shapes import Dim, Shape, show
from minisym.ops.numeric.rules import floats_only

op = partial(declare, cost=each(8))

Format = Annotated[
    Literal["corner", "center"],
    "What a box is: [left, top, right, bottom], or [x, y, width, height] about its centre.",
]

# -------------------------------------------------------------------------------------- geometry


def corners(boxes: Array, form: str = "center") -> Array:
    """Return boxes by their corners; themselves, if that is what they are."""
    if form == "corner":
        return boxes
    half = boxes[..., 2:] / 2
    return np.concatenate([boxes[..., :2] - half, boxes[..., :2] + half], -1)


def centers(boxes: Array, form: str = "corner") -> Array:
    """Return boxes by centre and sizes; themselves, if that is what they are."""
    if form == "center":
        return boxes
    size = boxes[..., 2:] - boxes[..., :2]
    half: Any = boxes.dtype.type(0.5)
    return np.concatenate([boxes[..., :2] + size * half, size], -1)


def onnx_corners(o: Any, boxes: Any, form: str = "center") -> Any:
    """Return boxes of ONNX by their corners."""
    if form == "corner":
        return boxes
    middle, size = o.Split(boxes, (2, 2), axis=-1, outputs=2)
    half = o.Mul(size, 0.5)
    return o.Concat(o.Sub(middle, half), o.Add(middle, half), axis=-1)


def onnx_centers(o: Any, boxes: Any, form: str = "corner") -> Any:
    """Return boxes of ONNX by centre and sizes."""
    if form == "center":
        return boxes
    first, last = o.Split(boxes, (2, 2), axis=-1, outputs=2)
    size = o.Sub(last, first)
    return o.Concat(o.Add(first, o.Mul(size, 0.5)), size, axis=-1)


def area(boxes: Array) -> Array:
    """Return the areas of boxes by corners; 0 where one lies the wrong way round."""
    size = np.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    found: Array = size[..., 0] * size[..., 1]
    return found


def overlap(lhs: Array, rhs: Array) -> Array:
    """Return common area over total area of boxes by corners, whose leading axes broadcast."""
    size = np.minimum(lhs[..., 2:], rhs[..., 2:]) - np.maximum(lhs[..., :2], rhs[..., :2])
    size = np.maximum(size, 0)
    common = size[..., 0] * size[..., 1]
    total = area(lhs) + area(rhs) - common
    found: Array = np.divide(common, total, out=np.zeros_like(total), where=common > 0)
    return found


def check_boxes(name: str, shape: Shape, rank: int) -> tuple[Dim, ...] | None:
    """Return a shape whose last axis holds boxes; raise where it has too few dimensions."""
    if shape is None:
        return None
    if len(shape) < rank:
        raise ValueError(f"{name} must have {rank} dimensions or more, but is {show(shape)}")
    return (*shape[:-1], 4)


# --------------------------------------------------------------------------------------- box_iou

_PAIR = np.array([[0.5, 0.5, 1.0, 1.0], [0.0, 0.0, 0.5, 0.5]])
_ONE = np.array([[0.25, 0.25, 0.75, 0.75]])


@op(
    name="_contrib_box_iou",
    samples=[
        Sample((_PAIR, _ONE), wrt=(), reference=lambda a, b: np.full((2, 1), 1 / 7)),
        Sample(
            (np.array([[[0.5, 0.5, 1.0, 0.5]]]), _ONE + 0.25),
            {"format": "center"},
            wrt=(),
            reference=lambda a, b: np.full((1, 1, 1), 0.5),
        ),
        Sample(((3, 5), (2, 4)), raises=ShapeError, match="axis 1 is 5, not 4"),
        Sample(((4,), (2, 4)), raises=ShapeError, match="2 dimensions or more"),
    ],
)
def box_iou(
    lhs: Annotated[Array, "Boxes, (…, 4)."],
    rhs: Annotated[Array, "Boxes to compare each of them with, (…, 4)."],
    *,
    format: Format = "corner",
    out: Array,
) -> None:
    r"""Measure how much boxes overlap, $|a \cap b| / |a \cup b|$, all pairs of them.

    Of `lhs` (…, 4) and `rhs` (…, 4), the output has the leading axes of both. Gradients are 0.

    >>> from minisym import sym
    >>> import numpy as np
    >>> iou = sym.contrib.box_iou(sym.Variable("a"), sym.Variable("b"))
    >>> iou.eval(a=np.array([[0.0, 0.0, 2.0, 1.0]]), b=np.array([[1.0, 0.0, 3.0, 1.0]]))
    [NDArray([[0.33333333]])]
    """
    left, right = (corners(boxes, format).reshape(-1, 4) for boxes in (lhs, rhs))
    np.copyto(out, overlap(left[:, np.newaxis], right).reshape(out.shape))


@box_iou.shape
def _(s: Any) -> None:
    """Rule: the axes of `lhs`, then those of `rhs`, both without their last, of 4."""
    s.lhs, s.rhs = check_boxes("lhs", s.lhs, 2), check_boxes("rhs", s.rhs, 2)
    if s.lhs is not None and s.rhs is not None:
        s.output = (*s.lhs[:-1], *s.rhs[:-1])


box_iou.dtype(floats_only).grad(lambda g, lhs, rhs: (None, None))


@box_iou.onnx
def _(o: Any, lhs: Any, rhs: Any, *, format: str) -> Any:
    left, right = (
        o.Split(o.Reshape(onnx_corners(o, boxes, format), (-1, 4)), (2, 2), axis=1, outputs=2)
        for boxes in (lhs, rhs)
    )

    def area(first: Any, last: Any) -> Any:
        return o.reduce("ReduceProd", o.Max(o.Sub(last, first), 0), (-1,))

    apart = [o.Unsqueeze(corner, (1,)) for corner in left]
    common = area(o.Max(apart[0], right[0]), o.Min(apart[1], right[1]))
    total = o.Sub(o.Add(area(*apart), area(*right)), common)
    some = o.Greater(common, 0)
    return o.reshape(o.Where(some, o.Div(common, o.Where(some, total, 1)), 0))


# -------------------------------------------------------------------------------------- encoding

_REFS = np.array([[[0.0, 0.0, 0.4, 0.2], [0.2, 0.2, 0.6, 1.0]]])
_ANCHORS = np.array([[[0.0, 0.0, 0.4, 0.4], [0.1, 0.2, 0.5, 0.6], [0.0, 0.0, 1.0, 1.0]]])


def _encoded(
    samples: Array, matches: Array, anchors: Array, refs: Array, means: Array, stds: Array
) -> list[Array]:
    target = np.array([[[0, -0.25, 0, np.log(0.5)], [0.25, 0.5, 0, np.log(2)], [0, 0, 0, 0]]])
    mask = np.repeat([[[1.0], [1.0], [0.0]]], 4, 2)
    return [mask * (target - means) / stds, mask]


@op(
    name="_contrib_box_encode",
    outputs=("output0", "output1"),
    samples=[
        Sample(
            (
                np.array([[1.0, 1.0, -1.0]]),
                np.array([[0.0, 1.0, 0.0]]),
                _ANCHORS,
                _REFS,
                np.array([0.1, 0.0, 0.0, 0.2]),
                np.array([0.1, 0.1, 0.2, 0.2]),
            ),
            wrt=(),
            reference=_encoded,
        ),
        Sample(((1, 3), (1, 3), (1, 3, 4), (1, 2, 5), (4,), (4,)), raises=ShapeError, match="refs"),
        Sample(
            ((1, 2), (1, 3), (1, 3, 4), (1, 2, 4), (4,), (4,)), raises=ShapeError, match="samples"
        ),
    ],
)
def box_encode(
    samples: Annotated[Array, "Which anchors count, (batch, N): those above 0.5."],
    matches: Annotated[Array, "Which of the boxes is each anchor's, (batch, N)."],
    anchors: Annotated[Array, "Corners of the anchors, (batch, N, 4)."],
    refs: Annotated[Array, "Corners of the boxes, (batch, M, 4)."],
    means: Annotated[Array, "What is subtracted from each of the four targets, (4,)."],
    stds: Annotated[Array, "What each of the four is divided by then, (4,)."],
    *,
    out: tuple[Array, Array],
) -> None:
    r"""Say where boxes are, seen from anchors: the targets that a detector learns.

    For an anchor of centre (x, y) and sizes (w, h), and its box of (x', y', w', h'), the targets
    are $(x' - x) / w$, $(y' - y) / h$, $\ln (w' / w)$ and $\ln (h' / h)$, less means, over
    deviations.

    `samples` (batch, N) says which anchors count (above 0.5), `matches` (batch, N) which of the
    boxes is an anchor's; `anchors` (batch, N, 4) and `refs` (batch, M, 4) are by their corners.
    The second output is 1 where an anchor counts, else 0, as is the first one then.
    """
    targets, masks = out
    match = matches.astype(np.intp).clip(0, refs.shape[1] - 1)
    boxes = centers(np.take_along_axis(refs, match[..., np.newaxis], 1))
    mine = centers(anchors)
    found = np.empty_like(mine)
    found[..., :2] = (boxes[..., :2] - mine[..., :2]) / mine[..., 2:]
    found[..., 2:] = np.log(boxes[..., 2:] / mine[..., 2:])
    counts = (samples > 0.5)[..., np.newaxis]
    np.copyto(targets, np.where(counts, (found - means) / stds, 0))
    np.copyto(masks, counts)


@box_encode.shape
def _(s: Any) -> None:
    """Rule: both outputs have the shape of `anchors`, (batch, number, 4)."""
    agree(s, "anchors", "output0", "output1")
    s.refs = s.refs and check_boxes("refs", s.refs, 3)
    s.means = s.stds = (4,)
    if s.anchors is not None:
        s.anchors = check_boxes("anchors", s.anchors, 3)
        batch, number, _ = s.anchors
        s.samples = s.matches = (batch, number)
        s.refs = (batch, None, 4)
        agree(s, "anchors", "output0", "output1")


box_encode.no_onnx = "it makes the targets of training, and ONNX files hold predictions"
box_encode.dtype(floats_only).grad(lambda g, *inputs: [None] * 6)


@op(
    name="_contrib_box_decode",
    samples=[
        Sample(
            (np.array([[[0.5, 0.0, 0.0, np.log(2)]]]), np.array([[[2.0, 3.0, 4.0, 2.0]]])),
            wrt=(),
            reference=lambda x, a: np.array([[[2.0, 1.0, 6.0, 5.0]]]),
        ),
        Sample(
            (np.array([[[0.0, 0.0, 5.0, 1.0]]]), np.array([[[0.0, 0.0, 2.0, 2.0]]])),
            {"format": "corner", "clip": 0.75, "std3": 0.5},
            wrt=(),
            reference=lambda x, a: 1 + np.exp([[[0.75, 0.5, 0.75, 0.5]]]) * [-1, -1, 1, 1],
        ),
        Sample(((2, 3, 4), (2, 3, 4)), raises=ShapeError, match="anchors"),
        Sample(((3, 4), (1, 3, 4)), raises=ShapeError, match="3 dimensions"),
    ],
)
def box_decode(
    data: Annotated[Array, "What a detector found, seen from the anchors, (batch, N, 4)."],
    anchors: Annotated[Array, "Anchors, (1, N, 4), as `format` has them."],
    *,
    std0: Annotated[float, "Factor of the first number of each box."] = 1.0,
    std1: Annotated[float, "Factor of the second number."] = 1.0,
    std2: Annotated[float, "Factor of the third number."] = 1.0,
    std3: Annotated[float, "Factor of the fourth number."] = 1.0,
    clip: Annotated[float, "If positive, the most that the last two numbers can be."] = -1.0,
    format: Annotated[
        Literal["corner", "center"], "What an anchor is: its corners, or its centre and sizes."
    ] = "center",
    out: Array,
) -> None:
    r"""Turn what a detector found, seen from anchors, into boxes by their corners.

    It undoes `box_encode`: an anchor of centre (x, y) and sizes (w, h) and the numbers t become
    a box of centre $(x + w t_0, y + h t_1)$ and sizes $(w e^{t_2}, h e^{t_3})$, with each number
    multiplied by its deviation first. `data` is (batch, N, 4), `anchors` (1, N, 4). Gradients
    are 0.
    """
    mine = centers(anchors, format)
    scaled = data * np.array([std0, std1, std2, std3], np.float32).astype(data.dtype)
    place = scaled[..., :2] * mine[..., 2:] + mine[..., :2]
    stretch = scaled[..., 2:]
    if clip > 0:
        stretch = np.minimum(stretch, data.dtype.type(single(clip)))
    half = np.exp(stretch) * mine[..., 2:] * data.dtype.type(0.5)
    np.subtract(place, half, out[..., :2])
    np.add(place, half, out[..., 2:])


@box_decode.shape
def _(s: Any) -> None:
    """Rule: the output has the shape of `data`, (batch, number, 4); `anchors` is (1, number, 4)."""
    agree(s, "data", "output")
    if s.data is None and s.anchors is not None and len(s.anchors) == 3:
        s.data = (None, s.anchors[1], 4)
    if s.data is not None:
        s.data = check_boxes("data", s.data, 3)
        s.anchors = (1, s.data[1], 4)
        agree(s, "data", "output")


box_decode.dtype(floats_only).grad(lambda g, data, anchors: (None, None))


@box_decode.onnx
def _(
    o: Any,
    data: Any,
    anchors: Any,
    *,
    std0: float,
    std1: float,
    std2: float,
    std3: float,
    clip: float,
    format: str,
) -> Any:
    scale = np.array([std0, std1, std2, std3], np.float32).astype(o.dtype)
    middle, size = o.Split(onnx_centers(o, anchors, format), (2, 2), axis=-1, outputs=2)
    moved, grown = o.Split(o.Mul(data, scale), (2, 2), axis=-1, outputs=2)
    if clip > 0:
        grown = o.Min(grown, single(clip))
    place = o.Add(o.Mul(moved, size), middle)
    return onnx_corners(o, o.Concat(place, o.Mul(o.Exp(grown), size), axis=-1))
