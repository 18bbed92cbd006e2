r"""Convolution, and the same backwards: windows that slide over the data, times weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Annotated, Any, Literal

import numpy as np

from minisym.core.cost import Dims
from minisym.core.declare import F
from minisym.core.declare import op as declare
from minisym.core.errors import ParamError, ShapeError
from minisym.core.ndarray import Array
from minisym.core.op import Params
from minisym.core.params import HINT, Between, Ints
from minisym.core.samples import Sample
from minisym.core.shapes import show
from minisym.core.symbol import Symbol
from minisym.ops.channels import lay
from minisym.ops.correlate import (
    Groups,
    Layout,
    adjoint_data,
    adjoint_filters,
    adjoint_output,
    aimed,
    correlate,
    in_floats,
    scatter,
)
from minisym.ops.inputs import FilterBias, FilterWeight, LaidOut
from minisym.ops.numeric.rules import floats_only
from minisym.ops.numeric.windows import (
    Dilate,
    Kernel,
    Pad,
    Stride,
    channels_first,
    check_rank,
    shape_back,
    shape_first,
    window,
)


def _windows_work(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count two operations for each weight at each place of the output."""
    bias = prod(outs[0]) if len(ins) > 2 else 0
    return 2 * prod(outs[0]) * prod(ins[1][1:]) + bias


def _deconvolution(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count two operations for each weight at each place of the data."""
    bias = prod(outs[0]) if len(ins) > 2 else 0
    return 2 * prod(ins[0]) * prod(ins[1][1:]) + bias


op = partial(declare, kind="layer", cost=_windows_work)

Filters = Annotated[int, "Number of channels of the output.", Between(1, 100000)]
NoBias = Annotated[bool, "Whether to leave the bias out."]
Workspace = Annotated[int, "Accepted, without effect.", HINT, Between(0)]
Tune = Annotated[
    Literal["fastest", "limited_workspace", "off"] | None, "Accepted, without effect.", HINT
]
Off = Annotated[bool, "Accepted, without effect.", HINT]


def _of_family(params: dict[str, Any]) -> dict[str, Any]:
    """Choose the parameters that the family takes."""
    return {name: params[name] for name in adjoint_data.params if name in params}


def _bias_gradient(g: Symbol, bias: Symbol | None, layout: str | None) -> Symbol | None:
    if bias is None:
        return None
    return F.sum(g, axis=-1 if layout and layout.endswith("C") else 1, exclude=True)


# ----------------------------------------------------------------------------------- Convolution


def _check_groups(channels: int | None, filters: int, groups: int) -> None:
    for what, number in (("channels of data", channels), ("num_filter", filters)):
        if number is not None and number % groups:
            raise ValueError(f"{number} ({what}) cannot be split into num_group {groups} groups")


def _convolution(
    data: LaidOut,
    weight: FilterWeight,
    bias: FilterBias | None = None,
    *,
    kernel: Kernel,
    stride: Stride = (),
    dilate: Dilate = (),
    pad: Pad = (),
    num_filter: Filters,
    num_group: Groups = 1,
    workspace: Workspace = 1024,
    no_bias: NoBias = False,
    cudnn_tune: Tune = None,
    cudnn_off: Off = False,
    layout: Layout = None,
    out: Array,
) -> None:
    r"""Convolve, $y_f(p) = b_f + \sum_c \sum_k w_{fc}(k)\, x_c(s p + d k - pad)$.

    `data` is (batch, channels, …) with one to three axes for the window to slide over, `weight`
    (num_filter, channels / num_group, kernel…) and `bias` (num_filter,). Along each axis there are
    $\lfloor (n + 2 pad - d (k - 1) - 1) / s \rfloor + 1$ outputs.

    >>> from minisym import sym
    >>> conv = sym.Convolution(sym.Variable("x"), kernel=(3, 3), num_filter=8, name="conv")
    >>> conv.infer_shape(x=(1, 3, 28, 28))
    ([(1, 3, 28, 28), (8, 3, 3, 3), (8,)], [(1, 8, 26, 26)], [])
    """
    data, weight, out = (channels_first(a, layout) for a in (data, weight, out))
    win = window(kernel, stride, dilate, pad)
    in_floats(correlate, data, weight, win, num_group, out=out)
    if bias is not None:
        np.add(out, lay(bias, out.ndim), out)


def _plain(data: Array, weight: Array, bias: Array) -> Array:
    """Convolve by NumPy's own windows."""
    windows = np.lib.stride_tricks.sliding_window_view(data, weight.shape[2:], axis=(2, 3))
    found: Array = np.einsum("nchwij,fcij->nfhw", windows, weight)
    return found + bias[:, np.newaxis, np.newaxis]


_bias = {"bias": lambda p: not p["no_bias"]}
Convolution = op(
    name="Convolution",
    when=_bias,
    samples=[
        Sample(
            ((2, 2, 4, 3), (3, 2, 2, 3), (3,)),
            {"kernel": (2, 3), "num_filter": 3, "pad": (1, 0)},
            reference=lambda x, w, b: _plain(np.pad(x, ((0, 0), (0, 0), (1, 1), (0, 0))), w, b),
        ),
        Sample(
            ((2, 4, 7), (4, 2, 3)),
            {
                "kernel": (3,),
                "num_filter": 4,
                "num_group": 2,
                "no_bias": True,
                "stride": (2,),
                "dilate": (2,),
                "pad": (1,),
            },
        ),
        Sample(
            ((1, 2, 3, 3, 4), (4, 1, 2, 2, 2), (4,)),
            {"kernel": (2, 2, 2), "num_filter": 4, "num_group": 2},
        ),
        Sample(
            ((2, 4, 3, 2), (3, 2, 3, 2), (3,)),
            {"kernel": (2, 3), "num_filter": 3, "layout": "NHWC"},
            reference=lambda x, w, b: np.moveaxis(
                _plain(np.moveaxis(x, -1, 1), np.moveaxis(w, -1, 1), b), 1, -1
            ),
        ),
        Sample(
            ((1, 3, 5, 5), (2, 4, 3, 3), (2,)),
            {"kernel": (3, 3), "num_filter": 2},
            raises=ShapeError,
            match="weight has shape",
        ),
        Sample(
            ((1, 3, 5, 5), (2, 3, 7, 7), (2,)),
            {"kernel": (7, 7), "num_filter": 2},
            raises=ShapeError,
            match="spans .* only 5 elements",
        ),
        Sample(
            ((3, 5), (2, 3, 3, 3), (2,)),
            {"kernel": (3, 3), "num_filter": 2},
            raises=ShapeError,
            match="must have 4 dimensions",
        ),
        Sample(
            ((1, 3, 5, 5), (2, 1, 3, 3), (2,)),
            {"kernel": (3, 3), "num_filter": 2, "num_group": 2},
            raises=ShapeError,
            match="cannot be split",
        ),
        Sample(((1, 3, 5),), {"kernel": (3,), "num_filter": 0}, raises=ParamError, match="num_f"),
    ],
)(_convolution)
Convolution_v1 = op(
    name="Convolution_v1",
    when=_bias,
    samples=[Sample(((1, 2, 4, 4), (3, 2, 3, 3), (3,)), {"kernel": (3, 3), "num_filter": 3})],
)(_convolution)


def _convolution_shape(
    s: Any,
    *,
    kernel: Ints,
    stride: Ints,
    dilate: Ints,
    pad: Ints,
    num_filter: int,
    num_group: int,
    layout: str | None,
) -> None:
    """Rule: `weight` is (filters, channels / groups, *kernel).

    Each axis of the output has as many places as the window fits into `data` with its pads. In
    "NHWC" and the like channels come last.
    """
    win = window(kernel, stride, dilate, pad)
    check_rank("data", s.data, len(kernel), layout)
    data = shape_first(s.data, layout)
    if data is None:
        if s.weight is not None and len(s.weight) == len(kernel) + 2:  # it tells the channels
            each = shape_first(s.weight, layout)[1]
            free = (None,) * len(kernel)
            s.data = shape_back((None, each and each * num_group, *free), layout)
        return
    _check_groups(data[1], num_filter, num_group)
    channels = None if data[1] is None else data[1] // num_group
    s.weight = shape_back((num_filter, channels, *kernel), layout)
    s.bias = (num_filter,)
    s.output = shape_back((data[0], num_filter, *win.counts(data[2:])), layout)
    weight, output = shape_first(s.weight, layout), shape_first(s.output, layout)
    channels = None if weight[1] is None else weight[1] * num_group
    s.data = shape_back((output[0], channels, *win.sizes(output[2:])), layout)


def _convolution_onnx(
    o: Any,
    data: Any,
    weight: Any,
    bias: Any = None,
    *,
    kernel: Ints,
    stride: Ints,
    dilate: Ints,
    pad: Ints,
    num_group: int,
    layout: str | None,
) -> Any:
    win = window(kernel, stride, dilate, pad)
    made = o.Conv(
        o.channels_first(data, layout),
        o.channels_first(weight, layout),
        bias,
        kernel_shape=kernel,
        strides=win.stride,
        dilations=win.dilate,
        pads=(*win.pad, *win.pad),
        group=num_group,
    )
    return o.channels_back(made, layout)


def _convolution_gradient(
    g: Symbol, data: Symbol, weight: Symbol, bias: Symbol | None = None, **params: Any
) -> Any:
    family = _of_family(params)
    return (
        adjoint_data(g, weight, data, **family),
        adjoint_filters(g, data, weight, **family),
        _bias_gradient(g, bias, params["layout"]),
    )


for _convolve in (Convolution, Convolution_v1):
    _convolve.shape(_convolution_shape).dtype(floats_only).grad(_convolution_gradient).onnx(
        _convolution_onnx
    )


# --------------------------------------------------------------------------------- Deconvolution


@op(
    cost=_deconvolution,
    when=_bias,
    samples=[
        Sample(
            ((1, 2, 3, 3), (2, 3, 2, 2), (3,)),
            {"kernel": (2, 2), "num_filter": 3, "stride": (2, 2), "no_bias": False},
            reference=lambda x, w, b: (
                np.einsum("nchw,cfij->nfhiwj", x, w).reshape(1, 3, 6, 6)
                + b[:, np.newaxis, np.newaxis]
            ),
        ),
        Sample(
            ((2, 2, 4), (2, 2, 3)),
            {
                "kernel": (3,),
                "num_filter": 4,
                "num_group": 2,
                "stride": (2,),
                "pad": (1,),
                "adj": (1,),
            },
        ),
        Sample(
            ((1, 2, 3, 3), (2, 1, 4, 4)),
            {"kernel": (4, 4), "num_filter": 1, "stride": (2, 2), "target_shape": (6, 5)},
        ),
        Sample(
            ((1, 2, 3, 3), (2, 1, 3, 3)),
            {"kernel": (3, 3), "num_filter": 1, "target_shape": (9, 9)},
            raises=ShapeError,
            match="target_shape .* is larger",
        ),
        Sample(
            ((1, 2, 3, 3), (2, 1, 3, 3)),
            {"kernel": (3, 3), "num_filter": 1, "adj": (1, 1)},
            raises=ShapeError,
            match="adj .* must be smaller than the stride",
        ),
    ],
)
def Deconvolution(
    data: LaidOut,
    weight: Annotated[Array, "Filters, (channels, num_filter / num_group, kernel…)."],
    bias: FilterBias | None = None,
    *,
    kernel: Kernel,
    stride: Stride = (),
    dilate: Dilate = (),
    pad: Annotated[Ints, "Elements cut off on either side of each axis; none by default."] = (),
    adj: Annotated[Ints, "Elements added behind each axis, fewer than the stride."] = (),
    target_shape: Annotated[Ints, "Size of the output, which decides pad and adj."] = (),
    num_filter: Filters,
    num_group: Groups = 1,
    workspace: Workspace = 512,
    no_bias: NoBias = True,
    cudnn_tune: Tune = None,
    cudnn_off: Off = False,
    layout: Layout = None,
    out: Array,
) -> None:
    r"""Convolve backwards: each element of the data adds a multiple of the kernel to the output.

    It is the adjoint of `Convolution` with the same parameters, also called transposed convolution.
    `data` is (batch, channels, …), `weight` (channels, num_filter / num_group, kernel…). Along each
    axis the output has $s (n - 1) + d (k - 1) + 1 - 2 pad + adj$ elements.

    Reference: Zeiler et al., *Deconvolutional networks*, CVPR 2010.

    >>> from minisym import sym
    >>> up = sym.Deconvolution(sym.Variable("x"), kernel=(2, 2), stride=(2, 2), num_filter=8)
    >>> up.infer_shape(x=(1, 3, 14, 14))[1]
    [(1, 8, 28, 28)]
    """
    data, weight, out = (channels_first(a, layout) for a in (data, weight, out))
    win = window(kernel, stride, dilate, pad)
    if any(target_shape):
        win = aimed(win, target_shape, data.shape[2:])[0]
    in_floats(scatter, data, weight, win, num_group, out=out)
    if bias is not None:
        np.add(out, lay(bias, out.ndim), out)


@Deconvolution.shape
def _(
    s: Any,
    *,
    kernel: Ints,
    stride: Ints,
    dilate: Ints,
    pad: Ints,
    adj: Ints,
    target_shape: Ints,
    num_filter: int,
    num_group: int,
    layout: str | None,
) -> None:
    """Rule: `weight` is (channels, filters / groups, *kernel).

    The output is as large as the data from which a Convolution of this window makes `data`, and
    `adj` more.
    """
    win = window(kernel, stride, dilate, pad)
    check_rank("data", s.data, len(kernel), layout)
    data = shape_first(s.data, layout)
    if data is None:
        return
    _check_groups(data[1], num_filter, num_group)
    s.weight = shape_back((data[1], num_filter // num_group, *kernel), layout)
    s.bias = (num_filter,)
    extra = adj or (0,) * len(kernel)
    if any(target_shape):
        win, extra = aimed(win, target_shape, data[2:])
    elif len(extra) != len(kernel) or any(
        not 0 <= a < n for a, n in zip(extra, win.stride, strict=True)
    ):
        raise ValueError(f"adj {show(adj)} must be smaller than the stride {show(win.stride)}")
    sizes = tuple(
        None if n is None else n + a for n, a in zip(win.spread(data[2:]), extra, strict=True)
    )
    if any(n is not None and n < 1 for n in sizes):
        raise ValueError(f"nothing is left of data {show(s.data)} with pad {show(win.pad)}")
    s.output = shape_back((data[0], num_filter, *sizes), layout)
    s.data = shape_back((shape_first(s.output, layout)[0], *data[1:]), layout)


Deconvolution.dtype(floats_only)


@Deconvolution.onnx
def _(
    o: Any,
    data: Any,
    weight: Any,
    bias: Any = None,
    *,
    kernel: Ints,
    stride: Ints,
    dilate: Ints,
    pad: Ints,
    adj: Ints,
    target_shape: Ints,
    num_group: int,
    layout: str | None,
) -> Any:
    win, extra = window(kernel, stride, dilate, pad), adj or (0,) * len(kernel)
    data = o.channels_first(data, layout)
    if any(target_shape):
        win, extra = aimed(win, target_shape, data.shape[2:])
    # what is added behind is cut off less there, as far as anything is cut off
    spared = [min(p, e) for p, e in zip(win.pad, extra, strict=True)]
    made = o.ConvTranspose(
        data,
        o.channels_first(weight, layout),
        bias,
        kernel_shape=kernel,
        strides=win.stride,
        dilations=win.dilate,
        pads=(*win.pad, *(p - s for p, s in zip(win.pad, spared, strict=True))),
        output_padding=tuple(e - s for e, s in zip(extra, spared, strict=True)),
        group=num_group,
    )
    return o.channels_back(made, layout)


@Deconvolution.grad
def _(g: Symbol, data: Symbol, weight: Symbol, bias: Symbol | None = None, **params: Any) -> Any:
    family = _of_family(params)
    return (
        adjoint_output(g, weight, data, **family),
        adjoint_filters(data, g, weight, **family),
        _bias_gradient(g, bias, params["layout"]),
    )
