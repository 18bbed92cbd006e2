r"""Pooling: a window slides over each channel and gives its maximum, mean, sum or norm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from functools import partial, reduce
from math import prod
from typing import Annotated, Any, Literal

import numpy as np

from minisym.core.cost import Dims, pool
from minisym.core.declare import Declaration
from minisym.core.declare import op as declare
from minisym.core.errors import ShapeError
from minisym.core.ndarray import Array
from minisym.core.op import OF_GRADIENTS, Params
from minisym.core.params import HINT, Ints
from minisym.core.renamed import Renamed
from minisym.core.samples import Sample
from minisym.core.symbol import Symbol
from minisym.ops.elemwise import onnx_cbrt
from minisym.ops.inputs import LaidOut, Samples
from minisym.ops.numeric.pools import Pool, Settings, fill, send
from minisym.ops.numeric.rules import floats_only
from minisym.ops.numeric.windows import (
    Pad,
    Stride,
    channels_first,
    check_rank,
    shape_back,
    shape_first,
    window,
)


def _workspaces(params: Params) -> int:
    """Return whether MXNet keeps where the maxima are, in an output that nobody sees."""
    first = params["layout"] in {None, "NCW", "NCHW", "NCDHW"}
    return int(params["pool_type"] == "max" and bool(params["kernel"]) and first)


def _window_work(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count what the pooling itself counts."""
    return pool(outs, ins, params)


op = partial(declare, kind="pooling", cost=pool)

Kernel = Annotated[Ints, "Size of the window; needed unless global_pool is set."]
Global = Annotated[bool, "One window over the whole of each channel."]

# --------------------------------------------------------------------------------- the gradients


def _sender(name: str, doc: str, *, back: bool) -> Declaration:
    """Declare an op that sends heads back to the data, or forward from the data to the outputs."""

    def kernel(
        g: Annotated[Array, "Gradient of the output, or a change of the data."],
        data: Annotated[Array, "The data that were pooled."],
        y: Annotated[Array, "What the pooling made of them."],
        *,
        kernel: Kernel,
        pool_type: str,
        global_pool: bool,
        pooling_convention: str,
        stride: Stride,
        pad: Pad,
        p_value: int | None = None,
        count_include_pad: bool | None = None,
        layout: str | None = None,
        first_version: bool = False,
        out: Array,
    ) -> None:
        settings = Settings(
            kernel,
            pool_type,
            global_pool,
            pooling_convention,
            stride,
            pad,
            p_value,
            count_include_pad,
            layout,
            first_version,
        )
        g, data, y, out = (channels_first(a, layout) for a in (g, data, y, out))
        send(g, data, y, settings, out, back=back)

    kernel.__name__, kernel.__doc__, kernel.__module__ = name, doc, __name__
    shape = (1, 1, 3, 3) if back else (1, 1, 4, 4)
    params = {
        "kernel": (2, 2),
        "pool_type": "avg",
        "global_pool": False,
        "pooling_convention": "valid",
        "stride": (),
        "pad": (),
    }
    declared = op(
        name=name,
        no_onnx=OF_GRADIENTS,
        cost=_window_work if back else pool,
        samples=[Sample((shape, (1, 1, 4, 4), (1, 1, 3, 3)), params, wrt=(0,))],
    )(kernel)

    whole = ["data", "output"] if back else ["data", "g"]
    parts = ["y", "g"] if back else ["y", "output"]

    @declared.shape
    def _(s: Any, **params: Any) -> None:
        _check_power(params)
        _pooling_shape(Renamed(s, {"data": whole}, {"output": parts}), settings_of(params))

    return declared.dtype(floats_only)


_pool_back = _sender("_pool_back", "Send the gradient of a pooling back to its data.", back=True)
_pool_along = _sender(
    "_pool_along", "Add up changes of the data as a pooling would, to first order.", back=False
)


def _curvature(
    head: Symbol, change: Symbol, data: Symbol, y: Symbol, params: dict[str, Any]
) -> tuple[Symbol | None, Symbol | None]:
    """Return the gradients by data and output of a head times a change: none but for a norm."""
    power = params["p_value"] if params["pool_type"] == "lp" else 1
    if power == 1:
        return None, None
    sums = {**params, "pool_type": "sum", "p_value": None}
    scaled = head / y if power == 2 else head / (y * y)
    bent = change * _pool_back(scaled, data, y, **sums) * (power - 1)
    along = head * _pool_along(change, data, y, **params) / y
    return bent if power == 2 else bent * data, along * (1 - power)


@_pool_back.grad
def _(g: Symbol, head: Symbol, data: Symbol, y: Symbol, **params: Any) -> Any:
    return _pool_along(g, data, y, **params), *_curvature(head, g, data, y, params)


@_pool_along.grad
def _(g: Symbol, change: Symbol, data: Symbol, y: Symbol, **params: Any) -> Any:
    return _pool_back(g, data, y, **params), *_curvature(g, change, data, y, params)


# --------------------------------------------------------------------------------------- Pooling


def _pooling_shape(s: Any, settings: Settings) -> None:
    """Rule: batch and channels are the same, and the other axes count the windows."""
    layout = settings.layout
    if settings.global_pool:
        known = s.data if s.data is not None else s.output
        if known is not None and not 3 <= len(known) <= 5:
            raise ValueError("data needs 3 to 5 dimensions: batch, channels, and 1 to 3 more")
        check_rank("data", s.data, len(known or layout or "NCHW") - 2, layout)
    else:
        window(settings.kernel, settings.stride, (), settings.padding)
        check_rank("data", s.data, len(settings.kernel), layout)
    data = shape_first(s.data, layout)
    if data is None:
        return
    s.output = shape_back((*data[:2], *settings.counts(data[2:])[1]), layout)
    s.data = shape_back((*shape_first(s.output, layout)[:2], *data[2:]), layout)


def _onnx_windows(
    o: Any, op: str, x: Any, pool: Pool, before: Ints, behind: Ints, **attrs: Any
) -> Any:
    """Slide a window in ONNX; what is padded by a whole window is padded by a node of its own."""
    pads = (*before, *behind)
    if any(p >= k for p, k in zip(pads, pool.kernel * 2, strict=True)):
        fill = -np.inf if op == "MaxPool" else 0.0
        x = o.Pad(x, (0, 0, *before, 0, 0, *behind), fill)
        pads = (0,) * len(pads)
    return o.node(op, x, kernel_shape=pool.kernel, strides=pool.stride, pads=pads, **attrs)


def _onnx_sums(o: Any, x: Any, pool: Pool, before: Ints, behind: Ints) -> Any:
    """Add up the windows in ONNX, where they have means."""
    means = _onnx_windows(o, "AveragePool", x, pool, before, behind, count_include_pad=1)
    return o.Mul(means, prod(pool.kernel))


def onnx_pooling(o: Any, data: Any, settings: Settings) -> Any:
    """Pool in ONNX: where the last windows hang over, they get more padding behind."""
    x = o.channels_first(data, settings.layout)
    pool, kind, power = settings.lay_out(x), settings.pool_type, settings.power
    if settings.global_pool and kind in ("max", "avg"):
        name = "GlobalMaxPool" if kind == "max" else "GlobalAveragePool"
        return o.channels_back(o.node(name, x), settings.layout)
    each = zip(pool.counts, pool.stride, pool.kernel, pool.sizes, pool.pad, strict=True)
    short = [max(0, (count - 1) * s + k - n - 2 * p) for count, s, k, n, p in each]
    before = tuple(pool.pad)
    behind = tuple(p + e for p, e in zip(pool.pad, short, strict=True))
    if kind == "max":
        if settings.first_version and any(before):
            x = o.Pad(x, (0, 0, *before, 0, 0, *before), 0)
            before, behind = (0,) * len(before), tuple(short)
        made = _onnx_windows(o, "MaxPool", x, pool, before, behind)
    elif kind == "avg":
        counted = settings.count_include_pad is not False
        if settings.first_version or (counted and not any(short)):
            made = _onnx_windows(o, "AveragePool", x, pool, before, behind, count_include_pad=1)
        else:
            sums = _onnx_sums(o, x, pool, before, behind)
            made = o.Div(sums, o.constant(pool.divisor(with_padding=counted).astype(o.dtype)))
    else:
        powers = reduce(o.Mul, [x] * power)
        made = _onnx_sums(o, powers, pool, before, behind)
        if power > 1:
            made = o.Sqrt(made) if power == 2 else onnx_cbrt(o, made)
    return o.channels_back(made, settings.layout)


_RAMP = np.arange(16.0).reshape(1, 1, 4, 4)


@op(
    workspaces=_workspaces,
    samples=[
        Sample(
            ((2, 3, 4, 6),),
            {"kernel": (2, 3), "stride": (2, 3)},
            reference=lambda x: x.reshape(2, 3, 2, 2, 2, 3).max((3, 5)),
        ),
        Sample(
            ((2, 3, 4, 6),),
            {"kernel": (2, 3), "stride": (2, 3), "pool_type": "avg"},
            reference=lambda x: x.reshape(2, 3, 2, 2, 2, 3).mean((3, 5)),
        ),
        Sample(
            ((2, 3, 5),),
            {"kernel": (3,), "stride": (2,), "pad": (1,), "pool_type": "avg"},
        ),
        Sample(
            ((1, 2, 5, 5),),
            {
                "kernel": (2, 2),
                "stride": (3, 3),
                "pad": (1, 1),
                "pool_type": "avg",
                "pooling_convention": "full",
                "count_include_pad": False,
            },
        ),
        Sample(
            ((1, 3, 4, 2),),
            {"kernel": (2, 2), "pool_type": "sum", "layout": "NHWC"},
            reference=lambda x: x[:, :-1, :-1] + x[:, 1:, :-1] + x[:, :-1, 1:] + x[:, 1:, 1:],
        ),
        Sample(
            ((1, 2, 2, 4, 4),),
            {"kernel": (2, 2, 2), "stride": (2, 2, 2), "pool_type": "lp", "p_value": 2},
        ),
        Sample(
            ((2, 3, 4, 5),),
            {"global_pool": True, "pool_type": "avg"},
            reference=lambda x: x.mean((2, 3), keepdims=True),
        ),
        Sample(
            (_RAMP,),
            {"kernel": (3, 3), "stride": (2, 2), "pooling_convention": "full"},
            wrt=(),
            reference=lambda x: np.array([[[[10.0, 11.0], [14.0, 15.0]]]]),
        ),
        Sample(((1, 1, 4, 4),), {"kernel": (5, 5)}, raises=ShapeError, match="only 4 elements"),
        Sample(((1, 1, 4, 4),), {}, raises=ShapeError, match="kernel .* must have 1, 2 or 3"),
        Sample(
            ((1, 1, 4),), {"kernel": (2,), "pool_type": "lp"}, raises=ShapeError, match="p_value"
        ),
    ],
)
def Pooling(
    data: LaidOut,
    *,
    kernel: Kernel = (),
    pool_type: Annotated[
        Literal["avg", "lp", "max", "sum"], "What a window gives: mean, p-norm, maximum, sum."
    ] = "max",
    global_pool: Global = False,
    cudnn_off: Annotated[bool, "Accepted, without effect.", HINT] = False,
    pooling_convention: Annotated[
        Literal["full", "same", "valid"],
        "Whether there are windows where all of it fits (valid), also where only its beginning "
        "does (full), or one for each stride (same).",
    ] = "valid",
    stride: Stride = (),
    pad: Pad = (),
    p_value: Annotated[int | None, "The p of an lp pooling: 1, 2 or 3."] = None,
    count_include_pad: Annotated[
        bool | None, "Whether a mean counts the padding, too; it does by default."
    ] = None,
    layout: Annotated[
        Literal["NCDHW", "NCHW", "NCW", "NDHWC", "NHWC", "NWC"] | None,
        "Order of the axes; by default the channels come second.",
    ] = None,
    out: Array,
) -> None:
    r"""Reduce windows of each channel to their maximum, mean, sum, or $(\sum x^p)^{1/p}$.

    `data` is (batch, channels, …) with one to three axes for the window to slide over. A window of
    size $k$ has $\lfloor (n + 2 pad - k) / s \rfloor + 1$ places along an axis of $n$; the
    convention "full" rounds up, "same" gives $\lceil (n + 2 pad) / s \rceil$. The gradient of a
    maximum goes to the first of equal elements. A NaN is no maximum.

    >>> from minisym import sym
    >>> import numpy as np
    >>> pool = sym.Pooling(sym.Variable("x"), kernel=(2,), stride=(2,))
    >>> pool.eval(x=np.array([[[1.0, 3.0, 2.0, 0.0]]]))
    [NDArray([[[3., 2.]]])]
    """
    fill(
        data,
        Settings(
            kernel,
            pool_type,
            global_pool,
            pooling_convention,
            stride,
            pad,
            p_value,
            count_include_pad,
            layout,
        ),
        out,
    )


def _check_power(params: Mapping[str, Any]) -> None:
    if params["pool_type"] == "lp" and params["p_value"] not in (1, 2, 3):
        raise ValueError(f"p_value must be 1, 2 or 3 with pool_type='lp', not {params['p_value']}")


def settings_of(params: Mapping[str, Any], **more: Any) -> Settings:
    """Return the parameters of a pooling in one."""
    known = {f.name for f in fields(Settings)}
    return Settings(**{n: v for n, v in params.items() if n in known}, **more)


@Pooling.shape
def _(s: Any, **params: Any) -> None:
    """Rule: each axis has as many places as the window fits into it, with its pads.

    1, if `global_pool`.
    """
    _check_power(params)
    _pooling_shape(s, settings_of(params))


Pooling.dtype(floats_only)


@Pooling.onnx
def _(o: Any, data: Any, **params: Any) -> Any:
    return onnx_pooling(o, data, settings_of(params))


@Pooling.grad
def _(g: Symbol, data: Symbol, *, y: Symbol, **params: Any) -> Symbol:
    return _pool_back(g, data, y, **asdict(settings_of(params)))


@op(
    samples=[
        Sample(
            ((2, 3, 4, 6),),
            {"kernel": (2, 3), "stride": (2, 3)},
            reference=lambda x: x.reshape(2, 3, 2, 2, 2, 3).max((3, 5)),
        ),
        Sample(
            ((1, 1, 3, 3),),
            {"kernel": (3, 3), "pad": (1, 1), "pool_type": "avg", "pooling_convention": "full"},
        ),
        Sample(
            (-1 - _RAMP,),
            {"kernel": (3, 3), "stride": (2, 2), "pad": (1, 1)},
            wrt=(),
            reference=lambda x: np.array([[[[0.0, 0.0], [0.0, -6.0]]]]),
        ),
    ],
)
def Pooling_v1(
    data: Samples,
    *,
    kernel: Kernel = (),
    pool_type: Annotated[
        Literal["avg", "max", "sum"], "What a window gives: mean, maximum, sum."
    ] = "max",
    global_pool: Global = False,
    pooling_convention: Annotated[
        Literal["full", "valid"],
        "Whether there are windows where all of it fits (valid), or also where only its beginning "
        "does (full).",
    ] = "valid",
    stride: Stride = (),
    pad: Pad = (),
    out: Array,
) -> None:
    r"""Reduce windows of each channel: the first version of `Pooling`, for old files.

    Here padding counts as zeros, for a maximum too, a mean divides by the size of the kernel, and
    the gradient of a maximum goes to all equal elements.
    """
    settings = Settings(
        kernel, pool_type, global_pool, pooling_convention, stride, pad, first_version=True
    )
    fill(data, settings, out)


@Pooling_v1.shape
def _(s: Any, **params: Any) -> None:
    """Rule: each axis has as many places as the window fits into it, with its pads.

    1, if `global_pool`.
    """
    _pooling_shape(s, settings_of(params, first_version=True))


Pooling_v1.dtype(floats_only)


@Pooling_v1.onnx
def _(o: Any, data: Any, **params: Any) -> Any:
    return onnx_pooling(o, data, settings_of(params, first_version=True))


@Pooling_v1.grad
def _(g: Symbol, data: Symbol, *, y: Symbol, **params: Any) -> Symbol:
    return _pool_back(g, data, y, **asdict(settings_of(params, first_version=True)))
