"""How much arithmetic an op does: a rule that its declaration names.

A rule takes the shapes of inputs and outputs, and the parameters, and returns a number of floating
point operations. A multiplication and the addition of its product are two operations, as everywhere
in this field. An elementwise function is one for each element, whatever the function is; moving
data is none. Ops that do an amount of work which depends on the values (sorting, sampling) are
counted by elements.

>>> each(3)([(2, 2)], [(2, 2)], {})
12
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isqrt, prod
from typing import Any

Dims = tuple[int, ...]
Params = Mapping[str, Any]
Cost = Callable[[Sequence[Dims], Sequence[Dims], Params], int]
"""From the shapes of inputs and outputs, and the parameters, to a number of operations."""


def nothing(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count nothing: it only moves data, or makes them."""
    return 0


def each(factor: int) -> Cost:
    """Count so many operations for each element of the first output."""
    return lambda ins, outs, params: factor * prod(outs[0])


def each_input(factor: int) -> Cost:
    """Count so many operations for each element of the first input; without one, of the output."""
    return lambda ins, outs, params: factor * prod((ins or outs)[0])


def product(a: Dims, b: Dims, c: Dims, batch: int = 1) -> int:
    """Count two operations for each term: m k n is the root of the product of the three sizes."""
    return 2 * isqrt(prod(a) * prod(b) * prod(c) // max(1, batch))


def dense(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count a layer whose weights are (outputs, inputs), with or without a bias."""
    bias = prod(outs[0]) if len(ins) > 2 else 0
    return 2 * prod(outs[0]) * ins[1][1] + bias


def each_product(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count the products of two stacks of matrices."""
    return product(ins[0], ins[1], outs[0], prod(ins[0][:-2]))


def pool(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count one operation for each element of each window."""
    if params.get("global_pool"):
        return prod(ins[0])
    return prod(outs[0]) * prod(params.get("kernel") or (1,))


def cubic(ins: Sequence[Dims], outs: Sequence[Dims], params: Params) -> int:
    """Count a factorization of n×n matrices, in the order of n³ each."""
    return prod(ins[0]) * (ins[0][-1] if ins[0] else 1)


def filters(weight: Callable[[Sequence[Dims], Sequence[Dims]], Dims], output: int) -> Cost:
    """Count two operations for each weight at each place that the input `output` has."""
    return lambda ins, outs, params: 2 * prod(ins[output]) * prod(weight(ins, outs)[1:])
