"""Ops that are methods of a Symbol, too: `x.sum(axis=1)` is `sym.sum(x, axis=1)`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, NoReturn

from minisym.errors import NotForSymbolError
from minisym.op import find
from minisym.symbol.functions import WRITTEN_HERE, function_of
from minisym.symbol.symbol import Symbol

_NAMES = """
    abs arccos arccosh arcsin arcsinh arctan arctanh argmax argmax_channel argmin argsort astype
    broadcast_axes broadcast_like broadcast_to cbrt ceil clip cos cosh degrees depth_to_space diag
    exp expand_dims expm1 fix flatten flip floor log log10 log1p log2 log_softmax max mean min
    nanprod nansum norm one_hot ones_like pad pick prod radians rcbrt reciprocal relu repeat reshape
    reshape_like rint round rsqrt shape_array sigmoid sign sin sinh size_array slice slice_axis
    slice_like softmax softmin sort space_to_depth split split_v2 sqrt square squeeze sum swapaxes
    take tan tanh tile topk transpose trunc zeros_like
"""
FLUENT: Final = frozenset(_NAMES.split())
"""The names that MXNet's symbols have as methods."""

_EAGER = "asnumpy asscalar copy as_in_context detach backward wait_to_read"
EAGER_ONLY: Final = frozenset(_EAGER.split())
"""Methods of arrays, which a symbol can only refuse."""


def method_of(symbol: Symbol, name: str) -> Callable[..., Symbol]:
    """Return an op as a method of a symbol."""
    if name in FLUENT:
        called = "cast" if name == "astype" else name
        op = find(called)
        if called in WRITTEN_HERE:
            return partial(WRITTEN_HERE[called], symbol)
        if op is not None:
            return partial(function_of(op, called), symbol)
    if name in EAGER_ONLY:
        return partial(_refuse, name)
    raise AttributeError(f"Symbol has no attribute {name!r}")


def _refuse(name: str, *_: object, **__: object) -> NoReturn:
    raise NotForSymbolError(
        f"{name}() needs a value, and a symbol has not run yet",
        hint="bind it and run forward(), or use eval()",
    )
