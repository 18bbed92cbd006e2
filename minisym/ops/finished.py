r"""Layers that do what follows them, too: $\max(y\,s_c + t_c + r, 0)$ of their product $y$.

No user composes these: `minisym.passes.simplify.finish` puts them where a layer is followed by a
normalisation in inference, a bias, a residual and a rectifier. The arrays are the same as those of
the plain layers, read in each run: only the normalisation's two vectors are computed anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import Dims, each, nothing
from minisym.core.declare import op as declare
from minisym.core.ndarray import Array
from minisym.core.op import Params
from minisym.core.params import Between
from minisym.core.samples import Sample
from minisym.ops.conv import Convolution
from minisym.ops.correlate import Groups, correlate, in_floats
from minisym.ops.inputs import FilterWeight, Samples
from minisym.ops.nn import FullyConnected
from minisym.ops.norm import Epsilon
from minisym.ops.numeric.finish import Step, finish, finishing
from minisym.ops.numeric.rules import as_forward, floats_only
from minisym.ops.numeric.windows import Dilate, Kernel, Pad, Stride, window

Scale = Annotated[Array | None, "Factor of each channel, (channels,)."]
Shift = Annotated[Array | None, "What is added to each channel, (channels,)."]
Residual = Annotated[Array | None, "What is added at last, shaped like the output."]
Scaled = Annotated[bool, "Whether there is a scale."]
Shifted = Annotated[bool, "Whether there is a shift."]
Added = Annotated[bool, "Whether there is a residual."]
Rectified = Annotated[bool, "Whether negative results become 0."]

PREPARED = 1 << 22
"""Elements of an output up to which its pieces are cut once, when arrays are bound."""

WHEN = {
    "scale": lambda p: p["scaled"],
    "shift": lambda p: p["shifted"],
    "residual": lambda p: p["added"],
}
_ALL = {"scaled": True, "shifted": True, "added": True, "rectified": True}


FLAGS = {"scale": "scaled", "shift": "shifted", "residual": "added"}
"""Input -> the parameter that says whether it is there."""


def _cost(product: Any) -> Any:
    """Count a layer's product, and one operation for each element of all that follows."""

    def count(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
        after = sum(params[name] for name in (*FLAGS.values(), "rectified"))
        return int(product(ins[:2], outs, params) + after * prod(outs[0]))

    return count


def _followed(y: Array, scale: Array | None, shift: Array | None, residual: Array | None) -> Array:
    """Compute what follows as formulas do, for the samples."""
    tail = (slice(None), *(np.newaxis,) * (y.ndim - 2))
    assert scale is not None
    assert shift is not None
    assert residual is not None
    found: Array = np.maximum(y * scale[tail] + shift[tail] + residual, 0)
    return found


def after(out: Array, given: dict[str, Any]) -> list[Step]:
    """Return the steps that finish an output; of a large one, a single one that cuts it anew."""
    if out.size > PREPARED:
        return [(partial(finish, **given), (out,))]
    return list(finishing(out, **given))


def given(params: Params, others: Sequence[Array]) -> dict[str, Any]:
    """Return what finishes an output, by name."""
    present = [name for name, flag in FLAGS.items() if params[flag]]
    return {**dict(zip(present, others, strict=True)), "rectified": params["rectified"]}


# ------------------------------------------------------------------------------ the normalisation


@declare(
    name="_norm_factors",
    kind="norm",
    cost=each(5),
    outputs=("scale", "shift"),
    samples=[
        Sample(
            ((3,), (3,), (3,), np.array([0.5, 1.0, 2.0])),
            {"fix_gamma": False, "eps": 0.1},
            reference=lambda gamma, beta, mean, var: [
                gamma / np.sqrt(var + 0.1),
                beta - mean * gamma / np.sqrt(var + 0.1),
            ],
        ),
    ],
)
def norm_factors(
    gamma: Annotated[Array, "Factor of each channel, (channels,)."],
    beta: Annotated[Array, "What is added to each channel, (channels,)."],
    mean: Annotated[Array, "Mean of each channel, (channels,)."],
    var: Annotated[Array, "Variance of each channel, (channels,)."],
    *,
    eps: Epsilon = 0.001,
    fix_gamma: Annotated[bool, "Whether gamma counts as 1."] = True,
    out: tuple[Array, Array],
) -> None:
    r"""Write a normalisation by known statistics as $s x + t$: $s = \gamma / \sqrt{v + \epsilon}$.

    And $t = \beta - s \mu$.
    """
    scale, shift = out
    np.add(var, var.dtype.type(eps), scale)
    np.sqrt(scale, scale)
    np.divide(1 if fix_gamma else gamma, scale, scale)
    np.multiply(mean, scale, shift)
    np.subtract(beta, shift, shift)


@norm_factors.shape
def _(s: Any) -> None:
    for _ in range(2):
        known = s.gamma
        for name in ("gamma", "beta", "mean", "var", "scale", "shift"):
            setattr(s, name, known)
            known = getattr(s, name)
        s.gamma = known


norm_factors.dtype(floats_only)


# ------------------------------------------------------------------------------------ the layers


@declare(
    name="_finished",
    kind="norm",
    cost=_cost(nothing),
    when=WHEN,
    samples=[
        Sample(((2, 3, 2, 2), (3,), (3,), (2, 3, 2, 2)), _ALL, reference=_followed),
        Sample(((2, 3), (3,)), {"scaled": False, "shifted": True}, reference=lambda x, t: x + t),
    ],
)
def finished(
    data: Samples,
    scale: Scale = None,
    shift: Shift = None,
    residual: Residual = None,
    *,
    scaled: Scaled = False,
    shifted: Shifted = False,
    added: Added = False,
    rectified: Rectified = False,
    out: Array,
) -> None:
    r"""Compute $\max(x\,s_c + t_c + r, 0)$ of what is there of it, piece by piece."""
    finish(out, scale, shift, residual, source=data, rectified=rectified)


@finished.steps
def _(inputs: Sequence[Array], outs: Sequence[Array], **params: Any) -> Any:
    return after(outs[0], {"source": inputs[0], **given(params, inputs[1:])})


@finished.shape
def _(s: Any, **params: Any) -> None:
    s.output = s.data
    s.data = s.output
    fit(s, params)


def fit(s: Any, params: Params) -> None:
    """Rule: what follows a product fits its output."""
    if params["added"]:
        s.residual = s.output
        s.output = s.residual
    if s.output is not None:
        s.scale = s.shift = (s.output[1],)


finished.dtype(floats_only)


@declare(
    name="_Convolution_finished",
    kind="layer",
    cost=_cost(Convolution.cost),
    when=WHEN,
    samples=[
        Sample(
            ((2, 2, 4, 3), (3, 2, 2, 3), (3,), (3,), (2, 3, 3, 1)),
            {"kernel": (2, 3), "num_filter": 3, **_ALL},
            reference=lambda x, w, *others: _followed(
                np.einsum("nchwij,fcij->nfhw", _sliding(x, (2, 3)), w), *others
            ),
        ),
    ],
)
def convolution_finished(
    data: Samples,
    weight: FilterWeight,
    scale: Scale = None,
    shift: Shift = None,
    residual: Residual = None,
    *,
    kernel: Kernel,
    stride: Stride = (),
    dilate: Dilate = (),
    pad: Pad = (),
    num_filter: Annotated[int, "Number of channels of the output.", Between(1)],
    num_group: Groups = 1,
    scaled: Scaled = False,
    shifted: Shifted = False,
    added: Added = False,
    rectified: Rectified = False,
    out: Array,
) -> None:
    """Convolve, and do what follows."""
    in_floats(correlate, data, weight, window(kernel, stride, dilate, pad), num_group, out=out)
    finish(out, scale, shift, residual, rectified=rectified)


def _sliding(data: Array, kernel: tuple[int, int]) -> Array:
    """Return NumPy's own windows."""
    return np.lib.stride_tricks.sliding_window_view(data, kernel, axis=(2, 3))


@convolution_finished.steps
def _(inputs: Sequence[Array], outs: Sequence[Array], **params: Any) -> Any:
    data, weight, *others = inputs
    (out,) = outs
    win = window(*(params[name] for name in ("kernel", "stride", "dilate", "pad")))
    product = partial(in_floats, correlate, out=out), (data, weight, win, params["num_group"])
    return [product, *after(out, given(params, others))]


@convolution_finished.shape
def _(s: Any, **params: Any) -> None:
    inputs = {"data": ["data"], "weight": ["weight"], "bias": []}
    as_forward(Convolution, s, {**params, "layout": None}, inputs, {"output": ["output"]})
    fit(s, params)


convolution_finished.dtype(floats_only)


@declare(
    name="_FullyConnected_finished",
    kind="layer",
    cost=_cost(FullyConnected.cost),
    when=WHEN,
    samples=[
        Sample(
            ((2, 3, 2), (4, 6), (4,), (4,), (2, 4)),
            {"num_hidden": 4, **_ALL},
            reference=lambda x, w, *others: _followed(x.reshape(2, 6) @ w.T, *others),
        ),
    ],
)
def fully_connected_finished(
    data: Samples,
    weight: Annotated[Array, "One row of weights for each output, (num_hidden, input size)."],
    scale: Scale = None,
    shift: Shift = None,
    residual: Residual = None,
    *,
    num_hidden: Annotated[int, "Number of features of the output.", Between(1)],
    scaled: Scaled = False,
    shifted: Shifted = False,
    added: Added = False,
    rectified: Rectified = False,
    out: Array,
) -> None:
    """Apply a linear map to each sample, laid flat, and do what follows."""
    _multiply(data, weight, out)
    finish(out, scale, shift, residual, rectified=rectified)


def _multiply(data: Array, weight: Array, out: Array) -> None:
    kernel: Any = FullyConnected.kernel
    kernel.function(data, weight, num_hidden=len(weight), flatten=True, out=out)


@fully_connected_finished.steps
def _(inputs: Sequence[Array], outs: Sequence[Array], **params: Any) -> Any:
    data, weight, *others = inputs
    (out,) = outs
    return [(_multiply, (data, weight, out)), *after(out, given(params, others))]


@fully_connected_finished.shape
def _(s: Any, **params: Any) -> None:
    inputs = {"data": ["data"], "weight": ["weight"], "bias": []}
    as_forward(FullyConnected, s, {**params, "flatten": True}, inputs, {"output": ["output"]})
    fit(s, params)


fully_connected_finished.dtype(floats_only)
