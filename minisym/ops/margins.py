r"""Pictures with margins around them, or cropped to a smaller size."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

import numpy as np

from minisym.core.cost import nothing
from minisym.core.declare import F
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.ndarray import Array
from minisym.core.params import Ints
from minisym.core.samples import Sample
from minisym.core.symbol import Symbol
from minisym.ops.numeric.rules import some_to_choose

op = partial(declare, kind="layout", cost=nothing)

# ------------------------------------------------------------------------------------------- Pad


def _margins(pad_width: Ints) -> list[tuple[int, int]]:
    return list(zip(pad_width[::2], pad_width[1::2], strict=True))


_MODES = Literal["constant", "edge", "reflect"]


@op(
    aliases=("pad",),
    samples=[
        Sample(
            ((1, 2, 3, 4),),
            {"mode": "constant", "pad_width": (0, 0, 0, 0, 1, 2, 0, 3), "constant_value": 5.0},
            reference=lambda x: np.pad(x, ((0, 0), (0, 0), (1, 2), (0, 3)), constant_values=5.0),
        ),
        Sample(
            ((1, 1, 3, 4),),
            {"mode": "reflect", "pad_width": (0, 0, 0, 0, 1, 2, 0, 3)},
            reference=lambda x: np.pad(x, ((0, 0), (0, 0), (1, 2), (0, 3)), "reflect"),
        ),
        Sample(
            ((1, 1, 3, 4),),
            {"mode": "edge", "pad_width": (0, 0, 0, 0, 1, 2, 0, 3)},
            reference=lambda x: np.pad(x, ((0, 0), (0, 0), (1, 2), (0, 3)), "edge"),
        ),
        Sample(
            ((1, 1, 3, 4),),
            {"mode": "edge", "pad_width": (1, 0, 0, 0, 1, 2, 0, 3)},
            raises=ShapeError,
            match="first four",
        ),
    ],
)
def Pad(
    data: Annotated[Array, "Pictures (n, c, h, w) or volumes (n, c, d, h, w)."],
    *,
    mode: Annotated[_MODES, "What the margins hold: a number, the edge, or a mirror image."],
    pad_width: Annotated[Ints, "Margins (before, after) of each axis; none for the first two."],
    constant_value: Annotated[float, "The number of mode 'constant'."] = 0.0,
    out: Array,
) -> None:
    """Put margins around the pictures (n, c, h, w) or volumes (n, c, d, h, w) of a batch."""
    inside = tuple(
        slice(a, a + d) for (a, _), d in zip(_margins(pad_width), data.shape, strict=True)
    )
    if mode == "constant":
        out[...] = constant_value
        out[inside] = data
        return
    np.copyto(out, data[np.ix_(*_sources(mode, pad_width, data.shape))])


def _sources(mode: str, pad_width: Ints, shape: tuple[int, ...]) -> list[Array]:
    """Return, for each axis, the input index that each output index takes its value from."""
    found = []
    for (a, b), d in zip(_margins(pad_width), shape, strict=True):
        index = np.arange(-a, d + b)
        if mode == "reflect" and d > 1:
            index = np.abs(index) % (2 * d - 2)
            index = np.where(index >= d, 2 * d - 2 - index, index)
        found.append(np.clip(index, 0, d - 1))
    return found


@Pad.shape
def _(s: Any, *, mode: str, pad_width: Ints) -> None:
    """Rule: each axis grows by what `pad_width` says of its two ends."""
    data = s.data
    if data is None:
        return
    if len(data) not in (4, 5):
        raise ValueError(f"data must have 4 or 5 dimensions, but has {len(data)}")
    if len(pad_width) != 2 * len(data):
        raise ValueError(f"pad_width needs {2 * len(data)} numbers, but has {len(pad_width)}")
    if any(pad_width[:4]):
        raise ValueError("the first four numbers of pad_width must be 0")
    if any(margin < 0 for margin in pad_width):
        raise ValueError("margins cannot be negative")
    for axis, ((a, b), d) in enumerate(zip(_margins(pad_width), data, strict=True)):
        if mode == "reflect" and d is not None and max(a, b) >= d and max(a, b):
            raise ValueError(f"axis {axis} of size {d} has no mirror image of {max(a, b)}")
    margins = [a + b for a, b in _margins(pad_width)]
    s.output = tuple(d if d is None else d + m for d, m in zip(data, margins, strict=True))
    s.data = tuple(d if d is None else d - m for d, m in zip(s.output, margins, strict=True))
    if mode != "constant":
        some_to_choose(s)


@Pad.onnx
def _(o: Any, data: Any, *, mode: str, pad_width: Ints, constant_value: float) -> Any:
    pads = (*pad_width[::2], *pad_width[1::2])
    return o.Pad(data, pads, constant_value if mode == "constant" else None, mode=mode)


def _pad_again(
    h: Symbol, g: Symbol, data: Symbol, *, mode: str, pad_width: Ints
) -> tuple[Symbol, None]:
    return F.Pad(h, mode=mode, pad_width=pad_width), None


@Pad.backward(grad=_pad_again)
def _(g: Array, data: Array, *, mode: str, pad_width: Ints, out: Array) -> None:
    """Add up the gradient of `Pad` where each element of the input went."""
    margins = _margins(pad_width)
    if mode == "constant":
        np.copyto(
            out,
            g[tuple(slice(a, a + d) for (a, _), d in zip(margins, out.shape, strict=True))],
        )
        return
    # one axis after the other: the index maps of the axes are independent
    for axis, (index, d) in enumerate(
        zip(_sources(mode, pad_width, out.shape), out.shape, strict=True)
    ):
        if any(margins[axis]):
            wide = np.float32 if g.dtype == np.float16 else g.dtype
            folded = np.zeros((*g.shape[:axis], d, *g.shape[axis + 1 :]), wide)
            np.add.at(np.moveaxis(folded, axis, 0), index, np.moveaxis(g, axis, 0))
            g = folded
    np.copyto(out, g, casting="same_kind")


# ------------------------------------------------------------------------------------------ Crop


def _window(offset: Ints, center: bool, whole: Ints, part: Ints) -> tuple[Any, ...]:
    """Return the region of height and width that a Crop keeps."""
    corner = [(w - p) // 2 for w, p in zip(whole, part, strict=True)] if center else offset
    return (..., *(slice(a, a + p) for a, p in zip(corner or (0, 0), part, strict=True)))


@op(
    count="num_args",
    samples=[
        Sample(
            ((1, 2, 5, 6),),
            {"h_w": (2, 3), "center_crop": True},
            reference=lambda x: x[:, :, 1:3, 1:4],
        ),
        Sample(
            ((1, 2, 5, 6), (1, 1, 3, 2)),
            {"offset": (2, 3)},
            wrt=(0,),
            reference=lambda x, like: x[:, :, 2:5, 3:5],
        ),
        Sample(((1, 2, 5, 6),), {"h_w": (6, 3)}, raises=ShapeError, match="height"),
        Sample(((1, 2, 5, 6), (1, 1, 3, 2)), {"offset": (3, 0)}, raises=ShapeError, match="height"),
    ],
)
def Crop(
    *data: Annotated[Array, "Pictures, (n, c, h, w); a second array gives its height and width."],
    offset: Annotated[Ints, "Top left corner (y, x) of the crop."] = (0, 0),
    h_w: Annotated[Ints, "Height and width of the crop, where no second array says them."] = (0, 0),
    center_crop: Annotated[bool, "Crop around the center instead."] = False,
    out: Array,
) -> None:
    """Crop the pictures (n, c, h, w) of a batch to a size, or to the size of a second array's."""
    whole = data[0].shape[2:]
    np.copyto(out, data[0][_window(offset, center_crop, whole, out.shape[2:])])


@Crop.shape
def _(s: Any, *, offset: Ints, h_w: Ints, center_crop: bool) -> None:
    """Rule: the height and width of the second input, or of `h_w`.

    Batch and channels are those of the first.
    """
    if not 1 <= len(s.inputs) <= 2:
        raise ValueError(f"it takes 1 or 2 arrays, but got {len(s.inputs)}")
    for shape in s.inputs:
        if shape is not None and len(shape) != 4:
            raise ValueError(f"it takes arrays (n, c, h, w), but got {len(shape)} dimension(s)")
    data, like = s.inputs[0], (None, None, *h_w) if len(s.inputs) == 1 else s.inputs[1]
    if data is None or like is None:
        return
    corner = (0, 0) if center_crop else offset
    for word, whole, part, start in zip(
        ("height", "width"), data[2:], like[2:], corner, strict=True
    ):
        if None not in (whole, part) and not (start >= 0 and 0 < part <= whole - start):
            raise ValueError(f"no {word} of {part} can be cut at {start} out of {whole}")
    s.output = (*data[:2], *like[2:])
    s.set_input(0, (*s.output[:2], *data[2:]))


@Crop.onnx
def _(o: Any, *data: Any, offset: Ints, center_crop: bool) -> Any:
    window = _window(offset, center_crop, data[0].shape[2:], o.shape[2:])[1:]
    return o.Slice(data[0], [s.start for s in window], [s.stop for s in window], (2, 3))


def _crop_again(
    hs: Any, g: Symbol, *data: Symbol, offset: Ints, h_w: Ints, center_crop: bool
) -> tuple[Symbol | None, ...]:
    h = hs[0] if isinstance(hs, list) else hs
    cut = {"offset": offset, "h_w": h_w, "center_crop": center_crop}
    return F.Crop(h, *data[1:], **cut), *(None for _ in data)


@Crop.backward(grad=_crop_again)
def _(g: Array, *data: Array, offset: Ints, center_crop: bool, out: Any) -> None:
    """Put the gradient of a crop into arrays of zeros."""
    grads = out if isinstance(out, tuple) else (out,)
    for grad in grads:
        grad[...] = 0
    whole = data[0].shape[2:]
    grads[0][_window(offset, center_crop, whole, g.shape[2:])] = g
