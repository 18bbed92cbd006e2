"""Numbers that follow each other: where the bits stay, `x * 2 * 4` is `x * 8`.

Floating point rounds after each operation, so that most chains are left alone. What is joined:

* sums, differences and products of integers, which wrap around in any case,
* products with powers of two of at least 1: they round nothing, and overflow alike,
* maxima with maxima, and minima with minima.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import frexp
from typing import Any, Final

import numpy as np

from minisym.core.node import Entry, Node
from minisym.core.op import get
from minisym.passes.purpose import Purpose
from minisym.passes.simplify.pinned import follow_each_other, read_once, with_params, written
from minisym.passes.typed import Typed

Found = tuple[str, float] | None
"""The op and the number that do what two do, one after the other."""
Rule = Callable[[float, float, np.dtype[Any]], Found]


def _product(one: float, two: float, dtype: np.dtype[Any]) -> Found:
    if dtype.kind == "f" and not (_only_scales(one) and _only_scales(two)):
        return None
    return "_mul_scalar", one * two


def _sum(one: float, two: float, dtype: np.dtype[Any]) -> Found:
    if dtype.kind == "f":
        return None
    return ("_plus_scalar", one + two) if one + two >= 0 else ("_minus_scalar", -one - two)


def _larger(one: float, two: float, dtype: np.dtype[Any]) -> Found:
    return ("_maximum_scalar", max(one, two)) if one and two else None  # 0.0 and -0.0 are equal


def _smaller(one: float, two: float, dtype: np.dtype[Any]) -> Found:
    return ("_minimum_scalar", min(one, two)) if one and two else None


CHAINS: Final[Mapping[tuple[str, str], Rule]] = {
    ("_mul_scalar", "_mul_scalar"): _product,
    ("_plus_scalar", "_plus_scalar"): _sum,
    ("_plus_scalar", "_minus_scalar"): lambda one, two, dtype: _sum(one, -two, dtype),
    ("_minus_scalar", "_plus_scalar"): lambda one, two, dtype: _sum(-one, two, dtype),
    ("_minus_scalar", "_minus_scalar"): lambda one, two, dtype: _sum(-one, -two, dtype),
    ("_maximum_scalar", "_maximum_scalar"): _larger,
    ("_minimum_scalar", "_minimum_scalar"): _smaller,
}
"""Two ops, one behind the other, and what is to be asked of their numbers."""

_OPS: Final = frozenset(name for pair in CHAINS for name in pair)


def join_scalars(typed: Typed, purpose: Purpose) -> Typed:
    """Let one operation with a number take the place of two that follow each other."""
    del purpose  # what holds here holds in every run
    if not follow_each_other(typed, _OPS):
        return typed
    busy, once = written(typed), read_once(typed)

    def change(node: Node, inputs: tuple[Entry, ...]) -> Node:
        new = node.reading(inputs)
        rule = _rule(node, inputs)
        if rule is None or node.inputs[0] not in once:
            return new
        first, dtype = inputs[0].node, typed.dtypes[Entry(node)]
        source = first.inputs[0]
        numbers = float(first.params["scalar"]), float(new.params["scalar"])
        if source.node in busy or not all(_is_exact(number, dtype) for number in numbers):
            return new
        found = rule(*numbers, dtype)
        if found is None or not _is_exact(found[1], dtype):
            return new
        return with_params(new, get(found[0]), (source,), scalar=found[1])

    return typed.substitute({}, change)


def _rule(node: Node, inputs: tuple[Entry, ...]) -> Rule | None:
    first = inputs[0].node.op if inputs else None
    if node.op is None or first is None:
        return None
    return CHAINS.get((first.name, node.op.name))


def _only_scales(number: float) -> bool:
    """Return whether a number is a power of two of at least 1, or minus one."""
    return abs(frexp(number)[0]) == 0.5 and abs(number) >= 1


def _is_exact(number: float, dtype: np.dtype[Any]) -> bool:
    """Return whether a type has this number."""
    if dtype.kind == "f":
        return abs(number) <= float(np.finfo(dtype).max) and float(dtype.type(number)) == number
    if dtype.kind not in "iu" or number != int(number):
        return False
    range_ = np.iinfo(dtype)
    return max(range_.min, -(2**53)) <= number <= min(range_.max, 2**53)
