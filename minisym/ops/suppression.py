r"""Choosing among boxes, the best first: suppression of what overlaps, and matching in pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from math import prod
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import each_input
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.kernels import single
from minisym.core.ndarray import Array
from minisym.core.samples import Sample
from minisym.core.shapes import show
from minisym.ops.boxes import (
    Format,
    centers,
    corners,
    onnx_centers,
    onnx_corners,
    overlap,
)
from minisym.ops.numeric.rules import floats_only

op = partial(declare, cost=each_input(4))

BLOCK = 128
"""How many boxes are compared with all later ones at a time."""


def survivors(
    number: int, clash: Callable[[Array, Array], Array], most: int | None = None
) -> Array:
    """Go through boxes in order, and drop all later ones that clash with one that stays.

    `clash(some, others)` says which of some boxes clash with which of the others, as a matrix.
    `most` ends the search early. Only within a block boxes go one by one; what stays of it then
    drops later ones together.
    """
    left = np.arange(number)
    kept = [left[:0]]
    while left.size and (most is None or sum(map(len, kept)) < most):
        block, left = left[:BLOCK], left[BLOCK:]
        free = ~clash(block, block)
        stays = np.ones(len(block), bool)
        for i in range(len(block)):
            if stays[i]:
                stays[i + 1 :] &= free[i, i + 1 :]
        kept.append(block[stays])
        left = left[~clash(kept[-1], left).any(0)]
    return np.concatenate(kept)[:most]


def best_first(scores: Array) -> Array:
    """Return the order of falling scores; equal ones keep their order."""
    return np.argsort(-scores, kind="stable")


def pairs(scores: Array, limit: Any, most: int | None = None) -> Iterator[tuple[int, int]]:
    """Yield pairs of a row and a column, the best score first, none of them twice.

    The search ends where no score is greater than the limit, or with `most` pairs.
    """
    scores = np.where(np.isnan(scores), -np.inf, scores)
    number = min(scores.shape)
    for _ in range(number if most is None else min(number, most)):
        row, column = divmod(int(scores.argmax()), scores.shape[1])
        if not scores[row, column] > limit:
            break
        scores[row], scores[:, column] = -np.inf, -np.inf
        yield row, column


# --------------------------------------------------------------------------------------- in ONNX


def onnx_sorted(o: Any, rows: Any, key: Any, number: Any) -> tuple[Any, Any]:
    """Return the rows (batch, rows, …) of the largest keys (batch, rows), and these; in order."""
    keys, index = o.TopK(key, o.sizes((number,)), axis=-1, outputs=2)
    return o.GatherND(rows, o.Unsqueeze(index, (-1,)), batch_dims=1), keys


def onnx_first(o: Any, rows: Any, kept: Any, number: Any) -> Any:
    """Return the rows that are kept (batch, rows), in their order, and rows of -1 behind them."""
    falling = o.Sub(np.array(number, np.float32), o.count(number, "float32"))
    rank = o.Where(kept, falling, np.array(0, np.float32))
    front, keys = onnx_sorted(o, rows, rank, number)
    return o.Where(o.Unsqueeze(o.Greater(keys, 0), (-1,)), front, -1)


def onnx_survivors(o: Any, boxes: Any, valid: Any, classes: Any, limit: float, number: int) -> Any:
    """Return which boxes (batch, boxes, 4), in their order, overlap none before that stays.

    Only those that are `valid` take part; those of other `classes`, if there are any, do not clash.
    """
    if not 0 <= limit <= 1:
        o.refuse(f"ONNX suppresses overlaps above a part from 0 to 1, not {limit:g}")
    falling = np.arange(number, 0, -1).astype(np.float32)
    scores = o.Unsqueeze(o.Where(valid, falling, np.array(0, np.float32)), (1,))
    if classes is not None:
        whole = o.Cast(classes, to=np.dtype(np.int64))
        from_0 = o.Sub(whole, o.reduce("ReduceMin", whole, keepdims=True))
        depth = o.Add(o.reduce("ReduceMax", from_0), 1)
        own = o.OneHot(from_0, depth, np.array([0, 1], np.float32), axis=1, dtype=np.float32)
        scores = o.Mul(own, scores)
    first, last = o.Split(o.cast(boxes, "float32"), (2, 2), axis=-1, outputs=2)
    found = o.NonMaxSuppression(
        o.Concat(first, o.Max(first, last), axis=-1),  # ONNX turns a box that lies the wrong way
        scores,
        np.array([number], np.int64),
        np.array([limit], np.float32),
        np.array([0], np.float32),
    )
    place = o.Gather(found, np.array([0, 2]), axis=1)
    ones = o.Expand(np.array([True]), o.Shape(found, start=0, end=1))
    nothing = o.And(valid, np.array(False))
    return o.ScatterND(nothing, place, ones)


# --------------------------------------------------------------------------------------- box_nms

_ROWS = np.array(
    [
        [0, 0.5, 0.1, 0.1, 0.2, 0.2],
        [1, 0.4, 0.1, 0.1, 0.2, 0.2],
        [0, 0.3, 0.1, 0.1, 0.14, 0.14],
        [2, 0.6, 0.5, 0.5, 0.7, 0.8],
    ]
)
_GONE = np.full(6, -1.0)


@op(
    name="_contrib_box_nms",
    aliases=("_contrib_box_non_maximum_suppression",),
    outputs=("output0", "output1"),
    visible=1,
    samples=[
        Sample(
            (_ROWS,),
            {"overlap_thresh": 0.1},
            reference=lambda x: np.stack([x[3], x[0], _GONE, _GONE]),
        ),
        Sample(
            (np.stack([_ROWS, _ROWS[::-1]]),),
            {"overlap_thresh": 0.1, "id_index": 0, "valid_thresh": 0.35, "background_id": 2},
            wrt=(),
            reference=lambda x: np.stack([[x[0, 0], x[0, 1], _GONE, _GONE]] * 2),
        ),
        Sample((_ROWS,), {"topk": 1}, reference=lambda x: np.stack([x[3], _GONE, _GONE, _GONE])),
        Sample(
            (_ROWS[2:],),
            {"in_format": "corner", "out_format": "center"},
            reference=lambda x: np.array(
                [[2, 0.6, 0.6, 0.65, 0.2, 0.3], [0, 0.3, 0.12, 0.12, 0.04, 0.04]]
            ),
            wrt=(),
        ),
        Sample(((4, 5),), raises=ShapeError, match="coordinates 2 to 5"),
        Sample(((6,),), raises=ShapeError, match="2 dimensions"),
        Sample(((4, 6),), {"score_index": 3}, raises=ShapeError, match="score_index 3"),
    ],
)
def box_nms(
    data: Annotated[Array, "Boxes, (…, boxes, numbers): rows of coordinates, score and more."],
    *,
    overlap_thresh: Annotated[float, "How much of an overlap is too much."] = 0.5,
    valid_thresh: Annotated[float, "Boxes whose score is not greater are dropped."] = 0.0,
    topk: Annotated[int, "How many of the best boxes to look at; -1: all; 0: change nothing."] = -1,
    coord_start: Annotated[int, "Where in a row the four coordinates begin."] = 2,
    score_index: Annotated[int, "Where the score stands."] = 1,
    id_index: Annotated[int, "Where the class stands; -1: nowhere."] = -1,
    background_id: Annotated[int, "Class of boxes to drop, if classes are given."] = -1,
    force_suppress: Annotated[bool, "Whether boxes of other classes are suppressed, too."] = False,
    in_format: Format = "corner",
    out_format: Format = "corner",
    out: tuple[Array, Array],
) -> None:
    """Keep the best of boxes that overlap: non-maximum suppression.

    The last two axes of `data` are boxes, and what is known of each: by default [class, score,
    left, top, right, bottom, …]. The output has the boxes that stay, best first, and rows of -1
    behind them. Gradients go back to the rows that the boxes came from.

    Converted to `out_format` are boxes whose first coordinate is not negative, as in MXNet.

    >>> from minisym import sym
    >>> import numpy as np
    >>> boxes = np.array([[0, 0.5, 0, 0, 2, 2], [0, 0.9, 0, 0, 2, 1.5]])
    >>> sym.contrib.box_nms(sym.Variable("boxes")).eval(boxes=boxes)
    [NDArray([[ 0. ,  0.9,  0. ,  0. ,  2. ,  1.5],
             [-1. , -1. , -1. , -1. , -1. , -1. ]])]
    """
    kept, record = out
    if topk == 0:
        np.copyto(kept, data)
        record[...] = np.arange(record.size).reshape(record.shape)
        return
    kept[...] = record[...] = -1
    place = slice(coord_start, coord_start + 4)
    limit = single(overlap_thresh)
    number, width = data.shape[-2:]
    for batch in range(prod(data.shape[:-2])):
        rows = data.reshape(-1, number, width)[batch]
        scores = rows[:, score_index]
        valid = scores > single(valid_thresh)
        if id_index >= 0:
            valid &= rows[:, id_index] != background_id
        order = np.flatnonzero(valid)
        order = order[best_first(scores[order])][: None if topk < 0 else topk]
        boxes = corners(rows[order, place], in_format)
        classes = rows[order, id_index].astype(np.intp) if id_index >= 0 else None

        def clash(some: Array, others: Array, boxes: Array = boxes, of: Any = classes) -> Array:
            clashing = overlap(boxes[some, np.newaxis], boxes[others]) > limit
            if of is not None and not force_suppress:
                clashing &= of[others] == of[some, np.newaxis]
            return clashing

        stay = order[survivors(len(order), clash)]
        record.reshape(-1, number)[batch, : len(stay)] = stay + batch * number
        target = kept.reshape(-1, number, width)[batch, : len(stay)]
        target[...] = rows[stay]
        if in_format != out_format:
            convert = corners if in_format == "center" else centers
            inside = target[:, coord_start] >= 0
            target[inside, place] = convert(target[inside, place])


@box_nms.shape
def _(s: Any, *, coord_start: int, score_index: int, id_index: int) -> None:
    """Rule: the output has the shape of `data`."""
    s.data = s.output0
    if s.data is None:
        return
    if len(s.data) < 2:
        raise ValueError(f"data must have 2 dimensions or more, but is {show(s.data)}")
    s.output0, s.output1 = s.data, s.data[:-1]
    last = coord_start + 3
    width = s.data[-1]
    if width is not None and not 0 <= coord_start <= width - 4:
        raise ValueError(f"there are no coordinates {coord_start} to {last} in rows of {width}")
    places = {"score_index": score_index} | ({"id_index": id_index} if id_index >= 0 else {})
    for name, index in places.items():
        if coord_start <= index <= last or not 0 <= index < (width or index + 1):
            raise ValueError(f"{name} {index} is no place in a row beside the coordinates")
    if id_index == score_index:
        raise ValueError(f"score and class cannot both stand in place {id_index}")


@box_nms.dtype
def _(t: Any) -> None:
    if t.data is not None and t.data.kind != "f":
        raise ValueError(f"it takes float arrays, but got {t.data}")
    t.output0 = t.data
    t.data = t.output0
    t.output1 = np.dtype(np.int32)


@box_nms.onnx
def _(
    o: Any,
    data: Any,
    *,
    overlap_thresh: float,
    valid_thresh: float,
    topk: int,
    coord_start: int,
    score_index: int,
    id_index: int,
    background_id: int,
    force_suppress: bool,
    in_format: str,
    out_format: str,
) -> Any:
    if topk == 0:
        return data
    number, width = o.fixed_sizes(data.shape[-2:], "boxes are chosen from a number of them")
    rows = o.Reshape(data, (-1, number, width))

    def column(of: Any, index: int, size: int = 1) -> Any:
        part = o.Slice(of, (index,), (index + size,), (-1,))
        return o.Squeeze(part, (-1,)) if size == 1 else part

    scores = column(rows, score_index)
    valid = o.Greater(scores, valid_thresh)
    if id_index >= 0:
        valid = o.And(valid, o.Not(o.Equal(column(rows, id_index), background_id)))
    most = number if topk < 0 else min(topk, number)
    best, keys = onnx_sorted(o, rows, o.Where(valid, scores, -np.inf), most)
    boxes = onnx_corners(o, column(best, coord_start, 4), in_format)
    classes = column(best, id_index) if id_index >= 0 and not force_suppress else None
    shown = o.Greater(keys, valid_thresh)
    kept = onnx_survivors(o, boxes, shown, classes, single(overlap_thresh), most)
    front = onnx_first(o, best, kept, most)
    if most < number:
        front = o.Pad(front, (0, 0, 0, 0, number - most, 0), -1)
    if in_format != out_format:
        place = column(front, coord_start, 4)
        convert = onnx_corners if in_format == "center" else onnx_centers
        inside = o.GreaterOrEqual(column(front, coord_start, 1), 0)
        changed = o.Where(o.Unsqueeze(inside, (-1,)), convert(o, place), place)
        before = o.Slice(front, (0,), (coord_start,), (-1,))
        behind = o.Slice(front, (coord_start + 4,), (width,), (-1,))
        front = o.Concat(before, changed, behind, axis=-1)
    return o.reshape(front)


@box_nms.backward
def _(g0: Array, data: Array, y1: Array, *, out: Array) -> None:
    """Send the gradients of boxes that stayed back to the rows that they came from."""
    out[...] = 0
    index = y1.ravel()
    stayed = index >= 0
    width = data.shape[-1]
    out.reshape(-1, width)[index[stayed]] = g0.reshape(-1, width)[stayed]


# ----------------------------------------------------------------------------- bipartite_matching


@op(
    name="_contrib_bipartite_matching",
    outputs=("output0", "output1"),
    samples=[
        Sample(
            (np.array([[0.5, 0.6], [0.1, 0.2], [0.3, 0.4]]),),
            {"threshold": 1e-12},
            wrt=(),
            reference=lambda x: [np.array([1.0, -1.0, 0.0]), np.array([2.0, 0.0])],
        ),
        Sample(
            (np.array([[[0.5, 0.6], [0.1, 0.2]], [[0.3, 0.4], [0.7, 0.3]]]),),
            {"threshold": 0.35, "is_ascend": True},
            wrt=(),
            reference=lambda x: [
                np.array([[-1.0, 0.0], [0.0, 1.0]]),
                np.array([[1.0, -1.0], [0.0, 1.0]]),
            ],
        ),
        Sample(((3,),), {"threshold": 0.1}, raises=ShapeError, match="2 dimensions"),
    ],
    no_onnx="it takes one pair after another, which no op of ONNX does",
)
def bipartite_matching(
    data: Annotated[Array, "Scores, (…, rows, columns)."],
    *,
    is_ascend: Annotated[bool, "Whether the least scores are the best."] = False,
    threshold: Annotated[float, "A pair must have a better score than that."],
    topk: Annotated[int, "The search ends when more pairs than that are found; -1: never."] = -1,
    out: tuple[Array, Array],
) -> None:
    """Pair rows with columns, the best score first, each of them once.

    `data` (…, rows, columns) holds the scores. The outputs are the column of each row and the row
    of each column, -1 where there is none. Gradients are 0. As in MXNet, `topk` pairs and one more
    are found.

    >>> from minisym import sym
    >>> import numpy as np
    >>> pairs = sym.contrib.bipartite_matching(sym.Variable("scores"), threshold=0.25)
    >>> pairs.eval(scores=np.array([[0.5, 0.6], [0.1, 0.2], [0.3, 0.4]]))
    [NDArray([ 1., -1.,  0.]), NDArray([2., 0.])]
    """
    columns_of, rows_of = out
    columns_of[...] = rows_of[...] = -1
    rows, columns = data.shape[-2:]
    sign = -1 if is_ascend else 1
    limit = sign * single(threshold)
    most = topk + 1 if topk > 0 else None
    for batch in range(prod(data.shape[:-2])):
        scores = sign * data.reshape(-1, rows, columns)[batch]
        for row, column in pairs(scores, limit, most):
            columns_of.reshape(-1, rows)[batch, row] = column
            rows_of.reshape(-1, columns)[batch, column] = row


@bipartite_matching.shape
def _(s: Any) -> None:
    """Rule: for `data` of (…, rows, columns): (…, rows) and (…, columns)."""
    if s.data is None:
        return
    if len(s.data) < 2:
        raise ValueError(f"data must have 2 dimensions or more, but is {show(s.data)}")
    s.output0, s.output1 = s.data[:-1], (*s.data[:-2], s.data[-1])


bipartite_matching.dtype(floats_only).grad(lambda g, data: None)
