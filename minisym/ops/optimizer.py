r"""Updates: ops that overwrite a weight (and their states) with the values of the next step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import numpy as np

from minisym.define import Array, op
from minisym.samples import Sample

Float = float | Array
"""A float parameter: a number, or a 0-d array that the graph computes in each run."""


@op(writes=("weight",), elementwise=True, samples=[Sample(((2, 3), (2, 3)), {"lr": 0.1})])
def signsgd_update(
    weight: Array,
    grad: Array,
    *,
    lr: Annotated[float, "Learning rate."],
    wd: Annotated[float, "Weight decay: each step shrinks the weight by lr * wd of itself."] = 0.0,
    rescale_grad: Annotated[float, "grad = rescale_grad * grad: only its sign matters here."] = 1.0,
    clip_gradient: Annotated[float, "Accepted; clipping cannot change a sign."] = -1.0,
    out: Array,
) -> None:
    r"""Step against the sign of the gradient, $w \leftarrow (1 - \eta\lambda)\, w - \eta\, \operatorname{sign} g$."""
    typed = weight.dtype.type
    sign = (grad > 0).astype(typed) - (grad < 0).astype(typed)
    out[...] = typed(1 - lr * wd) * weight - typed(lr) * sign
