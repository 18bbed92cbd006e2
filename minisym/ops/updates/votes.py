r"""What workers agree on, in one graph: votes and means of what each of them computed.

`ms.parallel.simulate` composes them. Each says how many bits such an exchange would send between
machines, all workers together, there and back; `ms.summary` and pictures add that up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import Dims
from minisym.core.declare import op
from minisym.core.ndarray import Array
from minisym.core.op import OF_UPDATES
from minisym.core.samples import Sample
from minisym.ops.updates.common import floating, signs

_VOTES = (np.array([1.0, 2, -3, 0]), np.array([-4.0, 1, -1, 0]), np.array([5.0, 0, 2, -1]))


def _two_bits(ins: Sequence[Dims], outs: Sequence[Dims], params: Mapping[str, Any]) -> int:
    """Count a bit for each element on the way to the vote, and one on the way back."""
    return 2 * len(ins) * prod(outs[0])


def _bits(ins: Sequence[Dims], outs: Sequence[Dims], params: Mapping[str, Any]) -> int:
    return round(float(params["bits"]) * len(ins) * prod(outs[0]))


@op(
    kind="math",
    count="num_args",
    variadic="worker",
    elementwise=True,
    sends=_two_bits,
    samples=(
        Sample(_VOTES, reference=lambda a, b, c: np.sign(np.sign(a) + np.sign(b) + np.sign(c))),
        Sample(_VOTES[:2], reference=lambda a, b: np.sign(np.sign(a) + np.sign(b))),
        Sample(((2, 3),), reference=np.sign),
    ),
    no_onnx=OF_UPDATES,
)
def majority_vote(*args: Annotated[Array, "What one worker votes with."], out: Array) -> None:
    r"""Return the sign that most arrays have, $\mathrm{sign}(\sum_i \mathrm{sign}(x_i))$.

    Each worker's element votes with its sign; 0, -0.0 and NaN abstain, and a tie gives 0. So the
    vote of one worker is its sign, and the order of the workers does not matter.

    References
    ----------
    Bernstein et al., "signSGD with Majority Vote is Communication Efficient And Fault Tolerant",
    arXiv:1810.05291.

    Examples
    --------
    >>> import numpy as np
    >>> from minisym import sym
    >>> vote = sym.majority_vote(sym.Variable("a"), sym.Variable("b"), sym.Variable("c"))
    >>> vote.eval(a=np.array([3.0, -1.0]), b=np.array([-0.1, -1.0]), c=np.array([0.2, 9.0]))
    [NDArray([ 1., -1.])]
    """
    total = np.zeros(out.shape, np.int32)
    for votes in args:
        total += signs(votes)
    out[...] = signs(total)


@op(
    kind="math",
    count="num_args",
    variadic="worker",
    elementwise=True,
    sends=_bits,
    samples=(
        Sample(_VOTES, reference=lambda a, b, c: (a + b + c) / 3),
        Sample(((2, 3),), {"bits": 1.0}, reference=lambda a: a),
    ),
    no_onnx=OF_UPDATES,
)
def worker_mean(
    *args: Annotated[Array, "What one worker computed."],
    bits: Annotated[float, "Bits that an element takes for each worker, there and back."] = 64.0,
    out: Array,
) -> None:
    r"""Return the mean of arrays of one shape, $\frac{1}{k} \sum_i x_i$.

    Examples
    --------
    >>> import numpy as np
    >>> from minisym import sym
    >>> mean = sym.worker_mean(sym.Variable("a"), sym.Variable("b"))
    >>> mean.eval(a=np.array([1.0]), b=np.array([4.0]))
    [NDArray([2.5])]
    """
    np.divide(sum(args[1:], start=args[0]), out.dtype.type(len(args)), out=out)


def _floats(t: Any) -> None:
    floating(t, *t.names)


majority_vote.dtype(_floats)
worker_mean.dtype(_floats)
