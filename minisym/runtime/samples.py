"""Workers share a layer: each does some samples of the batch, from the first step to the last.

That is possible where a sample depends on that sample alone. The gradient of filters is a sum over
the samples: each worker has a sum of its own, and these are added. (Elementwise work is shared in
pieces of any size, see `pieces`.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain, pairwise
from math import prod
from typing import Final

import numpy as np

from minisym.core.kernels import Step
from minisym.core.ndarray import Array
from minisym.core.node import Node
from minisym.runtime.workers import Work, get_num_threads

SAMPLED: Final[Mapping[str, tuple[int, ...]]] = {
    "Convolution": (0,),
    "Deconvolution": (0,),
    "_Convolution_finished": (0, -1),
    "_Convolution_winograd": (0, -1),
    "_finished": (0, -1),
    "Pooling": (0,),
    "_pool_back": (0, 1, 2),
    "_correlate": (0, 2),
    "_scatter": (0, 2),
    "_correlate_filters": (0, 1),
}
"""Op -> the inputs whose first axis is the batch; the last one may be a residual."""
SUMMED: Final = frozenset({"_correlate_filters"})
"""Ops whose output is a sum over the samples."""
LEAST_WORK: Final = 1 << 24
"""So many operations are worth sharing,"""
LEAST_ELEMENTS: Final = 1 << 18
"""or so many elements, even if little is done to each."""

Make = Callable[[Sequence[Array], Sequence[Array]], Sequence[Step]]


def share_samples(
    node: Node, inputs: Sequence[Array], outs: Sequence[Array], make: Make
) -> list[Step] | None:
    """Return the one step in which workers share a node; None where one thread does it.

    `make` returns the steps from some inputs to some outputs.
    """
    number = get_num_threads()
    along = _along(node) if number > 1 else ()
    if not along or not _is_large(node, inputs, outs):
        return None
    batch = len(inputs[along[0]])
    number = min(number, batch)
    if number < 2:
        return None
    is_sum = node.op is not None and node.op.name in SUMMED
    ends = [batch * i // number for i in range(number + 1)]
    sums = [outs[0], *(np.empty_like(outs[0]) for _ in range(number - 1))] if is_sum else []
    parts = []
    for i, (first, end) in enumerate(pairwise(ends)):
        read = [a[first:end] if at in along else a for at, a in enumerate(inputs)]
        made = [sums[i]] if is_sum else [out[first:end] for out in outs]
        parts.append([(function, *arguments) for function, arguments in make(read, made)])
    then = [(np.add, outs[0], one, outs[0]) for one in sums[1:]]
    return [(Work(parts, then, blas=True).run, ())]


def _along(node: Node) -> tuple[int, ...]:
    """Return the inputs whose first axis is the batch."""
    op, count = node.op, len(node.inputs)
    assert op is not None
    found = SAMPLED.get(op.name)
    return tuple(i if i >= 0 else count - 1 for i in found or () if i >= 0 or node.params["added"])


def _is_large(node: Node, inputs: Sequence[Array], outs: Sequence[Array]) -> bool:
    shapes = [a.shape for a in inputs], [a.shape for a in outs]
    if max(prod(shape) for shape in chain(*shapes)) >= LEAST_ELEMENTS:
        return True
    cost = None if node.op is None else node.op.cost
    return cost is not None and cost(*shapes, node.params) >= LEAST_WORK
