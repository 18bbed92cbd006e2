"""What a Symbol can start, and the ops that are its methods, too.

The class itself (`minisym.core.symbol`) knows only what a symbol is; passes, executors, files and
pictures are built on it. So their functions become its methods from above, here, once, when
`minisym` is imported: `net.bind(…)` is `minisym.runtime.bind.bind(net, …)`. The other classes that
start something above them are given it here as well.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import cache
from types import MethodType
from typing import TYPE_CHECKING, Any, Final, NoReturn

from minisym.core import compose
from minisym.core.errors import NotForSymbolError
from minisym.core.functions import WRITTEN_HERE, function_of
from minisym.core.graph import Graph
from minisym.core.node import Entry, Node
from minisym.core.op import find
from minisym.core.symbol import Symbol
from minisym.formats import mxnet_json
from minisym.passes import answers, diff, gradient, surgery
from minisym.runtime import bind
from minisym.show import compare, debug, notebook
from minisym.show.html import page

if TYPE_CHECKING:
    from minisym.symbol._fluent import Fluent
else:
    Fluent = object  # the ops that are methods: `_fluent` is a stub only, made by scripts/stubs

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


def _op(symbol: Symbol, name: str) -> Callable[..., Symbol]:
    """Return an op as a method: `x.sum(axis=1)` is `sym.sum(x, axis=1)`."""
    if name in FLUENT and (method := _fluent(name)) is not None:
        return MethodType(method, symbol)
    if name in EAGER_ONLY:
        return MethodType(_eager(name), symbol)
    raise AttributeError(f"Symbol has no attribute {name!r}")


@cache
def _fluent(name: str) -> Callable[..., Symbol] | None:
    """Return the function of an op whose first argument is `self`, with signature and docstring."""
    called = "cast" if name == "astype" else name
    op = find(called)
    if called in WRITTEN_HERE:
        function = WRITTEN_HERE[called]
    elif op is not None:
        function = function_of(op, called)
    else:
        return None

    def method(self: Symbol, *args: Any, **kwargs: Any) -> Symbol:
        made: Symbol = function(self, *args, **kwargs)
        return made

    first, *rest = inspect.signature(function).parameters.values()
    of_all = first.kind is first.VAR_POSITIONAL
    parameters = [_SELF, first, *rest] if of_all else [_SELF, *rest]
    return _named(method, name, inspect.Signature(parameters, return_annotation=Symbol), function)


@cache
def _eager(name: str) -> Callable[..., NoReturn]:
    """Return the method that refuses what only an array can do."""

    def method(self: Symbol, *_: object, **__: object) -> NoReturn:
        raise NotForSymbolError(
            f"{name}() needs a value, and a symbol has not run yet",
            hint="bind it and run forward(), or use eval()",
        )

    method.__doc__ = "Refuse: a symbol has no values."
    return _named(method, name, inspect.signature(method), method)


_SELF: Final = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _named(
    method: Callable[..., Any],
    name: str,
    signature: inspect.Signature,
    documented: Callable[..., Any],
) -> Callable[..., Any]:
    """Let a function look like a method of this name in the class."""
    method.__name__, method.__qualname__ = name, f"{Symbol.__name__}.{name}"
    method.__module__, method.__doc__ = Symbol.__module__, documented.__doc__
    method.__signature__ = signature  # type: ignore[attr-defined]
    return method


def _names(symbol: Symbol) -> Iterator[str]:
    """List methods, and the ops that are methods."""
    return iter([*object.__dir__(symbol), *FLUENT])


def _reduced(symbol: Symbol) -> tuple[Any, ...]:
    """Pickle through JSON: a chain of any length, and no code."""
    return mxnet_json.load_json, (mxnet_json.tojson(symbol, remove_amp_cast=False),)


def _reduced_graph(graph: Graph) -> tuple[Any, ...]:
    """Pickle a graph as its symbol."""
    return Graph, (Symbol(graph.outputs),)


def _reduced_node(node: Node) -> tuple[Any, ...]:
    """Pickle a node with all that it depends on."""
    return _node_of, (Symbol((Entry(node),)),)


def _node_of(symbol: Symbol) -> Node:
    return symbol.entries[0].node


class Methods(Fluent):
    """The methods of a Symbol that stand above it."""

    # composing once more
    __call__ = compose.replace_variables
    _set_attr = compose.set_attributes
    replace = surgery.replace
    insert_after = surgery.insert_after
    remove = surgery.remove
    rewire = surgery.rewire
    subgraph = surgery.subgraph
    with_head = surgery.with_head
    rename = surgery.rename
    # what follows from what is known
    infer_shape = answers.infer_shape
    infer_shape_partial = answers.infer_shape_partial
    infer_type = answers.infer_type
    infer_type_partial = answers.infer_type_partial
    grad = gradient = gradient.grad
    # running
    simple_bind = bind.simple_bind
    eval = bind.evaluate
    bind = bind.bind
    # files
    tojson = mxnet_json.tojson
    save = mxnet_json.save
    # for the eye
    __str__ = notebook.text
    _repr_mimebundle_ = notebook.mimebundle
    to_html = page.to_html
    debug_str = debug.debug_str


def _give(cls: type, methods: dict[str, Any]) -> None:
    for name, method in methods.items():
        if not name.startswith("__") or callable(method):
            setattr(cls, name, method)


_give(Symbol, dict(vars(Methods)) | {"__getattr__": _op, "__dir__": _names, "__reduce__": _reduced})
_give(Graph, {"__reduce__": _reduced_graph})
_give(Node, {"__reduce__": _reduced_node})
_give(diff.Difference, {"_repr_mimebundle_": compare.mimebundle})
