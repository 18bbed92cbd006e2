r"""Deformable convolution: each element of the window moves by an offset that is data, too.

Reference: Dai et al., *Deformable convolutional networks*, ICCV 2017, arXiv:1703.06211; with masks:
Zhu et al., *Deformable ConvNets v2: more deformable, better results*, CVPR 2019, arXiv:1811.11168.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from math import prod
from typing import Annotated, Any, Literal

import numpy as np

from minisym.core.cost import Dims
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.ndarray import Array
from minisym.core.op import Params
from minisym.core.params import HINT, Between, Ints
from minisym.core.samples import Sample
from minisym.core.shapes import product
from minisym.ops.channels import lay
from minisym.ops.inputs import FilterBias, FilterWeight, Images
from minisym.ops.numeric.rules import floats_only
from minisym.ops.numeric.sums import sum_over
from minisym.ops.numeric.taps import Taps
from minisym.ops.numeric.windows import Dilate, Kernel, Pad, Stride, Window, check_rank, window


def _work(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count a convolution; its gradient is two. The weight is the last input but for the bias.

    What finds the values between the pixels is not counted.
    """
    filters = next(a for a in reversed(ins) if len(a) > 1)
    places = outs[0] if len(outs) == 1 else ins[0]
    return (1 + (len(outs) > 1)) * 2 * prod(places) * prod(filters[1:])


op = partial(declare, kind="layer", cost=_work)
Offsets = Annotated[
    Array, "Moves of a window's elements, (batch, 2 · kernel · groups, height, width)."
]

Filters = Annotated[int, "Number of channels of the output.", Between(1)]
Groups = Annotated[int, "Into how many groups channels and filters are split.", Between(1)]
OffsetGroups = Annotated[int, "Into how many groups channels are split by offsets.", Between(1)]
NoBias = Annotated[bool, "Whether to leave the bias out."]
Accepted = Annotated[int, "Accepted, without effect.", HINT, Between(0)]
Layout = Annotated[Literal["NCDHW", "NCHW", "NCW"] | None, "Order of the axes: NCHW."]

# ---------------------------------------------------------------------------------- the algorithm


def _wide(array: Array) -> Array:
    """Return halves as float32: sums are made in that."""
    return array.astype(np.float32) if array.dtype == np.float16 else array


class _Part:
    """One offset group of one sample: where its windows look, and how much that counts.

    Images are (channels, elements); columns (channels, elements of the window, places).
    """

    def __init__(
        self, offset: Array, mask: Array | None, win: Window, sizes: tuple[int, int]
    ) -> None:
        counts = offset.shape[-2:]
        moved = offset.reshape(-1, 2, *counts)
        index = [np.arange(n, dtype=offset.dtype) for n in (*win.kernel, *counts)]
        each = zip(index[:2], index[2:], win.stride, win.dilate, win.pad, strict=True)
        rows, columns = (i[:, np.newaxis] * d + n * s - p for i, n, s, d, p in each)
        y = moved[:, 0] + np.repeat(rows, win.kernel[1], 0)[:, :, np.newaxis]
        x = moved[:, 1] + np.tile(columns, (win.kernel[0], 1))[:, np.newaxis]
        if mask is None:
            inside = (y >= 0) & (x >= 0) & (y < sizes[0]) & (x < sizes[1])
            taps = Taps.near(y, x, sizes, inside)
        else:
            taps = Taps.padded(y, x, sizes)
        flat = (part.reshape(4, len(moved), -1) for part in taps)
        self.taps = Taps(*flat)
        self.mask = None if mask is None else mask.reshape(len(moved), -1)

    def columns(self, image: Array) -> Array:
        """Return what the windows see."""
        found = self.taps.sample(image)
        return found if self.mask is None else found * self.mask

    def spread(self, g: Array, image: Array) -> None:
        """Add the gradients of columns to those of an image."""
        self.taps.spread(g if self.mask is None else g * self.mask, image)

    def moves(self, g: Array, image: Array) -> tuple[Array, Array | None]:
        """Return the gradients by offset, (elements, 2, places), and by mask."""
        seen = [
            sum_over(self.taps.sample(image, w) * g, 0) for w in (self.taps.by_y, self.taps.by_x)
        ]
        by_offset = np.stack(seen, 1)
        if self.mask is None:
            return by_offset, None
        by_mask = sum_over(self.taps.sample(image) * g, 0)
        return by_offset * self.mask[:, np.newaxis], by_mask


def _parts(
    data: Array, offset: Array, mask: Array | None, win: Window, groups: int
) -> Iterator[tuple[int, slice, int, _Part]]:
    """Yield the parts: the sample, its channels, the offset group, and the part itself."""
    channels = data.shape[1] // groups
    offsets = offset.reshape(len(offset), groups, -1, *offset.shape[2:])
    masks = None if mask is None else mask.reshape(len(mask), groups, -1, *mask.shape[2:])
    for sample, group in np.ndindex(len(data), groups):
        chosen = None if masks is None else masks[sample, group]
        part = _Part(offsets[sample, group], chosen, win, data.shape[2:])
        yield sample, slice(group * channels, (group + 1) * channels), group, part


def _fill(
    arrays: tuple[Array, Array, Array | None, Array, Array | None],
    win: Window,
    num_group: int,
    offset_groups: int,
    out: Array,
) -> None:
    """Fill the output of a deformable convolution."""
    data, offset, mask, weight = (None if a is None else _wide(a) for a in arrays[:4])
    assert data is not None
    assert offset is not None
    assert weight is not None
    images = data.reshape(*data.shape[:2], -1)
    columns = np.empty((*images.shape[:2], prod(win.kernel), prod(out.shape[2:])), data.dtype)
    for sample, channels, _, part in _parts(data, offset, mask, win, offset_groups):
        columns[sample, channels] = part.columns(images[sample, channels])
    matrix = weight.reshape(num_group, len(weight) // num_group, -1)
    seen = columns.reshape(len(data), num_group, matrix.shape[2], -1)
    found = np.matmul(matrix, seen).reshape(out.shape)
    bias = arrays[4]
    if bias is not None:
        found += lay(bias, out.ndim)
    np.copyto(out, found, casting="unsafe")


def _fill_back(
    g: Array,
    arrays: tuple[Array, Array, Array | None, Array, Array | None],
    win: Window,
    num_group: int,
    offset_groups: int,
    out: list[Array | None],
) -> None:
    """Fill the gradients by data, offset, mask, weight and bias; None where there is none."""
    data, offset, mask, weight = (None if a is None else _wide(a) for a in arrays[:4])
    assert data is not None
    assert offset is not None
    assert weight is not None
    in_data, in_offset, in_mask, in_weight, in_bias = out
    images = data.reshape(*data.shape[:2], -1)
    matrix = weight.reshape(num_group, len(weight) // num_group, -1)
    heads = _wide(g).reshape(len(g), num_group, matrix.shape[1], -1)
    shape = (*images.shape[:2], prod(win.kernel), heads.shape[3])
    from_above = np.matmul(matrix.swapaxes(1, 2), heads).reshape(shape)
    columns = np.empty(shape, data.dtype)
    total = np.zeros(images.shape, data.dtype)
    by_offset = np.empty((len(data), offset_groups, shape[2], 2, shape[3]), data.dtype)
    by_mask = np.empty((len(data), offset_groups, shape[2], shape[3]), data.dtype)
    for sample, channels, group, part in _parts(data, offset, mask, win, offset_groups):
        image, head = images[sample, channels], from_above[sample, channels]
        columns[sample, channels] = part.columns(image)
        part.spread(head, total[sample, channels])
        by_offset[sample, group], masked = part.moves(head, image)
        if masked is not None:
            by_mask[sample, group] = masked
    seen = columns.reshape(len(data), num_group, matrix.shape[2], -1)
    by_weight = sum_over(np.matmul(heads, seen.swapaxes(2, 3)), 0)
    found = (total, by_offset, by_mask, by_weight, None)
    for target, value in zip((in_data, in_offset, in_mask, in_weight), found, strict=False):
        if target is not None and value is not None:
            np.copyto(target, value.reshape(target.shape), casting="unsafe")
    if in_bias is not None:
        np.copyto(in_bias, sum_over(g, (0, 2, 3)), casting="unsafe")


# ------------------------------------------------------------------------------------- the shapes


def _shape(
    s: Any,
    *,
    kernel: Ints,
    stride: Ints,
    dilate: Ints,
    pad: Ints,
    num_filter: int,
    num_group: int,
    num_deformable_group: int,
    layout: str | None,
) -> None:
    """Rule: As of a Convolution.

    `offset` has two numbers for each element of the window at each place.
    """
    if len(kernel) != 2:
        raise ValueError(f"kernel must have 2 dimensions, but has {len(kernel)}")
    win = window(kernel, stride, dilate, pad)
    check_rank("data", s.data, 2, layout)
    number = prod(kernel) * num_deformable_group
    s.offset = (None, 2 * number, None, None)
    if "mask" in s.names:
        s.mask = (None, number, None, None)
    s.bias = (num_filter,)
    if s.data is None:
        return
    batch, channels, *sizes = s.data
    splits = ((channels, num_group), (channels, num_deformable_group), (num_filter, num_group))
    for dim, groups in splits:
        if dim is not None and dim % groups:
            raise ValueError(f"{dim} channels cannot be split into {groups} groups")
    s.weight = (num_filter, None if channels is None else channels // num_group, *kernel)
    s.output = (batch, num_filter, *win.counts(sizes))
    s.data = (s.output[0], product((s.weight[1], num_group)), *win.sizes(s.output[2:]))
    s.offset = places = (s.output[0], None, *s.output[2:])
    if "mask" in s.names:
        s.mask = places


# --------------------------------------------------------------------------------------- the ops

_bias = {"bias": lambda p: not p["no_bias"]}


def _shifted(x: Array, offset: Array, weight: Array, bias: Array) -> Array:
    """Convolve with a kernel of one element that looks half an element to the right."""
    beyond = np.concatenate([x[..., 1:], x[..., -1:]], 3)
    found: Array = np.einsum("nchw,fc->nfhw", (x + beyond) / 2, weight[..., 0, 0])
    return found + lay(bias, 4)


_HALF = np.zeros((1, 2, 3, 4)) + lay(np.array([0.0, 0.5]), 4)


@op(
    name="_contrib_DeformableConvolution",
    when=_bias,
    samples=[
        Sample(
            ((1, 2, 3, 4), _HALF, (3, 2, 1, 1), (3,)),
            {"kernel": (1, 1), "num_filter": 3},
            wrt=(0, 2, 3),
            reference=_shifted,
        ),
        Sample(
            ((2, 4, 4, 5), (2, 16, 5, 6), (2, 2, 2, 2)),
            {
                "kernel": (2, 2),
                "num_filter": 2,
                "pad": (1, 1),
                "num_group": 2,
                "num_deformable_group": 2,
                "no_bias": True,
            },
        ),
        Sample(
            ((1, 2, 6, 6), (1, 12, 2, 3), (2, 2, 3, 2), (2,)),
            {"kernel": (3, 2), "num_filter": 2, "stride": (1, 2), "dilate": (2, 1)},
        ),
        Sample(
            ((1, 2, 4, 4), (1, 7, 3, 3), (2, 2, 2, 2), (2,)),
            {"kernel": (2, 2), "num_filter": 2},
            raises=ShapeError,
            match="axis 1 is 7, not 8",
        ),
        Sample(
            ((1, 2, 4), (1, 2, 4), (2, 2, 1), (2,)),
            {"kernel": (1,), "num_filter": 2},
            raises=ShapeError,
            match="2 dimensions",
        ),
        Sample(
            ((1, 3, 4, 4), (1, 8, 3, 3), (2, 1, 2, 2), (2,)),
            {"kernel": (2, 2), "num_filter": 2, "num_group": 2},
            raises=ShapeError,
            match="cannot be split",
        ),
    ],
    no_onnx="between the last elements and the edge it samples otherwise than ONNX",
)
def DeformableConvolution(
    data: Images,
    offset: Offsets,
    weight: FilterWeight,
    bias: FilterBias | None = None,
    *,
    kernel: Kernel,
    stride: Stride = (),
    dilate: Dilate = (),
    pad: Pad = (),
    num_filter: Filters,
    num_group: Groups = 1,
    num_deformable_group: OffsetGroups = 1,
    workspace: Accepted = 1024,
    no_bias: NoBias = False,
    layout: Layout = None,
    out: Array,
) -> None:
    r"""Convolve with windows that bend, $b_f + \sum_{c,k} w_{fc}(k)\, x_c(p + k + o_k(p))$.

    It is `Convolution` in two dimensions, but that element k of the window moves by an offset
    $o_k$. Data between elements are mixed linearly; outside of the image they are 0.

    `offset` is (batch, 2 · kernel · groups, height, width) of the output's size: for each group of
    channels and each element of the window how far down, then how far right.

    >>> from minisym import sym
    >>> x = sym.Variable("x")
    >>> offset = sym.Convolution(x, kernel=(3, 3), num_filter=18, pad=(1, 1))
    >>> conv = sym.contrib.DeformableConvolution(
    ...     x, offset, kernel=(3, 3), num_filter=8, pad=(1, 1), name="conv"
    ... )
    >>> conv.infer_shape(x=(1, 3, 28, 28))[1]
    [(1, 8, 28, 28)]
    """
    win = window(kernel, stride, dilate, pad)
    _fill((data, offset, None, weight, bias), win, num_group, num_deformable_group, out)


@DeformableConvolution.backward
def _(
    g: Array,
    data: Array,
    offset: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    kernel: Ints,
    stride: Ints,
    dilate: Ints,
    pad: Ints,
    num_group: int,
    num_deformable_group: int,
    out: tuple[Array, ...],
) -> None:
    """Compute the gradients by data, offset, weight and bias."""
    win = window(kernel, stride, dilate, pad)
    outs = [*out[:2], None, *out[2:], None][:5]
    arrays = (data, offset, None, weight, bias)
    _fill_back(g, arrays, win, num_group, num_deformable_group, outs)


def _masked(x: Array, offset: Array, mask: Array, weight: Array, bias: Array) -> Array:
    """Convolve with one element that looks half an element to the right, where edges fade."""
    beyond = np.concatenate([x[..., 1:], np.zeros_like(x[..., -1:])], 3)
    seen = (x + beyond) / 2 * mask
    found: Array = np.einsum("nchw,fc->nfhw", seen, weight[..., 0, 0])
    return found + lay(bias, 4)


@op(
    name="_contrib_ModulatedDeformableConvolution",
    when=_bias,
    samples=[
        Sample(
            ((1, 2, 3, 4), _HALF, (1, 1, 3, 4), (3, 2, 1, 1), (3,)),
            {"kernel": (1, 1), "num_filter": 3},
            wrt=(0, 2, 3, 4),
            reference=_masked,
        ),
        Sample(
            ((2, 4, 4, 5), (2, 16, 5, 6), (2, 8, 5, 6), (2, 2, 2, 2)),
            {
                "kernel": (2, 2),
                "num_filter": 2,
                "pad": (1, 1),
                "num_group": 2,
                "num_deformable_group": 2,
                "no_bias": True,
            },
        ),
        Sample(
            ((1, 2, 4, 4), (1, 8, 3, 3), (1, 5, 3, 3), (2, 2, 2, 2), (2,)),
            {"kernel": (2, 2), "num_filter": 2},
            raises=ShapeError,
            match="axis 1 is 5, not 4",
        ),
    ],
)
def ModulatedDeformableConvolution(
    data: Images,
    offset: Offsets,
    mask: Annotated[
        Array, "Factors of a window's elements, (batch, kernel · groups, height, width)."
    ],
    weight: FilterWeight,
    bias: FilterBias | None = None,
    *,
    kernel: Kernel,
    stride: Stride = (),
    dilate: Dilate = (),
    pad: Pad = (),
    num_filter: Filters,
    num_group: Groups = 1,
    num_deformable_group: OffsetGroups = 1,
    workspace: Accepted = 1024,
    no_bias: NoBias = False,
    im2col_step: Accepted = 64,
    layout: Layout = None,
    out: Array,
) -> None:
    r"""Convolve with windows that bend and fade, $\sum_{c,k} w_{fc}(k)\, m_k\, x_c(p + k + o_k)$.

    It is `DeformableConvolution` where each element of the window is multiplied by a mask $m_k$,
    too, (batch, kernel · groups, height, width) of the output's size. The image fades to 0 over
    one element beyond its edges, where `DeformableConvolution` cuts it off.
    """
    win = window(kernel, stride, dilate, pad)
    _fill((data, offset, mask, weight, bias), win, num_group, num_deformable_group, out)


@ModulatedDeformableConvolution.backward
def _(
    g: Array,
    data: Array,
    offset: Array,
    mask: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    kernel: Ints,
    stride: Ints,
    dilate: Ints,
    pad: Ints,
    num_group: int,
    num_deformable_group: int,
    out: tuple[Array, ...],
) -> None:
    """Compute the gradients by data, offset, mask, weight and bias."""
    win = window(kernel, stride, dilate, pad)
    arrays = (data, offset, mask, weight, bias)
    _fill_back(g, arrays, win, num_group, num_deformable_group, [*out, None][:5])


for _bending in (DeformableConvolution, ModulatedDeformableConvolution):
    _bending.shape(_shape).dtype(floats_only)


@ModulatedDeformableConvolution.onnx
def _(
    o: Any,
    data: Any,
    offset: Any,
    mask: Any,
    weight: Any,
    bias: Any = None,
    *,
    kernel: Ints,
    stride: Ints,
    dilate: Ints,
    pad: Ints,
    num_group: int,
    num_deformable_group: int,
) -> Any:
    if o.opset < 19:
        o.refuse("ONNX has it from version 19 on: opset=19")
    win = window(kernel, stride, dilate, pad)
    return o.DeformConv(
        data,
        weight,
        offset,
        bias,
        mask,
        kernel_shape=kernel,
        strides=win.stride,
        dilations=win.dilate,
        pads=win.pad * 2,
        group=num_group,
        offset_group=num_deformable_group,
    )
