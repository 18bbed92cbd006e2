"""From an op's record to the function that a user calls: true signature, true docstring.

`function_of(op, name)` makes the composing function of an op under one of its names (the automatic
node name follows the name as called). `maximum`, `minimum`, `hypot`, `power` and the sources
(`zeros`, `arange`, …) are written here because MXNet gives them signatures of their own.
"""

from __future__ import annotations

import inspect
import math
import numbers
import operator
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol, overload

from minisym.core.compose import compose
from minisym.core.errors import ComposeError, ParamError
from minisym.core.op import Op, get, is_own
from minisym.core.params import as_float
from minisym.core.symbol import Symbol
from minisym.core.words import docstring

_KEYWORD = inspect.Parameter.KEYWORD_ONLY
_EITHER = inspect.Parameter.POSITIONAL_OR_KEYWORD


def function_of(op: Op, called: str) -> Callable[..., Symbol]:
    """Return the composing function of an op, as called under this name.

    That of minisym's own ops is made once. An op of a user may be declared again, and is not kept.
    """
    return _kept(op, called) if is_own(op) else _made(op, called)


def _made(op: Op, called: str) -> Callable[..., Symbol]:
    hint = called.lower()

    def function(
        *args: Any, name: str | None = None, attr: Any = None, out: Any = None, **kwargs: Any
    ) -> Symbol:
        del out  # MXNet accepts and ignores it
        return compose(op, hint, args, kwargs, name, attr)

    function.__name__ = function.__qualname__ = called
    function.__module__ = "minisym.symbol"
    function.__doc__ = docstring(op)
    function.__signature__ = signature(op)  # type: ignore[attr-defined]
    function.op = op  # type: ignore[attr-defined]
    return function


_kept = cache(_made)


def signature(op: Op) -> inspect.Signature:
    """Return what the function takes: inputs, parameters, name and attr."""
    parameters = []
    for spec in op.inputs:
        if spec.variadic:
            parameters.append(inspect.Parameter("data", inspect.Parameter.VAR_POSITIONAL))
        else:
            parameters.append(
                inspect.Parameter(spec.name, _EITHER, default=None, annotation=Symbol | None)
            )
    kind = _KEYWORD if op.variadic else _EITHER
    # a parameter without default cannot follow inputs that have one, unless it is keyword-only
    for param in op.params.values():
        if param.required:
            kind = _KEYWORD
        default = inspect.Parameter.empty if param.required else param.default
        annotation = param.annotation
        if op.writes and param.is_float:
            annotation = float | Symbol
        parameters.append(
            inspect.Parameter(param.name, kind, default=default, annotation=annotation)
        )
    parameters += [
        inspect.Parameter("name", _KEYWORD, default=None, annotation=str | None),
        inspect.Parameter("attr", _KEYWORD, default=None, annotation=dict[str, str] | None),
    ]
    if op.choose is not None:  # whatever the op that it stands for takes
        rest = inspect.Parameter.VAR_KEYWORD
        parameters.append(inspect.Parameter("kwargs", rest, annotation=Any))
    return inspect.Signature(parameters, return_annotation=Symbol)


# ------------------------------------------------------- functions with signatures of their own


class TwoSided(Protocol):
    """A function of two symbols or numbers."""

    __name__: str

    @overload
    def __call__(self, lhs: float, rhs: float) -> float: ...
    @overload
    def __call__(self, lhs: Symbol, rhs: Symbol | float) -> Symbol: ...
    @overload
    def __call__(self, lhs: float, rhs: Symbol) -> Symbol: ...


_EXAMPLE = """

>>> from minisym import sym
>>> import numpy as np
>>> sym.{0}(sym.Variable("x"), 2.0).eval(x=np.array([1.5, 3.0]))
[NDArray([{1}])]
>>> sym.{0}(sym.Variable("x"), sym.Variable("y")).list_arguments()
['x', 'y']
"""


def _two_sided(
    name: str,
    op: str,
    scalar: str,
    rscalar: str,
    plain: Callable[[Any, Any], Any],
    doc: str,
    shown: str,
) -> TwoSided:
    """Make a function of two operands, each a symbol or a number."""

    def function(lhs: Any, rhs: Any) -> Any:
        left, right = isinstance(lhs, Symbol), isinstance(rhs, Symbol)
        for value in (lhs, rhs):
            if not isinstance(value, Symbol | numbers.Number):
                message = f"{name} takes symbols and numbers, but got {type(value).__name__}"
                raise ComposeError(message)
        if left and right:
            return function_of(get(op), op)(lhs, rhs)
        if left:
            return function_of(get(scalar), scalar)(lhs, scalar=rhs)
        if right:
            return function_of(get(rscalar), rscalar)(rhs, scalar=lhs)
        return plain(lhs, rhs)

    function.__name__ = function.__qualname__ = name
    function.__module__ = "minisym.symbol"
    function.__doc__ = doc + _EXAMPLE.format(name, shown)
    return function


maximum = _two_sided(
    "maximum", "_Maximum", "_MaximumScalar", "_MaximumScalar", max,
    "Return the elementwise maximum of two symbols or numbers; of two numbers, a number.",
    "2., 3.",
)  # fmt: skip
minimum = _two_sided(
    "minimum", "_Minimum", "_MinimumScalar", "_MinimumScalar", min,
    "Return the elementwise minimum of two symbols or numbers; of two numbers, a number.",
    "1.5, 2. ",
)  # fmt: skip
hypot = _two_sided(
    "hypot", "_Hypot", "_HypotScalar", "_HypotScalar", math.hypot,
    r"Return $\sqrt{x^2 + y^2}$ of two symbols or numbers; of two numbers, a number.",
    "2.5       , 3.60555128",
)  # fmt: skip
power = _two_sided(
    "power", "_Power", "_PowerScalar", "_RPowerScalar", operator.pow,
    "Return the first operand raised to the second; of two numbers, a number.",
    "2.25, 9.  ",
)  # fmt: skip


def pow(base: Any, exp: Any) -> Any:
    """Return `base` raised to `exp`; symbols or numbers, and of two numbers a number.

    >>> from minisym import sym
    >>> import numpy as np
    >>> sym.pow(2.0, sym.Variable("x")).eval(x=np.array([3.0, -1.0]))
    [NDArray([8. , 0.5])]
    """
    return power(base, exp)


def _call(op: str, /, *inputs: Any, **kwargs: Any) -> Symbol:
    """Compose an op whose user function has another signature than the op."""
    return function_of(get(op), op)(*inputs, **kwargs)


def zeros(shape: Any, dtype: Any = "float32", **kwargs: Any) -> Symbol:
    """Return an array of zeros.

    >>> from minisym import sym
    >>> sym.zeros((1, 2)).eval()
    [NDArray([[0., 0.]], dtype=float32)]
    """
    return _call("_zeros", shape=shape, dtype=dtype or "float32", **kwargs)


def ones(shape: Any, dtype: Any = "float32", **kwargs: Any) -> Symbol:
    """Return an array of ones.

    >>> from minisym import sym
    >>> sym.ones((1, 2)).eval()
    [NDArray([[1., 1.]], dtype=float32)]
    """
    return _call("_ones", shape=shape, dtype=dtype or "float32", **kwargs)


def full(shape: Any, val: float, dtype: Any = "float32", **kwargs: Any) -> Symbol:
    """Return an array filled with one value.

    >>> from minisym import sym
    >>> sym.full((2,), 7).eval()
    [NDArray([7., 7.], dtype=float32)]
    """
    return _call("_full", shape=shape, dtype=dtype or "float32", value=as_float(val), **kwargs)


def arange(
    start: float,
    stop: float | None = None,
    step: float = 1.0,
    repeat: int = 1,
    infer_range: bool = False,
    name: str | None = None,
    dtype: Any = "float32",
) -> Symbol:
    """Return evenly spaced values in [start, stop), each repeated; `arange(n)` starts at 0.

    >>> from minisym import sym
    >>> sym.arange(3).eval()
    [NDArray([0., 1., 2.], dtype=float32)]
    """
    return _call(
        "_arange",
        start=start,
        stop=stop,
        step=step,
        repeat=repeat,
        infer_range=infer_range,
        name=name,
        dtype=dtype or "float32",
    )


def linspace(
    start: float,
    stop: float,
    num: int,
    endpoint: bool = True,
    name: str | None = None,
    dtype: Any = "float32",
) -> Symbol:
    """Return evenly spaced values from start to stop; without `endpoint`, stop is left out.

    >>> from minisym import sym
    >>> sym.linspace(0, 1, 3).eval()
    [NDArray([0. , 0.5, 1. ], dtype=float32)]
    """
    return _call(
        "_linspace",
        start=start,
        stop=stop,
        num=num,
        endpoint=endpoint,
        name=name,
        dtype=dtype or "float32",
    )


def eye(N: int, M: int = 0, k: int = 0, dtype: Any = "float32", **kwargs: Any) -> Symbol:
    """Return a matrix of N rows and M columns (0: N) with ones on diagonal k.

    >>> from minisym import sym
    >>> sym.eye(2).eval()
    [NDArray([[1., 0.],
              [0., 1.]], dtype=float32)]
    """
    return _call("_eye", N=N, M=M, k=k, dtype=dtype or "float32", **kwargs)


def histogram(a: Symbol, bins: Any = 10, range: Any = None, **kwargs: Any) -> Symbol:
    """Count values in bins: a number of equal ones over a range, or a symbol of their edges.

    >>> from minisym import sym
    >>> import numpy as np
    >>> counts = sym.histogram(sym.Variable("x"), bins=2, range=(0, 4))[0]
    >>> counts.eval(x=np.array([0.5, 1.0, 3.0]))
    [NDArray([2, 1])]
    """
    if isinstance(bins, Symbol):
        return _call("_histogram", data=a, bins=bins, **kwargs)
    if not isinstance(bins, numbers.Integral) or isinstance(bins, bool):
        raise ParamError(f"histogram: bins must be an int or a Symbol, but got {bins!r}")
    if range is None:
        raise ParamError(
            "histogram: bins as a number need a range", hint="range=(low, high), known in advance"
        )
    return _call("_histogram", data=a, bin_cnt=bins, range=range, **kwargs)


def split_v2(
    ary: Symbol,
    indices_or_sections: int | tuple[int, ...],
    axis: int = 0,
    squeeze_axis: bool = False,
) -> Symbol:
    """Cut an array into a number of parts, or at the given indices.

    >>> from minisym import sym
    >>> sym.split_v2(sym.Variable("x"), (1, 3)).infer_shape(x=(4, 2))[1]
    [(1, 2), (2, 2), (1, 2)]
    """
    if isinstance(indices_or_sections, int):
        if indices_or_sections < 1:
            raise ParamError(f"split_v2: there are no {indices_or_sections} parts")
        indices: list[int] = []
        sections = indices_or_sections
    elif isinstance(indices_or_sections, tuple):
        indices, sections = [0, *indices_or_sections], 0  # a list, as in MXNet's files
    else:
        raise ParamError(
            f"split_v2: indices_or_sections must be an int or a tuple of ints, "
            f"but got {indices_or_sections!r}"
        )
    return _call(
        "_split_v2",
        ary,
        indices=indices,
        axis=axis,
        squeeze_axis=squeeze_axis,
        sections=sections,
    )


WRITTEN_HERE: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        *(maximum, minimum, hypot, power, pow),
        *(zeros, ones, full, arange, linspace, eye, histogram, split_v2),
    )
}
