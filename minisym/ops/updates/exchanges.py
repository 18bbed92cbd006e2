"""Exchanges between processes: what a node gives depends on what the other processes send.

`ms.parallel.data_parallel` puts them between gradients and updates, and `bind(..., comm=…)` gives
them the others. Bound without any, a process is alone: its vote is the outcome, and its mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Annotated, Any

import numpy as np

from minisym.core.cost import Dims
from minisym.core.declare import op
from minisym.core.ndarray import Array
from minisym.core.samples import Sample
from minisym.ops.updates.common import floating, sign

_SAMPLES = (np.array([1.0, -2, 0]), np.array([[-3.0], [0.5]]))


def _agreed(params: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"agreed{i}" for i in range(params["num_args"]))


def _elements(factor: int) -> Any:
    """Count so many for each element that is sent."""

    def rule(ins: Sequence[Dims], outs: Sequence[Dims], params: Mapping[str, Any]) -> int:
        return factor * sum(map(prod, ins))

    return rule


@op(
    name="_exchange_votes",
    kind="math",
    cost=_elements(1),
    sends=_elements(2),
    samples=[Sample(_SAMPLES, wrt=(), reference=lambda *args: tuple(map(np.sign, args)))],
    count="num_args",
    variadic="message",
    outputs=_agreed,
)
def exchange_votes(
    *messages: Annotated[Array, "What this process votes with, of any shape."],
    comm: Any,
    out: Array | tuple[Array, ...],
) -> None:
    r"""Return the signs that most processes have, $\mathrm{sign}(\sum_i \mathrm{sign}(x_i))$.

    It is `majority_vote` with one array from each process: 0 and NaN abstain, and a tie gives 0.
    All arrays travel in one message, a bit an element; a second bit travels where any process
    abstains. Every process gets the same bits.
    """
    outs = out if isinstance(out, tuple) else (out,)
    if comm is not None:
        comm.vote(messages, outs)
        return
    for message, agreed in zip(messages, outs, strict=True):
        agreed[...] = sign(message)


@op(
    name="_exchange_means",
    kind="math",
    cost=_elements(1),
    sends=_elements(64),
    samples=[Sample(_SAMPLES, wrt=(), reference=lambda *args: args)],
    count="num_args",
    variadic="message",
    outputs=_agreed,
)
def exchange_means(
    *messages: Annotated[Array, "What this process computed, of any shape."],
    comm: Any,
    out: Array | tuple[Array, ...],
) -> None:
    r"""Return the means over all processes, $\frac{1}{k} \sum_i x_i$.

    Terms are added in the order of the processes' numbers, so that every process gets the same
    bits.
    """
    outs = out if isinstance(out, tuple) else (out,)
    if comm is not None:
        comm.mean(messages, outs)
        return
    for message, agreed in zip(messages, outs, strict=True):
        agreed[...] = message


def _alike(s: Any) -> None:
    for i, (message, agreed) in enumerate(zip(s.inputs, s.outputs, strict=True)):
        s.set_output(i, message)
        s.set_input(i, agreed)


exchange_votes.shape(_alike)
exchange_means.shape(_alike)
exchange_votes.dtype(lambda t: floating(t, *t.names))
exchange_means.dtype(lambda t: floating(t, *t.names))
