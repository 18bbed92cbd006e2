"""Where symbols begin: Variables, and groups of symbols."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from minisym.core.errors import ComposeError, ParamError
from minisym.core.naming import scoped_attrs
from minisym.core.node import Entry, Node
from minisym.core.op import NO_PARAMS
from minisym.core.origin import capture
from minisym.core.params import dtype_code, write
from minisym.core.symbol import Symbol


def Variable(
    name: str,
    attr: Mapping[str, str] | None = None,
    shape: Sequence[int] | None = None,
    lr_mult: float | None = None,
    wd_mult: float | None = None,
    dtype: Any = None,
    init: Any = None,
    stype: Any = None,
    **kwargs: str,
) -> Symbol:
    """Make a leaf: a name for an array that is bound later.

    Parameters
    ----------
    name
        Its name among the arguments.
    attr
        Attributes, all strings.
    shape, dtype
        What inference takes for it unless told otherwise.
    lr_mult, wd_mult
        Factors of learning rate and weight decay for this parameter.
    init
        An initializer, or its name, for this parameter.
    stype
        Storage type; only "default" is supported.
    **kwargs
        Further attributes, of the form `__name__`.

    Examples
    --------
    >>> from minisym import sym
    >>> sym.Variable("w", shape=(2, 3), lr_mult=2.0).list_attr()["__shape__"]
    '(2, 3)'
    """
    if not isinstance(name, str):
        raise ComposeError(
            f"a Variable's name must be a string, but got {name!r}", hint='as in Variable("data")'
        )
    attrs = scoped_attrs(attr)
    if shape is not None:
        attrs["__shape__"] = write(shape)
    if lr_mult is not None:
        attrs["__lr_mult__"] = str(lr_mult)
    if wd_mult is not None:
        attrs["__wd_mult__"] = str(wd_mult)
    if dtype is not None:
        attrs["__dtype__"] = str(dtype_code(dtype))
    if init is not None:
        attrs["__init__"] = init if isinstance(init, str) else init.dumps()
    if stype is not None:
        attrs["__storage_type__"] = "0" if stype in ("default", 0) else write(stype)
    for key, value in kwargs.items():
        if not (key.startswith("__") and key.endswith("__")):
            message = f"Variable {name!r}: there is no parameter {key!r}"
            raise ParamError(
                message, hint="further attributes are spelt __name__, or go into attr="
            )
        attrs[key] = str(value)
    kept = MappingProxyType(attrs) if attrs else NO_PARAMS
    return Symbol((Entry(Node(None, name, attrs=kept, origin=capture())),))


var = Variable


def Group(symbols: Iterable[Symbol]) -> Symbol:
    """Put the outputs of several symbols into one.

    >>> from minisym import sym
    >>> sym.Group([sym.Variable("a"), sym.Variable("b")]).list_outputs()
    ['a', 'b']
    """
    given: Any = symbols
    each: list[Any] = list(given) if isinstance(given, Iterable) else []
    if not each or not all(isinstance(symbol, Symbol) for symbol in each):
        message = f"Group takes a list of symbols, but got {symbols!r}"
        raise ComposeError(message)
    return Symbol(tuple(entry for symbol in each for entry in symbol.entries))
