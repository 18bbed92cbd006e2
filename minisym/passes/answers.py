"""What the inference methods of a Symbol answer: MXNet's lists, Nones and warnings."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minisym.core import shapes
from minisym.core.errors import ParamError, ShapeTypeError, count, did_you_mean, listed
from minisym.core.graph import Graph
from minisym.core.node import Entry, Node, names_of
from minisym.core.params import dtype_from_user
from minisym.core.symbol import Symbol
from minisym.passes.infer import Engine, infer
from minisym.passes.slots import DTYPES, SHAPES


def named(
    graph: Graph, args: Sequence[Any], kwargs: Mapping[str, Any], what: str
) -> dict[Node, Any]:
    """Match values given by position or by name with the Variables."""
    if not isinstance(kwargs, Mapping):
        message = f"{what}s are given as a dict by the names of arguments, but got {kwargs!r}"
        raise ParamError(message)
    if args and kwargs:
        message = f"give {what}s by position or by keyword, not both"
        raise ParamError(message, hint="keywords are safer: they are the arguments' names")
    if args:
        arguments = graph.arguments
        if len(args) > len(arguments):
            raise ParamError(
                f"{len(args)} {what}s were given for {count(len(arguments), 'argument')}",
                hint=f"in order: {listed([node.name for node in arguments], 12)}",
            )
        return {n: v for n, v in zip(arguments, args, strict=False) if v is not None}
    by_name: dict[str, list[Node]] = {}
    for node in graph.variables:
        by_name.setdefault(node.name, []).append(node)
    found = {}
    for name, value in kwargs.items():
        if name not in by_name:
            message = f"there is no argument {name!r} to give a {what} to"
            raise ParamError(message, hint=did_you_mean(name, by_name))
        if value is not None:
            found.update(dict.fromkeys(by_name[name], value))
    return found


def named_shapes(
    graph: Graph, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[Node, shapes.Shape]:
    """Match shapes in MXNet's notation with the Variables; they must be tuples."""
    known = named(graph, args, kwargs, "shape")
    for node, value in known.items():
        if not isinstance(value, tuple):
            message = f"the shape of {node.name} must be a tuple, but got {value!r}"
            raise ShapeTypeError(message, hint="write (n,) for a vector of n")
    return {n: shapes.from_user(v, f"the shape of {n.name}") for n, v in known.items()}


def infer_shape(symbol: Symbol, /, *args: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
    """Infer all shapes from some, both ways, to the fixed point.

    Shapes are given by argument name, or by position in the order of `list_arguments`. A dimension
    of 0 is unknown (-1 under `np_shape`).

    Returns
    -------
    (argument shapes, output shapes, auxiliary state shapes), each a list of tuples; or
    (None, None, None) with a warning where something stays unknown.

    Raises
    ------
    ShapeError
        Shapes contradict each other. The message has the table of the slots involved.

    Examples
    --------
    >>> from minisym import sym
    >>> net = sym.FullyConnected(sym.Variable("data"), num_hidden=3, name="fc")
    >>> net.infer_shape(data=(4, 2))
    ([(4, 2), (3, 2), (3,)], [(4, 3)], [])
    >>> net.infer_shape(data=(4, 0), fc_weight=(3, 2))
    ([(4, 2), (3, 2), (3,)], [(4, 3)], [])
    """
    return _infer_shape(symbol, args, kwargs, partial=False)


def infer_shape_partial(symbol: Symbol, /, *args: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
    """Infer what can be inferred; unknown dimensions are 0, unknown ranks ()."""
    return _infer_shape(symbol, args, kwargs, partial=True)


def infer_type(symbol: Symbol, /, *args: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
    """Infer all element types from some; returns lists of NumPy types, or three Nones.

    >>> from minisym import sym
    >>> net = sym.FullyConnected(sym.Variable("data"), num_hidden=3, name="fc")
    >>> net.infer_type(data="float16")[1]
    [<class 'numpy.float16'>]
    """
    return _infer_type(symbol, args, kwargs, partial=False)


def infer_type_partial(symbol: Symbol, /, *args: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
    """Infer the element types that can be inferred; the others are None."""
    return _infer_type(symbol, args, kwargs, partial=True)


def _infer_shape(
    symbol: Symbol, args: Sequence[Any], kwargs: Mapping[str, Any], *, partial: bool
) -> tuple[Any, Any, Any]:
    known = named_shapes(symbol.graph, args, kwargs)
    engine = infer(symbol.graph, known, source="given to infer_shape")
    return _answer(symbol, engine, shapes.to_user, partial=partial)


def _infer_type(
    symbol: Symbol, args: Sequence[Any], kwargs: Mapping[str, Any], *, partial: bool
) -> tuple[Any, Any, Any]:
    known = named(symbol.graph, args, kwargs, "type")
    types = {n: dtype_from_user(v, f"the type of {n.name}") for n, v in known.items()}
    engine = infer(symbol.graph, types, DTYPES, source="given to infer_type")
    return _answer(symbol, engine, lambda d: None if d is None else d.type, partial=partial)


def _answer(
    symbol: Symbol, engine: Engine, translate: Callable[[Any], Any], *, partial: bool
) -> tuple[Any, Any, Any]:
    graph, known = engine.graph, engine.kind.known
    auxiliary = graph.auxiliary
    variables = graph.variables
    groups = (
        [engine[Entry(node)] for node in variables if node not in auxiliary],
        [engine[entry] for entry in symbol.entries],
        [engine[Entry(node)] for node in variables if node in auxiliary],
    )
    if not partial and not all(known(value) for values in groups for value in values):
        unknown = [
            f"{node.name} {engine.kind.show(engine[Entry(node)])}"
            for node in variables
            if not known(engine[Entry(node)])
        ]
        open_ = names_of(e for e in symbol.entries if not known(engine[e]))
        words = listed(unknown, 8) or f"the outputs {listed(open_, 8)}"
        advice = "call the _partial form to see what is known"
        if engine.kind is SHAPES:
            advice = "ms.explain_shapes says why, and what would settle it"
        warnings.warn(f"cannot decide the {engine.kind.noun} of {words}; {advice}", stacklevel=4)
        return None, None, None
    arguments, outputs, states = ([translate(value) for value in values] for values in groups)
    return arguments, outputs, states
